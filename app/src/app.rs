//! What a backend holds while it runs: built once at start, shared by every request.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use regions::assertion::NonceCache;
use regions::clock::Clock;
use regions::directory::DirectoryHandle;
use regions::hosts::BaseDomain;
use regions::keyring::HmacKeyring;
use regions::region::RegionName;
use regions::trace::Tracer;
use tenancy::Regional;
use tenancy::keys::Keys;

use crate::access::Policy;
use crate::auth::password::PasswordPool;
use crate::config::SessionConfig;
use crate::documents::Passing;
use crate::middleware::limits::BodyLimits;
use crate::middleware::rate::RateLimits;
use crate::patients::name_index::NameIndexes;
use crate::pins::Pins;

/// The shared parts of one backend. There is one region in it and no way to a second.
pub struct App {
    /// The region this process serves.
    pub region: RegionName,
    /// The base domain under which clinics have their addresses.
    pub base: BaseDomain,
    /// The port clients see.
    pub public_port: u16,
    /// The region's data plane.
    pub regional: Arc<Regional>,
    /// Which clinic lives where.
    pub directory: DirectoryHandle,
    /// Time.
    pub clock: Clock,
    /// Keys that front doors sign assertions with.
    pub route_keys: HmacKeyring,
    /// Keys that this side signs receipts with.
    pub receipt_keys: HmacKeyring,
    /// Assertions of unsafe requests that were used.
    pub nonces: NonceCache,
    /// The bounded pool of password hashing.
    pub passwords: PasswordPool,
    /// How long sessions live.
    pub session: SessionConfig,
    /// How fast callers may ask.
    pub rates: RateLimits,
    /// How slow and how large bodies may be.
    pub bodies: BodyLimits,
    /// Names of patients in memory, for searches by the start of a name.
    pub names: NameIndexes,
    /// Who may do what, and about whom.
    pub policy: Policy,
    /// How many documents are on their way.
    pub passing: Passing,
    /// Whether what this process holds was of its region when it was last looked at.
    pub pinned: Pins,
    /// Whether this process was asked to stop: then each answer closes its connection, and front doors go to another backend.
    pub leaving: AtomicBool,
    /// Where spans go.
    pub tracer: Tracer,
}

impl App {
    /// The region's keys.
    #[must_use]
    pub fn keys(&self) -> &Arc<Keys> {
        self.regional.keys()
    }
}
