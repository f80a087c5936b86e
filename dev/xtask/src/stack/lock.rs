//! One command at a time works on a stack; a second one says so instead of tangling with the first.
use std::fs::File;
use std::io::{Read, Seek, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};

use rustix::fs::{FlockOperation, flock};

use crate::fail::{Attempt, Fail, Outcome};
use crate::places::{Home, PRIVATE_FILE_MODE, make_passage};

/// Held while a command changes the stack; the system releases it when the command ends, however it ends.
pub(crate) struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the stack's lock or says who has it.
    pub(crate) fn take(home: &Home) -> Outcome<Self> {
        if !home.dir().is_dir() {
            make_passage(home.dir())?;
        }
        check_owner(home)?;
        let path = home.dir().join("lock");
        let doing = || format!("lock {}", path.display());
        let mut options = File::options();
        options.create(true).truncate(false).read(true).write(true).mode(PRIVATE_FILE_MODE);
        let mut file = options.open(&path).attempt(doing)?;
        if flock(&file, FlockOperation::NonBlockingLockExclusive).is_err() {
            let mut holder = String::new();
            drop(file.read_to_string(&mut holder));
            return Err(Fail::new(format!(
                "Another command is working on this stack (process {}).",
                holder.trim()
            ))
            .hint("wait until it has finished; `make status` shows how far it is"));
        }
        file.set_len(0).attempt(doing)?;
        file.rewind().attempt(doing)?;
        writeln!(file, "{}", std::process::id()).attempt(doing)?;
        Ok(Self { _file: file })
    }
}

/// Two accounts on one stack would leave each other files that they cannot read.
fn check_owner(home: &Home) -> Outcome<()> {
    let owner = home.dir().metadata().attempt(|| format!("look at {}", home.dir().display()))?.uid();
    if owner == rustix::process::geteuid().as_raw() {
        return Ok(());
    }
    Err(Fail::new(format!("{} belongs to another account (uid {owner}).", home.dir().display()))
        .hint("run the command as the account that made the stack, which can also `make reset` it"))
}
