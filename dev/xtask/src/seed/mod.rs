//! What a fresh stack is filled with, all of it through the product's own interfaces: regions, clinics, staff, patients.
//!
//! Names, numbers and addresses are made up and recognisably so: reserved telephone numbers, `example` domains.
pub(crate) mod clinics;
pub(crate) mod invitations;
pub(crate) mod patients;
pub(crate) mod platform;

use serde::{Deserialize, Serialize};

/// Someone who can sign in.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Login {
    /// What they may do.
    pub role: String,
    /// What they sign in with.
    pub email: String,
    /// Their password; made at random, valid on this machine only.
    pub password: String,
    /// The secret of their authenticator app, in base32; `dev/bootstrap.sh code EMAIL` makes codes of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub totp_secret: Option<String>,
}

/// A clinic of the stack.
pub(crate) struct DemoClinic {
    /// The first label of its host.
    pub slug: String,
    /// Its home region.
    pub region: &'static str,
    /// Its host name.
    pub host: String,
    /// Its address for browsers.
    pub url: String,
    /// Its staff.
    pub logins: Vec<Login>,
    /// The address to which the codes go that a synthetic patient signs in with.
    pub patient: String,
}

/// Who can sign in where.
pub(crate) struct Demo {
    /// The platform's own people.
    pub platform: Vec<Login>,
    /// One clinic in each region.
    pub clinics: Vec<DemoClinic>,
}
