//! The log of requests: what is kept of one, and how many.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::outcome::Verdict;
use super::request::Request;
use crate::clock::UnixMillis;
use crate::inbox::unique;
use crate::store::{DeliveryLimits, NewDelivery, Store};

/// How much of a body that was refused is kept, in bytes.
const EXCERPT: usize = 4 * 1024;

/// How much of all headers is kept, in bytes.
const HEADERS: usize = 8 * 1024;

/// As the log has a body that is no text.
const BINARY: &str = "<binary>";

/// Headers that may hold a secret.
const SECRETS: [&str; 5] = [
    "stripe-signature",
    "authorization",
    "proxy-authorization",
    "cookie",
    "x-api-key",
];

/// What is kept of the requests that reach the endpoints.
///
/// Those that brought an event are kept for 30 days. Of those that were refused, which anybody can send, as many as 60 at
/// once and one a second after that are kept at all, each with the first 4 KiB of its body, and 10,000 in all; how many
/// more there were is told by the next one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "give it to `ReceiverBuilder::delivery_log`"]
pub struct DeliveryLog {
    pub(super) max_age: Duration,
    pub(super) max_rows: u64,
    pub(super) max_invalid: u64,
    pub(super) invalid_per_minute: u32,
}

impl Default for DeliveryLog {
    fn default() -> Self {
        Self::new()
    }
}

impl DeliveryLog {
    /// The defaults.
    pub const fn new() -> Self {
        Self {
            max_age: Duration::from_hours(30 * 24),
            max_rows: 1_000_000,
            max_invalid: 10_000,
            invalid_per_minute: 60,
        }
    }

    /// How long a request is kept. Default: 30 days.
    pub const fn with_max_age(mut self, age: Duration) -> Self {
        self.max_age = age;
        self
    }

    /// How many requests are kept in all. Default: 1,000,000.
    pub const fn with_max_rows(mut self, rows: u64) -> Self {
        self.max_rows = rows;
        self
    }

    /// How many requests are kept that were refused. Default: 10,000.
    pub const fn with_max_invalid(mut self, rows: u64) -> Self {
        self.max_invalid = rows;
        self
    }

    /// What goes at a moment.
    pub(super) fn limits(&self, now: UnixMillis) -> DeliveryLimits {
        let age = i64::try_from(self.max_age.as_millis()).unwrap_or(i64::MAX);
        DeliveryLimits {
            before: now.plus_millis(age.saturating_neg()),
            max_rows: self.max_rows,
            max_invalid: self.max_invalid,
        }
    }

    /// How many requests that are refused get a row in a minute; the others are counted. Default: 60.
    pub const fn with_invalid_per_minute(mut self, rows: u32) -> Self {
        self.invalid_per_minute = rows;
        self
    }
}

/// How many more requests may be refused with a row.
#[derive(Debug)]
pub(super) struct Allowance {
    per_minute: u32,
    state: Mutex<Left>,
}

#[derive(Debug)]
struct Left {
    rows: u32,
    since: Instant,
    not_logged: i64,
}

impl Allowance {
    pub(super) fn new(per_minute: u32) -> Self {
        Self {
            per_minute,
            state: Mutex::new(Left {
                rows: per_minute,
                since: Instant::now(),
                not_logged: 0,
            }),
        }
    }

    /// Whether one more gets a row; if so, how many before it did not.
    pub(super) fn take(&self) -> Option<i64> {
        let mut left = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let passed = left.since.elapsed();
        let each = Duration::from_mins(1)
            .checked_div(self.per_minute)
            .unwrap_or(Duration::MAX);
        let earned = passed.as_nanos().checked_div(each.as_nanos()).unwrap_or(0);
        if earned > 0 {
            let earned = u32::try_from(earned).unwrap_or(u32::MAX);
            left.rows = left.rows.saturating_add(earned).min(self.per_minute);
            left.since += each.saturating_mul(earned);
        }
        if left.rows == 0 {
            left.not_logged = left.not_logged.saturating_add(1);
            return None;
        }
        left.rows -= 1;
        Some(std::mem::take(&mut left.not_logged))
    }
}

/// What is known of a request when it comes.
#[derive(Debug)]
pub(super) struct Draft {
    pub(super) delivery: NewDelivery,
    started: Instant,
}

impl Draft {
    pub(super) fn new(store: &Store, request: &Request, proxies: usize) -> Self {
        let now = store.now();
        let bytes = request
            .too_large
            .unwrap_or_else(|| u64::try_from(request.body.len()).unwrap_or(u64::MAX));
        Self {
            delivery: NewDelivery {
                id: unique(now),
                endpoint: storable(request.endpoint.chars().take(255).collect()),
                remote: request.remote(proxies),
                headers: headers(request),
                body: None,
                body_bytes: i64::try_from(bytes).unwrap_or(i64::MAX),
                verdict: Verdict::Accepted.as_str(),
                http_status: 200,
                event_id: None,
                error: None,
                not_logged: 0,
                duration_us: 0,
                received_at: now,
            },
            started: Instant::now(),
        }
    }

    /// As it goes into the log, of what took until now.
    pub(super) fn ended(
        mut self,
        verdict: Verdict,
        status: u16,
        error: Option<String>,
    ) -> NewDelivery {
        self.delivery.verdict = verdict.as_str();
        self.delivery.http_status = i16::try_from(status).unwrap_or(0);
        self.delivery.error = error.map(|error| storable(error.chars().take(4096).collect()));
        self.delivery.duration_us = self.elapsed_us();
        self.delivery
    }

    pub(super) fn elapsed_us(&self) -> i64 {
        i64::try_from(self.started.elapsed().as_micros()).unwrap_or(i64::MAX)
    }
}

/// What is kept of the body of a request that brings no event.
pub(super) fn excerpt(body: &[u8]) -> String {
    let Ok(text) = str::from_utf8(body) else {
        return BINARY.to_owned();
    };
    let end = text.floor_char_boundary(EXCERPT);
    storable(text.get(..end).unwrap_or_default().to_owned())
}

fn headers(request: &Request) -> String {
    let mut left = HEADERS;
    let kept = request.headers.iter().map_while(|(name, value)| {
        let is_secret = SECRETS
            .iter()
            .any(|secret| name.eq_ignore_ascii_case(secret));
        let value = match str::from_utf8(value) {
            _ if is_secret => "[redacted]",
            Ok(value) => value,
            Err(_) => BINARY,
        };
        left = left.checked_sub(name.len() + value.len())?;
        Some(serde_json::json!([name, value]))
    });
    storable(kept.collect::<serde_json::Value>().to_string())
}

/// Without what a column of text does not take.
fn storable(text: String) -> String {
    if text.contains('\0') {
        text.replace('\0', "\u{fffd}")
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_flood_of_refused_requests_gets_a_row_a_second_and_is_counted() {
        let allowance = Allowance::new(60);
        for _ in 0..60 {
            assert_eq!(allowance.take(), Some(0));
        }
        for _ in 0..1000 {
            assert_eq!(allowance.take(), None);
        }
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(allowance.take(), Some(1000));
        assert_eq!(allowance.take(), None);
        tokio::time::advance(Duration::from_hours(1)).await;
        assert_eq!(allowance.take(), Some(1));
        let rows = (0..100).filter(|_| allowance.take().is_some()).count();
        assert_eq!(rows, 59);
        assert_eq!(Allowance::new(0).take(), None);
    }

    #[test]
    fn c052_what_is_kept_has_no_secret_and_an_end() {
        let request = Request::new(Vec::new())
            .header("Stripe-Signature", "t=1,v1=abc")
            .header("AUTHORIZATION", "Bearer x")
            .header("User-Agent", "Stripe/1.0")
            .header("X-Odd", [0xff]);
        assert_eq!(
            headers(&request),
            r#"[["Stripe-Signature","[redacted]"],["AUTHORIZATION","[redacted]"],["User-Agent","Stripe/1.0"],["X-Odd","<binary>"]]"#
        );
        let long = Request::new(Vec::new()).headers((0..9).map(|_| ("x", vec![b'a'; 1024])));
        assert!(headers(&long).len() < 9000);
        assert_eq!(excerpt(&[0xff, 0]), "<binary>");
        assert_eq!(excerpt("ä\0".as_bytes()), "ä\u{fffd}");
        assert_eq!(excerpt("é".repeat(9000).as_bytes()).len(), EXCERPT);
    }
}
