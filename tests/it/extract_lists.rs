//! Lists that Stripe cut short: they remove nothing, and are to be completed.

use serde_json::{Value, json};
use stripe_store::Store;
use stripe_store::clock::UnixMillis;
use stripe_store::resources::{Invoice, Subscription};
use stripe_store::store::{DirtyObject, DirtyReason, Interval};
use stripe_store_tests::{TestDb, on_both};

use crate::extract::{ids, item, subscription, write};
use crate::ops_transfer::{exported, import};

fn cut_short(items: &[&str]) -> Value {
    let mut json = subscription(items);
    json["items"]["has_more"] = json!(true);
    json
}

async fn is_truncated(store: &Store) -> bool {
    let dirty = store.dirty_objects(100).await.unwrap();
    dirty.iter().any(DirtyObject::is_truncated)
}

#[tokio::test]
async fn a_list_cut_short_removes_nothing_and_is_to_be_completed() {
    on_both(async |db: &TestDb| {
        let store = db.store().extract_expanded();
        write(&store, &[(1, subscription(&["si_a", "si_b"]))]).await;
        assert!(!is_truncated(&store).await);
        write(&store, &[(5, cut_short(&["si_a"]))]).await;
        assert_eq!(ids(&store, "subscription_item").await, ["si_a", "si_b"]);
        let dirty = store.dirty_objects(10).await.unwrap();
        let [dirty] = dirty.as_slice() else {
            panic!("{dirty:?}")
        };
        assert_eq!(
            (dirty.object(), dirty.stripe_id()),
            ("subscription", "sub_1")
        );
        assert!(dirty.is_truncated());
        assert_eq!(dirty.not_before(), UnixMillis::from_seconds(6));
        // An older one, whole or not, changes nothing.
        write(&store, &[(3, subscription(&["si_a"])), (2, cut_short(&[]))]).await;
        assert!(is_truncated(&store).await);
        // A newer one that is whole settles it.
        write(&store, &[(7, subscription(&["si_a"]))]).await;
        assert!(!is_truncated(&store).await);
        assert_eq!(ids(&store, "subscription_item").await, ["si_a"]);
        // And what is older than that does not open it again.
        write(&store, &[(6, cut_short(&["si_a"]))]).await;
        assert!(!is_truncated(&store).await);
    })
    .await;
}

#[tokio::test]
async fn lists_read_to_their_ends_make_an_object_complete() {
    on_both(async |db: &TestDb| {
        let store = db.store().extract_expanded();
        let complete = async |second| {
            let as_of = Interval::second(second);
            store
                .mark_complete::<Subscription>("sub_1", as_of)
                .await
                .unwrap()
        };
        write(&store, &[(1, subscription(&["si_a", "si_b"]))]).await;
        // It is: nothing is done, though its items were not written.
        assert!(complete(4).await);
        assert_eq!(ids(&store, "subscription_item").await, ["si_a", "si_b"]);
        write(&store, &[(5, cut_short(&["si_a"]))]).await;
        // The pages were read in the second 8; a newer snapshot came before all that was written.
        write(&store, &[(8, item("si_a")), (8, item("si_c"))]).await;
        write(&store, &[(8, cut_short(&["si_a"]))]).await;
        assert!(!complete(8).await);
        assert!(is_truncated(&store).await);
        // What the pages did not have is gone all the same.
        assert_eq!(ids(&store, "subscription_item").await, ["si_a", "si_c"]);
        write(&store, &[(9, item("si_a")), (9, item("si_c"))]).await;
        assert!(complete(9).await);
        assert!(!is_truncated(&store).await);
        // What the row shows is completed already; a repetition does not ask for it again.
        write(
            &store,
            &[(8, cut_short(&["si_a"])), (5, cut_short(&["si_a"]))],
        )
        .await;
        assert!(!is_truncated(&store).await);
        // An item that nobody knew of may be gone, which only the whole list tells.
        write(&store, &[(2, item("si_late"))]).await;
        assert!(is_truncated(&store).await);
        write(&store, &[(10, item("si_a")), (10, item("si_c"))]).await;
        assert!(complete(10).await);
        assert_eq!(ids(&store, "subscription_item").await, ["si_a", "si_c"]);
        // Another object is not touched.
        let missing = Interval::second(20);
        assert!(
            store
                .mark_complete::<Invoice>("in_1", missing)
                .await
                .unwrap()
        );
    })
    .await;
}

#[tokio::test]
async fn an_object_can_be_dirty_for_two_reasons() {
    on_both(async |db: &TestDb| {
        let store = db.store().extract_expanded();
        // Which of the two is newer nobody tells, and both have a list that goes on.
        write(
            &store,
            &[(5, cut_short(&["si_a"])), (5, cut_short(&["si_b"]))],
        )
        .await;
        let reasons = async || -> Vec<&str> {
            let dirty = store.dirty_objects(10).await.unwrap();
            dirty.iter().map(|dirty| dirty.reason().as_str()).collect()
        };
        assert_eq!(reasons().await, ["order", "truncated"]);
        assert!(
            store
                .mark_object_complete("subscription", "sub_1", Interval::second(6))
                .await
                .unwrap()
        );
        assert_eq!(reasons().await, ["order"]);
        write(&store, &[(7, cut_short(&["si_b"]))]).await;
        assert_eq!(reasons().await, ["truncated"]);
        write(&store, &[(7, cut_short(&["si_c"]))]).await;
        assert_eq!(reasons().await, ["order", "truncated"]);
        write(&store, &[(9, subscription(&["si_c"]))]).await;
        assert_eq!(reasons().await, [] as [&str; 0]);
    })
    .await;
}

#[tokio::test]
async fn a_deleted_object_is_not_to_be_completed() {
    on_both(async |db: &TestDb| {
        let store = db.store().extract_expanded();
        let gone = json!({"id": "sub_1", "object": "subscription", "deleted": true});
        write(&store, &[(1, cut_short(&["si_a"]))]).await;
        assert!(is_truncated(&store).await);
        write(&store, &[(5, gone)]).await;
        assert!(!is_truncated(&store).await);
        write(
            &store,
            &[(7, cut_short(&["si_a"])), (2, cut_short(&["si_b"]))],
        )
        .await;
        assert!(!is_truncated(&store).await);
    })
    .await;
}

#[tokio::test]
async fn a_list_that_owns_nothing_is_to_be_completed_too() {
    on_both(async |db: &TestDb| {
        let store = db.store().extract_expanded();
        let refunds = |more: bool| json!({"object": "list", "has_more": more, "data": []});
        let charge = |more| json!({"id": "ch_1", "object": "charge", "refunds": refunds(more)});
        let intent =
            json!({"id": "pi_1", "object": "payment_intent", "latest_charge": charge(true)});
        // It belongs to the charge, wherever that is.
        write(&store, &[(1, intent)]).await;
        let dirty = store.dirty_objects(10).await.unwrap();
        let marked: Vec<_> = dirty.iter().map(|it| (it.object(), it.reason())).collect();
        assert_eq!(marked, [("charge", DirtyReason::Truncated)]);
        write(&store, &[(2, charge(false))]).await;
        assert_eq!(store.dirty_objects(10).await.unwrap(), []);
        // Off, nothing is marked.
        write(db.store(), &[(3, charge(true))]).await;
        assert_eq!(store.dirty_objects(10).await.unwrap(), []);
    })
    .await;
}

#[tokio::test]
async fn a_mark_for_completion_is_exported_and_comes_back() {
    on_both(async |db: &TestDb| {
        let store = db.store().extract_expanded();
        write(
            &store,
            &[(5, cut_short(&["si_a"])), (5, cut_short(&["si_b"]))],
        )
        .await;
        let text = exported(&store).await;
        for reason in ["order", "truncated"] {
            let mark = format!("\"reason\":\"{reason}\",\"not_before\":6000");
            assert_eq!(text.matches(&mark).count(), 1, "{text}");
        }
        // Into another database, through a handle that would extract: the rows are the lines, and no more.
        let target = TestDb::sqlite().await;
        let into = target.store().extract_expanded();
        for _ in 0..2 {
            import(&into, &text, 500).await;
            assert_eq!(exported(&into).await.lines().count(), text.lines().count());
            let reasons: Vec<_> = into.dirty_objects(10).await.unwrap();
            let reasons: Vec<_> = reasons.iter().map(DirtyObject::reason).collect();
            assert_eq!(reasons, [DirtyReason::Order, DirtyReason::Truncated]);
        }
        assert_eq!(ids(&into, "subscription_item").await, ["si_a", "si_b"]);
        // A line of before there were reasons is one of order.
        let old = text.replace("\"reason\":\"order\",", "");
        let target = TestDb::sqlite().await;
        import(target.store(), &old, 500).await;
        assert_eq!(target.store().dirty_objects(10).await.unwrap().len(), 2);
    })
    .await;
}
