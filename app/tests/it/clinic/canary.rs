//! Catalogue entry T47: unique strings in every input are nowhere in clear afterwards.

use app::access::Role;
use app::relationships::model::Tie;
use serde_json::{Value, json};
use tokio_postgres::SimpleQueryMessage;

use crate::support::{World, log_lines, nominee};

fn planted() -> Value {
    json!({
        "names": [{ "use": "official", "prefix": "Canaryprefix", "given": ["Canarygiven"], "family": "Canaryfamily" }],
        "birth_date": "1931-07-19",
        "sex": "other",
        "phones": [{ "value": "+1 202-555-0177" }],
        "emails": [{ "value": "canarymail@canarydomain.example" }],
        "addresses": [{
            "lines": ["Canaryline 1"], "city": "Canarycity", "district": "Canarydistrict", "state": "Canarystate",
            "postal_code": "Canarycode", "country": "US",
        }],
        "mrn": "CANARYMRN1",
        "identifiers": [{ "kind": "insurance_member_id", "value": "CANARY998877" }],
    })
}

/// Every row of every table of a database as text; bytea comes as hexadecimal and is decoded too.
async fn contents(client: &tokio_postgres::Client) -> String {
    let tables = client
        .query(
            "SELECT format('%I.%I', n.nspname, c.relname) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
             WHERE c.relkind IN ('r', 'p') AND n.nspname NOT IN ('pg_catalog', 'information_schema')",
            &[],
        )
        .await
        .unwrap();
    let mut all = String::new();
    for table in tables {
        let table: String = table.get(0);
        for message in client.simple_query(&format!("SELECT t::text FROM {table} t")).await.unwrap() {
            if let SimpleQueryMessage::Row(row) = message {
                let line = row.get(0).unwrap_or_default();
                all.push_str(line);
                all.push('\n');
                for part in line.split("\\x").skip(1) {
                    let hex: String = part.chars().take_while(char::is_ascii_hexdigit).collect();
                    let even = &hex[..hex.len() & !1];
                    let bytes =
                        data_encoding::HEXLOWER_PERMISSIVE.decode(even.as_bytes()).unwrap_or_default();
                    all.push_str(&String::from_utf8_lossy(&bytes));
                    all.push('\n');
                }
            }
        }
    }
    all
}

/// Names and bytes of every file below a folder.
fn files(folder: &std::path::Path) -> String {
    let mut all = String::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            all.push_str(&format!("{}\n", path.display()));
            match path.is_dir() {
                true => folders.push(path),
                false => all.push_str(&String::from_utf8_lossy(&std::fs::read(&path).unwrap())),
            }
        }
    }
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn planted_strings_are_nowhere_in_clear() {
    let world = World::new().await;
    let desk = world.staff(&world.alpha, Role::Physician).await;
    let admin = world.staff(&world.alpha, Role::ClinicAdmin).await;
    let made = world.ask(&world.alpha, "POST", "/api/v1/patients").by(&desk).json(&planted());
    let made = made.header("idempotency-key", "canary-key").send().await.expect(201);
    let path = made.header("location");
    world.ask(&world.alpha, "GET", &path).by(&desk).send().await.expect(200);
    let put = world.ask(&world.alpha, "PUT", &path).by(&desk).json(&planted());
    put.header("if-match", "\"v1\"").send().await.expect(200);
    for search in [
        json!({ "name_starts_with": "canaryf" }),
        json!({ "email": "canarymail@canarydomain.example" }),
        json!({ "name": "Canaryfamily", "birth_date": "1931-07-19" }),
    ] {
        let ask = world.ask(&world.alpha, "POST", "/api/v1/patients/search").by(&desk).json(&search);
        assert_eq!(ask.send().await.expect(200).json()["items"].as_array().unwrap().len(), 1, "{search}");
    }
    let invite =
        json!({ "email": "canarystaff@example.com", "display_name": "Canarycolleague", "role": "nurse" });
    world.ask(&world.alpha, "POST", "/api/v1/staff").by(&admin).json(&invite).send().await.expect(201);
    let moves = json!({ "email": "canarymoves@example.com" });
    world.ask(&world.alpha, "POST", "/api/v1/me/email").by(&admin).json(&moves).send().await.expect(202);
    let guess = json!({ "email": "canarylogin@example.com", "password": "canarypassword 1" });
    let mut errors =
        world.ask(&world.alpha, "POST", "/api/v1/sessions").json(&guess).send().await.expect(401).text();
    for broken in
        [r#"{"canaryfield":1}"#, r#"{"names":"canarytype"}"#, "canaryjson", r#"{"sex":"canaryvariant"}"#]
    {
        let ask =
            world.ask(&world.alpha, "POST", "/api/v1/patients").by(&desk).raw("application/json", broken);
        errors.push_str(&ask.send().await.expect(400).text());
    }
    errors.push_str(
        &world
            .ask(&world.alpha, "GET", "/api/v1/patients/canaryid")
            .by(&desk)
            .send()
            .await
            .expect(404)
            .text(),
    );

    let patient = path.strip_prefix("/api/v1/patients/").unwrap().to_owned();
    let documents = format!("{path}/documents");
    let text = b"Canarycontent of a report".as_slice();
    let announced = json!({
        "kind": "lab_report", "title": "Canarytitle", "notes": "Canarynotes", "file_name": "canaryfile.txt",
        "media_type": "text/plain", "size_bytes": text.len(), "dated_on": "1957-10-04",
    });
    let made =
        world.ask(&world.alpha, "POST", &documents).by(&desk).json(&announced).send().await.expect(201);
    let content = format!("{}/content", made.header("location"));
    world.ask(&world.alpha, "PUT", &content).by(&desk).octets(text).send().await.expect(204);
    let complete = content.replace("/content", "/complete");
    world.ask(&world.alpha, "POST", &complete).by(&desk).send().await.expect(202);
    let id = made.json()["id"].as_str().unwrap().to_owned();
    world.look_at(&id, &app::documents::scanner::Scanner::Off).await.unwrap();
    let read = world.ask(&world.alpha, "GET", &content).by(&desk).send().await.expect(200);
    assert_eq!(read.body, text);
    assert_eq!(world.metadata(&desk, &id).await["patient"], patient);
    let broken = r#"{"title":"canarytitle"}"#;
    let ask = world.ask(&world.alpha, "POST", &documents).by(&desk).raw("application/json", broken);
    errors.push_str(&ask.send().await.expect(400).text());
    let herself = world.staff(&world.alpha, Role::Patient).await;
    world.tie(&world.alpha, &patient, &herself, Tie::Subject).await;
    let corrections = format!("{path}/corrections");
    let asked = json!({ "what": "Canarywhat is wrong", "wish": "Canarywish instead" });
    let made = world.ask(&world.alpha, "POST", &corrections).by(&herself).json(&asked).send().await;
    let answer = format!("{corrections}/{}/answer", made.expect(201).json()["id"].as_str().unwrap());
    let said = json!({ "verdict": "denied", "reason": "Canaryreason of the clinic" });
    world.ask(&world.alpha, "POST", &answer).by(&desk).json(&said).send().await.expect(200);
    let mut stands_in = nominee("canaryproxy@example.com");
    stands_in["name"] = json!("Canaryproxy Sample");
    stands_in["proof"]["reference"] = json!("Canaryproof of the notary");
    let proxies = format!("{path}/proxies");
    world.ask(&world.alpha, "POST", &proxies).by(&desk).json(&stands_in).send().await.expect(201);
    stands_in["kind"] = json!("parent");
    let refused = world.ask(&world.alpha, "POST", &proxies).by(&desk).json(&stands_in).send().await;
    errors.push_str(&refused.expect(400).text());
    let bucket = files(&world.region.aws.s3_dir());
    assert!(bucket.contains("/blobs/"), "the scan saw the bucket");

    let shard = contents(&world.region.superuser().await).await;
    let keys = contents(&world.region.key_superuser().await).await;
    assert!(shard.len() > 1_000 && keys.len() > 100, "the scan saw the tables");
    let log = log_lines().join("\n");
    assert!(log.contains("/api/v1/patients/{id}"), "the scan saw the log");
    let metrics = regions::metrics::render();
    for (place, text) in [
        ("shard", &shard),
        ("key store", &keys),
        ("bucket", &bucket),
        ("log", &log),
        ("metrics", &metrics),
        ("error bodies", &errors),
    ] {
        let lower = text.to_lowercase();
        for canary in ["canary", "1931-07-19", "1957-10-04", "5550177", "2025550177", "998877"] {
            let at = lower.find(canary);
            assert!(
                at.is_none(),
                "{canary} is in the {place}: {:?}",
                at.map(|at| lower[at.saturating_sub(60)..].chars().take(160).collect::<String>())
            );
        }
    }
}
