//! Typed paths: where a field is inside an object, and what kind of field it is.
//!
//! The one thing that getters, queries, indexes and reports share. Must not know SQL.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde_json::Value;

use super::kind::{self, Kind};

/// Where a field is inside an object of type `T`, and what kind `K` it is of.
///
/// Every getter has the constant of its name: `subscription.status()` and `Subscription::STATUS`. Paths nest:
///
/// ```
/// use stripe_store::resources::{Address, Customer};
///
/// let city = Customer::ADDRESS.then(Address::CITY);
/// assert_eq!(city.to_string(), "address.city");
/// let tier = Customer::METADATA.key("tier");
/// assert_eq!(tier.to_string(), "metadata.tier");
/// ```
pub struct Path<T, K> {
    first: &'static str,
    rest: Vec<Segment>,
    types: PhantomData<fn() -> (T, K)>,
}

/// One step of a path.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Segment {
    /// The value under a key of an object.
    Key(Cow<'static, str>),
    /// The element of an array, counted from 0.
    Index(usize),
}

/// What a document holds at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum State {
    /// The field is not there.
    Absent,
    /// The field is there and `null`.
    Null,
    /// The field is there, and the getter reads it.
    Present,
    /// The field is there and of another type than the API description says: the getter gives `None`.
    OtherType,
}

impl<T, K> Path<T, K> {
    /// A path of one key. Generated code calls it; elsewhere start from a view's constant.
    #[must_use]
    pub const fn new(key: &'static str) -> Self {
        Self {
            first: key,
            rest: Vec::new(),
            types: PhantomData,
        }
    }

    /// The steps, outermost first; never empty.
    pub fn segments(&self) -> impl Iterator<Item = Segment> + '_ {
        std::iter::once(Segment::Key(Cow::Borrowed(self.first))).chain(self.rest.iter().cloned())
    }

    /// The value at this path, whatever its type; `None` when the path leads nowhere.
    #[must_use]
    pub fn find<'a>(&self, value: &'a Value) -> Option<&'a Value> {
        self.rest
            .iter()
            .try_fold(value.get(self.first)?, |value, segment| match segment {
                Segment::Key(key) => value.get(key.as_ref()),
                Segment::Index(index) => value.get(index),
            })
    }

    fn into_segments(self) -> impl Iterator<Item = Segment> {
        std::iter::once(Segment::Key(Cow::Borrowed(self.first))).chain(self.rest)
    }

    fn extend<U>(self, segments: impl IntoIterator<Item = Segment>) -> Path<T, U> {
        let mut rest = self.rest;
        rest.extend(segments);
        Path {
            first: self.first,
            rest,
            types: PhantomData,
        }
    }
}

/// [`Path::new`] for generated code: a function outside a type compiles quicker, and there are thousands of calls.
#[doc(hidden)]
#[must_use]
pub const fn path<T, K>(key: &'static str) -> Path<T, K> {
    Path::new(key)
}

impl<T, K: Kind> Path<T, K> {
    /// Reads the value at this path, as the getter of the same name does.
    pub fn read<'a>(&self, value: &'a Value) -> Option<K::Out<'a>> {
        K::read(self.find(value)?)
    }

    /// Tells what is at this path: absent, `null`, present, or of another type.
    #[must_use]
    pub fn state(&self, value: &Value) -> State {
        match self.find(value) {
            None => State::Absent,
            Some(Value::Null) => State::Null,
            Some(found) if K::read(found).is_some() => State::Present,
            Some(_) => State::OtherType,
        }
    }
}

impl<T, V> Path<T, kind::Object<V>> {
    /// Goes on inside the nested object.
    #[must_use]
    pub fn then<K>(self, next: Path<V, K>) -> Path<T, K> {
        self.extend(next.into_segments())
    }
}

impl<T, V> Path<T, kind::Ref<V>> {
    /// Goes on inside the referenced object. Leads somewhere only where the document holds it expanded.
    #[must_use]
    pub fn then<K>(self, next: Path<V, K>) -> Path<T, K> {
        self.extend(next.into_segments())
    }
}

impl<T, K> Path<T, kind::Array<K>> {
    /// The element at `index`, counted from 0.
    #[must_use]
    pub fn at(self, index: usize) -> Path<T, K> {
        self.extend([Segment::Index(index)])
    }
}

impl<T, K> Path<T, kind::List<K>> {
    /// The list's elements.
    #[must_use]
    pub fn elements(self) -> Path<T, kind::Array<K>> {
        self.extend([Segment::Key(Cow::Borrowed("data"))])
    }

    /// The element at `index`, counted from 0.
    #[must_use]
    pub fn at(self, index: usize) -> Path<T, K> {
        self.elements().at(index)
    }
}

impl<T, K> Path<T, kind::Map<K>> {
    /// The value under `key`, which may hold any character, dots included.
    #[must_use]
    pub fn key(self, key: impl Into<String>) -> Path<T, K> {
        self.extend([Segment::Key(Cow::Owned(key.into()))])
    }
}

impl<T, K> Clone for Path<T, K> {
    fn clone(&self) -> Self {
        Self {
            first: self.first,
            rest: self.rest.clone(),
            types: PhantomData,
        }
    }
}

impl<T, K> PartialEq for Path<T, K> {
    fn eq(&self, other: &Self) -> bool {
        self.first == other.first && self.rest == other.rest
    }
}

impl<T, K> Eq for Path<T, K> {}

/// The path as people write it: `items.data.0.price`.
impl<T, K> fmt::Display for Path<T, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.first)?;
        for segment in &self.rest {
            match segment {
                Segment::Key(key) => write!(f, ".{key}")?,
                Segment::Index(index) => write!(f, ".{index}")?,
            }
        }
        Ok(())
    }
}

impl<T, K> fmt::Debug for Path<T, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Path({self})")
    }
}
