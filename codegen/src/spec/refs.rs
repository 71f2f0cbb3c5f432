//! References: each leads to a schema of the document, and not in circles.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::{
    error::{Problem, ProblemKind},
    walk::Reference,
};

/// What every `$ref` begins with.
pub const SCHEMA_PREFIX: &str = "#/components/schemas/";

/// The name of the schema that a `$ref` leads to; `None` if it leads elsewhere.
pub fn schema_name(reference: &str) -> Option<&str> {
    reference.strip_prefix(SCHEMA_PREFIX)
}

/// Checks every reference of a document, and that no schema is made of itself.
pub(super) fn check(document: &Value, references: &[Reference], problems: &mut Vec<Problem>) {
    let none = Map::new();
    let schemas = document
        .pointer("/components/schemas")
        .and_then(Value::as_object)
        .unwrap_or(&none);
    for Reference {
        place,
        target,
        extension,
    } in references
    {
        let kind = match (extension, schema_name(target)) {
            (Some(_), _) if schemas.contains_key(target) => continue,
            (Some(keyword), _) => {
                let keyword = (*keyword).to_owned();
                ProblemKind::UnknownSchema {
                    keyword,
                    schema: target.clone(),
                }
            }
            (None, Some(name)) if schemas.contains_key(name) => continue,
            (None, Some(_)) => ProblemKind::DanglingReference {
                target: target.clone(),
            },
            (None, None) => ProblemKind::ForeignReference {
                target: target.clone(),
            },
        };
        problems.push(Problem::new(place, kind));
    }
    find_cycles(schemas, problems);
}

/// Reports schemas that are, through references and choices alone, made of themselves.
///
/// A reference below `properties` or `items` is no such part: data of that type can end.
fn find_cycles(schemas: &Map<String, Value>, problems: &mut Vec<Problem>) {
    let mut states = BTreeMap::new();
    for name in schemas.keys() {
        visit(name, schemas, &mut Vec::new(), &mut states, problems);
    }
}

/// Whether a schema was looked at.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Open,
    Done,
}

fn visit<'d>(
    name: &'d str,
    schemas: &'d Map<String, Value>,
    trail: &mut Vec<&'d str>,
    states: &mut BTreeMap<&'d str, State>,
    problems: &mut Vec<Problem>,
) {
    match states.get(name) {
        Some(State::Done) => return,
        Some(State::Open) => {
            let cycle = trail
                .iter()
                .skip_while(|step| **step != name)
                .chain([&name]);
            let schemas = cycle.map(|step| (*step).to_owned()).collect();
            let place = format!("{SCHEMA_PREFIX}{name}");
            problems.push(Problem::new(place, ProblemKind::ReferenceCycle { schemas }));
            return;
        }
        None => {}
    }
    let Some(schema) = schemas.get(name) else {
        return;
    };
    states.insert(name, State::Open);
    trail.push(name);
    let mut parts = Vec::new();
    collect_parts(schema, &mut parts);
    for part in parts {
        visit(part, schemas, trail, states, problems);
    }
    trail.pop();
    states.insert(name, State::Done);
}

/// The schemas that this one consists of, or is a choice of.
fn collect_parts<'d>(schema: &'d Value, parts: &mut Vec<&'d str>) {
    if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
        parts.extend(schema_name(reference));
    }
    for keyword in ["allOf", "anyOf", "oneOf"] {
        for schema in schema
            .get(keyword)
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
        {
            collect_parts(schema, parts);
        }
    }
}
