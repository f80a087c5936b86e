//! Tables of accounts, invitations and sessions, as migrations/tenant makes them.
#![expect(missing_docs, reason = "what a column holds is said in migrations/tenant, once")]

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
