//! The identifiers that cross process borders: tenant, slug, shard, epoch, request.

use crate::random;
use crate::text::{Inline, decode_id, inline_text, serde_as_text, write_id};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;
use uuid::Uuid;

/// Shortest slug, in bytes.
pub const SLUG_MIN_BYTES: usize = 3;
/// Longest slug, in bytes.
pub const SLUG_MAX_BYTES: usize = 40;

/// Slugs that would read as a part of the product, of the base domain's infrastructure, or as its owner.
/// Sorted.
const RESERVED_SLUGS: [&str; 50] = [
    "abuse",
    "account",
    "accounts",
    "admin",
    "administrator",
    "api",
    "app",
    "assets",
    "auth",
    "autoconfig",
    "autodiscover",
    "backend",
    "billing",
    "blog",
    "cdn",
    "control",
    "dev",
    "directory",
    "docs",
    "domicile",
    "feed",
    "fhir",
    "front-door",
    "ftp",
    "help",
    "hostmaster",
    "imap",
    "internal",
    "localhost",
    "login",
    "mail",
    "metrics",
    "ns1",
    "ns2",
    "oauth",
    "platform",
    "pop",
    "portal",
    "postmaster",
    "root",
    "security",
    "smtp",
    "sso",
    "static",
    "status",
    "support",
    "system",
    "webmaster",
    "worker",
    "www",
];

/// A clinic. Random, never reused, and the same in every region; its text form names schemas and roles.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TenantId([u8; 16]);

/// One request from its first byte to its audit entry.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId([u8; 16]);

/// One PostgreSQL cluster inside a region. Numbers are unique within a region only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ShardId(pub u16);

/// How often a tenant's placement has changed. It only grows; whoever holds a smaller one is out of date.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Epoch(pub u32);

/// A clinic's name in host names: 3 to 40 of `a-z 0-9 -`, see [`SlugError`] for the rules.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Slug(Inline<SLUG_MAX_BYTES>);

/// Why a text is not an id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an id is 26 characters of a-z and 2-7, or a whole number for shards and epochs")]
pub struct IdError;

/// Why a text is not a slug.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SlugError {
    /// Length out of range.
    #[error("a slug has 3 to 40 characters")]
    Length,
    /// A character other than `a-z`, `0-9`, `-`.
    #[error("a slug has only a-z, 0-9 and hyphens")]
    Character,
    /// Hyphens at an end or side by side. This also refuses `xn--`, so no slug is an internationalised name
    /// (RFC 5891).
    #[error("a slug does not start or end with a hyphen, nor have two in a row")]
    Hyphen,
    /// One of the names the product keeps for itself.
    #[error("this slug is reserved")]
    Reserved,
}

inline_text!(Slug);

impl TenantId {
    /// A fresh id, in the layout of a random UUID (RFC 9562 section 5.4).
    pub fn random() -> Self {
        Self(uuid::Builder::from_random_bytes(random::bytes()).into_uuid().into_bytes())
    }

    /// The id's bytes.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// The id as PostgreSQL's `uuid` sees it.
    pub const fn as_uuid(&self) -> Uuid {
        Uuid::from_bytes(self.0)
    }
}

impl RequestId {
    /// A fresh id.
    pub fn random() -> Self {
        Self(random::id())
    }

    /// The id's bytes.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// The id as PostgreSQL's `uuid` sees it.
    pub const fn as_uuid(&self) -> Uuid {
        Uuid::from_bytes(self.0)
    }
}

impl Epoch {
    /// The epoch a tenant starts with.
    pub const FIRST: Self = Self(1);

    /// The epoch after this one; `None` at the end of the range, which no tenant can reach in practice.
    pub fn next(self) -> Option<Self> {
        self.0.checked_add(1).map(Self)
    }
}

impl Slug {
    /// A form that look-alike slugs share: digits that look like letters, `rn`/`m`, `vv`/`w`, `cl`/`d` and
    /// hyphens fold together. Two clinics whose skeletons are equal could be mistaken for each other in an
    /// address bar.
    pub fn skeleton(&self) -> String {
        let folded: String = self
            .as_str()
            .chars()
            .filter_map(|c| match c {
                '-' => None,
                '0' => Some('o'),
                '1' | 'i' | 'j' => Some('l'),
                '2' => Some('z'),
                '5' => Some('s'),
                '6' | '9' | 'q' => Some('g'),
                '8' => Some('b'),
                'v' => Some('u'),
                other => Some(other),
            })
            .collect();
        folded.replace("rn", "m").replace("uu", "w").replace("cl", "d")
    }
}

impl FromStr for Slug {
    type Err = SlugError;

    fn from_str(text: &str) -> Result<Self, SlugError> {
        if !(SLUG_MIN_BYTES..=SLUG_MAX_BYTES).contains(&text.len()) {
            return Err(SlugError::Length);
        }
        if !text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-') {
            return Err(SlugError::Character);
        }
        if text.starts_with('-') || text.ends_with('-') || text.contains("--") {
            return Err(SlugError::Hyphen);
        }
        if RESERVED_SLUGS.binary_search(&text).is_ok() {
            return Err(SlugError::Reserved);
        }
        Inline::new(text).map(Self).ok_or(SlugError::Length)
    }
}

/// The traits the two 16-byte ids share.
macro_rules! id_text {
    ($name:ident) => {
        impl From<[u8; 16]> for $name {
            fn from(bytes: [u8; 16]) -> Self {
                Self(bytes)
            }
        }

        impl From<Uuid> for $name {
            fn from(uuid: Uuid) -> Self {
                Self(uuid.into_bytes())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write_id(&self.0, f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write_id(&self.0, f)
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                decode_id(text).map(Self).ok_or(IdError)
            }
        }

        serde_as_text!($name);
    };
}

/// The text traits the two numbers share.
macro_rules! number_text {
    ($name:ident) => {
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                text.parse().map(Self).ok().ok_or(IdError)
            }
        }
    };
}

id_text!(TenantId);
id_text!(RequestId);
number_text!(ShardId);
number_text!(Epoch);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenant_id_reads_back_from_each_of_its_forms() {
        let id = TenantId::random();
        assert_eq!(id.to_string().parse(), Ok(id));
        assert_eq!(TenantId::from(id.as_uuid()), id);
        assert_eq!(id.as_uuid().get_version_num(), 4);
        assert_eq!(serde_json::from_str::<TenantId>(&serde_json::to_string(&id).unwrap()).unwrap(), id);
        assert_ne!(RequestId::random(), RequestId::random());
        assert_eq!("7".parse(), Ok(ShardId(7)));
        assert_eq!("65536".parse::<ShardId>(), Err(IdError));
    }

    #[test]
    fn slugs_follow_the_rules() {
        let longest = "x".repeat(40);
        for good in ["abc", "a-b", "123", "lotus-clinic-2", &longest] {
            assert_eq!(good.parse::<Slug>().unwrap().as_str(), good);
        }
        let long = "x".repeat(41);
        for (bad, why) in [
            ("ab", SlugError::Length),
            (long.as_str(), SlugError::Length),
            ("Lotus", SlugError::Character),
            ("lo.tus", SlugError::Character),
            ("lötus", SlugError::Character),
            ("lo_tus", SlugError::Character),
            ("-lotus", SlugError::Hyphen),
            ("lotus-", SlugError::Hyphen),
            ("xn--ltus-jua", SlugError::Hyphen),
            ("control", SlugError::Reserved),
            ("www", SlugError::Reserved),
        ] {
            assert_eq!(bad.parse::<Slug>(), Err(why), "{bad}");
        }
    }

    #[test]
    fn every_reserved_slug_is_found() {
        assert!(RESERVED_SLUGS.is_sorted());
        assert!(RESERVED_SLUGS.iter().all(|name| name.parse::<Slug>() == Err(SlugError::Reserved)));
    }

    #[test]
    fn look_alikes_share_a_skeleton_and_others_do_not() {
        let skeleton = |text: &str| text.parse::<Slug>().unwrap().skeleton();
        for (a, b) in [
            ("lotus", "l0tus"),
            ("lotus", "1otus"),
            ("lotus", "lo-tus"),
            ("modern", "rnodern"),
            ("wave", "vvave"),
            ("dental", "c1ental"),
        ] {
            assert_eq!(skeleton(a), skeleton(b), "{a} {b}");
        }
        assert_ne!(skeleton("lotus"), skeleton("locus"));
    }
}
