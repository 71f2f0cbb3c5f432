//! Lines of an export, read back.

use serde_json::value::RawValue;

use super::entries::{Place, json_error, object_error};
use super::pick::{boolean, integer, pick, string};
use super::{Document, IngestError};
use crate::clock::UnixMillis;
use crate::store::{
    Change, DirtyMark, DirtyReason, EXPORT_VERSION, ImportLine, Interval, Mode, Snapshot,
    SnapshotBuilder,
};

/// Reads the lines of an [export](crate::Store::export), the header first.
///
/// Several exports may follow each other in one file. What [`Store::import`](crate::Store::import) does not take, a
/// later version of the format or a file that is no export, is an error.
#[derive(Debug, Clone, Default)]
pub struct ExportReader {
    has_header: bool,
    /// How many lines there were behind the last header.
    lines: i64,
    is_complete: bool,
}

impl ExportReader {
    /// A reader that has seen nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether the last line of the export was read, and no line before it was missing. A line that cannot be read is
    /// not missing.
    pub fn is_complete(&self) -> bool {
        self.is_complete
    }

    /// Reads a line.
    ///
    /// # Errors
    ///
    /// [`NoExport`](IngestError::NoExport) when the first line is no header, and
    /// [`ExportVersion`](IngestError::ExportVersion) when it is of a later version: nothing behind it can be read
    /// ([`is_fatal`](IngestError::is_fatal)). The others concern this one line: [`Json`](IngestError::Json) when it is
    /// no JSON, [`ExportLine`](IngestError::ExportLine) when it lacks something, [`Object`](IngestError::Object) when
    /// its object cannot become a row.
    pub fn read<'a>(&mut self, document: &'a Document) -> Result<ImportLine<'a>, IngestError> {
        let place = document.place();
        let line = place.line;
        let fields = Fields::read(document.text(), place).inspect_err(|_| self.skip())?;
        let row = string(fields.get("row"));
        if row.as_deref() == Some("header") {
            return self.header(&fields);
        }
        if !self.has_header {
            return Err(IngestError::NoExport { line });
        }
        if row.as_deref() == Some("end") {
            self.is_complete = fields.number("lines")? <= self.lines;
            return Ok(ImportLine::End);
        }
        self.lines += 1;
        self.is_complete = false;
        match row.as_deref() {
            Some("object") => fields.snapshot().map(Box::new).map(ImportLine::Object),
            Some("rival") => fields.snapshot().map(Box::new).map(ImportLine::Rival),
            Some("dirty") => fields.mark().map(ImportLine::Dirty),
            _ => Err(fields.wrong("row")),
        }
    }

    fn header<'a>(&mut self, fields: &Fields<'a>) -> Result<ImportLine<'a>, IngestError> {
        let line = fields.place.line;
        if string(fields.get("format")).as_deref() != Some("stripe-store") {
            return Err(IngestError::NoExport { line });
        }
        let version = fields.number("version")?;
        if version != EXPORT_VERSION {
            return Err(IngestError::ExportVersion {
                line,
                version,
                known: EXPORT_VERSION,
            });
        }
        *self = Self {
            has_header: true,
            ..Self::default()
        };
        Ok(ImportLine::Header)
    }

    /// Counts a line that could not be taken apart, so that it is not taken for a missing one.
    pub fn skip(&mut self) {
        self.lines += 1;
    }
}

const KEYS: [&str; 20] = [
    "row",
    "format",
    "version",
    "lines",
    "account",
    "livemode",
    "object",
    "stripe_id",
    "deleted_at",
    "api_version",
    "as_of",
    "as_of_until",
    "source",
    "change",
    "reason",
    "not_before",
    "previous_attributes",
    "previous_attributes_text",
    "data",
    "data_text",
];

/// The members of a line.
struct Fields<'a> {
    place: Place,
    values: [Option<&'a RawValue>; KEYS.len()],
}

impl<'a> Fields<'a> {
    fn read(text: &'a str, place: Place) -> Result<Self, IngestError> {
        let values = pick(text, KEYS).map_err(|error| json_error(&error, place))?;
        Ok(Self { place, values })
    }

    fn get(&self, key: &'static str) -> Option<&'a RawValue> {
        let at = KEYS.iter().position(|known| *known == key)?;
        self.values.get(at).copied().flatten()
    }

    fn wrong(&self, field: &'static str) -> IngestError {
        IngestError::ExportLine {
            line: self.place.line,
            field,
        }
    }

    fn text(&self, key: &'static str) -> Result<String, IngestError> {
        string(self.get(key)).ok_or_else(|| self.wrong(key))
    }

    fn number(&self, key: &'static str) -> Result<i64, IngestError> {
        integer(self.get(key)).ok_or_else(|| self.wrong(key))
    }

    fn moment(&self, key: &'static str) -> Result<UnixMillis, IngestError> {
        self.number(key).map(UnixMillis::new)
    }

    fn mode(&self) -> Result<Mode, IngestError> {
        let livemode = boolean(self.get("livemode"));
        livemode
            .map(Mode::from_livemode)
            .ok_or_else(|| self.wrong("livemode"))
    }

    fn mark(&self) -> Result<DirtyMark, IngestError> {
        Ok(DirtyMark::new(
            self.text("account")?,
            self.mode()?,
            self.text("object")?,
            self.text("stripe_id")?,
            self.moment("not_before")?,
        )
        .with_reason(self.reason()?))
    }

    /// Why an object is to be read again; lines of before there was more than one reason do not say.
    fn reason(&self) -> Result<DirtyReason, IngestError> {
        if self.get("reason").is_none() {
            return Ok(DirtyReason::Order);
        }
        DirtyReason::named(&self.text("reason")?).ok_or_else(|| self.wrong("reason"))
    }

    fn snapshot(&self) -> Result<Snapshot<'a>, IngestError> {
        let failed = |source| object_error(source, self.place);
        let mode = self.mode()?;
        let read = match (self.get("data"), self.get("data_text")) {
            (Some(data), _) => Snapshot::read(data).map_err(failed)?,
            (None, Some(_)) => {
                let text = self.text("data_text")?;
                // Boxed texts cannot be borrowed from: the builder takes a copy of its own.
                SnapshotBuilder::read_owned(&text).map_err(failed)?
            }
            (None, None) => return Err(self.wrong("data")),
        };
        if read.object() != self.text("object")? {
            return Err(self.wrong("object"));
        }
        if read.id() != self.text("stripe_id")? {
            return Err(self.wrong("stripe_id"));
        }
        let change = Change::named(&self.text("change")?).ok_or_else(|| self.wrong("change"))?;
        let as_of = Interval::new(self.moment("as_of")?, self.moment("as_of_until")?)
            .map_err(|_| self.wrong("as_of_until"))?;
        let mut read = read
            .account(self.text("account")?)
            .mode(mode)
            .change(change);
        if self.get("api_version").is_some() {
            read = read.api_version(self.text("api_version")?);
        }
        if let Some(previous) = self.get("previous_attributes") {
            read = read.previous_attributes(previous);
        } else if self.get("previous_attributes_text").is_some() {
            read = read.previous_attributes_owned(&self.text("previous_attributes_text")?);
        }
        if self.get("deleted_at").is_some() {
            read = read.deleted_at(self.moment("deleted_at")?);
        }
        let snapshot = read.taken(as_of, self.text("source")?);
        if snapshot.mode() != Some(mode) {
            return Err(self.wrong("livemode"));
        }
        Ok(snapshot)
    }
}
