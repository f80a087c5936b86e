//! One stop signal for a whole process: a trigger, and any number of places that wait for it.

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// Stops the process when pulled or dropped.
#[derive(Debug)]
pub struct Trigger(watch::Sender<bool>);

/// Waits for the stop. Cloning is cheap; it works on any runtime.
#[derive(Clone, Debug)]
pub struct Shutdown(watch::Receiver<bool>);

impl Shutdown {
    /// A trigger and the waiting side of it.
    pub fn new() -> (Trigger, Self) {
        let (sender, receiver) = watch::channel(false);
        (Trigger(sender), Self(receiver))
    }

    /// Returns once the trigger was pulled or dropped; at once if that has happened already.
    pub async fn wait(&self) {
        // An error means that the trigger is gone, which stops the process too: nobody is left to stop it
        // later.
        drop(self.0.clone().wait_for(|stopped| *stopped).await);
    }

    /// Whether the stop was asked for.
    pub fn is_triggered(&self) -> bool {
        *self.0.borrow() || self.0.has_changed().is_err()
    }
}

impl Trigger {
    /// Asks everything that waits to stop. Pulling twice is harmless.
    pub fn trigger(&self) {
        self.0.send_replace(true);
    }

    /// Pulls the trigger on the first SIGTERM or SIGINT.
    ///
    /// # Errors
    /// When the process may not install signal handlers.
    pub async fn on_signal(self) -> std::io::Result<()> {
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        self.trigger();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn every_clone_sees_the_stop_before_and_after_it() {
        let (trigger, shutdown) = Shutdown::new();
        let waiting = tokio::spawn({
            let shutdown = shutdown.clone();
            async move { shutdown.wait().await }
        });
        assert!(!shutdown.is_triggered());
        trigger.trigger();
        waiting.await.unwrap();
        shutdown.wait().await;
        assert!(shutdown.is_triggered());
    }

    #[tokio::test]
    async fn a_lost_trigger_stops_too() {
        let (trigger, shutdown) = Shutdown::new();
        drop(trigger);
        shutdown.wait().await;
        assert!(shutdown.is_triggered());
    }
}
