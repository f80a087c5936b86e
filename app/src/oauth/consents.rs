//! What people let in: which of their sessions is an application's, and what it may do in their name there.

use std::collections::HashMap;

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde::Serialize;
use tenancy::TenantTx;
use utoipa::ToSchema;
use uuid::Uuid;

use super::tables::oauth_code;
use super::{queries, refresh};
use crate::access::Scope;
use crate::auth::tables::session;
use crate::ctx::{Actor, Ctx};
use crate::store::StoreError;

/// An application that somebody let in.
#[derive(Serialize, ToSchema)]
pub struct ApplicationView {
    /// Its id, which is its `client_id`.
    id: String,
    /// What it is called.
    name: String,
    /// What it may do in the person's name: the names of actions.
    scope: Vec<&'static str>,
}

/// The applications of these sessions, each a session and its client, by session. It may do what was agreed to, as far as the
/// clinic allows the application and the person that today.
///
/// # Errors
/// [`StoreError::Open`] when a row is not what was stored, otherwise what the database or the key store says.
pub async fn of_sessions(
    ctx: &Ctx,
    tx: &mut TenantTx,
    actor: Actor,
    sessions: &[(Uuid, Uuid)],
) -> Result<HashMap<Uuid, ApplicationView>, StoreError> {
    let mut found = HashMap::with_capacity(sessions.len());
    for (session, client) in sessions {
        let Some(client) = queries::find(tx, &ctx.keys, *client).await? else { continue };
        let granted = refresh::granted(ctx, tx, *session).await?;
        let granted = granted.and_then(|grant| Scope::parse(&grant.scope)).unwrap_or_default();
        let scope = granted
            .and(&client.settings.scope())
            .where_allowed(|action| (ctx.policy.may)(actor.role, action));
        let view = ApplicationView {
            id: client.id.to_string(),
            name: client.settings.name,
            scope: scope.names().collect(),
        };
        found.insert(*session, view);
    }
    Ok(found)
}

/// Takes back the codes that somebody gave an application and that it has not used: ending it is not followed by a new beginning.
///
/// # Errors
/// What the database says.
pub async fn take_back_codes(tx: &mut TenantTx, (account, client): (Uuid, Uuid)) -> Result<(), StoreError> {
    let own = session::table.filter(session::account_id.eq(account)).select(session::id);
    let unused = oauth_code::table
        .filter(oauth_code::client_id.eq(client))
        .filter(oauth_code::used_at.is_null())
        .filter(oauth_code::session_id.eq_any(own));
    diesel::delete(unused).execute(tx.conn()).await?;
    Ok(())
}
