//! Who may do what, and about whom: roles, actions, reach, and exhaustive matches. `tests/ratchets/authz-matrix.txt` is
//! the printed form.

mod action;
mod assurance;
mod policy;
mod proxy_scope;
mod reach;
mod role;
mod scope;

pub use action::{Action, Audience};
pub use assurance::{Assurance, STEP_UP_MAX_AGE_S, Unsure};
pub use policy::{in_emergency, matrix, may, may_join_care_teams};
pub use proxy_scope::{ProxyScope, needs};
pub use reach::{Policy, Within, acting_as, reach};
pub use role::Role;
pub use scope::Scope;
