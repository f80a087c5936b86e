//! Runs a shard's job queue (`graphile_worker`) on connections of its own.

use std::collections::HashMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use deadpool_postgres::{Manager, ManagerConfig, Pool, RecyclingMethod, Runtime};
use graphile_worker::{
    Cron, IntoTaskHandlerResult, JobSpec, TaskHandler, Worker, WorkerContext, WorkerContextExt as _,
    WorkerOptions,
};
use regions::clock::Clock;
use regions::directory::{DirectoryHandle, TenantRecord, TenantState};
use regions::hosts::BaseDomain;
use regions::ids::ShardId;
use regions::log::{self, Field};
use regions::shutdown::Shutdown;
use serde::{Deserialize, Serialize};
use tenancy::audit_log::Sealer;
use tenancy::config::ShardConfig;
use tenancy::{JobPayload, Regional};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::mail::Mailer;
use super::sms::Texter;
use super::{
    clean_up, send_code, send_email_change, send_invitation, send_notice, send_phone_change, send_recovery,
    send_text,
};
use crate::audit::{pack, sealing};
use crate::break_glass::notice;
use crate::documents::intake;
use crate::documents::scanner::Scanner;
use crate::erasure;
use crate::erasure::job::Eraser;
use crate::oauth;
use crate::support::tell;

/// Connections of the queue itself, a shard.
const CONNECTIONS_MAX: usize = 3;
/// Longest time until a new job is noticed, in milliseconds.
const POLL_MS: u64 = 500;
/// Time that running jobs get to end when the process stops, in milliseconds.
const GRACE_MS: u64 = 20_000;
/// Time between two signs of life of a queue, and between two looks for those that gave none, in milliseconds.
const HEARTBEAT_MS: u64 = 3_000;
/// Silence after which a queue's process counts as dead, in milliseconds.
const DEAD_AFTER_MS: u64 = 15_000;
/// Longest time to connect, in milliseconds.
const CONNECT_MS: u64 = 5_000;

/// Minute of the hour at which the clean-up begins.
const CLEAN_UP_MINUTE: u32 = 17;
/// Minute of the hour at which the audit log in the archive is checked.
const CHECK_MINUTE: u32 = 47;
/// Hour and minute of the day (UTC) at which packs of the audit log are looked for.
const PACK_AT: (u32, u32) = (2, 37);
/// Clinics whose job is enqueued in one statement.
const CLINICS_PER_STATEMENT_MAX: usize = 200;
/// Priority of what is done for every clinic; the queue takes smaller numbers first, and mail has 0.
const FOR_ALL_PRIORITY: i16 = 10;

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
    /// How texts leave.
    pub texter: Texter,
    /// Who looks for malware in documents.
    pub scanner: Scanner,
    /// Who signs packs of a shard's audit log and checks the log; without one none is made and nothing checked.
    pub signers: HashMap<ShardId, Arc<Sealer>>,
    /// Time.
    pub clock: Clock,
    /// What erases patients; only a process that was given the keeper's and the signer's rights has it.
    pub eraser: Option<Eraser>,
}

impl Jobs {
    /// The clinic of a job, which may be here before the directory's news; `None` when it is not this region's.
    ///
    /// # Errors
    /// A code when the directory does not know it.
    pub(crate) async fn tenant(
        &self,
        payload: &JobPayload,
        job: &'static str,
    ) -> Result<Option<TenantRecord>, &'static str> {
        if self.directory.tenant(payload.tenant).is_none() {
            self.directory.refresh_now().await;
        }
        let record = self.directory.tenant(payload.tenant).ok_or("directory.no_tenant")?;
        if record.region != self.regional.region() {
            log::security("job_of_other_region", &[Field::Tenant(record.id), Field::Job(job)]);
            return Ok(None);
        }
        Ok(Some(record))
    }

    /// Where the clinic's pages are, as a letter names it.
    ///
    /// # Errors
    /// A code when the directory does not know the clinic's region.
    pub(crate) fn origin(&self, record: &TenantRecord) -> Result<String, &'static str> {
        let region = self.directory.region(record.region).ok_or("directory.no_region")?;
        let host = self.base.tenant_host(&record.slug, &region.region.code);
        Ok(match self.public_port {
            443 => format!("https://{host}"),
            port => format!("https://{host}:{port}"),
        })
    }

    /// The clinics that live on a shard.
    fn clinics(&self, shard: ShardId) -> Vec<JobPayload> {
        let directory = self.directory.read();
        let Some(directory) = directory.as_ref() else { return Vec::new() };
        let table = directory.table();
        let here = table.ids().filter_map(|id| table.tenant(&id)).filter(|record| {
            record.region == self.regional.region()
                && record.shard == shard
                && record.state != TenantState::Offboarded
        });
        here.map(|record| JobPayload::new(record.id)).collect()
    }
}

/// What a job finds in its context.
#[derive(Clone)]
struct Shared {
    jobs: Arc<Jobs>,
    shard: ShardId,
}

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
        let Some(Shared { jobs, .. }) = context.get_ext::<Shared>() else { return Err("no_context") };
        let result = send_invitation::run(jobs, &self.0).await;
        logged(&context, &[Field::Job(super::SEND_INVITATION), Field::Tenant(self.0.tenant)], result)
    }
}

/// A notice to an account's owner.
#[derive(Serialize, Deserialize)]
#[serde(transparent)]
struct SendNotice(JobPayload);

impl TaskHandler for SendNotice {
    const IDENTIFIER: &'static str = super::SEND_NOTICE;

    async fn run(self, context: WorkerContext) -> impl IntoTaskHandlerResult {
        let Some(Shared { jobs, .. }) = context.get_ext::<Shared>() else { return Err("no_context") };
        // On the heap: the queue would otherwise keep room for it in every job's future.
        let result = Box::pin(send_notice::run(jobs, &self.0)).await;
        logged(&context, &[Field::Job(super::SEND_NOTICE), Field::Tenant(self.0.tenant)], result)
    }
}

/// Tells a clinic of emergency access.
#[derive(Serialize, Deserialize)]
#[serde(transparent)]
struct BreakGlassNotice(JobPayload);

impl TaskHandler for BreakGlassNotice {
    const IDENTIFIER: &'static str = super::BREAK_GLASS_NOTICE;

    async fn run(self, context: WorkerContext) -> impl IntoTaskHandlerResult {
        let Some(Shared { jobs, .. }) = context.get_ext::<Shared>() else { return Err("no_context") };
        let result = Box::pin(notice::run(jobs, &self.0)).await;
        logged(&context, &[Field::Job(super::BREAK_GLASS_NOTICE), Field::Tenant(self.0.tenant)], result)
    }
}

/// Tells a clinic that the platform's support asks.
#[derive(Serialize, Deserialize)]
#[serde(transparent)]
struct SupportNotice(JobPayload);

impl TaskHandler for SupportNotice {
    const IDENTIFIER: &'static str = super::SUPPORT_NOTICE;

    async fn run(self, context: WorkerContext) -> impl IntoTaskHandlerResult {
        let Some(Shared { jobs, .. }) = context.get_ext::<Shared>() else { return Err("no_context") };
        let result = Box::pin(tell::run(jobs, &self.0)).await;
        logged(&context, &[Field::Job(super::SUPPORT_NOTICE), Field::Tenant(self.0.tenant)], result)
    }
}

/// Tells a clinic that a program comes to patients' data.
#[derive(Serialize, Deserialize)]
#[serde(transparent)]
struct ProgramNotice(JobPayload);

impl TaskHandler for ProgramNotice {
    const IDENTIFIER: &'static str = super::PROGRAM_NOTICE;

    async fn run(self, context: WorkerContext) -> impl IntoTaskHandlerResult {
        let Some(Shared { jobs, .. }) = context.get_ext::<Shared>() else { return Err("no_context") };
        let result = Box::pin(oauth::tell::run(jobs, &self.0)).await;
        logged(&context, &[Field::Job(super::PROGRAM_NOTICE), Field::Tenant(self.0.tenant)], result)
    }
}

/// A document whose bytes have come.
#[derive(Serialize, Deserialize)]
#[serde(transparent)]
struct InspectDocument(JobPayload);

impl TaskHandler for InspectDocument {
    const IDENTIFIER: &'static str = super::INSPECT_DOCUMENT;

    async fn run(self, context: WorkerContext) -> impl IntoTaskHandlerResult {
        let Some(Shared { jobs, .. }) = context.get_ext::<Shared>() else { return Err("no_context") };
        // On the heap, as above.
        let result = Box::pin(intake::run(jobs, &self.0)).await;
        logged(&context, &[Field::Job(super::INSPECT_DOCUMENT), Field::Tenant(self.0.tenant)], result)
    }
}

/// The answer to a request to recover a password.
#[derive(Serialize, Deserialize)]
#[serde(transparent)]
struct SendRecovery(JobPayload);

impl TaskHandler for SendRecovery {
    const IDENTIFIER: &'static str = super::SEND_RECOVERY;

    async fn run(self, context: WorkerContext) -> impl IntoTaskHandlerResult {
        let Some(Shared { jobs, .. }) = context.get_ext::<Shared>() else { return Err("no_context") };
        let result = Box::pin(send_recovery::run(jobs, &self.0)).await;
        logged(&context, &[Field::Job(super::SEND_RECOVERY), Field::Tenant(self.0.tenant)], result)
    }
}

/// The erasure of one patient.
#[derive(Serialize, Deserialize)]
#[serde(transparent)]
struct ErasePatient(JobPayload);

impl TaskHandler for ErasePatient {
    const IDENTIFIER: &'static str = super::ERASE_PATIENT;

    async fn run(self, context: WorkerContext) -> impl IntoTaskHandlerResult {
        let Some(Shared { jobs, .. }) = context.get_ext::<Shared>() else { return Err("no_context") };
        let result = Box::pin(erasure::job::run(jobs, &self.0)).await;
        logged(&context, &[Field::Job(super::ERASE_PATIENT), Field::Tenant(self.0.tenant)], result)
    }
}

/// The answer to a request for a code to sign in with.
#[derive(Serialize, Deserialize)]
#[serde(transparent)]
struct SendCode(JobPayload);

impl TaskHandler for SendCode {
    const IDENTIFIER: &'static str = super::SEND_CODE;

    async fn run(self, context: WorkerContext) -> impl IntoTaskHandlerResult {
        let Some(Shared { jobs, .. }) = context.get_ext::<Shared>() else { return Err("no_context") };
        let result = Box::pin(send_code::run(jobs, &self.0)).await;
        logged(&context, &[Field::Job(super::SEND_CODE), Field::Tenant(self.0.tenant)], result)
    }
}

/// What is written to the addresses of a change.
#[derive(Serialize, Deserialize)]
#[serde(transparent)]
struct SendEmailChange(JobPayload);

impl TaskHandler for SendEmailChange {
    const IDENTIFIER: &'static str = super::SEND_EMAIL_CHANGE;

    async fn run(self, context: WorkerContext) -> impl IntoTaskHandlerResult {
        let Some(Shared { jobs, .. }) = context.get_ext::<Shared>() else { return Err("no_context") };
        let result = Box::pin(send_email_change::run(jobs, &self.0)).await;
        logged(&context, &[Field::Job(super::SEND_EMAIL_CHANGE), Field::Tenant(self.0.tenant)], result)
    }
}

/// What is sent to the telephones of a change.
#[derive(Serialize, Deserialize)]
#[serde(transparent)]
struct SendPhoneChange(JobPayload);

impl TaskHandler for SendPhoneChange {
    const IDENTIFIER: &'static str = super::SEND_PHONE_CHANGE;

    async fn run(self, context: WorkerContext) -> impl IntoTaskHandlerResult {
        let Some(Shared { jobs, .. }) = context.get_ext::<Shared>() else { return Err("no_context") };
        let result = Box::pin(send_phone_change::run(jobs, &self.0)).await;
        logged(&context, &[Field::Job(super::SEND_PHONE_CHANGE), Field::Tenant(self.0.tenant)], result)
    }
}

/// A notice at an owner's telephone.
#[derive(Serialize, Deserialize)]
#[serde(transparent)]
struct SendText(JobPayload);

impl TaskHandler for SendText {
    const IDENTIFIER: &'static str = super::SEND_TEXT;

    async fn run(self, context: WorkerContext) -> impl IntoTaskHandlerResult {
        let Some(Shared { jobs, .. }) = context.get_ext::<Shared>() else { return Err("no_context") };
        let result = Box::pin(send_text::run(jobs, &self.0)).await;
        logged(&context, &[Field::Job(super::SEND_TEXT), Field::Tenant(self.0.tenant)], result)
    }
}

/// The clean-up of one clinic.
#[derive(Clone, Serialize, Deserialize)]
#[serde(transparent)]
struct CleanUp(JobPayload);

impl TaskHandler for CleanUp {
    const IDENTIFIER: &'static str = super::CLEAN_UP;

    async fn run(self, context: WorkerContext) -> impl IntoTaskHandlerResult {
        let Some(Shared { jobs, .. }) = context.get_ext::<Shared>() else { return Err("no_context") };
        let result = Box::pin(clean_up::run(jobs, &self.0)).await;
        logged(&context, &[Field::Job(super::CLEAN_UP), Field::Tenant(self.0.tenant)], result)
    }
}

/// The clean-up of every clinic of the shard. What the queue puts in its payload is not used.
#[derive(Serialize, Deserialize)]
#[serde(transparent)]
struct CleanUpShard(serde_json::Value);

impl TaskHandler for CleanUpShard {
    const IDENTIFIER: &'static str = super::CLEAN_UP_SHARD;

    async fn run(self, context: WorkerContext) -> impl IntoTaskHandlerResult {
        let Some(Shared { jobs, shard }) = context.get_ext::<Shared>() else { return Err("no_context") };
        let result = enqueue_all(&context, jobs.clinics(*shard), CleanUp).await;
        logged(&context, &[Field::Job(super::CLEAN_UP_SHARD), Field::Shard(*shard)], result)
    }
}

/// The packs of one clinic's audit log.
#[derive(Clone, Serialize, Deserialize)]
#[serde(transparent)]
struct AuditPack(JobPayload);

impl TaskHandler for AuditPack {
    const IDENTIFIER: &'static str = super::AUDIT_PACK;

    async fn run(self, context: WorkerContext) -> impl IntoTaskHandlerResult {
        let Some(Shared { jobs, .. }) = context.get_ext::<Shared>() else { return Err("no_context") };
        let result = Box::pin(pack::run(jobs, &self.0)).await;
        logged(&context, &[Field::Job(super::AUDIT_PACK), Field::Tenant(self.0.tenant)], result)
    }
}

/// The packs of every clinic of the shard. What the queue puts in its payload is not used.
#[derive(Serialize, Deserialize)]
#[serde(transparent)]
struct AuditPackShard(serde_json::Value);

impl TaskHandler for AuditPackShard {
    const IDENTIFIER: &'static str = super::AUDIT_PACK_SHARD;

    async fn run(self, context: WorkerContext) -> impl IntoTaskHandlerResult {
        let Some(Shared { jobs, shard }) = context.get_ext::<Shared>() else { return Err("no_context") };
        let result = enqueue_all(&context, jobs.clinics(*shard), AuditPack).await;
        logged(&context, &[Field::Job(super::AUDIT_PACK_SHARD), Field::Shard(*shard)], result)
    }
}

/// The check of the shard's audit log. What the queue puts in its payload is not used.
#[derive(Serialize, Deserialize)]
#[serde(transparent)]
struct AuditCheckShard(serde_json::Value);

impl TaskHandler for AuditCheckShard {
    const IDENTIFIER: &'static str = super::AUDIT_CHECK_SHARD;

    async fn run(self, context: WorkerContext) -> impl IntoTaskHandlerResult {
        let Some(Shared { jobs, shard }) = context.get_ext::<Shared>() else { return Err("no_context") };
        let result = Box::pin(sealing::check(jobs, *shard)).await;
        logged(&context, &[Field::Job(super::AUDIT_CHECK_SHARD), Field::Shard(*shard)], result)
    }
}

/// Enqueues one job for each clinic: one that waits, however often this is done.
async fn enqueue_all<T: TaskHandler + Clone>(
    context: &WorkerContext,
    clinics: Vec<JobPayload>,
    job: fn(JobPayload) -> T,
) -> Result<(), &'static str> {
    let spec = |payload: &JobPayload| JobSpec {
        job_key: Some(format!("{}:{}", T::IDENTIFIER, payload.tenant)),
        priority: Some(FOR_ALL_PRIORITY),
        ..JobSpec::default()
    };
    for some in clinics.chunks(CLINICS_PER_STATEMENT_MAX) {
        let specs: Vec<JobSpec> = some.iter().map(spec).collect();
        let jobs: Vec<(T, &JobSpec)> = some.iter().cloned().map(job).zip(specs.iter()).collect();
        context.add_jobs(&jobs).await.map_err(|_may_quote_sql| "enqueue")?;
    }
    Ok(())
}

fn logged(
    context: &WorkerContext,
    about: &[Field],
    result: Result<(), &'static str>,
) -> Result<(), &'static str> {
    let attempt = Field::Attempt(u32::from(context.job().attempts().unsigned_abs()));
    match result {
        Ok(()) => log::info("job_done", &[about, &[attempt]].concat()),
        Err(code) => log::warn("job_failed", &[about, &[attempt, Field::Code(code)]].concat()),
    }
    result
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
    let hourly = Cron::hourly_at::<CleanUpShard>(CLEAN_UP_MINUTE);
    let daily = Cron::daily_at::<AuditPackShard>(PACK_AT.0, PACK_AT.1);
    let checked = Cron::hourly_at::<AuditCheckShard>(CHECK_MINUTE);
    let (Ok(hourly), Ok(daily), Ok(checked)) = (hourly, daily, checked) else { return Err(failed) };
    WorkerOptions::default()
        .database(pool)
        .schema("graphile_worker")
        .concurrency(jobs_max.max(1))
        .poll_interval(Duration::from_millis(POLL_MS))
        .listen_os_shutdown_signals(false)
        .shutdown_signal(async move { shutdown.wait().await })
        .shutdown_grace_period(Duration::from_millis(GRACE_MS))
        // The jobs of a process that was killed are taken over; without this they would wait for four hours.
        .heartbeat_interval(Duration::from_millis(HEARTBEAT_MS))
        .sweep_interval(Duration::from_millis(HEARTBEAT_MS))
        .sweep_threshold(Duration::from_millis(DEAD_AFTER_MS))
        .recovery_delay(Duration::ZERO)
        .add_extension(Shared { jobs, shard: shard.id })
        .define_job::<SendInvitation>()
        .define_job::<SendNotice>()
        .define_job::<BreakGlassNotice>()
        .define_job::<SupportNotice>()
        .define_job::<ProgramNotice>()
        .define_job::<InspectDocument>()
        .define_job::<SendRecovery>()
        .define_job::<ErasePatient>()
        .define_job::<SendCode>()
        .define_job::<SendEmailChange>()
        .define_job::<SendPhoneChange>()
        .define_job::<SendText>()
        .define_job::<CleanUp>()
        .define_job::<CleanUpShard>()
        .define_job::<AuditPack>()
        .define_job::<AuditPackShard>()
        .define_job::<AuditCheckShard>()
        .with_cron(hourly)
        .with_cron(daily)
        .with_cron(checked)
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
