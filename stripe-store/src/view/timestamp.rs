//! Moments as Stripe writes them: unix seconds in v1 of the API, RFC 3339 text in v2.

use std::fmt;

/// A moment, in whole seconds since 1970-01-01T00:00:00Z.
///
/// Prints as RFC 3339 in UTC where the year has four digits, as the number of seconds elsewhere. Features
/// `time`, `chrono` and `jiff` convert it to and from the types of those crates.
///
/// ```
/// use stripe_store::view::Timestamp;
///
/// let created = Timestamp::from_unix_seconds(1_700_000_000);
/// assert_eq!(created.to_string(), "2023-11-14T22:13:20Z");
/// assert!(created < Timestamp::from_unix_seconds(1_800_000_000));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// A moment from unix seconds; negative before 1970.
    #[inline]
    #[must_use]
    pub const fn from_unix_seconds(seconds: i64) -> Self {
        Self(seconds)
    }

    /// Unix seconds; negative before 1970.
    #[inline]
    #[must_use]
    pub const fn unix_seconds(self) -> i64 {
        self.0
    }
}

impl From<Timestamp> for i64 {
    fn from(timestamp: Timestamp) -> Self {
        timestamp.0
    }
}

/// Unix seconds, as Stripe writes it.
#[cfg(feature = "_store")]
impl serde::Serialize for Timestamp {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_i64(self.0)
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const DAY: i64 = 86_400;
        let (days, second) = (self.0.div_euclid(DAY), self.0.rem_euclid(DAY));
        // 0001-01-01 and 9999-12-31: RFC 3339 has no years outside.
        if !(-719_162..=2_932_896).contains(&days) {
            return write!(f, "{}", self.0);
        }
        let (year, month, day) = civil(days);
        let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
        write!(
            f,
            "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z"
        )
    }
}

/// Year, month and day of a day counted from 1970-01-01, in the proleptic Gregorian calendar.
///
/// Our own because the views depend on nothing but `serde_json`; a test holds it against `time`.
/// The year is counted from March, so that the leap day is its last.
fn civil(days: i64) -> (i64, i64, i64) {
    const DAYS_TO_1970: i64 = 719_468; // from 0000-03-01
    const CYCLE: i64 = 146_097; // days in 400 years
    let days = days + DAYS_TO_1970;
    let (cycle, day) = (days.div_euclid(CYCLE), days.rem_euclid(CYCLE));
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let (month, carry) = if month < 10 {
        (month + 3, 0)
    } else {
        (month - 9, 1)
    };
    (cycle * 400 + year + carry, month, day)
}

/// A moment as v2 of the API writes it: RFC 3339 text, such as `2024-01-02T03:04:05.678Z`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct DateTime<'a>(&'a str);

impl<'a> DateTime<'a> {
    #[inline]
    pub(super) fn new(text: &'a str) -> Self {
        Self(text)
    }

    /// The text as Stripe sent it.
    #[inline]
    #[must_use]
    pub fn as_str(&self) -> &'a str {
        self.0
    }
}

impl fmt::Display for DateTime<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.0)
    }
}

#[cfg(feature = "time")]
mod time_crate {
    use time::format_description::well_known::Rfc3339;
    use time::{OffsetDateTime, error};

    use super::{DateTime, Timestamp};

    /// Fails outside the years -9999 to 9999.
    impl TryFrom<Timestamp> for OffsetDateTime {
        type Error = error::ComponentRange;

        fn try_from(timestamp: Timestamp) -> Result<Self, Self::Error> {
            Self::from_unix_timestamp(timestamp.0)
        }
    }

    /// Drops the fraction of a second, towards the past.
    impl From<OffsetDateTime> for Timestamp {
        fn from(moment: OffsetDateTime) -> Self {
            Self(moment.unix_timestamp())
        }
    }

    /// Fails when the text is not RFC 3339.
    impl TryFrom<DateTime<'_>> for OffsetDateTime {
        type Error = error::Parse;

        fn try_from(moment: DateTime<'_>) -> Result<Self, Self::Error> {
            Self::parse(moment.0, &Rfc3339)
        }
    }
}

#[cfg(feature = "chrono")]
mod chrono_crate {
    use chrono::{ParseError, Utc};

    use super::{DateTime, Timestamp};

    /// A moment that the calendar of `chrono` does not reach.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct OutOfRange(());

    impl std::fmt::Display for OutOfRange {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("the moment lies outside the calendar of chrono")
        }
    }

    impl std::error::Error for OutOfRange {}

    /// Fails some 262,000 years from now and before.
    impl TryFrom<Timestamp> for chrono::DateTime<Utc> {
        type Error = OutOfRange;

        fn try_from(timestamp: Timestamp) -> Result<Self, Self::Error> {
            Self::from_timestamp(timestamp.0, 0).ok_or(OutOfRange(()))
        }
    }

    /// Drops the fraction of a second, towards the past.
    impl From<chrono::DateTime<Utc>> for Timestamp {
        fn from(moment: chrono::DateTime<Utc>) -> Self {
            Self(moment.timestamp())
        }
    }

    /// Fails when the text is not RFC 3339.
    impl TryFrom<DateTime<'_>> for chrono::DateTime<Utc> {
        type Error = ParseError;

        fn try_from(moment: DateTime<'_>) -> Result<Self, Self::Error> {
            Ok(chrono::DateTime::parse_from_rfc3339(moment.0)?.to_utc())
        }
    }
}

#[cfg(feature = "jiff")]
mod jiff_crate {
    use super::{DateTime, Timestamp};

    /// Fails outside the years -9999 to 9999.
    impl TryFrom<Timestamp> for jiff::Timestamp {
        type Error = jiff::Error;

        fn try_from(timestamp: Timestamp) -> Result<Self, Self::Error> {
            Self::from_second(timestamp.0)
        }
    }

    /// Drops the fraction of a second, towards the past.
    impl From<jiff::Timestamp> for Timestamp {
        fn from(moment: jiff::Timestamp) -> Self {
            Self(moment.as_second() - i64::from(moment.subsec_nanosecond() < 0))
        }
    }

    /// Fails when the text is not RFC 3339.
    impl TryFrom<DateTime<'_>> for jiff::Timestamp {
        type Error = jiff::Error;

        fn try_from(moment: DateTime<'_>) -> Result<Self, Self::Error> {
            moment.0.parse()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_the_ends_of_the_calendar_and_what_lies_outside() {
        for (seconds, expected) in [
            (0, "1970-01-01T00:00:00Z"),
            (-1, "1969-12-31T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (-62_135_596_800, "0001-01-01T00:00:00Z"),
            (253_402_300_799, "9999-12-31T23:59:59Z"),
            (253_402_300_800, "253402300800"),
            (i64::MAX, "9223372036854775807"),
            (i64::MIN, "-9223372036854775808"),
        ] {
            assert_eq!(Timestamp(seconds).to_string(), expected);
        }
    }

    #[cfg(feature = "time")]
    #[test]
    fn agrees_with_time_on_the_calendar() {
        use time::OffsetDateTime;
        use time::format_description::well_known::Rfc3339;
        // Every day of eight centuries, at a second that moves through the day.
        for day in -150_000_i64..150_000 {
            let seconds = day * 86_400 + day.rem_euclid(86_400);
            let expected = OffsetDateTime::try_from(Timestamp(seconds)).unwrap();
            assert_eq!(
                Timestamp(seconds).to_string(),
                expected.format(&Rfc3339).unwrap()
            );
        }
    }

    #[cfg(all(feature = "time", feature = "chrono", feature = "jiff"))]
    #[test]
    fn the_three_crates_agree() {
        for seconds in [0, -1, 1_700_000_000, 253_402_300_799] {
            let timestamp = Timestamp(seconds);
            let time = time::OffsetDateTime::try_from(timestamp).unwrap();
            let chrono = chrono::DateTime::<chrono::Utc>::try_from(timestamp).unwrap();
            assert_eq!(
                (time.unix_timestamp(), chrono.timestamp()),
                (seconds, seconds)
            );
            assert_eq!(
                (Timestamp::from(time), Timestamp::from(chrono)),
                (timestamp, timestamp)
            );
            if let Ok(jiff) = jiff::Timestamp::try_from(timestamp) {
                assert_eq!(Timestamp::from(jiff), timestamp);
            }
        }
        let text = DateTime::new("2024-01-02T03:04:05.678Z");
        assert_eq!(
            Timestamp::from(time::OffsetDateTime::try_from(text).unwrap()).unix_seconds(),
            1_704_164_645
        );
        assert_eq!(
            Timestamp::from(chrono::DateTime::<chrono::Utc>::try_from(text).unwrap())
                .unix_seconds(),
            1_704_164_645
        );
        assert_eq!(
            Timestamp::from(jiff::Timestamp::try_from(text).unwrap()).unix_seconds(),
            1_704_164_645
        );
        assert!(time::OffsetDateTime::try_from(DateTime::new("yesterday")).is_err());
    }
}
