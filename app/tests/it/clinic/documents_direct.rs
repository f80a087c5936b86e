//! Large imaging that a clinic chose to have encrypted and handed out by S3 alone: chosen by the administrator, never before it
//! is found clean, by a link that is for one object of the home region and five minutes, and recorded when it is given.

use std::time::Duration;

use app::access::Role;
use app::documents::erasure;
use app::documents::scanner::Scanner;
use app::patients::model::PatientId;
use reqwest::StatusCode;
use serde_json::{Value, json};
use testkit::Geography;

use crate::support::{Actor, Answer, Options, Sample, World, dicom};

const MIB: usize = 1_048_576;
/// A little more than the least that can be chosen: three parts.
const LARGE: usize = 16 * MIB + 1_000;

fn imaging(bytes: &[u8]) -> Sample<'_> {
    Sample { kind: "image", title: "CT", ..Sample::new("application/dicom", bytes) }
}

async fn choose(world: &World, by: &Actor, bytes: Value) -> Answer {
    let ask = world.ask(&world.alpha, "PUT", "/api/v1/settings/documents").by(by);
    ask.json(&json!({ "direct_imaging_from_bytes": bytes })).send().await
}

async fn link(world: &World, by: &Actor, id: &str) -> Answer {
    world.ask(&world.alpha, "POST", &format!("/api/v1/documents/{id}/links")).by(by).send().await
}

/// What somebody gets who has the link and nothing else.
async fn fetch(world: &World, url: &str) -> reqwest::Response {
    let tls = regions::tls::client(world.region.config.s3.ca.as_ref().unwrap()).unwrap();
    let client = reqwest::Client::builder().tls_backend_preconfigured(tls).no_proxy();
    let client = client.redirect(reqwest::redirect::Policy::none()).timeout(Duration::from_secs(30));
    client.build().unwrap().get(url).send().await.unwrap()
}

/// The status and S3's code.
async fn refusal(world: &World, url: &str) -> (u16, String) {
    let answer = fetch(world, url).await;
    let status = answer.status().as_u16();
    let text = answer.text().await.unwrap();
    let code = text.split("<Code>").nth(1).and_then(|rest| rest.split("</Code>").next()).unwrap_or_default();
    (status, code.to_owned())
}

/// Whether a file in the bucket begins with these bytes, as the first part of a document does that lies there as it is.
fn lies_open(world: &World, bytes: &[u8]) -> bool {
    let mut folders = vec![world.region.aws.s3_dir()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if std::fs::read(&path).unwrap().starts_with(bytes) {
                return true;
            }
        }
    }
    false
}

/// A clinic that chose it, with a patient and a large image of hers.
struct Case {
    world: World,
    doctor: Actor,
    patient: String,
    file: Vec<u8>,
    id: String,
}

impl Case {
    async fn new(options: Options) -> Case {
        let world = World::with(options).await;
        let admin = world.staff(&world.alpha, Role::ClinicAdmin).await;
        choose(&world, &admin, json!(16 * MIB)).await.expect(200);
        let doctor = world.staff(&world.alpha, Role::Physician).await;
        let patient = world.patient(&doctor, "D-1").await;
        let file = dicom(0, LARGE);
        let id = world.document(&doctor, &patient, &imaging(&file)).await;
        Case { world, doctor, patient, file, id }
    }

    async fn url(&self) -> String {
        let made = link(&self.world, &self.doctor, &self.id).await.expect(201).json();
        assert_eq!(made["direct"], true);
        made["url"].as_str().unwrap().to_owned()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn direct_is_chosen_by_the_administrator_with_a_fresh_factor_and_within_bounds() {
    let world = World::new().await;
    let admin = world.staff(&world.alpha, Role::ClinicAdmin).await;
    for role in [Role::Physician, Role::PrivacyOfficer, Role::Patient] {
        let other = world.staff(&world.alpha, role).await;
        assert_eq!(choose(&world, &other, json!(16 * MIB)).await.outcome(), (403, "forbidden".into()));
    }
    for wrong in [json!(16 * MIB - 1), json!(0), json!(-1), json!(5_368_709_121_u64), json!("all")] {
        assert_eq!(choose(&world, &admin, wrong.clone()).await.outcome().0, 400, "{wrong}");
    }
    let read = async || {
        let ask = world.ask(&world.alpha, "GET", "/api/v1/settings/documents").by(&admin);
        ask.send().await.expect(200).json()["direct_imaging_from_bytes"].clone()
    };
    assert_eq!(read().await, Value::Null, "off until it is chosen");
    choose(&world, &admin, json!(16 * MIB)).await.expect(200);
    assert_eq!(read().await, json!(16 * MIB));
    choose(&world, &admin, Value::Null).await.expect(200);
    let log = world.audit(&world.alpha).await;
    let chosen = log.iter().filter(|entry| entry.0 == "document_policy.change" && entry.1 == "allow");
    let modes: Vec<&str> = chosen.map(|entry| entry.2.as_deref().unwrap()).collect();
    assert_eq!(modes, ["direct", "sealed"]);
    world.clock.advance_ms(301_000);
    assert_eq!(choose(&world, &admin, json!(16 * MIB)).await.outcome(), (403, "step_up_required".into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_direct_link_gives_one_image_from_the_home_region_and_the_log_has_it() {
    let case = Case::new(Options::default()).await;
    let world = &case.world;
    let url = case.url().await;
    assert!(url.starts_with(&world.region.aws.s3_endpoint()), "{url}");
    let expiry = format!("%2F{}%2Fs3%2Faws4_request", world.region.config.region);
    assert!(url.contains(&expiry) && url.contains("X-Amz-Expires=300&"), "{url}");
    let given = fetch(world, &url).await;
    assert_eq!(given.status(), StatusCode::OK);
    let header = |name: &str| given.headers()[name].to_str().unwrap().to_owned();
    assert!(header("content-disposition").starts_with("attachment; filename=\"image-"));
    assert_eq!(
        (header("content-type"), header("cache-control"), header("x-amz-server-side-encryption")),
        ("application/dicom".into(), "no-store".into(), "aws:kms".into())
    );
    assert!(given.bytes().await.unwrap() == case.file, "the bytes are the document's");

    // Whoever holds it has that and nothing else.
    let other = world.document(&case.doctor, &case.patient, &imaging(&dicom(0, LARGE))).await;
    let made = link(world, &case.doctor, &other).await.expect(201).json();
    let path = |url: &str| url.split('?').next().unwrap().to_owned();
    let swapped = url.replace(&path(&url), &path(made["url"].as_str().unwrap()));
    assert_ne!(swapped, url);
    let mismatch = (403, "SignatureDoesNotMatch".to_owned());
    assert_eq!(refusal(world, &swapped).await, mismatch, "another object");
    let longer = url.replace("X-Amz-Expires=300", "X-Amz-Expires=3600");
    assert_eq!(refusal(world, &longer).await, mismatch, "a longer life");
    let shown = url.replace("attachment", "inline");
    assert_eq!(refusal(world, &shown).await, mismatch, "shown instead of saved");
    assert_eq!(refusal(world, &path(&url)).await, (403, "AccessDenied".into()), "without a signature");
    let region = world.region.config.region.as_str();
    let abroad = url.replace(&format!("%2F{region}%2F"), "%2Fap-south-1%2F");
    assert_eq!(refusal(world, &abroad).await, (400, "AuthorizationQueryParametersError".into()));
    let india = World::with(Options { geography: Geography::In, ..Options::default() }).await;
    let there = url.replace(&world.region.aws.s3_endpoint(), &india.region.aws.s3_endpoint());
    assert_eq!(
        refusal(&india, &there).await,
        (400, "AuthorizationQueryParametersError".into()),
        "another region"
    );

    // The backend still gives it to whoever has a session, whole and in part.
    let content = format!("/api/v1/documents/{}/content", case.id);
    let whole = world.ask(&world.alpha, "GET", &content).by(&case.doctor).send().await.expect(200);
    assert!(whole.body == case.file);
    let range = format!("bytes={}-{}", 9 * MIB - 5, 9 * MIB + 4);
    let part = world.ask(&world.alpha, "GET", &content).by(&case.doctor).header("range", &range);
    assert!(part.send().await.expect(206).body == case.file[9 * MIB - 5..9 * MIB + 5]);
    let log = world.audit(&world.alpha).await;
    let given = log.iter().filter(|entry| entry.0 == "document.link" && entry.2.as_deref() == Some("direct"));
    assert_eq!(given.count(), 2, "each link");
}

/// S3 judges by real time, so the clinic's clock is late here: what it gives out is older than five minutes already.
#[tokio::test(flavor = "multi_thread")]
async fn a_direct_link_is_worth_nothing_after_five_minutes() {
    let case = Case::new(Options { late: Duration::from_secs(301), ..Options::default() }).await;
    let url = case.url().await;
    assert_eq!(refusal(&case.world, &url).await, (403, "AccessDenied".into()));
    let text = fetch(&case.world, &url).await.text().await.unwrap();
    assert!(text.contains("Request has expired"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_large_clean_imaging_is_direct_and_the_rest_stays_sealed() {
    let world = World::new().await;
    let admin = world.staff(&world.alpha, Role::ClinicAdmin).await;
    let doctor = world.staff(&world.alpha, Role::Physician).await;
    let patient = world.patient(&doctor, "D-1").await;
    let file = dicom(0, LARGE);
    let mark = &file[..300];
    let before = world.document(&doctor, &patient, &imaging(&file)).await;
    choose(&world, &admin, json!(16 * MIB)).await.expect(200);
    let small = world.document(&doctor, &patient, &imaging(&dicom(0, 16 * MIB - 1))).await;
    let report = Sample { kind: "lab_report", ..imaging(&file) };
    let report = world.document(&doctor, &patient, &report).await;
    let waiting = world.send_document(&doctor, &patient, &imaging(&file)).await;
    for id in [&before, &small, &report] {
        let made = link(&world, &doctor, id).await.expect(201).json();
        assert_eq!(made["direct"], false);
        assert!(made["url"].as_str().unwrap().starts_with(&world.alpha.origin()));
    }
    assert_eq!(link(&world, &doctor, &waiting).await.outcome(), (409, "document_not_readable".into()));
    assert!(!lies_open(&world, mark), "nothing lies open before it was found clean");
    world.look_at(&waiting, &Scanner::Off).await.unwrap();
    assert_eq!(link(&world, &doctor, &waiting).await.expect(201).json()["direct"], true);
    assert!(lies_open(&world, mark), "that is what the clinic chose");
    choose(&world, &admin, Value::Null).await.expect(200);
    let after = world.document(&doctor, &patient, &imaging(&file)).await;
    assert_eq!(link(&world, &doctor, &after).await.expect(201).json()["direct"], false);
}

/// A database administrator points a document at another patient's image: nobody gets a link to it. What is erased is gone
/// from S3, because nothing else keeps it from being read.
#[tokio::test(flavor = "multi_thread")]
async fn a_direct_object_of_another_patient_has_no_link_and_an_erased_one_is_gone() {
    let case = Case::new(Options::default()).await;
    let world = &case.world;
    let ravi = world.patient(&case.doctor, "D-2").await;
    let mine = world.document(&case.doctor, &ravi, &imaging(&dicom(0, LARGE))).await;
    let superuser = world.region.superuser().await;
    let ops = tenancy::SchemaName::ops(world.alpha.tenant.id).quoted();
    let uuid = |id: &str| app::documents::model::DocumentId::parse(id).unwrap().uuid();
    let sql = format!(
        "SET session_replication_role = replica; UPDATE {ops}.document SET object_id = \
         (SELECT object_id FROM {ops}.document WHERE id = '{}') WHERE id = '{}'",
        uuid(&case.id),
        uuid(&mine)
    );
    superuser.batch_execute(&sql).await.unwrap();
    let refused = link(world, &case.doctor, &mine).await;
    assert_eq!(refused.status, 500, "{}", refused.text());
    assert!(!refused.text().contains("X-Amz"));

    let url = case.url().await;
    let patient = PatientId::parse(&case.patient).unwrap();
    let now = chrono::DateTime::<chrono::Utc>::from(world.app.clock.now());
    let mut tx = world.region.regional.begin(world.alpha.tenant, "test.erase").await.unwrap();
    let gone = erasure::forget(&mut tx, patient, now).await.unwrap();
    let entry = erasure::TABLES
        .into_iter()
        .fold(app::audit::by_system("test.erase"), |entry, table| entry.touches(table));
    tx.commit(entry).await.unwrap();
    erasure::remove(&world.region.regional, world.alpha.tenant, &gone).await.unwrap();
    assert_eq!(refusal(world, &url).await, (404, "NoSuchKey".into()));
}
