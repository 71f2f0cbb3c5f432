//! Objects from Stripe into the store: one at a time, as they are asked for, or everything, list by list;
//! and what is there compared with Stripe.
//!
//! Stands on the client and the store, which do not know of each other: what an answer says of itself, when it was made,
//! for whom and in which version, is what the store has to know of a snapshot. Knows which lists there are from the facts
//! of the API description, and no path of its own.

mod backfill;
mod one;
mod reconcile;
mod references;
mod settle;

pub use self::backfill::{
    Backfill, BackfillEvent, BackfillReport, ListEnd, ListName, ListReport, OddItem, SkipReason,
};
pub use self::reconcile::{
    FieldDifference, Finding, FindingKind, Gone, Reconcile, ReconcileEvent, ReconcileReport,
    TypeReport, UnreadList,
};
pub use self::references::RetrievedReferences;
pub use self::settle::Settled;
use crate::client::{Client, Meta};
use crate::store::{Interval, ObjectRef, Scope, Snapshot, SnapshotBuilder, Source};

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

/// The snapshot of an object in an answer; `None` when the answer does not say when it was made.
fn snapshot_of<'a>(read: SnapshotBuilder<'a>, meta: &Meta) -> Option<Snapshot<'a>> {
    Some(snapshot_at(read, meta, meta.interval()?))
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
