//! The catalog lint: every rule of isolation that the catalog can show, checked against what is really there.

use regions::ids::ShardId;

use super::{MigrateError, Migrator};
use crate::names::OWNER_ROLE;

/// One object that breaks a rule.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// The shard.
    pub shard: ShardId,
    /// The object.
    pub object: String,
    /// The rule it breaks.
    pub rule: String,
}

/// Each row is an object and the rule it breaks; no rows means that the catalog is as designed.
const LINT: &str = include_str!("lint.sql");

impl Migrator {
    /// Checks the catalog of every shard (security.md T05).
    ///
    /// # Errors
    /// [`MigrateError`] if a shard cannot be read.
    pub async fn lint(&self) -> Result<Vec<Finding>, MigrateError> {
        let failed = |error| MigrateError::sql("reading the catalog", &error);
        let mut findings = Vec::new();
        for shard in self.shards() {
            let client = self.client(shard.id).await?;
            client.batch_execute(&format!("SET ROLE {OWNER_ROLE}")).await.map_err(failed)?;
            let rows = client.query(LINT, &[]).await.map_err(failed)?;
            findings.extend(rows.iter().map(|row| Finding {
                shard: shard.id,
                object: row.get(0),
                rule: row.get(1),
            }));
        }
        findings.sort_unstable();
        Ok(findings)
    }
}
