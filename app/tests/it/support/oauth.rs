//! Programs and applications of a clinic, with keys of their own, and tokens as an attacker would make them.

use app::access::Role;
use app::sites::model::SiteId;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::world::{Clinic, World};
use super::{Actor, Answer};

/// What a form says when it carries a program's proof.
pub(crate) const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/// Where applications of the tests are sent back to.
pub(crate) const REDIRECT: &str = "https://app.example/callback";

/// A program's key.
pub(crate) enum Key {
    Ed25519(Box<Ed25519KeyPair>),
    P256(Box<EcdsaKeyPair>),
}

impl Key {
    pub(crate) fn ed25519() -> Key {
        Key::Ed25519(Box::new(Ed25519KeyPair::generate().unwrap()))
    }

    pub(crate) fn p256() -> Key {
        Key::P256(Box::new(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap()))
    }

    pub(crate) fn alg(&self) -> &'static str {
        match self {
            Key::Ed25519(_) => "EdDSA",
            Key::P256(_) => "ES256",
        }
    }

    pub(crate) fn jwk(&self) -> Value {
        match self {
            Key::Ed25519(pair) => {
                json!({ "kty": "OKP", "crv": "Ed25519", "x": encode(pair.public_key().as_ref()) })
            }
            Key::P256(pair) => {
                let point = pair.public_key().as_ref();
                json!({ "kty": "EC", "crv": "P-256", "x": encode(&point[1..33]), "y": encode(&point[33..]) })
            }
        }
    }

    pub(crate) fn sign(&self, message: &[u8]) -> Vec<u8> {
        match self {
            Key::Ed25519(pair) => pair.sign(message).as_ref().to_vec(),
            Key::P256(pair) => pair.sign(&SystemRandom::new(), message).unwrap().as_ref().to_vec(),
        }
    }
}

pub(crate) fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// A compact form of exactly these texts, signed with whatever `sign` does.
pub(crate) fn compact(header: &str, payload: &str, sign: impl FnOnce(&[u8]) -> Vec<u8>) -> String {
    let signed = format!("{}.{}", encode(header.as_bytes()), encode(payload.as_bytes()));
    let signature = sign(signed.as_bytes());
    format!("{signed}.{}", encode(&signature))
}

/// A program that is registered.
pub(crate) struct Program {
    pub(crate) id: String,
    pub(crate) key: Key,
}

impl World {
    /// The registration of a program at the clinic's first site.
    pub(crate) fn registration(clinic: &Clinic, key: &Key, scopes: &[&str]) -> Value {
        let site = SiteId::from(clinic.tenant.id.as_uuid()).to_string();
        json!({
            "name": "Lab link", "kind": "machine", "scopes": scopes, "sites": [site],
            "jwks": { "keys": [key.jwk()] },
        })
    }

    pub(crate) async fn register(&self, clinic: &Clinic, by: &Actor, body: &Value) -> Answer {
        self.ask(clinic, "POST", "/api/v1/oauth/clients").by(by).json(body).send().await
    }

    /// A program at the clinic's first site.
    pub(crate) async fn program(&self, clinic: &Clinic, key: Key, scopes: &[&str]) -> Program {
        let admin = self.staff(clinic, Role::ClinicAdmin).await;
        let made = self.register(clinic, &admin, &World::registration(clinic, &key, scopes)).await;
        Program { id: made.expect(201).json()["id"].as_str().unwrap().to_owned(), key }
    }

    /// An application that people sign in with.
    pub(crate) async fn application(&self, clinic: &Clinic, scopes: &[&str]) -> String {
        let admin = self.staff(clinic, Role::ClinicAdmin).await;
        let body =
            json!({ "name": "Pocket", "kind": "mobile", "scopes": scopes, "redirect_uris": [REDIRECT] });
        let made = self.register(clinic, &admin, &body).await.expect(201);
        made.json()["id"].as_str().unwrap().to_owned()
    }

    /// What a program's proof says; a test changes what it wants to see refused.
    pub(crate) fn assertion_claims(&self, clinic: &Clinic, program: &Program) -> Value {
        let now = self.now_ms() / 1_000;
        json!({
            "iss": program.id, "sub": program.id, "aud": format!("{}/api/v1/oauth/token", clinic.origin()),
            "iat": now, "exp": now + 60, "jti": encode(&regions::random::bytes::<16>()),
        })
    }

    /// A program's proof with these claims.
    pub(crate) fn assertion(program: &Program, claims: &Value) -> String {
        let header = json!({ "alg": program.key.alg(), "typ": "JWT" });
        compact(&header.to_string(), &claims.to_string(), |message| program.key.sign(message))
    }

    pub(crate) async fn token(&self, clinic: &Clinic, form: &[(&str, &str)]) -> Answer {
        let ask = self.ask(clinic, "POST", "/api/v1/oauth/token").without("origin");
        ask.form(form).send().await
    }

    /// The answer to a program that shows this proof.
    pub(crate) async fn show_proof(&self, clinic: &Clinic, assertion: &str) -> Answer {
        let form = [
            ("grant_type", "client_credentials"),
            ("client_assertion_type", ASSERTION_TYPE),
            ("client_assertion", assertion),
        ];
        self.token(clinic, &form).await
    }

    /// An access token of a program.
    pub(crate) async fn access(&self, clinic: &Clinic, program: &Program) -> String {
        let assertion = World::assertion(program, &self.assertion_claims(clinic, program));
        let given = self.show_proof(clinic, &assertion).await.expect(200).json();
        given["access_token"].as_str().unwrap().to_owned()
    }
}

/// What a token says, without looking at its signature.
pub(crate) fn claims(token: &str) -> Value {
    let part = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}
