//! What a comparison of the table with Stripe tells: while it runs, and at its end.

use std::fmt;

use super::compare::FieldDifference;
use crate::error::Error;
use crate::store::ObjectRef;
use crate::sync::{ListEnd, ListName, Settled, SkipReason};

/// The most differences, and the most failures, of a type that a report names.
const MAX_EXAMPLES: usize = 20;

/// An object that is not the same here and at Stripe.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Finding {
    /// Its type.
    pub object: String,
    /// Its Stripe id.
    pub id: String,
    /// What is not the same.
    pub kind: FindingKind,
    /// Whether the row is now what Stripe answered. Only where that was [asked for](super::Reconcile::fix).
    pub is_repaired: bool,
}

/// `customer cus_1 differs in email, address.city`. Shows no data.
impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            object,
            id,
            kind,
            is_repaired,
        } = self;
        write!(f, "{object} {id} {kind}")?;
        if *is_repaired {
            f.write_str(", repaired")
        } else {
            Ok(())
        }
    }
}

/// What is not the same.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum FindingKind {
    /// Stripe has the object, and the table does not, or has it as deleted.
    Missing,
    /// The table has the object, and Stripe does not.
    Extra(Gone),
    /// Fields are not the same.
    #[non_exhaustive]
    Differing {
        /// Which: the first 20.
        fields: Vec<FieldDifference>,
        /// How many more.
        more: u64,
    },
}

impl FindingKind {
    /// As a word: `"missing"`, `"extra"`, `"differing"`.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Extra(_) => "extra",
            Self::Differing { .. } => "differing",
        }
    }
}

impl fmt::Display for FindingKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str("is missing here"),
            Self::Extra(gone) => write!(f, "{gone}"),
            Self::Differing { fields, more } => {
                let paths: Vec<&str> = fields.iter().map(FieldDifference::path).collect();
                write!(f, "differs in {}", paths.join(", "))?;
                if *more > 0 {
                    write!(f, " and {more} more")
                } else {
                    Ok(())
                }
            }
        }
    }
}

/// How it is known that Stripe does not have an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Gone {
    /// Stripe says that it was deleted.
    Deleted,
    /// Stripe knows of no such object (404, `resource_missing`).
    NotFound,
    /// It is on none of the lists of its type, and cannot be asked for by its id. Never repaired: that Stripe deleted it is
    /// not said.
    NotListed,
}

impl Gone {
    /// As a word: `"deleted"`, `"not_found"`, `"not_listed"`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Deleted => "deleted",
            Self::NotFound => "not_found",
            Self::NotListed => "not_listed",
        }
    }
}

impl fmt::Display for Gone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Deleted => "is deleted at Stripe",
            Self::NotFound => "is not known to Stripe",
            Self::NotListed => "is on no list of Stripe's",
        })
    }
}

/// Something that happened while a comparison runs.
#[derive(Debug)]
#[non_exhaustive]
pub enum ReconcileEvent<'a> {
    /// So many lists are to be read.
    #[non_exhaustive]
    Planned {
        /// How many lists.
        lists: usize,
    },
    /// A page was compared.
    #[non_exhaustive]
    Page {
        /// Of which list.
        list: &'a ListName,
        /// How many objects it had.
        objects: usize,
    },
    /// A list is done with.
    #[non_exhaustive]
    Listed {
        /// Which.
        list: &'a ListName,
        /// How it ended.
        end: &'a ListEnd,
    },
    /// A row was asked for by its id.
    #[non_exhaustive]
    Asked {
        /// Its type.
        object: &'a str,
    },
    /// An object is not the same here and at Stripe.
    #[non_exhaustive]
    Found {
        /// Which, and how.
        finding: &'a Finding,
    },
}

/// What was found of the objects of a type. The counts are exact.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct TypeReport {
    /// The type.
    pub object: String,
    /// How many objects were looked at, here and at Stripe.
    pub compared: u64,
    /// How many of them Stripe has and the table does not.
    pub missing: u64,
    /// How many the table has and Stripe does not.
    pub extra: u64,
    /// How many have other fields here than at Stripe.
    pub differing: u64,
    /// How many of the three above are repaired.
    pub repaired: u64,
    /// How many are not the same, and were rendered by another API version: whether they differ cannot be said.
    pub other_version: u64,
    /// How many changed here after Stripe answered, or in the same moment, so that they cannot be compared.
    pub changed_meanwhile: u64,
    /// How many rows Stripe could not be asked for: their type has no path, or a list of it could not be read.
    pub unchecked: u64,
    /// How many could not be read, from Stripe or as what they are.
    pub failed: u64,
    /// The first 20 of what was found.
    pub examples: Vec<Finding>,
    /// The first 20 that could not be read, and why.
    pub failures: Vec<(ObjectRef, Error)>,
}

impl TypeReport {
    pub(super) fn of(object: &str) -> Self {
        Self {
            object: object.to_owned(),
            ..Self::default()
        }
    }

    /// How many differences are left.
    pub fn left(&self) -> u64 {
        let found = self.missing + self.extra + self.differing;
        found.saturating_sub(self.repaired)
    }

    pub(super) fn add(&mut self, finding: &Finding) {
        match finding.kind {
            FindingKind::Missing => self.missing += 1,
            FindingKind::Extra(_) => self.extra += 1,
            FindingKind::Differing { .. } => self.differing += 1,
        }
        self.repaired += u64::from(finding.is_repaired);
        if self.examples.len() < MAX_EXAMPLES {
            self.examples.push(finding.clone());
        }
    }

    pub(super) fn add_failure(&mut self, object: ObjectRef, error: Error) {
        self.failed += 1;
        if self.failures.len() < MAX_EXAMPLES {
            self.failures.push((object, error));
        }
    }
}

/// A list that was not read to its end.
#[derive(Debug)]
#[non_exhaustive]
pub struct UnreadList {
    /// Which.
    pub list: ListName,
    /// Why.
    pub end: ListEnd,
}

/// What a comparison of the table with Stripe found.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct ReconcileReport {
    /// By type, in the order of their names.
    pub types: Vec<TypeReport>,
    /// The lists that were not read to their ends.
    pub unread: Vec<UnreadList>,
    /// What the samples were drawn with; `None` where none were.
    pub seed: Option<u64>,
    /// What had to be read again after repairs.
    pub settled: Settled,
}

impl ReconcileReport {
    /// How many differences are left.
    pub fn left(&self) -> u64 {
        self.types.iter().map(TypeReport::left).sum()
    }

    /// How many differences were found, repaired or not.
    pub fn found(&self) -> u64 {
        let found = |it: &TypeReport| it.missing + it.extra + it.differing;
        self.types.iter().map(found).sum()
    }

    /// Whether everything was read that the key may read and the account has. Whether anything was found is another
    /// question: [`left`](Self::left).
    pub fn is_complete(&self) -> bool {
        let is_fine = |unread: &UnreadList| {
            matches!(
                unread.end,
                ListEnd::Skipped(SkipReason::NotPermitted(_) | SkipReason::NotAvailable(_))
            )
        };
        self.unread.iter().all(is_fine)
            && self.types.iter().all(|it| it.failed == 0)
            && self.settled.failed.is_empty()
    }
}
