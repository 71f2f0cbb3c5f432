//! A fresh database per test, of each kind.

mod drop_later;

use std::{
    fmt,
    hash::{BuildHasher as _, RandomState},
    panic::{AssertUnwindSafe, resume_unwind},
    process,
    str::FromStr as _,
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use futures_util::FutureExt as _;
use sqlx::{
    AssertSqlSafe, PgPool, SqlitePool,
    postgres::{PgConnectOptions, PgPoolOptions},
    sqlite::{SqliteConnectOptions, SqlitePoolOptions},
};
use stripe_store::store::Store;
use tempfile::TempDir;

use crate::postgres::Server;

/// Which database a test runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A file in a temporary folder.
    Sqlite,
    /// A database of its own on the server of this test process.
    Postgres,
}

impl Kind {
    /// Both, in the order in which [`on_both`] takes them.
    pub const ALL: [Self; 2] = [Self::Sqlite, Self::Postgres];

    /// `sqlite` or `postgres`, as in failure messages and as features are called.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Connections to a test's database that are not the store's, to look at what it wrote.
#[derive(Debug, Clone)]
pub enum RawPool {
    /// To SQLite.
    Sqlite(SqlitePool),
    /// To PostgreSQL.
    Postgres(PgPool),
}

/// A fresh database and a store on it; dropping it removes the database.
#[derive(Debug)]
pub struct TestDb {
    kind: Kind,
    url: String,
    store: Store,
    pool: RawPool,
    /// What failure messages call it: the URL may hold a password.
    label: String,
    _remains: Remains,
}

/// What goes away with the test's database.
#[derive(Debug)]
#[expect(dead_code, reason = "held to be dropped")]
enum Remains {
    Folder(TempDir),
    Database(Box<drop_later::Database>),
}

/// Runs a test on a fresh database of each kind, SQLite first.
///
/// # Panics
///
/// When the test does; the name of the database is printed before.
pub async fn on_both(test: impl AsyncFn(&TestDb)) {
    on_sqlite(&test).await;
    on_postgres(&test).await;
}

/// Runs a test on a fresh SQLite file.
///
/// # Panics
///
/// When the test does.
pub async fn on_sqlite(test: impl AsyncFn(&TestDb)) {
    TestDb::sqlite().await.run(test).await;
}

/// Runs a test on a fresh PostgreSQL database.
///
/// # Panics
///
/// When the test does.
pub async fn on_postgres(test: impl AsyncFn(&TestDb)) {
    TestDb::postgres().await.run(test).await;
}

/// A fresh, migrated database of each kind.
pub async fn databases() -> Vec<TestDb> {
    vec![TestDb::sqlite().await, TestDb::postgres().await]
}

impl TestDb {
    /// A fresh SQLite file with the store's tables.
    ///
    /// # Panics
    ///
    /// When it cannot be made.
    pub async fn sqlite() -> Self {
        Self::empty_sqlite().await.migrated().await
    }

    /// A fresh PostgreSQL database with the store's tables.
    ///
    /// # Panics
    ///
    /// When it cannot be made.
    pub async fn postgres() -> Self {
        Self::empty_postgres().await.migrated().await
    }

    /// A fresh SQLite file without any table.
    ///
    /// # Panics
    ///
    /// When it cannot be made.
    pub async fn empty_sqlite() -> Self {
        let folder = tempfile::Builder::new()
            .prefix("stripe-store-test.")
            .tempdir();
        let folder = folder.unwrap_or_else(|error| panic!("no temporary folder: {error}"));
        let url = format!("sqlite://{}", folder.path().join("store.db").display());
        let store = connect(Kind::Sqlite, &url).await;
        let options = SqliteConnectOptions::from_str(&url)
            .unwrap_or_else(|error| panic!("{url}: {error}"))
            .create_if_missing(true)
            .busy_timeout(Duration::from_secs(30));
        let pool = RawPool::Sqlite(
            SqlitePoolOptions::new()
                .max_connections(2)
                .connect_lazy_with(options),
        );
        Self {
            kind: Kind::Sqlite,
            label: url.clone(),
            url,
            store,
            pool,
            _remains: Remains::Folder(folder),
        }
    }

    /// A fresh PostgreSQL database without any table.
    ///
    /// # Panics
    ///
    /// When it cannot be made, or when there is no server (see [`Server::get`]).
    pub async fn empty_postgres() -> Self {
        let server = Server::get();
        let database = drop_later::Database::create(&server.admin_url(), unique_name()).await;
        let url = server.url(database.name());
        let options = PgConnectOptions::from_str(&url)
            .unwrap_or_else(|error| panic!("the URL of {}: {error}", database.name()));
        let pool = RawPool::Postgres(
            PgPoolOptions::new()
                .max_connections(2)
                .connect_lazy_with(options),
        );
        let store = connect(Kind::Postgres, &url).await;
        Self {
            kind: Kind::Postgres,
            label: database.name().to_owned(),
            url,
            store,
            pool,
            _remains: Remains::Database(Box::new(database)),
        }
    }

    /// Which kind it is.
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// The name of its kind, for messages.
    pub const fn name(&self) -> &'static str {
        self.kind.name()
    }

    /// A URL that the store and the command take. It holds the password when the server was given with one.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The store on this database: the platform's account, live mode.
    pub const fn store(&self) -> &Store {
        &self.store
    }

    /// Another store on this database, with connections of its own, as another process would have.
    ///
    /// # Panics
    ///
    /// When it cannot connect.
    pub async fn connect(&self) -> Store {
        connect(self.kind, &self.url).await
    }

    /// Connections that are not the store's.
    pub const fn pool(&self) -> &RawPool {
        &self.pool
    }

    /// Runs statements and returns how many rows they changed.
    ///
    /// # Panics
    ///
    /// When the database refuses.
    pub async fn execute(&self, sql: &str) -> u64 {
        let statements = sqlx::raw_sql(AssertSqlSafe(sql));
        let changed = match &self.pool {
            RawPool::Sqlite(pool) => statements
                .execute(pool)
                .await
                .map(|done| done.rows_affected()),
            RawPool::Postgres(pool) => statements
                .execute(pool)
                .await
                .map(|done| done.rows_affected()),
        };
        self.expect(sql, changed)
    }

    /// The text in the first column of the first row; `None` when there is no row, or NULL in it.
    ///
    /// # Panics
    ///
    /// When the database refuses, or the column is no text (PostgreSQL: cast with `::text`).
    pub async fn scalar_text(&self, sql: &str) -> Option<String> {
        let query = AssertSqlSafe(sql);
        let found = match &self.pool {
            RawPool::Sqlite(pool) => sqlx::query_scalar(query).fetch_optional(pool).await,
            RawPool::Postgres(pool) => sqlx::query_scalar(query).fetch_optional(pool).await,
        };
        self.expect::<Option<Option<String>>>(sql, found).flatten()
    }

    /// The integer in the first column of the first row; `None` when there is no row, or NULL in it.
    ///
    /// # Panics
    ///
    /// When the database refuses, or the column is no 64-bit integer (PostgreSQL: cast with `::bigint`).
    pub async fn scalar_i64(&self, sql: &str) -> Option<i64> {
        let query = AssertSqlSafe(sql);
        let found = match &self.pool {
            RawPool::Sqlite(pool) => sqlx::query_scalar(query).fetch_optional(pool).await,
            RawPool::Postgres(pool) => sqlx::query_scalar(query).fetch_optional(pool).await,
        };
        self.expect::<Option<Option<i64>>>(sql, found).flatten()
    }

    async fn migrated(self) -> Self {
        if let Err(error) = self.store.migrate().await {
            panic!(
                "cannot migrate a fresh {} database: {}",
                self.kind,
                chain(&error)
            );
        }
        self
    }

    /// Runs a test, and says on which database it failed.
    async fn run(self, test: impl AsyncFn(&Self)) {
        let outcome = AssertUnwindSafe(test(&self)).catch_unwind().await;
        if let Err(panic) = outcome {
            self.report();
            resume_unwind(panic);
        }
    }

    #[expect(
        clippy::print_stderr,
        reason = "the test runner shows it with the failed test"
    )]
    fn report(&self) {
        eprintln!("failed on {}: {}", self.kind, self.label);
    }

    fn expect<T>(&self, sql: &str, result: sqlx::Result<T>) -> T {
        result.unwrap_or_else(|error| panic!("{} refuses `{sql}`: {error}", self.kind))
    }
}

async fn connect(kind: Kind, url: &str) -> Store {
    match Store::connect(url).await {
        Ok(store) => store,
        Err(error) => panic!(
            "cannot connect to a fresh {kind} database: {}",
            chain(&error)
        ),
    }
}

/// An error and what caused it, in one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

/// A name that no other test uses, in this process or another, on this machine or another that shares the server.
fn unique_name() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let random = RandomState::new().hash_one(count);
    format!("stripe_store_test_{}_{count}_{random:016x}", process::id())
}
