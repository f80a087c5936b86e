//! A folder that is good, and every way in which one is not.

use std::path::Path;

use auditlog::verify::{GAP_MAX_S, Kind, Options, Report, SKEW_MAX_S, verify_folder};
use auditlog::{Bundle, Checkpoint, Entry, bundle_path, checkpoint_path, leaf_hash, tile_path};

use crate::kit::{Log, ORIGIN, Signer, put};

fn verify(folder: &Path, signer: &Signer) -> Report {
    let options = Options { keys: vec![signer.key.clone()], gap_max_s: GAP_MAX_S, skew_max_s: SKEW_MAX_S };
    verify_folder(folder, &options).unwrap()
}

fn kinds(report: &Report) -> Vec<Kind> {
    let mut kinds: Vec<Kind> = report.logs[0].findings.iter().map(|found| found.kind).collect();
    kinds.sort();
    kinds.dedup();
    kinds
}

/// A log of 300 batches of two clinics: more than three bundles, two levels of tiles.
fn log() -> Log {
    let mut log = Log::new();
    for batch in 0..300_u32 {
        log.batch(if batch % 2 == 0 { &[1, 2] } else { &[1] });
    }
    log
}

#[test]
fn a_good_folder_is_good() {
    let (folder, signer) = (tempfile::tempdir().unwrap(), Signer::new());
    let log = log();
    log.write(folder.path(), &signer);
    let report = verify(folder.path(), &signer);
    assert!(report.ok, "{}", report.to_text());
    let found = &report.logs[0];
    assert_eq!((found.size, found.events, found.tenants, found.checkpoints), (751, 450, 2, 300));
    assert_eq!((found.tallies, found.origin.as_str()), (1, ORIGIN));
}

#[test]
fn without_the_right_key_nothing_is_proved() {
    let (folder, signer) = (tempfile::tempdir().unwrap(), Signer::new());
    log().write(folder.path(), &signer);
    let report = verify(folder.path(), &Signer::new());
    assert_eq!(kinds(&report), [Kind::Missing, Kind::Signature, Kind::Tally]);
    let empty = tempfile::tempdir().unwrap();
    let options = Options { keys: Vec::new(), gap_max_s: 1, skew_max_s: 1 };
    assert!(verify_folder(empty.path(), &options).is_err(), "no log is not a good log");
}

#[test]
fn an_altered_entry_is_named() {
    let (folder, signer) = (tempfile::tempdir().unwrap(), Signer::new());
    let log = log();
    log.write(folder.path(), &signer);
    for index in [1_usize, 255, 256, 600, 750] {
        let n = index / 256;
        let width = (log.entries.len() - n * 256).min(256) as u64;
        let place = bundle_path(n as u64, width);
        let good = std::fs::read(folder.path().join(&place)).unwrap();
        let mut bundle = Bundle::default();
        for (offset, entry) in log.entries[n * 256..].iter().take(256).enumerate() {
            let mut entry = entry.clone();
            if n * 256 + offset == index {
                let last = entry.len() - 1;
                entry[last] ^= 1;
            }
            bundle.push(&entry).unwrap();
        }
        put(folder.path(), &place, bundle.as_bytes());
        let report = verify(folder.path(), &signer);
        assert!(!report.ok);
        let hash = report.logs[0].findings.iter().find(|found| found.kind == Kind::Hash).unwrap();
        assert_eq!(hash.first_index, index as u64, "{}", report.to_text());
        put(folder.path(), &place, &good);
    }
    assert!(verify(folder.path(), &signer).ok);
}

/// Whoever alters the tiles as well is found one level higher, and whoever alters all of them by the signature.
#[test]
fn altered_tiles_are_found_by_what_lies_above_them() {
    let (folder, signer) = (tempfile::tempdir().unwrap(), Signer::new());
    let log = log();
    log.write(folder.path(), &signer);
    let mut forged = Log::new();
    forged.entries.clone_from(&log.entries);
    let last = forged.entries[300].len() - 1;
    forged.entries[300][last] ^= 1;
    let other = tempfile::tempdir().unwrap();
    forged.checkpoints = log.checkpoints.clone();
    forged.write(other.path(), &signer);
    let copy = |place: &str| {
        put(folder.path(), place, &std::fs::read(other.path().join(place)).unwrap());
    };
    copy("tile/entries/001");
    copy("tile/0/001");
    let found = verify(folder.path(), &signer).logs.remove(0);
    let hash = found.findings.iter().find(|found| found.kind == Kind::Hash).unwrap();
    assert_eq!((hash.first_index, hash.last_index), (256, 511));
    copy("tile/1/000.p/2");
    let found = verify(folder.path(), &signer).logs.remove(0);
    let root = found.findings.iter().find(|found| found.kind == Kind::Root).unwrap();
    assert!((root.first_index..=root.last_index).contains(&300), "{root:?}");
}

#[test]
fn a_missing_file_and_one_too_many_are_found() {
    let signer = Signer::new();
    for place in [bundle_path(1, 256), tile_path(0, 0, 256), tile_path(1, 0, 2), bundle_path(2, 239)] {
        let folder = tempfile::tempdir().unwrap();
        log().write(folder.path(), &signer);
        std::fs::remove_file(folder.path().join(&place)).unwrap();
        let report = verify(folder.path(), &signer);
        assert!(kinds(&report).contains(&Kind::Missing), "{place}: {}", report.to_text());
    }
    let folder = tempfile::tempdir().unwrap();
    log().write(folder.path(), &signer);
    put(folder.path(), "extra-versions.json", b"[\"checkpoint/1\"]");
    assert_eq!(kinds(&verify(folder.path(), &signer)), [Kind::Extra]);
}

/// T49: somebody with the signing key signs another history of the same size.
#[test]
fn t49_a_fork_signed_with_a_stolen_key_does_not_fit_the_entries() {
    let (folder, signer) = (tempfile::tempdir().unwrap(), Signer::new());
    log().write(folder.path(), &signer);
    let forged = Checkpoint { origin: ORIGIN.into(), size: 400, root: leaf_hash(b"another history") };
    put(folder.path(), &checkpoint_path(400), signer.sign(&forged).as_bytes());
    let report = verify(folder.path(), &signer);
    assert_eq!(kinds(&report), [Kind::Root]);
    assert_eq!(report.logs[0].findings[0].last_index, 399);
}

#[test]
fn a_silent_sealer_a_wrong_count_and_a_lost_event_are_found_although_everything_is_signed() {
    let signer = Signer::new();
    let mut gap = Log::new();
    gap.batch(&[1]);
    gap.mark(600_000, 0);
    gap.batch(&[1]);
    let mut count = Log::new();
    count.batch(&[1]);
    count.mark(1_000, 3);
    count.batch(&[1]);
    let mut lost = Log::new();
    lost.batch(&[1]);
    lost.batch(&[1, 1]);
    // The sealer itself leaves one out and signs the rest.
    lost.entries.remove(3);
    lost.checkpoints = vec![lost.entries.len() as u64];
    for (log, wanted) in
        [(gap, vec![Kind::Gap]), (count, vec![Kind::Seal]), (lost, vec![Kind::Chain, Kind::Seal])]
    {
        let folder = tempfile::tempdir().unwrap();
        log.write(folder.path(), &signer);
        let report = verify(folder.path(), &signer);
        assert_eq!(kinds(&report), wanted, "{}", report.to_text());
    }
}

#[test]
fn an_event_that_was_committed_and_never_sealed_is_found_by_its_process() {
    let (folder, signer) = (tempfile::tempdir().unwrap(), Signer::new());
    let mut log = log();
    log.write(folder.path(), &signer);
    let tally = std::fs::read(folder.path().join("tally/1")).unwrap();
    let other = tempfile::tempdir().unwrap();
    log.entries.truncate(748);
    log.checkpoints.retain(|size| *size <= 748);
    log.write(other.path(), &signer);
    put(other.path(), "tally/1", &tally);
    assert!(kinds(&verify(other.path(), &signer)).contains(&Kind::Tally));
}

#[test]
fn a_count_younger_than_the_log_waits_until_the_log_has_compared_it() {
    let (folder, signer) = (tempfile::tempdir().unwrap(), Signer::new());
    let mut log = log();
    log.write(folder.path(), &signer);
    let tally = std::fs::read(folder.path().join("tally/1")).unwrap();
    let end_ms = log.clock_ms;
    // A copy that was made before the last batch was published, and a count that was stated in between.
    log.entries.truncate(749);
    log.checkpoints.retain(|size| *size <= 749);
    let copy = |log: &Log, stated_ms: u64| {
        let copy = tempfile::tempdir().unwrap();
        log.write(copy.path(), &signer);
        std::fs::remove_file(copy.path().join("tally/1")).unwrap();
        put(copy.path(), &format!("tally/{stated_ms:015}-{}-000000001", "09".repeat(16)), &tally);
        verify(copy.path(), &signer)
    };
    let report = copy(&log, end_ms);
    assert!(report.ok, "{}", report.to_text());
    assert_eq!((report.logs[0].tallies, report.logs[0].tallies_waiting), (0, 1));
    // It does not wait for ever, and not at all once the log says that it has every event.
    assert_eq!(kinds(&copy(&log, end_ms - 60_000 - GAP_MAX_S * 1_000)), [Kind::Tally]);
    let said = Entry::Tally { instance: [9; 16], period: 1, stated: 450, found: 450, verdict: "match" };
    log.entries.push(said.encode());
    log.mark(1_000, 0);
    log.checkpoints.push(log.entries.len() as u64);
    assert_eq!(kinds(&copy(&log, end_ms)), [Kind::Tally]);
}

#[test]
fn a_year_begins_where_the_one_before_ended() {
    let (folder, signer) = (tempfile::tempdir().unwrap(), Signer::new());
    let old = log();
    old.write(&folder.path().join("2026"), &signer);
    std::fs::remove_dir_all(folder.path().join("2026/tally")).unwrap();
    let report = verify(folder.path(), &signer);
    let (size, root) = (report.logs[0].size, report.logs[0].root);
    for (root, good) in [(root, true), (leaf_hash(b"x"), false)] {
        let mut new = Log::new();
        new.entries = vec![Entry::Epoch { origin: ORIGIN, size, root }.encode()];
        new.batch(&[1]);
        let leaves: Vec<_> = new.entries.iter().map(|entry| leaf_hash(entry)).collect();
        let checkpoint = Checkpoint {
            origin: ORIGIN.replace("2026", "2027"),
            size: 3,
            root: auditlog::tile_root(&leaves),
        };
        let year = folder.path().join("2027");
        new.write(&year, &signer);
        std::fs::remove_dir_all(year.join("tally")).unwrap();
        put(&year, &checkpoint_path(3), signer.sign(&checkpoint).as_bytes());
        assert_eq!(verify(folder.path(), &signer).ok, good);
    }
}

/// T51: a clock that jumps changes no order, because the tree has it. Back by an hour is tolerated; forward looks like silence,
/// which is named unless whoever checks knows of the jump.
#[test]
fn t51_a_clock_that_jumps_by_an_hour_changes_no_order_and_is_told_from_a_forgery() {
    const HOUR_MS: i64 = 3_600_000;
    let signer = Signer::new();
    for (jump, wanted, tolerated) in
        [(-HOUR_MS, vec![], true), (HOUR_MS, vec![Kind::Gap], true), (-2 * HOUR_MS, vec![Kind::Seal], false)]
    {
        let mut log = Log::new();
        log.batch(&[1, 2]);
        log.jump(jump);
        log.batch(&[1, 2]);
        log.batch(&[2]);
        let folder = tempfile::tempdir().unwrap();
        log.write(folder.path(), &signer);
        let report = verify(folder.path(), &signer);
        assert_eq!(kinds(&report), wanted, "{jump}: {}", report.to_text());
        assert_eq!(report.logs[0].events, 5);
        let mut order = Vec::new();
        auditlog::verify::read_events(folder.path(), |index, event, _| order.push((index, event.tenant[0])))
            .unwrap();
        assert_eq!(order, [(1, 1), (2, 2), (4, 1), (5, 2), (7, 2)]);
        let known = Options { keys: vec![signer.key.clone()], gap_max_s: 3_700, skew_max_s: SKEW_MAX_S };
        assert_eq!(verify_folder(folder.path(), &known).unwrap().ok, tolerated, "{jump}");
    }
}

/// T49: a history that somebody with the signing key rewrote is whole in itself, and a witness sees that it is another one.
#[test]
fn t49_a_witness_accepts_growth_and_refuses_a_rewritten_a_shorter_and_a_missing_log() {
    let (folder, signer) = (tempfile::tempdir().unwrap(), Signer::new());
    let (seen, key) = (folder.path().join("seen"), signer.key.to_text());
    let witness = |log: &Log| {
        let copy = tempfile::tempdir().unwrap();
        log.write(copy.path(), &signer);
        assert!(verify(copy.path(), &signer).ok, "each history is good in itself");
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_audit-verify"));
        command.args(["witness", "--json", "--key", &key]).arg("--seen").arg(&seen).arg(copy.path());
        let output = command.output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        (output.status.code().unwrap(), text, std::fs::read_to_string(&seen).unwrap_or_default())
    };
    let mut log = Log::new();
    log.batch(&[1, 2, 1]);
    let (code, _, first) = witness(&log);
    assert_eq!((code, first.lines().count()), (0, 1), "the first time it is believed");
    log.batch(&[2; 300]);
    let (code, _, grown) = witness(&log);
    assert!(code == 0 && grown != first, "growth is accepted and remembered");
    assert_eq!(witness(&log).0, 0, "so is no growth");

    let mut rewritten = Log::new();
    rewritten.batch(&[1, 3, 1]);
    rewritten.batch(&[2; 300]);
    rewritten.batch(&[1]);
    let mut shorter = Log::new();
    shorter.batch(&[1, 2, 1]);
    for (what, log) in [("rewritten", &rewritten), ("shorter", &shorter)] {
        let (code, text, kept) = witness(log);
        assert!(code == 1 && text.contains("\"fork\""), "{what}: {text}");
        assert_eq!(kept, grown, "{what}: what was seen stays");
    }
    std::fs::write(&seen, format!("{grown}audit.us-east-1.domicile/shard-1/2025 7 {}\n", "00".repeat(32)))
        .unwrap();
    let (code, text, _) = witness(&log);
    assert!(code == 1 && text.contains("\"missing\""), "{text}");
    std::fs::write(&seen, "nonsense\n").unwrap();
    assert_eq!(witness(&log).0, 2);
}
