//! What a header section may carry across the front door, in both directions and in trailers.

use http::header::{self, HeaderMap, HeaderName};

/// Most fields in one header section.
pub const FIELDS_MAX: usize = 64;
/// Most bytes of names and values in one header section, 32 counted for each field as in RFC 9113 section
/// 6.5.2.
pub const FIELDS_MAX_BYTES: usize = 32 * 1024;

/// The header that carries the route assertion to a backend.
pub const ROUTE: HeaderName = HeaderName::from_static("domicile-route");
/// The header that carries the receipt back.
pub const RECEIPT: HeaderName = HeaderName::from_static("domicile-receipt");
/// The header in which a backend names its epoch when the assertion's is out of date (with status 421).
pub const STALE_EPOCH: HeaderName = HeaderName::from_static("domicile-stale-epoch");
/// The header that names a request to people; also inside the assertion.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// The header by which a front door tells a backend which trace a request belongs to (W3C Trace Context).
pub const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// Names that start like this belong to the product; nobody outside may send them.
const RESERVED_PREFIXES: [&str; 2] = ["domicile-", "x-domicile-"];

/// Fields that describe one connection and never cross it (RFC 9110 section 7.6.1). `te` and `upgrade` are
/// put back by the front door where it supports them.
const HOP_BY_HOP: [&str; 10] = [
    "connection",
    "http2-settings",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Fields by which a client could claim to be someone or somewhere else, and which some software believes; and those by which
/// its text would get into traces.
const CLAIMS: [&str; 17] = [
    "baggage",
    "cf-connecting-ip",
    "client-ip",
    "fastly-client-ip",
    "forwarded",
    "traceparent",
    "tracestate",
    "true-client-ip",
    "via",
    "x-client-ip",
    "x-cluster-client-ip",
    "x-http-method-override",
    "x-original-host",
    "x-original-url",
    "x-real-ip",
    "x-request-id",
    "x-rewrite-url",
];
/// As [`CLAIMS`], a whole family.
const CLAIM_PREFIX: &str = "x-forwarded-";

/// Fields that say where a request belongs or who sent it. A client that nominates one in `Connection` asks a
/// proxy to remove it, so that the next server sees another request than this one did.
const NOT_NOMINABLE: [&str; 7] =
    ["authorization", "content-length", "content-type", "cookie", "host", "idempotency-key", "if-match"];

/// Fields with one meaning only if they appear once.
const SINGLE: [HeaderName; 5] =
    [header::HOST, header::CONTENT_LENGTH, header::CONTENT_TYPE, header::AUTHORIZATION, header::EXPECT];

/// Fields that have no place in a trailer section: framing, routing, credentials, and what controls the
/// answer (RFC 9110 section 6.5.1).
const NOT_IN_TRAILERS: [&str; 12] = [
    "authorization",
    "cache-control",
    "content-encoding",
    "content-length",
    "content-range",
    "content-type",
    "cookie",
    "expect",
    "host",
    "location",
    "range",
    "set-cookie",
];

/// Why a header section is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeaderError {
    /// More than [`FIELDS_MAX`] fields.
    #[error("more than 64 header fields")]
    TooMany,
    /// More than [`FIELDS_MAX_BYTES`].
    #[error("more than 32 KiB of header fields")]
    TooLarge,
    /// A name with an underscore, which some servers read as a hyphen.
    #[error("a header name has an underscore")]
    Underscore,
    /// A field that may appear once appears again.
    #[error("a header field that may appear once is repeated")]
    Repeated,
    /// Both `Content-Length` and `Transfer-Encoding` (RFC 9112 section 6.1).
    #[error("the body's length is given in two ways")]
    AmbiguousFraming,
    /// `Connection` names a field that must reach the backend, or one of the product's own.
    #[error("the Connection header nominates a field that is not the client's to remove")]
    Nominated,
    /// `Connection` is not a list of field names.
    #[error("the Connection header is not a list of names")]
    Connection,
}

impl HeaderError {
    /// A machine-readable name for logs and problem bodies.
    pub fn code(self) -> &'static str {
        match self {
            Self::TooMany => "headers_too_many",
            Self::TooLarge => "headers_too_large",
            Self::Underscore => "header_underscore",
            Self::Repeated => "header_repeated",
            Self::AmbiguousFraming => "framing_ambiguous",
            Self::Nominated => "header_nominated",
            Self::Connection => "connection_header",
        }
    }

    /// Whether the section is too big (431) rather than wrong (400).
    pub fn is_too_large(self) -> bool {
        matches!(self, Self::TooMany | Self::TooLarge)
    }
}

/// Whether a name belongs to the product alone. Names in a `HeaderMap` are lower case already.
pub fn is_reserved(name: &str) -> bool {
    RESERVED_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

/// Whether a field describes one connection only.
pub fn is_hop_by_hop(name: &str) -> bool {
    HOP_BY_HOP.binary_search(&name).is_ok()
}

/// Checks a client's header section and removes what must not go on: connection fields, reserved names,
/// claims.
///
/// # Errors
/// When the section is too big, or when two servers could read it in two ways; nothing of it may then be
/// forwarded.
pub fn sanitise_request(headers: &mut HeaderMap) -> Result<(), HeaderError> {
    check_size(headers)?;
    if SINGLE.iter().any(|name| headers.get_all(name).iter().nth(1).is_some()) {
        return Err(HeaderError::Repeated);
    }
    if headers.contains_key(header::CONTENT_LENGTH) && headers.contains_key(header::TRANSFER_ENCODING) {
        return Err(HeaderError::AmbiguousFraming);
    }
    let mut unwanted = nominated(headers)?;
    if unwanted.iter().any(|name| is_reserved(name.as_str()) || NOT_NOMINABLE.contains(&name.as_str())) {
        return Err(HeaderError::Nominated);
    }
    for name in headers.keys() {
        if name.as_str().contains('_') {
            return Err(HeaderError::Underscore);
        }
        if is_unwanted_in_request(name.as_str()) {
            unwanted.push(name.clone());
        }
    }
    remove_all(headers, &unwanted);
    Ok(())
}

/// Removes from a backend's answer what must not reach a client: connection fields, reserved names, other
/// routes.
///
/// # Errors
/// When the section is too big or its `Connection` header is not a list of names.
pub fn sanitise_response(headers: &mut HeaderMap) -> Result<(), HeaderError> {
    check_size(headers)?;
    let mut unwanted = nominated(headers)?;
    let own = |name: &&HeaderName| {
        // `alt-svc` would send the client past the front door.
        is_hop_by_hop(name.as_str()) || is_reserved(name.as_str()) || name.as_str() == "alt-svc"
    };
    unwanted.extend(headers.keys().filter(own).cloned());
    remove_all(headers, &unwanted);
    Ok(())
}

/// Removes from a trailer section, of either direction, everything that would change a message already
/// judged.
///
/// # Errors
/// When the section is too big.
pub fn sanitise_trailers(trailers: &mut HeaderMap) -> Result<(), HeaderError> {
    check_size(trailers)?;
    let unwanted: Vec<_> =
        trailers.keys().filter(|name| is_unwanted_in_trailers(name.as_str())).cloned().collect();
    remove_all(trailers, &unwanted);
    Ok(())
}

fn check_size(headers: &HeaderMap) -> Result<(), HeaderError> {
    if headers.len() > FIELDS_MAX {
        return Err(HeaderError::TooMany);
    }
    let bytes: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 32).sum();
    if bytes > FIELDS_MAX_BYTES { Err(HeaderError::TooLarge) } else { Ok(()) }
}

/// The fields that `Connection` asks to remove.
fn nominated(headers: &HeaderMap) -> Result<Vec<HeaderName>, HeaderError> {
    let mut names = Vec::new();
    for value in headers.get_all(header::CONNECTION) {
        for token in value.as_bytes().split(|b| *b == b',').map(<[u8]>::trim_ascii) {
            if !token.is_empty() {
                names.push(HeaderName::from_bytes(token).ok().ok_or(HeaderError::Connection)?);
            }
        }
    }
    Ok(names)
}

fn is_unwanted_in_request(name: &str) -> bool {
    is_hop_by_hop(name)
        || is_reserved(name)
        || name.starts_with(CLAIM_PREFIX)
        || CLAIMS.binary_search(&name).is_ok()
}

fn is_unwanted_in_trailers(name: &str) -> bool {
    is_unwanted_in_request(name) || name.contains('_') || NOT_IN_TRAILERS.binary_search(&name).is_ok()
}

fn remove_all(headers: &mut HeaderMap, names: &[HeaderName]) {
    for name in names {
        headers.remove(name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn map(fields: &[(&str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(
                HeaderName::from_bytes(name.as_bytes()).unwrap(),
                HeaderValue::from_str(value).unwrap(),
            );
        }
        headers
    }

    fn request(fields: &[(&str, &str)]) -> Result<Vec<String>, HeaderError> {
        let mut headers = map(fields);
        sanitise_request(&mut headers)?;
        Ok(headers.keys().map(|name| name.to_string()).collect())
    }

    #[test]
    fn lists_that_are_searched_are_sorted() {
        assert!(HOP_BY_HOP.is_sorted() && CLAIMS.is_sorted() && NOT_IN_TRAILERS.is_sorted());
    }

    #[test]
    fn claims_about_the_client_are_removed() {
        let claims = [
            ("X-Forwarded-Host", "evil"),
            ("x-forwarded-for", "1.2.3.4"),
            ("X-FORWARDED-PROTO", "http"),
            ("x-forwarded-anything", "1"),
            ("Forwarded", "for=1.2.3.4;host=evil"),
            ("x-real-ip", "1.2.3.4"),
            ("true-client-ip", "1.2.3.4"),
            ("via", "1.1 evil"),
            ("x-request-id", "chosen"),
            ("x-original-url", "/admin"),
            ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
            ("tracestate", "vendor=Jane+Doe"),
            ("baggage", "patient=Jane+Doe"),
        ];
        assert_eq!(request(&claims), Ok(vec![]));
        assert_eq!(
            request(&[("accept", "*/*"), ("x-custom", "1")]),
            Ok(vec!["accept".into(), "x-custom".into()])
        );
    }

    #[test]
    fn our_own_names_never_come_in_however_they_are_written() {
        for name in [
            "domicile-route",
            "Domicile-Route",
            "DOMICILE-RECEIPT",
            "x-domicile-tenant",
            "X-Domicile-Anything",
        ] {
            assert_eq!(request(&[(name, "forged")]), Ok(vec![]), "{name}");
            assert_eq!(request(&[(name, "forged"), (name, "twice")]), Ok(vec![]), "{name}");
        }
        for name in ["domicile_route", "x_domicile_tenant", "X-Domicile_Tenant", "any_thing"] {
            assert_eq!(request(&[(name, "forged")]), Err(HeaderError::Underscore), "{name}");
        }
    }

    #[test]
    fn connection_may_not_nominate_what_is_ours_or_what_routes() {
        for nominated in [
            "domicile-route",
            "close, Domicile-Receipt",
            "x-domicile-tenant",
            "host",
            "content-length",
            "Cookie",
            "authorization",
        ] {
            assert_eq!(
                request(&[("connection", nominated), ("host", "h")]),
                Err(HeaderError::Nominated),
                "{nominated}"
            );
        }
        assert_eq!(
            request(&[("connection", "close"), ("connection", "domicile-route")]),
            Err(HeaderError::Nominated)
        );
        assert_eq!(request(&[("connection", "a b")]), Err(HeaderError::Connection));
        let left = request(&[
            ("connection", "keep-alive, x-hop,,"),
            ("x-hop", "1"),
            ("keep-alive", "1"),
            ("accept", "*/*"),
        ]);
        assert_eq!(left, Ok(vec!["accept".into()]));
    }

    #[test]
    fn connection_fields_stay_on_their_connection() {
        let fields: Vec<_> = HOP_BY_HOP.iter().map(|name| (*name, "x")).collect();
        assert_eq!(request(&fields), Ok(vec![]));
        let mut response = map(&fields);
        response.append("alt-svc", HeaderValue::from_static("h3=\":443\""));
        response.append(RECEIPT, HeaderValue::from_static("r"));
        response.append("set-cookie", HeaderValue::from_static("a=b"));
        sanitise_response(&mut response).unwrap();
        assert_eq!(response.keys().collect::<Vec<_>>(), ["set-cookie"]);
    }

    #[test]
    fn what_could_be_read_in_two_ways_is_refused() {
        for name in ["host", "content-length", "content-type", "authorization"] {
            assert_eq!(request(&[(name, "a"), (name, "a")]), Err(HeaderError::Repeated), "{name}");
        }
        let both = [("content-length", "3"), ("transfer-encoding", "chunked")];
        assert_eq!(request(&both), Err(HeaderError::AmbiguousFraming));
    }

    #[test]
    fn count_and_size_are_limited_at_their_exact_bounds() {
        let names: Vec<String> = (0..=FIELDS_MAX).map(|i| format!("x-{i}")).collect();
        let fields: Vec<_> = names.iter().map(|name| (name.as_str(), "1")).collect();
        assert!(request(&fields[..FIELDS_MAX]).is_ok());
        assert_eq!(request(&fields), Err(HeaderError::TooMany));
        let fill = "v".repeat(FIELDS_MAX_BYTES - 32 - 1);
        assert!(request(&[("a", &fill)]).is_ok());
        assert_eq!(request(&[("a", &format!("{fill}v"))]), Err(HeaderError::TooLarge));
        assert!(HeaderError::TooLarge.is_too_large() && !HeaderError::Repeated.is_too_large());
    }

    #[test]
    fn trailers_carry_checksums_and_no_decisions() {
        let mut trailers = map(&[
            ("x-checksum", "1"),
            ("domicile-route", "forged"),
            ("x-forwarded-for", "1.2.3.4"),
            ("host", "evil"),
            ("content-length", "1"),
            ("transfer-encoding", "chunked"),
            ("cookie", "a=b"),
            ("x_y", "1"),
            ("set-cookie", "a=b"),
        ]);
        sanitise_trailers(&mut trailers).unwrap();
        assert_eq!(trailers.keys().collect::<Vec<_>>(), ["x-checksum"]);
    }
}
