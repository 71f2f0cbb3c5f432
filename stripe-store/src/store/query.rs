//! Queries on the table, and indexes for them: spans and errors around the statements.

use serde_json::Value;

use super::error::{ObjectRef, RowError, StoreError};
use super::sql::{IndexPlan, Place, Rows, SortKey, Sql, sort_keys};
use super::stored::RawRow;
use super::{Store, span, text, with_database, with_reader};
use crate::model::{Column, Projection, Values};
use crate::query::{Equatable, Field, Plan, Queryable};
use crate::view::Path;

/// A row that a query found, and its place in the order.
#[derive(Debug)]
pub(crate) struct FoundRow {
    pub(crate) place: Place,
    pub(crate) row: RawRow,
}

/// The values of a projection, as JSON, and the row's place in the order.
#[derive(Debug)]
pub(crate) struct FoundValues {
    pub(crate) place: Place,
    pub(crate) values: String,
}

impl Store {
    fn rows_of<'a>(&'a self, plan: &'a Plan, table: &'a str) -> Rows<'a> {
        let added = match self.reader() {
            #[cfg(feature = "postgres")]
            super::Database::Postgres(_) => None,
            #[cfg(feature = "sqlite")]
            super::Database::Sqlite(database) => Some(super::sql::Added {
                names: database.added_indexes(),
                prefix: self.inner.tables.prefix(),
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
            values: None,
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
        values: Option<&[Column]>,
    ) -> Sql {
        let table = self.inner.tables.objects();
        let mut rows = self.rows_of(plan, &table);
        rows.values = values;
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
        plan: &Plan,
        columns: &[Column],
        keys: &[SortKey],
        place: Option<&Place>,
        limit: Option<usize>,
    ) -> Result<Vec<FoundValues>, StoreError> {
        #[cfg(feature = "sqlite")]
        self.look_for_indexes(plan).await?;
        let table = self.inner.tables.objects();
        let mut rows = self.rows_of(plan, &table);
        rows.values = Some(columns);
        let statement = rows.select(keys, place, limit);
        let span = tracing::debug_span!(
            "stripe_store.project",
            stripe.object = plan.object(),
            limit,
            duration_ms = tracing::field::Empty
        );
        span::timed(span, async {
            with_reader!(self, database => database.select_values(keys, statement).await)
        })
        .await
        .map_err(|source| self.read_error("query", ObjectRef::of_type(plan.object()), source))
    }

    /// Makes a projection of the values that were found.
    pub(crate) fn read_values<P: Projection>(&self, found: &FoundValues) -> Result<P, StoreError> {
        let fail = |source| StoreError::Row {
            table: self.inner.table.clone(),
            column: "data",
            object: ObjectRef::one(&found.place.object, &found.place.id),
            source: RowError::Data { source },
        };
        let arrays = match text::to_value(&found.values).map_err(fail)? {
            Value::Array(arrays) => arrays,
            _ => Vec::new(),
        };
        let values: Vec<Value> = arrays
            .into_iter()
            .flat_map(|array| match array {
                Value::Array(values) => values,
                other => vec![other],
            })
            .collect();
        Ok(P::read(&mut Values::of_row(&values)))
    }

    /// Looks once which indexes there are: SQLite's planner has to be led to those that were added.
    #[cfg(feature = "sqlite")]
    async fn look_for_indexes(&self, plan: &Plan) -> Result<(), StoreError> {
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
        let tables = &self.inner.tables;
        let Some(plan) = IndexPlan::new(self.dialect(), tables.prefix(), field) else {
            return Ok(());
        };
        let span = tracing::debug_span!(
            "stripe_store.ensure_index",
            index = plan.name,
            duration_ms = tracing::field::Empty
        );
        span::timed(span, async {
            with_database!(self, database => database.ensure_index(tables, &plan).await)
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
