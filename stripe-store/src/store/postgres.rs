//! The statements of PostgreSQL.
//!
//! Single statements, so that a connection in autocommit mode is as good as a transaction and nothing stays open
//! between two of them.

#[cfg(any(feature = "client", feature = "webhook"))]
mod cells;
mod changed;
pub(super) mod export;
mod extract;
mod import;
#[cfg(any(feature = "client", feature = "webhook"))]
mod inbox;
mod index;
pub(super) mod listen;
mod models;
mod pieces;
mod purge;
mod query;
#[cfg(any(feature = "client", feature = "webhook"))]
mod queue;
mod statement;
mod time;
mod write;

use sqlx::migrate::{AppliedMigration, Migrate, MigrateError};
use sqlx::postgres::PgRow;
use sqlx::{AssertSqlSafe, Connection as _, PgPool, Row as _, SqlSafeStr, SqlStr};

pub(super) use self::time::PgMillis;
pub(crate) use self::time::{PgBits128, PgDays, PgMicros};
use self::write::Statements;
use super::dirty::{DirtyReason, RawDirty};
use super::list::{ListQuery, ListedRow};
use super::read::RawCount;
use super::scope::Scope;
use super::sql::created;
use super::stored::RawRow;
use super::tables::TableNames;
use super::{Deleted, Dialect, migrate};
use crate::clock::UnixMillis;

/// Each statement sees what was committed before it, also by those who held the locks.
const BEGIN: &str = "BEGIN ISOLATION LEVEL READ COMMITTED";

/// The key of the advisory lock that migrations hold: any number that no one else takes.
const MIGRATION_LOCK: i64 = 0x5354_5250_5f53_544f;

/// Binds a query to its scope and type, by way of the indexes other than the primary key: they are in this collation,
/// which is `"C"` under another name, so that the planner never takes one kind for the other.
const SCOPE: &str =
    r#"account COLLATE "POSIX" = $1 AND livemode = $2 AND object COLLATE "POSIX" = $3"#;

/// What a read asks for; it knows the scope and the type itself.
const COLUMNS: &str = "stripe_id, data::text AS data, api_version, as_of, as_of_until, source, deleted_at, created_at, \
    updated_at";

/// A pool, and the statements for the names of its tables.
#[derive(Debug)]
pub(crate) struct PgDatabase {
    pool: PgPool,
    get: SqlStr,
    get_many: SqlStr,
    list_after: String,
    list_from: String,
    counts: SqlStr,
    dirty: SqlStr,
    notify: SqlStr,
    writing: Statements,
    families: extract::Statements,
    /// The key of the advisory lock of the queue of events.
    #[cfg(any(feature = "client", feature = "webhook"))]
    queue_lock: i64,
}

/// The names in a statement were checked by [`TableNames`]; everything else in it is a constant.
fn checked(sql: String) -> SqlStr {
    AssertSqlSafe(std::sync::Arc::<str>::from(sql)).into_sql_str()
}

impl PgDatabase {
    pub(crate) fn new(pool: PgPool, tables: &TableNames) -> Self {
        let table = tables.objects();
        let one_type = format!(
            "SELECT {COLUMNS} FROM {table} WHERE account = $1 AND livemode = $2 AND object = $3 \
             AND ($4 OR deleted_at IS NULL)"
        );
        let created = created(Dialect::Postgres);
        let list = |comparison: &str| {
            // The limit follows, as a number: of a parameter the planner would expect a tenth of the rows.
            format!(
                "SELECT {COLUMNS}, {created} AS created FROM {table} \
                 WHERE {SCOPE} AND ($4 OR deleted_at IS NULL) \
                 AND ({created}, stripe_id) {comparison} ($5, $6) \
                 ORDER BY {created} DESC, stripe_id DESC LIMIT "
            )
        };
        Self {
            pool,
            get: checked(format!("{one_type} AND stripe_id = $5")),
            get_many: checked(format!("{one_type} AND stripe_id = ANY($5)")),
            list_after: list("<"),
            list_from: list("<="),
            counts: checked(format!(
                "SELECT account, livemode, object, count(*), count(deleted_at) FROM {table} \
                 GROUP BY account, livemode, object ORDER BY account, livemode, object"
            )),
            dirty: checked(format!(
                "SELECT account, livemode, object, stripe_id, not_before, created_at, reason FROM {} \
                 ORDER BY not_before, account, livemode, object, stripe_id, reason LIMIT $1",
                tables.dirty()
            )),
            notify: listen::notify_sql(&table),
            writing: Statements::new(tables),
            families: extract::Statements::new(tables),
            #[cfg(any(feature = "client", feature = "webhook"))]
            queue_lock: extract::lock_for(&tables.events()),
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
            .bind(ids)
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
        let rows = sqlx::query(checked(format!("{sql}{}", query.limit)))
            .bind(query.scope.account_column())
            .bind(query.scope.mode().is_live())
            .bind(query.object)
            .bind(query.deleted.is_included())
            .bind(after.created)
            .bind(after.id)
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
        let dirty = |row: &PgRow| {
            Ok(RawDirty {
                account: row.try_get(0)?,
                livemode: row.try_get(1)?,
                object: row.try_get(2)?,
                stripe_id: row.try_get(3)?,
                not_before: row.try_get(4)?,
                created_at: Ok(UnixMillis::new(row.try_get::<PgMillis, _>(5)?.0)),
                reason: DirtyReason::from_column(row.try_get(6)?),
            })
        };
        rows.iter().map(dirty).collect()
    }

    pub(crate) async fn migrate(&self, tables: &TableNames) -> Result<(), MigrateError> {
        let migrator = migrate::migrator(Dialect::Postgres, tables);
        if migrate::is_done(&migrator, &self.applied(tables).await?) {
            return Ok(());
        }
        // A lock and a search path that end with the transaction, whether it commits, fails or is dropped half way.
        // Each statement has to see what the one who held the lock before committed, so no stricter isolation.
        let mut connection = self.pool.acquire().await?;
        let mut transaction = connection.begin_with(BEGIN).await?;
        // Indexes of a large table take the time that they take.
        sqlx::query(
            "SELECT set_config('statement_timeout', '0', true), set_config('lock_timeout', '0', true)",
        )
        .execute(&mut *transaction)
        .await?;
        sqlx::query("SELECT pg_advisory_xact_lock($1)")
            .bind(MIGRATION_LOCK)
            .execute(&mut *transaction)
            .await?;
        if let Some(schema) = tables.schema() {
            let exists: bool =
                sqlx::query_scalar("SELECT to_regnamespace(quote_ident($1)) IS NOT NULL")
                    .bind(schema)
                    .fetch_one(&mut *transaction)
                    .await?;
            if !exists {
                transaction
                    .create_schema_if_not_exists(&format!("\"{schema}\""))
                    .await?;
            }
            sqlx::query("SELECT set_config('search_path', quote_ident($1), true)")
                .bind(schema)
                .execute(&mut *transaction)
                .await?;
        }
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
        let exists: bool = sqlx::query_scalar("SELECT to_regclass($1) IS NOT NULL")
            .bind(&table)
            .fetch_one(&mut *connection)
            .await?;
        if !exists {
            return Ok(Vec::new());
        }
        connection.list_applied_migrations(&table).await
    }
}

fn raw_row(row: &PgRow, scope: &Scope, object: &str) -> Result<RawRow, sqlx::Error> {
    let time = |at: PgMillis| Ok(UnixMillis::new(at.0));
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
        deleted_at: row.try_get::<Option<PgMillis>, _>(6)?.map(time),
        created_at: time(row.try_get(7)?),
        updated_at: time(row.try_get(8)?),
    })
}
