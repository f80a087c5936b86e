//! Operations on a bucket as a whole.

use s3s::dto::*;
use s3s::{S3ErrorCode, S3Request, S3Response, S3Result};

use super::model::{self, BucketOptions, Mode, Versioning};
use super::refuse;
use super::store::{Created, Store};

/// The region whose buckets have no location constraint, for historical reasons.
const UNCONSTRAINED_REGION: &str = "us-east-1";

impl Store {
    pub(super) fn create_bucket(
        &self,
        req: S3Request<CreateBucketInput>,
    ) -> S3Result<S3Response<CreateBucketOutput>> {
        let input = req.input;
        refuse::if_present(&[
            ("acl", input.acl.is_some()),
            ("grant-full-control", input.grant_full_control.is_some()),
            ("grant-read", input.grant_read.is_some()),
            ("grant-read-acp", input.grant_read_acp.is_some()),
            ("grant-write", input.grant_write.is_some()),
            ("grant-write-acp", input.grant_write_acp.is_some()),
        ])?;
        let constraint = input.create_bucket_configuration.and_then(|c| c.location_constraint);
        self.check_constraint(constraint.as_ref().map(BucketLocationConstraint::as_str))?;
        let object_lock = input.object_lock_enabled_for_bucket.unwrap_or(false);
        let options = BucketOptions { versioning: false, object_lock, region: None };
        let created =
            tokio::task::block_in_place(|| self.create(&input.bucket, &options)).map_err(refuse::disk)?;
        if created != Created::New {
            let message =
                "Your previous request to create the named bucket succeeded and you already own it.";
            return Err(refuse::refused(S3ErrorCode::BucketAlreadyOwnedByYou, message));
        }
        let location = Some(format!("/{}", input.bucket));
        Ok(S3Response::new(CreateBucketOutput { location }))
    }

    pub(super) fn head_bucket(
        &self,
        req: S3Request<HeadBucketInput>,
    ) -> S3Result<S3Response<HeadBucketOutput>> {
        let region = self.with(&req.input.bucket, |state| Ok(state.meta.region.clone()))?;
        Ok(S3Response::new(HeadBucketOutput { bucket_region: Some(region), ..Default::default() }))
    }

    pub(super) fn get_bucket_location(
        &self,
        req: S3Request<GetBucketLocationInput>,
    ) -> S3Result<S3Response<GetBucketLocationOutput>> {
        let region = self.with_any_region(&req.input.bucket, |state| Ok(state.meta.region.clone()))?;
        let constraint = (region != UNCONSTRAINED_REGION).then(|| BucketLocationConstraint::from(region));
        Ok(S3Response::new(GetBucketLocationOutput { location_constraint: constraint }))
    }

    pub(super) fn put_bucket_versioning(
        &self,
        req: S3Request<PutBucketVersioningInput>,
    ) -> S3Result<S3Response<PutBucketVersioningOutput>> {
        let configuration = req.input.versioning_configuration;
        refuse::if_present(&[
            ("mfa", req.input.mfa.is_some()),
            ("MfaDelete", configuration.mfa_delete.is_some()),
        ])?;
        let versioning = match configuration.status.as_ref().map(BucketVersioningStatus::as_str) {
            Some("Enabled") => Versioning::Enabled,
            Some("Suspended") => Versioning::Suspended,
            _ => return Err(refuse::refused(S3ErrorCode::MalformedXML, "Status is Enabled or Suspended")),
        };
        self.with(&req.input.bucket, |state| {
            if state.meta.object_lock && versioning != Versioning::Enabled {
                let message = "An Object Lock configuration is present on this bucket, so the versioning state cannot be changed.";
                return Err(refuse::refused(S3ErrorCode::InvalidBucketState, message));
            }
            state.save_meta(model::Bucket { versioning, ..state.meta.clone() })
        })?;
        Ok(S3Response::new(PutBucketVersioningOutput::default()))
    }

    pub(super) fn get_bucket_versioning(
        &self,
        req: S3Request<GetBucketVersioningInput>,
    ) -> S3Result<S3Response<GetBucketVersioningOutput>> {
        let status = self.with(&req.input.bucket, |state| {
            Ok(match state.meta.versioning {
                Versioning::Off => None,
                Versioning::Enabled => {
                    Some(BucketVersioningStatus::from_static(BucketVersioningStatus::ENABLED))
                }
                Versioning::Suspended => {
                    Some(BucketVersioningStatus::from_static(BucketVersioningStatus::SUSPENDED))
                }
            })
        })?;
        Ok(S3Response::new(GetBucketVersioningOutput { status, ..Default::default() }))
    }

    pub(super) fn put_object_lock_configuration(
        &self,
        req: S3Request<PutObjectLockConfigurationInput>,
    ) -> S3Result<S3Response<PutObjectLockConfigurationOutput>> {
        let malformed = |why: &str| refuse::refused(S3ErrorCode::MalformedXML, why);
        let configuration =
            req.input.object_lock_configuration.ok_or_else(|| malformed("a configuration is missing"))?;
        let default_retention =
            configuration.rule.and_then(|r| r.default_retention).map(parse_default).transpose()?;
        self.with(&req.input.bucket, |state| {
            if state.meta.versioning != Versioning::Enabled {
                let message =
                    "Versioning must be 'Enabled' on the bucket to apply a Object Lock configuration";
                return Err(refuse::refused(S3ErrorCode::InvalidBucketState, message));
            }
            state.save_meta(model::Bucket { object_lock: true, default_retention, ..state.meta.clone() })
        })?;
        Ok(S3Response::new(PutObjectLockConfigurationOutput::default()))
    }

    pub(super) fn get_object_lock_configuration(
        &self,
        req: S3Request<GetObjectLockConfigurationInput>,
    ) -> S3Result<S3Response<GetObjectLockConfigurationOutput>> {
        let meta = self.with(&req.input.bucket, |state| Ok(state.meta.clone()))?;
        if !meta.object_lock {
            let message = "Object Lock configuration does not exist for this bucket";
            return Err(refuse::refused(S3ErrorCode::ObjectLockConfigurationNotFoundError, message));
        }
        let rule = meta.default_retention.map(|r| ObjectLockRule {
            default_retention: Some(DefaultRetention {
                days: i32::try_from(r.days).ok(),
                mode: Some(ObjectLockRetentionMode::from(r.mode.as_str().to_owned())),
                years: None,
            }),
        });
        let enabled = Some(ObjectLockEnabled::from_static(ObjectLockEnabled::ENABLED));
        let configuration = ObjectLockConfiguration { object_lock_enabled: enabled, rule };
        Ok(S3Response::new(GetObjectLockConfigurationOutput {
            object_lock_configuration: Some(configuration),
        }))
    }

    /// A bucket is made in this server's region and nowhere else.
    fn check_constraint(&self, constraint: Option<&str>) -> S3Result<()> {
        let fits = match constraint {
            None => self.region == UNCONSTRAINED_REGION,
            Some(region) => region == self.region && region != UNCONSTRAINED_REGION,
        };
        if fits {
            return Ok(());
        }
        let given = constraint.unwrap_or("unspecified");
        let message = format!(
            "The {given} location constraint is incompatible for the region specific endpoint this request was sent to."
        );
        Err(refuse::refused(S3ErrorCode::IllegalLocationConstraintException, message))
    }
}

fn parse_default(default: DefaultRetention) -> S3Result<model::DefaultRetention> {
    let mode = default.mode.as_ref().and_then(|m| Mode::parse(m.as_str()));
    let days = match (default.days, default.years) {
        (Some(days), None) => u32::try_from(days).ok(),
        (None, Some(years)) => u32::try_from(years).ok().and_then(|y| y.checked_mul(365)),
        _ => None,
    };
    match (mode, days) {
        (Some(mode), Some(days)) if days > 0 => Ok(model::DefaultRetention { mode, days }),
        _ => Err(refuse::refused(
            S3ErrorCode::MalformedXML,
            "a mode and either days or years above 0 are needed",
        )),
    }
}
