//! The support lockbox: platform support sees a clinic's operational state only under a grant that the clinic's administrator approved.
//!
//! The region decides. What was asked for comes from the control plane through the region's own worker; a look is answered in a
//! transaction of the clinic that has the grant locked, approved and not over, and that leaves its entry in the clinic's log.

pub mod answer;
pub mod api;
pub mod gather;
pub mod model;
pub mod queries;
pub mod tables;
pub mod tell;
pub mod wire;
pub mod worker;
