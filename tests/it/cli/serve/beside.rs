//! What `serve` does beside answering: the worker, the catch-up, and what it counts.

use std::collections::BTreeMap;

use serde_json::Value;
use stripe_store_tests::fake::{Fake, Fault};
use stripe_store_tests::{TestDb, on_both};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use super::{SECRET, Server, count, event, run, wait_for};
use crate::web::raw::{request, send};

/// The numbers of the metrics, by their names and labels; every line has the form that Prometheus reads.
fn parsed(page: &str) -> BTreeMap<String, String> {
    let mut kinds = BTreeMap::new();
    let mut numbers = BTreeMap::new();
    for line in page.lines() {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').unwrap();
            assert!(["counter", "gauge", "histogram"].contains(&kind), "{line}");
            assert!(
                kinds.insert(name.to_owned(), kind.to_owned()).is_none(),
                "{line}"
            );
            continue;
        }
        if line.starts_with("# HELP ") {
            continue;
        }
        let (series, value) = line.rsplit_once(' ').unwrap();
        let (name, labels) = series.split_once('{').map_or((series, ""), |(name, rest)| {
            (name, rest.strip_suffix('}').expect("closed"))
        });
        for label in labels.split(',').filter(|it| !it.is_empty()) {
            let (key, value) = label.split_once('=').unwrap();
            assert!(
                key.bytes().all(|it| it.is_ascii_lowercase() || it == b'_'),
                "{line}"
            );
            assert!(
                value.starts_with('"') && value.ends_with('"') && value.len() > 1,
                "{line}"
            );
        }
        let family = ["_bucket", "_sum", "_count"]
            .iter()
            .find_map(|it| name.strip_suffix(it).filter(|it| kinds.contains_key(*it)))
            .unwrap_or(name);
        let kind = kinds
            .get(family)
            .unwrap_or_else(|| panic!("no type of {line}"));
        assert_eq!(kind == "counter", name.ends_with("_total"), "{line}");
        assert!(value.parse::<f64>().is_ok(), "{line}");
        assert!(
            numbers
                .insert(series.to_owned(), value.to_owned())
                .is_none(),
            "{line}"
        );
    }
    assert!(page.ends_with('\n'));
    numbers
}

#[tokio::test]
async fn the_metrics_count_what_becomes_of_requests() {
    on_both(async |db: &TestDb| {
        let mut run = run(db, &["--endpoint", "connect"]);
        run.command
            .env("STRIPE_WEBHOOK_SECRET_CONNECT", "whsec_connect");
        let server = Server::started(run, SECRET);
        for id in ["evt_1", "evt_2", "evt_2"] {
            server.post("/webhook", SECRET, &event(id, "cus_1")).await;
        }
        server
            .post("/webhook", "whsec_other", &event("evt_3", "cus_1"))
            .await;
        server
            .post("/webhook", SECRET, &event("evt_00000000000000", "cus_1"))
            .await;
        server
            .post(
                "/webhook/connect",
                "whsec_connect",
                &event("evt_4", "cus_1"),
            )
            .await;
        server
            .post("/webhook/a\"b", SECRET, &event("evt_5", "cus_1"))
            .await;
        server.get("/webhook").await;
        // Goes away before it is answered.
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        let told = ["Content-Length: 100", "Expect: 100-continue"];
        stream
            .write_all(&request("POST", "/webhook", &told, b""))
            .await
            .unwrap();
        tokio::io::AsyncReadExt::read_exact(&mut stream, &mut [0; 25])
            .await
            .unwrap();
        let in_flight = "stripe_store_webhook_requests_in_flight";
        assert_eq!(server.metric(in_flight).await, "1");
        drop(stream);
        server.wait_for(in_flight, |value| value == "0").await;

        let page = send(server.address, &request("GET", "/metrics", &[], b"")).await;
        assert!(
            page.head
                .contains("content-type: text/plain; version=0.0.4"),
            "{}",
            page.head
        );
        let numbers = parsed(&page.body);
        let requests: Vec<_> = numbers
            .iter()
            .filter_map(|(series, value)| {
                let labels = series.strip_prefix("stripe_store_webhook_requests_total")?;
                (value != "0").then_some((labels, value.as_str()))
            })
            .collect();
        assert_eq!(
            requests,
            [
                (r#"{endpoint="",verdict="accepted"}"#, "2"),
                (r#"{endpoint="",verdict="duplicate"}"#, "1"),
                (r#"{endpoint="",verdict="ignored"}"#, "1"),
                (r#"{endpoint="",verdict="invalid"}"#, "1"),
                (r#"{endpoint="",verdict="unread"}"#, "2"),
                (r#"{endpoint="(unknown)",verdict="invalid"}"#, "1"),
                (r#"{endpoint="connect",verdict="accepted"}"#, "1"),
            ]
        );
        let duration = "stripe_store_webhook_request_duration_seconds";
        assert_eq!(numbers[&format!("{duration}_count")], "9");
        assert_eq!(numbers[&format!("{duration}_bucket{{le=\"+Inf\"}}")], "9");
        assert!(numbers[&format!("{duration}_sum")].parse::<f64>().unwrap() > 0.0);
        assert_eq!(numbers["stripe_store_inbox_events{status=\"failed\"}"], "0");
        assert_eq!(
            numbers["stripe_store_inbox_events{status=\"pending\"}"],
            "0"
        );
        assert_eq!(numbers["stripe_store_worker_up"], "1");
    })
    .await;
}

#[tokio::test]
async fn what_is_deferred_is_done_a_moment_later_or_left_to_others() {
    on_both(async |db: &TestDb| {
        let server = Server::start(db, &["--inbox-only"]);
        assert_eq!(
            server
                .post("/webhook", SECRET, &event("evt_1", "cus_1"))
                .await
                .said(),
            (200, "accepted")
        );
        assert_eq!(
            server
                .metric("stripe_store_inbox_events{status=\"pending\"}")
                .await,
            "1"
        );
        server.stop();
        assert_eq!(count(db, "stripe_objects").await, 0);

        let server = Server::start(db, &["--defer"]);
        assert_eq!(
            server
                .post("/webhook", SECRET, &event("evt_2", "cus_2"))
                .await
                .said(),
            (200, "accepted")
        );
        wait_for(db, "stripe_objects", 2).await;
        wait_for(db, "stripe_events WHERE status = 'applied'", 2).await;
        let gone = server.stop();
        assert_eq!((gone.status, gone.stderr.as_str()), (Some(0), ""));
    })
    .await;
}

#[tokio::test]
async fn events_of_the_other_mode_are_answered_and_left() {
    on_both(async |db: &TestDb| {
        let server = Server::start(db, &["--live"]);
        let answer = server
            .post("/webhook", SECRET, &event("evt_1", "cus_1"))
            .await;
        assert_eq!(answer.said(), (200, "ignored"));
        let live = String::from_utf8(event("evt_2", "cus_2")).unwrap();
        let live = live.replace("\"livemode\":false", "\"livemode\":true");
        assert_eq!(
            server
                .post("/webhook", SECRET, live.as_bytes())
                .await
                .said(),
            (200, "accepted")
        );
        assert_eq!(count(db, "stripe_events").await, 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_key_it_finds_the_events_that_never_came() {
    const EVENTS: &str = "/v1/events";
    on_both(async |db: &TestDb| {
        let fake = Fake::start().await.unwrap();
        let add = |id, customer| {
            let event: Value = serde_json::from_slice(&event(id, customer)).unwrap();
            fake.add(EVENTS, event);
        };
        fake.set_date(Some("Tue, 14 Nov 2023 22:13:21 GMT"));
        add("evt_1", "cus_1");
        let mut run = run(db, &["--api-base", fake.url(), "--catch-up-every", "1s"]);
        run.command.env("STRIPE_SECRET_KEY", "sk_test_Abc123");
        let server = Server::started(run, SECRET);
        wait_for(db, "stripe_objects", 1).await;
        // One of them comes.
        server.post("/webhook", SECRET, &event("evt_2", "cus_2")).await;
        add("evt_2", "cus_2");
        add("evt_3", "cus_3");
        wait_for(db, "stripe_objects", 3).await;
        wait_for(db, "stripe_events WHERE status = 'applied'", 3).await;
        server.wait_for("stripe_store_catch_up_new_events_total", |value| value == "2").await;
        assert_ne!(server.metric("stripe_store_catch_up_last_complete_seconds").await, "0");

        fake.fail_path(EVENTS, Some(Fault::status(401)));
        let failed = "stripe_store_catch_up_runs_total{result=\"failed\"}";
        server.wait_for(failed, |value| value.parse::<u64>().unwrap() >= 2).await;
        fake.fail_path(EVENTS, None);
        add("evt_4", "cus_4");
        wait_for(db, "stripe_objects", 4).await;
        let gone = server.stop();
        assert_eq!((gone.status, gone.stdout.as_str()), (Some(0), ""));
        let lines: Vec<&str> = gone.stderr.lines().collect();
        // Each is said once, however often it is seen.
        assert_eq!(lines.len(), 2, "{}", gone.stderr);
        let older = "warning: what is older than Stripe's list of events is not here: `stripe-store sync` reads it";
        assert_eq!(lines[0], older);
        assert!(lines[1].starts_with("warning: could not catch up with events: "), "{}", lines[1]);
    })
    .await;
}
