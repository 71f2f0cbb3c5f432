//! Every fault of the fake, through a backfill and through operations: what the user sees, and that nothing is lost,
//! counted as done too early, or done twice.

mod table;

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use stripe_store::client::{Client, ClientError, RateLimit, RetryPolicy, SecretKey};
use stripe_store::resources::operations::CreateCustomer;
use stripe_store::sync::{
    BackfillEvent, BackfillReport, ListEnd, ListName, ListReport, SkipReason,
};
use stripe_store::{Error, Store, View as _};
use stripe_store_tests::fake::{Fake, Fault, Received};
use stripe_store_tests::{TestDb, on_both};

use self::table::{ROWS, Row};

const CUSTOMERS: &str = "/v1/customers";
const COUPONS: &str = "/v1/coupons";
const KEY: &str = "sk_test_Abc123Secret";

async fn pair() -> (Arc<Fake>, Client) {
    let fake = Fake::start().await.unwrap();
    let client = Client::builder(SecretKey::new(KEY).unwrap())
        .base_url(fake.url())
        .rate_limit(RateLimit::unlimited())
        .retry(RetryPolicy::new().with_delays(Duration::from_millis(1), Duration::from_millis(5)))
        .timeout(Duration::from_millis(500))
        .build()
        .unwrap();
    (Arc::new(fake), client)
}

/// A fake with 230 customers, which are three pages, and a coupon.
async fn filled() -> (Arc<Fake>, Client) {
    let (fake, client) = pair().await;
    for n in 0..230 {
        let id = format!("cus_{n:04}");
        let created = 1_700_000_000 + n;
        fake.add(
            CUSTOMERS,
            json!({"id": id, "object": "customer", "created": created, "livemode": false}),
        );
    }
    fake.add(
        COUPONS,
        json!({"id": "gold", "object": "coupon", "created": 1, "livemode": false}),
    );
    (fake, client)
}

/// Every fault with its row, and a store of an account of its own.
fn cases(db: &TestDb) -> Vec<(Row, Fault, Store)> {
    let faults: Vec<_> = Fault::each().collect();
    let named: Vec<_> = faults.iter().map(|(name, _)| *name).collect();
    let described: Vec<_> = ROWS.iter().map(|row| row.fault).collect();
    assert_eq!(described, named, "every fault has its row");
    let with_store = |(n, (row, (_, fault)))| {
        let store = db.store().test_mode().account(format!("acct_{n}"));
        (row, fault, store)
    };
    let cases = ROWS.into_iter().zip(faults).enumerate().map(with_store);
    cases.collect()
}

/// Calls back when the first page of customers is in the table.
fn after_a_page(
    then: impl Fn() + Send + Sync + 'static,
) -> impl Fn(&BackfillEvent<'_>) + Send + Sync + 'static {
    let is_over = AtomicBool::new(false);
    move |event| {
        if let BackfillEvent::Page { list, .. } = event
            && is_at(list, CUSTOMERS)
            && !is_over.swap(true, Ordering::SeqCst)
        {
            then();
        }
    }
}

/// An error and its causes, without the ids of requests and the places in answers.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text = format!("{text}: {cause}");
        next = cause.source();
    }
    assert!(!text.contains(KEY) && !text.contains("Secret"), "{text}");
    if let Some(place) = text.find("column ") {
        let rest = text.split_off(place + "column ".len());
        text.push_str("[n]");
        text.push_str(rest.trim_start_matches(|c: char| c.is_ascii_digit()));
    }
    match (text.find("[req_"), text.find(']')) {
        (Some(begin), Some(end)) => format!("{}[req]{}", &text[..begin], &text[end + 1..]),
        _ => text,
    }
}

/// What a person is told of a list.
fn told(list: &ListReport) -> Option<String> {
    let reason = match &list.end {
        ListEnd::Failed(error)
        | ListEnd::Skipped(SkipReason::NotPermitted(error) | SkipReason::NotAvailable(error)) => {
            chain(error)
        }
        ListEnd::Unusable(error) => chain(error),
        _ => return None,
    };
    let path = list.list.path();
    Some(format!("{path}: {reason}; {}", list.remedy().unwrap()))
}

/// Whether it is the list at the path, and not that of test clocks.
fn is_at(list: &ListName, path: &str) -> bool {
    list.to_string().split(" of ").next() == Some(path)
}

fn list<'r>(report: &'r BackfillReport, path: &str) -> &'r ListReport {
    let found = report.lists.iter().find(|list| is_at(&list.list, path));
    found.unwrap()
}

/// Asserts that the store has what the fake has, and nothing else.
async fn assert_has_all(store: &Store, fake: &Fake, path: &str, object: &str, name: &str) {
    let rows = store.list_object(object).limit(1000).page().await.unwrap();
    // A list is asked for with more than what the fake keeps in an object.
    let what = |object: &Value| {
        [&object["id"], &object["created"], &object["email"]].map(Value::to_string)
    };
    let here: BTreeSet<_> = rows
        .data
        .iter()
        .map(|row| what(row.view().data()))
        .collect();
    let there: BTreeSet<_> = fake.objects(path).iter().map(what).collect();
    assert_eq!(here, there, "{name}");
}

fn customers_asked(received: &[Received]) -> Vec<Option<String>> {
    let asked = received.iter().filter(|request| request.path == CUSTOMERS);
    asked
        .map(|request| request.param("starting_after"))
        .collect()
}

#[tokio::test]
async fn a_fault_that_comes_once_costs_a_second_run_at_most() {
    on_both(async |db: &TestDb| {
        for (row, fault, store) in cases(db) {
            let name = row.fault;
            let (fake, client) = filled().await;
            let of_type = || store.backfill(&client).types(["customer"]);
            let (server, once) = (Arc::clone(&fake), fault.clone());
            let run = of_type().on_event(after_a_page(move || server.fail_next(once.clone())));
            let first = run.run().await;
            assert_eq!(
                first.as_ref().is_ok_and(BackfillReport::is_complete),
                row.is_mended,
                "{name}: {first:?}"
            );
            let asked = customers_asked(&fake.received());
            if !row.is_mended {
                assert_eq!(asked.len(), 2, "{name}");
                assert!(of_type().run().await.unwrap().is_complete(), "{name}");
            }
            assert_has_all(&store, &fake, CUSTOMERS, "customer", name).await;
            // Three pages, and that which was hit once more.
            let asked = customers_asked(&fake.received());
            assert_eq!(
                asked.len(),
                3 + usize::from(row.told.is_some()),
                "{name}: {asked:?}"
            );
        }
    })
    .await;
}

#[tokio::test]
async fn a_list_that_fails_for_good_is_named_and_the_next_run_goes_on_where_it_was() {
    on_both(async |db: &TestDb| {
        for (row, fault, store) in cases(db) {
            let name = row.fault;
            let (fake, client) = filled().await;
            let of_types = || store.backfill(&client).types(["customer", "coupon"]);
            let server = Arc::clone(&fake);
            let run = of_types().on_event(after_a_page(move || {
                server.fail_path(CUSTOMERS, Some(fault.clone()));
            }));
            match run.run().await {
                Ok(report) => {
                    let customers = list(&report, CUSTOMERS);
                    assert_eq!(told(customers).as_deref(), row.told, "{name}");
                    assert_eq!(report.is_complete(), row.told.is_none(), "{name}");
                    assert!(list(&report, COUPONS).end.is_read(), "{name}");
                    assert_has_all(&store, &fake, COUPONS, "coupon", name).await;
                    if row.told.is_some() {
                        assert!(matches!(customers.end, ListEnd::Failed(_)), "{name}");
                        assert_eq!((customers.pages, customers.objects), (1, 100), "{name}");
                    }
                }
                // A key that is no good is no good for any list.
                Err(error) => assert_eq!(Some(chain(&error).as_str()), row.told, "{name}"),
            }
            fake.fail_path(CUSTOMERS, None);

            let before = fake.received().len();
            let resumed = Arc::new(Mutex::new(false));
            let seen = Arc::clone(&resumed);
            let run = of_types().on_event(move |event| {
                if let BackfillEvent::Begun {
                    list, is_resumed, ..
                } = event
                    && is_at(list, CUSTOMERS)
                {
                    *seen.lock().unwrap() = *is_resumed;
                }
            });
            let report = run.run().await.unwrap();
            assert!(report.is_complete(), "{name}: {report:?}");
            assert_eq!(*resumed.lock().unwrap(), row.told.is_some(), "{name}");
            assert_has_all(&store, &fake, CUSTOMERS, "customer", name).await;
            assert_has_all(&store, &fake, COUPONS, "coupon", name).await;
            if row.told.is_some() {
                let asked = customers_asked(&fake.received()[before..]);
                let rest = ["cus_0130", "cus_0030"].map(|id| Some(id.to_owned()));
                assert_eq!(asked, rest, "{name}");
            }
        }
    })
    .await;
}

#[tokio::test]
async fn a_list_that_fails_from_its_first_page_on_is_never_counted_as_done() {
    on_both(async |db: &TestDb| {
        for (row, fault, store) in cases(db) {
            let name = row.fault;
            let (fake, client) = filled().await;
            fake.fail_path(CUSTOMERS, Some(fault));
            let of_types = || store.backfill(&client).types(["customer", "coupon"]);
            let run = of_types().run().await;
            let is_read = run
                .as_ref()
                .is_ok_and(|it| list(it, CUSTOMERS).end.is_read());
            assert_eq!(is_read, row.told.is_none(), "{name}");
            if let Ok(report) = &run {
                // What a key may not read is no failure.
                let is_skipped = matches!(
                    list(report, CUSTOMERS).end,
                    ListEnd::Skipped(SkipReason::NotPermitted(_))
                );
                assert_eq!(is_skipped, name == "403", "{name}");
                assert_eq!(report.is_complete(), is_read || is_skipped, "{name}");
                assert!(list(report, COUPONS).end.is_read(), "{name}");
            }
            fake.fail_path(CUSTOMERS, None);
            let before = fake.received().len();
            assert!(of_types().run().await.unwrap().is_complete(), "{name}");
            let received = &fake.received()[before..];
            if row.told.is_some() {
                // As if it had never been asked for: whole.
                assert_eq!(customers_asked(received).len(), 3, "{name}");
                let is_partial = |request: &Received| {
                    request.path == CUSTOMERS && request.param("created[gte]").is_some()
                };
                assert!(!received.iter().any(is_partial), "{name}");
            }
            assert_has_all(&store, &fake, CUSTOMERS, "customer", name).await;
        }
    })
    .await;
}

#[tokio::test]
async fn an_answer_without_a_date_is_not_stored_and_the_list_named() {
    on_both(async |db: &TestDb| {
        let ((fake, client), store) = (filled().await, db.store().test_mode());
        fake.set_date(None);
        let of_types = || store.backfill(&client).types(["customer"]);
        let report = of_types().run().await.unwrap();
        assert_eq!(
            told(list(&report, CUSTOMERS)).as_deref(),
            Some(
                "/v1/customers: Stripe's answer with customer cus_0229 has no Date, so when it was made is not known; \
                 see whether a proxy changes Stripe's answers, and run it again"
            )
        );
        assert!(!report.is_complete());
        fake.set_date(Some("Tue, 14 Nov 2023 22:13:20 GMT"));
        assert!(of_types().run().await.unwrap().is_complete());
        assert_has_all(&store, &fake, CUSTOMERS, "customer", "no date").await;
    })
    .await;
}

/// Sends the same operation with the same key.
async fn create(store: &Store, client: &Client) -> Result<String, Error> {
    let create = CreateCustomer::new().email("ada@example.com");
    let call = client.call(create).idempotency_key("k");
    let call = call.account(store.scope().account().unwrap());
    Ok(store.send(call).await?.id().to_owned())
}

/// Asserts that what was made is made once, and here.
async fn assert_made(store: &Store, fake: &Fake, name: &str) {
    assert_eq!((fake.effects("k"), fake.all_effects()), (1, 1), "{name}");
    assert_eq!(fake.count(CUSTOMERS), 1, "{name}");
    assert_has_all(store, fake, CUSTOMERS, "customer", name).await;
}

/// Asserts that an error says of what it asked for no less than is true.
fn assert_says_it(error: &Error, fake: &Fake, name: &str) -> String {
    let Error::Client(error) = error else {
        panic!("{name}: {error:?}")
    };
    let text = chain(error);
    assert_eq!(
        text.contains("it may have been carried out"),
        error.is_uncertain(),
        "{name}: {text}"
    );
    assert!(fake.all_effects() == 0 || error.is_uncertain(), "{name}");
    // What Stripe looked at and refused was certainly not done.
    let is_refusal = matches!(error, ClientError::Api(api) if matches!(api.status(), 400..=404));
    assert!(!(is_refusal && error.is_uncertain()), "{name}");
    text
}

#[tokio::test]
async fn an_operation_has_one_effect_at_most_and_its_error_says_whether_it_may_have_had_it() {
    on_both(async |db: &TestDb| {
        for (row, fault, store) in cases(db) {
            let name = row.fault;
            let (fake, client) = pair().await;
            fake.fail_next(fault.clone());
            match create(&store, &client).await {
                Ok(id) => assert_eq!(fake.objects(CUSTOMERS)[0]["id"], id, "{name}"),
                Err(error) => {
                    assert!(!row.is_mended, "{name}: {error:?}");
                    assert_says_it(&error, &fake, name);
                    create(&store, &client).await.unwrap();
                }
            }
            assert_made(&store, &fake, name).await;
        }
    })
    .await;
}

#[tokio::test]
async fn an_operation_that_fails_for_good_can_be_sent_again_with_its_key() {
    on_both(async |db: &TestDb| {
        for (row, fault, store) in cases(db) {
            let name = row.fault;
            let (fake, client) = pair().await;
            fake.fail_always(Some(fault));
            let sent = create(&store, &client).await;
            let said = sent
                .as_ref()
                .err()
                .map(|error| assert_says_it(error, &fake, name));
            assert_eq!(said.as_deref(), row.of_post, "{name}");
            assert!(fake.effects("k") <= 1, "{name}");
            fake.fail_always(None);
            create(&store, &client).await.unwrap();
            assert_made(&store, &fake, name).await;
        }
    })
    .await;
}
