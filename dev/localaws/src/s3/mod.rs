//! The object store.

use std::io;
use std::sync::Arc;

use http::{Request, Response};
use hyper::body::Incoming;
use s3s::Body;

use crate::Config;
use crate::clock::Clock;
use crate::kms::Kms;
use crate::server::{Connection, Cut, Shared};

/// How a bucket is to be made; the default has neither versions nor object lock.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BucketOptions {
    /// Keep every version.
    pub versioning: bool,
    /// Allow object lock; switches versioning on.
    pub object_lock: bool,
    /// The region the bucket is in, when it is to be another than the server's: every call then gets a 301.
    pub region: Option<String>,
}

#[derive(Debug)]
pub(crate) struct S3;
impl S3 {
    pub(crate) fn open(_config: &Config, _clock: Clock, _kms: Arc<Kms>) -> io::Result<Self> {
        Ok(Self)
    }
    pub(crate) fn ensure_bucket(&self, _name: &str, _options: BucketOptions) -> io::Result<()> {
        Ok(())
    }
}
pub(crate) async fn answer(
    _s: &Shared,
    _c: &Connection,
    _r: Request<Incoming>,
) -> Result<Response<Body>, Cut> {
    Ok(Response::new(Body::empty()))
}
