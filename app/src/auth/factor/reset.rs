//! Taking a colleague's lost factors, so that they enrol new ones: who may, who must agree, and that its owner is told.

use chrono::{DateTime, Duration, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use tenancy::TenantTx;
use tenancy::keys::Keys;
use uuid::Uuid;

use super::queries;
use crate::access::Role;
use crate::auth::notice::{self, NoticeKind};
use crate::auth::tables::account;
use crate::store::StoreError;

/// Seconds within which the second person must agree.
pub const AGREEMENT_MAX_S: i64 = 24 * 3_600;

/// What became of a request to take somebody's factors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reset {
    /// There is no such account, or it has never been in use.
    Absent,
    /// The account is the caller's own.
    Own,
    /// It waits for a second person.
    Asked,
    /// It is done.
    Done,
}

/// Whether a second person must agree: for those who can do it to others.
#[must_use]
pub const fn needs_second_person(role: Role) -> bool {
    match role {
        Role::ClinicAdmin | Role::PrivacyOfficer => true,
        Role::Physician
        | Role::Nurse
        | Role::Receptionist
        | Role::LabTechnician
        | Role::Billing
        | Role::Patient
        | Role::Proxy
        | Role::MachineClient => false,
    }
}

/// Whether this call is the second person's agreement.
#[must_use]
pub fn agrees(asked: Option<(Uuid, DateTime<Utc>)>, caller: Uuid, now: DateTime<Utc>) -> bool {
    asked.is_some_and(|(by, at)| by != caller && now - at <= Duration::seconds(AGREEMENT_MAX_S))
}

/// Takes an account's factors and tells its owner, or notes who asked for it.
///
/// # Errors
/// When the database does not answer.
pub async fn run(
    tx: &mut TenantTx,
    keys: &Keys,
    target: Uuid,
    caller: Uuid,
    now: DateTime<Utc>,
) -> Result<Reset, StoreError> {
    type Row = (String, Option<Uuid>, Option<DateTime<Utc>>);
    if target == caller {
        return Ok(Reset::Own);
    }
    let found: Option<Row> = account::table
        .find(target)
        .select((account::role, account::reset_asked_by, account::reset_asked_at))
        .for_update()
        .first(tx.conn())
        .await
        .optional()?;
    let Some((role, asked_by, asked_at)) = found else { return Ok(Reset::Absent) };
    let role = Role::parse(&role).ok_or(StoreError::Shape)?;
    if needs_second_person(role) && !agrees(asked_by.zip(asked_at), caller, now) {
        diesel::update(account::table.find(target))
            .set((account::reset_asked_by.eq(caller), account::reset_asked_at.eq(now)))
            .execute(tx.conn())
            .await?;
        notice::enqueue(tx, target, NoticeKind::ResetAsked, now).await?;
        return Ok(Reset::Asked);
    }
    queries::take_all(tx, keys, target, now).await?;
    notice::enqueue(tx, target, NoticeKind::FactorsReset, now).await?;
    Ok(Reset::Done)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_person_is_another_one_and_comes_within_a_day() {
        let now = DateTime::<Utc>::from_timestamp(1_800_000_000, 0).unwrap();
        let (one, other) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let asked = |seconds: i64| Some((one, now - Duration::seconds(seconds)));
        assert!(!agrees(None, other, now));
        assert!(!agrees(asked(1), one, now));
        assert!(agrees(asked(1), other, now));
        assert!(agrees(asked(AGREEMENT_MAX_S), other, now));
        assert!(!agrees(asked(AGREEMENT_MAX_S + 1), other, now));
    }
}
