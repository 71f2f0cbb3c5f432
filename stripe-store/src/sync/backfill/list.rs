//! One list, page by page into the table.

mod below;

use serde_json::json;

use super::Run;
use super::report::{BackfillEvent, ListEnd, ListName, ListReport, OddItem, SkipReason};
use super::state::{Abilities, Pass, Place, State, Wanted};
use crate::client::{Call, Client, ErrorKind, Many, Page, PageCursor};
use crate::store::{Note, Snapshot, Store};
use crate::sync::pages::{Stopped, call_of, is_lost_cursor};
use crate::sync::{SyncError, count, of_scope, snapshot_of};
use crate::view::{AnyObject, Listing};

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
            Ok(()) if report.refused_count > 0 => ListEnd::ReadInPart,
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

    /// How far the list is read, as it is noted.
    fn note_of(&self, state: &State) -> Note {
        Note {
            name: self.key.clone(),
            state: Some(state.to_text()),
        }
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
            self.write(&page, &[self.note_of(&state)], report).await?;
            if next.is_none() {
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
        notes: &[Note],
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
        let outcomes = self.store.write_with_notes(&snapshots, notes).await?;
        self.count(page, report);
        report.changed += count(
            outcomes
                .iter()
                .filter(|outcome| outcome.is_change())
                .count(),
        );
        Ok(())
    }

    /// Counts a page that is noted, and tells of it.
    fn count(&self, page: &Page<AnyObject>, report: &mut ListReport) {
        report.pages += 1;
        report.objects += count(page.items().len());
        self.run.tell(&BackfillEvent::Page {
            list: &self.name,
            objects: page.items().len(),
        });
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
