//! `stripe-store purge`: what nothing needs any more.

use std::time::Duration;

use clap::Args;
use serde_json::json;

use super::database::Database;
use super::failure::Failure;
use super::moment;
use super::output::Output;
use super::progress;
use super::signal::Signals;
use crate::store::{Purged, Retention};

/// Remove old tombstones, events and requests, and what was kept for conflicts that are settled
///
/// Rows of deleted objects, events of the inbox that are done with, and requests in the log of webhook endpoints go only when
/// their age is given; snapshots that were kept beside an object's own, to decide
/// against late events, go after 45 days. In short transactions: the database can be written to meanwhile.
#[derive(Debug, Args)]
#[command(after_help = "\
A tombstone is what keeps a late event from bringing a deleted object back, and an event in the inbox what keeps one that \
comes again from being handled again. Stripe lists events for 30 days, so that no age under 33d is taken for them without \
--force. Events that are pending, queued, failed or dead stay, whatever their age. --test, --live and --account make no difference.

Examples:
  stripe-store purge --tombstones-older-than 45d --dry-run
  stripe-store purge --tombstones-older-than 90d --vacuum
  stripe-store purge --events-older-than 60d --deliveries-older-than 30d")]
pub(super) struct Arguments {
    /// Remove the rows of objects that were deleted longer ago: 45d, 1080h
    #[arg(long, value_name = "AGE", value_parser = moment::age)]
    tombstones_older_than: Option<Duration>,

    /// Remove snapshots beside an object's own that are older: 45d, 1080h [default: 45d]
    #[arg(long, value_name = "AGE", value_parser = moment::age)]
    settled_older_than: Option<Duration>,

    /// Remove events of the inbox that are done with, created longer ago: 60d
    #[arg(long, value_name = "AGE", value_parser = moment::age)]
    events_older_than: Option<Duration>,

    /// Remove requests to webhook endpoints from the log that came longer ago; any age is taken
    #[arg(long, value_name = "AGE", value_parser = moment::age)]
    deliveries_older_than: Option<Duration>,

    /// Take ages under 33 days, too
    #[arg(long)]
    force: bool,

    /// Count what would be removed, and remove nothing
    #[arg(long, conflicts_with = "vacuum")]
    dry_run: bool,

    /// Make the room usable again afterwards: SQLite writes its file anew, and writers wait
    #[arg(long)]
    vacuum: bool,
}

impl Arguments {
    fn retention(&self) -> Retention {
        let mut retention = Retention::new();
        if let Some(age) = self.tombstones_older_than {
            retention = retention.with_tombstones_older_than(age);
        }
        if let Some(age) = self.settled_older_than {
            retention = retention.with_settled_older_than(age);
        }
        if let Some(age) = self.events_older_than {
            retention = retention.with_events_older_than(age);
        }
        if let Some(age) = self.deliveries_older_than {
            retention = retention.with_deliveries_older_than(age);
        }
        if self.force {
            retention = retention.forced();
        }
        retention
    }
}

pub(super) async fn run(
    arguments: &Arguments,
    database: &Database,
    output: &mut Output,
) -> Result<(), Failure> {
    let mut signals = Signals::new().map_err(Failure::Runtime)?;
    let store = database.open().await?;
    let retention = arguments.retention();
    if arguments.dry_run {
        let purgeable = store
            .purgeable(&retention)
            .await
            .map_err(|error| database.read_failure(error))?;
        return print(arguments, purgeable, Done::DryRun, output);
    }
    let rows = if output.err_is_terminal() {
        let purgeable = store.purgeable(&retention).await;
        purgeable
            .map_err(|error| database.read_failure(error))?
            .rows()
    } else {
        0
    };
    let bar = progress::of_rows(output, rows);
    let mut so_far = Purged::default();
    let purge = store.purge_with(&retention, |purged| {
        so_far = purged;
        bar.set_position(purged.rows());
    });
    let result = tokio::select! {
        biased;
        stop = signals.next() => Err(Failure::Interrupted {
            message: "interrupted: run it again to remove the rest".to_owned(),
            status: stop.status,
        }),
        purged = purge => purged.map_err(|error| database.read_failure(error)),
    };
    bar.finish_and_clear();
    let done = if result.is_ok() {
        Done::Whole
    } else {
        Done::Interrupted
    };
    if result.is_ok() && arguments.vacuum {
        store.vacuum().await?;
    }
    if result.is_ok() || so_far.rows() > 0 {
        print(arguments, so_far, done, output)?;
    }
    result.map(|_| ())
}

/// How far it went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Done {
    DryRun,
    Interrupted,
    Whole,
}

fn print(
    arguments: &Arguments,
    purged: Purged,
    done: Done,
    output: &mut Output,
) -> Result<(), Failure> {
    let Purged {
        tombstones,
        rivals,
        marks,
        events,
        deliveries,
        ..
    } = purged;
    if output.json() {
        return output.line(json!({
            "tombstones": tombstones,
            "rivals": rivals,
            "marks": marks,
            "events": events,
            "deliveries": deliveries,
            "dry_run": done == Done::DryRun,
            "complete": done == Done::Whole,
        }));
    }
    let verb = if done == Done::DryRun {
        "would remove"
    } else {
        "removed"
    };
    let line = format!(
        "{verb} {tombstones} tombstones, {rivals} rivals of settled conflicts, {marks} marks without an object"
    );
    let asked = [
        (events, arguments.events_older_than, "events"),
        (deliveries, arguments.deliveries_older_than, "requests"),
    ];
    let more = asked
        .into_iter()
        .filter(|(_, age, _)| age.is_some())
        .map(|(count, _, what)| format!("{count} {what}"));
    let parts: Vec<String> = std::iter::once(line).chain(more).collect();
    output.line(parts.join(", "))
}
