//! One reader's feed: what it wants of what it hears, and what it has missed.

use std::borrow::Cow;
use std::sync::{Arc, Weak};

use futures_util::stream::{Stream, unfold};
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;

use super::gap::Gap;
use super::hub::Message;
#[cfg(feature = "postgres")]
use super::listening::Listening;
use super::row_change::RowChange;
use crate::clock::UnixMillis;
use crate::store::changed::ChangeCursor;
use crate::store::{Database, Inner, ObjectRef, Scope, StoreError};

/// Which changes a feed is of.
#[derive(Debug)]
pub(super) enum Wanted {
    All,
    Objects(Scope, Vec<Cow<'static, str>>),
}

impl Wanted {
    fn has(&self, change: &RowChange) -> bool {
        match self {
            Self::All => true,
            Self::Objects(scope, objects) => {
                change.mode() == scope.mode()
                    && change.account() == scope.account()
                    && objects.iter().any(|object| object == change.object())
            }
        }
    }
}

/// A feed of changes, made by [`Store::changes`](crate::Store::changes).
///
/// It begins when it is made, or when [`listen`](Self::listen) returns. It ends when the last handle on the store is
/// gone, unless it listens.
///
/// # Catching up
///
/// A reader that has to see every change, also those of the time when it did not run, first makes the feed, then reads
/// [`changed_since`](crate::Store::changed_since) the cursor that it has kept, up to the end, and then the feed. At each
/// [`Gap`] it reads `changed_since` the gap's [`since`](Gap::since). It sees some changes twice, and none never.
#[must_use = "call `next` to read"]
pub struct Changes {
    receiver: broadcast::Receiver<Message>,
    wanted: Wanted,
    inner: Weak<Inner>,
    /// `updated_at` of the last change that came, or when the feed began. What comes later was committed later, so it
    /// was written little earlier than this at the most; how little is the margin of who reads the table.
    seen: UnixMillis,
    /// The same, of those that the database passed on.
    heard: UnixMillis,
    /// What `heard` was when the connection was lost, while it may be.
    lost: Option<UnixMillis>,
    listens: bool,
    /// Kept for the task that goes with it.
    #[cfg(feature = "postgres")]
    _listening: Option<Arc<Listening>>,
    /// That the connection was lost already when this began to listen.
    #[cfg(feature = "postgres")]
    first: Option<Message>,
}

impl Changes {
    pub(super) fn new(
        receiver: broadcast::Receiver<Message>,
        wanted: Wanted,
        inner: &Arc<Inner>,
    ) -> Self {
        let now = inner.clock.now();
        Self {
            receiver,
            wanted,
            inner: Arc::downgrade(inner),
            seen: now,
            heard: now,
            lost: None,
            listens: false,
            #[cfg(feature = "postgres")]
            _listening: None,
            #[cfg(feature = "postgres")]
            first: None,
        }
    }

    /// Has this feed hear, through PostgreSQL, of what other processes write, too: those whose stores
    /// [notify](crate::Store::with_change_notifications). What stores write that do not is found in the table only,
    /// and so is what other programs write.
    ///
    /// The feed begins anew: it has what is committed after this returns. What this process writes comes once, by way
    /// of the database where it notifies as well, and then all that is in the feed comes in the order of commits.
    ///
    /// One connection beside the pool's serves all feeds of a store. It goes to the writer, never to a
    /// [reader](crate::Store::with_reader), and has to be a session of its own: a proxy that hands out connections by
    /// the transaction passes no notifications on. It is tried after 15 s of silence. When it is lost the feed says so
    /// ([`Gap::ConnectionLost`]), tries again by itself, and says when it is back ([`Gap::Reconnected`]).
    ///
    /// ```no_run
    /// use stripe_store::Store;
    /// use stripe_store::resources::Subscription;
    ///
    /// # async fn example() -> Result<(), stripe_store::store::StoreError> {
    /// let store = Store::connect("postgres://app@db.example.com/app").await?.with_change_notifications();
    /// let mut changes = store.changes::<Subscription>().listen().await?;
    /// while let Some(item) = changes.next().await {
    ///     match item {
    ///         Ok(change) => println!("{} {}", change.stripe_id(), change.outcome()),
    ///         Err(gap) if gap.is_open() => println!("{gap}"),
    ///         Err(gap) => {
    ///             let mut cursor = gap.since().clone();
    ///             loop {
    ///                 let page = store.changed_since::<Subscription>(&cursor).page().await?;
    ///                 page.data.iter().for_each(|row| println!("{}", row.id()));
    ///                 cursor = page.next;
    ///                 if !page.has_more {
    ///                     break;
    ///                 }
    ///             }
    ///         }
    ///     }
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`ListenUnsupported`](StoreError::ListenUnsupported) on SQLite, which tells nobody of what others write: read
    /// [`changed_since`](crate::Store::changed_since) from time to time. [`Database`](StoreError::Database),
    /// [`PoolTimedOut`](StoreError::PoolTimedOut) or [`NotMigrated`](StoreError::NotMigrated) when the connection
    /// cannot be made.
    #[cfg_attr(
        not(feature = "postgres"),
        expect(clippy::unused_async, reason = "the same with every database")
    )]
    pub async fn listen(self) -> Result<Self, StoreError> {
        let Some(inner) = self.inner.upgrade() else {
            return Err(StoreError::Database {
                action: "listen to",
                object: ObjectRef::All,
                source: sqlx::Error::PoolClosed,
            });
        };
        match &inner.database {
            #[cfg(feature = "postgres")]
            Database::Postgres(database) => {
                let listening = inner.hub.listen(database.site(&inner.tables.objects()));
                let listening = listening.await.map_err(|source| {
                    StoreError::database("listen to", ObjectRef::All, &inner.table, source)
                })?;
                // Again, so that nothing is in it that came while the database did not pass anything on yet.
                let receiver = inner.hub.sender().subscribe();
                let feed = Self::new(receiver, self.wanted, &inner);
                Ok(Self {
                    first: listening.lost().map(Message::Lost),
                    listens: true,
                    _listening: Some(listening),
                    ..feed
                })
            }
            #[cfg(feature = "sqlite")]
            Database::Sqlite(_) => Err(StoreError::ListenUnsupported {
                database: inner.pool.dialect(),
            }),
        }
    }

    /// The next change, or that some are missing. Waits until there is one; `None` when there will be none.
    ///
    /// # Cancellation
    ///
    /// Dropping the future loses nothing: the next call gives the change.
    pub async fn next(&mut self) -> Option<Result<RowChange, Gap>> {
        #[cfg(feature = "postgres")]
        if let Some(item) = self.first.take().and_then(|first| self.item(first)) {
            return Some(item);
        }
        loop {
            let item = match self.receiver.recv().await {
                Ok(message) => self.item(message),
                Err(RecvError::Lagged(missed)) => Some(Err(self.lagged(missed))),
                Err(RecvError::Closed) => return None,
            };
            if item.is_some() {
                return item;
            }
        }
    }

    /// The feed as a [`Stream`], for the combinators of the `futures` crates.
    pub fn into_stream(self) -> impl Stream<Item = Result<RowChange, Gap>> + Send + 'static {
        unfold(self, async |mut feed| {
            let item = feed.next().await?;
            Some((item, feed))
        })
    }

    /// What a message is to this reader.
    fn item(&mut self, message: Message) -> Option<Result<RowChange, Gap>> {
        let listens = self.listens;
        match message {
            Message::Written { notified, .. } | Message::Interrupted { notified, .. }
                if notified && listens =>
            {
                None
            }
            Message::Written { change, .. } => {
                self.seen = change.updated_at();
                self.wants(change)
            }
            Message::Interrupted { since, .. } => Some(Err(Gap::Interrupted {
                since: ChangeCursor::since(since),
            })),
            #[cfg(feature = "postgres")]
            _ if !listens => None,
            #[cfg(feature = "postgres")]
            Message::Heard(change) => {
                self.seen = change.updated_at();
                self.heard = self.seen;
                self.lost = None;
                self.wants(change)
            }
            #[cfg(feature = "postgres")]
            Message::Unreadable => Some(Err(Gap::Unreadable {
                since: ChangeCursor::since(self.heard),
            })),
            #[cfg(feature = "postgres")]
            Message::Lost(source) => {
                let since = *self.lost.get_or_insert(self.heard);
                Some(Err(Gap::ConnectionLost {
                    since: ChangeCursor::since(since),
                    source,
                }))
            }
            #[cfg(feature = "postgres")]
            Message::Restored => {
                let since = self.lost.take().unwrap_or(self.heard);
                Some(Err(Gap::Reconnected {
                    since: ChangeCursor::since(since),
                }))
            }
        }
    }

    fn lagged(&mut self, missed: u64) -> Gap {
        let since = if self.listens {
            // Among what was dropped may be that the connection was lost.
            *self.lost.get_or_insert(self.heard.min(self.seen))
        } else {
            self.seen
        };
        Gap::Lagged {
            missed,
            since: ChangeCursor::since(since),
        }
    }

    fn wants(&self, change: Arc<RowChange>) -> Option<Result<RowChange, Gap>> {
        self.wanted
            .has(&change)
            .then(|| Ok(Arc::unwrap_or_clone(change)))
    }
}

impl std::fmt::Debug for Changes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Changes")
            .field("wanted", &self.wanted)
            .field("listens", &self.listens)
            .finish_non_exhaustive()
    }
}
