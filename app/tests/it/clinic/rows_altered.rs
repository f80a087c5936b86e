//! Catalogue entry T28 for the rows that are no patient's: accounts, time-based codes, emergencies and documents' words.

use app::access::Role;
use app::relationships::model::Tie;
use serde_json::json;
use tenancy::SchemaName;
use tenancy::keys::Purpose;

use super::rotation::step_by_step;
use super::sessions::{PASSWORD, sign_in};
use crate::support::{Actor, Sample, World, pdf};

/// What somebody who can only write to the database does, each with what the clinic answers a request to then.
struct Attacker<'a> {
    world: &'a World,
    superuser: tokio_postgres::Client,
}

impl<'a> Attacker<'a> {
    async fn new(world: &'a World) -> Attacker<'a> {
        let superuser = world.region.superuser().await;
        // Triggers are off for this session, as an administrator can have them.
        superuser.batch_execute("SET session_replication_role = replica").await.unwrap();
        Attacker { world, superuser }
    }

    async fn run(&self, sql: &str) {
        let tenant = self.world.alpha.tenant.id;
        let (ops, phi) = (SchemaName::ops(tenant).quoted(), SchemaName::phi(tenant).quoted());
        let sql = sql.replace("{ops}", &ops).replace("{phi}", &phi);
        self.superuser.batch_execute(&sql).await.unwrap();
    }

    /// Each attack in turn, undone after it: what `path` answers, before and after 200 and meanwhile 500 with nothing in it.
    async fn each(&self, table: &str, attacks: &[&str], (by, path): (&Actor, &str)) {
        self.run(&format!("CREATE TEMP TABLE kept AS TABLE {table}")).await;
        let ask = || self.world.ask(&self.world.alpha, "GET", path).by(by).send();
        for attack in attacks {
            ask().await.expect(200);
            self.run(attack).await;
            assert_eq!(ask().await.outcome(), (500, "internal".into()), "{attack}");
            self.run(&format!("DELETE FROM {table}; INSERT INTO {table} TABLE kept")).await;
        }
        ask().await.expect(200);
        self.run("DROP TABLE kept").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn t28_an_account_raised_reopened_or_given_another_password_in_the_database_is_nobodys() {
    let world = World::new().await;
    let (_, me) = world.member("asha@example.com").await;
    let (_, other) = world.member("joy@example.com").await;
    let (account, other) = (me.account, other.account);
    let attacker = Attacker::new(&world).await;
    let mine = format!("WHERE id = '{account}'");
    let theirs = |what: &str| format!("(SELECT {what} FROM {{ops}}.account WHERE id = '{other}')");
    let attacks = [
        format!("UPDATE {{ops}}.account SET role = 'clinic_admin' {mine}"),
        format!("UPDATE {{ops}}.account SET password_phc = {} {mine}", theirs("password_phc")),
        format!("UPDATE {{ops}}.account SET password_phc = NULL {mine}"),
        format!("UPDATE {{ops}}.account SET login_tag = sha256('x') {mine}"),
        format!("UPDATE {{ops}}.account SET display_name_sealed = email_sealed {mine}"),
        format!("UPDATE {{ops}}.account SET version = version + 1 {mine}"),
        format!("UPDATE {{ops}}.account SET row_mac = {} {mine}", theirs("row_mac")),
    ];
    let attacks: Vec<&str> = attacks.iter().map(String::as_str).collect();
    attacker.each("{ops}.account", &attacks, (&me, "/api/v1/me")).await;

    // A log-in that is pointed at somebody else's row, and a closed account that is opened past the product.
    sign_in(&world, &world.alpha, "asha@example.com", PASSWORD).await.expect(201);
    attacker
        .run(&format!("UPDATE {{ops}}.account SET password_phc = {} {mine}", theirs("password_phc")))
        .await;
    assert_eq!(sign_in(&world, &world.alpha, "asha@example.com", PASSWORD).await.status.as_u16(), 500);
    attacker.run(&format!("UPDATE {{ops}}.account SET role = 'clinic_admin' WHERE id = '{other}'")).await;
    let list = world.staff(&world.alpha, Role::PrivacyOfficer).await;
    let listed = world.ask(&world.alpha, "GET", "/api/v1/staff").by(&list).send().await;
    assert_eq!(listed.outcome(), (500, "internal".into()), "nor is it listed as what it was made");
}

#[tokio::test(flavor = "multi_thread")]
async fn t28_codes_emergencies_and_words_altered_in_the_database_are_not_used() {
    let world = World::new().await;
    let (_, me) = world.member("asha@example.com").await;
    let attacker = Attacker::new(&world).await;
    let codes = [
        "UPDATE {ops}.totp SET secret_sealed = NULL, enrolled_at = NULL",
        "UPDATE {ops}.totp SET pending_sealed = secret_sealed, pending_at = enrolled_at",
        "UPDATE {ops}.totp SET version = version + 1",
    ];
    attacker.each("{ops}.totp", &codes, (&me, "/api/v1/me/factors")).await;

    let doctor = world.staff(&world.alpha, Role::Physician).await;
    let desk = world.staff(&world.alpha, Role::Receptionist).await;
    let patient = world.patient(&desk, "E-1").await;
    let reach = json!({ "patient": patient, "reason_code": "emergency", "reason": "Unconscious on arrival" });
    world.ask(&world.alpha, "POST", "/api/v1/break-glass").by(&doctor).json(&reach).send().await.expect(201);
    let officer = world.staff(&world.alpha, Role::PrivacyOfficer).await;
    let emergencies = [
        "UPDATE {phi}.break_glass SET reason_code = 'covering'",
        "UPDATE {phi}.break_glass SET note_sealed = reason_sealed, verdict = 'justified'",
    ];
    let whole = "ALTER TABLE {phi}.break_glass DROP CONSTRAINT review_whole";
    attacker.run(whole).await;
    attacker.each("{phi}.break_glass", &emergencies, (&officer, "/api/v1/break-glass")).await;

    let file = pdf("Author");
    let own = world.patient(&doctor, "E-2").await;
    let document = world.document(&doctor, &own, &Sample::new("application/pdf", &file)).await;
    let path = format!("/api/v1/documents/{document}");
    let read = world.metadata(&doctor, &document).await;
    let filed = world.ask(&world.alpha, "PATCH", &path).by(&doctor);
    let filed = filed.json(&json!({ "kind": "lab_report", "dated_on": "2026-01-15" }));
    filed.header("if-match", &format!("\"v{}\"", read["version"])).send().await.expect(200);
    let words = [
        "UPDATE {phi}.document_text SET version = version + 1",
        "UPDATE {phi}.document_text SET sha256 = NULL",
        "UPDATE {phi}.document_text SET notes = title",
        "UPDATE {phi}.document_text SET dated_on = NULL",
        "UPDATE {phi}.document_text SET dated_on = sha256",
    ];
    attacker.each("{phi}.document_text", &words, (&doctor, &path)).await;

    let (herself, corrections) = asks_for_a_correction(&world, &own).await;
    let answers = [
        "UPDATE {phi}.correction SET version = version + 1",
        "UPDATE {phi}.correction SET answer_sealed = request_sealed, answered_at = asked_at, state = 'denied'",
    ];
    attacker.each("{phi}.correction", &answers, (&herself, &corrections)).await;
}

/// A patient who has asked for a correction, and where the answer will be.
async fn asks_for_a_correction(world: &World, patient: &str) -> (Actor, String) {
    let herself = world.staff(&world.alpha, Role::Patient).await;
    world.tie(&world.alpha, patient, &herself, Tie::Subject).await;
    let path = format!("/api/v1/patients/{patient}/corrections");
    let body =
        json!({ "what": "The birth date is another person's.", "wish": "It is the 27th of February." });
    world.ask(&world.alpha, "POST", &path).by(&herself).json(&body).send().await.expect(201);
    (herself, path)
}

/// After a row-MAC key's rotation no row hangs on the old version, whichever table it is in.
#[tokio::test(flavor = "multi_thread")]
async fn a_row_mac_key_is_rotated_under_every_row_while_the_clinic_works() {
    let world = World::new().await;
    let (_, me) = world.member("asha@example.com").await;
    let doctor = world.staff(&world.alpha, Role::Physician).await;
    let desk = world.staff(&world.alpha, Role::Receptionist).await;
    let (own, other) = (world.patient(&doctor, "M-1").await, world.patient(&desk, "M-2").await);
    let reach = json!({ "patient": other, "reason_code": "emergency", "reason": "Unconscious on arrival" });
    world.ask(&world.alpha, "POST", "/api/v1/break-glass").by(&doctor).json(&reach).send().await.expect(201);
    let file = pdf("Author");
    let document = world.document(&doctor, &own, &Sample::new("application/pdf", &file)).await;
    let path = format!("/api/v1/documents/{document}");
    let (herself, corrections) = asks_for_a_correction(&world, &own).await;
    step_by_step(&world, Purpose::RowMac, async |_| {
        world.keep_awake(&world.alpha).await;
        let owned = [(&doctor, path.as_str()), (&herself, corrections.as_str())];
        for (who, path) in [(&me, "/api/v1/me"), (&me, "/api/v1/me/factors")].into_iter().chain(owned) {
            world.ask(&world.alpha, "GET", path).by(who).send().await.expect(200);
        }
    })
    .await;
    let (ops, phi) =
        (SchemaName::ops(world.alpha.tenant.id).quoted(), SchemaName::phi(world.alpha.tenant.id).quoted());
    let superuser = world.region.superuser().await;
    let tables = ["account", "totp"].map(|table| format!("{ops}.{table}"));
    let sealed =
        ["person", "break_glass", "document_text", "correction"].map(|table| format!("{phi}.{table}"));
    for table in tables.iter().chain(&sealed) {
        // Format version 1, then the version of the key.
        let sql = format!(
            "SELECT count(*), count(*) FILTER (WHERE substr(row_mac, 1, 5) = '\\x0100000002') FROM {table}"
        );
        let row = superuser.query_one(&sql, &[]).await.unwrap();
        let (rows, moved): (i64, i64) = (row.get(0), row.get(1));
        assert!(rows > 0 && rows == moved, "{table}: {moved} of {rows}");
    }
}
