//! One patient under a new key: whatever is sealed about the patient is read as before, and the old key is gone.

use app::access::Role;
use app::documents::scanner::Scanner;
use app::patients::model::PatientId;
use app::relationships::model::Tie;
use app::rotation::{OldKey, Rotator};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::patient_account::Desk;
use super::rotation::rotator;
use crate::support::{Actor, Sample, World, dicom, nominee, pdf};

const MIB: usize = 1_048_576;

/// A patient with something in every table that is sealed under the patient's key.
struct Scene {
    desk: Desk,
    doctor: Actor,
    officer: Actor,
    patient: String,
    /// Read back by those who may: who, and what.
    places: Vec<(Actor, String)>,
}

impl Scene {
    async fn new() -> Scene {
        let desk = Desk::new().await;
        let world = &desk.world;
        let patient = desk.ids[0].clone();
        let doctor = world.staff(&world.alpha, Role::Physician).await;
        let officer = world.staff(&world.alpha, Role::PrivacyOfficer).await;
        world.tie(&world.alpha, &patient, &doctor, Tie::Member).await;
        let mut scene = Scene { desk, doctor, officer, patient, places: Vec::new() };
        scene.fill().await;
        scene
    }

    fn world(&self) -> &World {
        &self.desk.world
    }

    async fn post(&self, by: &Actor, path: &str, body: &Value) -> Value {
        let made = self.world().ask(&self.world().alpha, "POST", path).by(by).json(body).send().await;
        assert!(made.status.is_success(), "{path}: {:?}", made.outcome());
        self.world().clock.advance_ms(1);
        if made.body.is_empty() { Value::Null } else { made.json() }
    }

    async fn fill(&mut self) {
        let (world, patient) = (self.world(), &self.patient);
        let (me, _) = self.desk.signed_in().await;
        let record = format!("/api/v1/patients/{patient}");
        let corrections = format!("{record}/corrections");
        let wrong = json!({ "what": "The birth date.", "wish": "The 27th." });
        let answered = self.post(&me, &corrections, &wrong).await;
        let answer = format!("{corrections}/{}/answer", answered["id"].as_str().unwrap());
        let verdict = json!({ "verdict": "denied", "reason": "The passport says the 28th." });
        self.post(&self.doctor, &answer, &verdict).await;
        self.post(&me, &corrections, &wrong).await;
        let today = DateTime::<Utc>::from(world.app.clock.now()).date_naive().to_string();
        let given = json!({ "recipient": "Registry", "purpose": "public_health", "description": "Case report",
            "statement": "Notifiable", "disclosed_on": today });
        self.post(&self.officer, &format!("{record}/disclosures"), &given).await;
        let stranger = world.staff(&world.alpha, Role::Physician).await;
        for reviewed in [true, false] {
            let why = json!({ "patient": patient, "reason_code": "emergency", "reason": "Unconscious on arrival." });
            let begun = self.post(&stranger, "/api/v1/break-glass", &why).await;
            let place = format!("/api/v1/break-glass/{}", begun["id"].as_str().unwrap());
            if reviewed {
                let verdict = json!({ "verdict": "justified", "note": "Alone on duty." });
                self.post(&stranger, &format!("{place}/end"), &json!({})).await;
                self.post(&self.officer, &format!("{place}/review"), &verdict).await;
            }
        }
        let proxies = format!("{record}/proxies");
        self.post(&self.desk.desk, &proxies, &nominee("nominee@example.com")).await;
        let large = dicom(0, 9 * MIB);
        let imaging = Sample { kind: "image", ..Sample::new("application/dicom", &large) };
        let letter = pdf("Total");
        let mut documents = Vec::new();
        for sample in [&imaging, &Sample::new("application/pdf", &letter), &Sample::new("text/plain", b"x")] {
            documents.push(world.document(&self.doctor, patient, sample).await);
        }
        let version = world.metadata(&self.doctor, &documents[2]).await["version"].to_string();
        let deleted = format!("/api/v1/documents/{}", documents[2]);
        let delete = world.ask(&world.alpha, "DELETE", &deleted).by(&self.doctor);
        delete.header("if-match", &format!("\"v{version}\"")).send().await.expect(204);
        let mut places = vec![
            (self.doctor.clone(), record.clone()),
            (me.clone(), corrections),
            (me, format!("{record}/disclosures")),
            (self.officer.clone(), "/api/v1/break-glass".to_owned()),
            (self.doctor.clone(), format!("{record}/documents")),
            (self.desk.desk.clone(), proxies),
        ];
        let content = |id: &String| (self.doctor.clone(), format!("/api/v1/documents/{id}/content"));
        places.extend(documents[..2].iter().map(content));
        self.places = places;
    }

    /// What everybody reads, without the numbers that a rotation raises.
    async fn read(&self) -> Vec<Vec<u8>> {
        let mut all = Vec::new();
        for (by, path) in &self.places {
            let answer = self.world().ask(&self.world().alpha, "GET", path).by(by).send().await.expect(200);
            let plain = match path.ends_with("/content") {
                true => answer.body.to_vec(),
                false => without_versions(answer.json()).to_string().into_bytes(),
            };
            all.push(plain);
        }
        all
    }

    async fn rotate(&self) -> OldKey {
        let rotator: Rotator = rotator(self.world()).await;
        let now = DateTime::<Utc>::from(self.world().app.clock.now());
        let patient = PatientId::parse(&self.patient).unwrap();
        Box::pin(rotator.patient(self.world().alpha.tenant.id, patient, now)).await.unwrap()
    }

    /// Versions of the patient's key that the key store holds.
    async fn versions(&self) -> Vec<i32> {
        let keys = self.world().region.key_superuser().await;
        let sql = "SELECT version FROM keystore.subject_key WHERE subject = $1 ORDER BY version";
        let patient = PatientId::parse(&self.patient).unwrap().uuid();
        keys.query(sql, &[&patient]).await.unwrap().iter().map(|row| row.get(0)).collect()
    }
}

fn without_versions(mut value: Value) -> Value {
    match &mut value {
        Value::Object(map) => {
            for name in ["version", "etag", "updated_at", "next"] {
                map.remove(name);
            }
            map.values_mut().for_each(|inner| *inner = without_versions(inner.take()));
        }
        Value::Array(all) => all.iter_mut().for_each(|inner| *inner = without_versions(inner.take())),
        _ => {}
    }
    value
}

#[tokio::test(flavor = "multi_thread")]
async fn a_patient_under_a_new_key_is_read_as_before_and_the_old_key_is_gone() {
    let scene = Scene::new().await;
    let before = scene.read().await;
    assert_eq!(scene.versions().await, [1]);
    for version in [2, 3] {
        assert_eq!(scene.rotate().await, OldKey::Destroyed, "nothing was left under it");
        assert_eq!(scene.versions().await, [version]);
        let after = scene.read().await;
        for ((_, path), (old, new)) in scene.places.iter().zip(before.iter().zip(&after)) {
            assert!(old == new, "{path} is not what it was under key {version}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_under_way_keeps_the_old_key_until_it_is_done() {
    let scene = Scene::new().await;
    let (world, doctor) = (scene.world(), &scene.doctor);
    let file = dicom(0, 9 * MIB);
    let sample = Sample { kind: "image", ..Sample::new("application/dicom", &file) };
    let id = world.announce(doctor, &scene.patient, &sample).await;
    let put = async |number: usize, bytes: &[u8]| {
        let path = format!("/api/v1/documents/{id}/parts/{number}");
        world.ask(&world.alpha, "PUT", &path).by(doctor).octets(bytes).send().await.expect(204);
    };
    put(1, &file[..8 * MIB]).await;
    assert!(matches!(scene.rotate().await, OldKey::Kept(left) if left > 0), "a part is sealed under it");
    assert_eq!(scene.versions().await, [1, 2]);
    put(2, &file[8 * MIB..]).await;
    let complete = format!("/api/v1/documents/{id}/complete");
    world.ask(&world.alpha, "POST", &complete).by(doctor).send().await.expect(202);
    assert!(matches!(scene.rotate().await, OldKey::Kept(_)), "nor while it is looked at");
    world.look_at(&id, &Scanner::Off).await.unwrap();
    assert_eq!(scene.rotate().await, OldKey::Destroyed);
    assert_eq!(scene.versions().await, [2]);
    let content = format!("/api/v1/documents/{id}/content");
    let read = world.ask(&world.alpha, "GET", &content).by(doctor).send().await.expect(200);
    assert!(read.body == file, "the bytes are the document's");
}
