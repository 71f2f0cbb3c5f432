//! Why a command ended early, and the exit status that says so.

use std::path::PathBuf;

use crate::store::StoreError;

/// Why a command ended without having done all it should.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    /// What was asked for is not there, or something went wrong that was reported when it did. The message is for
    /// people, and may be empty.
    #[error("{0}")]
    Message(String),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("could not read {}", path.display())]
    File {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error("could not write {}", path.display())]
    Write {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error("could not print")]
    Print(#[source] std::io::Error),
    #[error("could not listen on {address}")]
    Listen {
        address: String,
        source: std::io::Error,
    },
    #[error("could not start")]
    Runtime(#[source] std::io::Error),
    /// A signal asked the command to stop.
    #[error("{message}")]
    Interrupted { message: String, status: u8 },
}

impl Failure {
    pub(super) fn status(&self) -> u8 {
        match self {
            Self::Interrupted { status, .. } => *status,
            _ => 1,
        }
    }

    /// Whether whoever read our output has gone, as `head` does when it has enough. That is no failure.
    pub(super) fn is_broken_pipe(&self) -> bool {
        matches!(self, Self::Print(error) if error.kind() == std::io::ErrorKind::BrokenPipe)
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::Print(error)
    }
}
