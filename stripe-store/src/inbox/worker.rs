//! What is left to do after events have come: pending ones are applied, and queued handlers run.

use std::collections::BTreeSet;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use super::context::QueuedContext;
use super::handlers::Handlers;
use super::process::{Processor, scoped, unwound};
use super::unique::unique;
#[cfg(feature = "client")]
use crate::client::Client;
use crate::clock::UnixMillis;
use crate::error::chain;
use crate::ingest::Event;
use crate::store::{Handled, KeptEvent, OwnTransaction, Store, StoreError, in_own};

/// How many pending events are applied in one transaction.
const AT_ONCE: usize = 100;

/// When what failed is tried again, and how often.
///
/// The first delay is a second, each later one twice as long, up to an hour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryPolicy {
    max_attempts: u32,
    first: Duration,
    longest: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self::new()
    }
}

impl RetryPolicy {
    /// 20 attempts, in about nine hours.
    pub const fn new() -> Self {
        Self {
            max_attempts: 20,
            first: Duration::from_secs(1),
            longest: Duration::from_hours(1),
        }
    }

    /// How often something is tried before it is given up; at least once.
    #[must_use]
    pub const fn with_max_attempts(mut self, attempts: u32) -> Self {
        self.max_attempts = if attempts == 0 { 1 } else { attempts };
        self
    }

    /// The first delay and the longest one.
    #[must_use]
    pub const fn with_delays(mut self, first: Duration, longest: Duration) -> Self {
        self.first = first;
        self.longest = longest;
        self
    }

    pub(super) const fn max_attempts(self) -> u32 {
        self.max_attempts
    }

    /// When the attempt after so many is due. Spread over a quarter of the delay by `id`, so that what failed together does
    /// not come back together.
    pub(super) fn due(self, now: UnixMillis, tried: u32, id: &str) -> UnixMillis {
        let factor = 2_u32.saturating_pow(tried.saturating_sub(1));
        let delay = self.first.saturating_mul(factor).min(self.longest);
        let delay = i64::try_from(delay.as_millis()).unwrap_or(i64::MAX);
        let hash = id.bytes().fold(17_i64, |hash, byte| {
            hash.wrapping_mul(31).wrapping_add(i64::from(byte))
        });
        let spread = hash.rem_euclid(256).saturating_mul(delay / 4) / 256;
        now.plus_millis(delay.saturating_sub(spread))
    }
}

/// Does what is left to do after events have come: applies those that are only in the inbox, and runs queued handlers.
///
/// Any number of processes can run one on the same database: each event is worked on by one of them at a time, and those of
/// one object one after the other, in the order in which Stripe created them. A worker that dies leaves what it had at hand
/// to the others, once its lease is over; the clocks of the machines should agree to within that.
///
/// ```no_run
/// # async fn example() -> Result<(), stripe_store::store::StoreError> {
/// use stripe_store::Store;
/// use stripe_store::inbox::{Handlers, Worker};
///
/// let store = Store::connect("sqlite://stripe.db").await?;
/// let handlers = Handlers::new().queued_any("log", |cx| Box::pin(async move {
///     println!("{}", cx.event().event_type());
///     Ok(())
/// }));
/// let worker = Worker::new(&store, handlers);
/// worker.run(std::future::pending()).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
#[must_use = "nothing is done before `run` or `drain`"]
pub struct Worker {
    processor: Processor,
    concurrency: usize,
    lease: Duration,
    interval: Duration,
    wake: Arc<Notify>,
}

impl Worker {
    /// One that runs these handlers.
    pub fn new(store: &Store, handlers: Handlers) -> Self {
        let mut processor = Processor::new(store);
        processor.handlers = Arc::new(handlers);
        Self::of(processor, Arc::default())
    }

    pub(crate) fn of(processor: Processor, wake: Arc<Notify>) -> Self {
        Self {
            processor,
            concurrency: 8,
            lease: Duration::from_mins(1),
            interval: Duration::from_secs(1),
            wake,
        }
    }

    /// The client that handlers find in their context.
    #[cfg(feature = "client")]
    #[cfg_attr(docsrs, doc(cfg(feature = "client")))]
    pub fn with_client(mut self, client: &Client) -> Self {
        self.processor.client = Some(client.clone());
        self
    }

    /// When what failed is tried again, and how often.
    pub fn with_retry(mut self, policy: RetryPolicy) -> Self {
        self.processor.retry = policy;
        self
    }

    /// How many events' handlers run at a time. Default: 8.
    pub fn with_concurrency(mut self, events: usize) -> Self {
        self.concurrency = events.max(1);
        self
    }

    /// How long after its last sign of life what a worker had at hand is taken over by others. Default: a minute.
    pub fn with_lease(mut self, lease: Duration) -> Self {
        self.lease = lease.max(Duration::from_millis(100));
        self
    }

    /// How often the inbox is looked at while nothing comes by way of this process. Default: a second.
    pub fn with_interval(mut self, interval: Duration) -> Self {
        self.interval = interval;
        self
    }

    /// Works until `stop` is ready, and ends what it has begun then.
    ///
    /// A database that is gone for a while is told to the log and asked again.
    ///
    /// # Errors
    ///
    /// When the database refuses, and will again.
    ///
    /// # Cancellation
    ///
    /// Dropping the future breaks handlers off; their events are taken up again when the lease is over.
    pub async fn run(self, stop: impl Future<Output = ()> + Send) -> Result<(), StoreError> {
        let mut stop = std::pin::pin!(stop);
        let mut shift = Shift::new(&self);
        loop {
            let woken = self.wake.notified();
            let more = match self.step(&mut shift).await {
                Ok(more) => more,
                Err(error) if error.is_transient() => {
                    tracing::warn!(error = %chain(&error), "the inbox cannot be worked on and is tried again");
                    false
                }
                Err(error) => return Err(error),
            };
            let next = if more {
                Instant::now()
            } else {
                Instant::now() + self.interval.min(shift.renewal())
            };
            tokio::select! {
                biased;
                () = &mut stop => break,
                Some(_) = shift.tasks.join_next(), if !shift.tasks.is_empty() => {}
                () = woken => {}
                () = sleep_until(next) => {}
            }
        }
        while !shift.tasks.is_empty() {
            shift.renew().await;
            shift.wait().await;
        }
        Ok(())
    }

    /// Works until nothing is due, and says how many events it was about.
    ///
    /// # Errors
    ///
    /// As [`run`](Self::run), and when the database is gone.
    pub async fn drain(&self) -> Result<u64, StoreError> {
        let mut shift = Shift::new(self);
        loop {
            let more = self.step(&mut shift).await?;
            if !shift.tasks.is_empty() {
                shift.wait().await;
            } else if !more {
                return Ok(shift.events);
            }
        }
    }

    /// Applies some, and begins to handle some; whether there may be more.
    async fn step(&self, shift: &mut Shift) -> Result<bool, StoreError> {
        shift.renew().await;
        let applied = self.processor.apply_pending(AT_ONCE).await?;
        for (id, reason) in &applied.failed {
            tracing::warn!(stripe.id = id, reason, "an event could not be applied");
        }
        shift.count(applied.taken);
        let room = self.concurrency.saturating_sub(shift.tasks.len());
        // Without handlers of its own it leaves the queue to those who have them.
        if room == 0 || !self.processor.handlers.has_queued() {
            return Ok(applied.taken > 0);
        }
        let processor = &self.processor;
        let until = shift.until();
        let claimed = processor
            .store
            .claim_queued(room, &shift.lease, until)
            .await?;
        let more = applied.taken > 0 || claimed.len() == room;
        shift.count(claimed.len());
        for event in claimed {
            let (processor, lease) = (processor.clone(), shift.lease.clone());
            shift.tasks.spawn(async move {
                if let Err(error) = processor.handle_queued(&event, &lease).await {
                    tracing::warn!(
                        stripe.id = event.id,
                        error = %chain(&error),
                        "what became of an event could not be noted: it is handled again"
                    );
                }
            });
        }
        Ok(more)
    }
}

/// What a worker has at hand.
struct Shift {
    store: Store,
    lease: String,
    length: Duration,
    renewed: Instant,
    tasks: JoinSet<()>,
    events: u64,
}

impl Shift {
    fn new(worker: &Worker) -> Self {
        let store = worker.processor.store.clone();
        Self {
            lease: unique(store.now()),
            store,
            length: worker.lease,
            renewed: Instant::now(),
            tasks: JoinSet::new(),
            events: 0,
        }
    }

    fn count(&mut self, events: usize) {
        let events = u64::try_from(events).unwrap_or(u64::MAX);
        self.events = self.events.saturating_add(events);
    }

    /// How often the lease is renewed.
    fn renewal(&self) -> Duration {
        self.length / 3
    }

    fn until(&self) -> UnixMillis {
        let millis = i64::try_from(self.length.as_millis()).unwrap_or(i64::MAX);
        self.store.now().plus_millis(millis)
    }

    /// Until one is done, or the lease is to be renewed.
    async fn wait(&mut self) {
        let renewal = self.renewal();
        tokio::select! {
            _ = self.tasks.join_next() => {}
            () = tokio::time::sleep(renewal) => {}
        }
    }

    /// Keeps what is worked on, if it is time to.
    async fn renew(&mut self) {
        if self.tasks.is_empty() || self.renewed.elapsed() < self.renewal() {
            return;
        }
        self.renewed = Instant::now();
        if let Err(error) = self.store.renew_lease(&self.lease, self.until()).await {
            tracing::warn!(error = %chain(&error), "a lease could not be renewed");
        }
    }
}

impl Processor {
    /// Runs the queued handlers of an event that have not done their work.
    async fn handle_queued(&self, kept: &KeptEvent, lease: &str) -> Result<(), StoreError> {
        let tried = u32::try_from(kept.attempts).unwrap_or(0).saturating_add(1);
        let mut done: BTreeSet<String> = kept
            .handled
            .as_deref()
            .and_then(|names| serde_json::from_str(names).ok())
            .unwrap_or_default();
        let event = match Event::read(&kept.payload) {
            Ok(event) => event.within(&kept.account, kept.livemode),
            Err(error) => {
                let reason = chain(&error);
                return self.note(kept, lease, &done, Handled::Dead(&reason)).await;
            }
        };
        let object = event
            .object_json()
            .and_then(|json| serde_json::from_str(json).ok());
        let store = scoped(&self.store, &event);
        let left: Vec<_> = self
            .handlers
            .queued_for(event.event_type())
            .filter(|handler| !done.contains(&*handler.name))
            .cloned()
            .collect();
        let mut failed: Option<(String, bool)> = None;
        for handler in left {
            let mut own = None;
            let context = QueuedContext {
                store: &store,
                event: &event,
                object: object.as_ref(),
                attempt: tried,
                own: &mut own,
                #[cfg(feature = "client")]
                client: self.client.as_ref(),
            };
            match unwound((handler.run)(context, object.as_ref())).await {
                Ok(()) => {
                    done.insert(handler.name.to_string());
                    match self.note_done(own, kept, lease, &done).await {
                        Ok(true) => {}
                        Ok(false) => {
                            tracing::warn!(
                                stripe.id = kept.id,
                                handler = &*handler.name,
                                "the lease was over before the handler had done its work: another worker has the event"
                            );
                            return Ok(());
                        }
                        // What it wrote is not there.
                        Err(error) => {
                            done.remove(&*handler.name);
                            failed.get_or_insert((chain(&error), false));
                        }
                    }
                }
                Err(error) => {
                    // What it wrote in its transaction is rolled back with it.
                    drop(own);
                    let reason = format!("{}: {}", handler.name, chain(error.get_ref()));
                    tracing::warn!(
                        stripe.id = kept.id,
                        stripe.event_type = event.event_type(),
                        attempt = tried,
                        reason,
                        "a handler failed"
                    );
                    let is_final = error.is_final();
                    match &mut failed {
                        Some((_, any_final)) => *any_final |= is_final,
                        None => failed = Some((reason, is_final)),
                    }
                }
            }
        }
        let handled = match &failed {
            None => Handled::All,
            Some((reason, is_final)) if *is_final || tried >= self.retry.max_attempts() => {
                Handled::Dead(reason)
            }
            Some((reason, _)) => {
                Handled::Again(reason, self.retry.due(self.store.now(), tried, &kept.id))
            }
        };
        self.note(kept, lease, &done, handled).await
    }

    async fn note(
        &self,
        kept: &KeptEvent,
        lease: &str,
        done: &BTreeSet<String>,
        handled: Handled<'_>,
    ) -> Result<(), StoreError> {
        let done = names(done);
        in_own!(self.store, &mut self.store.ledger(), transaction => {
            self.store
                .note_handled(&mut transaction, &kept.id, lease, &done, Some(handled))
                .await
                .map(drop)
        })
    }

    /// Notes that a handler has done its work, in its own transaction if it has one; whether the event is still this
    /// lease's. If not, that transaction is rolled back.
    async fn note_done(
        &self,
        own: Option<OwnTransaction>,
        kept: &KeptEvent,
        lease: &str,
        done: &BTreeSet<String>,
    ) -> Result<bool, StoreError> {
        let done = names(done);
        let Some(mut own) = own else {
            return in_own!(self.store, &mut self.store.ledger(), transaction => {
                self.store
                    .note_handled(&mut transaction, &kept.id, lease, &done, None)
                    .await
            });
        };
        let mut transaction = own.borrowed();
        let is_ours = self
            .store
            .note_handled(&mut transaction, &kept.id, lease, &done, None)
            .await?;
        if is_ours {
            self.store.commit(own).await?;
        }
        Ok(is_ours)
    }
}

fn names(done: &BTreeSet<String>) -> String {
    done.iter()
        .cloned()
        .collect::<serde_json::Value>()
        .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_grow_and_end() {
        let policy = RetryPolicy::new();
        let now = UnixMillis::from_seconds(1_800_000_000);
        let delay = |tried| policy.due(now, tried, "evt_1").as_millis() - now.as_millis();
        assert!((750..=1000).contains(&delay(1)), "{}", delay(1));
        assert!((1500..=2000).contains(&delay(2)));
        assert!((2_700_000..=3_600_000).contains(&delay(13)));
        assert!((2_700_000..=3_600_000).contains(&delay(u32::MAX)));
        let other = policy.due(now, 10, "evt_2").as_millis();
        assert_ne!(other, policy.due(now, 10, "evt_1").as_millis());
    }
}
