//! An event as a sentence that a patient understands: who, what and why, without a word of the trade.

use auditlog::Event;
use serde::Serialize;
use utoipa::ToSchema;

use crate::access::{Action, Role};

/// What the platform itself writes down about a patient's record, besides what is asked for over HTTP.
const BY_ITSELF: [&str; 11] = [
    super::BREAK_GLASS_TELL,
    "document.inspect",
    "document.purge",
    "document.rescan",
    "erasure.end",
    "erasure.replay",
    "erasure.rows",
    "erasure.shred",
    "keys.fill",
    "keys.reseal",
    "keys.retag",
];

/// Who did it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = AccessBy)]
pub(super) enum Who {
    /// A member of the clinic's staff.
    Staff,
    /// The patient.
    Patient,
    /// Somebody who stands in for the patient.
    Proxy,
    /// A program of another organisation.
    Client,
    /// The platform's support, with the clinic's leave.
    Platform,
    /// The clinic's system.
    System,
    /// Nobody who was signed in.
    Anonymous,
}

/// What for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = AccessPurpose)]
pub(super) enum Why {
    /// Treatment.
    Treatment,
    /// Payment.
    Payment,
    /// Running the clinic.
    Operations,
    /// An emergency, outside the usual rights.
    Emergency,
    /// Upkeep of the system.
    Upkeep,
}

/// What became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = AccessOutcome)]
pub(super) enum Came {
    /// It was done.
    Done,
    /// It was refused.
    Refused,
    /// It failed.
    Failed,
}

/// Who did it, in the words of the log.
#[must_use]
pub(super) fn who(event: &Event) -> Who {
    match event.actor_kind.as_str() {
        "staff" => Who::Staff,
        "patient" => Who::Patient,
        "proxy" => Who::Proxy,
        "client" => Who::Client,
        "platform" => Who::Platform,
        "system" => Who::System,
        _ => Who::Anonymous,
    }
}

/// What for. Patients, and those who stand in for them, owe nobody a reason.
#[must_use]
pub(super) fn why(event: &Event) -> Option<Why> {
    match (who(event), event.purpose.as_str()) {
        (Who::Patient | Who::Proxy, _) => None,
        (_, "TREATMENT") => Some(Why::Treatment),
        (_, "PAYMENT") => Some(Why::Payment),
        (_, "OPERATIONS") => Some(Why::Operations),
        (_, "BREAKGLASS") => Some(Why::Emergency),
        _ => Some(Why::Upkeep),
    }
}

/// What became of it.
#[must_use]
pub(super) fn came(event: &Event) -> Came {
    match event.outcome.as_str() {
        "allow" => Came::Done,
        "deny" => Came::Refused,
        _ => Came::Failed,
    }
}

/// What was done, as one word by which a reader's own language has it.
#[must_use]
pub(super) fn did(action: &str) -> String {
    action.replace('.', "_")
}

/// Every word of [`AccessLine::did`](super::report::AccessLine), in order: whoever shows a report has words for all of them.
/// `tests/ratchets/access-report-words.txt` is the printed form.
#[must_use]
pub fn deeds() -> Vec<String> {
    let asked = Action::ALL.into_iter().filter(|action| action.touches_patients()).map(Action::name);
    let mut all: Vec<String> = asked.chain(BY_ITSELF).map(did).collect();
    all.sort_unstable();
    all
}

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
    let who = match (who(event), colleague) {
        (Who::Staff, Some(colleague)) => format!("{} ({})", colleague.name, role(colleague.role)),
        (Who::Staff, None) => "A member of the clinic's staff".to_owned(),
        (Who::Patient, _) => "The patient".to_owned(),
        (Who::Proxy, _) => "Somebody who stands in for the patient".to_owned(),
        (Who::Client, _) => "A program of another organisation".to_owned(),
        (Who::Platform, _) => "The platform's support".to_owned(),
        (Who::System, _) => "The clinic's system".to_owned(),
        (Who::Anonymous, _) => "Somebody who was not signed in".to_owned(),
    };
    let what = what(&event.action);
    let why = match why(event) {
        None => "",
        Some(Why::Treatment) => " for treatment",
        Some(Why::Payment) => " for payment",
        Some(Why::Operations) => " to run the clinic",
        Some(Why::Emergency) => " in an emergency, outside the usual rights",
        Some(Why::Upkeep) => " for upkeep",
    };
    match came(event) {
        Came::Done => format!("{who} {what}{why}."),
        Came::Refused => format!("{who} tried to do this and was refused: {what}."),
        Came::Failed => format!("{who} tried to do this and it failed: {what}."),
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
        Role::Patient => "patient",
        Role::Proxy => "stands in for the patient",
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
        "patient.sites_read" => "looked at which places of the clinic the patient is registered at",
        "patient.access_read" => "looked at whether the patient sees the own record",
        "patient.access_open" => "let the patient see the own record",
        "patient.access_close" => "ended that the patient sees the own record",
        "patient.list" => "looked through a list of patients",
        "patient.search" => "searched for patients",
        "patient.match" => "looked whether somebody is registered already",
        "proxy.record" => "let somebody stand in for the patient",
        "proxy.list" => "looked at who stands in for the patient",
        "proxy.end" => "ended that somebody stands in for the patient",
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
        "document.refile" => "corrected what a document is for or its date",
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
        "erasure.shred" | "erasure.rows" | "erasure.end" | "erasure.replay" => "erased the record",
        "keys.reseal" | "keys.fill" | "keys.retag" => "renewed the key that protects the record",
        "support.ask" => "asked to see the clinic's operational state",
        "support.tell" => "told the clinic's administrators that the platform's support asks",
        "support.look" => "looked at the clinic's operational state",
        "support.list" => "looked at what the platform's support asked for",
        "support.approve" => "let the platform's support see the clinic's operational state",
        "support.refuse" => "refused the platform's support to see the clinic's operational state",
        "support.end" => "ended that the platform's support sees the clinic's operational state",
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
        assert_eq!(sentence(&event), "The patient looked at the record.");
        event.actor_kind = "proxy".into();
        assert_eq!(sentence(&event), "Somebody who stands in for the patient looked at the record.");
        event.outcome = "deny".into();
        assert!(sentence(&event).contains("was refused"));
    }

    #[test]
    fn whatever_touches_patients_has_words_of_its_own() {
        let asked = Action::ALL.into_iter().filter(|action| action.touches_patients()).map(Action::name);
        for action in asked.chain(BY_ITSELF) {
            assert_ne!(what(action), SOMETHING, "{action}");
        }
        let deeds = deeds();
        assert!(deeds.windows(2).all(|pair| pair[0] != pair[1]), "{deeds:?}");
    }

    /// Actions of the platform that are about no patient.
    const ABOUT_NOBODY: [&str; 5] =
        ["audit_pack.make", "staff.invite", "support.ask", "support.end", "support.look"];

    /// What the sources write down by themselves is looked for there, so that a new name is not forgotten above.
    #[test]
    fn what_the_platform_does_by_itself_is_all_listed() {
        let found = written_in(&std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src"));
        assert!(found.len() >= BY_ITSELF.len(), "{found:?}");
        for action in found {
            let known = BY_ITSELF.contains(&action.as_str()) || ABOUT_NOBODY.contains(&action.as_str());
            assert!(known, "{action} is written down by the platform and has no place here");
        }
    }

    fn written_in(folder: &std::path::Path) -> std::collections::BTreeSet<String> {
        let mut found = std::collections::BTreeSet::new();
        for entry in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if entry.is_dir() {
                // The control plane has a log of its own, and no patient in it.
                let skipped = entry.ends_with("src/control") || entry.ends_with("src/admin");
                found.extend(if skipped { Default::default() } else { written_in(&entry) });
                continue;
            }
            let text = std::fs::read_to_string(&entry).unwrap();
            for marker in ["AuditEntry::new(\"", "const ACTION: &str = \"", "entry(\"", "entries(\""] {
                let after = text.split(marker).skip(1);
                found.extend(after.filter_map(|rest| rest.split_once('"')).map(|(name, _)| name.to_owned()));
            }
        }
        found
    }
}
