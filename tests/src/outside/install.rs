//! How the programs come onto the machine: whole, or not at all, and once for all tests that want them at the same time.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{fs, io};

use super::Missing;

/// What to do where there is no Python.
const GET_PYTHON: &str = "install Python 3.9 or later with its venv (Debian, Ubuntu: apt-get install python3-venv, \
     Fedora: dnf install python3, macOS: brew install python), and let pip reach PyPI";
/// What to do where there is no Node.
const GET_NODE: &str = "install Node 20 or later with its npm (https://nodejs.org, macOS: brew install node), and let \
     npm reach its registry";

/// A Python environment with these packages.
pub(super) fn python(folder: &Path, packages: &[&str]) -> Result<PathBuf, Missing> {
    let program = if cfg!(windows) {
        "Scripts/python.exe"
    } else {
        "bin/python"
    };
    let install = |folder: &Path| {
        run(Command::new("python3").args(["-m", "venv"]).arg(folder))?;
        let mut pip = Command::new(folder.join(program));
        pip.args(["-m", "pip", "install", "--quiet", "--retries", "1"]);
        run(pip.arg("--disable-pip-version-check").args(packages))
    };
    let done = once(folder, program, install);
    done.map_err(|reason| Missing(format!("{reason}\n{GET_PYTHON}")))
}

/// A folder with a package of npm's.
pub(super) fn node(folder: &Path, package: &str) -> Result<PathBuf, Missing> {
    let advice = |reason| Missing(format!("{reason}\n{GET_NODE}"));
    run(Command::new("node").arg("--version")).map_err(advice)?;
    let done = once(folder, "node_modules/stripe/package.json", |folder| {
        npm(folder, package)
    });
    done.map(|_| folder.to_owned()).map_err(advice)
}

/// Stripe's command, which npm has for the common systems.
pub(super) fn command(folder: &Path, version: &str) -> Result<PathBuf, Missing> {
    let system = match std::env::consts::OS {
        "macos" => "darwin",
        other => other,
    };
    let machine = match std::env::consts::ARCH {
        "x86_64" => "x64",
        "aarch64" => "arm64",
        other => other,
    };
    let name = format!("@stripe/cli-{system}-{machine}");
    let program = format!("node_modules/{name}/bin/stripe");
    let done = once(folder, &program, |folder| {
        npm(folder, &format!("{name}@{version}"))
    });
    done.map_err(|reason| Missing(format!("{reason}\n{GET_NODE}")))
}

fn npm(folder: &Path, package: &str) -> Result<(), String> {
    let mut npm = Command::new("npm");
    npm.args(["install", "--no-audit", "--no-fund", "--ignore-scripts"]);
    npm.args(["--fetch-retries=1", "--prefix"]).arg(folder);
    run(npm.arg(package))
}

/// The file in a folder, which is made first where it is missing: under another name, so that nobody finds half of it.
fn once(
    folder: &Path,
    file: &str,
    make: impl FnOnce(&Path) -> Result<(), String>,
) -> Result<PathBuf, String> {
    let wanted = folder.join(file);
    if wanted.is_file() {
        return Ok(wanted);
    }
    let failed = |error: io::Error| format!("{} cannot be made: {error}", folder.display());
    if let Some(parent) = folder.parent() {
        fs::create_dir_all(parent).map_err(failed)?;
    }
    let lock = fs::File::create(folder.with_added_extension("lock")).map_err(failed)?;
    lock.lock().map_err(failed)?;
    if wanted.is_file() {
        return Ok(wanted);
    }
    let part = folder.with_added_extension("part");
    for old in [folder, part.as_path()] {
        match fs::remove_dir_all(old) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
            _ => {}
        }
    }
    fs::create_dir(&part).map_err(failed)?;
    make(&part)?;
    fs::rename(&part, folder).map_err(failed)?;
    if wanted.is_file() {
        Ok(wanted)
    } else {
        Err(format!("{} is not what was installed", wanted.display()))
    }
}

/// Runs a program of the machine's, and says why not when it fails.
fn run(command: &mut Command) -> Result<(), String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command.stdin(Stdio::null()).output();
    let output = output.map_err(|error| format!("{name} cannot be run: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let arguments: Vec<_> = command
        .get_args()
        .map(|argument| argument.to_string_lossy())
        .collect();
    Err(format!(
        "{name} {}: {}\n{}",
        arguments.join(" "),
        output.status,
        said.trim()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_failed_leaves_nothing_and_is_tried_again() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("tool-1.2.3");
        let half = |folder: &Path| {
            fs::write(folder.join("program"), "half").unwrap();
            Err("no network".to_owned())
        };
        assert_eq!(once(&folder, "program", half), Err("no network".to_owned()));
        assert!(!folder.exists());

        let whole =
            |folder: &Path| fs::write(folder.join("program"), "whole").map_err(|it| it.to_string());
        let program = once(&folder, "program", whole).unwrap();
        assert_eq!(fs::read_to_string(program).unwrap(), "whole");
        let never = |_: &Path| Err("it is here".to_owned());
        assert!(once(&folder, "program", never).is_ok());
    }

    #[test]
    fn many_at_once_install_once() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("tool");
        let made = std::sync::atomic::AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    once(&folder, "program", |folder| {
                        made.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
                        fs::write(folder.join("program"), "").map_err(|it| it.to_string())
                    })
                    .unwrap()
                });
            }
        });
        assert_eq!(made.into_inner(), 1);
    }

    #[test]
    fn a_machine_without_it_is_told_what_to_install() {
        let root = tempfile::tempdir().unwrap();
        let missing = python(&root.path().join("x"), &["--no-such-option"]).unwrap_err();
        assert!(missing.to_string().contains("apt-get install python3-venv"));
    }
}
