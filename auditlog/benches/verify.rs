//! How long the verification of a copied log takes, offline.
//!
//! `cargo bench -p auditlog --bench verify` measures a million events, or as many as `DOMICILE_BENCH_EVENTS` says; without
//! `--bench`, as `cargo test` runs it, or with `--quick`, a few prove that the harness works. Each result is one line of JSON.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::as_conversions,
    clippy::cast_precision_loss,
    reason = "a benchmark stops loudly and prints what it measured"
)]

use std::collections::HashMap;
use std::path::Path;
use std::time::Instant;

use auditlog::verify::{GAP_MAX_S, Options, SKEW_MAX_S, verify_folder};
use auditlog::{
    Bundle, Checkpoint, Entry, Event, Frontier, Hash, Sum, TILE_WIDTH, Tally, VerifierKey, bundle_path,
    checkpoint_path, event_hash, leaf_hash, sign_text, tile_path, tile_root,
};
use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair};
use data_encoding::HEXLOWER;

const EVENTS: u64 = 1_000_000;
const EVENTS_QUICK: u64 = 3_000;
/// What the target speaks of.
const EVENTS_TARGET: u64 = 10_000_000;
const SECONDS_TARGET: f64 = 60.0;
/// Events of one batch of the sealer, which makes one a second.
const BATCH: u64 = 4_096;
/// Clinics of the shard.
const TENANTS: u64 = 100;
const NAME: &str = "audit.us-east-1.domicile/shard-1";
const TALLY_KEY: [u8; 32] = [7; 32];
const INSTANCE: [u8; 16] = [9; 16];
const BEGUN_MS: u64 = 1_795_000_000_000;

#[expect(clippy::disallowed_methods, reason = "whoever measures asks for a size in the environment")]
fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let asked = |name: &str| arguments.iter().any(|argument| argument == name);
    let real = asked("--bench") && !asked("--quick");
    let wished = std::env::var("DOMICILE_BENCH_EVENTS").ok().and_then(|number| number.parse().ok());
    let events = if real { wished.unwrap_or(EVENTS) } else { EVENTS_QUICK };

    let folder = tempfile::tempdir().unwrap();
    let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap();
    let key = VerifierKey::new(NAME, pair.public_key().as_der().unwrap().as_ref()).unwrap();
    let begun = Instant::now();
    write(folder.path(), events, (&pair, &key));
    eprintln!("a log of {events} events was written in {:.1} s", begun.elapsed().as_secs_f64());

    let options = Options { keys: vec![key], gap_max_s: GAP_MAX_S, skew_max_s: SKEW_MAX_S };
    let begun = Instant::now();
    let report = verify_folder(folder.path(), &options).unwrap();
    let took_s = begun.elapsed().as_secs_f64();
    assert!(report.ok, "{}", report.to_text());
    assert_eq!(report.logs.iter().map(|log| log.events).sum::<u64>(), events);
    let whole_s = took_s / events as f64 * EVENTS_TARGET as f64;
    let rate = events as f64 / took_s;
    let mut figure = format!("{events} events in {took_s:.1} s, {rate:.0} events/s");
    if events != EVENTS_TARGET {
        figure.push_str(&format!("; extrapolated, 10 M take {whole_s:.0} s"));
    }
    let line = serde_json::json!({
        "name": "verification of a copied audit log, offline", "figure": figure, "against": "–", "ratio": null,
        "reach": "10 M events ≤ 60 s", "met": real.then_some(whole_s <= SECONDS_TARGET),
    });
    println!("{line}");
}

/// Writes what the archive would hold, a piece at a time: ten million entries do not fit in memory.
fn write(folder: &Path, events: u64, (pair, key): (&EcdsaKeyPair, &VerifierKey)) {
    let mut log = Log::new(folder);
    log.push(&Entry::Epoch { origin: "", size: 0, root: [0; 32] }.encode());
    let (mut chains, mut sum) = (HashMap::<u64, (u64, Hash)>::new(), Sum::default());
    let (mut made, mut time_ms) = (0, BEGUN_MS);
    while made < events {
        let batch = BATCH.min(events - made);
        for number in made..made + batch {
            let event = event(number).encode();
            sum.add(&TALLY_KEY, &event_hash(&event));
            let tenant = number % TENANTS;
            let (seq, prev) = chains.get(&tenant).copied().unwrap_or_default();
            let entry =
                Entry::Event { tenant: id(tenant), tenant_seq: seq + 1, tenant_prev: prev, event: &event }
                    .encode();
            chains.insert(tenant, (seq + 1, leaf_hash(&entry)));
            log.push(&entry);
        }
        made += batch;
        time_ms += 1_000;
        log.push(&Entry::Seal { time_ms, fence: 1, events: batch }.encode());
    }
    let (size, root) = log.end();
    let text = Checkpoint { origin: format!("{NAME}/2026"), size, root }.to_text();
    let signature = pair.sign(&SystemRandom::new(), text.as_bytes()).unwrap();
    let note = sign_text(&text, key, signature.as_ref());
    put(folder, &checkpoint_path(size), note.as_bytes());
    let tally = Tally {
        instance: HEXLOWER.encode(&INSTANCE),
        period: 1,
        key: HEXLOWER.encode(&TALLY_KEY),
        count: events,
        sum: HEXLOWER.encode(sum.as_bytes()),
        uncertain: Vec::new(),
    };
    put(folder, "tally/1", &serde_json::to_vec(&tally).unwrap());
}

fn id(number: u64) -> [u8; 16] {
    u128::from(number + 1).to_be_bytes()
}

/// A patient's record is read, with what such an event has.
fn event(number: u64) -> Event {
    Event {
        event_id: id(number),
        tenant: id(number % TENANTS),
        region: "us-east-1".into(),
        occurred_us: i64::try_from(BEGUN_MS * 1_000 + number * 200).unwrap(),
        instance: INSTANCE,
        period: 1,
        actor_kind: "staff".into(),
        actor: id(number % 977),
        session: Some(id(number % 977)),
        request: Some(id(number)),
        client_ip_sealed: Some(vec![5; 113]),
        action: "patient.read".into(),
        resource_kind: "patient".into(),
        resource: Some(id(number % 50_000)),
        subject: Some(id(number % 50_000)),
        purpose: "TREATMENT".into(),
        outcome: "allow".into(),
        row_version: Some(2),
        ..Event::default()
    }
}

/// The files of a log that grows.
struct Log<'a> {
    folder: &'a Path,
    frontier: Frontier,
    bundle: Bundle,
    /// The tile under way of each level, and how many full ones lie before it.
    tiles: Vec<(u64, Vec<Hash>)>,
}

impl<'a> Log<'a> {
    fn new(folder: &'a Path) -> Self {
        Self { folder, frontier: Frontier::default(), bundle: Bundle::default(), tiles: Vec::new() }
    }

    fn push(&mut self, entry: &[u8]) {
        let leaf = leaf_hash(entry);
        self.bundle.push(entry).unwrap();
        self.frontier.push(leaf);
        let size = self.frontier.size();
        if size.is_multiple_of(TILE_WIDTH) {
            let bundle = std::mem::take(&mut self.bundle);
            put(self.folder, &bundle_path(size / TILE_WIDTH - 1, TILE_WIDTH), bundle.as_bytes());
        }
        let mut carry = Some(leaf);
        for level in 0_u8.. {
            let Some(hash) = carry.take() else { break };
            if self.tiles.len() == usize::from(level) {
                self.tiles.push((0, Vec::new()));
            }
            let Some((full, tile)) = self.tiles.get_mut(usize::from(level)) else { break };
            tile.push(hash);
            if tile.len() as u64 == TILE_WIDTH {
                put(self.folder, &tile_path(level, *full, TILE_WIDTH), &tile.concat());
                carry = Some(tile_root(tile));
                tile.clear();
                *full += 1;
            }
        }
    }

    /// Writes what is not full; gives the size and the root.
    fn end(&self) -> (u64, Hash) {
        let size = self.frontier.size();
        if !size.is_multiple_of(TILE_WIDTH) {
            put(self.folder, &bundle_path(size / TILE_WIDTH, size % TILE_WIDTH), self.bundle.as_bytes());
        }
        for (level, (full, tile)) in (0_u8..).zip(&self.tiles) {
            if !tile.is_empty() {
                put(self.folder, &tile_path(level, *full, tile.len() as u64), &tile.concat());
            }
        }
        (size, self.frontier.root())
    }
}

/// Writes a file and the folders above it.
fn put(folder: &Path, path: &str, bytes: &[u8]) {
    let file = folder.join(path);
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    std::fs::write(file, bytes).unwrap();
}
