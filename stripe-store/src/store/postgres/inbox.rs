//! The inbox on PostgreSQL.

use sqlx::{PgConnection, Row as _};

use super::time::PgMillis;
use super::{PgDatabase, checked};
use crate::clock::UnixMillis;
use crate::store::inbox::{EventStatus, NewEvent, PendingEvent};
use crate::store::scope::Scope;
use crate::store::tables::TableNames;

impl PgDatabase {
    /// Inserts events as pending; the ids of those that were not there.
    pub(crate) async fn insert_events(
        &self,
        connection: &mut PgConnection,
        tables: &TableNames,
        scope: &Scope,
        events: &[&NewEvent<'_>],
        now: UnixMillis,
    ) -> Result<Vec<String>, sqlx::Error> {
        let sql = format!(
            "INSERT INTO {} (event_id, account, livemode, event_type, created, api_version, payload, status, received_at, \
                updated_at)
            SELECT u.*, 'pending', $8, $8
            FROM unnest($1::text[], $2::text[], $3::boolean[], $4::text[], $5::bigint[], $6::text[], $7::text[]) AS u
            ON CONFLICT (event_id) DO NOTHING
            RETURNING event_id",
            tables.events()
        );
        let account =
            |event: &&NewEvent<'_>| event.account.unwrap_or(scope.account_column()).to_owned();
        let livemode = |event: &&NewEvent<'_>| event.mode.unwrap_or(scope.mode()).is_live();
        sqlx::query_scalar(checked(sql))
            .bind(column(events, |event| event.id))
            .bind(events.iter().map(account).collect::<Vec<_>>())
            .bind(events.iter().map(livemode).collect::<Vec<_>>())
            .bind(column(events, |event| &*event.event_type))
            .bind(column(events, |event| event.created))
            .bind(column(events, |event| event.api_version.as_deref()))
            .bind(column(events, |event| event.payload))
            .bind(PgMillis(now.as_millis()))
            .fetch_all(connection)
            .await
    }

    /// Takes pending events that no other transaction has, the oldest first.
    pub(crate) async fn claim_events(
        &self,
        connection: &mut PgConnection,
        tables: &TableNames,
        limit: i64,
    ) -> Result<Vec<PendingEvent>, sqlx::Error> {
        let sql = format!(
            "SELECT event_id, account, livemode, payload FROM {} WHERE status = 'pending'
            ORDER BY created, event_id LIMIT $1 FOR UPDATE SKIP LOCKED",
            tables.events()
        );
        let rows = sqlx::query(checked(sql))
            .bind(limit)
            .fetch_all(connection)
            .await?;
        let event = |row: &sqlx::postgres::PgRow| {
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
        connection: &mut PgConnection,
        tables: &TableNames,
        ids: &[&str],
        status: EventStatus<'_>,
        now: UnixMillis,
    ) -> Result<Vec<()>, sqlx::Error> {
        let sql = format!(
            "UPDATE {} SET status = $2, last_error = $3, attempts = attempts + 1, updated_at = $4
            WHERE event_id = ANY($1) AND status = 'pending'",
            tables.events()
        );
        sqlx::query(checked(sql))
            .bind(ids)
            .bind(status.as_column())
            .bind(status.error())
            .bind(PgMillis(now.as_millis()))
            .execute(connection)
            .await?;
        Ok(Vec::new())
    }
}

fn column<'e, T>(events: &[&'e NewEvent<'e>], value: impl Fn(&'e NewEvent<'e>) -> T) -> Vec<T> {
    events.iter().map(|event| value(event)).collect()
}
