//! What is counted, as Prometheus reads it.
//!
//! The text format is a line for each number; a library for it would be larger than what it saves here.

use std::fmt::{self, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Instant;

use crate::clock::{Clock as _, SystemClock};
use crate::resources::API_VERSION;
use crate::store::Backlog;
use crate::webhook::Verdict;

/// What becomes of requests, as `verdict` says it.
const VERDICTS: [&str; 8] = [
    Verdict::Accepted.as_str(),
    Verdict::Duplicate.as_str(),
    Verdict::Ignored.as_str(),
    Verdict::Kept.as_str(),
    Verdict::Invalid.as_str(),
    Verdict::Failed.as_str(),
    UNREAD,
    ABANDONED,
];

/// The body did not come, or the method was another one.
const UNREAD: &str = "unread";

/// The caller broke off before the answer. The event may be stored.
const ABANDONED: &str = "abandoned";

/// The upper bounds of the histogram, as they are written, and in microseconds.
const BOUNDS: [(&str, u64); 12] = [
    ("0.001", 1_000),
    ("0.0025", 2_500),
    ("0.005", 5_000),
    ("0.01", 10_000),
    ("0.025", 25_000),
    ("0.05", 50_000),
    ("0.1", 100_000),
    ("0.25", 250_000),
    ("0.5", 500_000),
    ("1", 1_000_000),
    ("2.5", 2_500_000),
    ("10", 10_000_000),
];

/// What is counted while the server runs.
#[derive(Debug)]
pub(super) struct Metrics {
    endpoints: Vec<Endpoint>,
    /// Of requests to no endpoint.
    unknown: Endpoint,
    in_flight: AtomicI64,
    /// How many took up to each bound, and not up to the one before.
    took: [AtomicU64; BOUNDS.len()],
    took_longer: AtomicU64,
    took_us: AtomicU64,
    started_s: i64,
    /// Whether the worker runs; below zero without one.
    worker: AtomicI64,
    catch_up: CatchUp,
}

#[derive(Debug)]
struct Endpoint {
    name: String,
    requests: [AtomicU64; VERDICTS.len()],
}

#[derive(Debug, Default)]
struct CatchUp {
    complete: AtomicU64,
    incomplete: AtomicU64,
    failed: AtomicU64,
    new_events: AtomicU64,
    /// In unix seconds; zero before the first.
    last_s: AtomicI64,
}

/// How a run of the catch-up ended.
#[derive(Debug, Clone, Copy)]
pub(super) enum Caught {
    /// Everything was read and applied.
    All,
    /// Not everything was.
    Some,
    /// It could not be made.
    Nothing,
}

impl Endpoint {
    fn new(name: String) -> Self {
        Self {
            name,
            requests: Default::default(),
        }
    }
}

/// A request that is being answered.
#[derive(Debug)]
pub(super) struct Begun {
    metrics: Arc<Metrics>,
    endpoint: Option<usize>,
    at: Instant,
    verdict: &'static str,
}

impl Begun {
    /// It is answered; `None` without anything having become of it.
    pub(super) fn end(mut self, verdict: Option<Verdict>) {
        self.verdict = verdict.map_or(UNREAD, Verdict::as_str);
    }
}

impl Drop for Begun {
    fn drop(&mut self) {
        let metrics = &self.metrics;
        let endpoint = self.endpoint.and_then(|at| metrics.endpoints.get(at));
        let endpoint = endpoint.unwrap_or(&metrics.unknown);
        let counters = VERDICTS.iter().zip(&endpoint.requests);
        for (_, counter) in counters.filter(|(verdict, _)| **verdict == self.verdict) {
            counter.fetch_add(1, Ordering::Relaxed);
        }
        metrics.in_flight.fetch_sub(1, Ordering::Relaxed);
        if self.verdict == ABANDONED {
            return;
        }
        let us = u64::try_from(self.at.elapsed().as_micros()).unwrap_or(u64::MAX);
        let mut buckets = BOUNDS.iter().zip(&metrics.took);
        let bucket = buckets.find(|((_, bound), _)| us <= *bound);
        let bucket = bucket.map_or(&metrics.took_longer, |(_, bucket)| bucket);
        bucket.fetch_add(1, Ordering::Relaxed);
        metrics.took_us.fetch_add(us, Ordering::Relaxed);
    }
}

impl Metrics {
    pub(super) fn new(endpoints: impl IntoIterator<Item = String>) -> Self {
        Self {
            endpoints: endpoints.into_iter().map(Endpoint::new).collect(),
            // No endpoint can have this name.
            unknown: Endpoint::new("(unknown)".to_owned()),
            in_flight: AtomicI64::new(0),
            took: Default::default(),
            took_longer: AtomicU64::new(0),
            took_us: AtomicU64::new(0),
            started_s: now_s(),
            worker: AtomicI64::new(-1),
            catch_up: CatchUp::default(),
        }
    }

    /// A request has come to the endpoint of this name.
    pub(super) fn begin(self: &Arc<Self>, endpoint: &str) -> Begun {
        self.in_flight.fetch_add(1, Ordering::Relaxed);
        let mut endpoints = self.endpoints.iter();
        Begun {
            metrics: Arc::clone(self),
            endpoint: endpoints.position(|known| known.name == endpoint),
            at: Instant::now(),
            verdict: ABANDONED,
        }
    }

    pub(super) fn worker_runs(&self, runs: bool) {
        self.worker.store(i64::from(runs), Ordering::Relaxed);
    }

    /// A run of the catch-up has ended, which found so many events that had not come.
    pub(super) fn caught_up(&self, caught: Caught, new_events: u64) {
        let catch_up = &self.catch_up;
        let counter = match caught {
            Caught::All => {
                catch_up.last_s.store(now_s(), Ordering::Relaxed);
                &catch_up.complete
            }
            Caught::Some => &catch_up.incomplete,
            Caught::Nothing => &catch_up.failed,
        };
        counter.fetch_add(1, Ordering::Relaxed);
        catch_up.new_events.fetch_add(new_events, Ordering::Relaxed);
    }

    /// The text; without a backlog the database did not answer.
    pub(super) fn render(&self, backlog: Option<Backlog>) -> String {
        let mut text = Text::default();
        text.head("stripe_store_build_info", "gauge", "The version that runs.");
        let version = env!("CARGO_PKG_VERSION");
        let info = format!("{{version=\"{version}\",api_version=\"{API_VERSION}\"}}");
        text.line("stripe_store_build_info", &info, 1);
        text.one(
            "process_start_time_seconds",
            "gauge",
            "When the process started, in unix seconds.",
            self.started_s,
        );
        self.requests(&mut text);
        text.one(
            "stripe_store_database_up",
            "gauge",
            "Whether the database answers.",
            i32::from(backlog.is_some()),
        );
        if let Some(backlog) = backlog {
            let name = "stripe_store_inbox_events";
            text.head(name, "gauge", "Events of the inbox that are not done with.");
            for (status, count) in [
                ("pending", backlog.pending),
                ("queued", backlog.queued),
                ("failed", backlog.failed),
                ("dead", backlog.dead),
            ] {
                text.line(name, &format!("{{status=\"{status}\"}}"), count);
            }
        }
        let worker = self.worker.load(Ordering::Relaxed);
        if worker >= 0 {
            let help = "Whether the worker runs.";
            text.one("stripe_store_worker_up", "gauge", help, worker);
        }
        self.catch_ups(&mut text);
        text.0
    }

    fn requests(&self, text: &mut Text) {
        let name = "stripe_store_webhook_requests_total";
        text.head(
            name,
            "counter",
            "Requests to endpoints, by what became of them.",
        );
        for endpoint in self.endpoints.iter().chain([&self.unknown]) {
            for (verdict, count) in VERDICTS.iter().zip(&endpoint.requests) {
                let labels = format!("{{endpoint=\"{}\",verdict=\"{verdict}\"}}", endpoint.name);
                text.line(name, &labels, count.load(Ordering::Relaxed));
            }
        }
        text.one(
            "stripe_store_webhook_requests_in_flight",
            "gauge",
            "Requests to endpoints that are being answered.",
            self.in_flight.load(Ordering::Relaxed),
        );
        let name = "stripe_store_webhook_request_duration_seconds";
        text.head(
            name,
            "histogram",
            "From the head of a request to its answer.",
        );
        let mut count = 0_u64;
        for ((bound, _), bucket) in BOUNDS.iter().zip(&self.took) {
            count = count.saturating_add(bucket.load(Ordering::Relaxed));
            text.line(
                &format!("{name}_bucket"),
                &format!("{{le=\"{bound}\"}}"),
                count,
            );
        }
        count = count.saturating_add(self.took_longer.load(Ordering::Relaxed));
        text.line(&format!("{name}_bucket"), "{le=\"+Inf\"}", count);
        let us = self.took_us.load(Ordering::Relaxed);
        let sum = format_args!("{}.{:06}", us / 1_000_000, us % 1_000_000);
        text.line(&format!("{name}_sum"), "", sum);
        text.line(&format!("{name}_count"), "", count);
    }

    fn catch_ups(&self, text: &mut Text) {
        let runs = [
            ("complete", &self.catch_up.complete),
            ("incomplete", &self.catch_up.incomplete),
            ("failed", &self.catch_up.failed),
        ];
        let name = "stripe_store_catch_up_runs_total";
        text.head(name, "counter", "Readings of Stripe's list of events.");
        for (result, count) in runs {
            let labels = format!("{{result=\"{result}\"}}");
            text.line(name, &labels, count.load(Ordering::Relaxed));
        }
        text.one(
            "stripe_store_catch_up_new_events_total",
            "counter",
            "Events that a reading of the list found and no request had brought.",
            self.catch_up.new_events.load(Ordering::Relaxed),
        );
        text.one(
            "stripe_store_catch_up_last_complete_seconds",
            "gauge",
            "When the list was last read and applied whole, in unix seconds; 0 before that.",
            self.catch_up.last_s.load(Ordering::Relaxed),
        );
    }
}

fn now_s() -> i64 {
    SystemClock.now().timestamp().unix_seconds()
}

/// The text as it grows.
#[derive(Default)]
struct Text(String);

impl Text {
    fn head(&mut self, name: &str, kind: &str, help: &str) {
        // Writing into a text cannot fail.
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    fn line(&mut self, name: &str, labels: &str, value: impl fmt::Display) {
        let _ = writeln!(self.0, "{name}{labels} {value}");
    }

    fn one(&mut self, name: &str, kind: &str, help: &str, value: impl fmt::Display) {
        self.head(name, kind, help);
        self.line(name, "", value);
    }
}
