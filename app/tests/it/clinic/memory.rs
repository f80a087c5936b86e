//! What a process leaves behind when it dies: nothing.

use std::net::TcpListener;
use std::process::{Command, Stdio};

/// A started process may leave no core file, however generous its surroundings are, and cannot take that back.
#[test]
fn a_started_process_leaves_no_core_file() {
    // A listener that takes the connection and says nothing keeps the process waiting while it is looked at.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let binary = env!("CARGO_BIN_EXE_domicile");
    let script = format!(
        "ulimit -S -c $(ulimit -H -c); exec '{binary}' healthcheck --admin {}",
        silent.local_addr().unwrap()
    );
    let mut process = Command::new("sh").args(["-c", &script]).stderr(Stdio::null()).spawn().unwrap();
    let _connection = silent.accept().unwrap();
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", process.id())).unwrap();
    process.kill().unwrap();
    process.wait().unwrap();
    let line = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    let numbers: Vec<&str> = line.split_whitespace().skip(4).take(2).collect();
    assert_eq!(numbers, ["0", "0"], "soft and hard: {line}");
}
