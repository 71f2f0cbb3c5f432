//! Any order, number and cut into batches of the same snapshots ends in the same rows; writers at the same time, too.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::Value;
use stripe_store::store::{Interval, Snapshot, Source};
use stripe_store::{Outcome, Store};
use stripe_store_tests::{TestDb, databases, on_both, on_postgres};

/// A snapshot of one of a few objects, at its own second.
#[derive(Debug, Clone)]
struct Event {
    json: String,
    second: i64,
    deletes: bool,
}

impl Event {
    fn snapshot(&self) -> Snapshot<'_> {
        let read = Snapshot::read(&self.json).unwrap();
        let read = if self.deletes { read.tombstone() } else { read };
        read.taken(
            Interval::second(self.second),
            Source::event(&format!("evt_{}", self.second)),
        )
    }
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    Update,
    DeletionWithData,
    DeletionStub,
}

fn event(second: i64) -> impl Strategy<Value = Event> {
    let kind = prop_oneof![
        8 => Just(Kind::Update),
        1 => Just(Kind::DeletionWithData),
        1 => Just(Kind::DeletionStub),
    ];
    (0..3_u8, 0..3_u8, kind, any::<bool>()).prop_map(move |(id, v, kind, spelling)| {
        let json = match (kind, spelling) {
            (Kind::DeletionStub, _) => {
                format!(r#"{{"object":"customer","id":"cus_{id}","deleted":true}}"#)
            }
            (_, true) => format!(r#"{{"object":"customer","id":"cus_{id}","v":{v}}}"#),
            (_, false) => format!(r#"{{ "v": {v}.0, "id": "cus_{id}", "object": "customer" }}"#),
        };
        Event {
            json,
            second,
            deletes: matches!(kind, Kind::DeletionWithData),
        }
    })
}

/// Events at distinct seconds, and the same again in another order, some of them more than once.
fn stream_and_retelling() -> impl Strategy<Value = (Vec<Event>, Vec<(Event, usize)>)> {
    (1..12_i64)
        .prop_flat_map(|length| (0..length).map(event).collect::<Vec<_>>())
        .prop_flat_map(|events| {
            let length = events.len();
            let repeats = proptest::collection::vec(0..length, 0..6);
            (Just(events), repeats)
        })
        .prop_flat_map(|(events, repeats)| {
            let mut told = events.clone();
            told.extend(repeats.iter().map(|at| events[*at].clone()));
            let sizes = proptest::collection::vec(1..5_usize, told.len());
            (Just(events), Just(told).prop_shuffle(), sizes)
        })
        .prop_map(|(events, told, sizes)| (events, told.into_iter().zip(sizes).collect()))
}

/// What a row says, apart from when it was written here.
async fn rows(store: &Store) -> BTreeMap<String, (Value, Interval, String, Option<i64>)> {
    let page = store
        .list_object("customer")
        .including_deleted()
        .limit(100)
        .page()
        .await
        .unwrap();
    let row = |stored: &stripe_store::Stored<stripe_store::AnyObject>| {
        let mut value: Value = stored.deserialize().unwrap();
        if let Some(v) = value.get_mut("v") {
            *v = v.as_f64().unwrap().into();
        }
        (
            stored.row().stripe_id().to_owned(),
            (
                value,
                stored.as_of(),
                stored.row().source().to_string(),
                stored
                    .deleted_at()
                    .map(stripe_store::clock::UnixMillis::as_millis),
            ),
        )
    };
    page.data.iter().map(row).collect()
}

/// Enough to find a mistake in the rule, while others wait; `PROPTEST_CASES` sets another number.
const CASES: u32 = 64;

/// What proptest takes when nobody says.
const PROPTEST_DEFAULT: u32 = 256;

#[test]
fn any_order_repetition_and_batching_ends_in_the_same_rows() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let databases = runtime.block_on(databases());
    let accounts = AtomicUsize::new(0);
    let config = Config::default();
    let cases = match config.cases {
        PROPTEST_DEFAULT => CASES,
        asked => asked,
    };
    let mut runner = TestRunner::new(Config {
        cases,
        failure_persistence: None,
        ..config
    });
    let result = runner.run(&stream_and_retelling(), |(events, told)| {
        runtime.block_on(async {
            let mut outcomes_by_database = Vec::new();
            let mut rows_by_database = Vec::new();
            for db in &databases {
                // An account of its own for each telling stands in for a fresh database.
                let fresh = || {
                    db.store()
                        .account(format!("acct_{}", accounts.fetch_add(1, Ordering::Relaxed)))
                };
                let in_order = fresh();
                for event in &events {
                    in_order.write(&[event.snapshot()]).await.unwrap();
                }
                let retold = fresh();
                let mut outcomes = Vec::new();
                let mut rest = told.as_slice();
                while let Some((_, size)) = rest.first() {
                    let (batch, after) = rest.split_at((*size).min(rest.len()));
                    let batch: Vec<_> = batch.iter().map(|(event, _)| event.snapshot()).collect();
                    outcomes.extend(retold.write(&batch).await.unwrap());
                    rest = after;
                }
                let expected = rows(&in_order).await;
                prop_assert_eq!(&rows(&retold).await, &expected, "on {}", db.name());
                outcomes_by_database.push(outcomes);
                rows_by_database.push(expected);
            }
            let [sqlite, postgres] = &outcomes_by_database[..] else {
                unreachable!()
            };
            prop_assert_eq!(sqlite, postgres, "both databases say the same");
            prop_assert_eq!(&rows_by_database[0], &rows_by_database[1]);
            Ok(())
        })
    });
    result.unwrap_or_else(|error| panic!("{error}"));
}

#[tokio::test(flavor = "multi_thread")]
async fn c006_twenty_writers_of_the_same_objects_end_in_the_newest_state() {
    on_both(async |db: &TestDb| {
        let writers: Vec<_> = (0..20_usize)
            .map(|writer| {
                let store = db.store().clone();
                tokio::spawn(async move {
                    // Each in another order, in batches of another size.
                    let texts: Vec<_> = (0..50_usize)
                        .map(|n| (n * (2 * writer + 1) + writer) % 50)
                        .map(|n| {
                            format!(r#"{{"object":"customer","id":"cus_{n}","writer":{writer}}}"#)
                        })
                        .collect();
                    for chunk in texts.chunks(writer + 1) {
                        let batch: Vec<_> = chunk
                            .iter()
                            .map(|json| {
                                let second = i64::try_from(writer).unwrap();
                                let source = format!("evt_{writer}");
                                Snapshot::read(json)
                                    .unwrap()
                                    .taken(Interval::second(second), source)
                            })
                            .collect();
                        store.write(&batch).await.unwrap();
                    }
                })
            })
            .collect();
        for writer in writers {
            writer.await.unwrap();
        }
        let page = db
            .store()
            .list_object("customer")
            .limit(100)
            .page()
            .await
            .unwrap();
        assert_eq!(page.data.len(), 50);
        for customer in &page.data {
            assert_eq!(customer.deserialize::<Value>().unwrap()["writer"], 19);
            assert_eq!(customer.row().source().as_str(), "evt_19");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn c006_two_syncs_of_one_new_object_make_one_row() {
    on_both(async |db: &TestDb| {
        let other = db.connect().await;
        for n in 0..20 {
            let json = format!(r#"{{"object":"customer","id":"cus_{n}"}}"#);
            let write = |store: Store, source: &'static str| {
                let json = json.clone();
                tokio::spawn(async move {
                    let snapshot = Snapshot::read(&json)
                        .unwrap()
                        .taken(Interval::second(1), source);
                    store.write(&[snapshot]).await.unwrap()[0]
                })
            };
            let (a, b) = (
                write(db.store().clone(), "req_a"),
                write(other.clone(), "req_b"),
            );
            let outcomes = [a.await.unwrap(), b.await.unwrap()];
            let inserted = outcomes
                .iter()
                .filter(|outcome| **outcome == Outcome::Inserted)
                .count();
            assert_eq!(inserted, 1, "{outcomes:?}");
            let row = db
                .store()
                .get_object("customer", &format!("cus_{n}"))
                .await
                .unwrap()
                .unwrap();
            assert_eq!(row.row().source().as_str(), "req_b");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_that_is_dropped_is_done_or_not_done() {
    on_both(async |db: &TestDb| {
        let texts: Vec<_> = (0..1500)
            .map(|n| format!(r#"{{"object":"customer","id":"cus_{n}"}}"#))
            .collect();
        for attempt in 0..30_u64 {
            let store = db.store().account(format!("acct_{attempt}"));
            let batch: Vec<_> = texts
                .iter()
                .map(|json| {
                    Snapshot::read(json)
                        .unwrap()
                        .taken(Interval::second(1), "evt")
                })
                .collect();
            let patience = std::time::Duration::from_micros(attempt * attempt * 150);
            let finished = tokio::time::timeout(patience, store.write(&batch)).await;
            let there = store
                .get_object("customer", "cus_0")
                .await
                .unwrap()
                .is_some();
            let count = store
                .counts()
                .await
                .unwrap()
                .iter()
                .find(|count| count.account.as_ref() == store.scope().account())
                .map_or(0, |count| count.rows);
            if finished.is_ok() {
                assert_eq!(count, 1500);
            }
            // What was under way when it was dropped may finish after it, but never in part.
            assert!(count == 0 || count == 1500, "{count} of 1500 rows");
            assert!(!there || count == 1500);
            let again = store.write(&batch).await.unwrap();
            let first = again[0];
            assert!(
                again.iter().all(|outcome| *outcome == first),
                "written in part"
            );
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn writers_do_not_fail_where_transactions_are_serializable_by_default() {
    on_postgres(async |db: &TestDb| {
        let name = db.scalar_text("SELECT current_database()").await.unwrap();
        let level = "SET default_transaction_isolation TO 'serializable'";
        db.execute(&format!("ALTER DATABASE \"{name}\" {level}"))
            .await;
        let store = db.connect().await;
        store.migrate().await.unwrap();
        let writers: Vec<_> = (0..8_i64)
            .map(|writer| {
                let store = store.clone();
                tokio::spawn(async move {
                    for turn in 0..10 {
                        let second = turn * 8 + writer;
                        let texts: Vec<_> = (0..5)
                            .map(|n| {
                                format!(r#"{{"object":"customer","id":"cus_{n}","v":{second}}}"#)
                            })
                            .collect();
                        let batch: Vec<_> = texts
                            .iter()
                            .map(|json| {
                                let read = Snapshot::read(json).unwrap();
                                read.taken(Interval::second(second), "evt")
                            })
                            .collect();
                        store.write(&batch).await.unwrap();
                    }
                })
            })
            .collect();
        for writer in writers {
            writer.await.unwrap();
        }
        let page = store.list_object("customer").page().await.unwrap();
        assert_eq!(page.data.len(), 5);
        for customer in &page.data {
            assert_eq!(customer.deserialize::<Value>().unwrap()["v"], 79);
        }
    })
    .await;
}
