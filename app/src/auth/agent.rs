//! What somebody signs in with, as coarsely as its owner needs to tell one device from another: the kind of browser and of system.

use actix_web::http::header::{HeaderMap, USER_AGENT};

/// Longest header that is looked at, in bytes; browsers send a fifth of it.
const LENGTH_MAX_BYTES: usize = 1_024;
/// What names a browser in the header, and what it is called here; one that pretends to be another comes first.
const BROWSERS: [(&str, &str); 10] = [
    ("Edg", "edge"),
    ("OPR/", "opera"),
    ("SamsungBrowser/", "samsung"),
    ("FxiOS/", "firefox"),
    ("Firefox/", "firefox"),
    ("CriOS/", "chrome"),
    ("Chrome/", "chrome"),
    ("Chromium/", "chrome"),
    ("Version/", "safari"),
    ("Safari/", "safari"),
];
/// The same for systems.
const SYSTEMS: [(&str, &str); 8] = [
    ("Android", "android"),
    ("iPhone", "ios"),
    ("iPad", "ios"),
    ("iPod", "ios"),
    ("Windows", "windows"),
    ("CrOS", "chromeos"),
    ("Mac OS X", "macos"),
    ("Linux", "linux"),
];
/// Whatever is none of them.
const OTHER: &str = "other";

/// The kind of a browser and of the system it runs on, as stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Agent {
    /// `edge`, `opera`, `samsung`, `firefox`, `chrome`, `safari` or `other`.
    pub browser: &'static str,
    /// `android`, `ios`, `windows`, `chromeos`, `macos`, `linux` or `other`.
    pub system: &'static str,
}

/// What a request says it was sent with. It proves nothing: it is shown to the account's owner and decides nothing.
#[must_use]
pub fn of(headers: &HeaderMap) -> Agent {
    let said = headers.get(USER_AGENT).and_then(|value| value.to_str().ok());
    let said = said.filter(|text| text.len() <= LENGTH_MAX_BYTES).unwrap_or_default();
    let named = |known: &[(&str, &'static str)]| {
        known.iter().find(|(sign, _)| said.contains(*sign)).map_or(OTHER, |(_, name)| *name)
    };
    Agent { browser: named(&BROWSERS), system: named(&SYSTEMS) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::http::header::HeaderValue;

    #[test]
    fn browsers_are_told_apart_although_each_claims_to_be_the_others() {
        let of = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(USER_AGENT, HeaderValue::from_str(text).unwrap());
            let agent = of(&headers);
            (agent.browser, agent.system)
        };
        let webkit = "AppleWebKit/605.1.15 (KHTML, like Gecko)";
        let chrome = format!("Mozilla/5.0 (X11; Linux x86_64) {webkit} Chrome/140.0.0.0 Safari/537.36");
        assert_eq!(of(&chrome), ("chrome", "linux"));
        assert_eq!(of(&format!("{chrome} Edg/140.0.0.0")), ("edge", "linux"));
        assert_eq!(of(&format!("{chrome} OPR/120.0.0.0")), ("opera", "linux"));
        let phone = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X)";
        assert_eq!(of(&format!("{phone} {webkit} Version/18.0 Mobile Safari/604.1")), ("safari", "ios"));
        assert_eq!(of(&format!("{phone} {webkit} CriOS/140.0 Mobile Safari/604.1")), ("chrome", "ios"));
        let android = "Mozilla/5.0 (Linux; Android 16) AppleWebKit/537.36";
        assert_eq!(of(&format!("{android} Chrome/140.0 Mobile Safari/537.36")), ("chrome", "android"));
        let windows = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0";
        assert_eq!(of(windows), ("firefox", "windows"));
        let mac = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7)";
        assert_eq!(of(&format!("{mac} {webkit} Version/18.0 Safari/605.1.15")), ("safari", "macos"));
        let long = "Chrome/".repeat(200);
        for neither in ["curl/8.0", "", long.as_str()] {
            assert_eq!(of(neither), ("other", "other"));
        }
        assert_eq!(super::of(&HeaderMap::new()), Agent { browser: "other", system: "other" });
    }
}
