//! What the examples store has the shape that Stripe gives it at the pinned version.

use std::{fs, path::Path};

use serde_json::Value;

use crate::spec;

#[test]
fn the_samples_have_the_shape_of_the_pinned_version() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/data");
    let mut found = Vec::new();
    let mut checked = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let text = fs::read_to_string(&path).unwrap();
        for document in serde_json::Deserializer::from_str(&text).into_iter::<Value>() {
            for object in parts(&document.unwrap()) {
                checked += 1;
                found.extend(misfits(&object));
            }
        }
    }
    assert_eq!(checked, 20);
    // What the examples show to do no harm, and nothing else.
    assert_eq!(found.len(), 1, "{found:#?}");
    assert!(found[0].contains("hibernating"), "{found:#?}");
}

/// The objects of an array, a list object or an event, or the document itself.
fn parts(document: &Value) -> Vec<Value> {
    match document {
        Value::Array(parts) => parts.clone(),
        list if list["object"] == "list" => list["data"].as_array().unwrap().clone(),
        object => vec![object.clone()],
    }
}

fn misfits(object: &Value) -> Vec<String> {
    let name = object["object"]
        .as_str()
        .expect("every object says what it is");
    let Some(schema) = spec::schema(name) else {
        assert_eq!(name, "loyalty.card", "the description has no {name}");
        return Vec::new();
    };
    let mut found = spec::misfits(schema, object, name);
    if name == "event" {
        assert_eq!(object["api_version"], spec::version());
        let mut carried = object["data"]["object"].clone();
        // The preview of an invoice is an invoice without an id.
        if object["type"] == "invoice.upcoming" {
            carried["id"] = "in_preview".into();
        }
        found.extend(misfits(&carried));
    }
    found
}
