//! What became of a snapshot.

use std::fmt;

/// What a write did with one snapshot.
///
/// Reported per snapshot, in the order of the batch. The rows are right whatever else writes at the same time; where
/// two writers bring the same new object in the same moment, the one that came second may report `Updated` though its
/// data was equal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Outcome {
    /// There was no such row, and now there is.
    Inserted,
    /// The row's data was older and other, and was replaced.
    Updated,
    /// The row holds this data already, and not from a later time, or is deleted already. If the snapshot was newer, the
    /// row's interval and source moved on; its data was not written.
    Unchanged,
    /// The row holds a newer snapshot, whether of other or of equal data, or the object was deleted, which is final.
    ///
    /// A deleted row stays deleted. Only where its data is older than the snapshot, because the deletion came without
    /// data, the data is completed under the tombstone, so that the row does not depend on the order of arrival.
    Stale,
    /// The object is deleted from now on: this snapshot said so first.
    Deleted,
}

impl Outcome {
    /// The outcome as a word: `"inserted"`, `"updated"`, `"unchanged"`, `"stale"`, `"deleted"`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Inserted => "inserted",
            Self::Updated => "updated",
            Self::Unchanged => "unchanged",
            Self::Stale => "stale",
            Self::Deleted => "deleted",
        }
    }

    /// Whether the object is another than before: inserted, updated or deleted.
    pub const fn is_change(self) -> bool {
        matches!(self, Self::Inserted | Self::Updated | Self::Deleted)
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What a database found and did for one key: the facts that outcomes follow from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "facts, each a column of the answer of PostgreSQL"
)]
pub(crate) struct Verdict {
    /// The row was made by this write.
    pub(crate) inserted: bool,
    /// The row was written by this write.
    pub(crate) written: bool,
    /// The row was deleted before.
    pub(crate) was_deleted: bool,
    /// The row held equal data before.
    pub(crate) same: bool,
    /// The data was newer than the row's.
    pub(crate) newer: bool,
}

impl Verdict {
    /// The outcome of the snapshot that the data is of, if it does not also delete.
    pub(crate) fn of_data(self) -> Outcome {
        if self.inserted {
            Outcome::Inserted
        } else if self.same {
            Outcome::Unchanged
        } else if self.written && self.newer && !self.was_deleted {
            Outcome::Updated
        } else {
            Outcome::Stale
        }
    }

    /// The outcome of the snapshot that deletes. `brings_data` tells whether the data is of it, too.
    pub(crate) fn of_tombstone(self, brings_data: bool) -> Outcome {
        if self.inserted || (self.written && !self.was_deleted) {
            Outcome::Deleted
        } else if brings_data && self.written && self.newer && !self.same {
            Outcome::Updated
        } else {
            Outcome::Unchanged
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outcomes_follow_from_the_facts() {
        let fact = Verdict::default();
        let written = Verdict {
            written: true,
            newer: true,
            ..fact
        };
        let inserted = Verdict {
            inserted: true,
            ..written
        };
        let after_deletion = Verdict {
            was_deleted: true,
            ..written
        };
        assert_eq!(inserted.of_data(), Outcome::Inserted);
        assert_eq!(inserted.of_tombstone(true), Outcome::Deleted);
        assert_eq!(written.of_data(), Outcome::Updated);
        assert_eq!(written.of_tombstone(true), Outcome::Deleted);
        assert_eq!(fact.of_data(), Outcome::Stale);
        assert_eq!(fact.of_tombstone(true), Outcome::Unchanged);
        assert_eq!(
            Verdict {
                same: true,
                ..written
            }
            .of_data(),
            Outcome::Unchanged
        );
        assert_eq!(after_deletion.of_data(), Outcome::Stale);
        assert_eq!(after_deletion.of_tombstone(true), Outcome::Updated);
        assert_eq!(after_deletion.of_tombstone(false), Outcome::Unchanged);
    }

    #[test]
    fn an_outcome_prints_as_a_word() {
        assert_eq!(Outcome::Stale.to_string(), "stale");
        assert!(Outcome::Deleted.is_change());
        assert!(!Outcome::Unchanged.is_change());
    }
}
