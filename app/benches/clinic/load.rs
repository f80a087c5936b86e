//! What a front door does to a backend: a kept connection over mutual TLS, an assertion on every request.

use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use regions::assertion::{self, Assertion};
use regions::ids::RequestId;
use rustls_pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::world::{BACKEND, Clinic, Staff, World};

/// One connection of a front door, used for one staff member of one clinic.
pub(crate) struct FrontDoor {
    sender: SendRequest<Full<Bytes>>,
    clinic: Clinic,
    staff: Staff,
    keys: std::sync::Arc<regions::keyring::HmacKeyring>,
    clock: regions::clock::Clock,
}

impl FrontDoor {
    pub(crate) async fn connect(world: &World, clinic: &Clinic, staff: &Staff) -> FrontDoor {
        let tcp = TcpStream::connect(world.address).await.unwrap();
        tcp.set_nodelay(true).unwrap();
        let name = ServerName::try_from(BACKEND).unwrap();
        let stream = TlsConnector::from(world.tls.clone()).connect(name, tcp).await.unwrap();
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
        // It ends with its sender, which this value holds.
        tokio::spawn(connection);
        FrontDoor {
            sender,
            clinic: clinic.clone(),
            staff: staff.clone(),
            keys: world.route_keys.clone(),
            clock: world.app.clock.clone(),
        }
    }

    /// Reads a patient; anything but the record is a failed benchmark.
    pub(crate) async fn read(&mut self, patient: &str) -> Duration {
        let (took, status, body) = self.ask("GET", &format!("/api/v1/patients/{patient}"), None).await;
        assert_eq!(status, 200, "{}", String::from_utf8_lossy(&body));
        took
    }

    /// Asks for a patient, whatever comes of it; the status.
    pub(crate) async fn try_read(&mut self, patient: &str) -> u16 {
        self.ask("GET", &format!("/api/v1/patients/{patient}"), None).await.1
    }

    /// Searches, and gives how many patients were found.
    pub(crate) async fn search(&mut self, criterion: &serde_json::Value) -> (Duration, usize) {
        let body = serde_json::to_vec(criterion).unwrap();
        let body = ("application/json", body);
        let (took, status, body) = self.ask("POST", "/api/v1/patients/search", Some(body)).await;
        assert_eq!(status, 200, "{}", String::from_utf8_lossy(&body));
        let found: serde_json::Value = serde_json::from_slice(&body).unwrap();
        (took, found["items"].as_array().unwrap().len())
    }

    /// Changes something, which must end with `status`; gives the answer.
    pub(crate) async fn post(
        &mut self,
        path: &str,
        status: u16,
        body: &serde_json::Value,
    ) -> serde_json::Value {
        let body = ("application/json", serde_json::to_vec(body).unwrap());
        let (_, found, answer) = self.ask("POST", path, Some(body)).await;
        assert_eq!(found, status, "{path}: {}", String::from_utf8_lossy(&answer));
        serde_json::from_slice(&answer).unwrap_or_default()
    }

    /// One request, with the type of its body if it has one.
    pub(crate) async fn ask(
        &mut self,
        method: &str,
        path: &str,
        body: Option<(&str, Vec<u8>)>,
    ) -> (Duration, u16, Bytes) {
        let mut request = http::Request::builder()
            .method(method)
            .uri(path)
            .header("host", &self.clinic.host)
            .header(assertion::HEADER, self.mint(method, path))
            .header("cookie", &self.staff.cookie);
        if let Some((content_type, _)) = &body {
            request = request
                .header("origin", self.clinic.origin())
                .header("x-csrf-token", &self.staff.csrf)
                .header("content-type", *content_type);
        }
        let body = body.map(|(_, bytes)| bytes).unwrap_or_default();
        let request = request.body(Full::new(Bytes::from(body))).unwrap();
        self.sender.ready().await.unwrap();
        let sent = Instant::now();
        let answer = self.sender.send_request(request).await.unwrap();
        let status = answer.status().as_u16();
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        (sent.elapsed(), status, body)
    }

    fn mint(&self, method: &str, path: &str) -> http::HeaderValue {
        let now = self.clock.now_unix_ms();
        let record = &self.clinic.record;
        let stated = Assertion {
            tenant: record.id,
            region: record.region,
            shard: record.shard,
            epoch: record.epoch,
            method: method.to_owned(),
            path_hash: assertion::path_hash(path),
            nonce: assertion::nonce(),
            issued_ms: now,
            expires_ms: now + 10_000,
            front_door: "fd-bench".to_owned(),
            request_id: RequestId::random(),
            client_ip: std::net::IpAddr::from([192, 0, 2, 7]),
        };
        stated.mint(&self.keys).unwrap()
    }
}
