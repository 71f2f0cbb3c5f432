//! The few fields that filing an object takes, read in one pass that also checks the rest.
//!
//! Lenient about their types: a `livemode` that is no boolean counts as absent, as it would to a view.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

/// The head of an object, and its text.
#[derive(Debug)]
pub(super) struct Head<'a> {
    pub(super) object: Option<Cow<'a, str>>,
    pub(super) id: Option<Cow<'a, str>>,
    pub(super) livemode: Option<bool>,
    /// In unix seconds.
    pub(super) created: Option<i64>,
    pub(super) deleted: bool,
    pub(super) data: Cow<'a, str>,
}

impl<'a> Head<'a> {
    /// Reads the head of an object whose escapes are clean.
    pub(super) fn read(data: Cow<'a, str>) -> Result<Self, serde_json::Error> {
        match data {
            Cow::Borrowed(json) => {
                let fields: Fields<'a> = serde_json::from_str(json)?;
                Ok(Self {
                    object: fields.object.and_then(text),
                    id: fields.id.and_then(text),
                    livemode: fields.livemode.and_then(boolean),
                    created: fields.created.and_then(integer),
                    deleted: fields.deleted.and_then(boolean) == Some(true),
                    data,
                })
            }
            Cow::Owned(json) => {
                let fields: Fields<'_> = serde_json::from_str(&json)?;
                let owned = |raw| text(raw).map(|text| Cow::Owned(text.into_owned()));
                Ok(Self {
                    object: fields.object.and_then(owned),
                    id: fields.id.and_then(owned),
                    livemode: fields.livemode.and_then(boolean),
                    created: fields.created.and_then(integer),
                    deleted: fields.deleted.and_then(boolean) == Some(true),
                    data: Cow::Owned(json),
                })
            }
        }
    }
}

/// The fields as they stand in the text; of a key that comes twice the last one, which databases keep too.
#[derive(Default)]
struct Fields<'a> {
    object: Option<&'a RawValue>,
    id: Option<&'a RawValue>,
    livemode: Option<&'a RawValue>,
    created: Option<&'a RawValue>,
    deleted: Option<&'a RawValue>,
}

impl<'de> Deserialize<'de> for Fields<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(FieldsVisitor)
    }
}

struct FieldsVisitor;

impl<'de> Visitor<'de> for FieldsVisitor {
    type Value = Fields<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields<'de>, A::Error> {
        let mut fields = Fields::default();
        while let Some(key) = map.next_key()? {
            let field = match key {
                Key::Object => &mut fields.object,
                Key::Id => &mut fields.id,
                Key::Livemode => &mut fields.livemode,
                Key::Created => &mut fields.created,
                Key::Deleted => &mut fields.deleted,
                Key::Other => {
                    map.next_value::<IgnoredAny>()?;
                    continue;
                }
            };
            *field = Some(map.next_value()?);
        }
        Ok(fields)
    }
}

enum Key {
    Object,
    Id,
    Livemode,
    Created,
    Deleted,
    Other,
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(KeyVisitor)
    }
}

struct KeyVisitor;

impl Visitor<'_> for KeyVisitor {
    type Value = Key;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E>(self, key: &str) -> Result<Key, E> {
        Ok(match key {
            "object" => Key::Object,
            "id" => Key::Id,
            "livemode" => Key::Livemode,
            "created" => Key::Created,
            "deleted" => Key::Deleted,
            _ => Key::Other,
        })
    }
}

fn text(raw: &RawValue) -> Option<Cow<'_, str>> {
    let quoted = raw.get();
    let inner = quoted.strip_prefix('"')?.strip_suffix('"')?;
    if inner.contains('\\') {
        return serde_json::from_str(quoted).ok().map(Cow::Owned);
    }
    Some(Cow::Borrowed(inner))
}

fn boolean(raw: &RawValue) -> Option<bool> {
    match raw.get() {
        "true" => Some(true),
        "false" => Some(false),
        _ => None,
    }
}

/// `12` and `12.0` are 12.
fn integer(raw: &RawValue) -> Option<i64> {
    let number = raw.get();
    let integer = match number.split_once('.') {
        Some((integer, fraction)) if fraction.bytes().all(|b| b == b'0') => integer,
        Some(_) => return None,
        None => number,
    };
    integer.parse().ok()
}
