//! What Stripe lists, into the store: which lists, in which order, where the next run goes on.

mod refused;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use stripe_store::client::{Client, RateLimit, RetryPolicy, SecretKey};
use stripe_store::resources::{Customer, LISTINGS, PaymentMethod};
use stripe_store::sync::{
    BackfillEvent, BackfillReport, ListEnd, ListReport, SkipReason, SyncError,
};
use stripe_store::view::Timestamp;
use stripe_store::{Error, Store};
use stripe_store_tests::fake::{Fake, Fault, Received, Reply};
use stripe_store_tests::{TestDb, on_both};

/// A call for a page of customers.
const CUSTOMERS: &str = "/v1/customers";

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

fn customer(n: usize) -> Value {
    json!({"id": format!("cus_{n:04}"), "object": "customer", "created": 1_700_000_000 + n, "livemode": false})
}

fn card(customer: &str, n: usize) -> Value {
    json!({
        "id": format!("pm_{customer}_{n:03}"), "object": "payment_method", "type": "card",
        "customer": customer, "created": 1_700_000_000 + n, "livemode": false,
    })
}

async fn count(db: &TestDb, object: &str) -> i64 {
    let sql = format!("SELECT count(*) FROM stripe_objects WHERE object = '{object}'");
    db.scalar_i64(&sql).await.unwrap()
}

fn calls(fake: &Fake, path: &str) -> Vec<Received> {
    let received = fake.received().into_iter();
    received.filter(|request| request.path == path).collect()
}

/// Makes calls for customers fail once so many pages of them are in the table.
fn failing_after(
    pages: usize,
    fake: &Arc<Fake>,
) -> impl Fn(&BackfillEvent<'_>) + Send + Sync + 'static {
    let (fake, read) = (Arc::clone(fake), AtomicUsize::new(0));
    move |event| {
        let BackfillEvent::Page { list, .. } = event else {
            return;
        };
        if list.to_string() == CUSTOMERS && read.fetch_add(1, Ordering::SeqCst) + 1 == pages {
            fake.fail_path(CUSTOMERS, Some(Fault::status(402)));
        }
    }
}

#[track_caller]
fn list<'r>(report: &'r BackfillReport, path: &str) -> &'r ListReport {
    let named = |list: &&ListReport| list.list.to_string() == path;
    report.lists.iter().find(named).unwrap()
}

#[tokio::test]
async fn c050_every_list_is_read_and_those_below_others_of_each() {
    on_both(async |db: &TestDb| {
        let (fake, store) = (fake().await, test(db));
        let client = client(&fake);
        for n in 0..250 {
            fake.add(CUSTOMERS, customer(n));
        }
        for n in 0..130 {
            fake.add(
                "/v1/customers/cus_0007/payment_methods",
                card("cus_0007", n),
            );
        }
        fake.add(
            "/v1/customers/cus_0249/payment_methods",
            card("cus_0249", 0),
        );
        fake.add(
            "/v1/prices",
            json!({"id": "price_1", "object": "price", "active": true}),
        );

        let report = store.backfill(&client).run().await.unwrap();
        assert!(report.is_complete(), "{report:#?}");
        assert_eq!(count(db, "customer").await, 250);
        assert_eq!(count(db, "payment_method").await, 131);
        assert_eq!(count(db, "price").await, 1);
        assert_eq!(
            (
                list(&report, CUSTOMERS).pages,
                list(&report, CUSTOMERS).changed
            ),
            (3, 250)
        );
        // Every list was asked for, but those whose objects come with what they are below.
        for listing in LISTINGS {
            let is_inside = listing.parent.is_some_and(|parent| parent.field.is_some());
            let has = report
                .lists
                .iter()
                .any(|list| list.list.path() == listing.path);
            assert_eq!(has, !is_inside, "{}", listing.path);
        }
        let canceled = calls(&fake, "/v1/subscriptions");
        assert_eq!(canceled[0].param("status").as_deref(), Some("all"));
        // Parents come first.
        let received = fake.received();
        let last = received
            .iter()
            .rposition(|request| request.path == CUSTOMERS);
        let first = received
            .iter()
            .position(|request| request.path.starts_with("/v1/customers/"));
        assert!(last < first);
    })
    .await;
}

#[tokio::test]
async fn the_second_run_reads_what_is_new_and_a_full_one_everything() {
    on_both(async |db: &TestDb| {
        let (fake, store) = (fake().await, test(db));
        let client = client(&fake);
        fake.set_date(Some("Tue, 14 Nov 2023 22:20:00 GMT"));
        fake.add(CUSTOMERS, customer(1));
        fake.add(
            "/v1/customers/cus_0001/payment_methods",
            card("cus_0001", 1),
        );
        let of_type = || {
            store
                .backfill(&client)
                .types(["customer", "payment_method"])
        };
        of_type().run().await.unwrap();
        let before = fake.received().len();

        fake.add(CUSTOMERS, customer(500));
        fake.add(
            "/v1/customers/cus_0500/payment_methods",
            card("cus_0500", 1),
        );
        let report = of_type().run().await.unwrap();
        let received = &fake.received()[before..];
        let customers = received.iter().find(|request| request.path == CUSTOMERS);
        // Five minutes before the second in which the first run began.
        assert_eq!(
            customers.unwrap().param("created[gte]").as_deref(),
            Some("1700000099")
        );
        assert_eq!(count(db, "customer").await, 2);
        assert_eq!(count(db, "payment_method").await, 2);
        assert!(report.is_complete());

        let before = fake.received().len();
        let report = of_type().full().run().await.unwrap();
        let received = &fake.received()[before..];
        assert!(
            received
                .iter()
                .all(|request| request.param("created[gte]").is_none())
        );
        assert_eq!(report.objects(), 4);
    })
    .await;
}

#[tokio::test]
async fn a_run_goes_on_where_one_before_was_stopped() {
    on_both(async |db: &TestDb| {
        let (fake, store) = (Arc::new(fake().await), test(db));
        let client = client(&fake);
        for n in 0..450 {
            fake.add(CUSTOMERS, customer(n));
        }
        let of_type = || store.backfill(&client).types(["customer"]);
        let stopped = of_type().on_event(failing_after(2, &fake)).run().await;
        let stopped = stopped.unwrap();
        assert!(!stopped.is_complete());
        assert!(matches!(list(&stopped, CUSTOMERS).end, ListEnd::Failed(_)));
        assert_eq!(count(db, "customer").await, 200);
        fake.fail_path(CUSTOMERS, None);

        let resumed = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&resumed);
        let goes_on = of_type().on_event(move |event| {
            if let BackfillEvent::Begun {
                list,
                is_resumed: true,
                ..
            } = event
            {
                seen.lock().unwrap().push(list.to_string());
            }
        });
        let report = goes_on.run().await.unwrap();
        assert_eq!(*resumed.lock().unwrap(), [CUSTOMERS]);
        assert!(report.is_complete());
        assert_eq!(count(db, "customer").await, 450);
        // The page that failed was asked for twice, and no other.
        let pages = fake.pages_fetched();
        let pages = pages
            .iter()
            .filter(|(page, _)| page.starts_with("/v1/customers?"));
        let often: Vec<_> = pages.filter(|(_, often)| **often > 1).collect();
        assert_eq!(often.len(), 1, "{often:?}");
        assert!(often[0].0.contains("starting_after=cus_0250") && *often[0].1 == 2);
    })
    .await;
}

#[tokio::test]
async fn a_list_that_cannot_be_read_is_named_and_the_others_are_read() {
    on_both(async |db: &TestDb| {
        let (fake, store) = (fake().await, test(db));
        let client = client(&fake);
        fake.add(CUSTOMERS, customer(1));
        fake.add(
            "/v1/prices",
            json!({"id": "price_1", "object": "price", "active": true}),
        );
        let refused = |status| {
            let error = Reply::refusal(status, "invalid_request_error", None, "Not you.");
            Some(Fault::Instead(error))
        };
        fake.fail_path(CUSTOMERS, refused(403));
        fake.fail_path("/v1/issuing/cards", refused(400));
        let of_types = || store.backfill(&client).types(["customer", "price"]);
        let report = of_types().run().await.unwrap();
        assert!(
            report.is_complete(),
            "what the key may not read is no failure"
        );
        let end = &list(&report, CUSTOMERS).end;
        assert!(
            matches!(end, ListEnd::Skipped(SkipReason::NotPermitted(_))),
            "{end:?}"
        );
        assert!(list(&report, "/v1/prices?active=true").end.is_read());

        // What the account does not have is a failure to those who ask for it, and to nobody else.
        let named = store.backfill(&client).types(["issuing.card"]).run().await;
        assert!(!named.unwrap().is_complete());
        let all = store.backfill(&client).run().await.unwrap();
        assert!(all.is_complete());
        let end = &list(&all, "/v1/issuing/cards").end;
        assert!(
            matches!(end, ListEnd::Skipped(SkipReason::NotAvailable(_))),
            "{end:?}"
        );

        fake.fail_path(CUSTOMERS, Some(Fault::status(402)));
        let report = store
            .backfill(&client)
            .types(["customer", "payment_method"])
            .run();
        let report = report.await.unwrap();
        assert!(!report.is_complete());
        assert!(matches!(list(&report, CUSTOMERS).end, ListEnd::Failed(_)));
        let below = &list(&report, "/v1/customers/{customer}/payment_methods").end;
        assert!(
            matches!(below, ListEnd::Skipped(SkipReason::ParentNotRead)),
            "{below:?}"
        );

        // The next run reads it.
        fake.fail_path(CUSTOMERS, None);
        let report = of_types().run().await.unwrap();
        assert!(report.lists.iter().all(|list| list.end.is_read()));
        assert_eq!(
            (count(db, "customer").await, count(db, "price").await),
            (1, 1)
        );
    })
    .await;
}

#[tokio::test]
async fn a_key_that_stripe_does_not_know_stops_everything_and_so_does_a_type_without_a_list() {
    on_both(async |db: &TestDb| {
        let (fake, store) = (fake().await, test(db));
        let client = client(&fake);
        fake.fail_always(Some(Fault::status(401)));
        let error = store.backfill(&client).run().await.unwrap_err();
        assert!(matches!(error, Error::Client(_)), "{error:?}");
        let before = fake.received().len();
        let error = store.backfill(&client).types(["customers"]).run().await;
        assert!(matches!(
            error,
            Err(Error::Sync(SyncError::NotListed { .. }))
        ));
        assert_eq!(fake.received().len(), before);
    })
    .await;
}

#[tokio::test]
async fn an_object_that_cannot_be_stored_is_named_and_the_rest_of_its_page_is_stored() {
    on_both(async |db: &TestDb| {
        let (fake, store) = (fake().await, test(db));
        let client = client(&fake);
        fake.add(CUSTOMERS, customer(1));
        fake.add(CUSTOMERS, json!({"id": "cus_x", "object": 7}));
        fake.add(CUSTOMERS, customer(2));
        let report = store
            .backfill(&client)
            .types(["customer"])
            .run()
            .await
            .unwrap();
        assert!(!report.is_complete());
        let list = list(&report, CUSTOMERS);
        assert!(list.end.is_read());
        assert_eq!(
            (list.odd_count, list.odd[0].id.as_deref()),
            (1, Some("cus_x"))
        );
        assert_eq!(count(db, "customer").await, 2);
    })
    .await;
}

#[tokio::test]
async fn lists_that_were_cut_short_are_read_to_their_ends() {
    on_both(async |db: &TestDb| {
        let (fake, store) = (fake().await, test(db));
        let client = client(&fake);
        let line = |n: usize| json!({"id": format!("il_{n:03}"), "object": "line_item", "invoice": "in_1"});
        let lines = json!({
            "object": "list", "has_more": true, "url": "/v1/invoices/in_1/lines",
            "data": (0..10).map(line).collect::<Vec<_>>(),
        });
        fake.add("/v1/invoices", json!({"id": "in_1", "object": "invoice", "lines": lines}));
        for n in 0..230 {
            fake.add("/v1/invoices/in_1/lines", line(n));
        }
        let report = store.backfill(&client).types(["invoice"]).run().await.unwrap();
        assert!(report.is_complete(), "{report:?}");
        assert_eq!(report.settled.completed, 1);
        assert_eq!(count(db, "line_item").await, 230);
        assert!(store.dirty_objects(10).await.unwrap().is_empty());
    })
    .await;
}

#[tokio::test]
async fn connected_accounts_have_rows_of_their_own() {
    on_both(async |db: &TestDb| {
        let (fake, store) = (fake().await, test(db));
        let client = client(&fake);
        for id in ["acct_1", "acct_2"] {
            fake.add("/v1/accounts", json!({"id": id, "object": "account"}));
        }
        fake.add(CUSTOMERS, customer(1));
        let backfill = store.backfill(&client).types(["account", "customer"]);
        let report = backfill.connected_accounts().run().await.unwrap();
        assert!(report.is_complete());
        for account in ["acct_1", "acct_2"] {
            let there = store.account(account).get::<Customer>("cus_0001").await;
            assert!(there.unwrap().is_some(), "{account}");
        }
        let headers: Vec<_> = calls(&fake, CUSTOMERS)
            .iter()
            .map(|request| request.header("stripe-account").map(str::to_owned))
            .collect();
        assert_eq!(headers.len(), 3);
        assert!(headers.contains(&Some("acct_2".to_owned())) && headers.contains(&None));
        assert_eq!(calls(&fake, "/v1/accounts").len(), 1);
    })
    .await;
}

#[tokio::test]
async fn since_leaves_out_what_is_older_until_it_is_asked_for() {
    on_both(async |db: &TestDb| {
        let (fake, store) = (fake().await, test(db));
        let client = client(&fake);
        fake.add(CUSTOMERS, customer(1));
        let since = Timestamp::from_unix_seconds(1_700_000_050);
        let of_type = || store.backfill(&client).types(["customer"]);
        of_type().since(since).run().await.unwrap();
        of_type().run().await.unwrap();
        let asked: Vec<_> = calls(&fake, CUSTOMERS)
            .iter()
            .map(|request| request.param("created[gte]"))
            .collect();
        assert_eq!(asked, [Some("1700000050".to_owned()), None]);
        assert_eq!(count(db, "customer").await, 1);
    })
    .await;
}

#[tokio::test]
async fn a_customer_whose_page_ended_the_last_run_may_be_gone_since() {
    on_both(async |db: &TestDb| {
        let (fake, store) = (Arc::new(fake().await), test(db));
        let client = client(&fake);
        for n in 0..150 {
            fake.add(CUSTOMERS, customer(n));
        }
        let of_type = || store.backfill(&client).types(["customer"]);
        of_type()
            .on_event(failing_after(1, &fake))
            .run()
            .await
            .unwrap();
        fake.fail_path(CUSTOMERS, None);
        assert_eq!(count(db, "customer").await, 100);
        client.delete::<Customer>("cus_0050").send().await.unwrap();
        let report = of_type().run().await.unwrap();
        assert!(report.is_complete(), "{report:?}");
        assert_eq!(count(db, "customer").await, 150);
    })
    .await;
}

#[tokio::test]
async fn what_is_below_what_is_gone_is_passed_over() {
    on_both(async |db: &TestDb| {
        let (fake, store) = (fake().await, test(db));
        let client = client(&fake);
        for n in 1..=3 {
            fake.add(CUSTOMERS, customer(n));
        }
        fake.add(
            "/v1/customers/cus_0003/payment_methods",
            card("cus_0003", 1),
        );
        store
            .backfill(&client)
            .types(["customer"])
            .run()
            .await
            .unwrap();
        let gone = Reply::refusal(
            404,
            "invalid_request_error",
            Some("resource_missing"),
            "No such customer",
        );
        fake.fail_path("/v1/customers/cus_0001", Some(Fault::Instead(gone)));
        let report = store.backfill(&client).types(["payment_method"]).run();
        let report = report.await.unwrap();
        assert!(report.is_complete(), "{report:?}");
        let card = store.get::<PaymentMethod>("pm_cus_0003_001").await.unwrap();
        assert!(card.is_some());
    })
    .await;
}

/// The future can be sent to another thread.
#[expect(dead_code, reason = "that it compiles is what is shown")]
fn a_backfill_can_be_spawned(store: &Store, client: &Client) -> impl Future + Send {
    store.backfill(client).run()
}
