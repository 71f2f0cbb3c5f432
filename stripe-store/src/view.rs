//! The small runtime that the generated views stand on: typed lenses over JSON.
//!
//! A view is a transparent newtype over [`serde_json::Value`]. Reading through it costs what indexing the
//! value costs, and cannot fail: a field that is missing or of another type than the API description says is
//! `None` (or an empty array, list or map), so that drift between Stripe and the description never breaks a
//! read. This module must not know databases, HTTP or any particular Stripe object; it does no I/O and has no
//! error but [`ObjectMismatch`], for the one question that can be answered with no.

mod amount;
mod array;
mod decimal;
mod event;
#[cfg(feature = "_exercise")]
#[doc(hidden)]
pub mod exercise;
mod expandable;
pub mod kind;
mod listing;
mod open_enum;
mod path;
#[doc(hidden)]
pub mod read;
mod resource;
mod timestamp;

use std::fmt;

use ref_cast::RefCast;
use serde_json::Value;

pub use amount::Amount;
pub use array::{Array, List, Map, Metadata};
pub use decimal::Decimal;
pub use event::{EventFacts, EventType};
pub use expandable::{Expandable, Reference};
pub use listing::{Listing, ListingParent};
pub use open_enum::{OpenEnum, Other, humanize};
#[doc(hidden)]
pub use open_enum::{clone_enum, eq_enums, fmt_enum};
#[doc(hidden)]
pub use path::path;
pub use path::{Path, Segment, State};
pub use resource::{
    AnyObject, ObjectMismatch, Operations, Referent, Resource, ResourceFacts, Storable,
};
pub use timestamp::{DateTime, Timestamp};

/// A typed lens over JSON, implemented by every generated view.
///
/// An owned view owns its value; `&Customer` is a lens over any `&Value`, and making one is free.
///
/// ```
/// use serde_json::json;
/// use stripe_store::{View, resources::Customer};
///
/// let value = json!({"id": "cus_1", "object": "customer", "email": "ada@example.com"});
/// let customer = Customer::view(&value);
/// assert_eq!(customer.email(), Some("ada@example.com"));
/// assert_eq!(customer.phone(), None);
/// assert_eq!(customer.data(), &value);
/// ```
pub trait View: RefCast<From = Value> + Clone + fmt::Debug + Send + Sync + 'static {
    /// The whole JSON under the view, unknown fields included.
    ///
    /// Where Stripe has a field `data` (on an event), the view's own getter has the name, and this is
    /// `View::data(&event)`.
    fn data(&self) -> &Value;

    /// Puts the lens over an owned value, whatever it holds.
    fn from_value(value: Value) -> Self;

    /// Puts the lens over a borrowed value, whatever it holds.
    #[inline]
    fn view(value: &Value) -> &Self {
        Self::ref_cast(value)
    }

    /// Tells apart what a getter folds into `None`: absent, `null`, present, or of another type.
    ///
    /// ```
    /// use serde_json::json;
    /// use stripe_store::{View, resources::Customer, view::State};
    ///
    /// let value = json!({"email": null, "name": "Ada", "balance": "free"});
    /// let customer = Customer::view(&value);
    /// assert_eq!(customer.state(Customer::PHONE), State::Absent);
    /// assert_eq!(customer.state(Customer::EMAIL), State::Null);
    /// assert_eq!(customer.state(Customer::NAME), State::Present);
    /// assert_eq!(customer.state(Customer::BALANCE), State::OtherType);
    /// ```
    fn state<K: kind::Kind>(&self, path: Path<Self, K>) -> State {
        path.state(self.data())
    }
}

/// `Debug` of every view: the type's name, the id and the object type, and never the content, which may hold
/// client secrets and personal data.
#[doc(hidden)]
pub fn debug<K>(value: &Value, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let name = std::any::type_name::<K>();
    let mut out = f.debug_struct(name.rsplit("::").next().unwrap_or(name));
    for key in ["id", "object"] {
        if let Some(text) = value.get(key).and_then(Value::as_str) {
            out.field(key, &text);
        }
    }
    out.finish_non_exhaustive()
}
