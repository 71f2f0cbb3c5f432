//! What posting gave.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

/// What posting gave: answers, and how long they took.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// From the first request to the last answer.
    pub took: Duration,
    /// How many valid events were acknowledged; twice where they came twice.
    pub accepted: usize,
    /// How many requests that were to be refused were.
    pub refused: usize,
    /// How often each status was answered.
    pub statuses: BTreeMap<u16, usize>,
    /// How many requests were never answered.
    pub lost: usize,
    /// How many found nobody to listen.
    pub unreachable: usize,
    /// How many requests were made again.
    pub resent: usize,
    /// The first answers that should not have been.
    pub unexpected: Vec<String>,
    /// Of every acknowledgement, in microseconds; sorted once it is complete.
    latencies_us: Vec<u32>,
}

impl Report {
    /// Acknowledged events in a second.
    #[expect(
        clippy::cast_precision_loss,
        clippy::float_arithmetic,
        reason = "a figure for people"
    )]
    pub fn per_second(&self) -> f64 {
        self.accepted as f64 / self.took.as_secs_f64().max(1e-9)
    }

    /// So many of a thousand acknowledgements took this long at most; 1,000 for the longest of all.
    pub fn latency(&self, per_mille: usize) -> Duration {
        let last = self.latencies_us.len().saturating_sub(1);
        let place = (self.latencies_us.len() * per_mille / 1000).min(last);
        let found = self.latencies_us.get(place).copied();
        Duration::from_micros(found.unwrap_or_default().into())
    }

    pub(super) fn acknowledged(&mut self, latency: Duration) {
        self.accepted += 1;
        let micros = u32::try_from(latency.as_micros()).unwrap_or(u32::MAX);
        self.latencies_us.push(micros);
    }

    pub(super) fn not_expected(&mut self, what: impl FnOnce() -> String) {
        const KEPT: usize = 10;
        if self.unexpected.len() < KEPT {
            self.unexpected.push(what());
        }
    }

    pub(super) fn finished(mut self, took: Duration) -> Self {
        self.took = took;
        self.latencies_us.sort_unstable();
        self
    }
}

/// In one line.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = |per_mille| milliseconds(self.latency(per_mille));
        write!(
            f,
            "{} accepted in {:.2} s, {:.0}/s, p50 {:.2} ms, p99 {:.2} ms, max {:.1} ms; {} refused, {} sent again, {} lost, \
             {} found nobody; answers",
            self.accepted,
            self.took.as_secs_f64(),
            self.per_second(),
            ms(500),
            ms(990),
            ms(1000),
            self.refused,
            self.resent,
            self.lost,
            self.unreachable,
        )?;
        for (status, count) in &self.statuses {
            write!(f, " {status}: {count}")?;
        }
        Ok(())
    }
}

/// A duration as people read it.
#[expect(clippy::float_arithmetic, reason = "a figure for people")]
pub fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}
