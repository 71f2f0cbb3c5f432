//! Queries on PostgreSQL.

use futures_util::TryStreamExt as _;
use sqlx::postgres::{PgArguments, PgRow};
use sqlx::query::Query;
use sqlx::{Postgres, Row as _};

use super::{PgDatabase, checked, raw_row};
use crate::query::{Operand, Read};
use crate::store::arguments::{Arguments, Cell};
use crate::store::extension::OWN_AT;
use crate::store::query::{EachValues, FoundRow};
use crate::store::scope::Scope;
use crate::store::sql::{Parameter, Place, SortKey, Statement};
use crate::store::text;

fn bind(statement: Statement) -> Result<Query<'static, Postgres, PgArguments>, sqlx::Error> {
    let mut arguments = Arguments::Postgres(PgArguments::default());
    for parameter in statement.parameters {
        match parameter {
            Parameter::Text(text) => arguments.add(text),
            Parameter::Int(number) => arguments.add(number),
            Parameter::Float(number) => arguments.add(number),
            Parameter::Bool(value) => arguments.add(value),
            Parameter::Texts(texts) => arguments.add_postgres(texts),
            Parameter::Ints(numbers) => arguments.add_postgres(numbers),
            Parameter::Floats(numbers) => arguments.add_postgres(numbers),
            Parameter::Bools(values) => arguments.add_postgres(values),
            Parameter::Own(value) => value.add_to(&mut arguments),
        }
        .map_err(sqlx::Error::Encode)?;
    }
    Ok(sqlx::query_with(
        checked(statement.sql),
        arguments.into_postgres(),
    ))
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
        let rows = bind(statement)?.fetch_all(&self.pool).await?;
        let found = |row: &PgRow| {
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
        connection: &mut sqlx::PgConnection,
        scope: &Scope,
        keys: &[SortKey],
        statement: Statement,
        decode: impl Fn(Cell<'_>) -> O,
    ) -> Result<Vec<(FoundRow, i64, O)>, sqlx::Error> {
        let rows = bind(statement)?.fetch_all(connection).await?;
        let found = |row: &PgRow| {
            let found = FoundRow {
                place: place(row, keys)?,
                row: raw_row(row, scope, row.try_get("object")?)?,
            };
            let id = row.try_get(OWN_AT)?;
            Ok((found, id, decode(Cell::Postgres(row, OWN_AT + 1))))
        };
        rows.iter().map(found).collect()
    }

    pub(crate) async fn number(&self, statement: Statement) -> Result<i64, sqlx::Error> {
        bind(statement)?.fetch_one(&self.pool).await?.try_get(0)
    }
}
