//! `catch-up`, against the fake.

use serde_json::{Value, json};
use stripe_store_tests::fake::{Fake, Fault};
use stripe_store_tests::{TestDb, on_both};

use super::{Run, on};

const EVENTS: &str = "/v1/events";
const SECOND: i64 = 1_700_000_000;
const DATE: &str = "Tue, 14 Nov 2023 22:13:20 GMT";

fn stripe(db: &TestDb, fake: &Fake, arguments: &[&str]) -> Run {
    let mut run = on(db, &[arguments, &["--api-base", fake.url()]].concat());
    run.command.env("STRIPE_SECRET_KEY", "sk_test_Abc123");
    run
}

fn created(event: &str, id: &str) -> Value {
    json!({
        "id": event, "object": "event", "type": "customer.created", "created": SECOND, "livemode": false,
        "data": {"object": {"id": id, "object": "customer", "email": "secret@example.com", "livemode": false}},
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn events_are_applied_and_what_they_cannot_tell_is_said() {
    on_both(async |db: &TestDb| {
        let fake = Fake::start().await.unwrap();
        fake.set_date(Some(DATE));
        fake.add(EVENTS, created("evt_1", "cus_1"));
        let ended = stripe(db, &fake, &["catch-up"]).end();
        assert_eq!(ended.status, Some(0), "{}", ended.stderr);
        let told = "1 event, 1 new, 1 applied, 1 object new or newer in ";
        assert!(ended.stdout.starts_with(told), "{}", ended.stdout);
        assert_eq!(
            ended.stderr,
            "warning: what was created or changed before 2023-10-15T22:13:19.000Z is not here: `stripe-store sync` reads it\n"
        );
        let row = on(db, &["--test", "get", "customer", "cus_1"]).succeeds();
        assert!(row.contains("cus_1"), "{row}");

        stripe(db, &fake, &["sync"]).succeeds();
        fake.set_date(Some("Sun, 24 Dec 2023 22:13:20 GMT"));
        let ended = stripe(db, &fake, &["catch-up"]).end();
        assert_eq!(ended.status, Some(0), "{}", ended.stderr);
        assert_eq!(
            ended.stderr,
            "warning: events from 2023-11-14T22:13:19.000Z to 2023-11-24T22:13:19.000Z were never seen, and Stripe keeps \
             them for 30 days: what changed then may be missing until `stripe-store sync --full` has read everything again\n"
        );
        stripe(db, &fake, &["sync", "--full"]).succeeds();
        let ended = stripe(db, &fake, &["catch-up"]).end();
        assert_eq!((ended.status, ended.stderr.as_str()), (Some(0), ""));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn programs_read_json_and_what_failed_is_in_the_exit_status() {
    on_both(async |db: &TestDb| {
        let fake = Fake::start().await.unwrap();
        fake.add(EVENTS, created("evt_1", "cus_1"));
        fake.add(EVENTS, created("evt_2", &"c".repeat(2000)));
        let ended = stripe(db, &fake, &["catch-up", "--json"]).end();
        assert_eq!(ended.status, Some(1), "{}", ended.stderr);
        let lines: Vec<Value> = ended
            .stdout
            .lines()
            .map(|it| serde_json::from_str(it).unwrap())
            .collect();
        let kinds: Vec<_> = lines
            .iter()
            .map(|it| it["event"].as_str().unwrap())
            .collect();
        assert_eq!(kinds, ["page", "applied", "account", "failed", "summary"]);
        assert_eq!(lines[3]["id"], json!("evt_2"));
        let summary = &lines[4];
        assert_eq!(
            (
                &summary["applied"],
                &summary["failed"],
                &summary["complete"]
            ),
            (&json!(1), &json!(1), &json!(false))
        );
        assert!(!ended.stdout.contains("secret@") && !ended.stderr.contains("secret@"));

        fake.fail_path(EVENTS, Some(Fault::status(403)));
        let ended = stripe(db, &fake, &["catch-up"]).end();
        assert_eq!(ended.status, Some(1));
        assert!(
            ended.stderr.starts_with("the events could not be read: "),
            "{}",
            ended.stderr
        );
        assert!(
            ended.stderr.ends_with(
                "error: not everything was read and applied: what failed is named above\n"
            ),
            "{}",
            ended.stderr
        );
        fake.fail_path(EVENTS, Some(Fault::status(401)));
        let message = stripe(db, &fake, &["catch-up"]).fails(1);
        assert!(
            message.ends_with("see whether STRIPE_SECRET_KEY holds a key that is still valid\n"),
            "{message}"
        );
    })
    .await;
}
