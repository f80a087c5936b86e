//! What can go wrong in the control plane, in its own words: nothing here knows of HTTP or of an exit code.

use diesel::result::{DatabaseErrorKind, Error as DieselError};

use super::rules::{Command, Lifecycle};

/// A refusal or a failure of a control plane function.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// There is no such thing, or no longer.
    #[error("there is no such {0}")]
    NotFound(&'static str),
    /// The thing is already there.
    #[error("that {0} exists already")]
    Exists(&'static str),
    /// The slug is held, was held until recently, or looks like one that is.
    #[error("that slug is taken, is in quarantine, or looks like one that is taken")]
    SlugTaken,
    /// The lifecycle has no such move.
    #[error("a tenant in state {from} cannot {command}")]
    Illegal {
        /// The state it is in.
        from: Lifecycle,
        /// What was asked.
        command: Command,
    },
    /// A step was reported out of order.
    #[error("that step's turn has not come")]
    OutOfOrder,
    /// Somebody else changed it since the caller read it.
    #[error("it was changed since it was read")]
    Stale,
    /// The same idempotency key came with another request.
    #[error("that idempotency key was used for another request")]
    KeyReused,
    /// No shard of the region takes another tenant.
    #[error("no open shard of that region has room; add one")]
    NoCapacity,
    /// There are as many as there may be.
    #[error("there are too many {0}; wait until some are over")]
    TooMany(&'static str),
    /// The clinic has not approved the grant, or it is over.
    #[error("the clinic has not approved this grant, or it is over")]
    NotGranted,
    /// A passkey does not sign in; callers are not told why.
    #[error("the passkey was refused")]
    PasskeyRefused,
    /// A new passkey does not fit its ceremony, or is known already.
    #[error("the passkey was not added")]
    PasskeyNotAdded,
    /// The account has as many passkeys as it may.
    #[error("the account has as many passkeys as it may")]
    TooManyPasskeys,
    /// Without this passkey its owner could not sign in any more.
    #[error("this is the account's only passkey")]
    LastPasskey,
    /// The link is unknown, used, replaced or too old.
    #[error("the enrolment link is not valid any more")]
    EnrolmentInvalid,
    /// A value breaks a rule.
    #[error("{field}: {code}")]
    Invalid {
        /// The field as callers name it.
        field: &'static str,
        /// The rule as a code.
        code: &'static str,
    },
    /// The control database gave no connection in time.
    #[error("the control database is not reachable")]
    Unavailable,
    /// A stored value is not what this version writes.
    #[error("a stored {0} is not valid")]
    Stored(&'static str),
    /// The log does not continue the chain this process verified.
    #[error("the directory log was altered at version {0}")]
    Tampered(u64),
    /// The directory's own rules refuse the entry.
    #[error("the directory refuses the change: {0}")]
    Rule(#[from] regions::directory::RuleError),
    /// The database refused or failed.
    #[error("the control database failed")]
    Db(#[source] DieselError),
}

impl From<DieselError> for ControlError {
    fn from(error: DieselError) -> Self {
        match error {
            DieselError::NotFound => Self::NotFound("row"),
            DieselError::DatabaseError(DatabaseErrorKind::ClosedConnection, _)
            | DieselError::BrokenTransactionManager => Self::Unavailable,
            other => Self::Db(other),
        }
    }
}

impl ControlError {
    /// True when the database refused a row because one like it is there.
    #[must_use]
    pub fn is_duplicate(&self) -> bool {
        matches!(self, Self::Db(DieselError::DatabaseError(DatabaseErrorKind::UniqueViolation, _)))
    }

    /// Turns a duplicate into `other`; every other error stays.
    #[must_use]
    pub fn when_duplicate(self, other: Self) -> Self {
        if self.is_duplicate() { other } else { self }
    }
}
