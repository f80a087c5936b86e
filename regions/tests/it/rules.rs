//! From the text of a server name and a Host header to the verdict, through the public rules, for every
//! spelling.

use crate::control::{Control, tenant};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use regions::assertion::{self, Assertion, AssertionError, Expected};
use regions::directory::{DirectoryHandle, Verifier};
use regions::headers;
use regions::hosts::{BaseDomain, HostKind, canonical_host};
use regions::ids::RequestId;
use regions::keyring::HmacKeyring;
use regions::paths::canonical_path;
use regions::residency::{Arrival, Verdict, verdict};

fn directory() -> DirectoryHandle {
    let control = Control::new();
    control.append_tenants(1..=4);
    let directory = DirectoryHandle::new();
    let verifier = Verifier::new([control.signer.public_key()]).unwrap();
    directory.apply_snapshot(&control.snapshot(), &verifier).unwrap();
    directory
}

/// What the US front door says to a host header on a connection for a server name.
fn judge(
    directory: &DirectoryHandle,
    sni: &str,
    host: &str,
    method: &Method,
) -> Result<Verdict, &'static str> {
    let base: BaseDomain = "domicile.localhost".parse().unwrap();
    let kind =
        |text: &str| canonical_host(text).map(|host| base.classify(&host)).map_err(|error| error.code());
    let (sni, host) = (kind(sni)?, kind(host)?);
    let lookup = match &host {
        HostKind::Tenant { slug, .. } | HostKind::Bare { slug } => directory.lookup_slug(slug),
        HostKind::Control | HostKind::Other => directory.lookup(""),
    };
    let arrival = Arrival { entry: "us-east-1".parse().unwrap(), sni: &sni, host: &host, method, lookup };
    Ok(verdict(&base, &arrival))
}

#[test]
fn every_spelling_of_a_host_leads_to_the_same_tenant_or_is_refused() {
    let directory = directory();
    let sni = "clinic-2.us.domicile.localhost";
    for host in [
        sni,
        "CLINIC-2.US.domicile.localhost",
        "clinic-2.us.domicile.localhost.",
        "clinic-2.us.domicile.localhost:7410",
    ] {
        let served = judge(&directory, sni, host, &Method::POST);
        assert!(
            matches!(served, Ok(Verdict::Serve(route)) if route.id == tenant(2).id),
            "{host}: {served:?}"
        );
    }
    for (host, code) in [
        ("clinic-2.us.domicile.localhost..", "host_label"),
        ("clinic-2.us.domicile.localhost:x", "host_port"),
        ("clinic-2@clinic-4.us.domicile.localhost", "host_character"),
        ("xn--clinic-2.us.domicile.localhost", "host_internationalised"),
        ("clinic‐2.us.domicile.localhost", "host_character"), // U+2010, a hyphen that is not one
        ("127.0.0.1", "host_address"),
    ] {
        assert_eq!(judge(&directory, sni, host, &Method::POST), Err(code), "{host}");
    }
}

#[test]
fn a_host_that_is_not_the_server_name_gets_421_with_the_right_host() {
    let directory = directory();
    let sni = "clinic-2.us.domicile.localhost";
    for (host, right_host) in [
        ("clinic-4.us.domicile.localhost", Some("clinic-4.us.domicile.localhost")),
        ("clinic-1.in.domicile.localhost", Some("clinic-1.in.domicile.localhost")),
        ("clinic-1.us.domicile.localhost", Some("clinic-1.in.domicile.localhost")),
        ("clinic-2.domicile.localhost", Some("clinic-2.us.domicile.localhost")),
        ("clinic-99.us.domicile.localhost", None),
        ("control.domicile.localhost", Some("control.domicile.localhost")),
        ("elsewhere.example", None),
    ] {
        let expected = Verdict::Misdirected421 { right_host: right_host.map(Into::into) };
        assert_eq!(judge(&directory, sni, host, &Method::POST), Ok(expected), "{host}");
    }
}

#[test]
fn the_bare_host_redirects_the_polite_and_nobody_else() {
    let directory = directory();
    let (bare, right_host) = ("clinic-1.domicile.localhost", "clinic-1.in.domicile.localhost".to_owned());
    let ask = |method| judge(&directory, bare, bare, &method).unwrap();
    assert_eq!(ask(Method::GET), Verdict::Redirect308 { right_host: right_host.clone() });
    assert_eq!(ask(Method::POST), Verdict::Misdirected421 { right_host: Some(right_host) });
    let unknown = "clinic-99.domicile.localhost";
    assert_eq!(judge(&directory, unknown, unknown, &Method::GET), Ok(Verdict::Unknown404));
    assert_eq!(judge(&DirectoryHandle::new(), bare, bare, &Method::GET), Ok(Verdict::NotReady503));
}

/// A client's copies of our header are gone after sanitising, and a backend that still sees two refuses.
#[test]
fn a_forged_assertion_never_stands_beside_the_front_doors() {
    let keys = HmacKeyring::from_text(&HmacKeyring::generate_line("k1".parse().unwrap())).unwrap();
    let path = canonical_path("/api/v1/patients/%61").unwrap();
    let made = Assertion {
        tenant: tenant(2).id,
        region: tenant(2).region,
        shard: tenant(2).shard,
        epoch: tenant(2).epoch,
        method: "GET".into(),
        path_hash: assertion::path_hash(path.as_str()),
        nonce: assertion::nonce(),
        issued_ms: 1_000,
        expires_ms: 20_000,
        front_door: "fd-us-1".into(),
        request_id: RequestId::random(),
        client_ip: "192.0.2.1".parse().unwrap(),
    };
    let mut map = HeaderMap::new();
    for name in ["domicile-route", "Domicile-Route", "x-domicile-route"] {
        map.append(HeaderName::from_bytes(name.as_bytes()).unwrap(), HeaderValue::from_static("forged"));
    }
    headers::sanitise_request(&mut map).unwrap();
    assert!(map.is_empty());
    map.append(assertion::HEADER, made.mint(&keys).unwrap());
    let values = || map.get_all(assertion::HEADER).iter().map(HeaderValue::as_bytes);
    let expected = Expected {
        method: "GET",
        path_and_query: "/api/v1/patients/a",
        now_ms: 2_000,
        region: "us-east-1".parse().unwrap(),
    };
    let verified = Assertion::verify(assertion::sole(values()).unwrap(), &keys, &expected);
    assert_eq!(verified, Ok(made), "the backend sees the canonical path");
    let mut two = map.clone();
    two.append(assertion::HEADER, HeaderValue::from_static("forged"));
    let both = two.get_all(assertion::HEADER).iter().map(HeaderValue::as_bytes);
    assert_eq!(assertion::sole(both), Err(AssertionError::Repeated));
}
