//! Removes what the delivery log no longer keeps, now and then, beside everything else.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::delivery::DeliveryLog;
use crate::error::chain;
use crate::store::Store;

/// How often there is a look at what can go.
const INTERVAL: Duration = Duration::from_mins(1);

/// When there was a look last, and whether one is under way.
#[derive(Debug)]
pub(super) struct Sweeper {
    next: Mutex<Option<Instant>>,
    is_busy: Arc<AtomicBool>,
}

impl Sweeper {
    pub(super) fn new() -> Self {
        Self {
            next: Mutex::new(None),
            is_busy: Arc::default(),
        }
    }

    /// Begins to remove what can go, if it is time to, and waits for nothing.
    pub(super) fn sweep(&self, store: &Store, log: &DeliveryLog) {
        {
            let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
            let now = Instant::now();
            match *next {
                Some(at) if at > now => return,
                // Not with the first request, when a program begins.
                None => {
                    *next = Some(now + INTERVAL);
                    return;
                }
                Some(_) => *next = Some(now + INTERVAL),
            }
        }
        if self.is_busy.swap(true, Ordering::AcqRel) {
            return;
        }
        let (store, is_busy) = (store.clone(), Arc::clone(&self.is_busy));
        let limits = log.limits(store.now());
        tokio::spawn(async move {
            if let Err(error) = store.sweep_deliveries(&limits).await {
                tracing::warn!(error = %chain(&error), "the log of requests could not be shortened");
            }
            is_busy.store(false, Ordering::Release);
        });
    }
}
