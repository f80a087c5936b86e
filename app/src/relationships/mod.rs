//! Ties between patients and those who may ask about them: care team, sites, the patient's own account, proxies, and
//! emergencies. A tie has dates; outside them it is as if it were not there, from the next request on.

pub mod api;
pub mod model;
pub mod queries;
pub mod tables;
