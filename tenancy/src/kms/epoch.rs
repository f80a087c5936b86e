//! The KMS keys that wrap key-store backups: one a week, destroyed when the week's backups are, so that a backup which somebody
//! kept opens no longer either.

use aws_sdk_kms::error::ProvideErrorMetadata;
use chrono::{DateTime, Datelike as _, Utc};

use super::{CallFor, DataKey, EncryptionContext, KeyArn, Kms, KmsError, classify};
use crate::keys::KeyBytes;

/// Days KMS waits at least before it deletes a key.
const DELETION_WAIT_DAYS: i32 = 7;

/// An ISO week, such as `202648`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Week(String);

impl Week {
    /// The week of a moment.
    #[must_use]
    pub fn of(moment: DateTime<Utc>) -> Self {
        let week = moment.iso_week();
        Self(format!("{:04}{:02}", week.year(), week.week()))
    }

    /// A week as it is written; anything else is none.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.len() == 6 && text.bytes().all(|byte| byte.is_ascii_digit());
        digits.then(|| Self(text.to_owned()))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Kms {
    fn epoch_alias(&self, week: &Week) -> String {
        format!("alias/domicile/epoch/{}/{}", self.region(), week.as_str())
    }

    /// The key of a week, if there is one.
    ///
    /// # Errors
    /// [`KmsError`].
    pub async fn epoch_key(&self, week: &Week) -> Result<Option<KeyArn>, KmsError> {
        self.turn("describe", CallFor::Epoch).await?;
        let answer = self.client.describe_key().key_id(self.epoch_alias(week)).send().await;
        let described = match answer {
            Ok(described) => described,
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(|error| error.code() == Some("NotFoundException")) =>
            {
                return Ok(None);
            }
            Err(error) => return Err(classify(&error)),
        };
        let arn = described.key_metadata().and_then(|key| key.arn()).ok_or(KmsError::Ciphertext)?;
        KeyArn::parse(arn, self.region()).map(Some).map_err(|_cause| KmsError::Ciphertext)
    }

    /// The key of a week, made if there is none. Two that make it at once end with the one that has the alias.
    ///
    /// # Errors
    /// [`KmsError`].
    pub async fn ensure_epoch_key(&self, week: &Week) -> Result<KeyArn, KmsError> {
        if let Some(key) = self.epoch_key(week).await? {
            return Ok(key);
        }
        self.turn("create", CallFor::Epoch).await?;
        let made = self
            .client
            .create_key()
            .description("key-store backups of one week")
            .multi_region(false)
            .send()
            .await
            .map_err(|error| classify(&error))?;
        let id = made.key_metadata().map(|key| key.key_id().to_owned()).ok_or(KmsError::Ciphertext)?;
        let named =
            self.client.create_alias().alias_name(self.epoch_alias(week)).target_key_id(&id).send().await;
        if named.is_err() {
            // Somebody else was faster; ours was never used.
            let unused =
                self.client.schedule_key_deletion().key_id(id).pending_window_in_days(DELETION_WAIT_DAYS);
            let _deleted_by_hand_otherwise = unused.send().await;
        }
        self.epoch_key(week).await?.ok_or(KmsError::Unavailable)
    }

    /// Makes a data key under the key of a week.
    ///
    /// # Errors
    /// [`KmsError`].
    pub async fn generate_for_backup(&self, key: &KeyArn, week: &Week) -> Result<DataKey, KmsError> {
        self.generate_under(key, self.epoch_context(week), CallFor::Epoch).await
    }

    /// Unwraps a backup's data key.
    ///
    /// # Errors
    /// [`KmsError::KeyUnusable`] once the week's key is on its way out.
    pub async fn unwrap_backup_key(
        &self,
        key: &KeyArn,
        week: &Week,
        wrapped: &[u8],
    ) -> Result<KeyBytes, KmsError> {
        self.decrypt(key, wrapped, self.epoch_context(week), CallFor::Epoch).await
    }

    fn epoch_context(&self, week: &Week) -> EncryptionContext {
        EncryptionContext::from([
            ("hc:cell".to_owned(), self.region().to_string()),
            ("hc:epoch".to_owned(), week.as_str().to_owned()),
            ("hc:ecv".to_owned(), "1".to_owned()),
        ])
    }

    /// Schedules the key of a week for deletion; one that is on its way already is left so.
    ///
    /// # Errors
    /// [`KmsError`].
    pub async fn retire_epoch_key(&self, key: &KeyArn) -> Result<(), KmsError> {
        self.turn("schedule_deletion", CallFor::Epoch).await?;
        let answer = self
            .client
            .schedule_key_deletion()
            .key_id(key.as_str())
            .pending_window_in_days(DELETION_WAIT_DAYS)
            .send()
            .await;
        match answer.map_err(|error| classify(&error)) {
            Ok(_) | Err(KmsError::KeyUnusable) => Ok(()),
            Err(error) => Err(error),
        }
    }
}
