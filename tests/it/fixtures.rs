//! The fixtures have the shape that Stripe gives its objects at the pinned version.

use serde_json::Value;
use stripe_store_tests::{fixture, fixture_names};

use crate::spec;

#[test]
fn every_fixture_has_the_shape_of_the_pinned_version() {
    let mut found = Vec::new();
    for name in fixture_names() {
        let value = fixture(&name);
        assert!(value.is_object(), "{name} is no object");
        found.extend(
            check(&value)
                .into_iter()
                .map(|misfit| format!("{name}: {misfit}")),
        );
    }
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn a_fixture_that_differs_is_noticed() {
    let mut customer = fixture("customer");
    customer["balance"] = "none".into();
    customer["nickname"] = "Zoë".into();
    customer.as_object_mut().unwrap().remove("created");
    let found = check(&customer);
    assert_eq!(found.len(), 3, "{found:#?}");
}

fn check(value: &Value) -> Vec<String> {
    let object = value["object"]
        .as_str()
        .expect("every object says what it is");
    if object == "list" {
        return value["data"]
            .as_array()
            .expect("a list has data")
            .iter()
            .flat_map(check)
            .collect();
    }
    let deleted = value["deleted"] == true;
    let name = if deleted {
        format!("deleted_{object}")
    } else {
        object.to_owned()
    };
    let schema = spec::schema(&name).unwrap_or_else(|| panic!("the description has no {name}"));
    let mut found = spec::misfits(schema, value, object);
    if object == "event" {
        assert_eq!(value["api_version"], spec::version());
        // Events of a type that the description does not know are what one of the fixtures shows.
        if let Some(schema) = spec::event_object(value["type"].as_str().unwrap()) {
            found.extend(spec::misfits(
                schema,
                &value["data"]["object"],
                "data.object",
            ));
        }
    }
    found
}
