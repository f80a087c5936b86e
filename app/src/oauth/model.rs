//! What a program is: its id, its kind, what is sealed of it, and the row it is kept in.

use diesel::prelude::*;
use serde::{Deserialize, Serialize};
use tenancy::sealed::{RowFacts, RowMac, Sealed, SealedRow};
use utoipa::ToSchema;
use uuid::Uuid;

use super::jwk::Jwk;
use super::tables::oauth_client;
use crate::access::Scope;
use crate::opaque_id::opaque_id;
use crate::registry;
use crate::store::StoreError;

/// States of a client, as stored.
pub mod client_state {
    /// Its tokens count.
    pub const ACTIVE: &str = "active";
    /// Its tokens ended and it gets no more.
    pub const DISABLED: &str = "disabled";
}

opaque_id!(
    /// A client's id in the API: `cli_` and 26 characters.
    ClientId,
    "cli_"
);

/// How a client acts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ClientKind {
    /// For itself, as another organisation's program, proving who it is with a key.
    Machine,
    /// For whoever signs in with it. It can keep no secret.
    Mobile,
}

impl ClientKind {
    /// The stored name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            ClientKind::Machine => "machine",
            ClientKind::Mobile => "mobile",
        }
    }

    /// The kind with this stored name.
    #[must_use]
    pub fn parse(name: &str) -> Option<ClientKind> {
        [ClientKind::Machine, ClientKind::Mobile].into_iter().find(|kind| kind.as_str() == name)
    }
}

/// What is sealed of a client.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// What it is called.
    pub name: String,
    /// Names of the actions it may ask for.
    pub scopes: Vec<String>,
    /// Public keys of a program.
    pub keys: Vec<Jwk>,
    /// Where people who signed in are sent back to.
    pub redirect_uris: Vec<String>,
}

impl Settings {
    /// The actions it may ask for. A name that means nothing in this version is left out.
    #[must_use]
    pub fn scope(&self) -> Scope {
        let known = |name: &&str| Scope::of([*name]).is_some();
        Scope::of(self.scopes.iter().map(String::as_str).filter(known)).unwrap_or_default()
    }
}

/// A client's row, as it is written and read.
#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = oauth_client, treat_none_as_default_value = false)]
pub struct ClientRow {
    /// Id; with a program its account's too.
    pub id: Uuid,
    /// [`ClientKind`], as stored.
    pub kind: String,
    /// State, as stored.
    pub state: String,
    /// [`Settings`], sealed under the clinic's key.
    pub settings_sealed: Sealed,
    /// Counts the changes, from 1.
    pub version: i64,
    /// What ties all of the above together.
    pub row_mac: RowMac,
}

impl SealedRow for ClientRow {
    fn facts(&self) -> RowFacts<'_> {
        let id = self.id.into_bytes();
        RowFacts::new(registry::OAUTH_CLIENT_SETTINGS.table(), id, id, self.version)
            .sealed(registry::OAUTH_CLIENT_SETTINGS, Some(&self.settings_sealed))
            .bytes(registry::OAUTH_CLIENT_KIND, Some(self.kind.as_bytes()))
            .bytes(registry::OAUTH_CLIENT_STATE, Some(self.state.as_bytes()))
    }

    fn row_mac(&self) -> &RowMac {
        &self.row_mac
    }
}

/// A client whose row was checked and opened.
pub struct Client {
    /// Its id.
    pub id: ClientId,
    /// How it acts.
    pub kind: ClientKind,
    /// Whether its tokens count.
    pub active: bool,
    /// Counts the changes, from 1.
    pub version: i64,
    /// The rest.
    pub settings: Settings,
}

impl ClientRow {
    /// The kind that is stored.
    ///
    /// # Errors
    /// [`StoreError::Shape`] when it is none.
    pub fn kind(&self) -> Result<ClientKind, StoreError> {
        ClientKind::parse(&self.kind).ok_or(StoreError::Shape)
    }
}
