//! Objects from Stripe into the store: one at a time, as they are asked for, or everything, list by list;
//! and what is there compared with Stripe.
//!
//! Stands on the client and the store, which do not know of each other: what an answer says of itself, when it was made,
//! for whom and in which version, is what the store has to know of a snapshot. Knows which lists there are from the facts
//! of the API description, and no path of its own.

mod backfill;
mod catch_up;
mod keys;
mod one;
mod pages;
mod reconcile;
mod references;
mod settle;

pub use self::backfill::{
    Backfill, BackfillEvent, BackfillReport, ListEnd, ListName, ListReport, OddItem, RefusedParent,
    SkipReason,
};
pub use self::catch_up::{
    AccountEvents, CatchUp, CatchUpEvent, CatchUpReport, EventGap, FailedEvent, OddEvent,
};
pub use self::reconcile::{
    FieldDifference, Finding, FindingKind, Gone, Reconcile, ReconcileEvent, ReconcileReport,
    TypeReport, UnreadList,
};
pub use self::references::RetrievedReferences;
pub use self::settle::Settled;
#[cfg(feature = "webhook")]
use crate::client::Method;
use crate::client::{Client, Meta};
use crate::error::Error;
#[cfg(feature = "webhook")]
use crate::ingest::Event;
use crate::resources;
use crate::store::{
    Interval, ObjectRef, Scope, Snapshot, SnapshotBuilder, Source, Store, StoreError,
};
use crate::view::ResourceFacts;

/// What Stripe sent cannot be put into the store, or cannot be asked for.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SyncError {
    /// The answer does not say when it was made, so that the store cannot tell whether it is newer than what it has.
    #[error("Stripe's answer with {object} has no Date, so when it was made is not known")]
    #[non_exhaustive]
    NoDate {
        /// The object.
        object: ObjectRef,
    },
    /// The answer repeats an earlier one, and objects of its type cannot be read by their ids alone.
    #[error(
        "the answer with {object} repeats an earlier one, and how it is now cannot be read by its id"
    )]
    #[non_exhaustive]
    Replayed {
        /// The object.
        object: ObjectRef,
    },
    /// There is no list of objects of this type.
    #[error("Stripe has no list of objects of type {object:?}")]
    #[non_exhaustive]
    NotListed {
        /// The type.
        object: String,
    },
    /// There is no path to objects of this type: they come inside others, or the description does not know them.
    #[error("Stripe has no path to objects of type {object:?}")]
    #[non_exhaustive]
    NoPath {
        /// The type.
        object: String,
    },
    /// The object changed while the lists inside it were read, or just before: read them again later.
    #[error("{object} changed while its lists were read, or just before")]
    #[non_exhaustive]
    TooEarly {
        /// The object.
        object: ObjectRef,
    },
    /// What is noted of how far a list was read is not what this version writes.
    #[error(
        "what is noted of how far {list} was read cannot be understood: read it anew, with `full`"
    )]
    #[non_exhaustive]
    State {
        /// The list.
        list: String,
    },
}

/// The client's handle for this account and mode.
fn of_scope(client: &Client, scope: &Scope) -> Client {
    let client = client.mode(scope.mode());
    match scope.account() {
        Some(account) => client.account(account.as_str()),
        None => client.platform(),
    }
}

/// The snapshot of an object in an answer, which has to say when it was made.
fn snapshot_of<'a>(read: SnapshotBuilder<'a>, meta: &Meta) -> Result<Snapshot<'a>, SyncError> {
    match meta.interval() {
        Some(interval) => Ok(snapshot_at(read, meta, interval)),
        None => Err(SyncError::NoDate {
            object: ObjectRef::one(read.object(), read.id()),
        }),
    }
}

/// The snapshot of an object in an answer, of this interval.
fn snapshot_at<'a>(read: SnapshotBuilder<'a>, meta: &Meta, interval: Interval) -> Snapshot<'a> {
    let read = match meta.api_version() {
        Some(version) => read.api_version(version.to_owned()),
        None => read,
    };
    let id = meta.request_id().map_or("unknown", |id| id.as_str());
    read.taken(interval, Source::request(id).ordered(meta.order()))
}

/// The facts of a type whose objects can be asked for by their ids alone.
fn retrievable(object: &str) -> Option<ResourceFacts> {
    let facts = resources::facts(object)?;
    let has_path = facts.path.is_some_and(|path| !path.contains('{'));
    (facts.operations.retrieve && has_path).then_some(*facts)
}

/// Reads an object of any type from Stripe and writes it; its type and id, as the answer has them.
async fn read_into(
    store: &Store,
    client: &Client,
    facts: ResourceFacts,
    id: &str,
) -> Result<(String, String), Error> {
    let fetched = client.read_any(facts, id).send().await?;
    let read = Snapshot::read(fetched.json().get())?;
    let key = (read.object().to_owned(), read.id().to_owned());
    store
        .write(&[snapshot_of(read, fetched.response())?])
        .await?;
    Ok(key)
}

/// How many ids of accounts are read from the table at a time.
const ACCOUNT_IDS: usize = 500;

/// The connected accounts that are in the table, from after an id on, some at a time.
async fn connected_after(store: &Store, after: &str) -> Result<Vec<String>, StoreError> {
    let platform = store.platform();
    platform.ids_of("account", after, None, ACCOUNT_IDS).await
}

/// A count as reports have it.
fn count(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

/// What a thin event is about, as Stripe has it now; `None` where the event names nothing, or what it names is gone.
#[cfg(feature = "webhook")]
pub(crate) async fn fetch_related(
    client: &Client,
    event: &Event<'_>,
) -> Result<Option<Snapshot<'static>>, Error> {
    let Some(url) = event.related().and_then(|related| related.url.as_deref()) else {
        return Ok(None);
    };
    let client = match event.mode() {
        Some(mode) => client.mode(mode),
        None => client.clone(),
    };
    let mut call = client.request(Method::Get, url);
    if let Some(account) = event.account() {
        call = call.context(account);
    }
    let response = match call.send().await {
        Ok(response) => response,
        Err(error) if error.status() == Some(404) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let mut read = Snapshot::read(response.text())?;
    if let Some(mode) = event.mode() {
        read = read.mode(mode);
    }
    if let Some(account) = event.account() {
        read = read.account(account.to_owned());
    }
    Ok(Some(snapshot_of(read, &response)?.into_owned()))
}
