//! An account's row with the MAC that ties it together, and the one way to change it.
//!
//! The MAC covers the log-in's tags, the sealed address and name, the password's hash, the role, the state and the version: a
//! row that somebody wrote past this code signs nobody in. Counters of failures are outside, because they change at each try.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use tenancy::TenantTx;
use tenancy::keys::Keys;
use tenancy::sealed::{RowFacts, RowMac, RowMacs, Sealed, SealedRow, Verified};
use uuid::Uuid;

use super::tables::account;
use crate::access::Role;
use crate::registry;
use crate::relationships::tables::account_site;
use crate::sites::queries as sites;
use crate::store::StoreError;

/// What of an account its MAC covers.
#[derive(Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = account, treat_none_as_null = true, treat_none_as_default_value = false)]
pub struct AccountRow {
    /// Id.
    pub id: Uuid,
    /// Tag of the e-mail address under a key of an odd version.
    pub login_tag: Option<Vec<u8>>,
    /// Under a key of an even version.
    pub login_tag_even: Option<Vec<u8>>,
    /// Sealed e-mail address.
    #[diesel(column_name = email_sealed)]
    pub email: Sealed,
    /// Sealed name.
    #[diesel(column_name = display_name_sealed)]
    pub display_name: Sealed,
    /// The password's hash; none before the invitation was accepted, and with a patient's account.
    pub password_phc: Option<String>,
    /// Role, as stored.
    pub role: String,
    /// State, as stored.
    pub state: String,
    /// Counts the changes, from 1.
    pub version: i64,
    /// What ties all of the above together.
    pub row_mac: RowMac,
}

impl SealedRow for AccountRow {
    fn facts(&self) -> RowFacts<'_> {
        let id = self.id.into_bytes();
        RowFacts::new(registry::ACCOUNT_EMAIL.table(), id, id, self.version)
            .sealed(registry::ACCOUNT_EMAIL, Some(&self.email))
            .sealed(registry::ACCOUNT_DISPLAY_NAME, Some(&self.display_name))
            .bytes(registry::ACCOUNT_LOGIN_TAG, self.login_tag.as_deref())
            .bytes(registry::ACCOUNT_LOGIN_TAG_EVEN, self.login_tag_even.as_deref())
            .bytes(registry::ACCOUNT_PASSWORD, self.password_phc.as_deref().map(str::as_bytes))
            .bytes(registry::ACCOUNT_ROLE, Some(self.role.as_bytes()))
            .bytes(registry::ACCOUNT_STATE, Some(self.state.as_bytes()))
    }

    fn row_mac(&self) -> &RowMac {
        &self.row_mac
    }
}

impl AccountRow {
    /// The role that is stored.
    ///
    /// # Errors
    /// [`StoreError::Shape`] when it is none.
    pub fn role(&self) -> Result<Role, StoreError> {
        Role::parse(&self.role).ok_or(StoreError::Shape)
    }

    /// Stores a changed row as its next version; says which.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn save(
        mut self,
        tx: &mut TenantTx,
        keys: &Keys,
        now: DateTime<Utc>,
    ) -> Result<i64, StoreError> {
        self.version = self.version.saturating_add(1);
        let (id, version) = (self.id, self.version);
        self.keep(tx, keys).await?;
        diesel::update(account::table.find(id)).set(account::updated_at.eq(now)).execute(tx.conn()).await?;
        Ok(version)
    }

    /// Stores a row whose owner would not call it changed, under a MAC of the active key.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn keep(mut self, tx: &mut TenantTx, keys: &Keys) -> Result<(), StoreError> {
        self.row_mac = keys.row_macs(tx.tenant()).await?.mac(&self.facts())?;
        diesel::update(account::table.find(self.id)).set(self).execute(tx.conn()).await?;
        Ok(())
    }
}

/// One account, checked.
///
/// # Errors
/// [`StoreError::Open`] when the row is not what was stored, otherwise what the database or the key store says.
pub async fn find(
    tx: &mut TenantTx,
    keys: &Keys,
    id: Uuid,
) -> Result<Option<Verified<AccountRow>>, StoreError> {
    let found = account::table.find(id).select(AccountRow::as_select()).first(tx.conn()).await.optional()?;
    verified(tx, keys, found).await
}

/// One account, checked, and nobody else's to change until the transaction ends.
///
/// # Errors
/// As [`find`].
pub async fn locked(
    tx: &mut TenantTx,
    keys: &Keys,
    id: Uuid,
) -> Result<Option<Verified<AccountRow>>, StoreError> {
    let row = account::table.find(id).select(AccountRow::as_select()).for_update();
    let found = row.first(tx.conn()).await.optional()?;
    verified(tx, keys, found).await
}

async fn verified(
    tx: &TenantTx,
    keys: &Keys,
    row: Option<AccountRow>,
) -> Result<Option<Verified<AccountRow>>, StoreError> {
    let Some(row) = row else { return Ok(None) };
    Ok(Some(keys.row_macs(tx.tenant()).await?.verify(row)?))
}

/// A new account.
pub struct NewAccount {
    /// Id.
    pub id: Uuid,
    /// Tag of the e-mail address under a key of an odd version.
    pub login_tag: Option<Vec<u8>>,
    /// Under a key of an even version.
    pub login_tag_even: Option<Vec<u8>>,
    /// Sealed e-mail address.
    pub email: Sealed,
    /// Sealed name.
    pub display_name: Sealed,
    /// Role.
    pub role: Role,
    /// State.
    pub state: &'static str,
    /// Now.
    pub now: DateTime<Utc>,
}

impl NewAccount {
    /// Stores it, at the clinic's first site when it is a staff member's.
    ///
    /// # Errors
    /// When the e-mail address has an account ([`StoreError::is_duplicate`]) or the database does not answer.
    pub async fn insert(self, tx: &mut TenantTx, macs: &RowMacs) -> Result<(), StoreError> {
        let (id, tenant_id, now, works_here) =
            (self.id, tx.tenant().as_uuid(), self.now, self.role.is_staff());
        let mut row = AccountRow {
            id,
            login_tag: self.login_tag,
            login_tag_even: self.login_tag_even,
            email: self.email,
            display_name: self.display_name,
            password_phc: None,
            role: self.role.as_str().to_owned(),
            state: self.state.to_owned(),
            version: 1,
            row_mac: RowMac::from(Vec::new()),
        };
        row.row_mac = macs.mac(&row.facts())?;
        let times = (account::created_at.eq(now), account::updated_at.eq(now));
        diesel::insert_into(account::table)
            .values((row, account::tenant_id.eq(tenant_id), times))
            .execute(tx.conn())
            .await?;
        if works_here {
            // The first open one, until an administrator says where; the clinic's very first has the clinic's own id.
            let site = sites::first_open(tx).await?.unwrap_or(tenant_id);
            diesel::insert_into(account_site::table)
                .values((
                    account_site::account_id.eq(id),
                    account_site::site_id.eq(site),
                    account_site::tenant_id.eq(tenant_id),
                ))
                .execute(tx.conn())
                .await?;
        }
        Ok(())
    }
}
