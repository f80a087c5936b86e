//! The region's bucket: sealed bytes under random names, in one region, proved at boot and at every odd answer.
//!
//! Nothing but [`Sealed`] bytes, [`SealedPart`]s and the parts of what a clinic chose to keep [`direct`] can be put. S3 encrypts them again under the region's KMS key with the
//! clinic's encryption context. A redirect is an answer like any other and is never followed.

use aws_sdk_s3::Client;
use aws_sdk_s3::config::{RequestChecksumCalculation, ResponseChecksumValidation};
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{ChecksumAlgorithm, ChecksumMode, ServerSideEncryption};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use regions::ids::TenantId;
use regions::region::RegionName;

use crate::aws::{Limits, Site, Target};
use crate::config::RegionalConfig;
use crate::error::BootError;
use crate::keys::events;
use crate::kms::KeyArn;
use crate::sealed::Sealed;

mod direct;
mod extent;
mod multipart;
mod reading;
mod sealing;

pub use direct::{DIRECT_LINK_MAX_S, DirectPart, LinkTo};
pub use extent::{DOCUMENT_BYTES_MAX, Extent, PART_BYTES, PART_SEGMENTS};
pub use multipart::{PartBytes, StoredPart, UPLOADS_PER_CALL_MAX, UploadId};
pub use reading::{Layout, Segment, SegmentReader};
pub use sealing::{
    HEADER_BYTES, ObjectCipher, ObjectHeader, PartError, PartSealer, Position, SEGMENT_BYTES,
    SEGMENT_OVERHEAD_BYTES, SealedPart,
};

/// Largest object put or read in one piece, in bytes. Documents are streamed in parts.
pub const OBJECT_BYTES_MAX: usize = 16 * 1_048_576;
/// Most versions one call of [`Objects::purge_tenant`] deletes; call again until it says 0.
pub const PURGE_OBJECTS_MAX: usize = 1_000;

const LIMITS: Limits = Limits { attempt_ms: 10_000, operation_ms: 25_000, attempts_max: 3, idle_ms: 90_000 };
/// What S3 calls the region that has no location constraint.
const REGION_WITHOUT_CONSTRAINT: &str = "us-east-1";

/// The name of an object within its tenant: 16 random bytes, which say nothing about what it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ObjectId([u8; 16]);

impl ObjectId {
    /// A fresh name. Seal the bytes with it as their row, so that an object moved to another name does not open.
    #[must_use]
    pub fn random() -> Self {
        Self(regions::random::bytes())
    }

    /// The id's bytes, to store beside what the object belongs to.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl From<[u8; 16]> for ObjectId {
    fn from(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }
}

/// Why an object could not be put, read or deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ObjectError {
    /// There is no such object.
    #[error("there is no such object")]
    NotFound,
    /// More than [`OBJECT_BYTES_MAX`] bytes.
    #[error("the object is too large")]
    TooLarge,
    /// The bytes that arrived are not the bytes that were put.
    #[error("the object is damaged")]
    Damaged,
    /// S3 answered that the bucket is elsewhere: a security event; nothing was sent on.
    #[error("the bucket is not in this region")]
    WrongRegion,
    /// Access was denied, or the KMS key cannot be used.
    #[error("access to the object was denied")]
    Denied,
    /// No answer in time, a fault, or throttling; retry later.
    #[error("the object store is unavailable")]
    Unavailable,
}

/// The region's bucket.
pub struct Objects {
    client: Client,
    region: RegionName,
    bucket: String,
    key: KeyArn,
}

impl Objects {
    /// Opens the client and checks where the bucket is and whose it is.
    ///
    /// # Errors
    /// [`BootError`] naming `s3.bucket`, `s3.endpoint`, `s3.ca` or `kms.key_id`.
    pub async fn connect(config: &RegionalConfig) -> Result<Self, BootError> {
        let key = KeyArn::pinned(&config.kms.key_id, config.region)?;
        check_bucket_name(&config.s3.bucket, "s3.bucket")?;
        let target = Target {
            region: config.region,
            endpoint: config.s3.endpoint.as_deref(),
            ca: config.s3.ca.as_deref(),
            fields: ("s3.endpoint", "s3.ca"),
        };
        let site = Site::new(&target, &LIMITS).await?;
        let mut builder = aws_sdk_s3::Config::builder()
            .behavior_version(site.behavior)
            .region(site.region)
            .http_client(site.http)
            .credentials_provider(site.credentials)
            .retry_config(site.retry)
            .timeout_config(site.timeout)
            .force_path_style(site.endpoint.is_some())
            .use_arn_region(false)
            .disable_multi_region_access_points(true)
            .accelerate(false)
            .request_checksum_calculation(RequestChecksumCalculation::WhenSupported)
            .response_checksum_validation(ResponseChecksumValidation::WhenSupported);
        builder.set_endpoint_url(site.endpoint);
        let client = Client::from_conf(builder.build());
        let objects = Self { client, region: config.region, bucket: config.s3.bucket.clone(), key };
        objects.check_pins().await?;
        Ok(objects)
    }

    /// Asks S3 twice, in two ways, which region the bucket is in, and requires that the KMS key's account owns it.
    ///
    /// # Errors
    /// [`BootError::Pin`] naming `s3.bucket`; [`BootError::Dependency`] when S3 does not answer.
    pub async fn check_pins(&self) -> Result<(), BootError> {
        let location = self
            .client
            .get_bucket_location()
            .bucket(&self.bucket)
            .expected_bucket_owner(self.key.account())
            .send()
            .await
            .map_err(|error| self.boot_error(&error))?;
        let constraint = location.location_constraint().map_or("", |constraint| constraint.as_str());
        self.check_region(if constraint.is_empty() { REGION_WITHOUT_CONSTRAINT } else { constraint })?;
        let head = self
            .client
            .head_bucket()
            .bucket(&self.bucket)
            .expected_bucket_owner(self.key.account())
            .send()
            .await
            .map_err(|error| self.boot_error(&error))?;
        self.check_region(head.bucket_region().unwrap_or("no region"))
    }

    /// Puts sealed bytes under `id`.
    ///
    /// # Errors
    /// [`ObjectError`].
    pub async fn put(&self, tenant: TenantId, id: ObjectId, sealed: &Sealed) -> Result<(), ObjectError> {
        if sealed.as_bytes().len() > OBJECT_BYTES_MAX {
            return Err(ObjectError::TooLarge);
        }
        self.client
            .put_object()
            .bucket(&self.bucket)
            .key(object_key(tenant, id))
            .expected_bucket_owner(self.key.account())
            .checksum_algorithm(ChecksumAlgorithm::Sha256)
            .server_side_encryption(ServerSideEncryption::AwsKms)
            .ssekms_key_id(self.key.as_str())
            .ssekms_encryption_context(self.encryption_context(tenant))
            .body(ByteStream::from(sealed.as_bytes().to_vec()))
            .send()
            .await
            .map(|_| ())
            .map_err(|error| note(&error))
    }

    /// Reads what was put under `id`. Opening it is what proves that it is that.
    ///
    /// # Errors
    /// [`ObjectError`].
    pub async fn get(&self, tenant: TenantId, id: ObjectId) -> Result<Sealed, ObjectError> {
        let mut answer = self
            .client
            .get_object()
            .bucket(&self.bucket)
            .key(object_key(tenant, id))
            .expected_bucket_owner(self.key.account())
            .checksum_mode(ChecksumMode::Enabled)
            .send()
            .await
            .map_err(|error| note(&error))?;
        let announced = answer.content_length().and_then(|length| usize::try_from(length).ok());
        let announced = announced.ok_or(ObjectError::Damaged)?;
        if announced > OBJECT_BYTES_MAX {
            return Err(ObjectError::TooLarge);
        }
        let mut bytes = Vec::with_capacity(announced);
        while let Some(chunk) = answer.body.next().await {
            // The SDK checks the SHA-256 that S3 kept and fails the last chunk when it differs.
            let chunk = chunk.map_err(|_cause| ObjectError::Damaged)?;
            if bytes.len().saturating_add(chunk.len()) > announced {
                return Err(ObjectError::Damaged);
            }
            bytes.extend_from_slice(&chunk);
        }
        if bytes.len() == announced { Ok(Sealed::from_bytes(bytes)) } else { Err(ObjectError::Damaged) }
    }

    /// Deletes an object; deleting one that is not there succeeds. In a versioned bucket its versions stay until the
    /// bucket's lifecycle rule or [`purge_tenant`](Self::purge_tenant) removes them.
    ///
    /// # Errors
    /// [`ObjectError`].
    pub async fn delete(&self, tenant: TenantId, id: ObjectId) -> Result<(), ObjectError> {
        self.delete_version(&object_key(tenant, id), None).await
    }

    /// Puts an empty marker under the tenant's prefix, which proves before any patient exists that this process may
    /// write there under the region's KMS key. Doing it again changes nothing.
    ///
    /// # Errors
    /// [`ObjectError`].
    pub async fn ensure_prefix(&self, tenant: TenantId) -> Result<(), ObjectError> {
        self.put(tenant, ObjectId([0; 16]), &Sealed::from_bytes(Vec::new())).await
    }

    /// Deletes up to [`PURGE_OBJECTS_MAX`] versions and delete markers of a tenant that is being off-boarded; says how
    /// many. In a bucket without versions each object is its one version.
    ///
    /// # Errors
    /// [`ObjectError`]; what was deleted before it stays deleted.
    pub async fn purge_tenant(&self, tenant: TenantId) -> Result<usize, ObjectError> {
        self.delete_versions(&prefix(tenant)).await
    }

    /// Deletes versions and delete markers of the objects whose names begin so, [`PURGE_OBJECTS_MAX`] at most.
    async fn delete_versions(&self, beginning: &str) -> Result<usize, ObjectError> {
        let listing = self
            .client
            .list_object_versions()
            .bucket(&self.bucket)
            .prefix(beginning)
            .expected_bucket_owner(self.key.account())
            .max_keys(i32::try_from(PURGE_OBJECTS_MAX).unwrap_or(i32::MAX))
            .send()
            .await
            .map_err(|error| note(&error))?;
        let versions = listing.versions().iter().map(|found| (found.key(), found.version_id()));
        let markers = listing.delete_markers().iter().map(|found| (found.key(), found.version_id()));
        let mut deleted = 0;
        for (key, version) in versions.chain(markers).take(PURGE_OBJECTS_MAX) {
            // Deleted without its version, an object would only get another marker, and the listing never be empty.
            let (Some(key), Some(version)) = (key, version) else { return Err(ObjectError::Unavailable) };
            if key.starts_with(beginning) {
                self.delete_version(key, Some(version)).await?;
                deleted += 1;
            }
        }
        Ok(deleted)
    }

    /// What S3 gives KMS beside the key: the region and the clinic, ids only because it stands in CloudTrail in clear.
    fn encryption_context(&self, tenant: TenantId) -> String {
        let context = serde_json::json!({
            "hc:cell": self.region.as_str(),
            "hc:tenant": tenant.as_uuid().to_string(),
            "hc:purpose": "doc",
            "hc:ecv": "1",
        });
        STANDARD.encode(context.to_string())
    }

    async fn delete_version(&self, key: &str, version: Option<&str>) -> Result<(), ObjectError> {
        self.client
            .delete_object()
            .bucket(&self.bucket)
            .key(key)
            .set_version_id(version.map(str::to_owned))
            .expected_bucket_owner(self.key.account())
            .send()
            .await
            .map(|_| ())
            .map_err(|error| note(&error))
    }

    fn check_region(&self, found: &str) -> Result<(), BootError> {
        if found == self.region.as_str() {
            return Ok(());
        }
        events::foreign_bucket();
        Err(self.foreign(found))
    }

    fn foreign(&self, found: &str) -> BootError {
        BootError::Pin { field: "s3.bucket", expected: self.region.to_string(), found: found.to_owned() }
    }

    fn boot_error<E: ProvideErrorMetadata>(&self, error: &SdkError<E, HttpResponse>) -> BootError {
        let problem = match note(error) {
            ObjectError::WrongRegion => return self.foreign("another region"),
            ObjectError::NotFound => "there is no such bucket",
            ObjectError::Denied => "this process may not use the bucket, or another account owns it",
            ObjectError::TooLarge | ObjectError::Damaged | ObjectError::Unavailable => "S3 does not answer",
        };
        BootError::Dependency { field: "s3.bucket", problem: problem.to_owned() }
    }
}

fn prefix(tenant: TenantId) -> String {
    format!("t/{tenant}/")
}

fn object_key(tenant: TenantId, id: ObjectId) -> String {
    format!("{}{}", prefix(tenant), regions::text::encode_id(id.as_bytes()))
}

/// A bucket ARN or an access point could name another region; a plain name cannot.
pub(crate) fn check_bucket_name(name: &str, field: &'static str) -> Result<(), BootError> {
    let plain = (3..=63).contains(&name.len())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-".contains(&byte));
    if plain {
        return Ok(());
    }
    Err(BootError::Pin { field, expected: "a plain bucket name".to_owned(), found: name.to_owned() })
}

/// Turns an answer into one of ours, and reports the one that must never happen.
fn note<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> ObjectError {
    let status = error.raw_response().map(|response| response.status().as_u16());
    let code = error.as_service_error().and_then(ProvideErrorMetadata::code);
    let kind = match (status, code) {
        (Some(301 | 302 | 303 | 307 | 308), _)
        | (_, Some("PermanentRedirect" | "TemporaryRedirect" | "AuthorizationHeaderMalformed"))
        | (_, Some("IllegalLocationConstraintException")) => ObjectError::WrongRegion,
        (_, Some("BadDigest" | "InvalidDigest" | "InvalidPart" | "XAmzContentChecksumMismatch")) => {
            ObjectError::Damaged
        }
        (_, Some(code)) if code.starts_with("KMS.") => ObjectError::Denied,
        (Some(404), _) => ObjectError::NotFound,
        (Some(401 | 403), _) => ObjectError::Denied,
        _ => ObjectError::Unavailable,
    };
    if kind == ObjectError::WrongRegion {
        events::foreign_bucket();
    }
    kind
}
