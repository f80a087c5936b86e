//! One call of a handler: from the checked request to a committed transaction, in one place for all of them.
//!
//! A handler gives its work as a closure over the context and the open transaction. Whether the caller may do it is decided
//! before the closure runs, by the action its route names; what the closure returns leaves only after the commit.

use std::future::{Ready, ready};
use std::sync::Arc;

use actix_web::dev::Payload;
use actix_web::http::header::HeaderMap;
use actix_web::{FromRequest, HttpMessage as _, HttpRequest, web};
use regions::log::{self, Field};
use tenancy::audit::{AuditEntry, Outcome, Purpose, Unaudited};
use tenancy::keys::Purpose as KeyPurpose;
use tenancy::{TenantTx, TxError};

use crate::access::{self, Audience, Unsure, Within};
use crate::app::App;
use crate::audit::pack::download::PackId;
use crate::auth::queries::{self as sessions, FoundBy, FoundSession, LiveSession};
use crate::auth::{csrf, session};
use crate::break_glass::model::BreakGlassId;
use crate::ctx::{Actor, Ctx};
use crate::documents::model::DocumentId;
use crate::error::{
    AppError, BAD_PURPOSE, CSRF, FORBIDDEN, SECOND_FACTOR_REQUIRED, STEP_UP_REQUIRED, UNAUTHENTICATED,
};
use crate::middleware::Routed;
use crate::oauth::access_token;
use crate::oauth::bearer::{self, Presented};
use crate::oauth::model::ClientId;
use crate::patients::model::PatientId;
use crate::relationships::model::Tie;
use crate::relationships::queries;
use crate::routes::Route;
use crate::sites::model::SiteId;
use crate::staff::model::AccountId;
use crate::store::StoreError;
use crate::support::model::GrantId;

/// Paths that name a patient begin with this.
const ABOUT_A_PATIENT: &str = "/api/v1/patients/{id}";

/// What a handler is given besides its input.
pub struct Call {
    /// The process's shared parts.
    pub app: web::Data<App>,
    routed: Routed,
    route: &'static Route,
    request: HttpRequest,
}

/// What the work of a handler ends with.
pub struct Done<T> {
    /// The answer, which is released after the commit.
    pub value: T,
    /// What the commit records.
    pub record: Record,
}

/// What a request shows its session by.
enum Shown {
    /// The hash of a browser's token.
    Cookie([u8; 32]),
    /// An access token that was checked.
    Token(Box<access_token::Shown>),
}

impl Shown {
    fn found_by(&self) -> FoundBy {
        match self {
            Shown::Cookie(hash) => FoundBy::Cookie(*hash),
            Shown::Token(token) => FoundBy::Client(token.session, token.client),
        }
    }
}

/// The session that is shown, seen in use from now on. With a token there is a reason when there is none.
async fn resume(
    tx: &mut TenantTx,
    shown: &Shown,
    found: Option<FoundSession>,
    app: &App,
) -> Result<Result<LiveSession, Option<&'static str>>, StoreError> {
    let live = sessions::live(tx, app.keys(), found, app.clock.now().into()).await?;
    let resumed = match shown {
        Shown::Cookie(_) => live.ok_or(None),
        Shown::Token(token) => bearer::resume(tx, token, live, app.keys()).await?.map_err(Some),
    };
    if let Ok(live) = &resumed {
        session::seen(tx, live, app).await?;
    }
    Ok(resumed)
}

/// What a commit records.
pub enum Record {
    /// An audit entry.
    Audit(Box<AuditEntry>),
    /// Nothing, for a named reason; never where patients' data was touched.
    Nothing(Unaudited),
}

impl<T> Done<T> {
    /// An answer whose access is recorded.
    pub fn audited(value: T, entry: AuditEntry) -> Result<Done<T>, AppError> {
        Ok(Done { value, record: Record::Audit(Box::new(entry)) })
    }

    /// An answer that touched no patient's data.
    pub fn unaudited(value: T, why: Unaudited) -> Result<Done<T>, AppError> {
        Ok(Done { value, record: Record::Nothing(why) })
    }
}

impl FromRequest for Call {
    type Error = AppError;
    type Future = Ready<Result<Call, AppError>>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        let app = request.app_data::<web::Data<App>>().cloned();
        let routed = request.extensions().get::<Routed>().cloned();
        ready(match (app, routed) {
            (Some(app), Some(routed)) => match routed.route {
                Some(route) => Ok(Call { app, routed, route, request: request.clone() }),
                None => Err(AppError::internal("call.no_route")),
            },
            _ => Err(AppError::internal("call.not_routed")),
        })
    }
}

impl Call {
    /// The request's headers.
    #[must_use]
    pub fn headers(&self) -> &HeaderMap {
        self.request.headers()
    }

    /// A part of the path.
    #[must_use]
    pub fn path(&self, name: &str) -> &str {
        self.request.match_info().get(name).unwrap_or_default()
    }

    /// The query string.
    #[must_use]
    pub fn query(&self) -> &str {
        self.request.query_string()
    }

    /// Where the clinic's own pages are.
    #[must_use]
    pub fn origin(&self) -> String {
        let host = &self.routed.clinic.host;
        match self.app.public_port {
            443 => format!("https://{host}"),
            port => format!("https://{host}:{port}"),
        }
    }

    /// The action's name, for the transaction and the audit entry.
    #[must_use]
    pub fn action(&self) -> &'static str {
        self.route.action.name()
    }

    /// The context before sign-in.
    ///
    /// # Errors
    /// When the purpose header names no known purpose.
    pub fn anonymous(&self) -> Result<Ctx, AppError> {
        self.context(None)
    }

    /// The clinic's host.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.routed.clinic.host
    }

    /// Refuses a request that changes something and does not come from the clinic's own pages.
    ///
    /// # Errors
    /// `csrf`.
    pub fn check_origin(&self) -> Result<(), AppError> {
        if csrf::is_safe(self.request.method()) {
            return Ok(());
        }
        csrf::check_origin(self.headers(), &[self.origin()]).map_err(|reason| {
            log::security(
                "csrf_refused",
                &[Field::Code(reason), Field::Tenant(self.routed.clinic.record.id)],
            );
            AppError::from(CSRF).because(reason)
        })
    }

    /// Refuses a request that a page of another site sent. Programs, which say nothing of where they are, may go on: only for
    /// routes that take nothing from a browser's cookies.
    ///
    /// # Errors
    /// `csrf`.
    pub fn check_not_from_a_page(&self) -> Result<(), AppError> {
        match csrf::check_origin(self.headers(), &[self.origin()]) {
            Ok(()) | Err(csrf::NO_ORIGIN) => Ok(()),
            Err(_) => self.check_origin(),
        }
    }

    /// Does the work for a signed-in staff member whose role allows it, and commits what it did with its audit entry.
    ///
    /// # Errors
    /// What stopped it; nothing was changed or released then. A denial has left its own audit entry.
    pub async fn staff<T, F>(&self, work: F) -> Result<T, AppError>
    where
        F: AsyncFnOnce(&Ctx, &mut TenantTx) -> Result<Done<T>, AppError>,
    {
        // On the heap: a handler's future would otherwise carry the whole transaction's on the stack of its thread.
        Box::pin(self.in_transaction(work)).await
    }

    /// Whether the request came with an access token, and so nothing of it is for a browser to keep.
    #[must_use]
    pub fn is_bearer(&self) -> bool {
        !matches!(bearer::presented(self.headers()), Presented::Cookie)
    }

    /// What the request shows its session by, as far as that can be checked without the database. A token that is not taken
    /// leaves its audit entry here.
    async fn shown(&self) -> Result<Shown, AppError> {
        let reason = match bearer::presented(self.headers()) {
            Presented::Cookie => {
                self.check_origin()?;
                let token = session::from_cookie(self.headers()).ok_or(UNAUTHENTICATED)?;
                return Ok(Shown::Cookie(token.hash()));
            }
            // No browser adds a token by itself, so there is nothing to prove about where the request comes from.
            Presented::Token(token) => match bearer::check(&self.app, &self.routed.clinic, token).await? {
                Ok(shown) => return Ok(Shown::Token(Box::new(shown))),
                Err(reason) => reason,
            },
            Presented::Refused(reason) => reason,
        };
        Err(self.refuse_token(reason).await?)
    }

    /// The answer to a token that is not taken, once that is recorded.
    async fn refuse_token(&self, reason: &'static str) -> Result<AppError, AppError> {
        self.record_denial(&self.context(None)?, reason).await?;
        Ok(bearer::invalid().because(reason))
    }

    async fn in_transaction<T, F>(&self, work: F) -> Result<T, AppError>
    where
        F: AsyncFnOnce(&Ctx, &mut TenantTx) -> Result<Done<T>, AppError>,
    {
        // What is the same for every handler is compiled once, beside the work: within it there were eighty copies.
        let (ctx, mut tx) = Box::pin(self.opened()).await?;
        match work(&ctx, &mut tx).await {
            Ok(Done { value, record }) => Box::pin(finish(tx, record)).await.map(|()| value),
            Err(error) => Err(Box::pin(self.give_up(ctx, tx, error)).await),
        }
    }

    /// A transaction that acts for the caller, who may do what the route names.
    async fn opened(&self) -> Result<(Ctx, TenantTx), AppError> {
        let shown = self.shown().await?;
        self.warm_keys().await?;
        let (by, now) = (shown.found_by(), self.app.clock.now().into());
        let (tenant, regional) = (self.routed.clinic.tenant(), &self.app.regional);
        let begun = regional
            .begin_for_caller_asking(tenant, self.action(), move |connection| {
                sessions::ask_session(connection, by, now)
            })
            .await?;
        let (mut tx, found) = begun;
        let live = match resume(&mut tx, &shown, found, &self.app).await {
            Ok(Ok(live)) => live,
            Ok(Err(None)) => {
                roll_back(tx).await;
                return Err(UNAUTHENTICATED.into());
            }
            Ok(Err(Some(reason))) => {
                roll_back(tx).await;
                return Err(self.refuse_token(reason).await?);
            }
            Err(error) => {
                roll_back(tx).await;
                return Err(error.into());
            }
        };
        let actor = Actor {
            account: live.account.into_bytes(),
            role: live.role,
            session: live.id.into_bytes(),
            factor: live.factor,
        };
        let mut ctx = match self.context(Some(actor)) {
            Ok(ctx) => ctx,
            Err(error) => {
                roll_back(tx).await;
                return Err(error);
            }
        };
        let allowed = match self.authorise(&ctx, &live) {
            Ok(()) => self.enter(&mut ctx, &mut tx).await,
            Err(error) => Err(error),
        };
        match allowed {
            Ok(()) => Ok((ctx, tx)),
            Err(error) => Err(self.give_up(ctx, tx, error).await),
        }
    }

    /// Takes back what was done, and records it when the failure is a denial. Gives what the caller is answered with.
    async fn give_up(&self, ctx: Ctx, tx: TenantTx, error: AppError) -> AppError {
        roll_back(tx).await;
        if let Some(reason) = error.denial
            && let Err(unrecorded) = self.record_denial(&ctx, reason).await
        {
            return unrecorded;
        }
        error
    }

    /// Has the clinic's keys in memory before a connection is taken, so that a slow KMS holds no connection.
    async fn warm_keys(&self) -> Result<(), AppError> {
        let (keys, tenant) = (self.app.keys(), self.routed.clinic.record.id);
        tokio::try_join!(
            keys.tenant_key(tenant, KeyPurpose::BlindIndex),
            keys.tenant_key(tenant, KeyPurpose::Seal),
            keys.tenant_key(tenant, KeyPurpose::RowMac)
        )?;
        Ok(())
    }

    fn context(&self, actor: Option<Actor>) -> Result<Ctx, AppError> {
        Ok(Ctx {
            clinic: Arc::clone(&self.routed.clinic),
            actor,
            purpose: purpose(self.headers())?,
            request_id: self.routed.assertion.request_id,
            client_ip: self.routed.assertion.client_ip,
            taken_up: self.app.clock.now().into(),
            keys: Arc::clone(self.app.keys()),
            policy: self.app.policy,
            needs: access::needs(self.route.action),
            tie: None,
        })
    }

    /// From here on the transaction acts for the caller, and the patient that the path names, if it names one, is within
    /// the caller's reach. One who is not is answered like one who is nowhere.
    async fn enter(&self, ctx: &mut Ctx, tx: &mut TenantTx) -> Result<(), AppError> {
        let (caller, within) = (ctx.caller(), ctx.within());
        if !self.route.path.starts_with(ABOUT_A_PATIENT) {
            return Ok(tx.act_as(&caller).await?);
        }
        let patient = PatientId::parse(self.path("id")).ok_or_else(AppError::absent)?;
        let kind = tx
            .act_as_asking(&caller, |connection| queries::ask_tie(connection, within, patient.uuid()))
            .await?;
        if within == Within::Everyone {
            return Ok(());
        }
        let tie = Tie::parse(&kind.ok_or_else(AppError::absent)?).ok_or(StoreError::Shape)?;
        if tie == Tie::BreakGlass {
            ctx.purpose = Purpose::BreakGlass;
            if !access::in_emergency(self.route.action) {
                return Err(AppError::from(FORBIDDEN).denied("break_glass"));
            }
        }
        ctx.tie = Some(tie);
        self.stand_in(ctx, tie)
    }

    /// Whoever stands in for the patient may do what a proxy may, also with a patient's account.
    fn stand_in(&self, ctx: &mut Ctx, tie: Tie) -> Result<(), AppError> {
        let Some(actor) = &mut ctx.actor else { return Ok(()) };
        let role = access::acting_as(actor.role, tie);
        let allowed = role == actor.role || (self.app.policy.may)(role, self.route.action);
        actor.role = role;
        if allowed { Ok(()) } else { Err(AppError::from(FORBIDDEN).denied("role")) }
    }

    fn authorise(&self, ctx: &Ctx, live: &LiveSession) -> Result<(), AppError> {
        if live.scope.is_none()
            && !csrf::is_safe(self.request.method())
            && let Err(reason) = csrf::check_token(self.headers(), &live.csrf_hash)
        {
            return Err(AppError::from(CSRF).because(reason).denied(reason));
        }
        let action = self.route.action;
        self.app.rates.check_actor(self.route.rate, ctx.tenant().id, ctx.account())?;
        let allowed = match action.audience() {
            Audience::Anyone => true,
            Audience::Staff => (self.app.policy.may)(live.role, action),
        };
        if !allowed {
            return Err(AppError::from(FORBIDDEN).denied("role"));
        }
        if live.scope.as_ref().is_some_and(|scope| !scope.allows(action)) {
            return Err(bearer::out_of_scope());
        }
        sure_enough(action.assurance(), ctx)
    }

    /// Records a denial in a transaction of its own, on connections kept for that.
    async fn record_denial(&self, ctx: &Ctx, reason: &'static str) -> Result<(), AppError> {
        let mut entry = ctx.entry(self.action(), Outcome::Deny).reason(reason);
        if let Some(patient) = PatientId::parse(self.path("id")) {
            entry = entry.resource("patient", patient.bytes());
        } else if let Some(emergency) = BreakGlassId::parse(self.path("id")) {
            entry = entry.resource("break_glass", emergency.bytes());
        } else if let Some(account) = AccountId::parse(self.path("id")) {
            entry = entry.resource("account", account.bytes());
        } else if let Some(pack) = PackId::parse(self.path("id")) {
            entry = entry.resource("audit_pack", pack.bytes());
        } else if let Some(client) = ClientId::parse(self.path("id")) {
            entry = entry.resource("oauth_client", client.bytes());
        } else if let Some(document) = DocumentId::parse(self.path("id")) {
            entry = entry.resource("document", document.bytes());
        } else if let Some(grant) = GrantId::parse(self.path("id")) {
            entry = entry.resource("support_grant", grant.bytes());
        } else if let Some(site) = SiteId::parse(self.path("id")) {
            entry = entry.resource("site", site.bytes());
        }
        let tx = self.app.regional.begin_reserved(ctx.tenant(), "denial").await?;
        tx.commit(entry).await?;
        Ok(())
    }
}

/// Whether the caller's session has proven what is asked for.
///
/// # Errors
/// `second_factor_required` or `step_up_required`, recorded as a denial.
pub fn sure_enough(needed: access::Assurance, ctx: &Ctx) -> Result<(), AppError> {
    let proven = ctx.actor.and_then(|actor| actor.factor);
    // Who reads somebody's mail may see what that person sees and add a first factor, of which the person is told; whatever
    // asks for a fresh factor takes more than that, and somebody who is there.
    let weak = proven.is_some_and(|factor| !factor.kind.steps_up());
    if weak && needed == access::Assurance::StepUp {
        return Err(AppError::from(STEP_UP_REQUIRED).denied("step_up"));
    }
    let factor_at = proven.map(|factor| factor.at);
    needed.check(factor_at, ctx.now()).map_err(|unsure| match unsure {
        Unsure::NoFactor => AppError::from(SECOND_FACTOR_REQUIRED).denied("second_factor"),
        Unsure::TooOld => AppError::from(STEP_UP_REQUIRED).denied("step_up"),
    })
}

async fn finish(tx: TenantTx, record: Record) -> Result<(), AppError> {
    match record {
        Record::Audit(entry) => drop(tx.commit(*entry).await?),
        Record::Nothing(why) => tx.commit_without_audit(why).await?,
    }
    Ok(())
}

/// Rolls back. A failure closes the connection; the caller's answer does not depend on it.
pub async fn roll_back(tx: TenantTx) {
    let tenant = tx.tenant();
    if let Err(error) = tx.rollback().await {
        log::warn("rollback_failed", &[Field::Code(error.code()), Field::Tenant(tenant)]);
    }
}

/// The purpose a caller names (HL7 v3 ActReason codes); care of the patient when it names none.
fn purpose(headers: &HeaderMap) -> Result<Purpose, AppError> {
    let mut named = headers.get_all("x-purpose-of-use");
    match (named.next().map(|value| value.as_bytes()), named.next()) {
        (None, _) | (Some(b"TREAT"), None) => Ok(Purpose::Treatment),
        (Some(b"HPAYMT"), None) => Ok(Purpose::Payment),
        (Some(b"HOPERAT"), None) => Ok(Purpose::Operations),
        _ => Err(BAD_PURPOSE.into()),
    }
}

impl From<TxError> for AppError {
    fn from(error: TxError) -> AppError {
        use crate::error::{AUDIT_UNAVAILABLE, BUSY, MISDIRECTED, UNAVAILABLE};
        let code = error.code();
        match error {
            TxError::Busy | TxError::TimedOut => AppError::from(BUSY).because(code).retry_after(1),
            TxError::Unavailable | TxError::NotServed => AppError::from(UNAVAILABLE).because(code),
            TxError::StaleEpoch => AppError::from(MISDIRECTED).because(code),
            TxError::AuditUnavailable => AppError::from(AUDIT_UNAVAILABLE).because(code),
            TxError::Rejected(_) | TxError::AuditMissing => {
                log::security("transaction_refused", &[Field::Code(code)]);
                AppError::internal(code)
            }
            TxError::Db(_) => AppError::internal(code),
            TxError::Keys(error) => error.into(),
        }
    }
}

impl From<tenancy::keys::KeyError> for AppError {
    fn from(error: tenancy::keys::KeyError) -> AppError {
        use crate::error::{KEY_REVOKED, UNAVAILABLE};
        use tenancy::keys::KeyError;
        match error {
            KeyError::Unavailable => AppError::from(UNAVAILABLE).because("key.unavailable"),
            KeyError::Revoked => AppError::from(KEY_REVOKED).because("key.revoked"),
            KeyError::Tampered => AppError::internal("key.tampered"),
            KeyError::NotFound => AppError::from(KEY_REVOKED).because("key.not_found"),
        }
    }
}

impl From<crate::store::StoreError> for AppError {
    fn from(error: crate::store::StoreError) -> AppError {
        use crate::store::StoreError;
        match error {
            StoreError::Tx(error) => error.into(),
            StoreError::Keys(error) => error.into(),
            StoreError::Seal(_) => AppError::internal("seal.failed"),
            StoreError::Open(error) if error.is_tampering() => AppError::internal("open.tampered"),
            StoreError::Open(_) => AppError::internal("open.failed"),
            StoreError::Shape => AppError::internal("open.shape"),
            StoreError::Tag => AppError::internal("tag.failed"),
        }
    }
}
