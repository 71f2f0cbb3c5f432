//! `stripe-store events replay`: events that are done again.

use clap::Args;
use serde_json::json;

use super::Filter;
use crate::cli::database::Database;
use crate::cli::failure::Failure;
use crate::cli::output::{Output, counted};
use crate::cli::summary::printable;
use crate::inbox::{AppliedEvent, InboxEvent, InboxEvents, Replayed};
use crate::store::Store;

/// How many events are replayed at a time.
const AT_ONCE: usize = 200;

/// Have events done again, by their ids or by what is known of them
///
/// What is applied, queued or failed is pending again: its object is written once more and all handlers run. Of what is
/// dead, those handlers run that have not done their work. What a worker has at hand is left alone.
#[derive(Debug, Args)]
#[command(after_help = "\
Handlers are the application's: a worker of it (`inbox::Worker`, or that of its receiver) takes up what is pending or \
queued, within a second. This command knows none. --work writes the objects of the events at once and calls them \
applied, without any handlers: for a mirror that no application waits at.

Exit status: 0 when all were replayed, 1 when one is not there, is at hand elsewhere or cannot be applied.

Examples:
  stripe-store events replay evt_123 evt_124
  stripe-store events replay --status failed --dry-run
  stripe-store events replay --status failed --since 2026-11-01 --work")]
pub(super) struct Arguments {
    /// The events
    #[arg(
        value_name = "ID",
        required_unless_present = "Filter",
        conflicts_with = "Filter"
    )]
    ids: Vec<String>,

    #[command(flatten)]
    filter: Filter,

    /// Do everything anew of dead events, too: handlers that have done their work do it again
    #[arg(long)]
    anew: bool,

    /// Apply here what becomes pending, without handlers
    #[arg(long)]
    work: bool,

    /// Count the events, and do nothing
    #[arg(long)]
    dry_run: bool,
}

#[derive(Debug, Default)]
struct Report {
    pending: u64,
    queued: u64,
    in_progress: u64,
    unknown: u64,
    applied: u64,
    failed: u64,
}

pub(super) async fn run(
    arguments: &Arguments,
    database: &Database,
    output: &mut Output,
) -> Result<(), Failure> {
    let store = database.open().await?;
    let events = arguments.filter.events(&store, database);
    if arguments.dry_run {
        return dry_run(arguments, &store, &events, database, output).await;
    }
    let mut report = Report::default();
    if arguments.ids.is_empty() {
        let mut events = events.limit(AT_ONCE);
        loop {
            let page = events
                .page()
                .await
                .map_err(|error| database.read_failure(error))?;
            let ids: Vec<String> = page
                .data
                .iter()
                .map(InboxEvent::id)
                .map(str::to_owned)
                .collect();
            replay(arguments, &store, &ids, database, &mut report, output).await?;
            let Some(next) = &page.next else { break };
            events = events.after(next);
        }
    } else {
        for ids in arguments.ids.chunks(AT_ONCE) {
            replay(arguments, &store, ids, database, &mut report, output).await?;
        }
    }
    summary(&report, output)?;
    if report.unknown + report.in_progress + report.failed == 0 {
        return Ok(());
    }
    Err(Failure::Message(
        "not everything was replayed: what was not is named above".to_owned(),
    ))
}

async fn dry_run(
    arguments: &Arguments,
    store: &Store,
    events: &InboxEvents,
    database: &Database,
    output: &mut Output,
) -> Result<(), Failure> {
    let failed = |error| database.read_failure(error);
    let mut count = 0;
    if arguments.ids.is_empty() {
        count = events.count().await.map_err(failed)?;
    }
    for id in &arguments.ids {
        match store.event(id).await.map_err(failed)? {
            Some(_) => count += 1,
            None => output.note(format_args!("{}: not in the inbox", printable(id))),
        }
    }
    if output.json() {
        return output.line(json!({"events": count, "dry_run": true}));
    }
    output.line(format_args!("would replay {}", counted(count, "event")))
}

async fn replay(
    arguments: &Arguments,
    store: &Store,
    ids: &[String],
    database: &Database,
    report: &mut Report,
    output: &mut Output,
) -> Result<(), Failure> {
    let replayed = if arguments.anew {
        store.replay_anew(ids).await
    } else {
        store.replay(ids).await
    };
    let replayed = replayed.map_err(|error| database.read_failure(error))?;
    let mut pending = Vec::new();
    for (id, replayed) in ids.iter().zip(replayed) {
        match replayed {
            Replayed::Pending => {
                report.pending += 1;
                pending.push(id);
            }
            Replayed::Queued => report.queued += 1,
            Replayed::InProgress(until) => {
                report.in_progress += 1;
                output.note(format_args!(
                    "{}: a worker has it at hand, until {until} if it says no more",
                    printable(id)
                ));
            }
            Replayed::Unknown => {
                report.unknown += 1;
                output.note(format_args!("{}: not in the inbox", printable(id)));
            }
        }
    }
    if !arguments.work {
        return Ok(());
    }
    let applied = store.apply_events(&pending).await?;
    for (id, applied) in pending.iter().zip(applied) {
        match applied {
            AppliedEvent::Applied => report.applied += 1,
            AppliedEvent::Failed(reason) => {
                report.failed += 1;
                output.note(format_args!(
                    "{}: cannot be applied: {}",
                    printable(id),
                    printable(&reason)
                ));
            }
            // Whoever has it does more than this command.
            AppliedEvent::Left => {}
        }
    }
    Ok(())
}

fn summary(report: &Report, output: &mut Output) -> Result<(), Failure> {
    let Report {
        pending,
        queued,
        in_progress,
        unknown,
        applied,
        failed,
    } = report;
    if output.json() {
        return output.line(json!({
            "pending": pending,
            "queued": queued,
            "in_progress": in_progress,
            "unknown": unknown,
            "applied": applied,
            "failed": failed,
            "dry_run": false,
        }));
    }
    let waiting = pending.saturating_sub(applied + failed);
    let parts: Vec<String> = [
        (*applied, "applied, without handlers"),
        (*failed, "not applied"),
        (waiting, "pending"),
        (*queued, "queued"),
        (*in_progress, "left alone"),
        (*unknown, "not there"),
    ]
    .into_iter()
    .filter(|(count, _)| *count > 0)
    .map(|(count, what)| format!("{count} {what}"))
    .collect();
    if parts.is_empty() {
        return output.line("nothing to replay");
    }
    output.line(parts.join(", "))?;
    if waiting + queued > 0 {
        output.flush()?;
        output.note("a worker of the application does the rest");
    }
    Ok(())
}
