//! When a request is sent again, and how long after. What is decided here depends on the answer alone: that nothing is
//! sent twice which could take effect twice is decided where requests are made.

use std::time::{Duration, SystemTime};

use backon::ExponentialBuilder;
use reqwest::StatusCode;
use reqwest::header::{HeaderMap, HeaderValue, RETRY_AFTER};

/// How often, and with what delays, requests are sent again.
///
/// The delays double from the first on, up to a cap, each longer by a random part of itself, so that clients that failed
/// together do not come back together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct RetryPolicy {
    max_retries: u32,
    first_delay: Duration,
    max_delay: Duration,
    max_retry_after: Duration,
}

impl RetryPolicy {
    /// Up to 3 times, after half a second at first and 8 s at most; up to a minute when Stripe says so.
    pub const fn new() -> Self {
        Self {
            max_retries: 3,
            first_delay: Duration::from_millis(500),
            max_delay: Duration::from_secs(8),
            max_retry_after: Duration::from_mins(1),
        }
    }

    /// Everything is sent once.
    pub const fn none() -> Self {
        Self::new().with_max_retries(0)
    }

    /// How often a request is sent again, at most. 3 by default.
    #[must_use]
    pub const fn with_max_retries(mut self, retries: u32) -> Self {
        self.max_retries = retries;
        self
    }

    /// The delay before the first repetition, and the longest before any. Half a second and 8 s by default.
    #[must_use]
    pub const fn with_delays(mut self, first: Duration, longest: Duration) -> Self {
        self.first_delay = first;
        self.max_delay = longest;
        self
    }

    /// The longest time that Stripe's `Retry-After` is waited for; when it asks for more, the error is returned at once.
    /// A minute by default.
    #[must_use]
    pub const fn with_max_retry_after(mut self, longest: Duration) -> Self {
        self.max_retry_after = longest;
        self
    }

    /// The delays of one request.
    pub(super) fn backoff(&self) -> ExponentialBuilder {
        ExponentialBuilder::new()
            .with_min_delay(self.first_delay)
            .with_max_delay(self.max_delay)
            .with_max_times(usize::try_from(self.max_retries).unwrap_or(usize::MAX))
            .with_jitter()
    }

    /// The pause that an answer asks for, unless it is longer than anybody would wait: then every call is to fail by
    /// itself, and none to stand still.
    pub(super) fn pause(&self, advice: Advice) -> Option<Duration> {
        match advice {
            Advice::Retry(after) => after.filter(|after| *after <= self.max_retry_after),
            Advice::GiveUp => None,
        }
    }

    /// How long to wait, when the delays say `planned` and the answer `advice`; `None` when not to wait at all but to
    /// give up.
    pub(super) fn delay(&self, planned: Duration, advice: Advice) -> Option<Duration> {
        let planned = planned.min(self.max_delay);
        match advice {
            Advice::GiveUp => None,
            Advice::Retry(None) => Some(planned),
            Advice::Retry(Some(after)) if after > self.max_retry_after => None,
            Advice::Retry(Some(after)) => Some(after.max(planned)),
        }
    }
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self::new()
    }
}

/// What an answer, or the lack of one, says of sending the request again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Advice {
    /// It would not help, or would do harm.
    GiveUp,
    /// It may help, no sooner than this after the answer.
    Retry(Option<Duration>),
}

impl Advice {
    /// `Stripe-Should-Retry` decides where it is there; else a lock (409), a rate limit (429) and errors of the server
    /// are worth another try.
    pub(super) fn of(status: StatusCode, headers: &HeaderMap, now: SystemTime) -> Self {
        let says = headers
            .get("stripe-should-retry")
            .map(HeaderValue::as_bytes);
        let worth = match says {
            Some(b"true") => true,
            Some(b"false") => false,
            _ => {
                status == StatusCode::CONFLICT
                    || status == StatusCode::TOO_MANY_REQUESTS
                    || status.is_server_error()
            }
        };
        if worth {
            Self::Retry(retry_after(headers, now))
        } else {
            Self::GiveUp
        }
    }
}

/// `Retry-After`, as seconds or as a date by the server's clock.
fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = httpdate::parse_http_date(text).ok()?;
    Some(date.duration_since(now).unwrap_or(Duration::ZERO))
}

#[cfg(test)]
mod tests {
    use super::*;
    use backon::BackoffBuilder;

    fn advice(status: u16, headers: &[(&'static str, &'static str)]) -> Advice {
        let headers = headers
            .iter()
            .map(|&(name, value)| (name.parse().unwrap(), HeaderValue::from_static(value)))
            .collect();
        let now = httpdate::parse_http_date("Tue, 14 Nov 2023 22:13:20 GMT").unwrap();
        Advice::of(StatusCode::from_u16(status).unwrap(), &headers, now)
    }

    #[test]
    fn locks_limits_and_the_servers_errors_are_worth_another_try() {
        for status in [409, 429, 500, 502, 503, 504] {
            assert_eq!(advice(status, &[]), Advice::Retry(None), "{status}");
        }
        for status in [301, 400, 401, 402, 403, 404] {
            assert_eq!(advice(status, &[]), Advice::GiveUp, "{status}");
        }
    }

    #[test]
    fn stripe_should_retry_is_obeyed_either_way() {
        assert_eq!(
            advice(500, &[("stripe-should-retry", "false")]),
            Advice::GiveUp
        );
        assert_eq!(
            advice(400, &[("stripe-should-retry", "true")]),
            Advice::Retry(None)
        );
    }

    #[test]
    fn retry_after_is_read_as_seconds_and_as_a_date() {
        let after = |value| advice(429, &[("retry-after", value)]);
        assert_eq!(after("7"), Advice::Retry(Some(Duration::from_secs(7))));
        let date = "Tue, 14 Nov 2023 22:13:29 GMT";
        assert_eq!(after(date), Advice::Retry(Some(Duration::from_secs(9))));
        let past = "Tue, 14 Nov 2023 22:13:10 GMT";
        assert_eq!(after(past), Advice::Retry(Some(Duration::ZERO)));
        assert_eq!(after("soon"), Advice::Retry(None));
    }

    #[test]
    fn no_delay_is_shorter_than_stripe_asks_for_or_longer_than_the_cap() {
        let policy = RetryPolicy::new();
        let second = Duration::from_secs(1);
        let after = |seconds| Advice::Retry(Some(Duration::from_secs(seconds)));
        assert_eq!(policy.delay(second, Advice::Retry(None)), Some(second));
        assert_eq!(
            policy.delay(second * 100, Advice::Retry(None)),
            Some(second * 8)
        );
        assert_eq!(policy.delay(second, after(20)), Some(second * 20));
        assert_eq!(policy.delay(second, after(0)), Some(second));
        assert_eq!(policy.delay(second, after(61)), None);
        assert_eq!(policy.delay(second, Advice::GiveUp), None);
    }

    #[test]
    fn delays_double_with_a_random_part_of_their_own() {
        let policy = RetryPolicy::new().with_max_retries(7);
        let delays: Vec<_> = policy.backoff().with_jitter_seed(1).build().collect();
        assert_eq!(delays.len(), 7);
        let mut least = Duration::from_millis(500);
        for delay in delays {
            assert!(
                delay >= least && delay < least * 2,
                "{delay:?} after {least:?}"
            );
            least = (least * 2).min(Duration::from_secs(8));
        }
    }
}
