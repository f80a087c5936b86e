//! The security events of this crate's cryptography, in one place so that no caller can forget one.

use std::sync::LazyLock;

use regions::ids::TenantId;
use regions::log::{self, Field};
use regions::metrics;

static EVENTS: LazyLock<prometheus::IntCounterVec> = LazyLock::new(|| {
    metrics::counter_vec(
        "domicile_key_events_total",
        "Security events of keys and sealed values, by kind.",
        &["kind"],
    )
});

/// Stored bytes are not what was stored: altered, moved, or of another key.
pub(crate) fn tampered(tenant: TenantId, kind: &'static str) {
    EVENTS.with_label_values(&[kind]).inc();
    log::security(kind, &[Field::Tenant(tenant)]);
}

/// The random generator gave a value twice: the machine's randomness is not to be trusted.
pub(crate) fn random_repeats() {
    EVENTS.with_label_values(&["random_repeats"]).inc();
    log::security("random_repeats", &[]);
}

/// KMS says that a key may not be used any more: for one tenant, or for all under it.
pub(crate) fn revoked(tenant: Option<TenantId>) {
    EVENTS.with_label_values(&["key_revoked"]).inc();
    match tenant {
        Some(tenant) => log::security("key_revoked", &[Field::Tenant(tenant)]),
        None => log::security("key_revoked", &[]),
    }
}

/// The key store ends before the erasure ledger does.
pub(crate) fn rolled_back() {
    EVENTS.with_label_values(&["key_store_behind_ledger"]).inc();
    log::security("key_store_behind_ledger", &[]);
}

/// S3 answered for a bucket or region that is not this process's.
pub(crate) fn foreign_bucket() {
    EVENTS.with_label_values(&["bucket_region_mismatch"]).inc();
    log::security("bucket_region_mismatch", &[]);
}
