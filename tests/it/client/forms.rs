//! Parameters as Stripe's Python SDK sends them: `tests/forms/requests.json` has what it sent, `record.py` records it.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};
use stripe_store::client::Method;
use stripe_store_tests::fake::{Fault, Received, Reply};
use stripe_store_tests::outside::{Program, or_say};

use super::pair;
use crate::judged::TOOLS;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("forms")
}

/// Every request that was recorded.
pub(crate) fn recorded() -> Value {
    let text = std::fs::read_to_string(folder().join("requests.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

/// What a Rust program gives for a parameter: seconds for a time, a text for a decimal.
fn param(value: &Value) -> Value {
    match value {
        Value::Object(fields) => match (fields.get("$time"), fields.get("$decimal")) {
            (Some(value), _) | (_, Some(value)) => value.clone(),
            (None, None) => Value::Object(
                fields
                    .iter()
                    .map(|(key, value)| (key.clone(), param(value)))
                    .collect(),
            ),
        },
        Value::Array(items) => items.iter().map(param).collect(),
        other => other.clone(),
    }
}

/// The fields of a query or a form, decoded by the URL type, in the order of their names: order tells Stripe nothing.
fn fields(form: &str) -> Vec<(String, String)> {
    let url = format!("http://x/?{form}");
    let mut pairs: Vec<(String, String)> = url::Url::parse(&url)
        .unwrap()
        .query_pairs()
        .into_owned()
        .collect();
    pairs.sort();
    pairs
}

/// That a request is the one that was recorded.
#[track_caller]
pub(crate) fn assert_sent(case: &Value, sent: &Received) {
    let text = |name: &str| case[name].as_str().unwrap();
    // The SDK writes a space in a path as it would in a query.
    let path = text("path").replace('+', "%20");
    let name = format!("{} {}", text("call"), case["params"]);
    assert_eq!(
        (sent.method.as_str(), sent.path.as_str()),
        (text("method"), path.as_str()),
        "{name}"
    );
    if sent.header("content-type") == Some("application/json") {
        let [ours, theirs] =
            [&sent.text(), text("sent")].map(|json| serde_json::from_str::<Value>(json).unwrap());
        assert_eq!(ours, theirs, "{name}");
        assert!(path.starts_with("/v2/"), "{name}");
    } else {
        let ours = match text("method") {
            "POST" => sent.text(),
            _ => sent.query.clone(),
        };
        assert_eq!(fields(&ours), fields(text("sent")), "{name}");
    }
}

#[tokio::test]
async fn what_is_sent_is_what_stripes_own_sdk_sends() {
    let (fake, client) = pair().await;
    fake.fail_always(Some(Fault::Instead(Reply::json(200, &json!({})))));
    let recorded = recorded();
    let cases = recorded["cases"].as_array().unwrap();
    assert!(cases.len() >= 40);
    for case in cases {
        let text = |name: &str| case[name].as_str().unwrap();
        let method = match text("method") {
            "GET" => Method::Get,
            "POST" => Method::Post,
            "DELETE" => Method::Delete,
            other => panic!("{other}"),
        };
        let params: Map<String, Value> = param(&case["params"]).as_object().unwrap().clone();
        // The SDK writes a space in a path as it would in a query.
        let path = text("path").replace('+', "%20");
        client
            .request(method, path.as_str())
            .params(params)
            .send()
            .await
            .unwrap();
        assert_sent(case, &fake.last());
    }
}

#[tokio::test]
async fn what_was_recorded_is_what_the_sdk_sends_today() {
    let Some(python) = or_say("what the SDK for Python sends", TOOLS.python()) else {
        return;
    };
    let script = folder().join("record.py");
    let ended = Program::new(python).arg(script).arg("--check").run().await;
    let said = ended.stdout.trim_end();
    assert!(
        said.ends_with("requests are as recorded"),
        "record the requests anew: {ended:#?}"
    );
}
