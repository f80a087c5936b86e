//! Verification of a copied folder: every signature, every hash, every chain, every minute, and where each first breaks.

mod folder;
mod follow;
mod log;
mod report;
mod tallies;
mod witness;

pub use folder::{Folder, read_events, verify_folder};
pub use follow::{Progress, verify_on};
pub use report::{Finding, Kind, LogReport, Report};
pub use witness::{Seen, verify_seen};

/// What is taken for granted and what is tolerated.
#[derive(Debug, Clone)]
pub struct Options {
    /// The keys whose signatures count.
    pub keys: Vec<crate::VerifierKey>,
    /// Longest time between two marks of the sealer, in seconds; more is a finding.
    pub gap_max_s: u64,
    /// How far a mark may lie before the one in front of it, in seconds, because clocks differ.
    pub skew_max_s: u64,
}

/// Three marks may be missed before it counts as a gap.
pub const GAP_MAX_S: u64 = 180;
/// Clock jumps of an hour are tolerated: the tree, not the clock, gives the order.
pub const SKEW_MAX_S: u64 = 3_700;
