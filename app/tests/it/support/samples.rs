//! A valid body for every route that takes one, and a path for every pattern.

use std::time::SystemTime;

use app::routes::Route;
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use super::oauth::REDIRECT;

/// Stands in a sample body for the id of an account; a test that wants the request to succeed puts one there.
pub(crate) const ACCOUNT: &str = "stf_aaaaaaaaaaaaaaaaaaaaaaaaaa";

/// Stands in a sample body for the id of a site.
pub(crate) const SITE: &str = "site_aaaaaaaaaaaaaaaaaaaaaaaaaa";

/// Stands in a sample body for the id of an application.
pub(crate) const CLIENT: &str = "cli_aaaaaaaaaaaaaaaaaaaaaaaaaa";

/// Stands in a sample path for the id of a request to correct the record.
pub(crate) const CORRECTION: &str = "cor_aaaaaaaaaaaaaaaaaaaaaaaaaa";

/// Stands in a sample path for the id of somebody who stands in for a patient.
pub(crate) const PROXY: &str = "prx_aaaaaaaaaaaaaaaaaaaaaaaaaa";

/// Somebody who may stand in for the adult of [`patient`], for as long as there are tests.
pub(crate) fn nominee(email: &str) -> Value {
    json!({
        "kind": "nominee", "name": "Ravi Sample", "email": email,
        "proof": { "kind": "power_of_attorney", "reference": "Notary of Exampleton, 7 of 2026" },
        "scope": ["record", "documents", "corrections"], "until": in_days(365),
    })
}

/// The day that begins so many times 24 hours from now, as dates are written.
pub(crate) fn in_days(days: i64) -> String {
    let since_1970 = TimeDelta::from_std(SystemTime::UNIX_EPOCH.elapsed().unwrap()).unwrap();
    (DateTime::<Utc>::UNIX_EPOCH + since_1970 + TimeDelta::days(days)).date_naive().to_string()
}

/// A registration that both regions accept.
pub(crate) fn patient(family: &str, mrn: &str) -> Value {
    json!({
        "names": [{ "use": "official", "given": ["Asha"], "family": family }],
        "birth_date": "1990-02-28",
        "sex": "female",
        "phones": [{ "value": "+1 202-555-0134", "use": "mobile" }],
        "emails": [{ "value": "asha@example.com" }],
        "addresses": [{ "use": "home", "lines": ["1 Sample Street"], "city": "Exampleton" }],
        "mrn": mrn,
    })
}

/// The public key of RFC 8037, appendix A.2.
fn public_key() -> Value {
    json!({ "kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" })
}

/// The path of a route, with `id` where the pattern has one.
pub(crate) fn sample_path(route: &Route, id: &str) -> String {
    route
        .path
        .replace("{id}", id)
        .replace("{number}", "1")
        .replace("{correction}", CORRECTION)
        .replace("{proxy}", PROXY)
}

/// A body the route accepts, or `None` when it takes none. A new route with a body fails here until it has a sample.
pub(crate) fn sample_body(route: &Route, unique: usize) -> Option<Value> {
    match (route.method.as_str(), route.path) {
        ("GET" | "DELETE", _)
        | (
            "POST",
            "/api/v1/staff/{id}/unlock"
            | "/api/v1/staff/{id}/factors/reset"
            | "/api/v1/staff/{id}/sessions/end"
            | "/api/v1/me/factors/passkeys/options"
            | "/api/v1/sessions/current/factor/options"
            | "/api/v1/sessions/passkey/options"
            | "/api/v1/me/factors/totp"
            | "/api/v1/me/factors/recovery-codes"
            | "/api/v1/patients/{id}/erasures/approve"
            | "/api/v1/patients/{id}/erasures/cancel"
            | "/api/v1/patients/{id}/holds/release"
            | "/api/v1/oauth/clients/{id}/disable"
            | "/api/v1/staff/{id}/deactivate"
            | "/api/v1/staff/{id}/reactivate"
            | "/api/v1/break-glass/{id}/end"
            | "/api/v1/patients/{id}/proxies/{proxy}/end"
            | "/api/v1/sites/{id}/close"
            | "/api/v1/sites/{id}/reopen"
            | "/api/v1/support-grants/{id}/approve"
            | "/api/v1/support-grants/{id}/refuse"
            | "/api/v1/support-grants/{id}/end",
        ) => None,
        ("POST", "/api/v1/sessions/current/factor" | "/api/v1/me/factors/totp/confirm") => {
            Some(json!({ "totp": "000000" }))
        }
        ("POST", "/api/v1/oauth/clients") => Some(json!({
            "name": format!("Program {unique}"), "kind": "machine", "scopes": ["patient.read"], "sites": [SITE],
            "jwks": { "keys": [public_key()] },
        })),
        ("PATCH", "/api/v1/oauth/clients/{id}") => {
            Some(json!({ "name": "Renamed", "scopes": ["me.read", "patient.read"], "sites": [SITE] }))
        }
        ("PUT", "/api/v1/oauth/clients/{id}/keys") => Some(json!({ "jwks": { "keys": [public_key()] } })),
        ("POST", "/api/v1/oauth/authorize") => Some(json!({
            "response_type": "code", "client_id": CLIENT, "redirect_uri": REDIRECT, "scope": "me.read",
            "code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM", "code_challenge_method": "S256",
            "approve": true,
        })),
        // Not a form, so it is refused; what a form brings is seen in the tests of tokens.
        ("POST", "/api/v1/oauth/token") => Some(json!({ "grant_type": "client_credentials" })),
        ("PUT", "/api/v1/staff/{id}/role") => Some(json!({ "role": "lab_technician" })),
        ("POST", "/api/v1/documents/{id}/complete" | "/api/v1/documents/{id}/links") => None,
        ("PUT", "/api/v1/documents/{id}/content" | "/api/v1/documents/{id}/parts/{number}") => None,
        ("POST", "/api/v1/patients/{id}/documents") => Some(json!({
            "kind": "lab_report", "title": "Lipids", "media_type": "text/plain", "size_bytes": 5,
        })),
        ("PUT", "/api/v1/documents/{id}") => Some(json!({ "title": "Lipids, corrected" })),
        ("PATCH", "/api/v1/documents/{id}") => Some(json!({ "kind": "image", "dated_on": "2026-01-15" })),
        ("POST", "/api/v1/patients") | ("PUT", "/api/v1/patients/{id}") => {
            Some(patient("Sample", &format!("SAMPLE-{unique}")))
        }
        ("POST", "/api/v1/sites") | ("PUT", "/api/v1/sites/{id}") => {
            Some(json!({ "name": format!("Site {unique}") }))
        }
        ("PUT", "/api/v1/staff/{id}/sites" | "/api/v1/patients/{id}/sites") => {
            Some(json!({ "sites": [SITE] }))
        }
        ("PUT", "/api/v1/patients/{id}/contact") => {
            Some(json!({ "phones": [{ "value": "+1 202-555-0176" }], "emails": [], "addresses": [] }))
        }
        ("POST", "/api/v1/patients/{id}/erasures") => Some(json!({ "basis": "registered_in_error" })),
        ("POST", "/api/v1/patients/{id}/holds") => Some(json!({ "reason": "litigation" })),
        ("POST", "/api/v1/patients/{id}/corrections") => {
            Some(json!({ "what": "The birth date.", "wish": "It is the 27th." }))
        }
        ("POST", "/api/v1/patients/{id}/corrections/{correction}/answer") => {
            Some(json!({ "verdict": "denied", "reason": "It is what the passport says." }))
        }
        ("POST", "/api/v1/patients/search") => Some(json!({ "mrn": "SAMPLE-0" })),
        // Nothing but what everybody is shown who is shown a name.
        ("POST", "/api/v1/patients/matches") => Some(json!({
            "names": [{ "given": ["Nobody"], "family": "Sample" }], "birth_date": "1990-02-28",
            "sex": "unknown", "mrn": "SAMPLE-0",
        })),
        ("POST", "/api/v1/me/factors/passkeys") => {
            Some(json!({ "response": { "clientDataJSON": "", "attestationObject": "" } }))
        }
        ("POST", "/api/v1/sessions/passkey") => Some(json!({
            "handle": "A".repeat(43),
            "credential": {
                "id": "AAAA",
                "response": { "clientDataJSON": "", "authenticatorData": "", "signature": "" },
            },
        })),
        ("POST", "/api/v1/sessions/code") => Some(json!({ "email": "nobody@example.com" })),
        ("POST", "/api/v1/sessions/code/complete") => Some(json!({ "code": "0000 0000" })),
        ("POST", "/api/v1/patients/{id}/account") => {
            Some(json!({ "email": format!("patient-{unique}@example.com") }))
        }
        ("POST", "/api/v1/patients/{id}/proxies") => Some(nominee(&format!("proxy-{unique}@example.com"))),
        ("POST", "/api/v1/recovery") => Some(json!({ "email": "nobody@example.com" })),
        ("POST", "/api/v1/recovery/complete") => Some(json!({
            "token": "A".repeat(43), "password": "a long enough pass phrase",
        })),
        ("PUT", "/api/v1/settings/sessions") => Some(json!({ "idle_s": 600, "absolute_s": 28_800 })),
        ("PUT", "/api/v1/settings/documents") => Some(json!({ "direct_imaging_from_bytes": null })),
        ("PUT", "/api/v1/me/password") => Some(json!({
            "current": "not the password", "new": "another long enough phrase",
        })),
        ("POST", "/api/v1/me/email") => Some(json!({ "email": format!("moved-{unique}@example.com") })),
        ("POST", "/api/v1/me/email/confirm" | "/api/v1/me/phone/confirm") => {
            Some(json!({ "code": "0000 0000" }))
        }
        ("POST", "/api/v1/me/phone") => Some(json!({ "phone": "+1 202-555-0143" })),
        ("POST", "/api/v1/staff") => Some(json!({
            "email": format!("invited-{unique}@example.com"), "display_name": "Invited", "role": "nurse",
        })),
        (
            "POST",
            "/api/v1/patients/{id}/care-team"
            | "/api/v1/patients/{id}/care-team/end"
            | "/api/v1/patients/{id}/account/end",
        ) => Some(json!({ "account": ACCOUNT })),
        ("POST", "/api/v1/break-glass") => Some(json!({
            "patient": "pat_aaaaaaaaaaaaaaaaaaaaaaaaaa", "reason_code": "emergency",
            "reason": "Unconscious on arrival, nobody else on duty.",
        })),
        ("POST", "/api/v1/break-glass/{id}/review") => {
            Some(json!({ "verdict": "justified", "note": "On duty alone, as the rota says." }))
        }
        ("POST", "/api/v1/patients/{id}/disclosures") => Some(json!({
            "recipient": "Exampleton Registry", "address": "1 Sample Street", "purpose": "public_health",
            "description": "Vaccinations of 2026.", "statement": "Asked for by the registry in writing.",
            "disclosed_on": "2026-01-15",
        })),
        ("POST", "/api/v1/audit/search") => Some(json!({ "about": "everything" })),
        ("POST", "/api/v1/sessions") => {
            Some(json!({ "email": "nobody@example.com", "password": "not the password" }))
        }
        ("POST", "/api/v1/invitations/accept") => Some(json!({
            "token": "A".repeat(43), "password": "a long enough pass phrase",
        })),
        (method, path) => panic!("{method} {path} has no sample body"),
    }
}
