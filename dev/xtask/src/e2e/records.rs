//! The main job: a record is registered, read, corrected, found and listed, and only at home.
use serde_json::{Value, json};

use crate::e2e::World;
use crate::e2e::raw::ask;
use crate::fail::{Fail, Outcome};
use crate::http::{Answer, Call, Client};
use crate::layout::{LocalRegion, REGIONS};
use crate::seed::DemoClinic;
use crate::seed::clinics::try_sign_in;

/// Times a document is asked for while it is looked at.
const LOOKS_MAX: usize = 100;
/// Pause between two of them.
const LOOK_EVERY: std::time::Duration = std::time::Duration::from_millis(200);

/// What one region's planted patient is made of. Texts start with the run's mark, which the scans look for as they look
/// for the number and the dates, which nobody else in a stack has.
pub(super) struct Planted {
    /// Family name.
    pub family: String,
    /// Medical record number.
    pub mrn: String,
    /// E-mail address.
    pub email: String,
    /// Telephone number, without the country's code.
    pub phone: String,
    /// Birth date as registered, and as corrected.
    pub birth_dates: [&'static str; 2],
}

/// Everything planted in this run that no file, log or metric may hold in clear.
pub(super) fn planted_texts(world: &World) -> Vec<String> {
    let mut texts = vec![world.mark.clone()];
    for planted in REGIONS.iter().map(|region| Planted::of(world, region)) {
        texts.extend([planted.phone.replace('-', ""), planted.phone]);
        texts.extend(planted.birth_dates.map(str::to_owned));
    }
    texts
}

impl Planted {
    /// The planted values of a region in this run.
    pub(super) fn of(world: &World, region: &LocalRegion) -> Self {
        let (mark, code) = (&world.mark, region.code);
        let (number, birth_dates) = match code {
            "us" => ("0198", ["1907-03-19", "1907-03-23"]),
            _ => ("0199", ["1913-11-17", "1913-11-29"]),
        };
        Self {
            family: format!("{mark}family{code}"),
            mrn: format!("{mark}mrn{code}").to_uppercase(),
            email: format!("{mark}mail{code}@example.com"),
            phone: format!("202-555-{number}"),
            birth_dates,
        }
    }

    fn international(&self) -> String {
        format!("+1 {}", self.phone)
    }

    fn registration(&self, birth_date: &str) -> Value {
        json!({
            "names": [{ "given": ["Planted"], "family": self.family }],
            "birth_date": birth_date,
            "sex": "unknown",
            "phones": [{ "value": self.international() }],
            "emails": [{ "value": self.email }],
            "addresses": [{ "lines": [format!("1 {} Street", self.family)], "city": "Exampleton" }],
            "mrn": self.mrn,
        })
    }
}

/// Signs in as the staff who register patients.
pub(super) async fn desk(world: &World, clinic: &DemoClinic) -> Outcome<Client> {
    let login = clinic.logins.last().ok_or_else(|| Fail::new("the demo clinic has no staff"))?;
    let mut desks = world.desks.lock().await;
    if let Some(client) = desks.get(&clinic.slug) {
        return Ok(client.clone());
    }
    let client = try_sign_in(&world.stack, clinic, login).await?;
    let client = client.ok_or_else(|| Fail::new(format!("{} cannot sign in", login.email)))?;
    desks.insert(clinic.slug.clone(), client.clone());
    Ok(client)
}

/// The whole life of one record in each region.
pub(super) async fn life_of_a_record(world: &World) -> Outcome<()> {
    for (clinic, region) in world.demo.clinics.iter().zip(&REGIONS) {
        let client = desk(world, clinic).await?;
        let id = register_and_correct(&client, &Planted::of(world, region)).await?;
        find(&client, &Planted::of(world, region), &id).await?;
        document(&client, &world.mark, &id).await?;
        let stranger = Client::new(&world.stack.home, &clinic.url)?;
        let path = format!("/api/v1/patients/{id}");
        must_be(&stranger.send(Call::get(&path)).await?, 401, "reading without a session")?;
        // Through the other region's front door, which must not learn the id: the scans look for it there.
        for other in REGIONS.iter().filter(|other| other.code != region.code) {
            let port = world.stack.ports.region(other).front_door();
            let request = format!("GET {path} HTTP/1.1\r\nhost: {}", clinic.host);
            ask(&world.stack.home, port, &clinic.host, &request).await?.must_be(401)?;
        }
    }
    Ok(())
}

/// A session of one region is worth nothing at a clinic of the other.
pub(super) async fn foreign_session(world: &World) -> Outcome<()> {
    let home = &world.stack.home;
    let clinics = || world.demo.clinics.iter().zip(&REGIONS);
    for (clinic, _) in clinics() {
        let cookie = session_cookie(world, clinic).await?;
        for (asked, region) in clinics() {
            let port = world.stack.ports.region(region).front_door();
            let request = format!("GET /api/v1/me HTTP/1.1\r\nhost: {}\r\ncookie: {cookie}", asked.host);
            let expected = if asked.slug == clinic.slug { 200 } else { 401 };
            ask(home, port, &asked.host, &request).await?.must_be(expected)?;
        }
    }
    Ok(())
}

async fn session_cookie(world: &World, clinic: &DemoClinic) -> Outcome<String> {
    let login = clinic.logins.last().ok_or_else(|| Fail::new("the demo clinic has no staff"))?;
    let client = Client::new(&world.stack.home, &clinic.url)?;
    let credentials = json!({ "email": login.email, "password": login.password });
    let answer = client.expect(Call::post("/api/v1/sessions", &credentials)).await?;
    let cookie = answer.headers.get("set-cookie").and_then(|value| value.to_str().ok());
    let pair = cookie.and_then(|cookie| cookie.split(';').next());
    pair.map(str::to_owned).ok_or_else(|| Fail::new("signing in sets no cookie"))
}

/// Each clinic's ids are nobody's at the other clinic, whose log then holds the id that was asked for: this comes after
/// the scans.
pub(super) async fn foreign_ids(world: &World) -> Outcome<()> {
    let clinics = &world.demo.clinics;
    for (clinic, other) in clinics.iter().zip(clinics.iter().rev()) {
        let client = desk(world, clinic).await?;
        for foreign in ids(world, other).await? {
            let path = format!("/api/v1/patients/{foreign}");
            must_be(&client.send(Call::get(&path)).await?, 404, "reading another clinic's patient")?;
        }
    }
    Ok(())
}

async fn register_and_correct(client: &Client, planted: &Planted) -> Outcome<String> {
    let [registered, corrected] = planted.birth_dates;
    let registration = planted.registration(registered);
    let create =
        || Call::post("/api/v1/patients", &registration).header("idempotency-key", planted.mrn.clone());
    let created = client.expect(create()).await?;
    let id = created.field("id")?;
    let again = client.expect(create()).await?;
    if again.field("id")? != id {
        return Err(Fail::new("the same Idempotency-Key registered a second patient"));
    }
    let path = format!("/api/v1/patients/{id}");
    let read = client.expect(Call::get(&path)).await?;
    if !read.text.contains(&planted.family) || !read.text.contains(&planted.email) {
        return Err(Fail::new("the record that was read is not the one that was registered"));
    }
    let tag = read.headers.get("etag").and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    let correction = planted.registration(corrected);
    let put = || Call::put(&path, &correction);
    must_be(&client.send(put()).await?, 428, "correcting without If-Match")?;
    must_be(&client.send(put().header("if-match", "\"0\"")).await?, 412, "correcting an old version")?;
    must_be(&client.send(put().header("if-match", tag)).await?, 200, "correcting")?;
    let read = client.expect(Call::get(&path)).await?;
    if read.json.get("birth_date") != Some(&json!(corrected)) {
        return Err(Fail::new("the correction is not there"));
    }
    Ok(id)
}

/// A document whose title, file name and content are planted, from its announcement to its last byte.
async fn document(client: &Client, mark: &str, patient: &str) -> Outcome<()> {
    let text = format!("{mark}content of a referral").into_bytes();
    let announced = json!({
        "kind": "referral", "title": format!("{mark}title"), "file_name": format!("{mark}file.txt"),
        "media_type": "text/plain", "size_bytes": text.len(),
    });
    let create = format!("/api/v1/patients/{patient}/documents");
    let id = client.expect(Call::post(&create, &announced)).await?.field("id")?;
    let (place, content) = (format!("/api/v1/documents/{id}"), format!("/api/v1/documents/{id}/content"));
    client.expect(Call::octets(&content, text)).await?;
    client.expect(Call::act(&format!("{place}/complete"))).await?;
    // The worker looks at it; its queue notices a new job within half a second.
    for _ in 0..LOOKS_MAX {
        let state = client.expect(Call::get(&place)).await?.field("state")?;
        if state == "current" {
            let read = client.expect(Call::get(&content)).await?;
            let same = read.text == format!("{mark}content of a referral");
            return if same { Ok(()) } else { Err(Fail::new("the document is not the one that was sent")) };
        }
        if state != "scanning" {
            return Err(Fail::new(format!("a clean document became {state}")));
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
    Err(Fail::new("the worker did not look at a document"))
}

async fn find(client: &Client, planted: &Planted, id: &str) -> Outcome<()> {
    let [_, corrected] = planted.birth_dates;
    let searches = [
        json!({ "mrn": planted.mrn }),
        json!({ "phone": planted.international() }),
        json!({ "email": planted.email }),
        json!({ "name": planted.family, "birth_date": corrected }),
    ];
    for search in &searches {
        let found = client.expect(Call::post("/api/v1/patients/search", search)).await?;
        if !found.text.contains(id) {
            return Err(Fail::new(format!("the record is not found by {search}: {}", found.text)));
        }
    }
    let listed = client.expect(Call::get("/api/v1/patients?limit=50")).await?;
    if listed.text.contains(id) { Ok(()) } else { Err(Fail::new("the record is not in the list")) }
}

fn must_be(answer: &Answer, status: u16, what: &str) -> Outcome<()> {
    if answer.status.as_u16() == status {
        return Ok(());
    }
    Err(Fail::new(format!("{what} was answered with {} instead of {status}: {}", answer.status, answer.text)))
}

/// The ids of all patients of a clinic, `pat_` and 26 characters each.
pub(super) async fn ids(world: &World, clinic: &DemoClinic) -> Outcome<Vec<String>> {
    let client = desk(world, clinic).await?;
    let answer = client.expect(Call::get("/api/v1/patients?limit=50")).await?;
    let items = answer.json.get("items").and_then(Value::as_array).cloned().unwrap_or_default();
    Ok(items.iter().filter_map(|item| item.get("id").and_then(Value::as_str)).map(str::to_owned).collect())
}
