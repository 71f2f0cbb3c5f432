//! `events`, `events show`, `events replay`, and what `status` and `purge` say of the inbox.

use serde_json::{Value, json};
use stripe_store::Store;
use stripe_store::inbox::{HandlerError, Handlers, InboxStatus};
use stripe_store::webhook::{Endpoint, Receiver, Request};
use stripe_store_tests::{Kind, TestDb, on_both};

use super::on;

const SECOND: i64 = 1_700_000_000;

fn updated(id: &str, customer: &str, created: i64) -> Value {
    json!({
        "id": id, "object": "event", "type": "customer.updated", "created": created, "livemode": true,
        "api_version": "2026-10-28.endive",
        "data": {"object": {"id": customer, "object": "customer", "name": "at 12.50", "livemode": true}},
    })
}

fn receiver(store: &Store, handlers: Handlers) -> Receiver {
    Receiver::builder(store)
        .endpoint("", Endpoint::unverified())
        .handlers(handlers)
        .build()
}

async fn receive(store: &Store, handlers: Handlers, event: &Value) {
    let request = Request::new(event.to_string()).header("Stripe-Signature", "v1=secret");
    receiver(store, handlers).receive(request).await;
}

/// An event that is applied, one that failed, one that is queued, and one that is dead.
async fn fill(store: &Store) {
    let dead = || {
        Handlers::new()
            .queued_any("mail", |_| Box::pin(async { Ok(()) }))
            .queued_any("post", |_| {
                Box::pin(async { Err(HandlerError::give_up("no such address\u{1b}[2J")) })
            })
    };
    let event = updated("evt_dead", "cus_d", SECOND);
    let receiver = receiver(store, dead());
    receiver.receive(Request::new(event.to_string())).await;
    receiver.worker().drain().await.unwrap();
    receive(
        store,
        Handlers::new(),
        &updated("evt_applied", "cus_a", SECOND + 1),
    )
    .await;
    let failing =
        Handlers::new().on_any(|_| Box::pin(async { Err(HandlerError::give_up("no such plan")) }));
    receive(store, failing, &updated("evt_failed", "cus_f", SECOND + 2)).await;
    let queued = Handlers::new().queued_any("mail", |_| Box::pin(async { Ok(()) }));
    let mut event = updated("evt_queued", "cus_q", SECOND + 3);
    event["livemode"] = json!(false);
    event["account"] = json!("acct_1");
    receive(store, queued, &event).await;
}

/// The ids that a list begins its lines with.
fn ids(printed: &str) -> Vec<&str> {
    let lines = printed.lines().skip(1);
    lines.map(|line| line.split(' ').next().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn events_are_listed_and_narrowed() {
    on_both(async |db: &TestDb| {
        let empty = on(db, &["events"]).end();
        assert_eq!((empty.status, empty.stdout.as_str()), (Some(0), ""));
        assert_eq!(empty.stderr, "no such events in the inbox\n");

        fill(db.store()).await;
        let printed = on(db, &["events"]).succeeds();
        assert_eq!(
            printed,
            "ID           CREATED              TYPE              STATUS   TRIES  OBJECT  ERROR\n\
             evt_queued   2023-11-14 22:13:23  customer.updated  queued       0  cus_q\n\
             evt_failed   2023-11-14 22:13:22  customer.updated  failed       1  cus_f   no such plan\n\
             evt_applied  2023-11-14 22:13:21  customer.updated  applied      1  cus_a\n\
             evt_dead     2023-11-14 22:13:20  customer.updated  dead         1  cus_d   post: no such address\u{fffd}[2J\n"
        );
        let list = |arguments: &[&str]| on(db, &[&["events"], arguments].concat()).succeeds();
        assert_eq!(ids(&list(&["--status", "failed", "--status", "dead"])), ["evt_failed", "evt_dead"]);
        assert_eq!(ids(&list(&["--object", "cus_a"])), ["evt_applied"]);
        assert_eq!(ids(&list(&["--object-type", "customer", "--since", "1700000002"])), ["evt_queued", "evt_failed"]);
        assert_eq!(ids(&list(&["--until", "2023-11-14T22:13:21Z"])), ["evt_dead"]);
        assert_eq!(ids(&list(&["--type", "customer.*", "--test"])), ["evt_queued"]);
        assert_eq!(ids(&list(&["--account", ""])).len(), 3);
        assert_eq!(ids(&list(&["--account", "acct_1"])), ["evt_queued"]);

        let first = on(db, &["events", "--limit", "3"]).end();
        assert_eq!(first.stdout.lines().count(), 4);
        let cursor = first.stderr.strip_prefix("more: --after ").unwrap().trim();
        assert_eq!(ids(&list(&["--after", cursor])), ["evt_dead"]);
        assert_eq!(ids(&list(&["--all"])).len(), 4);

        let lines = list(&["--json", "--status", "dead"]);
        let dead: Value = serde_json::from_str(&lines).unwrap();
        assert_eq!(
            (&dead["id"], &dead["status"], &dead["handled"], &dead["account"], &dead["livemode"]),
            (&json!("evt_dead"), &json!("dead"), &json!(["mail"]), &Value::Null, &json!(true))
        );
        assert_eq!(dead["payload"], Value::Null, "the payload is for `show`");

        let message = on(db, &["events", "--status", "lost"]).fails(2);
        assert!(message.contains("pending, queued, applied, failed or dead"), "{message}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_is_shown_with_the_requests_that_brought_it() {
    on_both(async |db: &TestDb| {
        fill(db.store()).await;
        receive(
            db.store(),
            Handlers::new(),
            &updated("evt_applied", "cus_a", SECOND + 1),
        )
        .await;
        let printed = on(db, &["events", "show", "evt_applied"]).succeeds();
        for line in [
            "id            evt_applied\n",
            "account       platform\n",
            "mode          live\n",
            "api version   2026-10-28.endive\n",
            "object        customer cus_a\n",
            "customer      cus_a\n",
            "status        applied\n",
            "\nRECEIVED ",
        ] {
            assert!(printed.contains(line), "{line:?} in {printed}");
        }
        let verdicts: Vec<_> = ["accepted", "duplicate"]
            .map(|verdict| printed.matches(verdict).count())
            .into();
        assert_eq!(verdicts, [1, 1], "{printed}");
        assert!(
            !printed.contains("12.50") && !printed.contains("v1=secret"),
            "{printed}"
        );

        let payload = updated("evt_applied", "cus_a", SECOND + 1).to_string();
        let printed = on(db, &["events", "show", "evt_applied", "--payload"]).succeeds();
        assert_eq!(printed, format!("{payload}\n"));
        let shown = on(db, &["events", "show", "evt_applied", "--json"]).json();
        assert_eq!(shown["payload"].to_string(), payload);
        assert_eq!(shown["deliveries"].as_array().unwrap().len(), 2);
        assert_eq!(shown["deliveries"][0]["verdict"], "duplicate");
        assert_eq!(
            shown["deliveries"][0]["headers"],
            json!([["Stripe-Signature", "[redacted]"]])
        );

        let message = on(db, &["events", "show", "evt_nobody"]).fails(1);
        assert_eq!(message, "error: no event evt_nobody in the inbox\n");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn events_are_replayed_and_what_is_left_to_do_is_said() {
    on_both(async |db: &TestDb| {
        let store = db.store();
        fill(store).await;
        let status = async |id: &str| store.event(id).await.unwrap().unwrap().status();
        let replay = |arguments: &[&str]| on(db, &[&["events", "replay"], arguments].concat());

        // Not without a word of what.
        assert!(replay(&[]).fails(2).contains("<ID>"));
        assert!(replay(&["evt_dead", "--status", "failed"]).fails(2).contains("cannot be used with"));

        assert_eq!(
            replay(&["--status", "failed", "--status", "dead", "--dry-run"]).succeeds(),
            "would replay 2 events\n"
        );
        let told = replay(&["evt_dead", "evt_nobody", "--dry-run", "--json"]).end();
        assert_eq!(told.stdout, "{\"dry_run\":true,\"events\":1}\n");
        assert_eq!(told.stderr, "evt_nobody: not in the inbox\n");
        assert_eq!(status("evt_dead").await, InboxStatus::Dead);

        let ended = replay(&["--status", "dead", "--status", "failed"]).end();
        assert_eq!(
            (ended.status, ended.stdout.as_str(), ended.stderr.as_str()),
            (Some(0), "1 pending, 1 queued\n", "a worker of the application does the rest\n")
        );
        assert_eq!(status("evt_dead").await, InboxStatus::Queued);
        assert_eq!(status("evt_failed").await, InboxStatus::Pending);
        // The handlers that have done their work are remembered, unless all is to be done anew.
        assert_eq!(store.event("evt_dead").await.unwrap().unwrap().handled(), ["mail"]);
        replay(&["evt_dead", "--anew"]).end();
        assert!(store.event("evt_dead").await.unwrap().unwrap().handled().is_empty());

        let ended = replay(&["evt_applied", "evt_nobody"]).end();
        assert_eq!((ended.status, ended.stdout.as_str()), (Some(1), "1 pending, 1 not there\n"));
        assert!(ended.stderr.starts_with("evt_nobody: not in the inbox\n"), "{}", ended.stderr);

        assert_eq!(replay(&["--type", "no.such"]).succeeds(), "nothing to replay\n");
        let report = replay(&["evt_applied", "--json"]).json();
        assert_eq!(
            report,
            json!({
                "pending": 1, "queued": 0, "in_progress": 0, "unknown": 0, "applied": 0, "failed": 0, "dry_run": false,
            })
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn events_that_no_application_waits_for_are_applied_by_the_command() {
    on_both(async |db: &TestDb| {
        let store = db.store();
        fill(store).await;
        // Somebody removed the row, and has it back from the event.
        db.execute("DELETE FROM stripe_objects WHERE stripe_id = 'cus_a'").await;
        let printed = on(db, &["events", "replay", "evt_applied", "evt_failed", "--work"]).succeeds();
        assert_eq!(printed, "2 applied, without handlers\n");
        on(db, &["--live", "get", "customer", "cus_a"]).succeeds();
        // What others wait for was not touched.
        let queued = store.event("evt_queued").await.unwrap().unwrap();
        assert_eq!(queued.status(), InboxStatus::Queued);

        let sql = "UPDATE stripe_events SET payload = '{\"object\": \"event\"}' WHERE event_id = 'evt_failed'";
        db.execute(sql).await;
        let ended = on(db, &["events", "replay", "--status", "applied", "--work"]).end();
        assert_eq!((ended.status, ended.stdout.as_str()), (Some(1), "1 applied, without handlers, 1 not applied\n"));
        assert!(ended.stderr.starts_with("evt_failed: cannot be applied: "), "{}", ended.stderr);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn status_and_purge_tell_of_the_inbox() {
    on_both(async |db: &TestDb| {
        fill(db.store()).await;
        let printed = on(db, &["status"]).succeeds();
        let inbox: Vec<&str> = printed
            .split_once("\n\nEVENTS")
            .unwrap()
            .1
            .lines()
            .collect();
        assert_eq!(inbox.len(), 5, "{printed}");
        assert!(
            inbox[1].starts_with("     1  queued   2023-11-14 22:13:23")
                && inbox[1].ends_with("years"),
            "{printed}"
        );
        assert!(
            inbox[2].starts_with("     1  applied  2023-11-14 22:13:21"),
            "{printed}"
        );
        let status = on(db, &["status", "--json"]).json();
        assert_eq!(
            status["inbox"][0],
            json!({"status": "queued", "events": 1, "oldest": SECOND + 3})
        );

        let purge = |arguments: &[&str]| on(db, &[&["purge"], arguments].concat());
        assert!(
            purge(&["--events-older-than", "32d"])
                .fails(1)
                .contains("events have to be 33 days old")
        );
        let sql = match db.kind() {
            Kind::Sqlite => "UPDATE stripe_events SET updated_at = '2023-11-15T00:00:00.000Z'",
            Kind::Postgres => "UPDATE stripe_events SET updated_at = '2023-11-15'",
        };
        db.execute(sql).await;
        let none = "0 tombstones, 0 rivals of settled conflicts, 0 marks without an object";
        assert_eq!(purge(&[]).succeeds(), format!("removed {none}\n"));
        let asked = [
            "--events-older-than",
            "60d",
            "--deliveries-older-than",
            "0s",
        ];
        assert_eq!(
            purge(&[&asked[..], &["--dry-run"]].concat()).succeeds(),
            format!("would remove {none}, 1 events, 4 requests\n")
        );
        assert_eq!(
            purge(&asked).succeeds(),
            format!("removed {none}, 1 events, 4 requests\n")
        );
        assert_eq!(
            ids(&on(db, &["events"]).succeeds()),
            ["evt_queued", "evt_failed", "evt_dead"]
        );
    })
    .await;
}
