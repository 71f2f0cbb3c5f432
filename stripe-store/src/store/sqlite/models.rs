//! The tables of models on SQLite.

use std::sync::Arc;

use sqlx::sqlite::{SqliteRow, SqliteTransaction};
use sqlx::{Row as _, SqliteConnection};
use tokio::sync::OwnedMutexGuard;

use super::{SqliteDatabase, checked, raw_time, to_json};
use crate::store::Dialect;
use crate::store::arguments::Arguments;
use crate::store::extension::{Catalog, CatalogColumn, CatalogReference, Difference, Extension};
use crate::store::models::{LinkKey, Linkable};
use crate::store::stored::RawRow;

impl SqliteDatabase {
    /// A transaction that holds the lock, and the turn among this process's writers, which ends after it.
    pub(crate) async fn begin(
        &self,
    ) -> Result<(SqliteTransaction<'static>, OwnedMutexGuard<()>), sqlx::Error> {
        let turn = Arc::clone(&self.writer).lock_owned().await;
        let transaction = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        Ok((transaction, turn))
    }

    /// Runs a statement that returns numbers.
    pub(crate) async fn run_own(
        &self,
        sql: String,
        arguments: Arguments,
    ) -> Result<Vec<i64>, sqlx::Error> {
        let _turn = self.writer.lock().await;
        let mut connection = self.pool.acquire().await?;
        self.run_own_in(&mut connection, sql, arguments).await
    }

    /// The same in a transaction.
    pub(crate) async fn run_own_in(
        &self,
        connection: &mut SqliteConnection,
        sql: String,
        arguments: Arguments,
    ) -> Result<Vec<i64>, sqlx::Error> {
        sqlx::query_scalar_with(checked(sql), arguments.into_sqlite())
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
        connection: &mut SqliteConnection,
        sql: String,
        arguments: Arguments,
    ) -> Result<Vec<String>, sqlx::Error> {
        sqlx::query_scalar_with(checked(sql), arguments.into_sqlite())
            .fetch_all(connection)
            .await
    }

    pub(crate) async fn linkable(
        &self,
        connection: &mut SqliteConnection,
        sql: String,
        keys: &[LinkKey],
    ) -> Result<Vec<Linkable>, sqlx::Error> {
        let keys: Vec<_> = keys
            .iter()
            .map(|key| (&key.account, i32::from(key.livemode), &key.object, &key.id))
            .collect();
        let rows = sqlx::query(checked(sql))
            .bind(to_json(&keys)?)
            .fetch_all(connection)
            .await?;
        let linkable = |row: &SqliteRow| {
            Ok(Linkable {
                row: RawRow {
                    stripe_id: row.try_get(0)?,
                    data: row.try_get(1)?,
                    api_version: row.try_get(2)?,
                    as_of: row.try_get(3)?,
                    as_of_until: row.try_get(4)?,
                    source: row.try_get(5)?,
                    deleted_at: row.try_get::<Option<String>, _>(6)?.map(raw_time),
                    created_at: raw_time(row.try_get(7)?),
                    updated_at: raw_time(row.try_get(8)?),
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
        let (mut transaction, _turn) = self.begin().await?;
        let catalog = catalog(&mut transaction, extension).await?;
        let difference = extension.difference(Dialect::Sqlite, catalog.as_ref());
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
    connection: &mut SqliteConnection,
    extension: &Extension,
) -> Result<Option<Catalog>, sqlx::Error> {
    let rows =
        sqlx::query("SELECT name, type, \"notnull\" FROM pragma_table_xinfo(?1) WHERE hidden = 0")
            .bind(extension.name())
            .fetch_all(&mut *connection)
            .await?;
    if rows.is_empty() {
        return Ok(None);
    }
    let references = sqlx::query(
        "SELECT \"from\", \"table\", \"to\", on_delete FROM pragma_foreign_key_list(?1)",
    )
    .bind(extension.name())
    .fetch_all(&mut *connection)
    .await?;
    let reference = |name: &str| -> Result<Option<CatalogReference>, sqlx::Error> {
        for row in &references {
            if row.try_get::<&str, _>(0)? != name {
                continue;
            }
            let (table, column): (String, Option<String>) = (row.try_get(1)?, row.try_get(2)?);
            let wanted = extension.reference(name);
            return Ok(Some(CatalogReference {
                constraint: None,
                is_same: wanted.is_some_and(|wanted| {
                    wanted.table.eq_ignore_ascii_case(&table)
                        && column
                            .as_deref()
                            .is_none_or(|column| wanted.column.eq_ignore_ascii_case(column))
                }),
                on_delete: row.try_get(3)?,
                target: format!("{table}({})", column.as_deref().unwrap_or("its key")),
            }));
        }
        Ok(None)
    };
    let columns = rows.iter().map(|row| {
        let name: String = row.try_get(0)?;
        Ok(CatalogColumn {
            sql_type: row.try_get(1)?,
            wanted_type: None,
            is_nullable: row.try_get::<i64, _>(2)? == 0,
            references: reference(&name)?,
            name,
        })
    });
    let columns = columns.collect::<Result<_, sqlx::Error>>()?;
    let has_rows = format!("SELECT EXISTS (SELECT 1 FROM {})", extension.quoted_table());
    Ok(Some(Catalog {
        columns,
        has_rows: sqlx::query_scalar(checked(has_rows))
            .fetch_one(connection)
            .await?,
    }))
}
