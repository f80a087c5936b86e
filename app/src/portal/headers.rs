//! The headers of the portal's answers: a strict policy for pages, a long life for files, and a policy of its own for a document
//! that a browser shows.

use actix_web::HttpResponse;
use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};

/// Marks an answer of the portal, or a document that is looked at in it, so that the layer that writes every answer's headers
/// writes the ones that fit.
#[derive(Debug, Clone)]
pub enum Carried {
    /// A page, with the nonce of its scripts and styles.
    Page(String),
    /// A file whose name changes with its content.
    File,
    /// A document that a browser shows, with what it may do.
    Document(&'static str),
}

impl Carried {
    /// Puts the mark on an answer.
    #[must_use]
    pub fn mark(self, mut response: HttpResponse) -> HttpResponse {
        response.extensions_mut().insert(self);
        response
    }

    /// Replaces what an answer of the API carries by what this one needs.
    pub fn write(&self, headers: &mut HeaderMap) {
        match self {
            Carried::Page(nonce) => {
                set(headers, header::CONTENT_SECURITY_POLICY, &policy(nonce));
                set(headers, HeaderName::from_static("permissions-policy"), PERMISSIONS);
                set(headers, HeaderName::from_static("cross-origin-embedder-policy"), "require-corp");
            }
            Carried::File => set(headers, header::CACHE_CONTROL, "public, max-age=31536000, immutable"),
            Carried::Document(policy) => set(headers, header::CONTENT_SECURITY_POLICY, policy),
        }
    }
}

/// What a page may do. Scripts need the page's nonce and may load further ones of the build; nothing is inline, nothing
/// comes from elsewhere, and no text becomes code (Trusted Types without any policy).
fn policy(nonce: &str) -> String {
    format!(
        "default-src 'none'; script-src 'nonce-{nonce}' 'strict-dynamic'; style-src 'self' 'nonce-{nonce}'; img-src 'self'; \
         font-src 'self'; connect-src 'self'; object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
         require-trusted-types-for 'script'; trusted-types 'none'"
    )
}

/// Nothing of the device is asked for but its passkeys.
const PERMISSIONS: &str = "accelerometer=(), autoplay=(), camera=(), display-capture=(), encrypted-media=(), fullscreen=(), \
     geolocation=(), gyroscope=(), hid=(), idle-detection=(), local-fonts=(), magnetometer=(), microphone=(), midi=(), \
     payment=(), picture-in-picture=(), screen-wake-lock=(), serial=(), usb=(), web-share=(), xr-spatial-tracking=(), \
     publickey-credentials-create=(self), publickey-credentials-get=(self)";

fn set(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

/// The way from the bare host to the first place.
pub(super) fn redirect(to: &'static str) -> HttpResponse {
    HttpResponse::SeeOther().insert_header((header::LOCATION, to)).finish()
}
