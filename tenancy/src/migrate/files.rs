//! The migrations this program carries, and how a tenant's names are put into them.

use aws_lc_rs::digest::{SHA256, digest};
use regions::ids::TenantId;

use crate::names::{RoleName, SchemaName};

/// One step of a track: numbered without gaps, never changed once released.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Migration {
    /// Position in its track, from 1.
    pub version: i32,
    /// Short name, as in the folder's name.
    pub name: &'static str,
    /// SQL that applies it.
    pub up: &'static str,
    /// SQL that undoes it.
    pub down: &'static str,
}

impl Migration {
    /// SHA-256 of the SQL, so that an edited migration is noticed.
    #[must_use]
    pub fn checksum(&self) -> String {
        hash([self.up])
    }
}

macro_rules! migration {
    ($version:literal, $name:literal, $folder:literal) => {
        Migration {
            version: $version,
            name: $name,
            up: include_str!(concat!("../../../migrations/", $folder, "/up.sql")),
            down: include_str!(concat!("../../../migrations/", $folder, "/down.sql")),
        }
    };
}

/// The track of the shard itself.
pub(crate) const SHARD: &[Migration] = &[
    migration!(1, "core", "shard/0001_core"),
    migration!(2, "audit_log", "shard/0002_audit_log"),
    migration!(3, "audit_verification", "shard/0003_audit_verification"),
];
/// The track of every tenant.
pub(crate) const TENANT: &[Migration] = &[
    migration!(1, "clinic", "tenant/0001_clinic"),
    migration!(2, "factors", "tenant/0002_factors"),
    migration!(3, "row_mac", "tenant/0003_row_mac"),
    migration!(4, "roles", "tenant/0004_roles"),
    migration!(5, "relationships", "tenant/0005_relationships"),
    migration!(6, "break_glass", "tenant/0006_break_glass"),
    migration!(7, "documents", "tenant/0007_documents"),
    migration!(8, "identity", "tenant/0008_identity"),
    migration!(9, "audit_leaf", "tenant/0009_audit_leaf"),
    migration!(10, "erasure", "tenant/0010_erasure"),
    migration!(11, "disclosures", "tenant/0011_disclosures"),
    migration!(12, "audit_packs", "tenant/0012_audit_packs"),
    migration!(13, "login_tags", "tenant/0013_login_tags"),
    migration!(14, "patient_accounts", "tenant/0014_patient_accounts"),
    migration!(15, "row_macs", "tenant/0015_row_macs"),
    migration!(16, "corrections", "tenant/0016_corrections"),
    migration!(17, "direct_imaging", "tenant/0017_direct_imaging"),
    migration!(18, "rescans", "tenant/0018_rescans"),
    migration!(19, "oauth", "tenant/0019_oauth"),
    migration!(20, "proxies", "tenant/0020_proxies"),
    migration!(21, "support", "tenant/0021_support"),
    migration!(22, "sites_dates_devices", "tenant/0022_sites_dates_devices"),
    migration!(23, "email_changes", "tenant/0023_email_changes"),
    migration!(24, "account_phones", "tenant/0024_account_phones"),
];
/// Functions, policies and grants of the shard, applied again whenever their hash changes.
pub(crate) const REPLACEABLE_SHARD: &[&str] = &[
    include_str!("../../../migrations/replaceable/shard/10_context.sql"),
    include_str!("../../../migrations/replaceable/shard/20_meta.sql"),
    include_str!("../../../migrations/replaceable/shard/30_jobs.sql"),
    include_str!("../../../migrations/replaceable/shard/40_audit.sql"),
];
/// Triggers, policies and grants of each tenant, applied again whenever their hash changes.
pub(crate) const REPLACEABLE_TENANT: &[&str] = &[
    include_str!("../../../migrations/replaceable/tenant/10_rules.sql"),
    include_str!("../../../migrations/replaceable/tenant/20_erasure.sql"),
];

/// What a [`Migrator`](super::Migrator) applies.
#[derive(Debug, Clone)]
pub struct Plan {
    pub(crate) shard: Vec<Migration>,
    pub(crate) tenant: Vec<Migration>,
}

impl Plan {
    /// What this program carries.
    #[must_use]
    pub fn embedded() -> Self {
        Self { shard: SHARD.to_vec(), tenant: TENANT.to_vec() }
    }

    /// One more tenant migration after the embedded ones, for tests of the migrator itself.
    #[must_use]
    pub fn and_tenant(mut self, name: &'static str, up: &'static str, down: &'static str) -> Self {
        let version = self.tenant_version().saturating_add(1);
        self.tenant.push(Migration { version, name, up, down });
        self
    }

    /// The tenant migrations, in order.
    #[must_use]
    pub fn tenant_migrations(&self) -> &[Migration] {
        &self.tenant
    }

    /// The last tenant migration.
    #[must_use]
    pub fn tenant_version(&self) -> i32 {
        self.tenant.last().map_or(0, |last| last.version)
    }

    /// Hash of the tenant's replaceable files.
    pub(crate) fn tenant_replaceable() -> String {
        hash(REPLACEABLE_TENANT.iter().copied())
    }
}

/// Puts a tenant's names into SQL. Only typed names get in, and each is made of `a-z`, `0-9`, `_` and `-` alone.
pub(crate) fn fill(sql: &str, tenant: TenantId) -> String {
    let (ops, phi, role) = (SchemaName::ops(tenant), SchemaName::phi(tenant), RoleName::of(tenant));
    sql.replace("{{ops}}", &ops.quoted())
        .replace("{{phi}}", &phi.quoted())
        .replace("{{role}}", &role.quoted())
        .replace("{{tenant}}", &tenant.as_uuid().to_string())
        .replace("{{ops_literal}}", &format!("'{ops}'"))
        .replace("{{phi_literal}}", &format!("'{phi}'"))
}

/// SHA-256 of several texts, in hexadecimal.
pub(crate) fn hash<'a>(texts: impl IntoIterator<Item = &'a str>) -> String {
    let mut all = Vec::new();
    for text in texts {
        all.extend_from_slice(text.as_bytes());
        all.push(0);
    }
    data_encoding::HEXLOWER.encode(digest(&SHA256, &all).as_ref())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_have_no_gaps_and_every_placeholder_is_known() {
        for track in [SHARD, TENANT] {
            for (position, migration) in track.iter().enumerate() {
                assert_eq!(usize::try_from(migration.version).unwrap(), position + 1);
            }
        }
        let tenant = TenantId::random();
        let texts =
            TENANT.iter().flat_map(|one| [one.up, one.down]).chain(REPLACEABLE_TENANT.iter().copied());
        for text in texts {
            assert!(!fill(text, tenant).contains("{{"));
        }
    }
}
