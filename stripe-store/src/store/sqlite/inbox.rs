//! The inbox on SQLite.

use sqlx::sqlite::SqliteRow;
use sqlx::{Row as _, SqliteConnection};

use super::{SqliteDatabase, checked, to_json};
use crate::clock::UnixMillis;
use crate::store::inbox::{ACCEPTED, DUPLICATE, EventStatus, KeptEvent, NewDelivery, NewEvent};
use crate::store::scope::Scope;
use crate::store::tables::TableNames;

/// What [`kept`] reads.
pub(super) const KEPT: &str = "event_id, account, livemode, payload, attempts, handled";

impl SqliteDatabase {
    /// Inserts events and requests; the ids of the events that were not there.
    #[expect(clippy::too_many_arguments, reason = "what is written")]
    pub(crate) async fn insert_events(
        &self,
        connection: &mut SqliteConnection,
        tables: &TableNames,
        scope: &Scope,
        events: &[&NewEvent<'_>],
        deliveries: &[&NewDelivery],
        _locks: &[i64],
        now: UnixMillis,
    ) -> Result<Vec<String>, sqlx::Error> {
        let sql = checked(format!(
            "INSERT INTO {} (event_id, account, livemode, event_type, created, api_version, payload, object, stripe_id, \
                change, status, attempts, last_error, due_at, received_at, updated_at)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?15)
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
                .bind(event.about.as_ref().map(|about| &*about.0))
                .bind(event.about.as_ref().map(|about| &*about.1))
                .bind(event.change.as_column())
                .bind(event.status.as_column())
                .bind(event.status.attempts())
                .bind(event.status.error())
                .bind(event.status.due().map(|due| due.to_string()))
                .bind(now.as_str())
                .execute(&mut *connection)
                .await?;
            if inserted.rows_affected() > 0 {
                new.push(event.id.to_owned());
            }
        }
        let sql = checked(format!(
            "INSERT INTO {} (delivery_id, endpoint, remote_address, headers, body, body_bytes, verdict, http_status, \
                event_id, error, not_logged, duration_us, received_at)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
            tables.deliveries()
        ));
        let again = NewDelivery::are_again(deliveries);
        for (delivery, is_again) in deliveries.iter().zip(again) {
            let is_new = !is_again
                && delivery
                    .event_id
                    .as_ref()
                    .is_some_and(|id| new.contains(id));
            let verdict = match delivery.verdict {
                ACCEPTED if !is_new => DUPLICATE,
                verdict => verdict,
            };
            sqlx::query(sql.clone())
                .bind(delivery.id.as_str())
                .bind(delivery.endpoint.as_str())
                .bind(delivery.remote.as_deref())
                .bind(delivery.headers.as_str())
                .bind(delivery.body.as_deref())
                .bind(delivery.body_bytes)
                .bind(verdict)
                .bind(delivery.http_status)
                .bind(delivery.event_id.as_deref())
                .bind(delivery.error.as_deref())
                .bind(delivery.not_logged)
                .bind(delivery.duration_us)
                .bind(delivery.received_at.to_string())
                .execute(&mut *connection)
                .await?;
        }
        Ok(new)
    }

    /// Those of these events that are not applied; nobody else writes until the transaction ends.
    pub(crate) async fn claim_unapplied(
        &self,
        connection: &mut SqliteConnection,
        tables: &TableNames,
        ids: &[&str],
    ) -> Result<Vec<KeptEvent>, sqlx::Error> {
        let sql = format!(
            "SELECT {KEPT} FROM {} WHERE event_id IN (SELECT value FROM json_each(?1)) AND status IN ('pending', 'failed')
            ORDER BY created, change, event_id",
            tables.events()
        );
        let rows = sqlx::query(checked(sql))
            .bind(to_json(ids)?)
            .fetch_all(connection)
            .await?;
        rows.iter().map(kept).collect()
    }

    /// Pending events that are due, the oldest first; nobody else writes until the transaction ends.
    pub(crate) async fn claim_pending(
        &self,
        connection: &mut SqliteConnection,
        tables: &TableNames,
        limit: i64,
        now: UnixMillis,
    ) -> Result<Vec<KeptEvent>, sqlx::Error> {
        let sql = format!(
            "SELECT {KEPT} FROM {} WHERE status = 'pending' AND (due_at IS NULL OR due_at <= ?2)
            ORDER BY created, event_id LIMIT ?1",
            tables.events()
        );
        let rows = sqlx::query(checked(sql))
            .bind(limit)
            .bind(now.to_string())
            .fetch_all(connection)
            .await?;
        rows.iter().map(kept).collect()
    }

    /// Notes what became of events.
    pub(crate) async fn note_events(
        &self,
        connection: &mut SqliteConnection,
        tables: &TableNames,
        ids: &[&str],
        status: EventStatus<'_>,
        now: UnixMillis,
    ) -> Result<Vec<()>, sqlx::Error> {
        let sql = format!(
            "UPDATE {} SET status = ?2, last_error = ?3, due_at = ?4, updated_at = ?5,
                attempts = CASE WHEN ?2 = 'queued' THEN 0 ELSE attempts + 1 END
            WHERE event_id IN (SELECT value FROM json_each(?1))",
            tables.events()
        );
        sqlx::query(checked(sql))
            .bind(to_json(ids)?)
            .bind(status.as_column())
            .bind(status.error())
            .bind(status.due().map(|due| due.to_string()))
            .bind(now.to_string())
            .execute(connection)
            .await?;
        Ok(Vec::new())
    }
}

pub(super) fn kept(row: &SqliteRow) -> Result<KeptEvent, sqlx::Error> {
    Ok(KeptEvent {
        id: row.try_get(0)?,
        account: row.try_get(1)?,
        livemode: row.try_get(2)?,
        payload: row.try_get(3)?,
        attempts: row.try_get(4)?,
        handled: row.try_get(5)?,
    })
}
