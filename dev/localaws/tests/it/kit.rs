//! A server with clients that trust it, and small helpers.

use aws_credential_types::Credentials;
use aws_sdk_kms::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_http_client::Builder;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};
use aws_smithy_types::retry::RetryConfig;
use localaws::{ACCESS_KEY_ID, ACCOUNT, BucketOptions, Config, Handle, SECRET_ACCESS_KEY, Server};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

pub(crate) const REGION: &str = "ap-south-1";
pub(crate) const BUCKET: &str = "records";

/// A running server, its folder and a client for each service.
pub(crate) struct World {
    pub(crate) handle: Handle,
    pub(crate) s3: aws_sdk_s3::Client,
    pub(crate) kms: aws_sdk_kms::Client,
    pub(crate) key: String,
    pub(crate) dir: TempDir,
    tls: Option<(String, String)>,
}

/// How a client introduces itself.
pub(crate) struct Caller<'a> {
    pub(crate) region: &'a str,
    pub(crate) id: &'a str,
    pub(crate) secret: &'a str,
}

pub(crate) const HOME: Caller<'static> =
    Caller { region: REGION, id: ACCESS_KEY_ID, secret: SECRET_ACCESS_KEY };

impl World {
    /// Over TLS, with one bucket and one key.
    pub(crate) fn new() -> Self {
        let made = rcgen::generate_simple_self_signed(vec!["127.0.0.1".into(), "localhost".into()]).unwrap();
        Self::start(TempDir::new().unwrap(), Some((made.cert.pem(), made.signing_key.serialize_pem())))
    }

    /// Over plain HTTP.
    pub(crate) fn plain() -> Self {
        Self::start(TempDir::new().unwrap(), None)
    }

    /// Stops this server and starts another one over the same folder.
    pub(crate) async fn restart(self) -> Self {
        self.handle.shutdown().await;
        Self::start(self.dir, self.tls)
    }

    fn start(dir: TempDir, tls: Option<(String, String)>) -> Self {
        let config = Config {
            region: REGION.into(),
            dir: dir.path().join("aws"),
            s3_listen: ([127, 0, 0, 1], 0).into(),
            kms_listen: ([127, 0, 0, 1], 0).into(),
            tls: tls.clone(),
            account: ACCOUNT.into(),
        };
        let handle = Server::start(config).unwrap();
        handle.ensure_bucket(BUCKET, BucketOptions::default()).unwrap();
        let key = handle.ensure_key_alias("alias/domicile").unwrap().arn;
        let ca = tls.as_ref().map(|(cert, _)| cert.as_str());
        let s3 = s3_client(&handle.s3_endpoint(), ca, &HOME);
        let kms = kms_client(&handle.kms_endpoint(), ca, &HOME);
        Self { handle, s3, kms, key, dir, tls }
    }

    pub(crate) fn s3_as(&self, caller: &Caller<'_>) -> aws_sdk_s3::Client {
        s3_client(&self.handle.s3_endpoint(), self.tls.as_ref().map(|(cert, _)| cert.as_str()), caller)
    }

    pub(crate) fn kms_as(&self, caller: &Caller<'_>) -> aws_sdk_kms::Client {
        kms_client(&self.handle.kms_endpoint(), self.tls.as_ref().map(|(cert, _)| cert.as_str()), caller)
    }

    /// An upload with everything that is required; the body is the caller's.
    pub(crate) fn put(
        &self,
        bucket: &str,
        key: &str,
    ) -> aws_sdk_s3::operation::put_object::builders::PutObjectFluentBuilder {
        self.s3
            .put_object()
            .bucket(bucket)
            .key(key)
            .server_side_encryption(aws_sdk_s3::types::ServerSideEncryption::AwsKms)
            .ssekms_key_id(&self.key)
    }

    /// The bytes of an object.
    pub(crate) async fn get(&self, bucket: &str, key: &str) -> Vec<u8> {
        let got = self.s3.get_object().bucket(bucket).key(key).send().await.unwrap();
        got.body.collect().await.unwrap().to_vec()
    }
}

pub(crate) fn s3_client(endpoint: &str, ca: Option<&str>, caller: &Caller<'_>) -> aws_sdk_s3::Client {
    let config = aws_sdk_s3::Config::builder()
        .http_client(http_client(ca))
        .endpoint_url(endpoint)
        .region(aws_sdk_s3::config::Region::new(caller.region.to_owned()))
        .credentials_provider(Credentials::new(caller.id, caller.secret, None, None, "test"))
        .retry_config(RetryConfig::disabled())
        .build();
    aws_sdk_s3::Client::from_conf(config)
}

pub(crate) fn kms_client(endpoint: &str, ca: Option<&str>, caller: &Caller<'_>) -> aws_sdk_kms::Client {
    let config = aws_sdk_kms::Config::builder()
        .http_client(http_client(ca))
        .endpoint_url(endpoint)
        .region(aws_sdk_kms::config::Region::new(caller.region.to_owned()))
        .credentials_provider(Credentials::new(caller.id, caller.secret, None, None, "test"))
        .retry_config(RetryConfig::disabled())
        .build();
    aws_sdk_kms::Client::from_conf(config)
}

fn http_client(ca: Option<&str>) -> aws_sdk_s3::config::SharedHttpClient {
    let mut store = TrustStore::empty();
    if let Some(ca) = ca {
        store = store.with_pem_certificate(ca.as_bytes());
    }
    let context = TlsContext::builder().with_trust_store(store).build().unwrap();
    Builder::new().tls_provider(Provider::Rustls(CryptoMode::AwsLc)).tls_context(context).build_https()
}

/// The error's AWS name.
pub(crate) fn code<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> &str {
    error.code().unwrap_or("(no code)")
}

/// The name and HTTP status with which a call was refused.
pub(crate) fn refusal<T, E: ProvideErrorMetadata>(
    outcome: Result<T, SdkError<E, aws_sdk_s3::config::http::HttpResponse>>,
) -> (String, u16) {
    let Err(error) = outcome else { return ("(it was allowed)".into(), 200) };
    let status = error.raw_response().map_or(0, |r| r.status().as_u16());
    (code(&error).to_owned(), status)
}

/// One request over plain HTTP without the SDK: status and whole answer.
pub(crate) async fn raw(
    address: std::net::SocketAddr,
    method: &str,
    path: &str,
    body: &str,
) -> (u16, String) {
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let length = body.len();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nhost: {address}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
    (status, answer)
}

/// A path and query out of an `http://host:port/…` link.
pub(crate) fn path_of(link: &str) -> &str {
    let after_scheme = link.split_once("://").unwrap().1;
    after_scheme.split_at(after_scheme.find('/').unwrap()).1
}
