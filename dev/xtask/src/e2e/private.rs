//! Nothing that a stack leaves on disk is for other accounts of the machine.
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::e2e::World;
use crate::fail::{Attempt, Fail, Outcome};
use crate::layout::REGIONS;

/// Folders can be passed through at most, files are their owner's, and what PostgreSQL's account need not pass through
/// is closed. Certificates are public; they lie in a closed folder all the same.
pub(super) fn no_other_account(world: &World) -> Outcome<()> {
    let home = &world.stack.home;
    let mut closed: Vec<PathBuf> =
        ["run", "logs", "secrets", "mail", "sms", "pki"].iter().map(|name| home.dir().join(name)).collect();
    closed.extend(REGIONS.iter().map(|region| home.data(region.code).join("aws")));
    for folder in &closed {
        if mode(folder)? != 0o700 {
            return Err(Fail::new(format!("{} has mode {:o}, not 700", folder.display(), mode(folder)?)));
        }
    }
    let mut files = 0;
    let mut folders = vec![home.dir().to_owned()];
    while let Some(folder) = folders.pop() {
        if mode(&folder)? & !0o711 != 0 {
            return Err(Fail::new(format!("others can list {} ({:o})", folder.display(), mode(&folder)?)));
        }
        for entry in std::fs::read_dir(&folder).attempt(|| format!("list {}", folder.display()))? {
            let path = entry.attempt(|| format!("list {}", folder.display()))?.path();
            if path.is_symlink() {
                continue;
            }
            if path.is_dir() {
                folders.push(path);
            } else if path.exists() {
                // What a person's own curl writes has their own umask; it lies in a closed folder.
                if path != home.run("cookies") {
                    check_file(&path, &home.dir().join("pki"))?;
                }
                files += 1;
            }
        }
    }
    if files < FILES_MIN { Err(Fail::new(format!("only {files} files were looked at"))) } else { Ok(()) }
}

fn check_file(path: &Path, certificates: &Path) -> Outcome<()> {
    let certificate = path.starts_with(certificates) && path.extension().is_some_and(|end| end == "pem");
    // A file that PostgreSQL or a worker has renamed or removed meanwhile is nobody's.
    match mode(path) {
        Ok(mode) if mode & 0o077 != 0 && !certificate => {
            Err(Fail::new(format!("other accounts have rights on {} ({mode:o})", path.display())))
        }
        Err(fail) if path.exists() => Err(fail),
        _ => Ok(()),
    }
}

fn mode(path: &Path) -> Outcome<u32> {
    let data = path.symlink_metadata().attempt(|| format!("look at {}", path.display()))?;
    Ok(data.permissions().mode() & 0o7777)
}

/// A stack has thousands: three database clusters alone.
const FILES_MIN: usize = 1_000;
