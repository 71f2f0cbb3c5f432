//! An event that was read, and what it brings.

use std::borrow::Cow;

use serde_json::Value;

use crate::error::chain;
use crate::ingest::{Content, Event};
use crate::store::{Change, EventStatus, KeptEvent, NewEvent, Snapshot};
use crate::view::Timestamp;

/// An event, with what is to be written and handed over.
#[derive(Debug)]
pub(crate) struct Prepared<'a> {
    pub(super) event: Event<'a>,
    /// What it brings, if anything.
    pub(super) snapshot: Option<Snapshot<'a>>,
    /// Why what it brings cannot be written.
    pub(super) refused: Option<String>,
    /// Its object, for handlers.
    pub(super) object: Option<Value>,
}

impl<'a> Prepared<'a> {
    /// Reads what the event brings; its object as a tree only if a handler wants it.
    pub(crate) fn new(event: Event<'a>, wants_object: bool) -> Self {
        let (snapshot, refused) = match event.content() {
            Ok(Content::Snapshot(snapshot)) => (Some(*snapshot), None),
            Ok(Content::Skipped(_)) => (None, None),
            Err(error) => (None, Some(chain(&error))),
        };
        let object = event.object_json().filter(|_| wants_object);
        Self {
            object: object.and_then(|json| serde_json::from_str(json).ok()),
            event,
            snapshot,
            refused,
        }
    }

    /// Reads an event of the inbox.
    pub(super) fn kept(
        kept: &'a KeptEvent,
        wants_object: impl FnOnce(&str) -> bool,
    ) -> Result<Self, String> {
        let event = Event::read(&kept.payload).map_err(|error| chain(&error))?;
        let event = event.within(&kept.account, kept.livemode);
        let wants_object = wants_object(event.event_type());
        let prepared = Self::new(event, wants_object);
        match prepared.refused {
            Some(reason) => Err(reason),
            None => Ok(prepared),
        }
    }

    /// With what was read of a thin event's object.
    #[cfg(all(feature = "client", feature = "webhook"))]
    pub(crate) fn with_fetched(mut self, snapshot: Snapshot<'a>, wants_object: bool) -> Self {
        if wants_object {
            self.object = serde_json::from_str(snapshot.data()).ok();
        }
        self.snapshot = Some(snapshot);
        self
    }

    /// The event's type.
    #[cfg(feature = "webhook")]
    pub(crate) fn event_type(&self) -> &str {
        self.event.event_type()
    }

    /// Why what it brings cannot be written, if it cannot.
    #[cfg(feature = "webhook")]
    pub(crate) fn refused(&self) -> Option<&str> {
        self.refused.as_deref()
    }

    /// What it does to its object.
    pub(super) fn change(&self) -> Change {
        let snapshot = self.snapshot.as_ref();
        snapshot.map_or(Change::Updated, Snapshot::change)
    }

    /// As it goes into the inbox, to be applied later.
    #[cfg(feature = "client")]
    pub(crate) fn pending(&self) -> NewEvent<'_> {
        self.new_event(EventStatus::Pending(None, None))
    }

    /// As it goes into the inbox.
    pub(super) fn new_event<'e>(&'e self, status: EventStatus<'e>) -> NewEvent<'e> {
        let event = &self.event;
        let about = match (&self.snapshot, event.related()) {
            (Some(snapshot), _) => Some((snapshot.object(), snapshot.id())),
            (None, Some(related)) => Some((related.object.as_str(), related.id.as_str())),
            (None, None) => None,
        };
        NewEvent {
            id: event.id(),
            account: event.account(),
            mode: event.mode(),
            event_type: event.event_type().into(),
            created: event.created().map_or(0, Timestamp::unix_seconds),
            api_version: event.api_version().map(Into::into),
            about: about.map(|(object, id)| (Cow::Borrowed(object), Cow::Borrowed(id))),
            change: self.change(),
            payload: event.json(),
            status,
        }
    }
}
