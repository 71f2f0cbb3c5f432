//! What to do with a row where time does not decide: the plan that both databases carry out.
//!
//! Knows the batch and the rule of [`rivals`](super::rivals); knows no SQL.

use super::batch::{Candidate, Key};
use super::changes::Facts;
use super::outcome::Outcome;
use super::rivals::{Change, Rival, Settled, settle};
use super::snapshot::Snapshot;
use super::text::same_json;
use crate::clock::UnixMillis;

/// A row as it is, locked.
#[derive(Debug, Clone)]
pub(crate) struct Held {
    pub(crate) data: String,
    pub(crate) api_version: Option<String>,
    pub(crate) as_of: i64,
    pub(crate) as_of_until: i64,
    pub(crate) source: String,
    pub(crate) previous: Option<String>,
    pub(crate) change: Change,
    /// In unix milliseconds.
    pub(crate) deleted_at: Option<i64>,
}

/// Where a rival comes from.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Origin {
    pub(crate) api_version: Option<String>,
    /// Its place in the batch; `None` for what the database has.
    pub(crate) place: Option<usize>,
}

/// What is to be done to the row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    /// Nothing, nor to the rivals. That holds for good, whatever others write meanwhile: a snapshot that decides
    /// nothing beside some does not decide more beside these and others.
    Nothing,
    /// Its data stays as it is spelled; other columns change.
    Columns,
    /// It gets other data.
    Data,
}

/// What is to be written.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) row: Held,
    pub(crate) effect: Effect,
    /// Whether `updated_at` moves.
    pub(crate) is_change: bool,
    pub(crate) others: Vec<Rival<Origin>>,
    /// Whether row and rivals are those that the database has, the time of a deletion apart.
    pub(crate) keeps_all: bool,
    /// From when on a new look at Stripe settles what the rule left open, in unix milliseconds.
    pub(crate) open_until: Option<i64>,
    pub(crate) outcomes: Vec<(usize, Outcome)>,
}

impl Plan {
    /// The change that it makes to the row, which was `held`.
    pub(crate) fn facts<'a>(
        &self,
        key: Key<'a>,
        held: Option<&Held>,
        now: UnixMillis,
    ) -> Facts<'a> {
        Facts {
            key,
            old: held.map(|held| (held.as_of, held.as_of_until)),
            new: (self.row.as_of, self.row.as_of_until),
            inserted: held.is_none(),
            was_deleted: held.is_some_and(|held| held.deleted_at.is_some()),
            is_deleted: self.row.deleted_at.is_some(),
            now,
        }
    }
}

/// Decides over all that is known of one object.
pub(crate) fn plan(
    held: Option<&Held>,
    rivals: Vec<Rival<Origin>>,
    candidate: &Candidate<'_>,
) -> Plan {
    let whole = held.filter(|held| !is_stub(held));
    let stored = rivals.len();
    let mut known: Vec<Rival<Origin>> = whole.map(of_row).into_iter().chain(rivals).collect();
    let mine: Vec<(usize, &Snapshot<'_>)> = std::iter::once((candidate.data, candidate.snapshot))
        .chain(candidate.rivals.iter().copied())
        .collect();
    let whole = mine.iter().filter(|(_, snapshot)| snapshot.is_full());
    known.extend(whole.map(|(at, snapshot)| of_snapshot(*at, snapshot)));
    let latest = known.iter().map(|rival| rival.as_of).max();
    let Settled {
        winner,
        others,
        is_open,
    } = settle(known).unwrap_or_else(|| last_stub(held, candidate));

    let was_deleted = held.is_some_and(|held| held.deleted_at.is_some());
    let deleted_at = [held.and_then(|held| held.deleted_at), candidate.deleted_at]
        .into_iter()
        .flatten()
        .min();
    let replaces_data = held.is_none_or(|held| !same_json(&held.data, &winner.data));
    let is_change = replaces_data || (deleted_at.is_some() && !was_deleted);
    let of_winner = if held.is_none() {
        Outcome::Inserted
    } else if was_deleted {
        Outcome::Stale
    } else {
        Outcome::Updated
    };
    let mut outcomes: Vec<(usize, Outcome)> = mine
        .iter()
        .map(|(at, snapshot)| {
            let outcome = if winner.tag.place == Some(*at) && replaces_data {
                of_winner
            } else if latest.is_none_or(|latest| snapshot.reaches(UnixMillis::new(latest)))
                && same_json(snapshot.data(), &winner.data)
            {
                Outcome::Unchanged
            } else if winner.tag.place.is_none() && replaces_data && *at == candidate.data {
                // It brought another one to the fore.
                of_winner
            } else {
                Outcome::Stale
            };
            (*at, outcome)
        })
        .collect();
    if let Some(at) = candidate.tombstone {
        if !was_deleted {
            outcomes.push((at, Outcome::Deleted));
        } else if winner.tag.place != Some(at) || !replaces_data {
            outcomes.push((at, Outcome::Unchanged));
        }
    }
    // Of equal snapshots the one that the database has is kept, so a place in the batch tells of a new one.
    let keeps_all = others.len() == stored
        && std::iter::once(&winner)
            .chain(&others)
            .all(|rival| rival.tag.place.is_none());
    let effect = match () {
        () if replaces_data => Effect::Data,
        () if keeps_all && deleted_at == held.and_then(|held| held.deleted_at) => Effect::Nothing,
        () => Effect::Columns,
    };
    let ends = others.iter().map(|rival| rival.as_of_until);
    let open_until = ends.chain([winner.as_of_until]).max().filter(|_| is_open);
    Plan {
        row: Held {
            data: winner.data,
            api_version: winner.tag.api_version,
            as_of: winner.as_of,
            as_of_until: winner.as_of_until,
            source: winner.source,
            previous: winner.previous,
            change: winner.change,
            deleted_at,
        },
        effect,
        is_change,
        others,
        keeps_all,
        open_until,
        outcomes,
    }
}

/// The last one where there is no whole snapshot. What remains of a deleted object tells nothing of what came when, so
/// that is left to the fixed rule, and never open.
fn last_stub(held: Option<&Held>, candidate: &Candidate<'_>) -> Settled<Origin> {
    let mine = of_snapshot(candidate.data, candidate.snapshot);
    let held = held.map(of_row).filter(|held| held.rank() >= mine.rank());
    Settled {
        winner: held.unwrap_or(mine),
        others: Vec::new(),
        is_open: false,
    }
}

/// Whether the row holds what remains of a deleted object, and not the object.
fn is_stub(held: &Held) -> bool {
    held.deleted_at.is_some() && is_stub_json(&held.data)
}

/// Whether `data` is what remains of a deleted object, and not the object.
pub(crate) fn is_stub_json(data: &str) -> bool {
    Snapshot::read(data).is_ok_and(|snapshot| snapshot.is_deleted())
}

fn of_row(held: &Held) -> Rival<Origin> {
    Rival {
        as_of: held.as_of,
        as_of_until: held.as_of_until,
        source: held.source.clone(),
        data: held.data.clone(),
        previous: held.previous.clone(),
        change: held.change,
        tag: Origin {
            api_version: held.api_version.clone(),
            place: None,
        },
    }
}

fn of_snapshot(at: usize, snapshot: &Snapshot<'_>) -> Rival<Origin> {
    Rival {
        as_of: snapshot.as_of().start().as_millis(),
        as_of_until: snapshot.as_of().end().as_millis(),
        source: snapshot.source().to_string(),
        data: snapshot.data().to_owned(),
        previous: snapshot.previous_attributes().map(str::to_owned),
        change: snapshot.change(),
        tag: Origin {
            api_version: snapshot.api_version().map(str::to_owned),
            place: Some(at),
        },
    }
}
