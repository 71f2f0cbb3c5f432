//! Pages of objects, newest first.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::marker::PhantomData;

use super::cursor::{Cursor, Position};
use super::error::{ObjectRef, StoreError};
use super::read::names;
use super::scope::Scope;
use super::stored::{RawRow, Stored};
use super::{Deleted, Store, span, with_reader};
use crate::view::{AnyObject, Resource, View};

/// How many objects a page has when nobody says, as at Stripe.
const DEFAULT_LIMIT: usize = 10;

impl Store {
    /// The objects of type `T` in this handle's account and mode, page by page, newest first.
    ///
    /// ```
    /// # use stripe_store::{AnyObject, Store};
    /// # #[cfg(feature = "sqlite")]
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
    /// # let store = Store::connect("sqlite::memory:").await?;
    /// # store.migrate().await?;
    /// let mut page = store.list_object("customer").limit(100).page().await?;
    /// loop {
    ///     for customer in &page.data {
    ///         println!("{}", customer.json());
    ///     }
    ///     let Some(next) = &page.next else { break };
    ///     page = store.list_object("customer").limit(100).after(next).page().await?;
    /// }
    /// # Ok::<(), stripe_store::store::StoreError>(())
    /// # }).unwrap();
    /// ```
    pub fn list<T: Resource>(&self) -> Listing<T> {
        Listing::new(self, names::<T>().map(Cow::Borrowed).collect())
    }

    /// The objects of any type, known to this version or not, by the type's name; page by page, newest first.
    pub fn list_object(&self, object: &str) -> Listing<AnyObject> {
        Listing::new(self, vec![Cow::Owned(object.to_owned())])
    }
}

/// A list being asked for; [`page`](Self::page) fetches.
///
/// The order is total: `created` descending, then id descending by byte. What has no number in `created` counts as
/// created at 0 and comes last. Both databases serve it from an index, so that a late page costs what the first does.
#[must_use = "call `page` to fetch"]
#[derive(Debug, Clone)]
pub struct Listing<T> {
    store: Store,
    /// The type's names, today's first; there is at least one.
    names: Vec<Cow<'static, str>>,
    limit: usize,
    after: Option<Cursor>,
    view: PhantomData<fn() -> T>,
}

impl<T> Listing<T> {
    /// The most objects that a page can have.
    pub const MAX_LIMIT: usize = 1000;

    fn new(store: &Store, names: Vec<Cow<'static, str>>) -> Self {
        Self {
            store: store.clone(),
            names,
            limit: DEFAULT_LIMIT,
            after: None,
            view: PhantomData,
        }
    }

    /// How many objects a page has: 1 to [`MAX_LIMIT`](Self::MAX_LIMIT), which is 1000. Default: 10.
    pub fn limit(self, limit: usize) -> Self {
        Self { limit, ..self }
    }

    /// Goes on where a page ended, with its [`next`](Page::next). Default: from the newest object on.
    pub fn after(self, cursor: &Cursor) -> Self {
        Self {
            after: Some(cursor.clone()),
            ..self
        }
    }

    /// Lists deleted objects as well. Default: left out, unless the store handle
    /// [includes them](Store::including_deleted).
    pub fn including_deleted(self) -> Self {
        Self {
            store: self.store.including_deleted(),
            ..self
        }
    }

    fn object(&self) -> &str {
        self.names.first().map_or("", |name| name)
    }
}

impl<T: View> Listing<T> {
    /// Fetches a page.
    ///
    /// # Errors
    ///
    /// [`Limit`](StoreError::Limit) when the limit is 0 or over the most; [`Cursor`](StoreError::Cursor) when the
    /// cursor is of another type, account or mode; [`Database`](StoreError::Database) or
    /// [`NotMigrated`](StoreError::NotMigrated) when the query fails; [`Row`](StoreError::Row) when a row was not
    /// written by a store and cannot be read.
    pub async fn page(self) -> Result<Page<T>, StoreError> {
        if self.limit == 0 || self.limit > Self::MAX_LIMIT {
            return Err(StoreError::Limit {
                limit: self.limit,
                max: Self::MAX_LIMIT,
            });
        }
        let object = self.object();
        let after = match &self.after {
            Some(cursor) => Some(cursor.position(&self.store.scope, object)?),
            None => None,
        };
        let span = tracing::debug_span!(
            "stripe_store.list",
            stripe.object = object,
            limit = self.limit,
            duration_ms = tracing::field::Empty
        );
        let mut rows = span::timed(span, self.rows(after))
            .await
            .map_err(|source| {
                self.store
                    .read_error("list", ObjectRef::of_type(object), source)
            })?;
        let has_more = rows.len() > self.limit;
        rows.truncate(self.limit);
        let next = rows
            .last()
            .filter(|_| has_more)
            .map(|last| Cursor::new(&self.store.scope, object, last.position()));
        let data = rows
            .into_iter()
            .map(|row| self.store.read_row(row.row))
            .collect::<Result<_, _>>()?;
        Ok(Page { data, next })
    }

    /// The rows of the page, and one more if there are more.
    async fn rows(&self, after: Option<&Position>) -> Result<Vec<ListedRow>, sqlx::Error> {
        let mut rows = Vec::new();
        for name in self.names.iter().filter(|name| !name.contains('\0')) {
            let query = ListQuery {
                scope: &self.store.scope,
                object: name,
                after: after.map(|position| After {
                    created: position.created,
                    id: &position.id,
                    // Rows of another name with the same time and id come before or after, by name.
                    inclusive: **name < *position.object,
                }),
                // One more than the page has tells whether there is a next one.
                limit: i64::try_from(self.limit + 1).unwrap_or(i64::MAX),
                deleted: self.store.deleted,
            };
            rows.extend(with_reader!(self.store, database => database.list(query).await)?);
        }
        if self.names.len() > 1 {
            rows.sort_by_cached_key(|row| Reverse(row.position()));
        }
        Ok(rows)
    }
}

/// One page of a list or a query.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Page<T> {
    /// The objects in their order: those of a list newest first.
    pub data: Vec<Stored<T>>,
    /// Where the next page begins; `None` when this is the last one.
    pub next: Option<Cursor>,
}

/// What a driver is asked for: rows of one name, newest first.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ListQuery<'a> {
    pub(crate) scope: &'a Scope,
    pub(crate) object: &'a str,
    pub(crate) after: Option<After<'a>>,
    pub(crate) limit: i64,
    pub(crate) deleted: Deleted,
}

impl<'a> ListQuery<'a> {
    /// The place that the rows come after, which is past every row on the first page.
    pub(crate) fn after(&self) -> After<'a> {
        self.after.unwrap_or(After {
            created: i64::MAX,
            id: "",
            inclusive: false,
        })
    }
}

/// A place in the list of one name.
#[derive(Debug, Clone, Copy)]
pub(crate) struct After<'a> {
    pub(crate) created: i64,
    pub(crate) id: &'a str,
    /// Whether a row in this very place is still to come.
    pub(crate) inclusive: bool,
}

/// A row of a list, with the time it is sorted by.
#[derive(Debug)]
pub(crate) struct ListedRow {
    pub(crate) created: i64,
    pub(crate) row: RawRow,
}

impl ListedRow {
    fn position(&self) -> Position {
        Position {
            created: self.created,
            id: self.row.stripe_id.clone(),
            object: self.row.object.clone(),
        }
    }
}
