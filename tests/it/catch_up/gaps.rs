//! Where reading begins, and what events do not reach back to.

use stripe_store::view::Timestamp;
use stripe_store_tests::{TestDb, on_both};

use super::{DATE, EVENTS, SECOND, catch_up, client, customer, event, fake, name, pages, test};

#[tokio::test]
async fn what_events_cannot_tell_is_said_until_everything_was_read_again() {
    on_both(async |db: &TestDb| {
        let (fake, store) = (fake().await, test(db));
        let client = client(&fake);
        fake.set_date(Some(DATE));
        let report = catch_up(&store, &client).await;
        let gap = report.accounts[0].gap().unwrap();
        assert_eq!(gap.to_string(), "before 2023-10-15T22:13:19.000Z");
        assert_eq!(gap.from(), None);

        let synced = store.backfill(&client).types(["customer"]).run().await;
        assert!(synced.unwrap().is_complete());
        assert!(catch_up(&store, &client).await.accounts[0].gap().is_none());

        // Forty days later ten of them are lost.
        fake.set_date(Some("Sun, 24 Dec 2023 22:13:20 GMT"));
        let report = catch_up(&store, &client).await;
        let gap = report.accounts[0].gap().unwrap();
        assert_eq!(gap.from().map(Timestamp::unix_seconds), Some(SECOND - 1));
        assert_eq!(gap.until().unix_seconds(), SECOND + 10 * 86_400 - 1);
        assert_eq!(catch_up(&store, &client).await.accounts[0].gap(), Some(gap));
        // What is new is not what changed.
        let synced = store.backfill(&client).types(["customer"]).run().await;
        assert!(synced.unwrap().is_complete());
        assert_eq!(catch_up(&store, &client).await.accounts[0].gap(), Some(gap));
        let synced = store.backfill(&client).full().run().await;
        assert!(synced.unwrap().is_complete());
        assert_eq!(catch_up(&store, &client).await.accounts[0].gap(), None);
    })
    .await;
}

#[tokio::test]
async fn the_first_run_begins_where_the_lists_were_read() {
    on_both(async |db: &TestDb| {
        let (fake, store) = (fake().await, test(db));
        let client = client(&fake);
        fake.set_date(Some(DATE));
        let synced = store.backfill(&client).types(["customer"]).run().await;
        assert!(synced.unwrap().is_complete());
        let before = event(
            "evt_1",
            "customer.created",
            SECOND - 1000,
            &customer("cus_1", "Ada"),
        );
        fake.add(EVENTS, before);
        let after = event(
            "evt_2",
            "customer.created",
            SECOND + 10,
            &customer("cus_2", "Ada"),
        );
        fake.add(EVENTS, after);
        let report = catch_up(&store, &client).await;
        assert_eq!(report.applied, 1);
        // Five minutes are read again, for what the list did not have yet.
        let from = format!("created[gte]={}&limit=100", SECOND - 301);
        assert_eq!(pages(&fake), [from.replace('[', "%5B").replace(']', "%5D")]);
        assert_eq!(name(&store, "cus_2").await.as_deref(), Some("Ada"));

        let since = Timestamp::from_unix_seconds(SECOND - 2000);
        let report = store.catch_up(&client).since(since).run().await.unwrap();
        assert_eq!(report.applied, 1);
        assert_eq!(name(&store, "cus_1").await.as_deref(), Some("Ada"));
    })
    .await;
}
