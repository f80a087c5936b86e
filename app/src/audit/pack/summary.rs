//! The page to print of a pack: totals, what was done, by whom, what was refused, emergencies and disclosures.
//!
//! The font is one that every reader has, so the page holds ASCII only: ids and words of our own, and nobody's name. It says
//! nothing about when it was made, so that it is the same whoever makes it.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use auditlog::Event;
use chrono::DateTime;
use data_encoding::HEXLOWER;
use pdf_writer::{Content, Finish as _, Name, Pdf, Rect, Ref, Str};
use uuid::Uuid;

use crate::patients::model::PatientId;
use crate::staff::model::AccountId;

/// Kinds of actions that are counted apart; there are fewer in the product.
const ACTIONS_MAX: usize = 500;
/// Members of staff that are counted apart.
const STAFF_MAX: usize = 2_000;
/// Emergencies and disclosures that are listed.
const LISTED_MAX: usize = 500;
/// Lines of a page.
const PAGE_LINES: usize = 62;
/// Characters of a line.
const LINE_CHARS_MAX: usize = 100;
/// Size of A4, in points.
const PAGE_PT: (f32, f32) = (595.0, 842.0);
/// Where the first line begins, from below left, and how far lines are apart, in points.
const FIRST_LINE_PT: (f32, f32) = (40.0, 796.0);
const LEADING_PT: f32 = 12.0;
const FONT_PT: f32 = 9.0;

/// What is counted while the tables are written.
#[derive(Default)]
pub(super) struct Summary {
    events: u64,
    actions: BTreeMap<(String, String), u64>,
    staff: BTreeMap<[u8; 16], (u64, u64)>,
    listed: Vec<String>,
    not_listed: u64,
}

impl Summary {
    /// Counts an event.
    pub(super) fn add(&mut self, event: &Event) {
        self.events += 1;
        let action = (event.action.clone(), event.outcome.clone());
        if self.actions.len() < ACTIONS_MAX || self.actions.contains_key(&action) {
            *self.actions.entry(action).or_default() += 1;
        }
        let refused = event.outcome == "deny";
        if event.actor_kind == "staff"
            && (self.staff.len() < STAFF_MAX || self.staff.contains_key(&event.actor))
        {
            let (all, denied) = self.staff.entry(event.actor).or_default();
            *all += 1;
            *denied += u64::from(refused);
        }
        if event.purpose == "BREAKGLASS" || event.action == "disclosure.record" {
            if self.listed.len() < LISTED_MAX {
                self.listed.push(listed(event));
            } else {
                self.not_listed += 1;
            }
        }
    }

    /// Events counted.
    pub(super) const fn events(&self) -> u64 {
        self.events
    }

    /// The page, or pages.
    pub(super) fn to_pdf(&self, region: &str, clinic: &[u8; 16], month: &str) -> Vec<u8> {
        let mut lines = vec![
            format!("Audit log of {month} (UTC)"),
            String::new(),
            format!("Clinic  {}", HEXLOWER.encode(clinic)),
            format!("Region  {region}"),
            format!("Events  {}", self.events),
            String::new(),
            format!("{:<42}{:<10}{:>12}", "What was done", "Outcome", "Events"),
        ];
        for ((action, outcome), count) in &self.actions {
            lines.push(format!("{action:<42}{outcome:<10}{count:>12}"));
        }
        lines.push(String::new());
        lines.push(format!("{:<42}{:>10}{:>12}", "By whom (account)", "Refused", "Events"));
        for (account, (all, denied)) in &self.staff {
            let account = AccountId::from(Uuid::from_bytes(*account)).to_string();
            lines.push(format!("{account:<42}{denied:>10}{all:>12}"));
        }
        lines.push(String::new());
        lines.push("Emergency access and data given to somebody outside".to_owned());
        lines.extend(self.listed.iter().cloned());
        if self.listed.is_empty() {
            lines.push("none".to_owned());
        }
        if self.not_listed > 0 {
            lines.push(format!("and {} more, in the tables", self.not_listed));
        }
        lines.push(String::new());
        lines.push(
            "Every event is in the tables beside this page. Check all of it with: audit-verify pack"
                .to_owned(),
        );
        pdf(&lines)
    }
}

fn listed(event: &Event) -> String {
    let at = DateTime::from_timestamp_micros(event.occurred_us)
        .map(|at| at.format("%Y-%m-%d %H:%M").to_string())
        .unwrap_or_default();
    let patient = event.subject.map(|id| PatientId::from(Uuid::from_bytes(id)).to_string());
    let mut line = format!("{at}  {:<20}", event.action);
    let actor = AccountId::from(Uuid::from_bytes(event.actor));
    // Writing to a string does not fail.
    let _written = write!(line, "  {actor}  {}", patient.as_deref().unwrap_or("-"));
    line
}

/// Lines as pages of a PDF.
fn pdf(lines: &[String]) -> Vec<u8> {
    let (catalog, tree, font) = (Ref::new(1), Ref::new(2), Ref::new(3));
    let pages: Vec<&[String]> = lines.chunks(PAGE_LINES).collect();
    let numbered = |n: usize, offset: i32| {
        Ref::new(i32::try_from(n).unwrap_or_default().saturating_mul(2).saturating_add(offset))
    };
    let mut pdf = Pdf::new();
    pdf.catalog(catalog).pages(tree);
    let count = i32::try_from(pages.len()).unwrap_or(i32::MAX);
    pdf.pages(tree).kids((0..pages.len()).map(|n| numbered(n, 4))).count(count);
    pdf.type1_font(font).base_font(Name(b"Courier"));
    for (n, lines) in pages.iter().enumerate() {
        let (page_id, content_id) = (numbered(n, 4), numbered(n, 5));
        let mut page = pdf.page(page_id);
        page.media_box(Rect::new(0.0, 0.0, PAGE_PT.0, PAGE_PT.1));
        page.parent(tree).contents(content_id);
        page.resources().fonts().pair(Name(b"F1"), font);
        page.finish();
        let mut content = Content::new();
        content.begin_text().set_font(Name(b"F1"), FONT_PT).set_leading(LEADING_PT);
        content.next_line(FIRST_LINE_PT.0, FIRST_LINE_PT.1);
        for line in *lines {
            content.show(Str(&ascii(line))).next_line(0.0, -LEADING_PT);
        }
        content.end_text();
        pdf.stream(content_id, &content.finish());
    }
    pdf.finish()
}

fn ascii(line: &str) -> Vec<u8> {
    let shown = |c: char| u8::try_from(c).ok().filter(|byte| (b' '..=b'~').contains(byte)).unwrap_or(b'?');
    line.chars().take(LINE_CHARS_MAX).map(shown).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_summary_is_a_document_that_our_own_checks_accept_and_the_same_each_time() {
        let mut summary = Summary::default();
        for n in 0..300_u16 {
            let mut actor = [3; 16];
            actor.iter_mut().zip(n.to_be_bytes()).for_each(|(to, from)| *to = from);
            summary.add(&Event {
                action: "break_glass.start".into(),
                actor_kind: "staff".into(),
                actor,
                purpose: "BREAKGLASS".into(),
                outcome: if n % 2 == 0 { "allow".into() } else { "deny".into() },
                subject: Some([5; 16]),
                ..Event::default()
            });
        }
        let made = summary.to_pdf("us-east-1", &[4; 16], "2026-10");
        assert_eq!(made, summary.to_pdf("us-east-1", &[4; 16], "2026-10"));
        let (text, pages) = (String::from_utf8_lossy(&made), 615_usize.div_ceil(PAGE_LINES));
        assert!(text.contains("Audit log of 2026-10") && text.contains(&format!("/Count {pages}")), "{text}");
        let checked = crate::documents::content::check(crate::documents::content::MediaType::Pdf, &made);
        assert!(checked.is_ok());
    }
}
