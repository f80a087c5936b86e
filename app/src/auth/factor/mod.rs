//! Second factors: what proves, beside the password, that somebody is who they say.

pub mod api;
pub mod queries;
pub mod recovery;
pub mod reset;
pub mod totp;

use chrono::{DateTime, Utc};

/// A kind of second factor, as stored with the session that proved it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FactorKind {
    /// A time-based code (RFC 6238).
    Totp,
    /// One of ten codes on paper.
    RecoveryCode,
    /// A passkey (Web Authentication).
    Passkey,
    /// A code by mail, with which a patient signs in. It proves who reads the mail and no more: it is not enough where a
    /// fresh factor is asked for.
    MailCode,
    /// A program's own key, with which it asked for its token. Nobody stands behind it: it is not enough where a fresh factor is
    /// asked for.
    ClientKey,
}

impl FactorKind {
    const ALL: [FactorKind; 5] = [
        FactorKind::Totp,
        FactorKind::RecoveryCode,
        FactorKind::Passkey,
        FactorKind::MailCode,
        FactorKind::ClientKey,
    ];

    /// The stored word; also the reason in the audit log.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            FactorKind::Totp => "totp",
            FactorKind::RecoveryCode => "recovery_code",
            FactorKind::Passkey => "passkey",
            FactorKind::MailCode => "mail_code",
            FactorKind::ClientKey => "client_key",
        }
    }

    /// Whether it can be enough where a fresh factor is asked for.
    #[must_use]
    pub const fn steps_up(self) -> bool {
        match self {
            FactorKind::Totp | FactorKind::RecoveryCode | FactorKind::Passkey => true,
            FactorKind::MailCode | FactorKind::ClientKey => false,
        }
    }

    /// The kind with this stored word.
    #[must_use]
    pub fn parse(word: &str) -> Option<FactorKind> {
        FactorKind::ALL.into_iter().find(|kind| kind.as_str() == word)
    }
}

/// A factor that a session has proven.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProvenFactor {
    /// Which.
    pub kind: FactorKind,
    /// When, last.
    pub at: DateTime<Utc>,
}
