//! What a region is: its AWS name, its short code in host names, and the law it stands under.

use crate::text::{Inline, inline_text, serde_as_text};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// Longest region name, in bytes.
pub const REGION_NAME_MAX_BYTES: usize = 24;
/// Longest region code, in bytes.
pub const REGION_CODE_MAX_BYTES: usize = 8;

/// An AWS region name such as `us-east-1`. It decides where a tenant's data may be, so no value of it is a
/// default.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RegionName(Inline<REGION_NAME_MAX_BYTES>);

/// The short code of a region in host names, such as `us` in `lotus.us.domicile.example`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RegionCode(Inline<REGION_CODE_MAX_BYTES>);

/// The law a region's data stands under.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Jurisdiction {
    /// United States: HIPAA.
    Us,
    /// India: DPDP Act 2023 and its rules, ABDM.
    In,
}

/// A region as the directory names it. The three fields of a region never change once published.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Region {
    /// AWS name, the key of the region.
    pub name: RegionName,
    /// Code in host names, unique among regions.
    pub code: RegionCode,
    /// Whose law applies.
    pub jurisdiction: Jurisdiction,
}

/// Why a text is not a region name, code or jurisdiction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RegionError {
    /// Not of the form `us-east-1`.
    #[error("a region name is 3 to 24 of a-z, 0-9 and single inner hyphens, starting with a letter")]
    Name,
    /// Not of the form `us`.
    #[error("a region code is 2 to 8 of a-z")]
    Code,
    /// Neither `US` nor `IN`.
    #[error("a jurisdiction is US or IN")]
    Jurisdiction,
}

inline_text!(RegionName);
inline_text!(RegionCode);
serde_as_text!(Jurisdiction);

impl FromStr for RegionName {
    type Err = RegionError;

    fn from_str(text: &str) -> Result<Self, RegionError> {
        let labels_ok = text.split('-').all(|label| {
            !label.is_empty() && label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
        });
        if text.len() < 3 || !labels_ok || !text.starts_with(|c: char| c.is_ascii_lowercase()) {
            return Err(RegionError::Name);
        }
        Inline::new(text).map(Self).ok_or(RegionError::Name)
    }
}

impl FromStr for RegionCode {
    type Err = RegionError;

    fn from_str(text: &str) -> Result<Self, RegionError> {
        if text.len() < 2 || !text.bytes().all(|b| b.is_ascii_lowercase()) {
            return Err(RegionError::Code);
        }
        Inline::new(text).map(Self).ok_or(RegionError::Code)
    }
}

impl Jurisdiction {
    /// Every jurisdiction there is, for tests and forms that must cover all.
    pub const ALL: [Self; 2] = [Self::Us, Self::In];

    /// ISO 3166-1 alpha-2 code of the country.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Us => "US",
            Self::In => "IN",
        }
    }

    /// Completed years at which somebody decides about the own record, and whoever stood in for the minor no longer does: 18.
    /// HIPAA leaves it to the law of the state (45 CFR 164.502(g)(3)), which is 18 in most; the DPDP Act says it in section 2(f).
    pub const fn of_age_years(self) -> i32 {
        match self {
            Self::Us | Self::In => 18,
        }
    }

    /// Seconds by which a day begins before it does in UTC: India Standard Time is UTC+05:30. In every state of the United
    /// States it begins later, so that what ends with a day that begins in UTC ends before that day has begun.
    pub const fn day_begins_early_s(self) -> i64 {
        match self {
            Self::Us => 0,
            Self::In => 19_800,
        }
    }
}

impl fmt::Display for Jurisdiction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Jurisdiction {
    type Err = RegionError;

    fn from_str(text: &str) -> Result<Self, RegionError> {
        Self::ALL.into_iter().find(|j| j.as_str() == text).ok_or(RegionError::Jurisdiction)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_codes_take_only_their_one_form() {
        for good in ["us-east-1", "ap-south-1", "us-gov-west-1", "eu1"] {
            assert_eq!(good.parse::<RegionName>().unwrap().to_string(), good);
        }
        for bad in [
            "",
            "us",
            "US-east-1",
            "us--east",
            "-us-east",
            "us-east-",
            "1us-east",
            "us_east_1",
            "a-region-name-of-25-bytes",
        ] {
            assert_eq!(bad.parse::<RegionName>(), Err(RegionError::Name), "{bad}");
        }
        assert_eq!("in".parse::<RegionCode>().unwrap().as_str(), "in");
        for bad in ["", "u", "US", "u1", "u-s", "ninechars"] {
            assert_eq!(bad.parse::<RegionCode>(), Err(RegionError::Code), "{bad}");
        }
    }

    #[test]
    fn serde_refuses_what_parsing_refuses() {
        let text = r#"{"name":"ap-south-1","code":"in","jurisdiction":"IN"}"#;
        let region: Region = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_string(&region).unwrap(), text);
        for bad in [text.replace("IN", "in"), text.replace("ap-", "AP-"), text.replace("\"in\"", "\"i\"")] {
            assert!(serde_json::from_str::<Region>(&bad).is_err(), "{bad}");
        }
    }
}
