//! When a snapshot was taken, and what brought it: what decides which of two is newer.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use super::label;
use crate::clock::UnixMillis;

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

/// What brought a snapshot: an event's id, an API request's id, or `import`.
///
/// Compared by byte where two snapshots have the same interval. Kept to 255 bytes, without NUL.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Source(Arc<str>);

impl Source {
    /// An event, by its id (`evt_…`).
    pub fn event(id: &str) -> Self {
        Self::from(id)
    }

    /// A response of the API, by its request's id (`req_…`).
    pub fn request(id: &str) -> Self {
        Self::from(id)
    }

    /// A file or another store.
    pub fn import() -> Self {
        Self::from("import")
    }

    /// The source as the row holds it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Source {
    fn from(source: &str) -> Self {
        Self(label(Cow::Borrowed(source)).into())
    }
}

impl From<String> for Source {
    fn from(source: String) -> Self {
        Self::from(source.as_str())
    }
}

impl From<&Source> for Source {
    fn from(source: &Source) -> Self {
        source.clone()
    }
}

impl AsRef<str> for Source {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}
