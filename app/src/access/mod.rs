//! Who may do what: roles, actions and one exhaustive match. `tests/ratchets/authz-matrix.txt` is its printed form.

mod action;
mod assurance;
mod policy;
mod role;

pub use action::{Action, Audience};
pub use assurance::{Assurance, STEP_UP_MAX_AGE_S, Unsure};
pub use policy::{matrix, may};
pub use role::Role;
