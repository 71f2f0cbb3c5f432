//! Objects from Stripe into the store, one at a time, on both databases.

mod operations;
mod references;

use std::time::Duration;

use serde_json::{Value, json};
use stripe_store::client::{Client, ClientError, RateLimit, RetryPolicy, SecretKey};
use stripe_store::resources::{API_VERSION, Balance, Customer};
use stripe_store::store::{Interval, Mode, Snapshot, Source};
use stripe_store::{Error, Store, Stored, StripeModel};
use stripe_store_tests::fake::{Fake, Fault, Reply};
use stripe_store_tests::{TestDb, on_both};

#[derive(StripeModel)]
#[stripe(object = Customer, table = "app_customers")]
struct AppCustomer {
    #[stripe(base)]
    customer: Stored<Customer>,
    user_id: Option<i64>,
}

/// A type that nobody can read by its id.
#[derive(StripeModel)]
#[stripe(object = "loyalty.card", view = LoyaltyCard)]
struct LoyaltyCardFields {
    points: i64,
}

async fn pair() -> (Fake, Client) {
    let fake = Fake::start().await.unwrap();
    let millis = Duration::from_millis;
    let client = Client::builder(SecretKey::new("sk_test_Abc123").unwrap())
        .base_url(fake.url())
        .rate_limit(RateLimit::unlimited())
        .retry(RetryPolicy::new().with_delays(millis(1), millis(5)))
        .build()
        .unwrap();
    (fake, client)
}

fn customer(id: &str, email: &str) -> Value {
    json!({"id": id, "object": "customer", "email": email, "livemode": false})
}

fn test(db: &TestDb) -> Store {
    db.store().test_mode()
}

#[tokio::test]
async fn c043_an_object_is_read_written_and_read_anew() {
    on_both(async |db: &TestDb| {
        let ((fake, client), store) = (pair().await, test(db));
        fake.set_date(Some("Tue, 14 Nov 2023 22:13:20 GMT"));
        fake.add("/v1/customers", customer("cus_1", "ada@example.com"));
        let one = store.retrieve::<Customer>(&client, "cus_1").await.unwrap();
        assert_eq!(
            (one.email(), one.api_version()),
            (Some("ada@example.com"), Some(API_VERSION))
        );
        assert!(one.row().source().as_str().starts_with("req_"));
        assert_eq!(one.as_of().end(), Interval::second(1_700_000_000).end());
        assert!(one.as_of().start() < one.as_of().end());

        fake.set_date(Some("Tue, 14 Nov 2023 22:13:30 GMT"));
        client
            .update::<Customer>("cus_1")
            .param("email", "new@example.com")
            .send()
            .await
            .unwrap();
        let one = store.refresh(&client, &one).await.unwrap();
        assert_eq!(one.email(), Some("new@example.com"));
        assert_eq!(
            store
                .get::<Customer>("cus_1")
                .await
                .unwrap()
                .unwrap()
                .email(),
            Some("new@example.com")
        );

        // What the store has from a later second stays.
        let later = customer("cus_1", "later@example.com").to_string();
        let later = Snapshot::read(&later)
            .unwrap()
            .taken(Interval::second(1_800_000_000), Source::event("evt_1"));
        store.write(&[later]).await.unwrap();
        let one = store.refresh(&client, &one).await.unwrap();
        assert_eq!(one.email(), Some("later@example.com"));
    })
    .await;
}

#[tokio::test]
async fn c042_what_is_here_causes_no_call() {
    on_both(async |db: &TestDb| {
        let ((fake, client), store) = (pair().await, test(db));
        fake.add("/v1/customers", customer("cus_1", "ada@example.com"));
        for _ in 0..2 {
            let one = store
                .get_or_retrieve::<Customer>(&client, "cus_1")
                .await
                .unwrap();
            assert_eq!(one.email(), Some("ada@example.com"));
            assert_eq!(fake.received().len(), 1);
        }
        let error = store
            .get_or_retrieve::<Customer>(&client, "cus_2")
            .await
            .unwrap_err();
        assert!(
            matches!(&error, Error::Client(error) if error.is_not_found()),
            "{error:?}"
        );
        assert!(store.get::<Customer>("cus_2").await.unwrap().is_none());
    })
    .await;
}

#[tokio::test]
async fn c021_a_type_without_a_path_is_an_error_and_sends_nothing() {
    on_both(async |db: &TestDb| {
        let ((fake, client), store) = (pair().await, test(db));
        let text = r#"{"id": "loy_1", "object": "loyalty.card", "points": 3}"#;
        let snapshot = Snapshot::read(text)
            .unwrap()
            .taken(Interval::second(1), Source::import());
        store.write(&[snapshot]).await.unwrap();
        let card = store.get::<LoyaltyCard>("loy_1").await.unwrap().unwrap();
        let error = store.refresh(&client, &card).await.unwrap_err();
        assert!(
            matches!(&error, Error::Client(error) if !matches!(error, ClientError::Api(_))),
            "{error:?}"
        );
        assert!(fake.received().is_empty());
    })
    .await;
}

#[tokio::test]
async fn c019_a_call_fills_registered_models_in_its_own_transaction() {
    on_both(async |db: &TestDb| {
        let ((fake, client), store) = (pair().await, test(db));
        AppCustomer::migrate(&store).await.unwrap();
        let store = store.register::<AppCustomer>(|customer| {
            let user = customer
                .metadata()
                .get("user")
                .map(str::parse)
                .transpose()?;
            Ok(Some(AppCustomerOwn { user_id: user }))
        });
        let call = client
            .create::<Customer>()
            .param("email", "ada@example.com")
            .param("metadata", json!({"user": "7"}));
        let made = store.send(call).await.unwrap();
        let one = AppCustomer::find(&store, made.id()).await.unwrap().unwrap();
        assert_eq!(one.user_id, Some(7));

        client
            .update::<Customer>(made.id())
            .param("email", "new@example.com")
            .send()
            .await
            .unwrap();
        let one = one.refresh(&store, &client).await.unwrap().unwrap();
        assert_eq!(
            (one.customer.email(), one.user_id),
            (Some("new@example.com"), Some(7))
        );

        // The hook refuses: Stripe has the object, and the store nothing of it.
        let bad = client
            .create::<Customer>()
            .param("metadata", json!({"user": "x"}));
        assert!(matches!(store.send(bad).await, Err(Error::Store(_))));
        assert_eq!(fake.count("/v1/customers"), 2);
        assert_eq!(
            db.scalar_i64("SELECT count(*) FROM stripe_objects").await,
            Some(1)
        );

        // As Stripe shows a deleted customer.
        client.delete::<Customer>(made.id()).send().await.unwrap();
        assert!(one.refresh(&store, &client).await.unwrap().is_none());
    })
    .await;
}

#[tokio::test]
async fn calls_of_one_second_leave_the_state_of_the_last() {
    on_both(async |db: &TestDb| {
        let ((fake, client), store) = (pair().await, test(db));
        fake.set_date(Some("Tue, 14 Nov 2023 22:13:20 GMT"));
        let made = client.create::<Customer>().param("name", "0");
        let id = store.send(made).await.unwrap().id().to_owned();
        for (slow, name) in [(true, "1"), (false, "2"), (true, "3")] {
            if slow {
                // An answer that took longer has an interval that begins earlier.
                fake.fail_next(Fault::Slow(Duration::from_millis(30)));
            }
            let update = client.update::<Customer>(&id).param("name", name);
            let sent = store.send(update).await.unwrap();
            assert_eq!(sent.name(), Some(name));
            assert!(sent.row().source().order().is_some());
        }
        let read = store.retrieve::<Customer>(&client, &id).await.unwrap();
        assert_eq!(read.name(), Some("3"));
        let open = db
            .scalar_i64("SELECT count(*) FROM stripe_dirty_objects")
            .await;
        assert_eq!(open, Some(0));
    })
    .await;
}

#[tokio::test]
async fn an_answer_that_repeats_an_earlier_one_is_not_taken_for_new() {
    on_both(async |db: &TestDb| {
        let ((fake, client), store) = (pair().await, test(db));
        let call = || {
            client
                .create::<Customer>()
                .param("email", "ada@example.com")
                .idempotency_key("once")
        };
        fake.set_date(Some("Tue, 14 Nov 2023 22:13:20 GMT"));
        let made = store.send(call()).await.unwrap();
        // A later second: within one, time does not tell which came first.
        fake.set_date(Some("Tue, 14 Nov 2023 22:13:30 GMT"));
        client
            .update::<Customer>(made.id())
            .param("email", "new@example.com")
            .send()
            .await
            .unwrap();
        let again = store.send(call()).await.unwrap();
        assert_eq!(
            (again.id(), again.email()),
            (made.id(), Some("new@example.com"))
        );
        assert_eq!(fake.count("/v1/customers"), 1);
        assert_eq!(fake.last().method, "GET");
    })
    .await;
}

#[tokio::test]
async fn each_account_and_mode_has_its_own() {
    on_both(async |db: &TestDb| {
        let ((fake, client), store) = (pair().await, test(db).account("acct_1"));
        fake.add("/v1/customers", customer("cus_1", "ada@example.com"));
        let one = store.retrieve::<Customer>(&client, "cus_1").await.unwrap();
        assert_eq!(fake.last().header("stripe-account"), Some("acct_1"));
        assert_eq!((one.account(), one.livemode()), (Some("acct_1"), false));
        assert!(
            store
                .platform()
                .get::<Customer>("cus_1")
                .await
                .unwrap()
                .is_none()
        );
        // The key is one of test mode, and a handle of live mode has none.
        let live = store
            .mode(Mode::Live)
            .retrieve::<Customer>(&client, "cus_1")
            .await;
        assert!(matches!(live, Err(Error::Client(_))), "{live:?}");
        assert_eq!(fake.received().len(), 1);

        let balance = json!({"object": "balance", "livemode": false, "available": []});
        fake.fail_next(Fault::Instead(Reply::json(200, &balance)));
        let balance = store
            .platform()
            .retrieve::<Balance>(&client, "balance")
            .await
            .unwrap();
        assert_eq!(balance.row().stripe_id(), "balance");
    })
    .await;
}

#[tokio::test]
async fn an_answer_without_a_date_is_not_stored() {
    on_both(async |db: &TestDb| {
        let ((fake, client), store) = (pair().await, test(db));
        fake.add("/v1/customers", customer("cus_1", "ada@example.com"));
        fake.set_date(None);
        let error = store
            .retrieve::<Customer>(&client, "cus_1")
            .await
            .unwrap_err();
        assert_eq!(
            error.to_string(),
            "Stripe's answer with customer cus_1 has no Date, so when it was made is not known"
        );
        assert!(store.get::<Customer>("cus_1").await.unwrap().is_none());
    })
    .await;
}
