//! Queries on PostgreSQL.

use sqlx::postgres::{PgArguments, PgRow};
use sqlx::query::Query;
use sqlx::{Postgres, Row as _};

use super::{PgDatabase, checked, raw_row};
use crate::query::{Operand, Read};
use crate::store::query::{FoundRow, FoundValues};
use crate::store::scope::Scope;
use crate::store::sql::{Parameter, Place, SortKey, Statement};

fn bind(statement: Statement) -> Query<'static, Postgres, PgArguments> {
    let mut query = sqlx::query(checked(statement.sql));
    for parameter in statement.parameters {
        query = match parameter {
            Parameter::Text(text) => query.bind(text),
            Parameter::Int(number) => query.bind(number),
            Parameter::Float(number) => query.bind(number),
            Parameter::Bool(value) => query.bind(value),
            Parameter::Texts(texts) => query.bind(texts),
            Parameter::Ints(numbers) => query.bind(numbers),
            Parameter::Floats(numbers) => query.bind(numbers),
            Parameter::Bools(values) => query.bind(values),
        };
    }
    query
}

fn key_value(row: &PgRow, name: &str, read: Read) -> Result<Option<Operand>, sqlx::Error> {
    Ok(match read {
        Read::Int | Read::IntText => row.try_get::<Option<i64>, _>(name)?.map(Operand::Int),
        Read::Float => row.try_get::<Option<f64>, _>(name)?.map(Operand::Float),
        Read::Bool => row.try_get::<Option<bool>, _>(name)?.map(Operand::Bool),
        _ => row.try_get::<Option<String>, _>(name)?.map(Operand::Text),
    })
}

fn place(row: &PgRow, keys: &[SortKey]) -> Result<Place, sqlx::Error> {
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

impl PgDatabase {
    pub(crate) async fn select(
        &self,
        scope: &Scope,
        keys: &[SortKey],
        statement: Statement,
    ) -> Result<Vec<FoundRow>, sqlx::Error> {
        let rows = bind(statement).fetch_all(&self.pool).await?;
        let found = |row: &PgRow| {
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
        let rows = bind(statement).fetch_all(&self.pool).await?;
        let found = |row: &PgRow| {
            Ok(FoundValues {
                place: place(row, keys)?,
                values: row.try_get("data")?,
            })
        };
        rows.iter().map(found).collect()
    }

    pub(crate) async fn number(&self, statement: Statement) -> Result<i64, sqlx::Error> {
        bind(statement).fetch_one(&self.pool).await?.try_get(0)
    }
}
