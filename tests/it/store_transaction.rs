//! Writing in the caller's own transaction.

use stripe_store::Outcome;
use stripe_store::store::{Interval, Pool, Snapshot, Store, StoreError};
use stripe_store_tests::{RawPool, TestDb, on_both};

fn customer(json: &str, second: i64) -> Snapshot<'_> {
    Snapshot::read(json)
        .unwrap()
        .taken(Interval::second(second), format!("evt_{second}"))
}

const V1: &str = r#"{"id": "cus_1", "object": "customer", "v": 1}"#;
const V2: &str = r#"{"id": "cus_1", "object": "customer", "v": 2}"#;
const OTHER: &str = r#"{"id": "cus_2", "object": "customer", "v": 1}"#;

/// How a transaction ends.
#[derive(Clone, Copy, PartialEq)]
enum End {
    Commit,
    RollBack,
}

/// A transaction with a row of the caller's own, and a write for each batch.
async fn transact(
    store: &Store,
    batches: &[&[Snapshot<'_>]],
    end: End,
) -> Result<Vec<Vec<Outcome>>, StoreError> {
    let mut outcomes = Vec::new();
    macro_rules! run {
        ($transaction:expr) => {{
            let mut transaction = $transaction;
            sqlx::query("INSERT INTO users VALUES ('ada')")
                .execute(&mut *transaction)
                .await
                .unwrap();
            for batch in batches {
                outcomes.push(store.write_in(&mut transaction, batch).await?);
            }
            match end {
                End::Commit => transaction.commit().await.unwrap(),
                End::RollBack => transaction.rollback().await.unwrap(),
            }
        }};
    }
    match store.pool() {
        Pool::Sqlite(pool) => run!(pool.begin().await.unwrap()),
        Pool::Postgres(pool) => run!(pool.begin().await.unwrap()),
        _ => unreachable!(),
    }
    Ok(outcomes)
}

async fn users(db: &TestDb) -> Option<i64> {
    db.scalar_i64("SELECT count(*) FROM users").await
}

#[tokio::test]
async fn what_is_written_is_there_when_the_transaction_commits_and_only_then() {
    on_both(async |db: &TestDb| {
        db.execute("CREATE TABLE users (name text)").await;
        let store = db.store();
        let batch = [customer(V1, 1), customer(OTHER, 1)];
        let told = transact(store, &[&batch], End::RollBack).await.unwrap();
        assert_eq!(told, [[Outcome::Inserted, Outcome::Inserted]]);
        assert!(
            store
                .get_object("customer", "cus_1")
                .await
                .unwrap()
                .is_none()
        );
        assert_eq!(users(db).await, Some(0));

        let told = transact(store, &[&batch], End::Commit).await.unwrap();
        assert_eq!(told, [[Outcome::Inserted, Outcome::Inserted]]);
        assert!(
            store
                .get_object("customer", "cus_1")
                .await
                .unwrap()
                .is_some()
        );
        assert_eq!(users(db).await, Some(1));
    })
    .await;
}

#[tokio::test]
async fn the_rules_are_the_same_and_one_transaction_may_write_often() {
    on_both(async |db: &TestDb| {
        db.execute("CREATE TABLE users (name text)").await;
        let store = db.store();
        let (old, new, rival) = (customer(V1, 1), customer(V2, 2), customer(V1, 2));
        let batches: [&[Snapshot<'_>]; 5] = [
            std::slice::from_ref(&new),
            std::slice::from_ref(&old),
            std::slice::from_ref(&rival),
            &[],
            &[rival.clone(), new.clone(), old.clone()],
        ];
        let told = transact(store, &batches, End::Commit).await.unwrap();
        assert_eq!(told[0], [Outcome::Inserted]);
        assert_eq!(told[1], [Outcome::Stale]);
        assert_eq!(told[3], []);
        assert!(
            told[4].iter().all(|outcome| !outcome.is_change()),
            "{told:?}"
        );
        assert_eq!(store.dirty_objects(10).await.unwrap().len(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_transaction_on_another_database_is_refused() {
    let (sqlite, postgres) = (TestDb::sqlite().await, TestDb::postgres().await);
    let RawPool::Sqlite(pool) = sqlite.pool() else {
        unreachable!()
    };
    let mut transaction = pool.begin().await.unwrap();
    let error = postgres
        .store()
        .write_in(&mut transaction, &[customer(V1, 1)])
        .await
        .unwrap_err();
    assert!(matches!(error, StoreError::OtherDatabase { .. }));
    assert_eq!(
        error.to_string(),
        "the store is on PostgreSQL and the transaction on SQLite: hand over one of the store's own pool"
    );
    transaction.rollback().await.unwrap();
    let RawPool::Postgres(pool) = postgres.pool() else {
        unreachable!()
    };
    let mut transaction = pool.begin().await.unwrap();
    let error = sqlite
        .store()
        .write_in(&mut transaction, &[])
        .await
        .unwrap_err();
    assert!(matches!(error, StoreError::OtherDatabase { .. }));
}

#[tokio::test(flavor = "multi_thread")]
async fn transactions_that_write_the_same_second_at_once_lose_nothing() {
    on_both(async |db: &TestDb| {
        db.execute("CREATE TABLE users (name text)").await;
        // Eight tellings of one second, of objects that another telling may be the first to make.
        for round in 0..20 {
            let store = db.store().account(format!("acct_{round}"));
            let writers: Vec<_> = (0..8_i64)
                .map(|writer| {
                    let store = store.clone();
                    tokio::spawn(async move {
                        let texts: Vec<_> = (0..5)
                            .map(|n| {
                                format!(r#"{{"id":"cus_{n}","object":"customer","v":{writer}}}"#)
                            })
                            .collect();
                        let batch: Vec<_> = texts
                            .iter()
                            .map(|json| {
                                let read = Snapshot::read(json).unwrap();
                                read.taken(Interval::second(1), format!("evt_{writer}"))
                            })
                            .collect();
                        loop {
                            match transact(&store, &[&batch], End::Commit).await {
                                Ok(_) => break,
                                // On SQLite, where it had read before another one wrote.
                                Err(error) => assert!(error.is_transient(), "{error:?}"),
                            }
                        }
                    })
                })
                .collect();
            for writer in writers {
                writer.await.unwrap();
            }
            for n in 0..5 {
                let id = format!("cus_{n}");
                let found = store.get_object("customer", &id).await.unwrap().unwrap();
                assert_eq!(found.row().source().as_str(), "evt_7");
            }
            let rivals =
                format!("SELECT count(*) FROM stripe_rivals WHERE account = 'acct_{round}'");
            assert_eq!(db.scalar_i64(&rivals).await, Some(5 * 7));
        }
        assert_eq!(users(db).await, Some(20 * 8));
    })
    .await;
}

/// One object that time does not decide on, and one whose deletion is all that is new, among others.
#[tokio::test]
async fn what_others_of_the_batch_are_changes_no_outcome() {
    on_both(async |db: &TestDb| {
        let object = |n: i64, v: i64| format!(r#"{{"id":"cus_{n}","object":"customer","v":{v}}}"#);
        let gone = |n: i64| format!(r#"{{"id":"cus_{n}","object":"customer","deleted":true}}"#);
        db.execute("CREATE TABLE users (name text)").await;
        let first: Vec<_> = (1..=6).map(|n| object(n, 1)).collect();
        let second = [
            object(1, 2),
            gone(2),
            object(3, 2),
            object(4, 2),
            object(5, 1),
            object(7, 1),
        ];
        let seconds = [20, 20, 20, 10, 20, 20];
        let expected = [
            Outcome::Updated,
            Outcome::Deleted,
            Outcome::Updated,
            Outcome::Updated,
            Outcome::Unchanged,
            Outcome::Inserted,
        ];
        for in_transaction in [false, true] {
            let store = db.store().account(format!("acct_{in_transaction}"));
            let batch: Vec<_> = first.iter().map(|json| customer(json, 10)).collect();
            store.write(&batch).await.unwrap();
            let batch: Vec<_> = second
                .iter()
                .zip(seconds)
                .map(|(json, second)| {
                    let read = Snapshot::read(json).unwrap();
                    read.taken(Interval::second(second), format!("evt_{second}_again"))
                })
                .collect();
            let outcomes = if in_transaction {
                let mut told = transact(&store, &[&batch], End::Commit).await.unwrap();
                told.remove(0)
            } else {
                store.write(&batch).await.unwrap()
            };
            assert_eq!(outcomes, expected, "in a transaction: {in_transaction}");
            let deleted = store.get_object("customer", "cus_2").await.unwrap();
            assert!(deleted.is_none());
        }
    })
    .await;
}
