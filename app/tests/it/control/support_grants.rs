//! The support lockbox, with a real control plane, a real region and its worker: support sees a clinic's operational state only while
//! the clinic's administrator lets it, nothing of patients, and each side's log says so.

use app::access::Role;
use app::control::access::Role as PlatformRole;
use app::onboarding::client::WorkClient;
use app::support::worker::SupportDesk;
use futures_util::future::join_all;
use serde_json::{Value, json};
use uuid::Uuid;

use super::onboarding::{Worker, worker_config};
use super::support::{Answer, Browser, START_MS, TestControl, clinic, until};
use crate::support::{Actor, Clinic, World, patient};
use testkit::TestRegion;

pub(super) const SUPPORT: &str = "sam@platform.example";
pub(super) const REASON: &str = "Reminders have not left since this morning.";
/// What can be looked at.
const WHATS: [&str; 4] = ["settings", "accounts", "work", "state"];
const MINUTE_MS: u64 = 60_000;

/// A control plane and a region that serves two of its clinics.
pub(super) struct Lockbox {
    pub(super) control: TestControl,
    pub(super) world: World,
    desk: SupportDesk,
    administrator: Browser,
    support: Browser,
}

impl Lockbox {
    pub(super) async fn new() -> Lockbox {
        let (control, world) = (Box::pin(TestControl::start()).await, Box::pin(World::new()).await);
        // Both sides have the same time to begin with; the tests move each side's own.
        control.clock.advance_ms(world.now_ms() - START_MS);
        let administrator = control.with_regions().await;
        let superuser = control.superuser().await;
        for clinic in [&world.alpha, &world.beta] {
            let sql = "insert into platform.tenant
                values ($1, $2, 'A Clinic', 'us-east-1', 1, 1, 'active', 1, now(), now())";
            let slug = clinic.record.slug.to_string();
            superuser.execute(sql, &[&clinic.tenant.id.as_uuid(), &slug]).await.unwrap();
        }
        let support = control.person(SUPPORT, PlatformRole::Support).await;
        let desk = SupportDesk {
            client: WorkClient::new(&control.directory_config("worker.us-east-1")).unwrap(),
            regional: world.region.regional.clone(),
            directory: world.app.directory.clone(),
            clock: world.app.clock.clone(),
            pinned: world.app.pinned.clone(),
        };
        Lockbox { control, world, desk, administrator, support }
    }

    async fn ask(&self, clinic: &Clinic) -> Answer {
        let path = format!("/platform/v1/tenants/{}/support-grants", clinic.tenant.id);
        self.support.post(&path, &json!({ "reason": REASON, "minutes": 30 })).await
    }

    /// One round of the region's worker.
    pub(super) async fn round(&self) {
        self.desk.round(0).await.unwrap();
    }

    /// A grant that the region knows of.
    pub(super) async fn asked(&self, clinic: &Clinic) -> String {
        let grant = self.ask(clinic).await.expect(201).text("id");
        self.round().await;
        grant
    }

    /// What somebody of a clinic does with a grant.
    pub(super) async fn answer(&self, by: (&Clinic, &Actor), grant: &str, verb: &str) -> (u16, String) {
        let path = format!("/api/v1/support-grants/{grant}/{verb}");
        self.world.ask(by.0, "POST", &path).by(by.1).send().await.outcome()
    }

    /// A grant that alpha's administrator approved, and the administrator.
    pub(super) async fn approved(&self) -> (String, Actor) {
        let admin = self.world.staff(&self.world.alpha, Role::ClinicAdmin).await;
        let grant = self.asked(&self.world.alpha).await;
        assert_eq!(self.answer((&self.world.alpha, &admin), &grant, "approve").await.0, 200);
        self.round().await;
        (grant, admin)
    }

    async fn look(&self, grant: &str, what: &str) -> Answer {
        let path = format!("/platform/v1/support-grants/{grant}/looks");
        self.support.post(&path, &json!({ "what": what })).await
    }

    /// What support reads of a look.
    async fn read(&self, grant: &str, look: &str) -> Value {
        let path = format!("/platform/v1/support-grants/{grant}/looks/{look}");
        self.support.get(&path).await.expect(200).body
    }

    /// A look that the region has had its turn with.
    pub(super) async fn looked(&self, grant: &str, what: &str) -> Value {
        let look = self.look(grant, what).await.expect(201).text("id");
        self.round().await;
        self.read(grant, &look).await
    }

    async fn state(&self, grant: &str) -> String {
        let read = self.support.get(&format!("/platform/v1/support-grants/{grant}")).await.expect(200);
        read.body["grant"]["state"].as_str().unwrap().to_owned()
    }

    /// What a clinic's staff see of the grants.
    pub(super) async fn listed(&self, clinic: &Clinic, actor: &Actor) -> Vec<Value> {
        let list = self.world.ask(clinic, "GET", "/api/v1/support-grants").by(actor).send().await;
        list.expect(200).json()["items"].as_array().unwrap().clone()
    }

    /// Rows of answers that the control database holds.
    pub(super) async fn answers_kept(&self) -> i64 {
        let sql = "select count(*) from platform.support_look where answer is not null";
        self.control.superuser().await.query_one(sql, &[]).await.unwrap().get(0)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn support_sees_a_clinic_only_while_its_administrator_lets_it() {
    let lockbox = Lockbox::new().await;
    let (alpha, beta) = (&lockbox.world.alpha, &lockbox.world.beta);
    let admin = lockbox.world.staff(alpha, Role::ClinicAdmin).await;
    let grant = lockbox.asked(alpha).await;
    assert_eq!(lockbox.ask(alpha).await.expect(409).code(), "exists", "one open grant a person and clinic");
    assert_eq!(lockbox.look(&grant, "state").await.expect(409).code(), "not_granted", "before approval");

    // Only this clinic's administrator can approve it, with a fresh factor.
    let stranger = lockbox.world.staff(beta, Role::ClinicAdmin).await;
    assert_eq!(lockbox.answer((beta, &stranger), &grant, "approve").await, (404, "not_found".into()));
    assert_eq!(lockbox.listed(beta, &stranger).await, Vec::<Value>::new());
    let officer = lockbox.world.staff(alpha, Role::PrivacyOfficer).await;
    assert_eq!(lockbox.answer((alpha, &officer), &grant, "approve").await, (403, "forbidden".into()));
    let stale = lockbox.world.password_only(alpha, Role::ClinicAdmin).await;
    let refused = lockbox.answer((alpha, &stale), &grant, "approve").await;
    assert_eq!(refused, (403, "second_factor_required".into()));
    let seen = &lockbox.listed(alpha, &admin).await[0];
    assert_eq!(
        (&seen["login"], &seen["reason"], &seen["state"]),
        (&json!(SUPPORT), &json!(REASON), &json!("asked"))
    );
    assert_eq!(lockbox.answer((alpha, &admin), &grant, "approve").await.0, 200);
    assert_eq!(lockbox.answer((alpha, &admin), &grant, "approve").await, (409, "support_over".into()));
    lockbox.round().await;
    assert_eq!(lockbox.state(&grant).await, "approved");

    for what in WHATS {
        let look = lockbox.looked(&grant, what).await;
        let field = if what == "state" { "upkeep" } else { what };
        assert_eq!((&look["state"], look[field].is_null()), (&json!("done"), false), "{look}");
    }
    assert_eq!(lockbox.listed(alpha, &officer).await[0]["looks"].as_array().unwrap().len(), 4);

    // The privacy officer shows support out. What was answered is gone, and nothing more is.
    assert_eq!(lockbox.answer((alpha, &officer), &grant, "end").await.0, 200);
    let late = lockbox.look(&grant, "state").await.expect(201).text("id");
    lockbox.round().await;
    let read = lockbox.read(&grant, &late).await;
    assert_eq!(
        (&read["state"], &read["code"], read["upkeep"].is_null()),
        (&json!("failed"), &json!("grant_over"), true)
    );
    assert_eq!((lockbox.state(&grant).await.as_str(), lockbox.answers_kept().await), ("ended", 0));
    assert_eq!(lockbox.look(&grant, "state").await.expect(409).code(), "not_granted");
    assert_eq!(lockbox.listed(alpha, &admin).await[0]["looks"].as_array().unwrap().len(), 4);
    lockbox.ask(alpha).await.expect(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_grant_that_was_refused_or_given_back_opens_nothing() {
    let lockbox = Lockbox::new().await;
    let alpha = &lockbox.world.alpha;
    let admin = lockbox.world.staff(alpha, Role::ClinicAdmin).await;
    let refused = lockbox.asked(alpha).await;
    assert_eq!(lockbox.answer((alpha, &admin), &refused, "refuse").await.0, 200);
    lockbox.round().await;
    assert_eq!(lockbox.state(&refused).await, "refused");
    assert_eq!(lockbox.look(&refused, "work").await.expect(409).code(), "not_granted");
    assert_eq!(lockbox.answer((alpha, &admin), &refused, "approve").await, (409, "support_over".into()));

    let (given, _) = lockbox.approved().await;
    lockbox.looked(&given, "settings").await;
    let end = format!("/platform/v1/support-grants/{given}/end");
    assert_eq!(lockbox.support.post(&end, &json!({})).await.expect(200).text("state"), "ended");
    assert_eq!(lockbox.answers_kept().await, 0, "at once, before the region hears of it");
    assert_eq!(lockbox.look(&given, "work").await.expect(409).code(), "not_granted");
    lockbox.round().await;
    let listed = lockbox.listed(alpha, &admin).await;
    let listed = listed.iter().find(|grant| grant["id"] == given.as_str()).unwrap();
    assert_eq!(listed["state"], "ended");
    // Whoever runs the platform ends a grant that support forgot, and cannot look under it.
    let (forgotten, _) = lockbox.approved().await;
    let look = format!("/platform/v1/support-grants/{forgotten}/looks");
    lockbox.administrator.post(&look, &json!({ "what": "state" })).await.expect(403);
    let end = format!("/platform/v1/support-grants/{forgotten}/end");
    lockbox.administrator.post(&end, &json!({})).await.expect(200);
    // Grants of others are nobody's to see.
    let other = lockbox.control.person("kim@platform.example", PlatformRole::Support).await;
    other.get(&format!("/platform/v1/support-grants/{forgotten}")).await.expect(404);
    other.post(&end, &json!({})).await.expect(404);
    assert_eq!(other.get("/platform/v1/support-grants").await.expect(200).body["items"], json!([]));
    let all = lockbox.administrator.get("/platform/v1/support-grants?limit=2").await.expect(200);
    assert_eq!(all.body["items"].as_array().unwrap().len(), 2);
    let cursor = all.text("next_cursor");
    let rest = lockbox.administrator.get(&format!("/platform/v1/support-grants?cursor={cursor}")).await;
    assert_eq!(rest.expect(200).body["items"].as_array().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_grant_ends_with_its_time_by_the_regions_clock() {
    let lockbox = Lockbox::new().await;
    let alpha = &lockbox.world.alpha;
    let (grant, admin) = lockbox.approved().await;
    lockbox.world.clock.advance_ms(29 * MINUTE_MS);
    assert_eq!(lockbox.looked(&grant, "state").await["state"], "done");
    // The platform's clock stands still: it is the region that says no.
    lockbox.world.clock.advance_ms(MINUTE_MS);
    let look = lockbox.looked(&grant, "state").await;
    assert_eq!((&look["state"], &look["code"]), (&json!("failed"), &json!("grant_over")));
    assert_eq!((lockbox.state(&grant).await.as_str(), lockbox.answers_kept().await), ("ended", 0));
    lockbox.world.keep_awake(alpha).await;
    assert_eq!(lockbox.answer((alpha, &admin), &grant, "end").await, (409, "support_over".into()));

    // And the platform's own clock deletes the answers of a region that fell silent.
    let (grant, _) = lockbox.approved().await;
    lockbox.looked(&grant, "state").await;
    assert_eq!(lockbox.answers_kept().await, 1);
    lockbox.control.clock.advance_ms(61 * MINUTE_MS);
    let administrator = lockbox.control.admin().await;
    administrator.get("/platform/v1/support-grants").await.expect(200);
    assert_eq!(lockbox.answers_kept().await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn support_changes_no_clinic_and_administrators_look_into_none() {
    let lockbox = Lockbox::new().await;
    let id = lockbox.world.alpha.tenant.id;
    let support = &lockbox.support;
    for verb in ["suspend", "resume", "offboard"] {
        let body = if verb == "offboard" { json!({ "confirm_slug": "alpha-clinic" }) } else { json!({}) };
        let refused = support.command(&id.to_string(), verb, &body).await.expect(403);
        assert_eq!(refused.code(), "forbidden", "{verb}");
    }
    support.post("/platform/v1/tenants", &clinic("lotus", "us-east-1")).await.expect(403);
    support
        .post("/platform/v1/shards", &json!({"region": "us-east-1", "id": 2, "tenants_max": 1}))
        .await
        .expect(403);
    let read = support.get(&format!("/platform/v1/tenants/{id}")).await.expect(200);
    assert_eq!(read.text("state"), "active");
    let ask = format!("/platform/v1/tenants/{id}/support-grants");
    lockbox.administrator.post(&ask, &json!({ "reason": REASON, "minutes": 30 })).await.expect(403);
    for (field, body) in [
        ("/reason", json!({ "reason": "Short.", "minutes": 30 })),
        ("/minutes", json!({ "reason": REASON, "minutes": 481 })),
        ("/minutes", json!({ "reason": REASON, "minutes": 14 })),
    ] {
        assert_eq!(support.post(&ask, &body).await.expect(400).body["errors"][0]["pointer"], field);
    }
    let nowhere = "/platform/v1/tenants/aaaaaaaaaaaaaaaaaaaaaaaaaa/support-grants";
    support.post(nowhere, &json!({ "reason": REASON, "minutes": 30 })).await.expect(404);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_regions_worker_is_told_nothing_and_says_nothing() {
    let lockbox = Lockbox::new().await;
    let (grant, _) = lockbox.approved().await;
    let look = lockbox.look(&grant, "accounts").await.expect(201).text("id");
    let uuid = |text: &str| {
        let id = regions::text::decode_id(text.split_once('_').unwrap().1).unwrap();
        Uuid::from_bytes(id)
    };
    let (foreign, own) =
        (lockbox.control.peer("worker.ap-south-1"), lockbox.control.peer("worker.us-east-1"));
    let asked = super::support::answer(foreign.get("/feed/v1/support-grants").await).await.expect(200);
    assert_eq!(asked.body, json!({ "grants": [] }));
    let path = format!("/feed/v1/support-grants/{}", uuid(&grant));
    let report = format!("{path}/looks/{}", uuid(&look));
    let answer = json!({ "done": { "accounts": [{ "role": "nurse", "state": "active", "accounts": 3 }] } });
    foreign.post(&path, &json!({ "state": "ended" })).await.expect(404);
    foreign.post(&report, &answer).await.expect(404);
    let backend = lockbox.control.peer("backend.us-east-1");
    assert_eq!(backend.get("/feed/v1/support-grants").await.status(), 403);
    backend.post(&report, &answer).await.expect(403);
    // Its own region's worker says numbers and words, and nothing that was not asked.
    for bad in [
        json!({ "done": { "accounts": [{ "role": "Asha Example", "state": "active", "accounts": 3 }] } }),
        json!({ "done": { "work": [] } }),
        json!({ "failed": "a sentence about somebody" }),
        json!({ "done": { "accounts": [], "patients": [] } }),
    ] {
        own.post(&report, &bad).await.expect(400);
    }
    assert_eq!(lockbox.answers_kept().await, 0);
    let long = json!({ "state": "approved", "answered_at": "2026-01-01T00:00:00Z", "ends_at": "2026-01-02T00:00:00Z" });
    let waiting = lockbox.asked(&lockbox.world.beta).await;
    own.post(&format!("/feed/v1/support-grants/{}", uuid(&waiting)), &long).await.expect(400);
    assert_eq!(lockbox.state(&grant).await, "approved");
}

/// Actor, session, resource and reason of a clinic's entries about support.
async fn entries(lockbox: &Lockbox) -> Vec<Entry> {
    let ops = tenancy::SchemaName::ops(lockbox.world.alpha.tenant.id).quoted();
    let sql = format!(
        "SELECT action, outcome, actor_kind, actor_id, session_id, resource_kind, resource_id, reason
         FROM {ops}.audit_event WHERE action LIKE 'support.%' AND action <> 'support.list' ORDER BY seq"
    );
    let rows = lockbox.world.region.superuser().await.query(&sql, &[]).await.unwrap();
    let entry = |row: &tokio_postgres::Row| Entry {
        what: [row.get(0), row.get(1), row.get(2)],
        actor: row.get(3),
        session: row.get(4),
        resource: (row.get(5), row.get(6)),
        reason: row.get(7),
    };
    rows.iter().map(entry).collect()
}

struct Entry {
    what: [String; 3],
    actor: Uuid,
    session: Option<Uuid>,
    resource: (String, Option<Uuid>),
    reason: Option<String>,
}

#[tokio::test(flavor = "multi_thread")]
async fn each_entry_of_the_clinics_log_names_who_looked_and_who_let_them() {
    let lockbox = Lockbox::new().await;
    let (grant, admin) = lockbox.approved().await;
    lockbox.looked(&grant, "work").await;
    lockbox.support.post(&format!("/platform/v1/support-grants/{grant}/end"), &json!({})).await.expect(200);
    lockbox.round().await;
    lockbox.round().await;
    let superuser = lockbox.control.superuser().await;
    let sql = "select id from platform.platform_admin where login = $1";
    let person: Uuid = superuser.query_one(sql, &[&SUPPORT]).await.unwrap().get(0);
    let entries = entries(&lockbox).await;
    let id = entries[0].resource.1.unwrap();
    let what: Vec<String> = entries.iter().map(|entry| entry.what.join(" ")).collect();
    assert_eq!(
        what,
        [
            "support.ask allow platform",
            "support.approve allow staff",
            "support.look allow platform",
            "support.end allow platform"
        ]
    );
    for entry in &entries {
        let both = match entry.what[2].as_str() {
            "platform" => (entry.actor, entry.resource.1.unwrap()),
            _ => (entry.resource.1.unwrap(), entry.actor),
        };
        // Nobody had answered when it was asked for.
        let allowed = if entry.what[0] == "support.ask" { id } else { admin.account };
        assert_eq!(both, (person, allowed), "{}", entry.what.join(" "));
    }
    assert_eq!((entries[2].session, entries[2].reason.as_deref()), (Some(id), Some("work")));
    assert_eq!(entries[3].reason.as_deref(), Some("given_back"));

    // The clinic reads the same from its own log.
    let search = lockbox.world.ask(&lockbox.world.alpha, "POST", "/api/v1/audit/search").by(&admin);
    let found = search.json(&json!({ "about": "everything" })).send().await.expect(200).json();
    let look = found["items"].as_array().unwrap().iter().find(|one| one["action"] == "support.look").unwrap();
    let approver = app::staff::model::AccountId::from(admin.account).to_string();
    let person = app::support::model::PlatformPersonId::from(person).to_string();
    assert_eq!((&look["platform_person"], &look["approved_by"]), (&json!(person), &json!(approver)));
    assert_eq!(
        look["sentence"],
        "The platform's support looked at the clinic's operational state to run the clinic."
    );

    // And the platform has its own line of each.
    let sql =
        "select actor_kind || ' ' || action || ' ' || coalesce(reason, '-') from platform.platform_audit
        where action like 'support.%' order by seq";
    let rows = superuser.query(sql, &[]).await.unwrap();
    let lines: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    assert_eq!(
        lines,
        [
            "admin support.ask -",
            "worker support.approved -",
            "admin support.look work",
            "worker support.looked work",
            "admin support.end -"
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_recorded_is_not_shown_to_support() {
    let lockbox = Lockbox::new().await;
    let (grant, admin) = lockbox.approved().await;
    let ops = tenancy::SchemaName::ops(lockbox.world.alpha.tenant.id).quoted();
    let superuser = lockbox.world.region.superuser().await;
    let broken = format!("ALTER TABLE {ops}.audit_event ADD CONSTRAINT no_more CHECK (false) NOT VALID");
    superuser.batch_execute(&broken).await.unwrap();
    for what in WHATS {
        let look = lockbox.looked(&grant, what).await;
        assert_eq!((&look["state"], &look["code"]), (&json!("failed"), &json!("audit_unavailable")));
        assert!(look[if what == "state" { "upkeep" } else { what }].is_null());
    }
    assert_eq!(lockbox.answers_kept().await, 0);
    let repaired = format!("ALTER TABLE {ops}.audit_event DROP CONSTRAINT no_more");
    superuser.batch_execute(&repaired).await.unwrap();
    assert_eq!(lockbox.looked(&grant, "work").await["state"], "done");
    assert_eq!(lockbox.listed(&lockbox.world.alpha, &admin).await[0]["looks"].as_array().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_grant_has_sixty_looks_however_many_are_asked_for_at_once() {
    let lockbox = Lockbox::new().await;
    let (grant, _) = lockbox.approved().await;
    let mut taken = 0;
    // Rounds of twenty at once, as many as the control plane keeps connections for and more.
    for _ in 0..4 {
        let answers = join_all((0..20).map(|_| lockbox.look(&grant, "settings"))).await;
        for answer in answers {
            match answer.status.as_u16() {
                201 => taken += 1,
                _ => assert_eq!(answer.expect(409).code(), "too_many"),
            }
        }
        lockbox.round().await;
    }
    assert_eq!(taken, 60);
    let entries = entries(&lockbox).await;
    assert_eq!(entries.iter().filter(|entry| entry.what[0] == "support.look").count(), 60);
    // The region counts for itself: one that the platform let through is refused there, and that is recorded.
    let sql = "insert into platform.support_look (id, grant_id, what, state, asked_at)
        select gen_random_uuid(), id, 'work', 'open', now() from platform.support_grant";
    let superuser = lockbox.control.superuser().await;
    superuser.execute(sql, &[]).await.unwrap();
    lockbox.round().await;
    let code = "select code from platform.support_look where what = 'work'";
    assert_eq!(superuser.query_one(code, &[]).await.unwrap().get::<_, String>(0), "too_many_looks");
    let last = self::entries(&lockbox).await.pop().unwrap();
    assert_eq!((last.what[1].as_str(), last.reason.as_deref()), ("deny", Some("too_many_looks")));
}

#[tokio::test(flavor = "multi_thread")]
async fn no_answer_has_anything_of_a_patient_or_a_name_of_the_staff() {
    let lockbox = Lockbox::new().await;
    let (grant, _) = lockbox.approved().await;
    let world = &lockbox.world;
    let physician = world.staff(&world.alpha, Role::Physician).await;
    for n in 0..3 {
        let body = patient(&format!("Plantedfamily{n}"), &format!("PLANTED-MRN-{n}"));
        let made = world.ask(&world.alpha, "POST", "/api/v1/patients").by(&physician).json(&body);
        made.send().await.expect(201);
    }
    let site = json!({ "name": "Planted Site" });
    let admin = world.staff(&world.alpha, Role::ClinicAdmin).await;
    world.ask(&world.alpha, "POST", "/api/v1/sites").by(&admin).json(&site).send().await.expect(201);
    world.staff(&world.alpha, Role::Patient).await;
    // A job that waits, and one that failed with a text that is no code.
    let invited =
        json!({ "email": "planted-staff@example.com", "display_name": "Planted Person", "role": "nurse" });
    world.ask(&world.alpha, "POST", "/api/v1/staff").by(&admin).json(&invited).send().await.expect(201);
    world.ask(&world.alpha, "POST", "/api/v1/staff").by(&admin)
        .json(&json!({ "email": "planted-other@example.com", "display_name": "Planted Other", "role": "nurse" }))
        .send().await.expect(201);
    let shard = world.region.superuser().await;
    let failed =
        "UPDATE graphile_worker._private_jobs SET attempts = 1, last_error = 'Plantedfamily0 was not found'
        WHERE id = (SELECT max(id) FROM graphile_worker._private_jobs)";
    shard.execute(failed, &[]).await.unwrap();

    let mut all = Vec::new();
    for what in WHATS {
        let mut look = lockbox.looked(&grant, what).await;
        // Random letters may spell anything.
        look.as_object_mut().unwrap().remove("id");
        all.push(look);
    }
    let text = serde_json::to_string(&all).unwrap();
    let told = text.to_lowercase();
    for planted in ["planted", "asha", "exampleton", "202-555", "@example.com", "1990-02", "patient", "proxy"]
    {
        assert!(!told.contains(planted), "{planted} in {text}");
    }
    assert_eq!(all[0]["settings"]["jurisdiction"], "US");
    assert!(all[0]["settings"]["sites"].as_u64().unwrap() >= 1);
    let count = |role: &str, state: &str| {
        let lines = all[1]["accounts"].as_array().unwrap().iter();
        let found = lines.filter(|line| line["role"] == role && line["state"] == state);
        found.map(|line| line["accounts"].as_u64().unwrap()).sum::<u64>()
    };
    assert_eq!((count("physician", "active"), count("nurse", "invited")), (1, 2));
    let work = all[2]["work"].as_array().unwrap();
    let jobs: Vec<_> = work.iter().filter(|line| line["job"] == "send_invitation").collect();
    assert_eq!(
        jobs.iter().map(|line| &line["code"]).collect::<Vec<_>>(),
        [&json!("other"), &Value::Null],
        "{work:?}"
    );
    let upkeep = &all[3]["upkeep"];
    assert_eq!(upkeep["keys"].as_array().unwrap().len(), 4);
    assert!(upkeep["schema_version"].as_u64().unwrap() >= 21 && upkeep["log_waiting"].as_u64().unwrap() > 0);
    // Nor does the control database hold any of it.
    let dump = "select coalesce(string_agg(l::text, ' '), '') from platform.support_look l";
    let kept: String = lockbox.control.superuser().await.query_one(dump, &[]).await.unwrap().get(0);
    assert!(!kept.to_lowercase().contains("planted"));
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_answered_for_three_days_and_it_is_over() {
    let lockbox = Lockbox::new().await;
    let (alpha, world) = (&lockbox.world.alpha, &lockbox.world);
    let grant = lockbox.asked(alpha).await;
    world.clock.advance_ms(72 * 60 * MINUTE_MS);
    let admin = world.staff(alpha, Role::ClinicAdmin).await;
    assert_eq!(lockbox.answer((alpha, &admin), &grant, "approve").await, (409, "support_over".into()));
    lockbox.round().await;
    assert_eq!(lockbox.state(&grant).await, "ended");
    let last = entries(&lockbox).await.pop().unwrap();
    assert_eq!(
        (last.what.join(" ").as_str(), last.reason.as_deref()),
        ("support.end allow platform", Some("expired"))
    );
}

#[tokio::test]
async fn a_worker_killed_at_any_moment_asks_once_and_answers_all() {
    let (control, region) = (TestControl::start().await, TestRegion::new().await);
    let admin = control.with_regions().await;
    let support = control.person(SUPPORT, PlatformRole::Support).await;
    let id = admin.post("/platform/v1/tenants", &clinic("lotus", "us-east-1")).await.expect(201).text("id");
    let files = [0, 1].map(|number| worker_config(&control, &region, number));
    let mut workers = files.each_ref().map(|file| Worker::start(file));
    let tenant = format!("/platform/v1/tenants/{id}");
    until("the clinic", async || admin.get(&tenant).await.expect(200).text("state") == "active").await;

    let ops = format!("\"t_{id}\"");
    let shard = region.superuser().await;
    let count =
        async |sql: &str| shard.query_one(&sql.replace("{ops}", &ops), &[]).await.unwrap().get::<_, i64>(0);
    let ask = json!({ "reason": REASON, "minutes": 30 });
    let grant = support.post(&format!("{tenant}/support-grants"), &ask).await.expect(201).text("id");
    let path = format!("/platform/v1/support-grants/{grant}");
    let both_anew = |workers: &mut [Worker; 2]| {
        workers.iter_mut().for_each(Worker::kill);
        *workers = files.each_ref().map(|file| Worker::start(file));
    };
    // Each time the region has done something, everybody who could report it is killed.
    until("the row", async || count("select count(*) from {ops}.support_grant").await == 1).await;
    both_anew(&mut workers);
    let approve = "update {ops}.support_grant set state = 'approved', answered_at = now(),
        ends_at = now() + interval '30 minutes', answered_by = (select id from {ops}.account)";
    shard.execute(&approve.replace("{ops}", &ops), &[]).await.unwrap();
    let state = async || support.get(&path).await.expect(200).body["grant"]["state"].clone();
    until("the approval", async || state().await == "approved").await;
    let look =
        support.post(&format!("{path}/looks"), &json!({ "what": "state" })).await.expect(201).text("id");
    let looked = "select count(*) from {ops}.audit_event where action = 'support.look'";
    until("the look", async || count(looked).await > 0).await;
    both_anew(&mut workers);
    let answer = format!("{path}/looks/{look}");
    until("its answer", async || support.get(&answer).await.expect(200).body["state"] == "done").await;
    support.post(&format!("{path}/end"), &json!({})).await.expect(200);
    let over = "select count(*) from {ops}.support_grant where state = 'ended'";
    until("the end", async || count(over).await == 1).await;
    both_anew(&mut workers);
    let settled = "select count(*) from platform.support_grant where settled_at is not null";
    let platform = control.superuser().await;
    until("that the end is known", async || {
        platform.query_one(settled, &[]).await.unwrap().get::<_, i64>(0) == 1
    })
    .await;
    for (action, times) in [("support.ask", 1), ("support.end", 1)] {
        let sql = format!("select count(*) from {{ops}}.audit_event where action = '{action}'");
        assert_eq!(count(&sql).await, times, "{action}");
    }
    assert_eq!(
        count("select count(*) from {ops}.support_look").await,
        1,
        "one look, however often it was answered"
    );
}
