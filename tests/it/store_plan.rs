//! Reads and writes are served by the right index, also on a table that grew too fast for the server's statistics.

use std::cell::Cell;
use std::time::Duration;

use sqlx::AssertSqlSafe;
use stripe_store::Store;
use stripe_store::store::{Interval, Pool, Snapshot};
use stripe_store_tests::{TestDb, on_postgres};

/// Rows in the table.
const ROWS: i64 = 50_000;

/// Does `work` on connections of its own, and waits until the server has let go of them: a connection may tell the
/// statistics as late as that what it did.
async fn apart(db: &TestDb, work: impl AsyncFn(&Store)) {
    let connections = "SELECT count(*) FROM pg_stat_activity \
        WHERE datname = current_database() AND backend_type = 'client backend'";
    let before = db.scalar_i64(connections).await;
    let store = db.connect().await;
    work(&store).await;
    store.pool().close().await;
    for _ in 0..500 {
        if db.scalar_i64(connections).await <= before {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("the server does not let go of a connection");
}

async fn execute_apart(db: &TestDb, sql: &str) {
    apart(db, async |store| {
        let Pool::Postgres(pool) = store.pool() else {
            return;
        };
        let statements = sqlx::raw_sql(AssertSqlSafe(sql));
        statements.execute(pool).await.unwrap();
    })
    .await;
}

async fn load(db: &TestDb, created: &str) {
    let sql = format!(
        "ALTER TABLE stripe_objects SET (autovacuum_enabled = false); \
         INSERT INTO stripe_objects (livemode, object, stripe_id, data, as_of, as_of_until, source) \
         SELECT true, 'customer', 'cus_' || n, \
         jsonb_build_object('created', {created}, 'id', 'cus_' || n, 'object', 'customer', 'status', 'active'), \
         0, 1, 'x' FROM generate_series(1, {ROWS}) AS n"
    );
    execute_apart(db, &sql).await;
}

/// How many pages of the table and its indexes were read so far, and how often the table was scanned.
async fn pages_read(db: &TestDb) -> (i64, i64) {
    let pages = "SELECT heap_blks_hit + heap_blks_read + idx_blks_hit + idx_blks_read \
        FROM pg_statio_user_tables WHERE relname = 'stripe_objects'";
    let scans = "SELECT seq_scan FROM pg_stat_user_tables WHERE relname = 'stripe_objects'";
    (
        db.scalar_i64(pages).await.unwrap(),
        db.scalar_i64(scans).await.unwrap(),
    )
}

/// Runs `work` often enough for a generic plan, and checks that a run reads few pages.
async fn check(db: &TestDb, what: &str, most_pages: i64, work: impl AsyncFn(&Store)) {
    const RUNS: i64 = 10;
    let before = pages_read(db).await;
    apart(db, async |store| {
        for _ in 0..RUNS {
            work(store).await;
        }
    })
    .await;
    let after = pages_read(db).await;
    let pages = (after.0 - before.0) / RUNS;
    assert!(pages > 0, "{what}: the statistics came");
    assert!(pages <= most_pages, "{what}: {pages} pages");
    assert_eq!(after.1, before.1, "{what}: the table was scanned");
}

async fn check_all(db: &TestDb) {
    check(db, "get", 12, async |store| {
        store
            .get_object("customer", "cus_777")
            .await
            .unwrap()
            .unwrap();
    })
    .await;
    check(db, "first page", 40, async |store| {
        let page = store.list_object("customer").page().await.unwrap();
        assert_eq!(page.data.len(), 10);
    })
    .await;
    let late = Cell::new(None);
    apart(db, async |store| {
        let list = || store.list_object("customer").limit(1000);
        let mut page = list().page().await.unwrap();
        for _ in 0..20 {
            page = list().after(&page.next.unwrap()).page().await.unwrap();
        }
        late.set(page.next);
    })
    .await;
    let late = late.take().unwrap();
    check(db, "late page", 40, async |store| {
        let page = store.list_object("customer").after(&late).page().await;
        assert_eq!(page.unwrap().data.len(), 10);
    })
    .await;
    let texts: Vec<_> = (1..=100)
        .map(|n| format!(r#"{{"object":"customer","id":"cus_{}"}}"#, n * 400))
        .collect();
    check(db, "repeats", 1000, async |store| {
        let batch: Vec<_> = texts
            .iter()
            .map(|text| {
                Snapshot::read(text)
                    .unwrap()
                    .taken(Interval::second(0), "a")
            })
            .collect();
        store.write(&batch).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn postgres_reads_few_pages_with_statistics() {
    on_postgres(async |db: &TestDb| {
        load(db, "n / 10").await;
        execute_apart(db, "ANALYZE stripe_objects").await;
        check_all(db).await;
    })
    .await;
}

#[tokio::test]
async fn postgres_reads_few_pages_without_statistics() {
    on_postgres(async |db: &TestDb| {
        load(db, "n / 10").await;
        check_all(db).await;
    })
    .await;
}

#[tokio::test]
async fn postgres_reads_few_pages_where_nothing_says_when_it_was_created() {
    on_postgres(async |db: &TestDb| {
        load(db, "NULL").await;
        check_all(db).await;
    })
    .await;
}

#[tokio::test]
async fn postgres_finds_the_children_of_a_parent_by_an_index() {
    on_postgres(async |db: &TestDb| {
        for (analyzed, by) in [(false, "subscription"), (true, "account")] {
            let child = if by == "account" { "card" } else { "subscription_item" };
            execute_apart(
                db,
                &format!(
                    "DELETE FROM stripe_objects; ALTER TABLE stripe_objects SET (autovacuum_enabled = false); \
                     INSERT INTO stripe_objects (livemode, object, stripe_id, data, as_of, as_of_until, source) \
                     SELECT true, '{child}', 'x_' || n, jsonb_build_object('created', 5, 'id', 'x_' || n, \
                     'object', '{child}', '{by}', 'parent_' || n / 2), 0, 1, 'x' FROM generate_series(1, {ROWS}) AS n"
                ),
            )
            .await;
            if analyzed {
                execute_apart(db, "VACUUM ANALYZE stripe_objects").await;
            }
            let field = if by == "account" { "external_accounts" } else { "items" };
            let json = format!(
                r#"{{"object":"{by}","id":"parent_77","{field}":{{"object":"list","has_more":false,
                    "data":[{{"id":"x_154","object":"{child}","{by}":"parent_77"}}]}}}}"#
            );
            let second = |second| {
                let read = Snapshot::read(&json).unwrap();
                [read.taken(Interval::second(second), "evt")]
            };
            apart(db, async |store| {
                let store = store.clone().extract_expanded();
                store.write(&second(10)).await.unwrap();
            })
            .await;
            check(db, by, 60, async |store| {
                store.extract_expanded().write(&second(10)).await.unwrap();
            })
            .await;
            let left = db.store().get_object(child, "x_154").await.unwrap();
            assert!(left.is_some());
            let gone = db.store().get_object(child, "x_155").await.unwrap();
            assert!(gone.is_none());
        }
    })
    .await;
}
