//! `stripe-store export`: the table as lines of JSON.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;

use super::database::Database;
use super::failure::Failure;
use super::output::Output;
use super::signal::Signals;
use super::{moment, progress};
use crate::clock::UnixMillis;
use crate::store::StoreError;

/// Write rows as lines of JSON, for a backup or another database
///
/// One line per row: its columns, and the object byte for byte as the database holds it, in the order of account, mode,
/// type and id. The same rows give the same bytes. What is exported is the database of one moment, whatever is written
/// meanwhile; writers are not held up. `stripe-store import` reads it back.
#[derive(Debug, Args)]
#[command(after_help = "\
Without --test, --live and --account, every account and both modes are exported. A file gets its name when it is whole; \
until then it is called FILE.part.

With --out, --json prints the summary as JSON.

Examples:
  stripe-store export --out backup.ndjson
  stripe-store export customer subscription --live | gzip > live.ndjson.gz
  stripe-store export --since 2026-11-01 | jq -r 'select(.row == \"object\") | .stripe_id'")]
pub(super) struct Arguments {
    /// The types, as Stripe names them: customer, checkout.session [default: every type]
    #[arg(value_name = "TYPE")]
    types: Vec<String>,

    /// Only what changed in this database since: unix seconds, a date, or a time as in 2026-11-06T09:30:00Z
    #[arg(long, value_name = "TIME", value_parser = moment::parse)]
    since: Option<UnixMillis>,

    /// Where to write; - is standard output
    #[arg(long, value_name = "FILE", default_value = "-")]
    out: PathBuf,
}

pub(super) async fn run(
    arguments: &Arguments,
    database: &Database,
    output: &mut Output,
) -> Result<(), Failure> {
    let mut signals = Signals::new().map_err(Failure::Runtime)?;
    let store = database.open().await?;
    let mut export = store.export().of_types(&arguments.types);
    if let Some(mode) = database.mode() {
        export = export.of_mode(mode);
    }
    if let Some(account) = database.account() {
        export = export.of_account(account);
    }
    if let Some(since) = arguments.since {
        export = export.changed_since(since);
    }
    let read_failure = |error: StoreError| database.read_failure(error);
    let mut exporting = export.begin().await.map_err(read_failure)?;
    let rows = if output.err_is_terminal() {
        exporting.count_rows().await.map_err(read_failure)?
    } else {
        0
    };
    let bar = progress::of_rows(output, rows);
    let mut target = Target::open(&arguments.out)?;
    let mut written = Written::default();
    let ended = loop {
        let page = tokio::select! {
            biased;
            stop = signals.next() => break Err(Failure::Interrupted {
                message: format!("interrupted: {} rows were exported, which are not all", written.rows),
                status: stop.status,
            }),
            page = exporting.next_page() => page,
        };
        match page.map_err(read_failure) {
            Ok(Some(page)) => {
                if let Err(failure) = target.write(page.text(), output) {
                    break Err(failure);
                }
                written.rows += u64::try_from(page.rows()).unwrap_or(u64::MAX);
                written.bytes += u64::try_from(page.text().len()).unwrap_or(u64::MAX);
                bar.set_position(written.rows);
            }
            Ok(None) => break Ok(()),
            Err(failure) => break Err(failure),
        }
    };
    bar.finish_and_clear();
    // Ends the transaction.
    drop(exporting);
    ended?;
    target.finish(&written, output)
}

/// How much was exported.
#[derive(Debug, Default)]
struct Written {
    rows: u64,
    bytes: u64,
}

/// Where the lines go.
enum Target {
    Standard,
    /// A file under another name than it will have.
    File {
        file: BufWriter<File>,
        part: PathBuf,
        path: PathBuf,
    },
}

impl Target {
    fn open(path: &Path) -> Result<Self, Failure> {
        if path == Path::new("-") {
            return Ok(Self::Standard);
        }
        let mut part = path.as_os_str().to_owned();
        part.push(".part");
        let part = PathBuf::from(part);
        let file = File::create(&part).map_err(|source| write_failure(&part, source))?;
        Ok(Self::File {
            file: BufWriter::new(file),
            part,
            path: path.to_owned(),
        })
    }

    fn write(&mut self, text: &str, output: &mut Output) -> Result<(), Failure> {
        match self {
            Self::Standard => output.text(text),
            Self::File { file, part, .. } => file
                .write_all(text.as_bytes())
                .map_err(|source| write_failure(part, source)),
        }
    }

    /// Gives a file its name, when it is on the disk, and says what is in it.
    fn finish(self, written: &Written, output: &mut Output) -> Result<(), Failure> {
        let Self::File {
            mut file,
            part,
            path,
        } = self
        else {
            return Ok(());
        };
        file.flush()
            .and_then(|()| file.get_ref().sync_all())
            .map_err(|source| write_failure(&part, source))?;
        std::fs::rename(&part, &path).map_err(|source| write_failure(&path, source))?;
        let Written { rows, bytes } = written;
        if output.json() {
            let file = path.display().to_string();
            return output.line(json!({ "file": file, "rows": rows, "bytes": bytes }));
        }
        output.line(format_args!("{rows} rows in {}", path.display()))
    }
}

fn write_failure(path: &Path, source: std::io::Error) -> Failure {
    Failure::Write {
        path: path.to_owned(),
        source,
    }
}
