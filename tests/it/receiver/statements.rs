//! What reaches PostgreSQL for an event, as the server counts it: three statements and a commit, and no row written anew by
//! what was there before.

use serde_json::{Value, json};
use sqlx::{Connection as _, PgConnection};
use stripe_store::Store;
use stripe_store::webhook::Verdict;
use stripe_store_tests::postgres::{Cluster, programs};

use super::{SECOND, builder, event, post};

/// How often each kind of statement was run.
async fn calls(admin: &mut PgConnection) -> (i64, i64) {
    let sql = "SELECT coalesce(sum(calls) FILTER (WHERE query LIKE '%stripe_%' OR query LIKE '%advisory%'), 0)::bigint, \
         coalesce(sum(calls) FILTER (WHERE query = 'COMMIT'), 0)::bigint \
         FROM pg_stat_statements WHERE query NOT LIKE '%pg_stat%'";
    sqlx::query_as(sql).fetch_one(admin).await.unwrap()
}

#[expect(clippy::too_many_lines, reason = "a table of cases")]
#[tokio::test]
async fn an_event_takes_three_statements_and_a_commit() {
    let settings = [
        "shared_preload_libraries=pg_stat_statements",
        "pg_stat_statements.track_utility=on",
    ];
    let Ok(cluster) = Cluster::start(&programs(), &settings) else {
        println!(
            "NOT TESTED: this PostgreSQL has no pg_stat_statements (Debian: postgresql-contrib)"
        );
        return;
    };
    let url = cluster.url("postgres");
    let store = Store::connect(&url).await.unwrap();
    store.migrate().await.unwrap();
    let mut admin = PgConnection::connect(&url).await.unwrap();
    sqlx::raw_sql("CREATE EXTENSION pg_stat_statements")
        .execute(&mut admin)
        .await
        .unwrap();
    let receiver = builder(&store.test_mode()).build();
    let subscription = |n: i64, items: &[&str]| {
        let items: Vec<Value> = items
            .iter()
            .map(|id| json!({"id": id, "object": "subscription_item", "subscription": "sub_1", "created": SECOND}))
            .collect();
        let object = json!({
            "id": "sub_1", "object": "subscription", "n": n,
            "items": {"object": "list", "has_more": false, "data": items},
        });
        event(
            &format!("evt_s{n}"),
            "customer.subscription.updated",
            SECOND + n,
            &object,
        )
    };
    let named = |n: i64| {
        let product = json!({"id": "prod_1", "object": "product", "n": n, "livemode": false});
        event(
            &format!("evt_p{n}"),
            "product.updated",
            SECOND + n,
            &product,
        )
    };
    let customer = |n: i64| {
        event(
            &format!("evt_c{n}"),
            "customer.updated",
            SECOND + n,
            &super::customer("cus_1", &format!("name {n}")),
        )
    };
    // What a store asks once.
    post(&receiver, &named(0)).await;
    post(&receiver, &customer(0)).await;
    post(&receiver, &subscription(0, &["si_1", "si_2"])).await;
    let cases = [
        ("new", named(5), Verdict::Accepted, 2, 1),
        ("newer", named(9), Verdict::Accepted, 2, 1),
        ("stale", named(7), Verdict::Accepted, 2, 1),
        (
            "of a type that can have lists",
            customer(1),
            Verdict::Accepted,
            2,
            1,
        ),
        (
            "with a list",
            subscription(2, &["si_1", "si_2"]),
            Verdict::Accepted,
            3,
            1,
        ),
        (
            // The item that is gone is decided on its own.
            "with a shorter list",
            subscription(3, &["si_1"]),
            Verdict::Accepted,
            7,
            1,
        ),
        ("again", named(9), Verdict::Duplicate, 2, 1),
        (
            "again, with a list",
            subscription(3, &["si_1"]),
            Verdict::Duplicate,
            2,
            1,
        ),
    ];
    for (what, event, verdict, statements, commits) in cases {
        let versions = versions(&mut admin).await;
        let before = calls(&mut admin).await;
        assert_eq!(post(&receiver, &event).await.verdict(), verdict, "{what}");
        let after = calls(&mut admin).await;
        let counted = (after.0 - before.0, after.1 - before.1);
        assert_eq!(
            counted,
            (statements, commits),
            "{what}: statements and commits"
        );
        if what == "stale" || verdict == Verdict::Duplicate {
            let now = self::versions(&mut admin).await;
            assert!(
                versions.iter().all(|row| now.contains(row)),
                "{what}: a row was written anew"
            );
        }
    }
    assert!(
        store
            .test_mode()
            .get_object("subscription_item", "si_2")
            .await
            .unwrap()
            .is_none()
    );
    store.pool().close().await;
}

/// Which version of each row there is.
async fn versions(admin: &mut PgConnection) -> Vec<String> {
    let sql = "SELECT 'o ' || stripe_id || xmin::text || ctid::text || xmax::text FROM stripe_objects \
         UNION ALL SELECT 'e ' || event_id || xmin::text || ctid::text || xmax::text FROM stripe_events";
    sqlx::query_scalar(sql).fetch_all(admin).await.unwrap()
}
