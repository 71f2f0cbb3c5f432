//! What a write and a read cost, against hand-written SQL through the same driver, in the same run, on tables with the
//! same columns and indexes.
//!
//! Prints one line a case: the median of each side, and of the rounds' ratios. PostgreSQL is the one at `TEST_DATABASE_URL`, or
//! else one that is started for the run, with its defaults, so that a commit reaches the disk. `--ratios` leaves
//! criterion's own measurements out, and `--feed` all but those of the feed of changes.
#![allow(
    missing_docs,
    clippy::expect_used,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a benchmark may assume and print"
)]

#[path = "store/feed.rs"]
mod feed;
#[path = "store/hand_written.rs"]
mod hand_written;
#[path = "store/measure.rs"]
mod measure;
#[path = "store/temporary_postgres.rs"]
mod temporary_postgres;

use std::cell::Cell;
use std::path::PathBuf;
use std::time::Duration;

use criterion::{BatchSize, Criterion};
use futures_util::TryStreamExt as _;
use hand_written::HandWritten;
use measure::{memory_kb, timed};
use stripe_store::resources::Subscription;
use stripe_store::store::{Interval, Pool, Snapshot, Source, TableNames};
use stripe_store::{Outcome, Store};
use temporary_postgres::TemporaryPostgres;
use tokio::runtime::Runtime;

/// How many objects a batch of criterion's has.
const BATCH: usize = 100;

/// How many objects a batch has, and how often each side of the ratio is measured.
const SIZES: [(usize, usize); 3] = [(1, 200), (100, 40), (10_000, 15)];

/// How often each side of the ratio of reads is measured.
const READS: usize = 1200;

/// How often each side of the ratio of queries, of a hundred rows each.
const QUERIES: usize = 300;

/// A subscription of about 2 KB, as much as most objects have.
fn subscription(id: &str, turn: i64) -> String {
    subscription_of(&format!("cus_{}", turn % 50), id, turn)
}

fn subscription_of(customer: &str, id: &str, turn: i64) -> String {
    let item = |n: u8| {
        format!(
            r#"{{"id":"si_{id}_{n}","object":"subscription_item","created":1700000000,"metadata":{{}},"price":{{
            "id":"price_{n}","object":"price","active":true,"billing_scheme":"per_unit","currency":"usd","livemode":true,
            "lookup_key":null,"nickname":"Plan {n}","product":"prod_{n}","recurring":{{"interval":"month",
            "interval_count":1,"usage_type":"licensed"}},"type":"recurring","unit_amount":1000,
            "unit_amount_decimal":"1000"}},"quantity":{n},"subscription":"{id}","tax_rates":[]}}"#
        )
    };
    format!(
        r#"{{"id":"{id}","object":"subscription","livemode":true,"created":{},"status":"active","customer":"{customer}",
        "currency":"usd","collection_method":"charge_automatically","cancel_at_period_end":false,"billing_cycle_anchor":
        1700000000,"current_period_end":1702592000,"description":"Turn {turn}","metadata":{{"tier":"gold"}},
        "items":{{"object":"list","has_more":false,"url":"/v1/subscription_items","data":[{},{},{}]}},
        "latest_invoice":"in_{id}","default_payment_method":null,"discounts":[]}}"#,
        1_700_000_000 + turn,
        item(1),
        item(2),
        item(3),
    )
}

/// One database, with our tables and those of the hand-written side.
struct Bench<'r> {
    name: &'static str,
    runtime: &'r Runtime,
    store: Store,
    hand: HandWritten,
    turn: Cell<i64>,
    /// The turn of the last update.
    content: Cell<i64>,
    /// SQLite's log.
    log: PathBuf,
}

/// What a batch does to the rows that are there.
#[derive(Clone, Copy)]
enum Case {
    New,
    Update,
    /// What is in the rows, read again later.
    Unchanged,
    /// What is in the rows, told again.
    Repeat,
    /// Other data than in the rows, and older.
    Stale,
}

impl Case {
    const ALL: [(Self, &str); 5] = [
        (Self::New, "new"),
        (Self::Update, "updates"),
        (Self::Unchanged, "unchanged"),
        (Self::Repeat, "repeats"),
        (Self::Stale, "stale"),
    ];
}

impl<'r> Bench<'r> {
    fn new(name: &'static str, runtime: &'r Runtime, url: &str) -> Self {
        let (store, hand) = runtime.block_on(async {
            let store = Store::connect(url).await.expect("a database");
            let table = |prefix: &str| {
                let names = TableNames::new().with_prefix(prefix).unwrap();
                store.clone().with_tables(names).unwrap()
            };
            let (ours, theirs) = (table("ours_"), table("theirs_"));
            ours.migrate().await.unwrap();
            theirs.migrate().await.unwrap();
            (ours, HandWritten::new(&theirs))
        });
        Self {
            name,
            runtime,
            store,
            hand,
            turn: Cell::new(0),
            content: Cell::new(0),
            log: PathBuf::from(format!("{}-wal", url.trim_start_matches("sqlite://"))),
        }
    }

    /// The next batch: its second, ids and texts.
    fn batch(&self, case: Case, size: usize) -> (i64, Vec<(String, String)>) {
        let turn = match case {
            Case::New | Case::Update | Case::Unchanged => {
                self.turn.set(self.turn.get() + 1);
                self.turn.get()
            }
            Case::Repeat => self.turn.get(),
            Case::Stale => 0,
        };
        let content = match case {
            Case::Unchanged | Case::Repeat => self.content.get(),
            _ => turn,
        };
        if matches!(case, Case::Update) {
            self.content.set(content);
        }
        let ids = (0..size).map(|n| match case {
            Case::New => format!("sub_{turn}_{n:05}"),
            _ => format!("sub_same_{n:05}"),
        });
        let batch = ids
            .map(|id| {
                let text = subscription(&id, content);
                (id, text)
            })
            .collect();
        (turn, batch)
    }

    fn write_ours(&self, turn: i64, batch: &[(String, String)]) -> Vec<Outcome> {
        let source = Source::event("evt_bench");
        let snapshots: Vec<_> = batch
            .iter()
            .map(|(_, json)| {
                Snapshot::read(json)
                    .unwrap()
                    .taken(Interval::second(turn), &source)
            })
            .collect();
        self.runtime.block_on(self.store.write(&snapshots)).unwrap()
    }

    fn write_theirs(&self, turn: i64, batch: &[(String, String)]) {
        self.runtime.block_on(self.hand.write(turn, batch));
    }

    fn get_ours(&self) {
        let get = self.store.get_object("subscription", "sub_same_00042");
        std::hint::black_box(self.runtime.block_on(get).unwrap().expect("the row"));
    }

    fn get_theirs(&self) {
        std::hint::black_box(self.runtime.block_on(self.hand.get("sub_same_00042")));
    }

    fn ratios(&self) {
        for (size, rounds) in SIZES {
            for (case, label) in Case::ALL {
                if !matches!(case, Case::New) {
                    // Both sides have the rows, as the last update left them.
                    let (turn, batch) = self.batch(Case::Update, size);
                    self.write_ours(turn, &batch);
                    self.write_theirs(turn, &batch);
                }
                let mut sides = (Vec::new(), Vec::new());
                let mut logged = 0;
                for _ in 0..rounds {
                    let (turn, batch) = self.batch(case, size);
                    let before = self.log_bytes();
                    sides
                        .0
                        .push(timed(|| drop(self.write_ours(turn, &batch))).0);
                    logged += self.log_bytes() - before;
                    sides.1.push(timed(|| self.write_theirs(turn, &batch)).0);
                }
                self.print(&format!("write {size} {label}"), sides);
                if matches!(case, Case::Stale | Case::Repeat) {
                    println!(
                        "log: {} write {size} {label}: {} bytes each",
                        self.name,
                        logged / rounds
                    );
                }
            }
        }
        let mut sides = (Vec::new(), Vec::new());
        for _ in 0..READS {
            sides.0.push(timed(|| self.get_ours()).0);
            sides.1.push(timed(|| self.get_theirs()).0);
        }
        self.print("get one", sides);
        let batch: Vec<_> = (0..BATCH)
            .map(|n| format!("sub_query_{n}"))
            .map(|id| (id.clone(), subscription_of("cus_query", &id, 1)))
            .collect();
        self.write_ours(1, &batch);
        self.write_theirs(1, &batch);
        let mut sides = (Vec::new(), Vec::new());
        for _ in 0..QUERIES {
            sides.0.push(timed(|| self.query_ours()).0);
            sides.1.push(timed(|| self.query_theirs()).0);
        }
        self.print("query by customer", sides);
    }

    fn query_ours(&self) {
        let query = self.store.query::<Subscription>();
        let query = query.filter(Subscription::CUSTOMER.eq("cus_query"));
        let found = self.runtime.block_on(query.fetch_all()).unwrap();
        assert_eq!(found.len(), BATCH);
        std::hint::black_box(found);
    }

    fn query_theirs(&self) {
        let found = self.runtime.block_on(self.hand.by_customer("cus_query"));
        assert_eq!(found.len(), BATCH);
        std::hint::black_box(found);
    }

    /// Reads a hundred thousand objects one after the other, and prints what memory that took at most.
    fn stream(&self) {
        const ROWS: usize = 100_000;
        let store = self.store.account("acct_stream");
        for first in (0..ROWS).step_by(1000) {
            let texts: Vec<_> = (first..first + 1000)
                .map(|n| subscription(&format!("sub_{n:06}"), i64::try_from(n).unwrap()))
                .collect();
            let batch: Vec<_> = texts
                .iter()
                .map(|json| {
                    let read = Snapshot::read(json).unwrap();
                    read.taken(Interval::second(1), Source::import())
                })
                .collect();
            self.runtime.block_on(store.write(&batch)).unwrap();
        }
        let before = memory_kb("VmRSS:");
        reset_peak();
        let (time, ()) = timed(|| {
            let stream = store.query::<Subscription>().stream();
            let count = stream.try_fold(0, async |count: usize, row| {
                std::hint::black_box(row);
                Ok(count + 1)
            });
            assert_eq!(self.runtime.block_on(count).unwrap(), ROWS);
        });
        println!(
            "stream: {} {ROWS} rows in {} ms; resident before {before} KB, at most {} KB",
            self.name,
            time.as_millis(),
            memory_kb("VmHWM:")
        );
    }

    /// How much the database has written to its log so far, in bytes.
    fn log_bytes(&self) -> usize {
        match self.store.pool() {
            Pool::Postgres(pool) => {
                let position = "SELECT (pg_current_wal_insert_lsn() - '0/0')::bigint";
                let position = sqlx::query_scalar::<_, i64>(position).fetch_one(pool);
                let position = self.runtime.block_on(position).expect("the log's position");
                usize::try_from(position).expect("a position")
            }
            _ => std::fs::metadata(&self.log)
                .map_or(0, |log| usize::try_from(log.len()).expect("a length")),
        }
    }

    /// Prints what each side takes, and the median of the rounds' ratios.
    fn print(&self, label: &str, (mut ours, mut theirs): (Vec<Duration>, Vec<Duration>)) {
        let (ours, theirs, ratio) = measure::ratio(&mut ours, &mut theirs);
        println!(
            "ratio: {} {label}: ours {} us, hand-written {} us, {ratio}",
            self.name,
            ours.as_micros(),
            theirs.as_micros(),
        );
    }

    fn criterion(&self, criterion: &mut Criterion) {
        let mut group = criterion.benchmark_group(self.name);
        for (case, label) in Case::ALL {
            group.bench_function(format!("write_100_{label}/ours"), |bencher| {
                bencher.iter_batched(
                    || self.batch(case, BATCH),
                    |(turn, batch)| self.write_ours(turn, &batch),
                    BatchSize::PerIteration,
                );
            });
            group.bench_function(format!("write_100_{label}/hand_written"), |bencher| {
                bencher.iter_batched(
                    || self.batch(case, BATCH),
                    |(turn, batch)| self.write_theirs(turn, &batch),
                    BatchSize::PerIteration,
                );
            });
        }
        group.bench_function("get/ours", |bencher| bencher.iter(|| self.get_ours()));
        group.bench_function("get/hand_written", |bencher| {
            bencher.iter(|| self.get_theirs());
        });
        group.finish();
    }
}

/// Makes the peak of memory begin anew.
fn reset_peak() {
    let _not_on_linux = std::fs::write("/proc/self/clear_refs", "5");
}

fn main() {
    let runtime = Runtime::new().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let sqlite = format!("sqlite://{}", folder.path().join("bench.db").display());
    let mut benches = vec![Bench::new("sqlite", &runtime, &sqlite)];
    let postgres = TemporaryPostgres::from_environment_or_start();
    match &postgres {
        Ok(postgres) => benches.push(Bench::new("postgres", &runtime, postgres.url())),
        Err(reason) => println!("PostgreSQL is left out: {reason}"),
    }
    for bench in &benches {
        // The rows that updates, repeats and reads are about.
        let (turn, batch) = bench.batch(Case::Update, BATCH);
        bench.write_ours(turn, &batch);
        bench.write_theirs(turn, &batch);
        feed::print(bench.name, &runtime, &bench.store, |turn| {
            subscription("sub_feed", turn)
        });
        if !std::env::args().any(|argument| argument == "--feed") {
            bench.ratios();
            bench.stream();
        }
    }
    if !std::env::args().any(|argument| matches!(&*argument, "--ratios" | "--feed" | "--test")) {
        let mut criterion = Criterion::default()
            .sample_size(20)
            .measurement_time(Duration::from_secs(3))
            .configure_from_args();
        for bench in &benches {
            bench.criterion(&mut criterion);
        }
        criterion.final_summary();
    }
    for bench in &benches {
        runtime.block_on(async {
            if let Pool::Postgres(pool) = bench.store.pool() {
                for prefix in ["ours_", "theirs_"] {
                    let drop = format!(
                        "DROP TABLE {prefix}stripe_objects, {prefix}stripe_rivals, {prefix}stripe_dirty_objects, \
                         {prefix}_stripe_store_migrations"
                    );
                    sqlx::raw_sql(sqlx::AssertSqlSafe(drop))
                        .execute(pool)
                        .await
                        .unwrap();
                }
            }
            bench.store.pool().close().await;
        });
    }
}
