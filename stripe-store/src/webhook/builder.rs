//! What a receiver is to be like.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::delivery::{Allowance, DeliveryLog};
use super::endpoint::Endpoint;
use super::group::Queue;
use super::outcome::Outcome;
use super::receiver::{Inner, Observer, Receiver};
use super::secret::EndpointSecret;
use super::sweep::Sweeper;
#[cfg(feature = "client")]
use crate::client::Client;
use crate::inbox::{Handlers, Processor, RetryPolicy};
use crate::store::{Dialect, Store};

/// The limit of a body unless the caller says, in bytes.
const BODY_LIMIT: usize = 1024 * 1024;

/// What a receiver is to be like: [`Receiver::builder`].
#[must_use = "nothing is received before `build`"]
pub struct ReceiverBuilder {
    processor: Processor,
    endpoints: BTreeMap<String, Endpoint>,
    body_limit: usize,
    proxies: usize,
    is_deferred: bool,
    log: DeliveryLog,
    observer: Option<Observer>,
    max_delay: Duration,
}

impl ReceiverBuilder {
    pub(super) fn new(store: &Store) -> Self {
        Self {
            processor: Processor::new(store),
            endpoints: BTreeMap::new(),
            body_limit: BODY_LIMIT,
            proxies: 0,
            is_deferred: false,
            log: DeliveryLog::new(),
            observer: None,
            max_delay: Duration::from_millis(2),
        }
    }

    /// The secrets of the endpoint without a name, each of which a request may be signed with.
    pub fn secrets(self, secrets: impl IntoIterator<Item = EndpointSecret>) -> Self {
        self.endpoint("", Endpoint::new(secrets))
    }

    /// An endpoint with a name of its own, as it is in the [request](super::Request::endpoint).
    pub fn endpoint(mut self, name: impl Into<String>, endpoint: Endpoint) -> Self {
        self.endpoints.insert(name.into(), endpoint);
        self
    }

    /// What wants to hear of events.
    pub fn handlers(mut self, handlers: Handlers) -> Self {
        self.processor.handlers = Arc::new(handlers);
        self
    }

    /// The client that objects of thin events are read with, and that handlers find in their context.
    #[cfg(feature = "client")]
    #[cfg_attr(docsrs, doc(cfg(feature = "client")))]
    pub fn client(mut self, client: &Client) -> Self {
        self.processor.client = Some(client.clone());
        self
    }

    /// When a [`Worker`](Receiver::worker) of this receiver tries again what failed.
    pub fn retry(mut self, policy: RetryPolicy) -> Self {
        self.processor.retry = policy;
        self
    }

    /// Answers once the event is in the inbox, and leaves all else, the object included, to a [`Worker`](Receiver::worker).
    pub fn deferred(mut self) -> Self {
        self.is_deferred = true;
        self
    }

    /// How long a body may be, in bytes. Default: 1 MiB.
    pub fn body_limit(mut self, bytes: usize) -> Self {
        self.body_limit = bytes;
        self
    }

    /// How many proxies of your own a request passes, each of which adds the address that it was called from to
    /// `X-Forwarded-For`. Default: none, and the header says nothing.
    pub fn trusted_proxies(mut self, proxies: usize) -> Self {
        self.proxies = proxies;
        self
    }

    /// What is kept of requests.
    pub fn delivery_log(mut self, log: DeliveryLog) -> Self {
        self.log = log;
        self
    }

    /// How long a request may be held up so that those that come just then are committed with it; none is held up while
    /// there are no others. Default: 2 ms.
    pub fn max_group_delay(mut self, delay: Duration) -> Self {
        self.max_delay = delay;
        self
    }

    /// Is called with each outcome before it is answered: for errors, metrics, and a log of one's own. What takes long here
    /// holds up the answer.
    pub fn on_outcome(mut self, observer: impl Fn(&Outcome) + Send + Sync + 'static) -> Self {
        self.observer = Some(Arc::new(observer));
        self
    }

    /// Makes it. It needs a tokio runtime when it receives, and not before.
    pub fn build(self) -> Receiver {
        let leaders = match self.processor.store.dialect() {
            Dialect::Sqlite => 1,
            Dialect::Postgres => 2,
        };
        Receiver {
            inner: Arc::new(Inner {
                sweeper: Sweeper::new(),
                allowance: Allowance::new(self.log.invalid_per_minute),
                processor: self.processor,
                endpoints: self.endpoints,
                body_limit: self.body_limit,
                proxies: self.proxies,
                is_deferred: self.is_deferred,
                log: self.log,
                observer: self.observer,
                versions: Mutex::default(),
                queue: Arc::new(Queue::new(self.max_delay, leaders)),
                wake: Arc::default(),
            }),
        }
    }
}

impl fmt::Debug for ReceiverBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReceiverBuilder")
            .field("processor", &self.processor)
            .field("endpoints", &self.endpoints)
            .finish_non_exhaustive()
    }
}
