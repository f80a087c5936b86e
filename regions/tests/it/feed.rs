//! The feed against a real server: news within a second, starts without the control plane, and nothing
//! believed unsigned.

use crate::control::{Control, Pki, feed_config, reserve, serve, tenant};
use regions::directory::{DirectoryHandle, Entry, Lookup, TenantRecord, TenantState, feed, store};
use regions::metrics;
use regions::shutdown::{Shutdown, Trigger};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::task::JoinHandle;

const DEADLINE: Duration = Duration::from_secs(15);

struct Client {
    directory: DirectoryHandle,
    trigger: Trigger,
    task: JoinHandle<()>,
}

impl Client {
    fn start(config: feed::FeedConfig) -> Self {
        let (trigger, shutdown) = Shutdown::new();
        let directory = DirectoryHandle::new();
        let run = feed::run(config, directory.clone(), shutdown);
        Self { directory, trigger, task: tokio::spawn(async move { run.await.unwrap() }) }
    }

    async fn at_version(&self, version: u64) {
        let mut versions = self.directory.subscribe();
        let reached = versions.wait_for(|now| *now >= version);
        tokio::time::timeout(DEADLINE, reached).await.expect("the version arrives").unwrap();
    }

    async fn stop(self) {
        self.trigger.trigger();
        tokio::time::timeout(DEADLINE, self.task).await.expect("the feed stops").unwrap();
    }
}

struct Setup {
    pki: Pki,
    control: Arc<Control>,
    file: PathBuf,
    _folder: tempfile::TempDir,
}

fn setup() -> Setup {
    let folder = tempfile::tempdir().unwrap();
    let control = Arc::new(Control::new());
    control.append(Entry::Tenant(tenant(1)));
    Setup {
        pki: Pki::new(&folder.path().join("pki")),
        control,
        file: folder.path().join("data/directory.bin"),
        _folder: folder,
    }
}

fn refused(reason: &str) -> u64 {
    metrics::DIRECTORY_REFUSED.with_label_values(&[reason]).get()
}

async fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + DEADLINE;
    while !holds() {
        assert!(Instant::now() < end, "{what} did not happen in time");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

fn deltas_of(file: &Path) -> PathBuf {
    file.with_file_name("directory.bin.deltas")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn news_reach_every_front_door_within_a_second() {
    let Setup { pki, control, file, _folder } = setup();
    let running = serve(control.clone(), &pki, 0).await;
    let config = feed_config(&pki, &control, running.port, &file);
    let at =
        |number: u8| feed::FeedConfig { file: file.with_extension(number.to_string()), ..config.clone() };
    let clients: Vec<_> = (0..3).map(|number| Client::start(at(number))).collect();
    for client in &clients {
        client.at_version(3).await;
    }
    for number in 2..40 {
        let appended = Instant::now();
        let version = control.append(Entry::Tenant(tenant(number))).version;
        for client in &clients {
            client.at_version(version).await;
            assert!(matches!(client.directory.lookup_slug(&tenant(number).slug), Lookup::Found(_)));
        }
        assert!(appended.elapsed() < Duration::from_secs(1), "tenant {number} took {:?}", appended.elapsed());
    }
    assert_eq!(control.snapshot_calls.load(Ordering::SeqCst), 3, "one snapshot each, then deltas");
    for client in clients {
        client.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_starts_from_its_last_good_copy_with_the_control_plane_down() {
    let Setup { pki, control, file, _folder } = setup();
    let (_reserved, port) = reserve();
    let running = serve(control.clone(), &pki, port).await;
    let config = feed_config(&pki, &control, port, &file);
    let client = Client::start(config.clone());
    client.at_version(3).await;
    let version =
        control.append(Entry::Tenant(TenantRecord { state: TenantState::Suspended, ..tenant(1) })).version;
    client.at_version(version).await;
    eventually("the delta is on disk", || {
        std::fs::metadata(deltas_of(&file)).is_ok_and(|meta| meta.len() > 0)
    })
    .await;
    client.stop().await;
    drop(running);

    let restarted = Client::start(config.clone());
    restarted.at_version(version).await;
    let suspended = |lookup| matches!(lookup, Lookup::Found(route) if route.state == TenantState::Suspended);
    assert!(
        suspended(restarted.directory.lookup("clinic-1")),
        "the copy includes what came after the snapshot"
    );
    assert_eq!(restarted.directory.lookup("clinic-2"), Lookup::Unknown);

    // The control plane comes back on its old address, with news.
    let news = control.append(Entry::Tenant(tenant(2))).version;
    let _running = serve(control.clone(), &pki, port).await;
    restarted.at_version(news).await;
    assert!(matches!(restarted.directory.lookup("clinic-2"), Lookup::Found(_)));
    restarted.stop().await;
}

/// A crash tore the last delta; what comes next must not be written after the tear, where nobody would read
/// it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn news_after_a_torn_delta_survive_the_next_restart() {
    let Setup { pki, control, file, _folder } = setup();
    store::save(&file, &control.snapshot()).unwrap();
    std::fs::write(deltas_of(&file), [0, 0, 1, 0, b't', b'o', b'r', b'n']).unwrap();
    let running = serve(control.clone(), &pki, 0).await;
    let config = feed_config(&pki, &control, running.port, &file);
    let client = Client::start(config.clone());
    client.at_version(3).await;
    let version = control.append(Entry::Tenant(tenant(2))).version;
    client.at_version(version).await;
    eventually("a new copy is saved", || std::fs::read(&file).is_ok_and(|copy| copy == control.snapshot()))
        .await;
    client.stop().await;
    drop(running);
    let restarted = Client::start(config);
    restarted.at_version(version).await;
    restarted.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_altered_copy_is_not_believed_and_is_replaced_once_the_feed_answers() {
    let Setup { pki, control, file, _folder } = setup();
    let mut altered = control.snapshot();
    let last = altered.len() - 1;
    altered[last] ^= 1;
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    std::fs::write(&file, &altered).unwrap();
    let before = refused("content");
    let (_reserved, port) = reserve();
    let client = Client::start(feed_config(&pki, &control, port, &file));
    eventually("the copy is refused", || refused("content") > before).await;
    assert_eq!(client.directory.lookup("clinic-1"), Lookup::NotReady);
    assert!(!client.directory.refresh_now().await, "nobody answers");
    let _running = serve(control.clone(), &pki, port).await;
    client.at_version(3).await;
    eventually("the copy is replaced", || std::fs::read(&file).is_ok_and(|bytes| bytes != altered)).await;
    client.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_control_plane_restored_from_an_old_backup_takes_nothing_away() {
    let Setup { pki, control, file, _folder } = setup();
    let version = control.append(Entry::Tenant(tenant(2))).version;
    let running = serve(control.clone(), &pki, 0).await;
    let client = Client::start(feed_config(&pki, &control, running.port, &file));
    client.at_version(version).await;
    let before = refused("older");
    control.roll_back_to(3);
    // Asked what comes after a version it no longer has, the control plane offers its old snapshot.
    client.directory.refresh_now().await;
    eventually("the old snapshot is refused", || refused("older") > before).await;
    assert_eq!(client.directory.head().unwrap().version, version);
    assert!(matches!(client.directory.lookup("clinic-2"), Lookup::Found(_)));
    client.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_front_door_that_was_away_too_long_takes_a_snapshot() {
    let Setup { pki, control, file, _folder } = setup();
    let running = serve(control.clone(), &pki, 0).await;
    let config = feed_config(&pki, &control, running.port, &file);
    let client = Client::start(config.clone());
    client.at_version(3).await;
    client.stop().await;
    control.append_tenants(2..=29);
    control.oldest_delta.store(10, Ordering::SeqCst);
    let back = Client::start(config);
    back.at_version(control.head().version).await;
    assert_eq!(control.snapshot_calls.load(Ordering::SeqCst), 2);
    back.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn any_number_of_refreshes_ask_the_control_plane_a_few_times_only() {
    let Setup { pki, control, file, _folder } = setup();
    let running = serve(control.clone(), &pki, 0).await;
    let client = Client::start(feed_config(&pki, &control, running.port, &file));
    client.at_version(3).await;
    let before = control.delta_calls.load(Ordering::SeqCst);
    let started = Instant::now();
    for _round in 0..20 {
        let callers = (0..100).map(|_| {
            let directory = client.directory.clone();
            tokio::spawn(async move { directory.refresh_now().await })
        });
        for caller in callers.collect::<Vec<_>>() {
            assert!(caller.await.unwrap(), "the feed answered");
        }
    }
    let calls = u128::from(control.delta_calls.load(Ordering::SeqCst) - before);
    // A refresh makes two calls: one that is answered at once, and the next one that waits for news.
    let allowed = 2 * (started.elapsed().as_millis() / 100 + 2);
    assert!(calls <= allowed, "{calls} calls for 2,000 refreshes, {allowed} allowed");
    client.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_source_that_never_waits_is_not_asked_without_pause() {
    let Setup { pki, control, file, _folder } = setup();
    control.impatient.store(true, Ordering::SeqCst);
    let running = serve(control.clone(), &pki, 0).await;
    let client = Client::start(feed_config(&pki, &control, running.port, &file));
    client.at_version(3).await;
    let started = Instant::now();
    let before = control.delta_calls.load(Ordering::SeqCst);
    eventually("it is asked", || control.delta_calls.load(Ordering::SeqCst) >= before + 6).await;
    assert!(started.elapsed() >= Duration::from_millis(400), "{:?}", started.elapsed());
    client.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_feed_answers_only_processes_with_a_certificate_of_its_authority() {
    let Setup { pki, control, file, _folder } = setup();
    let running = serve(control.clone(), &pki, 0).await;
    let foreign = Pki::new(&file.with_file_name("foreign"));
    let identity = foreign.issue("front-door.us-east-1", &["front-door.us.domicile.internal"]);
    let stranger = regions::tls::mutual_client(&identity, &pki.ca(), &["http/1.1"]).unwrap();
    let nobody = regions::tls::client(&pki.ca()).unwrap();
    for config in [stranger, nobody] {
        let tcp = tokio::net::TcpStream::connect(("127.0.0.1", running.port)).await.unwrap();
        let name = crate::control::SERVER_NAME.try_into().unwrap();
        // In TLS 1.3 the client learns of the refusal when it reads.
        let answer = async {
            let mut tls = tokio_rustls::TlsConnector::from(Arc::new(config)).connect(name, tcp).await?;
            tls.write_all(b"GET /feed/v1/snapshot HTTP/1.1\r\nhost: x\r\n\r\n").await?;
            let mut first = [0; 1];
            tls.read_exact(&mut first).await
        };
        assert!(tokio::time::timeout(DEADLINE, answer).await.unwrap().is_err());
    }
    assert_eq!(control.snapshot_calls.load(Ordering::SeqCst), 0);
}
