//! The order in which this process asked and was answered, where Stripe's clock is too coarse to tell it.

use std::fmt;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

/// What sets the request's place apart from its id in a source.
#[cfg(feature = "_store")]
const MARK: char = '@';

static PROCESS: OnceLock<u64> = OnceLock::new();
static TICKS: AtomicU64 = AtomicU64::new(0);

/// When a request was sent and when its answer was there, as places in the order of this process's requests.
///
/// Stripe's `Date` says only the second of an answer, and a program makes several calls in one. What an answer says of an
/// object is as new as the answer; a request that was sent when another one's answer was there already brings what is
/// newer. Of requests that overlap nothing is known, nor of those of different processes.
///
/// The client keeps one with each answer ([`Meta::order`](crate::client::Meta::order)). Who calls Stripe by other means:
///
/// ```
/// # #[cfg(any(feature = "sqlite", feature = "postgres"))] {
/// use stripe_store::clock::RequestOrder;
/// use stripe_store::store::Source;
///
/// let sent = RequestOrder::begin();
/// // … the request, the answer …
/// let source = Source::request("req_1").ordered(sent.end());
/// assert!(source.as_str().starts_with("req_1@"));
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestOrder {
    /// A number of this process's own.
    process: u64,
    sent: u64,
    answered: u64,
}

/// A request that has no answer yet.
#[derive(Debug, Clone, Copy)]
#[must_use = "call `end` when the answer is there"]
pub struct RequestBegin {
    process: u64,
    sent: u64,
}

impl RequestOrder {
    /// To be called before the request is sent.
    pub fn begin() -> RequestBegin {
        RequestBegin {
            process: *PROCESS.get_or_init(|| RandomState::new().hash_one(std::process::id())),
            sent: tick(),
        }
    }

    /// Whether the request was sent after the answer of `other` was there.
    pub fn follows(&self, other: &Self) -> bool {
        self.process == other.process && self.sent >= other.answered
    }

    /// What a source ends with, where it has an order.
    #[cfg(feature = "_store")]
    pub(crate) fn of_source(source: &str) -> Option<Self> {
        let (_, order) = source.rsplit_once(MARK)?;
        let mut parts = order.split('.');
        let order = Self {
            process: u64::from_str_radix(parts.next()?, 16).ok()?,
            sent: parts.next()?.parse().ok()?,
            answered: parts.next()?.parse().ok()?,
        };
        parts.next().is_none().then_some(order)
    }

    /// A source that ends with it.
    #[cfg(feature = "_store")]
    pub(crate) fn source(&self, id: &str) -> String {
        format!("{id}{MARK}{self}")
    }

    /// Whether `other` is of the same process, and neither sent nor answered earlier.
    #[cfg(feature = "_store")]
    pub(crate) fn is_covered_by(&self, other: &Self) -> bool {
        self.is_beside(other) && self.sent <= other.sent && self.answered <= other.answered
    }

    /// The place of both together: what follows it follows each, and where it follows, the later one does.
    #[cfg(feature = "_store")]
    pub(crate) fn last_of(&self, other: &Self) -> Self {
        Self {
            process: self.process,
            sent: self.sent.max(other.sent),
            answered: self.answered.max(other.answered),
        }
    }

    /// Whether both are of one process.
    #[cfg(feature = "_store")]
    pub(crate) fn is_beside(&self, other: &Self) -> bool {
        self.process == other.process
    }
}

impl fmt::Display for RequestOrder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:x}.{}.{}", self.process, self.sent, self.answered)
    }
}

impl RequestBegin {
    /// To be called when the answer is there.
    pub fn end(self) -> RequestOrder {
        RequestOrder {
            process: self.process,
            sent: self.sent,
            answered: tick(),
        }
    }
}

/// A place after all those before.
fn tick() -> u64 {
    TICKS.fetch_add(1, Ordering::SeqCst)
}

#[cfg(all(test, feature = "_store"))]
mod tests {
    use super::*;

    #[test]
    fn a_request_follows_those_that_were_answered_before_it_was_sent() {
        let one = RequestOrder::begin();
        let beside = RequestOrder::begin();
        let one = one.end();
        let next = RequestOrder::begin().end();
        let beside = beside.end();
        assert!(next.follows(&one) && !one.follows(&next));
        assert!(!beside.follows(&one) && !one.follows(&beside) && !one.follows(&one));
        let elsewhere = RequestOrder {
            process: one.process ^ 1,
            ..next
        };
        assert!(!elsewhere.follows(&one));
    }

    #[test]
    fn a_source_gives_back_its_order() {
        let order = RequestOrder::begin().end();
        assert_eq!(
            RequestOrder::of_source(&order.source("req_1@x")),
            Some(order)
        );
        for other in [
            "req_1",
            "evt_1",
            "",
            "@",
            "a@b",
            "a@1.2",
            "a@1.2.3.4",
            "a@1.2.x",
            "a@-1.2.3",
        ] {
            assert_eq!(RequestOrder::of_source(other), None, "{other}");
        }
    }
}
