//! What is posted to endpoints, from the request to what is durable.

mod group;
mod handlers;
mod queue;
mod refused;
mod statements;
mod stripe;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use stripe_store::Store;
use stripe_store::clock::{Clock, SystemClock, UnixMillis};
use stripe_store::inbox::Handlers;
use stripe_store::webhook::{
    EndpointSecret, Outcome, Receiver, ReceiverBuilder, Request, Verdict, sign,
};
use stripe_store_tests::{TestDb, on_both};

const SECRET: &str = "whsec_receiver";
/// A second in the life of every object here.
const SECOND: i64 = 1_800_000_000;

fn secret() -> EndpointSecret {
    EndpointSecret::new(SECRET).unwrap()
}

/// A clock that is moved by hand.
#[derive(Debug, Clone, Default)]
struct Hand(Arc<AtomicI64>);

impl Hand {
    fn at(seconds: i64) -> Self {
        Self(Arc::new(AtomicI64::new(seconds * 1000)))
    }

    fn advance(&self, time: Duration) {
        let millis = i64::try_from(time.as_millis()).unwrap();
        self.0.fetch_add(millis, Ordering::SeqCst);
    }
}

impl Clock for Hand {
    fn now(&self) -> UnixMillis {
        UnixMillis::new(self.0.load(Ordering::SeqCst))
    }
}

fn customer(id: &str, name: &str) -> Value {
    json!({"id": id, "object": "customer", "name": name, "livemode": false})
}

fn event(id: &str, event_type: &str, created: i64, object: &Value) -> Value {
    json!({
        "id": id, "object": "event", "type": event_type, "created": created, "livemode": false,
        "api_version": "2026-10-28.endive", "data": {"object": object},
    })
}

fn signed(body: &str) -> Request {
    let header = sign(body.as_bytes(), &secret(), SystemClock.now().timestamp());
    Request::new(body)
        .header("Stripe-Signature", header)
        .header(
            "User-Agent",
            "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
        )
        .peer([127, 0, 0, 1])
}

fn builder(store: &Store) -> ReceiverBuilder {
    Receiver::builder(store).secrets([secret()])
}

fn receiver(db: &TestDb, handlers: Handlers) -> Receiver {
    builder(&test(db)).handlers(handlers).build()
}

fn test(db: &TestDb) -> Store {
    db.store().test_mode()
}

async fn post(receiver: &Receiver, event: &Value) -> Outcome {
    receiver.receive(signed(&event.to_string())).await
}

/// The log: verdict, status, event, error, whether there is a body; the oldest first.
async fn log(db: &TestDb) -> Vec<String> {
    lines(
        db,
        "SELECT verdict || ' ' || http_status || ' ' || coalesce(event_id, '-') || ' ' || coalesce(error, '-') || ' ' \
         || CASE WHEN body IS NULL THEN 'no body' ELSE 'body' END AS line FROM stripe_webhook_deliveries ORDER BY delivery_id",
    )
    .await
}

/// The inbox: id, status, attempts, last error; by their ids.
async fn inbox(db: &TestDb) -> Vec<String> {
    lines(
        db,
        "SELECT event_id || ' ' || status || ' ' || attempts || ' ' || coalesce(last_error, '-') AS line \
         FROM stripe_events ORDER BY event_id",
    )
    .await
}

async fn lines(db: &TestDb, select: &str) -> Vec<String> {
    let json = match db.kind() {
        stripe_store_tests::Kind::Sqlite => {
            format!("SELECT json_group_array(line) FROM ({select})")
        }
        stripe_store_tests::Kind::Postgres => {
            format!("SELECT coalesce(json_agg(line), '[]')::text FROM ({select}) AS l")
        }
    };
    let text = db.scalar_text(&json).await.unwrap();
    serde_json::from_str(&text).unwrap()
}

async fn name(store: &Store, id: &str) -> Option<String> {
    let row = store.get_object("customer", id).await.unwrap()?;
    let value: Value = serde_json::from_str(row.json()).unwrap();
    value["name"].as_str().map(str::to_owned)
}

#[tokio::test]
async fn c073_an_event_is_in_the_inbox_and_its_object_in_the_table_when_it_is_answered() {
    on_both(async |db| {
        let receiver = receiver(db, Handlers::new());
        let created = event("evt_1", "customer.created", SECOND, &customer("cus_1", "Ada"));
        let outcome = post(&receiver, &created).await;
        assert_eq!(outcome.verdict(), Verdict::Accepted);
        assert_eq!((outcome.status(), outcome.body().as_str()), (200, "accepted\n"));
        assert_eq!(outcome.event_id(), Some("evt_1"));
        assert_eq!(outcome.event_type(), Some("customer.created"));
        assert_eq!(name(&test(db), "cus_1").await.as_deref(), Some("Ada"));
        assert_eq!(inbox(db).await, ["evt_1 applied 1 -"]);
        assert_eq!(log(db).await, ["accepted 200 evt_1 - no body"]);
        // Byte for byte.
        let payload = db.scalar_text("SELECT payload FROM stripe_events").await;
        assert_eq!(payload, Some(created.to_string()));
        let about = db
            .scalar_text("SELECT object || ' ' || stripe_id || ' ' || change FROM stripe_events")
            .await;
        assert_eq!(about.as_deref(), Some("customer cus_1 0"));

        // Again, and with what is older.
        assert_eq!(post(&receiver, &created).await.verdict(), Verdict::Duplicate);
        let older = event("evt_0", "customer.updated", SECOND - 9, &customer("cus_1", "Bob"));
        assert_eq!(post(&receiver, &older).await.verdict(), Verdict::Accepted);
        assert_eq!(name(&test(db), "cus_1").await.as_deref(), Some("Ada"));
        assert_eq!(inbox(db).await.len(), 2);
        assert_eq!(log(db).await[1], "duplicate 200 evt_1 - no body");
        let row = db
            .scalar_text(
                "SELECT endpoint || '|' || remote_address || '|' || headers FROM stripe_webhook_deliveries",
            )
            .await
            .unwrap();
        assert!(row.starts_with("|127.0.0.1|[[\"Stripe-Signature\",\"[redacted]\"],[\"User-Agent\""), "{row}");
    })
    .await;
}

#[tokio::test]
async fn every_kind_of_event_is_kept() {
    on_both(async |db| {
        let receiver = receiver(db, Handlers::new());
        let store = test(db);
        let voucher = json!({"id": "tv_1", "object": "teleport.voucher", "amount": 9_007_199_254_740_993_i64});
        let preview = json!({"object": "invoice", "amount_due": 5});
        let mut connected = event("evt_c", "customer.created", SECOND, &customer("cus_1", "Zoe"));
        connected["account"] = json!("acct_1");
        let mut live = event("evt_l", "customer.created", SECOND, &customer("cus_1", "Live"));
        live["livemode"] = json!(true);
        live["data"]["object"]["livemode"] = json!(true);
        let mut old = event("evt_o", "customer.created", SECOND, &customer("cus_o", "Old"));
        old["api_version"] = json!("2019-02-19");
        for (each, verdict) in [
            (event("evt_u", "teleport.voucher.beamed", SECOND, &voucher), Verdict::Accepted),
            (event("evt_p", "invoice.upcoming", SECOND, &preview), Verdict::Accepted),
            (connected, Verdict::Accepted),
            (live, Verdict::Accepted),
            (old, Verdict::Accepted),
            (json!({"type": "ping"}), Verdict::Ignored),
            (event("evt_00000000000000", "customer.created", SECOND, &customer("cus_x", "Test")), Verdict::Ignored),
            // An object that no row can be: kept, and never asked for again.
            (event("evt_x", "customer.created", SECOND, &json!("cus_1")), Verdict::Kept),
        ] {
            let outcome = post(&receiver, &each).await;
            assert_eq!((outcome.verdict(), outcome.status()), (verdict, 200), "{each}");
        }
        assert_eq!(name(&store.account("acct_1"), "cus_1").await.as_deref(), Some("Zoe"));
        assert_eq!(name(&store.live_mode(), "cus_1").await.as_deref(), Some("Live"));
        assert_eq!(name(&store, "cus_1").await, None);
        assert!(store.get_object("teleport.voucher", "tv_1").await.unwrap().is_some());
        let kept = inbox(db).await;
        assert_eq!(kept.len(), 6, "{kept:?}");
        assert!(kept[5].starts_with("evt_x failed 1 "), "{kept:?}");
        assert_eq!(name(&store, "cus_x").await, None);
        let version = db
            .scalar_text("SELECT api_version FROM stripe_events WHERE event_id = 'evt_o'")
            .await;
        assert_eq!(version.as_deref(), Some("2019-02-19"));
    })
    .await;
}

#[tokio::test]
async fn c071_deletions_and_cancellations_mean_what_stripe_means() {
    on_both(async |db| {
        let receiver = receiver(db, Handlers::new());
        let store = test(db);
        let subscription =
            |status: &str| json!({"id": "sub_1", "object": "subscription", "status": status});
        for each in [
            event(
                "evt_1",
                "customer.created",
                SECOND,
                &customer("cus_1", "Ada"),
            ),
            event(
                "evt_2",
                "customer.deleted",
                SECOND + 5,
                &customer("cus_1", "Ada"),
            ),
            event(
                "evt_3",
                "customer.updated",
                SECOND + 3,
                &customer("cus_1", "Late"),
            ),
            event(
                "evt_4",
                "customer.subscription.created",
                SECOND,
                &subscription("active"),
            ),
            event(
                "evt_5",
                "customer.subscription.deleted",
                SECOND + 1,
                &subscription("canceled"),
            ),
        ] {
            assert_eq!(post(&receiver, &each).await.status(), 200);
        }
        assert_eq!(name(&store, "cus_1").await, None);
        let row = store
            .get_object("subscription", "sub_1")
            .await
            .unwrap()
            .unwrap();
        assert!(!row.is_deleted() && row.json().contains("canceled"));
        let changes = lines(
            db,
            "SELECT event_id || change AS line FROM stripe_events ORDER BY event_id",
        )
        .await;
        assert_eq!(changes, ["evt_10", "evt_22", "evt_31", "evt_40", "evt_52"]);
    })
    .await;
}
