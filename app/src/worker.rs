//! The `worker` role: one region's jobs and the onboarding of its clinics.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use regions::admin::{Readiness, serve_admin};
use regions::clock::Clock;
use regions::directory::DirectoryHandle;
use regions::ids::ShardId;
use regions::log::{self, Field};
use regions::shutdown::{Shutdown, Trigger};
use tenancy::Regional;
use tenancy::audit_log::Sealer;
use tenancy::config::{RegionalConfig, ShardConfig};
use tokio::task::JoinSet;

use crate::audit::sealing;
use crate::backend::{bind_admin, follow, watch_directory};
use crate::config::WorkerConfig;
use crate::documents::scanner::Scanner;
use crate::erasure::job::Eraser;
use crate::jobs::mail::Mailer;
use crate::jobs::queue::{self, Jobs, QueueError};
use crate::jobs::sms::Texter;
use crate::onboarding::client::WorkClient;
use crate::onboarding::{self, Onboarding};
use crate::pins::{self, Pins};
use crate::role::{self, RoleError};
use crate::rotation::Rotator;
use crate::rotation::tell::Teller;
use crate::support::worker::SupportDesk;

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
        Box::pin(work_until(config, trigger, shutdown)).await
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
    let texter =
        Box::pin(Texter::new(&config.sms, config.region)).await.map_err(|error| failed("sms")(&error))?;
    let migrator = onboarding::migrator(&regional_config, &config.migrator)
        .await
        .map_err(|error| failed("connecting as migrator")(&error))?;
    let client = WorkClient::new(&config.directory).map_err(|error| failed("the work client")(&error))?;
    let readiness = Readiness::new(&["directory", pins::READY, "jobs"]);
    readiness.hold(pins::READY);
    let pins = Pins::default();
    let admin = bind_admin(config.admin_listen)?;
    let as_migrator = onboarding::as_migrator(&regional_config, &config.migrator);
    let rotator = rotator(&regional, &regional_config, &config, &directory).await?;
    let eraser =
        Eraser::connect(&as_migrator).await.map_err(|error| failed("opening the keeper of keys")(&error))?;
    let signers = sealers(&as_migrator, &clock).await?;
    let jobs = Arc::new(Jobs {
        regional: Arc::clone(&regional),
        directory: directory.clone(),
        base: config.base.clone(),
        public_port: config.public_port,
        mailer,
        texter,
        scanner: Scanner::new(&config.documents.scanner),
        signers,
        clock: clock.clone(),
        eraser: Some(eraser),
    });
    let queues = queues(&config, &jobs, &pins, &shutdown).await?;
    readiness.hold("jobs");

    let mut tasks = JoinSet::new();
    tasks.spawn(serve_admin(admin, readiness.clone(), shutdown.clone()));
    tasks.spawn(follow(config.directory.clone(), directory.clone(), shutdown.clone()));
    tasks.spawn(watch_directory(directory.clone(), readiness.clone(), shutdown.clone()));
    tasks.spawn(pins.clone().watch(Arc::clone(&regional), readiness.clone(), shutdown.clone()));
    let counted = Arc::clone(&regional);
    tasks.spawn(sealing::count_until_stopped(Arc::clone(&regional), shutdown.clone()));
    tasks.spawn(rotator.run(shutdown.clone()));
    tasks.spawn(teller(&as_migrator, &client)?.run(shutdown.clone()));
    tasks.spawn(crate::pins::watch_kms(Arc::clone(&regional), readiness.clone(), shutdown.clone()));
    let support = SupportDesk {
        client: client.clone(),
        regional: Arc::clone(&regional),
        directory: directory.clone(),
        clock: clock.clone(),
        pinned: pins.clone(),
    };
    tasks.spawn(support.run(shutdown.clone()));
    let onboarding = Onboarding { client, regional, migrator, directory, clock, pinned: pins };
    tasks.spawn(onboarding.run(shutdown.clone()));
    tasks.spawn(async move { drop(trigger.on_signal().await) });
    log::info("started", &[Field::Port(config.admin_listen.port())]);

    shutdown.wait().await;
    readiness.fail("working");
    drain(queues).await;
    sealing::state_count(&counted).await;
    tasks.shutdown().await;
    log::info("stopped", &[]);
    Ok(())
}

/// What each shard has to be done for it: its jobs, and the sealing of its log.
async fn queues(
    config: &WorkerConfig,
    jobs: &Arc<Jobs>,
    pins: &Pins,
    shutdown: &Shutdown,
) -> Result<JoinSet<()>, RoleError> {
    let mut queues = JoinSet::new();
    for sealer in jobs.signers.values() {
        queues.spawn(sealing::seal_until_stopped(Arc::clone(sealer), pins.clone(), shutdown.clone()));
    }
    for shard in &config.regional.shards {
        let queue = Queue::open(shard.clone(), Arc::clone(jobs), config.jobs_max)
            .await
            .map_err(|error| RoleError::while_doing("opening the job queue", &error))?;
        queues.spawn(queue.run(pins.clone(), shutdown.clone()));
    }
    Ok(queues)
}

/// Lets the queues end what they are at.
async fn drain(mut queues: JoinSet<()>) {
    let drained = async { while queues.join_next().await.is_some() {} };
    if tokio::time::timeout(Duration::from_secs(DRAIN_MAX_S), drained).await.is_err() {
        log::warn("queue_not_drained", &[]);
    }
    queues.shutdown().await;
}

/// The sealer of each shard's audit log.
async fn sealers(
    as_migrator: &RegionalConfig,
    clock: &Clock,
) -> Result<HashMap<ShardId, Arc<Sealer>>, RoleError> {
    let mut sealers = HashMap::new();
    for shard in &as_migrator.shards {
        let sealer = Sealer::connect(as_migrator, shard.id, clock.clone())
            .await
            .map_err(|error| RoleError::while_doing("opening the audit log", &error))?;
        sealers.insert(shard.id, sealer);
    }
    Ok(sealers)
}

/// What goes on with rotations, on a connection of its own as the migrator.
async fn rotator(
    regional: &Arc<Regional>,
    regional_config: &RegionalConfig,
    config: &WorkerConfig,
    directory: &DirectoryHandle,
) -> Result<Rotator, RoleError> {
    let migrator = onboarding::migrator(regional_config, &config.migrator)
        .await
        .map_err(|error| RoleError::while_doing("connecting as migrator", &error))?;
    let keeper = onboarding::as_migrator(regional_config, &config.migrator);
    let rotator = Rotator::new(Arc::clone(regional), migrator, &keeper)
        .map_err(|error| RoleError::while_doing("opening the keeper", &error))?;
    Ok(Rotator { directory: Some(directory.clone()), ..rotator })
}

/// What tells the control plane of the region's keys.
fn teller(as_migrator: &RegionalConfig, client: &WorkClient) -> Result<Teller, RoleError> {
    Teller::new(as_migrator, client.clone())
        .map_err(|error| RoleError::while_doing("opening the keeper of keys", &error))
}

/// The job queue of one shard.
pub struct Queue {
    shard: ShardConfig,
    jobs: Arc<Jobs>,
    jobs_max: usize,
    /// Opened and not run yet.
    opened: Option<(graphile_worker::Worker, Trigger)>,
}

impl Queue {
    /// Opens a shard's queue.
    ///
    /// # Errors
    /// See [`QueueError`].
    pub async fn open(shard: ShardConfig, jobs: Arc<Jobs>, jobs_max: usize) -> Result<Queue, QueueError> {
        let mut queue = Queue { shard, jobs, jobs_max, opened: None };
        queue.opened = Some(queue.another().await?);
        Ok(queue)
    }

    async fn another(&self) -> Result<(graphile_worker::Worker, Trigger), QueueError> {
        let (trigger, stop) = Shutdown::new();
        let worker = queue::open(&self.shard, Arc::clone(&self.jobs), self.jobs_max, stop).await?;
        Ok((worker, trigger))
    }

    /// Runs jobs until the process stops. A database that goes away ends that for a moment; one that is not of this
    /// region ends it until a look finds everything in its place again.
    pub async fn run(mut self, pins: Pins, shutdown: Shutdown) {
        while !shutdown.is_triggered() {
            tokio::select! {
                () = shutdown.wait() => return,
                () = pins.held() => {}
            }
            let opened = match self.opened.take() {
                Some(opened) => Ok(opened),
                None => self.another().await,
            };
            let interrupted = match opened {
                Ok((worker, stop)) => run_until(&worker, stop, &pins, &shutdown).await.is_err(),
                Err(_logged) => true,
            };
            if interrupted {
                log::warn("queue_interrupted", &[Field::Shard(self.shard.id)]);
                tokio::select! {
                    () = shutdown.wait() => {}
                    () = tokio::time::sleep(Duration::from_millis(QUEUE_PAUSE_MS)) => {}
                }
            }
        }
    }
}

/// Runs a queue; when it is to stop, the jobs that are under way end first.
async fn run_until(
    worker: &graphile_worker::Worker,
    stop: Trigger,
    pins: &Pins,
    shutdown: &Shutdown,
) -> Result<(), Interrupted> {
    let running = worker.run();
    tokio::pin!(running);
    tokio::select! {
        ended = &mut running => return ended.map_err(|_may_quote_sql| Interrupted),
        () = shutdown.wait() => {}
        () = pins.lost() => {}
    }
    stop.trigger();
    running.await.map_err(|_may_quote_sql| Interrupted)
}

/// A queue ended that nobody had asked to.
struct Interrupted;
