//! What a region's worker and the control plane say to each other: tasks one way, step reports the other.

use regions::ids::{Epoch, ShardId, Slug, TenantId};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The steps of onboarding, in order. A worker reports each by this name.
pub const PROVISION_PLAN: [&str; 8] =
    ["schemas", "role", "grants", "keys", "bucket", "migrate", "directory", "invitation"];
/// The step after whose report the control plane puts the tenant into the directory.
pub const BEFORE_DIRECTORY: &str = "migrate";
/// The step that the control plane does itself; the worker waits for its effect.
pub const DIRECTORY: &str = "directory";
/// The last step; its report makes the tenant active and erases the address.
pub const INVITATION: &str = "invitation";
/// The one step of off-boarding.
pub const DESTROY_PLAN: [&str; 1] = ["destroy"];

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Build a tenant.
    Provision,
    /// Destroy its keys and data.
    Destroy,
}

impl Kind {
    /// The kind as it is stored.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Provision => "provision",
            Self::Destroy => "destroy",
        }
    }

    /// The steps of a task of this kind, in order.
    #[must_use]
    pub const fn plan(self) -> &'static [&'static str] {
        match self {
            Self::Provision => &PROVISION_PLAN,
            Self::Destroy => &DESTROY_PLAN,
        }
    }
}

/// One task for the worker of the tenant's home region.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Task {
    /// The task's id, for reports.
    pub task_id: Uuid,
    /// What is to be done.
    pub kind: Kind,
    /// To which tenant.
    pub tenant: TenantId,
    /// Its slug.
    pub slug: Slug,
    /// Its legal name, for the invitation.
    pub legal_name: String,
    /// Its shard.
    pub shard: ShardId,
    /// Its placement's epoch.
    pub epoch: Epoch,
    /// Who gets the first invitation, until that step is done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_admin_email: Option<String>,
}

/// The answer to a worker that asks for work.
#[derive(Serialize, Deserialize)]
pub struct TaskList {
    /// Open tasks of the worker's region, the oldest first.
    pub tasks: Vec<Task>,
}

/// Most shards that one request for work is about; a worker with more leaves out the last.
pub const SHARDS_PER_LOOK_MAX: usize = 256;
/// The greatest age of a look that is told, in seconds; what is older is as old.
const LOOK_AGE_MAX_S: u64 = 604_800;

/// What a region's worker found when it last looked at a shard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShardLook {
    /// Its number in the region.
    pub shard: ShardId,
    /// Whether it answered, and is the shard that it should be.
    pub answers: bool,
    /// Seconds since the look.
    pub age_s: u64,
}

/// Looks as a worker sends them with its request for work: `1.up.4,2.down.17`.
#[must_use]
pub fn looks_text(looks: &[ShardLook]) -> String {
    let word = |look: &ShardLook| {
        let state = if look.answers { "up" } else { "down" };
        format!("{}.{state}.{}", look.shard.0, look.age_s.min(LOOK_AGE_MAX_S))
    };
    looks.iter().take(SHARDS_PER_LOOK_MAX).map(word).collect::<Vec<_>>().join(",")
}

/// The looks of such a text; none when it is not one, or too long.
#[must_use]
pub fn looks_of(text: &str) -> Option<Vec<ShardLook>> {
    if text.is_empty() {
        return Some(Vec::new());
    }
    let looks: Vec<ShardLook> =
        text.split(',').take(SHARDS_PER_LOOK_MAX + 1).map(look_of).collect::<Option<_>>()?;
    (looks.len() <= SHARDS_PER_LOOK_MAX).then_some(looks)
}

fn look_of(text: &str) -> Option<ShardLook> {
    let (shard, found) = text.split_once('.')?;
    let (state, age_s) = found.split_once('.')?;
    let answers = match state {
        "up" => true,
        "down" => false,
        _ => return None,
    };
    Some(ShardLook { shard: ShardId(shard.parse().ok()?), answers, age_s: age_s.parse().ok()? })
}

/// How a step ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It is done.
    Done,
    /// It failed and will be tried again.
    Failed,
}

/// A worker's report of one step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Report {
    /// The step's name.
    pub step: String,
    /// How it ended.
    pub state: Outcome,
    /// Why it failed: a code of the worker's source, never text of a database.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
}

/// Most tenants one report of keys is about; a region with more sends several.
pub const TENANTS_PER_REPORT_MAX: usize = 8;
/// Most key versions of one tenant in a report, the newest.
pub const KEYS_PER_TENANT_MAX: usize = 16;

/// What a region's worker says of its tenants' keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyReport {
    /// Each replaces what was said of the tenant before.
    pub tenants: Vec<TenantKeys>,
}

/// The versions of one tenant's keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TenantKeys {
    /// Whose.
    pub tenant: TenantId,
    /// All of them.
    pub keys: Vec<KeyVersion>,
}

/// One version of a key. There is no field for the key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyVersion {
    /// `enc`, `bidx`, `rowmac` or `ctx`.
    pub purpose: String,
    /// From 1.
    pub version: u32,
    /// `next`, `active`, `decrypt`, `legacy` or `retired`.
    pub state: String,
    /// Seconds since it was made.
    pub age_s: u64,
    /// Stage of the rotation that ends with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rotation: Option<String>,
    /// Keys or rows that rotation has moved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub moved: Option<u64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looks_have_one_form_and_a_bound() {
        let look = |shard, answers, age_s| ShardLook { shard: ShardId(shard), answers, age_s };
        let looks = [look(1, true, 4), look(65_535, false, 17)];
        assert_eq!(looks_text(&looks), "1.up.4,65535.down.17");
        assert_eq!(looks_of(&looks_text(&looks)).unwrap(), looks);
        assert_eq!((looks_text(&[]), looks_of("")), (String::new(), Some(Vec::new())));
        assert_eq!(looks_text(&[look(1, true, u64::MAX)]), "1.up.604800");
        for bad in ["1", "1.up", "1.well.4", "70000.up.4", "x.up.4", "1.up.-4", "1.up.4,", "1.up.4.5"] {
            assert_eq!(looks_of(bad), None, "{bad}");
        }
        let many = [look(1, true, 0); SHARDS_PER_LOOK_MAX + 1];
        assert_eq!(looks_of(&looks_text(&many)).unwrap().len(), SHARDS_PER_LOOK_MAX);
        assert_eq!(looks_of(&["1.up.0"; SHARDS_PER_LOOK_MAX + 1].join(",")), None);
    }
}
