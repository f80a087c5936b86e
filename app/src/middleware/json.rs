//! JSON bodies: one media type, a size, a deadline, no unknown field, and faults that never quote what was sent.

use actix_web::dev::Payload;
use actix_web::http::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderMap};
use actix_web::{FromRequest, HttpRequest, web};
use futures_util::future::LocalBoxFuture;
use serde::de::DeserializeOwned;
use serde_path_to_error::Segment;

use super::limits::{self, BodyError};
use crate::app::App;
use crate::error::{AppError, BODY_TOO_SLOW, FieldError, MEDIA_TYPE, NOT_JSON, TOO_LARGE};

/// A body of type `T`.
pub struct Json<T>(pub T);

impl<T: DeserializeOwned + 'static> FromRequest for Json<T> {
    type Error = AppError;
    type Future = LocalBoxFuture<'static, Result<Json<T>, AppError>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let request = request.clone();
        let mut payload = payload.take();
        Box::pin(async move {
            let app =
                request.app_data::<web::Data<App>>().ok_or_else(|| AppError::internal("app.missing"))?;
            check_media_type(request.headers())?;
            let body = limits::read(&mut payload, app.bodies).await.map_err(|error| match error {
                BodyError::TooLarge => AppError::from(TOO_LARGE),
                BodyError::TooSlow => BODY_TOO_SLOW.into(),
                BodyError::Broken => NOT_JSON.into(),
            })?;
            request_read(&request);
            Ok(Json(parse(&body)?))
        })
    }
}

/// Marks that the body was read to its end, so that the connection may serve another request.
pub struct BodyRead;

fn request_read(request: &HttpRequest) {
    use actix_web::HttpMessage as _;
    request.extensions_mut().insert(BodyRead);
}

pub(crate) fn check_media_type(headers: &HeaderMap) -> Result<(), AppError> {
    let mut types = headers.get_all(CONTENT_TYPE);
    let (Some(first), None) = (types.next(), types.next()) else { return Err(MEDIA_TYPE.into()) };
    let text = first.to_str().unwrap_or_default();
    let (essence, parameters) = text.split_once(';').unwrap_or((text, ""));
    let parameters = parameters.trim();
    let utf8 = parameters.is_empty() || parameters.eq_ignore_ascii_case("charset=utf-8");
    let json = essence.trim().eq_ignore_ascii_case("application/json");
    if json && utf8 && !headers.contains_key(CONTENT_ENCODING) { Ok(()) } else { Err(MEDIA_TYPE.into()) }
}

/// Parses a body.
///
/// # Errors
/// `not_json`, or `invalid_request` with a pointer to the place. The parser's own text may quote the body, so it is dropped.
pub fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, AppError> {
    let mut json = serde_json::Deserializer::from_slice(body);
    let value = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let code = match error.inner().classify() {
            serde_json::error::Category::Data => data_fault(&error.inner().to_string()),
            _ => return AppError::from(NOT_JSON),
        };
        AppError::invalid(vec![FieldError::new(pointer(error.path(), code), code)])
    })?;
    json.end().map_err(|_quotes_the_body| AppError::from(NOT_JSON))?;
    Ok(value)
}

/// Which rule a type broke, from the fixed beginnings of serde's messages.
fn data_fault(message: &str) -> &'static str {
    const BEGINNINGS: [(&str, &str); 5] = [
        ("unknown field", "unknown_field"),
        ("missing field", "missing_field"),
        ("duplicate field", "repeated_field"),
        ("unknown variant", "unknown_value"),
        ("invalid type", "wrong_type"),
    ];
    BEGINNINGS
        .iter()
        .find(|(beginning, _)| message.starts_with(beginning))
        .map_or("invalid_value", |(_, code)| code)
}

/// The place as a JSON pointer of known field names and positions. The name of an unknown field is the caller's text and
/// is left out: the pointer then names the object it is in.
fn pointer(path: &serde_path_to_error::Path, code: &str) -> String {
    let mut segments: Vec<String> = path
        .iter()
        .map_while(|segment| match segment {
            Segment::Seq { index } => Some(index.to_string()),
            Segment::Map { key } => Some(key.clone()),
            Segment::Enum { .. } | Segment::Unknown => None,
        })
        .collect();
    if code == "unknown_field" && matches!(path.iter().next_back(), Some(Segment::Map { .. })) {
        segments.pop();
    }
    segments.iter().map(|segment| format!("/{segment}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Outer {
        #[expect(dead_code, reason = "only the parsing is looked at")]
        list: Vec<Inner>,
    }

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Inner {
        #[expect(dead_code, reason = "only the parsing is looked at")]
        number: u8,
    }

    fn fault(body: &str) -> (u16, String, &'static str) {
        let error = parse::<Outer>(body.as_bytes()).err().unwrap();
        let first = error.errors.first();
        (
            error.kind.status,
            first.map(|f| f.pointer.clone()).unwrap_or_default(),
            first.map_or(error.kind.code, |f| f.code),
        )
    }

    #[test]
    fn faults_name_the_place_and_never_quote() {
        let at = |pointer: &str, code| (400, pointer.to_owned(), code);
        assert_eq!(
            fault(r#"{"list":[{"number":1},{"number":1,"CANARY":2}]}"#),
            at("/list/1", "unknown_field")
        );
        assert_eq!(fault(r#"{"list":[],"CANARY":2}"#), at("", "unknown_field"));
        assert_eq!(fault(r#"{"list":[{"number":"CANARY"}]}"#), at("/list/0/number", "wrong_type"));
        assert_eq!(fault(r#"{"list":[{"number":900}]}"#), at("/list/0/number", "invalid_value"));
        assert_eq!(fault(r#"{"list":[{}]}"#), at("/list/0", "missing_field"));
        assert_eq!(fault(r#"{"list":[],"list":[]}"#).2, "repeated_field");
        for broken in ["", "{", "{} x", "\u{0}", r#"{"list":[]} {"list":[]}"#] {
            assert_eq!(parse::<Outer>(broken.as_bytes()).err().unwrap().kind.status, 400, "{broken}");
        }
        let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        assert_eq!(parse::<serde_json::Value>(deep.as_bytes()).err().unwrap().kind, NOT_JSON);
    }
}
