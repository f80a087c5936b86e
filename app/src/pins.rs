//! Whether what this process holds is still of its region: looked at each minute, and remembered between two looks.
//!
//! A finding outlives everything but its own refutation. A database that was found to be another region's and then does
//! not answer is still another region's; only a look that succeeds from beginning to end says otherwise.

use std::sync::Arc;
use std::time::Duration;

use regions::admin::Readiness;
use regions::log::{self, Field};
use regions::shutdown::Shutdown;
use tenancy::{BootError, Regional};
use tokio::sync::watch;

/// Time between two looks, in seconds.
const LOOK_EVERY_S: u64 = 60;
/// Time between two looks at KMS's breakers, in seconds.
const KMS_EVERY_S: u64 = 2;
/// The readiness condition.
pub const READY: &str = "pins";

/// What the last telling look found; clones share it.
#[derive(Clone)]
pub struct Pins(Arc<watch::Sender<bool>>);

impl Default for Pins {
    /// Held: a process that starts has just checked.
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(true)))
    }
}

impl Pins {
    /// Whether the process may work.
    #[must_use]
    pub fn are_held(&self) -> bool {
        *self.0.borrow()
    }

    /// Waits until the process may work; at once when it may.
    pub async fn held(&self) {
        self.until(true).await;
    }

    /// Waits until the process may not work; at once when it may not.
    pub async fn lost(&self) {
        self.until(false).await;
    }

    async fn until(&self, state: bool) {
        // The sender is here, so the channel cannot have closed.
        drop(self.0.subscribe().wait_for(|held| *held == state).await);
    }

    /// Has endless work done while the process may work: broken off when it may not, which the log is told as `stopped`, and begun
    /// anew when it may again. It does not end.
    pub async fn guard<F: Future<Output = ()>>(&self, stopped: &'static str, work: impl Fn() -> F) {
        loop {
            self.held().await;
            tokio::select! {
                () = self.lost() => log::security(stopped, &[Field::Code("pins")]),
                () = work() => {}
            }
        }
    }

    /// Takes what a look found.
    pub fn judge(&self, found: &Result<(), BootError>) {
        match found {
            Ok(()) => drop(self.0.send_replace(true)),
            Err(BootError::Pin { .. } | BootError::Setting { .. }) => drop(self.0.send_replace(false)),
            // A server that is away says nothing about where it is: what was known stays known.
            Err(BootError::File { .. } | BootError::Connect { .. } | BootError::Dependency { .. }) => {}
        }
    }

    /// Looks once.
    ///
    /// # Errors
    /// What the look found; it has been taken already.
    pub async fn look(&self, regional: &Regional) -> Result<(), BootError> {
        let found = regional.check_pins().await;
        self.judge(&found);
        found
    }

    /// Looks each minute until the process stops, and says so where operators look.
    pub async fn watch(self, regional: Arc<Regional>, readiness: Readiness, shutdown: Shutdown) {
        let mut every = tokio::time::interval(Duration::from_secs(LOOK_EVERY_S));
        every.tick().await;
        loop {
            tokio::select! {
                () = shutdown.wait() => return,
                _ = every.tick() => {}
            }
            match self.look(&regional).await {
                Ok(()) => readiness.hold(READY),
                Err(error) => {
                    log::security("pins_failed", &[Field::Code(code(&error))]);
                    readiness.fail(READY);
                }
            }
        }
    }
}

/// Says where operators look whether KMS is in trouble: the process stays ready, for the clinics whose keys it has.
pub async fn watch_kms(regional: Arc<Regional>, readiness: Readiness, shutdown: Shutdown) {
    let mut every = tokio::time::interval(Duration::from_secs(KMS_EVERY_S));
    loop {
        tokio::select! {
            () = shutdown.wait() => return,
            _ = every.tick() => {}
        }
        if regional.keys().is_degraded() {
            readiness.degrade("kms");
        } else {
            readiness.recover("kms");
        }
    }
}

fn code(error: &BootError) -> &'static str {
    match error {
        BootError::Pin { .. } => "pin",
        BootError::File { .. } => "file",
        BootError::Connect { .. } => "connect",
        BootError::Setting { .. } => "setting",
        BootError::Dependency { .. } => "dependency",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn away() -> Result<(), BootError> {
        Err(BootError::Connect { field: "shards", target: String::new(), reason: String::new() })
    }

    fn moved() -> Result<(), BootError> {
        Err(BootError::Pin { field: "region", expected: String::new(), found: String::new() })
    }

    #[tokio::test]
    async fn a_finding_is_refuted_by_a_whole_look_only() {
        let pins = Pins::default();
        pins.judge(&away());
        assert!(pins.are_held(), "a server that is away is not a server elsewhere");
        pins.judge(&moved());
        assert!(!pins.are_held());
        pins.judge(&away());
        assert!(!pins.are_held(), "and one that was elsewhere is not back because it is away");
        pins.lost().await;
        pins.judge(&Ok(()));
        assert!(pins.are_held());
        pins.held().await;
    }
}
