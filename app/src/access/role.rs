//! The roles that somebody can have in a clinic.

use serde::{Deserialize, Serialize};

/// What somebody is in one clinic: staff, a patient, somebody who stands in for one, or a program. Stored as checked text.
///
/// The platform's own roles are not among these: they are of the control plane, which has no way into a clinic.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Runs the clinic: staff, sites, settings. Not a clinician: has no verb for a patient's record.
    ClinicAdmin,
    /// Treats patients.
    Physician,
    /// Treats patients.
    Nurse,
    /// Registers patients and books appointments.
    Receptionist,
    /// Works on orders and results.
    LabTechnician,
    /// Charges and invoices.
    Billing,
    /// Answers for privacy: reads what a request of a data subject needs, changes nothing of it, reviews emergency access.
    PrivacyOfficer,
    /// Is treated in the clinic: sees the own record.
    Patient,
    /// Stands in for a patient: parent, guardian, nominee.
    Proxy,
    /// A program of another organisation.
    MachineClient,
}

impl Role {
    /// Every role, in the order of the printed matrix.
    pub const ALL: [Role; 10] = [
        Role::ClinicAdmin,
        Role::Physician,
        Role::Nurse,
        Role::Receptionist,
        Role::LabTechnician,
        Role::Billing,
        Role::PrivacyOfficer,
        Role::Patient,
        Role::Proxy,
        Role::MachineClient,
    ];

    /// The stored name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Role::ClinicAdmin => "clinic_admin",
            Role::Physician => "physician",
            Role::Nurse => "nurse",
            Role::Receptionist => "receptionist",
            Role::LabTechnician => "lab_technician",
            Role::Billing => "billing",
            Role::PrivacyOfficer => "privacy_officer",
            Role::Patient => "patient",
            Role::Proxy => "proxy",
            Role::MachineClient => "machine_client",
        }
    }

    /// The role with this stored name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Role> {
        Role::ALL.into_iter().find(|role| role.as_str() == name)
    }

    /// Whether it is a role of the clinic's staff, which an administrator gives.
    #[must_use]
    pub const fn is_staff(self) -> bool {
        match self {
            Role::ClinicAdmin
            | Role::Physician
            | Role::Nurse
            | Role::Receptionist
            | Role::LabTechnician
            | Role::Billing
            | Role::PrivacyOfficer => true,
            Role::Patient | Role::Proxy | Role::MachineClient => false,
        }
    }
}
