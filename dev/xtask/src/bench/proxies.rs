//! nginx and HAProxy, configured to do what the front door does as far as they can: TLS 1.3 in, pooled mTLS out.
use std::path::{Path, PathBuf};

use rustix::process::Signal;

use crate::bench::machine::ticks_of_tree;
use crate::deps;
use crate::fail::{Fail, Outcome};
use crate::pki::Pair;
use crate::places::{Home, make_dir, write_private};
use crate::process::{self, Daemon};

/// A running contender.
pub(super) struct Proxy {
    /// Its name in the tables.
    pub name: &'static str,
    /// Its port.
    pub port: u16,
    /// Its main process.
    pub pid: u32,
    /// Where its record is, if it is ours to stop.
    pub ours: Option<(Home, String)>,
}

impl Proxy {
    /// Processor time that it and its workers have used, in ticks.
    pub(super) fn cpu_ticks(&self) -> u64 {
        ticks_of_tree(self.pid)
    }
}

/// What a terminating proxy needs.
pub(super) struct Terminating<'a> {
    /// The stack's folder.
    pub home: &'a Home,
    /// Shown to clients.
    pub public: Pair,
    /// Shown to the upstream.
    pub client: Pair,
    /// The authority of the upstream.
    pub ca: &'a Path,
    /// The name the upstream's certificate carries.
    pub server_name: &'a str,
    /// The upstream's port.
    pub upstream: u16,
    /// Worker processes or threads: as many as the front door has.
    pub threads: usize,
}

/// Starts nginx.
pub(super) fn nginx(parts: &Terminating<'_>, port: u16) -> Outcome<Proxy> {
    let dir = parts.home.run("nginx");
    make_dir(&dir)?;
    let config = format!(
        "daemon off; worker_processes {threads}; pid {dir}/pid; error_log stderr warn; user root;\n\
         events {{ worker_connections 2048; }}\n\
         http {{\n  access_log off; keepalive_requests 1000000; client_body_temp_path {dir}/body; proxy_temp_path {dir}/proxy;\n\
           fastcgi_temp_path {dir}/f; uwsgi_temp_path {dir}/u; scgi_temp_path {dir}/s;\n\
           upstream up {{ server 127.0.0.1:{upstream}; keepalive 128; keepalive_requests 1000000; }}\n\
           server {{\n    listen 127.0.0.1:{port} ssl; server_name _; ssl_protocols TLSv1.3;\n\
             ssl_certificate {cert}; ssl_certificate_key {key};\n\
             location / {{\n      proxy_pass https://up; proxy_http_version 1.1; proxy_set_header Connection '';\n\
               proxy_set_header Host $host; proxy_set_header X-Request-Id $request_id;\n\
               proxy_ssl_protocols TLSv1.3; proxy_ssl_certificate {client_cert}; proxy_ssl_certificate_key {client_key};\n\
               proxy_ssl_trusted_certificate {ca}; proxy_ssl_verify on; proxy_ssl_name {name}; proxy_ssl_server_name on;\n\
         }} }} }}\n",
        threads = parts.threads,
        dir = dir.display(),
        upstream = parts.upstream,
        cert = parts.public.cert.display(),
        key = parts.public.key.display(),
        client_cert = parts.client.cert.display(),
        client_key = parts.client.key.display(),
        ca = parts.ca.display(),
        name = parts.server_name,
    );
    let config =
        if rustix::process::geteuid().is_root() { config } else { config.replace(" user root;", "") };
    let file = dir.join("nginx.conf");
    write_private(&file, config.as_bytes())?;
    let mut daemon = Daemon::new(&program("nginx")?, None);
    daemon.command.arg("-p").arg(&dir).arg("-c").arg(&file);
    start(parts.home, "bench/nginx", "nginx", port, daemon)
}

/// Starts HAProxy as a terminating proxy.
pub(super) fn haproxy(parts: &Terminating<'_>, port: u16) -> Outcome<Proxy> {
    let public = bundle(parts.home, "public", &parts.public)?;
    let client = bundle(parts.home, "client", &parts.client)?;
    let config = format!(
        "{HAPROXY_HEAD}  nbthread {threads}\n\
         defaults\n  mode http\n  timeout connect 5s\n  timeout client 60s\n  timeout server 60s\n  http-reuse always\n\
         frontend in\n  bind 127.0.0.1:{port} ssl crt {public} ssl-min-ver TLSv1.3\n  default_backend up\n\
         backend up\n  server one 127.0.0.1:{upstream} ssl crt {client} ca-file {ca} verify required verifyhost {name} \
         sni str({name}) ssl-min-ver TLSv1.3 pool-max-conn 256\n",
        threads = parts.threads,
        upstream = parts.upstream,
        ca = parts.ca.display(),
        name = parts.server_name,
    );
    start_haproxy(parts.home, "haproxy", port, &config)
}

/// Starts HAProxy as a forwarder of unopened connections to `target`.
pub(super) fn haproxy_tcp(home: &Home, threads: usize, ports: (u16, u16)) -> Outcome<Proxy> {
    let (port, target) = ports;
    let config = format!(
        "{HAPROXY_HEAD}  nbthread {threads}\n\
         defaults\n  mode tcp\n  timeout connect 5s\n  timeout client 60s\n  timeout server 60s\n\
         frontend in\n  bind 127.0.0.1:{port}\n  default_backend up\n\
         backend up\n  server one 127.0.0.1:{target}\n"
    );
    start_haproxy(home, "haproxy-tcp", port, &config)
}

fn start_haproxy(home: &Home, name: &'static str, port: u16, config: &str) -> Outcome<Proxy> {
    let file = home.run(&format!("{name}.cfg"));
    write_private(&file, config.as_bytes())?;
    let mut daemon = Daemon::new(&program("haproxy")?, None);
    daemon.command.arg("-db").arg("-f").arg(&file);
    start(home, &format!("bench/{name}"), name, port, daemon)
}

fn start(home: &Home, record: &str, name: &'static str, port: u16, daemon: Daemon) -> Outcome<Proxy> {
    let started = process::start(home, record, &home.logs("bench").join(format!("{name}.log")), daemon)?;
    Ok(Proxy { name, port, pid: started.pid, ours: Some((home.clone(), record.to_owned())) })
}

/// Stops the contenders that are not part of the stack.
pub(super) fn stop(proxies: Vec<Proxy>) -> Outcome<()> {
    for (home, name) in proxies.into_iter().filter_map(|proxy| proxy.ours) {
        process::stop(&home, &name, Signal::TERM)?;
    }
    Ok(())
}

fn program(name: &str) -> Outcome<PathBuf> {
    deps::find_program(name).ok_or_else(|| Fail::new(format!("{name} is not installed.")))
}

/// HAProxy wants a certificate and its key in one file.
fn bundle(home: &Home, name: &str, pair: &Pair) -> Outcome<String> {
    let both = [crate::places::read_text(&pair.cert)?, crate::places::read_text(&pair.key)?].concat();
    let path = home.run(&format!("haproxy-{name}.pem"));
    write_private(&path, both.as_bytes())?;
    Ok(path.display().to_string())
}

const HAPROXY_HEAD: &str = "global\n  maxconn 4000\n";
