//! Passkeys (Web Authentication): a second factor, or password and second factor in one.
//!
//! The ceremony's state is a row here, never something the browser keeps: what a browser keeps can be sent twice.

pub mod api;
mod cbor;
pub mod ceremony;
pub mod queries;
pub mod verify;

/// Seconds a challenge waits for its answer.
pub const CHALLENGE_MAX_S: i64 = 300;
/// Passkeys of one account.
pub const PASSKEYS_MAX: i64 = 10;

/// What a challenge is for. One given for one purpose answers no other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Adding a passkey to the own account.
    Register,
    /// Proving a factor in a session.
    Prove,
    /// Signing in.
    SignIn,
}

impl Purpose {
    /// The stored word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Purpose::Register => "register",
            Purpose::Prove => "prove",
            Purpose::SignIn => "sign_in",
        }
    }
}
