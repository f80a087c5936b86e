//! One region with a running backend, and two clinics, alpha and beta.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, SystemTime};

use actix_web::dev::ServerHandle;
use actix_web::web;
use app::access::{Action, Policy, ProxyScope, Role, may};
use app::app::App;
use app::audit::pack::Packer;
use app::auth::invite::new_id;
use app::auth::password::{PasswordPool, PoolLimits};
use app::auth::queries::NewSession;
use app::auth::record::{self, AccountRow, NewAccount};
use app::auth::token::Token;
use app::backend::Backend;
use app::config::SessionConfig;
use app::documents::Passing;
use app::middleware::limits::BodyLimits;
use app::middleware::rate::{Budget, RateLimits};
use app::patients::model::PatientId;
use app::patients::name_index::NameIndexes;
use app::pins::Pins;
use app::portal::Portal;
use app::relationships::model::{NewTie, Tie};
use app::routes::Route;
use app::{audit, registry, store};
use chrono::{DateTime, TimeDelta, Utc};
use regions::assertion::NonceCache;
use regions::clock::{Clock, ManualClock};
use regions::directory::{
    DirectoryHandle, Entry, Head, RegionRecord, Signer, TenantRecord, TenantState, Verifier,
};
use regions::ids::{Epoch, ShardId, Slug};
use regions::keyring::HmacKeyring;
use regions::region::Region;
use regions::residency::TransitMode;
use regions::trace::Tracer;
use tenancy::TenantRef;
use tenancy::audit_log::Sealer;
use testkit::{Geography, Pki, TestRegion};
use uuid::Uuid;

/// The port the tests' links and origins are made with.
pub(crate) const PUBLIC_PORT: u16 = 7410;
pub(super) const BASE: &str = "domicile.localhost";
pub(super) const NAME: &str = "backend.us.domicile.internal";

/// A clinic of the world.
#[derive(Clone)]
pub(crate) struct Clinic {
    pub(crate) tenant: TenantRef,
    pub(crate) host: String,
    pub(crate) record: TenantRecord,
}

impl Clinic {
    pub(crate) fn origin(&self) -> String {
        format!("https://{}:{PUBLIC_PORT}", self.host)
    }
}

/// A signed-in staff member.
#[derive(Clone)]
pub(crate) struct Actor {
    pub(crate) account: Uuid,
    pub(crate) cookie: String,
    pub(crate) csrf: String,
}

/// A region with a backend that serves.
pub(crate) struct World {
    pub(crate) region: TestRegion,
    pub(crate) app: web::Data<App>,
    pub(crate) alpha: Clinic,
    pub(crate) beta: Clinic,
    pub(crate) clock: ManualClock,
    pub(crate) route_keys: HmacKeyring,
    pub(crate) receipt_keys: HmacKeyring,
    pub(crate) address: SocketAddr,
    pub(crate) client: reqwest::Client,
    /// What a front door connects with, for tests that write bytes themselves.
    pub(crate) tls: Arc<rustls::ClientConfig>,
    pub(super) signer: Signer,
    verifier: Verifier,
    head: std::sync::Mutex<Head>,
    server: ServerHandle,
    pub(super) pki: Pki,
    /// The directory at the beginning, signed.
    pub(super) snapshot: Vec<u8>,
    /// The lines of the two key files.
    pub(super) key_lines: [String; 2],
}

/// What a test may want otherwise.
pub(crate) struct Options {
    pub(crate) geography: Geography,
    pub(crate) bodies: BodyLimits,
    pub(crate) passwords: PoolLimits,
    pub(crate) names: NameIndexes,
    pub(crate) budget: fn(app::middleware::rate::Pool) -> Budget,
    pub(crate) pool: tenancy::config::PoolConfig,
    /// Who may do what; tests take a decision away.
    pub(crate) policy: Policy,
    /// Handlers with mistakes, beside the product's.
    pub(crate) routes: &'static [Route],
    /// How late the clinics' clock is.
    pub(crate) late: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            geography: Geography::Us,
            bodies: BodyLimits::default(),
            passwords: PoolLimits { running_max: 2, waiting_max: 64 },
            names: NameIndexes::default(),
            budget: |_| Budget { tenant_per_min: 1_000_000, caller_per_min: 1_000_000 },
            pool: tenancy::config::PoolConfig::default(),
            policy: Policy::default(),
            routes: &[],
            late: Duration::ZERO,
        }
    }
}

/// A portal of one page and one file.
fn portal() -> Portal {
    let dir = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/fixtures/portal");
    Portal::read(&dir).unwrap()
}

impl World {
    pub(crate) async fn new() -> World {
        World::with(Options::default()).await
    }

    pub(crate) async fn india() -> World {
        World::with(Options { geography: Geography::In, ..Options::default() }).await
    }

    pub(crate) async fn with(options: Options) -> World {
        super::journal::keep_log();
        let region = TestRegion::with(options.geography, options.pool).await;
        let here = home(&region, options.geography);
        let clinic = |tenant: TenantRef, slug: &str| clinic(here, tenant, slug);
        let (alpha, beta) = (clinic(region.alpha, "alpha-clinic"), clinic(region.beta, "beta-clinic"));
        let (signer, _pem) = Signer::generate("test".parse().unwrap()).unwrap();
        let verifier = Verifier::new([signer.public_key()]).unwrap();
        let directory = DirectoryHandle::new();
        let record = RegionRecord {
            region: here,
            peer_front_door: "127.0.0.1:1".into(),
            public_port: PUBLIC_PORT,
            transit: TransitMode::Passthrough,
        };
        let entries = [Entry::Region(record), Entry::Tenant(alpha.record), Entry::Tenant(beta.record)];
        let mut head = Head::EMPTY;
        for entry in &entries {
            head = head.after(&regions::directory::encode(entry));
        }
        let snapshot = signer.snapshot(head, entries.to_vec(), 1);
        directory.apply_snapshot(&snapshot, &verifier).unwrap();

        let now_ms = (SystemTime::UNIX_EPOCH.elapsed().unwrap() - options.late).as_millis();
        let (clock, hand) = Clock::manual(u64::try_from(now_ms).unwrap());
        let line = HmacKeyring::generate_line("k1".parse().unwrap());
        let receipts = HmacKeyring::generate_line("r1".parse().unwrap());
        let app = web::Data::new(App {
            region: here.name,
            base: BASE.parse().unwrap(),
            public_port: PUBLIC_PORT,
            regional: Arc::clone(&region.regional),
            directory,
            clock,
            route_keys: HmacKeyring::from_text(&line).unwrap(),
            receipt_keys: HmacKeyring::from_text(&receipts).unwrap(),
            nonces: NonceCache::new(100_000),
            passwords: PasswordPool::new(options.passwords).unwrap(),
            session: SessionConfig::default(),
            rates: RateLimits::with(options.budget),
            bodies: options.bodies,
            names: options.names,
            policy: options.policy,
            passing: Passing::default(),
            pinned: Pins::default(),
            leaving: AtomicBool::new(false),
            tracer: Tracer::off(),
        });
        let pki = Pki::new();
        let backend = Backend::new(app.clone()).with_routes(options.routes).with_portal(portal());
        let (address, tls, server) = serve(backend, &pki);
        World {
            region,
            app,
            clock: hand,
            route_keys: HmacKeyring::from_text(&line).unwrap(),
            receipt_keys: HmacKeyring::from_text(&receipts).unwrap(),
            address,
            client: client(&tls, address, &[&alpha.host, &beta.host]),
            tls,
            alpha,
            beta,
            signer,
            verifier,
            head: std::sync::Mutex::new(head),
            server,
            pki,
            snapshot,
            key_lines: [line.to_string(), receipts.to_string()],
        }
    }

    /// File of the authority of the region's internal certificates.
    pub(crate) fn ca(&self) -> std::path::PathBuf {
        self.pki.ca()
    }

    pub(crate) fn now_ms(&self) -> u64 {
        self.app.clock.now_unix_ms()
    }

    /// Publishes a change of a clinic's record, as the control plane does.
    pub(crate) fn publish(&self, record: TenantRecord) {
        let mut head = self.head.lock().unwrap();
        let entry = Entry::Tenant(record);
        self.app
            .directory
            .apply_delta(&self.signer.delta(*head, std::slice::from_ref(&entry), 2), &self.verifier)
            .unwrap();
        *head = head.after(&regions::directory::encode(&entry));
    }

    /// The same clinic at its next epoch.
    pub(crate) fn next_epoch(clinic: &Clinic) -> TenantRecord {
        TenantRecord { epoch: Epoch(clinic.record.epoch.0 + 1), ..clinic.record }
    }

    /// A staff member with a session that has just proven a second factor, made without the slow password hash.
    pub(crate) async fn staff(&self, clinic: &Clinic, role: Role) -> Actor {
        let actor = self.password_only(clinic, role).await;
        self.prove_now(clinic, &actor).await;
        actor
    }

    /// The session proves a second factor at this moment, as a step-up does.
    pub(crate) async fn prove_now(&self, clinic: &Clinic, actor: &Actor) {
        let schema = tenancy::SchemaName::ops(clinic.tenant.id).quoted();
        let sql =
            format!("UPDATE {schema}.session SET factor = 'totp', factor_at = $1 WHERE account_id = $2");
        let now = DateTime::<Utc>::from(self.app.clock.now());
        self.region.hand().await.execute(sql.as_str(), &[&now, &actor.account]).await.unwrap();
    }

    /// Changes an account as the product does, past its rules: the row stays whole.
    pub(crate) async fn change_account(
        &self,
        clinic: &Clinic,
        id: Uuid,
        change: impl FnOnce(&mut AccountRow),
    ) {
        let mut tx = self.region.regional.begin(clinic.tenant, "test.account").await.unwrap();
        let keys = self.app.keys();
        let mut row = record::locked(&mut tx, keys, id).await.unwrap().unwrap().into_inner();
        change(&mut row);
        row.save(&mut tx, keys, DateTime::<Utc>::from(self.app.clock.now())).await.unwrap();
        tx.commit_without_audit(tenancy::audit::Unaudited::IdentityLookup).await.unwrap();
    }

    /// A staff member whose session has proven a password only.
    pub(crate) async fn password_only(&self, clinic: &Clinic, role: Role) -> Actor {
        let (account, session, token) = (new_id(), new_id(), Token::random());
        let now = DateTime::<Utc>::from(self.app.clock.now());
        let mut tx = self.region.regional.begin(clinic.tenant, "test.staff").await.unwrap();
        let sealer = self.app.keys().tenant_sealer(clinic.tenant.id).await.unwrap();
        let row = account.into_bytes();
        let email = format!("staff-{account}@example.com");
        NewAccount {
            id: account,
            login_tag: Some(regions::random::bytes::<16>().to_vec()),
            login_tag_even: None,
            email: store::seal(&sealer, registry::ACCOUNT_EMAIL, row, &email).unwrap(),
            display_name: store::seal(&sealer, registry::ACCOUNT_DISPLAY_NAME, row, &role.as_str()).unwrap(),
            role,
            state: "active",
            now,
        }
        .insert(&mut tx, &self.app.keys().row_macs(clinic.tenant.id).await.unwrap())
        .await
        .unwrap();
        NewSession {
            id: session,
            tenant_id: clinic.tenant.id.as_uuid(),
            token_hash: token.hash().to_vec(),
            account_id: account,
            csrf_hash: token.csrf().hash().to_vec(),
            created_at: now,
            last_seen_at: now,
            idle_expires_at: now + TimeDelta::seconds(900),
            absolute_expires_at: now + TimeDelta::seconds(43_200),
            factor: None,
            factor_at: None,
            browser: None,
            system: None,
        }
        .insert(&mut tx)
        .await
        .unwrap();
        tx.commit(audit::by_system("test.staff")).await.unwrap();
        Actor {
            account,
            cookie: format!("__Host-domicile={}", token.expose().as_str()),
            csrf: token.csrf().expose().to_string(),
        }
    }

    /// A new member of staff who may do this; a physician where one may.
    pub(crate) async fn able(&self, clinic: &Clinic, action: Action) -> Actor {
        let able = std::iter::once(Role::Physician).chain(Role::ALL).find(|role| may(*role, action));
        self.staff(clinic, able.unwrap()).await
    }

    /// Moves the idle end of every session of a clinic to where the clock is now, as requests in between would have.
    pub(crate) async fn keep_awake(&self, clinic: &Clinic) {
        let now = DateTime::<Utc>::from(self.app.clock.now());
        let ops = tenancy::SchemaName::ops(clinic.tenant.id).quoted();
        let sql = format!(
            "UPDATE {ops}.session SET last_seen_at = $1, idle_expires_at = $2,
                factor_at = CASE WHEN factor IS NULL THEN NULL ELSE $1::timestamptz END"
        );
        let until = now + TimeDelta::seconds(900);
        self.region.hand().await.execute(sql.as_str(), &[&now, &until]).await.unwrap();
    }

    /// Ties an account to a patient, as the clinic's own registration of patients' accounts does.
    pub(crate) async fn tie(&self, clinic: &Clinic, patient: &str, party: &Actor, kind: Tie) {
        let now = DateTime::<Utc>::from(self.app.clock.now());
        let tie = NewTie {
            id: new_id(),
            tenant_id: clinic.tenant.id.as_uuid(),
            patient_id: PatientId::parse(patient).unwrap().uuid(),
            party_id: party.account,
            kind: kind.as_str(),
            founding: false,
            valid_from: now,
            valid_to: match kind {
                Tie::BreakGlass => Some(now + TimeDelta::minutes(60)),
                Tie::Proxy => Some(now + TimeDelta::days(365)),
                Tie::Member | Tie::Site | Tie::Subject => None,
            },
            created_at: now,
            created_by: party.account,
            scope: if kind == Tie::Proxy {
                ProxyScope::ALL.map(ProxyScope::as_str).to_vec()
            } else {
                Vec::new()
            },
        };
        let mut tx = self.region.regional.begin(clinic.tenant, "test.tie").await.unwrap();
        app::relationships::queries::insert(&mut tx, tie).await.unwrap();
        tx.commit(audit::by_system("test.tie").touches("relationship")).await.unwrap();
    }

    /// Ends every tie of somebody.
    pub(crate) async fn end_ties(&self, clinic: &Clinic, party: &Actor) {
        let ops = tenancy::SchemaName::ops(clinic.tenant.id).quoted();
        let sql = format!("UPDATE {ops}.relationship SET valid_to = valid_from WHERE party_id = $1");
        let superuser = self.region.superuser().await;
        superuser.batch_execute("SET session_replication_role = replica").await.unwrap();
        superuser.execute(sql.as_str(), &[&party.account]).await.unwrap();
    }

    /// Has a principal that is no staff work at the clinic's first site.
    pub(crate) async fn works_at_the_first_site(&self, clinic: &Clinic, who: &Actor) {
        let ops = tenancy::SchemaName::ops(clinic.tenant.id).quoted();
        let tenant = clinic.tenant.id.as_uuid();
        let sql =
            format!("INSERT INTO {ops}.account_site (account_id, site_id, tenant_id) VALUES ($1, $2, $2)");
        self.region.hand().await.execute(sql.as_str(), &[&who.account, &tenant]).await.unwrap();
    }

    /// Has somebody work at a new site, and at no other.
    pub(crate) async fn move_to_new_site(&self, clinic: &Clinic, who: &Actor) {
        let (site, tenant) = (new_id(), clinic.tenant.id.as_uuid());
        let ops = tenancy::SchemaName::ops(clinic.tenant.id).quoted();
        let superuser = self.region.hand().await;
        let sql =
            format!("INSERT INTO {ops}.site (id, tenant_id, name, created_at) VALUES ($1, $2, 'New', now())");
        superuser.execute(sql.as_str(), &[&site, &tenant]).await.unwrap();
        let sql = format!("UPDATE {ops}.account_site SET site_id = $1 WHERE account_id = $2");
        superuser.execute(sql.as_str(), &[&site, &who.account]).await.unwrap();
    }

    /// The id of the clinic's newest audit event.
    pub(crate) async fn last_event(&self, clinic: &Clinic) -> String {
        let superuser = self.region.hand().await;
        let schema = tenancy::SchemaName::ops(clinic.tenant.id).quoted();
        let sql = format!("SELECT event_id::text FROM {schema}.audit_event ORDER BY seq DESC LIMIT 1");
        superuser.query_one(sql.as_str(), &[]).await.unwrap().get(0)
    }

    /// Id of a pack of alpha's audit log, made as the worker does when the month has long been over.
    pub(crate) async fn pack(&self) -> String {
        let sealer =
            Sealer::connect(&self.region.migrator_config, ShardId(1), Clock::system()).await.unwrap();
        let now = DateTime::<Utc>::from(self.app.clock.now()) + TimeDelta::days(62);
        let packer = Packer { regional: &self.region.regional, sealer: &sealer, now };
        assert_eq!(packer.make_missing(self.alpha.tenant).await, Ok(1));
        let officer = self.staff(&self.alpha, Role::PrivacyOfficer).await;
        let packs = self.ask(&self.alpha, "GET", "/api/v1/audit/packs").by(&officer).send().await.expect(200);
        packs.json()["items"][0]["id"].as_str().unwrap().to_owned()
    }

    /// How many rows of one of a clinic's operational tables are such ones, as a superuser sees them.
    pub(crate) async fn count(&self, clinic: &Clinic, table: &str, which: &str) -> i64 {
        let ops = tenancy::SchemaName::ops(clinic.tenant.id).quoted();
        let sql = format!("SELECT count(*) FROM {ops}.{table} WHERE {which}");
        self.region.hand().await.query_one(sql.as_str(), &[]).await.unwrap().get(0)
    }

    /// What kinds of actors a clinic's log names for an action, oldest first.
    pub(crate) async fn actors_of(&self, clinic: &Clinic, action: &str) -> Vec<String> {
        let ops = tenancy::SchemaName::ops(clinic.tenant.id).quoted();
        let sql = format!("SELECT actor_kind FROM {ops}.audit_event WHERE action = $1 ORDER BY seq");
        let rows = self.region.hand().await.query(sql.as_str(), &[&action]).await.unwrap();
        rows.iter().map(|row| row.get(0)).collect()
    }

    /// The newest of a clinic's audit rows, as [`audit`](Self::audit) has it.
    pub(crate) async fn newest(&self, clinic: &Clinic) -> (String, String, Option<String>, Option<i32>) {
        let schema = tenancy::SchemaName::ops(clinic.tenant.id).quoted();
        let sql = format!(
            "SELECT action, outcome, reason, result_count FROM {schema}.audit_event ORDER BY seq DESC LIMIT 1"
        );
        let row = self.region.hand().await.query_one(sql.as_str(), &[]).await.unwrap();
        (row.get(0), row.get(1), row.get(2), row.get(3))
    }

    /// Audit rows of a clinic as `(action, outcome, reason, count)`, oldest first, as a superuser sees them.
    pub(crate) async fn audit(&self, clinic: &Clinic) -> Vec<(String, String, Option<String>, Option<i32>)> {
        let superuser = self.region.hand().await;
        let schema = tenancy::SchemaName::ops(clinic.tenant.id).quoted();
        let sql =
            format!("SELECT action, outcome, reason, result_count FROM {schema}.audit_event ORDER BY seq");
        let rows = superuser.query(sql.as_str(), &[]).await.unwrap();
        rows.iter().map(|row| (row.get(0), row.get(1), row.get(2), row.get(3))).collect()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        // The command is sent at once; nobody waits for the answer.
        drop(self.server.stop(false));
    }
}

fn home(region: &TestRegion, geography: Geography) -> Region {
    let (code, jurisdiction) = match geography {
        Geography::Us => ("us", "US"),
        Geography::In => ("in", "IN"),
    };
    Region {
        name: region.config.region,
        code: code.parse().unwrap(),
        jurisdiction: jurisdiction.parse().unwrap(),
    }
}

fn clinic(here: Region, tenant: TenantRef, slug: &str) -> Clinic {
    let slug: Slug = slug.parse().unwrap();
    let record = TenantRecord {
        id: tenant.id,
        slug,
        region: here.name,
        shard: tenant.shard,
        state: TenantState::Active,
        epoch: tenant.epoch,
    };
    Clinic { tenant, host: format!("{slug}.{}.{BASE}", here.code), record }
}

/// Starts the real server on a free port, behind mutual TLS.
fn serve(backend: Backend, pki: &Pki) -> (SocketAddr, Arc<rustls::ClientConfig>, ServerHandle) {
    let names = [NAME, "*.us.domicile.localhost", "*.in.domicile.localhost"];
    let (server, front_door) = (pki.server(&names), pki.client("front-door.us-east-1"));
    let identity = |issued: &testkit::Issued| regions::tls::Identity {
        cert: issued.cert.clone(),
        key: issued.key.clone(),
    };
    let tls = regions::tls::mutual_server(&identity(&server), &pki.ca(), &[]).unwrap();
    let client = regions::tls::mutual_client(&identity(&front_door), &pki.ca(), &["http/1.1"]).unwrap();
    let listener = app::backend::bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = listener.local_addr().unwrap();
    let server = backend.serve(listener, tls, 1).unwrap();
    let handle = server.handle();
    tokio::spawn(server);
    (address, Arc::new(client), handle)
}

fn client(tls: &Arc<rustls::ClientConfig>, address: SocketAddr, hosts: &[&String]) -> reqwest::Client {
    let mut builder = reqwest::Client::builder()
        .tls_backend_preconfigured(rustls::ClientConfig::clone(tls))
        .http1_only()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .timeout(Duration::from_secs(30));
    for host in hosts {
        builder = builder.resolve(host, address);
    }
    builder.build().unwrap()
}
