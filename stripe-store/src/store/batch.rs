//! A batch, reduced to one candidate a key before a database sees it.
//!
//! A row is the newest whole snapshot of its object, and the earliest tombstone. Both are a maximum (or minimum) over
//! the set of all snapshots, whatever their order and number, so any way to cut a stream into batches ends in the same
//! row.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use super::outcome::{Outcome, Verdict};
use super::scope::{AccountId, Scope};
use super::snapshot::Snapshot;
use super::text::same_json;

/// A row's key. Orders as both databases order it: by byte, column after column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key<'a> {
    pub(crate) account: &'a str,
    pub(crate) livemode: bool,
    pub(crate) object: &'a str,
    pub(crate) id: &'a str,
}

/// How new a row's data is; greater wins.
///
/// The order is total. It holds that a snapshot whose interval begins at or after another's end is newer: its end is
/// then greater, or, where both are empty and the same, its source decides. Where intervals overlap it is a fixed
/// choice, which the events' own chain will refine.
///
/// What remains of a deleted object (`{"id": …, "deleted": true}`) is below any whole snapshot of it, so that the row
/// keeps the object as it was last seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Rank<'a> {
    pub(crate) full: bool,
    pub(crate) as_of_until: i64,
    pub(crate) as_of: i64,
    pub(crate) source: &'a str,
}

impl<'a> Rank<'a> {
    pub(crate) fn of(snapshot: &'a Snapshot<'_>) -> Self {
        Self {
            full: snapshot.is_full(),
            as_of_until: snapshot.as_of().end().as_millis(),
            as_of: snapshot.as_of().start().as_millis(),
            source: snapshot.source().as_str(),
        }
    }
}

/// What a batch has to say about one key.
#[derive(Debug)]
pub(crate) struct Candidate<'a> {
    pub(crate) key: Key<'a>,
    /// The snapshot whose data is the newest.
    pub(crate) snapshot: &'a Snapshot<'a>,
    /// When the object was deleted, in unix milliseconds, if a snapshot says so.
    pub(crate) deleted_at: Option<i64>,
    /// Places in the batch: of the newest data, and of the earliest tombstone.
    data: usize,
    tombstone: Option<usize>,
}

impl Candidate<'_> {
    pub(crate) fn rank(&self) -> Rank<'_> {
        Rank::of(self.snapshot)
    }
}

/// A batch with at most one candidate a key, in the order of keys, in which every writer takes its rows.
#[derive(Debug)]
pub(crate) struct Batch<'a> {
    pub(crate) candidates: Vec<Candidate<'a>>,
    outcomes: Vec<Outcome>,
}

impl<'a> Batch<'a> {
    /// Reduces `snapshots`. What a snapshot does not say of its account and mode is said by `scope`.
    pub(crate) fn new(snapshots: &'a [Snapshot<'a>], scope: &'a Scope) -> Self {
        let mut outcomes = vec![Outcome::Stale; snapshots.len()];
        let mut candidates: BTreeMap<Key<'a>, Candidate<'a>> = BTreeMap::new();
        for (at, snapshot) in snapshots.iter().enumerate() {
            let key = key(snapshot, scope);
            let deleted_at = snapshot
                .is_deleted()
                .then(|| snapshot.as_of().start().as_millis());
            let next = Candidate {
                key,
                snapshot,
                deleted_at,
                data: at,
                tombstone: deleted_at.map(|_| at),
            };
            match candidates.entry(key) {
                Entry::Vacant(entry) => {
                    entry.insert(next);
                }
                Entry::Occupied(mut entry) => {
                    merge(entry.get_mut(), next, snapshots, &mut outcomes);
                }
            }
        }
        Self {
            candidates: candidates.into_values().collect(),
            outcomes,
        }
    }

    /// The outcome of each snapshot, given a verdict on each candidate, in their order.
    pub(crate) fn outcomes(mut self, verdicts: &[Verdict]) -> Vec<Outcome> {
        let mut set = |at: usize, outcome| {
            if let Some(place) = self.outcomes.get_mut(at) {
                *place = outcome;
            }
        };
        for (candidate, verdict) in self.candidates.iter().zip(verdicts) {
            set(candidate.data, verdict.of_data());
            if let Some(tombstone) = candidate.tombstone {
                set(tombstone, verdict.of_tombstone(tombstone == candidate.data));
            }
        }
        self.outcomes
    }
}

fn key<'a>(snapshot: &'a Snapshot<'a>, scope: &'a Scope) -> Key<'a> {
    Key {
        account: snapshot
            .account()
            .map_or_else(|| scope.account_column(), AccountId::as_str),
        livemode: snapshot.mode().unwrap_or(scope.mode()).is_live(),
        object: snapshot.object(),
        id: snapshot.id(),
    }
}

/// Merges `next` into what the batch said of the key before, and settles the outcome of what no longer counts.
fn merge<'a>(
    held: &mut Candidate<'a>,
    next: Candidate<'a>,
    snapshots: &[Snapshot<'_>],
    outcomes: &mut [Outcome],
) {
    let before = [Some(held.data), held.tombstone];
    let earliest = [
        held.deleted_at.map(|at| (at, held.tombstone)),
        next.deleted_at.map(|at| (at, next.tombstone)),
    ]
    .into_iter()
    .flatten()
    .min_by_key(|(at, _)| *at);
    let next_data = next.data;
    let newest = if next.rank() > held.rank() {
        next
    } else {
        Candidate {
            key: held.key,
            snapshot: held.snapshot,
            deleted_at: None,
            data: held.data,
            tombstone: None,
        }
    };
    *held = Candidate {
        deleted_at: earliest.map(|(at, _)| at),
        tombstone: earliest.and_then(|(_, place)| place),
        ..newest
    };
    for dropped in before.into_iter().flatten().chain([next_data]) {
        if dropped == held.data || Some(dropped) == held.tombstone {
            continue;
        }
        let settled = snapshots.get(dropped).is_some_and(|snapshot| {
            snapshot.is_deleted() || same_json(snapshot.data(), held.snapshot.data())
        });
        if let Some(outcome) = outcomes.get_mut(dropped) {
            *outcome = if settled {
                Outcome::Unchanged
            } else {
                Outcome::Stale
            };
        }
    }
}

/// Cuts `candidates` into runs of at most `max_rows` rows and about `max_bytes` of data, at least one row each.
pub(crate) fn chunks<'c, 'a>(
    mut candidates: &'c [Candidate<'a>],
    max_rows: usize,
    max_bytes: usize,
) -> impl Iterator<Item = &'c [Candidate<'a>]> {
    std::iter::from_fn(move || {
        let mut bytes = 0_usize;
        let fitting = candidates
            .iter()
            .take(max_rows)
            .take_while(|candidate| {
                bytes = bytes.saturating_add(candidate.snapshot.data().len());
                bytes <= max_bytes
            })
            .count()
            .max(1);
        let (chunk, rest) = candidates.split_at_checked(fitting)?;
        candidates = rest;
        Some(chunk)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::snapshot::Interval;

    fn snapshot(json: &'static str, second: i64) -> Snapshot<'static> {
        Snapshot::read(json)
            .unwrap()
            .taken(Interval::second(second), "evt")
    }

    const A1: &str = r#"{"object":"customer","id":"a","v":1}"#;
    const A2: &str = r#"{"object":"customer","id":"a","v":2}"#;
    const A_GONE: &str = r#"{"object":"customer","id":"a","deleted":true}"#;
    const B: &str = r#"{"object":"customer","id":"b"}"#;

    #[track_caller]
    fn check(snapshots: &[Snapshot<'_>], verdict: Verdict, outcomes: &[Outcome]) {
        let scope = Scope::default();
        let batch = Batch::new(snapshots, &scope);
        let verdicts = vec![verdict; batch.candidates.len()];
        assert_eq!(batch.outcomes(&verdicts), outcomes);
    }

    const INSERTED: Verdict = Verdict {
        inserted: true,
        written: true,
        was_deleted: false,
        same: false,
        newer: true,
    };

    #[test]
    fn of_one_key_the_newest_is_written() {
        use Outcome::{Inserted, Stale, Unchanged};
        check(
            &[snapshot(A1, 1), snapshot(A2, 2)],
            INSERTED,
            &[Stale, Inserted],
        );
        check(
            &[snapshot(A2, 2), snapshot(A1, 1)],
            INSERTED,
            &[Inserted, Stale],
        );
        check(
            &[snapshot(A1, 2), snapshot(A1, 1)],
            INSERTED,
            &[Inserted, Unchanged],
        );
        check(
            &[snapshot(A1, 1), snapshot(A1, 1)],
            INSERTED,
            &[Inserted, Unchanged],
        );
        check(
            &[snapshot(B, 1), snapshot(A1, 1)],
            INSERTED,
            &[Inserted, Inserted],
        );
    }

    #[test]
    fn a_tombstone_and_the_last_data_go_together() {
        use Outcome::{Deleted, Inserted, Stale, Unchanged};
        let all = [
            snapshot(A1, 1),
            snapshot(A_GONE, 3),
            snapshot(A2, 2),
            snapshot(A_GONE, 4),
        ];
        check(&all, INSERTED, &[Stale, Deleted, Inserted, Unchanged]);
        let scope = Scope::default();
        let batch = Batch::new(&all, &scope);
        assert_eq!(batch.candidates.len(), 1);
        assert_eq!(batch.candidates[0].snapshot.data(), A2);
        assert_eq!(batch.candidates[0].deleted_at, Some(3000));
    }

    #[test]
    fn candidates_come_in_the_order_of_keys_and_in_chunks() {
        let scope = Scope::default();
        let live = |json| {
            Snapshot::read(json)
                .unwrap()
                .account("acct_1")
                .taken(Interval::second(1), "evt")
        };
        let all = [live(B), snapshot(B, 1), live(A1), snapshot(A1, 1)];
        let batch = Batch::new(&all, &scope);
        let keys: Vec<_> = batch
            .candidates
            .iter()
            .map(|c| (c.key.account, c.key.id))
            .collect();
        assert_eq!(
            keys,
            [("", "a"), ("", "b"), ("acct_1", "a"), ("acct_1", "b")]
        );
        let lengths = |rows, bytes| -> Vec<usize> {
            chunks(&batch.candidates, rows, bytes)
                .map(<[_]>::len)
                .collect()
        };
        assert_eq!(lengths(3, usize::MAX), [3, 1]);
        assert_eq!(lengths(100, 1), [1, 1, 1, 1]);
        assert_eq!(lengths(100, B.len() + A1.len()), [2, 2]);
        assert_eq!(chunks(&[], 1, 1).count(), 0);
    }
}
