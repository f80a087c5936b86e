//! Listing objects and versions.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use s3s::dto::*;
use s3s::{S3ErrorCode, S3Request, S3Response, S3Result};

use super::model::{Content, Version};
use super::read::signed;
use super::refuse;
use super::store::{BucketState, Store};
use crate::clock;

/// How many entries one page has at most.
const MAX_KEYS: usize = 1000;

/// One entry of a listing: a key, or all keys that share a prefix.
enum Entry {
    Key(String),
    Prefix(String),
}

impl Store {
    pub(super) fn list_objects_v2(
        &self,
        req: S3Request<ListObjectsV2Input>,
    ) -> S3Result<S3Response<ListObjectsV2Output>> {
        let input = req.input;
        refuse::if_present(&[
            ("encoding-type", input.encoding_type.is_some()),
            ("fetch-owner", input.fetch_owner == Some(true)),
            ("x-amz-optional-object-attributes", input.optional_object_attributes.is_some()),
            ("x-amz-request-payer", input.request_payer.is_some()),
        ])?;
        let limit = page_size(input.max_keys)?;
        let after = match &input.continuation_token {
            Some(token) => Some(decode_token(token)?),
            None => input.start_after.clone(),
        };
        let output = self.with(&input.bucket, |state| {
            let prefix = input.prefix.as_deref().unwrap_or_default();
            let mut entries = state.entries(prefix, input.delimiter.as_deref(), after.as_deref());
            let truncated = entries.len() > limit;
            entries.truncate(limit);
            let next = entries.last().filter(|_| truncated).map(|e| URL_SAFE_NO_PAD.encode(e.name()));
            let (mut contents, mut prefixes) = (Vec::new(), Vec::new());
            for entry in &entries {
                match entry {
                    Entry::Prefix(p) => prefixes.push(CommonPrefix { prefix: Some(p.clone()) }),
                    Entry::Key(key) => contents.extend(state.listed(key)),
                }
            }
            Ok(ListObjectsV2Output {
                key_count: i32::try_from(entries.len()).ok(),
                is_truncated: Some(truncated),
                next_continuation_token: next,
                contents: Some(contents),
                common_prefixes: Some(prefixes),
                max_keys: i32::try_from(limit).ok(),
                ..Default::default()
            })
        })?;
        Ok(S3Response::new(ListObjectsV2Output {
            name: Some(input.bucket),
            prefix: input.prefix,
            delimiter: input.delimiter,
            start_after: input.start_after,
            continuation_token: input.continuation_token,
            ..output
        }))
    }

    pub(super) fn list_object_versions(
        &self,
        req: S3Request<ListObjectVersionsInput>,
    ) -> S3Result<S3Response<ListObjectVersionsOutput>> {
        let input = req.input;
        refuse::if_present(&[
            ("delimiter", input.delimiter.is_some()),
            ("encoding-type", input.encoding_type.is_some()),
            ("x-amz-optional-object-attributes", input.optional_object_attributes.is_some()),
        ])?;
        let limit = page_size(input.max_keys)?;
        let marker = (input.key_marker.as_deref(), input.version_id_marker.as_deref());
        let output = self.with(&input.bucket, |state| {
            let mut all = state.all_versions(input.prefix.as_deref().unwrap_or_default(), marker);
            let truncated = all.len() > limit;
            all.truncate(limit);
            let last =
                all.last().filter(|_| truncated).map(|(key, version, _)| (key.clone(), version.id.clone()));
            let (next_key_marker, next_version_id_marker) = last.unzip();
            let (mut versions, mut markers) = (Vec::new(), Vec::new());
            for (key, version, latest) in all {
                match &version.content {
                    Some(content) => versions.push(listed_version(key, version, content, latest)),
                    None => markers.push(listed_marker(key, version, latest)),
                }
            }
            Ok(ListObjectVersionsOutput {
                versions: Some(versions),
                delete_markers: Some(markers),
                is_truncated: Some(truncated),
                max_keys: i32::try_from(limit).ok(),
                next_key_marker,
                next_version_id_marker,
                ..Default::default()
            })
        })?;
        Ok(S3Response::new(ListObjectVersionsOutput {
            name: Some(input.bucket),
            prefix: input.prefix,
            key_marker: input.key_marker,
            version_id_marker: input.version_id_marker,
            ..output
        }))
    }
}

impl Entry {
    fn name(&self) -> &str {
        match self {
            Self::Key(name) | Self::Prefix(name) => name,
        }
    }
}

impl BucketState {
    /// Current keys and common prefixes in order, after a name.
    fn entries(&self, prefix: &str, delimiter: Option<&str>, after: Option<&str>) -> Vec<Entry> {
        let mut out: Vec<Entry> = Vec::new();
        for (key, object) in self.objects.range(prefix.to_owned()..) {
            let Some(rest) = key.strip_prefix(prefix) else { break };
            if object.versions.last().is_none_or(|v| v.content.is_none()) {
                continue;
            }
            let folder = delimiter
                .filter(|d| !d.is_empty())
                .and_then(|d| rest.split_once(d).map(|(head, _)| (head, d)));
            let entry = match folder {
                Some((head, delimiter)) => Entry::Prefix(format!("{prefix}{head}{delimiter}")),
                None => Entry::Key(key.clone()),
            };
            let repeated = out.last().is_some_and(|last| last.name() == entry.name());
            if !repeated && after.is_none_or(|after| entry.name() > after) {
                out.push(entry);
            }
        }
        out
    }

    fn listed(&self, key: &str) -> Option<Object> {
        let version = self.versions(key).last()?;
        let content = version.content.as_ref()?;
        Some(Object {
            key: Some(key.to_owned()),
            size: Some(signed(content.size)),
            e_tag: Some(ETag::Strong(content.etag.clone())),
            last_modified: Some(clock::time_of(version.created_ms).into()),
            storage_class: Some(ObjectStorageClass::from_static(ObjectStorageClass::STANDARD)),
            ..Default::default()
        })
    }

    /// Versions by key, newest first, after a marker; with whether each is the current one.
    fn all_versions(
        &self,
        prefix: &str,
        marker: (Option<&str>, Option<&str>),
    ) -> Vec<(String, &Version, bool)> {
        let mut out = Vec::new();
        for (key, object) in self.objects.range(prefix.to_owned()..) {
            if !key.starts_with(prefix) {
                break;
            }
            let newest = object.versions.last().map(|v| v.id.as_str());
            let of_key =
                object.versions.iter().rev().map(|v| (key.clone(), v, Some(v.id.as_str()) == newest));
            match marker {
                (Some(after), None) if key.as_str() <= after => {}
                (Some(after), _) if key.as_str() < after => {}
                (Some(after), Some(id)) if key == after => {
                    out.extend(of_key.skip_while(|(_, v, _)| v.id != id).skip(1));
                }
                _ => out.extend(of_key),
            }
        }
        out
    }
}

fn listed_version(key: String, version: &Version, content: &Content, latest: bool) -> ObjectVersion {
    ObjectVersion {
        key: Some(key),
        version_id: Some(version.id.clone()),
        is_latest: Some(latest),
        size: Some(signed(content.size)),
        e_tag: Some(ETag::Strong(content.etag.clone())),
        last_modified: Some(clock::time_of(version.created_ms).into()),
        ..Default::default()
    }
}

fn listed_marker(key: String, version: &Version, latest: bool) -> DeleteMarkerEntry {
    DeleteMarkerEntry {
        key: Some(key),
        version_id: Some(version.id.clone()),
        is_latest: Some(latest),
        last_modified: Some(clock::time_of(version.created_ms).into()),
        ..Default::default()
    }
}

/// The size of a page that was asked for, 1000 at most.
pub(super) fn page_size(asked: Option<i32>) -> S3Result<usize> {
    match asked {
        None => Ok(MAX_KEYS),
        Some(n) => match usize::try_from(n) {
            Ok(n) => Ok(n.min(MAX_KEYS)),
            Err(_) => Err(refuse::refused(S3ErrorCode::InvalidArgument, "a page size is not negative")),
        },
    }
}

fn decode_token(token: &str) -> S3Result<String> {
    let bytes = URL_SAFE_NO_PAD.decode(token).ok();
    bytes.and_then(|b| String::from_utf8(b).ok()).ok_or_else(|| {
        refuse::refused(S3ErrorCode::InvalidArgument, "The continuation token provided is incorrect")
    })
}
