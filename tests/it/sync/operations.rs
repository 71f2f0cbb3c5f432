//! Operations sent through the store: what their answers leave in it.

use serde_json::{Value, json};
use stripe_store::Error;
use stripe_store::client::ClientError;
use stripe_store::resources::operations::{
    CancelSubscription, CreateCustomer, CreateCustomerSource, CreateInvoicePreview, DeleteCustomer,
    DeleteCustomerSource, DeleteV2CoreEventDestination, RetrieveCoupon, RetrieveSubscription,
    RetrieveV2CoreEventDestination, UpdateCustomer,
};
use stripe_store::resources::{
    Card, Customer, PaymentSourceVariant, Subscription, SubscriptionStatus, V2CoreEventDestination,
};
use stripe_store::sync::SyncError;
use stripe_store_tests::fake::{Fake, Fault, Reply};
use stripe_store_tests::{TestDb, on_both};

use super::{pair, test};

/// What the next request is answered with.
fn answer(fake: &Fake, body: &Value) {
    fake.fail_next(Fault::Instead(Reply::json(200, body)));
}

/// What the next request is answered with, as the answer to an earlier one of the same idempotency key.
fn repeat(fake: &Fake, body: &Value) {
    let reply = Reply::json(200, body).with_header("Idempotent-Replayed", "true");
    fake.fail_next(Fault::Instead(reply));
}

#[tokio::test]
async fn an_operation_writes_what_it_answers_with() {
    on_both(async |db: &TestDb| {
        let ((fake, client), store) = (pair().await, test(db));
        fake.set_date(Some("Tue, 14 Nov 2023 22:13:20 GMT"));
        let create = CreateCustomer::new()
            .email("ada@example.com")
            .metadata([("tier", "gold")]);
        let made = store.send(client.call(create)).await.unwrap();
        assert_eq!(made.email(), Some("ada@example.com"));

        // A later second: within one, time does not tell which came first.
        fake.set_date(Some("Tue, 14 Nov 2023 22:13:30 GMT"));
        let update = UpdateCustomer::new(made.id()).name("Ada");
        store.send(client.call(update)).await.unwrap();
        let one = store.get::<Customer>(made.id()).await.unwrap().unwrap();
        assert_eq!(
            (one.name(), one.metadata().get("tier")),
            (Some("Ada"), Some("gold"))
        );

        // Of a connected account, and the row is that account's.
        let create = CreateCustomer::new().email("eve@example.com");
        let call = client.call(create).account("acct_1").idempotency_key("k");
        let made = store.send(call).await.unwrap();
        assert_eq!(made.account(), Some("acct_1"));
        assert!(store.get::<Customer>(made.id()).await.unwrap().is_none());
        assert_eq!(fake.count("/v1/customers"), 2);
    })
    .await;
}

#[tokio::test]
async fn an_operation_that_deletes_deletes_the_row_and_keeps_what_was_last_seen() {
    on_both(async |db: &TestDb| {
        let ((fake, client), store) = (pair().await, test(db));
        let create = CreateCustomer::new().email("ada@example.com");
        let made = store.send(client.call(create)).await.unwrap();
        let gone = store.send(client.call(DeleteCustomer::new(made.id())));
        let gone = gone.await.unwrap();
        assert_eq!(
            (gone.id(), gone.email(), gone.is_deleted()),
            (made.id(), Some("ada@example.com"), true)
        );
        assert!(store.get::<Customer>(made.id()).await.unwrap().is_none());
        assert_eq!(fake.count("/v1/customers"), 0);

        // Of one that was not here, only that it is gone.
        let stub = json!({"id": "cus_2", "object": "customer", "deleted": true});
        answer(&fake, &stub);
        let gone = store.send(client.call(DeleteCustomer::new("cus_2"))).await;
        assert!(gone.unwrap().is_deleted());

        // What is canceled is not deleted.
        let canceled = json!({"id": "sub_1", "object": "subscription", "status": "canceled"});
        answer(&fake, &canceled);
        let row = store.send(client.call(CancelSubscription::new("sub_1")));
        assert!(!row.await.unwrap().is_deleted());
        assert!(store.get::<Subscription>("sub_1").await.unwrap().is_some());
    })
    .await;
}

#[tokio::test]
async fn a_deletion_that_only_names_the_object_is_one_all_the_same() {
    on_both(async |db: &TestDb| {
        let ((fake, client), store) = (pair().await, test(db));
        let object = "v2.core.event_destination";
        answer(
            &fake,
            &json!({"id": "ed_1", "object": object, "name": "mine"}),
        );
        let read = client.call(RetrieveV2CoreEventDestination::new("ed_1"));
        assert_eq!(store.send(read).await.unwrap().name(), Some("mine"));
        for _ in 0..2 {
            // The second time as an answer from some day before.
            repeat(&fake, &json!({"id": "ed_1", "object": object}));
            let delete = client.call(DeleteV2CoreEventDestination::new("ed_1"));
            let gone = store.send(delete.idempotency_key("once")).await.unwrap();
            assert!(gone.is_deleted());
            let gone = gone.to::<V2CoreEventDestination>().unwrap();
            assert_eq!(gone.name(), Some("mine"));
        }
        let one = store.get::<V2CoreEventDestination>("ed_1").await.unwrap();
        assert!(one.is_none());
    })
    .await;
}

#[tokio::test]
async fn what_can_be_of_several_types_has_the_row_of_the_one_it_is() {
    on_both(async |db: &TestDb| {
        let ((fake, client), store) = (pair().await, test(db));
        let card = json!({"id": "card_1", "object": "card", "last4": "4242"});
        answer(&fake, &card);
        let create = || client.call(CreateCustomerSource::new("cus_1", "tok_visa"));
        let made = store.send(create()).await.unwrap();
        assert!(matches!(made.variant(), PaymentSourceVariant::Card(_)));
        let row = store.get::<Card>("card_1").await.unwrap().unwrap();
        assert_eq!(row.last4(), Some("4242"));

        // How it is now cannot be read without the customer, and what it was then is not taken for that.
        repeat(&fake, &card);
        let error = store.send(create().idempotency_key("once")).await;
        assert!(
            matches!(
                &error,
                Err(Error::Sync(SyncError::Replayed { .. }) | Error::Client(_))
            ),
            "{error:?}"
        );

        let stub = json!({"id": "card_1", "object": "card", "deleted": true});
        answer(&fake, &stub);
        let delete = client.call(DeleteCustomerSource::new("cus_1", "card_1"));
        assert!(store.send(delete).await.unwrap().is_deleted());
        assert!(store.get::<Card>("card_1").await.unwrap().is_none());
    })
    .await;
}

#[tokio::test]
async fn an_answer_that_repeats_an_earlier_one_is_read_anew() {
    on_both(async |db: &TestDb| {
        let ((fake, client), store) = (pair().await, test(db));
        let old = json!({"id": "sub_1", "object": "subscription", "status": "trialing"});
        let new = json!({"id": "sub_1", "object": "subscription", "status": "active"});
        fake.add("/v1/subscriptions", new);
        repeat(&fake, &old);
        let call = client.call(RetrieveSubscription::new("sub_1"));
        let one = store.send(call.idempotency_key("once")).await.unwrap();
        assert_eq!(one.status(), Some(SubscriptionStatus::Active));
        assert_eq!(fake.last().method, "GET");
        assert_eq!(fake.received().len(), 2);
    })
    .await;
}

#[tokio::test]
async fn what_has_no_id_and_what_is_of_another_type_are_errors() {
    on_both(async |db: &TestDb| {
        let ((fake, client), store) = (pair().await, test(db));
        answer(&fake, &json!({"object": "invoice", "amount_due": 1}));
        let preview = client.call(CreateInvoicePreview::new().customer("cus_1"));
        let error = store.send(preview).await;
        assert!(matches!(error, Err(Error::Snapshot(_))), "{error:?}");

        answer(&fake, &json!({"id": "prod_1", "object": "product"}));
        let error = store.send(client.call(RetrieveCoupon::new("x"))).await;
        assert!(
            matches!(&error, Err(Error::Client(it)) if matches!(it, ClientError::OtherType { .. })),
            "{error:?}"
        );
        let rows = db.scalar_i64("SELECT count(*) FROM stripe_objects").await;
        assert_eq!(rows, Some(0));
    })
    .await;
}
