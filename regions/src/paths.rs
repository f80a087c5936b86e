//! One canonical form for a request path, made once, before anything routes by it.

use std::borrow::Cow;

/// Longest path, in bytes, as it arrives.
pub const PATH_MAX_BYTES: usize = 2048;

/// A path in its one form: starts with `/`, no dot segments, no empty segments, only necessary
/// percent-encodings, those in upper case. Decoding it once more cannot give it another meaning.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CanonicalPath<'a>(Cow<'a, str>);

/// Why a path is refused rather than repaired: every one of these has made two servers see two different
/// paths.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// Longer than [`PATH_MAX_BYTES`].
    #[error("the path is longer than 2048 bytes")]
    TooLong,
    /// Does not start with `/`.
    #[error("the path does not start with a slash")]
    NotAbsolute,
    /// A `%` without two hexadecimal digits.
    #[error("the path has a broken percent-encoding")]
    BrokenEncoding,
    /// An encoded `/`, `\`, `%`, `;` or control character.
    #[error("the path encodes a character that changes its meaning")]
    ForbiddenEncoding,
    /// A byte that may not stand in a path: `\`, `;`, controls, spaces, anything outside ASCII unless
    /// encoded.
    #[error("the path has a character that may not stand there")]
    ForbiddenCharacter,
    /// Encoded bytes that are not UTF-8, which includes overlong forms.
    #[error("the path is not valid UTF-8 once decoded")]
    NotUtf8,
    /// A `.` or `..` segment, encoded or not.
    #[error("the path has a dot segment")]
    DotSegment,
    /// Two slashes in a row.
    #[error("the path has an empty segment")]
    EmptySegment,
}

impl PathError {
    /// A machine-readable name for logs and problem bodies.
    pub fn code(self) -> &'static str {
        match self {
            Self::TooLong => "path_too_long",
            Self::NotAbsolute => "path_not_absolute",
            Self::BrokenEncoding => "path_broken_encoding",
            Self::ForbiddenEncoding => "path_forbidden_encoding",
            Self::ForbiddenCharacter => "path_forbidden_character",
            Self::NotUtf8 => "path_not_utf8",
            Self::DotSegment => "path_dot_segment",
            Self::EmptySegment => "path_empty_segment",
        }
    }
}

impl CanonicalPath<'_> {
    /// The path.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Brings a path, without its query, to canonical form. Encoded unreserved characters (RFC 3986 section 2.3)
/// are decoded, once; everything ambiguous is refused.
///
/// # Errors
/// See [`PathError`].
pub fn canonical_path(path: &str) -> Result<CanonicalPath<'_>, PathError> {
    if path.len() > PATH_MAX_BYTES {
        return Err(PathError::TooLong);
    }
    if !path.starts_with('/') {
        return Err(PathError::NotAbsolute);
    }
    let canonical = if path.contains('%') { Cow::Owned(normalise(path)?) } else { Cow::Borrowed(path) };
    check_characters(&canonical)?;
    check_segments(&canonical)?;
    Ok(CanonicalPath(canonical))
}

/// Decodes what needs no encoding and writes the rest in upper case, checking that the encoded text is UTF-8.
fn normalise(path: &str) -> Result<String, PathError> {
    let mut out = String::with_capacity(path.len());
    let mut decoded = Vec::with_capacity(path.len());
    let mut parts = path.split('%');
    let first = parts.next().unwrap_or_default();
    out.push_str(first);
    decoded.extend_from_slice(first.as_bytes());
    for part in parts {
        let (digits, rest) = part.split_at_checked(2).ok_or(PathError::BrokenEncoding)?;
        let byte = decode_byte(digits).ok_or(PathError::BrokenEncoding)?;
        match byte {
            b'/' | b'\\' | b'%' | b';' => return Err(PathError::ForbiddenEncoding),
            _ if byte.is_ascii_control() => return Err(PathError::ForbiddenEncoding),
            _ if is_unreserved(byte) => out.push(char::from(byte)),
            _ => {
                out.push('%');
                out.push_str(&digits.to_ascii_uppercase());
            }
        }
        out.push_str(rest);
        decoded.push(byte);
        decoded.extend_from_slice(rest.as_bytes());
    }
    std::str::from_utf8(&decoded).ok().map(|_| out).ok_or(PathError::NotUtf8)
}

fn decode_byte(digits: &str) -> Option<u8> {
    // `from_str_radix` alone would take a sign.
    digits.bytes().all(|b| b.is_ascii_hexdigit()).then(|| u8::from_str_radix(digits, 16).ok())?
}

fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~".contains(&byte)
}

/// RFC 3986 section 3.3 `pchar`, without `;`, which some servers cut a segment at.
fn check_characters(path: &str) -> Result<(), PathError> {
    let good = |byte: u8| is_unreserved(byte) || b"/%!$&'()*+,=:@".contains(&byte);
    if path.bytes().all(good) { Ok(()) } else { Err(PathError::ForbiddenCharacter) }
}

fn check_segments(path: &str) -> Result<(), PathError> {
    if path.contains("//") {
        return Err(PathError::EmptySegment);
    }
    if path.split('/').any(|segment| segment == "." || segment == "..") {
        Err(PathError::DotSegment)
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn one_path_has_one_form() {
        for (given, canonical) in [
            ("/", "/"),
            ("/api/v1/patients", "/api/v1/patients"),
            ("/api/v1/patients/", "/api/v1/patients/"),
            ("/%61pi/%7Ex%2D", "/api/~x-"),
            ("/a%2ejson", "/a.json"),
            ("/...", "/..."),
            ("/a/.well-known", "/a/.well-known"),
            ("/%e0%a4%85", "/%E0%A4%85"),
            ("/a%20b%3aC", "/a%20b%3AC"),
            ("/fhir/R4/Patient/$everything", "/fhir/R4/Patient/$everything"),
        ] {
            assert_eq!(canonical_path(given).as_ref().map(CanonicalPath::as_str), Ok(canonical), "{given}");
        }
    }

    #[test]
    fn ambiguous_paths_are_refused() {
        for (bad, why) in [
            ("", PathError::NotAbsolute),
            ("*", PathError::NotAbsolute),
            ("api", PathError::NotAbsolute),
            ("http://h/", PathError::NotAbsolute),
            ("//h/", PathError::EmptySegment),
            ("/a//b", PathError::EmptySegment),
            ("/a/../b", PathError::DotSegment),
            ("/a/.", PathError::DotSegment),
            ("/a/%2e%2e/b", PathError::DotSegment),
            ("/a/.%2E/b", PathError::DotSegment),
            ("/%2e", PathError::DotSegment),
            ("/a%2Fb", PathError::ForbiddenEncoding),
            ("/a%2fb", PathError::ForbiddenEncoding),
            ("/a%5cb", PathError::ForbiddenEncoding),
            ("/a%252fb", PathError::ForbiddenEncoding),
            ("/a%25", PathError::ForbiddenEncoding),
            ("/a%00", PathError::ForbiddenEncoding),
            ("/a%0d%0aHost:x", PathError::ForbiddenEncoding),
            ("/a%7f", PathError::ForbiddenEncoding),
            ("/a%3bb", PathError::ForbiddenEncoding),
            ("/a;b=c", PathError::ForbiddenCharacter),
            ("/a\\b", PathError::ForbiddenCharacter),
            ("/a b", PathError::ForbiddenCharacter),
            ("/a\0b", PathError::ForbiddenCharacter),
            ("/a?b", PathError::ForbiddenCharacter),
            ("/a#b", PathError::ForbiddenCharacter),
            ("/ä", PathError::ForbiddenCharacter),
            ("/a%", PathError::BrokenEncoding),
            ("/a%2", PathError::BrokenEncoding),
            ("/a%zz", PathError::BrokenEncoding),
            ("/a%+1", PathError::BrokenEncoding),
            ("/%u002f", PathError::BrokenEncoding),
            ("/%ä", PathError::BrokenEncoding),
            ("/%c0%ae%c0%ae/", PathError::NotUtf8),
            ("/%c0%af", PathError::NotUtf8),
            ("/%e0%80%af", PathError::NotUtf8),
            ("/%ed%a0%80", PathError::NotUtf8),
            ("/%ff", PathError::NotUtf8),
        ] {
            assert_eq!(canonical_path(bad), Err(why), "{bad}");
        }
        assert!(canonical_path(&format!("/{}", "a".repeat(PATH_MAX_BYTES - 1))).is_ok());
        assert_eq!(canonical_path(&format!("/{}", "a".repeat(PATH_MAX_BYTES))), Err(PathError::TooLong));
    }

    proptest! {
        #[test]
        fn canonical_form_is_a_fixed_point(path in "/([a-c.%/;\\\\]|%2[0-9a-fA-F]|%[0-9a-f]{2}|\\PC){0,24}") {
            if let Ok(once) = canonical_path(&path) {
                let twice = canonical_path(once.as_str());
                prop_assert_eq!(twice.as_ref().map(CanonicalPath::as_str), Ok(once.as_str()));
                prop_assert!(!once.as_str().contains("//") && !once.as_str().contains("/../"));
            }
        }
    }
}
