//! Which index serves a query on SQLite, whose planner does not know.
//!
//! Without statistics, which SQLite gathers only when told to, its planner takes an index that has the rows in the order
//! asked for to be as good as one that has only the few that are asked for, and reads every object of a type to find
//! those of one customer. A `+` before an expression keeps it from an index, and changes nothing else.

use std::collections::HashSet;
use std::sync::Arc;

use super::expression::{Json, REFERENCES};
use super::{IndexPlan, Rows};
use crate::extended::{OwnCondition, OwnTest};
use crate::query::{Comparison, Field, Node, Read};
use crate::store::tables::TableNames;
use crate::store::{Dialect, Extension};

/// How well an index leads to the rows of a condition, the best last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Pin {
    /// Of a status there may be few or many: on a page, newest first, the order may be found sooner.
    Status,
    /// A user had the index made.
    Added,
    Reference,
    Id,
}

/// The indexes that users had made, by their names.
#[derive(Debug)]
pub(crate) struct Added<'a> {
    pub(crate) names: Arc<HashSet<String>>,
    pub(crate) tables: &'a TableNames,
}

/// The best of the indexes that serve the conditions; `None` where the planner knows by itself.
pub(super) fn pin(rows: &Rows<'_>) -> Option<Pin> {
    let (Dialect::Sqlite, Some(added)) = (rows.dialect, &rows.added) else {
        return None;
    };
    rows.filter
        .iter()
        .filter_map(|node| pin_of(added, node))
        .max()
}

fn pin_of(added: &Added<'_>, node: &Node) -> Option<Pin> {
    match node {
        Node::All(nodes) => nodes.iter().filter_map(|node| pin_of(added, node)).max(),
        Node::Compare(field, Comparison::Eq, _) | Node::In(field, _) => {
            known(field).or_else(|| added.pin(field))
        }
        Node::StartsWith(field, prefix) if !prefix.is_empty() => match known(field) {
            None => added.pin(field),
            found => found.filter(|pin| *pin == Pin::Id),
        },
        _ => None,
    }
}

/// Whether to begin with the rows of a model's table, and look up the object of each; else each object's row is looked up
/// there.
pub(super) fn begins_with_own(
    rows: &Rows<'_>,
    pin: Option<Pin>,
    extension: &Extension,
    limit: Option<usize>,
) -> bool {
    if rows.filter.iter().any(|node| is_indexed(extension, node)) {
        return pin < Some(Pin::Id);
    }
    // Of a few, the order may be found sooner among the objects, which have an index for it.
    pin.is_none() && limit.is_none()
}

/// Whether an index of the model's table leads to the few rows that fulfil the condition.
fn is_indexed(extension: &Extension, node: &Node) -> bool {
    match node {
        Node::All(nodes) => nodes.iter().any(|node| is_indexed(extension, node)),
        Node::Own(OwnCondition {
            column,
            test: OwnTest::Compare(Comparison::Eq, _) | OwnTest::In(_),
        }) => extension.has_index(column),
        _ => false,
    }
}

/// The index of the schema that serves the field.
pub(super) fn known(field: &Field) -> Option<Pin> {
    let name = field.top()?;
    match field.read {
        _ if field.is_id() => Some(Pin::Id),
        Read::Text | Read::Ref if REFERENCES.contains(&name) => Some(Pin::Reference),
        Read::Text if name == "status" => Some(Pin::Status),
        _ => None,
    }
}

impl Added<'_> {
    fn pin(&self, field: &Field) -> Option<Pin> {
        if self.names.is_empty() {
            return None;
        }
        let plan = IndexPlan::new(Dialect::Sqlite, self.tables, field)?;
        self.names.contains(&plan.name).then_some(Pin::Added)
    }
}

/// The expression, kept from its index when the planner is led to a better one.
pub(super) fn lead(pin: Option<Pin>, json: &Json, field: &Field, expression: &str) -> String {
    let own = known(field).unwrap_or(Pin::Added);
    match json {
        Json::Sqlite if pin > Some(own) => format!("+({expression})"),
        _ => expression.to_owned(),
    }
}
