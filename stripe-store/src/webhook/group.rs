//! Group commit: requests that come while others are being written are written together, by one transaction.
//!
//! A request that comes alone is written at once. While a transaction is under way, what comes waits for the next one, and
//! each request is answered after the commit of its own.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, oneshot};

/// How many are written together at most.
pub(super) const MAX_GROUP: usize = 64;

/// Work that is done in groups.
pub(super) trait Work: Send + Sync + 'static {
    /// One piece of it, which knows whom to tell what became of it.
    type Job: Send + 'static;

    /// Does it.
    fn run(self: Arc<Self>, jobs: Vec<Self::Job>) -> impl Future<Output = ()> + Send;
}

/// What waits to be done.
#[derive(Debug)]
pub(super) struct Queue<J> {
    state: Mutex<State<J>>,
    /// How many are about to come.
    coming: AtomicUsize,
    arrived: Notify,
    max_delay: Duration,
    max_leaders: usize,
}

#[derive(Debug)]
struct State<J> {
    jobs: Vec<J>,
    leaders: usize,
}

/// That something is about to come, until it has, or does not.
#[derive(Debug)]
pub(super) struct Coming<'q, J>(&'q Queue<J>);

impl<J> Drop for Coming<'_, J> {
    fn drop(&mut self) {
        if self.0.coming.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.0.arrived.notify_waiters();
        }
    }
}

impl<J: Send + 'static> Queue<J> {
    pub(super) fn new(max_delay: Duration, max_leaders: usize) -> Self {
        Self {
            state: Mutex::new(State {
                jobs: Vec::new(),
                leaders: 0,
            }),
            coming: AtomicUsize::new(0),
            arrived: Notify::new(),
            max_delay,
            max_leaders: max_leaders.max(1),
        }
    }

    /// Says that something is about to come, for which others may wait a little.
    pub(super) fn coming(&self) -> Coming<'_, J> {
        self.coming.fetch_add(1, Ordering::AcqRel);
        Coming(self)
    }

    /// Has a job done, with what comes at the same time. It is done even if nobody waits for it.
    pub(super) fn submit<W: Work<Job = J>>(self: &Arc<Self>, work: &Arc<W>, job: J) {
        let leads = {
            let mut state = self.lock();
            state.jobs.push(job);
            let leads = state.leaders < self.max_leaders;
            state.leaders += usize::from(leads);
            leads
        };
        if leads {
            let leader = Leader {
                queue: Arc::clone(self),
                has_left: false,
            };
            let work = Arc::clone(work);
            tokio::spawn(async move { leader.lead(&work).await });
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State<J>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whoever does what there is to do, until there is nothing.
struct Leader<J: Send + 'static> {
    queue: Arc<Queue<J>>,
    has_left: bool,
}

impl<J: Send + 'static> Leader<J> {
    async fn lead<W: Work<Job = J>>(mut self, work: &Arc<W>) {
        loop {
            self.queue.wait_for_company().await;
            let jobs: Vec<J> = {
                let mut state = self.queue.lock();
                let at = state.jobs.len().min(MAX_GROUP);
                if at == 0 {
                    // Under the lock under which jobs come: whoever comes next leads.
                    state.leaders = state.leaders.saturating_sub(1);
                    self.has_left = true;
                    return;
                }
                state.jobs.drain(..at).collect()
            };
            Arc::clone(work).run(jobs).await;
        }
    }
}

impl<J: Send + 'static> Drop for Leader<J> {
    /// Where the work panicked, or the program ends: what waits is told by being dropped.
    fn drop(&mut self) {
        if !self.has_left {
            let mut state = self.queue.lock();
            state.leaders = state.leaders.saturating_sub(1);
            state.jobs.clear();
        }
    }
}

impl<J> Queue<J> {
    /// Waits for those that are about to come, and not for longer than the delay.
    async fn wait_for_company(&self) {
        if self.max_delay.is_zero() || self.coming.load(Ordering::Acquire) == 0 {
            return;
        }
        let all_here = async {
            loop {
                let arrived = self.arrived.notified();
                if self.coming.load(Ordering::Acquire) == 0 {
                    return;
                }
                arrived.await;
            }
        };
        // Late is no failure: those are in the next group.
        let _late = tokio::time::timeout(self.max_delay, all_here).await;
    }
}

/// Tells whoever waits.
pub(super) fn tell<T>(reply: oneshot::Sender<T>, what: T) {
    // Who has gone away does not want to know.
    let _gone = reply.send(what);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Answers each job with how many it was done with.
    struct Count;

    impl Work for Count {
        type Job = oneshot::Sender<usize>;

        async fn run(self: Arc<Self>, jobs: Vec<Self::Job>) {
            let count = jobs.len();
            for job in jobs {
                tell(job, count);
            }
        }
    }

    /// Whoever comes in the moment in which the last leader leaves is not left behind.
    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn every_job_is_done() {
        for leaders in [1, 2] {
            let queue = Arc::new(Queue::new(Duration::ZERO, leaders));
            let senders = (0..4).map(|_| {
                let queue = Arc::clone(&queue);
                tokio::spawn(async move {
                    for _ in 0..5000 {
                        let (reply, told) = oneshot::channel();
                        queue.submit(&Arc::new(Count), reply);
                        assert!(told.await.unwrap() >= 1);
                    }
                })
            });
            for sender in senders.collect::<Vec<_>>() {
                sender.await.unwrap();
            }
            // The last one leaves after it has told.
            while queue.lock().leaders > 0 {
                tokio::task::yield_now().await;
            }
            assert!(queue.lock().jobs.is_empty());
        }
    }

    /// A job that is alone waits for nobody; while others are about to come, it waits for them.
    #[tokio::test(start_paused = true)]
    async fn only_who_is_not_alone_waits() {
        let queue = Arc::new(Queue::new(Duration::from_millis(2), 1));
        let submit = || {
            let (reply, told) = oneshot::channel();
            queue.submit(&Arc::new(Count), reply);
            told
        };
        let begin = tokio::time::Instant::now();
        assert_eq!(submit().await.unwrap(), 1);
        assert_eq!(begin.elapsed(), Duration::ZERO);

        let coming = queue.coming();
        let first = submit();
        tokio::task::yield_now().await;
        let second = submit();
        drop(coming);
        assert_eq!((first.await.unwrap(), second.await.unwrap()), (2, 2));
        assert_eq!(begin.elapsed(), Duration::ZERO);

        // Who does not come is not waited for longer than that.
        let _coming = queue.coming();
        assert_eq!(submit().await.unwrap(), 1);
        assert_eq!(begin.elapsed(), Duration::from_millis(2));
    }
}
