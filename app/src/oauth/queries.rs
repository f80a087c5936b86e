//! What is read and written of programs and of the sessions that their tokens hang on.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use tenancy::TenantTx;
use tenancy::keys::Keys;
use tenancy::sealed::{RowMac, SealedRow as _, Verified};
use uuid::Uuid;

use super::model::{Client, ClientId, ClientKind, ClientRow, Settings, client_state};
use super::tables::{oauth_assertion, oauth_client};
use crate::auth::factor::ProvenFactor;
use crate::auth::tables::session;
use crate::registry;
use crate::store::{self, StoreError};

/// Most programs of a clinic, disabled ones included.
pub const CLIENTS_MAX: i64 = 100;

/// The clinic's programs, in the order of their ids.
///
/// # Errors
/// [`StoreError::Open`] when a row is not what was stored, otherwise what the database or the key store says.
pub async fn all(tx: &mut TenantTx, keys: &Keys) -> Result<Vec<(Client, DateTime<Utc>)>, StoreError> {
    let rows: Vec<(ClientRow, DateTime<Utc>)> = oauth_client::table
        .order(oauth_client::id)
        .limit(CLIENTS_MAX)
        .select((ClientRow::as_select(), oauth_client::created_at))
        .load(tx.conn())
        .await?;
    let mut clients = Vec::with_capacity(rows.len());
    for (row, created_at) in rows {
        clients.push((opened(tx, keys, row).await?, created_at));
    }
    Ok(clients)
}

/// One program, checked and opened.
///
/// # Errors
/// As [`all`].
pub async fn find(tx: &mut TenantTx, keys: &Keys, id: Uuid) -> Result<Option<Client>, StoreError> {
    let row = oauth_client::table.find(id).select(ClientRow::as_select());
    match row.first(tx.conn()).await.optional()? {
        Some(row) => opened(tx, keys, row).await.map(Some),
        None => Ok(None),
    }
}

/// One program, as [`all`] lists it.
///
/// # Errors
/// As [`all`].
pub async fn listed(
    tx: &mut TenantTx,
    keys: &Keys,
    id: Uuid,
) -> Result<Option<(Client, DateTime<Utc>)>, StoreError> {
    let row = oauth_client::table.find(id).select((ClientRow::as_select(), oauth_client::created_at));
    let found: Option<(ClientRow, DateTime<Utc>)> = row.first(tx.conn()).await.optional()?;
    let Some((row, created_at)) = found else { return Ok(None) };
    Ok(Some((opened(tx, keys, row).await?, created_at)))
}

/// One program's row, checked, and nobody else's to change until the transaction ends.
///
/// # Errors
/// As [`all`].
pub async fn locked(
    tx: &mut TenantTx,
    keys: &Keys,
    id: Uuid,
) -> Result<Option<Verified<ClientRow>>, StoreError> {
    let row = oauth_client::table.find(id).select(ClientRow::as_select()).for_update();
    let Some(row) = row.first(tx.conn()).await.optional()? else { return Ok(None) };
    Ok(Some(keys.row_macs(tx.tenant()).await?.verify(row)?))
}

/// What is sealed of a row that was checked.
///
/// # Errors
/// As [`all`].
pub async fn settings(tx: &TenantTx, keys: &Keys, row: &Verified<ClientRow>) -> Result<Settings, StoreError> {
    let sealer = keys.tenant_sealer(tx.tenant()).await?;
    store::open(&sealer, registry::OAUTH_CLIENT_SETTINGS, row.id.into_bytes(), &row.settings_sealed)
}

async fn opened(tx: &TenantTx, keys: &Keys, row: ClientRow) -> Result<Client, StoreError> {
    let row = keys.row_macs(tx.tenant()).await?.verify(row)?;
    let settings = settings(tx, keys, &row).await?;
    let active = row.state == client_state::ACTIVE;
    Ok(Client { id: ClientId::from(row.id), kind: row.kind()?, active, version: row.version, settings })
}

/// Stores a new program.
///
/// # Errors
/// As [`all`].
pub async fn insert(
    tx: &mut TenantTx,
    keys: &Keys,
    (id, kind, settings): (Uuid, ClientKind, &Settings),
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let sealer = keys.tenant_sealer(tx.tenant()).await?;
    let settings_sealed = store::seal(&sealer, registry::OAUTH_CLIENT_SETTINGS, id.into_bytes(), settings)?;
    let mut row = ClientRow {
        id,
        kind: kind.as_str().to_owned(),
        state: client_state::ACTIVE.to_owned(),
        settings_sealed,
        version: 1,
        row_mac: RowMac::from(Vec::new()),
    };
    row.row_mac = keys.row_macs(tx.tenant()).await?.mac(&row.facts())?;
    let tenant_id = tx.tenant().as_uuid();
    let times = (oauth_client::created_at.eq(now), oauth_client::updated_at.eq(now));
    diesel::insert_into(oauth_client::table)
        .values((row, oauth_client::tenant_id.eq(tenant_id), times))
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// What of a program is changed.
pub enum Change<'a> {
    /// Its keys or anything else that is sealed.
    Settings(&'a Settings),
    /// Its state.
    State(&'static str),
}

/// Stores a changed program as its next version; says which.
///
/// # Errors
/// As [`all`].
pub async fn change(
    tx: &mut TenantTx,
    keys: &Keys,
    row: Verified<ClientRow>,
    change: Change<'_>,
    now: DateTime<Utc>,
) -> Result<i64, StoreError> {
    let mut row = row.into_inner();
    match change {
        Change::Settings(settings) => {
            let sealer = keys.tenant_sealer(tx.tenant()).await?;
            let column = registry::OAUTH_CLIENT_SETTINGS;
            row.settings_sealed = store::seal(&sealer, column, row.id.into_bytes(), settings)?;
        }
        Change::State(state) => state.clone_into(&mut row.state),
    }
    row.version = row.version.saturating_add(1);
    row.row_mac = keys.row_macs(tx.tenant()).await?.mac(&row.facts())?;
    diesel::update(oauth_client::table.find(row.id))
        .set((
            oauth_client::state.eq(&row.state),
            oauth_client::settings_sealed.eq(&row.settings_sealed),
            oauth_client::version.eq(row.version),
            oauth_client::row_mac.eq(&row.row_mac),
            oauth_client::updated_at.eq(now),
        ))
        .execute(tx.conn())
        .await?;
    Ok(row.version)
}

/// Ends every session that a client's tokens hang on.
///
/// # Errors
/// What the database says.
pub async fn end_sessions(tx: &mut TenantTx, client: Uuid, now: DateTime<Utc>) -> Result<(), StoreError> {
    diesel::update(session::table.filter(session::client_id.eq(client)))
        .filter(session::revoked_at.is_null())
        .set(session::revoked_at.eq(now))
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// Notes that an assertion was used; false when it was before. Those that would be too old by now are forgotten.
///
/// # Errors
/// What the database says.
pub async fn use_assertion(
    tx: &mut TenantTx,
    (client, jti_hash): (Uuid, &[u8; 32]),
    until: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let tenant_id = tx.tenant().as_uuid();
    let over = oauth_assertion::client_id.eq(client).and(oauth_assertion::expires_at.lt(now));
    diesel::delete(oauth_assertion::table.filter(over)).execute(tx.conn()).await?;
    let added = diesel::insert_into(oauth_assertion::table)
        .values((
            oauth_assertion::client_id.eq(client),
            oauth_assertion::jti_hash.eq(jti_hash.as_slice()),
            oauth_assertion::tenant_id.eq(tenant_id),
            oauth_assertion::expires_at.eq(until),
        ))
        .on_conflict_do_nothing()
        .execute(tx.conn())
        .await?;
    Ok(added == 1)
}

/// A session that tokens hang on.
pub struct NewClientSession {
    /// Id.
    pub id: Uuid,
    /// The client its tokens are given to.
    pub client: Uuid,
    /// Whose it is.
    pub account: Uuid,
    /// Now.
    pub now: DateTime<Utc>,
    /// When it ends without a request.
    pub idle_until: DateTime<Utc>,
    /// When it ends whatever happens.
    pub until: DateTime<Utc>,
    /// What it has proven.
    pub factor: ProvenFactor,
}

impl NewClientSession {
    /// Stores it, with the hashes of a cookie that nobody was given.
    ///
    /// # Errors
    /// What the database says.
    pub async fn insert(self, tx: &mut TenantTx) -> Result<(), StoreError> {
        let tenant_id = tx.tenant().as_uuid();
        diesel::insert_into(session::table)
            .values((
                session::id.eq(self.id),
                session::tenant_id.eq(tenant_id),
                session::token_hash.eq(regions::random::bytes::<32>().to_vec()),
                session::csrf_hash.eq(regions::random::bytes::<32>().to_vec()),
                session::account_id.eq(self.account),
                session::client_id.eq(self.client),
                session::created_at.eq(self.now),
                session::last_seen_at.eq(self.now),
                session::idle_expires_at.eq(self.idle_until),
                session::absolute_expires_at.eq(self.until),
                session::factor.eq(self.factor.kind.as_str()),
                session::factor_at.eq(self.factor.at),
            ))
            .execute(tx.conn())
            .await?;
        Ok(())
    }
}
