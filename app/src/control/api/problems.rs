//! The platform API's own problems, in the form that `crate::error` defines, and how control plane errors become them.

use crate::control::error::ControlError;
use crate::control::sessions::SignInError;
use crate::error::{self, AppError, FieldError, Kind};

/// Seconds a caller waits before it signs in again when the password pool is full.
const SIGN_IN_RETRY_S: u32 = 2;

/// The log-in failed; the same for every reason.
pub const SIGN_IN_REFUSED: Kind = Kind {
    status: 401,
    code: "sign_in_failed",
    title: "The login or the password is wrong, or the account waits after too many attempts.",
};
/// Passwords are not taken.
pub const PASSKEY_NEEDED: Kind = Kind {
    status: 403,
    code: "passkey_needed",
    title: "Passwords are not taken here; sign in with a passkey.",
};
/// The passkey does not sign in; the same for every reason.
pub const PASSKEY_REFUSED: Kind = Kind {
    status: 401,
    code: "passkey_refused",
    title: "This passkey does not sign in here, or its answer came too late; begin again.",
};
/// The new passkey was not taken.
pub const PASSKEY_NOT_ADDED: Kind = Kind {
    status: 422,
    code: "passkey_not_added",
    title: "This passkey was not added: its answer does not fit or came too late, or it is known already; begin again.",
};
/// The link is no good.
pub const ENROLMENT_INVALID: Kind = Kind {
    status: 422,
    code: "enrolment_invalid",
    title: "This link was used or replaced, or is too old; ask whoever runs the platform for a new one.",
};
/// The thing is there already.
pub const EXISTS: Kind =
    Kind { status: 409, code: "exists", title: "There is one with this name or number already." };
/// The slug cannot be had.
pub const SLUG_TAKEN: Kind = Kind {
    status: 409,
    code: "slug_taken",
    title: "This slug is taken, is in quarantine, or looks like one that is taken.",
};
/// The lifecycle has no such move.
pub const ILLEGAL_MOVE: Kind =
    Kind { status: 409, code: "illegal_move", title: "A tenant in this state cannot do that." };
/// A step came before its turn.
pub const OUT_OF_ORDER: Kind =
    Kind { status: 409, code: "out_of_order", title: "That step's turn has not come." };
/// The region is full.
pub const NO_CAPACITY: Kind =
    Kind { status: 409, code: "no_capacity", title: "No open shard of this region has room; add one." };
/// There are as many as there may be.
pub const TOO_MANY: Kind = Kind {
    status: 409,
    code: "too_many",
    title: "There are as many of these as there may be; end one, or wait until one is over.",
};
/// The grant opens nothing.
pub const NOT_GRANTED: Kind = Kind {
    status: 409,
    code: "not_granted",
    title: "The clinic has not approved this grant, or it is over; ask for another one.",
};
/// The slug was not repeated.
pub const NOT_CONFIRMED: Kind = Kind {
    status: 422,
    code: "not_confirmed",
    title: "Repeat the tenant's slug in confirm_slug; this cannot be undone.",
};
/// Not the control host.
pub const WRONG_HOST: Kind =
    Kind { status: 421, code: "misdirected", title: "The platform API is on the control host only." };
/// The certificate's process may not ask this.
pub const NOT_YOURS: Kind =
    Kind { status: 403, code: "not_yours", title: "This certificate's process may not ask for that." };
/// The control database is not the one it was.
pub const LOG_ALTERED: Kind = Kind {
    status: 503,
    code: "directory_log_altered",
    title: "The control database does not continue what was verified; nothing is changed until an operator has looked.",
};
/// The caller is too far behind.
pub const TAKE_SNAPSHOT: Kind =
    Kind { status: 410, code: "take_snapshot", title: "Too far behind; take a snapshot." };

/// Every kind of this file, so that a test can look at all of them.
pub const KINDS: &[Kind] = &[
    SIGN_IN_REFUSED,
    PASSKEY_NEEDED,
    PASSKEY_REFUSED,
    PASSKEY_NOT_ADDED,
    ENROLMENT_INVALID,
    EXISTS,
    SLUG_TAKEN,
    ILLEGAL_MOVE,
    OUT_OF_ORDER,
    NO_CAPACITY,
    TOO_MANY,
    NOT_GRANTED,
    NOT_CONFIRMED,
    WRONG_HOST,
    NOT_YOURS,
    LOG_ALTERED,
    TAKE_SNAPSHOT,
];

impl From<ControlError> for AppError {
    fn from(error: ControlError) -> Self {
        match error {
            ControlError::NotFound(_) => error::NOT_FOUND.into(),
            ControlError::Exists(_) => EXISTS.into(),
            ControlError::SlugTaken => SLUG_TAKEN.into(),
            ControlError::Illegal { .. } => ILLEGAL_MOVE.into(),
            ControlError::OutOfOrder => OUT_OF_ORDER.into(),
            ControlError::Stale => error::STALE.into(),
            ControlError::KeyReused => error::IDEMPOTENCY_REUSED.into(),
            ControlError::NoCapacity => NO_CAPACITY.into(),
            ControlError::TooMany(_) => TOO_MANY.into(),
            ControlError::NotGranted => NOT_GRANTED.into(),
            ControlError::PasskeyRefused => PASSKEY_REFUSED.into(),
            ControlError::PasskeyNotAdded => PASSKEY_NOT_ADDED.into(),
            ControlError::TooManyPasskeys => error::TOO_MANY_FACTORS.into(),
            ControlError::LastPasskey => error::LAST_FACTOR.into(),
            ControlError::EnrolmentInvalid => ENROLMENT_INVALID.into(),
            ControlError::Invalid { field, code } => {
                Self::invalid(vec![FieldError::new(format!("/{field}"), code)])
            }
            ControlError::Unavailable => {
                Self::from(error::UNAVAILABLE).because("control_database_unavailable")
            }
            ControlError::Stored(_) => Self::internal("stored_value_invalid"),
            ControlError::Tampered(_) => Self::from(LOG_ALTERED).because("directory_log_tampered"),
            ControlError::Rule(_) => Self::internal("directory_rule_broken"),
            ControlError::Db(_) => Self::internal("control_database_failed"),
        }
    }
}

impl From<SignInError> for AppError {
    fn from(error: SignInError) -> Self {
        match error {
            SignInError::Refused => SIGN_IN_REFUSED.into(),
            SignInError::PasskeyNeeded => PASSKEY_NEEDED.into(),
            SignInError::Busy => {
                Self::from(error::UNAVAILABLE).because("password_pool_full").retry_after(SIGN_IN_RETRY_S)
            }
            SignInError::Control(error) => error.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::KINDS;
    use crate::error;

    #[test]
    fn a_code_means_one_status_in_both_apis() {
        for kind in KINDS {
            assert!((400..600).contains(&kind.status) && kind.title.ends_with('.'), "{}", kind.code);
            for other in KINDS.iter().chain(error::KINDS).filter(|other| other.code == kind.code) {
                assert_eq!(other.status, kind.status, "{}", kind.code);
            }
        }
    }
}
