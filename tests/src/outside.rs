//! Programs that nobody here wrote, to be judged by: Stripe's own libraries for Python and Node, Stripe's command, and
//! [`Localstripe`], another's fake Stripe.
//!
//! They are installed once for a build folder, from `PyPI` and npm, the first time that a test wants them. A machine without
//! Python, Node or those registries cannot be judged on: [`or_say`] says so where everyone sees it, with what to install.
//! Nothing of them is part of this project: they run as processes of their own, with nothing of the environment, and end
//! with the test.

mod install;
mod localstripe;
mod program;

use std::fmt;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

pub use self::localstripe::Localstripe;
pub(crate) use self::program::Held;
pub use self::program::{Ended, Program};

/// What is installed from Python's registry, in one environment.
const PYTHON: [&str; 2] = ["localstripe==1.15.10", "stripe==16.1.0"];
/// What is installed from npm, beside the command.
const NODE: &str = "stripe@23.1.0";
/// The version of Stripe's command.
const COMMAND: &str = "1.52.0";

/// Why a program is not here, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Missing(String);

/// The programs of a build folder.
#[derive(Debug)]
pub struct Tools {
    folder: PathBuf,
    python: OnceLock<Result<PathBuf, Missing>>,
    node: OnceLock<Result<PathBuf, Missing>>,
    command: OnceLock<Result<PathBuf, Missing>>,
}

impl Tools {
    /// Those below a folder, which has to outlive the test: `env!("CARGO_TARGET_TMPDIR")`.
    pub const fn below(folder: PathBuf) -> Self {
        Self {
            folder,
            python: OnceLock::new(),
            node: OnceLock::new(),
            command: OnceLock::new(),
        }
    }

    /// A Python that has `stripe` and `localstripe`.
    ///
    /// # Errors
    ///
    /// What to install.
    pub fn python(&self) -> Result<&Path, Missing> {
        let found = self.python.get_or_init(|| {
            let folder = self.folder.join("outside-python-16.1.0-1.15.10");
            install::python(&folder, &PYTHON)
        });
        found.as_deref().map_err(Clone::clone)
    }

    /// The folder below which Node finds `stripe`.
    ///
    /// # Errors
    ///
    /// What to install.
    pub fn node(&self) -> Result<&Path, Missing> {
        let found = self.node.get_or_init(|| {
            let folder = self.folder.join("outside-node-23.1.0");
            install::node(&folder, NODE)
        });
        found.as_deref().map_err(Clone::clone)
    }

    /// Stripe's command.
    ///
    /// # Errors
    ///
    /// What to install.
    pub fn command(&self) -> Result<&Path, Missing> {
        let found = self.command.get_or_init(|| {
            let folder = self.folder.join(format!("outside-command-{COMMAND}"));
            install::command(&folder, COMMAND)
        });
        found.as_deref().map_err(Clone::clone)
    }
}

/// What was found; where nothing was, why, on standard error past the test runner, which would keep it to itself.
pub fn or_say<T>(test: impl fmt::Display, found: Result<T, Missing>) -> Option<T> {
    match found {
        Ok(found) => Some(found),
        Err(missing) => {
            let said = format!("\nNOT TESTED: {test}: {missing}\n");
            // Where there is no standard error, there is nobody to tell.
            let _ = std::io::stderr().write_all(said.as_bytes());
            None
        }
    }
}

/// One of our scripts that those programs run.
pub fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("outside")
        .join(name)
}
