//! When requests are sent again, and when not.

use std::time::{Duration, Instant};

use serde_json::json;
use stripe_store::client::{Client, ClientError, RateLimit, RetryPolicy};
use stripe_store::resources::Customer;
use stripe_store_tests::fake::{Fake, Fault, Reply};

use super::{KEY, builder, fake, key, pair};

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// How many requests were sent for one that the fake answers with `reply` and then well.
async fn sent(reply: Reply) -> usize {
    let (fake, client) = pair().await;
    fake.fail_next(Fault::Instead(reply));
    let _ = client.create::<Customer>().send().await;
    fake.received().len()
}

#[tokio::test]
async fn stripe_should_retry_decides_where_it_is_said() {
    let says = |status, value| Reply::error(status).with_header("stripe-should-retry", value);
    assert_eq!(sent(says(500, "false")).await, 1);
    assert_eq!(sent(says(409, "false")).await, 1);
    assert_eq!(sent(says(400, "true")).await, 2);
    assert_eq!(sent(says(402, "true")).await, 2);
    assert_eq!(sent(Reply::error(500)).await, 2);
    for status in [400, 401, 402, 403, 404] {
        assert_eq!(sent(Reply::error(status)).await, 1, "{status}");
    }
}

#[tokio::test]
async fn retry_after_is_waited_for_and_when_it_is_too_long_the_error_comes_at_once() {
    let fake = fake().await;
    let client = builder(&fake, key(KEY)).build().unwrap();
    fake.fail_next(Fault::too_many("1"));
    let start = Instant::now();
    client.create::<Customer>().send().await.unwrap();
    assert!(start.elapsed() >= millis(1000), "{:?}", start.elapsed());

    let client = builder(&fake, key(KEY)).build().unwrap();
    fake.fail_next(Fault::too_many("3600"));
    let start = Instant::now();
    let error = client.create::<Customer>().send().await.unwrap_err();
    assert_eq!(error.status(), Some(429));
    // Nor does it hold up the others.
    client.create::<Customer>().send().await.unwrap();
    assert!(
        start.elapsed() < Duration::from_secs(30),
        "{:?}",
        start.elapsed()
    );
}

#[tokio::test]
async fn no_try_begins_past_the_deadline() {
    let (fake, client) = pair().await;
    let slow = RetryPolicy::new()
        .with_max_retries(1000)
        .with_delays(millis(40), millis(40));
    let deadline = millis(300);
    let timed = async |client: &Client| {
        let start = Instant::now();
        let call = client.create::<Customer>().retry(slow).deadline(deadline);
        let error = call.send().await.unwrap_err();
        (error, start.elapsed())
    };

    // The last try may have been cut short, if it was under way when time was up.
    fake.fail_always(Some(Fault::status(503)));
    let (error, took) = timed(&client).await;
    assert!(
        matches!(error.status(), Some(503) | None) && error.is_transient(),
        "{error}"
    );
    assert!(took < deadline * 3, "{took:?}");
    assert!(fake.received().len() > 2);

    // An answer that comes later is not waited for.
    fake.fail_always(Some(Fault::Slow(Duration::from_secs(30))));
    let (error, took) = timed(&client).await;
    assert!(
        matches!(error, ClientError::Timeout { attempts: 1, .. }),
        "{error}"
    );
    assert!(took >= deadline && took < deadline * 3, "{took:?}");

    // What Stripe asks for is longer than there is time.
    fake.fail_always(Some(Fault::too_many("1")));
    let (error, took) = timed(&client).await;
    assert_eq!(error.status(), Some(429));
    assert!(took < deadline * 3, "{took:?}");
}

#[tokio::test]
async fn a_turn_that_does_not_come_in_time_sends_nothing() {
    let fake = fake().await;
    let limit = RateLimit::per_second(1).with_burst(1);
    let client = builder(&fake, key(KEY)).rate_limit(limit).build().unwrap();
    client.list::<Customer>().page().await.unwrap();
    let error = client
        .create::<Customer>()
        .deadline(millis(50))
        .send()
        .await
        .unwrap_err();
    assert!(
        matches!(error, ClientError::Timeout { attempts: 0, .. }),
        "{error}"
    );
    assert_eq!(fake.received().len(), 1);
}

/// How long `count` requests take, all begun together.
async fn together(client: &Client, count: usize) -> Duration {
    let start = Instant::now();
    let requests = (0..count).map(|_| async { client.list::<Customer>().page().await.unwrap() });
    futures_util::future::join_all(requests).await;
    start.elapsed()
}

#[tokio::test]
async fn requests_past_the_limit_wait_for_their_turn() {
    let fake = fake().await;
    let limit = RateLimit::per_second(50).with_burst(5);
    let client = builder(&fake, key(KEY)).rate_limit(limit).build().unwrap();
    let other_handle = client.account("acct_1");
    let (one, two) = tokio::join!(together(&client, 8), together(&other_handle, 7));
    let took = one.max(two);
    assert!(took >= millis(190), "10 of 15 wait 20 ms each: {took:?}");
    assert_eq!(fake.received().len(), 15);
}

#[tokio::test]
async fn a_refusal_for_the_rate_makes_all_handles_pause() {
    let fake: Fake = fake().await;
    let client = builder(&fake, key(KEY)).build().unwrap();
    fake.fail_next(Fault::too_many("1"));
    let first = client.create::<Customer>();
    let start = Instant::now();
    let (made, took) = tokio::join!(first.send(), async {
        while fake.received().is_empty() {
            tokio::task::yield_now().await;
        }
        // The refusal is on its way; a request after it waits with the first.
        tokio::time::sleep(millis(100)).await;
        client.list::<Customer>().page().await.unwrap();
        start.elapsed()
    });
    made.unwrap();
    assert!(took >= millis(1000), "{took:?}");
}

#[tokio::test]
async fn retries_can_be_set_for_a_client_and_for_a_call() {
    let fake = fake().await;
    let client = builder(&fake, key(KEY))
        .retry(RetryPolicy::none())
        .build()
        .unwrap();
    fake.fail_always(Some(Fault::status(503)));
    client.create::<Customer>().send().await.unwrap_err();
    assert_eq!(fake.received().len(), 1);
    let twice = RetryPolicy::new()
        .with_max_retries(2)
        .with_delays(millis(1), millis(1));
    let error = client
        .create::<Customer>()
        .retry(twice)
        .send()
        .await
        .unwrap_err();
    assert_eq!(
        (error.api().unwrap().attempts(), fake.received().len()),
        (3, 4)
    );
}

#[tokio::test]
async fn a_replayed_error_of_the_card_is_not_asked_for_again() {
    let (fake, client) = pair().await;
    let declined = Reply::json(
        402,
        &json!({"error": {"type": "card_error", "code": "card_declined"}}),
    );
    fake.fail_next(Fault::Instead(
        declined.with_header("idempotent-replayed", "true"),
    ));
    let error = client.create::<Customer>().send().await.unwrap_err();
    assert_eq!((error.status(), fake.received().len()), (Some(402), 1));
}
