//! What expanding the references of 100 subscriptions costs, against the queries that someone would write by hand for
//! the same, in the same run, on the same rows.
//!
//! Prints one line a database: the median of each side, and the ratio. PostgreSQL is the one at `TEST_DATABASE_URL`, or
//! else one that is started for the run.
#![allow(
    missing_docs,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a benchmark may assume and print"
)]

#[path = "store/temporary_postgres.rs"]
mod temporary_postgres;

use std::collections::HashMap;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, SqlSafeStr, SqlStr};
use stripe_store::resources::Subscription;
use stripe_store::store::{Interval, Page, Pool, Snapshot, TableNames};
use stripe_store::{Store, View};
use temporary_postgres::TemporaryPostgres;
use tokio::runtime::Runtime;

/// How many subscriptions are expanded.
const ROWS: usize = 100;

/// How often each side is measured.
const ROUNDS: usize = 200;

const PATHS: [&str; 3] = ["customer", "latest_invoice", "items.data.price.product"];

/// Subscriptions of three items each, with a customer and an invoice each and ten products between them.
fn objects() -> Vec<String> {
    let metadata =
        json!({"tier": "gold", "campaign": "autumn", "note": "a few words of no importance"});
    let address = json!({"city": "Berlin", "country": "DE", "line1": "Straße 1", "line2": null, "postal_code": "10115"});
    let mut objects = Vec::new();
    for n in 0..ROWS {
        let price = |m: usize| {
            json!({"id": format!("price_{m}"), "object": "price", "active": true, "currency": "usd",
            "billing_scheme": "per_unit", "lookup_key": null, "product": format!("prod_{m}"), "type": "recurring",
            "recurring": {"interval": "month", "interval_count": 1}, "unit_amount": 1000, "unit_amount_decimal": "1000"})
        };
        let item = |m: usize| {
            json!({"id": format!("si_{n}_{m}"), "object": "subscription_item", "created": 1_700_000_000,
            "metadata": {}, "price": price((n + m) % 10), "quantity": m, "subscription": format!("sub_{n:03}")})
        };
        let line = |m: usize| {
            json!({"id": format!("il_{n}_{m}"), "object": "line_item", "amount": 1000, "currency": "usd",
            "description": "1 × Gold", "discounts": [], "metadata": metadata, "period": {"end": 1_702_592_000, "start": 1_700_000_000},
            "pricing": {"price_details": {"price": format!("price_{m}"), "product": format!("prod_{m}")}, "type": "price_details"}})
        };
        objects.push(json!({"id": format!("sub_{n:03}"), "object": "subscription", "livemode": true,
            "created": 1_700_000_000 + n, "status": "active", "customer": format!("cus_{n}"), "currency": "usd",
            "collection_method": "charge_automatically", "cancel_at_period_end": false, "default_payment_method": null,
            "discounts": [], "latest_invoice": format!("in_{n}"), "metadata": metadata,
            "items": {"object": "list", "has_more": false, "data": [item(1), item(2), item(3)]}}));
        objects.push(json!({"id": format!("cus_{n}"), "object": "customer", "livemode": true, "address": address,
            "balance": 0, "created": 1_690_000_000, "email": format!("customer{n}@example.com"), "metadata": metadata,
            "invoice_settings": {"custom_fields": null, "default_payment_method": null, "footer": null},
            "name": format!("Customer {n}"), "phone": null, "shipping": {"address": address, "name": "Ada"}}));
        objects.push(json!({"id": format!("in_{n}"), "object": "invoice", "livemode": true, "amount_due": 3000,
            "amount_paid": 3000, "created": 1_700_000_000, "currency": "usd", "customer": format!("cus_{n}"),
            "customer_address": address, "lines": {"object": "list", "has_more": false, "data": [line(1), line(2), line(3)]},
            "metadata": metadata, "status": "paid", "subtotal": 3000, "total": 3000}));
    }
    for n in 0..10 {
        objects.push(
            json!({"id": format!("prod_{n}"), "object": "product", "livemode": true, "active": true,
            "description": "All that Gold has", "metadata": metadata, "name": format!("Gold {n}")}),
        );
    }
    objects.iter().map(Value::to_string).collect()
}

/// The hand-written side: a query for each type, and the objects put into the trees.
struct HandWritten<'a> {
    pool: &'a Pool,
    sql: SqlStr,
}

impl<'a> HandWritten<'a> {
    fn new(store: &'a Store) -> Self {
        let table = store.tables().objects();
        let (mode, ids) = match store.pool() {
            Pool::Sqlite(_) => ("livemode = 1", "IN (SELECT value FROM json_each(?2))"),
            _ => ("livemode", "= ANY($2)"),
        };
        let object = if mode == "livemode" { "$1" } else { "?1" };
        let sql = format!(
            "SELECT stripe_id, data FROM {table} WHERE account = '' AND {mode} AND object = {object} AND stripe_id {ids} \
             AND deleted_at IS NULL"
        );
        Self {
            pool: store.pool(),
            sql: AssertSqlSafe(std::sync::Arc::<str>::from(sql)).into_sql_str(),
        }
    }

    async fn fetch(&self, object: &str, mut ids: Vec<String>) -> HashMap<String, Value> {
        ids.sort_unstable();
        ids.dedup();
        match self.pool {
            Pool::Sqlite(pool) => {
                let rows: Vec<(String, String)> = sqlx::query_as(self.sql.clone())
                    .bind(object)
                    .bind(serde_json::to_string(&ids).unwrap())
                    .fetch_all(pool)
                    .await
                    .unwrap();
                let read =
                    |(id, data): (String, String)| (id, serde_json::from_str(&data).unwrap());
                rows.into_iter().map(read).collect()
            }
            Pool::Postgres(pool) => {
                let rows: Vec<(String, Value)> = sqlx::query_as(self.sql.clone())
                    .bind(object)
                    .bind(ids)
                    .fetch_all(pool)
                    .await
                    .unwrap();
                rows.into_iter().collect()
            }
            _ => unreachable!("there are two databases"),
        }
    }

    async fn expand(&self, rows: &mut [Value]) {
        let texts = |key: &str| -> Vec<String> {
            let ids = rows.iter().filter_map(|row| row[key].as_str());
            ids.map(str::to_owned).collect()
        };
        let (customers, invoices) = (texts("customer"), texts("latest_invoice"));
        let mut products = Vec::new();
        for item in rows
            .iter()
            .flat_map(|row| row["items"]["data"].as_array().unwrap())
        {
            products.extend(item["price"]["product"].as_str().map(str::to_owned));
        }
        let customers = self.fetch("customer", customers).await;
        let invoices = self.fetch("invoice", invoices).await;
        let products = self.fetch("product", products).await;
        let put = |place: &mut Value, objects: &HashMap<String, Value>| {
            if let Some(object) = place.as_str().and_then(|id| objects.get(id)) {
                *place = object.clone();
            }
        };
        for row in rows {
            put(&mut row["customer"], &customers);
            put(&mut row["latest_invoice"], &invoices);
            for item in row["items"]["data"].as_array_mut().unwrap() {
                put(&mut item["price"]["product"], &products);
            }
        }
    }
}

fn timed<T>(run: impl FnOnce() -> T) -> (Duration, T) {
    let start = Instant::now();
    let output = run();
    (start.elapsed(), output)
}

fn median(times: &mut [Duration]) -> u128 {
    times.sort_unstable();
    times.get(times.len() / 2).map_or(0, Duration::as_micros)
}

fn bench(name: &str, runtime: &Runtime, url: &str, rounds: usize) {
    let store = runtime.block_on(async {
        let store = Store::connect(url).await.expect("a database");
        let names = TableNames::new().with_prefix("expand_").unwrap();
        let store = store.with_tables(names).unwrap();
        store.migrate().await.unwrap();
        let texts = objects();
        let read = |text| {
            Snapshot::read(text)
                .unwrap()
                .taken(Interval::second(1), "evt_bench")
        };
        let batch: Vec<_> = texts.iter().map(read).collect();
        store.write(&batch).await.unwrap();
        store
    });
    let list = || store.list::<Subscription>().limit(ROWS).page();
    let page: Page<Subscription> = runtime.block_on(list()).unwrap();
    let hand = HandWritten::new(&store);
    let trees: Vec<Value> = page
        .data
        .iter()
        .map(|row| row.view().data().clone())
        .collect();
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        let (mut page, mut trees) = (page.clone(), trees.clone());
        let (time, expansion) =
            timed(|| runtime.block_on(store.expand(&mut page, &PATHS)).unwrap());
        ours.push(time);
        assert!(expansion.is_complete());
        let (time, ()) = timed(|| runtime.block_on(hand.expand(&mut trees)));
        theirs.push(time);
        for (row, tree) in page.data.iter().zip(&trees) {
            assert_eq!(row.view().data(), tree, "both sides do the same");
        }
    }
    let (ours, theirs) = (median(&mut ours), median(&mut theirs).max(1));
    let percent = ours * 100 / theirs;
    println!(
        "ratio: {name} expand {ROWS} subscriptions: ours {ours} us, hand-written {theirs} us, {}.{:02}",
        percent / 100,
        percent % 100
    );
    runtime.block_on(async {
        if let Pool::Postgres(pool) = store.pool() {
            let drop = "DROP TABLE expand_stripe_objects, expand__stripe_store_migrations";
            sqlx::raw_sql(drop).execute(pool).await.unwrap();
        }
        store.pool().close().await;
    });
}

fn main() {
    let rounds = if std::env::args().any(|argument| argument == "--test") {
        1
    } else {
        ROUNDS
    };
    let runtime = Runtime::new().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let sqlite = format!("sqlite://{}", folder.path().join("bench.db").display());
    bench("sqlite", &runtime, &sqlite, rounds);
    match TemporaryPostgres::from_environment_or_start() {
        Ok(postgres) => bench("postgres", &runtime, postgres.url(), rounds),
        Err(reason) => println!("PostgreSQL is left out: {reason}"),
    }
}
