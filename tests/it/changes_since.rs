//! What changed since, read from the table.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use sqlx::{AssertSqlSafe, Row as _};
use stripe_store::clock::{Clock, UnixMillis};
use stripe_store::resources::{Customer, Invoice};
use stripe_store::store::{ChangeCursor, ChangedPage, Interval, Pool, Snapshot, Source, Store};
use stripe_store::{AnyObject, View};
use stripe_store_tests::{Kind, RawPool, TestDb, on_both, on_postgres, statements};

use super::changes::{delete, json, write};

/// A clock moved by hand.
#[derive(Debug, Clone)]
struct Hand(Arc<AtomicI64>);

impl Clock for Hand {
    fn now(&self) -> UnixMillis {
        UnixMillis::from_seconds(self.0.load(Ordering::SeqCst))
    }
}

impl Hand {
    fn at(second: i64) -> Self {
        Self(Arc::new(AtomicI64::new(second)))
    }

    fn set(&self, second: i64) {
        self.0.store(second, Ordering::SeqCst);
    }
}

fn ids<T: View>(page: &ChangedPage<T>) -> Vec<&str> {
    let ids = page.data.iter().map(|row| row.row().stripe_id());
    ids.collect()
}

const EVERYTHING: UnixMillis = UnixMillis::MIN;

#[tokio::test]
async fn pages_have_every_row_once_in_the_order_of_changes() {
    on_both(async |db: &TestDb| {
        let clock = Hand::at(100);
        let store = db.store().clone().with_clock(clock.clone());
        for (second, id) in [
            (100, "cus_b"),
            (100, "cus_a"),
            (101, "cus_d"),
            (102, "cus_c"),
            (102, "cus_e"),
        ] {
            clock.set(second);
            write(&store, id, 1).await;
        }
        clock.set(103);
        // The same data, newer: no change. Others: to the end.
        let text = json("cus_d", 1);
        let again = Snapshot::read(&text)
            .unwrap()
            .taken(Interval::second(9), Source::import());
        store.write(&[again]).await.unwrap();
        delete(&store, "cus_a", 2).await;

        let wanted = ["cus_b", "cus_d", "cus_c", "cus_e", "cus_a"];
        for limit in 1..=6 {
            let mut cursor = ChangeCursor::since(EVERYTHING);
            let mut found = Vec::new();
            loop {
                let page = store
                    .changed_since::<Customer>(&cursor)
                    .limit(limit)
                    .page()
                    .await
                    .unwrap();
                assert!(page.data.len() <= limit);
                found.extend(page.data.iter().map(|row| row.id().to_owned()));
                // As who keeps it has it.
                cursor = page.next.to_string().parse().unwrap();
                assert_eq!(cursor, page.next);
                if !page.has_more {
                    break;
                }
            }
            assert_eq!(found, wanted, "{limit} a page");
        }
        let from = ChangeCursor::since(UnixMillis::from_seconds(102));
        let page = store
            .changed_since::<Customer>(&from)
            .margin(Duration::ZERO)
            .page()
            .await
            .unwrap();
        assert_eq!(ids(&page), ["cus_c", "cus_e", "cus_a"]);
        assert!(page.data[2].is_deleted() && !page.has_more);
    })
    .await;
}

#[tokio::test]
async fn it_keeps_to_type_account_and_mode_unless_all_is_asked_for() {
    on_both(async |db: &TestDb| {
        let store = db.store();
        write(store, "cus_own", 1).await;
        write(&store.account("acct_1"), "cus_connected", 1).await;
        let invoice = r#"{"id": "in_1", "object": "invoice", "livemode": false}"#;
        let snapshot = Snapshot::read(invoice).unwrap();
        let snapshot = snapshot.taken(Interval::second(1), Source::import());
        store.write(&[snapshot]).await.unwrap();

        let start = ChangeCursor::since(EVERYTHING);
        let own = store
            .changed_since::<Customer>(&start)
            .page()
            .await
            .unwrap();
        assert_eq!(ids(&own), ["cus_own"]);
        let connected = store.account("acct_1");
        let connected = connected
            .changed_object_since("customer", &start)
            .page()
            .await
            .unwrap();
        assert_eq!(ids(&connected), ["cus_connected"]);
        let live = store.changed_since::<Invoice>(&start).page().await.unwrap();
        assert!(live.data.is_empty());
        let test = store
            .test_mode()
            .changed_since::<Invoice>(&start)
            .page()
            .await
            .unwrap();
        assert_eq!(ids(&test), ["in_1"]);
        let all = store
            .all_changed_since(&start)
            .limit(2)
            .page()
            .await
            .unwrap();
        let rest = store
            .all_changed_since(&all.next)
            .limit(2)
            .page()
            .await
            .unwrap();
        assert!(all.has_more && !rest.has_more);
        let mut found = [ids::<AnyObject>(&all), ids(&rest)].concat();
        found.sort_unstable();
        assert_eq!(found, ["cus_connected", "cus_own", "in_1"]);
        assert_eq!(rest.data.len() + all.data.len(), 3);
        let none = store
            .changed_object_since("no\0such", &start)
            .page()
            .await
            .unwrap();
        assert!(none.data.is_empty());
        for limit in [0, 1001] {
            let error = store
                .all_changed_since(&start)
                .limit(limit)
                .page()
                .await
                .unwrap_err();
            assert!(error.is_invalid_request());
        }
    })
    .await;
}

/// Reads to the end and returns the ids, and where to go on.
async fn read(store: &Store, cursor: &ChangeCursor, margin: u64) -> (Vec<String>, ChangeCursor) {
    let mut cursor = cursor.clone();
    let mut found = Vec::new();
    loop {
        let margin = Duration::from_secs(margin);
        let page = store
            .changed_since::<Customer>(&cursor)
            .limit(1)
            .margin(margin)
            .page()
            .await
            .unwrap();
        found.extend(page.data.iter().map(|row| row.id().to_owned()));
        cursor = page.next;
        if !page.has_more {
            return (found, cursor);
        }
    }
}

/// A transaction that wrote at second 100 and commits when the clock of everybody else is at 110, after a reading: is
/// what it wrote found by the next reading, with this margin?
async fn late_commit_is_found(db: &TestDb, margin: u64) -> bool {
    let clock = Hand::at(50);
    let store = db.store().clone().with_clock(clock.clone());
    write(&store, "cus_early", 1).await;
    clock.set(100);
    let text = json("cus_late", 1);
    let snapshot = Snapshot::read(&text).unwrap();
    let batch = [snapshot.taken(Interval::second(1), Source::import())];
    let from = ChangeCursor::since(EVERYTHING);
    macro_rules! run {
        ($pool:expr) => {{
            let mut transaction = $pool.begin().await.unwrap();
            store.write_in(&mut transaction, &batch).await.unwrap();
            clock.set(110);
            let (found, cursor) = read(&store, &from, margin).await;
            assert_eq!(found, ["cus_early"]);
            transaction.commit().await.unwrap();
            cursor
        }};
    }
    let cursor = match store.pool() {
        Pool::Sqlite(pool) => run!(pool),
        Pool::Postgres(pool) => run!(pool),
        _ => unreachable!(),
    };
    clock.set(111);
    let (found, _) = read(&store, &cursor, margin).await;
    assert!(!found.contains(&"cus_early".to_owned()));
    found.contains(&"cus_late".to_owned())
}

#[tokio::test]
async fn a_row_that_is_committed_late_is_found_within_the_margin() {
    on_both(async |db: &TestDb| assert!(late_commit_is_found(db, 20).await)).await;
    // And that the margin is what finds it.
    on_both(async |db: &TestDb| assert!(!late_commit_is_found(db, 5).await)).await;
}

#[tokio::test]
async fn a_reading_that_takes_long_does_not_move_past_what_it_may_have_missed() {
    on_both(async |db: &TestDb| {
        let clock = Hand::at(100);
        let store = db.store().clone().with_clock(clock.clone());
        for id in ["cus_1", "cus_2", "cus_3"] {
            write(&store, id, 1).await;
            clock.set(clock.now().as_millis() / 1000 + 1);
        }
        // A first page, then, long after, the rest; in between another machine, whose clock is 5 s behind, wrote a row
        // in the part that was read.
        clock.set(104);
        let start = ChangeCursor::since(EVERYTHING);
        let query = |cursor: &ChangeCursor, limit| {
            let margin = Duration::from_secs(10);
            store
                .changed_since::<Customer>(cursor)
                .limit(limit)
                .margin(margin)
        };
        let first = query(&start, 2).page().await.unwrap();
        assert_eq!(ids(&first), ["cus_1", "cus_2"]);
        let behind = db.store().clone().with_clock(Hand::at(100));
        write(&behind, "cus_0_behind", 1).await;
        clock.set(1000);
        let rest = query(&first.next, 100).page().await.unwrap();
        assert_eq!(ids(&rest), ["cus_3"]);
        let next = query(&rest.next, 100).page().await.unwrap();
        assert!(ids(&next).contains(&"cus_0_behind"), "{:?}", ids(&next));
        // And then it is past them.
        let last = query(&next.next, 100).page().await.unwrap();
        assert!(last.data.is_empty());
    })
    .await;
}

#[tokio::test]
async fn rows_of_other_programs_with_finer_times_come_once() {
    on_postgres(async |db: &TestDb| {
        db.execute(
            "INSERT INTO stripe_objects (livemode, object, stripe_id, data, as_of, as_of_until, source, updated_at) \
             SELECT true, 'customer', 'cus_' || n, '{}', 0, 1, 'x', '2026-01-01 00:00:00.123456Z'::timestamptz \
             + n * interval '1 microsecond' FROM generate_series(1, 5) AS n",
        )
        .await;
        let (found, _) = read(db.store(), &ChangeCursor::since(EVERYTHING), 60).await;
        assert_eq!(found.len(), 5);
    })
    .await;
}

/// How the database would run the query that `changed_since` sends, as it sends it.
async fn plan(db: &TestDb, store: &Store) -> String {
    let cursor = ChangeCursor::since(UnixMillis::from_seconds(1_767_225_600));
    let ((), sent) = Box::pin(statements(async {
        store
            .changed_since::<Customer>(&cursor)
            .page()
            .await
            .unwrap();
        store.all_changed_since(&cursor).page().await.unwrap();
    }))
    .await;
    let mut plans = Vec::new();
    for statement in sent {
        let mut sql = statement.sql.clone();
        let values = if db.kind() == Kind::Sqlite {
            [
                "'2026-01-01T00:00:00.000Z'",
                "''",
                "1",
                "''",
                "''",
                "''",
                "1",
                r#"'["customer"]'"#,
            ]
        } else {
            [
                "'2026-01-01Z'::timestamptz",
                "''",
                "true",
                "''",
                "''",
                "''",
                "true",
                "'{customer}'",
            ]
        };
        for (at, value) in values.iter().enumerate() {
            for mark in ["?", "$"] {
                sql = sql.replace(&format!("{mark}{}", at + 1), value);
            }
        }
        let lines: Vec<String> = match db.pool() {
            RawPool::Sqlite(pool) => {
                let mut connection = pool.acquire().await.unwrap();
                // EXPLAIN alone does not look whether the schema has changed, nor does one that was prepared before.
                sqlx::query("SELECT 1 FROM stripe_objects")
                    .fetch_optional(&mut *connection)
                    .await
                    .unwrap();
                let explain = AssertSqlSafe(format!("EXPLAIN QUERY PLAN {sql}"));
                let explain = sqlx::query(explain).persistent(false);
                let rows = explain.fetch_all(&mut *connection).await;
                rows.unwrap().iter().map(|row| row.get("detail")).collect()
            }
            RawPool::Postgres(pool) => {
                let explain = format!("EXPLAIN (COSTS OFF) {sql}");
                let rows = sqlx::query(AssertSqlSafe(explain))
                    .fetch_all(pool)
                    .await
                    .unwrap();
                rows.iter().map(|row| row.get(0)).collect()
            }
        };
        plans.push(lines.join("\n"));
    }
    assert_eq!(plans.len(), 2);
    plans.join("\n\n")
}

#[tokio::test]
async fn the_index_is_made_once_and_used() {
    on_both(async |db: &TestDb| {
        let store = db.store();
        if db.kind() == Kind::Postgres {
            db.execute(
                "INSERT INTO stripe_objects (livemode, object, stripe_id, data, as_of, as_of_until, source, \
                 updated_at) SELECT true, 'customer', 'cus_' || n, '{}', 0, 1, 'x', \
                 '2025-12-20'::timestamptz + n * interval '1 minute' FROM generate_series(1, 20000) AS n",
            )
            .await;
            // Half made, as by a process that was killed.
            db.execute("CREATE INDEX stripe_objects_changed_idx ON stripe_objects (updated_at)")
                .await;
            db.execute(
                "UPDATE pg_index SET indisvalid = false \
                 WHERE indexrelid = 'stripe_objects_changed_idx'::regclass",
            )
            .await;
            db.execute("ANALYZE stripe_objects").await;
        }
        let before = Box::pin(plan(db, store)).await;
        assert!(!before.contains("stripe_objects_changed_idx"));
        let other = db.connect().await;
        let (a, b) = tokio::join!(
            Box::pin(store.ensure_changes_index()),
            Box::pin(other.ensure_changes_index())
        );
        a.unwrap();
        b.unwrap();
        Box::pin(store.ensure_changes_index()).await.unwrap();
        let plan = Box::pin(plan(db, store)).await;
        assert_eq!(plan.matches("stripe_objects_changed_idx").count(), 2, "{plan}");
        assert!(!plan.contains("SORT") && !plan.contains("Sort") && !plan.contains("TEMP"), "{plan}");
    })
    .await;
}
