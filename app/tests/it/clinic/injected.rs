//! Catalogue entries T01, T02 and T41: handlers with the mistakes that people make, and what the layers below make of
//! them. The handlers are here and in no product.

use actix_web::http::Method;
use actix_web::{HttpResponse, web};
use app::access::{Action, Role};
use app::call::{Call, Done};
use app::error::AppError;
use app::middleware::rate::RateClass;
use app::routes::Route;
use diesel::sql_types::Text;
use diesel_async::RunQueryDsl as _;
use tenancy::audit::{Outcome, Unaudited};
use tenancy::{RoleName, SchemaName, TxError};

use crate::support::{Answer, Options, World, log_lines, patient};

static MISTAKES: &[Route] = &[
    Route {
        method: Method::GET,
        path: "/test/filter",
        action: Action::PatientList,
        rate: RateClass::Bulk,
        handler: || web::get().to(concatenated_filter),
    },
    Route {
        method: Method::POST,
        path: "/test/forgetful",
        action: Action::PatientUpdate,
        rate: RateClass::Write,
        handler: || web::post().to(forgetful_change),
    },
];

#[derive(diesel::QueryableByName)]
struct Word {
    #[diesel(sql_type = Text)]
    word: String,
}

/// Runs what `x-statement` says, then lists patients with what `x-filter` says pasted into the query.
async fn concatenated_filter(call: Call) -> Result<HttpResponse, AppError> {
    let text = |name: &str| call.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
    let words = call
        .staff(async |ctx, tx| {
            if let Some(statement) = text("x-statement") {
                diesel::sql_query(statement).execute(tx.conn()).await.map_err(TxError::from)?;
            }
            let filter = text("x-filter").unwrap_or_else(|| "true".to_owned());
            let sql = format!("SELECT id::text AS word FROM patient WHERE {filter}");
            let found: Vec<Word> = diesel::sql_query(sql).load(tx.conn()).await.map_err(TxError::from)?;
            let words: Vec<String> = found.into_iter().map(|row| row.word).collect();
            Done::audited(words.join("\n"), ctx.entry(call.action(), Outcome::Allow))
        })
        .await?;
    Ok(HttpResponse::Ok().body(words))
}

/// Changes a patient and commits as if nothing worth recording had happened.
async fn forgetful_change(call: Call) -> Result<HttpResponse, AppError> {
    call.staff(async |_ctx, tx| {
        let sql = "UPDATE patient SET state = 'archived', version = version + 1";
        diesel::sql_query(sql).execute(tx.conn()).await.map_err(TxError::from)?;
        Done::unaudited((), Unaudited::SessionTouch)
    })
    .await?;
    Ok(HttpResponse::NoContent().finish())
}

async fn world() -> World {
    World::with(Options { routes: MISTAKES, ..Options::default() }).await
}

/// Whether the log has an alert with this code for the request of this answer.
fn alerted(answer: &Answer, code: &str) -> bool {
    let request = answer.header("x-request-id");
    log_lines().iter().any(|line| {
        line.contains(&request) && line.contains(&format!("\"{code}\"")) && line.contains("\"alert\"")
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn t01_t02_text_pasted_into_a_query_reaches_no_other_clinic() {
    let world = world().await;
    let here = world.staff(&world.alpha, Role::Physician).await;
    let there = world.staff(&world.beta, Role::Physician).await;
    let mut ids = Vec::new();
    for (clinic, actor) in [(&world.alpha, &here), (&world.beta, &there)] {
        let made = world.ask(clinic, "POST", "/api/v1/patients").by(actor).json(&patient("Secret", "S-1"));
        let id = made.send().await.expect(201).json()["id"].as_str().unwrap().to_owned();
        ids.push(app::patients::model::PatientId::parse(&id).unwrap().uuid().to_string());
    }
    let (role, schema) =
        (RoleName::of(world.beta.tenant.id), SchemaName::ops(world.beta.tenant.id).as_str().to_owned());
    let ask = |filter: &str, statement: Option<&str>| {
        let ask = world.ask(&world.alpha, "GET", "/test/filter").by(&here).header("x-filter", filter);
        match statement {
            Some(statement) => ask.header("x-statement", statement).send(),
            None => ask.send(),
        }
    };
    // The hole is there: the filter is the caller's, and it shows the clinic's own patients and no others.
    let own = ask("true OR 'x' = 'x'", None).await.expect(200).text();
    assert_eq!(own, ids[0]);

    let read = format!("query_to_xml('select * from {schema}.patient', true, true, '')::text");
    let attacks = [
        format!("true UNION ALL SELECT set_config('role', '{role}', true) || {read}"),
        format!("set_config('role', '{role}', true) = '{role}'"),
        format!("true UNION ALL SELECT {read}"),
        format!("true UNION ALL SELECT query_to_xml('set role {role}', true, true, '')::text"),
        format!("true UNION ALL SELECT id::text FROM {schema}.patient"),
        format!("true UNION ALL SELECT id::text FROM {schema}_phi.person"),
        "true UNION ALL SELECT count(*)::text FROM sec.context_key".to_owned(),
        "true UNION ALL SELECT count(*)::text FROM graphile_worker._private_jobs".to_owned(),
        "true UNION ALL SELECT pg_read_file('postgresql.conf')".to_owned(),
    ];
    for attack in &attacks {
        let answer = ask(attack, None).await;
        assert_eq!(answer.outcome(), (500, "internal".into()), "{attack}");
        assert!(!ids.iter().any(|id| answer.text().contains(id.as_str())), "{attack}: {}", answer.text());
        assert!(alerted(&answer, "database_refused"), "{attack} raised no alert");
    }
    let settings = format!("UPDATE pg_settings SET setting = '{role}' WHERE name = 'role'");
    let answer = ask("true", Some(&settings)).await;
    assert_eq!(answer.outcome(), (500, "internal".into()));
    assert!(alerted(&answer, "database_refused"));
    // Whoever may run whole statements can change the role; the proof of the tenant does not follow.
    let answer = ask("true", Some(&format!("SET LOCAL ROLE \"{role}\""))).await;
    assert_eq!(answer.outcome(), (500, "internal".into()));
    assert!(!answer.text().contains(&ids[1]));
    // Nothing of it stays on the connections: the next requests of both clinics are as before.
    assert_eq!(ask("true", None).await.expect(200).text(), ids[0]);
    let other = world.ask(&world.beta, "GET", "/test/filter").by(&there).send().await.expect(200).text();
    assert_eq!(other, ids[1]);
}

/// A handler that forgets its entry changes nothing: the commit is refused, by the database.
#[tokio::test(flavor = "multi_thread")]
async fn t41_a_handler_that_forgets_to_audit_changes_nothing() {
    let world = world().await;
    let actor = world.staff(&world.alpha, Role::Physician).await;
    let made = world.ask(&world.alpha, "POST", "/api/v1/patients").by(&actor).json(&patient("Kept", "K-1"));
    let path = format!("/api/v1/patients/{}", made.send().await.expect(201).json()["id"].as_str().unwrap());
    let before = world.audit(&world.alpha).await;
    let answer = world.ask(&world.alpha, "POST", "/test/forgetful").by(&actor).send().await;
    assert_eq!(answer.outcome(), (500, "internal".into()));
    let recorded = log_lines().iter().any(|line| {
        line.contains("\"transaction_refused\"")
            && line.contains("\"audit_missing\"")
            && line.contains("\"alert\"")
    });
    assert!(recorded, "the refusal is an alert");
    assert_eq!(world.audit(&world.alpha).await, before);
    let ops = SchemaName::ops(world.alpha.tenant.id).quoted();
    let sql = format!("SELECT state, version FROM {ops}.patient");
    let row = world.region.superuser().await.query_one(sql.as_str(), &[]).await.unwrap();
    assert_eq!((row.get::<_, String>(0), row.get::<_, i64>(1)), ("active".to_owned(), 1));
    let read = world.ask(&world.alpha, "GET", &path).by(&actor).send().await.expect(200);
    assert_eq!(read.json()["version"], 1);
}

/// The hook that puts these handlers there is the tests' alone.
#[test]
fn the_product_registers_no_route_but_its_own() {
    fn sources(folder: &std::path::Path, found: &mut Vec<std::path::PathBuf>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                sources(&path, found);
            } else if path.extension().is_some_and(|end| end == "rs") {
                found.push(path);
            }
        }
    }
    let mut files = Vec::new();
    sources(std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src")), &mut files);
    assert!(files.len() > 50);
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        assert!(!text.contains(".with_routes("), "{}", file.display());
    }
}
