//! Every route of the backend: method, path, action, rate class and handler. The server and the tests walk this one list.

use actix_web::http::Method;
use actix_web::web;

use crate::access::Action;
use crate::middleware::rate::RateClass;
use crate::{
    audit, auth, break_glass, corrections, disclosures, documents, erasure, keystore, oauth, openapi,
    patients, proxies, relationships, sites, staff, support, worklist,
};

/// One line of the table.
#[derive(Debug)]
pub struct Route {
    /// HTTP method.
    pub method: Method,
    /// Path pattern; an `{id}` is always an opaque id.
    pub path: &'static str,
    /// What the caller asks for.
    pub action: Action,
    /// How fast it may be asked for.
    pub rate: RateClass,
    /// Who answers.
    pub handler: fn() -> actix_web::Route,
}

macro_rules! routes {
    ($($method:ident $path:literal $action:ident $rate:ident $handler:path;)*) => {
        /// The table.
        pub static ROUTES: &[Route] = &[$(Route {
            method: Method::$method,
            path: $path,
            action: Action::$action,
            rate: RateClass::$rate,
            handler: || web::route().method(Method::$method).to($handler),
        }),*];
    };
}

routes! {
    // A request is compared with one path after the other: what is asked for most comes first, and of two paths that fit the
    // same request the one without a parameter.
    POST   "/api/v1/patients"           PatientCreate    Write    patients::api::create;
    GET    "/api/v1/patients"           PatientList      Bulk     patients::api::list;
    POST   "/api/v1/patients/search"    PatientSearch    Bulk     patients::api::search;
    POST   "/api/v1/patients/matches"   PatientMatch     Bulk     patients::matches::look;
    GET    "/api/v1/patients/{id}"      PatientRead      Read     patients::api::read;
    PUT    "/api/v1/patients/{id}"      PatientUpdate    Write    patients::api::update;
    GET    "/api/v1/openapi.json"       ApiDescribe      Open     openapi::read;
    POST   "/api/v1/invitations/accept" InvitationAccept SignIn   auth::api::accept_invitation;
    POST   "/api/v1/sessions"           SessionCreate    SignIn   auth::api::sign_in;
    GET    "/api/v1/sessions/current"   SessionRead      Read     auth::api::read_session;
    DELETE "/api/v1/sessions/current"   SessionEnd       Write    auth::api::sign_out;
    GET    "/api/v1/me"                 MeRead           Read     auth::api::read_me;
    POST   "/api/v1/sessions/current/factor" SessionProve SignIn auth::factor::api::prove;
    GET    "/api/v1/me/factors"         FactorList       Read     auth::factor::api::list;
    POST   "/api/v1/me/factors/totp"    TotpEnrol        Write    auth::factor::api::enrol;
    POST   "/api/v1/me/factors/totp/confirm" TotpConfirm SignIn   auth::factor::api::confirm;
    POST   "/api/v1/me/factors/recovery-codes" RecoveryRenew Write auth::factor::api::renew_recovery_codes;
    POST   "/api/v1/me/factors/passkeys/options" PasskeyBegin Write auth::passkey::api::begin;
    POST   "/api/v1/me/factors/passkeys" PasskeyAdd      SignIn   auth::passkey::api::add;
    DELETE "/api/v1/me/factors/passkeys/{id}" PasskeyRemove Write auth::passkey::api::remove;
    POST   "/api/v1/sessions/current/factor/options" PasskeyChallenge Write auth::passkey::api::challenge;
    POST   "/api/v1/sessions/passkey/options" SessionChallenge SignIn auth::passkey::api::sign_in_options;
    POST   "/api/v1/sessions/passkey"   SessionCreatePasskey SignIn auth::passkey::api::sign_in;
    POST   "/api/v1/sessions/code"      SessionCode      SignIn   auth::mail_code::ask;
    POST   "/api/v1/sessions/code/complete" SessionCreateCode SignIn auth::mail_code::complete;
    POST   "/api/v1/recovery"           RecoveryAsk      SignIn   auth::recover::ask;
    POST   "/api/v1/recovery/complete"  RecoveryComplete SignIn   auth::recover::complete;
    GET    "/api/v1/me/sessions"        SessionList      Read     auth::own::sessions;
    DELETE "/api/v1/me/sessions/{id}"   SessionRevoke    Write    auth::own::revoke;
    GET    "/api/v1/settings/sessions"  SessionPolicyRead Read   auth::policy::read;
    PUT    "/api/v1/settings/sessions"  SessionPolicyChange Write auth::policy::change;
    GET    "/api/v1/settings/documents" DocumentPolicyRead Read   documents::policy::read;
    PUT    "/api/v1/settings/documents" DocumentPolicyChange Write documents::policy::change;
    PUT    "/api/v1/me/password"        PasswordChange   SignIn   auth::own::change_password;
    POST   "/api/v1/me/email"           EmailAsk         SignIn   auth::email_change::ask;
    POST   "/api/v1/me/email/confirm"   EmailChange      SignIn   auth::email_change::confirm;
    GET    "/api/v1/me/phone"           PhoneRead        Read     auth::phone::read;
    POST   "/api/v1/me/phone"           PhoneAsk         SignIn   auth::phone::ask;
    DELETE "/api/v1/me/phone"           PhoneRemove      Write    auth::phone::remove;
    POST   "/api/v1/me/phone/confirm"   PhoneSet         SignIn   auth::phone::confirm;
    POST   "/api/v1/staff/{id}/sessions/end" StaffEndSessions Write auth::own::end_staff_sessions;
    POST   "/api/v1/staff/{id}/factors/reset" FactorReset Write   auth::factor::api::reset;
    GET    "/api/v1/oauth/clients"      OauthClientList  Read     oauth::clients::list;
    POST   "/api/v1/oauth/clients"      OauthClientRegister Write oauth::clients::register;
    GET    "/api/v1/oauth/clients/{id}" OauthClientRead  Read     oauth::change::read;
    PATCH  "/api/v1/oauth/clients/{id}" OauthClientChange Write   oauth::change::change;
    PUT    "/api/v1/oauth/clients/{id}/keys" OauthClientKeys Write oauth::clients::replace_keys;
    POST   "/api/v1/oauth/clients/{id}/disable" OauthClientDisable Write oauth::clients::disable;
    POST   "/api/v1/oauth/authorize"    OauthAuthorize   Write    oauth::authorize::decide;
    POST   "/api/v1/oauth/token"        OauthToken       SignIn   oauth::token::give;
    GET    "/api/v1/staff"              StaffList        Read     staff::api::list;
    GET    "/api/v1/colleagues"         ColleagueList    Read     staff::colleagues::list;
    POST   "/api/v1/staff"              StaffInvite      Write    staff::api::invite;
    POST   "/api/v1/staff/{id}/unlock"  StaffUnlock      Write    staff::api::unlock;
    PUT    "/api/v1/staff/{id}/role"    StaffRole        Write    staff::change::role;
    POST   "/api/v1/staff/{id}/deactivate" StaffDeactivate Write  staff::change::deactivate;
    POST   "/api/v1/staff/{id}/reactivate" StaffReactivate Write  staff::change::reactivate;
    PUT    "/api/v1/staff/{id}/sites"   StaffSites       Write    sites::api::assign;
    GET    "/api/v1/sites"              SiteList         Read     sites::api::list;
    POST   "/api/v1/sites"              SiteCreate       Write    sites::api::create;
    PUT    "/api/v1/sites/{id}"         SiteRename       Write    sites::change::rename;
    POST   "/api/v1/sites/{id}/close"   SiteClose        Write    sites::change::close;
    POST   "/api/v1/sites/{id}/reopen"  SiteReopen       Write    sites::change::reopen;
    POST   "/api/v1/break-glass"                 BreakGlassStart  Write break_glass::api::start;
    GET    "/api/v1/break-glass"                 BreakGlassList   Bulk  break_glass::api::list;
    POST   "/api/v1/break-glass/{id}/end"        BreakGlassEnd    Write break_glass::api::end;
    POST   "/api/v1/break-glass/{id}/review"     BreakGlassReview Write break_glass::api::review;
    PUT    "/api/v1/patients/{id}/contact"       PatientContact Write patients::api::contact;
    GET    "/api/v1/patients/{id}/account"       PatientAccessRead Read patients::account::read;
    POST   "/api/v1/patients/{id}/account"       PatientAccessOpen Write patients::account::open;
    POST   "/api/v1/patients/{id}/account/end"   PatientAccessClose Write patients::account::close;
    POST   "/api/v1/patients/{id}/proxies"       ProxyRecord  Write proxies::api::record;
    GET    "/api/v1/patients/{id}/proxies"       ProxyList    Read  proxies::api::list;
    POST   "/api/v1/patients/{id}/proxies/{proxy}/end" ProxyEnd Write proxies::api::end;
    GET    "/api/v1/patients/{id}/sites"         PatientSitesRead Read sites::api::registered;
    PUT    "/api/v1/patients/{id}/sites"         PatientSites Write sites::api::register;
    GET    "/api/v1/patients/{id}/care-team"     CareTeamRead  Read  relationships::api::care_team;
    POST   "/api/v1/patients/{id}/care-team"     CareTeamJoin  Write relationships::api::join;
    POST   "/api/v1/patients/{id}/care-team/end" CareTeamLeave Write relationships::api::leave;
    POST   "/api/v1/patients/{id}/documents"       DocumentCreate   Write documents::api::create;
    GET    "/api/v1/patients/{id}/documents"       DocumentList     Bulk  documents::api::list;
    GET    "/api/v1/documents/{id}"                DocumentRead     Read  documents::api::read;
    PUT    "/api/v1/documents/{id}"                DocumentUpdate   Write documents::api::update;
    PATCH  "/api/v1/documents/{id}"                DocumentRefile   Write documents::refile::refile;
    DELETE "/api/v1/documents/{id}"                DocumentDelete   Write documents::api::delete;
    PUT    "/api/v1/documents/{id}/content"        DocumentUpload   Write documents::upload::put_content;
    PUT    "/api/v1/documents/{id}/parts/{number}" DocumentPart     Write documents::upload::put_part;
    POST   "/api/v1/documents/{id}/complete"       DocumentComplete Write documents::upload::complete;
    GET    "/api/v1/documents/{id}/content"        DocumentDownload Read  documents::download::read;
    POST   "/api/v1/documents/{id}/links"          DocumentLink     Write documents::links::create;
    GET    "/api/v1/document-links/{id}"           DocumentRedeem   Read  documents::links::redeem;
    POST   "/api/v1/patients/{id}/erasures"        ErasureRequest   Write erasure::api::request;
    GET    "/api/v1/patients/{id}/erasures"        ErasureRead      Read  erasure::api::read;
    POST   "/api/v1/patients/{id}/erasures/approve" ErasureApprove   Write erasure::api::approve;
    POST   "/api/v1/patients/{id}/erasures/cancel" ErasureCancel    Write erasure::api::cancel;
    GET    "/api/v1/patients/{id}/holds"           LegalHoldList    Read  erasure::api::list_holds;
    POST   "/api/v1/patients/{id}/holds"           LegalHoldPlace   Write erasure::api::place_hold;
    POST   "/api/v1/patients/{id}/holds/release"   LegalHoldRelease Write erasure::api::release_hold;
    POST   "/api/v1/audit/search"       AuditSearch      Bulk     audit::api::search;
    GET    "/api/v1/audit/events/{id}/receipt" AuditReceipt Read   audit::api::receipt;
    GET    "/api/v1/audit/state"        AuditState       Read     audit::state::read;
    GET    "/api/v1/keys"               KeysRead         Read     keystore::status::read;
    GET    "/api/v1/patients/{id}/access-report" AccessReport     Bulk  audit::report::read;
    GET    "/api/v1/patients/{id}/disclosures"   DisclosureList   Bulk  disclosures::api::list;
    POST   "/api/v1/patients/{id}/disclosures"   DisclosureRecord Write disclosures::api::record;
    POST   "/api/v1/patients/{id}/corrections"   CorrectionAsk    Write corrections::api::ask;
    GET    "/api/v1/patients/{id}/corrections"   CorrectionList   Read  corrections::api::list;
    GET    "/api/v1/corrections"                 CorrectionWaiting Bulk corrections::waiting::list;
    POST   "/api/v1/patients/{id}/corrections/{correction}/answer" CorrectionAnswer Write corrections::api::answer;
    GET    "/api/v1/worklist"                    WorklistRead     Bulk  worklist::api::read;
    GET    "/api/v1/audit/packs"                     PackList     Read audit::pack::download::list;
    GET    "/api/v1/audit/packs/{id}/files/{number}" PackDownload Read audit::pack::download::download;
    GET    "/api/v1/support-grants"              SupportList    Read  support::api::list;
    POST   "/api/v1/support-grants/{id}/approve" SupportApprove Write support::api::approve;
    POST   "/api/v1/support-grants/{id}/refuse"  SupportRefuse  Write support::api::refuse;
    POST   "/api/v1/support-grants/{id}/end"     SupportEnd     Write support::api::end;
}

/// The lines that a server serves.
#[derive(Debug, Clone, Copy, Default)]
pub struct Table {
    extra: &'static [Route],
}

impl Table {
    /// The product's lines and some of a test's own; no configuration leads here.
    #[must_use]
    pub const fn with(extra: &'static [Route]) -> Table {
        Table { extra }
    }

    fn lines(self) -> impl Iterator<Item = &'static Route> {
        ROUTES.iter().chain(self.extra)
    }

    /// The line that a request's method and matched pattern belong to.
    #[must_use]
    pub fn find(self, method: &Method, pattern: &str) -> Option<&'static Route> {
        self.lines().find(|route| route.method == *method && route.path == pattern)
    }

    /// Registers the table; a known path with another method is 405, everything else 404.
    pub fn configure(self, config: &mut web::ServiceConfig) {
        config.app_data(self);
        let mut paths: Vec<&'static str> = Vec::new();
        for route in self.lines() {
            if !paths.contains(&route.path) {
                paths.push(route.path);
            }
        }
        for path in paths {
            let mut resource =
                web::resource(path).default_service(web::to(crate::middleware::method_not_allowed));
            for route in self.lines().filter(|route| route.path == path) {
                resource = resource.route((route.handler)());
            }
            config.service(resource);
        }
        config.default_service(web::to(crate::middleware::not_found));
    }
}
