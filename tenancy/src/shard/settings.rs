//! Server settings that keep patient data out of the server's log and forged sessions out of the server.
//!
//! Error text is patient data: a failed cast or a duplicate key quotes the value (`security.md`, finding 10).

/// Name and value of each setting every cluster must have; the same list writes `postgresql.conf` and is checked at
/// boot. `postgresql.conf` gets [`HIDDEN_SETTINGS`] and [`LOG_MIN_MESSAGES`] as well.
pub const SERVER_SETTINGS: &[(&str, &str)] = &[
    ("log_statement", "none"),
    ("log_min_error_statement", "panic"),
    ("log_error_verbosity", "terse"),
    ("log_parameter_max_length", "0"),
    ("log_parameter_max_length_on_error", "0"),
    ("log_min_duration_statement", "-1"),
    ("log_min_duration_sample", "-1"),
    ("log_transaction_sample_rate", "0"),
    ("debug_print_parse", "off"),
    ("debug_print_plan", "off"),
    ("debug_print_rewritten", "off"),
    ("password_encryption", "scram-sha-256"),
    ("ssl", "on"),
    ("row_security", "on"),
];

/// Settings that only a superuser may read; they are written, and their effect is seen by speaking TLS 1.3 only.
pub const HIDDEN_SETTINGS: &[(&str, &str)] = &[("ssl_min_protocol_version", "TLSv1.3")];

/// Settings whose messages could still carry a value: client errors are quoted only in `FATAL` and worse.
pub const LOG_MIN_MESSAGES: (&str, &str) = ("log_min_messages", "fatal");

/// The oldest release of each major version that is accepted; older ones miss security fixes that isolation rests on
/// (among them CVE-2023-2455 and CVE-2024-10976, row security in cached plans).
const RELEASES_MIN: &[(i32, i32)] = &[(15, 150_014), (16, 160_010), (17, 170_006), (18, 180_000)];

/// Whether `server_version_num` names a release that is patched enough; the error says what is needed.
///
/// # Errors
/// A sentence naming the oldest accepted release.
pub fn check_release(server_version_num: i32) -> Result<(), String> {
    let major = server_version_num / 10_000;
    let newest_known = RELEASES_MIN.last().map_or(0, |(known, _)| *known);
    let min = RELEASES_MIN.iter().find(|(known, _)| *known == major).map(|(_, min)| *min);
    match min {
        Some(min) if server_version_num >= min => Ok(()),
        Some(min) => Err(format!("PostgreSQL {major}.{} or newer", min % 10_000)),
        None if major > newest_known => Ok(()),
        None => Err("PostgreSQL 15.14 or newer".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_releases_are_refused() {
        for refused in [90_624, 140_019, 150_013, 160_009, 170_005] {
            assert!(check_release(refused).is_err(), "{refused}");
        }
        for accepted in [150_014, 150_018, 160_010, 170_006, 180_000, 190_001] {
            assert!(check_release(accepted).is_ok(), "{accepted}");
        }
    }
}
