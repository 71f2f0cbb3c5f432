//! Posts deliveries, many at a time, and sends again what was not acknowledged.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use stripe_store::clock::{Clock as _, SystemClock};
use stripe_store::webhook::{EndpointSecret, sign};
use tokio::time::sleep;

use super::connection::{Connection, Target, Unanswered};
use super::deliveries::{Delivery, DeliveryKind};
use super::report::Report;

/// How much may wait to be sent again before nothing new is sent.
const BACKLOG: usize = 2_000;
/// How long nothing may be acknowledged before it is given up.
const PATIENCE: Duration = Duration::from_mins(2);
/// How long a worker without work waits before it looks again.
const IDLE: Duration = Duration::from_millis(10);

/// What is done about a request that was not acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resend {
    /// Nothing.
    Never,
    /// It is sent again after this delay, which doubles up to 32 times itself, until it is: as Stripe does for days.
    After(Duration),
}

/// Posts deliveries, so many at a time, over connections that are kept.
///
/// Everything happens in the task that calls it, but for what the connections do.
#[derive(Debug)]
pub struct Sender {
    targets: Vec<Target>,
    secret: EndpointSecret,
    other_secret: EndpointSecret,
    concurrency: usize,
    resend: Resend,
    accepted: Arc<AtomicUsize>,
}

/// A delivery that is to be sent again: when, and the how manieth time it is.
struct Waiting {
    due: Instant,
    number: usize,
    attempt: u32,
    delivery: Delivery,
}

impl PartialEq for Waiting {
    fn eq(&self, other: &Self) -> bool {
        self.number == other.number
    }
}

impl Eq for Waiting {}

impl PartialOrd for Waiting {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Waiting {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.due, self.number).cmp(&(other.due, other.number))
    }
}

/// What the workers share.
struct Work<'s, S> {
    source: &'s mut S,
    waiting: BinaryHeap<Reverse<Waiting>>,
    under_way: usize,
    taken: usize,
    resends: bool,
    last_success: Instant,
    report: Report,
}

enum Next {
    Post(Delivery, u32, usize),
    Wait(Duration),
    Done,
}

impl Sender {
    /// Posts to these URLs in turn, signing with a secret.
    ///
    /// # Panics
    ///
    /// When one is no URL.
    pub fn new<U: AsRef<str>>(urls: &[U], secret: EndpointSecret) -> Self {
        Self {
            targets: urls.iter().map(|url| Target::new(url.as_ref())).collect(),
            secret,
            other_secret: EndpointSecret::new("whsec_of_somebody_else").expect("a secret"),
            concurrency: 1,
            resend: Resend::Never,
            accepted: Arc::default(),
        }
    }

    /// So many at a time. Default: 1.
    #[must_use]
    pub fn with_concurrency(self, concurrency: usize) -> Self {
        Self {
            concurrency,
            ..self
        }
    }

    /// What is done about requests that are not acknowledged. Default: nothing.
    #[must_use]
    pub fn with_resend(self, resend: Resend) -> Self {
        Self { resend, ..self }
    }

    /// How many events are acknowledged so far; goes on while it sends.
    pub fn accepted(&self) -> Arc<AtomicUsize> {
        Arc::clone(&self.accepted)
    }

    /// Posts everything that there is.
    ///
    /// # Panics
    ///
    /// When nothing was acknowledged for two minutes.
    pub async fn send(&self, source: &mut (impl Iterator<Item = Delivery> + Send)) -> Report {
        let begin = Instant::now();
        let work = Mutex::new(Work {
            source,
            waiting: BinaryHeap::new(),
            under_way: 0,
            taken: 0,
            resends: self.resend != Resend::Never,
            last_success: begin,
            report: Report::default(),
        });
        join_all((0..self.concurrency).map(|_| self.work(&work))).await;
        let work = work.into_inner().unwrap_or_else(PoisonError::into_inner);
        work.report.finished(begin.elapsed())
    }

    async fn work<S: Iterator<Item = Delivery>>(&self, work: &Mutex<Work<'_, S>>) {
        let mut connections: Vec<Connection> =
            self.targets.iter().map(|_| Connection::default()).collect();
        loop {
            // In a statement of its own: the lock must not outlive it.
            let next = lock(work).next();
            match next {
                Next::Done => return,
                Next::Wait(time) => sleep(time).await,
                Next::Post(delivery, attempt, number) => {
                    // One that comes again goes to the other one.
                    let turn = usize::try_from(attempt).unwrap_or_default() + number;
                    let place = turn % self.targets.len();
                    let secret = match delivery.kind {
                        DeliveryKind::BadSignature => &self.other_secret,
                        _ => &self.secret,
                    };
                    let begin = Instant::now();
                    let signature = sign(&delivery.body, secret, SystemClock.now().timestamp());
                    let body = delivery.body.clone();
                    let answer = connections[place]
                        .post(&self.targets[place], body, &signature)
                        .await;
                    let took = begin.elapsed();
                    self.note(&mut lock(work), delivery, attempt, number, answer, took);
                }
            }
        }
    }

    fn note<S>(
        &self,
        work: &mut Work<'_, S>,
        delivery: Delivery,
        attempt: u32,
        number: usize,
        answer: Result<u16, Unanswered>,
        took: Duration,
    ) {
        work.under_way -= 1;
        let report = &mut work.report;
        match answer {
            Ok(status) => *report.statuses.entry(status).or_default() += 1,
            Err(Unanswered::Lost) => report.lost += 1,
            Err(Unanswered::Refused) => report.unreachable += 1,
        }
        let kind = delivery.kind;
        match (answer, kind.is_valid()) {
            (Ok(200..=299), true) => {
                report.acknowledged(took);
                work.last_success = Instant::now();
                self.accepted.fetch_add(1, Ordering::Relaxed);
                return;
            }
            (Ok(400..=499), false) => {
                report.refused += 1;
                return;
            }
            // Who is told so is to send no more of it, or has to come again later.
            (Ok(status @ (200..=407 | 409..=428 | 430..=499)), _) => {
                report.not_expected(|| format!("{kind:?} was answered with {status}"));
                return;
            }
            _ => {}
        }
        if let Resend::After(delay) = self.resend {
            report.resent += 1;
            work.waiting.push(Reverse(Waiting {
                due: Instant::now() + delay * (1 << attempt.min(5)),
                number,
                attempt: attempt + 1,
                delivery,
            }));
        } else {
            report.not_expected(|| format!("{kind:?} was not answered: {answer:?}"));
        }
    }
}

impl<S: Iterator<Item = Delivery>> Work<'_, S> {
    fn next(&mut self) -> Next {
        let now = Instant::now();
        let is_due = |waiting: &Reverse<Waiting>| waiting.0.due <= now;
        if self.waiting.peek().is_some_and(is_due)
            && let Some(Reverse(it)) = self.waiting.pop()
        {
            self.under_way += 1;
            return Next::Post(it.delivery, it.attempt, it.number);
        }
        let has_room = self.waiting.len() < BACKLOG;
        if let Some(delivery) = has_room.then(|| self.source.next()).flatten() {
            self.under_way += 1;
            self.taken += 1;
            return Next::Post(delivery, 0, self.taken);
        }
        assert!(
            self.last_success.elapsed() < PATIENCE,
            "nothing is acknowledged any more: {}",
            self.report
        );
        // What is under way can come back, if anything does.
        if self.waiting.is_empty() && (!self.resends || self.under_way == 0) {
            Next::Done
        } else {
            Next::Wait(IDLE)
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
