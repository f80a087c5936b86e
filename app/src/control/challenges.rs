//! Challenges of the platform's passkey ceremonies: rows, each good for one answer, in the session or by the handle that it
//! was given with.

use chrono::{DateTime, Duration, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use super::error::ControlError;
use super::random_uuid;
use super::store::ControlTx;
use super::tables::platform_challenge;
use crate::auth::passkey::CHALLENGE_MAX_S;
use crate::auth::passkey::verify::CHALLENGE_BYTES;

/// Challenges that wait at once; beyond that the oldest go, so that a flood of questions fills no disk.
const WAITING_MAX: i64 = 10_000;

/// What a challenge is for, and who may answer it. One given for one purpose answers no other.
#[derive(Debug, Clone, Copy)]
pub(super) enum Asked {
    /// A further passkey, in this session.
    Register(Uuid),
    /// The first passkey, for whoever has the handle with this hash.
    Enrol([u8; 32]),
    /// A sign-in, for whoever has the handle with this hash.
    SignIn([u8; 32]),
}

impl Asked {
    const fn purpose(self) -> &'static str {
        match self {
            Self::Register(_) => "register",
            Self::Enrol(_) => "enrol",
            Self::SignIn(_) => "sign_in",
        }
    }

    const fn session(self) -> Option<Uuid> {
        match self {
            Self::Register(session) => Some(session),
            Self::Enrol(_) | Self::SignIn(_) => None,
        }
    }

    fn handle(self) -> Option<Vec<u8>> {
        match self {
            Self::Register(_) => None,
            Self::Enrol(hash) | Self::SignIn(hash) => Some(hash.to_vec()),
        }
    }
}

/// Makes a challenge and keeps it until it is answered, for five minutes at most. A session has one at a time.
pub(super) async fn keep(tx: &mut ControlTx, asked: Asked) -> Result<[u8; CHALLENGE_BYTES], ControlError> {
    make_room(tx).await?;
    if let Some(session) = asked.session() {
        diesel::delete(platform_challenge::table.filter(platform_challenge::session_id.eq(session)))
            .execute(tx.conn()?)
            .await?;
    }
    let (challenge, now) = (regions::random::bytes::<CHALLENGE_BYTES>(), tx.now());
    diesel::insert_into(platform_challenge::table)
        .values((
            platform_challenge::id.eq(random_uuid()),
            platform_challenge::session_id.eq(asked.session()),
            platform_challenge::handle_hash.eq(asked.handle()),
            platform_challenge::purpose.eq(asked.purpose()),
            platform_challenge::bytes.eq(challenge.to_vec()),
            platform_challenge::expires_at.eq(now + Duration::seconds(CHALLENGE_MAX_S)),
        ))
        .execute(tx.conn()?)
        .await?;
    Ok(challenge)
}

/// Takes a challenge out, whatever becomes of its answer: it is good for one. None when there is none that still stands.
pub(super) async fn take(tx: &mut ControlTx, asked: Asked) -> Result<Option<Vec<u8>>, ControlError> {
    let held = platform_challenge::table
        .filter(platform_challenge::purpose.eq(asked.purpose()))
        .filter(platform_challenge::expires_at.gt(tx.now()))
        .filter(platform_challenge::session_id.is_not_distinct_from(asked.session()))
        .filter(platform_challenge::handle_hash.is_not_distinct_from(asked.handle()));
    let taken = diesel::delete(held).returning(platform_challenge::bytes);
    Ok(taken.get_result(tx.conn()?).await.optional()?)
}

async fn make_room(tx: &mut ControlTx) -> Result<(), ControlError> {
    let oldest_over: Option<DateTime<Utc>> = platform_challenge::table
        .select(platform_challenge::expires_at)
        .order(platform_challenge::expires_at.desc())
        .offset(WAITING_MAX - 1)
        .first(tx.conn()?)
        .await
        .optional()?;
    let gone = oldest_over.map_or(tx.now(), |over| over.max(tx.now()));
    diesel::delete(platform_challenge::table.filter(platform_challenge::expires_at.le(gone)))
        .execute(tx.conn()?)
        .await?;
    Ok(())
}
