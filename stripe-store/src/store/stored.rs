//! A row, read: the view of the object, the exact text, and what the table knows besides.

use std::fmt;
use std::ops::Deref;

use serde::de::DeserializeOwned;
use serde::{Serialize, Serializer};
use serde_json::Value;
use serde_json::value::RawValue;

use super::error::{ObjectRef, RowError, StoreError};
use super::scope::{AccountId, Mode, Scope};
use super::snapshot::{Interval, Source, is_of_type};
use super::text;
use crate::clock::UnixMillis;
use crate::view::{AnyObject, Resource, View};

/// An object out of the table: the view of it, through `Deref`, and its row.
///
/// The methods here are of the row. Where the view has one of the same name, such as `livemode`, which an object need
/// not say, or `account` of a bank account, [`view`](Self::view) leads to the view's.
///
/// Serialises as the object's JSON. `Debug` shows the row and no data.
#[derive(Clone)]
pub struct Stored<T> {
    view: T,
    json: Box<str>,
    row: Row,
}

impl<T> Stored<T> {
    /// The view of the object, which `Deref` gives too.
    pub fn view(&self) -> &T {
        &self.view
    }

    /// The view of the object, on its own.
    pub fn into_inner(self) -> T {
        self.view
    }

    /// What the table knows of the object besides its data.
    pub fn row(&self) -> &Row {
        &self.row
    }

    /// The connected account that owns the object, or `None` for the account that the API key belongs to.
    pub fn account(&self) -> Option<&str> {
        self.row.account()
    }

    /// Whether the object is in live mode, by its own word or, where it says nothing, by that of what brought it.
    pub fn livemode(&self) -> bool {
        self.row.mode.is_live()
    }

    /// The API version that rendered the data, where known.
    pub fn api_version(&self) -> Option<&str> {
        self.row.api_version()
    }

    /// The interval of Stripe's clock in which the data was taken.
    pub fn as_of(&self) -> Interval {
        self.row.as_of
    }

    /// Whether the object was deleted at Stripe. Its data is then the last that was seen of it.
    pub fn is_deleted(&self) -> bool {
        self.row.deleted_at.is_some()
    }

    /// When the object was deleted, by Stripe's clock; `None` if it was not. The earliest moment it may have been,
    /// which for an event is the start of its second.
    pub fn deleted_at(&self) -> Option<UnixMillis> {
        self.row.deleted_at
    }

    /// When the row was made, by the store's clock.
    pub fn created_at(&self) -> UnixMillis {
        self.row.created_at
    }

    /// When the row's data last changed, or the object was deleted, by the store's clock.
    pub fn updated_at(&self) -> UnixMillis {
        self.row.updated_at
    }

    /// The exact text that the database holds. Numbers past `f64` are in it unrounded.
    ///
    /// SQLite keeps Stripe's own text; PostgreSQL's `jsonb` keeps its value, with keys in another order, without spaces
    /// and repeated keys, and with numbers written out (`1e2` is `100`).
    ///
    /// After an [expansion](super::Store::expand) it is that text with the objects' texts in the place of their ids,
    /// and the rest untouched.
    pub fn json(&self) -> &str {
        &self.json
    }

    /// Reads the object into a type of the caller's, from [`json`](Self::json).
    ///
    /// # Errors
    ///
    /// Whatever `U` does not accept.
    pub fn deserialize<U: DeserializeOwned>(&self) -> Result<U, serde_json::Error> {
        serde_json::from_str(&self.json)
    }
}

impl<T: View> Stored<T> {
    /// Reads a row. `table` is named when it cannot be read.
    pub(crate) fn read(raw: RawRow, table: &str) -> Result<Self, StoreError> {
        let fail = |column, source| StoreError::Row {
            table: table.to_owned(),
            column,
            object: ObjectRef::one(&raw.object, &raw.stripe_id),
            source,
        };
        let value =
            text::to_value(&raw.data).map_err(|source| fail("data", RowError::Data { source }))?;
        let as_of = Interval::new(UnixMillis::new(raw.as_of), UnixMillis::new(raw.as_of_until))
            .map_err(|_| fail("as_of_until", RowError::Interval))?;
        let time =
            |column, time: RawTime| time.map_err(|text| fail(column, RowError::Time { text }));
        let row = Row {
            deleted_at: raw
                .deleted_at
                .clone()
                .map(|at| time("deleted_at", at))
                .transpose()?,
            created_at: time("created_at", raw.created_at.clone())?,
            updated_at: time("updated_at", raw.updated_at.clone())?,
            account: (!raw.account.is_empty()).then(|| AccountId::from(raw.account)),
            mode: Mode::from_livemode(raw.livemode),
            object: raw.object,
            stripe_id: raw.stripe_id,
            api_version: raw.api_version,
            as_of,
            source: Source::from(raw.source),
        };
        Ok(Self {
            view: T::from_value(value),
            json: raw.data.into_boxed_str(),
            row,
        })
    }
}

impl<T: View> Stored<T> {
    /// Puts other data in, as text and as the tree that was read from it.
    pub(super) fn put(&mut self, json: String, value: Value) {
        self.view = T::from_value(value);
        self.json = json.into_boxed_str();
    }
}

impl Stored<AnyObject> {
    /// The row seen through the view of type `T`, or back as it was if the object is of another type.
    ///
    /// # Errors
    ///
    /// The row itself, unchanged, when its type is none of the names that `T` has been sent under.
    #[expect(
        clippy::result_large_err,
        reason = "the error is the value itself, given back"
    )]
    pub fn downcast<T: Resource>(self) -> Result<Stored<T>, Self> {
        if !is_of_type::<T>(&self.row.object) {
            return Err(self);
        }
        Ok(Stored {
            view: T::from_value(self.view.data().clone()),
            json: self.json,
            row: self.row,
        })
    }
}

impl<T> Deref for Stored<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.view
    }
}

impl<T> AsRef<T> for Stored<T> {
    fn as_ref(&self) -> &T {
        &self.view
    }
}

impl<T> fmt::Debug for Stored<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stored")
            .field("row", &self.row)
            .finish_non_exhaustive()
    }
}

/// The object's JSON, as [`json`](Stored::json) gives it.
impl<T> Serialize for Stored<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let raw: &RawValue = serde_json::from_str(&self.json).map_err(serde::ser::Error::custom)?;
        raw.serialize(serializer)
    }
}

/// The columns of a row but its data.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Row {
    account: Option<AccountId>,
    mode: Mode,
    object: String,
    stripe_id: String,
    api_version: Option<String>,
    as_of: Interval,
    source: Source,
    deleted_at: Option<UnixMillis>,
    created_at: UnixMillis,
    updated_at: UnixMillis,
}

impl Row {
    /// The account and mode that the object is of.
    pub fn scope(&self) -> Scope {
        let scope = Scope::default().with_mode(self.mode);
        match &self.account {
            Some(account) => scope.with_account(account),
            None => scope,
        }
    }

    /// The connected account that owns the object, or `None` for the account that the API key belongs to.
    pub fn account(&self) -> Option<&str> {
        self.account.as_ref().map(AccountId::as_str)
    }

    /// Live or test mode.
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// Stripe's name of the type.
    pub fn object(&self) -> &str {
        &self.object
    }

    /// Stripe's id, or the name of the type for what exists once and has none.
    pub fn stripe_id(&self) -> &str {
        &self.stripe_id
    }

    /// The API version that rendered the data, where known.
    pub fn api_version(&self) -> Option<&str> {
        self.api_version.as_deref()
    }

    /// The interval of Stripe's clock in which the data was taken.
    pub fn as_of(&self) -> Interval {
        self.as_of
    }

    /// What brought the data.
    pub fn source(&self) -> &Source {
        &self.source
    }

    /// When the object was deleted, by Stripe's clock; `None` if it was not.
    pub fn deleted_at(&self) -> Option<UnixMillis> {
        self.deleted_at
    }

    /// When the row was made, by the store's clock.
    pub fn created_at(&self) -> UnixMillis {
        self.created_at
    }

    /// When the row's data last changed, or the object was deleted, by the store's clock.
    pub fn updated_at(&self) -> UnixMillis {
        self.updated_at
    }
}

/// A row as a driver gives it.
#[derive(Debug, Clone)]
pub(crate) struct RawRow {
    pub(crate) account: String,
    pub(crate) livemode: bool,
    pub(crate) object: String,
    pub(crate) stripe_id: String,
    pub(crate) data: String,
    pub(crate) api_version: Option<String>,
    pub(crate) as_of: i64,
    pub(crate) as_of_until: i64,
    pub(crate) source: String,
    pub(crate) deleted_at: Option<RawTime>,
    pub(crate) created_at: RawTime,
    pub(crate) updated_at: RawTime,
}

/// A time as a database gives it: the text, where it is none.
pub(crate) type RawTime = Result<UnixMillis, String>;
