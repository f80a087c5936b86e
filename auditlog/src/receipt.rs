//! A receipt: proof that one event is in the log, which stands by itself for years (C2SP tlog-proof).
//!
//! Its extra data is the entry, which everything else proves: nothing in it is believed without the proof.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::entry::Entry;
use crate::event::Event;
use crate::note::{Checkpoint, NoteError, SignedNote, VerifierKey};
use crate::tree::{Hash, inclusion_root, leaf_hash};

/// The first line.
const FIRST_LINE: &str = "c2sp.org/tlog-proof@v1";
/// Largest receipt, in bytes.
const RECEIPT_BYTES_MAX: usize = 65_536;
/// Longest proof, in hashes.
const PROOF_HASHES_MAX: usize = 64;

/// Why a receipt proves nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ReceiptError {
    /// Not a receipt.
    #[error("not a receipt")]
    Form,
    /// Its checkpoint is not signed by a trusted key.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// The event is not at that place in that log.
    #[error("the event is not in the log that the checkpoint signs")]
    Proof,
}

/// A receipt's parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// The entry's bytes.
    pub entry: Vec<u8>,
    /// Its place in the log.
    pub index: u64,
    /// The hashes from the leaf's sibling up to the root's child.
    pub proof: Vec<Hash>,
    /// The signed checkpoint, as it was stored.
    pub checkpoint: String,
}

/// What a receipt proves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proved {
    /// The event.
    pub event: Event,
    /// Its number in its clinic's chain.
    pub tenant_seq: u64,
    /// The checkpoint it is under.
    pub checkpoint: Checkpoint,
}

impl Receipt {
    /// The receipt as text.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut text =
            format!("{FIRST_LINE}\nextra {}\nindex {}\n", STANDARD.encode(&self.entry), self.index);
        for hash in &self.proof {
            text.push_str(&STANDARD.encode(hash));
            text.push('\n');
        }
        text.push('\n');
        text.push_str(&self.checkpoint);
        text
    }

    /// Reads a receipt; proves nothing yet.
    ///
    /// # Errors
    /// [`ReceiptError::Form`].
    pub fn parse(text: &str) -> Result<Self, ReceiptError> {
        if text.len() > RECEIPT_BYTES_MAX {
            return Err(ReceiptError::Form);
        }
        let (head, checkpoint) = text.split_once("\n\n").ok_or(ReceiptError::Form)?;
        let mut lines = head.split('\n');
        if lines.next() != Some(FIRST_LINE) {
            return Err(ReceiptError::Form);
        }
        let field = |line: Option<&str>, name: &str| {
            line.and_then(|line| line.strip_prefix(name)).map(str::to_owned).ok_or(ReceiptError::Form)
        };
        let entry = STANDARD.decode(field(lines.next(), "extra ")?).map_err(|_invalid| ReceiptError::Form)?;
        let index = field(lines.next(), "index ")?.parse().map_err(|_invalid| ReceiptError::Form)?;
        let mut proof = Vec::new();
        for line in lines {
            let hash = STANDARD.decode(line).ok().and_then(|hash| hash.try_into().ok());
            proof.push(hash.ok_or(ReceiptError::Form)?);
            if proof.len() > PROOF_HASHES_MAX {
                return Err(ReceiptError::Form);
            }
        }
        Ok(Self { entry, index, proof, checkpoint: checkpoint.to_owned() })
    }

    /// Checks the signature and the proof, and says what they prove.
    ///
    /// # Errors
    /// [`ReceiptError`].
    pub fn verify(&self, keys: &[VerifierKey]) -> Result<Proved, ReceiptError> {
        let checkpoint = SignedNote::parse(self.checkpoint.as_bytes())?.open(keys)?;
        let root = inclusion_root(self.index, checkpoint.size, leaf_hash(&self.entry), &self.proof);
        if root != Some(checkpoint.root) {
            return Err(ReceiptError::Proof);
        }
        match Entry::decode(&self.entry) {
            Ok(Entry::Event { tenant, tenant_seq, event, .. }) => {
                let event = Event::decode(event).map_err(|_format| ReceiptError::Form)?;
                if event.tenant == tenant {
                    Ok(Proved { event, tenant_seq, checkpoint })
                } else {
                    Err(ReceiptError::Proof)
                }
            }
            _ => Err(ReceiptError::Form),
        }
    }
}
