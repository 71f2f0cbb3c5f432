//! Against `localstripe`, a fake Stripe that others wrote: objects made there through the generated operations are here
//! after a backfill, after a call, and after the events that it posts.

mod made;
mod told;

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};
use stripe_store::Store;
use stripe_store::client::{Client, Method, RateLimit, RetryPolicy, SecretKey};
use stripe_store::resources::operations::{CreateCustomer, DeleteCustomer, UpdateCustomer};
use stripe_store::resources::{
    Charge, Customer, Invoice, InvoiceStatus, PaymentMethod, Plan, Refund, Subscription,
    SubscriptionItem, SubscriptionStatus,
};
use stripe_store::sync::{BackfillReport, ListEnd, SkipReason};
use stripe_store_tests::outside::{Localstripe, or_say};
use stripe_store_tests::{TestDb, on_both};

use self::made::{CUSTOMERS, Made, SUBSCRIBED};
use crate::judged::TOOLS;

/// What its lists can be read of.
const LISTED: [&str; 8] = [
    "balance_transaction",
    "charge",
    "customer",
    "invoice",
    "plan",
    "product",
    "refund",
    "subscription",
];

/// How long what takes a moment may take, on a machine that is busy with other things.
const PATIENCE: Duration = Duration::from_secs(30);

fn client(url: &str) -> Client {
    Client::builder(SecretKey::new("sk_test_12345").unwrap())
        .base_url(url)
        .rate_limit(RateLimit::unlimited())
        .retry(RetryPolicy::none())
        .build()
        .unwrap()
}

/// What it answers with at a path.
async fn answer(client: &Client, path: &str) -> Value {
    let answer = client.request(Method::Get, path).send().await;
    let answer = answer.unwrap_or_else(|error| panic!("{path}: {error}"));
    serde_json::from_str(answer.text()).unwrap()
}

/// There are so many rows of each type, as many as at `localstripe`, and each is what it answers for that id; but for
/// `untold` fields, which it changes without telling.
async fn assert_same(
    store: &Store,
    client: &Client,
    expected: &[(&str, usize)],
    untold: &[(&str, &str)],
) {
    for (object, count) in expected {
        let rows = store.query_object(object).fetch_all().await.unwrap();
        for row in &rows {
            let id = row.row().stripe_id();
            let here: Map<String, Value> = row.deserialize().unwrap();
            let there = answer(client, &format!("/v1/{object}s/{id}")).await;
            let there = there.as_object().unwrap();
            let fields = here.keys().chain(there.keys());
            let differing: Vec<_> = fields
                .filter(|field| here.get(*field) != there.get(*field))
                .filter(|field| !untold.contains(&(object, field.as_str())))
                .map(|field| (field, here.get(field), there.get(field)))
                .collect();
            assert!(differing.is_empty(), "{object} {id}: {differing:#?}");
        }
        let all = answer(client, &format!("/v1/{object}s")).await;
        assert_eq!(
            (rows.len(), &all["total_count"]),
            (*count, &json!(count)),
            "{object}"
        );
    }
}

/// How the lists ended that were not read.
fn unread(report: &BackfillReport) -> BTreeMap<String, &ListEnd> {
    let lists = report.lists.iter().filter(|list| !list.end.is_read());
    lists
        .map(|list| (list.list.to_string(), &list.end))
        .collect()
}

/// Whether a call failed with this status.
fn failed_with(end: &ListEnd, status: u16) -> bool {
    matches!(end, ListEnd::Failed(error) if error.status() == Some(status))
}

#[tokio::test]
async fn c050_what_was_made_is_here_after_a_backfill_as_it_is_answered() {
    on_both(async |db: &TestDb| {
        let Some(server) = or_say("a backfill from localstripe", Localstripe::start(&TOOLS)) else {
            return;
        };
        let (client, store) = (client(server.url()), db.store().test_mode());
        let made = Made::through(&client, CUSTOMERS).await;
        let report = store.backfill(&client).types(LISTED).run().await.unwrap();
        // It has no test clocks, nor what would be below one.
        let clocks = "/v1/test_helpers/test_clocks";
        let unread = unread(&report);
        assert!(failed_with(unread[clocks], 404), "{unread:#?}");
        assert!(
            unread
                .keys()
                .all(|list| list == clocks || list.contains("test_clock="))
        );

        let expected = [
            ("balance_transaction", SUBSCRIBED + 1),
            ("charge", SUBSCRIBED),
            ("customer", CUSTOMERS),
            ("invoice", SUBSCRIBED),
            ("plan", 2),
            ("product", 1),
            ("refund", 1),
            ("subscription", SUBSCRIBED),
        ];
        assert_same(&store, &client, &expected, &[]).await;
        read_through_views(&store, &made).await;

        // What its lists do not give, it gives by id.
        for card in &made.cards {
            let card = store
                .retrieve::<PaymentMethod>(&client, card)
                .await
                .unwrap();
            assert_eq!(card.card().unwrap().last4(), Some("4242"));
        }
        let cards = store.query::<PaymentMethod>().count().await.unwrap();
        assert_eq!(cards, u64::try_from(SUBSCRIBED).unwrap());
        for card in &made.cards {
            let there = answer(&client, &format!("/v1/payment_methods/{card}")).await;
            let here = store.get::<PaymentMethod>(card).await.unwrap().unwrap();
            assert_eq!(serde_json::from_str::<Value>(here.json()).unwrap(), there);
        }
    })
    .await;
}

async fn read_through_views(store: &Store, made: &Made) {
    let first = store.get::<Customer>(&made.customers[0]).await.unwrap();
    let first = first.unwrap();
    assert_eq!(
        (first.name(), first.description(), first.email()),
        (Some("René & Søn"), Some("The first"), Some("0@example.com"))
    );
    assert_eq!(first.metadata().get("first"), Some("yes"));
    assert_eq!(first.metadata().get("n"), Some("0"));
    let settings = first.invoice_settings().unwrap();
    let default = settings.default_payment_method().unwrap();
    assert_eq!(default.id(), made.cards[0]);
    let last = store.query::<Customer>();
    let last = last.filter(Customer::METADATA.key("n").eq("120"));
    assert_eq!(last.one().await.unwrap().email(), Some("120@example.com"));
    assert!(
        store
            .get::<Customer>(&made.deleted)
            .await
            .unwrap()
            .is_none()
    );

    let subscriptions = store
        .query::<Subscription>()
        .filter(Subscription::STATUS.eq(SubscriptionStatus::Active))
        .filter(Subscription::CUSTOMER.eq(made.customers[0].as_str()));
    let subscription = subscriptions.one().await.unwrap();
    // The items came inside, and are rows of their own.
    let items = store.query::<SubscriptionItem>().fetch_all().await.unwrap();
    assert_eq!(items.len(), SUBSCRIBED);
    let inside = subscription.items().data().iter();
    let inside: Vec<_> = inside.map(|item| item.id().to_owned()).collect();
    let own = items.iter().find(|item| inside == [item.id()]);
    assert_eq!(own.unwrap().quantity(), Some(2));

    let paid = store
        .query::<Invoice>()
        .filter(Invoice::STATUS.eq(InvoiceStatus::Paid));
    let paid = paid.fetch_all().await.unwrap();
    assert_eq!(paid.len(), SUBSCRIBED);
    assert!(paid.iter().all(|it| it.amount_paid() == Some(2000)));

    let refund = store.get::<Refund>(&made.refund).await.unwrap().unwrap();
    assert_eq!(refund.amount(), Some(300));
    let charge = refund.charge().unwrap().id().to_owned();
    let charge = store.get::<Charge>(&charge).await.unwrap().unwrap();
    assert_eq!(
        (charge.amount(), charge.amount_refunded()),
        (Some(2000), Some(300))
    );
    let plan = store.get::<Plan>("gold").await.unwrap().unwrap();
    assert_eq!(plan.product().unwrap().id(), made.product);
}

#[tokio::test]
async fn lists_that_it_refuses_are_named_and_the_others_are_read() {
    on_both(async |db: &TestDb| {
        let Some(server) = or_say("refusals of localstripe", Localstripe::start(&TOOLS)) else {
            return;
        };
        let (client, store) = (client(server.url()), db.store().test_mode());
        Made::through(&client, SUBSCRIBED).await;
        let report = store.backfill(&client).run().await.unwrap();
        assert!(!report.is_complete());
        let ends = unread(&report);
        // It has no prices, and its way to say so is no JSON.
        assert!(failed_with(ends["/v1/prices?active=true"], 404));
        for list in [
            // Asks for a customer and a type.
            "/v1/payment_methods",
            // Asks what is wrong with expanding a field that its payments do not have.
            "/v1/payment_intents",
        ] {
            let is_skipped = matches!(
                ends[list],
                ListEnd::Skipped(SkipReason::NotAvailable(error)) if error.status() == Some(400)
            );
            assert!(is_skipped, "{list}: {:?}", ends[list]);
        }
        assert!(failed_with(
            ends["/v1/customers/{customer}/payment_methods"],
            404
        ));
        for end in ends.values() {
            let is_known = match end {
                ListEnd::Skipped(SkipReason::ParentNotRead) => true,
                ListEnd::Skipped(SkipReason::NotAvailable(error)) => error.status() == Some(400),
                end => failed_with(end, 404),
            };
            assert!(is_known, "{end:?}");
        }
        let rows = [("customer", SUBSCRIBED), ("subscription", SUBSCRIBED)];
        assert_same(&store, &client, &rows, &[]).await;

        // It takes no range either: where it says so, the list is read whole, and where it breaks on it, that is named.
        let create = CreateCustomer::new().email("new@example.com");
        client.call(create).send().await.unwrap();
        let report = store.backfill(&client).types(LISTED).run().await.unwrap();
        let ends = unread(&report);
        assert!(!ends.contains_key("/v1/customers"));
        for list in ["charges", "invoices", "refunds", "subscriptions"] {
            let end = ends[format!("/v1/{list}").as_str()];
            assert!(failed_with(end, 500), "{list}: {end:?}");
        }
        assert_same(&store, &client, &[("customer", SUBSCRIBED + 1)], &[]).await;
        let report = store.backfill(&client).types(LISTED).full().run().await;
        let report = report.unwrap();
        let ends = unread(&report);
        assert!(
            ends.keys().all(|list| list.contains("test_clock")),
            "{ends:?}"
        );
    })
    .await;
}

#[tokio::test]
async fn c110_what_it_changed_is_found_and_what_it_did_not_is_not() {
    on_both(async |db: &TestDb| {
        let Some(server) = or_say("comparing with localstripe", Localstripe::start(&TOOLS)) else {
            return;
        };
        let (client, store) = (client(server.url()), db.store().test_mode());
        let made = Made::through(&client, SUBSCRIBED).await;
        store.backfill(&client).types(LISTED).run().await.unwrap();
        let report = store.reconcile(&client).types(LISTED).run().await.unwrap();
        assert_eq!(report.found(), 0, "{report:#?}");

        let changed = &made.customers[0];
        let update = UpdateCustomer::new(changed).description("Other");
        client.call(update).send().await.unwrap();
        let create = CreateCustomer::new().email("new@example.com");
        let new = client.call(create).send().await.unwrap();
        let gone = &made.customers[SUBSCRIBED - 1];
        client.call(DeleteCustomer::new(gone)).send().await.unwrap();
        let deadline = Instant::now() + PATIENCE;
        // Within the second in which the rows were read nothing can be said of them.
        let report = loop {
            let report = store.reconcile(&client).types(LISTED).run().await.unwrap();
            if report.types.iter().all(|it| it.changed_meanwhile == 0) {
                break report;
            }
            assert!(Instant::now() < deadline, "{report:#?}");
        };
        let found = report.types.iter().flat_map(|it| &it.examples);
        let found: BTreeSet<String> = found.map(ToString::to_string).collect();
        let expected = [
            format!("customer {} is missing here", new.id()),
            format!("customer {changed} differs in description"),
        ];
        assert_eq!(found, BTreeSet::from(expected));
        // That it does not find a customer any more is no word for a deletion, without a code.
        let customers = report.types.iter().find(|it| it.object == "customer");
        let customers = customers.unwrap();
        assert_eq!((customers.extra, customers.failed), (0, 1));
        assert!(matches!(
            &customers.failures[0].1,
            stripe_store::Error::Client(error) if error.status() == Some(404)
        ));

        let report = store.reconcile(&client).types(LISTED).fix().run().await;
        assert_eq!(report.unwrap().left(), 0);
        let here = store.get::<Customer>(changed).await.unwrap().unwrap();
        assert_eq!(here.description(), Some("Other"));
        assert!(store.get::<Customer>(new.id()).await.unwrap().is_some());
        assert!(store.get::<Customer>(gone).await.unwrap().is_some());
    })
    .await;
}
