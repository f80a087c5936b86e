//! One batch: waiting events become entries, chains, tiles and a checkpoint's size and root, all in one transaction.

use std::time::Duration;

use auditlog::{Entry, Event, Hash};
use tokio_postgres::{Row, Transaction};
use uuid::Uuid;

use super::sealer::{LogError, Sealed, Sealer, Term, lease_s};
use super::state::{Chains, Head, signed, unsigned};
use super::{epoch_of, origin};

/// Most events of one batch.
const BATCH_EVENTS_MAX: i64 = 4_096;
/// Longest time without a mark, in seconds.
const HEARTBEAT_S: u64 = 60;

/// The log's row, locked.
struct Locked {
    epoch: i32,
    size: i64,
    peaks: Vec<u8>,
    since_seal: Duration,
}

/// What is inserted into `audit.sealed`.
#[derive(Default)]
struct Places {
    index: Vec<i64>,
    tenant: Vec<Uuid>,
    event: Vec<Uuid>,
    seq: Vec<i64>,
    prev: Vec<Vec<u8>>,
    leaf: Vec<Vec<u8>>,
    instance: Vec<Uuid>,
    period: Vec<i64>,
}

impl Sealer {
    /// Seals up to 4,096 waiting events, or, when none waits and a minute has passed, makes a mark only. A batch of 0
    /// events and size 0 means that there was nothing to do.
    ///
    /// # Errors
    /// [`LogError::Fenced`] if the turn was lost; then nothing was changed.
    pub async fn seal(&self, term: &mut Term) -> Result<Sealed, LogError> {
        let fence = term.fence;
        let tx = term.client.transaction().await?;
        let locked = lock(&tx, fence).await?;
        let now_ms = self.clock.now_unix_ms();
        let rows = tx
            .query(
                "SELECT id, tenant, event_id, leaf, entry,
                    greatest(extract(epoch FROM clock_timestamp() - recorded_at) * 1000, 0)::bigint
                 FROM audit.pending ORDER BY id LIMIT $1",
                &[&BATCH_EVENTS_MAX],
            )
            .await?;
        if rows.is_empty() && locked.size > 0 && locked.since_seal < Duration::from_secs(HEARTBEAT_S) {
            renew(&tx, fence).await?;
            tx.commit().await?;
            return Ok(Sealed::default());
        }
        let mut head = self.open_epoch(&tx, &locked, now_ms).await?;
        let events = add_events(&tx, &mut head, &rows).await?;
        let mark = Entry::Seal { time_ms: now_ms, fence: unsigned(fence), events };
        head.push(&mark.encode())?;
        head.write(&tx).await?;
        let (size, root) = (head.frontier.size(), head.frontier.root());
        tx.execute(
            "UPDATE audit.log SET epoch = $1, size = $2, peaks = $3, last_seal_at = clock_timestamp(),
                lease_until = clock_timestamp() + $4 * interval '1 second' WHERE fence = $5",
            &[&head.epoch, &signed(size), &head.frontier.peaks().concat(), &f64::from(lease_s()), &fence],
        )
        .await?;
        tx.execute(
            "INSERT INTO audit.checkpoint (epoch, size, root) VALUES ($1, $2, $3)",
            &[&head.epoch, &signed(size), &root.as_slice()],
        )
        .await?;
        tx.commit().await?;
        let oldest_ms = rows.first().map_or(0, |row| unsigned(row.get(5)));
        Ok(Sealed { events, size, oldest_ms })
    }

    /// The log of the year, begun with where the last one ended if this is a new one.
    async fn open_epoch(&self, tx: &Transaction<'_>, locked: &Locked, now_ms: u64) -> Result<Head, LogError> {
        let year = epoch_of(now_ms);
        // A clock that jumps back over New Year does not open last year's log again.
        if locked.size > 0 && year <= locked.epoch {
            return Head::read(tx, (locked.epoch, unsigned(locked.size), &locked.peaks)).await;
        }
        let mut head = Head::read(tx, (year, 0, &[])).await?;
        let last = Head::read(tx, (locked.epoch, unsigned(locked.size), &locked.peaks)).await?;
        let before = origin(self.region, self.shard, locked.epoch);
        let (size, root) = (last.frontier.size(), last.frontier.root());
        if size > 0 {
            // What came of tallies behind the year's last mark is in its end, too, which the first entry of the new one states.
            tx.execute(
                "INSERT INTO audit.checkpoint (epoch, size, root) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
                &[&locked.epoch, &locked.size, &root.as_slice()],
            )
            .await?;
        }
        let first = if size == 0 {
            Entry::Epoch { origin: "", size: 0, root: [0; 32] }
        } else {
            Entry::Epoch { origin: &before, size, root }
        };
        head.push(&first.encode())?;
        Ok(head)
    }

    /// Writes what came of comparing one tally into the log itself, so that it cannot be taken back.
    pub(super) async fn append(
        &self,
        term: &mut Term,
        entry: &[u8],
        (instance, period, verdict): (Uuid, u64, &str),
    ) -> Result<(), LogError> {
        let fence = term.fence;
        let tx = term.client.transaction().await?;
        let locked = lock(&tx, fence).await?;
        let mut head = self.open_epoch(&tx, &locked, self.clock.now_unix_ms()).await?;
        head.push(entry)?;
        head.write(&tx).await?;
        tx.execute(
            "UPDATE audit.log SET epoch = $1, size = $2, peaks = $3 WHERE fence = $4",
            &[&head.epoch, &signed(head.frontier.size()), &head.frontier.peaks().concat(), &fence],
        )
        .await?;
        tx.execute(
            "INSERT INTO audit.tally (instance, period, verdict) VALUES ($1, $2, $3)",
            &[&instance, &signed(period), &verdict],
        )
        .await?;
        tx.commit().await?;
        Ok(())
    }
}

/// Locks the log's row, if the turn is still this sealer's.
async fn lock(tx: &Transaction<'_>, fence: i64) -> Result<Locked, LogError> {
    let row = tx
        .query_opt(
            "SELECT epoch, size, peaks,
                greatest(extract(epoch FROM clock_timestamp() - last_seal_at) * 1000, 0)::bigint
             FROM audit.log WHERE fence = $1 FOR UPDATE",
            &[&fence],
        )
        .await?
        .ok_or(LogError::Fenced)?;
    let since_seal = Duration::from_millis(unsigned(row.get(3)));
    Ok(Locked { epoch: row.get(0), size: row.get(1), peaks: row.get(2), since_seal })
}

async fn renew(tx: &Transaction<'_>, fence: i64) -> Result<(), LogError> {
    tx.execute(
        "UPDATE audit.log SET lease_until = clock_timestamp() + $1 * interval '1 second' WHERE fence = $2",
        &[&f64::from(lease_s()), &fence],
    )
    .await?;
    Ok(())
}

/// Turns the rows into entries in their clinics' chains.
async fn add_events(tx: &Transaction<'_>, head: &mut Head, rows: &[Row]) -> Result<u64, LogError> {
    if rows.is_empty() {
        return Ok(0);
    }
    let tenants: Vec<Uuid> = rows.iter().map(|row| row.get(1)).collect();
    let mut chains = Chains::read(tx, &tenants).await?;
    let mut places = Places::default();
    for row in rows {
        let (tenant, event_id, event): (Uuid, Uuid, &[u8]) = (row.get(1), row.get(2), row.get(4));
        let (seq, prev) = chains.next(tenant);
        let entry = Entry::Event { tenant: *tenant.as_bytes(), tenant_seq: seq, tenant_prev: prev, event };
        let (index, leaf) = head.push(&entry.encode())?;
        chains.set(tenant, seq, leaf);
        places.add((index, seq), (tenant, event_id), &prev, (row.get(3), event));
    }
    chains.write(tx).await?;
    places.write(tx, head.epoch).await?;
    let ids: Vec<i64> = rows.iter().map(|row| row.get(0)).collect();
    tx.execute("DELETE FROM audit.pending WHERE id = ANY ($1)", &[&ids]).await?;
    u64::try_from(rows.len()).map_err(|_large| LogError::Damaged)
}

impl Places {
    fn add(
        &mut self,
        (index, seq): (u64, u64),
        (tenant, event): (Uuid, Uuid),
        prev: &Hash,
        (leaf, bytes): (&[u8], &[u8]),
    ) {
        // Bytes that are no event were put there by somebody else; they are sealed all the same, and the verifier says so.
        let (instance, period) =
            Event::decode(bytes).map_or(([0; 16], 0), |event| (event.instance, event.period));
        self.index.push(signed(index));
        self.tenant.push(tenant);
        self.event.push(event);
        self.seq.push(signed(seq));
        self.prev.push(prev.to_vec());
        self.leaf.push(leaf.to_vec());
        self.instance.push(Uuid::from_bytes(instance));
        self.period.push(signed(period));
    }

    async fn write(&self, tx: &Transaction<'_>, epoch: i32) -> Result<(), LogError> {
        tx.execute(
            "INSERT INTO audit.sealed
                (epoch, leaf_index, tenant, event_id, tenant_seq, tenant_prev, leaf, instance, period)
             SELECT $1::integer, * FROM unnest($2::bigint[], $3::uuid[], $4::uuid[], $5::bigint[], $6::bytea[], $7::bytea[],
                $8::uuid[], $9::bigint[])
             ON CONFLICT (event_id) DO NOTHING",
            &[
                &epoch, &self.index, &self.tenant, &self.event, &self.seq, &self.prev, &self.leaf, &self.instance,
                &self.period,
            ],
        )
        .await?;
        Ok(())
    }
}
