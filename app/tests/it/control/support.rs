//! A control plane for one test: its own database, a process's worth of listeners, and clients of every kind.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use app::auth::password::{PasswordPool, PoolLimits};
use app::config::ControlConfig;
use app::control::access::Role;
use app::control::admins::FirstFactor;
use app::control::audit::{Actor, By};
use app::control::store::Store;
use app::control::{self, Addresses, Listeners, admins, migrations};
use app::role::RoleError;
use regions::clock::{Clock, ManualClock};
use regions::directory::Signer;
use regions::ids::RequestId;
use regions::shutdown::{Shutdown, Trigger};
use regions::tls::{self, Identity};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;
use testkit::{Pki, TestCluster};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::OnceCell;
use tokio::task::JoinHandle;

pub(crate) const HOST: &str = "control.domicile.localhost";
pub(crate) const LOGIN: &str = "ada@platform.example";
pub(crate) const PASSWORD: &str = "correct horse battery staple";
const APP_ROLE: &str = "control_test_app";
const OWNER_ROLE: &str = "control_test_owner";
const ROLE_PASSWORD: &str = "control-test-only";
/// Where every test's clock starts: 2026-01-01T00:00:00Z.
pub(crate) const START_MS: u64 = 1_767_225_600_000;
/// Longest wait for something that happens by itself.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// One control plane.
pub(crate) struct TestControl {
    pub(crate) config: ControlConfig,
    pub(crate) config_file: PathBuf,
    pub(crate) at: Addresses,
    pub(crate) clock: ManualClock,
    pub(crate) pki: Pki,
    pub(crate) cluster: TestCluster,
    pub(crate) public_key: String,
    time: Clock,
    trigger: Trigger,
    serving: JoinHandle<Result<(), RoleError>>,
    dir: TempDir,
}

/// A client with a platform administrator's session, or without.
pub(crate) struct Browser {
    pub(crate) http: reqwest::Client,
    pub(crate) base: String,
    pub(crate) csrf: Option<String>,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: reqwest::header::HeaderMap,
    pub(crate) body: Value,
}

impl Answer {
    pub(crate) fn code(&self) -> &str {
        self.body["code"].as_str().unwrap_or_default()
    }

    pub(crate) fn text(&self, field: &str) -> String {
        self.body[field].as_str().unwrap_or_else(|| panic!("no {field} in {:?}", self.body)).to_owned()
    }

    pub(crate) fn expect(self, status: u16) -> Self {
        assert_eq!(self.status.as_u16(), status, "{:?}", self.body);
        self
    }
}

impl TestControl {
    /// A fresh database, migrated, with one administrator, served on free ports.
    pub(crate) async fn start() -> Self {
        Box::pin(Self::make()).await
    }

    async fn make() -> Self {
        let cluster = tokio::task::spawn_blocking(TestCluster::shared).await.unwrap();
        let database = fresh_database(&cluster).await;
        let (pki, dir) = (Pki::new(), tempfile::tempdir().unwrap());
        let (config_file, public_key) = write_config(&cluster, &database, &pki, dir.path());
        let config: ControlConfig = app::config::read(&config_file).unwrap();
        migrations::up(&config.owner_database(), &config.database.user).await.unwrap();
        let (time, clock) = Clock::manual(START_MS);
        let (trigger, at, serving, config) = serve(config, &config_file, time.clone()).await.unwrap();
        let control =
            Self { config, config_file, at, clock, pki, cluster, public_key, time, trigger, serving, dir };
        let store = control.store().await;
        let first = FirstFactor::Password(password_phc().await);
        let administrator = (LOGIN, Role::Administrator);
        admins::create(&store, operator(), administrator, &first).await.unwrap();
        control
    }

    /// Changes a line of the configuration for the next start.
    pub(crate) fn reconfigure(&self, from: &str, to: &str) {
        let text = std::fs::read_to_string(&self.config_file).unwrap();
        assert!(text.contains(from), "{from} is not in the file");
        std::fs::write(&self.config_file, text.replace(from, to)).unwrap();
    }

    /// Stops the process and starts another on the same database, as an operator would.
    pub(crate) async fn restart(self) -> Result<Self, RoleError> {
        let Self { config_file, clock, pki, cluster, public_key, time, trigger, serving, dir, .. } = self;
        trigger.trigger();
        serving.await.unwrap()?;
        let config = app::config::read(&config_file).unwrap();
        let (trigger, at, serving, config) = serve(config, &config_file, time.clone()).await?;
        Ok(Self { config, config_file, at, clock, pki, cluster, public_key, time, trigger, serving, dir })
    }

    /// The database as another process of the control plane sees it.
    pub(crate) async fn store(&self) -> Store {
        Store::connect(&self.config.database, self.time.clone()).await.unwrap()
    }

    /// A superuser's connection to the control database.
    pub(crate) async fn superuser(&self) -> tokio_postgres::Client {
        self.cluster.superuser(&self.config.database.database).await.unwrap()
    }

    /// Somebody who has not signed in.
    pub(crate) fn stranger(&self) -> Browser {
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured(tls::client(&self.pki.ca()).unwrap())
            .cookie_store(true)
            .resolve(HOST, self.at.platform)
            .build()
            .unwrap();
        Browser { http, base: format!("https://{HOST}:{}", self.at.platform.port()), csrf: None }
    }

    /// The administrator, signed in.
    pub(crate) async fn admin(&self) -> Browser {
        self.signed_in(LOGIN).await
    }

    /// Somebody new of the platform, signed in.
    pub(crate) async fn person(&self, login: &str, role: Role) -> Browser {
        let store = self.store().await;
        let first = FirstFactor::Password(password_phc().await);
        admins::create(&store, operator(), (login, role), &first).await.unwrap();
        self.signed_in(login).await
    }

    async fn signed_in(&self, login: &str) -> Browser {
        let mut browser = self.stranger();
        let credentials = json!({"login": login, "password": PASSWORD});
        let answer = browser.post("/platform/v1/sessions", &credentials).await.expect(201);
        browser.csrf = Some(answer.text("csrf_token"));
        browser
    }

    /// A process with a certificate of this name, signed by the feed's authority.
    pub(crate) fn peer(&self, name: &str) -> Peer {
        Peer { http: peer_client(&self.pki, &self.pki.ca(), name, self.at.feed), port: self.at.feed.port() }
    }

    /// The `[directory]` part of a process's configuration, with a certificate of this name.
    pub(crate) fn directory_config(&self, name: &str) -> regions::directory::feed::FeedConfig {
        let issued = self.pki.client(name);
        regions::directory::feed::FeedConfig {
            url: format!("https://127.0.0.1:{}", self.at.feed.port()),
            ca: self.pki.ca(),
            cert: issued.cert,
            key: issued.key,
            server_name: "feed.control.domicile.internal".to_owned(),
            keys: vec![self.public_key.clone()],
            file: self.dir.path().join(format!("{name}.directory")),
        }
    }

    /// Both local regions with one shard each.
    pub(crate) async fn with_regions(&self) -> Browser {
        let admin = self.admin().await;
        for (name, code, jurisdiction) in [("us-east-1", "us", "US"), ("ap-south-1", "in", "IN")] {
            admin.post("/platform/v1/regions", &region(name, code, jurisdiction)).await.expect(201);
            let shard = json!({"region": name, "id": 1, "tenants_max": 100});
            admin.post("/platform/v1/shards", &shard).await.expect(201);
        }
        admin
    }

    pub(crate) fn folder(&self) -> &Path {
        self.dir.path()
    }
}

pub(crate) fn region(name: &str, code: &str, jurisdiction: &str) -> Value {
    json!({
        "name": name, "code": code, "jurisdiction": jurisdiction,
        "peer_front_door": "127.0.0.1:7418", "public_port": 7410, "transit": "passthrough",
    })
}

pub(crate) fn clinic(slug: &str, region: &str) -> Value {
    json!({
        "slug": slug, "legal_name": format!("{slug} Clinic Ltd"), "region": region,
        "first_admin_email": format!("first.admin@{slug}.example"),
    })
}

pub(crate) fn operator() -> By {
    By { actor: Actor::Operator, request: RequestId::random() }
}

impl Browser {
    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, None, &[]).await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Answer {
        self.send(Method::POST, path, Some(body), &[]).await
    }

    pub(crate) async fn post_with(&self, path: &str, body: &Value, headers: &[(&str, &str)]) -> Answer {
        self.send(Method::POST, path, Some(body), headers).await
    }

    /// A lifecycle command with the ETag that was read.
    pub(crate) async fn command(&self, id: &str, verb: &str, body: &Value) -> Answer {
        let read = self.get(&format!("/platform/v1/tenants/{id}")).await.expect(200);
        let etag = read.headers["etag"].to_str().unwrap();
        self.post_with(&format!("/platform/v1/tenants/{id}/{verb}"), body, &[("if-match", etag)]).await
    }

    /// A request with the origin and the session's token, as the console would send it; `headers` override.
    pub(crate) async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
        headers: &[(&str, &str)],
    ) -> Answer {
        let mut all = reqwest::header::HeaderMap::new();
        let mut put = |name: &str, value: &str| {
            all.insert(reqwest::header::HeaderName::try_from(name).unwrap(), value.parse().unwrap());
        };
        put("origin", &self.base);
        if let Some(csrf) = &self.csrf {
            put("x-csrf-token", csrf);
        }
        headers.iter().for_each(|(name, value)| put(name, value));
        let mut request = self.http.request(method, format!("{}{path}", self.base)).headers(all);
        if let Some(body) = body {
            request = request.json(body);
        }
        answer(request.send().await.unwrap()).await
    }
}

/// A process of a region.
pub(crate) struct Peer {
    pub(crate) http: reqwest::Client,
    port: u16,
}

impl Peer {
    pub(crate) async fn get(&self, path: &str) -> reqwest::Response {
        self.http.get(self.url(path)).send().await.unwrap()
    }

    /// Open tasks, waiting for the first.
    pub(crate) async fn tasks(&self) -> Vec<Value> {
        let answer = answer(self.get("/feed/v1/work?wait_ms=10000").await).await.expect(200);
        answer.body["tasks"].as_array().unwrap().clone()
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Answer {
        answer(self.http.post(self.url(path)).json(body).send().await.unwrap()).await
    }

    pub(crate) async fn report(&self, task: &str, body: &Value) -> Answer {
        let request = self.http.post(self.url(&format!("/feed/v1/work/{task}/steps"))).json(body);
        answer(request.send().await.unwrap()).await
    }

    /// Reports every step of a task as done.
    pub(crate) async fn finish(&self, task: &str) {
        for step in app::control::work::PROVISION_PLAN {
            self.report(task, &json!({"step": step, "state": "done"})).await.expect(204);
        }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("https://feed.control.domicile.internal:{}{path}", self.port)
    }
}

/// A client with a certificate of `pki`, trusting `ca`.
pub(crate) fn peer_client(pki: &Pki, ca: &Path, name: &str, feed: SocketAddr) -> reqwest::Client {
    let issued = pki.client(name);
    let identity = Identity { cert: issued.cert, key: issued.key };
    reqwest::Client::builder()
        .tls_backend_preconfigured(tls::mutual_client(&identity, ca, &[]).unwrap())
        .resolve("feed.control.domicile.internal", feed)
        .build()
        .unwrap()
}

pub(crate) async fn answer(response: reqwest::Response) -> Answer {
    let (status, headers) = (response.status(), response.headers().clone());
    let text = response.text().await.unwrap();
    let body = serde_json::from_str(&text).unwrap_or(Value::Null);
    Answer { status, headers, body }
}

/// Looks until `done` says so.
pub(crate) async fn until<F: AsyncFnMut() -> bool>(what: &str, mut done: F) {
    let deadline = Instant::now() + PATIENCE;
    while !done().await {
        assert!(Instant::now() < deadline, "waited too long for {what}");
        tokio::task::yield_now().await;
    }
}

async fn serve(
    mut config: ControlConfig,
    file: &Path,
    clock: Clock,
) -> Result<(Trigger, Addresses, JoinHandle<Result<(), RoleError>>, ControlConfig), RoleError> {
    let listeners = Listeners::bind(&config)?;
    let at = listeners.addresses()?;
    config.public_url = format!("https://{HOST}:{}", at.platform.port());
    let (trigger, shutdown) = Shutdown::new();
    let served = config.clone();
    let serving = tokio::spawn(async move { control::serve(&served, listeners, clock, shutdown).await });
    let deadline = Instant::now() + PATIENCE;
    loop {
        if serving.is_finished() {
            let ended = serving.await.unwrap();
            return Err(ended.err().unwrap_or_else(|| RoleError::new("it stopped by itself")));
        }
        if is_ready(at.admin).await {
            return Ok((trigger, at, serving, config));
        }
        assert!(Instant::now() < deadline, "{} does not become ready", file.display());
    }
}

/// What `/readyz` says.
pub(crate) async fn is_ready(admin: SocketAddr) -> bool {
    let Ok(mut stream) = tokio::net::TcpStream::connect(admin).await else { return false };
    let mut answer = String::new();
    let asked = stream.write_all(b"GET /readyz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await;
    asked.is_ok() && stream.read_to_string(&mut answer).await.is_ok() && answer.starts_with("HTTP/1.1 200")
}

async fn fresh_database(cluster: &TestCluster) -> String {
    let superuser = cluster.superuser("postgres").await.unwrap();
    // Roles belong to the whole cluster: two tests must not make them at the same moment.
    let roles = format!(
        "select pg_advisory_lock(7401);
         do $$ begin
           if not exists (select from pg_roles where rolname = '{APP_ROLE}') then
             create role {OWNER_ROLE} login password '{ROLE_PASSWORD}';
             create role {APP_ROLE} login password '{ROLE_PASSWORD}';
           end if;
         end $$;
         select pg_advisory_unlock(7401);"
    );
    superuser.batch_execute(&roles).await.unwrap();
    let name = format!("control_{}", RequestId::random());
    superuser.batch_execute(&format!("create database {name} owner {OWNER_ROLE}")).await.unwrap();
    name
}

fn write_config(cluster: &TestCluster, database: &str, pki: &Pki, dir: &Path) -> (PathBuf, String) {
    let (signer, pem) = Signer::generate("d1".parse().unwrap()).unwrap();
    std::fs::write(dir.join("signing.pem"), pem.as_bytes()).unwrap();
    std::fs::write(dir.join("password"), ROLE_PASSWORD).unwrap();
    let (public, feed) = (pki.server(&[HOST]), pki.server(&["feed.control.domicile.internal", "127.0.0.1"]));
    let config = json!({
        "base": "domicile.localhost",
        "public_url": format!("https://{HOST}"),
        "listen": "127.0.0.1:0", "feed_listen": "127.0.0.1:0", "admin_listen": "127.0.0.1:0",
        "tls": { "cert": public.cert, "key": public.key },
        "feed_tls": { "cert": feed.cert, "key": feed.key, "client_ca": pki.ca() },
        "database": {
            "host": cluster.host, "port": cluster.port, "database": database,
            "user": APP_ROLE, "password_file": dir.join("password"), "ca": cluster.ca,
        },
        "migrator": { "user": OWNER_ROLE, "password_file": dir.join("password") },
        "signing": { "key_file": dir.join("signing.pem"), "kid": "d1" },
        "limits": { "address_per_min": 1_000_000 },
        "sign_in": "passkey_or_password",
    });
    let file = dir.join("control.toml");
    std::fs::write(&file, toml::to_string(&toml::Value::try_from(config).unwrap()).unwrap()).unwrap();
    (file, signer.public_key())
}

/// Hashing takes a while; all tests' administrators have the same password.
async fn password_phc() -> String {
    static PHC: OnceCell<Arc<str>> = OnceCell::const_new();
    let make = || async {
        let pool = PasswordPool::new(PoolLimits { running_max: 1, waiting_max: 0 }).unwrap();
        Arc::from(pool.hash(PASSWORD).await.unwrap())
    };
    PHC.get_or_init(make).await.to_string()
}

impl TestControl {
    /// Tries to start a second process beside this one, from the same file, and stops it again if it starts.
    pub(crate) async fn start_another(&self, file: &Path) -> Result<(), RoleError> {
        let (trigger, _, serving, _) =
            serve(app::config::read(file).unwrap(), file, self.time.clone()).await?;
        trigger.trigger();
        serving.await.unwrap()
    }
}
