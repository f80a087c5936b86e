//! One region with a running backend behind mutual TLS, its two clinics, and staff who are signed in.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use actix_web::dev::ServerHandle;
use actix_web::web;
use app::access::{Policy, Role};
use app::app::App;
use app::auth::invite::new_id;
use app::auth::password::{PasswordPool, PoolLimits};
use app::auth::queries::NewSession;
use app::auth::record::NewAccount;
use app::auth::token::Token;
use app::config::SessionConfig;
use app::middleware::limits::BodyLimits;
use app::middleware::rate::{Budget, RateLimits};
use app::patients::name_index::NameIndexes;
use app::pins::Pins;
use app::{audit, backend, registry, store};
use chrono::{DateTime, TimeDelta, Utc};
use regions::assertion::NonceCache;
use regions::clock::Clock;
use regions::directory::{
    DirectoryHandle, Entry, Head, RegionRecord, Signer, TenantRecord, TenantState, Verifier,
};
use regions::keyring::HmacKeyring;
use regions::log;
use regions::region::Region;
use regions::residency::TransitMode;
use regions::tls::{Identity, mutual_client, mutual_server};
use regions::trace::Tracer;
use tenancy::TenantRef;
use testkit::{Issued, Pki, TestRegion};

const PUBLIC_PORT: u16 = 7410;
const BASE: &str = "domicile.localhost";
const CODE: &str = "us";
/// The name backends have in their certificates.
pub(crate) const BACKEND: &str = "backend.us.domicile.internal";

/// A clinic of the region.
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
pub(crate) struct Staff {
    pub(crate) cookie: String,
    pub(crate) csrf: String,
}

/// Everything that answers.
pub(crate) struct World {
    pub(crate) region: TestRegion,
    pub(crate) app: web::Data<App>,
    pub(crate) alpha: Clinic,
    pub(crate) beta: Clinic,
    pub(crate) route_keys: Arc<HmacKeyring>,
    pub(crate) address: SocketAddr,
    /// What a front door connects with.
    pub(crate) tls: Arc<rustls::ClientConfig>,
    server: ServerHandle,
    _pki: Pki,
}

impl World {
    /// With a budget of points and of sign-ins for each clinic.
    pub(crate) async fn with(budget: Budget) -> World {
        let region = TestRegion::new().await;
        // Lines are written as in production; where they go to is the only difference.
        let lines = std::fs::File::create(region.dir().join("backend.log")).unwrap();
        log::init("backend", Some(region.config.region), Box::new(lines));
        let here = Region {
            name: region.config.region,
            code: CODE.parse().unwrap(),
            jurisdiction: "US".parse().unwrap(),
        };
        let alpha = clinic(here, region.alpha, "alpha-clinic");
        let beta = clinic(here, region.beta, "beta-clinic");
        let line = HmacKeyring::generate_line("k1".parse().unwrap());
        let receipts = HmacKeyring::generate_line("r1".parse().unwrap());
        let app = web::Data::new(App {
            region: here.name,
            base: BASE.parse().unwrap(),
            public_port: PUBLIC_PORT,
            regional: Arc::clone(&region.regional),
            directory: directory(here, &[alpha.record, beta.record]),
            clock: Clock::system(),
            route_keys: HmacKeyring::from_text(&line).unwrap(),
            receipt_keys: HmacKeyring::from_text(&receipts).unwrap(),
            nonces: NonceCache::new(200_000),
            passwords: PasswordPool::new(PoolLimits { running_max: 1, waiting_max: 1 }).unwrap(),
            session: SessionConfig::default(),
            rates: RateLimits::with(|_| budget),
            bodies: BodyLimits::default(),
            names: NameIndexes::default(),
            policy: Policy::default(),
            passing: app::documents::Passing::default(),
            pinned: Pins::default(),
            leaving: AtomicBool::new(false),
            tracer: Tracer::off(),
        });
        let pki = Pki::new();
        let (address, tls, server) = serve(&app, &pki);
        let route_keys = Arc::new(HmacKeyring::from_text(&line).unwrap());
        World { region, app, alpha, beta, route_keys, address, tls, server, _pki: pki }
    }

    /// A receptionist with a session.
    pub(crate) async fn staff(&self, clinic: &Clinic) -> Staff {
        self.staff_as(clinic, Role::Receptionist).await
    }

    /// Somebody with a role and a session, made without the slow password hash.
    pub(crate) async fn staff_as(&self, clinic: &Clinic, role: Role) -> Staff {
        let (account, token) = (new_id(), Token::random());
        let now = DateTime::<Utc>::from(self.app.clock.now());
        let mut tx = self.region.regional.begin(clinic.tenant, "bench.staff").await.unwrap();
        let sealer = self.app.keys().tenant_sealer(clinic.tenant.id).await.unwrap();
        let row = account.into_bytes();
        let seal = |column, text: &str| store::seal(&sealer, column, row, &text).unwrap();
        NewAccount {
            id: account,
            login_tag: Some(regions::random::bytes::<16>().to_vec()),
            login_tag_even: None,
            email: seal(registry::ACCOUNT_EMAIL, "desk@example.com"),
            display_name: seal(registry::ACCOUNT_DISPLAY_NAME, "Desk"),
            role,
            state: "active",
            now,
        }
        .insert(&mut tx, &self.app.keys().row_macs(clinic.tenant.id).await.unwrap())
        .await
        .unwrap();
        NewSession {
            id: new_id(),
            tenant_id: clinic.tenant.id.as_uuid(),
            token_hash: token.hash().to_vec(),
            account_id: account,
            csrf_hash: token.csrf().hash().to_vec(),
            created_at: now,
            last_seen_at: now,
            idle_expires_at: now + TimeDelta::hours(2),
            absolute_expires_at: now + TimeDelta::hours(12),
            factor: Some("totp"),
            factor_at: Some(now),
            browser: None,
            system: None,
        }
        .insert(&mut tx)
        .await
        .unwrap();
        tx.commit(audit::by_system("bench.staff")).await.unwrap();
        Staff {
            cookie: format!("__Host-domicile={}", token.expose().as_str()),
            csrf: token.csrf().expose().to_string(),
        }
    }

    /// Stops the backend; dropping the rest drops the region's databases.
    pub(crate) async fn stop(self) {
        self.server.stop(false).await;
    }
}

fn clinic(here: Region, tenant: TenantRef, slug: &str) -> Clinic {
    let record = TenantRecord {
        id: tenant.id,
        slug: slug.parse().unwrap(),
        region: here.name,
        shard: tenant.shard,
        state: TenantState::Active,
        epoch: tenant.epoch,
    };
    Clinic { tenant, host: format!("{slug}.{CODE}.{BASE}"), record }
}

fn directory(here: Region, tenants: &[TenantRecord]) -> DirectoryHandle {
    let (signer, _pem) = Signer::generate("bench".parse().unwrap()).unwrap();
    let verifier = Verifier::new([signer.public_key()]).unwrap();
    let handle = DirectoryHandle::new();
    let mut entries = vec![Entry::Region(RegionRecord {
        region: here,
        peer_front_door: "127.0.0.1:1".into(),
        public_port: PUBLIC_PORT,
        transit: TransitMode::Passthrough,
    })];
    entries.extend(tenants.iter().copied().map(Entry::Tenant));
    let head = entries.iter().fold(Head::EMPTY, |head, one| head.after(&regions::directory::encode(one)));
    handle.apply_snapshot(&signer.snapshot(head, entries, 1), &verifier).unwrap();
    handle
}

fn serve(app: &web::Data<App>, pki: &Pki) -> (SocketAddr, Arc<rustls::ClientConfig>, ServerHandle) {
    let identity = |issued: &Issued| Identity { cert: issued.cert.clone(), key: issued.key.clone() };
    let (server, front_door) = (pki.server(&[BACKEND]), pki.client("front-door.us-east-1"));
    let tls = mutual_server(&identity(&server), &pki.ca(), &[]).unwrap();
    let client = mutual_client(&identity(&front_door), &pki.ca(), &["http/1.1"]).unwrap();
    let listener = backend::bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = listener.local_addr().unwrap();
    let server = backend::Backend::new(app.clone()).serve(listener, tls, 2).unwrap();
    let handle = server.handle();
    tokio::spawn(server);
    (address, Arc::new(client), handle)
}
