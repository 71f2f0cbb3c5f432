//! Indexes that a user adds.

use stripe_store::resources::{Customer, Subscription};
use stripe_store::store::{StoreError, TableNames};
use stripe_store::{AnyObject, Store};
use stripe_store_tests::{Kind, TestDb, on_both, on_postgres};

/// How many indexes there are whose names hold this.
async fn count(db: &TestDb, name: &str) -> i64 {
    let sql = match db.kind() {
        Kind::Postgres => {
            format!("SELECT count(*) FROM pg_indexes WHERE indexname LIKE '%{name}%'")
        }
        Kind::Sqlite => format!(
            "SELECT count(*) FROM sqlite_schema WHERE type = 'index' AND name LIKE '%{name}%'"
        ),
    };
    db.scalar_i64(&sql).await.unwrap()
}

#[tokio::test]
async fn an_index_is_made_once_and_not_where_one_serves_already() {
    on_both(async |db: &TestDb| {
        let store = db.store();
        let before = count(db, "stripe_objects").await;
        store.ensure_index(Subscription::STATUS).await.unwrap();
        store.ensure_index(Subscription::CUSTOMER).await.unwrap();
        store.ensure_index(Subscription::CREATED).await.unwrap();
        store.ensure_index(Subscription::ID).await.unwrap();
        assert_eq!(count(db, "stripe_objects").await, before);
        for _ in 0..3 {
            store
                .ensure_index(Customer::METADATA.key("it's \"odd\" \\ $1 ?1 é"))
                .await
                .unwrap();
            store
                .ensure_index(Customer::METADATA.key("tier"))
                .await
                .unwrap();
            store
                .ensure_index(AnyObject::METADATA.key("tier"))
                .await
                .unwrap();
            store
                .ensure_index(Subscription::CANCEL_AT_PERIOD_END)
                .await
                .unwrap();
            store
                .ensure_index(Subscription::APPLICATION_FEE_PERCENT)
                .await
                .unwrap();
            store
                .ensure_index(Subscription::DAYS_UNTIL_DUE)
                .await
                .unwrap();
            store
                .ensure_index(Subscription::LATEST_INVOICE)
                .await
                .unwrap();
        }
        assert_eq!(count(db, "stripe_objects").await, before + 6);
    })
    .await;
}

#[tokio::test]
async fn several_processes_at_once_make_an_index_once() {
    on_both(async |db: &TestDb| {
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..4 {
            let store: Store = db.connect().await;
            tasks.spawn(async move { store.ensure_index(Customer::EMAIL).await });
        }
        while let Some(made) = tasks.join_next().await {
            made.unwrap().unwrap();
        }
        assert_eq!(count(db, "stripe_objects_email").await, 1);
    })
    .await;
}

#[tokio::test]
async fn a_half_made_index_is_made_again() {
    on_postgres(async |db: &TestDb| {
        db.store().ensure_index(Customer::EMAIL).await.unwrap();
        let valid = "SELECT count(*) FROM pg_index WHERE indisvalid AND indexrelid::regclass::text LIKE '%email%'";
        assert_eq!(db.scalar_i64(valid).await, Some(1));
        // What an index that was broken off leaves behind.
        db.execute(
            "UPDATE pg_index SET indisvalid = false WHERE indexrelid::regclass::text LIKE '%email%'",
        )
        .await;
        assert_eq!(db.scalar_i64(valid).await, Some(0));
        db.store().ensure_index(Customer::EMAIL).await.unwrap();
        assert_eq!(db.scalar_i64(valid).await, Some(1));
    })
    .await;
}

#[tokio::test]
async fn prefixes_and_schemas_have_indexes_of_their_own() {
    on_both(async |db: &TestDb| {
        let mut names = vec![TableNames::new().with_prefix("eu_").unwrap()];
        if db.kind() == Kind::Postgres {
            db.execute("CREATE SCHEMA billing").await;
            names.push(TableNames::new().with_schema("billing").unwrap());
        }
        let before = count(db, "stripe_objects_email").await;
        for (made, names) in names.into_iter().enumerate() {
            let store = db.store().clone().with_tables(names).unwrap();
            let missing = store.ensure_index(Customer::EMAIL).await;
            assert!(missing.unwrap_err().is_not_migrated());
            store.migrate().await.unwrap();
            store.ensure_index(Customer::EMAIL).await.unwrap();
            store.ensure_index(Customer::EMAIL).await.unwrap();
            let made = i64::try_from(made).unwrap() + 1;
            assert_eq!(count(db, "stripe_objects_email").await, before + made);
            let ada = store
                .query::<Customer>()
                .filter(Customer::EMAIL.eq("ada@example.com"));
            assert!(matches!(ada.one().await, Err(StoreError::NoneFound { .. })));
        }
    })
    .await;
}

/// An entry has a size limit, and no object may be refused for what is in it.
#[tokio::test]
async fn an_index_refuses_no_object() {
    on_both(async |db: &TestDb| {
        let store = db.store();
        store.ensure_index(Customer::EMAIL).await.unwrap();
        store.ensure_index(Customer::METADATA.key("n")).await.unwrap();
        let long = "ä".repeat(100_000);
        let values = [format!("\"{long}\""), "1e400".to_owned(), "[]".to_owned(), "{}".to_owned()];
        for (number, value) in values.iter().enumerate() {
            let json = format!(
                r#"{{"object":"customer","id":"cus_{number}","email":{value},"metadata":{{"n":{value}}}}}"#
            );
            let snapshot = stripe_store::Snapshot::read(&json).unwrap();
            let taken = stripe_store::store::Interval::second(1);
            store.write(&[snapshot.taken(taken, "evt_1")]).await.unwrap();
        }
        let query = store.query::<Customer>().filter(Customer::EMAIL.eq(long));
        assert_eq!(query.one().await.unwrap().id(), "cus_0");
    })
    .await;
}
