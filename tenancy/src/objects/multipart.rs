//! Putting a document in parts: begun, put by number in any order, completed or given up. Only sealed parts can be put, and
//! the parts of an object that is direct by a clinic's own choice.

use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{ChecksumAlgorithm, CompletedMultipartUpload, CompletedPart, ServerSideEncryption};
use aws_smithy_types::timeout::TimeoutConfig;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use regions::ids::TenantId;

use super::direct::DirectPart;
use super::sealing::SealedPart;
use super::{ObjectError, ObjectId, Objects, note, object_key};

/// Most unfinished uploads of one object that one call gives up; call again until it says 0.
pub const UPLOADS_PER_CALL_MAX: usize = 100;

/// Longest time for one attempt to put a part of 8 MiB, and for all attempts together, in milliseconds.
const PART_MS: (u64, u64) = (60_000, 150_000);

fn part_timeouts() -> TimeoutConfig {
    let (attempt_ms, operation_ms) = PART_MS;
    TimeoutConfig::builder()
        .operation_attempt_timeout(Duration::from_millis(attempt_ms))
        .operation_timeout(Duration::from_millis(operation_ms))
        .build()
}

/// S3's name for an upload that was begun.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UploadId(String);

impl UploadId {
    /// An id that was stored.
    #[must_use]
    pub fn from_stored(text: String) -> Self {
        Self(text)
    }

    /// The text to store.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What S3 said about a part it took; completing names each part by this.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredPart {
    /// The part's number, from 1.
    pub number: u16,
    /// S3's tag of the part.
    pub etag: String,
    /// SHA-256 of the sealed bytes in Base64, as S3 computed it.
    pub checksum: String,
}

/// Bytes that may be put as a part.
pub struct PartBytes(Bytes);

impl From<SealedPart> for PartBytes {
    fn from(part: SealedPart) -> PartBytes {
        PartBytes(part.0)
    }
}

impl From<DirectPart> for PartBytes {
    fn from(part: DirectPart) -> PartBytes {
        PartBytes(part.0)
    }
}

impl Objects {
    /// Begins to put an object in parts.
    ///
    /// # Errors
    /// [`ObjectError`].
    pub async fn begin_upload(&self, tenant: TenantId, id: ObjectId) -> Result<UploadId, ObjectError> {
        let begun = self
            .client
            .create_multipart_upload()
            .bucket(&self.bucket)
            .key(object_key(tenant, id))
            .expected_bucket_owner(self.key.account())
            .checksum_algorithm(ChecksumAlgorithm::Sha256)
            .server_side_encryption(ServerSideEncryption::AwsKms)
            .ssekms_key_id(self.key.as_str())
            .ssekms_encryption_context(self.encryption_context(tenant))
            .send()
            .await
            .map_err(|error| note(&error))?;
        begun.upload_id.map(UploadId).ok_or(ObjectError::Unavailable)
    }

    /// Puts one part, over an earlier one of the same number.
    ///
    /// # Errors
    /// [`ObjectError`]; [`ObjectError::NotFound`] when the upload was completed or given up.
    pub async fn put_part(
        &self,
        tenant: TenantId,
        (id, upload): (ObjectId, &UploadId),
        number: u16,
        part: impl Into<PartBytes>,
    ) -> Result<StoredPart, ObjectError> {
        let PartBytes(bytes) = part.into();
        let stored = self
            .client
            .upload_part()
            .bucket(&self.bucket)
            .key(object_key(tenant, id))
            .expected_bucket_owner(self.key.account())
            .upload_id(upload.as_str())
            .part_number(i32::from(number))
            // The sum is computed once, here, and its header is signed; S3 refuses a body that does not fit.
            .checksum_sha256(STANDARD.encode(digest(&SHA256, &bytes).as_ref()))
            .body(ByteStream::from(bytes))
            .customize()
            .config_override(aws_sdk_s3::Config::builder().timeout_config(part_timeouts()))
            .disable_payload_signing()
            .send()
            .await
            .map_err(|error| note(&error))?;
        match (stored.e_tag, stored.checksum_sha256) {
            (Some(etag), Some(checksum)) => Ok(StoredPart { number, etag, checksum }),
            _ => Err(ObjectError::Unavailable),
        }
    }

    /// Makes one object of the parts, in the order of their numbers.
    ///
    /// # Errors
    /// [`ObjectError::Damaged`] when a part is not what S3 has under its number, else as elsewhere.
    pub async fn complete_upload(
        &self,
        tenant: TenantId,
        (id, upload): (ObjectId, &UploadId),
        parts: &[StoredPart],
    ) -> Result<(), ObjectError> {
        let named = parts.iter().map(|part| {
            CompletedPart::builder()
                .part_number(i32::from(part.number))
                .e_tag(&part.etag)
                .checksum_sha256(&part.checksum)
                .build()
        });
        self.client
            .complete_multipart_upload()
            .bucket(&self.bucket)
            .key(object_key(tenant, id))
            .expected_bucket_owner(self.key.account())
            .upload_id(upload.as_str())
            .multipart_upload(CompletedMultipartUpload::builder().set_parts(Some(named.collect())).build())
            .send()
            .await
            .map(|_| ())
            .map_err(|error| note(&error))
    }

    /// Gives up one upload that was begun; one that is not there is given up already.
    ///
    /// # Errors
    /// [`ObjectError`].
    pub async fn abort_upload(
        &self,
        tenant: TenantId,
        (id, upload): (ObjectId, &UploadId),
    ) -> Result<(), ObjectError> {
        let done = self
            .client
            .abort_multipart_upload()
            .bucket(&self.bucket)
            .key(object_key(tenant, id))
            .expected_bucket_owner(self.key.account())
            .upload_id(upload.as_str())
            .send()
            .await;
        match done.map_err(|error| note(&error)) {
            Ok(_) | Err(ObjectError::NotFound) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// How many bytes are stored under a name; `None` when there is no such object.
    ///
    /// # Errors
    /// [`ObjectError`].
    pub async fn stored_bytes(&self, tenant: TenantId, id: ObjectId) -> Result<Option<u64>, ObjectError> {
        let found = self
            .client
            .head_object()
            .bucket(&self.bucket)
            .key(object_key(tenant, id))
            .expected_bucket_owner(self.key.account())
            .send()
            .await;
        match found.map_err(|error| note(&error)) {
            Ok(found) => Ok(found.content_length().and_then(|length| u64::try_from(length).ok())),
            Err(ObjectError::NotFound) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Gives up every unfinished upload of one object, whoever began it; says how many there were.
    ///
    /// # Errors
    /// [`ObjectError`]; what was given up before it stays so.
    pub async fn abort_uploads(&self, tenant: TenantId, id: ObjectId) -> Result<usize, ObjectError> {
        let key = object_key(tenant, id);
        let listing = self
            .client
            .list_multipart_uploads()
            .bucket(&self.bucket)
            .prefix(&key)
            .expected_bucket_owner(self.key.account())
            .max_uploads(i32::try_from(UPLOADS_PER_CALL_MAX).unwrap_or(i32::MAX))
            .send()
            .await
            .map_err(|error| note(&error))?;
        let mut aborted = 0;
        for upload in listing.uploads() {
            if upload.key() != Some(key.as_str()) {
                continue;
            }
            let name = upload.upload_id().map(|name| UploadId(name.to_owned()));
            self.abort_upload(tenant, (id, &name.ok_or(ObjectError::Unavailable)?)).await?;
            aborted += 1;
        }
        Ok(aborted)
    }

    /// Removes everything there is of an object: unfinished uploads, its versions, its delete markers. Doing it again
    /// changes nothing.
    ///
    /// # Errors
    /// [`ObjectError`]; call again then.
    pub async fn remove(&self, tenant: TenantId, id: ObjectId) -> Result<(), ObjectError> {
        self.abort_uploads(tenant, id).await?;
        self.delete_versions(&object_key(tenant, id)).await.map(|_| ())
    }
}
