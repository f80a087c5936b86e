//! A TLS client that says exactly what a test wants: any server name, any Host, a head without its body.
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::fail::{Attempt, Fail, Outcome};
use crate::pki::{Authority, Pki};
use crate::places::Home;

/// An open connection to a front door.
pub(super) struct Door {
    stream: TlsStream<TcpStream>,
}

/// The head of an answer.
pub(super) struct Head {
    /// Its status.
    pub status: u16,
    /// Its header lines in lower case.
    pub lines: Vec<String>,
}

impl Head {
    /// The value of a header, if it is there.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let start = format!("{name}:");
        self.lines.iter().find_map(|line| line.strip_prefix(&start)).map(str::trim)
    }

    /// Checks the status.
    pub(super) fn must_be(&self, status: u16) -> Outcome<&Self> {
        if self.status == status {
            return Ok(self);
        }
        Err(Fail::new(format!("answered with {} instead of {status}: {:?}", self.status, self.lines)))
    }
}

impl Door {
    /// Connects to `port` and asks for `server_name`; the certificate must be valid for it.
    pub(super) async fn open(home: &Home, port: u16, server_name: &str) -> Outcome<Self> {
        let doing = || format!("open a TLS connection for {server_name} to port {port}");
        let tcp = TcpStream::connect(("127.0.0.1", port)).await.attempt(doing)?;
        let name = ServerName::try_from(server_name.to_owned()).attempt(doing)?;
        let connector = TlsConnector::from(Arc::new(config(home)?));
        let stream = tokio::time::timeout(ANSWER_WAIT_MAX, connector.connect(name, tcp))
            .await
            .attempt(doing)?
            .attempt(doing)?;
        Ok(Self { stream })
    }

    /// Sends bytes as they are.
    pub(super) async fn send(&mut self, bytes: &[u8]) -> Outcome<()> {
        let doing = || "send a request".to_owned();
        self.stream.write_all(bytes).await.attempt(doing)?;
        self.stream.flush().await.attempt(doing)
    }

    /// Reads the head of the answer.
    pub(super) async fn head(&mut self) -> Outcome<Head> {
        let read = async {
            let mut bytes = Vec::new();
            while !bytes.ends_with(b"\r\n\r\n") && bytes.len() < HEAD_BYTES_MAX {
                bytes.push(self.stream.read_u8().await.attempt(|| "read an answer".to_owned())?);
            }
            Ok(bytes)
        };
        let bytes =
            tokio::time::timeout(ANSWER_WAIT_MAX, read).await.attempt(|| "get an answer".to_owned())??;
        let text = String::from_utf8_lossy(&bytes).to_ascii_lowercase();
        let mut lines = text.lines();
        let status =
            lines.next().and_then(|first| first.split(' ').nth(1)).and_then(|status| status.parse().ok());
        let status = status.ok_or_else(|| Fail::new("The answer has no status line."))?;
        Ok(Head { status, lines: lines.map(str::to_owned).collect() })
    }

    /// Reads the body that `head` announces.
    pub(super) async fn body(&mut self, head: &Head) -> Outcome<String> {
        let length = head.header("content-length").and_then(|text| text.parse().ok()).unwrap_or(0);
        let mut bytes = vec![0; HEAD_BYTES_MAX.min(length)];
        let read = tokio::time::timeout(ANSWER_WAIT_MAX, self.stream.read_exact(&mut bytes));
        read.await.attempt(|| "get a body".to_owned())?.attempt(|| "read a body".to_owned())?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// The certificate that the server showed.
    pub(super) fn certificate(&self) -> Option<Vec<u8>> {
        self.stream.get_ref().1.peer_certificates()?.first().map(|certificate| certificate.to_vec())
    }
}

/// One request without a body, on a connection of its own.
pub(super) async fn ask(home: &Home, port: u16, server_name: &str, head: &str) -> Outcome<Head> {
    let mut door = Door::open(home, port, server_name).await?;
    door.send(format!("{head}\r\n\r\n").as_bytes()).await?;
    door.head().await
}

fn config(home: &Home) -> Outcome<rustls::ClientConfig> {
    let doing = || "set up TLS".to_owned();
    let mut roots = rustls::RootCertStore::empty();
    for certificate in
        CertificateDer::pem_file_iter(Pki::at(home).authority(Authority::Public)).attempt(doing)?
    {
        roots.add(certificate.attempt(doing)?).attempt(doing)?;
    }
    Ok(rustls::ClientConfig::builder().with_root_certificates(roots).with_no_client_auth())
}

const ANSWER_WAIT_MAX: Duration = Duration::from_secs(20);
const HEAD_BYTES_MAX: usize = 64 * 1024;
