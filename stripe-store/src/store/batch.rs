//! A batch, reduced to one candidate a key before a database sees it.
//!
//! A row is the newest whole snapshot of its object, and the earliest tombstone, over the set of all snapshots, whatever
//! their order and number; so any way to cut a stream into batches ends in the same row. Of each key the batch keeps what
//! can still be the newest: usually one snapshot, and where time cannot tell several apart, these.

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

/// The fixed rule: of snapshots of which nothing else tells which is newer, the greater.
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
    /// The snapshot whose data is the newest, as far as time tells.
    pub(crate) snapshot: &'a Snapshot<'a>,
    /// Those of the batch that time cannot tell from it, by their places.
    pub(crate) rivals: Vec<(usize, &'a Snapshot<'a>)>,
    /// Those of the batch that say the same at the same time or one that overlaps, by their places.
    pub(crate) repeats: Vec<usize>,
    /// When the object was deleted, in unix milliseconds, if a snapshot says so.
    pub(crate) deleted_at: Option<i64>,
    /// Places in the batch: of the newest data, and of the earliest tombstone.
    pub(crate) data: usize,
    pub(crate) tombstone: Option<usize>,
}

/// What a database did for one candidate.
#[derive(Debug)]
pub(crate) enum Answer {
    /// Time decided: these are the facts.
    Told(Verdict),
    /// Time did not: the outcomes, by place in the batch.
    Settled(Vec<(usize, Outcome)>),
}

/// A batch with at most one candidate a key, in the order of keys, in which every writer takes its rows.
#[derive(Debug)]
pub(crate) struct Batch<'a> {
    pub(crate) candidates: Vec<Candidate<'a>>,
    outcomes: Vec<Outcome>,
}

impl<'a> Batch<'a> {
    /// Reduces `snapshots`. What a snapshot does not say of its account and mode is said by `scope`.
    pub(crate) fn new(
        snapshots: impl IntoIterator<Item = &'a Snapshot<'a>>,
        scope: &'a Scope,
    ) -> Self {
        let mut all: Vec<Entry<'a>> = snapshots
            .into_iter()
            .enumerate()
            .map(|(place, snapshot)| Entry {
                key: key(snapshot, scope),
                place,
                snapshot,
            })
            .collect();
        let mut outcomes = vec![Outcome::Stale; all.len()];
        for entry in all.iter().filter(|entry| entry.snapshot.is_deleted()) {
            if let Some(outcome) = outcomes.get_mut(entry.place) {
                *outcome = Outcome::Unchanged;
            }
        }
        // Stable, and quick where they come in order.
        all.sort_by_key(|entry| entry.key);
        let of_keys = all.chunk_by(|a, b| a.key == b.key);
        Self {
            candidates: of_keys.filter_map(reduce).collect(),
            outcomes,
        }
    }

    /// The outcome of each snapshot, given an answer to each candidate, in their order.
    pub(crate) fn outcomes(mut self, answers: Vec<Answer>) -> Vec<Outcome> {
        let mut set = |at: usize, outcome| {
            if let Some(place) = self.outcomes.get_mut(at) {
                *place = outcome;
            }
        };
        for (candidate, answer) in self.candidates.iter().zip(answers) {
            let of_data = match &answer {
                Answer::Told(verdict) => verdict.of_data(),
                Answer::Settled(outcomes) => outcomes
                    .iter()
                    .find(|(at, _)| *at == candidate.data)
                    .map_or(Outcome::Stale, |(_, outcome)| *outcome),
            };
            if of_data != Outcome::Stale {
                for at in &candidate.repeats {
                    set(*at, Outcome::Unchanged);
                }
            }
            match answer {
                Answer::Told(verdict) => {
                    set(candidate.data, of_data);
                    if let Some(tombstone) = candidate.tombstone {
                        set(tombstone, verdict.of_tombstone(tombstone == candidate.data));
                    }
                }
                Answer::Settled(outcomes) => {
                    for (at, outcome) in outcomes {
                        set(at, outcome);
                    }
                }
            }
        }
        self.outcomes
    }
}

/// The key of the row that the snapshot is for.
pub(crate) fn key<'a>(snapshot: &'a Snapshot<'_>, scope: &'a Scope) -> Key<'a> {
    Key {
        account: snapshot
            .account()
            .map_or_else(|| scope.account_column(), AccountId::as_str),
        livemode: snapshot.mode().unwrap_or(scope.mode()).is_live(),
        object: snapshot.object(),
        id: snapshot.id(),
    }
}

/// A snapshot, the key of its row, and its place in the batch.
#[derive(Debug)]
struct Entry<'a> {
    key: Key<'a>,
    place: usize,
    snapshot: &'a Snapshot<'a>,
}

/// What the snapshots of one key come to: the newest data, what time cannot tell from it, the earliest tombstone.
fn reduce<'a>(entries: &[Entry<'a>]) -> Option<Candidate<'a>> {
    let tombstone = entries
        .iter()
        .filter_map(|entry| Some((entry.snapshot.deleted_at()?.as_millis(), entry.place)))
        .min();
    let whole = entries.iter().filter(|entry| entry.snapshot.is_full());
    let latest = whole.map(|entry| entry.snapshot.as_of().start()).max();
    // A snapshot that ends before another begins is older. Without a whole one there is nothing to tell apart.
    let reaches_latest =
        |entry: &&Entry<'a>| latest.is_none_or(|latest| entry.snapshot.reaches(latest));
    let &Entry {
        key,
        place: data,
        snapshot,
    } = entries
        .iter()
        .filter(reaches_latest)
        .rev()
        .max_by_key(|entry| (Rank::of(entry.snapshot), entry.snapshot.change()))?;
    let others = || {
        let others = entries.iter().filter(reaches_latest);
        others.filter(|entry| entry.place != data)
    };
    let rivals = others()
        .filter(|rival| rival.snapshot.is_full() && !rival.snapshot.adds_nothing_to(snapshot));
    let repeats = others().filter(|other| {
        !other.snapshot.is_deleted() && same_json(other.snapshot.data(), snapshot.data())
    });
    Some(Candidate {
        key,
        snapshot,
        repeats: repeats.map(|entry| entry.place).collect(),
        rivals: rivals.map(|entry| (entry.place, entry.snapshot)).collect(),
        deleted_at: tombstone.map(|(millis, _)| millis),
        data,
        tombstone: tombstone.map(|(_, at)| at),
    })
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
        let answers = batch.candidates.iter().map(|_| Answer::Told(verdict));
        let answers = answers.collect();
        assert_eq!(batch.outcomes(answers), outcomes);
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
            &[Inserted, Stale],
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
