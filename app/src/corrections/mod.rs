//! Patients' requests to correct the record, and what the clinic answers (45 CFR 164.526; DPDP Act section 12(1)).

pub mod api;
pub mod model;
pub mod queries;
pub mod rules;
pub mod tables;
pub mod waiting;
