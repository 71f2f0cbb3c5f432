//! From files into the table: what the commands that read files have in common.
//!
//! Knows documents and lines, and leaves to a [`Kind`] what they hold.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::pin::pin;
use std::time::Duration;

use indicatif::{HumanCount, ProgressBar};
use serde_json::{Value, json};
use tokio::time::{Instant, timeout_at};

use super::failure::Failure;
use super::output::Output;
use super::progress;
use super::reader::{Input, Part};
use super::signal::{Signals, Stop};
use crate::error::chain;
use crate::ingest::{Document, IngestError};
use crate::store::{ImportLine, Outcome, Store, StoreError};

/// How many objects are written in one transaction.
const BATCH: usize = 500;

/// How long a batch waits to become full, so that what trickles in is stored soon, and what streams in is stored in
/// few transactions.
const LINGER: Duration = Duration::from_millis(25);

/// What files hold, and how it is read. Made anew for each file.
pub(super) trait Kind {
    /// What the user does with such a file: `ingest`.
    fn verb(&self) -> &'static str;

    /// What a document holds.
    fn read<'a>(&mut self, document: &'a Document) -> Vec<Result<Found<'a>, IngestError>>;

    /// Notes that a document could not be taken apart.
    fn broken(&mut self) {}

    /// What should have come before the file ended, as a message.
    fn missing(&self) -> Option<&'static str> {
        None
    }
}

/// A part of a document.
pub(super) enum Found<'a> {
    /// Something to write, and its line.
    Line(u64, ImportLine<'a>),
    /// Something that is not written, and why.
    Skipped(String),
    Nothing,
}

/// Which command's summary it is.
#[derive(Debug, Clone, Copy)]
pub(super) enum Summary {
    Ingest,
    Import,
}

/// Files on their way into the table.
pub(super) struct Intake<'a> {
    store: Store,
    pub(super) output: &'a mut Output,
    signals: &'a mut Signals,
    /// The signal that asked to stop as soon as the batch is written.
    stop: Option<Stop>,
    pub(super) tally: Tally,
}

/// The file that is being read, and how far it is stored.
struct Progress {
    name: String,
    bar: ProgressBar,
    /// The last line of which everything up to it is stored or reported.
    line: u64,
    verb: &'static str,
}

impl<'o> Intake<'o> {
    pub(super) fn new(store: Store, output: &'o mut Output, signals: &'o mut Signals) -> Self {
        Self {
            store,
            output,
            signals,
            stop: None,
            tally: Tally::default(),
        }
    }

    /// Stores what the files hold. One that cannot be opened is reported, and the others are read.
    pub(super) async fn files<K: Kind>(
        &mut self,
        files: &[PathBuf],
        mut kind: impl FnMut(&Input) -> K,
    ) -> Result<(), Failure> {
        for file in files {
            match Input::open(file) {
                Ok(input) => {
                    let mut kind = kind(&input);
                    self.input(input, &mut kind).await?;
                }
                Err(failure) => {
                    self.tally.failed += 1;
                    self.output.note(chain(&failure));
                }
            }
        }
        Ok(())
    }

    async fn input(&mut self, input: Input, kind: &mut impl Kind) -> Result<(), Failure> {
        let mut progress = Progress {
            name: input.name.clone(),
            bar: progress::of_bytes(self.output, input.length),
            line: 0,
            verb: kind.verb(),
        };
        let mut reading = input.documents()?;
        loop {
            let mut parts = Vec::new();
            tokio::select! {
                biased;
                stop = self.signals.next() => return Err(interrupted(stop, &progress)),
                count = reading.next(&mut parts, BATCH) => if count == 0 { break },
            }
            let full = Instant::now() + LINGER;
            while parts.len() < BATCH {
                let room = BATCH - parts.len();
                match timeout_at(full, reading.next(&mut parts, room)).await {
                    Ok(0) | Err(_) => break,
                    Ok(_) => {}
                }
            }
            self.parts(&parts, kind, &mut progress).await?;
            progress.bar.set_position(reading.bytes());
            progress
                .bar
                .set_message(format!("{} objects", HumanCount(self.tally.objects)));
        }
        if let Some(reason) = kind.missing() {
            self.bad_line(reason, &progress);
        }
        progress.bar.finish_and_clear();
        Ok(())
    }

    /// Stores what the documents hold, and reports what of it cannot be stored.
    async fn parts(
        &mut self,
        parts: &[Part],
        kind: &mut impl Kind,
        progress: &mut Progress,
    ) -> Result<(), Failure> {
        let mut batch = Vec::with_capacity(BATCH);
        for part in parts {
            let document = match &part.content {
                Ok(document) => document,
                Err(error) => {
                    kind.broken();
                    self.bad_line(&chain(error), progress);
                    continue;
                }
            };
            for found in kind.read(document) {
                match found {
                    Ok(Found::Line(line, content)) => batch.push((line, content)),
                    Ok(Found::Skipped(reason)) => self.tally.skip(reason),
                    Ok(Found::Nothing) => {}
                    Err(error) if error.is_fatal() => {
                        self.write(&mut batch, progress).await?;
                        progress.bar.finish_and_clear();
                        let message = format!("{}: {}", progress.name, chain(&error));
                        return Err(Failure::Message(message));
                    }
                    Err(error) => self.bad_line(&chain(&error), progress),
                }
                if batch.len() == BATCH {
                    self.write(&mut batch, progress).await?;
                }
            }
        }
        self.write(&mut batch, progress).await
    }

    /// Writes a batch, and leaves it empty.
    async fn write(
        &mut self,
        batch: &mut Vec<(u64, ImportLine<'_>)>,
        progress: &mut Progress,
    ) -> Result<(), Failure> {
        let (lines, contents): (Vec<u64>, Vec<ImportLine<'_>>) = batch.drain(..).unzip();
        match self.write_through(&contents, progress).await? {
            Ok(outcomes) => self.tally.count(&contents, &outcomes),
            Err(error) if error.is_transient() => return Err(self.gave_up(error, progress)),
            Err(error) => self.write_each(&lines, &contents, error, progress).await?,
        }
        progress.line = progress.line.max(lines.last().copied().unwrap_or(0));
        match self.stop {
            Some(stop) => Err(interrupted(stop, progress)),
            None => Ok(()),
        }
    }

    /// Writes the objects of a batch one by one after the whole was refused: one of them may be something that the
    /// database cannot hold, and the others are stored without it.
    async fn write_each(
        &mut self,
        lines: &[u64],
        contents: &[ImportLine<'_>],
        refusal: StoreError,
        progress: &Progress,
    ) -> Result<(), Failure> {
        let mut refused = Vec::new();
        for (line, content) in lines.iter().zip(contents) {
            let alone = std::slice::from_ref(content);
            match self.write_through(alone, progress).await? {
                Ok(outcomes) => self.tally.count(alone, &outcomes),
                Err(error) => refused.push((line, error)),
            }
        }
        // Where it takes none of several, it is not the objects that are at fault.
        if refused.len() == contents.len() && refused.len() > 1 {
            return Err(self.gave_up(refusal, progress));
        }
        for (line, error) in refused {
            self.bad_line(&format!("line {line}: {}", chain(&error)), progress);
        }
        Ok(())
    }

    /// The database cannot be written to: nothing more of the file is read.
    fn gave_up(&mut self, error: StoreError, progress: &Progress) -> Failure {
        progress.bar.finish_and_clear();
        let Progress { name, line, .. } = progress;
        self.output
            .note(format_args!("{name} is stored up to line {line}"));
        Failure::Store(error)
    }

    /// Writes to the end, whatever signal comes; a second one ends the writing and leaves the batch out whole.
    async fn write_through(
        &mut self,
        contents: &[ImportLine<'_>],
        progress: &Progress,
    ) -> Result<Result<Vec<Outcome>, StoreError>, Failure> {
        let mut write = pin!(self.store.import(contents));
        loop {
            tokio::select! {
                biased;
                result = &mut write => return Ok(result),
                stop = self.signals.next() => match self.stop {
                    None => self.stop = Some(stop),
                    Some(_) => return Err(interrupted(stop, progress)),
                },
            }
        }
    }

    fn bad_line(&mut self, reason: &str, progress: &Progress) {
        self.tally.failed += 1;
        progress.bar.suspend(|| {
            self.output
                .note(format_args!("{}: {reason}", progress.name));
        });
    }
}

fn interrupted(stop: Stop, progress: &Progress) -> Failure {
    progress.bar.finish_and_clear();
    let Progress {
        name, line, verb, ..
    } = progress;
    let message = match line {
        0 => format!("interrupted: nothing of {name} is stored yet"),
        _ => format!(
            "interrupted: {name} is stored up to line {line}; {verb} it again to store the rest"
        ),
    };
    Failure::Interrupted {
        message,
        status: stop.status,
    }
}

/// What became of everything that was read.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// How many were written, whatever became of them.
    objects: u64,
    outcomes: BTreeMap<&'static str, u64>,
    /// Why, and how often.
    skipped: BTreeMap<String, u64>,
    pub(super) failed: u64,
    /// How many objects were written whose mode neither they nor their event say.
    pub(super) without_mode: u64,
    /// Of an export: snapshots beside those of objects, and marks that an object is to be read again.
    rivals: u64,
    marks: u64,
}

impl Tally {
    fn count(&mut self, contents: &[ImportLine<'_>], outcomes: &[Outcome]) {
        for (content, outcome) in contents.iter().zip(outcomes) {
            match content {
                ImportLine::Object(snapshot) => {
                    self.objects += 1;
                    self.without_mode += u64::from(snapshot.mode().is_none());
                    *self.outcomes.entry(outcome.as_str()).or_default() += 1;
                }
                ImportLine::Rival(_) => self.rivals += 1,
                ImportLine::Dirty(_) => self.marks += 1,
                _ => {}
            }
        }
    }

    fn skip(&mut self, reason: String) {
        *self.skipped.entry(reason).or_default() += 1;
    }

    /// Prints the summary: of a file of Stripe's, or of an export.
    pub(super) fn print(
        &self,
        interrupted: bool,
        of: Summary,
        output: &mut Output,
    ) -> Result<(), Failure> {
        const OUTCOMES: [Outcome; 5] = [
            Outcome::Inserted,
            Outcome::Updated,
            Outcome::Unchanged,
            Outcome::Stale,
            Outcome::Deleted,
        ];
        let count = |outcome: Outcome| self.outcomes.get(outcome.as_str()).copied().unwrap_or(0);
        let skipped: u64 = self.skipped.values().sum();
        if output.json() {
            let mut summary = json!({
                "objects": self.objects,
                "inserted": count(Outcome::Inserted),
                "updated": count(Outcome::Updated),
                "unchanged": count(Outcome::Unchanged),
                "stale": count(Outcome::Stale),
                "deleted": count(Outcome::Deleted),
                "failed": self.failed,
                "complete": !interrupted,
            });
            let more = match of {
                Summary::Ingest => json!({ "skipped": skipped, "skipped_reasons": self.skipped }),
                Summary::Import => json!({ "rivals": self.rivals, "marks": self.marks }),
            };
            if let (Value::Object(summary), Value::Object(more)) = (&mut summary, more) {
                summary.extend(more);
            }
            return output.line(summary);
        }
        let mut parts: Vec<String> = OUTCOMES
            .into_iter()
            .filter(|outcome| count(*outcome) > 0)
            .map(|outcome| format!("{} {outcome}", count(outcome)))
            .collect();
        if skipped > 0 {
            parts.push(format!("{skipped} skipped"));
        }
        if self.rivals > 0 {
            parts.push(format!("{} beside them", self.rivals));
        }
        if self.marks > 0 {
            parts.push(format!("{} to be read again", self.marks));
        }
        if self.failed > 0 {
            parts.push(format!("{} failed", self.failed));
        }
        if parts.is_empty() {
            parts.push("nothing to store".to_owned());
        }
        output.line(parts.join(", "))?;
        for (reason, count) in &self.skipped {
            output.line(format_args!("skipped {count} × {reason}"))?;
        }
        Ok(())
    }
}
