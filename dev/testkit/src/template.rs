//! The template every test region is cloned from: a shard, a key store and local AWS state with two tenants, built once
//! for a cluster, through the product's own migrations and provisioning.

use std::path::{Path, PathBuf};

use aws_lc_rs::digest::{SHA256, digest};
use localaws::{BucketOptions, KeySpec, Server};
use regions::clock::Clock;
use regions::ids::{Epoch, ShardId, TenantId};
use tenancy::config::{AuditConfig, DbConfig, KmsConfig, PoolConfig, RegionalConfig, S3Config, ShardConfig};
use tenancy::migrate::Migrator;
use tenancy::provision::Provisioner;
use tenancy::{APP_ROLE, MIGRATOR_ROLE, OWNER_ROLE, Regional, TenantRef};
use tokio_postgres::Client;

use crate::bootstrap::{self, APP_PASSWORD, MIGRATOR_PASSWORD};
use crate::cluster::TestCluster;
use crate::own_cluster::root;
use crate::pki::{Issued, Pki};
use crate::region::Geography;

/// Advisory lock under which one process at a time builds templates.
const BUILD_LOCK: i64 = 0x5445_5354_4b49_5400;
/// The KMS alias and the bucket of every test region.
pub(crate) const KEY_ALIAS: &str = "alias/domicile";
/// The bucket of every test region.
pub(crate) const BUCKET: &str = "domicile-test-documents";
/// The alias of the key that signs audit checkpoints.
pub(crate) const SIGNING_ALIAS: &str = "alias/domicile-audit";
/// The archive of every test region.
pub(crate) const ARCHIVE: &str = "domicile-test-archive";

/// The two databases of a region.
#[derive(Debug, Clone)]
pub(crate) struct Databases {
    pub(crate) shard: String,
    pub(crate) keys: String,
}

/// A built template.
pub(crate) struct Template {
    pub(crate) databases: Databases,
    pub(crate) aws: PathBuf,
    pub(crate) alpha: TenantRef,
    pub(crate) beta: TenantRef,
}

/// The template of a region, built if this cluster does not have it yet.
pub(crate) async fn ensure(cluster: &TestCluster, geography: Geography) -> Result<Template, String> {
    let superuser = cluster.superuser("postgres").await?;
    let identity: i64 = query_one(&superuser, "SELECT system_identifier FROM pg_control_system()").await?;
    let hash = hash(geography, identity);
    let template = Template {
        databases: Databases { shard: format!("tpl_{hash}_shard"), keys: format!("tpl_{hash}_keys") },
        aws: root().join(format!("aws-{hash}")),
        alpha: tenant(&hash, "alpha"),
        beta: tenant(&hash, "beta"),
    };
    execute(&superuser, &format!("SELECT pg_advisory_lock({BUILD_LOCK})")).await?;
    let ready = format!(
        "SELECT count(*) FROM pg_database WHERE datistemplate AND datname IN ('{}', '{}')",
        template.databases.shard, template.databases.keys
    );
    let count: i64 = query_one(&superuser, &ready).await?;
    if count != 2 || !template.aws.join("built").exists() {
        Box::pin(build(cluster, &superuser, &template, geography)).await?;
    }
    execute(&superuser, &format!("SELECT pg_advisory_unlock({BUILD_LOCK})")).await?;
    Ok(template)
}

/// Makes both databases of a clone from the template's.
pub(crate) async fn clone(superuser: &Client, from: &Databases, to: &Databases) -> Result<(), String> {
    for (source, target) in [(&from.shard, &to.shard), (&from.keys, &to.keys)] {
        // Rights on a database are not part of what a template passes on.
        let sql = format!("CREATE DATABASE {target} TEMPLATE {source} STRATEGY FILE_COPY OWNER {OWNER_ROLE}");
        execute(superuser, &sql).await?;
        let sql = format!(
            "REVOKE ALL ON DATABASE {target} FROM PUBLIC; \
             GRANT CONNECT ON DATABASE {target} TO {APP_ROLE}, {MIGRATOR_ROLE}"
        );
        execute(superuser, &sql).await?;
    }
    Ok(())
}

/// Starts local AWS on a folder that already has its key and bucket, or makes them.
pub(crate) fn start_aws(dir: &Path, geography: Geography, certificate: &Issued) -> Result<LocalAws, String> {
    let free = "127.0.0.1:0".parse().map_err(|error| format!("{error}"))?;
    let handle = Server::start(localaws::Config {
        region: geography.region().to_owned(),
        dir: dir.to_owned(),
        s3_listen: free,
        kms_listen: free,
        tls: Some((certificate.cert_pem.clone(), certificate.key_pem.clone())),
        account: localaws::ACCOUNT.to_owned(),
    })
    .map_err(|error| format!("local AWS: {error}"))?;
    let key = handle.ensure_key_alias(KEY_ALIAS).map_err(|error| format!("local KMS: {error}"))?;
    let signing = handle
        .ensure_key_alias_of(SIGNING_ALIAS, KeySpec::EccP256)
        .map_err(|error| format!("local KMS: {error}"))?;
    let locked = BucketOptions { object_lock: true, ..BucketOptions::default() };
    for (bucket, options) in [(BUCKET, BucketOptions::default()), (ARCHIVE, locked)] {
        handle.ensure_bucket(bucket, options).map_err(|error| format!("local S3: {error}"))?;
    }
    Ok(LocalAws { handle, key_arn: key.arn, signing_arn: signing.arn })
}

/// Local AWS and its keys.
pub(crate) struct LocalAws {
    pub(crate) handle: localaws::Handle,
    pub(crate) key_arn: String,
    pub(crate) signing_arn: String,
}

/// Everything a configuration is made of.
pub(crate) struct Parts<'a> {
    pub(crate) cluster: &'a TestCluster,
    pub(crate) geography: Geography,
    pub(crate) databases: &'a Databases,
    pub(crate) aws: &'a LocalAws,
    pub(crate) aws_ca: &'a Path,
    pub(crate) passwords: &'a Path,
}

/// The region's configuration, with the log-in of the application or of the migrator.
pub(crate) fn config(parts: &Parts<'_>, user: &str, pool: PoolConfig) -> Result<RegionalConfig, String> {
    let password_file = parts.passwords.join(user);
    let password = if user == APP_ROLE { APP_PASSWORD } else { MIGRATOR_PASSWORD };
    std::fs::write(&password_file, password).map_err(|error| error.to_string())?;
    let db = |database: &str| DbConfig {
        host: parts.cluster.host.clone(),
        port: parts.cluster.port,
        database: database.to_owned(),
        user: user.to_owned(),
        password_file: password_file.clone(),
        ca: parts.cluster.ca.clone(),
    };
    let shard = db(&parts.databases.shard);
    Ok(RegionalConfig {
        region: parts.geography.region().parse().map_err(|error| format!("{error}"))?,
        shards: vec![ShardConfig {
            id: ShardId(1),
            host: shard.host,
            port: shard.port,
            database: shard.database,
            user: shard.user,
            password_file: shard.password_file,
            ca: shard.ca,
        }],
        key_store: db(&parts.databases.keys),
        kms: KmsConfig {
            endpoint: Some(parts.aws.handle.kms_endpoint()),
            key_id: parts.aws.key_arn.clone(),
            ca: Some(parts.aws_ca.to_owned()),
        },
        s3: S3Config {
            endpoint: Some(parts.aws.handle.s3_endpoint()),
            bucket: BUCKET.to_owned(),
            ca: Some(parts.aws_ca.to_owned()),
        },
        audit: AuditConfig {
            bucket: ARCHIVE.to_owned(),
            key_id: parts.aws.key_arn.clone(),
            signing_key_id: parts.aws.signing_arn.clone(),
        },
        pool,
    })
}

async fn build(
    cluster: &TestCluster,
    superuser: &Client,
    template: &Template,
    geography: Geography,
) -> Result<(), String> {
    let told = |error: &dyn std::fmt::Display| format!("building the test template: {error}");
    let _gone = std::fs::remove_dir_all(&template.aws);
    bootstrap::roles(superuser).await?;
    for database in [&template.databases.shard, &template.databases.keys] {
        drop_database(superuser, database).await?;
        execute(superuser, &format!("CREATE DATABASE {database} OWNER {OWNER_ROLE}")).await?;
        bootstrap::rights(&cluster.superuser(database).await?, database).await?;
    }
    let pki = Pki::new();
    let certificate = pki.server(&["127.0.0.1", "localhost"]);
    let aws = start_aws(&template.aws, geography, &certificate)?;
    let passwords = tempfile::tempdir().map_err(|error| told(&error))?;
    let parts = Parts {
        cluster,
        geography,
        databases: &template.databases,
        aws: &aws,
        aws_ca: &pki.ca(),
        passwords: passwords.path(),
    };
    let as_migrator = config(&parts, MIGRATOR_ROLE, PoolConfig::default())?;
    let as_app = config(&parts, APP_ROLE, PoolConfig::default())?;
    let migrator = Migrator::connect(&as_migrator).await.map_err(|error| told(&error))?;
    migrator.shard_track().await.map_err(|error| told(&error))?;
    migrator.key_store().await.map_err(|error| told(&error))?;
    let regional = Regional::connect(&as_app, Clock::system()).await.map_err(|error| told(&error))?;
    let provisioner = Provisioner::new(&migrator, &regional);
    for tenant in [template.alpha, template.beta] {
        provisioner.run_regional(tenant).await.map_err(|error| told(&error))?;
    }
    drop(regional);
    aws.handle.shutdown().await;
    std::fs::write(template.aws.join("built"), "").map_err(|error| told(&error))?;
    for database in [&template.databases.shard, &template.databases.keys] {
        let sql = format!(
            "ALTER DATABASE {database} WITH ALLOW_CONNECTIONS false IS_TEMPLATE true; \
             SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{database}'"
        );
        for statement in sql.split("; ") {
            execute(superuser, statement).await?;
        }
    }
    Ok(())
}

/// Drops a database whatever it is and whoever uses it.
pub(crate) async fn drop_database(superuser: &Client, database: &str) -> Result<(), String> {
    let exists: i64 =
        query_one(superuser, &format!("SELECT count(*) FROM pg_database WHERE datname = '{database}'"))
            .await?;
    if exists == 1 {
        execute(superuser, &format!("ALTER DATABASE {database} WITH IS_TEMPLATE false")).await?;
        execute(superuser, &format!("DROP DATABASE IF EXISTS {database} WITH (FORCE)")).await?;
    }
    Ok(())
}

fn hash(geography: Geography, identity: i64) -> String {
    let mut text = format!("{}|{identity}|{ARCHIVE}|", geography.region());
    for migration in tenancy::migrate::embedded_sql() {
        text.push_str(migration);
    }
    hex(digest(&SHA256, text.as_bytes()).as_ref(), 6)
}

fn hex(bytes: &[u8], count: usize) -> String {
    bytes.iter().take(count).map(|byte| format!("{byte:02x}")).collect()
}

fn tenant(hash: &str, name: &str) -> TenantRef {
    let digest = digest(&SHA256, format!("{hash}|{name}").as_bytes());
    let id = digest.as_ref().first_chunk::<16>().copied().unwrap_or_default();
    TenantRef { id: TenantId::from(id), shard: ShardId(1), epoch: Epoch(1) }
}

pub(crate) async fn execute(client: &Client, sql: &str) -> Result<(), String> {
    client.batch_execute(sql).await.map_err(|error| format!("{sql}: {error:?}"))
}

async fn query_one<T>(client: &Client, sql: &str) -> Result<T, String>
where
    T: for<'a> tokio_postgres::types::FromSql<'a>,
{
    let row = client.query_one(sql, &[]).await.map_err(|error| format!("{sql}: {error:?}"))?;
    row.try_get(0).map_err(|error| format!("{sql}: {error}"))
}
