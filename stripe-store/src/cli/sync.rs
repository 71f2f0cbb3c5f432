//! `stripe-store sync`: what Stripe lists, into the table.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::time::Instant;

use clap::Args;
use indicatif::{HumanCount, MultiProgress, ProgressBar};
use serde_json::{Value, json};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::database::Database;
use super::failure::Failure;
use super::moment;
use super::output::Output;
use super::progress;
use super::signal::Signals;
use super::stripe::{KEY, Stripe};
use super::suggest;
use crate::clock::UnixMillis;
use crate::error::{Error, chain};
use crate::sync::{BackfillEvent, BackfillReport, ListEnd, ListReport, SkipReason, SyncError};

/// How many of those that refused a list are named, with how.
const REFUSED: usize = 3;

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
    let result = {
        let mut running = std::pin::pin!(backfill.run());
        loop {
            tokio::select! {
                biased;
                stop = signals.next() => break Err(Failure::Interrupted {
                    message: "interrupted: what was read is stored; run it again to go on".to_owned(),
                    status: stop.status,
                }),
                Some(told) = events.recv() => screen.show(told, output)?,
                report = &mut running => break report.map_err(failure),
            }
        }
    };
    screen.rest(&mut events, output)?;
    screen.end();
    let report = result?;
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
        Error::Store(error) => Failure::Store(error),
        Error::Sync(SyncError::NotListed { object }) => {
            let hint = match suggest::near_type(&object, &[]) {
                Some(near) => format!(": did you mean {near}?"),
                None => String::new(),
            };
            let message = format!("Stripe has no list of objects of type {object:?}{hint}");
            Failure::Message(message)
        }
        Error::Client(error) if error.status() == Some(401) => Failure::Message(format!(
            "{}; see whether {KEY} holds a key that is still valid",
            chain(&error)
        )),
        error => Failure::Message(chain(&error)),
    }
}

/// What is told of an event.
enum Told {
    Planned(usize),
    Begun { list: String, is_resumed: bool },
    Page { list: String, objects: u64 },
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

/// What a person, or a program, sees while it runs.
struct Screen {
    began: Instant,
    bars: MultiProgress,
    total: ProgressBar,
    lists: BTreeMap<String, ProgressBar>,
    objects: u64,
}

impl Screen {
    fn new(output: &Output) -> Self {
        let bars = progress::several(output);
        let total = bars.add(progress::of_lists(output));
        Self {
            began: Instant::now(),
            bars,
            total,
            lists: BTreeMap::new(),
            objects: 0,
        }
    }

    fn show(&mut self, told: Told, output: &mut Output) -> Result<(), Failure> {
        match told {
            Told::Planned(lists) => {
                self.total.inc_length(u64::try_from(lists).unwrap_or(0));
                Ok(())
            }
            Told::Begun { list, is_resumed } => {
                let resumed = "goes on where an earlier run was stopped";
                if is_resumed && output.json() {
                    return output.line(json!({"event": "resumed", "list": list}));
                }
                if is_resumed {
                    self.bars
                        .suspend(|| output.note(format_args!("{list} {resumed}")));
                }
                Ok(())
            }
            Told::Page { list, objects } => {
                self.objects += objects;
                self.total.set_message(self.rate());
                if output.json() {
                    return output.line(json!({"event": "page", "list": list, "objects": objects}));
                }
                if output.err_is_terminal() {
                    let new = || {
                        let bar = progress::of_list(output);
                        let bar = self.bars.insert_before(&self.total, bar);
                        bar.set_prefix(list.clone());
                        bar
                    };
                    self.lists
                        .entry(list.clone())
                        .or_insert_with(new)
                        .inc(objects);
                }
                Ok(())
            }
            Told::Ended(ended) => {
                self.total.inc(1);
                if let Some(bar) = self.lists.remove(&ended.list) {
                    bar.finish_and_clear();
                    self.bars.remove(&bar);
                }
                self.ended(&ended, output)
            }
        }
    }

    fn ended(&self, ended: &Ended, output: &mut Output) -> Result<(), Failure> {
        if output.json() {
            return output.line(ended.json());
        }
        // Most accounts use a part of what Stripe has; empty lists are left to the summary.
        if ended.state == "read" && ended.objects == 0 {
            return Ok(());
        }
        let list = &ended.list;
        let objects = HumanCount(ended.objects);
        let mut line = match &ended.reason {
            Some(reason) => {
                let state = if ended.state == "failed" {
                    "failed"
                } else {
                    "skipped"
                };
                let remedy = ended.remedy.map_or(String::new(), |it| format!("; {it}"));
                format!("{list}: {state}: {reason}{remedy}")
            }
            None if ended.changed == ended.objects => format!("{list}: {objects} objects"),
            None => {
                let changed = HumanCount(ended.changed);
                format!("{list}: {objects} objects, {changed} new or newer")
            }
        };
        if ended.refused_count > 0 {
            let (refused, parent) = (HumanCount(ended.refused_count), ended.parent);
            line.push_str(&format!(
                ", refused by {refused} of type {parent}; the next run asks those again"
            ));
        }
        self.bars.suspend(|| {
            output.line(line)?;
            let refused = ended.refused.iter().take(REFUSED);
            for said in ended.odd.iter().chain(refused) {
                output.note(format_args!("{list}: {said}"));
            }
            output.flush()
        })
    }

    /// What is told and not yet shown.
    fn rest(
        &mut self,
        events: &mut UnboundedReceiver<Told>,
        output: &mut Output,
    ) -> Result<(), Failure> {
        while let Ok(told) = events.try_recv() {
            self.show(told, output)?;
        }
        Ok(())
    }

    fn rate(&self) -> String {
        let seconds = self.began.elapsed().as_secs().max(1);
        format!(
            "{} objects, {} a second",
            HumanCount(self.objects),
            HumanCount(self.objects / seconds)
        )
    }

    fn end(&self) {
        for bar in self.lists.values() {
            bar.finish_and_clear();
        }
        self.total.finish_and_clear();
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
    let mut parts = vec![format!(
        "{} objects of {} lists, {} new or newer",
        HumanCount(report.objects()),
        read + in_part,
        HumanCount(changed)
    )];
    for (count, what) in [
        (settled.completed, "completed"),
        (settled.read, "read again"),
        (u64::try_from(in_part).unwrap_or(0), "lists read in part"),
        (u64::try_from(skipped).unwrap_or(0), "lists skipped"),
        (u64::try_from(failed).unwrap_or(0), "lists failed"),
        (odd, "objects not stored"),
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
