//! Times and ages as people give them.

use std::time::Duration;

use crate::clock::UnixMillis;

/// Reads unix seconds, a date, or a date with time and zone (RFC 3339); a date alone is its midnight in UTC.
///
/// # Errors
///
/// A message for the user, when it is none of these.
pub(super) fn parse(text: &str) -> Result<UnixMillis, String> {
    let text = text.trim();
    let moment = if text.bytes().all(|byte| byte.is_ascii_digit()) {
        text.parse().ok().map(UnixMillis::from_seconds)
    } else {
        rfc3339(text)
    };
    moment.ok_or_else(|| {
        "expected unix seconds (1793923200), a date (2026-11-06) or a time with its zone (2026-11-06T09:30:00Z)"
            .to_owned()
    })
}

/// Reads an age: a number of days, hours, minutes or seconds.
///
/// # Errors
///
/// A message for the user, when it is none of these.
pub(super) fn age(text: &str) -> Result<Duration, String> {
    let unit = |letter: char| match letter {
        'd' => Some(24 * 60 * 60),
        'h' => Some(60 * 60),
        'm' => Some(60),
        's' => Some(1),
        _ => None,
    };
    let mut letters = text.chars();
    let seconds = letters.next_back().and_then(|letter| {
        let count: u64 = letters.as_str().parse().ok()?;
        count.checked_mul(unit(letter)?)
    });
    seconds.map(Duration::from_secs).ok_or_else(|| {
        "expected a number of days, hours, minutes or seconds: 45d, 12h, 30m, 90s".to_owned()
    })
}

fn rfc3339(text: &str) -> Option<UnixMillis> {
    let (date, time) = match text.split_once(['T', 't', ' ']) {
        Some((date, time)) => (date, time),
        None => (text, "00:00:00Z"),
    };
    let (time, offset_minutes) = zone(time)?;
    let (time, fraction) = time.split_once('.').unwrap_or((time, "0"));
    if fraction.is_empty() || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let millis: String = fraction.chars().chain("000".chars()).take(3).collect();
    let moment = UnixMillis::parse(&format!("{date}T{time}.{millis}Z"))?;
    Some(moment.plus_millis(-offset_minutes * 60_000))
}

/// The time, and how many minutes its zone is ahead of UTC.
fn zone(time: &str) -> Option<(&str, i64)> {
    if let Some(time) = time.strip_suffix(['Z', 'z']) {
        return Some((time, 0));
    }
    let (time, zone) = time.split_at_checked(time.rfind(['+', '-'])?)?;
    let (sign, zone) = zone.split_at_checked(1)?;
    let (hours, minutes) = zone.split_once(':')?;
    let two_digits = |text: &str, below: i64| {
        let number = text.parse::<i64>().ok()?;
        (text.len() == 2 && number < below).then_some(number)
    };
    let ahead = two_digits(hours, 24)? * 60 + two_digits(minutes, 60)?;
    Some((time, if sign == "-" { -ahead } else { ahead }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        assert_eq!(
            parse(text).map(|moment| moment.to_string()).as_deref(),
            Ok(expected),
            "{text}"
        );
    }

    #[test]
    fn seconds_dates_and_times_are_read() {
        check("1700000000", "2023-11-14T22:13:20.000Z");
        check("2026-11-06", "2026-11-06T00:00:00.000Z");
        check("2026-11-06T09:30:00Z", "2026-11-06T09:30:00.000Z");
        check("2026-11-06 09:30:00.25z", "2026-11-06T09:30:00.250Z");
        check(
            "2026-11-06T09:30:00.123456+02:00",
            "2026-11-06T07:30:00.123Z",
        );
        check("2026-11-06T23:30:00-05:30", "2026-11-07T05:00:00.000Z");
    }

    #[test]
    fn other_texts_are_refused() {
        for text in [
            "",
            "yesterday",
            "2026-11-31",
            "2026-11-06T09:30:00",
            "2026-11-06T9:30:00Z",
            "2026-11-06T09:30:00.Z",
            "2026-11-06T09:30:00+2:00",
            "2026-11-06T09:30:00+02:60",
            "-5",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn an_age_has_a_unit() {
        for (text, seconds) in [
            ("45d", 3_888_000),
            ("12h", 43_200),
            ("30m", 1800),
            ("0s", 0),
        ] {
            assert_eq!(age(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        for text in [
            "",
            "45",
            "d",
            "-1d",
            "1.5d",
            "1 d",
            "1w",
            "99999999999999999999d",
        ] {
            assert!(age(text).is_err(), "{text}");
        }
    }
}
