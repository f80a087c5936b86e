//! The `backend` role: one region's API behind a listener that only front doors may connect to.

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use actix_web::dev::Server;
use actix_web::{App as WebApp, HttpServer, middleware, web};
use regions::admin::{Readiness, serve_admin};
use regions::assertion::NonceCache;
use regions::clock::Clock;
use regions::directory::{DirectoryHandle, feed};
use regions::keyring::HmacKeyring;
use regions::log::{self, Field};
use regions::shutdown::{Shutdown, Trigger};
use regions::tls;
use regions::trace::Tracer;
use tenancy::Regional;
use tokio::task::JoinSet;

use crate::app::App;
use crate::audit::sealing;
use crate::auth::password::{PasswordPool, PoolLimits};
use crate::config::BackendConfig;
use crate::documents::Passing;
use crate::middleware::limits::BodyLimits;
use crate::middleware::rate::RateLimits;
use crate::oauth::well_known;
use crate::patients::name_index::NameIndexes;
use crate::pins::{self, Pins};
use crate::portal::{self, Portal};
use crate::role::{self, RoleError};
use crate::routes::{Route, Table};

/// Nonces of unsafe requests remembered at once: 40 seconds of 5,000 changes a second.
const NONCES_MAX: usize = 200_000;
/// Time between two sweeps of the names in memory, in seconds.
const SWEEP_EVERY_S: u64 = 60;
/// Time that requests under way get to end when the process stops, in seconds.
const DRAIN_MAX_S: u64 = 25;
/// Time for a request head to arrive, in seconds.
const HEAD_MAX_S: u64 = 5;
/// Time an idle connection of a front door is kept, in seconds.
const KEEP_ALIVE_S: u64 = 75;
/// Most connections a thread serves at once.
const CONNECTIONS_PER_THREAD_MAX: usize = 4_096;

/// Runs until asked to stop.
///
/// # Errors
/// A sentence for the operator.
pub fn run(config: &Path) -> Result<(), RoleError> {
    let config: BackendConfig = role::load(config)?;
    log::init("backend", Some(config.region), Box::new(std::io::stdout()));
    role::runtime(config.threads)?.block_on(async {
        let (trigger, shutdown) = Shutdown::new();
        Box::pin(serve_until(config, trigger, shutdown)).await
    })
}

async fn serve_until(config: BackendConfig, trigger: Trigger, shutdown: Shutdown) -> Result<(), RoleError> {
    let clock = Clock::system();
    let directory = DirectoryHandle::new();
    // What a request needs goes on until the last one is answered, not only until the signal.
    let (served_all, over) = Shutdown::new();
    let mut app = Box::pin(build(&config, clock, directory.clone())).await?;
    let (tracer, traces) = Tracer::start("backend", config.region, config.telemetry.as_ref(), over.clone())
        .map_err(|error| RoleError::while_doing("[telemetry]", &error))?;
    app.tracer = tracer;
    let app = web::Data::new(app);
    let tls = tls::mutual_server(&config.tls.identity(), &config.tls.client_ca, &[])
        .map_err(|error| RoleError::while_doing("the listener's certificate", &error))?;
    let readiness = Readiness::new(&["directory", pins::READY]);
    readiness.hold(pins::READY);
    let admin = bind_admin(config.admin_listen)?;
    let portal = Portal::of(config.portal_dir.as_deref())
        .map_err(|error| RoleError::while_doing("portal_dir", &error))?;
    let listener = bind(config.listen)?;
    let listening =
        listener.try_clone().map_err(|error| RoleError::while_doing("keeping the listener", &error))?;
    let server = Backend::new(app.clone())
        .with_portal(portal)
        .serve(listener, tls, config.threads)
        .map_err(|error| RoleError::while_doing("the listener", &error))?;
    let handle = server.handle();

    let mut tasks = JoinSet::new();
    tasks.spawn(serve_admin(admin, readiness.clone(), over.clone()));
    tasks.spawn(follow(config.directory.clone(), directory.clone(), over.clone()));
    tasks.spawn(watch_directory(directory, readiness.clone(), over.clone()));
    tasks.spawn(app.pinned.clone().watch(Arc::clone(&app.regional), readiness.clone(), over.clone()));
    tasks.spawn(pins::watch_kms(Arc::clone(&app.regional), readiness.clone(), over.clone()));
    tasks.spawn(sweep(app.clone(), over.clone()));
    tasks.spawn(sealing::count_until_stopped(Arc::clone(&app.regional), over));
    tasks.spawn(async move { drop(trigger.on_signal().await) });
    log::info("started", &[Field::Port(config.listen.port())]);

    let served = tokio::spawn(server);
    shutdown.wait().await;
    readiness.fail("serving");
    take_leave(&app, listening, config.drain_announce_ms).await;
    handle.stop(true).await;
    let ended = served.await;
    served_all.trigger();
    sealing::state_count(&app.regional).await;
    tasks.shutdown().await;
    drop(traces.await);
    log::info("stopped", &[]);
    match ended {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(RoleError::while_doing("serving", &error)),
        Err(error) => Err(RoleError::while_doing("serving", &error)),
    }
}

/// Takes no more connections, and says with every answer that this process goes, for as long as a front door keeps an idle
/// connection. A connection that this side closed instead may just have been given a change, which nobody may send a second time.
async fn take_leave(app: &App, listening: TcpListener, announce_ms: u64) {
    app.leaving.store(true, Ordering::Relaxed);
    // Whoever connects now is refused at once and asks another backend. Where a system does not know this of a socket that listens,
    // the stop that follows refuses them.
    let _refusing = rustix::net::shutdown(&listening, rustix::net::Shutdown::Read).is_ok();
    drop(listening);
    tokio::time::sleep(Duration::from_millis(announce_ms)).await;
}

/// Opens everything a backend holds, and checks that all of it is of the configured region.
///
/// # Errors
/// A sentence that names the field that is wrong.
pub async fn build(
    config: &BackendConfig,
    clock: Clock,
    directory: DirectoryHandle,
) -> Result<App, RoleError> {
    let keyring = |path: &Path, what: &str| {
        HmacKeyring::from_file(path).map_err(|error| RoleError::while_doing(what, &error))
    };
    let route_keys = keyring(&config.route.keys, "route.keys")?;
    let receipt_keys = keyring(&config.route.receipts, "route.receipts")?;
    let regional = Regional::connect(&config.regional.of(config.region), clock.clone())
        .await
        .map_err(|error| RoleError::while_doing("opening the region", &error))?;
    let limits =
        PoolLimits { running_max: config.passwords.running_max, waiting_max: config.passwords.waiting_max };
    let passwords =
        PasswordPool::new(limits).map_err(|error| RoleError::while_doing("the password pool", &error))?;
    Ok(App {
        region: config.region,
        base: config.base.clone(),
        public_port: config.public_port,
        regional,
        directory,
        clock,
        route_keys,
        receipt_keys,
        nonces: NonceCache::new(NONCES_MAX),
        passwords,
        session: config.session,
        rates: RateLimits::default(),
        bodies: BodyLimits::default(),
        names: NameIndexes::default(),
        policy: crate::access::Policy::default(),
        passing: Passing::default(),
        pinned: Pins::default(),
        leaving: AtomicBool::new(false),
        tracer: Tracer::off(),
    })
}

/// A backend that does not serve yet.
pub struct Backend {
    app: web::Data<App>,
    table: Table,
    portal: web::Data<Portal>,
}

impl Backend {
    /// A backend with the product's routes.
    #[must_use]
    pub fn new(app: web::Data<App>) -> Backend {
        Backend { app, table: Table::default(), portal: web::Data::new(Portal::none()) }
    }

    /// The same backend with a built portal.
    #[must_use]
    pub fn with_portal(mut self, portal: Portal) -> Backend {
        self.portal = web::Data::new(portal);
        self
    }

    /// The same backend with handlers of a test beside the product's: ones with the mistakes that the layers below them
    /// must survive. Nothing in the product calls this and no configuration leads here.
    #[must_use]
    pub fn with_routes(mut self, extra: &'static [Route]) -> Backend {
        self.table = Table::with(extra);
        self
    }

    /// The HTTP server over `listener`. It serves when the returned future is polled.
    ///
    /// # Errors
    /// When the listener cannot be used.
    pub fn serve(
        self,
        listener: TcpListener,
        tls: rustls::ServerConfig,
        threads: usize,
    ) -> std::io::Result<Server> {
        let Backend { app, table, portal } = self;
        let factory = move || {
            WebApp::new()
                .app_data(app.clone())
                .configure(|config| portal::configure(config, &portal, portal::CLINIC))
                .configure(well_known::configure)
                .configure(|config| table.configure(config))
                .wrap(middleware::from_fn(crate::middleware::edge))
        };
        let mut server = HttpServer::new(factory)
            .disable_signals()
            .shutdown_timeout(DRAIN_MAX_S)
            .client_request_timeout(Duration::from_secs(HEAD_MAX_S))
            .keep_alive(Duration::from_secs(KEEP_ALIVE_S))
            .max_connections(CONNECTIONS_PER_THREAD_MAX);
        if threads > 0 {
            server = server.workers(threads);
        }
        Ok(server.listen_rustls_0_23(listener, tls)?.run())
    }
}

/// A listening socket, with a sentence when the port is taken.
///
/// # Errors
/// When it cannot be had.
pub fn bind(address: SocketAddr) -> Result<TcpListener, RoleError> {
    TcpListener::bind(address)
        .map_err(|error| RoleError::while_doing(&format!("listening on {address}"), &error))
}

/// The listening socket of the admin server.
///
/// # Errors
/// When it cannot be had.
pub fn bind_admin(address: SocketAddr) -> Result<tokio::net::TcpListener, RoleError> {
    let failed = |error: std::io::Error| RoleError::while_doing("the admin listener", &error);
    let listener = bind(address)?;
    listener.set_nonblocking(true).map_err(failed)?;
    tokio::net::TcpListener::from_std(listener).map_err(failed)
}

/// Follows the directory until the process stops.
pub async fn follow(config: feed::FeedConfig, directory: DirectoryHandle, shutdown: Shutdown) {
    if let Err(error) = feed::run(config, directory, shutdown).await {
        drop(error);
        log::error("directory_feed_not_started", &[]);
    }
}

/// Becomes ready with the first directory.
pub async fn watch_directory(directory: DirectoryHandle, readiness: Readiness, shutdown: Shutdown) {
    let mut version = directory.subscribe();
    tokio::select! {
        () = shutdown.wait() => {}
        seen = version.wait_for(|version| *version > 0) => {
            if seen.is_ok() {
                readiness.hold("directory");
            }
        }
    }
}

/// Drops names that nobody has searched for a while, until the process stops.
async fn sweep(app: web::Data<App>, shutdown: Shutdown) {
    let mut every = tokio::time::interval(Duration::from_secs(SWEEP_EVERY_S));
    loop {
        tokio::select! {
            () = shutdown.wait() => return,
            _ = every.tick() => app.names.sweep().await,
        }
    }
}
