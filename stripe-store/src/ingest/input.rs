//! Bytes read ahead of where they are looked at, and the place in the file that they are from.

use std::io::BufRead;

/// The bytes of a reader from some point on, of which as few are kept as are needed.
#[derive(Debug)]
pub(super) struct Input<R> {
    reader: R,
    /// What was read and is still needed: everything from the beginning of the current document.
    pub(super) buffer: Vec<u8>,
    /// Where in `buffer` reading has got to.
    pub(super) at: usize,
    /// The line that `at` is on, counted from 1.
    pub(super) line: u64,
    /// Where in the input the current line begins.
    pub(super) line_begin: u64,
    /// How far the current line is indented.
    pub(super) indent: Indent,
    /// How much of the input lies before `buffer`.
    forgotten: u64,
    /// How much was taken from the reader.
    pub(super) bytes_read: u64,
    /// Whether the reader has nothing more.
    ended: bool,
}

/// The width of the white space at the beginning of a line.
#[derive(Debug, Clone, Copy)]
pub(super) struct Indent {
    pub(super) width: usize,
    /// Whether all of it was seen.
    complete: bool,
}

impl Indent {
    pub(super) const NONE: Self = Self {
        width: 0,
        complete: false,
    };
}

impl<R: BufRead> Input<R> {
    pub(super) fn new(reader: R) -> Self {
        Self {
            reader,
            buffer: Vec::new(),
            at: 0,
            line: 1,
            line_begin: 0,
            indent: Indent::NONE,
            forgotten: 0,
            bytes_read: 0,
            ended: false,
        }
    }

    /// The byte at `at`; `None` at the end of the input.
    pub(super) fn peek(&mut self) -> Result<Option<u8>, std::io::Error> {
        loop {
            if let Some(byte) = self.buffer.get(self.at) {
                return Ok(Some(*byte));
            }
            if !self.fill()? {
                return Ok(None);
            }
        }
    }

    /// Takes what the reader has; `false` at the end of the input.
    pub(super) fn fill(&mut self) -> Result<bool, std::io::Error> {
        if self.ended {
            return Ok(false);
        }
        loop {
            match self.reader.fill_buf() {
                Ok([]) => {
                    self.ended = true;
                    return Ok(false);
                }
                Ok(bytes) => {
                    let length = bytes.len();
                    self.buffer.extend_from_slice(bytes);
                    self.reader.consume(length);
                    self.bytes_read = self
                        .bytes_read
                        .saturating_add(u64::try_from(length).unwrap_or(u64::MAX));
                    return Ok(true);
                }
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Moves over one byte outside strings, keeping count of lines and indentation.
    pub(super) fn step(&mut self, byte: u8) {
        self.at += 1;
        match byte {
            b'\n' => {
                self.line += 1;
                self.line_begin = self.offset();
                self.indent = Indent::NONE;
            }
            b' ' | b'\t' if !self.indent.complete => self.indent.width += 1,
            b'\r' => {}
            _ => self.indent.complete = true,
        }
    }

    /// Lets go of what lies behind `at`.
    pub(super) fn forget(&mut self) {
        // Moving what is left costs as much as it is long, so it waits until that is little beside what is freed.
        if self.at == self.buffer.len() || (self.at > 64 * 1024 && self.at > self.buffer.len() / 2)
        {
            self.forgotten = self.offset();
            self.buffer.drain(..self.at);
            self.at = 0;
        }
    }

    /// Where in the input `at` is.
    pub(super) fn offset(&self) -> u64 {
        self.forgotten
            .saturating_add(u64::try_from(self.at).unwrap_or(u64::MAX))
    }
    /// Moves to the first character behind the next line end.
    pub(super) fn skip_line(&mut self) -> Result<(), std::io::Error> {
        while self.peek()?.is_some() {
            let rest = self.buffer.get(self.at..).unwrap_or_default();
            if let Some(length) = rest.iter().position(|byte| *byte == b'\n') {
                self.at += length;
                self.step(b'\n');
                return Ok(());
            }
            self.at = self.buffer.len();
            self.forget();
        }
        Ok(())
    }
}
