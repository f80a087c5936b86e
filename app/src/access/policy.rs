//! The one place that decides: a match with no wildcard, so a new role or action does not compile until it is placed.

use super::{Action, Audience, Role};

/// Whether a staff member with `role` may do `action`.
#[must_use]
pub const fn may(role: Role, action: Action) -> bool {
    match action {
        // Open to everyone, so also to staff; and what concerns only oneself.
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
        | Action::RecoveryRenew => true,
        // A second pair of eyes is needed for some, so the privacy officer may ask too.
        Action::StaffList | Action::FactorReset => match role {
            Role::ClinicAdmin | Role::PrivacyOfficer => true,
            Role::Physician | Role::Nurse | Role::Receptionist | Role::LabTechnician | Role::Billing => false,
        },
        Action::StaffInvite | Action::StaffUnlock => match role {
            Role::ClinicAdmin => true,
            Role::Physician
            | Role::Nurse
            | Role::Receptionist
            | Role::LabTechnician
            | Role::Billing
            | Role::PrivacyOfficer => false,
        },
        Action::PatientCreate | Action::PatientUpdate => match role {
            Role::ClinicAdmin | Role::Physician | Role::Nurse | Role::Receptionist => true,
            Role::LabTechnician | Role::Billing | Role::PrivacyOfficer => false,
        },
        // Paging through everybody is for those who register and for the one who answers for privacy; the others
        // look for the one patient before them.
        Action::PatientList => match role {
            Role::ClinicAdmin | Role::Physician | Role::Nurse | Role::Receptionist | Role::PrivacyOfficer => {
                true
            }
            Role::LabTechnician | Role::Billing => false,
        },
        Action::PatientRead | Action::PatientSearch => match role {
            Role::ClinicAdmin
            | Role::Physician
            | Role::Nurse
            | Role::Receptionist
            | Role::LabTechnician
            | Role::Billing
            | Role::PrivacyOfficer => true,
        },
    }
}

/// The whole policy as text, one line an action; reviewed as a file in `tests/ratchets`.
#[must_use]
pub fn matrix() -> String {
    let mut out = String::from("# role x action; printed from app/src/access/policy.rs\n");
    for action in Action::ALL {
        let who: Vec<&str> =
            Role::ALL.into_iter().filter(|role| may(*role, action)).map(Role::as_str).collect();
        let who = match action.audience() {
            Audience::Anyone => "anyone".to_owned(),
            Audience::Staff => who.join(" "),
        };
        out.push_str(&format!("{:<18} {who}\n", action.name()));
    }
    out
}
