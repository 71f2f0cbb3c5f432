//! What `localstripe` tells: in its answers, and in the events that it posts.

use serde_json::json;
use stripe_store::client::Client;
use stripe_store::ingest::{self, Content};
use stripe_store::resources::operations::{
    AttachPaymentMethod, CancelSubscription, CreateCustomer, CreateProduct, CreateRefund,
    CreateSubscription, DeleteCustomer, UpdateCustomer,
};
use stripe_store::resources::{
    Customer, Invoice, InvoiceStatus, PaymentIntent, PaymentIntentStatus, Product, Subscription,
    SubscriptionStatus,
};
use stripe_store::{Store, View as _};
use stripe_store_tests::fake::{Fake, Fault, Received, Reply};
use stripe_store_tests::outside::{Localstripe, or_say};
use stripe_store_tests::{TestDb, on_both};

use super::made::{Made, card, plan};
use super::{Instant, PATIENCE, SUBSCRIBED, answer, assert_same, client};
use crate::judged::TOOLS;

/// It puts a customer's subscriptions into the customer, and charges into invoices and payments, and sends no event of these
/// when there is another, or when one is refunded.
const UNTOLD: [(&str, &str); 4] = [
    ("customer", "subscriptions"),
    ("invoice", "charge"),
    ("payment_intent", "charges"),
    ("payment_intent", "latest_charge"),
];

#[tokio::test]
async fn what_an_operation_answers_is_here_at_once() {
    on_both(async |db: &TestDb| {
        let Some(server) = or_say("operations at localstripe", Localstripe::start(&TOOLS)) else {
            return;
        };
        let (client, store) = (client(server.url()), db.store().test_mode());
        let product = CreateProduct::new("Gold").metadata([("tier", "1")]);
        let product = store.send(client.call(product)).await.unwrap();
        let gold = plan("gold", 1000, product.id());
        let gold = store.send(client.call(gold)).await.unwrap();
        assert_eq!(gold.amount(), Some(1000));
        let create = CreateCustomer::new().email("ada@example.com");
        let customer = store.send(client.call(create)).await.unwrap();
        let id = customer.id().to_owned();
        let made = store.send(client.call(card())).await.unwrap();
        let attach = AttachPaymentMethod::new(made.id()).customer(&id);
        let attached = store.send(client.call(attach)).await.unwrap();
        assert_eq!(attached.customer().unwrap().id(), id);
        let update = UpdateCustomer::new(&id)
            .name("Ada")
            .invoice_settings(json!({"default_payment_method": made.id()}));
        let updated = store.send(client.call(update)).await.unwrap();
        assert_eq!(updated.name(), Some("Ada"));
        let subscribe = CreateSubscription::new()
            .customer(&id)
            .items(json!([{"plan": "gold"}]))
            .expand("latest_invoice");
        let subscription = store.send(client.call(subscribe)).await.unwrap();
        assert_eq!(subscription.status(), Some(SubscriptionStatus::Active));
        // What was expanded is a row of its own, where that is asked for.
        let invoice = subscription.latest_invoice().unwrap().id().to_owned();
        let invoice = store.retrieve::<Invoice>(&client, &invoice).await.unwrap();
        assert_eq!(invoice.status(), Some(InvoiceStatus::Paid));
        let charge = &invoice.data()["charge"];
        let charge = charge["id"].as_str().or(charge.as_str()).unwrap();
        let refund = CreateRefund::new().charge(charge).amount(300);
        let refund = store.send(client.call(refund)).await.unwrap();
        assert_eq!(
            (refund.amount(), refund.charge().unwrap().id()),
            (Some(300), charge)
        );

        let rows = [
            ("customer", 1),
            ("invoice", 1),
            ("plan", 1),
            ("product", 1),
            ("refund", 1),
        ];
        assert_same(&store, &client, &rows, &UNTOLD).await;

        let cancel = CancelSubscription::new(subscription.id());
        let canceled = store.send(client.call(cancel)).await.unwrap();
        assert_eq!(canceled.status(), Some(SubscriptionStatus::Canceled));
        assert!(!canceled.is_deleted());
        let gone = store
            .send(client.call(DeleteCustomer::new(&id)))
            .await
            .unwrap();
        assert_eq!((gone.is_deleted(), gone.name()), (true, Some("Ada")));
        assert!(store.get::<Customer>(&id).await.unwrap().is_none());
    })
    .await;
}

/// What was posted, once it is all that `localstripe` has to tell.
async fn posted(listener: &Fake, client: &Client) -> Vec<Received> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let events = answer(client, "/v1/events?limit=1000").await;
        let posted = listener.received();
        if u64::try_from(posted.len()).unwrap() == events["total_count"].as_u64().unwrap() {
            return posted;
        }
        assert!(Instant::now() < deadline, "{} of {events:#}", posted.len());
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

/// Writes what events bring, each in a transaction of its own, as an endpoint would.
async fn ingest(store: &Store, bodies: impl Iterator<Item = String>) {
    for body in bodies {
        let Content::Snapshot(snapshot) = ingest::event(&body).unwrap() else {
            panic!("nothing to write: {body}");
        };
        store.write(&[*snapshot]).await.unwrap();
    }
}

#[tokio::test]
async fn what_its_events_bring_is_here_in_whatever_order_they_come() {
    // Takes whatever is posted, and says that it did.
    let listener = Fake::start().await.unwrap();
    listener.fail_always(Some(Fault::Instead(Reply::json(200, &json!({})))));
    let url = format!("{}/webhook", listener.url());
    let server = Localstripe::start_posting(&TOOLS, &url, "whsec_test");
    let Some(server) = or_say("the events of localstripe", server) else {
        return;
    };
    let client = client(server.url());
    let made = Made::through(&client, SUBSCRIBED).await;
    let posted = posted(&listener, &client).await;
    assert!(
        posted
            .iter()
            .all(|it| it.path == "/webhook" && it.method == "POST")
    );
    assert!(
        posted
            .iter()
            .all(|it| it.header("stripe-signature").is_some())
    );
    let bodies: Vec<String> = posted.iter().map(Received::text).collect();
    on_both(async |db: &TestDb| {
        for account in ["acct_1", "acct_2"] {
            let store = db.store().test_mode().account(account);
            match account {
                "acct_1" => ingest(&store, bodies.iter().cloned()).await,
                _ => ingest(&store, bodies.iter().rev().cloned()).await,
            }
            // Events of one second do not say which came last: such rows are read anew.
            let settled = store.settle(&client).await.unwrap();
            assert!(settled.failed.is_empty(), "{:?}", settled.failed);
            let rows = [
                ("customer", SUBSCRIBED),
                ("invoice", SUBSCRIBED),
                ("payment_intent", SUBSCRIBED),
                ("product", 1),
                ("subscription", SUBSCRIBED),
            ];
            assert_same(&store, &client, &rows, &UNTOLD).await;

            let first = store.query::<Customer>();
            let first = first.filter(Customer::DESCRIPTION.eq("The first"));
            assert_eq!(first.one().await.unwrap().id(), made.customers[0]);
            let gone = store
                .including_deleted()
                .get::<Customer>(&made.deleted)
                .await;
            assert!(gone.unwrap().unwrap().is_deleted());
            let paid = store.query::<PaymentIntent>();
            let paid = paid.filter(PaymentIntent::STATUS.eq(PaymentIntentStatus::Succeeded));
            assert_eq!(paid.fetch_all().await.unwrap().len(), SUBSCRIBED);
            let active = store.query::<Subscription>();
            let active = active.filter(Subscription::STATUS.eq(SubscriptionStatus::Active));
            assert_eq!(active.count().await.unwrap(), 3);
            let product = store.get::<Product>(&made.product).await.unwrap();
            assert_eq!(product.unwrap().metadata().get("tier"), Some("1"));
        }
    })
    .await;
}
