//! What the generator makes of the smallest descriptions is Rust that compiles and reads.
//!
//! The golden files are held by the generator's own tests; here they are what they are for users: a module in a crate
//! beside `stripe-store`.

#[rustfmt::skip]
#[path = "../../codegen/tests/golden/alias/mod.rs"]
pub mod alias;
#[rustfmt::skip]
#[path = "../../codegen/tests/golden/arrays/mod.rs"]
pub mod arrays;
#[rustfmt::skip]
#[path = "../../codegen/tests/golden/decimals/mod.rs"]
pub mod decimals;
#[rustfmt::skip]
#[path = "../../codegen/tests/golden/enums/mod.rs"]
pub mod enums;
#[rustfmt::skip]
#[path = "../../codegen/tests/golden/event_names/mod.rs"]
pub mod event_names;
#[rustfmt::skip]
#[path = "../../codegen/tests/golden/event_schemas/mod.rs"]
pub mod event_schemas;
#[rustfmt::skip]
#[path = "../../codegen/tests/golden/events/mod.rs"]
pub mod events;
#[rustfmt::skip]
#[path = "../../codegen/tests/golden/expandable/mod.rs"]
pub mod expandable;
#[rustfmt::skip]
#[path = "../../codegen/tests/golden/expandable_array/mod.rs"]
pub mod expandable_array;
#[rustfmt::skip]
#[path = "../../codegen/tests/golden/expandable_deleted/mod.rs"]
pub mod expandable_deleted;
#[rustfmt::skip]
#[path = "../../codegen/tests/golden/expandable_union/mod.rs"]
pub mod expandable_union;
#[rustfmt::skip]
#[path = "../../codegen/tests/golden/keyword_fields/mod.rs"]
pub mod keyword_fields;
#[rustfmt::skip]
#[path = "../../codegen/tests/golden/list/mod.rs"]
pub mod list;
#[rustfmt::skip]
#[path = "../../codegen/tests/golden/list_of_unions/mod.rs"]
pub mod list_of_unions;
#[rustfmt::skip]
#[path = "../../codegen/tests/golden/maps/mod.rs"]
pub mod maps;
#[rustfmt::skip]
#[path = "../../codegen/tests/golden/nested_object/mod.rs"]
pub mod nested_object;
#[rustfmt::skip]
#[path = "../../codegen/tests/golden/nullable_reference/mod.rs"]
pub mod nullable_reference;
#[rustfmt::skip]
#[path = "../../codegen/tests/golden/odd_enums/mod.rs"]
pub mod odd_enums;
#[rustfmt::skip]
#[path = "../../codegen/tests/golden/odd_fields/mod.rs"]
pub mod odd_fields;
#[rustfmt::skip]
#[path = "../../codegen/tests/golden/operations/mod.rs"]
pub mod operations;
#[rustfmt::skip]
#[path = "../../codegen/tests/golden/presence/mod.rs"]
pub mod presence;
#[rustfmt::skip]
#[path = "../../codegen/tests/golden/reference/mod.rs"]
pub mod reference;
#[rustfmt::skip]
#[path = "../../codegen/tests/golden/scalars/mod.rs"]
pub mod scalars;
#[rustfmt::skip]
#[path = "../../codegen/tests/golden/skipped/mod.rs"]
pub mod skipped;
#[rustfmt::skip]
#[path = "../../codegen/tests/golden/timestamps/mod.rs"]
pub mod timestamps;
#[rustfmt::skip]
#[path = "../../codegen/tests/golden/twins/mod.rs"]
pub mod twins;
#[rustfmt::skip]
#[path = "../../codegen/tests/golden/union/mod.rs"]
pub mod union;
#[rustfmt::skip]
#[path = "../../codegen/tests/golden/yaml_form/mod.rs"]
pub mod yaml_form;

use serde_json::json;
use stripe_store::view::{EventType as _, Reference, Resource as _};
use stripe_store::{OpenEnum as _, View as _};

#[test]
fn a_union_is_told_by_object_and_an_unknown_one_stays_readable() {
    let value = json!({"owner": {"id": "card_1", "object": "card", "last4": "4242"}});
    match union::Customer::view(&value)
        .owner()
        .expect("an owner")
        .variant()
    {
        union::CustomerOwnerVariant::Card(card) => assert_eq!(card.last4(), Some("4242")),
        other => panic!("{other:?}"),
    }
    let value = json!({"owner": {"id": "wal_1", "object": "wallet"}});
    match union::Customer::view(&value)
        .owner()
        .expect("an owner")
        .variant()
    {
        union::CustomerOwnerVariant::Other(other) => assert_eq!(other.object(), "wallet"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_reference_holds_an_id_an_object_or_what_is_left_of_it() {
    let held = |value: serde_json::Value| {
        let charge = json!({ "customer": value });
        let charge = expandable_deleted::Charge::view(&charge);
        charge.customer().map(|customer| match customer.get() {
            Reference::Id(id) => format!("id {id}"),
            Reference::Object(customer) => format!("object {:?}", customer.email()),
            Reference::Deleted(stub) => format!("deleted {}", stub.id()),
            other => panic!("{other:?}"),
        })
    };
    assert_eq!(held(json!("cus_1")).as_deref(), Some("id cus_1"));
    let object = json!({"id": "cus_1", "object": "customer", "email": "ada@example.com"});
    assert_eq!(
        held(object).as_deref(),
        Some("object Some(\"ada@example.com\")")
    );
    let stub = json!({"id": "cus_1", "object": "customer", "deleted": true});
    assert_eq!(held(stub).as_deref(), Some("deleted cus_1"));
    assert_eq!(held(json!(null)), None);
    assert_eq!(held(json!(7)), None);
    assert_eq!(held(json!({"object": "customer"})), None);
}

#[test]
fn odd_names_read_the_keys_they_were_made_from() {
    let value =
        json!({"a.b": "dotted", "camelCase": "humps", "3d_secure": "digits", "ümlaut": "letters"});
    let thing = odd_fields::Thing::view(&value);
    assert_eq!(thing.a_b().or(Some("-")), Some("dotted"));
    assert_eq!(thing.camel_case(), Some("humps"));
    assert_eq!(thing.v3d_secure(), Some("digits"));
    assert_eq!(odd_fields::Thing::V3D_SECURE.read(&value), Some("digits"));
}

#[test]
fn values_read_and_print_as_stripe_spells_them() {
    for value in odd_enums::FridgeOdd::VALUES
        .iter()
        .copied()
        .chain(["", "new", "Ünusual"])
    {
        let read = odd_enums::FridgeOdd::from_text(value);
        assert_eq!(read.as_str(), value);
        assert_eq!(
            read.is_other(),
            !odd_enums::FridgeOdd::VALUES.contains(&value)
        );
        assert_eq!(read.clone(), read);
    }
    assert_eq!(
        odd_enums::FridgeOdd::from_text("+1"),
        odd_enums::FridgeOdd::Plus1
    );
}

#[test]
fn facts_of_resources_and_events_are_there() {
    assert_eq!(operations::API_VERSION, "2026-10-28.endive");
    assert!(
        operations::RESOURCES
            .iter()
            .any(|facts| facts.path.is_some())
    );
    assert_eq!(event_names::Customer::OBJECT, "customer");
    assert_eq!(
        event_names::events::CustomerCreated::NAME,
        "customer.created"
    );
    assert_eq!(
        event_names::events::facts("issuing_card.updated").and_then(|event| event.object),
        Some("issuing.card")
    );
    assert_eq!(event_names::events::facts("moon.rose"), None);
}

#[test]
fn what_is_the_same_in_two_places_is_one_type_under_both_names() {
    let value = json!({
        "status": "open",
        "office": {"address": {"city": "Bonn"}},
        "method": {"type": "card", "card": {"last4": "4242"}},
        "tree": {"mark": "a", "branches": [{"mark": "b", "branches": []}]},
    });
    let account = twins::Account::view(&value);
    // A function for one place takes what stands in the other.
    let city = |home: &twins::PersonHome| home.address().and_then(|it| it.city().map(String::from));
    assert_eq!(account.office().and_then(city).as_deref(), Some("Bonn"));
    assert_eq!(account.status(), Some(twins::PersonStatus::Open));
    match account.method().expect("a method").variant() {
        twins::PersonMethodVariant::Card(card) => assert_eq!(card.last4(), Some("4242")),
        other => panic!("{other:?}"),
    }
    let tree: Option<&twins::Birch> = account.tree();
    let marks = tree.map(|tree| tree.branches().iter().filter_map(|it| it.mark()).collect());
    assert_eq!(marks, Some(vec!["b"]));
}

#[test]
fn what_differs_in_a_field_or_is_a_resource_is_a_type_of_its_own() {
    use std::any::TypeId;

    let distinct = [
        TypeId::of::<twins::Oak>(),
        TypeId::of::<twins::Pine>(),
        TypeId::of::<twins::Cone>(),
        TypeId::of::<twins::Left>(),
        TypeId::of::<twins::Right>(),
        TypeId::of::<twins::PersonHome>(),
        // Its city is documented otherwise.
        TypeId::of::<twins::PersonCabin>(),
    ];
    for (index, one) in distinct.iter().enumerate() {
        assert!(!distinct[..index].contains(one), "{index}");
    }
}
