//! An event of the inbox, as it is handed out.

use std::fmt;
use std::str::FromStr;

use super::LIST;
use crate::clock::UnixMillis;
use crate::ingest::{Event, IngestError};
use crate::store::{EventRow, Mode, ObjectRef, RowError, StoreError};
use crate::view::Timestamp;

/// What is done about an event, and what is left to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum InboxStatus {
    /// Its object is to be written, and everything after that to be done.
    Pending,
    /// Its object is in the table, or it brings none, and queued handlers are to run, or run at the moment.
    Queued,
    /// Nothing is left to do.
    Applied,
    /// It could not be applied: [`last_error`](InboxEvent::last_error) says why.
    Failed,
    /// Its object is in the table, and a handler gave up: [`last_error`](InboxEvent::last_error) says why.
    Dead,
}

impl InboxStatus {
    /// All of them, in the order in which an event passes through them.
    pub const ALL: [Self; 5] = [
        Self::Pending,
        Self::Queued,
        Self::Applied,
        Self::Failed,
        Self::Dead,
    ];

    /// The status as a word, as the column has it: `"pending"`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Queued => "queued",
            Self::Applied => "applied",
            Self::Failed => "failed",
            Self::Dead => "dead",
        }
    }
}

impl fmt::Display for InboxStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A word is no status of the inbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no status of events: pending, queued, applied, failed or dead")]
pub struct UnknownStatus;

impl FromStr for InboxStatus {
    type Err = UnknownStatus;

    fn from_str(word: &str) -> Result<Self, UnknownStatus> {
        let found = Self::ALL.into_iter().find(|status| status.as_str() == word);
        found.ok_or(UnknownStatus)
    }
}

/// An event of the inbox, and what became of it.
///
/// `Debug` shows no payload, which is other people's data.
#[derive(Clone)]
pub struct InboxEvent {
    row: EventRow,
    status: InboxStatus,
    due_at: Option<UnixMillis>,
    leased_until: Option<UnixMillis>,
    received_at: UnixMillis,
    updated_at: UnixMillis,
}

impl InboxEvent {
    /// Its id.
    pub fn id(&self) -> &str {
        &self.row.id
    }

    /// The connected account that it is of; `None` for the account that the API key belongs to.
    pub fn account(&self) -> Option<&str> {
        Some(self.row.account.as_str()).filter(|account| !account.is_empty())
    }

    /// Live or test mode.
    pub fn mode(&self) -> Mode {
        Mode::from_livemode(self.row.livemode)
    }

    /// Its type: `invoice.paid`.
    pub fn event_type(&self) -> &str {
        &self.row.event_type
    }

    /// When Stripe created it, to the second.
    pub fn created(&self) -> Timestamp {
        Timestamp::from_unix_seconds(self.row.created)
    }

    /// The API version that rendered its object, where known.
    pub fn api_version(&self) -> Option<&str> {
        self.row.api_version.as_deref()
    }

    /// What is done about it.
    pub fn status(&self) -> InboxStatus {
        self.status
    }

    /// How often it was tried, since it was put in or last replayed: to apply it, or, once it is applied, its queued handlers.
    pub fn attempts(&self) -> u32 {
        u32::try_from(self.row.attempts).unwrap_or(0)
    }

    /// Why the last attempt came to nothing; it stays until one goes well.
    pub fn last_error(&self) -> Option<&str> {
        self.row.last_error.as_deref()
    }

    /// When it reached the inbox, by the store's clock.
    pub fn received_at(&self) -> UnixMillis {
        self.received_at
    }

    /// When its row last changed, by the store's clock.
    pub fn updated_at(&self) -> UnixMillis {
        self.updated_at
    }

    /// Before when nobody works on it, where somebody is to.
    pub fn due_at(&self) -> Option<UnixMillis> {
        self.due_at
    }

    /// Until when a worker has its queued handlers at hand, unless it says it takes longer. In the past where the worker is
    /// gone.
    pub fn leased_until(&self) -> Option<UnixMillis> {
        self.leased_until
    }

    /// The type of the object that it is about, where it names one.
    pub fn object(&self) -> Option<&str> {
        self.row.object.as_deref()
    }

    /// The id of the object that it is about, where it names one.
    pub fn object_id(&self) -> Option<&str> {
        self.row.stripe_id.as_deref()
    }

    /// The names of the queued handlers that have done their work, sorted.
    pub fn handled(&self) -> Vec<String> {
        let names = self.row.handled.as_deref();
        names
            .and_then(|names| serde_json::from_str(names).ok())
            .unwrap_or_default()
    }

    /// The event as Stripe sent it, byte for byte.
    pub fn payload(&self) -> &str {
        &self.row.payload
    }

    /// The event, read: what it carries, whose [customer](Event::customer) it is about.
    ///
    /// # Errors
    ///
    /// As [`Event::read`], for a payload that something other than the store put there.
    pub fn event(&self) -> Result<Event<'_>, IngestError> {
        let event = Event::read(&self.row.payload)?;
        Ok(event.within(&self.row.account, self.row.livemode))
    }

    pub(super) fn read(row: EventRow, table: &str) -> Result<Self, StoreError> {
        let fail = |column, source| StoreError::Row {
            table: table.to_owned(),
            column,
            object: ObjectRef::one(LIST, &row.id),
            source,
        };
        let time = |column, time: &Result<UnixMillis, String>| {
            let time = time.clone();
            time.map_err(|text| fail(column, RowError::Time { text }))
        };
        let optional = |column, at: &Option<_>| at.as_ref().map(|at| time(column, at)).transpose();
        let status = row.status.parse().map_err(|UnknownStatus| {
            let text = row.status.clone();
            fail("status", RowError::Word { text })
        })?;
        Ok(Self {
            status,
            due_at: optional("due_at", &row.due_at)?,
            leased_until: optional("leased_until", &row.leased_until)?,
            received_at: time("received_at", &row.received_at)?,
            updated_at: time("updated_at", &row.updated_at)?,
            row,
        })
    }
}

impl fmt::Debug for InboxEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InboxEvent")
            .field("id", &self.row.id)
            .field("event_type", &self.row.event_type)
            .field("status", &self.status)
            .finish_non_exhaustive()
    }
}
