//! What the tests of keys and objects stand on: a key store of their own in the test cluster, and a local KMS and S3.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a rig that cannot be built is a failed test")]

use std::path::PathBuf;

use localaws::{ACCOUNT, BucketOptions, Config, Handle, KeyOptions, Server};
use regions::clock::{Clock, ManualClock};
use regions::region::RegionName;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use tempfile::TempDir;
use tenancy::BootError;
use tenancy::config::{DbConfig, KmsConfig, PoolConfig, RegionalConfig, S3Config};
use tenancy::keys::Keys;
use tenancy::kms::Kms;
use tokio_postgres::Client;
use tokio_postgres_rustls::MakeRustlsConnect;

/// When the manual clock of a rig starts, in milliseconds since 1970.
pub(crate) const START_MS: u64 = 1_800_000_000_000;
/// The bucket every rig has.
pub(crate) const BUCKET: &str = "domicile-documents";

/// One region's key store, KMS and S3.
pub(crate) struct Rig {
    pub(crate) aws: Handle,
    pub(crate) config: RegionalConfig,
    /// A superuser's connection to the key store, for what an attacker or operator would do.
    pub(crate) sql: Client,
    pub(crate) certificate: (String, String),
    _dir: TempDir,
}

impl Rig {
    pub(crate) async fn new() -> Self {
        Self::in_region("ap-south-1").await
    }

    pub(crate) async fn in_region(region: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let certificate = certificate();
        let aws = start_aws(region, &dir, &certificate);
        let key = aws.create_key(KeyOptions::default()).unwrap();
        aws.ensure_bucket(BUCKET, BucketOptions::default()).unwrap();
        let ca = dir.path().join("aws-ca.pem");
        std::fs::write(&ca, &certificate.0).unwrap();
        let region: RegionName = region.parse().unwrap();
        let (key_store, sql) = key_store(&dir, region).await;
        let config = RegionalConfig {
            region,
            shards: Vec::new(),
            key_store,
            kms: KmsConfig { endpoint: Some(aws.kms_endpoint()), key_id: key.arn, ca: Some(ca.clone()) },
            s3: S3Config { endpoint: Some(aws.s3_endpoint()), bucket: BUCKET.to_owned(), ca: Some(ca) },
            pool: PoolConfig::default(),
        };
        Self { aws, config, sql, certificate, _dir: dir }
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

    /// A client with an operator's rights over the KMS key.
    pub(crate) fn operator(&self) -> aws_sdk_kms::Client {
        use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore, rustls_provider::CryptoMode};
        let trust = TrustStore::empty().with_pem_certificate(self.certificate.0.clone());
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
pub(crate) fn start_aws(region: &str, dir: &TempDir, certificate: &(String, String)) -> Handle {
    let any = "127.0.0.1:0".parse().unwrap();
    let folder = dir.path().join(format!("aws-{region}"));
    Server::start(Config {
        region: region.to_owned(),
        dir: folder,
        s3_listen: any,
        kms_listen: any,
        tls: Some(certificate.clone()),
        account: ACCOUNT.to_owned(),
    })
    .unwrap()
}

fn certificate() -> (String, String) {
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned(), "localhost".to_owned()]).unwrap();
    (made.cert.pem(), made.signing_key.serialize_pem())
}

#[expect(clippy::disallowed_methods, reason = "the command that runs the tests names the cluster in the environment")]
fn setting(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set; run the tests with `cargo xtask test`"))
}

/// A migrated key-store database with a login of its own, in the cluster the tests share.
async fn key_store(dir: &TempDir, region: RegionName) -> (DbConfig, Client) {
    let address = setting("DOMICILE_TEST_PG");
    let (host, port) = address.rsplit_once(':').expect("host:port");
    let ca = PathBuf::from(setting("DOMICILE_TEST_PG_CA"));
    let suffix = data_encoding::HEXLOWER.encode(&regions::random::bytes::<8>());
    let (database, login) = (format!("test_keys_{suffix}"), format!("test_keys_{suffix}"));
    let password_file = dir.path().join("key-store.password");
    std::fs::write(&password_file, format!("{suffix}\n")).unwrap();
    let config = |database: &str| {
        let mut config = tokio_postgres::Config::new();
        config.host(host).port(port.parse().unwrap()).dbname(database).user(setting("DOMICILE_TEST_PG_USER"));
        config.password(setting("DOMICILE_TEST_PG_PASSWORD")).ssl_mode(tokio_postgres::config::SslMode::Require);
        config
    };
    let admin = connect(&config("postgres"), &ca).await;
    admin.batch_execute(&format!("CREATE DATABASE {database}")).await.unwrap();
    let mut sql = connect(&config(&database), &ca).await;
    // Roles belong to the whole cluster, and other tests make the same one at the same time.
    sql.batch_execute(
        "DO $$ BEGIN CREATE ROLE domicile_app LOGIN NOINHERIT; \
         EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$",
    )
    .await
    .unwrap();
    sql.batch_execute(&format!("CREATE ROLE {login} LOGIN PASSWORD '{suffix}' IN ROLE domicile_app"))
        .await
        .unwrap();
    assert_eq!(tenancy::keys::migrate(&mut sql, region).await.unwrap().len(), 1);
    assert!(tenancy::keys::migrate(&mut sql, region).await.unwrap().is_empty(), "twice changes nothing");
    let db = DbConfig {
        host: host.to_owned(),
        port: port.parse().unwrap(),
        database,
        user: login,
        password_file,
        ca,
    };
    (db, sql)
}

async fn connect(config: &tokio_postgres::Config, ca: &PathBuf) -> Client {
    let mut roots = rustls::RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(ca).unwrap() {
        roots.add(certificate.unwrap()).unwrap();
    }
    let provider = std::sync::Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let (client, connection) = config.connect(MakeRustlsConnect::new(tls)).await.unwrap();
    tokio::spawn(connection);
    client
}
