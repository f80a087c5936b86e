//! Tables of erasures and legal holds, as migrations/tenant makes them.
#![expect(missing_docs, reason = "what a column holds is said in migrations/tenant, once")]

use crate::documents::tables::document;
use crate::relationships::tables::relationship;

diesel::table! {
    /// One row a request to erase a patient.
    erasure (id) {
        id -> Uuid,
        tenant_id -> Uuid,
        patient_id -> Uuid,
        basis -> Text,
        state -> Text,
        refusal -> Nullable<Text>,
        requested_by -> Uuid,
        requested_at -> Timestamptz,
        decided_by -> Nullable<Uuid>,
        decided_at -> Nullable<Timestamptz>,
        shredded_at -> Nullable<Timestamptz>,
        ledger_seq -> Nullable<BigInt>,
        rows_removed -> BigInt,
        objects_removed -> BigInt,
        certificate -> Nullable<Text>,
    }
}

diesel::table! {
    /// One row a legal hold, standing or released.
    legal_hold (id) {
        id -> Uuid,
        tenant_id -> Uuid,
        patient_id -> Uuid,
        reason -> Text,
        placed_by -> Uuid,
        placed_at -> Timestamptz,
        released_by -> Nullable<Uuid>,
        released_at -> Nullable<Timestamptz>,
    }
}

diesel::allow_tables_to_appear_in_same_query!(legal_hold, document);
diesel::allow_tables_to_appear_in_same_query!(erasure, relationship);
