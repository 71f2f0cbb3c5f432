//! The statements of a purge on SQLite.
//!
//! What may go is looked for without a lock, and looked at again by the transaction that removes it.

use sqlx::sqlite::SqliteRow;
use sqlx::{Row as _, SqliteConnection};

use super::{SqliteDatabase, checked, to_json};
use crate::store::export::RowKey;
use crate::store::retention::{Limits, Purged, Step};
use crate::store::tables::TableNames;

/// The keys of the first parameter, as [`keys_json`] writes them.
const KEYS: &str = "(account, livemode, object, stripe_id) IN \
    (SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3 FROM json_each(?1))";

impl SqliteDatabase {
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
                let before = before.to_string();
                let keys = sqlx::query(checked(sql.tombstones(limits.batch)))
                    .bind(&before)
                    .fetch_all(&self.pool)
                    .await?;
                let keys = row_keys(&keys)?;
                if keys.is_empty() {
                    return Ok(None);
                }
                let keys = keys_json(&keys)?;
                let _turn = self.writer.lock().await;
                let mut transaction = self.pool.begin_with("BEGIN IMMEDIATE").await?;
                let [tombstones, rivals, marks] = sql.remove_objects();
                let tombstones = sqlx::query(checked(tombstones))
                    .bind(&keys)
                    .bind(&before)
                    .execute(&mut *transaction)
                    .await?
                    .rows_affected();
                let purged = Purged {
                    tombstones,
                    rivals: delete(&mut transaction, rivals, &keys).await?,
                    marks: delete(&mut transaction, marks, &keys).await?,
                    ..Purged::default()
                };
                transaction.commit().await?;
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
                let json = keys_json(&keys)?;
                let _turn = self.writer.lock().await;
                let mut transaction = self.pool.begin_with("BEGIN IMMEDIATE").await?;
                // The rows first, while the rivals are there that say what may go; then the rivals of these rows.
                let [told, gone] = sql.remove_settled();
                sqlx::query(checked(told))
                    .bind(&json)
                    .bind(until)
                    .execute(&mut *transaction)
                    .await?;
                let rivals = delete(&mut transaction, gone, &json).await?;
                transaction.commit().await?;
                *after = keys.pop();
                Ok(Some(Purged {
                    rivals,
                    ..Purged::default()
                }))
            }
            (Step::Orphans, _) => {
                // There are hardly ever any: the lock is taken for those that were seen.
                let exist: bool = sqlx::query_scalar(checked(sql.orphans_exist()))
                    .fetch_one(&self.pool)
                    .await?;
                if !exist {
                    return Ok(None);
                }
                let [rivals, marks] = sql.remove_orphans(limits.batch);
                let _turn = self.writer.lock().await;
                let mut transaction = self.pool.begin_with("BEGIN IMMEDIATE").await?;
                let rivals = sqlx::query(checked(rivals))
                    .execute(&mut *transaction)
                    .await?;
                let marks = sqlx::query(checked(marks))
                    .execute(&mut *transaction)
                    .await?;
                transaction.commit().await?;
                let purged = Purged {
                    rivals: rivals.rows_affected(),
                    marks: marks.rows_affected(),
                    ..Purged::default()
                };
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
            .bind(limits.tombstones.map(|before| before.to_string()))
            .bind(limits.settled.as_millis())
            .fetch_one(&self.pool)
            .await?;
        Ok(Purged::counted(
            row.try_get(0)?,
            row.try_get(1)?,
            row.try_get(2)?,
        ))
    }

    pub(crate) async fn vacuum(&self, _: &TableNames) -> Result<(), sqlx::Error> {
        /// `PRAGMA auto_vacuum` of a file that gives back its free pages when asked to.
        const INCREMENTAL: i64 = 2;
        let _turn = self.writer.lock().await;
        let mut connection = self.pool.acquire().await?;
        let mode: i64 = sqlx::query_scalar("PRAGMA auto_vacuum")
            .fetch_one(&mut *connection)
            .await?;
        if mode == INCREMENTAL {
            // One row for each page that is given back.
            sqlx::query("PRAGMA incremental_vacuum")
                .fetch_all(&mut *connection)
                .await?;
        } else {
            sqlx::query("VACUUM").execute(&mut *connection).await?;
        }
        // The file shrinks when the log has been written into it.
        sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)")
            .fetch_all(&mut *connection)
            .await?;
        Ok(())
    }
}

async fn delete(
    connection: &mut SqliteConnection,
    sql: String,
    keys: &str,
) -> Result<u64, sqlx::Error> {
    let done = sqlx::query(checked(sql))
        .bind(keys)
        .execute(connection)
        .await?;
    Ok(done.rows_affected())
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
            "SELECT account, livemode, object, stripe_id FROM {} WHERE deleted_at < ?1 AND updated_at < ?1 \
             ORDER BY deleted_at LIMIT {limit}",
            self.tables.objects()
        )
    }

    /// Removes the objects that are still old tombstones, then what other tables hold of objects that are gone.
    fn remove_objects(&self) -> [String; 3] {
        let [objects, rivals, dirty] = self.names();
        let of_gone = |table: &str| {
            let orphan = self.is_orphan("");
            format!("DELETE FROM {table} AS t WHERE {KEYS} AND {orphan}")
        };
        [
            format!("DELETE FROM {objects} WHERE {KEYS} AND deleted_at < ?2 AND updated_at < ?2"),
            of_gone(&rivals),
            of_gone(&dirty),
        ]
    }

    /// The keys after the first four parameters whose rivals are all older than the fifth.
    fn settled(&self, limit: i64) -> String {
        let [objects, rivals, dirty] = self.names();
        format!(
            "SELECT r.account, r.livemode, r.object, r.stripe_id FROM {rivals} AS r CROSS JOIN {objects} AS o \
             WHERE {} AND (r.account, r.livemode, r.object, r.stripe_id) > (?1, ?2, ?3, ?4) \
             AND o.has_rivals AND o.as_of_until < ?5 AND NOT EXISTS (SELECT 1 FROM {dirty} AS d WHERE {} AND d.reason = 0) \
             GROUP BY r.account, r.livemode, r.object, r.stripe_id HAVING max(r.as_of_until) < ?5 \
             ORDER BY r.account, r.livemode, r.object, r.stripe_id LIMIT {limit}",
            same("o", "r"),
            same("d", "r")
        )
    }

    fn remove_settled(&self) -> [String; 2] {
        let [objects, rivals, dirty] = self.names();
        [
            format!(
                "UPDATE {objects} AS t SET has_rivals = 0 WHERE {KEYS} AND has_rivals AND as_of_until < ?2 \
                 AND NOT EXISTS (SELECT 1 FROM {dirty} AS d WHERE {} AND d.reason = 0) \
                 AND NOT EXISTS (SELECT 1 FROM {rivals} AS r WHERE {} AND r.as_of_until >= ?2)",
                same("d", "t"),
                same("r", "t")
            ),
            format!(
                "DELETE FROM {rivals} AS t WHERE {KEYS} AND {}",
                self.is_orphan(" AND o.has_rivals")
            ),
        ]
    }

    /// Whether the row `t` is of an object that does not know of it.
    fn is_orphan(&self, knows: &str) -> String {
        format!(
            "NOT EXISTS (SELECT 1 FROM {} AS o WHERE {}{knows})",
            self.tables.objects(),
            same("o", "t")
        )
    }

    fn orphans_exist(&self) -> String {
        let [_, rivals, dirty] = self.names();
        let exists = |table: &str, knows: &str| {
            let orphan = self.is_orphan(knows);
            format!("EXISTS (SELECT 1 FROM {table} AS t WHERE {orphan})")
        };
        format!(
            "SELECT {} OR {}",
            exists(&rivals, " AND o.has_rivals"),
            exists(&dirty, "")
        )
    }

    fn remove_orphans(&self, limit: i64) -> [String; 2] {
        let [_, rivals, dirty] = self.names();
        let delete = |table: &str, key: &str, knows: &str| {
            format!(
                "DELETE FROM {table} WHERE ({key}) IN (SELECT {key} FROM {table} AS t WHERE {} LIMIT {limit})",
                self.is_orphan(knows)
            )
        };
        let key = "account, livemode, object, stripe_id";
        [
            delete(&rivals, &format!("{key}, place"), " AND o.has_rivals"),
            delete(&dirty, key, ""),
        ]
    }

    fn count(&self) -> String {
        let [objects, rivals, dirty] = self.names();
        let old = "o.deleted_at < ?1 AND o.updated_at < ?1";
        let of_old = format!(
            "EXISTS (SELECT 1 FROM {objects} AS o WHERE {} AND {old})",
            same("o", "t")
        );
        format!(
            "SELECT (SELECT count(*) FROM {objects} AS o WHERE {old}),
                (SELECT count(*) FROM {rivals} AS t WHERE {of_old} OR {orphan_rival} OR (
                    EXISTS (SELECT 1 FROM {objects} AS o WHERE {of_object} AND o.as_of_until < ?2)
                    AND NOT EXISTS (SELECT 1 FROM {dirty} AS d WHERE {of_mark} AND d.reason = 0)
                    AND NOT EXISTS (SELECT 1 FROM {rivals} AS r WHERE {of_rival} AND r.as_of_until >= ?2))),
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

fn keys_json(keys: &[RowKey]) -> Result<String, sqlx::Error> {
    let keys: Vec<_> = keys
        .iter()
        .map(|key| {
            let livemode = i32::from(key.livemode);
            (&key.account, livemode, &key.object, &key.stripe_id)
        })
        .collect();
    to_json(&keys)
}

fn row_keys(rows: &[SqliteRow]) -> Result<Vec<RowKey>, sqlx::Error> {
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
