//! Table of corrections, as migrations/tenant makes it.
#![expect(missing_docs, reason = "what a column holds is said in migrations/tenant, once")]

use crate::patients::tables::patient;
use crate::relationships::tables::relationship;

diesel::table! {
    /// One row a request.
    correction (id) {
        id -> Uuid,
        tenant_id -> Uuid,
        patient_id -> Uuid,
        state -> Text,
        request_sealed -> Binary,
        asked_at -> Timestamptz,
        answer_sealed -> Nullable<Binary>,
        answered_at -> Nullable<Timestamptz>,
        version -> BigInt,
        row_mac -> Binary,
    }
}

diesel::allow_tables_to_appear_in_same_query!(correction, patient);
diesel::allow_tables_to_appear_in_same_query!(correction, relationship);
