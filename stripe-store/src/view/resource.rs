//! Top-level objects: what the API calls them, where it serves them, and the view for those nobody described.

use std::fmt;

use ref_cast::RefCast;
use serde_json::Value;

use super::{Metadata, Path, Timestamp, View, debug, kind, read};

/// A view of an object type that the API serves by itself.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a Stripe resource",
    label = "a nested object has no row of its own; name the resource that holds it"
)]
pub trait Resource: View {
    /// Stripe's name for the type, as in the JSON's `object`: `"customer"`.
    const OBJECT: &'static str;

    /// Other names that the same type has been sent under: a file has been a `file_upload`.
    const ALIASES: &'static [&'static str] = &[];

    /// The API path of the collection, or of the object itself where there is one per account:
    /// `"/v1/customers"`. `None` where the API has no path for it.
    const PATH: Option<&'static str> = None;

    /// How ids of the type begin, where all do: `"cus_"`.
    const ID_PREFIX: Option<&'static str> = None;

    /// What the API lets a caller do with the type at [`PATH`](Self::PATH).
    const OPERATIONS: Operations = Operations::NONE;

    /// The paths that `expand` takes, dotted, `data.` left out for lists of the type: `"latest_invoice"`.
    ///
    /// A path names a field of this object or of one nested in it; the fields of the expanded object can be
    /// appended to it in turn.
    const EXPANDABLE: &'static [&'static str] = &[];

    /// What the object can be that each path of [`EXPANDABLE`](Self::EXPANDABLE) leads to, by the names of the types,
    /// in the order of the paths: `["bank_account", "card", "source"]` for `"default_source"`.
    const EXPANDS_TO: &'static [&'static [&'static str]] = &[];

    /// Whether an object that names its type `object` is of this type.
    #[must_use]
    fn accepts(object: &str) -> bool {
        object == Self::OBJECT || Self::ALIASES.contains(&object)
    }

    /// Puts the lens over an object of this type, and refuses any other.
    ///
    /// ```
    /// use serde_json::json;
    /// use stripe_store::{Resource, resources::{Charge, Customer}};
    ///
    /// let value = json!({"id": "ch_1", "object": "charge"});
    /// assert_eq!(Charge::from_object(&value)?.id(), "ch_1");
    /// assert!(Customer::from_object(&value).is_err());
    /// # Ok::<(), stripe_store::view::ObjectMismatch>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`ObjectMismatch`] when the value's `object` names another type, or is missing.
    fn from_object(value: &Value) -> Result<&Self, ObjectMismatch> {
        match read::text(value, "object") {
            Some(found) if Self::accepts(found) => Ok(Self::view(value)),
            found => Err(ObjectMismatch {
                expected: Self::OBJECT,
                found: found.map(Into::into),
            }),
        }
    }
}

/// A view of what a reference leads to: a resource, or one of several.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a Stripe resource, nor one of several",
    label = "objects of this type have no rows of their own"
)]
pub trait Referent: View {
    /// The names of the types that it can be.
    const OBJECTS: &'static [&'static str];
}

impl<T: Resource> Referent for T {
    const OBJECTS: &'static [&'static str] = &[T::OBJECT];
}

/// A view of what an answer of Stripe's can be, when it says something of an object that can have a row: the object
/// itself, or what is left of it when it was deleted.
///
/// Resources are; so are choices between several, and the views that tell of a deletion, such as
/// [`DeletedCustomer`](crate::resources::DeletedCustomer).
#[diagnostic::on_unimplemented(
    message = "`{Self}` says nothing of a Stripe object that has a row",
    label = "it can be read, and not put into a store"
)]
pub trait Storable: View {
    /// The view of the object's row: of what is left of a customer, [`Customer`](crate::resources::Customer), since a
    /// row keeps what was last seen.
    type Row: View;

    /// Whether it says that the object was deleted.
    const IS_TOMBSTONE: bool = false;

    /// How the object can be read, where the type alone tells.
    #[doc(hidden)]
    const FACTS: Option<ResourceFacts> = None;
}

impl<T: Resource> Storable for T {
    type Row = T;
    const FACTS: Option<ResourceFacts> = Some(ResourceFacts::of::<T>());
}

impl Storable for AnyObject {
    type Row = Self;
}

/// A value is no object of the type that was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectMismatch {
    expected: &'static str,
    found: Option<Box<str>>,
}

impl ObjectMismatch {
    /// The type that was asked for.
    pub fn expected(&self) -> &'static str {
        self.expected
    }

    /// The type that the value names, if it names one.
    pub fn found(&self) -> Option<&str> {
        self.found.as_deref()
    }
}

impl fmt::Display for ObjectMismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.found {
            Some(found) => write!(
                f,
                "expected an object of type `{}`, found `{found}`",
                self.expected
            ),
            None => write!(
                f,
                "expected an object of type `{}`, found a value without `object`",
                self.expected
            ),
        }
    }
}

impl std::error::Error for ObjectMismatch {}

/// What the API lets a caller do with a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "four independent facts, read one at a time"
)]
#[non_exhaustive]
pub struct Operations {
    /// One object can be read by its id (or is the only one of its type).
    pub retrieve: bool,
    /// All objects can be listed.
    pub list: bool,
    /// Objects can be searched.
    pub search: bool,
    /// An object can be deleted.
    pub delete: bool,
}

impl Operations {
    /// Nothing: the type comes inside others only.
    pub const NONE: Self = Self {
        retrieve: false,
        list: false,
        search: false,
        delete: false,
    };

    /// Generated code makes these.
    #[doc(hidden)]
    #[must_use]
    #[expect(
        clippy::fn_params_excessive_bools,
        reason = "called by generated code alone, in the order of the fields"
    )]
    pub const fn new(retrieve: bool, list: bool, search: bool, delete: bool) -> Self {
        Self {
            retrieve,
            list,
            search,
            delete,
        }
    }
}

/// What is known of a resource, as data: the constants of [`Resource`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct ResourceFacts {
    /// [`Resource::OBJECT`].
    pub object: &'static str,
    /// [`Resource::ALIASES`].
    pub aliases: &'static [&'static str],
    /// [`Resource::PATH`].
    pub path: Option<&'static str>,
    /// [`Resource::ID_PREFIX`].
    pub id_prefix: Option<&'static str>,
    /// [`Resource::OPERATIONS`].
    pub operations: Operations,
    /// [`Resource::EXPANDABLE`].
    pub expandable: &'static [&'static str],
    /// [`Resource::EXPANDS_TO`].
    pub expands_to: &'static [&'static [&'static str]],
}

impl ResourceFacts {
    /// The facts of `T`.
    #[must_use]
    pub const fn of<T: Resource>() -> Self {
        Self {
            object: T::OBJECT,
            aliases: T::ALIASES,
            path: T::PATH,
            id_prefix: T::ID_PREFIX,
            operations: T::OPERATIONS,
            expandable: T::EXPANDABLE,
            expands_to: T::EXPANDS_TO,
        }
    }
}

/// The view of any object, also of a type that the API description does not know.
#[derive(Clone, RefCast)]
#[repr(transparent)]
pub struct AnyObject(Value);

impl AnyObject {
    /// Where [`id`](Self::id) is.
    pub const ID: Path<Self, kind::Text> = Path::new("id");
    /// Where [`created`](Self::created) is.
    pub const CREATED: Path<Self, kind::Time> = Path::new("created");
    /// Where [`livemode`](Self::livemode) is.
    pub const LIVEMODE: Path<Self, kind::Bool> = Path::new("livemode");
    /// Where [`metadata`](Self::metadata) is.
    pub const METADATA: Path<Self, kind::Map<kind::Text>> = Path::new("metadata");

    /// The object's id; empty where it has none.
    #[inline]
    pub fn id(&self) -> &str {
        read::id(&self.0, "id")
    }

    /// Stripe's name for the type; empty where the value does not say.
    #[inline]
    pub fn object(&self) -> &str {
        read::id(&self.0, "object")
    }

    /// When Stripe created the object.
    #[inline]
    pub fn created(&self) -> Option<Timestamp> {
        read::timestamp(&self.0, "created")
    }

    /// Whether the object is of live mode; `None` where it does not say.
    #[inline]
    pub fn livemode(&self) -> Option<bool> {
        read::boolean(&self.0, "livemode")
    }

    /// Whether this is what Stripe shows of an object that was deleted.
    #[inline]
    pub fn is_deleted(&self) -> bool {
        read::boolean(&self.0, "deleted").unwrap_or_default()
    }

    /// The key-value pairs that a merchant attached to the object.
    #[inline]
    pub fn metadata(&self) -> &Metadata {
        read::map(&self.0, "metadata")
    }

    /// The value under `key`, `null` included.
    #[inline]
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.0.get(key)
    }

    /// The object as one of type `T`, if that is what it says it is.
    #[inline]
    pub fn to<T: Resource>(&self) -> Option<&T> {
        T::from_object(&self.0).ok()
    }
}

impl View for AnyObject {
    #[inline]
    fn data(&self) -> &Value {
        &self.0
    }

    #[inline]
    fn from_value(value: Value) -> Self {
        Self(value)
    }
}

impl fmt::Debug for AnyObject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        debug::<Self>(&self.0, f)
    }
}
