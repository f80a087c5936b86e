//! Catalogue entry T28: rows that a database administrator altered in ways that no single sealed value can notice.

use app::access::Role;
use app::patients::model::PatientId;
use serde_json::{Value, json};
use tenancy::SchemaName;

use crate::support::{Actor, World, patient};

async fn registered(world: &World, actor: &Actor) -> (String, uuid::Uuid) {
    let made =
        world.ask(&world.alpha, "POST", "/api/v1/patients").by(actor).json(&patient("Alteredson", "R-1"));
    let id = made.send().await.expect(201).json()["id"].as_str().unwrap().to_owned();
    let uuid = PatientId::parse(&id).unwrap().uuid();
    (id, uuid)
}

#[tokio::test(flavor = "multi_thread")]
async fn t28_a_row_with_a_column_emptied_or_moved_or_a_tag_taken_is_not_shown() {
    let world = World::new().await;
    let actor = world.staff(&world.alpha, Role::Physician).await;
    let (id, uuid) = registered(&world, &actor).await;
    let phi = SchemaName::phi(world.alpha.tenant.id).quoted();
    let superuser = world.region.superuser().await;
    // Triggers are off for this session, as an administrator can have them.
    superuser.batch_execute("SET session_replication_role = replica").await.unwrap();
    let keep = format!(
        "CREATE TEMP TABLE kept AS TABLE {phi}.person; CREATE TEMP TABLE kept_tags AS TABLE {phi}.person_tag"
    );
    superuser.batch_execute(&keep).await.unwrap();
    let read = format!("/api/v1/patients/{id}");
    // What is done, and whether a list, which reads no tags, notices too.
    let attacks = [
        (format!("UPDATE {phi}.person SET phones = NULL"), true),
        (format!("UPDATE {phi}.person SET emails = NULL, addresses = NULL"), true),
        (format!("UPDATE {phi}.person SET identifiers = mrn"), true),
        (format!("UPDATE {phi}.person SET version = version + 1"), true),
        (
            format!("UPDATE {phi}.person SET row_mac = set_byte(row_mac, 20, 1 - get_byte(row_mac, 20) % 2)"),
            true,
        ),
        (format!("UPDATE {phi}.person SET tags_digest = sha256('x')"), true),
        (format!("DELETE FROM {phi}.person_tag WHERE index_id = 2"), false),
        (
            format!(
                "INSERT INTO {phi}.person_tag SELECT patient_id, tenant_id, 3, sha256('x')::bytea FROM {phi}.person"
            ),
            false,
        ),
        (format!("UPDATE {phi}.person_tag SET tag = substr(sha256(tag), 1, 16) WHERE index_id = 1"), false),
    ];
    for (attack, in_lists) in attacks {
        superuser.batch_execute(&attack).await.unwrap();
        let answer = world.ask(&world.alpha, "GET", &read).by(&actor).send().await;
        assert_eq!(answer.outcome(), (500, "internal".into()), "{attack}");
        assert!(!answer.text().contains("Alteredson"), "{attack}");
        let listed = world.ask(&world.alpha, "GET", "/api/v1/patients").by(&actor).send().await;
        assert_eq!(listed.status.as_u16() == 500, in_lists, "{attack}: {}", listed.text());
        let restore = format!(
            "DELETE FROM {phi}.person_tag; DELETE FROM {phi}.person; INSERT INTO {phi}.person TABLE kept; \
             INSERT INTO {phi}.person_tag TABLE kept_tags"
        );
        superuser.batch_execute(&restore).await.unwrap();
        world.ask(&world.alpha, "GET", &read).by(&actor).send().await.expect(200);
    }
    assert_eq!(
        superuser
            .query(&format!("SELECT FROM {phi}.person WHERE patient_id = $1"), &[&uuid])
            .await
            .unwrap()
            .len(),
        1
    );
}

/// A whole row put back is consistent in itself; the log names the version and the MAC that the row should have.
#[tokio::test(flavor = "multi_thread")]
async fn t28_a_row_put_back_whole_is_told_from_the_log() {
    let world = World::new().await;
    let actor = world.staff(&world.alpha, Role::Physician).await;
    let (id, uuid) = registered(&world, &actor).await;
    let (phi, ops) =
        (SchemaName::phi(world.alpha.tenant.id).quoted(), SchemaName::ops(world.alpha.tenant.id).quoted());
    let superuser = world.region.superuser().await;
    superuser.batch_execute("SET session_replication_role = replica").await.unwrap();
    // The last change of each patient in the log against the row as it is.
    let differs = format!(
        "SELECT count(*) FROM {phi}.person p JOIN LATERAL (
             SELECT e.row_version, e.row_mac FROM {ops}.audit_event e
             WHERE e.subject_id = p.patient_id AND 'person' = ANY (e.touched) ORDER BY e.seq DESC LIMIT 1) last ON true
         WHERE (p.version, p.row_mac) IS DISTINCT FROM (last.row_version, last.row_mac)"
    );
    let differing = async || superuser.query_one(&differs, &[]).await.unwrap().get::<_, i64>(0);
    assert_eq!(differing().await, 0);
    let keep = format!(
        "CREATE TEMP TABLE kept AS TABLE {phi}.person; CREATE TEMP TABLE kept_tags AS TABLE {phi}.person_tag"
    );
    superuser.batch_execute(&keep).await.unwrap();
    let mut changed: Value = patient("Marriedname", "R-1");
    changed["phones"] = json!([]);
    let put = world.ask(&world.alpha, "PUT", &format!("/api/v1/patients/{id}")).by(&actor);
    put.header("if-match", "\"v1\"").json(&changed).send().await.expect(200);
    assert_eq!(differing().await, 0);
    let restore = format!(
        "DELETE FROM {phi}.person_tag; DELETE FROM {phi}.person; INSERT INTO {phi}.person TABLE kept; \
         INSERT INTO {phi}.person_tag TABLE kept_tags; UPDATE {ops}.patient SET version = 1 WHERE id = '{uuid}'"
    );
    superuser.batch_execute(&restore).await.unwrap();
    assert_eq!(differing().await, 1, "the row is last week's and the log says so");
}
