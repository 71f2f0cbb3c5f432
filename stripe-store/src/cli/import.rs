//! `stripe-store import`: an export back into a table.

use std::path::PathBuf;

use clap::Args;

use super::database::Database;
use super::failure::Failure;
use super::intake::{Found, Intake, Kind, Summary};
use super::output::Output;
use super::signal::Signals;
use crate::ingest::{Document, ExportReader, IngestError};
use crate::store::ImportLine;

/// Store what `stripe-store export` wrote
///
/// Newer wins, as everywhere: into an empty database the rows come out as they were, into a newer one nothing changes,
/// and an import that was interrupted can be run again. SQLite and PostgreSQL read each other's exports.
///
/// The tables are created or updated first, as `migrate` does. A line that cannot be read is reported with its number,
/// the rest is stored, and the exit status is 1; so it is when the export was cut off. An export of a later version is
/// refused.
#[derive(Debug, Args)]
#[command(after_help = "\
Every row goes into its own account and mode; --test, --live and --account make no difference.

Examples:
  stripe-store import backup.ndjson
  stripe-store export --database sqlite://stripe.db | stripe-store import - --database postgres://app@db/app")]
pub(super) struct Arguments {
    /// The files; - is standard input
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
}

pub(super) async fn run(
    arguments: &Arguments,
    database: &Database,
    output: &mut Output,
) -> Result<(), Failure> {
    let mut signals = Signals::new().map_err(Failure::Runtime)?;
    let store = database.create().await?;
    let mut intake = Intake::new(store, output, &mut signals);
    let result = intake.files(&arguments.files, |_| Export::default()).await;
    let Intake { tally, output, .. } = intake;
    tally.print(result.is_err(), Summary::Import, output)?;
    match (result, tally.failed) {
        (Err(failure), _) => Err(failure),
        (Ok(()), 0) => Ok(()),
        (Ok(()), _) => Err(Failure::Message(String::new())),
    }
}

/// The lines of an export.
#[derive(Default)]
struct Export {
    reader: ExportReader,
}

impl Kind for Export {
    fn verb(&self) -> &'static str {
        "import"
    }

    fn read<'a>(&mut self, document: &'a Document) -> Vec<Result<Found<'a>, IngestError>> {
        let found = self.reader.read(document).map(|line| match line {
            ImportLine::Header | ImportLine::End => Found::Nothing,
            line => Found::Line(document.line(), line),
        });
        vec![found]
    }

    fn broken(&mut self) {
        self.reader.skip();
    }

    fn missing(&self) -> Option<&'static str> {
        (!self.reader.is_complete()).then_some(
            "lines of the export are missing, or its last one: it was cut off, or is not whole",
        )
    }
}
