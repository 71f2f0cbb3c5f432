//! What becomes of a row, where time decides: the rule that PostgreSQL's statement states in SQL.

use std::cmp::Ordering;

use crate::clock::UnixMillis;
use crate::store::batch::{Candidate, Rank};
use crate::store::contest::{Held, is_stub_json};
use crate::store::outcome::Verdict;
use crate::store::rivals::{Change, is_no_later_read};
use crate::store::text::same_json;

/// A row as it is before a write.
#[derive(Debug)]
pub(super) struct State {
    pub(super) data: String,
    pub(super) columns: Columns,
}

impl State {
    pub(super) fn held(&self) -> Held {
        let columns = &self.columns;
        let deleted_at = columns.deleted_at.as_deref().and_then(UnixMillis::parse);
        Held {
            data: self.data.clone(),
            api_version: columns.api_version.clone(),
            as_of: columns.as_of,
            as_of_until: columns.as_of_until,
            source: columns.source.clone(),
            previous: columns.previous.clone(),
            change: columns.change,
            deleted_at: deleted_at.map(UnixMillis::as_millis),
        }
    }

    /// Whether the row holds what remains of a deleted object, and not the object.
    fn is_stub(&self) -> bool {
        self.columns.deleted_at.is_some() && is_stub_json(&self.data)
    }
}

/// The columns of a row that a write sets, but data and key.
#[derive(Debug, Clone)]
pub(super) struct Columns {
    pub(super) api_version: Option<String>,
    pub(super) as_of: i64,
    pub(super) as_of_until: i64,
    pub(super) source: String,
    pub(super) deleted_at: Option<String>,
    pub(super) updated_at: String,
    pub(super) previous: Option<String>,
    pub(super) change: Change,
    pub(super) has_rivals: bool,
}

/// What to do with a row, and what is known of it.
#[derive(Debug)]
pub(super) enum Decision {
    /// Leave the row as it is.
    Keep(Verdict),
    /// Write the row with the candidate's data.
    Replace(Columns, Verdict),
    /// Write the row but its data.
    Touch(Columns, Verdict),
}

impl Decision {
    pub(super) fn verdict(&self) -> Verdict {
        match self {
            Self::Keep(verdict) | Self::Replace(_, verdict) | Self::Touch(_, verdict) => *verdict,
        }
    }

    /// The row, if it gets other data or its object is deleted, which is what moves `updated_at`.
    pub(super) fn changed(&self) -> Option<&Columns> {
        match self {
            Self::Replace(row, _) => Some(row),
            Self::Touch(row, verdict) if row.deleted_at.is_some() && !verdict.was_deleted => {
                Some(row)
            }
            Self::Touch(..) | Self::Keep(_) => None,
        }
    }
}

/// Whether time does not decide between a candidate and the row: the rule that PostgreSQL's statement states in SQL.
pub(super) fn is_contested(candidate: &Candidate<'_>, state: Option<&State>) -> bool {
    if !candidate.snapshot.is_full() {
        return false;
    }
    let Some(state) = state.filter(|state| !state.is_stub()) else {
        return !candidate.rivals.is_empty();
    };
    let row = &state.columns;
    let snapshot = candidate.snapshot;
    if !snapshot.reaches(UnixMillis::new(row.as_of)) {
        return false;
    }
    if !candidate.rivals.is_empty() {
        return true;
    }
    if is_repeat(candidate, state) {
        return false;
    }
    row.has_rivals || !begins_after(candidate, row)
}

/// Whether the candidate's interval begins at or after the row's end; an empty one lasts as long as a moment does.
fn begins_after(candidate: &Candidate<'_>, row: &Columns) -> bool {
    let end = row.as_of_until.max(row.as_of.saturating_add(1));
    candidate.snapshot.as_of().start().as_millis() >= end
}

/// Whether the candidate says nothing that the row does not say already.
fn is_repeat(candidate: &Candidate<'_>, state: &State) -> bool {
    let (snapshot, row) = (candidate.snapshot, &state.columns);
    let interval = (
        snapshot.as_of().start().as_millis(),
        snapshot.as_of().end().as_millis(),
    );
    let adds_nothing = || match (
        snapshot.change().cmp(&row.change),
        snapshot.previous_attributes(),
        &row.previous,
    ) {
        (Ordering::Less, ..) | (Ordering::Equal, None, Some(_)) => true,
        (Ordering::Greater, ..) | (Ordering::Equal, Some(_), None) => false,
        (Ordering::Equal, own, previous) => {
            let same = own
                .zip(previous.as_deref())
                .is_none_or(|(own, previous)| same_json(own, previous));
            same && snapshot.source().as_str() <= row.source.as_str()
        }
    };
    interval == (row.as_of, row.as_of_until)
        && same_json(snapshot.data(), &state.data)
        && is_no_later_read(snapshot.source().as_str(), &row.source)
        && adds_nothing()
}

/// What time decides.
pub(super) fn decide(candidate: &Candidate<'_>, state: Option<State>, now: UnixMillis) -> Decision {
    let rank = Rank::of(candidate.snapshot);
    let new = Columns {
        api_version: candidate.snapshot.api_version().map(str::to_owned),
        as_of: rank.as_of,
        as_of_until: rank.as_of_until,
        source: rank.source.to_owned(),
        deleted_at: candidate
            .deleted_at
            .map(|at| UnixMillis::new(at).to_string()),
        updated_at: now.to_string(),
        previous: candidate.snapshot.previous_attributes().map(str::to_owned),
        change: candidate.snapshot.change(),
        has_rivals: false,
    };
    let Some(state) = state else {
        return Decision::Replace(
            new,
            Verdict {
                inserted: true,
                written: true,
                newer: true,
                ..Verdict::default()
            },
        );
    };
    let was_deleted = state.columns.deleted_at.is_some();
    let newer = match (candidate.snapshot.is_full(), !state.is_stub()) {
        (true, true) => begins_after(candidate, &state.columns),
        // What remains of a deleted object tells little: nothing can come before or after it but by the fixed rule.
        (false, false) => {
            let row = &state.columns;
            (rank.as_of_until, rank.as_of, rank.source) > (row.as_of_until, row.as_of, &*row.source)
        }
        (full, _) => full,
    };
    let is_past = !state.is_stub()
        && !candidate
            .snapshot
            .reaches(UnixMillis::new(state.columns.as_of));
    let State { data, columns: old } = state;
    let same = !is_past && same_json(&data, candidate.snapshot.data());
    // The times are written so that text order is time order.
    let deletes = match (&new.deleted_at, &old.deleted_at) {
        (Some(new), Some(old)) => new < old,
        (new, _) => new.is_some(),
    };
    let verdict = Verdict {
        inserted: false,
        written: newer || deletes,
        was_deleted,
        same,
        newer,
    };
    if !verdict.written {
        return Decision::Keep(verdict);
    }
    let replaces = newer && !same;
    let deleted_at = if deletes {
        new.deleted_at.clone()
    } else {
        old.deleted_at.clone()
    };
    let changes = replaces || (deletes && !was_deleted);
    let updated_at = if changes {
        new.updated_at.clone()
    } else {
        old.updated_at.clone()
    };
    let has_rivals = old.has_rivals;
    let columns = Columns {
        deleted_at,
        updated_at,
        has_rivals,
        ..if newer { new } else { old }
    };
    if replaces {
        Decision::Replace(columns, verdict)
    } else {
        Decision::Touch(columns, verdict)
    }
}
