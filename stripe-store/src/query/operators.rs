//! What a path can be compared with, by its kind.

use super::filter::{Comparison, Field, Filter, Node, Operand, Read};
use super::order::{Direction, Order};
use crate::view::kind::{
    Array, Bool, DateTimeText, Decimal, Enum, Float, Int, IntText, Json, Kind, List, Map, Object,
    Ref, Text, Time,
};
use crate::view::{AnyObject, Expandable, OpenEnum, Path, Resource, Timestamp, View};

/// A view of whole rows: every resource, and [`AnyObject`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no rows of its own",
    note = "begin the path with a resource: `Customer::ADDRESS.then(Address::CITY)`"
)]
pub trait Queryable: View {}

impl<T: Resource> Queryable for T {}
impl Queryable for AnyObject {}

/// A kind of field that a filter can look at.
pub trait Filterable: Kind + sealed::Readable {}

/// A kind whose values equal others or not: texts, numbers, moments, booleans, enums, references.
#[diagnostic::on_unimplemented(
    message = "a field of kind `{Self}` cannot be compared for equality",
    note = "go on to a field inside it with `then`, `key` or `at`, or use `is_present`, `contains` or `any_element`"
)]
pub trait Equatable: Filterable {}

/// A kind whose values have an order that a filter can ask for: numbers and moments.
#[diagnostic::on_unimplemented(
    message = "a field of kind `{Self}` is neither smaller nor larger than another",
    note = "numbers and moments are"
)]
pub trait Comparable: Equatable {}

/// What a field of kind `K` can be compared with.
///
/// Text with `&str` and `String`, integers with `i64`, numbers with `f64`, booleans with `bool`, moments with
/// [`Timestamp`], an enum with its own values, a reference with an id or another reference.
#[diagnostic::on_unimplemented(
    message = "a field of kind `{K}` cannot be compared with `{Self}`",
    label = "not a value of the field's kind"
)]
pub trait Comparand<K>: sealed::Operand<K> {}

mod sealed {
    pub trait Readable {
        const READ: super::Read;
    }
    pub trait Operand<K> {
        fn operand(self) -> super::Operand;
    }
}

macro_rules! readable {
    ($($kind:ty, $read:ident $(, <$v:ident: $bound:path>)?;)*) => {$(
        impl$(<$v: $bound + 'static>)? sealed::Readable for $kind {
            const READ: Read = Read::$read;
        }
        impl$(<$v: $bound + 'static>)? Filterable for $kind {}
    )*};
}

readable! {
    Text, Text;
    Int, Int;
    IntText, IntText;
    Float, Float;
    Bool, Bool;
    Decimal, Decimal;
    Time, Int;
    DateTimeText, Text;
    Json, Json;
    Enum<E>, Text, <E: OpenEnum>;
    Ref<V>, Ref, <V: View>;
    Object<V>, Object, <V: View>;
    Array<K>, Array, <K: Kind>;
    List<K>, Object, <K: Kind>;
    Map<K>, Object, <K: Kind>;
}

macro_rules! mark {
    ($marker:ident: $($kind:ty $(, <$v:ident: $bound:path>)?;)*) => {$(
        impl$(<$v: $bound + 'static>)? $marker for $kind {}
    )*};
}

mark! { Equatable: Text; Int; IntText; Float; Bool; Time; DateTimeText; Enum<E>, <E: OpenEnum>; Ref<V>, <V: View>; }
mark! { Comparable: Int; IntText; Float; Time; }

macro_rules! comparands {
    ($($kind:ty, $value:ty, $make:expr $(, <$v:ident: $bound:path>)?;)*) => {$(
        impl$(<$v: $bound + 'static>)? sealed::Operand<$kind> for $value {
            fn operand(self) -> Operand {
                let make: fn($value) -> Operand = $make;
                make(self)
            }
        }
        impl$(<$v: $bound + 'static>)? Comparand<$kind> for $value {}
    )*};
}

comparands! {
    Text, &str, |text| Operand::Text(text.to_owned());
    Text, String, Operand::Text;
    Text, &String, |text| Operand::Text(text.clone());
    DateTimeText, &str, |text| Operand::Text(text.to_owned());
    DateTimeText, String, Operand::Text;
    Int, i64, Operand::Int;
    IntText, i64, Operand::Int;
    Float, f64, Operand::Float;
    Bool, bool, Operand::Bool;
    Time, Timestamp, |time| Operand::Int(time.unix_seconds());
    Enum<E>, E, |value| Operand::Text(value.as_str().to_owned()), <E: OpenEnum>;
    Enum<E>, &E, |value| Operand::Text(value.as_str().to_owned()), <E: OpenEnum>;
    Ref<V>, &str, |id| Operand::Text(id.to_owned()), <V: View>;
    Ref<V>, String, Operand::Text, <V: View>;
    Ref<V>, &String, |id| Operand::Text(id.clone()), <V: View>;
    Ref<V>, Expandable<'_, V>, |reference| Operand::Text(reference.id().to_owned()), <V: View>;
}

/// Filters and orders out of a path. A filter sees what the getter of the same name reads: `12.0` is 12, a reference is
/// its id whether Stripe sent the id or the object, and a value of another type is no value.
impl<T, K: Filterable> Path<T, K> {
    pub(crate) fn field(&self) -> Field {
        Field {
            steps: self.segments().collect(),
            read: K::READ,
        }
    }

    /// The getter reads nothing: the field is absent, `null`, or of another type.
    pub fn is_null(self) -> Filter<T> {
        super::not(self.is_present())
    }

    /// The getter reads something.
    pub fn is_present(self) -> Filter<T> {
        Filter::new(Node::Present(self.field()))
    }

    /// The field is in the object, be it `null` or of another type: what
    /// [`state`](Path::state) does not call [`Absent`](crate::view::State::Absent).
    pub fn exists(self) -> Filter<T> {
        Filter::new(Node::Exists(self.field()))
    }
}

/// Equality. Text is compared byte by byte, upper and lower case apart.
impl<T, K: Equatable> Path<T, K> {
    fn compare(&self, comparison: Comparison, operand: Operand) -> Filter<T> {
        Filter::new(Node::Compare(self.field(), comparison, operand))
    }

    /// The field has this value.
    pub fn eq(self, value: impl Comparand<K>) -> Filter<T> {
        self.compare(Comparison::Eq, value.operand())
    }

    /// The field does not have this value: it has another one, or none.
    pub fn ne(self, value: impl Comparand<K>) -> Filter<T> {
        super::not(self.eq(value))
    }

    /// The field has one of these values; never, if there are none.
    pub fn is_in(self, values: impl IntoIterator<Item = impl Comparand<K>>) -> Filter<T> {
        let values = values.into_iter().map(sealed::Operand::operand).collect();
        Filter::new(Node::In(self.field(), values))
    }

    /// Sorts by this field, the smallest first: numbers and moments by size, text by byte, `false` before `true`.
    ///
    /// Texts are sorted by their first 255 characters.
    pub fn asc(self) -> Order<T> {
        Order::new(self.field(), Direction::Ascending)
    }

    /// Sorts by this field, the largest first.
    pub fn desc(self) -> Order<T> {
        Order::new(self.field(), Direction::Descending)
    }
}

/// Size. What has no value is neither smaller nor larger than anything.
impl<T, K: Comparable> Path<T, K> {
    /// The field is less than this.
    pub fn lt(self, value: impl Comparand<K>) -> Filter<T> {
        self.compare(Comparison::Lt, value.operand())
    }

    /// The field is at most this.
    pub fn le(self, value: impl Comparand<K>) -> Filter<T> {
        self.compare(Comparison::Le, value.operand())
    }

    /// The field is more than this.
    pub fn gt(self, value: impl Comparand<K>) -> Filter<T> {
        self.compare(Comparison::Gt, value.operand())
    }

    /// The field is at least this.
    pub fn ge(self, value: impl Comparand<K>) -> Filter<T> {
        self.compare(Comparison::Ge, value.operand())
    }
}

/// Text.
impl<T> Path<T, Text> {
    /// The text begins with `prefix`, byte by byte. No character in it means anything but itself.
    pub fn starts_with(self, prefix: impl Into<String>) -> Filter<T> {
        Filter::new(Node::StartsWith(self.field(), prefix.into()))
    }
}

/// Arrays.
impl<T, K: Kind> Path<T, Array<K>> {
    /// An element of the array has this value.
    pub fn contains(self, value: impl Comparand<K>) -> Filter<T>
    where
        K: Equatable,
    {
        let element = Field {
            steps: Vec::new(),
            read: K::READ,
        };
        let node = Node::Compare(element, Comparison::Eq, value.operand());
        Filter::new(Node::Element(self.segments().collect(), Box::new(node)))
    }
}

/// Arrays of objects.
impl<T, V: View> Path<T, Array<Object<V>>> {
    /// An element of the array fulfils this condition.
    ///
    /// ```
    /// use stripe_store::resources::{Subscription, SubscriptionItem};
    ///
    /// let has_seats = Subscription::ITEMS.elements().any_element(SubscriptionItem::QUANTITY.gt(1));
    /// # let _ = has_seats;
    /// ```
    pub fn any_element(self, filter: Filter<V>) -> Filter<T> {
        // As in the iterator of the array, what is no object is left out.
        let is_object = Node::Present(Field {
            steps: Vec::new(),
            read: Read::Object,
        });
        let node = Node::All(vec![is_object, filter.node]);
        Filter::new(Node::Element(self.segments().collect(), Box::new(node)))
    }
}
