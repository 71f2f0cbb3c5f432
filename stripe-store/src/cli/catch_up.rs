//! `stripe-store catch-up`: what events tell that the table has not heard of.

use std::time::Instant;

use clap::Args;
use indicatif::{HumanCount, ProgressBar};
use serde_json::json;
use tokio::sync::mpsc::unbounded_channel;

use super::database::Database;
use super::failure::Failure;
use super::moment;
use super::output::{Output, counted};
use super::progress;
use super::signal::Signals;
use super::stripe::{self, Stripe};
use super::watch::watch;
use crate::clock::UnixMillis;
use crate::error::chain;
use crate::sync::{AccountEvents, CatchUpEvent, CatchUpReport};
use crate::view::Timestamp;

/// Apply the events that the table has not heard of, and read again what only Stripe can tell
///
/// Reads Stripe's list of events from where the last run ended, puts each event into the inbox once, and applies them in
/// their order. A run that was stopped, in whatever way, goes on where it was. Creates the tables when they are missing.
#[derive(Debug, Args)]
#[command(after_help = "\
Stripe keeps events for 30 days. Where more time than that has passed since the last run, changes may have been \
missed for good: that is said until `stripe-store sync --full` has read everything again.

Exit status: 0 when every event was read and applied, 1 when one was not.

Examples:
  stripe-store catch-up                        from where the last run ended
  stripe-store catch-up --since 2026-11-01     from then on
  stripe-store catch-up --connected-accounts   of all accounts")]
pub(super) struct Arguments {
    /// Only events from this time on: 2026-01-01, 2026-01-01T09:30:00Z, unix seconds
    #[arg(long, value_name = "TIME", value_parser = moment::parse)]
    since: Option<UnixMillis>,

    /// Also the events of the connected accounts
    #[arg(long)]
    connected_accounts: bool,

    #[command(flatten)]
    stripe: Stripe,
}

pub(super) async fn run(
    arguments: &Arguments,
    database: &Database,
    output: &mut Output,
) -> Result<(), Failure> {
    let mut signals = Signals::new().map_err(Failure::Runtime)?;
    let store = database.create().await?;
    let (client, store) = arguments.stripe.client(database, store)?;
    let (sender, mut events) = unbounded_channel();
    let mut catch_up = store.catch_up(&client).on_event(move |event| {
        if let Some(told) = Told::of(event) {
            // Nobody reads any more when the command ends.
            let _ = sender.send(told);
        }
    });
    if let Some(since) = arguments.since {
        catch_up = catch_up.since(since.timestamp());
    }
    if arguments.connected_accounts {
        catch_up = catch_up.connected_accounts();
    }
    let mut screen = Screen::new(output);
    let interrupted = "interrupted: what was read is stored; run it again to go on";
    let result = watch(
        &mut signals,
        Box::pin(catch_up.run()),
        &mut events,
        interrupted,
        |told| screen.show(&told, output),
    )
    .await;
    screen.bar.finish_and_clear();
    let report = result?.map_err(stripe::failure)?;
    for account in &report.accounts {
        of_account(account, output)?;
    }
    summary(&report, screen.began, output)?;
    if report.is_complete() {
        return Ok(());
    }
    Err(Failure::Message(
        "not everything was read and applied: what failed is named above".to_owned(),
    ))
}

/// What is told of an event of the run.
enum Told {
    Page {
        account: Option<String>,
        events: usize,
        new: usize,
    },
    Applied {
        events: usize,
    },
}

impl Told {
    fn of(event: &CatchUpEvent<'_>) -> Option<Self> {
        match event {
            CatchUpEvent::Page {
                account,
                events,
                new,
            } => Some(Self::Page {
                account: account.map(str::to_owned),
                events: *events,
                new: *new,
            }),
            CatchUpEvent::Applied { events } => Some(Self::Applied { events: *events }),
            CatchUpEvent::Settled { .. }
            | CatchUpEvent::Ended { .. }
            | CatchUpEvent::Failed { .. } => None,
        }
    }
}

/// What a person, or a program, sees while it runs.
struct Screen {
    began: Instant,
    bar: ProgressBar,
    read: usize,
    applied: usize,
}

impl Screen {
    fn new(output: &Output) -> Self {
        Self {
            began: Instant::now(),
            bar: progress::of_events(output),
            read: 0,
            applied: 0,
        }
    }

    fn show(&mut self, told: &Told, output: &mut Output) -> Result<(), Failure> {
        let line = match told {
            Told::Page {
                account,
                events,
                new,
            } => {
                self.read += events;
                json!({"event": "page", "account": account, "events": events, "new": new})
            }
            Told::Applied { events } => {
                self.applied += events;
                json!({"event": "applied", "events": events})
            }
        };
        self.bar
            .set_message(format!("{} read, {} applied", self.read, self.applied));
        self.bar.tick();
        if output.json() {
            return output.line(line);
        }
        Ok(())
    }
}

/// What is to be said of one account.
fn of_account(account: &AccountEvents, output: &mut Output) -> Result<(), Failure> {
    let gap = account.gap();
    let error = account.error.as_ref().map(|error| chain(error));
    let odd = account.odd.iter().map(|odd| {
        let id = odd.id.as_deref().unwrap_or("an event without an id");
        format!("{id} is not stored: {}", chain(&odd.error))
    });
    if output.json() {
        return output.line(json!({
            "event": "account",
            "account": account.account(),
            "read": account.read,
            "new": account.new,
            "not_stored": account.odd_count,
            "not_stored_reasons": odd.collect::<Vec<_>>(),
            "gap": gap.map(|gap| json!({
                "from": gap.from().map(Timestamp::unix_seconds),
                "until": gap.until().unix_seconds(),
            })),
            "error": error,
        }));
    }
    let of = match account.account() {
        Some(account) => format!(" of {account}"),
        None => String::new(),
    };
    for odd in odd {
        output.note(odd);
    }
    if let Some(error) = error {
        output.note(format_args!("the events{of} could not be read: {error}"));
    }
    let Some(gap) = gap else { return Ok(()) };
    let full = match account.account() {
        Some(_) => "stripe-store sync --full --connected-accounts",
        None => "stripe-store sync --full",
    };
    match gap.from() {
        Some(_) => output.note(format_args!(
            "warning: events{of} {gap} were never seen, and Stripe keeps them for 30 days: what changed then may be \
             missing until `{full}` has read everything again"
        )),
        None => output.note(format_args!(
            "warning: what{of} was created or changed {gap} is not here: `{}` reads it",
            full.replace(" --full", "")
        )),
    }
    Ok(())
}

fn summary(report: &CatchUpReport, began: Instant, output: &mut Output) -> Result<(), Failure> {
    let settled = &report.settled;
    let took = began.elapsed();
    if output.json() {
        for failed in &report.failed {
            output.line(json!({"event": "failed", "id": failed.id, "reason": failed.reason}))?;
        }
        return output.line(json!({
            "event": "summary",
            "read": report.read(),
            "new": report.new_events(),
            "applied": report.applied,
            "changed": report.changed,
            "failed": report.failed_count,
            "completed": settled.completed,
            "read_again": settled.read,
            "not_settled": settled.failed.len(),
            "milliseconds": u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
            "complete": report.is_complete(),
        }));
    }
    for failed in &report.failed {
        output.note(format_args!(
            "{} could not be applied: {}",
            failed.id, failed.reason
        ));
    }
    for (object, error) in &settled.failed {
        output.note(format_args!(
            "{object} could not be read again: {}",
            chain(error)
        ));
    }
    let mut parts = vec![format!(
        "{}, {} new, {} applied, {} new or newer",
        counted(report.read(), "event"),
        HumanCount(report.new_events()),
        HumanCount(report.applied),
        counted(report.changed, "object")
    )];
    for (count, what) in [
        (report.failed_count, "not applied"),
        (settled.completed, "completed"),
        (settled.read, "read again"),
    ] {
        if count > 0 {
            parts.push(format!("{} {what}", HumanCount(count)));
        }
    }
    output.line(format_args!(
        "{} in {:.1} s",
        parts.join(", "),
        took.as_secs_f64()
    ))
}
