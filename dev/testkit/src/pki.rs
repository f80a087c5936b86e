//! Certificates for tests: one authority, and whatever it is asked to sign.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose,
};
use tempfile::TempDir;

/// An authority and the folder that holds its files.
pub struct Pki {
    issuer: CertifiedIssuer<'static, KeyPair>,
    dir: Arc<TempDir>,
}

/// A certificate chain and its key, in PEM and as files.
#[derive(Clone)]
pub struct Issued {
    /// Certificate in PEM.
    pub cert_pem: String,
    /// PKCS#8 key in PEM.
    pub key_pem: String,
    /// File that holds the certificate.
    pub cert: PathBuf,
    /// File that holds the key.
    pub key: PathBuf,
    _dir: Arc<TempDir>,
}

impl Default for Pki {
    fn default() -> Self {
        Self::new()
    }
}

impl Pki {
    /// A new authority that nobody trusts yet.
    ///
    /// # Panics
    /// If the temporary folder cannot be written.
    #[must_use]
    pub fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).expect("no names");
        params.distinguished_name.push(DnType::CommonName, "Domicile test authority");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let issuer =
            CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("an authority");
        let dir = Arc::new(tempfile::tempdir().expect("a temporary folder"));
        std::fs::write(dir.path().join("ca.pem"), issuer.pem()).expect("write ca.pem");
        Self { issuer, dir }
    }

    /// File with the authority's certificate.
    #[must_use]
    pub fn ca(&self) -> PathBuf {
        self.dir.path().join("ca.pem")
    }

    /// The authority's certificate in PEM.
    #[must_use]
    pub fn ca_pem(&self) -> String {
        self.issuer.pem()
    }

    /// A server certificate for DNS names (wildcards allowed) and IP addresses.
    ///
    /// # Panics
    /// If a name is not a name.
    #[must_use]
    pub fn server(&self, names: &[&str]) -> Issued {
        let names = names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let common = names.first().cloned().unwrap_or_default();
        let mut params = CertificateParams::new(names).expect("names");
        params.distinguished_name.push(DnType::CommonName, common);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        self.issue(params)
    }

    /// A client certificate whose common name is `name`, such as `front-door.us-east-1`.
    ///
    /// # Panics
    /// If the name is not a name.
    #[must_use]
    pub fn client(&self, name: &str) -> Issued {
        let mut params = CertificateParams::new(vec![name.to_owned()]).expect("names");
        params.distinguished_name.push(DnType::CommonName, name);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        self.issue(params)
    }

    fn issue(&self, mut params: CertificateParams) -> Issued {
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.use_authority_key_identifier_extension = true;
        let key = KeyPair::generate().expect("a key");
        let cert = params.signed_by(&key, &self.issuer).expect("a certificate");
        let (cert_pem, key_pem) = (cert.pem(), key.serialize_pem());
        let name = uuid::Uuid::from_bytes(regions::random::bytes::<16>()).simple().to_string();
        let at = |extension: &str| self.dir.path().join(format!("{name}.{extension}"));
        write_private(&at("crt"), &cert_pem);
        write_private(&at("key"), &key_pem);
        Issued { cert_pem, key_pem, cert: at("crt"), key: at("key"), _dir: Arc::clone(&self.dir) }
    }
}

fn write_private(path: &Path, text: &str) {
    use std::io::Write;
    use std::os::unix::fs::OpenOptionsExt;
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)
        .expect("open a private file");
    file.write_all(text.as_bytes()).expect("write a private file");
}
