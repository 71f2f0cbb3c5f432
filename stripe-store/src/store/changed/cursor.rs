//! How far the table's changes were read, as text that can be kept anywhere.

use std::fmt;
use std::str::FromStr;

use crate::clock::UnixMillis;
use crate::store::cursor::{CHECKSUM, CursorError, checksum, decode, encode};

/// The first byte of every cursor; those of lists and queries have others, and another layout takes another.
const VERSION: u8 = 3;

/// Up to where changes were read: for [`Store::changed_since`](crate::Store::changed_since).
///
/// Prints as text of letters, digits, `-` and `_`, which goes into a URL or a file as it is, and parses back. It may be
/// used with any account, mode and type. It holds the key of a row between two pages, and else only a time.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ChangeCursor {
    /// When the reading began that this is the end of, or in the midst of: whatever was committed before was seen.
    since: UnixMillis,
    /// In the midst of reading, the last row that was read.
    place: Option<Place>,
}

/// A row's place in the order of changes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub(crate) struct Place {
    /// `updated_at` in unix microseconds.
    pub(crate) micros: i64,
    pub(crate) account: String,
    pub(crate) livemode: bool,
    pub(crate) object: String,
    pub(crate) stripe_id: String,
}

impl ChangeCursor {
    /// What changed at this moment or later, by the clock of the store that wrote it. [`UnixMillis::MIN`] for
    /// everything.
    pub fn since(moment: impl Into<UnixMillis>) -> Self {
        Self {
            since: moment.into(),
            place: None,
        }
    }

    pub(super) fn within(since: UnixMillis, place: Place) -> Self {
        Self {
            since,
            place: Some(place),
        }
    }

    /// In the midst of reading: when that began, and the last row.
    pub(super) fn place(&self) -> Option<(UnixMillis, &Place)> {
        self.place.as_ref().map(|place| (self.since, place))
    }

    pub(super) fn moment(&self) -> UnixMillis {
        self.since
    }
}

impl fmt::Display for ChangeCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = vec![VERSION];
        bytes.extend(self.since.as_millis().to_be_bytes());
        if let Some(place) = &self.place {
            bytes.extend(place.micros.to_be_bytes());
            bytes.push(u8::from(place.livemode));
            // No key has a NUL in it.
            bytes.extend(
                [&*place.account, &*place.object, &*place.stripe_id]
                    .join("\0")
                    .bytes(),
            );
        }
        bytes.extend(checksum(&bytes));
        f.write_str(&encode(&bytes))
    }
}

impl FromStr for ChangeCursor {
    type Err = CursorError;

    fn from_str(text: &str) -> Result<Self, CursorError> {
        decode(text)
            .and_then(|bytes| read(&bytes))
            .ok_or(CursorError::Malformed)
    }
}

fn read(bytes: &[u8]) -> Option<ChangeCursor> {
    let (body, sum) = bytes.split_last_chunk::<CHECKSUM>()?;
    let ([version], rest) = body.split_first_chunk::<1>()?;
    if *sum != checksum(body) || *version != VERSION {
        return None;
    }
    let (since, rest) = rest.split_first_chunk::<8>()?;
    let since = UnixMillis::new(i64::from_be_bytes(*since));
    if rest.is_empty() {
        return Some(ChangeCursor::since(since));
    }
    let (micros, rest) = rest.split_first_chunk::<8>()?;
    let ([livemode], key) = rest.split_first_chunk::<1>()?;
    let mut key = std::str::from_utf8(key).ok()?.splitn(3, '\0');
    let place = Place {
        micros: i64::from_be_bytes(*micros),
        livemode: *livemode == 1,
        account: key.next()?.to_owned(),
        object: key.next()?.to_owned(),
        stripe_id: key.next().filter(|id| !id.contains('\0'))?.to_owned(),
    };
    Some(ChangeCursor::within(since, place))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn within(account: &str, id: &str) -> ChangeCursor {
        let place = Place {
            micros: 1_700_000_000_123_456,
            account: account.to_owned(),
            livemode: true,
            object: "customer".to_owned(),
            stripe_id: id.to_owned(),
        };
        ChangeCursor::within(UnixMillis::new(5), place)
    }

    #[test]
    fn a_cursor_goes_through_a_url_and_back() {
        let cursors = [
            ChangeCursor::since(UnixMillis::MIN),
            ChangeCursor::since(UnixMillis::MAX),
            within("", "cus_1"),
            within("acct_1", "10% Grüße/?&=#🎉"),
        ];
        for cursor in cursors {
            let text = cursor.to_string();
            let is_plain = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
            assert!(text.bytes().all(is_plain), "{text}");
            assert_eq!(text.parse(), Ok(cursor));
        }
    }

    #[test]
    fn what_was_changed_on_the_way_is_refused() {
        let text = within("acct_1", "cus_1").to_string();
        for at in 0..text.len() {
            let mut changed = text.clone();
            changed.replace_range(
                at..=at,
                if text.get(at..=at) == Some("A") {
                    "B"
                } else {
                    "A"
                },
            );
            assert_eq!(changed.parse::<ChangeCursor>(), Err(CursorError::Malformed));
            assert_eq!(
                text[..at].parse::<ChangeCursor>(),
                Err(CursorError::Malformed)
            );
        }
        let list = crate::store::Cursor::from_str(&text);
        assert_eq!(list, Err(CursorError::Malformed));
    }

    proptest! {
        #[test]
        fn no_text_breaks_the_parser(text: String) {
            let _ = text.parse::<ChangeCursor>();
        }
    }
}
