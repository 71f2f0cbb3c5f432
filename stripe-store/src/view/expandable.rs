//! References between objects: an id, or the object in its place.

use std::fmt;
use std::marker::PhantomData;

use serde_json::Value;

use super::{AnyObject, View};

/// A reference to an object: Stripe sends its id, or the object itself where it was asked to expand it.
///
/// ```
/// use serde_json::json;
/// use stripe_store::{View, resources::Invoice};
///
/// let plain = json!({"customer": "cus_1"});
/// let expanded = json!({"customer": {"id": "cus_1", "object": "customer", "name": "Ada"}});
/// for value in [&plain, &expanded] {
///     let customer = Invoice::view(value).customer().unwrap();
///     assert_eq!(customer.id(), "cus_1");
/// }
/// let customer = Invoice::view(&expanded).customer().unwrap();
/// assert_eq!(customer.object().and_then(|it| it.name()), Some("Ada"));
/// ```
pub struct Expandable<'a, V> {
    id: &'a str,
    value: &'a Value,
    view: PhantomData<fn() -> V>,
}

/// What a reference holds, to match on.
#[derive(Debug)]
#[non_exhaustive]
pub enum Reference<'a, V> {
    /// The id alone.
    Id(&'a str),
    /// The object.
    Object(&'a V),
    /// What Stripe shows of an object that was deleted: its id, its type and `deleted: true`.
    Deleted(&'a AnyObject),
}

impl<'a, V: View> Expandable<'a, V> {
    /// Reads an id or an object that has one.
    #[inline]
    pub(super) fn from_json(value: &'a Value) -> Option<Self> {
        let id = match value {
            Value::String(id) => id,
            _ => value.get("id")?.as_str()?,
        };
        Some(Self {
            id,
            value,
            view: PhantomData,
        })
    }

    /// The id of the referenced object, whatever the reference holds.
    #[inline]
    pub fn id(&self) -> &'a str {
        self.id
    }

    /// The object, when it was expanded and is not deleted.
    #[inline]
    pub fn object(&self) -> Option<&'a V> {
        match self.get() {
            Reference::Object(object) => Some(object),
            _ => None,
        }
    }

    /// Whether the reference holds more than an id: the object, or what is left of a deleted one.
    #[inline]
    pub fn is_expanded(&self) -> bool {
        self.value.is_object()
    }

    /// Whether the reference holds a deleted object. An id alone does not tell.
    #[inline]
    pub fn is_deleted(&self) -> bool {
        self.value
            .get("deleted")
            .and_then(Value::as_bool)
            .unwrap_or_default()
    }

    /// What the reference holds, to match on.
    #[inline]
    pub fn get(&self) -> Reference<'a, V> {
        if !self.is_expanded() {
            Reference::Id(self.id)
        } else if self.is_deleted() {
            Reference::Deleted(AnyObject::view(self.value))
        } else {
            Reference::Object(V::view(self.value))
        }
    }
}

impl<V> Clone for Expandable<'_, V> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<V> Copy for Expandable<'_, V> {}

/// Two references are equal when they name the same object, expanded or not.
impl<V> PartialEq for Expandable<'_, V> {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

impl<V> Eq for Expandable<'_, V> {}

impl<V> fmt::Debug for Expandable<'_, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let held = if self.value.is_object() {
            "object"
        } else {
            "id"
        };
        write!(f, "Expandable({}, {held})", self.id)
    }
}
