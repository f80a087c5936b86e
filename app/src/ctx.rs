//! Who is asking, for which clinic, why and when: the first parameter of every area's functions.

use std::net::IpAddr;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use regions::directory::TenantRecord;
use regions::ids::RequestId;
use regions::region::{Jurisdiction, RegionCode};
use tenancy::TenantRef;
use tenancy::audit::{ActorKind, AuditEntry, Outcome, Purpose};
use tenancy::keys::Keys;
use tenancy::reach::Caller;

use crate::access::{Policy, ProxyScope, Role, Within};
use crate::auth::factor::ProvenFactor;
use crate::relationships::model::Tie;

/// The clinic a request is for, as this process's own directory has it.
#[derive(Clone)]
pub struct Clinic {
    /// The directory's record.
    pub record: TenantRecord,
    /// The law its region is under.
    pub jurisdiction: Jurisdiction,
    /// The region's code in host names.
    pub code: RegionCode,
    /// Its one host name.
    pub host: String,
}

impl Clinic {
    /// What names the clinic's rows.
    #[must_use]
    pub fn tenant(&self) -> TenantRef {
        TenantRef { id: self.record.id, shard: self.record.shard, epoch: self.record.epoch }
    }
}

/// Somebody who is signed in.
#[derive(Clone, Copy)]
pub struct Actor {
    /// The account.
    pub account: [u8; 16],
    /// Its role in the clinic; where the path names a patient for whom it stands in, that of a proxy.
    pub role: Role,
    /// The session.
    pub session: [u8; 16],
    /// The second factor the session proved last; `None` when it proved a password only.
    pub factor: Option<ProvenFactor>,
}

impl Actor {
    /// What the audit log calls it.
    #[must_use]
    pub const fn kind(&self) -> ActorKind {
        match self.role {
            Role::ClinicAdmin
            | Role::Physician
            | Role::Nurse
            | Role::Receptionist
            | Role::LabTechnician
            | Role::Billing
            | Role::PrivacyOfficer => ActorKind::Staff,
            Role::Patient => ActorKind::Patient,
            Role::Proxy => ActorKind::Proxy,
            Role::MachineClient => ActorKind::Client,
        }
    }
}

/// One request's context.
#[derive(Clone)]
pub struct Ctx {
    /// The clinic.
    pub clinic: Arc<Clinic>,
    /// Who is asking; `None` before sign-in.
    pub actor: Option<Actor>,
    /// Why.
    pub purpose: Purpose,
    /// Names the request in the log, the audit log and the answer.
    pub request_id: RequestId,
    /// Where it came from, as the front door saw it.
    pub client_ip: IpAddr,
    /// When the request was taken up. One time for the whole of it: a tie made in it must hold by the time it is judged by.
    pub taken_up: DateTime<Utc>,
    /// The region's keys.
    pub keys: Arc<Keys>,
    /// Who may ask about whom.
    pub policy: Policy,
    /// What of a record the action takes from whoever stands in for the patient.
    pub needs: &'static [ProxyScope],
    /// How the caller is tied to the patient that the path names; `None` when it names none, or when the caller reaches
    /// the whole clinic.
    pub tie: Option<Tie>,
}

impl Ctx {
    /// The clinic's rows.
    #[must_use]
    pub fn tenant(&self) -> TenantRef {
        self.clinic.tenant()
    }

    /// Now, which is one time for the whole request.
    #[must_use]
    pub const fn now(&self) -> DateTime<Utc> {
        self.taken_up
    }

    /// The acting account's id; zeros before sign-in.
    #[must_use]
    pub fn account(&self) -> [u8; 16] {
        self.actor.map_or([0; 16], |actor| actor.account)
    }

    /// The condition that queries about patients carry for this caller.
    #[must_use]
    pub fn within(&self) -> Within {
        let own = |actor: Actor| self.policy.within(actor.role, actor.account, self.now(), self.needs);
        self.actor.map_or(Within::Nobody, own)
    }

    /// What row security is told of this caller.
    #[must_use]
    pub fn caller(&self) -> Caller {
        let at_us = self.now().timestamp_micros();
        self.actor
            .map_or(Caller::nobody(at_us), |actor| self.policy.caller(actor.role, actor.account, self.now()))
    }

    /// The same request in the role that its caller has towards one patient.
    #[must_use]
    pub fn acting_as(&self, role: Role) -> Ctx {
        Ctx { actor: self.actor.map(|actor| Actor { role, ..actor }), ..self.clone() }
    }

    /// An audit entry with everything the context knows.
    #[must_use]
    pub fn entry(&self, action: &'static str, outcome: Outcome) -> AuditEntry {
        let entry = AuditEntry::new(action, outcome)
            .purpose(self.purpose)
            .request(self.request_id)
            .client_ip(self.client_ip);
        match self.actor {
            Some(actor) => entry.actor(actor.kind(), actor.account).session(actor.session),
            None => entry.actor(ActorKind::Anonymous, [0; 16]),
        }
    }
}
