//! What `#[derive(StripeModel)]` implements: projections of objects, and the fields of views of one's own.
//!
//! Knows the views and their paths, and no store: a projection can be read from any view in memory.

mod field;

use std::collections::{BTreeMap, HashMap};
use std::hash::BuildHasher;
use std::slice;

use serde_json::Value;

pub use self::field::ViewField;
use crate::view::kind::{
    Array, Bool, DateTimeText, Decimal, Enum, Float, Int, IntText, Json, Kind, List, Map, Object,
    Ref, Text, Time,
};
use crate::view::{OpenEnum, Path, Resource, Segment, Timestamp, View};

/// A struct of some fields of an object, by [`#[derive(StripeModel)]`][derive].
///
/// ```
/// # #[cfg(feature = "derive")] {
/// use serde_json::json;
/// use stripe_store::model::Projection;
/// use stripe_store::{StripeModel, View, resources::Customer};
///
/// #[derive(StripeModel)]
/// #[stripe(object = Customer)]
/// struct Contact {
///     id: String,
///     email: Option<String>,
/// }
///
/// let json = json!({"id": "cus_1", "email": "ada@example.com", "name": "Ada"});
/// let contact = Contact::of(Customer::view(&json));
/// assert_eq!(contact.email.as_deref(), Some("ada@example.com"));
/// # }
/// ```
///
/// A type that the field cannot have does not compile:
///
/// ```compile_fail,E0277
/// use stripe_store::{StripeModel, resources::Customer};
///
/// #[derive(StripeModel)]
/// #[stripe(object = Customer)]
/// struct Owed {
///     balance: Option<String>,
/// }
/// ```
///
/// ```compile_fail,E0277
/// use stripe_store::{StripeModel, resources::{InvoiceStatus, Subscription}};
///
/// #[derive(StripeModel)]
/// #[stripe(object = Subscription)]
/// struct State {
///     status: Option<InvoiceStatus>,
/// }
/// ```
///
/// neither does a field that the object does not have, or a path of another object:
///
/// ```compile_fail,E0599
/// use stripe_store::{StripeModel, resources::Customer};
///
/// #[derive(StripeModel)]
/// #[stripe(object = Customer)]
/// struct Contact {
///     e_mail: Option<String>,
/// }
/// ```
///
/// ```compile_fail,E0308
/// use stripe_store::{StripeModel, resources::{Customer, Invoice}};
///
/// #[derive(StripeModel)]
/// #[stripe(object = Customer)]
/// struct Owed {
///     #[stripe(path = Invoice::AMOUNT_DUE)]
///     due: Option<i64>,
/// }
/// ```
///
#[cfg_attr(feature = "derive", doc = "[derive]: macro@crate::StripeModel")]
#[cfg_attr(
    not(feature = "derive"),
    doc = "[derive]: https://docs.rs/stripe-store/latest/stripe_store/derive.StripeModel.html"
)]
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no projection",
    note = "`#[derive(StripeModel)] #[stripe(object = Customer)]` makes a struct one"
)]
pub trait Projection: Sized + Send {
    /// What it is a projection of.
    type Object: Resource;

    /// Where the values are.
    #[doc(hidden)]
    fn columns() -> Vec<Column>;

    /// Takes the values, one for each column.
    #[doc(hidden)]
    fn read(values: &mut Values<'_>) -> Self;

    /// Reads the fields from a view in memory.
    #[must_use]
    fn of(object: &Self::Object) -> Self {
        let columns = Self::columns();
        let values: Vec<&Value> = columns
            .iter()
            .map(|column| column.find(object.data()).unwrap_or(&Value::Null))
            .collect();
        Self::read(&mut Values(Source::Borrowed(values.iter())))
    }
}

/// Where a value of a projection is.
#[doc(hidden)]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    pub(crate) steps: Vec<Segment>,
}

impl Column {
    fn find<'a>(&self, value: &'a Value) -> Option<&'a Value> {
        self.steps.iter().try_fold(value, |value, step| match step {
            Segment::Key(key) => value.get(key.as_ref()),
            Segment::Index(index) => value.get(index),
        })
    }
}

/// The values of one projection that are still to be taken.
#[doc(hidden)]
#[derive(Debug)]
pub struct Values<'a>(Source<'a>);

#[derive(Debug)]
enum Source<'a> {
    Borrowed(slice::Iter<'a, &'a Value>),
    #[cfg(feature = "_store")]
    Row(slice::Iter<'a, Value>),
}

impl<'a> Values<'a> {
    /// The values of a row, in the order of the columns.
    #[cfg(feature = "_store")]
    pub(crate) fn of_row(values: &'a [Value]) -> Self {
        Self(Source::Row(values.iter()))
    }

    fn next(&mut self) -> &'a Value {
        let next = match &mut self.0 {
            Source::Borrowed(values) => values.next().copied(),
            #[cfg(feature = "_store")]
            Source::Row(values) => values.next(),
        };
        next.unwrap_or(&Value::Null)
    }
}

/// For emitted code: the column of a path.
#[doc(hidden)]
#[must_use]
pub fn column<T, K>(path: &Path<T, K>) -> Column {
    Column {
        steps: path.segments().collect(),
    }
}

/// For emitted code: a path that has to be of this object.
#[doc(hidden)]
#[must_use]
pub fn path_of<T, K>(path: Path<T, K>) -> Path<T, K> {
    path
}

/// For emitted code: the next value, read as the path's kind says. The path itself is not made, its type is enough.
#[doc(hidden)]
pub fn value<T, K: Kind, F: FromField<K>>(
    values: &mut Values<'_>,
    _path: impl FnOnce() -> Path<T, K>,
) -> Option<F> {
    F::from_field(values.next())
}

/// For emitted code: as [`value`], for a field that can be `None`.
#[doc(hidden)]
pub fn value_or_none<T, K: Kind, F: FromOptional<K>>(
    values: &mut Values<'_>,
    _path: impl FnOnce() -> Path<T, K>,
) -> F {
    F::from_optional(values.next())
}

/// A type that a field of kind `K` can be read into.
///
/// Types of your own implement it for the kinds that they are made of:
///
/// ```
/// use serde_json::Value;
/// use stripe_store::model::FromField;
/// use stripe_store::view::kind::{Kind, Text};
///
/// enum Tier { Free, Gold }
///
/// impl FromField<Text> for Tier {
///     fn from_field(value: &Value) -> Option<Self> {
///         match Text::read(value)? {
///             "free" => Some(Self::Free),
///             "gold" => Some(Self::Gold),
///             _ => None,
///         }
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "a field of kind `{K}` cannot be read into a `{Self}`",
    label = "not a type of the field's kind",
    note = "a `Text` is a `String`, an `Int` an `i64`, a `Time` a `Timestamp`, an `Enum` its own enum; see `FromField`"
)]
pub trait FromField<K: Kind>: Sized {
    /// Reads a value; `None` for what is not of the kind, or not of the type.
    fn from_field(value: &Value) -> Option<Self>;
}

/// An `Option` of a type that a field of kind `K` can be read into.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "a field of kind `{K}` cannot be read into a `{Self}`",
    label = "not a type of the field's kind",
    note = "a `Text` is a `String`, an `Int` an `i64`, a `Time` a `Timestamp`, an `Enum` its own enum; see `FromField`"
)]
pub trait FromOptional<K: Kind> {
    /// Reads a value.
    fn from_optional(value: &Value) -> Self;
}

impl<K: Kind, F: FromField<K>> FromOptional<K> for Option<F> {
    fn from_optional(value: &Value) -> Self {
        F::from_field(value)
    }
}

macro_rules! from_fields {
    ($($(#[$cfg:meta])* $type:ty, $kind:ty, $make:expr $(, <$v:ident: $bound:path>)?;)*) => {$(
        $(#[$cfg])*
        impl$(<$v: $bound + 'static>)? FromField<$kind> for $type {
            fn from_field(value: &Value) -> Option<Self> {
                let make: fn(<$kind as Kind>::Out<'_>) -> Option<Self> = $make;
                make(<$kind as Kind>::read(value)?)
            }
        }
    )*};
}

from_fields! {
    String, Text, |text| Some(text.to_owned());
    String, Decimal, |decimal| Some(decimal.as_str().to_owned());
    String, DateTimeText, |time| Some(time.as_str().to_owned());
    String, Enum<E>, |value| Some(value.as_str().to_owned()), <E: OpenEnum>;
    String, Ref<V>, |reference| Some(reference.id().to_owned()), <V: View>;
    i64, Int, Some;
    i64, IntText, Some;
    f64, Float, Some;
    bool, Bool, Some;
    Timestamp, Time, Some;
    Value, Json, |value| Some(value.clone());
    Value, Object<V>, |view| Some(view.data().clone()), <V: View>;
    Value, Map<K>, |map| Some(map.value().clone()), <K: Kind>;
    Value, Array<K>, |array| Some(Value::Array(array.values().to_vec())), <K: Kind>;
    Value, List<K>, |list| Some(list.value().clone()), <K: Kind>;
    #[cfg(feature = "time")]
    time::OffsetDateTime, Time, |time| time.try_into().ok();
    #[cfg(feature = "time")]
    time::OffsetDateTime, DateTimeText, |time| time.try_into().ok();
    #[cfg(feature = "chrono")]
    chrono::DateTime<chrono::Utc>, Time, |time| time.try_into().ok();
    #[cfg(feature = "chrono")]
    chrono::DateTime<chrono::Utc>, DateTimeText, |time| time.try_into().ok();
    #[cfg(feature = "jiff")]
    jiff::Timestamp, Time, |time| time.try_into().ok();
    #[cfg(feature = "jiff")]
    jiff::Timestamp, DateTimeText, |time| time.try_into().ok();
    #[cfg(feature = "rust_decimal")]
    rust_decimal::Decimal, Decimal, |decimal| decimal.to_decimal().ok();
}

impl<E: OpenEnum> FromField<Enum<E>> for E {
    fn from_field(value: &Value) -> Option<Self> {
        <Enum<E> as Kind>::read(value)
    }
}

impl<V: View> FromField<Object<V>> for V {
    fn from_field(value: &Value) -> Option<Self> {
        <Object<V> as Kind>::read(value).cloned()
    }
}

/// The elements in their order, less those that cannot be read.
impl<K: Kind, F: FromField<K>> FromField<Array<K>> for Vec<F> {
    fn from_field(value: &Value) -> Option<Self> {
        let elements = value.as_array()?;
        Some(elements.iter().filter_map(F::from_field).collect())
    }
}

/// The elements that Stripe sent, less those that cannot be read.
impl<K: Kind, F: FromField<K>> FromField<List<K>> for Vec<F> {
    fn from_field(value: &Value) -> Option<Self> {
        <Self as FromField<Array<K>>>::from_field(value.get("data")?)
    }
}

impl<K: Kind, F: FromField<K>> FromField<Map<K>> for BTreeMap<String, F> {
    fn from_field(value: &Value) -> Option<Self> {
        pairs(value).map(Iterator::collect)
    }
}

impl<K: Kind, F: FromField<K>, S: BuildHasher + Default> FromField<Map<K>>
    for HashMap<String, F, S>
{
    fn from_field(value: &Value) -> Option<Self> {
        pairs(value).map(Iterator::collect)
    }
}

fn pairs<K: Kind, F: FromField<K>>(value: &Value) -> Option<impl Iterator<Item = (String, F)>> {
    let pairs = value.as_object()?.iter();
    Some(pairs.filter_map(|(key, value)| Some((key.clone(), F::from_field(value)?))))
}
