//! Queries for extended models are led by an index and look the other row up by an index, on both databases.

use std::fmt::Write as _;

use stripe_store::StripeModel;
use stripe_store::extended::ModelQuery;
use stripe_store::resources::{Subscription, SubscriptionStatus};
use stripe_store::store::Stored;
use stripe_store_tests::Kind;

use super::query_plan::{indexes, load, plan};

#[derive(StripeModel)]
#[stripe(object = Subscription, table = "seats")]
struct Seats {
    #[stripe(base)]
    subscription: Stored<Subscription>,
    #[stripe(index)]
    team_id: Option<i64>,
    #[stripe(unique)]
    code: Option<String>,
    notes: Option<String>,
}

/// Where the search begins, and by what the other row is looked up.
struct Question {
    what: &'static str,
    query: ModelQuery<Seats>,
    led_by: &'static [&'static str],
}

const OWN: &[&str] = &["seats_team_id_idx", "seats_code_key"];
/// PostgreSQL may take one or the other.
const OWN_OR_STATUS: &[&str] = &["seats_team_id_idx", "stripe_objects_status_idx"];
/// The key of the object, in either table.
const KEYS: &[&str] = &[
    "stripe_objects_pkey",
    "sqlite_autoindex_stripe_objects_1",
    "seats_account_livemode_object_stripe_id_key",
    "sqlite_autoindex_seats_1",
];
const CUSTOMER: &[&str] = &["stripe_objects_customer_idx"];

fn questions() -> Vec<Question> {
    let query = Seats::query;
    let past_due = Subscription::STATUS.eq(SubscriptionStatus::PastDue);
    let question = |what, query, led_by| Question {
        what,
        query,
        led_by,
    };
    vec![
        question(
            "by an own column",
            query().filter(Seats::TEAM_ID.eq(77)),
            OWN,
        ),
        question(
            "by a unique one",
            query().filter(Seats::CODE.eq("c77")),
            OWN,
        ),
        question(
            "by several values of an own column",
            query().filter(Seats::TEAM_ID.is_in([7, 8, 9])),
            OWN,
        ),
        question(
            "by an own column and a field",
            query()
                .filter(Seats::TEAM_ID.eq(77))
                .filter(Subscription::METADATA.key("tier").eq("t77")),
            OWN,
        ),
        question(
            "by an own column and a status, newest first, a page",
            query()
                .filter(Seats::TEAM_ID.eq(77))
                .filter(past_due)
                .limit(10),
            OWN_OR_STATUS,
        ),
        question(
            "by customer",
            query().filter(Subscription::CUSTOMER.eq("cus_77")),
            CUSTOMER,
        ),
        question(
            "by customer, newest first, a page",
            query()
                .filter(Subscription::CUSTOMER.eq("cus_77"))
                .limit(10),
            CUSTOMER,
        ),
        question(
            "by id",
            query().filter(Subscription::ID.eq("id_000077")),
            KEYS,
        ),
        question(
            "newest first, a page",
            query().limit(10),
            &["stripe_objects_created_idx"],
        ),
    ]
}

#[tokio::test]
async fn an_index_leads_to_the_rows_on_both_sides() {
    let mut shown = String::new();
    for db in stripe_store_tests::databases().await {
        load(&db).await;
        let store = db.store();
        Seats::migrate(store).await.unwrap();
        let number = match db.kind() {
            Kind::Postgres => "substr(stripe_id, 4)::int",
            Kind::Sqlite => "CAST(substr(stripe_id, 4) AS INTEGER)",
        };
        db.execute(&format!(
            "INSERT INTO seats (account, livemode, object, stripe_id, team_id, code) \
             SELECT account, livemode, object, stripe_id, {number} % 1000, 'c' || {number} FROM stripe_objects \
             WHERE object = 'subscription' AND {number} % 2 = 1"
        ))
        .await;
        // SQLite has no statistics unless asked for, and few ask; PostgreSQL gathers them by itself.
        for analysed in [false, true] {
            if analysed {
                db.execute("ANALYZE").await;
            } else if db.kind() == Kind::Postgres {
                continue;
            }
            for question in questions() {
                let sql = question.query.to_sql(store).unwrap();
                let plan = plan(&db, &sql).await;
                let about = format!("{} on {}: {sql}\n{plan}", question.what, db.name());
                let used = indexes(&plan);
                let leads = |index: &&str| question.led_by.contains(index);
                assert!(used.iter().any(leads), "{about}");
                assert!(used.iter().any(|index| KEYS.contains(index)), "{about}");
                assert!(
                    used.iter()
                        .all(|index| leads(index) || KEYS.contains(index)),
                    "{about}"
                );
                assert!(
                    !plan.contains("Seq Scan") && !plan.contains("SCAN "),
                    "{about}"
                );
                if analysed {
                    let _infallible = writeln!(
                        shown,
                        "### {}, {}\n\n{sql}\n\n{plan}\n",
                        question.what,
                        db.name()
                    );
                }
            }
        }
    }
    // For people: cargo test … -- --nocapture.
    println!("{shown}");
}
