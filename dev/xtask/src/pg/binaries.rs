//! Finds a PostgreSQL server that is new enough.
use std::path::{Path, PathBuf};
use std::process::Command;

/// Where one PostgreSQL server's programs are.
#[derive(Clone)]
pub(crate) struct Binaries {
    /// The folder with `postgres` and `initdb`.
    pub dir: PathBuf,
    /// The major version.
    pub major: u32,
}

/// The oldest major version that the product supports.
pub(crate) const MAJOR_MIN: u32 = 15;

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
    if !dir.join("initdb").is_file() || !dir.join("postgres").is_file() {
        return None;
    }
    let output = Command::new(dir.join("postgres")).arg("--version").output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    Some(Binaries { dir: dir.to_owned(), major: major_of(&text)? })
}

/// `postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)` is 15, `… 19beta1` is 19.
fn major_of(text: &str) -> Option<u32> {
    let version = text.split_whitespace().find(|word| word.starts_with(|c: char| c.is_ascii_digit()))?;
    let digits: String = version.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::major_of;

    #[test]
    fn reads_the_major_version_of_releases_and_betas() {
        assert_eq!(major_of("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)"), Some(15));
        assert_eq!(major_of("postgres (PostgreSQL) 19beta1"), Some(19));
        assert_eq!(major_of("postgres (PostgreSQL) unknown"), None);
    }
}
