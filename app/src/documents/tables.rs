//! Tables of documents, as migrations/tenant makes them.
#![expect(missing_docs, reason = "what a column holds is said in migrations/tenant, once")]

use crate::patients::tables::patient;
use crate::relationships::tables::relationship;

diesel::table! {
    /// One row an object in S3.
    stored_object (id) {
        id -> Uuid,
        tenant_id -> Uuid,
        patient_id -> Uuid,
        header -> Binary,
        size_bytes -> BigInt,
        s3_upload -> Nullable<Text>,
        created_at -> Timestamptz,
        delete_after -> Nullable<Timestamptz>,
        mode -> Text,
    }
}

diesel::table! {
    /// One row a part that S3 has taken.
    stored_part (object_id, number) {
        object_id -> Uuid,
        number -> Integer,
        tenant_id -> Uuid,
        etag -> Text,
        checksum -> Text,
    }
}

diesel::table! {
    /// One row a document; it says nothing about its content.
    document (id) {
        id -> Uuid,
        tenant_id -> Uuid,
        patient_id -> Uuid,
        version -> BigInt,
        kind -> Text,
        media_type -> Text,
        state -> Text,
        refusal -> Nullable<Text>,
        size_bytes -> BigInt,
        object_id -> Nullable<Uuid>,
        supersedes -> Nullable<Uuid>,
        superseded_by -> Nullable<Uuid>,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        created_by -> Uuid,
        purge_after -> Nullable<Timestamptz>,
        scanned_with -> Nullable<Text>,
        scanned_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    /// One row a link.
    document_link (token_hash) {
        token_hash -> Binary,
        tenant_id -> Uuid,
        document_id -> Uuid,
        session_id -> Uuid,
        created_at -> Timestamptz,
        expires_at -> Timestamptz,
        used_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    /// What a document is called; every column sealed under the patient's own key.
    document_text (document_id) {
        document_id -> Uuid,
        tenant_id -> Uuid,
        title -> Binary,
        notes -> Nullable<Binary>,
        file_name -> Nullable<Binary>,
        sha256 -> Nullable<Binary>,
        dated_on -> Nullable<Binary>,
        version -> BigInt,
        row_mac -> Binary,
    }
}

diesel::table! {
    /// From which size on imaging is direct; at most one row.
    document_policy (tenant_id) {
        tenant_id -> Uuid,
        direct_from_bytes -> Nullable<BigInt>,
        updated_at -> Timestamptz,
        updated_by -> Uuid,
    }
}

diesel::allow_tables_to_appear_in_same_query!(
    document,
    document_text,
    stored_object,
    stored_part,
    document_link
);
diesel::allow_tables_to_appear_in_same_query!(document, patient);
diesel::allow_tables_to_appear_in_same_query!(document, relationship);
