//! To whom outside the clinic a patient's data were given: written down by staff, and accounted for to the patient for six
//! years (45 CFR 164.528; DPDP Act section 11(1)(b)).

pub mod api;
pub mod model;
pub mod queries;
pub mod rules;
pub mod tables;
