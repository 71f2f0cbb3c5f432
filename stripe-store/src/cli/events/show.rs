//! `stripe-store events show`: one event, and the requests that brought it.

use clap::Args;
use serde_json::json;

use super::columns;
use crate::cli::database::Database;
use crate::cli::failure::Failure;
use crate::cli::json;
use crate::cli::output::{Output, Table};
use crate::cli::summary::printable;
use crate::clock::UnixMillis;
use crate::inbox::InboxEvent;
use crate::store::{Store, StoreError};
use crate::webhook::Delivery;

/// How many requests are shown, the last ones.
const DELIVERIES: usize = 100;

/// How much earlier than Stripe says that an event was created a request may have come, with a clock here that is wrong: a
/// day, in milliseconds.
const SKEW_MS: i64 = 24 * 60 * 60 * 1000;

/// Show an event: what is known of it, and the requests that brought it
///
/// With --json, one line holds everything, the event as Stripe sent it as `payload` and the requests as `deliveries`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  stripe-store events show evt_123
  stripe-store events show evt_123 --payload | jq .data.previous_attributes")]
pub(super) struct Arguments {
    /// The event's id
    id: String,

    /// Print the event as Stripe sent it, and nothing else
    #[arg(long, conflicts_with = "json")]
    payload: bool,
}

pub(super) async fn run(
    arguments: &Arguments,
    database: &Database,
    output: &mut Output,
) -> Result<(), Failure> {
    let store = database.open().await?;
    let failed = |error| database.read_failure(error);
    let Some(event) = store.event(&arguments.id).await.map_err(failed)? else {
        return Err(Failure::Message(format!(
            "no event {} in the inbox",
            printable(&arguments.id)
        )));
    };
    if arguments.payload {
        return match event.event() {
            Ok(_) if output.out_is_terminal() => output.line(json::pretty(event.payload())),
            _ => output.line(event.payload()),
        };
    }
    let deliveries = deliveries(&store, &event).await.map_err(failed)?;
    if output.json() {
        let deliveries: Vec<_> = deliveries.iter().map(delivery).collect();
        let payload = match event.event() {
            Ok(_) => json::compact(event.payload()),
            // Somebody else wrote it, and it may be anything.
            Err(_) => json::string(event.payload()),
        };
        return output.line(format_args!(
            "{{{},\"deliveries\":{},\"payload\":{payload}}}",
            columns(&event),
            serde_json::Value::from(deliveries),
        ));
    }
    print(&event, output)?;
    requests(&deliveries, output)
}

/// The requests that brought an event; none came before it was created.
async fn deliveries(store: &Store, event: &InboxEvent) -> Result<Vec<Delivery>, StoreError> {
    let since = UnixMillis::from(event.created()).plus_millis(-SKEW_MS);
    let deliveries = store.deliveries().event(event.id()).since(since);
    Ok(deliveries.limit(DELIVERIES).page().await?.data)
}

fn print(event: &InboxEvent, output: &mut Output) -> Result<(), Failure> {
    let moment = |at: Option<UnixMillis>| at.map(|at| at.to_string()).unwrap_or_default();
    let about = match (event.object(), event.object_id()) {
        (Some(object), Some(id)) => format!("{object} {id}"),
        _ => String::new(),
    };
    let customer = event.event().ok().and_then(|event| event.customer());
    let lines = [
        ("id", event.id().to_owned()),
        ("type", event.event_type().to_owned()),
        ("account", event.account().unwrap_or("platform").to_owned()),
        ("mode", event.mode().to_string()),
        ("created", event.created().to_string()),
        (
            "api version",
            event.api_version().unwrap_or_default().to_owned(),
        ),
        ("object", about),
        ("customer", customer.unwrap_or_default()),
        ("status", event.status().to_string()),
        ("tries", event.attempts().to_string()),
        ("error", event.last_error().unwrap_or_default().to_owned()),
        ("handled by", event.handled().join(", ")),
        ("due", moment(event.due_at())),
        ("leased until", moment(event.leased_until())),
        ("received", moment(Some(event.received_at()))),
        ("updated", moment(Some(event.updated_at()))),
    ];
    for (name, text) in lines {
        if !text.is_empty() {
            output.line(format_args!("{name:12}  {}", printable(&text)))?;
        }
    }
    Ok(())
}

fn requests(deliveries: &[Delivery], output: &mut Output) -> Result<(), Failure> {
    if deliveries.is_empty() {
        return Ok(());
    }
    output.line("")?;
    let head = ["RECEIVED", "ENDPOINT", "FROM", "VERDICT", "ANSWER", "ERROR"];
    let mut table = Table::new(&head, &[4]);
    for delivery in deliveries {
        table.row([
            delivery.received_at().to_string(),
            printable(delivery.endpoint()),
            printable(delivery.remote().unwrap_or_default()),
            delivery.verdict().to_string(),
            delivery.http_status().to_string(),
            printable(delivery.error().unwrap_or_default()),
        ]);
    }
    table.print(output)
}

fn delivery(delivery: &Delivery) -> serde_json::Value {
    json!({
        "id": delivery.id(),
        "endpoint": delivery.endpoint(),
        "remote": delivery.remote(),
        "verdict": delivery.verdict().as_str(),
        "http_status": delivery.http_status(),
        "error": delivery.error(),
        "headers": delivery.headers(),
        "body": delivery.body(),
        "body_bytes": delivery.body_bytes(),
        "duration_us": u64::try_from(delivery.duration().as_micros()).unwrap_or(u64::MAX),
        "received_at": delivery.received_at().to_string(),
    })
}
