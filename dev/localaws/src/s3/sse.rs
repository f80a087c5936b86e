//! Server-side encryption: every object must name a KMS key that exists here, is enabled and may be used.
//!
//! Domicile's bucket policy denies uploads without SSE-KMS, so a missing header is refused as that policy would refuse it.

use http::StatusCode;
use s3s::dto::{SSEKMSKeyId, ServerSideEncryption};
use s3s::{S3Error, S3ErrorCode, S3Result};

use super::refuse;
use super::store::Store;
use crate::kms::SseKeyError;

/// What a request says about encryption.
pub(super) struct SseHeaders {
    pub(super) algorithm: Option<ServerSideEncryption>,
    pub(super) key_id: Option<SSEKMSKeyId>,
}

impl Store {
    /// The ARN of the key that a new object is to be encrypted with.
    pub(super) fn required_key(&self, headers: &SseHeaders) -> S3Result<String> {
        match headers.algorithm.as_ref().map(ServerSideEncryption::as_str) {
            Some("aws:kms") => {}
            None => {
                let message = "every object here needs x-amz-server-side-encryption: aws:kms and a key id";
                return Err(refuse::refused(S3ErrorCode::AccessDenied, message));
            }
            Some(other) => {
                let message = format!("objects here are encrypted with aws:kms, not with {other}");
                return Err(refuse::refused(S3ErrorCode::AccessDenied, message));
            }
        }
        let Some(given) = &headers.key_id else {
            let message = "every object here needs x-amz-server-side-encryption-aws-kms-key-id";
            return Err(refuse::refused(S3ErrorCode::AccessDenied, message));
        };
        tokio::task::block_in_place(|| self.kms.check_sse_key(given, "GenerateDataKey")).map_err(refusal)
    }

    /// Refuses to hand out an object whose key may not decrypt any more.
    pub(super) fn check_readable(&self, key_arn: &str) -> S3Result<()> {
        tokio::task::block_in_place(|| self.kms.check_sse_key(key_arn, "Decrypt")).map(drop).map_err(refusal)
    }
}

fn refusal(error: SseKeyError) -> S3Error {
    let bad = StatusCode::BAD_REQUEST;
    match error {
        SseKeyError::NotFound => {
            refuse::custom("KMS.NotFoundException", bad, "the KMS key does not exist in this region")
        }
        SseKeyError::Disabled => refuse::custom("KMS.DisabledException", bad, "the KMS key is disabled"),
        SseKeyError::PendingDeletion => {
            refuse::custom("KMS.KMSInvalidStateException", bad, "the KMS key is pending deletion")
        }
        SseKeyError::WrongUsage => {
            refuse::custom("KMS.InvalidKeyUsageException", bad, "the KMS key is not for encryption")
        }
        SseKeyError::Denied => {
            refuse::refused(S3ErrorCode::AccessDenied, "the key policy does not allow this")
        }
    }
}
