//! Which patients a role may ask about. The policy says what may be done; this says about whom, twice: as a condition of
//! each query, and as the caller of the transaction, which row security reads for itself.

use chrono::{DateTime, Utc};
use tenancy::reach::{Caller, Reach};

use super::{Action, ProxyScope, Role, policy};
use crate::relationships::model::Tie;

/// How far a role reaches.
#[must_use]
pub const fn reach(role: Role) -> Reach {
    match role {
        // Care is given to one's own patients; patients and those who stand in are tied to themselves and their own.
        Role::Physician | Role::Nurse | Role::Patient | Role::Proxy => Reach::Ties,
        // Registration, the laboratory and billing work for a site, for whoever comes there.
        Role::Receptionist | Role::LabTechnician | Role::Billing | Role::MachineClient => Reach::Sites,
        // Answers requests and reviews access for the whole clinic; what is shown is little.
        Role::PrivacyOfficer => Reach::Everyone,
        // Has no verb for a record, and would find none.
        Role::ClinicAdmin => Reach::Nobody,
    }
}

/// The role in which somebody acts towards a patient: who stands in for the patient is a proxy there, whatever the own record
/// makes of them elsewhere.
#[must_use]
pub const fn acting_as(role: Role, tie: Tie) -> Role {
    match (role, tie) {
        (Role::Patient, Tie::Proxy) => Role::Proxy,
        (role, _) => role,
    }
}

/// The condition that queries about patients carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Within {
    /// Whoever this principal is tied to; for whom it stands in, only where it was given all of this.
    Ties([u8; 16], DateTime<Utc>, &'static [ProxyScope]),
    /// Whoever one of this principal's sites is tied to.
    Sites([u8; 16], DateTime<Utc>),
    /// The whole clinic.
    Everyone,
    /// Nobody.
    Nobody,
}

/// The decisions a server makes by. There is one, [`Policy::default`]; tests take away one decision at a time to see that
/// somebody notices. No configuration leads here.
#[derive(Debug, Clone, Copy)]
pub struct Policy {
    /// Who may do what.
    pub may: fn(Role, Action) -> bool,
    /// Who reaches whom, as the queries' condition.
    pub within: fn(Role) -> Reach,
    /// Who reaches whom, as row security is told.
    pub reach: fn(Role) -> Reach,
}

impl Default for Policy {
    fn default() -> Policy {
        Policy { may: policy::may, within: reach, reach }
    }
}

impl Policy {
    /// The condition for somebody's queries at this moment.
    #[must_use]
    pub fn within(
        &self,
        role: Role,
        account: [u8; 16],
        now: DateTime<Utc>,
        needs: &'static [ProxyScope],
    ) -> Within {
        match (self.within)(role) {
            Reach::Nobody => Within::Nobody,
            Reach::Ties => Within::Ties(account, now, needs),
            Reach::Sites => Within::Sites(account, now),
            Reach::Everyone => Within::Everyone,
        }
    }

    /// What row security is told.
    #[must_use]
    pub fn caller(&self, role: Role, account: [u8; 16], now: DateTime<Utc>) -> Caller {
        Caller { reach: (self.reach)(role), actor: account, at_us: now.timestamp_micros() }
    }
}
