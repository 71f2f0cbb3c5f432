//! Queries and indexes on PostgreSQL.

use std::time::Duration;

use sqlx::postgres::{PgArguments, PgRow};
use sqlx::query::Query;
use sqlx::{Connection as _, PgConnection, Postgres, Row as _};

use super::{PgDatabase, checked, raw_row};
use crate::query::{Operand, Read};
use crate::store::query::FoundRow;
use crate::store::scope::Scope;
use crate::store::sql::{IndexPlan, Parameter, Place, SortKey, Statement};
use crate::store::tables::TableNames;

/// How long to wait for who is making the same index before looking again.
const INDEX_WAIT: Duration = Duration::from_millis(100);

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

impl PgDatabase {
    pub(crate) async fn select(
        &self,
        scope: &Scope,
        keys: &[SortKey],
        statement: Statement,
    ) -> Result<Vec<FoundRow>, sqlx::Error> {
        let rows = bind(statement).fetch_all(&self.pool).await?;
        let found = |row: &PgRow| {
            let row_of_table = raw_row(row, scope, row.try_get("object")?)?;
            let values = keys
                .iter()
                .filter_map(SortKey::value)
                .map(|(name, read)| key_value(row, name, read))
                .collect::<Result<_, _>>()?;
            Ok(FoundRow {
                place: Place {
                    object: row_of_table.object.clone(),
                    id: row_of_table.stripe_id.clone(),
                    values,
                },
                row: row_of_table,
            })
        };
        rows.iter().map(found).collect()
    }

    pub(crate) async fn number(&self, statement: Statement) -> Result<i64, sqlx::Error> {
        bind(statement).fetch_one(&self.pool).await?.try_get(0)
    }

    /// Makes an index while others write. Whoever comes second waits until it is there.
    pub(crate) async fn ensure_index(
        &self,
        tables: &TableNames,
        plan: &IndexPlan,
        lock: i64,
    ) -> Result<(), sqlx::Error> {
        let name = match tables.schema() {
            Some(schema) => format!("\"{schema}\".\"{}\"", plan.name),
            None => format!("\"{}\"", plan.name),
        };
        if self
            .is_valid(&mut *self.pool.acquire().await?, &name)
            .await?
            == Some(true)
        {
            return Ok(());
        }
        // A connection of its own: the lock ends with it, also when this future is dropped half way. Who waits asks
        // again and again, since a statement that waits for the lock would be waited for by the index.
        let mut connection = self.pool.acquire().await?.detach();
        // An index on a large table takes longer than any other statement may.
        sqlx::query("SELECT set_config('statement_timeout', '0', false), set_config('lock_timeout', '0', false)")
            .execute(&mut connection)
            .await?;
        loop {
            let locked: bool = sqlx::query_scalar("SELECT pg_try_advisory_lock($1)")
                .bind(lock)
                .fetch_one(&mut connection)
                .await?;
            if locked {
                break;
            }
            tokio::time::sleep(INDEX_WAIT).await;
        }
        match self.is_valid(&mut connection, &name).await? {
            Some(true) => return connection.close().await,
            // What is left of one that was broken off.
            Some(false) => {
                let sql = checked(format!("DROP INDEX CONCURRENTLY IF EXISTS {name}"));
                sqlx::query(sql).execute(&mut connection).await?;
            }
            None => {}
        }
        let sql = checked(format!(
            "CREATE INDEX CONCURRENTLY IF NOT EXISTS \"{}\" ON {} {}",
            plan.name,
            tables.objects(),
            plan.columns
        ));
        sqlx::query(sql).execute(&mut connection).await?;
        connection.close().await
    }

    /// Whether the index is whole; `None` if it is not there.
    async fn is_valid(
        &self,
        connection: &mut PgConnection,
        name: &str,
    ) -> Result<Option<bool>, sqlx::Error> {
        sqlx::query_scalar("SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass($1)")
            .bind(name)
            .fetch_optional(connection)
            .await
    }
}
