//! Making an index on PostgreSQL, while others write.

use std::time::Duration;

use sqlx::{Connection as _, PgConnection};

use super::{PgDatabase, checked};
use crate::store::cursor::hash;
use crate::store::sql::IndexPlan;

/// How long to wait for who is making the same index before looking again.
const PAUSE: Duration = Duration::from_millis(50);

impl PgDatabase {
    /// Makes an index, if it is not there. Whoever comes second waits until it is.
    pub(crate) async fn ensure_index(&self, plan: &IndexPlan) -> Result<(), sqlx::Error> {
        if is_valid(&mut *self.pool.acquire().await?, &plan.qualified).await? == Some(true) {
            return Ok(());
        }
        // A connection of its own, with which locks and settings go, however this ends.
        let mut connection = self.pool.acquire().await?.detach();
        let made = make(&mut connection, plan).await;
        let closed = connection.close().await;
        made.and(closed)
    }
}

async fn make(connection: &mut PgConnection, plan: &IndexPlan) -> Result<(), sqlx::Error> {
    let name = &plan.qualified;
    // An index on a large table takes longer than any other statement may.
    sqlx::query("SELECT set_config('statement_timeout', '0', false), set_config('lock_timeout', '0', false)")
        .execute(&mut *connection)
        .await?;
    let lock = i64::from_be_bytes(hash([name.as_bytes()]).to_be_bytes());
    // Asked for again and again: a statement that waits for the lock would be waited for by the index.
    while !sqlx::query_scalar::<_, bool>("SELECT pg_try_advisory_lock($1)")
        .bind(lock)
        .fetch_one(&mut *connection)
        .await?
    {
        tokio::time::sleep(PAUSE).await;
    }
    match is_valid(connection, name).await? {
        Some(true) => return Ok(()),
        // What is left of one that was broken off.
        Some(false) => {
            let drop = format!("DROP INDEX CONCURRENTLY IF EXISTS {name}");
            sqlx::query(checked(drop)).execute(&mut *connection).await?;
        }
        None => {}
    }
    let create = plan.create_sql("CONCURRENTLY ");
    sqlx::query(checked(create)).execute(connection).await?;
    Ok(())
}

/// Whether the index is whole; `None` if it is not there.
async fn is_valid(connection: &mut PgConnection, name: &str) -> Result<Option<bool>, sqlx::Error> {
    sqlx::query_scalar("SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass($1)")
        .bind(name)
        .fetch_optional(connection)
        .await
}
