//! What changed in the table since: the feed of those who were not there, or missed something.
//!
//! Rows in the order in which they changed, page by page. Knows of time and of cursors; the SQL is the databases'.

mod cursor;

use std::borrow::Cow;
use std::marker::PhantomData;
use std::time::Duration;

pub use self::cursor::ChangeCursor;
pub(crate) use self::cursor::Place;
use super::error::{ObjectRef, StoreError};
use super::list::Listing;
use super::read::names;
use super::scope::Scope;
use super::sql::IndexPlan;
use super::stored::{RawRow, Stored};
use super::{Store, span, with_database};
use crate::view::{AnyObject, Resource, View};

/// The order of changes, as the index has it. SQLite's times are written so that the order of texts is that of time.
pub(crate) const ORDER: &str = "updated_at, account, livemode, object, stripe_id";

/// How many rows a page has when nobody says.
const DEFAULT_LIMIT: usize = 100;

/// How far back to look again when nobody says.
const DEFAULT_MARGIN: Duration = Duration::from_mins(1);

impl Store {
    /// The objects of type `T` in this handle's account and mode that changed since, in the order of their changes,
    /// page by page; deleted ones, too, whatever the handle shows else.
    ///
    /// An object comes once, as it is now, however often it changed. Changed means that the row was made, got other
    /// data, or that its object was deleted; rows that a [purge](Self::purge) removed do not come.
    ///
    /// # Seen twice, and never not at all
    ///
    /// A row is stamped ([`Stored::updated_at`]) when its write begins, and is there to see when that commits: a little
    /// later, and by another machine's clock. So a reading that begins where the last one ended looks again at the
    /// [margin](ChangedSince::margin) before, 60 s unless told otherwise, and shows what changed in it once more. It
    /// finds every change if no write took longer than the margin, from its call to its commit, and clocks differed by
    /// less than what is left of it. Writes in transactions of the caller's own that stay open for long need more.
    ///
    /// # Cost
    ///
    /// Each page reads the whole table and sorts it, unless there is the index that
    /// [`ensure_changes_index`](Self::ensure_changes_index) makes. Reads where writes go, because a
    /// [reader](Self::with_reader) may be behind by more than the margin.
    ///
    /// ```
    /// use stripe_store::Store;
    /// use stripe_store::clock::UnixMillis;
    /// use stripe_store::resources::Customer;
    /// use stripe_store::store::ChangeCursor;
    ///
    /// # #[cfg(feature = "sqlite")]
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
    /// # let store = Store::connect("sqlite::memory:").await?;
    /// store.migrate().await?;
    /// let mut cursor = ChangeCursor::since(UnixMillis::MIN);
    /// loop {
    ///     let page = store.changed_since::<Customer>(&cursor).limit(500).page().await?;
    ///     for customer in &page.data {
    ///         println!("{} {}", customer.id(), customer.is_deleted());
    ///     }
    ///     // To be kept together with what was done with the rows: the next reading, or the next run, goes on there.
    ///     cursor = page.next;
    ///     if !page.has_more {
    ///         break;
    ///     }
    /// }
    /// let kept = cursor.to_string();
    /// assert_eq!(kept.parse(), Ok(cursor));
    /// # Ok::<(), stripe_store::store::StoreError>(())
    /// # }).unwrap();
    /// ```
    pub fn changed_since<T: Resource>(&self, cursor: &ChangeCursor) -> ChangedSince<T> {
        let objects = names::<T>().map(Cow::Borrowed).collect();
        ChangedSince::new(self, Some((self.scope.clone(), objects)), cursor)
    }

    /// The objects of any type, known to this version or not, by the type's name, that changed since; else as
    /// [`changed_since`](Self::changed_since).
    pub fn changed_object_since(
        &self,
        object: &str,
        cursor: &ChangeCursor,
    ) -> ChangedSince<AnyObject> {
        let objects = vec![Cow::Owned(object.to_owned())];
        ChangedSince::new(self, Some((self.scope.clone(), objects)), cursor)
    }

    /// Every object of every account and both modes that changed since, whatever the handle's scope; else as
    /// [`changed_since`](Self::changed_since). [`Stored::row`] tells which each is.
    pub fn all_changed_since(&self, cursor: &ChangeCursor) -> ChangedSince<AnyObject> {
        ChangedSince::new(self, None, cursor)
    }

    /// Makes the index that [`changed_since`](Self::changed_since) reads, if it is not there: on PostgreSQL beside
    /// writers, which go on meanwhile; on SQLite they wait.
    ///
    /// It is not among the tables' own because every write pays for an index, and only those who catch up need this
    /// one. Any number of processes may call it, at every start. It takes as long as it takes to read the table, and on
    /// PostgreSQL waits for transactions that are open; a timeout for statements does not apply.
    ///
    /// # Errors
    ///
    /// [`Database`](StoreError::Database), [`PoolTimedOut`](StoreError::PoolTimedOut) or
    /// [`NotMigrated`](StoreError::NotMigrated) when the database refuses.
    ///
    /// # Cancellation
    ///
    /// After dropping the future the index may be there, or not, or half made on PostgreSQL, where it costs and is not
    /// used. The next call makes it anew.
    pub async fn ensure_changes_index(&self) -> Result<(), StoreError> {
        let span = tracing::debug_span!(
            "stripe_store.ensure_changes_index",
            duration_ms = tracing::field::Empty
        );
        let tables = &self.inner.tables;
        let name = format!("{}stripe_objects_changed_idx", tables.prefix());
        let plan = IndexPlan {
            qualified: tables.in_schema(&name),
            name,
            table: tables.objects(),
            columns: format!("({ORDER})"),
            is_unique: false,
        };
        span::timed(span, async {
            with_database!(self, database => database.ensure_index(&plan).await)
        })
        .await
        .map_err(|source| self.database_error("index", ObjectRef::All, source))
    }
}

/// Changed rows being asked for; [`page`](Self::page) fetches.
#[must_use = "call `page` to fetch"]
#[derive(Debug, Clone)]
pub struct ChangedSince<T> {
    store: Store,
    wanted: Option<(Scope, Vec<Cow<'static, str>>)>,
    cursor: ChangeCursor,
    limit: usize,
    margin: Duration,
    view: PhantomData<fn() -> T>,
}

impl<T> ChangedSince<T> {
    fn new(
        store: &Store,
        wanted: Option<(Scope, Vec<Cow<'static, str>>)>,
        cursor: &ChangeCursor,
    ) -> Self {
        Self {
            store: store.clone(),
            wanted,
            cursor: cursor.clone(),
            limit: DEFAULT_LIMIT,
            margin: DEFAULT_MARGIN,
            view: PhantomData,
        }
    }

    /// How many objects a page has: 1 to 1000. Default: 100.
    pub fn limit(self, limit: usize) -> Self {
        Self { limit, ..self }
    }

    /// How far before the cursor to look again, where a reading begins: longer than any write takes to commit, and than
    /// clocks differ. Default: 60 s.
    pub fn margin(self, margin: Duration) -> Self {
        Self { margin, ..self }
    }
}

impl<T: View> ChangedSince<T> {
    /// Fetches a page.
    ///
    /// # Errors
    ///
    /// [`Limit`](StoreError::Limit) when the limit is 0 or over 1000; [`Database`](StoreError::Database) or
    /// [`NotMigrated`](StoreError::NotMigrated) when the query fails; [`Row`](StoreError::Row) when a row was not
    /// written by a store and cannot be read.
    pub async fn page(self) -> Result<ChangedPage<T>, StoreError> {
        const MAX_LIMIT: usize = Listing::<AnyObject>::MAX_LIMIT;
        if self.limit == 0 || self.limit > MAX_LIMIT {
            return Err(StoreError::Limit {
                limit: self.limit,
                max: MAX_LIMIT,
            });
        }
        // Before the first page is read: what commits from here on, this reading may miss and the next one finds.
        let now = self.store.inner.clock.now();
        let (began, after) = match self.cursor.place() {
            Some((began, place)) => (began, Cow::Borrowed(place)),
            None => (now, Cow::Owned(self.start())),
        };
        let objects: Vec<&str> = self
            .wanted
            .iter()
            .flat_map(|(_, names)| names)
            .map(|name| &**name)
            .collect();
        let objects = objects
            .into_iter()
            .filter(|name| !name.contains('\0'))
            .collect::<Vec<_>>();
        let query = ChangedQuery {
            scope: self.wanted.as_ref().map(|(scope, _)| scope),
            objects: &objects,
            after: &after,
            // One more than the page has tells whether there is a next one.
            limit: i64::try_from(self.limit + 1).unwrap_or(i64::MAX),
        };
        let object = match objects.first() {
            Some(object) => ObjectRef::of_type(object),
            None => ObjectRef::All,
        };
        let span = tracing::debug_span!(
            "stripe_store.changed_since",
            stripe.object = objects.first(),
            limit = self.limit,
            duration_ms = tracing::field::Empty
        );
        let tables = &self.store.inner.tables;
        let mut rows = span::timed(span, async {
            with_database!(self.store, database => database.changed(tables, query).await)
        })
        .await
        .map_err(|source| self.store.database_error("read changes of", object, source))?;
        let has_more = rows.len() > self.limit;
        rows.truncate(self.limit);
        let next = match rows.last().filter(|_| has_more) {
            Some(last) => ChangeCursor::within(began, last.place()),
            None => ChangeCursor::since(began),
        };
        let data = rows
            .into_iter()
            .map(|row| self.store.read_row(row.row))
            .collect::<Result<_, _>>()?;
        Ok(ChangedPage {
            data,
            next,
            has_more,
        })
    }

    /// Where a reading begins: before every key of the moment that the margin is away.
    fn start(&self) -> Place {
        let margin = i64::try_from(self.margin.as_millis()).unwrap_or(i64::MAX);
        let start = self.cursor.moment().plus_millis(-margin);
        Place {
            micros: start.as_millis().saturating_mul(1000),
            ..Place::default()
        }
    }
}

/// One page of changed objects.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ChangedPage<T> {
    /// The objects, those first that changed first. Deleted ones are among them.
    pub data: Vec<Stored<T>>,
    /// Where to go on: with the next page, and after the last one with what will change from now on.
    pub next: ChangeCursor,
    /// Whether there is a next page already.
    pub has_more: bool,
}

/// What a driver is asked for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ChangedQuery<'a> {
    /// `None` for every row.
    pub(crate) scope: Option<&'a Scope>,
    /// The type's names, where there is a scope.
    pub(crate) objects: &'a [&'a str],
    pub(crate) after: &'a Place,
    pub(crate) limit: i64,
}

/// A changed row, and exactly when it changed.
#[derive(Debug)]
pub(crate) struct ChangedRow {
    /// In unix microseconds.
    pub(crate) micros: i64,
    pub(crate) row: RawRow,
}

impl ChangedRow {
    fn place(&self) -> Place {
        Place {
            micros: self.micros,
            account: self.row.account.clone(),
            livemode: self.row.livemode,
            object: self.row.object.clone(),
            stripe_id: self.row.stripe_id.clone(),
        }
    }
}
