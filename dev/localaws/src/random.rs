//! Random bytes and names from the system's generator.

use std::io;

use aws_lc_rs::rand;
use data_encoding::HEXLOWER;

/// `N` random bytes.
pub(crate) fn bytes<const N: usize>() -> io::Result<[u8; N]> {
    let mut out = [0; N];
    fill(&mut out)?;
    Ok(out)
}

/// Fills a slice with random bytes.
pub(crate) fn fill(out: &mut [u8]) -> io::Result<()> {
    rand::fill(out).map_err(|e| io::Error::other(format!("no random bytes: {e}")))
}

/// A random name of 32 hexadecimal digits.
pub(crate) fn hex_name() -> io::Result<String> {
    Ok(HEXLOWER.encode(&bytes::<16>()?))
}
