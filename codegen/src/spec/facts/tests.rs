use serde_json::json;

use super::*;
use crate::spec::tests::pinned;

fn read(document: &serde_json::Value) -> Spec {
    Spec::read(&document.to_string(), "api.json").unwrap()
}

#[track_caller]
fn check_named(spec: &Spec, cases: &[(&str, Option<&str>)]) {
    let events = Events::new(spec);
    for (event, object) in cases {
        assert_eq!(events.object_named(event), *object, "{event}");
    }
}

#[test]
fn events_are_read_from_lists() {
    let spec = read(&json!({
        "openapi": "3.0.0",
        "info": {"version": "1"},
        "paths": {},
        "components": {"schemas": {
            "event": {"type": "object", "properties": {"type": {
                "type": "string",
                "x-eventTypes": ["invoice.paid", "ping"],
                "x-eventObjects": {"invoice.paid": "invoice"},
            }}},
            "v2.core.event": {"type": "object", "properties": {"type": {
                "type": "string",
                "x-eventTypes": ["v1.invoice.paid"],
                "x-eventObjects": {"v1.invoice.paid": "invoice"},
                "x-eventData": {"v1.invoice.paid": "paid_data"},
            }}},
            "invoice": {"type": "object", "x-resourceId": "invoice"},
            "paid_data": {"type": "object"},
        }},
    }));
    let fact = |thin, name: &str, object: Option<&str>, data: Option<&str>| EventFact {
        thin,
        name: name.to_owned(),
        object: object.map(str::to_owned),
        data: data.map(str::to_owned),
    };
    assert_eq!(
        spec.events,
        [
            fact(false, "invoice.paid", Some("invoice"), None),
            fact(false, "ping", None, None),
            fact(true, "v1.invoice.paid", Some("invoice"), Some("paid_data")),
        ]
    );
}

#[test]
fn events_are_read_from_schemas() {
    let spec = read(&json!({
        "openapi": "3.0.0",
        "info": {"version": "1"},
        "paths": {},
        "components": {"schemas": {
            "invoice.paid": {
                "type": "object",
                "properties": {"object": {"$ref": "#/components/schemas/invoice"}},
                "x-stripeEvent": {"type": "invoice.paid"},
            },
            "v2.core.ping": {"type": "object", "x-stripeEvent": {"type": "v2.core.ping", "kind": "thin"}},
            "invoice": {"type": "object", "x-resourceId": "invoice"},
        }},
    }));
    let [paid, ping] = spec.events.as_slice() else {
        panic!("two events")
    };
    assert_eq!(
        (paid.name.as_str(), paid.object.as_deref(), paid.thin),
        ("invoice.paid", Some("invoice"), false)
    );
    assert_eq!(
        (ping.name.as_str(), ping.object.as_deref(), ping.thin),
        ("v2.core.ping", None, true)
    );
}

#[test]
fn events_are_read_from_what_an_endpoint_can_be_sent() {
    let enabled = json!({"type": "array", "items": {"type": "string", "enum": ["*", "invoice.paid", "order.created"]}});
    let schema = json!({"type": "object", "properties": {"enabled_events": enabled}});
    let body = json!({"content": {"application/x-www-form-urlencoded": {"schema": schema}}});
    let spec = read(&json!({
        "openapi": "3.0.0",
        "info": {"version": "1"},
        "paths": {"/v1/webhook_endpoints": {"post": {"requestBody": body, "responses": {}}}},
        "components": {"schemas": {"invoice": {"type": "object", "x-resourceId": "invoice"}}},
    }));
    let events = Events::new(&spec);
    let found: Vec<_> = spec
        .events
        .iter()
        .map(|event| (event.name.as_str(), events.object_of(event)))
        .collect();
    assert_eq!(
        found,
        [("invoice.paid", Some("invoice")), ("order.created", None)]
    );
}

#[test]
fn the_name_of_an_event_tells_its_object() {
    check_named(
        &pinned(),
        &[
            ("account.application.deauthorized", Some("application")),
            ("account.external_account.created", Some("external_account")),
            ("application_fee.refund.updated", Some("fee_refund")),
            ("application_fee.refunded", Some("application_fee")),
            ("billing.alert.triggered", Some("billing.alert_triggered")),
            (
                "billing_portal.configuration.created",
                Some("billing_portal.configuration"),
            ),
            ("capability.updated", Some("capability")),
            ("charge.dispute.created", Some("dispute")),
            ("charge.refund.updated", Some("refund")),
            ("checkout.session.completed", Some("checkout.session")),
            ("customer.discount.created", Some("discount")),
            ("customer.source.created", Some("payment_source")),
            ("customer.subscription.updated", Some("subscription")),
            ("customer.tax_id.created", Some("tax_id")),
            ("invoice.paid", Some("invoice")),
            ("invoiceitem.created", Some("invoiceitem")),
            ("issuing_card.created", Some("issuing.card")),
            ("payment_method.attached", Some("payment_method")),
            ("person.created", Some("person")),
            (
                "radar.early_fraud_warning.created",
                Some("radar.early_fraud_warning"),
            ),
            (
                "sigma.scheduled_query_run.created",
                Some("scheduled_query_run"),
            ),
            (
                "source.mandate_notification",
                Some("source_mandate_notification"),
            ),
            ("source.transaction.created", Some("source_transaction")),
            ("v1.invoice.paid", Some("invoice")),
            (
                "v2.core.account[configuration.customer].updated",
                Some("v2.core.account"),
            ),
            // Gone from the API, or never there.
            ("order.created", None),
            ("sku.deleted", None),
            ("ping", None),
            ("", None),
            ("...", None),
            ("a[b", None),
        ],
    );
}

/// Events whose name says another object than the description, with the reason.
const DISAGREEING: &[(&str, &str)] = &[
    // The snapshot event carries an object of its own; the thin one refers to the alert.
    ("v1.billing.alert.triggered", "billing.alert"),
];

#[test]
fn names_and_facts_agree_on_the_object() {
    let spec = pinned();
    let events = Events::new(&spec);
    let mut disagreeing = DISAGREEING.iter();
    for event in &spec.events {
        let Some(object) = event.object.as_deref() else {
            assert!(
                event.thin,
                "{}: every snapshot event has an object",
                event.name
            );
            continue;
        };
        if events.object_named(&event.name) != Some(object) {
            assert_eq!(disagreeing.next(), Some(&(event.name.as_str(), object)));
        }
    }
    assert_eq!(disagreeing.next(), None, "the table has no entry too many");
    assert_eq!(spec.events.iter().filter(|event| !event.thin).count(), 275);
    assert_eq!(spec.events.iter().filter(|event| event.thin).count(), 326);
}

/// Every event that ends in `.deleted`, with the types of object that are gone afterwards.
const DELETED: &[(&str, &[&str])] = &[
    // A bank account or a card of a connected account; `deleted_external_account` is a choice of
    // the two.
    (
        "account.external_account.deleted",
        &["bank_account", "card"],
    ),
    // There is no schema for it; but `status` has no value for "not installed", so that no object
    // is left.
    ("apps.install.deleted", &["apps.install"]),
    ("coupon.deleted", &["coupon"]),
    ("customer.deleted", &["customer"]),
    // A discount exists while it is applied; `deleted_discount` is what the API answers.
    ("customer.discount.deleted", &["discount"]),
    // `deleted_payment_source` knows these two. A `source` is detached from the customer and stays,
    // consumed.
    ("customer.source.deleted", &["bank_account", "card"]),
    // A cancellation: the object stays, with `status: canceled`.
    ("customer.subscription.deleted", &[]),
    ("customer.tax_id.deleted", &["tax_id"]),
    // Of drafts only.
    ("invoice.deleted", &["invoice"]),
    ("invoiceitem.deleted", &["invoiceitem"]),
    ("person.deleted", &["person"]),
    ("plan.deleted", &["plan"]),
    // There is no operation for it, but a `deleted_price`: prices go with the product, or from the
    // dashboard.
    ("price.deleted", &["price"]),
    ("product.deleted", &["product"]),
    (
        "test_helpers.test_clock.deleted",
        &["test_helpers.test_clock"],
    ),
    // Thin events: the same, but for the one that refers to no object.
    ("v1.account.external_account.deleted", &[]),
    ("v1.coupon.deleted", &["coupon"]),
    ("v1.customer.deleted", &["customer"]),
    ("v1.customer.discount.deleted", &["discount"]),
    ("v1.customer.subscription.deleted", &[]),
    ("v1.customer.tax_id.deleted", &["tax_id"]),
    ("v1.invoice.deleted", &["invoice"]),
    ("v1.invoiceitem.deleted", &["invoiceitem"]),
    ("v1.person.deleted", &["person"]),
    ("v1.plan.deleted", &["plan"]),
    ("v1.price.deleted", &["price"]),
    ("v1.product.deleted", &["product"]),
    (
        "v1.test_helpers.test_clock.deleted",
        &["test_helpers.test_clock"],
    ),
    // v2 has no schema for each, but an operation that answers `v2.deleted_object`.
    (
        "v2.core.account_person.deleted",
        &["v2.core.account_person"],
    ),
];

#[test]
fn a_deletion_is_what_stripe_calls_one() {
    let spec = pinned();
    let events = Events::new(&spec);
    let mut expected = DELETED.iter();
    for event in &spec.events {
        let deleted = events.deleted_by(event);
        assert_eq!(events.is_deletion(event), !deleted.is_empty());
        if event.name.ends_with(".deleted") {
            let (name, objects) = expected.next().expect("the table has every event");
            assert_eq!((event.name.as_str(), deleted.as_slice()), (*name, *objects));
        } else {
            assert_eq!(deleted, [""; 0], "{}", event.name);
        }
    }
    assert_eq!(expected.next(), None, "the table has no event too many");
}
