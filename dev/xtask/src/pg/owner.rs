//! Who runs PostgreSQL: its server refuses root, so a root user's clusters belong to an unprivileged account.
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::Command;

use crate::fail::{Attempt, Fail, Outcome};
use crate::process::{RunAs, command_as};

/// The account that runs the clusters under `dir`; none where the person's own account will do.
pub(crate) fn for_clusters_in(dir: &Path) -> Outcome<Option<RunAs>> {
    if !rustix::process::geteuid().is_root() {
        return Ok(None);
    }
    let (uid, gid) = ["postgres", "nobody"].into_iter().find_map(account).ok_or_else(|| {
        Fail::new(
            "PostgreSQL refuses to run as root, and there is no account `postgres` or `nobody` to run it as.",
        )
        .hint("create one (useradd --system postgres), or run the command as an ordinary user")
    })?;
    let plain = RunAs { uid, gid, lend_search: false };
    if can_enter(plain, dir) {
        return Ok(Some(plain));
    }
    let lent = RunAs { lend_search: true, ..plain };
    if can_enter(lent, dir) {
        return Ok(Some(lent));
    }
    Err(Fail::new(format!(
        "PostgreSQL refuses to run as root, and the account it would run as (uid {uid}) may not enter {}.",
        dir.display()
    ))
    .hint(
        "move the checkout out of root's private folders, for example to /srv; or let others pass through them \
         (chmod o+x on each folder above the checkout); or run the command as an ordinary user",
    ))
}

/// Gives a file or folder to the account that runs the clusters.
pub(crate) fn give(path: &Path, owner: Option<RunAs>) -> Outcome<()> {
    let Some(RunAs { uid, gid, .. }) = owner else { return Ok(()) };
    std::os::unix::fs::chown(path, Some(uid), Some(gid)).attempt(|| format!("hand over {}", path.display()))
}

/// Whether `dir` belongs to the account that would run the cluster in it; PostgreSQL refuses to start otherwise.
pub(crate) fn owns(owner: Option<RunAs>, dir: &Path) -> bool {
    let expected = owner.map_or_else(|| rustix::process::geteuid().as_raw(), |account| account.uid);
    dir.metadata().is_ok_and(|data| data.uid() == expected)
}

fn can_enter(account: RunAs, dir: &Path) -> bool {
    // The folder itself is one to pass through, not to list.
    let mut command = command_as(Path::new("/bin/ls"), Some(account));
    command.arg("-d").arg(dir.join(".")).current_dir("/").output().is_ok_and(|output| output.status.success())
}

fn account(name: &str) -> Option<(u32, u32)> {
    Some((id_of("-u", name)?, id_of("-g", name)?))
}

fn id_of(which: &str, name: &str) -> Option<u32> {
    let output =
        Command::new("id").args([which, name]).output().ok().filter(|output| output.status.success())?;
    String::from_utf8(output.stdout).ok()?.trim().parse().ok()
}
