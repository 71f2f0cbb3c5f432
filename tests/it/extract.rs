//! What is inside an object, as rows of its own, and what becomes of them when it is inside no longer.

use futures_util::future::try_join_all;
use serde_json::{Value, json};
use stripe_store::clock::UnixMillis;
use stripe_store::resources::{Subscription, SubscriptionItem};
use stripe_store::store::{Interval, Mode, Snapshot, Stored};
use stripe_store::{AnyObject, Outcome, Store, View as _};
use stripe_store_tests::{RawPool, TestDb, fixture_text, on_both, on_postgres};

/// Writes each object as of its second, in one batch.
pub(crate) async fn write(store: &Store, objects: &[(i64, Value)]) -> Vec<Outcome> {
    let texts: Vec<_> = objects.iter().map(|(_, json)| json.to_string()).collect();
    let snapshots: Vec<_> = objects
        .iter()
        .zip(&texts)
        .map(|((second, _), json)| {
            let source = format!("evt_{second}");
            Snapshot::read(json)
                .unwrap()
                .taken(Interval::second(*second), source.as_str())
        })
        .collect();
    store.write(&snapshots).await.unwrap()
}

pub(crate) fn item(id: &str) -> Value {
    json!({"id": id, "object": "subscription_item", "subscription": "sub_1"})
}

pub(crate) fn list(more: bool, data: &[Value]) -> Value {
    json!({"object": "list", "has_more": more, "data": data})
}

pub(crate) fn subscription(items: &[&str]) -> Value {
    let items: Vec<_> = items.iter().map(|id| item(id)).collect();
    json!({"id": "sub_1", "object": "subscription", "items": list(false, &items)})
}

async fn find(store: &Store, object: &str, id: &str) -> Option<Stored<AnyObject>> {
    let store = store.including_deleted();
    store.get_object(object, id).await.unwrap()
}

/// The ids of the objects of a type that are not deleted.
pub(crate) async fn ids(store: &Store, object: &str) -> Vec<String> {
    let page = store.list_object(object).limit(1000).page().await.unwrap();
    let mut ids: Vec<_> = page
        .data
        .iter()
        .map(|stored| stored.row().stripe_id().to_owned())
        .collect();
    ids.sort();
    ids
}

#[tokio::test]
async fn c045_a_subscription_brings_its_items_and_what_is_in_them() {
    on_both(async |db: &TestDb| {
        let json = fixture_text("subscription");
        let snapshot = || {
            Snapshot::read(&json)
                .unwrap()
                .account("acct_1")
                .api_version("2026-10-28.endive")
                .taken(Interval::second(1000), "evt_1")
        };
        let plain = db.store().account("acct_1");
        plain.write(&[snapshot()]).await.unwrap();
        assert_eq!(ids(&plain, "subscription_item").await, [] as [&str; 0]);

        let store = db.store().extract_expanded();
        // Nothing is new but what is inside, and that has no outcome of its own.
        assert_eq!(
            store.write(&[snapshot()]).await.unwrap(),
            [Outcome::Unchanged]
        );
        let item = plain
            .get::<SubscriptionItem>("si_gold")
            .await
            .unwrap()
            .unwrap();
        assert_eq!(item.quantity(), Some(2));
        assert_eq!(item.as_of(), Interval::second(1000));
        assert_eq!(item.row().source().as_str(), "evt_1");
        assert_eq!(item.api_version(), Some("2026-10-28.endive"));
        assert_eq!((item.account(), item.is_deleted()), (Some("acct_1"), false));
        assert_eq!(ids(&plain, "price").await, ["price_gold_monthly"]);
        // The subscription is as it was sent.
        let whole = plain
            .get::<Subscription>("sub_gold")
            .await
            .unwrap()
            .unwrap();
        assert_eq!(whole.items().data().len(), 1);
        assert_eq!(ids(db.store(), "subscription_item").await, [] as [&str; 0]);
    })
    .await;
}

#[tokio::test]
async fn c045_items_gone_from_the_list_are_gone_here() {
    on_both(async |db: &TestDb| {
        let store = db.store().extract_expanded();
        write(&store, &[(1, subscription(&["si_a", "si_b"]))]).await;
        assert_eq!(ids(&store, "subscription_item").await, ["si_a", "si_b"]);
        let outcomes = write(&store, &[(5, subscription(&["si_b", "si_c"]))]).await;
        assert_eq!(outcomes, [Outcome::Updated]);
        assert_eq!(ids(&store, "subscription_item").await, ["si_b", "si_c"]);
        let gone = find(&store, "subscription_item", "si_a").await.unwrap();
        assert_eq!(gone.deleted_at(), Some(UnixMillis::from_seconds(5)));
        // The row keeps what was last seen.
        assert_eq!(gone.as_of(), Interval::second(1));
        assert_eq!(gone.deserialize::<Value>().unwrap(), item("si_a"));
        // Told again, alone or all together, it is the same.
        write(
            &store,
            &[
                (1, subscription(&["si_a", "si_b"])),
                (5, subscription(&["si_b", "si_c"])),
            ],
        )
        .await;
        write(&store, &[(1, subscription(&["si_a", "si_b"]))]).await;
        assert_eq!(ids(&store, "subscription_item").await, ["si_b", "si_c"]);
    })
    .await;
}

#[tokio::test]
async fn c045_an_older_subscription_with_fewer_items_removes_nothing() {
    on_both(async |db: &TestDb| {
        let store = db.store().extract_expanded();
        write(&store, &[(5, subscription(&["si_a", "si_b"]))]).await;
        assert_eq!(
            write(&store, &[(1, subscription(&["si_a"]))]).await,
            [Outcome::Stale]
        );
        assert_eq!(ids(&store, "subscription_item").await, ["si_a", "si_b"]);
        // Not even one that cannot be, because what it lacks was there before and after.
        write(&store, &[(7, subscription(&["si_a", "si_b"]))]).await;
        write(&store, &[(6, subscription(&["si_a"]))]).await;
        assert_eq!(ids(&store, "subscription_item").await, ["si_a", "si_b"]);
    })
    .await;
}

#[tokio::test]
async fn c045_an_item_that_comes_after_the_list_without_it_is_gone() {
    on_both(async |db: &TestDb| {
        let store = db.store().extract_expanded();
        write(&store, &[(5, subscription(&["si_a"]))]).await;
        write(&store, &[(1, subscription(&["si_a", "si_late"]))]).await;
        // Alone, too.
        write(&store, &[(2, item("si_alone"))]).await;
        assert_eq!(ids(&store, "subscription_item").await, ["si_a"]);
        let gone = find(&store, "subscription_item", "si_alone").await.unwrap();
        assert_eq!(gone.deleted_at(), Some(UnixMillis::from_seconds(5)));
        // One that came after the list is not in it, and there.
        write(&store, &[(5, item("si_same")), (6, item("si_new"))]).await;
        assert_eq!(
            ids(&store, "subscription_item").await,
            ["si_a", "si_new", "si_same"]
        );
    })
    .await;
}

#[tokio::test]
async fn c045_of_two_lists_of_one_second_none_removes_what_came_with_the_other() {
    on_both(async |db: &TestDb| {
        for (number, order) in [[0, 1], [1, 0]].iter().enumerate() {
            let store = db
                .store()
                .account(format!("acct_{number}"))
                .extract_expanded();
            let lists = [subscription(&["si_a", "si_b"]), subscription(&["si_a"])];
            for at in order {
                write(&store, &[(5, lists[*at].clone())]).await;
            }
            assert_eq!(ids(&store, "subscription_item").await, ["si_a", "si_b"]);
        }
    })
    .await;
}

#[tokio::test]
async fn c045_of_two_lists_of_one_second_the_one_without_an_older_item_tells_in_every_order() {
    on_both(async |db: &TestDb| {
        let made = |mut item: Value| {
            item["created"] = json!(1);
            item
        };
        let with = |items: &[Value]| json!({"id": "sub_1", "object": "subscription", "items": list(false, items)});
        let events = [
            (2, with(&[made(item("si_a"))])),
            (5, with(&[made(item("si_a"))])),
            (5, with(&[])),
        ];
        for (number, order) in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]]
            .iter()
            .enumerate()
        {
            let store = db.store().account(format!("acct_{number}")).extract_expanded();
            for at in order {
                write(&store, &[events[*at].clone()]).await;
            }
            let item = find(&store, "subscription_item", "si_a").await.unwrap();
            assert_eq!(item.deleted_at(), Some(UnixMillis::from_seconds(5)), "{order:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn c045_what_was_seen_after_a_list_is_there_whatever_the_list_says() {
    on_both(async |db: &TestDb| {
        let store = db.store().extract_expanded();
        // Stripe tells no such story: made before the list, not in it, and seen after it.
        let mut item = item("si_a");
        item["created"] = json!(1);
        write(&store, &[(9, item)]).await;
        write(&store, &[(5, subscription(&[]))]).await;
        assert_eq!(ids(&store, "subscription_item").await, ["si_a"]);
    })
    .await;
}

#[tokio::test]
async fn c045_a_list_that_the_row_does_not_hold_tells_as_well() {
    on_both(async |db: &TestDb| {
        let store = db.store().extract_expanded();
        // The answer took long, so it may be older or newer than the event that came inside that time. The row has the
        // one that ends later; only the other is known to be newer than the item.
        let (long, short) = (
            subscription(&["si_b"]).to_string(),
            subscription(&[]).to_string(),
        );
        let span = Interval::new(UnixMillis::from_seconds(1), UnixMillis::from_seconds(10));
        let lists = [
            Snapshot::read(&long).unwrap().taken(span.unwrap(), "req_1"),
            Snapshot::read(&short)
                .unwrap()
                .taken(Interval::second(5), "evt_5"),
        ];
        store.write(&lists).await.unwrap();
        write(&store, &[(2, item("si_late"))]).await;
        let late = find(&store, "subscription_item", "si_late").await.unwrap();
        assert_eq!(late.deleted_at(), Some(UnixMillis::from_seconds(5)));
    })
    .await;
}

#[tokio::test]
async fn c045_lists_that_own_what_they_list_are_known() {
    on_both(async |db: &TestDb| {
        let store = db.store().extract_expanded();
        let cases = [
            ("invoice", "lines", "line_item", "invoice"),
            ("customer", "sources", "card", "customer"),
            ("customer", "sources", "bank_account", "customer"),
            ("customer", "tax_ids", "tax_id", "customer"),
            ("account", "external_accounts", "bank_account", "account"),
            ("account", "external_accounts", "card", "account"),
        ];
        for (number, (parent, field, child, by)) in cases.into_iter().enumerate() {
            let id = format!("x_{number}");
            let whole = |children: &[&str]| {
                let children: Vec<_> = children
                    .iter()
                    .map(|name| json!({"id": format!("{name}_{number}"), "object": child, by: id}))
                    .collect();
                json!({"id": id, "object": parent, field: list(false, &children)})
            };
            write(&store, &[(1, whole(&["a", "b"]))]).await;
            write(&store, &[(2, whole(&["b"]))]).await;
            let gone = find(&store, child, &format!("a_{number}")).await.unwrap();
            assert!(gone.is_deleted(), "{parent}.{field}");
            let left = find(&store, child, &format!("b_{number}")).await.unwrap();
            assert!(!left.is_deleted(), "{parent}.{field}");
        }
        // Canceled ones are not listed, and are there; a source that was detached lives on.
        for (field, child) in [("subscriptions", "subscription"), ("sources", "source")] {
            let of = |children: &[Value]| {
                json!({"id": "cus_1", "object": "customer", field: list(false, children)})
            };
            let listed = json!({"id": "listed", "object": child, "customer": "cus_1"});
            write(&store, &[(1, of(&[listed]))]).await;
            write(&store, &[(2, of(&[]))]).await;
            assert_eq!(ids(&store, child).await, ["listed"]);
        }
    })
    .await;
}

#[tokio::test]
async fn c045_only_what_belongs_to_the_object_is_removed() {
    on_both(async |db: &TestDb| {
        let store = db.store().extract_expanded();
        let other =
            json!({"id": "si_other", "object": "subscription_item", "subscription": "sub_2"});
        write(&store, &[(1, other), (1, item("si_a"))]).await;
        let test = store.test_mode();
        write(&test, &[(1, item("si_a"))]).await;
        let connected = store.account("acct_1");
        write(&connected, &[(1, item("si_a"))]).await;
        write(&store, &[(2, subscription(&[]))]).await;
        assert_eq!(ids(&store, "subscription_item").await, ["si_other"]);
        assert_eq!(ids(&test, "subscription_item").await, ["si_a"]);
        assert_eq!(ids(&connected, "subscription_item").await, ["si_a"]);
    })
    .await;
}

#[tokio::test]
async fn what_is_inside_has_the_mode_and_account_of_what_it_is_inside() {
    on_both(async |db: &TestDb| {
        let store = db.store().extract_expanded();
        let json = json!({
            "id": "ch_1", "object": "charge", "livemode": false,
            "customer": {"id": "cus_1", "object": "customer", "livemode": true,
                "default_source": {"id": "card_1", "object": "card"}},
            "review": {"id": "prv_1", "object": "teleport.review", "livemode": null},
            "source": {"id": "ba_1", "object": "bank_account", "deleted": true},
        });
        write(&store, &[(1, json)]).await;
        let test = db.store().test_mode();
        assert!(find(db.store(), "customer", "cus_1").await.is_some());
        assert!(find(db.store(), "card", "card_1").await.is_none());
        assert!(find(&test, "card", "card_1").await.is_some());
        assert!(find(&test, "teleport.review", "prv_1").await.is_some());
        let gone = find(&test, "bank_account", "ba_1").await.unwrap();
        assert_eq!(gone.deleted_at(), Some(UnixMillis::from_seconds(1)));
        // What an event brought has its mode, where nothing says another.
        let json = subscription(&["si_a"]).to_string();
        let read = Snapshot::read(&json).unwrap().mode(Mode::Test);
        store
            .write(&[read.taken(Interval::second(1), "evt_1")])
            .await
            .unwrap();
        assert!(find(&test, "subscription_item", "si_a").await.is_some());
    })
    .await;
}

#[tokio::test]
async fn what_shows_another_moment_or_cannot_be_stored_is_left_out() {
    on_both(async |db: &TestDb| {
        let store = db.store().extract_expanded();
        let mut json = subscription(&["si_a"]);
        let mut later = item("si_a");
        later["quantity"] = json!(7);
        json["pending_update"] = json!({"subscription_items": [later]});
        json["too_long"] = json!({"object": "card", "id": "x".repeat(2000)});
        json["self"] = json!({"object": "subscription", "id": "sub_1"});
        assert_eq!(write(&store, &[(1, json)]).await, [Outcome::Inserted]);
        let stored = find(&store, "subscription_item", "si_a").await.unwrap();
        assert_eq!(stored.deserialize::<Value>().unwrap(), item("si_a"));
        assert_eq!(ids(&store, "card").await, [] as [&str; 0]);
        let whole = find(&store, "subscription", "sub_1").await.unwrap();
        assert!(whole.data()["items"].is_object());
        assert_eq!(store.dirty_objects(10).await.unwrap(), []);

        let event = json!({
            "id": "evt_1", "object": "event",
            "data": {"object": subscription(&[]), "previous_attributes": {"items": list(false, &[item("si_z")])}},
        });
        write(&store, &[(9, event)]).await;
        assert_eq!(ids(&store, "subscription_item").await, ["si_a"]);
        // Twice inside one, with more and with less expanded: the one with more, and nothing is left open.
        let invoice = json!({
            "id": "in_1", "object": "invoice",
            "charge": {"id": "ch_1", "object": "charge", "balance_transaction": "txn_1"},
            "payment_intent": {"id": "pi_1", "object": "payment_intent",
                "latest_charge": {"id": "ch_1", "object": "charge",
                    "balance_transaction": {"id": "txn_1", "object": "balance_transaction"}}},
        });
        write(&store, &[(9, invoice)]).await;
        let charge = find(&store, "charge", "ch_1").await.unwrap();
        assert!(charge.data()["balance_transaction"].is_object());
        assert_eq!(store.dirty_objects(10).await.unwrap(), []);
    })
    .await;
}

#[tokio::test]
async fn writers_of_a_list_and_of_what_it_lacks_do_not_miss_each_other() {
    on_both(async |db: &TestDb| {
        let first = db.store().extract_expanded();
        let second = db.connect().await.extract_expanded();
        for number in 0..40 {
            let account = format!("acct_{number}");
            let tell = |store: &Store, told: (i64, Value)| {
                let store = store.account(account.as_str());
                tokio::spawn(async move { write(&store, &[told]).await })
            };
            try_join_all([
                tell(&first, (1, subscription(&["si_a", "si_b"]))),
                tell(&second, (5, subscription(&["si_b"]))),
                tell(&first, (2, item("si_a"))),
            ])
            .await
            .unwrap();
            let store = first.account(account.as_str());
            assert_eq!(ids(&store, "subscription_item").await, ["si_b"], "{number}");
        }
    })
    .await;
}

#[tokio::test]
async fn what_is_inside_is_there_when_the_transaction_commits_and_only_then() {
    on_both(async |db: &TestDb| {
        let store = db.store().extract_expanded();
        for commits in [false, true] {
            let json = subscription(&["si_a"]).to_string();
            let batch = [Snapshot::read(&json)
                .unwrap()
                .taken(Interval::second(1), "evt_1")];
            let outcomes = match db.pool() {
                RawPool::Sqlite(pool) => {
                    let mut transaction = pool.begin().await.unwrap();
                    let outcomes = store.write_in(&mut transaction, &batch).await.unwrap();
                    if commits {
                        transaction.commit().await.unwrap();
                    }
                    outcomes
                }
                RawPool::Postgres(pool) => {
                    let level = "BEGIN ISOLATION LEVEL REPEATABLE READ";
                    let mut transaction = pool.begin_with(level).await.unwrap();
                    let outcomes = store.write_in(&mut transaction, &batch).await.unwrap();
                    if commits {
                        transaction.commit().await.unwrap();
                    }
                    outcomes
                }
            };
            assert_eq!(outcomes, [Outcome::Inserted]);
            let expected: &[&str] = if commits { &["si_a"] } else { &[] };
            assert_eq!(ids(&store, "subscription_item").await, expected);
        }
    })
    .await;
}

#[tokio::test]
async fn a_transaction_that_cannot_see_a_newer_list_fails_and_does_not_miss_it() {
    on_postgres(async |db: &TestDb| {
        let store = db.store().extract_expanded();
        write(&store, &[(1, subscription(&["si_a"]))]).await;
        let RawPool::Postgres(pool) = db.pool() else {
            unreachable!()
        };
        let level = "BEGIN ISOLATION LEVEL REPEATABLE READ";
        let mut transaction = pool.begin_with(level).await.unwrap();
        sqlx::query("SELECT count(*) FROM stripe_objects")
            .execute(&mut *transaction)
            .await
            .unwrap();
        write(&store, &[(5, subscription(&["si_a"]))]).await;
        let json = item("si_late").to_string();
        let late = [Snapshot::read(&json)
            .unwrap()
            .taken(Interval::second(2), "evt_2")];
        let error = store.write_in(&mut transaction, &late).await.unwrap_err();
        assert!(error.is_transient(), "{error:?}");
    })
    .await;
}
