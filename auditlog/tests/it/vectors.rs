//! The documented vectors: this crate and an independent reader in Python make the same bytes and the same verdicts.

use std::process::Command;

use auditlog::{EVENT_BYTES_MAX, Entry, Event, Receipt, event_hash, leaf_hash};
use proptest::prelude::*;

use crate::kit::{Log, Signer, event};

fn hex(bytes: &[u8]) -> String {
    data_encoding::HEXLOWER.encode(bytes)
}

fn sample() -> Event {
    Event {
        session: Some([1; 16]),
        request: Some([2; 16]),
        client_ip_sealed: Some(vec![0xaa; 40]),
        resource: Some([5; 16]),
        reason: Some("asked".into()),
        fields: u64::MAX,
        row_mac: Some(vec![0xbb; 32]),
        result_count: Some(7),
        touched: vec!["patient".into(), "person".into()],
        detail_sealed: Some(vec![0xcc; 20]),
        ..event(4, 17)
    }
}

#[test]
fn the_documented_vectors_are_what_the_code_makes() {
    let document = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/audit.md")).unwrap();
    let event = sample().encode();
    let entry = Entry::Event { tenant: [4; 16], tenant_seq: 2, tenant_prev: [6; 32], event: &event }.encode();
    for line in [
        format!("event_bytes {}", event.len()),
        format!("event_hash {}", hex(&event_hash(&event))),
        format!("entry_bytes {}", entry.len()),
        format!("leaf_hash {}", hex(&leaf_hash(&entry))),
    ] {
        assert!(document.contains(&line), "docs/audit.md has another: {line}");
    }
}

#[test]
fn an_independent_reader_in_python_agrees() {
    let (folder, signer) = (tempfile::tempdir().unwrap(), Signer::new());
    let mut log = Log::new();
    for _ in 0..150 {
        log.batch(&[1, 2]);
    }
    log.write(folder.path(), &signer);
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/read_log.py");
    let run = |folder: &std::path::Path| Command::new("python3").arg(script).arg(folder).output().unwrap();
    let output = run(folder.path());
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    let event = sample().encode();
    assert!(said.contains("entries 451 events 300 clinics 2"), "{said}");
    assert!(said.contains(&format!("event_hash {}", hex(&event_hash(&event)))), "{said}");
    // And it notices what this crate notices.
    let place = folder.path().join("tile/entries/000");
    let mut bytes = std::fs::read(&place).unwrap();
    bytes[100] ^= 1;
    std::fs::write(&place, bytes).unwrap();
    assert!(!run(folder.path()).status.success());
}

#[test]
fn a_receipt_proves_one_event_and_nothing_else() {
    let signer = Signer::new();
    let mut log = Log::new();
    log.batch(&[1, 2, 1]);
    let leaves: Vec<_> = log.entries.iter().map(|entry| leaf_hash(entry)).collect();
    let node = |a: usize, b: usize| auditlog::node_hash(&leaves[a], &leaves[b]);
    let root = auditlog::node_hash(&auditlog::node_hash(&node(0, 1), &node(2, 3)), &leaves[4]);
    let checkpoint = auditlog::Checkpoint { origin: crate::kit::ORIGIN.into(), size: 5, root };
    let receipt = Receipt {
        entry: log.entries[2].clone(),
        index: 2,
        proof: vec![leaves[3], node(0, 1), leaves[4]],
        checkpoint: signer.sign(&checkpoint),
    };
    let text = receipt.to_text();
    let read = Receipt::parse(&text).unwrap();
    assert_eq!(read, receipt);
    let keys = [signer.key.clone()];
    let proved = read.verify(&keys).unwrap();
    assert_eq!((proved.event.tenant, proved.tenant_seq), ([2; 16], 1));
    assert!(read.verify(&[Signer::new().key]).is_err());
    for place in [0, 1, 3] {
        assert!(Receipt { index: place, ..read.clone() }.verify(&keys).is_err());
        assert!(
            Receipt { entry: log.entries[place as usize].clone(), ..read.clone() }.verify(&keys).is_err()
        );
    }
    let key = signer.key.to_text();
    assert_eq!(auditlog::VerifierKey::parse(&key).unwrap(), signer.key);
    assert!(auditlog::VerifierKey::parse(&key.replace('+', "-")).is_err());
}

proptest! {
    #[test]
    fn reading_is_the_inverse_of_writing(
        words in proptest::collection::vec(".{0,40}", 6), numbers in any::<[u64; 3]>(),
        bytes in proptest::option::of(proptest::collection::vec(any::<u8>(), 0..600)),
        id in any::<Option<[u8; 16]>>(), touched in proptest::collection::vec("[a-z]{0,9}", 0..16),
    ) {
        let event = Event {
            region: words[0].clone(), actor_kind: words[1].clone(), action: words[2].clone(),
            resource_kind: words[3].clone(), purpose: words[4].clone(), reason: Some(words[5].clone()),
            occurred_us: numbers[0].cast_signed(), fields: numbers[1], row_version: Some(numbers[2].cast_signed()),
            session: id, subject: id, client_ip_sealed: bytes.clone(), detail_sealed: bytes, touched,
            ..event(1, 1)
        };
        let encoded = event.encode();
        prop_assert!(encoded.len() <= EVENT_BYTES_MAX);
        prop_assert_eq!(Event::decode(&encoded).unwrap(), event);
    }

    #[test]
    fn what_is_cut_extended_or_random_is_an_error_and_no_panic(
        cut in 0_usize..400, extra in any::<u8>(), noise in proptest::collection::vec(any::<u8>(), 0..300),
    ) {
        let mut encoded = sample().encode();
        let whole = encoded.len();
        prop_assert!(Event::decode(&encoded[..cut.min(whole - 1)]).is_err());
        encoded.push(extra);
        prop_assert!(Event::decode(&encoded).is_err());
        prop_assert!(Entry::decode(&noise).is_err());
        prop_assert!(Receipt::parse(&String::from_utf8_lossy(&noise)).is_err());
        let _no_panic = auditlog::SignedNote::parse(&noise);
    }
}
