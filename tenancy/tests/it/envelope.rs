//! Sealed values through real keys: every way to move one fails, and an independent decoder agrees on the vectors.

use std::collections::BTreeMap;
use std::process::Command;

use regions::ids::TenantId;
use tenancy::keys::{Keys, SubjectId};
use tenancy::sealed::{Column, OpenError, SealError, Sealed, Sealer};

use crate::rig::Rig;

#[path = "../../fuzz/check.rs"]
mod check;

const NAMES: Column = Column::new(16, 1);
const PHONES: Column = Column::new(16, 4);
const OTHER_TABLE: Column = Column::new(17, 1);

fn id(byte: u8) -> [u8; 16] {
    [byte; 16]
}

async fn subject(keys: &Keys, tenant: TenantId, byte: u8) -> Sealer {
    keys.create_subject(tenant, SubjectId::from(id(byte))).await.unwrap().sealer()
}

/// One sealed value and where it belongs.
struct Home<'a> {
    name: &'a str,
    sealer: &'a Sealer,
    column: Column,
    row: [u8; 16],
}

#[tokio::test]
async fn t25_a_value_opens_in_no_other_place_of_two_clinics() {
    let rig = Rig::new().await;
    let (keys, _) = rig.keys().await;
    let (alpha, beta) = (TenantId::random(), TenantId::random());
    for tenant in [alpha, beta] {
        keys.ensure_tenant_keys(tenant).await.unwrap();
    }
    let sealers = BTreeMap::from([
        ("alpha, first patient", subject(&keys, alpha, 1).await),
        ("alpha, second patient", subject(&keys, alpha, 2).await),
        ("beta, a patient with the same id", subject(&keys, beta, 1).await),
        ("alpha, about nobody", keys.tenant_sealer(alpha).await.unwrap()),
        ("beta, about nobody", keys.tenant_sealer(beta).await.unwrap()),
    ]);
    let mut homes = Vec::new();
    for (name, sealer) in &sealers {
        for column in [NAMES, PHONES, OTHER_TABLE] {
            for row in [id(7), id(8)] {
                homes.push(Home { name, sealer, column, row });
            }
        }
    }
    for from in &homes {
        let text = format!("{} {:?} {:?}", from.name, from.column, from.row);
        let sealed = from.sealer.seal(from.column, from.row, text.as_bytes()).unwrap();
        for to in &homes {
            let opened = to.sealer.open(to.column, to.row, &sealed);
            if std::ptr::eq(from, to) {
                assert_eq!(opened.map(|bytes| bytes.to_vec()).as_deref(), Ok(text.as_bytes()));
            } else {
                let place = format!("{text} at {} {:?} {:?}", to.name, to.column, to.row);
                assert_eq!(opened.map(|_| ()), Err(OpenError::Tampered), "{place}");
            }
        }
    }
}

#[tokio::test]
async fn t25_a_value_says_which_key_versions_it_needs_and_cannot_be_told_otherwise() {
    let rig = Rig::new().await;
    let (keys, _) = rig.keys().await;
    let tenant = TenantId::random();
    keys.ensure_tenant_keys(tenant).await.unwrap();
    let patient = subject(&keys, tenant, 1).await;
    let office = keys.tenant_sealer(tenant).await.unwrap();
    for (sealer, by_tenant) in [(&patient, false), (&office, true)] {
        let stored = sealer.seal(NAMES, id(7), b"Asha").unwrap().into_bytes();
        for (tkver, skver) in [(0, 1), (1, 0), (1, 1), (2, 0), (2, 1), (1, 2), (u32::MAX, u16::MAX)] {
            let mut other = stored.clone();
            other[3..7].copy_from_slice(&u32::to_be_bytes(tkver));
            other[7..9].copy_from_slice(&u16::to_be_bytes(skver));
            let opened = sealer.open(NAMES, id(7), &Sealed::from_bytes(other)).map(|_| ());
            match (by_tenant, tkver, skver) {
                (true, 1, 0) | (false, 1, 1) => assert_eq!(opened, Ok(())),
                _ => assert!(
                    matches!(opened, Err(OpenError::KeyVersion | OpenError::Tampered)),
                    "{tkver} {skver}"
                ),
            }
        }
    }
}

#[tokio::test]
async fn zero_rows_are_refused_and_a_sealed_value_prints_its_length_only() {
    let rig = Rig::new().await;
    let (keys, _) = rig.keys().await;
    let tenant = TenantId::random();
    keys.ensure_tenant_keys(tenant).await.unwrap();
    let sealer = keys.tenant_sealer(tenant).await.unwrap();
    assert_eq!(sealer.seal(NAMES, id(0), b"x").map(|_| ()), Err(SealError::ZeroId));
    assert_eq!(sealer.seal(Column::new(0, 1), id(1), b"x").map(|_| ()), Err(SealError::ZeroId));
    let sealed = sealer.seal(NAMES, id(1), b"Asha").unwrap();
    assert_eq!(format!("{sealed:?}"), "Sealed(113 bytes)");
    assert_eq!(sealer.open(NAMES, id(0), &sealed).map(|_| ()), Err(OpenError::ZeroId));
}

#[test]
#[expect(clippy::print_stderr, reason = "a skipped check must say so")]
fn an_independent_decoder_agrees_on_the_documented_vectors() {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
    let run = Command::new("python3")
        .arg(format!("{root}/tenancy/tests/crypto_vectors.py"))
        .arg(format!("{root}/docs/crypto.md"))
        .output();
    match run {
        Ok(run) => assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            eprintln!("SKIPPED: python3 is not installed, so the independent decoder did not run");
        }
        Err(error) => panic!("python3 could not be run: {error}"),
    }
}

/// What the fuzzer found or was given, each whole, cut and longer: `tenancy/fuzz` in a bounded form.
#[test]
fn t26_the_fuzzers_corpus_holds() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/fuzz/corpus/envelope");
    let mut seen = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        check::envelope(&bytes);
        for length in 0..bytes.len() {
            check::envelope(&bytes[..length]);
        }
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            check::envelope(&flipped);
        }
        seen += 1;
    }
    assert!(seen >= 20, "{seen} files");
}
