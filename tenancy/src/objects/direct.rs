//! Objects that a clinic chose to have encrypted by S3 alone, and links of this region's S3 to them.
//!
//! Whoever has such a link has the bytes while it lasts: it asks for no session. So it is short, for one object, of the home
//! region, and makes a browser save what it gets. The patient's key does not protect these bytes.

use std::time::{Duration, SystemTime};

use aws_sdk_s3::presigning::PresigningConfig;
use bytes::Bytes;
use regions::ids::TenantId;
use zeroize::Zeroizing;

use super::extent::Extent;
use super::{ObjectError, ObjectId, Objects, note, object_key};
use crate::keys::events;

/// Longest life of a link, in seconds.
pub const DIRECT_LINK_MAX_S: u64 = 300;

/// One part of a direct object.
pub struct DirectPart(pub(super) Bytes);

impl DirectPart {
    /// Part `number`, from 1, of an object of this extent; `None` when the bytes are not as many as the part has.
    #[must_use]
    pub fn new(extent: Extent, number: u16, bytes: &Zeroizing<Vec<u8>>) -> Option<DirectPart> {
        let length = u64::try_from(bytes.len()).ok()?;
        (extent.part_bytes(number) == Some(length)).then(|| DirectPart(Bytes::copy_from_slice(bytes)))
    }
}

/// What a link says about its answer.
pub struct LinkTo<'a> {
    /// `Content-Disposition`.
    pub disposition: &'a str,
    /// `Content-Type`.
    pub media_type: &'a str,
    /// From when on the link works.
    pub from: SystemTime,
}

impl Objects {
    /// A link to one object that works for [`DIRECT_LINK_MAX_S`] seconds. Nothing is asked of S3; nobody can see from the
    /// link whether there is such an object.
    ///
    /// # Errors
    /// [`ObjectError::Unavailable`] when there are no credentials to sign with, [`ObjectError::WrongRegion`] when what was
    /// signed is not a link of this region.
    pub async fn link(&self, tenant: TenantId, id: ObjectId, to: LinkTo<'_>) -> Result<String, ObjectError> {
        let life = PresigningConfig::builder()
            .start_time(to.from)
            .expires_in(Duration::from_secs(DIRECT_LINK_MAX_S))
            .build()
            .map_err(|_out_of_range| ObjectError::Unavailable)?;
        let key = object_key(tenant, id);
        let signed = self
            .client
            .get_object()
            .bucket(&self.bucket)
            .key(&key)
            .response_content_disposition(to.disposition)
            .response_content_type(to.media_type)
            .response_cache_control("no-store")
            .presigned(life)
            .await
            .map_err(|error| note(&error))?;
        // A header that must be sent along would make the link worth nothing in a browser.
        let bare = signed.method() == "GET" && signed.uri().contains("X-Amz-SignedHeaders=host&");
        let scope = format!("%2F{}%2Fs3%2Faws4_request", self.region);
        if !bare || !signed.uri().contains(&scope) {
            events::foreign_bucket();
            return Err(ObjectError::WrongRegion);
        }
        Ok(signed.uri().to_owned())
    }
}
