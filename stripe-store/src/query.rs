//! Queries: which objects, in which order, and how they come out.
//!
//! A [`Query`] comes from [`Store::query`] and is put together from the path constants of the views
//! (`Subscription::STATUS`), so that the compiler knows what a field can be compared with:
//!
//! ```
//! # #[cfg(feature = "sqlite")]
//! # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
//! use stripe_store::Store;
//! use stripe_store::resources::{Subscription, SubscriptionStatus};
//!
//! # let store = Store::connect("sqlite::memory:").await?;
//! # store.migrate().await?;
//! let page = store
//!     .query::<Subscription>()
//!     .filter(Subscription::STATUS.eq(SubscriptionStatus::Active))
//!     .filter(Subscription::CUSTOMER.eq("cus_1"))
//!     .order_by(Subscription::CREATED.desc())
//!     .limit(50)
//!     .page()
//!     .await?;
//! # assert!(page.data.is_empty() && page.next.is_none());
//! # Ok::<(), stripe_store::store::StoreError>(())
//! # }).unwrap();
//! ```
//!
//! What cannot be compared does not compile. A status is no number:
//!
//! ```compile_fail,E0277
//! use stripe_store::resources::Subscription;
//!
//! let filter = Subscription::STATUS.eq(1);
//! ```
//!
//! nor a status of something else, and no text at that, which could be misspelled:
//!
//! ```compile_fail,E0277
//! use stripe_store::resources::{InvoiceStatus, Subscription};
//!
//! let filter = Subscription::STATUS.eq(InvoiceStatus::Paid);
//! ```
//!
//! ```compile_fail,E0277
//! use stripe_store::resources::Subscription;
//!
//! let filter = Subscription::STATUS.eq("active");
//! ```
//!
//! A name has no size, and an address equals nothing; its fields do:
//!
//! ```compile_fail,E0599
//! use stripe_store::resources::Customer;
//!
//! let filter = Customer::NAME.lt("Ada");
//! ```
//!
//! ```compile_fail,E0308
//! use stripe_store::resources::Customer;
//!
//! let filter = Customer::ADDRESS.eq("Berlin");
//! ```
//!
//! A filter of one resource is none of another, and neither is an order:
//!
//! ```compile_fail,E0308
//! use stripe_store::Store;
//! use stripe_store::resources::{Invoice, Subscription};
//!
//! fn query(store: &Store) {
//!     let query = store.query::<Subscription>().filter(Invoice::CUSTOMER.eq("cus_1"));
//! }
//! ```
//!
//! ```compile_fail,E0308
//! use stripe_store::Store;
//! use stripe_store::resources::{Invoice, Subscription};
//!
//! fn query(store: &Store) {
//!     let query = store.query::<Subscription>().order_by(Invoice::CREATED.asc());
//! }
//! ```
//!
//! Filters see what the getters see, on any document: a field of another type than the API description says has no
//! value. Two corners are the databases' own: a float of more than 15 digits may be read in its last digit otherwise than
//! by the getter, and a number past the range of `f64`, which a view shows as text, is no text to a filter.
//!
//! Knows nothing of SQL, which is the store's, and of what the objects mean.

mod evaluate;
pub(crate) mod fetch;
mod filter;
mod operators;
mod order;
mod plan;
mod project;
mod stream;

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use self::fetch::Fetch as _;
pub(crate) use self::filter::{Comparison, Field, Node, Operand, Read};
pub use self::filter::{Filter, all, any, not};
pub use self::operators::{Comparable, Comparand, Equatable, Filterable, Queryable};
pub(crate) use self::order::{By, Direction, Nulls, OrderKey};
pub use self::order::{Order, RowTime};
pub(crate) use self::plan::Plan;
pub use self::project::{Project, ProjectedPage};
pub use crate::store::Sql;
use crate::store::{Asked, Cursor, Page, Place, SortKey, Store, StoreError, Stored, names};
use crate::view::{AnyObject, Resource, View};

/// How many objects a page has when nobody says, as at Stripe.
const DEFAULT_LIMIT: usize = 10;

impl Store {
    /// Asks for objects of type `T` in this handle's account and mode: see [`query`](crate::query).
    pub fn query<T: Resource>(&self) -> Query<T> {
        Query::new(self, names::<T>().map(Cow::Borrowed).collect())
    }

    /// Asks for objects of any type, known to this version or not, by the type's name.
    ///
    /// ```
    /// # use stripe_store::{AnyObject, Store};
    /// # #[cfg(feature = "sqlite")]
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
    /// use stripe_store::view::{Path, kind::Text};
    ///
    /// const COLOUR: Path<AnyObject, Text> = Path::new("colour");
    /// # let store = Store::connect("sqlite::memory:").await?;
    /// # store.migrate().await?;
    /// let gold = store
    ///     .query_object("loyalty.card")
    ///     .filter(COLOUR.eq("gold"))
    ///     .filter(AnyObject::METADATA.key("shop").is_present());
    /// assert!(!gold.exists().await?);
    /// # Ok::<(), stripe_store::store::StoreError>(())
    /// # }).unwrap();
    /// ```
    pub fn query_object(&self, object: &str) -> Query<AnyObject> {
        Query::new(self, vec![Cow::Owned(object.to_owned())])
    }
}

/// A question to the store; nothing is asked before one of the methods at its end.
///
/// Without an order, objects come newest first, as in lists. Every order is made total by the id, in the direction of
/// the last field, so that each page begins where the one before ended. Deleted objects are left out, unless
/// [asked for](Self::including_deleted).
///
/// A query is served by an index when one of its conditions is on a reference (`customer`, `subscription`, `invoice`,
/// `payment_intent`), `status`, `created`, the id, or a field of [`ensure_index`](Store::ensure_index), or when it is
/// ordered by `created`. Else it reads every object of the type.
///
/// Its `Debug` shows no values.
#[must_use = "call `page`, `fetch_all`, `first`, `stream`, … to ask"]
#[derive(Clone)]
pub struct Query<T> {
    pub(crate) store: Store,
    pub(crate) plan: Plan,
    limit: Option<usize>,
    after: Option<Cursor>,
    view: PhantomData<fn() -> T>,
}

impl<T> Query<T> {
    /// The most objects that a page can have.
    pub const MAX_LIMIT: usize = 1000;

    fn new(store: &Store, names: Vec<Cow<'static, str>>) -> Self {
        Self::with_plan(store, Plan::new(names), None, None)
    }

    pub(crate) fn with_plan(
        store: &Store,
        plan: Plan,
        limit: Option<usize>,
        after: Option<Cursor>,
    ) -> Self {
        Self {
            store: store.clone(),
            plan,
            limit,
            after,
            view: PhantomData,
        }
    }

    /// Adds a condition. All of them have to hold.
    pub fn filter(mut self, filter: Filter<T>) -> Self {
        self.plan.filter.push(filter.node);
        self
    }

    /// Sorts by a field, after those given before. Default: by `created`, the newest first.
    pub fn order_by(mut self, order: Order<T>) -> Self {
        self.plan.order.push(order.key);
        self
    }

    /// How many objects to fetch at most. Default: on a page 10, elsewhere all.
    ///
    /// A page has at most [`MAX_LIMIT`](Self::MAX_LIMIT), which is 1000.
    pub fn limit(mut self, limit: usize) -> Self {
        self.limit = Some(limit);
        self
    }

    /// Goes on where a page ended, with its [`next`](Page::next). Default: from the beginning of the order.
    pub fn after(mut self, cursor: &Cursor) -> Self {
        self.after = Some(cursor.clone());
        self
    }

    /// Finds deleted objects as well. Default: left out, unless the store handle
    /// [includes them](Store::including_deleted).
    pub fn including_deleted(mut self) -> Self {
        self.store = self.store.including_deleted();
        self
    }

    /// The statement of [`fetch_all`](Self::fetch_all), and its parameters.
    ///
    /// ```
    /// # #[cfg(feature = "sqlite")]
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
    /// # use stripe_store::{Store, resources::Customer};
    /// # let store = Store::connect("sqlite::memory:").await?;
    /// let sql = store.query::<Customer>().filter(Customer::EMAIL.eq("ada@example.com")).to_sql()?;
    /// assert!(sql.text().starts_with("SELECT stripe_id, data"));
    /// assert!(!sql.to_string().contains("ada@example.com"));
    /// assert!(sql.with_values().contains("'ada@example.com'"));
    /// # Ok::<(), stripe_store::store::StoreError>(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// [`Cursor`](StoreError::Cursor) when the cursor is of another query.
    pub fn to_sql(&self) -> Result<Sql, StoreError> {
        let keys = self.store.sort_keys(&self.plan);
        let place = self.place(&keys)?;
        Ok(self
            .store
            .query_sql(&self.plan, &keys, place.as_ref(), self.limit, Asked::Row))
    }

    /// How many objects fulfil the conditions. The limit and the cursor do not count.
    ///
    /// # Errors
    ///
    /// [`Database`](StoreError::Database) or [`NotMigrated`](StoreError::NotMigrated) when the query fails.
    pub async fn count(&self) -> Result<u64, StoreError> {
        self.store.query_count(&self.plan, None).await
    }

    /// Whether an object fulfils the conditions. The limit and the cursor do not count.
    ///
    /// # Errors
    ///
    /// As [`count`](Self::count).
    pub async fn exists(&self) -> Result<bool, StoreError> {
        Ok(self.store.query_count(&self.plan, Some(1)).await? > 0)
    }

    fn page_limit(&self) -> Result<usize, StoreError> {
        match self.limit.unwrap_or(DEFAULT_LIMIT) {
            limit if limit == 0 || limit > Self::MAX_LIMIT => Err(StoreError::Limit {
                limit,
                max: Self::MAX_LIMIT,
            }),
            limit => Ok(limit),
        }
    }

    /// What goes on behind a row.
    fn cursor(&self, last: &Place) -> Cursor {
        let fingerprint = self.plan.fingerprint();
        Cursor::of_query(self.store.scope(), self.plan.object(), &fingerprint, last)
    }

    /// Where the cursor, if there is one, says to go on.
    pub(crate) fn place(&self, keys: &[SortKey]) -> Result<Option<Place>, StoreError> {
        let Some(cursor) = &self.after else {
            return Ok(None);
        };
        let fingerprint = self.plan.fingerprint();
        let place = cursor.place(self.store.scope(), self.plan.object(), &fingerprint)?;
        let wanted = keys.iter().filter(|key| key.column().is_some());
        let fits = wanted.clone().count() == place.values.len()
            && wanted
                .zip(&place.values)
                .all(|(key, value)| key.takes(value.as_ref()));
        if fits {
            Ok(Some(place))
        } else {
            Err(crate::store::CursorError::Malformed.into())
        }
    }
}

impl<T: View> Query<T> {
    /// Every object, up to the limit, in one statement.
    ///
    /// All of them are in memory at once: where there may be many, [`stream`](Self::stream).
    ///
    /// # Errors
    ///
    /// [`Cursor`](StoreError::Cursor) when the cursor is of another query, account or mode;
    /// [`Database`](StoreError::Database) or [`NotMigrated`](StoreError::NotMigrated) when the query fails;
    /// [`Row`](StoreError::Row) when a row was not written by a store and cannot be read.
    pub async fn fetch_all(&self) -> Result<Vec<Stored<T>>, StoreError> {
        fetch::all(self).await
    }

    /// The first object in the order; `None` if there is none.
    ///
    /// # Errors
    ///
    /// As [`fetch_all`](Self::fetch_all).
    pub async fn first(&self) -> Result<Option<Stored<T>>, StoreError> {
        fetch::first(self).await
    }

    /// The only object that fulfils the conditions. The limit, the order and the cursor do not count.
    ///
    /// ```
    /// # #[cfg(feature = "sqlite")]
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
    /// # use stripe_store::{Store, resources::Customer};
    /// # let store = Store::connect("sqlite::memory:").await?;
    /// # store.migrate().await?;
    /// let ada = store.query::<Customer>().filter(Customer::EMAIL.eq("ada@example.com"));
    /// match ada.one().await {
    ///     Ok(customer) => println!("{}", customer.id()),
    ///     Err(error) if error.is_not_found() => println!("nobody"),
    ///     Err(error) => return Err(error),
    /// }
    /// # Ok::<(), stripe_store::store::StoreError>(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// [`NoneFound`](StoreError::NoneFound) and [`SeveralFound`](StoreError::SeveralFound) when there is not one;
    /// else as [`fetch_all`](Self::fetch_all).
    pub async fn one(&self) -> Result<Stored<T>, StoreError> {
        fetch::one(self).await
    }

    /// A page, and the cursor of the next one. Ten objects, unless [`limit`](Self::limit) says otherwise.
    ///
    /// The cursor belongs to this query: the same type, account, mode, conditions and order.
    ///
    /// # Errors
    ///
    /// [`Limit`](StoreError::Limit) when the limit is 0 or over the most; else as [`fetch_all`](Self::fetch_all).
    pub async fn page(&self) -> Result<Page<T>, StoreError> {
        let (data, next) = fetch::page(self).await?;
        Ok(Page { data, next })
    }

    /// The object that follows `row` in the order, among those that fulfil the conditions; `None` at the end.
    ///
    /// The place of `row` is that of its data as it was read, be the object changed or gone since. The limit and the
    /// cursor do not count.
    ///
    /// ```
    /// # #[cfg(feature = "sqlite")]
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
    /// # use stripe_store::{Store, resources::Payout};
    /// # let store = Store::connect("sqlite::memory:").await?;
    /// # store.migrate().await?;
    /// let by_arrival = store.query::<Payout>().order_by(Payout::ARRIVAL_DATE.asc());
    /// if let Some(payout) = by_arrival.first().await? {
    ///     let later = by_arrival.next_after(&payout).await?;
    ///     assert!(by_arrival.previous_before(&payout).await?.is_none());
    /// }
    /// # Ok::<(), stripe_store::store::StoreError>(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// As [`fetch_all`](Self::fetch_all).
    pub async fn next_after(&self, row: &Stored<T>) -> Result<Option<Stored<T>>, StoreError> {
        self.neighbour(row, self.store.sort_keys(&self.plan)).await
    }

    /// The object that stands before `row` in the order, among those that fulfil the conditions; `None` at the
    /// beginning. As [`next_after`](Self::next_after).
    ///
    /// # Errors
    ///
    /// As [`fetch_all`](Self::fetch_all).
    pub async fn previous_before(&self, row: &Stored<T>) -> Result<Option<Stored<T>>, StoreError> {
        let mut keys = self.store.sort_keys(&self.plan);
        keys.iter_mut().for_each(SortKey::reverse);
        self.neighbour(row, keys).await
    }

    async fn neighbour(
        &self,
        row: &Stored<T>,
        keys: Vec<SortKey>,
    ) -> Result<Option<Stored<T>>, StoreError> {
        let place = evaluate::place(self.plan.order(), row, self.store.dialect());
        let rows = self
            .store
            .query_rows(&self.plan, &keys, Some(&place), Some(1))
            .await?;
        let found = rows.into_iter().next();
        found.map(|found| self.read(found)).transpose()
    }
}

impl<T> fmt::Debug for Query<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Query")
            .field("store", &self.store)
            .field("object", &self.plan.object())
            .field("filters", &self.plan.filter.len())
            .field("order", &self.plan.order())
            .field("limit", &self.limit)
            .finish_non_exhaustive()
    }
}
