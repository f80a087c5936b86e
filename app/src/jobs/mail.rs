//! Mail: built by `lettre`, handed to a server over TLS or laid into a directory.

use std::path::PathBuf;
use std::time::Duration;

use lettre::message::{Mailbox, header::ContentType};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, CertificateStore, Tls, TlsParameters};
use lettre::{Address, AsyncFileTransport, AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor};
use zeroize::Zeroizing;

use crate::config::{MailConfig, SmtpConfig};

/// Longest time to hand a mail over, in milliseconds.
const SEND_MAX_MS: u64 = 30_000;
/// The port on which a server speaks TLS from the first byte (RFC 8314, 7.3).
const IMPLICIT_TLS_PORT: u16 = 465;

/// Why mail cannot be set up or was not handed over. It never holds an address.
#[derive(Debug, thiserror::Error)]
pub enum MailError {
    /// The configuration names no way out, or two.
    #[error("mail: name either dir or smtp, and only one of them")]
    Config,
    /// The sender is no address.
    #[error("mail.from is not an address")]
    From,
    /// The server's name or certificate settings cannot be used.
    #[error("mail.smtp: the server cannot be used")]
    Server,
    /// A file cannot be read or the directory not made.
    #[error("mail: cannot use {path}")]
    File {
        /// Which file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// The recipient is no address.
    #[error("the recipient is not an address")]
    Recipient,
    /// The mail was not taken.
    #[error("the mail was not handed over")]
    Send,
}

enum Way {
    Directory(AsyncFileTransport<Tokio1Executor>),
    Server(AsyncSmtpTransport<Tokio1Executor>),
}

/// Hands mail over.
pub struct Mailer {
    from: Mailbox,
    way: Way,
}

/// One mail. It does not print.
pub struct Letter<'a> {
    /// Who gets it.
    pub to: &'a str,
    /// The subject line; nothing about a person.
    pub subject: &'a str,
    /// Plain text.
    pub body: Zeroizing<String>,
    /// The left part of the message id: the same for every copy of one letter.
    pub id: String,
}

impl Mailer {
    /// Sets mail up.
    ///
    /// # Errors
    /// See [`MailError`].
    pub fn new(config: &MailConfig) -> Result<Mailer, MailError> {
        let from = config.from.parse().map_err(|_not_an_address| MailError::From)?;
        let way = match (&config.dir, &config.smtp) {
            (Some(dir), None) => {
                std::fs::create_dir_all(dir)
                    .map_err(|source| MailError::File { path: dir.clone(), source })?;
                Way::Directory(AsyncFileTransport::new(dir))
            }
            (None, Some(smtp)) => Way::Server(server(smtp)?),
            _ => return Err(MailError::Config),
        };
        Ok(Mailer { from, way })
    }

    /// Hands a letter over.
    ///
    /// # Errors
    /// See [`MailError`].
    pub async fn send(&self, letter: Letter<'_>) -> Result<(), MailError> {
        let message = self.message(&letter)?;
        let sent = async {
            match &self.way {
                Way::Directory(way) => way.send(message).await.map(drop).map_err(|_cause| MailError::Send),
                Way::Server(way) => way.send(message).await.map(drop).map_err(|_cause| MailError::Send),
            }
        };
        tokio::time::timeout(Duration::from_millis(SEND_MAX_MS), sent).await.unwrap_or(Err(MailError::Send))
    }

    fn message(&self, letter: &Letter<'_>) -> Result<Message, MailError> {
        let to: Address = letter.to.parse().map_err(|_not_an_address| MailError::Recipient)?;
        let id = format!("<{}@{}>", letter.id, self.from.email.domain());
        Message::builder()
            .from(self.from.clone())
            .to(Mailbox::new(None, to))
            .subject(letter.subject)
            .message_id(Some(id))
            .header(ContentType::TEXT_PLAIN)
            .body(letter.body.as_str().to_owned())
            .map_err(|_cause| MailError::Send)
    }
}

/// A server, spoken to over TLS only: from the first byte or by STARTTLS, and never without (RFC 8314, 3).
fn server(smtp: &SmtpConfig) -> Result<AsyncSmtpTransport<Tokio1Executor>, MailError> {
    let read = |path: &PathBuf| {
        std::fs::read_to_string(path).map_err(|source| MailError::File { path: path.clone(), source })
    };
    let mut tls = TlsParameters::builder(smtp.host.clone());
    if let Some(path) = &smtp.ca {
        let authority =
            Certificate::from_pem(read(path)?.as_bytes()).map_err(|_settings| MailError::Server)?;
        tls = tls.certificate_store(CertificateStore::None).add_root_certificate(authority);
    }
    let tls = tls.build().map_err(|_settings| MailError::Server)?;
    let tls = match smtp.port {
        IMPLICIT_TLS_PORT => Tls::Wrapper(tls),
        _ => Tls::Required(tls),
    };
    // The name says that nothing is encrypted by itself; the next line does that.
    let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&smtp.host)
        .tls(tls)
        .port(smtp.port)
        .timeout(Some(Duration::from_millis(SEND_MAX_MS)));
    if let Some(user) = &smtp.user {
        let password = match &smtp.password_file {
            Some(path) => read(path)?,
            None => String::new(),
        };
        builder = builder.credentials(Credentials::new(user.clone(), password.trim_end().to_owned()));
    }
    Ok(builder.build())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mailer(dir: &std::path::Path) -> Mailer {
        let config = MailConfig {
            from: "Domicile <no-reply@domicile.example>".into(),
            dir: Some(dir.to_owned()),
            smtp: None,
        };
        Mailer::new(&config).unwrap()
    }

    fn letter(to: &str) -> Letter<'_> {
        let body = Zeroizing::new("Välkommen\nhttps://lotus.in.domicile.example:7420/x#token=AbC".to_owned());
        Letter { to, subject: "Invitation", body, id: "abc".into() }
    }

    #[tokio::test]
    async fn a_letter_lies_in_the_directory_as_a_mail() {
        let dir = tempfile::tempdir().unwrap();
        mailer(dir.path()).send(letter("asha@example.com")).await.unwrap();
        let entries: Vec<_> = std::fs::read_dir(dir.path()).unwrap().map(|e| e.unwrap().path()).collect();
        let mails: Vec<_> = entries.iter().filter(|p| p.extension().is_some_and(|e| e == "eml")).collect();
        assert_eq!(mails.len(), 1);
        let text = std::fs::read_to_string(mails[0]).unwrap();
        for part in ["To: asha@example.com", "Message-ID: <abc@domicile.example>", "Subject: Invitation"] {
            assert!(text.contains(part), "{part} is missing in {text}");
        }
    }

    #[tokio::test]
    async fn nobody_can_add_a_recipient() {
        let dir = tempfile::tempdir().unwrap();
        for to in ["a@example.com\r\nBcc: b@example.com", "a@example.com, b@example.com", ""] {
            assert!(matches!(mailer(dir.path()).send(letter(to)).await, Err(MailError::Recipient)), "{to}");
        }
    }

    #[test]
    fn one_way_out_and_only_one() {
        let none = MailConfig { from: "a@example.com".into(), dir: None, smtp: None };
        assert!(matches!(Mailer::new(&none), Err(MailError::Config)));
    }
}
