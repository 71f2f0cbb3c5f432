//! The queue of events on PostgreSQL.

use sqlx::{PgConnection, Row as _};

use super::inbox::millis;
use super::inbox::{KEPT, kept};
use super::time::PgMillis;
use super::{PgDatabase, checked};
use crate::clock::UnixMillis;
use crate::store::inbox::KeptEvent;
use crate::store::queue::Handled;
use crate::store::tables::TableNames;

impl PgDatabase {
    /// Takes events whose handlers are due, in turn for each object.
    pub(crate) async fn claim_queued(
        &self,
        connection: &mut PgConnection,
        tables: &TableNames,
        limit: i64,
        lease: &str,
        until: UnixMillis,
        now: UnixMillis,
    ) -> Result<Vec<KeptEvent>, sqlx::Error> {
        // One after the other: who looks has to see what the one before has taken.
        sqlx::query("SELECT pg_advisory_xact_lock($1)")
            .bind(self.queue_lock)
            .execute(&mut *connection)
            .await?;
        let table = tables.events();
        let sql = format!(
            "UPDATE {table} SET lease = $2, leased_until = $3 WHERE event_id = ANY (ARRAY(
                SELECT event_id FROM {table} AS e
                WHERE status = 'queued' AND due_at <= $4 AND (leased_until IS NULL OR leased_until <= $4 AND lease <> $2)
                    AND NOT EXISTS (SELECT 1 FROM {table} AS o WHERE o.status = 'queued' AND o.account = e.account AND o.livemode = e.livemode AND o.object = e.object AND o.stripe_id = e.stripe_id
                        AND (o.leased_until > $4 OR (o.created, o.change, o.event_id) < (e.created, e.change, e.event_id)))
                ORDER BY due_at, created, event_id LIMIT $1 FOR UPDATE SKIP LOCKED
            )) RETURNING {KEPT}"
        );
        let rows = sqlx::query(checked(sql))
            .bind(limit)
            .bind(lease)
            .bind(PgMillis(until.as_millis()))
            .bind(PgMillis(now.as_millis()))
            .fetch_all(connection)
            .await?;
        rows.iter().map(kept).collect()
    }

    /// Keeps what a lease has for longer; a line for each.
    pub(crate) async fn renew_lease(
        &self,
        connection: &mut PgConnection,
        tables: &TableNames,
        lease: &str,
        until: UnixMillis,
    ) -> Result<Vec<String>, sqlx::Error> {
        let sql = format!(
            "UPDATE {} SET leased_until = $2 WHERE lease = $1 AND status = 'queued' RETURNING event_id",
            tables.events()
        );
        let rows = sqlx::query(checked(sql))
            .bind(lease)
            .bind(PgMillis(until.as_millis()))
            .fetch_all(connection)
            .await?;
        rows.iter().map(|row| row.try_get(0)).collect()
    }

    /// Notes what became of an event that a lease has; a line if it has it still.
    #[expect(clippy::too_many_arguments, reason = "what is noted")]
    pub(crate) async fn note_handled(
        &self,
        connection: &mut PgConnection,
        tables: &TableNames,
        id: &str,
        lease: &str,
        done: &str,
        handled: Option<Handled<'_>>,
        now: UnixMillis,
    ) -> Result<Vec<String>, sqlx::Error> {
        let end = match handled {
            None => "",
            Some(_) => {
                ", lease = NULL, leased_until = NULL, status = $5, last_error = $6, \
                 due_at = coalesce($7, due_at), attempts = attempts + 1"
            }
        };
        let sql = format!(
            "UPDATE {} SET handled = $3, updated_at = $4{end}
            WHERE event_id = $1 AND lease = $2 AND status = 'queued' RETURNING event_id",
            tables.events()
        );
        let mut query = sqlx::query(checked(sql))
            .bind(id)
            .bind(lease)
            .bind(done)
            .bind(PgMillis(now.as_millis()));
        if let Some(handled) = handled {
            query = query
                .bind(handled.as_column())
                .bind(handled.error())
                .bind(millis(handled.due()));
        }
        let rows = query.fetch_all(connection).await?;
        rows.iter().map(|row| row.try_get(0)).collect()
    }
}
