//! Keeps a process's directory current: last good copy first, then the control plane's feed for as long as
//! the process runs.

use super::feed_client::{CallError, Connection, News, Source};
use super::handle::DirectoryHandle;
use super::keeper::{Keeper, Next};
use super::sign::{KeyError, Verifier};
use super::state::RefusedError;
use crate::clock::Clock;
use crate::log::{self, Field};
use crate::metrics;
use crate::random;
use crate::shutdown::Shutdown;
use crate::tls::{self, Identity, TlsError};
use bytes::Bytes;
use serde::Deserialize;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// How long the source is asked to hold an answer back when there is no news.
pub const POLL_WAIT_MS: u64 = 20_000;
/// First pause after a failure; it doubles, with jitter.
const BACKOFF_FIRST_MS: u32 = 100;
/// Longest pause after a failure.
pub const BACKOFF_MAX_MS: u32 = 5_000;

/// Least time between two refreshes that were asked for, and between two answers without news.
const REFRESH_PAUSE: Duration = Duration::from_millis(100);

/// Where the directory comes from: the `[directory]` part of a configuration.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FeedConfig {
    /// `https://host:port` of the control plane's feed.
    pub url: String,
    /// The authority that the feed's certificate must be of.
    pub ca: PathBuf,
    /// This process's certificate chain; its common name says who it is.
    pub cert: PathBuf,
    /// Its key.
    pub key: PathBuf,
    /// The name that the feed's certificate must have.
    pub server_name: String,
    /// Public keys that may sign the directory, as `kid:base64`.
    pub keys: Vec<String>,
    /// The last good copy.
    pub file: PathBuf,
}

/// Why the feed cannot start. What goes wrong later is retried for ever.
#[derive(Debug, thiserror::Error)]
pub enum FeedError {
    /// The address or server name is not usable.
    #[error("directory.url must be https://host:port, and directory.server_name a DNS name")]
    Address,
    /// A public key is not usable.
    #[error("directory.keys: {0}")]
    Keys(#[from] KeyError),
    /// The certificates are not usable.
    #[error("directory.ca, cert or key: {0}")]
    Tls(#[from] TlsError),
}

/// Runs until shutdown. The last good copy is loaded before the first call, so that a process starts without
/// the control plane; a copy that does not verify is left alone and reported.
///
/// # Errors
/// Only for a configuration that cannot work.
pub async fn run(
    config: FeedConfig,
    directory: DirectoryHandle,
    shutdown: Shutdown,
) -> Result<(), FeedError> {
    let verifier = Verifier::new(&config.keys)?;
    let identity = Identity { cert: config.cert.clone(), key: config.key.clone() };
    let tls = tls::mutual_client(&identity, &config.ca, &["http/1.1"])?;
    let source = Source::new(&config.url, &config.server_name, tls).ok_or(FeedError::Address)?;
    let keeper = Arc::new(Keeper::new(config.file, verifier, directory.clone()));
    let feed = Feed { source, keeper, directory, clock: Clock::system() };
    // An error means that the runtime is stopping, which the wait below then sees.
    let load = |keeper: &Keeper| {
        keeper.load_last_good();
        Ok(())
    };
    drop(feed.off_the_runtime(load).await);
    tokio::select! {
        () = shutdown.wait() => Ok(()),
        () = feed.follow() => Ok(()),
    }
}

struct Feed {
    source: Source,
    keeper: Arc<Keeper>,
    directory: DirectoryHandle,
    clock: Clock,
}

/// Why a connection was given up.
#[derive(Debug, thiserror::Error)]
enum Ended {
    #[error(transparent)]
    Call(#[from] CallError),
    #[error(transparent)]
    Refused(#[from] RefusedError),
}

impl Feed {
    /// Follows the source for ever.
    async fn follow(&self) {
        let mut failures = 0_u32;
        let mut asked_now = false;
        loop {
            let ended = tokio::select! {
                ended = self.converse(asked_now, &mut failures) => ended,
                // A fresh connection, so that a refresh does not hang on a dead one.
                () = self.refresh_wanted(asked_now) => {
                    asked_now = true;
                    continue;
                }
            };
            asked_now = false;
            self.report(&ended, failures);
            failures = failures.saturating_add(1);
            tokio::time::sleep(REFRESH_PAUSE).await;
            tokio::select! {
                () = tokio::time::sleep(backoff(failures)) => {}
                () = self.directory.refresh_asked() => asked_now = true,
            }
        }
    }

    /// Returns when a refresh is wanted. A refresh that is under way is not interrupted by the next, and two
    /// are some time apart: a backend that calls everybody out of date does not make the control plane busy.
    async fn refresh_wanted(&self, under_way: bool) {
        if under_way {
            self.directory.until_refreshed().await;
            tokio::time::sleep(REFRESH_PAUSE).await;
        }
        self.directory.refresh_asked().await;
    }

    /// One connection's life; it ends with the reason for giving it up.
    async fn converse(&self, asked_now: bool, failures: &mut u32) -> Ended {
        match self.try_converse(asked_now, failures).await {
            Ok(never) => match never {},
            Err(ended) => ended,
        }
    }

    async fn try_converse(
        &self,
        asked_now: bool,
        failures: &mut u32,
    ) -> Result<std::convert::Infallible, Ended> {
        let mut connection = self.source.connect().await?;
        let mut wait_ms = if asked_now { 0 } else { POLL_WAIT_MS };
        loop {
            let before = self.directory.head();
            match before {
                None => self.take_snapshot(&mut connection).await?,
                Some(head) => match connection.news(head.version, wait_ms).await? {
                    News::Nothing => {}
                    News::TakeSnapshot => self.take_snapshot(&mut connection).await?,
                    News::Delta(delta) => self.take_delta(&mut connection, delta).await?,
                },
            }
            *failures = 0;
            wait_ms = POLL_WAIT_MS;
            metrics::DIRECTORY_CONTACT.set(i64::try_from(self.clock.now_unix_s()).unwrap_or(i64::MAX));
            self.directory.refreshed();
            if self.directory.head() == before {
                // A source that answers at once, again and again, without news is broken; it is not made busy.
                tokio::time::sleep(REFRESH_PAUSE).await;
            }
        }
    }

    async fn take_snapshot(&self, connection: &mut Connection) -> Result<(), Ended> {
        let snapshot = connection.snapshot().await?;
        self.off_the_runtime(move |keeper| keeper.take_snapshot(&snapshot)).await
    }

    async fn take_delta(&self, connection: &mut Connection, delta: Bytes) -> Result<(), Ended> {
        match self.off_the_runtime(move |keeper| keeper.take_delta(&delta)).await? {
            Next::News => Ok(()),
            Next::Snapshot => self.take_snapshot(connection).await,
        }
    }

    /// Verifying a large message takes seconds and writing it waits for the disk; other tasks of the runtime
    /// go on meanwhile.
    async fn off_the_runtime<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Keeper) -> Result<T, RefusedError> + Send + 'static,
    ) -> Result<T, Ended> {
        let keeper = self.keeper.clone();
        let done = tokio::task::spawn_blocking(move || work(&keeper)).await;
        Ok(done.ok().ok_or(CallError("runtime"))??)
    }

    /// Reports a failure once a streak, a refusal always.
    fn report(&self, ended: &Ended, failures: u32) {
        match ended {
            Ended::Refused(refused) => log::security("directory_refused", &[Field::Code(refused.code())]),
            Ended::Call(CallError(code)) => {
                metrics::FEED_FAILURES.with_label_values(&[code]).inc();
                if failures == 0 {
                    log::warn("directory_feed_lost", &[Field::Code(code)]);
                }
            }
        }
    }
}

/// Between half and the whole of the doubled pause, so that processes that lost the feed together come back
/// apart.
fn backoff(failures: u32) -> Duration {
    let doubled = BACKOFF_FIRST_MS.saturating_mul(1_u32.checked_shl(failures.min(16)).unwrap_or(u32::MAX));
    let whole_ms = doubled.min(BACKOFF_MAX_MS);
    Duration::from_millis(u64::from(whole_ms / 2 + random::up_to(whole_ms / 2)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_stay_below_their_limit() {
        for failures in 0..100 {
            let pause_ms = backoff(failures).as_millis();
            assert!(
                (100..=u128::from(BACKOFF_MAX_MS)).contains(&pause_ms) || failures == 0,
                "{failures}: {pause_ms}"
            );
        }
        assert!(backoff(1).as_millis() <= 200 && backoff(50).as_millis() >= 2_500);
    }
}
