//! The hash chain of the directory's log: each version's hash covers everything before it.

use super::encode::encode;
use super::record::Entry;
use aws_lc_rs::digest;
use serde::{Deserialize, Serialize};

/// How far the log goes: the number of its last entry, and the hash over all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Head {
    /// Number of entries so far.
    pub version: u64,
    /// `SHA-256(0x01 ‖ chain of the version before ‖ encoded entry)`, all zeros before the first.
    pub chain: [u8; 32],
}

/// The append-only log, as arithmetic: it stores nothing.
#[derive(Clone, Copy, Debug)]
pub struct Log;

impl Head {
    /// The head of the empty log.
    pub const EMPTY: Self = Self { version: 0, chain: [0; 32] };

    /// The head after one more encoded entry.
    pub fn after(self, encoded_entry: &[u8]) -> Self {
        let mut hash = digest::Context::new(&digest::SHA256);
        hash.update(&[0x01]);
        hash.update(&self.chain);
        hash.update(encoded_entry);
        Self { version: self.version.saturating_add(1), chain: hash_bytes(hash.finish()) }
    }
}

impl Log {
    /// The head after `entry`, and the entry's bytes to store under the new version.
    pub fn append(before: Head, entry: &Entry) -> (Head, Vec<u8>) {
        let bytes = encode(entry);
        (before.after(&bytes), bytes)
    }
}

/// The 32 bytes of a SHA-256 digest.
pub(super) fn hash_bytes(digest: digest::Digest) -> [u8; 32] {
    let mut out = [0; 32];
    out.copy_from_slice(digest.as_ref());
    out
}
