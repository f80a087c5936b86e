//! The region's keys for access tokens: made by KMS, kept wrapped in the key store, used as the seeds of Ed25519 keys.
//!
//! A key is announced before it is used (ADR 23): it is published at once, signs [`NOTICE_S`] later, and is published until the
//! last token it signed is over. Which one signs follows from the rows' times alone, so that every process agrees.

use std::sync::Arc;
use std::time::SystemTime;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use parking_lot::Mutex;
use regions::log;

use super::cache::{FRESH_MS, HARD_MS};
use super::store::TokenKeyRow;
use super::tenants::EC_VERSION;
use super::{KeyBytes, KeyError, Keys, events};
use crate::kms::{CallFor, EncryptionContext, KeyArn, KmsError};

/// Longest life of a token that these keys sign, in seconds.
pub const TOKEN_MAX_S: u64 = 600;
/// Seconds between the announcement of a key and its first signature: twice as long as a process may not look.
const NOTICE_S: u64 = 600;
/// Seconds that clocks may differ.
const SKEW_S: u64 = 60;
/// Age at which a key gets a successor by itself, in seconds: 90 days.
const LIFE_MAX_S: u64 = 90 * 86_400;

/// One key of the region. It has no `Debug`; its bytes are wiped when the last user is done.
pub struct TokenKey {
    seed: KeyBytes,
    public: [u8; 32],
    kid: String,
    created_ms: u64,
    /// From when it signs, in milliseconds since 1970.
    signs_from_ms: u64,
    /// Until when tokens are checked by it; `None` for the last one.
    over_ms: Option<u64>,
}

impl TokenKey {
    /// The key's name in tokens: its thumbprint (RFC 7638, RFC 8037 appendix A.3).
    #[must_use]
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// The Ed25519 public key.
    #[must_use]
    pub const fn public_key(&self) -> &[u8; 32] {
        &self.public
    }

    /// Signs a message with Ed25519.
    ///
    /// # Errors
    /// [`KeyError::Tampered`] when the library refuses the key, which it took before.
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        let pair = pair(&self.seed)?;
        Ok(pair.try_sign(message).map_err(|_cause| KeyError::Tampered)?.as_ref().to_vec())
    }
}

/// The keys of the region at one moment, the newest first.
pub struct TokenKeys(Vec<TokenKey>);

impl TokenKeys {
    /// The key that signs now.
    #[must_use]
    pub fn signing(&self, now_ms: u64) -> Option<&TokenKey> {
        self.0.iter().find(|key| key.signs_from_ms <= now_ms).or_else(|| self.0.last())
    }

    /// The keys that tokens are checked by now: the one that signs, one that is announced, and the one before.
    pub fn published(&self, now_ms: u64) -> impl Iterator<Item = &TokenKey> {
        self.0.iter().filter(move |key| key.over_ms.is_none_or(|over_ms| now_ms < over_ms))
    }

    /// The published key of this name.
    #[must_use]
    pub fn named(&self, kid: &str, now_ms: u64) -> Option<&TokenKey> {
        self.published(now_ms).find(|key| key.kid == kid)
    }

    fn newest_is_old(&self, now_ms: u64) -> bool {
        let age_ms = |key: &TokenKey| now_ms.saturating_sub(key.created_ms);
        self.0.first().is_none_or(|key| age_ms(key) > LIFE_MAX_S.saturating_mul(1_000))
    }
}

struct Loaded {
    keys: Arc<TokenKeys>,
    loaded_ms: u64,
}

/// The keys in memory, renewed as often as tenants' keys are and gone as early.
#[derive(Default)]
pub(super) struct TokenCache {
    loaded: Mutex<Option<Loaded>>,
    /// One caller loads, the others wait for it.
    loading: tokio::sync::Mutex<()>,
}

impl TokenCache {
    fn younger_than(&self, age_ms: u64, now_ms: u64) -> Option<Arc<TokenKeys>> {
        let loaded = self.loaded.lock();
        let young = loaded.as_ref().filter(|loaded| now_ms.saturating_sub(loaded.loaded_ms) < age_ms);
        young.map(|loaded| Arc::clone(&loaded.keys))
    }

    fn keep(&self, keys: &Arc<TokenKeys>, loaded_ms: u64) {
        *self.loaded.lock() = Some(Loaded { keys: Arc::clone(keys), loaded_ms });
    }

    /// Drops the keys.
    pub(super) fn forget(&self) {
        drop(self.loaded.lock().take());
    }

    /// Drops the keys when they are past their time.
    pub(super) fn sweep(&self, now_ms: u64) {
        if self.younger_than(HARD_MS, now_ms).is_none() {
            self.forget();
        }
    }
}

/// What KMS binds a token key to: the region and the number, and no tenant.
fn context(keys: &Keys, version: u32) -> EncryptionContext {
    EncryptionContext::from([
        ("hc:cell".to_owned(), keys.kms.region().to_string()),
        ("hc:purpose".to_owned(), "token".to_owned()),
        ("hc:kver".to_owned(), version.to_string()),
        ("hc:ecv".to_owned(), EC_VERSION.to_string()),
    ])
}

pub(super) async fn get(keys: &Keys) -> Result<Arc<TokenKeys>, KeyError> {
    let now_ms = keys.clock.now_unix_ms();
    if let Some(fresh) = keys.tokens.younger_than(FRESH_MS, now_ms) {
        return Ok(fresh);
    }
    let _one_at_a_time = keys.tokens.loading.lock().await;
    if let Some(fresh) = keys.tokens.younger_than(FRESH_MS, now_ms) {
        return Ok(fresh);
    }
    match load(keys, now_ms).await {
        Ok(loaded) => {
            let loaded = Arc::new(loaded);
            keys.tokens.keep(&loaded, now_ms);
            Ok(loaded)
        }
        // What is known goes on working for a while, as tenants' keys do.
        Err(KeyError::Unavailable) => keys.tokens.younger_than(HARD_MS, now_ms).ok_or(KeyError::Unavailable),
        Err(error) => {
            keys.tokens.forget();
            Err(error)
        }
    }
}

async fn load(keys: &Keys, now_ms: u64) -> Result<TokenKeys, KeyError> {
    let found = opened(keys, keys.store.token_keys().await?).await?;
    if !found.newest_is_old(now_ms) {
        return Ok(found);
    }
    // Of two processes here at once one adds; both read what was added.
    add(keys).await?;
    let found = opened(keys, keys.store.token_keys().await?).await?;
    if found.0.is_empty() { Err(KeyError::Unavailable) } else { Ok(found) }
}

/// Adds the next key; a process that holds the others keeps them until it looks again.
pub(super) async fn announce(keys: &Keys) -> Result<(), KeyError> {
    add(keys).await?;
    keys.tokens.forget();
    Ok(())
}

async fn add(keys: &Keys) -> Result<(), KeyError> {
    let last = keys.store.token_keys().await?.first().map_or(0, |row| row.version);
    let version = last.checked_add(1).ok_or(KeyError::NotFound)?;
    let made = keys.kms.generate(context(keys, version)).await.map_err(|error| note(keys, error))?;
    let arn = keys.kms.key().to_string();
    Ok(keys.store.insert_token_key(version, &made.wrapped, &arn, EC_VERSION).await?)
}

/// Unwraps the keys of these rows, the newest first, and works out their times.
async fn opened(keys: &Keys, rows: Vec<TokenKeyRow>) -> Result<TokenKeys, KeyError> {
    let mut found: Vec<TokenKey> = Vec::with_capacity(rows.len());
    let oldest = rows.last().map(|row| row.version);
    for row in &rows {
        let created_ms = unix_ms(row.created_at);
        // The first key of a region has no predecessor to sign meanwhile.
        let first = oldest == Some(row.version) && row.version == 1;
        let notice_ms = if first { 0 } else { NOTICE_S * 1_000 };
        let over_ms = found.last().map(|next| next.signs_from_ms + (TOKEN_MAX_S + SKEW_S) * 1_000);
        let seed = unwrap(keys, row).await?;
        let public = public(&pair(&seed)?)?;
        found.push(TokenKey {
            seed,
            public,
            kid: thumbprint(&public),
            created_ms,
            signs_from_ms: created_ms.saturating_add(notice_ms),
            over_ms,
        });
    }
    Ok(TokenKeys(found))
}

async fn unwrap(keys: &Keys, row: &TokenKeyRow) -> Result<KeyBytes, KeyError> {
    let arn = match KeyArn::parse(&row.kms_key_arn, keys.kms.region()) {
        Ok(arn) if row.ec_version == EC_VERSION && arn.account() == keys.kms.key().account() => arn,
        _ => return Err(note(keys, KmsError::Ciphertext)),
    };
    let unwrapped = keys.kms.decrypt(&arn, &row.wrapped, context(keys, row.version), CallFor::TokenKey).await;
    unwrapped.map_err(|error| note(keys, error))
}

fn note(keys: &Keys, error: KmsError) -> KeyError {
    match error {
        KmsError::Unavailable => {}
        KmsError::Denied | KmsError::KeyUnusable => {
            keys.tokens.forget();
            events::revoked(None);
        }
        KmsError::Ciphertext => log::security("token_key_tampered", &[]),
    }
    error.into()
}

fn pair(seed: &KeyBytes) -> Result<Ed25519KeyPair, KeyError> {
    Ed25519KeyPair::from_seed_unchecked(seed.as_slice()).map_err(|_cause| KeyError::Tampered)
}

fn public(pair: &Ed25519KeyPair) -> Result<[u8; 32], KeyError> {
    pair.public_key().as_ref().try_into().map_err(|_cause| KeyError::Tampered)
}

fn thumbprint(public: &[u8; 32]) -> String {
    let x = URL_SAFE_NO_PAD.encode(public);
    let canonical = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#);
    URL_SAFE_NO_PAD.encode(digest(&SHA256, canonical.as_bytes()))
}

fn unix_ms(at: SystemTime) -> u64 {
    let since = at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(version: u8, signs_from_s: u64, over_s: Option<u64>) -> TokenKey {
        TokenKey {
            seed: KeyBytes::copied(&[version; 32]).unwrap(),
            public: [version; 32],
            kid: format!("k{version}"),
            created_ms: 0,
            signs_from_ms: signs_from_s * 1_000,
            over_ms: over_s.map(|s| s * 1_000),
        }
    }

    /// RFC 8037, appendix A.1 to A.3: the private key, its public half and its thumbprint.
    #[test]
    fn the_published_key_is_the_one_of_rfc_8037() {
        let d = URL_SAFE_NO_PAD.decode("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A").unwrap();
        let seed = KeyBytes::copied(&d).unwrap();
        let public = public(&pair(&seed).unwrap()).unwrap();
        assert_eq!(URL_SAFE_NO_PAD.encode(public), "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo");
        assert_eq!(thumbprint(&public), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
    }

    #[test]
    fn a_key_is_published_before_it_signs_and_until_its_last_token_is_over() {
        let keys = TokenKeys(vec![key(2, 1_000, None), key(1, 0, Some(1_660))]);
        let at = |s: u64| {
            let ms = s * 1_000;
            let published: Vec<&str> = keys.published(ms).map(TokenKey::kid).collect();
            (keys.signing(ms).unwrap().kid(), published)
        };
        assert_eq!(at(999), ("k1", vec!["k2", "k1"]));
        assert_eq!(at(1_000), ("k2", vec!["k2", "k1"]));
        assert_eq!(at(1_659), ("k2", vec!["k2", "k1"]));
        assert_eq!(at(1_660), ("k2", vec!["k2"]));
        assert!(keys.named("k1", 1_660_000).is_none());
    }
}
