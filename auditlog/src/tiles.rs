//! Where the log's parts lie (C2SP tlog-tiles) and what a bundle of entries looks like.

use crate::codec::FormatError;

/// Hashes of a full tile, entries of a full bundle.
pub const TILE_WIDTH: u64 = 256;

/// `tile/<level>/<n>`, with `.p/<width>` for a partial one.
#[must_use]
pub fn tile_path(level: u8, n: u64, width: u64) -> String {
    format!("tile/{level}/{}{}", number(n), partial(width))
}

/// `tile/entries/<n>`, with `.p/<width>` for a partial one.
#[must_use]
pub fn bundle_path(n: u64, width: u64) -> String {
    format!("tile/entries/{}{}", number(n), partial(width))
}

/// `checkpoint/<size in twenty digits>`: each checkpoint is kept, and the newest sorts last.
#[must_use]
pub fn checkpoint_path(size: u64) -> String {
    format!("checkpoint/{size:020}")
}

fn partial(width: u64) -> String {
    if width < TILE_WIDTH { format!(".p/{width}") } else { String::new() }
}

/// Three digits a path element, all but the last with an `x`: 1234067 is `x001/x234/067`.
fn number(n: u64) -> String {
    let mut text = format!("{:03}", n % 1_000);
    let mut rest = n / 1_000;
    while rest > 0 {
        text = format!("x{:03}/{text}", rest % 1_000);
        rest /= 1_000;
    }
    text
}

/// Consecutive entries, each behind two bytes of big-endian length.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Bundle(Vec<u8>);

impl Bundle {
    /// A bundle as it was stored.
    #[must_use]
    pub fn from_bytes(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// Its bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Adds an entry.
    ///
    /// # Errors
    /// [`FormatError::TooLarge`] if its length does not fit two bytes.
    pub fn push(&mut self, entry: &[u8]) -> Result<(), FormatError> {
        let length = u16::try_from(entry.len()).map_err(|_large| FormatError::TooLarge)?;
        self.0.extend_from_slice(&length.to_be_bytes());
        self.0.extend_from_slice(entry);
        Ok(())
    }

    /// Its entries in order; the last item is an error when the bytes end within one.
    pub fn entries(&self) -> impl Iterator<Item = Result<&[u8], FormatError>> {
        let mut rest = self.0.as_slice();
        std::iter::from_fn(move || {
            if rest.is_empty() {
                return None;
            }
            let next = rest
                .split_first_chunk::<2>()
                .and_then(|(length, tail)| tail.split_at_checked(usize::from(u16::from_be_bytes(*length))));
            match next {
                Some((entry, tail)) => {
                    rest = tail;
                    Some(Ok(entry))
                }
                None => {
                    rest = &[];
                    Some(Err(FormatError::Truncated))
                }
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_those_of_the_specification() {
        assert_eq!(tile_path(0, 1_234_067, 256), "tile/0/x001/x234/067");
        assert_eq!(tile_path(2, 0, 1), "tile/2/000.p/1");
        assert_eq!(bundle_path(273, 112), "tile/entries/273.p/112");
        assert_eq!(checkpoint_path(17), "checkpoint/00000000000000000017");
    }

    #[test]
    fn a_bundle_that_ends_within_an_entry_says_so() {
        let mut bundle = Bundle::default();
        bundle.push(b"one").unwrap();
        bundle.push(b"").unwrap();
        assert_eq!(bundle.entries().collect::<Result<Vec<_>, _>>().unwrap(), [&b"one"[..], b""]);
        let cut = Bundle::from_bytes(bundle.as_bytes().get(..4).unwrap().to_vec());
        assert!(cut.entries().last().unwrap().is_err());
        assert!(bundle.push(&[0; 65_536]).is_err());
    }
}
