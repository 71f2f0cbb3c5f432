//! What schemas look like from outside: answers, pages, choices, properties.

use std::collections::BTreeMap;

use openapiv3::{ReferenceOr, Schema, SchemaKind, Type};

use super::refs::schema_name;

/// What a successful answer is. The names are of schemas.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ResponseShape {
    /// One object.
    Object(String),
    /// One object of several possible types.
    OneOf(Vec<String>),
    /// One object, or what is left of it after its deletion.
    ObjectOrDeleted {
        /// The object's schema: `customer`.
        object: String,
        /// The schema of what is left: `deleted_customer`.
        deleted: String,
    },
    /// What is left of an object: `deleted_customer`, or `v2.deleted_object`.
    Deleted(String),
    /// A page of a list; with several names, each entry is one of them.
    List(Vec<String>),
    /// A page of search results.
    Search(Vec<String>),
    /// Something else.
    Other,
}

/// Whether a schema of that name describes what is left of a deleted object.
pub(crate) fn describes_deleted(schema: &str) -> bool {
    schema.starts_with("deleted_") || schema.ends_with(".deleted_object")
}

/// What the successful answer of an operation is.
pub(super) fn response(
    operation: &openapiv3::Operation,
    schemas: &BTreeMap<String, Schema>,
) -> Option<ResponseShape> {
    let responses = &operation.responses.responses;
    let (_, response) = responses.iter().find(|(status, _)| match status {
        openapiv3::StatusCode::Code(code) => (200..300).contains(code),
        openapiv3::StatusCode::Range(range) => *range == 2,
    })?;
    let schema = response
        .as_item()?
        .content
        .get("application/json")?
        .schema
        .as_ref()?;
    Some(response_shape(schema, schemas))
}

fn response_shape(
    schema: &ReferenceOr<Schema>,
    schemas: &BTreeMap<String, Schema>,
) -> ResponseShape {
    match schema {
        ReferenceOr::Reference { reference } => {
            let Some(name) = schema_name(reference) else {
                return ResponseShape::Other;
            };
            if describes_deleted(name) {
                return ResponseShape::Deleted(name.to_owned());
            }
            // A page may be a schema of its own.
            schemas
                .get(name)
                .and_then(page_shape)
                .unwrap_or_else(|| ResponseShape::Object(name.to_owned()))
        }
        ReferenceOr::Item(schema) => page_shape(schema)
            .or_else(|| choice_shape(schema))
            .unwrap_or(ResponseShape::Other),
    }
}

/// The shape of an answer that is one of several schemas.
fn choice_shape(schema: &Schema) -> Option<ResponseShape> {
    let mut names = owned(&choice(schema)?);
    let deleted = names.iter().position(|name| describes_deleted(name));
    match (names.len(), deleted) {
        (1, None) => names.pop().map(ResponseShape::Object),
        (2, Some(deleted)) => {
            let deleted = names.remove(deleted);
            let object = names.pop()?;
            Some(ResponseShape::ObjectOrDeleted { object, deleted })
        }
        _ => Some(ResponseShape::OneOf(names)),
    }
}

/// The names of the schemas that this one chooses from, if it is a choice of references and nothing
/// else.
pub(super) fn choice(schema: &Schema) -> Option<Vec<&str>> {
    let (SchemaKind::AnyOf { any_of: schemas } | SchemaKind::OneOf { one_of: schemas }) =
        &schema.schema_kind
    else {
        return None;
    };
    schemas.iter().map(reference_name).collect()
}

fn owned(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn reference_name(schema: &ReferenceOr<Schema>) -> Option<&str> {
    match schema {
        ReferenceOr::Reference { reference } => schema_name(reference),
        ReferenceOr::Item(_) => None,
    }
}

/// The shape of a page: an object with `object: "list"` or `"search_result"`, or a `next_page_url`
/// (v2).
fn page_shape(schema: &Schema) -> Option<ResponseShape> {
    let SchemaKind::Type(Type::Array(data)) = &property(schema, "data")?.schema_kind else {
        return None;
    };
    let names = match data.items.as_ref()? {
        ReferenceOr::Reference { reference } => vec![schema_name(reference)?.to_owned()],
        ReferenceOr::Item(items) => owned(&choice(items)?),
    };
    match object_name(schema) {
        Some("list") => Some(ResponseShape::List(names)),
        Some("search_result") => Some(ResponseShape::Search(names)),
        None if property(schema, "next_page_url").is_some() => Some(ResponseShape::List(names)),
        _ => None,
    }
}

/// A property of an object schema, unless it is a reference.
pub(super) fn property<'a>(schema: &'a Schema, name: &str) -> Option<&'a Schema> {
    property_or_reference(schema, name)?
        .as_item()
        .map(Box::as_ref)
}

/// The name of the schema that a property of an object schema refers to.
pub(super) fn referred_property<'a>(schema: &'a Schema, name: &str) -> Option<&'a str> {
    match property_or_reference(schema, name)? {
        ReferenceOr::Reference { reference } => schema_name(reference),
        ReferenceOr::Item(_) => None,
    }
}

fn property_or_reference<'a>(
    schema: &'a Schema,
    name: &str,
) -> Option<&'a ReferenceOr<Box<Schema>>> {
    match &schema.schema_kind {
        SchemaKind::Type(Type::Object(object)) => object.properties.get(name),
        SchemaKind::Any(any) => any.properties.get(name),
        _ => None,
    }
}

/// The values that a string schema lists.
pub(super) fn listed(schema: &Schema) -> impl Iterator<Item = &str> {
    let values = match &schema.schema_kind {
        SchemaKind::Type(Type::String(string)) => string.enumeration.as_slice(),
        _ => &[],
    };
    values.iter().flatten().map(String::as_str)
}

/// The one value that the property `object` of a schema can have.
pub(super) fn object_name(schema: &Schema) -> Option<&str> {
    let mut names = listed(property(schema, "object")?);
    names.next().filter(|_| names.next().is_none())
}

#[cfg(test)]
mod tests;
