//! The lists of the types, page by page against the rows.

use std::collections::{BTreeSet, HashMap};

use futures_util::stream::{self, StreamExt as _};
use serde_json::value::RawValue;

use super::Run;
use super::report::{ReconcileEvent, ReconcileReport, UnreadList};
use crate::client::{Meta, Page};
use crate::error::Error;
use crate::resources::LISTINGS;
use crate::sync::backfill::comes_inside;
use crate::sync::pages::{Stopped, call_of, is_gone, is_lost_cursor};
use crate::sync::{ListEnd, ListName, SyncError, retrievable};
use crate::view::{AnyObject, Listing};

/// How many ids of parents are read from the table at a time.
const PARENTS: usize = 500;

/// The lists that objects of these types are on, themselves or inside others; or all lists.
pub(super) fn lists(types: Option<&BTreeSet<String>>) -> Result<Vec<&'static Listing>, SyncError> {
    let own = LISTINGS.iter().filter(|listing| !comes_inside(listing));
    let Some(types) = types else {
        return Ok(own.collect());
    };
    for object in types {
        let is_listed = LISTINGS
            .iter()
            .any(|it| it.objects.contains(&object.as_str()));
        if !is_listed && retrievable(object).is_none() {
            return Err(SyncError::NoPath {
                object: object.clone(),
            });
        }
    }
    let has = |object: &&str| types.contains(*object);
    Ok(own
        .filter(|listing| carried(listing).any(|it| has(&it)))
        .collect())
}

/// The lists inside the objects of a list.
fn inside(
    listing: &Listing,
) -> impl Iterator<Item = (&'static Listing, &'static str, &'static str)> {
    let objects = listing.objects;
    LISTINGS.iter().filter_map(move |inner| {
        let parent = inner.parent.as_ref()?;
        let field = parent.field?;
        objects
            .contains(&parent.object)
            .then_some((inner, parent.object, field))
    })
}

/// The types of the objects of a list, and of those inside them.
fn carried(listing: &Listing) -> impl Iterator<Item = &'static str> {
    let own = listing.objects.iter().copied();
    own.chain(inside(listing).flat_map(|(inner, ..)| inner.objects.iter().copied()))
}

impl Run {
    /// Reads lists: those that stand alone at the same time, then those below others.
    pub(super) async fn lists(
        &self,
        lists: &[&'static Listing],
        report: &mut ReconcileReport,
    ) -> Result<(), Error> {
        self.tell(&ReconcileEvent::Planned { lists: lists.len() });
        let (below, alone): (Vec<&'static Listing>, Vec<&'static Listing>) = lists
            .iter()
            .copied()
            .partition(|listing| listing.parent.is_some());
        let reading: Vec<_> = alone
            .into_iter()
            .map(|listing| self.alone(listing))
            .collect();
        let mut running = stream::iter(reading).buffer_unordered(self.parallel.get());
        while let Some((listing, end)) = running.next().await {
            self.end(listing, end, report)?;
        }
        drop(running);
        for listing in below {
            let end = self.below(listing).await;
            self.end(listing, end, report)?;
        }
        Ok(())
    }

    async fn alone(&self, listing: &'static Listing) -> (&'static Listing, Result<(), Stopped>) {
        (listing, self.list(listing, None).await)
    }

    fn end(
        &self,
        listing: &'static Listing,
        end: Result<(), Stopped>,
        report: &mut ReconcileReport,
    ) -> Result<(), Error> {
        let end = match end {
            Ok(()) => ListEnd::Read,
            Err(Stopped::List(end)) => end,
            Err(Stopped::All(error)) => return Err(error),
        };
        let list = ListName::new(listing, self.scope());
        self.tell(&ReconcileEvent::Listed {
            list: &list,
            end: &end,
        });
        if !end.is_read() {
            let carried = carried(listing).map(str::to_owned);
            self.tally().unread.extend(carried);
            report.unread.push(UnreadList { list, end });
        }
        Ok(())
    }

    /// Reads the list below each object that there is a row of.
    async fn below(&self, listing: &'static Listing) -> Result<(), Stopped> {
        let Some(parent) = &listing.parent else {
            return Ok(());
        };
        let mut after = String::new();
        loop {
            let ids = self
                .store
                .ids_of(parent.object, &after, None, PARENTS)
                .await?;
            let Some(last) = ids.last() else {
                return Ok(());
            };
            after.clone_from(last);
            let reading: Vec<_> = ids
                .into_iter()
                .map(|id| self.below_one(listing, id))
                .collect();
            let mut running = stream::iter(reading).buffer_unordered(self.parallel.get());
            while let Some(read) = running.next().await {
                read?;
            }
        }
    }

    async fn below_one(&self, listing: &'static Listing, id: String) -> Result<(), Stopped> {
        match self.list(listing, Some(&id)).await {
            // The parent is gone at Stripe, and what was below it, too.
            Err(Stopped::List(ListEnd::Failed(error))) if is_gone(&error) => Ok(()),
            read => read,
        }
    }

    /// Reads a list, or that below the parent of this id.
    async fn list(&self, listing: &'static Listing, parent: Option<&str>) -> Result<(), Stopped> {
        let name = ListName::new(listing, self.scope());
        let call = call_of(&self.client, listing, parent);
        let mut cursor = None;
        loop {
            let is_first = cursor.is_none();
            let page = match cursor.take() {
                None => call.page().await,
                Some(cursor) => call.clone().at(cursor).page().await,
            };
            let page = match page {
                // The object that the page comes after is gone: what was seen before is passed over.
                Err(error) if !is_first && is_lost_cursor(&error) => continue,
                page => page
                    .map_err(|error| Stopped::of(error, listing, is_first, self.types.is_some()))?,
            };
            self.begun(listing, &page);
            self.page(listing, &page).await?;
            self.tell(&ReconcileEvent::Page {
                list: &name,
                objects: page.items().len(),
            });
            match page.next() {
                Ok(Some(next)) => cursor = Some(next.clone()),
                Ok(None) => return Ok(()),
                Err(error) => return Err(Stopped::List(ListEnd::Failed(error))),
            }
        }
    }

    /// Notes when the lists of the types were begun.
    fn begun(&self, listing: &'static Listing, page: &Page<AnyObject>) {
        let mut tally = self.tally();
        for object in carried(listing) {
            if let Some(interval) = page.meta().interval() {
                let begun = tally.begun.entry(object.to_owned());
                let begun = begun.or_insert(interval.start());
                *begun = (*begun).min(interval.start());
            }
            if !listing.has_pages {
                tally.cut_short.insert(object.to_owned());
            }
        }
    }

    /// Compares the objects of a page, and those on the lists inside them.
    async fn page(&self, listing: &'static Listing, page: &Page<AnyObject>) -> Result<(), Stopped> {
        let mut answers: Vec<(&str, &Meta)> = Vec::with_capacity(page.items().len());
        for item in page.items() {
            answers.push((item.text(), item.meta()));
            for (inner, parent, field) in inside(listing) {
                let is_wanted = inner.objects.iter().any(|object| self.is_wanted(object));
                if !is_wanted || item.object().as_deref() != Some(parent) {
                    continue;
                }
                let list = list_in(item.text(), field);
                if list.as_ref().is_none_or(|list| list.is_cut) {
                    let objects = inner.objects.iter().map(|object| (*object).to_owned());
                    self.tally().cut_short.extend(objects);
                }
                let data = list.map(|list| list.data).unwrap_or_default();
                answers.extend(data.into_iter().map(|entry| (entry.get(), item.meta())));
            }
        }
        let object = listing.objects.first().copied().unwrap_or_default();
        self.judge(object, &answers).await
    }
}

/// A list inside an object.
struct Inner<'a> {
    data: Vec<&'a RawValue>,
    /// Whether there is more of it.
    is_cut: bool,
}

/// The list at a dotted path of an object, without reading numbers.
fn list_in<'a>(text: &'a str, path: &str) -> Option<Inner<'a>> {
    let fields = |text: &'a str| serde_json::from_str::<HashMap<String, &'a RawValue>>(text).ok();
    let mut text = text;
    for key in path.split('.') {
        text = fields(text)?.get(key)?.get();
    }
    let list = fields(text)?;
    Some(Inner {
        data: serde_json::from_str(list.get("data")?.get()).ok()?,
        is_cut: list
            .get("has_more")
            .is_none_or(|has_more| has_more.get() != "false"),
    })
}
