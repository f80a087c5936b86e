//! Login roles and empty databases of each cluster: what a platform team hands over before the product's migrations run.
use std::path::PathBuf;

use postgres_protocol::password::scram_sha_256;

use crate::fail::Outcome;
use crate::pg::cluster::Cluster;
use crate::pg::sql;
use crate::places::read_text;
use crate::secrets;
use crate::stack::Stack;
use crate::stack::roles::CONTROL;

/// The control plane's database.
pub(crate) const CONTROL_DATABASE: &str = "domicile_control";
/// A region's shard.
pub(crate) const SHARD_DATABASE: &str = "domicile_shard";
/// A region's key store: another database, so that a dump of one is worthless without the other.
pub(crate) const KEY_DATABASE: &str = "domicile_keys";

/// Who logs in to a database.
#[derive(Clone, Copy)]
pub(crate) enum Login {
    /// Backend and worker, in a region's cluster.
    App,
    /// Migrations and provisioning, in a region's cluster.
    Migrator,
    /// The control process, in the control cluster.
    Control,
    /// The owner of the control schema.
    ControlOwner,
}

impl Login {
    /// The role's name in PostgreSQL.
    pub(crate) fn user(self) -> &'static str {
        match self {
            Self::App => "domicile_app",
            Self::Migrator => "domicile_migrator",
            Self::Control => "domicile_control",
            Self::ControlOwner => "domicile_control_owner",
        }
    }
}

/// Where the password of a login role is.
pub(crate) fn password_file(stack: &Stack, part: &str, login: Login) -> PathBuf {
    stack.home.secrets(&format!("{part}/postgres-{}", login.user()))
}

/// Makes roles and databases of one cluster, as often as it is called.
pub(crate) async fn prepare(stack: &Stack, cluster: &Cluster<'_>) -> Outcome<()> {
    let client = sql::connect(&cluster.superuser_access("postgres")).await?;
    let verifier = |login| -> Outcome<String> {
        // The server is sent a verifier, never the password: no log or statistics view of it can hold one.
        Ok(scram_sha_256(secrets::ensure_password(&password_file(stack, cluster.part, login))?.as_bytes()))
    };
    if cluster.part == CONTROL {
        let script = CONTROL_ROLES
            .replace("{{app_verifier}}", &verifier(Login::Control)?)
            .replace("{{owner_verifier}}", &verifier(Login::ControlOwner)?);
        sql::run(&client, &script).await?;
        sql::ensure_database(&client, CONTROL_DATABASE, Login::ControlOwner.user()).await?;
        return sql::run(&client, CONTROL_RIGHTS).await;
    }
    // The product's own bootstrap, the one that an operator runs.
    let bootstrap = |name: &str| read_text(&stack.root.join("migrations/bootstrap").join(name));
    let script = bootstrap("cluster.sql")?
        .replace("{{app_verifier}}", &verifier(Login::App)?)
        .replace("{{migrator_verifier}}", &verifier(Login::Migrator)?);
    sql::run(&client, &script).await?;
    let rights = bootstrap("database.sql")?;
    for database in [SHARD_DATABASE, KEY_DATABASE] {
        sql::ensure_database(&client, database, "domicile_owner").await?;
        let inside = sql::connect(&cluster.superuser_access(database)).await?;
        sql::run(&inside, &rights.replace("{{database}}", database)).await?;
    }
    Ok(())
}

const CONTROL_ROLES: &str = "
do $$ begin
  if not exists (select from pg_roles where rolname = 'domicile_control_owner') then
    create role domicile_control_owner login nosuperuser nocreatedb nocreaterole;
  end if;
  if not exists (select from pg_roles where rolname = 'domicile_control') then
    create role domicile_control login nosuperuser nocreatedb nocreaterole noinherit;
  end if;
end $$;
alter role domicile_control password '{{app_verifier}}';
alter role domicile_control_owner password '{{owner_verifier}}';
";

const CONTROL_RIGHTS: &str = "
revoke all on database domicile_control from public;
grant connect on database domicile_control to domicile_control;
";
