//! What changed, read from PostgreSQL, and the index for it.

use std::time::Duration;

use sqlx::postgres::PgRow;
use sqlx::{Connection as _, PgConnection, Row as _};

use super::time::{PgMicros, PgMillis};
use super::{PgDatabase, checked};
use crate::clock::UnixMillis;
use crate::store::changed::{ChangedQuery, ChangedRow};
use crate::store::stored::RawRow;
use crate::store::tables::TableNames;

/// The key of the advisory lock that who makes an index holds: any number that no one else takes.
const INDEX_LOCK: i64 = 0x5354_5250_5f49_4458;

/// How long to wait before asking for that lock again. Asked for once and for all, it would be waited for within a
/// statement, and the making of an index waits for statements.
const PAUSE: Duration = Duration::from_millis(50);

/// The order of changes, as the index has it.
const ORDER: &str = "updated_at, account, livemode, object, stripe_id";

impl PgDatabase {
    pub(crate) async fn changed(
        &self,
        tables: &TableNames,
        query: ChangedQuery<'_>,
    ) -> Result<Vec<ChangedRow>, sqlx::Error> {
        let scope = match query.scope {
            Some(_) => "AND account = $6 AND livemode = $7 AND object = ANY($8)",
            None => "",
        };
        // The limit as a number: of a parameter the planner would expect a tenth of the rows.
        let sql = format!(
            "SELECT account, livemode, object, stripe_id, data::text, api_version, as_of, as_of_until, source, \
             deleted_at, created_at, updated_at FROM {} WHERE ({ORDER}) > ($1, $2, $3, $4, $5) {scope} \
             ORDER BY {ORDER} LIMIT {}",
            tables.objects(),
            query.limit
        );
        let after = query.after;
        let mut statement = sqlx::query(checked(sql))
            .bind(PgMicros(after.micros))
            .bind(&after.account)
            .bind(after.livemode)
            .bind(&after.object)
            .bind(&after.stripe_id);
        if let Some(scope) = query.scope {
            statement = statement
                .bind(scope.account_column())
                .bind(scope.mode().is_live())
                .bind(query.objects);
        }
        let rows = statement.fetch_all(&self.pool).await?;
        rows.iter().map(changed_row).collect()
    }

    pub(crate) async fn ensure_changes_index(
        &self,
        tables: &TableNames,
    ) -> Result<(), sqlx::Error> {
        // A connection of its own, with which locks and settings go, however this ends.
        let mut connection = self.pool.acquire().await?.detach();
        let made = make_index(&mut connection, tables).await;
        let closed = connection.close().await;
        made.and(closed)
    }
}

async fn make_index(connection: &mut PgConnection, tables: &TableNames) -> Result<(), sqlx::Error> {
    if index_state(connection, tables).await? == Some(true) {
        return Ok(());
    }
    sqlx::query(
        "SELECT set_config('statement_timeout', '0', false), set_config('lock_timeout', '0', false)",
    )
    .execute(&mut *connection)
    .await?;
    while !sqlx::query_scalar::<_, bool>("SELECT pg_try_advisory_lock($1)")
        .bind(INDEX_LOCK)
        .fetch_one(&mut *connection)
        .await?
    {
        tokio::time::sleep(PAUSE).await;
    }
    match index_state(connection, tables).await? {
        Some(true) => return Ok(()),
        // Whoever made it did not come to the end.
        Some(false) => {
            let drop = format!(
                "DROP INDEX CONCURRENTLY IF EXISTS {}",
                tables.changes_index()
            );
            sqlx::query(checked(drop)).execute(&mut *connection).await?;
        }
        None => {}
    }
    let create = format!(
        "CREATE INDEX CONCURRENTLY IF NOT EXISTS {} ON {} ({ORDER})",
        tables.changes_index_name(),
        tables.objects()
    );
    sqlx::query(checked(create)).execute(connection).await?;
    Ok(())
}

/// Whether the index can be used; `None` when there is none.
async fn index_state(
    connection: &mut PgConnection,
    tables: &TableNames,
) -> Result<Option<bool>, sqlx::Error> {
    sqlx::query_scalar("SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass($1)")
        .bind(tables.changes_index())
        .fetch_optional(connection)
        .await
}

fn changed_row(row: &PgRow) -> Result<ChangedRow, sqlx::Error> {
    let time = |at: PgMillis| Ok(UnixMillis::new(at.0));
    Ok(ChangedRow {
        micros: row.try_get::<PgMicros, _>(11)?.0,
        row: RawRow {
            account: row.try_get(0)?,
            livemode: row.try_get(1)?,
            object: row.try_get(2)?,
            stripe_id: row.try_get(3)?,
            data: row.try_get(4)?,
            api_version: row.try_get(5)?,
            as_of: row.try_get(6)?,
            as_of_until: row.try_get(7)?,
            source: row.try_get(8)?,
            deleted_at: row.try_get::<Option<PgMillis>, _>(9)?.map(time),
            created_at: time(row.try_get(10)?),
            updated_at: time(row.try_get(11)?),
        },
    })
}
