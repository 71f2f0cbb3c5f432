//! Answers: the JSON as it came, and what the headers say of it.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{DATE, HeaderMap};
use serde_json::value::RawValue;

use super::error::RequestLine;
use super::idempotency::IdempotencyKey;
use crate::clock::{Interval, RequestOrder, UnixMillis};
use crate::mode::Mode;
use crate::view::View;

/// Stripe's id of a request, `req_…`: what its support asks for, and the source of what an answer brings.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(Arc<str>);

impl RequestId {
    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for RequestId {
    fn from(id: &str) -> Self {
        Self(id.into())
    }
}

impl AsRef<str> for RequestId {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// What is known of an answer besides its body.
#[derive(Debug, Clone)]
pub struct Meta {
    pub(super) request: RequestLine,
    pub(super) status: u16,
    pub(super) request_id: Option<RequestId>,
    pub(super) api_version: Option<Box<str>>,
    pub(super) account: Option<Box<str>>,
    pub(super) mode: Option<Mode>,
    pub(super) idempotency_key: Option<IdempotencyKey>,
    pub(super) is_replayed: bool,
    pub(super) attempts: u32,
    pub(super) date: Option<UnixMillis>,
    pub(super) interval: Option<Interval>,
    pub(super) order: RequestOrder,
}

/// How long before an answer its content may have been made.
#[derive(Debug, Clone, Copy)]
pub(super) enum Age {
    /// At most so long.
    AtMost(Duration),
    /// Nobody knows: it is the answer to a request of some other time.
    Unknown,
}

impl Meta {
    /// Reads the headers that are read. `age` says, of an answer that is a replay or is none, how old it may be.
    pub(super) fn read(&mut self, headers: &HeaderMap, age: impl FnOnce(bool) -> Age) {
        let text = |name: &str| headers.get(name)?.to_str().ok();
        self.request_id = text("request-id").map(RequestId::from);
        self.api_version = text("stripe-version").map(Into::into);
        self.is_replayed = text("idempotent-replayed") == Some("true");
        let date = text(DATE.as_str()).and_then(|date| httpdate::parse_http_date(date).ok());
        self.date = date.map(UnixMillis::from);
        self.interval = match (self.date, age(self.is_replayed)) {
            (Some(date), Age::AtMost(age)) => {
                // A part of a millisecond counts as one.
                let age = i64::try_from(age.as_millis())
                    .unwrap_or(i64::MAX)
                    .saturating_add(1);
                Interval::new(date.plus_millis(-age), date.plus_millis(1000)).ok()
            }
            _ => None,
        };
    }

    /// Which request it answers.
    pub fn request(&self) -> &RequestLine {
        &self.request
    }

    /// The HTTP status.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// Stripe's id of the request.
    pub fn request_id(&self) -> Option<&RequestId> {
        self.request_id.as_ref()
    }

    /// The version of the API that rendered the body, as the answer says.
    pub fn api_version(&self) -> Option<&str> {
        self.api_version.as_deref()
    }

    /// The connected account that the request was for; `None` for the one that the key belongs to.
    pub fn account(&self) -> Option<&str> {
        self.account.as_deref()
    }

    /// The mode of the key, where its text says it.
    pub fn mode(&self) -> Option<Mode> {
        self.mode
    }

    /// The idempotency key that the request had.
    pub fn idempotency_key(&self) -> Option<&IdempotencyKey> {
        self.idempotency_key.as_ref()
    }

    /// Whether the answer is the one that Stripe gave to an earlier request with the same idempotency key.
    pub fn is_replayed(&self) -> bool {
        self.is_replayed
    }

    /// How often the request was sent.
    pub fn attempts(&self) -> u32 {
        self.attempts
    }

    /// The second of Stripe's clock in which the answer was sent: its `Date`. `None` when it has none.
    pub fn date(&self) -> Option<Interval> {
        self.date
            .map(|date| Interval::second(date.timestamp().unix_seconds()))
    }

    /// The part of Stripe's clock in which the content was made: from `Date` less the time that the request took, to the
    /// end of that second.
    ///
    /// For the replay of an answer that was lost, from when the request was first sent. `None` when that was in another
    /// call, as with a key of the caller's or one that was kept: the content may be a day old then, and the object has to
    /// be read again to know its state. `None` also where the answer has no `Date`.
    pub fn interval(&self) -> Option<Interval> {
        self.interval
    }

    /// When the call began and when its answer was there, in the order of this process's calls.
    ///
    /// Says nothing of an answer without an [`interval`](Self::interval), which is another call's.
    pub fn order(&self) -> RequestOrder {
        self.order
    }
}

/// The answer to a request: JSON, as it came.
///
/// `Debug` shows no body.
#[derive(Clone)]
pub struct Response {
    pub(super) meta: Arc<Meta>,
    pub(super) body: Box<RawValue>,
}

impl Response {
    /// The body, which is valid JSON, byte for byte.
    pub fn json(&self) -> &RawValue {
        &self.body
    }

    /// The body as text.
    pub fn text(&self) -> &str {
        self.body.get()
    }

    /// What is known of the answer besides.
    pub fn meta(&self) -> &Meta {
        &self.meta
    }

    /// A view of the body, whatever it holds.
    ///
    /// # Errors
    ///
    /// When the JSON cannot be held in memory as a tree: nested past 128 levels, or a number past what an `f64` holds.
    pub fn view<T: View>(&self) -> Result<T, serde_json::Error> {
        serde_json::from_str(self.text()).map(T::from_value)
    }

    /// The body, and what is known of it.
    pub fn into_parts(self) -> (Box<RawValue>, Arc<Meta>) {
        (self.body, self.meta)
    }
}

impl Deref for Response {
    type Target = Meta;

    fn deref(&self) -> &Meta {
        &self.meta
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Response")
            .field("meta", &self.meta)
            .finish_non_exhaustive()
    }
}

/// An object that was asked for: its view, and the answer that brought it.
///
/// Nothing is stored by asking.
#[derive(Debug, Clone)]
pub struct Fetched<T> {
    pub(super) view: T,
    pub(super) response: Response,
}

impl<T> Fetched<T> {
    /// The view.
    pub fn view(&self) -> &T {
        &self.view
    }

    /// The object as it came, numbers unrounded.
    pub fn json(&self) -> &RawValue {
        self.response.json()
    }

    /// The answer: its request id, interval, account.
    pub fn response(&self) -> &Response {
        &self.response
    }

    /// The view and the answer.
    pub fn into_parts(self) -> (T, Response) {
        (self.view, self.response)
    }
}

impl<T> Deref for Fetched<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.view
    }
}
