//! What a backfill tells: while it runs, and at its end.

use std::fmt;

use crate::client::{ApiError, ClientError, ErrorKind};
use crate::store::{AccountId, ObjectRef, Scope, SnapshotError};
use crate::sync::SyncError;
use crate::view::Listing;

/// The most odd objects of a list, and the most refusals, that a report names.
const MAX_EXAMPLES: usize = 20;

/// A list of Stripe's, of one account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListName {
    pub(super) listing: Listing,
    pub(super) account: Option<AccountId>,
}

impl ListName {
    pub(in crate::sync) fn new(listing: &Listing, scope: &Scope) -> Self {
        Self {
            listing: *listing,
            account: scope.account().cloned(),
        }
    }

    /// The path, as Stripe's documentation writes it: `/v1/customers/{customer}/tax_ids`.
    pub fn path(&self) -> &'static str {
        self.listing.path
    }

    /// The types that it lists.
    pub fn objects(&self) -> &'static [&'static str] {
        self.listing.objects
    }

    /// The type of the objects that have such a list each; `None` if there is one of it only.
    pub fn parent(&self) -> Option<&'static str> {
        self.listing.parent.map(|parent| parent.object)
    }

    /// The connected account; `None` for the account that the key belongs to.
    pub fn account(&self) -> Option<&str> {
        self.account.as_ref().map(AccountId::as_str)
    }
}

impl fmt::Display for ListName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.path())?;
        let mut mark = '?';
        for (name, value) in self.listing.params {
            // What has to be said so that nothing is left out does not tell lists apart.
            if *value != "all" {
                write!(f, "{mark}{name}={value}")?;
                mark = '&';
            }
        }
        let parent = self.listing.parent;
        if let Some((name, parent)) = parent.and_then(|it| Some((it.param?, it.object))) {
            write!(f, "{mark}{name}={{{parent}}}")?;
        }
        match self.account() {
            Some(account) => write!(f, " of {account}"),
            None => Ok(()),
        }
    }
}

/// Something that happened while a backfill runs.
#[derive(Debug)]
#[non_exhaustive]
pub enum BackfillEvent<'a> {
    /// So many lists are to be read, of so many accounts, as far as that is known.
    #[non_exhaustive]
    Planned {
        /// How many lists.
        lists: usize,
    },
    /// A list begins, or goes on where an earlier run was stopped.
    #[non_exhaustive]
    Begun {
        /// Which.
        list: &'a ListName,
        /// Whether an earlier run has read a part of it.
        is_resumed: bool,
    },
    /// A page is in the table.
    #[non_exhaustive]
    Page {
        /// Of which list.
        list: &'a ListName,
        /// How many objects it had.
        objects: usize,
    },
    /// An object whose state was not certain, or in which a list was cut short, was read again, or failed to be.
    #[non_exhaustive]
    Settled {
        /// Which.
        object: &'a ObjectRef,
    },
    /// A list is done with.
    #[non_exhaustive]
    Ended {
        /// What became of it.
        report: &'a ListReport,
    },
}

/// What became of a list.
#[derive(Debug)]
#[non_exhaustive]
pub struct ListReport {
    /// Which.
    pub list: ListName,
    /// How it ended.
    pub end: ListEnd,
    /// How many pages were read, in this run.
    pub pages: u64,
    /// How many objects were on them.
    pub objects: u64,
    /// How many of these were new here, or newer than what was here.
    pub changed: u64,
    /// Objects that could not be stored, the first 20.
    pub odd: Vec<OddItem>,
    /// How many could not be stored.
    pub odd_count: u64,
    /// Of a list below others: those that refused theirs in this run, the first 20. Each later run asks them again.
    pub refused: Vec<RefusedParent>,
    /// How many refused, also in an earlier run that this one went on with.
    pub refused_count: u64,
}

impl ListReport {
    pub(super) fn new(list: ListName) -> Self {
        Self {
            list,
            end: ListEnd::Read,
            pages: 0,
            objects: 0,
            changed: 0,
            odd: Vec::new(),
            odd_count: 0,
            refused: Vec::new(),
            refused_count: 0,
        }
    }

    /// What to do where it was not read, for people: `"run it again: it goes on where it stopped"`. `None` where the
    /// reason says it, or nothing can be done.
    pub fn remedy(&self) -> Option<&'static str> {
        match &self.end {
            ListEnd::Read | ListEnd::Unusable(SyncError::State { .. }) => None,
            ListEnd::ReadInPart => Some("the next run asks those again"),
            ListEnd::Skipped(SkipReason::NotPermitted(_)) => Some(GIVE_PERMISSION),
            ListEnd::Skipped(SkipReason::NotAvailable(_)) => {
                Some("once it is set up, the next run reads it")
            }
            ListEnd::Skipped(SkipReason::ParentNotRead) => {
                Some("it is read once that is: run it again")
            }
            ListEnd::Failed(error) => remedy(error),
            ListEnd::Unusable(_) => {
                Some("see whether a proxy changes Stripe's answers, and run it again")
            }
        }
    }

    pub(super) fn ended(self, end: ListEnd) -> Self {
        Self { end, ..self }
    }

    pub(super) fn add_odd(&mut self, odd: OddItem) {
        self.odd_count += 1;
        if self.odd.len() < MAX_EXAMPLES {
            self.odd.push(odd);
        }
    }

    pub(super) fn add_refused(&mut self, refused: RefusedParent) {
        self.refused_count += 1;
        if self.refused.len() < MAX_EXAMPLES {
            self.refused.push(refused);
        }
    }

    /// Adds what other tasks counted of the same list.
    pub(super) fn absorb(&mut self, other: Self) {
        self.pages += other.pages;
        self.objects += other.objects;
        self.changed += other.changed;
        self.odd_count += other.odd_count;
        let room = MAX_EXAMPLES.saturating_sub(self.odd.len());
        self.odd.extend(other.odd.into_iter().take(room));
        self.refused_count += other.refused_count;
        let room = MAX_EXAMPLES.saturating_sub(self.refused.len());
        self.refused.extend(other.refused.into_iter().take(room));
    }
}

/// An object on a page that the table cannot take.
#[derive(Debug)]
#[non_exhaustive]
pub struct OddItem {
    /// Its id, where it has one.
    pub id: Option<String>,
    /// Why.
    pub error: SnapshotError,
}

/// An object that refused the list below it, as an account of a kind that does not show its persons.
#[derive(Debug)]
#[non_exhaustive]
pub struct RefusedParent {
    /// Its id.
    pub id: String,
    /// How.
    pub error: ClientError,
}

/// How the reading of a list ended.
#[derive(Debug)]
#[non_exhaustive]
pub enum ListEnd {
    /// It was read to its end, or, where that was asked for, to what was here already.
    Read,
    /// So was every list below others but those that were [refused](ListReport::refused).
    ReadInPart,
    /// It was not read, and nothing went wrong.
    Skipped(SkipReason),
    /// A call failed. What was read before is in the table, and the next run goes on there.
    Failed(ClientError),
    /// What came cannot be stored as it came.
    Unusable(SyncError),
}

impl ListEnd {
    /// Whether it was read to its end.
    pub fn is_read(&self) -> bool {
        matches!(self, Self::Read)
    }
}

const GIVE_PERMISSION: &str = "give the key that permission, or use another, and run it again";

/// What to do about a call that failed.
fn remedy(error: &ClientError) -> Option<&'static str> {
    let kind = error.api().map(ApiError::kind);
    match (kind, error) {
        (Some(ErrorKind::RateLimit), _) => {
            Some("set a lower rate, and run it again: it goes on where it stopped")
        }
        (Some(ErrorKind::Permission), _) => Some(GIVE_PERMISSION),
        (Some(_), error) if error.is_transient() => {
            Some("run it again later: it goes on where it stopped")
        }
        (Some(_), _) => Some(
            "run it again: it goes on where it stopped; if this stays, Stripe's support finds the request by its id",
        ),
        (None, ClientError::Unusable(response)) if response.reason().is_cut_off() => Some(GO_ON),
        (None, ClientError::Unusable(_) | ClientError::Certificate { .. }) => Some(
            "see what answers in Stripe's place, and run it again: it goes on where it stopped",
        ),
        (None, ClientError::Connection { .. }) => {
            Some("see whether Stripe can be reached, and run it again: it goes on where it stopped")
        }
        (None, ClientError::Timeout { .. }) => Some(GO_ON),
        (None, ClientError::NoWayOn { .. }) => Some("read it anew, with `full`"),
        (None, _) => None,
    }
}

const GO_ON: &str = "run it again: it goes on where it stopped";

/// Why a list was not read.
#[derive(Debug)]
#[non_exhaustive]
pub enum SkipReason {
    /// The key may not read it: give the restricted key that permission, or take another key.
    NotPermitted(ClientError),
    /// The account does not have it, because a product of Stripe's is not set up.
    NotAvailable(ClientError),
    /// It is below a list that was not read to its end.
    ParentNotRead,
}

impl fmt::Display for SkipReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotPermitted(error) => write!(f, "the key may not read it: {error}"),
            Self::NotAvailable(error) => write!(f, "the account does not have it: {error}"),
            Self::ParentNotRead => f.write_str("it is below a list that was not read to its end"),
        }
    }
}

/// What a backfill did.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct BackfillReport {
    /// What became of each list, in the order in which they ended.
    pub lists: Vec<ListReport>,
    /// How many objects with lists that Stripe cut short were completed, and how many were read again because their state
    /// was not certain.
    pub settled: crate::sync::Settled,
}

impl BackfillReport {
    /// Whether every list was read to its end, or was skipped because the key may not read it or the account does not
    /// have it, or was [refused](ListReport::refused) in part, and every object on them is in the table.
    pub fn is_complete(&self) -> bool {
        let is_fine = |list: &ListReport| {
            let is_done = matches!(
                list.end,
                ListEnd::Read
                    | ListEnd::ReadInPart
                    | ListEnd::Skipped(SkipReason::NotPermitted(_) | SkipReason::NotAvailable(_))
            );
            is_done && list.odd_count == 0
        };
        self.lists.iter().all(is_fine) && self.settled.failed.is_empty()
    }

    /// How many objects the pages had.
    pub fn objects(&self) -> u64 {
        self.lists.iter().map(|list| list.objects).sum()
    }
}
