//! `stripe-store endpoint rotate`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use serde_json::json;

use super::create::{Wanted, make, tell};
use super::mark::{self, Endpoint, INSTALLATION, REPLACES, REPLACES_UNTIL};
use super::secret_file::SecretFile;
use crate::cli::database::Database;
use crate::cli::failure::Failure;
use crate::cli::moment;
use crate::cli::output::Output;
use crate::cli::stripe::Stripe;
use crate::cli::summary::printable;
use crate::client::Client;
use crate::clock::{Clock as _, SystemClock, UnixMillis};

/// Give an endpoint of this installation a new secret, and the API version of this program
///
/// Stripe's API cannot renew a secret. So a second endpoint with the same URL is made, whose secret is printed once; the
/// old one is deleted later. Until then each event comes from both, and is processed once: the receiver has to know both
/// secrets.
#[derive(Debug, Args)]
#[command(after_help = "\
In three steps: `rotate`, then give the receiver the new secret beside the old one, then `rotate --finish`, and take the \
old secret away. Nothing runs by itself: `rotate --due`, from a timer, deletes every old endpoint whose time is over \
(--after). With --after 0s the old one is deleted at once, and what comes fails until the receiver has the new secret; \
Stripe sends it again.

Examples:
  stripe-store endpoint rotate https://shop.example.com/webhook --secret-file new.txt
  stripe-store endpoint rotate we_123 --finish
  stripe-store endpoint rotate --due")]
pub(super) struct Arguments {
    /// The endpoint, by its id or its URL
    #[arg(value_name = "ID_OR_URL", required_unless_present = "due")]
    endpoint: Option<String>,

    /// For how long the old endpoint stays
    #[arg(long, value_name = "AGE", default_value = "24h", value_parser = moment::age)]
    after: Duration,

    /// Delete the old endpoint now
    #[arg(long, conflicts_with_all = ["after", "secret_file"])]
    finish: bool,

    /// Delete all old endpoints whose time is over
    #[arg(long, conflicts_with_all = ["after", "endpoint", "finish", "secret_file"])]
    due: bool,

    /// Write the secret to this new file, readable by its owner alone, instead of printing it
    #[arg(long, value_name = "FILE")]
    secret_file: Option<PathBuf>,

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
    let Some(target) = &arguments.endpoint else {
        let now = SystemClock.now();
        let due = all
            .iter()
            .filter(|it| it.is_ours() && it.replaces_until().is_some_and(|until| until <= now));
        let old: Vec<&str> = due.filter_map(|it| replaced(&all, it)).collect();
        return delete(&client, &old, output).await;
    };
    let current = current(&all, target)?;
    let old = replaced(&all, current);
    if arguments.finish {
        let old: Vec<&str> = old.into_iter().collect();
        return delete(&client, &old, output).await;
    }
    if let Some(old) = old {
        let until = current
            .replaces_until()
            .map_or_else(String::new, |until| format!(" (due {until})"));
        return Err(Failure::Message(format!(
            "{} is replacing {} at the moment{until}: `stripe-store endpoint rotate {} --finish` ends that first",
            printable(current.id()),
            printable(old),
            printable(current.id())
        )));
    }
    renew(arguments, &client, &installation, current, output).await
}

/// The endpoint that is meant, of ours: the one that replaces it, if one does.
fn current<'a>(all: &'a [Endpoint], target: &str) -> Result<&'a Endpoint, Failure> {
    let is_meant = |it: &&Endpoint| it.id() == target || it.url() == target;
    let is_old = |it: &&Endpoint| {
        all.iter()
            .any(|other| other.is_ours() && other.replaces() == Some(it.id()))
    };
    let mut meant: Vec<&Endpoint> = all
        .iter()
        .filter(is_meant)
        .filter(|it| it.is_ours())
        .collect();
    if let [old] = meant[..]
        && is_old(&old)
    {
        meant = all
            .iter()
            .filter(|it| it.is_ours() && it.replaces() == Some(old.id()))
            .collect();
    } else {
        meant.retain(|it| !is_old(it));
    }
    let target = printable(target);
    match meant.as_slice() {
        [one] => Ok(one),
        [] => Err(Failure::Message(if all.iter().any(|it| is_meant(&it)) {
            format!("{target} is not this installation's endpoint, and is left alone")
        } else {
            format!("there is no endpoint {target}: `stripe-store endpoint list` shows them")
        })),
        several => {
            let ids: Vec<_> = several.iter().map(|it| printable(it.id())).collect();
            Err(Failure::Message(format!(
                "several endpoints have the URL {target}: name one of {}",
                ids.join(", ")
            )))
        }
    }
}

/// The id of the endpoint that this one replaces, if that is there still, and ours.
fn replaced<'a>(all: &'a [Endpoint], endpoint: &Endpoint) -> Option<&'a str> {
    let old = endpoint.replaces()?;
    let found = all.iter().find(|it| it.is_ours() && it.id() == old);
    found.map(Endpoint::id)
}

async fn delete(client: &Client, ids: &[&str], output: &mut Output) -> Result<(), Failure> {
    for id in ids {
        mark::delete(client, id).await?;
    }
    if output.json() {
        return output.line(json!({"deleted": ids}));
    }
    if ids.is_empty() {
        return output.line("no old endpoint to delete");
    }
    ids.iter()
        .try_for_each(|id| output.line(format_args!("deleted {}", printable(id))))
}

async fn renew(
    arguments: &Arguments,
    client: &Client,
    installation: &str,
    old: &Endpoint,
    output: &mut Output,
) -> Result<(), Failure> {
    let age = i64::try_from(arguments.after.as_millis()).unwrap_or(i64::MAX);
    let until: UnixMillis = SystemClock.now().plus_millis(age);
    let mut file = match &arguments.secret_file {
        Some(path) => Some(SecretFile::create(path)?),
        None => None,
    };
    let events = old.view.enabled_events().iter();
    let wanted = Wanted {
        url: old.url(),
        is_connect: old.is_connect(),
        description: old.view.description(),
        events: events.map(str::to_owned).collect(),
        metadata: vec![
            (INSTALLATION, installation.to_owned()),
            (REPLACES, old.id().to_owned()),
            (REPLACES_UNTIL, until.timestamp().unix_seconds().to_string()),
        ],
    };
    let (made, secret) = make(client, wanted, file.as_mut()).await?;
    let more = [
        ("replaces", json!(old.id())),
        ("replaces_until", json!(until.to_string())),
    ];
    tell(&made, &secret, file.as_ref(), &more, output)?;
    output.flush()?;
    if arguments.after.is_zero() {
        mark::delete(client, old.id()).await?;
        output.note(format_args!("deleted {}", printable(old.id())));
    } else {
        output.note(format_args!(
            "{} stays until `stripe-store endpoint rotate {} --finish`, or `--due` after {until}: the receiver has to know \
             both secrets meanwhile",
            printable(old.id()),
            printable(made.id())
        ));
    }
    Ok(())
}
