//! Plays the authenticator apps of the demo logins: keeps their secrets, and hands out codes that were not used yet.
//!
//! A code works once, so two sign-ins within 30 seconds need two codes: the next one is taken early, which the server's
//! tolerance for clocks allows, and after that there is a wait.
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, SystemTime};

use aws_lc_rs::hmac;

use crate::fail::{Attempt, Fail, Outcome};
use crate::places::{Home, read_text, write_private};

/// Keeps the secret of a login.
pub(crate) fn keep(home: &Home, email: &str, secret: &str) -> Outcome<()> {
    write_private(&file(home, email), secret.as_bytes())
}

/// The secret of a login; none before its first sign-in.
pub(crate) fn secret(home: &Home, email: &str) -> Outcome<Option<String>> {
    let file = file(home, email);
    if file.is_file() { Ok(Some(read_text(&file)?.trim().to_owned())) } else { Ok(None) }
}

/// A code of this login that was not handed out before; waits for one if it must.
pub(crate) async fn next(home: &Home, email: &str) -> Outcome<String> {
    let secret = secret(home, email)?.ok_or_else(|| {
        Fail::new(format!("There is no authenticator for {email}."))
            .hint("`make up` prints the logins it made; the platform's administrator has a passkey instead")
    })?;
    let used = used_file(home, email);
    let last: u64 = if used.is_file() { read_text(&used)?.trim().parse().unwrap_or(0) } else { 0 };
    let now_s = SystemTime::UNIX_EPOCH.elapsed().attempt(|| "read the clock".to_owned())?.as_secs();
    let step = (last + 1).max(now_s / STEP_S);
    // One step ahead of the clock is still taken; anything later is waited for.
    let from_s = step.saturating_sub(1) * STEP_S;
    if from_s > now_s {
        if from_s - now_s > WAIT_MAX_S {
            return Err(Fail::new(format!(
                "The last code of {email} lies in the future: did a clock change?"
            )));
        }
        tokio::time::sleep(Duration::from_secs(from_s - now_s)).await;
    }
    write_private(&used, step.to_string().as_bytes())?;
    code(&secret, step)
}

/// Prints a code, for a person at a terminal.
#[expect(clippy::print_stdout, reason = "the code is what was asked for")]
pub(crate) async fn print(home: &Home, email: &str) -> Outcome<ExitCode> {
    println!("{}", next(home, email).await?);
    Ok(ExitCode::SUCCESS)
}

/// The six digits of a step (RFC 6238 with RFC 4226, section 5.3).
fn code(secret: &str, step: u64) -> Outcome<String> {
    let bytes = data_encoding::BASE32_NOPAD
        .decode(secret.as_bytes())
        .attempt(|| "read a kept authenticator secret".to_owned())?;
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &bytes), &step.to_be_bytes());
    let tag = tag.as_ref();
    let offset = usize::from(tag.last().copied().unwrap_or(0) & 15);
    let word = tag.iter().skip(offset).take(4).fold(0_u32, |word, byte| (word << 8) | u32::from(*byte));
    Ok(format!("{:06}", (word & 0x7fff_ffff) % 1_000_000))
}

fn file(home: &Home, email: &str) -> PathBuf {
    home.secrets(&format!("totp/{email}"))
}

fn used_file(home: &Home, email: &str) -> PathBuf {
    home.secrets(&format!("totp/{email}.used"))
}

const STEP_S: u64 = 30;
const WAIT_MAX_S: u64 = 90;

#[cfg(test)]
mod tests {
    use super::*;

    /// The last six digits of the vectors in RFC 6238, appendix B.
    #[test]
    fn the_codes_of_the_standard() {
        let secret = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";
        for (now, expected) in [(59, "287082"), (1_111_111_109, "081804"), (20_000_000_000, "353130")] {
            assert_eq!(code(secret, now / STEP_S).unwrap(), expected);
        }
        assert!(code("not base32", 1).is_err());
    }

    #[tokio::test]
    async fn no_code_is_handed_out_twice() {
        let dir = tempfile::tempdir().unwrap();
        let home = Home::new(dir.path().to_owned());
        assert!(next(&home, "desk@lotus.example").await.is_err());
        keep(&home, "desk@lotus.example", "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ").unwrap();
        let step = || -> u64 { read_text(&used_file(&home, "desk@lotus.example")).unwrap().parse().unwrap() };
        next(&home, "desk@lotus.example").await.unwrap();
        let first = step();
        next(&home, "desk@lotus.example").await.unwrap();
        assert!(step() > first);
    }
}
