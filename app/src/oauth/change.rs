//! One program over HTTP: reading it, and changing what it is called, what it may do and at which sites.
//!
//! Whether a token may do something is asked of its client's row with each request, and where a program reaches of its
//! account's sites: what is taken away here is gone for tokens that are out already, from the next request on.

use std::collections::BTreeSet;

use actix_web::HttpResponse;
use actix_web::http::header;
use serde::Deserialize;
use tenancy::TenantTx;
use tenancy::audit::Outcome;
use utoipa::ToSchema;
use uuid::Uuid;

use super::clients::{ClientView, checked_name, checked_scopes, named};
use super::model::{ClientId, ClientKind, Settings, client_state};
use super::queries::{self, Change};
use super::tell;
use crate::auth::record;
use crate::call::{Call, Done};
use crate::ctx::Ctx;
use crate::error::{AppError, STALE, WRONG_STATE};
use crate::middleware::json::Json;
use crate::patients::api::{etag, if_match};
use crate::registry;
use crate::sites::{api as site_choice, queries as sites};
use crate::store::{self, StoreError};

/// What is to change of a program. What is not named stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ClientChangeInput {
    /// What it is called.
    #[serde(default)]
    name: Option<String>,
    /// Names of the actions it may ask for, all of them.
    #[serde(default)]
    scopes: Option<Vec<String>>,
    /// With `machine`: the sites whose patients it reaches, all of them.
    #[serde(default)]
    sites: Option<Vec<String>>,
}

/// What of a program becomes something else; what stays as it is is `None`.
struct Changes {
    name: Option<String>,
    scopes: Option<Vec<String>>,
    sites: Option<BTreeSet<Uuid>>,
}

impl Changes {
    /// What the input makes different, once every part of it is what the program's kind takes.
    async fn of(
        tx: &mut TenantTx,
        (id, kind, settings): (Uuid, ClientKind, &Settings),
        input: &ClientChangeInput,
    ) -> Result<Changes, AppError> {
        let name = input.name.as_deref().map(checked_name).transpose()?;
        let scopes = input.scopes.as_deref().map(|names| checked_scopes(kind, names)).transpose()?;
        let reached: BTreeSet<Uuid> =
            sites::of_accounts(tx, &[id]).await?.into_iter().map(|(_, site)| site).collect();
        let sites = match &input.sites {
            None => None,
            Some(_) if kind == ClientKind::Mobile => {
                return Err(AppError::invalid_field("/sites", "machine_only"));
            }
            Some(sites) => Some(site_choice::chosen(tx, sites, &reached).await?),
        };
        Ok(Changes {
            name: name.filter(|name| *name != settings.name),
            scopes: scopes.filter(|scopes| *scopes != settings.scopes),
            sites: sites.filter(|sites| *sites != reached),
        })
    }

    fn is_none(&self) -> bool {
        self.name.is_none() && self.scopes.is_none() && self.sites.is_none()
    }

    /// The one word of it in the log. A name beside something that decides what is allowed is not worth a word.
    fn reason(&self) -> &'static str {
        match (&self.scopes, &self.sites, &self.name) {
            (Some(_), Some(_), _) => "scopes_and_sites",
            (Some(_), None, _) => "scopes",
            (None, Some(_), _) => "sites",
            (None, None, Some(_)) => "name",
            (None, None, None) => "repeated",
        }
    }
}

/// A program as it stands.
async fn shown(ctx: &Ctx, tx: &mut TenantTx, id: Uuid) -> Result<ClientView, AppError> {
    let found = queries::listed(tx, &ctx.keys, id).await?;
    let (client, created_at) = found.ok_or_else(AppError::absent)?;
    let reached = sites::of_accounts(tx, &[id]).await?;
    Ok(ClientView::of(client, &reached, created_at))
}

fn answer(view: ClientView) -> HttpResponse {
    HttpResponse::Ok().insert_header((header::ETAG, etag(view.version))).json(view)
}

/// Reads a program.
#[utoipa::path(get, path = "/api/v1/oauth/clients/{id}", tag = "oauth", operation_id = "oauth_client.read",
    params(("id" = String, Path, description = "Client id")),
    responses((status = 200, body = ClientView, description = "The program"),
        (status = 404, body = crate::error::Problem, content_type = "application/problem+json", description = "Absent, or not this clinic's")))]
pub async fn read(call: Call) -> Result<HttpResponse, AppError> {
    let view = call
        .staff(async |ctx, tx| {
            let id = ClientId::parse(call.path("id")).ok_or_else(AppError::absent)?;
            let view = shown(ctx, tx, id.uuid()).await?;
            let entry = ctx.entry(call.action(), Outcome::Allow).resource("oauth_client", id.bytes());
            let entry = entry.row_version(view.version);
            Done::audited(view, entry)
        })
        .await?;
    Ok(answer(view))
}

/// Changes a program's name, scopes or sites, in the version that `If-Match` names. What is taken from it is taken from its
/// tokens too, from the next request on; a scope that is added comes with the next token, and to an application when somebody
/// lets it in anew.
#[utoipa::path(patch, path = "/api/v1/oauth/clients/{id}", tag = "oauth", operation_id = "oauth_client.change",
    request_body = ClientChangeInput,
    params(("id" = String, Path, description = "Client id"), ("If-Match" = String, Header, description = "ETag of the version read")),
    responses((status = 200, body = ClientView, description = "Changed"),
        (status = 400, body = crate::error::Problem, content_type = "application/problem+json", description = "A scope or site is not taken"),
        (status = 404, body = crate::error::Problem, content_type = "application/problem+json", description = "Absent, or not this clinic's"),
        (status = 409, body = crate::error::Problem, content_type = "application/problem+json", description = "Disabled"),
        (status = 412, body = crate::error::Problem, content_type = "application/problem+json", description = "Changed since"),
        (status = 428, body = crate::error::Problem, content_type = "application/problem+json", description = "If-Match is missing")))]
pub async fn change(call: Call, Json(input): Json<ClientChangeInput>) -> Result<HttpResponse, AppError> {
    let expected = if_match(call.headers());
    let view = call
        .staff(async |ctx, tx| {
            let row = named(ctx, tx, call.path("id")).await?;
            if row.version != expected? {
                return Err(STALE.into());
            }
            if row.state != client_state::ACTIVE {
                return Err(WRONG_STATE.into());
            }
            let (id, kind, mut version) = (row.id, row.kind()?, row.version);
            let mut settings = queries::settings(tx, &ctx.keys, &row).await?;
            let changes = Changes::of(tx, (id, kind, &settings), &input).await?;
            let reason = changes.reason();
            if !changes.is_none() {
                let decides = changes.scopes.is_some() || changes.sites.is_some();
                apply(ctx, tx, (id, &mut settings), changes).await?;
                let changed = Change::Settings(&settings);
                version = queries::change(tx, &ctx.keys, row, changed, ctx.now()).await?;
                if decides {
                    tell::enqueue(tx, (id, kind, &settings)).await?;
                }
            }
            let entry = ctx.entry(call.action(), Outcome::Allow).resource("oauth_client", id.into_bytes());
            Done::audited(shown(ctx, tx, id).await?, entry.reason(reason).row_version(version))
        })
        .await?;
    Ok(answer(view))
}

/// Puts the changes where they are kept: into the settings, which the caller stores, and to the program's account.
async fn apply(
    ctx: &Ctx,
    tx: &mut TenantTx,
    (id, settings): (Uuid, &mut Settings),
    Changes { name, scopes, sites: chosen }: Changes,
) -> Result<(), StoreError> {
    if let Some(scopes) = scopes {
        settings.scopes = scopes;
    }
    if let Some(chosen) = chosen {
        let chosen: Vec<Uuid> = chosen.into_iter().collect();
        sites::work_at(tx, id, &chosen).await?;
    }
    let Some(name) = name else { return Ok(()) };
    // An application has no account.
    if let Some(account) = record::locked(tx, &ctx.keys, id).await? {
        let sealer = ctx.keys.tenant_sealer(tx.tenant()).await?;
        let mut account = account.into_inner();
        let column = registry::ACCOUNT_DISPLAY_NAME;
        account.display_name = store::seal(&sealer, column, id.into_bytes(), &name)?;
        account.save(tx, &ctx.keys, ctx.now()).await?;
    }
    settings.name = name;
    Ok(())
}
