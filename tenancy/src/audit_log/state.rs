//! The log's head as the database has it, read and written inside one fenced transaction.

use auditlog::{Bundle, Frontier, Hash, TILE_WIDTH, leaf_hash, tile_root};
use std::collections::{BTreeMap, HashMap};
use tokio_postgres::Transaction;
use uuid::Uuid;

use super::sealer::LogError;

/// Most levels of tiles; eight of them hold 2^64 entries.
pub(super) const LEVELS_MAX: i32 = 8;

/// The log while one batch is added to it.
pub(super) struct Head {
    pub(super) epoch: i32,
    pub(super) frontier: Frontier,
    /// Tiles that the batch touches, by level and number.
    tiles: BTreeMap<(i32, u64), Vec<Hash>>,
    /// Bundles that the batch touches.
    bundles: BTreeMap<u64, Bundle>,
}

impl Head {
    /// Reads the head of `epoch`, with the unfinished tile of each level and the unfinished bundle.
    pub(super) async fn read(
        tx: &Transaction<'_>,
        (epoch, size, peaks): (i32, u64, &[u8]),
    ) -> Result<Self, LogError> {
        let frontier = Frontier::from_parts(size, hashes(peaks)).ok_or(LogError::Damaged)?;
        let (mut tiles, mut bundles) = (BTreeMap::new(), BTreeMap::new());
        let mut below = size;
        for level in 0..LEVELS_MAX {
            let (n, width) = (below / TILE_WIDTH, below % TILE_WIDTH);
            if width > 0 {
                let found = tx
                    .query_opt(
                        "SELECT hashes FROM audit.tile WHERE epoch = $1 AND level = $2 AND n = $3",
                        &[&epoch, &level, &signed(n)],
                    )
                    .await?
                    .ok_or(LogError::Damaged)?;
                tiles.insert((level, n), hashes(found.get(0)));
            }
            below = n;
        }
        if !size.is_multiple_of(TILE_WIDTH) {
            let found = tx
                .query_opt(
                    "SELECT entries FROM audit.bundle WHERE epoch = $1 AND n = $2",
                    &[&epoch, &signed(size / TILE_WIDTH)],
                )
                .await?
                .ok_or(LogError::Damaged)?;
            bundles.insert(size / TILE_WIDTH, Bundle::from_bytes(found.get(0)));
        }
        Ok(Self { epoch, frontier, tiles, bundles })
    }

    /// Adds an entry; says where it is and what its leaf is.
    pub(super) fn push(&mut self, entry: &[u8]) -> Result<(u64, Hash), LogError> {
        let index = self.frontier.size();
        let leaf = leaf_hash(entry);
        let bundle = self.bundles.entry(index / TILE_WIDTH).or_default();
        bundle.push(entry).map_err(|_large| LogError::Damaged)?;
        let (mut place, mut carry) = (index, Some(leaf));
        for level in 0..LEVELS_MAX {
            let Some(hash) = carry.take() else { break };
            let tile = self.tiles.entry((level, place / TILE_WIDTH)).or_default();
            tile.push(hash);
            place /= TILE_WIDTH;
            if u64::try_from(tile.len()).unwrap_or(u64::MAX) == TILE_WIDTH {
                carry = Some(tile_root(tile));
            }
        }
        self.frontier.push(leaf);
        Ok((index, leaf))
    }

    /// Writes what changed.
    pub(super) async fn write(&self, tx: &Transaction<'_>) -> Result<(), LogError> {
        for ((level, n), hashes) in &self.tiles {
            tx.execute(
                "INSERT INTO audit.tile (epoch, level, n, hashes) VALUES ($1, $2, $3, $4)
                 ON CONFLICT (epoch, level, n) DO UPDATE SET hashes = excluded.hashes",
                &[&self.epoch, level, &signed(*n), &hashes.concat()],
            )
            .await?;
        }
        for (n, bundle) in &self.bundles {
            tx.execute(
                "INSERT INTO audit.bundle (epoch, n, entries) VALUES ($1, $2, $3)
                 ON CONFLICT (epoch, n) DO UPDATE SET entries = excluded.entries",
                &[&self.epoch, &signed(*n), &bundle.as_bytes()],
            )
            .await?;
        }
        Ok(())
    }
}

/// The heads of the clinics' chains that a batch goes on with.
#[derive(Default)]
pub(super) struct Chains(HashMap<Uuid, (u64, Hash)>);

impl Chains {
    pub(super) async fn read(tx: &Transaction<'_>, tenants: &[Uuid]) -> Result<Self, LogError> {
        let rows = tx
            .query("SELECT tenant, seq, head FROM audit.chain WHERE tenant = ANY ($1)", &[&tenants])
            .await?;
        let mut chains = HashMap::new();
        for row in rows {
            let head = row.get::<_, &[u8]>(2).try_into().map_err(|_length| LogError::Damaged)?;
            let seq = u64::try_from(row.get::<_, i64>(1)).map_err(|_negative| LogError::Damaged)?;
            chains.insert(row.get::<_, Uuid>(0), (seq, head));
        }
        Ok(Self(chains))
    }

    /// The number and the predecessor of the clinic's next event.
    pub(super) fn next(&self, tenant: Uuid) -> (u64, Hash) {
        self.0.get(&tenant).map_or((1, [0; 32]), |(seq, head)| (seq + 1, *head))
    }

    pub(super) fn set(&mut self, tenant: Uuid, seq: u64, head: Hash) {
        self.0.insert(tenant, (seq, head));
    }

    pub(super) async fn write(&self, tx: &Transaction<'_>) -> Result<(), LogError> {
        let tenants: Vec<Uuid> = self.0.keys().copied().collect();
        let numbers: Vec<i64> = self.0.values().map(|(seq, _)| signed(*seq)).collect();
        let heads: Vec<&[u8]> = self.0.values().map(|(_, head)| head.as_slice()).collect();
        tx.execute(
            "INSERT INTO audit.chain (tenant, seq, head)
             SELECT * FROM unnest($1::uuid[], $2::bigint[], $3::bytea[])
             ON CONFLICT (tenant) DO UPDATE SET seq = excluded.seq, head = excluded.head",
            &[&tenants, &numbers, &heads],
        )
        .await?;
        Ok(())
    }
}

/// PostgreSQL has no unsigned numbers; no log reaches 2^63 entries.
pub(super) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

pub(super) fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or_default()
}

pub(super) fn hashes(bytes: &[u8]) -> Vec<Hash> {
    bytes.chunks_exact(32).filter_map(|hash| hash.try_into().ok()).collect()
}
