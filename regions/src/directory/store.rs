//! The last good copy on disk: the signed snapshot, replaced atomically, and the signed deltas since,
//! appended.
//!
//! Both files hold messages as the control plane signed them, so a copy is believed for its signatures, not
//! for where it lies. A delta file that was torn by a crash is good up to the tear.

use super::sign::{DELTA_MAX_BYTES, SNAPSHOT_MAX_BYTES};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

/// Size at which the deltas have grown enough to ask for a new snapshot, in bytes.
pub const DELTAS_COMPACT_BYTES: u64 = 4 * 1024 * 1024;
/// Largest delta file that is read, in bytes.
const DELTAS_MAX_BYTES: u64 = 64 * 1024 * 1024;

/// A copy as read, nothing verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// The snapshot's bytes.
    pub snapshot: Vec<u8>,
    /// Each delta's bytes, oldest first. Some may be older than the snapshot.
    pub deltas: Vec<Vec<u8>>,
    /// Whether the delta file ends in a part of a delta. Nothing may be appended after that; save a snapshot
    /// first.
    pub torn: bool,
}

/// Replaces the copy by a snapshot: a temporary file, flushed to disk, renamed over the old one; then the
/// deltas go.
///
/// # Errors
/// Any of the file system's; the old copy is then still whole.
pub fn save(path: &Path, snapshot: &[u8]) -> io::Result<()> {
    let folder = folder_of(path);
    fs::create_dir_all(folder)?;
    let temporary = with_suffix(path, ".new");
    let mut file = File::create(&temporary)?;
    file.write_all(snapshot)?;
    file.sync_all()?;
    fs::rename(&temporary, path)?;
    // A crash here leaves deltas from before the snapshot, which loading skips.
    remove_if_there(&deltas_path(path))?;
    File::open(folder)?.sync_all()
}

/// Appends a delta to the copy and flushes it to disk. Returns the size of the deltas, in bytes.
///
/// # Errors
/// Any of the file system's.
pub fn append(path: &Path, delta: &[u8]) -> io::Result<u64> {
    let mut file = OpenOptions::new().create(true).append(true).open(deltas_path(path))?;
    let len = u32::try_from(delta.len()).map_err(io::Error::other)?;
    // One write, so that a tear is at the end and nowhere else.
    file.write_all(&[&len.to_be_bytes()[..], delta].concat())?;
    file.sync_all()?;
    Ok(file.metadata()?.len())
}

/// Reads the copy; `None` when there is none.
///
/// # Errors
/// Any of the file system's, and [`io::ErrorKind::InvalidData`] for a file that is too large to be one.
pub fn load(path: &Path) -> io::Result<Option<Stored>> {
    let snapshot_max = u64::try_from(SNAPSHOT_MAX_BYTES).map_err(io::Error::other)?;
    let Some(snapshot) = read_limited(path, snapshot_max)? else { return Ok(None) };
    let deltas = read_limited(&deltas_path(path), DELTAS_MAX_BYTES)?.unwrap_or_default();
    let (deltas, torn) = frames(&deltas);
    Ok(Some(Stored { snapshot, deltas, torn }))
}

/// The whole frames of a delta file, and whether a part of one is left over.
fn frames(mut bytes: &[u8]) -> (Vec<Vec<u8>>, bool) {
    let mut frames = Vec::new();
    while let Some((len, rest)) = bytes.split_first_chunk::<4>() {
        let len = usize::try_from(u32::from_be_bytes(*len)).unwrap_or(usize::MAX);
        let Some((frame, rest)) = rest.split_at_checked(len).filter(|_| len <= DELTA_MAX_BYTES) else {
            break;
        };
        frames.push(frame.to_vec());
        bytes = rest;
    }
    (frames, !bytes.is_empty())
}

fn read_limited(path: &Path, max_bytes: u64) -> io::Result<Option<Vec<u8>>> {
    let file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        opened => opened?,
    };
    let mut bytes = Vec::new();
    file.take(max_bytes + 1).read_to_end(&mut bytes)?;
    if u64::try_from(bytes.len()).map_err(io::Error::other)? > max_bytes {
        return Err(io::ErrorKind::InvalidData.into());
    }
    Ok(Some(bytes))
}

fn remove_if_there(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn deltas_path(path: &Path) -> PathBuf {
    with_suffix(path, ".deltas")
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_reads_back_and_a_snapshot_replaces_the_deltas() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("us/directory.bin");
        assert_eq!(load(&path).unwrap(), None);
        save(&path, b"first").unwrap();
        assert_eq!(append(&path, b"one").unwrap(), 7);
        append(&path, b"two").unwrap();
        let stored = load(&path).unwrap().unwrap();
        assert_eq!(
            (stored.snapshot, stored.deltas),
            (b"first".to_vec(), vec![b"one".to_vec(), b"two".to_vec()])
        );
        save(&path, b"second").unwrap();
        assert_eq!(
            load(&path).unwrap(),
            Some(Stored { snapshot: b"second".to_vec(), deltas: vec![], torn: false })
        );
    }

    #[test]
    fn a_delta_file_torn_anywhere_is_good_up_to_the_tear() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("directory.bin");
        save(&path, b"snapshot").unwrap();
        append(&path, b"one").unwrap();
        append(&path, b"two").unwrap();
        let whole = fs::read(deltas_path(&path)).unwrap();
        for cut in 0..whole.len() {
            fs::write(deltas_path(&path), &whole[..cut]).unwrap();
            let stored = load(&path).unwrap().unwrap();
            assert_eq!((stored.deltas.len(), stored.torn), (cut / 7, cut % 7 != 0), "cut at {cut}");
        }
    }

    #[test]
    fn a_temporary_file_left_by_a_crash_is_not_the_copy() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("directory.bin");
        save(&path, b"good").unwrap();
        fs::write(with_suffix(&path, ".new"), b"torn").unwrap();
        assert_eq!(load(&path).unwrap().unwrap().snapshot, b"good");
        save(&path, b"better").unwrap();
        assert_eq!(load(&path).unwrap().unwrap().snapshot, b"better");
    }
}
