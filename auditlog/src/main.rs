//! `audit-verify`: checks a copied log, a receipt or a monthly pack, offline. Exit code 0: good. 1: not good. 2: could not be checked.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use auditlog::pack::verify_pack;
use auditlog::verify::{GAP_MAX_S, Options, SKEW_MAX_S, Seen, verify_folder, verify_seen};
use auditlog::{Receipt, VerifierKey};
use clap::{Args, Parser, Subcommand};

/// Checks an audit log that was copied into a folder, one receipt, or a monthly pack. Needs no network.
#[derive(Parser)]
#[command(name = "audit-verify", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Checks every log in a folder.
    Folder(FolderArgs),
    /// Checks that a receipt's event is in a log that a trusted key signed.
    Receipt(ReceiptArgs),
    /// Checks every log in a folder, and that each has only grown since the last time; remembers how far it has come.
    Witness(WitnessArgs),
    /// Checks a clinic's monthly pack, whose files are in one folder.
    Pack(PackArgs),
}

#[derive(Args)]
struct Trust {
    /// A verifier key (`name+id+base64`), or a file with one a line. Get it from a place you trust, not from the log.
    #[arg(long = "key", required = true)]
    keys: Vec<String>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
struct FolderArgs {
    /// The folder.
    folder: PathBuf,
    #[command(flatten)]
    trust: Trust,
    /// Longest time without a mark of the sealer, in seconds.
    #[arg(long, default_value_t = GAP_MAX_S)]
    gap_max_s: u64,
}

#[derive(Args)]
struct ReceiptArgs {
    /// The receipt.
    file: PathBuf,
    #[command(flatten)]
    trust: Trust,
}

#[derive(Args)]
struct WitnessArgs {
    #[command(flatten)]
    folder: FolderArgs,
    /// The witness's memory, which nobody but the witness may write. It is made the first time, when everything is believed.
    #[arg(long)]
    seen: PathBuf,
}

#[derive(Args)]
struct PackArgs {
    /// The folder with the pack's files and nothing else.
    folder: PathBuf,
    /// A copy of the log, checked before with `folder`: compare the pack's events with it.
    #[arg(long)]
    log: Option<PathBuf>,
    #[command(flatten)]
    trust: Trust,
}

fn main() -> ExitCode {
    let (text, code) = match run(Cli::parse().command) {
        Ok((text, true)) => (text, 0),
        Ok((text, false)) => (text, 1),
        Err(sentence) => (format!("audit-verify: {sentence}\n"), 2),
    };
    let written = if code == 2 {
        std::io::stderr().write_all(text.as_bytes())
    } else {
        std::io::stdout().write_all(text.as_bytes())
    };
    if written.is_err() { ExitCode::from(2) } else { ExitCode::from(code) }
}

fn run(command: Command) -> Result<(String, bool), String> {
    match command {
        Command::Folder(args) => {
            let keys = keys(&args.trust)?;
            let options = Options { keys, gap_max_s: args.gap_max_s, skew_max_s: SKEW_MAX_S };
            let report = verify_folder(&args.folder, &options).map_err(|error| error.to_string())?;
            let text = if args.trust.json { json(&report)? } else { report.to_text() };
            Ok((text, report.ok))
        }
        Command::Receipt(args) => {
            let keys = keys(&args.trust)?;
            let text = std::fs::read_to_string(&args.file)
                .map_err(|error| format!("{}: {error}", args.file.display()))?;
            Ok(receipt(&text, &keys, args.trust.json))
        }
        Command::Witness(args) => witness(&args),
        Command::Pack(args) => {
            let keys = keys(&args.trust)?;
            let report = verify_pack(&args.folder, &keys, args.log.as_deref())
                .map_err(|error| format!("{}: {error}", args.folder.display()))?;
            let text = if args.trust.json { json(&report)? } else { report.to_text() };
            Ok((text, report.ok))
        }
    }
}

fn witness(args: &WitnessArgs) -> Result<(String, bool), String> {
    let (folder, path) = (&args.folder, &args.seen);
    let told = |error: std::io::Error| format!("{}: {error}", path.display());
    let seen = match std::fs::read_to_string(path) {
        Ok(text) => {
            Seen::parse(&text).ok_or_else(|| format!("{} is not a witness's memory", path.display()))?
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Seen::default(),
        Err(error) => return Err(told(error)),
    };
    let keys = keys(&folder.trust)?;
    let options = Options { keys, gap_max_s: folder.gap_max_s, skew_max_s: SKEW_MAX_S };
    let (report, keep) = verify_seen(&folder.folder, &options, &seen).map_err(|error| error.to_string())?;
    if keep != seen {
        // Beside it and then over it: a witness that is killed remembers what it knew before.
        let next = path.with_extension("next");
        std::fs::write(&next, keep.to_text()).map_err(told)?;
        std::fs::rename(&next, path).map_err(told)?;
    }
    let text = if folder.trust.json { json(&report)? } else { report.to_text() };
    Ok((text, report.ok))
}

fn receipt(text: &str, keys: &[VerifierKey], as_json: bool) -> (String, bool) {
    let proved = match Receipt::parse(text).and_then(|receipt| receipt.verify(keys)) {
        Ok(proved) => proved,
        Err(error) => {
            let told = if as_json {
                format!("{}\n", serde_json::json!({ "ok": false, "reason": error.to_string() }))
            } else {
                format!("NOT good: {error}\n")
            };
            return (told, false);
        }
    };
    let (event, hex) = (&proved.event, |bytes: &[u8]| data_encoding::HEXLOWER.encode(bytes));
    if as_json {
        let value = serde_json::json!({
            "ok": true, "origin": proved.checkpoint.origin, "size": proved.checkpoint.size,
            "event_id": hex(&event.event_id), "tenant": hex(&event.tenant), "tenant_seq": proved.tenant_seq,
            "occurred_us": event.occurred_us, "action": event.action, "outcome": event.outcome,
            "purpose": event.purpose, "actor_kind": event.actor_kind, "actor": hex(&event.actor),
            "resource_kind": event.resource_kind, "resource": event.resource.as_ref().map(|id| hex(id)),
            "subject": event.subject.as_ref().map(|id| hex(id)), "row_version": event.row_version,
        });
        return (format!("{value}\n"), true);
    }
    let told = format!(
        "good: {} {} by {} {} at {} us since 1970\n  event {} of clinic {}, number {} in its chain\n  signed by {}\n",
        event.outcome,
        event.action,
        event.actor_kind,
        hex(&event.actor),
        event.occurred_us,
        hex(&event.event_id),
        hex(&event.tenant),
        proved.tenant_seq,
        proved.checkpoint.origin
    );
    (told, true)
}

fn keys(trust: &Trust) -> Result<Vec<VerifierKey>, String> {
    let mut keys = Vec::new();
    for given in &trust.keys {
        if let Ok(key) = VerifierKey::parse(given) {
            keys.push(key);
            continue;
        }
        let text = std::fs::read_to_string(given)
            .map_err(|_error| format!("{given} is neither a verifier key nor a file that can be read"))?;
        for line in text.lines().filter(|line| !line.trim().is_empty()) {
            keys.push(VerifierKey::parse(line).map_err(|error| format!("{given}: {error}"))?);
        }
    }
    if keys.is_empty() { Err("no verifier key was given".to_owned()) } else { Ok(keys) }
}

fn json(report: &impl serde::Serialize) -> Result<String, String> {
    let mut text = serde_json::to_string_pretty(report).map_err(|error| error.to_string())?;
    text.push('\n');
    Ok(text)
}
