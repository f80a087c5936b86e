//! Copies a folder of small files.

use std::path::Path;

/// Deepest folder that is copied.
const DEPTH_MAX: u32 = 16;

/// Copies everything under `from` to `to`, which is made.
pub(crate) fn copy_dir(from: &Path, to: &Path) -> std::io::Result<()> {
    copy(from, to, DEPTH_MAX)
}

fn copy(from: &Path, to: &Path, depth: u32) -> std::io::Result<()> {
    if depth == 0 {
        return Err(std::io::Error::other("folders are nested too deeply"));
    }
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target, depth - 1)?;
        } else {
            std::fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}
