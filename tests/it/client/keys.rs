//! Secret keys and idempotency keys.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use serde_json::json;
use stripe_store::Store;
use stripe_store::client::{
    ApiError, Client, ClientError, IdempotencyKey, IdempotencyKeys, KEY_LIFETIME, KeysInMemory,
    Mode, Purpose, SecretKeys,
};
use stripe_store::clock::{Clock, UnixMillis};
use stripe_store::resources::Customer;
use stripe_store_tests::fake::{Fault, Reply};
use stripe_store_tests::{TestDb, on_both};

use super::{KEY, builder, fake, key, pair};

/// A clock that a test moves.
#[derive(Debug, Clone, Default)]
struct Hand(Arc<AtomicI64>);

impl Clock for Hand {
    fn now(&self) -> UnixMillis {
        UnixMillis::from_seconds(self.0.load(Ordering::Relaxed))
    }
}

#[tokio::test]
async fn c026_a_request_takes_its_own_key_then_the_accounts_then_the_modes_then_the_plain_one() {
    let fake = fake().await;
    let keys = SecretKeys::new(key("sk_plain"))
        .with_mode_key(key("sk_live_1"))
        .with_mode_key(key("sk_test_1"))
        .with_account_key("acct_1", key("sk_live_own"));
    let client = builder(&fake, keys).build().unwrap();
    let sent = async |call: stripe_store::client::Call<_>| {
        let _: stripe_store::client::Page<Customer> = call.page().await.unwrap();
        let request = fake.last();
        let key = request
            .header("authorization")
            .unwrap()
            .replace("Bearer ", "");
        (key, request.header("stripe-account").map(str::to_owned))
    };
    let list = |client: &Client| client.list::<Customer>();
    assert_eq!(sent(list(&client)).await, ("sk_plain".to_owned(), None));
    assert_eq!(sent(list(&client.mode(Mode::Live))).await.0, "sk_live_1");
    assert_eq!(
        sent(list(&client.mode(Mode::Live)).mode(Mode::Test))
            .await
            .0,
        "sk_test_1"
    );
    // Its own key: there is no account to name.
    assert_eq!(
        sent(list(&client.account("acct_1"))).await,
        ("sk_live_own".to_owned(), None)
    );
    let other = sent(list(&client.account("acct_2")).mode(Mode::Test)).await;
    assert_eq!(other, ("sk_test_1".to_owned(), Some("acct_2".to_owned())));
    let own = sent(list(&client.account("acct_1")).secret_key(key("sk_call"))).await;
    assert_eq!(own, ("sk_call".to_owned(), Some("acct_1".to_owned())));
}

#[tokio::test]
async fn a_test_key_is_not_taken_for_live_mode() {
    let (fake, client) = pair().await;
    let error = client
        .mode(Mode::Live)
        .create::<Customer>()
        .send()
        .await
        .unwrap_err();
    assert!(
        matches!(
            error,
            ClientError::NoKey {
                mode: Mode::Live,
                ..
            }
        ),
        "{error}"
    );
    assert_eq!(fake.received().len(), 0);
}

#[tokio::test]
async fn c029_a_given_key_is_sent_and_a_post_without_one_gets_its_own() {
    let (fake, client) = pair().await;
    client
        .create::<Customer>()
        .idempotency_key("order-42")
        .send()
        .await
        .unwrap();
    assert_eq!(fake.last().header("idempotency-key"), Some("order-42"));
    let sent = async || {
        client.create::<Customer>().send().await.unwrap();
        fake.last().header("idempotency-key").unwrap().to_owned()
    };
    let (one, two) = (sent().await, sent().await);
    assert_eq!(one.len(), 32);
    assert_ne!(one, two);
    client.list::<Customer>().page().await.unwrap();
    assert_eq!(fake.last().header("idempotency-key"), None);
    client
        .create::<Customer>()
        .without_idempotency_key()
        .send()
        .await
        .unwrap();
    assert_eq!(fake.last().header("idempotency-key"), None);
}

#[tokio::test]
async fn c030_a_kept_key_is_one_for_each_type_action_mode_and_account() {
    let clock = Hand::default();
    keeps(Arc::new(KeysInMemory::with_clock(clock.clone())), &clock).await;
    on_both(async |db: &TestDb| {
        let clock = Hand::default();
        let store = db.store().clone().with_clock(clock.clone());
        keeps(Arc::new(store), &clock).await;
    })
    .await;
}

/// Whether a place keeps keys as it has to.
async fn keeps(kept: Arc<dyn IdempotencyKeys>, clock: &Hand) {
    let fake = fake().await;
    let keys = SecretKeys::new(key("sk_1"))
        .with_mode_key(key("sk_live_1"))
        .with_mode_key(key("sk_test_1"));
    let client = builder(&fake, keys)
        .kept_keys(kept.clone())
        .build()
        .unwrap();
    let sent = async |client: &Client, object: &str, action: &str| {
        let call = client.create::<Customer>().kept_key(object, action);
        call.send().await.unwrap();
        fake.last().header("idempotency-key").unwrap().to_owned()
    };
    let (test, live) = (client.mode(Mode::Test), client.mode(Mode::Live));
    let first = sent(&test, "customer", "create:42").await;
    assert_eq!(sent(&test, "customer", "create:42").await, first);
    for other in [
        sent(&live, "customer", "create:42").await,
        sent(&test, "customer", "create:43").await,
        sent(&test, "plan", "create:42").await,
        sent(&test.account("acct_1"), "customer", "create:42").await,
    ] {
        assert_ne!(other, first);
    }

    // A day later it is another, as Stripe may have forgotten the first.
    clock.0.store(24 * 60 * 60, Ordering::Relaxed);
    assert_eq!(sent(&test, "customer", "create:42").await, first);
    clock.0.store(24 * 60 * 60 + 1, Ordering::Relaxed);
    let second = sent(&test, "customer", "create:42").await;
    assert_ne!(second, first);
    let cleared = client.kept_keys().clear_older_than(KEY_LIFETIME).await;
    assert_eq!(cleared.unwrap(), 4, "all but the new one");
    assert_eq!(sent(&test, "customer", "create:42").await, second);

    let purpose = Purpose::new("customer", "create:42").with_mode(Some(Mode::Test));
    client.kept_keys().forget(&purpose).await.unwrap();
    assert_ne!(sent(&test, "customer", "create:42").await, second);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_processes_that_begin_the_same_both_get_one_key() {
    on_both(async |db: &TestDb| {
        let purpose = Purpose::new("customer", "create:42");
        let keep = |store: Store, text: String| {
            let purpose = purpose.clone();
            tokio::spawn(async move {
                let fresh = IdempotencyKey::new(text).unwrap();
                store.keep(&purpose, fresh).await.unwrap()
            })
        };
        let other = db.connect().await;
        let mut begun = Vec::new();
        for n in 0..10 {
            begun.push(keep(db.store().clone(), format!("a{n}")));
            begun.push(keep(other.clone(), format!("b{n}")));
        }
        let mut kept = Vec::new();
        for key in begun {
            kept.push(key.await.unwrap());
        }
        kept.dedup();
        assert_eq!(kept.len(), 1, "{kept:?}");
    })
    .await;
}

/// A place that cannot be reached.
#[derive(Debug)]
struct Broken;

impl IdempotencyKeys for Broken {
    fn keep<'a>(
        &'a self,
        _: &'a Purpose,
        _: IdempotencyKey,
    ) -> stripe_store::client::KeyFuture<'a, IdempotencyKey> {
        Box::pin(async { Err("no database".into()) })
    }

    fn forget<'a>(&'a self, _: &'a Purpose) -> stripe_store::client::KeyFuture<'a, ()> {
        Box::pin(async { Err("no database".into()) })
    }

    fn clear_older_than(&self, _: Duration) -> stripe_store::client::KeyFuture<'_, u64> {
        Box::pin(async { Err("no database".into()) })
    }
}

#[tokio::test]
async fn nothing_is_sent_when_the_key_cannot_be_kept() {
    let fake = fake().await;
    let client = builder(&fake, key(KEY))
        .kept_keys(Arc::new(Broken))
        .build()
        .unwrap();
    let error = client
        .create::<Customer>()
        .kept_key("customer", "create:42")
        .send()
        .await
        .unwrap_err();
    assert!(
        matches!(error, ClientError::KeyNotKept { .. }) && error.is_transient(),
        "{error}"
    );
    assert_eq!(fake.received().len(), 0);
}

#[tokio::test]
async fn no_key_is_ever_printed() {
    let (fake, client) = pair().await;
    let echo = json!({"error": {
        "type": "invalid_request_error", "message": format!("Invalid API Key provided: {KEY}"), "key": [KEY],
    }});
    fake.fail_next(Fault::Instead(Reply::json(401, &echo)));
    let refused = client
        .create::<Customer>()
        .param("email", "private@example.com")
        .send()
        .await
        .unwrap_err();
    fake.fail_next(Fault::Instead(Reply::text(200, KEY)));
    let unusable = client.create::<Customer>().send().await.unwrap_err();
    let page = fake.received().len();
    let call = client
        .create::<Customer>()
        .param("email", "private@example.com")
        .secret_key(key(KEY));
    let mut printed = vec![
        format!("{client:?}"),
        format!("{call:?}"),
        format!("{:?}", builder(&fake, key(KEY))),
        format!("{refused:?} {refused}"),
        format!("{unusable:?} {unusable}"),
        refused.api().map(ApiError::body).unwrap().to_owned(),
        refused.api().unwrap().details().to_string(),
        page.to_string(),
    ];
    if let ClientError::Unusable(response) = &unusable {
        printed.push(response.body().to_owned());
        assert_eq!(response.body(), "[redacted]");
    }
    for text in printed {
        assert!(
            !text.contains("Abc123") && !text.contains("private"),
            "{text}"
        );
    }
    assert!(
        refused
            .to_string()
            .contains("Invalid API Key provided: [redacted]"),
        "{refused}"
    );
}
