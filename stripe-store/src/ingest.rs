//! Reading Stripe objects and events out of files.
//!
//! What people have at hand are pages of the API, exports, and events that an endpoint kept. [`Documents`] splits such
//! a file into JSON documents, [`Document::entries`] turns each into the snapshots that it holds, and
//! [`Store::write`](crate::store::Store::write) takes those. Nothing is built of an object on the way but a slice of
//! the text: it reaches the database as the file spells it.
//!
//! What a document may be:
//!
//! | document | what is taken from it |
//! | --- | --- |
//! | an object | the object; it does not say when it was read from Stripe, [`Origin`] does |
//! | an event | its `data.object`, as of the second in which the event was created |
//! | a list object (`"object": "list"`) | every object or event in its `data` |
//!
//! An [export](crate::Store::export) of a store is read by [`ExportReader`], line by line.
//!
//! This module knows no files, only [`BufRead`](std::io::BufRead), and does not write.
//!
//! ```
//! use stripe_store::ingest::{Documents, Origin};
//! # use stripe_store::store::{Interval, Mode};
//!
//! let file = r#"{"id": "cus_1", "object": "customer", "livemode": false}
//! {"id": "evt_1", "object": "event", "type": "customer.updated", "created": 1790000000, "livemode": false,
//!  "data": {"object": {"id": "cus_2", "object": "customer"}}}"#;
//!
//! let origin = Origin::new(Interval::second(1_790_000_000));
//! for document in Documents::new(file.as_bytes()) {
//!     let document = document?;
//!     for entry in document.entries(&origin) {
//!         let entry = entry?;
//!         println!("line {}: {:?}", entry.line(), entry.content());
//!     }
//! }
//! # Ok::<(), stripe_store::ingest::IngestError>(())
//! ```

mod documents;
mod entries;
mod event;
mod exported;
mod input;
mod pick;

pub use documents::Documents;
pub use entries::{Content, Entry, Origin, Skipped};
pub use event::{Event, event};
pub use exported::ExportReader;

use crate::store::SnapshotError;

/// One JSON document of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    line: u64,
    column: u64,
    text: String,
}

impl Document {
    /// The line that the document begins on, counted from 1.
    pub fn line(&self) -> u64 {
        self.line
    }

    /// The document as the file spells it, from its opening to its closing brace.
    ///
    /// The braces match; whether what is between them is JSON has not been looked at.
    pub fn text(&self) -> &str {
        &self.text
    }
}

/// A part of a file could not be read.
///
/// Of all but [`Read`](Self::Read) and [`Encoding`](Self::Encoding), only what stands on that line is lost.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IngestError {
    /// The reader failed; nothing more comes from it.
    #[error("could not read on at line {line}")]
    #[non_exhaustive]
    Read {
        /// The line that reading had got to.
        line: u64,
        /// The reader's account of it.
        source: std::io::Error,
    },
    /// The input is no text in UTF-8 from its first byte on.
    #[error("the input is {encoding}")]
    #[non_exhaustive]
    Encoding {
        /// What it is instead, and what to do.
        encoding: &'static str,
    },
    /// Bytes that are not UTF-8.
    #[error("line {line}: not valid UTF-8")]
    #[non_exhaustive]
    NotUtf8 {
        /// The line that the first of them is on.
        line: u64,
    },
    /// A string runs into the end of its line.
    #[error("line {line}: a string does not end")]
    #[non_exhaustive]
    StringNotClosed {
        /// The line.
        line: u64,
    },
    /// A document ends, or another begins, before its brackets are closed.
    #[error("line {line}: the object that begins here does not end")]
    #[non_exhaustive]
    NotClosed {
        /// The line that the document begins on.
        line: u64,
    },
    /// A bracket closes what was opened by the other kind.
    #[error("line {line}: `{found}` closes nothing")]
    #[non_exhaustive]
    Brackets {
        /// The line of the closing bracket.
        line: u64,
        /// The closing bracket.
        found: char,
    },
    /// The input ends inside an array. What the array held up to there was read.
    #[error("line {line}: the input ends here, but not the array that begins on line {began}")]
    #[non_exhaustive]
    ArrayNotClosed {
        /// The last line.
        line: u64,
        /// The line that the array begins on.
        began: u64,
    },
    /// Something else where an object should begin.
    #[error("line {line}: expected an object, found `{found}`")]
    #[non_exhaustive]
    NotAnObject {
        /// The line.
        line: u64,
        /// How it begins.
        found: String,
    },
    /// A document larger than [`Documents::with_max_document_bytes`] allows.
    #[error("line {line}: the object is larger than {limit} bytes")]
    #[non_exhaustive]
    TooLarge {
        /// The line that the document begins on.
        line: u64,
        /// The limit, in bytes.
        limit: usize,
    },
    /// Between its braces, a document is not JSON.
    #[error("line {line}, column {column}: {reason}")]
    #[non_exhaustive]
    Json {
        /// The line of the mistake.
        line: u64,
        /// Its column, counted in bytes from 1.
        column: u64,
        /// What was expected there.
        reason: String,
    },
    /// A list object whose `data` is no array, or that has none.
    #[error("line {line}: a list object without an array `data`")]
    #[non_exhaustive]
    List {
        /// The line that it begins on.
        line: u64,
    },
    /// An event lacks what its snapshot needs.
    #[error("line {line}: event {id} has no `{field}`")]
    #[non_exhaustive]
    Event {
        /// The line that it begins on.
        line: u64,
        /// The event's id, as far as it is fit for a log, or `without id`.
        id: String,
        /// The field that is missing, or is of another type than it should be.
        field: &'static str,
    },
    /// Something else than an event, where an event was expected.
    #[error("line {line}: not an event, whose `object` is \"event\" or \"v2.core.event\"")]
    #[non_exhaustive]
    NotAnEvent {
        /// The line that it begins on.
        line: u64,
    },
    /// What should be an export of a store does not begin like one.
    #[error("line {line}: this is no export of stripe-store, whose first line would say so")]
    #[non_exhaustive]
    NoExport {
        /// The line.
        line: u64,
    },
    /// An export of a later version of stripe-store.
    #[error(
        "line {line}: the export has version {version}, and {known} is the last that this stripe-store knows: update it"
    )]
    #[non_exhaustive]
    ExportVersion {
        /// The line of the header.
        line: u64,
        /// The version that it has.
        version: i64,
        /// The last version that is known here.
        known: i64,
    },
    /// A line of an export lacks what it should have, or its row says something else than its data.
    #[error("line {line}: a line of an export whose `{field}` is missing or wrong")]
    #[non_exhaustive]
    ExportLine {
        /// The line.
        line: u64,
        /// The field.
        field: &'static str,
    },
    /// An object cannot become a row.
    #[error("line {line}")]
    #[non_exhaustive]
    Object {
        /// The line that it begins on.
        line: u64,
        /// Why not.
        source: SnapshotError,
    },
}

impl IngestError {
    /// Whether nothing that comes after it can be read: the file is of another kind than was expected.
    pub fn is_fatal(&self) -> bool {
        matches!(
            self,
            Self::Read { .. }
                | Self::Encoding { .. }
                | Self::NoExport { .. }
                | Self::ExportVersion { .. }
        )
    }

    /// The line that it happened on, counted from 1.
    pub fn line(&self) -> u64 {
        match self {
            Self::Encoding { .. } => 1,
            Self::Read { line, .. }
            | Self::NotUtf8 { line }
            | Self::StringNotClosed { line }
            | Self::NotClosed { line }
            | Self::Brackets { line, .. }
            | Self::ArrayNotClosed { line, .. }
            | Self::NotAnObject { line, .. }
            | Self::TooLarge { line, .. }
            | Self::Json { line, .. }
            | Self::List { line }
            | Self::Event { line, .. }
            | Self::NotAnEvent { line }
            | Self::NoExport { line }
            | Self::ExportVersion { line, .. }
            | Self::ExportLine { line, .. }
            | Self::Object { line, .. } => *line,
        }
    }
}

#[cfg(test)]
mod tests;
