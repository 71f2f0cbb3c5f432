//! `stripe-store ingest`: files into the table.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::pin::pin;
use std::time::Duration;

use clap::Args;
use indicatif::{HumanCount, ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::json;
use tokio::time::{Instant, timeout_at};

use super::database::Database;
use super::failure::{Failure, chain};
use super::moment;
use super::output::Output;
use super::reader::{Input, Part};
use super::signal::{Signals, Stop};
use crate::clock::{Clock, SystemClock, UnixMillis};
use crate::ingest::{Content, Origin, Skipped};
use crate::store::{Interval, Outcome, Snapshot, Store, StoreError};

/// How many objects are written in one transaction.
const BATCH: usize = 500;

/// How long a batch waits to become full, so that what trickles in is stored soon, and what streams in is stored in
/// few transactions.
const LINGER: Duration = Duration::from_millis(25);

/// Store the objects and events that files hold
///
/// A file holds JSON lines, a JSON array, a list object as the API returns it, or JSON documents one after the other.
/// Of an event, the object that it carries is stored, as of the moment of the event. Newer wins: what is older than
/// the stored object changes nothing, so a file can be ingested again, and files in any order.
///
/// The tables are created or updated first, as `migrate` does. A line that cannot be read is reported with its number,
/// the rest is stored, and the exit status is 1. Interrupted with Ctrl-C, the command finishes the batch at hand, says
/// how far it got, and exits with 130.
#[derive(Debug, Args)]
#[command(after_help = "\
Objects do not say when they were read from Stripe, and that decides which of two is newer. It is taken to be \
when the file was last modified, and now for standard input; --as-of says it better, where you know it. \
Events carry their time.

An object goes into its own mode (its `livemode`), and that of an event into the event's account. --test, \
--live and --account are for those that do not say.

Examples:
  stripe-store ingest events.jsonl
  stripe-store ingest --as-of 2026-11-06T09:30:00Z customers.json invoices.json
  curl -su \"$STRIPE_KEY:\" 'https://api.stripe.com/v1/customers?limit=100' | stripe-store ingest -")]
pub(super) struct Arguments {
    /// The files; - is standard input
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,

    /// When the objects were read from Stripe: unix seconds, a date, or a time as in 2026-11-06T09:30:00Z
    #[arg(long, value_name = "TIME", value_parser = moment::parse)]
    as_of: Option<UnixMillis>,

    /// The API version that rendered the objects, to be stored beside them; events carry theirs
    #[arg(long, value_name = "VERSION")]
    api_version: Option<String>,
}

pub(super) async fn run(
    arguments: &Arguments,
    database: &Database,
    output: &mut Output,
) -> Result<(), Failure> {
    let mut signals = Signals::new().map_err(Failure::Runtime)?;
    if arguments
        .as_of
        .is_some_and(|as_of| as_of > SystemClock.now())
    {
        output.note("note: --as-of lies in the future: until then, events will count as older than these objects");
    }
    let store = database.create().await?;
    let mut ingest = Ingest {
        store,
        output,
        signals: &mut signals,
        stop: None,
        tally: Tally::default(),
    };
    let mut result = Ok(());
    for file in &arguments.files {
        match Input::open(file) {
            Ok(input) => result = ingest.input(input, arguments).await,
            Err(failure) => {
                ingest.tally.failed += 1;
                ingest.output.note(chain(&failure));
            }
        }
        if result.is_err() {
            break;
        }
    }
    let Ingest { tally, output, .. } = ingest;
    tally.print(result.is_err(), output)?;
    if tally.without_mode > 0 && !database.has_mode() {
        output.flush()?;
        let objects = match tally.without_mode {
            1 => "1 object does not say its mode and was".to_owned(),
            count => format!("{count} objects do not say their mode and were"),
        };
        output.note(format_args!(
            "note: {objects} stored in live mode; --live or --test decides"
        ));
    }
    match (result, tally.failed) {
        (Err(failure), _) => Err(failure),
        (Ok(()), 0) => Ok(()),
        (Ok(()), _) => Err(Failure::Message(String::new())),
    }
}

struct Ingest<'a> {
    store: Store,
    output: &'a mut Output,
    signals: &'a mut Signals,
    /// The signal that asked to stop as soon as the batch is written.
    stop: Option<Stop>,
    tally: Tally,
}

/// The file that is being read, and how far it is stored.
struct Progress {
    name: String,
    bar: ProgressBar,
    /// The last line of which everything up to it is stored or reported.
    line: u64,
}

impl Ingest<'_> {
    async fn input(&mut self, input: Input, arguments: &Arguments) -> Result<(), Failure> {
        let as_of = arguments.as_of.unwrap_or(input.modified).timestamp();
        let mut origin = Origin::new(Interval::from(as_of));
        if let Some(version) = &arguments.api_version {
            origin = origin.with_api_version(version.as_str());
        }
        let bar = self.bar(input.length);
        let mut progress = Progress {
            name: input.name.clone(),
            bar,
            line: 0,
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
            self.parts(&parts, &origin, &mut progress).await?;
            progress.bar.set_position(reading.bytes());
            progress
                .bar
                .set_message(format!("{} objects", HumanCount(self.tally.objects)));
        }
        progress.bar.finish_and_clear();
        Ok(())
    }

    fn bar(&self, length: Option<u64>) -> ProgressBar {
        if !self.output.err_is_terminal() {
            return ProgressBar::hidden();
        }
        let (bar, template) = match length {
            Some(length) => (
                ProgressBar::new(length),
                "{bar:30} {bytes} of {total_bytes}  {msg}  {eta} left",
            ),
            None => (ProgressBar::new_spinner(), "{spinner} {bytes}  {msg}"),
        };
        bar.set_draw_target(ProgressDrawTarget::stderr());
        // The templates are ours; if one were wrong, the plain bar would show.
        match ProgressStyle::with_template(template) {
            Ok(style) => bar.with_style(style),
            Err(_) => bar,
        }
    }

    /// Stores what the documents hold, and reports what of it is no object.
    async fn parts(
        &mut self,
        parts: &[Part],
        origin: &Origin,
        progress: &mut Progress,
    ) -> Result<(), Failure> {
        let mut batch = Vec::with_capacity(BATCH);
        for part in parts {
            let document = match &part.content {
                Ok(document) => document,
                Err(error) => {
                    self.bad_line(&chain(error), progress);
                    continue;
                }
            };
            for entry in document.entries(origin) {
                let entry = match entry {
                    Ok(entry) => entry,
                    Err(error) => {
                        self.bad_line(&chain(&error), progress);
                        continue;
                    }
                };
                let line = entry.line();
                match entry.into_content() {
                    Content::Snapshot(snapshot) => {
                        self.tally.without_mode += u64::from(snapshot.mode().is_none());
                        batch.push((line, *snapshot));
                    }
                    Content::Skipped(skipped) => self.tally.skip(&skipped),
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
        batch: &mut Vec<(u64, Snapshot<'_>)>,
        progress: &mut Progress,
    ) -> Result<(), Failure> {
        let (lines, snapshots): (Vec<u64>, Vec<Snapshot<'_>>) = batch.drain(..).unzip();
        match self.write_through(&snapshots, progress).await? {
            Ok(outcomes) => self.tally.count(&outcomes),
            Err(error) if error.is_transient() => return Err(self.gave_up(error, progress)),
            Err(error) => self.write_each(&lines, &snapshots, error, progress).await?,
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
        snapshots: &[Snapshot<'_>],
        refusal: StoreError,
        progress: &Progress,
    ) -> Result<(), Failure> {
        let mut refused = Vec::new();
        for (line, snapshot) in lines.iter().zip(snapshots) {
            let alone = std::slice::from_ref(snapshot);
            match self.write_through(alone, progress).await? {
                Ok(outcomes) => self.tally.count(&outcomes),
                Err(error) => refused.push((line, error)),
            }
        }
        // Where it takes none of several, it is not the objects that are at fault.
        if refused.len() == snapshots.len() && refused.len() > 1 {
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
        snapshots: &[Snapshot<'_>],
        progress: &Progress,
    ) -> Result<Result<Vec<Outcome>, StoreError>, Failure> {
        let mut write = pin!(self.store.write(snapshots));
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
    let Progress { name, line, .. } = progress;
    let message = match line {
        0 => format!("interrupted: nothing of {name} is stored yet"),
        _ => format!(
            "interrupted: {name} is stored up to line {line}; ingest it again to store the rest"
        ),
    };
    Failure::Interrupted {
        message,
        status: stop.status,
    }
}

/// What became of everything that was read.
#[derive(Debug, Default)]
struct Tally {
    /// How many were written, whatever became of them.
    objects: u64,
    outcomes: BTreeMap<&'static str, u64>,
    /// Why, and how often.
    skipped: BTreeMap<String, u64>,
    failed: u64,
    /// How many objects were written whose mode neither they nor their event say.
    without_mode: u64,
}

impl Tally {
    fn count(&mut self, outcomes: &[Outcome]) {
        for outcome in outcomes {
            self.objects += 1;
            *self.outcomes.entry(outcome.as_str()).or_default() += 1;
        }
    }

    fn skip(&mut self, skipped: &Skipped) {
        let reason = match skipped {
            Skipped::WithoutId { event_type, .. } => format!("{event_type}: its object has no id"),
            Skipped::Thin { event_type, .. } => {
                format!("{event_type}: it does not carry its object")
            }
        };
        *self.skipped.entry(reason).or_default() += 1;
    }

    fn print(&self, interrupted: bool, output: &mut Output) -> Result<(), Failure> {
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
            return output.line(json!({
                "objects": self.objects,
                "inserted": count(Outcome::Inserted),
                "updated": count(Outcome::Updated),
                "unchanged": count(Outcome::Unchanged),
                "stale": count(Outcome::Stale),
                "deleted": count(Outcome::Deleted),
                "skipped": skipped,
                "skipped_reasons": self.skipped,
                "failed": self.failed,
                "complete": !interrupted,
            }));
        }
        let mut parts: Vec<String> = OUTCOMES
            .into_iter()
            .filter(|outcome| count(*outcome) > 0)
            .map(|outcome| format!("{} {outcome}", count(outcome)))
            .collect();
        if skipped > 0 {
            parts.push(format!("{skipped} skipped"));
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
