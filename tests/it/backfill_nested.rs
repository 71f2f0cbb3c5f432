//! Lists inside objects that Stripe cuts short, wherever they are inside: read to their ends.

use std::sync::Arc;

use serde_json::{Value, json};
use stripe_store::Store;
use stripe_store::client::{Client, RateLimit, RetryPolicy, SecretKey};
use stripe_store::store::{Interval, Snapshot};
use stripe_store_tests::fake::{Fake, Fault};
use stripe_store_tests::{TestDb, on_both};

async fn pair() -> (Arc<Fake>, Client) {
    let fake = Fake::start().await.unwrap();
    let client = Client::builder(SecretKey::new("sk_test_Abc123").unwrap())
        .base_url(fake.url())
        .rate_limit(RateLimit::unlimited())
        .retry(RetryPolicy::none())
        .build()
        .unwrap();
    (Arc::new(fake), client)
}

/// Adds so many objects to a list.
fn add(fake: &Fake, path: &str, object: &str, count: usize) {
    for n in 0..count {
        let id = format!("{}_{n:03}", object.replace('.', "_"));
        fake.add(path, json!({"id": id, "object": object}));
    }
}

async fn rows(db: &TestDb, object: &str) -> i64 {
    let sql = format!("SELECT count(*) FROM stripe_objects WHERE object = '{object}'");
    db.scalar_i64(&sql).await.unwrap()
}

async fn write(store: &Store, second: i64, json: &Value) {
    let json = json.to_string();
    let read = Snapshot::read(&json).unwrap();
    let taken = read.taken(Interval::second(second), format!("evt_{second}").as_str());
    store.extract_expanded().write(&[taken]).await.unwrap();
}

const OF_INTENT: &str = "/v1/payment_intents/pi_1/amount_details_line_items";
const OF_QUOTE: &str = "/v1/quotes/qt_1/computed_upfront_line_items";
const INTENT_ITEM: &str = "payment_intent_amount_details_line_item";

#[tokio::test]
async fn lists_deep_inside_an_object_are_read_to_their_ends() {
    on_both(async |db: &TestDb| {
        let ((fake, client), store) = (pair().await, db.store().test_mode());
        let details = json!({"tip": {"amount": 1}});
        fake.add(
            "/v1/payment_intents",
            json!({"id": "pi_1", "object": "payment_intent", "amount_details": details}),
        );
        let computed = json!({"recurring": null, "upfront": {"amount_total": 1}});
        fake.add(
            "/v1/quotes",
            json!({"id": "qt_1", "object": "quote", "computed": computed}),
        );
        add(&fake, OF_INTENT, INTENT_ITEM, 130);
        add(&fake, OF_QUOTE, "item", 25);
        let of_types = || store.backfill(&client).types(["payment_intent", "quote"]);

        // What cannot be completed stays dirty and is told.
        fake.fail_path(OF_QUOTE, Some(Fault::status(402)));
        let report = of_types().run().await.unwrap();
        assert!(!report.is_complete());
        assert_eq!(
            (report.settled.completed, report.settled.failed.len()),
            (1, 1)
        );
        assert_eq!(report.settled.failed[0].0.to_string(), "quote qt_1");
        assert_eq!(rows(db, INTENT_ITEM).await, 130);
        let dirty = store.dirty_objects(10).await.unwrap();
        assert!(dirty.len() == 1 && dirty[0].is_truncated(), "{dirty:?}");
        assert_eq!(rows(db, "item").await, 10);

        fake.fail_path(OF_QUOTE, None);
        let report = of_types().run().await.unwrap();
        assert!(report.is_complete(), "{report:?}");
        assert_eq!(rows(db, "item").await, 25);
        assert!(store.dirty_objects(10).await.unwrap().is_empty());
    })
    .await;
}

#[tokio::test]
async fn a_list_that_nobody_described_is_read_where_it_says_that_it_is() {
    on_both(async |db: &TestDb| {
        let ((fake, client), store) = (pair().await, db.store().test_mode());
        let url = "/v1/crates/crate_1/parts";
        let list = |more: bool| json!({"object": "list", "data": [], "has_more": more, "url": url});
        let of =
            |more| json!({"id": "crate_1", "object": "crate", "inside": {"parts": list(more)}});
        add(&fake, url, "crate.part", 12);
        write(&store, 1_700_000_000, &of(true)).await;
        assert!(store.dirty_objects(10).await.unwrap()[0].is_truncated());
        let settled = store.settle(&client).await.unwrap();
        assert_eq!((settled.completed, rows(db, "crate.part").await), (1, 12));
        assert!(store.dirty_objects(10).await.unwrap().is_empty());

        // A newer snapshot with the whole list settles it, too.
        write(&store, 1_800_000_000, &of(true)).await;
        assert!(!store.dirty_objects(10).await.unwrap().is_empty());
        write(&store, 1_800_000_001, &of(false)).await;
        assert!(store.dirty_objects(10).await.unwrap().is_empty());
    })
    .await;
}

#[tokio::test]
async fn what_was_cut_short_is_read_though_a_newer_snapshot_came_without_it() {
    on_both(async |db: &TestDb| {
        let ((fake, client), store) = (pair().await, db.store().test_mode());
        let list = json!({"object": "list", "data": [], "has_more": true, "url": OF_INTENT});
        let intent = json!({"id": "pi_1", "object": "payment_intent", "amount_details": {"line_items": list}});
        add(&fake, OF_INTENT, INTENT_ITEM, 12);
        write(&store, 1_700_000_000, &intent).await;
        // As events have it.
        let newer = json!({"id": "pi_1", "object": "payment_intent", "status": "succeeded"});
        write(&store, 1_700_000_010, &newer).await;
        assert!(store.dirty_objects(10).await.unwrap()[0].is_truncated());
        let settled = store.settle(&client).await.unwrap();
        assert_eq!((settled.completed, settled.failed.len()), (1, 0));
        assert_eq!(rows(db, INTENT_ITEM).await, 12);
        assert!(store.dirty_objects(10).await.unwrap().is_empty());

        // One of a type that has no such lists any more is complete as it is.
        let other = json!({"id": "crate_1", "object": "crate", "parts": list});
        write(&store, 1_700_000_000, &other).await;
        write(&store, 1_700_000_010, &json!({"id": "crate_1", "object": "crate"})).await;
        let settled = store.settle(&client).await.unwrap();
        assert_eq!((settled.completed, settled.failed.len()), (1, 0));
        assert!(store.dirty_objects(10).await.unwrap().is_empty());
    })
    .await;
}
