//! Queued handlers: after the commit, again where they fail, in turn for each object, by whichever process.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;
use stripe_store::Store;
use stripe_store::inbox::{HandlerError, Handlers, QueuedContext, RetryPolicy, Worker};
use stripe_store::resources::events::CustomerUpdated;
use stripe_store::store::{Dialect, TransactionMut};
use stripe_store::webhook::Verdict;
use stripe_store_tests::{TestDb, on_both};

use super::handlers::{effects, effects_table};
use super::{Hand, SECOND, builder, customer, event, inbox, name, post, test};

async fn insert(
    mut transaction: TransactionMut<'_>,
    id: &str,
    by: &str,
) -> Result<(), HandlerError> {
    match transaction.dialect() {
        Dialect::Sqlite => {
            let query = sqlx::query("INSERT INTO effects VALUES (?1, ?2)");
            query
                .bind(id)
                .bind(by)
                .execute(transaction.sqlite()?)
                .await?;
        }
        Dialect::Postgres => {
            let query = sqlx::query("INSERT INTO effects VALUES ($1, $2)");
            query
                .bind(id)
                .bind(by)
                .execute(transaction.postgres()?)
                .await?;
        }
        _ => unreachable!(),
    }
    Ok(())
}

async fn note(cx: &mut QueuedContext<'_>, by: &str) -> Result<(), HandlerError> {
    let id = cx.event().id().to_owned();
    insert(cx.transaction().await?, &id, by).await
}

fn updates(of: &str, count: i64) -> Vec<Value> {
    (0..count)
        .map(|n| {
            let customer = customer(of, &format!("name {n}"));
            event(
                &format!("evt_{of}_{n:03}"),
                "customer.updated",
                SECOND + n,
                &customer,
            )
        })
        .collect()
}

fn by_hand(db: &TestDb, hand: &Hand) -> Store {
    test(db).with_clock(hand.clone())
}

#[tokio::test]
async fn queued_handlers_run_after_the_commit_until_each_has_done_its_work() {
    on_both(async |db| {
        effects_table(db).await;
        let hand = Hand::at(SECOND);
        let store = by_hand(db, &hand);
        let tries = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&tries);
        let handlers = Handlers::new()
            .queued::<CustomerUpdated>("mail", move |mut cx, customer| {
                let attempt = cx.attempt();
                counted.fetch_add(1, Ordering::SeqCst);
                assert_eq!(customer.name(), Some("name 0"));
                Box::pin(async move {
                    note(&mut cx, "mail").await?;
                    if attempt < 3 {
                        return Err(HandlerError::retry("asleep"));
                    }
                    Ok(())
                })
            })
            .queued_any("count", |mut cx| {
                Box::pin(async move { note(&mut cx, "count").await })
            });
        let receiver = builder(&store).handlers(handlers).build();
        let worker = receiver.worker();
        let updated = &updates("cus_1", 1)[0];
        assert_eq!(post(&receiver, updated).await.verdict(), Verdict::Accepted);
        assert_eq!(inbox(db).await, ["evt_cus_1_000 queued 0 -"]);
        assert!(effects(db).await.is_empty());

        assert_eq!(worker.drain().await.unwrap(), 1);
        // The one that failed has left nothing; the other one is done for good.
        assert_eq!(effects(db).await, ["evt_cus_1_000 count"]);
        assert_eq!(inbox(db).await, ["evt_cus_1_000 queued 1 mail: asleep"]);
        // It is not due yet.
        assert_eq!(worker.drain().await.unwrap(), 0);
        hand.advance(Duration::from_secs(1));
        assert_eq!(worker.drain().await.unwrap(), 1);
        hand.advance(Duration::from_millis(1400));
        assert_eq!(worker.drain().await.unwrap(), 0);
        hand.advance(Duration::from_millis(600));
        assert_eq!(worker.drain().await.unwrap(), 1);
        assert_eq!(
            effects(db).await,
            ["evt_cus_1_000 count", "evt_cus_1_000 mail"]
        );
        assert_eq!(inbox(db).await, ["evt_cus_1_000 applied 3 -"]);
        assert_eq!(tries.load(Ordering::SeqCst), 3);
    })
    .await;
}

#[tokio::test]
async fn what_fails_for_good_is_a_dead_letter_with_its_reason() {
    on_both(async |db| {
        let hand = Hand::at(SECOND);
        let store = by_hand(db, &hand);
        let handlers = Handlers::new().queued_any("odd", |cx| {
            let is_final = cx.event().id().contains("cus_2");
            Box::pin(async move {
                Err(if is_final {
                    HandlerError::give_up("never")
                } else {
                    HandlerError::retry("not yet")
                })
            })
        });
        let receiver = builder(&store)
            .handlers(handlers)
            .retry(RetryPolicy::new().with_max_attempts(2))
            .build();
        let worker = receiver.worker();
        for customer in ["cus_1", "cus_2"] {
            post(&receiver, &updates(customer, 1)[0]).await;
        }
        worker.drain().await.unwrap();
        let expected = [
            "evt_cus_1_000 queued 1 odd: not yet",
            "evt_cus_2_000 dead 1 odd: never",
        ];
        assert_eq!(inbox(db).await, expected);
        hand.advance(Duration::from_hours(2));
        worker.drain().await.unwrap();
        let expected = [
            "evt_cus_1_000 dead 2 odd: not yet",
            "evt_cus_2_000 dead 1 odd: never",
        ];
        assert_eq!(inbox(db).await, expected);
    })
    .await;
}

/// Two workers on one database, slow handlers, and events of a few objects: never two at once of one object, all in
/// Stripe's order, and those of different objects side by side.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn events_of_one_object_are_handled_one_after_the_other() {
    on_both(async |db| {
        #[derive(Default)]
        struct Seen {
            now: BTreeMap<String, usize>,
            most: usize,
            order: BTreeMap<String, Vec<i64>>,
        }
        let seen: Arc<Mutex<Seen>> = Arc::default();
        let shared = Arc::clone(&seen);
        let handlers = Handlers::new().queued::<CustomerUpdated>("slow", move |cx, customer| {
            let seen = Arc::clone(&shared);
            let id = customer.id().to_owned();
            let created = cx.event().created().unwrap().unix_seconds();
            Box::pin(async move {
                {
                    let mut seen = seen.lock().unwrap();
                    let at_once = seen.now.entry(id.clone()).or_default();
                    *at_once += 1;
                    assert_eq!(*at_once, 1, "{id} twice at once");
                    let total = seen.now.values().sum();
                    seen.most = seen.most.max(total);
                    seen.order.entry(id.clone()).or_default().push(created);
                }
                tokio::time::sleep(Duration::from_millis(3)).await;
                *seen.lock().unwrap().now.get_mut(&id).unwrap() -= 1;
                Ok(())
            })
        });
        let receiver = builder(&test(db)).handlers(handlers.clone()).build();
        let mut events: Vec<Value> = ["cus_1", "cus_2", "cus_3"]
            .iter()
            .flat_map(|id| updates(id, 12))
            .collect();
        // In some other order than that of their making.
        events.sort_by_key(|event| {
            event["id"]
                .as_str()
                .unwrap()
                .chars()
                .rev()
                .collect::<String>()
        });
        for event in &events {
            assert_eq!(post(&receiver, event).await.verdict(), Verdict::Accepted);
        }
        let other = db.connect().await.test_mode();
        let workers = [receiver.worker(), Worker::new(&other, handlers)];
        let (a, b) = tokio::join!(workers[0].drain(), workers[1].drain());
        // Where one finds nothing to claim while the other is at work, it ends early.
        let rest = workers[0].drain().await.unwrap();
        assert_eq!(a.unwrap() + b.unwrap() + rest, 36);
        {
            let seen = seen.lock().unwrap();
            let expected: Vec<i64> = (0..12).map(|n| SECOND + n).collect();
            for (id, order) in &seen.order {
                assert_eq!(*order, expected, "{id}");
            }
            assert!(seen.most > 1, "nothing was done side by side");
        }
        assert!(
            inbox(db)
                .await
                .iter()
                .all(|line| line.ends_with(" applied 1 -"))
        );
    })
    .await;
}

#[tokio::test]
async fn what_a_dead_worker_had_is_taken_over_when_its_lease_is_over_and_not_before() {
    on_both(async |db| {
        effects_table(db).await;
        let hand = Hand::at(SECOND);
        let store = by_hand(db, &hand);
        let (began, mut begins) = tokio::sync::mpsc::unbounded_channel();
        let stuck = Handlers::new().queued_any("note", move |mut cx| {
            let began = began.clone();
            Box::pin(async move {
                note(&mut cx, "stuck").await?;
                began.send(()).unwrap();
                std::future::pending().await
            })
        });
        let receiver = builder(&store).handlers(stuck).build();
        post(&receiver, &updates("cus_1", 1)[0]).await;
        let task = tokio::spawn(receiver.worker().run(std::future::pending()));
        begins.recv().await.unwrap();
        // As if the process were killed.
        task.abort();
        let _aborted = task.await;

        let handlers = Handlers::new().queued_any("note", |mut cx| {
            Box::pin(async move { note(&mut cx, "other").await })
        });
        let other = Worker::new(&store, handlers);
        assert_eq!(other.drain().await.unwrap(), 0);
        hand.advance(Duration::from_secs(59));
        assert_eq!(other.drain().await.unwrap(), 0);
        hand.advance(Duration::from_secs(2));
        assert_eq!(other.drain().await.unwrap(), 1);
        assert_eq!(effects(db).await, ["evt_cus_1_000 other"]);
    })
    .await;
}

/// A worker that was held up for longer than its lease does not write what another one has written meanwhile.
#[tokio::test]
async fn who_comes_back_after_the_lease_is_over_writes_nothing() {
    on_both(async |db| {
        effects_table(db).await;
        let hand = Hand::at(SECOND);
        let store = by_hand(db, &hand);
        let (began, mut begins) = tokio::sync::mpsc::unbounded_channel();
        let gate = Arc::new(tokio::sync::Notify::new());
        let slow = {
            let gate = Arc::clone(&gate);
            Handlers::new().queued_any("note", move |mut cx| {
                let (began, gate) = (began.clone(), Arc::clone(&gate));
                Box::pin(async move {
                    began.send(()).unwrap();
                    gate.notified().await;
                    note(&mut cx, "slow").await
                })
            })
        };
        let receiver = builder(&store).handlers(slow).build();
        post(&receiver, &updates("cus_1", 1)[0]).await;
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let worker = receiver
            .worker()
            .with_interval(Duration::from_hours(1))
            .with_lease(Duration::from_mins(30));
        let task = tokio::spawn(worker.run(async move { stopped.await.unwrap() }));
        begins.recv().await.unwrap();
        hand.advance(Duration::from_mins(31));
        let handlers = Handlers::new().queued_any("note", |mut cx| {
            Box::pin(async move { note(&mut cx, "other").await })
        });
        assert_eq!(Worker::new(&store, handlers).drain().await.unwrap(), 1);
        gate.notify_one();
        stop.send(()).unwrap();
        task.await.unwrap().unwrap();
        assert_eq!(effects(db).await, ["evt_cus_1_000 other"]);
        assert_eq!(inbox(db).await, ["evt_cus_1_000 applied 1 -"]);
    })
    .await;
}

#[tokio::test]
async fn c063_deferred_events_are_answered_first_and_applied_by_a_worker() {
    on_both(async |db| {
        effects_table(db).await;
        let handlers = Handlers::new()
            .on_any(|mut cx| {
                Box::pin(async move {
                    let id = cx.event().id().to_owned();
                    insert(cx.transaction(), &id, "direct").await
                })
            })
            .queued_any("later", |mut cx| {
                Box::pin(async move { note(&mut cx, "later").await })
            });
        let receiver = builder(&test(db)).handlers(handlers).deferred().build();
        let events = updates("cus_1", 3);
        for event in &events {
            assert_eq!(post(&receiver, event).await.verdict(), Verdict::Accepted);
        }
        assert_eq!(
            post(&receiver, &events[0]).await.verdict(),
            Verdict::Duplicate
        );
        assert!(effects(db).await.is_empty());
        assert_eq!(name(&test(db), "cus_1").await, None);
        assert!(
            inbox(db)
                .await
                .iter()
                .all(|line| line.ends_with(" pending 0 -"))
        );
        assert_eq!(receiver.worker().drain().await.unwrap(), 6);
        assert_eq!(name(&test(db), "cus_1").await.as_deref(), Some("name 2"));
        assert_eq!(effects(db).await.len(), 6);
        assert!(
            inbox(db)
                .await
                .iter()
                .all(|line| line.ends_with(" applied 1 -"))
        );
    })
    .await;
}

/// A pending event whose handler fails is tried again later, and holds up no other.
#[tokio::test]
async fn a_pending_event_that_fails_is_tried_again() {
    on_both(async |db| {
        let hand = Hand::at(SECOND);
        let store = by_hand(db, &hand);
        let tries = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&tries);
        let handlers = Handlers::new().on_any(move |cx| {
            let is_bad = cx.event().id().ends_with("001");
            let fails = is_bad && counted.fetch_add(1, Ordering::SeqCst) < 2;
            Box::pin(async move {
                if fails {
                    return Err(HandlerError::retry("not yet"));
                }
                Ok(())
            })
        });
        let receiver = builder(&store).handlers(handlers).deferred().build();
        for event in updates("cus_1", 3) {
            post(&receiver, &event).await;
        }
        // Together with the others, and then on its own.
        receiver.worker().drain().await.unwrap();
        assert_eq!(
            inbox(db).await,
            [
                "evt_cus_1_000 applied 1 -",
                "evt_cus_1_001 pending 1 not yet",
                "evt_cus_1_002 applied 1 -"
            ]
        );
        hand.advance(Duration::from_secs(1));
        receiver.worker().drain().await.unwrap();
        assert_eq!(inbox(db).await[1], "evt_cus_1_001 applied 2 -");
    })
    .await;
}
