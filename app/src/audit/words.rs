//! An event as a sentence that a patient understands: who, what and why, without a word of the trade.

use auditlog::Event;

/// The sentence.
#[must_use]
pub(super) fn sentence(event: &Event) -> String {
    let who = match event.actor_kind.as_str() {
        "staff" => "A member of the clinic's staff",
        "patient" => "The patient or somebody acting for the patient",
        "client" => "A program of another organisation",
        "system" => "The clinic's system",
        _ => "Somebody who was not signed in",
    };
    let what = match event.action.as_str() {
        "patient.read" => "looked at the record",
        "patient.create" => "registered the patient",
        "patient.update" => "changed the record",
        "patient.list" => "looked through a list of patients",
        "patient.search" => "searched for patients",
        "audit.search" => "looked at who had used data",
        "audit.receipt" => "asked for the proof of an entry",
        "session.create" => "signed in",
        "session.end" => "signed out",
        action if action.starts_with("document.") => "used a document of the record",
        action if action.starts_with("staff.") || action.starts_with("invitation.") => {
            "managed the clinic's staff"
        }
        _ => "used the clinic's system",
    };
    let why = match event.purpose.as_str() {
        "TREATMENT" => "for treatment",
        "PAYMENT" => "for payment",
        "OPERATIONS" => "to run the clinic",
        "BREAKGLASS" => "in an emergency, outside the usual rights",
        _ => "for upkeep",
    };
    match event.outcome.as_str() {
        "allow" => format!("{who} {what} {why}."),
        "deny" => format!("{who} tried to do this and was refused: {what}."),
        _ => format!("{who} tried to do this and it failed: {what}."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
        event.outcome = "deny".into();
        assert!(sentence(&event).contains("was refused"));
    }
}
