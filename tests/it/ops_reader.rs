//! Reads that go to another pool than writes.

use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use stripe_store::resources::Customer;
use stripe_store::store::{Interval, Pool, Snapshot, StoreError};
use stripe_store::{Outcome, Store};
use stripe_store_tests::{Kind, TestDb, on_both, on_postgres, on_sqlite};

async fn write(store: &Store, id: &str) {
    let json = format!(r#"{{"id":"{id}","object":"customer","livemode":true}}"#);
    let snapshot = Snapshot::read(&json)
        .unwrap()
        .taken(Interval::second(1_700_000_000), "evt_1");
    assert_eq!(store.write(&[snapshot]).await.unwrap(), [Outcome::Inserted]);
}

/// Every way to read, and whether it finds the customer.
async fn found(store: &Store, id: &str) -> Vec<bool> {
    let mut export = store.export().begin().await.unwrap();
    let mut lines = String::new();
    while let Some(page) = export.next_page().await.unwrap() {
        lines.push_str(page.text());
    }
    drop(export);
    let listed = store.list::<Customer>().page().await.unwrap();
    vec![
        store.get::<Customer>(id).await.unwrap().is_some(),
        store.get_object("customer", id).await.unwrap().is_some(),
        !store.get_many::<Customer>(&[id]).await.unwrap().is_empty(),
        listed.data.iter().any(|customer| customer.id() == id),
        store
            .counts()
            .await
            .unwrap()
            .iter()
            .any(|count| count.rows == 1),
        lines.contains(id),
    ]
}

/// A store on the first database that reads from the second, of the same kind.
async fn pair(kind: Kind) -> (TestDb, TestDb, Store) {
    let (writer, reader) = match kind {
        Kind::Sqlite => (TestDb::sqlite().await, TestDb::sqlite().await),
        Kind::Postgres => (TestDb::postgres().await, TestDb::postgres().await),
    };
    let store = writer.connect().await;
    let store = store.with_reader(reader.store().pool().clone()).unwrap();
    (writer, reader, store)
}

#[tokio::test]
async fn reads_go_to_the_reader_and_writes_to_the_writer() {
    for kind in Kind::ALL {
        let (writer, reader, store) = pair(kind).await;
        write(&store, "cus_written").await;
        assert_eq!(
            found(writer.store(), "cus_written").await,
            [true; 6],
            "{kind}"
        );
        assert_eq!(found(&store, "cus_written").await, [false; 6], "{kind}");
        assert_eq!(
            found(&store.on_writer(), "cus_written").await,
            [true; 6],
            "{kind}"
        );

        write(reader.store(), "cus_replicated").await;
        assert_eq!(found(&store, "cus_replicated").await, [true; 6], "{kind}");
        let on_writer = store.on_writer();
        assert!(
            on_writer
                .get::<Customer>("cus_replicated")
                .await
                .unwrap()
                .is_none(),
            "{kind}"
        );
    }
}

#[tokio::test]
async fn every_handle_of_the_store_keeps_the_reader() {
    for kind in Kind::ALL {
        let (_writer, reader, store) = pair(kind).await;
        write(reader.store(), "cus_1").await;
        let handles = [
            store.clone(),
            store.test_mode().live_mode(),
            store.account("acct_1").platform(),
            store.including_deleted(),
            store.clone().with_tables(store.tables().clone()).unwrap(),
            store.clone().with_clock(stripe_store::clock::SystemClock),
        ];
        for (at, handle) in handles.iter().enumerate() {
            assert!(
                handle.get::<Customer>("cus_1").await.unwrap().is_some(),
                "{kind} {at}"
            );
            let on_writer = handle.on_writer().test_mode().live_mode();
            assert!(
                on_writer.get::<Customer>("cus_1").await.unwrap().is_none(),
                "{kind} {at}"
            );
        }
    }
}

#[tokio::test]
async fn without_a_reader_everything_is_the_writer() {
    on_both(async |db: &TestDb| {
        assert!(db.store().reader_pool().is_none());
        write(db.store(), "cus_1").await;
        assert_eq!(found(&db.store().on_writer(), "cus_1").await, [true; 6]);
    })
    .await;
}

#[tokio::test]
async fn connections_that_cannot_write_are_good_for_reading() {
    on_postgres(async |db: &TestDb| {
        let options: PgConnectOptions = db.url().parse().unwrap();
        let options = options.options([("default_transaction_read_only", "on")]);
        let reader = PgPoolOptions::new().connect_with(options).await.unwrap();
        let refused = Store::from_pool(reader.clone())
            .write(&[Snapshot::read(r#"{"id":"cus_0","object":"customer"}"#)
                .unwrap()
                .taken(Interval::second(1), "evt_0")])
            .await;
        assert!(refused.is_err(), "the pool cannot write");
        let store = db.connect().await.with_reader(reader).unwrap();
        write(&store, "cus_1").await;
        assert_eq!(found(&store, "cus_1").await, [true; 6]);
    })
    .await;
    on_sqlite(async |db: &TestDb| {
        let reader = Store::connect(&format!("{}?mode=ro", db.url()))
            .await
            .unwrap();
        let store = db
            .connect()
            .await
            .with_reader(reader.pool().clone())
            .unwrap();
        write(&store, "cus_1").await;
        assert_eq!(found(&store, "cus_1").await, [true; 6]);
        assert!(reader.migrate().await.is_ok(), "there is nothing to do");
        let json = r#"{"id":"cus_2","object":"customer"}"#;
        let refused = reader
            .write(&[Snapshot::read(json)
                .unwrap()
                .taken(Interval::second(1), "evt_0")])
            .await;
        assert!(refused.is_err(), "the pool cannot write");
    })
    .await;
}

#[tokio::test]
async fn a_reader_of_the_other_kind_is_refused() {
    let (sqlite, postgres) = (TestDb::sqlite().await, TestDb::postgres().await);
    for (writer, reader) in [(&sqlite, &postgres), (&postgres, &sqlite)] {
        let pool: Pool = reader.store().pool().clone();
        let error = writer.connect().await.with_reader(pool).unwrap_err();
        assert!(matches!(error, StoreError::ReaderDialect { .. }), "{error}");
        assert!(!error.is_transient());
    }
    let error = sqlite
        .connect()
        .await
        .with_reader(postgres.store().pool().clone())
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "a store on SQLite cannot read from PostgreSQL: both have to be the same kind of database"
    );
}

#[tokio::test]
async fn a_reader_that_times_out_names_its_own_pool() {
    on_both(async |db: &TestDb| {
        let options = stripe_store::store::ConnectOptions::new()
            .with_max_connections(1)
            .with_acquire_timeout(std::time::Duration::from_millis(100));
        let small = Store::connect_with(db.url(), &options).await.unwrap();
        let store = db
            .connect()
            .await
            .with_reader(small.pool().clone())
            .unwrap();
        // An export holds the connection.
        let export = store.export().begin().await.unwrap();
        let error = store.get::<Customer>("cus_1").await.unwrap_err();
        assert!(
            matches!(
                error,
                StoreError::PoolTimedOut {
                    in_use: 1,
                    max_connections: 1,
                    ..
                }
            ),
            "{error}"
        );
        write(&store, "cus_1").await;
        drop(export);
    })
    .await;
}
