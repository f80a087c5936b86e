//! The full name of a KMS key, accepted only if it is a single-Region key of the region it is used in.

use std::fmt;

use regions::region::RegionName;

use crate::error::BootError;

/// Digits of an AWS account number.
const ACCOUNT_DIGITS: usize = 12;
/// Longest key id, in bytes.
const KEY_ID_BYTES_MAX: usize = 64;

/// `arn:aws:kms:<region>:<account>:key/<id>` of this process's region. Aliases are refused: they can be re-pointed.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct KeyArn {
    text: String,
    account: String,
}

/// Why a text is not the name of a key that may be used here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ArnError {
    /// Not the ARN of a key.
    #[error("the full ARN of a key, not an alias or an id")]
    Form,
    /// A key of another region.
    #[error("a key of this region")]
    Region,
    /// A key that has replicas in other regions, or may get them.
    #[error("a single-Region key")]
    MultiRegion,
}

impl KeyArn {
    /// Parses and pins.
    ///
    /// # Errors
    /// `ArnError`.
    pub fn parse(text: &str, region: RegionName) -> Result<Self, ArnError> {
        let mut parts = text.split(':');
        let head = [parts.next(), parts.next(), parts.next()];
        if head != [Some("arn"), Some("aws"), Some("kms")] {
            return Err(ArnError::Form);
        }
        let (Some(found), Some(account), Some(resource), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(ArnError::Form);
        };
        let id = resource.strip_prefix("key/").ok_or(ArnError::Form)?;
        let id_ok = !id.is_empty()
            && id.len() <= KEY_ID_BYTES_MAX
            && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        let account_ok = account.len() == ACCOUNT_DIGITS && account.bytes().all(|byte| byte.is_ascii_digit());
        if !id_ok || !account_ok {
            return Err(ArnError::Form);
        }
        if found != region.as_str() {
            return Err(ArnError::Region);
        }
        if id.starts_with("mrk-") {
            return Err(ArnError::MultiRegion);
        }
        Ok(Self { text: text.to_owned(), account: account.to_owned() })
    }

    /// Parses the configured key.
    ///
    /// # Errors
    /// [`BootError::Pin`] naming `kms.key_id`.
    pub fn pinned(text: &str, region: RegionName) -> Result<Self, BootError> {
        Self::pinned_field(text, region, "kms.key_id")
    }

    /// Parses the key that the configuration field `field` names.
    ///
    /// # Errors
    /// [`BootError::Pin`] naming the field.
    pub fn pinned_field(text: &str, region: RegionName, field: &'static str) -> Result<Self, BootError> {
        Self::parse(text, region).map_err(|error| BootError::Pin {
            field,
            expected: format!("{error} ({region})"),
            found: text.to_owned(),
        })
    }

    /// The ARN.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The twelve-digit account, which must also own the bucket.
    #[must_use]
    pub fn account(&self) -> &str {
        &self.account
    }
}

impl fmt::Display for KeyArn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for KeyArn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_single_region_key_of_the_own_region_is_taken() {
        let home: RegionName = "ap-south-1".parse().unwrap();
        let good = "arn:aws:kms:ap-south-1:000000000000:key/0d4fb0b6-6a6b-4f0a-9ac6-6c2a3c9e6a11";
        assert_eq!(
            KeyArn::parse(good, home).map(|arn| arn.account().to_owned()),
            Ok("000000000000".to_owned())
        );
        let refused = [
            ("arn:aws:kms:us-east-1:000000000000:key/0d4f", ArnError::Region),
            ("arn:aws:kms:ap-south-1:000000000000:key/mrk-0d4f", ArnError::MultiRegion),
            ("arn:aws:kms:ap-south-1:000000000000:alias/x", ArnError::Form),
            ("arn:aws-cn:kms:ap-south-1:000000000000:key/0d4f", ArnError::Form),
            ("arn:aws:kms:ap-south-1:12345:key/0d4f", ArnError::Form),
            ("arn:aws:kms:ap-south-1:000000000000:key/", ArnError::Form),
            ("arn:aws:kms:ap-south-1:000000000000:key/a:b", ArnError::Form),
            ("0d4fb0b6-6a6b-4f0a-9ac6-6c2a3c9e6a11", ArnError::Form),
            ("", ArnError::Form),
        ];
        for (text, expected) in refused {
            assert_eq!(KeyArn::parse(text, home), Err(expected), "{text}");
        }
    }
}
