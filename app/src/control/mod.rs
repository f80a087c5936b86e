//! The `control` role: the platform API for people, the feed for processes, and nothing of a patient.
//!
//! Invariants: a tenant's region never changes; the directory's log only grows and each version is chained to all before
//! it; the only value of a person is the first administrator's address in an open onboarding task; this process has no
//! way to reach a region's data, it is the regions' processes that come here.

pub mod access;
pub mod admins;
pub mod api;
pub mod audit;
mod challenges;
pub mod contacts;
pub mod enrolments;
pub mod error;
pub mod feed;
pub mod geography;
pub mod keys;
pub mod ledger;
pub mod listen;
pub mod log;
pub mod migrations;
pub mod passkeys;
pub mod routes;
pub mod rules;
pub mod sessions;
pub mod store;
pub mod support;
pub mod support_feed;
pub mod tables;
pub mod tasks;
pub mod tenants;
pub mod work;

use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::Server;
use actix_web::middleware::from_fn;
use actix_web::web::Data;
use actix_web::{App, HttpServer};
use regions::admin::{Readiness, serve_admin};
use regions::clock::Clock;
use regions::directory::Signer;
use regions::log::Field;
use regions::shutdown::Shutdown;
use regions::tls::{self, SniResolver};
use tokio::sync::watch;
use uuid::Uuid;

use crate::auth::passkey::ceremony::Site;
use crate::auth::password::{PasswordPool, PoolLimits};
use crate::config::{ControlConfig, SignInWays};
use crate::middleware::rate::AddressLimit;
use crate::portal::{self, PageValues, Portal};
use crate::role::{self, RoleError};
use contacts::Contacts;
use error::ControlError;
use ledger::Ledger;
use listen::Listener;
use store::Store;

/// Threads of the platform API: a few people use it.
const PLATFORM_THREADS: usize = 1;
/// Threads of the feed: it answers from memory.
const FEED_THREADS: usize = 1;
/// Most open connections of the platform API.
const PLATFORM_CONNECTIONS_MAX: usize = 256;
/// Most open connections of the feed, each a process of the platform.
const FEED_CONNECTIONS_MAX: usize = 4_096;
/// Time for a request head to arrive, in milliseconds.
const HEAD_MAX_MS: u64 = 5_000;
/// Time for running requests to end when the process stops, in seconds.
const STOP_MAX_S: u64 = 5;
/// Password hashes at once and waiting.
const PASSWORDS: PoolLimits = PoolLimits { running_max: 1, waiting_max: 8 };

/// What every handler works with.
pub struct Control {
    /// The control database.
    pub store: Store,
    /// The bounded password pool.
    pub passwords: PasswordPool,
    /// The verified directory.
    pub ledger: Arc<Ledger>,
    /// How the regions are, by what their processes say when they come.
    pub contacts: Arc<Contacts>,
    /// Counted up whenever there may be new work.
    pub work: watch::Sender<u64>,
    /// Origins whose pages may change something; the first is the console's own, where passkeys are made and used.
    pub origins: Vec<String>,
    /// How administrators sign in.
    pub sign_in: SignInWays,
    /// How fast one address may ask the platform API.
    pub floods: AddressLimit,
    /// The only host that the platform API answers on.
    pub host: String,
    /// The time.
    pub clock: Clock,
    /// Ends long polls when the process stops.
    pub shutdown: Shutdown,
}

impl Control {
    /// Looks at the directory's log before something is changed or work is given. A database that was put back to an
    /// older state is not the one that changes belong into, and the work it lists may have been done long ago.
    ///
    /// # Errors
    /// [`ControlError::Tampered`] or [`ControlError::Rule`] when the log does not continue what this process has
    /// verified, or whatever kept the database from answering.
    pub async fn check_log(&self) -> Result<(), ControlError> {
        self.ledger.catch_up(&self.store).await.map(drop)
    }

    /// Where passkeys belong: the console's own origin and this host.
    #[must_use]
    pub fn site(&self) -> Site<'_> {
        // Without an origin there is none that an answer could come from.
        Site { origin: self.origins.first().map_or("", String::as_str), rp_id: &self.host }
    }

    /// Takes the caller's own change into the feed before it is answered. When that fails the change stands all the same,
    /// and the listener tries again within its own time.
    pub async fn publish(&self) {
        if self.ledger.catch_up(&self.store).await.is_err() {
            regions::log::warn("control.publish_late", &[]);
        }
    }
}

/// The role's three bound addresses.
pub struct Listeners {
    platform: TcpListener,
    feed: TcpListener,
    admin: TcpListener,
}

/// Where the role listens.
#[derive(Debug, Clone, Copy)]
pub struct Addresses {
    /// The platform API.
    pub platform: SocketAddr,
    /// The feed.
    pub feed: SocketAddr,
    /// Health and metrics.
    pub admin: SocketAddr,
}

impl Listeners {
    /// Binds what the configuration names; port 0 takes a free one.
    ///
    /// # Errors
    /// A sentence that names the address in use.
    pub fn bind(config: &ControlConfig) -> Result<Self, RoleError> {
        let bind = |address: SocketAddr| {
            TcpListener::bind(address)
                .and_then(|listener| listener.set_nonblocking(true).map(|()| listener))
                .map_err(|error| RoleError::while_doing(&format!("listening on {address}"), &error))
        };
        Ok(Self {
            platform: bind(config.listen)?,
            feed: bind(config.feed_listen)?,
            admin: bind(config.admin_listen)?,
        })
    }

    /// The addresses, with the ports that were taken.
    ///
    /// # Errors
    /// When the operating system does not say.
    pub fn addresses(&self) -> Result<Addresses, RoleError> {
        let of = |listener: &TcpListener| {
            listener.local_addr().map_err(|error| RoleError::while_doing("reading an own address", &error))
        };
        Ok(Addresses { platform: of(&self.platform)?, feed: of(&self.feed)?, admin: of(&self.admin)? })
    }
}

/// Runs until asked to stop.
///
/// # Errors
/// A sentence for the operator.
pub fn run(path: &Path) -> Result<(), RoleError> {
    let config: ControlConfig = role::load(path)?;
    regions::log::init("control", None, Box::new(std::io::stdout()));
    role::runtime(0)?.block_on(async {
        let (trigger, shutdown) = Shutdown::new();
        let listeners = Listeners::bind(&config)?;
        tokio::select! {
            result = serve(&config, listeners, Clock::system(), shutdown) => result,
            Err(error) = trigger.on_signal() => Err(RoleError::while_doing("waiting for signals", &error)),
        }
    })
}

/// Serves on bound addresses until `shutdown`, then lets running requests end.
///
/// # Errors
/// A sentence for the operator. A log whose chain is broken is one of the reasons not to start.
pub async fn serve(
    config: &ControlConfig,
    listeners: Listeners,
    clock: Clock,
    shutdown: Shutdown,
) -> Result<(), RoleError> {
    // Boxed, because two servers and their start make a future too large to be moved about.
    Box::pin(serve_all(config, listeners, clock, shutdown)).await
}

async fn serve_all(
    config: &ControlConfig,
    listeners: Listeners,
    clock: Clock,
    shutdown: Shutdown,
) -> Result<(), RoleError> {
    let readiness = Readiness::new(&[listen::DATABASE, listen::DIRECTORY]);
    let at = listeners.addresses()?;
    let control = start(config, clock, shutdown.clone()).await?;
    let platform = platform_server(config, listeners.platform, Data::clone(&control))?;
    let feed = feed_server(config, listeners.feed, Data::clone(&control))?;
    let admin = tokio::net::TcpListener::from_std(listeners.admin)
        .map_err(|error| RoleError::while_doing("listening for health checks", &error))?;
    let listener = Listener {
        database: config.database.clone(),
        store: control.store.clone(),
        ledger: Arc::clone(&control.ledger),
        contacts: Arc::clone(&control.contacts),
        work: control.work.clone(),
        readiness: readiness.clone(),
    };
    let version = control.ledger.head().version;
    regions::log::info("started", &[Field::Port(at.admin.port()), Field::Version(version)]);
    let (stop_platform, stop_feed) = (platform.handle(), feed.handle());
    let stop = async {
        shutdown.wait().await;
        tokio::join!(stop_platform.stop(true), stop_feed.stop(true));
    };
    let (platform, feed, ..) = tokio::join!(
        platform,
        feed,
        stop,
        listener.run(shutdown.clone()),
        serve_admin(admin, readiness, shutdown.clone())
    );
    platform.and(feed).map_err(|error| RoleError::while_doing("serving", &error))
}

async fn start(config: &ControlConfig, clock: Clock, shutdown: Shutdown) -> Result<Data<Control>, RoleError> {
    let kid = config.signing.kid.parse().map_err(|_error| RoleError::new("signing.kid is not a key id"))?;
    let signer = Signer::from_pkcs8_file(kid, &config.signing.key_file)
        .map_err(|error| RoleError::while_doing("signing.key_file", &error))?;
    let store = Store::connect(&config.database, clock.clone())
        .await
        .map_err(|error| RoleError::while_doing("connecting", &error))?;
    let ledger = Ledger::load(&store, signer, clock.clone())
        .await
        .map_err(|error| RoleError::while_doing("reading the directory's log", &error))?;
    let passwords = PasswordPool::new(PASSWORDS)
        .map_err(|error| RoleError::while_doing("preparing password checks", &error))?;
    Ok(Data::new(Control {
        store,
        passwords,
        ledger,
        contacts: Contacts::new(clock.clone()),
        work: watch::Sender::new(0),
        origins: vec![config.public_url.trim_end_matches('/').to_owned()],
        sign_in: config.sign_in,
        floods: AddressLimit::new(config.limits.address_per_min),
        host: format!("control.{}", config.base),
        clock,
        shutdown,
    }))
}

fn platform_server(
    config: &ControlConfig,
    listener: TcpListener,
    control: Data<Control>,
) -> Result<Server, RoleError> {
    let resolver =
        SniResolver::load(std::slice::from_ref(&config.tls)).map_err(|error| tls_failed("tls", &error))?;
    let tls = tls::public_server(Arc::new(resolver), &[]).map_err(|error| tls_failed("tls", &error))?;
    let portal = Portal::of(config.portal_dir.as_deref())
        .map_err(|error| RoleError::while_doing("portal_dir", &error))?;
    let portal = Data::new(portal);
    let values = Data::new(PageValues(BTreeMap::from([("idle_s", sessions::IDLE_S.to_string())])));
    let server = HttpServer::new(move || {
        App::new()
            .app_data(Data::clone(&control))
            .app_data(Data::clone(&values))
            .wrap(from_fn(api::envelope))
            .configure(|service| portal::configure(service, &portal, portal::PLATFORM))
            .configure(routes::register)
    });
    let server = server
        .workers(PLATFORM_THREADS)
        .max_connections(PLATFORM_CONNECTIONS_MAX)
        .client_request_timeout(Duration::from_millis(HEAD_MAX_MS))
        .shutdown_timeout(STOP_MAX_S)
        .disable_signals()
        .listen_rustls_0_23(listener, tls)
        .map_err(|error| RoleError::while_doing("listening for the platform API", &error))?;
    Ok(server.run())
}

fn feed_server(
    config: &ControlConfig,
    listener: TcpListener,
    control: Data<Control>,
) -> Result<Server, RoleError> {
    let tls = tls::mutual_server(&config.feed_tls.identity(), &config.feed_tls.client_ca, &[])
        .map_err(|error| tls_failed("feed_tls", &error))?;
    let contacts = Arc::clone(&control.contacts);
    let server =
        HttpServer::new(move || App::new().app_data(Data::clone(&control)).configure(feed::register));
    let server = server
        .on_connect(move |connection, data| feed::remember_peer(&contacts, connection, data))
        .workers(FEED_THREADS)
        .max_connections(FEED_CONNECTIONS_MAX)
        .client_request_timeout(Duration::from_millis(HEAD_MAX_MS))
        .shutdown_timeout(STOP_MAX_S)
        .disable_signals()
        .listen_rustls_0_23(listener, tls)
        .map_err(|error| RoleError::while_doing("listening for the feed", &error))?;
    Ok(server.run())
}

fn tls_failed(field: &str, error: &tls::TlsError) -> RoleError {
    RoleError::while_doing(field, error)
}

/// A fresh id for a row, in the layout of a random UUID (RFC 9562 section 5.4).
fn random_uuid() -> Uuid {
    uuid::Builder::from_random_bytes(regions::random::bytes()).into_uuid()
}
