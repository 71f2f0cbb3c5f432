//! The statements of an export on PostgreSQL.

use sqlx::postgres::PgRow;
use sqlx::{PgConnection, Postgres, Row as _, Transaction};

use super::time::PgMillis;
use super::{PgDatabase, checked};
use crate::clock::UnixMillis;
use crate::store::dirty::DirtyReason;
use crate::store::export::{
    ExportMark, ExportRow, ExportSnapshot, FetchedPage, Filter, PAGE_BYTES, PAGE_ROWS, RowKey,
};
use crate::store::rivals::Change;
use crate::store::scope::{AccountId, Mode};
use crate::store::tables::TableNames;

/// What [`bind_filter`] binds.
const FILTER: &str = "($1::text[] = '{}' OR object = ANY ($1)) AND ($2::text IS NULL OR account = $2) \
    AND ($3::boolean IS NULL OR livemode = $3) AND ($4::timestamptz IS NULL OR updated_at >= $4)";

/// A snapshot, as [`snapshot`] reads it.
const SNAPSHOT: &str = "data::text AS data, api_version, as_of, as_of_until, source, \
    previous_attributes::text AS previous_attributes, change";

type Query<'q> = sqlx::query::Query<'q, Postgres, sqlx::postgres::PgArguments>;

impl PgDatabase {
    /// A transaction that sees the database as it is now.
    pub(crate) async fn begin_export(
        &self,
        tables: &TableNames,
    ) -> Result<Transaction<'static, Postgres>, sqlx::Error> {
        let mut transaction = self
            .pool
            .begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            .await?;
        // It is the first query that looks at the clock.
        let first = format!("SELECT 1 FROM {} LIMIT 1", tables.objects());
        sqlx::query(checked(first))
            .fetch_optional(&mut *transaction)
            .await?;
        Ok(transaction)
    }
}

pub(crate) async fn count(
    connection: &mut PgConnection,
    tables: &TableNames,
    filter: &Filter,
) -> Result<i64, sqlx::Error> {
    let sql = format!("SELECT count(*) FROM {} WHERE {FILTER}", tables.objects());
    let row = bind_filter(sqlx::query(checked(sql)), filter)
        .fetch_one(connection)
        .await?;
    row.try_get(0)
}

/// The rows after `after`, as many as make a page, with what other tables hold of their objects.
pub(crate) async fn page(
    connection: &mut PgConnection,
    tables: &TableNames,
    filter: &Filter,
    after: &RowKey,
) -> Result<FetchedPage, sqlx::Error> {
    // Large rows are left for the next page by the server, so that they do not pile up here.
    let sql = format!(
        "WITH page AS MATERIALIZED (
            SELECT account, livemode, object, stripe_id, {SNAPSHOT}, deleted_at, has_rivals
            FROM {} WHERE {FILTER} AND (account, livemode, object, stripe_id) > ($5, $6, $7, $8)
            ORDER BY account, livemode, object, stripe_id LIMIT {PAGE_ROWS}
        )
        SELECT * FROM (
            SELECT *, sum(octet_length(data)) OVER (
                ORDER BY account, livemode, object, stripe_id ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
            ) AS bytes_before FROM page
        ) AS p
        WHERE coalesce(bytes_before, 0) < {PAGE_BYTES}
        ORDER BY account, livemode, object, stripe_id",
        tables.objects()
    );
    let rows = bind_filter(sqlx::query(checked(sql)), filter)
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
    let with_rivals: Vec<usize> = places(&page.rows, |row| row.has_rivals);
    if !with_rivals.is_empty() {
        let sql = format!(
            "SELECT u.at, {SNAPSHOT} FROM {} JOIN {KEYS} USING (account, livemode, object, stripe_id) \
             ORDER BY u.at, place",
            tables.rivals()
        );
        for row in fetch_by_keys(connection, sql, &page.rows, &with_rivals).await? {
            page.rivals
                .push((place(&row, &with_rivals)?, snapshot(&row)?));
        }
    }
    let all: Vec<usize> = places(&page.rows, |_| true);
    if !all.is_empty() {
        let sql = format!(
            "SELECT u.at, not_before, reason FROM {} JOIN {KEYS} USING (account, livemode, object, stripe_id) \
             ORDER BY u.at, reason",
            tables.dirty()
        );
        for row in fetch_by_keys(connection, sql, &page.rows, &all).await? {
            page.marks.push((place(&row, &all)?, mark(&row)?));
        }
    }
    Ok(page)
}

/// Keys as [`fetch_by_keys`] binds them, with their places from 1.
const KEYS: &str = "unnest($1::text[], $2::boolean[], $3::text[], $4::text[]) WITH ORDINALITY \
    AS u (account, livemode, object, stripe_id, at)";

async fn fetch_by_keys(
    connection: &mut PgConnection,
    sql: String,
    rows: &[ExportRow],
    wanted: &[usize],
) -> Result<Vec<PgRow>, sqlx::Error> {
    let keys = || {
        wanted
            .iter()
            .filter_map(|at| rows.get(*at))
            .map(|row| &row.key)
    };
    sqlx::query(checked(sql))
        .bind(keys().map(|key| key.account.as_str()).collect::<Vec<_>>())
        .bind(keys().map(|key| key.livemode).collect::<Vec<_>>())
        .bind(keys().map(|key| key.object.as_str()).collect::<Vec<_>>())
        .bind(keys().map(|key| key.stripe_id.as_str()).collect::<Vec<_>>())
        .fetch_all(connection)
        .await
}

fn places(rows: &[ExportRow], wanted: impl Fn(&ExportRow) -> bool) -> Vec<usize> {
    let rows = rows.iter().enumerate();
    rows.filter(|(_, row)| wanted(row))
        .map(|(at, _)| at)
        .collect()
}

/// Which row of the page a key's place stands for.
fn place(row: &PgRow, wanted: &[usize]) -> Result<usize, sqlx::Error> {
    let at: i64 = row.try_get("at")?;
    let at = usize::try_from(at - 1).unwrap_or(usize::MAX);
    wanted.get(at).copied().ok_or(sqlx::Error::RowNotFound)
}

fn bind_filter<'q>(query: Query<'q>, filter: &'q Filter) -> Query<'q> {
    query
        .bind(&filter.types)
        .bind(filter.account.as_ref().map(AccountId::as_str))
        .bind(filter.mode.map(Mode::is_live))
        .bind(filter.since.map(|moment| PgMillis(moment.as_millis())))
}

fn row(row: &PgRow) -> Result<ExportRow, sqlx::Error> {
    let deleted_at: Option<PgMillis> = row.try_get("deleted_at")?;
    Ok(ExportRow {
        key: RowKey {
            account: row.try_get("account")?,
            livemode: row.try_get("livemode")?,
            object: row.try_get("object")?,
            stripe_id: row.try_get("stripe_id")?,
        },
        snapshot: snapshot(row)?,
        deleted_at: deleted_at.map(|at| Ok(UnixMillis::new(at.0))),
        has_rivals: row.try_get("has_rivals")?,
    })
}

fn mark(row: &PgRow) -> Result<ExportMark, sqlx::Error> {
    Ok(ExportMark {
        not_before: row.try_get("not_before")?,
        reason: DirtyReason::from_column(row.try_get("reason")?),
    })
}

fn snapshot(row: &PgRow) -> Result<ExportSnapshot, sqlx::Error> {
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
