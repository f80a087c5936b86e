//! Where things are: the checkout, the built binaries, and the folder one stack lives in.
use std::path::{Path, PathBuf};

use crate::fail::{Attempt, Fail, Outcome};

/// The checkout this command belongs to.
pub(crate) struct Checkout {
    root: PathBuf,
}

impl Checkout {
    /// Walks up from the current folder to the one that holds this workspace.
    pub(crate) fn find() -> Outcome<Self> {
        let here = std::env::current_dir().attempt(|| "read the current folder".to_owned())?;
        for folder in here.ancestors() {
            if folder.join("dev/xtask/Cargo.toml").is_file() {
                return Ok(Self { root: folder.to_owned() });
            }
        }
        Err(Fail::new("This is not a checkout of Domicile.").hint("run the command inside the checkout"))
    }

    /// The checkout's top folder.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// The folder of the binaries that belong together with this one: the one it was started from.
    pub(crate) fn binaries(&self) -> Outcome<PathBuf> {
        let own = std::env::current_exe().attempt(|| "find this program's own file".to_owned())?;
        own.parent().map(Path::to_owned).ok_or_else(|| Fail::new("This program's own file has no folder."))
    }
}

/// The folder of one stack (`.domicile` for `make up`) and the places inside it.
#[derive(Clone)]
pub(crate) struct Home {
    dir: PathBuf,
}

impl Home {
    /// The stack that lives in `dir`, which must be absolute: daemons change their working folder.
    pub(crate) fn new(dir: PathBuf) -> Self {
        Self { dir }
    }
    /// The stack's folder itself.
    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }
    /// Generated configuration files and everything that describes running processes.
    pub(crate) fn run(&self, part: &str) -> PathBuf {
        self.dir.join("run").join(part)
    }
    /// What must survive `make down`.
    pub(crate) fn data(&self, part: &str) -> PathBuf {
        self.dir.join("data").join(part)
    }
    /// One folder of logs for the control plane and for each region.
    pub(crate) fn logs(&self, part: &str) -> PathBuf {
        self.dir.join("logs").join(part)
    }
    /// Certificates and their keys.
    pub(crate) fn pki(&self, part: &str) -> PathBuf {
        self.dir.join("pki").join(part)
    }
    /// Passwords and keys that are not certificates.
    pub(crate) fn secrets(&self, part: &str) -> PathBuf {
        self.dir.join("secrets").join(part)
    }
    /// Where workers lay the mails they would send.
    pub(crate) fn mail(&self) -> PathBuf {
        self.dir.join("mail")
    }
    /// Where workers lay the texts to telephones they would send.
    pub(crate) fn sms(&self) -> PathBuf {
        self.dir.join("sms")
    }
    /// The description for scripts.
    pub(crate) fn stack_json(&self) -> PathBuf {
        self.dir.join("stack.json")
    }
}

/// Creates a folder that only this user can enter; one that is there already becomes one.
pub(crate) fn make_dir(dir: &Path) -> Outcome<()> {
    make_dir_with(dir, PRIVATE_DIR_MODE)
}

/// Creates a folder, and parents, that others can pass through to what is theirs but cannot list: PostgreSQL may run as
/// another account and has its data folder inside.
pub(crate) fn make_passage(dir: &Path) -> Outcome<()> {
    make_dir_with(dir, PASSAGE_DIR_MODE)
}

fn make_dir_with(dir: &Path, mode: u32) -> Outcome<()> {
    use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
    let doing = || format!("create the folder {}", dir.display());
    std::fs::DirBuilder::new().recursive(true).mode(mode).create(dir).attempt(doing)?;
    // The folder may be older than this rule, and the mode above is subject to the person's umask.
    std::fs::set_permissions(dir, std::fs::Permissions::from_mode(mode)).attempt(doing)
}

/// Writes a file whole or not at all, readable by this user only.
pub(crate) fn write_private(path: &Path, content: &[u8]) -> Outcome<()> {
    use std::io::Write;
    use std::os::unix::fs::OpenOptionsExt;
    let doing = || format!("write {}", path.display());
    if let Some(parent) = path.parent().filter(|parent| !parent.is_dir()) {
        make_dir(parent)?;
    }
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    let temporary = PathBuf::from(name);
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(PRIVATE_FILE_MODE);
    let mut file = options.open(&temporary).attempt(doing)?;
    file.write_all(content).attempt(doing)?;
    file.sync_all().attempt(doing)?;
    std::fs::rename(&temporary, path).attempt(doing)
}

/// Reads a small text file.
pub(crate) fn read_text(path: &Path) -> Outcome<String> {
    std::fs::read_to_string(path).attempt(|| format!("read {}", path.display()))
}

const PRIVATE_DIR_MODE: u32 = 0o700;
const PASSAGE_DIR_MODE: u32 = 0o711;
/// For every file of a stack but certificates.
pub(crate) const PRIVATE_FILE_MODE: u32 = 0o600;
