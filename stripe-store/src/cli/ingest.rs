//! `stripe-store ingest`: files into the table.

use std::path::PathBuf;

use clap::Args;

use super::database::Database;
use super::failure::Failure;
use super::intake::{Found, Intake, Kind, Summary};
use super::moment;
use super::output::Output;
use super::reader::Input;
use super::signal::Signals;
use crate::clock::{Clock, SystemClock, UnixMillis};
use crate::ingest::{Content, Document, IngestError, Origin, Skipped};
use crate::store::{ImportLine, Interval};

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
    let mut intake = Intake::new(store, output, &mut signals);
    let result = intake
        .files(&arguments.files, |input| arguments.files_of(input))
        .await;
    let Intake { tally, output, .. } = intake;
    tally.print(result.is_err(), Summary::Ingest, output)?;
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

impl Arguments {
    fn files_of(&self, input: &Input) -> Objects {
        let as_of = self.as_of.unwrap_or(input.modified).timestamp();
        let mut origin = Origin::new(Interval::from(as_of));
        if let Some(version) = &self.api_version {
            origin = origin.with_api_version(version.as_str());
        }
        Objects { origin }
    }
}

/// Stripe's objects and events.
struct Objects {
    origin: Origin,
}

impl Kind for Objects {
    fn verb(&self) -> &'static str {
        "ingest"
    }

    fn read<'a>(&mut self, document: &'a Document) -> Vec<Result<Found<'a>, IngestError>> {
        let entries = document.entries(&self.origin).into_iter();
        let found = entries.map(|entry| {
            let entry = entry?;
            let line = entry.line();
            Ok(match entry.into_content() {
                Content::Snapshot(snapshot) => Found::Line(line, ImportLine::Object(snapshot)),
                Content::Skipped(skipped) => Found::Skipped(reason(&skipped)),
            })
        });
        found.collect()
    }
}

fn reason(skipped: &Skipped) -> String {
    match skipped {
        Skipped::WithoutId { event_type, .. } => format!("{event_type}: its object has no id"),
        Skipped::Thin { event_type, .. } => format!("{event_type}: it does not carry its object"),
    }
}
