//! Handlers in the transaction: their order, what they see, and what is left when one fails.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use serde_json::json;
use stripe_store::inbox::{EventContext, HandlerError, Handlers};
use stripe_store::resources::Customer;
use stripe_store::resources::events::{CustomerCreated, CustomerSubscriptionCreated};
use stripe_store::store::Dialect;
use stripe_store::view::View as _;
use stripe_store::webhook::{ReceiveError, Verdict};
use stripe_store_tests::{TestDb, on_both};

use super::{SECOND, builder, customer, event, inbox, log, name, post, receiver, test};

/// Notes in a table of the application's that an event was handled.
async fn note(cx: &mut EventContext<'_>, by: &str) -> Result<(), HandlerError> {
    let id = cx.event().id().to_owned();
    match cx.store().dialect() {
        Dialect::Sqlite => {
            let sql = "INSERT INTO effects VALUES (?1, ?2)";
            sqlx::query(sql)
                .bind(id)
                .bind(by)
                .execute(cx.sqlite()?)
                .await?;
        }
        Dialect::Postgres => {
            let sql = "INSERT INTO effects VALUES ($1, $2)";
            sqlx::query(sql)
                .bind(id)
                .bind(by)
                .execute(cx.postgres()?)
                .await?;
        }
        _ => unreachable!(),
    }
    Ok(())
}

pub(super) async fn effects_table(db: &TestDb) {
    db.execute("CREATE TABLE effects (event_id text, handler text)")
        .await;
}

pub(super) async fn effects(db: &TestDb) -> Vec<String> {
    super::lines(
        db,
        "SELECT event_id || ' ' || handler AS line FROM effects ORDER BY 1",
    )
    .await
}

#[tokio::test]
async fn c065_c066_c067_handlers_run_once_those_for_more_types_first() {
    on_both(async |db| {
        let seen: Arc<Mutex<Vec<String>>> = Arc::default();
        let push = {
            let seen = Arc::clone(&seen);
            move |text: String| seen.lock().unwrap().push(text)
        };
        let [typed, by_name, below, prefix, any] = std::array::from_fn(|_| push.clone());
        let handlers = Handlers::new()
            .on::<CustomerSubscriptionCreated>(move |cx, subscription| {
                typed(format!(
                    "typed {} {:?}",
                    subscription.id(),
                    cx.event().customer()
                ));
                Box::pin(async { Ok(()) })
            })
            .on_type("customer.subscription.created", move |_| {
                by_name("by name".to_owned());
                Box::pin(async { Ok(()) })
            })
            .on_prefix("customer.subscription.*", move |_| {
                below("customer.subscription".to_owned());
                Box::pin(async { Ok(()) })
            })
            .on_prefix("customer", move |cx| {
                let object = cx
                    .object::<stripe_store::AnyObject>()
                    .map(|object| object.data().clone());
                prefix(format!("customer {}", object.unwrap()["object"]));
                Box::pin(async { Ok(()) })
            })
            .on_any(move |cx| {
                any(format!("any {:?}", cx.event().resource_and_action()));
                Box::pin(async { Ok(()) })
            });
        let receiver = receiver(db, handlers);
        let subscription = json!({"id": "sub_1", "object": "subscription", "customer": "cus_1"});
        let created = event(
            "evt_1",
            "customer.subscription.created",
            SECOND,
            &subscription,
        );
        for _ in 0..2 {
            assert_eq!(post(&receiver, &created).await.status(), 200);
        }
        let expected = [
            "any Some((\"customer.subscription\", \"created\"))",
            "customer \"subscription\"",
            "customer.subscription",
            "typed sub_1 Some(\"cus_1\")",
            "by name",
        ];
        assert_eq!(*seen.lock().unwrap(), expected);
    })
    .await;
}

#[tokio::test]
async fn c060_c061_c062_a_handler_that_fails_leaves_nothing_but_the_log() {
    on_both(async |db| {
        effects_table(db).await;
        let calls = Arc::new(AtomicUsize::new(0));
        let told: Arc<Mutex<Vec<String>>> = Arc::default();
        let (counted, hook) = (Arc::clone(&calls), Arc::clone(&told));
        let handlers = Handlers::new().on::<CustomerCreated>(move |mut cx, customer: &Customer| {
            let call = counted.fetch_add(1, Ordering::SeqCst);
            assert_eq!(customer.name(), Some("Ada"));
            Box::pin(async move {
                note(&mut cx, "first").await?;
                match call {
                    0 => Err(HandlerError::retry("the mail server is asleep")),
                    1 => panic!("at the {}nd call", 2),
                    _ => Ok(()),
                }
            })
        });
        let receiver = builder(&test(db))
            .handlers(handlers)
            .on_outcome(move |outcome| {
                let error = outcome.error().map(ToString::to_string);
                hook.lock()
                    .unwrap()
                    .push(format!("{} {error:?}", outcome.body().trim()));
            })
            .build();
        let created = event(
            "evt_1",
            "customer.created",
            SECOND,
            &customer("cus_1", "Ada"),
        );
        for reason in [
            "the mail server is asleep",
            "the handler panicked: at the 2nd call",
        ] {
            let outcome = post(&receiver, &created).await;
            assert_eq!(
                (outcome.verdict(), outcome.status()),
                (Verdict::Failed, 500)
            );
            let Some(ReceiveError::Handler {
                id,
                event_type,
                source,
                ..
            }) = outcome.error()
            else {
                panic!("{outcome:?}");
            };
            assert_eq!(
                (id.as_str(), event_type.as_str()),
                ("evt_1", "customer.created")
            );
            assert_eq!(source.to_string(), reason);
            // Nothing of it is told to whoever asks.
            assert_eq!(outcome.body(), "failed\n");
            assert!(inbox(db).await.is_empty() && effects(db).await.is_empty());
            assert_eq!(name(&test(db), "cus_1").await, None);
        }
        // Stripe sends it again.
        assert_eq!(post(&receiver, &created).await.verdict(), Verdict::Accepted);
        assert_eq!(effects(db).await, ["evt_1 first"]);
        assert_eq!(inbox(db).await, ["evt_1 applied 1 -"]);
        let log = log(db).await;
        assert_eq!(log.len(), 3);
        assert!(
            log[0].starts_with("failed 500 evt_1 ") && log[0].ends_with(" body"),
            "{log:?}"
        );
        assert!(log[0].contains("the mail server is asleep"), "{log:?}");
        assert_eq!(told.lock().unwrap().len(), 3);
        assert!(told.lock().unwrap()[0].starts_with("failed Some("));
    })
    .await;
}

#[tokio::test]
async fn a_handler_that_gives_up_keeps_the_event_and_its_object() {
    on_both(async |db| {
        effects_table(db).await;
        let handlers = Handlers::new().on_any(|mut cx| {
            Box::pin(async move {
                note(&mut cx, "first").await?;
                Err(HandlerError::give_up("no such user"))
            })
        });
        let receiver = receiver(db, handlers);
        let created = event(
            "evt_1",
            "customer.created",
            SECOND,
            &customer("cus_1", "Ada"),
        );
        let outcome = post(&receiver, &created).await;
        assert_eq!((outcome.verdict(), outcome.status()), (Verdict::Kept, 200));
        assert_eq!(outcome.error().unwrap().to_string(), "no such user");
        assert_eq!(inbox(db).await, ["evt_1 failed 1 no such user"]);
        assert_eq!(name(&test(db), "cus_1").await.as_deref(), Some("Ada"));
        assert!(effects(db).await.is_empty());
        assert_eq!(log(db).await, ["kept 200 evt_1 no such user no body"]);
        // Somebody has it sent again.
        assert_eq!(post(&receiver, &created).await.verdict(), Verdict::Kept);
        assert_eq!(inbox(db).await, ["evt_1 failed 2 no such user"]);
    })
    .await;
}

#[tokio::test]
async fn what_a_handler_writes_is_there_with_the_object_or_not_at_all() {
    on_both(async |db| {
        effects_table(db).await;
        let handlers = Handlers::new().on::<CustomerCreated>(|mut cx, _| {
            Box::pin(async move {
                // It sees the object in its transaction, and writes another one.
                let read =
                    stripe_store::Snapshot::read(r#"{"object": "product", "id": "prod_1"}"#)?;
                let taken = read.taken(stripe_store::store::Interval::second(SECOND), "handler");
                let store = cx.store().clone();
                store.write_in(cx.transaction(), &[taken]).await?;
                note(&mut cx, "typed").await
            })
        });
        let receiver = receiver(db, handlers);
        let created = event(
            "evt_1",
            "customer.created",
            SECOND,
            &customer("cus_1", "Ada"),
        );
        assert_eq!(post(&receiver, &created).await.status(), 200);
        assert!(
            test(db)
                .get_object("product", "prod_1")
                .await
                .unwrap()
                .is_some()
        );
        assert_eq!(effects(db).await, ["evt_1 typed"]);
    })
    .await;
}
