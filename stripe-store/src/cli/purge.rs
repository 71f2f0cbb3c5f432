//! `stripe-store purge`: what nothing needs any more.

use std::time::Duration;

use clap::Args;
use serde_json::json;

use super::database::Database;
use super::failure::Failure;
use super::output::Output;
use super::progress;
use super::signal::Signals;
use crate::store::{Purged, Retention};

/// Remove old tombstones, and what was kept for conflicts that are settled
///
/// Rows of deleted objects go only when their age is given; snapshots that were kept beside an object's own, to decide
/// against late events, go after 45 days. In short transactions: the database can be written to meanwhile.
#[derive(Debug, Args)]
#[command(after_help = "\
A tombstone is what keeps a late event from bringing a deleted object back. Stripe lists events for 30 \
days, so that no age under 33d is taken without --force. --test, --live and --account make no difference.

Examples:
  stripe-store purge --tombstones-older-than 45d --dry-run
  stripe-store purge --tombstones-older-than 90d --vacuum")]
pub(super) struct Arguments {
    /// Remove the rows of objects that were deleted longer ago: 45d, 1080h
    #[arg(long, value_name = "AGE", value_parser = age)]
    tombstones_older_than: Option<Duration>,

    /// Remove snapshots beside an object's own that are older: 45d, 1080h [default: 45d]
    #[arg(long, value_name = "AGE", value_parser = age)]
    settled_older_than: Option<Duration>,

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
        return print(purgeable, Done::DryRun, output);
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
        print(so_far, done, output)?;
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

fn print(purged: Purged, done: Done, output: &mut Output) -> Result<(), Failure> {
    let Purged {
        tombstones,
        rivals,
        marks,
        ..
    } = purged;
    if output.json() {
        return output.line(json!({
            "tombstones": tombstones,
            "rivals": rivals,
            "marks": marks,
            "dry_run": done == Done::DryRun,
            "complete": done == Done::Whole,
        }));
    }
    let verb = if done == Done::DryRun {
        "would remove"
    } else {
        "removed"
    };
    output.line(format_args!(
        "{verb} {tombstones} tombstones, {rivals} rivals of settled conflicts, {marks} marks without an object"
    ))
}

/// Reads an age: a number of days, hours, minutes or seconds.
fn age(text: &str) -> Result<Duration, String> {
    let unit = |letter: char| match letter {
        'd' => Some(24 * 60 * 60),
        'h' => Some(60 * 60),
        'm' => Some(60),
        's' => Some(1),
        _ => None,
    };
    let mut letters = text.chars();
    let seconds = letters.next_back().and_then(|letter| {
        let count: u64 = letters.as_str().parse().ok()?;
        count.checked_mul(unit(letter)?)
    });
    seconds.map(Duration::from_secs).ok_or_else(|| {
        "expected a number of days, hours, minutes or seconds: 45d, 12h, 30m, 90s".to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_has_a_unit() {
        for (text, seconds) in [
            ("45d", 3_888_000),
            ("12h", 43_200),
            ("30m", 1800),
            ("0s", 0),
        ] {
            assert_eq!(age(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        for text in [
            "",
            "45",
            "d",
            "-1d",
            "1.5d",
            "1 d",
            "1w",
            "99999999999999999999d",
        ] {
            assert!(age(text).is_err(), "{text}");
        }
    }
}
