//! Phones, e-mail addresses and postal addresses: their types, their normal forms and their limits.

use regions::region::Jurisdiction;
use serde::{Deserialize, Serialize};
use tenancy::blind::normalise;
use utoipa::ToSchema;

/// Most characters of an e-mail address (RFC 5321, 4.5.3.1.3 less the angle brackets).
const EMAIL_CHARS_MAX: usize = 254;

/// What a phone, e-mail address or postal address is for.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ContactUse {
    /// At home.
    Home,
    /// At work.
    Work,
    /// Carried along.
    Mobile,
    /// For a while.
    Temporary,
    /// No longer in use.
    Old,
}

/// A phone number.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Phone {
    /// The number; stored and returned in E.164. A number without a country code belongs to the clinic's country.
    #[schema(example = "+919876543210")]
    pub value: String,
    /// What it is for.
    #[serde(rename = "use", default, skip_serializing_if = "Option::is_none")]
    pub usage: Option<ContactUse>,
}

/// An e-mail address.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Email {
    /// The address.
    pub value: String,
    /// What it is for.
    #[serde(rename = "use", default, skip_serializing_if = "Option::is_none")]
    pub usage: Option<ContactUse>,
}

/// A postal address.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Address {
    /// What it is for.
    #[serde(rename = "use", default, skip_serializing_if = "Option::is_none")]
    pub usage: Option<ContactUse>,
    /// Street lines, at most four.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lines: Vec<String>,
    /// City, town or village.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub city: Option<String>,
    /// District or county.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub district: Option<String>,
    /// State or union territory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// ZIP or PIN code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub postal_code: Option<String>,
    /// Two-letter country code (ISO 3166-1).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country: Option<String>,
}

/// The number in E.164; a number without a country code belongs to the clinic's country.
///
/// # Errors
/// `phone_invalid`.
pub fn e164(typed: &str, home: Jurisdiction) -> Result<String, &'static str> {
    let normal = normalise::phone(typed, home).map_err(|_malformed| "phone_invalid")?;
    String::from_utf8(normal.as_bytes().to_vec()).map_err(|_malformed| "phone_invalid")
}

/// The e-mail address with its domain in lower case.
///
/// # Errors
/// `email_invalid`.
pub fn email(typed: &str) -> Result<String, &'static str> {
    let typed = typed.trim();
    if typed.len() > EMAIL_CHARS_MAX {
        return Err("email_invalid");
    }
    let parsed: lettre::Address = typed.parse().map_err(|_ignored| "email_invalid")?;
    if !parsed.domain().contains('.') {
        return Err("email_invalid");
    }
    let normal = format!("{}@{}", parsed.user(), parsed.domain().to_ascii_lowercase());
    // What cannot be looked up is not kept: a quoted `"a@b"@…` is an address of RFC 5321, but of nobody.
    normalise::email(&normal).map_err(|_not_indexable| "email_invalid")?;
    Ok(normal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phones_of_both_countries() {
        for (typed, home, want) in [
            ("98765 43210", Jurisdiction::In, "+919876543210"),
            ("098765-43210", Jurisdiction::In, "+919876543210"),
            ("+91 98765 43210", Jurisdiction::In, "+919876543210"),
            ("९८७६५४३२१०", Jurisdiction::In, "+919876543210"),
            ("(212) 555-0134", Jurisdiction::Us, "+12125550134"),
            ("1.212.555.0134", Jurisdiction::Us, "+12125550134"),
            ("011 44 20 7946 0958", Jurisdiction::Us, "+442079460958"),
            ("00 44 20 7946 0958", Jurisdiction::In, "+442079460958"),
            ("+1 212 555 0134", Jurisdiction::In, "+12125550134"),
        ] {
            assert_eq!(e164(typed, home).as_deref(), Ok(want), "{typed}");
        }
        for bad in ["", "12345", "555-0134", "98765x43210", "+0123456789", "+12345678901234567"] {
            assert!(e164(bad, Jurisdiction::Us).is_err(), "{bad}");
        }
    }

    #[test]
    fn emails() {
        assert_eq!(email(" Asha.Rao@Example.COM ").as_deref(), Ok("Asha.Rao@example.com"));
        for bad in
            ["", "a", "a@b", "a b@example.com", "a@example.com\r\nBcc: x@example.com", "\"a@b\"@x.example"]
        {
            assert!(email(bad).is_err(), "{bad}");
        }
    }
}
