//! Texts to telephones, handed to Amazon SNS in the process's own region and nowhere else.

use std::collections::HashMap;

use aws_sdk_sns::Client;
use aws_sdk_sns::types::MessageAttributeValue;
use regions::region::RegionName;

use crate::aws::{Limits, Site, Target};
use crate::config::SnsConfig;
use crate::error::BootError;

/// The queue tries again for hours, so one call tries little: a text whose answer was lost may come twice.
const LIMITS: Limits = Limits { attempt_ms: 5_000, operation_ms: 12_000, attempts_max: 2, idle_ms: 5_000 };
/// Most characters of a text; five parts of a long one.
const TEXT_CHARS_MAX: usize = 765;

/// What a text is for; India's carriers ask for a registered template of each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TextKind {
    /// It holds a code.
    Code,
    /// It says what changed.
    Notice,
}

/// Why a text was not handed over. It holds neither number nor words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SmsError {
    /// It is too long, or the number is none.
    #[error("the text cannot be sent as it is")]
    Text,
    /// SNS did not take it.
    #[error("SNS did not take the text")]
    Send,
}

/// The region's SNS, through the AWS SDK.
pub struct Sms {
    client: Client,
    config: SnsConfig,
}

impl Sms {
    /// Opens the client; makes no call.
    ///
    /// # Errors
    /// [`BootError`] naming `sms.sns.endpoint` or `sms.sns.ca`.
    pub async fn connect(region: RegionName, config: &SnsConfig) -> Result<Sms, BootError> {
        let target = Target {
            region,
            endpoint: config.endpoint.as_deref(),
            ca: config.ca.as_deref(),
            fields: ("sms.sns.endpoint", "sms.sns.ca"),
        };
        let site = Site::new(&target, &LIMITS).await?;
        let mut builder = aws_sdk_sns::Config::builder()
            .behavior_version(site.behavior)
            .region(site.region)
            .http_client(site.http)
            .credentials_provider(site.credentials)
            .retry_config(site.retry)
            .timeout_config(site.timeout);
        builder.set_endpoint_url(site.endpoint);
        Ok(Sms { client: Client::from_conf(builder.build()), config: config.clone() })
    }

    /// Hands a text over; `to` is in E.164.
    ///
    /// # Errors
    /// [`SmsError`].
    pub async fn send(&self, to: &str, text: &str, kind: TextKind) -> Result<(), SmsError> {
        let digits = to.strip_prefix('+').ok_or(SmsError::Text)?;
        let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        if !is_number || text.chars().count() > TEXT_CHARS_MAX {
            return Err(SmsError::Text);
        }
        let attributes = attributes(&self.config, kind)?;
        let publish = self.client.publish().phone_number(to).message(text);
        // On the heap: the future of a call of the SDK is large.
        let sent = Box::pin(publish.set_message_attributes(Some(attributes)).send()).await;
        sent.map(drop).map_err(|_may_quote_the_number| SmsError::Send)
    }
}

/// What SNS is told of a text beside its words: that it is no advertisement, and what carriers want to know.
fn attributes(
    config: &SnsConfig,
    kind: TextKind,
) -> Result<HashMap<String, MessageAttributeValue>, SmsError> {
    let template = match kind {
        TextKind::Code => &config.code_template_id,
        TextKind::Notice => &config.notice_template_id,
    };
    let transactional = Some("Transactional".to_owned());
    let wanted = [
        ("AWS.SNS.SMS.SMSType", &transactional),
        ("AWS.SNS.SMS.SenderID", &config.sender_id),
        ("AWS.MM.SMS.EntityId", &config.entity_id),
        ("AWS.MM.SMS.TemplateId", template),
    ];
    let mut attributes = HashMap::new();
    for (name, value) in wanted {
        let Some(value) = value else { continue };
        let value = MessageAttributeValue::builder().data_type("String").string_value(value).build();
        attributes.insert(name.to_owned(), value.map_err(|_unreachable| SmsError::Text)?);
    }
    Ok(attributes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn carriers_are_told_what_is_configured_and_no_more() {
        let names = |config: &SnsConfig, kind| {
            let found = attributes(config, kind).unwrap();
            let mut names: Vec<(String, String)> = found
                .into_iter()
                .map(|(name, value)| (name, value.string_value().unwrap_or_default().to_owned()))
                .collect();
            names.sort();
            names
        };
        let transactional = ("AWS.SNS.SMS.SMSType".to_owned(), "Transactional".to_owned());
        assert_eq!(names(&SnsConfig::default(), TextKind::Code), std::slice::from_ref(&transactional));
        let india = SnsConfig {
            sender_id: Some("DOMCIL".into()),
            entity_id: Some("1".into()),
            code_template_id: Some("2".into()),
            notice_template_id: Some("3".into()),
            ..SnsConfig::default()
        };
        for (kind, template) in [(TextKind::Code, "2"), (TextKind::Notice, "3")] {
            let found = names(&india, kind);
            let wanted = ("AWS.MM.SMS.TemplateId".to_owned(), template.to_owned());
            assert_eq!(found.len(), 4);
            assert!(found.contains(&wanted) && found.contains(&transactional));
        }
    }
}
