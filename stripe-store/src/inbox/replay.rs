//! Events that are done again, from the inbox.

use super::listing::InboxEvents;
use super::prepared::Prepared;
use super::process::Processor;
use crate::clock::UnixMillis;
use crate::error::chain;
use crate::store::{
    Dead, EventStatus, Isolation, Replayed as Noted, Snapshot, Store, StoreError, in_own,
};

/// How many events are noted in one transaction.
const AT_ONCE: usize = 500;

/// What became of an event that was to be done again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Replayed {
    /// Everything is to be done again: its object, the handlers in the transaction, the queued ones.
    Pending,
    /// Those of its queued handlers are to run that have not done their work.
    Queued,
    /// A worker has its queued handlers at hand until this moment: it was left alone.
    InProgress(UnixMillis),
    /// There is none of this id.
    Unknown,
}

/// How many events were replayed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub struct ReplayReport {
    /// Those of which everything is done again.
    pub pending: u64,
    /// Those whose handlers are to run that have not done their work.
    pub queued: u64,
    /// Those that a worker has at hand, which were left alone.
    pub in_progress: u64,
}

impl ReplayReport {
    fn add(&mut self, replayed: Replayed) {
        match replayed {
            Replayed::Pending => self.pending += 1,
            Replayed::Queued => self.queued += 1,
            Replayed::InProgress(_) => self.in_progress += 1,
            Replayed::Unknown => {}
        }
    }
}

/// What became of an event that was to be applied at once.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum AppliedEvent {
    /// Its object is in the table, or it brings none.
    Applied,
    /// It cannot be applied, for this reason.
    Failed(String),
    /// It was applied before, or another process is about to.
    Left,
}

impl Store {
    /// Has events of the inbox done again, whatever became of them; says what becomes of each, in their order.
    ///
    /// * What is applied, queued or failed is pending again: its object is written once more (and stays as it is where the
    ///   table has a newer one), then all its handlers run, those too that have done their work before.
    /// * Of what is dead, those queued handlers run that have not done their work; see [`replay_anew`](Self::replay_anew).
    /// * What a worker has at hand is left alone.
    ///
    /// **The work itself is done by whoever applies pending events next.** With handlers that is a
    /// [`Worker`](super::Worker) of the application's, to which nothing has to be said. Whatever else applies pending events
    /// of this database first, such as the command `stripe-store catch-up`, knows no handlers, and none run then. Without
    /// handlers [`apply_events`](Self::apply_events) does it at once.
    ///
    /// ```
    /// # use stripe_store::Store;
    /// use stripe_store::inbox::Replayed;
    ///
    /// # #[cfg(feature = "sqlite")]
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
    /// # let store = Store::connect("sqlite::memory:").await?;
    /// # store.migrate().await?;
    /// let replayed = store.replay(&["evt_nobody_sent"]).await?;
    /// assert_eq!(replayed, [Replayed::Unknown]);
    /// # Ok::<(), stripe_store::store::StoreError>(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// [`Database`](StoreError::Database), [`PoolTimedOut`](StoreError::PoolTimedOut) or
    /// [`NotMigrated`](StoreError::NotMigrated) when the database refuses; those of a transaction before it are replayed then.
    pub async fn replay(
        &self,
        ids: &[impl AsRef<str> + Sync],
    ) -> Result<Vec<Replayed>, StoreError> {
        self.note_again(ids, Dead::Left).await
    }

    /// [`replay`](Self::replay) that does everything anew of dead events, too: handlers that have done their work do it
    /// again.
    ///
    /// # Errors
    ///
    /// As [`replay`](Self::replay).
    pub async fn replay_anew(
        &self,
        ids: &[impl AsRef<str> + Sync],
    ) -> Result<Vec<Replayed>, StoreError> {
        self.note_again(ids, Dead::Everything).await
    }

    async fn note_again(
        &self,
        ids: &[impl AsRef<str> + Sync],
        dead: Dead,
    ) -> Result<Vec<Replayed>, StoreError> {
        let ids: Vec<&str> = ids.iter().map(AsRef::as_ref).collect();
        let mut all = Vec::with_capacity(ids.len());
        for ids in ids.chunks(AT_ONCE) {
            let noted = self.replay_events(ids, dead).await?;
            all.extend(ids.iter().map(|id| {
                let found = noted.iter().find(|(noted, _)| noted == id);
                match found.map(|(_, noted)| *noted) {
                    None => Replayed::Unknown,
                    Some(Noted::Pending) => Replayed::Pending,
                    Some(Noted::Queued) => Replayed::Queued,
                    Some(Noted::Leased(until)) => Replayed::InProgress(until),
                }
            }));
        }
        Ok(all)
    }

    /// Applies events that are pending or failed at once, due or not: writes their objects, and **runs no handlers**. For
    /// stores whose events no application waits for. Says what became of each, in their order.
    ///
    /// # Errors
    ///
    /// [`Database`](StoreError::Database), [`PoolTimedOut`](StoreError::PoolTimedOut) or
    /// [`NotMigrated`](StoreError::NotMigrated) when the database refuses; those before it are applied then.
    pub async fn apply_events(
        &self,
        ids: &[impl AsRef<str> + Sync],
    ) -> Result<Vec<AppliedEvent>, StoreError> {
        let store = Processor::new(self).store;
        let mut all = Vec::with_capacity(ids.len());
        for id in ids {
            let id = id.as_ref();
            let applied = match store.apply_event_alone(id).await {
                Err(error) if error.is_of_data() => {
                    let reason = chain(&error);
                    store.note_failed(id, &reason).await?;
                    AppliedEvent::Failed(reason)
                }
                applied => applied?,
            };
            all.push(applied);
        }
        Ok(all)
    }

    async fn apply_event_alone(&self, id: &str) -> Result<AppliedEvent, StoreError> {
        let mut ledger = self.ledger();
        let result: Result<AppliedEvent, StoreError> = in_own!(self, &mut ledger, transaction => {
            let claimed = self.claim_unapplied(&mut transaction, &[id]).await?;
            let Some(kept) = claimed.first() else {
                return Ok(AppliedEvent::Left);
            };
            let prepared = match Prepared::kept(kept, |_| false) {
                Ok(prepared) => prepared,
                Err(reason) => {
                    self.note_events(&mut transaction, &[id], EventStatus::Failed(&reason)).await?;
                    return Ok(AppliedEvent::Failed(reason));
                }
            };
            let snapshots: Vec<Snapshot<'_>> = prepared.snapshot.iter().cloned().collect();
            self.write_in_with(transaction.reborrow(), &snapshots, None, Isolation::Ours, &mut ledger).await?;
            self.note_events(&mut transaction, &[id], EventStatus::Applied).await?;
            Ok(AppliedEvent::Applied)
        });
        if !result.as_ref().is_err_and(StoreError::is_uncertain) {
            // What was committed was told.
            ledger.refused();
        }
        result
    }

    async fn note_failed(&self, id: &str, reason: &str) -> Result<(), StoreError> {
        in_own!(self, &mut self.ledger(), transaction => {
            let claimed = self.claim_unapplied(&mut transaction, &[id]).await?;
            if !claimed.is_empty() {
                self.note_events(&mut transaction, &[id], EventStatus::Failed(reason)).await?;
            }
            Ok(())
        })
    }
}

impl InboxEvents {
    /// Has every event that fits done again, on whatever page, as [`Store::replay`] does; says how many there were. What
    /// comes meanwhile may be among them or not.
    ///
    /// # Errors
    ///
    /// As [`Store::replay`], and as [`page`](Self::page).
    pub async fn replay(&self) -> Result<ReplayReport, StoreError> {
        self.again(Dead::Left).await
    }

    /// [`replay`](Self::replay) that does everything anew of dead events, too, as [`Store::replay_anew`] does.
    ///
    /// # Errors
    ///
    /// As [`replay`](Self::replay).
    pub async fn replay_anew(&self) -> Result<ReplayReport, StoreError> {
        self.again(Dead::Everything).await
    }

    async fn again(&self, dead: Dead) -> Result<ReplayReport, StoreError> {
        let mut report = ReplayReport::default();
        let mut events = self.clone().limit(AT_ONCE);
        loop {
            let page = events.page().await?;
            let ids: Vec<&str> = page
                .data
                .iter()
                .map(super::listing::InboxEvent::id)
                .collect();
            for replayed in self.store.note_again(&ids, dead).await? {
                report.add(replayed);
            }
            let Some(next) = &page.next else {
                return Ok(report);
            };
            events = events.after(next);
        }
    }
}
