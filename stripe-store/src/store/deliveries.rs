//! The log of requests to webhook endpoints: what goes.

use super::begin::in_own;
use super::error::StoreError;
use super::extension::place;
use super::{Store, with_connection};
use crate::clock::UnixMillis;

/// What the log keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct DeliveryLimits {
    /// Nothing older.
    pub(crate) before: UnixMillis,
    /// No more rows.
    pub(crate) max_rows: u64,
    /// No more rows of requests that were refused.
    pub(crate) max_invalid: u64,
}

/// How many rows go at a time.
const BATCH: usize = 1000;

impl Store {
    /// Removes what the log does not keep, some rows at a time; how many went.
    pub(crate) async fn sweep_deliveries(
        &self,
        limits: &DeliveryLimits,
    ) -> Result<u64, StoreError> {
        let table = self.tables().deliveries();
        // Ids begin with the time.
        let oldest = format!("{:012x}", limits.before.as_millis());
        let first = place(self.dialect(), 1);
        let count = |rows: u64| i64::try_from(rows).unwrap_or(i64::MAX);
        let newest_of = |condition: &str, rows: u64| {
            format!(
                "SELECT delivery_id FROM {table} {condition} ORDER BY delivery_id DESC LIMIT {BATCH} OFFSET {}",
                count(rows)
            )
        };
        let selections = [
            (
                format!(
                    "SELECT delivery_id FROM {table} WHERE delivery_id < {first} ORDER BY delivery_id LIMIT {BATCH}"
                ),
                Some(oldest),
            ),
            (
                newest_of("WHERE verdict = 'invalid'", limits.max_invalid),
                None,
            ),
            (newest_of("", limits.max_rows), None),
        ];
        let mut gone = 0;
        for (selection, parameter) in selections {
            let sql = format!(
                "DELETE FROM {table} WHERE delivery_id IN ({selection}) RETURNING delivery_id"
            );
            loop {
                let rows: Vec<String> = in_own!(self, &mut self.ledger(), transaction => {
                    let mut arguments = self.arguments();
                    if let Some(parameter) = &parameter {
                        arguments
                            .add(parameter.clone())
                            .map_err(|error| self.inbox_error("write", sqlx::Error::Encode(error)))?;
                    }
                    let rows = with_connection!(self, &mut transaction.0, database, connection => {
                        database.texts_in(connection, sql.clone(), arguments).await
                    });
                    rows.map_err(|source| self.inbox_error("write", source))
                })?;
                gone += u64::try_from(rows.len()).unwrap_or(u64::MAX);
                if rows.len() < BATCH {
                    break;
                }
            }
        }
        Ok(gone)
    }
}
