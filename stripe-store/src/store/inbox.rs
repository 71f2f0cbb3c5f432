//! The inbox: every event that reached the store, once, and what became of it.
//!
//! What has come is durable before anything is done with it, and is applied in the order in which Stripe created it. Knows
//! what an event says of itself; what its payload brings is the business of whoever has it applied.

use std::borrow::Cow;

use super::begin::in_own;
use super::changes::Ledger;
use super::error::{ObjectRef, StoreError};
use super::progress::Note;
use super::snapshot::{Snapshot, label};
use super::transaction::TransactionMut;
use super::{Mode, Store, with_connection};
use crate::error::chain;

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
    /// As Stripe sent it.
    pub(crate) payload: &'a str,
}

/// Whether a text can stand in a column as it is: an id is never changed.
pub(crate) fn is_storable(id: &str) -> bool {
    label(Cow::Borrowed(id)) == id
}

/// An event of the inbox that is to be applied.
#[derive(Debug, Clone)]
pub(crate) struct PendingEvent {
    pub(crate) id: String,
    pub(crate) account: String,
    pub(crate) livemode: bool,
    pub(crate) payload: String,
}

/// What became of some pending events.
#[derive(Debug, Default)]
pub(crate) struct AppliedEvents {
    /// How many there were.
    pub(crate) taken: usize,
    /// How many objects are new or newer for it.
    pub(crate) changed: usize,
    /// The ids of those that could not be applied, and why.
    pub(crate) failed: Vec<(String, String)>,
}

impl AppliedEvents {
    fn add(&mut self, more: Self) {
        self.taken += more.taken;
        self.changed += more.changed;
        self.failed.extend(more.failed);
    }
}

/// What is noted of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EventStatus<'a> {
    /// Its object is in the table, or it brings none.
    Applied,
    /// Why not.
    Failed(&'a str),
}

impl<'a> EventStatus<'a> {
    /// As the column `status` has it.
    pub(crate) const fn as_column(self) -> &'static str {
        match self {
            Self::Applied => "applied",
            Self::Failed(_) => "failed",
        }
    }

    /// As the column `last_error` has it.
    pub(crate) const fn error(self) -> Option<&'a str> {
        match self {
            Self::Applied => None,
            Self::Failed(reason) => Some(reason),
        }
    }
}

impl Store {
    /// Puts events into the inbox, to be applied, and notes in the same transaction how far the reading of them has come.
    /// Returns how many were not there.
    pub(crate) async fn take_in(
        &self,
        events: &[NewEvent<'_>],
        note: &Note,
    ) -> Result<usize, StoreError> {
        // In one order, so that two who bring the same events do not wait for each other in a circle.
        let mut sorted: Vec<&NewEvent<'_>> = events.iter().collect();
        sorted.sort_by_key(|event| event.id);
        in_own!(self, &mut self.ledger(), transaction => {
            let new = self.insert(&mut transaction, &sorted).await?;
            self.note_progress(&mut transaction, note).await?;
            Ok(new.len())
        })
    }

    /// Applies up to so many pending events, of every account and mode, the oldest first; `read` says what each brings, or
    /// why that cannot be said. What others are working on meanwhile is left to them.
    ///
    /// They are applied together. Where the database or a model refuses the data of one, each is applied on its own, and
    /// that one fails.
    pub(crate) async fn apply_pending(
        &self,
        limit: usize,
        read: impl for<'e> Fn(&'e PendingEvent) -> Result<Option<Snapshot<'e>>, String>,
    ) -> Result<AppliedEvents, StoreError> {
        match self.apply(limit, &read, &mut Vec::new()).await {
            Err(error) if error.is_of_data() => {
                tracing::debug!(
                    "events are applied one by one, because the data of one was refused"
                );
            }
            applied => return applied,
        }
        let mut all = AppliedEvents::default();
        while all.taken < limit {
            let mut at_hand = Vec::new();
            match (self.apply(1, &read, &mut at_hand).await, at_hand.pop()) {
                (Ok(applied), _) if applied.taken == 0 => break,
                (Ok(applied), _) => all.add(applied),
                (Err(error), Some(id)) if error.is_of_data() => {
                    let reason = chain(&error);
                    self.fail(&id, &reason).await?;
                    all.add(AppliedEvents {
                        taken: 1,
                        changed: 0,
                        failed: vec![(id, reason)],
                    });
                }
                (Err(error), _) => return Err(error),
            }
        }
        Ok(all)
    }

    /// Applies up to so many in one transaction. Their ids are in `at_hand`, also when it fails.
    async fn apply(
        &self,
        limit: usize,
        read: &impl for<'e> Fn(&'e PendingEvent) -> Result<Option<Snapshot<'e>>, String>,
        at_hand: &mut Vec<String>,
    ) -> Result<AppliedEvents, StoreError> {
        let mut ledger = self.ledger();
        let result = in_own!(self, &mut ledger, transaction => {
            let events = self.claim(&mut transaction, limit).await?;
            at_hand.clear();
            at_hand.extend(events.iter().map(|event| event.id.clone()));
            self.apply_claimed(transaction.reborrow(), &events, read, &mut ledger)
                .await
        });
        if !result.as_ref().is_err_and(StoreError::is_uncertain) {
            // What was committed was told.
            ledger.refused();
        }
        result
    }

    async fn apply_claimed(
        &self,
        mut transaction: TransactionMut<'_>,
        events: &[PendingEvent],
        read: &impl for<'e> Fn(&'e PendingEvent) -> Result<Option<Snapshot<'e>>, String>,
        ledger: &mut Ledger<'_>,
    ) -> Result<AppliedEvents, StoreError> {
        let mut snapshots = Vec::with_capacity(events.len());
        let mut applied = Vec::with_capacity(events.len());
        let mut failed = Vec::new();
        for event in events {
            match read(event) {
                Ok(snapshot) => {
                    snapshots.extend(snapshot);
                    applied.push(event.id.as_str());
                }
                Err(reason) => failed.push((event.id.clone(), reason)),
            }
        }
        let outcomes = self
            .write_in_with(transaction.reborrow(), &snapshots, ledger)
            .await?;
        if !applied.is_empty() {
            self.note(&mut transaction, &applied, EventStatus::Applied)
                .await?;
        }
        for (id, reason) in &failed {
            let status = EventStatus::Failed(reason);
            self.note(&mut transaction, &[id.as_str()], status).await?;
        }
        Ok(AppliedEvents {
            taken: events.len(),
            changed: outcomes
                .iter()
                .filter(|outcome| outcome.is_change())
                .count(),
            failed,
        })
    }

    /// Notes that an event cannot be applied.
    async fn fail(&self, id: &str, reason: &str) -> Result<(), StoreError> {
        in_own!(self, &mut self.ledger(), transaction => {
            let status = EventStatus::Failed(reason);
            self.note(&mut transaction, &[id], status).await
        })
    }

    /// Puts events into the inbox; returns the ids of those that were not there.
    async fn insert(
        &self,
        transaction: &mut TransactionMut<'_>,
        events: &[&NewEvent<'_>],
    ) -> Result<Vec<String>, StoreError> {
        let new = with_connection!(self, &mut transaction.0, database, connection => {
            database.insert_events(connection, self.tables(), self.scope(), events, self.now()).await
        });
        new.map_err(|source| self.inbox_error("write", source))
    }

    /// Pending events, the oldest first, which nobody else has until the transaction ends.
    async fn claim(
        &self,
        transaction: &mut TransactionMut<'_>,
        limit: usize,
    ) -> Result<Vec<PendingEvent>, StoreError> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let claimed = with_connection!(self, &mut transaction.0, database, connection => {
            database.claim_events(connection, self.tables(), limit).await
        });
        claimed.map_err(|source| self.inbox_error("read", source))
    }

    /// Notes what became of pending events.
    async fn note(
        &self,
        transaction: &mut TransactionMut<'_>,
        ids: &[&str],
        status: EventStatus<'_>,
    ) -> Result<(), StoreError> {
        let noted: Result<Vec<()>, _> = with_connection!(self, &mut transaction.0, database, connection => {
            database.note_events(connection, self.tables(), ids, status, self.now()).await
        });
        noted
            .map(drop)
            .map_err(|source| self.inbox_error("write", source))
    }

    fn inbox_error(&self, action: &'static str, source: sqlx::Error) -> StoreError {
        let table = self.tables().events().replace('"', "");
        StoreError::database(action, ObjectRef::Events, &table, source)
    }
}
