//! Checkpoints as C2SP signed notes with an ECDSA P-256 signature (type `02`), and the key that verifies them.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1, ParsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::tree::Hash;

/// Largest signed checkpoint, in bytes.
const NOTE_BYTES_MAX: usize = 16_384;
/// The signature type of ECDSA keys in a verifier key.
const ECDSA: u8 = 2;

/// Why a note or a key is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    /// Not a signed note, not a checkpoint, or not a verifier key.
    #[error("not a signed checkpoint, or not a verifier key")]
    Form,
    /// No signature by a key that is trusted.
    #[error("no signature by a trusted key")]
    Unsigned,
    /// A signature by a trusted key's name does not verify.
    #[error("the signature is wrong")]
    Signature,
}

/// The public half of a log's signing key: `name+key id+base64(02, SubjectPublicKeyInfo)`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifierKey {
    name: String,
    id: [u8; 4],
    spki: Vec<u8>,
}

impl VerifierKey {
    /// The key of `name` with this DER `SubjectPublicKeyInfo`.
    ///
    /// # Errors
    /// [`NoteError::Form`] for a name with spaces or `+`, or another kind of key.
    pub fn new(name: &str, spki: &[u8]) -> Result<Self, NoteError> {
        let named =
            !name.is_empty() && !name.contains(|c: char| c.is_whitespace() || c.is_control() || c == '+');
        if !named || ParsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, spki).is_err() {
            return Err(NoteError::Form);
        }
        // For ECDSA the id is of the key alone, not of its name (C2SP signed-note).
        let hash = digest(&SHA256, spki);
        let id = hash.as_ref().first_chunk::<4>().copied().unwrap_or_default();
        Ok(Self { name: name.to_owned(), id, spki: spki.to_vec() })
    }

    /// Reads a verifier key.
    ///
    /// # Errors
    /// [`NoteError::Form`].
    pub fn parse(text: &str) -> Result<Self, NoteError> {
        let mut parts = text.trim().splitn(3, '+');
        let (Some(name), Some(id), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(NoteError::Form);
        };
        let bytes = STANDARD.decode(key).map_err(|_invalid| NoteError::Form)?;
        let spki = bytes.strip_prefix(&[ECDSA]).ok_or(NoteError::Form)?;
        let key = Self::new(name, spki)?;
        if data_encoding::HEXLOWER.encode(&key.id) == id { Ok(key) } else { Err(NoteError::Form) }
    }

    /// The key as text.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut bytes = vec![ECDSA];
        bytes.extend_from_slice(&self.spki);
        format!("{}+{}+{}", self.name, data_encoding::HEXLOWER.encode(&self.id), STANDARD.encode(bytes))
    }

    /// The key's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    fn verifies(&self, text: &str, signature: &[u8]) -> bool {
        ParsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, &self.spki)
            .is_ok_and(|key| key.verify_sig(text.as_bytes(), signature).is_ok())
    }
}

/// What a checkpoint states.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// Which log.
    pub origin: String,
    /// Its size.
    pub size: u64,
    /// Its root at that size.
    pub root: Hash,
}

impl Checkpoint {
    /// The text that is signed: three lines and no more.
    #[must_use]
    pub fn to_text(&self) -> String {
        format!("{}\n{}\n{}\n", self.origin, self.size, STANDARD.encode(self.root))
    }

    fn parse(text: &str) -> Result<Self, NoteError> {
        let mut lines = text.strip_suffix('\n').ok_or(NoteError::Form)?.split('\n');
        let (Some(origin), Some(size), Some(root), None) =
            (lines.next(), lines.next(), lines.next(), lines.next())
        else {
            return Err(NoteError::Form);
        };
        let number: u64 = size.parse().map_err(|_invalid| NoteError::Form)?;
        let root = STANDARD.decode(root).ok().and_then(|root| root.try_into().ok()).ok_or(NoteError::Form)?;
        if origin.is_empty() || number.to_string() != size {
            return Err(NoteError::Form);
        }
        Ok(Self { origin: origin.to_owned(), size: number, root })
    }
}

/// A signed note as it was stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedNote {
    text: String,
    signatures: Vec<(String, [u8; 4], Vec<u8>)>,
}

impl SignedNote {
    /// Reads a note; proves nothing yet.
    ///
    /// # Errors
    /// [`NoteError::Form`].
    pub fn parse(bytes: &[u8]) -> Result<Self, NoteError> {
        if bytes.len() > NOTE_BYTES_MAX {
            return Err(NoteError::Form);
        }
        let note = std::str::from_utf8(bytes).map_err(|_invalid| NoteError::Form)?;
        if note.chars().any(|c| c < ' ' && c != '\n') {
            return Err(NoteError::Form);
        }
        let (text, lines) = note.rsplit_once("\n\n").ok_or(NoteError::Form)?;
        let mut signatures = Vec::new();
        for line in lines.strip_suffix('\n').ok_or(NoteError::Form)?.split('\n') {
            let (name, signature) = line
                .strip_prefix("\u{2014} ")
                .and_then(|line| line.split_once(' '))
                .ok_or(NoteError::Form)?;
            let bytes = STANDARD.decode(signature).map_err(|_invalid| NoteError::Form)?;
            let (id, signature) = bytes.split_first_chunk::<4>().ok_or(NoteError::Form)?;
            signatures.push((name.to_owned(), *id, signature.to_vec()));
        }
        Ok(Self { text: format!("{text}\n"), signatures })
    }

    /// The checkpoint, if one of `keys` signed it and none of them signed it wrongly.
    ///
    /// # Errors
    /// [`NoteError`].
    pub fn open(&self, keys: &[VerifierKey]) -> Result<Checkpoint, NoteError> {
        Checkpoint::parse(self.signed_text(keys)?)
    }

    /// The text, whatever it states, if one of `keys` signed it and none of them signed it wrongly.
    ///
    /// # Errors
    /// [`NoteError::Unsigned`], [`NoteError::Signature`].
    pub fn signed_text(&self, keys: &[VerifierKey]) -> Result<&str, NoteError> {
        let mut signed = false;
        for (name, id, signature) in &self.signatures {
            for key in keys.iter().filter(|key| key.name == *name && key.id == *id) {
                if !key.verifies(&self.text, signature) {
                    return Err(NoteError::Signature);
                }
                signed = true;
            }
        }
        if signed { Ok(&self.text) } else { Err(NoteError::Unsigned) }
    }

    /// What the note states, without any proof.
    ///
    /// # Errors
    /// [`NoteError::Form`] if it is no checkpoint.
    pub fn claim(&self) -> Result<Checkpoint, NoteError> {
        Checkpoint::parse(&self.text)
    }
}

/// The signed note of `text` with a DER signature that `key` made over it.
#[must_use]
pub fn sign_text(text: &str, key: &VerifierKey, signature: &[u8]) -> String {
    let mut bytes = key.id.to_vec();
    bytes.extend_from_slice(signature);
    format!("{text}\n\u{2014} {} {}\n", key.name, STANDARD.encode(bytes))
}
