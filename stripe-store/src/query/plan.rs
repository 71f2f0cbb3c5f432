//! A query without its store: types, conditions, order. Knows nothing of SQL.

use std::borrow::Cow;

use super::filter::{Field, Node, Read};
use super::order::{By, Direction, OrderKey};
use crate::view::Segment;

/// What is asked for.
#[derive(Clone)]
pub(crate) struct Plan {
    /// The type's names, today's first; there is at least one.
    pub(crate) names: Vec<Cow<'static, str>>,
    /// Conditions, each of which has to hold.
    pub(crate) filter: Vec<Node>,
    /// What the caller sorts by; see [`order`](Self::order).
    pub(crate) order: Vec<OrderKey>,
}

/// The order of lists: newest first.
static NEWEST_FIRST: [OrderKey; 1] = [OrderKey {
    by: By::Created,
    direction: Direction::Descending,
    nulls: None,
}];

impl Plan {
    pub(crate) fn new(names: Vec<Cow<'static, str>>) -> Self {
        Self {
            names,
            filter: Vec::new(),
            order: Vec::new(),
        }
    }

    /// The type's name of today.
    pub(crate) fn object(&self) -> &str {
        self.names.first().map_or("", |name| name)
    }

    /// The fields that rows are sorted by, but for the id.
    pub(crate) fn order(&self) -> &[OrderKey] {
        if self.order.is_empty() {
            &NEWEST_FIRST
        } else {
            &self.order
        }
    }

    /// Tells this query apart from others of the type, for its cursors. A later version may tell otherwise, and then
    /// refuses the cursors of an earlier one.
    pub(super) fn fingerprint(&self) -> String {
        format!("{:?} {:?}", self.filter, self.order())
    }
}

/// Where the object's time is, for [`By::Created`].
pub(crate) fn created() -> Field {
    Field {
        steps: vec![Segment::Key(Cow::Borrowed("created"))],
        read: Read::Int,
    }
}
