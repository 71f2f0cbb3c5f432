//! `stripe-store reconcile`: the table, compared with Stripe.

use std::num::NonZeroUsize;
use std::time::Instant;

use clap::Args;
use indicatif::{HumanCount, MultiProgress, ProgressBar};
use serde_json::{Value, json};
use tokio::sync::mpsc::unbounded_channel;

use super::database::Database;
use super::failure::Failure;
use super::output::Output;
use super::progress;
use super::signal::Signals;
use super::stripe::{self, Stripe};
use super::suggest;
use super::watch::watch;
use crate::error::{Error, chain};
use crate::sync::{
    Finding, FindingKind, ListEnd, ReconcileEvent, ReconcileReport, SkipReason, SyncError,
    TypeReport,
};

/// Compare the table with Stripe, and say what is missing, gone or different
///
/// Reads every list, and asks for each row that no list had by its id. Names the fields that differ, and never shows what
/// is in them. Writes nothing without --fix.
#[derive(Debug, Args)]
#[command(after_help = "\
Exit status: 0 when nothing is left that differs, 1 when something is, or could not be read.

Examples:
  stripe-store reconcile                         everything
  stripe-store reconcile customer subscription   these types
  stripe-store reconcile --sample 100            100 rows of each type, without reading lists
  stripe-store reconcile customer --fix          and repair what differs")]
pub(super) struct Arguments {
    /// The types to compare, by Stripe's names: customer, checkout.session [default: all]
    #[arg(value_name = "TYPE")]
    types: Vec<String>,

    /// Only so many rows of each type, drawn at random; what is missing here is not found so
    #[arg(long, value_name = "ROWS")]
    sample: Option<NonZeroUsize>,

    /// What draws the sample: the same number draws the same rows [default: the time]
    #[arg(long, value_name = "NUMBER", requires = "sample")]
    seed: Option<u64>,

    /// Write what Stripe has, and delete what Stripe deleted
    #[arg(long)]
    fix: bool,

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
    let store = database.open().await?;
    let (client, store) = arguments.stripe.client(database, store)?;
    let (sender, mut events) = unbounded_channel();
    let mut reconcile = store
        .reconcile(&client)
        .parallel(arguments.parallel)
        .on_event(move |event| {
            // Nobody reads any more when the command ends.
            let _ = sender.send(Told::of(event));
        });
    if !arguments.types.is_empty() {
        reconcile = reconcile.types(&arguments.types);
    }
    if let Some(rows) = arguments.sample {
        reconcile = reconcile.sample(rows.get());
    }
    if let Some(seed) = arguments.seed {
        reconcile = reconcile.seed(seed);
    }
    if arguments.fix {
        reconcile = reconcile.fix();
    }
    let mut screen = Screen::new(output);
    let interrupted = "interrupted: what was repaired is stored";
    let result = watch(
        &mut signals,
        Box::pin(reconcile.run()),
        &mut events,
        interrupted,
        |told| screen.show(told, output),
    )
    .await;
    screen.total.finish_and_clear();
    let report = result?.map_err(failure)?;
    for of_type in &report.types {
        counted(of_type, output)?;
    }
    summary(&report, screen.began, output)?;
    match (report.left(), report.is_complete()) {
        (0, true) => Ok(()),
        (0, false) => Err(Failure::Message(
            "not everything could be compared: what failed is named above".to_owned(),
        )),
        (left, _) if arguments.fix => Err(Failure::Message(format!(
            "{} left that could not be repaired",
            differences(left)
        ))),
        (left, _) => Err(Failure::Message(format!(
            "{} left: --fix repairs what can be repaired",
            differences(left)
        ))),
    }
}

fn differences(count: u64) -> String {
    match count {
        1 => "1 difference is".to_owned(),
        _ => format!("{} differences are", HumanCount(count)),
    }
}

fn failure(error: Error) -> Failure {
    match error {
        Error::Sync(error @ SyncError::NoPath { .. }) => {
            let hint = match &error {
                SyncError::NoPath { object } => suggest::near_type(object, &[]),
                _ => None,
            };
            let hint = hint.map_or_else(String::new, |near| format!(": did you mean {near}?"));
            Failure::Message(format!("{error}{hint}"))
        }
        error => stripe::failure(error),
    }
}

/// What is told of an event.
enum Told {
    Planned(usize),
    Compared(u64),
    Listed {
        list: String,
        state: &'static str,
        reason: Option<String>,
    },
    Found(Finding),
}

impl Told {
    fn of(event: &ReconcileEvent<'_>) -> Self {
        match event {
            ReconcileEvent::Planned { lists } => Self::Planned(*lists),
            ReconcileEvent::Page { objects, .. } => {
                Self::Compared(u64::try_from(*objects).unwrap_or(u64::MAX))
            }
            ReconcileEvent::Asked { .. } => Self::Compared(1),
            ReconcileEvent::Listed { list, end } => {
                let (state, reason) = match end {
                    ListEnd::Read | ListEnd::ReadInPart => ("read", None),
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
                Self::Listed {
                    list: list.to_string(),
                    state,
                    reason,
                }
            }
            ReconcileEvent::Found { finding } => Self::Found((*finding).clone()),
        }
    }
}

fn finding_json(finding: &Finding) -> Value {
    let (fields, more) = match &finding.kind {
        FindingKind::Differing { fields, more } => {
            let paths = fields.iter().map(|field| field.path().to_owned());
            (Some(paths.collect::<Vec<_>>()), Some(*more))
        }
        _ => (None, None),
    };
    let how = match &finding.kind {
        FindingKind::Extra(gone) => Some(gone.as_str()),
        _ => None,
    };
    json!({
        "event": "difference",
        "object": finding.object,
        "id": finding.id,
        "kind": finding.kind.as_str(),
        "known_by": how,
        "fields": fields,
        "more_fields": more,
        "repaired": finding.is_repaired,
    })
}

/// What a person, or a program, sees while it runs.
struct Screen {
    began: Instant,
    bars: MultiProgress,
    total: ProgressBar,
    compared: u64,
}

impl Screen {
    fn new(output: &Output) -> Self {
        let bars = progress::several(output);
        let total = bars.add(progress::of_lists(output));
        Self {
            began: Instant::now(),
            bars,
            total,
            compared: 0,
        }
    }

    fn show(&mut self, told: Told, output: &mut Output) -> Result<(), Failure> {
        match told {
            Told::Planned(lists) => {
                let lists = u64::try_from(lists).unwrap_or(0);
                self.total.inc_length(lists);
                Ok(())
            }
            Told::Compared(objects) => {
                self.compared += objects;
                let compared = HumanCount(self.compared);
                self.total.set_message(format!("{compared} objects"));
                Ok(())
            }
            Told::Listed {
                list,
                state,
                reason,
            } => {
                self.total.inc(1);
                let Some(reason) = reason else { return Ok(()) };
                let line = match (output.json(), state) {
                    (true, _) => {
                        json!({"event": "list", "list": list, "state": state, "reason": reason})
                            .to_string()
                    }
                    (false, "failed") => format!("{list}: failed: {reason}"),
                    (false, _) => format!("{list}: skipped: {reason}"),
                };
                self.line(line, output)
            }
            Told::Found(finding) if output.json() => self.line(finding_json(&finding), output),
            Told::Found(finding) => self.line(finding, output),
        }
    }

    fn line(&self, line: impl std::fmt::Display, output: &mut Output) -> Result<(), Failure> {
        self.bars.suspend(|| {
            output.line(line)?;
            output.flush()
        })
    }
}

/// What was found of a type.
fn counted(of_type: &TypeReport, output: &mut Output) -> Result<(), Failure> {
    let object = &of_type.object;
    if output.json() {
        let reasons = of_type.failures.iter();
        let reasons = reasons.map(|(object, error)| format!("{object}: {}", chain(error)));
        return output.line(json!({
            "event": "type",
            "object": object,
            "compared": of_type.compared,
            "missing": of_type.missing,
            "extra": of_type.extra,
            "differing": of_type.differing,
            "repaired": of_type.repaired,
            "other_version": of_type.other_version,
            "changed_meanwhile": of_type.changed_meanwhile,
            "unchecked": of_type.unchecked,
            "failed": of_type.failed,
            "failures": reasons.collect::<Vec<_>>(),
        }));
    }
    for (named, error) in &of_type.failures {
        output.note(format_args!("{named}: {}", chain(error)));
    }
    let mut parts = vec![format!("{} compared", HumanCount(of_type.compared))];
    for (count, what) in [
        (of_type.missing, "missing"),
        (of_type.extra, "gone at Stripe"),
        (of_type.differing, "differing"),
        (of_type.repaired, "repaired"),
        (of_type.other_version, "of another API version"),
        (of_type.changed_meanwhile, "changed meanwhile"),
        (of_type.unchecked, "could not be asked for"),
        (of_type.failed, "failed"),
    ] {
        if count > 0 {
            parts.push(format!("{} {what}", HumanCount(count)));
        }
    }
    output.line(format_args!("{object}: {}", parts.join(", ")))
}

fn summary(report: &ReconcileReport, began: Instant, output: &mut Output) -> Result<(), Failure> {
    let sum = |of: fn(&TypeReport) -> u64| report.types.iter().map(of).sum::<u64>();
    let compared = sum(|it| it.compared);
    let repaired = sum(|it| it.repaired);
    let took = began.elapsed();
    if output.json() {
        return output.line(json!({
            "event": "summary",
            "compared": compared,
            "found": report.found(),
            "repaired": repaired,
            "left": report.left(),
            "lists_unread": report.unread.len(),
            "failed": sum(|it| it.failed),
            "not_settled": report.settled.failed.len(),
            "seed": report.seed,
            "milliseconds": u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
            "complete": report.is_complete(),
        }));
    }
    for (object, error) in &report.settled.failed {
        output.note(format_args!(
            "{object} could not be read again: {}",
            chain(error)
        ));
    }
    output.line(format_args!(
        "{} compared, {} found, {} repaired in {:.1} s",
        HumanCount(compared),
        HumanCount(report.found()),
        HumanCount(repaired),
        took.as_secs_f64()
    ))
}
