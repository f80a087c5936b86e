//! The portal in memory, and its two kinds of answer.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use actix_web::HttpResponse;
use actix_web::http::header::{self, HeaderMap};

use super::files::{self, Built, File};
use super::headers::Carried;

/// Bytes of a nonce; 16 are 128 bits, as CSP Level 3 asks for.
const NONCE_BYTES: usize = 16;

/// What a page is told about where it is: names and numbers of this process's own, never anything of a request.
#[derive(Debug, Clone, Default)]
pub struct PageValues(pub BTreeMap<&'static str, String>);

/// Why the portal cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum PortalError {
    /// The folder cannot be read.
    #[error("cannot read {path}: {source}; is the portal built?")]
    Read {
        /// Which folder.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// The folder has no page or no file.
    #[error("{0} holds no built portal")]
    Empty(PathBuf),
    /// A file or the number of files is above the limit.
    #[error("{0} is larger than a file of the portal may be, or one too many")]
    TooLarge(String),
    /// A page is not UTF-8.
    #[error("{0} is not text")]
    NotText(String),
    /// A file of a kind that no build makes.
    #[error("{0} is of no known type")]
    UnknownType(String),
}

/// A built portal, or none where none is configured.
pub struct Portal {
    built: Built,
}

impl Portal {
    /// No portal: every place is 404.
    #[must_use]
    pub fn none() -> Portal {
        Portal { built: Built { pages: BTreeMap::new(), files: BTreeMap::new() } }
    }

    /// The portal built into `dir`.
    ///
    /// # Errors
    /// See [`PortalError`].
    pub fn read(dir: &Path) -> Result<Portal, PortalError> {
        files::read(dir).map(|built| Portal { built })
    }

    /// The portal of a configuration that may name none.
    ///
    /// # Errors
    /// See [`PortalError`].
    pub fn of(dir: Option<&Path>) -> Result<Portal, PortalError> {
        dir.map_or_else(|| Ok(Portal::none()), Portal::read)
    }

    /// A page with a fresh nonce.
    pub(super) fn page(&self, name: &str, values: &PageValues) -> Option<HttpResponse> {
        let template = self.built.pages.get(name)?;
        let nonce = data_encoding::BASE64.encode(&regions::random::bytes::<NONCE_BYTES>());
        let text = fill(template, &nonce, values);
        let response = HttpResponse::Ok().content_type("text/html; charset=utf-8").body(text);
        Some(Carried::Page(nonce).mark(response))
    }

    /// A file, compressed where the browser takes it.
    pub(super) fn file(&self, name: &str, headers: &HeaderMap) -> Option<HttpResponse> {
        let file = self.built.files.get(name)?;
        Some(Carried::File.mark(respond(file, takes_brotli(headers))))
    }
}

fn respond(file: &File, compressed: bool) -> HttpResponse {
    let mut builder = HttpResponse::Ok();
    builder.content_type(file.media_type).insert_header((header::VARY, "accept-encoding"));
    match &file.brotli {
        Some(brotli) if compressed => {
            builder.insert_header((header::CONTENT_ENCODING, "br"));
            builder.body(brotli.clone())
        }
        _ => builder.body(file.plain.clone()),
    }
}

fn takes_brotli(headers: &HeaderMap) -> bool {
    headers
        .get_all(header::ACCEPT_ENCODING)
        .filter_map(|value| value.to_str().ok())
        .flat_map(|line| line.split(','))
        .any(|coding| coding.trim() == "br")
}

/// The template with its `{{names}}` replaced. Values are names and numbers; whatever else one held is left out.
fn fill(template: &str, nonce: &str, values: &PageValues) -> String {
    let mut text = template.replace("{{nonce}}", nonce);
    for (name, value) in &values.0 {
        let plain: String =
            value.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_')).collect();
        text = text.replace(&format!("{{{{{name}}}}}"), &plain);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_gets_its_nonce_and_values_and_no_markup() {
        let values = PageValues(BTreeMap::from([("region", "us-east-1\"><script>".to_owned())]));
        let text = fill("<html data-region=\"{{region}}\"><script nonce=\"{{nonce}}\">", "abc=", &values);
        assert_eq!(text, "<html data-region=\"us-east-1script\"><script nonce=\"abc=\">");
    }
}
