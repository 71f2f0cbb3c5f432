//! Parameters as Stripe's Python SDK sends them: `tests/forms/requests.json` has what it sent, `record.py` records it.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Map, Value, json};
use stripe_store::client::Method;
use stripe_store_tests::fake::{Fault, Received, Reply};

use super::pair;

/// The version that was recorded, and is installed to record it anew.
const SDK: &str = "stripe==16.1.0";

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

/// Runs a program, and says why not when it fails.
fn run(command: &mut Command) -> Result<String, String> {
    let output = command
        .output()
        .map_err(|error| format!("{command:?}: {error}"))?;
    let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    if output.status.success() {
        Ok(said(&output.stdout))
    } else {
        Err(format!(
            "{command:?}: {}\n{}",
            said(&output.stdout),
            said(&output.stderr)
        ))
    }
}

/// A Python with the SDK in it, under the folder that this build's files are in.
fn python() -> Result<PathBuf, String> {
    let venv = Path::new(env!("CARGO_TARGET_TMPDIR")).join("stripe-python-16.1.0");
    let python = venv.join(if cfg!(windows) {
        "Scripts/python.exe"
    } else {
        "bin/python"
    });
    let has_sdk = || run(Command::new(&python).args(["-c", "import stripe"]));
    if has_sdk().is_err() {
        run(Command::new("python3")
            .args(["-m", "venv", "--clear"])
            .arg(&venv))?;
        let install = [
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "--retries",
            "1",
            SDK,
        ];
        run(Command::new(&python).args(install))?;
        has_sdk()?;
    }
    Ok(python)
}

#[test]
fn what_was_recorded_is_what_the_sdk_sends_today() {
    let python = match python() {
        Ok(python) => python,
        Err(reason) => {
            println!("not recorded anew, since the SDK cannot be installed here: {reason}");
            return;
        }
    };
    let script = folder().join("record.py");
    let said = run(Command::new(python).arg(script).arg("--check"));
    let said = said.unwrap_or_else(|error| panic!("record the requests anew: {error}"));
    assert!(said.ends_with("requests are as recorded"), "{said}");
}
