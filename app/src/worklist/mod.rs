//! What waits for somebody: the first thing that staff see, each by what the role may do and whom it reaches.

pub mod api;
pub mod queries;
