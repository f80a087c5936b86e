//! A backend as a process of its own, beside the one that a world runs in the test: for what only a process has, such as memory.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};
use testkit::TestRegion;

use super::world::{BASE, NAME, PUBLIC_PORT, World};
use crate::control::{is_ready, until};

/// A running backend; it dies with the test.
pub(crate) struct Backend {
    child: Child,
    pub(crate) port: u16,
    _folder: tempfile::TempDir,
}

impl Drop for Backend {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl Backend {
    /// Starts one over the world's region and waits until it is ready. It has the directory from its last good copy; there is
    /// no control plane.
    pub(crate) async fn start(world: &World) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::write(at("directory.bin"), &world.snapshot).unwrap();
        for (name, line) in ["route.keys", "receipt.keys"].iter().zip(&world.key_lines) {
            std::fs::write(at(name), line).unwrap();
        }
        let (listen, admin) = (free_address(), free_address());
        let server = world.pki.server(&[NAME, "*.us.domicile.localhost"]);
        let feed = world.pki.client("backend.us-east-1");
        let config = json!({
            "region": world.region.config.region.to_string(),
            "base": BASE, "listen": listen, "admin_listen": admin, "public_port": PUBLIC_PORT, "threads": 2,
            "tls": { "cert": server.cert, "key": server.key, "client_ca": world.pki.ca() },
            "directory": {
                "url": "https://127.0.0.1:1", "ca": world.pki.ca(), "cert": feed.cert, "key": feed.key,
                "server_name": "feed.control.domicile.internal", "keys": [world.signer.public_key()],
                "file": at("directory.bin"),
            },
            "route": { "keys": at("route.keys"), "receipts": at("receipt.keys") },
            "regional": regional_part(&world.region),
        });
        let file = at("backend.toml");
        std::fs::write(&file, toml::to_string(&toml::Value::try_from(config).unwrap()).unwrap()).unwrap();
        let said = at("backend.log");
        let log = std::fs::File::create(&said).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_domicile"));
        command.args(["backend", "--config"]).arg(&file);
        command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        let mut backend = Self { child: command.spawn().unwrap(), port: listen.port(), _folder: folder };
        until("a backend that is ready", async || {
            if let Some(ended) = backend.child.try_wait().unwrap() {
                panic!("the backend {ended}: {}", std::fs::read_to_string(&said).unwrap());
            }
            is_ready(admin).await
        })
        .await;
        backend
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }
}

/// An address that nobody listened on a moment ago.
fn free_address() -> SocketAddr {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap()
}

/// The `[regional]` part of a process's configuration.
pub(crate) fn regional_part(region: &TestRegion) -> Value {
    let config = &region.config;
    let database = |db: &tenancy::config::DbConfig| {
        json!({
            "host": db.host, "port": db.port, "database": db.database, "user": db.user,
            "password_file": db.password_file, "ca": db.ca,
        })
    };
    let shard = |shard: &tenancy::config::ShardConfig| {
        let mut value = database(&shard.db());
        value["id"] = json!(shard.id);
        value
    };
    json!({
        "shards": config.shards.iter().map(shard).collect::<Vec<_>>(),
        "key_store": database(&config.key_store),
        "kms": { "endpoint": config.kms.endpoint, "key_id": config.kms.key_id, "ca": config.kms.ca },
        "s3": { "endpoint": config.s3.endpoint, "bucket": config.s3.bucket, "ca": config.s3.ca },
        "audit": {
            "bucket": config.audit.bucket, "key_id": config.audit.key_id,
            "signing_key_id": config.audit.signing_key_id,
        },
    })
}
