//! An event as a sentence that a patient understands: who, what and why, without a word of the trade.

use auditlog::Event;

use crate::access::Role;

/// A staff member as a patient may know them.
pub(super) struct Colleague {
    /// The name shown to colleagues and patients.
    pub(super) name: String,
    /// The role today.
    pub(super) role: Role,
}

/// The sentence, with nobody's name in it.
#[must_use]
pub(super) fn sentence(event: &Event) -> String {
    sentence_by(event, None)
}

/// The sentence, with the name and role of the colleague who did it, if it is known.
#[must_use]
pub(super) fn sentence_by(event: &Event, colleague: Option<&Colleague>) -> String {
    let who = match (event.actor_kind.as_str(), colleague) {
        ("staff", Some(colleague)) => format!("{} ({})", colleague.name, role(colleague.role)),
        ("staff", None) => "A member of the clinic's staff".to_owned(),
        ("patient", _) => "The patient or somebody acting for the patient".to_owned(),
        ("client", _) => "A program of another organisation".to_owned(),
        ("system", _) => "The clinic's system".to_owned(),
        _ => "Somebody who was not signed in".to_owned(),
    };
    let what = what(&event.action);
    let why = match (event.actor_kind.as_str(), event.purpose.as_str()) {
        // Patients owe nobody a reason.
        ("patient", _) => "",
        (_, "TREATMENT") => " for treatment",
        (_, "PAYMENT") => " for payment",
        (_, "OPERATIONS") => " to run the clinic",
        (_, "BREAKGLASS") => " in an emergency, outside the usual rights",
        _ => " for upkeep",
    };
    match event.outcome.as_str() {
        "allow" => format!("{who} {what}{why}."),
        "deny" => format!("{who} tried to do this and was refused: {what}."),
        _ => format!("{who} tried to do this and it failed: {what}."),
    }
}

const fn role(role: Role) -> &'static str {
    match role {
        Role::ClinicAdmin => "administration",
        Role::Physician => "physician",
        Role::Nurse => "nurse",
        Role::Receptionist => "reception",
        Role::LabTechnician => "laboratory",
        Role::Billing => "billing",
        Role::PrivacyOfficer => "privacy officer",
        Role::Patient | Role::Proxy => "patient",
        Role::MachineClient => "program",
    }
}

/// What an action that is not named here is called.
const SOMETHING: &str = "used the clinic's system";

fn what(action: &str) -> &'static str {
    match action {
        "patient.read" => "looked at the record",
        "patient.create" => "registered the patient",
        "patient.update" => "changed the record",
        "patient.contact" => "changed how the patient is reached",
        "patient.sites" => "changed at which places of the clinic the patient is registered",
        "patient.access_read" => "looked at whether the patient sees the own record",
        "patient.access_open" => "let the patient see the own record",
        "patient.access_close" => "ended that the patient sees the own record",
        "patient.list" => "looked through a list of patients",
        "patient.search" => "searched for patients",
        "care_team.read" => "looked at who treats the patient",
        "care_team.join" => "added somebody to those who treat the patient",
        "care_team.leave" => "took somebody from those who treat the patient",
        "break_glass.start" => "reached for the record in an emergency",
        "break_glass.end" => "ended the emergency access",
        "break_glass.list" => "looked at emergencies that wait for a review",
        "break_glass.review" => "reviewed somebody's emergency access",
        "break_glass.tell" => "told the clinic of the emergency access",
        "document.create" => "announced a document for the record",
        "document.list" => "looked at the list of documents",
        "document.read" => "looked at what is said about a document",
        "document.update" => "corrected what is said about a document",
        "document.delete" => "took a document out of the record",
        "document.upload" | "document.part" | "document.complete" => "added a document to the record",
        "document.download" | "document.redeem" => "opened a document of the record",
        "document.link" => "made a link to a document of the record",
        "disclosure.record" => "wrote down that data were given to somebody outside the clinic",
        "disclosure.list" => "looked at whom data were given to",
        "worklist.read" => "looked at what waits to be done",
        "correction.ask" => "asked the clinic to correct the record",
        "correction.list" => "looked at what the clinic was asked to correct",
        "correction.waiting" => "looked at which requests to correct records wait for an answer",
        "correction.answer" => "answered a request to correct the record",
        "audit.search" | "audit.access_report" => "looked at who had used the record",
        "audit_pack.list" => "looked at which months of the log were packed",
        "audit_pack.download" => "took a month of the log away",
        "audit.receipt" => "asked for the proof of an entry",
        "erasure.request" => "asked that the record is erased",
        "erasure.read" => "looked at whether the record is to be erased",
        "erasure.approve" => "agreed that the record is erased",
        "erasure.cancel" => "withdrew that the record is erased",
        "legal_hold.list" => "looked at what keeps the record from being erased",
        "legal_hold.place" => "kept the record from being erased",
        "legal_hold.release" => "no longer kept the record from being erased",
        "keys.reseal" => "renewed the key that protects the record",
        "session.create" => "signed in",
        "session.end" => "signed out",
        action if action.starts_with("document.") => "checked a document of the record",
        action if action.starts_with("staff.") || action.starts_with("invitation.") => {
            "managed the clinic's staff"
        }
        _ => SOMETHING,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::Action;

    #[test]
    fn every_sentence_says_who_what_and_why() {
        let mut event = Event {
            actor_kind: "staff".into(),
            action: "patient.read".into(),
            purpose: "TREATMENT".into(),
            outcome: "allow".into(),
            ..Event::default()
        };
        assert_eq!(sentence(&event), "A member of the clinic's staff looked at the record for treatment.");
        let colleague = Colleague { name: "Asha Sample".into(), role: Role::Physician };
        let named = sentence_by(&event, Some(&colleague));
        assert_eq!(named, "Asha Sample (physician) looked at the record for treatment.");
        event.actor_kind = "patient".into();
        assert_eq!(sentence(&event), "The patient or somebody acting for the patient looked at the record.");
        event.outcome = "deny".into();
        assert!(sentence(&event).contains("was refused"));
    }

    #[test]
    fn whatever_touches_patients_has_words_of_its_own() {
        for action in Action::ALL.into_iter().filter(|action| action.touches_patients()) {
            assert_ne!(what(action.name()), SOMETHING, "{}", action.name());
        }
    }
}
