//! Queries on the table, and indexes for them: spans and errors around the statements.

use serde_json::Value;

use super::error::{ObjectRef, RowError, StoreError};
use super::sql::{Asked, IndexPlan, Place, Rows, SortKey, Sql, sort_keys};
use super::stored::RawRow;
use super::{Store, span, with_database, with_reader};
use crate::model::Column;
use crate::query::{Equatable, Field, Plan, Queryable};
use crate::view::Path;

/// A row that a query found, and its place in the order.
#[derive(Debug)]
pub(crate) struct FoundRow {
    pub(crate) place: Place,
    pub(crate) row: RawRow,
}

/// What is done with a row's place in the order and with its values.
pub(crate) type EachValues<'a> =
    &'a mut (dyn FnMut(Place, Result<Vec<Value>, serde_json::Error>) + Send);

impl Store {
    pub(super) fn rows_of<'a>(&'a self, plan: &'a Plan, table: &'a str) -> Rows<'a> {
        let added = match self.reader() {
            #[cfg(feature = "postgres")]
            super::Database::Postgres(_) => None,
            #[cfg(feature = "sqlite")]
            super::Database::Sqlite(database) => Some(super::sql::Added {
                names: database.added_indexes(),
                tables: &self.inner.tables,
            }),
        };
        Rows {
            dialect: self.dialect(),
            table,
            scope: &self.scope,
            // No stored key has a NUL in it, and PostgreSQL refuses to look for one.
            objects: plan
                .names
                .iter()
                .map(|name| if name.contains('\0') { "" } else { name })
                .collect(),
            filter: &plan.filter,
            deleted: self.deleted.is_included(),
            added,
            asked: Asked::Row,
        }
    }

    pub(crate) fn sort_keys(&self, plan: &Plan) -> Vec<SortKey> {
        sort_keys(self.dialect(), plan.order(), plan.names.len() == 1)
    }

    pub(crate) fn query_sql(
        &self,
        plan: &Plan,
        keys: &[SortKey],
        place: Option<&Place>,
        limit: Option<usize>,
        asked: Asked<'_>,
    ) -> Sql {
        let table = self.inner.tables.objects();
        let mut rows = self.rows_of(plan, &table);
        rows.asked = asked;
        let statement = rows.select(keys, place, limit);
        Sql::new(self.dialect(), statement)
    }

    /// The rows in the order of `keys`, from after `place` on; without keys, in no order.
    pub(crate) async fn query_rows(
        &self,
        plan: &Plan,
        keys: &[SortKey],
        place: Option<&Place>,
        limit: Option<usize>,
    ) -> Result<Vec<FoundRow>, StoreError> {
        #[cfg(feature = "sqlite")]
        self.look_for_indexes(plan).await?;
        let table = self.inner.tables.objects();
        let statement = self.rows_of(plan, &table).select(keys, place, limit);
        let span = tracing::debug_span!(
            "stripe_store.query",
            stripe.object = plan.object(),
            limit,
            duration_ms = tracing::field::Empty
        );
        span::timed(span, async {
            with_reader!(self, database => database.select(&self.scope, keys, statement).await)
        })
        .await
        .map_err(|source| self.read_error("query", ObjectRef::of_type(plan.object()), source))
    }

    /// The values of the rows in the order of `keys`, from after `place` on.
    pub(crate) async fn query_values(
        &self,
        (plan, columns): (&Plan, &[Column]),
        keys: &[SortKey],
        place: Option<&Place>,
        limit: Option<usize>,
        each: EachValues<'_>,
    ) -> Result<(), StoreError> {
        #[cfg(feature = "sqlite")]
        self.look_for_indexes(plan).await?;
        let table = self.inner.tables.objects();
        let mut rows = self.rows_of(plan, &table);
        rows.asked = Asked::Values(columns);
        let statement = rows.select(keys, place, limit);
        let span = tracing::debug_span!(
            "stripe_store.project",
            stripe.object = plan.object(),
            limit,
            duration_ms = tracing::field::Empty
        );
        span::timed(span, async {
            with_reader!(self, database => database.select_values(keys, statement, each).await)
        })
        .await
        .map_err(|source| self.read_error("query", ObjectRef::of_type(plan.object()), source))
    }

    /// The error for values that cannot be read.
    pub(crate) fn values_error(&self, place: &Place, source: serde_json::Error) -> StoreError {
        StoreError::Row {
            table: self.inner.table.clone(),
            column: "data",
            object: ObjectRef::one(&place.object, &place.id),
            source: RowError::Data { source },
        }
    }

    /// Looks once which indexes there are: SQLite's planner has to be led to those that were added.
    #[cfg(feature = "sqlite")]
    pub(super) async fn look_for_indexes(&self, plan: &Plan) -> Result<(), StoreError> {
        match self.reader() {
            #[cfg(feature = "postgres")]
            super::Database::Postgres(_) => Ok(()),
            super::Database::Sqlite(database) => {
                let looked = database.look_for_indexes().await;
                looked.map_err(|source| {
                    self.read_error("query", ObjectRef::of_type(plan.object()), source)
                })
            }
        }
    }

    /// How many rows there are, or, of the first `limit`, how many.
    pub(crate) async fn query_count(
        &self,
        plan: &Plan,
        limit: Option<usize>,
    ) -> Result<u64, StoreError> {
        let table = self.inner.tables.objects();
        let statement = self.rows_of(plan, &table).count(limit);
        let span = tracing::debug_span!(
            "stripe_store.query_count",
            stripe.object = plan.object(),
            duration_ms = tracing::field::Empty
        );
        let count = span::timed(span, async {
            with_reader!(self, database => database.number(statement).await)
        })
        .await
        .map_err(|source| self.read_error("count", ObjectRef::of_type(plan.object()), source))?;
        Ok(u64::try_from(count).unwrap_or(0))
    }

    /// Makes an index for queries that compare the field at `path`, for objects of every type that has it.
    ///
    /// Serves `eq`, `is_in`, on text `starts_with`, and on numbers and moments `lt`, `le`, `gt` and `ge`. Nothing happens
    /// where the index is there already, or one of those that [`migrate`](Self::migrate) makes serves the path: `id`,
    /// `customer`, `subscription`, `invoice`, `payment_intent`, `status` and `created`. Its name begins with
    /// `stripe_objects_`, after the prefix if there is one, and follows from the path.
    ///
    /// On PostgreSQL the index is made concurrently: writes go on, and two calls at once make it once. It takes one
    /// connection, and waits for transactions that began before. On SQLite writes wait until it is made.
    ///
    /// ```
    /// # #[cfg(feature = "sqlite")]
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
    /// use stripe_store::Store;
    /// use stripe_store::resources::Customer;
    ///
    /// # let store = Store::connect("sqlite::memory:").await?;
    /// # store.migrate().await?;
    /// store.ensure_index(Customer::METADATA.key("tier")).await?;
    /// let gold = store.query::<Customer>().filter(Customer::METADATA.key("tier").eq("gold"));
    /// assert_eq!(gold.count().await?, 0);
    /// # Ok::<(), stripe_store::store::StoreError>(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// [`Database`](StoreError::Database) or [`NotMigrated`](StoreError::NotMigrated) when it cannot be made.
    ///
    /// # Cancellation
    ///
    /// Dropping the future may leave the server at work on the index, or a part of it, which the next call replaces.
    pub async fn ensure_index<T: Queryable, K: Equatable>(
        &self,
        path: Path<T, K>,
    ) -> Result<(), StoreError> {
        self.ensure_index_on(&path.field()).await
    }

    async fn ensure_index_on(&self, field: &Field) -> Result<(), StoreError> {
        let Some(plan) = IndexPlan::new(self.dialect(), &self.inner.tables, field) else {
            return Ok(());
        };
        self.make_index(plan).await
    }

    pub(super) async fn make_index(&self, plan: IndexPlan) -> Result<(), StoreError> {
        let span = tracing::debug_span!(
            "stripe_store.ensure_index",
            index = plan.name,
            duration_ms = tracing::field::Empty
        );
        span::timed(span, async {
            with_database!(self, database => database.ensure_index(&plan).await)
        })
        .await
        .map_err(|source| self.database_error("make an index for", ObjectRef::All, source))?;
        #[cfg(feature = "sqlite")]
        if let Some((_, super::Database::Sqlite(reader))) = &self.inner.reader {
            reader.saw_index(plan.name);
        }
        Ok(())
    }
}
