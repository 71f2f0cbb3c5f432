//! Moments to filter a list by.

use std::ops::{Range, RangeFrom, RangeInclusive, RangeTo, RangeToInclusive};

use serde_json::{Value, json};

use crate::view::Timestamp;

/// Which moments a list is limited to: one, or those in a range.
///
/// ```
/// use serde_json::{Value, json};
/// use stripe_store::client::TimeRange;
/// use stripe_store::view::Timestamp;
///
/// let second = Timestamp::from_unix_seconds;
/// let sent = |range: TimeRange| Value::from(range);
/// assert_eq!(sent((second(10)..second(20)).into()), json!({"gte": 10, "lt": 20}));
/// assert_eq!(sent((second(10)..).into()), json!({"gte": 10}));
/// assert_eq!(sent((..=second(20)).into()), json!({"lte": 20}));
/// assert_eq!(sent(TimeRange::after(second(10))), json!({"gt": 10}));
/// assert_eq!(sent(second(10).into()), json!({"gte": 10, "lte": 10}));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimeRange(Value);

impl TimeRange {
    /// Later than a moment, and not at it.
    #[must_use]
    pub fn after(moment: Timestamp) -> Self {
        Self(json!({"gt": moment.unix_seconds()}))
    }
}

/// That moment alone. As a range, since not every list takes a moment by itself.
impl From<Timestamp> for TimeRange {
    fn from(moment: Timestamp) -> Self {
        (moment..=moment).into()
    }
}

impl From<Range<Timestamp>> for TimeRange {
    fn from(range: Range<Timestamp>) -> Self {
        Self(json!({"gte": range.start.unix_seconds(), "lt": range.end.unix_seconds()}))
    }
}

impl From<RangeInclusive<Timestamp>> for TimeRange {
    fn from(range: RangeInclusive<Timestamp>) -> Self {
        Self(json!({"gte": range.start().unix_seconds(), "lte": range.end().unix_seconds()}))
    }
}

impl From<RangeFrom<Timestamp>> for TimeRange {
    fn from(range: RangeFrom<Timestamp>) -> Self {
        Self(json!({"gte": range.start.unix_seconds()}))
    }
}

impl From<RangeTo<Timestamp>> for TimeRange {
    fn from(range: RangeTo<Timestamp>) -> Self {
        Self(json!({"lt": range.end.unix_seconds()}))
    }
}

impl From<RangeToInclusive<Timestamp>> for TimeRange {
    fn from(range: RangeToInclusive<Timestamp>) -> Self {
        Self(json!({"lte": range.end.unix_seconds()}))
    }
}

/// As Stripe takes it.
impl From<TimeRange> for Value {
    fn from(range: TimeRange) -> Self {
        range.0
    }
}
