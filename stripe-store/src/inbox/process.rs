//! Events into the inbox and out of it: what one transaction does.

use std::any::Any;
use std::fmt;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures_util::FutureExt as _;

use super::context::EventContext;
use super::handlers::{HandlerError, HandlerFuture, Handlers};
use super::prepared::Prepared;
use super::worker::RetryPolicy;
#[cfg(feature = "client")]
use crate::client::Client;
use crate::error::chain;
use crate::ingest::Event;
use crate::store::{
    EventStatus, Isolation, KeptEvent, Ledger, Snapshot, Store, StoreError, TransactionMut,
    WorkError, in_own,
};

/// What is done with events, whoever brings them.
#[derive(Clone, Debug)]
pub(crate) struct Processor {
    pub(crate) store: Store,
    pub(crate) handlers: Arc<Handlers>,
    pub(crate) retry: RetryPolicy,
    #[cfg(feature = "client")]
    pub(crate) client: Option<Client>,
}

/// What became of an event that was brought.
#[cfg(feature = "webhook")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Brought {
    /// It is in the inbox, and all was done that was to be done at once.
    Taken,
    /// It is in the inbox, and what it brings cannot be written.
    Kept,
    /// It was there before.
    Duplicate,
}

/// What became of pending events.
#[derive(Debug, Default)]
pub(crate) struct Applied {
    /// How many there were.
    pub(crate) taken: usize,
    /// How many objects are new or newer for it.
    pub(crate) changed: usize,
    /// The ids of those that could not be applied, and why.
    pub(crate) failed: Vec<(String, String)>,
    /// How many have handlers that are to run now.
    pub(crate) queued: usize,
}

impl Applied {
    fn add(&mut self, more: Self) {
        self.taken += more.taken;
        self.changed += more.changed;
        self.failed.extend(more.failed);
        self.queued += more.queued;
    }
}

/// Why a transaction came to nothing.
#[derive(Debug)]
pub(crate) enum ProcessError {
    Store(StoreError),
    /// A handler failed on this event.
    #[cfg_attr(
        not(feature = "webhook"),
        expect(dead_code, reason = "whoever sent the event is told")
    )]
    Handler {
        event: String,
        event_type: String,
        error: HandlerError,
    },
}

impl From<StoreError> for ProcessError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl WorkError for ProcessError {
    fn is_conflict(&self) -> bool {
        match self {
            Self::Store(error) => error.is_conflict(),
            Self::Handler { error, .. } => {
                let error = error.get_ref();
                error
                    .downcast_ref::<sqlx::Error>()
                    .is_some_and(crate::store::is_conflict)
                    || error
                        .downcast_ref::<StoreError>()
                        .is_some_and(StoreError::is_conflict)
            }
        }
    }
}

impl ProcessError {
    /// Whether it is about one event, so that others may go well without it.
    pub(crate) fn is_of_one(&self) -> bool {
        match self {
            Self::Store(error) => error.is_of_data(),
            Self::Handler { .. } => true,
        }
    }

    /// Whether it is of no use to try again.
    pub(crate) fn is_final(&self) -> bool {
        match self {
            Self::Store(error) => error.is_of_unstorable(),
            Self::Handler { error, .. } => error.is_final(),
        }
    }

    pub(crate) fn reason(&self) -> String {
        match self {
            Self::Store(error) => chain(error),
            Self::Handler { error, .. } => chain(error.get_ref()),
        }
    }
}

impl Processor {
    pub(crate) fn new(store: &Store) -> Self {
        Self {
            // What a backfill writes of what is inside other objects, events keep up to date.
            store: store.extract_expanded().on_writer(),
            handlers: Arc::default(),
            retry: RetryPolicy::default(),
            #[cfg(feature = "client")]
            client: None,
        }
    }

    /// Whether a handler wants an event's object.
    pub(crate) fn wants_object(&self, event_type: &str) -> bool {
        self.handlers.in_transaction(event_type).next().is_some()
    }

    /// Whether handlers of an event run after the commit.
    pub(crate) fn has_queued(&self, event_type: &str) -> bool {
        self.handlers.queued_for(event_type).next().is_some()
    }

    /// What an event becomes once it is applied.
    pub(super) fn applied(&self, event_type: &str) -> EventStatus<'static> {
        if self.has_queued(event_type) {
            EventStatus::Queued(self.store.now())
        } else {
            EventStatus::Applied
        }
    }

    /// Writes what events bring, and runs their handlers, the oldest first; how many objects are new or newer for it.
    async fn apply_in(
        &self,
        mut transaction: TransactionMut<'_>,
        events: &[&Prepared<'_>],
        ledger: &mut Ledger<'_>,
    ) -> Result<usize, ProcessError> {
        let snapshots = snapshots(events.iter().copied());
        let written = self.store.write_in_with(
            transaction.reborrow(),
            &snapshots,
            None,
            Isolation::Ours,
            ledger,
        );
        let outcomes = written.await?;
        self.handle_all(&mut transaction, events).await?;
        let changed = outcomes.iter().filter(|outcome| outcome.is_change());
        Ok(changed.count())
    }

    /// Runs the handlers of events, in their order.
    pub(super) async fn handle_all(
        &self,
        transaction: &mut TransactionMut<'_>,
        events: &[&Prepared<'_>],
    ) -> Result<(), ProcessError> {
        for prepared in events {
            self.handle_in(transaction, prepared).await?;
        }
        Ok(())
    }

    async fn handle_in(
        &self,
        transaction: &mut TransactionMut<'_>,
        prepared: &Prepared<'_>,
    ) -> Result<(), ProcessError> {
        let event = &prepared.event;
        let mut handlers = self.handlers.in_transaction(event.event_type()).peekable();
        if handlers.peek().is_none() {
            return Ok(());
        }
        let store = scoped(&self.store, event);
        for handler in handlers {
            let context = EventContext {
                store: &store,
                connection: transaction.reborrow(),
                event,
                object: prepared.object.as_ref(),
                #[cfg(feature = "client")]
                client: self.client.as_ref(),
            };
            let future = (handler.run)(context, prepared.object.as_ref());
            unwound(future)
                .await
                .map_err(|error| ProcessError::Handler {
                    event: event.id().to_owned(),
                    event_type: event.event_type().to_owned(),
                    error,
                })?;
        }
        Ok(())
    }

    /// Applies up to so many pending events, of every account and mode, the oldest first. What others are working on
    /// meanwhile is left to them.
    ///
    /// They are applied together. Where that fails because of one, each is applied on its own, and that one stays with its
    /// reason.
    pub(crate) async fn apply_pending(&self, limit: usize) -> Result<Applied, StoreError> {
        match self.apply(limit, &mut Vec::new()).await {
            Err(error) if error.is_of_one() => {
                tracing::debug!("events are applied one by one, because one could not be");
            }
            Err(ProcessError::Store(error)) => return Err(error),
            Err(ProcessError::Handler { .. }) => {}
            Ok(applied) => return Ok(applied),
        }
        let mut all = Applied::default();
        while all.taken < limit {
            let mut at_hand = Vec::new();
            match (self.apply(1, &mut at_hand).await, at_hand.pop()) {
                (Ok(applied), _) if applied.taken == 0 => break,
                (Ok(applied), _) => all.add(applied),
                (Err(error), Some((id, attempts))) if error.is_of_one() => {
                    let reason = error.reason();
                    self.put_off(&id, attempts, &error, &reason).await?;
                    all.add(Applied {
                        taken: 1,
                        failed: vec![(id, reason)],
                        ..Applied::default()
                    });
                }
                (Err(ProcessError::Store(error)), _) => return Err(error),
                (Err(ProcessError::Handler { .. }), _) => break,
            }
        }
        Ok(all)
    }

    /// Notes why an event could not be applied, and when it is tried again, if at all.
    async fn put_off(
        &self,
        id: &str,
        attempts: i32,
        error: &ProcessError,
        reason: &str,
    ) -> Result<(), StoreError> {
        let tried = u32::try_from(attempts).unwrap_or(0).saturating_add(1);
        let is_over = match error {
            ProcessError::Store(_) => true,
            ProcessError::Handler { .. } => error.is_final() || tried >= self.retry.max_attempts(),
        };
        let due = self.retry.due(self.store.now(), tried, id);
        let status = if is_over {
            EventStatus::Failed(reason)
        } else {
            EventStatus::Pending(Some(due), Some(reason))
        };
        in_own!(self.store, &mut self.store.ledger(), transaction => {
            self.store.note_events(&mut transaction, &[id], status).await
        })
    }

    /// Applies up to so many in one transaction. Their ids and attempts are in `at_hand`, also when it fails.
    async fn apply(
        &self,
        limit: usize,
        at_hand: &mut Vec<(String, i32)>,
    ) -> Result<Applied, ProcessError> {
        let mut ledger = self.store.ledger();
        let result = in_own!(self.store, &mut ledger, transaction => {
            let events = self.store.claim_pending(&mut transaction, limit).await?;
            at_hand.clear();
            at_hand.extend(events.iter().map(|event| (event.id.clone(), event.attempts)));
            self.apply_claimed(transaction.reborrow(), &events, &mut ledger).await
        });
        if !is_uncertain(&result) {
            // What was committed was told.
            ledger.refused();
        }
        result
    }

    async fn apply_claimed(
        &self,
        mut transaction: TransactionMut<'_>,
        events: &[KeptEvent],
        ledger: &mut Ledger<'_>,
    ) -> Result<Applied, ProcessError> {
        let mut done = Applied {
            taken: events.len(),
            ..Applied::default()
        };
        let mut prepared = Vec::with_capacity(events.len());
        for event in events {
            match Prepared::kept(event, |event_type| self.wants_object(event_type)) {
                Ok(read) => prepared.push((event.id.as_str(), read)),
                Err(reason) => done.failed.push((event.id.clone(), reason)),
            }
        }
        let work: Vec<_> = prepared.iter().map(|(_, prepared)| prepared).collect();
        done.changed = self.apply_in(transaction.reborrow(), &work, ledger).await?;
        let (queued, applied): (Vec<_>, Vec<_>) = prepared.iter().partition(|(_, prepared)| {
            matches!(
                self.applied(prepared.event.event_type()),
                EventStatus::Queued(_)
            )
        });
        let ids = |of: &[&(&'_ str, Prepared<'_>)]| -> Vec<String> {
            of.iter().map(|(id, _)| (*id).to_owned()).collect()
        };
        done.queued = queued.len();
        for (of, status) in [
            (ids(&queued), EventStatus::Queued(self.store.now())),
            (ids(&applied), EventStatus::Applied),
        ] {
            let of: Vec<&str> = of.iter().map(String::as_str).collect();
            self.store
                .note_events(&mut transaction, &of, status)
                .await?;
        }
        for (id, reason) in &done.failed {
            let status = EventStatus::Failed(reason);
            self.store
                .note_events(&mut transaction, &[id.as_str()], status)
                .await?;
        }
        Ok(done)
    }
}

/// What events bring.
pub(super) fn snapshots<'s, 'a: 's>(
    events: impl Iterator<Item = &'s Prepared<'a>>,
) -> Vec<Snapshot<'s>> {
    events
        .filter_map(|prepared| prepared.snapshot.clone())
        .collect()
}

pub(super) fn is_uncertain<T>(result: &Result<T, ProcessError>) -> bool {
    matches!(result, Err(ProcessError::Store(error)) if error.is_uncertain())
}

/// The store in an event's account and mode.
pub(super) fn scoped(store: &Store, event: &Event<'_>) -> Store {
    let store = match event.mode() {
        Some(mode) => store.mode(mode),
        None => store.clone(),
    };
    match event.account() {
        Some(account) => store.account(account),
        None => store,
    }
}

/// A handler's result; a panic of its is an error.
pub(super) async fn unwound(future: HandlerFuture<'_>) -> Result<(), HandlerError> {
    let result = AssertUnwindSafe(future).catch_unwind().await;
    result.unwrap_or_else(|panic| Err(HandlerError::retry(Panicked::new(&*panic))))
}

/// A handler panicked.
#[derive(Debug)]
struct Panicked(String);

impl Panicked {
    fn new(panic: &(dyn Any + Send)) -> Self {
        let text = panic
            .downcast_ref::<&str>()
            .copied()
            .or_else(|| panic.downcast_ref::<String>().map(String::as_str));
        Self(text.unwrap_or("without a message").to_owned())
    }
}

impl fmt::Display for Panicked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the handler panicked: {}", self.0)
    }
}

impl std::error::Error for Panicked {}
