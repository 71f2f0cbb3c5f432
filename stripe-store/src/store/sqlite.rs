//! The statements of SQLite.
//!
//! A write is one transaction that holds the write lock from its beginning, so that what it reads stays true until it
//! commits, and it never finds out half way that another writer was faster.

#[cfg(any(feature = "client", feature = "webhook"))]
mod cells;
mod changed;
mod decide;
pub(super) mod export;
mod extract;
mod import;
#[cfg(any(feature = "client", feature = "webhook"))]
mod inbox;
mod models;
mod purge;
mod query;
#[cfg(any(feature = "client", feature = "webhook"))]
mod queue;
mod write;

use std::sync::Arc;

use sqlx::migrate::{AppliedMigration, Migrate, MigrateError};
use sqlx::sqlite::SqliteRow;
use sqlx::{AssertSqlSafe, Row as _, SqlSafeStr, SqlStr, SqlitePool};
use tokio::sync::Mutex;

use self::write::Statements;
use super::dirty::{DirtyReason, RawDirty};
use super::list::{ListQuery, ListedRow};
use super::read::RawCount;
use super::scope::Scope;
use super::sql::created;
use super::stored::{RawRow, RawTime};
use super::tables::TableNames;
use super::{Deleted, Dialect, migrate};
use crate::clock::UnixMillis;

/// What a read asks for; it knows the scope and the type itself.
const COLUMNS: &str =
    "stripe_id, data, api_version, as_of, as_of_until, source, deleted_at, created_at, updated_at";

/// A pool, and the statements for the names of its tables.
#[derive(Debug)]
pub(crate) struct SqliteDatabase {
    pool: SqlitePool,
    /// SQLite has one writer at a time. Those of this process wait here, in order, and not in the file's lock, where
    /// who waits sleeps and who comes first is a matter of luck.
    writer: Arc<Mutex<()>>,
    get: SqlStr,
    get_many: SqlStr,
    list_after: SqlStr,
    list_from: SqlStr,
    counts: SqlStr,
    dirty: SqlStr,
    indexes: Box<query::Indexes>,
    writing: Statements,
    families: extract::Statements,
}

/// The names in a statement were checked by [`TableNames`]; everything else in it is a constant.
fn checked(sql: String) -> SqlStr {
    AssertSqlSafe(Arc::<str>::from(sql)).into_sql_str()
}

impl SqliteDatabase {
    pub(crate) fn new(pool: SqlitePool, tables: &TableNames) -> Self {
        let table = tables.objects();
        let one_type = format!(
            "SELECT {COLUMNS} FROM {table} WHERE account = ?1 AND livemode = ?2 AND object = ?3 \
             AND (?4 OR deleted_at IS NULL)"
        );
        // Where the last page ended, then everything older. SQLite does not take a comparison of a pair with an
        // expression in it to an index, as PostgreSQL does, and would read every earlier page again.
        let created = created(Dialect::Sqlite);
        let list = |comparison: &str| {
            let part = |place: &str, order: &str| {
                format!(
                    "SELECT * FROM (SELECT {COLUMNS}, {created} AS created FROM {table} \
                     WHERE account = ?1 AND livemode = ?2 AND object = ?3 \
                     AND (?4 OR deleted_at IS NULL) AND {place} ORDER BY {order} LIMIT ?7)"
                )
            };
            checked(format!(
                "{} UNION ALL {} ORDER BY created DESC, stripe_id DESC LIMIT ?7",
                part(
                    &format!("{created} = ?5 AND stripe_id {comparison} ?6"),
                    "stripe_id DESC"
                ),
                part(
                    &format!("{created} < ?5"),
                    &format!("{created} DESC, stripe_id DESC")
                ),
            ))
        };
        Self {
            pool,
            writer: Arc::default(),
            get: checked(format!("{one_type} AND stripe_id = ?5")),
            get_many: checked(format!(
                "{one_type} AND stripe_id IN (SELECT value FROM json_each(?5))"
            )),
            list_after: list("<"),
            list_from: list("<="),
            counts: checked(format!(
                "SELECT account, livemode, object, count(*), count(deleted_at) FROM {table} \
                 GROUP BY account, livemode, object ORDER BY account, livemode, object"
            )),
            dirty: checked(format!(
                "SELECT account, livemode, object, stripe_id, not_before, created_at, reason FROM {} \
                 ORDER BY not_before, account, livemode, object, stripe_id, reason LIMIT ?1",
                tables.dirty()
            )),
            indexes: Box::default(),
            writing: Statements::new(tables),
            families: extract::Statements::new(tables),
        }
    }

    pub(crate) async fn get(
        &self,
        scope: &Scope,
        object: &str,
        id: &str,
        deleted: Deleted,
    ) -> Result<Option<RawRow>, sqlx::Error> {
        let row = sqlx::query(self.get.clone())
            .bind(scope.account_column())
            .bind(scope.mode().is_live())
            .bind(object)
            .bind(deleted.is_included())
            .bind(id)
            .fetch_optional(&self.pool)
            .await?;
        row.map(|row| raw_row(&row, scope, object)).transpose()
    }

    pub(crate) async fn get_many(
        &self,
        scope: &Scope,
        object: &str,
        ids: &[&str],
        deleted: Deleted,
    ) -> Result<Vec<RawRow>, sqlx::Error> {
        let rows = sqlx::query(self.get_many.clone())
            .bind(scope.account_column())
            .bind(scope.mode().is_live())
            .bind(object)
            .bind(deleted.is_included())
            .bind(to_json(&ids)?)
            .fetch_all(&self.pool)
            .await?;
        rows.iter().map(|row| raw_row(row, scope, object)).collect()
    }

    pub(crate) async fn list(&self, query: ListQuery<'_>) -> Result<Vec<ListedRow>, sqlx::Error> {
        let after = query.after();
        let sql = if after.inclusive {
            &self.list_from
        } else {
            &self.list_after
        };
        let rows = sqlx::query(sql.clone())
            .bind(query.scope.account_column())
            .bind(query.scope.mode().is_live())
            .bind(query.object)
            .bind(query.deleted.is_included())
            .bind(after.created)
            .bind(after.id)
            .bind(query.limit)
            .fetch_all(&self.pool)
            .await?;
        rows.iter()
            .map(|row| {
                Ok(ListedRow {
                    created: row.try_get("created")?,
                    row: raw_row(row, query.scope, query.object)?,
                })
            })
            .collect()
    }

    pub(crate) async fn counts(&self) -> Result<Vec<RawCount>, sqlx::Error> {
        sqlx::query_as(self.counts.clone())
            .fetch_all(&self.pool)
            .await
    }

    pub(crate) async fn dirty(&self, limit: i64) -> Result<Vec<RawDirty>, sqlx::Error> {
        let rows = sqlx::query(self.dirty.clone())
            .bind(limit)
            .fetch_all(&self.pool)
            .await?;
        let dirty = |row: &SqliteRow| {
            Ok(RawDirty {
                account: row.try_get(0)?,
                livemode: row.try_get(1)?,
                object: row.try_get(2)?,
                stripe_id: row.try_get(3)?,
                not_before: row.try_get(4)?,
                created_at: raw_time(row.try_get(5)?),
                reason: DirtyReason::from_column(row.try_get(6)?),
            })
        };
        rows.iter().map(dirty).collect()
    }

    pub(crate) async fn migrate(&self, tables: &TableNames) -> Result<(), MigrateError> {
        let migrator = migrate::migrator(Dialect::Sqlite, tables);
        let _turn = self.writer.lock().await;
        if migrate::is_done(&migrator, &self.applied(tables).await?) {
            return Ok(());
        }
        let mut transaction = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        migrator.run_direct(None, &mut *transaction, false).await?;
        transaction.commit().await?;
        Ok(())
    }

    /// The migrations that ran here; none, where none ever did.
    pub(crate) async fn applied(
        &self,
        tables: &TableNames,
    ) -> Result<Vec<AppliedMigration>, MigrateError> {
        let mut connection = self.pool.acquire().await?;
        let table = tables.migrations();
        let exists: bool = sqlx::query_scalar(
            "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?1)",
        )
        .bind(table.trim_matches('"'))
        .fetch_one(&mut *connection)
        .await?;
        if !exists {
            return Ok(Vec::new());
        }
        connection.list_applied_migrations(&table).await
    }
}

fn to_json(value: &(impl serde::Serialize + ?Sized)) -> Result<String, sqlx::Error> {
    serde_json::to_string(value).map_err(|error| sqlx::Error::Encode(error.into()))
}

fn raw_time(text: String) -> RawTime {
    UnixMillis::parse(&text).ok_or(text)
}

fn raw_row(row: &SqliteRow, scope: &Scope, object: &str) -> Result<RawRow, sqlx::Error> {
    Ok(RawRow {
        account: scope.account_column().to_owned(),
        livemode: scope.mode().is_live(),
        object: object.to_owned(),
        stripe_id: row.try_get(0)?,
        data: row.try_get(1)?,
        api_version: row.try_get(2)?,
        as_of: row.try_get(3)?,
        as_of_until: row.try_get(4)?,
        source: row.try_get(5)?,
        deleted_at: row.try_get::<Option<String>, _>(6)?.map(raw_time),
        created_at: raw_time(row.try_get(7)?),
        updated_at: raw_time(row.try_get(8)?),
    })
}

#[cfg(test)]
mod tests;
