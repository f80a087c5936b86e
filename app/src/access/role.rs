//! The roles a clinic gives to its staff.

use serde::{Deserialize, Serialize};

/// A staff member's role in one clinic. Stored as checked text.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Runs the clinic: staff, settings, registration.
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
    /// Answers for privacy: reads what a request of a data subject needs, changes nothing.
    PrivacyOfficer,
}

impl Role {
    /// Every role, in the order of the printed matrix.
    pub const ALL: [Role; 7] = [
        Role::ClinicAdmin,
        Role::Physician,
        Role::Nurse,
        Role::Receptionist,
        Role::LabTechnician,
        Role::Billing,
        Role::PrivacyOfficer,
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
        }
    }

    /// The role with this stored name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Role> {
        Role::ALL.into_iter().find(|role| role.as_str() == name)
    }
}
