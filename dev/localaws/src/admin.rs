//! The admin endpoint on the KMS port, under `/_localaws/`: health, call counts and faults for a running stack.

use bytes::Bytes;
use http::{Method, Response, StatusCode};
use s3s::Body;
use serde_json::json;

use crate::faults::{Fault, Faults, Service};

/// Everything below this path is the admin endpoint's.
pub(crate) const PREFIX: &str = "/_localaws/";

/// Answers one admin request; it is not signed, because the listeners are for loopback only.
pub(crate) fn answer(faults: &Faults, method: &Method, path: &str, body: &Bytes) -> Response<Body> {
    match (method, path.strip_prefix(PREFIX).unwrap_or_default()) {
        (&Method::GET, "health") => reply(StatusCode::OK, &json!({"status": "ok"})),
        (&Method::GET, "calls") => reply(StatusCode::OK, &calls(faults)),
        (&Method::POST, "faults") => match serde_json::from_slice::<Fault>(body) {
            Ok(fault) => {
                faults.inject(fault);
                reply(StatusCode::CREATED, &json!({"status": "injected"}))
            }
            Err(e) => reply(StatusCode::BAD_REQUEST, &json!({"error": e.to_string()})),
        },
        (&Method::DELETE, "faults") => {
            faults.clear();
            reply(StatusCode::OK, &json!({"status": "cleared"}))
        }
        _ => reply(
            StatusCode::NOT_FOUND,
            &json!({"error": "GET health, GET calls, POST faults, DELETE faults"}),
        ),
    }
}

fn calls(faults: &Faults) -> serde_json::Value {
    let of = |service: Service| {
        let operations = faults.all_calls().into_iter().filter(|((s, _), _)| *s == service);
        operations.map(|((_, name), n)| (name, json!(n))).collect::<serde_json::Map<_, _>>()
    };
    json!({
        "s3": {"connections": faults.connections(Service::S3), "calls": of(Service::S3)},
        "kms": {"connections": faults.connections(Service::Kms), "calls": of(Service::Kms)},
        "sns": {"calls": of(Service::Sns)},
    })
}

fn reply(status: StatusCode, value: &serde_json::Value) -> Response<Body> {
    let mut response = Response::new(Body::from(value.to_string()));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(http::header::CONTENT_TYPE, http::HeaderValue::from_static("application/json"));
    response
}
