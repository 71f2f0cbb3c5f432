//! Reads that go elsewhere than writes: to a replica, or to connections that cannot write.

use std::time::Duration;

use super::error::{ObjectRef, StoreError};
use super::{Database, Pool, Reads, Store};

impl Store {
    /// The same store, with reads that go to another pool: a replica of the database, or connections to it that cannot
    /// write. Writes, migrations and [`purge`](Self::purge) stay with the store's own pool.
    ///
    /// The tables have the same names there. A replica lags behind, so that an object which was just written may not
    /// be there yet; [`on_writer`](Self::on_writer) gives a handle that reads what it wrote. The pool is shared, and
    /// never closed.
    ///
    /// ```no_run
    /// use stripe_store::Store;
    /// use stripe_store::resources::Customer;
    ///
    /// # async fn example() -> Result<(), stripe_store::store::StoreError> {
    /// let replica = Store::connect("postgres://app@replica.example.com/app").await?;
    /// let store = Store::connect("postgres://app@db.example.com/app").await?;
    /// let store = store.with_reader(replica.pool().clone())?;
    ///
    /// let perhaps_a_moment_old = store.get::<Customer>("cus_1").await?;
    /// let as_written = store.on_writer().get::<Customer>("cus_1").await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`ReaderDialect`](StoreError::ReaderDialect) when the pool is of the other kind of database.
    pub fn with_reader(self, reader: impl Into<Pool>) -> Result<Self, StoreError> {
        let reader = reader.into();
        if reader.dialect() != self.dialect() {
            return Err(StoreError::ReaderDialect {
                writer: self.dialect(),
                reader: reader.dialect(),
            });
        }
        let made = Self::new(
            self.inner.pool.clone(),
            Some(reader),
            self.inner.tables.clone(),
            std::sync::Arc::clone(&self.inner.clock),
            std::sync::Arc::clone(&self.inner.hub),
        );
        Ok(Self {
            inner: made.inner,
            ..self
        })
    }

    /// A handle whose reads go where its writes go, and so show what was written. The same handle, where the store has
    /// no [reader](Self::with_reader).
    #[must_use]
    pub fn on_writer(&self) -> Self {
        Self {
            reads: Reads::Writer,
            ..self.clone()
        }
    }

    /// The pool of the reader, if the store has one.
    pub fn reader_pool(&self) -> Option<&Pool> {
        self.inner.reader.as_ref().map(|(pool, _)| pool)
    }

    /// The database that this handle reads from.
    pub(super) fn reader(&self) -> &Database {
        match (&self.inner.reader, self.reads) {
            (Some((_, database)), Reads::Reader) => database,
            _ => &self.inner.database,
        }
    }

    /// A statement of the reader's failed.
    pub(super) fn read_error(
        &self,
        action: &'static str,
        object: ObjectRef,
        source: sqlx::Error,
    ) -> StoreError {
        let pool = match (&self.inner.reader, self.reads) {
            (Some((pool, _)), Reads::Reader) => pool,
            _ => &self.inner.pool,
        };
        self.error_on(pool, action, object, source)
    }

    /// A statement failed on a connection of `pool`.
    pub(super) fn error_on(
        &self,
        pool: &Pool,
        action: &'static str,
        object: ObjectRef,
        source: sqlx::Error,
    ) -> StoreError {
        if !matches!(source, sqlx::Error::PoolTimedOut) {
            return StoreError::database(action, object, &self.inner.table, source);
        }
        let (size, idle, max_connections, timeout) = pool.state();
        StoreError::PoolTimedOut {
            in_use: size.saturating_sub(u32::try_from(idle).unwrap_or(u32::MAX)),
            max_connections,
            timeout_ms: u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX),
            source,
        }
    }
}

impl Pool {
    /// How many connections there are, how many of them nobody uses, how many there may be, and how long a call waits
    /// for one.
    fn state(&self) -> (u32, usize, u32, Duration) {
        match self {
            #[cfg(feature = "postgres")]
            Self::Postgres(pool) => (
                pool.size(),
                pool.num_idle(),
                pool.options().get_max_connections(),
                pool.options().get_acquire_timeout(),
            ),
            #[cfg(feature = "sqlite")]
            Self::Sqlite(pool) => (
                pool.size(),
                pool.num_idle(),
                pool.options().get_max_connections(),
                pool.options().get_acquire_timeout(),
            ),
        }
    }
}
