//! Limits and timeouts of a store's pool.

use std::time::{Duration, Instant};

use stripe_store::Store;
use stripe_store::store::{ConnectOptions, Interval, Pool, Snapshot, StoreError};
use stripe_store_tests::{RawPool, TestDb, on_both, on_postgres, on_sqlite};

/// Connections that are held until they are dropped.
#[expect(dead_code, reason = "held to be dropped")]
enum Held {
    Postgres(sqlx::pool::PoolConnection<sqlx::Postgres>),
    Sqlite(sqlx::pool::PoolConnection<sqlx::Sqlite>),
}

async fn hold(store: &Store) -> Held {
    match store.pool() {
        Pool::Postgres(pool) => Held::Postgres(pool.acquire().await.unwrap()),
        Pool::Sqlite(pool) => Held::Sqlite(pool.acquire().await.unwrap()),
        _ => unreachable!(),
    }
}

fn customer() -> Snapshot<'static> {
    Snapshot::read(r#"{"id":"cus_1","object":"customer"}"#)
        .unwrap()
        .taken(Interval::second(1_700_000_000), "evt_1")
}

#[tokio::test]
async fn a_pool_that_is_used_up_is_transient_and_says_what_to_raise() {
    on_both(async |db: &TestDb| {
        let options = ConnectOptions::new()
            .with_max_connections(3)
            .with_acquire_timeout(Duration::from_millis(200));
        let store = Store::connect_with(db.url(), &options).await.unwrap();
        let held = [hold(&store).await, hold(&store).await];
        assert!(store.get_object("customer", "cus_1").await.unwrap().is_none());
        let last = hold(&store).await;

        let began = Instant::now();
        let error = store.get_object("customer", "cus_1").await.unwrap_err();
        assert!(began.elapsed() < Duration::from_secs(20));
        assert!(error.is_transient());
        assert!(matches!(
            error,
            StoreError::PoolTimedOut { in_use: 3, max_connections: 3, timeout_ms: 200, .. }
        ));
        assert_eq!(
            error.to_string(),
            "no connection to the database within 200 ms, with 3 of 3 in use: raise `max_connections` or \
             `acquire_timeout`, or hold connections for less time"
        );
        for error in [
            store.write(&[customer()]).await.unwrap_err(),
            store.counts().await.unwrap_err(),
            store.export().begin().await.unwrap_err(),
        ] {
            assert!(matches!(error, StoreError::PoolTimedOut { .. }), "{error}");
        }
        drop(last);
        store.write(&[customer()]).await.unwrap();
        drop(held);
    })
    .await;
}

#[tokio::test]
async fn a_statement_that_runs_too_long_is_cancelled_and_transient() {
    on_postgres(async |db: &TestDb| {
        let options = ConnectOptions::new().with_statement_timeout(Duration::from_millis(100));
        let store = Store::connect_with(db.url(), &options).await.unwrap();
        let RawPool::Postgres(other) = db.pool() else {
            unreachable!()
        };
        let mut blocker = other.begin().await.unwrap();
        sqlx::query("LOCK TABLE stripe_objects")
            .execute(&mut *blocker)
            .await
            .unwrap();

        let error = store.get_object("customer", "cus_1").await.unwrap_err();
        assert!(error.is_transient(), "{error:?}");
        assert_eq!(error.to_string(), "could not read customer cus_1");
        blocker.rollback().await.unwrap();
        assert!(
            store
                .get_object("customer", "cus_1")
                .await
                .unwrap()
                .is_none()
        );

        // Nothing is set when nothing was asked for.
        let Pool::Postgres(plain) = db.store().pool() else {
            unreachable!()
        };
        let shown: String = sqlx::query_scalar("SHOW statement_timeout")
            .fetch_one(plain)
            .await
            .unwrap();
        assert_eq!(shown, "0");
    })
    .await;
}

#[tokio::test]
async fn waiting_for_a_lock_ends_in_time() {
    on_both(async |db: &TestDb| {
        let options = ConnectOptions::new().with_lock_timeout(Duration::from_millis(100));
        let store = Store::connect_with(db.url(), &options).await.unwrap();
        db.store().write(&[customer()]).await.unwrap();
        let began = Instant::now();
        let newer = || {
            Snapshot::read(r#"{"id":"cus_1","object":"customer","name":"Ada"}"#)
                .unwrap()
                .taken(Interval::second(1_700_000_100), "evt_2")
        };
        let error = match db.pool() {
            RawPool::Postgres(pool) => {
                let mut blocker = pool.begin().await.unwrap();
                sqlx::query("SELECT 1 FROM stripe_objects FOR UPDATE")
                    .execute(&mut *blocker)
                    .await
                    .unwrap();
                store.write(&[newer()]).await.unwrap_err()
            }
            RawPool::Sqlite(pool) => {
                let _blocker = pool.begin_with("BEGIN IMMEDIATE").await.unwrap();
                store.write(&[newer()]).await.unwrap_err()
            }
        };
        // The default on SQLite is 30 s.
        assert!(
            began.elapsed() < Duration::from_secs(20),
            "{:?}",
            began.elapsed()
        );
        assert!(error.is_transient(), "{error:?}");
        store.write(&[newer()]).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn migrating_takes_the_time_it_takes() {
    let db = TestDb::empty_postgres().await;
    let options = ConnectOptions::new()
        .with_lock_timeout(Duration::from_millis(100))
        .with_statement_timeout(Duration::from_millis(100));
    let store = Store::connect_with(db.url(), &options).await.unwrap();
    let RawPool::Postgres(pool) = db.pool() else {
        unreachable!()
    };
    let mut blocker = pool.begin().await.unwrap();
    // The lock that migrations take, so that two never run at once.
    sqlx::query("SELECT pg_advisory_xact_lock(6004514708341871695)")
        .execute(&mut *blocker)
        .await
        .unwrap();
    let migrating = tokio::spawn(async move { store.migrate().await });
    let waits = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()";
    for _ in 0..500 {
        if db.scalar_i64(waits).await == Some(1) || migrating.is_finished() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(
        db.scalar_i64(waits).await,
        Some(1),
        "it waits for the other one"
    );
    // Three times as long as it would wait if the timeouts applied.
    tokio::time::sleep(Duration::from_millis(300)).await;
    blocker.rollback().await.unwrap();
    migrating.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_database_in_memory_keeps_its_one_connection() {
    let options = ConnectOptions::new()
        .with_max_connections(8)
        .with_idle_timeout(Duration::from_millis(1))
        .with_max_lifetime(Duration::from_millis(1));
    let store = Store::connect_with("sqlite::memory:", &options)
        .await
        .unwrap();
    store.migrate().await.unwrap();
    store.write(&[customer()]).await.unwrap();
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(
        store
            .get_object("customer", "cus_1")
            .await
            .unwrap()
            .is_some()
    );
}

#[tokio::test]
async fn connections_live_as_long_as_the_options_say() {
    on_sqlite(async |db: &TestDb| {
        let options = ConnectOptions::new()
            .with_min_connections(2)
            .with_max_lifetime(Duration::from_secs(90))
            .with_idle_timeout(None);
        let store = Store::connect_with(db.url(), &options).await.unwrap();
        let Pool::Sqlite(pool) = store.pool() else {
            unreachable!()
        };
        let set = pool.options();
        assert_eq!(set.get_min_connections(), 2);
        assert_eq!(set.get_max_connections(), 10);
        assert_eq!(set.get_max_lifetime(), Some(Duration::from_secs(90)));
        assert_eq!(set.get_idle_timeout(), None);
        assert_eq!(set.get_acquire_timeout(), Duration::from_secs(30));
    })
    .await;
}
