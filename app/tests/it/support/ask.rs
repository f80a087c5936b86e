//! One request as a front door sends it, with the assertion, and its answer.

use std::time::SystemTime;

use regions::assertion::{self, Assertion};
use regions::ids::RequestId;
use regions::receipt::{self, Served};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, StatusCode};
use serde_json::Value;

use super::process::Backend;
use super::world::{Actor, Clinic, World};

/// A request to be sent.
pub(crate) struct Ask<'a> {
    world: &'a World,
    clinic: &'a Clinic,
    method: Method,
    path: String,
    headers: HeaderMap,
    body: Option<reqwest::Body>,
    assertion: Assertion,
    asserted: bool,
    port: u16,
}

/// An answer.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl World {
    /// A request that a front door would send: assertion, canonical host, own origin.
    pub(crate) fn ask<'a>(&'a self, clinic: &'a Clinic, method: &str, path: &str) -> Ask<'a> {
        let method: Method = method.parse().unwrap();
        let now = self.now_ms();
        let assertion = Assertion {
            tenant: clinic.tenant.id,
            region: clinic.record.region,
            shard: clinic.record.shard,
            epoch: clinic.record.epoch,
            method: method.to_string(),
            path_hash: assertion::path_hash(path),
            nonce: assertion::nonce(),
            issued_ms: now,
            expires_ms: now + 10_000,
            front_door: "fd-test".into(),
            request_id: RequestId::random(),
            client_ip: "192.0.2.7".parse().unwrap(),
        };
        let mut headers = HeaderMap::new();
        if method != Method::GET {
            headers.insert("origin", clinic.origin().parse().unwrap());
        }
        Ask {
            world: self,
            clinic,
            method,
            path: path.to_owned(),
            headers,
            body: None,
            assertion,
            asserted: true,
            port: self.address.port(),
        }
    }
}

impl Ask<'_> {
    /// In somebody's session, with the token that belongs to it.
    pub(crate) fn by(mut self, actor: &Actor) -> Self {
        self.headers.insert("cookie", actor.cookie.parse().unwrap());
        self.headers.insert("x-csrf-token", actor.csrf.parse().unwrap());
        self
    }

    pub(crate) fn json(mut self, body: &Value) -> Self {
        self.headers.insert("content-type", HeaderValue::from_static("application/json"));
        self.body = Some(serde_json::to_vec(body).unwrap().into());
        self
    }

    /// With an access token and nothing of a browser's.
    pub(crate) fn bearer(self, token: &str) -> Self {
        self.without("origin").header("authorization", &format!("Bearer {token}"))
    }

    /// A form, as OAuth has them.
    pub(crate) fn form(self, pairs: &[(&str, &str)]) -> Self {
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~".contains(&b);
        let encoded = |text: &str| -> String {
            text.bytes()
                .map(|b| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") })
                .collect()
        };
        let pairs: Vec<String> =
            pairs.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect();
        self.raw("application/x-www-form-urlencoded", &pairs.join("&"))
    }

    pub(crate) fn raw(mut self, content_type: &str, body: &str) -> Self {
        self.headers.insert("content-type", content_type.parse().unwrap());
        self.body = Some(body.as_bytes().to_vec().into());
        self
    }

    /// A body of bytes, as a document's are sent.
    pub(crate) fn octets(mut self, body: &[u8]) -> Self {
        self.headers.insert("content-type", HeaderValue::from_static("application/octet-stream"));
        self.body = Some(body.to_vec().into());
        self
    }

    pub(crate) fn stream(mut self, body: reqwest::Body) -> Self {
        self.body = Some(body);
        self
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.insert(HeaderName::try_from(name).unwrap(), value.parse().unwrap());
        self
    }

    pub(crate) fn another(mut self, name: &str, value: &str) -> Self {
        self.headers.append(HeaderName::try_from(name).unwrap(), value.parse().unwrap());
        self
    }

    pub(crate) fn without(mut self, name: &str) -> Self {
        self.headers.remove(name);
        self
    }

    /// To a backend in a process of its own, whose clock is the machine's.
    pub(crate) fn of(mut self, backend: &Backend) -> Self {
        let now = SystemTime::UNIX_EPOCH.elapsed().unwrap().as_millis();
        self.assertion.issued_ms = u64::try_from(now).unwrap();
        self.assertion.expires_ms = self.assertion.issued_ms + 10_000;
        self.port = backend.port;
        self
    }

    /// Changes what the front door states.
    pub(crate) fn stating(mut self, change: impl FnOnce(&mut Assertion)) -> Self {
        change(&mut self.assertion);
        self
    }

    /// Sends no assertion of its own; the test puts its own header there, or none.
    pub(crate) fn unasserted(mut self) -> Self {
        self.asserted = false;
        self
    }

    /// The signed header value.
    pub(crate) fn minted(&self) -> String {
        self.assertion.mint(&self.world.route_keys).unwrap().to_str().unwrap().to_owned()
    }

    /// Sends it. An answer to an authentic assertion must carry a receipt that the front door would accept.
    pub(crate) async fn send(mut self) -> Answer {
        if self.asserted {
            let value = self.minted();
            self.headers.append("domicile-route", value.parse().unwrap());
        }
        let url = format!("https://{}:{}{}", self.clinic.host, self.port, self.path);
        let mut request = self.world.client.request(self.method.clone(), url).headers(self.headers);
        if let Some(body) = self.body {
            request = request.body(body);
        }
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        let answer = Answer { status, headers, body: response.bytes().await.unwrap().to_vec() };
        if let Some(value) = answer.headers.get("domicile-receipt") {
            let meant = Served::of(&self.assertion, status.as_u16());
            receipt::verify(value.as_bytes(), &self.world.receipt_keys, &meant)
                .expect("the receipt states what was meant");
        } else {
            assert!(
                matches!(status.as_u16(), 403 | 421 | 503),
                "{status} came without a receipt: {}",
                answer.text()
            );
        }
        // Only what is named after its content may be kept.
        let kept = status == StatusCode::OK && self.path.starts_with("/assets/");
        let caching = if kept { "public, max-age=31536000, immutable" } else { "no-store" };
        for (name, value) in [
            ("cache-control", caching),
            ("x-content-type-options", "nosniff"),
            ("strict-transport-security", "max-age=63072000; includeSubDomains"),
        ] {
            assert_eq!(answer.headers.get(name).map(HeaderValue::as_bytes), Some(value.as_bytes()), "{name}");
        }
        answer
    }
}

impl Answer {
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|_| panic!("{} is not JSON: {}", self.status, self.text()))
    }

    /// The status and, for an error, its code.
    pub(crate) fn outcome(&self) -> (u16, String) {
        let code = serde_json::from_slice::<Value>(&self.body)
            .ok()
            .filter(|_| self.status.as_u16() >= 400)
            .and_then(|body| body["code"].as_str().map(str::to_owned));
        (self.status.as_u16(), code.unwrap_or_default())
    }

    pub(crate) fn expect(self, status: u16) -> Answer {
        assert_eq!(self.status.as_u16(), status, "{}", self.text());
        self
    }

    pub(crate) fn header(&self, name: &str) -> String {
        self.headers.get(name).map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default()
    }
}
