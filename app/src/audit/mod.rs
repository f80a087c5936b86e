//! The product's vocabulary for the audit log.
//!
//! An entry is made by [`crate::ctx::Ctx::entry`], which fills in who, why, when and from where; its action is the name of
//! the route's [`crate::access::Action`], so the log and the policy use one set of words. What the worker does by itself
//! has the names below.

pub mod api;
pub mod command;
pub mod pack;
pub mod report;
pub mod rows;
pub mod sealing;
pub mod state;
mod words;

pub use words::deeds;

use tenancy::audit::{AuditEntry, Outcome, Purpose};

/// The worker made an invitation's token and stored its hash.
pub const INVITATION_SEND: &str = "invitation.send";

/// The worker told the clinic that emergency access was used.
pub const BREAK_GLASS_TELL: &str = "break_glass.tell";
/// The worker told the clinic's administrators that the platform's support asks.
pub const SUPPORT_TELL: &str = "support.tell";
/// The worker told the clinic's privacy officers that a program comes to patients' data.
pub const OAUTH_CLIENT_TELL: &str = "oauth_client.tell";
/// The worker made a recovery link and stored its hash.
pub const RECOVERY_SEND: &str = "recovery.send";

/// The worker made a code to sign in with and stored its tag.
pub const CODE_SEND: &str = "session.code_send";

/// The worker wrote to the address that somebody wants to sign in with.
pub const EMAIL_CHANGE_SEND: &str = "email.send";

/// The worker sent a text to a telephone of a change.
pub const PHONE_CHANGE_SEND: &str = "phone.send";

/// What is sealed about one patient was sealed anew, under the patient's next key.
pub const KEYS_RESEAL: &str = "keys.reseal";

/// An entry for what the platform itself does in a clinic.
#[must_use]
pub fn by_system(action: &'static str) -> AuditEntry {
    AuditEntry::new(action, Outcome::Allow).purpose(Purpose::System)
}
