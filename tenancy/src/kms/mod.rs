//! The region's KMS: data keys made and unwrapped under an exact encryption context, behind a circuit breaker.
//!
//! The key is pinned when the process starts and each minute after: its region, its account, single-Region, enabled.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use aws_sdk_kms::Client;
use aws_sdk_kms::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_kms::primitives::Blob;
use aws_sdk_kms::types::{DataKeySpec, KeyMetadata, KeySpec, KeyState, KeyUsageType};
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use parking_lot::Mutex;
use prometheus::IntCounterVec;
use regions::clock::Clock;
use regions::log::Field;
use regions::region::RegionName;
use zeroize::Zeroizing;

use crate::aws::{Limits, Site, Target};
use crate::config::KmsConfig;
use crate::error::BootError;
use crate::keys::KeyBytes;

mod arn;
mod breaker;
mod epoch;
mod signer;

pub use arn::KeyArn;
use breaker::Breaker;
pub use epoch::Week;
pub use signer::Signer;

/// One attempt is short because a request waits for it; three fit into the request budget.
///
/// Keys come over these connections, so an idle one is soon closed: what is left in its buffers is wiped with them.
const LIMITS: Limits = Limits { attempt_ms: 1_200, operation_ms: 3_500, attempts_max: 3, idle_ms: 5_000 };
/// Most keys whose breakers are kept; a region has one key, or one a tenant at the very most.
const BREAKERS_MAX: usize = 4_096;

/// Calls one process makes a second at most. A region's quota for symmetric keys is thousands, shared by every process of the
/// account; a fleet of twenty that starts cold stays far below it.
const CALLS_PER_S_MAX: NonZeroU32 = match NonZeroU32::new(100) {
    Some(calls) => calls,
    None => NonZeroU32::MIN,
};
/// Longest a call waits for its turn, in milliseconds; then it is refused like one that KMS does not answer.
const TURN_MS: u64 = 2_000;

/// Pairs that KMS binds a wrapped key to, exactly. They appear in CloudTrail, so they hold ids only.
pub type EncryptionContext = HashMap<String, String>;

static CALLS: LazyLock<IntCounterVec> = LazyLock::new(|| {
    regions::metrics::counter_vec(
        "domicile_kms_calls_total",
        "Calls to KMS by operation, purpose and outcome; refusals by an open breaker and by our own limit included.",
        &["operation", "purpose", "outcome"],
    )
});

/// Why KMS is called; every call is counted and logged with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallFor {
    /// Looking at the pinned key, at boot and each minute.
    Pins,
    /// Making or unwrapping a tenant's key.
    TenantKey,
    /// Unwrapping a key for access tokens.
    TokenKey,
    /// Key-store backups.
    Epoch,
    /// Signing evidence.
    Evidence,
    /// An operator rotates the KMS key.
    Rotation,
}

impl CallFor {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Pins => "pins",
            Self::TenantKey => "tenant_key",
            Self::TokenKey => "token_key",
            Self::Epoch => "epoch",
            Self::Evidence => "evidence",
            Self::Rotation => "rotation",
        }
    }
}

/// What a call to KMS came to, in the four kinds that are handled differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KmsError {
    /// Timeout, fault, throttling or an open breaker: the answer is unknown; retry later.
    #[error("KMS is unavailable")]
    Unavailable,
    /// This caller may not use the key for this context: revoked for this tenant.
    #[error("KMS denied the use of the key")]
    Denied,
    /// The key is disabled, waiting for deletion or gone: revoked for everything under it.
    #[error("the KMS key cannot be used")]
    KeyUnusable,
    /// The wrapped bytes or their context are not what this key wrapped. Retrying cannot help.
    #[error("KMS refused the wrapped bytes")]
    Ciphertext,
}

/// A new data key: its bytes and the wrapped form to store.
pub struct DataKey {
    /// The key, wiped when dropped.
    pub plaintext: KeyBytes,
    /// What KMS can turn back into the key.
    pub wrapped: Vec<u8>,
}

/// The region's KMS, through the AWS SDK.
pub struct Kms {
    client: Client,
    region: RegionName,
    key: KeyArn,
    clock: Clock,
    breakers: Mutex<HashMap<KeyArn, Breaker>>,
    turns: DefaultDirectRateLimiter,
    calls: AtomicU64,
}

impl Kms {
    /// Opens the client and checks the configured key.
    ///
    /// # Errors
    /// [`BootError`] naming `kms.key_id`, `kms.endpoint` or `kms.ca`.
    pub async fn connect(region: RegionName, config: &KmsConfig) -> Result<Self, BootError> {
        let key = KeyArn::pinned(&config.key_id, region)?;
        let target = Target {
            region,
            endpoint: config.endpoint.as_deref(),
            ca: config.ca.as_deref(),
            fields: ("kms.endpoint", "kms.ca"),
        };
        let site = Site::new(&target, &LIMITS).await?;
        let mut builder = aws_sdk_kms::Config::builder()
            .behavior_version(site.behavior)
            .region(site.region)
            .http_client(site.http)
            .credentials_provider(site.credentials)
            .retry_config(site.retry)
            .timeout_config(site.timeout);
        builder.set_endpoint_url(site.endpoint);
        let kms = Self {
            client: Client::from_conf(builder.build()),
            region,
            key,
            clock: Clock::system(),
            breakers: Mutex::new(HashMap::new()),
            turns: RateLimiter::direct(Quota::per_second(CALLS_PER_S_MAX)),
            calls: AtomicU64::new(0),
        };
        kms.check().await?;
        Ok(kms)
    }

    /// The same client with breakers that read `clock`.
    #[must_use]
    pub fn with_clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// The configured key, under which new tenant keys are made.
    #[must_use]
    pub fn key(&self) -> &KeyArn {
        &self.key
    }

    /// The region this client is pinned to.
    #[must_use]
    pub fn region(&self) -> RegionName {
        self.region
    }

    /// Calls made since the start, refusals by an open breaker not included.
    #[must_use]
    pub fn calls(&self) -> u64 {
        self.calls.load(Ordering::Relaxed)
    }

    /// Asks KMS whether the configured key is still what it must be.
    ///
    /// # Errors
    /// [`BootError::Pin`] for a key of another region or account, a multi-Region key, or one that is not an enabled
    /// symmetric encryption key; [`BootError::Dependency`] when KMS does not answer.
    pub async fn check(&self) -> Result<(), BootError> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        let answer = self.client.describe_key().key_id(self.key.as_str()).send().await;
        count("describe", CallFor::Pins, answer.as_ref().map_err(classify).err().as_ref());
        let described = answer.map_err(|error| {
            let problem = match classify(&error) {
                KmsError::KeyUnusable => return pin("an enabled key", "no such key"),
                KmsError::Denied => "this process may not use the key",
                KmsError::Ciphertext | KmsError::Unavailable => "KMS does not answer",
            };
            BootError::Dependency { field: "kms.key_id", problem: problem.to_owned() }
        })?;
        let metadata = described.key_metadata().ok_or_else(|| BootError::Dependency {
            field: "kms.key_id",
            problem: "KMS described no key".to_owned(),
        })?;
        check_metadata(&self.key, metadata)
    }

    /// Makes a 256-bit data key under `context`.
    ///
    /// # Errors
    /// [`KmsError`].
    pub async fn generate(&self, context: EncryptionContext) -> Result<DataKey, KmsError> {
        self.generate_under(&self.key, context, CallFor::TenantKey).await
    }

    async fn generate_under(
        &self,
        key: &KeyArn,
        context: EncryptionContext,
        purpose: CallFor,
    ) -> Result<DataKey, KmsError> {
        self.turn("generate", purpose).await?;
        let ticket = self.admit("generate", purpose, key)?;
        let answer = self
            .client
            .generate_data_key()
            .key_id(key.as_str())
            .key_spec(DataKeySpec::Aes256)
            .set_encryption_context(Some(context))
            .send()
            .await;
        let result = match answer {
            Ok(answer) => {
                let wrapped = answer.ciphertext_blob.map(Blob::into_inner);
                let plaintext = answer.plaintext.map(|blob| Zeroizing::new(blob.into_inner()));
                match (wrapped, plaintext.and_then(|bytes| KeyBytes::copied(&bytes)), answer.key_id) {
                    (Some(wrapped), Some(plaintext), Some(arn)) if arn == key.as_str() => {
                        Ok(DataKey { plaintext, wrapped })
                    }
                    _ => Err(KmsError::Ciphertext),
                }
            }
            Err(error) => Err(classify(&error)),
        };
        count("generate", purpose, result.as_ref().err());
        self.settle(key, ticket, result.as_ref().err());
        result
    }

    /// Unwraps a data key that `key` wrapped under exactly `context`.
    ///
    /// # Errors
    /// [`KmsError`].
    pub async fn decrypt(
        &self,
        key: &KeyArn,
        wrapped: &[u8],
        context: EncryptionContext,
        purpose: CallFor,
    ) -> Result<KeyBytes, KmsError> {
        self.turn("decrypt", purpose).await?;
        let ticket = self.admit("decrypt", purpose, key)?;
        let answer = self
            .client
            .decrypt()
            .key_id(key.as_str())
            .ciphertext_blob(Blob::new(wrapped))
            .set_encryption_context(Some(context))
            .send()
            .await;
        let result = match answer {
            Ok(answer) => {
                let plaintext = answer.plaintext.map(|blob| Zeroizing::new(blob.into_inner()));
                plaintext.and_then(|bytes| KeyBytes::copied(&bytes)).ok_or(KmsError::Ciphertext)
            }
            Err(error) => Err(classify(&error)),
        };
        count("decrypt", purpose, result.as_ref().err());
        self.settle(key, ticket, result.as_ref().err());
        result
    }

    /// Has the configured key rotated now, on top of the yearly rotation; nothing that was wrapped is rewritten, and all of it
    /// opens. Says which key.
    ///
    /// # Errors
    /// [`KmsError`].
    pub async fn rotate_key(&self) -> Result<&KeyArn, KmsError> {
        self.turn("rotate", CallFor::Rotation).await?;
        let answer = self.client.rotate_key_on_demand().key_id(self.key.as_str()).send().await;
        let result = answer.map(|_| &self.key).map_err(|error| classify(&error));
        count("rotate", CallFor::Rotation, result.as_ref().err());
        result
    }

    /// Whether a breaker is open: cached keys go on working, and no other key can be had.
    #[must_use]
    pub fn is_degraded(&self) -> bool {
        self.breakers.lock().values().any(Breaker::is_open)
    }

    /// Waits for this process's turn.
    async fn turn(&self, operation: &'static str, purpose: CallFor) -> Result<(), KmsError> {
        let turn = tokio::time::timeout(Duration::from_millis(TURN_MS), self.turns.until_ready());
        if turn.await.is_err() {
            CALLS.with_label_values(&[operation, purpose.as_str(), "limited"]).inc();
            return Err(KmsError::Unavailable);
        }
        Ok(())
    }

    fn admit(
        &self,
        operation: &'static str,
        purpose: CallFor,
        key: &KeyArn,
    ) -> Result<breaker::Ticket, KmsError> {
        let now_ms = self.clock.now_unix_ms();
        let mut breakers = self.breakers.lock();
        if breakers.len() >= BREAKERS_MAX && !breakers.contains_key(key) {
            breakers.clear();
        }
        let ticket = breakers.entry(key.clone()).or_default().admit(now_ms);
        drop(breakers);
        let Some(ticket) = ticket else {
            CALLS.with_label_values(&[operation, purpose.as_str(), "breaker_open"]).inc();
            return Err(KmsError::Unavailable);
        };
        self.calls.fetch_add(1, Ordering::Relaxed);
        Ok(ticket)
    }

    fn settle(&self, key: &KeyArn, ticket: breaker::Ticket, error: Option<&KmsError>) {
        let failed = error == Some(&KmsError::Unavailable);
        let now_ms = self.clock.now_unix_ms();
        let opened = self.breakers.lock().entry(key.clone()).or_default().settle(ticket, failed, now_ms);
        if opened {
            regions::log::warn("kms_breaker_open", &[]);
        }
    }
}

fn count(operation: &'static str, purpose: CallFor, error: Option<&KmsError>) {
    let outcome = match error {
        None => "ok",
        Some(KmsError::Unavailable) => "unavailable",
        Some(KmsError::Denied) => "denied",
        Some(KmsError::KeyUnusable) => "key_unusable",
        Some(KmsError::Ciphertext) => "ciphertext",
    };
    CALLS.with_label_values(&[operation, purpose.as_str(), outcome]).inc();
    regions::log::info(
        "kms_call",
        &[Field::Step(operation), Field::Job(purpose.as_str()), Field::Code(outcome)],
    );
}

fn pin(expected: &str, found: &str) -> BootError {
    BootError::Pin { field: "kms.key_id", expected: expected.to_owned(), found: found.to_owned() }
}

fn check_metadata(key: &KeyArn, metadata: &KeyMetadata) -> Result<(), BootError> {
    if metadata.arn() != Some(key.as_str()) {
        return Err(pin(key.as_str(), metadata.arn().unwrap_or("nothing")));
    }
    if metadata.aws_account_id() != Some(key.account()) {
        return Err(pin(key.account(), metadata.aws_account_id().unwrap_or("no account")));
    }
    if metadata.multi_region() != Some(false) {
        return Err(pin("a single-Region key", "a multi-Region key"));
    }
    if metadata.key_usage() != Some(&KeyUsageType::EncryptDecrypt)
        || metadata.key_spec() != Some(&KeySpec::SymmetricDefault)
    {
        return Err(pin("a symmetric encryption key", "another kind of key"));
    }
    if !metadata.enabled() || metadata.key_state() != Some(&KeyState::Enabled) {
        return Err(pin("an enabled key", metadata.key_state().map_or("no state", KeyState::as_str)));
    }
    Ok(())
}

/// The error table of `docs/crypto.md`. What is not known counts as unavailable, which never purges and never alarms.
fn classify<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> KmsError {
    match error.as_service_error().and_then(ProvideErrorMetadata::code) {
        Some("AccessDeniedException") => KmsError::Denied,
        Some("DisabledException" | "KMSInvalidStateException" | "NotFoundException") => KmsError::KeyUnusable,
        Some(
            "InvalidCiphertextException"
            | "IncorrectKeyException"
            | "InvalidKeyUsageException"
            | "ValidationException",
        ) => KmsError::Ciphertext,
        _ => KmsError::Unavailable,
    }
}
