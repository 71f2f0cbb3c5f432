//! What rows are asked for, as a tree. Knows nothing of SQL.

use std::marker::PhantomData;
use std::ops;

use crate::extended::OwnCondition;
use crate::view::Segment;

/// A condition on objects of type `T`, made from their path constants.
///
/// A condition holds or does not hold, and there is nothing between: what the getter reads as `None` equals nothing,
/// is less than nothing, and so on, and [`not`] turns that round.
///
/// ```
/// use stripe_store::query::{all, any, not};
/// use stripe_store::resources::{Subscription, SubscriptionStatus};
///
/// let paying = Subscription::STATUS.is_in([SubscriptionStatus::Active, SubscriptionStatus::PastDue]);
/// let ends = any([Subscription::CANCEL_AT.is_present(), Subscription::CANCEL_AT_PERIOD_END.eq(true)]);
/// let filter = all([paying, not(ends), Subscription::METADATA.key("tier").eq("gold")]);
/// # let _ = filter;
/// ```
#[must_use = "hand it to `Query::filter`"]
pub struct Filter<T> {
    pub(crate) node: Node,
    view: PhantomData<fn() -> T>,
}

impl<T> Filter<T> {
    pub(crate) fn new(node: Node) -> Self {
        Self {
            node,
            view: PhantomData,
        }
    }

    /// Both conditions.
    pub fn and(self, other: Self) -> Self {
        all([self, other])
    }

    /// At least one of both conditions.
    pub fn or(self, other: Self) -> Self {
        any([self, other])
    }
}

/// Every one of these conditions; of none, what always holds.
pub fn all<T>(filters: impl IntoIterator<Item = Filter<T>>) -> Filter<T> {
    Filter::new(Node::All(nodes(filters)))
}

/// At least one of these conditions; of none, what never holds.
pub fn any<T>(filters: impl IntoIterator<Item = Filter<T>>) -> Filter<T> {
    Filter::new(Node::Any(nodes(filters)))
}

/// Where the condition does not hold.
pub fn not<T>(filter: Filter<T>) -> Filter<T> {
    Filter::new(Node::Not(Box::new(filter.node)))
}

fn nodes<T>(filters: impl IntoIterator<Item = Filter<T>>) -> Vec<Node> {
    filters.into_iter().map(|filter| filter.node).collect()
}

/// As [`not`].
impl<T> ops::Not for Filter<T> {
    type Output = Self;

    fn not(self) -> Self {
        not(self)
    }
}

impl<T> Clone for Filter<T> {
    fn clone(&self) -> Self {
        Self::new(self.node.clone())
    }
}

/// Shows nothing of the values, which may be secret.
impl<T> std::fmt::Debug for Filter<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Filter").finish_non_exhaustive()
    }
}

/// A condition on one JSON value: the object, or the element of an array.
///
/// `Debug` is part of what a cursor is told by: see `Plan::fingerprint`.
#[derive(Debug, Clone)]
pub(crate) enum Node {
    All(Vec<Node>),
    Any(Vec<Node>),
    Not(Box<Node>),
    Compare(Field, Comparison, Operand),
    In(Field, Vec<Operand>),
    StartsWith(Field, String),
    /// The getter reads something.
    Present(Field),
    /// There is a value at all, `null` counted.
    Exists(Field),
    /// An element of the array at these steps fulfils the condition.
    Element(Vec<Segment>, Box<Node>),
    /// A column of a model's own fulfils the condition.
    Own(OwnCondition),
}

impl Node {
    /// The object with this id.
    pub(crate) fn id(id: &str) -> Self {
        let field = Field {
            steps: vec![Segment::Key("id".into())],
            read: Read::Text,
        };
        Self::Compare(field, Comparison::Eq, Operand::Text(id.to_owned()))
    }
}

/// Where a value is, from the object or element on, and how its getter reads it. No steps: the value itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Field {
    pub(crate) steps: Vec<Segment>,
    pub(crate) read: Read,
}

impl Field {
    /// The name of a field at the top, if it is one.
    pub(crate) fn top(&self) -> Option<&str> {
        match self.steps.as_slice() {
            [Segment::Key(key)] => Some(key),
            _ => None,
        }
    }

    /// Whether it is the object's id.
    pub(crate) fn is_id(&self) -> bool {
        self.read == Read::Text && self.top() == Some("id")
    }
}

/// How a getter reads JSON: what kinds come down to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Read {
    /// A string.
    Text,
    /// A number that is whole, within 64 bits.
    Int,
    /// The same, or a string of it.
    IntText,
    /// A number.
    Float,
    /// A boolean.
    Bool,
    /// A string, or the `id` of an object.
    Ref,
    /// A string or a number, digit for digit.
    Decimal,
    /// An object.
    Object,
    /// An array.
    Array,
    /// Anything but `null`.
    Json,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Comparison {
    Eq,
    Lt,
    Le,
    Gt,
    Ge,
}

/// A value of the caller's. It goes to the database as a parameter, and never into the text of a statement.
#[derive(Debug, Clone, PartialEq)]
pub enum Operand {
    /// Text, enum values, ids.
    Text(String),
    /// Integers and moments.
    Int(i64),
    /// Numbers.
    Float(f64),
    /// Booleans.
    Bool(bool),
}
