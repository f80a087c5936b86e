//! Sites: where a clinic works, who works there, and where a patient is registered.

pub mod api;
pub mod change;
pub mod model;
pub mod queries;
