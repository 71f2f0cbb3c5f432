//! What the generated code knows of resources and event types, as data.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use stripe_store::{
    Resource, Snapshot, View,
    resources::{
        Charge, Customer, File, Invoiceitem, RESOURCES, TransferReversal,
        events::{self, EVENTS},
        facts,
    },
    view::{EventFacts, EventType, Operations},
};

use crate::spec;

fn path(object: &str) -> Option<&'static str> {
    facts(object)
        .unwrap_or_else(|| panic!("{object} is no resource"))
        .path
}

#[test]
fn c021_each_type_has_its_path() {
    for (object, expected) in [
        ("account", "/v1/accounts"),
        ("balance", "/v1/balance"),
        ("balance_transaction", "/v1/balance_transactions"),
        ("charge", "/v1/charges"),
        ("checkout.session", "/v1/checkout/sessions"),
        ("customer", "/v1/customers"),
        ("event", "/v1/events"),
        ("file", "/v1/files"),
        ("invoiceitem", "/v1/invoiceitems"),
        ("issuing.card", "/v1/issuing/cards"),
        ("line_item", "/v1/invoices/{invoice}/lines"),
        ("radar.value_list_item", "/v1/radar/value_list_items"),
        ("scheduled_query_run", "/v1/sigma/scheduled_query_runs"),
        ("subscription", "/v1/subscriptions"),
        ("tax_id", "/v1/tax_ids"),
        ("test_helpers.test_clock", "/v1/test_helpers/test_clocks"),
        ("transfer_reversal", "/v1/transfers/{id}/reversals"),
        ("treasury.transaction", "/v1/treasury/transactions"),
        ("v2.core.account", "/v2/core/accounts"),
        ("v2.core.event", "/v2/core/events"),
    ] {
        assert_eq!(path(object), Some(expected), "{object}");
    }
    assert_eq!(Customer::PATH, path("customer"));
    assert_eq!(
        Customer::OPERATIONS,
        Operations::new(true, true, true, true)
    );
    let balance = facts("balance").unwrap().operations;
    assert!(
        balance.retrieve && !balance.list,
        "there is one balance, at a path of its own"
    );
}

#[test]
fn c021_a_type_that_the_api_does_not_serve_by_itself_has_no_path() {
    for object in [
        "application",
        "connect_collection_transfer",
        "discount",
        "source_mandate_notification",
    ] {
        assert_eq!(path(object), None, "{object}");
    }
    for facts in RESOURCES.iter().filter(|facts| facts.path.is_none()) {
        let operations = facts.operations;
        assert!(operations == Operations::NONE, "{}", facts.object);
    }
    assert_eq!(facts("teleport.voucher"), None);
}

#[test]
fn c021_every_path_is_one_of_the_description() {
    let known = spec::paths();
    for facts in RESOURCES {
        if let Some(path) = facts.path {
            assert!(
                known.keys().any(|known| known.starts_with(path)),
                "{}: {path}",
                facts.object
            );
        }
    }
}

#[test]
fn c022_a_type_is_accepted_under_its_names_and_no_other() {
    for object in ["file", "file_upload"] {
        let value = json!({"id": "file_1", "object": object, "purpose": "dispute_evidence"});
        assert_eq!(File::from_object(&value).unwrap().id(), "file_1");
        let json = value.to_string();
        assert!(Snapshot::read(&json).unwrap().require::<File>().is_ok());
    }
    for object in ["invoiceitem", "line_item"] {
        let json = json!({"id": "ii_1", "object": object}).to_string();
        assert!(Invoiceitem::accepts(object));
        assert!(
            Snapshot::read(&json)
                .unwrap()
                .require::<Invoiceitem>()
                .is_ok()
        );
    }
    assert!(TransferReversal::accepts("transfer_reversal"));
    for other in [
        "reversal",
        "transfer",
        "fee_refund",
        "",
        "Transfer_Reversal",
    ] {
        assert!(!TransferReversal::accepts(other), "{other}");
    }
    assert_eq!(facts("file_upload"), facts("file"));
    // A line of an invoice is a type of its own before it is an invoice item by another name.
    assert_eq!(facts("line_item").unwrap().object, "line_item");
}

#[test]
fn c022_an_object_of_another_type_is_refused_with_both_names() {
    let charge = json!({"id": "ch_1", "object": "charge", "amount": 100});
    assert!(Charge::from_object(&charge).is_ok());
    let refused = Customer::from_object(&charge).unwrap_err();
    assert_eq!(
        (refused.expected(), refused.found()),
        ("customer", Some("charge"))
    );
    assert_eq!(
        refused.to_string(),
        "expected an object of type `customer`, found `charge`"
    );
    let nameless = Customer::from_object(&Value::Null).unwrap_err();
    assert_eq!(
        nameless.to_string(),
        "expected an object of type `customer`, found a value without `object`"
    );

    let json = charge.to_string();
    let refused = Snapshot::read(&json)
        .unwrap()
        .require::<Customer>()
        .unwrap_err()
        .to_string();
    assert!(
        refused.contains("customer") && refused.contains("charge"),
        "{refused}"
    );
    // A view itself takes whatever it is laid over, and reads what it can.
    assert_eq!(Customer::view(&charge).id(), "ch_1");
}

#[test]
fn c024_known_fields_can_be_expanded() {
    for (object, paths) in [
        (
            "subscription",
            "customer latest_invoice default_payment_method items.data.price.product schedule discounts",
        ),
        (
            "charge",
            "balance_transaction customer payment_intent payment_method_details.card.mandate",
        ),
        (
            "customer",
            "default_source invoice_settings.default_payment_method subscriptions.data.latest_invoice",
        ),
        (
            "invoice",
            "customer parent.subscription_details.subscription payments.data.payment.payment_intent",
        ),
        ("payment_intent", "customer latest_charge payment_method"),
        ("payout", "destination balance_transaction"),
        ("price", "product"),
        ("transfer", "balance_transaction destination"),
        ("transfer_reversal", "balance_transaction transfer"),
    ] {
        let expandable = facts(object).unwrap().expandable;
        for path in paths.split(' ') {
            assert!(expandable.contains(&path), "{object}.{path}");
        }
    }
    assert_eq!(
        facts("coupon")
            .unwrap()
            .expandable
            .iter()
            .filter(|path| path.contains("id"))
            .count(),
        0
    );
}

#[test]
fn c024_every_path_leads_to_the_types_of_the_description() {
    let mut count = 0;
    for facts in RESOURCES {
        assert!(facts.expandable.is_sorted(), "{}", facts.object);
        assert_eq!(facts.expandable.len(), facts.expands_to.len());
        for (path, objects) in facts.expandable.iter().zip(facts.expands_to) {
            let described = references(facts.object, path);
            assert!(
                !described.is_empty(),
                "{}: {path} leads to nothing that expands",
                facts.object
            );
            let described: Vec<_> = described.into_iter().collect();
            assert_eq!(*objects, described, "{}: {path}", facts.object);
            count += 1;
        }
    }
    assert!(count > 500, "{count} paths");
}

/// The types of the objects that a path along the description, through lists and arrays, leads to where it ends.
fn references(object: &str, path: &str) -> BTreeSet<&'static str> {
    fn follow(schema: &'static Value, steps: &[&str], found: &mut BTreeSet<&'static str>) {
        let schema = spec::resolve(schema);
        if let Some(items) = schema.get("items") {
            return follow(items, steps, found);
        }
        if let Some(values) = schema
            .get("additionalProperties")
            .filter(|_| schema.get("properties").is_none())
        {
            return follow(values, steps, found);
        }
        match steps {
            [] => {
                if let Some(resources) = schema.get("x-expansionResources") {
                    named(resources, found);
                }
                for branch in spec::branches(schema).into_iter().flatten() {
                    if let Some(items) = branch.get("items") {
                        follow(items, &[], found);
                    }
                }
            }
            [step, rest @ ..] => match spec::branches(schema) {
                Some(branches) => {
                    for branch in branches {
                        follow(branch, steps, found);
                    }
                }
                None => {
                    if let Some(next) = schema["properties"].get(*step) {
                        follow(next, rest, found);
                    }
                }
            },
        }
    }
    let mut found = BTreeSet::new();
    let steps: Vec<_> = path.split('.').collect();
    follow(spec::schema(object).unwrap(), &steps, &mut found);
    found
}

/// What objects of a schema say in `object`, or those of the schemas that it is a choice of.
fn named(schema: &'static Value, found: &mut BTreeSet<&'static str>) {
    let schema = spec::resolve(schema);
    let own = schema["properties"]["object"]["enum"].as_array();
    found.extend(own.into_iter().flatten().filter_map(Value::as_str));
    for choice in ["oneOf", "anyOf"] {
        for member in schema[choice].as_array().into_iter().flatten() {
            named(member, found);
        }
    }
}

fn event(name: &str) -> &'static EventFacts {
    EVENTS
        .iter()
        .find(|event| event.name == name)
        .unwrap_or_else(|| panic!("{name} is not listed"))
}

/// The event types of a schema of the description, with the objects that it names for them.
fn described(schema: &str) -> BTreeMap<&'static str, Option<&'static str>> {
    let types = &spec::schema(schema).unwrap()["properties"]["type"];
    let names = types["x-eventTypes"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(Value::as_str);
    names
        .map(|name| {
            (
                name,
                types["x-eventObjects"].get(name).and_then(Value::as_str),
            )
        })
        .collect()
}

#[test]
fn every_event_of_the_description_is_listed_once_with_its_object() {
    for (schema, thin) in [("event", false), ("v2.core.event", true)] {
        let listed: BTreeMap<&str, &EventFacts> = EVENTS
            .iter()
            .filter(|event| event.is_thin == thin)
            .map(|event| (event.name, event))
            .collect();
        let described = described(schema);
        assert_eq!(
            listed.keys().collect::<Vec<_>>(),
            described.keys().collect::<Vec<_>>(),
            "{schema}"
        );
        for (name, object) in described {
            let Some(object) = object else { continue };
            let says = spec::schema(object).unwrap()["properties"]["object"]["enum"][0].as_str();
            assert_eq!(listed[name].object, says.or(Some(object)), "{name}");
        }
    }
    assert_eq!(
        EVENTS.len(),
        described("event").len() + described("v2.core.event").len()
    );
    assert!(
        EVENTS.is_sorted_by_key(|event| (event.is_thin, event.name)),
        "listed in order"
    );
}

#[test]
fn only_events_after_which_the_object_is_gone_are_deletions() {
    for deletion in [
        "customer.deleted",
        "coupon.deleted",
        "invoice.deleted",
        "plan.deleted",
        "product.deleted",
    ] {
        assert!(event(deletion).is_deletion, "{deletion}");
    }
    for other in [
        "customer.subscription.deleted",
        "customer.updated",
        "invoice.voided",
        "payment_method.detached",
        "account.application.deauthorized",
    ] {
        assert!(!event(other).is_deletion, "{other}");
    }
    for event in EVENTS.iter().filter(|event| event.is_deletion) {
        assert!(event.name.ends_with(".deleted"), "{}", event.name);
        assert!(event.object.is_some(), "{}", event.name);
    }
}

#[test]
fn thin_events_are_told_from_those_that_carry_the_object() {
    for thin in [
        "v1.customer.created",
        "v1.billing.meter.no_meter_found",
        "v2.core.event_destination.ping",
    ] {
        assert!(event(thin).is_thin, "{thin}");
    }
    for full in ["customer.created", "invoice.paid", "charge.refunded"] {
        assert!(!event(full).is_thin, "{full}");
    }
}

#[test]
fn the_marker_of_an_event_says_what_the_table_says() {
    fn check<E: EventType>(name: &str) -> &'static EventFacts {
        let listed = event(name);
        assert_eq!((E::NAME, E::IS_DELETION), (listed.name, listed.is_deletion));
        listed
    }
    fn carries<E: EventType<Object: Resource>>(name: &str) {
        let listed = check::<E>(name);
        assert_eq!(listed.object, Some(E::Object::OBJECT), "{name}");
    }
    carries::<events::CustomerCreated>("customer.created");
    carries::<events::CustomerDeleted>("customer.deleted");
    carries::<events::CustomerSubscriptionDeleted>("customer.subscription.deleted");
    carries::<events::InvoicePaid>("invoice.paid");
    carries::<events::ChargeRefunded>("charge.refunded");
    carries::<events::CheckoutSessionCompleted>("checkout.session.completed");
    carries::<events::IssuingAuthorizationCreated>("issuing_authorization.created");
    carries::<events::V1CustomerCreated>("v1.customer.created");
    // A choice between types, which none of them is.
    assert_eq!(
        check::<events::CustomerSourceDeleted>("customer.source.deleted").object,
        Some("payment_source")
    );
}
