//! What a reader of views relies on: times, decimals, references, labels, and fields that Stripe nests elsewhere.

use serde_json::{Value, json};
use stripe_store::{
    AnyObject, OpenEnum, Resource, Snapshot, View,
    resources::{
        Charge, Customer, Invoice, Invoiceitem, Price, Product, Source as PaymentSource,
        Subscription, SubscriptionStatus,
    },
    store::{Interval, Source},
    view::{Reference, State, humanize},
};
use stripe_store_tests::{TestDb, fixture, on_both};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use crate::spec;

/// Writes a document and reads it back as a view of its type.
async fn through<T: Resource>(db: &TestDb, document: &Value) -> T {
    let json = document.to_string();
    let snapshot = Snapshot::read(&json).unwrap().require::<T>().unwrap();
    let id = snapshot.id().to_owned();
    let snapshot = snapshot.taken(Interval::second(1_700_000_000), Source::import());
    db.store().write(&[snapshot]).await.unwrap();
    db.store()
        .get::<T>(&id)
        .await
        .unwrap()
        .unwrap()
        .into_inner()
}

#[tokio::test]
async fn c013_unix_seconds_are_moments_in_utc() {
    on_both(async |db: &TestDb| {
        let document = json!({"id": "sub_1", "object": "subscription", "created": 1_700_000_000, "cancel_at": null,
            "trial_end": -1, "start_date": 253_402_300_799_i64, "ended_at": "soon"});
        let subscription: Subscription = through(db, &document).await;
        let utc = |moment: Option<stripe_store::view::Timestamp>| {
            let moment = OffsetDateTime::try_from(moment.unwrap()).unwrap();
            assert!(moment.offset().is_utc());
            moment.format(&Rfc3339).unwrap()
        };
        assert_eq!(utc(subscription.created()), "2023-11-14T22:13:20Z");
        assert_eq!(utc(subscription.trial_end()), "1969-12-31T23:59:59Z");
        assert_eq!(utc(subscription.start_date()), "9999-12-31T23:59:59Z");
        assert_eq!(subscription.cancel_at(), None, "null stays null");
        assert_eq!(subscription.canceled_at(), None);
        assert_eq!(subscription.state(Subscription::CANCEL_AT), State::Null);
        assert_eq!(subscription.state(Subscription::CANCELED_AT), State::Absent);
        assert_eq!(subscription.state(Subscription::ENDED_AT), State::OtherType);
    })
    .await;
}

#[tokio::test]
async fn c013_twelve_decimals_and_percents_keep_their_precision() {
    on_both(async |db: &TestDb| {
        for text in ["0.000000000001", "0.123456789012", "79228162514264337593.543950", "-12.500000000000", "1050"] {
            let document = json!({"id": format!("price_{text}"), "object": "price", "unit_amount_decimal": text, "unit_amount": null});
            let price: Price = through(db, &document).await;
            let decimal = price.unit_amount_decimal().unwrap();
            assert_eq!(decimal, text, "digit for digit");
            assert_eq!(decimal.to_decimal().unwrap().to_string(), text);
            assert_eq!(price.unit_amount(), None, "null stays null");
        }
        for percent in ["0.01", "12.34", "33.33", "99.99", "100"] {
            let json = format!(r#"{{"id": "sub_{percent}", "object": "subscription", "application_fee_percent": {percent}}}"#);
            let subscription: Subscription = through(db, &serde_json::from_str(&json).unwrap()).await;
            assert_eq!(subscription.application_fee_percent().unwrap().to_string(), percent);
        }
        let none: Subscription = through(db, &json!({"id": "sub_none", "object": "subscription",
            "application_fee_percent": null})).await;
        assert_eq!(none.application_fee_percent(), None);
    })
    .await;
}

#[tokio::test]
async fn c013_lists_keep_their_order_and_their_odd_elements() {
    on_both(async |db: &TestDb| {
        let images = json!(["https://e.com/b", "https://e.com/a", "https://e.com/b", 7]);
        let product: Product = through(
            db,
            &json!({"id": "prod_1", "object": "product", "images": images,
            "metadata": {"b": "2", "a": "1", "n": 3}}),
        )
        .await;
        let read: Vec<&str> = product.images().iter().collect();
        assert_eq!(
            read,
            ["https://e.com/b", "https://e.com/a", "https://e.com/b"]
        );
        assert_eq!(
            product.images().values().len(),
            4,
            "the odd one is still there as JSON"
        );
        assert_eq!(
            product.metadata().iter().collect::<Vec<_>>(),
            [("a", "1"), ("b", "2")]
        );
        assert!(product.marketing_features().is_empty());
    })
    .await;
}

#[tokio::test]
async fn c014_a_reference_reads_the_same_as_id_and_as_object() {
    on_both(async |db: &TestDb| {
        let with = async |customer: Value| -> Invoice {
            through(
                db,
                &json!({"id": format!("in_{customer}"), "object": "invoice",
                "customer": customer}),
            )
            .await
        };
        let plain = with(json!("cus_1")).await;
        let plain = plain.customer().unwrap();
        assert_eq!(plain.id(), "cus_1");
        assert!(!plain.is_expanded() && !plain.is_deleted() && plain.object().is_none());
        assert!(matches!(plain.get(), Reference::Id("cus_1")));

        let expanded = with(json!({"id": "cus_1", "object": "customer", "name": "Ada"})).await;
        let expanded = expanded.customer().unwrap();
        assert_eq!(expanded.id(), "cus_1");
        assert_eq!(expanded, plain, "the same object");
        assert_eq!(expanded.object().and_then(Customer::name), Some("Ada"));
        assert!(
            matches!(expanded.get(), Reference::Object(customer) if customer.name() == Some("Ada"))
        );

        let deleted = with(json!({"id": "cus_1", "object": "customer", "deleted": true})).await;
        let deleted = deleted.customer().unwrap();
        assert_eq!(deleted.id(), "cus_1");
        assert!(deleted.is_deleted() && deleted.object().is_none());
        assert!(matches!(deleted.get(), Reference::Deleted(stub) if stub.is_deleted()));

        for nothing in [
            Value::Null,
            json!(7),
            json!({}),
            json!({"id": null}),
            json!(["cus_1"]),
            json!(true),
        ] {
            let invoice = with(nothing.clone()).await;
            assert!(invoice.customer().is_none(), "{nothing}");
            let expected = if nothing.is_null() {
                State::Null
            } else {
                State::OtherType
            };
            assert_eq!(invoice.state(Invoice::CUSTOMER), expected, "{nothing}");
        }
    })
    .await;
}

#[test]
fn c015_a_listed_value_has_its_text_and_a_label_and_so_has_one_that_is_new() {
    let subscription = fixture("subscription");
    let status = Subscription::view(&subscription).status().unwrap();
    assert_eq!((status.as_str(), &*status.label()), ("active", "Active"));
    let odd = json!({"status": "hibernating_deeply"});
    let status = Subscription::view(&odd).status().unwrap();
    assert!(status.is_other());
    assert_eq!(
        (status.as_str(), &*status.label()),
        ("hibernating_deeply", "Hibernating deeply")
    );
    for text in SubscriptionStatus::VALUES {
        let status = SubscriptionStatus::from_text(text);
        assert!(
            !status.is_other() && status.as_str() == *text && !status.label().is_empty(),
            "{text}"
        );
    }
}

#[test]
fn c015_a_field_that_is_described_as_text_has_a_label_too() {
    let charge = json!({"failure_code": "card_declined"});
    assert_eq!(
        Charge::view(&charge)
            .failure_code()
            .map(humanize)
            .as_deref(),
        Some("Card declined")
    );
    assert_eq!(humanize("us_bank_account"), "US bank account");
    assert_eq!(humanize("MasterCard"), "MasterCard");
    assert_eq!(humanize("American Express"), "American Express");
}

/// Every value that the description lists for any field reads as words.
#[test]
fn c015_every_listed_value_reads_as_words() {
    fn values(schema: &'static Value, found: &mut Vec<&'static str>) {
        found.extend(
            schema["enum"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(Value::as_str),
        );
        let parts = [schema.get("items"), schema.get("additionalProperties")];
        let fields = schema["properties"]
            .as_object()
            .into_iter()
            .flatten()
            .map(|(_, field)| field);
        let choices = spec::branches(schema).into_iter().flatten();
        parts
            .into_iter()
            .flatten()
            .chain(fields)
            .chain(choices)
            .for_each(|part| values(part, found));
    }
    let mut all = Vec::new();
    spec::schemas().for_each(|(_, schema)| values(schema, &mut all));
    assert!(all.len() > 1000);
    for value in all {
        let label = humanize(value);
        assert_eq!(label.is_empty(), value.is_empty());
        assert_eq!(label.trim(), label, "{value}");
        let letters = |text: &str| text.to_lowercase().replace(['_', ' '], "");
        assert_eq!(
            letters(&label),
            letters(value),
            "a label keeps every letter"
        );
        let words = value.starts_with(|first: char| first.is_ascii_lowercase());
        let plain = value
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
        if words && plain {
            assert!(
                !label.contains('_') && label.starts_with(|first: char| first.is_ascii_uppercase()),
                "{label}"
            );
        }
    }
}

#[tokio::test]
async fn c016_fields_that_stripe_nests_elsewhere_are_at_hand() {
    on_both(async |db: &TestDb| {
        let period = json!({"start": 1_700_000_000, "end": 1_702_592_000});
        let item: Invoiceitem = through(
            db,
            &json!({"id": "ii_1", "object": "invoiceitem", "period": period}),
        )
        .await;
        let seconds = |moment: Option<stripe_store::view::Timestamp>| {
            moment.map(stripe_store::view::Timestamp::unix_seconds)
        };
        assert_eq!(seconds(item.period_start()), Some(1_700_000_000));
        assert_eq!(seconds(item.period_end()), Some(1_702_592_000));

        let source: PaymentSource = through(
            db,
            &json!({"id": "src_1", "object": "source", "type": "ideal",
            "ideal": {"bank": "ing"}, "card": {"brand": "Visa"}}),
        )
        .await;
        assert_eq!(source.source_data(), Some(&json!({"bank": "ing"})));

        for default in [
            json!("pm_1"),
            json!({"id": "pm_1", "object": "payment_method", "type": "card"}),
        ] {
            let customer: Customer = through(
                db,
                &json!({"id": format!("cus_{}", default.to_string().len()),
                "object": "customer", "invoice_settings": {"default_payment_method": default},
                "discount": {"start": 5, "end": null}}),
            )
            .await;
            assert_eq!(customer.default_payment_method_id(), Some("pm_1"));
            assert_eq!(
                customer.default_payment_method().unwrap().is_expanded(),
                default.is_object()
            );
            assert_eq!(
                (seconds(customer.coupon_start()), customer.coupon_end()),
                (Some(5), None)
            );
        }

        // Usage record summaries left the API with version 2025-03-31: the pinned description has no view for them.
        // Rows that older versions rendered have their period all the same.
        assert_eq!(spec::schema("usage_record_summary"), None);
        let summary =
            json!({"id": "sis_1", "object": "usage_record_summary", "period": period}).to_string();
        let snapshot = Snapshot::read(&summary)
            .unwrap()
            .taken(Interval::second(1), Source::import());
        db.store().write(&[snapshot]).await.unwrap();
        let summary = db
            .store()
            .get_object("usage_record_summary", "sis_1")
            .await
            .unwrap()
            .unwrap();
        assert_eq!(seconds(summary.period_start()), Some(1_700_000_000));
        assert_eq!(seconds(summary.period_end()), Some(1_702_592_000));
    })
    .await;
}

#[test]
fn c016_what_is_not_nested_there_is_none() {
    for value in [
        json!({}),
        Value::Null,
        json!({"period": null, "invoice_settings": 7, "discount": "di_1", "type": "ideal"}),
    ] {
        assert_eq!(Invoiceitem::view(&value).period_start(), None);
        assert_eq!(Invoiceitem::view(&value).period_end(), None);
        assert_eq!(PaymentSource::view(&value).source_data(), None);
        assert_eq!(Customer::view(&value).default_payment_method(), None);
        assert_eq!(Customer::view(&value).default_payment_method_id(), None);
        assert_eq!(Customer::view(&value).coupon_start(), None);
        assert_eq!(Customer::view(&value).coupon_end(), None);
        assert_eq!(AnyObject::view(&value).period_start(), None);
        assert_eq!(AnyObject::view(&value).period_end(), None);
    }
    let invoice = json!({"object": "invoice", "period_start": 9, "period_end": null});
    assert_eq!(
        AnyObject::view(&invoice).period_start().map(i64::from),
        Some(9)
    );
    assert_eq!(AnyObject::view(&invoice).period_end(), None);
}

/// A read that an application adds: it looks like one of ours.
trait Loyalty {
    fn tier(&self) -> Option<&str>;
}

impl Loyalty for Customer {
    fn tier(&self) -> Option<&str> {
        self.metadata()
            .get("tier")
            .or_else(|| self.data().get("loyalty_tier")?.as_str())
    }
}

#[tokio::test]
async fn c016_an_application_adds_fields_before_saving_and_reads_of_its_own() {
    on_both(async |db: &TestDb| {
        let mut document = fixture("customer");
        document["loyalty_tier"] = "gold".into();
        let customer: Customer = through(db, &document).await;
        assert_eq!(customer.tier(), Some("gold"));
        assert_eq!(customer.data(), &document);
    })
    .await;
}
