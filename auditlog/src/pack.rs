//! A clinic's monthly pack: what its signed note says, and how a folder with one is checked.
//!
//! `pack.note` is a signed note whose text names clinic, month and number of events, and the SHA-256 of `SHA256SUMS`, which
//! has the SHA-256 of every other file, in the form that `sha256sum -c` reads. So one signature holds all files.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read as _};
use std::path::Path;

use aws_lc_rs::digest::{Context, SHA256};
use data_encoding::HEXLOWER;
use serde::Serialize;

use crate::note::{NoteError, SignedNote, VerifierKey};
use crate::tree::Hash;
use crate::verify::{Kind, read_events};

/// The signed note's file.
pub const PACK_NOTE: &str = "pack.note";
/// The file with the hashes of the others.
pub const PACK_SUMS: &str = "SHA256SUMS";
/// Most files that the sums name.
pub const PACK_FILES_MAX: usize = 2_000;
/// Longest line of a table, in bytes.
const LINE_BYTES_MAX: u64 = 4_096;
/// The first line of the note, which no checkpoint begins with.
const HEADER: &str = "domicile-audit-pack-1";
/// What the name of a table of events begins with.
const EVENTS_PREFIX: &str = "events-";
/// The column of a table that has the event's hash, from 0.
const HASH_COLUMN: usize = 1;
/// Most findings that are kept.
const FINDINGS_MAX: usize = 1_000;

/// What a pack's note states.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackNote {
    /// Region of the clinic.
    pub region: String,
    /// The clinic.
    pub tenant: [u8; 16],
    /// The month, as `2026-10`, in UTC.
    pub month: String,
    /// Events of that month.
    pub events: u64,
    /// SHA-256 of the file with the sums.
    pub sums: Hash,
}

impl PackNote {
    /// The text that is signed.
    #[must_use]
    pub fn to_text(&self) -> String {
        format!(
            "{HEADER}\nregion {}\nclinic {}\nmonth {}\nevents {}\n{PACK_SUMS} {}\n",
            self.region,
            HEXLOWER.encode(&self.tenant),
            self.month,
            self.events,
            HEXLOWER.encode(&self.sums)
        )
    }

    /// Reads a note's text, which has one form only.
    ///
    /// # Errors
    /// [`NoteError::Form`].
    pub fn parse(text: &str) -> Result<Self, NoteError> {
        let mut lines = text.lines();
        if lines.next() != Some(HEADER) {
            return Err(NoteError::Form);
        }
        let mut value = |name: &str| {
            let line = lines.next().ok_or(NoteError::Form)?;
            line.strip_prefix(name).and_then(|rest| rest.strip_prefix(' ')).ok_or(NoteError::Form)
        };
        let (region, tenant, month) = (value("region")?, value("clinic")?, value("month")?);
        let (events, sums) = (value("events")?, value(PACK_SUMS)?);
        let note = Self {
            region: region.to_owned(),
            tenant: bytes(tenant).ok_or(NoteError::Form)?,
            month: month.to_owned(),
            events: events.parse().map_err(|_invalid| NoteError::Form)?,
            sums: bytes(sums).ok_or(NoteError::Form)?,
        };
        if note.to_text() == text { Ok(note) } else { Err(NoteError::Form) }
    }

    /// The statement of a signed note, if one of `keys` signed it.
    ///
    /// # Errors
    /// [`NoteError`].
    pub fn open(note: &[u8], keys: &[VerifierKey]) -> Result<Self, NoteError> {
        Self::parse(SignedNote::parse(note)?.signed_text(keys)?)
    }
}

fn bytes<const N: usize>(hex: &str) -> Option<[u8; N]> {
    HEXLOWER.decode(hex.as_bytes()).ok()?.try_into().ok()
}

/// The sums of some files, as `sha256sum` writes them.
#[must_use]
pub fn sums_text<'a>(files: impl IntoIterator<Item = (&'a str, &'a Hash)>) -> String {
    files.into_iter().map(|(name, hash)| format!("{}  {name}\n", HEXLOWER.encode(hash))).collect()
}

/// The names and hashes that sums state, in their order; `None` if they are of another form.
#[must_use]
pub fn parse_sums(text: &str) -> Option<Vec<(String, Hash)>> {
    let mut found = Vec::new();
    for line in text.lines() {
        let (hash, name) = line.split_once("  ")?;
        let plain = !name.is_empty()
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte))
            && !name.starts_with('.');
        if !plain || found.len() == PACK_FILES_MAX {
            return None;
        }
        found.push((name.to_owned(), bytes(hash)?));
    }
    Some(found)
}

/// One thing that is wrong with a pack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PackFinding {
    /// What kind of thing.
    pub kind: Kind,
    /// Which file, or which event.
    pub place: String,
    /// In words.
    pub detail: String,
}

/// What was found in a pack.
#[derive(Debug, Clone, Default, Serialize)]
pub struct PackReport {
    /// Whether nothing is wrong.
    pub ok: bool,
    /// The region that the note states.
    pub region: String,
    /// The clinic, in hexadecimal.
    pub clinic: String,
    /// The month.
    pub month: String,
    /// Events that the tables have.
    pub events: u64,
    /// Files that agree.
    pub files: usize,
    /// Events that the copy of the log was asked for; 0 when there was none.
    pub compared: u64,
    /// What is wrong.
    pub findings: Vec<PackFinding>,
}

impl PackReport {
    fn add(&mut self, kind: Kind, place: &str, detail: impl Into<String>) {
        if self.findings.len() < FINDINGS_MAX {
            self.findings.push(PackFinding { kind, place: place.to_owned(), detail: detail.into() });
        }
    }

    /// The report in lines.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut text = format!(
            "{} clinic {} month {}: {} events, {} files, {} compared with the log\n",
            self.region, self.clinic, self.month, self.events, self.files, self.compared
        );
        for found in &self.findings {
            let word = serde_json::to_string(&found.kind).unwrap_or_default();
            text.push_str(&format!("  {} {}: {}\n", word.trim_matches('"'), found.place, found.detail));
        }
        text.push_str(if self.ok { "good\n" } else { "NOT good\n" });
        text
    }
}

/// Checks a folder with one pack: the signature, every file, no file more, and the number of events. With a copy of the log,
/// each event of the pack must be in it, and each of the clinic's events of that month in the pack. The copy itself must be
/// checked before (`verify_folder`).
///
/// # Errors
/// When a file cannot be read.
pub fn verify_pack(folder: &Path, keys: &[VerifierKey], log: Option<&Path>) -> io::Result<PackReport> {
    let mut report = PackReport::default();
    let mut there: BTreeSet<String> = BTreeSet::new();
    for entry in std::fs::read_dir(folder)? {
        there.insert(entry?.file_name().to_string_lossy().into_owned());
    }
    let Some(note) = note(folder, keys, &mut there, &mut report)? else { return Ok(report) };
    report.clinic = HEXLOWER.encode(&note.tenant);
    let Some(sums) = sums(folder, &note, &mut there, &mut report)? else { return Ok(report) };
    let mut hashes = BTreeSet::new();
    for (name, hash) in &sums {
        if !there.remove(name) {
            report.add(Kind::Missing, name, "the file is not there");
            continue;
        }
        let (found, _) = file_hash(&folder.join(name))?;
        if found != *hash {
            report.add(Kind::Hash, name, "the file was altered");
            continue;
        }
        report.files += 1;
        if name.starts_with(EVENTS_PREFIX) {
            read_table(folder, name, &mut hashes, &mut report)?;
        }
    }
    for name in there {
        report.add(Kind::Extra, &name, "the file does not belong to the pack");
    }
    if report.events != note.events && report.findings.is_empty() {
        report.add(Kind::Malformed, PACK_NOTE, format!("{} events are signed for", note.events));
    }
    (report.region, report.month) = (note.region.clone(), note.month.clone());
    if let Some(log) = log {
        compare(log, &note, hashes, &mut report)?;
    }
    report.ok = report.findings.is_empty();
    Ok(report)
}

fn note(
    folder: &Path,
    keys: &[VerifierKey],
    there: &mut BTreeSet<String>,
    report: &mut PackReport,
) -> io::Result<Option<PackNote>> {
    if !there.remove(PACK_NOTE) {
        report.add(Kind::Missing, PACK_NOTE, "without it nothing is signed");
        return Ok(None);
    }
    let text = std::fs::read(folder.join(PACK_NOTE))?;
    match PackNote::open(&text, keys) {
        Ok(note) => Ok(Some(note)),
        Err(NoteError::Form) => {
            report.add(Kind::Malformed, PACK_NOTE, "not a pack's note");
            Ok(None)
        }
        Err(error) => {
            report.add(Kind::Signature, PACK_NOTE, error.to_string());
            Ok(None)
        }
    }
}

fn sums(
    folder: &Path,
    note: &PackNote,
    there: &mut BTreeSet<String>,
    report: &mut PackReport,
) -> io::Result<Option<Vec<(String, Hash)>>> {
    if !there.remove(PACK_SUMS) {
        report.add(Kind::Missing, PACK_SUMS, "the file is not there");
        return Ok(None);
    }
    let (found, _) = file_hash(&folder.join(PACK_SUMS))?;
    if found != note.sums {
        report.add(Kind::Hash, PACK_SUMS, "not the sums that are signed");
        return Ok(None);
    }
    let sums = parse_sums(&std::fs::read_to_string(folder.join(PACK_SUMS))?);
    if sums.is_none() {
        report.add(Kind::Malformed, PACK_SUMS, "a line is not a hash and a name");
    }
    Ok(sums)
}

fn file_hash(path: &Path) -> io::Result<(Hash, u64)> {
    let (mut file, mut context) = (File::open(path)?, Context::new(&SHA256));
    let (mut buffer, mut length) = (vec![0; 65_536], 0_u64);
    loop {
        let read = file.read(&mut buffer)?;
        if read == 0 {
            break;
        }
        context.update(buffer.get(..read).unwrap_or_default());
        length = length.saturating_add(u64::try_from(read).unwrap_or(u64::MAX));
    }
    let mut hash = Hash::default();
    hash.iter_mut().zip(context.finish().as_ref()).for_each(|(to, from)| *to = *from);
    Ok((hash, length))
}

fn read_table(
    folder: &Path,
    name: &str,
    hashes: &mut BTreeSet<Hash>,
    report: &mut PackReport,
) -> io::Result<()> {
    let mut reader = BufReader::new(File::open(folder.join(name))?);
    let (mut line, mut number) = (String::new(), 0_u64);
    loop {
        line.clear();
        if reader.by_ref().take(LINE_BYTES_MAX).read_line(&mut line)? == 0 {
            return Ok(());
        }
        number += 1;
        // The first line says what the columns are.
        if number == 1 {
            continue;
        }
        match line.split(',').nth(HASH_COLUMN).and_then(bytes) {
            Some(hash) if line.ends_with('\n') && hashes.insert(hash) => report.events += 1,
            _ => report.add(Kind::Malformed, name, format!("line {number} is no event, or one twice")),
        }
    }
}

/// Compares the pack's events with those of the clinic's month in a copy of the log.
fn compare(
    log: &Path,
    note: &PackNote,
    mut hashes: BTreeSet<Hash>,
    report: &mut PackReport,
) -> io::Result<()> {
    let mut missing: BTreeMap<u64, [u8; 16]> = BTreeMap::new();
    let mut compared = 0;
    read_events(log, |index, event, hash| {
        if event.tenant != note.tenant || month_of_id(&event.event_id) != note.month {
            return;
        }
        compared += 1;
        if !hashes.remove(&hash) && missing.len() < FINDINGS_MAX {
            missing.insert(index, event.event_id);
        }
    })?;
    report.compared = compared;
    for (index, event) in missing {
        let place = HEXLOWER.encode(&event);
        report.add(Kind::Missing, &place, format!("entry {index} of the log is not in the pack"));
    }
    for hash in hashes.into_iter().take(FINDINGS_MAX) {
        report.add(Kind::Row, &HEXLOWER.encode(&hash), "an event of the pack is not in the log");
    }
    Ok(())
}

/// The month in UTC, as `2026-10`, that an event's id begins with (RFC 9562 version 7).
#[must_use]
pub fn month_of_id(id: &[u8; 16]) -> String {
    let ms = id.iter().take(6).fold(0_u64, |ms, byte| (ms << 8) | u64::from(*byte));
    let (year, month) = civil(ms / 86_400_000);
    format!("{year:04}-{month:02}")
}

/// Year and month of a day counted from 1970-01-01 (Howard Hinnant's `civil_from_days`, for days after 1970).
fn civil(day: u64) -> (u64, u64) {
    let z = day + 719_468;
    let (era, of_era) = (z / 146_097, z % 146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * of_year + 2) / 153;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    (era * 400 + year_of_era + u64::from(month <= 2), month)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_says_its_month() {
        for (ms, month) in [
            (0_u64, "1970-01"),
            (951_782_400_000, "2000-02"),
            (951_868_799_999, "2000-02"),
            (951_868_800_000, "2000-03"),
            (1_793_491_199_999, "2026-10"),
            (1_793_491_200_000, "2026-11"),
        ] {
            let mut id = [0xff; 16];
            id.iter_mut().zip(ms.to_be_bytes().into_iter().skip(2)).for_each(|(to, from)| *to = from);
            assert_eq!(month_of_id(&id), month, "{ms}");
        }
    }

    #[test]
    fn a_note_and_sums_have_one_form() {
        let note = PackNote {
            region: "us-east-1".into(),
            tenant: [4; 16],
            month: "2026-10".into(),
            events: 7,
            sums: [9; 32],
        };
        assert_eq!(PackNote::parse(&note.to_text()).as_ref(), Ok(&note));
        for other in
            [note.to_text() + "more\n", note.to_text().replace("events 7", "events 07"), String::new()]
        {
            assert_eq!(PackNote::parse(&other), Err(NoteError::Form), "{other}");
        }
        let text = sums_text([("events-0001.csv", &[1; 32]), ("summary.pdf", &[2; 32])]);
        assert_eq!(parse_sums(&text).map(|files| files.len()), Some(2));
        for name in ["../x", ".hidden", "", "a/b", "a b"] {
            assert_eq!(parse_sums(&sums_text([(name, &[1; 32])])), None, "{name}");
        }
    }
}
