//! What Stripe may send one day: documents that no description describes.

use std::{collections::BTreeMap, sync::LazyLock};

use proptest::{prelude::*, sample::Index};
use serde_json::{Map, Value};
use stripe_store::resources::exercise::EXERCISES;

use super::{exercise, places, synth::Synth};

/// Every place that has a view of fields, and their keys.
static KEYS: LazyLock<Vec<(&str, Vec<&str>)>> = LazyLock::new(|| {
    let keys = places::all().filter_map(|(place, schema)| {
        let fields = schema["properties"].as_object()?;
        Some((place, fields.keys().map(String::as_str).collect()))
    });
    keys.collect()
});

fn key() -> impl Strategy<Value = String> {
    const COMMON: [&str; 8] = [
        "id", "object", "type", "data", "deleted", "has_more", "metadata", "customer",
    ];
    const ODD: [&str; 9] = ["", ".", "a.b", "0", "$ref", "type_", "\u{0}", "ключ", "ID"];
    let real = any::<(Index, Index)>().prop_map(|(place, key)| {
        let (_, keys) = place.get(&KEYS);
        if keys.is_empty() {
            "id".to_owned()
        } else {
            (*key.get(keys)).to_owned()
        }
    });
    prop_oneof![
        6 => real,
        3 => proptest::sample::select(&COMMON).prop_map(str::to_owned),
        1 => proptest::sample::select(&ODD).prop_map(str::to_owned),
    ]
}

fn leaf() -> impl Strategy<Value = Value> {
    const TEXTS: [&str; 8] = [
        "",
        "list",
        "customer",
        "0.1",
        "1e400",
        "9223372036854775808",
        "2024-13-45T99:99:99Z",
        "past_due",
    ];
    let ends = [
        Value::from(i64::MAX),
        Value::from(i64::MIN),
        Value::from(u64::MAX),
        Value::from(f64::MAX),
        Value::from(f64::MIN),
        Value::from(f64::MIN_POSITIVE),
        Value::from(-0.0),
        Value::from(9_223_372_036_854_775_808.0),
        Value::from(-9_223_372_036_854_775_808.0),
        Value::from(1_700_000_000.5),
    ];
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        proptest::sample::select(ends.to_vec()),
        proptest::sample::select(&TEXTS).prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ]
}

/// Any document four levels deep.
fn document() -> impl Strategy<Value = Value> {
    leaf().prop_recursive(4, 64, 8, |inner| {
        prop_oneof![
            1 => proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
            3 => proptest::collection::btree_map(key(), inner, 0..8)
                .prop_map(|fields: BTreeMap<_, _>| Value::Object(fields.into_iter().collect())),
        ]
    })
}

/// An object with the keys of a view, and anything under them.
fn shaped() -> impl Strategy<Value = Value> {
    any::<Index>().prop_flat_map(|place| {
        let (_, keys) = place.get(&KEYS);
        proptest::collection::vec(document(), keys.len()).prop_map(|values| {
            let keys = keys.iter().map(|key| (*key).to_owned());
            Value::Object(keys.zip(values).collect::<Map<_, _>>())
        })
    })
}

/// Calls every getter of every view on a document and on all that is in it.
fn exercise_all(document: &Value) {
    for (_, exercise) in EXERCISES {
        exercise(document);
    }
    match document {
        Value::Array(elements) => elements
            .iter()
            .filter(|it| it.is_object())
            .for_each(exercise_all),
        Value::Object(fields) => fields
            .values()
            .filter(|it| it.is_object() || it.is_array())
            .for_each(exercise_all),
        _ => {}
    }
}

/// The pointers to everything in a document.
fn pointers(value: &Value, at: &str, found: &mut Vec<String>) {
    let mut inside = |step: &str, value: &Value| {
        let at = format!("{at}/{}", step.replace('~', "~0").replace('/', "~1"));
        pointers(value, &at, found);
        found.push(at);
    };
    match value {
        Value::Array(elements) => elements
            .iter()
            .enumerate()
            .for_each(|(index, value)| inside(&index.to_string(), value)),
        Value::Object(fields) => fields.iter().for_each(|(key, value)| inside(key, value)),
        _ => {}
    }
}

fn remove(document: &mut Value, pointer: &str) {
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    match document.pointer_mut(parent).unwrap() {
        Value::Object(fields) => {
            fields
                .remove(&key.replace("~1", "/").replace("~0", "~"))
                .unwrap();
        }
        Value::Array(elements) => {
            elements.remove(key.parse().unwrap());
        }
        _ => unreachable!("a pointer leads into an object or an array"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_document_makes_a_getter_panic(document in prop_oneof![document(), shaped()]) {
        exercise_all(&document);
    }

    #[test]
    fn a_field_that_drifts_hides_no_other(
        place in any::<Index>(),
        round in 0..8_usize,
        position in any::<Index>(),
        replacement in proptest::option::of(document()),
    ) {
        let (place, _) = place.get(&KEYS);
        let sample = Synth { levels: 2, round, ..Synth::FULL }.sample(places::schema(place));
        let mut everything = Vec::new();
        pointers(&sample, "", &mut everything);
        prop_assume!(!everything.is_empty());
        let pointer = position.get(&everything);

        let mut drifted = sample.clone();
        match replacement {
            Some(replacement) => *drifted.pointer_mut(pointer).unwrap() = replacement,
            None => remove(&mut drifted, pointer),
        }
        let field = pointer.split('/').nth(1).unwrap();
        let (before, after) = (exercise(place)(&sample), exercise(place)(&drifted));
        for (before, after) in before.into_iter().zip(after) {
            prop_assert!(before == after || before.0 == field, "{place}: {pointer} hides {}", before.0);
        }
    }
}
