//! The stack's certificate authorities and certificates: one authority for each relation of trust.
//!
//! Browsers and people trust `public`; the directory feed, each region's backend, PostgreSQL and the local AWS have
//! authorities of their own, so that a certificate made for one is worth nothing to another. The certificates for a
//! region's tenant hosts lie only in that region's folder.
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, date_time_ymd,
};

use crate::fail::{Attempt, Outcome};
use crate::layout::{BASE, LocalRegion, REGIONS};
use crate::places::{Home, make_dir, read_text, write_private};

/// A certificate and its key on disk.
pub(crate) struct Pair {
    /// The certificate, PEM.
    pub cert: PathBuf,
    /// The key, PKCS#8 PEM.
    pub key: PathBuf,
}

/// The certificates of one stack.
pub(crate) struct Pki {
    home: Home,
}

/// Whom an authority vouches for.
#[derive(Clone, Copy)]
pub(crate) enum Authority {
    /// Tenant hosts, bare hosts and the control host.
    Public,
    /// The directory feed: its server and its clients.
    Feed,
    /// One region's backend and the front doors that may connect to it.
    Backend(&'static str),
    /// PostgreSQL servers.
    Postgres,
    /// The local S3 and KMS.
    Aws,
}

impl Authority {
    fn name(self) -> String {
        match self {
            Self::Public => "public".to_owned(),
            Self::Feed => "feed".to_owned(),
            Self::Backend(code) => format!("backend-{code}"),
            Self::Postgres => "postgres".to_owned(),
            Self::Aws => "aws".to_owned(),
        }
    }
}

/// What a certificate is for.
struct Leaf {
    authority: Authority,
    place: String,
    common_name: String,
    names: Vec<String>,
    usage: ExtendedKeyUsagePurpose,
}

impl Pki {
    /// The certificates under `home`, made where they are missing or a year old.
    pub(crate) fn ensure(home: &Home) -> Outcome<Self> {
        let year = this_year();
        for leaf in leaves() {
            ensure_leaf(home, &leaf, year)?;
        }
        let pki = Self { home: home.clone() };
        let mut bundle = String::new();
        for authority in [Authority::Public, Authority::Postgres, Authority::Aws] {
            bundle.push_str(&read_text(&pki.authority(authority))?);
        }
        write_private(&pki.bundle(), bundle.as_bytes())?;
        Ok(pki)
    }

    /// The certificates under `home` as they are.
    pub(crate) fn at(home: &Home) -> Self {
        Self { home: home.clone() }
    }

    /// The authorities that a person's tools need: public, PostgreSQL and the local AWS.
    pub(crate) fn bundle(&self) -> PathBuf {
        self.home.pki("ca.pem")
    }

    /// The certificate of one authority.
    pub(crate) fn authority(&self, authority: Authority) -> PathBuf {
        self.home.pki(&format!("ca/{}.pem", authority.name()))
    }

    /// The certificate laid at `place`, for example `us/tenant`.
    pub(crate) fn pair(&self, place: &str) -> Pair {
        pair_at(&self.home, place)
    }
}

fn pair_at(home: &Home, place: &str) -> Pair {
    Pair { cert: home.pki(&format!("{place}.pem")), key: home.pki(&format!("{place}.key")) }
}

fn leaves() -> Vec<Leaf> {
    let mut all = vec![
        server(Authority::Public, "control/public", vec![format!("control.{BASE}")]),
        server(Authority::Feed, "control/feed", vec!["feed.control.domicile.internal".to_owned()]),
        server(Authority::Postgres, "control/postgres", loopback()),
    ];
    for region in &REGIONS {
        all.extend(region_leaves(region));
    }
    all
}

fn region_leaves(region: &LocalRegion) -> Vec<Leaf> {
    let code = region.code;
    let place = |name: &str| format!("{code}/{name}");
    let feed_client =
        |role: &str| client(Authority::Feed, &place(&format!("feed-{role}")), role, region.name);
    vec![
        server(Authority::Public, &place("tenant"), vec![format!("*.{code}.{BASE}")]),
        server(Authority::Public, &place("bare"), vec![format!("*.{BASE}")]),
        server(
            Authority::Backend(code),
            &place("backend-server"),
            vec![format!("backend.{code}.domicile.internal")],
        ),
        client(Authority::Backend(code), &place("backend-client"), "front-door", region.name),
        feed_client("front-door"),
        feed_client("backend"),
        feed_client("worker"),
        server(Authority::Postgres, &place("postgres"), loopback()),
        server(Authority::Aws, &place("aws"), aws_names(region.name)),
    ]
}

/// The SDKs put a bucket's name before the endpoint's host unless told to use paths; both spellings are covered.
fn aws_names(region: &str) -> Vec<String> {
    let mut names = loopback();
    names.extend([
        format!("s3.{region}.localhost"),
        format!("*.s3.{region}.localhost"),
        format!("kms.{region}.localhost"),
    ]);
    names
}

fn loopback() -> Vec<String> {
    vec!["localhost".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned()]
}

fn server(authority: Authority, place: &str, names: Vec<String>) -> Leaf {
    let common_name = names.first().cloned().unwrap_or_default();
    Leaf {
        authority,
        place: place.to_owned(),
        common_name,
        names,
        usage: ExtendedKeyUsagePurpose::ServerAuth,
    }
}

fn client(authority: Authority, place: &str, role: &str, region: &str) -> Leaf {
    let common_name = format!("{role}.{region}");
    let names = vec![common_name.clone()];
    Leaf {
        authority,
        place: place.to_owned(),
        common_name,
        names,
        usage: ExtendedKeyUsagePurpose::ClientAuth,
    }
}

fn ensure_leaf(home: &Home, leaf: &Leaf, year: i32) -> Outcome<()> {
    let pair = pair_at(home, &leaf.place);
    if pair.cert.is_file() && pair.key.is_file() && !made_before(&pair.cert, year) {
        return Ok(());
    }
    let issuer = ensure_authority(home, leaf.authority, year)?;
    let doing = || format!("make the certificate {}", leaf.place);
    let key = KeyPair::generate().attempt(doing)?;
    let mut params = CertificateParams::new(leaf.names.clone()).attempt(doing)?;
    params.distinguished_name.push(DnType::CommonName, leaf.common_name.clone());
    params.not_before = date_time_ymd(year - 1, 1, 1);
    params.not_after = date_time_ymd(year + LEAF_YEARS, 1, 1);
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![leaf.usage.clone()];
    params.use_authority_key_identifier_extension = true;
    let certificate = params.signed_by(&key, &issuer).attempt(doing)?;
    if let Some(folder) = pair.cert.parent() {
        make_dir(folder)?;
    }
    write_private(&pair.key, key.serialize_pem().as_bytes())?;
    write_public(&pair.cert, &certificate.pem())
}

fn ensure_authority(home: &Home, authority: Authority, year: i32) -> Outcome<Issuer<'static, KeyPair>> {
    let name = authority.name();
    let pair = pair_at(home, &format!("ca/{name}"));
    let doing = || format!("make the certificate authority {name}");
    if pair.cert.is_file() && pair.key.is_file() {
        let key = KeyPair::from_pem(&read_text(&pair.key)?).attempt(doing)?;
        return Issuer::from_ca_cert_pem(&read_text(&pair.cert)?, key).attempt(doing);
    }
    let key = KeyPair::generate().attempt(doing)?;
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, format!("Domicile local {name} authority"));
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.not_before = date_time_ymd(year - 1, 1, 1);
    params.not_after = date_time_ymd(year + AUTHORITY_YEARS, 1, 1);
    let certificate = params.self_signed(&key).attempt(doing)?;
    write_private(&pair.key, key.serialize_pem().as_bytes())?;
    write_public(&pair.cert, &certificate.pem())?;
    Ok(Issuer::new(params, key))
}

fn write_public(path: &Path, pem: &str) -> Outcome<()> {
    use std::os::unix::fs::PermissionsExt;
    write_private(path, pem.as_bytes())?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o644))
        .attempt(|| format!("make {} readable", path.display()))
}

fn made_before(path: &Path, year: i32) -> bool {
    let made = path.metadata().and_then(|data| data.modified()).unwrap_or(UNIX_EPOCH);
    year_of(made) < year
}

fn this_year() -> i32 {
    year_of(SystemTime::now())
}

/// The Gregorian year, exact but for a day around New Year; certificates therefore begin a year early.
fn year_of(time: SystemTime) -> i32 {
    let seconds = time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    i32::try_from(1970 + seconds / SECONDS_A_YEAR).unwrap_or(i32::MAX)
}

const SECONDS_A_YEAR: u64 = 31_556_952;
const LEAF_YEARS: i32 = 2;
const AUTHORITY_YEARS: i32 = 20;
