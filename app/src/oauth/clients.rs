//! Programs over HTTP: an administrator registers one, lists them, replaces a program's keys, and disables one. What else is
//! changed of one is in `change`.

use std::collections::BTreeSet;

use actix_web::HttpResponse;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use tenancy::TenantTx;
use tenancy::audit::Outcome;
use tenancy::sealed::Verified;
use utoipa::ToSchema;
use uuid::Uuid;

use super::jwk::{Jwk, KeySetInput};
use super::model::{Client, ClientId, ClientKind, ClientRow, Settings, client_state};
use super::queries::{self, Change};
use super::tell;
use crate::access::{Action, Role, Scope};
use crate::auth::invite::{login_tags, new_id};
use crate::auth::model::account_state;
use crate::auth::record::{self, NewAccount};
use crate::call::{Call, Done};
use crate::ctx::Ctx;
use crate::error::{AppError, WRONG_STATE};
use crate::middleware::json::Json;
use crate::patients::text;
use crate::registry;
use crate::sites::model::SiteId;
use crate::sites::{api as site_choice, queries as sites};
use crate::store::{self, StoreError};

/// Longest name of a program, in characters.
const NAME_MAX_CHARS: usize = 100;
/// Most addresses of an application.
const REDIRECTS_MAX: usize = 5;
/// Longest address, in bytes.
const REDIRECT_MAX_BYTES: usize = 512;

/// A program to register.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ClientInput {
    /// What it is called.
    name: String,
    /// `machine` acts for itself, `mobile` for who signs in with it.
    kind: ClientKind,
    /// Names of the actions it may ask for.
    scopes: Vec<String>,
    /// With `machine`: the sites whose patients it reaches.
    #[serde(default)]
    sites: Option<Vec<String>>,
    /// With `machine`: its public keys, Ed25519 or P-256, at most four.
    #[serde(default)]
    jwks: Option<KeySetInput>,
    /// With `mobile`: where people are sent back to, to the letter; `https`, or a scheme of the application's own.
    #[serde(default)]
    redirect_uris: Option<Vec<String>>,
}

/// New keys of a program.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ClientKeysInput {
    /// The keys that count from the next request on, Ed25519 or P-256, at most four.
    jwks: KeySetInput,
}

/// A program.
#[derive(Serialize, ToSchema)]
pub struct ClientView {
    /// Its id, which is its `client_id`.
    id: String,
    /// What it is called.
    name: String,
    /// How it acts.
    kind: ClientKind,
    /// `active` or `disabled`.
    state: &'static str,
    /// Names of the actions it may ask for.
    scopes: Vec<String>,
    /// The sites whose patients it reaches.
    sites: Vec<String>,
    /// Its public keys.
    keys: Vec<Jwk>,
    /// Where people are sent back to.
    redirect_uris: Vec<String>,
    /// When it was registered.
    created_at: DateTime<Utc>,
    /// Counts the changes; the ETag is made of it.
    pub(super) version: i64,
}

/// The clinic's programs.
#[derive(Serialize, ToSchema)]
pub struct ClientList {
    /// The programs, disabled ones included.
    items: Vec<ClientView>,
}

/// A program that was registered.
#[derive(Serialize, ToSchema)]
pub struct RegisteredView {
    /// Its id, which is its `client_id`.
    id: String,
}

/// The clinic's programs, at most 100.
#[utoipa::path(get, path = "/api/v1/oauth/clients", tag = "oauth", operation_id = "oauth_client.list",
    responses((status = 200, body = ClientList, description = "The programs")))]
pub async fn list(call: Call) -> Result<HttpResponse, AppError> {
    let list = call
        .staff(async |ctx, tx| {
            let clients = queries::all(tx, &ctx.keys).await?;
            let ids: Vec<Uuid> = clients.iter().map(|(client, _)| client.id.uuid()).collect();
            let reached = sites::of_accounts(tx, &ids).await?;
            let items: Vec<ClientView> =
                clients.into_iter().map(|(client, at)| ClientView::of(client, &reached, at)).collect();
            let count = u32::try_from(items.len()).unwrap_or(u32::MAX);
            let entry = ctx.entry(call.action(), Outcome::Allow).resource_kind("oauth_client").count(count);
            Done::audited(ClientList { items }, entry)
        })
        .await?;
    Ok(HttpResponse::Ok().json(list))
}

impl ClientView {
    /// A program, with who works where of those that are shown.
    pub(super) fn of(client: Client, reached: &[(Uuid, Uuid)], created_at: DateTime<Utc>) -> ClientView {
        let Settings { name, scopes, keys, redirect_uris } = client.settings;
        let own = reached.iter().filter(|(account, _)| *account == client.id.uuid());
        ClientView {
            id: client.id.to_string(),
            name,
            kind: client.kind,
            state: if client.active { client_state::ACTIVE } else { client_state::DISABLED },
            scopes,
            sites: own.map(|(_, site)| SiteId::from(*site).to_string()).collect(),
            keys,
            redirect_uris,
            created_at,
            version: client.version,
        }
    }
}

/// Registers a program. It can ask for tokens at once.
#[utoipa::path(post, path = "/api/v1/oauth/clients", tag = "oauth", operation_id = "oauth_client.register",
    request_body = ClientInput,
    responses((status = 201, body = RegisteredView, description = "Registered"),
        (status = 400, body = crate::error::Problem, content_type = "application/problem+json", description = "A key, scope, site or address is not taken, or there are too many programs")))]
pub async fn register(call: Call, Json(input): Json<ClientInput>) -> Result<HttpResponse, AppError> {
    let view = call
        .staff(async |ctx, tx| {
            let known = queries::all(tx, &ctx.keys).await?.len();
            if i64::try_from(known).unwrap_or(i64::MAX) >= queries::CLIENTS_MAX {
                return Err(AppError::invalid_field("", "too_many_clients"));
            }
            let (id, kind) = (new_id(), input.kind);
            let chosen = match &input.sites {
                Some(sites) if kind == ClientKind::Machine => {
                    site_choice::chosen(tx, sites, &BTreeSet::new()).await?
                }
                None if kind == ClientKind::Mobile => BTreeSet::new(),
                _ => return Err(AppError::invalid_field("/sites", "machine_only")),
            };
            let settings = settings(input)?;
            queries::insert(tx, &ctx.keys, (id, kind, &settings), ctx.now()).await?;
            tell::enqueue(tx, (id, kind, &settings)).await?;
            if kind == ClientKind::Machine {
                open_account(ctx, tx, (id, &settings.name), &chosen).await?;
            }
            let view = RegisteredView { id: ClientId::from(id).to_string() };
            let entry = ctx.entry(call.action(), Outcome::Allow).resource("oauth_client", id.into_bytes());
            Done::audited(view, entry.reason(kind.as_str()).row_version(1))
        })
        .await?;
    Ok(HttpResponse::Created().json(view))
}

/// What is kept of a registration, once every part of it is what its kind takes.
fn settings(input: ClientInput) -> Result<Settings, AppError> {
    let name = checked_name(&input.name)?;
    let scopes = checked_scopes(input.kind, &input.scopes)?;
    let (keys, redirect_uris) = match (input.kind, input.jwks, input.redirect_uris) {
        (ClientKind::Machine, Some(keys), None) => (keys.check("/jwks")?, Vec::new()),
        (ClientKind::Mobile, None, Some(uris)) => (Vec::new(), checked_redirects(uris)?),
        (ClientKind::Machine, None, _) => return Err(AppError::invalid_field("/jwks", "missing_field")),
        (ClientKind::Machine, Some(_), Some(_)) => {
            return Err(AppError::invalid_field("/redirect_uris", "mobile_only"));
        }
        (ClientKind::Mobile, Some(_), _) => return Err(AppError::invalid_field("/jwks", "machine_only")),
        (ClientKind::Mobile, None, None) => {
            return Err(AppError::invalid_field("/redirect_uris", "missing_field"));
        }
    };
    Ok(Settings { name, scopes, keys, redirect_uris })
}

/// What a program can be called, as it is kept.
pub(super) fn checked_name(name: &str) -> Result<String, AppError> {
    text::clean(name, NAME_MAX_CHARS).map_err(|code| AppError::invalid_field("/name", code))
}

/// The names of actions that a program of this kind may have, in the order in which they are kept.
pub(super) fn checked_scopes(kind: ClientKind, names: &[String]) -> Result<Vec<String>, AppError> {
    let scope = Scope::of(names.iter().map(String::as_str)).filter(|scope| !scope.is_empty());
    let may = |action: Action| match kind {
        ClientKind::Machine => crate::access::may(Role::MachineClient, action),
        ClientKind::Mobile => true,
    };
    match scope.filter(|scope| scope.where_allowed(may) == *scope) {
        Some(scope) => Ok(scope.names().map(str::to_owned).collect()),
        None => Err(AppError::invalid_field("/scopes", "not_allowed")),
    }
}

fn checked_redirects(uris: Vec<String>) -> Result<Vec<String>, AppError> {
    if !(1..=REDIRECTS_MAX).contains(&uris.len()) {
        return Err(AppError::invalid_field("/redirect_uris", "one_to_five"));
    }
    match uris.iter().position(|uri| !is_redirect(uri)) {
        Some(at) => Err(AppError::invalid_field(&format!("/redirect_uris/{at}"), "not_taken")),
        None => Ok(uris),
    }
}

/// Whether an address can be sent a code: `https` on a host, or a private-use scheme, which has a dot (RFC 8252, 7.1). Nothing
/// in it may mean something else to a browser, and a fragment would hide what is added.
fn is_redirect(uri: &str) -> bool {
    let plain = |b: u8| b.is_ascii_graphic() && !b"#\\\"<>^`{|}".contains(&b);
    if uri.len() > REDIRECT_MAX_BYTES || !uri.bytes().all(plain) {
        return false;
    }
    let Some((scheme, rest)) = uri.split_once(':') else { return false };
    if scheme == "https" {
        let Some(rest) = rest.strip_prefix("//") else { return false };
        let host = rest.split(['/', '?']).next().unwrap_or_default();
        return !host.is_empty() && !host.contains('@');
    }
    let letters = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"+-.".contains(&b);
    scheme.contains('.')
        && scheme.starts_with(|c: char| c.is_ascii_lowercase())
        && scheme.bytes().all(letters)
        && rest.starts_with('/')
}

/// The account that a program acts with. Nobody signs in to it: it has no password, and mail for its address goes nowhere
/// (RFC 2606).
async fn open_account(
    ctx: &Ctx,
    tx: &mut TenantTx,
    (id, name): (Uuid, &str),
    chosen: &BTreeSet<Uuid>,
) -> Result<(), StoreError> {
    let sealer = ctx.keys.tenant_sealer(tx.tenant()).await?;
    let email = format!("{}@clients.invalid", id.as_simple());
    let tags = login_tags(&ctx.keys, tx.tenant(), &email).await?;
    let new = NewAccount {
        id,
        login_tag: tags.odd,
        login_tag_even: tags.even,
        email: store::seal(&sealer, registry::ACCOUNT_EMAIL, id.into_bytes(), &email)?,
        display_name: store::seal(&sealer, registry::ACCOUNT_DISPLAY_NAME, id.into_bytes(), &name)?,
        role: Role::MachineClient,
        state: account_state::ACTIVE,
        now: ctx.now(),
    };
    let macs = ctx.keys.row_macs(tx.tenant()).await?;
    new.insert(tx, &macs).await?;
    let chosen: Vec<Uuid> = chosen.iter().copied().collect();
    sites::work_at(tx, id, &chosen).await
}

/// The client that the path names, locked.
pub(super) async fn named(ctx: &Ctx, tx: &mut TenantTx, id: &str) -> Result<Verified<ClientRow>, AppError> {
    let id = ClientId::parse(id).ok_or_else(AppError::absent)?;
    queries::locked(tx, &ctx.keys, id.uuid()).await?.ok_or_else(AppError::absent)
}

/// Replaces a program's keys. What was signed with another one is worth nothing from the next request on.
#[utoipa::path(put, path = "/api/v1/oauth/clients/{id}/keys", tag = "oauth", operation_id = "oauth_client.keys",
    request_body = ClientKeysInput, params(("id" = String, Path, description = "Client id")),
    responses((status = 204, description = "Replaced"),
        (status = 400, body = crate::error::Problem, content_type = "application/problem+json", description = "A key is not taken"),
        (status = 404, body = crate::error::Problem, content_type = "application/problem+json", description = "Absent, or not this clinic's"),
        (status = 409, body = crate::error::Problem, content_type = "application/problem+json", description = "Disabled, or an application, which has no keys")))]
pub async fn replace_keys(call: Call, Json(input): Json<ClientKeysInput>) -> Result<HttpResponse, AppError> {
    call.staff(async |ctx, tx| {
        let row = named(ctx, tx, call.path("id")).await?;
        if row.kind()? != ClientKind::Machine || row.state != client_state::ACTIVE {
            return Err(WRONG_STATE.into());
        }
        let id = row.id;
        let mut settings = queries::settings(tx, &ctx.keys, &row).await?;
        settings.keys = input.jwks.check("/jwks")?;
        let version = queries::change(tx, &ctx.keys, row, Change::Settings(&settings), ctx.now()).await?;
        // A key is replaced because it may be known to somebody: what it opened is closed too.
        queries::end_sessions(tx, id, ctx.now()).await?;
        tell::enqueue(tx, (id, ClientKind::Machine, &settings)).await?;
        let entry = ctx.entry(call.action(), Outcome::Allow).resource("oauth_client", id.into_bytes());
        Done::audited((), entry.row_version(version))
    })
    .await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Disables a program for good; its tokens end with it. Disabling it again changes nothing.
#[utoipa::path(post, path = "/api/v1/oauth/clients/{id}/disable", tag = "oauth", operation_id = "oauth_client.disable",
    params(("id" = String, Path, description = "Client id")),
    responses((status = 204, description = "Disabled from the next request on"),
        (status = 404, body = crate::error::Problem, content_type = "application/problem+json", description = "Absent, or not this clinic's")))]
pub async fn disable(call: Call) -> Result<HttpResponse, AppError> {
    call.staff(async |ctx, tx| {
        let row = named(ctx, tx, call.path("id")).await?;
        let (id, kind) = (row.id, row.kind()?);
        let entry = ctx.entry(call.action(), Outcome::Allow).resource("oauth_client", id.into_bytes());
        if row.state == client_state::DISABLED {
            return Done::audited((), entry.reason("repeated"));
        }
        let state = Change::State(client_state::DISABLED);
        let version = queries::change(tx, &ctx.keys, row, state, ctx.now()).await?;
        queries::end_sessions(tx, id, ctx.now()).await?;
        if kind == ClientKind::Machine
            && let Some(account) = record::locked(tx, &ctx.keys, id).await?
        {
            let mut account = account.into_inner();
            account_state::DISABLED.clone_into(&mut account.state);
            account.save(tx, &ctx.keys, ctx.now()).await?;
        }
        Done::audited((), entry.row_version(version))
    })
    .await?;
    Ok(HttpResponse::NoContent().finish())
}

#[cfg(test)]
mod tests {
    use super::is_redirect;

    #[test]
    fn where_a_code_may_be_sent() {
        for taken in ["https://app.example/callback", "https://app.example", "com.example.app:/callback"] {
            assert!(is_redirect(taken), "{taken}");
        }
        for refused in [
            "",
            "http://app.example/callback",
            "https:app.example",
            "https:///callback",
            "https://app.example@evil.example/",
            "https://app.example/#here",
            "https://app.example\\@evil.example/",
            "https://app.example/a b",
            "javascript:alert(1)",
            "data:text/html,x",
            "app:/callback",
            "com.example.app:callback",
            "https://app.example/\u{e9}",
        ] {
            assert!(!is_redirect(refused), "{refused}");
        }
    }
}
