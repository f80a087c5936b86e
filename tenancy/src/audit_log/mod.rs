//! The log of a shard: what each process counts, what the sealer builds and publishes, and what anybody may read of it.
//!
//! `docs/audit.md` is the description. Nothing here needs a tenant's role: the sealer reads bytes that a trigger put aside,
//! and knows of an event only what its bytes say.

mod batch;
mod check;
mod fetch;
mod publish;
mod read;
mod rows;
mod run;
mod sealer;
mod state;
mod tallies;

use chrono::{DateTime, Datelike};
use regions::ids::ShardId;
use regions::region::RegionName;

pub use check::Checked;
pub use fetch::{FetchError, Fetched, fetch};
pub use publish::{PUBLISH_EVERY_S, Published};
pub use read::{
    About, Checkpointed, EVENTS_PAGE_MAX, LogState, Proof, Span, Verified, events, events_in_order, receipt,
    recorded, state,
};
pub use rows::{Logged, RowFinding, RowsError, RowsReport, check_rows};
pub use run::run;
pub use sealer::{LogError, Sealed, Sealer, Term};
pub use tallies::TALLY_EVERY_S;
pub(crate) use tallies::{Tallies, Ticket};

/// The role that may change the log's tables, and nothing else.
pub(crate) const SEALER_ROLE: &str = "domicile_sealer";

/// How long the archive keeps a log of this region, in days, whatever a configuration says.
///
/// United States: six years (45 CFR 164.316(b)(2)(i)). India: one year (DPDP Rules 2025, rule 6(1)(e)), and three for a
/// patient's right to know with whom data were shared.
#[must_use]
pub fn retention_floor_days(region: RegionName) -> u32 {
    if region.as_str().starts_with("ap-south-") { 3 * 366 } else { 6 * 366 }
}

/// The folder of a shard's logs in the archive.
pub(crate) fn shard_folder(shard: ShardId) -> String {
    format!("log/shard-{}", shard.0)
}

/// The folder of one year's log.
pub(crate) fn log_folder(shard: ShardId, epoch: i32) -> String {
    format!("{}/{epoch}", shard_folder(shard))
}

/// The name of a shard's signing key, and the beginning of each year's origin line.
#[must_use]
pub fn log_name(region: RegionName, shard: ShardId) -> String {
    format!("audit.{region}.domicile/shard-{}", shard.0)
}

/// The origin line of one year's log.
pub(crate) fn origin(region: RegionName, shard: ShardId, epoch: i32) -> String {
    format!("{}/{epoch}", log_name(region, shard))
}

/// The year, in UTC, that a time belongs to.
pub(crate) fn epoch_of(now_ms: u64) -> i32 {
    i64::try_from(now_ms).ok().and_then(DateTime::from_timestamp_millis).map_or(1970, |time| time.year())
}
