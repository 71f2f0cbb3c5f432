//! The table, compared with Stripe: what is found, what is none of it, what is repaired.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use stripe_store::client::{Client, RateLimit, RetryPolicy, SecretKey};
use stripe_store::resources::{Coupon, Customer};
use stripe_store::store::{Interval, Snapshot, Source};
use stripe_store::sync::{
    Finding, FindingKind, Gone, ListEnd, ReconcileEvent, ReconcileReport, SkipReason, SyncError,
    TypeReport,
};
use stripe_store::{Error, Store};
use stripe_store_tests::fake::{Fake, Fault, Reply};
use stripe_store_tests::{TestDb, on_both};

const CUSTOMERS: &str = "/v1/customers";
const COUPONS: &str = "/v1/coupons";

/// When the first answers are made, and when those of comparisons.
const BEFORE: &str = "Tue, 14 Nov 2023 22:20:00 GMT";
const LATER: &str = "Tue, 14 Nov 2023 22:30:00 GMT";
const LATER_SECONDS: i64 = 1_700_001_000;

async fn pair() -> (Fake, Client) {
    let fake = Fake::start().await.unwrap();
    fake.set_date(Some(BEFORE));
    let client = Client::builder(SecretKey::new("sk_test_Abc123").unwrap())
        .base_url(fake.url())
        .rate_limit(RateLimit::unlimited())
        .retry(RetryPolicy::none())
        .build()
        .unwrap();
    (fake, client)
}

fn test(db: &TestDb) -> Store {
    db.store().test_mode()
}

fn customer(n: usize) -> Value {
    json!({
        "id": format!("cus_{n:04}"), "object": "customer", "created": 1_700_000_000 + n, "livemode": false,
        "email": format!("{n}@example.com"), "address": {"city": "Rome", "lines": ["a", "b"]},
    })
}

fn coupon(id: &str) -> Value {
    json!({"id": id, "object": "coupon", "created": 1_700_000_000, "livemode": false, "percent_off": 10})
}

async fn filled(db: &TestDb) -> (Fake, Client, Store) {
    let ((fake, client), store) = (pair().await, test(db));
    for n in 1..=150 {
        fake.add(CUSTOMERS, customer(n));
    }
    for id in ["gold", "silver"] {
        fake.add(COUPONS, coupon(id));
    }
    let types = ["customer", "coupon"];
    let report = store.backfill(&client).types(types).run().await.unwrap();
    assert!(report.is_complete());
    fake.set_date(Some(LATER));
    (fake, client, store)
}

/// Writes a row, as an event of that second brings it.
async fn write(store: &Store, object: &Value, second: i64) {
    let text = object.to_string();
    let snapshot = Snapshot::read(&text).unwrap();
    let snapshot = snapshot.taken(Interval::second(second), Source::event("evt_1"));
    store.write(&[snapshot]).await.unwrap();
}

#[track_caller]
fn of<'r>(report: &'r ReconcileReport, object: &str) -> &'r TypeReport {
    let found = report.types.iter().find(|it| it.object == object);
    found.unwrap_or_else(|| panic!("nothing of {object}: {report:#?}"))
}

fn said(report: &ReconcileReport) -> BTreeSet<String> {
    let examples = report.types.iter().flat_map(|it| &it.examples);
    examples.map(ToString::to_string).collect()
}

#[tokio::test]
async fn what_is_the_same_is_no_difference_and_nothing_is_written() {
    on_both(async |db: &TestDb| {
        let (fake, client, store) = filled(db).await;
        let report = store.reconcile(&client).run().await.unwrap();
        assert!(report.is_complete(), "{report:#?}");
        assert_eq!((report.found(), report.left()), (0, 0));
        assert_eq!(of(&report, "customer").compared, 150);
        assert_eq!(of(&report, "coupon").compared, 2);
        // No row had to be asked for by its id.
        let by_id = |it: &stripe_store_tests::fake::Received| it.path.ends_with("cus_0001");
        assert!(!fake.received().iter().any(by_id));
    })
    .await;
}

#[tokio::test]
async fn missing_gone_and_differing_objects_are_found_and_repaired() {
    on_both(async |db: &TestDb| {
        let (fake, client, store) = filled(db).await;
        fake.add(CUSTOMERS, customer(500));
        client.delete::<Customer>("cus_0002").send().await.unwrap();
        client.delete::<Coupon>("silver").send().await.unwrap();
        let update = client.update::<Customer>("cus_0003");
        let update = update.param("email", "secret@example.com");
        update
            .param("address", json!({"city": "Oslo", "lines": ["a", "c"]}))
            .send()
            .await
            .unwrap();

        let expected = BTreeSet::from([
            "coupon silver is not known to Stripe".to_owned(),
            "customer cus_0002 is deleted at Stripe".to_owned(),
            "customer cus_0003 differs in address.city, address.lines.1, email".to_owned(),
            "customer cus_0500 is missing here".to_owned(),
        ]);
        let report = store.reconcile(&client).run().await.unwrap();
        assert!(report.is_complete(), "{report:#?}");
        assert_eq!(said(&report), expected);
        assert_eq!((report.found(), report.left()), (4, 4));
        assert!(!format!("{report:?}").contains("secret@"));
        let fields = of(&report, "customer")
            .examples
            .iter()
            .find_map(|it| match &it.kind {
                FindingKind::Differing { fields, .. } => fields.last(),
                _ => None,
            });
        assert_eq!(fields.unwrap().stored(), Some(&json!("3@example.com")));
        assert_eq!(
            fields.unwrap().at_stripe(),
            Some(&json!("secret@example.com"))
        );
        assert!(store.get::<Customer>("cus_0500").await.unwrap().is_none());

        let told = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&told);
        let fixing = store.reconcile(&client).fix().on_event(move |event| {
            if let ReconcileEvent::Found { finding, .. } = event {
                seen.lock().unwrap().push(Finding::clone(finding));
            }
        });
        let report = fixing.run().await.unwrap();
        let repaired = expected.iter().map(|it| format!("{it}, repaired"));
        assert_eq!(said(&report), repaired.collect());
        assert_eq!((report.found(), report.left()), (4, 0));
        assert_eq!(told.lock().unwrap().len(), 4);

        assert!(store.get::<Customer>("cus_0500").await.unwrap().is_some());
        assert!(store.get::<Customer>("cus_0002").await.unwrap().is_none());
        assert!(store.get::<Coupon>("silver").await.unwrap().is_none());
        let silver = store
            .including_deleted()
            .get::<Coupon>("silver")
            .await
            .unwrap();
        // As of the answer that said so.
        assert_eq!(
            silver.unwrap().deleted_at().unwrap().as_millis() / 10_000,
            LATER_SECONDS / 10 - 1
        );
        let changed = store.get::<Customer>("cus_0003").await.unwrap().unwrap();
        assert_eq!(changed.email(), Some("secret@example.com"));

        let again = store.reconcile(&client).fix().run().await.unwrap();
        assert_eq!((again.found(), again.left()), (0, 0), "{again:#?}");
    })
    .await;
}

#[tokio::test]
async fn a_row_that_changed_meanwhile_is_no_difference() {
    on_both(async |db: &TestDb| {
        let (_fake, client, store) = filled(db).await;
        let mut newer = customer(7);
        newer["email"] = json!("newer@example.com");
        write(&store, &newer, LATER_SECONDS).await;
        write(&store, &customer(900), LATER_SECONDS + 1).await;
        let report = store.reconcile(&client).fix().run().await.unwrap();
        assert_eq!(
            (report.found(), of(&report, "customer").changed_meanwhile),
            (0, 2)
        );
        let row = store.get::<Customer>("cus_0007").await.unwrap().unwrap();
        assert_eq!(row.email(), Some("newer@example.com"));

        // What was there before the answers is compared.
        let mut older = customer(8);
        older["email"] = json!("older@example.com");
        write(&store, &older, LATER_SECONDS - 10).await;
        let report = store.reconcile(&client).run().await.unwrap();
        assert_eq!(
            said(&report),
            ["customer cus_0008 differs in email".to_owned()].into()
        );
    })
    .await;
}

#[tokio::test]
async fn what_is_expanded_or_was_not_asked_for_is_no_difference() {
    on_both(async |db: &TestDb| {
        let ((fake, client), store) = (pair().await, test(db));
        let charge = |customer: Value| json!({"id": "ch_1", "object": "charge", "amount": 1, "customer": customer});
        fake.add("/v1/charges", charge(json!("cus_1")));
        let refunds = json!({"object": "list", "data": [], "has_more": false});
        let mut stored = charge(json!({"id": "cus_1", "object": "customer", "email": "ada@example.com"}));
        stored["refunds"] = refunds;
        write(&store, &stored, 1_700_000_000).await;
        fake.set_date(Some(LATER));
        let report = store.reconcile(&client).types(["charge"]).run().await.unwrap();
        assert_eq!((report.found(), of(&report, "charge").compared), (0, 1), "{report:#?}");
    })
    .await;
}

#[tokio::test]
async fn a_row_of_another_api_version_is_counted_and_not_compared() {
    on_both(async |db: &TestDb| {
        let ((fake, client), store) = (pair().await, test(db));
        fake.add(CUSTOMERS, customer(1));
        let text =
            json!({"id": "cus_0001", "object": "customer", "account_balance": 0}).to_string();
        let old = Snapshot::read(&text).unwrap().api_version("2015-01-01");
        let old = old.taken(Interval::second(1_600_000_000), Source::event("evt_1"));
        store.write(&[old]).await.unwrap();
        let report = store
            .reconcile(&client)
            .types(["customer"])
            .run()
            .await
            .unwrap();
        assert_eq!(
            (report.found(), of(&report, "customer").other_version),
            (0, 1)
        );
    })
    .await;
}

#[tokio::test]
async fn a_list_that_the_key_may_not_read_is_named_and_its_rows_are_left() {
    on_both(async |db: &TestDb| {
        let (fake, client, store) = filled(db).await;
        client.delete::<Coupon>("silver").send().await.unwrap();
        let refusal = Reply::refusal(403, "invalid_request_error", None, "Not you.");
        fake.fail_path(CUSTOMERS, Some(Fault::Instead(refusal)));
        let types = ["customer", "coupon"];
        let report = store
            .reconcile(&client)
            .types(types)
            .fix()
            .run()
            .await
            .unwrap();
        let unread = &report.unread[0];
        assert_eq!(unread.list.to_string(), CUSTOMERS);
        assert!(matches!(
            unread.end,
            ListEnd::Skipped(SkipReason::NotPermitted(_))
        ));
        assert_eq!(
            (report.unread.len(), of(&report, "customer").unchecked),
            (1, 150)
        );
        assert_eq!((report.found(), report.left()), (1, 0));
        assert!(report.is_complete());

        fake.fail_path(CUSTOMERS, Some(Fault::status(402)));
        let report = store.reconcile(&client).types(types).run().await.unwrap();
        assert!(!report.is_complete());
        fake.fail_path(CUSTOMERS, Some(Fault::status(401)));
        let error = store.reconcile(&client).run().await.unwrap_err();
        assert!(matches!(error, Error::Client(_)), "{error:?}");
        let before = fake.received().len();
        let error = store.reconcile(&client).types(["customers"]).run().await;
        assert!(matches!(error, Err(Error::Sync(SyncError::NoPath { .. }))));
        assert_eq!(fake.received().len(), before);
    })
    .await;
}

#[tokio::test]
async fn a_key_of_another_account_deletes_nothing() {
    on_both(async |db: &TestDb| {
        let (_fake, _, store) = filled(db).await;
        let (other, client) = pair().await;
        other.set_date(Some(LATER));
        other.add(COUPONS, coupon("bronze"));
        let report = store
            .reconcile(&client)
            .types(["coupon"])
            .fix()
            .run()
            .await
            .unwrap();
        let report = of(&report, "coupon");
        assert_eq!(
            (report.extra, report.missing, report.repaired),
            (2, 1, 1),
            "{report:#?}"
        );
        for id in ["gold", "silver"] {
            assert!(store.get::<Coupon>(id).await.unwrap().is_some());
        }
    })
    .await;
}

#[tokio::test]
async fn a_sample_finds_what_it_draws_and_draws_the_same_again() {
    on_both(async |db: &TestDb| {
        let (fake, client, store) = filled(db).await;
        for n in 1..=150 {
            let id = format!("cus_{n:04}");
            client
                .update::<Customer>(id)
                .param("email", "x@example.com")
                .send()
                .await
                .unwrap();
        }
        client.delete::<Coupon>("silver").send().await.unwrap();
        let drawn = || async {
            let before = fake.received().len();
            let report = store
                .reconcile(&client)
                .sample(10)
                .seed(7)
                .run()
                .await
                .unwrap();
            let asked = fake.received()[before..]
                .iter()
                .map(|it| it.path.clone())
                .collect();
            (report, asked)
        };
        let (report, asked): (_, BTreeSet<String>) = drawn().await;
        assert_eq!(asked.len(), 12);
        assert!(!asked.contains(CUSTOMERS), "no list is read");
        let customers = of(&report, "customer");
        assert_eq!((customers.compared, customers.differing), (10, 10));
        let gone = &of(&report, "coupon").examples[0].kind;
        assert!(matches!(gone, FindingKind::Extra(Gone::NotFound)));
        assert_eq!(report.seed, Some(7));
        assert_eq!(drawn().await.1, asked);

        let fixed = store
            .reconcile(&client)
            .sample(1000)
            .fix()
            .run()
            .await
            .unwrap();
        assert_eq!((fixed.found(), fixed.left()), (151, 0));
        let again = store.reconcile(&client).run().await.unwrap();
        assert_eq!(again.found(), 0);
    })
    .await;
}

#[tokio::test]
async fn what_is_inside_objects_is_compared_without_a_call_for_each() {
    on_both(async |db: &TestDb| {
        let ((fake, client), store) = (pair().await, test(db));
        let item = |id: &str, quantity| {
            json!({"id": id, "object": "subscription_item", "quantity": quantity, "subscription": "sub_1"})
        };
        let subscription = |items: &[Value]| {
            let items = json!({"object": "list", "data": items, "has_more": false});
            json!({"id": "sub_1", "object": "subscription", "status": "canceled", "items": items})
        };
        fake.add("/v1/subscriptions", subscription(&[item("si_1", 2)]));
        write(&store, &subscription(&[item("si_1", 1)]), 1_700_000_000).await;
        write(&store, &item("si_1", 1), 1_700_000_000).await;
        write(&store, &item("si_2", 1), 1_700_000_000).await;
        fake.set_date(Some(LATER));
        let report = store.reconcile(&client).run().await.unwrap();
        let expected = [
            "subscription sub_1 differs in items.data.0.quantity",
            "subscription_item si_1 differs in quantity",
            "subscription_item si_2 is not known to Stripe",
        ];
        assert_eq!(said(&report), expected.map(str::to_owned).into());
        let received = fake.received();
        let items = received.iter().filter(|it| it.path.starts_with("/v1/subscription_items"));
        assert_eq!(items.count(), 1, "only what no list had is asked for");
        let report = store.reconcile(&client).fix().run().await.unwrap();
        assert_eq!(report.left(), 0, "{report:#?}");
    })
    .await;
}

/// The future can be sent to another thread.
#[expect(dead_code, reason = "that it compiles is what is shown")]
fn a_comparison_can_be_spawned(store: &Store, client: &Client) -> impl Future + Send {
    store.reconcile(client).fix().run()
}
