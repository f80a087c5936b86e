//! Finds a Node that is new enough for the portal's tools, or gets one.
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::deps;
use crate::fail::{Attempt, Fail, Outcome};

/// The oldest Node that the build's tools run on.
const VERSION_MIN: (u32, u32) = (20, 19);
/// The Node that is installed from npm where the system's own is older; Debian 12 packages 18.
const NODE_PACKAGE: &str = "node@22";

/// A Node, as the folder to put first in `PATH`; none where the one found there will do.
pub(super) struct Node {
    /// The folder.
    pub(super) first_in_path: Option<PathBuf>,
    /// Its version, for people and for the stamp of what was installed with it.
    pub(super) version: String,
}

/// A Node and npm, installed if they are missing, into `tools` if the system's is too old.
pub(super) fn ensure(tools: &Path) -> Outcome<Node> {
    if deps::find_program("npm").is_none() || deps::find_program("node").is_none() {
        println!("Node and npm are missing: installing nodejs and npm.");
        deps::install("Node", &["nodejs", "npm"], &["node"])?;
    }
    if let Some(version) = version_of(Path::new("node")).filter(|version| is_new_enough(version)) {
        return Ok(Node { first_in_path: None, version });
    }
    let bin = tools.join("node_modules/node/bin");
    if version_of(&bin.join("node")).is_none() {
        println!(
            "This system's Node is older than {}.{}: getting a newer one for the portal.",
            VERSION_MIN.0, VERSION_MIN.1
        );
        std::fs::create_dir_all(tools).attempt(|| format!("create {}", tools.display()))?;
        let mut command = Command::new("npm");
        command
            .args(["install", "--no-save", "--no-audit", "--no-fund", "--prefix"])
            .arg(tools)
            .arg(NODE_PACKAGE);
        let status = command.status().attempt(|| "run npm".to_owned())?;
        if !status.success() {
            return Err(Fail::new("npm could not install Node.")
                .hint("install Node 20.19 or newer and run this again"));
        }
    }
    match version_of(&bin.join("node")).filter(|version| is_new_enough(version)) {
        Some(version) => Ok(Node { first_in_path: Some(bin), version }),
        None => {
            Err(Fail::new("There is no usable Node.").hint("install Node 20.19 or newer and run this again"))
        }
    }
}

fn version_of(node: &Path) -> Option<String> {
    let output = Command::new(node).arg("--version").output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    text.trim().strip_prefix('v').map(str::to_owned)
}

fn is_new_enough(version: &str) -> bool {
    let mut parts = version.split('.').map_while(|part| part.parse::<u32>().ok());
    (parts.next().unwrap_or(0), parts.next().unwrap_or(0)) >= VERSION_MIN
}

#[cfg(test)]
mod tests {
    use super::is_new_enough;

    #[test]
    fn versions_are_compared_as_numbers() {
        assert!(is_new_enough("20.19.0") && is_new_enough("22.3.1") && is_new_enough("100.0.0"));
        assert!(!is_new_enough("18.20.4") && !is_new_enough("20.9.0") && !is_new_enough(""));
    }
}
