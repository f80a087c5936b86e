//! The context keys that a shard accepts: told of a version before anybody mints with it, and rid of the old ones after.

use crate::context::ContextKey;
use crate::keys::{Keys, Purpose};
use crate::names::{OWNER_ROLE, RoleName, TenantRef};
use crate::pg::PgClient;

use super::{MigrateError, Migrator};

/// Makes a tenant's shard accept contexts minted with a key.
///
/// # Errors
/// What the database says.
pub(crate) async fn accept(
    client: &PgClient,
    tenant: TenantRef,
    key: &crate::keys::TenantKey,
) -> Result<(), tokio_postgres::Error> {
    let (inner, outer) = ContextKey::of(key).padded();
    let version = i32::try_from(key.version()).unwrap_or(i32::MAX);
    let sql = "INSERT INTO sec.context_key (tenant, version, role_name, inner_block, outer_block)
        VALUES ($1, $2, $3, $4, $5)
        ON CONFLICT (tenant, version) DO UPDATE
        SET inner_block = excluded.inner_block, outer_block = excluded.outer_block";
    let role = RoleName::of(tenant.id);
    let params: [&(dyn tokio_postgres::types::ToSql + Sync); 5] =
        [&tenant.id.as_uuid(), &version, &role.as_str(), &inner.as_slice(), &outer.as_slice()];
    client.execute(sql, &params).await.map(|_rows| ())
}

impl Migrator {
    /// Makes a tenant's shard accept contexts minted with a version of its key. Doing it again changes nothing.
    ///
    /// # Errors
    /// [`MigrateError`].
    pub async fn accept_context_key(
        &self,
        keys: &Keys,
        tenant: TenantRef,
        version: u32,
    ) -> Result<(), MigrateError> {
        let key = keys
            .tenant_key_version(tenant.id, Purpose::Context, version)
            .await
            .map_err(|error| MigrateError::KeyStore(error.to_string()))?;
        let client = self.owner(tenant).await?;
        accept(&client, tenant, &key).await.map_err(|error| MigrateError::sql("the context key", &error))
    }

    /// Makes a tenant's shard refuse contexts minted with versions of its key below `version`.
    ///
    /// # Errors
    /// [`MigrateError`].
    pub async fn refuse_older_context_keys(
        &self,
        tenant: TenantRef,
        version: u32,
    ) -> Result<(), MigrateError> {
        let version = i32::try_from(version).unwrap_or(i32::MAX);
        let client = self.owner(tenant).await?;
        let sql = "DELETE FROM sec.context_key WHERE tenant = $1 AND version < $2";
        let removed = client.execute(sql, &[&tenant.id.as_uuid(), &version]).await;
        removed.map(|_rows| ()).map_err(|error| MigrateError::sql("the context keys", &error))
    }

    /// A session on a tenant's shard, as the owner of its schemas.
    async fn owner(&self, tenant: TenantRef) -> Result<PgClient, MigrateError> {
        let client = self.client(tenant.shard).await?;
        let failed = |error| MigrateError::sql("becoming the owner", &error);
        client.batch_execute(&format!("SET ROLE {OWNER_ROLE}")).await.map_err(failed)?;
        Ok(client)
    }
}
