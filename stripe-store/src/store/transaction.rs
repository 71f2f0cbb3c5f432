//! The caller's transaction, on whichever database.

use std::fmt;

use super::{Dialect, StoreError};

/// A transaction of the caller's, for [`Store::write_in`](super::Store::write_in): made from a
/// `&mut sqlx::Transaction` of either database.
pub struct TransactionMut<'t>(pub(crate) Connection<'t>);

pub(crate) enum Connection<'t> {
    #[cfg(feature = "postgres")]
    Postgres(&'t mut sqlx::PgConnection),
    #[cfg(feature = "sqlite")]
    Sqlite(&'t mut sqlx::SqliteConnection),
}

/// What is known of how a transaction sees others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Isolation {
    /// It is the store's, and each statement sees what was committed before it.
    Ours,
    /// It is the store's, and has the locks of the families already.
    #[cfg(feature = "webhook")]
    Locked,
    /// The caller chose, so that it may not see what was committed before the locks were its own.
    Callers,
}

impl TransactionMut<'_> {
    /// The database that it is on.
    pub fn dialect(&self) -> Dialect {
        match self.0 {
            #[cfg(feature = "postgres")]
            Connection::Postgres(_) => Dialect::Postgres,
            #[cfg(feature = "sqlite")]
            Connection::Sqlite(_) => Dialect::Sqlite,
        }
    }

    /// Its connection, for statements of the caller's own through sqlx.
    ///
    /// # Errors
    ///
    /// [`OtherDatabase`](StoreError::OtherDatabase) when it is on SQLite.
    #[cfg(feature = "postgres")]
    #[cfg_attr(docsrs, doc(cfg(feature = "postgres")))]
    pub fn postgres(&mut self) -> Result<&mut sqlx::PgConnection, StoreError> {
        match &mut self.0 {
            Connection::Postgres(connection) => Ok(connection),
            #[cfg(feature = "sqlite")]
            Connection::Sqlite(_) => Err(StoreError::OtherDatabase {
                store: Dialect::Sqlite,
                transaction: Dialect::Postgres,
            }),
        }
    }

    /// Its connection, for statements of the caller's own through sqlx.
    ///
    /// # Errors
    ///
    /// [`OtherDatabase`](StoreError::OtherDatabase) when it is on PostgreSQL.
    #[cfg(feature = "sqlite")]
    #[cfg_attr(docsrs, doc(cfg(feature = "sqlite")))]
    pub fn sqlite(&mut self) -> Result<&mut sqlx::SqliteConnection, StoreError> {
        match &mut self.0 {
            #[cfg(feature = "postgres")]
            Connection::Postgres(_) => Err(StoreError::OtherDatabase {
                store: Dialect::Postgres,
                transaction: Dialect::Sqlite,
            }),
            Connection::Sqlite(connection) => Ok(connection),
        }
    }

    /// The same transaction, for a part of its time.
    pub(crate) fn reborrow(&mut self) -> TransactionMut<'_> {
        TransactionMut(match &mut self.0 {
            #[cfg(feature = "postgres")]
            Connection::Postgres(connection) => Connection::Postgres(connection),
            #[cfg(feature = "sqlite")]
            Connection::Sqlite(connection) => Connection::Sqlite(connection),
        })
    }
}

impl fmt::Debug for TransactionMut<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TransactionMut")
            .field("dialect", &self.dialect())
            .finish_non_exhaustive()
    }
}

#[cfg(feature = "postgres")]
#[cfg_attr(docsrs, doc(cfg(feature = "postgres")))]
impl<'t> From<&'t mut sqlx::PgTransaction<'_>> for TransactionMut<'t> {
    fn from(transaction: &'t mut sqlx::PgTransaction<'_>) -> Self {
        Self(Connection::Postgres(transaction))
    }
}

#[cfg(feature = "sqlite")]
#[cfg_attr(docsrs, doc(cfg(feature = "sqlite")))]
impl<'t> From<&'t mut sqlx::SqliteTransaction<'_>> for TransactionMut<'t> {
    fn from(transaction: &'t mut sqlx::SqliteTransaction<'_>) -> Self {
        Self(Connection::Sqlite(transaction))
    }
}
