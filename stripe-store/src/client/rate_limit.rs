//! How many requests leave in a second, in all, so that Stripe has no reason to refuse some.
//!
//! A bucket of our own: those to be had (governor, tower) have one rate for life, and a limit that yields to Stripe's 429
//! has to change its rate without forgetting what was spent.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex as StdMutex, PoisonError};
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::{Instant, sleep_until};

const SECOND_NS: u64 = 1_000_000_000;

/// How slow a limit becomes when Stripe goes on refusing: one request in two seconds.
const SLOWEST_NS: u64 = 2 * SECOND_NS;

/// The time in which refusals count as one: those of requests that were under way together.
const ONE_REFUSAL: Duration = Duration::from_millis(500);

/// The limit that a client puts on itself.
///
/// Requests past it wait, in the order in which they came. When Stripe refuses some all the same (429), the rate is
/// halved, and comes back by and by as requests succeed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimit {
    /// Between two requests, in nanoseconds; 0 is no limit.
    interval_ns: u64,
    burst: u32,
}

impl RateLimit {
    /// So many requests in a second, and as many at once after a second without any. 0 counts as 1.
    pub const fn per_second(requests: u32) -> Self {
        let requests = if requests == 0 { 1 } else { requests };
        Self {
            interval_ns: SECOND_NS / requests as u64,
            burst: requests,
        }
    }

    /// No limit but the ones that follow from Stripe's refusals.
    pub const fn unlimited() -> Self {
        Self {
            interval_ns: 0,
            burst: 1,
        }
    }

    /// How many may leave at once after a pause. 0 counts as 1.
    #[must_use]
    pub const fn with_burst(mut self, requests: u32) -> Self {
        self.burst = if requests == 0 { 1 } else { requests };
        self
    }
}

/// The limit at work, shared by all handles of a client.
#[derive(Debug)]
pub(super) struct Limiter {
    limit: RateLimit,
    /// Between two requests now: never less than the limit's.
    interval_ns: AtomicU64,
    /// When the next request would be due if all went out evenly. Whoever holds the lock is the next to go; the others
    /// wait for the lock, which is fair.
    due: Mutex<Option<Instant>>,
    refusal: StdMutex<Refusal>,
}

#[derive(Debug, Default)]
struct Refusal {
    last: Option<Instant>,
    /// Nothing is sent before.
    pause_until: Option<Instant>,
}

impl Limiter {
    pub(super) fn new(limit: RateLimit) -> Self {
        Self {
            limit,
            interval_ns: AtomicU64::new(limit.interval_ns),
            due: Mutex::new(None),
            refusal: StdMutex::default(),
        }
    }

    /// Waits for a turn.
    ///
    /// # Cancellation
    ///
    /// A turn that nobody waits for any more is taken by the next.
    pub(super) async fn turn(&self) {
        let mut due = self.due.lock().await;
        loop {
            let now = Instant::now();
            let interval = Duration::from_nanos(self.interval_ns.load(Ordering::Relaxed));
            let ahead = interval.saturating_mul(self.limit.burst.saturating_sub(1));
            let earliest = due.and_then(|due| due.checked_sub(ahead));
            let start = earliest
                .max(self.pause_until())
                .filter(|start| *start > now);
            let Some(start) = start else {
                *due = due.max(Some(now)).map(|due| due + interval);
                return;
            };
            sleep_until(start).await;
        }
    }

    fn pause_until(&self) -> Option<Instant> {
        let refusal = self.refusal.lock().unwrap_or_else(PoisonError::into_inner);
        refusal.pause_until
    }

    /// Stripe refused a request for its rate, and asked for a pause.
    pub(super) fn refused(&self, pause: Option<Duration>) {
        let now = Instant::now();
        let mut refusal = self.refusal.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(pause) = pause {
            refusal.pause_until = refusal.pause_until.max(now.checked_add(pause));
        }
        if refusal.last.is_some_and(|last| now < last + ONE_REFUSAL) {
            return;
        }
        refusal.last = Some(now);
        let halved = |interval: u64| {
            let from = interval.max(SECOND_NS / 100);
            Some((from * 2).min(SLOWEST_NS).max(interval))
        };
        let _ = self
            .interval_ns
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, halved);
    }

    /// A request was let through: the rate goes up by a thirty-second part, as far as the limit.
    pub(super) fn allowed(&self) {
        let nearer = |interval: u64| {
            let least = self.limit.interval_ns;
            (interval > least).then(|| (interval - interval / 32 - 1).max(least))
        };
        let _ = self
            .interval_ns
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, nearer);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    /// How long `turns` turns take, in milliseconds.
    async fn turns(limiter: &Limiter, turns: usize) -> u128 {
        let start = Instant::now();
        for _ in 0..turns {
            limiter.turn().await;
        }
        start.elapsed().as_millis()
    }

    #[tokio::test(start_paused = true)]
    async fn a_burst_goes_at_once_and_the_rest_evenly() {
        let limiter = Limiter::new(RateLimit::per_second(10).with_burst(5));
        assert_eq!(turns(&limiter, 5).await, 0);
        assert_eq!(turns(&limiter, 20).await, 2000);
        tokio::time::sleep(Duration::from_mins(1)).await;
        assert_eq!(turns(&limiter, 5).await, 0, "a pause fills the bucket");
        assert_eq!(turns(&limiter, 1).await, 100, "and no more than that");
    }

    #[tokio::test(start_paused = true)]
    async fn a_refusal_halves_the_rate_and_success_brings_it_back() {
        let limiter = Limiter::new(RateLimit::per_second(10).with_burst(1));
        turns(&limiter, 1).await;
        limiter.refused(None);
        limiter.refused(None);
        assert_eq!(turns(&limiter, 10).await, 1900, "one halving for both");
        tokio::time::sleep(Duration::from_secs(1)).await;
        limiter.refused(None);
        turns(&limiter, 1).await;
        assert_eq!(turns(&limiter, 10).await, 4000);
        for _ in 0..100 {
            limiter.allowed();
        }
        turns(&limiter, 1).await;
        assert_eq!(turns(&limiter, 10).await, 1000);
    }

    #[tokio::test(start_paused = true)]
    async fn a_pause_that_stripe_asks_for_holds_for_all() {
        let limiter = Limiter::new(RateLimit::unlimited());
        assert_eq!(turns(&limiter, 1000).await, 0);
        limiter.refused(Some(Duration::from_secs(3)));
        assert_eq!(turns(&limiter, 1).await, 3000);
    }

    #[tokio::test(start_paused = true)]
    async fn a_turn_that_nobody_waits_for_is_not_lost() {
        let limiter = Arc::new(Limiter::new(RateLimit::per_second(10).with_burst(1)));
        turns(&limiter, 1).await;
        let waiting: Vec<_> = (0..100)
            .map(|_| {
                let limiter = Arc::clone(&limiter);
                tokio::spawn(async move { limiter.turn().await })
            })
            .collect();
        tokio::task::yield_now().await;
        for task in waiting {
            task.abort();
        }
        assert_eq!(turns(&limiter, 1).await, 100);
    }
}
