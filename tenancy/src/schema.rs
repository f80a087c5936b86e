//! Tables of a tenant schema that this crate itself writes. Areas of the product describe their own tables.

#![expect(
    missing_docs,
    reason = "the table macro makes public items; the migration that creates a column documents it"
)]

diesel::table! {
    /// One row an audited action; the tenant's role may insert and read it, nothing else.
    /// `entry` is written and never there to read: a trigger passes it on to the sealer.
    /// Columns the database fills (`seq`, `xid`, `recorded_at`) are left out: nobody may supply them.
    audit_event (event_id) {
        event_id -> Uuid,
        tenant_id -> Uuid,
        occurred_at -> Timestamptz,
        region -> Text,
        actor_kind -> Text,
        actor_id -> Uuid,
        session_id -> Nullable<Uuid>,
        request_id -> Nullable<Uuid>,
        client_ip_sealed -> Nullable<Binary>,
        action -> Text,
        resource_kind -> Text,
        resource_id -> Nullable<Uuid>,
        subject_id -> Nullable<Uuid>,
        purpose -> Text,
        outcome -> Text,
        reason -> Nullable<Text>,
        fields -> BigInt,
        row_version -> Nullable<BigInt>,
        row_mac -> Nullable<Binary>,
        result_count -> Nullable<Integer>,
        touched -> Array<Text>,
        schema_ver -> Integer,
        instance_id -> Nullable<Uuid>,
        period -> Nullable<BigInt>,
        detail_sealed -> Nullable<Binary>,
        leaf -> Nullable<Binary>,
        entry -> Nullable<Binary>,
    }
}
