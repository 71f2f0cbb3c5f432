//! What reading six fields of 10,000 customers costs as a projection, against whole rows read through the getters and
//! against hand-written SQL for the six values through the same driver, in the same run, on the same table.
//!
//! Prints a line for each comparison: the medians, and the median of the rounds' ratios. With `--memory` it prints what
//! memory each of the three takes at most, each in a process of its own; with `--ratios` the times alone; with neither,
//! both. PostgreSQL is the one at `TEST_DATABASE_URL`, or else one that is started for the run.
#![allow(
    missing_docs,
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a benchmark may assume and print"
)]

#[path = "store/measure.rs"]
mod measure;
#[path = "store/temporary_postgres.rs"]
mod temporary_postgres;

use std::process::Command;

use measure::{memory_kb, timed};
use serde_json::json;
use sqlx::{AssertSqlSafe, SqlSafeStr, SqlStr};
use stripe_store::resources::{Address, Customer};
use stripe_store::store::{Interval, Pool, Snapshot, TableNames};
use stripe_store::{Store, StripeModel};
use temporary_postgres::TemporaryPostgres;
use tokio::runtime::Runtime;

const ROWS: usize = 10_000;

/// How often each side is measured.
const ROUNDS: usize = 31;

/// What is read: fields at the top, in the metadata, in a part, and a reference.
#[derive(StripeModel, Debug, PartialEq)]
#[stripe(object = Customer)]
struct Contact {
    id: String,
    email: Option<String>,
    balance: Option<i64>,
    #[stripe(path = "metadata.tier")]
    tier: Option<String>,
    #[stripe(path = Customer::ADDRESS.then(Address::CITY))]
    city: Option<String>,
    default_source: Option<String>,
}

/// A customer of 1.2 KB, as Stripe sends them.
fn customer(n: usize) -> String {
    let address = json!({"city": "Berlin", "country": "DE", "line1": format!("Hauptstraße {n}"), "line2": null,
        "postal_code": "10115", "state": null});
    json!({"id": format!("cus_{n:014}"), "object": "customer", "address": address, "balance": n,
        "created": 1_690_000_000 + n, "currency": "eur", "default_source": format!("card_{n:019}"),
        "delinquent": false, "description": "Came by way of the autumn campaign", "discount": null,
        "email": format!("customer.{n}@example.com"), "invoice_prefix": format!("{n:08X}"),
        "invoice_settings": {"custom_fields": null, "default_payment_method": format!("pm_{n:024}"), "footer": null,
            "rendering_options": null},
        "livemode": true, "metadata": {"tier": "gold", "campaign": "autumn", "note": "a few words of no importance",
            "account_id": format!("{n}-4f2a-9d1c")},
        "name": format!("Ada Customer {n}"), "next_invoice_sequence": 12, "phone": "+49 30 1234567",
        "preferred_locales": ["de", "en"], "shipping": {"address": address, "name": "Ada Customer", "phone": null},
        "sources": {"object": "list", "data": [], "has_more": false, "total_count": 0,
            "url": format!("/v1/customers/cus_{n:014}/sources")},
        "tax": {"automatic_tax": "supported", "ip_address": null, "location": {"country": "DE", "source":
            "billing_address", "state": null}},
        "tax_exempt": "none", "test_clock": null})
    .to_string()
}

/// How the six values are read.
#[derive(Clone, Copy)]
enum Side {
    Projection,
    Whole,
    HandWritten,
}

impl Side {
    const ALL: [(Self, &str); 3] = [
        (Self::Projection, "projection"),
        (Self::Whole, "whole rows"),
        (Self::HandWritten, "hand-written"),
    ];
}

type Six = (
    String,
    Option<String>,
    Option<i64>,
    Option<String>,
    Option<String>,
    Option<String>,
);

struct Bench {
    store: Store,
    sql: SqlStr,
}

impl Bench {
    async fn connect(url: &str) -> Self {
        let store = Store::connect(url).await.expect("a database");
        let names = TableNames::new().with_prefix("project_").unwrap();
        let store = store.with_tables(names).unwrap();
        let paths = match store.pool() {
            Pool::Sqlite(_) => {
                "data ->> 'id', data ->> 'email', data ->> 'balance', data ->> '$.metadata.tier', \
                 data ->> '$.address.city', data ->> 'default_source'"
            }
            _ => {
                "data ->> 'id', data ->> 'email', (data -> 'balance')::bigint, data #>> '{metadata,tier}', \
                 data #>> '{address,city}', data ->> 'default_source'"
            }
        };
        // The same rows in the same order, by way of the same index. SQLite hands out rows that it has to sort at once,
        // which costs the driver less than rows that come one by one.
        let query = store.query::<Customer>().to_sql().unwrap().with_values();
        let (_, rows) = query.split_once(" FROM ").expect("a table");
        let sql = format!("SELECT {paths} FROM {rows}");
        Self {
            store,
            sql: AssertSqlSafe(std::sync::Arc::<str>::from(sql)).into_sql_str(),
        }
    }

    async fn load(&self) {
        self.store.migrate().await.unwrap();
        let texts: Vec<_> = (0..ROWS).map(customer).collect();
        for texts in texts.chunks(1000) {
            let read = |text| {
                Snapshot::read(text)
                    .unwrap()
                    .taken(Interval::second(1), "evt_bench")
            };
            let batch: Vec<_> = texts.iter().map(read).collect();
            self.store.write(&batch).await.unwrap();
        }
    }

    async fn read(&self, side: Side) -> Vec<Contact> {
        match side {
            Side::Projection => self.store.project().fetch_all().await.unwrap(),
            Side::Whole => {
                let rows = self.store.query::<Customer>().fetch_all().await.unwrap();
                let read = |customer: &Customer| Contact {
                    id: customer.id().to_owned(),
                    email: customer.email().map(str::to_owned),
                    balance: customer.balance(),
                    tier: customer.metadata().get("tier").map(str::to_owned),
                    city: customer
                        .address()
                        .and_then(Address::city)
                        .map(str::to_owned),
                    default_source: customer
                        .default_source()
                        .map(|source| source.id().to_owned()),
                };
                rows.iter().map(|row| read(row.view())).collect()
            }
            Side::HandWritten => {
                let rows: Vec<Six> = match self.store.pool() {
                    Pool::Sqlite(pool) => sqlx::query_as(self.sql.clone()).fetch_all(pool).await,
                    Pool::Postgres(pool) => sqlx::query_as(self.sql.clone()).fetch_all(pool).await,
                    _ => unreachable!("there are two databases"),
                }
                .unwrap();
                let read = |(id, email, balance, tier, city, default_source)| Contact {
                    id,
                    email,
                    balance,
                    tier,
                    city,
                    default_source,
                };
                rows.into_iter().map(read).collect()
            }
        }
    }

    /// The projection's time against each of the others'.
    fn ratios(&self, name: &str, runtime: &Runtime, rounds: usize) {
        let mut times = [Vec::new(), Vec::new(), Vec::new()];
        for _ in 0..rounds {
            let mut found = Vec::new();
            for ((side, _), times) in Side::ALL.into_iter().zip(&mut times) {
                let (time, contacts) = timed(|| runtime.block_on(self.read(side)));
                times.push(time);
                found.push(contacts);
            }
            assert!(
                found
                    .iter()
                    .all(|side| side.len() == ROWS && found.first() == Some(side)),
                "all sides read the same"
            );
        }
        let [mut ours, others @ ..] = times;
        for (mut theirs, (_, label)) in others.into_iter().zip(Side::ALL.into_iter().skip(1)) {
            let (ours, theirs, ratio) = measure::ratio(&mut ours.clone(), &mut theirs);
            println!(
                "ratio: {name} 6 fields of {ROWS} customers: projection {} us, {label} {} us, {ratio}",
                ours.as_micros(),
                theirs.as_micros()
            );
        }
        let rate = ROWS as u128 * 1_000_000 / measure::median(&mut ours).as_micros().max(1);
        println!("rate: {name} projection: {rate} rows a second");
    }
}

/// In a process of its own: what reading takes at most above what was taken before.
fn child(runtime: &Runtime, side: &str, url: &str) {
    let (side, _) = Side::ALL
        .into_iter()
        .find(|(_, label)| *label == side)
        .expect("a side");
    runtime.block_on(async {
        let bench = Bench::connect(url).await;
        // What a connection takes once is no part of it.
        bench.store.project::<Contact>().first().await.unwrap();
        bench.store.query::<Customer>().first().await.unwrap();
        let before = memory_kb("VmHWM:");
        let contacts = bench.read(side).await;
        let peak = memory_kb("VmHWM:");
        assert_eq!(contacts.len(), ROWS);
        println!("{}", peak - before);
    });
}

fn memory(name: &str, url: &str) {
    if !cfg!(target_os = "linux") {
        println!("memory: {name}: is measured on Linux only");
        return;
    }
    let program = std::env::current_exe().unwrap();
    for (_, label) in Side::ALL {
        let output = Command::new(&program)
            .args(["--child", label, url])
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        let kb = String::from_utf8(output.stdout).unwrap();
        println!(
            "memory: {name} 6 fields of {ROWS} customers, {label}: {} KB at most",
            kb.trim()
        );
    }
}

fn bench(name: &str, runtime: &Runtime, url: &str) {
    let has = |name: &str| std::env::args().any(|argument| argument == name);
    let bench = runtime.block_on(Bench::connect(url));
    runtime.block_on(bench.load());
    if has("--ratios") || !has("--memory") {
        bench.ratios(name, runtime, if has("--test") { 1 } else { ROUNDS });
    }
    if has("--memory") || !has("--ratios") {
        memory(name, url);
    }
    runtime.block_on(async {
        if let Pool::Postgres(pool) = bench.store.pool() {
            let drop = "DROP TABLE project_stripe_objects, project_stripe_rivals, project_stripe_dirty_objects, \
                project__stripe_store_migrations";
            sqlx::raw_sql(drop).execute(pool).await.unwrap();
        }
        bench.store.pool().close().await;
    });
}

fn main() {
    let runtime = Runtime::new().unwrap();
    let arguments: Vec<_> = std::env::args().collect();
    if let [_, mode, side, url] = arguments.as_slice()
        && mode == "--child"
    {
        return child(&runtime, side, url);
    }
    let folder = tempfile::tempdir().unwrap();
    let sqlite = format!("sqlite://{}", folder.path().join("bench.db").display());
    bench("sqlite", &runtime, &sqlite);
    match TemporaryPostgres::from_environment_or_start() {
        Ok(postgres) => bench("postgres", &runtime, postgres.url()),
        Err(reason) => println!("PostgreSQL is left out: {reason}"),
    }
}
