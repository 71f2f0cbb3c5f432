//! The queue of events whose handlers are to run: claimed for a time, in turn for each object.
//!
//! Knows who has which event, and until when; what is done meanwhile is the business of whoever claimed it.

use super::begin::in_own;
use super::error::StoreError;
use super::inbox::KeptEvent;
use super::transaction::TransactionMut;
use super::{Store, with_connection};
use crate::clock::UnixMillis;

/// What became of an event that was claimed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Handled<'a> {
    /// Every handler has done its work.
    All,
    /// Some have not; why, and when the next attempt is due.
    Again(&'a str, UnixMillis),
    /// Some gave up; why.
    Dead(&'a str),
}

impl<'a> Handled<'a> {
    /// As the column `status` has it.
    pub(crate) const fn as_column(self) -> &'static str {
        match self {
            Self::All => "applied",
            Self::Again(..) => "queued",
            Self::Dead(_) => "dead",
        }
    }

    /// As the column `last_error` has it.
    pub(crate) const fn error(self) -> Option<&'a str> {
        match self {
            Self::Again(reason, _) | Self::Dead(reason) => Some(reason),
            Self::All => None,
        }
    }

    /// As the column `due_at` has it; `None` leaves it.
    pub(crate) const fn due(self) -> Option<UnixMillis> {
        match self {
            Self::Again(_, due) => Some(due),
            Self::All | Self::Dead(_) => None,
        }
    }
}

impl Store {
    /// Takes up to so many events whose handlers are due, and nobody else does until `until`. Of each object only the
    /// oldest, and none while another one of it is worked on. What the lease has already is not taken a second time.
    pub(crate) async fn claim_queued(
        &self,
        limit: usize,
        lease: &str,
        until: UnixMillis,
    ) -> Result<Vec<KeptEvent>, StoreError> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        in_own!(self, &mut self.ledger(), transaction => {
            let claimed = with_connection!(self, &mut transaction.0, database, connection => {
                database
                    .claim_queued(connection, self.tables(), limit, lease, until, self.now())
                    .await
            });
            claimed.map_err(|source| self.inbox_error("read", source))
        })
    }

    /// Keeps events for longer; the ids of those that are still this lease's.
    pub(crate) async fn renew_lease(
        &self,
        lease: &str,
        until: UnixMillis,
    ) -> Result<bool, StoreError> {
        in_own!(self, &mut self.ledger(), transaction => {
            let kept = with_connection!(self, &mut transaction.0, database, connection => {
                database.renew_lease(connection, self.tables(), lease, until).await
            });
            let kept = kept.map_err(|source| self.inbox_error("write", source))?;
            Ok(!kept.is_empty())
        })
    }

    /// Notes which handlers of an event have done their work, and what becomes of it; whether it was still this lease's. If
    /// not, nothing is noted.
    pub(crate) async fn note_handled(
        &self,
        transaction: &mut TransactionMut<'_>,
        id: &str,
        lease: &str,
        done: &str,
        handled: Option<Handled<'_>>,
    ) -> Result<bool, StoreError> {
        let noted = with_connection!(self, &mut transaction.0, database, connection => {
            database
                .note_handled(connection, self.tables(), id, lease, done, handled, self.now())
                .await
        });
        let noted = noted.map_err(|source| self.inbox_error("write", source))?;
        Ok(!noted.is_empty())
    }
}
