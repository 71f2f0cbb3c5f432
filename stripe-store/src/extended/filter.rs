//! Conditions and orders of extended models: of own columns, and of the object's fields. Knows nothing of SQL.

use std::fmt;
use std::marker::PhantomData;
use std::ops;

use super::StripeModel;
use super::column::{OwnCondition, OwnKey};
use crate::query::{By, Direction, Filter, Node, Nulls, Order, OrderKey};

/// A condition on rows of the model `M`: on its own columns, on its object, or on both.
///
/// A [`Filter`] of the object becomes one by `into`, and where a query takes one.
#[must_use = "hand it to `ModelQuery::filter`"]
pub struct ModelFilter<M> {
    pub(crate) node: Node,
    model: PhantomData<fn() -> M>,
}

impl<M> ModelFilter<M> {
    fn new(node: Node) -> Self {
        Self {
            node,
            model: PhantomData,
        }
    }

    pub(super) fn own(condition: OwnCondition) -> Self {
        Self::new(Node::Own(condition))
    }

    /// Both conditions.
    pub fn and(self, other: impl Into<Self>) -> Self {
        Self::new(Node::All(vec![self.node, other.into().node]))
    }

    /// At least one of both conditions.
    pub fn or(self, other: impl Into<Self>) -> Self {
        Self::new(Node::Any(vec![self.node, other.into().node]))
    }
}

/// A condition on the object.
impl<M: StripeModel> From<Filter<M::Object>> for ModelFilter<M> {
    fn from(filter: Filter<M::Object>) -> Self {
        Self::new(filter.node)
    }
}

/// Where the condition does not hold.
impl<M> ops::Not for ModelFilter<M> {
    type Output = Self;

    fn not(self) -> Self {
        Self::new(Node::Not(Box::new(self.node)))
    }
}

impl<M> Clone for ModelFilter<M> {
    fn clone(&self) -> Self {
        Self::new(self.node.clone())
    }
}

/// Shows nothing of the values, which may be secret.
impl<M> fmt::Debug for ModelFilter<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ModelFilter").finish_non_exhaustive()
    }
}

/// Sorts rows of the model `M`, by an own column or, from an [`Order`] by `into`, by a field of the object.
#[must_use = "hand it to `ModelQuery::order_by`"]
pub struct ModelOrder<M> {
    pub(crate) key: OrderKey,
    model: PhantomData<fn() -> M>,
}

impl<M> ModelOrder<M> {
    fn new(key: OrderKey) -> Self {
        Self {
            key,
            model: PhantomData,
        }
    }

    pub(super) fn own(key: OwnKey, direction: Direction) -> Self {
        Self::new(OrderKey {
            by: By::Own(key),
            direction,
            nulls: None,
        })
    }

    /// What has no value comes first. Default: last.
    pub fn nulls_first(self) -> Self {
        Self::new(self.key.with_nulls(Nulls::First))
    }
}

/// An order of the object.
impl<M: StripeModel> From<Order<M::Object>> for ModelOrder<M> {
    fn from(order: Order<M::Object>) -> Self {
        Self::new(order.key)
    }
}

impl<M> Clone for ModelOrder<M> {
    fn clone(&self) -> Self {
        Self::new(self.key.clone())
    }
}

impl<M> fmt::Debug for ModelOrder<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ModelOrder").field(&self.key).finish()
    }
}
