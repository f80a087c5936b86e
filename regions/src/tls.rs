//! TLS configurations of the product's three kinds: public server, mutually authenticated server, and client.

use rustls::crypto::CryptoProvider;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert, WebPkiClientVerifier};
use rustls::sign::CertifiedKey;
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, RootCertStore, ServerConfig, SupportedProtocolVersion};
use serde::Deserialize;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};

/// A certificate chain and its key, as files in PEM.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Identity {
    /// The chain, leaf first.
    pub cert: PathBuf,
    /// The private key: PKCS#8, PKCS#1 or SEC 1.
    pub key: PathBuf,
}

/// Why a TLS configuration cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A PEM file cannot be read or holds nothing of the expected kind.
    #[error("cannot read {what} from {path}")]
    File {
        /// Certificate, key or authority.
        what: &'static str,
        /// Which file.
        path: PathBuf,
        /// Why not.
        source: rustls::pki_types::pem::Error,
    },
    /// Certificate and key do not fit, or the library refuses them.
    #[error("the certificate or key in {path} is not usable")]
    Unusable {
        /// Which file.
        path: PathBuf,
        /// Why not.
        source: rustls::Error,
    },
    /// The client authority is not usable.
    #[error("the authority in {path} cannot check clients")]
    Authority {
        /// Which file.
        path: PathBuf,
        /// Why not.
        source: rustls::server::VerifierBuilderError,
    },
    /// A certificate names no host, or its structure cannot be read.
    #[error("the certificate in {path} names no DNS host")]
    NoNames {
        /// Which file.
        path: PathBuf,
    },
    /// Two certificates claim one name, so which one is shown would depend on their order.
    #[error("two certificates name {name}")]
    NameTwice {
        /// The name both have.
        name: String,
    },
    /// The library does not offer the protocol versions asked for.
    #[error("the TLS library refuses the protocol versions")]
    Versions(#[source] rustls::Error),
}

/// Chooses the certificate by the server name: an exact name first, then a wildcard for its first label.
///
/// There is no fallback. A client that names no host or another's gets a TLS alert, never somebody's
/// certificate.
#[derive(Debug, Default)]
pub struct SniResolver {
    by_name: HashMap<String, Arc<CertifiedKey>>,
}

impl SniResolver {
    /// Loads certificates and takes the DNS names they are valid for from them.
    ///
    /// # Errors
    /// See [`TlsError`].
    pub fn load(identities: &[Identity]) -> Result<Self, TlsError> {
        let mut by_name = HashMap::new();
        for identity in identities {
            let certified = Arc::new(load_certified_key(identity)?);
            for name in dns_names(&certified, &identity.cert)? {
                if by_name.insert(name.clone(), certified.clone()).is_some() {
                    return Err(TlsError::NameTwice { name });
                }
            }
        }
        Ok(Self { by_name })
    }

    /// The certificate for a canonical host name (lower case, no trailing dot), if this process has one.
    pub fn find(&self, host: &str) -> Option<&Arc<CertifiedKey>> {
        let wildcard =
            || host.split_once('.').and_then(|(_, parent)| self.by_name.get(&format!("*.{parent}")));
        self.by_name.get(host).or_else(wildcard)
    }
}

impl ResolvesServerCert for SniResolver {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.find(&hello.server_name()?.to_ascii_lowercase()).cloned()
    }
}

/// For clients on the internet: TLS 1.2 and 1.3, certificates by server name, no client certificate.
///
/// # Errors
/// See [`TlsError`].
pub fn public_server(resolver: Arc<dyn ResolvesServerCert>, alpn: &[&str]) -> Result<ServerConfig, TlsError> {
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&TLS13, &TLS12])
        .map_err(TlsError::Versions)?
        .with_no_client_auth()
        .with_cert_resolver(resolver);
    config.alpn_protocols = alpn_names(alpn);
    Ok(config)
}

/// For the product's own processes: TLS 1.3, and only clients with a certificate of `client_ca` may connect.
///
/// # Errors
/// See [`TlsError`].
pub fn mutual_server(identity: &Identity, client_ca: &Path, alpn: &[&str]) -> Result<ServerConfig, TlsError> {
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(load_roots(client_ca)?), provider())
        .build()
        .map_err(|source| TlsError::Authority { path: client_ca.to_owned(), source })?;
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(INTERNAL_VERSIONS)
        .map_err(TlsError::Versions)?
        .with_client_cert_verifier(verifier)
        .with_single_cert(load_certs(&identity.cert)?, load_key(&identity.key)?)
        .map_err(|source| TlsError::Unusable { path: identity.cert.clone(), source })?;
    config.alpn_protocols = alpn_names(alpn);
    Ok(config)
}

/// For calling one of the product's own processes: TLS 1.3 with our certificate, trusting `ca` alone.
///
/// # Errors
/// See [`TlsError`].
pub fn mutual_client(identity: &Identity, ca: &Path, alpn: &[&str]) -> Result<ClientConfig, TlsError> {
    let mut config = ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(INTERNAL_VERSIONS)
        .map_err(TlsError::Versions)?
        .with_root_certificates(load_roots(ca)?)
        .with_client_auth_cert(load_certs(&identity.cert)?, load_key(&identity.key)?)
        .map_err(|source| TlsError::Unusable { path: identity.cert.clone(), source })?;
    config.alpn_protocols = alpn_names(alpn);
    Ok(config)
}

/// For calling a server that does not ask for a certificate, such as PostgreSQL: TLS 1.3 and 1.2, trusting
/// `ca` alone.
///
/// # Errors
/// See [`TlsError`].
pub fn client(ca: &Path) -> Result<ClientConfig, TlsError> {
    let builder = ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&TLS13, &TLS12])
        .map_err(TlsError::Versions)?;
    Ok(builder.with_root_certificates(load_roots(ca)?).with_no_client_auth())
}

/// The certificates of a PEM file, in order; at least one.
///
/// # Errors
/// [`TlsError::File`].
pub fn load_certs(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let fail = |source| TlsError::File { what: "a certificate", path: path.to_owned(), source };
    let certs =
        CertificateDer::pem_file_iter(path).map_err(fail)?.collect::<Result<Vec<_>, _>>().map_err(fail)?;
    if certs.is_empty() { Err(fail(rustls::pki_types::pem::Error::NoItemsFound)) } else { Ok(certs) }
}

/// The first private key of a PEM file.
///
/// # Errors
/// [`TlsError::File`].
pub fn load_key(path: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    let fail = |source| TlsError::File { what: "a private key", path: path.to_owned(), source };
    PrivateKeyDer::from_pem_file(path).map_err(fail)
}

/// The authorities of a PEM file.
///
/// # Errors
/// See [`TlsError`].
pub fn load_roots(path: &Path) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    for cert in load_certs(path)? {
        roots.add(cert).map_err(|source| TlsError::Unusable { path: path.to_owned(), source })?;
    }
    Ok(roots)
}

/// The common name of a peer's leaf certificate, which names the process: `front-door.us-east-1`.
pub fn common_name(chain: &[CertificateDer<'_>]) -> Option<String> {
    let (_, cert) = X509Certificate::from_der(chain.first()?).ok()?;
    let mut names = cert.subject().iter_common_name();
    let name = names.next()?.as_str().ok()?.to_owned();
    // Two common names could be read as either; such a certificate names nobody.
    names.next().is_none().then_some(name)
}

const INTERNAL_VERSIONS: &[&SupportedProtocolVersion] = &[&TLS13];

fn provider() -> Arc<CryptoProvider> {
    Arc::new(default_provider())
}

fn alpn_names(alpn: &[&str]) -> Vec<Vec<u8>> {
    alpn.iter().map(|name| name.as_bytes().to_vec()).collect()
}

fn load_certified_key(identity: &Identity) -> Result<CertifiedKey, TlsError> {
    CertifiedKey::from_der(load_certs(&identity.cert)?, load_key(&identity.key)?, &default_provider())
        .map_err(|source| TlsError::Unusable { path: identity.cert.clone(), source })
}

fn dns_names(certified: &CertifiedKey, path: &Path) -> Result<Vec<String>, TlsError> {
    let names = certified.end_entity_cert().ok().and_then(|der| {
        let (_, cert) = X509Certificate::from_der(der).ok()?;
        let alternative = cert.subject_alternative_name().ok()??;
        let dns = |name: &GeneralName<'_>| match name {
            GeneralName::DNSName(name) => Some(name.to_ascii_lowercase()),
            _ => None,
        };
        Some(alternative.value.general_names.iter().filter_map(dns).collect::<Vec<_>>())
    });
    names.filter(|names| !names.is_empty()).ok_or_else(|| TlsError::NoNames { path: path.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity(folder: &Path, name: &str, hosts: &[&str]) -> Identity {
        let key = rcgen::KeyPair::generate().unwrap();
        let hosts: Vec<String> = hosts.iter().map(|h| (*h).to_owned()).collect();
        let mut params = rcgen::CertificateParams::new(hosts).unwrap();
        params.distinguished_name.push(rcgen::DnType::CommonName, name);
        let cert = params.self_signed(&key).unwrap();
        let made =
            Identity { cert: folder.join(format!("{name}.pem")), key: folder.join(format!("{name}.key")) };
        std::fs::write(&made.cert, cert.pem()).unwrap();
        std::fs::write(&made.key, key.serialize_pem()).unwrap();
        made
    }

    #[test]
    fn the_resolver_shows_a_certificate_only_for_its_own_names() {
        let folder = tempfile::tempdir().unwrap();
        let tenants = identity(folder.path(), "tenants", &["*.us.domicile.localhost"]);
        let bare = identity(folder.path(), "bare", &["*.domicile.localhost", "domicile.localhost"]);
        let resolver = SniResolver::load(&[tenants.clone(), bare]).unwrap();
        let chain = |host: &str| resolver.find(host).map(|key| common_name(&key.cert).unwrap());
        assert_eq!(chain("lotus.us.domicile.localhost").as_deref(), Some("tenants"));
        assert_eq!(chain("lotus.domicile.localhost").as_deref(), Some("bare"));
        assert_eq!(chain("domicile.localhost").as_deref(), Some("bare"));
        for host in ["lotus.in.domicile.localhost", "a.lotus.us.domicile.localhost", "localhost", "", "."] {
            assert_eq!(chain(host), None, "{host}");
        }
        assert!(matches!(SniResolver::load(&[tenants.clone(), tenants]), Err(TlsError::NameTwice { .. })));
    }

    #[test]
    fn a_key_that_does_not_fit_and_an_empty_file_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let (one, two) =
            (identity(folder.path(), "one", &["a.test"]), identity(folder.path(), "two", &["b.test"]));
        let crossed = Identity { cert: one.cert, key: two.key };
        assert!(matches!(SniResolver::load(&[crossed]), Err(TlsError::Unusable { .. })));
        let empty = folder.path().join("empty.pem");
        std::fs::write(&empty, "").unwrap();
        assert!(matches!(load_roots(&empty), Err(TlsError::File { .. })));
    }
}
