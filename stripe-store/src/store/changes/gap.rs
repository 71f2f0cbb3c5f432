//! That a feed is not whole.

use std::sync::Arc;

use crate::store::changed::ChangeCursor;

/// Changes are missing from a feed here. It goes on after it.
///
/// What is missing is in the table: [`Store::changed_since`](crate::Store::changed_since) the gap's
/// [`since`](Self::since) finds it.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum Gap {
    /// The reader was too slow, and the oldest changes were dropped.
    #[error("the reader of changes is behind, and {missed} were dropped")]
    #[non_exhaustive]
    Lagged {
        /// How many, those counted that the feed would have left out.
        missed: u64,
        /// Where to read from.
        since: ChangeCursor,
    },
    /// A write of this process ended without an answer, because its future was dropped or the connection broke: it may
    /// have been committed.
    #[error("a write ended without an answer, and may have been committed")]
    #[non_exhaustive]
    Interrupted {
        /// Where to read from.
        since: ChangeCursor,
    },
    /// The connection that [listens](super::Changes::listen) was lost. Until it is there [again](Self::Reconnected),
    /// nothing comes of what others write; to read the table before that will not find everything.
    #[error("the connection that hears of changes was lost")]
    #[non_exhaustive]
    ConnectionLost {
        /// Where to read from.
        since: ChangeCursor,
        /// The driver's account of it.
        source: Arc<sqlx::Error>,
    },
    /// The connection that listens is there again: what others wrote in the meantime is to be read from the table now.
    #[error("the connection that hears of changes is there again")]
    #[non_exhaustive]
    Reconnected {
        /// Where to read from: from before the loss.
        since: ChangeCursor,
    },
    /// A notification cannot be read: a newer version sent it, or a key of hundreds of control characters did not fit.
    #[error("a notification of a change cannot be read")]
    #[non_exhaustive]
    Unreadable {
        /// Where to read from.
        since: ChangeCursor,
    },
}

impl Gap {
    /// From where on [`Store::changed_since`](crate::Store::changed_since) finds what is missing.
    pub fn since(&self) -> &ChangeCursor {
        match self {
            Self::Lagged { since, .. }
            | Self::Interrupted { since }
            | Self::ConnectionLost { since, .. }
            | Self::Reconnected { since }
            | Self::Unreadable { since } => since,
        }
    }

    /// Whether more will be missing until the connection [is there again](Self::Reconnected). At every other gap
    /// reading the table now finds all that is missing.
    pub fn is_open(&self) -> bool {
        matches!(self, Self::ConnectionLost { .. })
    }
}
