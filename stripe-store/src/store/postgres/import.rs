//! The statements of an import on PostgreSQL that are no ordinary write.

use sqlx::Row as _;

use super::time::PgMillis;
use super::{PgDatabase, checked};
use crate::clock::UnixMillis;
use crate::store::import::DirtyMark;
use crate::store::outcome::Outcome;
use crate::store::tables::TableNames;

impl PgDatabase {
    /// Marks objects as dirty, unless their rows hold what was read after the mark.
    pub(crate) async fn import_marks(
        &self,
        tables: &TableNames,
        marks: &[&DirtyMark],
        now: UnixMillis,
    ) -> Result<Vec<Outcome>, sqlx::Error> {
        let sql = format!(
            "WITH input AS MATERIALIZED (
                SELECT * FROM unnest($1::text[], $2::boolean[], $3::text[], $4::text[], $5::bigint[], $7::smallint[])
                    WITH ORDINALITY AS u (account, livemode, object, stripe_id, not_before, reason, place)
            ),
            fresh AS (
                INSERT INTO {dirty} (account, livemode, object, stripe_id, reason, not_before, created_at)
                SELECT i.account, i.livemode, i.object, i.stripe_id, i.reason, i.not_before, $6
                FROM input AS i
                JOIN {objects} AS o ON o.account = i.account AND o.livemode = i.livemode AND o.object = i.object
                    AND o.stripe_id = i.stripe_id AND o.as_of <= i.not_before
                ORDER BY i.account, i.livemode, i.object, i.stripe_id, i.reason, i.place
                ON CONFLICT (account, livemode, object, stripe_id, reason) DO NOTHING
                RETURNING account, livemode, object, stripe_id, reason, not_before
            )
            SELECT f.stripe_id IS NOT NULL, d.stripe_id IS NOT NULL
            FROM input AS i
            LEFT JOIN fresh AS f ON f.account = i.account AND f.livemode = i.livemode AND f.object = i.object
                AND f.stripe_id = i.stripe_id AND f.reason = i.reason AND f.not_before = i.not_before
            LEFT JOIN {dirty} AS d ON d.account = i.account AND d.livemode = i.livemode AND d.object = i.object
                AND d.stripe_id = i.stripe_id AND d.reason = i.reason
            ORDER BY i.place",
            dirty = tables.dirty(),
            objects = tables.objects(),
        );
        let rows = sqlx::query(checked(sql))
            .bind(column(marks, |mark| mark.account().as_str()))
            .bind(column(marks, |mark| mark.mode().is_live()))
            .bind(column(marks, DirtyMark::object))
            .bind(column(marks, DirtyMark::id))
            .bind(column(marks, |mark| mark.not_before().as_millis()))
            .bind(PgMillis(now.as_millis()))
            .bind(column(marks, |mark| mark.reason().as_column()))
            .fetch_all(&self.pool)
            .await?;
        rows.iter()
            .map(|row| {
                Ok(match (row.try_get(0)?, row.try_get(1)?) {
                    (true, _) => Outcome::Inserted,
                    (false, true) => Outcome::Unchanged,
                    (false, false) => Outcome::Stale,
                })
            })
            .collect()
    }
}

fn column<'m, T>(marks: &[&'m DirtyMark], value: impl Fn(&'m DirtyMark) -> T) -> Vec<T> {
    marks.iter().map(|mark| value(mark)).collect()
}
