//! Text: UTF-8 without control characters, and not the source of a page or a program's document.

use super::Refusal;

/// Beginnings that a browser or an office program would take for something else than text.
const ACTIVE: [&str; 7] = ["<!doctype", "<html", "<script", "<svg", "<?xml", "%pdf", "{\\rtf"];

/// Whether a beginning of a file may be text: a character cut in the middle at its end is none of its faults.
pub(super) fn is_text(head: &[u8]) -> bool {
    let text = match std::str::from_utf8(head) {
        Ok(text) => text,
        Err(error) if error.error_len().is_none() => {
            let whole = head.get(..error.valid_up_to()).unwrap_or_default();
            std::str::from_utf8(whole).unwrap_or_default()
        }
        Err(_) => return false,
    };
    (head.is_empty() || !text.is_empty()) && text.chars().all(is_kept) && !is_active(text)
}

/// # Errors
/// [`Refusal::Malformed`].
pub(super) fn check(bytes: &[u8]) -> Result<(), Refusal> {
    let text = std::str::from_utf8(bytes).map_err(|_not_text| Refusal::Malformed)?;
    if text.chars().all(is_kept) { Ok(()) } else { Err(Refusal::Malformed) }
}

fn is_kept(c: char) -> bool {
    !c.is_control() || matches!(c, '\t' | '\n' | '\r' | '\u{c}')
}

fn is_active(text: &str) -> bool {
    let beginning: String = text
        .trim_start_matches(|c: char| c.is_whitespace() || c == '\u{feff}')
        .chars()
        .take(16)
        .flat_map(char::to_lowercase)
        .collect();
    ACTIVE.iter().any(|active| beginning.starts_with(active))
}
