//! `stripe-store check-pending`: whether Stripe waits for webhook endpoints that take nothing.

use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::Duration;

use clap::Args;
use futures_util::TryStreamExt as _;
use serde_json::json;

use super::database::Database;
use super::failure::Failure;
use super::moment;
use super::output::{Output, Table, counted};
use super::stripe::{self, KEY, Stripe};
use super::summary::{date, printable};
use crate::client::{Client, ClientError};
use crate::clock::{Clock as _, SystemClock};
use crate::resources::Event;
use crate::resources::operations::ListEvents;

/// Fail when Stripe has more events than a threshold that a webhook endpoint has not taken
///
/// Asks Stripe, and needs no database. Says nothing while there are no more than that, so that a timer can run it.
#[derive(Debug, Args)]
#[command(after_help = "\
COMMAND is given to sh, when there are too many. It finds their ids on its standard input, one a line, how many there are \
in STRIPE_STORE_PENDING, the threshold in STRIPE_STORE_THRESHOLD and the name in STRIPE_STORE_INSTALLATION, and no \
STRIPE_SECRET_KEY. What it prints goes to standard error.

Exit status: 0 when there are no more than the threshold, 1 when there are more, or Stripe could not be asked.

Examples:
  stripe-store check-pending
  stripe-store check-pending --threshold 0 --older-than 1h
  stripe-store check-pending --installation shop --exec 'mail -s \"$STRIPE_STORE_PENDING pending\" ops@example.com'")]
pub(super) struct Arguments {
    /// How many may be pending
    #[arg(long, value_name = "EVENTS", default_value_t = 20)]
    threshold: u64,

    /// Only events that are older: what is younger may be on its way
    #[arg(long, value_name = "AGE", default_value = "5m", value_parser = moment::age)]
    older_than: Duration,

    /// Run this when there are more, with their ids on its standard input
    #[arg(long, value_name = "COMMAND")]
    exec: Option<String>,

    /// What the message calls this installation
    #[arg(long, value_name = "NAME", env = "STRIPE_STORE_INSTALLATION")]
    installation: Option<String>,

    #[command(flatten)]
    stripe: Stripe,
}

/// An event that an endpoint has not taken.
struct Pending {
    id: String,
    event: Event,
    endpoints: i64,
}

pub(super) async fn run(
    arguments: &Arguments,
    database: &Database,
    output: &mut Output,
) -> Result<(), Failure> {
    let client = arguments.stripe.client_alone(database)?;
    let pending = pending(&client, arguments.older_than)
        .await
        .map_err(|error| stripe::failure(error.into()))?;
    let count = u64::try_from(pending.len()).unwrap_or(u64::MAX);
    let is_over = count > arguments.threshold;
    let installation = arguments
        .installation
        .as_deref()
        .filter(|name| !name.is_empty());
    if output.json() {
        let ids: Vec<_> = pending.iter().map(|it| it.id.as_str()).collect();
        output.line(json!({
            "installation": installation,
            "pending": count,
            "threshold": arguments.threshold,
            "older_than_seconds": arguments.older_than.as_secs(),
            "events": ids,
        }))?;
    } else if is_over {
        print(&pending, output)?;
    }
    if !is_over {
        return Ok(());
    }
    output.flush()?;
    if let Some(command) = &arguments.exec {
        exec(command, &pending, arguments.threshold, installation)?;
    }
    let of = installation.map_or_else(String::new, |name| format!("{}: ", printable(name)));
    Err(Failure::Message(format!(
        "{of}{} not taken by a webhook endpoint, more than {}",
        counted(count, "event"),
        arguments.threshold
    )))
}

/// The events that are older and that an endpoint has not taken, the newest first.
async fn pending(client: &Client, older_than: Duration) -> Result<Vec<Pending>, ClientError> {
    let age = i64::try_from(older_than.as_millis()).unwrap_or(i64::MAX);
    let until = SystemClock.now().plus_millis(age.saturating_neg());
    let list = ListEvents::new()
        .delivery_success(false)
        .created(..=until.timestamp());
    let mut events = client.call(list).stream();
    let mut pending = Vec::new();
    while let Some(item) = events.try_next().await? {
        // What cannot be read says nothing of endpoints.
        let Ok(event) = item.view() else { continue };
        let endpoints = event.pending_webhooks().unwrap_or(0);
        if endpoints > 0 {
            pending.push(Pending {
                id: event.id().to_owned(),
                event,
                endpoints,
            });
        }
    }
    Ok(pending)
}

fn print(pending: &[Pending], output: &mut Output) -> Result<(), Failure> {
    let mut table = Table::new(&["ID", "CREATED", "TYPE", "ENDPOINTS"], &[3]);
    for Pending {
        id,
        event,
        endpoints,
    } in pending
    {
        table.row([
            printable(id),
            date(event.created()),
            printable(event.type_().unwrap_or_default()),
            endpoints.to_string(),
        ]);
    }
    table.print(output)
}

/// Runs a command that is to hear of the events.
fn exec(
    command: &str,
    pending: &[Pending],
    threshold: u64,
    installation: Option<&str>,
) -> Result<(), Failure> {
    let failed = |error: std::io::Error| {
        Failure::Message(format!("the command of --exec could not be run: {error}"))
    };
    let mut child = Command::new("sh")
        .args(["-c", command])
        .env("STRIPE_STORE_PENDING", pending.len().to_string())
        .env("STRIPE_STORE_THRESHOLD", threshold.to_string())
        .env(
            "STRIPE_STORE_INSTALLATION",
            installation.unwrap_or_default(),
        )
        .env_remove(KEY)
        .stdin(Stdio::piped())
        .stdout(std::io::stderr())
        .spawn()
        .map_err(failed)?;
    if let Some(mut stdin) = child.stdin.take() {
        for it in pending {
            // It may want to hear no more.
            if writeln!(stdin, "{}", it.id).is_err() {
                break;
            }
        }
    }
    let status = child.wait().map_err(failed)?;
    if status.success() {
        return Ok(());
    }
    Err(Failure::Message(format!(
        "{} not taken by a webhook endpoint, and the command of --exec failed: {status}",
        counted(u64::try_from(pending.len()).unwrap_or(u64::MAX), "event"),
    )))
}
