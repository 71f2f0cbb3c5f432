//! When an answer was made, by Stripe's clock.

use std::time::Duration;

use serde_json::json;
use stripe_store::client::{Fetched, Meta};
use stripe_store::clock::{Interval, UnixMillis};
use stripe_store::resources::Customer;
use stripe_store::store::{Outcome, Snapshot, Source};
use stripe_store_tests::fake::Fault;
use stripe_store_tests::{TestDb, on_both};

use super::pair;

/// `SECOND` as HTTP writes it, years before the machine's clock.
const DATE: &str = "Tue, 14 Nov 2023 22:13:20 GMT";
const SECOND: i64 = 1_700_000_000;

fn interval(meta: &Meta) -> Interval {
    meta.interval().unwrap()
}

#[tokio::test]
async fn an_answers_interval_begins_before_its_date_by_what_the_request_took_and_ends_with_the_second()
 {
    let (fake, client) = pair().await;
    fake.set_date(Some(DATE));
    fake.add(
        "/v1/customers",
        json!({"id": "cus_1", "object": "customer"}),
    );
    let get = || client.retrieve::<Customer>("cus_1").send();
    let quick = get().await.unwrap();
    let meta = quick.response().meta();
    assert_eq!(meta.date(), Some(Interval::second(SECOND)));
    assert_eq!(interval(meta).end(), UnixMillis::from_seconds(SECOND + 1));
    let before = SECOND * 1000 - interval(meta).start().as_millis();
    assert!((1..5000).contains(&before), "{before}");

    fake.fail_next(Fault::Slow(Duration::from_millis(300)));
    let slow = get().await.unwrap();
    let before = SECOND * 1000 - interval(slow.response()).start().as_millis();
    assert!((300..5000).contains(&before), "{before}");

    // The time of a try that failed is none of the answer's.
    fake.fail_next(Fault::Slow(Duration::from_mins(1)));
    let again = client
        .retrieve::<Customer>("cus_1")
        .timeout(Duration::from_secs(1))
        .send()
        .await
        .unwrap();
    assert_eq!(again.response().attempts(), 2);
    let before = SECOND * 1000 - interval(again.response()).start().as_millis();
    assert!((1..1000).contains(&before), "{before}");
}

#[tokio::test]
async fn a_replay_is_as_old_as_the_first_try_and_of_unknown_age_when_that_was_in_another_call() {
    let (fake, client) = pair().await;
    fake.set_date(Some(DATE));
    fake.fail_next(Fault::Slow(Duration::from_mins(1)));
    let made = client
        .create::<Customer>()
        .timeout(Duration::from_secs(1))
        .send()
        .await
        .unwrap();
    assert!(made.response().is_replayed());
    let before = SECOND * 1000 - interval(made.response()).start().as_millis();
    assert!(before >= 1000, "{before}");

    let create = || client.create::<Customer>().idempotency_key("k").send();
    let first: Fetched<Customer> = create().await.unwrap();
    assert!(!first.response().is_replayed() && first.response().interval().is_some());
    let second = create().await.unwrap();
    assert_eq!(second.id(), first.id());
    assert!(second.response().is_replayed());
    assert_eq!(second.response().interval(), None);
    assert_eq!(second.response().date(), Some(Interval::second(SECOND)));
}

#[tokio::test]
async fn without_a_date_there_is_no_interval() {
    let (fake, client) = pair().await;
    fake.set_date(None);
    let page = client.list::<Customer>().page().await.unwrap();
    assert_eq!((page.meta().date(), page.meta().interval()), (None, None));
}

#[tokio::test]
async fn what_was_fetched_can_be_stored_as_of_stripes_clock() {
    let (fake, client) = pair().await;
    fake.set_date(Some(DATE));
    let text = "{\"id\": \"cus_1\", \"object\": \"customer\", \"livemode\": false, \"email\": \"ada@example.com\"}";
    fake.add("/v1/customers", serde_json::from_str(text).unwrap());
    on_both(async |db: &TestDb| {
        let store = db.store().test_mode();
        let customer = client.retrieve::<Customer>("cus_1").send().await.unwrap();
        let meta = customer.response().meta();
        let source = Source::request(meta.request_id().unwrap().as_str());
        let snapshot = Snapshot::read(customer.json())
            .unwrap()
            .taken(meta.interval().unwrap(), source.clone());
        assert_eq!(store.write(&[snapshot]).await.unwrap(), [Outcome::Inserted]);
        let stored = store.get::<Customer>("cus_1").await.unwrap().unwrap();
        assert_eq!(stored.email(), Some("ada@example.com"));
        assert_eq!(stored.as_of(), meta.interval().unwrap());
        assert_eq!(stored.row().source(), &source);
    })
    .await;
}
