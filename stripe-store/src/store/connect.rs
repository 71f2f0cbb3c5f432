//! From a URL to a pool.

use super::Store;
use super::error::StoreError;
use super::options::ConnectOptions;

impl Store {
    /// Opens a database by its URL.
    ///
    /// | URL | database |
    /// | --- | --- |
    /// | `sqlite://stripe-store.db`, `sqlite:///var/lib/app/stripe.db` | a SQLite file, made when missing; write-ahead log, full durability, writers wait for each other up to 30 s |
    /// | `sqlite::memory:` | a SQLite database that lives as long as the store and its clones |
    /// | `postgres://user:password@host:5432/database` | PostgreSQL 12 or newer, in UTF-8; options as libpq's, for example `?sslmode=verify-full` |
    ///
    /// With `?mode=ro` or `?mode=rw` a SQLite file is not made. Limits and timeouts are those of
    /// [`ConnectOptions::new`]; [`connect_with`](Self::connect_with) takes others. For anything else about the pool, make
    /// it yourself and use [`from_pool`](Self::from_pool).
    ///
    /// ```
    /// # use stripe_store::Store;
    /// # #[cfg(feature = "sqlite")]
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
    /// let store = Store::connect("sqlite::memory:").await?;
    /// store.migrate().await?;
    /// assert!(store.get_object("customer", "cus_1").await?.is_none());
    /// # Ok::<(), stripe_store::store::StoreError>(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// [`UnknownDatabase`](StoreError::UnknownDatabase) for another scheme, [`NotBuilt`](StoreError::NotBuilt) when the
    /// feature of the database is off, [`Connect`](StoreError::Connect) when it cannot be reached. No error shows the
    /// URL's password.
    pub async fn connect(url: &str) -> Result<Self, StoreError> {
        Self::connect_with(url, &ConnectOptions::new()).await
    }

    /// Opens a database by its URL, as [`connect`](Self::connect) does, with limits and timeouts of the caller's.
    ///
    /// ```
    /// use std::time::Duration;
    /// # use stripe_store::Store;
    /// use stripe_store::store::ConnectOptions;
    ///
    /// # #[cfg(feature = "sqlite")]
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
    /// let options = ConnectOptions::new()
    ///     .with_max_connections(20)
    ///     .with_acquire_timeout(Duration::from_secs(5));
    /// let store = Store::connect_with("sqlite::memory:", &options).await?;
    /// # Ok::<(), stripe_store::store::StoreError>(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// As [`connect`](Self::connect).
    pub async fn connect_with(url: &str, options: &ConnectOptions) -> Result<Self, StoreError> {
        let scheme = url.split_once(':').map_or(url, |(scheme, _)| scheme);
        match scheme {
            #[cfg(feature = "sqlite")]
            "sqlite" => Ok(Self::from_pool(sqlite::open(url, options).await?)),
            #[cfg(not(feature = "sqlite"))]
            "sqlite" => Err(StoreError::NotBuilt {
                database: "SQLite",
                feature: "sqlite",
            }),
            #[cfg(feature = "postgres")]
            "postgres" | "postgresql" => Ok(Self::from_pool(postgres::open(url, options).await?)),
            #[cfg(not(feature = "postgres"))]
            "postgres" | "postgresql" => Err(StoreError::NotBuilt {
                database: "PostgreSQL",
                feature: "postgres",
            }),
            // What is no scheme may be anything, a password too, and is not repeated.
            _ if scheme.len() <= 20
                && scheme.bytes().all(|b| b.is_ascii_alphanumeric())
                && url.contains(':') =>
            {
                Err(StoreError::UnknownDatabase {
                    scheme: scheme.to_owned(),
                })
            }
            _ => Err(StoreError::UnknownDatabase {
                scheme: String::new(),
            }),
        }
    }
}

#[cfg(feature = "postgres")]
mod postgres {
    use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
    use sqlx::{ConnectOptions as _, Connection as _, PgPool};

    use super::{ConnectOptions, StoreError};

    pub(super) async fn open(url: &str, settings: &ConnectOptions) -> Result<PgPool, StoreError> {
        let options: PgConnectOptions = url.parse().map_err(|source| StoreError::Connect {
            database: "PostgreSQL".to_owned(),
            source,
        })?;
        let database = format!(
            "PostgreSQL database {:?} at {}",
            options
                .get_database()
                .unwrap_or_else(|| options.get_username()),
            options.get_socket().map_or_else(
                || format!("{}:{}", options.get_host(), options.get_port()),
                |path| path.display().to_string()
            ),
        );
        let connect_error = |source| StoreError::Connect { database, source };
        let server_settings = settings.server_settings();
        let options = if server_settings.is_empty() {
            options
        } else {
            options.options(server_settings)
        };
        // One connection by hand first: a pool tries a server that is not there again and again, until its time is
        // up, and then does not say why.
        let first = tokio::time::timeout(settings.acquire_timeout(), options.connect()).await;
        match first.unwrap_or(Err(sqlx::Error::PoolTimedOut)) {
            Ok(connection) => drop(connection.close().await),
            Err(error) => return Err(connect_error(error)),
        }
        Ok(PgPoolOptions::new()
            .max_connections(settings.max_connections())
            .min_connections(settings.min_connections())
            .acquire_timeout(settings.acquire_timeout())
            .idle_timeout(settings.idle_timeout())
            .max_lifetime(settings.max_lifetime())
            .connect_lazy_with(options))
    }
}

#[cfg(feature = "sqlite")]
mod sqlite {
    use std::time::{Duration, Instant};

    use sqlx::error::DatabaseError;
    use sqlx::sqlite::{
        SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous,
    };
    use sqlx::{ConnectOptions as _, Connection as _, SqlitePool};

    use super::{ConnectOptions, StoreError};

    /// How long a writer waits for those of other processes, when nobody says.
    const BUSY_TIMEOUT: Duration = Duration::from_secs(30);

    pub(super) async fn open(
        url: &str,
        settings: &ConnectOptions,
    ) -> Result<SqlitePool, StoreError> {
        let busy_timeout = settings
            .lock_timeout()
            .unwrap_or(BUSY_TIMEOUT)
            .max(Duration::from_millis(1));
        let connect_error =
            |database: String| move |source| StoreError::Connect { database, source };
        let options: SqliteConnectOptions =
            url.parse().map_err(connect_error("SQLite".to_owned()))?;
        let options = options
            .foreign_keys(true)
            .busy_timeout(busy_timeout)
            .synchronous(SqliteSynchronous::Full);
        let (path, parameters) = url.split_once('?').unwrap_or((url, ""));
        if path.ends_with(":memory:") || parameters.contains("mode=memory") {
            return memory(options)
                .await
                .map_err(connect_error("SQLite in memory".to_owned()));
        }
        let options = options.create_if_missing(!parameters.contains("mode="));
        let database = format!("SQLite file {}", options.get_filename().display());
        file(
            options,
            settings,
            busy_timeout,
            parameters.contains("mode=ro") || parameters.contains("immutable="),
        )
        .await
        .map_err(connect_error(database))
    }

    /// One connection that nothing closes, because the database goes with it.
    async fn memory(options: SqliteConnectOptions) -> Result<SqlitePool, sqlx::Error> {
        SqlitePoolOptions::new()
            .max_connections(1)
            .min_connections(1)
            .idle_timeout(None)
            .max_lifetime(None)
            // The test awaits, and an `acquire` that is dropped in an await drops its connection.
            .test_before_acquire(false)
            .connect_with(options)
            .await
    }

    async fn file(
        options: SqliteConnectOptions,
        settings: &ConnectOptions,
        busy_timeout: Duration,
        read_only: bool,
    ) -> Result<SqlitePool, sqlx::Error> {
        if !read_only {
            use_write_ahead_log(&options, busy_timeout).await?;
        }
        SqlitePoolOptions::new()
            .max_connections(settings.max_connections())
            .min_connections(settings.min_connections())
            .acquire_timeout(settings.acquire_timeout())
            .idle_timeout(settings.idle_timeout())
            .max_lifetime(settings.max_lifetime())
            .connect_with(options)
            .await
    }

    /// Sets the journal mode, which the file keeps.
    ///
    /// Once, here, and not on every connection of the pool: the change takes an exclusive lock that SQLite does not
    /// wait for, so two processes that make a new file at once would fail.
    async fn use_write_ahead_log(
        options: &SqliteConnectOptions,
        busy_timeout: Duration,
    ) -> Result<(), sqlx::Error> {
        let options = options.clone().journal_mode(SqliteJournalMode::Wal);
        let start = Instant::now();
        loop {
            match options.connect().await {
                Ok(connection) => return connection.close().await,
                Err(error) if is_busy(&error) && start.elapsed() < busy_timeout => {
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
                Err(error) => return Err(error),
            }
        }
    }

    fn is_busy(error: &sqlx::Error) -> bool {
        let code = error.as_database_error().and_then(DatabaseError::code);
        code.and_then(|code| code.parse::<u32>().ok())
            .is_some_and(|code| matches!(code & 0xff, 5 | 6))
    }
}
