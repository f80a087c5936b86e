//! Tables of accounts, invitations and sessions, as migrations/tenant makes them.
#![expect(missing_docs, reason = "what a column holds is said in migrations/tenant, once")]

diesel::table! {
    /// One row a staff member. E-mail address and name are sealed under the clinic's key.
    account (id) {
        id -> Uuid,
        tenant_id -> Uuid,
        login_tag -> Nullable<Binary>,
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
        factor_failed_count -> Integer,
        factor_locked_until -> Nullable<Timestamptz>,
        reset_asked_by -> Nullable<Uuid>,
        reset_asked_at -> Nullable<Timestamptz>,
        login_tag_even -> Nullable<Binary>,
        row_mac -> Binary,
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
        factor -> Nullable<Text>,
        factor_at -> Nullable<Timestamptz>,
        factor_tries -> Integer,
        client_id -> Nullable<Uuid>,
        browser -> Nullable<Text>,
        system -> Nullable<Text>,
    }
}

diesel::table! {
    /// One row a code that somebody asked to sign in with.
    sign_in_code (id) {
        id -> Uuid,
        tenant_id -> Uuid,
        handle_hash -> Binary,
        address_sealed -> Nullable<Binary>,
        account_id -> Nullable<Uuid>,
        code_tag -> Nullable<Binary>,
        tries -> Integer,
        created_at -> Timestamptz,
        expires_at -> Timestamptz,
        used_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    /// One row a change of an account's address that somebody asked for.
    email_change (id) {
        id -> Uuid,
        tenant_id -> Uuid,
        account_id -> Uuid,
        session_id -> Uuid,
        new_sealed -> Nullable<Binary>,
        old_sealed -> Nullable<Binary>,
        code_tag -> Nullable<Binary>,
        tries -> Integer,
        created_at -> Timestamptz,
        expires_at -> Timestamptz,
        used_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    /// One row an account that has a telephone.
    account_phone (account_id) {
        account_id -> Uuid,
        tenant_id -> Uuid,
        number_sealed -> Binary,
        verified_at -> Timestamptz,
    }
}

diesel::table! {
    /// One row a change of an account's telephone that somebody asked for.
    phone_change (id) {
        id -> Uuid,
        tenant_id -> Uuid,
        account_id -> Uuid,
        session_id -> Uuid,
        new_sealed -> Nullable<Binary>,
        old_sealed -> Nullable<Binary>,
        code_tag -> Nullable<Binary>,
        tries -> Integer,
        created_at -> Timestamptz,
        expires_at -> Timestamptz,
        used_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    /// One row an account that has time-based codes or is about to.
    totp (account_id) {
        account_id -> Uuid,
        tenant_id -> Uuid,
        secret_sealed -> Nullable<Binary>,
        enrolled_at -> Nullable<Timestamptz>,
        last_step -> BigInt,
        pending_sealed -> Nullable<Binary>,
        pending_at -> Nullable<Timestamptz>,
        version -> BigInt,
        row_mac -> Binary,
    }
}

diesel::table! {
    /// One row a recovery code; the code itself is with its owner only.
    recovery_code (account_id, code_hash) {
        account_id -> Uuid,
        code_hash -> Binary,
        tenant_id -> Uuid,
        created_at -> Timestamptz,
        used_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    /// One row a passkey.
    passkey (id) {
        id -> Uuid,
        tenant_id -> Uuid,
        account_id -> Uuid,
        credential_id -> Binary,
        cose_key -> Binary,
        sign_count -> BigInt,
        created_at -> Timestamptz,
        last_used_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    /// One row a challenge that waits for its answer.
    challenge (id) {
        id -> Uuid,
        tenant_id -> Uuid,
        session_id -> Nullable<Uuid>,
        handle_hash -> Nullable<Binary>,
        purpose -> Text,
        bytes -> Binary,
        expires_at -> Timestamptz,
    }
}

diesel::table! {
    /// One row a device that an account's owner is known by.
    device (account_id, token_hash) {
        account_id -> Uuid,
        token_hash -> Binary,
        tenant_id -> Uuid,
        created_at -> Timestamptz,
        last_used_at -> Timestamptz,
        failed_count -> Integer,
        locked_until -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    /// At most one row: what the clinic has shortened.
    session_policy (tenant_id) {
        tenant_id -> Uuid,
        idle_s -> Integer,
        absolute_s -> Integer,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    /// One row a mail that somebody asked for.
    mail_request (id) {
        id -> Uuid,
        tenant_id -> Uuid,
        kind -> Text,
        address_sealed -> Binary,
        created_at -> Timestamptz,
        done_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    /// One row a recovery link; its token exists only in the mail.
    recovery (id) {
        id -> Uuid,
        tenant_id -> Uuid,
        account_id -> Uuid,
        token_hash -> Binary,
        created_at -> Timestamptz,
        expires_at -> Timestamptz,
        used_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    /// One row a mail that tells an owner what changed.
    notice (id) {
        id -> Uuid,
        tenant_id -> Uuid,
        account_id -> Uuid,
        kind -> Text,
        created_at -> Timestamptz,
        sent_at -> Nullable<Timestamptz>,
        texted_at -> Nullable<Timestamptz>,
    }
}

diesel::allow_tables_to_appear_in_same_query!(account, invitation, session, totp, recovery_code, notice);
diesel::joinable!(session -> account (account_id));
diesel::joinable!(invitation -> account (account_id));
diesel::joinable!(notice -> account (account_id));
