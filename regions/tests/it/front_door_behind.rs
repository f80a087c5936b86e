//! The framing corpus behind other proxies: what nginx and HAProxy take for a request is what the front door takes for it, or
//! nobody gets an answer (catalogue entry T64).

#![expect(clippy::panic, reason = "a test that cannot go on should fail where it stands")]

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

use crate::front_door_smuggling::{CHUNKS, LINES, ambiguous_heads};
use crate::front_door_world::{ALPHA, Backend, Door, World, until};

/// What a probe hides behind its body, and what an honest client sends there.
const BEHIND: &str = "GET /smuggled HTTP/1.1\r\nhost: alpha.us.domicile.test\r\n\r\n";
/// Longest wait for a proxy that neither answers nor closes: it waits for more of what it takes for a body.
const PROBE_MAX: Duration = Duration::from_secs(2);

/// What a client does once it has sent everything.
#[derive(Clone, Copy, PartialEq, Eq)]
enum After {
    /// Says that nothing follows. A proxy may then leave whatever it had not begun on.
    Ends,
    /// Stays, because its last request asks for the connection to be closed.
    Stays,
}

/// A proxy in front of the front door; it ends with the test.
struct Proxy {
    child: Child,
    socket: PathBuf,
    log: PathBuf,
}

impl Drop for Proxy {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Each request a proxy sent on, as it logged it.
fn targets(log: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    text.lines().filter_map(|line| line.strip_prefix("sent-on ")).map(str::to_owned).collect()
}

#[expect(clippy::disallowed_methods, reason = "the machine says where its programs are")]
fn program(name: &str) -> PathBuf {
    let path = std::env::var("PATH").unwrap_or_default();
    let places = path.split(':').chain(["/usr/sbin", "/usr/local/sbin", "/opt/homebrew/bin"]);
    let found = places.map(|place| Path::new(place).join(name)).find(|file| file.is_file());
    found.unwrap_or_else(|| panic!("{name} is missing: `cargo xtask test` and `make test` install it"))
}

impl Proxy {
    async fn nginx(door: &Door, dir: &Path) -> Self {
        let (socket, log) = (dir.join("nginx.sock"), dir.join("nginx.log"));
        // Everything nginx can be told to let through, it lets through.
        let config = format!(
            "daemon off; master_process off; pid {dir}/nginx.pid; error_log {dir}/nginx.error warn;\n\
             events {{ worker_connections 256; }}\n\
             http {{\n  map $upstream_status $sent {{ default sent-on; '' not-sent; '-' not-sent; }}\n\
               log_format seen '$sent $request_method $request_uri'; access_log {log} seen;\n\
               client_body_temp_path {dir}/b; proxy_temp_path {dir}/p; fastcgi_temp_path {dir}/f; uwsgi_temp_path {dir}/u;\n\
               scgi_temp_path {dir}/s; underscores_in_headers on; ignore_invalid_headers off; merge_slashes off;\n\
               upstream door {{ server {door}; keepalive 8; }}\n\
               server {{\n    listen unix:{socket};\n\
                 location / {{\n      proxy_pass https://door; proxy_http_version 1.1; proxy_set_header Connection '';\n\
                   proxy_set_header Host {ALPHA}; proxy_request_buffering off; proxy_ignore_client_abort on;\n\
                   proxy_ssl_name {ALPHA}; proxy_ssl_server_name on; proxy_ssl_verify on;\n\
                   proxy_ssl_trusted_certificate {ca};\n\
             }} }} }}\n",
            dir = dir.display(),
            log = log.display(),
            socket = socket.display(),
            door = door.client,
            ca = door.ca.display(),
        );
        std::fs::write(dir.join("nginx.conf"), config).unwrap();
        let mut command = Command::new(program("nginx"));
        command.arg("-p").arg(dir).arg("-c").arg(dir.join("nginx.conf")).stdout(Stdio::null());
        command.stderr(File::create(dir.join("nginx.stderr")).unwrap());
        Self::start(command, socket, log).await
    }

    async fn haproxy(door: &Door, dir: &Path) -> Self {
        let (socket, log) = (dir.join("haproxy.sock"), dir.join("haproxy.log"));
        let config = format!(
            "global\n  maxconn 256\n  nbthread 1\n  log stdout format raw local0\n\
             defaults\n  mode http\n  log global\n  timeout connect 5s\n  timeout client 10s\n  timeout server 10s\n\
               http-reuse always\n  option accept-invalid-http-request\n\
             frontend in\n  bind unix@{socket}\n  default_backend door\n\
               log-format \"%s %HM %HU\"\n\
             backend door\n  option accept-invalid-http-response\n  http-request set-header Host {ALPHA}\n\
               server sent-on {door} ssl sni str({ALPHA}) verifyhost {ALPHA} verify required ca-file {ca} alpn http/1.1\n",
            socket = socket.display(),
            door = door.client,
            ca = door.ca.display(),
        );
        std::fs::write(dir.join("haproxy.cfg"), config).unwrap();
        let mut command = Command::new(program("haproxy"));
        command.arg("-db").arg("-f").arg(dir.join("haproxy.cfg")).stdout(File::create(&log).unwrap());
        command.stderr(File::create(dir.join("haproxy.stderr")).unwrap());
        Self::start(command, socket, log).await
    }

    async fn start(mut command: Command, socket: PathBuf, log: PathBuf) -> Self {
        let child = command.stdin(Stdio::null()).spawn().unwrap();
        let proxy = Self { child, socket, log };
        until("the proxy listens", || std::os::unix::net::UnixStream::connect(&proxy.socket).is_ok()).await;
        proxy
    }

    /// Sends the bytes and nothing after them, and returns what comes back until the proxy closes or waits.
    async fn say(&self, bytes: &[u8], after: After) -> String {
        let mut stream = UnixStream::connect(&self.socket).await.unwrap();
        let mut answer = Vec::new();
        let talk = async {
            drop(stream.write_all(bytes).await);
            if after == After::Ends {
                drop(stream.shutdown().await);
            }
            drop(stream.read_to_end(&mut answer).await);
        };
        let _waits = tokio::time::timeout(PROBE_MAX, talk).await.is_err();
        String::from_utf8_lossy(&answer).into_owned()
    }
}

fn count(targets: impl IntoIterator<Item = String>) -> BTreeMap<String, usize> {
    let mut counted = BTreeMap::new();
    for target in targets {
        *counted.entry(target).or_default() += 1;
    }
    counted
}

/// Sends one probe, then an honest request that may travel on the same connection to the front door, and compares what
/// the proxy sent on with what came through. Returns how many requests of the probe came through.
async fn probe(proxy: &Proxy, backend: &Backend, number: usize, (wire, after): (&str, After)) -> usize {
    let (sent_before, came_before) = (targets(&proxy.log).len(), backend.count());
    let answer = proxy.say(wire.as_bytes(), after).await;
    let mark = format!("after-{number}");
    let honest = format!(
        "POST /echo?{mark} HTTP/1.1\r\nhost: {ALPHA}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{mark}",
        mark.len()
    );
    let echoed = proxy.say(honest.as_bytes(), After::Stays).await;
    assert!(echoed.starts_with("HTTP/1.1 200 "), "after {wire:?}: {echoed:?}");
    assert!(
        echoed.ends_with(&mark) || echoed.contains(&format!("\r\n{mark}\r\n")),
        "after {wire:?}: {echoed:?}"
    );
    until("the proxy's log", || targets(&proxy.log).iter().any(|line| line.ends_with(&mark))).await;
    let sent = count(targets(&proxy.log).drain(sent_before..));
    let came = count(
        backend.seen().drain(came_before..).map(|seen| format!("{} {}", seen.assertion.method, seen.target)),
    );
    for (target, times) in &came {
        let known = sent.get(target).copied().unwrap_or(0);
        assert!(
            *times <= known,
            "{target} came through {times} times, sent on {known} times, in {wire:?}: {answer:?}"
        );
    }
    let answered = answer.matches("HTTP/1.1 200 ").count();
    let came: usize = came.values().sum::<usize>() - 1;
    assert!(answered <= came, "{answered} answers to {came} requests in {wire:?}: {answer:?}");
    came
}

async fn run_corpus(backend: &Backend, proxy: &Proxy) {
    let probes = ambiguous_heads()
        .into_iter()
        .map(|head| format!("POST /echo HTTP/1.1\r\nHost: {ALPHA}\r\n{head}\r\n0\r\n\r\n{BEHIND}"))
        .chain(LINES.iter().map(|line| format!("{line}\r\nHost: {ALPHA}\r\n\r\n{BEHIND}")))
        .chain(CHUNKS.iter().map(|body| {
            format!(
                "POST /echo HTTP/1.1\r\nHost: {ALPHA}\r\nTransfer-Encoding: chunked\r\n\r\n{body}{BEHIND}"
            )
        }));
    let (mut number, mut through) = (0, 0);
    for wire in probes {
        through += probe(proxy, backend, number, (&wire, After::Ends)).await;
        number += 1;
    }
    assert!(number >= 180, "{number} probes");
    // That the proxy sends anything on at all, and pipelined requests as several, is what makes the rest worth something.
    let good = format!(
        "POST /echo HTTP/1.1\r\nHost: {ALPHA}\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n\
         GET /behind HTTP/1.1\r\nhost: {ALPHA}\r\nconnection: close\r\n\r\n"
    );
    assert_eq!(probe(proxy, backend, number, (&good, After::Stays)).await, 2);
    assert!(
        through > 0,
        "none of {number} probes came through in part: the proxy refuses what it should pass on"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t64_nginx_and_the_front_door_agree_on_every_request() {
    let world = World::new().await;
    let backend = world.backend("us").await;
    let door = world.door("us", &[backend.address]).await;
    let proxy = Proxy::nginx(&door, world.folder.path()).await;
    run_corpus(&backend, &proxy).await;
    door.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t64_haproxy_and_the_front_door_agree_on_every_request() {
    let world = World::new().await;
    let backend = world.backend("us").await;
    let door = world.door("us", &[backend.address]).await;
    let proxy = Proxy::haproxy(&door, world.folder.path()).await;
    run_corpus(&backend, &proxy).await;
    door.stop().await;
}
