//! Catalogue entry T08: requests that are given up at any moment, while one connection serves everybody.

use std::future::{Future, poll_fn};
use std::task::Poll;
use std::time::{Duration, Instant};

use actix_web::body::{MessageBody, to_bytes};
use actix_web::dev::{Service, ServiceResponse};
use actix_web::test::{TestRequest, init_service};
use actix_web::{App, middleware};
use app::access::Role;
use app::routes::Table;
use serde_json::{Value, json};
use tenancy::config::PoolConfig;

use crate::support::{Actor, Clinic, Options, World, patient};

/// Registrations that must be given up, evenly over their whole life.
const GIVEN_UP_MIN: u32 = 500;
/// Moments of one round, each a little later in a life than in the round before.
const MOMENTS: u32 = 100;
/// Most rounds. Five or six are enough, but where a machine that was busy goes on faster many finish first.
const ROUNDS_MAX: u32 = 20;
/// Registrations that are let go on before each round, to see how long a life is then.
const WHOLE: u32 = 9;
/// Requests that a client gives up on the wire.
const DROPPED: u32 = 40;

/// A request as the front door sends it, for a service in this process.
fn request(
    world: &World,
    (clinic, actor): (&Clinic, &Actor),
    (method, path, body): (&str, &str, Option<&Value>),
) -> TestRequest {
    let mut request = TestRequest::default()
        .method(method.parse().unwrap())
        .uri(path)
        .insert_header(("host", clinic.host.clone()))
        .insert_header(("origin", clinic.origin()))
        .insert_header(("cookie", actor.cookie.clone()))
        .insert_header(("x-csrf-token", actor.csrf.clone()))
        .insert_header(("if-match", "\"v1\""))
        .insert_header(("domicile-route", world.ask(clinic, method, path).minted()));
    if let Some(body) = body {
        request = request.insert_header(("content-type", "application/json")).set_payload(body.to_string());
    }
    request
}

/// Polls `work` for as long as `go_on` says before each poll; `None` when it was dropped.
async fn given_up<T>(work: impl Future<Output = T>, mut go_on: impl FnMut() -> bool) -> Option<T> {
    let mut work = Box::pin(work);
    poll_fn(move |context| {
        if !go_on() {
            return Poll::Ready(None);
        }
        match work.as_mut().poll(context) {
            Poll::Ready(done) => Poll::Ready(Some(done)),
            Poll::Pending => {
                // Again at once, so that the moment is not rounded to the next time something happens.
                context.waker().wake_by_ref();
                Poll::Pending
            }
        }
    })
    .await
}

/// Who gives up and who comes next.
struct Pair<'a> {
    world: &'a World,
    first: Actor,
    next: Actor,
    /// What the next one must see, and nothing else.
    own: String,
}

impl Pair<'_> {
    /// The next borrower of the one connection is another clinic, and finds its own patient.
    async fn next_is_clean<F, B>(&self, call: &impl Fn(TestRequest) -> F, after: &str)
    where
        F: Future<Output = Result<ServiceResponse<B>, actix_web::Error>>,
        B: MessageBody,
    {
        let world = self.world;
        let list = request(world, (&world.beta, &self.next), ("GET", "/api/v1/patients", None));
        let answer = tokio::time::timeout(Duration::from_secs(10), call(list)).await;
        let answer = answer.unwrap_or_else(|_| panic!("after {after} the connection is stuck")).unwrap();
        let status = answer.status().as_u16();
        let body = to_bytes(answer.into_body()).await.unwrap_or_else(|_| panic!("no body"));
        let body: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!((status, body["items"].as_array().map(Vec::len)), (200, Some(1)), "after {after}: {body}");
        assert_eq!(body["items"][0]["id"], self.own, "after {after}");
    }
}

#[actix_web::test]
async fn t08_a_request_given_up_anywhere_leaves_its_connection_clean() {
    let pool = PoolConfig { connections_max: 1, lanes_max: 1, ..PoolConfig::default() };
    let world = World::with(Options { pool, ..Options::default() }).await;
    let (first, next) =
        (world.staff(&world.alpha, Role::Physician).await, world.staff(&world.beta, Role::Physician).await);
    let made = world.ask(&world.beta, "POST", "/api/v1/patients").by(&next).json(&patient("Next", "N-1"));
    let own = made.send().await.expect(201).json()["id"].as_str().unwrap().to_owned();
    let pair = Pair { world: &world, first, next, own };
    let service = App::new()
        .app_data(world.app.clone())
        .configure(|config| Table::default().configure(config))
        .wrap(middleware::from_fn(app::middleware::edge));
    let service = init_service(service).await;
    let call = |request: TestRequest| service.call(request.to_request());
    let create = |n: u32| {
        let body = patient("First", &format!("F-{n}"));
        let route = ("POST", "/api/v1/patients", Some(&body));
        call(request(&world, (&world.alpha, &pair.first), route))
    };

    let (mut dropped, mut finished, mut number) = (0, 0_i64, 0..);
    let mut next_create = || create(number.next().unwrap());
    for round in 0..ROUNDS_MAX {
        if dropped >= GIVEN_UP_MIN {
            break;
        }
        let life = life(&mut next_create).await;
        finished += i64::from(WHOLE);
        for moment in 0..MOMENTS {
            let part = f64::from(moment * ROUNDS_MAX + round) / f64::from(MOMENTS * ROUNDS_MAX);
            let end = Instant::now() + life.mul_f64(part);
            match given_up(next_create(), || Instant::now() < end).await {
                Some(done) => {
                    assert_eq!(done.unwrap().status().as_u16(), 201);
                    finished += 1;
                }
                None => dropped += 1,
            }
            pair.next_is_clean(&call, &format!("round {round}, moment {moment}")).await;
        }
    }
    assert!(dropped >= GIVEN_UP_MIN, "given up {dropped} times, finished {finished}");
    at_every_await(&pair, &call).await;
    on_the_wire(&pair).await;
    pair.next_is_clean(&call, "all").await;
    registered_whole(&world, finished).await;
}

/// How long a registration lives at the moment: the middle of some.
async fn life<F, B>(create: &mut impl FnMut() -> F) -> Duration
where
    F: Future<Output = Result<ServiceResponse<B>, actix_web::Error>>,
{
    let mut lives = Vec::new();
    for _ in 0..WHOLE {
        let started = Instant::now();
        assert_eq!(create().await.unwrap().status().as_u16(), 201);
        lives.push(started.elapsed());
    }
    lives.sort();
    lives[lives.len() / 2]
}

/// Gives up other kinds of requests at their first, second, third … await, until one run needs no more.
async fn at_every_await<F, B>(pair: &Pair<'_>, call: &impl Fn(TestRequest) -> F)
where
    F: Future<Output = Result<ServiceResponse<B>, actix_web::Error>>,
    B: MessageBody,
{
    let world = pair.world;
    let search = json!({ "mrn": "F-1" });
    let absent = format!("/api/v1/patients/{}", app::patients::model::PatientId::random());
    let routes = [
        ("GET", "/api/v1/patients", None),
        ("GET", absent.as_str(), None),
        ("POST", "/api/v1/patients/search", Some(&search)),
    ];
    for route in routes {
        for allowed in 1..=2_000_u32 {
            let mut work = Box::pin(call(request(world, (&world.alpha, &pair.first), route)));
            let mut polls = 0;
            let ended = poll_fn(|context| {
                polls += 1;
                match work.as_mut().poll(context) {
                    Poll::Ready(_) => Poll::Ready(true),
                    Poll::Pending if polls >= allowed => Poll::Ready(false),
                    Poll::Pending => Poll::Pending,
                }
            })
            .await;
            drop(work);
            pair.next_is_clean(call, &format!("{} await {allowed}", route.1)).await;
            if ended {
                break;
            }
        }
    }
}

/// A client that closes its connection in the middle.
async fn on_the_wire(pair: &Pair<'_>) {
    let world = pair.world;
    for n in 0..DROPPED {
        let ask = world.ask(&world.alpha, "GET", "/api/v1/patients").by(&pair.first);
        let wait = Duration::from_micros(500) * n;
        drop(tokio::time::timeout(wait, ask.send()).await);
        let list = world.ask(&world.beta, "GET", "/api/v1/patients").by(&pair.next).send().await.expect(200);
        assert_eq!(list.json()["items"][0]["id"], pair.own, "after {wait:?}");
    }
}

/// What was committed was committed whole, and nothing else was: a patient and its entry, or neither.
async fn registered_whole(world: &World, answered: i64) {
    let ops = tenancy::SchemaName::ops(world.alpha.tenant.id).quoted();
    let phi = tenancy::SchemaName::phi(world.alpha.tenant.id).quoted();
    let superuser = world.region.superuser().await;
    let count = async |sql: String| superuser.query_one(sql.as_str(), &[]).await.unwrap().get::<_, i64>(0);
    let patients = count(format!("SELECT count(*) FROM {ops}.patient")).await;
    let people = count(format!("SELECT count(*) FROM {phi}.person")).await;
    let entries = count(format!(
        "SELECT count(*) FROM {ops}.audit_event WHERE action = 'patient.create' AND outcome = 'allow'"
    ))
    .await;
    assert_eq!((patients, people), (entries, entries));
    assert!(patients >= answered, "{patients} of {answered} that were answered");
    let open = "SELECT count(*) FROM pg_stat_activity
                WHERE datname = current_database() AND usename = 'domicile_app' AND state LIKE 'idle in%'";
    assert_eq!(count(open.to_owned()).await, 0, "no transaction is left open");
}
