//! What fields of projections and of views of one's own can be, and what each reads, without a database.

use std::collections::{BTreeMap, HashMap};

use serde_json::{Value, json};
use stripe_store::model::{FromField, ViewField};
use stripe_store::resources::{Address, Customer, CustomerTaxExempt};
use stripe_store::view::kind::{
    Array, Bool, DateTimeText, Decimal, Enum, Float, Int, IntText, Json, Kind, List, Map, Object,
    Ref, Text, Time,
};
use stripe_store::view::{Metadata, Operations, Timestamp};
use stripe_store::{AnyObject, OpenEnum as _, Resource, StripeModel, View as _};

/// What of `present` is read, and that nothing is of `other`, of `null`, and where nothing is.
#[track_caller]
fn check<K: Kind, F: FromField<K> + PartialEq + std::fmt::Debug>(
    present: &Value,
    read: F,
    other: &Value,
) {
    assert_eq!(F::from_field(present), Some(read));
    assert_eq!(F::from_field(other), None);
    assert_eq!(F::from_field(&Value::Null), None);
}

#[test]
fn every_kind_is_read_into_its_types() {
    let text = |text: &str| text.to_owned();
    check::<Text, _>(&json!("a"), text("a"), &json!(1));
    check::<Decimal, _>(&json!("1.50"), text("1.50"), &json!([1]));
    check::<DateTimeText, _>(
        &json!("2024-01-02T03:04:05Z"),
        text("2024-01-02T03:04:05Z"),
        &json!(1),
    );
    check::<Enum<CustomerTaxExempt>, _>(&json!("odd"), text("odd"), &json!(1));
    check::<Enum<CustomerTaxExempt>, _>(&json!("none"), CustomerTaxExempt::None, &json!(1));
    check::<Ref<Customer>, _>(&json!("cus_1"), text("cus_1"), &json!(1));
    check::<Ref<Customer>, _>(&json!({"id": "cus_2"}), text("cus_2"), &json!(true));
    check::<Int, _>(&json!(5.0), 5, &json!("5"));
    check::<IntText, _>(
        &json!("9007199254740993"),
        9_007_199_254_740_993,
        &json!("5.5"),
    );
    check::<Float, _>(&json!(0.25), 0.25, &json!("0.25"));
    check::<Bool, _>(&json!(true), true, &json!("true"));
    check::<Time, _>(&json!(7), Timestamp::from_unix_seconds(7), &json!("7"));
    let time = time::OffsetDateTime::from_unix_timestamp(7).unwrap();
    check::<Time, _>(&json!(7), time, &json!("7"));
    check::<DateTimeText, _>(&json!("1970-01-01T00:00:07Z"), time, &json!("soon"));
    let object = json!({"city": "Berlin"});
    check::<Object<Address>, _>(&object, object.clone(), &json!("Berlin"));
    check::<Object<Address>, _>(&object, Address::view(&object).clone(), &json!("Berlin"));
    check::<Map<Text>, _>(&object, object.clone(), &json!([1]));
    check::<Array<Text>, _>(&json!(["a"]), json!(["a"]), &object);
    let list = json!({"object": "list", "data": [1, "b", 2]});
    check::<List<Int>, _>(&list, list.clone(), &json!([1]));
    assert_eq!(
        <Value as FromField<Json>>::from_field(&list),
        Some(list.clone())
    );
    assert_eq!(<Value as FromField<Json>>::from_field(&Value::Null), None);
    check::<List<Int>, _>(&list, vec![1, 2], &json!([1]));
    check::<Array<Text>, _>(
        &json!(["a", 1, null, "b"]),
        vec![text("a"), text("b")],
        &object,
    );
    let pairs = json!({"a": "x", "b": 1, "c": "y"});
    let read = [(text("a"), text("x")), (text("c"), text("y"))];
    check::<Map<Text>, _>(&pairs, BTreeMap::from(read.clone()), &json!([1]));
    check::<Map<Text>, _>(&pairs, HashMap::from(read), &json!([1]));
}

/// A thing with a field of each kind.
#[derive(StripeModel)]
#[stripe(
    object = "preview.thing",
    path = "/v1/preview/things",
    operations(list, delete)
)]
struct ThingFields {
    text: String,
    int: Option<i64>,
    float: f64,
    flag: bool,
    json: Value,
    moment: Timestamp,
    exempt: CustomerTaxExempt,
    any: AnyObject,
    #[stripe(rename = "in")]
    inside: Part,
    parts: Vec<Part>,
    list: kind_list::Parts,
    pairs: BTreeMap<String, i64>,
    hashed: HashMap<String, String>,
    #[stripe(rename = "the-tags")]
    tags: kind_list::Tags,
    owner: Ref<Customer>,
    metadata: Metadata,
}

mod kind_list {
    pub(super) type Parts = stripe_store::view::kind::List<super::Part>;
    pub(super) type Tags = stripe_store::view::kind::Array<stripe_store::view::kind::Text>;
}

#[derive(StripeModel)]
#[stripe(nested)]
struct Part {
    size: i64,
}

#[test]
fn every_type_of_a_described_view_reads_under_its_key() {
    let json = json!({
        "object": "preview.thing", "id": "thing_1", "text": "a", "int": 12.0, "float": 0.5, "flag": true,
        "json": {"deep": [1]}, "moment": 9, "exempt": "reverse", "any": {"object": "x"}, "in": {"size": 1},
        "parts": [{"size": 2}, {"size": 3}], "list": {"data": [{"size": 4}]}, "pairs": {"a": 5}, "hashed": {"b": "c"},
        "the-tags": ["t"], "owner": "cus_1", "metadata": {"m": "n"},
    });
    let thing = ThingFieldsView::view(&json);
    assert_eq!(
        (thing.id(), thing.text(), thing.int()),
        ("thing_1", Some("a"), Some(12))
    );
    assert_eq!((thing.float(), thing.flag()), (Some(0.5), Some(true)));
    assert_eq!(thing.json(), Some(&json!({"deep": [1]})));
    assert_eq!(thing.moment().map(Timestamp::unix_seconds), Some(9));
    assert_eq!(
        thing.exempt().as_ref().map(CustomerTaxExempt::as_str),
        Some("reverse")
    );
    assert_eq!(
        thing.any().map(AnyObject::data),
        Some(&json!({"object": "x"}))
    );
    assert_eq!(thing.inside().and_then(PartView::size), Some(1));
    let sizes: Vec<_> = thing.parts().iter().filter_map(PartView::size).collect();
    assert_eq!(sizes, [2, 3]);
    let sizes: Vec<_> = thing
        .list()
        .data()
        .iter()
        .filter_map(PartView::size)
        .collect();
    assert_eq!(sizes, [4]);
    assert_eq!(
        (thing.pairs().get("a"), thing.hashed().get("b")),
        (Some(5), Some("c"))
    );
    assert_eq!(
        (thing.tags().iter().next(), thing.metadata().get("m")),
        (Some("t"), Some("n"))
    );
    assert_eq!(thing.owner().map(|owner| owner.id()), Some("cus_1"));

    let bare = json!({"text": 1, "in": "x", "parts": 1});
    let bare = ThingFieldsView::view(&bare);
    assert_eq!((bare.id(), bare.text(), bare.int()), ("", None, None));
    assert!(bare.inside().is_none() && bare.parts().is_empty() && bare.owner().is_none());

    let path = |path: String| path;
    assert_eq!(
        path(ThingFieldsView::INSIDE.then(PartView::SIZE).to_string()),
        "in.size"
    );
    assert_eq!(path(ThingFieldsView::TAGS.to_string()), "the-tags");
    assert_eq!(path(ThingFieldsView::ID.to_string()), "id");
}

#[test]
fn a_described_view_says_where_it_is_and_what_can_be_done_with_it() {
    assert_eq!(ThingFieldsView::PATH, Some("/v1/preview/things"));
    assert_eq!(
        ThingFieldsView::OPERATIONS,
        Operations::new(false, true, false, true)
    );
    assert_eq!(
        (ThingFieldsView::ID_PREFIX, ThingFieldsView::EXPANDABLE),
        (None, ["owner"].as_slice())
    );
    assert_eq!(ThingFieldsView::EXPANDS_TO, [["customer"].as_slice()]);
    let value = json!({"id": "thing_1", "text": "a"});
    let thing = ThingFieldsView::from(value.clone());
    assert_eq!(thing, thing.clone());
    assert_ne!(thing, ThingFieldsView::from(json!({"id": "thing_2"})));
    assert!(format!("{thing:?}").contains("thing_1"));
    assert_eq!(String::get(&value, "text"), Some("a"));
    assert_eq!(Value::from(thing), value);
}
