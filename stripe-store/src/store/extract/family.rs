//! What the lists of a parent say of its children: which of them are gone, and whether the lists have to be completed.
//!
//! A child is gone when it was there before a moment, and a whole list of that moment does not have it.
//!
//! **Why the order of arrival does not matter.** At Stripe a child is there from when it is made until it is deleted, and
//! never again: its id is not used twice. So that a child is gone follows from *any one* pair of a whole list without it,
//! and of something that shows it to have been there before that list began: a sighting that had ended, or its own
//! `created`. Nothing that is told later takes such a pair back, and whichever of the two comes last, both are there to be
//! looked at:
//!
//! * When the list comes last, the child has a row, with `created` and its last sighting.
//! * When the child comes last, the list is there that began last: the row of the parent has it, or one of the row's
//!   rivals. If that one lacks the child, it tells. If it has the child, the child was there when it was taken, which is
//!   before the list without it was; so the two overlap, and both are among the rivals.
//!
//! What may depend on the order is *when* the child is said to have gone: at the beginning of the earliest list without
//! it that is known where it is decided.
//!
//! Two things follow from what a row keeps. Where a type has no `created` (line items of an invoice, bank accounts and
//! cards), only its last sighting counts; if that one overlaps the list, the next list decides. And a parent whose row
//! holds a list that was cut short does not tell what is missing: then it is marked for completion, which does.
//!
//! Plain functions: knows no database.

use std::collections::BTreeMap;

use super::lists::{self, Lists, OWNED, Owned, OwnedList};
use crate::clock::UnixMillis;
use crate::store::batch::{Batch, Key, key};
use crate::store::contest::is_stub_json;
use crate::store::scope::{Mode, Scope};
use crate::store::snapshot::{Interval, Snapshot, SnapshotBuilder};
use crate::store::text::object_stub;
use crate::view::Timestamp;

/// The key of a parent. Orders as [`Key`] does.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct FamilyKey {
    pub(crate) account: String,
    pub(crate) livemode: bool,
    pub(crate) object: String,
    pub(crate) id: String,
}

impl FamilyKey {
    pub(crate) fn as_key(&self) -> Key<'_> {
        Key {
            account: &self.account,
            livemode: self.livemode,
            object: &self.object,
            id: &self.id,
        }
    }

    /// The lists of [`OWNED`] that it can have, with their places there.
    pub(crate) fn owned(&self) -> impl Iterator<Item = (usize, &'static Owned)> {
        let owned = OWNED.iter().enumerate();
        owned.filter(|(_, owned)| owned.parent == self.object)
    }
}

/// A whole snapshot of a parent.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    as_of: i64,
    /// Exclusive; an empty interval lasts as long as a moment does.
    until: i64,
    lists: Lists,
}

impl Seen {
    /// As a row holds it; `None` for what remains of a deleted object.
    pub(crate) fn of_row(object: &str, data: &str, as_of: i64, until: i64) -> Option<Self> {
        let lists = lists::lists(object, data);
        // What has a list is no such remainder.
        (lists.is_some() || !is_stub_json(data)).then(|| Self {
            as_of,
            until: last(as_of, until),
            lists: lists.unwrap_or_default(),
        })
    }
}

fn last(as_of: i64, until: i64) -> i64 {
    until.max(as_of.saturating_add(1))
}

/// What is known of a child.
#[derive(Debug, Clone)]
pub(crate) struct Child {
    pub(crate) object: String,
    pub(crate) id: String,
    /// From when on it is known to have been there: it was made, or seen, before. In unix milliseconds.
    pub(crate) since: i64,
    /// Its last sighting.
    pub(crate) last_start: i64,
    pub(crate) last_until: i64,
    pub(crate) deleted_at: Option<i64>,
    /// Whether it has a row.
    pub(crate) is_stored: bool,
}

impl Child {
    /// From the intervals of its known snapshots, first and last, and `created` in seconds, 0 if it says none.
    pub(crate) fn new(
        object: String,
        id: String,
        created: i64,
        first_until: i64,
        (last_start, last_until): (i64, i64),
    ) -> Self {
        let made = UnixMillis::from_seconds(created.saturating_add(1)).as_millis();
        Self {
            object,
            id,
            since: if created > 0 {
                first_until.min(made)
            } else {
                first_until
            },
            last_start,
            last_until,
            deleted_at: None,
            is_stored: false,
        }
    }

    /// What two know of one child.
    fn join(&mut self, other: &Self) {
        self.since = self.since.min(other.since);
        self.last_start = self.last_start.max(other.last_start);
        self.last_until = self.last_until.max(other.last_until);
        self.deleted_at = match (self.deleted_at, other.deleted_at) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
        self.is_stored |= other.is_stored;
    }

    /// Whether the list, as `seen` has it, tells that the child is gone.
    ///
    /// What was certainly seen after the list was taken is not gone, whatever the list says. Stripe tells no such story;
    /// somebody who writes by hand may.
    fn is_gone(&self, seen: &Seen, list: &OwnedList) -> bool {
        list.is_complete && self.is_missing(seen, list) && self.last_start < seen.until
    }

    /// Whether the child was there before the list, which does not have it.
    fn is_missing(&self, seen: &Seen, list: &OwnedList) -> bool {
        list.is_of(&self.object) && !list.ids.contains(&self.id) && self.since <= seen.as_of
    }
}

/// A parent, and what a batch says of it and its children.
#[derive(Debug)]
pub(crate) struct Family {
    pub(crate) key: FamilyKey,
    snapshots: Vec<Seen>,
    children: Vec<Child>,
    /// Whether the parent itself is deleted.
    is_deleted: bool,
}

/// What the database has of a parent and its children.
#[derive(Debug, Default)]
pub(crate) struct Known {
    /// The row and its rivals.
    pub(crate) snapshots: Vec<Seen>,
    pub(crate) children: Vec<Child>,
    pub(crate) is_deleted: bool,
}

/// What is to be done to the mark that a parent's lists are to be completed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MarkChange {
    Keep,
    /// Lists that are read from this moment on, in unix milliseconds, are complete.
    Set(i64),
    /// Whole lists of this moment came.
    Clear(i64),
}

impl Family {
    fn new(key: FamilyKey) -> Self {
        Self {
            key,
            snapshots: Vec::new(),
            children: Vec::new(),
            is_deleted: false,
        }
    }

    fn decide(&self, known: &Known) -> (Vec<Snapshot<'static>>, MarkChange) {
        let mut children: BTreeMap<(&str, &str), Child> = BTreeMap::new();
        for child in known.children.iter().chain(&self.children) {
            children
                .entry((&child.object, &child.id))
                .and_modify(|other| other.join(child))
                .or_insert_with(|| child.clone());
        }
        let all = || known.snapshots.iter().chain(&self.snapshots);
        let open = truncated_until(all());
        let mut mark = match (truncated_until(known.snapshots.iter()), open) {
            // What the row shows was marked when it came, and may have been completed since.
            (Some(marked), Some(until)) if until > marked => MarkChange::Set(until),
            (None, Some(until)) => MarkChange::Set(until),
            (Some(_), None) => MarkChange::Clear(latest(all())),
            _ => MarkChange::Keep,
        };
        let mut gone = Vec::new();
        for child in children.values() {
            let told = all().filter(|seen| {
                let mut lists = seen.lists.owned.iter();
                lists.any(|list| child.is_gone(seen, list))
            });
            if let Some(moment) = told.map(|seen| seen.as_of).min() {
                if child.deleted_at.is_none_or(|at| at > moment) {
                    gone.extend(tombstone(&self.key, child, moment));
                }
            } else if !child.is_stored && child.deleted_at.is_none() {
                // It comes late, to a list that goes on where only Stripe knows.
                let is_missing = all().any(|seen| {
                    let lists = seen.lists.owned.iter();
                    lists
                        .filter(|list| !list.is_complete)
                        .any(|list| child.is_missing(seen, list))
                });
                if let Some(until) = open.filter(|_| is_missing) {
                    mark = MarkChange::Set(until);
                }
            }
        }
        if self.is_deleted || known.is_deleted {
            // Nothing is left to be read.
            mark = match mark {
                MarkChange::Keep if !self.is_deleted => MarkChange::Keep,
                _ => MarkChange::Clear(i64::MAX),
            };
        }
        (gone, mark)
    }
}

/// When the last of the snapshots began.
fn latest<'s>(snapshots: impl Iterator<Item = &'s Seen>) -> i64 {
    snapshots.map(|seen| seen.as_of).max().unwrap_or(i64::MIN)
}

/// The end of the last snapshot with a list cut short, of those that none is known to follow.
fn truncated_until<'s>(snapshots: impl Iterator<Item = &'s Seen> + Clone) -> Option<i64> {
    let latest = latest(snapshots.clone());
    snapshots
        .filter(|seen| seen.until > latest && seen.lists.is_truncated)
        .map(|seen| seen.until)
        .max()
}

/// That the child is gone since `moment`.
fn tombstone(family: &FamilyKey, child: &Child, moment: i64) -> Option<Snapshot<'static>> {
    let moment = UnixMillis::new(moment);
    let stub = SnapshotBuilder::read_owned(&object_stub(&child.object, &child.id)).ok()?;
    let stub = stub
        .account(family.account.as_str())
        .mode(Mode::from_livemode(family.livemode));
    Some(stub.taken(Interval::new(moment, moment).ok()?, family.id.as_str()))
}

/// What a database is to write.
#[derive(Debug)]
pub(crate) enum Work<'a> {
    /// A batch that stands for itself.
    Plain(Batch<'a>),
    /// One from which more follows.
    Families(FamilyWrite<'a>),
}

impl<'a> Work<'a> {
    /// The snapshots, and what their lists say.
    pub(crate) fn with_families(snapshots: Vec<&'a Snapshot<'a>>, scope: &'a Scope) -> Self {
        let write = FamilyWrite::new(snapshots, scope);
        if write.families.is_empty() {
            return Self::Plain(Batch::new(write.snapshots, scope));
        }
        Self::Families(write)
    }
}

/// A batch that says something of families.
#[derive(Debug)]
pub(crate) struct FamilyWrite<'a> {
    snapshots: Vec<&'a Snapshot<'a>>,
    scope: &'a Scope,
    /// In the order of keys.
    pub(crate) families: Vec<Family>,
}

/// What follows for the rows and marks.
#[derive(Debug, Default)]
pub(crate) struct Decisions {
    tombstones: Vec<Snapshot<'static>>,
    /// By the family's place.
    pub(crate) marks: Vec<(usize, MarkChange)>,
}

fn family<'f>(families: &'f mut BTreeMap<FamilyKey, Family>, key: Key<'_>) -> &'f mut Family {
    let key = FamilyKey {
        account: key.account.to_owned(),
        livemode: key.livemode,
        object: key.object.to_owned(),
        id: key.id.to_owned(),
    };
    families
        .entry(key.clone())
        .or_insert_with(|| Family::new(key))
}

impl Decisions {
    /// What follows, alone.
    pub(crate) fn batch<'b>(&'b self, scope: &'b Scope) -> Batch<'b> {
        Batch::new(&self.tombstones, scope)
    }
}

impl<'a> FamilyWrite<'a> {
    /// The families that the snapshots are of.
    fn new(snapshots: Vec<&'a Snapshot<'a>>, scope: &'a Scope) -> Self {
        let mut families: BTreeMap<FamilyKey, Family> = BTreeMap::new();
        for snapshot in &snapshots {
            let own = key(snapshot, scope);
            if snapshot.is_deleted() {
                family(&mut families, own).is_deleted = true;
            }
            if !snapshot.is_full() {
                continue;
            }
            let as_of = snapshot.as_of().start().as_millis();
            let until = last(as_of, snapshot.as_of().end().as_millis());
            if let Some(lists) = lists::lists(own.object, snapshot.data()) {
                let seen = Seen {
                    as_of,
                    until,
                    lists,
                };
                family(&mut families, own).snapshots.push(seen);
            }
            for (kind, parent) in lists::parents(own.object, snapshot.data()) {
                let Some(owned) = OWNED.get(kind) else {
                    continue;
                };
                let created = snapshot.created().map_or(0, Timestamp::unix_seconds);
                let (object, id) = (own.object.to_owned(), own.id.to_owned());
                let mut child = Child::new(object, id, created, until, (as_of, until));
                child.deleted_at = snapshot.deleted_at().map(UnixMillis::as_millis);
                let of_parent = Key {
                    object: owned.parent,
                    id: &parent,
                    ..own
                };
                family(&mut families, of_parent).children.push(child);
            }
        }
        Self {
            snapshots,
            scope,
            families: families.into_values().collect(),
        }
    }

    /// What follows from the batch and from what there is, family by family.
    pub(crate) fn decide(&self, known: &[Known]) -> Decisions {
        let mut decisions = Decisions::default();
        for (at, (family, known)) in self.families.iter().zip(known).enumerate() {
            let (gone, mark) = family.decide(known);
            decisions.tombstones.extend(gone);
            if mark != MarkChange::Keep {
                decisions.marks.push((at, mark));
            }
        }
        decisions
    }

    /// The batch as it was given, and what follows from it.
    pub(crate) fn batch<'b>(&'b self, decisions: &'b Decisions) -> Batch<'b> {
        let given = self.snapshots.iter().copied();
        Batch::new(given.chain(&decisions.tombstones), self.scope)
    }
}

/// The lists of a parent, read to their ends.
#[derive(Debug)]
pub(crate) struct Completion {
    pub(crate) family: FamilyKey,
    pub(crate) as_of: Interval,
}

impl Completion {
    /// The children that were not seen since the lists began to be read, as tombstones.
    pub(crate) fn decide(&self, known: &Known) -> Decisions {
        let moment = self.as_of.start().as_millis();
        let gone = known.children.iter().filter(|child| {
            child.last_until <= moment && child.deleted_at.is_none_or(|at| at > moment)
        });
        Decisions {
            tombstones: gone
                .filter_map(|child| tombstone(&self.family, child, moment))
                .collect(),
            marks: Vec::new(),
        }
    }
}
