//! The platform API's route table: method, path, action and handler. It both serves and is what the tests walk.

use actix_web::http::Method;
use actix_web::web;

use super::access::Action;
use super::api::{directory, enrolments, geography, openapi, passkeys, sessions, support, tenants};
use crate::middleware::{method_not_allowed, not_found};

/// One line of the table.
pub struct PlatformRoute {
    /// The method.
    pub method: Method,
    /// The path, with `{…}` for parameters.
    pub path: &'static str,
    /// What a caller asks for with it; the handler allows exactly this.
    pub action: Action,
    /// Who answers.
    pub handler: fn() -> actix_web::Route,
}

macro_rules! routes {
    ($($method:ident $path:literal $action:ident $handler:path;)*) => {
        &[$(PlatformRoute {
            method: Method::$method,
            path: $path,
            action: Action::$action,
            handler: || web::method(Method::$method).to($handler),
        }),*]
    };
}

/// The whole platform API.
pub static ROUTES: &[PlatformRoute] = routes! {
    GET    "/platform/v1/openapi.json"           ApiDescribe      openapi::describe;
    POST   "/platform/v1/sessions"               SessionCreate    sessions::create;
    GET    "/platform/v1/sessions/current"       SessionRead      sessions::current;
    DELETE "/platform/v1/sessions/current"       SessionEnd       sessions::end;
    GET    "/platform/v1/sign-in"                SignInDescribe   sessions::ways;
    POST   "/platform/v1/passkeys/sign-in/begin" SessionChallenge passkeys::challenge;
    POST   "/platform/v1/passkeys/sign-in/finish" SessionCreatePasskey passkeys::sign_in;
    POST   "/platform/v1/enrolments/begin"       EnrolmentBegin   enrolments::begin;
    POST   "/platform/v1/enrolments/finish"      EnrolmentFinish  enrolments::finish;
    GET    "/platform/v1/passkeys"               PasskeyList      passkeys::list;
    POST   "/platform/v1/passkeys/begin"         PasskeyBegin     passkeys::begin;
    POST   "/platform/v1/passkeys/finish"        PasskeyAdd       passkeys::add;
    DELETE "/platform/v1/passkeys/{id}"          PasskeyRemove    passkeys::remove;
    GET    "/platform/v1/regions"                RegionList       geography::regions;
    POST   "/platform/v1/regions"                RegionAdd        geography::add_region;
    PUT    "/platform/v1/regions/{name}/transit" RegionTransit    geography::set_transit;
    GET    "/platform/v1/shards"                 ShardList        geography::shards;
    POST   "/platform/v1/shards"                 ShardAdd         geography::add_shard;
    GET    "/platform/v1/tenants"                TenantList       tenants::list;
    POST   "/platform/v1/tenants"                TenantCreate     tenants::create;
    GET    "/platform/v1/tenants/{id}"           TenantRead       tenants::get;
    GET    "/platform/v1/tenants/{id}/steps"     TenantSteps      tenants::steps;
    GET    "/platform/v1/tenants/{id}/keys"      TenantKeys       tenants::keys;
    POST   "/platform/v1/tenants/{id}/suspend"   TenantSuspend    tenants::suspend;
    POST   "/platform/v1/tenants/{id}/resume"    TenantResume     tenants::resume;
    POST   "/platform/v1/tenants/{id}/offboard"  TenantOffboard   tenants::offboard;
    GET    "/platform/v1/directory"              DirectoryHead    directory::head;
    GET    "/platform/v1/directory/entries"      DirectoryEntries directory::entries;
    POST   "/platform/v1/tenants/{id}/support-grants"     SupportAsk    support::ask;
    GET    "/platform/v1/support-grants"                  SupportList   support::list;
    GET    "/platform/v1/support-grants/{id}"             SupportRead   support::get;
    POST   "/platform/v1/support-grants/{id}/end"         SupportEnd    support::end;
    POST   "/platform/v1/support-grants/{id}/looks"       SupportLook   support::look;
    GET    "/platform/v1/support-grants/{id}/looks/{look}" SupportAnswer support::answer;
};

/// The line that a request's method and matched pattern belong to.
#[must_use]
pub fn find(method: &Method, pattern: &str) -> Option<&'static PlatformRoute> {
    ROUTES.iter().find(|route| route.method == *method && route.path == pattern)
}

/// Registers the table.
pub fn register(service: &mut web::ServiceConfig) {
    let mut paths: Vec<&'static str> = ROUTES.iter().map(|route| route.path).collect();
    paths.dedup();
    for path in paths {
        let mut resource = web::resource(path).default_service(web::to(method_not_allowed));
        for route in ROUTES.iter().filter(|route| route.path == path) {
            resource = resource.route((route.handler)());
        }
        service.service(resource);
    }
    service.default_service(web::to(not_found));
}
