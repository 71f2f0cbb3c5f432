//! One reference, resolved.

use super::batch::names;
use super::plan::Candidates;
use crate::store::Store;
use crate::store::error::StoreError;
use crate::store::stored::Stored;
use crate::view::{Expandable, Reference, Referent};

impl<V: Referent> Expandable<'_, V> {
    /// The stored object that this refers to, whether the field holds the id or the object.
    ///
    /// Reads as [`Store::get`] does: in the handle's account and mode, which should be those of the row that the
    /// reference is from, and `None` for an object that is not in the table, or that was deleted when the handle does
    /// not [include deleted objects](Store::including_deleted). An object in the field only tells the type: what comes
    /// back is the row, whichever of the two is newer.
    ///
    /// One query; where the reference may be of several types and neither an object nor the id's prefix tells which, one
    /// for each until one has it. For more than one reference there is [`Store::expand`].
    ///
    /// ```
    /// # use stripe_store::{Snapshot, Store, resources::Charge, store::Interval};
    /// # #[cfg(feature = "sqlite")]
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
    /// # let store = Store::connect("sqlite::memory:").await?;
    /// # store.migrate().await?;
    /// # let json = [
    /// #     r#"{"id": "cus_1", "object": "customer", "name": "Ada"}"#,
    /// #     r#"{"id": "ch_1", "object": "charge", "customer": "cus_1"}"#,
    /// # ];
    /// # for json in json {
    /// #     store.write(&[Snapshot::read(json)?.taken(Interval::second(1), "evt_1")]).await?;
    /// # }
    /// let charge = store.get::<Charge>("ch_1").await?;
    /// if let Some(reference) = charge.as_ref().and_then(|charge| charge.customer()) {
    ///     let customer = reference.resolve(&store).await?;
    ///     assert_eq!(customer.as_ref().and_then(|customer| customer.name()), Some("Ada"));
    /// }
    /// # Ok::<(), stripe_store::Error>(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Store::get`].
    pub async fn resolve(&self, store: &Store) -> Result<Option<Stored<V>>, StoreError> {
        let id = self.id();
        let held = match self.get() {
            Reference::Object(object) => object.data().get("object").and_then(|it| it.as_str()),
            Reference::Deleted(object) => Some(object.object()),
            Reference::Id(_) => None,
        };
        if let Some(object) = held
            && let Some(found) = store.get_one(object, id).await?
        {
            return Ok(Some(found));
        }
        let candidates = Candidates::new(V::OBJECTS);
        for name in candidates.of(id).flat_map(|it| names(it.object)) {
            if held == Some(name) {
                continue;
            }
            if let Some(found) = store.get_one(name, id).await? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }
}
