//! The worker's own look at the log in the archive: what has come since its last look, by the rules of `audit-verify`.
//!
//! A turn is bounded in what it reads, lists and holds, and goes on from the newest checkpoint that was found good. While
//! something is wrong it does not get past it, so each turn says so again. A whole verification from the beginning, with every
//! checkpoint, process's count and row, is `domicile audit verify`, which another job runs each night.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use auditlog::verify::{Kind, Options, Progress, verify_on};
use auditlog::{Checkpoint, SignedNote, TILE_WIDTH, checkpoint_path};
use futures_util::{StreamExt, TryStreamExt, stream};
use prometheus::IntCounter;
use regions::log::{self, Field};
use tokio_postgres::Client;

use super::sealer::{LogError, Sealer};
use super::state::{signed, unsigned};
use super::{epoch_of, log_folder, origin};
use crate::archive::{ArchiveError, Place};

/// Entries after which a turn ends at the next checkpoint; the next turn goes on.
const TURN_ENTRIES_MAX: u64 = 1_024 * TILE_WIDTH;
/// Bundles that are in memory at once.
const PIECE_BUNDLES: u64 = 16;
/// Pages of checkpoints that one turn lists: 64,000 of them, which is more than three days have.
const PAGES_MAX: usize = 64;
/// Objects read at once.
const READS_MAX: usize = 8;
/// Times are not judged here: a worker that was stopped leaves a gap and changes nothing. The whole verification names it.
const NO_LIMIT_S: u64 = 1 << 32;

static FAULTS: LazyLock<IntCounter> = LazyLock::new(|| {
    regions::metrics::counter(
        "domicile_audit_check_faults_total",
        "Checks of the audit log in the archive that found something wrong.",
    )
});

/// An absent counter cannot be told from one that stands still.
pub(super) fn shown_from_the_start() {
    LazyLock::force(&FAULTS);
}

/// What a turn came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// The year whose log it is.
    pub epoch: i32,
    /// So many entries of it were there when it was last found good.
    pub size: u64,
    /// What is wrong, as `audit-verify` calls it, and the first entry that may be concerned.
    pub fault: Option<(&'static str, u64)>,
}

/// How far the log was found good.
struct At {
    epoch: i32,
    progress: Progress,
}

/// Why a turn ends before its end.
enum Stop {
    /// Something is wrong, from this entry on.
    Fault(Kind, u64),
    /// It cannot be said.
    Unknown(LogError),
}

impl From<ArchiveError> for Stop {
    fn from(error: ArchiveError) -> Self {
        Self::Unknown(error.into())
    }
}

/// Checkpoints of a year's log, from the one that was found good last.
#[derive(Default)]
struct Listed {
    sizes: Vec<u64>,
    /// The first one on which something was put.
    extra: Option<u64>,
}

impl Listed {
    /// The one to go to: the newest within a turn's work, else the next.
    fn target(&self, from: u64) -> Option<u64> {
        let limit = from.saturating_add(TURN_ENTRIES_MAX);
        let newer = || self.sizes.iter().copied().filter(move |size| *size > from);
        newer().take_while(|size| *size <= limit).last().or_else(|| newer().next())
    }
}

impl Sealer {
    /// Checks what has come into the archive since the last check, and keeps what came of it; `None` while nothing was
    /// published at all.
    ///
    /// # Errors
    /// [`LogError`] when it cannot be said; what was found before stays, with its time.
    pub async fn check(&self) -> Result<Option<Checked>, LogError> {
        let client = self.session().await?;
        let known = known(&client).await;
        self.rest(client);
        let mut at = match known? {
            Some(at) => at,
            None => match self.first_year().await? {
                Some(epoch) => At { epoch, progress: Progress::default() },
                None => return Ok(None),
            },
        };
        let fault = match Box::pin(self.go_on(&mut at)).await {
            Ok(()) => None,
            Err(Stop::Fault(kind, first)) => {
                FAULTS.inc();
                let fields = [Field::Shard(self.shard), Field::Code(kind.word()), Field::Count(first)];
                log::security("audit_log_fault", &fields);
                Some((kind.word(), first))
            }
            Err(Stop::Unknown(error)) => return Err(error),
        };
        let client = self.session().await?;
        let kept = keep(&client, &at, fault).await;
        self.rest(client);
        kept?;
        Ok(Some(Checked { epoch: at.epoch, size: at.progress.size(), fault }))
    }

    /// Goes on to the newest checkpoint that a turn reaches; `at` moves only when all is well up to there.
    async fn go_on(&self, at: &mut At) -> Result<(), Stop> {
        let mut listed = self.checkpoints(at.epoch, at.progress.size()).await?;
        let from = at.progress.size();
        if from > 0 && listed.sizes.first() != Some(&from) {
            return Err(Stop::Fault(Kind::Missing, from - 1));
        }
        if from > 0
            && listed.sizes.len() == 1
            && let Some(year) = self.year_after(at.epoch).await?
        {
            // Whatever there is of the old year was published before anything of the new one.
            listed = self.checkpoints(at.epoch, from).await?;
            if listed.sizes.len() == 1 {
                let ended = origin(self.region, self.shard, at.epoch);
                *at = At { epoch: year, progress: at.progress.following(&ended) };
                listed = self.checkpoints(year, 0).await?;
            }
        }
        if let Some(size) = listed.extra {
            return Err(Stop::Fault(Kind::Extra, size.saturating_sub(1)));
        }
        // Without a newer one, the one that was good before must still be what it was.
        let size = listed.target(at.progress.size()).unwrap_or(at.progress.size());
        let checkpoint = self.checkpoint(at, size).await?;
        let options = Options { keys: vec![self.key.clone()], gap_max_s: NO_LIMIT_S, skew_max_s: NO_LIMIT_S };
        let mut progress = at.progress.clone();
        loop {
            let until = progress.step(PIECE_BUNDLES, size);
            let parts = self.parts(at.epoch, &progress, (until, size)).await?;
            let (report, next) = verify_on(&progress, (&checkpoint, until), &parts, &options)
                .map_err(|_never_in_memory| Stop::Unknown(LogError::Damaged))?;
            if let Some(found) = report.findings.first() {
                return Err(Stop::Fault(found.kind, found.first_index));
            }
            progress = next;
            if until >= size {
                break;
            }
        }
        at.progress = progress;
        Ok(())
    }

    /// The parts of the log's next piece. One that is not there is left out, and missed by whoever reads them.
    async fn parts(
        &self,
        epoch: i32,
        progress: &Progress,
        (until, size): (u64, u64),
    ) -> Result<BTreeMap<String, Vec<u8>>, Stop> {
        let (folder, first) = (log_folder(self.shard, epoch), progress.size());
        let reads = stream::iter(progress.parts(until, size)).map(|name| {
            let place = format!("{folder}/{name}");
            async move { Ok::<_, Stop>((name, self.part(&place, first).await?)) }
        });
        let mut reads = reads.buffer_unordered(READS_MAX);
        let mut parts = BTreeMap::new();
        while let Some((name, found)) = reads.try_next().await? {
            if let Some(bytes) = found {
                parts.insert(name, bytes);
            }
        }
        Ok(parts)
    }

    /// An object as it was put first. `first` is where the log is read from, for what is said of an object that cannot be good.
    async fn part(&self, name: &str, first: u64) -> Result<Option<Vec<u8>>, Stop> {
        match self.archive.get_only(name).await {
            Ok((bytes, true)) => Ok(Some(bytes)),
            Ok((_, false)) => Err(Stop::Fault(Kind::Extra, first)),
            Err(ArchiveError::NotFound) => Ok(None),
            Err(ArchiveError::Damaged | ArchiveError::TooLarge) => Err(Stop::Fault(Kind::Malformed, first)),
            Err(error) => Err(error.into()),
        }
    }

    /// A checkpoint that our key signed and that states what its name says.
    async fn checkpoint(&self, at: &At, size: u64) -> Result<Checkpoint, Stop> {
        let name = format!("{}/{}", log_folder(self.shard, at.epoch), checkpoint_path(size));
        let from = at.progress.size();
        let bytes = self.part(&name, from).await?.ok_or(Stop::Fault(Kind::Missing, from))?;
        let opened = SignedNote::parse(&bytes).and_then(|note| note.open(std::slice::from_ref(&self.key)));
        let log = origin(self.region, self.shard, at.epoch);
        match opened {
            Ok(found) if found.size == size && found.origin == log => Ok(found),
            _ => Err(Stop::Fault(Kind::Signature, from)),
        }
    }

    /// Lists the checkpoints of a year's log from the one of `from` entries on, as far as a turn may go.
    async fn checkpoints(&self, epoch: i32, from: u64) -> Result<Listed, Stop> {
        let log = log_folder(self.shard, epoch);
        let folder = format!("{log}/checkpoint/");
        let limit = from.saturating_add(TURN_ENTRIES_MAX);
        let mut place =
            from.checked_sub(1).map(|size| Place::after(format!("{log}/{}", checkpoint_path(size))));
        let mut listed = Listed::default();
        for _ in 0..PAGES_MAX {
            let (page, next) = self.archive.versions(&folder, place).await?;
            for version in page {
                let number = version.name.rsplit('/').next().and_then(|name| name.parse::<u64>().ok());
                let Some(size) = number else { continue };
                if version.delete_marker || listed.sizes.last() == Some(&size) {
                    listed.extra.get_or_insert(size);
                } else {
                    listed.sizes.push(size);
                }
            }
            if next.is_none() || listed.sizes.last().is_some_and(|size| *size > limit) {
                break;
            }
            place = next;
        }
        Ok(listed)
    }

    /// The year whose log is looked at first: this one's, or at its beginning the one before.
    async fn first_year(&self) -> Result<Option<i32>, LogError> {
        let now = epoch_of(self.clock.now_unix_ms());
        for year in [now, now - 1] {
            if self.has_log(year).await? {
                return Ok(Some(year));
            }
        }
        Ok(None)
    }

    /// The next year after `epoch` that has a log.
    async fn year_after(&self, epoch: i32) -> Result<Option<i32>, Stop> {
        for year in epoch.saturating_add(1)..=epoch_of(self.clock.now_unix_ms()) {
            if self.has_log(year).await? {
                return Ok(Some(year));
            }
        }
        Ok(None)
    }

    async fn has_log(&self, year: i32) -> Result<bool, ArchiveError> {
        let folder = format!("{}/checkpoint/", log_folder(self.shard, year));
        self.archive.is_anything_after(&folder, &folder).await
    }
}

/// How far the last check came; `None` before the first one. A memory that does not add up begins its year anew.
async fn known(client: &Client) -> Result<Option<At>, LogError> {
    let row = client.query_opt("SELECT epoch, size, memory FROM audit.verification", &[]).await?;
    Ok(row.map(|row| {
        let size = unsigned(row.get(1));
        let progress = Progress::parse(row.get(2)).filter(|progress| progress.size() == size);
        At { epoch: row.get(0), progress: progress.unwrap_or_default() }
    }))
}

async fn keep(client: &Client, at: &At, fault: Option<(&'static str, u64)>) -> Result<(), LogError> {
    let (outcome, first_bad) = fault.map_or(("verified", None), |(kind, first)| (kind, Some(signed(first))));
    let root = at.progress.root();
    client
        .execute(
            "INSERT INTO audit.verification (epoch, size, root, outcome, first_bad, memory)
             VALUES ($1, $2, $3, $4, $5, $6)
             ON CONFLICT (only_row) DO UPDATE SET epoch = excluded.epoch, size = excluded.size,
                root = excluded.root, outcome = excluded.outcome, first_bad = excluded.first_bad,
                memory = excluded.memory, checked_at = excluded.checked_at",
            &[
                &at.epoch,
                &signed(at.progress.size()),
                &root.as_slice(),
                &outcome,
                &first_bad,
                &at.progress.to_text(),
            ],
        )
        .await?;
    Ok(())
}
