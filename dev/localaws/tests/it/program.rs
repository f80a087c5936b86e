//! The program: what it prints and writes at start, and that what it acknowledged survives `kill -9`.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use aws_sdk_s3::types::ServerSideEncryption;

use crate::kit::{BUCKET, HOME, REGION, kms_client, s3_client};

struct Program {
    child: Child,
    line: serde_json::Value,
}

impl Program {
    fn start(dir: &Path) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_localaws"))
            .args(["--region", REGION, "--s3", "127.0.0.1:0", "--kms", "127.0.0.1:0"])
            .args(["--ensure-bucket", BUCKET, "--ensure-bucket", "ledger:locked"])
            .args(["--foreign-bucket", "abroad=us-east-1", "--ensure-key-alias", "alias/domicile"])
            .args(["--ensure-signing-alias", "alias/domicile-audit", "--dir"])
            .arg(dir)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut text = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut text).unwrap();
        Self { child, line: serde_json::from_str(&text).unwrap() }
    }

    fn text(&self, name: &str) -> &str {
        self.line[name].as_str().unwrap()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test]
async fn it_says_where_it_is_and_writes_the_key() {
    let dir = tempfile::TempDir::new().unwrap();
    let program = Program::start(dir.path());
    let arn = program.text("key_arn");
    assert_eq!(std::fs::read_to_string(dir.path().join("kms/key-arn")).unwrap().trim(), arn);
    let kms = kms_client(program.text("kms"), None, &HOME);
    let described = kms.describe_key().key_id("alias/domicile").send().await.unwrap().key_metadata.unwrap();
    assert_eq!(described.arn.as_deref(), Some(arn));
    let signing = std::fs::read_to_string(dir.path().join("kms/signing-key-arn")).unwrap();
    assert_eq!(program.line["keys"]["alias/domicile-audit"], signing.trim());
    kms.get_public_key().key_id(signing.trim()).send().await.unwrap();
    let s3 = s3_client(program.text("s3"), None, &HOME);
    s3.get_object_lock_configuration().bucket("ledger").send().await.unwrap();
    assert!(s3.head_bucket().bucket("abroad").send().await.is_err());
}

#[tokio::test]
async fn what_was_acknowledged_survives_kill_9() {
    let dir = tempfile::TempDir::new().unwrap();
    let mut acknowledged = Vec::new();
    for round in 0..3_u32 {
        let mut program = Program::start(dir.path());
        let (s3, key) = (s3_client(program.text("s3"), None, &HOME), program.text("key_arn").to_owned());
        let (done, mut results) = tokio::sync::mpsc::channel(64);
        let writer = tokio::spawn(async move {
            for n in 0..10_000_u32 {
                let name = format!("{round}/{n}");
                let call = s3.put_object().bucket(BUCKET).key(&name).ssekms_key_id(&key);
                let call = call.server_side_encryption(ServerSideEncryption::AwsKms);
                match call.body(vec![n.to_le_bytes()[0]; 50_000].into()).send().await {
                    Ok(_) => done.send((name, n)).await.unwrap(),
                    Err(_) => return,
                }
            }
        });
        for _ in 0..20 {
            acknowledged.push(results.recv().await.unwrap());
        }
        program.child.kill().unwrap();
        program.child.wait().unwrap();
        while let Some(late) = results.recv().await {
            acknowledged.push(late);
        }
        writer.await.unwrap();
    }
    let program = Program::start(dir.path());
    let s3 = s3_client(program.text("s3"), None, &HOME);
    for (name, n) in &acknowledged {
        let got = s3.get_object().bucket(BUCKET).key(name).send().await.unwrap();
        assert_eq!(got.body.collect().await.unwrap().to_vec(), vec![n.to_le_bytes()[0]; 50_000]);
    }
    let listed = s3.list_objects_v2().bucket(BUCKET).send().await.unwrap();
    let listed = usize::try_from(listed.key_count().unwrap()).unwrap();
    assert!(
        (acknowledged.len()..=acknowledged.len() + 3).contains(&listed),
        "one per round may be unacknowledged"
    );
    let blobs = std::fs::read_dir(dir.path().join("s3").join(BUCKET).join("blobs")).unwrap().count();
    assert_eq!(blobs, listed, "no half-written bytes are left");
}
