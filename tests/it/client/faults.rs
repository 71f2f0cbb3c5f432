//! Every fault of the network, and what it does: nothing twice, nothing lost.

use std::time::Duration;

use serde_json::json;
use stripe_store::client::RetryPolicy;
use stripe_store::resources::Customer;
use stripe_store_tests::fake::Fault;

use super::pair;

/// Every way to fail, that a later try may mend.
fn faults() -> Vec<(&'static str, Fault)> {
    vec![
        ("429", Fault::too_many("0")),
        ("409", Fault::status(409)),
        ("500", Fault::status(500)),
        ("503", Fault::status(503)),
        ("a proxy's page", Fault::html(502)),
        ("lost before", Fault::LostBefore),
        ("lost after", Fault::LostAfter),
        ("cut in the middle", Fault::CutBody),
        ("too slow", Fault::Slow(Duration::from_mins(1))),
        ("half of the JSON", Fault::Truncated),
    ]
}

#[tokio::test]
async fn no_fault_makes_a_post_take_effect_twice_or_not_at_all() {
    for (name, fault) in faults() {
        let (fake, client) = pair().await;
        fake.fail_next(fault);
        let call = client
            .create::<Customer>()
            .param("email", "ada@example.com");
        let made = call.timeout(Duration::from_secs(1)).send().await;
        let made = made.unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(made.email(), Some("ada@example.com"), "{name}");
        assert_eq!(made.response().attempts(), 2, "{name}");
        let [first, second] = fake.received().try_into().unwrap();
        let key = first.header("idempotency-key").unwrap();
        assert_eq!(second.header("idempotency-key"), Some(key), "{name}");
        assert_eq!(first.body, second.body, "{name}");
        assert_eq!((fake.effects(key), fake.all_effects()), (1, 1), "{name}");
        assert_eq!(fake.count("/v1/customers"), 1, "{name}");
    }
}

#[tokio::test]
async fn several_faults_in_a_row_make_no_difference() {
    let (fake, client) = pair().await;
    for (_, fault) in faults() {
        fake.fail_next(fault);
    }
    let policy = RetryPolicy::new()
        .with_max_retries(20)
        .with_delays(Duration::from_millis(1), Duration::from_millis(2));
    let call = client
        .create::<Customer>()
        .timeout(Duration::from_secs(1))
        .retry(policy);
    let made = call.send().await.unwrap();
    assert_eq!(made.response().attempts(), 11);
    assert_eq!((fake.all_effects(), fake.count("/v1/customers")), (1, 1));
}

#[tokio::test]
async fn a_post_without_a_key_is_never_sent_twice() {
    for (name, fault) in faults() {
        let (fake, client) = pair().await;
        fake.fail_always(Some(fault));
        let call = client.create::<Customer>().without_idempotency_key();
        let error = call.timeout(Duration::from_secs(1)).send().await;
        let error = error
            .err()
            .unwrap_or_else(|| panic!("{name} went unnoticed"));
        assert!(error.is_transient(), "{name}: {error}");
        assert_eq!(fake.received().len(), 1, "{name}");
    }
}

#[tokio::test]
async fn every_fault_that_lasts_is_an_error_that_says_what_it_was() {
    let expected = [
        "Stripe refused POST /v1/customers with 429 invalid_request_error/rate_limit: Too many requests [req_4], and it may have been carried out",
        "Stripe refused POST /v1/customers with 409 invalid_request_error/lock_timeout: This object cannot be accessed right now [req_4], and it may have been carried out",
        "Stripe refused POST /v1/customers with 500 api_error: Something went wrong on our end [req_4], and it may have been carried out",
        "Stripe refused POST /v1/customers with 503 api_error: Something went wrong on our end [req_4], and it may have been carried out",
        "the answer to POST /v1/customers, with status 502, is text/html; charset=utf-8 instead of JSON (without a request id: was it a proxy that answered?), and it may have been carried out",
        "no answer to POST /v1/customers after 4 tries, and it may have been carried out",
        "no answer to POST /v1/customers after 4 tries, and it may have been carried out",
        "no answer to POST /v1/customers after 4 tries, and it may have been carried out",
        "POST /v1/customers took longer than 300 ms, after 4 tries, and it may have been carried out",
        "the answer to POST /v1/customers, with status 200, ends before its JSON does [req_4], and it may have been carried out",
    ];
    for ((name, fault), expected) in faults().into_iter().zip(expected) {
        let (fake, client) = pair().await;
        fake.fail_always(Some(fault));
        let call = client
            .create::<Customer>()
            .timeout(Duration::from_millis(300));
        let error = call.send().await.unwrap_err();
        assert_eq!(error.to_string(), expected, "{name}");
        assert_eq!(fake.received().len(), 4, "{name}: one try and three more");
        assert!(fake.all_effects() <= 1, "{name}");
    }
}

#[tokio::test]
async fn reading_and_deleting_are_repeated_without_a_key() {
    for (name, fault) in faults() {
        let (fake, client) = pair().await;
        fake.add(
            "/v1/customers",
            json!({"id": "cus_1", "object": "customer"}),
        );
        fake.fail_next(fault.clone());
        let get = client
            .retrieve::<Customer>("cus_1")
            .timeout(Duration::from_secs(1));
        let read = get
            .send()
            .await
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(
            (read.id(), read.response().attempts()),
            ("cus_1", 2),
            "{name}"
        );
    }
    let (fake, client) = pair().await;
    fake.add(
        "/v1/customers",
        json!({"id": "cus_1", "object": "customer"}),
    );
    fake.fail_next(Fault::LostBefore);
    client.delete::<Customer>("cus_1").send().await.unwrap();
    assert_eq!(fake.all_effects(), 1);
}

#[tokio::test]
async fn a_call_that_is_dropped_leaves_the_client_as_it_was() {
    let (fake, client) = pair().await;
    fake.fail_always(Some(Fault::Slow(Duration::from_mins(1))));
    let create = || client.create::<Customer>().idempotency_key("k").send();
    while fake.received().len() < 20 {
        let cut = tokio::time::timeout(Duration::from_millis(5), create()).await;
        assert!(cut.is_err(), "{cut:?}");
    }
    fake.fail_always(None);
    assert!(create().await.unwrap().response().is_replayed());
    assert_eq!((fake.effects("k"), fake.count("/v1/customers")), (1, 1));
}
