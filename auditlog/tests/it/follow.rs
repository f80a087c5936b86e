//! Verification that goes on where an earlier one ended: it comes to the verdict of a whole one, whatever the sizes in between.

use std::collections::BTreeMap;
use std::path::Path;

use auditlog::verify::{GAP_MAX_S, Kind, Options, Progress, SKEW_MAX_S, verify_folder, verify_on};
use auditlog::{SignedNote, bundle_path, checkpoint_path, tile_path};

use crate::kit::{Log, ORIGIN, Signer, put};

fn options(signer: &Signer) -> Options {
    Options { keys: vec![signer.key.clone()], gap_max_s: GAP_MAX_S, skew_max_s: SKEW_MAX_S }
}

/// Goes on from `progress` to the newest checkpoint of `log`, a bundle at a time and with nothing but the parts that are asked for.
fn go_on(folder: &Path, log: &Log, progress: &Progress, signer: &Signer) -> Result<Progress, (Kind, u64)> {
    let (size, options) = (log.entries.len() as u64, options(signer));
    let note = std::fs::read(folder.join(checkpoint_path(size))).unwrap();
    let checkpoint = SignedNote::parse(&note).unwrap().open(&options.keys).unwrap();
    let mut progress = progress.clone();
    loop {
        let until = progress.step(1, size);
        let mut parts = BTreeMap::new();
        for name in progress.parts(until, size) {
            if let Ok(bytes) = std::fs::read(folder.join(&name)) {
                parts.insert(name, bytes);
            }
        }
        let (report, next) = verify_on(&progress, (&checkpoint, until), &parts, &options).unwrap();
        if let Some(found) = report.findings.first() {
            return Err((found.kind, found.first_index));
        }
        progress = Progress::parse(&next.to_text()).unwrap();
        if until == size {
            return Ok(progress);
        }
    }
}

fn written(log: &Log, signer: &Signer) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    log.write(folder.path(), signer);
    folder
}

#[test]
fn going_on_from_any_size_comes_to_the_verdict_of_a_whole_verification() {
    let signer = Signer::new();
    let (mut log, mut progress) = (Log::new(), Progress::default());
    // Ends within a bundle, at its end, at the next one's beginning, and over a whole tile of the second level.
    for events in [1, 40, 211, 0, 255, 700, 66_000, 3] {
        log.batch(&vec![1 + (events % 2) as u8; events]);
        let folder = written(&log, &signer);
        progress = go_on(folder.path(), &log, &progress, &signer).unwrap();
        let whole = verify_folder(folder.path(), &options(&signer)).unwrap();
        assert!(whole.ok, "{}", whole.to_text());
        assert_eq!((progress.size(), progress.root()), (whole.logs[0].size, whole.logs[0].root));
        assert_eq!(go_on(folder.path(), &log, &progress, &signer).as_ref(), Ok(&progress), "nothing new");
    }
    assert!(Progress::parse("nonsense").is_none());
    assert!(Progress::parse(&progress.to_text().replacen("\"size\":", "\"size\":1", 1)).is_none());
}

#[test]
fn what_was_altered_since_or_in_the_bundle_that_goes_on_is_named() {
    let signer = Signer::new();
    let mut log = Log::new();
    log.batch(&[1; 298]);
    let progress = go_on(written(&log, &signer).path(), &log, &Progress::default(), &signer).unwrap();
    assert_eq!(progress.size(), 300);
    log.batch(&[2; 299]);
    let good = log.entries.clone();
    for (index, found) in
        [(10, Ok(())), (270, Err(Kind::Hash)), (300, Err(Kind::Hash)), (598, Err(Kind::Hash))]
    {
        let folder = written(&log, &signer);
        let last = log.entries[index].len() - 1;
        log.entries[index][last] ^= 1;
        let forged = written(&log, &signer);
        log.entries.clone_from(&good);
        let n = index as u64 / 256;
        let place = bundle_path(n, 256_u64.min(600 - n * 256));
        put(folder.path(), &place, &std::fs::read(forged.path().join(&place)).unwrap());
        let said = go_on(folder.path(), &log, &progress, &signer);
        // What lies behind the last verdict is not read again; a whole verification does that.
        assert_eq!(said.map(drop), found.map_err(|kind| (kind, index as u64)), "{index}");
    }
    for place in [bundle_path(1, 256), tile_path(0, 2, 88), tile_path(1, 0, 2)] {
        let folder = written(&log, &signer);
        std::fs::remove_file(folder.path().join(&place)).unwrap();
        let said = go_on(folder.path(), &log, &progress, &signer);
        assert!(matches!(said, Err((Kind::Missing, _))), "{place}: {said:?}");
    }
}

#[test]
fn another_history_a_shorter_one_and_a_year_that_begins_elsewhere_are_refused() {
    let signer = Signer::new();
    let mut log = Log::new();
    log.batch(&[1; 300]);
    let folder = written(&log, &signer);
    let progress = go_on(folder.path(), &log, &Progress::default(), &signer).unwrap();
    let mut shorter = Log::new();
    shorter.batch(&[1; 200]);
    let said = go_on(written(&shorter, &signer).path(), &shorter, &progress, &signer);
    assert_eq!(said, Err((Kind::Fork, 0)));
    let mut same = Log::new();
    same.batch(&[2; 300]);
    let said = go_on(written(&same, &signer).path(), &same, &progress, &signer);
    assert_eq!(said, Err((Kind::Fork, 0)));
    let mut longer = same;
    longer.batch(&[2; 300]);
    assert!(go_on(written(&longer, &signer).path(), &longer, &progress, &signer).is_err());
    // The kit's logs are each the very first, so none is the year behind another.
    let year = progress.following(ORIGIN);
    assert_eq!(go_on(folder.path(), &log, &year, &signer), Err((Kind::Epoch, 0)));
}
