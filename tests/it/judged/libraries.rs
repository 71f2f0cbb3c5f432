//! Stripe's libraries for Python and Node: they do the same, by `judge.py` and `judge.mjs`, and have to find the same.

use std::path::Path;

use serde_json::{Value, json};
use stripe_store::resources::API_VERSION;
use stripe_store_tests::fake::{Fake, Fault};
use stripe_store_tests::outside::{Program, or_say, script};

use super::{TOOLS, filled, id, newest_first};

/// A library that judges.
#[derive(Debug, Clone, Copy)]
enum Judge {
    Python(&'static Path),
    Node(&'static Path),
}

impl Judge {
    /// Those that are here.
    fn all(of: &str) -> Vec<Self> {
        let python = or_say(format!("{of} by stripe-python"), TOOLS.python());
        let node = or_say(format!("{of} by stripe-node"), TOOLS.node());
        let judges = [python.map(Self::Python), node.map(Self::Node)];
        judges.into_iter().flatten().collect()
    }

    /// What it calls a connection that fails.
    fn connection(self) -> &'static str {
        match self {
            Self::Python(_) => "APIConnectionError",
            Self::Node(_) => "ConnectionError",
        }
    }

    /// What it finds when it does this.
    async fn finds(self, fake: &Fake, task: &str) -> Value {
        let program = match self {
            Self::Python(python) => Program::new(python).arg(script("judge.py")),
            Self::Node(folder) => Program::new("node").arg(script("judge.mjs")).arg(folder),
        };
        program.args([fake.url(), task]).json().await
    }
}

fn texts(ids: &Value) -> Vec<String> {
    let ids = ids.as_array().unwrap().iter();
    ids.map(|id| id.as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn they_page_through_its_lists_in_both_directions() {
    for judge in Judge::all("lists") {
        let fake = filled().await;
        let found = judge.finds(&fake, "lists").await;
        let found = found.as_object().unwrap();
        assert_eq!(found.len(), 16);
        for (path, found) in found {
            let newest = newest_first(&fake, path);
            assert!(newest.len() > 7, "{path} has one page: {}", newest.len());
            assert_eq!(texts(&found["down"]), newest, "{judge:?} {path}");
            if let Some(up) = found.get("up") {
                let mut oldest = newest.clone();
                oldest.reverse();
                oldest.rotate_left(1);
                assert_eq!(texts(up), oldest, "{judge:?} {path}");
            }
        }
        // Nothing was asked for twice.
        assert!(fake.pages_fetched().values().all(|often| *often == 1));
    }
}

#[tokio::test]
async fn they_find_what_is_inside_what_is_newer_and_what_is_expanded() {
    for judge in Judge::all("what is inside") {
        let fake = filled().await;
        let destinations = "/v2/core/event_destinations";
        for n in 0..5 {
            let object = json!({"id": format!("ed_{n}"), "object": "v2.core.event_destination"});
            fake.add(destinations, object);
        }
        let found = judge.finds(&fake, "inside").await;
        let by_url = newest_first(&fake, destinations);
        assert_eq!(texts(&found["by_url"]), by_url, "{judge:?}");
        let lines = format!("/v1/invoices/{}/lines", found["invoice"].as_str().unwrap());
        let lines = newest_first(&fake, &lines);
        assert!(lines.len() > 10, "all of {} lines come inside", lines.len());
        assert_eq!(texts(&found["lines"]), lines, "{judge:?}");
        assert_eq!(texts(&found["lines_below"]), lines, "{judge:?}");

        let created = found["created"].as_i64().unwrap();
        let invoices = fake.objects("/v1/invoices").into_iter().rev();
        let newer = invoices.filter(|it| it["created"].as_i64() > Some(created));
        let newer: Vec<Value> = newer.map(|it| json!([it["id"], it["created"]])).collect();
        assert!(!newer.is_empty());
        assert_eq!(found["newer"], Value::Array(newer), "{judge:?}");

        let charges = fake.objects("/v1/charges").into_iter().rev();
        let charges = charges.filter(|it| it["customer"] == found["customer"]);
        let charges: Vec<String> = charges.map(|it| id(&it)).collect();
        assert_eq!(texts(&found["charges"]), charges, "{judge:?}");
        let customers = newest_first(&fake, "/v1/customers");
        assert_eq!(texts(&found["searched"]), customers, "{judge:?}");
        assert_eq!(found["expanded"], "Customer");
    }
}

#[tokio::test]
async fn they_make_change_read_and_delete_objects_as_at_stripe() {
    for judge in Judge::all("objects") {
        let fake = Fake::start().await.unwrap();
        let found = judge.finds(&fake, "objects").await;
        let made = &found["made"];
        let expected = json!({
            "object": "customer", "email": "ada@example.com", "balance": -500, "tax_exempt": "exempt",
            "livemode": false, "metadata": {"tier": "gold", "a b": "é&="}, "description": null,
            "preferred_locales": ["en", "de"],
        });
        for (field, expected) in expected.as_object().unwrap() {
            assert_eq!(made[field], *expected, "{judge:?} {field}");
        }
        assert_eq!(made["address"]["city"], "London");
        assert_eq!(made["shipping"]["address"]["line1"], "1 Way");

        // Metadata and fields of fields change one by one, and what is set to nothing is gone.
        let changed = &found["changed"];
        assert_eq!(changed["metadata"], json!({"a b": "é&=", "new": "1"}));
        assert_eq!(changed["address"]["city"], "Paris");
        assert_eq!(changed["address"]["country"], "GB");
        assert_eq!(changed["phone"], Value::Null);
        assert_eq!(changed["email"], "ada@example.com");
        assert_eq!(found["read"], *changed);

        assert_eq!(found["price"], json!(["int", "month", true]));
        let subscription = json!(["active", "Customer", true, 3, "Price", true, true]);
        assert_eq!(found["subscription"], subscription, "{judge:?}");
        // It is over, and still there.
        assert_eq!(found["canceled"], json!(["canceled", "canceled"]));
        assert_eq!(found["intent"], json!(["succeeded", 2000]));
        assert_eq!(found["card"], json!([true, "card"]));
        assert_eq!(found["coupon"], json!(["ten", 12.5]));
        assert_eq!(found["expanded"], json!(["Product", "Gold"]));
        assert_eq!(found["deleted"], json!([true, true]));
        let after = json!({"id": made["id"], "object": "customer", "deleted": true});
        assert_eq!(found["after"], after, "{judge:?}");
        assert!(found["request_id"].as_str().unwrap().starts_with("req_"));
        assert_eq!(found["version"], API_VERSION);
    }
}

#[tokio::test]
async fn they_read_its_errors_as_those_of_stripe() {
    for judge in Judge::all("errors") {
        let fake = Fake::start().await.unwrap();
        let found = judge.finds(&fake, "errors").await;
        let invalid = "InvalidRequestError";
        let expected = [
            (
                "missing",
                invalid,
                404,
                Some("resource_missing"),
                Some("id"),
            ),
            ("key", "AuthenticationError", 401, None, None),
            (
                "required",
                invalid,
                400,
                Some("parameter_missing"),
                Some("currency"),
            ),
            (
                "limit",
                invalid,
                400,
                Some("parameter_invalid_integer"),
                Some("limit"),
            ),
            (
                "cursor",
                invalid,
                400,
                Some("resource_missing"),
                Some("starting_after"),
            ),
            (
                "expand",
                invalid,
                400,
                Some("parameter_invalid"),
                Some("expand"),
            ),
            ("path", invalid, 404, None, None),
            ("idempotency", "IdempotencyError", 400, None, None),
            ("declined", "CardError", 402, Some("card_declined"), None),
        ];
        for (case, class, status, code, param) in expected {
            let said = &found[case];
            assert_eq!(said["class"], class, "{judge:?} {case}: {said}");
            assert_eq!(said["status"], status, "{judge:?} {case}: {said}");
            assert_eq!(said["code"], json!(code), "{judge:?} {case}: {said}");
            assert_eq!(said["param"], json!(param), "{judge:?} {case}: {said}");
            assert_eq!(said["has_request_id"], true, "{judge:?} {case}: {said}");
        }
        assert_eq!(found["missing"]["message"], "No such customer: 'cus_none'");
        assert_eq!(found["declined"]["decline_code"], "generic_decline");
        assert_eq!(found["again"], "true");
        // Nothing that was refused did anything.
        assert_eq!((fake.count("/v1/customers"), fake.all_effects()), (1, 1));
    }
}

#[tokio::test]
async fn they_tell_its_faults_apart() {
    for judge in Judge::all("faults") {
        let fake = Fake::start().await.unwrap();
        let faults = [
            (Fault::status(429), "RateLimitError", Some(429)),
            (Fault::status(402), "CardError", Some(402)),
            (Fault::forbidden(), "PermissionError", Some(403)),
            (Fault::status(500), "APIError", Some(500)),
            (Fault::LostBefore, judge.connection(), None),
        ];
        for (fault, class, status) in faults {
            // A connection that was closed may be tried once more, whatever the library was told.
            fake.fail_always(Some(fault.clone()));
            let found = judge.finds(&fake, "fault").await;
            let said = &found["said"];
            assert_eq!(said["class"], class, "{judge:?} {fault:?}: {said}");
            if status.is_some() {
                assert_eq!(said["status"], json!(status), "{judge:?} {fault:?}");
            }
        }
        assert!(fake.is_empty());
    }
}

#[tokio::test]
async fn what_they_try_again_is_done_once() {
    for judge in Judge::all("retries") {
        let fake = Fake::start().await.unwrap();
        fake.fail_next(Fault::status(503));
        fake.fail_next(Fault::LostAfter);
        let found = judge.finds(&fake, "retried").await;
        let received = fake.received();
        assert_eq!(received.len(), 3, "{judge:?}");
        let key = received[0].header("idempotency-key").unwrap();
        for request in &received {
            assert_eq!(request.header("idempotency-key"), Some(key), "{judge:?}");
            assert_eq!(
                request.header("stripe-account"),
                Some("acct_1"),
                "{judge:?}"
            );
        }
        assert_eq!((fake.effects(key), fake.count("/v1/customers")), (1, 1));
        assert_eq!(found["id"], fake.objects("/v1/customers")[0]["id"]);
    }
}
