//! One canonical form for a host name, and what a host name means under the base domain.

use crate::ids::Slug;
use crate::region::RegionCode;
use crate::text::serde_as_text;
use std::fmt;
use std::str::FromStr;

/// Longest host name, in bytes (RFC 1035 section 2.3.4).
pub const HOST_MAX_BYTES: usize = 253;
/// Longest label of a host name, in bytes.
pub const LABEL_MAX_BYTES: usize = 63;
/// The label under the base domain that the control plane answers to.
pub const CONTROL_LABEL: &str = "control";

/// A host name in its one form: lower case, ASCII, without port, trailing dot or internationalised label.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CanonicalHost(String);

/// The domain under which every host of the product lies, such as `domicile.example`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct BaseDomain(CanonicalHost);

/// What a host name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HostKind {
    /// `{slug}.{code}.{base}`: the only host where a clinic's sessions and data exist.
    Tenant {
        /// The clinic.
        slug: Slug,
        /// The region the client believes it is at home in.
        code: RegionCode,
    },
    /// `{slug}.{base}`: answers with the address of the tenant host and nothing else.
    Bare {
        /// The clinic.
        slug: Slug,
    },
    /// `control.{base}`.
    Control,
    /// Anything else, which the product does not answer to.
    Other,
}

/// Why a text is not a host name the product accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HostError {
    /// Empty, or longer than a host name can be.
    #[error("a host name has 1 to 253 bytes")]
    Length,
    /// A byte other than letters, digits, hyphens and dots, which includes everything outside ASCII and
    /// `user@`.
    #[error("a host name has only letters, digits, hyphens and dots")]
    Character,
    /// An empty label, one over 63 bytes, or one with a hyphen at an end.
    #[error("a host name's labels have 1 to 63 bytes and no hyphen at an end")]
    Label,
    /// An internationalised label (`xn--`, RFC 5891): it could look like another clinic's name.
    #[error("internationalised host names are not accepted")]
    Internationalised,
    /// An IP address; nothing is served by address.
    #[error("an address is not a host name")]
    Address,
    /// A port that is not 1 to 65535.
    #[error("a port is 1 to 65535")]
    Port,
}

impl HostError {
    /// A machine-readable name for logs and problem bodies.
    pub fn code(self) -> &'static str {
        match self {
            Self::Length => "host_length",
            Self::Character => "host_character",
            Self::Label => "host_label",
            Self::Internationalised => "host_internationalised",
            Self::Address => "host_address",
            Self::Port => "host_port",
        }
    }
}

/// Brings the text of a Host header, an `:authority` or a server name to its canonical form.
///
/// # Errors
/// For everything that two parsers could read in two ways; see [`HostError`].
pub fn canonical_host(text: &str) -> Result<CanonicalHost, HostError> {
    if text.starts_with('[') {
        return Err(HostError::Address);
    }
    let name = match text.split_once(':') {
        Some((name, port)) => {
            check_port(port)?;
            name
        }
        None => text,
    };
    let name = name.strip_suffix('.').unwrap_or(name);
    if name.is_empty() || name.len() > HOST_MAX_BYTES {
        return Err(HostError::Length);
    }
    if !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'.') {
        return Err(HostError::Character);
    }
    let name = name.to_ascii_lowercase();
    name.split('.').try_for_each(check_label)?;
    // RFC 3696 section 2: a top-level label is never all digits, so a name that ends in one is an IPv4
    // address.
    if name.rsplit('.').next().is_some_and(|last| last.bytes().all(|b| b.is_ascii_digit())) {
        return Err(HostError::Address);
    }
    Ok(CanonicalHost(name))
}

fn check_port(port: &str) -> Result<(), HostError> {
    let digits = !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit());
    let valid = digits && !port.starts_with('0') && port.parse::<u16>().is_ok();
    valid.then_some(()).ok_or(HostError::Port)
}

fn check_label(label: &str) -> Result<(), HostError> {
    if label.is_empty() || label.len() > LABEL_MAX_BYTES || label.starts_with('-') || label.ends_with('-') {
        return Err(HostError::Label);
    }
    if label.starts_with("xn--") { Err(HostError::Internationalised) } else { Ok(()) }
}

impl CanonicalHost {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for CanonicalHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl BaseDomain {
    /// The domain's name.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// What `host` stands for under this domain. A slug or code that is not well-formed makes it
    /// [`HostKind::Other`].
    pub fn classify(&self, host: &CanonicalHost) -> HostKind {
        self.prefix_of(host).and_then(kind_of_prefix).unwrap_or(HostKind::Other)
    }

    /// `{slug}.{code}.{base}`.
    pub fn tenant_host(&self, slug: &Slug, code: &RegionCode) -> String {
        format!("{slug}.{code}.{}", self.as_str())
    }

    /// `control.{base}`.
    pub fn control_host(&self) -> String {
        format!("{CONTROL_LABEL}.{}", self.as_str())
    }

    fn prefix_of<'a>(&self, host: &'a CanonicalHost) -> Option<&'a str> {
        host.as_str().strip_suffix(self.as_str())?.strip_suffix('.')
    }
}

fn kind_of_prefix(prefix: &str) -> Option<HostKind> {
    match prefix.split_once('.') {
        Some((slug, code)) => Some(HostKind::Tenant { slug: slug.parse().ok()?, code: code.parse().ok()? }),
        None if prefix == CONTROL_LABEL => Some(HostKind::Control),
        None => Some(HostKind::Bare { slug: prefix.parse().ok()? }),
    }
}

impl FromStr for BaseDomain {
    type Err = HostError;

    /// A base domain must be written in canonical form already: a configuration says what it means.
    fn from_str(text: &str) -> Result<Self, HostError> {
        let host = canonical_host(text)?;
        if host.as_str() == text { Ok(Self(host)) } else { Err(HostError::Character) }
    }
}

impl fmt::Display for BaseDomain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

serde_as_text!(BaseDomain);

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn kind(host: &str) -> HostKind {
        let base: BaseDomain = "domicile.localhost".parse().unwrap();
        base.classify(&canonical_host(host).unwrap())
    }

    #[test]
    fn case_port_and_one_trailing_dot_do_not_matter() {
        for same in [
            "lotus.in.domicile.localhost",
            "LOTUS.In.Domicile.localhost",
            "lotus.in.domicile.localhost.",
            "lotus.in.domicile.localhost.:7410",
            "lotus.in.domicile.localhost:443",
        ] {
            assert_eq!(canonical_host(same).unwrap().as_str(), "lotus.in.domicile.localhost", "{same}");
        }
    }

    #[test]
    fn what_two_parsers_could_read_in_two_ways_is_refused() {
        for (bad, why) in [
            ("", HostError::Length),
            (".", HostError::Length),
            ("lotus..in", HostError::Label),
            ("lotus.in..", HostError::Label),
            (".lotus", HostError::Label),
            ("-lotus.in", HostError::Label),
            ("lotus-.in", HostError::Label),
            ("user@lotus.in", HostError::Character),
            ("lotus.in/x", HostError::Character),
            ("lotus in", HostError::Character),
            ("lotus\t.in", HostError::Character),
            ("lotus.in\0", HostError::Character),
            ("lo_tus.in", HostError::Character),
            ("lotus%2ein", HostError::Character),
            ("lоtus.in", HostError::Character),  // a Cyrillic o
            ("lotus。in", HostError::Character), // an ideographic full stop
            ("xn--ltus-jua.in.domicile.localhost", HostError::Internationalised),
            ("XN--ltus-jua.in.domicile.localhost", HostError::Internationalised),
            ("127.0.0.1", HostError::Address),
            ("2130706433", HostError::Address),
            ("[::1]", HostError::Address),
            ("[::1]:443", HostError::Address),
            ("lotus.in:", HostError::Port),
            ("lotus.in:0", HostError::Port),
            ("lotus.in:65536", HostError::Port),
            ("lotus.in:+443", HostError::Port),
            ("lotus.in:0443", HostError::Port),
            ("lotus.in:443:443", HostError::Port),
            ("::1", HostError::Port),
        ] {
            assert_eq!(canonical_host(bad), Err(why), "{bad:?}");
        }
        assert_eq!(canonical_host(&format!("{}.in", "a".repeat(64))), Err(HostError::Label));
        assert_eq!(canonical_host(&"a.".repeat(127)).map(|h| h.as_str().len()), Ok(253));
        assert_eq!(canonical_host(&format!("{}aa", "a.".repeat(126))), Err(HostError::Length));
    }

    #[test]
    fn hosts_mean_what_the_design_says() {
        let slug: Slug = "lotus".parse().unwrap();
        assert_eq!(
            kind("lotus.in.domicile.localhost"),
            HostKind::Tenant { slug, code: "in".parse().unwrap() }
        );
        assert_eq!(kind("lotus.domicile.localhost"), HostKind::Bare { slug });
        assert_eq!(kind("control.domicile.localhost"), HostKind::Control);
        for other in [
            "domicile.localhost",
            "lotus.in.domicile.example",
            "lotusdomicile.localhost",
            "a.lotus.in.domicile.localhost",
            "www.domicile.localhost",
            "control.in.domicile.localhost",
            "lotus.i2.domicile.localhost",
            "evil-domicile.localhost",
            "localhost",
        ] {
            assert_eq!(kind(other), HostKind::Other, "{other}");
        }
    }

    #[test]
    fn a_base_domain_is_written_canonically() {
        assert!("domicile.example".parse::<BaseDomain>().is_ok());
        for bad in ["Domicile.example", "domicile.example.", "domicile.example:443", ""] {
            assert!(bad.parse::<BaseDomain>().is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn canonical_form_is_a_fixed_point(text in "[a-zA-Z0-9.:@\\[\\]_%-]{0,40}|\\PC{0,20}") {
            if let Ok(host) = canonical_host(&text) {
                prop_assert_eq!(canonical_host(host.as_str()), Ok(host.clone()));
                prop_assert!(host.as_str().bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-.".contains(&b)));
            }
        }
    }
}
