//! Server-side encryption: every object must name a KMS key that exists here, is enabled and may be used.
//!
//! Domicile's bucket policy denies uploads without SSE-KMS, so a missing header is refused as that policy would refuse it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::StatusCode;
use s3s::dto::{SSEKMSEncryptionContext, SSEKMSKeyId, ServerSideEncryption};
use s3s::{S3Error, S3ErrorCode, S3Result};

use super::refuse;
use super::store::Store;
use crate::kms::{Context, SseKeyError};

/// What a request says about encryption.
pub(super) struct SseHeaders {
    pub(super) algorithm: Option<ServerSideEncryption>,
    pub(super) key_id: Option<SSEKMSKeyId>,
    pub(super) context: Option<SSEKMSEncryptionContext>,
}

/// The key that an object is encrypted with, and the context that KMS is given with every use of it for that object.
pub(super) struct SseKey {
    pub(super) arn: String,
    pub(super) context: Context,
}

impl Store {
    /// The key that a new object is to be encrypted with.
    pub(super) fn required_key(&self, headers: &SseHeaders) -> S3Result<SseKey> {
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
        let context = headers.context.as_deref().map_or_else(|| Ok(Context::new()), parse_context)?;
        let arn = tokio::task::block_in_place(|| self.kms.check_sse_key(given, "GenerateDataKey", &context));
        Ok(SseKey { arn: arn.map_err(refusal)?, context })
    }

    /// Refuses to hand out an object whose key may not decrypt any more.
    pub(super) fn check_readable(&self, key_arn: &str, context: &Context) -> S3Result<()> {
        let checked = tokio::task::block_in_place(|| self.kms.check_sse_key(key_arn, "Decrypt", context));
        checked.map(drop).map_err(refusal)
    }
}

/// `x-amz-server-side-encryption-context`: Base64 of a JSON object of strings.
fn parse_context(header: &str) -> S3Result<Context> {
    let json = STANDARD.decode(header).ok();
    json.and_then(|json| serde_json::from_slice(&json).ok()).ok_or_else(|| {
        let message =
            "The header 'x-amz-server-side-encryption-context' shall be Base64 of a JSON object of strings";
        refuse::refused(S3ErrorCode::InvalidArgument, message)
    })
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
