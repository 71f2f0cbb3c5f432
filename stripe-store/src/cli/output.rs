//! The standard streams: results on one, everything else on the other.

use std::fmt::Display;
use std::io::{BufWriter, IsTerminal, Write};
use std::process::ExitCode;

use indicatif::HumanCount;
use unicode_width::UnicodeWidthStr;

use super::failure::Failure;
use crate::error::chain;

/// `1 object`, `2,000 objects`.
pub(super) fn counted(count: u64, what: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{} {what}{plural}", HumanCount(count))
}

/// Where a command prints.
pub(super) struct Output {
    out: Box<dyn Write + Send>,
    err: Box<dyn Write + Send>,
    out_is_terminal: bool,
    err_is_terminal: bool,
    json: bool,
}

impl Output {
    /// The process's own streams.
    pub(super) fn standard(json: bool) -> Self {
        let (out, err) = (std::io::stdout(), std::io::stderr());
        Self {
            out_is_terminal: out.is_terminal(),
            err_is_terminal: err.is_terminal(),
            out: Box::new(BufWriter::new(out)),
            err: Box::new(err),
            json,
        }
    }

    /// Whether programs read the results.
    pub(super) fn json(&self) -> bool {
        self.json
    }

    /// Whether a person sees the results as they are printed.
    pub(super) fn out_is_terminal(&self) -> bool {
        self.out_is_terminal
    }

    /// Whether a person sees the messages, so that progress can be shown.
    pub(super) fn err_is_terminal(&self) -> bool {
        self.err_is_terminal
    }

    /// A line of the result.
    pub(super) fn line(&mut self, line: impl Display) -> Result<(), Failure> {
        Ok(writeln!(self.out, "{line}")?)
    }

    /// Lines of the result, each with the line feed that ends it.
    pub(super) fn text(&mut self, lines: &str) -> Result<(), Failure> {
        Ok(self.out.write_all(lines.as_bytes())?)
    }

    /// Sends what was printed on its way, before something that takes longer.
    pub(super) fn flush(&mut self) -> Result<(), Failure> {
        Ok(self.out.flush()?)
    }

    /// A message beside the result. That it cannot be printed is no reason to stop.
    pub(super) fn note(&mut self, line: impl Display) {
        let _ = writeln!(self.err, "{line}");
    }

    /// Reports how the command ended, and says so in its exit status.
    pub(super) fn finish(mut self, result: Result<(), Failure>) -> ExitCode {
        let result = result.and_then(|()| self.flush());
        let Err(failure) = result else {
            return ExitCode::SUCCESS;
        };
        if failure.is_broken_pipe() {
            return ExitCode::SUCCESS;
        }
        // What was printed up to here stands before the message that ends it.
        let _ = self.out.flush();
        let message = chain(&failure);
        match failure {
            Failure::Interrupted { .. } => self.note(message),
            _ if message.is_empty() => {}
            _ => self.note(format_args!("error: {message}")),
        }
        ExitCode::from(failure.status())
    }
}

/// A table: columns as wide as they need to be, separated by two spaces.
pub(super) struct Table {
    rows: Vec<Vec<String>>,
    /// The columns whose cells are numbers.
    right: &'static [usize],
}

impl Table {
    /// `head` may be empty, for a table that goes on.
    pub(super) fn new(head: &[&str], right: &'static [usize]) -> Self {
        let head: Vec<String> = head.iter().map(|&cell| cell.to_owned()).collect();
        Self {
            rows: if head.is_empty() {
                Vec::new()
            } else {
                vec![head]
            },
            right,
        }
    }

    pub(super) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().collect());
    }

    pub(super) fn print(self, output: &mut Output) -> Result<(), Failure> {
        let mut widths: Vec<usize> = Vec::new();
        for row in &self.rows {
            widths.resize(widths.len().max(row.len()), 0);
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(columns(cell));
            }
        }
        for row in &self.rows {
            let mut line = String::new();
            for (index, (cell, width)) in row.iter().zip(&widths).enumerate() {
                let padding = " ".repeat(width.saturating_sub(columns(cell)));
                let (before, after) = if self.right.contains(&index) {
                    (padding, String::new())
                } else {
                    (String::new(), padding)
                };
                if index > 0 {
                    line.push_str("  ");
                }
                line.push_str(&before);
                line.push_str(cell);
                line.push_str(&after);
            }
            output.line(line.trim_end())?;
        }
        Ok(())
    }
}

/// How many columns of a terminal a text takes.
fn columns(text: &str) -> usize {
    UnicodeWidthStr::width(text)
}
