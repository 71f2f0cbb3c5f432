//! The database that a command works on.

use std::path::PathBuf;
use std::str::FromStr;

use sqlx::postgres::PgConnectOptions;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection};

use super::failure::Failure;
use crate::store::{AccountId, Mode, Store, StoreError, TableNames};

/// A database by its URL, and whose objects in it a command is about.
pub(super) struct Database {
    url: String,
    /// The mode that was asked for; live mode when none was.
    mode: Option<Mode>,
    account: Option<String>,
    tables: TableNames,
}

impl Database {
    pub(super) fn new(url: &str, mode: Option<Mode>, account: Option<&str>) -> Self {
        Self {
            url: url.to_owned(),
            mode,
            account: account.map(str::to_owned),
            tables: TableNames::new(),
        }
    }

    /// The same database, with the tables in this schema and under this prefix.
    pub(super) fn with_tables(
        self,
        schema: Option<&str>,
        prefix: Option<&str>,
    ) -> Result<Self, Failure> {
        let mut tables = TableNames::new();
        if let Some(schema) = schema {
            tables = tables.with_schema(schema).map_err(StoreError::from)?;
        }
        if let Some(prefix) = prefix {
            tables = tables.with_prefix(prefix).map_err(StoreError::from)?;
        }
        Ok(Self { tables, ..self })
    }

    /// The mode that was asked for in so many words.
    pub(super) fn mode(&self) -> Option<Mode> {
        self.mode
    }

    /// The account that was asked for; the empty one is that of the API key.
    pub(super) fn account(&self) -> Option<AccountId> {
        self.account.as_deref().map(AccountId::from)
    }

    /// Whether live or test mode was asked for in so many words.
    pub(super) fn has_mode(&self) -> bool {
        self.mode.is_some()
    }

    /// The store, in a database that is there already.
    pub(super) async fn open(&self) -> Result<Store, Failure> {
        if let Some(file) = self.sqlite_file()
            && !file.exists()
        {
            let message = format!(
                "there is no file {}: run `stripe-store migrate` to create it",
                file.display()
            );
            return Err(Failure::Message(message));
        }
        self.connect().await
    }

    /// The store, with its tables; a SQLite file that is missing is created.
    pub(super) async fn create(&self) -> Result<Store, Failure> {
        let store = self.connect().await?;
        store.migrate().await?;
        Ok(store)
    }

    async fn connect(&self) -> Result<Store, Failure> {
        if let Ok(options) = PgConnectOptions::from_str(&self.url)
            && self.url.starts_with("postgres")
        {
            // A pool waits half a minute for a server that refuses connections, as one does that is about to start.
            // Whoever types a command wants to know at once.
            let connect = options.connect().await;
            let connection = connect.map_err(|source| StoreError::Connect {
                database: self.name(),
                source,
            })?;
            // That it cannot be closed politely changes nothing.
            let _ = connection.close().await;
        }
        let store = Store::connect(&self.url)
            .await?
            .with_tables(self.tables.clone())?
            .mode(self.mode.unwrap_or_default());
        Ok(match &self.account {
            Some(account) => store.account(account.as_str()),
            None => store.platform(),
        })
    }

    /// The failure of a read, which says what to do when the tables are missing.
    pub(super) fn read_failure(&self, error: StoreError) -> Failure {
        if error.is_not_migrated() {
            let message = format!(
                "{} has no tables of stripe-store: run `stripe-store migrate` first",
                self.name()
            );
            return Failure::Message(message);
        }
        Failure::Store(error)
    }

    /// The database's URL without its password and options.
    pub(super) fn name(&self) -> String {
        if let Some(file) = self.sqlite_file() {
            return format!("sqlite://{}", file.display());
        }
        let scheme = self.url.split(':').next().unwrap_or_default();
        if scheme == "sqlite" {
            return "sqlite::memory:".to_owned();
        }
        match PgConnectOptions::from_str(&self.url) {
            Ok(options) => {
                let place = match options.get_socket() {
                    Some(socket) => socket.display().to_string(),
                    None => format!("{}:{}", options.get_host(), options.get_port()),
                };
                let database = options.get_database().unwrap_or(options.get_username());
                format!("{scheme}://{}@{place}/{database}", options.get_username())
            }
            Err(_) => format!("{scheme}://"),
        }
    }

    /// The file of a SQLite database that is not in memory.
    fn sqlite_file(&self) -> Option<PathBuf> {
        let address = self.url.strip_prefix("sqlite:")?;
        if address.contains(":memory:") || address.contains("mode=memory") {
            return None;
        }
        let options = SqliteConnectOptions::from_str(&self.url).ok()?;
        Some(options.get_filename().to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(url: &str, name: &str) {
        assert_eq!(Database::new(url, None, None).name(), name);
    }

    #[test]
    fn a_name_holds_no_password() {
        check(
            "postgres://ada:secret@db.example.com/app?sslmode=require",
            "postgres://ada@db.example.com:5432/app",
        );
        check(
            "postgresql://ada:se%20cret@db:6543/app?password=other",
            "postgresql://ada@db:6543/app",
        );
        check(
            "postgres://ada@localhost/app?host=%2Ftmp%2Fpg",
            "postgres://ada@/tmp/pg/app",
        );
        check("postgres://ada:secret@[broken/app", "postgres://");
        check(
            "sqlite://data/stripe.db?mode=rwc",
            "sqlite://data/stripe.db",
        );
        check("sqlite::memory:", "sqlite::memory:");
    }
}
