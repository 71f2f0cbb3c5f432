//! The log of requests.

use serde_json::{Value, json};
use stripe_store::client::{Client, SecretKey};
use stripe_store::inbox::Handlers;
use stripe_store::webhook::{Deliveries, Delivery, Endpoint, Receiver, Request, Verdict};
use stripe_store_tests::fake::Fake;
use stripe_store_tests::{TestDb, on_both};

use super::{SECOND, found, post, receive, updated};

#[tokio::test]
async fn c068_what_was_received_is_kept_apart_from_what_was_validated() {
    on_both(async |db: &TestDb| {
        let fake = Fake::start().await.unwrap();
        let sent = updated("evt_1", "cus_1", SECOND);
        let mut theirs = sent.clone();
        theirs["pending_webhooks"] = json!(0);
        fake.add("/v1/events", theirs.clone());
        let client = Client::builder(SecretKey::new("sk_live_Abc123").unwrap())
            .base_url(fake.url())
            .build()
            .unwrap();
        let store = db.store();
        let receiver = Receiver::builder(store)
            .endpoint("", Endpoint::refetched())
            .client(&client)
            .build();
        assert_eq!(post(&receiver, &sent).await, Verdict::Accepted);
        let validated: Value = serde_json::from_str(found(store, "evt_1").await.payload()).unwrap();
        assert_eq!(validated, theirs);
        let kept = store.deliveries().event("evt_1").page().await.unwrap();
        let [kept] = &kept.data[..] else {
            panic!("{kept:?}");
        };
        assert_eq!(kept.body(), Some(sent.to_string().as_str()));

        // Without that, the body is what the inbox has, and is kept once.
        let sent = updated("evt_2", "cus_1", SECOND + 1);
        receive(store, Handlers::new(), &sent).await;
        let kept = store.deliveries().event("evt_2").page().await.unwrap();
        assert_eq!(kept.data[0].body(), None);
        assert_eq!(kept.data[0].body_bytes(), sent.to_string().len() as u64);
    })
    .await;
}

#[tokio::test]
async fn requests_are_listed_and_narrowed() {
    on_both(async |db: &TestDb| {
        let store = db.store();
        let receiver = Receiver::builder(store)
            .endpoint("a", Endpoint::unverified())
            .endpoint("b", Endpoint::unverified())
            .build();
        let sent = updated("evt_1", "cus_1", SECOND).to_string();
        let post = async |body: &str, endpoint: &str| {
            let request = Request::new(body)
                .endpoint(endpoint)
                .header("Stripe-Signature", "v1=secret");
            receiver.receive(request).await.verdict()
        };
        assert_eq!(post(&sent, "a").await, Verdict::Accepted);
        assert_eq!(post(&sent, "b").await, Verdict::Duplicate);
        assert_eq!(post("no event", "b").await, Verdict::Invalid);

        let all = store.deliveries().page().await.unwrap();
        let verdicts: Vec<_> = all.data.iter().map(Delivery::verdict).collect();
        assert_eq!(
            verdicts,
            [Verdict::Invalid, Verdict::Duplicate, Verdict::Accepted],
            "the last first"
        );
        let invalid = &all.data[0];
        assert_eq!(
            (invalid.http_status(), invalid.body(), invalid.event_id()),
            (400, Some("no event"), None)
        );
        assert!(invalid.error().is_some());
        assert_eq!(
            invalid.headers(),
            [("Stripe-Signature".to_owned(), "[redacted]".to_owned())]
        );
        assert!(!format!("{invalid:?}").contains("no event"));

        let count = async |deliveries: Deliveries| {
            let page = deliveries.page().await.unwrap().data.len() as u64;
            assert_eq!(deliveries.count().await.unwrap(), page);
            page
        };
        assert_eq!(count(store.deliveries().endpoint("b")).await, 2);
        assert_eq!(count(store.deliveries().event("evt_1")).await, 2);
        assert_eq!(
            count(store.deliveries().endpoint("b").event("evt_1")).await,
            1
        );
        let two = store
            .deliveries()
            .verdict(Verdict::Invalid)
            .verdict(Verdict::Accepted);
        assert_eq!(count(two).await, 2);
        let first = all.data[2].received_at();
        assert_eq!(count(store.deliveries().since(first)).await, 3);
        assert_eq!(count(store.deliveries().until(first)).await, 0);

        let mut deliveries = store.deliveries().limit(1);
        let mut seen = Vec::new();
        loop {
            let page = deliveries.page().await.unwrap();
            seen.extend(page.data.iter().map(|delivery| delivery.id().to_owned()));
            let Some(next) = page.next else { break };
            deliveries = deliveries.after(&next.to_string().parse().unwrap());
        }
        let ids: Vec<_> = all
            .data
            .iter()
            .map(|delivery| delivery.id().to_owned())
            .collect();
        assert_eq!(seen, ids);
    })
    .await;
}
