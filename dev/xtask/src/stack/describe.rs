//! Tells people (a table) and scripts (`stack.json`) where everything is.
use serde_json::{Value, json};

use crate::fail::{Attempt, Outcome};
use crate::layout::{BASE, LocalRegion, REGIONS, local};
use crate::pki::Pki;
use crate::places::write_private;
use crate::process;
use crate::seed::{Demo, DemoClinic, Login};
use crate::stack::Stack;
use crate::stack::databases::{CONTROL_DATABASE, KEY_DATABASE, SHARD_DATABASE};
use crate::stack::roles::{CONTROL, Role, process_name};

const REGION_ROLES: [Role; 4] = [Role::FrontDoor, Role::Backend, Role::Worker, Role::LocalAws];

/// Writes `stack.json`. Its keys are a promise to scripts: add some, rename none.
pub(crate) fn write_json(stack: &Stack, demo: &Demo) -> Outcome<()> {
    let value = json!({
        "base": BASE,
        "ca": stack.relative(&Pki::at(&stack.home).bundle()),
        "port_base": stack.ports.base(),
        "mail": stack.relative(&stack.home.mail()),
        "sms": stack.relative(&stack.home.sms()),
        "control": control(stack, demo),
        "regions": REGIONS.iter().map(|each| region(stack, each)).collect::<Vec<_>>(),
        "tenants": demo.clinics.iter().map(tenant).collect::<Vec<_>>(),
    });
    let text = serde_json::to_vec_pretty(&value).attempt(|| "lay out stack.json".to_owned())?;
    write_private(&stack.home.stack_json(), &text)
}

fn control(stack: &Stack, demo: &Demo) -> Value {
    json!({
        "url": control_url(stack),
        "logins": demo.platform,
        "admin_command": admin_command(stack),
        "admin": local(stack.ports.control_admin()),
        "feed": local(stack.ports.feed()),
        "postgres": {
            "host": "127.0.0.1",
            "port": stack.ports.control_postgres(),
            "data_dir": stack.relative(&stack.home.data(CONTROL).join("postgres")),
            "databases": [CONTROL_DATABASE],
        },
        "logs": [log(stack, CONTROL), log(stack, "control/postgres")],
        "pids": { "control": pid(stack, CONTROL), "postgres": pid(stack, "control/postgres") },
    })
}

/// The command line of the platform's operators, up to what it shall do.
fn admin_command(stack: &Stack) -> Vec<String> {
    let binary = stack.relative(&stack.binaries.join("domicile"));
    let config = stack.relative(&stack.config_file(CONTROL));
    [binary, "admin".to_owned(), "--config".to_owned(), config].to_vec()
}

fn region(stack: &Stack, region: &LocalRegion) -> Value {
    let ports = stack.ports.region(region);
    let data = stack.home.data(region.code);
    let mut logs: Vec<String> = REGION_ROLES.map(|role| log(stack, &process_name(region, role))).to_vec();
    logs.push(log(stack, &format!("{}/postgres", region.code)));
    let mut pids = serde_json::Map::new();
    for role in REGION_ROLES {
        pids.insert(role.name().replace('-', "_"), pid(stack, &process_name(region, role)));
    }
    pids.insert("postgres".to_owned(), pid(stack, &format!("{}/postgres", region.code)));
    json!({
        "region": region.name,
        "code": region.code,
        "jurisdiction": region.jurisdiction,
        "front_door": local(ports.front_door()),
        "front_door_admin": local(ports.front_door_admin()),
        "front_door_peer": local(ports.front_door_peer()),
        "backend": local(ports.backend()),
        "backend_admin": local(ports.backend_admin()),
        "worker_admin": local(ports.worker_admin()),
        "postgres": {
            "host": "127.0.0.1",
            "port": ports.postgres(),
            "data_dir": stack.relative(&data.join("postgres")),
            "databases": [SHARD_DATABASE, KEY_DATABASE],
        },
        "s3": { "endpoint": local(ports.s3()), "dir": stack.relative(&data.join("aws/s3")) },
        "kms": { "endpoint": local(ports.kms()), "dir": stack.relative(&data.join("aws/kms")) },
        "logs": logs,
        "pids": pids,
        "data_dir": stack.relative(&data),
    })
}

fn tenant(clinic: &DemoClinic) -> Value {
    json!({
        "slug": clinic.slug,
        "region": clinic.region,
        "host": clinic.host,
        "url": clinic.url,
        "logins": clinic.logins,
        "patient": { "email": clinic.patient, "url": format!("{}/my", clinic.url) },
    })
}

fn log(stack: &Stack, name: &str) -> String {
    stack.relative(&stack.log_file(name))
}

fn pid(stack: &Stack, name: &str) -> Value {
    process::recorded(&stack.home, name).map_or(Value::Null, |record| json!(record.pid))
}

/// The platform's address for browsers.
pub(crate) fn control_url(stack: &Stack) -> String {
    format!("https://control.{BASE}:{}", stack.ports.control())
}

/// Prints addresses, logins, places, and commands to try.
pub(crate) fn print_table(stack: &Stack, demo: &Demo) {
    let row = |what: &str, value: &str| println!("  {what:<22} {value}");
    println!("\nPlatform");
    row("address", &control_url(stack));
    print_logins(&demo.platform);
    for clinic in &demo.clinics {
        println!("\nClinic {} at home in {}", clinic.slug, clinic.region);
        row("address", &clinic.url);
        print_logins(&clinic.logins);
        row("patient", &format!("{}  at {}/my, with a code by mail", clinic.patient, clinic.url));
    }
    println!(
        "\nEach of the staff signs in with the password and a code of an authenticator app; this prints one:"
    );
    row("code", &code_command(stack, "EMAIL"));
    println!("\nFront doors (either brings every clinic's request home)");
    for region in &REGIONS {
        row(region.name, &local(stack.ports.region(region).front_door()));
    }
    println!("\nWhere things are");
    row("certificate authority", &stack.relative(&Pki::at(&stack.home).bundle()));
    row("logs", &stack.relative(&stack.home.dir().join("logs")));
    row("data", &stack.relative(&stack.home.dir().join("data")));
    row("mail that was sent", &stack.relative(&stack.home.mail()));
    row("texts that were sent", &stack.relative(&stack.home.sms()));
    row("all of this for scripts", &stack.relative(&stack.home.stack_json()));
    print_things_to_try(stack, demo);
}

fn print_logins(logins: &[Login]) {
    for login in logins {
        println!("  {:<22} {}  {}", login.role, login.email, login.password);
    }
}

fn print_things_to_try(stack: &Stack, demo: &Demo) {
    println!(
        "\nTry it: sign in with password and code, list the patients, list them through the other region's front door, register one"
    );
    for command in things_to_try(stack, demo) {
        println!("  {command}");
    }
}

/// Commands for a shell in the checkout, each in a line of its own.
pub(crate) fn things_to_try(stack: &Stack, demo: &Demo) -> Vec<String> {
    let (Some(clinic), Some([home, away])) = (demo.clinics.last(), split_doors(stack, demo)) else {
        return Vec::new();
    };
    let Some(login) = clinic.logins.last() else { return Vec::new() };
    let url = &clinic.url;
    let jar = stack.relative(&stack.home.run("cookies"));
    let curl = format!("curl -sS --cacert {}", stack.relative(&Pki::at(&stack.home).bundle()));
    let send = format!("-H 'origin: {url}' -H 'content-type: application/json'");
    let body = json!({ "email": login.email, "password": login.password });
    let token = format!(
        "$({curl} -b {jar} {url}/api/v1/sessions/current | sed 's/.*\"csrf_token\":\"\\([^\"]*\\).*/\\1/')"
    );
    let patient = json!({ "names": [{ "given": ["Try"], "family": "Sample" }], "birth_date": "1999-09-09", "sex": "unknown" });
    let code = code_command(stack, &login.email);
    let factor = format!("-d '{{\"totp\":\"'$({code})'\"}}'");
    vec![
        format!("{curl} -c {jar} {send} -d '{body}' {url}/api/v1/sessions"),
        format!(
            "{curl} -b {jar} -c {jar} {send} -H \"x-csrf-token: {token}\" {factor} {url}/api/v1/sessions/current/factor"
        ),
        format!("{curl} -b {jar} {url}/api/v1/patients"),
        format!("{curl} -b {jar} --connect-to ::{away} {url}/api/v1/patients    # {home} is its own"),
        format!("{curl} -b {jar} {send} -H \"x-csrf-token: {token}\" -d '{patient}' {url}/api/v1/patients"),
    ]
}

/// What prints a code of a login's authenticator app.
fn code_command(stack: &Stack, email: &str) -> String {
    let home = stack.relative(stack.home.dir());
    match home.as_str() {
        ".domicile" => format!("dev/bootstrap.sh code {email}"),
        other => format!("dev/bootstrap.sh code --stack {other} {email}"),
    }
}

/// The addresses of the last clinic's own front door and of another region's.
fn split_doors(stack: &Stack, demo: &Demo) -> Option<[String; 2]> {
    let home = demo.clinics.last()?.region;
    let door = |region: &LocalRegion| local(stack.ports.region(region).front_door());
    let own = REGIONS.iter().find(|region| region.name == home)?;
    let other = REGIONS.iter().find(|region| region.name != home)?;
    Some([door(own), door(other)])
}
