//! The inbox on PostgreSQL.

use sqlx::postgres::PgRow;
use sqlx::{PgConnection, Row as _};

use super::time::PgMillis;
use super::{PgDatabase, checked};
use crate::clock::UnixMillis;
use crate::store::inbox::{ACCEPTED, DUPLICATE, EventStatus, KeptEvent, NewDelivery, NewEvent};
use crate::store::scope::Scope;
use crate::store::tables::TableNames;

/// What [`kept`] reads.
pub(super) const KEPT: &str = "event_id, account, livemode, payload, attempts, handled";

impl PgDatabase {
    /// Inserts events and requests, and takes locks after that, by one statement; the ids of the events that were not there.
    #[expect(clippy::too_many_arguments, reason = "what is written")]
    pub(crate) async fn insert_events(
        &self,
        connection: &mut PgConnection,
        tables: &TableNames,
        scope: &Scope,
        events: &[&NewEvent<'_>],
        deliveries: &[&NewDelivery],
        locks: &[i64],
        now: UnixMillis,
    ) -> Result<Vec<String>, sqlx::Error> {
        let new = format!(
            "INSERT INTO {} (event_id, account, livemode, event_type, created, api_version, payload, object, stripe_id, \
                change, status, attempts, last_error, due_at, received_at, updated_at)
            SELECT u.*, $15, $15
            FROM unnest((SELECT $1::text[]), (SELECT $2::text[]), (SELECT $3::boolean[]), (SELECT $4::text[]), (SELECT $5::bigint[]), (SELECT $6::text[]), (SELECT $7::text[]), \
                (SELECT $8::text[]), (SELECT $9::text[]), (SELECT $10::smallint[]), (SELECT $11::text[]), (SELECT $12::integer[]), (SELECT $13::text[]), (SELECT $14::timestamptz[])) AS u
            ON CONFLICT (event_id) DO NOTHING
            RETURNING event_id",
            tables.events()
        );
        let sql = if deliveries.is_empty() {
            new
        } else {
            format!(
                "WITH new AS ({new}), logged AS (
                    INSERT INTO {} (delivery_id, endpoint, remote_address, headers, body, body_bytes, verdict, \
                        http_status, event_id, error, not_logged, duration_us, received_at)
                    SELECT d.id, d.endpoint, d.remote, d.headers, d.body, d.body_bytes,
                        CASE WHEN d.verdict = '{ACCEPTED}' AND (d.is_again OR NOT EXISTS (
                            SELECT FROM new WHERE new.event_id = d.event_id)) THEN '{DUPLICATE}' ELSE d.verdict END,
                        d.http_status, d.event_id, d.error, d.not_logged, d.duration_us, d.received_at
                    FROM unnest((SELECT $16::text[]), (SELECT $17::text[]), (SELECT $18::text[]), (SELECT $19::text[]), (SELECT $20::text[]), (SELECT $21::bigint[]), \
                        (SELECT $22::text[]), (SELECT $23::smallint[]), (SELECT $24::text[]), (SELECT $25::text[]), (SELECT $26::bigint[]), (SELECT $27::bigint[]), \
                        (SELECT $28::timestamptz[]), (SELECT $29::boolean[]))
                        AS d (id, endpoint, remote, headers, body, body_bytes, verdict, http_status, event_id, error, \
                            not_logged, duration_us, received_at, is_again)
                )
                SELECT event_id FROM new
                UNION ALL SELECT NULL WHERE 0 < (SELECT count(pg_advisory_xact_lock(k)) FROM unnest((SELECT $30::bigint[])) AS k)",
                tables.deliveries()
            )
        };
        let account =
            |event: &&NewEvent<'_>| event.account.unwrap_or(scope.account_column()).to_owned();
        let livemode = |event: &&NewEvent<'_>| event.mode.unwrap_or(scope.mode()).is_live();
        let mut query = sqlx::query_scalar(checked(sql))
            .bind(column(events, |event| event.id))
            .bind(events.iter().map(account).collect::<Vec<_>>())
            .bind(events.iter().map(livemode).collect::<Vec<_>>())
            .bind(column(events, |event| &*event.event_type))
            .bind(column(events, |event| event.created))
            .bind(column(events, |event| event.api_version.as_deref()))
            .bind(column(events, |event| event.payload))
            .bind(column(events, |event| {
                event.about.as_ref().map(|about| &*about.0)
            }))
            .bind(column(events, |event| {
                event.about.as_ref().map(|about| &*about.1)
            }))
            .bind(column(events, |event| event.change.as_column()))
            .bind(column(events, |event| event.status.as_column()))
            .bind(column(events, |event| event.status.attempts()))
            .bind(column(events, |event| event.status.error()))
            .bind(column(events, |event| millis(event.status.due())))
            .bind(PgMillis(now.as_millis()));
        if !deliveries.is_empty() {
            fn texts<'d, T>(
                deliveries: &[&'d NewDelivery],
                value: impl Fn(&'d NewDelivery) -> T,
            ) -> Vec<T> {
                deliveries.iter().map(|delivery| value(delivery)).collect()
            }
            query = query
                .bind(texts(deliveries, |delivery| delivery.id.as_str()))
                .bind(texts(deliveries, |delivery| delivery.endpoint.as_str()))
                .bind(texts(deliveries, |delivery| delivery.remote.as_deref()))
                .bind(texts(deliveries, |delivery| delivery.headers.as_str()))
                .bind(texts(deliveries, |delivery| delivery.body.as_deref()))
                .bind(texts(deliveries, |delivery| delivery.body_bytes))
                .bind(texts(deliveries, |delivery| delivery.verdict))
                .bind(texts(deliveries, |delivery| delivery.http_status))
                .bind(texts(deliveries, |delivery| delivery.event_id.as_deref()))
                .bind(texts(deliveries, |delivery| delivery.error.as_deref()))
                .bind(texts(deliveries, |delivery| delivery.not_logged))
                .bind(texts(deliveries, |delivery| delivery.duration_us))
                .bind(texts(deliveries, |delivery| {
                    PgMillis(delivery.received_at.as_millis())
                }))
                .bind(NewDelivery::are_again(deliveries))
                .bind(locks);
        }
        let new: Vec<Option<String>> = query.fetch_all(connection).await?;
        Ok(new.into_iter().flatten().collect())
    }

    /// Takes those of these events that are not applied and no other transaction has.
    pub(crate) async fn claim_unapplied(
        &self,
        connection: &mut PgConnection,
        tables: &TableNames,
        ids: &[&str],
    ) -> Result<Vec<KeptEvent>, sqlx::Error> {
        let sql = format!(
            "SELECT {KEPT} FROM {} WHERE event_id = ANY($1) AND status IN ('pending', 'failed')
            ORDER BY created, change, event_id FOR UPDATE SKIP LOCKED",
            tables.events()
        );
        let rows = sqlx::query(checked(sql))
            .bind(ids)
            .fetch_all(connection)
            .await?;
        rows.iter().map(kept).collect()
    }

    /// Takes pending events that are due and no other transaction has, the oldest first.
    pub(crate) async fn claim_pending(
        &self,
        connection: &mut PgConnection,
        tables: &TableNames,
        limit: i64,
        now: UnixMillis,
    ) -> Result<Vec<KeptEvent>, sqlx::Error> {
        let sql = format!(
            "SELECT {KEPT} FROM {} WHERE status = 'pending' AND (due_at IS NULL OR due_at <= $2)
            ORDER BY created, event_id LIMIT $1 FOR UPDATE SKIP LOCKED",
            tables.events()
        );
        let rows = sqlx::query(checked(sql))
            .bind(limit)
            .bind(PgMillis(now.as_millis()))
            .fetch_all(connection)
            .await?;
        rows.iter().map(kept).collect()
    }

    /// Notes what became of events.
    pub(crate) async fn note_events(
        &self,
        connection: &mut PgConnection,
        tables: &TableNames,
        ids: &[&str],
        status: EventStatus<'_>,
        now: UnixMillis,
    ) -> Result<Vec<()>, sqlx::Error> {
        let sql = format!(
            "UPDATE {} SET status = $2, last_error = $3, due_at = $4, updated_at = $5,
                attempts = CASE WHEN $2 = 'queued' THEN 0 ELSE attempts + 1 END
            WHERE event_id = ANY($1)",
            tables.events()
        );
        sqlx::query(checked(sql))
            .bind(ids)
            .bind(status.as_column())
            .bind(status.error())
            .bind(millis(status.due()))
            .bind(PgMillis(now.as_millis()))
            .execute(connection)
            .await?;
        Ok(Vec::new())
    }
}

fn column<'e, T>(events: &[&'e NewEvent<'e>], value: impl Fn(&'e NewEvent<'e>) -> T) -> Vec<T> {
    events.iter().map(|event| value(event)).collect()
}

pub(super) fn millis(moment: Option<UnixMillis>) -> Option<PgMillis> {
    moment.map(|moment| PgMillis(moment.as_millis()))
}

pub(super) fn kept(row: &PgRow) -> Result<KeptEvent, sqlx::Error> {
    Ok(KeptEvent {
        id: row.try_get(0)?,
        account: row.try_get(1)?,
        livemode: row.try_get(2)?,
        payload: row.try_get(3)?,
        attempts: row.try_get(4)?,
        handled: row.try_get(5)?,
    })
}
