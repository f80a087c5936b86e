//! Receiving bytes: streamed to a file, hashed on the way, refused when a checksum or the length does not fit.

use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use data_encoding::HEXLOWER;
use futures_util::StreamExt as _;
use http::HeaderMap;
use s3s::checksum::ChecksumHasher;
use s3s::crypto::{Checksum as _, Md5};
use s3s::dto::StreamingBlob;
use s3s::{S3ErrorCode, S3Result, TrailingHeaders};
use tokio::fs::File;
use tokio::io::AsyncWriteExt as _;

use super::model::{BlobRef, Checksums};
use super::refuse;
use crate::{files, random};

/// The largest object or part that one request may carry, in bytes (5 GiB, as in AWS).
pub(super) const MAX_OBJECT_BYTES: u64 = 5 * 1024 * 1024 * 1024;

/// What the client says about the bytes it sends.
#[derive(Debug, Default)]
pub(super) struct Claims {
    pub(super) length: Option<i64>,
    pub(super) md5: Option<String>,
    pub(super) checksums: Checksums,
    /// The algorithm named beside a checksum, for example `CRC32`.
    pub(super) algorithm: Option<String>,
    /// The checksum header announced in `x-amz-trailer`.
    pub(super) announced: Option<String>,
    pub(super) trailers: Option<TrailingHeaders>,
}

impl Claims {
    /// Whether any digest of the body was given.
    pub(super) fn has_digest(&self) -> bool {
        self.md5.is_some() || self.announced.is_some() || self.checksums != Checksums::default()
    }
}

/// Bytes that arrived whole; removed again unless [`Received::keep`] is called.
#[derive(Debug)]
pub(super) struct Received {
    path: PathBuf,
    blob: BlobRef,
    kept: bool,
    pub(super) md5: [u8; 16],
    pub(super) checksums: Checksums,
}

impl Received {
    /// The size in bytes.
    pub(super) fn size(&self) -> u64 {
        self.blob.size
    }

    /// The MD5 sum in hexadecimal, which is the ETag of a plain object.
    pub(super) fn etag(&self) -> String {
        HEXLOWER.encode(&self.md5)
    }

    /// A reference to the bytes, to be written into a version or part.
    pub(super) fn blob(&self) -> BlobRef {
        self.blob.clone()
    }

    /// Lets the bytes stay: something on disk names them now.
    pub(super) fn keep(mut self) {
        self.kept = true;
    }
}

impl Drop for Received {
    fn drop(&mut self) {
        if !self.kept {
            // What cannot be removed now is removed at the next start.
            let _ = files::remove_if_there(&self.path);
        }
    }
}

/// The checksum header that a request promises to send behind its body.
pub(super) fn announced(headers: &HeaderMap) -> S3Result<Option<String>> {
    let Some(value) = headers.get("x-amz-trailer") else { return Ok(None) };
    let name = value.to_str().unwrap_or_default().trim().to_ascii_lowercase();
    if algorithm_of(&name).is_none() {
        return Err(refuse::refused(
            S3ErrorCode::InvalidRequest,
            "The value specified in x-amz-trailer is invalid",
        ));
    }
    Ok(Some(name))
}

/// Streams a body into a new blob in `dir` and verifies every claim about it.
pub(super) async fn receive(dir: &Path, body: Option<StreamingBlob>, claims: &Claims) -> S3Result<Received> {
    let name = random::hex_name().map_err(refuse::disk)?;
    let path = dir.join(&name);
    let blob = BlobRef { name, size: 0 };
    // The guard exists before the file does, so that a request that is cut off leaves nothing.
    let mut received = Received { path, blob, kept: false, md5: [0; 16], checksums: Checksums::default() };
    let mut file = File::create(&received.path).await.map_err(refuse::disk)?;
    let mut md5 = Md5::new();
    let mut hasher = hasher_for(claims)?;
    if let Some(mut body) = body {
        while let Some(chunk) = body.next().await {
            let chunk = chunk.map_err(|e| stream_error(&e.to_string()))?;
            received.blob.size =
                received.blob.size.saturating_add(u64::try_from(chunk.len()).unwrap_or(u64::MAX));
            if received.blob.size > MAX_OBJECT_BYTES {
                return Err(refuse::refused(
                    S3ErrorCode::EntityTooLarge,
                    "one request carries 5 GiB at most",
                ));
            }
            md5.update(&chunk);
            hasher.update(&chunk);
            file.write_all(&chunk).await.map_err(refuse::disk)?;
        }
    }
    file.flush().await.map_err(refuse::disk)?;
    file.sync_all().await.map_err(refuse::disk)?;
    received.md5 = md5.finalize();
    received.checksums = from_dto(hasher.finalize());
    verify(&received, claims)?;
    Ok(received)
}

fn verify(received: &Received, claims: &Claims) -> S3Result<()> {
    if claims.length.and_then(|n| u64::try_from(n).ok()).is_some_and(|n| n != received.size()) {
        return Err(refuse::refused(
            S3ErrorCode::IncompleteBody,
            "the body is not as long as Content-Length says",
        ));
    }
    if claims.md5.as_deref().is_some_and(|given| given != STANDARD.encode(received.md5)) {
        return Err(refuse::refused(
            S3ErrorCode::BadDigest,
            "The Content-MD5 you specified did not match what we received.",
        ));
    }
    let mut expected = claims.checksums.clone();
    if let Some(name) = &claims.announced {
        let trailers = claims.trailers.as_ref().and_then(TrailingHeaders::take);
        let value = trailers.as_ref().and_then(|t| t.get(name)).and_then(|v| v.to_str().ok());
        let Some(value) = value else {
            let message = "the trailer announced in x-amz-trailer did not arrive";
            return Err(refuse::custom("MalformedTrailerError", http::StatusCode::BAD_REQUEST, message));
        };
        if let Some(slot) = algorithm_of(name).and_then(|a| slot(&mut expected, a)) {
            *slot = Some(value.to_owned());
        }
    }
    let pairs = [
        ("CRC32", &expected.crc32, &received.checksums.crc32),
        ("CRC32C", &expected.crc32c, &received.checksums.crc32c),
        ("CRC64NVME", &expected.crc64nvme, &received.checksums.crc64nvme),
        ("SHA1", &expected.sha1, &received.checksums.sha1),
        ("SHA256", &expected.sha256, &received.checksums.sha256),
    ];
    for (algorithm, expected, actual) in pairs {
        if expected.is_some() && expected != actual {
            let message = format!("The {algorithm} you specified did not match the calculated checksum.");
            return Err(refuse::refused(S3ErrorCode::BadDigest, message));
        }
    }
    Ok(())
}

fn hasher_for(claims: &Claims) -> S3Result<ChecksumHasher> {
    let given = &claims.checksums;
    let named = claims.algorithm.as_deref().map(str::to_ascii_uppercase);
    let named = named.as_deref().or_else(|| claims.announced.as_deref().and_then(algorithm_of));
    if named.is_some_and(|n| slot(&mut Checksums::default(), n).is_none()) {
        return Err(refuse::refused(
            S3ErrorCode::InvalidRequest,
            "Checksum algorithm provided is unsupported.",
        ));
    }
    let announced = claims.announced.as_deref().and_then(algorithm_of);
    let wanted = |given: &Option<String>, name: &str| {
        given.is_some() || named == Some(name) || announced == Some(name)
    };
    let none = *given == Checksums::default() && named.is_none();
    Ok(ChecksumHasher {
        crc32: wanted(&given.crc32, "CRC32").then(Default::default),
        crc32c: wanted(&given.crc32c, "CRC32C").then(Default::default),
        sha1: wanted(&given.sha1, "SHA1").then(Default::default),
        sha256: wanted(&given.sha256, "SHA256").then(Default::default),
        // S3 computes this one by itself when the client names none.
        crc64nvme: (none || wanted(&given.crc64nvme, "CRC64NVME")).then(Default::default),
    })
}

/// The algorithm behind a header name such as `x-amz-checksum-crc32`.
fn algorithm_of(header: &str) -> Option<&'static str> {
    match header {
        "x-amz-checksum-crc32" => Some("CRC32"),
        "x-amz-checksum-crc32c" => Some("CRC32C"),
        "x-amz-checksum-crc64nvme" => Some("CRC64NVME"),
        "x-amz-checksum-sha1" => Some("SHA1"),
        "x-amz-checksum-sha256" => Some("SHA256"),
        _ => None,
    }
}

/// The place of an algorithm's checksum.
pub(super) fn slot<'a>(checksums: &'a mut Checksums, algorithm: &str) -> Option<&'a mut Option<String>> {
    match algorithm {
        "CRC32" => Some(&mut checksums.crc32),
        "CRC32C" => Some(&mut checksums.crc32c),
        "CRC64NVME" => Some(&mut checksums.crc64nvme),
        "SHA1" => Some(&mut checksums.sha1),
        "SHA256" => Some(&mut checksums.sha256),
        _ => None,
    }
}

/// The checksums as `s3s` computes them.
pub(super) fn from_dto(sums: s3s::dto::Checksum) -> Checksums {
    Checksums {
        crc32: sums.checksum_crc32,
        crc32c: sums.checksum_crc32c,
        crc64nvme: sums.checksum_crc64nvme,
        sha1: sums.checksum_sha1,
        sha256: sums.checksum_sha256,
    }
}

fn stream_error(message: &str) -> s3s::S3Error {
    let lower = message.to_ascii_lowercase();
    if lower.contains("checksum") || lower.contains("sha256") {
        let message = "The provided 'x-amz-content-sha256' header does not match what was computed.";
        return refuse::custom("XAmzContentSHA256Mismatch", http::StatusCode::BAD_REQUEST, message);
    }
    if lower.contains("signature") {
        return refuse::refused(S3ErrorCode::SignatureDoesNotMatch, "a chunk's signature does not match");
    }
    refuse::refused(S3ErrorCode::IncompleteBody, "the body ended early or was not well formed")
}
