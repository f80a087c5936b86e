//! The payload of a job: the tenant and ids, nothing that says anything about a person.

use std::collections::BTreeMap;

use regions::ids::TenantId;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Most ids one payload may carry.
pub const PAYLOAD_IDS_MAX: usize = 8;

/// What a job is about. The database refuses a payload that has another shape or names another tenant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JobPayload {
    /// The tenant whose transaction enqueued it.
    pub tenant: TenantId,
    /// Ids by a short name, such as `invitation`.
    pub ids: BTreeMap<String, Uuid>,
}

impl JobPayload {
    /// A payload without ids.
    #[must_use]
    pub fn new(tenant: TenantId) -> Self {
        Self { tenant, ids: BTreeMap::new() }
    }

    /// Adds an id under a name; beyond [`PAYLOAD_IDS_MAX`] the database will refuse the job.
    #[must_use]
    pub fn id(mut self, name: &'static str, id: Uuid) -> Self {
        self.ids.insert(name.to_owned(), id);
        self
    }

    /// The id under a name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<Uuid> {
        self.ids.get(name).copied()
    }
}
