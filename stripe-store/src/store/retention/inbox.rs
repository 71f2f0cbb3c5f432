//! Removing events that are done with, and requests from the log.

use crate::clock::UnixMillis;
use crate::store::arguments::Arguments;
use crate::store::begin::in_own;
use crate::store::error::{ObjectRef, StoreError};
use crate::store::extension::place;
use crate::store::{Dialect, Store, with_connection};

use super::{Limits, Purged};

/// What is removed here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kept {
    /// Events that nothing is left to do about.
    Events,
    /// Requests of the log.
    Deliveries,
}

impl Kept {
    pub(super) const ALL: [Self; 2] = [Self::Events, Self::Deliveries];

    pub(super) fn purged(self, rows: u64) -> Purged {
        match self {
            Self::Events => Purged {
                events: rows,
                ..Purged::default()
            },
            Self::Deliveries => Purged {
                deliveries: rows,
                ..Purged::default()
            },
        }
    }

    pub(super) fn before(self, limits: &Limits) -> Option<UnixMillis> {
        match self {
            Self::Events => limits.events,
            Self::Deliveries => limits.deliveries,
        }
    }
}

impl Store {
    /// Removes some rows, in one transaction; how many there were.
    pub(super) async fn purge_kept(
        &self,
        kept: Kept,
        before: UnixMillis,
        batch: i64,
    ) -> Result<usize, StoreError> {
        let (table, id, condition) = self.old(kept);
        let order = match kept {
            Kept::Events => "created, event_id",
            Kept::Deliveries => "delivery_id",
        };
        let chosen =
            format!("SELECT {id} FROM {table} WHERE {condition} ORDER BY {order} LIMIT {batch}");
        let sql = match self.dialect() {
            // What somebody is at work on is left for the next time.
            Dialect::Postgres => format!(
                "DELETE FROM {table} WHERE {id} = ANY (ARRAY({chosen} FOR UPDATE SKIP LOCKED)) RETURNING {id}"
            ),
            Dialect::Sqlite => {
                format!("DELETE FROM {table} WHERE {id} IN ({chosen}) RETURNING {id}")
            }
        };
        let gone: Vec<String> = in_own!(self, &mut self.ledger(), transaction => {
            let arguments = self.old_arguments(kept, before)?;
            let gone = with_connection!(self, &mut transaction.0, database, connection => {
                database.texts_in(connection, sql.clone(), arguments).await
            });
            gone.map_err(|source| self.database_error("purge", ObjectRef::Events, source))
        })?;
        Ok(gone.len())
    }

    /// How many rows would go.
    pub(super) async fn count_old(
        &self,
        kept: Kept,
        before: UnixMillis,
    ) -> Result<u64, StoreError> {
        let (table, _, condition) = self.old(kept);
        let text = match self.dialect() {
            Dialect::Postgres => "count(*)::text",
            Dialect::Sqlite => "CAST(count(*) AS TEXT)",
        };
        let sql = format!("SELECT {text} FROM {table} WHERE {condition}");
        let arguments = self.old_arguments(kept, before)?;
        let count =
            crate::store::with_database!(self, database => database.texts(sql, arguments).await);
        let count =
            count.map_err(|source| self.database_error("count", ObjectRef::Events, source))?;
        Ok(count
            .first()
            .and_then(|count| count.parse().ok())
            .unwrap_or(0))
    }

    /// The table, its key, and what is old in it.
    fn old(&self, kept: Kept) -> (String, &'static str, String) {
        let [first, second] = [1, 2].map(|at| place(self.dialect(), at));
        match kept {
            Kept::Events => (
                self.tables().events(),
                "event_id",
                // One that was replayed lately may have to be looked at still.
                format!("status = 'applied' AND created < {first} AND updated_at < {second}"),
            ),
            Kept::Deliveries => (
                self.tables().deliveries(),
                "delivery_id",
                format!("delivery_id < {first}"),
            ),
        }
    }

    fn old_arguments(&self, kept: Kept, before: UnixMillis) -> Result<Arguments, StoreError> {
        let mut arguments = self.arguments();
        let added = match kept {
            Kept::Events => arguments
                .add(before.timestamp().unix_seconds())
                .and_then(|()| arguments.add_time(before)),
            // Ids begin with the time.
            Kept::Deliveries => arguments.add(format!("{:012x}", before.as_millis())),
        };
        added.map_err(|error| {
            self.database_error("purge", ObjectRef::Events, sqlx::Error::Encode(error))
        })?;
        Ok(arguments)
    }
}
