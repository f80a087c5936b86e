//! The feed: the signed directory for every process of every region, and work for a region's own worker.
//!
//! Who asks is read from the client certificate, which the listener has verified: its common name is
//! `front-door.<region>`, `backend.<region>` or `worker.<region>`. Nothing in the request can say otherwise.

use std::any::Any;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::Extensions;
use actix_web::web::{self, Data, Path, Query};
use actix_web::{FromRequest, HttpRequest, HttpResponse};
use regions::ids::RequestId;
use regions::log::{self, Field};
use regions::region::RegionName;
use regions::tls::common_name;
use serde::{Deserialize, Serialize};
use std::future::{Ready, ready};
use tokio::time::Instant;
use uuid::Uuid;

use super::Control;
use super::api::Json;
use super::api::problems::{NOT_YOURS, TAKE_SNAPSHOT};
use super::audit::{Actor, By};
use super::contacts::{Connected, Contacts};
use super::ledger::Delta;
use super::work::{KeyReport, Report, TaskList, looks_of};
use super::{keys, support_feed, tasks};
use crate::error::{self, AppError};
use crate::middleware::not_found;
use crate::support::wire::{GrantReport, LookReport};

/// Longest wait of a long poll, in milliseconds.
pub(super) const WAIT_MAX_MS: u64 = 30_000;
/// The media type of snapshots and deltas.
const BINARY: &str = "application/octet-stream";

/// What kind of process asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PeerRole {
    /// Accepts clients; gets the directory.
    FrontDoor,
    /// Serves tenants; gets the directory.
    Backend,
    /// Runs jobs; gets the directory and its region's work.
    Worker,
}

impl PeerRole {
    /// Every role; a region has processes of each.
    pub const ALL: [Self; 3] = [Self::FrontDoor, Self::Backend, Self::Worker];

    /// The word callers see.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::FrontDoor => "front_door",
            Self::Backend => "backend",
            Self::Worker => "worker",
        }
    }
}

/// A process, as its certificate names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer {
    /// Its kind.
    pub role: PeerRole,
    /// Its region.
    pub region: RegionName,
}

impl FromStr for Peer {
    type Err = AppError;

    fn from_str(name: &str) -> Result<Self, AppError> {
        let (role, region) = name.split_once('.').ok_or(NOT_YOURS)?;
        let role = match role {
            "front-door" => PeerRole::FrontDoor,
            "backend" => PeerRole::Backend,
            "worker" => PeerRole::Worker,
            _ => return Err(NOT_YOURS.into()),
        };
        Ok(Self { role, region: region.parse().map_err(|_error| NOT_YOURS)? })
    }
}

/// Reads the process from a new connection's certificate and keeps it with the connection, whose end is noted.
pub fn remember_peer(contacts: &Arc<Contacts>, connection: &dyn Any, data: &mut Extensions) {
    type Tls = actix_tls::accept::rustls_0_23::TlsStream<actix_web::rt::net::TcpStream>;
    let chain = connection.downcast_ref::<Tls>().and_then(|stream| stream.get_ref().1.peer_certificates());
    if let Some(peer) = chain.and_then(common_name).and_then(|name| name.parse::<Peer>().ok()) {
        data.insert(peer);
        data.insert(contacts.connected(peer));
    }
}

impl FromRequest for Peer {
    type Error = AppError;
    type Future = Ready<Result<Self, AppError>>;

    fn from_request(request: &HttpRequest, _payload: &mut actix_web::dev::Payload) -> Self::Future {
        let known = |peer: &Self| {
            request.app_data::<Data<Control>>().is_some_and(|control| control.ledger.has_region(peer.region))
        };
        let peer = request.conn_data::<Self>().copied().filter(known);
        if peer.is_none() {
            log::security("feed.unknown_peer", &[Field::Status(403)]);
        }
        ready(peer.ok_or_else(|| NOT_YOURS.into()))
    }
}

impl Peer {
    /// The region whose work this process may see and report.
    fn worker_of(self) -> Result<RegionName, AppError> {
        if self.role == PeerRole::Worker {
            return Ok(self.region);
        }
        log::security("feed.not_a_worker", &[Field::Region(self.region), Field::Status(403)]);
        Err(NOT_YOURS.into())
    }
}

/// Registers the feed's routes.
pub fn register(service: &mut web::ServiceConfig) {
    // The extractors' own answers quote what was sent.
    service
        .app_data(
            web::QueryConfig::default().error_handler(|_quoting, _| AppError::from(error::INVALID).into()),
        )
        .app_data(
            web::PathConfig::default().error_handler(|_quoting, _| AppError::from(error::NOT_FOUND).into()),
        )
        .route("/feed/v1/snapshot", web::get().to(snapshot))
        .route("/feed/v1/deltas", web::get().to(deltas))
        .route("/feed/v1/work", web::get().to(work))
        .route("/feed/v1/work/{task}/steps", web::post().to(report))
        .route("/feed/v1/keys", web::post().to(tell_keys))
        .route("/feed/v1/support-grants", web::get().to(support_grants))
        .route("/feed/v1/support-grants/{grant}", web::post().to(report_grant))
        .route("/feed/v1/support-grants/{grant}/looks/{look}", web::post().to(report_look))
        .default_service(web::to(not_found));
}

/// From which version, and how long to wait for the next.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DeltaQuery {
    after: u64,
    #[serde(default)]
    wait_ms: u64,
}

/// How long to wait for work, and how the shards are.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WorkQuery {
    #[serde(default)]
    wait_ms: u64,
    /// What the worker found when it last looked at each of its shards.
    #[serde(default)]
    shards: String,
}

/// How long to wait for support grants.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WaitQuery {
    #[serde(default)]
    wait_ms: u64,
}

/// Notes that the process on this connection asked, and after which version.
fn note(request: &HttpRequest, version: Option<u64>) {
    if let Some(connected) = request.conn_data::<Connected>() {
        connected.asked(version);
    }
}

async fn snapshot(
    control: Data<Control>,
    _peer: Peer,
    request: HttpRequest,
) -> Result<HttpResponse, AppError> {
    note(&request, None);
    let signed = control.ledger.snapshot().await.ok_or(error::UNAVAILABLE)?;
    Ok(HttpResponse::Ok().content_type(BINARY).body(signed))
}

async fn deltas(
    control: Data<Control>,
    _peer: Peer,
    request: HttpRequest,
    query: Query<DeltaQuery>,
) -> Result<HttpResponse, AppError> {
    note(&request, Some(query.after));
    let deadline = deadline(query.wait_ms);
    let mut versions = control.ledger.subscribe();
    loop {
        // Marked as seen before looking, so that a version that comes in between wakes the wait below.
        versions.mark_unchanged();
        match control.ledger.delta(query.after) {
            Delta::Signed(bytes) => return Ok(HttpResponse::Ok().content_type(BINARY).body(bytes)),
            Delta::TakeSnapshot => return Err(TAKE_SNAPSHOT.into()),
            Delta::Nothing => {}
        }
        tokio::select! {
            changed = versions.changed() => changed.map_err(|_error| error::UNAVAILABLE)?,
            () = tokio::time::sleep_until(deadline) => return Ok(HttpResponse::NoContent().finish()),
            () = control.shutdown.wait() => return Ok(HttpResponse::NoContent().finish()),
        }
    }
}

async fn work(control: Data<Control>, peer: Peer, query: Query<WorkQuery>) -> Result<HttpResponse, AppError> {
    let region = peer.worker_of()?;
    control.contacts.looked(region, &looks_of(&query.shards).ok_or(error::INVALID)?);
    let deadline = deadline(query.wait_ms);
    let mut given = control.work.subscribe();
    loop {
        given.mark_unchanged();
        control.check_log().await?;
        let tasks = tasks::open(&control.store, region).await?;
        if !tasks.is_empty() || Instant::now() >= deadline {
            return Ok(HttpResponse::Ok().json(TaskList { tasks }));
        }
        tokio::select! {
            changed = given.changed() => changed.map_err(|_error| error::UNAVAILABLE)?,
            () = tokio::time::sleep_until(deadline) => {}
            () = control.shutdown.wait() => return Ok(HttpResponse::Ok().json(TaskList { tasks })),
        }
    }
}

async fn report(
    control: Data<Control>,
    peer: Peer,
    task: Path<Uuid>,
    report: Json<Report>,
) -> Result<HttpResponse, AppError> {
    let by = By { actor: Actor::Worker(peer.worker_of()?), request: RequestId::random() };
    control.check_log().await?;
    tasks::report(&control.store, by, *task, &report).await?;
    control.publish().await;
    Ok(HttpResponse::NoContent().finish())
}

async fn tell_keys(
    control: Data<Control>,
    peer: Peer,
    report: Json<KeyReport>,
) -> Result<HttpResponse, AppError> {
    keys::report(&control.store, peer.worker_of()?, &report).await?;
    Ok(HttpResponse::NoContent().finish())
}

async fn support_grants(
    control: Data<Control>,
    peer: Peer,
    query: Query<WaitQuery>,
) -> Result<HttpResponse, AppError> {
    let region = peer.worker_of()?;
    let deadline = deadline(query.wait_ms);
    let mut given = control.work.subscribe();
    loop {
        given.mark_unchanged();
        control.check_log().await?;
        let list = support_feed::open(&control.store, region).await?;
        if !list.grants.is_empty() || Instant::now() >= deadline {
            return Ok(HttpResponse::Ok().json(list));
        }
        tokio::select! {
            changed = given.changed() => changed.map_err(|_error| error::UNAVAILABLE)?,
            () = tokio::time::sleep_until(deadline) => {}
            () = control.shutdown.wait() => return Ok(HttpResponse::Ok().json(list)),
        }
    }
}

async fn report_grant(
    control: Data<Control>,
    peer: Peer,
    grant: Path<Uuid>,
    report: Json<GrantReport>,
) -> Result<HttpResponse, AppError> {
    let by = By { actor: Actor::Worker(peer.worker_of()?), request: RequestId::random() };
    support_feed::report(&control.store, by, *grant, &report).await?;
    Ok(HttpResponse::NoContent().finish())
}

async fn report_look(
    control: Data<Control>,
    peer: Peer,
    path: Path<(Uuid, Uuid)>,
    report: Json<LookReport>,
) -> Result<HttpResponse, AppError> {
    let by = By { actor: Actor::Worker(peer.worker_of()?), request: RequestId::random() };
    support_feed::report_look(&control.store, by, *path, &report).await?;
    Ok(HttpResponse::NoContent().finish())
}

fn deadline(wait_ms: u64) -> Instant {
    Instant::now() + Duration::from_millis(wait_ms.min(WAIT_MAX_MS))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_common_name_is_a_role_and_a_region() {
        let peer: Peer = "worker.ap-south-1".parse().unwrap();
        assert_eq!((peer.role, peer.region.to_string().as_str()), (PeerRole::Worker, "ap-south-1"));
        for bad in [
            "",
            "worker",
            "worker.",
            "admin.us-east-1",
            "worker.US",
            "worker.us-east-1.x",
            "Worker.us-east-1",
        ] {
            assert!(bad.parse::<Peer>().is_err(), "{bad}");
        }
    }
}
