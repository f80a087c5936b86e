//! Every route that changes something or shows patients' data leaves its entry, and without an entry nothing is shown.

use std::collections::BTreeSet;

use app::access::{Action, Role, may};
use app::relationships::model::Tie;
use app::routes::{ROUTES, Route};
use app::sites::model::SiteId;
use app::staff::model::AccountId;

use crate::support::oauth::Key;
use crate::support::{
    ACCOUNT, Actor, Answer, CLIENT, CORRECTION, PROXY, SITE, World, nominee, patient, sample_body,
    sample_path,
};

/// Routes that leave no entry; the file may only shrink.
const UNAUDITED: &str = include_str!("../../ratchets/unaudited.txt");

/// The route that starts emergency access.
fn emergency() -> &'static Route {
    ROUTES.iter().find(|route| route.action == Action::BreakGlassStart).unwrap()
}

async fn succeed(world: &World, route: &Route, n: usize) -> Answer {
    let physician = world.staff(&world.alpha, Role::Physician).await;
    let other = world.able(&world.alpha, route.action).await;
    let actor = if may(Role::Physician, route.action) { &physician } else { &other };
    let made = world.ask(&world.alpha, "POST", "/api/v1/patients").by(&physician);
    let made = made.json(&patient("Before", &format!("BEFORE-{n}"))).send().await.expect(201);
    let colleague = world.password_only(&world.alpha, Role::Nurse).await;
    let other_physician = world.staff(&world.alpha, Role::Physician).await;
    if route.action == Action::StaffReactivate {
        let path = format!("/api/v1/staff/{}/deactivate", AccountId::from(colleague.account));
        world.ask(&world.alpha, "POST", &path).by(actor).send().await.expect(204);
    }
    let id = if route.path.contains("/staff/") {
        AccountId::from(colleague.account).to_string()
    } else if route.path.contains("/document") && route.path.contains("{id}") {
        world.id_for(route, actor, made.json()["id"].as_str().unwrap()).await
    } else if route.path.contains("/oauth/clients/{id}") {
        world.program(&world.alpha, Key::ed25519(), &["me.read"]).await.id
    } else if route.path.starts_with("/api/v1/sites/{id}") {
        let ask = world.ask(&world.alpha, "POST", "/api/v1/sites").by(actor);
        let added = ask.json(&serde_json::json!({ "name": "Before" })).send().await.expect(201).json();
        added["id"].as_str().unwrap().to_owned()
    } else if route.path.contains("/support-grants/{id}") {
        world.support_grant(&world.alpha).await
    } else if route.path.contains("/audit/packs/") {
        world.pack().await
    } else if route.path.contains("/audit/") {
        world.last_event(&world.alpha).await
    } else {
        made.json()["id"].as_str().unwrap().to_owned()
    };
    let path = before(world, route, &id, actor).await;
    let mut ask =
        world.ask(&world.alpha, route.method.as_str(), &path).by(actor).header("if-match", "\"v1\"");
    if route.path.contains("/break-glass") && route.action != Action::BreakGlassStart {
        // Somebody reached for the patient before.
        let mut body = sample_body(emergency(), n).unwrap();
        body["patient"] = made.json()["id"].clone();
        let ask = world.ask(&world.alpha, "POST", "/api/v1/break-glass").by(&other_physician).json(&body);
        let started = ask.send().await.expect(201).json()["id"].as_str().unwrap().to_owned();
        let by = if route.action == Action::BreakGlassEnd { &other_physician } else { &other };
        let mut ask = world.ask(&world.alpha, route.method.as_str(), &sample_path(route, &started)).by(by);
        if let Some(body) = sample_body(route, n) {
            ask = ask.json(&body);
        }
        return ask.send().await;
    }
    if let Some(mut body) = sample_body(route, n) {
        if route.action == Action::BreakGlassStart {
            body["patient"] = made.json()["id"].clone();
            ask = ask.by(&other_physician);
        }
        if body["sites"][0] == SITE {
            body["sites"][0] = SiteId::from(world.alpha.tenant.id.as_uuid()).to_string().into();
        }
        if body["client_id"] == CLIENT {
            body["client_id"] = world.application(&world.alpha, &["me.read"]).await.into();
        }
        if body["account"] == ACCOUNT {
            let leaves = route.action == Action::CareTeamLeave;
            let whose = if leaves { physician.account } else { colleague.account };
            body["account"] = AccountId::from(whose).to_string().into();
        }
        ask = ask.json(&body);
    }
    if matches!(route.path, "/api/v1/documents/{id}/content" | "/api/v1/documents/{id}/parts/{number}")
        && route.method == "PUT"
    {
        ask = ask.octets(b"hello");
    }
    ask.send().await
}

/// What somebody else must have done for the actor to succeed about the patient; the path to ask.
async fn before(world: &World, route: &Route, id: &str, actor: &Actor) -> String {
    let path = sample_path(route, id);
    let (to, body) = match route.action {
        Action::CorrectionAsk => {
            world.tie(&world.alpha, id, actor, Tie::Subject).await;
            return path;
        }
        Action::ProxyEnd => {
            let desk = world.staff(&world.alpha, Role::Receptionist).await;
            let to = format!("/api/v1/patients/{id}/proxies");
            let body = nominee("ended@example.com");
            let made = world.ask(&world.alpha, "POST", &to).by(&desk).json(&body).send().await.expect(201);
            return path.replace(PROXY, made.json()["id"].as_str().unwrap());
        }
        Action::CorrectionAnswer => {
            let herself = world.staff(&world.alpha, Role::Patient).await;
            world.tie(&world.alpha, id, &herself, Tie::Subject).await;
            let body = serde_json::json!({ "what": "My name.", "wish": "With an a." });
            let to = format!("/api/v1/patients/{id}/corrections");
            let asked =
                world.ask(&world.alpha, "POST", &to).by(&herself).json(&body).send().await.expect(201);
            return path.replace(CORRECTION, asked.json()["id"].as_str().unwrap());
        }
        Action::ErasureApprove | Action::ErasureCancel => {
            ("erasures", serde_json::json!({ "basis": "registered_in_error" }))
        }
        Action::LegalHoldRelease => ("holds", serde_json::json!({ "reason": "regulator" })),
        _ => return path,
    };
    let officer = world.staff(&world.alpha, Role::PrivacyOfficer).await;
    let ask = world.ask(&world.alpha, "POST", &format!("/api/v1/patients/{id}/{to}")).by(&officer);
    ask.json(&body).send().await.expect(201);
    path
}

#[tokio::test(flavor = "multi_thread")]
async fn every_change_and_every_look_at_a_patient_leaves_its_entry() {
    let world = World::new().await;
    let excused: BTreeSet<&str> =
        UNAUDITED.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
    let mut silent = BTreeSet::new();
    for (n, route) in ROUTES.iter().enumerate() {
        let answer = succeed(&world, route, n).await;
        // What is wrong in the samples is refused, and that is recorded too: password, code, invitation.
        let expected = match route.action {
            Action::SessionCreate
            | Action::SessionProve
            | Action::TotpConfirm
            | Action::PasskeyAdd
            | Action::PasskeyRemove
            | Action::SessionRevoke
            | Action::PasswordChange
            | Action::EmailChange
            | Action::PhoneSet
            | Action::SessionCreatePasskey
            | Action::SessionCreateCode
            | Action::RecoveryComplete
            | Action::OauthToken
            | Action::InvitationAccept => "deny",
            _ => {
                assert!(answer.status.is_success(), "{} {}: {}", route.method, route.path, answer.text());
                "allow"
            }
        };
        let entries = world.audit(&world.alpha).await;
        // An object that a deletion leaves behind is removed at once, and the platform's entry for that follows.
        let last = entries.iter().rev().find(|entry| entry.0 != "document.purge").unwrap();
        if (last.0.as_str(), last.1.as_str()) == (route.action.name(), expected) {
            assert!(!excused.contains(route.action.name()), "{} is audited; take it out of the file", last.0);
        } else {
            silent.insert(route.action.name());
            assert!(
                !route.action.touches_patients(),
                "{} shows patients' data in silence",
                route.action.name()
            );
        }
    }
    assert_eq!(silent, excused);
}

/// A route with someone who may take it, and a patient and a path it would succeed with.
struct Asked {
    n: usize,
    route: &'static Route,
    by: Actor,
    about: String,
    path: String,
}

/// A clinic with one patient, asked on every route that touches patients' data while its log cannot be written.
struct Muted {
    world: World,
    actor: Actor,
    second: Actor,
    third: Actor,
    /// Each route, prepared while that could be recorded.
    asked: Vec<Asked>,
    id: String,
    /// The clinic's schema, quoted.
    ops: String,
}

impl Muted {
    async fn new() -> Self {
        let world = World::new().await;
        let actor = world.staff(&world.alpha, Role::Physician).await;
        let made = world
            .ask(&world.alpha, "POST", "/api/v1/patients")
            .by(&actor)
            .json(&patient("Canarymann", "C-1"));
        let id = made.send().await.expect(201).json()["id"].as_str().unwrap().to_owned();
        let (second, third) = (
            world.staff(&world.alpha, Role::Physician).await,
            world.staff(&world.alpha, Role::Physician).await,
        );
        let mut body = sample_body(emergency(), 0).unwrap();
        body["patient"] = id.as_str().into();
        let started =
            world.ask(&world.alpha, "POST", "/api/v1/break-glass").by(&second).json(&body).send().await;
        let emergency = started.expect(201).json()["id"].as_str().unwrap().to_owned();
        let mut asked = Vec::new();
        for (n, route) in ROUTES.iter().enumerate().filter(|(_, route)| route.action.touches_patients()) {
            let decides = matches!(
                route.action,
                Action::ErasureApprove
                    | Action::ErasureCancel
                    | Action::LegalHoldRelease
                    | Action::CorrectionAsk
                    | Action::CorrectionAnswer
            );
            let about = if decides { world.patient(&actor, &format!("C-1-{n}")).await } else { id.clone() };
            let by = world.able(&world.alpha, route.action).await;
            let path = if route.path.contains("/break-glass") {
                sample_path(route, &emergency)
            } else {
                before(&world, route, &about, &by).await
            };
            asked.push(Asked { n, route, by, about, path });
        }
        let ops = tenancy::SchemaName::ops(world.alpha.tenant.id).quoted();
        Self { world, actor, second, third, asked, id, ops }
    }

    /// Catalogue entry T42: nothing is shown and nothing changes.
    async fn shows_and_changes_nothing(&self) {
        for Asked { n, route, by, path, .. } in &self.asked {
            let actor = match route.action {
                Action::BreakGlassStart => &self.third,
                Action::BreakGlassEnd => &self.second,
                _ if may(Role::Physician, route.action) => &self.actor,
                _ => by,
            };
            let mut ask = self
                .world
                .ask(&self.world.alpha, route.method.as_str(), path)
                .by(actor)
                .header("if-match", "\"v1\"");
            if let Some(mut body) = sample_body(route, *n) {
                if route.action == Action::BreakGlassStart {
                    body["patient"] = self.id.as_str().into();
                }
                if body["sites"][0] == SITE {
                    body["sites"][0] = SiteId::from(self.world.alpha.tenant.id.as_uuid()).to_string().into();
                }
                if body["account"] == ACCOUNT {
                    body["account"] = AccountId::from(self.actor.account).to_string().into();
                }
                ask = ask.json(&body);
            }
            let answer = ask.send().await;
            assert_eq!(
                answer.outcome(),
                (503, "audit_unavailable".into()),
                "{} {}",
                route.method,
                route.path
            );
            assert!(!answer.text().contains("Canarymann"));
        }
        let sql = format!("SELECT count(*), count(*) FILTER (WHERE version = 1) FROM {}.patient", self.ops);
        let row = self.world.region.superuser().await.query_one(sql.as_str(), &[]).await.unwrap();
        let patients: BTreeSet<&String> = self.asked.iter().map(|asked| &asked.about).collect();
        let patients = i64::try_from(patients.len()).unwrap();
        assert_eq!((row.get::<_, i64>(0), row.get::<_, i64>(1)), (patients, patients));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn when_the_log_cannot_be_written_no_patients_data_leaves_and_nothing_changes() {
    let muted = Muted::new().await;
    let (ops, role) = (&muted.ops, tenancy::RoleName::of(muted.world.alpha.tenant.id));
    let superuser = muted.world.region.superuser().await;
    superuser.batch_execute(&format!("REVOKE INSERT ON {ops}.audit_event FROM \"{role}\"")).await.unwrap();
    let columns = superuser
        .query(
            "SELECT attname FROM pg_attribute WHERE attrelid = $1::text::regclass AND attnum > 0",
            &[&format!("{ops}.audit_event")],
        )
        .await
        .unwrap();
    for column in columns {
        let column: String = column.get(0);
        superuser
            .batch_execute(&format!("REVOKE INSERT ({column}) ON {ops}.audit_event FROM \"{role}\""))
            .await
            .unwrap();
    }
    muted.shows_and_changes_nothing().await;
}

/// The log's file becomes `/dev/full`: the kernel answers every write to it as a full disk does, with ENOSPC, and no other
/// table of the cluster notices.
#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn when_the_disk_under_the_log_is_full_no_patients_data_leaves_and_nothing_changes() {
    let muted = Muted::new().await;
    let superuser = muted.world.region.superuser().await;
    let log = format!("{}.audit_event", muted.ops);
    let sql = format!("SELECT to_jsonb(log)::text FROM {log} log LIMIT 1");
    let entry: String = superuser.query_one(&sql, &[]).await.unwrap().get(0);
    // An empty table has a new file that nobody holds open and of which no page is in memory; what is written first to it
    // is written at once. Past the triggers, which let nobody empty the log.
    superuser.batch_execute("SET session_replication_role = replica").await.unwrap();
    superuser.batch_execute(&format!("TRUNCATE {log}")).await.unwrap();
    superuser.batch_execute("CHECKPOINT").await.unwrap();
    let sql = "SELECT pg_relation_filepath($1::text::regclass)";
    let path: String = superuser.query_one(sql, &[&log]).await.unwrap().get(0);
    let file = muted.world.region.cluster.data_dir.join(path);
    std::fs::remove_file(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    std::os::unix::fs::symlink("/dev/full", &file).unwrap();
    muted.shows_and_changes_nothing().await;
    // That it was the disk: an entry once more, still past the triggers.
    let again = format!(
        "INSERT INTO {log} OVERRIDING SYSTEM VALUE SELECT (jsonb_populate_record(NULL::{log}, $1::text::jsonb)).*"
    );
    let refused = superuser.execute(&again, &[&entry]).await.unwrap_err();
    assert_eq!(refused.code(), Some(&tokio_postgres::error::SqlState::DISK_FULL), "{refused:?}");
}
