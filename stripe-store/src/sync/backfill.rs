//! Everything that Stripe lists, into the store.
//!
//! Each list is read page by page, many at a time. A page and how far the list is read are written in one transaction, so
//! that a run that was ended in any way goes on where it was.

mod list;
mod plan;
mod report;
mod state;

use std::collections::BTreeSet;
use std::fmt;
use std::num::NonZeroUsize;
use std::sync::Arc;

use futures_util::stream::{FuturesUnordered, StreamExt as _};
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use self::list::Reading;
pub(super) use self::plan::comes_inside;
pub use self::report::{
    BackfillEvent, BackfillReport, ListEnd, ListName, ListReport, OddItem, RefusedParent,
    SkipReason,
};
use self::state::State;
use super::connected_after;
use super::settle::settle;
use crate::client::Client;
use crate::error::Error;
use crate::store::{Note, ObjectRef, Store};
use crate::view::{Listing, Timestamp};

/// How many calls are under way at a time, unless the caller says.
const PARALLEL: NonZeroUsize = NonZeroUsize::MIN.saturating_add(7);

/// When every list that was ever read was last read whole, by what is noted of them: the earliest time that a change can
/// have been missed at, by Stripe's clock, in milliseconds.
pub(super) fn whole_since(noted: &[(String, String)]) -> Option<i64> {
    let lists = noted.iter().filter(|(name, _)| name.starts_with('/'));
    let done = lists.filter_map(|(_, text)| State::from_text(text)?.done);
    done.map(|done| done.all_begun).min()
}

/// What is noted of a run, until it has come to its end.
const RUN: &str = "backfill";

/// How old a run may be that another goes on with, in milliseconds: six hours. A list that was left in the middle goes on
/// there whatever its age.
const STALE_MS: i64 = 6 * 3600 * 1000;

/// How many connected accounts are read at a time.
const ACCOUNTS: usize = 4;

impl Store {
    /// Reads what Stripe lists into the store: every type, or those that are named.
    ///
    /// The first run reads everything, newest first. Later ones read what was created since, and of lists below others
    /// (the payment methods of a customer) those whose object here changed since; a list that refuses to be asked so is
    /// read whole. [`full`](Backfill::full) reads everything again. Stripe has no way to ask for what *changed*: events tell
    /// that, and a run that comes after events were missed for longer than Stripe keeps them has to be full.
    ///
    /// * Each page is written in one transaction with how far the list is read. A run that was killed, at any point,
    ///   leaves nothing half written, and the next one goes on behind the last page, without lists that were done.
    /// * Everything is asked for that a list leaves out by default: canceled subscriptions, too. Lists inside objects that
    ///   Stripe cuts short are read to their ends, and the objects on them become rows, as with
    ///   [`extract_expanded`](Store::extract_expanded).
    /// * A list that the key may not read, or that the account does not have, is skipped; one that fails does not stop the
    ///   others. The [report](BackfillReport) has each. Events are not among the lists.
    /// * Of lists below others, an object can refuse its own, as some connected accounts refuse their persons: it is
    ///   [named](ListReport::refused), and asked again by each later run. Only when ten have refused in the same way, and
    ///   none has not, or all that there are on a first run, is the whole list skipped.
    /// * Models that are [registered](Self::register) are filled in the same transactions.
    /// * In memory are as many pages as calls may be under way.
    ///
    /// ```no_run
    /// # async fn example() -> Result<(), stripe_store::Error> {
    /// use stripe_store::Store;
    /// use stripe_store::client::Client;
    ///
    /// let store = Store::connect("sqlite://stripe.db").await?;
    /// # let client: Client = unimplemented!();
    /// let report = store.backfill(&client).types(["customer", "subscription"]).run().await?;
    /// for list in &report.lists {
    ///     println!("{}: {} objects, {:?}", list.list, list.objects, list.end);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn backfill(&self, client: &Client) -> Backfill {
        Backfill {
            store: self.clone(),
            types: None,
            accounts: false,
            run: Run {
                client: client.clone(),
                since: None,
                is_full: false,
                is_named: false,
                parallel: PARALLEL,
                turns: Semaphore::new(PARALLEL.get()),
                observer: None,
            },
        }
    }
}

/// A backfill to be made: [`Store::backfill`].
#[must_use = "nothing is read before `run`"]
pub struct Backfill {
    store: Store,
    types: Option<Vec<String>>,
    accounts: bool,
    run: Run,
}

/// What all lists of a run share.
struct Run {
    client: Client,
    /// In unix seconds.
    since: Option<i64>,
    is_full: bool,
    /// Whether the caller named the types.
    is_named: bool,
    parallel: NonZeroUsize,
    /// One for each page that may be on its way from the call into the table.
    turns: Semaphore,
    observer: Option<Observer>,
}

type Observer = Arc<dyn Fn(&BackfillEvent<'_>) + Send + Sync>;

impl Run {
    fn tell(&self, event: &BackfillEvent<'_>) {
        if let Some(observer) = &self.observer {
            observer(event);
        }
    }
}

impl fmt::Debug for Backfill {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Backfill")
            .field("store", &self.store)
            .field("types", &self.types)
            .field("since", &self.run.since)
            .field("is_full", &self.run.is_full)
            .field("connected_accounts", &self.accounts)
            .field("parallel", &self.run.parallel)
            .finish_non_exhaustive()
    }
}

impl Backfill {
    /// Only lists of these types, by Stripe's names: `"customer"`. Lists that these are below are read, too, if they never
    /// were.
    pub fn types<T: Into<String>>(mut self, types: impl IntoIterator<Item = T>) -> Self {
        let types = types.into_iter().map(Into::into);
        self.types.get_or_insert_default().extend(types);
        self.run.is_named = true;
        self
    }

    /// Only objects that were created at this moment or later, of the lists that can be asked so; others are read whole.
    pub fn since(mut self, moment: impl Into<Timestamp>) -> Self {
        self.run.since = Some(moment.into().unix_seconds());
        self
    }

    /// Everything again, also what is here. Brings changes that no event told.
    pub fn full(mut self) -> Self {
        self.run.is_full = true;
        self
    }

    /// Also the lists of every connected account that is in the table, once the accounts are read.
    pub fn connected_accounts(mut self) -> Self {
        self.accounts = true;
        self
    }

    /// How many pages may be on their way into the table at a time; 8 unless said. The client's rate limit holds beside it.
    pub fn parallel(mut self, calls: NonZeroUsize) -> Self {
        self.run.parallel = calls;
        self.run.turns = Semaphore::new(calls.get().min(Semaphore::MAX_PERMITS));
        self
    }

    /// Is called when something happens; what takes long here holds everything up.
    pub fn on_event(
        mut self,
        observer: impl Fn(&BackfillEvent<'_>) + Send + Sync + 'static,
    ) -> Self {
        self.run.observer = Some(Arc::new(observer));
        self
    }

    /// Reads the lists, to their ends or to where they fail.
    ///
    /// # Errors
    ///
    /// [`Sync`](Error::Sync) for a type without a list, before anything is sent. [`Client`](Error::Client) when Stripe does
    /// not know the key, and [`Store`](Error::Store) when the database refuses: what was read before is there. What goes
    /// wrong with one list is in the report.
    ///
    /// # Cancellation
    ///
    /// Dropping the future leaves the store with all pages that were written; the next run goes on there.
    pub async fn run(self) -> Result<BackfillReport, Error> {
        let mut report = BackfillReport::default();
        let lists = plan::lists(self.types.as_deref())?;
        let begun = self.begin().await?;
        self.scope(&self.store, &lists, begun, &mut report).await?;
        if self.accounts {
            self.connected(&lists, begun, &mut report).await?;
        }
        self.note(&json!({})).await?;
        Ok(report)
    }

    /// When the run began, by the store's clock, in milliseconds: now, or, if an earlier one like it did not come to its
    /// end, when that did.
    async fn begin(&self) -> Result<i64, Error> {
        let wanted = json!({
            "types": self.types,
            "since": self.run.since,
            "is_full": self.run.is_full,
            "accounts": self.accounts,
        });
        let now = self.store.now().as_millis();
        let noted = self.store.progress(RUN).await?;
        let noted: Option<Value> = noted.and_then(|text| serde_json::from_str(&text).ok());
        let begun = noted
            .filter(|noted| noted.get("wanted") == Some(&wanted))
            .and_then(|noted| noted.get("begun_here")?.as_i64())
            .filter(|begun| (0..STALE_MS).contains(&now.saturating_sub(*begun)));
        if let Some(begun) = begun {
            return Ok(begun);
        }
        self.note(&json!({ "wanted": wanted, "begun_here": now }))
            .await?;
        Ok(now)
    }

    async fn note(&self, run: &Value) -> Result<(), Error> {
        let note = Note {
            name: RUN.to_owned(),
            state: Some(run.to_string()),
        };
        self.store.write_with_notes(&[], &[note]).await?;
        Ok(())
    }

    /// Reads the lists of one account, parents before what is below them.
    async fn scope(
        &self,
        store: &Store,
        lists: &[&'static Listing],
        begun: i64,
        report: &mut BackfillReport,
    ) -> Result<(), Error> {
        let mut waiting: Vec<&'static Listing> = Vec::with_capacity(lists.len());
        for listing in lists {
            let ended = Reading::new(&self.run, store, listing).ended().await?;
            let is_due = match ended {
                // What an earlier part of this run has read is read.
                Some(ended) => self.is_wanted(listing) && ended < begun,
                None => true,
            };
            if is_due {
                waiting.push(listing);
            }
        }
        self.run.tell(&BackfillEvent::Planned {
            lists: waiting.len(),
        });
        // Types of which a list was not read to its end, and those of which one was that is below no others.
        let mut missing: BTreeSet<&str> = BTreeSet::new();
        let mut here: BTreeSet<&str> = BTreeSet::new();
        let mut under_way: Vec<&'static Listing> = Vec::new();
        let mut running = FuturesUnordered::new();
        loop {
            let held_up = |listing: &Listing, others: &[&'static Listing]| {
                let parent = listing.parent.as_ref().map(|parent| parent.object);
                parent.is_some_and(|parent| {
                    let mut before = others.iter().filter(|other| other.path != listing.path);
                    before.any(|other| other.objects.contains(&parent))
                })
            };
            let unread: Vec<&'static Listing> = waiting.iter().chain(&under_way).copied().collect();
            let (ready, rest): (Vec<_>, Vec<_>) = waiting
                .iter()
                .copied()
                .partition(|listing| !held_up(listing, &unread));
            // Lists that wait for each other do not wait for ever.
            let (ready, rest) = match (ready.is_empty(), under_way.is_empty()) {
                (true, true) => (rest, Vec::new()),
                _ => (ready, rest),
            };
            waiting = rest;
            for listing in ready {
                let parent = listing.parent.as_ref().map(|parent| parent.object);
                let reading = Reading::new(&self.run, store, listing);
                // What is below those that are here can be read. Those that come later are read as ones that changed.
                let is_missing = |parent: &str| missing.contains(parent) && !here.contains(parent);
                if parent.is_some_and(is_missing) {
                    missing.extend(listing.objects);
                    let skipped = reading.skipped(SkipReason::ParentNotRead);
                    self.end(skipped, report);
                    continue;
                }
                under_way.push(listing);
                running.push(async move { (listing, reading.read().await) });
            }
            let Some((listing, read)) = running.next().await else {
                if waiting.is_empty() {
                    break;
                }
                continue;
            };
            let read = read?;
            under_way.retain(|other| *other != listing);
            match read.end {
                ListEnd::Read if listing.parent.is_none() => here.extend(listing.objects),
                ListEnd::Failed(_) | ListEnd::Unusable(_) => missing.extend(listing.objects),
                ListEnd::Read | ListEnd::ReadInPart | ListEnd::Skipped(_) => {}
            }
            self.end(read, report);
        }
        let told = |object: &ObjectRef| self.run.tell(&BackfillEvent::Settled { object });
        settle(store, &self.run.client, &mut report.settled, told).await
    }

    /// Whether the caller asked for the list, and not for one below it.
    fn is_wanted(&self, listing: &Listing) -> bool {
        let is_named = |types: &Vec<String>| plan::is_of(listing, types);
        self.types.as_ref().is_none_or(is_named)
    }

    fn end(&self, list: ListReport, report: &mut BackfillReport) {
        self.run.tell(&BackfillEvent::Ended { report: &list });
        report.lists.push(list);
    }

    /// Reads the lists of the connected accounts.
    async fn connected(
        &self,
        lists: &[&'static Listing],
        begun: i64,
        report: &mut BackfillReport,
    ) -> Result<(), Error> {
        let lists: Vec<&'static Listing> = lists
            .iter()
            .copied()
            .filter(|listing| !plan::is_of_platform(listing))
            .collect();
        let mut after = String::new();
        loop {
            let ids = connected_after(&self.store, &after).await?;
            let Some(last) = ids.last() else {
                return Ok(());
            };
            after.clone_from(last);
            let mut accounts = futures_util::stream::iter(ids)
                .map(|id| {
                    let store = self.store.account(id);
                    let lists = &lists;
                    async move {
                        let mut report = BackfillReport::default();
                        self.scope(&store, lists, begun, &mut report).await?;
                        Ok::<_, Error>(report)
                    }
                })
                .buffer_unordered(ACCOUNTS);
            while let Some(read) = accounts.next().await {
                let read = read?;
                report.lists.extend(read.lists);
                report.settled.absorb(read.settled);
            }
        }
    }
}
