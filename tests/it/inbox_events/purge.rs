//! Events and requests that are old enough to go.

use std::time::Duration;

use stripe_store::Store;
use stripe_store::inbox::{Handlers, InboxStatus};
use stripe_store::store::{Purged, Retention};
use stripe_store::webhook::Verdict;
use stripe_store_tests::{TestDb, on_both};

use super::{SECOND, Stopped, found, ids, one_of_each, receive, updated};

const DAY: i64 = 24 * 60 * 60;

fn days(days: u64) -> Duration {
    Duration::from_secs(days * 24 * 60 * 60)
}

/// The store, so many days after the events.
fn later(store: &Store, days: i64) -> Store {
    store.clone().with_clock(Stopped(SECOND + days * DAY))
}

#[tokio::test]
async fn only_events_that_are_done_with_and_old_go() {
    on_both(async |db: &TestDb| {
        let store = later(db.store(), 0);
        one_of_each(&store).await;
        for (id, at) in [("evt_1", -2), ("evt_2", -1), ("evt_3", 10 * DAY)] {
            receive(&store, Handlers::new(), &updated(id, "cus_1", SECOND + at)).await;
        }
        let asked = Retention::new().with_events_older_than(days(40)).with_batch_size(1);

        // Nothing goes that nobody asked for.
        let far = later(&store, 4000);
        assert_eq!(far.purge(&Retention::new()).await.unwrap(), Purged::default());
        // Nothing goes that is younger, or was replayed lately.
        assert_eq!(later(&store, 39).purge(&asked).await.unwrap(), Purged::default());
        let lately = later(&store, 30);
        lately.replay(&["evt_1"]).await.unwrap();
        lately.apply_events(&["evt_1"]).await.unwrap();

        let then = later(&store, 41);
        let purgeable = then.purgeable(&asked).await.unwrap();
        let mut told = Vec::new();
        let purged = then.purge_with(&asked, |purged| told.push(purged.events)).await.unwrap();
        assert_eq!((purged.events, purged.rows()), (2, 2));
        assert_eq!(purgeable, purged);
        assert_eq!(told, [1, 2], "a transaction each");
        assert_eq!(
            ids(&store.events()).await,
            ["evt_3", "evt_dead", "evt_failed", "evt_queued", "evt_pending", "evt_1"]
        );
        assert_eq!(found(&store, "evt_1").await.status(), InboxStatus::Applied);

        let short = Retention::new().with_events_older_than(days(32));
        let error = then.purge(&short).await.unwrap_err();
        assert!(error.is_invalid_request());
        assert_eq!(
            error.to_string(),
            "events have to be 33 days old to be removed, not 32: what comes again would be handled again; force it where \
             none can come"
        );
        assert_eq!(later(&store, 71).purge(&short.forced()).await.unwrap().events, 2);
    })
    .await;
}

#[tokio::test]
async fn requests_go_by_their_age() {
    on_both(async |db: &TestDb| {
        let store = later(db.store(), 0);
        assert_eq!(
            receive(&store, Handlers::new(), &updated("evt_1", "cus_1", SECOND)).await,
            Verdict::Accepted
        );
        let next = later(&store, 2);
        assert_eq!(
            receive(&next, Handlers::new(), &updated("evt_1", "cus_1", SECOND)).await,
            Verdict::Duplicate
        );
        let asked = Retention::new().with_deliveries_older_than(days(1));
        assert_eq!(next.purgeable(&asked).await.unwrap().deliveries, 1);
        let purged = next.purge(&asked).await.unwrap();
        assert_eq!((purged.deliveries, purged.events), (1, 0));
        let left = store.deliveries().page().await.unwrap().data;
        assert_eq!(left.len(), 1);
        assert_eq!(left[0].verdict(), Verdict::Duplicate);
        assert_eq!(
            later(&store, 99)
                .purge(&Retention::new())
                .await
                .unwrap()
                .deliveries,
            0
        );
    })
    .await;
}
