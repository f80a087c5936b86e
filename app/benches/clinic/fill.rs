//! Many patients, quickly: the product's own rules, keys, sealing, tags and inserts, several hundred to a transaction.

use std::ops::Range;

use app::audit;
use app::patients::api::PatientInput;
use app::patients::model::{Patient, PatientId};
use app::patients::queries::TABLES;
use app::patients::rules::{self, Place};
use app::patients::tags::Tagger;
use app::relationships::queries::{Founding, Joins};
use app::store::Sealing;
use chrono::{DateTime, Datelike as _, NaiveDate, TimeDelta, Utc};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use serde_json::{Value, json};
use tenancy::audit::AuditEntry;
use tenancy::keys::{Purpose, SubjectId};
use uuid::Uuid;

use crate::world::{Clinic, World};

/// Patients inserted by one transaction.
const BATCH: usize = 200;
/// Transactions at once: what one clinic may have open.
const AT_ONCE: usize = 6;
/// Keys made at once by one of them.
const KEYS_AT_ONCE: usize = 3;

const GIVEN: [&str; 16] = [
    "Asha", "Priya", "Maria", "John", "Wei", "Fatima", "Olga", "Sofia", "Ravi", "Ana", "Juan", "Emma",
    "Liam", "Noah", "Mei", "Ines",
];
const SYLLABLES: [&str; 16] =
    ["ba", "ko", "li", "mu", "ra", "sen", "ta", "vo", "wi", "ya", "dor", "gan", "hal", "jin", "pet", "zur"];

/// The `number`th made-up patient. No two share a family name, MRN, phone or e-mail address.
pub(crate) fn person(number: usize) -> Value {
    json!({
        "names": [{ "use": "official", "given": [GIVEN[number % 16]], "family": family(number) }],
        "birth_date": birth_date(number),
        "sex": if number.is_multiple_of(2) { "female" } else { "male" },
        "phones": [{ "value": phone(number), "use": "mobile" }],
        "emails": [{ "value": email(number) }],
        "addresses": [{ "use": "home", "lines": ["1 Sample Street"], "city": "Exampleton" }],
        "mrn": mrn(number),
    })
}

pub(crate) fn family(number: usize) -> String {
    let mut name: String = (0..5).map(|at| SYLLABLES[(number >> (4 * at)) % 16]).collect();
    name[..1].make_ascii_uppercase();
    name
}

pub(crate) fn birth_date(number: usize) -> NaiveDate {
    // 29,000 days from 1940 on, spread so that neighbours do not share one.
    let days = i64::try_from(number * 7919 % 29_000).unwrap();
    NaiveDate::from_ymd_opt(1940, 1, 1).unwrap() + TimeDelta::days(days)
}

pub(crate) fn phone(number: usize) -> String {
    format!("+1202{:07}", 2_000_000 + number)
}

pub(crate) fn email(number: usize) -> String {
    format!("p{number}@example.com")
}

pub(crate) fn mrn(number: usize) -> String {
    format!("B{number:06}")
}

/// Registers these patients in a clinic and gives their ids in the form of the API.
pub(crate) async fn patients(world: &World, clinic: &Clinic, numbers: Range<usize>) -> Vec<String> {
    lazily_flushed(world, "off").await;
    let starts: Vec<usize> = numbers.clone().step_by(BATCH).collect();
    let ids: Vec<Vec<String>> = stream::iter(starts)
        .map(|start| batch(world, clinic, start..numbers.end.min(start + BATCH)))
        .buffered(AT_ONCE)
        .collect()
        .await;
    lazily_flushed(world, "on").await;
    for client in [world.region.superuser().await, world.region.key_superuser().await] {
        // What autovacuum would have done by the time a clinic has that many patients.
        client.batch_execute("VACUUM (ANALYZE)").await.unwrap();
        client.batch_execute("CHECKPOINT").await.unwrap();
    }
    ids.into_iter().flatten().collect()
}

/// Whether commits wait for the disk, for new sessions of the application; those there are end.
async fn lazily_flushed(world: &World, commit: &str) {
    let databases = [world.region.shard_database(), world.region.key_database()];
    let superuser = world.region.superuser().await;
    for database in databases {
        let sql = format!("ALTER ROLE domicile_app IN DATABASE {database} SET synchronous_commit = {commit}");
        superuser.batch_execute(&sql).await.unwrap();
    }
    crate::pgbench::end_sessions(world, &superuser).await;
}

async fn batch(world: &World, clinic: &Clinic, numbers: Range<usize>) -> Vec<String> {
    let (keys, tenant) = (world.app.keys(), clinic.tenant.id);
    let now = DateTime::<Utc>::from(world.app.clock.now());
    let blind = keys.tenant_key(tenant, Purpose::BlindIndex).await.unwrap();
    let macs = keys.row_macs(tenant).await.unwrap();
    let jurisdiction = "US".parse().unwrap();
    let tagger = Tagger { key: &blind, jurisdiction };
    let ids: Vec<(usize, PatientId)> = numbers.map(|number| (number, PatientId::random())).collect();
    let made =
        stream::iter(ids.iter().map(|(_, id)| keys.create_subject(tenant, SubjectId::from(id.bytes()))));
    let subjects: Vec<_> = made.buffered(KEYS_AT_ONCE).try_collect().await.unwrap();
    let mut tx = world.region.regional.begin(clinic.tenant, "bench.fill").await.unwrap();
    for ((number, id), subject) in ids.iter().zip(subjects) {
        let input: PatientInput = serde_json::from_value(person(*number)).unwrap();
        let today = now.date_naive().with_year(2030).unwrap_or(now.date_naive());
        let person = rules::check(input, Place { jurisdiction, today }).unwrap();
        let mut patient =
            Patient { id: *id, version: 1, created_at: now, updated_at: now, person, row_mac: None };
        let tags = tagger.all(&patient.person).unwrap();
        let row = patient.seal(&Sealing { sealer: &subject.sealer(), macs: &macs }, &tags).unwrap();
        let founding = Founding {
            patient: id.uuid(),
            by: Uuid::from_bytes(id.bytes()),
            joins: Joins::Nothing,
            site: tenant.as_uuid(),
            now,
        };
        patient.insert(&mut tx, row, &tags, &founding).await.unwrap();
    }
    let entry = TABLES.into_iter().fold(audit::by_system("bench.fill"), AuditEntry::touches);
    tx.commit(entry).await.unwrap();
    ids.iter().map(|(_, id)| id.to_string()).collect()
}
