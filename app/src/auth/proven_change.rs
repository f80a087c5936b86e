//! The life of what an account gets only with a proof, an address as a telephone: asked for, sent a code, proven by it, and the one
//! before told. A code is good for ten minutes, once, in the session that asked, with five tries; a later request makes it void.

use actix_web::HttpResponse;
use chrono::{DateTime, Duration, Utc};
use diesel::dsl::count_star;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use tenancy::audit::Outcome;
use tenancy::blind::Index;
use tenancy::keys::Keys;
use tenancy::sealed::{Column, Sealed};
use tenancy::{JobPayload, TenantTx};
use uuid::Uuid;
use zeroize::Zeroizing;

use super::invite::{login_tags, new_id};
use super::mail_code::{CODE_MAX_S, TRIES_MAX, code_tags, random_code};
use super::token::same;
use super::{email_change, phone, record};
use crate::call::{Call, Done};
use crate::ctx::{Actor, Ctx};
use crate::error::{AppError, EMAIL_CODE_REFUSED, Kind, PHONE_CODE_REFUSED, RATE_LIMITED, UNAUTHENTICATED};
use crate::jobs::{SEND_EMAIL_CHANGE, SEND_PHONE_CHANGE};
use crate::registry;
use crate::store::{self, StoreError};

/// Times that an account may ask in an hour: each is a message to somebody who may have nothing to do with the clinic.
const ASKED_PER_HOUR_MAX: i64 = 6;
/// Seconds after which an account that has asked that often is told to come again.
const ASK_AGAIN_S: u32 = 3_600;

/// What is changed.
#[derive(Clone, Copy)]
pub enum Change {
    /// The address that somebody signs in with, which is nobody else's.
    Email,
    /// The telephone that somebody is told at, which several accounts may have.
    Phone,
}

/// In what one change differs from the other, beside what it does to the account.
struct Parts {
    field: &'static str,
    refused: Kind,
    new: Column,
    old: Column,
    code: Index,
    job: &'static str,
}

/// A query on the table of a change: the two have the same columns.
macro_rules! on {
    ($change:expr, $rows:ident => $query:expr) => {
        match $change {
            Change::Email => {
                use super::tables::email_change as $rows;
                $query
            }
            Change::Phone => {
                use super::tables::phone_change as $rows;
                $query
            }
        }
    };
}

/// What became of a code that was tried: the change, or the reason in the log why not.
pub(super) type Tried = Result<(), &'static str>;

/// A message that a change needs now.
pub struct Wanted {
    /// Whose change it is.
    pub account: Uuid,
    /// To which address or number.
    pub to: Zeroizing<String>,
    /// What it says.
    pub what: What,
}

/// What a message says.
pub enum What {
    /// To the new one: this code proves it.
    Code(Zeroizing<String>),
    /// To an address that is an account's already: somebody asked, and nothing was changed.
    Taken,
    /// To the old one: it is the account's no more, since this time.
    Gone(DateTime<Utc>),
}

impl Change {
    const fn parts(self) -> Parts {
        match self {
            Change::Email => Parts {
                field: "/email",
                refused: EMAIL_CODE_REFUSED,
                new: registry::EMAIL_CHANGE_NEW,
                old: registry::EMAIL_CHANGE_OLD,
                code: registry::INDEX_EMAIL_CODE,
                job: SEND_EMAIL_CHANGE,
            },
            Change::Phone => Parts {
                field: "/phone",
                refused: PHONE_CODE_REFUSED,
                new: registry::PHONE_CHANGE_NEW,
                old: registry::PHONE_CHANGE_OLD,
                code: registry::INDEX_PHONE_CODE,
                job: SEND_PHONE_CHANGE,
            },
        }
    }

    /// Name of the job that sends what a change needs; its payload names the `change`.
    #[must_use]
    pub const fn job(self) -> &'static str {
        self.parts().job
    }

    /// Takes a request for what the body names; until when its code can be entered.
    pub(super) async fn ask(
        self,
        call: &Call,
        named: impl Fn(&Ctx) -> Result<String, &'static str>,
    ) -> Result<DateTime<Utc>, AppError> {
        call.staff(async |ctx, tx| {
            let actor = ctx.actor.ok_or(UNAUTHENTICATED)?;
            let new = named(ctx).map_err(|code| AppError::invalid_field(self.parts().field, code))?;
            let Some(expires_at) = self.keep_request(ctx, tx, actor, &Zeroizing::new(new)).await? else {
                return Err(AppError::from(RATE_LIMITED).retry_after(ASK_AGAIN_S).denied("asked_too_often"));
            };
            let entry = ctx.entry(call.action(), Outcome::Allow).resource("account", actor.account);
            Done::audited(expires_at, entry)
        })
        .await
    }

    /// Keeps what is asked for, in place of what was asked before; `None` when the account has asked too often.
    async fn keep_request(
        self,
        ctx: &Ctx,
        tx: &mut TenantTx,
        actor: Actor,
        new: &str,
    ) -> Result<Option<DateTime<Utc>>, StoreError> {
        let (account, session) = (Uuid::from_bytes(actor.account), Uuid::from_bytes(actor.session));
        // One request of an account after the other, so that many at one moment are counted.
        if record::locked(tx, &ctx.keys, account).await?.is_none() {
            return Ok(None);
        }
        let recent: i64 = on!(self, rows => rows::table
            .filter(rows::account_id.eq(account))
            .filter(rows::created_at.gt(ctx.now() - Duration::hours(1)))
            .select(count_star())
            .first(tx.conn())
            .await?);
        if recent >= ASKED_PER_HOUR_MAX {
            return Ok(None);
        }
        self.void(ctx, tx, account).await?;
        let sealer = ctx.keys.tenant_sealer(tx.tenant()).await?;
        let (id, tenant_id) = (new_id(), tx.tenant().as_uuid());
        let sealed = store::seal(&sealer, self.parts().new, id.into_bytes(), &new)?;
        let expires_at = ctx.now() + Duration::seconds(CODE_MAX_S);
        on!(self, rows => diesel::insert_into(rows::table)
            .values((
                rows::id.eq(id),
                rows::tenant_id.eq(tenant_id),
                rows::account_id.eq(account),
                rows::session_id.eq(session),
                rows::new_sealed.eq(sealed),
                rows::created_at.eq(ctx.now()),
                rows::expires_at.eq(expires_at),
            ))
            .execute(tx.conn())
            .await?);
        self.enqueue(tx, id).await?;
        Ok(Some(expires_at))
    }

    /// No code that was asked for before is good any more.
    pub(super) async fn void(self, ctx: &Ctx, tx: &mut TenantTx, account: Uuid) -> Result<(), StoreError> {
        on!(self, rows => diesel::update(rows::table.filter(rows::account_id.eq(account)))
            .filter(rows::used_at.is_null())
            .set((rows::expires_at.eq(ctx.now()), rows::new_sealed.eq(None::<Sealed>)))
            .execute(tx.conn())
            .await?);
        Ok(())
    }

    /// Has the worker send what a change needs.
    pub(super) async fn enqueue(self, tx: &mut TenantTx, id: Uuid) -> Result<(), StoreError> {
        let payload = JobPayload::new(tx.tenant()).id("change", id);
        tx.enqueue(self.job(), payload, None).await?;
        Ok(())
    }

    /// Tries a code, and gives the account what the right one proves.
    pub(super) async fn confirm(self, call: &Call, code: &str) -> Result<HttpResponse, AppError> {
        let refused = self.parts().refused;
        let changed = call
            .staff(async |ctx, tx| {
                let actor = ctx.actor.ok_or(UNAUTHENTICATED)?;
                let entry = |outcome| ctx.entry(call.action(), outcome).resource("account", actor.account);
                match self.try_code(ctx, tx, actor, code).await {
                    Ok(Ok(())) => Done::audited(true, entry(Outcome::Allow)),
                    // A try is counted also when it fails.
                    Ok(Err(reason)) => Done::audited(false, entry(Outcome::Deny).reason(reason)),
                    // Somebody else was given the address since it was looked up.
                    Err(error) if error.is_duplicate() => {
                        Err(AppError::from(refused).denied("address_taken"))
                    }
                    Err(error) => Err(error.into()),
                }
            })
            .await?;
        match changed {
            true => Ok(HttpResponse::NoContent().finish()),
            false => Err(refused.into()),
        }
    }

    async fn try_code(
        self,
        ctx: &Ctx,
        tx: &mut TenantTx,
        actor: Actor,
        code: &str,
    ) -> Result<Tried, StoreError> {
        type Row = (Uuid, Option<Sealed>, Option<Vec<u8>>, i32);
        let (account, session) = (Uuid::from_bytes(actor.account), Uuid::from_bytes(actor.session));
        let found: Option<Row> = on!(self, rows => rows::table
            .filter(rows::session_id.eq(session))
            .filter(rows::account_id.eq(account))
            .filter(rows::used_at.is_null())
            .filter(rows::expires_at.gt(ctx.now()))
            .select((rows::id, rows::new_sealed, rows::code_tag, rows::tries))
            .for_update()
            .first(tx.conn())
            .await
            .optional()?);
        let Some((id, new, expected, tries)) = found else { return Ok(Err("no_request")) };
        // As much is computed where no code was sent as where there is one.
        let place = place(session, id);
        let tags = code_tags(&ctx.keys, tx, (&self.parts().code, &place), code).await?;
        if tries >= TRIES_MAX {
            return Ok(Err("tries"));
        }
        let right = expected.is_some_and(|expected| tags.iter().any(|tag| same(&expected, tag)));
        on!(self, rows => diesel::update(rows::table.find(id))
            .set((rows::tries.eq(tries + 1), rows::used_at.eq(right.then(|| ctx.now()))))
            .execute(tx.conn())
            .await?);
        let Some(new) = new.filter(|_| right) else { return Ok(Err("code")) };
        let sealer = ctx.keys.tenant_sealer(tx.tenant()).await?;
        let new: String = store::open(&sealer, self.parts().new, id.into_bytes(), &new)?;
        let new = Zeroizing::new(new);
        match self {
            Change::Email => email_change::apply(ctx, tx, (id, actor), &new).await,
            Change::Phone => phone::apply(ctx, tx, (id, actor), &new).await,
        }
    }

    /// Forgets what was asked for, which is the account's now, and has the one before told. `None` where there was none, or the
    /// same.
    pub(super) async fn done(
        self,
        ctx: &Ctx,
        tx: &mut TenantTx,
        id: Uuid,
        old: Option<&str>,
    ) -> Result<(), StoreError> {
        let sealer = ctx.keys.tenant_sealer(tx.tenant()).await?;
        let seal = |old: &str| store::seal(&sealer, self.parts().old, id.into_bytes(), &old);
        let sealed = old.map(seal).transpose()?;
        on!(self, rows => diesel::update(rows::table.find(id))
            .set((rows::new_sealed.eq(None::<Sealed>), rows::old_sealed.eq(sealed)))
            .execute(tx.conn())
            .await?);
        if old.is_some() {
            self.enqueue(tx, id).await?;
        }
        Ok(())
    }

    /// Looks up what a change needs: a code for the new one, and once it was changed or removed a word to the old one. `None` when
    /// that is done, or it is too late.
    ///
    /// # Errors
    /// When the database or the key store does not answer.
    pub async fn prepare(
        self,
        keys: &Keys,
        tx: &mut TenantTx,
        id: Uuid,
        now: DateTime<Utc>,
    ) -> Result<Option<Wanted>, StoreError> {
        type Times = (DateTime<Utc>, Option<DateTime<Utc>>);
        type Row = (Uuid, Uuid, Option<Sealed>, Option<Sealed>, Option<Vec<u8>>, Times);
        let found: Option<Row> = on!(self, rows => rows::table
            .find(id)
            .select((
                rows::account_id,
                rows::session_id,
                rows::new_sealed,
                rows::old_sealed,
                rows::code_tag,
                (rows::expires_at, rows::used_at),
            ))
            .for_update()
            .first(tx.conn())
            .await
            .optional()?);
        let Some((account, session, new, old, tag, (expires_at, used_at))) = found else { return Ok(None) };
        let parts = self.parts();
        let sealer = keys.tenant_sealer(tx.tenant()).await?;
        let open = |column: Column, sealed: &Sealed| -> Result<Zeroizing<String>, StoreError> {
            Ok(Zeroizing::new(store::open(&sealer, column, id.into_bytes(), sealed)?))
        };
        if let (Some(old), Some(at)) = (&old, used_at) {
            let to = open(parts.old, old)?;
            return Ok(Some(Wanted { account, to, what: What::Gone(at) }));
        }
        let waits = used_at.is_none() && tag.is_none() && expires_at > now;
        let Some(new) = new.filter(|_| waits) else { return Ok(None) };
        let to = open(parts.new, &new)?;
        let is_taken = match self {
            Change::Email => {
                let tags = login_tags(keys, tx.tenant(), &to).await?;
                email_change::is_somebodys(tx, &tags).await?
            }
            Change::Phone => false,
        };
        if is_taken {
            return Ok(Some(Wanted { account, to, what: What::Taken }));
        }
        let code = random_code();
        let tags = code_tags(keys, tx, (&parts.code, &place(session, id)), &code).await?;
        let tag = tags.as_slice().first().ok_or(StoreError::Tag)?;
        on!(self, rows => diesel::update(rows::table.find(id))
            .set(rows::code_tag.eq(tag.as_slice()))
            .execute(tx.conn())
            .await?);
        Ok(Some(Wanted { account, to, what: What::Code(code) }))
    }

    /// Takes back a code that was not handed over. What is prepared next is another code, while the request is good.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn take_back(self, tx: &mut TenantTx, id: Uuid) -> Result<(), StoreError> {
        on!(self, rows => diesel::update(rows::table.find(id))
            .set(rows::code_tag.eq(None::<Vec<u8>>))
            .execute(tx.conn())
            .await?);
        Ok(())
    }

    /// Forgets what was told: the old one, or the new one that is somebody's already. No code is right for that.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn told(self, tx: &mut TenantTx, id: Uuid) -> Result<(), StoreError> {
        on!(self, rows => diesel::update(rows::table.find(id))
            .set((rows::new_sealed.eq(None::<Sealed>), rows::old_sealed.eq(None::<Sealed>)))
            .execute(tx.conn())
            .await?);
        Ok(())
    }
}

/// What the tag of a code is bound to: the session that asked, and what it asked for.
fn place(session: Uuid, id: Uuid) -> [u8; 32] {
    let mut place = [0; 32];
    let (first, second) = place.split_at_mut(16);
    first.copy_from_slice(session.as_bytes());
    second.copy_from_slice(id.as_bytes());
    place
}
