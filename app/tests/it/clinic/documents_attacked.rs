//! Attacks on documents: links in other hands, bytes rearranged under the product's feet, bodies that are not what they say.

use std::path::PathBuf;

use app::access::Role;
use app::documents::scanner::Scanner;
use serde_json::json;

use crate::support::{Sample, World, dicom, log_lines};

const MIB: usize = 1_048_576;

fn blobs(world: &World) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![world.region.aws.s3_dir()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.parent().and_then(|p| p.file_name()).is_some_and(|name| name == "blobs") {
                found.push(path);
            }
        }
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_is_for_one_use_one_session_and_five_minutes() {
    let world = World::new().await;
    let doctor = world.staff(&world.alpha, Role::Physician).await;
    let colleague = world.staff(&world.alpha, Role::Physician).await;
    let foreigner = world.staff(&world.beta, Role::Physician).await;
    let asha = world.patient(&doctor, "D-1").await;
    let id = world.document(&doctor, &asha, &Sample::new("text/plain", b"hello")).await;
    let at = |token: &str| format!("/api/v1/document-links/{token}");
    let gone = (404, "not_found".to_owned());
    let token = world.link(&world.alpha, &doctor, &id).await;
    for (who, clinic) in [(&colleague, &world.alpha), (&foreigner, &world.beta)] {
        let other = world.ask(clinic, "GET", &at(&token)).by(who).send().await;
        assert_eq!(other.outcome(), gone, "another session");
    }
    let nobody = world.ask(&world.alpha, "GET", &at(&token)).send().await;
    assert_eq!(nobody.outcome(), (401, "unauthenticated".into()));
    let used = world.ask(&world.alpha, "GET", &at(&token)).by(&doctor).send().await.expect(200);
    assert_eq!(
        (used.body.as_slice(), used.header("content-type")),
        (b"hello".as_slice(), "text/plain".into())
    );
    assert!(used.header("content-disposition").starts_with("attachment"));
    assert_eq!(world.ask(&world.alpha, "GET", &at(&token)).by(&doctor).send().await.outcome(), gone, "used");
    let token = world.link(&world.alpha, &doctor, &id).await;
    let racing = (0..8).map(|_| world.ask(&world.alpha, "GET", &at(&token)).by(&doctor).send());
    let won = futures_util::future::join_all(racing).await;
    assert_eq!(won.iter().filter(|answer| answer.status == 200).count(), 1, "eight at once");
    let token = world.link(&world.alpha, &doctor, &id).await;
    world.clock.advance_ms(301_000);
    assert_eq!(
        world.ask(&world.alpha, "GET", &at(&token)).by(&doctor).send().await.outcome(),
        gone,
        "expired"
    );
    let token = world.link(&world.alpha, &doctor, &id).await;
    world.ask(&world.alpha, "DELETE", "/api/v1/sessions/current").by(&doctor).send().await.expect(204);
    let after = world.ask(&world.alpha, "GET", &at(&token)).by(&doctor).send().await;
    assert_eq!(after.outcome(), (401, "unauthenticated".into()), "after signing out");
    let log = world.audit(&world.alpha).await;
    let count = |action: &str, outcome: &str| log.iter().filter(|e| e.0 == action && e.1 == outcome).count();
    assert_eq!((count("document.link", "allow"), count("document.redeem", "allow")), (4, 2));
    assert!(count("document.redeem", "deny") >= 10);
    assert!(log_lines().iter().all(|line| !line.contains(&token)), "no link is in the log");
    let superuser = world.region.superuser().await;
    let table = format!("{}.document_link", tenancy::SchemaName::ops(world.alpha.tenant.id).quoted());
    let rows = superuser.query(&format!("SELECT t::text FROM {table} t"), &[]).await.unwrap();
    assert!(rows.iter().all(|row| !row.get::<_, String>(0).contains(&token)), "only a hash is stored");
}

/// Whoever can write to the bucket changes what lies there; what was announced is then not sent to its end.
#[tokio::test(flavor = "multi_thread")]
async fn a_document_changed_in_s3_is_cut_off_and_never_silently_short() {
    let world = World::new().await;
    let doctor = world.staff(&world.alpha, Role::Physician).await;
    let asha = world.patient(&doctor, "D-1").await;
    let before = blobs(&world);
    let file = dicom(0, 9 * MIB);
    let id = world.document(&doctor, &asha, &Sample::new("application/dicom", &file)).await;
    let mine: Vec<PathBuf> = blobs(&world).into_iter().filter(|path| !before.contains(path)).collect();
    let second = mine.iter().find(|path| std::fs::metadata(path).unwrap().len() < 2 * MIB as u64).unwrap();
    let good = std::fs::read(second).unwrap();
    let mut bad = good.clone();
    bad[1_000] ^= 1;
    std::fs::write(second, bad).unwrap();
    let url = format!("https://{}:{}/api/v1/documents/{id}/content", world.alpha.host, world.address.port());
    let path = format!("/api/v1/documents/{id}/content");
    let minted = world.ask(&world.alpha, "GET", &path).minted();
    let ask = world.client.get(url).header("cookie", &doctor.cookie).header("domicile-route", minted);
    let answer = ask.send().await.unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.content_length(), Some(file.len() as u64), "the whole is announced");
    assert!(
        answer.bytes().await.is_err(),
        "and the connection is cut, so that nobody takes it for the whole"
    );
    assert!(log_lines().iter().any(|line| line.contains("document_damaged")));
    std::fs::write(second, good).unwrap();
    let whole = world.ask(&world.alpha, "GET", &path).by(&doctor).send().await.expect(200);
    assert!(whole.body == file);
}

/// A database administrator points one document at another one's object, shortens it, or puts back an older sum.
#[tokio::test(flavor = "multi_thread")]
async fn rows_rearranged_in_the_database_open_nothing() {
    let world = World::new().await;
    let doctor = world.staff(&world.alpha, Role::Physician).await;
    let (asha, ravi) = (world.patient(&doctor, "D-1").await, world.patient(&doctor, "D-2").await);
    let first = world.document(&doctor, &asha, &Sample::new("text/plain", b"of asha")).await;
    let second = world.document(&doctor, &ravi, &Sample::new("text/plain", b"of ravi")).await;
    let third = world.document(&doctor, &asha, &Sample::new("text/plain", b"a third")).await;
    let superuser = world.region.superuser().await;
    let ops = tenancy::SchemaName::ops(world.alpha.tenant.id).quoted();
    let phi = tenancy::SchemaName::phi(world.alpha.tenant.id).quoted();
    let uuid = |id: &str| app::documents::model::DocumentId::parse(id).unwrap().uuid();
    let object = async |id: &str| -> uuid::Uuid {
        let sql = format!("SELECT object_id FROM {ops}.document WHERE id = $1");
        superuser.query_one(&sql, &[&uuid(id)]).await.unwrap().get(0)
    };
    let run = async |sql: String| {
        superuser.batch_execute(&format!("SET session_replication_role = replica; {sql}")).await.unwrap();
    };
    let outcome = async |id: &str| {
        let path = format!("/api/v1/documents/{id}/content");
        let url = format!("https://{}:{}{path}", world.alpha.host, world.address.port());
        let minted = world.ask(&world.alpha, "GET", &path).minted();
        let ask = world.client.get(url).header("cookie", &doctor.cookie).header("domicile-route", minted);
        let answer = ask.send().await.unwrap();
        (answer.status().as_u16(), answer.bytes().await.map(|bytes| bytes.to_vec()).unwrap_or_default())
    };
    assert_eq!(outcome(&first).await, (200, b"of asha".to_vec()));
    let own = object(&first).await;
    for (attack, other) in
        [("another patient's", object(&second).await), ("the same patient's", object(&third).await)]
    {
        run(format!("UPDATE {ops}.document SET object_id = '{other}' WHERE id = '{}'", uuid(&first))).await;
        let (status, bytes) = outcome(&first).await;
        assert!(status == 500 || bytes.is_empty(), "{attack} object: {status} {bytes:?}");
    }
    run(format!(
        "UPDATE {ops}.document SET object_id = '{own}', size_bytes = 5 WHERE id = '{}'",
        uuid(&first)
    ))
    .await;
    assert!(outcome(&first).await.1.is_empty(), "shortened");
    run(format!("UPDATE {ops}.document SET size_bytes = 7 WHERE id = '{}'", uuid(&first))).await;
    assert_eq!(outcome(&first).await, (200, b"of asha".to_vec()));
    let swap = format!(
        "UPDATE {phi}.document_text SET sha256 = (SELECT sha256 FROM {phi}.document_text WHERE document_id = '{}') \
         WHERE document_id = '{}'",
        uuid(&third),
        uuid(&first)
    );
    run(swap).await;
    assert_eq!(outcome(&first).await.0, 500, "a sum of another row does not open");
}

/// Catalogue entry T66 for the one kind of body that may be large.
#[tokio::test(flavor = "multi_thread")]
async fn t66_bodies_of_documents_are_plain_bytes_of_the_announced_length() {
    let world = World::new().await;
    let doctor = world.staff(&world.alpha, Role::Physician).await;
    let asha = world.patient(&doctor, "D-1").await;
    let sample = Sample::new("text/plain", b"hello");
    let id = world.announce(&doctor, &asha, &sample).await;
    let path = format!("/api/v1/documents/{id}/content");
    let put = || world.ask(&world.alpha, "PUT", &path).by(&doctor);
    let octets = (415, "octet_stream_needed".to_owned());
    assert_eq!(put().raw("text/plain", "hello").send().await.outcome(), octets);
    assert_eq!(put().raw("multipart/form-data; boundary=x", "--x--").send().await.outcome(), octets);
    let packed = put().octets(b"\x1f\x8b\x08\0\0").header("content-encoding", "gzip");
    assert_eq!(packed.send().await.outcome(), octets);
    assert_eq!(put().octets(b"hello!").send().await.outcome(), (413, "body_too_large".into()));
    assert_eq!(put().octets(b"hell").send().await.outcome(), (400, "body_incomplete".into()));
    let endless = futures_util::stream::iter((0..64).map(|_| Ok::<_, std::io::Error>(vec![0_u8; 65_536])));
    let endless =
        put().header("content-type", "application/octet-stream").stream(reqwest::Body::wrap_stream(endless));
    assert_eq!(endless.send().await.outcome(), (413, "body_too_large".into()), "no length was said");
    // Every other route keeps its own limit.
    let big = vec![b'x'; 300 * 1024];
    let other = world.ask(&world.alpha, "PUT", &format!("/api/v1/documents/{id}")).by(&doctor);
    let other =
        other.raw("application/json", std::str::from_utf8(&big).unwrap()).header("if-match", "\"v1\"");
    assert_eq!(other.send().await.outcome(), (413, "body_too_large".into()));
    for (media, bytes) in [
        ("application/pdf", 33 * MIB as u64),
        ("application/dicom", (5 << 30) + 1),
        ("text/csv", 9 * MIB as u64),
    ] {
        let body = json!({ "kind": "other", "title": "x", "media_type": media, "size_bytes": bytes });
        let ask = world.ask(&world.alpha, "POST", &format!("/api/v1/patients/{asha}/documents")).by(&doctor);
        assert_eq!(ask.json(&body).send().await.json()["errors"][0]["code"], "too_large", "{media}");
    }
    let archive = json!({ "kind": "other", "title": "x", "media_type": "application/zip", "size_bytes": 9 });
    let ask = world.ask(&world.alpha, "POST", &format!("/api/v1/patients/{asha}/documents")).by(&doctor);
    assert_eq!(ask.json(&archive).send().await.json()["errors"][0]["code"], "unknown_value");
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_that_are_not_what_was_announced_are_quarantined_with_a_reason() {
    let world = World::new().await;
    let doctor = world.staff(&world.alpha, Role::Physician).await;
    let asha = world.patient(&doctor, "D-1").await;
    let image = crate::support::png("x");
    let trailing = [image.as_slice(), &crate::support::zip()].concat();
    for (media, bytes, refusal) in [
        ("application/pdf", image.as_slice(), "type_mismatch"),
        ("image/png", trailing.as_slice(), "trailing_data"),
        ("text/plain", b"MZ\x90\0program".as_slice(), "type_not_allowed"),
    ] {
        let id = world.document(&doctor, &asha, &Sample::new(media, bytes)).await;
        assert_eq!(world.state(&doctor, &id).await, ("quarantined".into(), refusal.into()), "{media}");
    }
    let path = format!("/api/v1/patients/{asha}/documents");
    let mut body = Sample::new("text/plain", b"hello").announcement();
    body["sha256"] = json!("00".repeat(32));
    let made = world.ask(&world.alpha, "POST", &path).by(&doctor).json(&body).send().await.expect(201).json();
    let id = made["id"].as_str().unwrap();
    let content = format!("/api/v1/documents/{id}/content");
    world.ask(&world.alpha, "PUT", &content).by(&doctor).octets(b"hello").send().await.expect(204);
    let complete = format!("/api/v1/documents/{id}/complete");
    world.ask(&world.alpha, "POST", &complete).by(&doctor).send().await.expect(202);
    world.look_at(id, &Scanner::Off).await.unwrap();
    assert_eq!(world.state(&doctor, id).await, ("quarantined".into(), "digest_mismatch".into()));
}
