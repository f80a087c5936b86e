//! A small log in a folder, written as the sealer writes it, and a key of its own.

use std::collections::HashMap;
use std::path::Path;

use auditlog::{
    Bundle, Checkpoint, Entry, Event, Frontier, Hash, Sum, TILE_WIDTH, Tally, VerifierKey, bundle_path,
    checkpoint_path, event_hash, leaf_hash, sign_text, tile_path, tile_root,
};
use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair};

pub(crate) const ORIGIN: &str = "audit.us-east-1.domicile/shard-1/2026";
const NAME: &str = "audit.us-east-1.domicile/shard-1";
const KEY: [u8; 32] = [7; 32];

/// A signing key and its public half.
pub(crate) struct Signer {
    pair: EcdsaKeyPair,
    pub(crate) key: VerifierKey,
}

impl Signer {
    pub(crate) fn new() -> Self {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap();
        let spki = pair.public_key().as_der().unwrap().as_ref().to_vec();
        let key = VerifierKey::new(NAME, &spki).unwrap();
        Self { pair, key }
    }

    pub(crate) fn sign(&self, checkpoint: &Checkpoint) -> String {
        self.sign_text(&checkpoint.to_text())
    }

    pub(crate) fn sign_text(&self, text: &str) -> String {
        let signature = self.pair.sign(&SystemRandom::new(), text.as_bytes()).unwrap();
        sign_text(text, &self.key, signature.as_ref())
    }
}

/// An event of clinic `tenant`.
pub(crate) fn event(tenant: u8, number: u64) -> Event {
    let mut id = [0; 16];
    id[..8].copy_from_slice(&number.to_be_bytes());
    Event {
        event_id: id,
        tenant: [tenant; 16],
        region: "us-east-1".into(),
        occurred_us: 1_795_000_000_000_000 + number.cast_signed(),
        instance: [9; 16],
        period: 1,
        actor_kind: "staff".into(),
        actor: [3; 16],
        action: "patient.read".into(),
        resource_kind: "patient".into(),
        subject: Some([5; 16]),
        purpose: "TREATMENT".into(),
        outcome: "allow".into(),
        row_version: Some(2),
        ..Event::default()
    }
}

/// A log that is being written.
pub(crate) struct Log {
    pub(crate) entries: Vec<Vec<u8>>,
    chains: HashMap<u8, (u64, Hash)>,
    pub(crate) clock_ms: u64,
    pub(crate) checkpoints: Vec<u64>,
}

impl Log {
    pub(crate) fn new() -> Self {
        let first = Entry::Epoch { origin: "", size: 0, root: [0; 32] }.encode();
        Self {
            entries: vec![first],
            chains: HashMap::new(),
            clock_ms: 1_795_000_000_000,
            checkpoints: Vec::new(),
        }
    }

    /// A batch of one event for each of `tenants`, with its mark.
    pub(crate) fn batch(&mut self, tenants: &[u8]) {
        for tenant in tenants {
            let (seq, prev) = self.chains.get(tenant).copied().unwrap_or((0, [0; 32]));
            let event = event(*tenant, self.entries.len() as u64).encode();
            let entry =
                Entry::Event { tenant: [*tenant; 16], tenant_seq: seq + 1, tenant_prev: prev, event: &event }
                    .encode();
            self.chains.insert(*tenant, (seq + 1, leaf_hash(&entry)));
            self.entries.push(entry);
        }
        self.mark(60_000, tenants.len() as u64);
        self.checkpoints.push(self.entries.len() as u64);
    }

    pub(crate) fn mark(&mut self, later_ms: u64, events: u64) {
        self.clock_ms += later_ms;
        self.entries.push(Entry::Seal { time_ms: self.clock_ms, fence: 1, events }.encode());
    }

    /// The sealer's clock jumps.
    pub(crate) fn jump(&mut self, by_ms: i64) {
        self.clock_ms = self.clock_ms.saturating_add_signed(by_ms);
    }

    /// Writes what the archive would hold.
    pub(crate) fn write(&self, folder: &Path, signer: &Signer) {
        let leaves: Vec<Hash> = self.entries.iter().map(|entry| leaf_hash(entry)).collect();
        for size in &self.checkpoints {
            let mut frontier = Frontier::default();
            leaves[..*size as usize].iter().for_each(|leaf| frontier.push(*leaf));
            let checkpoint = Checkpoint { origin: ORIGIN.into(), size: *size, root: frontier.root() };
            put(folder, &checkpoint_path(*size), signer.sign(&checkpoint).as_bytes());
        }
        // Partial tiles of sizes in between are in the archive too; nobody needs them.
        if let Some(size) = self.checkpoints.last() {
            self.write_tiles(folder, &leaves[..*size as usize]);
        }
        let mut sum = Sum::default();
        let mut count = 0;
        for entry in &self.entries {
            if let Ok(Entry::Event { event, .. }) = Entry::decode(entry) {
                sum.add(&KEY, &event_hash(event));
                count += 1;
            }
        }
        let hex = |bytes: &[u8]| data_encoding::HEXLOWER.encode(bytes);
        let tally = Tally {
            instance: hex(&[9; 16]),
            period: 1,
            key: hex(&KEY),
            count,
            sum: hex(sum.as_bytes()),
            uncertain: Vec::new(),
        };
        put(folder, "tally/1", &serde_json::to_vec(&tally).unwrap());
    }

    fn write_tiles(&self, folder: &Path, leaves: &[Hash]) {
        for (n, chunk) in self.entries[..leaves.len()].chunks(TILE_WIDTH as usize).enumerate() {
            let mut bundle = Bundle::default();
            chunk.iter().for_each(|entry| bundle.push(entry).unwrap());
            put(folder, &bundle_path(n as u64, chunk.len() as u64), bundle.as_bytes());
        }
        let mut level = leaves.to_vec();
        for number in 0_u8.. {
            if level.is_empty() {
                break;
            }
            for (n, tile) in level.chunks(TILE_WIDTH as usize).enumerate() {
                put(folder, &tile_path(number, n as u64, tile.len() as u64), &tile.concat());
            }
            let full = level.chunks_exact(TILE_WIDTH as usize);
            level = full.map(tile_root).collect();
        }
    }
}

/// Writes a file and the folders above it.
pub(crate) fn put(folder: &Path, path: &str, bytes: &[u8]) {
    let file = folder.join(path);
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    std::fs::write(file, bytes).unwrap();
}
