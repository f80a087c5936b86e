//! A client for the stack's own hosts: trusts its authority only, finds every host on loopback, keeps cookies.
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::{HeaderMap, HeaderName};
use reqwest::{Certificate, Method, StatusCode};
use serde_json::Value;

use crate::fail::{Attempt, Fail, Outcome};
use crate::pki::{Authority, Pki};
use crate::places::Home;

/// One person's browser at one origin. Clones share its cookies.
#[derive(Clone)]
pub(crate) struct Client {
    inner: reqwest::Client,
    origin: String,
    csrf: Option<String>,
}

/// An answer, read to its end.
pub(crate) struct Answer {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body; null where it is not JSON.
    pub json: Value,
    /// Its body as it came.
    pub text: String,
}

/// A request to be sent.
pub(crate) struct Call<'a> {
    method: Method,
    path: &'a str,
    body: Option<&'a Value>,
    octets: Option<Vec<u8>>,
    headers: Vec<(&'static str, String)>,
}

impl<'a> Call<'a> {
    /// Reads `path`.
    pub(crate) fn get(path: &'a str) -> Self {
        Self { method: Method::GET, path, body: None, octets: None, headers: Vec::new() }
    }
    /// Sends `body` to `path`.
    pub(crate) fn post(path: &'a str, body: &'a Value) -> Self {
        Self { method: Method::POST, path, body: Some(body), octets: None, headers: Vec::new() }
    }
    /// Asks `path` to do something that needs no body.
    pub(crate) fn act(path: &'a str) -> Self {
        Self { method: Method::POST, path, body: None, octets: None, headers: Vec::new() }
    }
    /// Replaces what is at `path`.
    pub(crate) fn put(path: &'a str, body: &'a Value) -> Self {
        Self { method: Method::PUT, path, body: Some(body), octets: None, headers: Vec::new() }
    }
    /// Sends a document's bytes to `path`.
    pub(crate) fn octets(path: &'a str, bytes: Vec<u8>) -> Self {
        Self { method: Method::PUT, path, body: None, octets: Some(bytes), headers: Vec::new() }
    }
    /// Adds a header.
    pub(crate) fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

/// Every name is loopback: the local base resolves to it anyway, but not on every system for programs.
struct Loopback;

impl Resolve for Loopback {
    fn resolve(&self, _name: Name) -> Resolving {
        let address = SocketAddr::from(([127, 0, 0, 1], 0));
        Box::pin(async move {
            let addresses: Addrs = Box::new(std::iter::once(address));
            Ok(addresses)
        })
    }
}

impl Client {
    /// A new browser at `origin` (`https://host:port`).
    pub(crate) fn new(home: &Home, origin: &str) -> Outcome<Self> {
        let path = Pki::at(home).authority(Authority::Public);
        let doing = || format!("make a client for {origin}");
        let pem = std::fs::read(&path).attempt(|| format!("read {}", path.display()))?;
        let inner = reqwest::Client::builder()
            .tls_certs_only([Certificate::from_pem(&pem).attempt(doing)?])
            .dns_resolver(Arc::new(Loopback))
            .cookie_store(true)
            .redirect(reqwest::redirect::Policy::none())
            .timeout(REQUEST_TIMEOUT)
            .build()
            .attempt(doing)?;
        Ok(Self { inner, origin: origin.to_owned(), csrf: None })
    }

    /// From now on, requests carry the session's token against cross-site requests.
    pub(crate) fn keep_csrf(&mut self, token: &str) {
        self.csrf = Some(token.to_owned());
    }

    /// Sends a request and reads the answer, whatever its status.
    pub(crate) async fn send(&self, call: Call<'_>) -> Outcome<Answer> {
        let url = format!("{}{}", self.origin, call.path);
        let doing = || format!("reach {url}");
        let mut request = self.inner.request(call.method, &url).header("origin", &self.origin);
        if let Some(token) = &self.csrf {
            request = request.header("x-csrf-token", token);
        }
        for (name, value) in call.headers {
            request = request.header(HeaderName::from_static(name), value);
        }
        if let Some(body) = call.body {
            request = request.json(body);
        }
        if let Some(bytes) = call.octets {
            request = request.header("content-type", "application/octet-stream").body(bytes);
        }
        let response = request.send().await.attempt(doing)?;
        let (status, headers) = (response.status(), response.headers().clone());
        let text = response.text().await.attempt(doing)?;
        let json = serde_json::from_str(&text).unwrap_or(Value::Null);
        Ok(Answer { status, headers, json, text })
    }

    /// Sends a request whose answer must be a success.
    pub(crate) async fn expect(&self, call: Call<'_>) -> Outcome<Answer> {
        let what = format!("{} {}{}", call.method, self.origin, call.path);
        let answer = self.send(call).await?;
        if answer.status.is_success() {
            return Ok(answer);
        }
        let shown: String = answer.text.chars().take(SHOWN_CHARS_MAX).collect();
        Err(Fail::new(format!("{what} was answered with {}: {shown}", answer.status)))
    }
}

impl Answer {
    /// A text field of the JSON body.
    pub(crate) fn field(&self, name: &str) -> Outcome<String> {
        let found = self.json.get(name).and_then(Value::as_str).map(str::to_owned);
        found.ok_or_else(|| Fail::new(format!("An answer that should hold `{name}` does not.")))
    }
}

const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);
const SHOWN_CHARS_MAX: usize = 600;
