//! Lists that were cut short, and have been read to their ends.

use super::family::{Completion, FamilyKey};
use crate::store::error::{ObjectRef, StoreError};
use crate::store::snapshot::Interval;
use crate::store::{Store, span, with_database};
use crate::view::Resource;

impl Store {
    /// Says that all lists inside an object of the handle's account and mode were read from Stripe to their ends, in
    /// pages, and that all they list has been [written](Self::write). Returns whether the object is complete now.
    ///
    /// `as_of` begins, by Stripe's clock, no later than the first page was taken, and so does the interval of everything
    /// written from them. For an object that is marked as [`Truncated`](super::super::DirtyReason::Truncated):
    ///
    /// * What its lists own and was last seen before `as_of` began is not listed any more, and becomes a tombstone of that
    ///   moment. So write first, and then call this.
    /// * The mark goes, unless a snapshot cut short has come meanwhile that may be newer: then it is `false`, and the lists
    ///   have to be read again, [`not_before`](super::super::DirtyObject::not_before) says from when on.
    ///
    /// For one that is not marked, nothing is done.
    ///
    /// ```
    /// use stripe_store::resources::Subscription;
    /// use stripe_store::store::{Interval, Snapshot, Store};
    ///
    /// # #[cfg(feature = "sqlite")]
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
    /// let store = Store::connect("sqlite::memory:").await?.extract_expanded();
    /// store.migrate().await?;
    /// let json = r#"{"object": "subscription", "id": "sub_1", "items": {"object": "list", "has_more": true, "data": []}}"#;
    /// store.write(&[Snapshot::read(json)?.taken(Interval::second(1), "evt_1")]).await?;
    /// assert!(store.dirty_objects(10).await?[0].is_truncated());
    ///
    /// let read = Interval::second(60);
    /// let item = r#"{"object": "subscription_item", "id": "si_1", "subscription": "sub_1"}"#;
    /// store.write(&[Snapshot::read(item)?.taken(read, "req_1")]).await?;
    /// assert!(store.mark_complete::<Subscription>("sub_1", read).await?);
    /// assert_eq!(store.dirty_objects(10).await?, []);
    /// # Ok::<(), stripe_store::Error>(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// [`Database`](StoreError::Database) or [`NotMigrated`](StoreError::NotMigrated) when the database refuses. Nothing is
    /// written then.
    ///
    /// # Cancellation
    ///
    /// Dropping the future leaves the store as it was before the call or as it is after it, never between.
    pub async fn mark_complete<T: Resource>(
        &self,
        id: &str,
        as_of: Interval,
    ) -> Result<bool, StoreError> {
        self.mark_object_complete(T::OBJECT, id, as_of).await
    }

    /// As [`mark_complete`](Self::mark_complete), for a type by its name.
    ///
    /// # Errors
    ///
    /// As [`mark_complete`](Self::mark_complete).
    pub async fn mark_object_complete(
        &self,
        object: &str,
        id: &str,
        as_of: Interval,
    ) -> Result<bool, StoreError> {
        let completion = Completion {
            family: FamilyKey {
                account: self.scope().account_column().to_owned(),
                livemode: self.scope().mode().is_live(),
                object: object.to_owned(),
                id: id.to_owned(),
            },
            as_of,
        };
        let mut ledger = self.ledger();
        let span = tracing::debug_span!(
            "stripe_store.mark_complete",
            stripe.object = object,
            stripe.id = id,
            duration_ms = tracing::field::Empty
        );
        let completed = span::timed(span, async {
            with_database!(self, database => {
                database.complete(&completion, &self.scope, &mut ledger).await
            })
        })
        .await
        .map_err(|source| self.database_error("complete", ObjectRef::one(object, id), source));
        if !completed.as_ref().is_err_and(StoreError::is_uncertain) {
            // What was committed was told.
            ledger.refused();
        }
        completed
    }
}
