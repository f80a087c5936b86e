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
    /// Take the factors of a colleague who lost them, so that they enrol new ones.
    FactorReset,
    /// List the clinic's staff.
    StaffList,
    /// Invite a staff member.
    StaffInvite,
    /// Open a staff member's account again after too many wrong passwords.
    StaffUnlock,
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
}

/// Who may ask at all, before roles are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Audience {
    /// Anyone who reaches the clinic's address.
    Anyone,
    /// Staff with a session.
    Staff,
}

impl Action {
    /// Every action, in the order of the printed matrix.
    pub const ALL: [Action; 20] = [
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
        Action::FactorReset,
        Action::StaffList,
        Action::StaffInvite,
        Action::StaffUnlock,
        Action::PatientCreate,
        Action::PatientList,
        Action::PatientRead,
        Action::PatientUpdate,
        Action::PatientSearch,
    ];

    /// The name in the audit log, in transaction names and in the printed matrix.
    #[must_use]
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
            Action::FactorReset => "factor.reset",
            Action::StaffList => "staff.list",
            Action::StaffInvite => "staff.invite",
            Action::StaffUnlock => "staff.unlock",
            Action::PatientCreate => "patient.create",
            Action::PatientList => "patient.list",
            Action::PatientRead => "patient.read",
            Action::PatientUpdate => "patient.update",
            Action::PatientSearch => "patient.search",
        }
    }

    /// Who may ask at all.
    #[must_use]
    pub const fn audience(self) -> Audience {
        match self {
            Action::ApiDescribe | Action::InvitationAccept | Action::SessionCreate => Audience::Anyone,
            Action::SessionRead
            | Action::SessionEnd
            | Action::MeRead
            | Action::SessionProve
            | Action::FactorList
            | Action::TotpEnrol
            | Action::TotpConfirm
            | Action::RecoveryRenew
            | Action::FactorReset
            | Action::StaffList
            | Action::StaffInvite
            | Action::StaffUnlock
            | Action::PatientCreate
            | Action::PatientList
            | Action::PatientRead
            | Action::PatientUpdate
            | Action::PatientSearch => Audience::Staff,
        }
    }

    /// Whether the action shows or changes patients' data, and so is never answered without an audit entry.
    #[must_use]
    pub const fn touches_patients(self) -> bool {
        match self {
            Action::PatientCreate
            | Action::PatientList
            | Action::PatientRead
            | Action::PatientUpdate
            | Action::PatientSearch => true,
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
            | Action::FactorReset
            | Action::StaffList
            | Action::StaffInvite
            | Action::StaffUnlock => false,
        }
    }
}
