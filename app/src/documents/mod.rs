//! Documents of patients: announced, put in parts, looked at, and only then readable.
//!
//! The bytes are sealed segment by segment under the patient's key before they reach S3, where they lie under a random name.
//! A document that was not found to be what it said, and free of what the scanner knows, is never handed out. Memory
//! does not grow with a document: two parts on the way in, two windows on the way out.

pub mod api;
pub mod content;
mod direct;
pub mod download;
pub mod erasure;
pub mod intake;
pub mod links;
pub mod model;
pub mod policy;
mod putting;
pub mod queries;
pub mod refile;
pub mod renewal;
pub mod rescan;
pub mod reseal;
pub mod rules;
pub mod scanner;
pub mod sweep;
pub mod tables;
pub mod upload;
pub mod view;

use tenancy::objects::ObjectError;
use tokio::sync::Semaphore;

use crate::error::{AppError, KEY_REVOKED, NOT_FOUND, UNAVAILABLE};

/// Uploads one process takes in at once; each holds two parts, 16 MiB.
const UPLOADS_MAX: usize = 16;
/// Downloads one process gives out at once; each holds two windows, 8 MiB.
const DOWNLOADS_MAX: usize = 48;

/// How many documents are on their way through a process.
pub struct Passing {
    uploads: Semaphore,
    downloads: std::sync::Arc<Semaphore>,
}

impl Default for Passing {
    fn default() -> Self {
        Self {
            uploads: Semaphore::new(UPLOADS_MAX),
            downloads: std::sync::Arc::new(Semaphore::new(DOWNLOADS_MAX)),
        }
    }
}

impl From<ObjectError> for AppError {
    fn from(error: ObjectError) -> AppError {
        match error {
            ObjectError::NotFound => AppError::from(NOT_FOUND).because("object.not_found"),
            ObjectError::Denied => AppError::from(KEY_REVOKED).because("object.denied"),
            ObjectError::Unavailable => AppError::from(UNAVAILABLE).because("object.unavailable"),
            ObjectError::Damaged => AppError::internal("object.damaged"),
            ObjectError::TooLarge => AppError::internal("object.too_large"),
            ObjectError::WrongRegion => AppError::internal("object.wrong_region"),
        }
    }
}
