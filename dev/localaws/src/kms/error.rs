//! Refusals of the key service, with the names that AWS gives them.

use std::io;

use http::StatusCode;

/// A refusal: the exception's name, its HTTP status and a message.
#[derive(Debug, thiserror::Error)]
#[error("{code}: {message}")]
pub(crate) struct KmsError {
    pub(crate) code: &'static str,
    pub(crate) status: StatusCode,
    pub(crate) message: String,
}

/// What every operation returns.
pub(crate) type KmsResult<T> = Result<T, KmsError>;

impl KmsError {
    /// A refusal with status 400, as nearly all of them are.
    pub(crate) fn refused(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, status: StatusCode::BAD_REQUEST, message: message.into() }
    }

    /// A key or alias that is not here.
    pub(crate) fn not_found(message: impl Into<String>) -> Self {
        Self::refused("NotFoundException", message)
    }

    /// A parameter that is not valid.
    pub(crate) fn validation(message: impl Into<String>) -> Self {
        Self::refused("ValidationException", message)
    }

    /// A ciphertext that does not open; like AWS without a word about why.
    pub(crate) fn invalid_ciphertext() -> Self {
        Self::refused("InvalidCiphertextException", "")
    }

    /// Something AWS has and this program does not.
    pub(crate) fn not_implemented(what: impl std::fmt::Display) -> Self {
        Self {
            code: "NotImplemented",
            status: StatusCode::NOT_IMPLEMENTED,
            message: format!("localaws does not implement {what}"),
        }
    }

    /// A failure of this program.
    pub(crate) fn internal(message: impl Into<String>) -> Self {
        Self {
            code: "KMSInternalException",
            status: StatusCode::INTERNAL_SERVER_ERROR,
            message: message.into(),
        }
    }
}

impl From<io::Error> for KmsError {
    fn from(e: io::Error) -> Self {
        Self::internal(e.to_string())
    }
}
