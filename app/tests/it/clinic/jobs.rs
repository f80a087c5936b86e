//! The region's jobs: the invitation's mail, from the queue to the file or the server, and the clean-up.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use app::access::Role;
use app::config::MailConfig;
use app::documents::scanner::Scanner;
use app::jobs::mail::Mailer;
use app::jobs::queue::{self, Jobs};
use app::jobs::sms::Texter;
use regions::shutdown::Shutdown;
use serde_json::json;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _};

use crate::support::World;

pub(super) fn jobs(world: &World, dir: &Path) -> Arc<Jobs> {
    Arc::new(parts(world, dir))
}

/// What the jobs of a world work with; mail and texts go into a folder, nothing is signed and nobody erased.
pub(super) fn parts(world: &World, dir: &Path) -> Jobs {
    let config =
        MailConfig { from: "no-reply@domicile.example".into(), dir: Some(dir.to_owned()), smtp: None };
    Jobs {
        regional: Arc::clone(&world.region.regional),
        directory: world.app.directory.clone(),
        base: world.app.base.clone(),
        public_port: world.app.public_port,
        mailer: Mailer::new(&config).unwrap(),
        texter: Texter::in_directory(dir).unwrap(),
        scanner: Scanner::Off,
        signers: std::collections::HashMap::new(),
        clock: world.app.clock.clone(),
        eraser: None,
    }
}

/// Jobs that can hand over neither mail nor texts.
pub(super) fn cut_off(world: &World) -> Arc<Jobs> {
    let dir = tempfile::tempdir().unwrap();
    let jobs = jobs(world, dir.path());
    dir.close().unwrap();
    jobs
}

pub(super) fn mails(dir: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    entries.filter(|path| path.extension().is_some_and(|end| end == "eml")).collect()
}

/// The texts that lie in a folder.
pub(super) fn texts(dir: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    let texts = entries.filter(|path| path.extension().is_some_and(|end| end == "txt"));
    texts.map(|path| std::fs::read_to_string(path).unwrap()).collect()
}

/// Name and payload of the jobs that wait on a world's shard, in the order in which they came.
pub(crate) async fn waiting(world: &World) -> Vec<(String, String)> {
    let sql = "SELECT t.identifier, j.payload::text FROM graphile_worker._private_jobs j
        JOIN graphile_worker._private_tasks t ON t.id = j.task_id ORDER BY j.id";
    let rows = world.region.superuser().await.query(sql, &[]).await.unwrap();
    rows.iter().map(|row| (row.get(0), row.get(1))).collect()
}

/// Lets a queue do what waits on a world's shard; every letter that lies in the folder then, its long lines put together.
pub(crate) async fn letters(world: &World, dir: &Path) -> Vec<String> {
    if !waiting(world).await.is_empty() {
        let (trigger, shutdown) = Shutdown::new();
        let shard = &world.region.config.shards[0];
        let worker = queue::open(shard, jobs(world, dir), 2, shutdown).await.unwrap();
        let running = tokio::spawn(async move { worker.run().await.is_ok() });
        let superuser = world.region.superuser().await;
        let left = "SELECT count(*) FROM graphile_worker._private_jobs";
        wait_for("the jobs' end", async || {
            superuser.query_one(left, &[]).await.unwrap().get::<_, i64>(0) == 0
        })
        .await;
        trigger.trigger();
        assert!(running.await.unwrap());
    }
    let read =
        |path: PathBuf| std::fs::read_to_string(path).unwrap().replace("=\r\n", "").replace("=3D", "=");
    mails(dir).into_iter().map(read).collect()
}

async fn wait_for(what: &str, mut done: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !done().await {
        assert!(Instant::now() < deadline, "{what} did not happen");
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invitation_is_mailed_accepted_and_not_mailed_again() {
    let world = World::new().await;
    let admin = world.staff(&world.alpha, Role::ClinicAdmin).await;
    let invite = json!({ "email": "joy@example.com", "display_name": "Joy", "role": "nurse" });
    world.ask(&world.alpha, "POST", "/api/v1/staff").by(&admin).json(&invite).send().await.expect(201);
    let dir = tempfile::tempdir().unwrap();
    let jobs = jobs(&world, dir.path());
    let (trigger, shutdown) = Shutdown::new();
    let worker = queue::open(&world.region.config.shards[0], Arc::clone(&jobs), 2, shutdown).await.unwrap();
    let running = tokio::spawn(async move { worker.run().await.is_ok() });
    let superuser = world.region.superuser().await;
    wait_for("the job's end", async || {
        let left =
            superuser.query_one("SELECT count(*) FROM graphile_worker._private_jobs", &[]).await.unwrap();
        left.get::<_, i64>(0) == 0
    })
    .await;
    trigger.trigger();
    assert!(running.await.unwrap());

    let found = mails(dir.path());
    assert_eq!(found.len(), 1);
    let text = std::fs::read_to_string(&found[0]).unwrap().replace("=\r\n", "").replace("=3D", "=");
    assert!(text.contains("To: joy@example.com") && text.contains(&world.alpha.origin()), "{text}");
    let token: String = text.split_once("#token=").unwrap().1.chars().take(43).collect();
    // The link leads to a page of the portal; its token is in the fragment, which no browser sends.
    let page = text.split_once(&world.alpha.origin()).unwrap().1.split_once('#').unwrap().0;
    world.ask(&world.alpha, "GET", page).send().await.expect(200);
    let accept = json!({ "token": token, "password": "correct horse battery", "display_name": "Joy" });
    world.ask(&world.alpha, "POST", "/api/v1/invitations/accept").json(&accept).send().await.expect(204);

    // The queue may run a job twice; the second time there is nothing to send.
    let ops = tenancy::SchemaName::ops(world.alpha.tenant.id).quoted();
    let row =
        superuser.query_one(format!("SELECT id, state FROM {ops}.invitation").as_str(), &[]).await.unwrap();
    assert_eq!(row.get::<_, String>(1), "accepted");
    let payload = tenancy::JobPayload::new(world.alpha.tenant.id).id("invitation", row.get(0));
    app::jobs::send_invitation::run(&jobs, &payload).await.unwrap();
    assert_eq!(mails(dir.path()).len(), 1);
}

async fn rows(world: &World, table: &str) -> i64 {
    let ops = tenancy::SchemaName::ops(world.alpha.tenant.id).quoted();
    let sql = format!("SELECT count(*) FROM {ops}.{table}");
    world.region.superuser().await.query_one(sql.as_str(), &[]).await.unwrap().get(0)
}

/// From the job that the queue makes once an hour to the last row, with more rows than one batch takes.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_longer_needed_is_deleted_and_nothing_else() {
    let world = World::new().await;
    let admin = world.staff(&world.alpha, Role::ClinicAdmin).await;
    let register = async |key: &str, by: &crate::support::Actor| {
        let body = crate::support::patient("Kept", &format!("K-{key}"));
        let ask = world.ask(&world.alpha, "POST", "/api/v1/patients").by(by).json(&body);
        ask.header("idempotency-key", key).send().await.expect(201)
    };
    let invite = async |email: &str, by: &crate::support::Actor| {
        let body = json!({ "email": email, "display_name": "Joy", "role": "nurse" });
        world.ask(&world.alpha, "POST", "/api/v1/staff").by(by).json(&body).send().await.expect(201)
    };
    let desk = world.staff(&world.alpha, Role::Receptionist).await;
    register("old", &desk).await;
    invite("old@example.com", &admin).await;
    let superuser = world.region.superuser().await;
    superuser.batch_execute("DELETE FROM graphile_worker._private_jobs").await.unwrap();
    let ops = tenancy::SchemaName::ops(world.alpha.tenant.id).quoted();
    superuser
        .batch_execute(&format!(
            "INSERT INTO {ops}.session SELECT gen_random_uuid(), tenant_id, sha256(n::text::bytea), account_id, csrf_hash,
                 created_at, last_seen_at, idle_expires_at, absolute_expires_at, created_at
             FROM (SELECT * FROM {ops}.session LIMIT 1) one, generate_series(1, 1200) n"
        ))
        .await
        .unwrap();
    // 38 days later the session, the answer and the invitation are all past their time; these are not.
    world.clock.advance_ms(38 * 24 * 3_600_000);
    let now = world.staff(&world.alpha, Role::ClinicAdmin).await;
    let desk = world.staff(&world.alpha, Role::Receptionist).await;
    register("new", &desk).await;
    invite("new@example.com", &now).await;
    superuser.batch_execute("DELETE FROM graphile_worker._private_jobs").await.unwrap();
    assert_eq!((rows(&world, "session").await, rows(&world, "idempotency").await), (1_204, 2));

    let dir = tempfile::tempdir().unwrap();
    let jobs = jobs(&world, dir.path());
    let (trigger, shutdown) = Shutdown::new();
    let worker = queue::open(&world.region.config.shards[0], jobs, 2, shutdown).await.unwrap();
    let running = tokio::spawn(async move { worker.run().await.is_ok() });
    let add = format!("SELECT graphile_worker.add_job('{}', '{{}}'::json)", app::jobs::CLEAN_UP_SHARD);
    superuser.batch_execute(&add).await.unwrap();
    wait_for("the clean-up", async || {
        (rows(&world, "session").await, rows(&world, "idempotency").await, rows(&world, "invitation").await)
            == (2, 1, 1)
    })
    .await;
    let hourly = "SELECT identifier FROM graphile_worker._private_known_crontabs";
    wait_for("the schedule", async || {
        let known = superuser.query(hourly, &[]).await.unwrap();
        known.iter().any(|row| row.get::<_, String>(0) == app::jobs::CLEAN_UP_SHARD)
    })
    .await;
    trigger.trigger();
    assert!(running.await.unwrap());
    world.ask(&world.alpha, "GET", "/api/v1/me").by(&now).send().await.expect(200);
    // What is left are those of today: the session works, and the repeated request gets its first answer.
    register("new", &desk).await;
}

/// What a mail server saw.
#[derive(Default)]
struct Seen {
    /// Commands before anything was encrypted.
    plain: Vec<String>,
    /// The mail, with its envelope, as it came over TLS.
    sealed: String,
}

/// A mail server for one connection: it offers STARTTLS or not, and keeps what it is told.
async fn mail_server(pki: &testkit::Pki, offers_tls: &'static str) -> (u16, tokio::task::JoinHandle<Seen>) {
    let issued = pki.server(&["localhost"]);
    let certs = regions::tls::load_certs(&issued.cert).unwrap();
    let key = regions::tls::load_key(&issued.key).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(certs, key)
        .unwrap();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let served = tokio::spawn(async move {
        let mut seen = Seen::default();
        let (stream, _) = listener.accept().await.unwrap();
        let mut stream = tokio::io::BufReader::new(stream);
        stream.write_all(b"220 localhost ESMTP\r\n").await.unwrap();
        loop {
            let mut line = String::new();
            if stream.read_line(&mut line).await.unwrap_or(0) == 0 {
                return seen;
            }
            seen.plain.push(line.trim().to_owned());
            match line.split_whitespace().next().unwrap_or_default() {
                "EHLO" => stream.write_all(offers_tls.as_bytes()).await.unwrap(),
                "STARTTLS" => break,
                _ => stream.write_all(b"250 ok\r\n").await.unwrap(),
            }
        }
        stream.write_all(b"220 go ahead\r\n").await.unwrap();
        let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
        let Ok(stream) = acceptor.accept(stream.into_inner()).await else { return seen };
        let mut stream = tokio::io::BufReader::new(stream);
        let mut in_data = false;
        loop {
            let mut line = String::new();
            if stream.read_line(&mut line).await.unwrap_or(0) == 0 {
                return seen;
            }
            seen.sealed.push_str(&line);
            let answer = match line.trim() {
                "." => "250 taken\r\n",
                _ if in_data => continue,
                "DATA" => "354 go on\r\n",
                "QUIT" => "221 bye\r\n",
                _ => "250 ok\r\n",
            };
            in_data = line.trim() == "DATA";
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    (port, served)
}

async fn mail_to(port: u16, ca: Option<PathBuf>) -> Result<(), app::jobs::mail::MailError> {
    let smtp =
        app::config::SmtpConfig { host: "localhost".into(), port, ca, user: None, password_file: None };
    let config = MailConfig { from: "no-reply@domicile.example".into(), dir: None, smtp: Some(smtp) };
    let letter = app::jobs::mail::Letter {
        to: "joy@example.com",
        subject: "Invitation",
        body: zeroize::Zeroizing::new("CANARY-TOKEN".to_owned()),
        id: "abc".into(),
    };
    Mailer::new(&config)?.send(letter).await
}

#[tokio::test(flavor = "multi_thread")]
async fn mail_goes_to_a_server_over_tls_of_the_named_authority_or_not_at_all() {
    const OFFERS: &str = "250-localhost\r\n250 STARTTLS\r\n";
    const OFFERS_NOT: &str = "250 localhost\r\n";
    let (pki, other) = (testkit::Pki::new(), testkit::Pki::new());

    let (port, served) = mail_server(&pki, OFFERS).await;
    mail_to(port, Some(pki.ca())).await.unwrap();
    let seen = served.await.unwrap();
    for part in ["MAIL FROM:<no-reply@domicile.example>", "RCPT TO:<joy@example.com>", "CANARY-TOKEN"] {
        assert!(seen.sealed.contains(part), "{part} is missing in {}", seen.sealed);
    }
    let commands: Vec<&str> = seen.plain.iter().filter_map(|line| line.split(' ').next()).collect();
    assert_eq!(commands, ["EHLO", "STARTTLS"], "nothing else is said in the clear");

    for (what, ca, offers) in [
        ("an authority nobody named", None, OFFERS),
        ("another authority", Some(other.ca()), OFFERS),
        ("a server without TLS", Some(pki.ca()), OFFERS_NOT),
    ] {
        let (port, served) = mail_server(&pki, offers).await;
        assert!(mail_to(port, ca).await.is_err(), "{what}");
        let seen = served.await.unwrap();
        assert!(!seen.plain.iter().any(|line| line.starts_with("MAIL")) && seen.sealed.is_empty(), "{what}");
    }
}
