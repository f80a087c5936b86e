//! Names of schemas and roles: made only from typed ids, so that no text of a caller can become an identifier.

use std::fmt;

use regions::ids::{Epoch, ShardId, TenantId};

/// What names a tenant's rows: the tenant, the shard that holds it and the epoch the caller believes in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TenantRef {
    /// The tenant.
    pub id: TenantId,
    /// The shard that holds its schemas.
    pub shard: ShardId,
    /// The epoch the caller routed by; an older one than the database's fence is refused.
    pub epoch: Epoch,
}

/// A schema of one tenant: `t_<id>` (operational) or `t_<id>_phi` (sealed). Only `a-z`, `2-7` and `_`, 28 or 32 bytes.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SchemaName(String);

impl SchemaName {
    /// The operational half, which identifies no person.
    #[must_use]
    pub fn ops(tenant: TenantId) -> Self {
        Self(format!("t_{tenant}"))
    }

    /// The sealed half.
    #[must_use]
    pub fn phi(tenant: TenantId) -> Self {
        Self(format!("t_{tenant}_phi"))
    }

    /// The bare name, as the catalog stores it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name as a quoted SQL identifier.
    #[must_use]
    pub fn quoted(&self) -> String {
        format!("\"{}\"", self.0)
    }
}

impl fmt::Display for SchemaName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The database role of one tenant, `t_<id>`; it cannot log in.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RoleName(String);

impl RoleName {
    /// The role a tenant's transactions run as.
    #[must_use]
    pub fn of(tenant: TenantId) -> Self {
        Self(format!("t_{tenant}"))
    }

    /// The bare name, as the catalog stores it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name as a quoted SQL identifier.
    #[must_use]
    pub fn quoted(&self) -> String {
        format!("\"{}\"", self.0)
    }
}

impl fmt::Display for RoleName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The login role of backends and workers; it has no right of its own on a tenant's tables.
pub const APP_ROLE: &str = "domicile_app";
/// The login role of migrations and provisioning.
pub const MIGRATOR_ROLE: &str = "domicile_migrator";
/// The role that owns every object and cannot log in.
pub const OWNER_ROLE: &str = "domicile_owner";
/// The role whose rights every tenant role inherits: execute `sec.tenant()` and `jobs.enqueue`, nothing else.
pub const TENANT_GROUP_ROLE: &str = "domicile_tenant";
/// Role that rotates and destroys keys, through the key store's functions only; the migrator's log-in becomes it.
pub const KEEPER_ROLE: &str = "domicile_keeper";
