//! Another writer comes between the look at a row and the write of it, on PostgreSQL, where both are one statement.

use std::pin::Pin;
use std::time::Duration;

use stripe_store::Outcome;
use stripe_store::store::{Interval, Pool, Snapshot, Store};
use stripe_store_tests::{RawPool, TestDb, on_postgres};

const V1: &str = r#"{"id":"cus_1","object":"customer","v":1}"#;
const V2: &str = r#"{"id":"cus_1","object":"customer","v":2}"#;

fn at(json: &str, second: i64) -> Snapshot<'_> {
    let read = Snapshot::read(json).unwrap();
    read.taken(Interval::second(second), format!("evt_{second}"))
}

type Written = Pin<Box<dyn Future<Output = Vec<Outcome>> + Send>>;

/// Does `sql` to the row, and commits it only when `write` waits for that; then what `write` came to.
async fn meanwhile(db: &TestDb, sql: &'static str, write: Written) -> Vec<Outcome> {
    let RawPool::Postgres(pool) = db.pool() else {
        unreachable!()
    };
    let mut other = pool.begin().await.unwrap();
    sqlx::query(sql).execute(&mut *other).await.unwrap();
    let write = tokio::spawn(write);
    let waits = "SELECT count(*) FROM pg_stat_activity \
        WHERE wait_event_type = 'Lock' AND datname = current_database()";
    for _ in 0..500 {
        if db.scalar_i64(waits).await == Some(1) {
            break;
        }
        assert!(!write.is_finished(), "it did not wait for the other one");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(
        db.scalar_i64(waits).await,
        Some(1),
        "it waits for the other one"
    );
    other.commit().await.unwrap();
    write.await.unwrap()
}

/// What the store has: the data, the second it is of, and whether its data was written by the store.
async fn row(db: &TestDb) -> Option<String> {
    db.scalar_text(
        "SELECT concat_ws(' ', data ->> 'v', as_of / 1000, data_digest IS NOT NULL) FROM stripe_objects",
    )
    .await
}

fn write(store: Store, json: &'static str, second: i64) -> Written {
    Box::pin(async move { store.write(&[at(json, second)]).await.unwrap() })
}

/// In a transaction of the caller's own, in which nothing may fail.
fn write_in(store: Store, json: &'static str, second: i64) -> Written {
    Box::pin(async move {
        let Pool::Postgres(pool) = store.pool() else {
            unreachable!()
        };
        let mut transaction = pool.begin().await.unwrap();
        let outcomes = store.write_in(&mut transaction, &[at(json, second)]).await;
        transaction.commit().await.unwrap();
        outcomes.unwrap()
    })
}

const REPLACE: &str = "UPDATE stripe_objects SET data = jsonb_set(data, '{v}', '7'), data_digest = 'x', \
    as_of = 20000, as_of_until = 21000, source = 'evt_20'";

/// A row with the same data, which needs not be sent, has other data when it is locked.
#[tokio::test]
async fn data_that_was_the_same_is_another_by_now() {
    on_postgres(async |db: &TestDb| {
        let store = || db.store().clone();
        store().write(&[at(V1, 10)]).await.unwrap();
        let told = meanwhile(db, REPLACE, write(store(), V1, 30)).await;
        assert_eq!(told, [Outcome::Updated]);
        assert_eq!(row(db).await.unwrap(), "1 30 t");

        let told = meanwhile(db, REPLACE, write_in(store(), V1, 40)).await;
        assert_eq!(told, [Outcome::Updated]);
        assert_eq!(row(db).await.unwrap(), "1 40 t");
    })
    .await;
}

/// The other one was newer.
#[tokio::test]
async fn a_newer_one_came_between() {
    on_postgres(async |db: &TestDb| {
        let store = || db.store().clone();
        for json in [V1, V2] {
            store().write(&[at(V1, 10)]).await.unwrap();
            let told = meanwhile(db, REPLACE, write(store(), json, 15)).await;
            assert_eq!(told, [Outcome::Stale], "{json}");
            assert_eq!(row(db).await.unwrap(), "7 20 t", "{json}");
            db.execute("DELETE FROM stripe_objects").await;

            store().write(&[at(V1, 10)]).await.unwrap();
            let told = meanwhile(db, REPLACE, write_in(store(), json, 15)).await;
            assert_eq!(told, [Outcome::Stale], "{json}");
            assert_eq!(row(db).await.unwrap(), "7 20 t", "{json}");
            db.execute("DELETE FROM stripe_objects").await;
        }
    })
    .await;
}

/// The row is gone: what was not sent must not be missing in the new one.
#[tokio::test]
async fn a_row_is_removed_in_between() {
    on_postgres(async |db: &TestDb| {
        let store = || db.store().clone();
        for json in [V1, V2] {
            store().write(&[at(V1, 10)]).await.unwrap();
            let told = meanwhile(db, "DELETE FROM stripe_objects", write(store(), json, 30)).await;
            assert_eq!(told, [Outcome::Inserted], "{json}");
            let v = if json == V1 { 1 } else { 2 };
            assert_eq!(row(db).await.unwrap(), format!("{v} 30 t"));
            let gone = write_in(store(), json, 40);
            let told = meanwhile(db, "DELETE FROM stripe_objects", gone).await;
            assert_eq!(told, [Outcome::Inserted], "{json}");
            assert_eq!(row(db).await.unwrap(), format!("{v} 40 t"));
            db.execute("DELETE FROM stripe_objects").await;
        }
    })
    .await;
}

/// Rows that something else than the store wrote have no digest; their data is taken for other data once.
#[tokio::test]
async fn what_is_written_past_the_store_is_written_anew() {
    on_postgres(async |db: &TestDb| {
        let store = db.store();
        store.write(&[at(V1, 10)]).await.unwrap();
        db.execute(
            "UPDATE stripe_objects SET data = jsonb_set(data, '{v}', '5'), data_digest = NULL",
        )
        .await;
        assert_eq!(
            store.write(&[at(V1, 30)]).await.unwrap(),
            [Outcome::Updated]
        );
        assert_eq!(row(db).await.unwrap(), "1 30 t");
        assert_eq!(
            store.write(&[at(V1, 40)]).await.unwrap(),
            [Outcome::Unchanged]
        );
        assert_eq!(row(db).await.unwrap(), "1 40 t");
    })
    .await;
}
