//! Arrays, Stripe lists and maps over JSON, for every kind of element.
//!
//! Each is a lens like any view. An element of another type than expected is left out by the iterators and is
//! there in `values`, so that one odd element hides none of the others.

use std::fmt;
use std::marker::PhantomData;

use ref_cast::RefCast;
use serde_json::Value;

use super::kind::{Kind, Text};

/// An array of elements of kind `K`: what `&[T]` would be if its elements were not lenses.
#[derive(RefCast)]
#[repr(transparent)]
pub struct Array<K> {
    #[trivial]
    kind: PhantomData<fn() -> K>,
    values: [Value],
}

impl<K: Kind> Array<K> {
    /// The lens over a JSON array; empty over anything else.
    #[inline]
    pub(super) fn from_json(value: Option<&Value>) -> &Self {
        match value {
            Some(Value::Array(values)) => Self::ref_cast(values),
            _ => Self::ref_cast(&[]),
        }
    }

    /// How many elements there are, readable or not.
    #[inline]
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether there is no element.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// The element at `index`, counted from 0; `None` past the end or when it is of another type.
    #[inline]
    pub fn get(&self, index: usize) -> Option<K::Out<'_>> {
        K::read(self.values.get(index)?)
    }

    /// The first element.
    #[inline]
    pub fn first(&self) -> Option<K::Out<'_>> {
        self.get(0)
    }

    /// The last element.
    #[inline]
    pub fn last(&self) -> Option<K::Out<'_>> {
        K::read(self.values.last()?)
    }

    /// The elements in their order, less those of another type.
    #[inline]
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = K::Out<'_>> + '_ {
        self.values.iter().filter_map(K::read)
    }

    /// The elements as JSON, all of them.
    #[inline]
    pub fn values(&self) -> &[Value] {
        &self.values
    }
}

/// The iterator of `&Array`.
pub struct Iter<'a, K> {
    values: std::slice::Iter<'a, Value>,
    kind: PhantomData<fn() -> K>,
}

impl<'a, K: Kind> Iterator for Iter<'a, K> {
    type Item = K::Out<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        self.values.find_map(K::read)
    }
}

impl<K> fmt::Debug for Iter<'_, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Iter({} values)", self.values.len())
    }
}

impl<'a, K: Kind> IntoIterator for &'a Array<K> {
    type Item = K::Out<'a>;
    type IntoIter = Iter<'a, K>;

    fn into_iter(self) -> Self::IntoIter {
        Iter {
            values: self.values.iter(),
            kind: PhantomData,
        }
    }
}

impl<K> fmt::Debug for Array<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Array({} values)", self.values.len())
    }
}

/// A Stripe list inside an object: the first elements, and whether Stripe has more.
#[derive(RefCast)]
#[repr(transparent)]
pub struct List<K> {
    #[trivial]
    kind: PhantomData<fn() -> K>,
    value: Value,
}

impl<K: Kind> List<K> {
    /// The elements that Stripe sent, at most as many as one page holds; see [`has_more`](Self::has_more).
    #[inline]
    pub fn data(&self) -> &Array<K> {
        Array::from_json(self.value.get("data"))
    }

    /// Whether Stripe has elements past those in [`data`](Self::data).
    #[inline]
    pub fn has_more(&self) -> bool {
        self.value
            .get("has_more")
            .and_then(Value::as_bool)
            .unwrap_or_default()
    }

    /// The API path that the list can be read from.
    #[inline]
    pub fn url(&self) -> Option<&str> {
        self.value.get("url")?.as_str()
    }

    /// How many elements there are at Stripe, where it was asked to count.
    #[inline]
    pub fn total_count(&self) -> Option<i64> {
        super::read::int(&self.value, "total_count")
    }

    /// The list as JSON; `null` when the field is absent.
    #[inline]
    pub fn value(&self) -> &Value {
        &self.value
    }
}

impl<K> fmt::Debug for List<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let len = self
            .value
            .get("data")
            .and_then(Value::as_array)
            .map_or(0, Vec::len);
        write!(f, "List({len} values)")
    }
}

/// A map from strings to values of kind `K`.
#[derive(RefCast)]
#[repr(transparent)]
pub struct Map<K> {
    #[trivial]
    kind: PhantomData<fn() -> K>,
    value: Value,
}

/// The key-value pairs that a merchant attached to an object.
///
/// Source: `metadata` in Stripe's API reference.
pub type Metadata = Map<Text>;

impl<K: Kind> Map<K> {
    /// The value under `key`; `None` when it is absent or of another type.
    #[inline]
    pub fn get(&self, key: &str) -> Option<K::Out<'_>> {
        K::read(self.value.get(key)?)
    }

    /// How many keys there are.
    #[inline]
    pub fn len(&self) -> usize {
        self.value.as_object().map_or(0, serde_json::Map::len)
    }

    /// Whether there is no key.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The pairs, sorted by key, less those whose value is of another type.
    pub fn iter(&self) -> impl Iterator<Item = (&str, K::Out<'_>)> + '_ {
        let pairs = self.value.as_object().into_iter().flatten();
        pairs.filter_map(|(key, value)| Some((key.as_str(), K::read(value)?)))
    }

    /// The map as JSON; `null` when the field is absent.
    #[inline]
    pub fn value(&self) -> &Value {
        &self.value
    }
}

impl<K> fmt::Debug for Map<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Map({} keys)",
            self.value.as_object().map_or(0, serde_json::Map::len)
        )
    }
}
