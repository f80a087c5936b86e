//! Emergency access: staff who treat reach one patient who is not theirs, for an hour at most, with a reason, and
//! somebody else looks at it afterwards. It is recorded like everything else, or it does not happen.

pub mod api;
pub mod model;
pub mod notice;
pub mod queries;
pub mod tables;
