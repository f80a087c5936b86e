//! The audit entry: the price of leaving a tenant transaction with a commit.

use std::borrow::Cow;
use std::net::IpAddr;

use regions::ids::RequestId;
use uuid::Uuid;

use crate::sealed::RowMac;

/// Most tables one entry may name; more is a design error.
pub const TOUCHED_TABLES_MAX: usize = 16;
/// Most entries one commit may carry.
pub const ENTRIES_PER_COMMIT_MAX: usize = 64;

/// The id of a recorded audit event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct AuditId(pub Uuid);

/// How an action ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It was allowed and done.
    Allow,
    /// It was refused.
    Deny,
    /// It was allowed and failed.
    Error,
}

impl Outcome {
    /// The word stored in the row.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Deny => "deny",
            Self::Error => "error",
        }
    }
}

/// What kind of actor did it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ActorKind {
    /// Clinic staff.
    Staff,
    /// The patient.
    Patient,
    /// Somebody who stands in for the patient.
    Proxy,
    /// A program of another organisation.
    Client,
    /// Somebody of the platform's support, under a grant of the clinic's administrator.
    Platform,
    /// The platform itself: jobs, provisioning.
    System,
    /// Nobody signed in.
    Anonymous,
}

impl ActorKind {
    /// The word stored in the row.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Staff => "staff",
            Self::Patient => "patient",
            Self::Proxy => "proxy",
            Self::Client => "client",
            Self::Platform => "platform",
            Self::System => "system",
            Self::Anonymous => "anonymous",
        }
    }
}

/// Why patient data was used (HIPAA 45 CFR 164.501; DPDP Act section 6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Care of the patient.
    Treatment,
    /// Billing and claims.
    Payment,
    /// Running the clinic.
    Operations,
    /// Emergency access outside the usual rights.
    BreakGlass,
    /// The platform's own upkeep.
    System,
}

impl Purpose {
    /// The word stored in the row.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Treatment => "TREATMENT",
            Self::Payment => "PAYMENT",
            Self::Operations => "OPERATIONS",
            Self::BreakGlass => "BREAKGLASS",
            Self::System => "SYSTEM",
        }
    }
}

/// Why a transaction may be committed without an audit entry. Each use is a decision; none may touch patient data,
/// and the commit trigger refuses if one does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unaudited {
    /// A session's last-seen time was moved.
    SessionTouch,
    /// A session, account or invitation was looked up by its hash to find out who is asking.
    IdentityLookup,
    /// A stored answer to a repeated request was looked up or written.
    Idempotency,
    /// A job's own bookkeeping, such as "mail sent".
    JobProgress,
    /// Sealed bytes of a document are on their way in; the entry follows with the part or the end of the upload.
    UploadProgress,
}

/// One audit event before it is written. Holds ids and words of our own, never free text and never patient data.
#[derive(Debug, Clone)]
pub struct AuditEntry {
    pub(crate) action: &'static str,
    pub(crate) outcome: Outcome,
    pub(crate) actor_kind: ActorKind,
    pub(crate) actor: [u8; 16],
    pub(crate) session: Option<[u8; 16]>,
    pub(crate) resource_kind: &'static str,
    pub(crate) resource: Option<[u8; 16]>,
    pub(crate) subject: Option<[u8; 16]>,
    pub(crate) purpose: Purpose,
    pub(crate) request: Option<RequestId>,
    pub(crate) client_ip: Option<IpAddr>,
    pub(crate) reason: Option<&'static str>,
    pub(crate) fields: u64,
    pub(crate) count: Option<u32>,
    pub(crate) row_version: Option<i64>,
    pub(crate) row_mac: Option<Vec<u8>>,
    pub(crate) detail_sealed: Option<Vec<u8>>,
    pub(crate) touched: Vec<Cow<'static, str>>,
}

impl AuditEntry {
    /// An entry for `action`, such as `patient.read`, by the system until an actor is named.
    #[must_use]
    pub fn new(action: &'static str, outcome: Outcome) -> Self {
        Self {
            action,
            outcome,
            actor_kind: ActorKind::System,
            actor: [0; 16],
            session: None,
            resource_kind: "none",
            resource: None,
            subject: None,
            purpose: Purpose::Operations,
            request: None,
            client_ip: None,
            reason: None,
            fields: 0,
            count: None,
            row_version: None,
            row_mac: None,
            detail_sealed: None,
            touched: Vec::new(),
        }
    }

    /// Who did it; an anonymous actor has sixteen zero bytes.
    #[must_use]
    pub fn actor(mut self, kind: ActorKind, id: [u8; 16]) -> Self {
        self.actor_kind = kind;
        self.actor = id;
        self
    }

    /// The session it was done in.
    #[must_use]
    pub fn session(mut self, id: [u8; 16]) -> Self {
        self.session = Some(id);
        self
    }

    /// What it was done to.
    #[must_use]
    pub fn resource(mut self, kind: &'static str, id: [u8; 16]) -> Self {
        self.resource_kind = kind;
        self.resource = Some(id);
        self
    }

    /// What kind of thing it was done to, when there is no single one, as in a search.
    #[must_use]
    pub fn resource_kind(mut self, kind: &'static str) -> Self {
        self.resource_kind = kind;
        self
    }

    /// Whose data it is.
    #[must_use]
    pub fn subject(mut self, id: [u8; 16]) -> Self {
        self.subject = Some(id);
        self
    }

    /// Why it was done.
    #[must_use]
    pub fn purpose(mut self, purpose: Purpose) -> Self {
        self.purpose = purpose;
        self
    }

    /// The request it belongs to.
    #[must_use]
    pub fn request(mut self, id: RequestId) -> Self {
        self.request = Some(id);
        self
    }

    /// The client's address; it is sealed under the tenant's key before it is stored.
    #[must_use]
    pub fn client_ip(mut self, ip: IpAddr) -> Self {
        self.client_ip = Some(ip);
        self
    }

    /// A reason code of ours.
    #[must_use]
    pub fn reason(mut self, code: &'static str) -> Self {
        self.reason = Some(code);
        self
    }

    /// Which fields were shown or changed, as bits the area assigns.
    #[must_use]
    pub fn fields(mut self, bits: u64) -> Self {
        self.fields = bits;
        self
    }

    /// How many rows a list or search returned.
    #[must_use]
    pub fn count(mut self, rows: u32) -> Self {
        self.count = Some(rows);
        self
    }

    /// The version of the row after a change, or the one that was read.
    #[must_use]
    pub fn row_version(mut self, version: i64) -> Self {
        self.row_version = Some(version);
        self
    }

    /// The MAC of that version of the row; with it, a row that was rolled back whole is found from the log.
    #[must_use]
    pub fn row_mac(mut self, mac: &RowMac) -> Self {
        self.row_mac = Some(mac.as_bytes().to_vec());
        self
    }

    /// What else must be known, such as the ids a list showed, sealed under the tenant's or the subject's key. An event has
    /// at most 8,192 bytes; a longer list goes into several events.
    #[must_use]
    pub fn detail(mut self, sealed: crate::sealed::Sealed) -> Self {
        self.detail_sealed = Some(sealed.into_bytes());
        self
    }

    /// A patient-data table this transaction changed; the commit trigger demands it for each one.
    #[must_use]
    pub fn touches(mut self, table: impl Into<Cow<'static, str>>) -> Self {
        let table = table.into();
        if !self.touched.contains(&table) && self.touched.len() < TOUCHED_TABLES_MAX {
            self.touched.push(table);
        }
        self
    }
}
