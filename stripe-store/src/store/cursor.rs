//! Where a page ended, as text that can go to a browser and back.

use std::fmt;
use std::str::FromStr;

use serde_json::Value;

use super::scope::Scope;
use super::sql::Place;
use crate::query::Operand;

/// The first byte of every cursor; another layout takes another.
const VERSION: u8 = 1;
/// The first byte of a query's cursor.
const QUERY_VERSION: u8 = 2;
/// Bytes around the id: version, fingerprint, created, length of the type's name; checksum.
const HEAD: usize = 1 + 8 + 8 + 1;
pub(super) const CHECKSUM: usize = 4;

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// Where a page ended, and the next one begins.
///
/// Prints as text of letters, digits, `-` and `_`, which goes into a URL as it is, and parses back. It holds the last
/// object's id and what the list is sorted by, such as its time, and belongs to one list: the same type, account and
/// mode, and of a query the same filters and order. A cursor is no secret and no permission: the rows that it leads to
/// are those of the store handle and the query it is used with. Who has it can read what it holds, so do not sort by
/// what they may not see.
///
/// Pages stay right while rows come and go: a row that was there from the first page to the last is on exactly one.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Cursor {
    list: u64,
    end: End,
}

/// Where a page ended.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum End {
    List(Position),
    /// What a query takes apart when it is used: see [`Place`].
    Query(Box<str>),
}

/// A row's place in a list: newest first, then by id, then by type.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Position {
    /// In unix seconds; 0 for objects without.
    pub(crate) created: i64,
    pub(crate) id: String,
    pub(crate) object: String,
}

impl Cursor {
    pub(crate) fn new(scope: &Scope, object: &str, position: Position) -> Self {
        Self {
            list: fingerprint(scope, object, ""),
            end: End::List(position),
        }
    }

    /// A cursor of the query that `query` tells apart from others.
    pub(crate) fn of_query(scope: &Scope, object: &str, query: &str, place: &Place) -> Self {
        Self {
            list: fingerprint(scope, object, query),
            end: End::Query(encode_place(place).into()),
        }
    }

    /// The place, if the cursor belongs to this list.
    pub(crate) fn position(&self, scope: &Scope, object: &str) -> Result<&Position, CursorError> {
        match &self.end {
            End::List(position) if self.list == fingerprint(scope, object, "") => Ok(position),
            _ => Err(CursorError::OtherList),
        }
    }

    /// The place, if the cursor belongs to this query. The types of its values are still to be looked at.
    pub(crate) fn place(
        &self,
        scope: &Scope,
        object: &str,
        query: &str,
    ) -> Result<Place, CursorError> {
        match &self.end {
            End::Query(text) if self.list == fingerprint(scope, object, query) => {
                decode_place(text).ok_or(CursorError::Malformed)
            }
            _ => Err(CursorError::OtherList),
        }
    }
}

/// A place as JSON: type, id, and the sort keys' values, of which a float is its bits in an array.
fn encode_place(place: &Place) -> String {
    let value = |value: &Option<Operand>| match value {
        None => Value::Null,
        Some(Operand::Text(text)) => Value::from(text.as_str()),
        Some(Operand::Int(number)) => Value::from(*number),
        Some(Operand::Float(number)) => Value::from([number.to_bits()].as_slice()),
        Some(Operand::Bool(value)) => Value::from(*value),
    };
    let head = [place.object.as_str(), place.id.as_str()].map(Value::from);
    let all: Vec<_> = head
        .into_iter()
        .chain(place.values.iter().map(value))
        .collect();
    Value::from(all).to_string()
}

fn decode_place(text: &str) -> Option<Place> {
    let text_of = |value: Value| match value {
        Value::String(text) if !text.is_empty() && !text.contains('\0') => Some(text),
        _ => None,
    };
    let value = |value: Value| {
        Some(match value {
            Value::Null => None,
            Value::String(text) => Some(Operand::Text(text)),
            Value::Number(number) => Some(Operand::Int(number.as_i64()?)),
            Value::Bool(value) => Some(Operand::Bool(value)),
            Value::Array(bits) => {
                let bits = bits.first()?.as_u64()?;
                Some(Operand::Float(f64::from_bits(bits)))
            }
            Value::Object(_) => return None,
        })
    };
    let mut values = serde_json::from_str::<Vec<Value>>(text).ok()?.into_iter();
    Some(Place {
        object: text_of(values.next()?)?,
        id: text_of(values.next()?)?,
        values: values.map(value).collect::<Option<_>>()?,
    })
}

/// Tells lists apart by type, account and mode, and queries by filters and order, without showing any of it.
fn fingerprint(scope: &Scope, object: &str, query: &str) -> u64 {
    let mode: &[u8] = if scope.mode().is_live() {
        b"\0live\0"
    } else {
        b"\0test\0"
    };
    hash([
        object.as_bytes(),
        mode,
        scope.account_column().as_bytes(),
        query.as_bytes(),
    ])
}

/// FNV-1a: short, and the same on every machine and in every version. It finds accidents, and keeps out no one.
pub(crate) fn hash<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> u64 {
    let bytes = parts.into_iter().flatten();
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

pub(super) fn checksum(bytes: &[u8]) -> [u8; CHECKSUM] {
    let hash = hash([bytes]);
    let [_, _, _, _, folded @ ..] = (hash ^ hash >> 32).to_be_bytes();
    folded
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Position {
            created,
            id,
            object,
        } = match &self.end {
            End::List(position) => position,
            End::Query(place) => {
                let mut bytes = vec![QUERY_VERSION];
                bytes.extend(self.list.to_be_bytes());
                bytes.extend(place.as_bytes());
                bytes.extend(checksum(&bytes));
                return f.write_str(&encode(&bytes));
            }
        };
        let mut bytes = Vec::with_capacity(HEAD + object.len() + id.len() + CHECKSUM);
        bytes.push(VERSION);
        bytes.extend(self.list.to_be_bytes());
        bytes.extend(created.to_be_bytes());
        // The name of a type has at most 255 bytes.
        bytes.push(u8::try_from(object.len()).unwrap_or(u8::MAX));
        bytes.extend(object.as_bytes());
        bytes.extend(id.as_bytes());
        bytes.extend(checksum(&bytes));
        f.write_str(&encode(&bytes))
    }
}

impl FromStr for Cursor {
    type Err = CursorError;

    fn from_str(text: &str) -> Result<Self, CursorError> {
        decode(text)
            .and_then(|bytes| read(&bytes))
            .ok_or(CursorError::Malformed)
    }
}

fn read(bytes: &[u8]) -> Option<Cursor> {
    let (body, sum) = bytes.split_last_chunk::<CHECKSUM>()?;
    if *sum != checksum(body) {
        return None;
    }
    let ([version], rest) = body.split_first_chunk::<1>()?;
    let (list, rest) = rest.split_first_chunk::<8>()?;
    if *version == QUERY_VERSION {
        return Some(Cursor {
            list: u64::from_be_bytes(*list),
            end: End::Query(std::str::from_utf8(rest).ok()?.into()),
        });
    }
    let (created, rest) = rest.split_first_chunk::<8>()?;
    let ([object_len], rest) = rest.split_first_chunk::<1>()?;
    let (object, id) = rest.split_at_checked(usize::from(*object_len))?;
    let text = |bytes: &[u8]| {
        let text = std::str::from_utf8(bytes).ok()?;
        (!text.is_empty() && !text.contains('\0')).then(|| text.to_owned())
    };
    if *version != VERSION {
        return None;
    }
    Some(Cursor {
        list: u64::from_be_bytes(*list),
        end: End::List(Position {
            created: i64::from_be_bytes(*created),
            id: text(id)?,
            object: text(object)?,
        }),
    })
}

/// Base64 for URLs, without padding (RFC 4648, section 5).
pub(super) fn encode(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let byte = |at| u32::from(group.get(at).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for shift in [18, 12, 6, 0].into_iter().take(group.len() + 1) {
            let index = usize::try_from(bits >> shift & 63).unwrap_or(0);
            text.extend(ALPHABET.get(index).map(|byte| char::from(*byte)));
        }
    }
    text
}

pub(super) fn decode(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() * 3 / 4);
    for group in text.as_bytes().chunks(4) {
        let mut bits = 0_u32;
        for at in 0..4 {
            let digit = match group.get(at) {
                Some(byte) => ALPHABET.iter().position(|letter| letter == byte)?,
                None => 0,
            };
            bits = bits << 6 | u32::try_from(digit).ok()?;
        }
        let [_, first, second, third] = bits.to_be_bytes();
        let decoded = [first, second, third];
        let (kept, cut) = decoded.split_at_checked(group.len().checked_sub(1)?)?;
        if kept.is_empty() || cut.iter().any(|byte| *byte != 0) {
            return None;
        }
        bytes.extend(kept);
    }
    Some(bytes)
}

/// A cursor cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CursorError {
    /// The text is no cursor, or was changed on the way.
    #[error("the cursor is malformed: start again from the first page")]
    Malformed,
    /// The cursor comes from a list of another type, account or mode, or from another query.
    #[error("the cursor is from another list: start again from the first page")]
    OtherList,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn cursor(id: &str) -> Cursor {
        Cursor::new(
            &Scope::default(),
            "customer",
            Position {
                created: 1_700_000_000,
                id: id.to_owned(),
                object: "customer".to_owned(),
            },
        )
    }

    #[test]
    fn a_cursor_goes_through_a_url_and_back() {
        for id in ["a", "cus_1", "10% Grüße/?&=#🎉"] {
            let text = cursor(id).to_string();
            assert!(
                text.bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_'),
                "{text}"
            );
            assert_eq!(text.parse::<Cursor>().unwrap(), cursor(id));
        }
    }

    #[test]
    fn a_cursor_keeps_to_its_list() {
        let cursor = cursor("cus_1");
        let here = Scope::default();
        assert!(cursor.position(&here, "customer").is_ok());
        let elsewhere = [
            cursor.position(&here, "charge"),
            cursor.position(
                &here.clone().with_mode(crate::store::Mode::Test),
                "customer",
            ),
            cursor.position(&here.clone().with_account("acct_1"), "customer"),
        ];
        assert!(elsewhere.iter().all(|p| *p == Err(CursorError::OtherList)));
    }

    #[test]
    fn any_changed_letter_is_noticed() {
        let text = cursor("cus_1").to_string();
        for at in 0..text.len() {
            for letter in ["A", "B", "9", "-", "=", "é"] {
                let mut changed = text.clone();
                changed.replace_range(at..=at, letter);
                if changed != text {
                    assert_eq!(
                        changed.parse::<Cursor>(),
                        Err(CursorError::Malformed),
                        "{changed}"
                    );
                }
            }
        }
        for cut in 0..text.len() {
            assert_eq!(text[..cut].parse::<Cursor>(), Err(CursorError::Malformed));
        }
    }

    proptest! {
        #[test]
        fn bytes_survive_base64(bytes: Vec<u8>) {
            prop_assert_eq!(decode(&encode(&bytes)), Some(bytes));
        }

        #[test]
        fn no_text_breaks_the_parser(text: String) {
            let _ = text.parse::<Cursor>();
        }
    }
}
