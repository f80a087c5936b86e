//! Waits on conditions of the running stack, with a deadline, and says why one was not reached.
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::fail::{Fail, Outcome};
use crate::process::{self, Record};

/// Waits until a role's admin listener says it is ready. A process that ends meanwhile fails at once, with its log.
pub(crate) async fn ready(record: &Record, admin_port: u16) -> Outcome<()> {
    let deadline = Instant::now() + READY_WAIT_MAX;
    loop {
        if probe(admin_port).await == Some(200) {
            return Ok(());
        }
        if !process::is_alive(record) {
            return Err(Fail::new(format!(
                "{} ended right after it started. Its last lines:\n{}",
                record.name,
                process::tail(&record.log, LOG_LINES_SHOWN)
            ))
            .hint(format!("read {}", record.log.display())));
        }
        if Instant::now() > deadline {
            return Err(Fail::new(format!(
                "{} is not ready after {} s. Its last lines:\n{}",
                record.name,
                READY_WAIT_MAX.as_secs(),
                process::tail(&record.log, LOG_LINES_SHOWN)
            ))
            .hint(format!("read {}; `make down` stops what was started", record.log.display())));
        }
        tokio::time::sleep(POLL).await;
    }
}

/// Waits until a process accepts connections on all of its ports.
pub(crate) async fn listens(record: &Record, ports: &[u16]) -> Outcome<()> {
    let deadline = Instant::now() + READY_WAIT_MAX;
    for port in ports {
        while !accepts(*port).await {
            if !process::is_alive(record) || Instant::now() > deadline {
                return Err(Fail::new(format!(
                    "{} does not answer on port {port}. Its last lines:\n{}",
                    record.name,
                    process::tail(&record.log, LOG_LINES_SHOWN)
                ))
                .hint(format!("read {}", record.log.display())));
            }
            tokio::time::sleep(POLL).await;
        }
    }
    Ok(())
}

/// Waits until `condition` holds, as long as the process that must bring it about lives.
pub(crate) async fn holds(record: &Record, what: &str, condition: impl Fn() -> bool) -> Outcome<()> {
    let deadline = Instant::now() + READY_WAIT_MAX;
    while !condition() {
        if !process::is_alive(record) || Instant::now() > deadline {
            return Err(Fail::new(format!(
                "{} does not have {what}. Its last lines:\n{}",
                record.name,
                process::tail(&record.log, LOG_LINES_SHOWN)
            ))
            .hint(format!("read {}", record.log.display())));
        }
        tokio::time::sleep(POLL).await;
    }
    Ok(())
}

/// The status that an admin listener gives for `/readyz`, or none where nothing answers.
pub(crate) async fn probe(admin_port: u16) -> Option<u16> {
    tokio::time::timeout(PROBE_TIMEOUT, get_status(admin_port)).await.ok().flatten()
}

async fn get_status(port: u16) -> Option<u16> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.ok()?;
    let request = format!("GET /readyz HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.ok()?;
    let mut head = [0; 12];
    stream.read_exact(&mut head).await.ok()?;
    std::str::from_utf8(&head).ok()?.rsplit(' ').next()?.parse().ok()
}

/// Whether something accepts connections on a port.
pub(crate) async fn accepts(port: u16) -> bool {
    tokio::time::timeout(PROBE_TIMEOUT, TcpStream::connect(("127.0.0.1", port)))
        .await
        .is_ok_and(|made| made.is_ok())
}

const READY_WAIT_MAX: Duration = Duration::from_secs(60);
const PROBE_TIMEOUT: Duration = Duration::from_secs(2);
const POLL: Duration = Duration::from_millis(100);
const LOG_LINES_SHOWN: usize = 15;
