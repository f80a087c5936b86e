//! OAuth 2 in the clinic's own region: programs of other organisations and applications that people sign in with.
//!
//! An access token is a signed JWT of ten minutes at most, and it hangs on a session row like a browser's cookie does: whoever
//! ends the session, the account or the client ends its tokens with the next request (ADR 28).

pub mod access_token;
pub mod answer;
pub mod assertion;
pub mod authorize;
pub mod bearer;
pub mod change;
pub mod clients;
pub mod code;
pub mod consents;
pub mod form;
pub mod jwk;
pub mod jws;
pub mod model;
pub mod queries;
pub mod refresh;
pub mod tables;
pub mod tell;
pub mod token;
pub mod well_known;
