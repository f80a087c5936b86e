//! Table of those who stand in, as migrations/tenant makes it.
#![expect(missing_docs, reason = "what a column holds is said in migrations/tenant, once")]

use crate::relationships::tables::relationship;

diesel::table! {
    /// One row somebody who stands in, or stood in; its id is the tie's.
    proxy (id) {
        id -> Uuid,
        tenant_id -> Uuid,
        patient_id -> Uuid,
        recorded_at -> Timestamptz,
        content -> Binary,
    }
}

diesel::allow_tables_to_appear_in_same_query!(proxy, relationship);
