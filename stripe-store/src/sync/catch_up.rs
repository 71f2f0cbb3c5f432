//! What events tell that the table has not heard of: Stripe's list of events, from the last one seen, into the inbox, and
//! from there into the table.
//!
//! Knows the list and the inbox. What an event means for its object is told by `ingest`, and which of two states is newer
//! by the store.

mod report;
mod state;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

pub use self::report::{
    AccountEvents, CatchUpEvent, CatchUpReport, EventGap, FailedEvent, OddEvent,
};
use self::state::{Pass, State};
use super::backfill;
use super::pages::is_lost_cursor;
use super::settle::settle;
use super::{connected_after, count, of_scope};
use crate::client::{Client, ClientError, Page, PageCursor};
use crate::error::{Error, chain};
use crate::inbox::{Handlers, Prepared, Processor};
use crate::ingest::{Event, IngestError};
use crate::resources;
use crate::store::{Note, ObjectRef, Store};
use crate::view::Timestamp;

/// What is noted of the list of events.
const NAME: &str = "events";

/// How many pending events are applied in one transaction.
const AT_ONCE: usize = 100;

impl Store {
    /// Brings what events tell and this store has not heard of: what a webhook missed, or changed since a
    /// [backfill](Self::backfill).
    ///
    /// * The first run begins where the oldest of the backfill's lists was last read whole, or, without one, with the
    ///   oldest event that Stripe still has; later ones begin where the last one did. A run that was killed goes on behind
    ///   its last page.
    /// * Each event is put into the inbox (`stripe_events`) once, whoever brings it; from there events are applied in the
    ///   order in which Stripe created them, each in the transaction in which that is noted. What they bring is written as
    ///   by [`write`](Self::write), so that nothing older wins; models that are [registered](Self::register) are filled.
    /// * An event that cannot be applied stays in the inbox with the reason, and holds up no other.
    /// * Afterwards [dirty objects](Self::settle) are read again.
    ///
    /// Stripe keeps events for 30 days. Where the last run was longer ago, what changed in between may have been missed for
    /// good: the report has the [gap](AccountEvents::gap), and so has that of each later run, until a
    /// [full](super::Backfill::full) backfill has closed it.
    ///
    /// ```no_run
    /// # async fn example() -> Result<(), stripe_store::Error> {
    /// use stripe_store::Store;
    /// use stripe_store::client::Client;
    ///
    /// let store = Store::connect("sqlite://stripe.db").await?;
    /// # let client: Client = unimplemented!();
    /// let report = store.catch_up(&client).run().await?;
    /// println!("{} events applied", report.applied);
    /// # Ok(())
    /// # }
    /// ```
    pub fn catch_up(&self, client: &Client) -> CatchUp {
        CatchUp {
            store: self.clone(),
            client: client.clone(),
            processor: Processor {
                client: Some(client.clone()),
                ..Processor::new(self)
            },
            since: None,
            accounts: false,
            is_left: false,
            observer: None,
        }
    }
}

/// A catch-up to be made: [`Store::catch_up`].
#[must_use = "nothing is read before `run`"]
pub struct CatchUp {
    store: Store,
    client: Client,
    processor: Processor,
    /// In unix seconds.
    since: Option<i64>,
    accounts: bool,
    /// Whether events are left in the inbox.
    is_left: bool,
    observer: Option<Observer>,
}

type Observer = Arc<dyn Fn(&CatchUpEvent<'_>) + Send + Sync>;

impl fmt::Debug for CatchUp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CatchUp")
            .field("store", &self.store)
            .field("since", &self.since)
            .field("connected_accounts", &self.accounts)
            .finish_non_exhaustive()
    }
}

impl CatchUp {
    /// Only events that were created at this moment or later, wherever the last run ended. What lies between is a
    /// [gap](AccountEvents::gap).
    pub fn since(mut self, moment: impl Into<Timestamp>) -> Self {
        self.since = Some(moment.into().unix_seconds());
        self
    }

    /// Also the events of every connected account that is in the table.
    pub fn connected_accounts(mut self) -> Self {
        self.accounts = true;
        self
    }

    /// Runs these handlers for events that are new, as the receiver of webhooks does: those in the transaction at once, and
    /// the queued ones by whichever [`Worker`](crate::inbox::Worker).
    ///
    /// A catch-up without them applies events without their handlers, also those that a service with handlers has missed:
    /// where there is one, catch up in it, or [leave](Self::into_inbox_only) the events to its worker.
    pub fn handlers(mut self, handlers: Handlers) -> Self {
        self.processor.handlers = Arc::new(handlers);
        self
    }

    /// Puts events into the inbox only, for the [`Worker`](crate::inbox::Worker) of another process to apply.
    pub fn into_inbox_only(mut self) -> Self {
        self.is_left = true;
        self
    }

    /// Is called when something happens; what takes long here holds everything up.
    pub fn on_event(
        mut self,
        observer: impl Fn(&CatchUpEvent<'_>) + Send + Sync + 'static,
    ) -> Self {
        self.observer = Some(Arc::new(observer));
        self
    }

    /// Reads the events, applies them, and reads dirty objects again.
    ///
    /// # Errors
    ///
    /// [`Client`](Error::Client) when Stripe does not know the key, and [`Store`](Error::Store) when the database refuses:
    /// what was done before is done. What goes wrong with one account's events, or with one event, is in the report.
    ///
    /// # Cancellation
    ///
    /// Dropping the future leaves the store with what was read and applied; the next run goes on there.
    pub async fn run(self) -> Result<CatchUpReport, Error> {
        self.once().await
    }

    /// Does that again and again, so long after each time, until it cannot go on: a task for the time a program runs.
    ///
    /// What may be over the next time, such as a database that restarts, is told to [`on_event`](Self::on_event) and tried
    /// again.
    ///
    /// ```no_run
    /// # fn example(store: stripe_store::Store, client: stripe_store::client::Client) {
    /// use std::time::Duration;
    ///
    /// tokio::spawn(async move {
    ///     let error = store.catch_up(&client).every(Duration::from_secs(300)).await;
    ///     eprintln!("no longer catching up: {error}");
    /// });
    /// # }
    /// ```
    ///
    /// # Cancellation
    ///
    /// As [`run`](Self::run).
    pub async fn every(self, interval: Duration) -> Error {
        loop {
            match self.once().await {
                Ok(report) => self.tell(&CatchUpEvent::Ended { report: &report }),
                Err(error) if error.is_transient() => {
                    tracing::warn!(error = %chain(&error), "catching up failed and is tried again");
                    self.tell(&CatchUpEvent::Failed { error: &error });
                }
                Err(error) => return error,
            }
            tokio::time::sleep(interval).await;
        }
    }

    async fn once(&self) -> Result<CatchUpReport, Error> {
        let mut report = CatchUpReport::default();
        let mut stores = vec![self.store.clone()];
        report.accounts.push(self.read(&self.store).await?);
        if self.accounts {
            let mut after = String::new();
            loop {
                let ids = connected_after(&self.store, &after).await?;
                let Some(last) = ids.last() else { break };
                after.clone_from(last);
                for id in ids {
                    let store = self.store.account(id);
                    report.accounts.push(self.read(&store).await?);
                    stores.push(store);
                }
            }
        }
        self.apply(&mut report).await?;
        for store in &stores {
            let told = |object: &ObjectRef| self.tell(&CatchUpEvent::Settled { object });
            settle(store, &self.client, &mut report.settled, told).await?;
        }
        Ok(report)
    }

    fn tell(&self, event: &CatchUpEvent<'_>) {
        if let Some(observer) = &self.observer {
            observer(event);
        }
    }

    /// Reads the events of one account into the inbox. An error is one that stops everything.
    async fn read(&self, store: &Store) -> Result<AccountEvents, Error> {
        let mut events = AccountEvents::new(store.scope());
        match self.read_into(store, &mut events).await {
            Ok(()) => {}
            Err(Error::Client(error)) if error.status() != Some(401) => events.error = Some(error),
            Err(error) => return Err(error),
        }
        Ok(events)
    }

    async fn read_into(&self, store: &Store, events: &mut AccountEvents) -> Result<(), Error> {
        let progress = store.all_progress().await?;
        let noted = progress.iter().find(|(name, _)| name == NAME);
        let state = noted.and_then(|(_, text)| {
            let state = State::from_text(text);
            if state.is_none() {
                tracing::warn!(
                    "what is noted of the list of events cannot be understood: it is read anew"
                );
            }
            state
        });
        let mut state = state.unwrap_or_default();
        // Of changes before this one of the lists does not tell; of those after it, events have to.
        let synced = backfill::whole_since(&progress);
        events.gap = state.open_gap(synced);
        loop {
            let (mut pass, is_resumed) = state.next_pass(self.since, synced);
            loop {
                let page = match self.page(store, &pass).await {
                    Err(error) if pass.after.is_some() && is_lost_cursor(&error) => {
                        // The event that the next page comes after is no longer kept.
                        pass.after = None;
                        continue;
                    }
                    page => page?,
                };
                let next = page.next()?.map(ToString::to_string);
                if pass.begun.is_none() {
                    let begun = page.meta().interval().map(|it| it.start().as_millis());
                    let begun = begun.unwrap_or_else(|| store.now().as_millis());
                    pass.begun = Some(begun);
                    state.note_gap(&pass, begun, synced);
                    events.gap = state.open_gap(synced);
                }
                pass.after.clone_from(&next);
                state.pass = Some(pass.clone());
                if next.is_none() {
                    state.finish();
                }
                self.take_in(store, &page, &state, events).await?;
                if next.is_none() {
                    break;
                }
            }
            // What was left in the middle ends where it began; from there on is new.
            if !is_resumed {
                return Ok(());
            }
        }
    }

    async fn page(
        &self,
        store: &Store,
        pass: &Pass,
    ) -> Result<Page<resources::Event>, ClientError> {
        let mut call = of_scope(&self.client, store.scope())
            .list::<resources::Event>()
            .with_most();
        if let Some(from) = pass.from {
            call = call.param("created", json!({ "gte": from }));
        }
        if let Some(cursor) = &pass.after {
            // What is no cursor begins anew, which loses nothing.
            if let Ok(cursor) = cursor.parse::<PageCursor>() {
                call = call.at(cursor);
            }
        }
        call.page().await
    }

    /// Puts a page into the inbox, and notes that it is read.
    async fn take_in(
        &self,
        store: &Store,
        page: &Page<resources::Event>,
        state: &State,
        counted: &mut AccountEvents,
    ) -> Result<(), Error> {
        let mut events = Vec::with_capacity(page.items().len());
        for item in page.items() {
            match Event::read(item.text()) {
                Ok(event) if event.is_keepable() => events.push(Prepared::new(event, false)),
                Ok(event) => counted.add_odd(OddEvent {
                    id: Some(event.id().to_owned()),
                    error: IngestError::Event {
                        line: 1,
                        id: event.id().escape_debug().to_string(),
                        field: "id",
                    },
                }),
                Err(error) => counted.add_odd(OddEvent {
                    id: item.id(),
                    error,
                }),
            }
        }
        let new: Vec<_> = events.iter().map(Prepared::pending).collect();
        let note = Note {
            name: NAME.to_owned(),
            state: Some(state.to_text()),
        };
        let new = store.take_in(&new, &note).await?;
        let read = page.items().len();
        counted.read += count(read);
        counted.new += count(new);
        self.tell(&CatchUpEvent::Page {
            account: counted.account(),
            events: read,
            new,
        });
        Ok(())
    }

    /// Applies what is in the inbox, of every account.
    async fn apply(&self, report: &mut CatchUpReport) -> Result<(), Error> {
        if self.is_left {
            return Ok(());
        }
        loop {
            let applied = self.processor.apply_pending(AT_ONCE).await?;
            if applied.taken == 0 {
                return Ok(());
            }
            self.tell(&CatchUpEvent::Applied {
                events: applied.taken,
            });
            report.add(applied);
        }
    }
}
