//! Login roles and empty databases of each cluster: what a platform team hands over before the product's migrations run.
use std::path::PathBuf;

use postgres_protocol::password::scram_sha_256;

use crate::fail::Outcome;
use crate::pg::cluster::Cluster;
use crate::pg::sql;
use crate::secrets;
use crate::stack::Stack;

/// The control plane's database.
pub(crate) const CONTROL_DATABASE: &str = "domicile_control";
/// A region's shard.
pub(crate) const SHARD_DATABASE: &str = "domicile_shard";
/// A region's key store: another database, so that a dump of one is worthless without the other.
pub(crate) const KEY_DATABASE: &str = "domicile_keys";

/// Who logs in to a database.
#[derive(Clone, Copy)]
pub(crate) enum Login {
    /// The serving roles of the product.
    App,
    /// Migrations and provisioning.
    Migrator,
    /// The key store's reader and writer.
    Keys,
}

impl Login {
    /// The role's name in PostgreSQL.
    pub(crate) fn user(self) -> &'static str {
        match self {
            Self::App => "domicile_app",
            Self::Migrator => "domicile_migrator",
            Self::Keys => "domicile_keys",
        }
    }
}

/// Where the password of a login role is.
pub(crate) fn password_file(stack: &Stack, part: &str, login: Login) -> PathBuf {
    stack.home.secrets(&format!("{part}/postgres-{}", login.user()))
}

/// The shell statement for roles that exist once a cluster; each runs again without harm.
const ROLES: &str = "
do $$ begin
  if not exists (select from pg_roles where rolname = 'domicile_owner') then
    create role domicile_owner nologin;
  end if;
  if not exists (select from pg_roles where rolname = 'domicile_migrator') then
    create role domicile_migrator login createrole;
  end if;
  if not exists (select from pg_roles where rolname = 'domicile_app') then
    create role domicile_app login noinherit;
  end if;
  if not exists (select from pg_roles where rolname = 'domicile_keys') then
    create role domicile_keys login;
  end if;
end $$;
grant domicile_owner to domicile_migrator;
revoke all on database postgres, template1 from public;
";

/// Makes roles and databases of one cluster, as often as it is called.
pub(crate) async fn prepare(stack: &Stack, cluster: &Cluster<'_>, databases: &[&str]) -> Outcome<()> {
    let client = sql::connect(&cluster.superuser_access("postgres")).await?;
    sql::run(&client, ROLES).await?;
    for login in [Login::App, Login::Migrator, Login::Keys] {
        let password = secrets::ensure_password(&password_file(stack, cluster.part, login))?;
        // The server is sent a verifier, never the password: no log or statistics view of it can hold one.
        let verifier = scram_sha_256(password.as_bytes());
        sql::run(&client, &format!("alter role {} password '{verifier}'", login.user())).await?;
    }
    for database in databases {
        sql::ensure_database(&client, database, "domicile_owner").await?;
        sql::run(&client, &format!("revoke all on database {database} from public")).await?;
        for login in [Login::App, Login::Migrator, Login::Keys] {
            sql::run(&client, &format!("grant connect on database {database} to {}", login.user())).await?;
        }
    }
    Ok(())
}
