//! Everything a caller can ask for. Each route names exactly one action.

/// One thing a caller can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Action {
    /// Read the API description.
    ApiDescribe,
    /// Turn an invitation into an account.
    InvitationAccept,
    /// Sign in.
    SessionCreate,
    /// See the own session.
    SessionRead,
    /// Sign out.
    SessionEnd,
    /// See the own account.
    MeRead,
    /// Prove a second factor in the own session.
    SessionProve,
    /// See which factors the own account has.
    FactorList,
    /// Begin to enrol time-based codes.
    TotpEnrol,
    /// Finish it with the first code.
    TotpConfirm,
    /// Replace the own recovery codes.
    RecoveryRenew,
    /// Begin to add a passkey.
    PasskeyBegin,
    /// Add a passkey.
    PasskeyAdd,
    /// Remove one of the own passkeys.
    PasskeyRemove,
    /// Begin to prove a passkey in the own session.
    PasskeyChallenge,
    /// See the own sessions.
    SessionList,
    /// End one of the own sessions.
    SessionRevoke,
    /// Change the own password.
    PasswordChange,
    /// End a staff member's sessions.
    StaffEndSessions,
    /// See how long sessions live.
    SessionPolicyRead,
    /// Shorten how long sessions live.
    SessionPolicyChange,
    /// Begin to sign in with a passkey.
    SessionChallenge,
    /// Sign in with a passkey.
    SessionCreatePasskey,
    /// Ask for a code by mail to sign in with.
    SessionCode,
    /// Sign in with such a code.
    SessionCreateCode,
    /// Ask for a mail to set a new password.
    RecoveryAsk,
    /// Set a new password with the token of that mail.
    RecoveryComplete,
    /// Take the factors of a colleague who lost them, so that they enrol new ones.
    FactorReset,
    /// List the clinic's staff.
    StaffList,
    /// Invite a staff member.
    StaffInvite,
    /// Open a staff member's account again after too many wrong passwords.
    StaffUnlock,
    /// Give a staff member another role.
    StaffRole,
    /// Close a staff member's account.
    StaffDeactivate,
    /// Open a closed account again.
    StaffReactivate,
    /// List where the clinic works.
    SiteList,
    /// Add a site.
    SiteCreate,
    /// Say at which sites a staff member works.
    StaffSites,
    /// Register a patient.
    PatientCreate,
    /// Page through patients.
    PatientList,
    /// Read one patient.
    PatientRead,
    /// Correct one patient.
    PatientUpdate,
    /// Search patients.
    PatientSearch,
    /// Reach for a patient in an emergency.
    BreakGlassStart,
    /// End the own emergency access.
    BreakGlassEnd,
    /// See emergencies that wait for their review.
    BreakGlassList,
    /// Review somebody else's emergency access.
    BreakGlassReview,
    /// Correct how a patient is reached.
    PatientContact,
    /// Let a patient sign in and see the own record.
    PatientAccessOpen,
    /// End that.
    PatientAccessClose,
    /// Say at which sites a patient is registered.
    PatientSites,
    /// See who treats a patient.
    CareTeamRead,
    /// Add somebody to a care team.
    CareTeamJoin,
    /// End a membership of a care team.
    CareTeamLeave,
    /// Announce a document of a patient.
    DocumentCreate,
    /// List a patient's documents.
    DocumentList,
    /// Read what is said about a document.
    DocumentRead,
    /// Correct a document's words.
    DocumentUpdate,
    /// Take a document out of the record.
    DocumentDelete,
    /// Send a document's bytes.
    DocumentUpload,
    /// Send a part of a document's bytes.
    DocumentPart,
    /// End the upload of a document.
    DocumentComplete,
    /// Read a document's bytes.
    DocumentDownload,
    /// Make a link to a document's bytes.
    DocumentLink,
    /// Use a link up.
    DocumentRedeem,
    /// Ask for a patient to be erased.
    ErasureRequest,
    /// Read what became of it.
    ErasureRead,
    /// Agree to it, as a second person.
    ErasureApprove,
    /// Call it off.
    ErasureCancel,
    /// List a patient's legal holds.
    LegalHoldList,
    /// Place a legal hold.
    LegalHoldPlace,
    /// Release it.
    LegalHoldRelease,
    /// Search the clinic's audit log.
    AuditSearch,
    /// Have a receipt of an audit event.
    AuditReceipt,
    /// See, in plain words, who used a patient's record.
    AccessReport,
    /// Write down that a patient's data were given to somebody outside.
    DisclosureRecord,
    /// See to whom a patient's data were given.
    DisclosureList,
    /// See of which months there are packs of the audit log.
    PackList,
    /// Have a file of a pack.
    PackDownload,
}

/// Who may ask at all, before roles are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Audience {
    /// Anyone who reaches the clinic's address.
    Anyone,
    /// Whoever has a session in the clinic.
    Staff,
}

impl Action {
    /// Every action, in the order of the printed matrix.
    pub const ALL: [Action; 78] = [
        Action::ApiDescribe,
        Action::InvitationAccept,
        Action::SessionCreate,
        Action::SessionRead,
        Action::SessionEnd,
        Action::MeRead,
        Action::SessionProve,
        Action::FactorList,
        Action::TotpEnrol,
        Action::TotpConfirm,
        Action::RecoveryRenew,
        Action::PasskeyBegin,
        Action::PasskeyAdd,
        Action::PasskeyRemove,
        Action::PasskeyChallenge,
        Action::SessionList,
        Action::SessionRevoke,
        Action::PasswordChange,
        Action::StaffEndSessions,
        Action::SessionPolicyRead,
        Action::SessionPolicyChange,
        Action::SessionChallenge,
        Action::SessionCreatePasskey,
        Action::SessionCode,
        Action::SessionCreateCode,
        Action::RecoveryAsk,
        Action::RecoveryComplete,
        Action::FactorReset,
        Action::StaffList,
        Action::StaffInvite,
        Action::StaffUnlock,
        Action::StaffRole,
        Action::StaffDeactivate,
        Action::StaffReactivate,
        Action::SiteList,
        Action::SiteCreate,
        Action::StaffSites,
        Action::PatientCreate,
        Action::PatientList,
        Action::PatientRead,
        Action::PatientUpdate,
        Action::PatientSearch,
        Action::BreakGlassStart,
        Action::BreakGlassEnd,
        Action::BreakGlassList,
        Action::BreakGlassReview,
        Action::PatientContact,
        Action::PatientAccessOpen,
        Action::PatientAccessClose,
        Action::PatientSites,
        Action::CareTeamRead,
        Action::CareTeamJoin,
        Action::CareTeamLeave,
        Action::DocumentCreate,
        Action::DocumentList,
        Action::DocumentRead,
        Action::DocumentUpdate,
        Action::DocumentDelete,
        Action::DocumentUpload,
        Action::DocumentPart,
        Action::DocumentComplete,
        Action::DocumentDownload,
        Action::DocumentLink,
        Action::DocumentRedeem,
        Action::ErasureRequest,
        Action::ErasureRead,
        Action::ErasureApprove,
        Action::ErasureCancel,
        Action::LegalHoldList,
        Action::LegalHoldPlace,
        Action::LegalHoldRelease,
        Action::AuditSearch,
        Action::AuditReceipt,
        Action::AccessReport,
        Action::DisclosureRecord,
        Action::DisclosureList,
        Action::PackList,
        Action::PackDownload,
    ];

    /// The name in the audit log, in transaction names and in the printed matrix.
    #[must_use]
    #[expect(clippy::too_many_lines, reason = "one line an action, with no wildcard")]
    pub const fn name(self) -> &'static str {
        match self {
            Action::ApiDescribe => "api.describe",
            Action::InvitationAccept => "invitation.accept",
            Action::SessionCreate => "session.create",
            Action::SessionRead => "session.read",
            Action::SessionEnd => "session.end",
            Action::MeRead => "me.read",
            Action::SessionProve => "session.prove",
            Action::FactorList => "factor.list",
            Action::TotpEnrol => "totp.enrol",
            Action::TotpConfirm => "totp.confirm",
            Action::RecoveryRenew => "recovery.renew",
            Action::PasskeyBegin => "passkey.begin",
            Action::PasskeyAdd => "passkey.add",
            Action::PasskeyRemove => "passkey.remove",
            Action::PasskeyChallenge => "passkey.challenge",
            Action::SessionList => "session.list",
            Action::SessionRevoke => "session.revoke",
            Action::PasswordChange => "password.change",
            Action::StaffEndSessions => "staff.end_sessions",
            Action::SessionPolicyRead => "session_policy.read",
            Action::SessionPolicyChange => "session_policy.change",
            Action::SessionChallenge => "session.challenge",
            Action::SessionCreatePasskey => "session.create_passkey",
            Action::SessionCode => "session.code",
            Action::SessionCreateCode => "session.create_code",
            Action::RecoveryAsk => "recovery.ask",
            Action::RecoveryComplete => "recovery.complete",
            Action::FactorReset => "factor.reset",
            Action::StaffList => "staff.list",
            Action::StaffInvite => "staff.invite",
            Action::StaffUnlock => "staff.unlock",
            Action::StaffRole => "staff.role",
            Action::StaffDeactivate => "staff.deactivate",
            Action::StaffReactivate => "staff.reactivate",
            Action::SiteList => "site.list",
            Action::SiteCreate => "site.create",
            Action::StaffSites => "staff.sites",
            Action::PatientAccessOpen => "patient.access_open",
            Action::PatientAccessClose => "patient.access_close",
            Action::PatientSites => "patient.sites",
            Action::PatientCreate => "patient.create",
            Action::PatientList => "patient.list",
            Action::PatientRead => "patient.read",
            Action::PatientUpdate => "patient.update",
            Action::PatientSearch => "patient.search",
            Action::BreakGlassStart => "break_glass.start",
            Action::BreakGlassEnd => "break_glass.end",
            Action::BreakGlassList => "break_glass.list",
            Action::BreakGlassReview => "break_glass.review",
            Action::PatientContact => "patient.contact",
            Action::CareTeamRead => "care_team.read",
            Action::CareTeamJoin => "care_team.join",
            Action::CareTeamLeave => "care_team.leave",
            Action::DocumentCreate => "document.create",
            Action::DocumentList => "document.list",
            Action::DocumentRead => "document.read",
            Action::DocumentUpdate => "document.update",
            Action::DocumentDelete => "document.delete",
            Action::DocumentUpload => "document.upload",
            Action::DocumentPart => "document.part",
            Action::DocumentComplete => "document.complete",
            Action::DocumentDownload => "document.download",
            Action::DocumentLink => "document.link",
            Action::DocumentRedeem => "document.redeem",
            Action::ErasureRequest => "erasure.request",
            Action::ErasureRead => "erasure.read",
            Action::ErasureApprove => "erasure.approve",
            Action::ErasureCancel => "erasure.cancel",
            Action::LegalHoldList => "legal_hold.list",
            Action::LegalHoldPlace => "legal_hold.place",
            Action::LegalHoldRelease => "legal_hold.release",
            Action::AuditSearch => "audit.search",
            Action::AuditReceipt => "audit.receipt",
            Action::AccessReport => "audit.access_report",
            Action::DisclosureRecord => "disclosure.record",
            Action::DisclosureList => "disclosure.list",
            Action::PackList => "audit_pack.list",
            Action::PackDownload => "audit_pack.download",
        }
    }

    /// Who may ask at all.
    #[must_use]
    #[expect(clippy::too_many_lines, reason = "one line an action, with no wildcard")]
    pub const fn audience(self) -> Audience {
        match self {
            Action::ApiDescribe
            | Action::InvitationAccept
            | Action::SessionCreate
            | Action::SessionChallenge
            | Action::SessionCreatePasskey
            | Action::SessionCode
            | Action::SessionCreateCode
            | Action::RecoveryAsk
            | Action::RecoveryComplete => Audience::Anyone,
            Action::SessionRead
            | Action::SessionEnd
            | Action::MeRead
            | Action::SessionProve
            | Action::FactorList
            | Action::TotpEnrol
            | Action::TotpConfirm
            | Action::RecoveryRenew
            | Action::PasskeyBegin
            | Action::PasskeyAdd
            | Action::PasskeyRemove
            | Action::PasskeyChallenge
            | Action::SessionList
            | Action::SessionRevoke
            | Action::PasswordChange
            | Action::StaffEndSessions
            | Action::SessionPolicyRead
            | Action::SessionPolicyChange
            | Action::FactorReset
            | Action::StaffList
            | Action::StaffInvite
            | Action::StaffUnlock
            | Action::StaffRole
            | Action::StaffDeactivate
            | Action::StaffReactivate
            | Action::SiteList
            | Action::SiteCreate
            | Action::StaffSites
            | Action::PatientAccessOpen
            | Action::PatientAccessClose
            | Action::PatientSites
            | Action::PatientCreate
            | Action::PatientList
            | Action::PatientRead
            | Action::PatientUpdate
            | Action::PatientSearch
            | Action::AuditSearch
            | Action::AuditReceipt
            | Action::BreakGlassStart
            | Action::BreakGlassEnd
            | Action::BreakGlassList
            | Action::BreakGlassReview
            | Action::PatientContact
            | Action::CareTeamRead
            | Action::CareTeamJoin
            | Action::CareTeamLeave => Audience::Staff,
            Action::AccessReport
            | Action::DisclosureRecord
            | Action::DisclosureList
            | Action::PackList
            | Action::PackDownload => Audience::Staff,
            Action::DocumentCreate
            | Action::DocumentList
            | Action::DocumentRead
            | Action::DocumentUpdate
            | Action::DocumentDelete
            | Action::DocumentUpload
            | Action::DocumentPart
            | Action::DocumentComplete
            | Action::DocumentDownload
            | Action::DocumentLink
            | Action::DocumentRedeem
            | Action::ErasureRequest
            | Action::ErasureRead
            | Action::ErasureApprove
            | Action::ErasureCancel
            | Action::LegalHoldList
            | Action::LegalHoldPlace
            | Action::LegalHoldRelease => Audience::Staff,
        }
    }

    /// Whether the action shows or changes patients' data, and so is never answered without an audit entry.
    #[must_use]
    #[expect(clippy::too_many_lines, reason = "one line an action, with no wildcard")]
    pub const fn touches_patients(self) -> bool {
        match self {
            Action::PatientCreate
            | Action::PatientList
            | Action::PatientRead
            | Action::PatientUpdate
            | Action::PatientSearch
            | Action::AuditSearch
            | Action::BreakGlassStart
            | Action::BreakGlassEnd
            | Action::BreakGlassList
            | Action::BreakGlassReview
            | Action::PatientContact
            | Action::PatientAccessOpen
            | Action::PatientAccessClose
            | Action::PatientSites
            | Action::CareTeamRead
            | Action::CareTeamJoin
            | Action::CareTeamLeave => true,
            Action::AccessReport
            | Action::DisclosureRecord
            | Action::DisclosureList
            | Action::PackList
            | Action::PackDownload => true,
            Action::DocumentCreate
            | Action::DocumentList
            | Action::DocumentRead
            | Action::DocumentUpdate
            | Action::DocumentDelete
            | Action::DocumentUpload
            | Action::DocumentPart
            | Action::DocumentComplete
            | Action::DocumentDownload
            | Action::DocumentLink
            | Action::DocumentRedeem
            | Action::ErasureRequest
            | Action::ErasureRead
            | Action::ErasureApprove
            | Action::ErasureCancel
            | Action::LegalHoldList
            | Action::LegalHoldPlace
            | Action::LegalHoldRelease => true,
            Action::ApiDescribe
            | Action::InvitationAccept
            | Action::SessionCreate
            | Action::SessionRead
            | Action::SessionEnd
            | Action::MeRead
            | Action::SessionProve
            | Action::FactorList
            | Action::TotpEnrol
            | Action::TotpConfirm
            | Action::RecoveryRenew
            | Action::PasskeyBegin
            | Action::PasskeyAdd
            | Action::PasskeyRemove
            | Action::PasskeyChallenge
            | Action::SessionList
            | Action::SessionRevoke
            | Action::PasswordChange
            | Action::StaffEndSessions
            | Action::SessionPolicyRead
            | Action::SessionPolicyChange
            | Action::SessionChallenge
            | Action::SessionCreatePasskey
            | Action::SessionCode
            | Action::SessionCreateCode
            | Action::RecoveryAsk
            | Action::RecoveryComplete
            | Action::FactorReset
            | Action::StaffList
            | Action::StaffInvite
            | Action::StaffUnlock
            | Action::AuditReceipt
            | Action::StaffRole
            | Action::StaffDeactivate
            | Action::StaffReactivate
            | Action::SiteList
            | Action::SiteCreate
            | Action::StaffSites => false,
        }
    }
}
