//! Queries for extended models: own columns and fields of the object, in one statement.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use futures_util::stream::Stream;

use super::StripeModel;
use super::filter::{ModelFilter, ModelOrder};
use crate::query::fetch::{self, Fetch};
use crate::query::{Node, Plan, Query};
use crate::store::{
    Cursor, Extension, FoundModel, Place, SortKey, Sql, Store, StoreError, TransactionMut, names,
};

/// A question for rows of the model `M`; nothing is asked before one of the methods at its end, which take the store.
///
/// Order, limits, cursors and deleted objects are as in [`Query`].
///
/// One statement joins the two tables. A condition on a column with an `index` or on a `unique` one, or on one of the
/// object's fields that an index serves, leads to the rows; see [`Query`] for those.
///
/// Its `Debug` shows no values.
#[must_use = "call `fetch_all`, `first`, `page`, `stream`, … to ask"]
pub struct ModelQuery<M> {
    plan: Plan,
    limit: Option<usize>,
    after: Option<Cursor>,
    with_deleted: bool,
    model: PhantomData<fn() -> M>,
}

/// A page of models.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ModelPage<M> {
    /// The models in their order.
    pub data: Vec<M>,
    /// Where the next page begins; `None` at the end.
    pub next: Option<Cursor>,
}

impl<M: StripeModel> ModelQuery<M> {
    pub(super) fn new() -> Self {
        Self {
            plan: Plan::new(names::<M::Object>().map(Cow::Borrowed).collect()),
            limit: None,
            after: None,
            with_deleted: false,
            model: PhantomData,
        }
    }

    /// Adds a condition, on an own column or on a field of the object. All of them have to hold.
    pub fn filter(mut self, filter: impl Into<ModelFilter<M>>) -> Self {
        self.plan.filter.push(filter.into().node);
        self
    }

    pub(super) fn of_id(mut self, id: &str) -> Self {
        self.plan.filter.push(Node::id(id));
        self
    }

    /// Sorts by an own column or a field of the object, after those given before. Default: by the object's `created`, the
    /// newest first.
    pub fn order_by(mut self, order: impl Into<ModelOrder<M>>) -> Self {
        self.plan.order.push(order.into().key);
        self
    }

    /// How many to fetch at most. Default: on a page 10, elsewhere all.
    ///
    /// A page has at most [`Query::MAX_LIMIT`], which is 1000.
    pub fn limit(mut self, limit: usize) -> Self {
        self.limit = Some(limit);
        self
    }

    /// Goes on where a page ended. Default: from the beginning of the order.
    pub fn after(mut self, cursor: &Cursor) -> Self {
        self.after = Some(cursor.clone());
        self
    }

    /// Finds rows of deleted objects as well. Default: left out, unless the store handle
    /// [includes them](Store::including_deleted).
    pub fn including_deleted(mut self) -> Self {
        self.with_deleted = true;
        self
    }

    /// The statement of [`fetch_all`](Self::fetch_all), and its parameters.
    ///
    /// # Errors
    ///
    /// [`Cursor`](StoreError::Cursor) when the cursor is of another query.
    pub fn to_sql(&self, store: &Store) -> Result<Sql, StoreError> {
        let Asked { query, .. } = self.on(store);
        let keys = store.sort_keys(&self.plan);
        let place = query.place(&keys)?;
        let extension = Extension::of::<M>();
        Ok(query
            .store
            .model_sql(&extension, &self.plan, &keys, place.as_ref(), self.limit))
    }

    /// How many rows fulfil the conditions. The limit and the cursor do not count.
    ///
    /// # Errors
    ///
    /// As [`fetch_all`](Self::fetch_all).
    pub async fn count(&self, store: &Store) -> Result<u64, StoreError> {
        let Asked { query, .. } = self.on(store);
        let extension = Extension::of::<M>();
        query.store.model_count(&extension, &self.plan, None).await
    }

    /// Whether a row fulfils the conditions. The limit and the cursor do not count.
    ///
    /// # Errors
    ///
    /// As [`fetch_all`](Self::fetch_all).
    pub async fn exists(&self, store: &Store) -> Result<bool, StoreError> {
        let Asked { query, .. } = self.on(store);
        let extension = Extension::of::<M>();
        let found = query.store.model_count(&extension, &self.plan, Some(1));
        Ok(found.await? > 0)
    }

    /// Every row, up to the limit, in one statement. All of them are in memory at once.
    ///
    /// # Errors
    ///
    /// [`Cursor`](StoreError::Cursor) when the cursor is of another query, account or mode;
    /// [`Database`](StoreError::Database) when the query fails, [`NotMigrated`](crate::store::ModelError::NotMigrated) when
    /// the model's table is not there; [`Row`](StoreError::Row) when a row holds what the struct cannot.
    pub async fn fetch_all(&self, store: &Store) -> Result<Vec<M>, StoreError> {
        fetch::all(&self.on(store)).await
    }

    /// The first row in the order; `None` if there is none.
    ///
    /// # Errors
    ///
    /// As [`fetch_all`](Self::fetch_all).
    pub async fn first(&self, store: &Store) -> Result<Option<M>, StoreError> {
        fetch::first(&self.on(store)).await
    }

    /// The only row that fulfils the conditions. The limit, the order and the cursor do not count.
    ///
    /// # Errors
    ///
    /// [`NoneFound`](StoreError::NoneFound) and [`SeveralFound`](StoreError::SeveralFound) when there is not one;
    /// else as [`fetch_all`](Self::fetch_all).
    pub async fn one(&self, store: &Store) -> Result<M, StoreError> {
        fetch::one(&self.on(store)).await
    }

    /// Any row.
    pub(super) async fn any(&self, store: &Store) -> Result<Option<M>, StoreError> {
        let asked = self.on(store);
        let found = asked.fetch(&[], None, Some(1)).await?.pop();
        found.map(|found| asked.read(found)).transpose()
    }

    /// As [`fetch_all`](Self::fetch_all), in the caller's transaction: with what that has written, and nothing committed.
    ///
    /// # Errors
    ///
    /// As [`fetch_all`](Self::fetch_all), and [`OtherDatabase`](StoreError::OtherDatabase).
    pub async fn fetch_all_in<'t>(
        &self,
        store: &Store,
        transaction: impl Into<TransactionMut<'t>> + Send,
    ) -> Result<Vec<M>, StoreError> {
        let transaction = transaction.into();
        store.fits(&transaction)?;
        let asked = self.on(store);
        let Query { store, plan, .. } = &asked.query;
        let keys = store.sort_keys(plan);
        let place = asked.query.place(&keys)?;
        let found = store
            .query_models(Some(transaction), plan, &keys, place.as_ref(), self.limit)
            .await?;
        found.into_iter().map(|found| asked.read(found)).collect()
    }

    /// A page, and the cursor of the next one. Ten rows, unless [`limit`](Self::limit) says otherwise.
    ///
    /// # Errors
    ///
    /// [`Limit`](StoreError::Limit) when the limit is 0 or over [`Query::MAX_LIMIT`]; else as
    /// [`fetch_all`](Self::fetch_all).
    pub async fn page(&self, store: &Store) -> Result<ModelPage<M>, StoreError> {
        let (data, next) = fetch::page(&self.on(store)).await?;
        Ok(ModelPage { data, next })
    }

    /// The rows one after the other, up to the limit, of which 500 at most are in memory, as [`Query::stream`].
    ///
    /// # Errors
    ///
    /// Items are errors as those of [`fetch_all`](Self::fetch_all), which end the stream, but for
    /// [`Row`](StoreError::Row).
    ///
    /// # Cancellation
    ///
    /// Dropping the stream, or a future of its next item, leaves nothing behind.
    pub fn stream(
        &self,
        store: &Store,
    ) -> impl Stream<Item = Result<M, StoreError>> + Send + Unpin + use<M> {
        fetch::stream(self.on(store))
    }

    fn on(&self, store: &Store) -> Asked<M> {
        let store = if self.with_deleted {
            store.including_deleted()
        } else {
            store.clone()
        };
        Asked {
            query: Query::with_plan(&store, self.plan.clone(), self.limit, self.after.clone()),
            model: PhantomData,
        }
    }
}

/// A query with its store.
struct Asked<M: StripeModel> {
    /// Conditions, order, limit and cursor, with those of own columns among them.
    query: Query<M::Object>,
    model: PhantomData<fn() -> M>,
}

impl<M: StripeModel> Fetch for Asked<M> {
    type Object = M::Object;
    type Found = FoundModel<M>;
    type Item = M;

    const STREAM_ROWS: usize = 500;

    fn query(&self) -> &Query<M::Object> {
        &self.query
    }

    async fn fetch(
        &self,
        keys: &[SortKey],
        place: Option<&Place>,
        limit: Option<usize>,
    ) -> Result<Vec<FoundModel<M>>, StoreError> {
        let Query { store, plan, .. } = &self.query;
        store.query_models(None, plan, keys, place, limit).await
    }

    fn place(found: &FoundModel<M>) -> &Place {
        &found.found.place
    }

    fn read(&self, found: FoundModel<M>) -> Result<M, StoreError> {
        self.query.store.read_model(found)
    }
}

impl<M> Clone for ModelQuery<M> {
    fn clone(&self) -> Self {
        Self {
            plan: self.plan.clone(),
            limit: self.limit,
            after: self.after.clone(),
            with_deleted: self.with_deleted,
            model: PhantomData,
        }
    }
}

impl<M: StripeModel> fmt::Debug for ModelQuery<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ModelQuery")
            .field("table", &M::TABLE)
            .field("filters", &self.plan.filter.len())
            .field("order", &self.plan.order())
            .field("limit", &self.limit)
            .finish_non_exhaustive()
    }
}
