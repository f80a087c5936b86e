//! Who stands in for a patient: a parent, a guardian, a nominee; with what was shown for it, what of the record they were given,
//! and an end (45 CFR 164.502(g); DPDP Act sections 9 and 14). The tie itself decides who reaches what (`relationships`).

pub mod api;
pub mod birthday;
pub mod model;
pub mod queries;
pub mod rules;
pub mod tables;
