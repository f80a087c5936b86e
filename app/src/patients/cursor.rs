//! Page cursors: sealed under the clinic's key, so that a caller can neither read one nor make one.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use tenancy::sealed::{Sealed, Sealer};
use uuid::Uuid;

use crate::error::{AppError, BAD_CURSOR};
use crate::paging;
use crate::registry::PAGE_CURSOR;
use crate::store::StoreError;

/// Longest cursor, in characters.
const CURSOR_MAX_CHARS: usize = 512;

/// Which list a cursor belongs to; one of another list is refused.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum List {
    /// Patients.
    Patients,
    /// Staff.
    Staff,
    /// Emergency access that waits for its review.
    BreakGlass,
    /// A patient's documents.
    Documents,
    /// Events of the audit log.
    Audit,
    /// Who used a patient's record.
    AccessReport,
    /// To whom a patient's data were given.
    Disclosures,
    /// A patient's requests to correct the record.
    Corrections,
    /// Requests to correct records that wait for an answer.
    WaitingCorrections,
    /// Colleagues who treat.
    Colleagues,
    /// What the platform's support asked for.
    SupportGrants,
}

impl List {
    const fn row(self) -> [u8; 16] {
        match self {
            List::Patients => [1; 16],
            List::Staff => [2; 16],
            List::BreakGlass => [3; 16],
            List::Documents => [4; 16],
            List::Audit => [5; 16],
            List::AccessReport => [6; 16],
            List::Disclosures => [7; 16],
            List::Corrections => [8; 16],
            List::WaitingCorrections => [9; 16],
            List::Colleagues => [10; 16],
            List::SupportGrants => [11; 16],
        }
    }
}

/// The cursor that continues after `last`.
///
/// # Errors
/// When sealing fails.
pub fn write(sealer: &Sealer, list: List, last: Uuid) -> Result<String, StoreError> {
    let sealed = sealer.seal(PAGE_CURSOR, list.row(), last.as_bytes())?;
    Ok(URL_SAFE_NO_PAD.encode(sealed.as_bytes()))
}

/// Where a page begins: after what the cursor says, or at the start of the list without one.
///
/// # Errors
/// `bad_cursor` for one that this clinic did not give out for this list.
pub fn begin(sealer: &Sealer, list: List, cursor: Option<&str>) -> Result<Option<Uuid>, AppError> {
    let Some(text) = cursor else { return Ok(None) };
    Ok(Some(read(sealer, list, text).ok_or(BAD_CURSOR)?))
}

/// Cuts a list that was read one too far to its limit; the cursor that continues it, if there was more.
///
/// # Errors
/// When sealing fails.
pub fn end<T>(
    sealer: &Sealer,
    list: List,
    (rows, limit): (&mut Vec<T>, i64),
    id: impl Fn(&T) -> Uuid,
) -> Result<Option<String>, StoreError> {
    let more = paging::cut(rows, limit);
    rows.last().filter(|_| more).map(|last| write(sealer, list, id(last))).transpose()
}

/// Where to continue; `None` for a cursor that this clinic did not give out for this list.
fn read(sealer: &Sealer, list: List, cursor: &str) -> Option<Uuid> {
    if cursor.len() > CURSOR_MAX_CHARS {
        return None;
    }
    let sealed = Sealed::from_bytes(URL_SAFE_NO_PAD.decode(cursor).ok()?);
    let opened = sealer.open(PAGE_CURSOR, list.row(), &sealed).ok()?;
    Uuid::from_slice(&opened).ok()
}
