//! Every strict behaviour of the local S3 and KMS, seen through the real AWS SDKs.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on fails")]

mod admin;
mod kit;
mod kms_data;
mod kms_keys;
mod kms_sign;
mod program;
mod s3_access;
mod s3_bucket;
mod s3_lock;
mod s3_multipart;
mod s3_object;
mod s3_wire;
