//! The region's background jobs. A payload holds ids only; every job can be run twice without harm.

pub mod clean_up;
pub mod mail;
mod proven_change;
pub mod queue;
pub mod send_code;
pub mod send_email_change;
pub mod send_invitation;
pub mod send_notice;
pub mod send_phone_change;
pub mod send_recovery;
pub mod send_text;
pub mod sms;

/// Name of the job that sends an invitation; its payload names the `invitation`.
pub const SEND_INVITATION: &str = "send_invitation";
/// Name of the job that tells an account's owner what changed; its payload names the `notice`.
pub const SEND_NOTICE: &str = "send_notice";
/// Name of the job that tells a clinic of emergency access; its payload names the `break_glass`.
pub const BREAK_GLASS_NOTICE: &str = "break_glass_notice";
/// Name of the job that tells a clinic's administrators that support asks; its payload names the `support_grant`.
pub const SUPPORT_NOTICE: &str = "support_notice";
/// Name of the job that tells a clinic's privacy officers of a program; its payload names the `program`.
pub const PROGRAM_NOTICE: &str = "program_notice";
/// Name of the job that looks at a document whose bytes have come; its payload names the `document`.
pub const INSPECT_DOCUMENT: &str = "inspect_document";
/// Name of the job that answers a request to recover a password; its payload names the `request`.
pub const SEND_RECOVERY: &str = "send_recovery";
/// Name of the job that erases a patient; its payload names the `erasure`.
pub const ERASE_PATIENT: &str = "erase_patient";
/// Name of the job that packs a clinic's audit log, month by month; its payload names no id.
pub const AUDIT_PACK: &str = "audit_pack";
/// Name of the job that enqueues [`AUDIT_PACK`] for every clinic of a shard; the queue itself makes it once a day.
pub const AUDIT_PACK_SHARD: &str = "audit_pack_shard";
/// Name of the job that checks what has come into the archive of a shard's audit log; the queue itself makes it once an hour.
pub const AUDIT_CHECK_SHARD: &str = "audit_check_shard";
/// Name of the job that answers a request for a code to sign in with; its payload names the `request`.
pub const SEND_CODE: &str = "send_code";
/// Name of the job that writes to the old or the new address of a change; its payload names the `change`.
pub const SEND_EMAIL_CHANGE: &str = "send_email_change";
/// Name of the job that texts the new or the old telephone of a change; its payload names the `change`.
pub const SEND_PHONE_CHANGE: &str = "send_phone_change";
/// Name of the job that tells an account's owner at the telephone what changed; its payload names the `notice`.
pub const SEND_TEXT: &str = "send_text";
/// Name of the job that cleans up in one clinic; its payload names no id.
pub const CLEAN_UP: &str = "clean_up";
/// Name of the job that enqueues [`CLEAN_UP`] for every clinic of a shard; the queue itself makes it once an hour.
pub const CLEAN_UP_SHARD: &str = "clean_up_shard";
