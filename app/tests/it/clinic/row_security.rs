//! Row security of reach, policy by policy, below every query: each table about patients shows an untied caller nothing,
//! each rule of the ties refuses, and each of them taken away is noticed. Tables come from the catalog, not from a list.

use app::access::Role;
use app::patients::model::PatientId;
use diesel::sql_types::BigInt;
use diesel_async::RunQueryDsl as _;
use serde_json::json;
use tenancy::TxError;
use tenancy::reach::{Caller, Reach};
use uuid::Uuid;

use crate::support::{World, nominee, patient};

#[derive(diesel::QueryableByName)]
struct Number {
    #[diesel(sql_type = BigInt)]
    number: i64,
}

/// A policy and what it says.
struct Rule {
    table: String,
    name: String,
    using: Option<String>,
    check: Option<String>,
}

async fn rules(world: &World) -> Vec<Rule> {
    let schemas = [
        tenancy::SchemaName::ops(world.alpha.tenant.id).to_string(),
        tenancy::SchemaName::phi(world.alpha.tenant.id).to_string(),
    ];
    let sql = "SELECT p.polrelid::regclass::text, p.polname::text, pg_get_expr(p.polqual, p.polrelid),
            pg_get_expr(p.polwithcheck, p.polrelid)
         FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid JOIN pg_namespace n ON n.oid = c.relnamespace
         WHERE NOT p.polpermissive AND n.nspname = ANY ($1) ORDER BY 1, 2";
    let rows = world.region.superuser().await.query(sql, &[&schemas.as_slice()]).await.unwrap();
    rows.iter()
        .map(|row| Rule { table: row.get(0), name: row.get(1), using: row.get(2), check: row.get(3) })
        .collect()
}

impl Rule {
    /// The policy with its own text, or with none that refuses.
    fn alter(&self, open: bool) -> String {
        let part = |word: &str, text: &Option<String>| match text {
            Some(text) => format!(" {word} ({})", if open { "true" } else { text }),
            None => String::new(),
        };
        let (using, check) = (part("USING", &self.using), part("WITH CHECK", &self.check));
        format!("ALTER POLICY {} ON {}{using}{check}", self.name, self.table)
    }
}

/// How many rows a statement sees or changes for a caller; a refusal is none.
async fn rows(world: &World, caller: Caller, sql: &str) -> i64 {
    let mut tx = world.region.regional.begin_for_caller(world.alpha.tenant, "test.probe").await.unwrap();
    tx.act_as(&caller).await.unwrap();
    let counted: Result<Number, TxError> =
        diesel::sql_query(sql).get_result(tx.conn()).await.map_err(TxError::from);
    tx.rollback().await.unwrap();
    counted.map_or(0, |one| one.number)
}

#[tokio::test(flavor = "multi_thread")]
async fn any_one_policy_taken_away_is_noticed() {
    let world = World::new().await;
    let tied = world.staff(&world.alpha, Role::Physician).await;
    let untied = world.staff(&world.alpha, Role::Physician).await;
    let made = world.ask(&world.alpha, "POST", "/api/v1/patients").by(&tied).json(&patient("Row", "ROW-1"));
    let id = made.send().await.expect(201).json()["id"].as_str().unwrap().to_owned();
    // A row in the table of emergencies as well, by somebody else.
    let third = world.staff(&world.alpha, Role::Nurse).await;
    let emergency = json!({ "patient": id, "reason_code": "safety", "reason": "A fire in the ward." });
    let ask = world.ask(&world.alpha, "POST", "/api/v1/break-glass").by(&third).json(&emergency);
    ask.send().await.expect(201);
    // And in that of those who stand in.
    let path = format!("/api/v1/patients/{id}/proxies");
    let stands_in = nominee("stands-in@example.com");
    world.ask(&world.alpha, "POST", &path).by(&tied).json(&stands_in).send().await.expect(201);
    let patient = PatientId::parse(&id).unwrap().uuid();
    let at_us = chrono::DateTime::<chrono::Utc>::from(world.app.clock.now()).timestamp_micros();
    let caller = |reach, who: Uuid| Caller { reach, actor: who.into_bytes(), at_us };
    let strangers = [
        caller(Reach::Ties, untied.account),
        caller(Reach::Sites, Uuid::from_u128(1)),
        caller(Reach::Nobody, tied.account),
    ];
    let (tenant, new) = (world.alpha.tenant.id.as_uuid(), Uuid::from_u128(2));
    let stranger = untied.account;
    // What each kind of rule is there to refuse, and who would be refused.
    let probe = |rule: &Rule| {
        match rule.name.as_str() {
        "in_reach" => (strangers.to_vec(), format!("SELECT count(*) AS number FROM {}", rule.table)),
        "tie_made" => (
            vec![strangers[0]],
            format!(
                "WITH made AS (INSERT INTO {} (id, tenant_id, patient_id, party_id, kind, valid_from, created_at, created_by)
                 VALUES ('{new}', '{tenant}', '{patient}', '{stranger}', 'member', now(), now(), '{stranger}') RETURNING 1)
                 SELECT count(*) AS number FROM made",
                rule.table
            ),
        ),
        "tie_changed" => (
            vec![strangers[0]],
            format!(
                "WITH changed AS (UPDATE {} SET valid_to = NULL WHERE kind = 'member' RETURNING 1)
                 SELECT count(*) AS number FROM changed",
                rule.table
            ),
        ),
        "tie_removed" => (
            vec![caller(Reach::Ties, tied.account)],
            format!(
                "WITH removed AS (DELETE FROM {} WHERE kind = 'member' RETURNING 1)
                 SELECT count(*) AS number FROM removed",
                rule.table
            ),
        ),
        other => panic!("{other} on {} has no probe here", rule.table),
    }
    };
    let superuser = world.region.superuser().await;
    let rules = rules(&world).await;
    let mut probed = 0;
    for rule in &rules {
        let held: i64 = superuser
            .query_one(format!("SELECT count(*) FROM {}", rule.table).as_str(), &[])
            .await
            .unwrap()
            .get(0);
        if held == 0 {
            // A table that another area fills.
            continue;
        }
        let (callers, sql) = probe(rule);
        for caller in callers {
            assert_eq!(rows(&world, caller, &sql).await, 0, "{} on {}: {caller:?}", rule.name, rule.table);
            superuser.batch_execute(&rule.alter(true)).await.unwrap();
            let seen = rows(&world, caller, &sql).await;
            superuser.batch_execute(&rule.alter(false)).await.unwrap();
            assert!(
                seen > 0,
                "{} on {} is taken away and {caller:?} sees nothing of it",
                rule.name,
                rule.table
            );
        }
        probed += 1;
    }
    // patient, person, person_tag, break_glass, proxy, and three rules of the ties.
    assert!(probed >= 8, "{probed}");
    // Those who are tied do see it all.
    let mine = caller(Reach::Ties, tied.account);
    for rule in rules.iter().filter(|rule| rule.name == "in_reach") {
        let sql = format!("SELECT count(*) AS number FROM {}", rule.table);
        let all: i64 = superuser.query_one(sql.as_str(), &[]).await.unwrap().get(0);
        assert_eq!(rows(&world, mine, &sql).await, all, "{}", rule.table);
    }
}
