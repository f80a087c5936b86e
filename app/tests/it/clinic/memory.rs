//! What a process leaves behind: no core file when it dies, and in its memory no key that it may no longer use
//! (security.md T40).

use std::io::{Read as _, Seek as _, SeekFrom};
use std::net::TcpListener;
use std::process::{Command, Stdio};

use app::access::Role;
use app::patients::model::PatientId;
use data_encoding::BASE64;
use regions::ids::TenantId;
use tenancy::envelope::{Cell, Place, ValueKey, open, parse};
use tenancy::keys::Purpose;
use tenancy::kms::{CallFor, EncryptionContext, KeyArn, Kms};
use tenancy::sealed::Column;

use crate::control::until;
use crate::support::{Backend, World, patient};

/// A name that no dictionary has.
const CANARY: &str = "Zqxvanishwell";
/// Most memory of a process that is looked through, in bytes.
const MEMORY_BYTES_MAX: u64 = 2 << 30;
/// Memory read at once, in bytes.
const PIECE_BYTES: usize = 4 << 20;

/// A page that was never written to.
static PAGE: [u8; 4_096] = [0; 4_096];

/// A started process may leave no core file, however generous its surroundings are, and cannot take that back.
#[test]
fn a_started_process_leaves_no_core_file() {
    // A listener that takes the connection and says nothing keeps the process waiting while it is looked at.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let binary = env!("CARGO_BIN_EXE_domicile");
    let script = format!(
        "ulimit -S -c $(ulimit -H -c); exec '{binary}' healthcheck --admin {}",
        silent.local_addr().unwrap()
    );
    let mut process = Command::new("sh").args(["-c", &script]).stderr(Stdio::null()).spawn().unwrap();
    let _connection = silent.accept().unwrap();
    let limits = core_limits(process.id());
    process.kill().unwrap();
    process.wait().unwrap();
    assert_eq!(limits, ["0", "0"], "soft and hard");
}

fn core_limits(pid: u32) -> [String; 2] {
    let limits = std::fs::read_to_string(format!("/proc/{pid}/limits")).unwrap();
    let line = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    let mut numbers = line.split_whitespace().skip(4).map(str::to_owned);
    [numbers.next().unwrap(), numbers.next().unwrap()]
}

/// A secret that must not be found, and what it is.
struct Secret {
    name: String,
    bytes: Vec<u8>,
}

/// The names of the secrets that stand anywhere in the memory that a process can write to.
fn found(pid: u32, secrets: &[Secret]) -> Vec<&str> {
    let maps = std::fs::read_to_string(format!("/proc/{pid}/maps")).unwrap();
    let mut memory = std::fs::File::open(format!("/proc/{pid}/mem")).unwrap();
    let longest = secrets.iter().map(|secret| secret.bytes.len()).max().unwrap();
    let (mut seen, mut total) = (vec![false; secrets.len()], 0);
    for line in maps.lines().filter(|line| line.split_whitespace().nth(1).unwrap().starts_with("rw")) {
        let (from, to) = line.split_whitespace().next().unwrap().split_once('-').unwrap();
        let (mut at, to) = (u64::from_str_radix(from, 16).unwrap(), u64::from_str_radix(to, 16).unwrap());
        total += to - at;
        assert!(total <= MEMORY_BYTES_MAX, "the process has more memory than is looked through");
        while at < to {
            let length = usize::try_from(to - at).unwrap().min(PIECE_BYTES);
            let mut piece = vec![0; length];
            memory.seek(SeekFrom::Start(at)).unwrap();
            // A mapping that went away since it was listed holds nothing.
            if memory.read_exact(&mut piece).is_err() {
                break;
            }
            mark(&piece, secrets, &mut seen);
            // Pieces overlap, so that nothing hides where two meet.
            at += u64::try_from(if length == PIECE_BYTES { length - longest } else { length }).unwrap();
        }
    }
    secrets.iter().zip(seen).filter(|(_, seen)| *seen).map(|(secret, _)| secret.name.as_str()).collect()
}

/// Marks the secrets that stand in a piece of memory. One pass for all of them: a test is not optimised.
fn mark(piece: &[u8], secrets: &[Secret], seen: &mut [bool]) {
    let pair = |bytes: &[u8]| (usize::from(bytes[0]) << 8) | usize::from(bytes[1]);
    let mut begins = vec![false; 1 << 16];
    secrets.iter().for_each(|secret| begins[pair(&secret.bytes)] = true);
    for (number, page) in piece.chunks(PAGE.len()).enumerate() {
        if page == &PAGE[..page.len()] {
            continue;
        }
        let from = number * PAGE.len();
        for at in from..(from + page.len()).min(piece.len() - 1) {
            if begins[pair(&piece[at..])] {
                for (secret, seen) in secrets.iter().zip(&mut *seen) {
                    *seen |= piece[at..].starts_with(&secret.bytes);
                }
            }
        }
    }
}

/// The clinic's keys, each as KMS unwraps it and as KMS writes it, and the patient's key.
async fn canaries(world: &World, kms: &Kms, tenant: TenantId, patient: &str) -> Vec<Secret> {
    let keys = world.region.key_superuser().await;
    let mut secrets = Vec::new();
    for purpose in Purpose::ALL {
        let sql = "SELECT wrapped, kms_key_arn FROM keystore.tenant_key WHERE tenant = $1 AND purpose = $2";
        let row = keys.query_one(sql, &[&tenant.as_uuid(), &purpose.as_str()]).await.unwrap();
        let arn = KeyArn::parse(row.get(1), kms.region()).unwrap();
        let context = [
            ("hc:cell", kms.region().to_string()),
            ("hc:tenant", tenant.as_uuid().to_string()),
            ("hc:purpose", purpose.as_str().to_owned()),
            ("hc:kver", "1".to_owned()),
            ("hc:ecv", "1".to_owned()),
        ];
        let context: EncryptionContext = context.map(|(name, value)| (name.to_owned(), value)).into();
        let key = kms.decrypt(&arn, row.get(0), context, CallFor::TenantKey).await.unwrap();
        let name = purpose.as_str();
        secrets.push(Secret { name: name.to_owned(), bytes: key.to_vec() });
        // Without the padding, which says nothing.
        let written = BASE64.encode(key.as_slice()).trim_end_matches('=').as_bytes().to_vec();
        secrets.push(Secret { name: format!("{name}, as KMS writes it"), bytes: written });
        if purpose == Purpose::Seal {
            let subject = PatientId::parse(patient).unwrap().uuid();
            let sql = "SELECT wrapped FROM keystore.subject_key WHERE tenant = $1 AND subject = $2";
            let row = keys.query_one(sql, &[&tenant.as_uuid(), &subject]).await.unwrap();
            let place = Place {
                cell: Cell::of(kms.region()).unwrap(),
                tenant: *tenant.as_bytes(),
                column: Column::new(2, 1),
                row: *subject.as_bytes(),
                subject: *subject.as_bytes(),
            };
            let opened = open(&ValueKey::new(&key), &place, &parse(row.get(0)).unwrap()).unwrap();
            secrets.push(Secret { name: "the patient's key".to_owned(), bytes: opened.to_vec() });
        }
    }
    secrets
}

#[tokio::test(flavor = "multi_thread")]
#[expect(clippy::print_stderr, reason = "a skipped check must say so")]
async fn t40_a_backends_memory_holds_keys_while_they_are_used_and_none_once_they_are_revoked() {
    let world = World::new().await;
    let (doctor, other) =
        (world.staff(&world.alpha, Role::Physician).await, world.staff(&world.beta, Role::Physician).await);
    let backend = Backend::start(&world).await;
    let id = {
        let ask = world.ask(&world.alpha, "POST", "/api/v1/patients").of(&backend).by(&doctor);
        ask.json(&patient(CANARY, "A-1")).send().await.expect(201).json()["id"].as_str().unwrap().to_owned()
    };
    let path = format!("/api/v1/patients/{id}");
    let read = async || world.ask(&world.alpha, "GET", &path).of(&backend).by(&doctor).send().await;
    assert!(read().await.expect(200).text().contains(CANARY));
    assert_eq!(core_limits(backend.pid()), ["0", "0"], "soft and hard");
    // A process that cannot be dumped gives its memory to root alone.
    let memory = format!("/proc/{}/mem", backend.pid());
    if std::fs::File::open(&memory).is_err() {
        eprintln!("1 check skipped: only root can look into the memory of a process that forbids it");
        return;
    }
    let config = &world.region.config;
    let kms = Kms::connect(config.region, &config.kms).await.unwrap();
    let secrets = canaries(&world, &kms, world.alpha.tenant.id, &id).await;
    // What is in use is found: the look is worth something.
    let used = found(backend.pid(), &secrets);
    for purpose in Purpose::ALL {
        assert!(used.contains(&purpose.as_str()), "{purpose:?} is not among {used:?}");
    }
    assert!(!used.contains(&"the patient's key"), "it is used by a request and not kept: {used:?}");

    // The key of the region is on its way out, and the process learns of it from a call for another clinic.
    kms.retire_epoch_key(kms.key()).await.unwrap();
    let refused = world.ask(&world.beta, "GET", "/api/v1/patients").of(&backend).by(&other).send().await;
    assert_eq!(refused.status.as_u16(), 503, "{}", refused.text());
    assert_eq!(read().await.status.as_u16(), 503, "and the first clinic's keys are gone, too");
    until("a memory without keys", async || found(backend.pid(), &secrets).is_empty()).await;
}
