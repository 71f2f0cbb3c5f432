//! What events tell, into the store: from where, in which order, and what becomes of odd ones.

mod gaps;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use stripe_store::OpenEnum as _;
use stripe_store::client::{Client, RateLimit, RetryPolicy, SecretKey};
use stripe_store::resources::{Customer, Subscription};
use stripe_store::store::{Interval, Snapshot};
use stripe_store::sync::{CatchUpEvent, CatchUpReport};
use stripe_store::{Error, Store, Stored, StripeModel};
use stripe_store_tests::fake::{Fake, Fault};
use stripe_store_tests::{Kind, TestDb, on_both};

const EVENTS: &str = "/v1/events";
const CUSTOMERS: &str = "/v1/customers";

/// A second in November 2023, and the same as `Date` has it.
const SECOND: i64 = 1_700_000_000;
const DATE: &str = "Tue, 14 Nov 2023 22:13:20 GMT";

async fn fake() -> Fake {
    Fake::start().await.unwrap()
}

fn client(fake: &Fake) -> Client {
    Client::builder(SecretKey::new("sk_test_Abc123").unwrap())
        .base_url(fake.url())
        .rate_limit(RateLimit::unlimited())
        .retry(RetryPolicy::none())
        .build()
        .unwrap()
}

fn test(db: &TestDb) -> Store {
    db.store().test_mode()
}

fn customer(id: &str, name: &str) -> Value {
    json!({"id": id, "object": "customer", "name": name, "livemode": false})
}

fn event(id: &str, event_type: &str, created: i64, object: &Value) -> Value {
    json!({
        "id": id, "object": "event", "type": event_type, "created": created, "livemode": false,
        "api_version": "2026-10-28.endive", "data": {"object": object},
    })
}

async fn catch_up(store: &Store, client: &Client) -> CatchUpReport {
    store.catch_up(client).run().await.unwrap()
}

/// The queries of the pages of events that were asked for.
fn pages(fake: &Fake) -> Vec<String> {
    let received = fake.received().into_iter();
    received
        .filter(|request| request.path == EVENTS)
        .map(|request| request.query)
        .collect()
}

/// How many events of the inbox have this status.
async fn inbox(db: &TestDb, status: &str) -> i64 {
    let sql = format!("SELECT count(*) FROM stripe_events WHERE status = '{status}'");
    db.scalar_i64(&sql).await.unwrap()
}

async fn name(store: &Store, id: &str) -> Option<String> {
    let row = store.get::<Customer>(id).await.unwrap()?;
    row.name().map(str::to_owned)
}

#[tokio::test]
async fn what_happened_since_the_lists_were_read_is_applied_once() {
    on_both(async |db: &TestDb| {
        let (fake, store) = (fake().await, test(db));
        let client = client(&fake);
        for id in ["cus_1", "cus_2"] {
            fake.add(CUSTOMERS, customer(id, "Ada"));
        }
        let report = store.backfill(&client).types(["customer"]).run().await;
        assert!(report.unwrap().is_complete());

        let made = client.create::<Customer>().param("name", "Grace").send();
        let made = made.await.unwrap().id().to_owned();
        let changed = client.update::<Customer>("cus_1").param("name", "Edith");
        changed.send().await.unwrap();
        client.delete::<Customer>("cus_2").send().await.unwrap();

        let report = catch_up(&store, &client).await;
        assert!(report.is_complete(), "{report:#?}");
        assert_eq!(
            (report.read(), report.new_events(), report.applied),
            (3, 3, 3)
        );
        assert!(report.accounts[0].gap().is_none());
        assert_eq!(name(&store, "cus_1").await.as_deref(), Some("Edith"));
        assert_eq!(name(&store, &made).await.as_deref(), Some("Grace"));
        assert_eq!(name(&store, "cus_2").await, None);
        assert_eq!(inbox(db, "applied").await, 3);
        // What the inbox holds is what was sent.
        let payload = "SELECT payload FROM stripe_events WHERE event_type = 'customer.created'";
        let payload: Value = serde_json::from_str(&db.scalar_text(payload).await.unwrap()).unwrap();
        assert!(fake.events().contains(&payload));

        // The same events come again, and are known.
        let report = catch_up(&store, &client).await;
        assert_eq!(
            (
                report.read(),
                report.new_events(),
                report.applied,
                report.changed
            ),
            (3, 0, 0, 0)
        );
    })
    .await;
}

#[tokio::test]
async fn events_are_applied_in_their_order_though_the_list_has_the_newest_first() {
    on_both(async |db: &TestDb| {
        let (fake, store) = (fake().await, test(db));
        for n in 0..250 {
            let object = customer(&format!("cus_{n:03}"), "Ada");
            let id = format!("evt_{:03}", 999 - n);
            fake.add(EVENTS, event(&id, "customer.created", SECOND + n, &object));
        }
        let mut changes = store.changes::<Customer>();
        let report = catch_up(&store, &client(&fake)).await;
        assert_eq!((report.applied, report.changed), (250, 250));
        assert_eq!(pages(&fake).len(), 3);
        let mut told = Vec::new();
        while told.len() < 250 {
            let change = changes.next().await.unwrap().unwrap();
            told.push(change.stripe_id().to_owned());
        }
        // A batch is told in the order of its keys, and batches come one after the other.
        for (at, batch) in told.chunks(100).enumerate() {
            let first = format!("cus_{:03}", at * 100);
            assert_eq!(batch.iter().min(), Some(&first));
        }
    })
    .await;
}

#[tokio::test]
async fn a_run_that_was_stopped_goes_on_behind_its_last_page() {
    on_both(async |db: &TestDb| {
        let (fake, store) = (Arc::new(fake().await), test(db));
        let client = client(&fake);
        for n in 0..350 {
            let object = customer(&format!("cus_{n:03}"), "Ada");
            fake.add(
                EVENTS,
                event(
                    &format!("evt_{n:03}"),
                    "customer.created",
                    SECOND + n,
                    &object,
                ),
            );
        }
        let failing = {
            let (fake, read) = (Arc::clone(&fake), Mutex::new(0));
            move |event: &CatchUpEvent<'_>| {
                if let CatchUpEvent::Page { .. } = event {
                    let mut read = read.lock().unwrap();
                    *read += 1;
                    if *read == 2 {
                        fake.fail_path(EVENTS, Some(Fault::status(500)));
                    }
                }
            }
        };
        let report = store
            .catch_up(&client)
            .on_event(failing)
            .run()
            .await
            .unwrap();
        assert!(!report.is_complete());
        assert!(report.accounts[0].error.is_some());
        // What was read is applied.
        assert_eq!((report.read(), report.applied), (200, 200));

        fake.fail_path(EVENTS, None);
        let report = catch_up(&store, &client).await;
        assert!(report.is_complete(), "{report:#?}");
        // The rest, and then what has come since it began: nothing.
        assert_eq!((report.new_events(), report.applied), (150, 150));
        let counted: Vec<usize> = fake.pages_fetched().into_values().collect();
        let twice = counted.iter().filter(|count| **count > 1).count();
        // The page that failed; and the first one, which a new pass begins with.
        assert!(twice <= 2, "{:?}", fake.pages_fetched());
        assert_eq!(inbox(db, "applied").await, 350);
    })
    .await;
}

#[derive(StripeModel)]
#[stripe(object = Customer, table = "vips")]
struct Vip {
    #[stripe(base)]
    customer: Stored<Customer>,
    number: i64,
}

#[tokio::test]
async fn an_event_that_cannot_be_applied_holds_up_no_other() {
    on_both(async |db: &TestDb| {
        let (fake, store) = (fake().await, test(db));
        Vip::migrate(&store).await.unwrap();
        // The model refuses one, in the transaction of all.
        let store = store.register::<Vip>(|customer| match customer.id() {
            "cus_refused" => Err("no room for it".into()),
            _ => Ok(None),
        });
        let refused = event(
            "evt_refused",
            "customer.created",
            SECOND,
            &customer("cus_refused", "Ada"),
        );
        let long = customer(&"c".repeat(2000), "Ada");
        for it in [
            event(
                "evt_1",
                "customer.created",
                SECOND,
                &customer("cus_1", "Ada"),
            ),
            refused,
            event("evt_long", "customer.created", SECOND, &long),
            json!({"id": "evt_no_data", "object": "event", "type": "x", "created": SECOND}),
            json!({"object": "event", "type": "x", "created": SECOND, "data": {}}),
            event(
                "evt_\u{0}",
                "customer.created",
                SECOND,
                &customer("cus_0", "Ada"),
            ),
            event(
                "evt_unknown",
                "teleport.voucher.issued",
                SECOND,
                &json!({"id": "tv_1", "object": "teleport.voucher"}),
            ),
            event(
                "evt_upcoming",
                "invoice.upcoming",
                SECOND,
                &json!({"object": "invoice", "livemode": false}),
            ),
            event(
                "evt_2",
                "customer.created",
                SECOND,
                &customer("cus_2", "Ada"),
            ),
        ] {
            fake.add(EVENTS, it);
        }
        let report = catch_up(&store, &client(&fake)).await;
        assert!(!report.is_complete());
        let mut failed: Vec<&str> = report.failed.iter().map(|it| it.id.as_str()).collect();
        failed.sort_unstable();
        assert_eq!(failed, ["evt_long", "evt_refused"]);
        assert_eq!(report.failed_count, 2);
        assert!(
            report
                .failed
                .iter()
                .any(|it| it.reason.contains("no room for it"))
        );
        let odd = &report.accounts[0];
        assert_eq!(odd.odd_count, 3, "{odd:#?}");
        for id in ["cus_1", "cus_2"] {
            assert_eq!(name(&store, id).await.as_deref(), Some("Ada"));
        }
        assert!(
            store
                .get_object("teleport.voucher", "tv_1")
                .await
                .unwrap()
                .is_some()
        );
        assert_eq!(
            (inbox(db, "applied").await, inbox(db, "failed").await),
            (4, 2)
        );
        let reason = "SELECT last_error FROM stripe_events WHERE event_id = 'evt_refused'";
        assert!(
            db.scalar_text(reason)
                .await
                .unwrap()
                .contains("no room for it")
        );
        // They are not tried again for ever.
        let report = catch_up(&store, &client(&fake)).await;
        assert_eq!((report.applied, report.failed_count), (0, 0));
    })
    .await;
}

#[tokio::test]
async fn what_two_events_of_one_second_leave_open_is_read_again() {
    on_both(async |db: &TestDb| {
        let (fake, store) = (fake().await, test(db));
        fake.add("/v1/subscriptions", json!({"id": "sub_1", "object": "subscription", "status": "active", "livemode": false}));
        for (id, status) in [("evt_1", "incomplete"), ("evt_2", "past_due")] {
            let object = json!({"id": "sub_1", "object": "subscription", "status": status, "livemode": false});
            fake.add(EVENTS, event(id, "customer.subscription.updated", SECOND, &object));
        }
        let report = catch_up(&store, &client(&fake)).await;
        assert!(report.is_complete(), "{report:#?}");
        assert_eq!(report.settled.read, 1);
        let row = store.get::<Subscription>("sub_1").await.unwrap().unwrap();
        assert_eq!(row.status().map(|it| it.as_str().to_owned()).as_deref(), Some("active"));
        assert!(store.dirty_objects(10).await.unwrap().is_empty());
    })
    .await;
}

#[tokio::test]
async fn connected_accounts_have_events_of_their_own() {
    on_both(async |db: &TestDb| {
        let (fake, store) = (fake().await, test(db));
        for id in ["acct_1", "acct_2"] {
            let account = json!({"id": id, "object": "account"}).to_string();
            let read = Snapshot::read(&account).unwrap();
            store
                .write(&[read.taken(Interval::second(SECOND), "req_1")])
                .await
                .unwrap();
        }
        fake.add(
            EVENTS,
            event(
                "evt_1",
                "customer.created",
                SECOND,
                &customer("cus_1", "Ada"),
            ),
        );
        let report = store
            .catch_up(&client(&fake))
            .connected_accounts()
            .run()
            .await
            .unwrap();
        assert!(report.is_complete(), "{report:#?}");
        let accounts: Vec<_> = report.accounts.iter().map(|it| it.account()).collect();
        assert_eq!(accounts, [None, Some("acct_1"), Some("acct_2")]);
        let asked: Vec<_> = fake
            .received()
            .iter()
            .map(|request| request.header("stripe-account").map(str::to_owned))
            .collect();
        assert_eq!(
            asked,
            [None, Some("acct_1".to_owned()), Some("acct_2".to_owned())]
        );
        let noted = "SELECT count(*) FROM stripe_sync_state WHERE name = 'events'";
        assert_eq!(db.scalar_i64(noted).await, Some(3));
        // The fake has one list for all of them, so that the others know it.
        assert_eq!((report.read(), report.new_events()), (3, 1));
    })
    .await;
}

#[tokio::test]
async fn a_task_goes_on_until_the_key_is_refused() {
    on_both(async |db: &TestDb| {
        let (fake, store) = (Arc::new(fake().await), test(db));
        let client = client(&fake);
        let (sender, mut ended) = tokio::sync::mpsc::unbounded_channel();
        let task = store.catch_up(&client).on_event(move |event| {
            if let CatchUpEvent::Ended { report, .. } = event {
                sender.send(report.applied).unwrap();
            }
        });
        let task = tokio::spawn(task.every(Duration::from_millis(1)));
        assert_eq!(ended.recv().await, Some(0));
        let made = client
            .create::<Customer>()
            .param("name", "Ada")
            .send()
            .await;
        let made = made.unwrap().id().to_owned();
        while ended.recv().await == Some(0) {}
        assert_eq!(name(&store, &made).await.as_deref(), Some("Ada"));
        // One list that fails ends nothing.
        fake.fail_next(Fault::status(500));
        ended.recv().await.unwrap();
        ended.recv().await.unwrap();
        fake.fail_always(Some(Fault::status(401)));
        let error = task.await.unwrap();
        assert!(
            matches!(&error, Error::Client(error) if error.status() == Some(401)),
            "{error}"
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_at_once_apply_each_event_once() {
    on_both(async |db: &TestDb| {
        let (fake, store) = (fake().await, test(db));
        for n in 0..300 {
            let object = customer(&format!("cus_{n:03}"), "Ada");
            fake.add(
                EVENTS,
                event(
                    &format!("evt_{n:03}"),
                    "customer.created",
                    SECOND + n,
                    &object,
                ),
            );
        }
        let other = db.connect().await.test_mode();
        let client = client(&fake);
        let one = Box::pin(store.catch_up(&client).run());
        let two = Box::pin(other.catch_up(&client).run());
        let (one, two) = tokio::join!(one, two);
        let (one, two) = (one.unwrap(), two.unwrap());
        assert_eq!(one.new_events() + two.new_events(), 300);
        assert_eq!(one.applied + two.applied, 300);
        assert_eq!(inbox(db, "applied").await, 300);
        let attempts = "SELECT CAST(max(attempts) AS bigint) FROM stripe_events";
        let attempts = match db.kind() {
            Kind::Postgres => attempts.to_owned(),
            Kind::Sqlite => attempts.replace("bigint", "INTEGER"),
        };
        assert_eq!(db.scalar_i64(&attempts).await, Some(1));
    })
    .await;
}
