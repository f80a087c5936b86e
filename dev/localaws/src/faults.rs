//! Faults that a test injects, and the count of calls that arrived.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

/// How long a hanging call is held at most; a client that waits longer than this is itself at fault.
const MAX_HANG_S: u64 = 3600;
/// How many rules may be active at once.
const MAX_RULES: usize = 256;

/// One of the services.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Service {
    /// The object store.
    S3,
    /// The key service.
    Kms,
    /// Texts to telephones, which come on the key service's connections.
    Sns,
}

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum FaultKind {
    /// The answer comes this many milliseconds later.
    Latency {
        /// The delay in milliseconds.
        ms: u64,
    },
    /// The call is answered with this HTTP status and an internal error.
    Status {
        /// An HTTP status, usually 500 or 503.
        code: u16,
    },
    /// The call is refused as the service refuses a client that is too fast.
    Throttle,
    /// The call is accepted and never answered, as behind a half-open connection.
    Hang,
    /// The connection is cut with a TCP reset and no answer.
    Reset,
}

/// A rule: which calls go wrong, and how.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// The service the rule is for.
    pub service: Service,
    /// The operation, for example `Decrypt`; every operation when absent.
    #[serde(default)]
    pub operation: Option<String>,
    /// What happens.
    #[serde(flatten)]
    pub kind: FaultKind,
    /// How many calls it hits before the rule is used up; until cleared when absent.
    #[serde(default)]
    pub times: Option<u32>,
}

/// The faults and counters of one server; clones share them.
#[derive(Clone, Debug, Default)]
pub struct Faults {
    inner: Arc<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    rules: Mutex<Vec<Fault>>,
    calls: Mutex<BTreeMap<(Service, String), u64>>,
    s3_connections: AtomicU64,
    kms_connections: AtomicU64,
}

/// What is left to do to a call once delays are over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Injected {
    /// Answer as usual.
    Nothing,
    /// Answer with this status.
    Status(u16),
    /// Refuse as too fast.
    Throttle,
    /// Cut the connection.
    Reset,
}

impl Faults {
    /// Adds a rule; the first rule that matches a call is the one that acts. Beyond 256 rules the oldest is dropped.
    pub fn inject(&self, fault: Fault) {
        let mut rules = self.inner.rules.lock();
        if rules.len() >= MAX_RULES {
            rules.remove(0);
        }
        rules.push(fault);
    }

    /// Makes every S3 call go wrong in this way until cleared.
    pub fn s3(&self, kind: FaultKind) {
        self.inject(Fault { service: Service::S3, operation: None, kind, times: None });
    }

    /// Makes every KMS call go wrong in this way until cleared.
    pub fn kms(&self, kind: FaultKind) {
        self.inject(Fault { service: Service::Kms, operation: None, kind, times: None });
    }

    /// Makes every text go wrong in this way until cleared.
    pub fn sns(&self, kind: FaultKind) {
        self.inject(Fault { service: Service::Sns, operation: None, kind, times: None });
    }

    /// Removes all rules. Calls that hang already keep hanging until their client gives up.
    pub fn clear(&self) {
        self.inner.rules.lock().clear();
    }

    /// How often an operation was called, whether it succeeded or not.
    pub fn calls(&self, service: Service, operation: &str) -> u64 {
        self.inner.calls.lock().get(&(service, operation.to_owned())).copied().unwrap_or(0)
    }

    /// How often any operation of a service was called.
    pub fn total_calls(&self, service: Service) -> u64 {
        self.inner.calls.lock().iter().filter(|((s, _), _)| *s == service).map(|(_, n)| n).sum()
    }

    /// How many TCP connections a service has accepted.
    pub fn connections(&self, service: Service) -> u64 {
        self.connection_counter(service).load(Ordering::Relaxed)
    }

    /// Every operation that was called, with its count.
    pub(crate) fn all_calls(&self) -> BTreeMap<(Service, String), u64> {
        self.inner.calls.lock().clone()
    }

    pub(crate) fn count_connection(&self, service: Service) {
        self.connection_counter(service).fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a call and lets the first matching rule act on it; returns after any delay.
    pub(crate) async fn call(&self, service: Service, operation: &str) -> Injected {
        *self.inner.calls.lock().entry((service, operation.to_owned())).or_insert(0) += 1;
        match self.take(service, operation) {
            None => Injected::Nothing,
            Some(FaultKind::Latency { ms }) => {
                tokio::time::sleep(Duration::from_millis(ms)).await;
                Injected::Nothing
            }
            Some(FaultKind::Hang) => {
                tokio::time::sleep(Duration::from_secs(MAX_HANG_S)).await;
                Injected::Reset
            }
            Some(FaultKind::Status { code }) => Injected::Status(code),
            Some(FaultKind::Throttle) => Injected::Throttle,
            Some(FaultKind::Reset) => Injected::Reset,
        }
    }

    fn take(&self, service: Service, operation: &str) -> Option<FaultKind> {
        let mut rules = self.inner.rules.lock();
        let matches = |f: &Fault| {
            f.service == service && f.operation.as_deref().is_none_or(|wanted| wanted == operation)
        };
        let position = rules.iter().position(matches)?;
        let rule = rules.get_mut(position)?;
        let kind = rule.kind;
        if let Some(times) = rule.times.as_mut() {
            *times = times.saturating_sub(1);
            if *times == 0 {
                rules.remove(position);
            }
        }
        Some(kind)
    }

    fn connection_counter(&self, service: Service) -> &AtomicU64 {
        match service {
            Service::S3 => &self.inner.s3_connections,
            Service::Kms | Service::Sns => &self.inner.kms_connections,
        }
    }
}
