//! `stripe-store endpoint create`.

use std::path::PathBuf;

use clap::Args;
use serde_json::{Value, json};

use super::mark::{self, CONNECT, INSTALLATION};
use super::secret_file::SecretFile;
use crate::cli::database::Database;
use crate::cli::failure::Failure;
use crate::cli::output::Output;
use crate::cli::stripe::{self, Stripe};
use crate::cli::summary::printable;
use crate::client::Client;
use crate::resources::operations::{CreateWebhookEndpoint, CreateWebhookEndpointEnabledEvents};
use crate::resources::{API_VERSION, WebhookEndpoint};
use crate::view::OpenEnum as _;

/// Make a webhook endpoint at Stripe, for all events, in the API version of this program
///
/// Its secret, with which Stripe signs what it posts, is printed once, or written to a file that nobody else can read: it
/// is kept nowhere, and Stripe shows it nowhere but in the dashboard.
#[derive(Debug, Args)]
#[command(after_help = "\
Where this installation has an endpoint with the URL already, none is made: `stripe-store endpoint rotate` gives it a new \
secret. Where somebody else has one, none is made without --force, because each event would come to both.

Examples:
  stripe-store endpoint create https://shop.example.com/webhook
  stripe-store endpoint create https://shop.example.com/webhook --secret-file secret.txt
  stripe-store endpoint create https://shop.example.com/connect --connect")]
pub(super) struct Arguments {
    /// Where Stripe is to post events
    url: String,

    /// For the events of connected accounts, instead of this account's own
    #[arg(long)]
    connect: bool,

    /// What the dashboard shows beside it
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,

    /// Write the secret to this new file, readable by its owner alone, instead of printing it
    #[arg(long, value_name = "FILE")]
    secret_file: Option<PathBuf>,

    /// Make one though somebody else has an endpoint with this URL
    #[arg(long)]
    force: bool,

    #[command(flatten)]
    stripe: Stripe,
}

/// An endpoint that is to be made.
pub(super) struct Wanted<'a> {
    pub(super) url: &'a str,
    pub(super) is_connect: bool,
    pub(super) description: Option<&'a str>,
    /// The events; all, if there are none.
    pub(super) events: Vec<String>,
    pub(super) metadata: Vec<(&'static str, String)>,
}

pub(super) async fn run(
    arguments: &Arguments,
    database: &Database,
    output: &mut Output,
) -> Result<(), Failure> {
    let store = database.create().await?;
    let client = arguments.stripe.client_alone(database)?;
    let installation = store.installation_id().await?;
    let url = arguments.url.as_str();
    let all = mark::all(&client, &installation).await?;
    let mut same = all
        .iter()
        .filter(|it| it.url() == url && it.is_connect() == arguments.connect);
    if let Some(ours) = same.clone().find(|it| it.is_ours()) {
        return Err(Failure::Message(format!(
            "{} is this installation's endpoint for {} already: `stripe-store endpoint rotate {}` gives it a new secret",
            printable(ours.id()),
            printable(url),
            printable(ours.id())
        )));
    }
    if let Some(other) = same.next()
        && !arguments.force
    {
        return Err(Failure::Message(format!(
            "{} has the URL {} and is not this installation's: each event would come to both; --force makes one nonetheless",
            printable(other.id()),
            printable(url)
        )));
    }
    let mut file = match &arguments.secret_file {
        Some(path) => Some(SecretFile::create(path)?),
        None => None,
    };
    let wanted = Wanted {
        url,
        is_connect: arguments.connect,
        description: arguments.description.as_deref(),
        events: Vec::new(),
        metadata: vec![(INSTALLATION, installation)],
    };
    let (made, secret) = make(&client, wanted, file.as_mut()).await?;
    tell(&made, &secret, file.as_ref(), &[], output)
}

/// Makes an endpoint, and puts its secret where it belongs; if that fails, there is no endpoint.
pub(super) async fn make(
    client: &Client,
    wanted: Wanted<'_>,
    file: Option<&mut SecretFile>,
) -> Result<(WebhookEndpoint, String), Failure> {
    let events = if wanted.events.is_empty() {
        vec![CreateWebhookEndpointEnabledEvents::All]
    } else {
        let events = wanted.events.iter();
        events
            .map(|name| CreateWebhookEndpointEnabledEvents::from_text(name))
            .collect()
    };
    let mut metadata = wanted.metadata;
    let mut operation = CreateWebhookEndpoint::new(events, wanted.url);
    if wanted.is_connect {
        operation = operation.connect(true);
        metadata.push((CONNECT, "true".to_owned()));
    }
    if let Some(description) = wanted.description {
        operation = operation.description(description);
    }
    let call = client
        .call(operation.metadata(metadata))
        .param("api_version", API_VERSION);
    let made = call
        .send()
        .await
        .map_err(|error| stripe::failure(error.into()))?;
    let made = made.view().clone();
    let written = match made.secret() {
        None => Err(Failure::Message(
            "Stripe sent no secret of the new endpoint".to_owned(),
        )),
        Some(secret) => match file {
            Some(file) => file.write(secret).map(|()| secret.to_owned()),
            None => Ok(secret.to_owned()),
        },
    };
    match written {
        Ok(secret) => Ok((made, secret)),
        Err(error) => {
            // Nobody will ever know its secret. If it cannot be deleted, what failed first is what there is to say.
            let _ = mark::delete(client, made.id()).await;
            Err(error)
        }
    }
}

/// Says what was made.
pub(super) fn tell(
    made: &WebhookEndpoint,
    secret: &str,
    file: Option<&SecretFile>,
    more: &[(&str, Value)],
    output: &mut Output,
) -> Result<(), Failure> {
    if output.json() {
        let mut line = json!({
            "id": made.id(),
            "url": made.url(),
            "api_version": made.api_version(),
            "livemode": made.livemode(),
            "secret": file.is_none().then_some(secret),
            "secret_file": file.map(|file| file.path().display().to_string()),
        });
        if let Value::Object(line) = &mut line {
            let more = more.iter();
            line.extend(more.map(|(key, value)| ((*key).to_owned(), value.clone())));
        }
        return output.line(line);
    }
    let url = printable(made.url().unwrap_or_default());
    output.line(format_args!("{} posts to {url}", printable(made.id())))?;
    match file {
        Some(file) => output.line(format_args!("secret in {}", file.path().display())),
        None => output.line(format_args!("secret {}", printable(secret))),
    }
}
