//! Writing and deleting objects.

use s3s::dto::*;
use s3s::{S3ErrorCode, S3Request, S3Response, S3Result};

use super::body::{self, Claims};
use super::lock::LockHeaders;
use super::model::{Attributes, Checksums, Content, Lock, NULL_VERSION, Object, Version, Versioning};
use super::refuse;
use super::sse::SseHeaders;
use super::store::{BucketState, Store};
use crate::random;

/// The longest key, in bytes.
const MAX_KEY_BYTES: usize = 1024;

/// What must hold of the current version for a write to happen.
#[derive(Debug, Default)]
pub(super) struct Conditions {
    pub(super) if_match: Option<ETagCondition>,
    pub(super) if_none_match: Option<ETagCondition>,
}

impl Store {
    pub(super) async fn put_object(
        &self,
        req: S3Request<PutObjectInput>,
    ) -> S3Result<S3Response<PutObjectOutput>> {
        let announced = body::announced(&req.headers)?;
        let mut input = req.input;
        check_put(&input)?;
        let headers = sse_headers(&mut input);
        let key = self.required_key(&headers)?;
        let lock_headers = LockHeaders {
            mode: input.object_lock_mode.take(),
            until: input.object_lock_retain_until_date.take(),
            legal_hold: input.object_lock_legal_hold_status.take(),
        };
        let conditions =
            Conditions { if_match: input.if_match.take(), if_none_match: input.if_none_match.take() };
        let blobs_dir = self.with(&input.bucket, |state| {
            conditions.check(state, &input.key)?;
            lock_headers.resolve(&state.meta, self.clock.now_ms())?;
            Ok(state.blobs_dir())
        })?;
        let claims = Claims { announced, trailers: req.trailing_headers, ..claims_of(&mut input) };
        if lock_headers.is_present() && !claims.has_digest() {
            let message = "Content-MD5 OR x-amz-checksum- HTTP header is required for Put Object requests with Object Lock parameters";
            return Err(refuse::refused(S3ErrorCode::InvalidRequest, message));
        }
        let received = body::receive(&blobs_dir, input.body.take(), &claims).await?;
        let content = Content {
            blobs: vec![received.blob()],
            size: received.size(),
            etag: received.etag(),
            checksums: received.checksums.clone(),
            attributes: attributes_of(&mut input),
            kms_key_arn: key.arn,
            kms_context: key.context,
            upload_id: None,
        };
        let version_id = self.with(&input.bucket, |state| {
            conditions.check(state, &input.key)?;
            let lock = lock_headers.resolve(&state.meta, self.clock.now_ms())?;
            state.add_version(&input.key, self.clock.now_ms(), Some(content.clone()), lock)
        })?;
        received.keep();
        Ok(S3Response::new(put_output(content, version_id)))
    }

    pub(super) fn delete_object(
        &self,
        req: S3Request<DeleteObjectInput>,
    ) -> S3Result<S3Response<DeleteObjectOutput>> {
        let input = req.input;
        refuse::if_present(&[
            ("mfa", input.mfa.is_some()),
            ("if-match", input.if_match.is_some()),
            ("x-amz-if-match-last-modified-time", input.if_match_last_modified_time.is_some()),
            ("x-amz-if-match-size", input.if_match_size.is_some()),
        ])?;
        let now_ms = self.clock.now_ms();
        let output = self.with(&input.bucket, |state| match &input.version_id {
            Some(id) => state.delete_version(&input.key, id, now_ms, input.bypass_governance_retention),
            None if state.meta.versioning == Versioning::Off => {
                state.delete_version(&input.key, NULL_VERSION, now_ms, None)?;
                Ok(DeleteObjectOutput::default())
            }
            None => {
                let version_id = state.add_version(&input.key, now_ms, None, Lock::default())?;
                Ok(DeleteObjectOutput { delete_marker: Some(true), version_id, ..Default::default() })
            }
        })?;
        Ok(S3Response::new(output))
    }
}

fn sse_headers(input: &mut PutObjectInput) -> SseHeaders {
    SseHeaders {
        algorithm: input.server_side_encryption.take(),
        key_id: input.ssekms_key_id.take(),
        context: input.ssekms_encryption_context.take(),
    }
}

impl Conditions {
    /// Refuses with 412 unless the current version is as the request wants it.
    pub(super) fn check(&self, state: &BucketState, key: &str) -> S3Result<()> {
        let current = state.versions(key).last().and_then(|v| v.content.as_ref());
        let failed = || {
            let message = "At least one of the pre-conditions you specified did not hold";
            refuse::refused(S3ErrorCode::PreconditionFailed, message)
        };
        if let Some(condition) = &self.if_none_match {
            if !condition.is_any() {
                return Err(refuse::not_implemented("If-None-Match with an ETag"));
            }
            if current.is_some() {
                return Err(failed());
            }
        }
        match &self.if_match {
            None => Ok(()),
            Some(condition) => {
                let wanted = condition.as_etag().map(ETag::value);
                let content = current.ok_or(S3ErrorCode::NoSuchKey)?;
                if wanted.is_none() || wanted == Some(content.etag.as_str()) { Ok(()) } else { Err(failed()) }
            }
        }
    }
}

impl BucketState {
    /// Adds a version (or a delete marker), replacing the null version where versioning does not keep it. Returns its id
    /// when versioning is or was on.
    pub(super) fn add_version(
        &mut self,
        key: &str,
        created_ms: u64,
        content: Option<Content>,
        lock: Lock,
    ) -> S3Result<Option<String>> {
        let id = match self.meta.versioning {
            Versioning::Enabled => random::hex_name().map_err(refuse::disk)?,
            Versioning::Off | Versioning::Suspended => NULL_VERSION.to_owned(),
        };
        let fresh = || Object { key: key.to_owned(), versions: Vec::new() };
        let mut object = self.objects.get(key).cloned().unwrap_or_else(fresh);
        if let Some(position) = object.versions.iter().position(|v| v.id == id) {
            object.versions.remove(position);
        }
        object.versions.push(Version { id: id.clone(), created_ms, content, lock });
        self.save_object(object)?;
        Ok((self.meta.versioning != Versioning::Off).then_some(id))
    }

    fn delete_version(
        &mut self,
        key: &str,
        id: &str,
        now_ms: u64,
        bypass: Option<bool>,
    ) -> S3Result<DeleteObjectOutput> {
        let version_id = Some(id.to_owned());
        // Deleting what is not there succeeds, as in S3.
        let Some(mut object) = self.objects.get(key).cloned() else {
            return Ok(DeleteObjectOutput { version_id, ..Default::default() });
        };
        let Some(position) = object.versions.iter().position(|v| v.id == id) else {
            return Ok(DeleteObjectOutput { version_id, ..Default::default() });
        };
        let version = object.versions.remove(position);
        version.check_deletable(now_ms, bypass)?;
        self.save_object(object)?;
        let delete_marker = version.content.is_none().then_some(true);
        Ok(DeleteObjectOutput { delete_marker, version_id, ..Default::default() })
    }
}

fn check_put(input: &PutObjectInput) -> S3Result<()> {
    if input.key.len() > MAX_KEY_BYTES {
        return Err(refuse::refused(S3ErrorCode::KeyTooLongError, "Your key is too long"));
    }
    let standard = input.storage_class.as_ref().is_none_or(|c| c.as_str() == StorageClass::STANDARD);
    refuse::if_present(&[
        ("x-amz-acl", input.acl.is_some()),
        ("expires", input.expires.is_some()),
        ("x-amz-grant-full-control", input.grant_full_control.is_some()),
        ("x-amz-grant-read", input.grant_read.is_some()),
        ("x-amz-grant-read-acp", input.grant_read_acp.is_some()),
        ("x-amz-grant-write-acp", input.grant_write_acp.is_some()),
        ("x-amz-request-payer", input.request_payer.is_some()),
        ("x-amz-server-side-encryption-customer-algorithm", input.sse_customer_algorithm.is_some()),
        ("x-amz-storage-class", !standard),
        ("x-amz-tagging", input.tagging.is_some()),
        ("x-amz-website-redirect-location", input.website_redirect_location.is_some()),
        ("x-amz-write-offset-bytes", input.write_offset_bytes.is_some()),
    ])
}

fn claims_of(input: &mut PutObjectInput) -> Claims {
    Claims {
        length: input.content_length,
        md5: input.content_md5.take(),
        checksums: Checksums {
            crc32: input.checksum_crc32.take(),
            crc32c: input.checksum_crc32c.take(),
            crc64nvme: input.checksum_crc64nvme.take(),
            sha1: input.checksum_sha1.take(),
            sha256: input.checksum_sha256.take(),
        },
        algorithm: input.checksum_algorithm.take().map(|a| a.as_str().to_owned()),
        announced: None,
        trailers: None,
    }
}

fn attributes_of(input: &mut PutObjectInput) -> Attributes {
    Attributes {
        content_type: input.content_type.take(),
        content_encoding: input.content_encoding.take(),
        content_disposition: input.content_disposition.take(),
        content_language: input.content_language.take(),
        cache_control: input.cache_control.take(),
        metadata: input.metadata.take().unwrap_or_default().into_iter().collect(),
    }
}

fn put_output(content: Content, version_id: Option<String>) -> PutObjectOutput {
    PutObjectOutput {
        e_tag: Some(ETag::Strong(content.etag)),
        version_id,
        server_side_encryption: Some(ServerSideEncryption::from_static(ServerSideEncryption::AWS_KMS)),
        ssekms_key_id: Some(content.kms_key_arn),
        checksum_type: Some(ChecksumType::from_static(ChecksumType::FULL_OBJECT)),
        checksum_crc32: content.checksums.crc32,
        checksum_crc32c: content.checksums.crc32c,
        checksum_crc64nvme: content.checksums.crc64nvme,
        checksum_sha1: content.checksums.sha1,
        checksum_sha256: content.checksums.sha256,
        ..Default::default()
    }
}
