//! Installs what the stack needs and this machine lacks, with the machine's own package manager.
use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::fail::{Attempt, Fail, Outcome};
use crate::pg::binaries::{self, Binaries, MAJOR_MIN};

/// What this machine has to install packages with.
#[derive(Clone, Copy, Default)]
struct Tools {
    mac: bool,
    brew: bool,
    apt: bool,
    root: bool,
    sudo: bool,
}

/// The package managers this tool knows.
#[derive(Debug)]
enum Manager {
    /// Debian and Ubuntu; the words that make a command run as root.
    Apt(Vec<&'static str>),
    /// macOS.
    Brew,
}

/// Whether installing asks nobody for a password, so that others may print meanwhile.
pub(crate) fn asks_nobody() -> bool {
    cfg!(target_os = "macos") || rustix::process::geteuid().is_root() || runs(&["sudo", "-n", "true"])
}

/// A PostgreSQL server that is new enough, installed first if there is none.
pub(crate) fn ensure_postgres() -> Outcome<Binaries> {
    if let Some(found) = binaries::find() {
        return Ok(found);
    }
    if std::env::var_os("DOMICILE_PG_BIN").is_some() {
        return Err(Fail::new("DOMICILE_PG_BIN names a folder without PostgreSQL's postgres and initdb.")
            .hint("correct it, or unset it and this command finds or installs a server"));
    }
    println!("No PostgreSQL {MAJOR_MIN} or newer was found: installing it.");
    match manager("PostgreSQL 15 or newer")? {
        Manager::Apt(root) => install_postgres_with_apt(&root)?,
        Manager::Brew => run(&[], &["brew", "install", "postgresql@17"])?,
    }
    binaries::find().ok_or_else(|| {
        Fail::new(format!(
            "PostgreSQL was installed, but it is older than {MAJOR_MIN} or was put somewhere unexpected."
        ))
        .hint("install PostgreSQL 15 or newer yourself and name its folder of programs in DOMICILE_PG_BIN")
    })
}

/// Makes sure the program `name` can be run, installing the Debian or brew package of that name.
pub(crate) fn ensure_program(name: &str, package: &str) -> Outcome<()> {
    if find_program(name).is_some() {
        return Ok(());
    }
    println!("{name} is missing: installing the package {package}.");
    install(name, &[package], &[package])
}

/// Makes sure that ClamAV's daemon is here; Debian packages it apart from the rest, and brew does not.
pub(crate) fn ensure_scanner() -> Outcome<()> {
    if find_program("clamd").is_some() {
        return Ok(());
    }
    println!("clamd is missing: installing ClamAV's daemon.");
    install("clamd", &["clamav-daemon"], &["clamav"])
}

/// Installs Debian's packages or brew's.
pub(crate) fn install(wanted: &str, debian: &[&str], brew: &[&str]) -> Outcome<()> {
    match manager(wanted)? {
        Manager::Apt(root) => {
            run(&root, &["apt-get", "update", "-qq"])?;
            apt_install(&root, debian)
        }
        Manager::Brew => run(&[], &[["brew", "install"].as_slice(), brew].concat()),
    }
}

/// Makes sure that python3 is here and can make virtual environments, which Debian packages apart.
pub(crate) fn ensure_python() -> Outcome<()> {
    ensure_program("python3", "python3")?;
    if runs(&["python3", "-c", "import ensurepip, venv"]) {
        return Ok(());
    }
    println!("python3 cannot make virtual environments: installing the package python3-venv.");
    match manager("python3-venv")? {
        Manager::Apt(root) => {
            run(&root, &["apt-get", "update", "-qq"])?;
            apt_install(&root, &["python3-venv"])
        }
        Manager::Brew => run(&[], &["brew", "install", "python"]),
    }
}

/// Where the program `name` is: on the search path, or where servers are put, which is not on every person's.
pub(crate) fn find_program(name: &str) -> Option<PathBuf> {
    let dirs = std::env::var_os("PATH").unwrap_or_default();
    let places = ["/usr/sbin", "/usr/local/sbin", "/opt/homebrew/bin"].map(PathBuf::from);
    std::env::split_paths(&dirs).chain(places).map(|dir| dir.join(name)).find(|file| file.is_file())
}

fn manager(wanted: &str) -> Outcome<Manager> {
    choose(
        wanted,
        Tools {
            mac: cfg!(target_os = "macos"),
            brew: runs(&["brew", "--version"]),
            apt: runs(&["apt-get", "--version"]),
            root: rustix::process::geteuid().is_root(),
            sudo: runs(&["sudo", "--version"]),
        },
    )
}

fn choose(wanted: &str, tools: Tools) -> Outcome<Manager> {
    if tools.brew && tools.mac {
        return Ok(Manager::Brew);
    }
    if !tools.apt {
        let how = if tools.mac {
            "install Homebrew (https://brew.sh) and run this again"
        } else {
            "install it with this system's own package manager and run this again (DOMICILE_PG_BIN may name the folder \
             of PostgreSQL's server programs)"
        };
        return Err(Fail::new(format!(
            "{wanted} is missing, and neither apt-get nor brew is here to install it."
        ))
        .hint(how));
    }
    if tools.root {
        return Ok(Manager::Apt(Vec::new()));
    }
    if tools.sudo {
        return Ok(Manager::Apt(vec!["sudo"]));
    }
    Err(Fail::new(format!(
        "{wanted} is missing, and this user may not install it: not root, and no sudo here."
    ))
    .hint("as root, run: apt-get install postgresql; then run this again"))
}

/// The package would make a cluster on port 5432 and start it; that one is not ours and not wanted.
fn install_postgres_with_apt(root: &[&str]) -> Outcome<()> {
    run(root, &["apt-get", "update", "-qq"])?;
    apt_install(root, &["postgresql-common", "ca-certificates"])?;
    if apt_candidate_major() < Some(MAJOR_MIN) {
        println!(
            "This release packages an older PostgreSQL: adding the PostgreSQL project's own repository."
        );
        run(root, &["/usr/share/postgresql-common/pgdg/apt.postgresql.org.sh", "-y"])?;
    }
    let setting = "/etc/postgresql-common/createcluster.d/no-main-cluster.conf";
    let write = "mkdir -p \"${1%/*}\" && echo 'create_main_cluster = false' > \"$1\"";
    run(root, &["sh", "-c", write, "sh", setting])?;
    let installed = apt_install(root, &["postgresql"]);
    run(root, &["rm", "-f", setting])?;
    installed
}

/// The major version apt would install: the package's version begins with it, as in `15+248`.
fn apt_candidate_major() -> Option<u32> {
    let output = Command::new("apt-cache").args(["policy", "postgresql"]).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let line = text.lines().find_map(|line| line.trim().strip_prefix("Candidate:"))?;
    let digits: String = line.trim().chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}

fn apt_install(root: &[&str], packages: &[&str]) -> Outcome<()> {
    let mut words = vec![
        "env",
        "DEBIAN_FRONTEND=noninteractive",
        "apt-get",
        "install",
        "-y",
        "-qq",
        "--no-install-recommends",
    ];
    words.extend(packages);
    run(root, &words)
}

fn runs(words: &[&str]) -> bool {
    let Some((program, arguments)) = words.split_first() else { return false };
    let status = Command::new(program).args(arguments).stdout(Stdio::null()).stderr(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}

fn run(prefix: &[&str], words: &[&str]) -> Outcome<()> {
    let all = [prefix, words].concat();
    let Some((program, arguments)) = all.split_first() else { return Ok(()) };
    let line = all.join(" ");
    let status = Command::new(program).args(arguments).status().attempt(|| format!("run `{line}`"))?;
    if status.success() {
        return Ok(());
    }
    Err(Fail::new(format!("`{line}` failed.")).hint("its own messages are above; is the network reachable?"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(tools: Tools) -> String {
        choose("PostgreSQL 15 or newer", tools).unwrap_err().to_string()
    }

    #[test]
    fn a_machine_without_a_known_package_manager_says_what_to_do() {
        let said = refusal(Tools { root: true, ..Tools::default() });
        assert!(
            said.contains("PostgreSQL 15 or newer is missing, and neither apt-get nor brew is here"),
            "{said}"
        );
        assert!(said.contains("DOMICILE_PG_BIN"), "{said}");
        let said = refusal(Tools { mac: true, ..Tools::default() });
        assert!(said.contains("install Homebrew"), "{said}");
    }

    #[test]
    fn a_user_who_may_not_install_is_told_who_can() {
        let said = refusal(Tools { apt: true, ..Tools::default() });
        assert!(said.contains("not root, and no sudo"), "{said}");
        assert!(said.contains("as root, run: apt-get install postgresql"), "{said}");
    }

    #[test]
    fn root_needs_no_sudo_and_others_use_it() {
        let root = choose("x", Tools { apt: true, root: true, ..Tools::default() }).unwrap();
        assert!(matches!(root, Manager::Apt(prefix) if prefix.is_empty()));
        let user = choose("x", Tools { apt: true, sudo: true, ..Tools::default() }).unwrap();
        assert!(matches!(user, Manager::Apt(prefix) if prefix == ["sudo"]));
        assert!(matches!(
            choose("x", Tools { mac: true, brew: true, ..Tools::default() }),
            Ok(Manager::Brew)
        ));
    }
}
