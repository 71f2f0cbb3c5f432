//! `stripe-store endpoint list`.

use clap::Args;
use serde_json::json;

use super::mark;
use crate::cli::database::Database;
use crate::cli::failure::Failure;
use crate::cli::output::{Output, Table};
use crate::cli::stripe::Stripe;
use crate::cli::summary::{date, printable};
use crate::resources::API_VERSION;

/// List the webhook endpoints of the account, and say whose they are
///
/// WHOSE is `ours` for those that this installation made, `another` for another installation's, and `unmarked` for those
/// that were made by other means.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    stripe: Stripe,
}

pub(super) async fn run(
    arguments: &Arguments,
    database: &Database,
    output: &mut Output,
) -> Result<(), Failure> {
    let store = database.open().await?;
    let client = arguments.stripe.client_alone(database)?;
    let installation = store
        .installation_id()
        .await
        .map_err(|error| database.read_failure(error))?;
    let all = mark::all(&client, &installation).await?;
    if output.json() {
        return all.iter().try_for_each(|endpoint| {
            output.line(json!({
                "id": endpoint.id(),
                "whose": endpoint.whose.as_str(),
                "url": endpoint.url(),
                "connect": endpoint.is_connect(),
                "status": endpoint.view.status(),
                "api_version": endpoint.view.api_version(),
                "created": endpoint.view.created().map(crate::view::Timestamp::unix_seconds),
                "replaces": endpoint.replaces(),
                "replaces_until": endpoint.replaces_until().map(|until| until.to_string()),
            }))
        });
    }
    if all.is_empty() {
        output.note("the account has no webhook endpoints");
        return Ok(());
    }
    let head = ["ID", "WHOSE", "STATUS", "CREATED", "VERSION", "OF", "URL"];
    let mut table = Table::new(&head, &[]);
    for endpoint in &all {
        let version = endpoint.view.api_version().unwrap_or("the account's");
        table.row([
            printable(endpoint.id()),
            endpoint.whose.as_str().to_owned(),
            printable(endpoint.view.status().unwrap_or_default()),
            date(endpoint.view.created()),
            printable(version),
            if endpoint.is_connect() {
                "connected accounts".to_owned()
            } else {
                "this account".to_owned()
            },
            printable(endpoint.url()),
        ]);
    }
    table.print(output)?;
    for endpoint in all.iter().filter(|endpoint| endpoint.is_ours()) {
        let others = endpoint.view.api_version();
        if others.is_some_and(|version| version != API_VERSION) {
            output.note(format_args!(
                "{} sends events in another API version than {API_VERSION}: `stripe-store endpoint rotate` makes one that \
                 does not",
                printable(endpoint.id())
            ));
        }
    }
    Ok(())
}
