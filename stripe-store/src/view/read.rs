//! The reads behind the getters, one function per kind of field.
//!
//! Public to generated code only. Each is a lookup and a check of the JSON type; none can fail or panic.

use ref_cast::RefCast;
use serde_json::Value;

use super::kind::{Kind, Object};
use super::{Array, DateTime, Decimal, Expandable, List, Map, OpenEnum, Timestamp, View};

/// The value under `key`, `null` taken for absent.
#[inline]
fn field<'a>(value: &'a Value, key: &str) -> Option<&'a Value> {
    match value.get(key) {
        None | Some(Value::Null) => None,
        found => found,
    }
}

/// An integer, also one that is spelled as a float without a fraction (`12.0`).
#[inline]
pub(crate) fn integer(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => number.as_i64().or_else(|| integral(number.as_f64()?)),
        _ => None,
    }
}

/// A float that is a whole number within `i64`, as that number.
#[cold]
fn integral(float: f64) -> Option<i64> {
    // 2^63 is the first float past the range; within it a whole float converts without loss.
    const START: f64 = -9_223_372_036_854_775_808.0;
    const END: f64 = 9_223_372_036_854_775_808.0;
    if float.fract() == 0.0 && (START..END).contains(&float) {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "whole and within the range of i64, checked above"
        )]
        return Some(float as i64);
    }
    None
}

/// An id that is there in every object of the type; empty where Stripe left it out.
#[inline]
pub fn id<'a>(value: &'a Value, key: &str) -> &'a str {
    text(value, key).unwrap_or_default()
}

/// A string.
#[inline]
pub fn text<'a>(value: &'a Value, key: &str) -> Option<&'a str> {
    value.get(key)?.as_str()
}

/// An integer.
#[inline]
pub fn int(value: &Value, key: &str) -> Option<i64> {
    integer(value.get(key)?)
}

/// A 64-bit integer that the API spells as a string.
#[inline]
pub fn int_text(value: &Value, key: &str) -> Option<i64> {
    match value.get(key)? {
        Value::String(text) => text.parse().ok(),
        other => integer(other),
    }
}

/// A number.
#[inline]
pub fn float(value: &Value, key: &str) -> Option<f64> {
    value.get(key)?.as_f64()
}

/// A boolean.
#[inline]
pub fn boolean(value: &Value, key: &str) -> Option<bool> {
    value.get(key)?.as_bool()
}

/// A decimal string.
#[inline]
pub fn decimal<'a>(value: &'a Value, key: &str) -> Option<Decimal<'a>> {
    Decimal::from_json(value.get(key)?)
}

/// A moment in unix seconds.
#[inline]
pub fn timestamp(value: &Value, key: &str) -> Option<Timestamp> {
    int(value, key).map(Timestamp::from_unix_seconds)
}

/// A moment as an RFC 3339 string.
#[inline]
pub fn date_time<'a>(value: &'a Value, key: &str) -> Option<DateTime<'a>> {
    text(value, key).map(DateTime::new)
}

/// Anything.
#[inline]
pub fn json<'a>(value: &'a Value, key: &str) -> Option<&'a Value> {
    field(value, key)
}

/// An open enum.
#[inline]
pub fn open_enum<E: OpenEnum>(value: &Value, key: &str) -> Option<E> {
    text(value, key).map(E::from_text)
}

/// A nested object.
#[inline]
pub fn object<'a, V: View>(value: &'a Value, key: &str) -> Option<&'a V> {
    <Object<V> as Kind>::read(value.get(key)?)
}

/// A reference: an id or the object itself.
#[inline]
pub fn expandable<'a, V: View>(value: &'a Value, key: &str) -> Option<Expandable<'a, V>> {
    Expandable::from_json(value.get(key)?)
}

/// An array; empty when absent.
#[inline]
pub fn array<'a, K: Kind>(value: &'a Value, key: &str) -> &'a Array<K> {
    Array::from_json(value.get(key))
}

/// A Stripe list; empty when absent.
#[inline]
pub fn list<'a, K: Kind>(value: &'a Value, key: &str) -> &'a List<K> {
    List::ref_cast(value.get(key).unwrap_or(&Value::Null))
}

/// A map; empty when absent.
#[inline]
pub fn map<'a, K: Kind>(value: &'a Value, key: &str) -> &'a Map<K> {
    Map::ref_cast(value.get(key).unwrap_or(&Value::Null))
}
