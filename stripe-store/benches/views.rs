//! What reading through a view costs, against the same reads by indexing the JSON.
//!
//! The ratio of the two is the figure: it should stay below 1.1. Run with `cargo bench --bench views`.

#![allow(missing_docs, clippy::indexing_slicing, reason = "a benchmark assumes")]

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use serde_json::{Value, json};
use stripe_store::View;
use stripe_store::resources::Subscription;

/// A subscription of the size that Stripe sends: what is read stands among many other keys.
fn subscription() -> Value {
    let mut value = json!({
        "id": "sub_1",
        "object": "subscription",
        "cancel_at_period_end": false,
        "collection_method": "charge_automatically",
        "created": 1_760_000_000,
        "currency": "usd",
        "customer": "cus_1",
        "description": null,
        "items": {"object": "list", "data": [{"id": "si_1", "object": "subscription_item", "quantity": 3}]},
        "latest_invoice": "in_1",
        "livemode": false,
        "metadata": {"tier": "gold"},
        "status": "active",
    });
    if let Some(object) = value.as_object_mut() {
        object.extend((0..30).map(|index| (format!("field_{index}"), Value::from(index))));
    }
    value
}

fn five_fields(criterion: &mut Criterion) {
    let value = subscription();
    let mut group = criterion.benchmark_group("five fields of a subscription");
    group.bench_function("serde_json::Value", |bencher| {
        bencher.iter(|| {
            let value = black_box(&value);
            (
                value["id"].as_str(),
                value["created"].as_i64(),
                value["cancel_at_period_end"].as_bool(),
                value["currency"].as_str(),
                value["metadata"]["tier"].as_str(),
            )
        });
    });
    group.bench_function("view", |bencher| {
        bencher.iter(|| {
            let subscription = Subscription::view(black_box(&value));
            (
                subscription.id(),
                subscription.created(),
                subscription.cancel_at_period_end(),
                subscription.currency(),
                subscription.metadata().get("tier"),
            )
        });
    });
    group.finish();
}

criterion_group!(benches, five_fields);
criterion_main!(benches);
