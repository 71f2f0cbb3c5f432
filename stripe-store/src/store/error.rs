//! What can go wrong with the table.

mod code;
mod model;
mod object_ref;

use sqlx::error::BoxDynError;
use sqlx::migrate::MigrateError;

pub(crate) use self::code::is_conflict;
#[cfg(any(feature = "client", feature = "webhook"))]
use self::code::is_of_data;
#[cfg(feature = "postgres")]
pub(crate) use self::code::{can_be_tried_again, is_contested};
use self::code::{code_of, is_missing_table, is_transient};
pub use self::model::ModelError;
pub use self::object_ref::ObjectRef;
use super::Dialect;
use super::cursor::CursorError;
use super::expand::ExpandError;
use super::retention::Aged;
use super::tables::TableNamesError;

/// Reading or writing the table failed.
///
/// That a row is not there is no error: it is `None`. Messages hold names of types and ids, and never data, passwords
/// or keys.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The database's URL has a scheme that is none of ours.
    #[error(
        "unknown database {scheme:?}: use a URL like sqlite://stripe-store.db, sqlite::memory: or postgres://user@host/database"
    )]
    #[non_exhaustive]
    UnknownDatabase {
        /// What stands before the first colon.
        scheme: String,
    },
    /// The URL names a database that this build leaves out.
    #[error("this build has no {database}: enable the feature {feature:?} of stripe-store")]
    #[non_exhaustive]
    NotBuilt {
        /// The database's name.
        database: &'static str,
        /// The feature that brings it.
        feature: &'static str,
    },
    /// The database could not be reached or opened, or its URL says something it does not understand.
    #[error("could not connect to {database}")]
    #[non_exhaustive]
    Connect {
        /// Which database: its kind, and the file or the host and name. Never its password.
        database: String,
        /// The driver's account of it.
        source: sqlx::Error,
    },
    /// A schema or prefix cannot be part of a table's name.
    #[error("table names cannot be used")]
    #[non_exhaustive]
    TableNames {
        /// What is wrong with it.
        source: TableNamesError,
    },
    /// No connection was to be had in time.
    #[error(
        "no connection to the database within {timeout_ms} ms, with {in_use} of {max_connections} in use: {}",
        pool_advice(*in_use, *max_connections)
    )]
    #[non_exhaustive]
    PoolTimedOut {
        /// How many connections callers held.
        in_use: u32,
        /// How many the pool may have.
        max_connections: u32,
        /// How long the pool waits, in milliseconds.
        timeout_ms: u64,
        /// The driver's account of it.
        source: sqlx::Error,
    },
    /// The reader is another kind of database than the store.
    #[error(
        "a store on {writer} cannot read from {reader}: both have to be the same kind of database"
    )]
    #[non_exhaustive]
    ReaderDialect {
        /// The store's own database.
        writer: Dialect,
        /// The database that it was to read from.
        reader: Dialect,
    },
    /// Tombstones, or what else keeps late events from doing harm, were to be removed while such events can still come.
    #[error(
        "{what} have to be {min_days} days old to be removed, not {age_days}: {}; force it where none can come", what.danger()
    )]
    #[non_exhaustive]
    RetentionTooShort {
        /// What was to be removed.
        what: Aged,
        /// The age that was asked for, in whole days.
        age_days: u64,
        /// The least that is allowed, in days.
        min_days: u64,
    },
    /// SQLite has no schemas: a store on SQLite tells its tables apart by prefix.
    #[error("SQLite has no schema {schema:?}: use a prefix instead")]
    #[non_exhaustive]
    SchemaUnsupported {
        /// The schema that was asked for.
        schema: String,
    },
    /// The table is not there.
    #[error(
        "there is no table {table} in this database: call Store::migrate or run `stripe-store migrate` first"
    )]
    #[non_exhaustive]
    NotMigrated {
        /// The table.
        table: String,
        /// The driver's account of it.
        source: sqlx::Error,
    },
    /// A migration failed; the database is as it was before.
    #[error("could not migrate the database")]
    #[non_exhaustive]
    Migrate {
        /// The driver's account of it.
        source: MigrateError,
    },
    /// The database was migrated by a newer stripe-store than this one, which does not know its tables.
    #[error(
        "the database has migration {version}, which this version of stripe-store does not know: update stripe-store"
    )]
    #[non_exhaustive]
    NewerDatabase {
        /// The unknown migration.
        version: i64,
    },
    /// A migration was applied to the database in another wording than this build holds.
    #[error(
        "migration {version} in the database is not the one that this version of stripe-store holds"
    )]
    #[non_exhaustive]
    ChangedMigration {
        /// The migration.
        version: i64,
    },
    /// The database refused a statement, or went away.
    #[error("could not {action} {object}")]
    #[non_exhaustive]
    Database {
        /// What was tried, as a verb: `"write"`, `"read"`.
        action: &'static str,
        /// What it was tried on.
        object: ObjectRef,
        /// The driver's account of it.
        source: sqlx::Error,
    },
    /// A row holds what the store did not write and cannot read.
    #[error("could not read column {column} of {object} in {table}")]
    #[non_exhaustive]
    Row {
        /// The table.
        table: String,
        /// The column.
        column: &'static str,
        /// The row's object.
        object: ObjectRef,
        /// What is wrong with it.
        source: RowError,
    },
    /// A transaction on one database was handed to a store on another.
    #[error("the store is on {} and the transaction on {}: hand over one of the store's own pool", store.name(), transaction.name())]
    #[non_exhaustive]
    OtherDatabase {
        /// What the store is on.
        store: Dialect,
        /// What the transaction is on.
        transaction: Dialect,
    },
    /// A feed was to hear of what others write, on a database that tells nobody.
    #[error(
        "{database} does not tell of what other processes write: read Store::changed_since from time to time"
    )]
    #[non_exhaustive]
    ListenUnsupported {
        /// The database.
        database: Dialect,
    },
    /// An account's id is too long for the table's key.
    #[error("an account id of {bytes} bytes is longer than {max_bytes} bytes")]
    #[non_exhaustive]
    Account {
        /// The length, in bytes.
        bytes: usize,
        /// The limit, in bytes.
        max_bytes: usize,
    },
    /// A page of no rows, or of too many, was asked for.
    #[error("a page has 1 to {max} objects, not {limit}")]
    #[non_exhaustive]
    Limit {
        /// What was asked for.
        limit: usize,
        /// The most that can be asked for.
        max: usize,
    },
    /// No object fulfils the conditions of a query that asked for [`one`](crate::query::Query::one).
    #[error("no {object} matches: ask with `first` where there may be none")]
    #[non_exhaustive]
    NoneFound {
        /// The type.
        object: String,
    },
    /// Several objects fulfil the conditions of a query that asked for [`one`](crate::query::Query::one).
    #[error("more than one {object} matches: add conditions, or take the `first` in an order")]
    #[non_exhaustive]
    SeveralFound {
        /// The type.
        object: String,
    },
    /// A cursor does not belong to the list that it was given to.
    #[error("the cursor cannot continue this list")]
    #[non_exhaustive]
    Cursor {
        /// What is wrong with it.
        source: CursorError,
    },
    /// Something is wrong with a model, its table, or its hook.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// What was asked to be expanded cannot be.
    #[error("could not expand the objects")]
    #[non_exhaustive]
    Expand {
        /// Why, and of which path.
        source: ExpandError,
    },
}

impl StoreError {
    /// Whether trying again, unchanged, may succeed: the connection broke or was not to be had, the database is
    /// starting, stopping, or busy with a conflicting write.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::PoolTimedOut { .. } => true,
            Self::Model(error) => error.cause().is_some_and(is_transient),
            Self::Connect { source, .. }
            | Self::Database { source, .. }
            | Self::Migrate {
                source: MigrateError::Execute(source) | MigrateError::ExecuteMigration(source, _),
            } => is_transient(source),
            _ => false,
        }
    }

    /// Whether the table is missing: [`migrate`](super::Store::migrate) has not run on this database.
    pub fn is_not_migrated(&self) -> bool {
        matches!(self, Self::NotMigrated { .. })
    }

    /// Whether a query for [`one`](crate::query::Query::one) object found none.
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::NoneFound { .. })
    }

    /// Whether the caller's own argument is at fault, such as a cursor, a limit or a path to expand that came from a
    /// browser, and not the database.
    pub fn is_invalid_request(&self) -> bool {
        matches!(
            self,
            Self::Cursor { .. }
                | Self::Limit { .. }
                | Self::Account { .. }
                | Self::Expand { .. }
                | Self::RetentionTooShort { .. }
        )
    }

    /// Whether a write that failed so may have been committed nonetheless: what failed is to hear of it.
    pub(crate) fn is_uncertain(&self) -> bool {
        let Self::Database { source, .. } = self else {
            return false;
        };
        match source {
            sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed => false,
            // The server ended the connection, perhaps between the commit and its answer.
            sqlx::Error::Database(_) => code_of(source)
                .is_some_and(|code| code.starts_with("08") || code.starts_with("57P")),
            _ => true,
        }
    }

    /// Whether it is the data of what was written that the database or a model does not take, so that something else could
    /// be written.
    #[cfg(any(feature = "client", feature = "webhook"))]
    pub(crate) fn is_of_data(&self) -> bool {
        match self {
            Self::Account { .. } => true,
            Self::Model(_) => !self.is_transient() && !self.is_conflict(),
            Self::Database { source, .. } => is_of_data(source),
            _ => false,
        }
    }

    /// Whether it is the data itself that the database does not take, whatever a model makes of it.
    #[cfg(any(feature = "client", feature = "webhook"))]
    pub(crate) fn is_of_unstorable(&self) -> bool {
        !matches!(self, Self::Model(_)) && self.is_of_data()
    }

    /// Whether a write that failed so was in conflict with another transaction, and can be begun again.
    pub(crate) fn is_conflict(&self) -> bool {
        match self {
            Self::Database { source, .. } => is_conflict(source),
            Self::Model(error) => {
                error.is_of_lost_reference() || error.cause().is_some_and(is_conflict)
            }
            _ => false,
        }
    }

    /// A statement failed.
    pub(crate) fn database(
        action: &'static str,
        object: ObjectRef,
        table: &str,
        source: sqlx::Error,
    ) -> Self {
        if is_missing_table(&source) {
            return Self::NotMigrated {
                table: table.to_owned(),
                source,
            };
        }
        Self::Database {
            action,
            object,
            source,
        }
    }

    pub(crate) fn migrate(source: MigrateError) -> Self {
        match source {
            MigrateError::VersionMissing(version) => Self::NewerDatabase { version },
            MigrateError::VersionMismatch(version) => Self::ChangedMigration { version },
            source => Self::Migrate { source },
        }
    }
}

impl From<TableNamesError> for StoreError {
    fn from(source: TableNamesError) -> Self {
        Self::TableNames { source }
    }
}

impl From<CursorError> for StoreError {
    fn from(source: CursorError) -> Self {
        Self::Cursor { source }
    }
}

/// What to do about a pool that timed out.
fn pool_advice(in_use: u32, max_connections: u32) -> &'static str {
    if in_use < max_connections {
        "the server takes no more connections, or does not answer"
    } else {
        "raise `max_connections` or `acquire_timeout`, or hold connections for less time"
    }
}

impl From<ExpandError> for StoreError {
    fn from(source: ExpandError) -> Self {
        Self::Expand { source }
    }
}

/// What is wrong with a column of a row.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RowError {
    /// The data is no JSON, or is nested deeper than can be read.
    #[error("the data cannot be read")]
    #[non_exhaustive]
    Data {
        /// The parser's account of it, with line and column.
        source: serde_json::Error,
    },
    /// A time is not written as the store writes times.
    #[error("{text:?} is no time like 2023-11-14T22:13:20.123Z")]
    #[non_exhaustive]
    Time {
        /// What the column holds.
        text: String,
    },
    /// A word is none of those that the store writes there.
    #[error("{text:?} is no word that is written there")]
    #[non_exhaustive]
    Word {
        /// What the column holds.
        text: String,
    },
    /// The interval ends before it begins.
    #[error("the interval ends before it begins")]
    #[non_exhaustive]
    Interval,
    /// A column of a model is NULL, whose field is no `Option`.
    #[error("it is NULL, and the field is no Option")]
    #[non_exhaustive]
    Null,
    /// A column of a model holds what is no value of the field.
    #[error("it is no value of the field")]
    #[non_exhaustive]
    Own {
        /// What is wrong with it.
        source: BoxDynError,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_name_what_failed() {
        let error = StoreError::database(
            "read",
            ObjectRef::one("customer", "cus_1"),
            "t",
            sqlx::Error::PoolTimedOut,
        );
        assert_eq!(error.to_string(), "could not read customer cus_1");
        assert!(error.is_transient() && !error.is_invalid_request());
        assert_eq!(ObjectRef::Batch(2).to_string(), "a batch of 2 objects");
        assert!(StoreError::Limit { limit: 0, max: 1 }.is_invalid_request());
        let newer = StoreError::migrate(MigrateError::VersionMissing(9));
        assert!(matches!(
            newer,
            StoreError::NewerDatabase { version: 9, .. }
        ));
    }
}
