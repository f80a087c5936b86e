//! A clinic's staff: who works there, and inviting more. Names and e-mail addresses are sealed under the clinic's key.

pub mod api;
pub mod change;
pub mod colleagues;
pub mod model;
pub mod queries;
