//! The directory's log over HTTP, for people; front doors use the feed.

use actix_web::HttpResponse;
use actix_web::web::Query;
use regions::directory::{Entry, TenantState};
use regions::region::RegionName;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::Ctx;
use crate::control::Control;
use crate::control::access::Action;
use crate::control::feed::PeerRole;
use crate::control::geography::transit_name;
use crate::control::log::{self, Line, PAGE_MAX};
use crate::error::{AppError, Problem};

/// Entries a page when the caller does not say.
const PAGE_DEFAULT: u16 = 50;

/// The end of the log.
#[derive(Serialize, ToSchema)]
pub struct HeadView {
    /// The newest version in the database.
    version: u64,
    /// Its chain, as hexadecimal: SHA-256 over every entry up to it.
    chain: String,
    /// The newest version that this process has verified and serves.
    served_version: u64,
    /// What every region's processes have of it: by region, for each role.
    held: Vec<HeldView>,
}

/// Which version the processes of one role have in one region, by what they asked for last.
#[derive(Serialize, ToSchema)]
pub struct HeldView {
    /// The region.
    region: String,
    /// `front_door`, `backend` or `worker`.
    role: &'static str,
    /// `healthy`, `late`, `silent` or `unknown`, by when one of them last asked: 60 s ago at most, 180 s at most, longer, never.
    health: &'static str,
    /// The lowest version that one of them has; absent when one has none yet, and while none was heard.
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<u64>,
    /// How many versions that is behind the served one.
    #[serde(skip_serializing_if = "Option::is_none")]
    behind: Option<u64>,
    /// How many processes asked within the last 60 s; one that has just connected anew may count twice.
    processes: u64,
    /// Seconds since the last question; absent while none was heard.
    #[serde(skip_serializing_if = "Option::is_none")]
    heard_s: Option<u64>,
}

impl HeldView {
    fn new(control: &Control, region: RegionName, role: PeerRole) -> Self {
        let contact = control.contacts.role(region, role);
        let served = control.ledger.head().version;
        Self {
            region: region.to_string(),
            role: role.as_str(),
            health: contact.health.as_str(),
            version: contact.version,
            behind: contact.version.map(|version| served.saturating_sub(version)),
            processes: u64::try_from(contact.processes).unwrap_or(u64::MAX),
            heard_s: contact.heard_s,
        }
    }
}

/// One line of the log.
#[derive(Serialize, ToSchema)]
pub struct EntryView {
    /// Counts from one.
    version: u64,
    /// The chain up to and including this entry.
    chain: String,
    /// `region` or `tenant`.
    kind: &'static str,
    /// The region's name or the tenant's id.
    id: String,
    /// The tenant's slug.
    #[serde(skip_serializing_if = "Option::is_none")]
    slug: Option<String>,
    /// The region.
    region: String,
    /// `active`, `suspended` or `offboarded`; `passthrough` or `refuse` for a region.
    state: &'static str,
}

impl From<Line> for EntryView {
    fn from(line: Line) -> Self {
        let chain = data_encoding::HEXLOWER.encode(&line.head.chain);
        let version = line.head.version;
        match line.entry {
            Entry::Region(record) => Self {
                version,
                chain,
                kind: "region",
                id: record.region.name.to_string(),
                slug: None,
                region: record.region.name.to_string(),
                state: transit_name(record.transit),
            },
            Entry::Tenant(record) => Self {
                version,
                chain,
                kind: "tenant",
                id: record.id.to_string(),
                slug: Some(record.slug.to_string()),
                region: record.region.to_string(),
                state: state_name(record.state),
            },
        }
    }
}

/// One page of the log.
#[derive(Serialize, ToSchema)]
pub struct EntryPage {
    /// By version.
    items: Vec<EntryView>,
    /// Ask with this for the next page; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

/// Which page.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct EntryQuery {
    /// The `next_cursor` of the page before.
    cursor: Option<String>,
    /// 1 to 100.
    limit: Option<u16>,
}

const fn state_name(state: TenantState) -> &'static str {
    match state {
        TenantState::Active => "active",
        TenantState::Suspended => "suspended",
        TenantState::Offboarded => "offboarded",
    }
}

/// The end of the directory's log, and which version the regions have.
#[utoipa::path(get, path = "/platform/v1/directory", tag = "directory", responses(
    (status = 200, body = HeadView),
    (status = 401, body = Problem),
))]
pub async fn head(ctx: Ctx) -> Result<HttpResponse, AppError> {
    ctx.allow(Action::DirectoryHead)?;
    let control = ctx.control();
    let head = log::head(&control.store).await?;
    let each = control.ledger.regions().into_iter();
    let held = each.flat_map(|region| PeerRole::ALL.map(|role| HeldView::new(control, region, role)));
    Ok(HttpResponse::Ok().json(HeadView {
        version: head.version,
        chain: data_encoding::HEXLOWER.encode(&head.chain),
        served_version: control.ledger.head().version,
        held: held.collect(),
    }))
}

/// The directory's log, a page at a time.
#[utoipa::path(get, path = "/platform/v1/directory/entries", tag = "directory", params(EntryQuery), responses(
    (status = 200, body = EntryPage),
    (status = 400, body = Problem),
))]
pub async fn entries(ctx: Ctx, query: Query<EntryQuery>) -> Result<HttpResponse, AppError> {
    ctx.allow(Action::DirectoryEntries)?;
    let limit = query.limit.unwrap_or(PAGE_DEFAULT);
    if limit == 0 || limit > PAGE_MAX {
        return Err(AppError::invalid_field("/limit", "out_of_range"));
    }
    let after: u64 =
        query.cursor.as_deref().map_or(Ok(0), str::parse).map_err(|_error| crate::error::BAD_CURSOR)?;
    let lines = log::page(&ctx.control().store, after, limit).await?;
    let next_cursor =
        lines.last().filter(|_| lines.len() == usize::from(limit)).map(|line| line.head.version.to_string());
    Ok(HttpResponse::Ok()
        .json(EntryPage { items: lines.into_iter().map(EntryView::from).collect(), next_cursor }))
}
