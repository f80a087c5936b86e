//! Texts to telephones: handed to the region's SNS or laid into a directory.

use std::path::{Path, PathBuf};

use regions::region::RegionName;
use tenancy::BootError;
use tenancy::sms::{Sms, TextKind};
use zeroize::Zeroizing;

use crate::config::SmsConfig;

/// Why texts cannot be set up or one was not handed over. It never holds a number.
#[derive(Debug, thiserror::Error)]
pub enum TextError {
    /// The configuration names no way out, or two.
    #[error("sms: name either dir or sns, and only one of them")]
    Config,
    /// The directory cannot be made.
    #[error("sms: cannot use {path}")]
    Directory {
        /// Which.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// The region's SNS cannot be set up.
    #[error(transparent)]
    Sns(#[from] BootError),
    /// The text was not taken.
    #[error("the text was not handed over")]
    Send,
}

enum Way {
    Directory(PathBuf),
    Sns(Box<Sms>),
}

/// Hands texts over.
pub struct Texter {
    way: Way,
}

/// One text. It does not print.
pub struct Text<'a> {
    /// The number, in E.164.
    pub to: &'a str,
    /// The words.
    pub body: Zeroizing<String>,
    /// What it is for.
    pub kind: TextKind,
    /// Its name in a directory: the same for every copy of one text.
    pub id: String,
}

impl Texter {
    /// Sets texts up.
    ///
    /// # Errors
    /// See [`TextError`].
    pub async fn new(config: &SmsConfig, region: RegionName) -> Result<Texter, TextError> {
        match (&config.dir, &config.sns) {
            (Some(dir), None) => Texter::in_directory(dir),
            (None, Some(sns)) => Ok(Texter { way: Way::Sns(Box::new(Sms::connect(region, sns).await?)) }),
            _ => Err(TextError::Config),
        }
    }

    /// Lays texts into a directory.
    ///
    /// # Errors
    /// [`TextError::Directory`].
    pub fn in_directory(dir: &Path) -> Result<Texter, TextError> {
        std::fs::create_dir_all(dir)
            .map_err(|source| TextError::Directory { path: dir.to_owned(), source })?;
        Ok(Texter { way: Way::Directory(dir.to_owned()) })
    }

    /// Hands a text over.
    ///
    /// # Errors
    /// [`TextError::Send`].
    pub async fn send(&self, text: Text<'_>) -> Result<(), TextError> {
        match &self.way {
            Way::Directory(dir) => {
                let content = Zeroizing::new(format!("To: {}\n\n{}\n", text.to, text.body.as_str()));
                // Whoever looks into the directory finds whole texts only.
                let (part, whole) =
                    (dir.join(format!("{}.part", text.id)), dir.join(format!("{}.txt", text.id)));
                tokio::fs::write(&part, content.as_bytes()).await.map_err(|_cause| TextError::Send)?;
                tokio::fs::rename(&part, &whole).await.map_err(|_cause| TextError::Send)
            }
            Way::Sns(sns) => sns.send(text.to, &text.body, text.kind).await.map_err(|_cause| TextError::Send),
        }
    }
}

#[cfg(test)]
mod tests {
    use tenancy::config::SnsConfig;

    use super::*;

    #[tokio::test]
    async fn a_text_lies_in_the_directory_once_however_often_it_is_sent() {
        let dir = tempfile::tempdir().unwrap();
        let texter = Texter::in_directory(dir.path()).unwrap();
        for _ in 0..2 {
            let body = Zeroizing::new("0000 0000 is your code".to_owned());
            let text = Text { to: "+919876543210", body, kind: TextKind::Code, id: "abc".into() };
            texter.send(text).await.unwrap();
        }
        let names: Vec<_> =
            std::fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(names, ["abc.txt"]);
        let written = std::fs::read_to_string(dir.path().join("abc.txt")).unwrap();
        assert_eq!(written, "To: +919876543210\n\n0000 0000 is your code\n");
    }

    #[tokio::test]
    async fn one_way_out_and_only_one() {
        let region: RegionName = "ap-south-1".parse().unwrap();
        let both = SmsConfig { dir: Some("x".into()), sns: Some(SnsConfig::default()) };
        for config in [SmsConfig { dir: None, sns: None }, both] {
            assert!(matches!(Texter::new(&config, region).await, Err(TextError::Config)));
        }
        let endpoint = Some("https://sns.us-east-1.amazonaws.com".to_owned());
        let elsewhere = SmsConfig { dir: None, sns: Some(SnsConfig { endpoint, ..SnsConfig::default() }) };
        assert!(matches!(Texter::new(&elsewhere, region).await, Err(TextError::Sns(_))));
    }
}
