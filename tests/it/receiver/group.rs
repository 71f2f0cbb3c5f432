//! Requests that come together are written together, and one that fails is no other's business.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use serde_json::Value;
use stripe_store::inbox::{HandlerError, Handlers};
use stripe_store::webhook::{Outcome, Receiver, Verdict};
use stripe_store_tests::on_both;

use super::{SECOND, builder, customer, event, inbox, log, post, test};

fn some(count: usize) -> Vec<Value> {
    (0..count)
        .map(|n| {
            let customer = customer(&format!("cus_{n:03}"), "Ada");
            event(
                &format!("evt_{n:03}"),
                "customer.created",
                SECOND,
                &customer,
            )
        })
        .collect()
}

async fn post_all(receiver: &Receiver, events: &[Value]) -> Vec<Verdict> {
    let outcomes = join_all(events.iter().map(|event| post(receiver, event))).await;
    outcomes.iter().map(Outcome::verdict).collect()
}

#[tokio::test]
async fn what_comes_together_is_written_together_each_once() {
    on_both(async |db| {
        // Long enough for all to be there.
        let receiver = builder(&test(db))
            .max_group_delay(Duration::from_secs(5))
            .build();
        let mut events = some(40);
        events.extend(some(20));
        let mut verdicts = post_all(&receiver, &events).await;
        verdicts.sort_by_key(|verdict| verdict.as_str());
        assert_eq!(
            verdicts
                .iter()
                .filter(|verdict| **verdict == Verdict::Accepted)
                .count(),
            40
        );
        assert_eq!(
            verdicts
                .iter()
                .filter(|verdict| **verdict == Verdict::Duplicate)
                .count(),
            20
        );
        assert_eq!(inbox(db).await.len(), 40);
        let log = log(db).await;
        assert_eq!(
            log.iter()
                .filter(|line| line.starts_with("accepted"))
                .count(),
            40
        );
        assert_eq!(log.len(), 60);
        // One row of the inbox tells which transaction made it.
        if db.kind() == stripe_store_tests::Kind::Postgres {
            let transactions = db
                .scalar_i64("SELECT count(DISTINCT xmin::text) FROM stripe_events")
                .await;
            assert!(transactions.unwrap() <= 4, "{transactions:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn one_bad_event_does_not_fail_its_group() {
    on_both(async |db| {
        super::handlers::effects_table(db).await;
        let calls = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&calls);
        let handlers = Handlers::new().on_any(move |cx| {
            counted.fetch_add(1, Ordering::SeqCst);
            let is_bad = cx.event().id().ends_with('7');
            Box::pin(async move {
                if is_bad {
                    return Err(HandlerError::retry("sevens"));
                }
                Ok(())
            })
        });
        let receiver = builder(&test(db))
            .handlers(handlers)
            .max_group_delay(Duration::from_secs(5))
            .build();
        let events = some(30);
        let verdicts = post_all(&receiver, &events).await;
        for (n, verdict) in verdicts.iter().enumerate() {
            let expected = if n % 10 == 7 {
                Verdict::Failed
            } else {
                Verdict::Accepted
            };
            assert_eq!(*verdict, expected, "{n}");
        }
        assert_eq!(inbox(db).await.len(), 27);
        let customers = db.scalar_i64("SELECT count(*) FROM stripe_objects").await;
        assert_eq!(customers, Some(27));
        assert_eq!(log(db).await.len(), 30);
    })
    .await;
}

#[tokio::test]
async fn a_database_that_is_gone_is_no_acceptance() {
    on_both(async |db| {
        let receiver = builder(&test(db)).build();
        let events = some(5);
        db.execute("ALTER TABLE stripe_events RENAME TO elsewhere")
            .await;
        let verdicts = post_all(&receiver, &events).await;
        assert!(
            verdicts.iter().all(|verdict| *verdict == Verdict::Failed),
            "{verdicts:?}"
        );
        db.execute("ALTER TABLE elsewhere RENAME TO stripe_events")
            .await;
        let verdicts = post_all(&receiver, &events).await;
        assert!(
            verdicts.iter().all(|verdict| *verdict == Verdict::Accepted),
            "{verdicts:?}"
        );
    })
    .await;
}

/// Whoever asked may be gone before the commit: what was begun is ended, and nobody else waits for ever.
#[tokio::test]
async fn who_hangs_up_holds_up_nobody() {
    on_both(async |db| {
        let receiver = builder(&test(db))
            .max_group_delay(Duration::from_millis(50))
            .build();
        let events = some(20);
        let (dropped, kept) = events.split_at(10);
        let gone = dropped.iter().map(|event| {
            let receiver = receiver.clone();
            let event = event.clone();
            tokio::spawn(async move { post(&receiver, &event).await })
        });
        let gone: Vec<_> = gone.collect();
        tokio::task::yield_now().await;
        for task in &gone {
            task.abort();
        }
        let verdicts = post_all(&receiver, kept).await;
        assert!(
            verdicts.iter().all(|verdict| *verdict == Verdict::Accepted),
            "{verdicts:?}"
        );
        for task in gone {
            let _ended = task.await;
        }
        // None of those was answered, and each is either there or not.
        let verdicts = post_all(&receiver, dropped).await;
        assert!(
            verdicts
                .iter()
                .all(|verdict| matches!(verdict, Verdict::Accepted | Verdict::Duplicate)),
            "{verdicts:?}"
        );
        assert_eq!(inbox(db).await.len(), 20);
    })
    .await;
}
