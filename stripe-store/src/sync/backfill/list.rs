//! One list, page by page into the table.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use futures_util::stream::{FuturesUnordered, StreamExt as _};
use serde_json::json;
use tokio::sync::Mutex as AsyncMutex;

use super::Run;
use super::report::{BackfillEvent, ListEnd, ListName, ListReport, OddItem, SkipReason};
use super::state::{Abilities, Pass, Place, State, Step, Wanted};
use crate::client::{Call, Client, ErrorKind, Many, Page, PageCursor};
use crate::clock::UnixMillis;
use crate::store::{Snapshot, Store};
use crate::sync::pages::{Stopped, call_of, is_gone, is_lost_cursor};
use crate::sync::{SyncError, of_scope, snapshot_of};
use crate::view::{AnyObject, Listing, ListingParent};

/// How many ids of parents are read from the table at a time.
const PARENTS: usize = 500;

/// A list on its way into the table of one account and mode.
pub(super) struct Reading<'r> {
    run: &'r Run,
    listing: &'r Listing,
    name: ListName,
    store: Store,
    client: Client,
    /// What the state is noted under.
    key: String,
}

impl<'r> Reading<'r> {
    pub(super) fn new(run: &'r Run, store: &Store, listing: &'r Listing) -> Self {
        let scope = store.scope();
        let parent = listing.parent.and_then(|parent| parent.param);
        let mut key = listing.path.to_owned();
        let params = listing
            .params
            .iter()
            .map(|(name, value)| format!("?{name}={value}"));
        key.extend(params.chain(parent.map(|name| format!("?{name}"))));
        Self {
            run,
            listing,
            name: ListName::new(listing, scope),
            store: store.extract_expanded(),
            client: of_scope(&run.client, scope),
            key,
        }
    }

    /// When the list was last read to its end, by the store's clock, in milliseconds.
    pub(super) async fn ended(&self) -> Result<Option<i64>, crate::Error> {
        let done = self.state().await?.and_then(|state| state.done);
        Ok(done.map(|done| done.ended_here))
    }

    /// Reads the list. An error is one that stops everything.
    pub(super) async fn read(self) -> Result<ListReport, crate::Error> {
        let mut report = ListReport::new(self.name.clone());
        let stopped = match &self.listing.parent {
            None => self.read_top(&mut report).await,
            Some(parent) => self.read_below(parent, &mut report).await,
        };
        let end = match stopped {
            Ok(()) => ListEnd::Read,
            Err(Stopped::List(end)) => end,
            Err(Stopped::All(error)) => return Err(error),
        };
        Ok(report.ended(end))
    }

    /// The report of a list that is not read.
    pub(super) fn skipped(self, reason: SkipReason) -> ListReport {
        ListReport::new(self.name).ended(ListEnd::Skipped(reason))
    }

    async fn state(&self) -> Result<Option<State>, crate::Error> {
        let Some(text) = self.store.progress(&self.key).await? else {
            return Ok(None);
        };
        match State::from_text(&text) {
            Some(state) => Ok(Some(state)),
            None if self.run.is_full => Ok(None),
            None => Err(SyncError::State {
                list: self.name.to_string(),
            }
            .into()),
        }
    }

    /// The state, and the pass to make.
    async fn begin(&self) -> Result<(State, Pass), Stopped> {
        let state = self.state().await.map_err(Stopped::All)?;
        let state = state.unwrap_or_default();
        let wanted = Wanted {
            since: self.run.since,
            is_full: self.run.is_full,
        };
        let list = Abilities {
            has_created: self.listing.has_created,
            is_below: self.listing.parent.is_some(),
        };
        let now = self.store.now().as_millis();
        let pass = state.next_pass(wanted, list, now);
        self.run.tell(&BackfillEvent::Begun {
            list: &self.name,
            is_resumed: pass.place != Place::default(),
        });
        Ok((state, pass))
    }

    async fn read_top(&self, report: &mut ListReport) -> Result<(), Stopped> {
        let (mut state, mut pass) = self.begin().await?;
        loop {
            let _turn = self.run.turns.acquire().await;
            let call = self.call(&pass, None);
            let page = match self.page(&call, pass.place.after.as_deref()).await {
                Err(Stopped::List(ListEnd::Failed(error)))
                    if pass.place.after.is_some() && is_lost_cursor(&error) =>
                {
                    // The object that the next page comes after is gone.
                    pass.place.after = None;
                    continue;
                }
                Err(Stopped::List(end))
                    if pass.created_from.is_some()
                        && pass.place.after.is_none()
                        && is_range_refused(&end) =>
                {
                    // It may be the range that is refused: whether the list is, tells the call without it.
                    pass = Pass {
                        since: None,
                        created_from: None,
                        ..pass
                    };
                    continue;
                }
                page => page?,
            };
            let next = next_of(&page)?;
            pass.begun = pass.begun.or_else(|| begun(&page));
            pass.place.after.clone_from(&next);
            state = match next {
                Some(_) => State {
                    pass: Some(pass.clone()),
                    ..state
                },
                None => state.finished(&pass, self.store.now().as_millis()),
            };
            self.write(&page, &state, report).await?;
            if next.is_none() {
                return Ok(());
            }
        }
    }

    async fn read_below(
        &self,
        parent: &ListingParent,
        report: &mut ListReport,
    ) -> Result<(), Stopped> {
        let (state, pass) = self.begin().await?;
        let changed = pass.changed_from.map(UnixMillis::new);
        let before = pass.place.clone();
        let mut after = before.after.clone().unwrap_or_default();
        let shared = Shared {
            known: AsyncMutex::new((state, pass)),
            begun: Mutex::default(),
        };
        let mut running = FuturesUnordered::new();
        let mut parents = Vec::new().into_iter();
        let mut is_more = true;
        let mut result = Ok(());
        loop {
            while result.is_ok() && running.len() < self.run.parallel.get() {
                if parents.len() == 0 && is_more {
                    let ids = self.store.ids_of(parent.object, &after, changed, PARENTS);
                    let ids = ids.await?;
                    is_more = ids.len() == PARENTS;
                    after = ids.last().cloned().unwrap_or(after);
                    parents = ids.into_iter();
                }
                let Some(id) = parents.next() else { break };
                if !before.is_read(&id) {
                    shared.begun().insert(id.clone());
                    running.push(self.read_one(&shared, id));
                }
            }
            let Some((counted, read)) = running.next().await else {
                break;
            };
            report.absorb(counted);
            // What is under way comes to its end before the list is given up.
            result = result.and(read);
        }
        drop(running);
        result?;
        let (state, mut pass) = shared.known.into_inner();
        // Where there was nobody to ask for, nothing was answered either.
        pass.begun = pass.begun.or(Some(pass.begun_here));
        let state = state.finished(&pass, self.store.now().as_millis());
        self.note(&state).await
    }

    /// Notes how far the list is read, where nothing was on a page.
    async fn note(&self, state: &State) -> Result<(), Stopped> {
        let text = state.to_text();
        self.store
            .write_with_progress(&[], &self.key, &text)
            .await?;
        Ok(())
    }

    /// Reads what is below one object.
    async fn read_one(&self, shared: &Shared, id: String) -> (ListReport, Result<(), Stopped>) {
        let mut report = ListReport::new(self.name.clone());
        let read = self.pages_of(shared, &id, &mut report).await;
        (report, read)
    }

    async fn pages_of(
        &self,
        shared: &Shared,
        id: &str,
        report: &mut ListReport,
    ) -> Result<(), Stopped> {
        let (call, mut cursor) = {
            let (_, pass) = &*shared.known.lock().await;
            let cursor = pass.place.cursor(id).map(str::to_owned);
            (self.call(pass, Some(id)), cursor)
        };
        loop {
            let _turn = self.run.turns.acquire().await;
            let page = match self.page(&call, cursor.as_deref()).await {
                Err(Stopped::List(ListEnd::Failed(error)))
                    if cursor.is_some() && is_lost_cursor(&error) =>
                {
                    cursor = None;
                    continue;
                }
                // The parent is gone at Stripe, and what was below it, too.
                Err(Stopped::List(ListEnd::Failed(error))) if is_gone(&error) => None,
                page => Some(page?),
            };
            cursor = match &page {
                Some(page) => next_of(page)?,
                None => None,
            };
            // One after the other, so that what is noted last is what is known last.
            let (state, pass) = &mut *shared.known.lock().await;
            let mut next = pass.clone();
            next.begun = next.begun.or_else(|| page.as_ref().and_then(begun));
            match &cursor {
                Some(cursor) => {
                    let step = Step::At(cursor.clone());
                    next.place.open.insert(id.to_owned(), step);
                }
                None => next.place.read(id, shared.begun().iter().cloned()),
            }
            let state = State {
                pass: Some(next.clone()),
                ..state.clone()
            };
            match &page {
                Some(page) => self.write(page, &state, report).await?,
                None => self.note(&state).await?,
            }
            *pass = next;
            if cursor.is_none() {
                shared.begun().remove(id);
                return Ok(());
            }
        }
    }

    /// The call for a page of the list, or of what is below the parent of this id.
    fn call(&self, pass: &Pass, parent: Option<&str>) -> Call<Many<AnyObject>> {
        let mut call = call_of(&self.client, self.listing, parent);
        if let Some(from) = pass.created_from {
            call = call.param("created", json!({ "gte": from }));
        }
        call
    }

    /// Asks for a page.
    async fn page(
        &self,
        call: &Call<Many<AnyObject>>,
        cursor: Option<&str>,
    ) -> Result<Page<AnyObject>, Stopped> {
        let call = match cursor.map(str::parse::<PageCursor>) {
            None => call.clone(),
            Some(Ok(cursor)) => call.clone().at(cursor),
            Some(Err(_)) => {
                let list = self.name.to_string();
                return Err(SyncError::State { list }.into());
            }
        };
        let page = call.page().await;
        page.map_err(|error| Stopped::of(error, self.listing, cursor.is_none(), self.run.is_named))
    }

    /// Writes a page, and notes that it is read.
    async fn write(
        &self,
        page: &Page<AnyObject>,
        state: &State,
        report: &mut ListReport,
    ) -> Result<(), Stopped> {
        let mut snapshots = Vec::with_capacity(page.items().len());
        for item in page.items() {
            match Snapshot::read(item.text()) {
                Ok(read) => snapshots.push(snapshot_of(read, item.meta())?),
                Err(error) => report.add_odd(OddItem {
                    id: item.id(),
                    error,
                }),
            }
        }
        let outcomes = self
            .store
            .write_with_progress(&snapshots, &self.key, &state.to_text())
            .await?;
        let count = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
        report.pages += 1;
        report.objects += count(page.items().len());
        report.changed += count(
            outcomes
                .iter()
                .filter(|outcome| outcome.is_change())
                .count(),
        );
        self.run.tell(&BackfillEvent::Page {
            list: &self.name,
            objects: page.items().len(),
        });
        Ok(())
    }
}

/// What the tasks of a list below others share.
struct Shared {
    /// What is noted.
    known: AsyncMutex<(State, Pass)>,
    /// The objects whose lists are under way.
    begun: Mutex<BTreeSet<String>>,
}

impl Shared {
    fn begun(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.begun.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// When the pass began, by the first answer.
fn begun(page: &Page<AnyObject>) -> Option<i64> {
    let interval = page.meta().interval()?;
    Some(interval.start().as_millis())
}

/// The cursor of the next page, as text.
fn next_of(page: &Page<AnyObject>) -> Result<Option<String>, Stopped> {
    match page.next() {
        Ok(next) => Ok(next.map(ToString::to_string)),
        Err(error) => Err(Stopped::List(ListEnd::Failed(error))),
    }
}

/// Whether a call that asked for a range of `created` may have been refused because of that.
fn is_range_refused(end: &ListEnd) -> bool {
    let (ListEnd::Failed(error) | ListEnd::Skipped(SkipReason::NotAvailable(error))) = end else {
        return false;
    };
    error.api().is_some_and(|api| {
        let is_named = |param: &str| param.starts_with("created");
        api.status() == 400
            && matches!(api.kind(), ErrorKind::InvalidRequest)
            && api.param().is_none_or(is_named)
    })
}
