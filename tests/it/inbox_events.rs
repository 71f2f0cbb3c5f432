//! The inbox and the log of requests, as an operator sees them: which events there are, and what became of them.

mod purge;
mod replay;
mod requests;

use std::collections::BTreeSet;

use serde_json::{Value, json};
use stripe_store::Store;
use stripe_store::clock::{Clock, UnixMillis};
use stripe_store::inbox::{HandlerError, Handlers, InboxEvent, InboxEvents, InboxStatus, Worker};
use stripe_store::store::StoreError;
use stripe_store::view::Timestamp;
use stripe_store::webhook::{Endpoint, Receiver, Request, Verdict};
use stripe_store_tests::{TestDb, on_both};

/// A second in November 2023.
const SECOND: i64 = 1_700_000_000;

#[derive(Debug)]
struct Stopped(i64);

impl Clock for Stopped {
    fn now(&self) -> UnixMillis {
        UnixMillis::from_seconds(self.0)
    }
}

fn event(id: &str, event_type: &str, created: i64, object: &Value) -> Value {
    json!({
        "id": id, "object": "event", "type": event_type, "created": created, "livemode": true,
        "api_version": "2026-10-28.endive", "pending_webhooks": 1, "request": {"id": "req_1", "idempotency_key": null},
        "data": {"object": object},
    })
}

fn customer(id: &str, created: i64) -> Value {
    json!({"id": id, "object": "customer", "name": format!("at {created}"), "livemode": true})
}

/// The event that a customer was changed in this second.
fn updated(id: &str, customer_id: &str, created: i64) -> Value {
    event(
        id,
        "customer.updated",
        created,
        &customer(customer_id, created),
    )
}

async fn post(receiver: &Receiver, event: &Value) -> Verdict {
    let outcome = receiver.receive(Request::new(event.to_string())).await;
    outcome.verdict()
}

fn receiver(store: &Store, handlers: Handlers) -> Receiver {
    Receiver::builder(store)
        .endpoint("", Endpoint::unverified())
        .handlers(handlers)
        .build()
}

async fn receive(store: &Store, handlers: Handlers, event: &Value) -> Verdict {
    post(&receiver(store, handlers), event).await
}

/// One that gives up, in the transaction or after it.
fn giving_up(queued: bool) -> Handlers {
    if queued {
        return Handlers::new().queued_any("gives-up", |_| {
            Box::pin(async { Err(HandlerError::give_up("never")) })
        });
    }
    Handlers::new().on_any(|_| Box::pin(async { Err(HandlerError::give_up("never")) }))
}

fn doing_nothing() -> Handlers {
    Handlers::new().queued_any("nothing", |_| Box::pin(async { Ok(()) }))
}

async fn deferred(store: &Store, event: &Value) {
    let receiver = Receiver::builder(store)
        .endpoint("", Endpoint::unverified())
        .deferred()
        .build();
    assert_eq!(post(&receiver, event).await, Verdict::Accepted);
}

/// An event of each status, `evt_<status>`, one a second in the order of [`InboxStatus::ALL`], each about its own customer.
async fn one_of_each(store: &Store) {
    let of = |status: InboxStatus, at: i64| {
        updated(
            &format!("evt_{status}"),
            &format!("cus_{status}"),
            SECOND + at,
        )
    };
    deferred(store, &of(InboxStatus::Pending, 0)).await;
    let applied = of(InboxStatus::Applied, 2);
    assert_eq!(
        receive(store, Handlers::new(), &applied).await,
        Verdict::Accepted
    );
    let failed = of(InboxStatus::Failed, 3);
    assert_eq!(
        receive(store, giving_up(false), &failed).await,
        Verdict::Kept
    );
    let dead = of(InboxStatus::Dead, 4);
    dies(store, &dead).await;
    let queued = of(InboxStatus::Queued, 1);
    assert_eq!(
        receive(store, doing_nothing(), &queued).await,
        Verdict::Accepted
    );
}

/// Brings an event whose queued handler gives up. It must be the only one in the queue.
async fn dies(store: &Store, event: &Value) {
    let receiver = receiver(store, giving_up(true));
    assert_eq!(post(&receiver, event).await, Verdict::Accepted);
    // Pending ones are not for this worker.
    let id = event["id"].as_str().unwrap();
    let pending = ids(&store.events().status(InboxStatus::Pending)).await;
    set_due(store, &pending, "2999-01-01T00:00:00.000Z").await;
    receiver.worker().drain().await.unwrap();
    set_due(store, &pending, "2000-01-01T00:00:00.000Z").await;
    assert_eq!(found(store, id).await.status(), InboxStatus::Dead);
}

async fn set_due(store: &Store, ids: &[String], due: &str) {
    let ids = ids.join("', '");
    let sql = format!("UPDATE stripe_events SET due_at = '{due}' WHERE event_id IN ('{ids}')");
    match store.pool() {
        stripe_store::store::Pool::Sqlite(pool) => {
            sqlx::query(sqlx::AssertSqlSafe(sql))
                .execute(pool)
                .await
                .unwrap();
        }
        stripe_store::store::Pool::Postgres(pool) => {
            sqlx::query(sqlx::AssertSqlSafe(sql))
                .execute(pool)
                .await
                .unwrap();
        }
        other => panic!("{other:?}"),
    }
}

async fn found(store: &Store, id: &str) -> InboxEvent {
    store.event(id).await.unwrap().unwrap()
}

async fn ids(events: &InboxEvents) -> Vec<String> {
    let page = events.clone().limit(1000).page().await.unwrap();
    page.data
        .iter()
        .map(|event| event.id().to_owned())
        .collect()
}

#[tokio::test]
async fn c068_all_that_is_known_of_an_event_is_told() {
    on_both(async |db: &TestDb| {
        let store = db.store().clone().with_clock(Stopped(SECOND + 60));
        let sent = updated("evt_1", "cus_1", SECOND);
        assert_eq!(
            receive(&store, Handlers::new(), &sent).await,
            Verdict::Accepted
        );
        let event = found(&store, "evt_1").await;
        assert_eq!(
            (
                event.id(),
                event.event_type(),
                event.account(),
                event.mode().is_live()
            ),
            ("evt_1", "customer.updated", None, true)
        );
        assert_eq!(event.created(), Timestamp::from_unix_seconds(SECOND));
        assert_eq!(event.api_version(), Some("2026-10-28.endive"));
        assert_eq!(
            (event.object(), event.object_id()),
            (Some("customer"), Some("cus_1"))
        );
        assert_eq!(
            (event.status(), event.last_error()),
            (InboxStatus::Applied, None)
        );
        assert_eq!(event.received_at(), UnixMillis::from_seconds(SECOND + 60));
        assert_eq!((event.due_at(), event.leased_until()), (None, None));
        assert!(event.handled().is_empty());
        assert_eq!(event.payload(), sent.to_string());
        let payload: Value = serde_json::from_str(event.payload()).unwrap();
        assert_eq!(
            (&payload["pending_webhooks"], &payload["request"]["id"]),
            (&json!(1), &json!("req_1"))
        );
        // What another program may log of it has nothing of the customer in it.
        assert!(!format!("{event:?}").contains("at 17"), "{event:?}");
        assert!(store.event("evt_nobody").await.unwrap().is_none());
        assert!(store.event("evt_\0").await.unwrap().is_none());
    })
    .await;
}

#[tokio::test]
async fn c069_the_customer_of_an_event_is_its_own_or_its_objects() {
    on_both(async |db: &TestDb| {
        let store = db.store();
        let invoice =
            json!({"id": "in_1", "object": "invoice", "customer": "cus_2", "livemode": true});
        let product = json!({"id": "prod_1", "object": "product", "livemode": true});
        for sent in [
            updated("evt_1", "cus_1", SECOND),
            event("evt_2", "invoice.paid", SECOND, &invoice),
            event("evt_3", "product.created", SECOND, &product),
        ] {
            receive(store, Handlers::new(), &sent).await;
        }
        let mut customers = Vec::new();
        for event in store.events().page().await.unwrap().data {
            customers.push(event.event().unwrap().customer());
        }
        assert_eq!(
            customers,
            [None, Some("cus_2".to_owned()), Some("cus_1".to_owned())]
        );
    })
    .await;
}

#[tokio::test]
async fn events_are_narrowed_by_what_is_known_of_them() {
    on_both(async |db: &TestDb| {
        let store = db.store();
        one_of_each(store).await;
        let all = [
            "evt_dead",
            "evt_failed",
            "evt_applied",
            "evt_queued",
            "evt_pending",
        ];
        assert_eq!(ids(&store.events()).await, all, "the newest first");
        for status in InboxStatus::ALL {
            let of = store.events().status(status);
            assert_eq!(ids(&of).await, [format!("evt_{status}")]);
            assert_eq!(of.count().await.unwrap(), 1);
        }
        let two = store
            .events()
            .status(InboxStatus::Dead)
            .status(InboxStatus::Failed);
        assert_eq!(ids(&two).await, ["evt_dead", "evt_failed"]);
        let moment = |at| Timestamp::from_unix_seconds(SECOND + at);
        assert_eq!(
            ids(&store.events().since(moment(3))).await,
            ["evt_dead", "evt_failed"]
        );
        assert_eq!(ids(&store.events().until(moment(1))).await, ["evt_pending"]);
        assert_eq!(
            ids(&store.events().object("customer").object_id("cus_dead")).await,
            ["evt_dead"]
        );
        assert!(ids(&store.events().object("invoice")).await.is_empty());
        assert!(ids(&store.events().object_id("cus_\0")).await.is_empty());

        let product = json!({"id": "prod_1", "object": "product", "livemode": true});
        receive(
            store,
            Handlers::new(),
            &event("evt_p", "product.created", SECOND - 1, &product),
        )
        .await;
        assert_eq!(
            ids(&store.events().event_type("product.created")).await,
            ["evt_p"]
        );
        assert_eq!(
            ids(&store.events().event_type("product.*")).await,
            ["evt_p"]
        );
        assert!(ids(&store.events().event_type("product")).await.is_empty());
        assert!(ids(&store.events().event_type("prod.*")).await.is_empty());
        let either = store
            .events()
            .event_type("product.*")
            .event_type("customer.updated");
        assert_eq!(ids(&either).await.len(), 6);

        let counts: Vec<_> = store.inbox_counts().await.unwrap();
        let counts: Vec<_> = counts
            .iter()
            .map(|count| {
                (
                    count.status,
                    count.events,
                    count.oldest.unix_seconds() - SECOND,
                )
            })
            .collect();
        assert_eq!(
            counts,
            [
                (InboxStatus::Pending, 1, 0),
                (InboxStatus::Queued, 1, 1),
                (InboxStatus::Applied, 2, -1),
                (InboxStatus::Failed, 1, 3),
                (InboxStatus::Dead, 1, 4),
            ]
        );
    })
    .await;
}

#[tokio::test]
async fn events_of_other_accounts_and_modes_are_listed_when_asked_for() {
    on_both(async |db: &TestDb| {
        let store = db.store();
        for (id, account, livemode) in [
            ("evt_1", None, true),
            ("evt_2", Some("acct_1"), true),
            ("evt_3", None, false),
            ("evt_4", Some("acct_1"), false),
        ] {
            let mut sent = updated(id, "cus_1", SECOND);
            sent["livemode"] = json!(livemode);
            sent["account"] = json!(account);
            receive(store, Handlers::new(), &sent).await;
        }
        assert_eq!(ids(&store.events()).await, ["evt_1"]);
        assert_eq!(ids(&store.test_mode().events()).await, ["evt_3"]);
        assert_eq!(ids(&store.account("acct_1").events()).await, ["evt_2"]);
        assert_eq!(ids(&store.events().any_mode()).await, ["evt_3", "evt_1"]);
        assert_eq!(ids(&store.events().any_account()).await, ["evt_2", "evt_1"]);
        assert_eq!(ids(&store.events().any_account().any_mode()).await.len(), 4);
        let event = found(store, "evt_4").await;
        assert_eq!(
            (event.account(), event.mode().is_live()),
            (Some("acct_1"), false)
        );
    })
    .await;
}

#[tokio::test]
async fn pages_hold_every_event_once() {
    on_both(async |db: &TestDb| {
        let store = db.store();
        let mut all = BTreeSet::new();
        // Several in one second.
        for n in 0..23 {
            let id = format!("evt_{n:02}");
            deferred(store, &updated(&id, &format!("cus_{n}"), SECOND + n / 7)).await;
            all.insert((SECOND + n / 7, id));
        }
        let newest_first: Vec<String> = all.into_iter().rev().map(|(_, id)| id).collect();
        for size in [1, 4, 22, 23, 24] {
            let mut events = store.events().status(InboxStatus::Pending).limit(size);
            let mut seen = Vec::new();
            loop {
                let page = events.page().await.unwrap();
                assert!(page.data.len() <= size);
                seen.extend(page.data.iter().map(|event| event.id().to_owned()));
                let Some(next) = page.next else { break };
                // It goes through text, as through a browser.
                events = events.after(&next.to_string().parse().unwrap());
            }
            assert_eq!(seen, newest_first, "{size} a page");
        }
        let page = store.events().limit(1).page().await.unwrap();
        let next = page.next.unwrap();
        for other in [
            store.events().status(InboxStatus::Dead).after(&next),
            store.test_mode().events().after(&next),
            store.events().any_mode().after(&next),
        ] {
            assert!(other.page().await.unwrap_err().is_invalid_request());
        }
        assert!(
            store
                .deliveries()
                .after(&next)
                .page()
                .await
                .unwrap_err()
                .is_invalid_request()
        );
        for limit in [0, 1001] {
            let error = store.events().limit(limit).page().await.unwrap_err();
            assert!(matches!(error, StoreError::Limit { .. }), "{error}");
        }
    })
    .await;
}

/// Works until nothing is due, with these handlers.
async fn work(store: &Store, handlers: Handlers) {
    Worker::new(store, handlers).drain().await.unwrap();
}
