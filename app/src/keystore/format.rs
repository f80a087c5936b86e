//! The bytes of a backup: a header, then segments sealed with AES-256-GCM so that none can be cut off, moved or left out.
//!
//! `HCB1`, header length (u32), header (JSON); then for each segment its length (u32) and its bytes. Segment `n` has the nonce
//! `n` (96 bits, big-endian) and as associated data the SHA-256 of the header and one byte that is 1 in the last segment.
//! The key is used for one file only. Layout: `docs/crypto.md`.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

const MAGIC: &[u8; 4] = b"HCB1";
/// Bytes of text in a segment.
pub(super) const SEGMENT_BYTES: usize = 1 << 20;
const TAG_BYTES: usize = 16;
/// Longest header, in bytes.
const HEADER_BYTES_MAX: u32 = 16_384;
/// Most segments of one backup: four terabytes.
const SEGMENTS_MAX: u32 = 1 << 22;

/// What a backup says of itself, in clear and authenticated. No tenant, no subject.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Header {
    pub(super) region: String,
    pub(super) week: String,
    pub(super) epoch_key: String,
    pub(super) wrapped: String,
    pub(super) made_ms: u64,
    /// The last erasure in the key store when the backup was begun.
    pub(super) last_erasure: u64,
}

fn broken() -> std::io::Error {
    std::io::Error::new(std::io::ErrorKind::InvalidData, "not a whole, unaltered backup")
}

/// Seals and opens the segments of one file.
pub(super) struct Segments {
    key: LessSafeKey,
    header: [u8; 32],
    number: u32,
}

impl Segments {
    pub(super) fn new(key: &[u8; 32], header: &[u8]) -> std::io::Result<Segments> {
        let key = UnboundKey::new(&AES_256_GCM, key).map_err(|_cause| broken())?;
        let hash = digest(&SHA256, header);
        let header = hash.as_ref().try_into().map_err(|_cause| broken())?;
        Ok(Segments { key: LessSafeKey::new(key), header, number: 0 })
    }

    fn next(&mut self, last: u8) -> std::io::Result<(Nonce, Aad<[u8; 33]>)> {
        if self.number >= SEGMENTS_MAX {
            return Err(broken());
        }
        let mut nonce = [0; 12];
        nonce.iter_mut().skip(8).zip(self.number.to_be_bytes()).for_each(|(to, from)| *to = from);
        self.number += 1;
        let mut aad = [last; 33];
        aad.iter_mut().zip(self.header).for_each(|(to, from)| *to = from);
        Ok((Nonce::assume_unique_for_key(nonce), Aad::from(aad)))
    }

    /// Seals everything `from` gives into `to`.
    pub(super) async fn seal<R, W>(mut self, from: &mut R, to: &mut W) -> std::io::Result<u64>
    where
        R: AsyncRead + Unpin,
        W: AsyncWrite + Unpin,
    {
        let mut total = 0_u64;
        loop {
            let mut text = zeroize::Zeroizing::new(Vec::with_capacity(SEGMENT_BYTES + TAG_BYTES));
            let limit = u64::try_from(SEGMENT_BYTES).unwrap_or(u64::MAX);
            let read = (&mut *from).take(limit).read_to_end(&mut text).await?;
            total = total.saturating_add(u64::try_from(read).unwrap_or(u64::MAX));
            let last = u8::from(read < SEGMENT_BYTES);
            let (nonce, aad) = self.next(last)?;
            let tag = self
                .key
                .seal_in_place_separate_tag(nonce, aad, text.as_mut_slice())
                .map_err(|_cause| broken())?;
            let length = u32::try_from(read + TAG_BYTES).map_err(|_cause| broken())?;
            to.write_u32(length).await?;
            to.write_all(&text).await?;
            to.write_all(tag.as_ref()).await?;
            if last == 1 {
                to.flush().await?;
                return Ok(total);
            }
        }
    }

    /// Opens everything `from` gives into `to`; the last segment must be the last bytes.
    pub(super) async fn open<R, W>(mut self, from: &mut R, to: &mut W) -> std::io::Result<u64>
    where
        R: AsyncRead + Unpin,
        W: AsyncWrite + Unpin,
    {
        let mut total = 0_u64;
        loop {
            let length = usize::try_from(from.read_u32().await?).map_err(|_cause| broken())?;
            if !(TAG_BYTES..=SEGMENT_BYTES + TAG_BYTES).contains(&length) {
                return Err(broken());
            }
            let mut bytes = zeroize::Zeroizing::new(vec![0; length]);
            from.read_exact(&mut bytes).await?;
            let last = u8::from(length < SEGMENT_BYTES + TAG_BYTES);
            let (nonce, aad) = self.next(last)?;
            let text = self.key.open_in_place(nonce, aad, &mut bytes).map_err(|_cause| broken())?;
            total = total.saturating_add(u64::try_from(text.len()).unwrap_or(u64::MAX));
            to.write_all(text).await?;
            if last == 1 {
                let mut more = [0; 1];
                return if from.read(&mut more).await? == 0 { Ok(total) } else { Err(broken()) };
            }
        }
    }
}

/// Writes magic and header.
pub(super) async fn write_header<W: AsyncWrite + Unpin>(to: &mut W, header: &[u8]) -> std::io::Result<()> {
    to.write_all(MAGIC).await?;
    to.write_u32(u32::try_from(header.len()).map_err(|_cause| broken())?).await?;
    to.write_all(header).await
}

/// Reads the header and its bytes, which the segments are bound to.
pub(super) async fn read_header<R: AsyncRead + Unpin>(from: &mut R) -> std::io::Result<(Header, Vec<u8>)> {
    let mut magic = [0; 4];
    from.read_exact(&mut magic).await?;
    let length = from.read_u32().await?;
    if magic != *MAGIC || length > HEADER_BYTES_MAX {
        return Err(broken());
    }
    let mut bytes = vec![0; usize::try_from(length).map_err(|_cause| broken())?];
    from.read_exact(&mut bytes).await?;
    let header = serde_json::from_slice(&bytes).map_err(|_cause| broken())?;
    Ok((header, bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn sealed(text: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        Segments::new(&[7; 32], b"header").unwrap().seal(&mut &text[..], &mut out).await.unwrap();
        out
    }

    async fn opened(bytes: &[u8], header: &[u8]) -> std::io::Result<Vec<u8>> {
        let mut out = Vec::new();
        Segments::new(&[7; 32], header)?.open(&mut &bytes[..], &mut out).await.map(|_| out)
    }

    #[tokio::test]
    async fn a_backup_opens_whole_or_not_at_all() {
        for length in [0, 1, SEGMENT_BYTES - 1, SEGMENT_BYTES, SEGMENT_BYTES + 1, 2 * SEGMENT_BYTES] {
            let text: Vec<u8> = (0..length).map(|at| u8::try_from(at % 251).unwrap()).collect();
            let good = sealed(&text).await;
            assert!(opened(&good, b"header").await.is_ok_and(|out| out == text), "{length}");
            assert!(opened(&good, b"another").await.is_err());
            for cut in [0, 3, good.len() / 2, good.len() - 1] {
                assert!(opened(&good[..cut], b"header").await.is_err(), "{length} cut to {cut}");
            }
            let mut flipped = good.clone();
            *flipped.last_mut().unwrap() ^= 1;
            assert!(opened(&flipped, b"header").await.is_err());
            assert!(opened(&[good.as_slice(), b"x"].concat(), b"header").await.is_err());
        }
        // The whole last segment left out: the one before does not say that it is the last.
        let two = sealed(&vec![1; SEGMENT_BYTES + 5]).await;
        assert!(opened(&two[..SEGMENT_BYTES + TAG_BYTES + 4], b"header").await.is_err());
    }
}
