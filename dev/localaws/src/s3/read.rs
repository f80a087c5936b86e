//! Reading objects.

use std::io::SeekFrom;
use std::ops::Range as Span;
use std::path::Path;

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use http::{HeaderMap, HeaderValue, StatusCode};
use s3s::dto::*;
use s3s::{S3Error, S3ErrorCode, S3Request, S3Response, S3Result};
use tokio::fs::File;
use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _};
use tokio_util::io::ReaderStream;

use super::lock::hold_status;
use super::model::{BlobRef, Checksums, Content, NULL_VERSION, Version, Versioning};
use super::refuse;
use super::store::{BucketState, Store};
use crate::clock;

/// How much is read from a file at once, in bytes.
const READ_BYTES: usize = 64 * 1024;

/// The fields that `GetObjectOutput` and `HeadObjectOutput` share.
macro_rules! describe {
    ($output:ident, $found:expr) => {{
        let found: Found = $found;
        let attributes = found.content.attributes;
        $output {
            accept_ranges: Some("bytes".to_owned()),
            cache_control: attributes.cache_control,
            content_disposition: attributes.content_disposition,
            content_encoding: attributes.content_encoding,
            content_language: attributes.content_language,
            content_type: attributes.content_type,
            metadata: Some(attributes.metadata.into_iter().collect()),
            content_length: Some(signed(found.content.size)),
            e_tag: Some(ETag::Strong(found.content.etag)),
            last_modified: Some(clock::time_of(found.created_ms).into()),
            server_side_encryption: Some(ServerSideEncryption::from_static(ServerSideEncryption::AWS_KMS)),
            ssekms_key_id: Some(found.content.kms_key_arn),
            version_id: found.version_id,
            object_lock_mode: found.lock_mode,
            object_lock_retain_until_date: found.lock_until,
            object_lock_legal_hold_status: found.legal_hold,
            checksum_type: found.checksum_type,
            checksum_crc32: found.content.checksums.crc32,
            checksum_crc32c: found.content.checksums.crc32c,
            checksum_crc64nvme: found.content.checksums.crc64nvme,
            checksum_sha1: found.content.checksums.sha1,
            checksum_sha256: found.content.checksums.sha256,
            ..Default::default()
        }
    }};
}

/// A version as a reader sees it.
struct Found {
    content: Content,
    created_ms: u64,
    version_id: Option<String>,
    lock_mode: Option<ObjectLockMode>,
    lock_until: Option<Timestamp>,
    legal_hold: Option<ObjectLockLegalHoldStatus>,
    checksum_type: Option<ChecksumType>,
}

impl Store {
    pub(super) async fn get_object(
        &self,
        req: S3Request<GetObjectInput>,
    ) -> S3Result<S3Response<GetObjectOutput>> {
        let input = req.input;
        check_get(&input)?;
        let (mut found, dir) = self.with(&input.bucket, |state| {
            Ok((Found::of(state, state.find(&input.key, input.version_id.as_deref())?)?, state.blobs_dir()))
        })?;
        self.check_readable(&found.content.kms_key_arn, &found.content.kms_context)?;
        let size = found.content.size;
        let span = match input.range {
            None => 0..size,
            Some(range) => range.check(size).ok().ok_or_else(|| invalid_range(size))?,
        };
        if input.checksum_mode.is_none() || input.range.is_some() {
            found.content.checksums = Checksums::default();
            found.checksum_type = None;
        }
        let body = open(&dir, &found.content.blobs, span.clone()).await?;
        let mut output = describe!(GetObjectOutput, found);
        output.content_length = Some(signed(span.end.saturating_sub(span.start)));
        output.content_range =
            input.range.map(|_| format!("bytes {}-{}/{size}", span.start, span.end.saturating_sub(1)));
        output.body = Some(body);
        // What a signed request says about its answer goes before what was stored; `s3s` takes no request without a signature.
        output.cache_control = input.response_cache_control.or(output.cache_control);
        output.content_disposition = input.response_content_disposition.or(output.content_disposition);
        output.content_type = input.response_content_type.or(output.content_type);
        Ok(S3Response::new(output))
    }

    pub(super) fn head_object(
        &self,
        req: S3Request<HeadObjectInput>,
    ) -> S3Result<S3Response<HeadObjectOutput>> {
        let input = req.input;
        refuse::if_present(&[
            ("range", input.range.is_some()),
            ("partNumber", input.part_number.is_some()),
            ("if-match", input.if_match.is_some()),
            ("if-none-match", input.if_none_match.is_some()),
            ("if-modified-since", input.if_modified_since.is_some()),
            ("if-unmodified-since", input.if_unmodified_since.is_some()),
        ])?;
        let mut found = self.with(&input.bucket, |state| {
            Found::of(state, state.find(&input.key, input.version_id.as_deref())?)
        })?;
        self.check_readable(&found.content.kms_key_arn, &found.content.kms_context)?;
        if input.checksum_mode.is_none() {
            found.content.checksums = Checksums::default();
            found.checksum_type = None;
        }
        Ok(S3Response::new(describe!(HeadObjectOutput, found)))
    }
}

impl Found {
    fn of(state: &BucketState, version: &Version) -> S3Result<Self> {
        let content = version.content.clone().ok_or(S3ErrorCode::NoSuchKey)?;
        let composite = content.checksums.is_composite();
        let checksum_type = if composite { ChecksumType::COMPOSITE } else { ChecksumType::FULL_OBJECT };
        let known = content.checksums != Checksums::default();
        let retention = version.lock.retention;
        Ok(Self {
            created_ms: version.created_ms,
            version_id: (state.meta.versioning != Versioning::Off).then(|| version.id.clone()),
            lock_mode: retention.map(|r| ObjectLockMode::from(r.mode.as_str().to_owned())),
            lock_until: retention.map(|r| clock::time_of(r.until_ms).into()),
            legal_hold: version.lock.legal_hold.then(|| hold_status(true)),
            checksum_type: known.then(|| ChecksumType::from_static(checksum_type)),
            content,
        })
    }
}

impl BucketState {
    /// The version a request means; a delete marker is refused as S3 refuses it.
    pub(super) fn find(&self, key: &str, version: Option<&str>) -> S3Result<&Version> {
        let versions = self.versions(key);
        let Some(id) = version else {
            let latest = versions.last().ok_or_else(no_such_key)?;
            return if latest.content.is_some() {
                Ok(latest)
            } else {
                Err(deleted(no_such_key(), &latest.id))
            };
        };
        let found = versions.iter().find(|v| v.id == id).ok_or_else(|| {
            refuse::refused(S3ErrorCode::NoSuchVersion, "The specified version does not exist.")
        })?;
        if found.content.is_some() {
            return Ok(found);
        }
        let mut error =
            refuse::refused(S3ErrorCode::MethodNotAllowed, "The specified version is a delete marker.");
        error.set_status_code(StatusCode::METHOD_NOT_ALLOWED);
        Err(deleted(error, id))
    }
}

fn check_get(input: &GetObjectInput) -> S3Result<()> {
    refuse::if_present(&[
        ("partNumber", input.part_number.is_some()),
        ("if-match", input.if_match.is_some()),
        ("if-none-match", input.if_none_match.is_some()),
        ("if-modified-since", input.if_modified_since.is_some()),
        ("if-unmodified-since", input.if_unmodified_since.is_some()),
        ("x-amz-request-payer", input.request_payer.is_some()),
        ("response-content-encoding", input.response_content_encoding.is_some()),
        ("response-content-language", input.response_content_language.is_some()),
        ("response-expires", input.response_expires.is_some()),
        ("x-amz-server-side-encryption-customer-algorithm", input.sse_customer_algorithm.is_some()),
    ])
}

/// A stream over a span of bytes that lie in one file after another. The files are opened before the answer begins, so
/// that a deletion in the meantime does not cut it.
async fn open(dir: &Path, blobs: &[BlobRef], span: Span<u64>) -> S3Result<StreamingBlob> {
    let mut pieces = Vec::new();
    let mut start = 0_u64;
    for blob in blobs {
        let end = start.saturating_add(blob.size);
        let (from, to) = (span.start.max(start), span.end.min(end));
        if from < to {
            let mut file = File::open(dir.join(&blob.name)).await.map_err(refuse::disk)?;
            file.seek(SeekFrom::Start(from.saturating_sub(start))).await.map_err(refuse::disk)?;
            pieces.push(ReaderStream::with_capacity(file.take(to.saturating_sub(from)), READ_BYTES));
        }
        start = end;
    }
    Ok(StreamingBlob::wrap(stream::iter(pieces).flat_map(|piece| piece.into_stream())))
}

fn invalid_range(size: u64) -> S3Error {
    let mut error = refuse::refused(S3ErrorCode::InvalidRange, "The requested range is not satisfiable");
    if let Ok(value) = HeaderValue::from_str(&format!("bytes */{size}")) {
        let mut headers = HeaderMap::new();
        headers.insert(http::header::CONTENT_RANGE, value);
        headers.insert(http::header::CONTENT_TYPE, HeaderValue::from_static("application/xml"));
        error.set_headers(headers);
    }
    error
}

fn no_such_key() -> S3Error {
    refuse::refused(S3ErrorCode::NoSuchKey, "The specified key does not exist.")
}

fn deleted(mut error: S3Error, version: &str) -> S3Error {
    let mut headers = HeaderMap::new();
    headers.insert("x-amz-delete-marker", HeaderValue::from_static("true"));
    headers.insert(http::header::CONTENT_TYPE, HeaderValue::from_static("application/xml"));
    if let Some(id) = Some(version).filter(|v| *v != NULL_VERSION).and_then(|v| HeaderValue::from_str(v).ok())
    {
        headers.insert("x-amz-version-id", id);
    }
    error.set_headers(headers);
    error
}

/// A size as the protocol's signed number.
pub(super) fn signed(size: u64) -> i64 {
    i64::try_from(size).unwrap_or(i64::MAX)
}
