//! The checked document as `openapiv3` types: schemas, operations, and what an operation answers.

use std::{collections::BTreeMap, fmt};

use openapiv3::{ReferenceOr, Schema};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{
    error::{Problem, ProblemKind, SpecError},
    place::Place,
    refs::schema_name,
    shape::{self, ResponseShape},
    tables::type_of,
};

/// The method of an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Method {
    /// Reads.
    Get,
    /// Creates, updates, and everything else that Stripe can be asked to do.
    Post,
    /// Replaces; not used by Stripe.
    Put,
    /// Changes; not used by Stripe.
    Patch,
    /// Deletes or cancels.
    Delete,
}

impl Method {
    /// The method as OpenAPI writes it: `get`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::Post => "post",
            Self::Put => "put",
            Self::Patch => "patch",
            Self::Delete => "delete",
        }
    }

    /// The method behind a key of a path.
    pub(super) fn from_key(key: &str) -> Option<Self> {
        [Self::Get, Self::Post, Self::Put, Self::Patch, Self::Delete]
            .into_iter()
            .find(|method| method.as_str() == key)
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One operation of the API.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Operation {
    /// Its method.
    pub method: Method,
    /// Its path, with parameters in braces: `/v1/customers/{customer}`.
    pub path: String,
    /// Its name in the description: `GetCustomersCustomer`.
    pub operation_id: Option<String>,
    /// What a successful answer is; `None` if it has no JSON body (a PDF, say).
    pub response: Option<ResponseShape>,
    /// The host it is served from, where that is not the usual one: `https://files.stripe.com/`.
    pub server: Option<String>,
    /// All of it: parameters (with those of the path), request body, responses.
    pub raw: openapiv3::Operation,
}

impl Operation {
    /// The names of the query parameters without which it cannot be called, in the order of the
    /// description.
    pub fn required_query(&self) -> Vec<&str> {
        let parameters = self.raw.parameters.iter().filter_map(ReferenceOr::as_item);
        parameters
            .filter_map(|parameter| match parameter {
                openapiv3::Parameter::Query { parameter_data, .. } => Some(parameter_data),
                _ => None,
            })
            .filter(|data| data.required)
            .map(|data| data.name.as_str())
            .collect()
    }
}

/// Checks that the document is OpenAPI 3.0, and hands out the API version.
pub(super) fn check_version(document: &Value, name: &str) -> Result<String, SpecError> {
    let wrong = |found| SpecError::Version {
        name: name.to_owned(),
        found,
    };
    if !document.is_object() {
        return Err(wrong(format!(
            "the document is {}, not an object",
            type_of(document)
        )));
    }
    match (document.get("openapi"), document.get("swagger")) {
        (Some(Value::String(version)), _) if version == "3.0" || version.starts_with("3.0.") => {}
        (Some(version), _) => return Err(wrong(format!("`openapi` is {version}"))),
        (None, Some(version)) => return Err(wrong(format!("it has `swagger` {version}"))),
        (None, None) => return Err(wrong("it has no `openapi`".to_owned())),
    }
    let kind = match document.pointer("/info/version") {
        Some(Value::String(version)) if !version.is_empty() => return Ok(version.clone()),
        Some(Value::String(_)) | None => ProblemKind::Missing {
            keyword: "version".to_owned(),
        },
        Some(other) => ProblemKind::WrongType {
            keyword: "version".to_owned(),
            expected: "a string",
            found: type_of(other),
        },
    };
    Err(SpecError::Document {
        name: name.to_owned(),
        problems: vec![Problem::new("#/info", kind)],
    })
}

/// The schemas by name, and the aliases among them.
type Schemas = (BTreeMap<String, Schema>, BTreeMap<String, String>);

/// Reads `components.schemas`.
pub(super) fn schemas(document: &Value) -> Result<Schemas, Vec<Problem>> {
    let none = Map::new();
    let components = document
        .pointer("/components/schemas")
        .and_then(Value::as_object)
        .unwrap_or(&none);
    let (root, mut problems) = (Place::ROOT, Vec::new());
    let (components_place, mut schemas, mut aliases) =
        (root.key("components"), BTreeMap::new(), BTreeMap::new());
    let place = components_place.key("schemas");
    let alias_of = |name: &str| {
        components
            .get(name)?
            .get("$ref")?
            .as_str()
            .and_then(schema_name)
    };
    for (name, value) in components {
        if let Some(mut target) = alias_of(name) {
            // Ends: a cycle of references has been refused.
            while let Some(next) = alias_of(target) {
                target = next;
            }
            aliases.insert(name.clone(), target.to_owned());
            continue;
        }
        match Schema::deserialize(value) {
            Ok(schema) => {
                schemas.insert(name.clone(), schema);
            }
            Err(_) => problems.extend(unreadable_schema(&place.key(name), value)),
        }
    }
    if problems.is_empty() {
        Ok((schemas, aliases))
    } else {
        Err(problems)
    }
}

/// Reads `paths`.
pub(super) fn operations(
    document: &Value,
    schemas: &BTreeMap<String, Schema>,
) -> Result<Vec<Operation>, Vec<Problem>> {
    let (root, mut problems, mut operations) = (Place::ROOT, Vec::new(), Vec::new());
    let paths_place = root.key("paths");
    for (path, item) in document
        .get("paths")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
    {
        let path_place = paths_place.key(path);
        let shared = item.get("parameters").and_then(Value::as_array);
        let in_path = operations.len();
        for (key, value) in item.as_object().into_iter().flatten() {
            let Some(method) = Method::from_key(key) else {
                continue;
            };
            let place = path_place.key(key);
            let value = with_parameters(value, shared.map_or(&[], Vec::as_slice));
            match openapiv3::Operation::deserialize(&value) {
                Ok(raw) => operations.push(Operation {
                    method,
                    path: path.clone(),
                    operation_id: raw.operation_id.clone(),
                    response: shape::response(&raw, schemas),
                    server: raw.servers.first().map(|server| server.url.clone()),
                    raw,
                }),
                Err(error) => problems.push(unreadable_operation(&place, &value, &error)),
            }
        }
        if let Some(operations) = operations.get_mut(in_path..) {
            operations.sort_by_key(|operation| operation.method);
        }
    }
    if problems.is_empty() {
        Ok(operations)
    } else {
        Err(problems)
    }
}

/// An operation with the parameters that all operations of its path share.
fn with_parameters(operation: &Value, shared: &[Value]) -> Value {
    let mut operation = operation.clone();
    if let (false, Some(fields)) = (shared.is_empty(), operation.as_object_mut()) {
        let own = fields
            .entry("parameters")
            .or_insert_with(|| Value::Array(Vec::new()));
        if let Some(own) = own.as_array_mut() {
            own.extend_from_slice(shared);
        }
    }
    operation
}

/// Why a schema cannot be read, as deep inside it as the fault can be told; `None` if it can.
fn unreadable_schema(place: &Place<'_>, value: &Value) -> Option<Problem> {
    let error = Schema::deserialize(value).err()?;
    if value.get("$ref").is_some() {
        return None;
    }
    let inside = value
        .as_object()
        .into_iter()
        .flatten()
        .find_map(|(keyword, value)| {
            let place = place.key(keyword);
            match (keyword.as_str(), value) {
                ("properties", Value::Object(properties)) => properties
                    .iter()
                    .find_map(|(name, schema)| unreadable_schema(&place.key(name), schema)),
                ("allOf" | "anyOf" | "oneOf", Value::Array(schemas)) => schemas
                    .iter()
                    .enumerate()
                    .find_map(|(index, schema)| unreadable_schema(&place.index(index), schema)),
                ("items" | "additionalProperties", Value::Object(_)) => {
                    unreadable_schema(&place, value)
                }
                _ => None,
            }
        });
    Some(inside.unwrap_or_else(|| unreadable(place, "schema", &error)))
}

/// Why an operation cannot be read, as deep inside it as the fault can be told.
fn unreadable_operation(place: &Place<'_>, value: &Value, error: &serde_json::Error) -> Problem {
    let list = |key: &str| {
        value
            .get(key)
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
    };
    let in_parameters = list("parameters")
        .enumerate()
        .find_map(|(index, parameter)| {
            let (place, schema) = (place.key("parameters"), parameter.get("schema"));
            let place = place.index(index);
            let inside = schema.and_then(|schema| unreadable_schema(&place.key("schema"), schema));
            let error = || openapiv3::Parameter::deserialize(parameter).err();
            inside.or_else(|| error().map(|error| unreadable(&place, "parameter", &error)))
        });
    let in_request = || {
        let (place, body) = (place.key("requestBody"), value.get("requestBody")?);
        let error = || openapiv3::RequestBody::deserialize(body).err();
        unreadable_content(&place, body)
            .or_else(|| error().map(|error| unreadable(&place, "request body", &error)))
    };
    let in_responses = || {
        let place = place.key("responses");
        value
            .get("responses")?
            .as_object()?
            .iter()
            .find_map(|(status, response)| {
                let place = place.key(status);
                let error = || openapiv3::Response::deserialize(response).err();
                unreadable_content(&place, response)
                    .or_else(|| error().map(|error| unreadable(&place, "response", &error)))
            })
    };
    in_parameters
        .or_else(in_request)
        .or_else(in_responses)
        .unwrap_or_else(|| unreadable(place, "operation", error))
}

fn unreadable_content(place: &Place<'_>, body: &Value) -> Option<Problem> {
    let place = place.key("content");
    body.get("content")?
        .as_object()?
        .iter()
        .find_map(|(name, media_type)| {
            let place = place.key(name);
            unreadable_schema(&place.key("schema"), media_type.get("schema")?)
        })
}

fn unreadable(place: &Place<'_>, what: &'static str, error: &serde_json::Error) -> Problem {
    Problem::new(
        place,
        ProblemKind::Unreadable {
            what,
            message: error.to_string(),
        },
    )
}
