//! Events on their way into the table, and the handlers that want to hear of them.
//!
//! Whoever brings an event, a webhook or a catch-up, it is put into the inbox (`stripe_events`) once, and from there does
//! three things, in this order:
//!
//! 1. its object is written into the table, as by [`Store::write`](crate::Store::write);
//! 2. the [`Handlers`] of its type that run in the transaction do their work; where one fails, nothing of all this happens;
//! 3. after the commit, a [`Worker`] runs the queued ones: again later where they fail, by whichever process, and for one
//!    object one after the other.
//!
//! Knows no request and no signature: that is [`webhook`](crate::webhook).

#[cfg(feature = "webhook")]
mod bring;
mod context;
mod handlers;
mod listing;
mod prepared;
mod process;
mod replay;
mod unique;
mod worker;

pub use self::context::{EventContext, QueuedContext};
pub use self::handlers::{HandlerError, HandlerFuture, Handlers};
pub use self::listing::{
    InboxCount, InboxEvent, InboxEvents, InboxPage, InboxStatus, UnknownStatus,
};
pub(crate) use self::prepared::Prepared;
#[cfg(feature = "client")]
pub(crate) use self::process::Applied;
pub(crate) use self::process::Processor;
#[cfg(feature = "webhook")]
pub(crate) use self::process::{Brought, ProcessError};
pub use self::replay::{AppliedEvent, ReplayReport, Replayed};
pub(crate) use self::unique::unique;
pub use self::worker::{RetryPolicy, Worker};
