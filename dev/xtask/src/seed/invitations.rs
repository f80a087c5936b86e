//! Finds invitation mails among what the workers laid into the mail folder.
use std::path::Path;
use std::time::{Duration, Instant};

use crate::fail::{Fail, Outcome};
use crate::places::Home;

/// Waits for the mail to `email` that invites to `host` and returns its token.
pub(crate) async fn wait_for_token(home: &Home, email: &str, host: &str) -> Outcome<String> {
    let deadline = Instant::now() + MAIL_WAIT_MAX;
    loop {
        if let Some(token) = newest_token(&home.mail(), email, host) {
            return Ok(token);
        }
        if Instant::now() > deadline {
            return Err(Fail::new(format!(
                "No invitation for {email} came within {} s.",
                MAIL_WAIT_MAX.as_secs()
            ))
            .hint("look at the worker's log; `make logs` follows it"));
        }
        tokio::time::sleep(POLL).await;
    }
}

fn newest_token(dir: &Path, email: &str, host: &str) -> Option<String> {
    let mut found: Vec<(std::time::SystemTime, String)> = Vec::new();
    for entry in std::fs::read_dir(dir).ok()?.flatten() {
        let path = entry.path();
        if path.extension().is_some_and(|extension| extension == "eml") {
            let text = std::fs::read_to_string(&path).ok()?;
            if let Some(token) = token_in(&text, email, host) {
                found.push((entry.metadata().and_then(|data| data.modified()).ok()?, token));
            }
        }
    }
    found.sort();
    found.pop().map(|(_, token)| token)
}

/// The token in the link of a mail; soft line breaks of quoted-printable are undone first (RFC 2045, 6.7).
fn token_in(mail: &str, email: &str, host: &str) -> Option<String> {
    let mail = mail.replace("\r\n", "\n").replace("=\n", "").replace("=3D", "=");
    let to = mail.lines().find(|line| line.to_ascii_lowercase().starts_with("to:"))?;
    if !to.contains(email) || !mail.contains(host) {
        return None;
    }
    let (_, rest) = mail.split_once("token=").or_else(|| mail.split_once("invitation#"))?;
    let token: String = rest.chars().take_while(|c| c.is_ascii_alphanumeric() || "-_".contains(*c)).collect();
    (!token.is_empty()).then_some(token)
}

const MAIL_WAIT_MAX: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(100);

#[cfg(test)]
mod tests {
    use super::token_in;

    #[test]
    fn a_token_is_found_across_a_soft_line_break() {
        let mail = "To: ana@clinic.example\r\nSubject: x\r\n\r\nhttps://lotus.in.base:1/accept#token=3Dab=\r\nc_-9\r\n";
        assert_eq!(token_in(mail, "ana@clinic.example", "lotus.in.base"), Some("abc_-9".to_owned()));
        assert_eq!(token_in(mail, "bob@clinic.example", "lotus.in.base"), None);
        assert_eq!(token_in(mail, "ana@clinic.example", "aurora.us.base"), None);
    }
}
