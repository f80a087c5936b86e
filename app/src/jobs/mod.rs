//! The region's background jobs. A payload holds ids only; every job can be run twice without harm.

pub mod mail;
pub mod queue;
pub mod send_invitation;

/// Name of the job that sends an invitation; its payload names the `invitation`.
pub const SEND_INVITATION: &str = "send_invitation";
