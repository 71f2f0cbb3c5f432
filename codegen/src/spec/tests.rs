use std::fmt::Write as _;

use expect_test::{Expect, expect};
use serde_json::{Value, json};

use super::*;

/// A description with these schemas.
pub(super) fn document(schemas: &Value) -> Value {
    json!({
        "openapi": "3.0.0",
        "info": {"title": "An API", "version": "2026-10-28.endive"},
        "paths": {},
        "components": {"schemas": schemas},
    })
}

/// A description whose one operation is this.
fn with_operation(operation: &Value) -> Value {
    let mut document = document(&json!({"foo": {"type": "object"}}));
    document["paths"] = json!({"/v1/foos": {"get": operation}});
    document
}

/// The message, and those of all causes.
fn message(document: &str) -> String {
    let error = Spec::read(document, "api.json").expect_err("the document is faulty");
    let mut message = String::new();
    let mut cause: Option<&dyn std::error::Error> = Some(&error);
    while let Some(error) = cause {
        writeln!(message, "{error}").unwrap();
        cause = error.source();
    }
    message
}

#[track_caller]
fn check_error(document: &Value, expect: &Expect) {
    expect.assert_eq(&message(&document.to_string()));
}

#[test]
fn a_description_is_read() {
    let mut document = document(&json!({
        "foo": {
            "type": "object",
            "title": "Foo",
            "properties": {
                "object": {"type": "string", "enum": ["foo"]},
                "bar": {"$ref": "#/components/schemas/alias"},
                "$ref": {"type": "string", "x-novelty": 1},
            },
            "additionalProperties": {"type": "string"},
            "x-resourceId": "foo",
        },
        "alias": {"$ref": "#/components/schemas/second_alias"},
        "second_alias": {"$ref": "#/components/schemas/bar"},
        "bar": {"type": "string"},
        "deleted_foo": {"type": "object", "x-resourceId": "deleted_foo"},
    }));
    document["paths"] = json!({"/v1/foos/{id}": {
        "parameters": [{"in": "path", "name": "id", "required": true, "schema": {"type": "string"}}],
        "delete": {"responses": {}},
        "get": {
            "operationId": "GetFoosId",
            "parameters": [
                {"in": "query", "name": "which", "required": true, "schema": {"type": "string"}},
                {"in": "query", "name": "how", "schema": {"type": "string"}},
            ],
            "responses": {
                "200": {"description": "", "content": {"application/json": {
                    "schema": {"$ref": "#/components/schemas/foo"},
                }}},
                "default": {"description": ""},
            },
            "servers": [{"url": "https://files.stripe.com/"}],
        },
    }});
    let spec = Spec::read(&document.to_string(), "api.json").unwrap();

    assert_eq!(spec.version, "2026-10-28.endive");
    assert_eq!(
        spec.schemas.keys().collect::<Vec<_>>(),
        ["bar", "deleted_foo", "foo"]
    );
    assert_eq!(spec.schema("alias").unwrap().0, "bar");
    assert_eq!(spec.schema("nothing"), None);
    assert_eq!(
        spec.resources().map(|(name, _)| name).collect::<Vec<_>>(),
        ["foo"]
    );

    let [get, delete] = spec.operations.as_slice() else {
        panic!("two operations")
    };
    assert_eq!(
        (get.method, get.path.as_str()),
        (Method::Get, "/v1/foos/{id}")
    );
    assert_eq!(get.operation_id.as_deref(), Some("GetFoosId"));
    assert_eq!(get.response, Some(ResponseShape::Object("foo".to_owned())));
    assert_eq!(get.server.as_deref(), Some("https://files.stripe.com/"));
    assert_eq!(get.required_query(), ["which"]);
    assert_eq!(
        get.raw.parameters.len(),
        3,
        "those of the path are there too"
    );
    assert_eq!((delete.method, &delete.response), (Method::Delete, &None));

    assert_eq!(spec.keywords.schema["$ref"], 4);
    assert_eq!(spec.keywords.schema["type"], 9);
    assert_eq!(
        spec.keywords.extensions,
        [("x-resourceId".to_owned(), 2)].into()
    );
    assert_eq!(
        spec.keywords.unknown_extensions,
        [("x-novelty".to_owned(), 1)].into()
    );
}

#[test]
fn json_and_yaml_read_the_same() {
    let yaml = "\
openapi: 3.0.0
info: {title: An API, version: 2026-10-28.endive}
paths: {}
components:
  schemas:
    foo:
      type: object
      properties:
        yes: {type: integer, maximum: 10}
        amount: {type: string, enum: ['1', 'on', '2026-01-01'], x-resourceId: foo}
";
    let json = document(&json!({"foo": {"type": "object", "properties": {
        "yes": {"type": "integer", "maximum": 10},
        "amount": {"type": "string", "enum": ["1", "on", "2026-01-01"], "x-resourceId": "foo"},
    }}}));
    assert_eq!(
        Spec::read(yaml, "api").unwrap(),
        Spec::read(&json.to_string(), "api").unwrap()
    );
}

#[test]
fn what_is_no_description_is_refused() {
    expect![[r#"
        api.json is not an OpenAPI 3.0 description: the document is a list, not an object
    "#]]
    .assert_eq(&message("[1, 2]"));
    expect![[r#"
        api.json is not an OpenAPI 3.0 description: the document is null, not an object
    "#]]
    .assert_eq(&message(""));
    check_error(
        &json!({}),
        &expect![[r#"
        api.json is not an OpenAPI 3.0 description: it has no `openapi`
    "#]],
    );
    check_error(
        &json!({"swagger": "2.0"}),
        &expect![[r#"
        api.json is not an OpenAPI 3.0 description: it has `swagger` "2.0"
    "#]],
    );
    check_error(
        &json!({"openapi": "3.1.0", "info": {"version": "1"}}),
        &expect![[r#"
            api.json is not an OpenAPI 3.0 description: `openapi` is "3.1.0"
        "#]],
    );
    check_error(
        &json!({"openapi": 3.0, "info": {"version": "1"}}),
        &expect![[r#"
            api.json is not an OpenAPI 3.0 description: `openapi` is 3.0
        "#]],
    );
    check_error(
        &json!({"openapi": "3.0.0"}),
        &expect![[r#"
        api.json cannot be used: `version` is missing at #/info
    "#]],
    );
    check_error(
        &json!({"openapi": "3.0.0", "info": {"version": 1}}),
        &expect![[r#"
            api.json cannot be used: `version` is a number instead of a string at #/info
        "#]],
    );
}

#[test]
fn an_unsupported_keyword_is_located() {
    let foo = json!({"type": "object", "properties": {"bar": {"patternProperties": {}}}});
    check_error(
        &document(&json!({"foo": foo})),
        &expect![[r#"
        api.json cannot be used: unsupported keyword `patternProperties` at #/components/schemas/foo/properties/bar
    "#]],
    );
    let foo = json!({"anyOf": [{"items": {"additionalProperties": {"not": {}}}}]});
    check_error(
        &document(&json!({"foo": foo})),
        &expect![[r#"
        api.json cannot be used: unsupported keyword `not` at #/components/schemas/foo/anyOf/0/items/additionalProperties
    "#]],
    );
    let mut shared = document(&json!({}));
    shared["components"]["responses"] = json!({});
    check_error(
        &shared,
        &expect![[r#"
        api.json cannot be used: unsupported keyword `responses` at #/components
    "#]],
    );
    check_error(
        &with_operation(&json!({"responses": {}, "callbacks": {}})),
        &expect![[r#"
            api.json cannot be used: unsupported keyword `callbacks` at #/paths/~1v1~1foos/get
        "#]],
    );
}

#[test]
fn a_reference_that_leads_nowhere_is_located() {
    let foo = json!({"properties": {
        "dangling": {"$ref": "#/components/schemas/nothing"},
        "foreign": {"$ref": "other.json#/foo"},
        "number": {"$ref": 1},
        "expandable": {"x-expansionResources": {"oneOf": [{"$ref": "#/components/schemas/gone"}]}},
        "type": {"x-eventObjects": {"ping": "nobody"}},
    }});
    check_error(
        &document(&json!({"foo": foo})),
        &expect![[r#"
        api.json cannot be used: 5 problems
          `$ref` is a number instead of a string at #/components/schemas/foo/properties/number
          `$ref` to `#/components/schemas/nothing`, which does not exist, at #/components/schemas/foo/properties/dangling
          `$ref` to `#/components/schemas/gone`, which does not exist, at #/components/schemas/foo/properties/expandable/x-expansionResources/oneOf/0
          `$ref` to `other.json#/foo`, which is not under `#/components/schemas/`, at #/components/schemas/foo/properties/foreign
          `x-eventObjects` names the schema `nobody`, which does not exist, at #/components/schemas/foo/properties/type/x-eventObjects/ping
    "#]],
    );
    let parameter =
        json!({"parameters": [{"$ref": "#/components/parameters/limit"}], "responses": {}});
    check_error(
        &with_operation(&parameter),
        &expect![[r#"
        api.json cannot be used: `$ref` to `#/components/parameters/limit`, which is not under `#/components/schemas/`, at #/paths/~1v1~1foos/get/parameters/0
    "#]],
    );
}

#[test]
fn what_stands_beside_a_reference_may_not_matter() {
    let property = json!({
        "$ref": "#/components/schemas/foo",
        "description": "Has no effect and says nothing about the data.",
        "x-stripeParam": {},
        "x-novelty": 1,
    });
    let spec = Spec::read(
        &document(&json!({"foo": {"properties": {"foo": property}}})).to_string(),
        "api",
    )
    .unwrap();
    assert_eq!(spec.keywords.schema["description"], 1);

    let property =
        json!({"$ref": "#/components/schemas/foo", "nullable": true, "x-expandableFields": []});
    check_error(
        &document(&json!({"foo": {"properties": {"foo": property}}})),
        &expect![[r#"
            api.json cannot be used: 2 problems
              keyword `nullable` beside `$ref`, where it has no effect (wrap the reference in `anyOf`), at #/components/schemas/foo/properties/foo
              keyword `x-expandableFields` beside `$ref`, where it has no effect (wrap the reference in `anyOf`), at #/components/schemas/foo/properties/foo
        "#]],
    );
}

#[test]
fn schemas_made_of_themselves_are_refused() {
    let reference = |name: &str| json!({"$ref": format!("{SCHEMA_PREFIX}{name}")});
    let one_way = json!({"tree": {"properties": {
        "left": reference("tree"),
        "others": {"items": {"anyOf": [reference("tree")]}},
    }}});
    Spec::read(&document(&one_way).to_string(), "api").expect("a tree can end");

    check_error(
        &document(&json!({
            "start": reference("a"),
            "a": reference("b"),
            "b": {"anyOf": [{"type": "string"}, {"oneOf": [reference("c")]}]},
            "c": reference("a"),
            "self": reference("self"),
        })),
        &expect![[r#"
            api.json cannot be used: 2 problems
              reference cycle a -> b -> c -> a at #/components/schemas/a
              reference cycle self -> self at #/components/schemas/self
        "#]],
    );
}

#[test]
fn an_extension_of_the_wrong_type_is_located() {
    let foo = json!({
        "x-resourceId": true,
        "x-expandableFields": ["a", 1],
        "x-expansionResources": {"oneOf": "foo"},
        "x-eventObjects": {"ping": {}},
        "x-stripeBypassValidation": "yes",
        "x-stripeEvent": "ping",
        "x-stripeOperations": [{}],
    });
    check_error(
        &document(&json!({"foo": foo})),
        &expect![[r#"
        api.json cannot be used: 7 problems
          `x-eventObjects` is an object instead of an object of strings at #/components/schemas/foo
          `x-expandableFields` is a list instead of a list of strings at #/components/schemas/foo
          `x-expansionResources` is an object instead of an object with a list `oneOf` of references at #/components/schemas/foo
          `x-resourceId` is a boolean instead of a string at #/components/schemas/foo
          `x-stripeBypassValidation` is a string instead of a boolean at #/components/schemas/foo
          `x-stripeEvent` is a string instead of an object with a string `type` at #/components/schemas/foo
          `x-stripeOperations` is a list instead of a list of objects with the strings `operation` and `path` at #/components/schemas/foo
    "#]],
    );
}

#[test]
fn a_value_of_the_wrong_type_is_located() {
    check_error(
        &document(&json!([])),
        &expect![[r#"
        api.json cannot be used: `schemas` is a list instead of an object at #/components/schemas
    "#]],
    );
    let foo = json!({"properties": {
        "list": [],
        "enum": {"type": "string", "anyOf": {}},
        "flag": true,
        "null": {"type": "null"},
        "types": {"type": ["string", "null"]},
    }});
    check_error(
        &document(&json!({"foo": foo})),
        &expect![[r#"
            api.json cannot be used: 5 problems
              `anyOf` is an object instead of a list at #/components/schemas/foo/properties/enum/anyOf
              `schema` is a boolean instead of an object at #/components/schemas/foo/properties/flag
              `schema` is a list instead of an object at #/components/schemas/foo/properties/list
              unknown type `null` at #/components/schemas/foo/properties/null/type
              `type` is a list instead of a string at #/components/schemas/foo/properties/types/type
        "#]],
    );
    let foo = json!({"type": "object", "properties": {
        "deep": {"anyOf": [{"type": "string"}, {"type": "string", "nullable": "yes"}]},
        "list": {"type": "array", "items": {"type": "object", "required": "id"}},
    }});
    check_error(
        &document(&json!({"foo": foo})),
        &expect![[r#"
        api.json cannot be used: unreadable schema: invalid type: string "yes", expected a boolean, at #/components/schemas/foo/properties/deep/anyOf/1
    "#]],
    );
    let body = json!({"content": {"application/json": {"schema": {"items": {"maxLength": -1}}}}});
    check_error(
        &with_operation(&json!({"requestBody": body, "responses": {}})),
        &expect![[r#"
            api.json cannot be used: unreadable schema: invalid value: integer `-1`, expected usize, at #/paths/~1v1~1foos/get/requestBody/content/application~1json/schema/items
        "#]],
    );
    let parameter =
        json!({"parameters": [{"in": "air", "name": "limit", "schema": {}}], "responses": {}});
    check_error(
        &with_operation(&parameter),
        &expect![[r#"
        api.json cannot be used: unreadable parameter: unknown variant `air`, expected one of `query`, `header`, `path`, `cookie`, at #/paths/~1v1~1foos/get/parameters/0
    "#]],
    );
    check_error(
        &with_operation(&json!({"operationId": 1, "responses": {}})),
        &expect![[r#"
            api.json cannot be used: unreadable operation: invalid type: integer `1`, expected a string, at #/paths/~1v1~1foos/get
        "#]],
    );
}

#[test]
fn many_problems_are_cut_short() {
    let properties: serde_json::Map<String, Value> = (10..35)
        .map(|number| (format!("p{number}"), json!({"if": {}})))
        .collect();
    let message = message(&document(&json!({"foo": {"properties": properties}})).to_string());
    let lines: Vec<&str> = message.lines().collect();
    assert_eq!(lines.len(), 22);
    assert_eq!(lines[0], "api.json cannot be used: 25 problems");
    assert_eq!(
        lines[20],
        "  unsupported keyword `if` at #/components/schemas/foo/properties/p29"
    );
    assert_eq!(lines[21], "  and 5 more");
}

/// The description that the shipped views are generated from.
pub(super) fn pinned() -> Spec {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../spec/openapi-2026-10-28.endive.json"
    );
    let text = std::fs::read_to_string(path).expect("the pinned description is there");
    Spec::read(&text, "openapi-2026-10-28.endive.json").expect("it can be read")
}

#[test]
fn the_pinned_description_has_nothing_unknown() {
    let spec = pinned();
    assert_eq!(spec.version, "2026-10-28.endive");
    assert_eq!(spec.keywords.unknown_extensions, BTreeMap::new());
    assert_eq!(spec.schemas.len(), 1606);
    assert_eq!(spec.operations.len(), 648);
    assert_eq!(spec.resources().count(), 182);
    let other: Vec<&str> = spec
        .operations
        .iter()
        .filter(|operation| matches!(operation.response, None | Some(ResponseShape::Other)))
        .map(|operation| operation.path.as_str())
        .collect();
    // A PDF, and a stream whose answer is empty.
    assert_eq!(
        other,
        ["/v1/quotes/{quote}/pdf", "/v2/billing/meter_event_stream"]
    );
}
