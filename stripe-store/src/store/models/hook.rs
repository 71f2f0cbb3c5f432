//! What a hook is given, and what it says.

use std::error::Error;
use std::fmt;
use std::future::Future;
use std::pin::Pin;

use crate::store::transaction::TransactionMut;
use crate::store::{Store, StoreError};

/// Why a hook failed: anything.
pub type HookError = Box<dyn Error + Send + Sync>;

/// What an asynchronous hook returns: `Box::pin(async move { … })`, of the own columns, or `None` to leave the object
/// without a row.
pub type HookFuture<'a, O> =
    Pin<Box<dyn Future<Output = Result<Option<O>, HookError>> + Send + 'a>>;

/// What a hook of [`Store::register_with`] can do besides looking at the object: statements, in the transaction that writes
/// the object.
pub struct HookContext<'a> {
    pub(super) store: &'a Store,
    pub(super) connection: TransactionMut<'a>,
}

impl HookContext<'_> {
    /// The store that writes. What is written without [`transaction`](Self::transaction) is no part of the transaction, and
    /// on SQLite waits for it for ever: hand it to methods that end in `_in`.
    pub fn store(&self) -> &Store {
        self.store
    }

    /// The transaction, for methods such as [`insert_for_in`](crate::StripeModel::insert_for_in).
    pub fn transaction(&mut self) -> TransactionMut<'_> {
        self.connection.reborrow()
    }

    /// The transaction's connection, for statements of the hook's own through sqlx.
    ///
    /// # Errors
    ///
    /// [`OtherDatabase`](StoreError::OtherDatabase) when the store is on SQLite.
    #[cfg(feature = "postgres")]
    #[cfg_attr(docsrs, doc(cfg(feature = "postgres")))]
    pub fn postgres(&mut self) -> Result<&mut sqlx::PgConnection, StoreError> {
        self.connection.postgres()
    }

    /// The transaction's connection, for statements of the hook's own through sqlx.
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

impl fmt::Debug for HookContext<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HookContext")
            .field("connection", &self.connection)
            .finish_non_exhaustive()
    }
}
