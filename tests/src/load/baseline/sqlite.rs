//! SQLite, driven by a loop of our own: one connection writes, and the others wait for it, as it would be without us.

use std::str::FromStr as _;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use sqlx::SqlitePool;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};

use super::Rows;

/// Transactions in a second, by so many tasks, in a file that has the store's tables. Ends when the time is over, or every
/// event was written.
///
/// # Panics
///
/// When the file cannot be written to.
#[expect(
    clippy::cast_precision_loss,
    clippy::float_arithmetic,
    reason = "a figure for people"
)]
pub async fn run(url: &str, rows: &[Rows], tasks: usize, time: Duration) -> f64 {
    let options = SqliteConnectOptions::from_str(url)
        .expect("a URL")
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full);
    let pool = SqlitePoolOptions::new()
        .max_connections(1)
        .acquire_timeout(time + Duration::from_mins(1))
        .connect_with(options)
        .await
        .expect("the file can be opened");
    // What is written is prepared before the clock runs.
    let texts: Vec<String> = rows.iter().map(|rows| rows.data.to_string()).collect();
    let (taken, done) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let begin = Instant::now();
    let work = async || {
        while begin.elapsed() < time {
            let place = taken.fetch_add(1, Ordering::Relaxed);
            let (Some(rows), Some(text)) = (rows.get(place), texts.get(place)) else {
                return;
            };
            write(&pool, rows, text)
                .await
                .expect("a transaction is committed");
            done.fetch_add(1, Ordering::Relaxed);
        }
    };
    join_all((0..tasks).map(|_| work())).await;
    let took = begin.elapsed();
    pool.close().await;
    done.into_inner() as f64 / took.as_secs_f64()
}

async fn write(pool: &SqlitePool, rows: &Rows, text: &str) -> sqlx::Result<()> {
    let now = "2026-01-01T00:00:00.000Z";
    let mut transaction = pool.begin_with("BEGIN IMMEDIATE").await?;
    sqlx::query(
        "INSERT INTO stripe_events (event_id, account, livemode, event_type, created, api_version, payload, status, \
            attempts, received_at, updated_at)
        VALUES (?1, '', 1, ?2, ?3, '2026-10-28.endive', ?4, 'applied', 1, ?5, ?5) ON CONFLICT (event_id) DO NOTHING",
    )
    .bind(&rows.event_id)
    .bind(rows.event_type)
    .bind(rows.created)
    .bind(&rows.payload)
    .bind(now)
    .execute(&mut *transaction)
    .await?;
    sqlx::query(
        "INSERT INTO stripe_objects (account, livemode, object, stripe_id, data, api_version, as_of, as_of_until, source, \
            change, created_at, updated_at)
        VALUES ('', 1, ?1, ?2, ?3, '2026-10-28.endive', ?4, ?4 + 1000, ?5, 1, ?6, ?6)
        ON CONFLICT (account, livemode, object, stripe_id) DO UPDATE
        SET data = excluded.data, api_version = excluded.api_version, as_of = excluded.as_of,
            as_of_until = excluded.as_of_until, source = excluded.source, updated_at = excluded.updated_at",
    )
    .bind(&rows.object)
    .bind(&rows.stripe_id)
    .bind(text)
    .bind(rows.created * 1000)
    .bind(&rows.event_id)
    .bind(now)
    .execute(&mut *transaction)
    .await?;
    transaction.commit().await
}
