//! Patients: who they are and how they are found again.
//!
//! The `patient` row identifies nobody. Names, birth date, contacts and identifiers are in `person`, each column sealed
//! under the patient's own key, and `person_tag` holds keyed tags for exact look-ups. No identifying value is in a URL,
//! a log line or an error body. Every read of patient data is one audit entry, a search one with its count.

pub mod aadhaar;
pub mod account;
pub mod api;
pub mod contact;
pub mod cursor;
pub mod idempotency;
pub mod identifier;
pub mod matches;
pub mod model;
pub mod name_index;
pub mod named;
pub mod names;
pub mod queries;
pub mod refill;
pub mod rules;
pub mod search;
pub mod tables;
pub mod tags;
pub mod text;
pub mod view;
