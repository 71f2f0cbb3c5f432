//! Every view and every getter against samples made from the description, on both databases.

mod drift;
pub(crate) mod places;
pub(crate) mod synth;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use stripe_store::{
    Outcome, Snapshot, Store,
    resources::{RESOURCES, exercise::EXERCISES},
    store::{Interval, Source},
    view::exercise::Exercise,
};
use stripe_store_tests::{TestDb, on_both};

use self::synth::{References, Synth};
use crate::spec;

/// What calls the getters of the view that was generated from a place of the description.
pub(crate) fn exercise(place: &str) -> Exercise {
    let found = EXERCISES.iter().find(|(source, _)| *source == place);
    found.unwrap_or_else(|| panic!("{place} has no view")).1
}

/// The keys whose getters read nothing, of those that the sample has.
fn unread(place: &str, exercise: Exercise, sample: &Value) -> Vec<String> {
    let read: BTreeMap<&str, bool> = exercise(sample).into_iter().collect();
    let keys = sample.as_object().unwrap().keys();
    keys.filter(|key| read.get(key.as_str()) != Some(&true))
        .map(|key| format!("{place}.{key}"))
        .collect()
}

/// How many rounds it takes until every value of the enums among the fields, and every alternative, was there.
fn rounds(schema: &'static Value) -> usize {
    let alternatives = |field: &'static Value| {
        let field = field.get("items").unwrap_or(field);
        let choices = spec::branches(field).map(<[Value]>::len);
        choices
            .or_else(|| Some(field["enum"].as_array()?.len()))
            .unwrap_or(1)
    };
    let fields = schema["properties"].as_object().into_iter().flatten();
    let most = fields.map(|(_, field)| alternatives(field)).max();
    most.unwrap_or(1)
        .max(spec::branches(schema).map_or(1, <[Value]>::len))
        .max(4)
}

/// The object types that the API serves by themselves: the schema's name, and what its objects say they are.
fn resources() -> BTreeMap<&'static str, &'static str> {
    let resources = spec::schemas().filter_map(|(name, schema)| {
        let [Value::String(object)] = schema["properties"]["object"]["enum"]
            .as_array()?
            .as_slice()
        else {
            return None;
        };
        let is_one = !name.starts_with("deleted_")
            && (schema.get("x-resourceId").is_some() || object == name);
        is_one.then_some((name, object.as_str()))
    });
    resources.collect()
}

/// The ways in which a sample of a resource is made, by a name that serves as an account's id.
fn ways() -> [(&'static str, Synth); 4] {
    let full = Synth {
        levels: 2,
        ..Synth::FULL
    };
    [
        ("acct_minimal", Synth::MINIMAL),
        ("acct_ids", Synth::FULL),
        (
            "acct_objects",
            Synth {
                references: References::Objects,
                ..full
            },
        ),
        (
            "acct_deleted",
            Synth {
                references: References::Deleted,
                round: 1,
                ..full
            },
        ),
    ]
}

#[test]
fn every_schema_has_a_view_and_every_view_a_place_in_the_description() {
    let views: BTreeSet<&str> = EXERCISES.iter().map(|(source, _)| *source).collect();
    let expected: BTreeSet<&str> = places::all().map(|(place, _)| place).collect();
    assert_eq!(
        views.difference(&expected).collect::<Vec<_>>(),
        Vec::<&&str>::new(),
        "views of nothing"
    );
    assert_eq!(
        expected.difference(&views).collect::<Vec<_>>(),
        Vec::<&&str>::new(),
        "places without a view"
    );
    assert_eq!(EXERCISES.len(), views.len(), "two views of one place");
    let schemas = spec::schemas()
        .filter(|(name, _)| views.contains(name))
        .count();
    assert_eq!(schemas, spec::schemas().count());
}

#[test]
fn every_resource_of_the_description_is_listed() {
    let mut listed: Vec<&str> = RESOURCES.iter().map(|facts| facts.object).collect();
    let mut expected: Vec<&str> = resources().into_values().collect();
    listed.sort_unstable();
    expected.sort_unstable();
    assert_eq!(listed, expected);
}

#[test]
fn every_property_has_one_getter_and_every_getter_a_property() {
    let mut wrong = Vec::new();
    for (place, schema) in places::all() {
        let mut getters: Vec<&str> = exercise(place)(&Value::Null)
            .into_iter()
            .map(|(key, _)| key)
            .collect();
        getters.sort_unstable();
        let properties = match schema["properties"].as_object() {
            Some(properties) => properties.keys().map(String::as_str).collect(),
            None if spec::branches(schema).is_some() => vec!["id", "object"],
            None => Vec::new(),
        };
        if getters != properties {
            wrong.push(format!("{place}: {getters:?} for {properties:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn samples_are_what_the_description_describes() {
    let mut wrong = Vec::new();
    for (place, schema) in places::all() {
        for (_, way) in ways() {
            wrong.extend(spec::misfits(schema, &way.sample(schema), place));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_getter_reads_what_the_description_says_is_there() {
    let mut wrong = BTreeSet::new();
    for (place, schema) in places::all() {
        let exercise = exercise(place);
        for references in [References::Ids, References::Objects, References::Deleted] {
            for round in 0..rounds(schema) {
                let sample = Synth {
                    levels: 1,
                    references,
                    round,
                }
                .sample(schema);
                let Value::Object(mut fields) = sample else {
                    assert_eq!(
                        references,
                        References::Ids,
                        "{place}: a choice that can be an id"
                    );
                    continue;
                };
                if spec::branches(schema).is_some() {
                    // The view of a choice has what all its members have.
                    fields.retain(|key, _| key == "id" || key == "object");
                }
                let sample = Value::Object(fields);
                wrong.extend(unread(place, exercise, &sample));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{} getters read nothing: {wrong:#?}",
        wrong.len()
    );
}

#[test]
fn null_and_absence_read_as_nothing() {
    for (place, schema) in places::all() {
        let sample = Synth::MINIMAL.sample(schema);
        for (key, is_read) in exercise(place)(&sample) {
            let nothing = sample.get(key).is_none_or(Value::is_null);
            assert!(
                !(nothing && is_read),
                "{place}.{key} reads what is not there"
            );
        }
        for nothing in [
            Value::Null,
            Value::Bool(true),
            Value::from("text"),
            Value::from(1),
            Value::Array(Vec::new()),
        ] {
            let read = exercise(place)(&nothing);
            assert!(
                read.iter().all(|(_, is_read)| !is_read),
                "{place} reads something in {nothing}"
            );
        }
    }
}

/// Types that have neither an id nor one object per account: no row can be named for them, and a write says so.
const WITHOUT_ID: [&str; 18] = [
    "account_link",
    "account_session",
    "billing.alert_triggered",
    "billing.credit_balance_summary",
    "billing.meter_event",
    "billing.meter_event_adjustment",
    "cash_balance",
    "customer_session",
    "entitlements.active_entitlement_summary",
    "funding_instructions",
    "login_link",
    "terminal.connection_token",
    "terminal.onboarding_link",
    "treasury.financial_account_features",
    "v2.billing.meter_event",
    "v2.core.account_link",
    "v2.money_management.financial_address_credit_simulation",
    "v2.money_management.payout_methods_bank_account_spec",
];

#[tokio::test]
async fn a_sample_of_every_resource_is_stored_and_read_back_equal() {
    on_both(async |db: &TestDb| {
        let mut stored = 0;
        for (account, way) in ways() {
            let samples: Vec<(&str, Value)> = resources()
                .into_iter()
                .filter(|(_, object)| !WITHOUT_ID.contains(object))
                .map(|(name, _)| {
                    (
                        name,
                        with_id(way.sample(spec::schema(name).unwrap()), account),
                    )
                })
                .collect();
            stored += samples.len();
            store_and_read(&db.store().account(account), &samples).await;
        }
        assert_eq!(stored, 4 * (RESOURCES.len() - WITHOUT_ID.len()));
    })
    .await;
}

/// The sample with an id, which invoices and tax calculations need not have, as a preview has none.
fn with_id(mut sample: Value, account: &str) -> Value {
    if !matches!(
        sample["object"].as_str(),
        Some("balance" | "balance_settings" | "tax.settings")
    ) {
        sample["id"] = format!("sample_{account}").into();
    }
    sample
}

async fn store_and_read(store: &Store, samples: &[(&str, Value)]) {
    let texts: Vec<String> = samples
        .iter()
        .map(|(_, sample)| sample.to_string())
        .collect();
    let snapshots: Vec<Snapshot<'_>> = texts
        .iter()
        .map(|text| {
            Snapshot::read(text)
                .unwrap()
                .taken(Interval::second(1_700_000_000), Source::import())
        })
        .collect();
    for expected in [Outcome::Inserted, Outcome::Unchanged] {
        let outcomes = store.write(&snapshots).await.unwrap();
        for (outcome, (name, _)) in outcomes.iter().zip(samples) {
            assert_eq!(*outcome, expected, "{name}");
        }
    }
    for (snapshot, (name, sample)) in snapshots.iter().zip(samples) {
        let stored = store.mode(snapshot.mode().unwrap_or(store.scope().mode()));
        let stored = stored
            .get_object(snapshot.object(), snapshot.id())
            .await
            .unwrap();
        let stored = stored.unwrap_or_else(|| panic!("{name} is gone"));
        let text: Value = serde_json::from_str(stored.json()).unwrap();
        assert_eq!(&text, sample, "{name}");
        assert_eq!(stored.get("object"), sample.get("object"), "{name}");
        assert_eq!(exercise(name)(&text), exercise(name)(sample), "{name}");
    }
}

#[test]
fn an_object_that_no_row_can_be_named_for_is_refused_with_the_reason() {
    for (name, object) in resources() {
        let sample = Synth::FULL.sample(spec::schema(name).unwrap()).to_string();
        let refused = Snapshot::read(&sample)
            .map(drop)
            .map_err(|error| error.to_string());
        match refused {
            Ok(()) => assert!(!WITHOUT_ID.contains(&object), "{object} can be stored"),
            Err(reason) => {
                assert!(WITHOUT_ID.contains(&object), "{object}: {reason}");
                assert!(reason.contains("id") && reason.contains(object), "{reason}");
            }
        }
    }
}
