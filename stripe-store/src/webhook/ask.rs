//! What Stripe is asked before an event is accepted: for the event itself, or for what a thin one is about.

use super::outcome::ReceiveError;
use super::receiver::Receiver;
#[cfg(feature = "client")]
use crate::client::Client;
#[cfg(feature = "client")]
use crate::error::chain;
use crate::ingest::Event;
use crate::store::Snapshot;

impl Receiver {
    /// The event as Stripe has it, if what it brings is the same.
    #[cfg(feature = "client")]
    pub(super) async fn refetch(&self, event: &Event<'_>) -> Result<String, ReceiveError> {
        let id = event.id();
        let client = self.client(event)?;
        let mut call = client.retrieve::<crate::resources::Event>(id);
        if let Some(version) = event.api_version() {
            call = call.version(version);
        }
        let fetched = call.send().await.map_err(|error| {
            if error.status() == Some(404) {
                return ReceiveError::OtherAtStripe { id: id.to_owned() };
            }
            ReceiveError::Client {
                id: id.to_owned(),
                source: Box::new(error),
            }
        })?;
        let text = fetched.json().get();
        let theirs = Event::read(text)?;
        let is_same = match (event.data_json(), theirs.data_json()) {
            (Some(sent), Some(theirs)) => crate::store::same_json(sent, theirs),
            (sent, theirs) => sent == theirs,
        };
        if !is_same || theirs.event_type() != event.event_type() {
            return Err(ReceiveError::OtherAtStripe { id: id.to_owned() });
        }
        Ok(text.to_owned())
    }

    /// What a thin event is about, as it is now.
    #[cfg(feature = "client")]
    pub(super) async fn fetch(
        &self,
        event: &Event<'_>,
    ) -> Result<Option<Snapshot<'static>>, ReceiveError> {
        let Some(client) = &self.inner.processor.client else {
            tracing::debug!(
                stripe.id = event.id(),
                "a thin event's object is not read, because the receiver was given no client"
            );
            return Ok(None);
        };
        match crate::sync::fetch_related(client, event).await {
            Ok(fetched) => Ok(fetched),
            Err(crate::Error::Client(source)) => Err(ReceiveError::Client {
                id: event.id().to_owned(),
                source: Box::new(source),
            }),
            // What it is about can be no row: the event is kept all the same.
            Err(crate::Error::Snapshot(error)) => {
                tracing::warn!(
                    stripe.id = event.id(),
                    error = %chain(&error),
                    "what a thin event is about is not stored"
                );
                Ok(None)
            }
            Err(other) => Err(ReceiveError::Unstorable {
                reason: chain(&other),
            }),
        }
    }

    /// What a thin event is about: there is nobody to ask.
    #[cfg(not(feature = "client"))]
    #[expect(clippy::unused_async, reason = "as it is with a client")]
    pub(super) async fn fetch(
        &self,
        _event: &Event<'_>,
    ) -> Result<Option<Snapshot<'static>>, ReceiveError> {
        Ok(None)
    }

    #[cfg(feature = "client")]
    fn client(&self, event: &Event<'_>) -> Result<Client, ReceiveError> {
        let client = self.inner.processor.client.as_ref();
        let client = client.ok_or_else(|| ReceiveError::NoClient {
            id: event.id().to_owned(),
        })?;
        let client = match event.mode() {
            Some(mode) => client.mode(mode),
            None => client.clone(),
        };
        Ok(match event.account() {
            Some(account) => client.account(account),
            None => client,
        })
    }
}
