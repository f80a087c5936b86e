//! What a verification found, as text for people and JSON for programs.

use serde::Serialize;

/// What is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A file that must be there is not, or is too short.
    Missing,
    /// A file that cannot be read as what it must be.
    Malformed,
    /// A checkpoint that no trusted key signed, or that states another log or size than its name.
    Signature,
    /// The entries do not give the root that a checkpoint signs.
    Root,
    /// An entry or tile is not what the tiles above it hash.
    Hash,
    /// A clinic's chain is broken: an entry is missing, doubled, reordered or altered.
    Chain,
    /// The sealer's mark counts other events than there are, or its term of office went back.
    Seal,
    /// No mark for too long.
    Gap,
    /// A process committed other events than the log has.
    Tally,
    /// A year's log does not begin where the one before ended.
    Epoch,
    /// Something lies where nothing may lie: a second version, a delete marker, entries behind the last checkpoint.
    Extra,
    /// A row of the database is not what its event says.
    Row,
    /// Another history than the one that a witness or an earlier check saw, or a shorter one.
    Fork,
}

impl Kind {
    /// The kind as reports and programs write it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Malformed => "malformed",
            Self::Signature => "signature",
            Self::Root => "root",
            Self::Hash => "hash",
            Self::Chain => "chain",
            Self::Seal => "seal",
            Self::Gap => "gap",
            Self::Tally => "tally",
            Self::Epoch => "epoch",
            Self::Extra => "extra",
            Self::Row => "row",
            Self::Fork => "fork",
        }
    }
}

/// One thing that is wrong, and in which span of the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What kind of thing.
    pub kind: Kind,
    /// The first entry that may be concerned.
    pub first_index: u64,
    /// The last one.
    pub last_index: u64,
    /// Where: a file, or a clinic's id.
    pub place: String,
    /// In words.
    pub detail: String,
}

/// What was found in one log.
#[derive(Debug, Clone, Default, Serialize)]
pub struct LogReport {
    /// The folder, from the one that was given.
    pub folder: String,
    /// The log's own name.
    pub origin: String,
    /// Entries under the newest good checkpoint.
    pub size: u64,
    /// Events among them.
    pub events: u64,
    /// Clinics among them.
    pub tenants: usize,
    /// Good checkpoints.
    pub checkpoints: usize,
    /// Periods of processes whose tallies agree.
    pub tallies: usize,
    /// Periods that are stated and not in the log yet, as the newest ones of a log that goes on.
    pub tallies_waiting: usize,
    /// The sealer's last mark, in milliseconds since 1970.
    pub last_seal_ms: u64,
    /// What is wrong, in the order of the log.
    pub findings: Vec<Finding>,
    /// Findings beyond the first `FINDINGS_MAX`, which are only counted.
    pub more_findings: u64,
    /// The root at the newest good checkpoint, for the log that follows.
    #[serde(skip)]
    pub root: crate::Hash,
    /// What the first entry says about the log before.
    #[serde(skip)]
    pub previous: Option<(String, u64, crate::Hash)>,
}

/// Most findings kept for one log.
const FINDINGS_MAX: usize = 1_000;

impl LogReport {
    pub(super) fn add(&mut self, kind: Kind, span: (u64, u64), place: &str, detail: impl Into<String>) {
        if self.findings.len() < FINDINGS_MAX {
            let (first_index, last_index) = span;
            let (place, detail) = (place.to_owned(), detail.into());
            self.findings.push(Finding { kind, first_index, last_index, place, detail });
        } else {
            self.more_findings += 1;
        }
    }

    /// The first entry that may be concerned by anything.
    #[must_use]
    pub fn first_bad_index(&self) -> Option<u64> {
        self.findings.iter().map(|finding| finding.first_index).min()
    }
}

/// What was found in a folder.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Report {
    /// Whether nothing is wrong.
    pub ok: bool,
    /// Each log.
    pub logs: Vec<LogReport>,
}

impl Report {
    /// The report in lines.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        for log in &self.logs {
            text.push_str(&format!(
                "{}: {} entries, {} events, {} clinics, {} checkpoints, {} tallies, {} too young to compare\n",
                if log.origin.is_empty() { &log.folder } else { &log.origin },
                log.size,
                log.events,
                log.tenants,
                log.checkpoints,
                log.tallies,
                log.tallies_waiting
            ));
            for found in &log.findings {
                text.push_str(&format!(
                    "  {} at entries {} to {} ({}): {}\n",
                    found.kind.word(),
                    found.first_index,
                    found.last_index,
                    found.place,
                    found.detail
                ));
            }
            if log.more_findings > 0 {
                text.push_str(&format!("  and {} more\n", log.more_findings));
            }
        }
        text.push_str(if self.ok { "good\n" } else { "NOT good\n" });
        text
    }
}
