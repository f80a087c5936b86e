//! The platform's own audit: who changed what about regions, shards, tenants and administrators.

use chrono::{DateTime, Utc};
use diesel::Insertable;
use regions::ids::{RequestId, TenantId};
use regions::region::RegionName;
use uuid::Uuid;

use super::tables::platform_audit;

/// Who acts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Actor {
    /// A signed-in platform administrator.
    Admin(Uuid),
    /// Somebody with a shell and the control database's password: the command line.
    Operator,
    /// A region's worker, known by its certificate.
    Worker(RegionName),
    /// Nobody yet: a sign-in that failed.
    Anonymous,
}

impl Actor {
    const fn kind(&self) -> &'static str {
        match self {
            Self::Admin(_) => "admin",
            Self::Operator => "operator",
            Self::Worker(_) => "worker",
            Self::Anonymous => "anonymous",
        }
    }
}

/// Who acts, and in which request: the first thing every control plane function is told.
#[derive(Debug, Clone, Copy)]
pub struct By {
    /// Who.
    pub actor: Actor,
    /// In which request.
    pub request: RequestId,
}

/// One line of the platform's audit.
#[derive(Debug)]
pub struct AuditEntry {
    by: By,
    action: &'static str,
    outcome: &'static str,
    resource: (&'static str, Option<String>),
    region: Option<RegionName>,
    reason: Option<&'static str>,
}

impl AuditEntry {
    /// Something that was done.
    #[must_use]
    pub const fn allowed(by: By, action: &'static str) -> Self {
        Self { by, action, outcome: "allow", resource: ("platform", None), region: None, reason: None }
    }

    /// Something that was refused, and why.
    #[must_use]
    pub const fn denied(by: By, action: &'static str, reason: &'static str) -> Self {
        Self { by, action, outcome: "deny", resource: ("platform", None), region: None, reason: Some(reason) }
    }

    /// The tenant it was done to.
    #[must_use]
    pub fn tenant(mut self, id: TenantId, region: RegionName) -> Self {
        self.resource = ("tenant", Some(id.to_string()));
        self.region = Some(region);
        self
    }

    /// The region it was done to.
    #[must_use]
    pub fn region(mut self, region: RegionName) -> Self {
        self.resource = ("region", Some(region.to_string()));
        self.region = Some(region);
        self
    }

    /// The shard it was done to.
    #[must_use]
    pub fn shard(mut self, region: RegionName, number: u16) -> Self {
        self.resource = ("shard", Some(number.to_string()));
        self.region = Some(region);
        self
    }

    /// The support grant it was done to or under.
    #[must_use]
    pub fn grant(mut self, id: Uuid, region: RegionName) -> Self {
        self.resource = ("support_grant", Some(id.to_string()));
        self.region = Some(region);
        self
    }

    /// What more there is to say of it, as a code.
    #[must_use]
    pub const fn reason(mut self, code: &'static str) -> Self {
        self.reason = Some(code);
        self
    }

    /// The administrator it was done to.
    #[must_use]
    pub fn admin(mut self, id: Uuid) -> Self {
        self.resource = ("platform_admin", Some(id.to_string()));
        self
    }

    /// The passkey it was done to.
    #[must_use]
    pub fn passkey(mut self, id: Uuid) -> Self {
        self.resource = ("platform_passkey", Some(id.to_string()));
        self
    }

    /// The row.
    pub(super) fn row(self, now: DateTime<Utc>) -> AuditRow {
        let (resource_kind, resource_id) = self.resource;
        let region = match self.by.actor {
            Actor::Worker(region) => Some(region),
            _ => self.region,
        };
        AuditRow {
            recorded_at: now,
            actor_kind: self.by.actor.kind(),
            actor_id: match self.by.actor {
                Actor::Admin(id) => Some(id),
                _ => None,
            },
            action: self.action,
            outcome: self.outcome,
            resource_kind,
            resource_id,
            region: region.map(|name| name.to_string()),
            request_id: self.by.request.as_bytes().to_vec(),
            reason: self.reason,
        }
    }
}

/// The row of an [`AuditEntry`].
#[derive(Insertable)]
#[diesel(table_name = platform_audit)]
pub(super) struct AuditRow {
    recorded_at: DateTime<Utc>,
    actor_kind: &'static str,
    actor_id: Option<Uuid>,
    action: &'static str,
    outcome: &'static str,
    resource_kind: &'static str,
    resource_id: Option<String>,
    region: Option<String>,
    request_id: Vec<u8>,
    reason: Option<&'static str>,
}
