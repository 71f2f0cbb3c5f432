//! `check-pending`, against the fake.

use serde_json::{Value, json};
use stripe_store::clock::{Clock as _, SystemClock};
use stripe_store_tests::fake::{Fake, Fault};

use super::Run;

const EVENTS: &str = "/v1/events";

fn check(fake: &Fake, arguments: &[&str]) -> Run {
    let arguments = [&["check-pending", "--api-base", fake.url()], arguments].concat();
    let mut run = Run::bare(&arguments);
    run.command
        .env("STRIPE_SECRET_KEY", "sk_test_Abc123")
        .env_remove("STRIPE_STORE_INSTALLATION");
    run
}

/// An event that so many endpoints have not taken, created so many seconds ago.
fn event(id: &str, pending: i64, age: i64) -> Value {
    let now = SystemClock.now().timestamp().unix_seconds();
    json!({
        "id": id, "object": "event", "type": "customer.created", "created": now - age, "livemode": false,
        "pending_webhooks": pending, "data": {"object": {"id": "cus_1", "object": "customer"}},
    })
}

/// So many events that an endpoint has not taken, and some others.
async fn pending(count: u32) -> Fake {
    let fake = Fake::start().await.unwrap();
    fake.add(EVENTS, event("evt_taken", 0, 3600));
    for n in 0..count {
        fake.add(EVENTS, event(&format!("evt_{n:03}"), 1, 3600));
    }
    fake.add(EVENTS, event("evt_on_its_way", 1, 60));
    fake
}

#[tokio::test(flavor = "multi_thread")]
async fn c074_twenty_pending_events_are_a_quiet_success() {
    let fake = pending(20).await;
    assert_eq!(check(&fake, &[]).succeeds(), "");
    assert_eq!(check(&fake, &["--exec", "echo never >&2"]).succeeds(), "");
    let request = fake.last();
    assert_eq!(request.param("delivery_success").as_deref(), Some("false"));
    let told = check(&fake, &["--json"]).json();
    assert_eq!(
        (&told["pending"], &told["threshold"]),
        (&json!(20), &json!(20))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn c074_one_more_fails_and_tells_every_id() {
    let fake = pending(121).await;
    let ended = check(&fake, &["--installation", "shop", "--threshold", "120"]).end();
    assert_eq!(ended.status, Some(1));
    assert_eq!(
        ended.stderr,
        "error: shop: 121 events not taken by a webhook endpoint, more than 120\n"
    );
    assert!(ended.stdout.starts_with("ID "), "{}", ended.stdout);
    for n in 0..121 {
        assert!(ended.stdout.contains(&format!("evt_{n:03}  ")), "{n}");
    }
    assert_eq!(ended.stdout.lines().count(), 122, "{}", ended.stdout);
    assert_eq!(check(&fake, &["--threshold", "121"]).succeeds(), "");

    let ended = check(&fake, &["--json", "--older-than", "0s"]).end();
    let told: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!((ended.status, &told["pending"]), (Some(1), &json!(122)));
    assert_eq!(told["events"][0], "evt_on_its_way");
    assert_eq!(told["events"].as_array().unwrap().len(), 122);
    assert_eq!(
        ended.stderr,
        "error: 122 events not taken by a webhook endpoint, more than 20\n"
    );
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn c074_a_command_is_told_of_them() {
    let fake = pending(21).await;
    let folder = tempfile::TempDir::new().unwrap();
    let file = folder.path().join("told");
    let command = format!(
        "(echo \"$STRIPE_STORE_PENDING of $STRIPE_STORE_THRESHOLD at $STRIPE_STORE_INSTALLATION\"; \
         echo \"key ${{STRIPE_SECRET_KEY-none}}\"; sort) > '{}'; echo heard",
        file.display()
    );
    let mut run = check(&fake, &["--exec", &command]);
    run.command.env("STRIPE_STORE_INSTALLATION", "shop");
    let ended = run.end();
    assert_eq!(ended.status, Some(1));
    assert_eq!(
        ended.stderr,
        "heard\nerror: shop: 21 events not taken by a webhook endpoint, more than 20\n"
    );
    let told = std::fs::read_to_string(&file).unwrap();
    let mut lines = told.lines();
    assert_eq!(lines.next(), Some("21 of 20 at shop"));
    assert_eq!(lines.next(), Some("key none"));
    let ids: Vec<String> = (0..21).map(|n| format!("evt_{n:03}")).collect();
    assert_eq!(lines.collect::<Vec<_>>(), ids);

    let ended = check(&fake, &["--exec", "exit 3"]).end();
    assert_eq!(ended.status, Some(1));
    assert!(
        ended
            .stderr
            .contains("the command of --exec failed: exit status: 3"),
        "{}",
        ended.stderr
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_asked_is_said() {
    let fake = pending(0).await;
    fake.fail_always(Some(Fault::status(401)));
    let message = check(&fake, &[]).fails(1);
    assert!(
        message.contains("see whether STRIPE_SECRET_KEY holds a key"),
        "{message}"
    );
    let mut run = check(&fake, &[]);
    run.command.env_remove("STRIPE_SECRET_KEY");
    assert!(run.fails(1).contains("STRIPE_SECRET_KEY is not set"));
}
