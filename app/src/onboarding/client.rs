//! The worker's side of the feed: asking for work and reporting steps over a mutually authenticated connection.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, StatusCode, Uri, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_util::rt::TokioIo;
use regions::tls::{self, Identity, TlsError};
use rustls_pki_types::ServerName;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use uuid::Uuid;

use crate::config::DirectoryConfig;
use crate::control::work::{KeyReport, Report, ShardLook, TaskList, looks_text};
use crate::support::wire::{GrantList, GrantReport, LookReport};

/// Time to connect and finish TLS, in milliseconds.
const CONNECT_MAX_MS: u64 = 3_000;
/// Time for an answer beyond what the control plane was asked to wait, in milliseconds.
const ANSWER_MAX_MS: u64 = 10_000;
/// Largest answer, in bytes.
const ANSWER_MAX_BYTES: usize = 256 * 1024;
/// Largest answer head that is buffered, in bytes.
const HEAD_MAX_BYTES: usize = 16 * 1024;

/// Where the work comes from and who it must be.
#[derive(Clone)]
pub struct WorkClient {
    authority: String,
    server_name: ServerName<'static>,
    tls: Arc<rustls::ClientConfig>,
}

/// Why the client cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The address or server name is not usable.
    #[error("directory.url must be https://host:port, and directory.server_name a DNS name")]
    Address,
    /// The certificates are not usable.
    #[error("directory.ca, cert or key: {0}")]
    Tls(#[from] TlsError),
}

/// Why a call failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// No connection, or it broke.
    #[error("the control plane is not reachable")]
    Unreachable,
    /// No answer in time.
    #[error("the control plane did not answer in time")]
    TooSlow,
    /// Not the answer that was asked for.
    #[error("the control plane answered with status {0}")]
    Status(u16),
    /// The answer is not of the expected form.
    #[error("the control plane's answer is not understood")]
    Answer,
}

impl CallError {
    /// A stable code for logs.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Unreachable => "control_unreachable",
            Self::TooSlow => "control_too_slow",
            Self::Status(403) => "control_refused",
            Self::Status(409) => "control_out_of_order",
            Self::Status(_) => "control_status",
            Self::Answer => "control_answer",
        }
    }
}

impl WorkClient {
    /// A client for the feed that a process's directory comes from; its certificate says which region's worker it is.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn new(config: &DirectoryConfig) -> Result<Self, ClientError> {
        let uri: Uri = config.url.parse().map_err(|_error| ClientError::Address)?;
        let authority =
            uri.authority().filter(|_| uri.scheme_str() == Some("https")).ok_or(ClientError::Address)?;
        let identity = Identity { cert: config.cert.clone(), key: config.key.clone() };
        Ok(Self {
            authority: authority.to_string(),
            server_name: ServerName::try_from(config.server_name.clone())
                .map_err(|_error| ClientError::Address)?,
            tls: Arc::new(tls::mutual_client(&identity, &config.ca, &["http/1.1"])?),
        })
    }

    /// Open tasks of the own region; waits up to `wait_ms` for one. How the shards are is said with it.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn work(&self, wait_ms: u64, looks: &[ShardLook]) -> Result<TaskList, CallError> {
        let path = format!("/feed/v1/work?wait_ms={wait_ms}&shards={}", looks_text(looks));
        let (status, body) = self.call(Method::GET, &path, Bytes::new(), wait_ms).await?;
        if status == StatusCode::OK { read(&body) } else { Err(CallError::Status(status.as_u16())) }
    }

    /// Reports a step.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn report(&self, task: Uuid, report: &Report) -> Result<(), CallError> {
        self.tell(&format!("/feed/v1/work/{task}/steps"), report).await
    }

    /// Says how old the region's keys are.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn tell_keys(&self, report: &KeyReport) -> Result<(), CallError> {
        self.tell("/feed/v1/keys", report).await
    }

    /// The own region's support grants that are not settled; waits up to `wait_ms` for one.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn support_grants(&self, wait_ms: u64) -> Result<GrantList, CallError> {
        let path = format!("/feed/v1/support-grants?wait_ms={wait_ms}");
        let (status, body) = self.call(Method::GET, &path, Bytes::new(), wait_ms).await?;
        if status == StatusCode::OK { read(&body) } else { Err(CallError::Status(status.as_u16())) }
    }

    /// Says where a support grant is by the clinic's own rows.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn report_grant(&self, grant: Uuid, report: &GrantReport) -> Result<(), CallError> {
        self.tell(&format!("/feed/v1/support-grants/{grant}"), report).await
    }

    /// Says what came of a look.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn report_look(&self, grant: Uuid, look: Uuid, report: &LookReport) -> Result<(), CallError> {
        self.tell(&format!("/feed/v1/support-grants/{grant}/looks/{look}"), report).await
    }

    async fn tell(&self, path: &str, report: &impl Serialize) -> Result<(), CallError> {
        let body = serde_json::to_vec(report).map_err(|_error| CallError::Answer)?;
        let (status, _) = self.call(Method::POST, path, Bytes::from(body), 0).await?;
        if status == StatusCode::NO_CONTENT { Ok(()) } else { Err(CallError::Status(status.as_u16())) }
    }

    /// One call on its own connection: there are a handful an onboarding, and none can meet a connection that died.
    async fn call(
        &self,
        method: Method,
        path: &str,
        body: Bytes,
        wait_ms: u64,
    ) -> Result<(StatusCode, Bytes), CallError> {
        let answer = async {
            let tcp = TcpStream::connect(&self.authority).await.map_err(|_error| CallError::Unreachable)?;
            let tls = TlsConnector::from(Arc::clone(&self.tls)).connect(self.server_name.clone(), tcp).await;
            let stream = TokioIo::new(tls.map_err(|_error| CallError::Unreachable)?);
            let (mut sender, connection) = hyper::client::conn::http1::Builder::new()
                .max_buf_size(HEAD_MAX_BYTES)
                .handshake(stream)
                .await
                .map_err(|_error| CallError::Unreachable)?;
            let request = Request::builder()
                .method(method)
                .uri(path)
                .header(header::HOST, &self.authority)
                .header(header::CONTENT_TYPE, "application/json")
                .body(Full::new(body))
                .map_err(|_error| CallError::Answer)?;
            let exchange = async {
                let response = sender.send_request(request).await.map_err(|_error| CallError::Unreachable)?;
                let (head, body) = response.into_parts();
                let body = Limited::new(body, ANSWER_MAX_BYTES)
                    .collect()
                    .await
                    .map_err(|_error| CallError::Answer)?;
                Ok((head.status, body.to_bytes()))
            };
            // The connection is driven beside the exchange and ends with it: no task is left behind.
            tokio::pin!(exchange, connection);
            tokio::select! {
                biased;
                answer = &mut exchange => answer,
                _ended = &mut connection => exchange.await,
            }
        };
        let limit = Duration::from_millis(CONNECT_MAX_MS + ANSWER_MAX_MS + wait_ms);
        tokio::time::timeout(limit, answer).await.map_err(|_elapsed| CallError::TooSlow)?
    }
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, CallError> {
    serde_json::from_slice(body).map_err(|_error| CallError::Answer)
}
