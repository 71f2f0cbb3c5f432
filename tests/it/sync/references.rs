//! What an object refers to comes with it, when that is asked for.

use serde_json::json;
use stripe_store::resources::{Charge, Customer, PaymentIntent};
use stripe_store_tests::fake::Fault;
use stripe_store_tests::{TestDb, on_both};

use super::{pair, test};

#[tokio::test]
async fn c039_a_charge_brings_what_it_refers_to_and_what_that_refers_to() {
    on_both(async |db: &TestDb| {
        let ((fake, client), store) = (pair().await, test(db));
        let charge = json!({
            "id": "ch_1", "object": "charge", "customer": "cus_1", "payment_intent": "pi_1",
            "balance_transaction": null, "livemode": false,
        });
        fake.add("/v1/charges", charge);
        fake.add("/v1/customers", json!({"id": "cus_1", "object": "customer", "livemode": false}));
        let intent = json!({
            "id": "pi_1", "object": "payment_intent", "latest_charge": "ch_1", "customer": "cus_1",
            "payment_method": "pm_1", "review": "prv_gone", "livemode": false,
        });
        fake.add("/v1/payment_intents", intent);
        let method = json!({"id": "pm_1", "object": "payment_method", "customer": "cus_1", "livemode": false});
        fake.add("/v1/payment_methods", method);

        let charge = store.retrieve::<Charge>(&client, "ch_1").await.unwrap();
        assert!(store.get::<Customer>("cus_1").await.unwrap().is_none());
        let found = store.retrieve_references(&client, &charge, 100).await.unwrap();
        assert_eq!(found.retrieved, 3);
        let [(gone, Some(error))] = found.missing.as_slice() else {
            panic!("{found:?}");
        };
        assert_eq!(gone.id, "prv_gone");
        assert!(error.to_string().contains("No such"), "{error}");
        assert!(store.get::<Customer>("cus_1").await.unwrap().is_some());
        let intent = store.get::<PaymentIntent>("pi_1").await.unwrap();
        assert_eq!(intent.unwrap().payment_method().unwrap().id(), "pm_1");

        // What is here is not asked for again.
        let before = fake.received().len();
        let again = store.retrieve_references(&client, &charge, 100).await.unwrap();
        assert_eq!((again.retrieved, again.is_complete()), (0, true));
        assert_eq!(fake.received().len(), before);
    })
    .await;
}

#[tokio::test]
async fn c040_a_circle_ends_and_each_object_is_asked_for_once() {
    on_both(async |db: &TestDb| {
        let ((fake, client), store) = (pair().await, test(db));
        for (one, other) in [("ch_1", "pi_1"), ("ch_2", "pi_2"), ("ch_3", "pi_1")] {
            let charge = json!({"id": one, "object": "charge", "payment_intent": other, "livemode": false});
            fake.add("/v1/charges", charge);
        }
        for (one, other) in [("pi_1", "ch_2"), ("pi_2", "ch_1")] {
            let intent = json!({"id": one, "object": "payment_intent", "latest_charge": other, "livemode": false});
            fake.add("/v1/payment_intents", intent);
        }
        let charge = store.retrieve::<Charge>(&client, "ch_1").await.unwrap();
        let found = store.retrieve_references(&client, &charge, 100).await.unwrap();
        assert_eq!((found.retrieved, found.is_complete()), (3, true));
        let mut asked: Vec<_> = fake.received().into_iter().map(|request| request.path).collect();
        assert_eq!(asked.len(), 4);
        asked.sort();
        asked.dedup();
        assert_eq!(asked.len(), 4);
    })
    .await;
}

#[tokio::test]
async fn the_limit_holds_and_a_key_that_is_refused_ends_it() {
    on_both(async |db: &TestDb| {
        let ((fake, client), store) = (pair().await, test(db));
        let charge = json!({"id": "ch_1", "object": "charge", "customer": "cus_1", "payment_intent": "pi_1"});
        fake.add("/v1/charges", charge);
        fake.add("/v1/customers", json!({"id": "cus_1", "object": "customer"}));
        fake.add("/v1/payment_intents", json!({"id": "pi_1", "object": "payment_intent"}));
        let charge = store.retrieve::<Charge>(&client, "ch_1").await.unwrap();
        let found = store.retrieve_references(&client, &charge, 1).await.unwrap();
        assert_eq!((found.retrieved, found.missing.len()), (1, 1));
        fake.fail_always(Some(Fault::status(401)));
        assert!(store.retrieve_references(&client, &charge, 5).await.is_err());
    })
    .await;
}
