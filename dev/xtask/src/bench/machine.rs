//! What the numbers were measured on, and processor time and memory as the kernel counts them.
use std::path::Path;
use std::process::Command;

/// Ticks of `/proc/<pid>/stat` a second: 100 on every Linux that Rust's standard library supports (`USER_HZ`).
const TICKS_PER_SECOND: u64 = 100;

/// Processor time in nanoseconds.
pub(super) fn nanos(ticks: u64) -> u64 {
    ticks * (1_000_000_000 / TICKS_PER_SECOND)
}

/// User and system time of a process and its children so far, in ticks.
pub(super) fn ticks_of_tree(pid: u32) -> u64 {
    let children = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    let of_children: u64 =
        children.split_whitespace().filter_map(|child| child.parse().ok()).map(ticks_of_tree).sum();
    ticks_of(pid) + of_children
}

/// Fields 14 and 15 of `proc(5)`'s stat, counted from the bracket that ends the process's name.
fn ticks_of(pid: u32) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let rest = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    rest.split_whitespace().skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum()
}

/// Resident memory of a process in KiB.
pub(super) fn resident_kib(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
    line.split_whitespace().next().and_then(|number| number.parse().ok()).unwrap_or_default()
}

/// The machine's load average of the last minute; what else ran shows in it.
pub(super) fn load_average() -> String {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split_whitespace().next().unwrap_or("unknown").to_owned()
}

/// The machine in a line: processor, cores, memory, kernel.
pub(super) fn describe() -> String {
    let cpus = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpus
        .lines()
        .find_map(|line| line.strip_prefix("model name"))
        .map_or("unknown processor", |rest| rest.trim_start_matches(|c: char| c.is_whitespace() || c == ':'));
    let cores = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
    let memory = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let kib: u64 =
        memory.split_whitespace().nth(1).and_then(|number| number.parse().ok()).unwrap_or_default();
    format!(
        "{model}, {cores} cores, {} GiB, Linux {}",
        kib / (1024 * 1024),
        said(Path::new("."), "uname", &["-r"])
    )
}

/// The commit, with a mark when the tree differs from it.
pub(super) fn commit(root: &Path) -> String {
    let hash = said(root, "git", &["rev-parse", "--short", "HEAD"]);
    let clean = said(root, "git", &["status", "--porcelain", "--untracked-files=no"]).is_empty();
    if clean { hash } else { format!("{hash} with changes") }
}

/// The first line that a program prints; empty where it cannot be run.
pub(super) fn said(folder: &Path, program: &str, arguments: &[&str]) -> String {
    let program = crate::deps::find_program(program).unwrap_or_else(|| program.into());
    let output = Command::new(program).args(arguments).current_dir(folder).output();
    let bytes = output.map(|output| if output.stdout.is_empty() { output.stderr } else { output.stdout });
    String::from_utf8_lossy(&bytes.unwrap_or_default()).lines().next().unwrap_or_default().trim().to_owned()
}
