//! What a document holds: snapshots, and events that bring none.

use std::fmt;

use serde_json::value::RawValue;

use super::documents::newlines;
use super::pick::{boolean, integer, pick, string};
use super::{Document, IngestError};
use crate::resources::events;
use crate::store::{Change, Interval, Mode, Snapshot, SnapshotBuilder, SnapshotError, Source};

/// What is told of the objects in a file that they do not say themselves: when they were read from Stripe.
///
/// Does not concern events, which say it. Account and mode, where neither object nor event says them, are those of
/// the store that writes them.
#[derive(Debug, Clone)]
pub struct Origin {
    as_of: Interval,
    source: Source,
    api_version: Option<String>,
}

impl Origin {
    /// Objects that were read from Stripe within `as_of`, from a file: their source is [`Source::import`].
    pub fn new(as_of: Interval) -> Self {
        Self {
            as_of,
            source: Source::import(),
            api_version: None,
        }
    }

    /// Sets the API version that rendered the objects. Unknown by default.
    #[must_use]
    pub fn with_api_version(self, version: impl Into<String>) -> Self {
        Self {
            api_version: Some(version.into()),
            ..self
        }
    }

    /// Sets what brought the objects. [`Source::import`] by default.
    #[must_use]
    pub fn with_source(self, source: impl Into<Source>) -> Self {
        Self {
            source: source.into(),
            ..self
        }
    }
}

/// An object or event of a document.
#[derive(Debug, Clone)]
pub struct Entry<'a> {
    line: u64,
    content: Content<'a>,
}

impl<'a> Entry<'a> {
    /// The line of the file that it begins on, counted from 1.
    pub fn line(&self) -> u64 {
        self.line
    }

    /// What there is to write.
    pub fn content(&self) -> &Content<'a> {
        &self.content
    }

    /// What there is to write, on its own.
    pub fn into_content(self) -> Content<'a> {
        self.content
    }
}

/// What an entry brings.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Content<'a> {
    /// A snapshot, for [`Store::write`](crate::store::Store::write).
    Snapshot(Box<Snapshot<'a>>),
    /// An event that brings no snapshot. Nothing is wrong with it.
    Skipped(Skipped),
}

/// Why an event brings no snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Skipped {
    /// Its object is a preview without an id, as in `invoice.upcoming`: there is no row it could be.
    #[non_exhaustive]
    WithoutId {
        /// The event's id.
        event: String,
        /// The event's type.
        event_type: String,
    },
    /// It names an object but does not carry it, as events of API v2 do.
    #[non_exhaustive]
    Thin {
        /// The event's id.
        event: String,
        /// The event's type.
        event_type: String,
    },
}

impl fmt::Display for Skipped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WithoutId { event, event_type } => {
                write!(f, "the object of {event_type} has no id ({event})")
            }
            Self::Thin { event, event_type } => {
                write!(
                    f,
                    "{event_type} names its object but does not carry it ({event})"
                )
            }
        }
    }
}

impl Document {
    /// What the document holds, in its order: one entry for an object or event, one for each of a list's.
    ///
    /// One that cannot be stored is an error in its place, beside which the others stand.
    ///
    /// # Errors
    ///
    /// [`IngestError::Json`] where the text is no JSON, [`IngestError::List`] and [`IngestError::Event`] where a list
    /// or an event lacks what makes it one, [`IngestError::Object`] where an object cannot become a row.
    pub fn entries<'a>(&'a self, origin: &Origin) -> Vec<Result<Entry<'a>, IngestError>> {
        let text = self.text.as_str();
        match pick(text, ["object", "data"]) {
            Ok([object, data]) if is_named(object, "list") => {
                let Some(items) = data.and_then(elements) else {
                    return vec![Err(IngestError::List { line: self.line })];
                };
                let mut places = Places {
                    text,
                    place: self.place(),
                    counted: 0,
                };
                items
                    .into_iter()
                    .map(|item| entry(item.get(), places.of(item.get()), origin))
                    .collect()
            }
            Ok(_) => vec![entry(text, self.place(), origin)],
            Err(error) => vec![Err(json_error(&error, self.place()))],
        }
    }

    pub(super) fn place(&self) -> Place {
        Place {
            line: self.line,
            column: self.column,
        }
    }
}

/// Where in the file something begins, both counted from 1, the column in bytes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub(super) line: u64,
    column: u64,
}

/// Where each of a document's parts begins, asked for in the order of the text.
struct Places<'a> {
    text: &'a str,
    place: Place,
    /// How much of the text `place` accounts for.
    counted: usize,
}

impl Places<'_> {
    fn of(&mut self, part: &str) -> Place {
        let offset = part
            .as_ptr()
            .addr()
            .saturating_sub(self.text.as_ptr().addr());
        let between = self
            .text
            .as_bytes()
            .get(self.counted..offset)
            .unwrap_or_default();
        let last_line = between
            .rsplit(|byte| *byte == b'\n')
            .next()
            .unwrap_or_default();
        let columns = u64::try_from(last_line.len()).unwrap_or(u64::MAX);
        self.place = match newlines(between) {
            0 => Place {
                column: self.place.column.saturating_add(columns),
                ..self.place
            },
            lines => Place {
                line: self.place.line + lines,
                column: columns.saturating_add(1),
            },
        };
        self.counted = offset;
        self.place
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
/// [`IngestError::Json`] where the text is no JSON, [`IngestError::Event`] where it is no event, and
/// [`IngestError::Object`] where its object cannot become a row.
pub fn event(json: &str) -> Result<Content<'_>, IngestError> {
    let place = Place { line: 1, column: 1 };
    match entry(json, place, &Origin::new(Interval::second(0)))? {
        Entry {
            content: Content::Snapshot(snapshot),
            ..
        } if !snapshot.source().as_str().starts_with("evt") => Err(IngestError::Event {
            line: 1,
            id: name(None, "id"),
            field: "data",
        }),
        Entry { content, .. } => Ok(content),
    }
}

fn entry<'a>(text: &'a str, place: Place, origin: &Origin) -> Result<Entry<'a>, IngestError> {
    let line = place.line;
    let [object] = pick(text, ["object"]).map_err(|error| json_error(&error, place))?;
    let content = if is_named(object, "event") {
        event_content(text, place)?
    } else if is_named(object, "v2.core.event") {
        let [id, event_type] =
            pick(text, ["id", "type"]).map_err(|error| json_error(&error, place))?;
        Content::Skipped(Skipped::Thin {
            event: name(id, "id"),
            event_type: name(event_type, "type"),
        })
    } else {
        let mut read = Snapshot::read(text).map_err(|source| object_error(source, place))?;
        if let Some(version) = &origin.api_version {
            read = read.api_version(version.clone());
        }
        snapshot(read.taken(origin.as_of, origin.source.clone()))
    };
    Ok(Entry { line, content })
}

fn snapshot(snapshot: Snapshot<'_>) -> Content<'_> {
    Content::Snapshot(Box::new(snapshot))
}

/// The snapshot of an event: its object, in the second of the event.
fn event_content(text: &str, place: Place) -> Result<Content<'_>, IngestError> {
    let fields = [
        "id",
        "type",
        "created",
        "livemode",
        "api_version",
        "account",
        "data",
    ];
    let [
        id,
        event_type,
        created,
        livemode,
        api_version,
        account,
        data,
    ] = pick(text, fields).map_err(|error| json_error(&error, place))?;
    let missing = |field| IngestError::Event {
        line: place.line,
        id: name(id, "id"),
        field,
    };

    let data = data.ok_or_else(|| missing("data"))?;
    let [object, previous] =
        pick(data.get(), ["object", "previous_attributes"]).map_err(|_| missing("data.object"))?;
    let object = object.ok_or_else(|| missing("data.object"))?;
    let event_id = string(id).ok_or_else(|| missing("id"))?;
    let created = integer(created).ok_or_else(|| missing("created"))?;
    let event_type = name(event_type, "type");

    let mut read = match Snapshot::read(object) {
        Ok(read) => read,
        Err(SnapshotError::MissingId { .. }) => {
            return Ok(Content::Skipped(Skipped::WithoutId {
                event: event_id,
                event_type,
            }));
        }
        Err(source) => return Err(object_error(source, place)),
    };
    if let Some(livemode) = boolean(livemode) {
        read = read.mode(Mode::from_livemode(livemode));
    }
    if let Some(version) = string(api_version) {
        read = read.api_version(version);
    }
    if let Some(account) = string(account) {
        read = read.account(account);
    }
    if let Some(previous) = previous {
        read = read.previous_attributes(previous);
    }
    if is_deletion(&event_type, &read) {
        read = read.tombstone();
    }
    let change = change(&event_type, &read);
    read = read.change(change);
    Ok(snapshot(read.taken(
        Interval::second(created),
        Source::event(&event_id),
    )))
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

fn elements(raw: &RawValue) -> Option<Vec<&RawValue>> {
    serde_json::from_str(raw.get()).ok()
}

fn is_named(object: Option<&RawValue>, name: &str) -> bool {
    object.is_some_and(|raw| {
        raw.get()
            .strip_prefix('"')
            .and_then(|text| text.strip_suffix('"'))
            == Some(name)
    })
}

/// A text of an event for a message, or that there is none.
fn name(raw: Option<&RawValue>, field: &str) -> String {
    string(raw).unwrap_or_else(|| format!("without {field}"))
}

pub(super) fn object_error(source: SnapshotError, place: Place) -> IngestError {
    match source {
        SnapshotError::Json { source } => json_error(&source, place),
        source => IngestError::Object {
            line: place.line,
            source,
        },
    }
}

/// The parser's mistake, placed in the file; it knows the object's text only.
pub(super) fn json_error(error: &serde_json::Error, place: Place) -> IngestError {
    let text = error.to_string();
    let reason = text
        .rsplit_once(" at line ")
        .map_or(text.as_str(), |(reason, _)| reason)
        .to_owned();
    let below = u64::try_from(error.line()).unwrap_or(0).saturating_sub(1);
    let column = u64::try_from(error.column()).unwrap_or(0);
    let column = if below == 0 {
        (place.column + column).saturating_sub(1)
    } else {
        column
    };
    IngestError::Json {
        line: place.line + below,
        column,
        reason,
    }
}
