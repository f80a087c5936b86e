//! The route assertion: the front door's signed statement of where it meant a request to go.

use crate::headers::ROUTE;
use crate::ids::{Epoch, RequestId, ShardId, TenantId};
use crate::keyring::HmacKeyring;
use crate::random;
use crate::region::RegionName;
use crate::wire::{Reader, Writer};
use aws_lc_rs::digest;
use data_encoding::BASE64URL_NOPAD;
use http::{HeaderName, HeaderValue};
use std::net::IpAddr;

mod nonces;
pub use nonces::NonceCache;

/// The header it travels in.
pub const HEADER: HeaderName = ROUTE;
/// Longest life of an assertion.
pub const LIFETIME_MAX_MS: u64 = 30_000;
/// How far two machines' clocks may be apart.
pub const SKEW_MAX_MS: u64 = 5_000;
/// Longest header value, in bytes.
pub const VALUE_MAX_BYTES: usize = 512;
/// Longest name of a front door, in bytes.
pub const FRONT_DOOR_MAX_BYTES: usize = 32;
/// Longest method, in bytes.
pub const METHOD_MAX_BYTES: usize = 16;

const DOMAIN: &str = "domicile-route-v1";
const VERSION: u8 = 1;

/// What a front door states about one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assertion {
    /// The clinic the request is for.
    pub tenant: TenantId,
    /// The region it is meant to be served in.
    pub region: RegionName,
    /// The shard, as the front door's directory has it.
    pub shard: ShardId,
    /// The epoch, as the front door's directory has it.
    pub epoch: Epoch,
    /// The request's method.
    pub method: String,
    /// The first half of SHA-256 over the canonical path and query.
    pub path_hash: [u8; 16],
    /// Random; names this one assertion.
    pub nonce: [u8; 16],
    /// When it was made, in Unix milliseconds of the front door's clock.
    pub issued_ms: u64,
    /// When it ends to be valid.
    pub expires_ms: u64,
    /// Which front door made it.
    pub front_door: String,
    /// The request it belongs to.
    pub request_id: RequestId,
    /// The client's address, as the front door saw it.
    pub client_ip: IpAddr,
}

/// What the receiver knows by itself; the assertion must agree.
#[derive(Clone, Copy, Debug)]
pub struct Expected<'a> {
    /// The method of the request it came with.
    pub method: &'a str,
    /// The path and query of the request it came with, exactly as received.
    pub path_and_query: &'a str,
    /// The receiver's clock, in Unix milliseconds.
    pub now_ms: u64,
    /// The receiver's own region.
    pub region: RegionName,
}

/// Why an assertion is refused. All of them mean: do not serve.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AssertionError {
    /// None came with the request.
    #[error("the request carries no route assertion")]
    Missing,
    /// More than one came.
    #[error("the request carries more than one route assertion")]
    Repeated,
    /// It cannot be read.
    #[error("the route assertion cannot be read")]
    Malformed,
    /// No listed key made it, or it was changed.
    #[error("the route assertion is not signed by a known key")]
    Signature,
    /// It lives longer than allowed.
    #[error("the route assertion lives too long")]
    Lifetime,
    /// It is over.
    #[error("the route assertion has expired")]
    Expired,
    /// It comes from the future by more than the allowed skew.
    #[error("the route assertion is from the future; a clock is wrong")]
    Skew,
    /// It was made for another region.
    #[error("the route assertion is for another region")]
    Region,
    /// It was made for another method or path.
    #[error("the route assertion is for another request")]
    Request,
    /// It was used before.
    #[error("the route assertion was used before")]
    Replayed,
    /// Too many are remembered to tell whether it was used before.
    #[error("too many route assertions to remember")]
    Full,
}

impl AssertionError {
    /// A machine-readable name for logs and metrics.
    pub fn code(self) -> &'static str {
        match self {
            Self::Missing => "assertion_missing",
            Self::Repeated => "assertion_repeated",
            Self::Malformed => "assertion_malformed",
            Self::Signature => "assertion_signature",
            Self::Lifetime => "assertion_lifetime",
            Self::Expired => "assertion_expired",
            Self::Skew => "assertion_skew",
            Self::Region => "assertion_region",
            Self::Request => "assertion_request",
            Self::Replayed => "assertion_replayed",
            Self::Full => "assertion_full",
        }
    }
}

/// The hash by which an assertion is bound to a path and query.
pub fn path_hash(path_and_query: &str) -> [u8; 16] {
    let mut half = [0; 16];
    let whole = digest::digest(&digest::SHA256, path_and_query.as_bytes());
    half.iter_mut().zip(whole.as_ref()).for_each(|(to, from)| *to = *from);
    half
}

/// A fresh nonce.
pub fn nonce() -> [u8; 16] {
    random::id()
}

/// The one value among those of a request's `domicile-route` headers.
///
/// # Errors
/// [`AssertionError::Missing`] or [`AssertionError::Repeated`]: a second one could be a client's.
pub fn sole<'a>(values: impl IntoIterator<Item = &'a [u8]>) -> Result<&'a [u8], AssertionError> {
    let mut values = values.into_iter();
    let first = values.next().ok_or(AssertionError::Missing)?;
    if values.next().is_some() { Err(AssertionError::Repeated) } else { Ok(first) }
}

impl Assertion {
    /// The signed header value: `payload.kid.mac`, base64url where binary.
    ///
    /// # Errors
    /// [`AssertionError::Malformed`] when a text field is longer than its limit.
    pub fn mint(&self, keys: &HmacKeyring) -> Result<HeaderValue, AssertionError> {
        if self.method.len() > METHOD_MAX_BYTES || self.front_door.len() > FRONT_DOOR_MAX_BYTES {
            return Err(AssertionError::Malformed);
        }
        let payload = self.encode();
        let (kid, mac) = keys.sign(DOMAIN, &payload);
        let mut text = BASE64URL_NOPAD.encode(&payload);
        text.push('.');
        text.push_str(kid.as_str());
        text.push('.');
        BASE64URL_NOPAD.encode_append(&mac, &mut text);
        HeaderValue::try_from(text).ok().ok_or(AssertionError::Malformed)
    }

    /// Reads a header value and checks it: signature first, then time, region and request.
    ///
    /// # Errors
    /// See [`AssertionError`].
    pub fn verify(value: &[u8], keys: &HmacKeyring, expected: &Expected<'_>) -> Result<Self, AssertionError> {
        let payload = authentic_payload(value, keys)?;
        let assertion = Self::decode(&payload).ok_or(AssertionError::Malformed)?;
        assertion.check(expected)?;
        Ok(assertion)
    }

    fn check(&self, expected: &Expected<'_>) -> Result<(), AssertionError> {
        let now_ms = expected.now_ms;
        if self.expires_ms <= self.issued_ms || self.expires_ms - self.issued_ms > LIFETIME_MAX_MS {
            return Err(AssertionError::Lifetime);
        }
        if self.issued_ms > now_ms.saturating_add(SKEW_MAX_MS) {
            return Err(AssertionError::Skew);
        }
        if self.expires_ms.saturating_add(SKEW_MAX_MS) <= now_ms {
            return Err(AssertionError::Expired);
        }
        if self.region != expected.region {
            return Err(AssertionError::Region);
        }
        if self.method != expected.method || self.path_hash != path_hash(expected.path_and_query) {
            return Err(AssertionError::Request);
        }
        Ok(())
    }

    fn encode(&self) -> Vec<u8> {
        let mut out = Writer::with_capacity(192);
        out.u8(VERSION);
        out.bytes(self.tenant.as_bytes());
        out.text(self.region.as_str());
        out.u16(self.shard.0);
        out.u32(self.epoch.0);
        out.text(&self.method);
        out.bytes(&self.path_hash);
        out.bytes(&self.nonce);
        out.u64(self.issued_ms);
        out.u64(self.expires_ms);
        out.text(&self.front_door);
        out.bytes(self.request_id.as_bytes());
        out.address(self.client_ip);
        out.finish()
    }

    fn decode(payload: &[u8]) -> Option<Self> {
        let mut from = Reader::new(payload);
        (from.u8()? == VERSION).then_some(())?;
        let assertion = Self {
            tenant: from.array()?.into(),
            region: from.text()?.parse().ok()?,
            shard: ShardId(from.u16()?),
            epoch: Epoch(from.u32()?),
            method: from.text()?.to_owned(),
            path_hash: from.array()?,
            nonce: from.array()?,
            issued_ms: from.u64()?,
            expires_ms: from.u64()?,
            front_door: from.text()?.to_owned(),
            request_id: from.array()?.into(),
            client_ip: from.address()?,
        };
        from.is_at_end().then_some(assertion)
    }
}

fn authentic_payload(value: &[u8], keys: &HmacKeyring) -> Result<Vec<u8>, AssertionError> {
    if value.len() > VALUE_MAX_BYTES {
        return Err(AssertionError::Malformed);
    }
    let mut parts = value.split(|b| *b == b'.');
    let (Some(payload), Some(kid), Some(mac), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(AssertionError::Malformed);
    };
    let decode = |text| BASE64URL_NOPAD.decode(text).ok().ok_or(AssertionError::Malformed);
    let (payload, mac) = (decode(payload)?, decode(mac)?);
    let kid = std::str::from_utf8(kid).ok().ok_or(AssertionError::Malformed)?;
    if keys.verify(kid, DOMAIN, &payload, &mac) { Ok(payload) } else { Err(AssertionError::Signature) }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) const NOW_MS: u64 = 1_700_000_000_000;
    const PATH: &str = "/api/v1/patients?limit=20";

    fn keys(kid: &str) -> HmacKeyring {
        HmacKeyring::from_text(&HmacKeyring::generate_line(kid.parse().unwrap())).unwrap()
    }

    pub(crate) fn assertion() -> Assertion {
        Assertion {
            tenant: TenantId::random(),
            region: "us-east-1".parse().unwrap(),
            shard: ShardId(3),
            epoch: Epoch(7),
            method: "POST".into(),
            path_hash: path_hash(PATH),
            nonce: nonce(),
            issued_ms: NOW_MS,
            expires_ms: NOW_MS + LIFETIME_MAX_MS,
            front_door: "fd-us-1".into(),
            request_id: RequestId::random(),
            client_ip: "2001:db8::1".parse().unwrap(),
        }
    }

    fn expected() -> Expected<'static> {
        Expected {
            method: "POST",
            path_and_query: PATH,
            now_ms: NOW_MS,
            region: "us-east-1".parse().unwrap(),
        }
    }

    #[test]
    fn an_assertion_reads_back_with_either_kind_of_address() {
        let keys = keys("k1");
        for address in ["2001:db8::1", "192.0.2.7"] {
            let made = Assertion { client_ip: address.parse().unwrap(), ..assertion() };
            let value = made.mint(&keys).unwrap();
            assert!(value.len() <= VALUE_MAX_BYTES, "{}", value.len());
            assert_eq!(Assertion::verify(value.as_bytes(), &keys, &expected()), Ok(made));
        }
    }

    #[test]
    fn no_changed_byte_is_accepted() {
        let keys = keys("k1");
        let value = assertion().mint(&keys).unwrap();
        let mut tried = 0;
        for at in 0..value.len() {
            for bit in 0..8 {
                let mut bytes = value.as_bytes().to_vec();
                bytes[at] ^= 1 << bit;
                assert!(Assertion::verify(&bytes, &keys, &expected()).is_err(), "byte {at} bit {bit}");
                tried += 1;
            }
            assert!(Assertion::verify(&value.as_bytes()[..at], &keys, &expected()).is_err(), "cut at {at}");
        }
        assert_eq!(tried, 8 * value.len());
    }

    #[test]
    fn another_key_another_use_and_another_request_are_refused() {
        let (ours, theirs) = (keys("k1"), keys("k1"));
        let value = assertion().mint(&ours).unwrap();
        let verify =
            |expected: Expected<'_>| Assertion::verify(value.as_bytes(), &ours, &expected).unwrap_err();
        assert_eq!(Assertion::verify(value.as_bytes(), &theirs, &expected()), Err(AssertionError::Signature));
        assert_eq!(verify(Expected { method: "GET", ..expected() }), AssertionError::Request);
        assert_eq!(
            verify(Expected { path_and_query: "/api/v1/patients", ..expected() }),
            AssertionError::Request
        );
        assert_eq!(
            verify(Expected { region: "ap-south-1".parse().unwrap(), ..expected() }),
            AssertionError::Region
        );
        for extra in ["", "a", "a.b", "a.k1.b.c", "....", "é"] {
            let refused = Assertion::verify(extra.as_bytes(), &ours, &expected());
            assert!(matches!(refused, Err(AssertionError::Malformed)), "{extra}");
        }
        assert_eq!(
            Assertion::verify(&[b'a'; VALUE_MAX_BYTES + 1], &ours, &expected()),
            Err(AssertionError::Malformed)
        );
    }

    #[test]
    fn expiry_and_skew_are_judged_at_their_exact_bounds() {
        let keys = keys("k1");
        let value = assertion().mint(&keys).unwrap();
        let at =
            |now_ms| Assertion::verify(value.as_bytes(), &keys, &Expected { now_ms, ..expected() }).err();
        assert_eq!(at(NOW_MS - SKEW_MAX_MS), None);
        assert_eq!(at(NOW_MS - SKEW_MAX_MS - 1), Some(AssertionError::Skew));
        assert_eq!(at(NOW_MS + LIFETIME_MAX_MS + SKEW_MAX_MS - 1), None);
        assert_eq!(at(NOW_MS + LIFETIME_MAX_MS + SKEW_MAX_MS), Some(AssertionError::Expired));
        for expires_ms in [NOW_MS + LIFETIME_MAX_MS + 1, NOW_MS, NOW_MS - 1, u64::MAX] {
            let value = Assertion { expires_ms, ..assertion() }.mint(&keys).unwrap();
            assert_eq!(
                Assertion::verify(value.as_bytes(), &keys, &expected()),
                Err(AssertionError::Lifetime)
            );
        }
    }

    #[test]
    fn keys_rotate_while_assertions_are_under_way() {
        let line = |kid: &str| HmacKeyring::generate_line(kid.parse().unwrap());
        let (old, new) = (line("old"), line("new"));
        let ring = |text: String| HmacKeyring::from_text(&text).unwrap();
        let value = assertion().mint(&ring(old.to_string())).unwrap();
        let overlap = ring(format!("{}{}", *new, *old));
        assert!(Assertion::verify(value.as_bytes(), &overlap, &expected()).is_ok());
        let refused = Assertion::verify(value.as_bytes(), &ring(new.to_string()), &expected());
        assert_eq!(refused, Err(AssertionError::Signature));
    }

    #[test]
    fn exactly_one_value_is_taken() {
        assert_eq!(sole([]), Err(AssertionError::Missing));
        assert_eq!(sole([&b"a"[..]]), Ok(&b"a"[..]));
        assert_eq!(sole([&b"a"[..], b"a"]), Err(AssertionError::Repeated));
    }

    #[test]
    fn texts_beyond_their_limits_are_not_signed() {
        let keys = keys("k1");
        let long = |bytes| "x".repeat(bytes + 1);
        let name = Assertion { front_door: long(FRONT_DOOR_MAX_BYTES), ..assertion() };
        let method = Assertion { method: long(METHOD_MAX_BYTES), ..assertion() };
        assert!(name.mint(&keys).is_err() && method.mint(&keys).is_err());
    }
}
