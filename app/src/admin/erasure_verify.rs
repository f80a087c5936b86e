//! `domicile admin erasure verify`: checks a certificate of erasure with nothing but the region's public key. No network.

use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::Args;
use serde_json::json;

use tenancy::kms::Signer;

use super::RoleError;
use super::output::Table;
use super::regional::Cx;
use crate::erasure::certificate::{CERTIFICATE_BYTES_MAX, Certificate};

/// What to check, with what.
#[derive(Args)]
pub(super) struct Verify {
    /// The certificate's JSON, as the API gave it.
    #[arg(long)]
    certificate: PathBuf,
    /// The region's public signing key in PEM, as `domicile admin keys public` prints it.
    #[arg(long)]
    key: PathBuf,
}

pub(super) fn run(args: &Verify) -> Result<Table, RoleError> {
    let text = read(&args.certificate)?;
    let key = pem_body(&read(&args.key)?)
        .ok_or_else(|| RoleError::new(format!("{} holds no public key in PEM", args.key.display())))?;
    let statement = Certificate::verify(&text, &key)
        .map_err(|error| RoleError::while_doing(&args.certificate.display().to_string(), &error))?;
    let mut table = Table::new(&[
        "region",
        "tenant",
        "subject",
        "erasure",
        "ledger_seq",
        "basis",
        "rows_removed",
        "objects_removed",
        "key_destroyed_at",
        "backups_unreadable_from",
    ]);
    let micros = i64::try_from(statement.ledger.erased_us).unwrap_or(i64::MAX);
    table.push(vec![
        json!(statement.ledger.region),
        json!(statement.ledger.tenant),
        json!(statement.ledger.subject),
        json!(statement.ledger.erasure),
        json!(statement.ledger.seq),
        json!(statement.basis),
        json!(statement.rows_removed),
        json!(statement.objects_removed),
        json!(chrono::DateTime::from_timestamp_micros(micros)),
        json!(statement.backups_unreadable_from),
    ]);
    Ok(table)
}

fn read(path: &Path) -> Result<String, RoleError> {
    let failed = |error: std::io::Error| RoleError::while_doing(&path.display().to_string(), &error);
    let size = std::fs::metadata(path).map_err(failed)?.len();
    if size > u64::try_from(CERTIFICATE_BYTES_MAX).unwrap_or(u64::MAX) {
        return Err(RoleError::new(format!("{} is too large to be what it should be", path.display())));
    }
    std::fs::read_to_string(path).map_err(failed)
}

/// The bytes inside a PEM of one `PUBLIC KEY`.
fn pem_body(text: &str) -> Option<Vec<u8>> {
    let (_, rest) = text.split_once("-----BEGIN PUBLIC KEY-----")?;
    let (body, _) = rest.split_once("-----END PUBLIC KEY-----")?;
    STANDARD.decode(body.split_whitespace().collect::<String>()).ok()
}

/// The public half of the key that signs a region's certificates, in PEM.
pub(super) async fn public_key(cx: &Cx) -> Result<String, RoleError> {
    let (region, kms) = (cx.as_migrator.region, &cx.as_migrator.kms);
    let signer = Signer::connect(region, kms, &cx.as_migrator.audit.signing_key_id)
        .await
        .map_err(|error| RoleError::while_doing("opening the signing key", &error))?;
    Ok(to_pem(signer.public_key_der()))
}

/// A public key in PEM.
fn to_pem(der: &[u8]) -> String {
    let mut text = String::from("-----BEGIN PUBLIC KEY-----\n");
    let body = STANDARD.encode(der);
    for line in body.as_bytes().chunks(64) {
        text.push_str(&String::from_utf8_lossy(line));
        text.push('\n');
    }
    text.push_str("-----END PUBLIC KEY-----\n");
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_survives_its_pem() {
        let der: Vec<u8> = (0..91).collect();
        assert_eq!(pem_body(&to_pem(&der)), Some(der));
        assert_eq!(pem_body("nothing"), None);
    }
}
