//! Password hashing in its own bounded pool: argon2id, 46 MiB, one pass, one lane (OWASP ASVS 5.0, appendix C).
//!
//! A log-in costs about 50 ms of one core and 46 MiB. Without a bound it would be the cheapest way to stop the service;
//! with it, a flood of log-ins gets 503 and the other routes do not notice.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use argon2::password_hash::{PasswordHash, PasswordHasher as _, PasswordVerifier as _, SaltString};
use argon2::{Algorithm, Argon2, Params, Version};
use tokio::sync::Semaphore;
use zeroize::Zeroizing;

use super::rules::normalise_password;

/// Memory of one hash, in KiB (46 MiB).
const MEMORY_KIB: u32 = 47_104;
/// Passes over the memory.
const PASSES: u32 = 1;
/// Lanes.
const LANES: u32 = 1;
/// Bytes of salt.
const SALT_BYTES: usize = 16;

/// How many hashes run at once and how many may wait.
#[derive(Debug, Clone, Copy)]
pub struct PoolLimits {
    /// Hashes at once; each takes a core and 46 MiB.
    pub running_max: usize,
    /// Hashes that wait for one of those places; more are refused.
    pub waiting_max: usize,
}

/// Why a password was not checked.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum PasswordError {
    /// Too many log-ins at once; the caller is asked to come back.
    #[error("the password pool's queue is full")]
    Busy,
    /// The hash could not be computed; a stored hash that does not parse is one of the reasons.
    #[error("a password hash could not be computed")]
    Failed,
}

/// The bounded pool. Clones share it.
#[derive(Clone)]
pub struct PasswordPool {
    inner: Arc<Inner>,
}

struct Inner {
    places: Arc<Semaphore>,
    inside: AtomicUsize,
    inside_max: usize,
    /// The hash that is checked when there is no account, so that a log-in takes as long as with one.
    nobody: String,
}

/// Counts a caller in while it waits or runs, and out whatever happens to it.
struct Inside(Arc<Inner>);

impl Drop for Inside {
    fn drop(&mut self) {
        self.0.inside.fetch_sub(1, Ordering::AcqRel);
    }
}

impl PasswordPool {
    /// A pool with these limits. It computes one hash at once, for log-ins to accounts that do not exist.
    ///
    /// # Errors
    /// When argon2 refuses its parameters.
    pub fn new(limits: PoolLimits) -> Result<PasswordPool, PasswordError> {
        let random = Zeroizing::new(data_encoding::HEXLOWER.encode(&regions::random::bytes::<32>()));
        let inner = Inner {
            places: Arc::new(Semaphore::new(limits.running_max.max(1))),
            inside: AtomicUsize::new(0),
            inside_max: limits.running_max.max(1).saturating_add(limits.waiting_max),
            nobody: hash_now(&random)?,
        };
        Ok(PasswordPool { inner: Arc::new(inner) })
    }

    /// The hash of a new password as a PHC string.
    ///
    /// # Errors
    /// [`PasswordError::Busy`] when the queue is full.
    pub async fn hash(&self, password: &str) -> Result<String, PasswordError> {
        let password = normalise_password(password);
        self.run(move |_| hash_now(&password)).await
    }

    /// Whether `password` belongs to the stored hash. Without a stored hash the answer is no, and takes as long.
    ///
    /// # Errors
    /// [`PasswordError::Busy`] when the queue is full.
    pub async fn verify(&self, password: &str, stored: Option<String>) -> Result<bool, PasswordError> {
        let password = normalise_password(password);
        self.run(move |nobody| {
            let real = stored.is_some();
            let phc = stored.unwrap_or_else(|| nobody.to_owned());
            let parsed = PasswordHash::new(&phc).map_err(failed)?;
            let matches = hasher()?.verify_password(password.as_bytes(), &parsed).is_ok();
            Ok(real && matches)
        })
        .await
    }

    async fn run<T, F>(&self, work: F) -> Result<T, PasswordError>
    where
        T: Send + 'static,
        F: FnOnce(&str) -> Result<T, PasswordError> + Send + 'static,
    {
        if self.inner.inside.fetch_add(1, Ordering::AcqRel) >= self.inner.inside_max {
            self.inner.inside.fetch_sub(1, Ordering::AcqRel);
            return Err(PasswordError::Busy);
        }
        let inside = Inside(Arc::clone(&self.inner));
        let place = Arc::clone(&self.inner.places).acquire_owned().await.map_err(failed)?;
        // The place moves into the work: a caller that goes away does not make room for a hash that still runs.
        tokio::task::spawn_blocking(move || {
            let result = work(&inside.0.nobody);
            drop(place);
            drop(inside);
            result
        })
        .await
        .map_err(failed)?
    }
}

fn failed<E>(_: E) -> PasswordError {
    PasswordError::Failed
}

fn hasher() -> Result<Argon2<'static>, PasswordError> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None).map_err(failed)?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

fn hash_now(password: &str) -> Result<String, PasswordError> {
    let salt = SaltString::encode_b64(&regions::random::bytes::<SALT_BYTES>()).map_err(failed)?;
    Ok(hasher()?.hash_password(password.as_bytes(), &salt).map_err(failed)?.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pool(running_max: usize, waiting_max: usize) -> PasswordPool {
        PasswordPool::new(PoolLimits { running_max, waiting_max }).unwrap()
    }

    #[tokio::test]
    async fn only_the_right_password_matches_and_nobody_never_does() {
        let pool = pool(1, 4);
        let stored = pool.hash("correct horse battery").await.unwrap();
        assert!(stored.starts_with("$argon2id$v=19$m=47104,t=1,p=1$"));
        assert!(pool.verify("correct horse battery", Some(stored.clone())).await.unwrap());
        assert!(!pool.verify("correct horse batterz", Some(stored)).await.unwrap());
        assert!(!pool.verify("correct horse battery", None).await.unwrap());
    }

    #[tokio::test]
    async fn a_flood_is_refused_at_the_queue_and_the_pool_recovers() {
        let pool = pool(1, 3);
        let attempts = (0..32).map(|_| pool.verify("whatever it may be", None));
        let results = futures_util::future::join_all(attempts).await;
        let refused = results.iter().filter(|result| **result == Err(PasswordError::Busy)).count();
        assert_eq!(refused, 28, "one runs, three wait, the rest are refused");
        assert_eq!(pool.verify("whatever it may be", None).await, Ok(false));
    }

    #[tokio::test]
    async fn a_caller_that_goes_away_frees_its_place_in_the_queue() {
        let pool = pool(1, 0);
        let cancelled = tokio::time::timeout(std::time::Duration::ZERO, pool.verify("whatever", None)).await;
        assert!(cancelled.is_err());
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(5);
        while pool.verify("whatever", None).await == Err(PasswordError::Busy) {
            assert!(std::time::Instant::now() < deadline, "the place was lost");
            tokio::task::yield_now().await;
        }
    }
}
