//! Shared secrets for HMAC-SHA-256 with rotation: the first key signs, every listed key verifies.

use crate::text::{Inline, inline_text};
use aws_lc_rs::hmac;
use data_encoding::BASE64;
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use zeroize::Zeroizing;

/// Longest key id, in bytes.
pub const KID_MAX_BYTES: usize = 16;
/// Shortest key, in bytes: the output length of the hash (RFC 2104 section 3).
pub const KEY_MIN_BYTES: usize = 32;
/// Most keys in one file; rotation needs two.
pub const KEYS_MAX: usize = 8;
/// Length of a MAC, in bytes.
pub const MAC_BYTES: usize = 32;

/// The name of a key: 1 to 16 of `a-z 0-9 -`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Kid(Inline<KID_MAX_BYTES>);

/// The keys of one purpose. It does not print its keys.
pub struct HmacKeyring {
    first: (Kid, hmac::Key),
    rest: Vec<(Kid, hmac::Key)>,
}

/// Why a key file cannot be used. It never holds a part of a key.
#[derive(Debug, thiserror::Error)]
pub enum KeyringError {
    /// The file cannot be read.
    #[error("cannot read the key file {path}")]
    Read {
        /// Which file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// A line is not `kid base64key`, or its key is too short.
    #[error("line {line} of the key file is not `kid base64key` with at least 32 bytes of key")]
    Line {
        /// Number of the line, from 1.
        line: usize,
    },
    /// Two keys have one name.
    #[error("line {line} of the key file repeats a key id")]
    Repeated {
        /// Number of the line, from 1.
        line: usize,
    },
    /// No key, or more than [`KEYS_MAX`].
    #[error("a key file has 1 to 8 keys")]
    Count,
}

/// The text is not 1 to 16 of `a-z 0-9 -`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a key id is 1 to 16 of a-z, 0-9 and hyphens")]
pub struct KidError;

inline_text!(Kid);

impl FromStr for Kid {
    type Err = KidError;

    fn from_str(text: &str) -> Result<Self, KidError> {
        let good = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        if text.is_empty() || !text.bytes().all(good) {
            return Err(KidError);
        }
        Inline::new(text).map(Self).ok_or(KidError)
    }
}

impl HmacKeyring {
    /// Reads a file of `kid base64key` lines; empty lines and lines that start with `#` are skipped.
    ///
    /// # Errors
    /// See [`KeyringError`].
    pub fn from_file(path: &Path) -> Result<Self, KeyringError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| KeyringError::Read { path: path.to_owned(), source })?;
        Self::from_text(&Zeroizing::new(text))
    }

    /// As [`Self::from_file`], from the file's text.
    ///
    /// # Errors
    /// See [`KeyringError`].
    pub fn from_text(text: &str) -> Result<Self, KeyringError> {
        let mut keys: Vec<(Kid, hmac::Key)> = Vec::new();
        for (index, content) in text.lines().enumerate() {
            let (line, content) = (index + 1, content.trim());
            if content.is_empty() || content.starts_with('#') {
                continue;
            }
            let (kid, key) = parse_line(content).ok_or(KeyringError::Line { line })?;
            if keys.iter().any(|(other, _)| *other == kid) {
                return Err(KeyringError::Repeated { line });
            }
            keys.push((kid, key));
        }
        if keys.is_empty() || keys.len() > KEYS_MAX {
            return Err(KeyringError::Count);
        }
        let first = keys.remove(0);
        Ok(Self { first, rest: keys })
    }

    /// A line for a key file with a fresh random key.
    pub fn generate_line(kid: Kid) -> Zeroizing<String> {
        let key = Zeroizing::new(crate::random::bytes::<KEY_MIN_BYTES>());
        Zeroizing::new(format!("{kid} {}\n", BASE64.encode(&*key)))
    }

    /// The MAC of `message` under the first key. `domain` separates uses: a MAC made for one never verifies
    /// for another.
    pub fn sign(&self, domain: &'static str, message: &[u8]) -> (Kid, [u8; MAC_BYTES]) {
        let (kid, key) = &self.first;
        (*kid, mac(key, domain, message))
    }

    /// Whether `claimed` is the MAC of `message` under the key named `kid`; compared in constant time.
    pub fn verify(&self, kid: &str, domain: &'static str, message: &[u8], claimed: &[u8]) -> bool {
        let key = std::iter::once(&self.first).chain(&self.rest).find(|(name, _)| name.as_str() == kid);
        key.is_some_and(|(_, key)| {
            bool::from(subtle::ConstantTimeEq::ct_eq(&mac(key, domain, message)[..], claimed))
        })
    }
}

impl fmt::Debug for HmacKeyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HmacKeyring({}, {} more)", self.first.0, self.rest.len())
    }
}

fn parse_line(content: &str) -> Option<(Kid, hmac::Key)> {
    let (kid, key) = content.split_once(' ')?;
    let key = Zeroizing::new(BASE64.decode(key.as_bytes()).ok()?);
    (key.len() >= KEY_MIN_BYTES).then_some(())?;
    Some((kid.parse().ok()?, hmac::Key::new(hmac::HMAC_SHA256, &key)))
}

/// The domain's length comes first, so that no pair of domain and message reads as another pair.
fn mac(key: &hmac::Key, domain: &'static str, message: &[u8]) -> [u8; MAC_BYTES] {
    let mut context = hmac::Context::with_key(key);
    context.update(&u64::try_from(domain.len()).unwrap_or(u64::MAX).to_be_bytes());
    context.update(domain.as_bytes());
    context.update(message);
    let mut out = [0; MAC_BYTES];
    out.copy_from_slice(context.sign().as_ref());
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(kid: &str) -> String {
        HmacKeyring::generate_line(kid.parse().unwrap()).to_string()
    }

    #[test]
    fn keys_rotate_with_overlap() {
        let (old, new) = (line("old"), line("new"));
        let before = HmacKeyring::from_text(&old).unwrap();
        let during = HmacKeyring::from_text(&format!("# rotation\n{new}\n{old}")).unwrap();
        let after = HmacKeyring::from_text(&new).unwrap();
        let (kid, mac) = before.sign("d", b"m");
        assert!(during.verify(kid.as_str(), "d", b"m", &mac), "the old key still verifies");
        assert!(!after.verify(kid.as_str(), "d", b"m", &mac), "a removed key does not");
        let (kid, mac) = during.sign("d", b"m");
        assert_eq!(kid.as_str(), "new");
        assert!(after.verify("new", "d", b"m", &mac));
        assert!(!during.verify("old", "d", b"m", &mac), "a key verifies only under its own name");
    }

    #[test]
    fn a_mac_holds_for_its_domain_message_and_length_only() {
        let ring = HmacKeyring::from_text(&line("k1")).unwrap();
        let (_, mac) = ring.sign("route", b"message");
        assert!(ring.verify("k1", "route", b"message", &mac));
        assert!(!ring.verify("k1", "routem", b"essage", &mac));
        assert!(!ring.verify("k1", "route", b"messagf", &mac));
        assert!(!ring.verify("k1", "route", b"message", &mac[..31]));
        assert!(!ring.verify("k1", "route", b"message", &[]));
    }

    #[test]
    fn bad_files_are_refused_and_say_where() {
        let good = line("k1");
        for bad in ["k1", "k1 !!!", "K1 AAAA", "k1 AAAA", &good.replace("k1 ", "k1  ")] {
            assert!(matches!(HmacKeyring::from_text(bad), Err(KeyringError::Line { line: 1 })), "{bad}");
        }
        assert!(matches!(HmacKeyring::from_text(&good.repeat(2)), Err(KeyringError::Repeated { line: 2 })));
        assert!(matches!(HmacKeyring::from_text("\n# none\n"), Err(KeyringError::Count)));
        assert!(matches!(HmacKeyring::from_file(Path::new("/nonexistent")), Err(KeyringError::Read { .. })));
    }

    #[test]
    fn a_keyring_does_not_print_its_keys() {
        let text = line("k1");
        let shown = format!("{:?}", HmacKeyring::from_text(&text).unwrap());
        assert_eq!(shown, "HmacKeyring(k1, 0 more)");
    }
}
