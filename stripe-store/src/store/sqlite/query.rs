//! Queries and indexes on SQLite.

use std::collections::HashSet;
use std::sync::{Arc, PoisonError, RwLock};

use sqlx::query::Query;
use sqlx::sqlite::{SqliteArguments, SqliteRow};
use sqlx::{Row as _, Sqlite};
use tokio::sync::OnceCell;

use super::{SqliteDatabase, checked, raw_row, to_json};
use crate::query::{Operand, Read};
use crate::store::query::{FoundRow, FoundValues};
use crate::store::scope::Scope;
use crate::store::sql::{IndexPlan, Parameter, Place, SortKey, Statement};
use crate::store::tables::TableNames;

fn bind(statement: Statement) -> Result<Query<'static, Sqlite, SqliteArguments>, sqlx::Error> {
    let mut query = sqlx::query(checked(statement.sql));
    for parameter in statement.parameters {
        query = match parameter {
            Parameter::Text(text) => query.bind(text),
            Parameter::Int(number) => query.bind(number),
            Parameter::Float(number) => query.bind(number),
            Parameter::Bool(value) => query.bind(value),
            Parameter::Texts(texts) => query.bind(to_json(&texts)?),
            Parameter::Ints(numbers) => query.bind(to_json(&numbers)?),
            Parameter::Floats(numbers) => query.bind(to_json(&numbers)?),
            Parameter::Bools(values) => query.bind(to_json(&values)?),
        };
    }
    Ok(query)
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

    pub(crate) async fn select_values(
        &self,
        keys: &[SortKey],
        statement: Statement,
    ) -> Result<Vec<FoundValues>, sqlx::Error> {
        let rows = bind(statement)?.fetch_all(&self.pool).await?;
        let found = |row: &SqliteRow| {
            Ok(FoundValues {
                place: place(row, keys)?,
                values: row.try_get("data")?,
            })
        };
        rows.iter().map(found).collect()
    }

    pub(crate) async fn number(&self, statement: Statement) -> Result<i64, sqlx::Error> {
        bind(statement)?.fetch_one(&self.pool).await?.try_get(0)
    }

    /// Makes an index, in one statement; writers wait meanwhile.
    pub(crate) async fn ensure_index(
        &self,
        tables: &TableNames,
        plan: &IndexPlan,
    ) -> Result<(), sqlx::Error> {
        let _turn = self.writer.lock().await;
        let sql = checked(format!(
            "CREATE INDEX IF NOT EXISTS \"{}\" ON {} {}",
            plan.name,
            tables.objects(),
            plan.columns
        ));
        sqlx::query(sql).execute(&self.pool).await?;
        self.indexes.add([plan.name.clone()]);
        Ok(())
    }
}
