//! The inbox on SQLite.

use sqlx::{Row as _, SqliteConnection};

use super::{SqliteDatabase, checked, to_json};
use crate::clock::UnixMillis;
use crate::store::inbox::{EventStatus, NewEvent, PendingEvent};
use crate::store::scope::Scope;
use crate::store::tables::TableNames;

impl SqliteDatabase {
    /// Inserts events as pending; the ids of those that were not there.
    pub(crate) async fn insert_events(
        &self,
        connection: &mut SqliteConnection,
        tables: &TableNames,
        scope: &Scope,
        events: &[&NewEvent<'_>],
        now: UnixMillis,
    ) -> Result<Vec<String>, sqlx::Error> {
        let sql = checked(format!(
            "INSERT INTO {} (event_id, account, livemode, event_type, created, api_version, payload, status, received_at, \
                updated_at)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 'pending', ?8, ?8)
            ON CONFLICT (event_id) DO NOTHING",
            tables.events()
        ));
        let now = now.to_string();
        let mut new = Vec::new();
        for event in events {
            let inserted = sqlx::query(sql.clone())
                .bind(event.id)
                .bind(event.account.unwrap_or(scope.account_column()))
                .bind(event.mode.unwrap_or(scope.mode()).is_live())
                .bind(&*event.event_type)
                .bind(event.created)
                .bind(event.api_version.as_deref())
                .bind(event.payload)
                .bind(now.as_str())
                .execute(&mut *connection)
                .await?;
            if inserted.rows_affected() > 0 {
                new.push(event.id.to_owned());
            }
        }
        Ok(new)
    }

    /// Takes pending events, the oldest first; nobody else writes until the transaction ends.
    pub(crate) async fn claim_events(
        &self,
        connection: &mut SqliteConnection,
        tables: &TableNames,
        limit: i64,
    ) -> Result<Vec<PendingEvent>, sqlx::Error> {
        let sql = format!(
            "SELECT event_id, account, livemode, payload FROM {} WHERE status = 'pending'
            ORDER BY created, event_id LIMIT ?1",
            tables.events()
        );
        let rows = sqlx::query(checked(sql))
            .bind(limit)
            .fetch_all(connection)
            .await?;
        let event = |row: &sqlx::sqlite::SqliteRow| {
            Ok(PendingEvent {
                id: row.try_get(0)?,
                account: row.try_get(1)?,
                livemode: row.try_get(2)?,
                payload: row.try_get(3)?,
            })
        };
        rows.iter().map(event).collect()
    }

    /// Notes what became of pending events.
    pub(crate) async fn note_events(
        &self,
        connection: &mut SqliteConnection,
        tables: &TableNames,
        ids: &[&str],
        status: EventStatus<'_>,
        now: UnixMillis,
    ) -> Result<Vec<()>, sqlx::Error> {
        let sql = format!(
            "UPDATE {} SET status = ?2, last_error = ?3, attempts = attempts + 1, updated_at = ?4
            WHERE event_id IN (SELECT value FROM json_each(?1)) AND status = 'pending'",
            tables.events()
        );
        sqlx::query(checked(sql))
            .bind(to_json(ids)?)
            .bind(status.as_column())
            .bind(status.error())
            .bind(now.to_string())
            .execute(connection)
            .await?;
        Ok(Vec::new())
    }
}
