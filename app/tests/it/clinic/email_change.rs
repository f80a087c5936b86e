//! Changing the address one signs in with: a code to the new one, a word to both, and nothing for whoever tries otherwise.

use app::access::Role;
use app::auth::invite::{Invite, Invited};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use tenancy::JobPayload;
use uuid::Uuid;

use super::factors::code_at;
use super::jobs::{cut_off, jobs, mails};
use super::patient_account::{ADDRESS, Desk, code_in};
use super::sessions::{PASSWORD, actor, invited, sign_in};
use crate::support::{Actor, Answer, World};

const OLD: &str = "asha@example.com";
const NEW: &str = "asha.rao@example.org";

fn refused() -> (u16, String) {
    (422, "email_code_refused".into())
}

async fn ask(world: &World, by: &Actor, email: &str) -> Answer {
    let body = json!({ "email": email });
    world.ask(&world.alpha, "POST", "/api/v1/me/email").by(by).json(&body).send().await
}

async fn confirm(world: &World, by: &Actor, code: &str) -> Answer {
    let body = json!({ "code": code });
    world.ask(&world.alpha, "POST", "/api/v1/me/email/confirm").by(by).json(&body).send().await
}

async fn me(world: &World, by: &Actor) -> Answer {
    world.ask(&world.alpha, "GET", "/api/v1/me").by(by).send().await
}

/// The ids of the rows of a table, the oldest first.
pub(super) async fn ids(world: &World, table: &str, which: &str) -> Vec<Uuid> {
    let ops = tenancy::SchemaName::ops(world.alpha.tenant.id).quoted();
    let sql = format!("SELECT id FROM {ops}.{table} WHERE {which} ORDER BY created_at");
    let rows = world.region.superuser().await.query(sql.as_str(), &[]).await.unwrap();
    rows.iter().map(|row| row.get(0)).collect()
}

/// Does what the worker does about changes of addresses; the letters that it sent.
async fn letters(world: &World) -> Vec<String> {
    let dir = tempfile::tempdir().unwrap();
    let jobs = jobs(world, dir.path());
    let payload = |name, id| JobPayload::new(world.alpha.tenant.id).id(name, id);
    for id in ids(world, "email_change", "true").await {
        // Twice, as a queue may: each letter is sent once.
        app::jobs::send_email_change::run(&jobs, &payload("change", id)).await.unwrap();
        app::jobs::send_email_change::run(&jobs, &payload("change", id)).await.unwrap();
    }
    for id in ids(world, "notice", "kind = 'email_changed' AND sent_at IS NULL").await {
        app::jobs::send_notice::run(&jobs, &payload("notice", id)).await.unwrap();
    }
    let read = |path| std::fs::read_to_string(path).unwrap().replace("=\r\n", "").replace("=3D", "=");
    mails(dir.path()).into_iter().map(read).collect()
}

/// The attempts of the worker that ended because no mail can be handed over.
async fn failed(world: &World) -> usize {
    let (jobs, mut failed) = (cut_off(world), 0);
    for id in ids(world, "email_change", "true").await {
        let payload = JobPayload::new(world.alpha.tenant.id).id("change", id);
        if let Err(code) = app::jobs::send_email_change::run(&jobs, &payload).await {
            assert_eq!(code, "mail.send");
            failed += 1;
        }
    }
    failed
}

/// The one letter that was sent, which is to this address.
async fn only_letter(world: &World, to: &str) -> String {
    let mut all = letters(world).await;
    assert_eq!(all.len(), 1, "{all:?}");
    let letter = all.remove(0);
    assert!(letter.contains(&format!("To: {to}")), "{letter}");
    letter
}

/// Asks, and reads the code in the new mailbox.
async fn asked(world: &World, by: &Actor, email: &str) -> String {
    ask(world, by, email).await.expect(202);
    code_in(&only_letter(world, email).await)
}

async fn run_clean_up(world: &World) {
    let dir = tempfile::tempdir().unwrap();
    let payload = JobPayload::new(world.alpha.tenant.id);
    app::jobs::clean_up::run(&jobs(world, dir.path()), &payload).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_address_is_proven_by_its_mailbox_and_both_are_told() {
    let world = World::new().await;
    let (_, mine) = world.member(OLD).await;
    let other = actor(&sign_in(&world, &world.alpha, OLD, PASSWORD).await.expect(201));
    let code = asked(&world, &mine, NEW).await;
    assert_eq!(me(&world, &mine).await.expect(200).json()["email"], OLD, "asking changes nothing");
    confirm(&world, &mine, &code).await.expect(204);
    assert_eq!(me(&world, &mine).await.expect(200).json()["email"], NEW);
    assert_eq!(me(&world, &other).await.status.as_u16(), 401, "the other sessions are over");
    let old = sign_in(&world, &world.alpha, OLD, PASSWORD).await;
    assert_eq!(old.outcome(), (401, "sign_in_failed".into()));
    sign_in(&world, &world.alpha, NEW, PASSWORD).await.expect(201);

    let told = letters(&world).await;
    assert_eq!(told.len(), 2, "{told:?}");
    let to = |address: &str| {
        let to = format!("To: {address}");
        told.iter().find(|letter| letter.contains(&to)).unwrap_or_else(|| panic!("nobody told {address}"))
    };
    assert!(to(OLD).contains("was changed") && to(OLD).contains("If it was not, call your clinic now"));
    assert!(to(NEW).contains("from now on") && to(NEW).contains("If it was not"));
    assert!(!to(OLD).contains(NEW) && !to(NEW).contains(OLD), "neither letter names the other address");
    let kept = world.count(&world.alpha, "email_change", "new_sealed IS NOT NULL OR old_sealed IS NOT NULL");
    assert_eq!(kept.await, 0, "no address is kept beside the account's");
    let log = world.audit(&world.alpha).await;
    for wanted in ["email.ask", "email.send", "email.change"] {
        assert!(
            log.iter().any(|entry| (entry.0.as_str(), entry.1.as_str()) == (wanted, "allow")),
            "{wanted}"
        );
    }
    // It would say so if the address were still somebody's.
    invited(&world, &world.alpha, OLD).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_for_a_new_address_works_once_in_its_session_in_time_and_for_five_tries() {
    let world = World::new().await;
    let (secret, mine) = world.member(OLD).await;
    world.clock.advance_ms(60_000);
    let there = actor(&sign_in(&world, &world.alpha, OLD, PASSWORD).await.expect(201));
    let proof = json!({ "totp": code_at(&secret, world.now_ms()) });
    let there = actor(&world.prove(&there, proof).await.expect(200));
    let stranger = world.staff(&world.alpha, Role::ClinicAdmin).await;

    assert_eq!(confirm(&world, &mine, "0000 0000").await.outcome(), refused(), "nothing was asked for");
    let code = asked(&world, &mine, NEW).await;
    assert_eq!(confirm(&world, &there, &code).await.outcome(), refused(), "asked for in another session");
    assert_eq!(confirm(&world, &stranger, &code).await.outcome(), refused(), "and by somebody else");
    let next = asked(&world, &mine, NEW).await;
    assert_eq!(confirm(&world, &mine, &code).await.outcome(), refused(), "another was asked for since");
    for wrong in ["", "0000", &"9".repeat(1_000)] {
        assert_eq!(confirm(&world, &mine, wrong).await.outcome(), refused(), "{wrong}");
    }
    confirm(&world, &mine, &next.replace(' ', "-")).await.expect(204);
    assert_eq!(confirm(&world, &mine, &next).await.outcome(), refused(), "once");
    letters(&world).await;

    let guessed = asked(&world, &mine, "second@example.org").await;
    for _ in 0..5 {
        assert_eq!(confirm(&world, &mine, "12345678").await.outcome(), refused());
    }
    assert_eq!(confirm(&world, &mine, &guessed).await.outcome(), refused(), "five tries");

    let late = asked(&world, &mine, "third@example.org").await;
    world.clock.advance_ms(600_000);
    world.prove_now(&world.alpha, &mine).await;
    assert_eq!(confirm(&world, &mine, &late).await.outcome(), refused(), "ten minutes");
    assert_eq!(me(&world, &mine).await.expect(200).json()["email"], NEW);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_letter_about_a_change_of_address_that_was_not_handed_over_is_sent_later_and_not_too_late() {
    let world = World::new().await;
    let (_, mine) = world.member(OLD).await;
    ask(&world, &mine, NEW).await.expect(202);
    assert_eq!([failed(&world).await, failed(&world).await], [1, 1], "each attempt of the queue tries");
    let codes = world.count(&world.alpha, "email_change", "code_tag IS NOT NULL");
    assert_eq!(codes.await, 0, "what nobody was sent is no code");
    let code = code_in(&only_letter(&world, NEW).await);
    confirm(&world, &mine, &code).await.expect(204);
    assert_eq!(failed(&world).await, 1, "the old address waits for its mail");
    assert_eq!(letters(&world).await.len(), 2);

    invited(&world, &world.alpha, "taken@example.com").await;
    ask(&world, &mine, "taken@example.com").await.expect(202);
    assert_eq!(failed(&world).await, 1);
    assert!(only_letter(&world, "taken@example.com").await.contains("Nothing was changed"));

    ask(&world, &mine, "second@example.org").await.expect(202);
    assert_eq!(failed(&world).await, 1);
    ask(&world, &mine, "third@example.org").await.expect(202);
    assert_eq!(failed(&world).await, 1, "what another request made void is not tried again");
    only_letter(&world, "third@example.org").await;

    ask(&world, &mine, "late@example.org").await.expect(202);
    assert_eq!(failed(&world).await, 1);
    world.clock.advance_ms(600_000);
    assert_eq!((failed(&world).await, letters(&world).await.len()), (0, 0), "ten minutes");
}

/// Whoever can write to the database moves a code to a session of their own, and it is worth nothing there.
#[tokio::test(flavor = "multi_thread")]
async fn a_code_for_a_new_address_that_was_moved_in_the_database_changes_nothing() {
    let world = World::new().await;
    let (_, mine) = world.member(OLD).await;
    let thief = world.staff(&world.alpha, Role::Nurse).await;
    let code = asked(&world, &mine, NEW).await;
    let ops = tenancy::SchemaName::ops(world.alpha.tenant.id).quoted();
    let superuser = world.region.superuser().await;
    let session = ids(&world, "session", &format!("account_id = '{}'", thief.account)).await[0];
    let moved = format!("UPDATE {ops}.email_change SET session_id = $1, account_id = $2");
    superuser.execute(moved.as_str(), &[&session, &thief.account]).await.unwrap();
    assert_eq!(confirm(&world, &thief, &code).await.outcome(), refused());
    assert_ne!(me(&world, &thief).await.expect(200).json()["email"], NEW);
}

fn without_id(answer: &Answer) -> (u16, Value) {
    let mut body = answer.json();
    body["instance"] = json!(null);
    (answer.status.as_u16(), body)
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_learns_from_a_change_of_address_who_else_signs_in_here() {
    let world = World::new().await;
    let (_, mine) = world.member(OLD).await;
    invited(&world, &world.alpha, "taken@example.com").await;

    let free = ask(&world, &mine, NEW).await.expect(202);
    let code = code_in(&only_letter(&world, NEW).await);
    let wrong = confirm(&world, &mine, "0000 0000").await;
    let taken = ask(&world, &mine, "Taken@Example.com").await.expect(202);
    assert_eq!(taken.body, free.body, "the answer is the same");
    let letter = only_letter(&world, "Taken@example.com").await;
    assert!(letter.contains("Somebody asked") && letter.contains("Nothing was changed"), "{letter}");
    let words = letter.split_once("\r\n\r\n").unwrap().1;
    assert!(!words.contains(OLD) && !words.contains("account"), "no more than that: {words}");
    for guess in ["0000 0000", &code] {
        let refused = confirm(&world, &mine, guess).await;
        assert_eq!(without_id(&refused), without_id(&wrong), "and so is every refusal");
    }
    // The own address is nothing new.
    ask(&world, &mine, OLD).await.expect(202);
    assert!(only_letter(&world, OLD).await.contains("Nothing was changed"));

    // Somebody is given the address between the code and its use.
    let code = asked(&world, &mine, "soon.taken@example.com").await;
    invited(&world, &world.alpha, "soon.taken@example.com").await;
    assert_eq!(without_id(&confirm(&world, &mine, &code).await), without_id(&wrong));
    assert_eq!(me(&world, &mine).await.expect(200).json()["email"], OLD);

    // A mailbox is not flooded by whoever is signed in.
    for n in 0..2 {
        ask(&world, &mine, &format!("flooded-{n}@example.com")).await.expect(202);
    }
    let more = ask(&world, &mine, "flooded@example.com").await;
    assert_eq!((more.outcome(), more.header("retry-after")), ((429, "rate_limited".into()), "3600".into()));
    let last = world.audit(&world.alpha).await.pop().unwrap();
    assert_eq!(last, ("email.ask".into(), "deny".into(), Some("asked_too_often".into()), None));
    assert_eq!(ask(&world, &mine, "no address").await.outcome(), (400, "invalid_request".into()));
}

/// Two accounts prove one address at one moment: one of them has it.
#[tokio::test(flavor = "multi_thread")]
async fn one_address_is_given_to_one_account_however_many_prove_it_at_once() {
    let world = World::new().await;
    let staff = [world.staff(&world.alpha, Role::Nurse).await, world.staff(&world.alpha, Role::Nurse).await];
    let mut codes = Vec::new();
    for one in &staff {
        codes.push(asked(&world, one, NEW).await);
    }
    let (first, second) =
        tokio::join!(confirm(&world, &staff[0], &codes[0]), confirm(&world, &staff[1], &codes[1]));
    let mut statuses = [first.status.as_u16(), second.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [204, 422], "{} {}", first.text(), second.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_is_changed_with_a_fresh_factor_and_no_mailbox_is_one() {
    let world = World::new().await;
    let (_, mine) = world.member(OLD).await;
    let code = asked(&world, &mine, NEW).await;
    world.clock.advance_ms(301_000);
    let needed = (403, "step_up_required".to_owned());
    assert_eq!(ask(&world, &mine, NEW).await.outcome(), needed);
    assert_eq!(confirm(&world, &mine, &code).await.outcome(), needed);
    world.prove_now(&world.alpha, &mine).await;
    confirm(&world, &mine, &code).await.expect(204);

    let desk = Desk::new().await;
    let world = &desk.world;
    let (patient, _) = desk.signed_in().await;
    assert_eq!(ask(world, &patient, NEW).await.outcome(), needed, "a code by mail is no such factor");
    let (_, patient, _) = world.enrol(&patient).await;
    let code = asked(world, &patient, NEW).await;
    let (browser, _) = desk.ask(ADDRESS).await;
    let in_the_old_mailbox = desk.codes().await.pop().unwrap();
    confirm(world, &patient, &code).await.expect(204);
    let stale = desk.complete(&browser, &in_the_old_mailbox).await;
    assert_eq!(stale.outcome(), (401, "code_refused".into()), "what lies in the old mailbox is void");
    desk.ask(ADDRESS).await;
    assert!(desk.codes().await.is_empty(), "and nothing more comes there");
    let (_, session) = desk.signed_in_as(NEW).await;
    assert_eq!(session.json()["second_factor"], "prove", "the factors are as they were");
    let shown = desk.get(&desk.desk, &format!("/api/v1/patients/{}/account", desk.ids[0])).await.expect(200);
    assert_eq!(shown.json()["open"]["email"], NEW, "the desk sees the address of now");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_address_is_forgotten_once_both_were_told_and_not_before() {
    let world = World::new().await;
    let (_, mine) = world.member(OLD).await;
    asked(&world, &mine, "given.up@example.org").await;
    let code = asked(&world, &mine, NEW).await;
    confirm(&world, &mine, &code).await.expect(204);
    world.clock.advance_ms(3 * 3_600_000);
    run_clean_up(&world).await;
    assert_eq!(
        world.count(&world.alpha, "email_change", "true").await,
        1,
        "the old address waits for its mail"
    );
    assert_eq!(letters(&world).await.len(), 2);
    run_clean_up(&world).await;
    assert_eq!(world.count(&world.alpha, "email_change", "true").await, 0);
}

/// An invitation to an address that somebody has just taken finds the account.
#[tokio::test(flavor = "multi_thread")]
async fn who_is_invited_at_a_changed_address_has_an_account_already() {
    let world = World::new().await;
    let (_, mine) = world.member(OLD).await;
    let code = asked(&world, &mine, NEW).await;
    confirm(&world, &mine, &code).await.expect(204);
    let mut tx = world.region.regional.begin(world.alpha.tenant, "test.invite").await.unwrap();
    let now = DateTime::<Utc>::from(world.app.clock.now());
    let invite = Invite { email: NEW, display_name: "New", role: Role::Nurse, now };
    let found = invite.store(&mut tx, world.app.keys()).await.unwrap();
    assert!(matches!(found, Invited::Exists { account } if account == mine.account));
    tx.rollback().await.unwrap();
}
