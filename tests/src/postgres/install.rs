//! What happens on a machine without PostgreSQL: Debian installs it when it may, the others are told what to do.

use std::{fs, io, path::Path, process::Command};

use super::programs::{Programs, Search};

const PACKAGES: &str = "\
    Debian, Ubuntu:  apt-get install postgresql\n  \
    Fedora:          dnf install postgresql-server\n  \
    macOS:           brew install postgresql";

/// The programs, installed first where that can be done.
pub(super) fn programs(search: &Search) -> Result<Programs, String> {
    if let Some(programs) = search.find() {
        return Ok(programs);
    }
    if search.named.is_none() && is_debian() && is_root() {
        install()?;
        if let Some(programs) = search.find() {
            return Ok(programs);
        }
    }
    Err(advice(search))
}

/// What to do about it, for every system.
fn advice(search: &Search) -> String {
    let looked = search.named.as_ref().map_or_else(
        || "the programs initdb and postgres are not on this machine".to_owned(),
        |folder| {
            format!(
                "{} names {}, which does not hold initdb and postgres",
                Search::VARIABLE,
                folder.display()
            )
        },
    );
    format!(
        "{looked}.\nInstall them,\n  {PACKAGES}\nor set {} to the folder that holds them, or set {} to the URL of a \
         server whose user may create databases",
        Search::VARIABLE,
        super::URL_VARIABLE,
    )
}

fn is_debian() -> bool {
    Path::new("/etc/debian_version").exists()
}

/// Whether this process may do anything: a new file belongs to the effective user.
pub(super) fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    tempfile::tempfile()
        .and_then(|file| file.metadata())
        .is_ok_and(|metadata| metadata.uid() == 0)
}

/// Installs the server with Debian's package manager, once for all test processes that want it at the same time.
#[expect(
    clippy::print_stderr,
    reason = "who runs the tests must see that a package gets installed"
)]
fn install() -> Result<(), String> {
    let lock = std::env::temp_dir().join("stripe-store-install-postgresql.lock");
    let lock = fs::File::create(&lock)
        .map_err(|error| format!("cannot write {}: {error}", lock.display()))?;
    lock.lock()
        .map_err(|error| format!("cannot wait for another installation: {error}"))?;
    if Search::from_environment().find().is_some() {
        return Ok(());
    }
    eprintln!(
        "PostgreSQL is not installed; installing it: apt-get update && apt-get install -y postgresql"
    );
    apt_get(&["update"])?;
    apt_get(&["install", "-y", "--no-install-recommends", "postgresql"])
}

fn apt_get(arguments: &[&str]) -> Result<(), String> {
    let run = || -> io::Result<_> {
        Command::new("apt-get")
            .env("DEBIAN_FRONTEND", "noninteractive")
            .args(["-o", "DPkg::Lock::Timeout=300"])
            .args(arguments)
            .output()
    };
    let what = format!("apt-get {}", arguments.join(" "));
    let output = run().map_err(|error| format!("{what}: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!(
        "{what}: {}\n{}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    ))
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::{Search, advice};

    #[test]
    fn the_advice_names_a_package_for_every_system_and_both_variables() {
        let advice = advice(&Search::default());
        for part in [
            "apt-get install",
            "dnf install",
            "brew install",
            "PGBIN",
            "TEST_DATABASE_URL",
        ] {
            assert!(advice.contains(part), "{part} is not in: {advice}");
        }
    }

    #[test]
    fn a_wrong_folder_is_named() {
        let search = Search {
            named: Some(PathBuf::from("/nowhere")),
            ..Search::default()
        };
        assert!(advice(&search).starts_with("PGBIN names /nowhere, which does not hold"));
    }
}
