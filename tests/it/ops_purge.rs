//! Retention: what goes, what stays, and that nobody notices.

use std::time::Duration;

use stripe_store::clock::{Clock, UnixMillis};
use stripe_store::store::{Interval, Pool, Purged, Retention, Snapshot, StoreError};
use stripe_store::{Outcome, Store};
use stripe_store_tests::{Kind, RawPool, TestDb, on_both, on_postgres, on_sqlite};

use super::ops_transfer::{exported, fill, sizes};

const DAY: i64 = 24 * 60 * 60;
/// Some day, in unix seconds.
const TODAY: i64 = 1_800_000_000;

#[derive(Debug)]
struct Stopped(i64);

impl Clock for Stopped {
    fn now(&self) -> UnixMillis {
        UnixMillis::from_seconds(self.0)
    }
}

/// The store, on this many days before today.
fn days_ago(store: &Store, days: i64) -> Store {
    store.clone().with_clock(Stopped(TODAY - days * DAY))
}

fn older_than(days: u64) -> Retention {
    Retention::new().with_tombstones_older_than(Duration::from_secs(days * 24 * 60 * 60))
}

/// Deletes a customer at Stripe and here, on the same day.
async fn delete(store: &Store, id: &str, days: i64) {
    let store = days_ago(store, days);
    let second = Interval::second(TODAY - days * DAY);
    let json = format!(r#"{{"id":"{id}","object":"customer"}}"#);
    let stub = format!(r#"{{"id":"{id}","object":"customer","deleted":true}}"#);
    let seen = Snapshot::read(&json).unwrap().taken(second, "evt_seen");
    store.write(&[seen]).await.unwrap();
    let gone = Snapshot::read(&stub).unwrap().taken(second, "evt_gone");
    assert_eq!(store.write(&[gone]).await.unwrap(), [Outcome::Deleted]);
}

async fn ids(store: &Store) -> Vec<String> {
    let page = store
        .list_object("customer")
        .limit(1000)
        .including_deleted()
        .page()
        .await
        .unwrap();
    let mut ids: Vec<_> = page
        .data
        .iter()
        .map(|stored| stored.row().stripe_id().to_owned())
        .collect();
    ids.sort();
    ids
}

#[tokio::test]
async fn tombstones_older_than_asked_for_go_and_nothing_else() {
    on_both(async |db: &TestDb| {
        let store = days_ago(db.store(), 0);
        for (id, days) in [
            ("cus_100", 100),
            ("cus_61", 61),
            ("cus_59", 59),
            ("cus_1", 1),
        ] {
            delete(&store, id, days).await;
        }
        delete(&store.account("acct_1").test_mode(), "cus_other", 80).await;
        // Deleted at Stripe long ago, and here yesterday: events of then may be on their way with it.
        let late = r#"{"id":"cus_late","object":"customer","deleted":true}"#;
        let late = Snapshot::read(late)
            .unwrap()
            .taken(Interval::second(TODAY - 100 * DAY), "evt_late");
        days_ago(&store, 1).write(&[late]).await.unwrap();
        let live = r#"{"id":"cus_live","object":"customer"}"#;
        let live = Snapshot::read(live)
            .unwrap()
            .taken(Interval::second(TODAY - 400 * DAY), "evt_1");
        days_ago(&store, 400).write(&[live]).await.unwrap();

        assert_eq!(
            store.purge(&Retention::new()).await.unwrap(),
            Purged::default(),
            "they are kept by default"
        );
        let purgeable = store.purgeable(&older_than(60)).await.unwrap();
        assert_eq!((purgeable.tombstones, purgeable.rows()), (3, 3));
        assert_eq!(sizes(db).await[0], 7, "counting removes nothing");
        assert_eq!(store.purge(&older_than(60)).await.unwrap(), purgeable);
        assert_eq!(
            ids(&store).await,
            ["cus_1", "cus_59", "cus_late", "cus_live"]
        );
        assert_eq!(ids(&store.account("acct_1").test_mode()).await, [""; 0]);
        assert_eq!(
            store.purge(&older_than(60)).await.unwrap(),
            Purged::default()
        );
        assert_eq!(
            store.purgeable(&older_than(60)).await.unwrap(),
            Purged::default()
        );
    })
    .await;
}

#[tokio::test]
async fn an_age_that_late_events_outlive_takes_force() {
    on_both(async |db: &TestDb| {
        let store = days_ago(db.store(), 0);
        delete(&store, "cus_2", 2).await;
        for refused in [
            store.purge(&older_than(1)).await,
            store.purgeable(&older_than(32)).await,
        ] {
            let error = refused.unwrap_err();
            assert!(
                matches!(error, StoreError::RetentionTooShort { min_days: 33, .. }),
                "{error}"
            );
            assert!(error.is_invalid_request() && !error.is_transient());
        }
        assert_eq!(sizes(db).await[0], 1);
        assert_eq!(
            store
                .purge(&older_than(1).forced())
                .await
                .unwrap()
                .tombstones,
            1
        );
        // What is documented of it: an event from before the deletion brings the object back.
        let old = Snapshot::read(r#"{"id":"cus_2","object":"customer"}"#).unwrap();
        let old = old.taken(Interval::second(TODAY - 3 * DAY), "evt_late");
        assert_eq!(store.write(&[old]).await.unwrap(), [Outcome::Inserted]);
    })
    .await;
}

#[tokio::test]
async fn each_transaction_is_about_few_objects() {
    on_both(async |db: &TestDb| {
        let store = days_ago(db.store(), 0);
        for n in 0..7 {
            delete(&store, &format!("cus_{n}"), 100 + n).await;
        }
        let mut seen = Vec::new();
        let retention = older_than(60).with_batch_size(3);
        let purged = store
            .purge_with(&retention, |so_far| seen.push(so_far.tombstones))
            .await
            .unwrap();
        assert_eq!(seen, [3, 6, 7]);
        assert_eq!(purged.tombstones, 7);
        assert_eq!(sizes(db).await[0], 0);
    })
    .await;
}

#[tokio::test]
async fn rivals_and_marks_go_with_their_tombstone() {
    on_both(async |db: &TestDb| {
        // Everything in it is of 1970.
        fill(&days_ago(db.store(), 100)).await;
        let gone = r#"{"id":"in_open","object":"invoice","deleted":true}"#;
        let gone = Snapshot::read(gone)
            .unwrap()
            .taken(Interval::second(96), "evt_gone");
        days_ago(db.store(), 100).write(&[gone]).await.unwrap();
        assert_eq!(sizes(db).await[2], 1);
        let store = days_ago(db.store(), 0);
        let live = store
            .list_object("customer")
            .limit(100)
            .page()
            .await
            .unwrap();
        let before: Vec<_> = live
            .data
            .iter()
            .map(|stored| stored.json().to_owned())
            .collect();
        let [objects, rivals, marks] = sizes(db).await;
        let purgeable = store.purgeable(&older_than(60)).await.unwrap();
        let purged = store.purge(&older_than(60)).await.unwrap();
        assert_eq!(purged, purgeable);
        // cus_gone, cus_stub, cus_whole and in_open.
        assert_eq!(purged.tombstones, 4);
        let counted = |rows: i64| u64::try_from(rows).unwrap();
        assert_eq!(
            (purged.rivals, purged.marks),
            (counted(rivals), counted(marks))
        );
        assert_eq!(sizes(db).await, [objects - 4, 0, 0]);
        let live = store
            .list_object("customer")
            .limit(100)
            .page()
            .await
            .unwrap();
        let after: Vec<_> = live
            .data
            .iter()
            .map(|stored| stored.json().to_owned())
            .collect();
        assert_eq!(after, before);
    })
    .await;
}

#[tokio::test]
async fn settled_conflicts_go_and_open_ones_stay() {
    on_both(async |db: &TestDb| {
        fill(&days_ago(db.store(), 100)).await;
        let store = days_ago(db.store(), 0);
        let before = exported(&store).await;
        let of_open = before.matches(r#""row":"rival","account":"","livemode":true,"object":"invoice","stripe_id":"in_open""#).count();
        assert!(of_open > 0);
        let purged = store.purge(&Retention::new()).await.unwrap();
        assert_eq!((purged.tombstones, purged.marks), (0, 0));
        let [_, rivals, marks] = sizes(db).await;
        assert_eq!((rivals, marks), (i64::try_from(of_open).unwrap(), 1));
        // All lines but those that went are as they were.
        let after = exported(&store).await;
        let expected: Vec<&str> = before
            .lines()
            .filter(|line| !(line.starts_with(r#"{"row":"rival""#) && line.contains("in_chain")))
            .collect();
        let lines = expected.len();
        assert_eq!(after.lines().take(lines - 1).collect::<Vec<_>>(), expected[..lines - 1]);
        assert_eq!(db.scalar_i64("SELECT count(*) FROM stripe_objects WHERE has_rivals").await, Some(1));
        // The next conflict of the same object is kept like any other.
        let paid = Snapshot::read(r#"{"id":"in_chain","object":"invoice","status":"void"}"#).unwrap();
        store.write(&[paid.taken(Interval::second(90), "evt_z")]).await.unwrap();
        assert!(sizes(db).await[1] > rivals);
    })
    .await;
}

#[tokio::test]
async fn conflicts_that_a_late_event_may_still_touch_stay() {
    on_both(async |db: &TestDb| {
        fill(db.store()).await;
        let [_, rivals, marks] = sizes(db).await;
        // All of it is of the first 95 seconds of 1970.
        for (days, left) in [(45, rivals), (46, 1)] {
            let store = db.store().clone().with_clock(Stopped(days * DAY + 60));
            store.purge(&Retention::new()).await.unwrap();
            let [_, rivals, still] = sizes(db).await;
            assert!(
                if days == 45 {
                    rivals == left
                } else {
                    rivals >= left && rivals < 5
                },
                "{days}: {rivals}"
            );
            assert_eq!(still, marks);
        }
    })
    .await;
}

#[tokio::test]
async fn what_belongs_to_no_object_goes() {
    on_both(async |db: &TestDb| {
        fill(&days_ago(db.store(), 0)).await;
        let [_, rivals, _] = sizes(db).await;
        db.execute("DELETE FROM stripe_objects WHERE stripe_id IN ('in_open', 'in_chain')")
            .await;
        let store = days_ago(db.store(), 0);
        let expected = store.purgeable(&Retention::new()).await.unwrap();
        assert_eq!(
            (expected.rivals, expected.marks),
            (u64::try_from(rivals).unwrap(), 1)
        );
        let purged = store
            .purge(&Retention::new().with_batch_size(1))
            .await
            .unwrap();
        assert_eq!(purged, expected);
        assert_eq!(sizes(db).await[1..], [0, 0]);
        // The object may come again.
        let open = Snapshot::read(r#"{"id":"in_open","object":"invoice"}"#).unwrap();
        assert_eq!(
            store
                .write(&[open.taken(Interval::second(90), "evt_1")])
                .await
                .unwrap(),
            [Outcome::Inserted]
        );
    })
    .await;
}

#[tokio::test]
async fn a_row_that_somebody_holds_is_left_for_the_next_time() {
    on_postgres(async |db: &TestDb| {
        let store = days_ago(db.store(), 0);
        for id in ["cus_1", "cus_2", "cus_3"] {
            delete(&store, id, 100).await;
        }
        let RawPool::Postgres(pool) = db.pool() else {
            unreachable!()
        };
        let mut holder = pool.begin().await.unwrap();
        sqlx::query("SELECT 1 FROM stripe_objects WHERE stripe_id = 'cus_2' FOR UPDATE")
            .execute(&mut *holder)
            .await
            .unwrap();
        let retention = older_than(60);
        let purge = store.purge(&retention);
        let purged = tokio::time::timeout(Duration::from_mins(1), purge)
            .await
            .expect("it does not wait")
            .unwrap();
        assert_eq!(purged.tombstones, 2);
        assert_eq!(ids(&store).await, ["cus_2"]);
        holder.rollback().await.unwrap();
        assert_eq!(store.purge(&older_than(60)).await.unwrap().tombstones, 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn purging_goes_on_beside_writers() {
    on_both(async |db: &TestDb| {
        let store = days_ago(db.store(), 0);
        for n in 0..60 {
            delete(&store, &format!("cus_old_{n}"), 100).await;
        }
        let writers: Vec<_> = (0..3)
            .map(|writer| {
                let store = store.clone();
                tokio::spawn(async move {
                    for n in 0..40 {
                        // New objects, and conflicts of one second that are settled long ago.
                        let live =
                            format!(r#"{{"id":"cus_new_{writer}_{n}","object":"customer"}}"#);
                        let rival =
                            format!(r#"{{"id":"in_{n}","object":"invoice","status":"{writer}"}}"#);
                        let before =
                            format!(r#"{{"status":"{}"}}"#, i32::from(writer > 0) * (writer - 1));
                        let snapshots = [
                            Snapshot::read(&live)
                                .unwrap()
                                .taken(Interval::second(TODAY), "evt_new"),
                            Snapshot::read(&rival)
                                .unwrap()
                                .previous_attributes(&before)
                                .taken(Interval::second(1000), format!("evt_{writer}")),
                        ];
                        store.write(&snapshots).await.unwrap();
                    }
                })
            })
            .collect();
        let purger = {
            let store = store.clone();
            tokio::spawn(async move {
                let mut purged = 0;
                while purged < 60 {
                    purged += store
                        .purge(&older_than(60).with_batch_size(7))
                        .await
                        .unwrap()
                        .tombstones;
                }
            })
        };
        for task in writers.into_iter().chain([purger]) {
            task.await.unwrap();
        }
        store.purge(&older_than(60)).await.unwrap();
        let [objects, rivals, marks] = sizes(db).await;
        assert_eq!(objects, 3 * 40 + 40);
        let known = "SELECT count(*) FROM stripe_objects WHERE has_rivals";
        assert_eq!(
            (rivals > 0, marks > 0),
            (db.scalar_i64(known).await > Some(0), marks > 0)
        );
        assert_eq!(
            store.purgeable(&older_than(60)).await.unwrap(),
            Purged::default()
        );
    })
    .await;
}

#[tokio::test]
async fn a_store_under_a_prefix_purges_its_own_tables() {
    for kind in Kind::ALL {
        let db = match kind {
            Kind::Sqlite => TestDb::sqlite().await,
            Kind::Postgres => TestDb::postgres().await,
        };
        let names = stripe_store::store::TableNames::new()
            .with_prefix("eu_")
            .unwrap();
        let prefixed = days_ago(&db.connect().await.with_tables(names).unwrap(), 0);
        prefixed.migrate().await.unwrap();
        fill(&days_ago(&prefixed, 100)).await;
        fill(&days_ago(db.store(), 100)).await;
        let untouched = exported(db.store()).await;
        let text = exported(&prefixed).await;
        assert_eq!(text, untouched);
        assert!(prefixed.purge(&older_than(60)).await.unwrap().rivals > 0);
        assert_ne!(exported(&prefixed).await, text);
        assert_eq!(exported(db.store()).await, untouched);
        prefixed.vacuum().await.unwrap();
    }
}

#[tokio::test]
async fn a_vacuum_gives_the_room_back() {
    on_sqlite(async |db: &TestDb| {
        let store = days_ago(db.store(), 0);
        for n in 0..20 {
            let text = "x".repeat(200_000);
            let json = format!(r#"{{"id":"cus_{n}","object":"customer","text":"{text}"}}"#);
            let snapshot = Snapshot::read(&json).unwrap().tombstone();
            days_ago(&store, 100)
                .write(&[snapshot.taken(Interval::second(TODAY - 100 * DAY), "evt_1")])
                .await
                .unwrap();
        }
        let file = db.url().strip_prefix("sqlite://").unwrap();
        let bytes = || std::fs::metadata(file).unwrap().len();
        assert_eq!(store.purge(&older_than(60)).await.unwrap().tombstones, 20);
        store.vacuum().await.unwrap();
        assert!(bytes() < 500_000, "{} bytes", bytes());
    })
    .await;
    on_postgres(async |db: &TestDb| {
        db.store().vacuum().await.unwrap();
        let vacuumed = "SELECT count(*) FROM pg_stat_user_tables WHERE vacuum_count > 0";
        let Pool::Postgres(pool) = db.store().pool() else {
            unreachable!()
        };
        for _ in 0..200 {
            if db.scalar_i64(vacuumed).await == Some(5) {
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert_eq!(db.scalar_i64(vacuumed).await, Some(5));
        assert!(pool.size() > 0);
    })
    .await;
}
