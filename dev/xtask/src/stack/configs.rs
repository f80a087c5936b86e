//! Writes the configuration file of every role, from the stack's places, ports and keys.
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::fail::{Attempt, Outcome};
use crate::layout::{BASE, LocalRegion, REGIONS, local};
use crate::pki::{Authority, Pki};
use crate::places::{read_text, write_private};
use crate::portal;
use crate::secrets;
use crate::stack::databases::{self, Login};
use crate::stack::roles::{CONTROL, Role, process_name};
use crate::stack::{Stack, sockets};

/// The key id of the directory's signing key and of every first HMAC key.
const FIRST_KID: &str = "k1";
/// How long a front door keeps an idle connection to a backend.
const BACKEND_IDLE_MS: u64 = 500;
/// The only shard of a local region.
pub(crate) const SHARD: u16 = 1;

/// What role configurations are made of.
struct Parts<'a> {
    stack: &'a Stack,
    pki: Pki,
    /// `kid:base64` of the directory's public key.
    directory_key: String,
}

/// Makes the shared keys where they are missing and writes all configuration files anew.
pub(crate) fn write_all(stack: &Stack) -> Outcome<()> {
    let public = secrets::ensure_signing_key(&signing_key(stack))?;
    for region in &REGIONS {
        secrets::ensure_keyring(&route_keys(stack, region, "route"), FIRST_KID)?;
        secrets::ensure_keyring(&route_keys(stack, region, "receipt"), FIRST_KID)?;
    }
    let parts = Parts { stack, pki: Pki::at(&stack.home), directory_key: format!("{FIRST_KID}:{public}") };
    write(stack, CONTROL, &parts.control())?;
    for region in &REGIONS {
        write(stack, &process_name(region, Role::FrontDoor), &parts.front_door(region)?)?;
        write(stack, &process_name(region, Role::Backend), &parts.backend(region)?)?;
        write(stack, &process_name(region, Role::Worker), &parts.worker(region)?)?;
    }
    Ok(())
}

/// Where the local KMS writes the ARN of the region's key when it starts.
fn key_arn_file(stack: &Stack, region: &LocalRegion) -> PathBuf {
    stack.home.data(region.code).join("aws/kms/key-arn")
}

/// Where it writes the ARN of the key that signs the audit log.
fn signing_arn_file(stack: &Stack, region: &LocalRegion) -> PathBuf {
    stack.home.data(region.code).join("aws/kms/signing-key-arn")
}

/// Whether the local KMS has written both.
pub(crate) fn has_keys(stack: &Stack, region: &LocalRegion) -> bool {
    key_arn_file(stack, region).is_file() && signing_arn_file(stack, region).is_file()
}

/// The region's archive, which has object lock.
pub(crate) fn archive(region: &LocalRegion) -> String {
    format!("domicile-local-archive-{}", region.code)
}

/// The region's bucket.
pub(crate) fn bucket(region: &LocalRegion) -> String {
    format!("domicile-local-{}", region.code)
}

fn write(stack: &Stack, name: &str, config: &Value) -> Outcome<()> {
    let table = toml::Value::try_from(config).attempt(|| format!("lay out the configuration of {name}"))?;
    let text = toml::to_string_pretty(&table).attempt(|| format!("lay out the configuration of {name}"))?;
    let head = "# Written by `make up` at every start; changes here do not last.\n";
    write_private(&stack.config_file(name), format!("{head}{text}").as_bytes())
}

fn signing_key(stack: &Stack) -> PathBuf {
    stack.home.secrets("control/directory-signing-key.pk8")
}

fn route_keys(stack: &Stack, region: &LocalRegion, kind: &str) -> PathBuf {
    stack.home.secrets(&format!("{}/{kind}-keys", region.code))
}

/// The fields of both objects.
fn joined(mut first: Value, second: Value) -> Value {
    if let (Some(fields), Value::Object(more)) = (first.as_object_mut(), second) {
        fields.extend(more);
    }
    first
}

impl Parts<'_> {
    fn control(&self) -> Value {
        let ports = self.stack.ports;
        let public = self.pki.pair("control/public");
        let feed = self.pki.pair("control/feed");
        let own = json!({
            "base": BASE,
            "public_url": format!("https://control.{BASE}:{}", ports.control()),
            "listen": local(ports.control()),
            "admin_listen": local(ports.control_admin()),
            "feed_listen": local(ports.feed()),
            "tls": { "cert": public.cert, "key": public.key },
            "feed_tls": { "cert": feed.cert, "key": feed.key, "client_ca": self.pki.authority(Authority::Feed) },
            "database": self.database("control", ports.control_postgres(), databases::CONTROL_DATABASE, Login::Control),
            "migrator": self.login(CONTROL, Login::ControlOwner),
            "signing": { "key_file": signing_key(self.stack), "kid": FIRST_KID },
            // Scripts sign in too, with the login that `stack.json` names.
            "sign_in": "passkey_or_password",
        });
        joined(own, self.portal())
    }

    /// The built portal, where there is one: a stack for benchmarks needs none.
    fn portal(&self) -> Value {
        let dir = portal::dist(&self.stack.root);
        if dir.is_dir() { json!({ "portal_dir": dir }) } else { json!({}) }
    }

    fn front_door(&self, region: &LocalRegion) -> Outcome<Value> {
        let ports = self.stack.ports.region(region);
        let code = region.code;
        let tenant = self.pki.pair(&format!("{code}/tenant"));
        let bare = self.pki.pair(&format!("{code}/bare"));
        let client = self.pki.pair(&format!("{code}/backend-client"));
        let socket = sockets::place(self.stack, &format!("{code}/front-door.sock"))?;
        Ok(json!({
            "region": region.name,
            "base": BASE,
            "name": format!("fd-{code}-1"),
            "listen": local(ports.front_door()),
            "peer_listen": local(ports.front_door_peer()),
            "peer_trusted": ["127.0.0.1/32"],
            "admin_listen": local(ports.front_door_admin()),
            "handoff_socket": socket,
            "threads": 0,
            "backends": [local(ports.backend())],
            // A backend that stops waits for longer than this, and on a developer's machine somebody waits for it.
            "limits": { "backend_idle_ms": BACKEND_IDLE_MS },
            "tls": { "certs": [
                { "cert": tenant.cert, "key": tenant.key },
                { "cert": bare.cert, "key": bare.key },
            ] },
            "backend_tls": {
                "ca": self.pki.authority(Authority::Backend(code)),
                "cert": client.cert,
                "key": client.key,
                "server_name": format!("backend.{code}.domicile.internal"),
            },
            "directory": self.directory(region, Role::FrontDoor),
            "route": self.route(region),
        }))
    }

    fn backend(&self, region: &LocalRegion) -> Outcome<Value> {
        let ports = self.stack.ports.region(region);
        let server = self.pki.pair(&format!("{}/backend-server", region.code));
        let client_ca = self.pki.authority(Authority::Backend(region.code));
        let own = json!({
            "listen": local(ports.backend()),
            "admin_listen": local(ports.backend_admin()),
            "drain_announce_ms": 2 * BACKEND_IDLE_MS,
            "route": self.route(region),
            "tls": { "cert": server.cert, "key": server.key, "client_ca": client_ca },
        });
        Ok(joined(joined(self.regional(region, Role::Backend)?, own), self.portal()))
    }

    fn worker(&self, region: &LocalRegion) -> Outcome<Value> {
        let own = json!({
            "admin_listen": local(self.stack.ports.region(region).worker_admin()),
            "mail": { "from": format!("no-reply@{BASE}"), "dir": self.stack.home.mail() },
            "sms": { "dir": self.stack.home.sms() },
            // No scanner runs on a developer's machine; the other checks are made all the same.
            "documents": { "scanner": { "policy": "off" } },
            "migrator": self.login(region.code, Login::Migrator),
        });
        Ok(joined(self.regional(region, Role::Worker)?, own))
    }

    /// What backend and worker share.
    fn regional(&self, region: &LocalRegion, role: Role) -> Outcome<Value> {
        let ports = self.stack.ports.region(region);
        let code = region.code;
        let aws = self.pki.authority(Authority::Aws);
        let database = self.database(code, ports.postgres(), databases::SHARD_DATABASE, Login::App);
        let shard = joined(json!({ "id": SHARD }), database);
        Ok(json!({
            "region": region.name,
            "base": BASE,
            "public_port": ports.front_door(),
            "directory": self.directory(region, role),
            "regional": {
                "shards": [shard],
                "key_store": self.database(code, ports.postgres(), databases::KEY_DATABASE, Login::App),
                "kms": {
                    "endpoint": format!("https://{}", local(ports.kms())),
                    "key_id": read_text(&key_arn_file(self.stack, region))?.trim(),
                    "ca": aws,
                },
                "s3": { "endpoint": format!("https://{}", local(ports.s3())), "bucket": bucket(region), "ca": aws },
                "audit": {
                    "bucket": archive(region),
                    "key_id": read_text(&key_arn_file(self.stack, region))?.trim(),
                    "signing_key_id": read_text(&signing_arn_file(self.stack, region))?.trim(),
                },
            },
        }))
    }

    fn route(&self, region: &LocalRegion) -> Value {
        json!({ "keys": route_keys(self.stack, region, "route"), "receipts": route_keys(self.stack, region, "receipt") })
    }

    fn directory(&self, region: &LocalRegion, role: Role) -> Value {
        let client = self.pki.pair(&format!("{}/feed-{}", region.code, role.name()));
        json!({
            "url": format!("https://{}", local(self.stack.ports.feed())),
            "ca": self.pki.authority(Authority::Feed),
            "cert": client.cert,
            "key": client.key,
            "server_name": "feed.control.domicile.internal",
            "keys": [self.directory_key],
            "file": self.stack.home.data(region.code).join(role.name()).join("directory.bin"),
        })
    }

    fn login(&self, part: &str, login: Login) -> Value {
        json!({ "user": login.user(), "password_file": databases::password_file(self.stack, part, login) })
    }

    fn database(&self, part: &str, port: u16, database: &str, login: Login) -> Value {
        json!({
            "host": "127.0.0.1",
            "port": port,
            "database": database,
            "user": login.user(),
            "password_file": databases::password_file(self.stack, part, login),
            "ca": self.pki.authority(Authority::Postgres),
        })
    }
}
