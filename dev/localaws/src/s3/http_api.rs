//! The HTTP side of the object store: the gate, then `s3s`, with faults and counters where the operation is known.

use std::io;
use std::sync::{Arc, OnceLock};

use http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use s3s::access::{S3Access, S3AccessContext};
use s3s::auth::{S3Auth, SecretKey};
use s3s::service::{S3Service, S3ServiceBuilder};
use s3s::{Body, S3ErrorCode, S3Result};

use super::gate::{self, Head};
use super::model::BucketOptions;
use super::refuse;
use super::service::Api;
use super::store::{Created, Store};
use crate::clock::Clock;
use crate::faults::{Faults, Injected, Service};
use crate::kms::Kms;
use crate::server::{Connection, Cut, Shared};
use crate::{ACCESS_KEY_ID, Config, SECRET_ACCESS_KEY};

/// The object store of one region.
#[derive(Debug)]
pub(crate) struct S3 {
    store: Arc<Store>,
    account: String,
    service: OnceLock<S3Service>,
}

impl S3 {
    /// Loads the buckets in `dir/s3`.
    pub(crate) fn open(config: &Config, clock: Clock, kms: Arc<Kms>) -> io::Result<Self> {
        let store = Arc::new(Store::open(config, clock, kms)?);
        Ok(Self { store, account: config.account.clone(), service: OnceLock::new() })
    }

    /// Makes a bucket unless it is there with the same options.
    pub(crate) fn ensure_bucket(&self, name: &str, options: BucketOptions) -> io::Result<()> {
        match self.store.create(name, &options)? {
            Created::New | Created::WasThere => Ok(()),
            Created::WasOther => {
                let message = format!("the bucket {name} exists with another region or object lock setting");
                Err(io::Error::new(io::ErrorKind::AlreadyExists, message))
            }
        }
    }

    fn service(&self, faults: &Faults) -> &S3Service {
        self.service.get_or_init(|| {
            let mut builder = S3ServiceBuilder::new(Api(Arc::clone(&self.store)));
            builder.set_auth(Credentials);
            builder.set_access(Access { faults: faults.clone() });
            builder.build()
        })
    }
}

/// Answers one request, or cuts the connection when a fault says so.
pub(crate) async fn answer(
    shared: &Shared,
    connection: &Arc<Connection>,
    request: Request<Incoming>,
) -> Result<Response<Body>, Cut> {
    let s3 = &shared.s3;
    let head = Head {
        method: request.method(),
        query: request.uri().query().unwrap_or_default(),
        headers: request.headers(),
    };
    if let Err(refusal) = gate::check(head, &s3.store.region, &s3.account) {
        return Ok(refusal.into_response());
    }
    let mut request = request.map(Body::from);
    request.extensions_mut().insert(Arc::clone(connection));
    let outcome = s3.service(&shared.faults).call(request).await;
    if connection.is_reset() {
        return Err(Cut);
    }
    Ok(outcome.unwrap_or_else(|_| {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
        response
    }))
}

/// The one access key there is.
struct Credentials;

#[async_trait::async_trait]
impl S3Auth for Credentials {
    async fn get_secret_key(&self, access_key: &str) -> S3Result<SecretKey> {
        if access_key == ACCESS_KEY_ID {
            return Ok(SecretKey::from(SECRET_ACCESS_KEY));
        }
        let message = "The AWS Access Key Id you provided does not exist in our records.";
        Err(refuse::refused(S3ErrorCode::InvalidAccessKeyId, message))
    }
}

/// Called by `s3s` when the signature is verified and the operation known, before the body is read.
struct Access {
    faults: Faults,
}

#[async_trait::async_trait]
impl S3Access for Access {
    async fn check(&self, context: &mut S3AccessContext<'_>) -> S3Result<()> {
        if context.credentials().is_none() {
            return Err(refuse::refused(S3ErrorCode::AccessDenied, "Access Denied"));
        }
        match self.faults.call(Service::S3, context.s3_op().name()).await {
            Injected::Nothing => Ok(()),
            Injected::Throttle => {
                Err(refuse::refused(S3ErrorCode::SlowDown, "Please reduce your request rate."))
            }
            Injected::Status(code) => {
                let mut error = refuse::refused(S3ErrorCode::InternalError, "injected fault");
                error
                    .set_status_code(StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR));
                Err(error)
            }
            Injected::Reset => {
                if let Some(connection) = context.extensions_mut().get::<Arc<Connection>>() {
                    let _ = connection.reset();
                }
                Err(refuse::refused(S3ErrorCode::InternalError, "injected fault"))
            }
        }
    }
}
