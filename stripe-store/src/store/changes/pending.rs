//! Changes in a transaction of the caller's, which only the caller knows to commit.

use super::row_change::RowChange;
use crate::store::transaction::Isolation;
use crate::store::{Outcome, Snapshot, Store, StoreError, TransactionMut};

impl Store {
    /// As [`write_in`](Self::write_in), for programs that read [`changes`](Self::changes): the store does not see the
    /// caller's transaction commit, so the caller says that it did, with [`PendingWrite::announce`].
    ///
    /// What [`write_in`](Self::write_in) itself writes is not in the feed of this process. On PostgreSQL,
    /// [notifications](Self::with_change_notifications) need no word from the caller: the server sends them when the
    /// transaction commits, and never when it is rolled back, to every feed that [listens](super::Changes::listen),
    /// those of this process among them.
    ///
    /// ```
    /// use stripe_store::store::{Interval, Snapshot, Store};
    ///
    /// # #[cfg(feature = "sqlite")]
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
    /// let store = Store::connect("sqlite::memory:").await?;
    /// store.migrate().await?;
    /// # let pool = match store.pool() { stripe_store::store::Pool::Sqlite(pool) => pool.clone(), _ => unreachable!() };
    /// let mut changes = store.changes_object("customer");
    ///
    /// let mut transaction = pool.begin_with("BEGIN IMMEDIATE").await?;
    /// let customer = Snapshot::read(r#"{"object": "customer", "id": "cus_1"}"#)?;
    /// let customer = customer.taken(Interval::second(1_700_000_000), "req_1");
    /// let pending = store.write_in_pending(&mut transaction, &[customer]).await?;
    /// transaction.commit().await?;
    /// pending.announce();
    ///
    /// let change = changes.next().await.ok_or("the feed ended")??;
    /// assert_eq!(change.stripe_id(), "cus_1");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// As [`write_in`](Self::write_in).
    ///
    /// # Cancellation
    ///
    /// As [`write_in`](Self::write_in).
    pub async fn write_in_pending<'t>(
        &self,
        transaction: impl Into<TransactionMut<'t>>,
        batch: &[Snapshot<'_>],
    ) -> Result<PendingWrite, StoreError> {
        let mut ledger = self.ledger_of_caller(true);
        let outcomes = self
            .write_in_with(
                transaction.into(),
                batch,
                None,
                Isolation::Callers,
                &mut ledger,
            )
            .await?;
        Ok(PendingWrite {
            store: self.clone(),
            outcomes,
            changes: ledger.into_changes(),
        })
    }
}

/// What was written in a transaction of the caller's, to be [announced](Self::announce) when that has committed.
///
/// Dropping it announces nothing, which is right after a rollback.
#[must_use = "announce it after the commit, or drop it after a rollback"]
#[derive(Debug)]
pub struct PendingWrite {
    store: Store,
    outcomes: Vec<Outcome>,
    changes: Vec<RowChange>,
}

impl PendingWrite {
    /// What became of each snapshot, in their order.
    pub fn outcomes(&self) -> &[Outcome] {
        &self.outcomes
    }

    /// The rows that change when the transaction commits, in the order in which they were written.
    pub fn changes(&self) -> &[RowChange] {
        &self.changes
    }

    /// Tells this process's feeds: to be called after the commit, and in the order of commits.
    pub fn announce(self) {
        let Self { store, changes, .. } = self;
        store.inner.hub.tell(changes, store.notifies);
    }
}
