//! Events that are to be done again: noted so, under their locks, for whoever does the work.

use super::{Columns, Store};
use crate::clock::UnixMillis;
use crate::store::arguments::Cell;
use crate::store::begin::in_own;
use crate::store::error::StoreError;
use crate::store::stored::RawTime;
use crate::store::transaction::TransactionMut;
use crate::store::with_connection;

/// What is to be done again of an event that a handler gave up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dead {
    /// What is left: the handlers that have not done their work.
    Left,
    /// Everything.
    Everything,
}

/// What became of an event that was to be done again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Replayed {
    Pending,
    Queued,
    /// A worker has it until this moment.
    Leased(UnixMillis),
}

type Found = (String, String, Option<RawTime>);

fn found(cell: Cell<'_>) -> Result<Found, sqlx::Error> {
    let mut columns = Columns(cell);
    Ok((columns.next()?, columns.next()?, columns.next_time()?))
}

fn id(cell: Cell<'_>) -> Result<String, sqlx::Error> {
    cell.get()
}

impl Store {
    /// Notes of these events that they are to be done again; what became of those that are there.
    ///
    /// Waits for others that are writing them, in the order in which they are put in.
    pub(crate) async fn replay_events(
        &self,
        ids: &[&str],
        dead: Dead,
    ) -> Result<Vec<(String, Replayed)>, StoreError> {
        let ids: Vec<&str> = ids
            .iter()
            .copied()
            .filter(|id| !id.contains('\0'))
            .collect();
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        in_own!(self, &mut self.ledger(), transaction => {
            let now = self.now();
            let found = self.lock_events(&mut transaction, &ids).await?;
            let decided: Vec<(String, Replayed)> = found
                .into_iter()
                .map(|(id, status, leased_until)| {
                    // A time that cannot be read is of no worker of ours.
                    let lease = leased_until.and_then(Result::ok).filter(|until| *until > now);
                    let becomes = match (status.as_str(), lease) {
                        ("queued", Some(until)) => Replayed::Leased(until),
                        ("dead", _) if dead == Dead::Left => Replayed::Queued,
                        _ => Replayed::Pending,
                    };
                    (id, becomes)
                })
                .collect();
            for becomes in [Replayed::Pending, Replayed::Queued] {
                let of: Vec<&str> = decided
                    .iter()
                    .filter(|(_, decided)| *decided == becomes)
                    .map(|(id, _)| id.as_str())
                    .collect();
                self.set_anew(&mut transaction, &of, becomes, now).await?;
            }
            Ok(decided)
        })
    }

    async fn lock_events(
        &self,
        transaction: &mut TransactionMut<'_>,
        ids: &[&str],
    ) -> Result<Vec<Found>, StoreError> {
        let mut clause = self.clause();
        let places = ids
            .iter()
            .map(|id| clause.value((*id).to_owned()))
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| self.log_error("read", sqlx::Error::Encode(error)))?;
        let lock = match self.dialect() {
            crate::store::Dialect::Postgres => " FOR UPDATE",
            // Nobody else writes while this transaction does.
            crate::store::Dialect::Sqlite => "",
        };
        let sql = format!(
            "SELECT event_id, status, leased_until FROM {} WHERE event_id IN ({}) ORDER BY event_id{lock}",
            self.tables().events(),
            places.join(", ")
        );
        let arguments = clause.arguments;
        let rows = with_connection!(self, &mut transaction.0, database, connection => {
            database.cells_in(connection, sql, arguments, found).await
        });
        rows.map_err(|source| self.log_error("read", source))
    }

    async fn set_anew(
        &self,
        transaction: &mut TransactionMut<'_>,
        ids: &[&str],
        becomes: Replayed,
        now: UnixMillis,
    ) -> Result<(), StoreError> {
        if ids.is_empty() {
            return Ok(());
        }
        let failed = |error| self.log_error("write", sqlx::Error::Encode(error));
        let mut clause = self.clause();
        clause.arguments.add_time(now).map_err(failed)?;
        clause.count += 1;
        let now = super::place(self.dialect(), clause.count);
        let places = ids
            .iter()
            .map(|id| clause.value((*id).to_owned()))
            .collect::<Result<Vec<_>, _>>()
            .map_err(failed)?;
        let set = match becomes {
            Replayed::Queued => format!("status = 'queued', due_at = {now}"),
            Replayed::Pending | Replayed::Leased(_) => {
                "status = 'pending', due_at = NULL, handled = NULL".to_owned()
            }
        };
        // Why it came to nothing before is told until it went well.
        let sql = format!(
            "UPDATE {} SET {set}, attempts = 0, lease = NULL, leased_until = NULL, updated_at = {now} \
             WHERE event_id IN ({}) RETURNING event_id",
            self.tables().events(),
            places.join(", ")
        );
        let arguments = clause.arguments;
        let rows: Result<Vec<String>, _> = with_connection!(self, &mut transaction.0, database, connection => {
            database.cells_in(connection, sql, arguments, id).await
        });
        rows.map(drop)
            .map_err(|source| self.log_error("write", source))
    }
}
