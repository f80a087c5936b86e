//! The control database itself: no place for a person, no way to rewrite a log, and migrations that leave nothing behind.

use app::control::migrations::{self, MigrateError};

use super::support::TestControl;

/// Every column of the control database. A new one is a decision: whose value is it? A person's has no place here.
const COLUMNS: &str = "
directory_head: chain singleton version
directory_log: chain entry recorded_at version
enrolment: admin_id created_at expires_at token_hash
idempotency: admin_id created_at key_hash request_hash tenant_id
platform_admin: created_at failed_count id locked_until login password_changed_at password_phc role state
platform_audit: action actor_id actor_kind outcome reason recorded_at region request_id resource_id resource_kind seq
platform_challenge: bytes expires_at handle_hash id purpose session_id
platform_passkey: admin_id cose_key created_at credential_id id label last_used_at sign_count
platform_session: absolute_expires_at admin_id created_at csrf_hash id idle_expires_at last_seen_at proven_at proven_by revoked_at token_hash
region: code created_at jurisdiction name peer_front_door public_port transit
shard: created_at id region state tenants_max
support_grant: answered_at asked_at asked_by ends_at id minutes over_at reason region settled_at state tenant_id
support_look: answer answered_at asked_at code grant_id id state what
task: created_at done_at first_admin_email id kind region state tenant_id
task_step: attempts changed_at code state step task_id
tenant: created_at epoch id legal_name purged_at region shard slug state updated_at version
tenant_key: made_at moved purpose reported_at rotation state tenant_id version
tenant_slug: skeleton slug taken_at tenant_id
";

#[tokio::test]
async fn there_is_no_column_for_a_person_but_the_address_that_is_erased() {
    let control = TestControl::start().await;
    let superuser = control.superuser().await;
    let rows = superuser
        .query(
            "select table_name::text, string_agg(column_name::text, ' ' order by column_name::text)
             from information_schema.columns where table_schema = 'platform' group by 1 order by 1",
            &[],
        )
        .await
        .unwrap();
    let found: Vec<String> =
        rows.iter().map(|row| format!("{}: {}", row.get::<_, String>(0), row.get::<_, String>(1))).collect();
    assert_eq!(found.join("\n"), COLUMNS.trim());
    let words = [
        "patient", "subject", "mrn", "birth", "phone", "mail", "given", "family", "address", "diagnos",
        "abha", "ssn",
    ];
    let personal: Vec<&str> =
        COLUMNS.split_whitespace().filter(|name| words.iter().any(|word| name.contains(word))).collect();
    assert_eq!(personal, ["first_admin_email"]);
    // The address cannot outlive its task, whoever writes the row.
    let kept = superuser
        .batch_execute(
            "insert into platform.region values ('us-east-1', 'us', 'US', 'h:1', 1, 'refuse', now());
             insert into platform.shard values ('us-east-1', 1, 1, 'open', now());
             insert into platform.tenant values
               ('00000000-0000-4000-8000-000000000001', 'lotus', 'L', 'us-east-1', 1, 1, 'active', 1, now(), now());
             insert into platform.task values ('00000000-0000-4000-8000-000000000002',
               '00000000-0000-4000-8000-000000000001', 'us-east-1', 'provision', 'done', 'a@b.example', now(), now())",
        )
        .await
        .unwrap_err();
    assert_eq!(kept.code().unwrap().code(), "23514");
}

#[tokio::test]
async fn the_running_process_can_neither_rewrite_a_log_nor_change_the_schema() {
    let control = TestControl::start().await;
    control.with_regions().await;
    let password = std::fs::read_to_string(&control.config.database.password_file).unwrap();
    let database = &control.config.database;
    let client = control.cluster.login(&database.database, &database.user, &password).await.unwrap();
    for denied in [
        "update platform.directory_log set entry = '\\x00'",
        "delete from platform.directory_log",
        "truncate platform.platform_audit",
        "delete from platform.platform_audit",
        "update platform.platform_audit set action = 'nothing'",
        "update platform.tenant set region = 'us-east-1'",
        "update platform.tenant set slug = 'other'",
        "update platform.support_grant set asked_by = tenant_id",
        "delete from platform.support_look",
        "delete from platform.tenant",
        "update platform.region set jurisdiction = 'US'",
        "alter table platform.tenant add column name text",
        "create table platform.patient (name text)",
        "drop trigger append_only on platform.directory_log",
        "create table public.patient (name text)",
        "set role control_test_owner",
    ] {
        let refused = client.batch_execute(denied).await.expect_err(denied);
        assert_eq!(refused.code().map(|code| code.code()), Some("42501"), "{denied}: {refused:?}");
    }
    // Not even the owner rewrites a log by mistake.
    let superuser = control.superuser().await;
    for refused in
        ["delete from platform.directory_log", "update platform.platform_audit set action = 'nothing'"]
    {
        let error = superuser.batch_execute(refused).await.expect_err(refused);
        assert_eq!(error.code().unwrap().code(), "23001", "{refused}");
    }
}

#[tokio::test]
async fn migrations_are_repeatable_never_edited_and_leave_nothing_behind() {
    let control = TestControl::start().await;
    let (owner, app) = (control.config.owner_database(), control.config.database.user.clone());
    assert_eq!(migrations::up(&owner, &app).await.unwrap(), Vec::<&str>::new());
    let superuser = control.superuser().await;
    superuser.batch_execute("update platform_migration.applied set checksum = '\\x00'").await.unwrap();
    assert!(matches!(migrations::up(&owner, &app).await, Err(MigrateError::Edited("0001_platform"))));
    superuser
        .batch_execute("insert into platform_migration.applied values ('9999_later', '\\x00')")
        .await
        .unwrap();
    assert!(matches!(migrations::up(&owner, &app).await, Err(MigrateError::Newer)));
    for role in [owner.user.as_str(), "x; drop schema platform", ""] {
        assert!(matches!(migrations::up(&owner, role).await, Err(MigrateError::Role)), "{role}");
    }
    migrations::down(&owner).await.unwrap();
    let left = "select count(*) from pg_namespace where nspname like 'platform%'";
    assert_eq!(superuser.query_one(left, &[]).await.unwrap().get::<_, i64>(0), 0);
    let racing = futures_util::future::join_all((0..4).map(|_| migrations::up(&owner, &app))).await;
    let mut applied: Vec<&str> = racing.into_iter().flat_map(Result::unwrap).collect();
    applied.sort_unstable();
    let files = concat!(env!("CARGO_MANIFEST_DIR"), "/../migrations/control");
    let mut all: Vec<String> = std::fs::read_dir(files)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    all.sort_unstable();
    assert_eq!(applied, all, "of four at once one applied each");
}
