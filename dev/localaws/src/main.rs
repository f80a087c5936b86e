//! The command line of the local S3 and KMS: starts both, makes what is missing, says where they are, runs until stopped.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Parser;
use localaws::{ACCOUNT, BucketOptions, Config, Handle, KeySpec, Server};
use tokio::signal::unix::{SignalKind, signal};

/// A strict local S3 and KMS for one region.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// The region, for example `us-east-1`.
    #[arg(long)]
    region: String,
    /// The folder that keeps buckets and keys.
    #[arg(long)]
    dir: PathBuf,
    /// Where S3 listens, for example `127.0.0.1:7416`.
    #[arg(long)]
    s3: SocketAddr,
    /// Where KMS listens; `/_localaws/` on the same port is the admin endpoint.
    #[arg(long)]
    kms: SocketAddr,
    /// The certificate chain in PEM; plain HTTP when absent.
    #[arg(long, requires = "key")]
    cert: Option<PathBuf>,
    /// The private key in PEM.
    #[arg(long, requires = "cert")]
    key: Option<PathBuf>,
    /// The account that owns everything.
    #[arg(long, default_value = ACCOUNT)]
    account: String,
    /// A bucket to make unless it is there: NAME, NAME:versioned or NAME:locked (object lock).
    #[arg(long, value_name = "NAME[:KIND]")]
    ensure_bucket: Vec<String>,
    /// A bucket that is to be in another region: NAME=REGION; every call to it gets a 301.
    #[arg(long, value_name = "NAME=REGION")]
    foreign_bucket: Vec<String>,
    /// An alias whose key is made unless it is there; the first one's ARN is written to DIR/kms/key-arn.
    #[arg(long, value_name = "alias/NAME")]
    ensure_key_alias: Vec<String>,
    /// The same for a key that signs (ECC_NIST_P256); the first one's ARN is written to DIR/kms/signing-key-arn.
    #[arg(long, value_name = "alias/NAME")]
    ensure_signing_alias: Vec<String>,
}

fn main() -> io::Result<()> {
    let arguments = Arguments::parse();
    let handle = Server::start(config(&arguments)?)?;
    prepare(&handle, &arguments)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        handle.shutdown().await;
        Ok(())
    })
}

fn config(arguments: &Arguments) -> io::Result<Config> {
    let tls = match (&arguments.cert, &arguments.key) {
        (Some(cert), Some(key)) => Some((read(cert)?, read(key)?)),
        _ => None,
    };
    Ok(Config {
        region: arguments.region.clone(),
        dir: arguments.dir.clone(),
        s3_listen: arguments.s3,
        kms_listen: arguments.kms,
        tls,
        account: arguments.account.clone(),
    })
}

/// Makes buckets and keys, then prints one line of JSON that says where everything is.
#[expect(clippy::print_stdout, reason = "the line on standard output is how a launcher learns the addresses")]
fn prepare(handle: &Handle, arguments: &Arguments) -> io::Result<()> {
    for wanted in &arguments.ensure_bucket {
        let (name, options) = bucket(wanted)?;
        handle.ensure_bucket(name, options)?;
    }
    for wanted in &arguments.foreign_bucket {
        let (name, region) =
            wanted.split_once('=').ok_or_else(|| invalid(format!("{wanted} is not NAME=REGION")))?;
        let options = BucketOptions { region: Some(region.to_owned()), ..BucketOptions::default() };
        handle.ensure_bucket(name, options)?;
    }
    let mut keys = BTreeMap::new();
    let mut first_arn = None;
    for (aliases, spec) in [
        (&arguments.ensure_signing_alias, KeySpec::EccP256),
        (&arguments.ensure_key_alias, KeySpec::Symmetric),
    ] {
        for (place, alias) in aliases.iter().enumerate() {
            let key = handle.ensure_key_alias_of(alias, spec)?;
            if place == 0 {
                handle.write_key_arn(&key.arn, spec)?;
            }
            if spec == KeySpec::Symmetric {
                first_arn.get_or_insert_with(|| key.arn.clone());
            }
            keys.insert(alias.clone(), key.arn);
        }
    }
    let line = serde_json::json!({
        "s3": handle.s3_endpoint(), "kms": handle.kms_endpoint(), "key_arn": first_arn, "keys": keys,
        "pid": std::process::id()
    });
    println!("{line}");
    Ok(())
}

fn bucket(wanted: &str) -> io::Result<(&str, BucketOptions)> {
    let (name, kind) = wanted.split_once(':').unwrap_or((wanted, ""));
    let plain = BucketOptions::default();
    match kind {
        "" => Ok((name, plain)),
        "versioned" => Ok((name, BucketOptions { versioning: true, ..plain })),
        "locked" => Ok((name, BucketOptions { object_lock: true, ..plain })),
        other => Err(invalid(format!("{other} is not a kind of bucket: versioned or locked"))),
    }
}

fn read(path: &PathBuf) -> io::Result<String> {
    std::fs::read_to_string(path).map_err(|e| io::Error::new(e.kind(), format!("{}: {e}", path.display())))
}

fn invalid(message: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, message)
}
