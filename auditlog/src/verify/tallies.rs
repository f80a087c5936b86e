//! The processes' own counts, recomputed from the entries.

use std::collections::HashMap;
use std::io;

use super::folder::Folder;
use super::report::{Kind, LogReport};
use crate::{Hash, Tally};

pub(super) fn check(
    folder: &Folder,
    committed: &HashMap<([u8; 16], u64), Vec<Hash>>,
    report: &mut LogReport,
) -> io::Result<()> {
    let mut seen = std::collections::HashSet::new();
    for name in folder.names("tally")? {
        let place = format!("tally/{name}");
        let bytes = folder.read(&place)?.unwrap_or_default();
        let parsed = serde_json::from_slice::<Tally>(&bytes).ok().and_then(|tally| {
            let instance: [u8; 16] =
                data_encoding::HEXLOWER.decode(tally.instance.as_bytes()).ok()?.try_into().ok()?;
            Some((instance, tally))
        });
        let Some((instance, tally)) = parsed else {
            report.add(Kind::Malformed, (0, report.size), &place, "not a tally");
            continue;
        };
        if !seen.insert((instance, tally.period)) {
            continue;
        }
        let none = Vec::new();
        let found = committed.get(&(instance, tally.period)).unwrap_or(&none);
        if tally.agrees(found) {
            report.tallies += 1;
        } else {
            let detail = format!("the process committed {} events, the log has {}", tally.count, found.len());
            report.add(Kind::Tally, (0, report.size), &place, detail);
        }
    }
    Ok(())
}
