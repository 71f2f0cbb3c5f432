//! The statements of a purge on PostgreSQL.
//!
//! Each transaction locks the rows of its objects first, as writers do, and leaves alone those that somebody holds. What
//! it then looks at is what those committed who held them before.

use sqlx::postgres::PgRow;
use sqlx::{PgConnection, Row as _};

use super::time::PgMillis;
use super::{PgDatabase, checked};
use crate::store::export::RowKey;
use crate::store::retention::{Limits, Purged, Step};
use crate::store::tables::TableNames;

/// Keys as [`bind_keys`] binds them.
const KEYS: &str = "unnest($1::text[], $2::boolean[], $3::text[], $4::text[]) \
    AS k (account, livemode, object, stripe_id)";

type Query<'q> = sqlx::query::Query<'q, sqlx::Postgres, sqlx::postgres::PgArguments>;

impl PgDatabase {
    /// One transaction of a step; `None` when there is nothing left for it to do.
    pub(crate) async fn purge(
        &self,
        tables: &TableNames,
        step: Step,
        limits: &Limits,
        after: &mut Option<RowKey>,
    ) -> Result<Option<Purged>, sqlx::Error> {
        let sql = Statements { tables };
        match (step, limits.tombstones) {
            (Step::Tombstones, None) => Ok(None),
            (Step::Tombstones, Some(before)) => {
                let before = PgMillis(before.as_millis());
                let keys = sqlx::query(checked(sql.tombstones(limits.batch)))
                    .bind(before)
                    .fetch_all(&self.pool)
                    .await?;
                let keys = row_keys(&keys)?;
                if keys.is_empty() {
                    return Ok(None);
                }
                let mut transaction = self.pool.begin_with(BEGIN).await?;
                let locked = bind_keys(
                    sqlx::query(checked(sql.lock("o.deleted_at < $5 AND o.updated_at < $5"))),
                    &keys,
                )
                .bind(before)
                .fetch_all(&mut *transaction)
                .await?;
                let locked = row_keys(&locked)?;
                let purged = removed(&mut transaction, sql.remove_objects(), &locked).await?;
                transaction.commit().await?;
                // Those that are left are held by others.
                Ok(Some(purged).filter(|purged| purged.rows() > 0))
            }
            (Step::Settled, _) => {
                let until = limits.settled.as_millis();
                let start = after.clone().unwrap_or_default();
                let keys = sqlx::query(checked(sql.settled(limits.batch)))
                    .bind(&start.account)
                    .bind(start.livemode)
                    .bind(&start.object)
                    .bind(&start.stripe_id)
                    .bind(until)
                    .fetch_all(&self.pool)
                    .await?;
                let mut keys = row_keys(&keys)?;
                if keys.is_empty() {
                    return Ok(None);
                }
                let mut transaction = self.pool.begin_with(BEGIN).await?;
                let locked = bind_keys(
                    sqlx::query(checked(sql.lock("o.has_rivals AND o.as_of_until < $5"))),
                    &keys,
                )
                .bind(until)
                .fetch_all(&mut *transaction)
                .await?;
                let locked = row_keys(&locked)?;
                let query = sqlx::query(checked(sql.remove_settled()));
                let row = bind_keys(query, &locked)
                    .bind(until)
                    .fetch_one(&mut *transaction)
                    .await?;
                transaction.commit().await?;
                *after = keys.pop();
                Ok(Some(Purged::counted(0, row.try_get(0)?, 0)))
            }
            (Step::Orphans, _) => {
                let row = sqlx::query(checked(sql.remove_orphans(limits.batch)))
                    .fetch_one(&self.pool)
                    .await?;
                let purged = Purged::counted(0, row.try_get(0)?, row.try_get(1)?);
                Ok(Some(purged).filter(|purged| purged.rows() > 0))
            }
        }
    }

    /// What a purge would remove.
    pub(crate) async fn purgeable(
        &self,
        tables: &TableNames,
        limits: &Limits,
    ) -> Result<Purged, sqlx::Error> {
        let row = sqlx::query(checked(Statements { tables }.count()))
            .bind(limits.tombstones.map(|before| PgMillis(before.as_millis())))
            .bind(limits.settled.as_millis())
            .fetch_one(&self.pool)
            .await?;
        Ok(Purged::counted(
            row.try_get(0)?,
            row.try_get(1)?,
            row.try_get(2)?,
        ))
    }

    pub(crate) async fn vacuum(&self, tables: &TableNames) -> Result<(), sqlx::Error> {
        let sql = format!(
            "VACUUM (ANALYZE) {}, {}, {}, {}, {}",
            tables.objects(),
            tables.rivals(),
            tables.dirty(),
            tables.events(),
            tables.deliveries()
        );
        sqlx::query(checked(sql)).execute(&self.pool).await?;
        Ok(())
    }
}

/// Each statement sees what was committed before it, also by those who held the locks.
const BEGIN: &str = "BEGIN ISOLATION LEVEL READ COMMITTED";

async fn removed(
    connection: &mut PgConnection,
    sql: String,
    keys: &[RowKey],
) -> Result<Purged, sqlx::Error> {
    let row = bind_keys(sqlx::query(checked(sql)), keys)
        .fetch_one(connection)
        .await?;
    Ok(Purged::counted(
        row.try_get(0)?,
        row.try_get(1)?,
        row.try_get(2)?,
    ))
}

struct Statements<'t> {
    tables: &'t TableNames,
}

/// `a` and `b` are rows of one object.
fn same(a: &str, b: &str) -> String {
    format!(
        "{a}.account = {b}.account AND {a}.livemode = {b}.livemode AND {a}.object = {b}.object \
         AND {a}.stripe_id = {b}.stripe_id"
    )
}

impl Statements<'_> {
    fn tombstones(&self, limit: i64) -> String {
        format!(
            "SELECT account, livemode, object, stripe_id FROM {} WHERE deleted_at < $1 AND updated_at < $1 \
             ORDER BY deleted_at LIMIT {limit}",
            self.tables.objects()
        )
    }

    /// Locks the rows that still are what they were found to be, in the order in which every writer takes them.
    fn lock(&self, still: &str) -> String {
        format!(
            "SELECT o.account, o.livemode, o.object, o.stripe_id FROM {} AS o JOIN {KEYS} ON {} WHERE {still} \
             ORDER BY o.account, o.livemode, o.object, o.stripe_id FOR UPDATE OF o SKIP LOCKED",
            self.tables.objects(),
            same("o", "k")
        )
    }

    fn remove_objects(&self) -> String {
        let [objects, rivals, dirty] = self.names();
        let delete = |table: &str| {
            let same = same("t", "k");
            format!("DELETE FROM {table} AS t USING {KEYS} WHERE {same} RETURNING 1")
        };
        format!(
            "WITH o AS ({}), r AS ({}), d AS ({}) \
             SELECT (SELECT count(*) FROM o), (SELECT count(*) FROM r), (SELECT count(*) FROM d)",
            delete(&objects),
            delete(&rivals),
            delete(&dirty)
        )
    }

    /// The keys after the first four parameters whose rivals are all older than the fifth.
    fn settled(&self, limit: i64) -> String {
        let [objects, rivals, dirty] = self.names();
        format!(
            "SELECT r.account, r.livemode, r.object, r.stripe_id FROM {rivals} AS r JOIN {objects} AS o ON {} \
             WHERE (r.account, r.livemode, r.object, r.stripe_id) > ($1, $2, $3, $4) \
             AND o.has_rivals AND o.as_of_until < $5 AND NOT EXISTS (SELECT FROM {dirty} AS d WHERE {} AND d.reason = 0) \
             GROUP BY r.account, r.livemode, r.object, r.stripe_id HAVING max(r.as_of_until) < $5 \
             ORDER BY r.account, r.livemode, r.object, r.stripe_id LIMIT {limit}",
            same("o", "r"),
            same("d", "r")
        )
    }

    fn remove_settled(&self) -> String {
        let [objects, rivals, dirty] = self.names();
        format!(
            "WITH settled AS MATERIALIZED (
                SELECT k.* FROM {KEYS}
                WHERE NOT EXISTS (SELECT FROM {dirty} AS d WHERE {of_mark} AND d.reason = 0)
                    AND NOT EXISTS (SELECT FROM {rivals} AS r WHERE {of_rival} AND r.as_of_until >= $5)
            ),
            gone AS (DELETE FROM {rivals} AS t USING settled AS k WHERE {of_table} RETURNING 1),
            told AS (UPDATE {objects} AS t SET has_rivals = false FROM settled AS k WHERE {of_table} RETURNING 1)
            SELECT count(*) FROM gone",
            of_mark = same("d", "k"),
            of_rival = same("r", "k"),
            of_table = same("t", "k"),
        )
    }

    /// Whether the row `t` is of an object that does not know of it.
    fn is_orphan(&self, knows: &str) -> String {
        format!(
            "NOT EXISTS (SELECT FROM {} AS o WHERE {}{knows})",
            self.tables.objects(),
            same("o", "t")
        )
    }

    fn remove_orphans(&self, limit: i64) -> String {
        let [_, rivals, dirty] = self.names();
        let delete = |table: &str, knows: &str| {
            format!(
                "DELETE FROM {table} WHERE ctid = ANY (ARRAY(SELECT t.ctid FROM {table} AS t WHERE {} LIMIT {limit} \
                 FOR UPDATE SKIP LOCKED)) RETURNING 1",
                self.is_orphan(knows)
            )
        };
        format!(
            "WITH r AS ({}), d AS ({}) SELECT (SELECT count(*) FROM r), (SELECT count(*) FROM d)",
            delete(&rivals, " AND o.has_rivals"),
            delete(&dirty, "")
        )
    }

    fn count(&self) -> String {
        let [objects, rivals, dirty] = self.names();
        let old = "o.deleted_at < $1 AND o.updated_at < $1";
        let of_old = format!(
            "EXISTS (SELECT FROM {objects} AS o WHERE {} AND {old})",
            same("o", "t")
        );
        format!(
            "SELECT (SELECT count(*) FROM {objects} AS o WHERE {old}),
                (SELECT count(*) FROM {rivals} AS t WHERE {of_old} OR {orphan_rival} OR (
                    EXISTS (SELECT FROM {objects} AS o WHERE {of_object} AND o.as_of_until < $2)
                    AND NOT EXISTS (SELECT FROM {dirty} AS d WHERE {of_mark} AND d.reason = 0)
                    AND NOT EXISTS (SELECT FROM {rivals} AS r WHERE {of_rival} AND r.as_of_until >= $2))),
                (SELECT count(*) FROM {dirty} AS t WHERE {of_old} OR {orphan_mark})",
            orphan_rival = self.is_orphan(" AND o.has_rivals"),
            orphan_mark = self.is_orphan(""),
            of_object = same("o", "t"),
            of_mark = same("d", "t"),
            of_rival = same("r", "t"),
        )
    }

    fn names(&self) -> [String; 3] {
        [
            self.tables.objects(),
            self.tables.rivals(),
            self.tables.dirty(),
        ]
    }
}

/// Binds the first four parameters.
fn bind_keys<'q>(query: Query<'q>, keys: &'q [RowKey]) -> Query<'q> {
    fn column<'q, T>(keys: &'q [RowKey], value: impl Fn(&'q RowKey) -> T) -> Vec<T> {
        keys.iter().map(value).collect()
    }
    query
        .bind(column(keys, |key| key.account.as_str()))
        .bind(column(keys, |key| key.livemode))
        .bind(column(keys, |key| key.object.as_str()))
        .bind(column(keys, |key| key.stripe_id.as_str()))
}

fn row_keys(rows: &[PgRow]) -> Result<Vec<RowKey>, sqlx::Error> {
    rows.iter()
        .map(|row| {
            Ok(RowKey {
                account: row.try_get(0)?,
                livemode: row.try_get(1)?,
                object: row.try_get(2)?,
                stripe_id: row.try_get(3)?,
            })
        })
        .collect()
}
