//! What can go wrong between a call and its answer.

mod api;
mod unusable;

use std::fmt;

pub use self::api::{ApiError, ErrorKind};
pub use self::unusable::{Unusable, UnusableResponse};
use super::path::PathError;
use super::request::Method;
use super::response::RequestId;
use crate::mode::Mode;
use crate::view::ObjectMismatch;

/// An error whose type is no part of this crate's interface.
pub(super) type Opaque = Box<dyn std::error::Error + Send + Sync>;

/// Which request: `POST /v1/customers`. Without the query and the parameters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestLine {
    pub(super) method: Method,
    pub(super) path: Box<str>,
}

impl RequestLine {
    /// The method.
    pub fn method(&self) -> Method {
        self.method
    }

    /// The path, ids included.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Whether it asks for more than an answer.
    fn changes(&self) -> bool {
        self.method != Method::Get
    }
}

impl fmt::Display for RequestLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, self.path)
    }
}

/// A call to Stripe failed.
///
/// Messages have the method, the path and what Stripe said, and never keys or parameters.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// Stripe answered, with an error.
    #[error(transparent)]
    Api(Box<ApiError>),
    /// Something answered, and it was not what Stripe sends: a proxy's page, half a document.
    #[error(transparent)]
    Unusable(Box<UnusableResponse>),
    /// There was no answer, or not all of it: the server could not be reached, or the connection was lost.
    ///
    /// What a POST should do may have been done. The same call with the same idempotency key is safe.
    #[error("no answer to {request} after {attempts} {}{}", tries(*attempts), doubt(self.is_uncertain()))]
    #[non_exhaustive]
    Connection {
        /// Which request.
        request: RequestLine,
        /// How often it was sent.
        attempts: u32,
        /// The transport's account of it.
        source: Opaque,
    },
    /// The server's certificate is not one that is trusted.
    #[error("the server's certificate was refused, so {request} was not sent")]
    #[non_exhaustive]
    Certificate {
        /// Which request.
        request: RequestLine,
        /// The transport's account of it.
        source: Opaque,
    },
    /// The answer took too long, each time. As with [`Connection`](Self::Connection), it may have been done.
    #[error("{request} took longer than {timeout_ms} ms, after {attempts} {}{}", tries(*attempts), doubt(self.is_uncertain()))]
    #[non_exhaustive]
    Timeout {
        /// Which request.
        request: RequestLine,
        /// How often it was sent; 0 when its turn under the rate limit did not come in time.
        attempts: u32,
        /// How long the last answer was waited for, in milliseconds.
        timeout_ms: u64,
    },
    /// The API has no path for objects of the type: they come inside others only. Nothing was sent.
    #[error(
        "the API has no path for objects of type {object:?}: they come with the object that they are in"
    )]
    #[non_exhaustive]
    NoPath {
        /// The type.
        object: &'static str,
    },
    /// The API does not do that with objects of the type. Nothing was sent.
    #[error("the API cannot {operation} objects of type {object:?}")]
    #[non_exhaustive]
    NotOffered {
        /// The type.
        object: &'static str,
        /// What was asked for, as a verb: `"list"`.
        operation: &'static str,
    },
    /// Objects of the type are below another one, whose id is needed. Nothing was sent.
    #[error(
        "objects of type {object:?} are below another ({parent}): say which one with .parent(id)"
    )]
    #[non_exhaustive]
    NoParent {
        /// The type.
        object: &'static str,
        /// What the path calls the other.
        parent: &'static str,
    },
    /// The path cannot be one. Nothing was sent.
    #[error("the request has no usable path")]
    #[non_exhaustive]
    Path {
        /// What is wrong with it.
        source: PathError,
    },
    /// The path names another server than the client's. Nothing was sent, since the key would go with it.
    #[error("{path} is on another server than the client's")]
    #[non_exhaustive]
    OtherServer {
        /// The path, without the server.
        path: Box<str>,
    },
    /// The parameters cannot be written as Stripe takes them. Nothing was sent.
    #[error("the parameters of {request} cannot be encoded")]
    #[non_exhaustive]
    Encode {
        /// Which request.
        request: RequestLine,
        /// What is wrong with them.
        source: Opaque,
    },
    /// What was given for a header cannot stand in one. Nothing was sent.
    #[error("{header} of {request} has characters that no header can have, or too many")]
    #[non_exhaustive]
    Header {
        /// Which request.
        request: RequestLine,
        /// The header's name.
        header: &'static str,
    },
    /// A live key would be sent without encryption. Nothing was sent.
    #[error("{request} would send a key of live mode without encryption")]
    #[non_exhaustive]
    Exposed {
        /// Which request.
        request: RequestLine,
    },
    /// The client has no key for the mode. Nothing was sent.
    #[error("no secret key for {mode} mode")]
    #[non_exhaustive]
    NoKey {
        /// The mode that the request names.
        mode: Mode,
    },
    /// The place where idempotency keys are kept failed. Nothing was sent.
    #[error("the idempotency key of {purpose} could not be kept")]
    #[non_exhaustive]
    KeyNotKept {
        /// What the key is for.
        purpose: Box<super::Purpose>,
        /// The place's account of it.
        source: Opaque,
    },
    /// The system gave no random bits for an idempotency key. Nothing was sent.
    #[error("the system has no random numbers")]
    NoRandomness,
    /// The answer is an object of another type than was asked for.
    #[error("the answer to {request} is another object")]
    #[non_exhaustive]
    OtherType {
        /// Which request.
        request: RequestLine,
        /// What was expected, and what it is.
        source: ObjectMismatch,
    },
    /// A list says that there is more, and not where: none of its objects has an id, or the same page came again.
    #[error("the list {request} has more, but nothing to go on from")]
    #[non_exhaustive]
    NoWayOn {
        /// Which request.
        request: RequestLine,
    },
}

fn tries(attempts: u32) -> &'static str {
    if attempts == 1 { "try" } else { "tries" }
}

/// What is added to what is said of a request that may have been carried out.
fn doubt(is_uncertain: bool) -> &'static str {
    if is_uncertain {
        ", and it may have been carried out"
    } else {
        ""
    }
}

/// Whether no connection came about, so that nothing was sent at this try.
fn is_unsent(source: &Opaque) -> bool {
    let error = source.downcast_ref::<reqwest::Error>();
    error.is_some_and(reqwest::Error::is_connect)
}

impl ClientError {
    /// Whether what a POST or a DELETE asks for may have been carried out although the call failed. The message says so,
    /// too.
    ///
    /// Then send the same call with the same [idempotency key](super::Call::idempotency_key), which has it done once
    /// whatever happened, or look at Stripe for what it should have done. `false` is certain: nothing was done. What only
    /// reads is never uncertain.
    ///
    /// An answer that came and was no object of the type that was asked for ([`OtherType`](Self::OtherType)) is the answer
    /// to something that was done.
    pub fn is_uncertain(&self) -> bool {
        match self {
            Self::Api(error) => error.is_uncertain(),
            Self::Unusable(response) => response.is_uncertain(),
            Self::Connection {
                request,
                attempts,
                source,
            } => request.changes() && (*attempts > 1 || !is_unsent(source)),
            Self::Timeout {
                request, attempts, ..
            } => request.changes() && *attempts > 0,
            Self::OtherType { request, .. } => request.changes(),
            _ => false,
        }
    }

    /// What Stripe said, where it did.
    pub fn api(&self) -> Option<&ApiError> {
        match self {
            Self::Api(error) => Some(error),
            _ => None,
        }
    }

    /// Whether Stripe has no such object.
    pub fn is_not_found(&self) -> bool {
        self.status() == Some(404) && self.api().is_some()
    }

    /// Why a card was declined, where one was: `"insufficient_funds"`.
    pub fn decline_code(&self) -> Option<&str> {
        self.api()?.decline_code()
    }

    /// The HTTP status of the answer, where there was one.
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Api(error) => Some(error.status()),
            Self::Unusable(response) => Some(response.status()),
            _ => None,
        }
    }

    /// Stripe's id of the request, where there was an answer with one.
    pub fn request_id(&self) -> Option<&RequestId> {
        match self {
            Self::Api(error) => error.request_id(),
            Self::Unusable(response) => response.request_id(),
            _ => None,
        }
    }

    /// Whether the same call may succeed later, unchanged: connections, time-outs, rate limits, locks, errors of the
    /// server. A POST has to have the same idempotency key then.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Connection { .. } | Self::Timeout { .. } | Self::KeyNotKept { .. } => true,
            Self::Api(error) => {
                matches!(error.status(), 409 | 429 | 500..) || error.kind() == ErrorKind::RateLimit
            }
            Self::Unusable(response) => {
                matches!(response.status(), 429 | 500..)
                    || response.reason().is_cut_off()
                    || response.is_by_another()
            }
            _ => false,
        }
    }
}
