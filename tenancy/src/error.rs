//! What can go wrong with a tenant transaction or at boot; no message ever carries the database's own text.

use std::fmt;

use crate::keys::KeyError;

/// Why a tenant transaction did not begin, run or commit.
///
/// Neither `Display` nor `Debug` shows the database's message, because it may quote a value (`security.md`, finding 10).
pub enum TxError {
    /// The tenant has used up its share of connections on this shard; retry later.
    Busy,
    /// No connection, or the server is away; nothing is known to have been committed.
    Unavailable,
    /// The database did not accept the tenant context, or read-back differed from what was set.
    Rejected(Rejection),
    /// The caller's epoch is older than the database's fence: the tenant has moved on.
    StaleEpoch,
    /// The tenant's schemas are not at the version this program needs, or the tenant is not served.
    NotServed,
    /// The audit entry could not be recorded, so the result must not be released.
    AuditUnavailable,
    /// Patient data was changed without an audit entry naming the table; the commit was refused.
    AuditMissing,
    /// A statement was stopped: it took too long, waited too long for a lock, or was cancelled (SQLSTATE 57014, 55P03).
    /// The transaction is rolled back; trying again later may succeed.
    TimedOut,
    /// A statement failed. Match on it; never print it.
    Db(diesel::result::Error),
    /// A key of the tenant could not be had.
    Keys(KeyError),
}

/// Which check refused a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rejection {
    /// `sec.tenant()` refused the context (forged, foreign, expired or of another backend).
    Context,
    /// Role, search path or tenant read back differed from what was set.
    ReadBack,
    /// The connection came with state of somebody else, again and again.
    Dirty,
    /// The shard of the reference is not one of this process.
    Shard,
    /// The transaction was not at its outermost level when it was to be committed.
    Nesting,
}

impl TxError {
    /// A stable code for logs and metrics.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Busy => "tenant_busy",
            Self::Unavailable => "database_unavailable",
            Self::Rejected(Rejection::Context) => "tenant_context_rejected",
            Self::Rejected(Rejection::ReadBack) => "tenant_read_back_mismatch",
            Self::Rejected(Rejection::Dirty) => "connection_dirty",
            Self::Rejected(Rejection::Shard) => "shard_unknown",
            Self::Rejected(Rejection::Nesting) => "transaction_nested",
            Self::StaleEpoch => "stale_epoch",
            Self::NotServed => "tenant_not_served",
            Self::AuditUnavailable => "audit_unavailable",
            Self::AuditMissing => "audit_missing",
            Self::Db(error) if is_refusal(error) => "database_refused",
            Self::TimedOut => "database_timed_out",
            Self::Db(_) => "database_error",
            Self::Keys(_) => "key_error",
        }
    }
}

impl fmt::Display for TxError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Busy => "the tenant's share of connections is used up",
            Self::Unavailable => "the database is unavailable",
            Self::Rejected(_) => "the tenant transaction was refused",
            Self::StaleEpoch => "the caller's epoch is older than the tenant's",
            Self::NotServed => "the tenant is not served at this version",
            Self::AuditUnavailable => "the audit entry could not be recorded",
            Self::AuditMissing => "patient data was changed without an audit entry",
            Self::TimedOut => "a statement took too long or waited too long for a lock",
            Self::Db(_) => "a statement failed",
            Self::Keys(_) => "a key of the tenant is not available",
        })
    }
}

impl fmt::Debug for TxError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TxError({}", self.code())?;
        if let Self::Db(diesel::result::Error::DatabaseError(kind, info)) = self {
            write!(f, ": {kind:?}")?;
            if let Some(constraint) = info.constraint_name() {
                write!(f, " on {constraint}")?;
            }
        } else if let Self::Db(error) = self {
            f.write_str(match error {
                diesel::result::Error::NotFound => ": no such row",
                diesel::result::Error::DeserializationError(_) => ": a column has another type",
                diesel::result::Error::SerializationError(_) => ": a value cannot be sent",
                diesel::result::Error::AlreadyInTransaction | diesel::result::Error::NotInTransaction => {
                    ": transaction state"
                }
                _ => ": other",
            })?;
        }
        f.write_str(")")
    }
}

impl std::error::Error for TxError {}

/// Whether the server denied a right (SQLSTATE 42501). No statement of the product asks for one it does not have, so
/// somebody's text became part of a statement. Diesel hides the SQLSTATE; the message is looked at and goes no further.
fn is_refusal(error: &diesel::result::Error) -> bool {
    matches!(error, diesel::result::Error::DatabaseError(_, info) if info.message().starts_with("permission denied"))
}

/// `CONSTRAINT` name that `sec.tenant()` raises with; diesel shows no SQLSTATE, so our functions name themselves here.
const CONSTRAINT_CONTEXT: &str = "domicile_context";
/// `CONSTRAINT` name of the audit commit trigger.
const CONSTRAINT_AUDIT: &str = "domicile_audit";
/// `CONSTRAINT` names of what refuses an event or a change because the log cannot take it.
const CONSTRAINT_AUDIT_REFUSED: [&str; 2] = ["domicile_audit_behind", "domicile_audit_leaf"];
/// `CONSTRAINT` name of the clean-connection assertion.
pub(crate) const CONSTRAINT_CLEAN: &str = "domicile_clean";

/// How the messages of query_canceled (57014) and lock_not_available (55P03) begin. diesel shows no SQLSTATE, and these
/// two are not ours to name; a server whose messages are not English yields [`TxError::Db`] instead.
const STOPPED: [&str; 2] = ["canceling statement due to ", "could not obtain lock on "];

impl From<diesel::result::Error> for TxError {
    fn from(error: diesel::result::Error) -> Self {
        use diesel::result::{DatabaseErrorKind as Kind, Error};
        match &error {
            Error::DatabaseError(Kind::ClosedConnection | Kind::UnableToSendCommand, _)
            | Error::BrokenTransactionManager => Self::Unavailable,
            Error::DatabaseError(_, info) => match info.constraint_name() {
                Some(CONSTRAINT_CONTEXT) => Self::Rejected(Rejection::Context),
                Some(CONSTRAINT_CLEAN) => Self::Rejected(Rejection::Dirty),
                Some(CONSTRAINT_AUDIT) => Self::AuditMissing,
                Some(name) if CONSTRAINT_AUDIT_REFUSED.contains(&name) => Self::AuditUnavailable,
                None if STOPPED.iter().any(|start| info.message().starts_with(start)) => Self::TimedOut,
                _ => Self::Db(error),
            },
            _ => Self::Db(error),
        }
    }
}

impl From<KeyError> for TxError {
    fn from(error: KeyError) -> Self {
        Self::Keys(error)
    }
}

/// Why the data plane of a region could not be opened; the message names the field that is wrong.
#[derive(Debug, thiserror::Error)]
pub enum BootError {
    /// Two things that must agree do not.
    #[error("{field}: expected {expected}, found {found}")]
    Pin {
        /// The configuration field that is wrong.
        field: &'static str,
        /// What this process is pinned to.
        expected: String,
        /// What the other side says.
        found: String,
    },
    /// A file of the configuration could not be used.
    #[error("{field}: {path}: {reason}")]
    File {
        /// The configuration field that names the file.
        field: &'static str,
        /// The file.
        path: String,
        /// What went wrong.
        reason: String,
    },
    /// A server could not be reached or did not let this process in.
    #[error("{field}: {target}: {reason}")]
    Connect {
        /// The configuration field that names the server.
        field: &'static str,
        /// Host, port and database.
        target: String,
        /// What went wrong; no secret and no row is in it.
        reason: String,
    },
    /// A server setting or a right is not as it must be.
    #[error("{field}: {problem}")]
    Setting {
        /// The setting, role or object.
        field: String,
        /// What must change.
        problem: String,
    },
    /// Keys, KMS or bucket are not as they must be.
    #[error("{field}: {problem}")]
    Dependency {
        /// The configuration field.
        field: &'static str,
        /// What is wrong with it.
        problem: String,
    },
}
