//! What holds of any bytes that are read as a file of objects, of events, or as an export.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader};

use serde::de::IgnoredAny;
use serde_json::Value;
use serde_json::value::RawValue;
use stripe_store::ingest::{
    Content, Document, Documents, Entry, ExportReader, IngestError, Origin,
};
use stripe_store::store::{ImportLine, Interval, Snapshot};

/// The longest message of an error, whatever the file: a line of a log.
const MAX_MESSAGE: usize = 512;

/// How many arrays are taken apart to know what a file holds.
const MAX_ARRAYS: usize = 64;

/// What an export begins with.
const EXPORT: &str = r#"{"row":"header","format":"stripe-store","version":1}"#;

/// Says what is wrong by panicking.
pub(crate) fn check(input: &[u8]) {
    let file = File::new(input);
    let documents = read(Documents::new(input), input);
    let mut end = 0;
    for (at, document) in documents.iter().enumerate() {
        match document {
            Ok(document) => end = file.check_document(document, end),
            Err(error) => file.check_error(error, at + 1 == documents.len()),
        }
    }
    if let Some(expected) = expected(input) {
        assert!(documents.iter().all(Result::is_ok));
        let texts = documents.iter().flatten().map(Document::text);
        assert_eq!(texts.collect::<Vec<_>>(), expected);
    }
    let lines = documents.iter().flatten().map(Document::line);
    assert!(lines.is_sorted());

    let capacity = 1 + input.len() % 7;
    let in_pieces = BufReader::with_capacity(capacity, input);
    let in_pieces = read(Documents::new(in_pieces), input);
    assert_eq!(told(&in_pieces), told(&documents), "pieces of {capacity}");

    let limit = input.len() / 2;
    let limited = Documents::new(input).with_max_document_bytes(limit);
    for document in read(limited, input).iter().flatten() {
        assert!(document.text().len() <= limit);
    }
    file.check_export(&documents);
}

type Read = Vec<Result<Document, IngestError>>;

/// All there is, of which there is no more than bytes.
fn read(documents: Documents<impl BufRead>, input: &[u8]) -> Read {
    let read: Read = documents.take(input.len() + 2).collect();
    assert!(read.len() <= input.len() + 1, "it does not end");
    read
}

fn told(documents: &Read) -> String {
    let mut told = String::new();
    for document in documents {
        match document {
            Ok(document) => writeln!(told, "{} {}", document.line(), document.text()).unwrap(),
            Err(error) => writeln!(told, "! {error}").unwrap(),
        }
    }
    told
}

/// The objects of a file that is JSON from its beginning to its end, arrays taken apart; `None` where something else than
/// objects is in it, or too many arrays.
fn expected(input: &[u8]) -> Option<Vec<&str>> {
    let text = str::from_utf8(input).ok()?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let values = serde_json::Deserializer::from_str(text).into_iter::<&RawValue>();
    let mut open: Vec<&RawValue> = values.collect::<Result<_, _>>().ok()?;
    open.reverse();
    let mut objects = Vec::new();
    let mut arrays = 0;
    while let Some(value) = open.pop() {
        match value.get().as_bytes().first() {
            Some(b'{') => objects.push(value.get()),
            // Each is read again for what it is in.
            Some(b'[') if arrays < MAX_ARRAYS => {
                arrays += 1;
                let elements: Vec<&RawValue> = serde_json::from_str(value.get()).ok()?;
                open.extend(elements.into_iter().rev());
            }
            _ => return None,
        }
    }
    Some(objects)
}

/// What was read, by its lines.
struct File<'i> {
    bytes: &'i [u8],
    /// With their ends; what ends with one has an empty line behind it.
    lines: Vec<&'i [u8]>,
    /// Where each begins.
    begins: Vec<usize>,
}

impl<'i> File<'i> {
    fn new(bytes: &'i [u8]) -> Self {
        let mut lines: Vec<&[u8]> = bytes.split_inclusive(|byte| *byte == b'\n').collect();
        if bytes.last().is_none_or(|byte| *byte == b'\n') {
            lines.push(b"");
        }
        let mut begin = 0;
        let begins = lines.iter().map(|line| {
            begin += line.len();
            begin - line.len()
        });
        let begins = begins.collect();
        Self {
            bytes,
            lines,
            begins,
        }
    }

    /// A document stands where it says, behind the `end` of the one before it, and each of its entries is an object in it.
    /// Returns where it ends.
    fn check_document(&self, document: &Document, end: usize) -> usize {
        let text = document.text();
        assert!(text.starts_with('{') && text.ends_with('}'));
        let line = usize::try_from(document.line()).unwrap() - 1;
        let begin = end.max(self.begins[line]);
        let line_end = self.begins[line] + self.lines[line].len();
        let mut places = begin..line_end;
        let place = places.find(|place| self.bytes[*place..].starts_with(text.as_bytes()));
        let end = place.expect("it stands on another line") + text.len();

        let origin = Origin::new(Interval::second(1_700_000_000));
        let entries = document.entries(&origin);
        let value: Option<Value> = serde_json::from_str(text).ok();
        if let Some(value) = &value {
            let is_list = value["object"] == "list";
            let items = value["data"].as_array().filter(|_| is_list);
            assert_eq!(entries.len(), items.map_or(1, Vec::len));
            let is_json =
                |entry: &Result<Entry<'_>, _>| !matches!(entry, Err(IngestError::Json { .. }));
            assert!(entries.iter().all(is_json), "it is JSON");
        }
        let line_ends = text.bytes().filter(|byte| *byte == b'\n').count();
        let last = document.line() + u64::try_from(line_ends).unwrap();
        for entry in entries {
            let line = entry.as_ref().map_or_else(IngestError::line, Entry::line);
            assert!((document.line()..=last).contains(&line));
            match entry.map(Entry::into_content) {
                Ok(Content::Snapshot(snapshot)) => check_snapshot(&snapshot, text),
                Ok(_) => {}
                Err(error) => self.check_error(&error, false),
            }
        }
        end
    }

    /// Whatever it holds, reading it as an export says what is wrong with it.
    fn check_export(&self, documents: &Read) {
        let mut reader = ExportReader::new();
        let header = Documents::new(EXPORT.as_bytes()).next().unwrap().unwrap();
        assert!(matches!(reader.read(&header), Ok(ImportLine::Header)));
        for document in documents.iter().flatten() {
            match reader.read(document) {
                Ok(ImportLine::Object(snapshot) | ImportLine::Rival(snapshot)) => {
                    serde_json::from_str::<IgnoredAny>(snapshot.data()).unwrap();
                    assert!(snapshot.as_of().start() <= snapshot.as_of().end());
                }
                Ok(_) => {}
                Err(error) => self.check_error(&error, false),
            }
        }
    }

    /// What is told is short, and says where.
    fn check_error(&self, error: &IngestError, is_last: bool) {
        let source = std::error::Error::source(error).map(ToString::to_string);
        let message = format!("{error}: {}", source.unwrap_or_default());
        assert!(message.len() <= MAX_MESSAGE, "{} bytes", message.len());
        assert!(!message.chars().any(char::is_control), "{message:?}");
        match error {
            IngestError::Read { .. } => panic!("nothing failed: {message}"),
            IngestError::Encoding { .. } => assert!(is_last, "{message}"),
            _ => {}
        }
        let line = usize::try_from(error.line()).unwrap();
        assert!((1..=self.lines.len()).contains(&line), "{message}");
        if let IngestError::Json { column, .. } = error {
            let column = usize::try_from(*column).unwrap();
            let length = self.lines[line - 1].len();
            assert!((1..=length + 1).contains(&column), "{message}");
        }
    }
}

fn check_snapshot(snapshot: &Snapshot<'_>, text: &str) {
    assert!(snapshot.replaced_escapes() > 0 || text.contains(snapshot.data()));
    if let Err(error) = serde_json::from_str::<Value>(snapshot.data()) {
        assert!(error.to_string().starts_with("number out of range"));
    }
    for text in [snapshot.object(), snapshot.id(), snapshot.source().as_str()] {
        assert!(!text.is_empty());
        assert!(!text.contains('\0'), "no database keeps such a text");
    }
}
