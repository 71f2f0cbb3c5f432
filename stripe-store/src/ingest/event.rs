//! An event: what it says of itself, and what it brings.
//!
//! Knows what event types mean for their objects, from the facts of the API description. Knows no inbox and no signature.

use std::fmt;

use serde_json::value::RawValue;

use super::IngestError;
use super::entries::{Content, Place, Skipped, is_named, json_error, object_error};
use super::pick::{boolean, integer, pick, string};
use crate::clock::UnixMillis;
use crate::resources::events;
#[cfg(any(feature = "client", feature = "webhook"))]
use crate::store::is_storable;
use crate::store::{
    Change, Interval, Mode, Snapshot, SnapshotBuilder, SnapshotError, Source, shown,
};
use crate::view::Timestamp;

/// An event as Stripe sent it. Its envelope has been read; its object has not been looked at.
///
/// ```
/// use stripe_store::ingest::{Content, Event};
///
/// let json = r#"{"object": "event", "id": "evt_1", "type": "customer.created", "created": 1700000000,
///     "data": {"object": {"object": "customer", "id": "cus_1"}}}"#;
/// let event = Event::read(json)?;
/// assert_eq!((event.id(), event.event_type()), ("evt_1", "customer.created"));
/// let Content::Snapshot(customer) = event.content()? else { panic!("no snapshot") };
/// assert_eq!(customer.id(), "cus_1");
/// # Ok::<(), stripe_store::ingest::IngestError>(())
/// ```
#[derive(Clone)]
#[expect(clippy::struct_field_names, reason = "`type` is a keyword")]
pub struct Event<'a> {
    text: &'a str,
    place: Place,
    is_thin: bool,
    id: String,
    event_type: String,
    created: Option<i64>,
    livemode: Option<bool>,
    account: Option<String>,
    api_version: Option<String>,
    data: Option<&'a RawValue>,
    #[cfg_attr(
        not(any(feature = "client", feature = "webhook")),
        expect(dead_code, reason = "whoever has events asks for it")
    )]
    related: Option<Related>,
}

/// What a thin event names instead of carrying it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Related {
    pub(crate) object: String,
    pub(crate) id: String,
    /// Where it is at Stripe.
    pub(crate) url: Option<String>,
}

/// Without the data, which is other people's.
impl fmt::Debug for Event<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Event")
            .field("id", &self.id)
            .field("event_type", &self.event_type)
            .field("created", &self.created)
            .field("livemode", &self.livemode)
            .field("account", &self.account)
            .field("api_version", &self.api_version)
            .finish_non_exhaustive()
    }
}

impl<'a> Event<'a> {
    /// Reads the envelope of an event, from the JSON that Stripe sent.
    ///
    /// # Errors
    ///
    /// [`IngestError::Json`] where the text is no JSON, [`IngestError::NotAnEvent`] where it is of another type, and
    /// [`IngestError::Event`] where it lacks its id, or what it carries when it was created.
    pub fn read(json: &'a str) -> Result<Self, IngestError> {
        let place = Place::START;
        let [object] = pick(json, ["object"]).map_err(|error| json_error(&error, place))?;
        if !is_event(object) {
            return Err(IngestError::NotAnEvent { line: place.line });
        }
        Self::at(json, place)
    }

    /// Reads what [is an event](is_event), at a place of a file.
    pub(super) fn at(text: &'a str, place: Place) -> Result<Self, IngestError> {
        let fields = [
            "object",
            "id",
            "type",
            "created",
            "livemode",
            "api_version",
            "account",
            "data",
            "related_object",
            "context",
        ];
        let picked = pick(text, fields).map_err(|error| json_error(&error, place))?;
        let [
            object,
            id,
            event_type,
            created,
            livemode,
            api_version,
            account,
            data,
            related,
            context,
        ] = picked;
        let is_thin = is_named(object, "v2.core.event");
        let Some(id) = string(id).filter(|id| !id.is_empty()) else {
            return Err(lacks("without id", place, "id"));
        };
        if data.is_none() && !is_thin {
            return Err(lacks(&id, place, "data"));
        }
        let (created, account) = if is_thin {
            let moment = string(created).and_then(|text| UnixMillis::parse_utc(&text));
            let moment = moment.map(|moment| moment.timestamp().unix_seconds());
            // The account that what it names is read in.
            let context = string(context).filter(|context| context.starts_with("acct_"));
            let account = context.or_else(|| string(account));
            (moment.or_else(|| integer(created)), account)
        } else {
            (integer(created), string(account))
        };
        if created.is_none() && !is_thin {
            return Err(lacks(&id, place, "created"));
        }
        Ok(Self {
            text,
            place,
            is_thin,
            id,
            event_type: string(event_type).unwrap_or_else(|| "without type".to_owned()),
            created,
            livemode: boolean(livemode),
            account,
            api_version: string(api_version),
            data: data.filter(|_| !is_thin),
            related: related.filter(|_| is_thin).and_then(Related::read),
        })
    }

    /// The event's id.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The event's type: `invoice.paid`; `without type` where it has none.
    pub fn event_type(&self) -> &str {
        &self.event_type
    }

    /// When it was created, to the second; `None` for a [thin](Self::is_thin) one that does not say it.
    pub fn created(&self) -> Option<Timestamp> {
        self.created.map(Timestamp::from_unix_seconds)
    }

    /// Live or test mode, where it says so.
    pub fn mode(&self) -> Option<Mode> {
        self.livemode.map(Mode::from_livemode)
    }

    /// The connected account that it is of, where it says so.
    pub fn account(&self) -> Option<&str> {
        self.account.as_deref()
    }

    /// The API version that rendered its object, where it says so.
    pub fn api_version(&self) -> Option<&str> {
        self.api_version.as_deref()
    }

    /// Whether it names its object and does not carry it, as events of API v2 do.
    pub fn is_thin(&self) -> bool {
        self.is_thin
    }

    /// The event as Stripe sent it.
    pub fn json(&self) -> &'a str {
        self.text
    }

    /// The API resource and what happened to it: the type, split at its last dot. `None` for a type without one, such as
    /// `ping`.
    ///
    /// ```
    /// # use stripe_store::ingest::Event;
    /// # let json = r#"{"object": "event", "id": "evt_1", "type": "charge.dispute.created", "created": 1, "data": {}}"#;
    /// let event = Event::read(json)?;
    /// assert_eq!(event.resource_and_action(), Some(("charge.dispute", "created")));
    /// # Ok::<(), stripe_store::ingest::IngestError>(())
    /// ```
    pub fn resource_and_action(&self) -> Option<(&str, &str)> {
        self.event_type.rsplit_once('.')
    }

    /// The id of the customer that it is about: of the object itself, for events of customers, or the one that the object
    /// names.
    pub fn customer(&self) -> Option<String> {
        let [object] = pick(self.data?.get(), ["object"]).ok()?;
        let [kind, id, customer] = pick(object?.get(), ["object", "id", "customer"]).ok()?;
        if is_named(kind, "customer") {
            return string(id);
        }
        string(customer).or_else(|| {
            let [id] = pick(customer?.get(), ["id"]).ok()?;
            string(id)
        })
    }

    /// What it carries, as Stripe sent it.
    #[cfg(all(feature = "client", feature = "webhook"))]
    pub(crate) fn data_json(&self) -> Option<&'a str> {
        self.data.map(RawValue::get)
    }

    /// Its object, as Stripe sent it; `None` where it carries none, as a [thin](Self::is_thin) one.
    pub fn object_json(&self) -> Option<&'a str> {
        let [object] = pick(self.data?.get(), ["object"]).ok()?;
        object.map(RawValue::get)
    }

    /// Whether the inbox can have it under its own id.
    #[cfg(any(feature = "client", feature = "webhook"))]
    pub(crate) fn is_keepable(&self) -> bool {
        is_storable(&self.id) && self.account.as_deref().is_none_or(is_storable)
    }

    /// What a thin event names.
    #[cfg(any(feature = "client", feature = "webhook"))]
    pub(crate) fn related(&self) -> Option<&Related> {
        self.related.as_ref()
    }

    /// The same event, of this account and mode where it does not say its own.
    #[cfg(any(feature = "client", feature = "webhook"))]
    pub(crate) fn within(self, account: &str, livemode: bool) -> Self {
        Self {
            account: self.account.or_else(|| Some(account.to_owned())),
            livemode: self.livemode.or(Some(livemode)),
            ..self
        }
    }

    /// What it brings: the snapshot of its object, taken in the second of the event, or nothing.
    ///
    /// # Errors
    ///
    /// [`IngestError::Event`] where there is no object in it, [`IngestError::Object`] where that cannot become a row.
    pub fn content(&self) -> Result<Content<'a>, IngestError> {
        let (Some(data), Some(created)) = (self.data, self.created) else {
            return Ok(Content::Skipped(Skipped::Thin {
                event: self.id.clone(),
                event_type: self.event_type.clone(),
            }));
        };
        let missing = || lacks(&self.id, self.place, "data.object");
        let [object, previous] =
            pick(data.get(), ["object", "previous_attributes"]).map_err(|_| missing())?;
        let mut read = match Snapshot::read(object.ok_or_else(missing)?) {
            Ok(read) => read,
            Err(SnapshotError::MissingId { .. }) => {
                return Ok(Content::Skipped(Skipped::WithoutId {
                    event: self.id.clone(),
                    event_type: self.event_type.clone(),
                }));
            }
            Err(source) => return Err(object_error(source, self.place)),
        };
        if let Some(mode) = self.mode() {
            read = read.mode(mode);
        }
        if let Some(version) = &self.api_version {
            read = read.api_version(version.clone());
        }
        if let Some(account) = &self.account {
            read = read.account(account.clone());
        }
        if let Some(previous) = previous {
            read = read.previous_attributes(previous);
        }
        if is_deletion(&self.event_type, &read) {
            read = read.tombstone();
        }
        let change = change(&self.event_type, &read);
        let taken = read
            .change(change)
            .taken(Interval::second(created), Source::event(&self.id));
        Ok(Content::Snapshot(Box::new(taken)))
    }
}

impl Related {
    fn read(raw: &RawValue) -> Option<Self> {
        let [object, id, url] = pick(raw.get(), ["type", "id", "url"]).ok()?;
        Some(Self {
            object: string(object)?,
            id: string(id)?,
            url: string(url),
        })
    }
}

/// What an event brings, from the JSON that Stripe sent: the snapshot of its object, taken in the event's second.
///
/// ```
/// use stripe_store::ingest::{self, Content};
///
/// let json = r#"{"object": "event", "id": "evt_1", "type": "customer.created", "created": 1700000000,
///     "data": {"object": {"object": "customer", "id": "cus_1"}}}"#;
/// let Content::Snapshot(customer) = ingest::event(json)? else { panic!("no snapshot") };
/// assert_eq!((customer.object(), customer.id()), ("customer", "cus_1"));
/// # Ok::<(), stripe_store::ingest::IngestError>(())
/// ```
///
/// # Errors
///
/// As [`Event::read`] and [`Event::content`].
pub fn event(json: &str) -> Result<Content<'_>, IngestError> {
    Event::read(json)?.content()
}

fn lacks(id: &str, place: Place, field: &'static str) -> IngestError {
    IngestError::Event {
        line: place.line,
        id: shown(id),
        field,
    }
}

/// Whether an object of this type is an event.
pub(super) fn is_event(object: Option<&RawValue>) -> bool {
    is_named(object, "event") || is_named(object, "v2.core.event")
}

/// Whether an event says that its object is gone at Stripe. `customer.subscription.deleted` does not: it is a
/// cancellation, and the subscription stays.
fn is_deletion(event_type: &str, object: &SnapshotBuilder<'_>) -> bool {
    // One event type for all that a customer pays with; a card is deleted, a source is only detached.
    object.object() != "source" && events::facts(event_type).is_some_and(|facts| facts.is_deletion)
}

/// What an event says of its object's life. That a subscription was deleted means that it was canceled: its object
/// stays, and yet nothing follows.
fn change(event_type: &str, object: &SnapshotBuilder<'_>) -> Change {
    match event_type.rsplit('.').next() {
        Some("deleted") => Change::Deleted,
        // A source is created before it is a customer's, and an authorization is asked about before it is created.
        Some("created")
            if object.object() != "source" && event_type != "issuing_authorization.created" =>
        {
            Change::Created
        }
        _ => Change::Updated,
    }
}
