//! A patient's own account: the clinic opens it for the person in front of it, and the patient signs in with a code by mail.

use actix_web::HttpResponse;
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde::{Deserialize, Serialize};
use tenancy::TenantTx;
use tenancy::audit::Outcome;
use tenancy::keys::Keys;
use utoipa::ToSchema;
use uuid::Uuid;

use super::contact;
use super::model::{PatientId, field_bits};
use super::named::there;
use crate::access::Role;
use crate::auth::invite::{LoginTags, login_tags, new_id};
use crate::auth::model::account_state;
use crate::auth::notice::{self, NoticeKind};
use crate::auth::queries::end_sessions;
use crate::auth::record::{self, NewAccount};
use crate::auth::tables::{
    account, account_phone, device, email_change, invitation, notice as notices, passkey, phone_change,
    recovery, recovery_code, session, sign_in_code, totp,
};
use crate::call::{Call, Done};
use crate::ctx::Ctx;
use crate::error::{ADDRESS_TAKEN, AppError, PATIENT_HAS_ACCOUNT};
use crate::middleware::json::Json;
use crate::registry;
use crate::relationships::model::{NewTie, Tie};
use crate::relationships::queries as ties;
use crate::relationships::tables::relationship;
use crate::staff::model::AccountId;
use crate::store::{self, StoreError};

/// The name that a patient's account shows. The person's own is in the record, under the patient's key.
const DISPLAY_NAME: &str = "Patient";

/// Accounts of one patient that are looked for; there is one.
const ACCOUNTS_MAX: i64 = 100;

/// Where a patient gets codes.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PatientAccountInput {
    /// The patient's own e-mail address, as said at the desk.
    email: String,
}

/// Whose access ends.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PatientAccountEndInput {
    /// Account id.
    account: String,
}

/// A patient's account.
#[derive(Serialize, ToSchema)]
pub struct PatientAccountView {
    /// Account id.
    account: String,
}

/// An access that is open.
#[derive(Serialize, ToSchema)]
pub struct OpenPatientAccess {
    /// Account id; with it the access is ended.
    account: String,
    /// The address that the patient signs in with.
    email: String,
}

/// Whether a patient can sign in.
#[derive(Serialize, ToSchema)]
pub struct PatientAccessView {
    /// The access that is open; null when there is none.
    open: Option<OpenPatientAccess>,
}

/// Says whether the patient can sign in, and with which address.
#[utoipa::path(get, path = "/api/v1/patients/{id}/account", tag = "patients", operation_id = "patient.access_read",
    params(("id" = String, Path, description = "Patient id")),
    responses((status = 200, body = PatientAccessView, description = "The access that is open, or none"),
        (status = 404, body = crate::error::Problem, content_type = "application/problem+json", description = "Absent, or out of reach")))]
pub async fn read(call: Call) -> Result<HttpResponse, AppError> {
    let view = call
        .staff(async |ctx, tx| {
            let patient = there(&call, tx).await?;
            let entry = ctx
                .entry(call.action(), Outcome::Allow)
                .resource("patient", patient.bytes())
                .subject(patient.bytes())
                .fields(field_bits::EMAILS);
            let own = match own_account(tx, ctx, patient).await? {
                Some(id) => record::find(tx, &ctx.keys, id).await?,
                None => None,
            };
            let Some(row) = own else { return Done::audited(PatientAccessView { open: None }, entry) };
            let sealer = ctx.keys.tenant_sealer(tx.tenant()).await?;
            let email = store::open(&sealer, registry::ACCOUNT_EMAIL, row.id.into_bytes(), &row.email)?;
            let open = OpenPatientAccess { account: AccountId::from(row.id).to_string(), email };
            Done::audited(PatientAccessView { open: Some(open) }, entry)
        })
        .await?;
    Ok(HttpResponse::Ok().json(view))
}

/// Lets a patient sign in and see the own record. The patient is told by mail. Opening the same again changes nothing.
#[utoipa::path(post, path = "/api/v1/patients/{id}/account", tag = "patients", operation_id = "patient.access_open",
    request_body = PatientAccountInput, params(("id" = String, Path, description = "Patient id")),
    responses((status = 200, body = PatientAccountView, description = "The patient can sign in with this address"),
        (status = 400, body = crate::error::Problem, content_type = "application/problem+json", description = "No e-mail address"),
        (status = 404, body = crate::error::Problem, content_type = "application/problem+json", description = "Absent, or out of reach"),
        (status = 409, body = crate::error::Problem, content_type = "application/problem+json", description = "The address is somebody else's, or the patient has an account with another one")))]
pub async fn open(call: Call, Json(input): Json<PatientAccountInput>) -> Result<HttpResponse, AppError> {
    let view = call
        .staff(async |ctx, tx| {
            let patient = there(&call, tx).await?;
            let email =
                contact::email(&input.email).map_err(|code| AppError::invalid_field("/email", code))?;
            let entry = ctx
                .entry(call.action(), Outcome::Allow)
                .resource("patient", patient.bytes())
                .subject(patient.bytes());
            let has = own_account(tx, ctx, patient).await?;
            let tags = login_tags(&ctx.keys, tx.tenant(), &email).await?;
            let known = known(tx, &ctx.keys, &tags).await?;
            let (id, entry) = match (has, known) {
                (Some(own), Some((known, _))) if own == known => (own, entry.reason("repeated")),
                (Some(_other), None) => return Err(PATIENT_HAS_ACCOUNT.into()),
                // Who stands in for others, and is a patient too, has one account for both.
                (None, Some((known, Role::Proxy))) => {
                    change_role(tx, &ctx.keys, (known, Role::Patient), ctx.now()).await?;
                    tie(tx, ctx, (patient, known)).await?;
                    (known, entry.touches("relationship"))
                }
                (_, Some(_somebodys)) => return Err(ADDRESS_TAKEN.into()),
                (None, None) => {
                    let id = make(tx, ctx, (Role::Patient, &email, tags)).await?;
                    tie(tx, ctx, (patient, id)).await?;
                    (id, entry.touches("relationship"))
                }
            };
            Done::audited(PatientAccountView { account: AccountId::from(id).to_string() }, entry)
        })
        .await?;
    Ok(HttpResponse::Ok().json(view))
}

/// The account that somebody signs in to with an address, and its role; its row stays locked until the transaction ends.
///
/// # Errors
/// What the database or the key store says.
pub async fn known(
    tx: &mut TenantTx,
    keys: &Keys,
    tags: &LoginTags,
) -> Result<Option<(Uuid, Role)>, StoreError> {
    let found: Option<Uuid> =
        account::table.filter(tags.asked()).select(account::id).first(tx.conn()).await.optional()?;
    let Some(id) = found else { return Ok(None) };
    let row = record::locked(tx, keys, id).await?;
    row.map(|row| Ok((id, row.role()?))).transpose()
}

/// The account that is tied to the patient as the patient's own now.
///
/// # Errors
/// What the database says.
pub async fn own_account(
    tx: &mut TenantTx,
    ctx: &Ctx,
    patient: PatientId,
) -> Result<Option<Uuid>, StoreError> {
    Ok(relationship::table
        .inner_join(account::table.on(account::id.eq(relationship::party_id)))
        .filter(account::role.eq(Role::Patient.as_str()))
        .filter(relationship::patient_id.eq(patient.uuid()))
        .filter(relationship::kind.eq(Tie::Subject.as_str()))
        .filter(relationship::valid_to.is_null().or(relationship::valid_to.gt(ctx.now())))
        .select(relationship::party_id)
        .first(tx.conn())
        .await
        .optional()?)
}

/// Makes an account of somebody who signs in with a code by mail.
///
/// # Errors
/// `address_taken` when another request was first, otherwise what the database or the key store says.
pub async fn make(
    tx: &mut TenantTx,
    ctx: &Ctx,
    (role, email, tags): (Role, &str, LoginTags),
) -> Result<Uuid, AppError> {
    let sealer = ctx.keys.tenant_sealer(tx.tenant()).await?;
    let id = new_id();
    let row = id.into_bytes();
    let new = NewAccount {
        id,
        login_tag: tags.odd,
        login_tag_even: tags.even,
        email: store::seal(&sealer, registry::ACCOUNT_EMAIL, row, &email)?,
        display_name: store::seal(&sealer, registry::ACCOUNT_DISPLAY_NAME, row, &DISPLAY_NAME)?,
        role,
        state: account_state::ACTIVE,
        now: ctx.now(),
    };
    let macs = ctx.keys.row_macs(tx.tenant()).await?;
    new.insert(tx, &macs).await.map_err(|error| match error.is_duplicate() {
        true => AppError::from(ADDRESS_TAKEN),
        false => error.into(),
    })?;
    Ok(id)
}

async fn tie(tx: &mut TenantTx, ctx: &Ctx, (patient, account): (PatientId, Uuid)) -> Result<(), StoreError> {
    let now = ctx.now();
    let tie = NewTie {
        id: new_id(),
        tenant_id: tx.tenant().as_uuid(),
        patient_id: patient.uuid(),
        party_id: account,
        kind: Tie::Subject.as_str(),
        founding: false,
        valid_from: now,
        valid_to: None,
        created_at: now,
        created_by: Uuid::from_bytes(ctx.account()),
        scope: Vec::new(),
    };
    ties::insert(tx, tie).await?;
    notice::enqueue(tx, account, NoticeKind::RecordOpened, now).await
}

async fn change_role(
    tx: &mut TenantTx,
    keys: &Keys,
    (account, role): (Uuid, Role),
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let Some(row) = record::locked(tx, keys, account).await? else { return Ok(()) };
    let mut row = row.into_inner();
    role.as_str().clone_into(&mut row.role);
    row.save(tx, keys, now).await?;
    Ok(())
}

/// Ends that an account is a patient's own. Where it stands in for others it stays for that, and is signed in to anew; otherwise
/// it is removed, and the address is nobody's.
async fn let_go(
    tx: &mut TenantTx,
    keys: &Keys,
    (account, patient): (Uuid, PatientId),
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    if ties::will_stand_in(tx, (account, patient.uuid()), now).await? {
        change_role(tx, keys, (account, Role::Proxy), now).await?;
        end_sessions(tx, account, None, now).await?;
        return Ok(());
    }
    remove(tx, &[account]).await
}

/// Ends it: the account is removed, its sessions end, and the tie to the record with them. Where it stands in for others too, that
/// stays. Ending it again changes nothing.
#[utoipa::path(post, path = "/api/v1/patients/{id}/account/end", tag = "patients", operation_id = "patient.access_close",
    request_body = PatientAccountEndInput, params(("id" = String, Path, description = "Patient id")),
    responses((status = 204, description = "Nobody sees the record by this account"),
        (status = 404, body = crate::error::Problem, content_type = "application/problem+json", description = "Absent, or out of reach")))]
pub async fn close(call: Call, Json(input): Json<PatientAccountEndInput>) -> Result<HttpResponse, AppError> {
    call.staff(async |ctx, tx| {
        let patient = there(&call, tx).await?;
        let unknown = || AppError::invalid_field("/account", "account_invalid");
        let wanted = AccountId::parse(&input.account).ok_or_else(unknown)?;
        let entry = ctx
            .entry(call.action(), Outcome::Allow)
            .resource("patient", patient.bytes())
            .subject(patient.bytes());
        if own_account(tx, ctx, patient).await? != Some(wanted.uuid()) {
            return Done::audited((), entry.reason("repeated"));
        }
        let own = wanted.uuid();
        ties::end(tx, (patient.uuid(), own, Tie::Subject), ctx.now()).await?;
        let_go(tx, &ctx.keys, (own, patient), ctx.now()).await?;
        Done::audited((), entry.touches("relationship"))
    })
    .await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Removes the account that is an erased patient's own, whose address is the patient's too, and those of people who stood in for
/// that patient alone.
///
/// # Errors
/// What the database or the key store says.
pub async fn forget(
    tx: &mut TenantTx,
    keys: &Keys,
    patient: PatientId,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    for (tie, role) in [(Tie::Subject, Role::Patient), (Tie::Proxy, Role::Proxy)] {
        let theirs: Vec<Uuid> = relationship::table
            .inner_join(account::table.on(account::id.eq(relationship::party_id)))
            .filter(relationship::patient_id.eq(patient.uuid()))
            .filter(relationship::kind.eq(tie.as_str()))
            .filter(account::role.eq(role.as_str()))
            .select(account::id)
            .distinct()
            .limit(ACCOUNTS_MAX)
            .load(tx.conn())
            .await?;
        for account in theirs {
            match tie {
                Tie::Subject => let_go(tx, keys, (account, patient), now).await?,
                _ => forget_idle_proxy(tx, keys, (account, patient), now).await?,
            }
        }
    }
    Ok(())
}

/// Removes an account by which somebody only stands in, if it is for nobody but this patient: its address is no business of the
/// clinic's then.
///
/// # Errors
/// What the database or the key store says.
pub async fn forget_idle_proxy(
    tx: &mut TenantTx,
    keys: &Keys,
    (account, patient): (Uuid, PatientId),
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let row = record::locked(tx, keys, account).await?;
    let is_proxy = row.is_some_and(|row| row.role == Role::Proxy.as_str());
    if is_proxy && !ties::will_stand_in(tx, (account, patient.uuid()), now).await? {
        remove(tx, &[account]).await?;
    }
    Ok(())
}

/// Removes accounts with everything that is theirs. The log names them by their ids, which stay nobody else's.
async fn remove(tx: &mut TenantTx, accounts: &[Uuid]) -> Result<(), StoreError> {
    macro_rules! delete_of {
        ($($table:ident)+) => {
            $(diesel::delete($table::table.filter($table::account_id.eq_any(accounts))).execute(tx.conn()).await?;)+
        };
    }
    delete_of!(session totp recovery_code passkey device notices recovery invitation sign_in_code email_change);
    delete_of!(phone_change account_phone);
    diesel::delete(account::table.filter(account::id.eq_any(accounts))).execute(tx.conn()).await?;
    Ok(())
}
