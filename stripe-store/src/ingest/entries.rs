//! What a document holds: snapshots, and events that bring none.

use std::fmt;

use serde_json::value::RawValue;

use super::documents::newlines;
use super::event::{Event, is_event};
use super::pick::{pick, string};
use super::{Document, IngestError};
use crate::store::{Interval, Snapshot, SnapshotError, Source};

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

impl Place {
    /// Where a text begins that is no part of a file.
    pub(super) const START: Self = Self { line: 1, column: 1 };
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

fn entry<'a>(text: &'a str, place: Place, origin: &Origin) -> Result<Entry<'a>, IngestError> {
    let line = place.line;
    let [object] = pick(text, ["object"]).map_err(|error| json_error(&error, place))?;
    let content = if is_event(object) {
        Event::at(text, place)?.content()?
    } else {
        let mut read = Snapshot::read(text).map_err(|source| object_error(source, place))?;
        if let Some(version) = &origin.api_version {
            read = read.api_version(version.clone());
        }
        let taken = read.taken(origin.as_of, origin.source.clone());
        Content::Snapshot(Box::new(taken))
    };
    Ok(Entry { line, content })
}

fn elements(raw: &RawValue) -> Option<Vec<&RawValue>> {
    serde_json::from_str(raw.get()).ok()
}

pub(super) fn is_named(object: Option<&RawValue>, name: &str) -> bool {
    object.is_some_and(|raw| {
        let quoted = raw.get();
        let text = quoted.strip_prefix('"');
        match text.and_then(|text| text.strip_suffix('"')) {
            // The same letters may be spelled otherwise.
            Some(text) if text.contains('\\') => string(object).as_deref() == Some(name),
            text => text == Some(name),
        }
    })
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
    let reason = match text.rsplit_once(" at line ") {
        // It would quote what stands there instead, at any length.
        _ if error.is_data() => "expected an object",
        Some((reason, _)) => reason,
        None => &text,
    };
    let reason = reason.to_owned();
    let below = u64::try_from(error.line()).unwrap_or(0).saturating_sub(1);
    let column = u64::try_from(error.column()).unwrap_or(0);
    let column = if below == 0 {
        (place.column + column).saturating_sub(1)
    } else {
        column
    };
    IngestError::Json {
        line: place.line + below,
        // A line end that should not be there is column 0 of the line behind it, and so is the end of nothing.
        column: column.max(1),
        reason,
    }
}
