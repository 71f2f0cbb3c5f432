//! Splitting a stream of bytes into JSON documents, one at a time.
//!
//! Only strings, brackets and line ends are looked at here: whether a document is valid JSON is found when it is read,
//! so that a mistake inside one document stays inside it. What cannot be found that way is where a broken document
//! ends; the rules for going on after one are at [`Documents`].

use std::io::BufRead;

use super::input::{Indent, Input};
use super::{Document, IngestError};

/// The size past which a document is refused, in bytes, unless told otherwise: 256 MiB.
const MAX_DOCUMENT_BYTES: usize = 256 * 1024 * 1024;

/// The JSON documents of a file, in order, each with the line that it begins on.
///
/// Reads JSON lines, JSON documents that follow each other however they are laid out, and the elements of a JSON
/// array. One document is held in memory at a time, so that a file of JSON lines or an array may be of any size.
///
/// A broken document is reported and left out, and reading goes on behind it: on the next line, when it stood on one
/// line; on the next line that begins as far to the left, when it was laid out over several. An error of the reader
/// itself ends the documents.
///
/// ```
/// use stripe_store::ingest::Documents;
///
/// let file = "{\"id\": \"cus_1\"}\n{\"id\": \"cus_2\n{\"id\": \"cus_3\"}\n";
/// let documents: Vec<_> = Documents::new(file.as_bytes()).collect();
///
/// assert_eq!(documents[0].as_ref().unwrap().text(), "{\"id\": \"cus_1\"}");
/// assert_eq!(documents[1].as_ref().unwrap_err().to_string(), "line 2: a string does not end");
/// assert_eq!(documents[2].as_ref().unwrap().line(), 3);
/// ```
#[derive(Debug)]
pub struct Documents<R> {
    input: Input<R>,
    /// How many arrays are open around the next document.
    arrays: u64,
    /// The line on which the outermost of them began.
    array_line: u64,
    max_document_bytes: usize,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Nothing was read: what the bytes are has to be seen first.
    Begin,
    Reading,
    Done,
}

/// What stopped the search for a document's end.
enum Broken {
    /// The mistake, which the document's own end makes plain.
    Mistake(IngestError),
    /// The reader failed.
    Reader(std::io::Error),
}

impl From<std::io::Error> for Broken {
    fn from(error: std::io::Error) -> Self {
        Self::Reader(error)
    }
}

/// Where the current document began, to go back to when it turns out to be broken.
struct Start {
    line: u64,
    column: u64,
    indent: usize,
    /// The position behind its first line.
    second_line: Option<usize>,
}

impl<R: BufRead> Documents<R> {
    /// The documents that `reader` holds.
    pub fn new(reader: R) -> Self {
        Self {
            input: Input::new(reader),
            arrays: 0,
            array_line: 1,
            max_document_bytes: MAX_DOCUMENT_BYTES,
            state: State::Begin,
        }
    }

    /// Refuses documents larger than `bytes`, which bounds the memory that reading takes. 256 MiB by default.
    #[must_use]
    pub fn with_max_document_bytes(mut self, bytes: usize) -> Self {
        self.max_document_bytes = bytes;
        self
    }

    /// The line that reading has got to, counted from 1.
    pub fn line(&self) -> u64 {
        self.input.line
    }

    /// How many bytes were taken from the reader so far.
    pub fn bytes_read(&self) -> u64 {
        self.input.bytes_read
    }

    fn advance(&mut self) -> Result<Option<Document>, IngestError> {
        if self.state == State::Begin {
            self.state = State::Reading;
            self.check_encoding()?;
        }
        loop {
            self.input.forget();
            let Some(byte) = self
                .input
                .peek()
                .map_err(|source| self.reader_error(source))?
            else {
                self.state = State::Done;
                if self.arrays > 0 {
                    return Err(IngestError::ArrayNotClosed {
                        line: self.input.line,
                        began: self.array_line,
                    });
                }
                return Ok(None);
            };
            match byte {
                b' ' | b'\t' | b'\r' | b'\n' | b',' => self.input.step(byte),
                b']' if self.arrays > 0 => {
                    self.arrays -= 1;
                    self.input.step(byte);
                }
                b'[' => {
                    if self.arrays == 0 {
                        self.array_line = self.input.line;
                    }
                    self.arrays += 1;
                    self.input.step(byte);
                }
                b'{' => return self.document().map(Some),
                _ => return Err(self.not_an_object()),
            }
        }
    }

    /// Reads the document whose opening brace is next.
    fn document(&mut self) -> Result<Document, IngestError> {
        let begin = self.input.at;
        let column = self.input.offset() - self.input.line_begin + 1;
        let mut start = Start {
            line: self.input.line,
            column,
            indent: self.input.indent.width,
            second_line: None,
        };
        match self.find_end(begin, &mut start) {
            Ok(()) => {
                let bytes = self
                    .input
                    .buffer
                    .get(begin..self.input.at)
                    .unwrap_or_default();
                match std::str::from_utf8(bytes) {
                    Ok(text) => Ok(Document {
                        line: start.line,
                        column: start.column,
                        text: text.to_owned(),
                    }),
                    Err(error) => {
                        let before = bytes.get(..error.valid_up_to()).unwrap_or_default();
                        Err(IngestError::NotUtf8 {
                            line: start.line + newlines(before),
                        })
                    }
                }
            }
            Err(Broken::Reader(source)) => Err(self.reader_error(source)),
            Err(Broken::Mistake(error)) => {
                self.resume(&start)
                    .map_err(|source| self.reader_error(source))?;
                Err(error)
            }
        }
    }

    /// Moves behind the document's closing brace.
    fn find_end(&mut self, begin: usize, start: &mut Start) -> Result<(), Broken> {
        let mut open: Vec<u8> = Vec::new();
        // The last character that is neither white space nor part of a string, number or word.
        let mut before = b':';
        while let Some(byte) = self.input.peek()? {
            if self.input.at - begin >= self.max_document_bytes {
                let limit = self.max_document_bytes;
                return Err(Broken::Mistake(IngestError::TooLarge {
                    line: start.line,
                    limit,
                }));
            }
            match byte {
                b'"' => {
                    self.string(begin)?;
                    before = byte;
                    continue;
                }
                b'{' | b'[' => {
                    let fits = match open.last() {
                        Some(b'{') => before == b':',
                        Some(_) => matches!(before, b'[' | b','),
                        None => true,
                    };
                    if !fits {
                        return Err(Broken::Mistake(IngestError::NotClosed { line: start.line }));
                    }
                    open.push(byte);
                    before = byte;
                }
                b'}' | b']' => {
                    let opened = if byte == b'}' { b'{' } else { b'[' };
                    if open.pop() != Some(opened) {
                        return Err(Broken::Mistake(IngestError::Brackets {
                            line: self.input.line,
                            found: char::from(byte),
                        }));
                    }
                    if open.is_empty() {
                        self.input.step(byte);
                        return Ok(());
                    }
                    before = byte;
                }
                b'\n' => {
                    start.second_line.get_or_insert(self.input.at + 1);
                }
                b' ' | b'\t' | b'\r' => {}
                _ => before = byte,
            }
            self.input.step(byte);
        }
        Err(Broken::Mistake(IngestError::NotClosed { line: start.line }))
    }

    /// Moves behind the string whose opening quote is next.
    fn string(&mut self, begin: usize) -> Result<(), Broken> {
        let line = self.input.line;
        let unfinished = || Broken::Mistake(IngestError::StringNotClosed { line });
        self.input.step(b'"');
        loop {
            if self.input.at - begin >= self.max_document_bytes {
                return Err(Broken::Mistake(IngestError::TooLarge {
                    line,
                    limit: self.max_document_bytes,
                }));
            }
            if self.input.peek()?.is_none() {
                return Err(unfinished());
            }
            let rest = self.input.buffer.get(self.input.at..).unwrap_or_default();
            match rest
                .iter()
                .position(|byte| matches!(byte, b'"' | b'\\' | b'\n'))
            {
                None => self.input.at = self.input.buffer.len(),
                Some(length) => {
                    let byte = rest.get(length).copied();
                    self.input.at += length;
                    match byte {
                        Some(b'"') => {
                            self.input.at += 1;
                            return Ok(());
                        }
                        Some(b'\\') => {
                            self.input.at += 1;
                            match self.input.peek()? {
                                // JSON has no line ends in strings, escaped or not.
                                None | Some(b'\n') => return Err(unfinished()),
                                Some(_) => self.input.at += 1,
                            }
                        }
                        _ => return Err(unfinished()),
                    }
                }
            }
        }
    }

    /// Goes to where reading can go on behind a document that is broken.
    ///
    /// That is the next line unless it belongs to the broken document, as one does that is indented further or closes
    /// a bracket.
    fn resume(&mut self, start: &Start) -> Result<(), std::io::Error> {
        match start.second_line {
            Some(position) => {
                self.input.at = position;
                self.input.line = start.line + 1;
                self.input.line_begin = self.input.offset();
                self.input.indent = Indent::NONE;
            }
            None => self.input.skip_line()?,
        }
        loop {
            self.input.forget();
            let Some(byte) = self.input.peek()? else {
                return Ok(());
            };
            match byte {
                b' ' | b'\t' | b'\r' | b'\n' => self.input.step(byte),
                b']' if self.arrays > 0 && self.input.indent.width <= start.indent => return Ok(()),
                b'}' | b']' => self.input.skip_line()?,
                _ if self.input.indent.width > start.indent => self.input.skip_line()?,
                _ => return Ok(()),
            }
        }
    }

    /// Reports what stands where an object should, and moves behind it.
    fn not_an_object(&mut self) -> IngestError {
        /// How much is looked at: enough for a word in any script.
        const SHOWN_BYTES: usize = 64;
        let line = self.input.line;
        let rest = loop {
            let rest = self.input.buffer.get(self.input.at..).unwrap_or_default();
            let enough = rest.get(..SHOWN_BYTES);
            let line_end = rest
                .iter()
                .take(SHOWN_BYTES)
                .position(|byte| *byte == b'\n');
            if let Some(shown) = line_end.and_then(|end| rest.get(..end)).or(enough) {
                break shown;
            }
            match self.input.fill() {
                Ok(true) => {}
                Ok(false) => break self.input.buffer.get(self.input.at..).unwrap_or_default(),
                Err(source) => return self.reader_error(source),
            }
        };
        let found: String = String::from_utf8_lossy(rest)
            .chars()
            .take_while(|found| !matches!(found, '\r' | ','))
            .take(12)
            .map(|found| {
                if found.is_control() {
                    '\u{fffd}'
                } else {
                    found
                }
            })
            .collect();
        match self.skip_element() {
            Ok(()) => IngestError::NotAnObject { line, found },
            Err(source) => self.reader_error(source),
        }
    }

    /// Moves behind a number or word in an array; behind the line, where it is none.
    fn skip_element(&mut self) -> Result<(), std::io::Error> {
        if self.arrays > 0 {
            while let Some(byte) = self.input.peek()? {
                match byte {
                    b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' | b'+' | b'-' | b'.' => {
                        self.input.step(byte);
                    }
                    b',' | b']' | b'\n' => return Ok(()),
                    _ => break,
                }
            }
        }
        self.input.skip_line()
    }

    /// Tells the encodings apart that a file of JSON arrives in by mistake, and passes over a byte order mark.
    fn check_encoding(&mut self) -> Result<(), IngestError> {
        while self.input.buffer.len() < 3
            && self
                .input
                .fill()
                .map_err(|source| self.reader_error(source))?
        {}
        let wrong = match self.input.buffer.as_slice() {
            [0xef, 0xbb, 0xbf, ..] => {
                self.input.at = 3;
                self.input.line_begin = self.input.offset();
                None
            }
            [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => Some("UTF-16: convert it to UTF-8 first"),
            [0x1f, 0x8b, ..] => Some("compressed with gzip: decompress it first"),
            [0x28, 0xb5, 0x2f, ..] => Some("compressed with zstd: decompress it first"),
            [b'P', b'K', 0x03, ..] => Some("a zip archive: unpack it first"),
            _ => None,
        };
        match wrong {
            Some(encoding) => {
                self.state = State::Done;
                Err(IngestError::Encoding { encoding })
            }
            None => Ok(()),
        }
    }

    fn reader_error(&mut self, source: std::io::Error) -> IngestError {
        self.state = State::Done;
        IngestError::Read {
            line: self.input.line,
            source,
        }
    }
}

impl<R: BufRead> Iterator for Documents<R> {
    type Item = Result<Document, IngestError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.state == State::Done {
            return None;
        }
        self.advance().transpose()
    }
}

/// How many line ends `bytes` holds.
pub(super) fn newlines(bytes: &[u8]) -> u64 {
    bytes.iter().map(|byte| u64::from(*byte == b'\n')).sum()
}

#[cfg(test)]
mod tests;
