use serde_json::{Value, json};

use super::*;
use crate::spec::{SCHEMA_PREFIX, Spec, tests::document};

#[test]
fn answers_are_told_apart() {
    let reference = |name: &str| json!({"$ref": format!("{SCHEMA_PREFIX}{name}")});
    let page = |object: &str, items: Value| {
        json!({"type": "object", "properties": {
            "object": {"type": "string", "enum": [object]},
            "data": {"type": "array", "items": items},
        }})
    };
    let names = |names: &[&str]| {
        names
            .iter()
            .map(|name| (*name).to_owned())
            .collect::<Vec<_>>()
    };
    let v2_page = json!({"type": "object", "properties": {
        "data": {"type": "array", "items": reference("foo")},
        "next_page_url": {"type": "string"},
    }});
    let foo_or_bar = json!({"anyOf": [reference("foo"), reference("bar")]});
    for (schema, expected) in [
        (reference("foo"), ResponseShape::Object("foo".to_owned())),
        (
            json!({"anyOf": [reference("foo")]}),
            ResponseShape::Object("foo".to_owned()),
        ),
        (
            reference("deleted_foo"),
            ResponseShape::Deleted("deleted_foo".to_owned()),
        ),
        (
            reference("v2.deleted_object"),
            ResponseShape::Deleted("v2.deleted_object".to_owned()),
        ),
        (
            json!({"anyOf": [reference("foo"), reference("deleted_foo")]}),
            ResponseShape::ObjectOrDeleted {
                object: "foo".to_owned(),
                deleted: "deleted_foo".to_owned(),
            },
        ),
        (
            foo_or_bar.clone(),
            ResponseShape::OneOf(names(&["foo", "bar"])),
        ),
        (
            page("list", reference("foo")),
            ResponseShape::List(names(&["foo"])),
        ),
        (
            page("list", foo_or_bar),
            ResponseShape::List(names(&["foo", "bar"])),
        ),
        (reference("foo_list"), ResponseShape::List(names(&["foo"]))),
        (v2_page, ResponseShape::List(names(&["foo"]))),
        (
            page("search_result", reference("foo")),
            ResponseShape::Search(names(&["foo"])),
        ),
        (page("else", reference("foo")), ResponseShape::Other),
        (
            page("list", json!({"type": "string"})),
            ResponseShape::Other,
        ),
        (json!({"type": "object"}), ResponseShape::Other),
    ] {
        let mut document = document(&json!({
            "foo": {"type": "object"},
            "bar": {"type": "object"},
            "foo_list": page("list", reference("foo")),
            "deleted_foo": {"type": "object"},
            "v2.deleted_object": {"type": "object"},
        }));
        let content = json!({"application/json": {"schema": schema}});
        let responses = json!({"201": {"description": "", "content": content}});
        document["paths"] = json!({"/v1/foos": {"post": {"responses": responses}}});
        let spec = Spec::read(&document.to_string(), "api").unwrap();
        assert_eq!(spec.operations[0].response, Some(expected), "{content}");
    }
}
