//! Objects inside objects, as rows of their own.
//!
//! What is found inside a snapshot joins its batch, before that is reduced, and goes through the one door. Knows which
//! objects are found ([`walk`]), which lists own what they list ([`lists`]), and what follows from these ([`family`]);
//! knows no SQL.

mod complete;
pub(crate) mod family;
pub(crate) mod lists;
mod walk;

use std::collections::BTreeMap;

use super::Store;
use super::snapshot::{Snapshot, SnapshotBuilder};

/// Whether a handle writes the objects inside objects, too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Inside {
    #[default]
    Left,
    Extracted,
}

impl Store {
    /// A handle whose writes also make rows of the objects inside the objects that it writes: the prices of a
    /// subscription's items, and the items; the customer of an invoice that was asked for expanded. Off by default.
    ///
    /// * What has a type and an id becomes a row, at whatever depth, whether the type is known or not. The object itself
    ///   is stored as it was sent, with all that is inside.
    /// * The row gets the interval, source, API version and account of what it is inside, and its mode unless it says its
    ///   own. So an object's row may come from an invoice one time and from its own event another: the newest counts,
    ///   as always.
    /// * Left out is what shows another moment: what is inside an event, under `pending_update`, and under what ends in
    ///   `error`. An object that cannot be stored, because its id is too long, is left out with a warning to `tracing`.
    ///
    /// Some lists own what they list: `subscription.items`, `invoice.lines`, `customer.sources` (bank accounts and cards),
    /// `customer.tax_ids` and `account.external_accounts`. An object that was there before, and which a whole list does
    /// not have, is deleted: its row becomes a tombstone, as of when the parent's interval begins. An older snapshot of the
    /// parent with fewer entries deletes nothing that was seen since, and any order of arrival deletes the same; only the
    /// time of the deletion may differ, when a snapshot in between was missing.
    ///
    /// A list that Stripe cut short (`has_more: true`), be it nested as `amount_details.line_items`, marks its object among the [`dirty_objects`](Store::dirty_objects)
    /// as [`Truncated`](super::DirtyReason::Truncated) until a newer snapshot comes with whole lists, or
    /// [`mark_complete`](Store::mark_complete) says that they were read to their ends.
    ///
    /// All who write to one database should have it on: what others write while it is off is not looked into.
    /// [`import`](Store::import) never looks, since an export has the rows already.
    ///
    /// A write of objects with such lists reads the rows of the parents and their children first, and is a transaction of
    /// several statements. On PostgreSQL it holds advisory locks (up to 256, the same ones for every writer) until that
    /// ends, so that two who write one family come after each other.
    ///
    /// ```
    /// use stripe_store::store::{Interval, Snapshot, Store};
    ///
    /// # #[cfg(feature = "sqlite")]
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
    /// let store = Store::connect("sqlite::memory:").await?.extract_expanded();
    /// store.migrate().await?;
    /// let items = |items: &str| format!(
    ///     r#"{{"object": "subscription", "id": "sub_1", "items":
    ///         {{"object": "list", "has_more": false, "data": [{items}]}}}}"#
    /// );
    /// let item = r#"{"object": "subscription_item", "id": "si_1", "subscription": "sub_1"}"#;
    ///
    /// let (with, without) = (items(item), items(""));
    /// store.write(&[Snapshot::read(&with)?.taken(Interval::second(1), "evt_1")]).await?;
    /// assert!(store.get_object("subscription_item", "si_1").await?.is_some());
    ///
    /// store.write(&[Snapshot::read(&without)?.taken(Interval::second(2), "evt_2")]).await?;
    /// assert!(store.get_object("subscription_item", "si_1").await?.is_none());
    /// # Ok::<(), stripe_store::Error>(())
    /// # }).unwrap();
    /// ```
    #[must_use]
    pub fn extract_expanded(&self) -> Self {
        Self {
            inside: Inside::Extracted,
            ..self.clone()
        }
    }
}

/// The snapshots of what is inside the snapshots of a batch.
pub(super) fn extract<'a>(batch: &'a [Snapshot<'a>]) -> Vec<Snapshot<'a>> {
    batch.iter().flat_map(inside).collect()
}

fn inside<'a>(parent: &'a Snapshot<'a>) -> impl Iterator<Item = Snapshot<'a>> {
    let mut found: BTreeMap<(String, String), Snapshot<'a>> = BTreeMap::new();
    for json in walk::nested(parent.data()) {
        let read = match Snapshot::read(json) {
            Ok(read) => read,
            Err(error) => {
                tracing::warn!(
                    stripe.object = parent.object(),
                    stripe.id = parent.id(),
                    %error,
                    "an object inside it is not stored as a row"
                );
                continue;
            }
        };
        if (read.object(), read.id()) == (parent.object(), parent.id()) {
            continue;
        }
        // An object can be inside another in several places, here with more expanded and there with less. Of one
        // moment one is enough, and the longest is the one with the most.
        let key = (read.object().to_owned(), read.id().to_owned());
        let rank = |data: &str| (data.len(), data.to_owned());
        let is_less = found
            .get(&key)
            .is_some_and(|other| rank(other.data()) >= rank(json));
        if !is_less {
            found.insert(key, taken_with(parent, read));
        }
    }
    found.into_values()
}

/// The snapshot of an object that is inside another one, of the same moment.
fn taken_with<'a>(parent: &'a Snapshot<'a>, mut inside: SnapshotBuilder<'a>) -> Snapshot<'a> {
    if let Some(account) = parent.account() {
        inside = inside.account(account.clone());
    }
    if let Some(mode) = parent.mode() {
        inside = inside.mode(mode);
    }
    if let Some(version) = parent.api_version() {
        inside = inside.api_version(version);
    }
    inside.taken(parent.as_of(), parent.source().clone())
}
