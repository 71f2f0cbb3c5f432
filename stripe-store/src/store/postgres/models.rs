//! The tables of models on PostgreSQL.

use std::collections::HashMap;

use sqlx::postgres::PgRow;
use sqlx::{PgConnection, PgTransaction, Row as _};

use super::time::PgMillis;
use super::{BEGIN, MIGRATION_LOCK, PgDatabase, checked};
use crate::clock::UnixMillis;
use crate::store::Dialect;
use crate::store::arguments::Arguments;
use crate::store::extension::{Catalog, CatalogColumn, CatalogReference, Difference, Extension};
use crate::store::models::{LinkKey, Linkable};
use crate::store::stored::RawRow;

impl PgDatabase {
    /// A transaction, each of whose statements sees what was committed before it.
    pub(crate) async fn begin(&self) -> Result<PgTransaction<'static>, sqlx::Error> {
        self.pool.begin_with(BEGIN).await
    }

    /// Runs a statement that returns numbers.
    pub(crate) async fn run_own(
        &self,
        sql: String,
        arguments: Arguments,
    ) -> Result<Vec<i64>, sqlx::Error> {
        let mut connection = self.pool.acquire().await?;
        self.run_own_in(&mut connection, sql, arguments).await
    }

    /// The same in a transaction.
    pub(crate) async fn run_own_in(
        &self,
        connection: &mut PgConnection,
        sql: String,
        arguments: Arguments,
    ) -> Result<Vec<i64>, sqlx::Error> {
        sqlx::query_scalar_with(checked(sql), arguments.into_postgres())
            .fetch_all(connection)
            .await
    }

    /// Runs a statement that returns texts.
    pub(crate) async fn texts(
        &self,
        sql: String,
        arguments: Arguments,
    ) -> Result<Vec<String>, sqlx::Error> {
        let mut connection = self.pool.acquire().await?;
        self.texts_in(&mut connection, sql, arguments).await
    }

    /// The same in a transaction.
    pub(crate) async fn texts_in(
        &self,
        connection: &mut PgConnection,
        sql: String,
        arguments: Arguments,
    ) -> Result<Vec<String>, sqlx::Error> {
        sqlx::query_scalar_with(checked(sql), arguments.into_postgres())
            .fetch_all(connection)
            .await
    }

    pub(crate) async fn linkable(
        &self,
        connection: &mut PgConnection,
        sql: String,
        keys: &[LinkKey],
    ) -> Result<Vec<Linkable>, sqlx::Error> {
        let texts = |value: fn(&LinkKey) -> &str| -> Vec<&str> { keys.iter().map(value).collect() };
        let rows = sqlx::query(checked(sql))
            .bind(texts(|key| &key.account))
            .bind(keys.iter().map(|key| key.livemode).collect::<Vec<_>>())
            .bind(texts(|key| &key.object))
            .bind(texts(|key| &key.id))
            .fetch_all(connection)
            .await?;
        let time = |at: PgMillis| Ok(UnixMillis::new(at.0));
        let linkable = |row: &PgRow| {
            Ok(Linkable {
                row: RawRow {
                    stripe_id: row.try_get(0)?,
                    data: row.try_get(1)?,
                    api_version: row.try_get(2)?,
                    as_of: row.try_get(3)?,
                    as_of_until: row.try_get(4)?,
                    source: row.try_get(5)?,
                    deleted_at: row.try_get::<Option<PgMillis>, _>(6)?.map(time),
                    created_at: time(row.try_get(7)?),
                    updated_at: time(row.try_get(8)?),
                    account: row.try_get(9)?,
                    livemode: row.try_get(10)?,
                    object: row.try_get(11)?,
                },
                place: usize::try_from(row.try_get::<i64, _>(12)?).unwrap_or(usize::MAX),
                is_linked: row.try_get(13)?,
            })
        };
        rows.iter().map(linkable).collect()
    }

    /// Makes a model's table what it should be, but for indexes, where nothing is lost by it.
    pub(crate) async fn migrate_model(
        &self,
        extension: &Extension,
    ) -> Result<Difference, sqlx::Error> {
        let mut transaction = self.begin().await?;
        sqlx::query("SELECT pg_advisory_xact_lock($1)")
            .bind(MIGRATION_LOCK)
            .execute(&mut *transaction)
            .await?;
        let catalog = catalog(&mut transaction, extension).await?;
        let difference = extension.difference(Dialect::Postgres, catalog.as_ref());
        if let Difference::Additions(statements, _) = &difference {
            for sql in statements {
                sqlx::query(checked(sql.clone()))
                    .execute(&mut *transaction)
                    .await?;
            }
        }
        transaction.commit().await?;
        Ok(difference)
    }
}

/// What there is of the table; `None` if it is not there.
async fn catalog(
    connection: &mut PgConnection,
    extension: &Extension,
) -> Result<Option<Catalog>, sqlx::Error> {
    let table = extension.quoted_table();
    let exists: bool = sqlx::query_scalar("SELECT to_regclass($1) IS NOT NULL")
        .bind(&table)
        .fetch_one(&mut *connection)
        .await?;
    if !exists {
        return Ok(None);
    }
    let wanted = wanted_types(connection, extension).await?;
    let rows = sqlx::query(
        "SELECT a.attname::text, format_type(a.atttypid, a.atttypmod), a.attnotnull \
         FROM pg_attribute AS a WHERE a.attrelid = to_regclass($1) AND a.attnum > 0 AND NOT a.attisdropped \
         ORDER BY a.attnum",
    )
    .bind(&table)
    .fetch_all(&mut *connection)
    .await?;
    let mut columns = Vec::with_capacity(rows.len());
    for row in &rows {
        let name: String = row.try_get(0)?;
        columns.push(CatalogColumn {
            sql_type: row.try_get(1)?,
            wanted_type: wanted.get(&name).cloned(),
            is_nullable: !row.try_get::<bool, _>(2)?,
            references: reference(connection, extension, &table, &name).await?,
            name,
        });
    }
    let has_rows = format!("SELECT EXISTS (SELECT FROM {table})");
    Ok(Some(Catalog {
        columns,
        has_rows: sqlx::query_scalar(checked(has_rows))
            .fetch_one(connection)
            .await?,
    }))
}

/// The types that the struct says, as the server spells them: those of a table that is made for it.
async fn wanted_types(
    connection: &mut PgConnection,
    extension: &Extension,
) -> Result<HashMap<String, String>, sqlx::Error> {
    let Some(columns) = extension.column_types(Dialect::Postgres) else {
        return Ok(HashMap::new());
    };
    let create = format!("CREATE TEMPORARY TABLE _stripe_store_wanted ({columns}) ON COMMIT DROP");
    sqlx::query(checked(create))
        .execute(&mut *connection)
        .await?;
    let types: Vec<(String, String)> = sqlx::query_as(
        "SELECT attname::text, format_type(atttypid, atttypmod) FROM pg_attribute \
         WHERE attrelid = 'pg_temp._stripe_store_wanted'::regclass AND attnum > 0",
    )
    .fetch_all(&mut *connection)
    .await?;
    sqlx::query("DROP TABLE pg_temp._stripe_store_wanted")
        .execute(connection)
        .await?;
    Ok(types.into_iter().collect())
}

/// What a column alone refers to.
async fn reference(
    connection: &mut PgConnection,
    extension: &Extension,
    table: &str,
    column: &str,
) -> Result<Option<CatalogReference>, sqlx::Error> {
    let wanted = extension.reference(column);
    let row = sqlx::query(
        "SELECT c.conname::text, c.confdeltype::text, c.confrelid::regclass::text, f.attname::text, \
         coalesce(c.confrelid = to_regclass($3) AND f.attname = $4, false) \
         FROM pg_constraint AS c \
         JOIN pg_attribute AS a ON a.attrelid = c.conrelid AND a.attnum = c.conkey[1] \
         JOIN pg_attribute AS f ON f.attrelid = c.confrelid AND f.attnum = c.confkey[1] \
         WHERE c.contype = 'f' AND c.conrelid = to_regclass($1) AND cardinality(c.conkey) = 1 AND a.attname = $2 \
         ORDER BY c.conname LIMIT 1",
    )
    .bind(table)
    .bind(column)
    .bind(wanted.map(|wanted| wanted.quoted_table()))
    .bind(wanted.map(|wanted| wanted.column))
    .fetch_optional(connection)
    .await?;
    let Some(row) = row else {
        return Ok(None);
    };
    let on_delete = match row.try_get::<&str, _>(1)? {
        "r" => "RESTRICT",
        "c" => "CASCADE",
        "n" => "SET NULL",
        "d" => "SET DEFAULT",
        _ => "NO ACTION",
    };
    Ok(Some(CatalogReference {
        constraint: row.try_get(0)?,
        is_same: row.try_get(4)?,
        on_delete: on_delete.to_owned(),
        target: format!(
            "{}({})",
            row.try_get::<&str, _>(2)?,
            row.try_get::<&str, _>(3)?
        ),
    }))
}
