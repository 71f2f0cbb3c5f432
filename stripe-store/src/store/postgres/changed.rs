//! What changed, read from PostgreSQL.

use sqlx::Row as _;
use sqlx::postgres::PgRow;

use super::time::{PgMicros, PgMillis};
use super::{PgDatabase, checked};
use crate::clock::UnixMillis;
use crate::store::changed::{ChangedQuery, ChangedRow, ORDER};
use crate::store::stored::RawRow;
use crate::store::tables::TableNames;

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
