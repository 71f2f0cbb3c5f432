//! Which of an object's snapshots is the row's, where time cannot tell.
//!
//! A snapshot that ends before another begins is older, and forgotten. What is left are the rivals: those that hold the
//! latest beginning in their interval. They all overlap, and [`settle`] decides over the whole set of them, never over
//! pairs, so that the order of arrival does not matter: the rivals of a set and one more snapshot are the rivals of the
//! rivals and that snapshot. So it is enough to keep them.
//!
//! Plain functions: knows no database.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::value::RawValue;

use super::text::{canonical, same_json};
use crate::clock::RequestOrder;

/// What an event says of the life of its object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Change {
    /// It begins: nothing precedes this.
    Created,
    /// It goes on.
    #[default]
    Updated,
    /// It ends: nothing follows this.
    Deleted,
}

impl Change {
    /// The change as a word: `"created"`, `"updated"`, `"deleted"`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Updated => "updated",
            Self::Deleted => "deleted",
        }
    }

    /// The change of this [word](Self::as_str).
    pub(crate) fn named(word: &str) -> Option<Self> {
        [Self::Created, Self::Updated, Self::Deleted]
            .into_iter()
            .find(|change| change.as_str() == word)
    }

    /// As the column `change` has it.
    pub(crate) const fn as_column(self) -> i16 {
        match self {
            Self::Created => 0,
            Self::Updated => 1,
            Self::Deleted => 2,
        }
    }

    pub(crate) const fn from_column(column: i16) -> Self {
        match column {
            0 => Self::Created,
            2 => Self::Deleted,
            _ => Self::Updated,
        }
    }
}

/// A snapshot of one object, as it takes part in the decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Rival<T> {
    /// The interval, in unix milliseconds, end exclusive.
    pub(crate) as_of: i64,
    pub(crate) as_of_until: i64,
    pub(crate) source: String,
    pub(crate) data: String,
    /// The values before the change, as an `*.updated` event lists them.
    pub(crate) previous: Option<String>,
    pub(crate) change: Change,
    /// What the caller wants to know it by again.
    pub(crate) tag: T,
}

impl<T> Rival<T> {
    /// The end; an empty interval lasts as long as a moment does.
    fn end(&self) -> i64 {
        self.as_of_until.max(self.as_of.saturating_add(1))
    }

    /// The fixed rule: greater wins.
    pub(crate) fn rank(&self) -> (i64, i64, &str) {
        (self.as_of_until, self.as_of, &self.source)
    }
}

/// What [`settle`] decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Settled<T> {
    /// The row's snapshot.
    pub(crate) winner: Rival<T>,
    /// The others that a later arrival may still be decided against.
    pub(crate) others: Vec<Rival<T>>,
    /// Whether the winner was named by the fixed rule alone.
    pub(crate) is_open: bool,
}

/// Decides over all whole snapshots of one object that are known. `None` when there are none.
pub(crate) fn settle<T>(snapshots: Vec<Rival<T>>) -> Option<Settled<T>> {
    let latest = snapshots.iter().map(|snapshot| snapshot.as_of).max()?;
    let mut rivals: Vec<Entry<T>> = snapshots
        .into_iter()
        .filter(|snapshot| snapshot.end() > latest)
        .map(Entry::new)
        .collect();
    prune(&mut rivals);
    let (first, is_open) = match rivals.as_slice() {
        [_] => (0, false),
        several => choose(several),
    };
    if first >= rivals.len() {
        return None;
    }
    let winner = rivals.swap_remove(first).rival;
    rivals.sort_by(|a, b| (a.rival.rank(), &a.class).cmp(&(b.rival.rank(), &b.class)));
    Some(Settled {
        winner,
        others: rivals.into_iter().map(|entry| entry.rival).collect(),
        is_open,
    })
}

/// A rival with its data and previous values in a spelling of which there is one.
struct Entry<T> {
    rival: Rival<T>,
    /// Equal for equal data.
    class: Vec<u8>,
    previous: Option<Vec<u8>>,
    order: Option<RequestOrder>,
}

impl<T> Entry<T> {
    fn new(rival: Rival<T>) -> Self {
        Self {
            class: canonical(&rival.data),
            previous: rival.previous.as_deref().map(canonical),
            order: RequestOrder::of_source(&rival.source),
            rival,
        }
    }
}

/// Drops what adds nothing: of equal data in one interval, the stronger word on its life stays, and of these, one
/// snapshot for each list of previous values; of the requests of one process, the last one.
fn prune<T>(rivals: &mut Vec<Entry<T>>) {
    rivals.sort_by(|a, b| key(b).cmp(&key(a)));
    let mut kept: Vec<Entry<T>> = Vec::with_capacity(rivals.len());
    for entry in rivals.drain(..) {
        let adds_nothing = kept.iter().any(|other| {
            let alike = other.class == entry.class
                && (other.rival.as_of, other.rival.as_of_until)
                    == (entry.rival.as_of, entry.rival.as_of_until);
            alike
                && is_no_later(entry.order, other.order)
                && (other.rival.change > entry.rival.change
                    || entry.previous.is_none()
                    || entry.previous == other.previous)
        });
        if !adds_nothing {
            kept.push(entry);
        }
    }
    *rivals = kept;
}

type Key<'a> = (
    Change,
    bool,
    Option<RequestOrder>,
    &'a str,
    Option<&'a [u8]>,
    &'a [u8],
);

/// The order in which [`prune`] looks at them: what makes others superfluous comes last, and so first when reversed.
fn key<T>(entry: &Entry<T>) -> Key<'_> {
    (
        entry.rival.change,
        entry.previous.is_some(),
        entry.order,
        &entry.rival.source,
        entry.previous.as_deref(),
        &entry.class,
    )
}

/// Whether a snapshot from the source `one` says nothing of the order of requests that one from `other` does not.
pub(crate) fn is_no_later_read(one: &str, other: &str) -> bool {
    one == other || is_no_later(RequestOrder::of_source(one), RequestOrder::of_source(other))
}

fn is_no_later(one: Option<RequestOrder>, other: Option<RequestOrder>) -> bool {
    match (one, other) {
        (None, _) => true,
        (Some(one), Some(other)) => one.is_covered_by(&other),
        (Some(_), None) => false,
    }
}

/// All rivals with the same data.
struct Class<'a> {
    data: &'a str,
    /// The place of the one that the fixed rule prefers.
    best: usize,
    previous: BTreeSet<&'a str>,
    /// Of each process whose requests brought it: when the last was sent, and when the last was answered.
    orders: Vec<RequestOrder>,
    is_created: bool,
    is_deleted: bool,
}

impl Class<'_> {
    fn add(&mut self, order: RequestOrder) {
        match self.orders.iter_mut().find(|it| it.is_beside(&order)) {
            Some(last) => *last = last.last_of(&order),
            None => self.orders.push(order),
        }
    }
}

/// The place of the winner, and whether only the fixed rule named it.
fn choose<T>(rivals: &[Entry<T>]) -> (usize, bool) {
    let mut classes: BTreeMap<&[u8], Class<'_>> = BTreeMap::new();
    for (at, entry) in rivals.iter().enumerate() {
        let class = classes.entry(&entry.class).or_insert_with(|| Class {
            data: &entry.rival.data,
            best: at,
            previous: BTreeSet::new(),
            orders: Vec::new(),
            is_created: true,
            is_deleted: false,
        });
        if rivals
            .get(class.best)
            .is_none_or(|best| entry.rival.rank() > best.rival.rank())
        {
            class.best = at;
        }
        class.previous.extend(entry.rival.previous.as_deref());
        if let Some(order) = entry.order {
            class.add(order);
        }
        class.is_created &= entry.rival.change == Change::Created;
        class.is_deleted |= entry.rival.change == Change::Deleted;
    }
    let classes: Vec<Class<'_>> = classes.into_values().collect();
    let successors: Vec<Vec<usize>> = classes
        .iter()
        .map(|class| {
            let others = classes.iter().enumerate();
            others
                .filter(|(_, other)| follows(other, class))
                .map(|(at, _)| at)
                .collect()
        })
        .collect();
    let last: Vec<usize> = (0..classes.len())
        .filter(|at| successors.get(*at).is_some_and(Vec::is_empty))
        .collect();
    let is_open = match last.as_slice() {
        [only] => !all_lead_to(*only, &successors),
        _ => true,
    };
    // The classes are in the order of their data, which decides where even interval and source are equal.
    let winner = classes
        .iter()
        .enumerate()
        .filter(|(at, _)| last.is_empty() || last.contains(at))
        .filter_map(|(_, class)| Some((rivals.get(class.best)?.rival.rank(), class.best)))
        .fold(
            None,
            |best: Option<((i64, i64, &str), usize)>, next| match best {
                Some(best) if best.0 > next.0 => Some(best),
                _ => Some(next),
            },
        );
    (winner.map_or(0, |(_, at)| at), is_open)
}

/// Whether `later` is known to follow `earlier`.
///
/// Both can follow each other: an object that went there and back. Then neither is the last, and that is what makes a
/// single last one trustworthy: a state that was left was left by an event, whose previous values it holds, so that as
/// long as no event is missing, what has no successor was not left.
///
/// Of two answers to this process, the one whose request was sent when the other was there is later. What was read again
/// counts as read last.
fn follows(later: &Class<'_>, earlier: &Class<'_>) -> bool {
    if later.data == earlier.data {
        return false;
    }
    if later.is_deleted || earlier.is_deleted {
        return later.is_deleted && !earlier.is_deleted;
    }
    if later.is_created != earlier.is_created {
        return earlier.is_created;
    }
    let was_read_later = || {
        let pairs = later.orders.iter().flat_map(|order| {
            let others = earlier.orders.iter();
            others.map(move |other| order.follows(other))
        });
        pairs.into_iter().any(|follows| follows)
    };
    let knows = |previous: &&str| holds(earlier.data, previous);
    later.previous.iter().any(knows) || was_read_later()
}

/// Whether every class leads to the class at `last`, over however many others.
fn all_lead_to(last: usize, successors: &[Vec<usize>]) -> bool {
    let mut leading = BTreeSet::from([last]);
    loop {
        let before = leading.len();
        for (at, next) in successors.iter().enumerate() {
            if next.iter().any(|next| leading.contains(next)) {
                leading.insert(at);
            }
        }
        if leading.len() == successors.len() {
            return true;
        }
        if leading.len() == before {
            return false;
        }
    }
}

/// Whether `data` has the values that `previous` lists. Objects are compared by the keys that `previous` has, since an
/// event lists only what changed inside; `null` stands for what was not there.
fn holds(data: &str, previous: &str) -> bool {
    let (Some(previous), Some(data)) = (members(previous), members(data)) else {
        return same_json(data, previous);
    };
    !previous.is_empty() && holds_members(&data, &previous)
}

fn holds_members(data: &Members, previous: &Members) -> bool {
    previous.iter().all(|(key, before)| {
        let before = before.get();
        let Some(value) = data.get(key) else {
            return before == "null";
        };
        match (members(value.get()), members(before)) {
            (Some(value), Some(before)) => holds_members(&value, &before),
            _ => same_json(value.get(), before),
        }
    })
}

type Members = BTreeMap<String, Box<RawValue>>;

/// The members of an object; `None` for anything else.
fn members(json: &str) -> Option<Members> {
    serde_json::from_str(json).ok()
}

#[cfg(test)]
mod tests;
