//! Reads the built portal from its folder, once, with a limit on everything.

use std::collections::BTreeMap;
use std::path::Path;

use bytes::Bytes;

use super::answer::PortalError;

/// Most files of a built portal.
const FILES_MAX: usize = 512;
/// Largest file, in bytes.
const FILE_MAX_BYTES: u64 = 4 << 20;

/// One file as it is and, where the build made one, compressed.
pub(super) struct File {
    /// Its media type.
    pub(super) media_type: &'static str,
    /// Its bytes.
    pub(super) plain: Bytes,
    /// Its bytes under Brotli (RFC 7932).
    pub(super) brotli: Option<Bytes>,
}

/// The pages (name to text) and the other files (name to file).
pub(super) struct Built {
    /// Templates of pages.
    pub(super) pages: BTreeMap<String, String>,
    /// Everything that a page loads.
    pub(super) files: BTreeMap<String, File>,
}

/// Reads pages from `dir` and files from `dir/assets`.
pub(super) fn read(dir: &Path) -> Result<Built, PortalError> {
    let mut pages = BTreeMap::new();
    for (name, bytes) in read_all(dir)? {
        if name.ends_with(".html") {
            let text = String::from_utf8(bytes).map_err(|_not_text| PortalError::NotText(name.clone()))?;
            pages.insert(name, text);
        }
    }
    let mut raw: BTreeMap<String, Vec<u8>> = read_all(&dir.join("assets"))?.into_iter().collect();
    let names: Vec<String> = raw.keys().filter(|name| !name.ends_with(".br")).cloned().collect();
    let mut files = BTreeMap::new();
    for name in names {
        let brotli = raw.remove(&format!("{name}.br")).map(Bytes::from);
        let Some(plain) = raw.remove(&name).map(Bytes::from) else { continue };
        let media_type = media_type(&name).ok_or_else(|| PortalError::UnknownType(name.clone()))?;
        files.insert(name, File { media_type, plain, brotli });
    }
    if pages.is_empty() || files.is_empty() {
        return Err(PortalError::Empty(dir.to_owned()));
    }
    Ok(Built { pages, files })
}

fn read_all(dir: &Path) -> Result<Vec<(String, Vec<u8>)>, PortalError> {
    let fail = |source| PortalError::Read { path: dir.to_owned(), source };
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(fail)? {
        let entry = entry.map_err(fail)?;
        let data = entry.metadata().map_err(fail)?;
        if !data.is_file() {
            continue;
        }
        let name = entry.file_name().to_string_lossy().into_owned();
        if data.len() > FILE_MAX_BYTES || found.len() >= FILES_MAX {
            return Err(PortalError::TooLarge(name));
        }
        found.push((name, std::fs::read(entry.path()).map_err(fail)?));
    }
    Ok(found)
}

/// The types that a build has. A type that is not here would be guessed by a browser, so it is refused.
fn media_type(name: &str) -> Option<&'static str> {
    let (_, extension) = name.rsplit_once('.')?;
    match extension {
        "js" => Some("text/javascript; charset=utf-8"),
        "css" => Some("text/css; charset=utf-8"),
        "svg" => Some("image/svg+xml"),
        "woff2" => Some("font/woff2"),
        "json" => Some("application/json"),
        "png" => Some("image/png"),
        "txt" => Some("text/plain; charset=utf-8"),
        _ => None,
    }
}
