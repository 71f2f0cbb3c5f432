//! The part of Stripe's clock in which something was seen.

use std::fmt;

use super::UnixMillis;

/// The part of Stripe's clock in which a snapshot was taken: from [`start`](Self::start) up to, but not at,
/// [`end`](Self::end), in unix milliseconds.
///
/// An event's is its second. An API response's runs from its `Date` header less the time that the request took, to the
/// end of that second. Stripe's clock, never the local one, so that a machine whose clock is wrong cannot win.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Interval {
    start: UnixMillis,
    end: UnixMillis,
}

impl Interval {
    /// From `start` up to, but not at, `end`.
    ///
    /// # Errors
    ///
    /// [`IntervalError`] when it ends before it begins.
    pub fn new(start: UnixMillis, end: UnixMillis) -> Result<Self, IntervalError> {
        if end < start {
            return Err(IntervalError { start, end });
        }
        Ok(Self { start, end })
    }

    /// A whole second, given in unix seconds: `created` of an event.
    pub const fn second(seconds: i64) -> Self {
        let start = UnixMillis::from_seconds(seconds);
        Self {
            start,
            end: start.plus_millis(1000),
        }
    }

    /// When it begins: the snapshot was not taken before.
    pub const fn start(self) -> UnixMillis {
        self.start
    }

    /// When it ends: the snapshot was taken before.
    pub const fn end(self) -> UnixMillis {
        self.end
    }
}

/// An event's second.
impl From<crate::view::Timestamp> for Interval {
    fn from(created: crate::view::Timestamp) -> Self {
        Self::second(created.unix_seconds())
    }
}

/// `2023-11-14T22:13:20.000Z/2023-11-14T22:13:21.000Z`, as ISO 8601 writes intervals.
impl fmt::Display for Interval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.start, self.end)
    }
}

/// An interval ends before it begins.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("an interval cannot end at {end}, before it begins at {start}")]
pub struct IntervalError {
    start: UnixMillis,
    end: UnixMillis,
}
