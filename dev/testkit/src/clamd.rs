//! Scanners for tests: ClamAV's own daemon with one signature, the EICAR test file, and a server that speaks its protocol over
//! TCP and can be told what it knows.
//!
//! The second is not ClamAV. It follows the daemon's protocol as clamd(8) describes it, so that the product's side of the protocol
//! runs against a real socket whenever a test wants signatures to change or a limit to be small.

use std::fs::File;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::task::JoinHandle;

/// Longest stream, in bytes, as `StreamMaxLength` of the daemon.
const STREAM_BYTES_MAX: usize = 64 * 1024 * 1024;

/// The EICAR test file, put together so that this source is not taken for it.
#[must_use]
pub fn eicar() -> Vec<u8> {
    [r"X5O!P%@AP[4\PZX54(P^)7CC)7}$EICAR-STANDARD-", "ANTIVIRUS-TEST-FILE!$H+H*"].concat().into_bytes()
}

/// Longest wait for ClamAV's daemon to listen.
const DAEMON_STARTS_MAX: Duration = Duration::from_secs(60);

/// Longest file that it scans to its end, in MiB. Of a longer one it says so, as docs/documents.md wants it configured.
pub const SCANNED_MIB_MAX: usize = 4;

/// ClamAV's daemon on a Unix socket, with a signature of the EICAR test file and no other; dropping it ends it.
pub struct Daemon {
    child: Child,
    socket: PathBuf,
}

impl Daemon {
    /// Starts it with its files in `dir`. It asks nobody on the network for anything.
    ///
    /// # Panics
    /// If the program is missing, or does not listen in time.
    pub async fn start(dir: &Path) -> Daemon {
        let (socket, signatures) = (dir.join("clamd.sock"), dir.join("signatures"));
        std::fs::create_dir(&signatures).expect("an empty folder");
        // Sum, length and name, as `sigtool --md5` writes them: of a file that is EICAR and nothing else.
        let known = "44d88612fea8a8f36de82e1278abb02f:68:Domicile.Test.EICAR\n";
        std::fs::write(signatures.join("test.hdb"), known).expect("a signature");
        let config = format!(
            "Foreground yes\nLocalSocket {}\nDatabaseDirectory {}\nTemporaryDirectory {}\nStreamMaxLength 64M\n\
             AlertExceedsMax yes\nMaxFileSize {SCANNED_MIB_MAX}M\nMaxScanSize {SCANNED_MIB_MAX}M\n",
            socket.display(),
            signatures.display(),
            dir.display(),
        );
        std::fs::write(dir.join("clamd.conf"), config).expect("a configuration");
        let log = |name: &str| File::create(dir.join(name)).expect("a log");
        let mut command = Command::new(program("clamd"));
        command.arg("--config-file").arg(dir.join("clamd.conf")).stdin(Stdio::null());
        command.stdout(log("clamd.out")).stderr(log("clamd.err"));
        let mut daemon = Daemon { child: command.spawn().expect("a program that runs"), socket };
        let started = Instant::now();
        while UnixStream::connect(&daemon.socket).await.is_err() {
            let ended = daemon.child.try_wait().expect("a child of ours").is_some();
            let said = std::fs::read_to_string(dir.join("clamd.err")).unwrap_or_default();
            assert!(!ended && started.elapsed() < DAEMON_STARTS_MAX, "clamd does not listen: {said}");
            tokio::task::yield_now().await;
        }
        daemon
    }

    /// Where it listens, as the product's configuration says it.
    #[must_use]
    pub fn address(&self) -> String {
        format!("unix:{}", self.socket.display())
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

#[expect(clippy::disallowed_methods, reason = "the machine says where its programs are")]
fn program(name: &str) -> PathBuf {
    let path = std::env::var("PATH").unwrap_or_default();
    let places = path.split(':').chain(["/usr/sbin", "/usr/local/sbin", "/opt/homebrew/sbin"]);
    let found = places.map(|place| Path::new(place).join(name)).find(|file| file.is_file());
    found.unwrap_or_else(|| panic!("{name} is missing: `cargo xtask test` and `make test` install it"))
}

/// What a scanner knows, and how often that has changed.
#[derive(Default)]
struct Signatures {
    number: u32,
    known: Vec<Vec<u8>>,
}

/// A running scanner; dropping it stops it.
pub struct Clamd {
    /// Where it listens.
    pub address: SocketAddr,
    scans: Arc<AtomicUsize>,
    signatures: Arc<Mutex<Signatures>>,
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
        let signatures = Arc::new(Mutex::new(Signatures { number: 27_000, known: vec![eicar()] }));
        let (counter, knows) = (Arc::clone(&scans), Arc::clone(&signatures));
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (counter, knows) = (Arc::clone(&counter), Arc::clone(&knows));
                tokio::spawn(async move {
                    if serve(stream, &knows).await.is_ok_and(|scanned| scanned) {
                        counter.fetch_add(1, Ordering::Relaxed);
                    }
                });
            }
        });
        Clamd { address, scans, signatures, task }
    }

    /// Streams that were scanned to their end.
    #[must_use]
    pub fn scans(&self) -> usize {
        self.scans.load(Ordering::Relaxed)
    }

    /// From now on it has other signatures: these bytes and the EICAR test file.
    pub fn learn(&self, bytes: &[u8]) {
        let mut signatures = self.signatures.lock().unwrap_or_else(PoisonError::into_inner);
        signatures.number += 1;
        signatures.known = vec![eicar(), bytes.to_vec()];
    }
}

impl Drop for Clamd {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Answers one command; whether it was a scan.
async fn serve(mut stream: TcpStream, signatures: &Mutex<Signatures>) -> std::io::Result<bool> {
    let mut command = Vec::new();
    while !command.ends_with(b"\0") && command.len() < 32 {
        command.push(stream.read_u8().await?);
    }
    let (number, known) = {
        let signatures = signatures.lock().unwrap_or_else(PoisonError::into_inner);
        (signatures.number, signatures.known.clone())
    };
    if command == b"zVERSION\0" {
        let name = format!("ClamAV 1.4.6/{number}/Wed Nov 25 08:00:00 2026\0");
        return stream.write_all(name.as_bytes()).await.map(|()| false);
    }
    if command != b"zINSTREAM\0" {
        return stream.write_all(b"UNKNOWN COMMAND\0").await.map(|()| false);
    }
    let mut seen = Vec::new();
    loop {
        let length = usize::try_from(stream.read_u32().await?).unwrap_or(usize::MAX);
        if length == 0 {
            break;
        }
        if seen.len() + length > STREAM_BYTES_MAX {
            return stream.write_all(b"INSTREAM size limit exceeded. ERROR\0").await.map(|()| true);
        }
        let from = seen.len();
        seen.resize(from + length, 0);
        stream.read_exact(seen.get_mut(from..).unwrap_or_default()).await?;
    }
    let found = known.iter().any(|one| seen.windows(one.len()).any(|window| window == one));
    let answer: &[u8] = if found { b"stream: Win.Test.EICAR_HDB-1 FOUND\0" } else { b"stream: OK\0" };
    stream.write_all(answer).await.map(|()| true)
}
