//! Runs a shard's job queue (`graphile_worker`) on connections of its own.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use deadpool_postgres::{Manager, ManagerConfig, Pool, RecyclingMethod, Runtime};
use graphile_worker::{IntoTaskHandlerResult, TaskHandler, Worker, WorkerContext, WorkerOptions};
use regions::clock::Clock;
use regions::directory::DirectoryHandle;
use regions::hosts::BaseDomain;
use regions::log::{self, Field};
use regions::shutdown::Shutdown;
use serde::{Deserialize, Serialize};
use tenancy::config::ShardConfig;
use tenancy::{JobPayload, Regional};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::mail::Mailer;
use super::send_invitation;

/// Connections of the queue itself, a shard.
const CONNECTIONS_MAX: usize = 3;
/// Longest time until a new job is noticed, in milliseconds.
const POLL_MS: u64 = 500;
/// Time that running jobs get to end when the process stops, in milliseconds.
const GRACE_MS: u64 = 20_000;
/// Longest time to connect, in milliseconds.
const CONNECT_MS: u64 = 5_000;

/// What jobs work with. All of it is of one region.
pub struct Jobs {
    /// The region's data plane.
    pub regional: Arc<Regional>,
    /// Which clinic lives where.
    pub directory: DirectoryHandle,
    /// The base domain under which clinics have their addresses.
    pub base: BaseDomain,
    /// The port clients see.
    pub public_port: u16,
    /// How mail leaves.
    pub mailer: Mailer,
    /// Time.
    pub clock: Clock,
}

/// What a job finds in its context.
#[derive(Clone)]
struct Shared(Arc<Jobs>);

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Jobs")
    }
}

/// Why a queue cannot be run.
#[derive(Debug, thiserror::Error)]
pub enum QueueError {
    /// The password file cannot be read.
    #[error("cannot read {path}")]
    Password {
        /// Which file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// The authority's certificate cannot be used.
    #[error(transparent)]
    Tls(#[from] regions::tls::TlsError),
    /// The pool or the queue's schema is not usable; `domicile migrate` may not have run.
    #[error("the job queue of shard {shard} cannot be opened")]
    Open {
        /// Which shard.
        shard: u16,
    },
}

/// The payload of every job as the queue stores it.
#[derive(Serialize, Deserialize)]
#[serde(transparent)]
struct SendInvitation(JobPayload);

impl TaskHandler for SendInvitation {
    const IDENTIFIER: &'static str = super::SEND_INVITATION;

    async fn run(self, context: WorkerContext) -> impl IntoTaskHandlerResult {
        // What is returned as an error is stored with the job: a code, never text.
        let Some(Shared(jobs)) = context.get_ext::<Shared>() else { return Err("no_context") };
        let attempt = u32::from(context.job().attempts().unsigned_abs());
        let result = send_invitation::run(jobs, &self.0).await;
        let fields =
            [Field::Job(super::SEND_INVITATION), Field::Attempt(attempt), Field::Tenant(self.0.tenant)];
        match result {
            Ok(()) => {
                log::info("job_done", &fields);
                Ok(())
            }
            Err(code) => {
                log::warn("job_failed", &[&fields[..], &[Field::Code(code)]].concat());
                Err(code)
            }
        }
    }
}

/// Opens a shard's queue.
///
/// # Errors
/// See [`QueueError`].
pub async fn open(
    shard: &ShardConfig,
    jobs: Arc<Jobs>,
    jobs_max: usize,
    shutdown: Shutdown,
) -> Result<Worker, QueueError> {
    let pool = pool(shard)?;
    let failed = QueueError::Open { shard: shard.id.0 };
    WorkerOptions::default()
        .database(pool)
        .schema("graphile_worker")
        .concurrency(jobs_max.max(1))
        .poll_interval(Duration::from_millis(POLL_MS))
        .listen_os_shutdown_signals(false)
        .shutdown_signal(async move { shutdown.wait().await })
        .shutdown_grace_period(Duration::from_millis(GRACE_MS))
        .add_extension(Shared(jobs))
        .define_job::<SendInvitation>()
        .init()
        .await
        .map_err(|_may_quote_sql| {
            log::error("queue_not_opened", &[Field::Shard(shard.id)]);
            failed
        })
}

fn pool(shard: &ShardConfig) -> Result<Pool, QueueError> {
    let password = std::fs::read_to_string(&shard.password_file)
        .map_err(|source| QueueError::Password { path: shard.password_file.clone(), source })?;
    let mut config = tokio_postgres::Config::new();
    config
        .host(&shard.host)
        .port(shard.port)
        .dbname(&shard.database)
        .user(&shard.user)
        .password(password.trim_end())
        .application_name("domicile-queue")
        .ssl_mode(tokio_postgres::config::SslMode::Require)
        .connect_timeout(Duration::from_millis(CONNECT_MS));
    let tls = MakeRustlsConnect::new(regions::tls::client(&shard.ca)?);
    let manager =
        Manager::from_config(config, tls, ManagerConfig { recycling_method: RecyclingMethod::Verified });
    Pool::builder(manager)
        .max_size(CONNECTIONS_MAX)
        .runtime(Runtime::Tokio1)
        .build()
        .map_err(|_cause| QueueError::Open { shard: shard.id.0 })
}
