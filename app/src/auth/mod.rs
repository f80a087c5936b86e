//! Who is asking: passwords, sessions, invitations, and the proof that a request comes from the clinic's own pages.
//!
//! Sessions are opaque random tokens in a `__Host-` cookie; only their SHA-256 is stored. A password is checked in a
//! bounded pool, so that log-ins cannot take the processor from everyone else.

pub mod agent;
pub mod api;
pub mod csrf;
pub mod device;
pub mod email_change;
pub mod factor;
pub mod invite;
pub mod mail_code;
pub mod model;
pub mod notice;
pub mod own;
pub mod passkey;
pub mod password;
pub mod phone;
pub mod policy;
pub mod proven_change;
pub mod queries;
pub mod record;
pub mod recover;
pub mod rules;
pub mod session;
pub mod tables;
pub mod token;
