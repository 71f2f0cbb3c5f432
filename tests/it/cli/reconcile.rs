//! `reconcile`, against the fake.

use serde_json::{Value, json};
use stripe_store_tests::fake::{Fake, Fault, Reply};
use stripe_store_tests::{TestDb, on_both};

use super::{Run, on};

const CUSTOMERS: &str = "/v1/customers";

fn stripe(db: &TestDb, fake: &Fake, arguments: &[&str]) -> Run {
    let mut run = on(db, &[arguments, &["--api-base", fake.url()]].concat());
    run.command.env("STRIPE_SECRET_KEY", "sk_test_Abc123");
    run
}

fn customer(id: &str, email: &str) -> Value {
    json!({"id": id, "object": "customer", "email": email, "livemode": false})
}

#[tokio::test(flavor = "multi_thread")]
async fn differences_are_printed_repaired_and_told_in_the_exit_status() {
    on_both(async |db: &TestDb| {
        let fake = Fake::start().await.unwrap();
        fake.set_date(Some("Tue, 14 Nov 2023 22:20:00 GMT"));
        for id in ["cus_1", "cus_2"] {
            fake.add(CUSTOMERS, customer(id, "ada@example.com"));
        }
        stripe(db, &fake, &["sync", "customer"]).succeeds();
        let other = Fake::start().await.unwrap();
        other.set_date(Some("Tue, 14 Nov 2023 22:30:00 GMT"));
        other.add(CUSTOMERS, customer("cus_2", "secret@example.com"));
        other.add(CUSTOMERS, customer("cus_3", "ada@example.com"));

        let ended = stripe(db, &other, &["reconcile", "customer"]).end();
        assert_eq!(ended.status, Some(1), "{}", ended.stderr);
        let mut lines: Vec<&str> = ended.stdout.lines().collect();
        let summary = lines.pop().unwrap();
        lines.sort_unstable();
        assert_eq!(
            lines,
            [
                "customer cus_1 is not known to Stripe",
                "customer cus_2 differs in email",
                "customer cus_3 is missing here",
                "customer: 3 compared, 1 missing, 1 gone at Stripe, 1 differing",
            ]
        );
        assert!(
            summary.starts_with("3 compared, 3 found, 0 repaired in "),
            "{summary}"
        );
        assert_eq!(
            ended.stderr,
            "error: 3 differences are left: --fix repairs what can be repaired\n"
        );

        let printed = stripe(db, &other, &["reconcile", "customer", "--fix", "--json"]).succeeds();
        let events: Vec<Value> = printed
            .lines()
            .map(|it| serde_json::from_str(it).unwrap())
            .collect();
        let repaired = events.iter().filter(|it| it["repaired"] == json!(true));
        assert_eq!(repaired.count(), 3, "{printed}");
        let differing = events
            .iter()
            .find(|it| it["kind"] == json!("differing"))
            .unwrap();
        assert_eq!(differing["fields"], json!(["email"]));
        assert!(!printed.contains("secret@"));
        let summary = events.last().unwrap();
        assert_eq!(
            (&summary["event"], &summary["left"]),
            (&json!("summary"), &json!(0))
        );

        let printed = stripe(db, &other, &["reconcile", "customer", "--sample", "1"]).succeeds();
        assert!(printed.starts_with("customer: 1 compared\n"), "{printed}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_cannot_be_read_is_named() {
    on_both(async |db: &TestDb| {
        let fake = Fake::start().await.unwrap();
        let refusal = |status| Reply::refusal(status, "invalid_request_error", None, "Not you.");
        fake.fail_path(CUSTOMERS, Some(Fault::Instead(refusal(403))));
        let printed = stripe(db, &fake, &["reconcile", "customer"]).succeeds();
        assert!(
            printed.starts_with("/v1/customers: skipped: the key may not read it: "),
            "{printed}"
        );

        fake.fail_path(CUSTOMERS, Some(Fault::Instead(refusal(402))));
        let ended = stripe(db, &fake, &["reconcile", "customer"]).end();
        assert_eq!(ended.status, Some(1));
        assert!(
            ended.stdout.starts_with("/v1/customers: failed: "),
            "{}",
            ended.stdout
        );

        let message = stripe(db, &fake, &["reconcile", "customers"]).fails(1);
        assert_eq!(
            message,
            "error: Stripe has no path to objects of type \"customers\": did you mean customer?\n"
        );
    })
    .await;
}
