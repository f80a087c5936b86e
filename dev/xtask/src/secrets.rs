//! Passwords and keys of the local stack: made once, kept in files that only this user can read.
use std::path::Path;

use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

use crate::fail::{Attempt, Fail, Outcome};
use crate::places::{read_text, write_private};

/// The password in `path`, made if the file is not there.
pub(crate) fn ensure_password(path: &Path) -> Outcome<String> {
    if !path.is_file() {
        write_private(path, URL_SAFE_NO_PAD.encode(random::<PASSWORD_BYTES>()?).as_bytes())?;
    }
    Ok(read_text(path)?.trim().to_owned())
}

/// A ring with one HMAC key, in the form of `regions::keyring`: lines of key id and base64 key, the first one signs.
pub(crate) fn ensure_keyring(path: &Path, kid: &str) -> Outcome<()> {
    if path.is_file() {
        return Ok(());
    }
    write_private(path, format!("{kid} {}\n", STANDARD.encode(random::<HMAC_KEY_BYTES>()?)).as_bytes())
}

/// The Ed25519 key in `path` (PKCS#8, DER), made if the file is not there. Returns the public key as base64.
pub(crate) fn ensure_signing_key(path: &Path) -> Outcome<String> {
    let doing = || "make the directory's signing key".to_owned();
    if !path.is_file() {
        let document = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).attempt(doing)?;
        write_private(path, document.as_ref())?;
    }
    let document = std::fs::read(path).attempt(|| format!("read {}", path.display()))?;
    let pair = Ed25519KeyPair::from_pkcs8(&document).map_err(|_rejected| {
        Fail::new(format!("{} holds no Ed25519 key.", path.display())).hint("`make reset` starts over")
    })?;
    Ok(STANDARD.encode(pair.public_key().as_ref()))
}

/// Random bytes.
pub(crate) fn random<const N: usize>() -> Outcome<[u8; N]> {
    let mut bytes = [0; N];
    SystemRandom::new().fill(&mut bytes).attempt(|| "read random bytes".to_owned())?;
    Ok(bytes)
}

const PASSWORD_BYTES: usize = 24;
const HMAC_KEY_BYTES: usize = 32;
