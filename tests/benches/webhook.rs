//! What receiving webhooks costs: deliveries in a second beside what the database does without us, in the same run.
//!
//! `cargo bench -p stripe-store-tests --bench webhook`, with
//!
//! * `--seconds N` for each measurement (10), `--rounds N` (1)
//! * `--concurrency N` for one instead of 1, 8 and 64, `--database sqlite` or `postgres` for one instead of both
//! * `--prepared N`: how many events are made before, which is how many are posted at most (40,000: 0.5 GB)
//! * `--deliveries N`: so many distinct events in one run instead, and the receiver's memory after each tenth of them
//! * `--statements`: what reaches PostgreSQL for an event of each type, instead
//! * `--receiver PROGRAM`: another than the command, such as `soak`, whose handlers find their tables on PostgreSQL; run as
//!   `PROGRAM serve --database URL --listen ADDRESS`
#![allow(
    clippy::float_arithmetic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a measurement may end where it cannot go on"
)]

#[path = "webhook/statements.rs"]
mod statements;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use stripe_store::Store;
use stripe_store::webhook::{EndpointSecret, Verifier};
use stripe_store_tests::Kind;
use stripe_store_tests::load::{
    Deliveries, Delivery, Event, EventMix, Process, Report, Sender,
    baseline::{Rows, pgbench, sqlite},
    milliseconds, own_cpu, serve_null,
    soak::make_effects,
};
use stripe_store_tests::postgres::{Cluster, programs};
use tempfile::TempDir;

const SECRET: &str = "whsec_bench";
const SEED: u64 = 11;
/// How many events are made before the clock runs, unless it is said; who is faster ends earlier.
const PREPARED: usize = 40_000;

/// What was asked for.
struct Asked {
    time: Duration,
    rounds: usize,
    concurrencies: Vec<usize>,
    kinds: Vec<Kind>,
    deliveries: Option<usize>,
    prepared: usize,
    receiver: PathBuf,
}

impl Asked {
    fn read() -> Self {
        let args: Vec<String> = std::env::args().collect();
        let given = |name: &str| {
            let place = args.iter().position(|it| it == name)?;
            Some(args.get(place + 1).unwrap().clone())
        };
        let number = |name: &str| given(name).map(|value| value.parse::<usize>().unwrap());
        let named = given("--database");
        let is_asked = |kind: &Kind| named.as_deref().is_none_or(|name| name == kind.name());
        let seconds = number("--seconds").unwrap_or(10);
        Self {
            time: Duration::from_secs(seconds.try_into().unwrap()),
            rounds: number("--rounds").unwrap_or(1),
            concurrencies: number("--concurrency").map_or_else(|| vec![1, 8, 64], |it| vec![it]),
            kinds: Kind::ALL.into_iter().filter(is_asked).collect(),
            deliveries: number("--deliveries"),
            prepared: number("--prepared").unwrap_or(PREPARED).max(1),
            receiver: given("--receiver").map_or_else(
                || env!("CARGO_BIN_EXE_stripe-store-command").into(),
                PathBuf::from,
            ),
        }
    }
}

/// Where databases are made: each measurement has its own.
struct Databases {
    cluster: Option<Cluster>,
    folder: TempDir,
    made: usize,
}

impl Databases {
    fn new(kinds: &[Kind]) -> Self {
        let needs_cluster = kinds.contains(&Kind::Postgres);
        let cluster = needs_cluster.then(|| Cluster::start_durable(&programs()).unwrap());
        Self {
            cluster,
            folder: tempfile::tempdir().unwrap(),
            made: 0,
        }
    }

    /// A fresh one with the store's tables: its name and its URL.
    async fn fresh(&mut self, kind: Kind) -> (String, String) {
        self.made += 1;
        let name = format!("bench_{}", self.made);
        let url = match (&self.cluster, kind) {
            (Some(cluster), Kind::Postgres) => {
                let mut admin = PgConnection::connect(&cluster.url("postgres"))
                    .await
                    .unwrap();
                let sql = format!("CREATE DATABASE {name}");
                sqlx::raw_sql(AssertSqlSafe(sql))
                    .execute(&mut admin)
                    .await
                    .unwrap();
                // What was written before is not to be paid for now.
                sqlx::raw_sql("CHECKPOINT")
                    .execute(&mut admin)
                    .await
                    .unwrap();
                cluster.url(&name)
            }
            _ => format!("sqlite://{}", self.folder.path().join(&name).display()),
        };
        let store = Store::connect(&url).await.unwrap();
        store.migrate().await.unwrap();
        store.pool().close().await;
        if kind == Kind::Postgres {
            make_effects(&url).await;
        }
        (name, url)
    }

    async fn say_settings(&self) {
        if let Some(cluster) = &self.cluster {
            let mut admin = PgConnection::connect(&cluster.url("postgres"))
                .await
                .unwrap();
            let mut settings = Vec::new();
            for name in [
                "server_version",
                "fsync",
                "synchronous_commit",
                "full_page_writes",
            ] {
                let sql = AssertSqlSafe(format!("SHOW {name}"));
                let value: String = sqlx::query_scalar(sql).fetch_one(&mut admin).await.unwrap();
                settings.push(format!("{name} {value}"));
            }
            println!("PostgreSQL: {}", settings.join(", "));
        }
        println!("SQLite: WAL, synchronous FULL");
    }
}

fn main() {
    // One thread: what a second one would take is the receiver's.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime.unwrap().block_on(async {
        if std::env::args().any(|it| it == "--null-receiver") {
            receive_nothing().await;
        } else {
            let asked = Asked::read();
            if std::env::args().any(|it| it == "--statements") {
                return statements::count(&asked).await;
            }
            match asked.deliveries {
                Some(deliveries) => memory(&asked, deliveries).await,
                None => table(&asked).await,
            }
        }
    });
}

async fn receive_nothing() {
    let address = std::env::args()
        .skip_while(|it| it != "--listen")
        .nth(1)
        .unwrap();
    let listener = tokio::net::TcpListener::bind(address).await.unwrap();
    println!("listening on http://{}", listener.local_addr().unwrap());
    serve_null(listener, Verifier::new([secret()]))
        .await
        .unwrap();
}

fn secret() -> EndpointSecret {
    EndpointSecret::new(SECRET).unwrap()
}

fn sender(process: &Process, concurrency: usize) -> Sender {
    Sender::new(&[format!("{}/webhook", process.url())], secret()).with_concurrency(concurrency)
}

async fn receiver(asked: &Asked, url: &str) -> Process {
    let args = ["serve", "--database", url];
    Process::start(&asked.receiver, args, [("STRIPE_WEBHOOK_SECRET", SECRET)]).await
}

async fn table(asked: &Asked) {
    let mut databases = Databases::new(&asked.kinds);
    databases.say_settings().await;
    let events: Vec<Event> = EventMix::new(SEED, asked.prepared).collect();
    let rows: Vec<Rows> = events.iter().map(Rows::of).collect();
    let deliveries: Vec<Delivery> = events.into_iter().map(Delivery::from).collect();
    let bytes: usize = deliveries.iter().map(|it| it.body.len()).sum();
    println!(
        "events: {} at most, {} bytes on average",
        deliveries.len(),
        bytes / deliveries.len()
    );
    println!(
        "\n{:<9} {:>5} {:>9} {:>9} {:>9} {:>9} {:>9} {:>6}  {:>9} {:>9}",
        "database",
        "conc.",
        "deliv./s",
        "p50 ms",
        "p99 ms",
        "max ms",
        "base tps",
        "ratio",
        "send us",
        "recv us"
    );
    for _ in 0..asked.rounds {
        for concurrency in &asked.concurrencies {
            let program = std::env::current_exe().unwrap();
            let null = Process::start(program, ["--null-receiver"], []).await;
            measure("null", &null, *concurrency, asked.time, &deliveries, None).await;
        }
        for kind in &asked.kinds {
            for concurrency in &asked.concurrencies {
                let base = baseline(&mut databases, *kind, *concurrency, asked.time, &rows).await;
                let (_, url) = databases.fresh(*kind).await;
                let process = receiver(asked, &url).await;
                let name = kind.name();
                measure(
                    name,
                    &process,
                    *concurrency,
                    asked.time,
                    &deliveries,
                    Some(base),
                )
                .await;
            }
        }
    }
}

async fn baseline(
    databases: &mut Databases,
    kind: Kind,
    concurrency: usize,
    time: Duration,
    rows: &[Rows],
) -> f64 {
    let (name, url) = databases.fresh(kind).await;
    match &databases.cluster {
        Some(cluster) if kind == Kind::Postgres => pgbench::run(
            &programs(),
            cluster.folder(),
            &name,
            rows,
            concurrency,
            time,
        ),
        _ => sqlite::run(&url, rows, concurrency, time).await,
    }
}

/// One row of the table. The last columns are the processor's time for each delivery, of the sender and the receiver.
async fn measure(
    name: &str,
    process: &Process,
    concurrency: usize,
    time: Duration,
    deliveries: &[Delivery],
    base: Option<f64>,
) {
    let sender = sender(process, concurrency);
    let before = (own_cpu(), process.cpu());
    let begin = Instant::now();
    let mut source = deliveries
        .iter()
        .cloned()
        .take_while(|_| begin.elapsed() < time);
    let report = sender.send(&mut source).await;
    let after = (own_cpu(), process.cpu());
    let each = |before: Option<Duration>, after: Option<Duration>| -> String {
        let used = after
            .zip(before)
            .map(|(after, before)| after.saturating_sub(before));
        let count = u32::try_from(report.accepted.max(1)).unwrap();
        used.map_or_else(String::new, |used| (used / count).as_micros().to_string())
    };
    let ratio = |base: f64| format!("{:.2}", report.per_second() / base);
    println!(
        "{name:<9} {concurrency:>5} {:>9.0} {:>9.2} {:>9.2} {:>9.1} {:>9} {:>6}  {:>9} {:>9}",
        report.per_second(),
        milliseconds(report.latency(500)),
        milliseconds(report.latency(990)),
        milliseconds(report.latency(1000)),
        base.map_or_else(String::new, |base| format!("{base:.0}")),
        base.map_or_else(String::new, ratio),
        each(before.0, after.0),
        each(before.1, after.1),
    );
    complain(&report);
}

fn complain(report: &Report) {
    for what in &report.unexpected {
        println!("    {what}");
    }
}

/// One long run, and the memory that the receiver holds in the course of it.
async fn memory(asked: &Asked, count: usize) {
    let mut databases = Databases::new(&asked.kinds);
    databases.say_settings().await;
    let concurrency = asked.concurrencies.last().copied().unwrap_or(64);
    for kind in &asked.kinds {
        let (_, url) = databases.fresh(*kind).await;
        let process = receiver(asked, &url).await;
        let sender = sender(&process, concurrency);
        let mut deliveries = Deliveries::new(EventMix::new(SEED, count), SEED);
        let held = |process: &Process| process.memory_kb().unwrap_or_default();
        println!("\n{}: {} KB at the beginning", kind.name(), held(&process));
        let part = count.div_ceil(10).min(100_000);
        let mut sent = 0;
        loop {
            let report = sender.send(&mut deliveries.by_ref().take(part)).await;
            complain(&report);
            if report.accepted == 0 {
                break;
            }
            sent += report.accepted;
            println!(
                "{}: {sent} deliveries, {} KB, {:.0}/s, p99 {:.2} ms",
                kind.name(),
                held(&process),
                report.per_second(),
                milliseconds(report.latency(990)),
            );
        }
    }
}
