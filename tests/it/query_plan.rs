//! The commonest queries are served by an index, on both databases: what the planners say.

use std::fmt::Write as _;

use stripe_store::query::{Query, Sql};
use stripe_store::resources::{
    Charge, Customer, Invoice, InvoiceStatus, PaymentIntent, Subscription, SubscriptionStatus,
};
use stripe_store::view::{OpenEnum, Timestamp, View};
use stripe_store::{Store, StripeModel};
use stripe_store_tests::{Kind, RawPool, TestDb, on_both};

/// Objects of each of the types.
const ROWS: i64 = 20_000;

const TYPES: [&str; 5] = [
    "charge",
    "customer",
    "invoice",
    "payment_intent",
    "subscription",
];

/// Objects with references to 2,000 customers and as many of the rest, one in a hundred of another status, a minute
/// apart; and statistics of them.
pub(super) async fn load(db: &TestDb) {
    for object in TYPES {
        let rows = match db.kind() {
            Kind::Postgres => format!(
                "INSERT INTO stripe_objects (livemode, object, stripe_id, data, as_of, as_of_until, source) \
                 SELECT true, '{object}', 'id_' || lpad(n::text, 6, '0'), jsonb_build_object('id', 'id_' || \
                 lpad(n::text, 6, '0'), 'object', '{object}', 'created', 1700000000 + n * 60, 'customer', \
                 'cus_' || (n % 2000), 'subscription', 'sub_' || (n % 2000), 'payment_intent', 'pi_' || (n % 2000), \
                 'invoice', 'in_' || (n % 2000), 'status', CASE WHEN n % 100 = 0 THEN 'past_due' ELSE 'active' END, \
                 'email', 'user' || n || '@example.com', 'metadata', jsonb_build_object('tier', 't' || (n % 500))), \
                 0, 1, 'x' FROM generate_series(1, {ROWS}) AS n"
            ),
            Kind::Sqlite => format!(
                "INSERT INTO stripe_objects (livemode, object, stripe_id, data, as_of, as_of_until, source) \
                 WITH RECURSIVE series(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM series WHERE n < {ROWS}) \
                 SELECT 1, '{object}', printf('id_%06d', n), json_object('id', printf('id_%06d', n), 'object', \
                 '{object}', 'created', 1700000000 + n * 60, 'customer', 'cus_' || (n % 2000), 'subscription', \
                 'sub_' || (n % 2000), 'payment_intent', 'pi_' || (n % 2000), 'invoice', 'in_' || (n % 2000), 'status', \
                 iif(n % 100 = 0, 'past_due', 'active'), 'email', 'user' || n || '@example.com', 'metadata', \
                 json_object('tier', 't' || (n % 500))), 0, 1, 'x' FROM series"
            ),
        };
        db.execute(&rows).await;
    }
}

/// What the planner says it will do, one line a step.
pub(super) async fn plan(db: &TestDb, sql: &Sql) -> String {
    let lines: Vec<String> = match db.pool() {
        RawPool::Postgres(pool) => {
            let mut connection = pool.acquire().await.unwrap();
            let explain = format!("EXPLAIN (COSTS OFF) {}", sql.with_values());
            let mut lines = explained(&mut connection, &explain).await;
            // After some calls the server may plan without looking at the values.
            let types: Vec<_> = sql.types().collect();
            let values: Vec<_> = sql.values().collect();
            let prepare = format!("PREPARE q ({}) AS {}", types.join(", "), sql.text());
            for statement in ["SET plan_cache_mode = force_generic_plan", &prepare] {
                execute(&mut connection, statement).await;
            }
            let explain = format!("EXPLAIN (COSTS OFF) EXECUTE q ({})", values.join(", "));
            lines.extend(explained(&mut connection, &explain).await);
            for statement in ["DEALLOCATE q", "RESET plan_cache_mode"] {
                execute(&mut connection, statement).await;
            }
            lines
        }
        RawPool::Sqlite(pool) => {
            let mut connection = pool.acquire().await.unwrap();
            // A statement that runs notices that others made an index; one that is explained does not run.
            let look = sqlx::raw_sql("SELECT 1 FROM stripe_objects LIMIT 1");
            look.execute(&mut *connection).await.unwrap();
            let explain = format!("EXPLAIN QUERY PLAN {}", sql.with_values());
            let rows: Vec<(i64, i64, i64, String)> = sqlx::query_as(sqlx::AssertSqlSafe(explain))
                .fetch_all(&mut *connection)
                .await
                .unwrap();
            rows.into_iter().map(|(_, _, _, detail)| detail).collect()
        }
    };
    lines.join("\n")
}

async fn explained(connection: &mut sqlx::PgConnection, sql: &str) -> Vec<String> {
    sqlx::raw_sql(sqlx::AssertSqlSafe(sql.to_owned()))
        .fetch_all(connection)
        .await
        .unwrap()
        .iter()
        .map(|row| sqlx::Row::get(row, 0))
        .collect()
}

async fn execute(connection: &mut sqlx::PgConnection, sql: &str) {
    sqlx::raw_sql(sqlx::AssertSqlSafe(sql.to_owned()))
        .execute(connection)
        .await
        .unwrap();
}

/// The indexes that the plan uses.
pub(super) fn indexes(plan: &str) -> Vec<&str> {
    let mut found: Vec<_> = plan
        .split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .filter(|word| {
            word.ends_with("_idx")
                || word.ends_with("_key")
                || word.ends_with("_pkey")
                || word.starts_with("sqlite_autoindex")
        })
        .collect();
    found.sort_unstable();
    found.dedup();
    found
}

/// A query, what it is, and the indexes that may serve it.
struct Question {
    what: &'static str,
    sql: Sql,
    indexes: &'static [&'static str],
}

fn question<T: View>(
    what: &'static str,
    query: &Query<T>,
    indexes: &'static [&'static str],
) -> Question {
    Question {
        what,
        sql: query.to_sql().unwrap(),
        indexes,
    }
}

const KEY: &[&str] = &["stripe_objects_pkey", "sqlite_autoindex_stripe_objects_1"];
const CUSTOMER: &[&str] = &["stripe_objects_customer_idx"];
const STATUS: &[&str] = &["stripe_objects_status_idx"];
const CREATED: &[&str] = &["stripe_objects_created_idx"];
/// Either may be quicker, by how many have the status.
const STATUS_OR_CREATED: &[&str] = &["stripe_objects_status_idx", "stripe_objects_created_idx"];
/// Both at once, or the one that leaves fewer.
const CUSTOMER_OR_STATUS: &[&str] = &["stripe_objects_customer_idx", "stripe_objects_status_idx"];

fn at(minute: i64) -> Timestamp {
    Timestamp::from_unix_seconds(1_700_000_000 + minute * 60)
}

/// The commonest queries, on the indexes that every store has.
fn questions(store: &Store) -> Vec<Question> {
    let subscriptions = || store.query::<Subscription>();
    let by_customer = || subscriptions().filter(Subscription::CUSTOMER.eq("cus_77"));
    let past_due = Subscription::STATUS.eq(SubscriptionStatus::PastDue);
    let between = || {
        let from = store.query::<Charge>().filter(Charge::CREATED.ge(at(500)));
        from.filter(Charge::CREATED.lt(at(900)))
    };
    vec![
        question("by customer", &by_customer(), CUSTOMER),
        question(
            "by several customers",
            &subscriptions().filter(Subscription::CUSTOMER.is_in(["cus_7", "cus_8", "cus_9"])),
            CUSTOMER,
        ),
        question(
            "by subscription",
            &store.query_object("invoice").filter(
                stripe_store::view::Path::<_, stripe_store::view::kind::Text>::new("subscription")
                    .eq("sub_77"),
            ),
            &["stripe_objects_subscription_idx"],
        ),
        question(
            "by invoice",
            &store.query_object("payment_intent").filter(
                stripe_store::view::Path::<_, stripe_store::view::kind::Text>::new("invoice")
                    .eq("in_77"),
            ),
            &["stripe_objects_invoice_idx"],
        ),
        question(
            "by payment intent",
            &store
                .query::<Charge>()
                .filter(Charge::PAYMENT_INTENT.eq("pi_77")),
            &["stripe_objects_payment_intent_idx"],
        ),
        question(
            "by status",
            &subscriptions().filter(past_due.clone()),
            STATUS,
        ),
        question("by range of created, newest first", &between(), CREATED),
        question(
            "by range of created, oldest first, a page",
            &between().order_by(Charge::CREATED.asc()).limit(100),
            CREATED,
        ),
        question(
            "by customer and status",
            &by_customer().filter(past_due.clone()),
            CUSTOMER_OR_STATUS,
        ),
        question(
            "by customer, newest first, a page",
            &by_customer()
                .order_by(Subscription::CREATED.desc())
                .limit(10),
            CUSTOMER,
        ),
        question(
            "by rare status, newest first, a page",
            &subscriptions()
                .filter(past_due)
                .order_by(Subscription::CREATED.desc())
                .limit(10),
            STATUS_OR_CREATED,
        ),
        question(
            "by open or paid",
            &store
                .query::<Invoice>()
                .filter(Invoice::STATUS.is_in([InvoiceStatus::from_text("past_due")])),
            STATUS,
        ),
        question(
            "by id",
            &store
                .query::<Customer>()
                .filter(Customer::ID.eq("id_000077")),
            KEY,
        ),
        question(
            "by the beginning of the id",
            &store
                .query::<Customer>()
                .filter(Customer::ID.starts_with("id_0000"))
                .limit(10),
            KEY,
        ),
        question(
            "newest first, a page",
            &store.query::<PaymentIntent>().limit(10),
            CREATED,
        ),
    ]
}

/// Conditions on fields that [`Store::ensure_index`] made an index for.
fn questions_of_added_indexes(store: &Store) -> Vec<Question> {
    let customers = || store.query::<Customer>();
    vec![
        question(
            "by metadata, with ensure_index",
            &customers().filter(Customer::METADATA.key("tier").eq("t77")),
            &["stripe_objects_metadata_t"],
        ),
        question(
            "by e-mail, with ensure_index",
            &customers().filter(Customer::EMAIL.eq("user77@example.com")),
            &["stripe_objects_email"],
        ),
        question(
            "by the beginning of the e-mail, with ensure_index",
            &customers().filter(Customer::EMAIL.starts_with("user1234")),
            &["stripe_objects_email"],
        ),
    ]
}

async fn check(db: &TestDb, questions: Vec<Question>, shown: &mut String) {
    for Question {
        what,
        sql,
        indexes: expected,
    } in questions
    {
        let plan = plan(db, &sql).await;
        let used = indexes(&plan);
        let about = format!("{what} on {}: {sql}\n{plan}", db.name());
        assert!(!used.is_empty(), "no index: {about}");
        for index in used {
            assert!(
                expected.iter().any(|expected| index.starts_with(expected)),
                "{about}"
            );
        }
        assert!(!plan.contains("Seq Scan"), "{about}");
        assert!(!plan.contains("SCAN stripe_objects"), "{about}");
        let _infallible = writeln!(shown, "### {what}, {}\n\n{sql}\n\n{plan}\n", db.name());
    }
}

#[tokio::test]
async fn the_commonest_queries_use_an_index() {
    let mut shown = String::new();
    for db in stripe_store_tests::databases().await {
        load(&db).await;
        let store = db.store();
        store
            .ensure_index(Customer::METADATA.key("tier"))
            .await
            .unwrap();
        store.ensure_index(Customer::EMAIL).await.unwrap();
        if db.kind() == Kind::Sqlite {
            // SQLite has no statistics unless asked for, and few ask.
            check(&db, questions(store), &mut String::new()).await;
            check(&db, questions_of_added_indexes(store), &mut String::new()).await;
        }
        db.execute("ANALYZE").await;
        check(&db, questions(store), &mut shown).await;
        check(&db, questions_of_added_indexes(store), &mut shown).await;
    }
    // For people: cargo test … -- --nocapture.
    println!("{shown}");
}

/// Some fields of a charge.
#[derive(StripeModel)]
#[stripe(object = Charge)]
#[expect(dead_code, reason = "only asked for")]
struct Paid {
    id: String,
    amount: Option<i64>,
    #[stripe(path = "metadata.tier")]
    tier: Option<String>,
}

#[tokio::test]
async fn a_projection_uses_the_index_that_the_query_does() {
    on_both(async |db: &TestDb| {
        load(db).await;
        db.execute("ANALYZE").await;
        let newest = || {
            let charges = db.store().query::<Charge>();
            charges.order_by(Charge::CREATED.desc())
        };
        let of_customer = || newest().filter(Charge::CUSTOMER.eq("cus_77"));
        for (query, expected) in [
            (of_customer(), CUSTOMER),
            (of_customer().limit(10), CUSTOMER),
            (newest().limit(10), CREATED),
        ] {
            let whole = plan(db, &query.to_sql().unwrap()).await;
            let projected = plan(db, &query.project::<Paid>().to_sql().unwrap()).await;
            assert_eq!(indexes(&projected), expected, "{projected}");
            assert_eq!(indexes(&projected), indexes(&whole), "{whole}");
            assert!(!projected.contains("Seq Scan"), "{projected}");
            assert!(!projected.contains("SCAN stripe_objects"), "{projected}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_late_page_costs_what_the_first_does() {
    on_both(async |db: &TestDb| {
        load(db).await;
        db.execute("ANALYZE").await;
        let query = db.store().query::<Charge>().limit(1000);
        let mut page = query.page().await.unwrap();
        for _ in 0..10 {
            page = query
                .clone()
                .after(&page.next.unwrap())
                .page()
                .await
                .unwrap();
        }
        let late = query.after(&page.next.unwrap()).to_sql().unwrap();
        let plan = plan(db, &late).await;
        assert_eq!(indexes(&plan), CREATED, "{plan}");
        // No row is read that is not on the page: nothing is sorted, and the place bounds the index.
        match db.kind() {
            Kind::Postgres => {
                assert!(!plan.contains("Sort"), "{plan}");
                assert!(plan.contains("ROW("), "{plan}");
                assert!(!plan.contains("Filter: (ROW("), "{plan}");
            }
            Kind::Sqlite => {
                assert!(plan.contains("<expr>=? AND stripe_id<?"), "{plan}");
                assert!(plan.contains("<expr><?"), "{plan}");
            }
        }
    })
    .await;
}
