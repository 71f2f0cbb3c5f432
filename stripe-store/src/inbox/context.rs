//! What handlers are given.

use std::fmt;

use serde_json::Value;

#[cfg(feature = "client")]
use crate::client::Client;
use crate::ingest::Event;
use crate::store::{OwnTransaction, Store, StoreError, TransactionMut};
use crate::view::View;

/// What a handler has that runs in the transaction in which its event's object is written.
pub struct EventContext<'a> {
    pub(super) store: &'a Store,
    pub(super) connection: TransactionMut<'a>,
    pub(super) event: &'a Event<'a>,
    pub(super) object: Option<&'a Value>,
    #[cfg(feature = "client")]
    pub(super) client: Option<&'a Client>,
}

impl EventContext<'_> {
    /// The event.
    pub fn event(&self) -> &Event<'_> {
        self.event
    }

    /// The object that the event carries, or that was read for a thin one, as a view.
    pub fn object<T: View>(&self) -> Option<&T> {
        self.object.map(T::view)
    }

    /// The store, in the event's account and mode. What is written without [`transaction`](Self::transaction) is no part of
    /// the transaction, and on SQLite waits for it for ever: hand it to methods that end in `_in`.
    pub fn store(&self) -> &Store {
        self.store
    }

    /// The client, where the receiver was given one. A request holds up the transaction and the answer to Stripe: queued
    /// handlers are the place for them.
    #[cfg(feature = "client")]
    #[cfg_attr(docsrs, doc(cfg(feature = "client")))]
    pub fn client(&self) -> Option<&Client> {
        self.client
    }

    /// The transaction, for methods such as [`write_in`](Store::write_in).
    pub fn transaction(&mut self) -> TransactionMut<'_> {
        self.connection.reborrow()
    }

    /// The transaction's connection, for statements of the handler's own through sqlx.
    ///
    /// # Errors
    ///
    /// [`OtherDatabase`](StoreError::OtherDatabase) when the store is on SQLite.
    #[cfg(feature = "postgres")]
    #[cfg_attr(docsrs, doc(cfg(feature = "postgres")))]
    pub fn postgres(&mut self) -> Result<&mut sqlx::PgConnection, StoreError> {
        self.connection.postgres()
    }

    /// The transaction's connection, for statements of the handler's own through sqlx.
    ///
    /// # Errors
    ///
    /// [`OtherDatabase`](StoreError::OtherDatabase) when the store is on PostgreSQL.
    #[cfg(feature = "sqlite")]
    #[cfg_attr(docsrs, doc(cfg(feature = "sqlite")))]
    pub fn sqlite(&mut self) -> Result<&mut sqlx::SqliteConnection, StoreError> {
        self.connection.sqlite()
    }
}

impl fmt::Debug for EventContext<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventContext")
            .field("event", self.event)
            .finish_non_exhaustive()
    }
}

/// What a queued handler has, which runs after its event's object was written.
pub struct QueuedContext<'a> {
    pub(super) store: &'a Store,
    pub(super) event: &'a Event<'a>,
    pub(super) object: Option<&'a Value>,
    pub(super) attempt: u32,
    pub(super) own: &'a mut Option<OwnTransaction>,
    #[cfg(feature = "client")]
    pub(super) client: Option<&'a Client>,
}

impl QueuedContext<'_> {
    /// The event. Its id is the same at each attempt: an idempotency key for what the handler asks others to do.
    pub fn event(&self) -> &Event<'_> {
        self.event
    }

    /// The object that the event carries, as it was then, as a view. How it is now is in the [store](Self::store).
    pub fn object<T: View>(&self) -> Option<&T> {
        self.object.map(T::view)
    }

    /// Which attempt at the event this is, counted from 1.
    pub fn attempt(&self) -> u32 {
        self.attempt
    }

    /// The store, in the event's account and mode.
    pub fn store(&self) -> &Store {
        self.store
    }

    /// The client, where the worker was given one.
    #[cfg(feature = "client")]
    #[cfg_attr(docsrs, doc(cfg(feature = "client")))]
    pub fn client(&self) -> Option<&Client> {
        self.client
    }

    /// A transaction in which it is also noted that the handler has done its work, committed when the handler returns and
    /// rolled back when it fails: what is written in it happens exactly once.
    ///
    /// It begins with the first call. On SQLite nobody else writes from then on, so that requests come before it.
    ///
    /// # Errors
    ///
    /// When the database refuses to begin it.
    pub async fn transaction(&mut self) -> Result<TransactionMut<'_>, StoreError> {
        let own = match self.own.take() {
            Some(own) => own,
            None => self.store.begin().await?,
        };
        Ok(self.own.insert(own).borrowed())
    }
}

impl fmt::Debug for QueuedContext<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("QueuedContext")
            .field("event", self.event)
            .field("attempt", &self.attempt)
            .finish_non_exhaustive()
    }
}
