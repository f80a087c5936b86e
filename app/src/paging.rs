//! Pages and query strings: limits, opaque cursors, nothing unknown.

use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::error::AppError;

/// Most items of a page.
pub const LIMIT_MAX: i64 = 100;
/// Items of a page when the caller does not say.
const LIMIT_DEFAULT: i64 = 50;

/// Query of a list.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PageQuery {
    /// Most items.
    #[serde(default)]
    limit: Option<i64>,
    /// Where to continue.
    #[serde(default)]
    pub cursor: Option<String>,
}

impl PageQuery {
    /// How many items to return.
    ///
    /// # Errors
    /// Outside 1 to 100.
    pub fn limit(&self) -> Result<i64, AppError> {
        match self.limit.unwrap_or(LIMIT_DEFAULT) {
            limit @ 1..=LIMIT_MAX => Ok(limit),
            _ => Err(AppError::invalid_field("", "limit_out_of_range")),
        }
    }
}

/// Reads a query string.
///
/// # Errors
/// For an unknown or malformed parameter.
pub fn query<T: DeserializeOwned>(text: &str) -> Result<T, AppError> {
    let parsed = actix_web::web::Query::<T>::from_query(text);
    parsed
        .map(actix_web::web::Query::into_inner)
        .map_err(|_quotes_the_query| AppError::invalid_field("", "query_invalid"))
}

/// Cuts a list that was read one too far to its limit; whether there was more.
pub fn cut<T>(items: &mut Vec<T>, limit: i64) -> bool {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = items.len() > limit;
    items.truncate(limit);
    more
}
