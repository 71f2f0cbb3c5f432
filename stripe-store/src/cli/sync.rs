//! `stripe-store sync`: what Stripe lists, into the table.

mod screen;

use std::num::NonZeroUsize;
use std::time::Instant;

use clap::Args;
use indicatif::HumanCount;
use serde_json::{Value, json};
use tokio::sync::mpsc::unbounded_channel;

use self::screen::Screen;
use super::database::Database;
use super::failure::Failure;
use super::moment;
use super::output::{Output, counted};
use super::signal::Signals;
use super::stripe::{self, Stripe};
use super::suggest;
use super::watch::watch;
use crate::clock::UnixMillis;
use crate::error::{Error, chain};
use crate::sync::{BackfillEvent, BackfillReport, ListEnd, ListReport, SkipReason, SyncError};

/// Read what Stripe lists into the table: all of it, and later what is new
///
/// The first run reads everything; later ones what was created since. A run that was stopped, in whatever way, goes on
/// where it was. Creates the tables when they are missing.
#[derive(Debug, Args)]
#[command(after_help = "\
Stripe cannot be asked for what changed: events tell that. When events were missed for longer than the 30 days \
that Stripe keeps them, `--full` brings the changes.

Lists that the key may not read, and those of products that the account does not have, are skipped and named.

Examples:
  stripe-store sync                               everything
  stripe-store sync customer subscription invoice some types
  stripe-store sync --since 2026-01-01            what was created this year
  stripe-store sync --full --connected-accounts   everything again, of all accounts")]
pub(super) struct Arguments {
    /// The types to read, by Stripe's names: customer, checkout.session [default: all]
    #[arg(value_name = "TYPE")]
    types: Vec<String>,

    /// Only what was created at this time or later: 2026-01-01, 2026-01-01T09:30:00Z, unix seconds
    #[arg(long, value_name = "TIME", value_parser = moment::parse)]
    since: Option<UnixMillis>,

    /// Everything again, also what is here
    #[arg(long)]
    full: bool,

    /// Also what the connected accounts have
    #[arg(long)]
    connected_accounts: bool,

    /// How many calls may be under way at a time
    #[arg(long, value_name = "CALLS", default_value = "8")]
    parallel: NonZeroUsize,

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
    let mut backfill = store
        .backfill(&client)
        .parallel(arguments.parallel)
        .on_event(move |event| {
            // Nobody reads any more when the command ends.
            let _ = sender.send(Told::of(event));
        });
    if !arguments.types.is_empty() {
        backfill = backfill.types(&arguments.types);
    }
    if let Some(since) = arguments.since {
        backfill = backfill.since(since.timestamp());
    }
    if arguments.full {
        backfill = backfill.full();
    }
    if arguments.connected_accounts {
        backfill = backfill.connected_accounts();
    }
    let mut screen = Screen::new(output);
    let interrupted = "interrupted: what was read is stored; run it again to go on";
    let result = watch(
        &mut signals,
        Box::pin(backfill.run()),
        &mut events,
        interrupted,
        |told| screen.show(told, output),
    )
    .await;
    screen.end();
    let report = result?.map_err(failure)?;
    summary(&report, screen.began, output)?;
    if report.is_complete() {
        return Ok(());
    }
    Err(Failure::Message(
        "not everything was read: what failed is named above, and the next run goes on there"
            .to_owned(),
    ))
}

fn failure(error: Error) -> Failure {
    match error {
        Error::Sync(SyncError::NotListed { object }) => {
            let hint = match suggest::near_type(&object, &[]) {
                Some(near) => format!(": did you mean {near}?"),
                None => String::new(),
            };
            let message = format!("Stripe has no list of objects of type {object:?}{hint}");
            Failure::Message(message)
        }
        error => stripe::failure(error),
    }
}

/// What is told of an event.
enum Told {
    Planned(usize),
    Begun { list: String, is_resumed: bool },
    Page { list: String, objects: u64 },
    Settled,
    Ended(Ended),
}

/// What is told of a list that is done with.
struct Ended {
    list: String,
    account: Option<String>,
    state: &'static str,
    reason: Option<String>,
    remedy: Option<&'static str>,
    pages: u64,
    objects: u64,
    changed: u64,
    odd: Vec<String>,
    odd_count: u64,
    /// The type of those that refused the lists below them.
    parent: &'static str,
    refused: Vec<String>,
    refused_count: u64,
}

impl Told {
    fn of(event: &BackfillEvent<'_>) -> Self {
        match event {
            BackfillEvent::Planned { lists } => Self::Planned(*lists),
            BackfillEvent::Begun { list, is_resumed } => Self::Begun {
                list: list.to_string(),
                is_resumed: *is_resumed,
            },
            BackfillEvent::Page { list, objects } => Self::Page {
                list: list.to_string(),
                objects: u64::try_from(*objects).unwrap_or(u64::MAX),
            },
            BackfillEvent::Settled { .. } => Self::Settled,
            BackfillEvent::Ended { report } => Self::Ended(Ended::of(report)),
        }
    }
}

impl Ended {
    fn of(report: &ListReport) -> Self {
        let (state, reason) = match &report.end {
            ListEnd::Read => ("read", None),
            ListEnd::ReadInPart => ("read_in_part", None),
            ListEnd::Skipped(SkipReason::NotPermitted(error)) => (
                "not_permitted",
                Some(format!("the key may not read it: {}", chain(error))),
            ),
            ListEnd::Skipped(SkipReason::NotAvailable(error)) => (
                "not_available",
                Some(format!("the account does not have it: {}", chain(error))),
            ),
            ListEnd::Skipped(reason) => ("skipped", Some(reason.to_string())),
            ListEnd::Failed(error) => ("failed", Some(chain(error))),
            ListEnd::Unusable(error) => ("failed", Some(chain(error))),
        };
        let odd = report.odd.iter().map(|odd| {
            let id = odd.id.as_deref().unwrap_or("an object without an id");
            format!("{id} is not stored: {}", chain(&odd.error))
        });
        let refused = report.refused.iter();
        let refused = refused.map(|it| format!("refused by {}: {}", it.id, chain(&it.error)));
        Self {
            list: report.list.to_string(),
            account: report.list.account().map(str::to_owned),
            state,
            reason,
            remedy: report.remedy(),
            pages: report.pages,
            objects: report.objects,
            changed: report.changed,
            odd: odd.collect(),
            odd_count: report.odd_count,
            parent: report.list.parent().unwrap_or_default(),
            refused: refused.collect(),
            refused_count: report.refused_count,
        }
    }

    fn json(&self) -> Value {
        json!({
            "event": "list",
            "list": self.list,
            "account": self.account,
            "state": self.state,
            "reason": self.reason,
            "remedy": self.remedy,
            "pages": self.pages,
            "objects": self.objects,
            "changed": self.changed,
            "not_stored": self.odd_count,
            "not_stored_reasons": self.odd,
            "refused": self.refused_count,
            "refused_reasons": self.refused,
        })
    }
}

fn summary(report: &BackfillReport, began: Instant, output: &mut Output) -> Result<(), Failure> {
    let count = |is: fn(&ListEnd) -> bool| report.lists.iter().filter(|list| is(&list.end)).count();
    let read = count(ListEnd::is_read);
    let in_part = count(|end| matches!(end, ListEnd::ReadInPart));
    let skipped = count(|end| matches!(end, ListEnd::Skipped(_)));
    let failed = report.lists.len() - read - in_part - skipped;
    let changed: u64 = report.lists.iter().map(|list| list.changed).sum();
    let pages: u64 = report.lists.iter().map(|list| list.pages).sum();
    let odd: u64 = report.lists.iter().map(|list| list.odd_count).sum();
    let settled = &report.settled;
    let took = began.elapsed();
    if output.json() {
        return output.line(json!({
            "event": "summary",
            "lists_read": read,
            "lists_read_in_part": in_part,
            "lists_skipped": skipped,
            "lists_failed": failed,
            "pages": pages,
            "objects": report.objects(),
            "changed": changed,
            "not_stored": odd,
            "completed": settled.completed,
            "read_again": settled.read,
            "not_settled": settled.failed.len(),
            "milliseconds": u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
            "complete": report.is_complete(),
        }));
    }
    for (object, error) in &settled.failed {
        output.note(format_args!(
            "{object} could not be read again: {}",
            chain(error)
        ));
    }
    let counted_lists = |count: usize| {
        let count = u64::try_from(count).unwrap_or(u64::MAX);
        (count, counted(count, "list"))
    };
    let lists = |count: usize, what: &str| {
        let (count, lists) = counted_lists(count);
        (count, format!("{lists} {what}"))
    };
    let mut parts = vec![format!(
        "{} of {}, {} new or newer",
        counted(report.objects(), "object"),
        counted_lists(read + in_part).1,
        HumanCount(changed)
    )];
    let again = |count| (count, format!("{} read again", HumanCount(count)));
    let completed = |count| (count, format!("{} completed", HumanCount(count)));
    for (count, what) in [
        completed(settled.completed),
        again(settled.read),
        lists(in_part, "read in part"),
        lists(skipped, "skipped"),
        lists(failed, "failed"),
        (odd, format!("{} not stored", counted(odd, "object"))),
    ] {
        if count > 0 {
            parts.push(what);
        }
    }
    output.line(format_args!(
        "{} in {:.1} s",
        parts.join(", "),
        took.as_secs_f64()
    ))
}
