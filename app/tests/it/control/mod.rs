//! The control plane through its outside: the platform API, the feed, the command line, and its own database.

mod access;
mod cancelled;
mod cli;
mod contacts;
mod directory;
mod feed;
mod keys;
mod onboarding;
mod passkeys;
mod schema;
mod sessions;
mod support;
mod support_grants;
mod support_leavers;
mod support_mail;
mod tenants;

pub(crate) use onboarding::{Worker, worker_config};
pub(crate) use support::{TestControl, is_ready, until};
