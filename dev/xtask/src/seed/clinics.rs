//! The demo clinics: onboarded by the platform, their administrator and staff invited and signed in like real ones.
use std::time::{Duration, Instant};

use futures_util::future::try_join_all;
use serde_json::{Value, json};

use crate::codes;
use crate::fail::{Fail, Outcome};
use crate::http::{Call, Client};
use crate::layout::{BASE, LocalRegion, REGIONS};
use crate::secrets;
use crate::seed::platform::Platform;
use crate::seed::{Demo, DemoClinic, Login, invitations, patients};
use crate::stack::Stack;

/// The staff of each demo clinic: first the administrator, who invites the others; last the desk, which registers patients.
const STAFF: [(&str, &str, &str); 4] = [
    ("clinic_admin", "admin", "Demo Admin"),
    ("physician", "doctor", "Demo Doctor"),
    ("privacy_officer", "privacy", "Demo Privacy Officer"),
    ("receptionist", "desk", "Demo Desk"),
];

/// Makes what is missing of the demo clinics and returns who can sign in.
pub(crate) async fn ensure(stack: &Stack, platform: &Platform) -> Outcome<Demo> {
    for region in &REGIONS {
        onboard(platform, region).await?;
    }
    let clinics = try_join_all(REGIONS.iter().map(async |region| {
        wait_active(platform, region.clinic.slug).await?;
        fill(stack, region).await
    }))
    .await?;
    Ok(Demo { platform: platform.logins.clone(), clinics })
}

async fn onboard(platform: &Platform, region: &LocalRegion) -> Outcome<()> {
    if find(platform, region.clinic.slug).await?.is_some() {
        return Ok(());
    }
    let clinic = json!({
        "slug": region.clinic.slug,
        "legal_name": region.clinic.legal_name,
        "region": region.name,
        "first_admin_email": email(region, "admin"),
    });
    let call = Call::post("/platform/v1/tenants", &clinic);
    let key = format!("demo-clinic-{}", region.clinic.slug);
    platform.client.expect(call.header("idempotency-key", key)).await.map(drop)
}

async fn find(platform: &Platform, slug: &str) -> Outcome<Option<Value>> {
    let answer = platform.client.expect(Call::get("/platform/v1/tenants")).await?;
    let list = answer.json.get("items").or_else(|| answer.json.get("tenants")).unwrap_or(&answer.json);
    let found = list.as_array().into_iter().flatten().find(|tenant| tenant.get("slug") == Some(&json!(slug)));
    Ok(found.cloned())
}

async fn wait_active(platform: &Platform, slug: &str) -> Outcome<()> {
    let deadline = Instant::now() + ONBOARDING_WAIT_MAX;
    loop {
        let tenant = find(platform, slug).await?.unwrap_or_default();
        if tenant.get("state") == Some(&json!("active")) {
            return Ok(());
        }
        if Instant::now() > deadline {
            let state = tenant.get("state").cloned().unwrap_or_default();
            return Err(Fail::new(format!(
                "The clinic {slug} is still {state} after {} s.",
                ONBOARDING_WAIT_MAX.as_secs()
            ))
            .hint("the worker of its region runs the steps: read its log"));
        }
        tokio::time::sleep(POLL).await;
    }
}

async fn fill(stack: &Stack, region: &'static LocalRegion) -> Outcome<DemoClinic> {
    let slug = region.clinic.slug;
    let host = format!("{slug}.{}.{BASE}", region.code);
    let url = format!("https://{host}:{}", stack.ports.region(region).front_door());
    let mut logins = Vec::new();
    for (role, account, _) in STAFF {
        let password =
            secrets::ensure_password(&stack.home.secrets(&format!("{}/staff-{account}", region.code)))?;
        logins.push(Login {
            role: role.to_owned(),
            email: email(region, account),
            password,
            totp_secret: None,
        });
    }
    let patient = patients::email(region.code, 1);
    let mut clinic = DemoClinic { slug: slug.to_owned(), region: region.name, host, url, logins, patient };
    let [admin, others @ ..] = clinic.logins.as_slice() else { return Ok(clinic) };
    let admin = join(stack, &clinic, admin, "Demo Admin").await?;
    let mut desk = None;
    for (login, (_, _, name)) in others.iter().zip(STAFF.iter().skip(1)) {
        desk = try_sign_in(stack, &clinic, login).await?;
        if desk.is_none() {
            let invitation = json!({ "email": login.email, "display_name": name, "role": login.role });
            let answer = admin.send(Call::post("/api/v1/staff", &invitation)).await?;
            if !answer.status.is_success() && answer.status != http::StatusCode::CONFLICT {
                return Err(Fail::new(format!("Inviting {} was answered with {}", login.email, answer.text)));
            }
            desk = Some(join(stack, &clinic, login, name).await?);
        }
    }
    let staff = admin.expect(Call::get("/api/v1/staff")).await?;
    let items = staff.json.get("items").and_then(Value::as_array).cloned().unwrap_or_default();
    let physician = items.iter().find(|one| one.get("role") == Some(&json!("physician")));
    let physician = physician.and_then(|one| one.get("account")).and_then(Value::as_str).unwrap_or_default();
    let desk = desk.ok_or_else(|| Fail::new("A demo clinic without staff."))?;
    patients::ensure(&desk, region, physician).await?;
    for login in &mut clinic.logins {
        login.totp_secret = codes::secret(&stack.home, &login.email)?;
    }
    Ok(clinic)
}

/// Signs in; someone who cannot yet accepts their invitation first.
async fn join(stack: &Stack, clinic: &DemoClinic, login: &Login, name: &str) -> Outcome<Client> {
    if let Some(client) = try_sign_in(stack, clinic, login).await? {
        return Ok(client);
    }
    let token = invitations::wait_for_token(&stack.home, &login.email, &clinic.host).await?;
    let client = Client::new(&stack.home, &clinic.url)?;
    let acceptance = json!({ "token": token, "password": login.password, "display_name": name });
    client.expect(Call::post("/api/v1/invitations/accept", &acceptance)).await?;
    let signed_in = try_sign_in(stack, clinic, login).await?;
    signed_in.ok_or_else(|| Fail::new(format!("{} accepted the invitation but cannot sign in.", login.email)))
}

/// Signs in with password and authenticator, which is set up at the first time; none where the clinic does not know this login yet.
pub(crate) async fn try_sign_in(
    stack: &Stack,
    clinic: &DemoClinic,
    login: &Login,
) -> Outcome<Option<Client>> {
    let mut client = Client::new(&stack.home, &clinic.url)?;
    let credentials = json!({ "email": login.email, "password": login.password });
    let answer = client.send(Call::post("/api/v1/sessions", &credentials)).await?;
    if answer.status.is_success() {
        client.keep_csrf(&answer.field("csrf_token")?);
        match answer.field("second_factor")?.as_str() {
            "enrol" => enrol(stack, &mut client, &login.email).await?,
            _ => prove(stack, &mut client, &login.email).await?,
        }
        return Ok(Some(client));
    }
    match answer.status {
        http::StatusCode::UNAUTHORIZED => Ok(None),
        status => Err(Fail::new(format!(
            "Signing in at {} was answered with {status}: {}",
            clinic.url, answer.text
        ))),
    }
}

/// Sets an authenticator up, as a person with a new phone does.
async fn enrol(stack: &Stack, client: &mut Client, email: &str) -> Outcome<()> {
    let answer = client.expect(Call::act("/api/v1/me/factors/totp")).await?;
    codes::keep(&stack.home, email, &answer.field("secret")?)?;
    let code = json!({ "totp": codes::next(&stack.home, email).await? });
    let answer = client.expect(Call::post("/api/v1/me/factors/totp/confirm", &code)).await?;
    let token = answer.json.pointer("/session/csrf_token").and_then(Value::as_str);
    client.keep_csrf(token.ok_or_else(|| Fail::new("Setting up an authenticator gives no session."))?);
    Ok(())
}

async fn prove(stack: &Stack, client: &mut Client, email: &str) -> Outcome<()> {
    for _ in 0..CODES_MAX {
        let code = json!({ "totp": codes::next(&stack.home, email).await? });
        let answer = client.send(Call::post("/api/v1/sessions/current/factor", &code)).await?;
        if answer.status.is_success() {
            client.keep_csrf(&answer.field("csrf_token")?);
            return Ok(());
        }
    }
    // Somebody else may have used a code of this secret; so many of them in a row it is something else.
    Err(Fail::new(format!("The codes of {email} are refused.")).hint("`make reset` starts over"))
}

fn email(region: &LocalRegion, account: &str) -> String {
    format!("{account}@{}.example", region.clinic.slug)
}

const ONBOARDING_WAIT_MAX: Duration = Duration::from_secs(90);
const CODES_MAX: usize = 3;
const POLL: Duration = Duration::from_millis(100);
