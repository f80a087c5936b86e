//! Object lock: what a new version is locked with, how a lock may change, and whether it allows a deletion.

use chrono::DateTime;
use s3s::dto::*;
use s3s::{S3Error, S3ErrorCode, S3Request, S3Response, S3Result};

use super::model::{Bucket, Lock, Mode, Retention, Version};
use super::refuse;
use super::store::{BucketState, Store};
use crate::clock;

/// A day in milliseconds.
const DAY_MS: u64 = 24 * 60 * 60 * 1000;

/// What a request says about the lock of a new version.
#[derive(Debug, Default)]
pub(super) struct LockHeaders {
    pub(super) mode: Option<ObjectLockMode>,
    pub(super) until: Option<Timestamp>,
    pub(super) legal_hold: Option<ObjectLockLegalHoldStatus>,
}

impl LockHeaders {
    /// Whether the request says anything about a lock.
    pub(super) fn is_present(&self) -> bool {
        self.mode.is_some() || self.until.is_some() || self.legal_hold.is_some()
    }

    /// The lock of a new version: what the request says, else the bucket's default.
    pub(super) fn resolve(&self, bucket: &Bucket, now_ms: u64) -> S3Result<Lock> {
        if self.is_present() && !bucket.object_lock {
            return Err(missing_configuration());
        }
        let invalid = |why: &str| refuse::refused(S3ErrorCode::InvalidArgument, why);
        let retention = match (&self.mode, &self.until) {
            (None, None) => bucket.default_retention.map(|d| Retention {
                mode: d.mode,
                until_ms: now_ms.saturating_add(u64::from(d.days).saturating_mul(DAY_MS)),
            }),
            (Some(mode), Some(until)) => {
                let mode =
                    Mode::parse(mode.as_str()).ok_or_else(|| invalid("Unknown wormMode directive."))?;
                let until_ms = unix_ms(until)?;
                if until_ms <= now_ms {
                    return Err(invalid("The retain until date must be in the future!"));
                }
                Some(Retention { mode, until_ms })
            }
            _ => {
                let message =
                    "x-amz-object-lock-retain-until-date and x-amz-object-lock-mode must both be supplied";
                return Err(invalid(message));
            }
        };
        Ok(Lock { retention, legal_hold: parse_hold(self.legal_hold.as_ref())?.unwrap_or(false) })
    }
}

impl Version {
    /// Whether this version may be deleted for good. COMPLIANCE knows no exception.
    pub(super) fn check_deletable(&self, now_ms: u64, bypass: Option<bool>) -> S3Result<()> {
        let retained = match self.lock.retention.filter(|r| r.until_ms > now_ms) {
            None => false,
            Some(Retention { mode: Mode::Compliance, .. }) => true,
            Some(Retention { mode: Mode::Governance, .. }) => bypass != Some(true),
        };
        if retained || self.lock.legal_hold { Err(locked()) } else { Ok(()) }
    }
}

impl Store {
    pub(super) fn put_object_retention(
        &self,
        req: S3Request<PutObjectRetentionInput>,
    ) -> S3Result<S3Response<PutObjectRetentionOutput>> {
        let input = req.input;
        let now_ms = self.clock.now_ms();
        let wanted = parse_retention(input.retention.unwrap_or_default(), now_ms)?;
        self.with(&input.bucket, |state| {
            change_lock(state, &input.key, input.version_id.as_deref(), |lock| {
                if let Some(old) = lock.retention.filter(|r| r.until_ms > now_ms) {
                    check_change(old, wanted, input.bypass_governance_retention)?;
                }
                lock.retention = wanted;
                Ok(())
            })
        })?;
        Ok(S3Response::new(PutObjectRetentionOutput::default()))
    }

    pub(super) fn get_object_retention(
        &self,
        req: S3Request<GetObjectRetentionInput>,
    ) -> S3Result<S3Response<GetObjectRetentionOutput>> {
        let lock = self.read_lock(&req.input.bucket, &req.input.key, req.input.version_id.as_deref())?;
        let retention = lock.retention.ok_or_else(no_lock)?;
        let retention = ObjectLockRetention {
            mode: Some(ObjectLockRetentionMode::from(retention.mode.as_str().to_owned())),
            retain_until_date: Some(clock::time_of(retention.until_ms).into()),
        };
        Ok(S3Response::new(GetObjectRetentionOutput { retention: Some(retention) }))
    }

    pub(super) fn put_object_legal_hold(
        &self,
        req: S3Request<PutObjectLegalHoldInput>,
    ) -> S3Result<S3Response<PutObjectLegalHoldOutput>> {
        let input = req.input;
        let status = input.legal_hold.and_then(|h| h.status);
        let hold = parse_hold(status.as_ref())?
            .ok_or_else(|| refuse::refused(S3ErrorCode::MalformedXML, "a legal hold has a status"))?;
        self.with(&input.bucket, |state| {
            change_lock(state, &input.key, input.version_id.as_deref(), |lock| {
                lock.legal_hold = hold;
                Ok(())
            })
        })?;
        Ok(S3Response::new(PutObjectLegalHoldOutput::default()))
    }

    pub(super) fn get_object_legal_hold(
        &self,
        req: S3Request<GetObjectLegalHoldInput>,
    ) -> S3Result<S3Response<GetObjectLegalHoldOutput>> {
        let lock = self.read_lock(&req.input.bucket, &req.input.key, req.input.version_id.as_deref())?;
        let legal_hold = Some(ObjectLockLegalHold { status: Some(hold_status(lock.legal_hold)) });
        Ok(S3Response::new(GetObjectLegalHoldOutput { legal_hold }))
    }

    fn read_lock(&self, bucket: &str, key: &str, version: Option<&str>) -> S3Result<Lock> {
        self.with(bucket, |state| {
            if !state.meta.object_lock {
                return Err(missing_configuration());
            }
            Ok(state.find(key, version)?.lock.clone())
        })
    }
}

/// The value of the legal-hold header and element.
pub(super) fn hold_status(held: bool) -> ObjectLockLegalHoldStatus {
    let status = if held { ObjectLockLegalHoldStatus::ON } else { ObjectLockLegalHoldStatus::OFF };
    ObjectLockLegalHoldStatus::from_static(status)
}

/// A retention that still runs may be extended; shortening, lifting and downgrading depend on the mode.
fn check_change(old: Retention, wanted: Option<Retention>, bypass: Option<bool>) -> S3Result<()> {
    let extends = wanted.is_some_and(|new| {
        let same_or_firmer = new.mode == old.mode || old.mode == Mode::Governance;
        same_or_firmer && new.until_ms >= old.until_ms
    });
    if extends || (old.mode == Mode::Governance && bypass == Some(true)) { Ok(()) } else { Err(locked()) }
}

fn change_lock(
    state: &mut BucketState,
    key: &str,
    version: Option<&str>,
    change: impl FnOnce(&mut Lock) -> S3Result<()>,
) -> S3Result<()> {
    if !state.meta.object_lock {
        return Err(missing_configuration());
    }
    let id = state.find(key, version)?.id.clone();
    let mut object = state.objects.get(key).cloned().ok_or(S3ErrorCode::NoSuchKey)?;
    if let Some(version) = object.versions.iter_mut().find(|v| v.id == id) {
        change(&mut version.lock)?;
    }
    state.save_object(object)
}

fn parse_retention(retention: ObjectLockRetention, now_ms: u64) -> S3Result<Option<Retention>> {
    let mode = retention.mode.as_ref().map(|m| Mode::parse(m.as_str()));
    match (mode, retention.retain_until_date) {
        (None, None) => Ok(None),
        (Some(Some(mode)), Some(until)) => {
            let until_ms = unix_ms(&until)?;
            if until_ms <= now_ms {
                let message = "The retain until date must be in the future!";
                return Err(refuse::refused(S3ErrorCode::InvalidArgument, message));
            }
            Ok(Some(Retention { mode, until_ms }))
        }
        _ => Err(refuse::refused(S3ErrorCode::MalformedXML, "a retention has a mode and a date, or neither")),
    }
}

fn parse_hold(status: Option<&ObjectLockLegalHoldStatus>) -> S3Result<Option<bool>> {
    match status.map(ObjectLockLegalHoldStatus::as_str) {
        None => Ok(None),
        Some("ON") => Ok(Some(true)),
        Some("OFF") => Ok(Some(false)),
        Some(_) => Err(refuse::refused(S3ErrorCode::InvalidArgument, "a legal hold is ON or OFF")),
    }
}

fn unix_ms(timestamp: &Timestamp) -> S3Result<u64> {
    let invalid = || refuse::refused(S3ErrorCode::InvalidArgument, "the retain until date is not a date");
    let mut text = Vec::new();
    timestamp.format(TimestampFormat::DateTime, &mut text).ok().ok_or_else(invalid)?;
    let text = String::from_utf8(text).ok().ok_or_else(invalid)?;
    let date = DateTime::parse_from_rfc3339(&text).ok().ok_or_else(invalid)?;
    u64::try_from(date.timestamp_millis()).ok().ok_or_else(invalid)
}

fn locked() -> S3Error {
    refuse::refused(S3ErrorCode::AccessDenied, "Access Denied because object protected by object lock.")
}

fn missing_configuration() -> S3Error {
    refuse::refused(S3ErrorCode::InvalidRequest, "Bucket is missing Object Lock Configuration")
}

fn no_lock() -> S3Error {
    let message = "The specified object does not have a ObjectLock configuration";
    refuse::refused(S3ErrorCode::NoSuchObjectLockConfiguration, message)
}
