//! Listening to the control database: a change made by any process reaches this one's feed at once.

use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::poll_fn;
use futures_util::{StreamExt as _, TryStreamExt as _};
use regions::admin::Readiness;
use regions::log::{self, Field};
use regions::shutdown::Shutdown;
use tenancy::config::DbConfig;
use tokio::sync::{mpsc, watch};
use tokio_postgres::{AsyncMessage, Client};

use super::contacts::Contacts;
use super::error::ControlError;
use super::ledger::Ledger;
use super::store::{self, Store};

/// How often the log is looked at without being told, in milliseconds: the bound if a notification is lost.
const LOOK_MS: u64 = 2_000;
/// Pause before the connection is tried again, in milliseconds.
const RETRY_MS: u64 = 500;
/// Notifications that wait to be looked at; more say nothing new.
const WAITING_MAX: usize = 16;
/// The readiness condition that the control database answers.
pub const DATABASE: &str = "control_database";
/// The readiness condition that the log continues what was verified.
pub const DIRECTORY: &str = "directory_log";

const LISTEN: &str = "listen platform_directory; listen platform_work; listen platform_contacts;";
/// Tells the other processes of the control plane what this one heard of the regions.
const TELL: &str = "select pg_notify('platform_contacts', word) from unnest($1::text[]) as word";

/// What the loop works with.
pub struct Listener {
    /// The control database.
    pub database: DbConfig,
    /// Its pool.
    pub store: Store,
    /// The directory that follows the log.
    pub ledger: Arc<Ledger>,
    /// What was heard of the regions, here and by the other processes of the control plane.
    pub contacts: Arc<Contacts>,
    /// Counted up whenever there may be new work.
    pub work: watch::Sender<u64>,
    /// What `/readyz` says.
    pub readiness: Readiness,
}

/// What was heard.
enum Heard {
    Directory,
    Work,
}

impl Listener {
    /// Listens until the process stops; reconnects for ever, because the feed goes on without the database.
    pub async fn run(self, shutdown: Shutdown) {
        loop {
            tokio::select! {
                () = shutdown.wait() => return,
                () = self.once() => {}
            }
            self.readiness.fail(DATABASE);
            tokio::select! {
                () = shutdown.wait() => return,
                () = tokio::time::sleep(Duration::from_millis(RETRY_MS)) => {}
            }
        }
    }

    /// One connection, until it breaks.
    async fn once(&self) {
        let Ok((client, mut connection)) = store::open(&self.database).await else {
            log::warn("control.listen_failed", &[Field::Code("connect")]);
            return;
        };
        let (heard_sender, mut heard) = mpsc::channel(WAITING_MAX);
        let driver = async move {
            let mut messages = poll_fn(move |cx| connection.poll_message(cx)).into_stream();
            while let Some(Ok(message)) = messages.next().await {
                if let AsyncMessage::Notification(notification) = message {
                    let what = match notification.channel() {
                        "platform_contacts" => {
                            self.contacts.told(notification.payload());
                            continue;
                        }
                        "platform_work" => Heard::Work,
                        _ => Heard::Directory,
                    };
                    // A full queue already holds a wake-up, and each looks at everything.
                    let _queued = heard_sender.try_send(what);
                }
            }
        };
        let reader = async {
            if client.batch_execute(LISTEN).await.is_err() {
                return;
            }
            // Whatever happened before the subscription was in place is found by looking once.
            self.work.send_modify(|count| *count = count.wrapping_add(1));
            while self.look().await {
                self.tell(&client).await;
                let pause = Duration::from_millis(LOOK_MS);
                match tokio::time::timeout(pause, heard.recv()).await {
                    Ok(None) => return,
                    Ok(Some(Heard::Work)) => self.work.send_modify(|count| *count = count.wrapping_add(1)),
                    Ok(Some(Heard::Directory)) | Err(_) => {}
                }
            }
        };
        tokio::select! {
            () = driver => log::warn("control.listen_failed", &[Field::Code("closed")]),
            () = reader => {}
        }
    }

    /// Tells what was heard of the regions since the last time. What does not arrive is out of date within a minute, when
    /// whoever said it says it again.
    async fn tell(&self, client: &Client) {
        let words = self.contacts.take_untold();
        if words.is_empty() {
            return;
        }
        let limit = Duration::from_millis(LOOK_MS);
        if !matches!(tokio::time::timeout(limit, client.execute(TELL, &[&words])).await, Ok(Ok(_))) {
            log::warn("control.contacts_not_told", &[]);
        }
    }

    /// Catches up with the log; false when the database did not answer.
    async fn look(&self) -> bool {
        match self.ledger.catch_up(&self.store).await {
            Ok(_head) => {
                self.readiness.hold(DATABASE);
                self.readiness.hold(DIRECTORY);
                true
            }
            Err(ControlError::Tampered(version)) => {
                log::security("directory.log_tampered", &[Field::Version(version)]);
                self.readiness.fail(DIRECTORY);
                true
            }
            Err(ControlError::Rule(rule)) => {
                log::security("directory.rule_broken", &[Field::Code(rule.code())]);
                self.readiness.fail(DIRECTORY);
                true
            }
            Err(_) => false,
        }
    }
}
