//! What each regional step does; every one may find its work half or wholly done.

use crate::keys::Purpose;
use crate::migrate::{STATE_READY, context_keys};
use crate::names::{APP_ROLE, OWNER_ROLE, RoleName, SchemaName, TENANT_GROUP_ROLE, TenantRef};
use crate::pg::PgClient;

use super::{ProvisionError, Provisioner, Step};

/// First server version where membership has options of its own.
const MEMBERSHIP_OPTIONS_SINCE: i32 = 160_000;

impl Provisioner<'_> {
    pub(super) async fn act(
        &self,
        client: &mut PgClient,
        tenant: TenantRef,
        step: Step,
    ) -> Result<(), ProvisionError> {
        match step {
            Step::Schemas => schemas(client, tenant).await,
            Step::Role => role(client, tenant).await,
            Step::Grants => grants(client, tenant).await,
            Step::Keys => self.keys(client, tenant).await,
            Step::Bucket => self.bucket(tenant).await,
            Step::Migrate => self.migrate(client, tenant).await,
            Step::Directory | Step::Invitation => Ok(()),
        }
    }

    async fn keys(&self, client: &PgClient, tenant: TenantRef) -> Result<(), ProvisionError> {
        let keys = self.regional.keys();
        keys.ensure_tenant_keys(tenant.id).await?;
        let key = keys.tenant_key(tenant.id, Purpose::Context).await?;
        let written = context_keys::accept(client, tenant, &key).await;
        written.map_err(|error| ProvisionError::sql("the context key", &error))
    }

    async fn bucket(&self, tenant: TenantRef) -> Result<(), ProvisionError> {
        self.regional.objects().ensure_prefix(tenant.id).await.map_err(|_cause| ProvisionError::Bucket)
    }

    async fn migrate(&self, client: &mut PgClient, tenant: TenantRef) -> Result<(), ProvisionError> {
        // The step holds the tenant's lock on its own session, which may take it again as often as it likes.
        self.migrator.migrate_tenant(client, tenant.id).await?;
        let ready = client
            .execute(
                "UPDATE meta.tenant SET state = $2, updated_at = now() WHERE id = $1 AND state = 'provisioning'",
                &[&tenant.id.as_uuid(), &STATE_READY],
            )
            .await;
        ready.map(|_rows| ()).map_err(|error| ProvisionError::sql("making the tenant ready", &error))
    }
}

async fn schemas(client: &PgClient, tenant: TenantRef) -> Result<(), ProvisionError> {
    let failed = |error| ProvisionError::sql("the schemas", &error);
    let epoch = i32::try_from(tenant.epoch.0).unwrap_or(i32::MAX);
    client
        .execute(
            "INSERT INTO meta.tenant (id, role_name, epoch, state) VALUES ($1, $2, $3, 'provisioning')
             ON CONFLICT (id) DO NOTHING",
            &[&tenant.id.as_uuid(), &RoleName::of(tenant.id).as_str(), &epoch],
        )
        .await
        .map_err(failed)?;
    let state = client
        .query_one("SELECT state FROM meta.tenant WHERE id = $1", &[&tenant.id.as_uuid()])
        .await
        .map_err(failed)?;
    if matches!(state.get::<_, &str>(0), "destroying" | "destroyed") {
        return Err(ProvisionError::Destroyed(tenant.id));
    }
    let sql = format!(
        "CREATE SCHEMA IF NOT EXISTS {}; CREATE SCHEMA IF NOT EXISTS {}",
        SchemaName::ops(tenant.id).quoted(),
        SchemaName::phi(tenant.id).quoted()
    );
    client.batch_execute(&sql).await.map_err(failed)
}

/// Roles belong to the cluster, not to the database, so another database may have made this one.
async fn role(client: &PgClient, tenant: TenantRef) -> Result<(), ProvisionError> {
    let role = RoleName::of(tenant.id);
    let sql = format!(
        "RESET ROLE;
         DO $$ BEGIN
             IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = '{role}') THEN
                 CREATE ROLE {quoted} NOLOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS INHERIT;
             END IF;
         END $$;
         SET ROLE {OWNER_ROLE}",
        quoted = role.quoted()
    );
    client.batch_execute(&sql).await.map_err(|error| ProvisionError::sql("the role", &error))
}

async fn grants(client: &PgClient, tenant: TenantRef) -> Result<(), ProvisionError> {
    let failed = |error| ProvisionError::sql("the grants", &error);
    let version = client
        .query_one("SELECT pg_catalog.current_setting('server_version_num')::int", &[])
        .await
        .map_err(failed)?
        .get::<_, i32>(0);
    let options = if version >= MEMBERSHIP_OPTIONS_SINCE { " WITH INHERIT FALSE, SET TRUE" } else { "" };
    let role = RoleName::of(tenant.id).quoted();
    let sql = format!(
        "RESET ROLE; GRANT {TENANT_GROUP_ROLE} TO {role}; GRANT {role} TO {APP_ROLE}{options}; SET ROLE {OWNER_ROLE}"
    );
    client.batch_execute(&sql).await.map_err(failed)
}
