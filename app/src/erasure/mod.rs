//! Erasing a patient: two people agree, the patient's key is destroyed, and what is left of the record is noise.
//!
//! `requested → approved → shredding → shredded`. The law decides first ([`rules`]): a record that must be kept is refused with
//! the reason. A legal hold stops everything until it is released, and an approval given before it lapses. The key store destroys the key and numbers the erasure; the
//! object-locked ledger keeps the number, so that no restored backup brings the patient back; a certificate, signed by the
//! region's KMS key, can be checked by anybody, offline. Afterwards the patient is answered like one who never was: 404, because
//! 410 would tell that the person had been a patient here.

pub mod api;
pub mod certificate;
pub mod job;
pub mod queries;
pub mod rules;
pub mod tables;
