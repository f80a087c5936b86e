//! Telling an account's owner by mail, and at their telephone if they have one, that something about their sign-in changed, in the
//! transaction that changes it.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use tenancy::{JobPayload, TenantTx};
use uuid::Uuid;

use super::invite::new_id;
use super::phone;
use super::tables::notice;
use crate::jobs::{SEND_NOTICE, SEND_TEXT};
use crate::store::StoreError;

/// What an owner is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoticeKind {
    /// Time-based codes were enrolled.
    TotpEnrolled,
    /// New recovery codes were made; the old ones are void.
    RecoveryRenewed,
    /// A recovery code was used to sign in.
    RecoveryUsed,
    /// Somebody asked to take the account's factors; a second person has to agree.
    ResetAsked,
    /// The account's factors were taken.
    FactorsReset,
    /// A passkey was added.
    PasskeyAdded,
    /// A passkey was removed.
    PasskeyRemoved,
    /// The password was changed by its owner, in a session or by a recovery link.
    PasswordChanged,
    /// The account has another address, which this is told to; the old one has a letter of its own.
    EmailChanged,
    /// The account has another telephone, or its first.
    PhoneSet,
    /// The account has no telephone any more.
    PhoneRemoved,
    /// Somebody asked for a link to set a new password; the mail with the link is a letter of its own.
    RecoveryAsked,
    /// An administrator gave the account another role.
    RoleChanged,
    /// A patient can sign in and see the own record.
    RecordOpened,
    /// Somebody can sign in and stand in for a patient.
    ProxyOpened,
    /// Somebody can stand in for the patient whose account it is.
    ProxyRecorded,
    /// A refresh token of an application was used twice; its session ended.
    RefreshReused,
}

impl NoticeKind {
    const ALL: [NoticeKind; 17] = [
        NoticeKind::TotpEnrolled,
        NoticeKind::RecoveryRenewed,
        NoticeKind::RecoveryUsed,
        NoticeKind::ResetAsked,
        NoticeKind::FactorsReset,
        NoticeKind::PasskeyAdded,
        NoticeKind::PasskeyRemoved,
        NoticeKind::PasswordChanged,
        NoticeKind::EmailChanged,
        NoticeKind::PhoneSet,
        NoticeKind::PhoneRemoved,
        NoticeKind::RecoveryAsked,
        NoticeKind::RoleChanged,
        NoticeKind::RecordOpened,
        NoticeKind::ProxyOpened,
        NoticeKind::ProxyRecorded,
        NoticeKind::RefreshReused,
    ];

    /// The stored word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            NoticeKind::TotpEnrolled => "totp_enrolled",
            NoticeKind::RecoveryRenewed => "recovery_renewed",
            NoticeKind::RecoveryUsed => "recovery_used",
            NoticeKind::ResetAsked => "reset_asked",
            NoticeKind::FactorsReset => "factors_reset",
            NoticeKind::PasskeyAdded => "passkey_added",
            NoticeKind::PasskeyRemoved => "passkey_removed",
            NoticeKind::PasswordChanged => "password_changed",
            NoticeKind::EmailChanged => "email_changed",
            NoticeKind::PhoneSet => "phone_set",
            NoticeKind::PhoneRemoved => "phone_removed",
            NoticeKind::RecoveryAsked => "recovery_asked",
            NoticeKind::RoleChanged => "role_changed",
            NoticeKind::RecordOpened => "record_opened",
            NoticeKind::ProxyOpened => "proxy_opened",
            NoticeKind::ProxyRecorded => "proxy_recorded",
            NoticeKind::RefreshReused => "refresh_reused",
        }
    }

    /// The kind with this stored word.
    #[must_use]
    pub fn parse(word: &str) -> Option<NoticeKind> {
        NoticeKind::ALL.into_iter().find(|kind| kind.as_str() == word)
    }

    /// What the mail says happened.
    #[must_use]
    pub const fn sentence(self) -> &'static str {
        match self {
            NoticeKind::TotpEnrolled => "An authenticator app was set up for your account.",
            NoticeKind::RecoveryRenewed => {
                "New recovery codes were made for your account; the old ones are void."
            }
            NoticeKind::RecoveryUsed => "One of your recovery codes was used to sign in.",
            NoticeKind::ResetAsked => {
                "Somebody in your clinic asked to take your second factors away. A second person has to agree."
            }
            NoticeKind::FactorsReset => {
                "Your second factors were taken away and your sessions ended. Sign in and set up new ones."
            }
            NoticeKind::PasskeyAdded => "A passkey was added to your account.",
            NoticeKind::PasskeyRemoved => "A passkey was removed from your account.",
            NoticeKind::EmailChanged => {
                "You sign in with this e-mail address from now on. Your other sessions ended, and the address before was told."
            }
            NoticeKind::PhoneSet => {
                "Your account has another telephone, at which you are told of changes about your sign-in. If there was one before, it was told."
            }
            NoticeKind::PhoneRemoved => {
                "Your account has no telephone any more. You are told of changes about your sign-in by mail only."
            }
            NoticeKind::RecoveryAsked => "Somebody asked to set a new password for your account.",
            NoticeKind::RoleChanged => {
                "An administrator of your clinic gave you another role. What you can see and do changed with it."
            }
            NoticeKind::RecordOpened => {
                "Your clinic lets you see your own record. Sign in with this e-mail address; a code is sent to it each time."
            }
            NoticeKind::ProxyOpened => {
                "Your clinic lets you stand in for one of its patients. Sign in with this e-mail address at the patients' pages; a code is sent to it each time, and a second step is asked for."
            }
            NoticeKind::ProxyRecorded => {
                "Your clinic wrote down that somebody stands in for you and sees your record. You see who it is in your own record, and can end it there."
            }
            NoticeKind::RefreshReused => {
                "An application's access in your name was used from two places. It was ended; sign in to the application again."
            }
            NoticeKind::PasswordChanged => {
                "Your password was changed. Your other sessions ended, and no device is known any more."
            }
        }
    }

    /// What goes to the account's telephone besides; `None` for what a mail is enough for. A carrier reads it, and whoever sees a
    /// locked screen: it names no person and no clinic. Only ASCII, so that one message holds it.
    #[must_use]
    pub const fn text(self) -> Option<&'static str> {
        match self {
            NoticeKind::RecoveryRenewed => Some("New recovery codes were made"),
            NoticeKind::RecoveryUsed => Some("A recovery code was used"),
            NoticeKind::ResetAsked => Some("Somebody asked to take your second step away"),
            NoticeKind::FactorsReset => Some("Your second step was taken away"),
            NoticeKind::RecoveryAsked => Some("Somebody asked to set a new password"),
            NoticeKind::PasswordChanged => Some("Your password was changed"),
            NoticeKind::EmailChanged => Some("Your e-mail address was changed"),
            NoticeKind::PhoneSet => Some("You are told here of changes from now on"),
            NoticeKind::TotpEnrolled
            | NoticeKind::PasskeyAdded
            | NoticeKind::PasskeyRemoved
            // There is no telephone to tell; the old one has a message of its own.
            | NoticeKind::PhoneRemoved
            | NoticeKind::RoleChanged
            | NoticeKind::RecordOpened
            | NoticeKind::ProxyOpened
            | NoticeKind::ProxyRecorded
            | NoticeKind::RefreshReused => None,
        }
    }
}

/// Writes a notice and enqueues its mail, and its text if it has one and the account a telephone.
///
/// # Errors
/// When the database does not answer.
pub async fn enqueue(
    tx: &mut TenantTx,
    account_id: Uuid,
    kind: NoticeKind,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let id = keep(tx, (account_id, kind), (now, None)).await?;
    tx.enqueue(SEND_NOTICE, JobPayload::new(tx.tenant()).id("notice", id), None).await?;
    if kind.text().is_some() && phone::has(tx, account_id).await? {
        tx.enqueue(SEND_TEXT, JobPayload::new(tx.tenant()).id("notice", id), None).await?;
    }
    Ok(())
}

/// Tells an owner at the telephone only, because a letter of its own says it by mail. Nothing for an account that has none.
///
/// # Errors
/// When the database does not answer.
pub async fn enqueue_text(
    tx: &mut TenantTx,
    account_id: Uuid,
    kind: NoticeKind,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    if !phone::has(tx, account_id).await? {
        return Ok(());
    }
    let id = keep(tx, (account_id, kind), (now, Some(now))).await?;
    tx.enqueue(SEND_TEXT, JobPayload::new(tx.tenant()).id("notice", id), None).await?;
    Ok(())
}

async fn keep(
    tx: &mut TenantTx,
    (account_id, kind): (Uuid, NoticeKind),
    (now, sent_at): (DateTime<Utc>, Option<DateTime<Utc>>),
) -> Result<Uuid, StoreError> {
    let (id, tenant_id) = (new_id(), tx.tenant().as_uuid());
    diesel::insert_into(notice::table)
        .values((
            notice::id.eq(id),
            notice::tenant_id.eq(tenant_id),
            notice::account_id.eq(account_id),
            notice::kind.eq(kind.as_str()),
            notice::created_at.eq(now),
            notice::sent_at.eq(sent_at),
        ))
        .execute(tx.conn())
        .await?;
    Ok(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_is_known_by_its_word_and_its_text_fits_one_message() {
        for kind in NoticeKind::ALL {
            assert_eq!(NoticeKind::parse(kind.as_str()), Some(kind));
            let Some(text) = kind.text() else { continue };
            assert!(text.is_ascii() && text.len() <= 44, "{text}");
        }
    }
}
