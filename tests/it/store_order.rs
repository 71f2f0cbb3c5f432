//! Which snapshot a row ends with, whatever the order of their coming; writers at the same time, too.

use std::borrow::Borrow;

use serde_json::{Value, json};
use stripe_store::clock::UnixMillis;
use stripe_store::ingest::{Content, Documents, Origin};
use stripe_store::store::{Interval, Mode, Snapshot};
use stripe_store::{Outcome, Store};
use stripe_store_tests::{TestDb, on_both, on_postgres};

/// Writes what events hold, as it comes out of a file of them.
async fn tell(store: &Store, events: &[&Value]) -> Vec<Outcome> {
    let lines: Vec<_> = events.iter().map(ToString::to_string).collect();
    let file = lines.join("\n");
    let origin = Origin::new(Interval::second(0));
    let documents: Vec<_> = Documents::new(file.as_bytes())
        .map(Result::unwrap)
        .collect();
    let entries = documents
        .iter()
        .flat_map(|document| document.entries(&origin));
    let snapshots: Vec<_> = entries
        .map(|entry| match entry.unwrap().into_content() {
            Content::Snapshot(snapshot) => *snapshot,
            other => panic!("no snapshot: {other:?}"),
        })
        .collect();
    store.write(&snapshots).await.unwrap()
}

fn event(id: &str, event_type: &str, created: i64, object: impl Borrow<Value>) -> Value {
    json!({
        "id": id, "object": "event", "type": event_type, "created": created, "livemode": true,
        "data": {"object": object.borrow()},
    })
}

fn after(previous: impl Borrow<Value>, mut event: Value) -> Value {
    event["data"]["previous_attributes"] = previous.borrow().clone();
    event
}

/// Every order of so many things.
fn orders(length: usize) -> Vec<Vec<usize>> {
    if length == 0 {
        return vec![Vec::new()];
    }
    let shorter = orders(length - 1);
    let insert = |order: &Vec<usize>, at: usize| {
        let mut order = order.clone();
        order.insert(at, length - 1);
        order
    };
    shorter
        .iter()
        .flat_map(|order| (0..length).map(move |at| insert(order, at)))
        .collect()
}

/// Tells the events in every order, each alone and all in one batch, and holds that the object ends the same.
async fn in_every_order(
    db: &TestDb,
    name: &str,
    events: &[Value],
    object: (&str, &str),
    expected: &Value,
) {
    for (number, order) in orders(events.len()).into_iter().enumerate() {
        let told: Vec<&Value> = order.iter().map(|at| &events[*at]).collect();
        let one_by_one = db.store().account(format!("acct_{name}_{number}"));
        for event in &told {
            tell(&one_by_one, &[event]).await;
        }
        let at_once = db.store().account(format!("acct_{name}_{number}_batch"));
        tell(&at_once, &told).await;
        for store in [one_by_one, at_once] {
            let found = store
                .including_deleted()
                .get_object(object.0, object.1)
                .await;
            let found: Value = found.unwrap().unwrap().deserialize().unwrap();
            assert_eq!(&found, expected, "told in the order {order:?}");
        }
    }
    let dirty = db.store().dirty_objects(1000).await.unwrap();
    assert_eq!(dirty, [], "{name}");
}

#[tokio::test]
async fn c070_three_events_of_a_payment_in_one_second_end_in_paid_in_every_order() {
    on_both(async |db: &TestDb| {
        let open = json!({"id": "in_1", "object": "invoice", "status": "open", "paid": false, "amount_paid": 0});
        let paid = json!({"id": "in_1", "object": "invoice", "status": "paid", "paid": true, "amount_paid": 500});
        let previous = json!({"status": "open", "paid": false, "amount_paid": 0});
        let events = [
            event("evt_c", "invoice.paid", 1000, paid.clone()),
            event("evt_b", "invoice.payment_succeeded", 1000, paid.clone()),
            after(previous, event("evt_a", "invoice.updated", 1000, paid.clone())),
            // The state before, told in the same second by an event whose id is the greatest.
            event("evt_z", "invoice.finalized", 1000, open),
        ];
        in_every_order(db, "paid", &events, ("invoice", "in_1"), &paid).await;
    })
    .await;
}

#[tokio::test]
async fn c070_created_incomplete_and_updated_active_in_one_second_end_active() {
    on_both(async |db: &TestDb| {
        let subscription =
            |status: &str| json!({"id": "sub_1", "object": "subscription", "status": status});
        let created = "customer.subscription.created";
        let updated = "customer.subscription.updated";
        let active = subscription("active");
        // With and without previous attributes: the creation comes first in any case.
        let previous = json!({"status": "incomplete"});
        let events = [
            event("evt_2", created, 1000, subscription("incomplete")),
            after(previous, event("evt_1", updated, 1000, active.clone())),
        ];
        in_every_order(db, "chain", &events, ("subscription", "sub_1"), &active).await;
        let events = [
            event("evt_2", created, 1000, subscription("incomplete")),
            event("evt_1", updated, 1000, active.clone()),
        ];
        in_every_order(db, "life", &events, ("subscription", "sub_1"), &active).await;
    })
    .await;
}

#[tokio::test]
async fn c071_a_cancellation_follows_what_was_told_in_its_second_and_keeps_the_object() {
    on_both(async |db: &TestDb| {
        let subscription =
            |status: &str| json!({"id": "sub_1", "object": "subscription", "status": status});
        let canceled = subscription("canceled");
        let events = [
            event(
                "evt_9",
                "customer.subscription.updated",
                1000,
                subscription("active"),
            ),
            event(
                "evt_1",
                "customer.subscription.deleted",
                1000,
                canceled.clone(),
            ),
        ];
        in_every_order(
            db,
            "canceled",
            &events,
            ("subscription", "sub_1"),
            &canceled,
        )
        .await;
        let store = db.store().account("acct_canceled_0");
        let found = store.get_object("subscription", "sub_1").await.unwrap();
        assert!(!found.unwrap().is_deleted());
    })
    .await;
}

#[tokio::test]
async fn c071_a_late_update_of_a_deleted_product_leaves_it_deleted() {
    on_both(async |db: &TestDb| {
        let product = |name: &str| json!({"id": "prod_1", "object": "product", "name": name});
        let events = [
            event("evt_1", "product.created", 1000, product("one")),
            after(
                json!({"name": "one"}),
                event("evt_2", "product.updated", 1001, product("two")),
            ),
            event("evt_3", "product.deleted", 1001, product("two")),
        ];
        in_every_order(
            db,
            "deleted",
            &events,
            ("product", "prod_1"),
            &product("two"),
        )
        .await;
        for number in 0..6 {
            let store = db.store().account(format!("acct_deleted_{number}"));
            assert!(
                store
                    .get_object("product", "prod_1")
                    .await
                    .unwrap()
                    .is_none()
            );
        }
    })
    .await;
}

#[tokio::test]
async fn an_older_event_with_fewer_items_after_a_newer_one_changes_nothing() {
    on_both(async |db: &TestDb| {
        let subscription = |items: &[&str]| {
            let items: Vec<_> = items.iter().map(|id| json!({"id": id})).collect();
            json!({"id": "sub_1", "object": "subscription", "items": {"object": "list", "data": items}})
        };
        let updated = "customer.subscription.updated";
        let events = [
            event("evt_9", updated, 1000, subscription(&["si_1"])),
            event("evt_1", updated, 1001, subscription(&["si_1", "si_2"])),
        ];
        let expected = subscription(&["si_1", "si_2"]);
        in_every_order(db, "items", &events, ("subscription", "sub_1"), &expected).await;
    })
    .await;
}

#[tokio::test]
async fn what_time_does_not_decide_is_dirty_until_a_new_look_settles_it() {
    on_both(async |db: &TestDb| {
        let store = db.store();
        let customer = |name: &str| json!({"id": "cus_1", "object": "customer", "name": name});
        let at = |second: i64, id: &str, name: &str| {
            after(
                json!({"email": name}),
                event(id, "customer.updated", second, customer(name)),
            )
        };
        tell(store, &[&at(1000, "evt_1", "Ada")]).await;
        assert_eq!(store.dirty_objects(10).await.unwrap(), []);
        let outcomes = tell(store, &[&at(1000, "evt_2", "Grace")]).await;
        assert_eq!(outcomes, [Outcome::Updated]);
        let dirty = store.dirty_objects(10).await.unwrap();
        let [dirty] = dirty.as_slice() else {
            panic!("{dirty:?}")
        };
        assert_eq!((dirty.object(), dirty.stripe_id()), ("customer", "cus_1"));
        assert_eq!((dirty.account(), dirty.mode()), (None, Mode::Live));
        assert_eq!(dirty.not_before(), UnixMillis::from_seconds(1001));

        // A look within the second does not settle it, one after it does.
        let read = |second: i64| {
            let interval = Interval::new(
                UnixMillis::new(second * 1000 - 500),
                UnixMillis::new(second * 1000 + 500),
            );
            Snapshot::read(r#"{"id": "cus_1", "object": "customer", "name": "Ada"}"#)
                .unwrap()
                .taken(interval.unwrap(), "req_1")
        };
        store.write(&[read(1001)]).await.unwrap();
        assert_eq!(store.dirty_objects(10).await.unwrap().len(), 1);
        assert_eq!(
            store.write(&[read(1002)]).await.unwrap(),
            [Outcome::Unchanged]
        );
        assert_eq!(store.dirty_objects(10).await.unwrap(), []);
        let rivals = db.scalar_i64("SELECT count(*) FROM stripe_rivals").await;
        assert_eq!(rivals, Some(0));
        for limit in [0, 10_001] {
            assert!(
                store
                    .dirty_objects(limit)
                    .await
                    .unwrap_err()
                    .is_invalid_request()
            );
        }
    })
    .await;
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
