//! Buckets, objects, versions and uploads as they are kept on disk.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::kms::Context;

/// The version id of an object that was written while versioning was off.
pub(super) const NULL_VERSION: &str = "null";

/// How a bucket is to be made; the default has neither versions nor object lock.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BucketOptions {
    /// Keep every version.
    pub versioning: bool,
    /// Allow object lock; switches versioning on, as in AWS.
    pub object_lock: bool,
    /// The region the bucket is in, when it is to be another than the server's: every call then gets a 301.
    pub region: Option<String>,
}

/// Whether a bucket keeps old versions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Versioning {
    #[default]
    Off,
    Enabled,
    Suspended,
}

/// A bucket's own settings.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Bucket {
    pub(super) name: String,
    pub(super) region: String,
    pub(super) created_ms: u64,
    pub(super) versioning: Versioning,
    pub(super) object_lock: bool,
    pub(super) default_retention: Option<DefaultRetention>,
}

/// The retention that a new version gets when the request names none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct DefaultRetention {
    pub(super) mode: Mode,
    pub(super) days: u32,
}

/// How firmly a version is retained.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Mode {
    /// May be lifted with a special permission and header.
    #[serde(rename = "GOVERNANCE")]
    Governance,
    /// May be lifted by nobody.
    #[serde(rename = "COMPLIANCE")]
    Compliance,
}

impl Mode {
    pub(super) fn parse(text: &str) -> Option<Self> {
        match text {
            "GOVERNANCE" => Some(Self::Governance),
            "COMPLIANCE" => Some(Self::Compliance),
            _ => None,
        }
    }

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Governance => "GOVERNANCE",
            Self::Compliance => "COMPLIANCE",
        }
    }
}

/// What keeps a version from being deleted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Lock {
    pub(super) retention: Option<Retention>,
    pub(super) legal_hold: bool,
}

/// A version may not be deleted before this moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Retention {
    pub(super) mode: Mode,
    pub(super) until_ms: u64,
}

/// Checksums in Base64, as S3 sends them; of a multipart object possibly with `-N` behind.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Checksums {
    pub(super) crc32: Option<String>,
    pub(super) crc32c: Option<String>,
    pub(super) crc64nvme: Option<String>,
    pub(super) sha1: Option<String>,
    pub(super) sha256: Option<String>,
}

impl Checksums {
    pub(super) fn is_composite(&self) -> bool {
        [&self.crc32, &self.crc32c, &self.crc64nvme, &self.sha1, &self.sha256]
            .into_iter()
            .flatten()
            .any(|sum| sum.contains('-'))
    }
}

/// What a client stores beside the bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Attributes {
    pub(super) content_type: Option<String>,
    pub(super) content_encoding: Option<String>,
    pub(super) content_disposition: Option<String>,
    pub(super) content_language: Option<String>,
    pub(super) cache_control: Option<String>,
    pub(super) metadata: BTreeMap<String, String>,
}

/// A file in the bucket's `blobs` folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct BlobRef {
    pub(super) name: String,
    pub(super) size: u64,
}

/// One version of an object, or a delete marker when it has no blobs field.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Version {
    pub(super) id: String,
    pub(super) created_ms: u64,
    pub(super) content: Option<Content>,
    pub(super) lock: Lock,
}

/// The bytes of a version and what describes them.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Content {
    pub(super) blobs: Vec<BlobRef>,
    pub(super) size: u64,
    pub(super) etag: String,
    pub(super) checksums: Checksums,
    pub(super) attributes: Attributes,
    pub(super) kms_key_arn: String,
    /// The encryption context it was put with.
    #[serde(default)]
    pub(super) kms_context: Context,
    /// The multipart upload this came from, so that a restart can tell a completed upload from an open one.
    pub(super) upload_id: Option<String>,
}

/// All versions of one key, oldest first.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Object {
    pub(super) key: String,
    pub(super) versions: Vec<Version>,
}

/// A multipart upload that is neither completed nor aborted.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Upload {
    pub(super) id: String,
    pub(super) key: String,
    pub(super) created_ms: u64,
    pub(super) attributes: Attributes,
    pub(super) kms_key_arn: String,
    /// The encryption context it was put with.
    #[serde(default)]
    pub(super) kms_context: Context,
    pub(super) lock: Lock,
    pub(super) algorithm: Option<String>,
    pub(super) full_object: bool,
    pub(super) parts: BTreeMap<i32, UploadedPart>,
}

/// One part of an upload.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct UploadedPart {
    pub(super) blob: BlobRef,
    pub(super) md5: String,
    pub(super) checksums: Checksums,
    pub(super) created_ms: u64,
}
