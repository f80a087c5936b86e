//! Sites that are renamed, closed and opened again: who may be put there, who still is, and that one is always open.

use std::collections::BTreeSet;

use app::access::Role;
use app::staff::model::AccountId;
use serde_json::{Value, json};

use crate::support::oauth::Key;
use crate::support::{Actor, Answer, World, patient};

struct Sites<'a> {
    world: &'a World,
    admin: Actor,
}

impl<'a> Sites<'a> {
    async fn new(world: &'a World) -> Sites<'a> {
        Sites { world, admin: world.staff(&world.alpha, Role::ClinicAdmin).await }
    }

    /// The clinic's sites by name, as anybody of the staff sees them.
    async fn named(&self, name: &str) -> Value {
        let ask = self.world.ask(&self.world.alpha, "GET", "/api/v1/sites").by(&self.admin);
        let list = ask.send().await.expect(200).json();
        let found = list["items"].as_array().unwrap().iter().find(|one| one["name"] == name);
        found.unwrap_or_else(|| panic!("no {name} in {list}")).clone()
    }

    async fn add(&self, name: &str) -> String {
        let ask = self.world.ask(&self.world.alpha, "POST", "/api/v1/sites").by(&self.admin);
        let added = ask.json(&json!({ "name": name })).send().await.expect(201).json();
        assert_eq!(added["closed_at"], Value::Null);
        added["id"].as_str().unwrap().to_owned()
    }

    async fn post(&self, id: &str, what: &str) -> Answer {
        let path = format!("/api/v1/sites/{id}/{what}");
        self.world.ask(&self.world.alpha, "POST", &path).by(&self.admin).send().await
    }

    async fn put(&self, by: &Actor, path: &str, body: &Value) -> Answer {
        self.world.ask(&self.world.alpha, "PUT", path).by(by).json(body).send().await
    }

    async fn register(&self, by: &Actor, mrn: &str) -> Answer {
        let ask = self.world.ask(&self.world.alpha, "POST", "/api/v1/patients").by(by);
        ask.json(&patient("Sited", mrn)).send().await
    }

    async fn sees(&self, by: &Actor, patient: &str) -> u16 {
        let path = format!("/api/v1/patients/{patient}");
        self.world.ask(&self.world.alpha, "GET", &path).by(by).send().await.status.as_u16()
    }
}

fn fault(answer: &Answer) -> (String, String) {
    let error = &answer.json()["errors"][0];
    let text = |name: &str| error[name].as_str().unwrap_or_default().to_owned();
    (text("pointer"), text("code"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_site_is_renamed_for_everybody() {
    let world = World::new().await;
    let sites = Sites::new(&world).await;
    let south = sites.add("South").await;
    let path = format!("/api/v1/sites/{south}");
    let refused = sites.put(&sites.admin, &path, &json!({ "name": " " })).await.expect(400);
    assert_eq!(fault(&refused), ("/name".into(), "empty".into()));
    let renamed = sites.put(&sites.admin, &path, &json!({ "name": " By the  river " })).await.expect(200);
    assert_eq!(renamed.json(), json!({ "id": south, "name": "By the river", "closed_at": null }));
    assert_eq!(sites.named("By the river").await["id"], south);
    let desk = world.staff(&world.alpha, Role::Receptionist).await;
    let by_the_desk = sites.put(&desk, &path, &json!({ "name": "Mine" })).await;
    assert_eq!(by_the_desk.outcome(), (403, "forbidden".into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_site_takes_nobody_new_and_keeps_whom_it_has() {
    let world = World::new().await;
    let sites = Sites::new(&world).await;
    let main = sites.named("Main").await["id"].as_str().unwrap().to_owned();
    let south = sites.add("South").await;
    let (desk, other) = (
        world.staff(&world.alpha, Role::Receptionist).await,
        world.staff(&world.alpha, Role::Receptionist).await,
    );
    let at = |who: &Actor| format!("/api/v1/staff/{}/sites", AccountId::from(who.account));
    sites.put(&sites.admin, &at(&desk), &json!({ "sites": [south] })).await.expect(204);
    let made = sites.register(&desk, "S-1").await.expect(201).json();
    let id = made["id"].as_str().unwrap();
    let elsewhere = sites.register(&other, "S-2").await.expect(201).json();
    let elsewhere = format!("/api/v1/patients/{}/sites", elsewhere["id"].as_str().unwrap());
    let closed = sites.post(&south, "close").await.expect(200).json();
    assert!(closed["closed_at"].is_string(), "{closed}");
    assert_eq!(sites.post(&south, "close").await.expect(200).json(), closed, "closing twice changes nothing");

    // Nobody new: neither patients nor staff nor programs.
    let nobody_new = ("/sites/0".to_owned(), "closed_site".to_owned());
    let body = json!({ "sites": [south] });
    assert_eq!(fault(&sites.put(&sites.admin, &at(&other), &body).await.expect(400)), nobody_new);
    assert_eq!(fault(&sites.put(&other, &elsewhere, &body).await.expect(400)), nobody_new);
    let mut program = World::registration(&world.alpha, &Key::ed25519(), &["patient.read"]);
    program["sites"] = json!([south]);
    assert_eq!(fault(&world.register(&world.alpha, &sites.admin, &program).await.expect(400)), nobody_new);
    let refused = sites.register(&desk, "S-3").await;
    assert_eq!(refused.outcome(), (409, "sites_closed".into()), "nobody is registered there");

    // Whoever is there stays, is seen, and keeps it when something else is changed.
    assert_eq!((sites.sees(&desk, id).await, sites.sees(&other, id).await), (200, 404));
    let both = json!({ "sites": [south, main] });
    let registered = format!("/api/v1/patients/{id}/sites");
    let read = async || -> Vec<String> {
        let read = world.ask(&world.alpha, "GET", &registered).by(&desk).send().await.expect(200).json();
        read["sites"].as_array().unwrap().iter().map(|one| one.as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(read().await, std::slice::from_ref(&south));
    sites.put(&desk, &registered, &both).await.expect(204);
    let after: BTreeSet<String> = read().await.into_iter().collect();
    assert_eq!(after, BTreeSet::from([south.clone(), main.clone()]));
    sites.put(&sites.admin, &at(&desk), &both).await.expect(204);
    assert_eq!((sites.sees(&desk, id).await, sites.sees(&other, id).await), (200, 200));
    let made = sites.register(&desk, "S-4").await.expect(201).json();
    assert_eq!(sites.sees(&other, made["id"].as_str().unwrap()).await, 200, "registered where it is open");

    let opened = sites.post(&south, "reopen").await.expect(200).json();
    assert_eq!(opened["closed_at"], Value::Null);
    sites.put(&sites.admin, &at(&other), &body).await.expect(204);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_open_site_stays_open_also_when_two_are_closed_at_once() {
    let world = World::new().await;
    let sites = Sites::new(&world).await;
    let main = sites.named("Main").await["id"].as_str().unwrap().to_owned();
    assert_eq!(sites.post(&main, "close").await.outcome(), (409, "last_site".into()));
    let denied = world.audit(&world.alpha).await.pop().unwrap();
    assert_eq!(denied, ("site.close".into(), "deny".into(), Some("last_site".into()), None));
    for round in 0..5 {
        let other = sites.add(&format!("Round {round}")).await;
        let (one, two) = tokio::join!(sites.post(&main, "close"), sites.post(&other, "close"));
        let mut statuses = [one.status.as_u16(), two.status.as_u16()];
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 409], "round {round}");
        sites.post(&main, "reopen").await.expect(200);
        // So that the next round has two open ones again.
        sites.post(&other, "close").await.expect(200);
    }
}

/// Where somebody begins for whom nobody has said where, once the clinic's first site is closed.
#[tokio::test(flavor = "multi_thread")]
async fn who_is_invited_after_the_first_site_was_closed_works_at_an_open_one() {
    let world = World::new().await;
    let sites = Sites::new(&world).await;
    let main = sites.named("Main").await["id"].as_str().unwrap().to_owned();
    let south = sites.add("South").await;
    sites.post(&main, "close").await.expect(200);
    let invitation = json!({ "email": "new@example.com", "display_name": "New", "role": "receptionist" });
    let ask = world.ask(&world.alpha, "POST", "/api/v1/staff").by(&sites.admin).json(&invitation);
    let account = ask.send().await.expect(201).json()["account"].clone();
    let staff =
        world.ask(&world.alpha, "GET", "/api/v1/staff").by(&sites.admin).send().await.expect(200).json();
    let listed = staff["items"].as_array().unwrap().iter().find(|one| one["account"] == account).unwrap();
    assert_eq!(listed["sites"], json!([south]));
    let desk = world.staff(&world.alpha, Role::Receptionist).await;
    let doctor = world.staff(&world.alpha, Role::Physician).await;
    let made = sites.register(&doctor, "S-1").await.expect(201).json();
    assert_eq!(sites.sees(&desk, made["id"].as_str().unwrap()).await, 200, "and patients come there too");
}
