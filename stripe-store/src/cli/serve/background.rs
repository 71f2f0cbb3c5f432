//! What runs beside the server: the worker, and the catch-up.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::log::Log;
use super::metrics::{Caught, Metrics};
use crate::cli::output::counted;
use crate::client::Client;
use crate::error::chain;
use crate::inbox::Worker;
use crate::store::Store;
use crate::sync::CatchUpReport;

/// How long after the worker could not go on it is started again.
const RESTART: Duration = Duration::from_secs(5);

/// Ready once it is time to stop.
async fn stopped(mut stop: watch::Receiver<bool>) {
    // Who would say it is gone: then it is time as well.
    let _ = stop.wait_for(|stop| *stop).await;
}

/// Works on the inbox until it is time to stop.
pub(super) async fn work(
    worker: Worker,
    metrics: Arc<Metrics>,
    log: Log,
    stop: watch::Receiver<bool>,
) {
    let mut last = String::new();
    loop {
        metrics.worker_runs(true);
        let Err(error) = worker.clone().run(stopped(stop.clone())).await else {
            return;
        };
        metrics.worker_runs(false);
        let message = format!("the inbox cannot be worked on: {}", chain(&error));
        if message != last {
            log.problem(&message);
            last = message;
        }
        tokio::select! {
            () = stopped(stop.clone()) => return,
            () = tokio::time::sleep(RESTART) => {}
        }
    }
}

/// Reads Stripe's list of events now and then.
pub(super) struct CatchingUp {
    pub(super) store: Store,
    pub(super) client: Client,
    pub(super) interval: Duration,
    pub(super) accounts: bool,
    pub(super) inbox_only: bool,
    pub(super) metrics: Arc<Metrics>,
    pub(super) log: Log,
}

impl CatchingUp {
    /// Does so until it is time to stop; what was read by then is stored.
    pub(super) async fn run(self, stop: watch::Receiver<bool>) {
        let mut told = BTreeSet::new();
        loop {
            tokio::select! {
                () = stopped(stop.clone()) => return,
                () = self.once(&mut told) => {}
            }
            tokio::select! {
                () = stopped(stop.clone()) => return,
                () = tokio::time::sleep(self.interval) => {}
            }
        }
    }

    /// Catches up, and tells of problems that were not there the last time.
    async fn once(&self, told: &mut BTreeSet<String>) {
        let mut catch_up = self.store.catch_up(&self.client);
        if self.accounts {
            catch_up = catch_up.connected_accounts();
        }
        if self.inbox_only {
            catch_up = catch_up.into_inbox_only();
        }
        match catch_up.run().await {
            Ok(report) => {
                let caught = if report.is_complete() {
                    Caught::All
                } else {
                    Caught::Some
                };
                self.metrics.caught_up(caught, report.new_events());
                self.log.detail(&format!(
                    "caught up: {}, {} new, {} applied",
                    counted(report.read(), "event"),
                    report.new_events(),
                    report.applied
                ));
                let problems = problems(&report);
                for (what, message) in &problems {
                    if !told.contains(what) {
                        self.log.problem(message);
                    }
                }
                *told = problems.into_keys().collect();
            }
            Err(error) => {
                self.metrics.caught_up(Caught::Nothing, 0);
                if told.insert("a run".to_owned()) {
                    self.log.problem(&format!(
                        "could not catch up with events: {}",
                        chain(&error)
                    ));
                }
            }
        }
    }
}

/// What somebody should see to, by what it is about: the messages may differ from one run to the next, by a request's id.
fn problems(report: &CatchUpReport) -> BTreeMap<String, String> {
    let mut problems = BTreeMap::new();
    for account in &report.accounts {
        let of = match account.account() {
            Some(account) => format!(" of {account}"),
            None => String::new(),
        };
        if let Some(error) = &account.error {
            let message = format!("the events{of} could not be read: {}", chain(error));
            problems.insert(format!("reading{of}"), message);
        }
        if account.odd_count > 0 {
            let message = format!("{}{of} not stored", counted(account.odd_count, "event"));
            problems.insert(format!("odd{of}"), message);
        }
        let message = match account.gap() {
            Some(gap) if gap.from().is_some() => format!(
                "events{of} {gap} were never seen: what changed then may be missing until `stripe-store sync --full` has \
                 read everything again"
            ),
            Some(_) => format!(
                "what{of} is older than Stripe's list of events is not here: `stripe-store sync` reads it"
            ),
            None => continue,
        };
        problems.insert(format!("gap{of}"), message);
    }
    for failed in &report.failed {
        let message = format!("{} could not be applied: {}", failed.id, failed.reason);
        problems.insert(failed.id.clone(), message);
    }
    for (object, error) in &report.settled.failed {
        let message = format!("{object} could not be read again: {}", chain(error));
        problems.insert(object.to_string(), message);
    }
    problems
}
