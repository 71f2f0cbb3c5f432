//! What is to be generated of the API's operations.

/// An operation of the API: a builder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operation {
    /// The Rust name: `CreateSubscription`.
    pub name: String,
    /// The module that holds it.
    pub module: String,
    /// Its name in the description, where it has one: `PostSubscriptions`.
    pub id: Option<String>,
    /// Its method.
    pub method: Method,
    /// Its path, with parameters in braces.
    pub path: String,
    /// Which of Stripe's servers it is on.
    pub host: Host,
    /// What it answers with.
    pub answer: Answer,
    /// The parameters of the path, in its order.
    pub ids: Vec<PathParameter>,
    /// The other parameters, by key, without those that page and expand.
    pub parameters: Vec<Parameter>,
    /// Whether the description says that it is on its way out.
    pub is_deprecated: bool,
}

/// The methods that the client has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Method {
    /// Reads.
    Get,
    /// Creates, changes, acts.
    Post,
    /// Deletes or cancels.
    Delete,
}

/// Stripe's servers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Host {
    /// The usual one.
    Api,
    /// The one for files.
    Files,
    /// The one for streams of meter events.
    MeterEvents,
}

impl ParameterKind {
    /// The enum or the object that it names.
    pub fn target(&self) -> Option<&String> {
        match self {
            Self::Enum(name) | Self::Enums(name) | Self::Object(name) | Self::Objects(name) => {
                Some(name)
            }
            _ => None,
        }
    }

    /// As [`target`](Self::target).
    pub fn target_mut(&mut self) -> Option<&mut String> {
        match self {
            Self::Enum(name) | Self::Enums(name) | Self::Object(name) | Self::Objects(name) => {
                Some(name)
            }
            _ => None,
        }
    }
}

/// What an operation answers with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// One object.
    One(Answered),
    /// Objects, page by page.
    Many(Answered),
    /// JSON that the description says nothing of.
    Raw,
}

/// The objects of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered {
    /// Their view, [`ANY_OBJECT`](super::ANY_OBJECT) if they have none of their own.
    pub view: String,
    /// Whether the view is that of a resource, so that it can be told whether an object is one.
    pub is_resource: bool,
}

/// A parameter of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathParameter {
    /// What the path calls it: `customer`.
    pub key: String,
    /// The argument's name.
    pub argument: String,
}

/// A parameter in a query or a body.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "four facts that do not depend on each other"
)]
pub struct Parameter {
    /// Its name at Stripe.
    pub key: String,
    /// The setter's name: the key as a Rust identifier.
    pub setter: String,
    /// What it takes.
    pub kind: ParameterKind,
    /// Whether the operation or the object cannot do without.
    pub is_required: bool,
    /// Whether it is an argument of the constructor, and has no setter.
    pub is_argument: bool,
    /// Whether an empty text, in its place, empties the field.
    pub can_be_emptied: bool,
    /// Whether the description says that it is on its way out.
    pub is_deprecated: bool,
}

/// An object among the parameters: a builder too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParameterObject {
    /// The Rust name: `CreateSubscriptionItems`.
    pub name: String,
    /// The parameter that it is of: `CreateSubscription.items`.
    pub source: String,
    /// The module that holds it.
    pub module: String,
    /// What it can hold, by key.
    pub parameters: Vec<Parameter>,
    /// The object of which this is another name, in all places alike.
    pub twin: Option<String>,
}

/// What a parameter takes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum ParameterKind {
    /// A text.
    Text,
    /// One text alone.
    Constant(String),
    /// A decimal, as a text.
    Decimal,
    /// An RFC 3339 text.
    DateTime,
    /// An integer.
    Int,
    /// A number.
    Float,
    /// True or false.
    Bool,
    /// Unix seconds.
    Time,
    /// Moments between two, or one.
    TimeRange,
    /// The open enum of that name.
    Enum(String),
    /// Texts.
    Texts,
    /// Values of the open enum of that name.
    Enums(String),
    /// Texts by key.
    Map,
    /// The object of that name.
    Object(String),
    /// Objects of that name.
    Objects(String),
    /// Anything else, as JSON.
    Json(Shape),
}

/// What the JSON of a parameter looks like.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Shape {
    /// A map of the caller's.
    Map,
    /// One of several things, in words: `an integer`.
    OneOf(Vec<String>),
    /// Not described.
    Any,
}
