//! The `worker` role: one region's jobs and the onboarding of its clinics.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use regions::admin::{Readiness, serve_admin};
use regions::clock::Clock;
use regions::directory::DirectoryHandle;
use regions::log::{self, Field};
use regions::shutdown::{Shutdown, Trigger};
use tenancy::Regional;
use tokio::task::JoinSet;

use crate::backend::{bind, follow, watch_directory};
use crate::config::WorkerConfig;
use crate::jobs::mail::Mailer;
use crate::jobs::queue::{self, Jobs};
use crate::onboarding::client::WorkClient;
use crate::onboarding::{self, Onboarding};
use crate::role::{self, RoleError};

/// Time between two checks that database, keys and bucket are still this region's, in seconds.
const PINS_EVERY_S: u64 = 60;
/// Pause before a queue that ended with an error is run again, in milliseconds.
const QUEUE_PAUSE_MS: u64 = 1_000;
/// Time that the queues get to end after the shutdown, in seconds.
const DRAIN_MAX_S: u64 = 30;

/// Runs until asked to stop.
///
/// # Errors
/// A sentence for the operator.
pub fn run(config: &Path) -> Result<(), RoleError> {
    let config: WorkerConfig = role::load(config)?;
    log::init("worker", Some(config.region), Box::new(std::io::stdout()));
    role::runtime(0)?.block_on(async {
        let (trigger, shutdown) = Shutdown::new();
        work_until(config, trigger, shutdown).await
    })
}

async fn work_until(config: WorkerConfig, trigger: Trigger, shutdown: Shutdown) -> Result<(), RoleError> {
    let failed =
        |what: &'static str| move |error: &dyn std::error::Error| RoleError::while_doing(what, error);
    let clock = Clock::system();
    let directory = DirectoryHandle::new();
    let regional_config = config.regional.of(config.region);
    let regional = Regional::connect(&regional_config, clock.clone())
        .await
        .map_err(|error| failed("opening the region")(&error))?;
    let mailer = Mailer::new(&config.mail).map_err(|error| failed("mail")(&error))?;
    let migrator = onboarding::migrator(&regional_config, &config.migrator)
        .await
        .map_err(|error| failed("connecting as migrator")(&error))?;
    let client = WorkClient::new(&config.directory).map_err(|error| failed("the work client")(&error))?;
    let readiness = Readiness::new(&["directory", "pins", "jobs"]);
    readiness.hold("pins");
    let admin = bind(config.admin_listen)?;
    admin.set_nonblocking(true).map_err(|error| failed("the admin listener")(&error))?;
    let admin =
        tokio::net::TcpListener::from_std(admin).map_err(|error| failed("the admin listener")(&error))?;

    let jobs = Arc::new(Jobs {
        regional: Arc::clone(&regional),
        directory: directory.clone(),
        base: config.base.clone(),
        public_port: config.public_port,
        mailer,
        clock: clock.clone(),
    });
    let mut queues = JoinSet::new();
    for shard in &config.regional.shards {
        let worker = queue::open(shard, Arc::clone(&jobs), config.jobs_max, shutdown.clone())
            .await
            .map_err(|error| failed("opening the job queue")(&error))?;
        queues.spawn(run_queue(worker, shutdown.clone()));
    }
    readiness.hold("jobs");

    let mut tasks = JoinSet::new();
    tasks.spawn(serve_admin(admin, readiness.clone(), shutdown.clone()));
    tasks.spawn(follow(config.directory.clone(), directory.clone(), shutdown.clone()));
    tasks.spawn(watch_directory(directory.clone(), readiness.clone(), shutdown.clone()));
    tasks.spawn(watch_pins(Arc::clone(&regional), readiness.clone(), shutdown.clone()));
    tasks.spawn(Onboarding { client, regional, migrator, directory, clock }.run(shutdown.clone()));
    tasks.spawn(async move { drop(trigger.on_signal().await) });
    log::info("started", &[Field::Port(config.admin_listen.port())]);

    shutdown.wait().await;
    readiness.fail("working");
    let drained = async { while queues.join_next().await.is_some() {} };
    if tokio::time::timeout(Duration::from_secs(DRAIN_MAX_S), drained).await.is_err() {
        log::warn("queue_not_drained", &[]);
    }
    queues.shutdown().await;
    tasks.shutdown().await;
    log::info("stopped", &[]);
    Ok(())
}

/// Runs a queue until the process stops; a database that goes away ends it only for a moment.
async fn run_queue(worker: graphile_worker::Worker, shutdown: Shutdown) {
    while !shutdown.is_triggered() {
        if worker.run().await.is_err() {
            log::warn("queue_interrupted", &[]);
            tokio::select! {
                () = shutdown.wait() => {}
                () = tokio::time::sleep(Duration::from_millis(QUEUE_PAUSE_MS)) => {}
            }
        }
    }
}

async fn watch_pins(regional: Arc<Regional>, readiness: Readiness, shutdown: Shutdown) {
    let mut every = tokio::time::interval(Duration::from_secs(PINS_EVERY_S));
    every.tick().await;
    loop {
        tokio::select! {
            () = shutdown.wait() => return,
            _ = every.tick() => {}
        }
        match regional.check_pins().await {
            Ok(()) => readiness.hold("pins"),
            Err(_named_in_the_log_of_the_backend) => {
                log::security("pins_failed", &[]);
                readiness.fail("pins");
            }
        }
    }
}
