//! What changed, read from SQLite.

use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

use super::{SqliteDatabase, checked, raw_time, to_json};
use crate::clock::UnixMillis;
use crate::store::changed::{ChangedQuery, ChangedRow, ORDER};
use crate::store::stored::RawRow;
use crate::store::tables::TableNames;

impl SqliteDatabase {
    pub(crate) async fn changed(
        &self,
        tables: &TableNames,
        query: ChangedQuery<'_>,
    ) -> Result<Vec<ChangedRow>, sqlx::Error> {
        // The plus keeps the planner from taking the scope to the primary key, and sorting all rows of the type.
        let scope = match query.scope {
            Some(_) => {
                "AND +account = ?6 AND +livemode = ?7 AND +object IN (SELECT value FROM json_each(?8))"
            }
            None => "",
        };
        let sql = format!(
            "SELECT account, livemode, object, stripe_id, data, api_version, as_of, as_of_until, source, \
             deleted_at, created_at, updated_at FROM {} WHERE ({ORDER}) > (?1, ?2, ?3, ?4, ?5) {scope} \
             ORDER BY {ORDER} LIMIT {}",
            tables.objects(),
            query.limit
        );
        let after = query.after;
        let mut statement = sqlx::query(checked(sql))
            .bind(UnixMillis::new(after.micros.div_euclid(1000)).to_string())
            .bind(&after.account)
            .bind(after.livemode)
            .bind(&after.object)
            .bind(&after.stripe_id);
        if let Some(scope) = query.scope {
            statement = statement
                .bind(scope.account_column())
                .bind(scope.mode().is_live())
                .bind(to_json(&query.objects)?);
        }
        let rows = statement.fetch_all(&self.pool).await?;
        rows.iter().map(changed_row).collect()
    }
}

fn changed_row(row: &SqliteRow) -> Result<ChangedRow, sqlx::Error> {
    let updated_at = raw_time(row.try_get(11)?);
    Ok(ChangedRow {
        // Of a time that cannot be read the whole row is told to be unreadable.
        micros: updated_at
            .as_ref()
            .map_or(0, |at| at.as_millis().saturating_mul(1000)),
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
            deleted_at: row.try_get::<Option<String>, _>(9)?.map(raw_time),
            created_at: raw_time(row.try_get(10)?),
            updated_at,
        },
    })
}
