//! What the tests of keys and objects stand on: a key store of their own in the test cluster, and a local KMS and S3.

use localaws::{ACCOUNT, BucketOptions, Config, Handle, KeyOptions, KeySpec, Server};
use regions::clock::{Clock, ManualClock};
use regions::region::RegionName;
use tempfile::TempDir;
use tenancy::config::{AuditConfig, DbConfig, KmsConfig, PoolConfig, RegionalConfig, S3Config};
use tenancy::keys::Keys;
use tenancy::kms::Kms;
use tenancy::{APP_ROLE, BootError, KEEPER_ROLE};
use testkit::{Issued, Pki, TestCluster};
use tokio_postgres::Client;

/// When the manual clock of a rig starts, in milliseconds since 1970.
pub(crate) const START_MS: u64 = 1_800_000_000_000;
/// The bucket every rig has.
pub(crate) const BUCKET: &str = "domicile-documents";
/// The archive every rig has.
pub(crate) const ARCHIVE: &str = "domicile-archive";

/// One region's key store, KMS and S3.
pub(crate) struct Rig {
    pub(crate) aws: Handle,
    pub(crate) config: RegionalConfig,
    /// A superuser's connection to the key store, for what an attacker or operator would do.
    pub(crate) sql: Client,
    pub(crate) certificate: Issued,
    ca: String,
    cluster: TestCluster,
    _dir: TempDir,
}

impl Rig {
    /// A rig in Mumbai, with a key and a bucket and no tenant.
    pub(crate) async fn new() -> Self {
        let region = "ap-south-1";
        let dir = tempfile::tempdir().unwrap();
        let pki = Pki::new();
        let certificate = pki.server(&["127.0.0.1"]);
        let aws = start_aws(region, &dir, &certificate);
        let key = aws.create_key(KeyOptions::default()).unwrap();
        aws.ensure_bucket(BUCKET, BucketOptions::default()).unwrap();
        aws.ensure_bucket(ARCHIVE, BucketOptions { object_lock: true, ..BucketOptions::default() }).unwrap();
        let signing = aws.create_key(KeyOptions { spec: KeySpec::EccP256, ..KeyOptions::default() }).unwrap();
        let audit =
            AuditConfig { bucket: ARCHIVE.to_owned(), key_id: key.arn.clone(), signing_key_id: signing.arn };
        let ca = dir.path().join("aws-ca.pem");
        std::fs::write(&ca, pki.ca_pem()).unwrap();
        let region: RegionName = region.parse().unwrap();
        let cluster = tokio::task::spawn_blocking(TestCluster::shared).await.unwrap();
        let (key_store, sql) = key_store(&cluster, &dir, region).await;
        let config = RegionalConfig {
            region,
            shards: Vec::new(),
            key_store,
            kms: KmsConfig { endpoint: Some(aws.kms_endpoint()), key_id: key.arn, ca: Some(ca.clone()) },
            s3: S3Config { endpoint: Some(aws.s3_endpoint()), bucket: BUCKET.to_owned(), ca: Some(ca) },
            audit,
            pool: PoolConfig::default(),
        };
        Self { aws, config, sql, certificate, ca: pki.ca_pem(), cluster, _dir: dir }
    }

    /// A process's keys, with a clock of its own.
    pub(crate) async fn keys(&self) -> (Keys, ManualClock) {
        let (clock, manual) = Clock::manual(START_MS);
        (self.keys_with(clock).await.expect("the rig's pins agree"), manual)
    }

    pub(crate) async fn keys_with(&self, clock: Clock) -> Result<Keys, BootError> {
        let kms = Kms::connect(self.config.region, &self.config.kms).await?;
        Keys::connect(&self.config, kms, clock).await
    }

    /// A client with an operator's rights over both buckets.
    pub(crate) fn operator_s3(&self) -> aws_sdk_s3::Client {
        use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore, rustls_provider::CryptoMode};
        let trust = TrustStore::empty().with_pem_certificate(self.ca.clone());
        let http = aws_smithy_http_client::Builder::new()
            .tls_provider(Provider::Rustls(CryptoMode::AwsLc))
            .tls_context(TlsContext::builder().with_trust_store(trust).build().unwrap())
            .build_https();
        let credentials = aws_credential_types::Credentials::new(
            localaws::ACCESS_KEY_ID,
            localaws::SECRET_ACCESS_KEY,
            None,
            None,
            "operator",
        );
        let config = aws_sdk_s3::Config::builder()
            .behavior_version(aws_sdk_s3::config::BehaviorVersion::latest())
            .region(aws_sdk_s3::config::Region::new(self.config.region.to_string()))
            .endpoint_url(self.aws.s3_endpoint())
            .http_client(http)
            .credentials_provider(credentials)
            .force_path_style(true)
            .build();
        aws_sdk_s3::Client::from_conf(config)
    }

    /// A client with an operator's rights over the KMS key.
    pub(crate) fn operator(&self) -> aws_sdk_kms::Client {
        use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore, rustls_provider::CryptoMode};
        let trust = TrustStore::empty().with_pem_certificate(self.ca.clone());
        let http = aws_smithy_http_client::Builder::new()
            .tls_provider(Provider::Rustls(CryptoMode::AwsLc))
            .tls_context(TlsContext::builder().with_trust_store(trust).build().unwrap())
            .build_https();
        let credentials = aws_credential_types::Credentials::new(
            localaws::ACCESS_KEY_ID,
            localaws::SECRET_ACCESS_KEY,
            None,
            None,
            "operator",
        );
        let config = aws_sdk_kms::Config::builder()
            .behavior_version(aws_sdk_kms::config::BehaviorVersion::latest())
            .region(aws_sdk_kms::config::Region::new(self.config.region.to_string()))
            .endpoint_url(self.aws.kms_endpoint())
            .http_client(http)
            .credentials_provider(credentials)
            .build();
        aws_sdk_kms::Client::from_conf(config)
    }
}

/// Starts a KMS and S3 in `region` behind TLS, in a folder of their own.
pub(crate) fn start_aws(region: &str, dir: &TempDir, certificate: &Issued) -> Handle {
    let any = "127.0.0.1:0".parse().unwrap();
    let folder = dir.path().join(format!("aws-{region}"));
    Server::start(Config {
        region: region.to_owned(),
        dir: folder,
        s3_listen: any,
        kms_listen: any,
        tls: Some((certificate.cert_pem.clone(), certificate.key_pem.clone())),
        account: ACCOUNT.to_owned(),
    })
    .unwrap()
}

/// Removes the key store and its login, on a runtime of its own, because the test's may be gone.
impl Drop for Rig {
    fn drop(&mut self) {
        let (cluster, name) = (self.cluster.clone(), self.config.key_store.database.clone());
        let cleaned = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().ok()?;
            runtime.block_on(async {
                let admin = cluster.superuser("postgres").await.ok()?;
                admin.batch_execute(&format!("DROP DATABASE {name} WITH (FORCE)")).await.ok()?;
                admin.batch_execute(&format!("DROP ROLE {name}")).await.ok()
            })
        });
        let _left_over_is_dropped_with_the_cluster = cleaned.join();
    }
}

/// A migrated key-store database with a login of its own, in the cluster the tests share.
async fn key_store(cluster: &TestCluster, dir: &TempDir, region: RegionName) -> (DbConfig, Client) {
    let password = data_encoding::HEXLOWER.encode(&regions::random::bytes::<8>());
    let name = format!("test_keys_{password}");
    let password_file = dir.path().join("key-store.password");
    std::fs::write(&password_file, format!("{password}\n")).unwrap();
    let admin = cluster.superuser("postgres").await.unwrap();
    admin.batch_execute(&format!("CREATE DATABASE {name}")).await.unwrap();
    let mut sql = cluster.superuser(&name).await.unwrap();
    // Roles belong to the whole cluster, and other tests make the same one at the same time.
    for role in [format!("{APP_ROLE} LOGIN"), format!("{KEEPER_ROLE} NOLOGIN")] {
        let made = format!(
            "DO $$ BEGIN CREATE ROLE {role} NOINHERIT; \
             EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$"
        );
        sql.batch_execute(&made).await.unwrap();
    }
    // One log-in for both: the application's rights come with it, the keeper's when its sessions become that role.
    let login = format!("CREATE ROLE {name} LOGIN PASSWORD '{password}' IN ROLE {APP_ROLE}, {KEEPER_ROLE}");
    sql.batch_execute(&login).await.unwrap();
    assert_eq!(
        tenancy::keys::migrate(&mut sql, region).await.unwrap().len(),
        tenancy::keys::MIGRATIONS.len()
    );
    assert!(tenancy::keys::migrate(&mut sql, region).await.unwrap().is_empty(), "twice changes nothing");
    let db = DbConfig {
        host: cluster.host.clone(),
        port: cluster.port,
        database: name.clone(),
        user: name,
        password_file,
        ca: cluster.ca.clone(),
    };
    (db, sql)
}
