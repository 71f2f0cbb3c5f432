//! The types that columns have in the databases: what they are called, and how they get there and back.

use std::fmt::Write as _;

use sqlx::error::BoxDynError;
use sqlx::{Arguments as _, Row as _};

use super::moment::{Days, Micros};
use super::{Primitive, quoted};
use crate::query::Read;
use crate::store::{Arguments, Cell, Dialect};

/// How a primitive travels. Not to be implemented elsewhere.
pub trait Wire: Sized + Send + Sync + 'static {
    /// The column's type on PostgreSQL.
    const POSTGRES: &'static str;

    /// The column's type on SQLite.
    const SQLITE: &'static str;

    /// Adds a value, or NULL, to the arguments of a statement.
    #[doc(hidden)]
    fn encode(value: Option<Self>, to: &mut Arguments) -> Result<(), BoxDynError>;

    /// Reads a column.
    #[doc(hidden)]
    fn decode(from: &Cell<'_>) -> Result<Option<Self>, sqlx::Error>;

    /// The value as a literal, for people.
    #[doc(hidden)]
    fn literal(&self, dialect: Dialect) -> String;

    /// What SQLite has to make of the column's text before it can say which is less.
    #[doc(hidden)]
    const SQLITE_ORDER: Option<&'static str> = None;

    /// What a column of the type is sorted by, and how that is read.
    #[doc(hidden)]
    fn sort_key(column: &str, dialect: Dialect) -> (String, Read);
}

/// A number of 128 bits, as its bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bits128(pub(super) [u8; 16]);

/// A value was written by somebody else.
#[cfg(feature = "sqlite")]
#[derive(Debug, thiserror::Error)]
#[error("{text:?} is no {what}")]
struct Unreadable {
    text: String,
    what: &'static str,
}

#[cfg(feature = "sqlite")]
fn unreadable(text: &str, what: &'static str) -> sqlx::Error {
    let text = text.to_owned();
    sqlx::Error::Decode(Box::new(Unreadable { text, what }))
}

/// A primitive that the driver knows.
macro_rules! as_driver {
    ($($type:ty, $postgres:literal, $sqlite:literal, $literal:expr, $sort:expr;)*) => {$(
        impl Primitive for $type {}

        impl Wire for $type {
            const POSTGRES: &'static str = $postgres;
            const SQLITE: &'static str = $sqlite;

            fn encode(value: Option<Self>, to: &mut Arguments) -> Result<(), BoxDynError> {
                to.add(value)
            }

            fn decode(from: &Cell<'_>) -> Result<Option<Self>, sqlx::Error> {
                from.get()
            }

            fn literal(&self, dialect: Dialect) -> String {
                let literal: fn(&Self, Dialect) -> String = $literal;
                literal(self, dialect)
            }

            fn sort_key(column: &str, dialect: Dialect) -> (String, Read) {
                let sort: fn(&str, Dialect) -> (String, Read) = $sort;
                sort(column, dialect)
            }
        }
    )*};
}

fn number(value: String, dialect: Dialect, name: &str) -> String {
    match dialect {
        Dialect::Postgres => format!("'{value}'::{name}"),
        Dialect::Sqlite => value,
    }
}

/// The column as a `bigint`, so that it is read as one.
fn as_int(column: &str, dialect: Dialect) -> (String, Read) {
    let key = match dialect {
        Dialect::Postgres => format!("{column}::bigint"),
        Dialect::Sqlite => column.to_owned(),
    };
    (key, Read::Int)
}

fn as_float(column: &str, dialect: Dialect) -> (String, Read) {
    let key = match dialect {
        Dialect::Postgres => format!("{column}::double precision"),
        Dialect::Sqlite => column.to_owned(),
    };
    (key, Read::Float)
}

fn hex(bytes: &[u8], dialect: Dialect) -> String {
    let mut digits = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        let _infallible = write!(digits, "{byte:02x}");
    }
    match dialect {
        Dialect::Postgres => format!("'\\x{digits}'::bytea"),
        Dialect::Sqlite => format!("X'{digits}'"),
    }
}

as_driver! {
    bool, "boolean", "INTEGER", |value, _| value.to_string().to_uppercase(),
        |column, _| (column.to_owned(), Read::Bool);
    i16, "smallint", "INTEGER", |value, dialect| number(value.to_string(), dialect, "smallint"), as_int;
    i32, "integer", "INTEGER", |value, dialect| number(value.to_string(), dialect, "integer"), as_int;
    i64, "bigint", "INTEGER", |value, dialect| number(value.to_string(), dialect, "bigint"),
        |column, _| (column.to_owned(), Read::Int);
    f32, "real", "REAL", |value, dialect| number(format!("{value:?}"), dialect, "float4"), as_float;
    f64, "double precision", "REAL", |value, dialect| number(format!("{value:?}"), dialect, "float8"), as_float;
    String, "text", "TEXT", |value, dialect| match dialect {
        Dialect::Postgres if value.contains('\\') => format!("E{}", quoted(&value.replace('\\', "\\\\"))),
        _ => quoted(value),
    }, |column, _| (column.to_owned(), Read::Text);
    Vec<u8>, "bytea", "BLOB", |value, dialect| hex(value, dialect), |column, dialect| match dialect {
        Dialect::Postgres => (format!("encode({column}, 'hex')"), Read::Text),
        Dialect::Sqlite => (format!("hex({column})"), Read::Text),
    };
}

impl Primitive for Micros {}

impl Wire for Micros {
    const POSTGRES: &'static str = "timestamptz";
    const SQLITE: &'static str = "TEXT";

    fn encode(value: Option<Self>, to: &mut Arguments) -> Result<(), BoxDynError> {
        match to {
            #[cfg(feature = "postgres")]
            Arguments::Postgres(to) => to.add(value.map(|at| crate::store::PgMicros(at.0))),
            #[cfg(feature = "sqlite")]
            Arguments::Sqlite(to) => to.add(value.map(Self::text)),
        }
    }

    fn decode(from: &Cell<'_>) -> Result<Option<Self>, sqlx::Error> {
        match from {
            #[cfg(feature = "postgres")]
            Cell::Postgres(row, at) => {
                let at: Option<crate::store::PgMicros> = row.try_get(*at)?;
                Ok(at.map(|at| Self(at.0)))
            }
            #[cfg(feature = "sqlite")]
            Cell::Sqlite(row, at) => {
                let text: Option<String> = row.try_get(*at)?;
                let read = |text: String| {
                    Self::parse(&text).ok_or_else(|| unreadable(&text, "moment in UTC"))
                };
                text.map(read).transpose()
            }
        }
    }

    fn literal(&self, dialect: Dialect) -> String {
        match dialect {
            Dialect::Postgres => format!("'{}'::timestamptz", self.text()),
            Dialect::Sqlite => format!("'{}'", self.text()),
        }
    }

    fn sort_key(column: &str, dialect: Dialect) -> (String, Read) {
        match dialect {
            Dialect::Postgres => (
                format!("(extract(epoch FROM {column}) * 1000000)::bigint"),
                Read::Int,
            ),
            Dialect::Sqlite => (column.to_owned(), Read::Text),
        }
    }
}

impl Primitive for Days {}

impl Wire for Days {
    const POSTGRES: &'static str = "date";
    const SQLITE: &'static str = "TEXT";

    fn encode(value: Option<Self>, to: &mut Arguments) -> Result<(), BoxDynError> {
        match to {
            #[cfg(feature = "postgres")]
            Arguments::Postgres(to) => to.add(value.map(|date| crate::store::PgDays(date.0))),
            #[cfg(feature = "sqlite")]
            Arguments::Sqlite(to) => to.add(value.map(Self::text)),
        }
    }

    fn decode(from: &Cell<'_>) -> Result<Option<Self>, sqlx::Error> {
        match from {
            #[cfg(feature = "postgres")]
            Cell::Postgres(row, at) => {
                let days: Option<crate::store::PgDays> = row.try_get(*at)?;
                Ok(days.map(|days| Self(days.0)))
            }
            #[cfg(feature = "sqlite")]
            Cell::Sqlite(row, at) => {
                let text: Option<String> = row.try_get(*at)?;
                let read =
                    |text: String| Self::parse(&text).ok_or_else(|| unreadable(&text, "date"));
                text.map(read).transpose()
            }
        }
    }

    fn literal(&self, dialect: Dialect) -> String {
        match dialect {
            Dialect::Postgres => format!("'{}'::date", self.text()),
            Dialect::Sqlite => format!("'{}'", self.text()),
        }
    }

    fn sort_key(column: &str, dialect: Dialect) -> (String, Read) {
        match dialect {
            Dialect::Postgres => (
                format!("({column} - '1970-01-01'::date)::bigint"),
                Read::Int,
            ),
            Dialect::Sqlite => (column.to_owned(), Read::Text),
        }
    }
}

impl Primitive for Bits128 {}

impl Wire for Bits128 {
    const POSTGRES: &'static str = "uuid";
    const SQLITE: &'static str = "BLOB";

    fn encode(value: Option<Self>, to: &mut Arguments) -> Result<(), BoxDynError> {
        match to {
            #[cfg(feature = "postgres")]
            Arguments::Postgres(to) => to.add(value.map(|bits| crate::store::PgBits128(bits.0))),
            #[cfg(feature = "sqlite")]
            Arguments::Sqlite(to) => to.add(value.map(|bits| bits.0.to_vec())),
        }
    }

    fn decode(from: &Cell<'_>) -> Result<Option<Self>, sqlx::Error> {
        match from {
            #[cfg(feature = "postgres")]
            Cell::Postgres(row, at) => {
                let bits: Option<crate::store::PgBits128> = row.try_get(*at)?;
                Ok(bits.map(|bits| Self(bits.0)))
            }
            #[cfg(feature = "sqlite")]
            Cell::Sqlite(row, at) => {
                let bytes: Option<Vec<u8>> = row.try_get(*at)?;
                let bits = bytes.map(<[u8; 16]>::try_from).transpose();
                let bits = bits.map_err(|bytes| {
                    unreadable(&hex(&bytes, Dialect::Sqlite), "value of 16 bytes")
                })?;
                Ok(bits.map(Self))
            }
        }
    }

    fn literal(&self, dialect: Dialect) -> String {
        match dialect {
            Dialect::Postgres => format!(
                "'{}'::uuid",
                hex(&self.0, Dialect::Sqlite).trim_matches(['X', '\''])
            ),
            Dialect::Sqlite => hex(&self.0, dialect),
        }
    }

    fn sort_key(column: &str, dialect: Dialect) -> (String, Read) {
        match dialect {
            Dialect::Postgres => (format!("{column}::text"), Read::Text),
            Dialect::Sqlite => (format!("hex({column})"), Read::Text),
        }
    }
}

#[cfg(feature = "rust_decimal")]
impl Primitive for rust_decimal::Decimal {}

#[cfg(feature = "rust_decimal")]
impl Wire for rust_decimal::Decimal {
    const POSTGRES: &'static str = "numeric";
    const SQLITE: &'static str = "TEXT";
    const SQLITE_ORDER: Option<&'static str> = Some("REAL");

    fn encode(value: Option<Self>, to: &mut Arguments) -> Result<(), BoxDynError> {
        match to {
            #[cfg(feature = "postgres")]
            Arguments::Postgres(to) => to.add(value),
            #[cfg(feature = "sqlite")]
            Arguments::Sqlite(to) => to.add(value.map(|decimal| decimal.normalize().to_string())),
        }
    }

    fn decode(from: &Cell<'_>) -> Result<Option<Self>, sqlx::Error> {
        match from {
            #[cfg(feature = "postgres")]
            Cell::Postgres(row, at) => row.try_get(*at),
            #[cfg(feature = "sqlite")]
            Cell::Sqlite(row, at) => {
                let text: Option<String> = row.try_get(*at)?;
                let read = |text: String| text.parse().map_err(|_| unreadable(&text, "decimal"));
                text.map(read).transpose()
            }
        }
    }

    fn literal(&self, dialect: Dialect) -> String {
        match dialect {
            Dialect::Postgres => format!("'{self}'::numeric"),
            Dialect::Sqlite => format!("'{}'", self.normalize()),
        }
    }

    fn sort_key(column: &str, dialect: Dialect) -> (String, Read) {
        match dialect {
            Dialect::Postgres => as_float(column, dialect),
            Dialect::Sqlite => (format!("CAST({column} AS REAL)"), Read::Float),
        }
    }
}
