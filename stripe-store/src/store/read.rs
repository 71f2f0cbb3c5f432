//! Reading single objects, some by their ids, and counts.

use std::collections::HashMap;
use std::fmt;

use super::error::{ObjectRef, StoreError};
use super::scope::{AccountId, Mode};
use super::stored::{RawRow, Stored};
use super::{Store, span, with_reader};
use crate::view::{AnyObject, Resource, View};

impl Store {
    /// The object of type `T` with this id, in this handle's account and mode; `None` when there is none, or when it
    /// was deleted and the handle does not [include deleted objects](Self::including_deleted).
    ///
    /// Objects sent under an older name of the type (`file_upload` of [`File`](crate::view::Resource::ALIASES)) are
    /// found too, with one more query.
    ///
    /// # Errors
    ///
    /// [`Database`](StoreError::Database) or [`NotMigrated`](StoreError::NotMigrated) when the query fails,
    /// [`Row`](StoreError::Row) when the row was not written by a store and cannot be read.
    pub async fn get<T: Resource>(&self, id: &str) -> Result<Option<Stored<T>>, StoreError> {
        for object in names::<T>() {
            if let Some(found) = self.get_one(object, id).await? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    /// The object of any type, known to this version or not, by the type's name and its id.
    ///
    /// ```no_run
    /// # async fn example(store: stripe_store::Store) -> Result<(), stripe_store::store::StoreError> {
    /// let balance = store.get_object("balance", "balance").await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get).
    pub async fn get_object(
        &self,
        object: &str,
        id: &str,
    ) -> Result<Option<Stored<AnyObject>>, StoreError> {
        self.get_one(object, id).await
    }

    pub(crate) async fn get_one<T: View>(
        &self,
        object: &str,
        id: &str,
    ) -> Result<Option<Stored<T>>, StoreError> {
        // No stored key has a NUL in it, and PostgreSQL refuses to look for one.
        if object.contains('\0') || id.contains('\0') {
            return Ok(None);
        }
        let span = tracing::debug_span!(
            "stripe_store.get",
            stripe.object = object,
            stripe.id = id,
            duration_ms = tracing::field::Empty
        );
        let row = span::timed(span, async {
            with_reader!(self, database => database.get(&self.scope, object, id, self.deleted).await)
        })
        .await
        .map_err(|source| self.read_error("read", ObjectRef::one(object, id), source))?;
        row.map(|row| self.read_row(row)).transpose()
    }

    /// The objects of type `T` with these ids, in the order of `ids`; those that are not there, or were deleted, are
    /// left out. An id given twice gives its object twice.
    ///
    /// One query, and one more for each older name of the type while ids are missing.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get).
    pub async fn get_many<T: Resource>(
        &self,
        ids: &[impl AsRef<str> + Sync],
    ) -> Result<Vec<Stored<T>>, StoreError> {
        let mut found: HashMap<&str, Option<Stored<T>>> = HashMap::with_capacity(ids.len());
        found.extend(
            ids.iter()
                .map(AsRef::as_ref)
                .filter(|id| !id.contains('\0'))
                .map(|id| (id, None)),
        );
        for object in names::<T>() {
            let mut missing: Vec<&str> = found
                .iter()
                .filter(|(_, stored)| stored.is_none())
                .map(|(id, _)| *id)
                .collect();
            if missing.is_empty() {
                break;
            }
            missing.sort_unstable();
            for row in self.rows_by_id(object, &missing).await? {
                let stored = self.read_row::<T>(row)?;
                if let Some(place) = found.get_mut(stored.row().stripe_id()) {
                    *place = Some(stored);
                }
            }
        }
        Ok(ids
            .iter()
            .filter_map(|id| found.get(id.as_ref()).cloned().flatten())
            .collect())
    }

    /// The rows of one name with these ids, none of which has a NUL in it.
    pub(crate) async fn rows_by_id(
        &self,
        object: &str,
        ids: &[&str],
    ) -> Result<Vec<RawRow>, StoreError> {
        let span = tracing::debug_span!(
            "stripe_store.get_many",
            stripe.object = object,
            ids = ids.len(),
            duration_ms = tracing::field::Empty
        );
        span::timed(span, async {
            with_reader!(self, database => database.get_many(&self.scope, object, ids, self.deleted).await)
        })
        .await
        .map_err(|source| self.read_error("read", ObjectRef::of_type(object), source))
    }

    /// How many rows the table has, by account, mode and type, in this order: every account and both modes, whatever
    /// the handle's scope.
    ///
    /// Reads the whole index; on large tables this takes its time.
    ///
    /// # Errors
    ///
    /// [`Database`](StoreError::Database) or [`NotMigrated`](StoreError::NotMigrated) when the query fails.
    pub async fn counts(&self) -> Result<Vec<TypeCount>, StoreError> {
        let span = tracing::debug_span!("stripe_store.counts", duration_ms = tracing::field::Empty);
        let counts = span::timed(span, async {
            with_reader!(self, database => database.counts().await)
        })
        .await
        .map_err(|source| self.read_error("count", ObjectRef::All, source))?;
        Ok(counts.into_iter().map(TypeCount::from).collect())
    }

    pub(crate) fn read_row<T: View>(&self, row: RawRow) -> Result<Stored<T>, StoreError> {
        Stored::read(row, &self.inner.table)
    }

    pub(crate) fn database_error(
        &self,
        action: &'static str,
        object: ObjectRef,
        source: sqlx::Error,
    ) -> StoreError {
        self.error_on(&self.inner.pool, action, object, source)
    }
}

/// The names that objects of type `T` have been sent under, today's first.
pub(crate) fn names<T: Resource>() -> impl Iterator<Item = &'static str> {
    std::iter::once(T::OBJECT).chain(T::ALIASES.iter().copied())
}

/// How many rows there are of a type, in one account and mode.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct TypeCount {
    /// The connected account, or `None` for the account that the API key belongs to.
    pub account: Option<AccountId>,
    /// Live or test mode.
    pub mode: Mode,
    /// Stripe's name of the type.
    pub object: String,
    /// The rows, those of deleted objects counted.
    pub rows: u64,
    /// The rows of deleted objects.
    pub deleted: u64,
}

/// `live customer: 12 rows, 1 deleted`.
impl fmt::Display for TypeCount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            account,
            mode,
            object,
            rows,
            deleted,
        } = self;
        if let Some(account) = account {
            write!(f, "{account} ")?;
        }
        write!(f, "{mode} {object}: {rows} rows, {deleted} deleted")
    }
}

/// A count as a driver gives it: account, livemode, object, rows, deleted rows.
pub(crate) type RawCount = (String, bool, String, i64, i64);

impl From<RawCount> for TypeCount {
    fn from((account, livemode, object, rows, deleted): RawCount) -> Self {
        Self {
            account: (!account.is_empty()).then(|| AccountId::from(account)),
            mode: Mode::from_livemode(livemode),
            object,
            rows: u64::try_from(rows).unwrap_or(0),
            deleted: u64::try_from(deleted).unwrap_or(0),
        }
    }
}
