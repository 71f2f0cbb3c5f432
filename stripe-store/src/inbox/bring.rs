//! Events into the inbox, with what brought them: what one transaction does.

use std::borrow::Cow;
use std::collections::BTreeSet;

use super::prepared::Prepared;
use super::process::{Brought, ProcessError, Processor, is_uncertain, snapshots};
use crate::store::{EventStatus, Isolation, NewDelivery, Snapshot, StoreError, in_own};

impl Processor {
    /// Brings events, with the requests that brought them, and does with those that are new all that is to be done at once,
    /// in one transaction. What became of each, in their order.
    pub(crate) async fn bring(
        &self,
        events: &[Prepared<'_>],
        deliveries: &[&NewDelivery],
    ) -> Result<Vec<Brought>, ProcessError> {
        let mut ids = BTreeSet::new();
        let first: Vec<bool> = events
            .iter()
            .map(|prepared| ids.insert(prepared.event.id()))
            .collect();
        let status = |prepared: &'_ Prepared<'_>| match &prepared.refused {
            Some(_) => None,
            None => Some(self.applied(prepared.event.event_type())),
        };
        let new_events: Vec<_> = events
            .iter()
            .zip(&first)
            .filter(|(_, is_first)| **is_first)
            .map(|(prepared, _)| {
                let status = status(prepared);
                let reason = prepared.refused.as_deref().unwrap_or_default();
                prepared.new_event(status.unwrap_or(EventStatus::Failed(reason)))
            })
            .collect();
        let writable = events
            .iter()
            .zip(&first)
            .filter_map(|(prepared, is_first)| {
                (*is_first && prepared.refused.is_none()).then_some(prepared)
            });
        let all = snapshots(writable);
        let (inside, locks) = self.store.look_into(&all);
        let mut ledger = self.store.ledger();
        let result = in_own!(self.store, &mut ledger, transaction => {
            let store = &self.store;
            let new = store.insert_events(&mut transaction, &new_events, deliveries, &locks).await?;
            let mut todo: BTreeSet<String> = new.into_iter().collect();
            let known: Vec<&str> = ids.iter().copied().filter(|id| !todo.contains(*id)).collect();
            let mut claimed = Vec::new();
            if !known.is_empty() {
                // In the inbox, and nothing was done about them yet.
                let kept = store.claim_unapplied(&mut transaction, &known).await?;
                claimed.extend(kept.into_iter().map(|event| event.id));
                todo.extend(claimed.iter().cloned());
            }
            let mut work: Vec<&Prepared<'_>> = events
                .iter()
                .zip(&first)
                .filter(|(prepared, is_first)| {
                    **is_first && prepared.refused.is_none() && todo.contains(prepared.event.id())
                })
                .map(|(prepared, _)| prepared)
                .collect();
            work.sort_by_key(|prepared| {
                (prepared.event.created(), prepared.change().as_column(), prepared.event.id())
            });
            // What was looked into is what is written, unless some of it was there before.
            let with_object = work.iter().filter(|prepared| prepared.snapshot.is_some());
            let (batch, inside, isolation) = if with_object.count() == all.len() {
                (Cow::Borrowed(all.as_slice()), Some(inside.clone()), Isolation::Locked)
            } else {
                (Cow::Owned(snapshots(work.iter().copied())), None, Isolation::Ours)
            };
            store
                .write_in_with(transaction.reborrow(), &batch, inside, isolation, &mut ledger)
                .await?;
            self.handle_all(&mut transaction, &work).await?;
            for prepared in work {
                let id = prepared.event.id();
                if claimed.iter().any(|claimed| claimed == id) {
                    let status = self.applied(prepared.event.event_type());
                    store.note_events(&mut transaction, &[id], status).await?;
                }
            }
            Ok(todo)
        });
        if !is_uncertain(&result) {
            // What was committed was told.
            ledger.refused();
        }
        let todo: BTreeSet<String> = result?;
        let brought = events
            .iter()
            .zip(first)
            .map(|(prepared, is_first)| match prepared.refused {
                _ if !is_first || !todo.contains(prepared.event.id()) => Brought::Duplicate,
                Some(_) => Brought::Kept,
                None => Brought::Taken,
            });
        Ok(brought.collect())
    }

    /// Puts events into the inbox with the requests that brought them, and leaves the rest to a worker.
    pub(crate) async fn keep(
        &self,
        events: &[Prepared<'_>],
        deliveries: &[&NewDelivery],
    ) -> Result<Vec<Brought>, ProcessError> {
        let mut ids = BTreeSet::new();
        let new_events: Vec<_> = events
            .iter()
            .filter(|prepared| ids.insert(prepared.event.id()))
            .map(|prepared| prepared.new_event(EventStatus::Pending(None, None)))
            .collect();
        let result: Result<Vec<String>, ProcessError> = in_own!(self.store, &mut self.store.ledger(), transaction => {
            Ok(self.store.insert_events(&mut transaction, &new_events, deliveries, &[]).await?)
        });
        let mut new: BTreeSet<String> = result?.into_iter().collect();
        let brought = events.iter().map(|prepared| {
            if new.remove(prepared.event.id()) {
                Brought::Taken
            } else {
                Brought::Duplicate
            }
        });
        Ok(brought.collect())
    }

    /// Keeps an event that cannot be applied, with the reason; its object is written all the same if it can be.
    pub(crate) async fn keep_failed(
        &self,
        prepared: &Prepared<'_>,
        delivery: &NewDelivery,
        reason: &str,
    ) -> Result<(), StoreError> {
        for with_object in [true, false] {
            let mut ledger = self.store.ledger();
            let result: Result<(), StoreError> = in_own!(self.store, &mut ledger, transaction => {
                let status = EventStatus::Failed(reason);
                let new = prepared.new_event(status);
                let id = prepared.event.id();
                let new = self.store.insert_events(&mut transaction, &[new], &[delivery], &[]).await?;
                if new.is_empty() {
                    let claimed = self.store.claim_unapplied(&mut transaction, &[id]).await?;
                    if !claimed.is_empty() {
                        self.store.note_events(&mut transaction, &[id], status).await?;
                    }
                }
                let snapshots: Vec<Snapshot<'_>> = prepared.snapshot.iter().filter(|_| with_object).cloned().collect();
                self.store.write_in_with(transaction.reborrow(), &snapshots, None, Isolation::Ours, &mut ledger).await.map(drop)
            });
            if !result.as_ref().is_err_and(StoreError::is_uncertain) {
                ledger.refused();
            }
            match result {
                Err(error) if with_object && error.is_of_data() => {}
                result => return result,
            }
        }
        Ok(())
    }
}
