//! Objects of which only a new look at Stripe tells the state, looked at again.

use std::time::Duration;

use super::pages::call_of;
use super::{SyncError, of_scope, read_into, snapshot_of};
use crate::client::{Call, Client, Many};
use crate::error::Error;
use crate::resources::{self, LISTINGS};
use crate::store::{CutShort, DirtyKey, Interval, ObjectRef, Snapshot, Store, cut_short};
use crate::view::{AnyObject, Listing};

/// How many marks are read from the table at a time.
const AT_ONCE: usize = 500;

/// How long after a moment of Stripe's clock an answer is known to be later, in milliseconds: its `Date` has seconds.
const MARGIN_MS: i64 = 1_100;

/// The longest wait until an object can be read again.
const PATIENCE: Duration = Duration::from_secs(3);

/// What became of the objects that had to be read again.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Settled {
    /// How many objects were read again.
    pub read: u64,
    /// How many objects' lists were read to their ends.
    pub completed: u64,
    /// Objects that could not be read, and why. They stay dirty.
    pub failed: Vec<(ObjectRef, Error)>,
}

impl Settled {
    pub(super) fn absorb(&mut self, other: Self) {
        self.read += other.read;
        self.completed += other.completed;
        self.failed.extend(other.failed);
    }
}

impl Store {
    /// Reads the [dirty objects](Self::dirty_objects) of this handle's account and mode from Stripe: those whose newest
    /// state is not certain, and the rest of lists that Stripe cut short.
    ///
    /// What cannot be read, because Stripe has no path for its type or the call fails, is in the result and stays dirty.
    ///
    /// # Errors
    ///
    /// [`Store`](Error::Store) when the database refuses, [`Client`](Error::Client) when Stripe does not know the key.
    ///
    /// # Cancellation
    ///
    /// Dropping the future leaves what was read, and the rest dirty.
    pub async fn settle(&self, client: &Client) -> Result<Settled, Error> {
        let mut settled = Settled::default();
        settle(self, client, &mut settled, |_| ()).await?;
        Ok(settled)
    }
}

/// Settles what is dirty in the store's account and mode, and tells of each.
pub(super) async fn settle(
    store: &Store,
    client: &Client,
    settled: &mut Settled,
    told: impl Fn(&ObjectRef) + Send,
) -> Result<(), Error> {
    // A replica may not have yet what has just been written.
    let store = store.extract_expanded().on_writer();
    let client = of_scope(client, store.scope());
    let mut after = None;
    loop {
        let dirty = store.dirty_of_scope(after.as_ref(), AT_ONCE).await?;
        let Some(last) = dirty.last() else {
            return Ok(());
        };
        after = Some(last.clone());
        for object in dirty {
            let result = settle_one(&store, &client, &object).await;
            let name = ObjectRef::one(&object.object, &object.id);
            told(&name);
            match result {
                Ok(()) if object.is_truncated() => settled.completed += 1,
                Ok(()) => settled.read += 1,
                Err(Error::Client(error)) if error.status() == Some(401) => {
                    return Err(error.into());
                }
                Err(error @ Error::Store(_)) => return Err(error),
                Err(error) => settled.failed.push((name, error)),
            }
        }
    }
}

async fn settle_one(store: &Store, client: &Client, object: &DirtyKey) -> Result<(), Error> {
    // An answer is known to be later when the second before its own was later, too.
    let when = object.not_before.saturating_add(MARGIN_MS);
    let wait = u64::try_from(when.saturating_sub(store.now().as_millis()));
    let wait = wait.map_or(Duration::ZERO, Duration::from_millis);
    // By the store's clock, which may be wrong: what is read too early stays dirty, and is no newer than what is here.
    tokio::time::sleep(wait.min(PATIENCE)).await;
    if object.is_truncated() {
        return complete(store, client, object).await;
    }
    let unreachable = || SyncError::NoPath {
        object: object.object.clone(),
    };
    let facts = resources::facts(&object.object).ok_or_else(unreachable)?;
    read_into(store, client, *facts, &object.id).await?;
    Ok(())
}

/// Reads the lists inside an object to their ends.
async fn complete(store: &Store, client: &Client, object: &DirtyKey) -> Result<(), Error> {
    let Some(row) = store.get_object(&object.object, &object.id).await? else {
        return Ok(());
    };
    let mut calls = Vec::new();
    for list in cut_short(row.json()) {
        calls.push(rest_of(client, object, &list)?);
    }
    if calls.is_empty() {
        // A newer snapshot came without the lists: which of them was cut short is not known any more.
        calls.extend(inside(object).map(|(_, listing)| call_of(client, listing, Some(&object.id))));
    }
    let mut as_of: Option<Interval> = None;
    for call in calls {
        let mut cursor = None;
        loop {
            let call = call.clone().with_most();
            let page = match cursor.take() {
                None => call.page().await?,
                Some(cursor) => call.at(cursor).page().await?,
            };
            let mut snapshots = Vec::with_capacity(page.items().len());
            for item in page.items() {
                let read = Snapshot::read(item.text())?;
                snapshots.push(snapshot_of(read, item.meta())?);
            }
            store.write(&snapshots).await?;
            as_of = as_of.or(page.meta().interval());
            match page.next()? {
                Some(next) => cursor = Some(next.clone()),
                None => break,
            }
        }
    }
    // Nobody lists anything: what is here is all there is.
    let nothing = || Interval::second(object.not_before.div_euclid(1000).saturating_add(1));
    let as_of = as_of.unwrap_or_else(nothing);
    let completed = store
        .mark_object_complete(&object.object, &object.id, as_of)
        .await?;
    if completed {
        return Ok(());
    }
    let object = ObjectRef::one(&object.object, &object.id);
    Err(SyncError::TooEarly { object }.into())
}

/// The lists that come inside objects of a type, with their dotted fields.
fn inside(object: &DirtyKey) -> impl Iterator<Item = (&'static str, &'static Listing)> {
    LISTINGS.iter().filter_map(|listing| {
        let parent = listing.parent?;
        let field = parent.field.filter(|_| parent.object == object.object)?;
        Some((field, listing))
    })
}

/// A list that was cut short, from its beginning: as the description has it, or where the list itself says that it is.
fn rest_of(
    client: &Client,
    object: &DirtyKey,
    list: &CutShort,
) -> Result<Call<Many<AnyObject>>, SyncError> {
    if let Some((_, listing)) = inside(object).find(|(field, _)| *field == list.path) {
        return Ok(call_of(client, listing, Some(&object.id)));
    }
    let url = list.url.as_deref().ok_or_else(|| SyncError::NotListed {
        object: format!("{}.{}", object.object, list.path),
    })?;
    Ok(client.list_at(url))
}
