//! Off-boarding: fence, then keys, then bytes, then rows; after the keys are gone the rest is unreadable anyway.

use regions::ids::TenantId;

use crate::names::{APP_ROLE, OWNER_ROLE, RoleName, SchemaName, TenantRef};
use crate::pg::{Connector, PgClient};

use super::{ProvisionError, Provisioner};

/// Calls to the bucket one off-boarding may make; each deletes a page of objects.
const PURGE_PAGES_MAX: usize = 10_000;

impl Provisioner<'_> {
    /// Removes a tenant from its region for good. Killed anywhere, the next call goes on; the id is never used again.
    ///
    /// # Errors
    /// [`ProvisionError`]; calling it again is always right.
    pub async fn destroy(&self, tenant: TenantRef) -> Result<(), ProvisionError> {
        let client = self.lock(tenant).await?;
        fence(&client, tenant).await?;
        self.destroy_keys(tenant.id).await?;
        self.regional.keys().forget();
        self.purge_objects(tenant.id).await?;
        drop_database_objects(&client, tenant.id).await
    }

    /// Deletes the wrapped keys; what they sealed is noise from here on, backups of the shard included.
    async fn destroy_keys(&self, tenant: TenantId) -> Result<(), ProvisionError> {
        let failed = |error| ProvisionError::sql("destroying the keys", &error);
        let config = self.migrator.config();
        let connector = Connector::new(&config.key_store, "key_store", "domicile-migrate")?;
        let client = connector.open_driven().await?;
        client.batch_execute(&format!("SET ROLE {OWNER_ROLE}")).await.map_err(failed)?;
        for table in ["keystore.subject_key", "keystore.tenant_key"] {
            let sql = format!("DELETE FROM {table} WHERE tenant = $1");
            client.execute(&sql, &[&tenant.as_uuid()]).await.map_err(failed)?;
        }
        Ok(())
    }

    async fn purge_objects(&self, tenant: TenantId) -> Result<(), ProvisionError> {
        for _ in 0..PURGE_PAGES_MAX {
            let purged = self.regional.objects().purge_tenant(tenant).await;
            if purged.map_err(|_cause| ProvisionError::Bucket)? == 0 {
                return Ok(());
            }
        }
        Err(ProvisionError::Bucket)
    }
}

/// From here on no transaction of the tenant begins: its state and its epoch both refuse. A tenant that nobody has begun to
/// build gets its row here, for whoever was told to build it and comes later.
async fn fence(client: &PgClient, tenant: TenantRef) -> Result<(), ProvisionError> {
    let epoch = i32::try_from(tenant.epoch.0).unwrap_or(i32::MAX);
    let fenced = client
        .execute(
            "INSERT INTO meta.tenant AS t (id, role_name, epoch, state) VALUES ($1, $2, $3, 'destroying')
             ON CONFLICT (id) DO UPDATE SET state = 'destroying', epoch = t.epoch + 1, updated_at = now()
             WHERE t.state NOT IN ('destroying', 'destroyed')",
            &[&tenant.id.as_uuid(), &RoleName::of(tenant.id).as_str(), &epoch],
        )
        .await;
    fenced.map(|_rows| ()).map_err(|error| ProvisionError::sql("fencing the tenant", &error))
}

async fn drop_database_objects(client: &PgClient, tenant: TenantId) -> Result<(), ProvisionError> {
    let failed = |error| ProvisionError::sql("dropping the schemas", &error);
    let role = RoleName::of(tenant);
    let sql = format!(
        "BEGIN;
         DROP SCHEMA IF EXISTS {phi} CASCADE;
         DROP SCHEMA IF EXISTS {ops} CASCADE;
         DELETE FROM sec.context_key WHERE tenant = '{uuid}';
         DELETE FROM meta.migration WHERE tenant = '{uuid}';
         DELETE FROM meta.provision_step WHERE tenant = '{uuid}';
         UPDATE meta.tenant SET state = 'destroyed', version = 0, replaceable = '', fingerprint = '',
             error_code = NULL, updated_at = now() WHERE id = '{uuid}';
         COMMIT",
        phi = SchemaName::phi(tenant).quoted(),
        ops = SchemaName::ops(tenant).quoted(),
        uuid = tenant.as_uuid(),
    );
    client.batch_execute(&sql).await.map_err(failed)?;
    // Another database of a test cluster may still grant to the role; without membership it is worth nothing.
    let sql = format!(
        "RESET ROLE;
         DO $$ BEGIN
             IF EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = '{role}') THEN
                 REVOKE {quoted} FROM {APP_ROLE};
                 DROP ROLE {quoted};
             END IF;
         EXCEPTION WHEN dependent_objects_still_exist THEN NULL;
         END $$;
         SET ROLE {OWNER_ROLE}",
        quoted = role.quoted()
    );
    client.batch_execute(&sql).await.map_err(failed)
}
