//! The fields that people read by their labels: 72 in the models, 66 of them distinct.

use super::{is_read_by_a_getter, kind_of};
use crate::spec::Kind;

/// How the pinned description has a field that other systems give a label.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// With its values.
    Listed,
    /// As text: its values are in the API reference's prose at most.
    Text,
    /// Not at all any more.
    Gone,
}

use Form::{Gone, Listed, Text};

const FIELDS: &[(&str, &[(&str, Form)])] = &[
    ("account", &[("business_type", Listed), ("type", Listed)]),
    (
        "balance_transaction",
        &[
            ("reporting_category", Text),
            ("status", Text),
            ("type", Listed),
        ],
    ),
    (
        "bank_account",
        &[("account_holder_type", Text), ("status", Text)],
    ),
    (
        "card",
        &[
            ("address_line1_check", Text),
            ("address_zip_check", Text),
            ("brand", Text),
            ("cvc_check", Text),
            ("funding", Text),
            ("tokenization_method", Text),
        ],
    ),
    ("charge", &[("failure_code", Text), ("status", Listed)]),
    ("coupon", &[("duration", Listed)]),
    ("customer", &[("tax_exempt", Listed)]),
    ("dispute", &[("reason", Text), ("status", Listed)]),
    // Counted twice there: File and FileUpload.
    ("file", &[("purpose", Listed), ("type", Text)]),
    // Counted twice there: Invoice and UpcomingInvoice.
    (
        "invoice",
        &[
            ("billing_reason", Listed),
            ("collection_method", Listed),
            ("customer_tax_exempt", Listed),
            ("status", Listed),
        ],
    ),
    ("mandate", &[("status", Listed), ("type", Listed)]),
    (
        "payment_intent",
        &[
            ("cancellation_reason", Listed),
            ("capture_method", Listed),
            ("confirmation_method", Listed),
            ("setup_future_usage", Listed),
            ("status", Listed),
        ],
    ),
    ("payment_method", &[("type", Listed)]),
    (
        "payout",
        &[
            ("failure_code", Text),
            ("method", Text),
            ("source_type", Text),
            ("status", Text),
            ("type", Listed),
        ],
    ),
    (
        "plan",
        &[
            ("aggregate_usage", Gone),
            ("billing_scheme", Listed),
            ("interval", Listed),
            ("tiers_mode", Listed),
            ("usage_type", Listed),
        ],
    ),
    (
        "price",
        &[
            ("billing_scheme", Listed),
            ("tiers_mode", Listed),
            ("type", Listed),
        ],
    ),
    ("product", &[("type", Listed)]),
    (
        "refund",
        &[
            ("failure_reason", Text),
            ("reason", Listed),
            ("status", Text),
        ],
    ),
    ("scheduled_query_run", &[("status", Text)]),
    (
        "setup_intent",
        &[
            ("cancellation_reason", Listed),
            ("status", Listed),
            ("usage", Text),
        ],
    ),
    (
        "source",
        &[
            ("flow", Text),
            ("status", Text),
            ("type", Listed),
            ("usage", Text),
        ],
    ),
    (
        "subscription",
        &[("collection_method", Listed), ("status", Listed)],
    ),
    (
        "subscription_schedule",
        &[("end_behavior", Listed), ("status", Listed)],
    ),
    ("tax_id", &[("type", Listed)]),
    ("transfer", &[("source_type", Text)]),
    ("usage_record", &[("action", Gone)]),
    ("webhook_endpoint", &[("status", Text)]),
];

#[test]
fn every_field_with_a_label_is_known_for_what_it_is() {
    let mut wrong = Vec::new();
    for (object, fields) in FIELDS {
        for (field, form) in *fields {
            let found = match kind_of(object, field) {
                Some(Kind::Enum) => Listed,
                Some(_) => Text,
                None => Gone,
            };
            if found != *form {
                wrong.push(format!("{object}.{field} is {found:?}, not {form:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn c015_each_has_a_getter_of_its_value() {
    let present = FIELDS.iter().flat_map(|(object, fields)| {
        let present = fields.iter().filter(|(_, form)| *form != Gone);
        present.map(move |(field, _)| (object, field))
    });
    for (object, field) in present {
        assert!(is_read_by_a_getter(object, field), "{object}.{field}");
    }
}

#[test]
fn all_72_are_there() {
    let count = |wanted: &[&str]| -> usize {
        FIELDS
            .iter()
            .filter(|(object, _)| wanted.contains(object))
            .map(|(_, fields)| fields.len())
            .sum()
    };
    let distinct: usize = FIELDS.iter().map(|(_, fields)| fields.len()).sum();
    assert_eq!(distinct + count(&["file", "invoice"]), 72);
}
