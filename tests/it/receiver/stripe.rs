//! Where Stripe is asked: thin events, events that are not signed, and those that a catch-up has brought.

use serde_json::{Value, json};
use stripe_store::client::{Client, RateLimit, RetryPolicy, SecretKey};
use stripe_store::inbox::Handlers;
use stripe_store::webhook::{Endpoint, Request, Verdict};
use stripe_store_tests::fake::{Fake, Fault};
use stripe_store_tests::on_both;

use super::handlers::{effects, effects_table};
use super::{SECOND, builder, customer, event, inbox, name, post, test};

fn client(fake: &Fake) -> Client {
    Client::builder(SecretKey::new("sk_test_Abc123").unwrap())
        .base_url(fake.url())
        .rate_limit(RateLimit::unlimited())
        .retry(RetryPolicy::none())
        .build()
        .unwrap()
}

fn thin(id: &str) -> Value {
    json!({
        "id": id, "object": "v2.core.event", "type": "v2.core.account.updated", "livemode": false,
        "created": "2027-01-15T08:00:01.123Z", "context": "acct_9",
        "related_object": {"id": "acct_1", "type": "v2.core.account", "url": "/v2/core/accounts/acct_1"},
    })
}

#[tokio::test]
async fn the_object_of_a_thin_event_is_read_from_stripe() {
    on_both(async |db| {
        let fake = Fake::start().await.unwrap();
        fake.add("/v2/core/accounts", json!({"id": "acct_1", "object": "v2.core.account", "livemode": false, "display_name": "Zoe"}));
        let handlers = Handlers::new().on_type("v2.core.account.updated", |cx| {
            let name = cx.object::<stripe_store::AnyObject>().map(|object| stripe_store::View::data(object)["display_name"].clone());
            assert_eq!(name, Some(json!("Zoe")));
            Box::pin(async { Ok(()) })
        });
        let receiver = builder(&test(db)).handlers(handlers).client(&client(&fake)).build();
        let outcome = post(&receiver, &thin("evt_1")).await;
        assert_eq!(outcome.verdict(), Verdict::Accepted, "{outcome:?}");
        let request = fake.last();
        assert_eq!(request.path, "/v2/core/accounts/acct_1");
        let row = test(db).account("acct_9").get_object("v2.core.account", "acct_1").await.unwrap();
        assert!(row.unwrap().json().contains("Zoe"));
        let created = db.scalar_i64("SELECT created FROM stripe_events").await;
        assert_eq!(created, Some(1_800_000_001));

        // Stripe cannot be reached: the event is to be sent again.
        fake.fail_always(Some(Fault::status(500)));
        let outcome = post(&receiver, &thin("evt_2")).await;
        assert_eq!((outcome.verdict(), outcome.status()), (Verdict::Failed, 503));
        assert_eq!(inbox(db).await.len(), 1);
        fake.fail_always(None);
        assert_eq!(post(&receiver, &thin("evt_2")).await.verdict(), Verdict::Accepted);
        // What is gone is gone: the event is kept.
        let mut gone = thin("evt_3");
        gone["related_object"]["url"] = json!("/v2/core/accounts/acct_gone");
        gone["type"] = json!("v2.core.account.closed");
        assert_eq!(post(&receiver, &gone).await.verdict(), Verdict::Accepted);
        assert_eq!(inbox(db).await.len(), 3);
        // Without a client it is kept as it is.
        let alone = builder(&test(db)).build();
        assert_eq!(post(&alone, &thin("evt_4")).await.verdict(), Verdict::Accepted);
    })
    .await;
}

#[tokio::test]
async fn c055_an_event_that_is_not_signed_is_held_against_stripes_own() {
    on_both(async |db| {
        let fake = Fake::start().await.unwrap();
        let theirs = event(
            "evt_1",
            "customer.created",
            SECOND,
            &customer("cus_1", "Ada"),
        );
        let mut kept = theirs.clone();
        kept["pending_webhooks"] = json!(3);
        fake.add("/v1/events", kept.clone());
        let receiver = builder(&test(db))
            .endpoint("", Endpoint::refetched())
            .client(&client(&fake))
            .build();
        let send = async |event: &Value| receiver.receive(Request::new(event.to_string())).await;
        let mut other = theirs.clone();
        other["data"]["object"]["name"] = json!("Mallory");
        let outcome = send(&other).await;
        assert_eq!(
            (outcome.verdict(), outcome.status()),
            (Verdict::Invalid, 400)
        );
        let unknown = event(
            "evt_9",
            "customer.created",
            SECOND,
            &customer("cus_1", "Ada"),
        );
        assert_eq!(send(&unknown).await.status(), 400);
        let outcome = send(&theirs).await;
        assert_eq!(outcome.verdict(), Verdict::Accepted, "{outcome:?}");
        assert_eq!(
            fake.last().header("stripe-version"),
            Some("2026-10-28.endive")
        );
        // What is kept is what Stripe has; what was sent is in the log.
        let payload = db
            .scalar_text("SELECT payload FROM stripe_events")
            .await
            .unwrap();
        assert_eq!(serde_json::from_str::<Value>(&payload).unwrap(), kept);
        let body = db
            .scalar_text("SELECT body FROM stripe_webhook_deliveries WHERE verdict = 'accepted'")
            .await;
        assert_eq!(body, Some(theirs.to_string()));
        fake.fail_always(Some(Fault::status(500)));
        assert_eq!(send(&theirs).await.status(), 503);
    })
    .await;
}

/// An event that a catch-up has put into the inbox and not applied is applied by the webhook that brings it, and the other
/// way round.
#[tokio::test]
async fn an_event_is_handled_once_whoever_brings_it() {
    on_both(async |db| {
        effects_table(db).await;
        let fake = Fake::start().await.unwrap();
        let events: Vec<Value> = (0..4)
            .map(|n| {
                event(
                    &format!("evt_{n}"),
                    "customer.updated",
                    SECOND + n,
                    &customer("cus_1", &format!("name {n}")),
                )
            })
            .collect();
        for event in &events {
            fake.add("/v1/events", event.clone());
        }
        let handlers = Handlers::new().on_any(|mut cx| {
            Box::pin(async move {
                let id = cx.event().id().to_owned();
                match cx.store().dialect() {
                    stripe_store::store::Dialect::Sqlite => {
                        sqlx::query("INSERT INTO effects VALUES (?1, 'direct')")
                            .bind(id)
                            .execute(cx.sqlite()?)
                            .await?;
                    }
                    _ => {
                        sqlx::query("INSERT INTO effects VALUES ($1, 'direct')")
                            .bind(id)
                            .execute(cx.postgres()?)
                            .await?;
                    }
                }
                Ok(())
            })
        });
        let receiver = builder(&test(db)).handlers(handlers.clone()).build();
        assert_eq!(
            post(&receiver, &events[3]).await.verdict(),
            Verdict::Accepted
        );
        let client = client(&fake);
        let report = test(db)
            .catch_up(&client)
            .into_inbox_only()
            .run()
            .await
            .unwrap();
        assert_eq!(report.applied, 0);
        assert_eq!(
            inbox(db)
                .await
                .iter()
                .filter(|line| line.contains("pending"))
                .count(),
            3
        );
        assert_eq!(
            post(&receiver, &events[1]).await.verdict(),
            Verdict::Accepted
        );
        assert_eq!(effects(db).await, ["evt_1 direct", "evt_3 direct"]);
        let report = test(db)
            .catch_up(&client)
            .handlers(handlers)
            .run()
            .await
            .unwrap();
        assert_eq!(report.applied, 2);
        assert_eq!(
            effects(db).await,
            [
                "evt_0 direct",
                "evt_1 direct",
                "evt_2 direct",
                "evt_3 direct"
            ]
        );
        assert!(inbox(db).await.iter().all(|line| line.contains("applied")));
        assert_eq!(name(&test(db), "cus_1").await.as_deref(), Some("name 3"));
    })
    .await;
}
