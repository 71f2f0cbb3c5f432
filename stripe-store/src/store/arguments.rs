//! Arguments of statements and columns of rows, on whichever database: what own columns of users' models go through.

use std::fmt;

use sqlx::error::BoxDynError;
use sqlx::{Arguments as _, Row as _};

use crate::clock::UnixMillis;

/// A type of the driver's that every database of this build takes.
macro_rules! driven {
    ($($database:ident),*) => {
        /// What every database of this build takes.
        pub trait Driven: $(sqlx::Type<sqlx::$database> + for<'q> sqlx::Encode<'q, sqlx::$database> + for<'r> sqlx::Decode<'r, sqlx::$database> +)* Send {}

        impl<T> Driven for T where
            T: $(sqlx::Type<sqlx::$database> + for<'q> sqlx::Encode<'q, sqlx::$database> + for<'r> sqlx::Decode<'r, sqlx::$database> +)* Send {}
    };
}

#[cfg(all(feature = "postgres", feature = "sqlite"))]
driven!(Postgres, Sqlite);
#[cfg(all(feature = "postgres", not(feature = "sqlite")))]
driven!(Postgres);
#[cfg(all(feature = "sqlite", not(feature = "postgres")))]
driven!(Sqlite);

/// Arguments of a statement, in their order.
#[derive(Debug)]
pub enum Arguments {
    #[cfg(feature = "postgres")]
    Postgres(sqlx::postgres::PgArguments),
    #[cfg(feature = "sqlite")]
    Sqlite(sqlx::sqlite::SqliteArguments),
}

impl Arguments {
    /// Adds what every database takes.
    pub(crate) fn add<T: Driven>(&mut self, value: T) -> Result<(), BoxDynError> {
        match self {
            #[cfg(feature = "postgres")]
            Self::Postgres(arguments) => arguments.add(value),
            #[cfg(feature = "sqlite")]
            Self::Sqlite(arguments) => arguments.add(value),
        }
    }
}

impl Arguments {
    /// Adds a time as columns of rows have it.
    pub(crate) fn add_time(&mut self, at: UnixMillis) -> Result<(), BoxDynError> {
        match self {
            #[cfg(feature = "postgres")]
            Self::Postgres(arguments) => arguments.add(super::postgres::PgMillis(at.as_millis())),
            #[cfg(feature = "sqlite")]
            Self::Sqlite(arguments) => arguments.add(at.to_string()),
        }
    }
}

#[cfg(feature = "postgres")]
impl Arguments {
    /// Adds what PostgreSQL alone takes; on another database nothing.
    pub(crate) fn add_postgres<'q, T>(&mut self, value: T) -> Result<(), BoxDynError>
    where
        T: sqlx::Encode<'q, sqlx::Postgres> + sqlx::Type<sqlx::Postgres>,
    {
        match self {
            Self::Postgres(arguments) => arguments.add(value),
            #[cfg(feature = "sqlite")]
            Self::Sqlite(_) => Ok(()),
        }
    }

    /// Those of PostgreSQL.
    pub(crate) fn into_postgres(self) -> sqlx::postgres::PgArguments {
        match self {
            Self::Postgres(arguments) => arguments,
            #[cfg(feature = "sqlite")]
            Self::Sqlite(_) => sqlx::postgres::PgArguments::default(),
        }
    }
}

#[cfg(feature = "sqlite")]
impl Arguments {
    /// Those of SQLite.
    pub(crate) fn into_sqlite(self) -> sqlx::sqlite::SqliteArguments {
        match self {
            Self::Sqlite(arguments) => arguments,
            #[cfg(feature = "postgres")]
            Self::Postgres(_) => sqlx::sqlite::SqliteArguments::default(),
        }
    }
}

/// A column of a row, by its place.
#[derive(Clone, Copy)]
pub enum Cell<'r> {
    #[cfg(feature = "postgres")]
    Postgres(&'r sqlx::postgres::PgRow, usize),
    #[cfg(feature = "sqlite")]
    Sqlite(&'r sqlx::sqlite::SqliteRow, usize),
}

impl fmt::Debug for Cell<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cell").finish_non_exhaustive()
    }
}

impl Cell<'_> {
    /// Reads what every database gives.
    pub(crate) fn get<T: Driven>(&self) -> Result<T, sqlx::Error> {
        match self {
            #[cfg(feature = "postgres")]
            Self::Postgres(row, at) => row.try_get(*at),
            #[cfg(feature = "sqlite")]
            Self::Sqlite(row, at) => row.try_get(*at),
        }
    }

    /// Reads a time as columns of rows have it; what is no time comes as its text.
    #[cfg(any(feature = "client", feature = "webhook"))]
    pub(crate) fn time(&self) -> Result<Option<Result<UnixMillis, String>>, sqlx::Error> {
        match self {
            #[cfg(feature = "postgres")]
            Self::Postgres(row, at) => {
                let time: Option<super::postgres::PgMillis> = row.try_get(*at)?;
                Ok(time.map(|time| Ok(UnixMillis::new(time.0))))
            }
            #[cfg(feature = "sqlite")]
            Self::Sqlite(row, at) => {
                let text: Option<String> = row.try_get(*at)?;
                Ok(text.map(|text| UnixMillis::parse(&text).ok_or(text)))
            }
        }
    }

    /// The column that follows.
    pub(crate) fn next(self) -> Self {
        match self {
            #[cfg(feature = "postgres")]
            Self::Postgres(row, at) => Self::Postgres(row, at + 1),
            #[cfg(feature = "sqlite")]
            Self::Sqlite(row, at) => Self::Sqlite(row, at + 1),
        }
    }
}
