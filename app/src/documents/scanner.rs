//! The malware scanner: ClamAV's daemon over its socket, by the `INSTREAM` command, or none where the configuration says so.
//!
//! The daemon reads what is sent and answers one line. Anything but its `OK` means that the document is not clean or not
//! yet known to be; there is no answer that is taken for clean by default.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpStream, UnixStream};
use tokio::time::timeout;

/// Longest wait for the daemon to take a piece, in milliseconds.
const SEND_MS: u64 = 30_000;
/// Longest wait for the answer after the last piece, in milliseconds; a large file is scanned in this time.
const ANSWER_MS: u64 = 300_000;
/// Longest answer, in bytes.
const ANSWER_BYTES_MAX: u64 = 4_096;
/// Longest name of the daemon's signatures, in bytes.
const VERSION_BYTES_MAX: usize = 200;
/// Longest piece, in bytes.
const PIECE_BYTES_MAX: usize = 256 * 1024;

/// Whether documents are scanned. There is no default: a region's configuration says one or the other.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(tag = "policy", rename_all = "snake_case", deny_unknown_fields)]
pub enum ScannerConfig {
    /// Documents are not scanned for malware; all other checks are made.
    Off {},
    /// No document is accepted before this daemon has said that it is clean.
    Require {
        /// `unix:` and a path, or a host and a port.
        address: String,
    },
}

/// What the scanner found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// Nothing it knows.
    Nothing,
    /// Malware.
    Malware,
    /// A limit of the daemon's own ended the scan before the document's end.
    TooLarge,
}

/// A scanner as it was configured.
#[derive(Debug, Clone)]
pub enum Scanner {
    /// None.
    Off,
    /// A daemon on a socket of this machine.
    Unix(PathBuf),
    /// A daemon elsewhere in the region.
    Tcp(String),
}

impl Scanner {
    /// The scanner of a configuration.
    #[must_use]
    pub fn new(config: &ScannerConfig) -> Scanner {
        match config {
            ScannerConfig::Off {} => Scanner::Off,
            ScannerConfig::Require { address } => match address.strip_prefix("unix:") {
                Some(path) => Scanner::Unix(PathBuf::from(path)),
                None => Scanner::Tcp(address.clone()),
            },
        }
    }

    /// Whether a scan of nothing ends well, or no scanner is asked for.
    pub async fn answers(&self) -> bool {
        match self.begin().await {
            Ok(None) => true,
            Ok(Some(scan)) => scan.finish().await.is_ok(),
            Err(_away) => false,
        }
    }

    /// What the daemon calls itself and its signatures, such as `ClamAV 1.4.6/27800/Wed Nov 25 08:00:00 2026`; `None` when there
    /// is no scanner.
    ///
    /// # Errors
    /// When the daemon cannot be reached, or says something else.
    pub async fn version(&self) -> io::Result<Option<String>> {
        let Some(mut scan) = self.connect().await? else { return Ok(None) };
        scan.write(b"zVERSION\0").await?;
        let mut answer = Vec::new();
        let mut limited = scan.stream.take(ANSWER_BYTES_MAX);
        in_time(SEND_MS, limited.read_to_end(&mut answer)).await?;
        named(&answer).map(Some).ok_or_else(|| io::ErrorKind::InvalidData.into())
    }

    /// Begins a scan; `None` when there is no scanner.
    ///
    /// # Errors
    /// When the daemon cannot be reached.
    pub async fn begin(&self) -> io::Result<Option<Scan>> {
        let Some(mut scan) = self.connect().await? else { return Ok(None) };
        scan.write(b"zINSTREAM\0").await?;
        Ok(Some(scan))
    }

    async fn connect(&self) -> io::Result<Option<Scan>> {
        let connecting = async {
            Ok::<Option<Box<dyn Duplex>>, io::Error>(match self {
                Scanner::Off => None,
                Scanner::Unix(path) => Some(Box::new(UnixStream::connect(path).await?)),
                Scanner::Tcp(address) => Some(Box::new(TcpStream::connect(address).await?)),
            })
        };
        Ok(in_time(SEND_MS, connecting).await?.map(|stream| Scan { stream }))
    }
}

trait Duplex: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Duplex for T {}

/// One scan under way.
pub struct Scan {
    stream: Box<dyn Duplex>,
}

impl Scan {
    /// Sends the next bytes. A daemon that has seen enough may stop reading; its answer then says why.
    ///
    /// # Errors
    /// When the daemon takes nothing in time.
    pub async fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        for piece in bytes.chunks(PIECE_BYTES_MAX) {
            let length = u32::try_from(piece.len()).unwrap_or(u32::MAX);
            let sent = async {
                self.write(&length.to_be_bytes()).await?;
                self.write(piece).await
            };
            match sent.await {
                Err(error) if closed(&error) => return Ok(()),
                sent => sent?,
            }
        }
        Ok(())
    }

    /// Ends the scan.
    ///
    /// # Errors
    /// When the daemon does not answer in time, or says neither that the stream is clean nor what is wrong with it.
    pub async fn finish(mut self) -> io::Result<Found> {
        match self.write(&0_u32.to_be_bytes()).await {
            Err(error) if !closed(&error) => return Err(error),
            _ => {}
        }
        let mut answer = Vec::new();
        let mut limited = self.stream.take(ANSWER_BYTES_MAX);
        let reading = limited.read_to_end(&mut answer);
        // A daemon may end the connection hard after its answer; what it said before that counts.
        match timeout(Duration::from_millis(ANSWER_MS), reading).await {
            Err(_elapsed) => return Err(io::ErrorKind::TimedOut.into()),
            Ok(Err(error)) if answer.is_empty() => return Err(error),
            Ok(_) => {}
        }
        verdict(&answer).ok_or_else(|| io::ErrorKind::InvalidData.into())
    }

    async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        in_time(SEND_MS, self.stream.write_all(bytes)).await
    }
}

/// What the daemon calls, with `AlertExceedsMax`, a file of which one of its limits kept it from seeing all.
const LIMIT_REACHED: &[u8] = b"stream: Heuristics.Limits.Exceeded";

/// What one answer line means; `None` for one that means nothing.
fn verdict(answer: &[u8]) -> Option<Found> {
    let line = answer.split(|byte| *byte == 0).next().unwrap_or_default();
    if line == b"stream: OK" {
        Some(Found::Nothing)
    } else if line.starts_with(LIMIT_REACHED) && line.ends_with(b" FOUND") {
        Some(Found::TooLarge)
    } else if line.starts_with(b"stream: ") && line.ends_with(b" FOUND") {
        Some(Found::Malware)
    } else if line.starts_with(b"INSTREAM size limit exceeded") {
        Some(Found::TooLarge)
    } else {
        None
    }
}

/// The daemon's name for itself and its signatures; `None` for what is none.
fn named(answer: &[u8]) -> Option<String> {
    let line = answer.split(|byte| *byte == 0).next().unwrap_or_default();
    let text = std::str::from_utf8(line).ok()?;
    let plain = text.len() <= VERSION_BYTES_MAX && !text.chars().any(char::is_control);
    (plain && text.starts_with("ClamAV ")).then(|| text.to_owned())
}

fn closed(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset)
}

async fn in_time<T>(ms: u64, work: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    timeout(Duration::from_millis(ms), work)
        .await
        .map_err(|_elapsed| io::Error::from(io::ErrorKind::TimedOut))?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_daemons_ok_is_clean() {
        assert_eq!(verdict(b"stream: OK\0"), Some(Found::Nothing));
        assert_eq!(verdict(b"stream: Win.Test.EICAR_HDB-1 FOUND\0"), Some(Found::Malware));
        assert_eq!(verdict(b"INSTREAM size limit exceeded. ERROR\0"), Some(Found::TooLarge));
        let limit = b"stream: Heuristics.Limits.Exceeded.MaxFileSize FOUND\0";
        assert_eq!(verdict(limit), Some(Found::TooLarge));
        for neither in
            ["", "\0", "OK\0", "stream: ", "stream: Can't allocate memory ERROR\0", "stream: OK FOUNDRY\0"]
        {
            assert_eq!(verdict(neither.as_bytes()), None, "{neither}");
        }
    }

    #[test]
    fn a_daemon_names_itself_in_one_line() {
        let name = "ClamAV 1.4.6/27800/Wed Nov 25 08:00:00 2026";
        assert_eq!(named(format!("{name}\0").as_bytes()).as_deref(), Some(name));
        let long = format!("ClamAV {}", "9".repeat(200));
        for other in ["", "\0", "UNKNOWN COMMAND\0", "ClamAV 1\n2\0", &long] {
            assert_eq!(named(other.as_bytes()), None, "{other}");
        }
    }

    #[test]
    fn the_policy_must_be_said() {
        let read = |text: &str| toml::from_str::<ScannerConfig>(text).ok();
        assert_eq!(read("policy = \"off\""), Some(ScannerConfig::Off {}));
        let required = ScannerConfig::Require { address: "unix:/run/clamav/clamd.ctl".into() };
        assert_eq!(read("policy = \"require\"\naddress = \"unix:/run/clamav/clamd.ctl\""), Some(required));
        for wrong in ["", "policy = \"require\"", "policy = \"off\"\naddress = \"x:1\"", "address = \"x:1\""]
        {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }
}
