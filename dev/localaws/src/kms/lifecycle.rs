//! Making, describing, disabling, rotating and deleting keys, and their aliases.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::error::{KmsError, KmsResult};
use super::key::{Key, KeyOptions, KeySpec, RegionScope, State};
use super::policy;
use super::store::{Access, Kms, Names, is_alias_name};
use super::wire::{Context, Seconds};

/// How many keys or aliases one page lists at most, as in AWS.
const MAX_PAGE: usize = 1000;
/// A day in milliseconds.
const DAY_MS: u64 = 24 * 60 * 60 * 1000;
/// How often a key may be rotated on demand, as in AWS.
const MAX_ON_DEMAND_ROTATIONS: u32 = 25;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct CreateKey {
    #[serde(default)]
    description: String,
    #[serde(default)]
    key_spec: KeySpec,
    key_usage: Option<String>,
    #[serde(default)]
    multi_region: bool,
    policy: Option<String>,
    origin: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct OneKey {
    pub(super) key_id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct ScheduleDeletion {
    key_id: String,
    pending_window_in_days: Option<u32>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct EnableRotation {
    key_id: String,
    rotation_period_in_days: Option<u32>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct CreateAlias {
    alias_name: String,
    target_key_id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Listing {
    limit: Option<usize>,
    marker: Option<String>,
    key_id: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Metadata<'a> {
    #[serde(rename = "AWSAccountId")]
    account: &'a str,
    key_id: &'a str,
    arn: &'a str,
    creation_date: Seconds,
    enabled: bool,
    description: &'a str,
    key_usage: &'static str,
    key_state: State,
    #[serde(skip_serializing_if = "Option::is_none")]
    deletion_date: Option<Seconds>,
    origin: &'static str,
    key_manager: &'static str,
    key_spec: KeySpec,
    customer_master_key_spec: KeySpec,
    #[serde(skip_serializing_if = "Option::is_none")]
    encryption_algorithms: Option<[&'static str; 1]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    signing_algorithms: Option<[&'static str; 1]>,
    multi_region: bool,
}

impl Kms {
    pub(super) fn create_key(&self, request: CreateKey) -> KmsResult<Value> {
        let usage = request.key_usage.as_deref().unwrap_or(usage_of(KeySpec::Symmetric));
        if usage != usage_of(request.key_spec) {
            return Err(KmsError::validation("this KeySpec needs another KeyUsage"));
        }
        if request.origin.as_deref().is_some_and(|o| o != "AWS_KMS") {
            return Err(KmsError::not_implemented("imported key material"));
        }
        if let Some(text) = &request.policy {
            self.check_lockout(text)?;
        }
        let scope = if request.multi_region { RegionScope::Multi } else { RegionScope::Single };
        let options = KeyOptions { spec: request.key_spec, scope, description: request.description };
        self.with(|keys| {
            let key = self.insert(keys, options, request.policy)?;
            Ok(json!({"KeyMetadata": self.metadata(&key)}))
        })
    }

    pub(super) fn describe_key(&self, request: OneKey) -> KmsResult<Value> {
        let context = Context::new();
        let access = Access { operation: "DescribeKey", names: Names::WithAliases, context: &context };
        self.with(|keys| {
            let key = self.find(keys, &request.key_id, access)?;
            Ok(json!({"KeyMetadata": self.metadata(key)}))
        })
    }

    pub(super) fn enable_key(&self, request: OneKey) -> KmsResult<Value> {
        self.change(&request.key_id, "EnableKey", |key| {
            key.not_pending()?;
            key.state = State::Enabled;
            Ok(())
        })?;
        Ok(Value::Null)
    }

    pub(super) fn disable_key(&self, request: OneKey) -> KmsResult<Value> {
        self.change(&request.key_id, "DisableKey", |key| {
            key.not_pending()?;
            key.state = State::Disabled;
            Ok(())
        })?;
        Ok(Value::Null)
    }

    pub(super) fn schedule_key_deletion(&self, request: ScheduleDeletion) -> KmsResult<Value> {
        let days = request.pending_window_in_days.unwrap_or(30);
        if !(7..=30).contains(&days) {
            return Err(KmsError::validation("PendingWindowInDays is between 7 and 30"));
        }
        let at = self.clock.now_ms().saturating_add(u64::from(days).saturating_mul(DAY_MS));
        let key = self.change(&request.key_id, "ScheduleKeyDeletion", |key| {
            key.not_pending()?;
            key.state = State::PendingDeletion;
            key.deletion_ms = Some(at);
            Ok(())
        })?;
        Ok(json!({
            "KeyId": key.arn, "DeletionDate": Seconds(at), "KeyState": key.state, "PendingWindowInDays": days
        }))
    }

    pub(super) fn cancel_key_deletion(&self, request: OneKey) -> KmsResult<Value> {
        let key = self.change(&request.key_id, "CancelKeyDeletion", |key| {
            if key.state != State::PendingDeletion {
                let message = format!("{} is not pending deletion.", key.arn);
                return Err(KmsError::refused("KMSInvalidStateException", message));
            }
            key.state = State::Disabled;
            key.deletion_ms = None;
            Ok(())
        })?;
        Ok(json!({"KeyId": key.arn}))
    }

    pub(super) fn enable_key_rotation(&self, request: EnableRotation) -> KmsResult<Value> {
        let days = request.rotation_period_in_days.unwrap_or(365);
        if !(90..=2560).contains(&days) {
            return Err(KmsError::validation("RotationPeriodInDays is between 90 and 2560"));
        }
        self.change(&request.key_id, "EnableKeyRotation", |key| {
            rotatable(key)?;
            key.rotation_days = Some(days);
            Ok(())
        })?;
        Ok(Value::Null)
    }

    pub(super) fn disable_key_rotation(&self, request: OneKey) -> KmsResult<Value> {
        self.change(&request.key_id, "DisableKeyRotation", |key| {
            rotatable(key)?;
            key.rotation_days = None;
            Ok(())
        })?;
        Ok(Value::Null)
    }

    pub(super) fn rotate_key_on_demand(&self, request: OneKey) -> KmsResult<Value> {
        let fresh = self.new_material(KeySpec::Symmetric)?;
        let key = self.change(&request.key_id, "RotateKeyOnDemand", |key| {
            rotatable(key)?;
            if key.on_demand_rotations >= MAX_ON_DEMAND_ROTATIONS {
                return Err(KmsError::refused(
                    "LimitExceededException",
                    "a key is rotated on demand 25 times at most",
                ));
            }
            key.on_demand_rotations += 1;
            key.materials.push(fresh);
            Ok(())
        })?;
        Ok(json!({"KeyId": key.arn}))
    }

    pub(super) fn get_key_rotation_status(&self, request: OneKey) -> KmsResult<Value> {
        let context = Context::new();
        let access = Access { operation: "GetKeyRotationStatus", names: Names::KeyOnly, context: &context };
        self.with(|keys| {
            let key = self.find(keys, &request.key_id, access)?;
            key.not_pending()?;
            let mut answer = json!({"KeyId": key.arn, "KeyRotationEnabled": key.rotation_days.is_some()});
            if let (Some(days), Some(map)) = (key.rotation_days, answer.as_object_mut()) {
                let newest = key.materials.last().map_or(key.created_ms, |m| m.created_ms);
                let next = newest.saturating_add(u64::from(days).saturating_mul(DAY_MS));
                map.insert("RotationPeriodInDays".into(), json!(days));
                map.insert("NextRotationDate".into(), json!(Seconds(next)));
            }
            Ok(answer)
        })
    }

    pub(super) fn create_alias(&self, request: CreateAlias) -> KmsResult<Value> {
        if !is_alias_name(&request.alias_name) {
            return Err(KmsError::refused("InvalidAliasNameException", "an alias is alias/ and a name"));
        }
        let context = Context::new();
        let access = Access { operation: "CreateAlias", names: Names::KeyOnly, context: &context };
        self.with(|keys| {
            let key = self.find(keys, &request.target_key_id, access)?;
            key.not_pending()?;
            let id = key.id.clone();
            if keys.aliases.contains_key(&request.alias_name) {
                return Err(KmsError::refused("AlreadyExistsException", "an alias of this name exists"));
            }
            keys.aliases.insert(request.alias_name, id);
            self.save_aliases(keys)?;
            Ok(Value::Null)
        })
    }

    pub(super) fn list_keys(&self, request: Listing) -> KmsResult<Value> {
        self.with(|keys| {
            let all = keys.keys.values().map(|k| (k.id.clone(), json!({"KeyId": k.id, "KeyArn": k.arn})));
            page(all, &request, "Keys")
        })
    }

    pub(super) fn list_aliases(&self, request: Listing) -> KmsResult<Value> {
        self.with(|keys| {
            let wanted = |id: &str| match &request.key_id {
                None => true,
                Some(given) => keys.keys.get(id).is_some_and(|k| k.id == *given || k.arn == *given),
            };
            let all = keys.aliases.iter().filter(|(_, id)| wanted(id)).map(|(name, id)| {
                let arn = format!("arn:aws:kms:{}:{}:{name}", self.region, self.account);
                (name.clone(), json!({"AliasName": name, "AliasArn": arn, "TargetKeyId": id}))
            });
            page(all, &request, "Aliases")
        })
    }

    /// Finds a key by id or ARN, checks the policy, changes it and writes it to disk.
    fn change(
        &self,
        given: &str,
        operation: &'static str,
        change: impl FnOnce(&mut Key) -> KmsResult<()>,
    ) -> KmsResult<Key> {
        let context = Context::new();
        let access = Access { operation, names: Names::KeyOnly, context: &context };
        self.with(|keys| {
            let id = self.find(keys, given, access)?.id.clone();
            self.update(keys, &id, change)
        })
    }

    fn metadata<'a>(&'a self, key: &'a Key) -> Metadata<'a> {
        let symmetric = key.spec == KeySpec::Symmetric;
        Metadata {
            account: &self.account,
            key_id: &key.id,
            arn: &key.arn,
            creation_date: Seconds(key.created_ms),
            enabled: key.state == State::Enabled,
            description: &key.description,
            key_usage: usage_of(key.spec),
            key_state: key.state,
            deletion_date: key.deletion_ms.map(Seconds),
            origin: "AWS_KMS",
            key_manager: "CUSTOMER",
            key_spec: key.spec,
            customer_master_key_spec: key.spec,
            encryption_algorithms: symmetric.then_some(["SYMMETRIC_DEFAULT"]),
            signing_algorithms: (!symmetric).then_some(["ECDSA_SHA_256"]),
            multi_region: key.multi_region,
        }
    }

    /// A policy that would lock its own administrator out is refused, as in AWS.
    pub(super) fn check_lockout(&self, text: &str) -> KmsResult<()> {
        let parsed = policy::parse(text)?;
        let user = format!("arn:aws:iam::{}:user/{}", self.account, crate::ACCESS_KEY_ID);
        let context = Context::new();
        let request = policy::Request {
            account: &self.account,
            user: &user,
            action: "kms:PutKeyPolicy",
            context: &context,
        };
        if policy::allows(&parsed, request) {
            return Ok(());
        }
        Err(KmsError::refused(
            "MalformedPolicyDocumentException",
            "The new key policy will not allow you to update the key policy in the future.",
        ))
    }
}

fn usage_of(spec: KeySpec) -> &'static str {
    match spec {
        KeySpec::Symmetric => "ENCRYPT_DECRYPT",
        KeySpec::EccP256 => "SIGN_VERIFY",
    }
}

fn rotatable(key: &Key) -> KmsResult<()> {
    key.usable()?;
    if key.spec == KeySpec::Symmetric {
        return Ok(());
    }
    Err(KmsError::refused("UnsupportedOperationException", "only symmetric keys rotate"))
}

fn page(all: impl Iterator<Item = (String, Value)>, request: &Listing, field: &str) -> KmsResult<Value> {
    let limit = request.limit.unwrap_or(100);
    if !(1..=MAX_PAGE).contains(&limit) {
        return Err(KmsError::validation("Limit is between 1 and 1000"));
    }
    let after = |name: &String| request.marker.as_ref().is_none_or(|marker| name > marker);
    let mut rest = all.filter(|(name, _)| after(name));
    let items: Vec<(String, Value)> = rest.by_ref().take(limit).collect();
    let truncated = rest.next().is_some();
    let marker = items.last().map(|(name, _)| name.clone()).filter(|_| truncated);
    let values: Vec<Value> = items.into_iter().map(|(_, value)| value).collect();
    let mut answer = json!({"Truncated": truncated});
    if let Some(map) = answer.as_object_mut() {
        map.insert(field.to_owned(), Value::Array(values));
        if let Some(marker) = marker {
            map.insert("NextMarker".into(), Value::String(marker));
        }
    }
    Ok(answer)
}
