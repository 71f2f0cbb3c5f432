//! The statements of PostgreSQL.
//!
//! Single statements, so that a connection in autocommit mode is as good as a transaction and nothing stays open
//! between two of them.

mod time;

use sqlx::migrate::{Migrate, MigrateError};
use sqlx::postgres::PgRow;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, PgPool, Row as _, SqlSafeStr, SqlStr};

use self::time::PgMillis;
use super::batch::{Candidate, chunks};
use super::error::is_conflict;
use super::list::{ListQuery, ListedRow};
use super::outcome::Verdict;
use super::read::RawCount;
use super::scope::Scope;
use super::stored::RawRow;
use super::tables::TableNames;
use super::{Deleted, Dialect, migrate};
use crate::clock::UnixMillis;

/// What one statement of a write takes at most; a larger batch is a transaction of several.
const CHUNK_ROWS: usize = 1000;
const CHUNK_BYTES: usize = 8 << 20;

/// How often a write is tried when another transaction was in conflict with it. Each conflict means that the other
/// one went through.
const ATTEMPTS: usize = 10;

/// The key of the advisory lock that migrations hold: any number that no one else takes.
const MIGRATION_LOCK: i64 = 0x5354_5250_5f53_544f;

/// Sorts lists; the same expression as in the index `stripe_objects_created_idx`.
const CREATED: &str = "(CASE WHEN jsonb_typeof(data -> 'created') = 'number' \
    THEN trunc(least(greatest((data -> 'created')::numeric, 0), 9999999999))::bigint ELSE 0 END)";

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
    write: SqlStr,
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
        let list = |comparison: &str| {
            // The limit follows, as a number: of a parameter the planner would expect a tenth of the rows.
            format!(
                "SELECT {COLUMNS}, {CREATED} AS created FROM {table} \
                 WHERE {SCOPE} AND ($4 OR deleted_at IS NULL) \
                 AND ({CREATED}, stripe_id) {comparison} ($5, $6) \
                 ORDER BY {CREATED} DESC, stripe_id DESC LIMIT "
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
            write: checked(write_sql(&table)),
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

    pub(crate) async fn write(
        &self,
        candidates: &[Candidate<'_>],
        now: UnixMillis,
    ) -> Result<Vec<Verdict>, sqlx::Error> {
        for _ in 1..ATTEMPTS {
            match self.try_write(candidates, now).await {
                Err(error) if is_conflict(&error) => {
                    tracing::debug!(
                        "a write was in conflict with another transaction and is tried again"
                    );
                }
                result => return result,
            }
        }
        self.try_write(candidates, now).await
    }

    async fn try_write(
        &self,
        candidates: &[Candidate<'_>],
        now: UnixMillis,
    ) -> Result<Vec<Verdict>, sqlx::Error> {
        let mut connection = self.pool.acquire().await?;
        let mut chunks = chunks(candidates, CHUNK_ROWS, CHUNK_BYTES).peekable();
        let Some(first) = chunks.next() else {
            return Ok(Vec::new());
        };
        if chunks.peek().is_none() {
            return self.write_chunk(&mut connection, first, now).await;
        }
        let mut transaction = connection
            .begin_with("BEGIN ISOLATION LEVEL READ COMMITTED")
            .await?;
        let mut verdicts = self.write_chunk(&mut transaction, first, now).await?;
        for chunk in chunks {
            verdicts.extend(self.write_chunk(&mut transaction, chunk, now).await?);
        }
        transaction.commit().await?;
        Ok(verdicts)
    }

    async fn write_chunk(
        &self,
        connection: &mut PgConnection,
        chunk: &[Candidate<'_>],
        now: UnixMillis,
    ) -> Result<Vec<Verdict>, sqlx::Error> {
        fn column<'c, T>(
            chunk: &'c [Candidate<'_>],
            value: impl Fn(&'c Candidate<'_>) -> T,
        ) -> Vec<T> {
            chunk.iter().map(value).collect()
        }
        let rows = sqlx::query(self.write.clone())
            .bind(column(chunk, |c| c.key.account))
            .bind(column(chunk, |c| c.key.livemode))
            .bind(column(chunk, |c| c.key.object))
            .bind(column(chunk, |c| c.key.id))
            .bind(column(chunk, |c| c.snapshot.data()))
            .bind(column(chunk, |c| c.snapshot.api_version()))
            .bind(column(chunk, |c| c.snapshot.as_of().start().as_millis()))
            .bind(column(chunk, |c| c.snapshot.as_of().end().as_millis()))
            .bind(column(chunk, |c| c.snapshot.source().as_str()))
            .bind(column(chunk, |c| c.deleted_at.map(PgMillis)))
            .bind(PgMillis(now.as_millis()))
            .fetch_all(connection)
            .await?;
        rows.iter()
            .map(|row| {
                Ok(Verdict {
                    inserted: row.try_get(0)?,
                    written: row.try_get(1)?,
                    was_deleted: row.try_get(2)?,
                    same: row.try_get(3)?,
                    newer: row.try_get(4)?,
                })
            })
            .collect()
    }

    pub(crate) async fn migrate(&self, tables: &TableNames) -> Result<(), MigrateError> {
        let migrator = migrate::migrator(Dialect::Postgres, tables);
        let mut connection = self.pool.acquire().await?;
        let table = tables.migrations();
        let exists: bool = sqlx::query_scalar("SELECT to_regclass($1) IS NOT NULL")
            .bind(&table)
            .fetch_one(&mut *connection)
            .await?;
        if exists {
            let applied = connection.list_applied_migrations(&table).await?;
            if migrate::is_done(&migrator, &applied) {
                return Ok(());
            }
        }
        // A lock and a search path that end with the transaction, whether it commits, fails or is dropped half way.
        // Each statement has to see what the one who held the lock before committed, so no stricter isolation.
        let mut transaction = connection
            .begin_with("BEGIN ISOLATION LEVEL READ COMMITTED")
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
}

/// The write of a batch, in which each key comes once, as one statement.
///
/// * `input` is parsed once, also where it turns out to be stale.
/// * `judged` compares with the rows as they are. What is stale or a repetition goes no further, and so takes no lock
///   and writes no log: `ON CONFLICT` would do both even where its `WHERE` is false.
/// * `written` compares again, with the row locked, because another writer may have come between. Every writer comes
///   in the order of keys, so that two never wait for each other.
/// * The answer is one line a candidate, in order.
///
/// A row that another writer inserts between `judged` and `written` is judged as missing; its line then says that it
/// was written and not inserted, or that it was not written.
fn write_sql(table: &str) -> String {
    let newer = |new: &str, old: &str| {
        let rank = |row: &str| {
            format!(
                "({row}.deleted_at IS NULL OR {row}.data -> 'deleted' IS DISTINCT FROM 'true'::jsonb, \
                 {row}.as_of_until, {row}.as_of, {row}.source)"
            )
        };
        format!("({} > {})", rank(new), rank(old))
    };
    let deletes = |new: &str, old: &str| {
        format!(
            "({new}.deleted_at IS NOT NULL AND ({old}.deleted_at IS NULL OR {new}.deleted_at < {old}.deleted_at))"
        )
    };
    let (judged_newer, judged_deletes) = (newer("i", "r"), deletes("i", "r"));
    let (newer, deletes) = (newer("excluded", "t"), deletes("excluded", "t"));
    format!(
        "WITH input AS MATERIALIZED (
            SELECT place, account, livemode, object, stripe_id, data::jsonb AS data,
                api_version, as_of, as_of_until, source, deleted_at
            FROM unnest($1::text[], $2::boolean[], $3::text[], $4::text[], $5::text[], $6::text[], $7::bigint[],
                $8::bigint[], $9::text[], $10::timestamptz[]) WITH ORDINALITY
                AS u (account, livemode, object, stripe_id, data, api_version, as_of, as_of_until, source, deleted_at,
                    place)
        ),
        judged AS MATERIALIZED (
            SELECT i.*,
                r.stripe_id IS NOT NULL AS existed,
                r.deleted_at IS NOT NULL AS was_deleted,
                coalesce(r.data = i.data, false) AS same,
                r.stripe_id IS NULL OR {judged_newer} AS newer,
                r.stripe_id IS NULL OR {judged_deletes} AS deletes
            FROM input AS i
            LEFT JOIN {table} AS r ON r.account = i.account AND r.livemode = i.livemode AND r.object = i.object
                AND r.stripe_id = i.stripe_id
        ),
        written AS (
            INSERT INTO {table} AS t (account, livemode, object, stripe_id, data, api_version, as_of, as_of_until,
                source, deleted_at, created_at, updated_at)
            SELECT account, livemode, object, stripe_id, data, api_version, as_of, as_of_until, source, deleted_at,
                $11, $11
            FROM judged
            WHERE newer OR deletes
            ORDER BY place
            ON CONFLICT (account, livemode, object, stripe_id) DO UPDATE SET
                data = CASE WHEN {newer} AND t.data <> excluded.data THEN excluded.data ELSE t.data END,
                api_version = CASE WHEN {newer} THEN excluded.api_version ELSE t.api_version END,
                as_of = CASE WHEN {newer} THEN excluded.as_of ELSE t.as_of END,
                as_of_until = CASE WHEN {newer} THEN excluded.as_of_until ELSE t.as_of_until END,
                source = CASE WHEN {newer} THEN excluded.source ELSE t.source END,
                deleted_at = least(t.deleted_at, excluded.deleted_at),
                updated_at = CASE
                    WHEN {newer} AND t.data <> excluded.data THEN excluded.updated_at
                    WHEN t.deleted_at IS NULL AND excluded.deleted_at IS NOT NULL THEN excluded.updated_at
                    ELSE t.updated_at END
            WHERE {newer} OR {deletes}
            -- A row that was locked before it was written, as ON CONFLICT does, keeps the lock in xmax.
            RETURNING t.account, t.livemode, t.object, t.stripe_id, t.xmax = 0 AS inserted
        )
        SELECT coalesce(w.inserted, false), w.stripe_id IS NOT NULL, j.was_deleted, j.same, j.newer
        FROM judged AS j
        LEFT JOIN written AS w ON w.account = j.account AND w.livemode = j.livemode AND w.object = j.object
            AND w.stripe_id = j.stripe_id
        ORDER BY j.place"
    )
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
