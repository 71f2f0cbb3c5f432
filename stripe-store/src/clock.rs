//! Where the time comes from, the milliseconds that rows are stamped with, and the intervals of Stripe's clock.
//!
//! Only [`SystemClock`] reads the system's clock; everything else asks a [`Clock`] that it was given, so that tests
//! move time by hand. Nothing here knows of Stripe or of a database.

#[cfg(any(feature = "_store", feature = "client"))]
mod interval;
#[cfg(any(feature = "_store", feature = "client"))]
mod order;

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

#[cfg(any(feature = "_store", feature = "client"))]
pub use self::interval::{Interval, IntervalError};
#[cfg(any(feature = "_store", feature = "client"))]
pub use self::order::{RequestBegin, RequestOrder};
use crate::view::Timestamp;

/// The last millisecond of the year 9999, the latest moment that both databases write the same way.
const LATEST: i64 = 253_402_300_799_999;

/// A moment in unix milliseconds, from 1970 to the end of the year 9999.
///
/// Rows and intervals are stamped in milliseconds, while Stripe's own fields are seconds
/// ([`Timestamp`]). Prints as RFC 3339 in UTC.
///
/// ```
/// use stripe_store::clock::UnixMillis;
///
/// let moment = UnixMillis::new(1_700_000_000_123);
/// assert_eq!(moment.to_string(), "2023-11-14T22:13:20.123Z");
/// assert_eq!(moment.timestamp().unix_seconds(), 1_700_000_000);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct UnixMillis(i64);

impl UnixMillis {
    /// The start of 1970, the earliest moment.
    pub const MIN: Self = Self(0);
    /// The last millisecond of the year 9999.
    pub const MAX: Self = Self(LATEST);

    /// From milliseconds since 1970. What lies outside [`MIN`](Self::MIN) and [`MAX`](Self::MAX) becomes the nearer of
    /// the two.
    pub const fn new(millis: i64) -> Self {
        if millis < 0 {
            Self::MIN
        } else if millis > LATEST {
            Self::MAX
        } else {
            Self(millis)
        }
    }

    /// From seconds since 1970, as Stripe stamps its objects. Limited like [`new`](Self::new).
    pub const fn from_seconds(seconds: i64) -> Self {
        Self::new(seconds.saturating_mul(1000))
    }

    /// Milliseconds since 1970.
    pub const fn as_millis(self) -> i64 {
        self.0
    }

    /// The second that this moment lies in, in the unit of Stripe's own fields.
    pub const fn timestamp(self) -> Timestamp {
        Timestamp::from_unix_seconds(self.0.div_euclid(1000))
    }

    /// This moment, `millis` milliseconds later (earlier when negative). Limited like [`new`](Self::new).
    #[must_use]
    pub const fn plus_millis(self, millis: i64) -> Self {
        Self::new(self.0.saturating_add(millis))
    }

    /// Reads what [`Display`](fmt::Display) writes; `None` for anything else.
    #[cfg(feature = "_store")]
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let number = |range: std::ops::Range<usize>| text.get(range)?.parse::<i64>().ok();
        let (year, month, day) = (number(0..4)?, number(5..7)?, number(8..10)?);
        let (hour, minute, second) = (number(11..13)?, number(14..16)?, number(17..19)?);
        let days = days_from_civil(year, month, day);
        let millis = (((days * 24 + hour) * 60 + minute) * 60 + second) * 1000 + number(20..23)?;
        let moment = Self::new(millis);
        (moment.to_string() == text).then_some(moment)
    }

    /// Reads a moment in UTC as RFC 3339 has it, with any fraction of a second or none; `None` for anything else.
    #[cfg(feature = "_store")]
    pub(crate) fn parse_utc(text: &str) -> Option<Self> {
        let (second, rest) = text.split_at_checked(19)?;
        let digits = match rest.strip_suffix('Z')? {
            "" => "",
            fraction => fraction.strip_prefix('.')?,
        };
        if !digits.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        let millis: String = digits.chars().chain("000".chars()).take(3).collect();
        Self::parse(&format!("{second}.{millis}Z"))
    }
}

/// RFC 3339 in UTC with milliseconds: `2023-11-14T22:13:20.123Z`.
impl fmt::Display for UnixMillis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (seconds, millis) = (self.0.div_euclid(1000), self.0.rem_euclid(1000));
        let (days, of_day) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
        let (year, month, day) = civil_from_days(days);
        let (hour, minute, second) = (of_day / 3600, of_day / 60 % 60, of_day % 60);
        write!(
            f,
            "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{millis:03}Z"
        )
    }
}

/// RFC 3339 in UTC, as it prints.
#[cfg(any(feature = "_store", feature = "client"))]
impl serde::Serialize for UnixMillis {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl From<Timestamp> for UnixMillis {
    fn from(timestamp: Timestamp) -> Self {
        Self::from_seconds(timestamp.unix_seconds())
    }
}

impl From<SystemTime> for UnixMillis {
    fn from(time: SystemTime) -> Self {
        let since = time.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        Self::new(i64::try_from(since.as_millis()).unwrap_or(LATEST))
    }
}

impl From<UnixMillis> for SystemTime {
    fn from(moment: UnixMillis) -> Self {
        UNIX_EPOCH + Duration::from_millis(u64::try_from(moment.0).unwrap_or(0))
    }
}

/// The date of a day counted from 1970-01-01, in the Gregorian calendar.
///
/// Howard Hinnant's `civil_from_days`: years begin in March, so that the leap day is the last of its year.
pub(crate) fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 {
        shifted_month + 3
    } else {
        shifted_month - 9
    };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

/// The inverse of [`civil_from_days`].
#[cfg(feature = "_store")]
pub(crate) fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let shifted_month = if month > 2 { month - 3 } else { month + 9 };
    let of_year = (153 * shifted_month + 2) / 5 + day - 1;
    let of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + of_year;
    era * 146_097 + of_era - 719_468
}

/// Tells the time. Given to the store, so that tests decide what time it is.
pub trait Clock: fmt::Debug + Send + Sync + 'static {
    /// Now, by this clock.
    fn now(&self) -> UnixMillis;
}

/// The machine's own clock, the default.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that reads the machine's clock"
    )]
    fn now(&self) -> UnixMillis {
        SystemTime::now().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(millis: i64, text: &str) {
        let moment = UnixMillis::new(millis);
        assert_eq!(moment.to_string(), text);
        #[cfg(feature = "_store")]
        assert_eq!(UnixMillis::parse(text), Some(moment));
    }

    #[test]
    fn a_moment_prints_as_rfc_3339_and_reads_back() {
        check(0, "1970-01-01T00:00:00.000Z");
        check(1, "1970-01-01T00:00:00.001Z");
        check(951_782_399_999, "2000-02-28T23:59:59.999Z");
        check(951_782_400_000, "2000-02-29T00:00:00.000Z");
        check(951_868_800_000, "2000-03-01T00:00:00.000Z");
        check(1_700_000_000_123, "2023-11-14T22:13:20.123Z");
        check(4_107_542_399_000, "2100-02-28T23:59:59.000Z");
        check(4_107_542_400_000, "2100-03-01T00:00:00.000Z");
        check(LATEST, "9999-12-31T23:59:59.999Z");
    }

    #[test]
    fn moments_out_of_range_become_the_nearest_in_range() {
        assert_eq!(UnixMillis::new(i64::MIN), UnixMillis::MIN);
        assert_eq!(UnixMillis::new(i64::MAX), UnixMillis::MAX);
        assert_eq!(UnixMillis::from_seconds(i64::MAX), UnixMillis::MAX);
        assert_eq!(UnixMillis::MAX.plus_millis(1), UnixMillis::MAX);
        assert_eq!(UnixMillis::MIN.plus_millis(-1), UnixMillis::MIN);
    }

    #[cfg(feature = "_store")]
    #[test]
    fn a_moment_of_rfc_3339_has_any_fraction() {
        let at = |text| UnixMillis::parse_utc(text).map(UnixMillis::as_millis);
        assert_eq!(at("2023-11-14T22:13:20Z"), Some(1_700_000_000_000));
        assert_eq!(at("2023-11-14T22:13:20.5Z"), Some(1_700_000_000_500));
        assert_eq!(at("2023-11-14T22:13:20.123456Z"), Some(1_700_000_000_123));
        for other in [
            "2023-11-14T22:13:20",
            "2023-11-14T22:13:20.x1Z",
            "2023-11-14T22:13:20+01:00",
            "é",
        ] {
            assert_eq!(at(other), None, "{other}");
        }
    }

    #[cfg(feature = "_store")]
    #[test]
    fn other_texts_are_no_moment() {
        for text in [
            "",
            "2023",
            "2023-11-14 22:13:20",
            "2023-11-14T22:13:20Z",
            "2023-02-31T00:00:00.000Z",
            "2023-11-14T22:13:20.123+",
            "é023-11-14T22:13:20.123Z",
        ] {
            assert_eq!(UnixMillis::parse(text), None, "{text}");
        }
    }

    #[test]
    fn the_system_clock_is_past_2025() {
        assert!(SystemClock.now() > UnixMillis::from_seconds(1_735_689_600));
        let now = SystemClock.now();
        assert_eq!(UnixMillis::from(SystemTime::from(now)), now);
    }
}
