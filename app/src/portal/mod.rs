//! Serves the portal: a page with a nonce of its own, and its files, which never change under their names.
//!
//! The files come from one folder, are read once at start and served from memory. A page says nothing about anybody: what
//! it shows it asks the API for, with the caller's own session.

mod answer;
mod files;
mod headers;

use std::collections::BTreeMap;

use actix_web::{HttpMessage as _, HttpRequest, HttpResponse, web};

pub use answer::{PageValues, Portal, PortalError};
pub use headers::Carried;

use crate::app::App;
use crate::auth::policy::PATIENT_IDLE_MAX_S;
use crate::error::{AppError, NOT_FOUND};
use crate::middleware::Routed;

/// Most path segments of a page below its first one.
const PAGE_SEGMENTS_MAX: usize = 4;
/// Most bytes of one segment of a page's path.
const PAGE_SEGMENT_MAX_BYTES: usize = 64;

/// One place of the portal: the first path segment, and the built page that answers there and below.
#[derive(Debug, Clone, Copy)]
pub struct Place {
    /// The pattern of the place itself.
    pub root: &'static str,
    /// The pattern of what is below it.
    pub below: &'static str,
    /// The built page.
    pub page: &'static str,
}

/// The places on a clinic's host. An invitation's mail leads to the third one, that of a forgotten password to the last.
pub const CLINIC: &[Place] = &[
    Place { root: "/clinic", below: "/clinic/{page:.*}", page: "clinic.html" },
    Place { root: "/my", below: "/my/{page:.*}", page: "patient.html" },
    Place { root: "/accept-invitation", below: "/accept-invitation/{page:.*}", page: "clinic.html" },
    Place { root: "/recover", below: "/recover/{page:.*}", page: "clinic.html" },
];

/// The places on the control host.
pub const PLATFORM: &[Place] =
    &[Place { root: "/console", below: "/console/{page:.*}", page: "platform.html" }];

/// The pattern of the portal's files.
const FILES: &str = "/assets/{name}";
/// The pattern of the bare host.
const FRONT: &str = "/";

/// The pattern in its one static form, for logs and metrics.
#[must_use]
pub fn pattern(matched: &str) -> Option<&'static str> {
    [CLINIC, PLATFORM]
        .into_iter()
        .flatten()
        .flat_map(|place| [place.root, place.below])
        .chain([FILES, FRONT])
        .find(|known| *known == matched)
}

/// Registers the places, the files, and the way from the bare host to the first place.
pub fn configure(config: &mut web::ServiceConfig, portal: &web::Data<Portal>, places: &'static [Place]) {
    config.app_data(portal.clone());
    for place in places {
        let page = place.page;
        let answer = move |request: HttpRequest, portal: web::Data<Portal>| {
            let answer = page_answer(&request, &portal, page);
            std::future::ready(answer)
        };
        for path in [place.root, place.below] {
            config.service(web::resource(path).route(web::get().to(answer)).default_service(web::to(other)));
        }
    }
    config.service(web::resource(FILES).route(web::get().to(file)).default_service(web::to(other)));
    if let Some(first) = places.first() {
        let to = first.root;
        let front = move || std::future::ready(headers::redirect(to));
        config.service(web::resource(FRONT).route(web::get().to(front)).default_service(web::to(other)));
    }
}

fn page_answer(request: &HttpRequest, portal: &Portal, page: &str) -> Result<HttpResponse, AppError> {
    let below = request.match_info().get("page").unwrap_or_default();
    if !is_page_path(below) {
        return Err(NOT_FOUND.into());
    }
    portal.page(page, &values(request)).ok_or_else(|| NOT_FOUND.into())
}

/// On a clinic's host what its directory record says, on the control host what the process says of itself.
fn values(request: &HttpRequest) -> PageValues {
    let routed = request.extensions().get::<Routed>().cloned();
    let app = request.app_data::<web::Data<App>>();
    match (routed, app) {
        (Some(routed), Some(app)) => PageValues(BTreeMap::from([
            ("clinic", routed.clinic.record.slug.to_string()),
            ("region", routed.clinic.record.region.to_string()),
            ("jurisdiction", routed.clinic.jurisdiction.to_string()),
            ("idle_s", app.session.idle_s.to_string()),
            ("patient_idle_s", app.session.idle_s.min(PATIENT_IDLE_MAX_S).to_string()),
        ])),
        _ => request
            .app_data::<web::Data<PageValues>>()
            .map(|values| PageValues::clone(values))
            .unwrap_or_default(),
    }
}

/// Whether a path can be a page's. One with a dot is not: a path like a file's must never answer with a page, or a cache
/// in between could be made to keep it (the web cache deception attack).
fn is_page_path(below: &str) -> bool {
    let plain = |segment: &str| {
        (1..=PAGE_SEGMENT_MAX_BYTES).contains(&segment.len())
            && segment.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_')
    };
    below.is_empty() || (below.split('/').count() <= PAGE_SEGMENTS_MAX && below.split('/').all(plain))
}

async fn file(request: HttpRequest, portal: web::Data<Portal>) -> Result<HttpResponse, AppError> {
    let name = request.match_info().get("name").unwrap_or_default();
    portal.file(name, request.headers()).ok_or_else(|| NOT_FOUND.into())
}

async fn other() -> Result<HttpResponse, AppError> {
    crate::middleware::method_not_allowed().await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_that_looks_like_a_file_is_no_page() {
        for page in ["", "patients", "patients/pat_xpcxiu7w55hdnpndoqv4yflxfy/edit", "staff"] {
            assert!(is_page_path(page), "{page}");
        }
        let long = "a".repeat(65);
        for other in ["patients/x.css", "a/", "/a", "a//b", "a/b/c/d/e", "A", "%2e", ".", &long] {
            assert!(!is_page_path(other), "{other}");
        }
    }

    #[test]
    fn every_place_has_its_static_pattern() {
        for place in [CLINIC, PLATFORM].into_iter().flatten() {
            assert_eq!(pattern(place.below), Some(place.below));
        }
        assert_eq!(pattern("/api/v1/me"), None);
    }
}
