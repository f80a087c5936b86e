//! What a document must be, who may have which kind, and how long its bytes stay. Pure.

use chrono::{Datelike as _, NaiveDate, TimeDelta};
use tenancy::objects::Extent;
use tenancy::sealed::Phi;

use super::api::{DocumentInput, WordsInput};
use super::model::{Kind, State, Words, field_bits};
use crate::access::Role;
use crate::error::FieldError;
use crate::patients::aadhaar::looks_like_aadhaar;
use crate::patients::text;

/// Most characters of a title.
const TITLE_MAX_CHARS: usize = 200;
/// Most characters of notes.
const NOTES_MAX_CHARS: usize = 4_000;
/// Most characters of a file's own name.
const FILE_NAME_MAX_CHARS: usize = 255;
/// The first year that a document can be of; what is older was not written about anybody who is treated.
const DATED_FROM_YEAR: i32 = 1900;
/// Hours an upload may take from its announcement to its end; then what has come of it is removed.
pub const UPLOAD_MAX_H: i64 = 24;
/// Days the bytes of a refused document are kept sealed and unreadable, so that somebody can find out what happened.
pub const QUARANTINE_KEPT_D: i64 = 7;
/// Days the bytes of a deleted document are kept, unreadable: long enough to notice a mistake, not a retention schedule.
pub const DELETED_KEPT_D: i64 = 30;
/// Seconds a link can be used for.
pub const LINK_MAX_S: i64 = 300;

/// Whether somebody of this role may see and read documents of this kind: what the role's work needs (45 CFR 164.502(b)).
#[must_use]
pub const fn may_read(role: Role, kind: Kind) -> bool {
    match role {
        Role::Physician | Role::Nurse | Role::PrivacyOfficer => true,
        // The patient's own record (45 CFR 164.524).
        Role::Patient => true,
        // Stands in for the patient; a card shows the numbers that a proxy is not shown in the record either.
        Role::Proxy => !matches!(kind, Kind::InsuranceCard),
        Role::ClinicAdmin | Role::MachineClient => false,
        Role::Receptionist => {
            matches!(kind, Kind::Referral | Kind::ConsentForm | Kind::InsuranceCard | Kind::Other)
        }
        Role::LabTechnician => matches!(kind, Kind::LabReport | Kind::Image | Kind::Referral),
        Role::Billing => matches!(kind, Kind::InsuranceCard),
    }
}

/// Whether somebody of this role may add, correct or delete documents of this kind.
#[must_use]
pub const fn may_write(role: Role, kind: Kind) -> bool {
    match role {
        Role::Physician => true,
        Role::Nurse => !matches!(kind, Kind::Prescription),
        Role::Receptionist => {
            matches!(kind, Kind::Referral | Kind::ConsentForm | Kind::InsuranceCard | Kind::Other)
        }
        Role::LabTechnician => matches!(kind, Kind::LabReport | Kind::Image),
        Role::Billing => matches!(kind, Kind::InsuranceCard),
        Role::ClinicAdmin | Role::PrivacyOfficer | Role::Patient | Role::Proxy | Role::MachineClient => false,
    }
}

/// What of the documents of a kind that a role may read it sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sight {
    /// Every one, whatever its state, with what staff wrote to each other about it.
    Work,
    /// The record as it is: what was found clean, without staff's notes.
    Record,
}

/// What somebody of this role sees.
#[must_use]
pub const fn sight(role: Role) -> Sight {
    match role {
        Role::Physician
        | Role::Nurse
        | Role::Receptionist
        | Role::LabTechnician
        | Role::Billing
        | Role::PrivacyOfficer => Sight::Work,
        Role::Patient | Role::Proxy | Role::ClinicAdmin | Role::MachineClient => Sight::Record,
    }
}

impl Sight {
    /// Whether a document in this state is there at all.
    #[must_use]
    pub const fn sees(self, state: State) -> bool {
        match self {
            Sight::Work => true,
            Sight::Record => state.is_readable(),
        }
    }

    /// Whether the notes are shown.
    #[must_use]
    pub const fn shows_notes(self) -> bool {
        matches!(self, Sight::Work)
    }

    /// What an audit entry says was shown.
    #[must_use]
    pub const fn fields(self) -> u64 {
        match self {
            Sight::Work => field_bits::WORDS,
            Sight::Record => field_bits::NAMES,
        }
    }
}

/// The words of a document in normal form, and its extent.
///
/// # Errors
/// Every broken rule.
pub fn check(input: &DocumentInput, today: NaiveDate) -> Result<(Words, Extent), Vec<FieldError>> {
    let mut faults = Vec::new();
    faults.extend(date_fault(input.dated_on, today));
    let title = line(&mut faults, "/title", &input.title, TITLE_MAX_CHARS);
    let notes = input.notes.as_deref().map(|notes| lines(&mut faults, notes));
    let file_name = input.file_name.as_deref().map(|name| file_name(&mut faults, name));
    let sha256 = input.sha256.as_ref().map(|sum| sum.to_ascii_lowercase());
    if sha256.as_ref().is_some_and(|sum| sum.len() != 64 || !sum.bytes().all(|b| b.is_ascii_hexdigit())) {
        faults.push(FieldError::new("/sha256", "sha256_invalid"));
    }
    let extent = Extent::new(input.size_bytes).filter(|_| input.size_bytes <= input.media_type.bytes_max());
    match extent {
        Some(extent) if faults.is_empty() && !extent.is_empty() => Ok((
            Words {
                title: Phi::new(title),
                notes: Phi::new(notes),
                file_name: Phi::new(file_name),
                sha256: Phi::new(sha256),
                dated_on: Phi::new(input.dated_on),
            },
            extent,
        )),
        Some(extent) if extent.is_empty() => {
            faults.push(FieldError::new("/size_bytes", "empty"));
            Err(faults)
        }
        Some(_) => Err(faults),
        None => {
            faults.push(FieldError::new("/size_bytes", "too_large"));
            Err(faults)
        }
    }
}

/// Corrected title and notes in normal form.
///
/// # Errors
/// Every broken rule.
pub fn check_words(input: &WordsInput) -> Result<(String, Option<String>), Vec<FieldError>> {
    let mut faults = Vec::new();
    let title = line(&mut faults, "/title", &input.title, TITLE_MAX_CHARS);
    let notes = input.notes.as_deref().map(|notes| lines(&mut faults, notes));
    if faults.is_empty() { Ok((title, notes)) } else { Err(faults) }
}

/// What is wrong with the day that a document is said to bear.
#[must_use]
pub fn date_fault(dated_on: Option<NaiveDate>, today: NaiveDate) -> Option<FieldError> {
    let day = dated_on?;
    // The clinic may be a day ahead of UTC.
    let latest = today.succ_opt().unwrap_or(today);
    if day > latest {
        Some(FieldError::new("/dated_on", "in_the_future"))
    } else if day.year() < DATED_FROM_YEAR {
        Some(FieldError::new("/dated_on", "too_long_ago"))
    } else {
        None
    }
}

fn line(faults: &mut Vec<FieldError>, pointer: &str, typed: &str, chars_max: usize) -> String {
    if looks_like_aadhaar(typed) {
        faults.push(FieldError::new(pointer, "aadhaar_refused"));
        return String::new();
    }
    text::clean(typed, chars_max).unwrap_or_else(|code| {
        faults.push(FieldError::new(pointer, code));
        String::new()
    })
}

/// Notes keep their lines.
fn lines(faults: &mut Vec<FieldError>, typed: &str) -> String {
    if typed.chars().count() > NOTES_MAX_CHARS {
        faults.push(FieldError::new("/notes", "too_long"));
        return String::new();
    }
    let kept = typed.lines().map(str::trim).map(|one| match one {
        "" => String::new(),
        one => line(faults, "/notes", one, NOTES_MAX_CHARS),
    });
    kept.collect::<Vec<_>>().join("\n").trim().to_owned()
}

/// The last part of a name, whatever separates the parts where it came from. It is shown again and used for nothing else.
fn file_name(faults: &mut Vec<FieldError>, typed: &str) -> String {
    let last = typed.rsplit(['/', '\\']).next().unwrap_or_default();
    let bare = last.trim_start_matches('.');
    line(faults, "/file_name", if bare.is_empty() { "document" } else { bare }, FILE_NAME_MAX_CHARS)
}

/// How long from now the bytes of a refused document stay.
#[must_use]
pub fn quarantine() -> TimeDelta {
    TimeDelta::days(QUARANTINE_KEPT_D)
}

/// How long from now the bytes of a deleted document stay.
#[must_use]
pub fn deletion() -> TimeDelta {
    TimeDelta::days(DELETED_KEPT_D)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::documents::content::MediaType;

    fn input(title: &str, name: &str, size: u64) -> DocumentInput {
        DocumentInput {
            kind: Kind::LabReport,
            title: title.into(),
            notes: None,
            file_name: Some(name.into()),
            media_type: MediaType::Pdf,
            size_bytes: size,
            sha256: None,
            dated_on: None,
            supersedes: None,
        }
    }

    fn today() -> NaiveDate {
        NaiveDate::from_ymd_opt(2026, 7, 1).unwrap()
    }

    #[test]
    fn who_may_write_a_kind_may_read_it() {
        for role in Role::ALL {
            for kind in Kind::ALL {
                assert!(!may_write(role, kind) || may_read(role, kind), "{} {kind:?}", role.as_str());
            }
        }
        assert!(may_write(Role::LabTechnician, Kind::LabReport));
        assert!(!may_read(Role::Billing, Kind::LabReport) && !may_write(Role::Nurse, Kind::Prescription));
    }

    #[test]
    fn only_who_may_write_sees_what_is_not_ready() {
        for role in Role::ALL {
            let writes = Kind::ALL.into_iter().any(|kind| may_write(role, kind));
            let work = sight(role) == Sight::Work;
            assert!(work || !writes, "{}", role.as_str());
            assert_eq!(sight(role).sees(State::Quarantined), work, "{}", role.as_str());
            assert!(sight(role).sees(State::Current));
        }
    }

    #[test]
    fn names_lose_their_folders_and_sizes_have_a_limit() {
        let kept = |name: &str| {
            check(&input("Lipids", name, 1), today()).unwrap().0.file_name.into_exposed().unwrap()
        };
        assert_eq!(kept("../../etc/passwd"), "passwd");
        assert_eq!(kept("C:\\scans\\..\\asha.pdf"), "asha.pdf");
        assert_eq!(kept(".."), "document");
        let fault = |input: DocumentInput| check(&input, today()).err().unwrap()[0].code;
        assert_eq!(fault(input("Lipids", "a.pdf", 33 * 1024 * 1024)), "too_large");
        assert_eq!(fault(input("Lipids", "a.pdf", 0)), "empty");
        assert_eq!(fault(input(" ", "a.pdf", 1)), "empty");
        assert_eq!(fault(input("Lipids", "a\u{202e}fdp.exe", 1)), "bad_character");
        let mut imaging = input("CT", "ct.dcm", 5 << 30);
        imaging.media_type = MediaType::Dicom;
        assert!(check(&imaging, today()).is_ok());
        imaging.size_bytes += 1;
        assert_eq!(fault(imaging), "too_large");
    }
    #[test]
    fn a_document_bears_a_day_that_has_come_and_that_somebody_alive_could_have_seen() {
        let code = |text: &str| date_fault(Some(text.parse().unwrap()), today()).map(|fault| fault.code);
        assert_eq!(date_fault(None, today()).map(|fault| fault.code), None);
        assert_eq!((code("2026-07-01"), code("2026-07-02"), code("1900-01-01")), (None, None, None));
        assert_eq!(code("2026-07-03"), Some("in_the_future"));
        assert_eq!(code("1899-12-31"), Some("too_long_ago"));
    }

    /// The portal offers each role the kinds of this list and no other, which its own tests compare.
    #[test]
    fn who_writes_which_kind_is_the_reviewed_list() {
        let mut list = String::from(
            "# role and the kinds of documents it adds; printed from app/src/documents/rules.rs\n",
        );
        for role in Role::ALL {
            list.push_str(role.as_str());
            for kind in Kind::ALL.into_iter().filter(|kind| may_write(role, *kind)) {
                list.push(' ');
                list.push_str(kind.as_str());
            }
            list.push('\n');
        }
        assert_eq!(include_str!("../../tests/ratchets/document-kinds.txt"), list);
    }
}
