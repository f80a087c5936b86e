//! The command line: the same functions as the platform API, as aligned text or JSON.

use std::net::SocketAddr;
use std::process::{Command, Output, Stdio};

use app::control::access::Role;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, BufReader};

use super::support::{PATIENCE, TestControl, is_ready, until};

async fn admin(control: &TestControl, args: &[&str]) -> Output {
    run(control, "admin", args).await
}

async fn run(control: &TestControl, role: &str, args: &[&str]) -> Output {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_domicile"));
    command.arg(role).arg("--config").arg(&control.config_file).args(args);
    tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
}

async fn json(control: &TestControl, args: &[&str]) -> Value {
    let output = admin(control, &[&["--json"], args].concat()).await;
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

async fn refused(control: &TestControl, args: &[&str]) -> String {
    let output = admin(control, args).await;
    assert!(!output.status.success(), "{args:?} succeeded");
    assert!(output.stdout.is_empty());
    String::from_utf8(output.stderr).unwrap()
}

#[tokio::test]
async fn an_operator_runs_the_platform_from_a_shell() {
    let control = TestControl::start().await;
    let us = ["regions", "add", "--name", "us-east-1", "--code", "us", "--jurisdiction", "US"];
    let at = ["--peer-front-door", "127.0.0.1:7418", "--public-port", "7410", "--transit", "passthrough"];
    assert_eq!(json(&control, &[&us[..], &at].concat()).await[0]["region"], "us-east-1");
    assert!(refused(&control, &[&us[..], &at].concat()).await.contains("exists already"));
    json(&control, &["shards", "add", "--region", "us-east-1", "--id", "1", "--tenants-max", "10"]).await;
    assert_eq!(json(&control, &["shards", "list"]).await[0]["tenants_max"], 10);

    let onboard =
        ["tenants", "onboard", "--slug", "lotus", "--legal-name", "लोटस क्लिनिक", "--region", "us-east-1"];
    let made = json(&control, &[&onboard[..], &["--first-admin-email", "a@lotus.example"]].concat()).await;
    assert_eq!(
        (made[0]["state"].clone(), made[0]["legal_name"].clone()),
        ("provisioning".into(), "लोटस क्लिनिक".into())
    );
    assert!(
        refused(&control, &[&onboard[..], &["--first-admin-email", "a@lotus.example"]].concat())
            .await
            .contains("slug")
    );
    let steps = json(&control, &["tenants", "steps", "lotus"]).await;
    assert_eq!((steps[0]["step"].clone(), steps[0]["state"].clone()), ("schemas".into(), "pending".into()));
    assert!(
        refused(&control, &["tenants", "suspend", "lotus"]).await.contains("provisioning cannot suspend")
    );

    let worker = control.peer("worker.us-east-1");
    let watch = admin(&control, &["tenants", "steps", "lotus", "--watch"]);
    let work = async { worker.finish(worker.tasks().await[0]["task_id"].as_str().unwrap()).await };
    let (watched, ()) = tokio::join!(watch, work);
    assert!(watched.status.success());
    let text = String::from_utf8(watched.stdout).unwrap();
    assert!(text.contains("TASK") && text.contains("invitation  done"), "{text}");

    assert_eq!(json(&control, &["tenants", "suspend", "lotus"]).await[0]["state"], "suspended");
    let id = made[0]["id"].as_str().unwrap();
    assert_eq!(json(&control, &["tenants", "resume", id]).await[0]["state"], "active");
    assert!(
        refused(&control, &["tenants", "offboard", "lotus", "--confirm", "locus"])
            .await
            .contains("--confirm")
    );
    assert_eq!(
        json(&control, &["tenants", "offboard", "lotus", "--confirm", "lotus"]).await[0]["state"],
        "offboarding"
    );
    assert!(refused(&control, &["tenants", "suspend", "cedar"]).await.contains("no such tenant"));
    assert_eq!(json(&control, &["tenants", "list"]).await.as_array().unwrap().len(), 1);
    json(&control, &["regions", "transit", "--region", "us-east-1", "--mode", "refuse"]).await;
    assert_eq!(json(&control, &["regions", "list"]).await[0]["transit"], "refuse");
    let elsewhere = ["--peer-front-door", "fd.us.example:7518", "--public-port", "7510"];
    json(&control, &[&["regions", "move", "--region", "us-east-1"], &elsewhere[..]].concat()).await;
    let moved = json(&control, &["regions", "list"]).await[0].clone();
    assert_eq!((moved["public_port"].as_u64(), moved["transit"].as_str()), (Some(7510), Some("refuse")));
    assert_eq!(moved["peer_front_door"], "fd.us.example:7518");
    let head = json(&control, &["directory", "head"]).await;
    let verified = json(&control, &["directory", "verify"]).await;
    assert_eq!(head[0]["chain"], verified[0]["chain"]);
    assert_eq!(verified[0]["version"], 7);
    let audited = "select count(*) from platform.platform_audit where actor_kind = 'operator'";
    assert!(control.superuser().await.query_one(audited, &[]).await.unwrap().get::<_, i64>(0) >= 8);
}

#[tokio::test]
async fn administrators_are_made_and_reset_without_a_password_on_the_command_line() {
    let control = TestControl::start().await;
    let made = json(&control, &["platform-admin", "create", "--login", "grace"]).await;
    let password = made[0]["password"].as_str().unwrap().to_owned();
    let sign_in = |password: &str| serde_json::json!({"login": "grace", "password": password});
    let browser = control.stranger();
    browser.post("/platform/v1/sessions", &sign_in(&password)).await.expect(201);
    assert!(refused(&control, &["platform-admin", "create", "--login", "grace"]).await.contains("exists"));
    let there = json(&control, &["platform-admin", "create", "--login", "grace", "--unless-exists"]).await;
    assert_eq!(there, serde_json::json!([]));
    let support = ["platform-admin", "create", "--login", "sam", "--role", "support"];
    assert_eq!(json(&control, &support).await[0]["role"], "support");
    let unknown = ["platform-admin", "create", "--login", "eve", "--role", "owner"];
    assert!(refused(&control, &unknown).await.contains("administrator and support"));

    let file = control.folder().join("chosen");
    std::fs::write(&file, "short\n").unwrap();
    let path = file.to_str().unwrap();
    let weak =
        refused(&control, &["platform-admin", "reset", "--login", "grace", "--password-file", path]).await;
    assert!(weak.contains("password_too_short"));
    std::fs::write(&file, "a long enough passphrase\n").unwrap();
    let reset =
        json(&control, &["platform-admin", "reset", "--login", "grace", "--password-file", path]).await;
    assert!(reset[0]["password"].is_null(), "a chosen password is not printed");
    browser.post("/platform/v1/sessions", &sign_in(&password)).await.expect(401);
    browser.post("/platform/v1/sessions", &sign_in("a long enough passphrase")).await.expect(201);
}

#[tokio::test]
async fn an_operator_closes_the_account_of_whoever_leaves() {
    const CURRENT: &str = "/platform/v1/sessions/current";
    let control = TestControl::start().await;
    let leaves = control.person("sam@platform.example", Role::Support).await;
    let stays = control.person("kim@platform.example", Role::Support).await;
    leaves.get(CURRENT).await.expect(200);
    let made = json(&control, &["platform-admin", "create", "--login", "ann", "--passkey"]).await;
    let link = made[0]["enrol"].as_str().unwrap().split_once("#token=").unwrap().1.to_owned();
    for login in ["sam@platform.example", "ann"] {
        let closed = json(&control, &["platform-admin", "disable", "--login", login]).await;
        assert_eq!(closed[0]["state"], "disabled");
    }
    leaves.get(CURRENT).await.expect(401);
    stays.get(CURRENT).await.expect(200);
    let begin = serde_json::json!({ "token": link });
    let unused = control.stranger().post("/platform/v1/enrolments/begin", &begin).await.expect(422);
    assert_eq!(unused.code(), "enrolment_invalid");
    let listed = json(&control, &["platform-admin", "list"]).await;
    let state = |login: &str| {
        let one = listed.as_array().unwrap().iter().find(|one| one["login"] == login).unwrap();
        (one["role"].as_str().unwrap().to_owned(), one["state"].as_str().unwrap().to_owned())
    };
    assert_eq!(state("sam@platform.example"), ("support".into(), "disabled".into()));
    assert_eq!(state("kim@platform.example"), ("support".into(), "active".into()));
    let unknown = refused(&control, &["platform-admin", "disable", "--login", "nobody"]).await;
    assert!(unknown.contains("no such platform administrator"), "{unknown}");

    // Who comes back begins anew; what was open before stays closed.
    let reset = json(&control, &["platform-admin", "reset", "--login", "sam@platform.example"]).await;
    let back = serde_json::json!({ "login": "sam@platform.example", "password": reset[0]["password"] });
    control.stranger().post("/platform/v1/sessions", &back).await.expect(201);
    leaves.get(CURRENT).await.expect(401);
    let audited = "select count(*) from platform.platform_audit where action = 'admin.disable' and actor_kind = 'operator'";
    assert_eq!(control.superuser().await.query_one(audited, &[]).await.unwrap().get::<_, i64>(0), 2);
}

#[tokio::test]
async fn a_platform_of_passkeys_prints_a_link_and_takes_no_password() {
    let control = TestControl::start().await;
    let asked = ["platform-admin", "create", "--login", "grace", "--passkey"];
    let by_request = json(&control, &asked).await;
    assert!(by_request[0]["enrol"].as_str().unwrap().contains("/console/enrol#token="));
    control.reconfigure("sign_in = \"passkey_or_password\"\n", "");
    let control = control.restart().await.unwrap();
    let made = json(&control, &["platform-admin", "create", "--login", "alan"]).await;
    let link = made[0]["enrol"].as_str().unwrap();
    assert!(link.starts_with("https://control.domicile.localhost/console/enrol#token="), "{link}");
    assert!(made[0].get("password").is_none(), "{made}");
    let file = control.folder().join("chosen");
    std::fs::write(&file, "a long enough passphrase\n").unwrap();
    let chosen = ["platform-admin", "reset", "--login", "alan", "--password-file", file.to_str().unwrap()];
    assert!(refused(&control, &chosen).await.contains("takes no passwords"));

    let reset = json(&control, &["platform-admin", "reset", "--login", "alan"]).await;
    let browser = control.stranger();
    let begin = |link: &str| {
        let body = serde_json::json!({ "token": link.split_once("#token=").unwrap().1 });
        let browser = &browser;
        async move { browser.post("/platform/v1/enrolments/begin", &body).await }
    };
    assert_eq!(begin(link).await.expect(422).code(), "enrolment_invalid", "the next link replaced it");
    begin(reset[0]["enrol"].as_str().unwrap()).await.expect(201);
    let there = json(&control, &["platform-admin", "create", "--login", "alan", "--unless-exists"]).await;
    assert_eq!(there, serde_json::json!([]));
    begin(reset[0]["enrol"].as_str().unwrap()).await.expect(201);
}

#[tokio::test]
async fn migrating_again_is_quiet_and_a_wrong_file_names_its_field() {
    let control = TestControl::start().await;
    let output = run(&control, "migrate", &["control"]).await;
    assert!(
        output.status.success() && output.stdout.is_empty(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let text = std::fs::read_to_string(&control.config_file).unwrap();
    std::fs::write(&control.config_file, format!("default_region = \"us-east-1\"\n{text}")).unwrap();
    let sentence = refused(&control, &["regions", "list"]).await;
    assert!(sentence.contains("default_region"), "{sentence}");
}

#[tokio::test]
async fn a_control_process_starts_from_its_file_and_stops_when_told() {
    let control = TestControl::start().await;
    let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_domicile"));
    command.args(["control", "--config"]).arg(&control.config_file).kill_on_drop(true);
    let mut process = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
    let admin = loop {
        let line =
            tokio::time::timeout(PATIENCE, lines.next_line()).await.unwrap().unwrap().expect("it stopped");
        let said: Value = serde_json::from_str(&line).unwrap();
        if said["event.code"] == "started" {
            break said["server.port"].as_u64().unwrap();
        }
    };
    let admin = SocketAddr::from(([127, 0, 0, 1], u16::try_from(admin).unwrap()));
    until("readiness", async || is_ready(admin).await).await;
    let pid = process.id().unwrap().to_string();
    assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    let ended = tokio::time::timeout(PATIENCE, process.wait()).await.unwrap().unwrap();
    assert!(ended.success(), "{ended:?}");
}
