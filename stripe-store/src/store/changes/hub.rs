//! Where writes tell of their changes, and readers of the feed hear of them.
//!
//! Nothing is there until somebody reads: a store without readers asks one atomic number per write.

use std::sync::{Arc, OnceLock};

use tokio::sync::broadcast;

use super::row_change::{Facts, RowChange};
use crate::clock::UnixMillis;

/// What goes to readers.
#[derive(Debug, Clone)]
pub(crate) enum Message {
    /// This process wrote it. If `notified`, the database passes it on as well.
    Written {
        change: Arc<RowChange>,
        notified: bool,
    },
    /// Nobody waited for a write of this process to end: it may have happened. If `notified`, the database tells.
    Interrupted { since: UnixMillis, notified: bool },
    /// The database passed it on.
    #[cfg(feature = "postgres")]
    Heard(Arc<RowChange>),
    /// The database passed on what cannot be read.
    #[cfg(feature = "postgres")]
    Unreadable,
    /// The database passes nothing on from here.
    #[cfg(feature = "postgres")]
    Lost(Arc<sqlx::Error>),
    /// The database passes on again what is written from here.
    #[cfg(feature = "postgres")]
    Restored,
}

/// What all handles on one store's tables in this process share.
#[derive(Debug)]
pub(crate) struct Hub {
    capacity: usize,
    sender: OnceLock<broadcast::Sender<Message>>,
    #[cfg(feature = "postgres")]
    pub(super) listening: tokio::sync::Mutex<std::sync::Weak<super::listening::Listening>>,
}

impl Default for Hub {
    fn default() -> Self {
        Self::new(super::DEFAULT_CAPACITY)
    }
}

impl Hub {
    pub(crate) fn new(capacity: usize) -> Self {
        Self {
            capacity: capacity.clamp(1, super::MAX_CAPACITY),
            sender: OnceLock::new(),
            #[cfg(feature = "postgres")]
            listening: tokio::sync::Mutex::default(),
        }
    }

    /// A new one that keeps as many messages.
    pub(crate) fn alike(&self) -> Self {
        Self::new(self.capacity)
    }

    /// Where messages go; made when the first reader comes.
    pub(super) fn sender(&self) -> &broadcast::Sender<Message> {
        self.sender
            .get_or_init(|| broadcast::Sender::new(self.capacity))
    }

    /// Where messages go, if anybody reads them.
    fn read(&self) -> Option<&broadcast::Sender<Message>> {
        self.sender
            .get()
            .filter(|sender| sender.receiver_count() > 0)
    }
}

/// What one write changes, until it is committed and told.
///
/// Dropped before that, it tells readers that they may have missed something: a commit whose answer nobody waited for,
/// or that never came.
#[derive(Debug)]
pub(crate) struct Ledger<'h> {
    readers: Option<&'h broadcast::Sender<Message>>,
    /// Whether changes are noted down here.
    notes: bool,
    /// Whether the database is to pass changes on.
    notifies: bool,
    now: UnixMillis,
    changes: Vec<RowChange>,
}

impl<'h> Ledger<'h> {
    /// For a write that this process commits.
    pub(crate) fn new(hub: &'h Hub, notifies: bool, now: UnixMillis) -> Self {
        let readers = hub.read();
        Self {
            readers,
            notes: readers.is_some(),
            notifies,
            now,
            changes: Vec::new(),
        }
    }

    /// For a write that the caller commits.
    pub(crate) fn of_caller(notes: bool, notifies: bool, now: UnixMillis) -> Self {
        Self {
            readers: None,
            notes,
            notifies,
            now,
            changes: Vec::new(),
        }
    }

    /// Whether changes need to be known at all.
    pub(crate) fn is_on(&self) -> bool {
        self.notes || self.notifies
    }

    #[cfg(feature = "postgres")]
    pub(crate) fn notifies(&self) -> bool {
        self.notifies
    }

    /// When the write began, which is `updated_at` of what it changes.
    pub(crate) fn now(&self) -> UnixMillis {
        self.now
    }

    /// Notes a change down.
    pub(crate) fn note(&mut self, facts: &Facts<'_>) {
        if self.notes {
            self.changes.push(facts.change());
        }
    }

    /// Nothing of what was noted down happened.
    pub(crate) fn rolled_back(&mut self) {
        self.changes.clear();
    }

    /// The write was refused: there is nothing to tell.
    pub(crate) fn refused(&mut self) {
        self.changes.clear();
        self.readers = None;
    }

    /// All of it happened.
    pub(crate) fn committed(&mut self) {
        if let Some(readers) = self.readers.take() {
            tell(readers, self.changes.drain(..), self.notifies);
        }
    }

    pub(super) fn into_changes(mut self) -> Vec<RowChange> {
        std::mem::take(&mut self.changes)
    }
}

impl Drop for Ledger<'_> {
    fn drop(&mut self) {
        if let Some(readers) = self.readers {
            // Without readers nobody misses it.
            let _ = readers.send(Message::Interrupted {
                since: self.now,
                notified: self.notifies,
            });
        }
    }
}

impl Hub {
    /// Tells readers what a transaction of the caller's committed.
    pub(super) fn tell(&self, changes: Vec<RowChange>, notified: bool) {
        if let Some(readers) = self.read() {
            tell(readers, changes.into_iter(), notified);
        }
    }
}

fn tell(
    readers: &broadcast::Sender<Message>,
    changes: impl Iterator<Item = RowChange>,
    notified: bool,
) {
    for change in changes {
        let change = Arc::new(change);
        // Fails when the last reader has gone in the meantime, and then nobody misses it.
        let _ = readers.send(Message::Written { change, notified });
    }
}
