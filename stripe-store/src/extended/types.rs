//! What own columns can be: Rust types, and the few types of the databases that these are stored as.
//!
//! Knows the types of columns, and no statement.

use std::borrow::Cow;

use sqlx::error::BoxDynError;

pub use self::moment::{Days, Micros};
pub use self::primitive::Bits128;
use crate::clock::UnixMillis;
use crate::view::{OpenEnum, Timestamp};

mod moment;
pub(super) mod primitive;

/// A type of own columns, stored as one of the [primitives](Primitive).
///
/// | type | PostgreSQL | SQLite |
/// | --- | --- | --- |
/// | `bool` | `boolean` | `INTEGER` |
/// | `i16`, `i32`, `i64` | `smallint`, `integer`, `bigint` | `INTEGER` |
/// | `f32`, `f64` | `real`, `double precision` | `REAL` |
/// | `String` | `text` | `TEXT` |
/// | `Vec<u8>` | `bytea` | `BLOB` |
/// | [`Timestamp`], [`UnixMillis`], `time::OffsetDateTime`, `chrono::DateTime<Utc>`, `jiff::Timestamp` | `timestamptz` | `TEXT`, as `2023-11-14T22:13:20.123456Z` |
/// | `time::Date`, `chrono::NaiveDate`, `jiff::civil::Date` | `date` | `TEXT`, as `2023-11-14` |
/// | `uuid::Uuid` | `uuid` | `BLOB` of 16 bytes |
/// | the generated enums | `text` | `TEXT` |
/// | `rust_decimal::Decimal` | `numeric` | `TEXT`, without zeros at its end; which is less is told to 15 digits |
///
/// Those of other crates come with the feature of the crate's name. Moments have microseconds; what is finer is cut off.
///
/// A type of your own implements it by way of another one:
///
/// ```
/// use stripe_store::extended::ColumnType;
///
/// #[derive(Clone, Copy, PartialEq, Debug)]
/// enum Tier { Free, Gold }
///
/// impl ColumnType for Tier {
///     type Stored = String;
///
///     fn to_stored(&self) -> Result<String, Box<dyn std::error::Error + Send + Sync>> {
///         Ok(match self { Self::Free => "free", Self::Gold => "gold" }.to_owned())
///     }
///
///     fn from_stored(stored: String) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
///         match stored.as_str() {
///             "free" => Ok(Self::Free),
///             "gold" => Ok(Self::Gold),
///             other => Err(format!("no tier: {other}").into()),
///         }
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no type of a column",
    label = "no type of a column",
    note = "types with sqlx's `Type`, `Encode` and `Decode` say their SQL type: `#[stripe(sql_type = \"…\")]`; types with \
            serde's traits are `#[stripe(json)]`; others implement `ColumnType`"
)]
pub trait ColumnType: Sized + Send + Sync + 'static {
    /// What is in the column.
    type Stored: Primitive;

    /// What is stored of the value.
    ///
    /// # Errors
    ///
    /// When there is no such value: a moment past the year 9999.
    fn to_stored(&self) -> Result<Self::Stored, BoxDynError>;

    /// The value of what was stored.
    ///
    /// # Errors
    ///
    /// When the column holds what is no value of the type, written by somebody else.
    fn from_stored(stored: Self::Stored) -> Result<Self, BoxDynError>;
}

/// A type that both databases store: `bool`, `i16`, `i32`, `i64`, `f32`, `f64`, `String`, `Vec<u8>`, moments, days,
/// numbers of 128 bits.
pub trait Primitive: primitive::Wire {}

macro_rules! stored_as_is {
    ($($type:ty),*) => {$(
        impl ColumnType for $type {
            type Stored = Self;

            fn to_stored(&self) -> Result<Self, BoxDynError> {
                Ok(self.clone())
            }

            fn from_stored(stored: Self) -> Result<Self, BoxDynError> {
                Ok(stored)
            }
        }
    )*};
}

stored_as_is!(bool, i16, i32, i64, f32, f64, String, Vec<u8>);

macro_rules! stored_as {
    ($($(#[$cfg:meta])* $type:ty, $stored:ty, $to:expr, $from:expr;)*) => {$(
        $(#[$cfg])*
        impl ColumnType for $type {
            type Stored = $stored;

            fn to_stored(&self) -> Result<$stored, BoxDynError> {
                let to: fn(&$type) -> Result<$stored, BoxDynError> = $to;
                to(self)
            }

            fn from_stored(stored: $stored) -> Result<Self, BoxDynError> {
                let from: fn($stored) -> Result<$type, BoxDynError> = $from;
                from(stored)
            }
        }
    )*};
}

stored_as! {
    UnixMillis, Micros, |at| Micros::new(at.as_millis().saturating_mul(1000)),
        |at| Ok(Self::new(at.get().div_euclid(1000)));
    Timestamp, Micros, |at| Micros::new(at.unix_seconds().saturating_mul(1_000_000)),
        |at| Ok(Self::from_unix_seconds(at.get().div_euclid(1_000_000)));
    #[cfg(feature = "time")]
    time::OffsetDateTime, Micros, |at| Micros::of_wide(at.unix_timestamp_nanos().div_euclid(1000)),
        |at| Ok(Self::from_unix_timestamp_nanos(i128::from(at.get()) * 1000)?);
    #[cfg(feature = "time")]
    time::Date, Days, |date| Days::new(i64::from(date.to_julian_day()) - JULIAN_EPOCH),
        |days| Ok(Self::from_julian_day(i32::try_from(days.get() + JULIAN_EPOCH)?)?);
    #[cfg(feature = "chrono")]
    chrono::DateTime<chrono::Utc>, Micros, |at| Micros::new(at.timestamp_micros()),
        |at| Self::from_timestamp_micros(at.get()).ok_or_else(|| OutOfRange.into());
    #[cfg(feature = "chrono")]
    chrono::NaiveDate, Days,
        |date| Days::new(i64::from(chrono::Datelike::num_days_from_ce(date)) - CE_EPOCH),
        |days| Self::from_num_days_from_ce_opt(i32::try_from(days.get() + CE_EPOCH)?).ok_or_else(|| OutOfRange.into());
    #[cfg(feature = "jiff")]
    jiff::Timestamp, Micros, |at| Micros::of_wide(at.as_nanosecond().div_euclid(1000)),
        |at| Ok(Self::from_microsecond(at.get())?);
    #[cfg(feature = "jiff")]
    jiff::civil::Date, Days, |date| Days::new(i64::from(UNIX_DATE.until(*date)?.get_days())),
        |days| Ok(UNIX_DATE.checked_add(jiff::Span::new().try_days(days.get())?)?);
    #[cfg(feature = "uuid")]
    uuid::Uuid, Bits128, |id| Ok(Bits128(id.into_bytes())), |bits| Ok(Self::from_bytes(bits.0));
}

/// As Stripe spells it.
impl<E: OpenEnum + Send + Sync + 'static> ColumnType for E {
    type Stored = String;

    fn to_stored(&self) -> Result<String, BoxDynError> {
        Ok(self.as_str().to_owned())
    }

    fn from_stored(stored: String) -> Result<Self, BoxDynError> {
        Ok(E::from_text(&stored))
    }
}

/// 1970-01-01 as a Julian day.
#[cfg(feature = "time")]
const JULIAN_EPOCH: i64 = 2_440_588;

/// 1970-01-01 as a day of the common era.
#[cfg(feature = "chrono")]
const CE_EPOCH: i64 = 719_163;

#[cfg(feature = "jiff")]
const UNIX_DATE: jiff::civil::Date = jiff::civil::date(1970, 1, 1);

#[cfg(feature = "rust_decimal")]
impl ColumnType for rust_decimal::Decimal {
    type Stored = Self;

    fn to_stored(&self) -> Result<Self, BoxDynError> {
        Ok(*self)
    }

    fn from_stored(stored: Self) -> Result<Self, BoxDynError> {
        Ok(stored)
    }
}

/// The value is none that both databases can hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not between the years 1 and 9999")]
pub(crate) struct OutOfRange;

/// A text in quotes.
pub(crate) fn quoted(text: &str) -> String {
    let text = if text.contains('\0') {
        Cow::Owned(text.replace('\0', ""))
    } else {
        Cow::Borrowed(text)
    };
    format!("'{}'", text.replace('\'', "''"))
}
