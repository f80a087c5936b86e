//! Tables of patients, as migrations/tenant makes them.
#![expect(missing_docs, reason = "what a column holds is said in migrations/tenant, once")]

diesel::table! {
    /// One row a patient; it identifies nobody.
    patient (id) {
        id -> Uuid,
        tenant_id -> Uuid,
        version -> BigInt,
        state -> Text,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        created_by -> Uuid,
    }
}

diesel::table! {
    /// Who the patient is; every column sealed under the patient's own key.
    person (patient_id) {
        patient_id -> Uuid,
        tenant_id -> Uuid,
        names -> Binary,
        birth_date -> Binary,
        sex -> Binary,
        phones -> Nullable<Binary>,
        emails -> Nullable<Binary>,
        addresses -> Nullable<Binary>,
        mrn -> Nullable<Binary>,
        identifiers -> Nullable<Binary>,
        version -> BigInt,
        tags_digest -> Binary,
        row_mac -> Binary,
    }
}

diesel::table! {
    /// Keyed tags by which a patient is found.
    person_tag (index_id, tag, patient_id) {
        patient_id -> Uuid,
        tenant_id -> Uuid,
        index_id -> Integer,
        tag -> Binary,
    }
}

diesel::allow_tables_to_appear_in_same_query!(patient, person, person_tag);

diesel::table! {
    /// One row a request that may be repeated.
    idempotency (account_id, key_hash) {
        account_id -> Uuid,
        key_hash -> Binary,
        tenant_id -> Uuid,
        request_hash -> Binary,
        status -> Integer,
        response_sealed -> Binary,
        created_at -> Timestamptz,
    }
}
