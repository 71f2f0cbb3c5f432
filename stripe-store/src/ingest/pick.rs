//! Picking a few members out of a JSON object without reading the others.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::view::read;

/// The members of the object `text` that are called `keys`, as the text stands there; of repeated ones, the last.
///
/// # Errors
///
/// `text` is not one valid JSON object.
pub(super) fn pick<'a, const N: usize>(
    text: &'a str,
    keys: [&str; N],
) -> Result<[Option<&'a RawValue>; N], serde_json::Error> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let picked = Members { keys: &keys }.deserialize(&mut deserializer)?;
    deserializer.end()?;
    Ok(picked)
}

/// A string as JSON spells it, read; `None` for any other value.
pub(super) fn string(raw: Option<&RawValue>) -> Option<String> {
    serde_json::from_str(raw?.get()).ok()
}

/// A whole number, in any spelling that a view reads (`12.0`); `None` for any other value.
pub(super) fn integer(raw: Option<&RawValue>) -> Option<i64> {
    let number = serde_json::from_str(raw?.get()).ok()?;
    read::integer(&Value::Number(number))
}

/// `true` or `false`; `None` for any other value.
pub(super) fn boolean(raw: Option<&RawValue>) -> Option<bool> {
    serde_json::from_str(raw?.get()).ok()
}

struct Members<'k, const N: usize> {
    keys: &'k [&'k str; N],
}

impl<'de, const N: usize> DeserializeSeed<'de> for Members<'_, N> {
    type Value = [Option<&'de RawValue>; N];

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de, const N: usize> Visitor<'de> for Members<'_, N> {
    type Value = [Option<&'de RawValue>; N];

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
        let mut picked = [None; N];
        while let Some(index) = members.next_key_seed(Key { keys: self.keys })? {
            match index.and_then(|index| picked.get_mut(index)) {
                Some(slot) => *slot = Some(members.next_value()?),
                None => {
                    members.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(picked)
    }
}

/// Reads a key as its place in `keys`.
struct Key<'k> {
    keys: &'k [&'k str],
}

impl<'de> DeserializeSeed<'de> for Key<'_> {
    type Value = Option<usize>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Key<'_> {
    type Value = Option<usize>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E: serde::de::Error>(self, key: &str) -> Result<Self::Value, E> {
        Ok(self.keys.iter().position(|wanted| *wanted == key))
    }
}
