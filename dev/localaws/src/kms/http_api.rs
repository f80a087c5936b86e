//! The HTTP side of the key service: body limit, faults, signature, dispatch by `x-amz-target`, JSON 1.1 answers.

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use s3s::Body;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::time::Duration;

use super::error::{KmsError, KmsResult};
use super::store::Kms;
use crate::faults::{Injected, Service};
use crate::server::{Connection, Cut, Shared};
use crate::sigv4::{self, Expected, SignatureError};
use crate::{admin, random, sns};

/// The longest request body, in bytes.
const MAX_BODY_BYTES: usize = 64 * 1024;
/// How long a body may take to arrive, in seconds.
const BODY_TIMEOUT_S: u64 = 15;
/// What `x-amz-target` begins with.
const TARGET_PREFIX: &str = "TrentService.";

/// Answers one request, or cuts the connection when a fault says so.
pub(crate) async fn answer(
    shared: &Shared,
    connection: &Connection,
    request: Request<Incoming>,
) -> Result<Response<Body>, Cut> {
    let (parts, body) = request.into_parts();
    let body = match read(body).await {
        Ok(body) => body,
        Err(e) => return Ok(failure(&e)),
    };
    let path = parts.uri.path();
    if path.starts_with(admin::PREFIX) {
        return Ok(admin::answer(&shared.faults, &parts.method, path, &body));
    }
    if sns::is_form(&parts.headers) {
        return sns::answer(shared, connection, &parts, &body).await;
    }
    let target = parts.headers.get("x-amz-target").and_then(|v| v.to_str().ok()).unwrap_or_default();
    let operation = target.strip_prefix(TARGET_PREFIX).unwrap_or_default();
    match shared.faults.call(Service::Kms, operation).await {
        Injected::Nothing => {}
        Injected::Reset => return Err(connection.reset()),
        Injected::Throttle => {
            let message =
                "You have exceeded the rate at which you may call KMS. Reduce the frequency of your calls.";
            return Ok(failure(&KmsError::refused("ThrottlingException", message)));
        }
        Injected::Status(code) => {
            let status = StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            let message = "injected fault".to_owned();
            return Ok(failure(&KmsError { code: "KMSInternalException", status, message }));
        }
    }
    if parts.method != Method::POST || path != "/" || parts.uri.query().is_some() {
        return Ok(failure(&KmsError::refused("UnknownOperationException", "KMS takes POST / only")));
    }
    let expected = Expected { region: &shared.kms.region, service: "kms" };
    if let Err(e) = sigv4::verify(&parts, &body, expected) {
        return Ok(failure(&refuse(&e)));
    }
    let outcome = tokio::task::block_in_place(|| dispatch(&shared.kms, operation, &body));
    Ok(match outcome {
        Ok(value) => success(&value),
        Err(e) => failure(&e),
    })
}

async fn read(body: Incoming) -> KmsResult<Bytes> {
    let read = Limited::new(body, MAX_BODY_BYTES).collect();
    match tokio::time::timeout(Duration::from_secs(BODY_TIMEOUT_S), read).await {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(e)) => Err(KmsError {
            code: "RequestEntityTooLargeException",
            status: StatusCode::PAYLOAD_TOO_LARGE,
            message: e.to_string(),
        }),
        Err(e) => Err(KmsError::validation(format!("the body did not arrive: {e}"))),
    }
}

fn dispatch(kms: &Kms, operation: &str, body: &Bytes) -> KmsResult<Value> {
    match operation {
        "CreateKey" => kms.create_key(parse(body)?),
        "DescribeKey" => kms.describe_key(parse(body)?),
        "EnableKey" => kms.enable_key(parse(body)?),
        "DisableKey" => kms.disable_key(parse(body)?),
        "ScheduleKeyDeletion" => kms.schedule_key_deletion(parse(body)?),
        "CancelKeyDeletion" => kms.cancel_key_deletion(parse(body)?),
        "EnableKeyRotation" => kms.enable_key_rotation(parse(body)?),
        "DisableKeyRotation" => kms.disable_key_rotation(parse(body)?),
        "GetKeyRotationStatus" => kms.get_key_rotation_status(parse(body)?),
        "RotateKeyOnDemand" => kms.rotate_key_on_demand(parse(body)?),
        "CreateAlias" => kms.create_alias(parse(body)?),
        "ListKeys" => kms.list_keys(parse(body)?),
        "ListAliases" => kms.list_aliases(parse(body)?),
        "GenerateDataKey" => kms.generate_data_key(parse(body)?),
        "GenerateDataKeyWithoutPlaintext" => kms.generate_data_key_without_plaintext(parse(body)?),
        "Encrypt" => kms.encrypt(parse(body)?),
        "Decrypt" => kms.decrypt(parse(body)?),
        "ReEncrypt" => kms.re_encrypt(parse(body)?),
        "Sign" => kms.sign(parse(body)?),
        "Verify" => kms.verify(parse(body)?),
        "GetPublicKey" => kms.get_public_key(parse(body)?),
        "PutKeyPolicy" => kms.put_key_policy(parse(body)?),
        "GetKeyPolicy" => kms.get_key_policy(parse(body)?),
        other => Err(KmsError::not_implemented(format!("the KMS operation '{other}'"))),
    }
}

/// Reads a request; a field that this program does not know is refused, because ignoring it would be a guess.
fn parse<T: DeserializeOwned>(body: &Bytes) -> KmsResult<T> {
    serde_json::from_slice(body).map_err(|e| {
        let message = e.to_string();
        if message.starts_with("unknown field") {
            return KmsError::not_implemented(message);
        }
        KmsError::refused("SerializationException", message)
    })
}

fn refuse(error: &SignatureError) -> KmsError {
    let code = match error {
        SignatureError::Missing => "MissingAuthenticationTokenException",
        SignatureError::Malformed => "IncompleteSignatureException",
        SignatureError::UnknownKey => "UnrecognizedClientException",
        _ => "InvalidSignatureException",
    };
    KmsError::refused(code, error.to_string())
}

fn success(value: &Value) -> Response<Body> {
    let body = if value.is_null() { String::new() } else { value.to_string() };
    respond(StatusCode::OK, body)
}

fn failure(error: &KmsError) -> Response<Body> {
    respond(error.status, json!({"__type": error.code, "message": error.message}).to_string())
}

fn respond(status: StatusCode, body: String) -> Response<Body> {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(http::header::CONTENT_TYPE, HeaderValue::from_static("application/x-amz-json-1.1"));
    if let Some(id) = random::hex_name().ok().and_then(|id| HeaderValue::from_str(&id).ok()) {
        headers.insert("x-amzn-requestid", id);
    }
    response
}
