//! Signed snapshots and deltas: a header that Ed25519 signs, and content that the header's hash covers.

use super::chain::{Head, hash_bytes};
use super::encode::{ENTRY_MAX_BYTES, decode, encode};
use super::record::Entry;
use crate::keyring::Kid;
use crate::wire::{Reader, Writer};
use aws_lc_rs::digest;
use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair, ParsedPublicKey};
use data_encoding::{BASE64, BASE64_MIME};
use rustls::pki_types::{PrivatePkcs8KeyDer, pem::PemObject};
use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// Most entries in one delta; a control plane with more to say answers with a snapshot.
pub const DELTA_MAX_ENTRIES: usize = 10_000;
/// Largest delta, in bytes.
pub const DELTA_MAX_BYTES: usize = 8 * 1024 * 1024;
/// Largest snapshot, in bytes: about five million tenants.
pub const SNAPSHOT_MAX_BYTES: usize = 512 * 1024 * 1024;

const MAGIC: [u8; 4] = *b"DMDR";
const FORMAT: u8 = 1;
const DOMAIN: &[u8] = b"domicile-directory-v1\0";
const SIGNATURE_BYTES: usize = 64;

/// What a signed message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// All current entries.
    Snapshot,
    /// The entries after one head, up to another.
    Delta,
}

/// A message whose signature and content hash were verified, with its entries decoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opened {
    /// What it is.
    pub kind: Kind,
    /// The head it starts from; the empty log's for a snapshot.
    pub from: Head,
    /// The head it leads to.
    pub to: Head,
    /// When it was signed, in Unix milliseconds of the control plane's clock.
    pub issued_ms: u64,
    /// The entries, in log order for a delta, regions first and then by key for a snapshot.
    pub entries: Vec<Entry>,
}

/// The control plane's signing key. It does not print.
pub struct Signer {
    kid: Kid,
    key: Ed25519KeyPair,
}

/// The public keys that may sign the directory, by name; rotation lists two.
#[derive(Clone, Debug)]
pub struct Verifier {
    keys: BTreeMap<String, ParsedPublicKey>,
}

/// Why a key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The file cannot be read.
    #[error("cannot read the signing key {path}")]
    Read {
        /// Which file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// Not an Ed25519 key in PKCS#8, as PEM or DER.
    #[error("the signing key is not an Ed25519 key in PKCS#8")]
    NotEd25519,
    /// A public key is not `kid:base64` of 32 bytes.
    #[error("a directory key is `kid:` and 32 bytes in base64")]
    PublicKey,
    /// No public key, or one name twice.
    #[error("a verifier has at least one key and no name twice")]
    Names,
}

/// Why a message is refused before its entries are looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// Too short, too long, or not of this format.
    #[error("the message is not of the directory's format")]
    Malformed,
    /// No listed key signed it, or its header was changed.
    #[error("the message is not signed by a known key")]
    Signature,
    /// Its content is not what was signed.
    #[error("the message's content is not what was signed")]
    Content,
    /// Its entries do not lead from its first head to its second.
    #[error("the message's entries do not lead to its head")]
    Chain,
}

impl OpenError {
    /// A machine-readable name for logs and metrics.
    pub fn code(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::Signature => "signature",
            Self::Content => "content",
            Self::Chain => "chain",
        }
    }
}

impl Signer {
    /// A fresh key, and its PKCS#8 PEM text to keep.
    ///
    /// # Errors
    /// When the library cannot make a key.
    pub fn generate(kid: Kid) -> Result<(Self, Zeroizing<String>), KeyError> {
        let key = Ed25519KeyPair::generate().ok().ok_or(KeyError::NotEd25519)?;
        let der = key.to_pkcs8v1().ok().ok_or(KeyError::NotEd25519)?;
        let body = Zeroizing::new(BASE64_MIME.encode(der.as_ref()).replace('\r', ""));
        let pem = Zeroizing::new(format!(
            "-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n",
            body.trim()
        ));
        Ok((Self { kid, key }, pem))
    }

    /// Reads a PKCS#8 file, PEM or DER.
    ///
    /// # Errors
    /// See [`KeyError`].
    pub fn from_pkcs8_file(kid: Kid, path: &Path) -> Result<Self, KeyError> {
        let read = std::fs::read(path).map_err(|source| KeyError::Read { path: path.to_owned(), source })?;
        Self::from_pkcs8(kid, &Zeroizing::new(read))
    }

    /// As [`Self::from_pkcs8_file`], from the file's content.
    ///
    /// # Errors
    /// [`KeyError::NotEd25519`].
    pub fn from_pkcs8(kid: Kid, content: &[u8]) -> Result<Self, KeyError> {
        let pem = PrivatePkcs8KeyDer::from_pem_slice(content).ok();
        let der = pem.as_ref().map_or(content, PrivatePkcs8KeyDer::secret_pkcs8_der);
        let key = Ed25519KeyPair::from_pkcs8_maybe_unchecked(der).ok().ok_or(KeyError::NotEd25519)?;
        Ok(Self { kid, key })
    }

    /// The `kid:base64` line that verifiers list.
    pub fn public_key(&self) -> String {
        format!("{}:{}", self.kid, BASE64.encode(self.key.public_key().as_ref()))
    }

    /// A signed snapshot of all current entries, in any order, at `head`.
    pub fn snapshot(&self, head: Head, mut entries: Vec<Entry>, issued_ms: u64) -> Vec<u8> {
        entries.sort_by(|one, other| order_of(one).cmp(&order_of(other)));
        self.seal(Header { kind: Kind::Snapshot, from: Head::EMPTY, to: head, issued_ms }, &entries)
    }

    /// A signed delta of the entries after `from`, in log order; `to` follows from them.
    pub fn delta(&self, from: Head, entries: &[Entry], issued_ms: u64) -> Vec<u8> {
        let to = entries.iter().fold(from, |head, entry| head.after(&encode(entry)));
        self.seal(Header { kind: Kind::Delta, from, to, issued_ms }, entries)
    }

    fn seal(&self, header: Header, entries: &[Entry]) -> Vec<u8> {
        let content = encode_content(entries);
        let hash = hash_bytes(digest::digest(&digest::SHA256, &content));
        let mut out = header.encode(self.kid.as_str(), entries.len(), content.len(), &hash);
        let signature = self.key.sign(&[DOMAIN, &out].concat());
        out.extend_from_slice(signature.as_ref());
        out.extend_from_slice(&content);
        out
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signer({})", self.public_key())
    }
}

impl Verifier {
    /// The verifier for `kid:base64` lines.
    ///
    /// # Errors
    /// See [`KeyError`].
    pub fn new<S: AsRef<str>>(lines: impl IntoIterator<Item = S>) -> Result<Self, KeyError> {
        let mut keys = BTreeMap::new();
        for line in lines {
            let (kid, key) = parse_public_key(line.as_ref()).ok_or(KeyError::PublicKey)?;
            if keys.insert(kid, key).is_some() {
                return Err(KeyError::Names);
            }
        }
        if keys.is_empty() { Err(KeyError::Names) } else { Ok(Self { keys }) }
    }

    /// Verifies a message and decodes its entries: signature, content hash, chain, order, in this order.
    ///
    /// # Errors
    /// See [`OpenError`]. Nothing of a refused message is returned.
    pub fn open(&self, message: &[u8]) -> Result<Opened, OpenError> {
        let parsed = Parsed::read(message).ok_or(OpenError::Malformed)?;
        let key = self.keys.get(parsed.kid).ok_or(OpenError::Signature)?;
        key.verify_sig(&[DOMAIN, parsed.signed].concat(), parsed.signature)
            .ok()
            .ok_or(OpenError::Signature)?;
        if hash_bytes(digest::digest(&digest::SHA256, parsed.content)) != parsed.content_hash {
            return Err(OpenError::Content);
        }
        let Header { kind, from, to, issued_ms } = parsed.header;
        let (entries, chained) =
            decode_content(parsed.content, parsed.count, from).ok_or(OpenError::Malformed)?;
        match kind {
            Kind::Delta if chained != to => return Err(OpenError::Chain),
            Kind::Snapshot if from != Head::EMPTY => return Err(OpenError::Chain),
            Kind::Snapshot if !entries.is_sorted_by(|one, other| order_of(one) < order_of(other)) => {
                return Err(OpenError::Malformed);
            }
            Kind::Delta | Kind::Snapshot => {}
        }
        Ok(Opened { kind, from, to, issued_ms, entries })
    }
}

/// The signed facts about a message.
#[derive(Clone, Copy, Debug)]
struct Header {
    kind: Kind,
    from: Head,
    to: Head,
    issued_ms: u64,
}

impl Header {
    fn encode(&self, kid: &str, count: usize, content_bytes: usize, content_hash: &[u8; 32]) -> Vec<u8> {
        let mut out = Writer::with_capacity(256);
        out.bytes(&MAGIC);
        out.u8(FORMAT);
        out.u8(match self.kind {
            Kind::Snapshot => 1,
            Kind::Delta => 2,
        });
        out.text(kid);
        for head in [self.from, self.to] {
            out.u64(head.version);
            out.bytes(&head.chain);
        }
        out.u64(self.issued_ms);
        // A size beyond 32 bits does not read back, so an oversized message is refused, not cut.
        out.u32(u32::try_from(count).unwrap_or(u32::MAX));
        out.u32(u32::try_from(content_bytes).unwrap_or(u32::MAX));
        out.bytes(content_hash);
        out.finish()
    }
}

/// A message taken apart, with nothing verified yet.
struct Parsed<'a> {
    header: Header,
    kid: &'a str,
    count: usize,
    content_hash: [u8; 32],
    signed: &'a [u8],
    signature: &'a [u8],
    content: &'a [u8],
}

impl<'a> Parsed<'a> {
    fn read(message: &'a [u8]) -> Option<Self> {
        let mut from = Reader::new(message);
        (from.array()? == MAGIC && from.u8()? == FORMAT).then_some(())?;
        let (kind, limit) = match from.u8()? {
            1 => (Kind::Snapshot, SNAPSHOT_MAX_BYTES),
            2 => (Kind::Delta, DELTA_MAX_BYTES),
            _ => return None,
        };
        (message.len() <= limit).then_some(())?;
        let kid = from.text()?;
        let header = Header {
            kind,
            from: Head { version: from.u64()?, chain: from.array()? },
            to: Head { version: from.u64()?, chain: from.array()? },
            issued_ms: from.u64()?,
        };
        let count = usize::try_from(from.u32()?).ok()?;
        let content_bytes = usize::try_from(from.u32()?).ok()?;
        let content_hash = from.array()?;
        let signed = message.get(..message.len().checked_sub(from.remaining())?)?;
        let signature = from.take(SIGNATURE_BYTES)?;
        let content = from.take(content_bytes)?;
        from.is_at_end().then_some(Self { header, kid, count, content_hash, signed, signature, content })
    }
}

fn encode_content(entries: &[Entry]) -> Vec<u8> {
    let mut out = Writer::with_capacity(entries.len() * 96);
    for entry in entries {
        let bytes = encode(entry);
        out.u16(u16::try_from(bytes.len()).unwrap_or(u16::MAX));
        out.bytes(&bytes);
    }
    out.finish()
}

/// The entries of a content, and the head they lead to from `head`.
fn decode_content(content: &[u8], count: usize, head: Head) -> Option<(Vec<Entry>, Head)> {
    let mut from = Reader::new(content);
    let mut head = head;
    let mut entries = Vec::with_capacity(count.min(content.len() / 2));
    for _ in 0..count {
        let len = usize::from(from.u16()?);
        let bytes = from.take(len).filter(|_| len <= ENTRY_MAX_BYTES)?;
        head = head.after(bytes);
        entries.push(decode(bytes)?);
    }
    from.is_at_end().then_some((entries, head))
}

/// The order of a snapshot: regions by name, then tenants by id.
fn order_of(entry: &Entry) -> (u8, &[u8]) {
    match entry {
        Entry::Region(record) => (0, record.region.name.as_str().as_bytes()),
        Entry::Tenant(record) => (1, record.id.as_bytes()),
    }
}

fn parse_public_key(line: &str) -> Option<(String, ParsedPublicKey)> {
    let (kid, key) = line.split_once(':')?;
    let kid: Kid = kid.parse().ok()?;
    let key = BASE64.decode(key.as_bytes()).ok().filter(|key| key.len() == 32)?;
    Some((kid.to_string(), ParsedPublicKey::new(&ED25519, key).ok()?))
}
