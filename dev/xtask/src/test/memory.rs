//! A folder in memory for what tests make and throw away.
//!
//! Each test has a database of its own, which is some 300 files made and removed. On ext4 two thirds of the server's processor
//! time went into looking for inodes that were not freed a moment ago; in memory there is nothing to look for.
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::fail::{Attempt, Outcome};
use crate::places::{Checkout, make_passage};

/// Where Linux keeps its file system in memory.
const SHARED_MEMORY: &str = "/dev/shm";
/// What a run of all tests may need at its fullest, in bytes; with less it stays on the disk.
const NEEDED_BYTES: u64 = 6 * 1_073_741_824;

/// This checkout's folder in memory, if the machine has the room; its name is the same each time, so that a run finds what a killed
/// one left.
pub(crate) fn folder(checkout: &Checkout) -> Outcome<Option<PathBuf>> {
    if !cfg!(target_os = "linux") || room(Path::new(SHARED_MEMORY)) < NEEDED_BYTES {
        return Ok(None);
    }
    let name = format!("dom-{:08x}", checksum(checkout.root()));
    let dir = Path::new(SHARED_MEMORY).join(name);
    // Everybody may make folders there; one that is somebody else's is left alone.
    let own = |found: std::fs::Metadata| found.is_dir() && found.uid() == rustix::process::geteuid().as_raw();
    if dir.symlink_metadata().is_ok_and(|found| !own(found)) {
        return Ok(None);
    }
    make_passage(&dir)?;
    Ok(Some(dir))
}

/// Removes the folder with all that is in it.
pub(crate) fn remove(dir: &Path) -> Outcome<()> {
    std::fs::remove_dir_all(dir).attempt(|| format!("remove {}", dir.display()))
}

/// Bytes that fit: the file system's own limit, and what memory is free for it.
fn room(dir: &Path) -> u64 {
    let Ok(system) = rustix::fs::statvfs(dir) else { return 0 };
    let memory = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    system.f_bavail.saturating_mul(system.f_frsize).min(available_bytes(&memory))
}

/// What Linux says is available to new programs, read from `/proc/meminfo`.
fn available_bytes(memory: &str) -> u64 {
    let line = memory.lines().find_map(|line| line.strip_prefix("MemAvailable:"));
    let kib =
        line.and_then(|rest| rest.split_whitespace().next()).and_then(|number| number.parse::<u64>().ok());
    kib.unwrap_or(0).saturating_mul(1024)
}

/// FNV-1a of the path: a short name for it, and nothing that must not collide.
fn checksum(path: &Path) -> u32 {
    path.as_os_str()
        .as_encoded_bytes()
        .iter()
        .fold(0x811c_9dc5, |sum, byte| (sum ^ u32::from(*byte)).wrapping_mul(0x0100_0193))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn available_memory_is_read_in_bytes_and_unknown_is_none() {
        assert_eq!(available_bytes("MemTotal: 8 kB\nMemAvailable:   2048 kB\n"), 2_097_152);
        assert_eq!(available_bytes("MemTotal: 8 kB\n"), 0);
        assert_eq!(available_bytes("MemAvailable: many kB\n"), 0);
    }

    #[test]
    fn two_checkouts_have_two_names() {
        assert_ne!(checksum(Path::new("/srv/a")), checksum(Path::new("/srv/b")));
    }
}
