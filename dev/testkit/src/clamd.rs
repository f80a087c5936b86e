//! A scanner for tests: a server that speaks ClamAV's `INSTREAM` over TCP and knows one signature, the EICAR test file.
//!
//! It is not ClamAV. It follows the daemon's protocol as clamd(8) describes it, so that the product's side of the protocol
//! runs against a real socket.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// Longest stream, in bytes, as `StreamMaxLength` of the daemon.
const STREAM_BYTES_MAX: usize = 64 * 1024 * 1024;

/// The EICAR test file, put together so that this source is not taken for it.
#[must_use]
pub fn eicar() -> Vec<u8> {
    [r"X5O!P%@AP[4\PZX54(P^)7CC)7}$EICAR-STANDARD-", "ANTIVIRUS-TEST-FILE!$H+H*"].concat().into_bytes()
}

/// A running scanner; dropping it stops it.
pub struct Clamd {
    /// Where it listens.
    pub address: SocketAddr,
    scans: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

impl Clamd {
    /// Starts one on a free port.
    ///
    /// # Panics
    /// If there is no port.
    pub async fn start() -> Clamd {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("a bound socket has an address");
        let scans = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&scans);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let counter = Arc::clone(&counter);
                tokio::spawn(async move {
                    if serve(stream).await.is_ok() {
                        counter.fetch_add(1, Ordering::Relaxed);
                    }
                });
            }
        });
        Clamd { address, scans, task }
    }

    /// Streams that were scanned to their end.
    #[must_use]
    pub fn scans(&self) -> usize {
        self.scans.load(Ordering::Relaxed)
    }
}

impl Drop for Clamd {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(mut stream: TcpStream) -> std::io::Result<()> {
    let mut command = [0; 10];
    stream.read_exact(&mut command).await?;
    if &command != b"zINSTREAM\0" {
        return stream.write_all(b"UNKNOWN COMMAND\0").await;
    }
    let mut seen = Vec::new();
    loop {
        let length = usize::try_from(stream.read_u32().await?).unwrap_or(usize::MAX);
        if length == 0 {
            break;
        }
        if seen.len() + length > STREAM_BYTES_MAX {
            return stream.write_all(b"INSTREAM size limit exceeded. ERROR\0").await;
        }
        let from = seen.len();
        seen.resize(from + length, 0);
        stream.read_exact(seen.get_mut(from..).unwrap_or_default()).await?;
    }
    let signature = eicar();
    let found = seen.windows(signature.len()).any(|window| window == signature);
    let answer: &[u8] = if found { b"stream: Win.Test.EICAR_HDB-1 FOUND\0" } else { b"stream: OK\0" };
    stream.write_all(answer).await
}
