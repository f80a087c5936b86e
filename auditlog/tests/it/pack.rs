//! A clinic's monthly pack, checked by the program as whoever got it does: one flipped byte in any file is found, a file less and
//! one more, another key, and events that are not those of the log.

use std::path::Path;
use std::process::Command;

use auditlog::pack::{PACK_NOTE, PACK_SUMS, PackNote, month_of_id, sums_text};
use auditlog::{Event, Hash, event_hash};
use data_encoding::HEXLOWER;
use serde_json::Value;

use crate::kit::{self, Log, Signer};

const TABLES: usize = 2;

fn sha256(bytes: &[u8]) -> Hash {
    aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes).as_ref().try_into().unwrap()
}

fn table(events: &[Event]) -> String {
    let line = |event: &Event| {
        let hash = HEXLOWER.encode(&event_hash(&event.encode()));
        format!("{},{hash},x\r\n", HEXLOWER.encode(&event.event_id))
    };
    "event_id,event_hash,other\r\n".to_owned() + &events.iter().map(line).collect::<String>()
}

/// The pack of clinic 4 with these events.
fn write(folder: &Path, signer: &Signer, events: &[Event]) {
    let mut files = Vec::new();
    for (n, some) in events.chunks(events.len().div_ceil(TABLES)).enumerate() {
        files.push((format!("events-{:04}.csv", n + 1), table(some).into_bytes()));
    }
    files.push(("summary.pdf".to_owned(), b"%PDF-1.7 a summary".to_vec()));
    let hashes: Vec<(String, Hash)> =
        files.iter().map(|(name, bytes)| (name.clone(), sha256(bytes))).collect();
    let sums = sums_text(hashes.iter().map(|(name, hash)| (name.as_str(), hash)));
    let note = PackNote {
        region: "us-east-1".into(),
        tenant: [4; 16],
        month: month_of_id(&events[0].event_id),
        events: events.len() as u64,
        sums: sha256(sums.as_bytes()),
    };
    files.push((PACK_SUMS.to_owned(), sums.into_bytes()));
    files.push((PACK_NOTE.to_owned(), signer.sign_text(&note.to_text()).into_bytes()));
    for (name, bytes) in files {
        std::fs::write(folder.join(name), bytes).unwrap();
    }
}

/// Exit code and report of the program.
fn check(folder: &Path, signer: &Signer, log: Option<&Path>) -> (i32, Value) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_audit-verify"));
    command.args(["pack", "--json", "--key", &signer.key.to_text()]).arg(folder);
    if let Some(log) = log {
        command.arg("--log").arg(log);
    }
    let output = command.output().unwrap();
    let report = serde_json::from_slice(&output.stdout).unwrap_or(Value::Null);
    (output.status.code().unwrap(), report)
}

fn kinds(report: &Value) -> Vec<&str> {
    report["findings"].as_array().unwrap().iter().map(|found| found["kind"].as_str().unwrap()).collect()
}

fn events(count: u64) -> Vec<Event> {
    // Numbered as in a log whose first entry says where it begins.
    (1..=count).map(|n| kit::event(4, n)).collect()
}

#[test]
fn one_flipped_byte_in_any_file_of_a_pack_is_found() {
    let (signer, folder) = (Signer::new(), tempfile::tempdir().unwrap());
    write(folder.path(), &signer, &events(10));
    let (code, report) = check(folder.path(), &signer, None);
    assert_eq!(
        (code, report["ok"].as_bool(), report["events"].as_u64()),
        (0, Some(true), Some(10)),
        "{report}"
    );
    let mut flipped = 0;
    for name in ["events-0001.csv", "events-0002.csv", "summary.pdf", PACK_SUMS, PACK_NOTE] {
        let path = folder.path().join(name);
        let good = std::fs::read(&path).unwrap();
        for at in [0, good.len() / 2, good.len() - 2] {
            let mut bad = good.clone();
            bad[at] ^= 1;
            std::fs::write(&path, &bad).unwrap();
            let (code, report) = check(folder.path(), &signer, None);
            assert_eq!((code, report["ok"].as_bool()), (1, Some(false)), "{name} at {at}");
            flipped += 1;
        }
        std::fs::write(&path, &good).unwrap();
    }
    assert_eq!(flipped, 15);
    assert_eq!(check(folder.path(), &signer, None).0, 0);
}

#[test]
fn a_file_less_one_more_or_another_key_is_found_and_no_folder_is_no_verdict() {
    let (signer, folder) = (Signer::new(), tempfile::tempdir().unwrap());
    write(folder.path(), &signer, &events(10));
    assert_eq!(kinds(&check(folder.path(), &Signer::new(), None).1), ["signature"]);
    std::fs::write(folder.path().join("events-0003.csv"), table(&events(1))).unwrap();
    assert_eq!(kinds(&check(folder.path(), &signer, None).1), ["extra"]);
    std::fs::remove_file(folder.path().join("events-0003.csv")).unwrap();
    for name in ["events-0002.csv", "summary.pdf", PACK_SUMS, PACK_NOTE] {
        let path = folder.path().join(name);
        let good = std::fs::read(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        let (code, report) = check(folder.path(), &signer, None);
        assert!(code == 1 && kinds(&report).contains(&"missing"), "{name}: {report}");
        std::fs::write(&path, &good).unwrap();
    }
    assert_eq!(check(&folder.path().join("nowhere"), &signer, None).0, 2);
}

#[test]
fn a_pack_that_is_signed_and_not_the_logs_is_found_with_a_copy_of_the_log() {
    let (signer, folder, log) = (Signer::new(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut written = Log::new();
    written.batch(&[4; 10]);
    written.batch(&[5]);
    written.write(log.path(), &signer);
    write(folder.path(), &signer, &events(10));
    let (code, report) = check(folder.path(), &signer, Some(log.path()));
    assert_eq!((code, report["compared"].as_u64()), (0, Some(10)), "{report}");
    // Whoever has the key signs a pack without an event, and one with an event altered.
    write(folder.path(), &signer, &events(9));
    assert_eq!(kinds(&check(folder.path(), &signer, Some(log.path())).1), ["missing"]);
    let mut altered = events(10);
    altered[4].outcome = "deny".into();
    write(folder.path(), &signer, &altered);
    assert_eq!(kinds(&check(folder.path(), &signer, Some(log.path())).1), ["missing", "row"]);
}
