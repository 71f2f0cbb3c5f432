//! The tools that webhooks are measured and soaked with: what they say of a receiver is worth as much as they are.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::Value;
use stripe_store::ingest::{Content, Event};
use stripe_store::webhook::{EndpointSecret, Verifier};
use stripe_store_tests::load::{
    Deliveries, DeliveryKind, Difference, EventMix, Process, Resend, Sender, serve_null, soak::Soak,
};
use stripe_store_tests::{TestDb, on_both};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use crate::spec;

const SECRET: &str = "whsec_load";

fn secret() -> EndpointSecret {
    EndpointSecret::new(SECRET).unwrap()
}

#[test]
fn the_same_seed_gives_the_same_events_and_another_one_others() {
    let bodies = |seed| {
        EventMix::new(seed, 200)
            .map(|event| event.body)
            .collect::<Vec<_>>()
    };
    assert_eq!(bodies(1), bodies(1));
    assert_ne!(bodies(1), bodies(2));
}

#[test]
fn events_are_as_stripe_sends_them() {
    let events: Vec<_> = EventMix::new(3, 2_000).collect();
    let ids: BTreeSet<_> = events.iter().map(|event| &event.id).collect();
    assert_eq!(ids.len(), events.len());

    let mut types = BTreeMap::<_, usize>::new();
    let mut last = BTreeMap::new();
    for event in &events {
        *types.entry(event.event_type).or_default() += 1;
        let size = event.body.len();
        assert!(
            (1_000..12 * 1024).contains(&size),
            "{}: {size}",
            event.event_type
        );
        let envelope: Value = serde_json::from_slice(&event.body).unwrap();
        let object = &envelope["data"]["object"];
        // Whole and nothing unknown, as the description has it.
        let schema = spec::event_object(event.event_type).unwrap();
        let misfits = spec::misfits(schema, object, &event.key.0);
        assert_eq!(misfits, Vec::<String>::new());
        let created = envelope["created"].as_i64().unwrap();
        let before = last.insert(event.key.clone(), created);
        assert!(before <= Some(created), "{event:?}");
    }
    assert!(types.len() >= 19, "{types:?}");
    let total: usize = events.iter().map(|event| event.body.len()).sum();
    assert!((4_000..7_000).contains(&(total / events.len())), "{total}");
}

#[tokio::test]
async fn in_any_order_the_events_end_in_the_reference() {
    on_both(async |db: &TestDb| {
        let mix = EventMix::new(5, 1_500);
        let mut deliveries = Deliveries::new(mix, 5).shuffled(100).with_duplicates(100);
        let all: Vec<_> = deliveries.by_ref().collect();
        let reference = deliveries.reference();
        assert!(all.len() > 1_500 && reference.deleted() > 0);
        for delivery in &all {
            let text = std::str::from_utf8(&delivery.body).unwrap();
            let Content::Snapshot(snapshot) = Event::read(text).unwrap().content().unwrap() else {
                panic!("an event without an object: {text}");
            };
            db.store().write(&[*snapshot]).await.unwrap();
        }
        assert_eq!(reference.differences(db.pool()).await, []);

        // And it is seen when it does not.
        let id =
            "(SELECT stripe_id FROM stripe_objects WHERE object = 'invoice' ORDER BY 1 LIMIT 1)";
        let paid = match db.name() {
            "sqlite" => "json_set(data, '$.status', 'void')",
            _ => "jsonb_set(data, '{status}', '\"void\"')",
        };
        db.execute(&format!(
            "UPDATE stripe_objects SET data = {paid} WHERE stripe_id = {id}"
        ))
        .await;
        db.execute("DELETE FROM stripe_objects WHERE stripe_id = 'prod_load000001'")
            .await;
        let deleted = "object = 'customer' AND deleted_at IS NOT NULL";
        db.execute(&format!(
            "UPDATE stripe_objects SET deleted_at = NULL WHERE {deleted}"
        ))
        .await;
        let found = reference.differences(db.pool()).await;
        let count = |is: fn(&Difference) -> bool| found.iter().filter(|it| is(it)).count();
        assert_eq!(count(|it| matches!(it, Difference::Data { .. })), 1);
        assert_eq!(count(|it| matches!(it, Difference::Missing { .. })), 1);
        let deletions = count(|it| matches!(it, Difference::Deletion { .. }));
        assert_eq!(deletions, reference.deleted());
        assert_eq!(found.len(), deletions + 2);
    })
    .await;
}

#[test]
fn deliveries_hold_every_event_and_the_shares_asked_for() {
    let count = 4_000;
    let deliveries = || {
        Deliveries::new(EventMix::new(1, count), 1)
            .shuffled(100)
            .with_duplicates(50)
            .with_garbage(20, 10)
    };
    let mut kinds = BTreeMap::<String, usize>::new();
    let mut events = BTreeSet::new();
    let mut others = Vec::new();
    for delivery in deliveries() {
        *kinds.entry(format!("{:?}", delivery.kind)).or_default() += 1;
        match delivery.kind {
            DeliveryKind::Event => assert!(events.insert(delivery.body)),
            DeliveryKind::Duplicate => others.push(delivery.body),
            _ => {}
        }
    }
    assert_eq!(events.len(), count);
    assert!(others.iter().all(|body| events.contains(body)));
    let share = |kind: &str| kinds[kind] * 1000 / count;
    assert!((40..60).contains(&share("Duplicate")), "{kinds:?}");
    assert!((14..26).contains(&share("Garbage")), "{kinds:?}");
    assert!((6..14).contains(&share("BadSignature")), "{kinds:?}");

    let sorted: Vec<_> = EventMix::new(1, count).map(|event| event.body).collect();
    let shuffled = deliveries().filter(|it| it.kind == DeliveryKind::Event);
    let moved = shuffled.zip(&sorted).filter(|(it, body)| it.body != *body);
    assert!(moved.count() > count / 2);
}

#[tokio::test]
async fn valid_events_are_accepted_and_others_refused() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/webhook", listener.local_addr().unwrap());
    let server = tokio::spawn(serve_null(listener, Verifier::new([secret()])));
    let mut deliveries = Deliveries::new(EventMix::new(1, 500), 1).with_garbage(0, 100);
    let sender = Sender::new(&[url], secret()).with_concurrency(8);
    let report = sender.send(&mut deliveries).await;
    assert_eq!(report.accepted, 500);
    assert!((20..80).contains(&report.refused), "{report}");
    assert_eq!(report.unexpected, Vec::<String>::new());
    assert!(report.latency(500) <= report.latency(990));
    assert!(report.latency(990) <= report.latency(1000) && !report.latency(1000).is_zero());
    server.abort();
}

/// Answers what it pleases: nothing, an error, or success.
async fn moody(listener: TcpListener, requests: Arc<AtomicUsize>) {
    loop {
        let (mut stream, _) = listener.accept().await.unwrap();
        let requests = Arc::clone(&requests);
        tokio::spawn(async move {
            let mut read = Vec::new();
            loop {
                // A request is whole when its body is.
                let mut bytes = [0; 4096];
                let count = stream.read(&mut bytes).await.unwrap_or_default();
                if count == 0 {
                    return;
                }
                read.extend_from_slice(&bytes[..count]);
                let text = String::from_utf8_lossy(&read).to_ascii_lowercase();
                let Some((head, _)) = text.split_once("\r\n\r\n") else {
                    continue;
                };
                let length = head.split_once("content-length: ").unwrap().1;
                let length: usize = length.lines().next().unwrap().trim().parse().unwrap();
                if read.len() < head.len() + 4 + length {
                    continue;
                }
                read.clear();
                let answer: &[u8] = match requests.fetch_add(1, Ordering::Relaxed) % 4 {
                    0 => b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n",
                    1 => return,
                    2 => b"HTTP/1.1 500 Internal Server Error\r\ncontent-length: 5\r\n\r\nsorry",
                    _ => b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
                };
                stream.write_all(answer).await.unwrap();
            }
        });
    }
}

#[tokio::test]
async fn what_is_not_acknowledged_is_sent_until_it_is() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/webhook", listener.local_addr().unwrap());
    // Nobody is at the other address.
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let nobody = format!("http://{}/webhook", gone.local_addr().unwrap());
    drop(gone);
    let requests = Arc::new(AtomicUsize::new(0));
    let server = tokio::spawn(moody(listener, Arc::clone(&requests)));
    let sender = Sender::new(&[url, nobody], secret())
        .with_concurrency(4)
        .with_resend(Resend::After(Duration::from_millis(1)));
    let report = sender
        .send(&mut Deliveries::new(EventMix::new(1, 100), 1))
        .await;
    server.abort();
    assert_eq!(report.accepted, 100, "{report}");
    assert_eq!(report.unexpected, Vec::<String>::new());
    assert_eq!(report.statuses[&200], 100);
    assert!(report.statuses[&503] > 10 && report.statuses[&500] > 10 && report.lost > 10);
    assert!(report.unreachable > 10, "{report}");
    let answered = report.statuses.values().sum::<usize>() + report.lost;
    assert_eq!(answered, requests.load(Ordering::Relaxed));
    assert_eq!(report.resent, answered + report.unreachable - 100);
}

#[tokio::test]
async fn a_receiver_that_was_killed_comes_back_where_it_was() {
    let db = TestDb::postgres().await;
    let args = ["serve", "--database", db.url()];
    let environment = [("STRIPE_WEBHOOK_SECRET", SECRET)];
    let mut process = Process::start(env!("CARGO_BIN_EXE_soak"), args, environment).await;
    let (url, first) = (process.url().to_owned(), process.id().unwrap());
    assert!(process.memory_kb().unwrap() > 1_000 && process.cpu().is_some());
    process.kill().await;
    assert_eq!(process.id(), None);
    process.restart().await;
    assert_eq!(process.url(), url);
    assert_ne!(process.id().unwrap(), first);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_or_done_twice_when_receivers_are_killed_and_the_database_crashes() {
    let soak = Soak::small(env!("CARGO_BIN_EXE_soak"));
    let outcome = soak.run(|_| {}).await;
    assert_eq!(outcome.faults, Vec::<String>::new(), "{outcome}");
    assert!(outcome.report.resent > 0, "nothing went wrong: {outcome}");
}
