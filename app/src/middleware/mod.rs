//! What happens to every request before a handler sees it and to every answer before it leaves.

mod edge;
pub mod json;
pub mod limits;
mod metrics;
pub mod octets;
pub mod rate;
pub mod secure;

pub use edge::{Routed, STALE_EPOCH, edge};

use crate::error::{AppError, METHOD, NOT_FOUND};

/// The answer to a known path with an unknown method.
///
/// # Errors
/// Always.
pub async fn method_not_allowed() -> Result<actix_web::HttpResponse, AppError> {
    Err(METHOD.into())
}

/// The answer to an unknown path.
///
/// # Errors
/// Always.
pub async fn not_found() -> Result<actix_web::HttpResponse, AppError> {
    Err(NOT_FOUND.into())
}
