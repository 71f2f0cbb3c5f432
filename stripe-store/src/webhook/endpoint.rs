//! Endpoints: what is asked of the requests to one.

use super::secret::EndpointSecret;
use super::signature::Verifier;
use crate::store::Mode;

/// An endpoint of a [`Receiver`](super::Receiver): how what is posted to it is known to be genuine.
#[derive(Debug, Clone)]
#[must_use = "give it to `ReceiverBuilder::endpoint`"]
pub struct Endpoint {
    pub(super) validation: Validation,
    pub(super) mode: Option<Mode>,
}

#[derive(Debug, Clone)]
pub(super) enum Validation {
    Signature(Verifier),
    /// The event is read from Stripe, and has to be the same there.
    #[cfg(feature = "client")]
    Refetch,
    Off,
}

impl Endpoint {
    /// One whose requests are signed with any of these secrets.
    pub fn new(secrets: impl IntoIterator<Item = EndpointSecret>) -> Self {
        Self::verified_by(Verifier::new(secrets))
    }

    /// One whose requests this verifier takes.
    pub fn verified_by(verifier: Verifier) -> Self {
        Self {
            validation: Validation::Signature(verifier),
            mode: None,
        }
    }

    /// One whose secret is not known: each event is read from Stripe by its id, with the key of its mode and in its own API
    /// version, and has to bring the same there. It costs a request to Stripe for whatever anybody posts.
    #[cfg(feature = "client")]
    #[cfg_attr(docsrs, doc(cfg(feature = "client")))]
    pub fn refetched() -> Self {
        Self {
            validation: Validation::Refetch,
            mode: None,
        }
    }

    /// One that takes everything that has the form of an event, whoever sends it: for tests, and behind something that has
    /// verified it.
    pub fn unverified() -> Self {
        tracing::warn!(
            "a webhook endpoint takes events without verifying that they come from Stripe"
        );
        Self {
            validation: Validation::Off,
            mode: None,
        }
    }

    /// Events of the other mode are answered and not processed. An endpoint for connected accounts in live mode has their
    /// test events, too.
    pub fn only(self, mode: Mode) -> Self {
        Self {
            mode: Some(mode),
            ..self
        }
    }
}

/// Whether a body is what Stripe once sent to try an endpoint, which is no event.
pub(super) fn is_ping(body: &str) -> bool {
    #[derive(serde::Deserialize)]
    struct Ping<'a> {
        #[serde(rename = "type", borrow)]
        kind: std::borrow::Cow<'a, str>,
    }
    body.len() < 4096
        && serde_json::from_str::<Ping<'_>>(body).is_ok_and(|ping| ping.kind == "ping")
}
