//! Tables of programs and of what their tokens are made from, as migrations/tenant makes them.
#![expect(missing_docs, reason = "what a column holds is said in migrations/tenant, once")]

use crate::auth::tables::session;

diesel::table! {
    /// One row a program.
    oauth_client (id) {
        id -> Uuid,
        tenant_id -> Uuid,
        kind -> Text,
        state -> Text,
        settings_sealed -> Binary,
        version -> BigInt,
        row_mac -> Binary,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    /// One row an assertion that was used.
    oauth_assertion (client_id, jti_hash) {
        client_id -> Uuid,
        jti_hash -> Binary,
        tenant_id -> Uuid,
        expires_at -> Timestamptz,
    }
}

diesel::table! {
    /// One row a code that a person gave an application.
    oauth_code (id) {
        id -> Uuid,
        tenant_id -> Uuid,
        code_hash -> Binary,
        client_id -> Uuid,
        session_id -> Uuid,
        request_sealed -> Binary,
        expires_at -> Timestamptz,
        used_at -> Nullable<Timestamptz>,
        issued -> Nullable<Uuid>,
    }
}

diesel::table! {
    /// One row a refresh token.
    oauth_refresh (id) {
        id -> Uuid,
        tenant_id -> Uuid,
        token_hash -> Binary,
        session_id -> Uuid,
        grant_sealed -> Binary,
        created_at -> Timestamptz,
        used_at -> Nullable<Timestamptz>,
        successor_sealed -> Nullable<Binary>,
    }
}

diesel::allow_tables_to_appear_in_same_query!(oauth_code, session);
