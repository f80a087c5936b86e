//! The product: the roles of the `domicile` binary and the areas they serve.
//!
//! A folder is an area; the same file names (`api`, `model`, `queries`, `rules`) mean the same thing in each.
//! Nothing here opens a tenant's rows by itself: every query takes a `tenancy` transaction.

pub mod access;
pub mod admin;
pub mod app;
pub mod audit;
pub mod auth;
pub mod backend;
pub mod break_glass;
pub mod call;
pub mod cli;
pub mod config;
pub mod control;
pub mod corrections;
pub mod ctx;
pub mod disclosures;
pub mod documents;
pub mod erasure;
pub mod error;
pub mod front_door;
pub mod jobs;
pub mod keystore;
pub mod middleware;
pub mod migrate;
pub mod oauth;
pub mod onboarding;
mod opaque_id;
pub mod openapi;
pub mod paging;
pub mod patients;
pub mod pins;
pub mod portal;
pub mod proxies;
pub mod registry;
pub mod relationships;
pub mod role;
pub mod rotation;
pub mod routes;
pub mod sites;
pub mod staff;
pub mod store;
pub mod support;
pub mod worker;
pub mod worklist;
