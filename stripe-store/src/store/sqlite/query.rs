//! Queries and indexes on SQLite.

use std::collections::HashSet;
use std::sync::{Arc, PoisonError, RwLock};

use futures_util::TryStreamExt as _;
use sqlx::query::Query;
use sqlx::sqlite::{SqliteArguments, SqliteRow};
use sqlx::{Row as _, Sqlite};
use tokio::sync::OnceCell;

use super::{SqliteDatabase, checked, raw_row, to_json};
use crate::query::{Operand, Read};
use crate::store::arguments::{Arguments, Cell};
use crate::store::extension::OWN_AT;
use crate::store::query::{EachValues, FoundRow};
use crate::store::scope::Scope;
use crate::store::sql::{IndexPlan, Parameter, Place, SortKey, Statement};
use crate::store::text;

fn bind(statement: Statement) -> Result<Query<'static, Sqlite, SqliteArguments>, sqlx::Error> {
    let mut arguments = Arguments::Sqlite(SqliteArguments::default());
    for parameter in statement.parameters {
        match parameter {
            Parameter::Text(text) => arguments.add(text),
            Parameter::Int(number) => arguments.add(number),
            Parameter::Float(number) => arguments.add(number),
            Parameter::Bool(value) => arguments.add(value),
            Parameter::Texts(texts) => arguments.add(to_json(&texts)?),
            Parameter::Ints(numbers) => arguments.add(to_json(&numbers)?),
            Parameter::Floats(numbers) => arguments.add(to_json(&numbers)?),
            Parameter::Bools(values) => arguments.add(to_json(&values)?),
            Parameter::Own(value) => value.add_to(&mut arguments),
        }
        .map_err(sqlx::Error::Encode)?;
    }
    Ok(sqlx::query_with(
        checked(statement.sql),
        arguments.into_sqlite(),
    ))
}

fn key_value(row: &SqliteRow, name: &str, read: Read) -> Result<Option<Operand>, sqlx::Error> {
    Ok(match read {
        Read::Int | Read::IntText => row.try_get::<Option<i64>, _>(name)?.map(Operand::Int),
        Read::Float => row.try_get::<Option<f64>, _>(name)?.map(Operand::Float),
        Read::Bool => row
            .try_get::<Option<i64>, _>(name)?
            .map(|value| Operand::Bool(value != 0)),
        _ => row.try_get::<Option<String>, _>(name)?.map(Operand::Text),
    })
}

fn place(row: &SqliteRow, keys: &[SortKey]) -> Result<Place, sqlx::Error> {
    let values = keys
        .iter()
        .filter_map(SortKey::value)
        .map(|(name, read)| key_value(row, name, read))
        .collect::<Result<_, _>>()?;
    Ok(Place {
        object: row.try_get("object")?,
        id: row.try_get("stripe_id")?,
        values,
    })
}

/// The names of the indexes that are there, as far as this process has seen.
#[derive(Debug, Default)]
pub(super) struct Indexes {
    names: RwLock<Arc<HashSet<String>>>,
    looked: OnceCell<()>,
}

impl Indexes {
    fn add(&self, names: impl IntoIterator<Item = String>) {
        let mut known = self.names.write().unwrap_or_else(PoisonError::into_inner);
        Arc::make_mut(&mut known).extend(names);
    }
}

impl SqliteDatabase {
    pub(crate) fn added_indexes(&self) -> Arc<HashSet<String>> {
        let names = self.indexes.names.read();
        Arc::clone(&names.unwrap_or_else(PoisonError::into_inner))
    }

    /// Takes note of an index that another pool on the same file made.
    pub(crate) fn saw_index(&self, name: String) {
        self.indexes.add([name]);
    }

    /// Reads what indexes there are, the first time.
    pub(crate) async fn look_for_indexes(&self) -> Result<(), sqlx::Error> {
        let look = async || {
            let names: Vec<String> = sqlx::query_scalar(
                "SELECT name FROM sqlite_schema WHERE type = 'index' AND name LIKE '%stripe_objects%'",
            )
            .fetch_all(&self.pool)
            .await?;
            self.indexes.add(names);
            Ok(())
        };
        self.indexes.looked.get_or_try_init(look).await.copied()
    }

    pub(crate) async fn select(
        &self,
        scope: &Scope,
        keys: &[SortKey],
        statement: Statement,
    ) -> Result<Vec<FoundRow>, sqlx::Error> {
        let rows = bind(statement)?.fetch_all(&self.pool).await?;
        let found = |row: &SqliteRow| {
            Ok(FoundRow {
                place: place(row, keys)?,
                row: raw_row(row, scope, row.try_get("object")?)?,
            })
        };
        rows.iter().map(found).collect()
    }

    /// Hands out each row as it comes in, so that no more than what is made of it has to be kept.
    pub(crate) async fn select_values(
        &self,
        keys: &[SortKey],
        statement: Statement,
        each: EachValues<'_>,
    ) -> Result<(), sqlx::Error> {
        let mut rows = bind(statement)?.fetch(&self.pool);
        while let Some(row) = rows.try_next().await? {
            let values = text::to_elements(row.try_get("data")?);
            each(place(&row, keys)?, values);
        }
        Ok(())
    }

    /// The rows, and what `decode` makes of the columns after those of the object, beginning with the own id.
    pub(crate) async fn select_models<O>(
        &self,
        scope: &Scope,
        keys: &[SortKey],
        statement: Statement,
        decode: impl Fn(Cell<'_>) -> O,
    ) -> Result<Vec<(FoundRow, i64, O)>, sqlx::Error> {
        let mut connection = self.pool.acquire().await?;
        self.select_models_in(&mut connection, scope, keys, statement, decode)
            .await
    }

    /// The same in a transaction.
    pub(crate) async fn select_models_in<O>(
        &self,
        connection: &mut sqlx::SqliteConnection,
        scope: &Scope,
        keys: &[SortKey],
        statement: Statement,
        decode: impl Fn(Cell<'_>) -> O,
    ) -> Result<Vec<(FoundRow, i64, O)>, sqlx::Error> {
        let rows = bind(statement)?.fetch_all(connection).await?;
        let found = |row: &SqliteRow| {
            let found = FoundRow {
                place: place(row, keys)?,
                row: raw_row(row, scope, row.try_get("object")?)?,
            };
            let id = row.try_get(OWN_AT)?;
            Ok((found, id, decode(Cell::Sqlite(row, OWN_AT + 1))))
        };
        rows.iter().map(found).collect()
    }

    pub(crate) async fn number(&self, statement: Statement) -> Result<i64, sqlx::Error> {
        bind(statement)?.fetch_one(&self.pool).await?.try_get(0)
    }

    /// Makes an index, in one statement; writers wait meanwhile.
    pub(crate) async fn ensure_index(&self, plan: &IndexPlan) -> Result<(), sqlx::Error> {
        let _turn = self.writer.lock().await;
        sqlx::query(checked(plan.create_sql("")))
            .execute(&self.pool)
            .await?;
        self.indexes.add([plan.name.clone()]);
        Ok(())
    }
}
