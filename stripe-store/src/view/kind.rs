//! The kinds of fields: what a getter returns, and what a [`Path`](super::Path) leads to.
//!
//! Kinds are types without values. They let the compiler check what a path may be compared with, and let one
//! implementation of arrays, lists and maps serve every kind of element.

use std::marker::PhantomData;

use ref_cast::RefCast;
use serde_json::Value;

use super::{DateTime, Decimal as DecimalText, Expandable, OpenEnum, Timestamp, View, read};

/// A kind of field.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a kind of field",
    label = "expected a kind from `stripe_store::view::kind`, such as `Text` or `Object<Address>`"
)]
pub trait Kind: 'static {
    /// What a getter of this kind returns for a field that is present and of the right type.
    type Out<'a>;

    /// The kind's name in JSON Schema's words, for reports.
    const NAME: &'static str;

    /// Reads a JSON value, or `None` when it is of another type.
    fn read(value: &Value) -> Option<Self::Out<'_>>;
}

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident, $json:literal, $a:lifetime $out:ty, $read:expr;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy)]
        pub enum $name {}

        impl Kind for $name {
            type Out<$a> = $out;
            const NAME: &'static str = $json;
            #[inline]
            fn read<$a>(value: &$a Value) -> Option<$out> {
                let read: fn(&$a Value) -> Option<$out> = $read;
                read(value)
            }
        }
    )*};
}

kinds! {
    /// A string: `&str`.
    Text, "string", 'a &'a str, Value::as_str;
    /// An integer: `i64`. A float without a fraction (`12.0`) reads as one.
    Int, "integer", 'a i64, read::integer;
    /// A 64-bit integer that the API spells as a string: `i64`.
    IntText, "integer as string", 'a i64, |value| match value {
        Value::String(text) => text.parse().ok(),
        other => read::integer(other),
    };
    /// A number that need not be whole: `f64`. Never money.
    Float, "number", 'a f64, Value::as_f64;
    /// A boolean: `bool`.
    Bool, "boolean", 'a bool, Value::as_bool;
    /// A decimal of any precision, spelled as a string: [`Decimal`](super::Decimal).
    Decimal, "decimal string", 'a DecimalText<'a>, DecimalText::from_json;
    /// A moment in unix seconds: [`Timestamp`].
    Time, "unix time", 'a Timestamp, |value| read::integer(value).map(Timestamp::from_unix_seconds);
    /// A moment as an RFC 3339 string: [`DateTime`].
    DateTimeText, "date-time string", 'a DateTime<'a>, |value| value.as_str().map(DateTime::new);
    /// Anything: `&Value`.
    Json, "any", 'a &'a Value, |value| (!value.is_null()).then_some(value);
}

macro_rules! generic_kinds {
    ($($(#[$doc:meta])* $name:ident<$param:ident: $bound:path>, $json:literal, $a:lifetime $out:ty, $read:expr;)*) => {$(
        $(#[$doc])*
        #[derive(Debug)]
        pub struct $name<$param>(PhantomData<fn() -> $param>);

        impl<$param: $bound + 'static> Kind for $name<$param> {
            type Out<$a> = $out;
            const NAME: &'static str = $json;
            #[inline]
            fn read<$a>(value: &$a Value) -> Option<$out> {
                let read: fn(&$a Value) -> Option<$out> = $read;
                read(value)
            }
        }
    )*};
}

generic_kinds! {
    /// One of a set of strings that may grow: the generated enum.
    Enum<E: OpenEnum>, "string", 'a E, |value| value.as_str().map(E::from_text);
    /// A nested object: a borrowed view.
    Object<V: View>, "object", 'a &'a V, |value| value.is_object().then(|| V::view(value));
    /// A reference that can be expanded: [`Expandable`].
    Ref<V: View>, "id or object", 'a Expandable<'a, V>, Expandable::from_json;
    /// An array: [`Array`](super::Array).
    Array<K: Kind>, "array", 'a &'a super::Array<K>, |value| value.is_array().then(|| super::Array::from_json(Some(value)));
    /// A Stripe list: [`List`](super::List).
    List<K: Kind>, "list", 'a &'a super::List<K>, |value| value.is_object().then(|| super::List::ref_cast(value));
    /// A map from strings: [`Map`](super::Map).
    Map<K: Kind>, "object", 'a &'a super::Map<K>, |value| value.is_object().then(|| super::Map::ref_cast(value));
}
