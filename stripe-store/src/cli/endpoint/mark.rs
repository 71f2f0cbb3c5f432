//! Whose an endpoint is, as its metadata say.

use futures_util::TryStreamExt as _;

use crate::cli::failure::Failure;
use crate::cli::stripe;
use crate::client::Client;
use crate::clock::UnixMillis;
use crate::resources::WebhookEndpoint;
use crate::resources::operations::{DeleteWebhookEndpoint, ListWebhookEndpoints};

/// The keys of the metadata: which installation made it, for whose accounts, what it replaces, and until when that stays
/// (in unix seconds).
pub(super) const INSTALLATION: &str = "stripe_store_installation";
pub(super) const CONNECT: &str = "stripe_store_connect";
pub(super) const REPLACES: &str = "stripe_store_replaces";
pub(super) const REPLACES_UNTIL: &str = "stripe_store_replaces_until";

/// An endpoint at Stripe.
pub(super) struct Endpoint {
    pub(super) view: WebhookEndpoint,
    pub(super) whose: Whose,
}

/// Whose an endpoint is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Whose {
    Ours,
    /// Another installation's.
    Another,
    /// Somebody made it by other means.
    Unmarked,
}

impl Whose {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Ours => "ours",
            Self::Another => "another",
            Self::Unmarked => "unmarked",
        }
    }
}

impl Endpoint {
    fn new(view: WebhookEndpoint, installation: &str) -> Self {
        let whose = match view.metadata().get(INSTALLATION) {
            None => Whose::Unmarked,
            Some(id) if id == installation => Whose::Ours,
            Some(_) => Whose::Another,
        };
        Self { view, whose }
    }

    pub(super) fn id(&self) -> &str {
        self.view.id()
    }

    pub(super) fn url(&self) -> &str {
        self.view.url().unwrap_or_default()
    }

    pub(super) fn is_ours(&self) -> bool {
        self.whose == Whose::Ours
    }

    /// Whether it hears of events of connected accounts.
    pub(super) fn is_connect(&self) -> bool {
        self.view.application().is_some() || self.view.metadata().get(CONNECT).is_some()
    }

    /// The id of the endpoint that it was made to replace.
    pub(super) fn replaces(&self) -> Option<&str> {
        self.view.metadata().get(REPLACES)
    }

    /// Until when the one that it replaces stays.
    pub(super) fn replaces_until(&self) -> Option<UnixMillis> {
        let seconds = self.view.metadata().get(REPLACES_UNTIL)?;
        seconds.parse().ok().map(UnixMillis::from_seconds)
    }
}

/// Every endpoint of the account, the newest first.
pub(super) async fn all(client: &Client, installation: &str) -> Result<Vec<Endpoint>, Failure> {
    let failed = |error: crate::client::ClientError| stripe::failure(error.into());
    let mut items = client.call(ListWebhookEndpoints::new()).stream();
    let mut all = Vec::new();
    while let Some(item) = items.try_next().await.map_err(failed)? {
        let view = item.view().map_err(|error| {
            let id = item.id().unwrap_or_default();
            Failure::Message(format!("the endpoint {id} cannot be read: {error}"))
        })?;
        all.push(Endpoint::new(view, installation));
    }
    Ok(all)
}

/// Deletes an endpoint of ours. That it is gone already is as good.
pub(super) async fn delete(client: &Client, id: &str) -> Result<(), Failure> {
    match client.call(DeleteWebhookEndpoint::new(id)).send().await {
        Err(error) if !error.is_not_found() => Err(stripe::failure(error.into())),
        _ => Ok(()),
    }
}
