//! Multipart uploads.

use std::collections::BTreeMap;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use data_encoding::HEXLOWER;
use s3s::checksum::ChecksumHasher;
use s3s::crypto::{Checksum as _, Md5};
use s3s::dto::*;
use s3s::{S3Error, S3ErrorCode, S3Request, S3Response, S3Result};
use tokio::fs::File;
use tokio::io::AsyncReadExt as _;

use super::body::{self, Claims};
use super::lock::LockHeaders;
use super::model::{Attributes, BlobRef, Checksums, Content, Upload, UploadedPart};
use super::object::Conditions;
use super::read::signed;
use super::sse::{SseHeaders, SseKey};
use super::store::{BucketState, Store};
use super::{list, refuse};
use crate::{clock, random};

/// Every part but the last is at least this large, in bytes (5 MiB, as in AWS).
const MIN_PART_BYTES: u64 = 5 * 1024 * 1024;
/// Part numbers go up to this.
const MAX_PARTS: i32 = 10_000;
/// How much is read at once to compute the checksum of a whole object, in bytes.
const READ_BYTES: usize = 256 * 1024;

impl Store {
    pub(super) fn create_multipart_upload(
        &self,
        req: S3Request<CreateMultipartUploadInput>,
    ) -> S3Result<S3Response<CreateMultipartUploadOutput>> {
        let mut input = req.input;
        check_create(&input)?;
        let headers = SseHeaders {
            algorithm: input.server_side_encryption.take(),
            key_id: input.ssekms_key_id.take(),
            context: input.ssekms_encryption_context.take(),
        };
        let SseKey { arn: kms_key_arn, context: kms_context } = self.required_key(&headers)?;
        let lock = LockHeaders {
            mode: input.object_lock_mode.take(),
            until: input.object_lock_retain_until_date.take(),
            legal_hold: input.object_lock_legal_hold_status.take(),
        };
        let id = random::hex_name().map_err(refuse::disk)?;
        let now_ms = self.clock.now_ms();
        let algorithm = input.checksum_algorithm.as_ref().map(|a| a.as_str().to_owned());
        let full = input.checksum_type.as_ref().is_some_and(|t| t.as_str() == ChecksumType::FULL_OBJECT);
        let mut upload = Upload {
            id: id.clone(),
            key: input.key.clone(),
            created_ms: now_ms,
            attributes: attributes_of(&mut input),
            kms_key_arn: kms_key_arn.clone(),
            kms_context,
            lock: Default::default(),
            full_object: full || algorithm.as_deref() == Some("CRC64NVME"),
            algorithm,
            parts: BTreeMap::new(),
        };
        self.with(&input.bucket, |state| {
            upload.lock = lock.resolve(&state.meta, now_ms)?;
            state.save_upload(upload)
        })?;
        Ok(S3Response::new(CreateMultipartUploadOutput {
            bucket: Some(input.bucket),
            key: Some(input.key),
            upload_id: Some(id),
            checksum_algorithm: input.checksum_algorithm,
            checksum_type: input.checksum_type,
            server_side_encryption: Some(ServerSideEncryption::from_static(ServerSideEncryption::AWS_KMS)),
            ssekms_key_id: Some(kms_key_arn),
            ..Default::default()
        }))
    }

    pub(super) async fn upload_part(
        &self,
        req: S3Request<UploadPartInput>,
    ) -> S3Result<S3Response<UploadPartOutput>> {
        let announced = body::announced(&req.headers)?;
        let mut input = req.input;
        refuse::if_present(&[
            ("x-amz-server-side-encryption-customer-algorithm", input.sse_customer_algorithm.is_some()),
            ("x-amz-request-payer", input.request_payer.is_some()),
        ])?;
        if !(1..=MAX_PARTS).contains(&input.part_number) {
            let message = "Part number must be an integer between 1 and 10000, inclusive";
            return Err(refuse::refused(S3ErrorCode::InvalidArgument, message));
        }
        let (dir, algorithm, kms_key_arn) = self.with(&input.bucket, |state| {
            let upload = state.upload(&input.key, &input.upload_id)?;
            Ok((state.blobs_dir(), upload.algorithm.clone(), upload.kms_key_arn.clone()))
        })?;
        let mut claims = Claims { announced, trailers: req.trailing_headers, ..claims_of(&mut input) };
        claims.algorithm = claims.algorithm.or(algorithm);
        let received = body::receive(&dir, input.body.take(), &claims).await?;
        let part = UploadedPart {
            blob: received.blob(),
            md5: received.etag(),
            checksums: received.checksums.clone(),
            created_ms: self.clock.now_ms(),
        };
        self.with(&input.bucket, |state| {
            let mut upload = state.upload(&input.key, &input.upload_id)?.clone();
            let replaced = upload.parts.insert(input.part_number, part.clone());
            state.save_upload(upload)?;
            state.remove_blobs(replaced.iter().map(|p| &p.blob));
            Ok(())
        })?;
        received.keep();
        Ok(S3Response::new(UploadPartOutput {
            e_tag: Some(ETag::Strong(part.md5)),
            server_side_encryption: Some(ServerSideEncryption::from_static(ServerSideEncryption::AWS_KMS)),
            ssekms_key_id: Some(kms_key_arn),
            checksum_crc32: part.checksums.crc32,
            checksum_crc32c: part.checksums.crc32c,
            checksum_crc64nvme: part.checksums.crc64nvme,
            checksum_sha1: part.checksums.sha1,
            checksum_sha256: part.checksums.sha256,
            ..Default::default()
        }))
    }

    pub(super) async fn complete_multipart_upload(
        &self,
        req: S3Request<CompleteMultipartUploadInput>,
    ) -> S3Result<S3Response<CompleteMultipartUploadOutput>> {
        let mut input = req.input;
        let conditions =
            Conditions { if_match: input.if_match.take(), if_none_match: input.if_none_match.take() };
        let named = input.multipart_upload.take().and_then(|m| m.parts).unwrap_or_default();
        let (dir, upload) = self.with(&input.bucket, |state| {
            conditions.check(state, &input.key)?;
            Ok((state.blobs_dir(), state.upload(&input.key, &input.upload_id)?.clone()))
        })?;
        let parts = chosen_parts(&upload, &named)?;
        let checksums = whole_checksums(&dir, &upload, &parts).await?;
        check_claims(&input, &checksums, &parts)?;
        let content = Content {
            blobs: parts.iter().map(|p| p.blob.clone()).collect(),
            size: parts.iter().map(|p| p.blob.size).sum(),
            etag: composite_etag(&parts)?,
            checksums,
            attributes: upload.attributes.clone(),
            kms_key_arn: upload.kms_key_arn.clone(),
            kms_context: upload.kms_context.clone(),
            upload_id: Some(upload.id.clone()),
        };
        let version_id = self.with(&input.bucket, |state| {
            conditions.check(state, &input.key)?;
            let still = state.upload(&input.key, &input.upload_id)?.clone();
            if parts.iter().any(|p| !still.parts.values().any(|s| s.blob == p.blob)) {
                return Err(refuse::refused(S3ErrorCode::InvalidPart, "a part was replaced in the meantime"));
            }
            let id = state.add_version(
                &input.key,
                self.clock.now_ms(),
                Some(content.clone()),
                upload.lock.clone(),
            )?;
            state.remove_upload(&upload.id)?;
            let unused = still.parts.values().map(|p| &p.blob).filter(|b| !content.blobs.contains(b));
            state.remove_blobs(unused);
            Ok(id)
        })?;
        Ok(S3Response::new(complete_output(input, content, version_id)))
    }

    pub(super) fn abort_multipart_upload(
        &self,
        req: S3Request<AbortMultipartUploadInput>,
    ) -> S3Result<S3Response<AbortMultipartUploadOutput>> {
        let input = req.input;
        self.with(&input.bucket, |state| {
            let upload = state.upload(&input.key, &input.upload_id)?.clone();
            state.remove_upload(&upload.id)?;
            state.remove_blobs(upload.parts.values().map(|p| &p.blob));
            Ok(())
        })?;
        Ok(S3Response::new(AbortMultipartUploadOutput::default()))
    }

    pub(super) fn list_parts(&self, req: S3Request<ListPartsInput>) -> S3Result<S3Response<ListPartsOutput>> {
        let input = req.input;
        let limit = list::page_size(input.max_parts)?;
        let after = input.part_number_marker.unwrap_or(0);
        let upload = self.with(&input.bucket, |state| state.upload(&input.key, &input.upload_id).cloned())?;
        let mut rest = upload.parts.iter().filter(|(number, _)| **number > after);
        let parts: Vec<Part> =
            rest.by_ref().take(limit).map(|(number, part)| listed(*number, part)).collect();
        Ok(S3Response::new(ListPartsOutput {
            bucket: Some(input.bucket),
            key: Some(input.key),
            upload_id: Some(input.upload_id),
            part_number_marker: input.part_number_marker,
            is_truncated: Some(rest.next().is_some()),
            next_part_number_marker: parts.last().and_then(|p| p.part_number),
            max_parts: i32::try_from(limit).ok(),
            parts: Some(parts),
            ..Default::default()
        }))
    }

    pub(super) fn list_multipart_uploads(
        &self,
        req: S3Request<ListMultipartUploadsInput>,
    ) -> S3Result<S3Response<ListMultipartUploadsOutput>> {
        let input = req.input;
        refuse::if_present(&[
            ("delimiter", input.delimiter.is_some()),
            ("encoding-type", input.encoding_type.is_some()),
            ("key-marker", input.key_marker.is_some()),
            ("upload-id-marker", input.upload_id_marker.is_some()),
        ])?;
        let limit = list::page_size(input.max_uploads)?;
        let prefix = input.prefix.clone().unwrap_or_default();
        let mut uploads = self.with(&input.bucket, |state| {
            let mut found: Vec<_> =
                state.uploads.values().filter(|u| u.key.starts_with(&prefix)).cloned().collect();
            found.sort_by(|a, b| (&a.key, a.created_ms).cmp(&(&b.key, b.created_ms)));
            Ok(found)
        })?;
        let truncated = uploads.len() > limit;
        uploads.truncate(limit);
        let uploads = uploads.into_iter().map(|u| MultipartUpload {
            key: Some(u.key),
            upload_id: Some(u.id),
            initiated: Some(clock::time_of(u.created_ms).into()),
            ..Default::default()
        });
        Ok(S3Response::new(ListMultipartUploadsOutput {
            bucket: Some(input.bucket),
            prefix: input.prefix,
            is_truncated: Some(truncated),
            max_uploads: i32::try_from(limit).ok(),
            uploads: Some(uploads.collect()),
            ..Default::default()
        }))
    }
}

impl BucketState {
    fn upload(&self, key: &str, id: &str) -> S3Result<&Upload> {
        self.uploads.get(id).filter(|u| u.key == key).ok_or_else(|| {
            let message = "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed.";
            refuse::refused(S3ErrorCode::NoSuchUpload, message)
        })
    }
}

/// The parts that a request names, checked: ascending, there, with the right ETag and checksum, and not too small.
fn chosen_parts(upload: &Upload, named: &[CompletedPart]) -> S3Result<Vec<UploadedPart>> {
    let invalid = || {
        let message = "One or more of the specified parts could not be found. The part may not have been uploaded, or the specified entity tag may not match the part's entity tag.";
        refuse::refused(S3ErrorCode::InvalidPart, message)
    };
    if named.is_empty() {
        return Err(refuse::refused(
            S3ErrorCode::MalformedXML,
            "an upload is completed with at least one part",
        ));
    }
    if !named.is_sorted_by(|a, b| a.part_number < b.part_number) {
        let message = "The list of parts was not in ascending order. Parts must be ordered by part number.";
        return Err(refuse::refused(S3ErrorCode::InvalidPartOrder, message));
    }
    let mut chosen = Vec::with_capacity(named.len());
    for (index, wanted) in named.iter().enumerate() {
        let number = wanted.part_number.ok_or_else(invalid)?;
        let part = upload.parts.get(&number).ok_or_else(invalid)?;
        let same = |wanted: &Option<String>, actual: &Option<String>| wanted.is_none() || wanted == actual;
        let fits = wanted.e_tag.as_ref().map(ETag::value) == Some(part.md5.as_str())
            && same(&wanted.checksum_crc32, &part.checksums.crc32)
            && same(&wanted.checksum_crc32c, &part.checksums.crc32c)
            && same(&wanted.checksum_crc64nvme, &part.checksums.crc64nvme)
            && same(&wanted.checksum_sha1, &part.checksums.sha1)
            && same(&wanted.checksum_sha256, &part.checksums.sha256);
        if !fits {
            return Err(invalid());
        }
        if part.blob.size < MIN_PART_BYTES && index + 1 != named.len() {
            let message = "Your proposed upload is smaller than the minimum allowed size";
            return Err(refuse::refused(S3ErrorCode::EntityTooSmall, message));
        }
        chosen.push(part.clone());
    }
    Ok(chosen)
}

/// The checksum of the whole object: over the parts' checksums, or over all bytes when the upload asked for that.
async fn whole_checksums(dir: &Path, upload: &Upload, parts: &[UploadedPart]) -> S3Result<Checksums> {
    let Some(algorithm) = upload.algorithm.as_deref() else { return Ok(Checksums::default()) };
    let mut hasher = ChecksumHasher::default();
    match algorithm {
        "CRC32" => hasher.crc32 = Some(Default::default()),
        "CRC32C" => hasher.crc32c = Some(Default::default()),
        "CRC64NVME" => hasher.crc64nvme = Some(Default::default()),
        "SHA1" => hasher.sha1 = Some(Default::default()),
        "SHA256" => hasher.sha256 = Some(Default::default()),
        other => return Err(refuse::not_implemented(format!("the checksum algorithm {other}"))),
    }
    if upload.full_object {
        for part in parts {
            hash_file(dir, &part.blob, &mut hasher).await?;
        }
        return Ok(body::from_dto(hasher.finalize()));
    }
    for part in parts {
        let mut sums = part.checksums.clone();
        let sum = body::slot(&mut sums, algorithm).and_then(|s| s.take());
        let raw = sum.and_then(|s| STANDARD.decode(s).ok()).ok_or_else(|| {
            let message = "a part was uploaded without the checksum that the upload was created with";
            refuse::refused(S3ErrorCode::InvalidRequest, message)
        })?;
        hasher.update(&raw);
    }
    let mut whole = body::from_dto(hasher.finalize());
    if let Some(Some(sum)) = body::slot(&mut whole, algorithm) {
        sum.push_str(&format!("-{}", parts.len()));
    }
    Ok(whole)
}

async fn hash_file(dir: &Path, blob: &BlobRef, hasher: &mut ChecksumHasher) -> S3Result<()> {
    let mut file = File::open(dir.join(&blob.name)).await.map_err(refuse::disk)?;
    let mut buffer = vec![0; READ_BYTES];
    loop {
        let n = file.read(&mut buffer).await.map_err(refuse::disk)?;
        match buffer.get(..n) {
            Some(chunk) if n > 0 => hasher.update(chunk),
            _ => return Ok(()),
        }
    }
}

fn check_claims(
    input: &CompleteMultipartUploadInput,
    actual: &Checksums,
    parts: &[UploadedPart],
) -> S3Result<()> {
    let same = |wanted: &Option<String>, actual: &Option<String>| wanted.is_none() || wanted == actual;
    let fits = same(&input.checksum_crc32, &actual.crc32)
        && same(&input.checksum_crc32c, &actual.crc32c)
        && same(&input.checksum_crc64nvme, &actual.crc64nvme)
        && same(&input.checksum_sha1, &actual.sha1)
        && same(&input.checksum_sha256, &actual.sha256);
    if !fits {
        let message = "the checksum of the whole object did not match the calculated checksum";
        return Err(refuse::refused(S3ErrorCode::BadDigest, message));
    }
    let size: u64 = parts.iter().map(|p| p.blob.size).sum();
    if input.mpu_object_size.is_some_and(|wanted| wanted != signed(size)) {
        return Err(refuse::refused(
            S3ErrorCode::InvalidRequest,
            "x-amz-mp-object-size is not the size of the parts",
        ));
    }
    Ok(())
}

fn composite_etag(parts: &[UploadedPart]) -> S3Result<String> {
    let mut md5 = Md5::new();
    for part in parts {
        let raw = HEXLOWER.decode(part.md5.as_bytes()).map_err(S3Error::internal_error)?;
        md5.update(&raw);
    }
    Ok(format!("{}-{}", HEXLOWER.encode(&md5.finalize()), parts.len()))
}

fn check_create(input: &CreateMultipartUploadInput) -> S3Result<()> {
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
    ])
}

fn attributes_of(input: &mut CreateMultipartUploadInput) -> Attributes {
    Attributes {
        content_type: input.content_type.take(),
        content_encoding: input.content_encoding.take(),
        content_disposition: input.content_disposition.take(),
        content_language: input.content_language.take(),
        cache_control: input.cache_control.take(),
        metadata: input.metadata.take().unwrap_or_default().into_iter().collect(),
    }
}

fn claims_of(input: &mut UploadPartInput) -> Claims {
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

fn complete_output(
    input: CompleteMultipartUploadInput,
    content: Content,
    version_id: Option<String>,
) -> CompleteMultipartUploadOutput {
    CompleteMultipartUploadOutput {
        location: Some(format!("/{}/{}", input.bucket, input.key)),
        bucket: Some(input.bucket),
        key: Some(input.key),
        e_tag: Some(ETag::Strong(content.etag)),
        version_id,
        server_side_encryption: Some(ServerSideEncryption::from_static(ServerSideEncryption::AWS_KMS)),
        ssekms_key_id: Some(content.kms_key_arn),
        checksum_crc32: content.checksums.crc32,
        checksum_crc32c: content.checksums.crc32c,
        checksum_crc64nvme: content.checksums.crc64nvme,
        checksum_sha1: content.checksums.sha1,
        checksum_sha256: content.checksums.sha256,
        ..Default::default()
    }
}

fn listed(number: i32, part: &UploadedPart) -> Part {
    Part {
        part_number: Some(number),
        size: Some(signed(part.blob.size)),
        e_tag: Some(ETag::Strong(part.md5.clone())),
        last_modified: Some(clock::time_of(part.created_ms).into()),
        checksum_crc32: part.checksums.crc32.clone(),
        checksum_crc32c: part.checksums.crc32c.clone(),
        checksum_crc64nvme: part.checksums.crc64nvme.clone(),
        checksum_sha1: part.checksums.sha1.clone(),
        checksum_sha256: part.checksums.sha256.clone(),
    }
}
