//! What the inbox holds, by status.

use super::{Columns, Store};
use crate::store::arguments::Cell;
use crate::store::error::StoreError;

/// How many events have a status, and how old the oldest of them is.
#[derive(Debug, Clone)]
pub(crate) struct StatusCount {
    pub(crate) status: String,
    pub(crate) events: i64,
    /// In unix seconds.
    pub(crate) oldest: i64,
}

fn count(cell: Cell<'_>) -> Result<StatusCount, sqlx::Error> {
    let mut columns = Columns(cell);
    Ok(StatusCount {
        status: columns.next()?,
        events: columns.next()?,
        oldest: columns.next()?,
    })
}

impl Store {
    /// How many events there are of each status, in every account and mode.
    pub(crate) async fn count_events_by_status(&self) -> Result<Vec<StatusCount>, StoreError> {
        let sql = format!(
            "SELECT status, count(*), min(created) FROM {} GROUP BY status ORDER BY status",
            self.tables().events()
        );
        self.log_cells("stripe_store.inbox_counts", sql, self.arguments(), count)
            .await
    }
}
