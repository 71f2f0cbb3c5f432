//! The feed of changes: what was written, told to those who ask, after it was committed.
//!
//! Knows what a change is and who wants to hear of it; of databases only that one of them can pass changes on. What a
//! reader missed it finds by [`Store::changed_since`], which asks the table.

mod gap;
mod hub;
#[cfg(feature = "postgres")]
mod listening;
mod pending;
mod reader;
mod row_change;

use std::borrow::Cow;
use std::sync::Arc;

pub use self::gap::Gap;
pub(crate) use self::hub::{Hub, Ledger};
pub use self::pending::PendingWrite;
pub use self::reader::Changes;
use self::reader::Wanted;
pub(crate) use self::row_change::Facts;
pub use self::row_change::RowChange;
#[cfg(feature = "postgres")]
pub(crate) use self::row_change::{PAYLOAD_LIMIT, PAYLOAD_VERSION, TOO_LONG};
use super::read::names;
use super::{Dialect, Store};
use crate::view::Resource;

/// How many changes are kept for a reader who is behind, when nobody says.
pub(crate) const DEFAULT_CAPACITY: usize = 8192;
/// The most that can be kept.
const MAX_CAPACITY: usize = 1 << 20;

impl Store {
    /// The changes of objects of type `T` in this handle's account and mode, from now on.
    ///
    /// They are those that this process writes, through this handle and every other one made from the same store, after
    /// they are committed. On PostgreSQL [`Changes::listen`] adds what other processes write. A change has no data in
    /// it, only which row it was and of when its data is.
    ///
    /// A feed that is read too slowly never holds up a writer: it keeps up to
    /// [8192 changes](Self::with_change_capacity), then drops the oldest and says so. Each such [`Gap`] has the place
    /// from which [`changed_since`](Self::changed_since) finds what was missed.
    ///
    /// Changes of one object come in the order in which they were committed; only on PostgreSQL, without
    /// [`listen`](Changes::listen), those that two tasks write in the same moment may come the other way round. Not in
    /// the feed are the rows that a [purge](Self::purge) removes, and what [`write_in`](Self::write_in) writes, for
    /// which there is [`write_in_pending`](Self::write_in_pending).
    ///
    /// Without a reader, and where notifications are off, a write does nothing for the feed but look whether there is
    /// one.
    ///
    /// ```
    /// use stripe_store::resources::Customer;
    /// use stripe_store::store::{Interval, Snapshot, Source, Store};
    ///
    /// # #[cfg(feature = "sqlite")]
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
    /// let store = Store::connect("sqlite::memory:").await?;
    /// store.migrate().await?;
    /// let mut changes = store.changes::<Customer>();
    ///
    /// let json = r#"{"object": "customer", "id": "cus_1", "livemode": true}"#;
    /// let second = Interval::second(1_700_000_000);
    /// store.write(&[Snapshot::read(json)?.taken(second, Source::event("evt_1"))]).await?;
    ///
    /// match changes.next().await {
    ///     Some(Ok(change)) => assert_eq!((change.stripe_id(), change.as_of()), ("cus_1", second)),
    ///     Some(Err(gap)) => println!("look into the table, from {}", gap.since()),
    ///     None => println!("the store is gone"),
    /// }
    /// # Ok::<(), stripe_store::Error>(())
    /// # }).unwrap();
    /// ```
    pub fn changes<T: Resource>(&self) -> Changes {
        let objects = names::<T>().map(Cow::Borrowed).collect();
        self.feed(Wanted::Objects(self.scope.clone(), objects))
    }

    /// The changes of objects of any type, known to this version or not, by the type's name; else as
    /// [`changes`](Self::changes).
    pub fn changes_object(&self, object: &str) -> Changes {
        let objects = vec![Cow::Owned(object.to_owned())];
        self.feed(Wanted::Objects(self.scope.clone(), objects))
    }

    /// The changes of every object of every account and both modes, whatever the handle's scope; else as
    /// [`changes`](Self::changes).
    pub fn all_changes(&self) -> Changes {
        self.feed(Wanted::All)
    }

    /// The same store, which has PostgreSQL tell of what it writes: feeds of other processes that
    /// [listen](Changes::listen) hear of it. Off by default.
    ///
    /// Each changed row is one `pg_notify`, in the statement or transaction that changes it, so that it is heard after
    /// the commit and never without one. The payload holds the row's key and intervals, and no data. Whoever may
    /// connect to the database may listen.
    ///
    /// The server sends notifications in the order of commits, and for that lets transactions that notify commit one
    /// after the other. For a first fill of the table leave it off.
    ///
    /// SQLite has no such thing: there it changes nothing.
    #[must_use]
    pub fn with_change_notifications(self) -> Self {
        Self {
            notifies: self.dialect() == Dialect::Postgres,
            ..self
        }
    }

    /// The same store, which keeps this many changes for [feeds](Self::changes) that are behind: 1 to 1,048,576, rounded
    /// up to a power of two. Default: 8192, of about 200 bytes each once there is a feed.
    ///
    /// Feeds of the store as it was before do not hear of what the new one writes: set it first.
    #[must_use]
    pub fn with_change_capacity(self, capacity: usize) -> Self {
        let made = Self::new(
            self.inner.pool.clone(),
            self.reader_pool().cloned(),
            self.inner.tables.clone(),
            Arc::clone(&self.inner.clock),
            Arc::new(Hub::new(capacity)),
        );
        Self {
            inner: made.inner,
            ..self
        }
    }

    fn feed(&self, wanted: Wanted) -> Changes {
        let receiver = self.inner.hub.sender().subscribe();
        Changes::new(receiver, wanted, &self.inner)
    }

    /// What a write that this store commits notes its changes down in.
    pub(crate) fn ledger(&self) -> Ledger<'_> {
        Ledger::new(&self.inner.hub, self.notifies, self.inner.clock.now())
    }

    /// What a write that the caller commits notes its changes down in.
    pub(super) fn ledger_of_caller(&self, notes: bool) -> Ledger<'_> {
        Ledger::of_caller(notes, self.notifies, self.inner.clock.now())
    }
}
