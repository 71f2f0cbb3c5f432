//! Conditions. Each is true where it holds; elsewhere it is false or NULL, which `AND`, `OR` and `WHERE` take alike,
//! and `NOT` is spelled `IS NOT TRUE`.

use super::expression::{ID, Json, created, index_expression};
use super::lead::{Pin, lead};
use super::{Parameter, Writer};
use crate::extended::{OwnCondition, OwnTest};
use crate::query::{Comparison, Field, Node, Operand, Read};
use crate::store::{Dialect, extension};

const NEVER: &str = "1 = 0";

pub(super) fn condition(writer: &mut Writer, json: &Json, node: &Node) -> String {
    match node {
        Node::All(nodes) => join(writer, json, nodes, " AND ", "1 = 1"),
        Node::Any(nodes) => join(writer, json, nodes, " OR ", NEVER),
        Node::Not(node) => format!("({}) IS NOT TRUE", condition(writer, json, node)),
        Node::Compare(field, comparison, operand) => {
            compare(writer, json, field, *comparison, operand)
        }
        Node::In(field, operands) => is_in(writer, json, field, operands),
        Node::StartsWith(field, prefix) => starts_with(writer, json, field, prefix),
        Node::Present(field) => json.is_present(field),
        Node::Exists(field) => json.exists(field),
        Node::Element(steps, node) => {
            let name = writer.element();
            let (rows, element) = json.elements(steps, &name);
            let holds = condition(writer, &element, node);
            format!("EXISTS (SELECT 1 FROM {rows} WHERE {holds})")
        }
        Node::Own(own) => of_own(writer, own),
    }
}

/// On a column of a model's own.
fn of_own(writer: &mut Writer, own: &OwnCondition) -> String {
    let column = extension::own_name(own.column);
    match &own.test {
        OwnTest::Present => format!("{column} IS NOT NULL"),
        OwnTest::Compare(comparison, value) => {
            let (sign, order) = (sign(*comparison), value.sqlite_order());
            let value = writer.parameter(Parameter::Own(value.clone()));
            match (writer.dialect, order) {
                (Dialect::Sqlite, Some(order)) if *comparison != Comparison::Eq => {
                    format!("CAST({column} AS {order}) {sign} CAST({value} AS {order})")
                }
                _ => format!("{column} {sign} {value}"),
            }
        }
        OwnTest::In(values) if values.is_empty() => NEVER.to_owned(),
        OwnTest::In(values) => {
            let values: Vec<_> = values
                .iter()
                .map(|value| writer.parameter(Parameter::Own(value.clone())))
                .collect();
            format!("{column} IN ({})", values.join(", "))
        }
    }
}

fn sign(comparison: Comparison) -> &'static str {
    match comparison {
        Comparison::Eq => "=",
        Comparison::Lt => "<",
        Comparison::Le => "<=",
        Comparison::Gt => ">",
        Comparison::Ge => ">=",
    }
}

/// Whether the condition leaves only rows with certain ids, or with ids that begin alike: those of a range of the
/// primary key.
pub(super) fn names_ids(node: &Node) -> bool {
    match node {
        Node::Compare(field, Comparison::Eq, _) | Node::In(field, _) => field.is_id(),
        Node::StartsWith(field, prefix) => field.is_id() && !prefix.is_empty(),
        Node::All(nodes) => nodes.iter().any(names_ids),
        _ => false,
    }
}

/// Whether a column of a model's own is part of the condition.
pub(super) fn names_own(node: &Node) -> bool {
    match node {
        Node::Own(_) => true,
        Node::All(nodes) | Node::Any(nodes) => nodes.iter().any(names_own),
        Node::Not(node) => names_own(node),
        _ => false,
    }
}

fn join(writer: &mut Writer, json: &Json, nodes: &[Node], by: &str, none: &str) -> String {
    let parts: Vec<_> = nodes
        .iter()
        .map(|node| format!("({})", condition(writer, json, node)))
        .collect();
    if parts.is_empty() {
        none.to_owned()
    } else {
        parts.join(by)
    }
}

/// A text that a document can hold; a NUL, no document and no parameter can.
fn storable(text: &str) -> bool {
    !text.contains('\0')
}

fn compare(
    writer: &mut Writer,
    json: &Json,
    field: &Field,
    comparison: Comparison,
    operand: &Operand,
) -> String {
    let exact = json.read(field);
    let sign = sign(comparison);
    match operand {
        Operand::Text(text) if !storable(text) => NEVER.to_owned(),
        Operand::Text(text) => {
            let index = index_expression(json, field);
            let near = writer.text(&index.of_text(text));
            let indexed = lead(writer.pin, json, field, &index.text);
            let mut sql = format!("{indexed} = {near}");
            if !index.tells_apart(text) {
                let whole = writer.text(text);
                sql = format!("{sql} AND ({exact}) = {whole}");
            }
            sql
        }
        Operand::Int(number) => {
            let value = writer.parameter(Parameter::Int(*number));
            let sql = format!("({exact}) {sign} {value}");
            if index_expression(json, field).shipped && field.read == Read::Int {
                let near = near_created(writer, comparison, *number);
                return format!("{near} AND {sql}");
            }
            sql
        }
        // Neither is in a document; every number lies between the infinite ones.
        Operand::Float(number) if number.is_nan() => NEVER.to_owned(),
        Operand::Float(number) => {
            let value = writer.parameter(Parameter::Float(*number));
            format!("({exact}) {sign} {value}")
        }
        Operand::Bool(value) => {
            let value = writer.parameter(Parameter::Bool(*value));
            format!("({exact}) {sign} {value}")
        }
    }
}

/// What the index on `created` knows: the time within its bounds, less a fraction. One second to either side leaves
/// room for what a float rounds.
fn near_created(writer: &mut Writer, comparison: Comparison, number: i64) -> String {
    let mut created = created(writer.dialect).to_owned();
    if writer.pin >= Some(Pin::Added) {
        created.insert(0, '+');
    }
    let mut bound = |number: i64| writer.parameter(Parameter::Int(number.clamp(0, 9_999_999_999)));
    match comparison {
        Comparison::Eq => format!(
            "{created} BETWEEN {} AND {}",
            bound(number.saturating_sub(1)),
            bound(number.saturating_add(1))
        ),
        Comparison::Lt | Comparison::Le => {
            format!("{created} <= {}", bound(number.saturating_add(1)))
        }
        Comparison::Gt | Comparison::Ge => {
            format!("{created} >= {}", bound(number.saturating_sub(1)))
        }
    }
}

fn is_in(writer: &mut Writer, json: &Json, field: &Field, operands: &[Operand]) -> String {
    let exact = json.read(field);
    let mut texts = Vec::new();
    let mut numbers = Vec::new();
    let mut floats = Vec::new();
    let mut booleans = Vec::new();
    for operand in operands {
        match operand {
            Operand::Text(text) if storable(text) => texts.push(text.clone()),
            Operand::Int(number) => numbers.push(*number),
            Operand::Float(number) if number.is_finite() => floats.push(*number),
            Operand::Text(_) | Operand::Float(_) => {}
            Operand::Bool(value) => booleans.push(*value),
        }
    }
    let pin = writer.pin;
    let mut member = |expression: &str, values: Parameter| {
        let values = writer.parameter(values);
        match writer.dialect {
            Dialect::Postgres => format!("({expression}) = ANY({values})"),
            Dialect::Sqlite => {
                format!("({expression}) IN (SELECT value FROM json_each({values}))")
            }
        }
    };
    if !numbers.is_empty() {
        member(&exact, Parameter::Ints(numbers))
    } else if !floats.is_empty() {
        member(&exact, Parameter::Floats(floats))
    } else if !booleans.is_empty() {
        member(&exact, Parameter::Bools(booleans))
    } else if !texts.is_empty() {
        let index = index_expression(json, field);
        let near = texts.iter().map(|text| index.of_text(text)).collect();
        let indexed = lead(pin, json, field, &index.text);
        let near = member(&indexed, Parameter::Texts(near));
        if texts.iter().all(|text| index.tells_apart(text)) {
            near
        } else {
            format!("{near} AND {}", member(&exact, Parameter::Texts(texts)))
        }
    } else {
        NEVER.to_owned()
    }
}

/// By the text's beginning and not by a pattern, in which characters would have meanings. The range is for an index.
fn starts_with(writer: &mut Writer, json: &Json, field: &Field, prefix: &str) -> String {
    if !storable(prefix) {
        return NEVER.to_owned();
    }
    let exact = json.read(field);
    let value = writer.text(prefix);
    let begins = match writer.dialect {
        Dialect::Postgres => format!("starts_with({exact}, {value})"),
        Dialect::Sqlite => format!("substr({exact}, 1, length({value})) = {value}"),
    };
    let index = index_expression(json, field);
    let prefix = index.of_text(prefix);
    // The other indexes of the schema are in the collation of the database.
    if prefix.is_empty() || (index.shipped && index.text != ID) {
        return begins;
    }
    let from = writer.text(&prefix);
    let mut sql = format!("{} >= {from} AND ", index.text);
    if let Some(end) = past(&prefix) {
        let end = writer.text(&end);
        sql = format!("{sql}{} < {end} AND ", index.text);
    }
    sql + &begins
}

/// The first text, by byte, past all that begin with `prefix`; `None` if there is none.
fn past(prefix: &str) -> Option<String> {
    let mut chars: Vec<char> = prefix.chars().collect();
    while let Some(last) = chars.pop() {
        // The order of bytes in UTF-8 is that of code points; a range of them skips those that are no characters.
        if let Some(next) = (last..=char::MAX).nth(1) {
            chars.push(next);
            return Some(chars.into_iter().collect());
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::past;

    #[test]
    fn a_range_ends_past_every_text_that_begins_alike() {
        for (prefix, end) in [
            ("cus_", Some("cus`")),
            ("a\u{7f}", Some("a\u{80}")),
            ("\u{d7ff}", Some("\u{e000}")),
            ("a\u{10ffff}\u{10ffff}", Some("b")),
            ("\u{10ffff}", None),
        ] {
            assert_eq!(past(prefix).as_deref(), end);
        }
    }
}
