//! What a row holds: every type, the whole object, its times, its account and its mode.

use serde_json::{Value, json};
use stripe_store::store::{Interval, Mode, Snapshot};
use stripe_store::{Outcome, Store};
use stripe_store_tests::{TestDb, on_both};

use crate::store_write::{STUB, V1, at, value, write};

#[tokio::test]
async fn c001_every_type_lands_in_one_table() {
    on_both(async |db: &TestDb| {
        let store = db.store();
        let batch = [
            at(r#"{"object":"customer","id":"cus_1","livemode":true}"#, 1),
            at(
                r#"{"object":"charge","id":"ch_1","livemode":true,"amount":9007199254740993}"#,
                1,
            ),
            at(
                r#"{"object":"unheard.of","id":"uho_1","livemode":true,"x":{"y":[1,{"z":null}]}}"#,
                1,
            ),
        ];
        assert_eq!(store.write(&batch).await.unwrap(), [Outcome::Inserted; 3]);
        assert_eq!(
            db.scalar_i64("SELECT count(*) FROM stripe_objects").await,
            Some(3)
        );
        let row = store
            .get_object("unheard.of", "uho_1")
            .await
            .unwrap()
            .unwrap();
        assert_eq!((row.account(), row.livemode()), (None, true));
        assert_eq!(
            (row.row().object(), row.row().stripe_id()),
            ("unheard.of", "uho_1")
        );
        assert_eq!(
            value(store, "charge", "ch_1").await.unwrap()["amount"],
            9_007_199_254_740_993_i64
        );
    })
    .await;
}

#[tokio::test]
async fn c002_the_whole_json_is_kept() {
    on_both(async |db: &TestDb| {
        let store = db.store();
        let sent = json!({"object": "product", "id": "prod_1", "new_field": {"deep": [[{"a": null}], true, 1.5]},
            "": "", "metadata": {"a.b": "c", "ü": "🎉"}, "list": []});
        let text = serde_json::to_string_pretty(&sent).unwrap();
        write(store, at(&text, 1)).await;
        assert_eq!(value(store, "product", "prod_1").await, Some(sent.clone()));
        let row = store.get_object("product", "prod_1").await.unwrap().unwrap();
        assert_eq!(row.deserialize::<Value>().unwrap(), sent);
        assert_eq!(serde_json::to_value(&row).unwrap(), sent);
        assert_eq!(stripe_store::View::data(row.view()), &sent);
    })
    .await;
}

/// A clock that stands at the given millisecond.
#[derive(Debug)]
struct Stopped(i64);

impl stripe_store::clock::Clock for Stopped {
    fn now(&self) -> stripe_store::clock::UnixMillis {
        stripe_store::clock::UnixMillis::new(self.0)
    }
}

#[tokio::test]
async fn c003_an_update_keeps_created_at_and_moves_updated_at() {
    on_both(async |db: &TestDb| {
        let first = db.store().clone().with_clock(Stopped(1_700_000_000_123));
        let second = db.store().clone().with_clock(Stopped(1_700_000_001_456));
        let json =
            |v| format!(r#"{{"object":"customer","id":"cus_1","created":1600000000,"v":{v}}}"#);
        write(&first, at(&json(1), 1)).await;
        write(&second, at(&json(2), 2)).await;
        let row = first
            .get_object("customer", "cus_1")
            .await
            .unwrap()
            .unwrap();
        assert_eq!(row.created_at().as_millis(), 1_700_000_000_123);
        assert_eq!(row.updated_at().as_millis(), 1_700_000_001_456);
        assert_eq!(
            value(&first, "customer", "cus_1").await.unwrap()["created"],
            1_600_000_000
        );
        let stub = at(STUB, 3);
        let third = db.store().clone().with_clock(Stopped(253_402_300_799_999));
        write(&third, stub).await;
        let row = first
            .including_deleted()
            .get_object("customer", "cus_1")
            .await
            .unwrap()
            .unwrap();
        assert_eq!(row.updated_at().as_millis(), 253_402_300_799_999);
        assert_eq!(row.created_at().as_millis(), 1_700_000_000_123);
    })
    .await;
}

#[tokio::test]
async fn c004_accounts_are_told_apart() {
    on_both(async |db: &TestDb| {
        let store = db.store();
        let owned = |account: &'static str| {
            Snapshot::read(V1)
                .unwrap()
                .account(account)
                .taken(Interval::second(1), "evt")
        };
        let outcomes = store
            .write(&[at(V1, 1), owned("acct_1"), owned("acct_2"), owned("")])
            .await;
        assert_eq!(
            outcomes.unwrap(),
            [
                Outcome::Inserted,
                Outcome::Inserted,
                Outcome::Inserted,
                Outcome::Unchanged
            ]
        );
        let get = async |store: Store| {
            let row = store.get_object("customer", "cus_1").await.unwrap();
            row.map(|row| row.account().map(str::to_owned))
        };
        assert_eq!(get(store.clone()).await, Some(None));
        assert_eq!(
            get(store.account("acct_1")).await,
            Some(Some("acct_1".to_owned()))
        );
        assert_eq!(get(store.account("acct_1").platform()).await, Some(None));
        assert_eq!(get(store.account("acct_3")).await, None);
        // A snapshot that names no account goes into the handle's.
        assert_eq!(
            write(&store.account("acct_3"), at(V1, 1)).await,
            Outcome::Inserted
        );
        assert_eq!(
            get(store.account("acct_3")).await,
            Some(Some("acct_3".to_owned()))
        );
    })
    .await;
}

#[tokio::test]
async fn c005_the_objects_own_mode_comes_first_then_that_of_what_brought_it() {
    on_both(async |db: &TestDb| {
        let store = db.store();
        let test = r#"{"object":"product","id":"gold","livemode":false}"#;
        let live = r#"{"object":"product","id":"gold","livemode":true}"#;
        let silent = r#"{"object":"product","id":"silver"}"#;
        let coupon = r#"{"object":"coupon","id":"gold","livemode":true}"#;
        let brought = Snapshot::read(silent)
            .unwrap()
            .mode(Mode::Test)
            .taken(Interval::second(1), "evt");
        let own = Snapshot::read(live)
            .unwrap()
            .mode(Mode::Test)
            .taken(Interval::second(1), "evt");
        let outcomes = store
            .write(&[at(test, 1), own, brought, at(coupon, 1)])
            .await
            .unwrap();
        assert_eq!(outcomes, [Outcome::Inserted; 4], "one id, four rows");
        let livemode = async |store: Store, object: &str, id: &str| {
            store
                .get_object(object, id)
                .await
                .unwrap()
                .map(|row| row.livemode())
        };
        assert_eq!(livemode(store.clone(), "product", "gold").await, Some(true));
        assert_eq!(livemode(store.clone(), "coupon", "gold").await, Some(true));
        assert_eq!(livemode(store.clone(), "product", "silver").await, None);
        assert_eq!(
            livemode(store.test_mode(), "product", "gold").await,
            Some(false)
        );
        assert_eq!(
            livemode(store.test_mode(), "product", "silver").await,
            Some(false)
        );
        assert_eq!(livemode(store.test_mode(), "coupon", "gold").await, None);
        let row = store
            .test_mode()
            .get_object("product", "silver")
            .await
            .unwrap()
            .unwrap();
        let data: Value = row.deserialize().unwrap();
        assert_eq!(
            data.get("livemode"),
            None,
            "what Stripe did not say is not made up"
        );
        assert_eq!(
            write(&store.test_mode(), at(r#"{"object":"coupon","id":"x"}"#, 1)).await,
            Outcome::Inserted
        );
        assert_eq!(
            livemode(store.test_mode(), "coupon", "x").await,
            Some(false)
        );
    })
    .await;
}

#[tokio::test]
async fn a_type_that_exists_once_has_its_name_as_id() {
    on_both(async |db: &TestDb| {
        let store = db.store();
        let balance = r#"{"object":"balance","livemode":true,"available":[]}"#;
        assert_eq!(write(store, at(balance, 1)).await, Outcome::Inserted);
        assert!(
            store
                .get_object("balance", "balance")
                .await
                .unwrap()
                .is_some()
        );
    })
    .await;
}

#[tokio::test]
async fn counts_tell_types_modes_and_accounts_apart() {
    on_both(async |db: &TestDb| {
        let store = db.store();
        let batch = [
            at(V1, 1),
            at(r#"{"object":"customer","id":"b"}"#, 1),
            at(r#"{"object":"charge","id":"c"}"#, 1),
        ];
        store.write(&batch).await.unwrap();
        store
            .account("acct_1")
            .test_mode()
            .write(&batch[..1])
            .await
            .unwrap();
        write(store, at(STUB, 2)).await;
        let counts: Vec<_> = store
            .counts()
            .await
            .unwrap()
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(
            counts,
            [
                "live charge: 1 rows, 0 deleted",
                "live customer: 2 rows, 1 deleted",
                "acct_1 test customer: 1 rows, 0 deleted",
            ]
        );
    })
    .await;
}
