//! Key policies: parsing, and deciding whether an action is allowed.
//!
//! The part of the policy language that matters here: Allow and Deny, principals, actions with `*`, and the conditions
//! `StringEquals` and `StringNotEquals` on `kms:EncryptionContext:…`. A policy with anything else is refused when it is put.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::error::{KmsError, KmsResult};
use super::wire::Context;

/// A policy may be this long, in bytes, as in AWS.
const MAX_POLICY_BYTES: usize = 32 * 1024;

/// A parsed key policy.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Policy {
    #[serde(rename = "Version")]
    _version: Option<String>,
    #[serde(rename = "Id")]
    _id: Option<String>,
    statement: OneOrMany<Statement>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Statement {
    #[serde(rename = "Sid")]
    _sid: Option<String>,
    effect: Effect,
    principal: Principal,
    action: OneOrMany<String>,
    #[serde(rename = "Resource")]
    _resource: OneOrMany<String>,
    #[serde(default)]
    condition: BTreeMap<String, BTreeMap<String, OneOrMany<String>>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
enum Effect {
    Allow,
    Deny,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Principal {
    Anyone(String),
    Aws {
        #[serde(rename = "AWS")]
        aws: OneOrMany<String>,
    },
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum OneOrMany<T> {
    One(T),
    Many(Vec<T>),
}

impl<T> OneOrMany<T> {
    fn iter(&self) -> std::slice::Iter<'_, T> {
        match self {
            Self::One(value) => std::slice::from_ref(value).iter(),
            Self::Many(values) => values.iter(),
        }
    }
}

/// Who asks for what.
#[derive(Clone, Copy, Debug)]
pub(super) struct Request<'a> {
    pub(super) account: &'a str,
    pub(super) user: &'a str,
    pub(super) action: &'a str,
    pub(super) context: &'a Context,
}

/// The policy of a key that was made without one: the account may do everything.
pub(super) fn default_policy(account: &str) -> String {
    serde_json::json!({
        "Version": "2012-10-17",
        "Id": "key-default-1",
        "Statement": [{
            "Sid": "Enable IAM User Permissions",
            "Effect": "Allow",
            "Principal": {"AWS": format!("arn:aws:iam::{account}:root")},
            "Action": "kms:*",
            "Resource": "*"
        }]
    })
    .to_string()
}

/// Parses a policy and refuses what this program would not honour.
pub(super) fn parse(text: &str) -> KmsResult<Policy> {
    let malformed = |why: String| KmsError::refused("MalformedPolicyDocumentException", why);
    if text.len() > MAX_POLICY_BYTES {
        return Err(KmsError::refused("LimitExceededException", "the policy is longer than 32 KiB"));
    }
    let policy: Policy = serde_json::from_str(text).map_err(|e| malformed(e.to_string()))?;
    for statement in policy.statement.iter() {
        if matches!(&statement.principal, Principal::Anyone(who) if who != "*") {
            return Err(malformed("a principal is \"*\" or {\"AWS\": …}".into()));
        }
        for (operator, tests) in &statement.condition {
            let known = matches!(operator.as_str(), "StringEquals" | "StringNotEquals");
            if !known || tests.keys().any(|name| !name.starts_with("kms:EncryptionContext:")) {
                return Err(KmsError::not_implemented(format!(
                    "the policy condition {operator} on these keys"
                )));
            }
        }
    }
    Ok(policy)
}

/// Whether a policy allows a request: some Allow, and no Deny.
pub(super) fn allows(policy: &Policy, request: Request<'_>) -> bool {
    let applying = |effect: Effect| policy.statement.iter().any(|s| s.effect == effect && s.applies(request));
    applying(Effect::Allow) && !applying(Effect::Deny)
}

impl Statement {
    fn applies(&self, request: Request<'_>) -> bool {
        self.names(request)
            && self.action.iter().any(|pattern| matches_pattern(pattern, request.action))
            && self.condition.iter().all(|(operator, tests)| {
                tests.iter().all(|(name, values)| {
                    let given =
                        name.strip_prefix("kms:EncryptionContext:").and_then(|n| request.context.get(n));
                    let equal = given.is_some_and(|g| values.iter().any(|v| v == g));
                    equal == (operator == "StringEquals")
                })
            })
    }

    fn names(&self, request: Request<'_>) -> bool {
        let root = format!("arn:aws:iam::{}:root", request.account);
        match &self.principal {
            Principal::Anyone(who) => who == "*",
            Principal::Aws { aws } => {
                aws.iter().any(|p| p == "*" || *p == root || p == request.account || p == request.user)
            }
        }
    }
}

/// `kms:*`, `kms:Generate*` or a full name; case does not matter.
fn matches_pattern(pattern: &str, action: &str) -> bool {
    let (pattern, action) = (pattern.to_ascii_lowercase(), action.to_ascii_lowercase());
    match pattern.split_once('*') {
        None => pattern == action,
        Some((head, tail)) => {
            action.strip_prefix(head).is_some_and(|rest| tail.is_empty() || rest.ends_with(tail))
        }
    }
}
