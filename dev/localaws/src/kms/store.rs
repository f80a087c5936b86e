//! The keys and aliases in memory and on disk, and how a caller's key id finds its key.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::PathBuf;

use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair};
use parking_lot::Mutex;
use uuid::Uuid;

use super::error::{KmsError, KmsResult};
use super::key::{Key, KeyInfo, KeyOptions, KeySpec, Material, RegionScope, State};
use super::policy;
use super::wire::{Blob, Context};
use crate::clock::Clock;
use crate::{ACCESS_KEY_ID, Config, files, random};

/// The key service of one region.
#[derive(Debug)]
pub(crate) struct Kms {
    pub(super) dir: PathBuf,
    pub(crate) region: String,
    pub(super) account: String,
    pub(super) clock: Clock,
    state: Mutex<Keys>,
}

/// All keys by id, and aliases by name.
#[derive(Default)]
pub(super) struct Keys {
    pub(super) keys: BTreeMap<String, Key>,
    pub(super) aliases: BTreeMap<String, String>,
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Keys").field("keys", &self.keys.len()).finish_non_exhaustive()
    }
}

/// Which names an operation takes for a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Names {
    /// Key id, key ARN, alias name or alias ARN.
    WithAliases,
    /// Key id or key ARN, as the operations that change a key take them.
    KeyOnly,
}

/// Why a key cannot protect an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SseKeyError {
    NotFound,
    Disabled,
    PendingDeletion,
    WrongUsage,
    Denied,
}

impl Kms {
    /// Loads the keys in `dir/kms`.
    pub(crate) fn open(config: &Config, clock: Clock) -> io::Result<Self> {
        let dir = config.dir.join("kms");
        let keys_dir = dir.join("keys");
        fs::create_dir_all(&keys_dir)?;
        let mut keys = BTreeMap::new();
        for entry in fs::read_dir(&keys_dir)? {
            let path = entry?.path();
            match path.extension().and_then(|e| e.to_str()) {
                Some("json") => {
                    let key: Key = files::read_json(&path)?;
                    keys.insert(key.id.clone(), key);
                }
                // Left behind by a process that was killed while it wrote.
                Some("tmp") => files::remove_if_there(&path)?,
                _ => {}
            }
        }
        let aliases_path = dir.join("aliases.json");
        let aliases = if aliases_path.exists() { files::read_json(&aliases_path)? } else { BTreeMap::new() };
        let state = Mutex::new(Keys { keys, aliases });
        Ok(Self { dir, region: config.region.clone(), account: config.account.clone(), clock, state })
    }

    /// Runs one operation alone; keys whose deletion date has come are gone before it starts.
    pub(super) fn with<T>(&self, operation: impl FnOnce(&mut Keys) -> KmsResult<T>) -> KmsResult<T> {
        let mut state = self.state.lock();
        let now = self.clock.now_ms();
        let due: Vec<String> = state
            .keys
            .values()
            .filter(|k| k.state == State::PendingDeletion && k.deletion_ms.is_some_and(|at| at <= now))
            .map(|k| k.id.clone())
            .collect();
        for id in due {
            files::remove_if_there(&self.key_path(&id))?;
            state.keys.remove(&id);
            state.aliases.retain(|_, target| *target != id);
            self.save_aliases(&state)?;
        }
        operation(&mut state)
    }

    /// Makes a key and writes it to disk.
    pub(crate) fn create(&self, options: KeyOptions) -> io::Result<KeyInfo> {
        self.with(|keys| self.insert(keys, options, None).map(|key| key.info())).map_err(io::Error::other)
    }

    /// The key of an alias, made when missing.
    pub(crate) fn ensure_alias(&self, alias: &str, spec: KeySpec) -> io::Result<KeyInfo> {
        if !is_alias_name(alias) {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                format!("{alias} is not of the form alias/name"),
            ));
        }
        self.with(|keys| {
            if let Some(key) = keys.aliases.get(alias).and_then(|id| keys.keys.get(id)) {
                key.of_spec(spec)?;
                return Ok(key.info());
            }
            let options = KeyOptions { spec, ..KeyOptions::default() };
            let info = self.insert(keys, options, None)?.info();
            keys.aliases.insert(alias.to_owned(), info.id.clone());
            self.save_aliases(keys)?;
            Ok(info)
        })
        .map_err(io::Error::other)
    }

    /// Adds a new key to memory and disk.
    pub(super) fn insert(
        &self,
        keys: &mut Keys,
        options: KeyOptions,
        policy: Option<String>,
    ) -> KmsResult<Key> {
        let raw = random::bytes::<16>()?;
        let multi_region = options.scope == RegionScope::Multi;
        let id = match options.scope {
            RegionScope::Single => uuid::Builder::from_random_bytes(raw).into_uuid().to_string(),
            RegionScope::Multi => format!("mrk-{}", Uuid::from_bytes(raw).simple()),
        };
        let key = Key {
            arn: format!("arn:aws:kms:{}:{}:key/{id}", self.region, self.account),
            id: id.clone(),
            spec: options.spec,
            description: options.description,
            created_ms: self.clock.now_ms(),
            state: State::Enabled,
            deletion_ms: None,
            multi_region,
            rotation_days: None,
            on_demand_rotations: 0,
            policy: policy.unwrap_or_else(|| policy::default_policy(&self.account)),
            materials: vec![self.new_material(options.spec)?],
        };
        self.save(&key)?;
        keys.keys.insert(id, key.clone());
        Ok(key)
    }

    /// Fresh key bytes of a kind.
    pub(super) fn new_material(&self, spec: KeySpec) -> KmsResult<Material> {
        let bytes = match spec {
            KeySpec::Symmetric => random::bytes::<32>()?.to_vec(),
            KeySpec::EccP256 => {
                let rng = aws_lc_rs::rand::SystemRandom::new();
                EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &rng)
                    .map_err(|e| KmsError::internal(e.to_string()))?
                    .as_ref()
                    .to_vec()
            }
        };
        Ok(Material { bytes: Blob(bytes), created_ms: self.clock.now_ms() })
    }

    /// Changes a copy of a key, writes it to disk, and only then lets others see it.
    pub(super) fn update(
        &self,
        keys: &mut Keys,
        id: &str,
        change: impl FnOnce(&mut Key) -> KmsResult<()>,
    ) -> KmsResult<Key> {
        let mut key = keys.keys.get(id).cloned().ok_or_else(|| KmsError::not_found(id))?;
        change(&mut key)?;
        self.save(&key)?;
        keys.keys.insert(id.to_owned(), key.clone());
        Ok(key)
    }

    pub(super) fn save_aliases(&self, keys: &Keys) -> KmsResult<()> {
        Ok(files::write_json(&self.dir.join("aliases.json"), &keys.aliases)?)
    }

    /// Finds a key by any name the operation takes, and checks that its policy allows the operation.
    pub(super) fn find<'k>(&self, keys: &'k Keys, given: &str, access: Access<'_>) -> KmsResult<&'k Key> {
        let id = self.resolve(keys, given, access.names)?;
        let key = keys.keys.get(&id).ok_or_else(|| self.no_such_key(&id))?;
        let user = format!("arn:aws:iam::{}:user/{ACCESS_KEY_ID}", self.account);
        let action = format!("kms:{}", access.operation);
        let request =
            policy::Request { account: &self.account, user: &user, action: &action, context: access.context };
        if !policy::allows(&policy::parse(&key.policy)?, request) {
            let message =
                format!("User: {user} is not authorized to perform: {action} on resource: {}", key.arn);
            return Err(KmsError::refused("AccessDeniedException", message));
        }
        Ok(key)
    }

    /// Whether an object may be protected with this key, and its ARN.
    pub(crate) fn check_sse_key(
        &self,
        given: &str,
        operation: &'static str,
        context: &Context,
    ) -> Result<String, SseKeyError> {
        let access = Access { operation, names: Names::WithAliases, context };
        let outcome = self.with(|keys| {
            let key = self.find(keys, given, access)?;
            Ok((key.arn.clone(), key.state, key.spec))
        });
        match outcome {
            Err(e) if e.code == "AccessDeniedException" => Err(SseKeyError::Denied),
            Err(_) => Err(SseKeyError::NotFound),
            Ok((_, State::Disabled, _)) => Err(SseKeyError::Disabled),
            Ok((_, State::PendingDeletion, _)) => Err(SseKeyError::PendingDeletion),
            Ok((_, _, KeySpec::EccP256)) => Err(SseKeyError::WrongUsage),
            Ok((arn, State::Enabled, KeySpec::Symmetric)) => Ok(arn),
        }
    }

    fn resolve(&self, keys: &Keys, given: &str, names: Names) -> KmsResult<String> {
        let local = if given.starts_with("arn:") { self.local_part(given)? } else { given };
        if local.starts_with("alias/") {
            if names == Names::KeyOnly {
                return Err(KmsError::validation("this operation takes a key id or a key ARN, not an alias"));
            }
            let target = keys.aliases.get(local);
            return target.cloned().ok_or_else(|| {
                KmsError::not_found(format!(
                    "Alias arn:aws:kms:{}:{}:{local} is not found.",
                    self.region, self.account
                ))
            });
        }
        match local.strip_prefix("key/") {
            Some(id) if given.starts_with("arn:") => Ok(id.to_owned()),
            _ => Ok(local.to_owned()),
        }
    }

    /// The part of an ARN after the account; an ARN of another region or account is not found here, as in AWS.
    fn local_part<'a>(&self, arn: &'a str) -> KmsResult<&'a str> {
        let mut parts = arn.splitn(6, ':');
        let head = [parts.next(), parts.next(), parts.next()];
        let (region, account, rest) = (parts.next(), parts.next(), parts.next());
        let (Some(region), Some(account), Some(rest)) = (region, account, rest) else {
            return Err(KmsError::refused("InvalidArnException", format!("{arn} is not a key ARN")));
        };
        if head != [Some("arn"), Some("aws"), Some("kms")] {
            return Err(KmsError::refused("InvalidArnException", format!("{arn} is not a key ARN")));
        }
        if region != self.region {
            return Err(KmsError::not_found(format!("Invalid arn {region}")));
        }
        if account != self.account {
            return Err(KmsError::not_found(format!("Invalid account {account}")));
        }
        Ok(rest)
    }

    pub(super) fn no_such_key(&self, id: &str) -> KmsError {
        KmsError::not_found(format!(
            "Key 'arn:aws:kms:{}:{}:key/{id}' does not exist",
            self.region, self.account
        ))
    }

    fn save(&self, key: &Key) -> KmsResult<()> {
        Ok(files::write_json(&self.key_path(&key.id), key)?)
    }

    fn key_path(&self, id: &str) -> PathBuf {
        self.dir.join("keys").join(format!("{id}.json"))
    }
}

/// What an operation wants from a key.
#[derive(Clone, Copy, Debug)]
pub(super) struct Access<'a> {
    pub(super) operation: &'static str,
    pub(super) names: Names,
    pub(super) context: &'a Context,
}

/// `alias/` and 1 to 250 letters, digits, `/`, `_` or `-`; `alias/aws/…` belongs to AWS.
pub(super) fn is_alias_name(text: &str) -> bool {
    let Some(name) = text.strip_prefix("alias/") else { return false };
    (1..=250).contains(&name.len())
        && !name.starts_with("aws/")
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"/_-".contains(&b))
}
