//! A process does not start on a shard that is not its own or not safe, and says which field is wrong (security.md T18,
//! T19; residency.md (b) 17).

use regions::clock::Clock;
use tenancy::config::RegionalConfig;
use tenancy::migrate::Migrator;
use tenancy::{BootError, Regional};
use testkit::{Geography, TestRegion};

async fn refusal(config: &RegionalConfig) -> String {
    match Regional::connect(config, Clock::system()).await {
        Ok(_) => panic!("it started"),
        Err(error) => error.to_string(),
    }
}

#[tokio::test]
async fn a_shard_of_another_region_is_refused() {
    let us = TestRegion::new().await;
    let india = TestRegion::with(Geography::In, tenancy::config::PoolConfig::default()).await;
    let mut config = us.config.clone();
    config.shards = india.config.shards.clone();
    assert_eq!(refusal(&config).await, "region: expected us-east-1, found ap-south-1");
    let mut config = us.config.clone();
    config.shards[0].id = regions::ids::ShardId(7);
    assert_eq!(refusal(&config).await, "shards.id: expected 7, found 1");
    let mut config = us.migrator_config.clone();
    config.shards = india.migrator_config.shards.clone();
    let migrated = Migrator::connect(&config).await.unwrap().shard_track().await.unwrap_err();
    assert_eq!(migrated.to_string(), "region: expected us-east-1, found ap-south-1");
    us.regional.check_pins().await.unwrap();
    india.regional.check_pins().await.unwrap();
    // Somebody swaps the identity under a running process: the check of each minute notices.
    us.superuser().await.batch_execute("UPDATE meta.identity SET region = 'ap-south-1'").await.unwrap();
    assert!(us.regional.check_pins().await.is_err());
}

#[tokio::test]
async fn a_login_with_too_many_rights_is_refused() {
    let region = TestRegion::new().await;
    let superuser = region.superuser().await;
    let name = format!("login_{}", uuid::Uuid::from_bytes(regions::random::bytes::<16>()).simple());
    let mut config = region.config.clone();
    config.shards[0].user = name.clone();
    for (right, expected) in [
        ("SUPERUSER", "shards.user: must not be a superuser"),
        ("BYPASSRLS", "shards.user: must not have BYPASSRLS"),
        ("INHERIT", "shards.user: must be NOINHERIT"),
        ("NOINHERIT CREATEROLE", "shards.user: must not have CREATEROLE"),
    ] {
        let sql = format!(
            "CREATE ROLE {name} LOGIN NOINHERIT {right} PASSWORD 'domicile-test-app'; GRANT CONNECT ON DATABASE {} TO {name}",
            region.shard_database()
        );
        let sql = sql.replace("NOINHERIT INHERIT", "INHERIT").replace("NOINHERIT NOINHERIT", "NOINHERIT");
        for statement in sql.split("; ") {
            superuser.batch_execute(statement).await.unwrap();
        }
        assert_eq!(refusal(&config).await, expected);
        superuser
            .batch_execute(&format!("REVOKE ALL ON DATABASE {} FROM {name}", region.shard_database()))
            .await
            .unwrap();
        superuser.batch_execute(&format!("DROP ROLE {name}")).await.unwrap();
    }
}

#[tokio::test]
async fn an_unsafe_setting_is_refused_by_name() {
    let region = TestRegion::new().await;
    let superuser = region.superuser().await;
    let database = region.shard_database();
    for (setting, value) in [("log_statement", "all"), ("log_parameter_max_length", "-1")] {
        superuser
            .batch_execute(&format!("ALTER DATABASE {database} SET {setting} = '{value}'"))
            .await
            .unwrap();
        let refused = refusal(&region.config).await;
        superuser.batch_execute(&format!("ALTER DATABASE {database} RESET {setting}")).await.unwrap();
        assert!(refused.starts_with(setting), "{refused}");
    }
    // Row security cannot be switched off for us: each session switches it on at log-in, whatever the database says.
    superuser.batch_execute(&format!("ALTER DATABASE {database} SET row_security = off")).await.unwrap();
    let regional = Regional::connect(&region.config, Clock::system()).await.unwrap();
    let mut tx = regional.begin(region.alpha, "test").await.unwrap();
    let shown =
        crate::support::word(&mut tx, "SELECT current_setting('row_security') AS word").await.unwrap();
    assert_eq!(shown, "on");
}

#[tokio::test]
async fn what_cannot_be_reached_or_read_is_named() {
    let region = TestRegion::new().await;
    let mut config = region.config.clone();
    config.shards[0].password_file = region.dir().join("absent");
    assert!(refusal(&config).await.starts_with("password_file: "));
    let mut config = region.config.clone();
    config.shards[0].ca = region.pki.ca();
    assert!(refusal(&config).await.starts_with("shards: "), "a server with a stranger's certificate");
    let wrong = region.dir().join("wrong");
    std::fs::write(&wrong, "not-the-password").unwrap();
    let mut config = region.config.clone();
    config.shards[0].password_file = wrong;
    let refused = refusal(&config).await;
    assert!(refused.contains("28P01") && !refused.contains("not-the-password"), "{refused}");
    let mut config = region.config.clone();
    config.shards.clear();
    assert!(refusal(&config).await.starts_with("shards: "));
    let unreached = Regional::connect(&config, Clock::system()).await.err().unwrap();
    assert!(matches!(unreached, BootError::Setting { .. }));
}
