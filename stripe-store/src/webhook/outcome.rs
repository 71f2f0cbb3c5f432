//! What became of a request, and what is answered.

use std::fmt;
use std::sync::Arc;

use super::signature::SignatureError;
#[cfg(feature = "client")]
use crate::client::ClientError;
use crate::inbox::HandlerError;
use crate::ingest::IngestError;
use crate::store::StoreError;

/// What became of a request to an endpoint, and what is to be answered.
#[derive(Debug)]
pub struct Outcome {
    pub(super) verdict: Verdict,
    pub(super) delivery_id: String,
    pub(super) event: Option<(String, String)>,
    pub(super) error: Option<ReceiveError>,
}

/// What became of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Verdict {
    /// Its event is in the inbox, and what was to be done at once is done.
    Accepted,
    /// Its event was there before, and nothing was done again.
    Duplicate,
    /// It is genuine, and nothing is to be done: a test of the connection.
    Ignored,
    /// Its event is kept and cannot be applied, now or when it is sent again: see [`Outcome::error`].
    Kept,
    /// It is not from Stripe, or no event.
    Invalid,
    /// It is genuine, and something went wrong here: it is to be sent again.
    Failed,
}

impl Verdict {
    /// As the delivery log says it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => crate::store::ACCEPTED,
            Self::Duplicate => crate::store::DUPLICATE,
            Self::Ignored => "ignored",
            Self::Kept => "kept",
            Self::Invalid => "invalid",
            Self::Failed => "failed",
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl Outcome {
    /// What became of it.
    pub fn verdict(&self) -> Verdict {
        self.verdict
    }

    /// The HTTP status to answer: 2xx once everything that has to be durable is, 4xx for what Stripe should not send again
    /// unchanged, 5xx for what it should.
    pub fn status(&self) -> u16 {
        match &self.error {
            Some(error) if self.verdict != Verdict::Kept => error.status(),
            _ => 200,
        }
    }

    /// A line to answer, which Stripe's dashboard shows. It has nothing in it of what went wrong inside.
    pub fn body(&self) -> String {
        match &self.error {
            Some(error) if self.status() < 500 => format!("{}: {error}\n", self.verdict),
            _ => format!("{}\n", self.verdict),
        }
    }

    /// The id of its row in the delivery log. Where too many are refused there is none.
    pub fn delivery_id(&self) -> &str {
        &self.delivery_id
    }

    /// The id of its event, where it was read.
    pub fn event_id(&self) -> Option<&str> {
        self.event.as_ref().map(|(id, _)| id.as_str())
    }

    /// The type of its event, where it was read.
    pub fn event_type(&self) -> Option<&str> {
        self.event
            .as_ref()
            .map(|(_, event_type)| event_type.as_str())
    }

    /// What went wrong.
    pub fn error(&self) -> Option<&ReceiveError> {
        self.error.as_ref()
    }
}

/// Why a request was not accepted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReceiveError {
    /// There is no endpoint of this name.
    #[error("there is no endpoint {name:?}")]
    #[non_exhaustive]
    UnknownEndpoint {
        /// The name.
        name: String,
    },
    /// The body is too long.
    #[error("the body is longer than {limit} bytes")]
    #[non_exhaustive]
    TooLarge {
        /// How many bytes are allowed.
        limit: usize,
    },
    /// It is not known to come from Stripe.
    #[error(transparent)]
    Signature(#[from] SignatureError),
    /// The body is no text.
    #[error("the body is no text in UTF-8")]
    NotText,
    /// The body is no event.
    #[error(transparent)]
    Event(#[from] IngestError),
    /// The event does not say whether it is of live or test mode.
    #[error("event {id} has no livemode")]
    #[non_exhaustive]
    NoMode {
        /// Its id.
        id: String,
    },
    /// The event's id, or its account's, is none that Stripe makes.
    #[error("the event's id is none of Stripe's")]
    BadId,
    /// What was sent is not what Stripe has under the event's id.
    #[error("event {id} is another one at Stripe")]
    #[non_exhaustive]
    OtherAtStripe {
        /// Its id.
        id: String,
    },
    /// Stripe could not be asked for the event or for its object.
    #[cfg(feature = "client")]
    #[cfg_attr(docsrs, doc(cfg(feature = "client")))]
    #[error("event {id} could not be read from Stripe")]
    #[non_exhaustive]
    Client {
        /// Its id.
        id: String,
        /// Why.
        source: Box<ClientError>,
    },
    /// There is no client to ask Stripe with.
    #[error("event {id} is to be read from Stripe, and the receiver was given no client")]
    #[non_exhaustive]
    NoClient {
        /// Its id.
        id: String,
    },
    /// A handler failed on the event.
    #[error("a handler of {event_type} failed on {id}: {source}")]
    #[non_exhaustive]
    Handler {
        /// The event's id.
        id: String,
        /// The event's type.
        event_type: String,
        /// What it failed with.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// What the event brings cannot be written, now or later.
    #[error("{reason}")]
    #[non_exhaustive]
    Unstorable {
        /// Why.
        reason: String,
    },
    /// The database refused.
    #[error(transparent)]
    Store(Arc<StoreError>),
    /// The program ended before the event was written.
    #[error("the program is ending")]
    Stopped,
}

impl ReceiveError {
    pub(super) fn handler(id: String, event_type: String, error: HandlerError) -> Self {
        Self::Handler {
            id,
            event_type,
            source: error.into_inner(),
        }
    }

    /// The HTTP status to answer.
    pub fn status(&self) -> u16 {
        match self {
            Self::UnknownEndpoint { .. } => 404,
            Self::TooLarge { .. } => 413,
            Self::Signature(_)
            | Self::NotText
            | Self::Event(_)
            | Self::NoMode { .. }
            | Self::BadId
            | Self::OtherAtStripe { .. } => 400,
            #[cfg(feature = "client")]
            Self::Client { .. } => 503,
            Self::NoClient { .. } | Self::Handler { .. } | Self::Unstorable { .. } => 500,
            Self::Store(error) if !error.is_transient() => 500,
            Self::Store(_) | Self::Stopped => 503,
        }
    }
}
