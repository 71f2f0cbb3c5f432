//! The statements of an export on SQLite.

use sqlx::sqlite::SqliteRow;
use sqlx::{Row as _, Sqlite, SqliteConnection, Transaction};

use super::{SqliteDatabase, checked, raw_time, to_json};
use crate::store::dirty::DirtyReason;
use crate::store::export::{
    ExportMark, ExportRow, ExportSnapshot, FetchedPage, Filter, PAGE_BYTES, PAGE_ROWS, RowKey,
};
use crate::store::rivals::Change;
use crate::store::scope::{AccountId, Mode};
use crate::store::tables::TableNames;

/// What [`bind_filter`] binds.
const FILTER: &str = "(?1 IS NULL OR object IN (SELECT value FROM json_each(?1))) AND (?2 IS NULL OR account = ?2) \
    AND (?3 IS NULL OR livemode = ?3) AND (?4 IS NULL OR updated_at >= ?4)";

/// A snapshot, as [`snapshot`] reads it.
const SNAPSHOT: &str = "data, api_version, as_of, as_of_until, source, previous_attributes, change";

type Query<'q> = sqlx::query::Query<'q, Sqlite, sqlx::sqlite::SqliteArguments>;

impl SqliteDatabase {
    /// A transaction that sees the database as it is now, and lets others write.
    pub(crate) async fn begin_export(
        &self,
        tables: &TableNames,
    ) -> Result<Transaction<'static, Sqlite>, sqlx::Error> {
        let mut transaction = self.pool.begin().await?;
        // It is the first query that decides what it sees.
        let first = format!("SELECT 1 FROM {} LIMIT 1", tables.objects());
        sqlx::query(checked(first))
            .fetch_optional(&mut *transaction)
            .await?;
        Ok(transaction)
    }
}

pub(crate) async fn count(
    connection: &mut SqliteConnection,
    tables: &TableNames,
    filter: &Filter,
) -> Result<i64, sqlx::Error> {
    let sql = format!("SELECT count(*) FROM {} WHERE {FILTER}", tables.objects());
    let row = bind_filter(sqlx::query(checked(sql)), filter)?
        .fetch_one(connection)
        .await?;
    row.try_get(0)
}

/// The rows after `after`, as many as make a page, with what other tables hold of their objects.
pub(crate) async fn page(
    connection: &mut SqliteConnection,
    tables: &TableNames,
    filter: &Filter,
    after: &RowKey,
) -> Result<FetchedPage, sqlx::Error> {
    // Large rows are left for the next page, so that they do not pile up here.
    let sql = format!(
        "WITH page AS MATERIALIZED (
            SELECT account, livemode, object, stripe_id, {SNAPSHOT}, deleted_at, has_rivals
            FROM {} WHERE {FILTER} AND (account, livemode, object, stripe_id) > (?5, ?6, ?7, ?8)
            ORDER BY account, livemode, object, stripe_id LIMIT {PAGE_ROWS}
        )
        SELECT * FROM (
            SELECT *, sum(length(CAST(data AS BLOB))) OVER (
                ORDER BY account, livemode, object, stripe_id ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
            ) AS bytes_before FROM page
        )
        WHERE coalesce(bytes_before, 0) < {PAGE_BYTES}
        ORDER BY account, livemode, object, stripe_id",
        tables.objects()
    );
    let rows = bind_filter(sqlx::query(checked(sql)), filter)?
        .bind(&after.account)
        .bind(after.livemode)
        .bind(&after.object)
        .bind(&after.stripe_id)
        .fetch_all(&mut *connection)
        .await?;
    let rows = rows.iter().map(row).collect::<Result<Vec<_>, _>>()?;
    let mut page = FetchedPage {
        rows,
        ..FetchedPage::default()
    };
    if page.rows.iter().any(|row| row.has_rivals) {
        let sql = by_keys(SNAPSHOT, &tables.rivals(), ", r.place");
        for row in fetch_by_keys(connection, sql, &page.rows, |row| row.has_rivals).await? {
            page.rivals.push((place(&row)?, snapshot(&row)?));
        }
    }
    if !page.rows.is_empty() {
        let sql = by_keys("not_before, reason", &tables.dirty(), ", r.reason");
        for row in fetch_by_keys(connection, sql, &page.rows, |_| true).await? {
            page.marks.push((place(&row)?, mark(&row)?));
        }
    }
    Ok(page)
}

/// A look into the primary key of `table` for each key.
fn by_keys(columns: &str, table: &str, then_by: &str) -> String {
    format!(
        "SELECT k.value ->> 4 AS at, {columns} FROM json_each(?1) AS k CROSS JOIN {table} AS r \
         WHERE r.account = k.value ->> 0 AND r.livemode = k.value ->> 1 AND r.object = k.value ->> 2 \
         AND r.stripe_id = k.value ->> 3 ORDER BY k.key{then_by}"
    )
}

async fn fetch_by_keys(
    connection: &mut SqliteConnection,
    sql: String,
    rows: &[ExportRow],
    wanted: impl Fn(&ExportRow) -> bool,
) -> Result<Vec<SqliteRow>, sqlx::Error> {
    let keys: Vec<_> = rows
        .iter()
        .enumerate()
        .filter(|(_, row)| wanted(row))
        .map(|(at, ExportRow { key, .. })| {
            let livemode = i32::from(key.livemode);
            (&key.account, livemode, &key.object, &key.stripe_id, at)
        })
        .collect();
    sqlx::query(checked(sql))
        .bind(to_json(&keys)?)
        .fetch_all(connection)
        .await
}

/// Which row of the page it belongs to.
fn place(row: &SqliteRow) -> Result<usize, sqlx::Error> {
    let at: i64 = row.try_get("at")?;
    usize::try_from(at).map_err(|_| sqlx::Error::RowNotFound)
}

fn bind_filter<'q>(query: Query<'q>, filter: &'q Filter) -> Result<Query<'q>, sqlx::Error> {
    let types = match filter.types.as_slice() {
        [] => None,
        types => Some(to_json(&types)?),
    };
    Ok(query
        .bind(types)
        .bind(filter.account.as_ref().map(AccountId::as_str))
        .bind(filter.mode.map(Mode::is_live))
        .bind(filter.since.map(|moment| moment.to_string())))
}

fn row(row: &SqliteRow) -> Result<ExportRow, sqlx::Error> {
    let deleted_at: Option<String> = row.try_get("deleted_at")?;
    Ok(ExportRow {
        key: RowKey {
            account: row.try_get("account")?,
            livemode: row.try_get("livemode")?,
            object: row.try_get("object")?,
            stripe_id: row.try_get("stripe_id")?,
        },
        snapshot: snapshot(row)?,
        deleted_at: deleted_at.map(raw_time),
        has_rivals: row.try_get("has_rivals")?,
    })
}

fn mark(row: &SqliteRow) -> Result<ExportMark, sqlx::Error> {
    Ok(ExportMark {
        not_before: row.try_get("not_before")?,
        reason: DirtyReason::from_column(row.try_get("reason")?),
    })
}

fn snapshot(row: &SqliteRow) -> Result<ExportSnapshot, sqlx::Error> {
    Ok(ExportSnapshot {
        data: row.try_get("data")?,
        api_version: row.try_get("api_version")?,
        as_of: row.try_get("as_of")?,
        as_of_until: row.try_get("as_of_until")?,
        source: row.try_get("source")?,
        previous: row.try_get("previous_attributes")?,
        change: Change::from_column(row.try_get("change")?),
    })
}
