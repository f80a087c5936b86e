//! The object store: the S3 protocol through the `s3s` crate over files in one folder.

mod body;
mod bucket;
mod gate;
mod http_api;
mod list;
mod lock;
mod model;
mod multipart;
mod object;
mod read;
mod refuse;
mod service;
mod sse;
mod store;

pub use model::BucketOptions;

pub(crate) use http_api::{S3, answer};
