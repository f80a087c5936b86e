//! Tables of ties and sites, as migrations/tenant makes them.
#![expect(missing_docs, reason = "what a column holds is said in migrations/tenant, once")]

use crate::auth::tables::account;
use crate::patients::tables::{patient, person_tag};

diesel::table! {
    /// Where the clinic works.
    site (id) {
        id -> Uuid,
        tenant_id -> Uuid,
        name -> Text,
        created_at -> Timestamptz,
        closed_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    /// Which sites a principal works at.
    account_site (account_id, site_id) {
        account_id -> Uuid,
        site_id -> Uuid,
        tenant_id -> Uuid,
    }
}

diesel::table! {
    /// One row a tie between a patient and a party.
    relationship (id) {
        id -> Uuid,
        tenant_id -> Uuid,
        patient_id -> Uuid,
        party_id -> Uuid,
        kind -> Text,
        founding -> Bool,
        valid_from -> Timestamptz,
        valid_to -> Nullable<Timestamptz>,
        created_at -> Timestamptz,
        created_by -> Uuid,
        scope -> Array<Text>,
    }
}

diesel::allow_tables_to_appear_in_same_query!(relationship, account_site, site);
diesel::allow_tables_to_appear_in_same_query!(relationship, patient);
diesel::allow_tables_to_appear_in_same_query!(relationship, person_tag);
diesel::allow_tables_to_appear_in_same_query!(relationship, account);
diesel::allow_tables_to_appear_in_same_query!(patient, account);
