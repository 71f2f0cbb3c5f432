//! One error for callers who do not tell them apart. Each concern has its own enum, beside the code that fails.

use crate::ingest::IngestError;
use crate::store::{SnapshotError, StoreError};

/// Anything that this crate's own calls fail with.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Reading or writing the table failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// One object cannot be stored.
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
    /// A document is not one of Stripe's.
    #[error(transparent)]
    Ingest(#[from] IngestError),
    /// A call to Stripe failed.
    #[cfg(feature = "client")]
    #[cfg_attr(docsrs, doc(cfg(feature = "client")))]
    #[error(transparent)]
    Client(#[from] crate::client::ClientError),
    /// What Stripe sent cannot be put into the store.
    #[cfg(feature = "client")]
    #[cfg_attr(docsrs, doc(cfg(feature = "client")))]
    #[error(transparent)]
    Sync(#[from] crate::sync::SyncError),
}

impl Error {
    /// Whether trying again, unchanged, may succeed.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Store(error) => error.is_transient(),
            Self::Snapshot(_) | Self::Ingest(_) => false,
            #[cfg(feature = "client")]
            Self::Client(error) => error.is_transient(),
            #[cfg(feature = "client")]
            Self::Sync(_) => false,
        }
    }
}

/// An error and its causes, on one line.
#[cfg(any(feature = "cli", feature = "client", feature = "webhook"))]
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let reason = error.to_string();
        // Some errors of drivers repeat their cause.
        if !text.ends_with(&reason) {
            if !text.is_empty() {
                text.push_str(": ");
            }
            text.push_str(&reason);
        }
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_says_what_its_cause_says() {
        let error = Error::from(SnapshotError::NotAnObject);
        assert_eq!(error.to_string(), "not a JSON object");
        assert!(!error.is_transient());
    }
}
