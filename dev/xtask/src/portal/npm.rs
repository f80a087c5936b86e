//! Runs npm in the portal's folder, after the packages of its lock file are there.
use std::collections::hash_map::DefaultHasher;
use std::ffi::OsString;
use std::fs::File;
use std::hash::{Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Output, Stdio};
use std::time::{Duration, Instant};

use tokio::process::{Child, Command};

use super::node::{self, Node};
use crate::fail::{Attempt, Fail, Outcome};
use crate::places::Checkout;
use crate::process::end_tree;

/// Lines of a failed run that are said once more at the end.
const SUMMARY_LINES_MAX: usize = 60;
/// What a build is not made of.
const NOT_SOURCE: [&str; 4] = ["node_modules", "dist", "screens", "tests"];

/// An npm whose packages are installed.
pub(super) struct Npm {
    dir: PathBuf,
    node: Node,
}

impl Npm {
    /// Gets Node and installs the lock file's packages, unless they are there.
    pub(super) async fn ready(checkout: &Checkout) -> Outcome<Self> {
        let dir = checkout.root().join("portal");
        let node = node::ensure(&checkout.binaries()?.join("xtask-scratch/node"))?;
        let npm = Self { dir, node };
        let lock = std::fs::read(npm.dir.join("package-lock.json"))
            .attempt(|| "read package-lock.json".to_owned())?;
        let wanted = format!("{} {:016x}", npm.node.version, hash(&lock));
        let stamp = npm.dir.join("node_modules/.installed-from");
        if std::fs::read_to_string(&stamp).is_ok_and(|before| before == wanted) {
            return Ok(npm);
        }
        println!("Installing the portal's packages with Node {}.", npm.node.version);
        npm.run(&["ci", "--no-audit", "--no-fund"], &[], INSTALL_WAIT_MAX).await?;
        std::fs::write(&stamp, wanted).attempt(|| format!("write {}", stamp.display()))?;
        Ok(npm)
    }

    /// Runs npm with `arguments` to its end.
    pub(super) async fn run(
        &self,
        arguments: &[&str],
        environment: &[(&str, String)],
        wait_max: Duration,
    ) -> Outcome<()> {
        let line = format!("npm {}", arguments.join(" "));
        println!("\n== portal ({line})");
        let begun = Instant::now();
        let mut command = self.command(arguments, environment);
        let child = command.spawn().attempt(|| format!("start `{line}`"))?;
        let output = ended(child, &line, wait_max).await?;
        said(&line, begun, output.status)
    }

    /// As [`run`](Self::run), for several at once: what each prints goes to a file, and from there it comes as a whole at its end.
    pub(super) async fn run_beside(
        &self,
        arguments: &[&str],
        environment: &[(&str, String)],
        wait_max: Duration,
        log: &Path,
    ) -> Outcome<()> {
        let line = format!("npm {}", arguments.join(" "));
        let begun = Instant::now();
        let doing = || format!("write {}", log.display());
        let file = File::create(log).attempt(doing)?;
        let mut command = self.command(arguments, environment);
        command.stdout(file.try_clone().attempt(doing)?).stderr(file);
        let child = command.spawn().attempt(|| format!("start `{line}`"))?;
        let ended = ended(child, &line, wait_max).await;
        let all = std::fs::read(log).map(|all| String::from_utf8_lossy(&all).into_owned());
        let all = all.attempt(|| format!("read {}", log.display()))?;
        let told: Vec<_> = environment.iter().map(|(name, value)| format!("{name}={value} ")).collect();
        println!("\n== portal ({}{line})\n{all}", told.concat());
        let result = ended.and_then(|output| said(&line, begun, output.status));
        // What others print after it would hide why it failed.
        result.map_err(|fail| Fail::new(format!("{fail}\n{}", summary(&all))))
    }

    fn command(&self, arguments: &[&str], environment: &[(&str, String)]) -> Command {
        let mut command = Command::new("npm");
        command.args(arguments).current_dir(&self.dir).stdin(Stdio::null()).kill_on_drop(true);
        command.env("PATH", self.path()).envs(environment.iter().map(|(name, value)| (*name, value)));
        command
    }

    fn path(&self) -> OsString {
        let inherited = std::env::var_os("PATH").unwrap_or_default();
        let first = self.node.first_in_path.iter().cloned();
        std::env::join_paths(first.chain(std::env::split_paths(&inherited))).unwrap_or(inherited)
    }
}

/// Waits for the end, which comes by force when it takes too long.
async fn ended(child: Child, line: &str, wait_max: Duration) -> Outcome<Output> {
    let pid = child.id();
    let output = tokio::time::timeout(wait_max, child.wait_with_output()).await.map_err(|_elapsed| {
        pid.into_iter().for_each(end_tree);
        Fail::new(format!("`{line}` did not finish within {} s.", wait_max.as_secs()))
    })?;
    output.attempt(|| format!("wait for `{line}`"))
}

/// What a failed run says of its failures, or how it ended.
fn summary(output: &str) -> String {
    let lines: Vec<_> = output.lines().collect();
    let from = lines.iter().position(|line| line.contains("Failed Tests"));
    let from = from.unwrap_or(lines.len().saturating_sub(SUMMARY_LINES_MAX));
    lines.iter().skip(from).take(SUMMARY_LINES_MAX).map(|line| format!("    {line}\n")).collect()
}

fn said(line: &str, begun: Instant, status: ExitStatus) -> Outcome<()> {
    if status.success() {
        println!("({line}: {:.1} s)", begun.elapsed().as_secs_f64());
        return Ok(());
    }
    Err(Fail::new(format!("`{line}` failed in portal/; its messages are above.")))
}

/// A hash over every source file's name and content, to know whether a build is of it.
pub(super) fn content_hash(dir: &Path) -> Outcome<String> {
    let mut files = Vec::new();
    collect(dir, &mut files)?;
    files.sort();
    let mut hasher = DefaultHasher::new();
    for file in files {
        file.strip_prefix(dir).unwrap_or(&file).hash(&mut hasher);
        std::fs::read(&file).attempt(|| format!("read {}", file.display()))?.hash(&mut hasher);
    }
    Ok(format!("{:016x}", hasher.finish()))
}

fn collect(dir: &Path, files: &mut Vec<PathBuf>) -> Outcome<()> {
    for entry in std::fs::read_dir(dir).attempt(|| format!("list {}", dir.display()))? {
        let path = entry.attempt(|| format!("list {}", dir.display()))?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if NOT_SOURCE.contains(&name.as_str()) {
            continue;
        }
        if path.is_dir() {
            collect(&path, files)?;
        } else {
            files.push(path);
        }
    }
    Ok(())
}

fn hash(bytes: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    hasher.finish()
}

const INSTALL_WAIT_MAX: Duration = Duration::from_secs(10 * 60);
