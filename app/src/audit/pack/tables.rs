//! Table of packs, as migrations/tenant makes it.
#![expect(missing_docs, reason = "what a column holds is said in migrations/tenant, once")]

diesel::table! {
    /// One row a month.
    audit_pack (id) {
        id -> Uuid,
        tenant_id -> Uuid,
        month -> Date,
        events -> BigInt,
        note -> Text,
        sums -> Text,
        made_at -> Timestamptz,
    }
}
