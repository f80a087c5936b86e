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
    /// Their login, and one of each other role of the platform.
    pub logins: Vec<Login>,
}

/// Runs the platform.
const ADMIN: Person =
    Person { login: "admin@platform.example", role: "administrator", file: "platform-admin" };
/// Helps its clinics.
const SUPPORT: Person =
    Person { login: "support@platform.example", role: "support", file: "platform-support" };

/// Somebody of the platform.
#[derive(Clone, Copy)]
struct Person {
    login: &'static str,
    role: &'static str,
    /// Where the password is kept, among the control plane's secrets.
    file: &'static str,
}

/// Signs in, making those of the platform first where there is none, and registers the regions.
pub(crate) async fn prepare(stack: &Stack) -> Outcome<Platform> {
    let mut client = Client::new(&stack.home, &control_url(stack))?;
    let (admin, session) = known(stack, &client, ADMIN).await?;
    let other = Client::new(&stack.home, &control_url(stack))?;
    let (support, _session) = known(stack, &other, SUPPORT).await?;
    client.keep_csrf(&session);
    let login = |role: &str, person: Person, password: String| Login {
        role: role.to_owned(),
        email: person.login.to_owned(),
        password,
        totp_secret: None,
    };
    let logins = vec![login("platform_admin", ADMIN, admin), login("platform_support", SUPPORT, support)];
    let platform = Platform { client, logins };
    platform.register_regions(stack).await?;
    Ok(platform)
}

/// Signs somebody in who is made first where there is none; their password and the session's token.
async fn known(stack: &Stack, client: &Client, person: Person) -> Outcome<(String, String)> {
    let file = stack.home.secrets(&format!("control/{}", person.file));
    let password = secrets::ensure_password(&file)?;
    let credentials = json!({ "login": person.login, "password": password });
    let mut answer = client.send(Call::post("/platform/v1/sessions", &credentials)).await?;
    if answer.status == http::StatusCode::UNAUTHORIZED {
        create(stack, person, &file).await?;
        answer = client.expect(Call::post("/platform/v1/sessions", &credentials)).await?;
    }
    Ok((password, answer.field("csrf_token")?))
}

async fn create(stack: &Stack, person: Person, password_file: &Path) -> Outcome<()> {
    let mut command = stack.domicile("admin", &stack.config_file(CONTROL));
    command.args(["platform-admin", "create", "--login", person.login, "--role", person.role]);
    command.arg("--password-file").arg(password_file);
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
