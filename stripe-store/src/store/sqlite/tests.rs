use super::*;
use crate::store::extract::lists::OWNED;
use crate::store::snapshot::{Interval, Snapshot};
use crate::store::{Pool, Store};

fn pool(store: &Store) -> SqlitePool {
    match store.pool() {
        Pool::Sqlite(pool) => pool.clone(),
        #[cfg(feature = "postgres")]
        Pool::Postgres(_) => unreachable!(),
    }
}

/// How SQLite will run a statement, line by line.
async fn plan(pool: &SqlitePool, sql: &SqlStr) -> Vec<String> {
    let explain = format!("EXPLAIN QUERY PLAN {}", sql.as_str());
    let mut query = sqlx::query(checked(explain));
    for _ in 0..sql.as_str().matches('?').count() {
        query = query.bind("1");
    }
    let rows = query.fetch_all(pool).await.unwrap();
    rows.iter().map(|row| row.get("detail")).collect()
}

#[tokio::test]
async fn reads_are_served_by_an_index() {
    let store = Store::connect("sqlite::memory:").await.unwrap();
    store.migrate().await.unwrap();
    let pool = pool(&store);
    let database = SqliteDatabase::new(pool.clone(), &TableNames::new());
    let key = "(account=? AND livemode=? AND object=? AND stripe_id=?)";
    let by_key =
        format!("SEARCH stripe_objects USING INDEX sqlite_autoindex_stripe_objects_1 {key}");
    assert_eq!(plan(&pool, &database.get).await, [&*by_key]);
    assert_eq!(plan(&pool, &database.get_many).await[0], by_key);
    for list in [&database.list_after, &database.list_from] {
        let plan = plan(&pool, list).await;
        let index = "SEARCH stripe_objects USING INDEX stripe_objects_created_idx \
            (account=? AND livemode=? AND object=? AND";
        let searches = [
            format!("{index} <expr>=? AND stripe_id<?)"),
            format!("{index} <expr><?)"),
        ];
        // Sorting comes after: of a page, from two parts.
        let tables: Vec<_> = plan
            .iter()
            .filter(|line| line.contains("stripe_objects"))
            .collect();
        assert_eq!(tables, searches.iter().collect::<Vec<_>>());
    }
    let state = plan(&pool, &database.writing.state).await;
    assert!(
        state[1].starts_with("SEARCH r USING INDEX") && state[1].ends_with(key),
        "{state:?}"
    );
}

#[tokio::test]
async fn the_indexes_for_references_serve_their_expressions() {
    let store = Store::connect("sqlite::memory:").await.unwrap();
    store.migrate().await.unwrap();
    let pool = pool(&store);
    for name in ["customer", "subscription", "invoice", "payment_intent"] {
        let sql = format!(
            "SELECT 1 FROM stripe_objects WHERE account = ? AND livemode = ? AND object = ? \
             AND coalesce(data ->> '$.{name}.id', data ->> '$.{name}') = ?"
        );
        let plan = plan(&pool, &checked(sql)).await;
        assert!(
            plan[0].contains(&format!("stripe_objects_{name}_idx")),
            "{plan:?}"
        );
    }
}

#[tokio::test]
async fn the_children_of_a_parent_are_found_by_an_index() {
    let store = Store::connect("sqlite::memory:").await.unwrap();
    store.migrate().await.unwrap();
    let pool = pool(&store);
    let database = SqliteDatabase::new(pool.clone(), &TableNames::new());
    let kinds = OWNED.iter().zip(&database.families.children);
    for (owned, sql) in kinds {
        let plan = plan(&pool, sql).await;
        let index = format!(
            "SEARCH c USING INDEX stripe_objects_{}_idx (account=? AND livemode=? AND object=? AND <expr>=?)",
            owned.by
        );
        assert!(
            plan.contains(&index),
            "{}.{}: {plan:?}",
            owned.parent,
            owned.field
        );
    }
}

#[tokio::test]
async fn inserts_of_any_number_are_sums_of_the_prepared_sizes() {
    let store = Store::connect("sqlite::memory:").await.unwrap();
    store.migrate().await.unwrap();
    for count in [1, 3, 4, 5, 21, 64, 85, 200] {
        let texts: Vec<_> = (0..count)
            .map(|n| format!(r#"{{"object":"customer","id":"{count}_{n}"}}"#))
            .collect();
        let batch: Vec<_> = texts
            .iter()
            .map(|text| {
                Snapshot::read(text)
                    .unwrap()
                    .taken(Interval::second(1), "evt")
            })
            .collect();
        store.write(&batch).await.unwrap();
    }
    assert_eq!(
        store.counts().await.unwrap()[0].rows,
        1 + 3 + 4 + 5 + 21 + 64 + 85 + 200
    );
}
