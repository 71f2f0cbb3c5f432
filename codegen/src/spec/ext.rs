//! Stripe's vendor extensions, typed.
//!
//! [`Spec::read`](super::Spec::read) has refused a description in which one of them has a value of
//! the wrong type, saying where. These functions return `None`, or nothing, for a keyword that is
//! not there.

use openapiv3::SchemaData;
use serde_json::Value;

use super::refs::schema_name;

/// `x-resourceId`: the schema is an object type of the API, under this name.
pub fn resource_id(schema: &SchemaData) -> Option<&str> {
    text(schema, "x-resourceId")
}

/// `x-expandableFields`: the properties that hold, or can be expanded to hold, an object with
/// expandable properties of its own.
pub fn expandable_fields(schema: &SchemaData) -> impl Iterator<Item = &str> {
    texts(schema, "x-expandableFields")
}

/// `x-expansionResources`: the schemas that an id at this place can be expanded to.
///
/// `None` if the place cannot be expanded.
pub fn expansion_resources(schema: &SchemaData) -> Option<Vec<&str>> {
    let schemas = get(schema, "x-expansionResources")?
        .get("oneOf")?
        .as_array()?;
    let references = schemas
        .iter()
        .filter_map(|schema| schema.get("$ref")?.as_str());
    Some(references.filter_map(schema_name).collect())
}

/// `x-nullableAlwaysPresent`: the nullable properties that are there even if null. Of the
/// facts-only form.
pub fn nullable_always_present(schema: &SchemaData) -> impl Iterator<Item = &str> {
    texts(schema, "x-nullableAlwaysPresent")
}

/// `x-stripeBypassValidation`: Stripe may send values that the description does not list.
pub fn bypasses_validation(schema: &SchemaData) -> bool {
    get(schema, "x-stripeBypassValidation")
        .and_then(Value::as_bool)
        .unwrap_or(false)
}

/// `x-eventTypes`: the names of all event types of this kind. Of the facts-only form.
pub fn event_types(schema: &SchemaData) -> impl Iterator<Item = &str> {
    texts(schema, "x-eventTypes")
}

/// `x-eventObjects`: event types, each with the schema of the object that it is about. Of the
/// facts-only form.
pub fn event_objects(schema: &SchemaData) -> impl Iterator<Item = (&str, &str)> {
    texts_by_name(schema, "x-eventObjects")
}

/// `x-eventData`: event types, each with the schema of its `data`. Of the facts-only form.
pub fn event_data(schema: &SchemaData) -> impl Iterator<Item = (&str, &str)> {
    texts_by_name(schema, "x-eventData")
}

/// `x-stripeEvent`: the schema describes what events of one type carry.
pub fn stripe_event(schema: &SchemaData) -> Option<StripeEvent<'_>> {
    let event = get(schema, "x-stripeEvent")?;
    let name = event.get("type")?.as_str()?;
    Some(StripeEvent {
        name,
        thin: event.get("kind").and_then(Value::as_str) == Some("thin"),
    })
}

/// The value of `x-stripeEvent`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct StripeEvent<'a> {
    /// The event type: `invoice.paid`.
    pub name: &'a str,
    /// Whether it is a thin event, which carries a reference instead of the object.
    pub thin: bool,
}

/// `x-stripeOperations`: the operations that belong to the resource, as older descriptions list
/// them.
pub fn stripe_operations(schema: &SchemaData) -> impl Iterator<Item = StripeOperation<'_>> {
    list(schema, "x-stripeOperations").filter_map(|operation| {
        let text = |key| operation.get(key).and_then(Value::as_str);
        Some(StripeOperation {
            method: text("operation")?,
            path: text("path")?,
            name: text("method_name"),
            on: text("method_on"),
            kind: text("method_type"),
        })
    })
}

/// One entry of `x-stripeOperations`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct StripeOperation<'a> {
    /// The method of the operation: `get`.
    pub method: &'a str,
    /// The path of the operation.
    pub path: &'a str,
    /// What Stripe's own libraries call it: `retrieve`.
    pub name: Option<&'a str>,
    /// Where they have it: `service`, `collection`.
    pub on: Option<&'a str>,
    /// What kind it is: `retrieve`, `list`, `custom`.
    pub kind: Option<&'a str>,
}

fn get<'a>(schema: &'a SchemaData, keyword: &str) -> Option<&'a Value> {
    schema.extensions.get(keyword)
}

fn text<'a>(schema: &'a SchemaData, keyword: &str) -> Option<&'a str> {
    get(schema, keyword)?.as_str()
}

fn list<'a>(schema: &'a SchemaData, keyword: &str) -> impl Iterator<Item = &'a Value> {
    get(schema, keyword)
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
}

fn texts<'a>(schema: &'a SchemaData, keyword: &str) -> impl Iterator<Item = &'a str> {
    list(schema, keyword).filter_map(Value::as_str)
}

fn texts_by_name<'a>(
    schema: &'a SchemaData,
    keyword: &str,
) -> impl Iterator<Item = (&'a str, &'a str)> {
    let object = get(schema, keyword)
        .and_then(Value::as_object)
        .into_iter()
        .flatten();
    object.filter_map(|(name, value)| Some((name.as_str(), value.as_str()?)))
}

#[cfg(test)]
mod tests {
    use openapiv3::Schema;
    use serde_json::json;

    use super::*;

    #[test]
    fn extensions_come_out_typed() {
        let schema: Schema = serde_json::from_value(json!({
            "type": "string",
            "x-resourceId": "customer",
            "x-expandableFields": ["a", "b"],
            "x-expansionResources": {"oneOf": [
                {"$ref": "#/components/schemas/customer"},
                {"$ref": "#/components/schemas/deleted_customer"},
            ]},
            "x-nullableAlwaysPresent": ["c"],
            "x-stripeBypassValidation": true,
            "x-eventTypes": ["invoice.paid", "ping"],
            "x-eventObjects": {"invoice.paid": "invoice"},
            "x-eventData": {"ping": "ping_data"},
            "x-stripeEvent": {"type": "v1.invoice.paid", "kind": "thin"},
            "x-stripeOperations": [{
                "operation": "get", "path": "/v1/customers/{id}", "method_name": "retrieve",
                "method_on": "service", "method_type": "retrieve",
            }],
        }))
        .unwrap();
        let data = &schema.schema_data;

        assert_eq!(resource_id(data), Some("customer"));
        assert_eq!(expandable_fields(data).collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(
            expansion_resources(data),
            Some(vec!["customer", "deleted_customer"])
        );
        assert_eq!(nullable_always_present(data).collect::<Vec<_>>(), ["c"]);
        assert!(bypasses_validation(data));
        assert_eq!(
            event_types(data).collect::<Vec<_>>(),
            ["invoice.paid", "ping"]
        );
        assert_eq!(
            event_objects(data).collect::<Vec<_>>(),
            [("invoice.paid", "invoice")]
        );
        assert_eq!(
            event_data(data).collect::<Vec<_>>(),
            [("ping", "ping_data")]
        );
        assert_eq!(
            stripe_event(data),
            Some(StripeEvent {
                name: "v1.invoice.paid",
                thin: true
            })
        );
        let operation = stripe_operations(data).next().unwrap();
        assert_eq!(
            (operation.method, operation.path),
            ("get", "/v1/customers/{id}")
        );
        assert_eq!(operation.name, Some("retrieve"));
    }

    #[test]
    fn extensions_that_are_not_there_are_nothing() {
        let schema: Schema = serde_json::from_value(json!({"type": "string"})).unwrap();
        let data = &schema.schema_data;
        assert_eq!(resource_id(data), None);
        assert_eq!(expansion_resources(data), None);
        assert_eq!(expandable_fields(data).count(), 0);
        assert!(!bypasses_validation(data));
        assert_eq!(stripe_event(data), None);
    }
}
