//! The one door for writes.

use super::batch::Batch;
use super::error::{ObjectRef, StoreError};
use super::outcome::Outcome;
use super::scope::MAX_ACCOUNT_BYTES;
use super::snapshot::Snapshot;
use super::{Store, span, with_database};

impl Store {
    /// Writes snapshots, and says what became of each, in their order.
    ///
    /// Any order and any number of writes of the same snapshots end in the same rows: a row holds the newest snapshot
    /// of its object, by the interval of Stripe's clock in which it was taken, and a deletion is final. Older and
    /// repeated snapshots are normal and cost next to nothing.
    ///
    /// A snapshot goes into the account and mode it says itself, and where it says none, into those of this handle.
    ///
    /// The batch is written whole or not at all, and durably when this returns. Concurrent writers wait for each other
    /// where they write the same rows, take rows in one order, and so never deadlock among themselves; a conflict with
    /// a transaction of another program is tried again.
    ///
    /// ```
    /// use stripe_store::Store;
    /// use stripe_store::store::{Interval, Outcome, Snapshot, Source};
    ///
    /// # #[cfg(feature = "sqlite")]
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
    /// let store = Store::connect("sqlite::memory:").await?;
    /// store.migrate().await?;
    ///
    /// let new = Snapshot::read(r#"{"object": "customer", "id": "cus_1", "name": "Ada"}"#)?
    ///     .taken(Interval::second(1_700_000_060), Source::event("evt_2"));
    /// let old = Snapshot::read(r#"{"object": "customer", "id": "cus_1", "name": null}"#)?
    ///     .taken(Interval::second(1_700_000_000), Source::event("evt_1"));
    ///
    /// assert_eq!(store.write(&[new]).await?, [Outcome::Inserted]);
    /// assert_eq!(store.write(&[old]).await?, [Outcome::Stale]);
    /// # Ok::<(), stripe_store::Error>(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// [`Account`](StoreError::Account) when an account's id is longer than 255 bytes;
    /// [`Database`](StoreError::Database) or [`NotMigrated`](StoreError::NotMigrated) when the database refuses.
    /// Nothing is written then.
    ///
    /// # Cancellation
    ///
    /// Dropping the future leaves the store as it was before the call or as it is after it, never between.
    pub async fn write(&self, batch: &[Snapshot<'_>]) -> Result<Vec<Outcome>, StoreError> {
        let accounts = batch
            .iter()
            .filter_map(Snapshot::account)
            .chain(self.scope.account());
        if let Some(account) = accounts
            .into_iter()
            .find(|id| id.as_str().len() > MAX_ACCOUNT_BYTES)
        {
            return Err(StoreError::Account {
                bytes: account.as_str().len(),
                max_bytes: MAX_ACCOUNT_BYTES,
            });
        }
        if batch.is_empty() {
            return Ok(Vec::new());
        }
        let span = match batch {
            [one] => tracing::debug_span!(
                "stripe_store.write",
                stripe.object = one.object(),
                stripe.id = one.id(),
                duration_ms = tracing::field::Empty
            ),
            many => tracing::debug_span!(
                "stripe_store.write",
                snapshots = many.len(),
                duration_ms = tracing::field::Empty
            ),
        };
        for odd in batch
            .iter()
            .filter(|snapshot| snapshot.replaced_escapes() > 0)
        {
            tracing::warn!(
                parent: &span,
                stripe.object = odd.object(),
                stripe.id = odd.id(),
                escapes = odd.replaced_escapes(),
                "stored with U+FFFD in place of characters that no database takes"
            );
        }
        let reduced = Batch::new(batch, &self.scope);
        let now = self.inner.clock.now();
        let verdicts = span::timed(span, async {
            with_database!(self, database => database.write(&reduced.candidates, now).await)
        })
        .await
        .map_err(|source| {
            let object = match batch {
                [one] => ObjectRef::one(one.object(), one.id()),
                many => ObjectRef::Batch(many.len()),
            };
            self.database_error("write", object, source)
        })?;
        Ok(reduced.outcomes(&verdicts))
    }
}
