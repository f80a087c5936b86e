//! Table of emergency access, as migrations/tenant makes it.
#![expect(missing_docs, reason = "what a column holds is said in migrations/tenant, once")]

diesel::table! {
    /// One row an emergency.
    break_glass (id) {
        id -> Uuid,
        tenant_id -> Uuid,
        patient_id -> Uuid,
        account_id -> Uuid,
        reason_code -> Text,
        reason_sealed -> Binary,
        started_at -> Timestamptz,
        expires_at -> Timestamptz,
        ended_at -> Nullable<Timestamptz>,
        told_at -> Nullable<Timestamptz>,
        reviewed_by -> Nullable<Uuid>,
        reviewed_at -> Nullable<Timestamptz>,
        verdict -> Nullable<Text>,
        note_sealed -> Nullable<Binary>,
        version -> BigInt,
        row_mac -> Binary,
    }
}
