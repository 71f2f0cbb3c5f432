//! The reference: what the table must hold of one object, from the set of all snapshots that were written of it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use stripe_store::store::Change;

/// A snapshot, as it is told to the store.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Told {
    /// Which object it is of.
    pub(crate) object: u16,
    pub(crate) data: Value,
    /// The interval, in unix milliseconds, end exclusive.
    pub(crate) start: i64,
    pub(crate) until: i64,
    pub(crate) source: String,
    /// Which process asked, and when it sent the request and had the answer.
    pub(crate) order: Option<(u8, i64, i64)>,
    pub(crate) previous: Option<Value>,
    pub(crate) change: Change,
    pub(crate) tombstone: bool,
    /// Whether the numbers are spelled another way.
    pub(crate) respelled: bool,
}

impl Told {
    fn is_stub(&self) -> bool {
        self.data.get("deleted").is_some()
    }

    fn end(&self) -> i64 {
        self.until.max(self.start + 1)
    }

    /// The fixed rule.
    fn rank(&self) -> (i64, i64, &str) {
        (self.until, self.start, &self.source)
    }
}

/// What a row holds.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Row {
    pub(crate) data: Value,
    pub(crate) start: i64,
    pub(crate) until: i64,
    pub(crate) source: String,
    pub(crate) deleted_at: Option<i64>,
    /// Until when the object is dirty, if it is.
    pub(crate) dirty_until: Option<i64>,
    /// How many snapshots are kept beside it.
    pub(crate) rivals: usize,
}

/// What the table must hold of an object; `None` if nothing was told of it.
pub(crate) fn row(told: &[&Told]) -> Option<Row> {
    let deletions = told.iter().filter(|it| it.tombstone);
    let deleted_at = deletions.map(|it| it.start).min();
    let of = |winner: &Told, dirty_until, rivals| Row {
        data: winner.data.clone(),
        start: winner.start,
        until: winner.until,
        source: winner.source.clone(),
        deleted_at,
        dirty_until,
        rivals,
    };
    let whole: Vec<&Told> = told.iter().copied().filter(|it| !it.is_stub()).collect();
    let Some(latest) = whole.iter().map(|it| it.start).max() else {
        let stub = told.iter().max_by_key(|it| it.rank())?;
        return Some(of(stub, None, 0));
    };
    let rivals: Vec<&Told> = whole.into_iter().filter(|it| it.end() > latest).collect();

    let spoken = those_that_add(&rivals);
    let mut states: BTreeMap<String, Vec<&Told>> = BTreeMap::new();
    for it in &spoken {
        states.entry(it.data.to_string()).or_default().push(it);
    }

    let stage = |state: &[&Told]| match () {
        () if state.iter().any(|it| it.change == Change::Deleted) => Change::Deleted,
        () if state.iter().all(|it| it.change == Change::Created) => Change::Created,
        () => Change::Updated,
    };
    let knows = |one: &[&Told], other: &[&Told]| {
        let previous = one.iter().filter_map(|it| it.previous.as_ref());
        previous
            .into_iter()
            .any(|previous| holds(&other[0].data, previous))
    };
    // Some answer with the one was asked for after every answer with the other was there.
    let read_later = |one: &[&Told], other: &[&Told]| {
        let asked = one.iter().filter_map(|it| it.order);
        asked.into_iter().any(|(process, sent, _)| {
            let mut others = other.iter().filter_map(|it| it.order);
            let mut beside = others
                .by_ref()
                .filter(|other| other.0 == process)
                .peekable();
            beside.peek().is_some() && beside.all(|(_, _, answered)| sent >= answered)
        })
    };
    let follows = |one: &[&Told], other: &[&Told]| match (stage(one), stage(other)) {
        (Change::Deleted, Change::Deleted) => false,
        (stage, others) if stage != others => stage > others,
        _ => knows(one, other) || read_later(one, other),
    };
    let names: Vec<&String> = states.keys().collect();
    let successors = |name: &String| {
        names
            .iter()
            .copied()
            .filter(|other| *other != name && follows(&states[*other], &states[name]))
            .collect::<Vec<_>>()
    };
    let last: Vec<&String> = names
        .iter()
        .copied()
        .filter(|name| successors(name).is_empty())
        .collect();
    let candidates = if last.is_empty() { &names } else { &last };
    let best = |name: &String| {
        states[name]
            .iter()
            .copied()
            .max_by_key(|it| it.rank())
            .unwrap()
    };
    let winner = candidates
        .iter()
        .max_by_key(|name| (best(name).rank(), **name))
        .map(|name| best(name))?;

    let reaches_the_last = |name: &&String| {
        let mut seen = BTreeSet::from([*name]);
        let mut queue = vec![*name];
        while let Some(next) = queue.pop() {
            queue.extend(successors(next).into_iter().filter(|it| seen.insert(it)));
        }
        seen.contains(last[0])
    };
    let is_settled = last.len() == 1 && names.iter().all(reaches_the_last);
    let ends = spoken.iter().map(|it| it.until).max();
    Some(of(winner, ends.filter(|_| !is_settled), spoken.len() - 1))
}

/// Of equal data in one interval, the last in the object's life speaks, and who knows the values before, and who asked
/// last; of those who know the same, one.
fn those_that_add<'a>(rivals: &[&'a Told]) -> Vec<&'a Told> {
    let covers = |one: &Told, other: &Told| match (one.order, other.order) {
        (_, None) => true,
        (Some(one), Some(other)) => one.0 == other.0 && one.1 >= other.1 && one.2 >= other.2,
        (None, Some(_)) => false,
    };
    let says_all_of = |one: &Told, other: &Told| {
        (&one.data, one.start, one.until) == (&other.data, other.start, other.until)
            && covers(one, other)
            && (one.change > other.change
                || one.change == other.change
                    && (other.previous.is_none() || one.previous == other.previous))
    };
    let mut spoken: Vec<&'a Told> = Vec::new();
    for it in rivals {
        let is_said = rivals.iter().any(|other| {
            says_all_of(other, it) && (!says_all_of(it, other) || other.source > it.source)
        });
        if !is_said
            && !spoken
                .iter()
                .any(|other| other.source == it.source && says_all_of(other, it))
        {
            spoken.push(it);
        }
    }
    spoken
}

/// Whether `data` has the values of `previous`: null stands for what was not there.
fn holds(data: &Value, previous: &Value) -> bool {
    match (data, previous) {
        (Value::Object(data), Value::Object(previous)) => {
            previous.iter().all(|(key, before)| match data.get(key) {
                Some(value) => holds(value, before),
                None => before.is_null(),
            })
        }
        _ => data == previous,
    }
}
