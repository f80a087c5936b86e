//! A process's own count of the events it committed, which reaches the archive on a way that is not the database.
//!
//! Between commit and seal an event is only a row, and whoever owns the database could take it away without a trace. The
//! process that committed it remembers: how many, and the sum of their keyed hashes. The key is the process's own and
//! leaves it only with the tally, so nobody at the database can choose other events with the same sum.

use aws_lc_rs::hmac;
use serde::{Deserialize, Serialize};

use crate::tree::Hash;

/// Most events of unknown outcome one tally lists; a process that has more closes its period at once.
pub const UNCERTAIN_MAX: usize = 10_000;

/// A sum of keyed hashes modulo 2^256; the order of adding does not matter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sum([u8; 32]);

impl Sum {
    /// A sum as it was stated.
    #[must_use]
    pub fn from_bytes(bytes: Hash) -> Self {
        Self(bytes)
    }

    /// Its bytes, big-endian.
    #[must_use]
    pub fn as_bytes(&self) -> &Hash {
        &self.0
    }

    /// Adds the hash of one event under `key`.
    pub fn add(&mut self, key: &[u8; 32], event_hash: &Hash) {
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), event_hash);
        let mut carry = 0_u16;
        for (sum, add) in self.0.iter_mut().rev().zip(tag.as_ref().iter().rev()) {
            let total = u16::from(*sum) + u16::from(*add) + carry;
            let [high, low] = total.to_be_bytes();
            *sum = low;
            carry = u16::from(high);
        }
    }
}

/// What one process states about one of its counting periods.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tally {
    /// The process, drawn at its start, in hexadecimal.
    pub instance: String,
    /// The period, from 1 and without a gap.
    pub period: u64,
    /// The key of the sum, in hexadecimal.
    pub key: String,
    /// Events committed.
    pub count: u64,
    /// The sum of their keyed hashes, in hexadecimal.
    pub sum: String,
    /// Hashes of events whose commit was not answered: each may be there or not.
    #[serde(default)]
    pub uncertain: Vec<String>,
}

impl Tally {
    /// Whether these hashes are what the process says it committed; events of unknown outcome count either way.
    #[must_use]
    pub fn agrees(&self, found: &[Hash]) -> bool {
        let hex = |text: &str| -> Option<Hash> {
            data_encoding::HEXLOWER.decode(text.as_bytes()).ok()?.try_into().ok()
        };
        let (Some(key), Some(stated)) = (hex(&self.key), hex(&self.sum)) else { return false };
        let uncertain: std::collections::HashSet<Hash> =
            self.uncertain.iter().filter_map(|text| hex(text)).collect();
        let (mut sum, mut count) = (Sum::default(), 0_u64);
        for hash in found.iter().filter(|hash| !uncertain.contains(*hash)) {
            sum.add(&key, hash);
            count += 1;
        }
        count == self.count && sum.as_bytes() == &stated
    }
}
