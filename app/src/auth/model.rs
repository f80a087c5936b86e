//! Rows of accounts, invitations and sessions.

diesel::table! {
    /// One row a staff member. E-mail address and name are sealed under the clinic's key.
    account (id) {
        id -> Uuid,
        tenant_id -> Uuid,
        login_tag -> Binary,
        email_sealed -> Binary,
        display_name_sealed -> Binary,
        password_phc -> Nullable<Text>,
        role -> Text,
        state -> Text,
        version -> BigInt,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        failed_count -> Integer,
        locked_until -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    /// One row an invitation; the token exists only in the mail.
    invitation (id) {
        id -> Uuid,
        tenant_id -> Uuid,
        account_id -> Uuid,
        token_hash -> Nullable<Binary>,
        state -> Text,
        expires_at -> Timestamptz,
        created_at -> Timestamptz,
        sent_at -> Nullable<Timestamptz>,
        accepted_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    /// One row a session; the token exists only in the cookie.
    session (id) {
        id -> Uuid,
        tenant_id -> Uuid,
        token_hash -> Binary,
        account_id -> Uuid,
        csrf_hash -> Binary,
        created_at -> Timestamptz,
        last_seen_at -> Timestamptz,
        idle_expires_at -> Timestamptz,
        absolute_expires_at -> Timestamptz,
        revoked_at -> Nullable<Timestamptz>,
    }
}

diesel::allow_tables_to_appear_in_same_query!(account, invitation, session);
diesel::joinable!(session -> account (account_id));
diesel::joinable!(invitation -> account (account_id));

/// States of an account, as stored.
pub mod account_state {
    /// Was invited, has no password yet.
    pub const INVITED: &str = "invited";
    /// May sign in.
    pub const ACTIVE: &str = "active";
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
