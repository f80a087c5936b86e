//! The HTTP side of the feed: one mutually authenticated connection to the control plane, with a limit on
//! everything.

use super::sign::{DELTA_MAX_BYTES, SNAPSHOT_MAX_BYTES};
use bytes::Bytes;
use http::{Request, StatusCode, Uri, header};
use http_body_util::{BodyExt, Empty, Limited};
use hyper::client::conn::http1::SendRequest;
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio_rustls::TlsConnector;

/// Time to connect and finish TLS.
const CONNECT_MAX_MS: u64 = 3_000;
/// Time for an answer beyond what the source was asked to wait.
const ANSWER_MAX_MS: u64 = 5_000;
/// Time for a snapshot, which may be large.
const SNAPSHOT_MAX_MS: u64 = 120_000;
/// Largest answer head that is buffered, in bytes.
const HEAD_MAX_BYTES: usize = 16 * 1024;

/// Where the feed is and who it must be.
#[derive(Clone, Debug)]
pub(super) struct Source {
    pub(super) authority: String,
    pub(super) server_name: ServerName<'static>,
    pub(super) tls: Arc<ClientConfig>,
}

/// An open connection; dropping it ends the task that drives it.
pub(super) struct Connection {
    sender: SendRequest<Empty<Bytes>>,
    authority: String,
    driver: JoinHandle<()>,
}

/// What the source said to "anything after this version?".
#[derive(Debug)]
pub(super) enum News {
    Delta(Bytes),
    Nothing,
    TakeSnapshot,
}

/// Why a call failed; the code is for logs and metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the directory feed did not answer: {0}")]
pub(super) struct CallError(pub(super) &'static str);

impl Source {
    pub(super) fn new(url: &str, server_name: &str, tls: ClientConfig) -> Option<Self> {
        let uri: Uri = url.parse().ok()?;
        let bare = matches!(uri.path(), "" | "/") && uri.query().is_none();
        (uri.scheme_str() == Some("https") && bare).then_some(())?;
        let authority = uri.authority()?;
        authority.port_u16()?;
        let server_name = ServerName::try_from(server_name.to_owned()).ok()?;
        Some(Self { authority: authority.to_string(), server_name, tls: Arc::new(tls) })
    }

    pub(super) async fn connect(&self) -> Result<Connection, CallError> {
        let connecting = async {
            let tcp = TcpStream::connect(&self.authority).await.ok().ok_or(CallError("connect"))?;
            tcp.set_nodelay(true).ok().ok_or(CallError("connect"))?;
            let tls = TlsConnector::from(self.tls.clone()).connect(self.server_name.clone(), tcp).await;
            let tls = tls.ok().ok_or(CallError("tls"))?;
            let (sender, connection) = hyper::client::conn::http1::Builder::new()
                .max_buf_size(HEAD_MAX_BYTES)
                .handshake(TokioIo::new(tls))
                .await
                .ok()
                .ok_or(CallError("http"))?;
            // The task ends with the connection, and the handle's drop below ends both.
            let driver = tokio::spawn(async move { drop(connection.await) });
            Ok(Connection { sender, authority: self.authority.clone(), driver })
        };
        within(CONNECT_MAX_MS, connecting).await
    }
}

impl Connection {
    pub(super) async fn snapshot(&mut self) -> Result<Bytes, CallError> {
        let (status, body) =
            within(SNAPSHOT_MAX_MS, self.get("/feed/v1/snapshot", SNAPSHOT_MAX_BYTES)).await?;
        if status == StatusCode::OK { Ok(body) } else { Err(CallError("status")) }
    }

    pub(super) async fn news(&mut self, after: u64, wait_ms: u64) -> Result<News, CallError> {
        let path = format!("/feed/v1/deltas?after={after}&wait_ms={wait_ms}");
        let (status, body) = within(wait_ms + ANSWER_MAX_MS, self.get(&path, DELTA_MAX_BYTES)).await?;
        match status {
            StatusCode::OK => Ok(News::Delta(body)),
            StatusCode::NO_CONTENT => Ok(News::Nothing),
            StatusCode::GONE => Ok(News::TakeSnapshot),
            _ => Err(CallError("status")),
        }
    }

    async fn get(&mut self, path: &str, max_bytes: usize) -> Result<(StatusCode, Bytes), CallError> {
        let request = Request::get(path).header(header::HOST, &self.authority).body(Empty::new());
        let request = request.ok().ok_or(CallError("request"))?;
        self.sender.ready().await.ok().ok_or(CallError("closed"))?;
        let response = self.sender.send_request(request).await.ok().ok_or(CallError("http"))?;
        let status = response.status();
        let body =
            Limited::new(response.into_body(), max_bytes).collect().await.ok().ok_or(CallError("body"))?;
        Ok((status, body.to_bytes()))
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

async fn within<T>(max_ms: u64, call: impl Future<Output = Result<T, CallError>>) -> Result<T, CallError> {
    tokio::time::timeout(Duration::from_millis(max_ms), call).await.unwrap_or(Err(CallError("timeout")))
}
