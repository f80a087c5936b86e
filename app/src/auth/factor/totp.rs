//! Time-based codes (RFC 6238): six digits, 30 seconds, HMAC-SHA-1, as every authenticator app makes them.

use totp_rs::{Builder, Secret, Totp};
use zeroize::Zeroizing;

/// Bytes of a secret (RFC 4226, section 4, R6).
pub const SECRET_BYTES: usize = 20;
/// Seconds a code is shown for.
pub const STEP_S: u64 = 30;
/// Steps a clock may be off, either way (RFC 6238, section 5.2).
const SKEW_STEPS: u16 = 1;
/// Digits of a code.
const DIGITS: u8 = 6;

/// A new secret in base32, as authenticator apps take it.
#[must_use]
pub fn new_secret() -> Zeroizing<String> {
    let bytes = Zeroizing::new(regions::random::bytes::<SECRET_BYTES>());
    Zeroizing::new(data_encoding::BASE32_NOPAD.encode(bytes.as_slice()))
}

/// The step whose code this is, if it is one of the few around now. The caller sees to it that no step counts twice.
#[must_use]
pub fn step_of(secret: &str, code: &str, now_unix_s: u64) -> Option<u64> {
    totp(secret)?.check(code, now_unix_s)
}

/// The address that an authenticator app reads from a QR code.
///
/// It names the clinic's host and not the person: the app shows it on a phone that others may look at.
#[must_use]
pub fn enrolment_uri(secret: &str, host: &str) -> Zeroizing<String> {
    Zeroizing::new(format!(
        "otpauth://totp/Domicile:{host}?secret={secret}&issuer=Domicile&algorithm=SHA1&digits={DIGITS}&period={STEP_S}"
    ))
}

fn totp(secret: &str) -> Option<Totp> {
    let bytes = data_encoding::BASE32_NOPAD.decode(secret.as_bytes()).ok()?;
    let builder = Builder::new().with_secret(Secret::new(bytes.into_boxed_slice()));
    builder.with_digits(DIGITS).with_skew(SKEW_STEPS).with_step_duration(STEP_S).build().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The last six digits of the vectors in RFC 6238, appendix B, for SHA-1.
    #[test]
    fn the_codes_of_the_standard() {
        let secret = data_encoding::BASE32_NOPAD.encode(b"12345678901234567890");
        for (now, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            assert_eq!(step_of(&secret, code, now), Some(now / STEP_S), "{now}");
        }
    }

    /// HMAC-SHA-1 and truncation (RFC 4226, section 5.3) on another library, for secrets and times at random.
    #[test]
    fn an_independent_implementation_agrees() {
        use aws_lc_rs::hmac;
        for _ in 0..200 {
            let secret = new_secret();
            let now = u64::from(u32::from_be_bytes(regions::random::bytes()));
            let bytes = data_encoding::BASE32_NOPAD.decode(secret.as_bytes()).unwrap();
            let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &bytes);
            let tag = hmac::sign(&key, &(now / STEP_S).to_be_bytes());
            let tag = tag.as_ref();
            let offset = usize::from(tag[19] & 15);
            let word = u32::from_be_bytes(tag[offset..offset + 4].try_into().unwrap()) & 0x7fff_ffff;
            let code = format!("{:06}", word % 1_000_000);
            assert_eq!(step_of(&secret, &code, now), Some(now / STEP_S), "{secret:?} at {now}");
        }
    }

    #[test]
    fn one_step_either_way_and_nothing_that_is_no_code() {
        let secret = data_encoding::BASE32_NOPAD.encode(b"12345678901234567890");
        assert_eq!(step_of(&secret, "287082", 59 + 30), Some(1));
        assert_eq!(step_of(&secret, "287082", 29), Some(1));
        assert_eq!(step_of(&secret, "287082", 59 + 60), None);
        for code in ["", "28708", "2870820", "28708a", "२८७०८२", "-87082"] {
            assert_eq!(step_of(&secret, code, 59), None, "{code}");
        }
    }
}
