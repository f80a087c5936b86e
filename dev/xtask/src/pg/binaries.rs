//! Finds a PostgreSQL server that is new enough.
use std::path::{Path, PathBuf};
use std::process::Command;

/// Where one PostgreSQL server's programs are.
#[derive(Clone)]
pub(crate) struct Binaries {
    /// The folder with `postgres` and the other programs of a server.
    pub dir: PathBuf,
    /// The major version.
    pub major: u32,
}

/// The oldest major version that the product supports.
pub(crate) const MAJOR_MIN: u32 = 15;

/// What a server's folder must have: the stack, the tests and the key store's backups run these.
const PROGRAMS: [&str; 6] = ["postgres", "initdb", "pg_ctl", "pg_isready", "pg_dump", "pg_restore"];

/// The newest suitable server on this machine. `DOMICILE_PG_BIN` names a folder to take instead.
pub(crate) fn find() -> Option<Binaries> {
    if let Ok(dir) = std::env::var("DOMICILE_PG_BIN") {
        return inspect(Path::new(&dir));
    }
    candidates()
        .iter()
        .filter_map(|dir| inspect(dir))
        .filter(|found| found.major >= MAJOR_MIN)
        .max_by_key(|b| b.major)
}

fn candidates() -> Vec<PathBuf> {
    let mut dirs = Vec::new();
    for parent in ["/usr/lib/postgresql", "/opt/homebrew/opt", "/usr/local/opt"] {
        let Ok(entries) = std::fs::read_dir(parent) else { continue };
        dirs.extend(entries.flatten().map(|entry| entry.path().join("bin")));
    }
    if let Some(path) = std::env::var_os("PATH") {
        dirs.extend(std::env::split_paths(&path));
    }
    dirs
}

fn inspect(dir: &Path) -> Option<Binaries> {
    // Where the program itself is: a folder of links to some of a server's programs lacks the others, such as pg_dump.
    let server = dir.join("postgres").canonicalize().ok()?;
    let dir = server.parent()?.to_owned();
    if !PROGRAMS.iter().all(|program| dir.join(program).is_file()) {
        return None;
    }
    let output = Command::new(&server).arg("--version").output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    Some(Binaries { dir, major: major_of(&text)? })
}

/// `postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)` is 15, `… 19beta1` is 19.
fn major_of(text: &str) -> Option<u32> {
    let version = text.split_whitespace().find(|word| word.starts_with(|c: char| c.is_ascii_digit()))?;
    let digits: String = version.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::{inspect, major_of};

    #[test]
    fn a_folder_of_links_leads_to_the_folder_of_all_programs() {
        use std::os::unix::fs::{PermissionsExt as _, symlink};
        let root = tempfile::tempdir().unwrap();
        let (whole, links) = (root.path().join("15"), root.path().join("links"));
        std::fs::create_dir_all(&links).unwrap();
        std::fs::create_dir_all(&whole).unwrap();
        for program in super::PROGRAMS {
            let file = whole.join(program);
            std::fs::write(&file, "#!/bin/sh\necho 'postgres (PostgreSQL) 15.18'\n").unwrap();
            std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).unwrap();
        }
        symlink(whole.join("postgres"), links.join("postgres")).unwrap();
        let found = inspect(&links).unwrap();
        assert_eq!((found.dir.file_name().unwrap().to_str(), found.major), (Some("15"), 15));
        std::fs::remove_file(whole.join("pg_dump")).unwrap();
        assert!(inspect(&links).is_none(), "a server without pg_dump makes no backups");
    }

    #[test]
    fn reads_the_major_version_of_releases_and_betas() {
        assert_eq!(major_of("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)"), Some(15));
        assert_eq!(major_of("postgres (PostgreSQL) 19beta1"), Some(19));
        assert_eq!(major_of("postgres (PostgreSQL) unknown"), None);
    }
}
