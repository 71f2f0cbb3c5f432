//! What a write does to a row, and what it says of it.

use serde_json::{Value, json};
use stripe_store::store::{Interval, Snapshot, Source};
use stripe_store::{Outcome, Store};
use stripe_store_tests::{TestDb, on_both};

/// A snapshot of `json`, taken in this second by an event named after it.
pub(crate) fn at(json: &str, second: i64) -> Snapshot<'_> {
    Snapshot::read(json)
        .unwrap()
        .taken(Interval::second(second), format!("evt_{second}"))
}

pub(crate) async fn write(store: &Store, snapshot: Snapshot<'_>) -> Outcome {
    let outcomes = store.write(&[snapshot]).await.unwrap();
    assert_eq!(outcomes.len(), 1);
    outcomes[0]
}

pub(crate) async fn value(store: &Store, object: &str, id: &str) -> Option<Value> {
    let found = store
        .including_deleted()
        .get_object(object, id)
        .await
        .unwrap();
    found.map(|stored| serde_json::from_str(stored.json()).unwrap())
}

pub(crate) const V1: &str = r#"{"object":"customer","id":"cus_1","v":1}"#;
const V2: &str = r#"{"object":"customer","id":"cus_1","v":2}"#;
const V2_RESPELLED: &str = r#" { "v" : 2.0, "id" : "cus_1", "object":"\u0063ustomer" } "#;
pub(crate) const STUB: &str = r#"{"object":"customer","id":"cus_1","deleted":true}"#;

#[tokio::test]
async fn newer_replaces_and_older_is_dropped() {
    on_both(async |db: &TestDb| {
        let store = db.store();
        assert_eq!(write(store, at(V1, 10)).await, Outcome::Inserted);
        assert_eq!(write(store, at(V2, 20)).await, Outcome::Updated);
        assert_eq!(write(store, at(V1, 10)).await, Outcome::Stale);
        assert_eq!(write(store, at(V1, 20)).await, Outcome::Stale);
        assert_eq!(value(store, "customer", "cus_1").await.unwrap()["v"], 2);
    })
    .await;
}

#[tokio::test]
async fn equal_data_is_unchanged_however_it_is_spelled_and_moves_the_interval_on() {
    on_both(async |db: &TestDb| {
        let store = db.store();
        write(store, at(V2, 10)).await;
        let before = store
            .get_object("customer", "cus_1")
            .await
            .unwrap()
            .unwrap();
        assert_eq!(write(store, at(V2, 10)).await, Outcome::Unchanged);
        assert_eq!(write(store, at(V2, 5)).await, Outcome::Stale);
        let newer = Snapshot::read(V2_RESPELLED)
            .unwrap()
            .api_version("2026-10-28.endive")
            .taken(Interval::second(30), Source::request("req_1"));
        assert_eq!(write(store, newer).await, Outcome::Unchanged);
        let after = store
            .get_object("customer", "cus_1")
            .await
            .unwrap()
            .unwrap();
        assert_eq!(after.json(), before.json(), "the data is not written again");
        assert_eq!(after.updated_at(), before.updated_at());
        assert_eq!(after.as_of(), Interval::second(30));
        assert_eq!(after.row().source().as_str(), "req_1");
        assert_eq!(after.api_version(), Some("2026-10-28.endive"));
        assert_eq!(
            write(store, at(V1, 20)).await,
            Outcome::Stale,
            "the interval moved on"
        );
    })
    .await;
}

#[tokio::test]
async fn a_deletion_is_final_and_keeps_the_last_data() {
    on_both(async |db: &TestDb| {
        let store = db.store();
        write(store, at(V1, 10)).await;
        assert_eq!(write(store, at(STUB, 20)).await, Outcome::Deleted);
        assert_eq!(write(store, at(STUB, 20)).await, Outcome::Unchanged);
        assert_eq!(write(store, at(STUB, 90)).await, Outcome::Unchanged);
        assert!(
            store
                .get_object("customer", "cus_1")
                .await
                .unwrap()
                .is_none()
        );
        assert_eq!(write(store, at(V2, 15)).await, Outcome::Stale);
        assert_eq!(
            value(store, "customer", "cus_1").await.unwrap()["v"],
            2,
            "the last that was seen of it"
        );
        assert_eq!(write(store, at(V1, 99)).await, Outcome::Stale);
        assert_eq!(write(store, at(V2, 98)).await, Outcome::Stale);
        let row = store
            .including_deleted()
            .get_object("customer", "cus_1")
            .await
            .unwrap()
            .unwrap();
        assert!(row.is_deleted());
        assert_eq!(row.deleted_at().unwrap().as_millis(), 20_000);
    })
    .await;
}

#[tokio::test]
async fn a_deletion_event_brings_the_whole_object() {
    on_both(async |db: &TestDb| {
        let store = db.store();
        let deletion = |second| {
            Snapshot::read(V2)
                .unwrap()
                .tombstone()
                .taken(Interval::second(second), "evt_gone")
        };
        write(store, at(V1, 10)).await;
        assert_eq!(write(store, deletion(20)).await, Outcome::Deleted);
        assert_eq!(write(store, deletion(20)).await, Outcome::Unchanged);
        assert_eq!(write(store, at(V1, 15)).await, Outcome::Stale);
        assert_eq!(write(store, at(STUB, 30)).await, Outcome::Unchanged);
        assert_eq!(value(store, "customer", "cus_1").await.unwrap()["v"], 2);
    })
    .await;
}

#[tokio::test]
async fn a_deletion_of_what_was_never_seen_is_kept() {
    on_both(async |db: &TestDb| {
        let store = db.store();
        assert_eq!(write(store, at(STUB, 20)).await, Outcome::Deleted);
        assert_eq!(
            value(store, "customer", "cus_1").await.unwrap()["deleted"],
            true
        );
        assert_eq!(write(store, at(V1, 10)).await, Outcome::Stale);
        let row = store
            .including_deleted()
            .get_object("customer", "cus_1")
            .await
            .unwrap()
            .unwrap();
        assert!(row.is_deleted());
        assert_eq!(
            value(store, "customer", "cus_1").await.unwrap()["v"],
            1,
            "the last that was seen of it"
        );
    })
    .await;
}

#[tokio::test]
async fn a_late_deletion_deletes_and_the_earliest_counts() {
    on_both(async |db: &TestDb| {
        let store = db.store();
        write(store, at(V1, 10)).await;
        assert_eq!(write(store, at(STUB, 5)).await, Outcome::Deleted);
        assert_eq!(write(store, at(STUB, 3)).await, Outcome::Unchanged);
        let row = store
            .including_deleted()
            .get_object("customer", "cus_1")
            .await
            .unwrap()
            .unwrap();
        assert_eq!(row.deleted_at().unwrap().as_millis(), 3_000);
    })
    .await;
}

#[tokio::test]
async fn a_batch_may_hold_a_key_many_times_and_answers_in_its_order() {
    use Outcome::{Inserted, Stale, Unchanged};

    on_both(async |db: &TestDb| {
        let store = db.store();
        let other = r#"{"object":"customer","id":"cus_0"}"#;
        let batch = [
            at(V1, 10),
            at(V2, 20),
            at(other, 1),
            at(V1, 10),
            at(V2, 20),
            at(V1, 15),
        ];
        let outcomes = store.write(&batch).await.unwrap();
        assert_eq!(
            outcomes,
            [Stale, Inserted, Inserted, Stale, Unchanged, Stale]
        );
        let again = store.write(&batch).await.unwrap();
        assert_eq!(
            again,
            [Stale, Unchanged, Unchanged, Stale, Unchanged, Stale]
        );
        let deletion = [at(STUB, 30), at(V1, 25), at(STUB, 30)];
        assert_eq!(
            store.write(&deletion).await.unwrap(),
            [Outcome::Deleted, Outcome::Updated, Unchanged]
        );
        assert_eq!(store.write(&[]).await.unwrap(), []);
    })
    .await;
}

#[tokio::test]
async fn a_batch_of_many_chunks_is_written_whole() {
    on_both(async |db: &TestDb| {
        let store = db.store();
        let texts: Vec<_> = (0..2345)
            .map(|n| format!(r#"{{"object":"customer","id":"cus_{n}","v":0}}"#))
            .collect();
        let batch: Vec<_> = texts.iter().map(|text| at(text, 1)).collect();
        assert_eq!(
            store.write(&batch).await.unwrap(),
            vec![Outcome::Inserted; 2345]
        );
        assert_eq!(
            store.write(&batch).await.unwrap(),
            vec![Outcome::Unchanged; 2345]
        );
        let texts: Vec<_> = texts
            .iter()
            .map(|text| text.replace("\"v\":0", "\"v\":1"))
            .collect();
        let batch: Vec<_> = texts.iter().map(|text| at(text, 2)).collect();
        assert_eq!(
            store.write(&batch).await.unwrap(),
            vec![Outcome::Updated; 2345]
        );
        assert_eq!(store.counts().await.unwrap()[0].rows, 2345);
    })
    .await;
}

#[tokio::test]
async fn an_account_too_long_for_the_key_is_refused() {
    on_both(async |db: &TestDb| {
        let long = "a".repeat(256);
        let error = db.store().account(&long).write(&[at(V1, 1)]).await.unwrap_err();
        assert_eq!(error.to_string(), "an account id of 256 bytes is longer than 255 bytes");
        assert!(error.is_invalid_request());
        let most = db.store().account("ü".repeat(127));
        let id = "é".repeat(512);
        let object = "x".repeat(255);
        let text = json!({"object": object, "id": id, "status": "s".repeat(9000), "customer": "c".repeat(9000),
            "invoice": {"id": "ß".repeat(9000)}, "created": 1e300})
        .to_string();
        assert_eq!(write(&most, at(&text, 1)).await, Outcome::Inserted);
        assert!(most.get_object(&object, &id).await.unwrap().is_some());
    })
    .await;
}
