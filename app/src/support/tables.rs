//! Tables of support grants, as migrations/tenant makes them.
#![expect(missing_docs, reason = "what a column holds is said in migrations/tenant, once")]

diesel::table! {
    /// One row a grant that was asked for.
    support_grant (id) {
        id -> Uuid,
        tenant_id -> Uuid,
        asked_by -> Uuid,
        said_sealed -> Binary,
        minutes -> Integer,
        state -> Text,
        asked_at -> Timestamptz,
        answered_by -> Nullable<Uuid>,
        answered_at -> Nullable<Timestamptz>,
        ends_at -> Nullable<Timestamptz>,
        ended_at -> Nullable<Timestamptz>,
        ended_by -> Nullable<Uuid>,
    }
}

diesel::table! {
    /// One row a look that was answered.
    support_look (id) {
        id -> Uuid,
        tenant_id -> Uuid,
        grant_id -> Uuid,
        what -> Text,
        looked_at -> Timestamptz,
    }
}
