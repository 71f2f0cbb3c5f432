//! Extended models in the store: their tables, their rows, and the queries that join them with the objects.
//!
//! Knows what the struct's columns are, and nothing of what is in them.

mod hook;
mod link;
mod registry;

pub use self::hook::{HookContext, HookError, HookFuture};
pub(super) use self::link::{LinkKey, Linkable};
pub(super) use self::registry::Registry;
use super::arguments::Arguments;
use super::batch::Key;
use super::error::{ModelError, ObjectRef, RowError, StoreError};
use super::extension::{Difference, Extension, Taken};
use super::query::FoundRow;
use super::sql::{Asked, Place, SortKey, Sql};
use super::stored::{Row, Stored};
use super::transaction::TransactionMut;
use super::{Database, Store, span, with_connection, with_database, with_reader};
use crate::extended::{DecodeError, Decoder, EncodeError, Encoder, StripeModel};
use crate::query::Plan;

/// A row of a query for models.
pub(crate) struct FoundModel<M: StripeModel> {
    pub(crate) found: FoundRow,
    id: i64,
    own: Result<M::Own, DecodeError>,
}

impl Store {
    /// A statement on a model's table failed.
    fn model_error(
        &self,
        extension: &Extension,
        action: &'static str,
        object: ObjectRef,
        source: sqlx::Error,
    ) -> StoreError {
        if ModelError::is_of_missing_table(&source, extension.name()) {
            return ModelError::NotMigrated {
                table: extension.table(),
                source,
            }
            .into();
        }
        if matches!(source, sqlx::Error::PoolTimedOut) {
            return self.database_error(action, object, source);
        }
        ModelError::Statement {
            table: extension.table(),
            action,
            object,
            source: Box::new(source),
        }
        .into()
    }

    pub(crate) fn model_sql(
        &self,
        extension: &Extension,
        plan: &Plan,
        keys: &[SortKey],
        place: Option<&Place>,
        limit: Option<usize>,
    ) -> Sql {
        self.query_sql(plan, keys, place, limit, Asked::Model(extension))
    }

    /// The rows in the order of `keys`, from after `place` on; without keys, in no order. In the transaction, if there is
    /// one.
    pub(crate) async fn query_models<M: StripeModel>(
        &self,
        transaction: Option<TransactionMut<'_>>,
        plan: &Plan,
        keys: &[SortKey],
        place: Option<&Place>,
        limit: Option<usize>,
    ) -> Result<Vec<FoundModel<M>>, StoreError> {
        #[cfg(feature = "sqlite")]
        if transaction.is_none() {
            self.look_for_indexes(plan).await?;
        }
        let extension = Extension::of::<M>();
        let table = self.inner.tables.objects();
        let mut rows = self.rows_of(plan, &table);
        rows.asked = Asked::Model(&extension);
        let statement = rows.select(keys, place, limit);
        let span = tracing::debug_span!(
            "stripe_store.query_model",
            table = extension.table(),
            limit,
            duration_ms = tracing::field::Empty
        );
        let decode = |cell: super::Cell<'_>| M::decode(&mut Decoder::new::<M>(cell));
        let scope = &self.scope;
        let found = span::timed(span, async {
            let Some(transaction) = transaction else {
                return with_reader!(self, database => {
                    database.select_models(scope, keys, statement, decode).await
                });
            };
            with_connection!(self, transaction.0, database, connection => {
                database
                    .select_models_in(connection, scope, keys, statement, decode)
                    .await
            })
        })
        .await;
        let found = found.map_err(|source| {
            self.model_error(
                &extension,
                "query",
                ObjectRef::of_type(plan.object()),
                source,
            )
        })?;
        let models = found
            .into_iter()
            .map(|(found, id, own)| FoundModel { found, id, own });
        Ok(models.collect())
    }

    pub(crate) fn read_model<M: StripeModel>(&self, model: FoundModel<M>) -> Result<M, StoreError> {
        let place = model.found.place;
        let own = model.own.map_err(|error| StoreError::Row {
            table: M::TABLE.to_owned(),
            column: error.column,
            object: ObjectRef::one(&place.object, &place.id),
            source: match error.source {
                Some(source) => RowError::Own { source },
                None => RowError::Null,
            },
        })?;
        let base = self.read_row(model.found.row)?;
        Ok(M::assemble(base, own, model.id))
    }

    /// How many rows there are, or, of the first `limit`, how many.
    pub(crate) async fn model_count(
        &self,
        extension: &Extension,
        plan: &Plan,
        limit: Option<usize>,
    ) -> Result<u64, StoreError> {
        #[cfg(feature = "sqlite")]
        self.look_for_indexes(plan).await?;
        let table = self.inner.tables.objects();
        let mut rows = self.rows_of(plan, &table);
        rows.asked = Asked::Model(extension);
        let statement = rows.count(limit);
        let span = tracing::debug_span!(
            "stripe_store.count_model",
            table = extension.table(),
            duration_ms = tracing::field::Empty
        );
        let count = span::timed(span, async {
            with_reader!(self, database => database.number(statement).await)
        })
        .await;
        let count = count.map_err(|source| {
            self.model_error(
                extension,
                "count",
                ObjectRef::of_type(plan.object()),
                source,
            )
        })?;
        Ok(u64::try_from(count).unwrap_or(0))
    }

    pub(crate) async fn migrate_model<M: StripeModel>(&self) -> Result<(), StoreError> {
        self.migrate_extension(&Extension::of::<M>()).await
    }

    async fn migrate_extension(&self, extension: &Extension) -> Result<(), StoreError> {
        if let (super::Dialect::Sqlite, Some(schema)) = (self.dialect(), extension.schema()) {
            return Err(StoreError::SchemaUnsupported {
                schema: schema.to_owned(),
            });
        }
        let span = tracing::info_span!(
            "stripe_store.migrate_model",
            table = extension.table(),
            duration_ms = tracing::field::Empty
        );
        let done = span::timed(span, async {
            with_database!(self, database => database.migrate_model(extension).await)
        })
        .await;
        let done = done.map_err(|source| ModelError::Migrate {
            table: extension.table(),
            source,
        })?;
        match done {
            Difference::Refused(changes, sql) => Err(ModelError::Change {
                table: extension.table(),
                changes,
                sql,
            }
            .into()),
            Difference::Additions(_, indexes) => {
                for index in indexes {
                    self.make_index(index).await?;
                }
                Ok(())
            }
        }
    }

    /// No arguments yet, for this store's database.
    pub(super) fn arguments(&self) -> Arguments {
        match &self.inner.database {
            #[cfg(feature = "postgres")]
            Database::Postgres(_) => Arguments::Postgres(sqlx::postgres::PgArguments::default()),
            #[cfg(feature = "sqlite")]
            Database::Sqlite(_) => Arguments::Sqlite(sqlx::sqlite::SqliteArguments::default()),
        }
    }

    /// Runs a statement that returns numbers, in the transaction if there is one.
    async fn run_own(
        &self,
        transaction: Option<&mut TransactionMut<'_>>,
        sql: String,
        arguments: Arguments,
    ) -> Result<Vec<i64>, sqlx::Error> {
        let Some(transaction) = transaction else {
            return with_database!(self, database => database.run_own(sql, arguments).await);
        };
        with_connection!(self, &mut transaction.0, database, connection => {
            database.run_own_in(connection, sql, arguments).await
        })
    }

    /// Whether the transaction is on the same kind of database.
    pub(crate) fn fits(&self, transaction: &TransactionMut<'_>) -> Result<(), StoreError> {
        let other = transaction.dialect();
        if other == self.dialect() {
            return Ok(());
        }
        Err(StoreError::OtherDatabase {
            store: self.dialect(),
            transaction: other,
        })
    }

    pub(crate) async fn insert_model<M: StripeModel>(
        &self,
        mut transaction: Option<TransactionMut<'_>>,
        object: Stored<M::Object>,
        own: M::Own,
    ) -> Result<M, StoreError> {
        if let Some(transaction) = &transaction {
            self.fits(transaction)?;
        }
        let extension = Extension::of::<M>();
        let mut arguments = self.arguments();
        let named = || named(object.row());
        let encoded = {
            let key = key_of(object.row());
            self.encode_row::<M>(&mut arguments, key, &own)
        };
        encoded.map_err(|error| column_error(&extension, named(), error))?;
        let sql = extension.insert_sql(self.dialect(), 1, Taken::Fails);
        let made = self.run_own(transaction.as_mut(), sql, arguments).await;
        let made = made.map_err(|source| self.model_error(&extension, "link", named(), source))?;
        match made.first() {
            Some(id) => Ok(M::assemble(object, own, *id)),
            None => Err(ModelError::AlreadyLinked {
                table: extension.table(),
                object: named(),
            }
            .into()),
        }
    }

    /// Adds what `insert_sql` wants of a row.
    fn encode_row<M: StripeModel>(
        &self,
        arguments: &mut Arguments,
        key: Key<'_>,
        own: &M::Own,
    ) -> Result<(), EncodeError> {
        add_key(arguments, key)?;
        M::encode_own(own, &mut Encoder::new::<M>(arguments))?;
        self.add_now(arguments)
    }

    fn add_now(&self, arguments: &mut Arguments) -> Result<(), EncodeError> {
        let now = self.inner.clock.now();
        arguments.add_time(now).map_err(of_key)
    }

    pub(crate) async fn save_model<M: StripeModel>(
        &self,
        mut transaction: Option<TransactionMut<'_>>,
        model: &M,
    ) -> Result<(), StoreError> {
        if let Some(transaction) = &transaction {
            self.fits(transaction)?;
        }
        let extension = Extension::of::<M>();
        let row = model.base().row();
        let named = || named(row);
        let mut arguments = self.arguments();
        let encoded = M::encode(model, &mut Encoder::new::<M>(&mut arguments))
            .and_then(|()| self.add_now(&mut arguments))
            .and_then(|()| add_key(&mut arguments, key_of(row)));
        encoded.map_err(|error| column_error(&extension, named(), error))?;
        let sql = extension.update_sql(self.dialect(), false);
        let saved = self.run_own(transaction.as_mut(), sql, arguments).await;
        let saved =
            saved.map_err(|source| self.model_error(&extension, "save", named(), source))?;
        if saved.is_empty() {
            return Err(ModelError::NotLinked {
                table: extension.table(),
                object: named(),
            }
            .into());
        }
        Ok(())
    }

    pub(crate) async fn unlink_model<M: StripeModel>(&self, row: &Row) -> Result<(), StoreError> {
        let extension = Extension::of::<M>();
        let named = || named(row);
        let mut arguments = self.arguments();
        let encoded = add_key(&mut arguments, key_of(row));
        encoded.map_err(|error| column_error(&extension, named(), error))?;
        let sql = extension.delete_sql(self.dialect());
        let gone = self.run_own(None, sql, arguments).await;
        let gone =
            gone.map_err(|source| self.model_error(&extension, "unlink", named(), source))?;
        if gone.is_empty() {
            return Err(ModelError::NotLinked {
                table: extension.table(),
                object: named(),
            }
            .into());
        }
        Ok(())
    }
}

fn named(row: &Row) -> ObjectRef {
    ObjectRef::one(row.object(), row.stripe_id())
}

fn column_error(extension: &Extension, object: ObjectRef, error: EncodeError) -> StoreError {
    ModelError::Column {
        table: extension.table(),
        column: error.column,
        object,
        source: error.source,
    }
    .into()
}

fn of_key(source: sqlx::error::BoxDynError) -> EncodeError {
    EncodeError {
        column: "stripe_id",
        source,
    }
}

fn add_key(arguments: &mut Arguments, key: Key<'_>) -> Result<(), EncodeError> {
    arguments
        .add(key.account.to_owned())
        .and_then(|()| arguments.add(key.livemode))
        .and_then(|()| arguments.add(key.object.to_owned()))
        .and_then(|()| arguments.add(key.id.to_owned()))
        .map_err(of_key)
}

fn key_of(row: &Row) -> Key<'_> {
    Key {
        account: row.account().unwrap_or_default(),
        livemode: row.mode().is_live(),
        object: row.object(),
        id: row.stripe_id(),
    }
}
