//! What a person's browser is shown in place of a problem: what happened, what to do about it, and the way to the clinic where
//! there is one.

use http::header::{ACCEPT, CONTENT_SECURITY_POLICY, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderMap, HeaderValue, StatusCode};

/// The page's media type.
pub(super) const HTML: HeaderValue = HeaderValue::from_static("text/html; charset=utf-8");
/// The page loads nothing, runs nothing, sends nothing and is shown in no other page.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
);
const NOSNIFF: HeaderValue = HeaderValue::from_static("nosniff");
const NO_REFERRER: HeaderValue = HeaderValue::from_static("no-referrer");
/// Said where the way is known: the browser came to the wrong place, and nothing is wrong with the clinic.
const ELSEWHERE: &str = "This clinic answers at another address.";
/// Said where the clinic's own region gave no answer that can be passed on. Whether it did what was asked is not known here.
const UNANSWERED: &str =
    "No other region is asked in its place: try again in a moment, and tell the clinic if this goes on.";
/// The rest is said where the request itself was not taken.
const NOT_DONE: &str = "Nothing was done: try again in a moment.";
const TOO_MUCH: &str = "It was not taken: send less at once, or ask the clinic.";
const TOO_SLOW: &str = "It was not taken: try again in a moment, and tell the clinic if this goes on.";

/// Who reads an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reader {
    /// Somebody, in a browser: shown a page.
    Person,
    /// Anything else: told the problem.
    Program,
}

impl Reader {
    /// Who reads the answer to a request with this head.
    pub(super) fn of(headers: &HeaderMap) -> Self {
        if is_wanted(headers) { Self::Person } else { Self::Program }
    }
}

/// Whether a head accepts HTML by name, as browsers do when a person goes somewhere. Programs, and what a page asks for by
/// itself, send a wildcard or the type that they read.
fn is_wanted(headers: &HeaderMap) -> bool {
    let ranges = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
    ranges.flat_map(|line| line.split(',')).any(|range| {
        let mut parts = range.split(';').map(str::trim);
        let is_html = parts.next().is_some_and(|name| name.eq_ignore_ascii_case("text/html"));
        is_html && !parts.any(is_no)
    })
}

/// Whether a parameter of a media range is a weight of nothing, which means "not this" (RFC 9110, 12.4.2).
fn is_no(parameter: &str) -> bool {
    let weight = parameter.strip_prefix("q=").or_else(|| parameter.strip_prefix("Q="));
    weight.is_some_and(|digits| {
        digits.starts_with('0') && digits.bytes().all(|byte| matches!(byte, b'0' | b'.'))
    })
}

/// What a person is to know and do, where the title does not say it already.
fn advice(status: StatusCode) -> Option<&'static str> {
    match status {
        StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT => {
            Some(UNANSWERED)
        }
        StatusCode::TOO_MANY_REQUESTS => Some(NOT_DONE),
        StatusCode::PAYLOAD_TOO_LARGE => Some(TOO_MUCH),
        StatusCode::REQUEST_TIMEOUT => Some(TOO_SLOW),
        _ => None,
    }
}

/// The page. `way` is an origin made of a canonical host and a port, so nothing in it can be markup; `title` is one of this
/// program's own sentences.
pub(super) fn text(status: StatusCode, title: &'static str, way: Option<&str>) -> String {
    let (title, link) = match way {
        Some(way) => (ELSEWHERE, format!("\n<p><a href=\"{way}/\">{way}</a></p>")),
        None => (title, String::new()),
    };
    let advice = advice(status).map_or_else(String::new, |advice| format!("\n<p>{advice}</p>"));
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n\
         <title>{title}</title>\n</head>\n<body>\n<main>\n<h1>{title}</h1>{advice}{link}\n</main>\n</body>\n</html>\n"
    )
}

/// Puts what guards a page on its answer.
pub(super) fn guard(headers: &mut HeaderMap) {
    headers.insert(CONTENT_SECURITY_POLICY, POLICY);
    headers.insert(X_CONTENT_TYPE_OPTIONS, NOSNIFF);
    headers.insert(REFERRER_POLICY, NO_REFERRER);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(accept: &'static str) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static(accept));
        is_wanted(&headers)
    }

    #[test]
    fn only_who_accepts_html_by_name_is_shown_a_page() {
        for browser in [
            "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
            "application/json, TEXT/HTML",
            "text/html; charset=utf-8; q=0.1",
        ] {
            assert!(wanted(browser), "{browser}");
        }
        for program in [
            "",
            "*/*",
            "text/*",
            "application/json",
            "text/htmlx",
            "text/html;q=0",
            "text/html; q=0.000",
            "a/text/html",
        ] {
            assert!(!wanted(program), "{program}");
        }
        assert!(!is_wanted(&HeaderMap::new()));
    }

    #[test]
    fn a_page_has_its_sentence_and_a_link_where_there_is_a_way() {
        let told = text(StatusCode::NOT_FOUND, "There is no such clinic.", None);
        assert!(told.contains("<h1>There is no such clinic.</h1>") && !told.contains("href"), "{told}");
        assert!(!told.contains("<p>"), "{told}");
        let title = "This host is not answered on this connection.";
        let shown = text(StatusCode::MISDIRECTED_REQUEST, title, Some("https://lotus.in.example:7410"));
        assert!(shown.contains("<a href=\"https://lotus.in.example:7410/\">"), "{shown}");
        assert!(shown.contains(ELSEWHERE) && !shown.contains("connection"), "{shown}");
    }
}
