//! Starts processes that outlive this command, remembers them, and stops only what is still the process it started.
//!
//! A recorded pid alone proves nothing: the system hands numbers out again. Each record holds the process's start time,
//! which together with the pid names one process for as long as the machine runs. A process notes both itself before it
//! becomes the program, so that there is no moment at which this command can be killed and leave one that nobody knows.
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal};
use serde::{Deserialize, Serialize};

use crate::fail::{Attempt, Fail, Outcome};
use crate::places::{Home, PRIVATE_FILE_MODE, make_dir, read_text, write_private};

/// A process that a stack started.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Record {
    /// Its name within the stack, for example `us/backend`.
    pub name: String,
    /// Its process id.
    pub pid: u32,
    /// When it started, in the system's own notation; compared, never read.
    pub started: String,
    /// The file its output goes to.
    pub log: PathBuf,
}

/// Who a process runs as, where that is not the person who typed the command.
#[derive(Clone, Copy)]
pub(crate) struct RunAs {
    /// User id.
    pub uid: u32,
    /// Group id.
    pub gid: u32,
    /// The account may not enter the folders above the checkout: lend it that one right.
    pub lend_search: bool,
}

/// A program about to be started, as someone else where needed.
pub(crate) fn command_as(program: &Path, owner: Option<RunAs>) -> Command {
    match owner {
        None => Command::new(program),
        Some(RunAs { uid, gid, lend_search: false }) => {
            let mut command = Command::new(program);
            command.uid(uid).gid(gid);
            command
        }
        Some(RunAs { uid, gid, lend_search: true }) => {
            let mut command = Command::new("setpriv");
            command.args([format!("--reuid={uid}"), format!("--regid={gid}"), "--clear-groups".to_owned()]);
            // To search folders takes this one; it does not let anyone write.
            command
                .args(["--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search", "--"])
                .arg(program);
            command
        }
    }
}

/// A program that makes files which only its own account can read.
pub(crate) fn private_command(program: &Path) -> Command {
    let mut command = Command::new(SHELL);
    command.args(["-c", "umask 077; exec \"$0\" \"$@\""]).arg(program);
    command
}

/// A program that is to outlive this command; its files are its account's own.
pub(crate) struct Daemon {
    /// The program's arguments, environment and folder are set on this.
    pub command: Command,
}

impl Daemon {
    /// The program that will be started, as someone else where needed.
    pub(crate) fn new(program: &Path, owner: Option<RunAs>) -> Self {
        let mut command = command_as(Path::new(SHELL), owner);
        let who = if cfg!(target_os = "linux") { WHO_ON_LINUX } else { WHO_ELSEWHERE };
        let script = format!("umask 077; {{ {who}; }} 2>/dev/null >&0; exec \"$0\" \"$@\" </dev/null");
        command.args(["-c", &script]).arg(program);
        Self { command }
    }
}

/// Starts `daemon` detached from this terminal with its output appended to `log`, and records it under `name`.
pub(crate) fn start(home: &Home, name: &str, log: &Path, daemon: Daemon) -> Outcome<Record> {
    let doing = || format!("start {name}");
    let pid = spawn(home, name, log, daemon)?;
    let record = Record {
        name: name.to_owned(),
        pid,
        started: start_time(pid).unwrap_or_default(),
        log: log.to_owned(),
    };
    let text = serde_json::to_vec_pretty(&record).attempt(doing)?;
    write_private(&record_path(home, name), &text)?;
    remove_if_there(&note_path(home, name))?;
    Ok(record)
}

/// The part of a start after which the process runs and only its own note tells of it.
fn spawn(home: &Home, name: &str, log: &Path, mut daemon: Daemon) -> Outcome<u32> {
    let doing = || format!("start {name}");
    if let Some(folder) = log.parent() {
        make_dir(folder)?;
    }
    let mut options = File::options();
    options.create(true).append(true).mode(PRIVATE_FILE_MODE);
    let output = options.open(log).attempt(|| format!("open {}", log.display()))?;
    let errors = output.try_clone().attempt(doing)?;
    let note = note_path(home, name);
    write_private(&note, format!("{}\n", log.display()).as_bytes())?;
    // An account that may not write here is handed the open file.
    let note = options.open(&note).attempt(|| format!("open {}", note.display()))?;
    daemon.command.stdin(note).stdout(output).stderr(errors).process_group(0);
    daemon.command.spawn().attempt(doing).map(|child| child.id())
}

/// The record of `name`, if there is one: this tool's own, or the note of a process whose start was cut short.
pub(crate) fn recorded(home: &Home, name: &str) -> Option<Record> {
    if let Some(noted) = noted(home, name).filter(is_alive) {
        return Some(noted);
    }
    let text = read_text(&record_path(home, name)).ok()?;
    serde_json::from_str(&text).ok()
}

/// What a process noted about itself: the log, and then as [`WHO_ON_LINUX`] and [`WHO_ELSEWHERE`] print it.
fn noted(home: &Home, name: &str) -> Option<Record> {
    let text = read_text(&note_path(home, name)).ok()?;
    let (log, who) = text.trim_end().split_once('\n')?;
    let (pid, started) = if cfg!(target_os = "linux") {
        let (boot, stat) = who.split_once(' ')?;
        (stat.split_whitespace().next()?, started_in_stat(boot, stat)?)
    } else {
        let (pid, started) = who.split_once(' ')?;
        (pid, started.trim().to_owned())
    };
    Some(Record { name: name.to_owned(), pid: pid.parse().ok()?, started, log: PathBuf::from(log) })
}

/// Whether the recorded process still runs and is the one that was started.
pub(crate) fn is_alive(record: &Record) -> bool {
    start_time(record.pid).is_some_and(|started| started == record.started)
}

/// Asks the process to stop, waits, and ends it when it does not. Returns false where there was nothing to stop.
pub(crate) fn stop(home: &Home, name: &str, signal: Signal) -> Outcome<bool> {
    let Some(record) = recorded(home, name) else { return Ok(false) };
    let was_alive = is_alive(&record);
    if was_alive {
        send(&record, signal)?;
        if !wait_gone(&record, STOP_WAIT_MAX) {
            send(&record, Signal::KILL)?;
            if !wait_gone(&record, KILL_WAIT_MAX) {
                return Err(Fail::new(format!("{name} (process {}) does not stop.", record.pid)));
            }
        }
    }
    remove_if_there(&record_path(home, name))?;
    remove_if_there(&note_path(home, name))?;
    Ok(was_alive)
}

fn remove_if_there(path: &Path) -> Outcome<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        other => other.attempt(|| format!("remove {}", path.display())),
    }
}

/// Sends a signal to exactly this process.
pub(crate) fn send(record: &Record, signal: Signal) -> Outcome<()> {
    let pid = i32::try_from(record.pid).ok().and_then(Pid::from_raw);
    let Some(pid) = pid.filter(|_| is_alive(record)) else { return Ok(()) };
    match rustix::process::kill_process(pid, signal) {
        Ok(()) | Err(rustix::io::Errno::SRCH) => Ok(()),
        Err(error) => Err(error).attempt(|| format!("signal {} (process {})", record.name, record.pid)),
    }
}

/// Ends a child of ours that took too long, and everything it started: a killed cargo leaves its tests running.
pub(crate) fn end_tree(pid: u32) {
    let children = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    if let Some(target) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
        // One that has ended meanwhile is what is wanted.
        let _ended = rustix::process::kill_process(target, Signal::KILL);
    }
    children.split_whitespace().filter_map(|child| child.parse().ok()).for_each(end_tree);
}

fn wait_gone(record: &Record, wait_max: Duration) -> bool {
    let deadline = Instant::now() + wait_max;
    while is_alive(record) {
        if Instant::now() >= deadline {
            return false;
        }
        std::thread::sleep(POLL);
    }
    true
}

/// The last lines of a log, for a message about why something did not start.
pub(crate) fn tail(log: &Path, lines_max: usize) -> String {
    let Ok(mut file) = File::open(log) else { return "(no log)".to_owned() };
    let length = file.metadata().map(|data| data.len()).unwrap_or_default();
    let mut bytes = Vec::new();
    let read = file
        .seek(SeekFrom::Start(length.saturating_sub(TAIL_BYTES_MAX)))
        .and_then(|_| file.take(TAIL_BYTES_MAX).read_to_end(&mut bytes));
    if read.is_err() {
        return "(unreadable log)".to_owned();
    }
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let lines: Vec<&str> = text.lines().collect();
    let from = lines.len().saturating_sub(lines_max);
    lines.get(from..).unwrap_or_default().join("\n")
}

fn record_path(home: &Home, name: &str) -> PathBuf {
    home.run("pids").join(format!("{}.json", name.replace('/', "-")))
}

fn note_path(home: &Home, name: &str) -> PathBuf {
    home.run("pids").join(format!("{}.starting", name.replace('/', "-")))
}

/// Names the process behind `pid` for as long as it runs; none for one that has ended, or only waits to be reaped.
fn start_time(pid: u32) -> Option<String> {
    if cfg!(target_os = "linux") { start_time_from_proc(pid) } else { start_time_from_ps(pid) }
}

/// Fields 3 (state) and 22 (start time in clock ticks since boot) of `proc(5)`'s stat; the name before them may hold
/// spaces and brackets, so fields are counted from its closing bracket.
fn start_time_from_proc(pid: u32) -> Option<String> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    started_in_stat(boot.trim(), &stat)
}

fn started_in_stat(boot: &str, stat: &str) -> Option<String> {
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_whitespace();
    let state = fields.next()?;
    let started = fields.nth(18)?;
    if matches!(state, "Z" | "X") { None } else { Some(format!("{boot}/{started}")) }
}

fn start_time_from_ps(pid: u32) -> Option<String> {
    let output = Command::new("ps").args(["-o", "stat=,lstart=", "-p", &pid.to_string()]).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let (state, started) = text.trim().split_once(' ')?;
    if state.starts_with('Z') { None } else { Some(started.trim().to_owned()) }
}

const SHELL: &str = "/bin/sh";
/// The shell's words for who it is; the program that replaces it keeps process id and start time.
const WHO_ON_LINUX: &str =
    "read -r stat < /proc/$$/stat; read -r boot < /proc/sys/kernel/random/boot_id; echo \"$boot $stat\"";
const WHO_ELSEWHERE: &str = "echo \"$$ $(ps -o lstart= -p $$)\"";
const POLL: Duration = Duration::from_millis(50);
const STOP_WAIT_MAX: Duration = Duration::from_secs(40);
const KILL_WAIT_MAX: Duration = Duration::from_secs(5);
const TAIL_BYTES_MAX: u64 = 16 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    fn sleeper() -> Daemon {
        let mut daemon = Daemon::new(Path::new("sleep"), None);
        daemon.command.arg("300");
        daemon
    }

    fn is_running(home: &Home, name: &str) -> bool {
        recorded(home, name).is_some_and(|record| is_alive(&record))
    }

    #[test]
    fn a_start_cut_short_before_its_record_leaves_a_process_that_is_known_and_can_be_stopped() {
        let dir = tempfile::tempdir().unwrap();
        let home = Home::new(dir.path().to_owned());
        // Where this command is killed after this, no record was written.
        let pid = spawn(&home, "us/sleeper", &home.logs("us").join("sleeper.log"), sleeper()).unwrap();
        let deadline = Instant::now() + KILL_WAIT_MAX;
        while !is_running(&home, "us/sleeper") && Instant::now() < deadline {
            std::thread::yield_now();
        }
        let found = recorded(&home, "us/sleeper").unwrap();
        assert_eq!((found.pid, found.log), (pid, home.logs("us").join("sleeper.log")));
        assert!(stop(&home, "us/sleeper", Signal::TERM).unwrap());
        assert!(start_time(pid).is_none(), "the process still runs");
        assert!(recorded(&home, "us/sleeper").is_none());
    }

    #[test]
    fn a_note_of_a_process_that_ended_does_not_hide_the_record_of_the_one_that_runs() {
        let dir = tempfile::tempdir().unwrap();
        let home = Home::new(dir.path().to_owned());
        let record = start(&home, "control", &home.logs("control").join("x.log"), sleeper()).unwrap();
        assert!(!note_path(&home, "control").exists());
        std::fs::write(
            note_path(&home, "control"),
            "x.log\nboot 1 (sh) S 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 7 0\n",
        )
        .unwrap();
        assert_eq!(recorded(&home, "control").map(|found| found.pid), Some(record.pid));
        assert!(stop(&home, "control", Signal::TERM).unwrap());
        assert!(!note_path(&home, "control").exists());
    }
}
