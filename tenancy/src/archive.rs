//! The region's archive: a bucket in which nothing can be changed or deleted before its time, for the sealed audit log,
//! erasure ledgers and other evidence.
//!
//! Each object is put once, under a name that did not exist, with COMPLIANCE retention, and is read by its version: a
//! version that somebody puts on top later changes nothing and is found by listing. Names hold ids and numbers only.

use std::time::SystemTime;

use aws_sdk_s3::Client;
use aws_sdk_s3::config::{RequestChecksumCalculation, ResponseChecksumValidation};
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::primitives::{ByteStream, DateTime};
use aws_sdk_s3::types::{
    ChecksumAlgorithm, ChecksumMode, ObjectLockEnabled, ObjectLockMode, ServerSideEncryption,
};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use regions::region::RegionName;

use crate::aws::{Limits, Site, Target};
use crate::config::RegionalConfig;
use crate::error::BootError;
use crate::keys::events;
use crate::kms::KeyArn;

/// Largest object, in bytes; more goes into several.
pub const ARCHIVE_OBJECT_BYTES_MAX: usize = 8 * 1_048_576;
/// Longest name, in bytes.
pub const ARCHIVE_NAME_BYTES_MAX: usize = 512;
/// Most versions one page of [`Archive::versions`] lists.
pub const ARCHIVE_PAGE_VERSIONS_MAX: i32 = 1_000;

/// Short, because whoever waits has a deadline of two seconds for the archive (Vault's lesson: a sink that swallows
/// bytes without an answer must not stop the rest).
const LIMITS: Limits = Limits { attempt_ms: 2_000, operation_ms: 5_000, attempts_max: 2, idle_ms: 90_000 };
/// What S3 calls the region that has no location constraint.
const REGION_WITHOUT_CONSTRAINT: &str = "us-east-1";

/// Why something could not be put into or read from the archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ArchiveError {
    /// There is no such object or version.
    #[error("the archive has no such object")]
    NotFound,
    /// The name is not made of lower-case letters, digits, `-`, `.`, `_` and single `/`, or is too long.
    #[error("not a name for an archived object")]
    Name,
    /// More than [`ARCHIVE_OBJECT_BYTES_MAX`] bytes.
    #[error("too large for one archived object")]
    TooLarge,
    /// The bytes that arrived are not the bytes that were put.
    #[error("the archived object is damaged")]
    Damaged,
    /// Something else is already there under this name: somebody wrote another history. Never overwrite; investigate.
    #[error("the archive holds something else under this name")]
    Conflict,
    /// S3 answered that the bucket is elsewhere: a security event; nothing was sent on.
    #[error("the archive is not in this region")]
    WrongRegion,
    /// Access was denied, the KMS key cannot be used, or object lock refused it.
    #[error("access to the archive was denied")]
    Denied,
    /// No answer in time, a fault, or throttling; the outcome of a put is unknown. Put it again: it is idempotent.
    #[error("the archive is unavailable")]
    Unavailable,
}

/// Which version of a name; S3's own text.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct VersionId(String);

impl VersionId {
    /// A version that was stored somewhere before.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// One version of one name, as listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    /// The name.
    pub name: String,
    /// The version.
    pub id: VersionId,
    /// When S3 took it, in milliseconds since 1970.
    pub stored_ms: i64,
    /// Its size in bytes; 0 for a delete marker.
    pub bytes: u64,
    /// Whether it is a delete marker, which hides the name from readers that do not name a version.
    pub delete_marker: bool,
}

/// Where the next page of a listing begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    name: String,
    version: Option<String>,
}

impl Place {
    /// Behind every version of `name`, whether there is one or not.
    #[must_use]
    pub fn after(name: String) -> Self {
        Self { name, version: None }
    }
}

/// How long a version is kept from everybody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Whether nobody at all may shorten it (COMPLIANCE).
    pub compliance: bool,
    /// Until when, in seconds since 1970.
    pub until_s: i64,
}

/// The region's archive.
pub struct Archive {
    client: Client,
    region: RegionName,
    bucket: String,
    key: KeyArn,
    owner: String,
}

impl Archive {
    /// Opens the client and checks where the bucket is, whose it is and that it is locked.
    ///
    /// # Errors
    /// [`BootError`] naming `audit.bucket`, `audit.key_id`, `audit.signing_key_id`, `s3.endpoint` or `s3.ca`.
    pub async fn connect(config: &RegionalConfig) -> Result<Self, BootError> {
        let key = KeyArn::pinned_field(&config.audit.key_id, config.region, "audit.key_id")?;
        let signing =
            KeyArn::pinned_field(&config.audit.signing_key_id, config.region, "audit.signing_key_id")?;
        crate::objects::check_bucket_name(&config.audit.bucket, "audit.bucket")?;
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
        let archive = Self {
            client: Client::from_conf(builder.build()),
            region: config.region,
            bucket: config.audit.bucket.clone(),
            key,
            // The account that signs the log also owns its archive; it may be another than the documents'.
            owner: signing.account().to_owned(),
        };
        archive.check_pins().await?;
        Ok(archive)
    }

    /// Asks S3 where the bucket is, whose it is, and whether object lock is on.
    ///
    /// # Errors
    /// [`BootError::Pin`] naming `audit.bucket`; [`BootError::Dependency`] when S3 does not answer.
    pub async fn check_pins(&self) -> Result<(), BootError> {
        let location = self
            .client
            .get_bucket_location()
            .bucket(&self.bucket)
            .expected_bucket_owner(&self.owner)
            .send()
            .await
            .map_err(|error| self.boot_error(&error))?;
        let constraint = location.location_constraint().map_or("", |constraint| constraint.as_str());
        self.check_region(if constraint.is_empty() { REGION_WITHOUT_CONSTRAINT } else { constraint })?;
        let lock = self
            .client
            .get_object_lock_configuration()
            .bucket(&self.bucket)
            .expected_bucket_owner(&self.owner)
            .send()
            .await;
        let enabled = match lock {
            Ok(answer) => answer
                .object_lock_configuration()
                .is_some_and(|lock| lock.object_lock_enabled() == Some(&ObjectLockEnabled::Enabled)),
            Err(error) if code(&error) == Some("ObjectLockConfigurationNotFoundError") => false,
            Err(error) => return Err(self.boot_error(&error)),
        };
        if enabled { Ok(()) } else { Err(pin("a bucket with object lock", "a bucket without")) }
    }

    /// Puts `bytes` under `name`, which nobody may change or delete before `until`, and says which version it is.
    ///
    /// Putting the same bytes again gives the first version, so a writer that was interrupted simply does it again.
    ///
    /// # Errors
    /// [`ArchiveError::Conflict`] if other bytes are there already; otherwise what S3 says.
    pub async fn put_once(
        &self,
        name: &str,
        bytes: &[u8],
        until: SystemTime,
    ) -> Result<VersionId, ArchiveError> {
        check_name(name)?;
        if bytes.len() > ARCHIVE_OBJECT_BYTES_MAX {
            return Err(ArchiveError::TooLarge);
        }
        let answer = self
            .client
            .put_object()
            .bucket(&self.bucket)
            .key(name)
            .if_none_match("*")
            .expected_bucket_owner(&self.owner)
            .checksum_algorithm(ChecksumAlgorithm::Sha256)
            .server_side_encryption(ServerSideEncryption::AwsKms)
            .ssekms_key_id(self.key.as_str())
            .object_lock_mode(ObjectLockMode::Compliance)
            .object_lock_retain_until_date(DateTime::from(until))
            .body(ByteStream::from(bytes.to_vec()))
            .send()
            .await;
        match answer {
            // A locked bucket keeps versions; an answer without one comes from something that is not what was checked.
            Ok(answer) => {
                let put = answer.version_id.map(VersionId).ok_or(ArchiveError::Denied)?;
                // S3 takes a name for free when a delete marker hides what is there. What was there first counts.
                if self.first(name).await? == put { Ok(put) } else { self.same(name, bytes).await }
            }
            Err(error) if code(&error) == Some("PreconditionFailed") => self.same(name, bytes).await,
            Err(error) => Err(note(&error)),
        }
    }

    /// The version that was there first, if it holds these bytes.
    async fn same(&self, name: &str, bytes: &[u8]) -> Result<VersionId, ArchiveError> {
        let (first, held) = self.get_first(name).await?;
        if held == bytes { Ok(first) } else { Err(ArchiveError::Conflict) }
    }

    /// Reads one version.
    ///
    /// # Errors
    /// [`ArchiveError`].
    pub async fn get(&self, name: &str, version: &VersionId) -> Result<Vec<u8>, ArchiveError> {
        check_name(name)?;
        let mut answer = self
            .client
            .get_object()
            .bucket(&self.bucket)
            .key(name)
            .version_id(version.as_str())
            .expected_bucket_owner(&self.owner)
            .checksum_mode(ChecksumMode::Enabled)
            .send()
            .await
            .map_err(|error| note(&error))?;
        let announced = answer.content_length().and_then(|length| usize::try_from(length).ok());
        let announced = announced.ok_or(ArchiveError::Damaged)?;
        if announced > ARCHIVE_OBJECT_BYTES_MAX {
            return Err(ArchiveError::TooLarge);
        }
        let mut bytes = Vec::with_capacity(announced);
        while let Some(chunk) = answer.body.next().await {
            // The SDK checks the SHA-256 that S3 kept and fails the last chunk when it differs.
            let chunk = chunk.map_err(|_cause| ArchiveError::Damaged)?;
            if bytes.len().saturating_add(chunk.len()) > announced {
                return Err(ArchiveError::Damaged);
            }
            bytes.extend_from_slice(&chunk);
        }
        if bytes.len() == announced { Ok(bytes) } else { Err(ArchiveError::Damaged) }
    }

    /// Reads the version that was there first, whatever has been put on top of it since.
    ///
    /// # Errors
    /// [`ArchiveError::NotFound`] if no version was ever put under the name.
    pub async fn get_first(&self, name: &str) -> Result<(VersionId, Vec<u8>), ArchiveError> {
        let first = self.first(name).await?;
        let bytes = self.get(name, &first).await?;
        Ok((first, bytes))
    }

    /// Reads the version that was there first, and says whether it is the only one: no other and no delete marker lies on top.
    ///
    /// # Errors
    /// As [`Archive::get_first`].
    pub async fn get_only(&self, name: &str) -> Result<(Vec<u8>, bool), ArchiveError> {
        let (first, only) = self.look(name).await?;
        Ok((self.get(name, &first).await?, only))
    }

    async fn first(&self, name: &str) -> Result<VersionId, ArchiveError> {
        self.look(name).await.map(|(first, _only)| first)
    }

    /// The version that was there first, and whether it is the only one.
    async fn look(&self, name: &str) -> Result<(VersionId, bool), ArchiveError> {
        check_name(name)?;
        let mut first: Option<Version> = None;
        let (mut from, mut count) = (None, 0_usize);
        loop {
            let (page, next) = self.versions(name, from).await?;
            count += page.iter().filter(|found| found.name == name).count();
            // S3 lists the versions of one name from the newest to the oldest.
            first = page.into_iter().rfind(|found| found.name == name && !found.delete_marker).or(first);
            match next {
                Some(place) if place.name == name => from = Some(place),
                _ => break,
            }
        }
        first.map(|found| (found.id, count == 1)).ok_or(ArchiveError::NotFound)
    }

    /// Lists up to [`ARCHIVE_PAGE_VERSIONS_MAX`] versions and delete markers whose names begin with `prefix`, by name and
    /// from each name's newest to its oldest, and where the next page begins.
    ///
    /// # Errors
    /// [`ArchiveError`].
    pub async fn versions(
        &self,
        prefix: &str,
        from: Option<Place>,
    ) -> Result<(Vec<Version>, Option<Place>), ArchiveError> {
        let (name, version) = from.map_or((None, None), |place| (Some(place.name), place.version));
        let listing = self
            .client
            .list_object_versions()
            .bucket(&self.bucket)
            .prefix(prefix)
            .set_key_marker(name)
            .set_version_id_marker(version)
            .max_keys(ARCHIVE_PAGE_VERSIONS_MAX)
            .expected_bucket_owner(&self.owner)
            .send()
            .await
            .map_err(|error| note(&error))?;
        let millis =
            |time: Option<&DateTime>| time.and_then(|time| time.to_millis().ok()).unwrap_or_default();
        let mut found = Vec::new();
        for version in listing.versions() {
            let (Some(name), Some(id)) = (version.key(), version.version_id()) else {
                return Err(ArchiveError::Unavailable);
            };
            found.push(Version {
                name: name.to_owned(),
                id: VersionId::new(id),
                stored_ms: millis(version.last_modified()),
                bytes: version.size().and_then(|size| u64::try_from(size).ok()).unwrap_or_default(),
                delete_marker: false,
            });
        }
        for marker in listing.delete_markers() {
            let (Some(name), Some(id)) = (marker.key(), marker.version_id()) else {
                return Err(ArchiveError::Unavailable);
            };
            found.push(Version {
                name: name.to_owned(),
                id: VersionId::new(id),
                stored_ms: millis(marker.last_modified()),
                bytes: 0,
                delete_marker: true,
            });
        }
        // Stable: within a name the order of S3 stays.
        found.sort_by(|a, b| a.name.cmp(&b.name));
        let next = match (listing.is_truncated(), listing.next_key_marker()) {
            (Some(true), Some(name)) => Some(Place {
                name: name.to_owned(),
                version: listing.next_version_id_marker().map(str::to_owned),
            }),
            _ => None,
        };
        Ok((found, next))
    }

    /// Whether any name that begins with `prefix` sorts after `name`.
    ///
    /// # Errors
    /// [`ArchiveError`].
    pub async fn is_anything_after(&self, prefix: &str, name: &str) -> Result<bool, ArchiveError> {
        let (page, _) = self.versions(prefix, Some(Place::after(name.to_owned()))).await?;
        Ok(page.iter().any(|found| found.name.as_str() > name))
    }

    /// How long a version is kept.
    ///
    /// # Errors
    /// [`ArchiveError::NotFound`] if the version has no retention at all.
    pub async fn retention(&self, name: &str, version: &VersionId) -> Result<Retention, ArchiveError> {
        check_name(name)?;
        let answer = self
            .client
            .get_object_retention()
            .bucket(&self.bucket)
            .key(name)
            .version_id(version.as_str())
            .expected_bucket_owner(&self.owner)
            .send()
            .await
            .map_err(|error| note(&error))?;
        let retention = answer.retention().ok_or(ArchiveError::NotFound)?;
        Ok(Retention {
            compliance: retention.mode().is_some_and(|mode| mode.as_str() == "COMPLIANCE"),
            until_s: retention.retain_until_date().map_or(0, DateTime::secs),
        })
    }

    fn check_region(&self, found: &str) -> Result<(), BootError> {
        if found == self.region.as_str() {
            return Ok(());
        }
        events::foreign_bucket();
        Err(pin(self.region.as_str(), found))
    }

    fn boot_error<E: ProvideErrorMetadata>(&self, error: &SdkError<E, HttpResponse>) -> BootError {
        let problem = match note(error) {
            ArchiveError::WrongRegion => return pin(self.region.as_str(), "another region"),
            ArchiveError::NotFound => "there is no such bucket",
            ArchiveError::Denied => "this process may not use the bucket, or another account owns it",
            _ => "S3 does not answer",
        };
        BootError::Dependency { field: "audit.bucket", problem: problem.to_owned() }
    }
}

fn pin(expected: &str, found: &str) -> BootError {
    BootError::Pin { field: "audit.bucket", expected: expected.to_owned(), found: found.to_owned() }
}

/// Names come from ids and numbers of our own; anything else is a mistake, and `..` or `//` could be read in two ways.
fn check_name(name: &str) -> Result<(), ArchiveError> {
    let plain = name.len() <= ARCHIVE_NAME_BYTES_MAX
        && name.split('/').all(|part| {
            !part.is_empty()
                && part != "."
                && part != ".."
                && part
                    .bytes()
                    .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-._".contains(&byte))
        });
    if plain { Ok(()) } else { Err(ArchiveError::Name) }
}

fn code<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> Option<&str> {
    error.as_service_error().and_then(ProvideErrorMetadata::code)
}

/// Turns an answer into one of ours, and reports the one that must never happen.
fn note<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> ArchiveError {
    let status = error.raw_response().map(|response| response.status().as_u16());
    let kind = match (status, code(error)) {
        (Some(301 | 302 | 303 | 307 | 308), _)
        | (_, Some("PermanentRedirect" | "TemporaryRedirect" | "AuthorizationHeaderMalformed"))
        | (_, Some("IllegalLocationConstraintException")) => ArchiveError::WrongRegion,
        (_, Some("BadDigest" | "InvalidDigest" | "XAmzContentChecksumMismatch")) => ArchiveError::Damaged,
        (_, Some(code)) if code.starts_with("KMS.") => ArchiveError::Denied,
        (_, Some("NoSuchObjectLockConfiguration")) | (Some(404), _) => ArchiveError::NotFound,
        (Some(401 | 403), _) => ArchiveError::Denied,
        _ => ArchiveError::Unavailable,
    };
    if kind == ArchiveError::WrongRegion {
        events::foreign_bucket();
    }
    kind
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_can_be_read_in_one_way_only() {
        for good in ["cp/2026/00000000000000000017", "tile/0/x001/067.p/8", "a"] {
            assert_eq!(check_name(good), Ok(()), "{good}");
        }
        let long = "a".repeat(ARCHIVE_NAME_BYTES_MAX + 1);
        for bad in ["", "/", "a//b", "/a", "a/", "a/../b", "./a", "A", "a b", "a\n", "ä", "a?x", &long] {
            assert_eq!(check_name(bad), Err(ArchiveError::Name), "{bad}");
        }
    }
}
