//! What `stripe-store sync` costs: 100,000 objects from the fake Stripe into each database, as a process of its own,
//! beside a client that makes the same calls and throws the pages away.
//!
//! `cargo bench -p stripe-store-tests --bench sync`; `-- 10000` for another number of objects.
#![allow(
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a measurement may end where it cannot go on"
)]

use std::collections::BTreeMap;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use serde_json::Value;
use stripe_store::client::{Client, Method, RateLimit, SecretKey};
use stripe_store::resources::LISTINGS;
use stripe_store::view::Listing;
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

/// Makes the calls that a sync makes, and looks at nothing but ids and where a list goes on.
async fn throw_away(fake: &Fake) -> (usize, Duration) {
    let client = Client::builder(SecretKey::new("sk_test_Abc123").unwrap())
        .base_url(fake.url())
        .rate_limit(RateLimit::unlimited())
        .build()
        .unwrap();
    let begin = Instant::now();
    let mut ids: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    let tops = LISTINGS.iter().filter(|list| list.parent.is_none());
    let mut tops = futures_util::stream::iter(tops)
        .map(async |list| (list, read(&client, list, None).await))
        .buffer_unordered(PARALLEL);
    let mut objects = 0;
    while let Some((list, read)) = tops.next().await {
        objects += read.len();
        ids.entry(list.objects[0]).or_default().extend(read);
    }
    for list in LISTINGS {
        let Some(parent) = list.parent.filter(|parent| parent.field.is_none()) else {
            continue;
        };
        let parents = ids.get(parent.object).cloned().unwrap_or_default();
        let mut below = futures_util::stream::iter(parents)
            .map(|id| read(&client, list, Some(id)))
            .buffer_unordered(PARALLEL);
        while let Some(read) = below.next().await {
            objects += read.len();
        }
    }
    (objects, begin.elapsed())
}

/// The ids on a list, or on the one below this parent.
async fn read(client: &Client, list: &Listing, parent: Option<String>) -> Vec<String> {
    let by_param = list.parent.and_then(|parent| parent.param);
    let path = match (&parent, by_param, list.path.find('{'), list.path.find('}')) {
        (Some(id), None, Some(begin), Some(end)) => {
            format!("{}{id}{}", &list.path[..begin], &list.path[end + 1..])
        }
        _ => list.path.to_owned(),
    };
    let mut ids = Vec::new();
    loop {
        let mut call = client.request(Method::Get, path.as_str());
        if let (Some(id), Some(name)) = (&parent, by_param) {
            call = call.param(name, id.as_str());
        }
        for (name, value) in list.params {
            call = call.param(*name, *value);
        }
        for path in list.expand {
            call = call.expand(*path);
        }
        if list.has_pages && path.starts_with("/v1/") {
            call = call.param("limit", 100);
        }
        if let Some(after) = ids.last() {
            call = call.param("starting_after", String::as_str(after));
        }
        let page = call.send().await.unwrap();
        let page: Value = serde_json::from_str(page.text()).unwrap();
        let data = page["data"].as_array().into_iter().flatten();
        let before = ids.len();
        ids.extend(data.filter_map(|object| Some(object["id"].as_str()?.to_owned())));
        if page["has_more"] != true || ids.len() == before {
            return ids;
        }
    }
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
