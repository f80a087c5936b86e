//! The once-only SQL a superuser runs: roles of the cluster and rights of a database, without a password in clear.

use std::num::NonZeroU32;

use aws_lc_rs::{digest, hmac, pbkdf2};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

const CLUSTER: &str = include_str!("../../../migrations/bootstrap/cluster.sql");
const DATABASE: &str = include_str!("../../../migrations/bootstrap/database.sql");

/// Both files, for hashing.
pub(crate) const FILES: [&str; 2] = [CLUSTER, DATABASE];

/// Rounds of PBKDF2 in a SCRAM verifier, PostgreSQL's own default.
const SCRAM_ROUNDS: NonZeroU32 = match NonZeroU32::new(4_096) {
    Some(rounds) => rounds,
    None => NonZeroU32::MIN,
};
/// Bytes of salt in a SCRAM verifier, PostgreSQL's own default.
const SCRAM_SALT_BYTES: usize = 16;

/// SQL that creates the cluster's roles and sets the two log-ins' passwords by verifier.
#[must_use]
pub fn cluster_sql(app_password: &str, migrator_password: &str) -> String {
    CLUSTER
        .replace("{{app_verifier}}", &scram_verifier(app_password))
        .replace("{{migrator_verifier}}", &scram_verifier(migrator_password))
}

/// SQL that takes away, in the named database, every right that must not belong to everyone. `None` if the name is not
/// plain (`a-z`, `0-9`, `_`, at most 63 bytes), because it becomes an identifier.
#[must_use]
pub fn database_sql(database: &str) -> Option<String> {
    let plain = (1..=63).contains(&database.len())
        && database.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
    plain.then(|| DATABASE.replace("{{database}}", database))
}

/// A SCRAM-SHA-256 verifier (RFC 5802, RFC 7677) as PostgreSQL stores it. The password must be ASCII, so that SASLprep
/// would not change it; ours are generated.
#[must_use]
pub fn scram_verifier(password: &str) -> String {
    let salt = regions::random::bytes::<SCRAM_SALT_BYTES>();
    let mut salted = [0_u8; 32];
    pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA256, SCRAM_ROUNDS, &salt, password.as_bytes(), &mut salted);
    let key = hmac::Key::new(hmac::HMAC_SHA256, &salted);
    let client = hmac::sign(&key, b"Client Key");
    let stored = digest::digest(&digest::SHA256, client.as_ref());
    let server = hmac::sign(&key, b"Server Key");
    format!(
        "SCRAM-SHA-256${SCRAM_ROUNDS}:{}${}:{}",
        STANDARD.encode(salt),
        STANDARD.encode(stored.as_ref()),
        STANDARD.encode(server.as_ref())
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn database_names_cannot_escape() {
        assert!(database_sql("shard_1").is_some());
        for refused in ["", "a\"b", "a;b", "A", "a b", &"a".repeat(64)] {
            assert!(database_sql(refused).is_none(), "{refused}");
        }
    }
}
