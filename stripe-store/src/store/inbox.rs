//! The inbox: every event that reached the store, once, and what became of it; and the log of the requests that brought
//! them.
//!
//! Knows what an event says of itself, and what is noted of it. What its payload means, and who wants to hear of it, is the
//! business of [`inbox`](crate::inbox), which calls these in transactions of its own.

use std::borrow::Cow;
use std::collections::BTreeSet;

use super::begin::in_own;
use super::error::{ObjectRef, StoreError};
#[cfg(feature = "client")]
use super::progress::Note;
use super::rivals::Change;
use super::snapshot::label;
use super::transaction::TransactionMut;
use super::{Mode, Store, with_connection};
use crate::clock::UnixMillis;

/// An event on its way into the inbox.
#[derive(Debug, Clone)]
pub(crate) struct NewEvent<'a> {
    pub(crate) id: &'a str,
    /// `None` for the account of the store that takes it.
    pub(crate) account: Option<&'a str>,
    /// `None` for the mode of the store that takes it.
    pub(crate) mode: Option<Mode>,
    pub(crate) event_type: Cow<'a, str>,
    /// In unix seconds.
    pub(crate) created: i64,
    pub(crate) api_version: Option<Cow<'a, str>>,
    /// The type and id of what it is about, where it names one.
    pub(crate) about: Option<(Cow<'a, str>, Cow<'a, str>)>,
    pub(crate) change: Change,
    /// As Stripe sent it.
    pub(crate) payload: &'a str,
    /// What becomes of it in this transaction.
    pub(crate) status: EventStatus<'a>,
}

/// A request, for the log.
#[derive(Debug, Clone)]
pub(crate) struct NewDelivery {
    /// Begins with the time.
    pub(crate) id: String,
    pub(crate) endpoint: String,
    pub(crate) remote: Option<String>,
    /// A JSON array of pairs.
    pub(crate) headers: String,
    pub(crate) body: Option<String>,
    pub(crate) body_bytes: i64,
    pub(crate) verdict: &'static str,
    pub(crate) http_status: i16,
    pub(crate) event_id: Option<String>,
    pub(crate) error: Option<String>,
    pub(crate) not_logged: i64,
    pub(crate) duration_us: i64,
    pub(crate) received_at: UnixMillis,
}

impl NewDelivery {
    /// Of each, whether one before it among these brought the same event.
    pub(crate) fn are_again(deliveries: &[&Self]) -> Vec<bool> {
        let mut seen = BTreeSet::new();
        let is_again = |delivery: &&Self| {
            let id = delivery.event_id.as_deref();
            id.is_some_and(|id| !seen.insert(id.to_owned()))
        };
        deliveries.iter().map(is_again).collect()
    }
}

/// As the log says it of a request whose event is in the inbox.
pub(crate) const ACCEPTED: &str = "accepted";
/// Of one whose event was there before it.
pub(crate) const DUPLICATE: &str = "duplicate";

/// Whether a text can stand in a column as it is: an id is never changed.
pub(crate) fn is_storable(id: &str) -> bool {
    label(Cow::Borrowed(id)) == id
}

/// An event of the inbox, to be worked on.
#[derive(Debug, Clone)]
pub(crate) struct KeptEvent {
    pub(crate) id: String,
    pub(crate) account: String,
    pub(crate) livemode: bool,
    pub(crate) payload: String,
    /// How often it was tried before.
    pub(crate) attempts: i32,
    /// The names of the queued handlers that have done their work, as a JSON array.
    pub(crate) handled: Option<String>,
}

/// What is noted of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EventStatus<'a> {
    /// Its object is to be written, at this moment or later where one is given; why the last attempt failed.
    Pending(Option<UnixMillis>, Option<&'a str>),
    /// Its object is in the table, or it brings none, and handlers are to run, at this moment or later.
    Queued(UnixMillis),
    /// Nothing is left to do.
    Applied,
    /// Why it cannot be applied.
    Failed(&'a str),
}

impl<'a> EventStatus<'a> {
    /// As the column `status` has it.
    pub(crate) const fn as_column(self) -> &'static str {
        match self {
            Self::Pending(..) => "pending",
            Self::Queued(_) => "queued",
            Self::Applied => "applied",
            Self::Failed(_) => "failed",
        }
    }

    /// As the column `last_error` has it.
    pub(crate) const fn error(self) -> Option<&'a str> {
        match self {
            Self::Pending(_, error) => error,
            Self::Failed(reason) => Some(reason),
            Self::Queued(_) | Self::Applied => None,
        }
    }

    /// As the column `due_at` has it.
    pub(crate) const fn due(self) -> Option<UnixMillis> {
        match self {
            Self::Pending(due, _) => due,
            Self::Queued(due) => Some(due),
            Self::Applied | Self::Failed(_) => None,
        }
    }

    /// As the column `attempts` has it of a new event.
    pub(crate) const fn attempts(self) -> i32 {
        match self {
            Self::Pending(..) | Self::Queued(_) => 0,
            Self::Applied | Self::Failed(_) => 1,
        }
    }
}

impl Store {
    /// Puts events into the inbox, to be applied, and notes in the same transaction how far the reading of them has come.
    /// Returns how many were not there.
    #[cfg(feature = "client")]
    pub(crate) async fn take_in(
        &self,
        events: &[NewEvent<'_>],
        note: &Note,
    ) -> Result<usize, StoreError> {
        in_own!(self, &mut self.ledger(), transaction => {
            let new = self.insert_events(&mut transaction, events, &[], &[]).await?;
            self.note_progress(&mut transaction, note).await?;
            Ok(new.len())
        })
    }

    /// Puts events into the inbox, and requests into the log, and takes the locks of families that are to be written in
    /// the same transaction; returns the ids of the events that were not there.
    ///
    /// Waits for others that bring the same events, in one order, so that no two wait for each other in a circle.
    pub(crate) async fn insert_events(
        &self,
        transaction: &mut TransactionMut<'_>,
        events: &[NewEvent<'_>],
        deliveries: &[&NewDelivery],
        locks: &[i64],
    ) -> Result<Vec<String>, StoreError> {
        let mut sorted: Vec<&NewEvent<'_>> = events.iter().collect();
        sorted.sort_by_key(|event| event.id);
        let new = with_connection!(self, &mut transaction.0, database, connection => {
            database
                .insert_events(connection, self.tables(), self.scope(), &sorted, deliveries, locks, self.now())
                .await
        });
        new.map_err(|source| self.inbox_error("write", source))
    }

    /// Puts requests into the log that brought no event.
    #[cfg(feature = "webhook")]
    pub(crate) async fn insert_deliveries(
        &self,
        deliveries: &[&NewDelivery],
    ) -> Result<(), StoreError> {
        in_own!(self, &mut self.ledger(), transaction => {
            self.insert_events(&mut transaction, &[], deliveries, &[]).await.map(drop)
        })
    }

    /// Of these events, those that were not applied, which nobody else has until the transaction ends. What others are
    /// working on is left to them.
    pub(crate) async fn claim_unapplied(
        &self,
        transaction: &mut TransactionMut<'_>,
        ids: &[&str],
    ) -> Result<Vec<KeptEvent>, StoreError> {
        let claimed = with_connection!(self, &mut transaction.0, database, connection => {
            database.claim_unapplied(connection, self.tables(), ids).await
        });
        claimed.map_err(|source| self.inbox_error("read", source))
    }

    /// Pending events that are due, the oldest first, which nobody else has until the transaction ends.
    pub(crate) async fn claim_pending(
        &self,
        transaction: &mut TransactionMut<'_>,
        limit: usize,
    ) -> Result<Vec<KeptEvent>, StoreError> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let claimed = with_connection!(self, &mut transaction.0, database, connection => {
            database.claim_pending(connection, self.tables(), limit, self.now()).await
        });
        claimed.map_err(|source| self.inbox_error("read", source))
    }

    /// Notes what became of events that this transaction has claimed.
    pub(crate) async fn note_events(
        &self,
        transaction: &mut TransactionMut<'_>,
        ids: &[&str],
        status: EventStatus<'_>,
    ) -> Result<(), StoreError> {
        if ids.is_empty() {
            return Ok(());
        }
        let noted: Result<Vec<()>, _> = with_connection!(self, &mut transaction.0, database, connection => {
            database.note_events(connection, self.tables(), ids, status, self.now()).await
        });
        noted
            .map(drop)
            .map_err(|source| self.inbox_error("write", source))
    }

    pub(super) fn inbox_error(&self, action: &'static str, source: sqlx::Error) -> StoreError {
        let table = self.tables().events().replace('"', "");
        StoreError::database(action, ObjectRef::Events, &table, source)
    }
}
