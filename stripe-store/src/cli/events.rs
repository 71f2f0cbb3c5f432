//! `stripe-store events`: the inbox, and what became of the events in it.

mod replay;
mod show;

use clap::{Args, Subcommand};

use super::database::Database;
use super::failure::Failure;
use super::json;
use super::moment;
use super::output::{Output, Table};
use super::summary::{date, printable};
use crate::clock::UnixMillis;
use crate::inbox::{InboxEvent, InboxEvents, InboxStatus};
use crate::store::{Cursor, Store};

/// How much of a reason a line of the list shows, in characters.
const REASON: usize = 60;

/// List the events of the inbox, show one, or have some done again
///
/// The newest come first. An event is pending (to be applied), queued (applied, and handlers of the application are to
/// run), applied (nothing is left to do), failed (it could not be applied) or dead (a handler gave up).
#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "\
Events of every account and of both modes are listed, unless --test, --live or --account ask for some.

Examples:
  stripe-store events --status failed --status dead
  stripe-store events --type 'invoice.*' --since 2026-11-01
  stripe-store events --object cus_123 --json | jq -r .id
  stripe-store events show evt_123
  stripe-store events replay --status dead"
)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,

    #[command(flatten)]
    filter: Filter,

    /// How many to list
    #[arg(
        long,
        value_name = "N",
        default_value_t = 20,
        value_parser = clap::value_parser!(u64).range(1..),
    )]
    limit: u64,

    /// List every one
    #[arg(long, conflicts_with = "limit")]
    all: bool,

    /// Go on where another list ended
    #[arg(long, value_name = "CURSOR")]
    after: Option<Cursor>,
}

#[derive(Debug, Subcommand)]
enum Command {
    Show(show::Arguments),
    Replay(replay::Arguments),
}

/// Which events.
#[derive(Debug, Args)]
struct Filter {
    /// Only those with this status: pending, queued, applied, failed, dead; may be given several times
    #[arg(long, value_name = "STATUS")]
    status: Vec<InboxStatus>,

    /// Only those of this type, or of those below it: invoice.paid, 'customer.*'; may be given several times
    #[arg(long = "type", value_name = "TYPE")]
    event_type: Vec<String>,

    /// Only those about the object with this id
    #[arg(long, value_name = "ID")]
    object: Option<String>,

    /// Only those about objects of this type: customer
    #[arg(long, value_name = "TYPE")]
    object_type: Option<String>,

    /// Only those that Stripe created at this time or later: 2026-01-01, 2026-01-01T09:30:00Z, unix seconds
    #[arg(long, value_name = "TIME", value_parser = moment::parse)]
    since: Option<UnixMillis>,

    /// Only those that Stripe created before this time
    #[arg(long, value_name = "TIME", value_parser = moment::parse)]
    until: Option<UnixMillis>,
}

impl Filter {
    /// The events that fit, of the accounts and modes that were asked for.
    fn events(&self, store: &Store, database: &Database) -> InboxEvents {
        let mut events = store.events();
        if !database.has_mode() {
            events = events.any_mode();
        }
        if database.account().is_none() {
            events = events.any_account();
        }
        for status in &self.status {
            events = events.status(*status);
        }
        for event_type in &self.event_type {
            events = events.event_type(event_type);
        }
        if let Some(id) = &self.object {
            events = events.object_id(id);
        }
        if let Some(object) = &self.object_type {
            events = events.object(object);
        }
        if let Some(since) = self.since {
            events = events.since(since.timestamp());
        }
        if let Some(until) = self.until {
            events = events.until(until.timestamp());
        }
        events
    }
}

pub(super) async fn run(
    arguments: &Arguments,
    database: &Database,
    output: &mut Output,
) -> Result<(), Failure> {
    match &arguments.command {
        None => list(arguments, database, output).await,
        Some(Command::Show(arguments)) => show::run(arguments, database, output).await,
        Some(Command::Replay(arguments)) => replay::run(arguments, database, output).await,
    }
}

async fn list(
    arguments: &Arguments,
    database: &Database,
    output: &mut Output,
) -> Result<(), Failure> {
    let store = database.open().await?;
    let mut events = arguments.filter.events(&store, database);
    if let Some(after) = &arguments.after {
        events = events.after(after);
    }
    let mut left = if arguments.all {
        usize::MAX
    } else {
        usize::try_from(arguments.limit).unwrap_or(usize::MAX)
    };
    let mut is_first = true;
    loop {
        let page = events
            .clone()
            .limit(left.min(InboxEvents::MAX_LIMIT))
            .page()
            .await
            .map_err(|error| database.read_failure(error))?;
        left = left.saturating_sub(page.data.len());
        if is_first && page.data.is_empty() {
            output.note("no such events in the inbox");
            return Ok(());
        }
        print(&page.data, is_first, output)?;
        is_first = false;
        let Some(next) = page.next else { return Ok(()) };
        if left == 0 {
            output.flush()?;
            output.note(format_args!("more: --after {next}"));
            return Ok(());
        }
        events = events.after(&next);
    }
}

fn print(events: &[InboxEvent], first: bool, output: &mut Output) -> Result<(), Failure> {
    if output.json() {
        return events
            .iter()
            .try_for_each(|event| output.line(format_args!("{{{}}}", columns(event))));
    }
    let head: &[&str] = if first {
        &[
            "ID", "CREATED", "TYPE", "STATUS", "TRIES", "OBJECT", "ERROR",
        ]
    } else {
        &[]
    };
    let mut table = Table::new(head, &[4]);
    for event in events {
        table.row([
            printable(event.id()),
            date(Some(event.created())),
            printable(event.event_type()),
            event.status().to_string(),
            event.attempts().to_string(),
            printable(event.object_id().unwrap_or_default()),
            reason(event.last_error().unwrap_or_default()),
        ]);
    }
    table.print(output)
}

/// The beginning of a reason.
fn reason(text: &str) -> String {
    let text = printable(text);
    match text.char_indices().nth(REASON) {
        Some((cut, _)) => format!("{}…", text.get(..cut).unwrap_or_default()),
        None => text,
    }
}

/// The columns of an event but for its payload, as members of a JSON object.
fn columns(event: &InboxEvent) -> String {
    let moment = |at: Option<UnixMillis>| json::optional(at.map(|at| at.to_string()).as_deref());
    let handled = serde_json::Value::from(event.handled());
    format!(
        "\"id\":{id},\"account\":{account},\"livemode\":{livemode},\"type\":{event_type},\"created\":{created},\
         \"api_version\":{version},\"object\":{object},\"object_id\":{object_id},\"status\":\"{status}\",\
         \"attempts\":{attempts},\"last_error\":{error},\"handled\":{handled},\"due_at\":{due_at},\
         \"leased_until\":{leased_until},\"received_at\":{received_at},\"updated_at\":{updated_at}",
        id = json::string(event.id()),
        account = json::optional(event.account()),
        livemode = event.mode().is_live(),
        event_type = json::string(event.event_type()),
        created = event.created().unix_seconds(),
        version = json::optional(event.api_version()),
        object = json::optional(event.object()),
        object_id = json::optional(event.object_id()),
        status = event.status(),
        attempts = event.attempts(),
        error = json::optional(event.last_error()),
        due_at = moment(event.due_at()),
        leased_until = moment(event.leased_until()),
        received_at = moment(Some(event.received_at())),
        updated_at = moment(Some(event.updated_at())),
    )
}
