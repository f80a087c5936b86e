//! What the KMS and S3 clients share: the pinned region, the endpoint, trust, credentials, and limits on every call.
//!
//! The service configurations are built from nothing but our own configuration file. The SDK's environment and
//! profile variables for regions and endpoints are never consulted, so nothing outside that file can send a call to
//! another region.

use std::path::Path;
use std::time::Duration;

use aws_config::default_provider::credentials::DefaultCredentialsChain;
use aws_config::provider_config::ProviderConfig;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore, rustls_provider::CryptoMode};
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use regions::region::RegionName;

use crate::error::BootError;

/// Domain of every AWS endpoint; credentials of an account are sent nowhere else.
const AWS_DOMAIN: &str = "amazonaws.com";
/// Key id and secret for local stand-ins. They open nothing outside this machine.
const LOCAL_ACCESS: (&str, &str) = ("local", "local-secret");
/// Longest wait for TCP and TLS, in milliseconds.
const CONNECT_MS: u64 = 1_000;
/// First pause between attempts, in milliseconds; the SDK doubles it and adds jitter.
const BACKOFF_FIRST_MS: u64 = 50;
/// Longest pause between attempts, in milliseconds.
const BACKOFF_MAX_MS: u64 = 500;

/// How long one service's calls may take.
pub(crate) struct Limits {
    /// One attempt, in milliseconds.
    pub(crate) attempt_ms: u64,
    /// All attempts together, in milliseconds.
    pub(crate) operation_ms: u64,
    /// Attempts, the first included.
    pub(crate) attempts_max: u32,
    /// How long a connection is kept for the next call, in milliseconds.
    pub(crate) idle_ms: u64,
}

/// The parts every service configuration is built from.
pub(crate) struct Site {
    pub(crate) region: Region,
    pub(crate) endpoint: Option<String>,
    pub(crate) http: SharedHttpClient,
    pub(crate) credentials: SharedCredentialsProvider,
    pub(crate) retry: RetryConfig,
    pub(crate) timeout: TimeoutConfig,
    pub(crate) behavior: BehaviorVersion,
}

/// The configured way to one service.
pub(crate) struct Target<'a> {
    pub(crate) region: RegionName,
    pub(crate) endpoint: Option<&'a str>,
    pub(crate) ca: Option<&'a Path>,
    /// Configuration fields, for messages: the endpoint's and the authority's.
    pub(crate) fields: (&'static str, &'static str),
}

impl Site {
    /// Checks the endpoint and reads the authority; makes no call.
    pub(crate) async fn new(target: &Target<'_>, limits: &Limits) -> Result<Self, BootError> {
        let region = Region::new(target.region.as_str().to_owned());
        let stand_in = check_endpoint(target)?;
        let credentials = if stand_in {
            let (id, secret) = LOCAL_ACCESS;
            SharedCredentialsProvider::new(Credentials::new(id, secret, None, None, "local stand-in"))
        } else {
            let provider = ProviderConfig::without_region().with_http_client(http_client(None, limits)?);
            let chain = DefaultCredentialsChain::builder().region(region.clone()).configure(provider);
            SharedCredentialsProvider::new(chain.build().await)
        };
        let authority = target.ca.map(|path| read_authority(path, target.fields.1)).transpose()?;
        Ok(Self {
            region,
            endpoint: target.endpoint.map(str::to_owned),
            http: http_client(authority, limits)?,
            credentials,
            retry: RetryConfig::standard()
                .with_max_attempts(limits.attempts_max)
                .with_initial_backoff(Duration::from_millis(BACKOFF_FIRST_MS))
                .with_max_backoff(Duration::from_millis(BACKOFF_MAX_MS)),
            timeout: TimeoutConfig::builder()
                .connect_timeout(Duration::from_millis(CONNECT_MS))
                .operation_attempt_timeout(Duration::from_millis(limits.attempt_ms))
                .operation_timeout(Duration::from_millis(limits.operation_ms))
                .build(),
            behavior: BehaviorVersion::latest(),
        })
    }
}

fn http_client(authority: Option<Vec<u8>>, limits: &Limits) -> Result<SharedHttpClient, BootError> {
    let trust = match authority {
        Some(pem) => TrustStore::empty().with_pem_certificate(pem),
        None => TrustStore::default(),
    };
    let context = TlsContext::builder()
        .with_trust_store(trust)
        .build()
        .map_err(|error| BootError::Dependency { field: "tls", problem: error.to_string() })?;
    Ok(aws_smithy_http_client::Builder::new()
        .tls_provider(Provider::Rustls(CryptoMode::AwsLc))
        .tls_context(context)
        .pool_idle_timeout(Duration::from_millis(limits.idle_ms))
        .build_https())
}

/// The SDK panics on a bad certificate, so it is parsed here first.
fn read_authority(path: &Path, field: &'static str) -> Result<Vec<u8>, BootError> {
    let failed = |reason: String| BootError::File { field, path: path.display().to_string(), reason };
    let roots = regions::tls::load_roots(path).map_err(|error| failed(error.to_string()))?;
    if roots.is_empty() {
        return Err(failed("holds no certificate".to_owned()));
    }
    std::fs::read(path).map_err(|error| failed(error.kind().to_string()))
}

/// Whether the endpoint is a local stand-in. Refuses plain HTTP, and an AWS endpoint of another region.
fn check_endpoint(target: &Target<'_>) -> Result<bool, BootError> {
    let Some(endpoint) = target.endpoint else { return Ok(false) };
    let pin =
        |expected: String| BootError::Pin { field: target.fields.0, expected, found: endpoint.to_owned() };
    let host = https_host(endpoint).ok_or_else(|| pin("an https:// URL without user or path".to_owned()))?;
    let aws = host == AWS_DOMAIN || host.strip_suffix(AWS_DOMAIN).is_some_and(|rest| rest.ends_with('.'));
    let own = host.split('.').any(|label| label == target.region.as_str());
    if aws && !own {
        return Err(pin(format!("an endpoint in {}", target.region)));
    }
    Ok(!aws)
}

/// The lower-case host of `https://host[:port][/]`.
fn https_host(endpoint: &str) -> Option<String> {
    let rest = endpoint.strip_prefix("https://")?;
    let authority = rest.strip_suffix('/').unwrap_or(rest);
    if authority.is_empty() || authority.contains(['/', '@', '?', '#', '\\', ' ']) {
        return None;
    }
    let host = match authority.rsplit_once(':') {
        Some((host, port)) if port.parse::<u16>().is_ok() => host,
        Some(_) => return None,
        None => authority,
    };
    (!host.is_empty()).then(|| host.trim_end_matches('.').to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(endpoint: &str) -> Result<bool, BootError> {
        let region = "ap-south-1".parse().unwrap();
        check_endpoint(&Target {
            region,
            endpoint: Some(endpoint),
            ca: None,
            fields: ("kms.endpoint", "kms.ca"),
        })
    }

    #[test]
    fn an_endpoint_of_another_region_is_refused_by_name() {
        for foreign in [
            "https://kms.us-east-1.amazonaws.com",
            "https://s3.amazonaws.com",
            "https://KMS.US-EAST-1.AMAZONAWS.COM:443/",
            "https://vpce-1.kms.us-east-1.vpce.amazonaws.com",
            "https://kms.us-east-1.amazonaws.com.",
        ] {
            assert!(
                verdict(foreign).is_err_and(|error| error.to_string().contains("kms.endpoint")),
                "{foreign}"
            );
        }
        for malformed in
            ["http://127.0.0.1:1", "https://", "https://u@127.0.0.1", "https://h/path", "https://h:x", "h"]
        {
            assert!(verdict(malformed).is_err(), "{malformed}");
        }
    }

    #[test]
    fn account_credentials_go_to_aws_hosts_only() {
        assert!(verdict("https://127.0.0.1:7400").is_ok_and(|stand_in| stand_in));
        assert!(verdict("https://evilamazonaws.com").is_ok_and(|stand_in| stand_in));
        assert!(verdict("https://kms.ap-south-1.amazonaws.com").is_ok_and(|stand_in| !stand_in));
    }
}
