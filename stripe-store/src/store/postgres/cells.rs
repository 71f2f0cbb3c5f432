//! Rows of any statement on PostgreSQL, read column by column.

use sqlx::PgConnection;

use super::{PgDatabase, checked};
use crate::store::arguments::{Arguments, Cell};

impl PgDatabase {
    /// Runs a statement; each row as `read` has it, which is given its first column.
    pub(crate) async fn cells<T>(
        &self,
        sql: String,
        arguments: Arguments,
        read: fn(Cell<'_>) -> Result<T, sqlx::Error>,
    ) -> Result<Vec<T>, sqlx::Error> {
        let mut connection = self.pool.acquire().await?;
        self.cells_in(&mut connection, sql, arguments, read).await
    }

    /// The same in a transaction.
    pub(crate) async fn cells_in<T>(
        &self,
        connection: &mut PgConnection,
        sql: String,
        arguments: Arguments,
        read: fn(Cell<'_>) -> Result<T, sqlx::Error>,
    ) -> Result<Vec<T>, sqlx::Error> {
        let rows = sqlx::query_with(checked(sql), arguments.into_postgres())
            .fetch_all(connection)
            .await?;
        rows.iter()
            .map(|row| read(Cell::Postgres(row, 0)))
            .collect()
    }
}
