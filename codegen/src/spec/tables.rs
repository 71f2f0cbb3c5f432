//! What may stand where in a description. Whatever is in no table is refused, or counted if it
//! begins `x-`.

use serde_json::Value;

/// Keywords of the document itself.
pub(super) const DOCUMENT: &[&str] = &[
    "components",
    "externalDocs",
    "info",
    "openapi",
    "paths",
    "security",
    "servers",
    "tags",
];

/// Keywords of `info`.
pub(super) const INFO: &[&str] = &[
    "contact",
    "description",
    "license",
    "termsOfService",
    "title",
    "version",
];

/// Keywords of `components`. Shared parameters, bodies and responses are not supported.
pub(super) const COMPONENTS: &[&str] = &["examples", "schemas", "securitySchemes"];

/// Keywords of a path that are no method.
pub(super) const PATH_ITEM: &[&str] = &["description", "parameters", "servers", "summary"];

/// Keywords of an operation.
pub(super) const OPERATION: &[&str] = &[
    "deprecated",
    "description",
    "externalDocs",
    "operationId",
    "parameters",
    "requestBody",
    "responses",
    "security",
    "servers",
    "summary",
    "tags",
];

/// Keywords of a parameter.
pub(super) const PARAMETER: &[&str] = &[
    "allowEmptyValue",
    "allowReserved",
    "deprecated",
    "description",
    "example",
    "examples",
    "explode",
    "in",
    "name",
    "required",
    "schema",
    "style",
];

/// Keywords of a request body.
pub(super) const REQUEST_BODY: &[&str] = &["content", "description", "required"];

/// Keywords of a response. Headers and links say nothing about the body, and are not read.
pub(super) const RESPONSE: &[&str] = &["content", "description", "headers", "links"];

/// Keywords of one media type of a body.
pub(super) const MEDIA_TYPE: &[&str] = &["encoding", "example", "examples", "schema"];

/// Keywords of a schema: those of OpenAPI 3.0, but for `not`, which no type can express.
pub(super) const SCHEMA: &[&str] = &[
    "additionalProperties",
    "allOf",
    "anyOf",
    "default",
    "deprecated",
    "description",
    "discriminator",
    "enum",
    "example",
    "exclusiveMaximum",
    "exclusiveMinimum",
    "externalDocs",
    "format",
    "items",
    "maxItems",
    "maxLength",
    "maxProperties",
    "maximum",
    "minItems",
    "minLength",
    "minProperties",
    "minimum",
    "multipleOf",
    "nullable",
    "oneOf",
    "pattern",
    "properties",
    "readOnly",
    "required",
    "title",
    "type",
    "uniqueItems",
    "writeOnly",
];

/// The types that data can have.
pub(super) const TYPES: &[&str] = &["array", "boolean", "integer", "number", "object", "string"];

/// Keywords that may stand beside a `$ref`: they say nothing about the data, so that nothing is
/// lost.
pub(super) const BESIDE_REFERENCE: &[&str] = &[
    "deprecated",
    "description",
    "example",
    "externalDocs",
    "summary",
    "title",
];

/// The vendor extensions that are known, with what their value has to be.
///
/// The ones whose value is [`Shape::Any`] are known and carry nothing that is used.
pub(super) const EXTENSIONS: &[(&str, Shape)] = &[
    ("x-derivedFrom", Shape::Any),
    ("x-eventData", Shape::TextByName),
    ("x-eventObjects", Shape::TextByName),
    ("x-eventTypes", Shape::Texts),
    ("x-expandableFields", Shape::Texts),
    ("x-expansionResources", Shape::Choice),
    ("x-nullableAlwaysPresent", Shape::Texts),
    ("x-resourceId", Shape::Text),
    ("x-stripeBypassValidation", Shape::Flag),
    ("x-stripeEvent", Shape::Event),
    ("x-stripeMostCommon", Shape::Any),
    ("x-stripeOperations", Shape::Operations),
    ("x-stripeParam", Shape::Any),
    ("x-stripeResource", Shape::Any),
    ("x-stripeSpecFilename", Shape::Any),
];

/// What the value of a vendor extension has to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// Anything: the value is not used.
    Any,
    /// A string.
    Text,
    /// `true` or `false`.
    Flag,
    /// A list of strings.
    Texts,
    /// An object whose values are strings.
    TextByName,
    /// An object with a list `oneOf` of objects: `x-expansionResources`.
    Choice,
    /// An object with a string `type`: `x-stripeEvent`.
    Event,
    /// A list of objects, each with the strings `operation` and `path`: `x-stripeOperations`.
    Operations,
}

impl Shape {
    /// Whether the value has this shape.
    pub(super) fn fits(self, value: &Value) -> bool {
        let all_strings = |values: &[Value]| values.iter().all(Value::is_string);
        let has_string = |value: &Value, key| value.get(key).is_some_and(Value::is_string);
        match self {
            Self::Any => true,
            Self::Text => value.is_string(),
            Self::Flag => value.is_boolean(),
            Self::Texts => value.as_array().is_some_and(|values| all_strings(values)),
            Self::TextByName => value
                .as_object()
                .is_some_and(|object| object.values().all(Value::is_string)),
            Self::Choice => value
                .get("oneOf")
                .and_then(Value::as_array)
                .is_some_and(|schemas| schemas.iter().all(Value::is_object)),
            Self::Event => has_string(value, "type"),
            Self::Operations => value.as_array().is_some_and(|operations| {
                operations
                    .iter()
                    .all(|each| has_string(each, "operation") && has_string(each, "path"))
            }),
        }
    }

    /// What a fitting value is, with its article.
    pub(super) fn expected(self) -> &'static str {
        match self {
            Self::Any => "a value",
            Self::Text => "a string",
            Self::Flag => "a boolean",
            Self::Texts => "a list of strings",
            Self::TextByName => "an object of strings",
            Self::Choice => "an object with a list `oneOf` of references",
            Self::Event => "an object with a string `type`",
            Self::Operations => "a list of objects with the strings `operation` and `path`",
        }
    }
}

/// What a value is, with its article, for messages.
pub(super) fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_value_of_an_extension_is_held_to_its_shape() {
        for (shape, good, bad) in [
            (Shape::Text, json!("customer"), json!(1)),
            (Shape::Flag, json!(true), json!("true")),
            (Shape::Texts, json!(["a"]), json!(["a", 1])),
            (Shape::Texts, json!([]), json!("a")),
            (Shape::TextByName, json!({"a": "b"}), json!({"a": {}})),
            (Shape::Choice, json!({"oneOf": [{}]}), json!([{}])),
            (
                Shape::Event,
                json!({"type": "a", "kind": "thin"}),
                json!({"kind": "thin"}),
            ),
            (
                Shape::Operations,
                json!([{"operation": "get", "path": "/"}]),
                json!([{"path": "/"}]),
            ),
        ] {
            assert!(shape.fits(&good), "{shape:?} {good}");
            assert!(!shape.fits(&bad), "{shape:?} {bad}");
        }
    }
}
