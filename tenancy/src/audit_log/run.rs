//! The sealer's life in a worker: wait for the turn, seal each second, publish, compare tallies, and say when it is behind.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use auditlog::{Entry, Hash, Tally};
use data_encoding::HEXLOWER;
use prometheus::{IntCounterVec, IntGauge};
use regions::log::{self, Field};
use regions::shutdown::Shutdown;
use tokio_postgres::Client;
use uuid::Uuid;

use super::check;
use super::publish::PUBLISH_EVERY_S;
use super::sealer::{LogError, Sealer, Term};
use super::shard_folder;
use super::state::{signed, unsigned};
use super::tallies::TALLY_EVERY_S;
use crate::archive::Place;

/// Pause between batches, in milliseconds, when the last one took all there was.
const TICK_MS: u64 = 1_000;
/// Pause of a sealer that has not the turn or lost its database, in seconds.
const WAIT_S: u64 = 3;
/// Age of the oldest unsealed event from which on people are told, in seconds.
const ALARM_S: u64 = 60;
/// Most batches before tallies and others get their turn.
const BATCHES_MAX: usize = 256;
/// How far back tallies are looked for again, in milliseconds: processes' clocks differ.
const TALLY_OVERLAP_MS: u64 = 900_000;

static OLDEST: LazyLock<IntGauge> = LazyLock::new(|| {
    regions::metrics::gauge(
        "domicile_audit_oldest_unsealed_seconds",
        "Age of the oldest audit event that is committed and not sealed.",
    )
});
static SEALED: LazyLock<IntGauge> = LazyLock::new(|| {
    regions::metrics::gauge("domicile_audit_sealed_size", "Entries of the audit log that are sealed.")
});
static PUBLISHED: LazyLock<IntGauge> = LazyLock::new(|| {
    regions::metrics::gauge(
        "domicile_audit_published_size",
        "Entries of the audit log under the newest checkpoint in the archive.",
    )
});
static FAILURES: LazyLock<IntCounterVec> = LazyLock::new(|| {
    regions::metrics::counter_vec(
        "domicile_audit_failures_total",
        "Failures of the audit log's sealer by what failed.",
        &["kind"],
    )
});

/// Seals until the process stops.
pub async fn run(sealer: Arc<Sealer>, shutdown: Shutdown) {
    check::shown_from_the_start();
    while !shutdown.is_triggered() {
        sealer.watch().await;
        match sealer.lead().await {
            Ok(Some(term)) => sealer.turn(term, &shutdown).await,
            Ok(None) => {}
            Err(error) => note(&sealer, &error),
        }
        pause(&shutdown, Duration::from_secs(WAIT_S)).await;
    }
}

fn note(sealer: &Sealer, error: &LogError) {
    FAILURES.with_label_values(&[error.code()]).inc();
    log::error("audit_sealer_failed", &[Field::Shard(sealer.shard), Field::Code(error.code())]);
}

async fn pause(shutdown: &Shutdown, time: Duration) {
    tokio::select! {
        () = shutdown.wait() => {}
        () = tokio::time::sleep(time) => {}
    }
}

impl Sealer {
    /// One turn, until it is lost, fails, or the process stops.
    async fn turn(self: &Arc<Self>, mut term: Term, shutdown: &Shutdown) {
        // Publishing has a task of its own: an archive that swallows bytes without an answer must not stop the sealing.
        let publisher = tokio::spawn(publish_until(Arc::clone(self), shutdown.clone()));
        let ended = self.seal_until(&mut term, shutdown).await;
        publisher.abort();
        match ended {
            Ok(()) => term.resign().await,
            Err(error) => note(self, &error),
        }
    }

    async fn seal_until(&self, term: &mut Term, shutdown: &Shutdown) -> Result<(), LogError> {
        let mut tick = 0_u64;
        while !shutdown.is_triggered() {
            if tick.is_multiple_of(TALLY_EVERY_S) {
                match self.tallies().await {
                    Ok(tallies) => {
                        self.drain(term).await?;
                        self.compare(term, &tallies).await?;
                    }
                    // Without an archive there is nothing to compare with; sealing goes on.
                    Err(error @ (LogError::Archive(_) | LogError::Forked)) => note(self, &error),
                    Err(error) => return Err(error),
                }
            }
            self.drain(term).await?;
            self.watch().await;
            tick = tick.wrapping_add(1);
            pause(shutdown, Duration::from_millis(TICK_MS)).await;
        }
        self.drain(term).await
    }

    /// Seals until nothing waits.
    pub async fn drain(&self, term: &mut Term) -> Result<(), LogError> {
        for _ in 0..BATCHES_MAX {
            let sealed = self.seal(term).await?;
            if sealed.size > 0 {
                SEALED.set(signed(sealed.size));
            }
            if sealed.events == 0 {
                break;
            }
        }
        Ok(())
    }

    /// Looks how old the oldest unsealed event is, whoever's turn it is.
    async fn watch(&self) {
        let Ok(client) = self.session().await else { return };
        let age = client
            .query_opt(
                "SELECT extract(epoch FROM clock_timestamp() - recorded_at)::bigint
                 FROM audit.pending ORDER BY id LIMIT 1",
                &[],
            )
            .await;
        let Ok(age) = age else { return };
        self.rest(client);
        let age = age.map_or(0, |row| unsigned(row.get(0)));
        OLDEST.set(signed(age));
        if age > ALARM_S {
            log::error("audit_unsealed_too_long", &[Field::Shard(self.shard), Field::Count(age)]);
        }
    }

    /// What processes have stated and nobody has compared yet.
    pub async fn tallies(&self) -> Result<Vec<(Uuid, Tally)>, LogError> {
        let client = self.session().await?;
        let stated = self.stated(&client).await;
        self.rest(client);
        stated
    }

    async fn stated(&self, client: &Client) -> Result<Vec<(Uuid, Tally)>, LogError> {
        let since: Option<f64> = client
            .query_one("SELECT extract(epoch FROM max(checked_at))::float8 FROM audit.tally", &[])
            .await?
            .get(0);
        // A second more or less does not matter: what was compared before is known by process and period.
        let since_ms = since.map_or(0, |seconds| Duration::from_secs_f64(seconds.max(0.0)).as_millis());
        let from_ms = since_ms.saturating_sub(u128::from(TALLY_OVERLAP_MS));
        let folder = format!("{}/tally/", shard_folder(self.shard));
        let mut from = Some(Place::after(format!("{folder}{from_ms:015}")));
        let mut found: Vec<(Uuid, Tally)> = Vec::new();
        loop {
            let (page, next) = self.archive.versions(&folder, from).await?;
            for version in page {
                let Some((instance, period)) = named(&version.name) else { continue };
                let known = client
                    .query_opt(
                        "SELECT FROM audit.tally WHERE instance = $1 AND period = $2",
                        &[&instance, &signed(period)],
                    )
                    .await?;
                let seen = found.iter().any(|(other, tally)| *other == instance && tally.period == period);
                if known.is_some() || seen {
                    continue;
                }
                let (_, bytes) = self.archive.get_first(&version.name).await?;
                match serde_json::from_slice::<Tally>(&bytes) {
                    Ok(tally) if tally.period == period => found.push((instance, tally)),
                    _ => log::security("audit_tally_malformed", &[Field::Shard(self.shard)]),
                }
            }
            from = match next {
                Some(next) => Some(next),
                None => return Ok(found),
            };
        }
    }

    /// Compares tallies with the log, in which every event must be by now that a process can have stated.
    pub async fn compare(&self, term: &mut Term, tallies: &[(Uuid, Tally)]) -> Result<(), LogError> {
        for (instance, tally) in tallies {
            let rows = term
                .client
                .query(
                    "SELECT leaf FROM audit.sealed WHERE instance = $1 AND period = $2",
                    &[instance, &signed(tally.period)],
                )
                .await?;
            let leaves: Vec<Hash> =
                rows.iter().filter_map(|row| row.get::<_, &[u8]>(0).try_into().ok()).collect();
            let verdict = if tally.agrees(&leaves) { "match" } else { "mismatch" };
            if verdict == "mismatch" {
                FAILURES.with_label_values(&["tally"]).inc();
                log::security("audit_tally_mismatch", &[Field::Shard(self.shard), Field::Count(tally.count)]);
            }
            let entry = Entry::Tally {
                instance: instance.into_bytes(),
                period: tally.period,
                stated: tally.count,
                found: u64::try_from(leaves.len()).unwrap_or(u64::MAX),
                verdict,
            };
            self.append(term, &entry.encode(), (*instance, tally.period, verdict)).await?;
        }
        Ok(())
    }
}

/// The process and the period that the name of a tally holds: `…/<time>-<process>-<period>`.
fn named(name: &str) -> Option<(Uuid, u64)> {
    let mut parts = name.rsplit('/').next()?.split('-');
    let (_time, instance, period) = (parts.next()?, parts.next()?, parts.next()?);
    let instance: [u8; 16] = HEXLOWER.decode(instance.as_bytes()).ok()?.try_into().ok()?;
    Some((Uuid::from_bytes(instance), period.parse().ok()?))
}

async fn publish_until(sealer: Arc<Sealer>, shutdown: Shutdown) {
    let mut key_is_there = false;
    while !shutdown.is_triggered() {
        let published = async {
            if !key_is_there {
                sealer.publish_key().await?;
                key_is_there = true;
            }
            sealer.publish().await
        };
        match published.await {
            Ok(done) if done.size > 0 => PUBLISHED.set(signed(done.size)),
            Ok(_) => {}
            Err(error) => note(&sealer, &error),
        }
        pause(&shutdown, Duration::from_secs(PUBLISH_EVERY_S)).await;
    }
}
