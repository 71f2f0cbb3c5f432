//! What the fields of a described view are: the type that is written, the kind, and what the getter gives.

use std::collections::{BTreeMap, HashMap};

use serde_json::Value;

use crate::resources::Lens;
use crate::view::kind::{self, Kind};
use crate::view::{self, AnyObject, OpenEnum, Timestamp, View, read};

/// A type that says what a getter reads, in the description of a view for
/// [`#[derive(StripeModel)]`][derive].
///
/// ```
/// use serde_json::json;
/// use stripe_store::model::ViewField;
///
/// let json = json!({"points": 12, "colours": ["red", "blue"]});
/// assert_eq!(i64::get(&json, "points"), Some(12));
/// assert_eq!(String::get(&json, "points"), None);
/// assert_eq!(Vec::<String>::get(&json, "colours").len(), 2);
/// ```
///
#[cfg_attr(feature = "derive", doc = "[derive]: macro@crate::StripeModel")]
#[cfg_attr(
    not(feature = "derive"),
    doc = "[derive]: https://docs.rs/stripe-store/latest/stripe_store/derive.StripeModel.html"
)]
#[diagnostic::on_unimplemented(
    message = "`{Self}` says nothing of what Stripe sends",
    label = "no type of a field",
    note = "texts are `String`, integers `i64`, moments `Timestamp`, references `kind::Ref<T>`, parts that derive \
            `StripeModel` are `nested`; see `ViewField`"
)]
pub trait ViewField {
    /// The kind of the path constant.
    type Kind: Kind;

    /// What the getter gives.
    type Out<'a>;

    /// The getter's read of the value under `key`.
    fn get<'a>(value: &'a Value, key: &str) -> Self::Out<'a>;
}

macro_rules! optional {
    ($($type:ty, $kind:ty $(, <$v:ident: $bound:path>)?;)*) => {$(
        impl$(<$v: $bound + 'static>)? ViewField for $type {
            type Kind = $kind;
            type Out<'a> = Option<<$kind as Kind>::Out<'a>>;

            #[inline]
            fn get<'a>(value: &'a Value, key: &str) -> Self::Out<'a> {
                <$kind as Kind>::read(value.get(key)?)
            }
        }
    )*};
}

optional! {
    String, kind::Text;
    i64, kind::Int;
    f64, kind::Float;
    bool, kind::Bool;
    Value, kind::Json;
    Timestamp, kind::Time;
    AnyObject, kind::Object<AnyObject>;
    Lens<K>, kind::Object<Lens<K>>, <K: Sized>;
    E, kind::Enum<E>, <E: OpenEnum>;
    kind::Text, Self;
    kind::Int, Self;
    kind::IntText, Self;
    kind::Float, Self;
    kind::Bool, Self;
    kind::Decimal, Self;
    kind::Time, Self;
    kind::DateTimeText, Self;
    kind::Json, Self;
    kind::Enum<E>, Self, <E: OpenEnum>;
    kind::Ref<V>, Self, <V: View>;
    kind::Object<V>, Self, <V: View>;
}

macro_rules! collections {
    ($($type:ty, $kind:ty, $out:ty, $read:path;)*) => {$(
        /// Empty where absent.
        impl<T: ViewField> ViewField for $type {
            type Kind = $kind;
            type Out<'a> = &'a $out;

            #[inline]
            fn get<'a>(value: &'a Value, key: &str) -> Self::Out<'a> {
                $read(value, key)
            }
        }
    )*};
}

collections! {
    Vec<T>, kind::Array<T::Kind>, view::Array<T::Kind>, read::array;
    kind::Array<T>, kind::Array<T::Kind>, view::Array<T::Kind>, read::array;
    kind::List<T>, kind::List<T::Kind>, view::List<T::Kind>, read::list;
    kind::Map<T>, kind::Map<T::Kind>, view::Map<T::Kind>, read::map;
    BTreeMap<String, T>, kind::Map<T::Kind>, view::Map<T::Kind>, read::map;
    HashMap<String, T>, kind::Map<T::Kind>, view::Map<T::Kind>, read::map;
    view::Map<T>, kind::Map<T::Kind>, view::Map<T::Kind>, read::map;
    view::List<T>, kind::List<T::Kind>, view::List<T::Kind>, read::list;
}

/// The same as without: a getter says `None` anyway.
impl<T: ViewField> ViewField for Option<T> {
    type Kind = T::Kind;
    type Out<'a> = T::Out<'a>;

    #[inline]
    fn get<'a>(value: &'a Value, key: &str) -> Self::Out<'a> {
        T::get(value, key)
    }
}

/// For emitted code: a field of this type is the nested view.
#[doc(hidden)]
#[macro_export]
macro_rules! view_field {
    ($type:ty, $view:ty) => {
        #[automatically_derived]
        impl $crate::model::ViewField for $type {
            type Kind = $crate::view::kind::Object<$view>;
            type Out<'a> = ::core::option::Option<&'a $view>;

            #[inline]
            fn get<'a>(value: &'a $crate::__private::Value, key: &str) -> Self::Out<'a> {
                $crate::view::read::object(value, key)
            }
        }
    };
}
