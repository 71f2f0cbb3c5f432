//! How the value of an own column gets into the database and back: three ways, of which the attribute of the field chooses
//! one.

use std::fmt;

use serde::Serialize;
use serde::de::DeserializeOwned;
use sqlx::error::BoxDynError;
#[cfg(feature = "postgres")]
use sqlx::types::Json;
use sqlx::{Arguments as _, Row as _};

use super::types::primitive::Wire;
use super::types::{ColumnType, quoted};
use crate::query::Read;
use crate::store::{Arguments, Cell, Dialect, Driven};

/// The way of types that implement [`ColumnType`]: the default.
#[derive(Debug, Clone, Copy)]
pub enum Native {}

/// The way of types that implement sqlx's `Type`, `Encode` and `Decode`: `#[stripe(sql_type = "…")]`.
#[derive(Debug, Clone, Copy)]
pub enum Sqlx {}

/// The way of types that implement serde's traits, as JSON: `#[stripe(json)]`.
#[derive(Debug, Clone, Copy)]
pub enum AsJson {}

/// A way for values of type `T`. The library has all there are.
#[diagnostic::on_unimplemented(
    message = "a column cannot hold a `{T}` in this way",
    label = "no type of a column",
    note = "types with sqlx's `Type`, `Encode` and `Decode` say their SQL type: `#[stripe(sql_type = \"…\")]`; types with \
            serde's traits are `#[stripe(json)]`; others implement `stripe_store::extended::ColumnType`; what may be NULL \
            is written as `Option<…>`"
)]
pub trait Codec<T>: 'static {
    #[doc(hidden)]
    fn encode(value: Option<&T>, to: &mut Arguments) -> Result<(), BoxDynError>;

    #[doc(hidden)]
    fn decode(from: &Cell<'_>) -> Result<Option<T>, sqlx::Error>;
}

/// A way that knows the column's type by itself.
pub trait Typed<T>: Codec<T> {
    #[doc(hidden)]
    const POSTGRES: &'static str;

    #[doc(hidden)]
    const SQLITE: &'static str;
}

/// A way in which values can be compared with a column.
#[diagnostic::on_unimplemented(
    message = "a column of type `{T}` cannot be compared",
    note = "columns of JSON have no equal, and those of sqlx's types need `Debug`"
)]
pub trait Compares<T>: Codec<T> {
    /// What PostgreSQL calls the values' type; `unknown` where it is to find out.
    #[doc(hidden)]
    const PARAMETER: &'static str;

    /// What SQLite has to make of the column before it can say which is less.
    #[doc(hidden)]
    const SQLITE_ORDER: Option<&'static str> = None;

    /// The value for people, and for telling queries apart.
    #[doc(hidden)]
    fn literal(value: &T, dialect: Dialect) -> String;
}

/// A way in which values have an order.
#[diagnostic::on_unimplemented(
    message = "columns of type `{T}` have no order",
    note = "those of the types of `ColumnType` do"
)]
pub trait Orders<T>: Compares<T> {
    #[doc(hidden)]
    fn sort_key(column: &str, dialect: Dialect) -> (String, Read);
}

impl<T: ColumnType> Codec<T> for Native {
    fn encode(value: Option<&T>, to: &mut Arguments) -> Result<(), BoxDynError> {
        Wire::encode(value.map(T::to_stored).transpose()?, to)
    }

    fn decode(from: &Cell<'_>) -> Result<Option<T>, sqlx::Error> {
        let stored = <T::Stored as Wire>::decode(from)?;
        stored
            .map(T::from_stored)
            .transpose()
            .map_err(sqlx::Error::Decode)
    }
}

impl<T: ColumnType> Typed<T> for Native {
    const POSTGRES: &'static str = <T::Stored as Wire>::POSTGRES;
    const SQLITE: &'static str = <T::Stored as Wire>::SQLITE;
}

impl<T: ColumnType> Compares<T> for Native {
    const PARAMETER: &'static str = <T::Stored as Wire>::POSTGRES;
    const SQLITE_ORDER: Option<&'static str> = <T::Stored as Wire>::SQLITE_ORDER;

    fn literal(value: &T, dialect: Dialect) -> String {
        // What cannot be stored fails when it is sent.
        value
            .to_stored()
            .map_or_else(|_| "NULL".to_owned(), |stored| stored.literal(dialect))
    }
}

impl<T: ColumnType> Orders<T> for Native {
    fn sort_key(column: &str, dialect: Dialect) -> (String, Read) {
        <T::Stored as Wire>::sort_key(column, dialect)
    }
}

impl<T: Serialize + DeserializeOwned + Send> Codec<T> for AsJson {
    fn encode(value: Option<&T>, to: &mut Arguments) -> Result<(), BoxDynError> {
        match to {
            #[cfg(feature = "postgres")]
            Arguments::Postgres(to) => to.add(value.map(Json)),
            #[cfg(feature = "sqlite")]
            Arguments::Sqlite(to) => {
                let text = value.map(serde_json::to_string).transpose()?;
                to.add(text)
            }
        }
    }

    fn decode(from: &Cell<'_>) -> Result<Option<T>, sqlx::Error> {
        match from {
            #[cfg(feature = "postgres")]
            Cell::Postgres(row, at) => {
                let json: Option<Json<T>> = row.try_get(*at)?;
                Ok(json.map(|json| json.0))
            }
            #[cfg(feature = "sqlite")]
            Cell::Sqlite(row, at) => {
                let text: Option<&str> = row.try_get(*at)?;
                let value = text.map(serde_json::from_str).transpose();
                value.map_err(|error| sqlx::Error::Decode(Box::new(error)))
            }
        }
    }
}

impl<T: Serialize + DeserializeOwned + Send> Typed<T> for AsJson {
    const POSTGRES: &'static str = "jsonb";
    const SQLITE: &'static str = "TEXT";
}

impl<T: Driven> Codec<T> for Sqlx {
    fn encode(value: Option<&T>, to: &mut Arguments) -> Result<(), BoxDynError> {
        match to {
            #[cfg(feature = "postgres")]
            Arguments::Postgres(to) => to.add(value),
            #[cfg(feature = "sqlite")]
            Arguments::Sqlite(to) => to.add(value),
        }
    }

    fn decode(from: &Cell<'_>) -> Result<Option<T>, sqlx::Error> {
        match from {
            #[cfg(feature = "postgres")]
            Cell::Postgres(row, at) => row.try_get(*at),
            #[cfg(feature = "sqlite")]
            Cell::Sqlite(row, at) => row.try_get(*at),
        }
    }
}

impl<T: Driven + fmt::Debug> Compares<T> for Sqlx {
    const PARAMETER: &'static str = "unknown";

    fn literal(value: &T, _: Dialect) -> String {
        quoted(&format!("{value:?}"))
    }
}
