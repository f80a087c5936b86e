//! Where local sockets are: their paths have a limit of about a hundred bytes, which a deep checkout exceeds.
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use aws_lc_rs::digest::{SHA256, digest};

use crate::fail::{Attempt, Fail, Outcome};
use crate::places::make_dir;
use crate::stack::Stack;

/// The path of the socket `name` (`us/front-door.sock`), for processes whose working folder is the checkout: relative to
/// it inside the stack's folder, or in a short private folder where that is still too long.
pub(crate) fn place(stack: &Stack, name: &str) -> Outcome<PathBuf> {
    let inside = stack.home.run(name);
    let relative = PathBuf::from(stack.relative(&inside));
    if relative.as_os_str().len() <= PATH_BYTES_MAX {
        if let Some(parent) = inside.parent() {
            make_dir(parent)?;
        }
        return Ok(relative);
    }
    let short = short_folder(stack.home.dir());
    make_own_folder(&short)?;
    Ok(short.join(name.replace('/', "-")))
}

/// Removes the short folder of the stack that lived in `home`, if it had one.
pub(crate) fn remove(home: &Path) -> Outcome<()> {
    let folder = short_folder(home);
    match std::fs::remove_dir_all(&folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        other => other.attempt(|| format!("remove {}", folder.display())),
    }
}

/// The same for the same stack at every start, different for every other stack and account.
fn short_folder(home: &Path) -> PathBuf {
    let hash = digest(&SHA256, home.as_os_str().as_encoded_bytes());
    let start: String = hash.as_ref().iter().take(NAME_BYTES).map(|byte| format!("{byte:02x}")).collect();
    PathBuf::from(format!("/tmp/domicile-{}-{start}", rustix::process::geteuid().as_raw()))
}

/// In a folder that everybody writes to, somebody else may have been there first: theirs is not used.
fn make_own_folder(folder: &Path) -> Outcome<()> {
    match std::fs::DirBuilder::new().mode(0o700).create(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
        other => return other.attempt(|| format!("create the folder {}", folder.display())),
    }
    let data = folder.symlink_metadata().attempt(|| format!("look at {}", folder.display()))?;
    if data.is_dir() && data.uid() == rustix::process::geteuid().as_raw() && data.mode() & 0o077 == 0 {
        return Ok(());
    }
    Err(Fail::new(format!("{} is there and is not this account's private folder.", folder.display()))
        .hint("remove it, or move the checkout to a shorter path"))
}

/// `sun_path` holds 103 bytes on macOS and 107 on Linux; a front door that takes over binds `<name>.<pid>.new` first.
const PATH_BYTES_MAX: usize = 90;
const NAME_BYTES: usize = 8;

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;

    use super::*;
    use crate::layout::Ports;
    use crate::places::Home;

    fn stack(root: PathBuf, home: PathBuf) -> Stack {
        Stack { root, home: Home::new(home), ports: Ports::new(20_000).unwrap(), binaries: PathBuf::new() }
    }

    #[test]
    fn a_deep_checkout_has_a_short_path_from_its_own_folder() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("deep".repeat(40));
        let place = place(&stack(root.clone(), root.join(".domicile")), "us/front-door.sock").unwrap();
        assert_eq!(place, Path::new(".domicile/run/us/front-door.sock"));
        assert!(root.join(place).parent().is_some_and(Path::is_dir));
    }

    #[test]
    fn a_stack_far_from_the_checkout_gets_a_private_folder_in_which_sockets_can_be_bound() {
        let dir = tempfile::tempdir().unwrap();
        let home = dir.path().join("deep".repeat(40));
        let stack = stack(PathBuf::from("/elsewhere"), home.clone());
        let socket = place(&stack, "in/front-door.sock").unwrap();
        assert_eq!(socket, place(&stack, "in/front-door.sock").unwrap());
        let _listener = UnixListener::bind(socket.with_extension("4194304.new")).unwrap();
        let folder = socket.parent().unwrap();
        assert_eq!(folder.metadata().unwrap().mode() & 0o777, 0o700);
        remove(&home).unwrap();
        assert!(!folder.exists());
        remove(&home).unwrap();
    }

    #[test]
    fn a_folder_that_others_can_enter_is_not_used() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::DirBuilder::new().mode(0o755).create(dir.path().join("open")).unwrap();
        assert!(make_own_folder(&dir.path().join("open")).is_err());
        std::os::unix::fs::symlink("/tmp", dir.path().join("link")).unwrap();
        assert!(make_own_folder(&dir.path().join("link")).is_err());
        assert!(make_own_folder(&dir.path().join("new")).is_ok());
        assert!(make_own_folder(&dir.path().join("new")).is_ok());
    }
}
