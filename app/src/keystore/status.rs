//! The versions of a clinic's keys over HTTP, for who answers for them: purposes, states and ages, and no key.

use actix_web::HttpResponse;
use chrono::{DateTime, Utc};
use serde::Serialize;
use tenancy::audit::Outcome;
use tenancy::keys::KeyVersion;
use utoipa::ToSchema;

use crate::call::{Call, Done};
use crate::error::AppError;

/// One version of one of the clinic's keys.
#[derive(Serialize, ToSchema)]
pub struct KeyVersionView {
    /// `enc` wraps the patients' own keys, `bidx` finds them, `rowmac` ties rows together, `ctx` signs transactions.
    purpose: String,
    /// From 1.
    version: u32,
    /// `next`, `active`, `decrypt`, `legacy` or `retired`.
    state: String,
    /// When it was made.
    made_at: DateTime<Utc>,
    /// Since when it is in this state.
    changed_at: DateTime<Utc>,
}

/// The versions of the clinic's keys.
#[derive(Serialize, ToSchema)]
pub struct KeysView {
    /// In the order of purposes, the newest version of each first; at most 200.
    items: Vec<KeyVersionView>,
    /// Purposes of which a rotation is under way.
    rotating: Vec<String>,
}

impl From<Vec<KeyVersion>> for KeysView {
    fn from(versions: Vec<KeyVersion>) -> KeysView {
        let mut rotating: Vec<String> = Vec::new();
        for one in versions.iter().filter(|one| one.is_rotating()) {
            if rotating.iter().all(|known| known != one.purpose.as_str()) {
                rotating.push(one.purpose.as_str().to_owned());
            }
        }
        let items = versions
            .into_iter()
            .map(|one| KeyVersionView {
                purpose: one.purpose.as_str().to_owned(),
                version: one.version,
                state: one.state,
                made_at: one.made_at.into(),
                changed_at: one.changed_at.into(),
            })
            .collect();
        KeysView { items, rotating }
    }
}

/// Shows which versions the clinic's keys have, since when, and whether a rotation is under way.
#[utoipa::path(get, path = "/api/v1/keys", tag = "keys", operation_id = "keys.read",
    responses((status = 200, body = KeysView, description = "The versions")))]
pub async fn read(call: Call) -> Result<HttpResponse, AppError> {
    let view = call
        .staff(async |ctx, _tx| {
            let versions = ctx.keys.versions(ctx.tenant().id).await?;
            let count = u32::try_from(versions.len()).unwrap_or(u32::MAX);
            let entry = ctx.entry(call.action(), Outcome::Allow).resource_kind("key").count(count);
            Done::audited(KeysView::from(versions), entry)
        })
        .await?;
    Ok(HttpResponse::Ok().json(view))
}
