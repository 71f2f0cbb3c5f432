//! A process that writes is killed, again and again: the rows are always those of a beginning of what it was to write,
//! and the run that is let through completes them.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::Instant;

use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde_json::json;
use stripe_store::store::Change;
use stripe_store_tests::{TestDb, on_both};

use super::store_model::history::life;
use super::store_model::model::{self, Row, Told};
use super::store_model::rows;

/// How often the process is killed, on each database; `STRIPE_STORE_KILLS` sets another number.
const KILLS: u32 = 20;

/// How often before the database is a fresh one.
const KILLS_A_DATABASE: u32 = 4;

const OBJECTS: u16 = 600;

/// The events of many objects' lives, shuffled.
fn events(runner: &mut TestRunner) -> Vec<Told> {
    let lives: Vec<_> = (0..OBJECTS).map(life).collect();
    let events = lives.prop_map(|lives| {
        let told = lives.into_iter().flat_map(|(told, _)| told);
        let is_event = |it: &Told| it.start % 1000 == 0 && it.until == it.start + 1000;
        told.filter(is_event).collect::<Vec<_>>()
    });
    events.prop_shuffle().new_tree(runner).unwrap().current()
}

/// An event as Stripe sends it.
fn line(event: &Told) -> String {
    let event_type = match (event.change, event.tombstone) {
        (Change::Created, _) => "invoice.created",
        (Change::Deleted, true) => "invoice.deleted",
        // What stays, and yet changes no more.
        (Change::Deleted, false) => "customer.subscription.deleted",
        _ => "invoice.updated",
    };
    let mut data = json!({"object": event.data});
    if let Some(previous) = &event.previous {
        data["previous_attributes"] = previous.clone();
    }
    json!({
        "id": event.source, "object": "event", "type": event_type, "created": event.start / 1000,
        "livemode": true, "data": data,
    })
    .to_string()
}

fn ingest(db: &TestDb, file: &std::path::Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_stripe-store-command"));
    command
        .args(["ingest", "--json"])
        .arg(file)
        .env("DATABASE_URL", db.url())
        .env_remove("RUST_LOG")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command
}

/// Whether the rows are those of the first so many events, whatever that number is.
fn is_a_beginning(events: &[Told], found: &BTreeMap<String, Row>) -> bool {
    let mut told: BTreeMap<u16, Vec<&Told>> = BTreeMap::new();
    // Objects whose row is not what the events so far come to.
    let mut wrong = found.len();
    if wrong == 0 {
        return true;
    }
    for event in events {
        let id = format!("in_{}", event.object);
        let before = told.entry(event.object).or_default();
        let was_right = model::row(before).as_ref() == found.get(&id);
        before.push(event);
        let is_right = model::row(before).as_ref() == found.get(&id);
        match (was_right, is_right) {
            (true, false) => wrong += 1,
            (false, true) => wrong -= 1,
            _ => {}
        }
        if wrong == 0 {
            return true;
        }
    }
    false
}

#[tokio::test(flavor = "multi_thread")]
#[expect(
    clippy::disallowed_methods,
    reason = "how long a test takes is the caller's choice"
)]
async fn a_writer_killed_at_any_moment_leaves_a_beginning_and_the_rerun_completes() {
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[7; 32]);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let events = events(&mut runner);
    let mut file = tempfile::NamedTempFile::with_suffix(".ndjson").unwrap();
    for event in &events {
        writeln!(file, "{}", line(event)).unwrap();
    }
    file.flush().unwrap();

    let kills_wanted = match std::env::var("STRIPE_STORE_KILLS") {
        Ok(number) => number.parse().expect("STRIPE_STORE_KILLS is a number"),
        Err(_) => KILLS,
    };
    on_both(async |db: &TestDb| {
        // How long a run takes here: the kills are spread over that.
        let began = Instant::now();
        assert!(ingest(db, file.path()).status().unwrap().success());
        let whole = began.elapsed();
        let mut shares = TestRunner::deterministic();
        let (mut kills, mut at_work, mut writes) = (0, 0, 0);
        while kills < kills_wanted {
            let fresh = match db.kind() {
                stripe_store_tests::Kind::Sqlite => TestDb::sqlite().await,
                stripe_store_tests::Kind::Postgres => TestDb::postgres().await,
            };
            let mut last_count = 0;
            for _ in 0..KILLS_A_DATABASE {
                let share = (0..1000_u32).new_tree(&mut shares).unwrap().current();
                let mut child = ingest(&fresh, file.path()).spawn().unwrap();
                tokio::time::sleep(whole * share / 1000).await;
                at_work += u32::from(child.try_wait().unwrap().is_none());
                child.kill().unwrap();
                child.wait().unwrap();
                kills += 1;
                let found = rows(&fresh, fresh.store()).await;
                assert!(is_a_beginning(&events, &found), "{} rows are no beginning", found.len());
                writes += u32::from(found.len() > last_count);
                last_count = found.len();
            }
            assert!(ingest(&fresh, file.path()).status().unwrap().success());
            let mut all: BTreeMap<u16, Vec<&Told>> = BTreeMap::new();
            for event in &events {
                all.entry(event.object).or_default().push(event);
            }
            let expected = all
                .iter()
                .map(|(object, told)| (format!("in_{object}"), model::row(told).unwrap()));
            assert_eq!(rows(&fresh, fresh.store()).await, expected.collect());
        }
        println!(
            "{}: {kills} kills in {:.1} s, {at_work} while the process ran, {writes} after it had written more; \
             {} events of {OBJECTS} objects",
            db.name(),
            began.elapsed().as_secs_f64(),
            events.len(),
        );
        assert!(at_work > 0 && writes > 0, "the kills hit nothing");
    })
    .await;
}
