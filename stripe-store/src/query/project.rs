//! Queries for some fields of each object, read into a struct, without the rest of the object.

use std::fmt;
use std::marker::PhantomData;

use futures_util::stream::Stream;

use super::fetch::{self, Fetch};
use super::{Filter, Order, Query, SortKey};
use crate::model::{Column, Projection, Values};
use crate::store::{Asked, Cursor, Place, Sql, Store, StoreError};
use crate::view::View;

impl Store {
    /// Asks for some fields of objects, in this handle's account and mode: those of the struct `P`.
    ///
    /// The objects themselves stay in the database, which hands out the fields alone, in one query for any number of
    /// objects.
    ///
    /// ```
    /// # #[cfg(all(feature = "sqlite", feature = "derive"))]
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
    /// use stripe_store::{Store, StripeModel, resources::Customer};
    ///
    /// #[derive(StripeModel)]
    /// #[stripe(object = Customer)]
    /// struct Contact {
    ///     id: String,
    ///     email: Option<String>,
    ///     #[stripe(path = "metadata.tier")]
    ///     tier: Option<String>,
    /// }
    ///
    /// # let store = Store::connect("sqlite::memory:").await?;
    /// # store.migrate().await?;
    /// let contacts = store
    ///     .project::<Contact>()
    ///     .filter(Customer::EMAIL.is_present())
    ///     .order_by(Customer::EMAIL.asc())
    ///     .fetch_all()
    ///     .await?;
    /// # assert!(contacts.is_empty());
    /// # Ok::<(), stripe_store::store::StoreError>(())
    /// # }).unwrap();
    /// ```
    pub fn project<P: Projection>(&self) -> Project<P> {
        self.query::<P::Object>().project()
    }
}

impl<T: View> Query<T> {
    /// The same question, for some fields of each object: those of the struct `P`.
    pub fn project<P: Projection<Object = T>>(self) -> Project<P> {
        Project {
            query: self,
            columns: P::columns(),
            projection: PhantomData,
        }
    }
}

/// A question for some fields of objects; nothing is asked before one of the methods at its end.
///
/// Order, conditions, limits and cursors are those of [`Query`], with which it shares its cursors.
#[must_use = "call `page`, `fetch_all`, `first`, `stream` to ask"]
pub struct Project<P: Projection> {
    query: Query<P::Object>,
    columns: Vec<Column>,
    projection: PhantomData<fn() -> P>,
}

/// A page of projections.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ProjectedPage<P> {
    /// The structs in their order.
    pub data: Vec<P>,
    /// Where the next page begins; `None` at the end.
    pub next: Option<Cursor>,
}

impl<P: Projection> Project<P> {
    fn with(self, change: impl FnOnce(Query<P::Object>) -> Query<P::Object>) -> Self {
        Self {
            query: change(self.query),
            ..self
        }
    }

    /// Adds a condition on the object, be the field in the struct or not. All of them have to hold.
    pub fn filter(self, filter: Filter<P::Object>) -> Self {
        self.with(|query| query.filter(filter))
    }

    /// Sorts by a field of the object, after those given before. Default: by `created`, the newest first.
    pub fn order_by(self, order: Order<P::Object>) -> Self {
        self.with(|query| query.order_by(order))
    }

    /// How many to fetch at most. Default: on a page 10, elsewhere all.
    pub fn limit(self, limit: usize) -> Self {
        self.with(|query| query.limit(limit))
    }

    /// Goes on where a page ended. Default: from the beginning of the order.
    pub fn after(self, cursor: &Cursor) -> Self {
        self.with(|query| query.after(cursor))
    }

    /// Finds deleted objects as well. Default: left out, unless the store handle
    /// [includes them](Store::including_deleted).
    pub fn including_deleted(self) -> Self {
        self.with(Query::including_deleted)
    }

    /// The statement of [`fetch_all`](Self::fetch_all), and its parameters.
    ///
    /// # Errors
    ///
    /// [`Cursor`](StoreError::Cursor) when the cursor is of another query.
    pub fn to_sql(&self) -> Result<Sql, StoreError> {
        let Query {
            store, plan, limit, ..
        } = &self.query;
        let keys = store.sort_keys(plan);
        let place = self.query.place(&keys)?;
        let asked = Asked::Values(&self.columns);
        Ok(store.query_sql(plan, &keys, place.as_ref(), *limit, asked))
    }

    /// Every one, up to the limit, in one statement. All of them are in memory at once.
    ///
    /// # Errors
    ///
    /// [`Cursor`](StoreError::Cursor) when the cursor is of another query, account or mode;
    /// [`Database`](StoreError::Database) or [`NotMigrated`](StoreError::NotMigrated) when the query fails. What an
    /// object holds is no error: see [`Projection`].
    pub async fn fetch_all(&self) -> Result<Vec<P>, StoreError> {
        fetch::all(self).await
    }

    /// The first in the order; `None` if there is none.
    ///
    /// # Errors
    ///
    /// As [`fetch_all`](Self::fetch_all).
    pub async fn first(&self) -> Result<Option<P>, StoreError> {
        fetch::first(self).await
    }

    /// A page, and the cursor of the next one. Ten, unless [`limit`](Self::limit) says otherwise.
    ///
    /// # Errors
    ///
    /// [`Limit`](StoreError::Limit) when the limit is 0 or over [`Query::MAX_LIMIT`]; else as
    /// [`fetch_all`](Self::fetch_all).
    pub async fn page(&self) -> Result<ProjectedPage<P>, StoreError> {
        let (data, next) = fetch::page(self).await?;
        Ok(ProjectedPage { data, next })
    }

    /// One after the other, up to the limit, of which 1000 at most are in memory, as [`Query::stream`].
    ///
    /// # Errors
    ///
    /// Items are errors as those of [`fetch_all`](Self::fetch_all), which end the stream, but for
    /// [`Row`](StoreError::Row).
    ///
    /// # Cancellation
    ///
    /// Dropping the stream, or a future of its next item, leaves nothing behind.
    pub fn stream(&self) -> impl Stream<Item = Result<P, StoreError>> + Send + Unpin + use<P> {
        fetch::stream(self.clone())
    }
}

/// A row, read, and its place in the order.
#[derive(Debug)]
pub(crate) struct Found<P> {
    place: Place,
    values: Result<P, serde_json::Error>,
}

impl<P: Projection> Fetch for Project<P> {
    type Object = P::Object;
    type Found = Found<P>;
    type Item = P;

    const STREAM_ROWS: usize = 1000;

    fn query(&self) -> &Query<P::Object> {
        &self.query
    }

    /// Rows are read while they come in: the next ones are fetched meanwhile, and their texts need not be kept.
    async fn fetch(
        &self,
        keys: &[SortKey],
        place: Option<&Place>,
        limit: Option<usize>,
    ) -> Result<Vec<Found<P>>, StoreError> {
        let Query { store, plan, .. } = &self.query;
        let mut found = Vec::new();
        let mut each = |place, values: Result<Vec<_>, _>| {
            let values = values.map(|values| P::read(&mut Values::of_row(&values)));
            found.push(Found { place, values });
        };
        store
            .query_values((plan, &self.columns), keys, place, limit, &mut each)
            .await?;
        Ok(found)
    }

    fn place(found: &Found<P>) -> &Place {
        &found.place
    }

    fn read(&self, found: Found<P>) -> Result<P, StoreError> {
        let Found { place, values } = found;
        values.map_err(|source| self.query.store.values_error(&place, source))
    }
}

impl<P: Projection> Clone for Project<P> {
    fn clone(&self) -> Self {
        Self {
            query: self.query.clone(),
            columns: self.columns.clone(),
            projection: PhantomData,
        }
    }
}

impl<P: Projection> fmt::Debug for Project<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Project")
            .field("query", &self.query)
            .field("columns", &self.columns.len())
            .finish_non_exhaustive()
    }
}
