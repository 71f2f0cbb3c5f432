//! From a request to what is durable: verified, read, into the inbox, and answered after the commit.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{Notify, oneshot};

use super::builder::ReceiverBuilder;
use super::delivery::{Allowance, DeliveryLog, Draft, excerpt};
use super::endpoint::{Endpoint, Validation};
use super::group::{Coming, Queue};
use super::outcome::{Outcome, ReceiveError, Verdict};
use super::request::Request;
use super::sweep::Sweeper;
use crate::error::chain;
use crate::inbox::{Brought, Processor, Worker};
use crate::ingest::Event;
use crate::resources::API_VERSION;
use crate::store::{NewDelivery, Snapshot, Store, StoreError};

/// The event that Stripe's dashboard once sent to try an endpoint.
const TEST_EVENT: &str = "evt_00000000000000";

/// How many API versions are remembered as told.
const VERSIONS: usize = 64;

/// Takes what is posted to webhook endpoints into the [`Store`]: exactly once in effect, and never lost.
///
/// It knows no framework: hand it a [`Request`], and answer with the [status](Outcome::status) and
/// [body](Outcome::body) of the [`Outcome`].
///
/// * The [signature](super::Verifier) is verified before anything is read.
/// * In one transaction, the event goes into the inbox, the request into the delivery log, the object into the table, and
///   [handlers](crate::inbox::Handlers) do their work. An event that comes again finds itself there, and nothing is done twice.
/// * The answer is 2xx only after the commit. Where something fails here it is 5xx, and Stripe sends the event again; where
///   sending it again would change nothing it is 4xx.
/// * Requests that come at the same time are committed together.
///
/// ```
/// use stripe_store::Store;
/// use stripe_store::webhook::{Receiver, Request};
/// # use stripe_store::clock::{Clock as _, SystemClock};
/// # use stripe_store::webhook::{EndpointSecret, sign};
///
/// # #[cfg(feature = "sqlite")]
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// let store = Store::connect("sqlite::memory:").await?;
/// store.migrate().await?;
/// let receiver = Receiver::builder(&store).secrets(["whsec_123".try_into()?]).build();
///
/// let body = br#"{"object": "event", "id": "evt_1", "type": "customer.created", "created": 1800000000,
///     "livemode": false, "data": {"object": {"object": "customer", "id": "cus_1"}}}"#;
/// # let header = sign(body, &EndpointSecret::new("whsec_123")?, SystemClock.now().timestamp());
/// let outcome = receiver.receive(Request::new(*body).header("Stripe-Signature", header)).await;
/// assert_eq!(outcome.status(), 200);
/// assert!(store.test_mode().get_object("customer", "cus_1").await?.is_some());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # }).unwrap();
/// ```
#[derive(Clone)]
pub struct Receiver {
    pub(super) inner: Arc<Inner>,
}

pub(super) type Observer = Arc<dyn Fn(&Outcome) + Send + Sync>;

pub(super) struct Inner {
    pub(super) processor: Processor,
    pub(super) endpoints: BTreeMap<String, Endpoint>,
    pub(super) body_limit: usize,
    pub(super) proxies: usize,
    pub(super) is_deferred: bool,
    pub(super) log: DeliveryLog,
    pub(super) allowance: Allowance,
    pub(super) observer: Option<Observer>,
    pub(super) versions: Mutex<BTreeSet<String>>,
    pub(super) queue: Arc<Queue<Job>>,
    pub(super) wake: Arc<Notify>,
    pub(super) sweeper: Sweeper,
}

impl fmt::Debug for Receiver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver")
            .field("processor", &self.inner.processor)
            .field("endpoints", &self.inner.endpoints)
            .finish_non_exhaustive()
    }
}

/// An event on its way into the inbox.
pub(super) struct Job {
    /// The event, as it is kept.
    pub(super) text: String,
    /// What was read of a thin event's object.
    #[cfg_attr(
        not(feature = "client"),
        expect(dead_code, reason = "without a client nothing is read")
    )]
    pub(super) fetched: Option<Box<Snapshot<'static>>>,
    pub(super) draft: Draft,
    pub(super) reply: oneshot::Sender<Result<Brought, ReceiveError>>,
}

/// What a request brings.
enum Arrival {
    Event(String, Option<Box<Snapshot<'static>>>),
    Ignored,
}

impl Receiver {
    /// One for this store, with all defaults; it knows no endpoint yet.
    ///
    /// What is not said by an event, it being of the account that the endpoint belongs to, is of the store's account.
    pub fn builder(store: &Store) -> ReceiverBuilder {
        ReceiverBuilder::new(store)
    }

    /// How long a body may be, in bytes: what serves HTTP should read no more, and say [so](Request::too_large).
    pub fn body_limit(&self) -> usize {
        self.inner.body_limit
    }

    /// A worker for what this receiver leaves to be done after the commit, with its handlers. It hears at once of what
    /// comes here.
    pub fn worker(&self) -> Worker {
        Worker::of(self.inner.processor.clone(), Arc::clone(&self.inner.wake))
    }

    /// Removes from the delivery log what it does not keep, which a receiver that has something to do does by itself, every
    /// minute; how many rows that were.
    ///
    /// # Errors
    ///
    /// When the database refuses.
    pub async fn sweep(&self) -> Result<u64, StoreError> {
        let store = &self.inner.processor.store;
        store
            .sweep_deliveries(&self.inner.log.limits(store.now()))
            .await
    }

    /// Receives a request: verifies it, does what is to be done, and says what to answer. Never fails: what goes wrong is in
    /// the outcome.
    ///
    /// # Cancellation
    ///
    /// Once the event is on its way to the database it is written, whether the future is dropped or not.
    pub async fn receive(&self, request: Request) -> Outcome {
        let inner = &self.inner;
        let mut coming = Some(inner.queue.coming());
        let mut draft = Draft::new(&inner.processor.store, &request, inner.proxies);
        let delivery_id = draft.delivery.id.clone();
        let mut event = None;
        let arrival = self
            .read(request, &mut draft, &mut event, &mut coming)
            .await;
        let (verdict, error) = match arrival {
            Err(error) => {
                drop(coming);
                (self.refuse(draft, &error).await, Some(error))
            }
            Ok(Arrival::Ignored) => {
                drop(coming);
                let delivery = draft.ended(Verdict::Ignored, 200, None);
                (Verdict::Ignored, self.log(&delivery).await.err())
            }
            Ok(Arrival::Event(text, fetched)) => {
                let (reply, told) = oneshot::channel();
                inner.queue.submit(
                    inner,
                    Job {
                        text,
                        fetched,
                        draft,
                        reply,
                    },
                );
                drop(coming);
                match told.await.unwrap_or(Err(ReceiveError::Stopped)) {
                    Ok(Brought::Taken | Brought::Kept) => (Verdict::Accepted, None),
                    Ok(Brought::Duplicate) => (Verdict::Duplicate, None),
                    Err(error @ ReceiveError::Unstorable { .. }) => (Verdict::Kept, Some(error)),
                    Err(error) => (Verdict::Failed, Some(error)),
                }
            }
        };
        let outcome = Outcome {
            verdict: match (&error, verdict) {
                (Some(_), Verdict::Ignored) => Verdict::Failed,
                (_, verdict) => verdict,
            },
            delivery_id,
            event,
            error,
        };
        if let Some(observer) = &inner.observer {
            observer(&outcome);
        }
        outcome
    }

    /// Verifies and reads a request. What there is to know of its event is noted as soon as it is known; nobody waits for it
    /// any more where Stripe is asked.
    async fn read(
        &self,
        request: Request,
        draft: &mut Draft,
        known: &mut Option<(String, String)>,
        coming: &mut Option<Coming<'_, Job>>,
    ) -> Result<Arrival, ReceiveError> {
        let inner = &self.inner;
        draft.delivery.body = Some(excerpt(&request.body));
        let Some(endpoint) = inner.endpoints.get(&request.endpoint) else {
            return Err(ReceiveError::UnknownEndpoint {
                name: request.endpoint,
            });
        };
        if request.too_large.is_some() || request.body.len() > inner.body_limit {
            return Err(ReceiveError::TooLarge {
                limit: inner.body_limit,
            });
        }
        if let Validation::Signature(verifier) = &endpoint.validation {
            verifier.verify(&request.body, request.signature())?;
        }
        let text = String::from_utf8(request.body).map_err(|_| ReceiveError::NotText)?;
        if super::endpoint::is_ping(&text) {
            return Ok(Arrival::Ignored);
        }
        let event = Event::read(&text)?;
        if !event.is_keepable() {
            return Err(ReceiveError::BadId);
        }
        draft.delivery.event_id = Some(event.id().to_owned());
        *known = Some((event.id().to_owned(), event.event_type().to_owned()));
        if event.id() == TEST_EVENT {
            return Ok(Arrival::Ignored);
        }
        let Some(mode) = event.mode() else {
            return Err(ReceiveError::NoMode {
                id: event.id().to_owned(),
            });
        };
        if endpoint.mode.is_some_and(|only| only != mode) {
            return Ok(Arrival::Ignored);
        }
        self.note_version(&event);
        let asks = !matches!(
            endpoint.validation,
            Validation::Signature(_) | Validation::Off
        );
        if event.is_thin() || asks {
            *coming = None;
        }
        let refetched = match endpoint.validation {
            #[cfg(feature = "client")]
            Validation::Refetch => Some(self.refetch(&event).await?),
            Validation::Signature(_) | Validation::Off => None,
        };
        let fetched = if event.is_thin() {
            self.fetch(&event).await?
        } else {
            None
        };
        // The event is in the inbox; a body that is another one is kept as well.
        if refetched.is_none() {
            draft.delivery.body = None;
        }
        Ok(Arrival::Event(
            refetched.unwrap_or(text),
            fetched.map(Box::new),
        ))
    }

    /// Says once of each API version that it is another one than this library's.
    fn note_version(&self, event: &Event<'_>) {
        let Some(version) = event
            .api_version()
            .filter(|version| *version != API_VERSION)
        else {
            return;
        };
        let mut versions = self
            .inner
            .versions
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if versions.len() < VERSIONS && versions.insert(version.to_owned()) {
            tracing::warn!(
                version,
                ours = API_VERSION,
                "events come in another API version than the one that the views are made for: what is missing there reads \
                 as absent"
            );
        }
    }

    /// Logs a request that was not accepted.
    async fn refuse(&self, draft: Draft, error: &ReceiveError) -> Verdict {
        let status = error.status();
        let verdict = if status < 500 {
            Verdict::Invalid
        } else {
            Verdict::Failed
        };
        let reason = chain(error);
        tracing::info!(
            status,
            reason,
            "a request to a webhook endpoint was refused"
        );
        let Some(not_logged) = self.inner.allowance.take() else {
            return verdict;
        };
        let mut delivery = draft.ended(verdict, status, Some(reason));
        delivery.not_logged = not_logged;
        if let Err(error) = self.log(&delivery).await {
            tracing::warn!(error = %chain(&error), "a refused request could not be logged");
        }
        verdict
    }

    async fn log(&self, delivery: &NewDelivery) -> Result<(), ReceiveError> {
        self.inner.sweep();
        let store = &self.inner.processor.store;
        let logged = store.insert_deliveries(&[delivery]).await;
        logged.map_err(|error| ReceiveError::Store(Arc::new(error)))
    }
}
