//! What is to be generated: plain data between reading and writing.
//!
//! Every decision has been made here: names are Rust names, kinds are chosen, files assigned. Knows neither the
//! description's types nor tokens.

mod listing;
mod operation;

pub use self::listing::{Listing, ListingParent};
pub use self::operation::{
    Answer, Answered, Host, Method, Operation, Parameter, ParameterKind, ParameterObject,
    PathParameter, Shape,
};

/// The view of an object of a type that is not generated; the view runtime has it.
pub const ANY_OBJECT: &str = "AnyObject";

/// The views of one version of the API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Api {
    /// The API version: `2026-10-28.endive`.
    pub version: String,
    /// All views, by Rust name.
    pub views: Vec<View>,
    /// All open enums, by Rust name.
    pub enums: Vec<OpenEnum>,
    /// All event types, snapshot events first, each kind by name.
    pub events: Vec<Event>,
    /// All operations, by path and then by method; none if they were not asked for.
    pub operations: Vec<Operation>,
    /// The open enums of their parameters, by Rust name. Names apart from those of the views.
    pub operation_enums: Vec<ParameterEnum>,
    /// The objects among their parameters, by Rust name. Names apart from those of the views.
    pub operation_objects: Vec<ParameterObject>,
    /// What can be listed, parents before what is listed below them.
    pub listings: Vec<Listing>,
}

/// An open enum of a parameter of operations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParameterEnum {
    /// The enum. Its twin, if it has one, is among the operations' too.
    pub it: OpenEnum,
    /// The enum of the views of which this is another name.
    pub of_view: Option<String>,
}

/// A generated view.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct View {
    /// The Rust name: `CheckoutSession`.
    pub name: String,
    /// Where the description has it: `checkout.session`, or `subscription.items` for a nested one.
    pub source: String,
    /// The module that holds it.
    pub module: String,
    /// The description's own words, where it has any.
    pub description: Option<String>,
    /// The fields, by key.
    pub fields: Vec<Field>,
    /// What makes it a resource.
    pub resource: Option<Resource>,
    /// The alternatives it chooses from.
    pub variants: Option<Variants>,
    /// The view of the object of which this is what is left, when it was deleted.
    pub tombstone_of: Option<String>,
    /// The view of which this is another name, in all places alike.
    pub twin: Option<String>,
}

/// The facts of a resource.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "four facts that do not depend on each other"
)]
pub struct Resource {
    /// What `object` says: `checkout.session`.
    pub object: String,
    /// Other names that `object` has had.
    pub aliases: Vec<String>,
    /// The collection's path: `/v1/checkout/sessions`.
    pub path: Option<String>,
    /// How generated ids begin: `cs_`.
    pub id_prefix: Option<String>,
    /// Whether one can be read, all listed, searched, and one deleted.
    pub retrieve: bool,
    /// See [`retrieve`](Self::retrieve).
    pub list: bool,
    /// See [`retrieve`](Self::retrieve).
    pub search: bool,
    /// See [`retrieve`](Self::retrieve).
    pub delete: bool,
    /// The paths that `expand` takes, sorted, each with what `object` can say in the object it leads to, sorted.
    pub expandable: Vec<(String, Vec<String>)>,
}

/// A field of a view.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Field {
    /// The JSON key.
    pub key: String,
    /// The getter's name: the key as a Rust identifier.
    pub getter: String,
    /// The path constant's name, where there is one.
    pub constant: Option<String>,
    /// What it holds.
    pub kind: Kind,
    /// Whether Stripe may send `null`.
    pub nullable: bool,
    /// Whether Stripe always sends it.
    pub required: bool,
    /// The description's own words, where it has any.
    pub description: Option<String>,
    /// What is known of the value beyond its kind.
    pub note: Note,
}

/// What a field's documentation says of the value beyond its kind.
#[derive(Debug, Clone, PartialEq, Eq, Default, PartialOrd, Ord)]
pub enum Note {
    /// Nothing.
    #[default]
    None,
    /// It is money in minor units of the currency that a sibling field names.
    MinorUnits,
    /// It is a percentage, 0 to 100.
    Percent,
    /// It is always this text.
    Always(String),
}

/// What a field holds.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// The object's own id.
    Id,
    /// A string.
    Text,
    /// An integer.
    Int,
    /// An integer spelled as a string.
    IntText,
    /// A number.
    Float,
    /// A boolean.
    Bool,
    /// A decimal string.
    Decimal,
    /// Unix seconds.
    Time,
    /// An RFC 3339 string.
    DateTime,
    /// Anything.
    Json,
    /// The open enum of that name.
    Enum(String),
    /// The view of that name.
    Object(String),
    /// An id, or the view of that name.
    Ref(String),
    /// An array.
    Array(Box<Kind>),
    /// A Stripe list.
    List(Box<Kind>),
    /// A map from strings.
    Map(Box<Kind>),
}

impl Kind {
    /// The view or enum that the kind names, through arrays, lists and maps.
    pub fn target(&self) -> Option<&str> {
        match self {
            Self::Enum(name) | Self::Object(name) | Self::Ref(name) => Some(name),
            Self::Array(inner) | Self::List(inner) | Self::Map(inner) => inner.target(),
            _ => None,
        }
    }

    /// [`target`](Self::target), to be changed.
    pub fn target_mut(&mut self) -> Option<&mut String> {
        match self {
            Self::Enum(name) | Self::Object(name) | Self::Ref(name) => Some(name),
            Self::Array(inner) | Self::List(inner) | Self::Map(inner) => inner.target_mut(),
            _ => None,
        }
    }
}

/// The alternatives that a view chooses from, and the field that tells which.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Variants {
    /// The Rust name of the enum: `PaymentSourceVariant`.
    pub name: String,
    /// How the alternative is told.
    pub by: Discriminator,
    /// The alternatives, by value.
    pub arms: Vec<Arm>,
    /// The enum of which this is another name.
    pub twin: Option<String>,
}

/// How a view tells which alternative it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Discriminator {
    /// The value's `object` names it, and the value itself is the alternative.
    Object,
    /// The value's `type` names the field that holds the alternative.
    TypeField,
}

/// One alternative.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Arm {
    /// The Rust name of the arm.
    pub name: String,
    /// What the discriminating field says.
    pub value: String,
    /// The view of the alternative.
    pub view: String,
}

/// An enum that may grow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenEnum {
    /// The Rust name: `SubscriptionStatus`.
    pub name: String,
    /// Where the description has it: `subscription.status`.
    pub source: String,
    /// The module that holds it.
    pub module: String,
    /// The Rust name and the text of each value, by text.
    pub values: Vec<(String, String)>,
    /// The enum of which this is another name, in all places alike.
    pub twin: Option<String>,
}

/// An event type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// The Rust name: `InvoicePaid`.
    pub name: String,
    /// Stripe's name: `invoice.paid`.
    pub event: String,
    /// The view of the object that it carries, or that it is about.
    pub view: Option<String>,
    /// What `object` says in that object.
    pub object: Option<String>,
    /// Whether it says that Stripe deleted the object.
    pub is_deletion: bool,
    /// Whether it is a thin event.
    pub is_thin: bool,
}

/// What was generated and what was not.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Report {
    /// Schemas in the description.
    pub schemas: usize,
    /// Schemas that were not generated as a type of their own, each with the reason.
    pub skipped: Vec<(String, String)>,
    /// Fields that are read as plain JSON because the description leaves their shape open, each with the reason.
    pub untyped: Vec<(String, String)>,
    /// Operations that were not generated, each with the reason.
    pub skipped_operations: Vec<(String, String)>,
    /// The paths of lists that are no listings, each with the reason.
    pub unlisted: Vec<(String, String)>,
}
