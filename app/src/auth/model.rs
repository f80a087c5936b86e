//! States of accounts and invitations, and how long an invitation lives.

/// States of an account, as stored.
pub mod account_state {
    /// Was invited, has no password yet.
    pub const INVITED: &str = "invited";
    /// May sign in.
    pub const ACTIVE: &str = "active";
    /// Was closed; its sessions ended with it.
    pub const DISABLED: &str = "disabled";
}

/// States of an invitation, as stored.
pub mod invitation_state {
    /// The mail has not been handed over yet.
    pub const PENDING: &str = "pending";
    /// The mail was handed over.
    pub const SENT: &str = "sent";
    /// The token was used.
    pub const ACCEPTED: &str = "accepted";
    /// Was replaced or withdrawn.
    pub const REVOKED: &str = "revoked";
}

/// Seconds an invitation stays valid.
pub const INVITATION_LIFETIME_S: i64 = 7 * 24 * 3_600;
