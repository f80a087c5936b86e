//! Links to a document's bytes: for one document, one use, one session and five minutes, of which only a hash is stored.
//!
//! Whether the browser shows the bytes or saves them is bound to the link: the two have different hashes of one token.
//!
//! The link is a path on the clinic's own host. It holds no name of the document or the patient, and without the session it
//! was made in it is worth nothing. Of imaging that a clinic chose to keep direct the link is S3's own: for one object of the
//! home region and five minutes, and whoever has it needs no session.

use actix_web::HttpResponse;
use chrono::{DateTime, TimeDelta, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use regions::ids::TenantId;
use serde::{Deserialize, Serialize};
use tenancy::TenantTx;
use tenancy::objects::{DIRECT_LINK_MAX_S, LinkTo, ObjectId};
use utoipa::ToSchema;
use uuid::Uuid;

use super::api::{self, Need, entry};
use super::download::{file, place, release};
use super::model::{DIRECT, DocumentId, field_bits};
use super::queries;
use super::rules::LINK_MAX_S;
use super::tables::document_link;
use crate::auth::token::{Token, sha256};
use crate::call::{Call, Done};
use crate::ctx::Ctx;
use crate::error::{AppError, DOCUMENT_NOT_READABLE};
use crate::paging;
use crate::patients::api::to_json;
use crate::store::StoreError;

/// What a browser does with the bytes behind a link.
#[derive(Clone, Copy, PartialEq, Eq, Default, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Disposition {
    /// It saves them.
    #[default]
    Attachment,
    /// It shows them, if they are of a type that is shown; others it saves.
    Inline,
}

impl Disposition {
    /// What is stored of a token whose link is for this.
    fn hash(self, token: &Token) -> Vec<u8> {
        let hash = token.hash();
        match self {
            Disposition::Attachment => hash.to_vec(),
            Disposition::Inline => sha256(b"domicile inline link v1", &hash).to_vec(),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LinkQuery {
    #[serde(default)]
    disposition: Disposition,
}

/// A link.
#[derive(Serialize, ToSchema)]
pub struct LinkView {
    /// Where the bytes are, once, for this session.
    url: String,
    /// When it stops working.
    expires_at: DateTime<Utc>,
    /// Whether it is a link of the region's S3, which asks for no session and works more than once.
    direct: bool,
}

/// What a link was allowed for.
enum Allowed {
    /// The link is made.
    Made(LinkView),
    /// S3 hands the bytes out.
    Direct { at: (TenantId, ObjectId), disposition: String, media_type: &'static str, from: DateTime<Utc> },
}

fn session(ctx: &Ctx) -> Result<Uuid, AppError> {
    ctx.actor.map(|actor| Uuid::from_bytes(actor.session)).ok_or_else(|| AppError::internal("call.no_actor"))
}

/// Makes a link to a clean document's bytes.
#[utoipa::path(post, path = "/api/v1/documents/{id}/links", tag = "documents", operation_id = "document.link",
    params(("id" = String, Path, description = "Document id"),
        ("disposition" = Option<Disposition>, Query, description = "What a browser does with the bytes: `attachment` (default) or `inline`")),
    responses((status = 201, body = LinkView, description = "The link"),
        (status = 404, body = crate::error::Problem, content_type = "application/problem+json", description = "Absent, or not this clinic's"),
        (status = 409, body = crate::error::Problem, content_type = "application/problem+json", description = "Not found clean, or its bytes are gone")))]
pub async fn create(call: Call) -> Result<HttpResponse, AppError> {
    let query: LinkQuery = paging::query(call.query())?;
    let allowed = call
        .staff(async |ctx, tx| {
            let (ctx, document, sealer) = api::find_as(ctx, tx, call.path("id"), Need::Read).await?;
            let ctx = &ctx;
            if !document.state.is_readable() {
                return Err(AppError::from(DOCUMENT_NOT_READABLE).denied("not_readable"));
            }
            let row = document.object.ok_or(DOCUMENT_NOT_READABLE)?;
            let object = queries::object(tx, row).await?.ok_or(DOCUMENT_NOT_READABLE)?;
            if object.is_direct() {
                // That the object is this patient's shows when its header opens.
                queries::layout(&sealer, &object)?;
                let allowed = Allowed::Direct {
                    at: (tx.tenant(), ObjectId::from(row.into_bytes())),
                    disposition: format!("attachment; filename=\"{}\"", file(&document)),
                    media_type: document.media_type.as_str(),
                    from: ctx.now(),
                };
                // What is read by such a link, and how often, S3 knows and we do not: it counts as read from here on.
                let entry = entry(ctx, &call, &document).fields(field_bits::CONTENT).reason(DIRECT);
                return Done::audited(allowed, entry);
            }
            let (token, now) = (Token::random(), ctx.now());
            let expires_at = now + TimeDelta::seconds(LINK_MAX_S);
            let link = NewLink {
                token_hash: query.disposition.hash(&token),
                tenant_id: tx.tenant().as_uuid(),
                document_id: document.id.uuid(),
                session_id: session(ctx)?,
                created_at: now,
                expires_at,
            };
            link.insert(tx).await?;
            let path = format!("/api/v1/document-links/{}", token.expose().as_str());
            let view = LinkView { url: format!("{}{path}", call.origin()), expires_at, direct: false };
            Done::audited(Allowed::Made(view), entry(ctx, &call, &document))
        })
        .await?;
    let view = match allowed {
        Allowed::Made(view) => view,
        Allowed::Direct { at: (tenant, object), disposition, media_type, from } => {
            let to = LinkTo { disposition: &disposition, media_type, from: from.into() };
            let url = call.app.regional.objects().link(tenant, object, to).await?;
            let life_s = i64::try_from(DIRECT_LINK_MAX_S).unwrap_or(LINK_MAX_S);
            LinkView { url, expires_at: from + TimeDelta::seconds(life_s), direct: true }
        }
    };
    Ok(HttpResponse::Created().content_type("application/json").body(to_json(&view)?.to_vec()))
}

/// Reads the bytes behind a link, once.
#[utoipa::path(get, path = "/api/v1/document-links/{id}", tag = "documents", operation_id = "document.redeem",
    params(("id" = String, Path, description = "What the link ends with")),
    responses((status = 200, body = Vec<u8>, content_type = "application/octet-stream", description = "The bytes"),
        (status = 404, body = crate::error::Problem, content_type = "application/problem+json", description = "Used, expired, of another session, or never made")))]
pub async fn redeem(call: Call) -> Result<HttpResponse, AppError> {
    let place = place(&call)?;
    let released = call
        .staff(async |ctx, tx| {
            let used = match Token::parse(call.path("id")) {
                Some(token) => take(tx, &token, session(ctx)?, ctx.now()).await?,
                None => None,
            };
            // Used, expired, another session's and never made are answered alike.
            let (id, disposition) = used.ok_or_else(AppError::absent)?;
            let (ctx, document, sealer) = api::find_as(ctx, tx, &id.to_string(), Need::Read).await?;
            release(&ctx, tx, &call, (document, sealer, disposition)).await
        })
        .await?;
    Ok(released.into_response(std::sync::Arc::clone(&call.app.regional), place))
}

#[derive(Insertable)]
#[diesel(table_name = document_link)]
struct NewLink {
    token_hash: Vec<u8>,
    tenant_id: Uuid,
    document_id: Uuid,
    session_id: Uuid,
    created_at: DateTime<Utc>,
    expires_at: DateTime<Utc>,
}

impl NewLink {
    async fn insert(self, tx: &mut TenantTx) -> Result<(), StoreError> {
        diesel::insert_into(document_link::table).values(self).execute(tx.conn()).await?;
        Ok(())
    }
}

/// Uses a link up, in one statement, so that of two uses at once one finds it used; what it was for.
async fn take(
    tx: &mut TenantTx,
    token: &Token,
    session: Uuid,
    now: DateTime<Utc>,
) -> Result<Option<(DocumentId, Disposition)>, StoreError> {
    let inline = Disposition::Inline.hash(token);
    let hashes = vec![Disposition::Attachment.hash(token), inline.clone()];
    let usable = document_link::table
        .filter(document_link::token_hash.eq_any(hashes))
        .filter(document_link::session_id.eq(session))
        .filter(document_link::used_at.is_null())
        .filter(document_link::expires_at.gt(now));
    let taken: Option<(Uuid, Vec<u8>)> = diesel::update(usable)
        .set(document_link::used_at.eq(now))
        .returning((document_link::document_id, document_link::token_hash))
        .get_result(tx.conn())
        .await
        .optional()?;
    Ok(taken.map(|(document, hash)| {
        let disposition = if hash == inline { Disposition::Inline } else { Disposition::Attachment };
        (DocumentId::from(document), disposition)
    }))
}
