//! Texts to telephones: `Publish` of Amazon SNS with a number, in the Query protocol, on the KMS port. Nothing is sent; what was
//! taken is kept for tests to look at.

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode, header};
use parking_lot::Mutex;
use s3s::Body;

use crate::faults::{Injected, Service};
use crate::random;
use crate::server::{Connection, Cut, Shared};
use crate::sigv4::{self, Expected, SignatureError};

/// What a body of the Query protocol is.
const FORM: &str = "application/x-www-form-urlencoded";
/// The version of the interface that is known here.
const VERSION: &str = "2010-03-31";
/// Names of the answers' elements.
const NAMESPACE: &str = "http://sns.amazonaws.com/doc/2010-03-31/";
/// Texts that are kept; the oldest go first.
const KEPT_MAX: usize = 1_024;
/// Parameters of a request; more are refused.
const PARAMETERS_MAX: usize = 64;
/// Longest text, in bytes, as SNS has it for a text in many parts.
const MESSAGE_BYTES_MAX: usize = 1_600;
/// Digits of a number in E.164.
const DIGITS: std::ops::RangeInclusive<usize> = 7..=15;
/// Characters of a sender's name.
const SENDER_CHARS: std::ops::RangeInclusive<usize> = 1..=11;

/// A text that was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text {
    /// The number.
    pub to: String,
    /// The words.
    pub message: String,
    /// The attributes, by name.
    pub attributes: BTreeMap<String, String>,
}

/// The texts that were taken, the oldest first.
#[derive(Debug, Default)]
pub(crate) struct Texts(Mutex<VecDeque<Text>>);

impl Texts {
    /// All of them.
    pub(crate) fn all(&self) -> Vec<Text> {
        self.0.lock().iter().cloned().collect()
    }

    fn keep(&self, text: Text) {
        let mut texts = self.0.lock();
        if texts.len() >= KEPT_MAX {
            texts.pop_front();
        }
        texts.push_back(text);
    }
}

/// A refusal: its code, HTTP status and a message.
struct Refusal {
    code: &'static str,
    status: StatusCode,
    message: String,
}

impl Refusal {
    fn new(code: &'static str, status: StatusCode, message: impl Into<String>) -> Refusal {
        Refusal { code, status, message: message.into() }
    }

    fn parameter(message: impl Into<String>) -> Refusal {
        Refusal::new("InvalidParameter", StatusCode::BAD_REQUEST, message)
    }

    fn not_implemented(what: &str) -> Refusal {
        Refusal::new("NotImplemented", StatusCode::NOT_IMPLEMENTED, format!("{what} is not implemented"))
    }
}

/// Whether a request is one of the Query protocol; KMS has none.
pub(crate) fn is_form(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    kind.is_some_and(|kind| kind.split(';').next().is_some_and(|kind| kind.trim() == FORM))
}

/// Answers one request, or cuts the connection when a fault says so.
pub(crate) async fn answer(
    shared: &Shared,
    connection: &Connection,
    parts: &Parts,
    body: &Bytes,
) -> Result<Response<Body>, Cut> {
    let parameters = match parameters(body) {
        Ok(parameters) => parameters,
        Err(refusal) => return Ok(failure(&refusal)),
    };
    let action = parameters.get("Action").cloned().unwrap_or_default();
    match shared.faults.call(Service::Sns, &action).await {
        Injected::Nothing => {}
        Injected::Reset => return Err(connection.reset()),
        Injected::Throttle => {
            let message = "Rate exceeded";
            return Ok(failure(&Refusal::new("Throttling", StatusCode::BAD_REQUEST, message)));
        }
        Injected::Status(code) => {
            let status = StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            return Ok(failure(&Refusal::new("InternalError", status, "injected fault")));
        }
    }
    Ok(match publish(shared, parts, body, parameters) {
        Ok(id) => success(&id),
        Err(refusal) => failure(&refusal),
    })
}

/// Takes a text; its id.
fn publish(
    shared: &Shared,
    parts: &Parts,
    body: &Bytes,
    mut parameters: BTreeMap<String, String>,
) -> Result<String, Refusal> {
    if parts.method != Method::POST || parts.uri.path() != "/" || parts.uri.query().is_some() {
        return Err(Refusal::not_implemented("anything but POST /"));
    }
    let expected = Expected { region: &shared.kms.region, service: "sns" };
    sigv4::verify(parts, body, expected).map_err(|error| unsigned(&error))?;
    if parameters.remove("Action").as_deref() != Some("Publish") {
        return Err(Refusal::not_implemented("an action other than Publish"));
    }
    if parameters.remove("Version").as_deref() != Some(VERSION) {
        return Err(Refusal::parameter(format!("Version is not {VERSION}")));
    }
    let Some(to) = parameters.remove("PhoneNumber") else {
        return Err(Refusal::not_implemented("publishing to anything but a number"));
    };
    let digits = to.strip_prefix('+').unwrap_or_default();
    let is_number = DIGITS.contains(&digits.len())
        && digits.bytes().all(|byte| byte.is_ascii_digit())
        && !digits.starts_with('0');
    if !is_number {
        return Err(Refusal::parameter("Invalid parameter: PhoneNumber Reason: not a number in E.164"));
    }
    let message = parameters.remove("Message").unwrap_or_default();
    if message.is_empty() || message.len() > MESSAGE_BYTES_MAX {
        return Err(Refusal::parameter("Invalid parameter: Message Reason: empty or too long"));
    }
    let attributes = attributes(&mut parameters)?;
    // What is left is something AWS may know; leaving it out would be a guess.
    if let Some(name) = parameters.keys().next() {
        return Err(Refusal::not_implemented(&format!("the parameter {name}")));
    }
    let failed =
        |_no_randomness| Refusal::new("InternalError", StatusCode::INTERNAL_SERVER_ERROR, "no random bytes");
    let id = random::hex_name().map_err(failed)?;
    shared.texts.keep(Text { to, message, attributes });
    Ok(id)
}

/// Takes the attributes out of the parameters. Their names are SNS's own; each value is checked where AWS does.
fn attributes(parameters: &mut BTreeMap<String, String>) -> Result<BTreeMap<String, String>, Refusal> {
    let mut attributes = BTreeMap::new();
    for number in 1..=PARAMETERS_MAX {
        let entry = format!("MessageAttributes.entry.{number}");
        let Some(name) = parameters.remove(&format!("{entry}.Name")) else { break };
        let kind = parameters.remove(&format!("{entry}.Value.DataType")).unwrap_or_default();
        let value = parameters.remove(&format!("{entry}.Value.StringValue")).unwrap_or_default();
        if kind != "String" || value.is_empty() {
            return Err(Refusal::parameter(format!("the attribute {name} is no String, or empty")));
        }
        let good = match name.as_str() {
            "AWS.SNS.SMS.SMSType" => matches!(value.as_str(), "Promotional" | "Transactional"),
            "AWS.SNS.SMS.SenderID" => {
                SENDER_CHARS.contains(&value.len())
                    && value.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
                    && value.bytes().any(|byte| byte.is_ascii_alphabetic())
            }
            "AWS.MM.SMS.EntityId" | "AWS.MM.SMS.TemplateId" => {
                value.bytes().all(|byte| byte.is_ascii_digit())
            }
            other => return Err(Refusal::not_implemented(&format!("the attribute {other}"))),
        };
        if !good {
            return Err(Refusal::parameter(format!("the value of {name} is not one of those it may have")));
        }
        if attributes.insert(name, value).is_some() {
            return Err(Refusal::parameter("an attribute is there twice"));
        }
    }
    Ok(attributes)
}

fn parameters(body: &[u8]) -> Result<BTreeMap<String, String>, Refusal> {
    let malformed = || Refusal::new("MalformedQueryString", StatusCode::BAD_REQUEST, "the body is no form");
    let text = std::str::from_utf8(body).ok().ok_or_else(malformed)?;
    let mut parameters = BTreeMap::new();
    for (at, pair) in text.split('&').enumerate() {
        let (name, value) = pair.split_once('=').ok_or_else(malformed)?;
        let (name, value) = (decoded(name).ok_or_else(malformed)?, decoded(value).ok_or_else(malformed)?);
        if at >= PARAMETERS_MAX || parameters.insert(name, value).is_some() {
            return Err(malformed());
        }
    }
    Ok(parameters)
}

/// A name or value of a form without its escapes.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = text.bytes();
    let mut out = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        out.push(match byte {
            b'+' => b' ',
            b'%' => {
                let digit =
                    |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
                digit(bytes.next()?)? * 16 + digit(bytes.next()?)?
            }
            other => other,
        });
    }
    String::from_utf8(out).ok()
}

fn unsigned(error: &SignatureError) -> Refusal {
    let code = match error {
        SignatureError::Missing => "MissingAuthenticationToken",
        SignatureError::Malformed => "IncompleteSignature",
        SignatureError::UnknownKey => "InvalidClientTokenId",
        _ => "SignatureDoesNotMatch",
    };
    Refusal::new(code, StatusCode::FORBIDDEN, error.to_string())
}

fn success(id: &str) -> Response<Body> {
    let body = format!(
        "<PublishResponse xmlns=\"{NAMESPACE}\"><PublishResult><MessageId>{id}</MessageId></PublishResult>\
         <ResponseMetadata><RequestId>{id}</RequestId></ResponseMetadata></PublishResponse>"
    );
    respond(StatusCode::OK, body)
}

fn failure(refusal: &Refusal) -> Response<Body> {
    let message = refusal.message.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let kind = if refusal.status.is_server_error() { "Receiver" } else { "Sender" };
    let body = format!(
        "<ErrorResponse xmlns=\"{NAMESPACE}\"><Error><Type>{kind}</Type><Code>{code}</Code><Message>{message}</Message></Error>\
         <RequestId>none</RequestId></ErrorResponse>",
        code = refusal.code
    );
    respond(refusal.status, body)
}

fn respond(status: StatusCode, body: String) -> Response<Body> {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/xml"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_read_as_it_was_meant() {
        let found =
            parameters(b"Action=Publish&PhoneNumber=%2B919876543210&Message=50%25+%26+%3D").ok().unwrap();
        let pairs: Vec<(&str, &str)> =
            found.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(pairs, [("Action", "Publish"), ("Message", "50% & ="), ("PhoneNumber", "+919876543210")]);
        for malformed in ["", "a", "a=1&a=2", "a=%", "a=%2", "a=%zz", "a=%ff"] {
            assert!(parameters(malformed.as_bytes()).is_err(), "{malformed}");
        }
    }

    #[test]
    fn attributes_are_those_of_sns_with_values_it_takes() {
        let read = |name: &str, kind: &str, value: &str| {
            let entry = |what: &str| format!("MessageAttributes.entry.1.{what}");
            let mut parameters = BTreeMap::from([
                (entry("Name"), name.to_owned()),
                (entry("Value.DataType"), kind.to_owned()),
                (entry("Value.StringValue"), value.to_owned()),
            ]);
            attributes(&mut parameters).map(|found| found.len()).map_err(|refusal| refusal.code)
        };
        assert_eq!(read("AWS.SNS.SMS.SMSType", "String", "Transactional"), Ok(1));
        assert_eq!(read("AWS.SNS.SMS.SMSType", "String", "transactional"), Err("InvalidParameter"));
        assert_eq!(read("AWS.SNS.SMS.SMSType", "Binary", "Transactional"), Err("InvalidParameter"));
        assert_eq!(read("AWS.SNS.SMS.SenderID", "String", "DOMCIL"), Ok(1));
        assert_eq!(read("AWS.SNS.SMS.SenderID", "String", "much too long"), Err("InvalidParameter"));
        assert_eq!(read("AWS.MM.SMS.TemplateId", "String", "one"), Err("InvalidParameter"));
        assert_eq!(read("colour", "String", "red"), Err("NotImplemented"));
    }
}
