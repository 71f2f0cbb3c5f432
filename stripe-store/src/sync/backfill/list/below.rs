//! A list below others: one for each object of a type, as the payment methods of a customer.
//!
//! **Who refuses.** An object can refuse its list, as some connected accounts refuse their persons, and a key can be refused
//! all of them. An answer does not say which: both are a 400, 403 or 404. So the first refusals are held back while nobody
//! has given a list. As soon as one does, or refuses in another way, they were the objects' own: each is reported, and
//! noted under a name of its own, so that later runs ask again though the object did not change. When [`ALIKE`] are alike,
//! or all that there are and no earlier run has read the list, it is the list that is refused, and nobody else is asked.
//!
//! **What is noted when.** A page with objects is written together with how far the list is read. Most pages of such lists
//! are empty, and a transaction costs more than they do: of them, so many as calls may be under way may be noted later, with
//! the next that is.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use futures_util::stream::{FuturesUnordered, StreamExt as _};
use tokio::sync::Mutex as AsyncMutex;

use super::super::report::{ListEnd, ListReport, RefusedParent, SkipReason};
use super::super::state::{Pass, Place, State, Step};
use super::{Reading, begun, next_of};
use crate::client::{ApiError, ClientError, Page};
use crate::clock::UnixMillis;
use crate::store::Note;
use crate::sync::count;
use crate::sync::pages::{Stopped, is_gone, is_lost_cursor, is_refusal};
use crate::view::{AnyObject, ListingParent};

/// How many ids of parents are read from the table at a time.
const PARENTS: usize = 500;

/// So many refusals of the same kind, and nothing else, are the list's.
const ALIKE: usize = 10;

/// How long a page may be there and not noted, while others come, in milliseconds.
const UNNOTED_MS: i64 = 200;

/// What the tasks of a list share.
struct Shared {
    known: AsyncMutex<Known>,
    /// The objects whose lists are under way, or refused and nobody knows yet by whom.
    begun: Mutex<BTreeSet<String>>,
    /// Those that refused when they were last asked, in an earlier run.
    refused_before: BTreeSet<String>,
}

impl Shared {
    fn begun(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.begun.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How the pass stands when the list of this object is read.
    fn read(&self, pass: &mut Pass, id: &str) {
        pass.place.read(id, self.begun().iter().cloned());
    }
}

/// What is known of a list.
struct Known {
    state: State,
    pass: Pass,
    refusals: Refusals,
    /// What is to be noted besides the pass.
    notes: Vec<Note>,
    /// How many pages are in the pass and not yet noted.
    unnoted: usize,
    /// When the first of them came, by the store's clock, in milliseconds.
    unnoted_since: i64,
}

/// Who refuses.
enum Refusals {
    /// Nobody knows: these refused in the same way, and nobody has given a list.
    Alike(Vec<RefusedParent>),
    /// Each its own.
    Own,
}

impl Refusals {
    /// Takes one more; gives those of which it is known now that they refuse their own lists.
    fn add(&mut self, refused: RefusedParent) -> Vec<RefusedParent> {
        let Self::Alike(others) = self else {
            return vec![refused];
        };
        let is_alike = others.first().is_none_or(|first| is_alike(first, &refused));
        others.push(refused);
        if is_alike { Vec::new() } else { self.settle() }
    }

    /// Notes that they are the objects' own; gives those that were held back.
    fn settle(&mut self) -> Vec<RefusedParent> {
        match std::mem::replace(self, Self::Own) {
            Self::Alike(others) => others,
            Self::Own => Vec::new(),
        }
    }

    /// The refusal of the whole list, if so many are one; or, at the end, if there are any.
    fn of_list(&mut self, at_least: usize) -> Option<ClientError> {
        match self {
            Self::Alike(others) if others.len() >= at_least => others.pop().map(|it| it.error),
            _ => None,
        }
    }
}

/// Whether two refused in the same way, but for who they are.
fn is_alike(one: &RefusedParent, other: &RefusedParent) -> bool {
    let said = |refused: &RefusedParent| {
        let api = refused.error.api()?;
        let text = |text: Option<&str>| text.map(|text| text.replace(&refused.id, ""));
        Some((
            api.status(),
            text(api.type_()),
            text(api.code()),
            text(api.message()),
        ))
    };
    said(one) == said(other)
}

/// What came of asking for a page.
enum Answer {
    Page(Page<AnyObject>),
    /// The parent is gone at Stripe, and what was below it, too.
    Gone,
    Refused(ClientError),
    /// The object that the page was to come after is gone.
    LostCursor,
}

impl Reading<'_> {
    pub(super) async fn read_below(
        &self,
        parent: &ListingParent,
        report: &mut ListReport,
    ) -> Result<(), Stopped> {
        let (state, pass) = self.begin().await?;
        let is_first = state.done.is_none() && pass.place == Place::default();
        let mut parents = Parents::new(self, parent, &pass).await?;
        let before = pass.place.clone();
        // An earlier part of this pass asked these.
        let asked = parents.refused.iter().filter(|id| before.is_past(id));
        report.refused_count += count(asked.count());
        let shared = Shared {
            known: AsyncMutex::new(Known {
                state,
                pass,
                refusals: Refusals::Alike(Vec::new()),
                notes: Vec::new(),
                unnoted: 0,
                unnoted_since: 0,
            }),
            begun: Mutex::default(),
            refused_before: parents.refused.clone(),
        };
        let mut running = FuturesUnordered::new();
        let mut result = Ok(());
        loop {
            while result.is_ok() && running.len() < self.run.parallel.get() {
                let Some(id) = parents.next(self).await? else {
                    break;
                };
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
        let mut known = shared.known.lock().await;
        if result.is_ok()
            && is_first
            && let Some(error) = known.refusals.of_list(1)
        {
            result = Err(Stopped::refused(error, self.run.is_named));
        }
        match result {
            Err(stopped @ Stopped::All(_)) => Err(stopped),
            Err(stopped) => {
                self.note(&mut known).await?;
                Err(stopped)
            }
            Ok(()) => {
                let refused = known.refusals.settle();
                self.refused(&shared, &mut known, refused, report);
                // Where there was nobody to ask for, nothing was answered either.
                let pass = &mut known.pass;
                pass.begun = pass.begun.or(Some(pass.begun_here));
                let now = self.store.now().as_millis();
                let mut notes = std::mem::take(&mut known.notes);
                notes.push(self.note_of(&known.state.finished(&known.pass, now)));
                self.store.write_with_notes(&[], &notes).await?;
                Ok(())
            }
        }
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
            let known = shared.known.lock().await;
            let cursor = known.pass.place.cursor(id).map(str::to_owned);
            (self.call(&known.pass, Some(id)), cursor)
        };
        loop {
            let _turn = self.run.turns.acquire().await;
            let page = self.page(&call, cursor.as_deref()).await;
            let page = match answer(page, cursor.is_some())? {
                Answer::LostCursor => {
                    cursor = None;
                    continue;
                }
                Answer::Refused(error) => {
                    let known = &mut *shared.known.lock().await;
                    let id = id.to_owned();
                    let own = known.refusals.add(RefusedParent { id, error });
                    self.refused(shared, known, own, report);
                    if let Some(error) = known.refusals.of_list(ALIKE) {
                        return Err(Stopped::refused(error, self.run.is_named));
                    }
                    return self.note_soon(known).await;
                }
                Answer::Gone => None,
                Answer::Page(page) => Some(page),
            };
            cursor = match &page {
                Some(page) => next_of(page)?,
                None => None,
            };
            // One after the other, so that what is noted last is what is known last.
            let known = &mut *shared.known.lock().await;
            if page.is_some() {
                let own = known.refusals.settle();
                self.refused(shared, known, own, report);
            }
            let mut next = known.pass.clone();
            next.begun = next.begun.or_else(|| page.as_ref().and_then(begun));
            match &cursor {
                Some(cursor) => {
                    let step = Step::At(cursor.clone());
                    next.place.open.insert(id.to_owned(), step);
                }
                None => shared.read(&mut next, id),
            }
            if shared.refused_before.contains(id) {
                known.notes.push(self.refusal_of(id, None));
            }
            match &page {
                Some(page) if cursor.is_some() || !page.items().is_empty() => {
                    let notes = self.notes(known, &next);
                    self.write(page, &notes, report).await?;
                    known.pass = next;
                    known.is_noted();
                }
                page => {
                    known.pass = next;
                    self.leave(known);
                    self.note_soon(known).await?;
                    if let Some(page) = page {
                        self.count(page, report);
                    }
                }
            }
            if cursor.is_none() {
                shared.begun().remove(id);
                return Ok(());
            }
        }
    }

    /// Reports objects that refuse their lists, and has them noted: as done with in this pass, and to be asked again.
    fn refused(
        &self,
        shared: &Shared,
        known: &mut Known,
        refused: Vec<RefusedParent>,
        report: &mut ListReport,
    ) {
        for refused in refused {
            shared.read(&mut known.pass, &refused.id);
            shared.begun().remove(&refused.id);
            let status = refused.error.api().map(ApiError::status);
            let status = status.map_or(String::new(), |status| status.to_string());
            known.notes.push(self.refusal_of(&refused.id, Some(status)));
            self.leave(known);
            report.add_refused(refused);
        }
    }

    /// That an object refuses its list, or does no more.
    fn refusal_of(&self, id: &str, state: Option<String>) -> Note {
        Note {
            name: format!("{}#{id}", self.key),
            state,
        }
    }

    /// What is to be noted of a pass, with what is to be noted besides.
    fn notes(&self, known: &Known, pass: &Pass) -> Vec<Note> {
        let mut notes = known.notes.clone();
        notes.push(self.note_of(&State {
            pass: Some(pass.clone()),
            ..known.state.clone()
        }));
        notes
    }

    /// Counts a page that is in the pass and not yet noted.
    fn leave(&self, known: &mut Known) {
        if known.unnoted == 0 {
            known.unnoted_since = self.store.now().as_millis();
        }
        known.unnoted += 1;
    }

    /// Notes what is not, if it is enough or there for long enough.
    async fn note_soon(&self, known: &mut Known) -> Result<(), Stopped> {
        let age = self.store.now().as_millis() - known.unnoted_since;
        let is_young = (0..UNNOTED_MS).contains(&age);
        if known.unnoted < self.run.parallel.get() && is_young {
            return Ok(());
        }
        self.note(known).await
    }

    /// Notes what is not.
    async fn note(&self, known: &mut Known) -> Result<(), Stopped> {
        if known.unnoted == 0 {
            return Ok(());
        }
        let notes = self.notes(known, &known.pass);
        self.store.write_with_notes(&[], &notes).await?;
        known.is_noted();
        Ok(())
    }
}

impl Known {
    /// Takes note that everything is noted.
    fn is_noted(&mut self) {
        self.notes.clear();
        self.unnoted = 0;
    }
}

/// What came of asking for a page, the first one or a later one; an error of the whole list's stays one.
fn answer(page: Result<Page<AnyObject>, Stopped>, is_later: bool) -> Result<Answer, Stopped> {
    match page {
        Ok(page) => Ok(Answer::Page(page)),
        Err(Stopped::List(ListEnd::Failed(error))) if is_later && is_lost_cursor(&error) => {
            Ok(Answer::LostCursor)
        }
        Err(Stopped::List(ListEnd::Failed(error))) if is_gone(&error) => Ok(Answer::Gone),
        Err(Stopped::List(
            ListEnd::Failed(error) | ListEnd::Skipped(SkipReason::NotPermitted(error)),
        )) if !is_later && is_refusal(&error) => Ok(Answer::Refused(error)),
        Err(stopped) => Err(stopped),
    }
}

/// The objects that have such a list, in the order of their ids: those whose rows changed, where only these are asked, and
/// those that refused when they were asked before.
struct Parents {
    object: &'static str,
    changed: Option<UnixMillis>,
    /// Up to here ids were read from the table.
    after: String,
    is_more: bool,
    /// All that refused, by earlier runs.
    refused: BTreeSet<String>,
    ids: std::collections::btree_set::IntoIter<String>,
}

impl Parents {
    async fn new(
        reading: &Reading<'_>,
        parent: &ListingParent,
        pass: &Pass,
    ) -> Result<Self, Stopped> {
        let refused = reading.store.noted_below(&reading.key).await?;
        Ok(Self {
            object: parent.object,
            changed: pass.changed_from.map(UnixMillis::new),
            after: pass.place.after.clone().unwrap_or_default(),
            is_more: true,
            refused: refused.into_iter().collect(),
            ids: BTreeSet::new().into_iter(),
        })
    }

    async fn next(&mut self, reading: &Reading<'_>) -> Result<Option<String>, Stopped> {
        loop {
            if let Some(id) = self.ids.next() {
                return Ok(Some(id));
            }
            if !self.is_more {
                return Ok(None);
            }
            let ids = reading
                .store
                .ids_of(self.object, &self.after, self.changed, PARENTS);
            let ids = ids.await?;
            self.is_more = ids.len() == PARENTS;
            let last = ids.last().filter(|_| self.is_more).cloned();
            let mut ids: BTreeSet<String> = ids.into_iter().collect();
            let before = self
                .refused
                .iter()
                .filter(|id| **id > self.after && last.as_ref().is_none_or(|last| *id <= last));
            ids.extend(before.cloned());
            self.after = last.unwrap_or_default();
            self.ids = ids.into_iter();
        }
    }
}
