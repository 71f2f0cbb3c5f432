//! Moments and days: numbers on PostgreSQL, on SQLite texts whose order is that of time.

use sqlx::error::BoxDynError;

use super::OutOfRange;
use crate::clock::civil_from_days;
#[cfg(feature = "sqlite")]
use crate::clock::days_from_civil;

/// A moment in unix microseconds, in the years from 1 to 9999.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Micros(pub(super) i64);

/// A day, counted from 1970-01-01, in the years from 1 to 9999.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Days(pub(super) i64);

/// 0001-01-01 and 9999-12-31.
const FIRST_DAY: i64 = -719_162;
const LAST_DAY: i64 = 2_932_896;
const DAY_MICROS: i64 = 86_400_000_000;

impl Days {
    pub(super) fn new(days: i64) -> Result<Self, BoxDynError> {
        if (FIRST_DAY..=LAST_DAY).contains(&days) {
            Ok(Self(days))
        } else {
            Err(OutOfRange.into())
        }
    }

    #[cfg(any(feature = "time", feature = "chrono", feature = "jiff"))]
    pub(super) const fn get(self) -> i64 {
        self.0
    }

    pub(super) fn text(self) -> String {
        let (year, month, day) = civil_from_days(self.0);
        format!("{year:04}-{month:02}-{day:02}")
    }

    #[cfg(feature = "sqlite")]
    pub(super) fn parse(text: &str) -> Option<Self> {
        let number = |range: std::ops::Range<usize>| {
            let digits = text.get(range)?;
            let is_number = digits.bytes().all(|byte| byte.is_ascii_digit());
            digits.parse::<i64>().ok().filter(|_| is_number)
        };
        let days = Self(days_from_civil(
            number(0..4)?,
            number(5..7)?,
            number(8..10)?,
        ));
        (days.text() == text).then_some(days)
    }
}

impl Micros {
    pub(super) fn new(micros: i64) -> Result<Self, BoxDynError> {
        Days::new(micros.div_euclid(DAY_MICROS)).map(|_| Self(micros))
    }

    #[cfg(any(feature = "time", feature = "jiff"))]
    pub(super) fn of_wide(micros: i128) -> Result<Self, BoxDynError> {
        Self::new(i64::try_from(micros).map_err(|_| OutOfRange)?)
    }

    pub(super) const fn get(self) -> i64 {
        self.0
    }

    /// Texts of one length, so that their order is that of time.
    pub(super) fn text(self) -> String {
        let (days, of_day) = (self.0.div_euclid(DAY_MICROS), self.0.rem_euclid(DAY_MICROS));
        let (seconds, micros) = (of_day / 1_000_000, of_day % 1_000_000);
        let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
        format!(
            "{}T{hour:02}:{minute:02}:{second:02}.{micros:06}Z",
            Days(days).text()
        )
    }

    /// Reads [`text`](Self::text), and what SQLite's own functions and other programs write of moments in UTC:
    /// `2023-11-14 22:13:20`, with or without a fraction and a `Z`.
    #[cfg(feature = "sqlite")]
    pub(super) fn parse(text: &str) -> Option<Self> {
        let days = Days::parse(text.get(..10)?)?;
        let number = |range: std::ops::Range<usize>, below: i64| {
            let digits = text.get(range)?;
            let is_number = digits.bytes().all(|byte| byte.is_ascii_digit());
            let number = digits.parse::<i64>().ok()?;
            (is_number && number < below).then_some(number)
        };
        let separators = [(10, b"T "), (13, b"::"), (16, b"::")];
        let bytes = text.as_bytes();
        let separated = separators
            .iter()
            .all(|(at, allowed)| bytes.get(*at).is_some_and(|byte| allowed.contains(byte)));
        let (hour, minute, second) = (
            number(11..13, 24)?,
            number(14..16, 60)?,
            number(17..19, 60)?,
        );
        let rest = text.get(19..)?;
        let rest = rest
            .strip_suffix('Z')
            .or_else(|| rest.strip_suffix("+00:00"))
            .unwrap_or(rest);
        let fraction = match rest.strip_prefix('.') {
            Some(digits) if (1..=9).contains(&digits.len()) => {
                let is_number = digits.bytes().all(|byte| byte.is_ascii_digit());
                let micros: String = digits.chars().chain("000000".chars()).take(6).collect();
                micros.parse::<i64>().ok().filter(|_| is_number)?
            }
            None if rest.is_empty() => 0,
            _ => return None,
        };
        let seconds = (days.0 * 24 + hour) * 3600 + minute * 60 + second;
        separated.then_some(Self(seconds * 1_000_000 + fraction))
    }
}

#[cfg(all(test, feature = "sqlite"))]
mod tests {
    use super::*;

    #[test]
    fn moments_are_texts_whose_order_is_that_of_time() {
        let texts = [
            -62_135_596_800_000_000,
            -1,
            0,
            999_999,
            1_000_000,
            1_700_000_000_123_456,
        ]
        .map(|micros| Micros(micros).text());
        assert!(texts.is_sorted());
        assert_eq!(texts[5], "2023-11-14T22:13:20.123456Z");
        assert_eq!(texts[1], "1969-12-31T23:59:59.999999Z");
        for text in &texts {
            assert_eq!(Micros::parse(text).map(Micros::text).as_ref(), Some(text));
        }
    }

    #[test]
    fn moments_that_others_wrote_are_read() {
        let second = 1_700_000_000_000_000;
        for (text, micros) in [
            ("2023-11-14 22:13:20", second),
            ("2023-11-14T22:13:20Z", second),
            ("2023-11-14T22:13:20+00:00", second),
            ("2023-11-14T22:13:20.5Z", second + 500_000),
            ("2023-11-14T22:13:20.123456789Z", second + 123_456),
        ] {
            assert_eq!(Micros::parse(text), Some(Micros(micros)), "{text}");
        }
        for text in [
            "",
            "2023-11-14",
            "2023-02-30T00:00:00Z",
            "2023-11-14T24:00:00Z",
            "2023-11-14T22:13:20+02:00",
            "2023-11-14T22:13:20.Z",
            "2023-11-14x22:13:20",
            "2023-11-14T22:13:2",
            "2023-11-14T22:13:+1",
        ] {
            assert_eq!(Micros::parse(text), None, "{text}");
        }
        assert!(Micros::new(i64::MAX).is_err() && Days::new(LAST_DAY + 1).is_err());
        assert_eq!(Days(LAST_DAY).text(), "9999-12-31");
        assert_eq!(Days(FIRST_DAY).text(), "0001-01-01");
    }
}
