//! What a request is made of, before it has a server and headers.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use reqwest::Url;
use serde_json::{Map, Value};

use super::key::SecretKey;
use super::retry::RetryPolicy;
use super::upload::FileUpload;
use crate::mode::Mode;

/// How a request acts, as HTTP calls it. Stripe uses three.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Method {
    /// Reads. Parameters are in the query.
    Get,
    /// Creates, changes, acts. Parameters are in the body, and there is an idempotency key.
    Post,
    /// Deletes. Parameters are in the query.
    Delete,
}

impl Method {
    /// As HTTP writes it: `"GET"`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Delete => "DELETE",
        }
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl From<Method> for reqwest::Method {
    fn from(method: Method) -> Self {
        match method {
            Method::Get => Self::GET,
            Method::Post => Self::POST,
            Method::Delete => Self::DELETE,
        }
    }
}

/// Which of Stripe's servers a request goes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Host {
    /// `https://api.stripe.com`, for nearly everything.
    #[default]
    Api,
    /// `https://files.stripe.com`, where files go and come from.
    Files,
    /// `https://connect.stripe.com`, where accounts are connected by OAuth.
    Connect,
    /// `https://meter-events.stripe.com`, for streams of usage.
    MeterEvents,
}

/// The servers' addresses.
#[derive(Debug, Clone)]
pub(super) struct Hosts {
    pub(super) api: Url,
    pub(super) files: Url,
    pub(super) connect: Url,
    pub(super) meter_events: Url,
}

impl Hosts {
    pub(super) fn of(&self, host: Host) -> &Url {
        match host {
            Host::Api => &self.api,
            Host::Files => &self.files,
            Host::Connect => &self.connect,
            Host::MeterEvents => &self.meter_events,
        }
    }

    pub(super) fn all(&self) -> [&Url; 4] {
        [&self.api, &self.files, &self.connect, &self.meter_events]
    }
}

/// Whose objects a request is about.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) enum Account {
    /// As the client's handle says.
    #[default]
    Inherited,
    /// The account that the key belongs to.
    Platform,
    /// A connected account.
    Connected(Arc<str>),
}

/// Where the idempotency key of a request comes from.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) enum Idempotency {
    /// A new one, for requests that need one.
    #[default]
    Fresh,
    /// The caller's.
    Given(String),
    /// The one that is kept for this type and action.
    Kept { object: String, action: String },
    /// None: the request is sent once.
    Without,
}

/// What a caller may say of one request.
#[derive(Clone, Default)]
pub(super) struct Options {
    pub(super) params: Map<String, Value>,
    pub(super) file: Option<Arc<FileUpload>>,
    pub(super) host: Host,
    pub(super) account: Account,
    pub(super) context: Option<String>,
    pub(super) version: Option<String>,
    pub(super) key: Option<SecretKey>,
    pub(super) mode: Option<Mode>,
    pub(super) idempotency: Idempotency,
    pub(super) timeout: Option<Duration>,
    pub(super) deadline: Option<Duration>,
    pub(super) retry: Option<RetryPolicy>,
}

/// The names of the parameters, and not what they hold.
impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("params", &self.params.keys().collect::<Vec<_>>())
            .field("host", &self.host)
            .field("account", &self.account)
            .field("version", &self.version)
            .field("mode", &self.mode)
            .finish_non_exhaustive()
    }
}
