//! Signatures of webhooks, beside those that Stripe's own libraries make and take.

use serde_json::{Value, json};
use stripe_store::clock::{Clock, UnixMillis};
use stripe_store::view::Timestamp;
use stripe_store::webhook::{EndpointSecret, SignatureError, Verifier, sign};
use stripe_store_tests::fixture_text;
use stripe_store_tests::outside::{Program, or_say, script};

use crate::judged::TOOLS;

const SECRET: &str = "whsec_Zm9v+YmFy/x=";
const NOW: i64 = 1_700_000_000;

#[derive(Debug)]
struct Now;

impl Clock for Now {
    fn now(&self) -> UnixMillis {
        UnixMillis::from_seconds(NOW)
    }
}

fn secret(text: &str) -> EndpointSecret {
    EndpointSecret::new(text).unwrap()
}

fn verifier(secrets: &[&str]) -> Verifier {
    Verifier::new(secrets.iter().map(|text| secret(text))).with_clock(Now)
}

fn bodies() -> [String; 4] {
    [
        "{}".to_owned(),
        " ".to_owned(),
        fixture_text("event_customer_updated"),
        "{\"name\": \"Zoë 店 \u{1f600}\",\r\n \"nul\": \"\\u0000\"}\n".to_owned(),
    ]
}

/// The cases of `sign.py` and `sign.mjs`: each body with our header, and with one that is not its own.
fn cases() -> Vec<Value> {
    let of = |body: &String, signed: &str| {
        let header = sign(
            signed.as_bytes(),
            &secret(SECRET),
            Timestamp::from_unix_seconds(NOW),
        );
        json!({"payload": body, "secret": SECRET, "timestamp": NOW, "header": header})
    };
    let bodies = bodies();
    let own = bodies.iter().map(|body| of(body, body));
    own.chain(bodies.iter().map(|body| of(body, "another")))
        .collect()
}

/// Holds what a library said of the cases to what is ours.
fn check(answers: &Value) {
    let answers = answers.as_array().unwrap();
    let cases = cases();
    assert_eq!(answers.len(), cases.len());
    for (at, (case, answer)) in cases.iter().zip(answers).enumerate() {
        let body = case["payload"].as_str().unwrap().as_bytes();
        let is_own = at < bodies().len();
        let expected = if is_own { "verified" } else { "refused" };
        assert_eq!(answer["verified"], expected, "{case}");
        let header = answer["header"].as_str().unwrap().as_bytes();
        if is_own {
            assert_eq!(answer["header"], case["header"], "{case}");
        }
        let verified = verifier(&["whsec_other", SECRET]).verify(body, Some(header));
        assert_eq!(verified.map(|it| it.secret_index()), Ok(1), "{case}");
        let refused = verifier(&["whsec_other"]).verify(body, Some(header));
        assert_eq!(refused, Err(SignatureError::NoMatch), "{case}");
    }
}

#[tokio::test]
async fn c054_signatures_are_those_of_stripes_library_for_python() {
    let found = or_say("signatures by stripe-python", TOOLS.python());
    let Some(python) = found else { return };
    let cases = json!(cases()).to_string();
    let program = Program::new(python).arg(script("sign.py")).args([&cases]);
    check(&program.json().await);
}

#[tokio::test]
async fn c054_signatures_are_those_of_stripes_library_for_node() {
    let found = or_say("signatures by stripe-node", TOOLS.node());
    let Some(folder) = found else { return };
    let cases = json!(cases()).to_string();
    let program = Program::new("node").arg(script("sign.mjs")).arg(folder);
    check(&program.args([&cases]).json().await);
}
