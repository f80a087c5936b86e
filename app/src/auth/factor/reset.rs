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
    /// There is no such account.
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

/// Whether this role was given so lately, in place of one that needs a second person, that it still does: otherwise one
/// administrator would give another one a lesser role, take the factors, and give the role back.
#[must_use]
pub fn was_lately_given(asked: Option<(Uuid, DateTime<Utc>)>, now: DateTime<Utc>) -> bool {
    asked.is_some_and(|(_, at)| now - at <= Duration::seconds(AGREEMENT_MAX_S))
}

/// Notes who gave somebody another role, when a second person would have had to agree to take that somebody's factors before and
/// would not now. It counts as this person's request: whoever agrees is another one.
///
/// # Errors
/// When the database does not answer.
pub async fn note_role(
    tx: &mut TenantTx,
    (target, by): (Uuid, Uuid),
    (before, after): (Role, Role),
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    if needs_second_person(before) && !needs_second_person(after) {
        note(tx, (target, by), now).await?;
    }
    Ok(())
}

async fn note(tx: &mut TenantTx, (target, by): (Uuid, Uuid), now: DateTime<Utc>) -> Result<(), StoreError> {
    diesel::update(account::table.find(target))
        .set((account::reset_asked_by.eq(by), account::reset_asked_at.eq(now)))
        .execute(tx.conn())
        .await?;
    Ok(())
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
    let asked = asked_by.zip(asked_at);
    let needs_another = needs_second_person(role) || was_lately_given(asked, now);
    if needs_another && !agrees(asked, caller, now) {
        note(tx, (target, caller), now).await?;
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
        // For as long as somebody can agree, nobody does it alone.
        assert!(was_lately_given(asked(AGREEMENT_MAX_S), now) && !was_lately_given(None, now));
        assert!(!was_lately_given(asked(AGREEMENT_MAX_S + 1), now));
    }
}
