//! Events that are done again.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::json;
use stripe_store::Store;
use stripe_store::inbox::{AppliedEvent, HandlerError, Handlers, InboxStatus, Replayed, Worker};
use stripe_store::resources::Customer;
use stripe_store::webhook::Verdict;
use stripe_store_tests::{TestDb, on_both};
use tokio::sync::Notify;

use super::{SECOND, deferred, found, giving_up, ids, one_of_each, receive, updated, work};

/// What handlers were called for, in order.
#[derive(Debug, Clone, Default)]
struct Calls(Arc<Mutex<Vec<String>>>);

impl Calls {
    fn add(&self, what: &str, id: &str) {
        self.0.lock().unwrap().push(format!("{what} {id}"));
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }

    /// Handlers that note that they were called: one in the transaction, two queued, of which the second does what
    /// `second` says.
    fn handlers(&self, second: fn() -> Result<(), HandlerError>) -> Handlers {
        let [direct, one, two] = [self.clone(), self.clone(), self.clone()];
        Handlers::new()
            .on_any(move |cx| {
                direct.add("direct", cx.event().id());
                Box::pin(async { Ok(()) })
            })
            .queued_any("one", move |cx| {
                one.add("one", cx.event().id());
                Box::pin(async { Ok(()) })
            })
            .queued_any("two", move |cx| {
                two.add("two", cx.event().id());
                Box::pin(async move { second() })
            })
    }
}

async fn statuses(store: &Store, ids: &[&str]) -> Vec<InboxStatus> {
    let mut all = Vec::new();
    for id in ids {
        all.push(found(store, id).await.status());
    }
    all
}

#[tokio::test]
async fn c064_a_failed_event_is_processed_again_and_its_error_is_gone() {
    on_both(async |db: &TestDb| {
        let store = db.store();
        let sent = updated("evt_1", "cus_1", SECOND);
        assert_eq!(receive(store, giving_up(false), &sent).await, Verdict::Kept);
        let failed = found(store, "evt_1").await;
        assert_eq!(
            (failed.status(), failed.last_error()),
            (InboxStatus::Failed, Some("never"))
        );

        assert_eq!(store.replay(&["evt_1"]).await.unwrap(), [Replayed::Pending]);
        let again = found(store, "evt_1").await;
        assert_eq!(
            (again.status(), again.attempts()),
            (InboxStatus::Pending, 0)
        );
        assert_eq!(again.last_error(), Some("never"), "until it went well");
        let calls = Calls::default();
        work(store, calls.handlers(|| Ok(()))).await;
        assert_eq!(calls.take(), ["direct evt_1", "one evt_1", "two evt_1"]);
        let done = found(store, "evt_1").await;
        assert_eq!(
            (done.status(), done.last_error()),
            (InboxStatus::Applied, None)
        );
    })
    .await;
}

#[tokio::test]
async fn what_was_applied_is_done_again_whole() {
    on_both(async |db: &TestDb| {
        let store = db.store();
        let calls = Calls::default();
        let handlers = || calls.handlers(|| Ok(()));
        let sent = updated("evt_1", "cus_1", SECOND);
        receive(store, handlers(), &sent).await;
        work(store, handlers()).await;
        let all = ["direct evt_1", "one evt_1", "two evt_1"];
        assert_eq!(calls.take(), all);
        // A newer one stays what the table has.
        receive(store, handlers(), &updated("evt_2", "cus_1", SECOND + 1)).await;
        work(store, handlers()).await;
        calls.take();

        // Again, and again.
        for _ in 0..2 {
            assert_eq!(store.replay(&["evt_1"]).await.unwrap(), [Replayed::Pending]);
            assert!(found(store, "evt_1").await.handled().is_empty());
            work(store, handlers()).await;
            assert_eq!(calls.take(), all);
            assert_eq!(found(store, "evt_1").await.handled(), ["one", "two"]);
        }
        let row = store.get::<Customer>("cus_1").await.unwrap().unwrap();
        assert_eq!(row.name(), Some(format!("at {}", SECOND + 1).as_str()));
    })
    .await;
}

#[tokio::test]
async fn of_a_dead_event_those_handlers_run_that_have_not_done_their_work() {
    on_both(async |db: &TestDb| {
        let store = db.store();
        let calls = Calls::default();
        let failing = || calls.handlers(|| Err(HandlerError::give_up("no")));
        receive(store, failing(), &updated("evt_1", "cus_1", SECOND)).await;
        work(store, failing()).await;
        let dead = found(store, "evt_1").await;
        assert_eq!(
            (dead.status(), dead.last_error()),
            (InboxStatus::Dead, Some("two: no"))
        );
        assert_eq!(dead.handled(), ["one"]);
        calls.take();

        assert_eq!(store.replay(&["evt_1"]).await.unwrap(), [Replayed::Queued]);
        let queued = found(store, "evt_1").await;
        assert_eq!(
            (queued.status(), queued.attempts()),
            (InboxStatus::Queued, 0)
        );
        assert!(queued.due_at().is_some());
        work(store, failing()).await;
        assert_eq!(calls.take(), ["two evt_1"]);

        // Anew, the first one runs, too, and so does the one in the transaction.
        assert_eq!(
            store.replay_anew(&["evt_1"]).await.unwrap(),
            [Replayed::Pending]
        );
        work(store, calls.handlers(|| Ok(()))).await;
        assert_eq!(calls.take(), ["direct evt_1", "one evt_1", "two evt_1"]);
        assert_eq!(found(store, "evt_1").await.status(), InboxStatus::Applied);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_worker_has_at_hand_is_left_alone() {
    on_both(async |db: &TestDb| {
        let store = db.store();
        let (began, go) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let calls = Calls::default();
        let handlers = {
            let (began, go, calls) = (Arc::clone(&began), Arc::clone(&go), calls.clone());
            Handlers::new().queued_any("slow", move |cx| {
                let (began, go) = (Arc::clone(&began), Arc::clone(&go));
                calls.add("slow", cx.event().id());
                Box::pin(async move {
                    began.notify_one();
                    go.notified().await;
                    Ok(())
                })
            })
        };
        receive(store, handlers.clone(), &updated("evt_1", "cus_1", SECOND)).await;
        let worker = Worker::new(store, handlers).with_lease(Duration::from_mins(10));
        let working = tokio::spawn(async move { worker.drain().await.unwrap() });
        began.notified().await;
        let leased = found(store, "evt_1").await.leased_until().unwrap();
        for replayed in [
            store.replay(&["evt_1"]).await,
            store.replay_anew(&["evt_1"]).await,
        ] {
            assert_eq!(replayed.unwrap(), [Replayed::InProgress(leased)]);
        }
        let report = store.events().replay().await.unwrap();
        assert_eq!(
            (report.pending, report.queued, report.in_progress),
            (0, 0, 1)
        );
        go.notify_one();
        working.await.unwrap();
        assert_eq!(calls.take(), ["slow evt_1"]);
        assert_eq!(found(store, "evt_1").await.status(), InboxStatus::Applied);
        assert_eq!(store.replay(&["evt_1"]).await.unwrap(), [Replayed::Pending]);
    })
    .await;
}

#[tokio::test]
async fn each_id_is_told_what_became_of_it() {
    on_both(async |db: &TestDb| {
        let store = db.store();
        one_of_each(store).await;
        let asked = [
            "evt_dead",
            "evt_nobody",
            "evt_failed",
            "evt_applied",
            "evt_\0",
            "evt_queued",
            "evt_pending",
            "evt_dead",
        ];
        assert_eq!(
            store.replay(&asked).await.unwrap(),
            [
                Replayed::Queued,
                Replayed::Unknown,
                Replayed::Pending,
                Replayed::Pending,
                Replayed::Unknown,
                Replayed::Pending,
                Replayed::Pending,
                Replayed::Queued,
            ]
        );
        let [dead, pending] = [InboxStatus::Queued, InboxStatus::Pending];
        assert_eq!(
            statuses(
                store,
                &[
                    "evt_dead",
                    "evt_failed",
                    "evt_applied",
                    "evt_queued",
                    "evt_pending"
                ]
            )
            .await,
            [dead, pending, pending, pending, pending]
        );
        assert!(store.replay(&[] as &[&str]).await.unwrap().is_empty());
    })
    .await;
}

#[tokio::test]
async fn all_that_fit_are_done_again() {
    on_both(async |db: &TestDb| {
        let store = db.store();
        one_of_each(store).await;
        let failed = store
            .events()
            .status(InboxStatus::Failed)
            .status(InboxStatus::Dead);
        let report = failed.replay().await.unwrap();
        assert_eq!(
            (report.pending, report.queued, report.in_progress),
            (1, 1, 0)
        );
        assert_eq!(
            ids(&store.events().status(InboxStatus::Pending)).await,
            ["evt_failed", "evt_pending"]
        );
        assert_eq!(
            failed.replay().await.unwrap(),
            stripe_store::inbox::ReplayReport::default()
        );
        assert_eq!(
            found(store, "evt_applied").await.status(),
            InboxStatus::Applied
        );
    })
    .await;
}

#[tokio::test]
async fn more_than_a_transaction_takes_are_done_again() {
    on_both(async |db: &TestDb| {
        let store = db.store();
        let sql = match db.kind() {
            stripe_store_tests::Kind::Sqlite => {
                "WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 1203) \
                 INSERT INTO stripe_events (event_id, account, livemode, event_type, created, payload, status, received_at, \
                 updated_at) SELECT 'evt_' || n, '', 1, 'ping.pong', n / 10, '{}', 'applied', '2023-11-14T22:13:20.000Z', \
                 '2023-11-14T22:13:20.000Z' FROM n"
            }
            stripe_store_tests::Kind::Postgres => {
                "INSERT INTO stripe_events (event_id, account, livemode, event_type, created, payload, status, received_at, \
                 updated_at) SELECT 'evt_' || n, '', true, 'ping.pong', n / 10, '{}', 'applied', now(), now() \
                 FROM generate_series(1, 1203) AS n"
            }
        };
        db.execute(sql).await;
        let report = store.events().event_type("ping.*").replay().await.unwrap();
        assert_eq!(report.pending, 1203);
        assert_eq!(store.events().status(InboxStatus::Pending).count().await.unwrap(), 1203);
        let ids: Vec<String> = (1..=1203).map(|n| format!("evt_{n}")).collect();
        let replayed = store.replay(&ids).await.unwrap();
        assert_eq!(replayed, vec![Replayed::Pending; 1203]);
    })
    .await;
}

#[tokio::test]
async fn events_are_applied_at_once_without_handlers() {
    on_both(async |db: &TestDb| {
        let store = db.store();
        deferred(store, &updated("evt_1", "cus_1", SECOND)).await;
        deferred(store, &updated("evt_2", &"c".repeat(2000), SECOND)).await;
        receive(store, Handlers::new(), &updated("evt_3", "cus_3", SECOND)).await;
        let applied = store.apply_events(&["evt_1", "evt_2", "evt_3", "evt_4"]).await.unwrap();
        assert_eq!(applied[0], AppliedEvent::Applied);
        assert!(matches!(&applied[1], AppliedEvent::Failed(reason) if !reason.is_empty()), "{applied:?}");
        assert_eq!(applied[2..], [AppliedEvent::Left, AppliedEvent::Left]);
        assert!(store.get::<Customer>("cus_1").await.unwrap().is_some());
        let [first, second] = [found(store, "evt_1").await, found(store, "evt_2").await];
        assert_eq!((first.status(), first.attempts()), (InboxStatus::Applied, 1));
        assert_eq!(second.status(), InboxStatus::Failed);
        assert!(second.last_error().is_some());

        // What a transaction fails on is noted, too: a model that refuses it.
        let odd = json!({
            "id": "evt_5", "object": "event", "type": "x.y", "created": SECOND, "livemode": true, "data": {"object": {}},
        });
        deferred(store, &odd).await;
        let applied = store.apply_events(&["evt_5"]).await.unwrap();
        assert!(matches!(&applied[0], AppliedEvent::Failed(_)), "{applied:?}");
    })
    .await;
}
