//! The telephone of an account: a code to the new one, a word by mail and to both numbers, and nothing for whoever tries otherwise.

use app::access::Role;
use app::staff::model::AccountId;
use localaws::FaultKind;
use serde_json::{Value, json};
use tenancy::JobPayload;
use tenancy::config::SnsConfig;
use tenancy::sms::{Sms, SmsError, TextKind};

use super::email_change::ids;
use super::factors::code_at;
use super::jobs::{cut_off, jobs, mails, texts, waiting};
use super::patient_account::{ADDRESS, Desk, code_in};
use super::sessions::{PASSWORD, actor, sign_in};
use crate::support::{Actor, Answer, World};

const EMAIL: &str = "asha@example.com";
const FIRST: &str = "+12025550143";
const SECOND: &str = "+919876543210";
/// Turns of the worker in which what is enqueued by jobs is done too.
const TURNS_MAX: usize = 5;

fn refused() -> (u16, String) {
    (422, "phone_code_refused".into())
}

async fn ask(world: &World, by: &Actor, phone: &str) -> Answer {
    let body = json!({ "phone": phone });
    world.ask(&world.alpha, "POST", "/api/v1/me/phone").by(by).json(&body).send().await
}

async fn confirm(world: &World, by: &Actor, code: &str) -> Answer {
    let body = json!({ "code": code });
    world.ask(&world.alpha, "POST", "/api/v1/me/phone/confirm").by(by).json(&body).send().await
}

async fn remove(world: &World, by: &Actor) -> Answer {
    world.ask(&world.alpha, "DELETE", "/api/v1/me/phone").by(by).send().await
}

async fn shown(world: &World, by: &Actor) -> Value {
    let answer = world.ask(&world.alpha, "GET", "/api/v1/me/phone").by(by).send().await;
    answer.expect(200).json()["last_digits"].clone()
}

/// What the worker sent.
struct Sent {
    mails: Vec<String>,
    texts: Vec<String>,
}

impl Sent {
    /// The words of the one text to a number.
    fn text(&self, to: &str) -> &str {
        let to = format!("To: {to}\n\n");
        let mut found = self.texts.iter().filter_map(|text| text.strip_prefix(&to));
        let text = found.next().unwrap_or_else(|| panic!("{to}: {:?}", self.texts));
        assert!(found.next().is_none(), "{:?}", self.texts);
        text
    }

    fn says(&self, to: &str, words: &str) -> bool {
        let to = format!("To: {to}\n");
        self.texts.iter().any(|text| text.starts_with(&to) && text.contains(words))
    }
}

/// Does what waits on the queue about mails and texts. Everything is done twice, as a queue may.
async fn work(world: &World) -> Sent {
    let dir = tempfile::tempdir().unwrap();
    let jobs = jobs(world, dir.path());
    for _ in 0..TURNS_MAX {
        let waiting = waiting(world).await;
        let empty = "DELETE FROM graphile_worker._private_jobs";
        world.region.superuser().await.batch_execute(empty).await.unwrap();
        for (name, payload) in waiting {
            assert!(!payload.contains('+'), "a job holds ids only: {payload}");
            let payload: JobPayload = serde_json::from_str(&payload).unwrap();
            for _ in 0..2 {
                match name.as_str() {
                    "send_phone_change" => app::jobs::send_phone_change::run(&jobs, &payload).await.unwrap(),
                    "send_text" => app::jobs::send_text::run(&jobs, &payload).await.unwrap(),
                    "send_notice" => app::jobs::send_notice::run(&jobs, &payload).await.unwrap(),
                    "send_recovery" => app::jobs::send_recovery::run(&jobs, &payload).await.unwrap(),
                    _ => {}
                }
            }
        }
    }
    let read = |path| std::fs::read_to_string(path).unwrap().replace("=\r\n", "").replace("=3D", "=");
    Sent { mails: mails(dir.path()).into_iter().map(read).collect(), texts: texts(dir.path()) }
}

/// The attempts of the worker that ended because no text can be handed over.
async fn failed(world: &World) -> usize {
    let (jobs, mut failed) = (cut_off(world), 0);
    for id in ids(world, "phone_change", "true").await {
        let payload = JobPayload::new(world.alpha.tenant.id).id("change", id);
        if let Err(code) = app::jobs::send_phone_change::run(&jobs, &payload).await {
            assert_eq!(code, "sms.send");
            failed += 1;
        }
    }
    failed
}

/// Asks, and reads the code at the number, which is given as it is dialled.
async fn asked(world: &World, by: &Actor, phone: &str) -> String {
    ask(world, by, phone).await.expect(202);
    let sent = work(world).await;
    assert_eq!(sent.texts.len(), 1, "{:?}", sent.texts);
    sent.text(phone).chars().take(9).collect()
}

/// Somebody with a telephone; what was sent until then is forgotten.
async fn told_at(world: &World, phone: &str) -> (String, Actor) {
    let (secret, mine) = world.member(EMAIL).await;
    work(world).await;
    let code = asked(world, &mine, phone).await;
    confirm(world, &mine, &code).await.expect(204);
    work(world).await;
    (secret, mine)
}

async fn kept(world: &World) -> i64 {
    let numbers = "new_sealed IS NOT NULL OR old_sealed IS NOT NULL";
    world.count(&world.alpha, "phone_change", numbers).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_telephone_is_proven_by_a_code_and_both_channels_are_told() {
    let world = World::new().await;
    let (_, mine) = world.member(EMAIL).await;
    work(&world).await;
    assert_eq!(shown(&world, &mine).await, json!(null));
    // A number without a country code is one of the clinic's country.
    ask(&world, &mine, "(202) 555-0143").await.expect(202);
    let sent = work(&world).await;
    let code: String = sent.text(FIRST).chars().take(9).collect();
    assert!(sent.mails.is_empty(), "nobody is told before there is something to tell");
    assert_eq!(shown(&world, &mine).await, json!(null), "asking changes nothing");
    confirm(&world, &mine, &code).await.expect(204);
    assert_eq!(shown(&world, &mine).await, "0143");
    let sent = work(&world).await;
    assert!(sent.text(FIRST).contains("told here of changes"));
    assert_eq!(sent.mails.len(), 1, "{:?}", sent.mails);
    assert!(sent.mails[0].contains(&format!("To: {EMAIL}")) && sent.mails[0].contains("another telephone"));

    let code = asked(&world, &mine, SECOND).await;
    assert_eq!(shown(&world, &mine).await, "0143", "the one before stays until then");
    confirm(&world, &mine, &code).await.expect(204);
    assert_eq!(shown(&world, &mine).await, "3210");
    let sent = work(&world).await;
    assert!(sent.text(FIRST).contains("not told of changes any more"));
    assert!(sent.text(SECOND).contains("told here of changes"));
    assert_eq!(sent.mails.len(), 1, "{:?}", sent.mails);
    for text in &sent.texts {
        let words = text.split_once("\n\n").unwrap().1.trim_end();
        assert!(words.is_ascii() && words.len() <= 160, "one message: {words}");
        assert!(!words.contains("domicile") && !words.contains(EMAIL), "no clinic and no person: {words}");
    }
    assert_eq!(kept(&world).await, 0, "no number is kept beside the account's");

    remove(&world, &mine).await.expect(204);
    assert_eq!(shown(&world, &mine).await, json!(null));
    let sent = work(&world).await;
    assert!(sent.text(SECOND).contains("not told of changes any more"));
    assert!(sent.mails.len() == 1 && sent.mails[0].contains("no telephone any more"), "{:?}", sent.mails);
    assert_eq!(kept(&world).await, 0);
    remove(&world, &mine).await.expect(204);
    let sent = work(&world).await;
    assert!(sent.mails.is_empty() && sent.texts.is_empty(), "there was none");
    let log = world.audit(&world.alpha).await;
    for wanted in ["phone.read", "phone.ask", "phone.send", "phone.set", "phone.remove"] {
        assert!(
            log.iter().any(|entry| (entry.0.as_str(), entry.1.as_str()) == (wanted, "allow")),
            "{wanted}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_for_a_telephone_works_once_in_its_session_in_time_and_for_five_tries() {
    let world = World::new().await;
    let (secret, mine) = world.member(EMAIL).await;
    world.clock.advance_ms(60_000);
    let there = actor(&sign_in(&world, &world.alpha, EMAIL, PASSWORD).await.expect(201));
    let proof = json!({ "totp": code_at(&secret, world.now_ms()) });
    let there = actor(&world.prove(&there, proof).await.expect(200));
    let stranger = world.staff(&world.alpha, Role::ClinicAdmin).await;
    work(&world).await;

    assert_eq!(confirm(&world, &mine, "0000 0000").await.outcome(), refused(), "nothing was asked for");
    let code = asked(&world, &mine, FIRST).await;
    assert_eq!(confirm(&world, &there, &code).await.outcome(), refused(), "asked for in another session");
    assert_eq!(confirm(&world, &stranger, &code).await.outcome(), refused(), "and by somebody else");
    let next = asked(&world, &mine, FIRST).await;
    assert_eq!(confirm(&world, &mine, &code).await.outcome(), refused(), "another was asked for since");
    for wrong in ["", "0000", &"9".repeat(1_000)] {
        assert_eq!(confirm(&world, &mine, wrong).await.outcome(), refused(), "{wrong}");
    }
    confirm(&world, &mine, &next.replace(' ', "-")).await.expect(204);
    assert_eq!(confirm(&world, &mine, &next).await.outcome(), refused(), "once");
    work(&world).await;

    let guessed = asked(&world, &mine, SECOND).await;
    let wrong = if guessed.starts_with('1') { "22222222" } else { "11111111" };
    for _ in 0..5 {
        assert_eq!(confirm(&world, &mine, wrong).await.outcome(), refused());
    }
    assert_eq!(confirm(&world, &mine, &guessed).await.outcome(), refused(), "five tries");

    let late = asked(&world, &mine, SECOND).await;
    world.clock.advance_ms(600_000);
    world.prove_now(&world.alpha, &mine).await;
    assert_eq!(confirm(&world, &mine, &late).await.outcome(), refused(), "ten minutes");
    let void = asked(&world, &mine, SECOND).await;
    remove(&world, &mine).await.expect(204);
    assert_eq!(confirm(&world, &mine, &void).await.outcome(), refused(), "removed since");
    assert_eq!(shown(&world, &mine).await, json!(null));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_text_about_a_change_of_telephone_that_was_not_handed_over_is_sent_later_and_not_too_late() {
    let world = World::new().await;
    let (_, mine) = world.member(EMAIL).await;
    work(&world).await;
    ask(&world, &mine, FIRST).await.expect(202);
    assert_eq!([failed(&world).await, failed(&world).await], [1, 1], "each attempt of the queue tries");
    let codes = world.count(&world.alpha, "phone_change", "code_tag IS NOT NULL");
    assert_eq!(codes.await, 0, "what nobody was sent is no code");
    let sent = work(&world).await;
    let code: String = sent.text(FIRST).chars().take(9).collect();
    confirm(&world, &mine, &code).await.expect(204);
    work(&world).await;
    remove(&world, &mine).await.expect(204);
    assert_eq!(failed(&world).await, 1, "the old number waits for its text");
    assert!(work(&world).await.text(FIRST).contains("not told of changes any more"));

    ask(&world, &mine, FIRST).await.expect(202);
    assert_eq!(failed(&world).await, 1);
    ask(&world, &mine, SECOND).await.expect(202);
    assert_eq!(failed(&world).await, 1, "what another request made void is not tried again");
    world.clock.advance_ms(600_000);
    assert_eq!(failed(&world).await, 0, "ten minutes");
    assert!(work(&world).await.texts.is_empty());
}

/// Whoever can write to the database moves a code to a session of their own, and a number to another account: neither is worth
/// anything there.
#[tokio::test(flavor = "multi_thread")]
async fn a_code_or_a_telephone_that_was_moved_in_the_database_is_nobodys() {
    let world = World::new().await;
    let (_, mine) = told_at(&world, FIRST).await;
    let thief = world.staff(&world.alpha, Role::Nurse).await;
    let code = asked(&world, &mine, SECOND).await;
    let ops = tenancy::SchemaName::ops(world.alpha.tenant.id).quoted();
    let superuser = world.region.superuser().await;
    let session = ids(&world, "session", &format!("account_id = '{}'", thief.account)).await[0];
    let moved =
        format!("UPDATE {ops}.phone_change SET session_id = $1, account_id = $2 WHERE used_at IS NULL");
    superuser.execute(moved.as_str(), &[&session, &thief.account]).await.unwrap();
    assert_eq!(confirm(&world, &thief, &code).await.outcome(), refused());
    assert_eq!(shown(&world, &thief).await, json!(null));

    let moved = format!("UPDATE {ops}.account_phone SET account_id = $1");
    superuser.execute(moved.as_str(), &[&thief.account]).await.unwrap();
    let answer = world.ask(&world.alpha, "GET", "/api/v1/me/phone").by(&thief).send().await;
    assert!(answer.status.is_server_error() && !answer.text().contains("0143"), "{}", answer.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_telephone_is_set_and_removed_with_a_fresh_factor_and_is_none() {
    let world = World::new().await;
    let (_, mine) = told_at(&world, FIRST).await;
    let code = asked(&world, &mine, SECOND).await;
    world.clock.advance_ms(301_000);
    let needed = (403, "step_up_required".to_owned());
    assert_eq!(ask(&world, &mine, SECOND).await.outcome(), needed);
    assert_eq!(confirm(&world, &mine, &code).await.outcome(), needed);
    assert_eq!(remove(&world, &mine).await.outcome(), needed);
    world.prove_now(&world.alpha, &mine).await;
    confirm(&world, &mine, &code).await.expect(204);
    let again = sign_in(&world, &world.alpha, EMAIL, PASSWORD).await.expect(201);
    assert_eq!(again.json()["second_factor"], "prove", "no code goes to a telephone to sign in with");

    let desk = Desk::new().await;
    let world = &desk.world;
    let (patient, _) = desk.signed_in().await;
    assert_eq!(ask(world, &patient, FIRST).await.outcome(), needed, "a code by mail is no such factor");
    let (_, patient, _) = world.enrol(&patient).await;
    work(world).await;
    let code = asked(world, &patient, FIRST).await;
    confirm(world, &patient, &code).await.expect(204);
    assert_eq!(shown(world, &patient).await, "0143");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_learns_who_has_a_telephone_and_no_number_is_flooded() {
    let world = World::new().await;
    let (_, mine) = told_at(&world, FIRST).await;
    let other = world.staff(&world.alpha, Role::Nurse).await;
    let free = ask(&world, &other, SECOND).await.expect(202);
    let taken = ask(&world, &other, FIRST).await.expect(202);
    assert_eq!(taken.body, free.body, "the answer is the same");
    let sent = work(&world).await;
    assert!(sent.text(FIRST).contains("is your code"), "and so is what comes");
    let code: String = sent.text(FIRST).chars().take(9).collect();
    confirm(&world, &other, &code).await.expect(204);
    work(&world).await;
    assert_eq!([shown(&world, &mine).await, shown(&world, &other).await], ["0143", "0143"]);

    for bad in ["", "0143", "no number", "+0123456789", "+12345678901234567"] {
        let answer = ask(&world, &mine, bad).await;
        assert_eq!(answer.outcome(), (400, "invalid_request".into()), "{bad}");
        assert_eq!(answer.json()["errors"][0]["code"], "phone_invalid");
    }
    for _ in 0..5 {
        ask(&world, &mine, SECOND).await.expect(202);
    }
    let more = ask(&world, &mine, SECOND).await;
    assert_eq!((more.outcome(), more.header("retry-after")), ((429, "rate_limited".into()), "3600".into()));
    let last = world.audit(&world.alpha).await.pop().unwrap();
    assert_eq!(last, ("phone.ask".into(), "deny".into(), Some("asked_too_often".into()), None));
    let sent = work(&world).await;
    assert_eq!(sent.texts.len(), 1, "what was asked for before is void before it is sent");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_changes_about_a_sign_in_is_told_at_the_telephone_too() {
    let world = World::new().await;
    let (_, mine) = told_at(&world, FIRST).await;
    let another = "another long enough phrase";
    let body = json!({ "current": PASSWORD, "new": another });
    world.ask(&world.alpha, "PUT", "/api/v1/me/password").by(&mine).json(&body).send().await.expect(204);
    let sent = work(&world).await;
    assert!(sent.text(FIRST).contains("Your password was changed"));
    assert_eq!(sent.mails.len(), 1, "{:?}", sent.mails);

    let renew = world.ask(&world.alpha, "POST", "/api/v1/me/factors/recovery-codes").by(&mine);
    renew.send().await.expect(201);
    assert!(work(&world).await.text(FIRST).contains("New recovery codes were made"));

    let body = json!({ "email": EMAIL });
    world.ask(&world.alpha, "POST", "/api/v1/recovery").json(&body).send().await.expect(202);
    let sent = work(&world).await;
    assert!(sent.text(FIRST).contains("Somebody asked to set a new password"));
    assert_eq!(sent.mails.len(), 1, "the link is a letter of its own: {:?}", sent.mails);
    let token: String = sent.mails[0].split_once("#token=").unwrap().1.chars().take(43).collect();
    let body = json!({ "token": token, "password": "a long enough pass phrase" });
    let complete = world.ask(&world.alpha, "POST", "/api/v1/recovery/complete").json(&body);
    complete.send().await.expect(204);
    assert!(work(&world).await.says(FIRST, "Your password was changed"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_address_is_told_at_the_telephone_and_a_change_is_forgotten_once_told() {
    let world = World::new().await;
    let (_, mine) = told_at(&world, FIRST).await;
    let body = json!({ "email": "asha.rao@example.org" });
    world.ask(&world.alpha, "POST", "/api/v1/me/email").by(&mine).json(&body).send().await.expect(202);
    let dir = tempfile::tempdir().unwrap();
    let change = ids(&world, "email_change", "true").await[0];
    let payload = JobPayload::new(world.alpha.tenant.id).id("change", change);
    app::jobs::send_email_change::run(&jobs(&world, dir.path()), &payload).await.unwrap();
    let code = code_in(&std::fs::read_to_string(&mails(dir.path())[0]).unwrap());
    let body = json!({ "code": code });
    let confirm = world.ask(&world.alpha, "POST", "/api/v1/me/email/confirm").by(&mine).json(&body);
    confirm.send().await.expect(204);
    assert!(work(&world).await.text(FIRST).contains("Your e-mail address was changed"));

    remove(&world, &mine).await.expect(204);
    world.clock.advance_ms(3 * 3_600_000);
    let clean_up = JobPayload::new(world.alpha.tenant.id);
    app::jobs::clean_up::run(&jobs(&world, dir.path()), &clean_up).await.unwrap();
    assert_eq!(
        world.count(&world.alpha, "phone_change", "true").await,
        1,
        "the old number waits for its text"
    );
    assert!(work(&world).await.text(FIRST).contains("not told of changes any more"));
    app::jobs::clean_up::run(&jobs(&world, dir.path()), &clean_up).await.unwrap();
    assert_eq!(world.count(&world.alpha, "phone_change", "true").await, 0);
}

/// A closed account and one that is gone have no telephone, and what was asked for sets none.
#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_is_closed_or_gone_leaves_no_telephone() {
    let world = World::new().await;
    let (_, mine) = told_at(&world, FIRST).await;
    ask(&world, &mine, SECOND).await.expect(202);
    let admin = world.staff(&world.alpha, Role::ClinicAdmin).await;
    let path = format!("/api/v1/staff/{}/deactivate", AccountId::from(mine.account));
    world.ask(&world.alpha, "POST", &path).by(&admin).send().await.expect(204);
    for table in ["account_phone", "phone_change"] {
        assert_eq!(world.count(&world.alpha, table, "true").await, 0, "{table}");
    }
    let sent = work(&world).await;
    assert!(sent.texts.is_empty(), "{:?}", sent.texts);

    let desk = Desk::new().await;
    let world = &desk.world;
    let (patient, session) = desk.signed_in_as(ADDRESS).await;
    let (_, patient, _) = world.enrol(&patient).await;
    work(world).await;
    let code = asked(world, &patient, FIRST).await;
    confirm(world, &patient, &code).await.expect(204);
    let path = format!("/api/v1/patients/{}/account/end", desk.ids[0]);
    let body = json!({ "account": session.json()["account"] });
    world.ask(&world.alpha, "POST", &path).by(&desk.desk).json(&body).send().await.expect(204);
    for table in ["account_phone", "phone_change"] {
        assert_eq!(world.count(&world.alpha, table, "true").await, 0, "{table}");
    }
}

/// The SDK signs for the region's SNS, and what was not taken is tried again by the queue and not said to be sent.
#[tokio::test(flavor = "multi_thread")]
async fn a_text_goes_to_the_sns_of_the_region_and_nothing_but_a_number_is_sent_to() {
    let world = World::new().await;
    let kms = &world.region.config.kms;
    let config = SnsConfig {
        endpoint: kms.endpoint.clone(),
        ca: kms.ca.clone(),
        sender_id: Some("DOMCIL".into()),
        entity_id: Some("1701".into()),
        code_template_id: Some("1702".into()),
        notice_template_id: None,
    };
    let sms = Sms::connect(world.region.config.region, &config).await.unwrap();
    sms.send(SECOND, "Words & more: 50% = half, +1", TextKind::Code).await.unwrap();
    let taken = world.region.aws.texts();
    assert_eq!(taken.len(), 1);
    assert_eq!((taken[0].to.as_str(), taken[0].message.as_str()), (SECOND, "Words & more: 50% = half, +1"));
    let attributes: Vec<(&str, &str)> =
        taken[0].attributes.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(
        attributes,
        [
            ("AWS.MM.SMS.EntityId", "1701"),
            ("AWS.MM.SMS.TemplateId", "1702"),
            ("AWS.SNS.SMS.SMSType", "Transactional"),
            ("AWS.SNS.SMS.SenderID", "DOMCIL"),
        ]
    );
    for nobody in ["", "9876543210", "+91 98765", "arn:aws:sns:us-east-1:000000000000:alarms"] {
        assert_eq!(sms.send(nobody, "Words", TextKind::Notice).await, Err(SmsError::Text), "{nobody}");
    }
    world.region.aws.faults().sns(FaultKind::Throttle);
    assert_eq!(sms.send(SECOND, "Words", TextKind::Notice).await, Err(SmsError::Send));
    assert_eq!(world.region.aws.texts().len(), 1);
}
