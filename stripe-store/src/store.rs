//! The one table: every Stripe object, of every type, as the JSON that Stripe sent.
//!
//! A [`Store`] is a handle on a database and a [`Scope`]: an account and a mode. What comes in are [`Snapshot`]s,
//! through [`Store::write`] alone, which keeps the newest; what goes out are [`Stored`] views of rows.
//!
//! Knows nothing of HTTP, of webhooks, or of what the objects mean. SQL is in the two private modules `postgres` and
//! `sqlite`, and in the migrations, and nowhere else.

mod arguments;
#[cfg(feature = "cli")]
mod backlog;
mod batch;
mod begin;
mod changed;
mod changes;
mod connect;
mod contest;
mod cursor;
#[cfg(feature = "webhook")]
mod deliveries;
mod dirty;
mod error;
#[cfg(any(feature = "client", feature = "webhook"))]
mod events;
mod expand;
mod export;
pub(crate) mod extension;
mod extract;
mod import;
#[cfg(any(feature = "client", feature = "webhook"))]
mod inbox;
#[cfg(feature = "client")]
mod installation;
#[cfg(feature = "client")]
mod keys;
mod list;
mod migrate;
mod models;
mod options;
mod outcome;
mod pool;
#[cfg(feature = "postgres")]
mod postgres;
#[cfg(feature = "client")]
mod progress;
mod query;
#[cfg(any(feature = "client", feature = "webhook"))]
mod queue;
mod read;
mod reader;
mod retention;
mod rivals;
mod scope;
mod snapshot;
mod span;
mod sql;
#[cfg(feature = "sqlite")]
mod sqlite;
mod stored;
mod tables;
mod text;
mod transaction;
mod write;

use std::fmt;
use std::sync::Arc;

pub(crate) use self::arguments::{Arguments, Cell, Driven};
#[cfg(feature = "cli")]
pub(crate) use self::backlog::Backlog;
pub(crate) use self::begin::Attempts;
#[cfg(any(feature = "client", feature = "webhook"))]
pub(crate) use self::begin::{OwnTransaction, WorkError, in_own};
pub use self::changed::{ChangeCursor, ChangedPage, ChangedSince};
#[cfg(any(feature = "client", feature = "webhook"))]
pub(crate) use self::changes::Ledger;
pub use self::changes::{Changes, Gap, PendingWrite, RowChange};
#[cfg(any(feature = "client", feature = "webhook"))]
pub(crate) use self::cursor::Position;
pub use self::cursor::{Cursor, CursorError};
#[cfg(feature = "webhook")]
pub(crate) use self::deliveries::DeliveryLimits;
pub use self::dirty::{DirtyObject, DirtyReason};
#[cfg(any(feature = "client", feature = "webhook"))]
pub(crate) use self::error::is_conflict;
pub use self::error::{ModelError, ObjectRef, RowError, StoreError};
#[cfg(feature = "webhook")]
pub(crate) use self::events::DeliveryRow;
#[cfg(any(feature = "client", feature = "webhook"))]
pub(crate) use self::events::{Condition, Dead, EventRow, Last, Replayed, StatusCount};
pub use self::expand::{Expand, ExpandError, Expansion, Missing};
pub use self::export::{EXPORT_VERSION, Export, ExportPage, Exporting};
pub(crate) use self::extension::Extension;
#[cfg(feature = "client")]
pub(crate) use self::extract::lists::{CutShort, cut_short};
pub use self::import::{DirtyMark, ImportLine};
#[cfg(feature = "webhook")]
pub(crate) use self::inbox::{ACCEPTED, DUPLICATE, NewDelivery};
#[cfg(any(feature = "client", feature = "webhook"))]
pub(crate) use self::inbox::{EventStatus, KeptEvent, NewEvent, is_storable};
#[cfg(feature = "client")]
pub(crate) use self::keys::KeyColumns;
pub use self::list::{Listing, Page};
pub(crate) use self::models::FoundModel;
pub use self::models::{HookContext, HookError, HookFuture};
pub use self::options::ConnectOptions;
pub use self::outcome::Outcome;
pub use self::pool::{Dialect, Pool};
#[cfg(feature = "postgres")]
pub(crate) use self::postgres::{PgBits128, PgDays, PgMicros};
#[cfg(feature = "client")]
pub(crate) use self::progress::{DirtyKey, Note};
pub(crate) use self::query::FoundRow;
#[cfg(any(feature = "client", feature = "webhook"))]
pub(crate) use self::queue::Handled;
pub use self::read::TypeCount;
pub(crate) use self::read::names;
pub use self::retention::{Aged, Purged, Retention};
pub use self::rivals::Change;
pub use self::scope::{AccountId, Mode, Scope};
pub use self::snapshot::{
    Interval, IntervalError, JsonText, Named, Snapshot, SnapshotBuilder, SnapshotError, Source,
};
pub(crate) use self::snapshot::{is_of_type, shown};
pub use self::sql::Sql;
pub(crate) use self::sql::{Asked, CUT, Place, SortKey};
pub use self::stored::{Row, Stored};
pub use self::tables::{TableNames, TableNamesError};
#[cfg(feature = "client")]
pub(crate) use self::text::same_json;
#[cfg(feature = "client")]
pub(crate) use self::text::{object_stub, to_value};
#[cfg(any(feature = "client", feature = "webhook"))]
pub(crate) use self::transaction::Isolation;
pub use self::transaction::TransactionMut;
use crate::clock::{Clock, SystemClock};

/// Runs `$call` with `$database` being whichever database the store is on.
macro_rules! with_database {
    ($store:expr, $database:ident => $call:expr) => {
        match &$store.inner.database {
            #[cfg(feature = "postgres")]
            $crate::store::Database::Postgres($database) => $call,
            #[cfg(feature = "sqlite")]
            $crate::store::Database::Sqlite($database) => $call,
        }
    };
}
use with_database;

/// Runs `$call` with `$database` being whichever database the handle reads from.
macro_rules! with_reader {
    ($store:expr, $database:ident => $call:expr) => {
        match $store.reader() {
            #[cfg(feature = "postgres")]
            $crate::store::Database::Postgres($database) => $call,
            #[cfg(feature = "sqlite")]
            $crate::store::Database::Sqlite($database) => $call,
        }
    };
}
use with_reader;

/// Runs `$call` with `$database` being the one that the store is on, and `$connection` that of a transaction on it. Empty
/// where the transaction is on another database, which [`Store::fits`] is to find out first.
macro_rules! with_connection {
    ($store:expr, $transaction:expr, $database:ident, $connection:ident => $call:expr) => {
        match (&$store.inner.database, $transaction) {
            #[cfg(feature = "postgres")]
            (
                $crate::store::Database::Postgres($database),
                $crate::store::transaction::Connection::Postgres($connection),
            ) => $call,
            #[cfg(feature = "sqlite")]
            (
                $crate::store::Database::Sqlite($database),
                $crate::store::transaction::Connection::Sqlite($connection),
            ) => $call,
            #[cfg(all(feature = "postgres", feature = "sqlite"))]
            _ => Ok(Vec::new()),
        }
    };
}
use with_connection;

/// A handle on the table, for one account in one mode.
///
/// Cheap to clone, and to point at another account or mode: clones share the pool.
///
/// ```
/// use stripe_store::Store;
/// use stripe_store::store::{Interval, Snapshot, Source};
///
/// # #[cfg(feature = "sqlite")]
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// let store = Store::connect("sqlite::memory:").await?;
/// store.migrate().await?;
///
/// let json = r#"{"id": "cus_1", "object": "customer", "livemode": false, "email": "ada@example.com"}"#;
/// let snapshot = Snapshot::read(json)?.taken(Interval::second(1_700_000_000), Source::event("evt_1"));
/// store.write(&[snapshot]).await?;
///
/// let customer = store.test_mode().get_object("customer", "cus_1").await?;
/// assert_eq!(customer.map(|customer| customer.json().to_owned()).as_deref(), Some(json));
/// assert!(store.live_mode().get_object("customer", "cus_1").await?.is_none());
/// # Ok::<(), stripe_store::Error>(())
/// # }).unwrap();
/// ```
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
    scope: Scope,
    deleted: Deleted,
    reads: Reads,
    /// Whether PostgreSQL is to tell of what this handle writes.
    notifies: bool,
    inside: extract::Inside,
    /// The models that are filled as this handle writes.
    models: models::Registry,
}

struct Inner {
    pool: Pool,
    database: Database,
    /// Where reads go, if not to `database`.
    reader: Option<(Pool, Database)>,
    tables: TableNames,
    /// The table of objects as messages name it.
    table: String,
    clock: Arc<dyn Clock>,
    hub: Arc<changes::Hub>,
}

/// A pool with the statements of its dialect.
enum Database {
    #[cfg(feature = "postgres")]
    Postgres(postgres::PgDatabase),
    #[cfg(feature = "sqlite")]
    Sqlite(sqlite::SqliteDatabase),
}

impl Database {
    fn new(pool: &Pool, tables: &TableNames) -> Self {
        match pool {
            #[cfg(feature = "postgres")]
            Pool::Postgres(pool) => Self::Postgres(postgres::PgDatabase::new(pool.clone(), tables)),
            #[cfg(feature = "sqlite")]
            Pool::Sqlite(pool) => Self::Sqlite(sqlite::SqliteDatabase::new(pool.clone(), tables)),
        }
    }
}

/// Whether reads show deleted objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Deleted {
    #[default]
    Hidden,
    Included,
}

impl Deleted {
    fn is_included(self) -> bool {
        self == Self::Included
    }
}

/// Where a handle's reads go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Reads {
    /// To the reader, where there is one.
    #[default]
    Reader,
    /// Where its writes go.
    Writer,
}

impl Store {
    /// A store on the caller's own pool, which it shares and never closes: platform account, live mode, plain table
    /// names.
    ///
    /// On SQLite a pool should set a busy timeout and the write-ahead log, as [`connect`](Self::connect) does. A pool
    /// on `sqlite::memory:` has to have one connection that never times out.
    ///
    /// ```no_run
    /// # #[cfg(feature = "sqlite")]
    /// # async fn example() -> Result<(), sqlx::Error> {
    /// let pool = sqlx::SqlitePool::connect("sqlite://app.db").await?;
    /// let store = stripe_store::Store::from_pool(pool.clone());
    /// # Ok(())
    /// # }
    /// ```
    pub fn from_pool(pool: impl Into<Pool>) -> Self {
        Self::new(
            pool.into(),
            None,
            TableNames::new(),
            Arc::new(SystemClock),
            Arc::default(),
        )
    }

    fn new(
        pool: Pool,
        reader: Option<Pool>,
        tables: TableNames,
        clock: Arc<dyn Clock>,
        hub: Arc<changes::Hub>,
    ) -> Self {
        Self {
            inner: Arc::new(Inner {
                database: Database::new(&pool, &tables),
                pool,
                reader: reader.map(|pool| {
                    let database = Database::new(&pool, &tables);
                    (pool, database)
                }),
                table: tables.objects().replace('"', ""),
                tables,
                clock,
                hub,
            }),
            scope: Scope::default(),
            deleted: Deleted::default(),
            reads: Reads::default(),
            notifies: false,
            inside: extract::Inside::default(),
            models: models::Registry::default(),
        }
    }

    /// The same store with its tables in a schema or under a prefix.
    ///
    /// # Errors
    ///
    /// [`SchemaUnsupported`](StoreError::SchemaUnsupported) for a schema on SQLite.
    pub fn with_tables(self, tables: TableNames) -> Result<Self, StoreError> {
        if let (Dialect::Sqlite, Some(schema)) = (self.dialect(), tables.schema()) {
            return Err(StoreError::SchemaUnsupported {
                schema: schema.to_owned(),
            });
        }
        let made = Self::new(
            self.inner.pool.clone(),
            self.reader_pool().cloned(),
            tables,
            Arc::clone(&self.inner.clock),
            Arc::new(self.inner.hub.alike()),
        );
        Ok(Self {
            inner: made.inner,
            ..self
        })
    }

    /// The same store with another clock, which stamps `created_at` and `updated_at` of rows. Nothing else depends on
    /// it: which of two snapshots is newer is decided by Stripe's clock.
    #[must_use]
    pub fn with_clock(self, clock: impl Clock) -> Self {
        let made = Self::new(
            self.inner.pool.clone(),
            self.reader_pool().cloned(),
            self.inner.tables.clone(),
            Arc::new(clock),
            Arc::clone(&self.inner.hub),
        );
        Self {
            inner: made.inner,
            ..self
        }
    }

    /// The pool, for the caller's own statements.
    pub fn pool(&self) -> &Pool {
        &self.inner.pool
    }

    /// Which database it is.
    pub fn dialect(&self) -> Dialect {
        self.inner.pool.dialect()
    }

    /// The time, by the store's clock.
    #[cfg(any(feature = "client", feature = "webhook"))]
    pub(crate) fn now(&self) -> crate::clock::UnixMillis {
        self.inner.clock.now()
    }

    /// What the tables are called.
    pub fn tables(&self) -> &TableNames {
        &self.inner.tables
    }

    /// The account and mode that this handle reads and writes.
    pub fn scope(&self) -> &Scope {
        &self.scope
    }

    /// A handle on the same database with another scope.
    #[must_use]
    pub fn with_scope(&self, scope: Scope) -> Self {
        Self {
            scope,
            ..self.clone()
        }
    }

    /// A handle on the same account in live mode.
    #[must_use]
    pub fn live_mode(&self) -> Self {
        self.mode(Mode::Live)
    }

    /// A handle on the same account in test mode.
    #[must_use]
    pub fn test_mode(&self) -> Self {
        self.mode(Mode::Test)
    }

    /// A handle on the same account in this mode.
    #[must_use]
    pub fn mode(&self, mode: Mode) -> Self {
        self.with_scope(self.scope.clone().with_mode(mode))
    }

    /// A handle on a connected account, in the same mode. The empty id is the platform's.
    #[must_use]
    pub fn account(&self, id: impl Into<AccountId>) -> Self {
        self.with_scope(self.scope.clone().with_account(id))
    }

    /// A handle on the account that the API key belongs to, in the same mode.
    #[must_use]
    pub fn platform(&self) -> Self {
        self.with_scope(self.scope.clone().with_platform())
    }

    /// A handle whose reads show deleted objects, too: [`Stored::is_deleted`] tells them apart.
    #[must_use]
    pub fn including_deleted(&self) -> Self {
        Self {
            deleted: Deleted::Included,
            ..self.clone()
        }
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store")
            .field("dialect", &self.dialect())
            .field("table", &self.inner.table)
            .field("scope", &self.scope)
            .field("has_reader", &self.inner.reader.is_some())
            .field("models", &self.models)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
