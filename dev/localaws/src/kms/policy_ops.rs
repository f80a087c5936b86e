//! Reading and replacing the policy of a key.

use serde::Deserialize;
use serde_json::{Value, json};

use super::error::{KmsError, KmsResult};
use super::store::{Access, Kms, Names};
use super::wire::Context;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct PutKeyPolicy {
    key_id: String,
    policy_name: Option<String>,
    policy: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct GetKeyPolicy {
    key_id: String,
    policy_name: Option<String>,
}

impl Kms {
    pub(super) fn put_key_policy(&self, request: PutKeyPolicy) -> KmsResult<Value> {
        check_name(request.policy_name.as_deref())?;
        self.check_lockout(&request.policy)?;
        let context = Context::new();
        let access = Access { operation: "PutKeyPolicy", names: Names::KeyOnly, context: &context };
        self.with(|keys| {
            let id = self.find(keys, &request.key_id, access)?.id.clone();
            self.update(keys, &id, |key| {
                key.policy = request.policy;
                Ok(())
            })?;
            Ok(Value::Null)
        })
    }

    pub(super) fn get_key_policy(&self, request: GetKeyPolicy) -> KmsResult<Value> {
        check_name(request.policy_name.as_deref())?;
        let context = Context::new();
        let access = Access { operation: "GetKeyPolicy", names: Names::KeyOnly, context: &context };
        self.with(|keys| {
            let key = self.find(keys, &request.key_id, access)?;
            Ok(json!({"Policy": key.policy, "PolicyName": "default"}))
        })
    }
}

fn check_name(name: Option<&str>) -> KmsResult<()> {
    match name {
        None | Some("default") => Ok(()),
        Some(other) => Err(KmsError::not_found(format!("No such policy exists: {other}"))),
    }
}
