//! The one place that decides: matches with no wildcard, so a new role or action does not compile until it is placed.
//!
//! An action names the groups that may ask for it; a group is a match over every role. Which patients a role may ask
//! about is not decided here but by the reach of its role (`access::reach`).

use super::{Action, Audience, Role};

/// Whether somebody with `role` may do `action`.
#[must_use]
#[expect(clippy::too_many_lines, reason = "the whole policy is one table, reviewed in one piece")]
pub const fn may(role: Role, action: Action) -> bool {
    match action {
        // Open to everyone, so also to those with a session; and what concerns only oneself.
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
        | Action::EmailAsk
        | Action::EmailChange
        | Action::PhoneRead
        | Action::PhoneAsk
        | Action::PhoneSet
        | Action::PhoneRemove
        | Action::SessionPolicyRead
        | Action::SessionChallenge
        | Action::SessionCreatePasskey
        | Action::SessionCode
        | Action::SessionCreateCode
        | Action::OauthToken
        | Action::RecoveryAsk
        | Action::RecoveryComplete => true,
        // The log says who came to whom for what: for those who answer for it.
        Action::AuditSearch
        | Action::AuditReceipt
        | Action::AuditState
        | Action::KeysRead
        | Action::PackList
        | Action::PackDownload => runs_the_clinic(role) || answers_for_privacy(role),
        // Whom data were given to is known to those who give them; the account of it is the patient's, and is given out by
        // the one who answers for privacy (45 CFR 164.528).
        Action::DisclosureRecord => treats(role) || registers(role) || answers_for_privacy(role),
        // The right is the patient's (45 CFR 164.526, DPDP Act section 12). Who may come to the words of a record sees what is
        // said to be wrong with them; a physician or the one who answers for privacy decides.
        Action::CorrectionAsk => is_subject_or_proxy(role),
        Action::CorrectionList | Action::CorrectionWaiting => {
            treats(role) || registers(role) || answers_for_privacy(role) || is_subject_or_proxy(role)
        }
        // Each sees what its own role does; the clinic's administrator has no verb for a record.
        Action::WorklistRead => {
            treats(role) || registers(role) || examines(role) || charges(role) || answers_for_privacy(role)
        }
        Action::CorrectionAnswer => decides_on_care(role) || answers_for_privacy(role),
        Action::AccessReport | Action::DisclosureList => answers_for_privacy(role) || is_subject_or_proxy(role),
        // A second pair of eyes is needed for some resets, so the privacy officer may ask too.
        Action::StaffList | Action::FactorReset | Action::DocumentPolicyRead => runs_the_clinic(role) || answers_for_privacy(role),
        // Who runs the clinic lets programs in; who answers for privacy sees which, and is told of those that come to patients' data.
        Action::OauthClientList | Action::OauthClientRead => runs_the_clinic(role) || answers_for_privacy(role),
        // Who runs the clinic lets support in; who answers for privacy sees that, and shows it out.
        Action::SupportList | Action::SupportEnd => runs_the_clinic(role) || answers_for_privacy(role),
        Action::SupportApprove | Action::SupportRefuse => runs_the_clinic(role),
        Action::StaffInvite
        | Action::StaffUnlock
        | Action::StaffEndSessions
        | Action::SessionPolicyChange
        | Action::DocumentPolicyChange
        | Action::StaffRole
        | Action::StaffDeactivate
        | Action::StaffReactivate
        | Action::StaffSites
        | Action::SiteCreate
        | Action::SiteRename
        | Action::SiteClose
        | Action::SiteReopen
        | Action::OauthClientRegister
        | Action::OauthClientChange
        | Action::OauthClientKeys
        | Action::OauthClientDisable => runs_the_clinic(role),
        // A person lets an application act in the own name; a program has nobody's name to give.
        Action::OauthAuthorize => role.is_staff() || is_subject_or_proxy(role),
        Action::SiteList => role.is_staff(),
        Action::PatientCreate
        // Who registers looks first whether the person is there; each of them may search for the same.
        | Action::PatientMatch
        | Action::PatientUpdate
        // Who treats a patient is settled by those who treat and by the front desk, not by who runs the clinic.
        | Action::CareTeamJoin
        | Action::CareTeamLeave
        | Action::ColleagueList
        | Action::PatientAccessRead
        | Action::PatientAccessOpen
        | Action::PatientAccessClose
        | Action::ProxyRecord
        | Action::PatientSites
        | Action::PatientSitesRead => treats(role) || registers(role),
        // Who stands in is seen by the patient and by those who let them, and not by another one who stands in; a patient who
        // is of age ends it (`proxies::api::end`).
        Action::ProxyList => treats(role) || registers(role) || answers_for_privacy(role) || is_subject(role),
        Action::ProxyEnd => treats(role) || registers(role) || is_subject(role),
        // An emergency is for those who treat; it is reviewed by who answers for privacy, who cannot start one.
        Action::BreakGlassStart | Action::BreakGlassEnd => treats(role),
        Action::BreakGlassList | Action::BreakGlassReview => answers_for_privacy(role),
        Action::PatientContact => treats(role) || registers(role) || is_subject_or_proxy(role),
        Action::CareTeamRead => {
            treats(role) || registers(role) || answers_for_privacy(role) || is_subject_or_proxy(role)
        }
        // Paging through everybody in reach is for those who register or treat, for the one who answers for privacy, and
        // for patients, whose reach is themselves; the others look for the one patient before them.
        Action::PatientList => {
            treats(role) || registers(role) || answers_for_privacy(role) || is_subject_or_proxy(role)
        }
        Action::PatientSearch => treats(role) || registers(role) || charges(role) || answers_for_privacy(role),
        // Whoever a patient speaks to writes down that the record is to go. It goes when the one who answers for privacy agrees,
        // who is somebody else (`erasure::api::approve`), and nobody who treats decides about what was done to a patient.
        Action::ErasureRequest | Action::ErasureRead => {
            treats(role) || registers(role) || answers_for_privacy(role)
        }
        Action::ErasureApprove
        | Action::ErasureCancel
        | Action::LegalHoldList
        | Action::LegalHoldPlace
        | Action::LegalHoldRelease => answers_for_privacy(role),
        // Which kinds of documents each role may have is decided when the kind is known (`documents::rules`).
        Action::DocumentCreate
        | Action::DocumentUpdate
        | Action::DocumentRefile
        | Action::DocumentDelete
        | Action::DocumentUpload
        | Action::DocumentPart
        | Action::DocumentComplete => treats(role) || registers(role) || examines(role) || charges(role),
        Action::DocumentList
        | Action::DocumentRead
        | Action::DocumentDownload
        | Action::DocumentLink
        | Action::DocumentRedeem => {
            treats(role)
                || registers(role)
                || examines(role)
                || charges(role)
                || answers_for_privacy(role)
                || is_subject_or_proxy(role)
        }
        Action::PatientRead => {
            treats(role)
                || registers(role)
                || examines(role)
                || charges(role)
                || answers_for_privacy(role)
                || is_subject_or_proxy(role)
                || is_program(role)
        }
    }
}

/// Whether emergency access to a patient allows `action`: reading and correcting the record. It is not for exports, and
/// not for making a tie that lasts longer than the emergency. What is not named here is refused.
#[must_use]
pub const fn in_emergency(action: Action) -> bool {
    matches!(action, Action::PatientRead | Action::PatientUpdate | Action::CareTeamRead)
}

/// Whether an account with `role` can be a member of a care team.
#[must_use]
pub const fn may_join_care_teams(role: Role) -> bool {
    treats(role)
}

macro_rules! group {
    ($(#[$doc:meta])* $name:ident: $($member:ident)|+; others: $($other:ident)|+) => {
        $(#[$doc])*
        const fn $name(role: Role) -> bool {
            match role {
                $(Role::$member)|+ => true,
                $(Role::$other)|+ => false,
            }
        }
    };
}

group! {
    /// Staff and settings, and nobody's record.
    runs_the_clinic: ClinicAdmin;
    others: Physician | Nurse | Receptionist | LabTechnician | Billing | PrivacyOfficer | Patient | Proxy | MachineClient
}
group! {
    /// Care.
    treats: Physician | Nurse;
    others: ClinicAdmin | Receptionist | LabTechnician | Billing | PrivacyOfficer | Patient | Proxy | MachineClient
}
group! {
    /// Answers for what the record says.
    decides_on_care: Physician;
    others: ClinicAdmin | Nurse | Receptionist | LabTechnician | Billing | PrivacyOfficer | Patient | Proxy | MachineClient
}
group! {
    /// Registration and appointments.
    registers: Receptionist;
    others: ClinicAdmin | Physician | Nurse | LabTechnician | Billing | PrivacyOfficer | Patient | Proxy | MachineClient
}
group! {
    /// Orders and results.
    examines: LabTechnician;
    others: ClinicAdmin | Physician | Nurse | Receptionist | Billing | PrivacyOfficer | Patient | Proxy | MachineClient
}
group! {
    /// Charges, invoices, claims.
    charges: Billing;
    others: ClinicAdmin | Physician | Nurse | Receptionist | LabTechnician | PrivacyOfficer | Patient | Proxy | MachineClient
}
group! {
    /// Requests of data subjects, reviews, incidents.
    answers_for_privacy: PrivacyOfficer;
    others: ClinicAdmin | Physician | Nurse | Receptionist | LabTechnician | Billing | Patient | Proxy | MachineClient
}
group! {
    /// The person a record is about, or who stands in.
    is_subject_or_proxy: Patient | Proxy;
    others: ClinicAdmin | Physician | Nurse | Receptionist | LabTechnician | Billing | PrivacyOfficer | MachineClient
}
group! {
    /// The person a record is about.
    is_subject: Patient;
    others: ClinicAdmin | Physician | Nurse | Receptionist | LabTechnician | Billing | PrivacyOfficer | Proxy | MachineClient
}
group! {
    /// A machine.
    is_program: MachineClient;
    others: ClinicAdmin | Physician | Nurse | Receptionist | LabTechnician | Billing | PrivacyOfficer | Patient | Proxy
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
