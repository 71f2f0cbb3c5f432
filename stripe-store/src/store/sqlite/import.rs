//! The statements of an import on SQLite that are no ordinary write.

use sqlx::sqlite::SqliteArguments;
use sqlx::{SqlStr, Sqlite};

use super::{SqliteDatabase, checked};
use crate::clock::UnixMillis;
use crate::store::import::DirtyMark;
use crate::store::outcome::Outcome;
use crate::store::tables::TableNames;

type Query<'q> = sqlx::query::Query<'q, Sqlite, SqliteArguments>;

impl SqliteDatabase {
    /// Marks objects as dirty, unless their rows hold what was read after the mark.
    pub(crate) async fn import_marks(
        &self,
        tables: &TableNames,
        marks: &[&DirtyMark],
        now: UnixMillis,
    ) -> Result<Vec<Outcome>, sqlx::Error> {
        let by_key = "account = ?1 AND livemode = ?2 AND object = ?3 AND stripe_id = ?4";
        let dirty = tables.dirty();
        let insert = checked(format!(
            "INSERT INTO {dirty} (account, livemode, object, stripe_id, reason, not_before, created_at) \
             SELECT account, livemode, object, stripe_id, ?5, ?6, ?7 FROM {} WHERE {by_key} AND as_of <= ?6 \
             ON CONFLICT (account, livemode, object, stripe_id, reason) DO NOTHING",
            tables.objects()
        ));
        let exists = checked(format!(
            "SELECT 1 FROM {dirty} WHERE {by_key} AND reason = ?5"
        ));
        let _turn = self.writer.lock().await;
        let mut transaction = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        let mut outcomes = Vec::with_capacity(marks.len());
        for mark in marks {
            let inserted = by_mark(&insert, mark)
                .bind(mark.not_before().as_millis())
                .bind(now.to_string())
                .execute(&mut *transaction)
                .await?;
            outcomes.push(if inserted.rows_affected() > 0 {
                Outcome::Inserted
            } else if by_mark(&exists, mark)
                .fetch_optional(&mut *transaction)
                .await?
                .is_some()
            {
                Outcome::Unchanged
            } else {
                Outcome::Stale
            });
        }
        transaction.commit().await?;
        Ok(outcomes)
    }
}

/// Binds the first five parameters.
fn by_mark<'q>(sql: &SqlStr, mark: &'q DirtyMark) -> Query<'q> {
    sqlx::query(sql.clone())
        .bind(mark.account().as_str())
        .bind(mark.mode().is_live())
        .bind(mark.object())
        .bind(mark.id())
        .bind(mark.reason().as_column())
}
