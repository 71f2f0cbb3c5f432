//! Making the tables, and connecting to databases.

use stripe_store::Store;
use stripe_store::store::{Dialect, Interval, Pool, Snapshot, StoreError, TableNames};
use stripe_store_tests::{Kind, RawPool, TestDb, on_postgres, on_sqlite};

async fn empty_databases() -> [TestDb; 2] {
    [TestDb::empty_sqlite().await, TestDb::empty_postgres().await]
}

fn snapshot() -> Snapshot<'static> {
    Snapshot::read(r#"{"object":"customer","id":"cus_1"}"#)
        .unwrap()
        .taken(Interval::second(1), "evt_1")
}

/// Everything the database knows of its tables and indexes.
async fn schema(db: &TestDb) -> String {
    let sql = match db.kind() {
        Kind::Sqlite => {
            "SELECT group_concat(sql, ';') FROM (SELECT sql FROM sqlite_schema ORDER BY name)"
        }
        Kind::Postgres => {
            "SELECT string_agg(schemaname || indexdef, ';' ORDER BY indexdef) || \
             (SELECT string_agg(table_name || column_name || data_type, ';' ORDER BY table_name, column_name) \
              FROM information_schema.columns WHERE table_schema NOT IN ('pg_catalog', 'information_schema')) \
             FROM pg_indexes WHERE schemaname NOT LIKE 'pg_%'"
        }
    };
    db.scalar_text(sql).await.unwrap()
}

/// How many migrations there are: files of one dialect.
fn shipped() -> i64 {
    let folder = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../stripe-store/migrations/sqlite"
    );
    let files = std::fs::read_dir(folder).unwrap().count();
    i64::try_from(files).unwrap()
}

#[tokio::test]
async fn c010_migrating_again_changes_nothing() {
    for db in empty_databases().await {
        let store = db.store();
        let error = store.write(&[snapshot()]).await.unwrap_err();
        assert!(error.is_not_migrated(), "{error:?}");
        assert!(
            store
                .get_object("customer", "cus_1")
                .await
                .unwrap_err()
                .is_not_migrated()
        );
        assert!(
            store
                .counts()
                .await
                .unwrap_err()
                .to_string()
                .contains("Store::migrate")
        );
        store.migrate().await.unwrap();
        let before = schema(&db).await;
        store.write(&[snapshot()]).await.unwrap();
        store.migrate().await.unwrap();
        db.connect().await.migrate().await.unwrap();
        assert_eq!(schema(&db).await, before, "on {}", db.name());
        assert_eq!(
            db.scalar_i64("SELECT count(*) FROM _stripe_store_migrations")
                .await,
            Some(shipped())
        );
        assert!(
            store
                .get_object("customer", "cus_1")
                .await
                .unwrap()
                .is_some()
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn c010_two_processes_may_migrate_at_once() {
    for db in empty_databases().await {
        let mut stores = vec![db.store().clone()];
        for _ in 0..4 {
            stores.push(db.connect().await);
        }
        let tasks: Vec<_> = stores
            .into_iter()
            .map(|store| tokio::spawn(async move { store.migrate().await }))
            .collect();
        for task in tasks {
            task.await.unwrap().unwrap();
        }
        assert_eq!(
            db.scalar_i64("SELECT count(*) FROM _stripe_store_migrations")
                .await,
            Some(shipped())
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_migration_that_is_dropped_locks_no_one_out() {
    for db in empty_databases().await {
        for micros in [0, 100, 500, 1000, 2000, 3000, 5000] {
            let patience = std::time::Duration::from_micros(micros);
            let _ = tokio::time::timeout(patience, db.store().migrate()).await;
        }
        db.connect().await.migrate().await.unwrap();
        db.store().write(&[snapshot()]).await.unwrap();
    }
}

#[tokio::test]
async fn c010_a_prefix_keeps_stores_apart() {
    for db in empty_databases().await {
        let prefixed = |prefix| {
            let names = TableNames::new().with_prefix(prefix).unwrap();
            db.store().clone().with_tables(names).unwrap()
        };
        let (eu, us) = (prefixed("eu_"), prefixed("us_"));
        eu.migrate().await.unwrap();
        let error = us.write(&[snapshot()]).await.unwrap_err();
        assert!(error.to_string().contains("us_stripe_objects"), "{error}");
        us.migrate().await.unwrap();
        db.store().migrate().await.unwrap();
        eu.migrate().await.unwrap();
        us.write(&[snapshot()]).await.unwrap();
        assert!(us.get_object("customer", "cus_1").await.unwrap().is_some());
        assert!(us.list_object("customer").page().await.unwrap().data.len() == 1);
        assert!(eu.get_object("customer", "cus_1").await.unwrap().is_none());
        assert_eq!(
            db.scalar_i64("SELECT count(*) FROM stripe_objects").await,
            Some(0)
        );
        assert_eq!(
            db.scalar_i64("SELECT count(*) FROM us_stripe_objects")
                .await,
            Some(1)
        );
        assert_eq!(
            db.scalar_i64("SELECT count(*) FROM us__stripe_store_migrations")
                .await,
            Some(shipped())
        );
    }
}

#[tokio::test]
async fn c010_a_schema_is_made_and_used() {
    let db = TestDb::empty_postgres().await;
    for schema in ["billing", "user", "_1"] {
        let names = TableNames::new()
            .with_schema(schema)
            .unwrap()
            .with_prefix("p_")
            .unwrap();
        let store = db.store().clone().with_tables(names).unwrap();
        store.migrate().await.unwrap();
        store.migrate().await.unwrap();
        store.write(&[snapshot()]).await.unwrap();
        assert_eq!(store.counts().await.unwrap()[0].rows, 1);
        let sql = format!("SELECT count(*) FROM \"{schema}\".p_stripe_objects");
        assert_eq!(db.scalar_i64(&sql).await, Some(1));
    }
    let public = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'";
    assert_eq!(db.scalar_i64(public).await, Some(0));
    assert_eq!(
        db.scalar_text("SHOW search_path").await.unwrap(),
        "\"$user\", public"
    );
    assert!(
        db.store()
            .get_object("customer", "cus_1")
            .await
            .unwrap_err()
            .is_not_migrated()
    );
}

#[tokio::test]
async fn a_user_who_may_not_create_tables_may_migrate_what_is_migrated() {
    on_postgres(async |db: &TestDb| {
        let RawPool::Postgres(pool) = db.pool() else {
            unreachable!()
        };
        let role = format!("reader_{}", std::process::id());
        db.execute(&format!("CREATE ROLE {role} LOGIN")).await;
        db.execute("REVOKE CREATE ON SCHEMA public FROM PUBLIC")
            .await;
        db.execute(&format!(
            "GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA public TO {role}"
        ))
        .await;
        let set_role = format!("SET ROLE {role}");
        let limited = sqlx::postgres::PgPoolOptions::new()
            .max_connections(1)
            .after_connect(move |connection, _| {
                let set_role = set_role.clone();
                Box::pin(async move {
                    sqlx::raw_sql(sqlx::AssertSqlSafe(set_role))
                        .execute(connection)
                        .await?;
                    Ok(())
                })
            })
            .connect_with((*pool.connect_options()).clone())
            .await
            .unwrap();
        let store = Store::from_pool(limited.clone());
        store.migrate().await.unwrap();
        store.write(&[snapshot()]).await.unwrap();
        limited.close().await;
        db.execute(&format!("DROP OWNED BY {role}")).await;
        db.execute(&format!("DROP ROLE {role}")).await;
    })
    .await;
}

#[tokio::test]
async fn a_database_of_a_newer_version_is_left_alone() {
    for db in empty_databases().await {
        db.store().migrate().await.unwrap();
        db.execute("UPDATE _stripe_store_migrations SET version = 99 WHERE version = 1")
            .await;
        let error = db.store().migrate().await.unwrap_err();
        assert!(
            matches!(error, StoreError::NewerDatabase { version: 99, .. }),
            "{error:?}"
        );
    }
}

#[tokio::test]
async fn a_changed_migration_is_noticed() {
    for db in empty_databases().await {
        db.store().migrate().await.unwrap();
        db.execute("UPDATE _stripe_store_migrations SET checksum = '\\x00'")
            .await;
        let error = db.store().migrate().await.unwrap_err();
        assert!(
            matches!(error, StoreError::ChangedMigration { version: 1, .. }),
            "{error:?}"
        );
    }
}

#[tokio::test]
async fn a_failed_migration_leaves_nothing() {
    for db in empty_databases().await {
        db.execute("CREATE TABLE stripe_objects (mine TEXT)").await;
        let error = db.store().migrate().await.unwrap_err();
        assert!(matches!(error, StoreError::Migrate { .. }), "{error:?}");
        assert!(!error.is_transient());
        db.execute("DROP TABLE stripe_objects").await;
        db.store().migrate().await.unwrap();
    }
}

#[tokio::test]
async fn the_statements_can_be_run_by_hand() {
    for db in empty_databases().await {
        let names = TableNames::new().with_prefix("x_").unwrap();
        db.execute(&Store::migrations_sql(db.store().dialect(), &names))
            .await;
        let store = db.store().clone().with_tables(names).unwrap();
        store.write(&[snapshot()]).await.unwrap();
        assert!(
            store
                .get_object("customer", "cus_1")
                .await
                .unwrap()
                .is_some()
        );
    }
}

#[tokio::test]
async fn a_sqlite_file_is_made_durable_and_shared() {
    on_sqlite(async |db: &TestDb| {
        assert_eq!(db.store().dialect(), Dialect::Sqlite);
        let Pool::Sqlite(pool) = db.connect().await.pool().clone() else {
            unreachable!()
        };
        let pragma = async |sql: &'static str| -> String {
            sqlx::query_scalar::<_, sqlx::types::Text<String>>(sql)
                .fetch_one(&pool)
                .await
                .map_or_else(|error| error.to_string(), |text| text.0)
        };
        assert_eq!(
            pragma("SELECT journal_mode FROM pragma_journal_mode").await,
            "wal"
        );
        assert_eq!(
            pragma("SELECT CAST(synchronous AS TEXT) FROM pragma_synchronous").await,
            "2"
        );
        assert_eq!(
            pragma("SELECT CAST(foreign_keys AS TEXT) FROM pragma_foreign_keys").await,
            "1"
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_may_open_a_new_sqlite_file_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let url =
        format!("sqlite://{}", dir.path().join("new %20.db").display()).replace(" %20", "%20");
    let tasks: Vec<_> = (0..8)
        .map(|_| {
            let url = url.clone();
            tokio::spawn(async move {
                let store = Store::connect(&url).await?;
                store.migrate().await?;
                store.write(&[snapshot()]).await?;
                store.pool().close().await;
                Ok::<(), StoreError>(())
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap().unwrap();
    }
    assert!(dir.path().join("new .db").exists());
    let read_only = Store::connect(&format!("{url}?mode=ro")).await.unwrap();
    assert!(
        read_only
            .get_object("customer", "cus_1")
            .await
            .unwrap()
            .is_some()
    );
    let newer = Snapshot::read(r#"{"object":"customer","id":"cus_1","v":1}"#).unwrap();
    let refused = read_only
        .write(&[newer.taken(Interval::second(2), "evt_2")])
        .await
        .unwrap_err();
    assert!(
        matches!(refused, StoreError::Database { .. }),
        "{refused:?}"
    );
    read_only.migrate().await.unwrap();
    let missing = format!(
        "sqlite://{}?mode=rw",
        dir.path().join("missing.db").display()
    );
    assert!(matches!(
        Store::connect(&missing).await,
        Err(StoreError::Connect { .. })
    ));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_in_memory_outlives_dropped_calls_and_serves_many() {
    let store = Store::connect("sqlite::memory:").await.unwrap();
    store.migrate().await.unwrap();
    store.write(&[snapshot()]).await.unwrap();
    for micros in 0..50 {
        let patience = std::time::Duration::from_micros(micros * 7);
        let _ = tokio::time::timeout(patience, store.get_object("customer", "cus_1")).await;
        let _ = tokio::time::timeout(patience, store.write(&[snapshot()])).await;
    }
    let tasks: Vec<_> = (0..30)
        .map(|_| {
            let store = store.clone();
            tokio::spawn(async move { store.get_object("customer", "cus_1").await })
        })
        .collect();
    for task in tasks {
        assert!(task.await.unwrap().unwrap().is_some());
    }
    let other = Store::connect("sqlite::memory:").await.unwrap();
    assert!(
        other
            .get_object("customer", "cus_1")
            .await
            .unwrap_err()
            .is_not_migrated()
    );
}

#[tokio::test]
async fn a_url_that_leads_nowhere_is_told_without_its_password() {
    let messages = [
        ("mysql://me:hunter2@host/db", "unknown database \"mysql\""),
        ("hunter2", "unknown database \"\""),
        (
            "postgres://me:hunter2@127.0.0.1:1/db",
            "could not connect to PostgreSQL database \"db\" at 127.0.0.1:1",
        ),
        (
            "postgres://me:hunter2@127.0.0.1:99999/db",
            "could not connect to PostgreSQL",
        ),
        (
            "sqlite:///no/such/folder/x.db",
            "could not connect to SQLite file /no/such/folder/x.db",
        ),
        ("sqlite://x.db?mode=hunter2", "could not connect to SQLite"),
    ];
    for (url, message) in messages {
        let error = Store::connect(url).await.unwrap_err();
        assert!(error.to_string().starts_with(message), "{error}");
        if !url.starts_with("sqlite") {
            assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
        }
    }
    let transient = Store::connect("postgres://me@127.0.0.1:1/db")
        .await
        .unwrap_err();
    assert!(transient.is_transient(), "{transient:?}");
}

#[tokio::test]
async fn a_pool_of_the_callers_is_shared() {
    for db in stripe_store_tests::databases().await {
        let store = match db.pool() {
            RawPool::Sqlite(pool) => Store::from_pool(pool.clone()),
            RawPool::Postgres(pool) => Store::from_pool(pool.clone()),
            #[allow(
                unreachable_patterns,
                reason = "the harness may know more pools one day"
            )]
            _ => unreachable!(),
        };
        store.write(&[snapshot()]).await.unwrap();
        assert!(!format!("{store:?} {:?}", store.pool()).contains("password"));
        assert_eq!(
            db.scalar_i64("SELECT count(*) FROM stripe_objects").await,
            Some(1)
        );
    }
}
