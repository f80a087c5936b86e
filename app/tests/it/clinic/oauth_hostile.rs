//! Hostile access tokens: each is answered with 401 and leaves exactly one entry, whatever is wrong with it.

use app::access::Role;
use aws_lc_rs::hmac;
use serde_json::{Value, json};
use tenancy::keys::TokenKeys;

use crate::support::oauth::{Key, Program, claims, compact, encode};
use crate::support::{Actor, World};

/// What makes tokens: the region's own keys, which no attacker has, so that each token is wrong in one way only.
struct Forge<'a> {
    world: &'a World,
    keys: std::sync::Arc<TokenKeys>,
    /// The claims of a good token of the program.
    good: Value,
    token: String,
}

impl<'a> Forge<'a> {
    async fn new(world: &'a World, program: &Program) -> Forge<'a> {
        let token = world.access(&world.alpha, program).await;
        Forge { world, keys: world.app.keys().token_keys().await.unwrap(), good: claims(&token), token }
    }

    fn sign(&self, message: &[u8]) -> Vec<u8> {
        self.keys.signing(self.world.now_ms()).unwrap().sign(message).unwrap()
    }

    fn kid(&self) -> &str {
        self.keys.signing(self.world.now_ms()).unwrap().kid()
    }

    fn public_key(&self) -> [u8; 32] {
        *self.keys.signing(self.world.now_ms()).unwrap().public_key()
    }

    fn header(&self, change: impl FnOnce(&mut Value)) -> String {
        let mut header = json!({ "alg": "EdDSA", "typ": "at+jwt", "kid": self.kid() });
        change(&mut header);
        header.to_string()
    }

    /// A token with a header that was changed, well signed.
    fn with_header(&self, change: impl FnOnce(&mut Value)) -> String {
        compact(&self.header(change), &self.good.to_string(), |message| self.sign(message))
    }

    /// A token with claims that were changed, well signed.
    fn with_claims(&self, change: impl FnOnce(&mut Value)) -> String {
        let mut claims = self.good.clone();
        change(&mut claims);
        self.with_payload(&claims.to_string())
    }

    fn with_payload(&self, payload: &str) -> String {
        compact(&self.header(|_| {}), payload, |message| self.sign(message))
    }

    /// Tokens whose algorithm or key is not what it must be.
    fn of_other_keys(&self, attacker: &Key) -> Vec<(&'static str, String)> {
        let payload = self.good.to_string();
        let unsigned =
            |alg: &str| compact(&self.header(|header| header["alg"] = json!(alg)), &payload, |_| Vec::new());
        let mac = |secret: &[u8]| {
            let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
            let header = self.header(|header| header["alg"] = json!("HS256"));
            compact(&header, &payload, |message| hmac::sign(&key, message).as_ref().to_vec())
        };
        let by_attacker = |change: &dyn Fn(&mut Value)| {
            compact(&self.header(change), &payload, |message| attacker.sign(message))
        };
        let jwk = attacker.jwk();
        vec![
            ("no algorithm", unsigned("none")),
            ("no algorithm, in capitals", unsigned("NONE")),
            ("no signature", unsigned("EdDSA")),
            ("the public key as a secret", mac(&self.public_key())),
            ("the public key's text as a secret", mac(encode(&self.public_key()).as_bytes())),
            ("another algorithm's name", self.with_header(|header| header["alg"] = json!("ES256"))),
            ("an algorithm that is no text", self.with_header(|header| header["alg"] = json!(["EdDSA"]))),
            ("our key's name, another key", by_attacker(&|_| {})),
            ("another key's name", by_attacker(&|header| header["kid"] = json!("attacker"))),
            ("a key's name that is a path", by_attacker(&|header| header["kid"] = json!("../../dev/null"))),
            ("no key's name", self.with_header(|header| drop(header.as_object_mut().unwrap().remove("kid")))),
            ("a key in the header", by_attacker(&|header| header["jwk"] = jwk.clone())),
            ("keys elsewhere", self.with_header(|header| header["jku"] = json!("https://evil.example/jwks"))),
            (
                "a chain elsewhere",
                self.with_header(|header| header["x5u"] = json!("https://evil.example/x5")),
            ),
            ("a chain in the header", self.with_header(|header| header["x5c"] = json!(["AAAA"]))),
            ("a critical extension", self.with_header(|header| header["crit"] = json!(["exp"]))),
            ("an unencoded payload", self.with_header(|header| header["b64"] = json!(false))),
        ]
    }

    /// Tokens that are no access token of this clinic in this region, now.
    fn of_other_places(&self) -> Vec<(&'static str, String)> {
        let now = self.world.now_ms() / 1_000;
        let set = |name: &'static str, value: Value| self.with_claims(|claims| claims[name] = value);
        let times = |iat: i64, exp: i64| {
            let at = |offset: i64| json!(now.checked_add_signed(offset).unwrap());
            self.with_claims(|claims| {
                (claims["iat"], claims["nbf"], claims["exp"]) = (at(iat), at(iat), at(exp));
            })
        };
        vec![
            ("an ID token", self.with_header(|header| header["typ"] = json!("JWT"))),
            (
                "a token of no type",
                self.with_header(|header| drop(header.as_object_mut().unwrap().remove("typ"))),
            ),
            ("a logout token", self.with_header(|header| header["typ"] = json!("logout+jwt"))),
            ("another region's issuer", set("iss", json!("https://in.domicile.localhost:7410"))),
            ("the clinic as issuer", set("iss", json!(self.world.alpha.origin()))),
            ("another clinic's", set("aud", json!(self.world.beta.origin()))),
            ("everybody's", set("aud", json!("*"))),
            ("several clinics'", set("aud", json!([self.world.alpha.origin(), self.world.beta.origin()]))),
            ("expired", times(-606, -6)),
            ("good for a day", times(0, 86_400)),
            ("not yet good", times(60, 600)),
            ("made tomorrow", set("iat", json!(now + 86_400))),
            ("an end that is text", set("exp", json!((now + 60).to_string()))),
            ("no end", self.with_claims(|claims| drop(claims.as_object_mut().unwrap().remove("exp")))),
            ("a claim of another", set("admin", json!(true))),
            ("a scope that is none", set("scope", json!("everything"))),
            ("no scope", set("scope", json!(""))),
            ("a session that is none", set("sid", json!("1"))),
            ("an unknown session", set("sid", json!(app::auth::own::shown_id(uuid::Uuid::nil())))),
            ("an unknown client", set("client_id", json!("cli_aaaaaaaaaaaaaaaaaaaaaaaaaa"))),
        ]
    }

    /// A good token that was altered on its way.
    fn altered(&self) -> Vec<(&'static str, String)> {
        let token = &self.token;
        let (signed, signature) = token.rsplit_once('.').unwrap();
        let (header, _) = signed.split_once('.').unwrap();
        let other = self.good.to_string().replace("me.read", "patient.read");
        let twice = |name: &str| {
            let text = self.good.to_string();
            self.with_payload(&text.replacen('{', &format!("{{\"{name}\":{},", self.good[name]), 1))
        };
        let header_twice =
            format!(r#"{{"alg":"EdDSA","alg":"EdDSA","typ":"at+jwt","kid":"{}"}}"#, self.kid());
        vec![
            ("another payload", format!("{header}.{}.{signature}", encode(other.as_bytes()))),
            ("a claim twice", twice("exp")),
            ("the subject twice", twice("sub")),
            ("a header's member twice", compact(&header_twice, &self.good.to_string(), |m| self.sign(m))),
            ("a payload that is no JSON", self.with_payload("sub=me")),
            ("a payload that is a list", self.with_payload("[]")),
            ("a shorter signature", token[..token.len() - 4].to_owned()),
            ("no third part", signed.to_owned()),
            ("a part more", format!("{token}.AAAA")),
            ("five parts, encrypted", format!("{header}.AAAA.AAAA.AAAA.AAAA")),
            ("a dot before", format!(".{token}")),
            ("padding", format!("{token}=")),
            ("dots alone", "..".to_owned()),
            ("nothing", String::new()),
            ("too long", self.with_claims(|claims| claims["jti"] = json!("a".repeat(4_096)))),
            ("no token at all", encode(&[7; 32])),
        ]
    }
}

/// Asks with each of these and looks at the answer and at what it left in the log.
async fn each_refused(world: &World, asks: Vec<(&'static str, Vec<(&'static str, String)>)>) -> usize {
    let count = asks.len();
    for (what, headers) in asks {
        let before = world.audit(&world.alpha).await.len();
        let mut ask = world.ask(&world.alpha, "GET", "/api/v1/me");
        for (name, value) in &headers {
            ask = ask.another(name, value);
        }
        let answer = ask.send().await;
        assert_eq!(answer.outcome(), (401, "unauthenticated".into()), "{what}");
        assert_eq!(answer.header("www-authenticate"), "Bearer error=\"invalid_token\"", "{what}");
        assert_eq!(answer.header("set-cookie"), "", "{what}");
        let log = world.audit(&world.alpha).await;
        assert_eq!(log.len(), before + 1, "{what}");
        let (action, outcome, reason, _) = &log[before];
        assert_eq!((action.as_str(), outcome.as_str()), ("me.read", "deny"), "{what}");
        assert!(reason.as_ref().is_some_and(|reason| reason.starts_with("token.")), "{what}: {reason:?}");
    }
    count
}

fn bearer(token: &str) -> Vec<(&'static str, String)> {
    vec![("authorization", format!("Bearer {token}"))]
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_tokens_are_all_401_with_one_entry_each() {
    let world = World::new().await;
    let program = world.program(&world.alpha, Key::ed25519(), &["me.read", "patient.read"]).await;
    let forge = Forge::new(&world, &program).await;
    // What every other token differs from in one thing.
    let good = forge.with_claims(|_| {});
    world.ask(&world.alpha, "GET", "/api/v1/me").bearer(&good).send().await.expect(200);

    let mut tokens = forge.of_other_keys(&Key::ed25519());
    tokens.extend(forge.of_other_places());
    tokens.extend(forge.altered());
    let there = world.program(&world.beta, Key::ed25519(), &["me.read"]).await;
    tokens.push(("another clinic's own", world.access(&world.beta, &there).await));
    let proof = World::assertion(&program, &world.assertion_claims(&world.alpha, &program));
    tokens.push(("a client's assertion", proof));
    let india = World::india().await;
    let far = india.program(&india.alpha, Key::ed25519(), &["me.read"]).await;
    tokens.push(("another region's own", india.access(&india.alpha, &far).await));
    tokens.extend(of_other_sessions(&world, &forge, &program).await);
    let mut asks: Vec<_> = tokens.iter().map(|(what, token)| (*what, bearer(token))).collect();
    let nurse = world.staff(&world.alpha, Role::Nurse).await;
    asks.push(("two tokens", [bearer(&good), bearer(&good)].concat()));
    asks.push(("a token and a cookie", [bearer(&good), vec![("cookie", nurse.cookie.clone())]].concat()));
    asks.push(("another scheme", vec![("authorization", format!("Basic {good}"))]));
    asks.push(("no scheme", vec![("authorization", good.clone())]));
    assert!(each_refused(&world, asks).await >= 60);
    world.ask(&world.alpha, "GET", "/api/v1/me").bearer(&good).send().await.expect(200);
}

/// Tokens well made for a session that is not theirs, or that has ended.
async fn of_other_sessions(
    world: &World,
    forge: &Forge<'_>,
    program: &Program,
) -> Vec<(&'static str, String)> {
    let browser: Actor = world.staff(&world.alpha, Role::ClinicAdmin).await;
    let ops = tenancy::SchemaName::ops(world.alpha.tenant.id).quoted();
    let sql = format!("SELECT id FROM {ops}.session WHERE account_id = $1");
    let superuser = world.region.superuser().await;
    let session: uuid::Uuid = superuser.query_one(sql.as_str(), &[&browser.account]).await.unwrap().get(0);
    let other = world.program(&world.alpha, Key::ed25519(), &["me.read"]).await;
    let others = claims(&world.access(&world.alpha, &other).await)["sid"].clone();
    let ended = world.access(&world.alpha, program).await;
    let leave = world.ask(&world.alpha, "DELETE", "/api/v1/sessions/current").bearer(&ended);
    leave.send().await.expect(204);
    let disabled = world.access(&world.alpha, &other).await;
    let path = format!("/api/v1/oauth/clients/{}/disable", other.id);
    world.ask(&world.alpha, "POST", &path).by(&browser).send().await.expect(204);
    vec![
        (
            "a browser's session",
            forge.with_claims(|claims| claims["sid"] = json!(app::auth::own::shown_id(session))),
        ),
        ("another program's session", forge.with_claims(|claims| claims["sid"] = others)),
        ("a session that was ended", ended),
        ("a disabled program's", disabled),
    ]
}

/// The client's state counts by itself, also where its sessions were left.
#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_was_left_does_not_outlive_its_client_or_account() {
    let world = World::new().await;
    let program = world.program(&world.alpha, Key::ed25519(), &["me.read"]).await;
    let admin = world.staff(&world.alpha, Role::ClinicAdmin).await;
    let token = world.access(&world.alpha, &program).await;
    let me =
        async || world.ask(&world.alpha, "GET", "/api/v1/me").bearer(&token).send().await.status.as_u16();
    assert_eq!(me().await, 200);
    let id = app::oauth::model::ClientId::parse(&program.id).unwrap().uuid();
    world.change_account(&world.alpha, id, |row| row.state = "disabled".to_owned()).await;
    assert_eq!(me().await, 401);
    world.change_account(&world.alpha, id, |row| row.state = "active".to_owned()).await;
    assert_eq!(me().await, 200);
    let path = format!("/api/v1/oauth/clients/{}/disable", program.id);
    world.ask(&world.alpha, "POST", &path).by(&admin).send().await.expect(204);
    let ops = tenancy::SchemaName::ops(world.alpha.tenant.id).quoted();
    let left = format!("UPDATE {ops}.session SET revoked_at = NULL WHERE client_id = '{id}'");
    world.region.superuser().await.batch_execute(&left).await.unwrap();
    world.change_account(&world.alpha, id, |row| row.state = "active".to_owned()).await;
    assert_eq!(me().await, 401, "the client is disabled");
}
