//! What `stripe-store sync` costs: 100,000 objects from the fake Stripe into each database, as a process of its own,
//! beside a client that reads the same lists and throws the pages away.
//!
//! `cargo bench -p stripe-store-tests --bench sync`; `-- 10000` for another number of objects.
#![allow(
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a measurement may end where it cannot go on"
)]

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use stripe_store::client::{Client, Method, RateLimit, SecretKey};
use stripe_store::resources::LISTINGS;
use stripe_store_tests::fake::Fake;
use stripe_store_tests::{TestDb, databases};

const OBJECTS: usize = 100_000;

/// As many calls at a time as the command makes.
const PARALLEL: usize = 8;

#[tokio::main]
async fn main() {
    let asked = std::env::args().find_map(|argument| argument.parse().ok());
    let fake = Fake::start().await.unwrap();
    fake.fill(11, asked.unwrap_or(OBJECTS));
    println!("{} objects, {} lists", fake.len(), fake.lists().len());

    let (thrown, took) = throw_away(&fake).await;
    report("thrown away", thrown, took, None, took);
    for db in databases().await {
        let (peak_kb, first) = sync(&db, &fake).await;
        let rows = db.scalar_i64("SELECT count(*) FROM stripe_objects").await;
        let rows = usize::try_from(rows.unwrap()).unwrap();
        report(db.name(), rows, first, Some(peak_kb), took);
        let (peak_kb, again) = sync(&db, &fake).await;
        report(
            &format!("{}, the next run", db.name()),
            rows,
            again,
            Some(peak_kb),
            took,
        );
    }
}

#[expect(
    clippy::cast_precision_loss,
    clippy::float_arithmetic,
    reason = "a figure for people"
)]
fn report(name: &str, objects: usize, took: Duration, peak_kb: Option<u64>, base: Duration) {
    let seconds = took.as_secs_f64();
    let peak = peak_kb.map_or_else(String::new, |kb| format!(", peak {} MB", kb / 1024));
    println!(
        "{name}: {objects} rows in {seconds:.2} s, {:.0} a second, {:.2} of the limit's time{peak}",
        objects as f64 / seconds,
        seconds / base.as_secs_f64(),
    );
}

/// Reads every list that has no parent, and looks at nothing but where it goes on.
async fn throw_away(fake: &Fake) -> (usize, Duration) {
    let client = Client::builder(SecretKey::new("sk_test_Abc123").unwrap())
        .base_url(fake.url())
        .rate_limit(RateLimit::unlimited())
        .build()
        .unwrap();
    let begin = Instant::now();
    let lists = futures_util::stream::iter(LISTINGS.iter().filter(|list| list.parent.is_none()));
    let read = lists.map(async |list| {
        let (mut objects, mut after) = (0, None::<String>);
        loop {
            let mut call = client.request(Method::Get, list.path);
            for (name, value) in list.params {
                call = call.param(*name, *value);
            }
            for path in list.expand {
                call = call.expand(*path);
            }
            if list.has_pages && list.path.starts_with("/v1/") {
                call = call.param("limit", 100);
            }
            if let Some(after) = &after {
                call = call.param("starting_after", after.as_str());
            }
            let page = call.send().await.unwrap();
            let page: serde_json::Value = serde_json::from_str(page.text()).unwrap();
            let data = page["data"].as_array().cloned().unwrap_or_default();
            objects += data.len();
            after = data
                .last()
                .and_then(|last| Some(last["id"].as_str()?.to_owned()));
            if page["has_more"] != true || after.is_none() {
                return objects;
            }
        }
    });
    let counts: Vec<usize> = read.buffer_unordered(PARALLEL).collect().await;
    (counts.iter().sum(), begin.elapsed())
}

/// Runs the command to its end: the most memory that it held, in kilobytes, and how long it took.
async fn sync(db: &TestDb, fake: &Fake) -> (u64, Duration) {
    let begin = Instant::now();
    let mut child = Command::new(env!("CARGO_BIN_EXE_stripe-store-command"))
        .args(["sync", "--rate", "1000000"])
        .env("DATABASE_URL", db.url())
        .env("STRIPE_SECRET_KEY", "sk_test_Abc123")
        .env("STRIPE_API_BASE", fake.url())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let status = format!("/proc/{}/status", child.id());
    let mut peak_kb = 0;
    loop {
        if let Ok(status) = std::fs::read_to_string(&status) {
            let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
            let peak = peak.and_then(|peak| peak.trim().strip_suffix(" kB")?.parse().ok());
            peak_kb = peak_kb.max(peak.unwrap_or(0));
        }
        if let Some(ended) = child.try_wait().unwrap() {
            assert!(ended.success(), "the command failed");
            return (peak_kb, begin.elapsed());
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
