//! What a catch-up tells: while it runs, and at its end.

use std::fmt;

use super::state::Span;
use crate::client::ClientError;
use crate::clock::UnixMillis;
use crate::error::Error;
use crate::inbox::Applied;
use crate::ingest::IngestError;
use crate::store::{AccountId, ObjectRef, Scope};
use crate::sync::{Settled, count};
use crate::view::Timestamp;

/// The most odd and failed events that a report names.
const MAX_NAMED: usize = 20;

/// Something that happened while a catch-up runs.
#[derive(Debug)]
#[non_exhaustive]
pub enum CatchUpEvent<'a> {
    /// A page of events is in the inbox.
    #[non_exhaustive]
    Page {
        /// The connected account; `None` for the account that the key belongs to.
        account: Option<&'a str>,
        /// How many events it had.
        events: usize,
        /// How many of them were not known.
        new: usize,
    },
    /// Events of the inbox were applied, or could not be.
    #[non_exhaustive]
    Applied {
        /// How many.
        events: usize,
    },
    /// An object whose state only Stripe could tell was read again, or its lists were, or that failed.
    #[non_exhaustive]
    Settled {
        /// Which.
        object: &'a ObjectRef,
    },
    /// A run of [`every`](super::CatchUp::every) has come to its end.
    #[non_exhaustive]
    Ended {
        /// What became of it.
        report: &'a CatchUpReport,
    },
    /// A run of [`every`](super::CatchUp::every) failed, and another is made.
    #[non_exhaustive]
    Failed {
        /// Why.
        error: &'a Error,
    },
}

/// What became of a catch-up.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct CatchUpReport {
    /// The events of each account, that of the key first.
    pub accounts: Vec<AccountEvents>,
    /// How many events of the inbox were applied, also such as another run or process had put there.
    pub applied: u64,
    /// How many objects are new or newer for it.
    pub changed: u64,
    /// Events that could not be applied, at most 20. They are in the inbox, with the reason.
    pub failed: Vec<FailedEvent>,
    /// How many there are of these.
    pub failed_count: u64,
    /// What became of dirty objects.
    pub settled: Settled,
}

impl CatchUpReport {
    /// Whether every account's events were read, all were applied, and nothing is dirty. A [gap](AccountEvents::gap) is
    /// another matter.
    pub fn is_complete(&self) -> bool {
        let is_read = |it: &AccountEvents| it.error.is_none() && it.odd_count == 0;
        self.accounts.iter().all(is_read)
            && self.failed_count == 0
            && self.settled.failed.is_empty()
    }

    /// How many events were read.
    pub fn read(&self) -> u64 {
        self.accounts.iter().map(|account| account.read).sum()
    }

    /// How many of these were not known.
    pub fn new_events(&self) -> u64 {
        self.accounts.iter().map(|account| account.new).sum()
    }

    pub(super) fn add(&mut self, applied: Applied) {
        let failed = applied.failed.len();
        self.applied += count(applied.taken.saturating_sub(failed));
        self.changed += count(applied.changed);
        self.failed_count += count(failed);
        let room = MAX_NAMED.saturating_sub(self.failed.len());
        let named = applied.failed.into_iter().take(room);
        self.failed
            .extend(named.map(|(id, reason)| FailedEvent { id, reason }));
    }
}

/// The events of one account.
#[derive(Debug)]
#[non_exhaustive]
pub struct AccountEvents {
    account: Option<AccountId>,
    /// How many were read.
    pub read: u64,
    /// How many of these were not in the inbox.
    pub new: u64,
    /// What is on the list and is no event, or lacks its id or its time, at most 20.
    pub odd: Vec<OddEvent>,
    /// How many there are of these.
    pub odd_count: u64,
    pub(super) gap: Option<Span>,
    /// Why the list was not read to its end, if it was not. The next run goes on there.
    pub error: Option<ClientError>,
}

impl AccountEvents {
    pub(super) fn new(scope: &Scope) -> Self {
        Self {
            account: scope.account().cloned(),
            read: 0,
            new: 0,
            odd: Vec::new(),
            odd_count: 0,
            gap: None,
            error: None,
        }
    }

    /// The connected account; `None` for the account that the key belongs to.
    pub fn account(&self) -> Option<&str> {
        self.account.as_ref().map(AccountId::as_str)
    }

    /// A time of which no event may ever have been seen, and after which the lists have not been read whole.
    pub fn gap(&self) -> Option<EventGap> {
        self.gap.map(EventGap)
    }

    pub(super) fn add_odd(&mut self, odd: OddEvent) {
        self.odd_count += 1;
        if self.odd.len() < MAX_NAMED {
            self.odd.push(odd);
        }
    }
}

/// A time of which no event may ever have been seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventGap(Span);

impl EventGap {
    /// When it begins; `None` where the lists were never read.
    pub fn from(&self) -> Option<Timestamp> {
        self.0.from.map(Timestamp::from_unix_seconds)
    }

    /// When it ends.
    pub fn until(&self) -> Timestamp {
        Timestamp::from_unix_seconds(self.0.until)
    }
}

/// `from 2026-10-01T00:00:00Z to 2026-10-12T00:00:00Z`, `before 2026-10-12T00:00:00Z`.
impl fmt::Display for EventGap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let moment = |seconds: i64| UnixMillis::from_seconds(seconds);
        match self.0.from {
            Some(from) => write!(f, "from {} to {}", moment(from), moment(self.0.until)),
            None => write!(f, "before {}", moment(self.0.until)),
        }
    }
}

/// What is on the list of events and cannot be put into the inbox.
#[derive(Debug)]
#[non_exhaustive]
pub struct OddEvent {
    /// Its id, if it has one.
    pub id: Option<String>,
    /// What is wrong with it.
    pub error: IngestError,
}

/// An event that could not be applied.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct FailedEvent {
    /// Its id.
    pub id: String,
    /// Why not.
    pub reason: String,
}
