//! One event as a line of a table (RFC 4180). What is in it are ids and words of our own: nothing to quote, and nothing that
//! a spreadsheet takes for a formula.

use auditlog::{Event, event_hash};
use chrono::{DateTime, SecondsFormat};
use data_encoding::HEXLOWER;
use uuid::Uuid;

use crate::patients::model::PatientId;
use crate::staff::model::AccountId;
use crate::support::model::PlatformPersonId;

/// The first line. The second column is what the log has hashed; `audit-verify pack` compares it.
pub(super) const HEAD: &str = "event_id,event_hash,occurred_at,actor_kind,actor,action,outcome,reason,purpose,\
     patient,resource_kind,resource,row_version,result_count\r\n";

/// The line of an event.
pub(super) fn line(event: &Event) -> String {
    let hex = |id: &Option<[u8; 16]>| id.map(|id| HEXLOWER.encode(&id)).unwrap_or_default();
    let at = DateTime::from_timestamp_micros(event.occurred_us)
        .map(|at| at.to_rfc3339_opts(SecondsFormat::Micros, true))
        .unwrap_or_default();
    let actor = match event.actor_kind.as_str() {
        "staff" => AccountId::from(Uuid::from_bytes(event.actor)).to_string(),
        "platform" => PlatformPersonId::from(Uuid::from_bytes(event.actor)).to_string(),
        _ => String::new(),
    };
    let patient = event.subject.map(|id| PatientId::from(Uuid::from_bytes(id)).to_string());
    let number = |number: Option<i64>| number.map(|number| number.to_string()).unwrap_or_default();
    [
        HEXLOWER.encode(&event.event_id),
        HEXLOWER.encode(&event_hash(&event.encode())),
        at,
        word(&event.actor_kind),
        actor,
        word(&event.action),
        word(&event.outcome),
        word(event.reason.as_deref().unwrap_or_default()),
        word(&event.purpose),
        patient.unwrap_or_default(),
        word(&event.resource_kind),
        hex(&event.resource),
        number(event.row_version),
        number(event.result_count.map(i64::from)),
    ]
    .join(",")
        + "\r\n"
}

/// A word of ours as it is; anything else that somebody put into the database loses what a spreadsheet would act on.
fn word(text: &str) -> String {
    text.chars().map(|c| if c.is_ascii_alphanumeric() || c == '_' || c == '.' { c } else { '?' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_as_many_columns_as_the_head_and_no_formula() {
        let event = Event {
            action: "=cmd,\r\n\"x\"".into(),
            reason: Some("+1".into()),
            actor_kind: "staff".into(),
            subject: Some([5; 16]),
            ..Event::default()
        };
        let line = line(&event);
        assert_eq!(line.matches(',').count(), HEAD.matches(',').count());
        assert_eq!(line.matches('\n').count(), 1);
        assert!(line.contains(",?cmd????x?,") && line.contains(",?1,") && line.contains(",pat_"), "{line}");
        assert!(line.split(',').nth(1).is_some_and(|hash| hash.len() == 64));
    }
}
