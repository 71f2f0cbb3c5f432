//! The feed of changes of one process.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use futures_util::{FutureExt as _, StreamExt as _};
use stripe_store::Outcome;
use stripe_store::clock::{Clock, UnixMillis};
use stripe_store::resources::{Customer, Invoice};
use stripe_store::store::{
    Changes, Gap, Interval, Mode, Pool, RowChange, Snapshot, Source, Store, StoreError, TableNames,
};
use stripe_store_tests::{TestDb, on_both, on_sqlite};

/// A customer with this id and `v`, of this second.
pub(super) fn json(id: &str, v: i64) -> String {
    let id = serde_json::Value::from(id);
    format!(r#"{{"id": {id}, "object": "customer", "livemode": true, "v": {v}}}"#)
}

pub(super) async fn write(store: &Store, id: &str, second: i64) -> Outcome {
    let json = json(id, second);
    let snapshot = Snapshot::read(&json)
        .unwrap()
        .taken(Interval::second(second), Source::event("evt"));
    store.write(&[snapshot]).await.unwrap()[0]
}

pub(super) async fn delete(store: &Store, id: &str, second: i64) -> Outcome {
    let id = serde_json::Value::from(id);
    let json =
        format!(r#"{{"id": {id}, "object": "customer", "livemode": true, "deleted": true}}"#);
    let snapshot = Snapshot::read(&json)
        .unwrap()
        .taken(Interval::second(second), Source::event("evt"));
    store.write(&[snapshot]).await.unwrap()[0]
}

/// The next item, which has to come.
pub(super) async fn item(changes: &mut Changes) -> Result<RowChange, Gap> {
    tokio::time::timeout(Duration::from_mins(1), changes.next())
        .await
        .expect("an item comes")
        .expect("the feed goes on")
}

pub(super) async fn change(changes: &mut Changes) -> RowChange {
    item(changes).await.expect("a change")
}

/// A change as one line: `updated cus_1 1..2`, the seconds of the intervals' starts.
pub(super) fn line(change: &RowChange) -> String {
    let second = |interval: Interval| interval.start().as_millis() / 1000;
    let old = change
        .old_as_of()
        .map_or(String::new(), |old| second(old).to_string());
    format!(
        "{} {} {old}..{}",
        change.outcome(),
        change.stripe_id(),
        second(change.as_of())
    )
}

pub(super) async fn lines(changes: &mut Changes, count: usize) -> Vec<String> {
    let mut lines = Vec::new();
    for _ in 0..count {
        lines.push(line(&change(changes).await));
    }
    lines
}

#[tokio::test]
async fn what_is_inside_an_object_and_what_its_list_no_longer_has_is_told_too() {
    on_both(async |db: &TestDb| {
        let store = db.store().extract_expanded();
        let mut changes = store.changes_object("subscription_item");
        let subscription = async |items: &str, second: i64| {
            let json = format!(
                r#"{{"id": "sub_1", "object": "subscription", "livemode": true,
                "items": {{"object": "list", "has_more": false, "data": [{items}]}}}}"#
            );
            let read = Snapshot::read(&json).unwrap();
            let source = Source::event("evt");
            store
                .write(&[read.taken(Interval::second(second), source)])
                .await
                .unwrap();
        };
        let item = r#"{"id": "si_1", "object": "subscription_item", "subscription": "sub_1"}"#;
        subscription(item, 1).await;
        assert_eq!(line(&change(&mut changes).await), "inserted si_1 ..1");
        subscription("", 2).await;
        let gone = change(&mut changes).await;
        assert!(
            gone.is_deleted() && gone.outcome() == Outcome::Deleted,
            "{gone:?}"
        );
    })
    .await;
}

#[tokio::test]
async fn each_change_of_a_row_comes_once_and_in_order() {
    on_both(async |db: &TestDb| {
        let store = db.store();
        let mut changes = store.changes::<Customer>();
        write(store, "cus_1", 10).await;
        write(store, "cus_2", 10).await;
        write(store, "cus_1", 20).await;
        // Stale, and repeated: no changes.
        assert_eq!(write(store, "cus_1", 15).await, Outcome::Stale);
        assert_eq!(write(store, "cus_1", 20).await, Outcome::Unchanged);
        delete(store, "cus_1", 30).await;
        assert_eq!(delete(store, "cus_1", 30).await, Outcome::Unchanged);
        assert_eq!(write(store, "cus_1", 5).await, Outcome::Stale);
        delete(store, "cus_3", 30).await;
        write(store, "cus_last", 1).await;
        assert_eq!(
            lines(&mut changes, 6).await,
            [
                "inserted cus_1 ..10",
                "inserted cus_2 ..10",
                "updated cus_1 10..20",
                "deleted cus_1 20..20",
                "deleted cus_3 ..30",
                "inserted cus_last ..1",
            ]
        );
    })
    .await;
}

/// A clock that is a millisecond later whenever it is asked.
#[derive(Debug, Default)]
struct Ticking(AtomicI64);

impl Clock for Ticking {
    fn now(&self) -> UnixMillis {
        UnixMillis::new(self.0.fetch_add(1, Ordering::SeqCst))
    }
}

#[tokio::test]
async fn the_same_data_of_a_later_time_is_no_change() {
    on_both(async |db: &TestDb| {
        let store = db.store().clone().with_clock(Ticking::default());
        let mut changes = store.changes::<Customer>();
        write(&store, "cus_1", 10).await;
        let text = json("cus_1", 10);
        let again = Snapshot::read(&text).unwrap();
        let again = again.taken(Interval::second(20), Source::import());
        assert_eq!(store.write(&[again]).await.unwrap(), [Outcome::Unchanged]);
        write(&store, "cus_1", 30).await;
        assert_eq!(
            lines(&mut changes, 2).await,
            ["inserted cus_1 ..10", "updated cus_1 20..30"]
        );
    })
    .await;
}

#[tokio::test]
async fn a_change_says_which_row_it_was() {
    on_both(async |db: &TestDb| {
        let store = db.store();
        let mut changes = store.all_changes();
        let before = UnixMillis::from(
            std::time::UNIX_EPOCH
                .elapsed()
                .map(|since| std::time::UNIX_EPOCH + since)
                .unwrap(),
        );
        write(&store.test_mode().account("acct_1"), "cus_1", 10).await;
        let told = change(&mut changes).await;
        assert_eq!(told.account().map(AsRef::as_ref), Some("acct_1"));
        // The object's own word, which is live mode.
        assert_eq!(told.mode(), Mode::Live);
        assert_eq!((told.object(), told.stripe_id()), ("customer", "cus_1"));
        assert_eq!(
            (told.old_as_of(), told.as_of()),
            (None, Interval::second(10))
        );
        assert!(!told.is_deleted());
        let row = store.with_scope(told.scope());
        let row = row
            .get::<Customer>("cus_1")
            .await
            .unwrap()
            .expect("the row");
        assert_eq!(told.updated_at(), row.updated_at());
        assert!(told.updated_at() >= before);
    })
    .await;
}

#[tokio::test]
async fn a_deletion_without_data_is_completed_and_stays_one() {
    on_both(async |db: &TestDb| {
        let store = db.store();
        let mut changes = store.all_changes();
        delete(store, "cus_1", 30).await;
        assert_eq!(write(store, "cus_1", 10).await, Outcome::Stale);
        assert_eq!(line(&change(&mut changes).await), "deleted cus_1 ..30");
        let told = change(&mut changes).await;
        assert_eq!(line(&told), "updated cus_1 30..10");
        assert!(told.is_deleted());
    })
    .await;
}

#[tokio::test]
async fn a_batch_tells_of_each_row_that_changed() {
    on_both(async |db: &TestDb| {
        let store = db.store();
        write(store, "cus_b", 10).await;
        let mut changes = store.changes_object("customer");
        let texts = [
            json("cus_a", 1),
            json("cus_b", 10),
            json("cus_b", 20),
            json("cus_c", 1),
            json("cus_c", 2),
        ];
        let at = [1, 5, 20, 1, 1];
        let batch: Vec<_> = texts
            .iter()
            .zip(at)
            .enumerate()
            .map(|(n, (text, second))| {
                let snapshot = Snapshot::read(text).unwrap();
                snapshot.taken(Interval::second(second), Source::event(&format!("evt_{n}")))
            })
            .collect();
        store.write(&batch).await.unwrap();
        // Of the two of one second, one is in the row.
        assert_eq!(
            lines(&mut changes, 3).await,
            [
                "inserted cus_a ..1",
                "updated cus_b 10..20",
                "inserted cus_c ..1"
            ]
        );
        // A rival that does not win changes nothing, one that wins does.
        assert_eq!(store.dirty_objects(10).await.unwrap().len(), 1);
        let texts = [json("cus_c", 0), json("cus_c", 3)];
        for (text, source) in texts.iter().zip(["evt_0", "evt_9"]) {
            let snapshot = Snapshot::read(text).unwrap();
            store
                .write(&[snapshot.taken(Interval::second(1), source)])
                .await
                .unwrap();
        }
        write(store, "cus_last", 1).await;
        assert_eq!(
            lines(&mut changes, 2).await,
            ["updated cus_c 1..1", "inserted cus_last ..1"]
        );
    })
    .await;
}

#[tokio::test]
async fn a_feed_has_its_own_type_account_and_mode_and_all_has_everything() {
    on_both(async |db: &TestDb| {
        let store = db.store();
        let mut own = store.changes::<Customer>();
        let mut invoices = store.changes::<Invoice>();
        let mut connected = store.account("acct_1").changes_object("customer");
        let mut all = store.all_changes();
        let test = r#"{"id": "cus_test", "object": "customer", "livemode": false}"#;
        let invoice = r#"{"id": "in_1", "object": "invoice", "livemode": true}"#;
        for json in [test, invoice] {
            let snapshot = Snapshot::read(json).unwrap();
            let snapshot = snapshot.taken(Interval::second(1), Source::import());
            store.write(&[snapshot]).await.unwrap();
        }
        write(&store.account("acct_1"), "cus_connected", 1).await;
        write(store, "cus_own", 1).await;
        assert_eq!(line(&change(&mut own).await), "inserted cus_own ..1");
        assert_eq!(line(&change(&mut invoices).await), "inserted in_1 ..1");
        assert_eq!(
            line(&change(&mut connected).await),
            "inserted cus_connected ..1"
        );
        assert_eq!(
            lines(&mut all, 4).await,
            [
                "inserted cus_test ..1",
                "inserted in_1 ..1",
                "inserted cus_connected ..1",
                "inserted cus_own ..1"
            ]
        );
    })
    .await;
}

#[tokio::test]
async fn handles_of_one_store_share_the_feed_and_other_tables_have_another() {
    on_both(async |db: &TestDb| {
        let store = db.store();
        let mut changes = store.all_changes();
        let names = TableNames::new().with_prefix("other_").unwrap();
        let other = store.clone().with_tables(names).unwrap();
        other.migrate().await.unwrap();
        write(&other, "cus_other", 1).await;
        let with_reader = store.clone().with_reader(store.pool().clone()).unwrap();
        write(&with_reader, "cus_1", 1).await;
        write(&store.clone().with_change_notifications(), "cus_2", 1).await;
        assert_eq!(
            lines(&mut changes, 2).await,
            ["inserted cus_1 ..1", "inserted cus_2 ..1"]
        );
    })
    .await;
}

#[tokio::test]
async fn what_a_transaction_of_the_callers_writes_is_told_when_the_caller_says_so() {
    on_both(async |db: &TestDb| {
        let store = db.store();
        let mut changes = store.all_changes();
        macro_rules! pending {
            ($pool:expr, $id:expr, $end:ident) => {{
                let mut transaction = $pool.begin().await.unwrap();
                let text = json($id, 1);
                let snapshot = Snapshot::read(&text).unwrap();
                let snapshot = snapshot.taken(Interval::second(1), Source::import());
                let pending = store
                    .write_in_pending(&mut transaction, &[snapshot])
                    .await
                    .unwrap();
                transaction.$end().await.unwrap();
                pending
            }};
        }
        macro_rules! both {
            ($id:expr, $end:ident) => {
                match store.pool() {
                    Pool::Sqlite(pool) => pending!(pool, $id, $end),
                    Pool::Postgres(pool) => pending!(pool, $id, $end),
                    _ => unreachable!(),
                }
            };
        }
        drop(both!("cus_rolled_back", rollback));
        let pending = both!("cus_committed", commit);
        assert_eq!(pending.outcomes(), [Outcome::Inserted]);
        assert_eq!(pending.changes().len(), 1);
        write(store, "cus_between", 1).await;
        pending.announce();
        assert_eq!(
            lines(&mut changes, 2).await,
            ["inserted cus_between ..1", "inserted cus_committed ..1"]
        );
    })
    .await;
}

#[tokio::test]
async fn a_slow_reader_is_told_how_much_it_missed_and_finds_it_in_the_table() {
    on_both(async |db: &TestDb| {
        let store = db.store().clone().with_change_capacity(4);
        let mut changes = store.changes::<Customer>();
        for n in 0..10 {
            write(&store, &format!("cus_{n}"), 1).await;
        }
        let Err(gap) = item(&mut changes).await else {
            panic!("a gap comes first")
        };
        assert!(matches!(gap, Gap::Lagged { missed: 6, .. }), "{gap:?}");
        assert_eq!(
            gap.to_string(),
            "the reader of changes is behind, and 6 were dropped"
        );
        assert!(!gap.is_open());
        assert_eq!(
            lines(&mut changes, 4).await,
            (6..10)
                .map(|n| format!("inserted cus_{n} ..1"))
                .collect::<Vec<_>>()
        );
        let found = store
            .changed_since::<Customer>(gap.since())
            .page()
            .await
            .unwrap();
        assert_eq!(found.data.len(), 10);
    })
    .await;
}

#[tokio::test]
async fn a_feed_ends_with_the_store() {
    on_both(async |db: &TestDb| {
        let store = db.connect().await;
        let changes = store.all_changes();
        write(&store, "cus_1", 1).await;
        drop(store);
        let items: Vec<_> = changes.into_stream().collect().await;
        assert_eq!(items.len(), 1);
        assert_eq!(line(items[0].as_ref().unwrap()), "inserted cus_1 ..1");
    })
    .await;
}

#[tokio::test]
async fn a_write_that_fails_is_not_told_and_one_without_an_answer_is_a_gap() {
    on_both(async |db: &TestDb| {
        let store = db.store();
        let mut changes = store.all_changes();
        db.execute("ALTER TABLE stripe_objects RENAME TO gone")
            .await;
        let text = json("cus_1", 1);
        let snapshot = Snapshot::read(&text).unwrap();
        let batch = [snapshot.taken(Interval::second(1), Source::import())];
        assert!(store.write(&batch).await.unwrap_err().is_not_migrated());
        db.execute("ALTER TABLE gone RENAME TO stripe_objects")
            .await;
        // Begun, and dropped before it has an answer.
        assert!(store.write(&batch).now_or_never().is_none());
        let Err(gap) = item(&mut changes).await else {
            panic!("a gap comes first")
        };
        assert!(matches!(gap, Gap::Interrupted { .. }), "{gap:?}");
        write(store, "cus_2", 1).await;
        assert_eq!(change(&mut changes).await.stripe_id(), "cus_2");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_sqlite_concurrent_writers_are_told_in_the_order_of_commits() {
    on_sqlite(async |db: &TestDb| {
        let store = db.store().clone();
        let mut changes = store.changes::<Customer>();
        let writers: Vec<_> = (0..4)
            .map(|writer| {
                let store = store.clone();
                tokio::spawn(async move {
                    for turn in 0..25 {
                        write(&store, "cus_1", 1 + writer + 4 * turn).await;
                    }
                })
            })
            .collect();
        for writer in writers {
            writer.await.unwrap();
        }
        let mut last = None;
        loop {
            let told = change(&mut changes).await;
            assert_eq!(
                told.old_as_of(),
                last,
                "each change begins where the one before ended"
            );
            last = Some(told.as_of());
            if told.as_of() == Interval::second(100) {
                break;
            }
        }
    })
    .await;
}

#[tokio::test]
async fn sqlite_does_not_listen() {
    on_sqlite(async |db: &TestDb| {
        let error = db.store().all_changes().listen().await.unwrap_err();
        assert!(matches!(error, StoreError::ListenUnsupported { .. }));
        assert_eq!(
            error.to_string(),
            "SQLite does not tell of what other processes write: read Store::changed_since from time to time"
        );
        // And notifications change nothing.
        let store = db.store().clone().with_change_notifications();
        let mut changes = store.all_changes();
        write(&store, "cus_1", 1).await;
        assert_eq!(change(&mut changes).await.stripe_id(), "cus_1");
    })
    .await;
}
