//! Table of disclosures, as migrations/tenant makes it.
#![expect(missing_docs, reason = "what a column holds is said in migrations/tenant, once")]

diesel::table! {
    /// One row a disclosure. Rows are never changed.
    disclosure (id) {
        id -> Uuid,
        tenant_id -> Uuid,
        patient_id -> Uuid,
        recorded_by -> Uuid,
        recorded_at -> Timestamptz,
        content -> Binary,
    }
}
