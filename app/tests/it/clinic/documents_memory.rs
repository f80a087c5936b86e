//! A large document goes through a process in flat memory.

use std::process::Command;

use app::access::Role;
use app::documents::scanner::Scanner;

use crate::support::{Sample, World, dicom};

const MIB: usize = 1_048_576;
/// Length of the document, in MiB.
const DOCUMENT_MIB: usize = 256;
/// Most by which the process may grow while it is sent, looked at and read back, in MiB. The process holds the backend,
/// S3 and the client.
const GROWTH_MAX_MIB: usize = 128;

/// Resident memory at its highest so far, in MiB.
pub(super) fn peak_mib() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<usize>().unwrap() / 1_024
}

/// Says to a process that it is the child.
const CHILD: &str = "DOMICILE_TEST_MEMORY_CHILD";

/// In a process of its own, because the peak is the process's and other tests run in this one.
#[test]
#[expect(clippy::disallowed_methods, reason = "the child is told through its environment that it is one")]
fn a_large_document_takes_no_more_memory_than_a_small_one() {
    if std::env::var_os(CHILD).is_some() {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        return runtime.block_on(Box::pin(send_a_large_document()));
    }
    let own = std::env::current_exe().unwrap();
    let name = "clinic::documents_memory::a_large_document_takes_no_more_memory_than_a_small_one";
    let output = Command::new(own).args(["--exact", name, "--nocapture"]).env(CHILD, "1").output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let ended_well = output.status.success() && said.contains("grew by");
    assert!(ended_well, "{said}{}", String::from_utf8_lossy(&output.stderr));
}

#[expect(clippy::print_stdout, reason = "the figure is what the parent looks for")]
async fn send_a_large_document() {
    let world = World::new().await;
    let doctor = world.staff(&world.alpha, Role::Physician).await;
    let asha = world.patient(&doctor, "D-1").await;
    // Whatever is set up once is set up before anything is measured.
    let small = dicom(0, 20 * MIB);
    world.document(&doctor, &asha, &Sample::new("application/dicom", &small)).await;
    drop(small);
    let announced = serde_json::json!({
        "kind": "image", "title": "CT", "media_type": "application/dicom", "size_bytes": DOCUMENT_MIB * MIB,
    });
    let path = format!("/api/v1/patients/{asha}/documents");
    let made = world.ask(&world.alpha, "POST", &path).by(&doctor).json(&announced).send().await.expect(201);
    let id = made.json()["id"].as_str().unwrap().to_owned();
    let before = peak_mib();
    let pieces = futures_util::stream::iter((0..DOCUMENT_MIB).map(|number| {
        let piece = if number == 0 { dicom(0, MIB) } else { vec![7; MIB] };
        Ok::<_, std::io::Error>(piece)
    }));
    let content = format!("/api/v1/documents/{id}/content");
    let url = format!("https://{}:{}{content}", world.alpha.host, world.address.port());
    // Not the tests' usual way: that one gives up after 30 seconds, and the machine may be busy.
    let put = world.client.put(&url).timeout(std::time::Duration::from_secs(300)).headers(
        [
            ("cookie", doctor.cookie.clone()),
            ("x-csrf-token", doctor.csrf.clone()),
            ("origin", world.alpha.origin()),
            ("content-type", "application/octet-stream".to_owned()),
            ("domicile-route", world.ask(&world.alpha, "PUT", &content).minted()),
        ]
        .into_iter()
        .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()))
        .collect(),
    );
    let sent = put.body(reqwest::Body::wrap_stream(pieces)).send().await.unwrap();
    assert_eq!(sent.status(), 204);
    let complete = format!("/api/v1/documents/{id}/complete");
    world.ask(&world.alpha, "POST", &complete).by(&doctor).send().await.expect(202);
    world.look_at(&id, &Scanner::Off).await.unwrap();
    let minted = world.ask(&world.alpha, "GET", &content).minted();
    let ask = world.client.get(&url).timeout(std::time::Duration::from_secs(300));
    let mut answer =
        ask.header("cookie", &doctor.cookie).header("domicile-route", minted).send().await.unwrap();
    let mut length = 0;
    while let Some(piece) = answer.chunk().await.unwrap() {
        length += piece.len();
    }
    assert_eq!(length, DOCUMENT_MIB * MIB);
    let grown = peak_mib() - before;
    println!("grew by {grown} MiB for {DOCUMENT_MIB} MiB");
    assert!(grown <= GROWTH_MAX_MIB, "grew by {grown} MiB");
}
