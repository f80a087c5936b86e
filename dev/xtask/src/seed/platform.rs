//! The platform's side of a fresh stack: its first administrator, the regions and their shards.
use std::path::Path;
use std::time::Duration;

use serde_json::json;

use crate::fail::{Fail, Outcome};
use crate::http::{Call, Client};
use crate::layout::{LocalRegion, REGIONS, local};
use crate::secrets;
use crate::seed::Login;
use crate::stack::Stack;
use crate::stack::bring_up::finish;
use crate::stack::configs::SHARD;
use crate::stack::describe::control_url;
use crate::stack::roles::CONTROL;

/// A platform administrator who has signed in.
pub(crate) struct Platform {
    /// Their browser.
    pub client: Client,
    /// Their login.
    pub login: Login,
}

const ADMIN: &str = "admin@platform.example";

/// Signs in, making the administrator first where there is none, and registers the regions.
pub(crate) async fn prepare(stack: &Stack) -> Outcome<Platform> {
    let file = stack.home.secrets("control/platform-admin");
    let password = secrets::ensure_password(&file)?;
    let mut client = Client::new(&stack.home, &control_url(stack))?;
    let credentials = json!({ "login": ADMIN, "password": password });
    let mut answer = client.send(Call::post("/platform/v1/sessions", &credentials)).await?;
    if answer.status == http::StatusCode::UNAUTHORIZED {
        create_admin(stack, &file).await?;
        answer = client.expect(Call::post("/platform/v1/sessions", &credentials)).await?;
    }
    client.keep_csrf(&answer.field("csrf_token")?);
    let login =
        Login { role: "platform_admin".to_owned(), email: ADMIN.to_owned(), password, totp_secret: None };
    let platform = Platform { client, login };
    platform.register_regions(stack).await?;
    Ok(platform)
}

async fn create_admin(stack: &Stack, password_file: &Path) -> Outcome<()> {
    let mut command = stack.domicile("admin", &stack.config_file(CONTROL));
    command.args(["platform-admin", "create", "--login", ADMIN, "--password-file"]).arg(password_file);
    finish("domicile admin platform-admin create", command, ADMIN_WAIT_MAX).await.map(drop)
}

async fn move_region(stack: &Stack, region: &LocalRegion, peer: &str, public_port: u16) -> Outcome<()> {
    let mut command = stack.domicile("admin", &stack.config_file(CONTROL));
    command.args(["regions", "move", "--region", region.name, "--peer-front-door", peer]);
    command.arg("--public-port").arg(public_port.to_string());
    finish("domicile admin regions move", command, ADMIN_WAIT_MAX).await.map(drop)
}

impl Platform {
    /// Registers the regions, or tells the platform where those it knows are now: the stack may have other ports than last
    /// time.
    async fn register_regions(&self, stack: &Stack) -> Outcome<()> {
        let known = self.client.expect(Call::get("/platform/v1/regions")).await?.json;
        let known = known.get("items").and_then(serde_json::Value::as_array).cloned().unwrap_or_default();
        for region in &REGIONS {
            let ports = stack.ports.region(region);
            let (peer, public) = (local(ports.front_door_peer()), ports.front_door());
            let before = known.iter().find(|record| record["name"] == region.name);
            match before {
                None => {
                    let record = json!({
                        "name": region.name,
                        "code": region.code,
                        "jurisdiction": region.jurisdiction,
                        "peer_front_door": peer,
                        "public_port": public,
                        "transit": "passthrough",
                    });
                    self.client.expect(Call::post("/platform/v1/regions", &record)).await?;
                }
                Some(before) if before["peer_front_door"] != peer || before["public_port"] != public => {
                    move_region(stack, region, &peer, public).await?;
                }
                Some(_) => {}
            }
            let shard = json!({ "region": region.name, "id": SHARD, "tenants_max": 1000 });
            self.post_unless_there("/platform/v1/shards", &shard).await?;
        }
        Ok(())
    }

    async fn post_unless_there(&self, path: &str, body: &serde_json::Value) -> Outcome<()> {
        let answer = self.client.send(Call::post(path, body)).await?;
        if answer.status.is_success() || answer.status == http::StatusCode::CONFLICT {
            return Ok(());
        }
        Err(Fail::new(format!("POST {path} was answered with {}: {}", answer.status, answer.text)))
    }
}

const ADMIN_WAIT_MAX: Duration = Duration::from_secs(30);
