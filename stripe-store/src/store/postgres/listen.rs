//! `NOTIFY` with a write, and `LISTEN`, on a connection of its own.

use std::io;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgListener, PgPoolOptions};
use sqlx::{Executor as _, PgConnection, PgPool, SqlStr};

use super::{PgDatabase, checked};
use crate::store::changes::{Facts, Ledger};

/// After how much silence the connection is tried: a server that has gone without a word sends no notifications, and
/// nothing else tells that from a server where nobody writes.
const SILENCE: Duration = Duration::from_secs(15);
/// How long the server may take to answer then.
const ANSWER: Duration = Duration::from_secs(10);

/// The channel on which the changes of a table are told, as an SQL expression.
///
/// By the table's number and not its name: the same table may be named with its schema and without, and two tables of
/// one name in two schemas are two installations.
pub(crate) fn channel(table: &str) -> String {
    format!("('stripe_store_' || '{table}'::regclass::oid)")
}

/// Passes a payload on when the transaction commits.
pub(super) fn notify_sql(table: &str) -> SqlStr {
    checked(format!("SELECT pg_notify({}, $1)", channel(table)))
}

/// Where to listen.
#[derive(Debug, Clone)]
pub(crate) struct Site {
    pool: PgPool,
    options: PgConnectOptions,
    channel: SqlStr,
}

/// What came.
#[derive(Debug)]
pub(crate) enum Heard {
    Payload(String),
    /// Nothing for a while, and the server is there.
    Silence,
}

/// A connection that listens.
#[derive(Debug)]
pub(crate) struct Listener(PgListener);

impl PgDatabase {
    /// Tells of a change that a statement made which does not tell by itself.
    pub(super) async fn tell(
        &self,
        connection: &mut PgConnection,
        ledger: &mut Ledger<'_>,
        facts: &Facts<'_>,
    ) -> Result<(), sqlx::Error> {
        ledger.note(facts);
        if ledger.notifies() {
            let payload = facts
                .payload()
                .map_err(|error| sqlx::Error::Encode(error.into()))?;
            sqlx::query(self.notify.clone())
                .bind(payload)
                .execute(connection)
                .await?;
        }
        Ok(())
    }

    pub(crate) fn site(&self, table: &str) -> Site {
        Site {
            options: self.pool.connect_options().as_ref().clone(),
            pool: self.pool.clone(),
            channel: checked(format!("SELECT {}", channel(table))),
        }
    }
}

impl Site {
    /// Connects, and listens from then on.
    pub(crate) async fn connect(&self) -> Result<Listener, sqlx::Error> {
        if self.pool.is_closed() {
            return Err(sqlx::Error::PoolClosed);
        }
        // A pool of one: the listener wants a pool, and the caller's has no connection to spare.
        let own = PgPoolOptions::new()
            .max_connections(1)
            .idle_timeout(None)
            .max_lifetime(None)
            .acquire_timeout(self.pool.options().get_acquire_timeout())
            .connect_with(self.options.clone())
            .await?;
        let mut listener = PgListener::connect_with(&own).await?;
        listener.eager_reconnect(false);
        let channel: String = sqlx::query_scalar(self.channel.clone())
            .fetch_one(&mut listener)
            .await?;
        listener.listen(&channel).await?;
        Ok(Listener(listener))
    }

    /// Whether the store's pool was closed.
    pub(crate) fn is_closed(&self) -> bool {
        self.pool.is_closed()
    }
}

impl Listener {
    /// Waits for a notification. An error means that the connection is not to be used again: what was sent in the
    /// meantime is lost.
    pub(crate) async fn next(&mut self, site: &Site) -> Result<Heard, sqlx::Error> {
        let mut closed = site.pool.close_event();
        closed.do_until(self.hear()).await?
    }

    async fn hear(&mut self) -> Result<Heard, sqlx::Error> {
        if let Ok(received) = tokio::time::timeout(SILENCE, self.0.try_recv()).await {
            return match received? {
                Some(notification) => Ok(Heard::Payload(notification.payload().to_owned())),
                None => Err(gone("the server closed the connection")),
            };
        }
        match tokio::time::timeout(ANSWER, self.0.execute("SELECT 1")).await {
            Ok(answer) => answer.map(|_| Heard::Silence),
            Err(_) => Err(gone("the server does not answer")),
        }
    }
}

fn gone(why: &'static str) -> sqlx::Error {
    sqlx::Error::Io(io::Error::new(io::ErrorKind::ConnectionAborted, why))
}
